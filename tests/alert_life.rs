//! The life of an incident from firing to resolved: a real Alertmanager sends it, Teams in a box shows it, and a person in a
//! browser takes it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::browser;
use crate::support::engine::{Engine, PATIENCE, Workspace};

const TOKEN: &str = "alertmanager-says-so-0123456789";

/// Alertmanager, as Debian packs it, with Herald as its only receiver.
struct Alertmanager {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<&'static str> {
    let there = |name: &&str| {
        let asked = Command::new(name).arg("--version").output();
        asked.is_ok_and(|asked| asked.status.success())
    };
    ["prometheus-alertmanager", "alertmanager"].into_iter().find(there)
}

impl Alertmanager {
    async fn start(herald: &str) -> Self {
        let program = program().expect("install the Debian package prometheus-alertmanager, as ./test does");
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "route:\n  receiver: teams\n  group_by: [alertname]\n  group_wait: 1s\n  group_interval: 1s\n  repeat_interval: 1h\n\
             receivers:\n  - name: teams\n    webhook_configs:\n      - url: {herald}/hooks/alertmanager\n        \
             send_resolved: true\n        http_config:\n          authorization: {{ credentials: {TOKEN} }}\n"
        );
        let file = folder.path().join("alertmanager.yml");
        fs::write(&file, config).expect("written");
        // Free a moment ago: nothing else of this test takes ports.
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let log = fs::File::create(folder.path().join("log")).expect("written");
        let child = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Alertmanager runs");
        let started = Alertmanager {
            child,
            url: format!("http://{address}"),
            _folder: folder,
        };
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let began = Instant::now();
        loop {
            let ready = http.get(format!("{}/-/ready", started.url)).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return started;
            }
            assert!(began.elapsed() < PATIENCE, "Alertmanager is not ready in time");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn of_repository(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).unwrap_or_else(|problem| panic!("{path}: {problem}"))
}

/// How long nobody may take an alert until whoever is on call hears of it; in the gallery it is a quarter of an hour.
const PATIENT_FOR: &str = "75 seconds";

/// Herald with the gallery's rule for alerts, and who it names.
async fn herald() -> Engine {
    let rule = of_repository("rules/monitoring/alertmanager.yaml");
    assert!(rule.contains("15 minutes"), "the rule escalates: {rule}");
    let engine = Workspace::new()
        .hook("alertmanager: { path: alertmanager, signature: bearer, secret: ALERTMANAGER_TOKEN }")
        .secret("ALERTMANAGER_TOKEN", TOKEN)
        .file("directory.yaml", &of_repository("directory.yaml"))
        .file("templates/alerts.yaml", &of_repository("templates/alerts.yaml"))
        .file(
            "templates/partials/reason.hbs",
            &of_repository("templates/partials/reason.hbs"),
        )
        // Whoever takes it on the page reads Arabic; the script reads English.
        .rule(
            "alertmanager",
            &format!("{}language: en\n", rule.replace("15 minutes", PATIENT_FOR)),
        )
        .start()
        .await;
    engine.known(&["Platform", "Anna Berg", "Omar Haddad"]).await;
    engine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_one_card_that_somebody_takes_and_that_turns_green() {
    if browser::is_skipped("nobody took the alert on the page") {
        return;
    }
    let engine = herald().await;
    let alertmanager = Alertmanager::start(&engine.url("")).await;
    browser::look(
        "alert.mjs",
        &[
            ("SANDBOX_URL", &engine.teams.url()),
            ("ALERTMANAGER_URL", &alertmanager.url),
        ],
    )
    .await;
    let sent = engine.settled().await;
    let to: Vec<&str> = sent.iter().map(|one| one.recipient.name.as_str()).collect();
    // One card for the group that was taken, one for the other alert, and one for whoever is on call.
    assert_eq!(sent.len(), 3, "{sent:#?}");
    assert_eq!(to.iter().filter(|name| **name == "Omar Haddad").count(), 1, "{to:?}");
    assert_eq!(engine.teams.received_in("Platform / Incidents").len(), 2);
    // Nothing more comes later: the step of what was taken is over.
    let (_, matters) = engine.get("/admin/v1/matters").await;
    let standing: Vec<_> = matters
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["standing"].clone())
        .collect();
    assert!(
        standing.contains(&serde_json::json!("closed")) && standing.contains(&serde_json::json!("open")),
        "{matters:#}"
    );
}
