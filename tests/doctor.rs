//! `herald doctor`: the real binary against a Teams that works, refuses, hangs or is not there.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use herald::clock::Clock;
use herald::delivery::State;
use herald::sandbox::{Operation, Options, Sandbox, Script};
use herald::store::open::open;
use serde_json::{Value, json};

use crate::support::cli::{Said, command, said};
use crate::support::engine::{PATIENCE, Workspace, write};
use crate::support::stub::{Said as Answer, Stub, nowhere};

const RULE: &str = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: \"{{event.text}}\" }\n";
/// Stands for a secret in every test: it must never be printed.
const SECRET: &str = "n3v3r-to-be-sh0wn-2f7c9e0a";

/// A workspace and a Teams.
struct Patient {
    teams: Sandbox,
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Patient {
    async fn new() -> Self {
        let teams = Sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), Options::default())
            .await
            .expect("Teams");
        let folder = tempfile::tempdir().expect("a folder");
        let environment = BTreeMap::from([
            ("HERALD_BOT_SECRET".to_owned(), teams.secret().to_owned()),
            ("CI_TOKEN".to_owned(), SECRET.to_owned()),
        ]);
        let patient = Self {
            teams,
            folder,
            environment,
        };
        let (token, openid) = (patient.teams.token_url(), patient.teams.openid_url());
        let service = patient.teams.service_url();
        patient.settings(&token, &openid, &service, free_port());
        write(patient.folder.path(), "rules/r.yaml", RULE);
        patient
    }

    fn settings(&self, token: &str, openid: &str, service_url: &str, port: u16) {
        let settings = format!(
            "server: {{ listen: \"127.0.0.1:{port}\" }}\nbot:\n  app_id: {}\n  tenant: {}\n  endpoints:\n    token: \
             {token}\n    openid: {openid}\n    service_url: {service_url}\n    trusted_hosts: [\"127.0.0.1\"]\nhooks:\n  \
             ci: {{ path: ci, signature: bearer, secret: CI_TOKEN }}\n",
            self.teams.app_id(),
            self.teams.tenant(),
        );
        write(self.folder.path(), "herald.yaml", &settings);
    }

    /// Adds to `herald.yaml`.
    fn more(self, text: &str) -> Self {
        let path = self.folder.path().join("herald.yaml");
        let settings = std::fs::read_to_string(&path).expect("settings");
        let graph = format!("    graph: {}\n    service_url:", self.teams.graph_url());
        write(
            self.folder.path(),
            "herald.yaml",
            &format!("{}{text}", settings.replacen("    service_url:", &graph, 1)),
        );
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn unset(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    async fn asks(&self) -> Diagnosis {
        asks(self.folder.path(), &[], self.environment.clone()).await
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// What the doctor said.
#[derive(Debug)]
struct Diagnosis {
    code: i32,
    checks: Vec<Value>,
    text: String,
}

/// Asks the doctor, without holding up the Teams in this process.
async fn run(folder: &Path, args: &[&str], environment: &BTreeMap<String, String>) -> Said {
    let words: Vec<&str> = ["doctor"].into_iter().chain(args.iter().copied()).collect();
    let mut command = command(folder, &words, environment);
    let answer = tokio::task::spawn_blocking(move || said(command.output().expect("it runs")));
    let answer = answer.await.expect("run");
    for (name, value) in environment {
        let secret = name.starts_with("HERALD_BOT_SECRET") || name == "CI_TOKEN";
        for told in [&answer.out, &answer.err] {
            assert!(!secret || !told.contains(value.trim()), "{name} is shown:\n{told}");
        }
    }
    answer
}

async fn asks(folder: &Path, args: &[&str], environment: BTreeMap<String, String>) -> Diagnosis {
    let args: Vec<&str> = ["--format", "json"].into_iter().chain(args.iter().copied()).collect();
    let answer = run(folder, &args, &environment).await;
    let told: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{answer:#?}"));
    let failed = told["verdict"] == "failed";
    assert_eq!(answer.code, i32::from(failed), "{told:#}");
    Diagnosis {
        code: answer.code,
        checks: told["checks"].as_array().expect("checks").clone(),
        text: answer.out,
    }
}

impl Diagnosis {
    fn of(&self, check: &str) -> Vec<&Value> {
        self.checks.iter().filter(|found| found["check"] == check).collect()
    }

    /// A finding of this check with this verdict, whose sentence or advice holds these words.
    fn says(&self, check: &str, verdict: &str, words: &[&str]) {
        let fits = |found: &&Value| {
            let told = format!("{} {}", found["found"], found["next"]);
            found["verdict"] == verdict && words.iter().all(|word| told.contains(word))
        };
        let found = self.of(check);
        assert!(
            found.iter().any(fits),
            "no {verdict} of {check} with {words:?} in\n{}\n{found:#?}",
            self.text
        );
    }

    /// Everything that is not well, but for what depends on the machine that runs the tests.
    fn troubles(&self) -> Vec<&Value> {
        let ours =
            |found: &&Value| found["verdict"] != "ok" && found["check"] != "disk" && found["check"] != "reload";
        self.checks.iter().filter(ours).collect()
    }
}

#[tokio::test]
async fn a_healthy_herald_is_told_to_be_healthy_line_by_line() {
    let patient = Patient::new().await;
    let told = patient.asks().await;
    assert_eq!(told.code, 0, "{}", told.text);
    assert!(told.troubles().is_empty(), "{:#?}", told.troubles());
    for check in [
        "workspace",
        "secret",
        "token",
        "clock",
        "keys",
        "service url",
        "data",
        "time zones",
        "port",
    ] {
        assert!(!told.of(check).is_empty(), "{check} was not looked at\n{}", told.text);
    }
    told.says("token", "ok", &["127.0.0.1 gave one"]);
    told.says("secret", "ok", &["the environment", "the bot's password"]);
    told.says("secret", "ok", &["the hook `ci`"]);
    told.says("port", "ok", &["is free"]);
    assert!(!patient.folder.path().join("data").exists(), "looking made a store");
    let human = run(patient.folder.path(), &[], &patient.environment).await;
    assert!(
        human.out.contains("127.0.0.1 gave one") && !human.out.contains("FAILED"),
        "{}",
        human.out
    );
}

#[tokio::test]
async fn a_wrong_client_secret_is_told_in_words() {
    let patient = Patient::new().await.set("HERALD_BOT_SECRET", SECRET);
    let told = patient.asks().await;
    assert_eq!(told.code, 1);
    told.says(
        "token",
        "failed",
        &[
            "AADSTS7000215",
            "the client secret is wrong",
            "use the secret's value, not its id",
        ],
    );
    let human = run(patient.folder.path(), &[], &patient.environment).await;
    assert_eq!(human.code, 1);
    assert!(
        human.out.contains("FAILED   token") && human.out.contains("-> use the secret's value"),
        "{}",
        human.out
    );
    assert!(
        human.out.ends_with(" ok\n") && human.out.contains("\n1 failed, "),
        "{}",
        human.out
    );
}

#[tokio::test]
async fn what_microsoft_refuses_is_explained() {
    for (number, words) in [
        (7_000_222, "expired"),
        (700_016, "bot.app_id"),
        (90_002, "there is no such tenant"),
        (50_034, "bot.tenant"),
    ] {
        let patient = Patient::new().await;
        let refusal = json!({ "error": "invalid_client", "error_codes": [number], "error_description": "prose" });
        patient
            .teams
            .answer_next(Script::status(400).body(&refusal).on(Operation::Token).always());
        let told = patient.asks().await;
        told.says("token", "failed", &[&format!("AADSTS{number}"), words]);
    }
}

#[tokio::test]
async fn missing_secrets_are_named_with_what_does_not_work_without_them() {
    let patient = Patient::new().await.unset("HERALD_BOT_SECRET").unset("CI_TOKEN");
    let told = patient.asks().await;
    assert_eq!(told.code, 1);
    let named: Vec<_> = told.of("secret").iter().map(|found| found["subject"].clone()).collect();
    assert_eq!(named, ["CI_TOKEN", "HERALD_BOT_SECRET"]);
    told.says("secret", "failed", &["missing", "the bot's password"]);
    told.says("token", "failed", &["HERALD_BOT_SECRET"]);
    told.says(
        "secret",
        "failed",
        &["missing: the secret of the hook `ci`", "the rule r never fires"],
    );
}

#[tokio::test]
async fn a_secrets_folder_that_is_not_there_and_values_that_cannot_be_meant_are_told() {
    let patient = Patient::new().await.set("HERALD_SECRETS_DIR", "/nowhere/secrets");
    let told = patient.asks().await;
    told.says("secrets", "failed", &["/nowhere/secrets"]);

    let patient = Patient::new().await;
    let secrets = tempfile::tempdir().expect("a folder");
    std::fs::write(secrets.path().join("CI_TOKEN"), format!("\"{SECRET}\"\n")).expect("written");
    std::fs::write(secrets.path().join("HERALD_BOT_SECRET"), "").expect("written");
    let patient = patient.set("HERALD_SECRETS_DIR", &secrets.path().display().to_string());
    let told = patient.asks().await;
    told.says("secret", "warning", &["quotation marks", "the file "]);
    told.says("secret", "failed", &["empty", "the bot's password"]);
}

#[tokio::test]
async fn a_token_endpoint_where_nobody_is_is_told() {
    let patient = Patient::new().await;
    let (openid, service) = (patient.teams.openid_url(), patient.teams.service_url());
    patient.settings(&nowhere().await, &openid, &service, free_port());
    let told = patient.asks().await;
    assert_eq!(told.code, 1);
    told.says("token", "failed", &["cannot connect to 127.0.0.1", "bot.endpoints"]);
    told.says("keys", "ok", &[]);
    told.says("clock", "ok", &["agrees"]);
}

#[tokio::test]
async fn the_doctor_comes_to_an_end_although_everything_hangs() {
    let patient = Patient::new().await;
    let hangs = Stub::start(|_, _| Answer::text(200, "").after(Duration::from_secs(600))).await;
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("it is bound").port();
    patient.settings(&hangs.url("/token"), &hangs.url("/openid"), &hangs.url("/"), port);
    let started = Instant::now();
    let told = patient.asks().await;
    // About 13 seconds; the bound leaves room for a machine that has much else to do.
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    told.says("token", "failed", &["did not answer within 7 s"]);
    told.says("keys", "failed", &[]);
    told.says("service url", "failed", &["did not answer"]);
    told.says("port", "failed", &["another program is at", "ss -ltnp"]);
    told.says("clock", "warning", &["not compared"]);
}

#[tokio::test]
async fn a_clock_that_is_off_is_told() {
    let patient = Patient::new().await;
    let stub = Stub::start(|_, _| {
        let date = Clock::system().now() + TimeDelta::minutes(10);
        Answer::json(200, &json!({ "access_token": "t0ken", "expires_in": 3600 }))
            .header("date", date.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
    })
    .await;
    let (openid, service) = (patient.teams.openid_url(), patient.teams.service_url());
    patient.settings(&stub.url("/token"), &openid, &service, free_port());
    let told = patient.asks().await;
    assert_eq!(told.code, 1);
    told.says("token", "ok", &[]);
    told.says(
        "clock",
        "failed",
        &["behind 127.0.0.1", "tokens are refused", "timedatectl"],
    );
}

#[tokio::test]
async fn a_store_of_another_bot_is_told_with_how_it_was_found_out() {
    let patient = Patient::new().await;
    let data = patient.folder.path().join("data");
    let store = open(&data, 1000).expect("the store opens");
    store.directory.bind_bot("28:another-bot").await.expect("bound");
    store.close().await;
    let told = patient.asks().await;
    assert_eq!(told.code, 1);
    told.says("store", "ok", &["opens"]);
    told.says("bot", "failed", &["28:another-bot", "opened ", "bot.app_id"]);
}

#[tokio::test]
async fn a_broken_rule_is_told_with_its_file() {
    let patient = Patient::new().await;
    write(
        patient.folder.path(),
        "rules/broken.yaml",
        "when: { hook: ci }\nnotfy: []\n",
    );
    let told = patient.asks().await;
    assert_eq!(told.code, 1);
    told.says("workspace", "failed", &["rules/broken.yaml", "herald check"]);
    told.says("token", "ok", &[]);
}

#[tokio::test]
async fn a_port_that_another_program_has_is_told() {
    let patient = Patient::new().await;
    let other = Stub::always(200).await;
    let port = other
        .url("")
        .rsplit(':')
        .next()
        .expect("a port")
        .parse()
        .expect("a number");
    let (token, openid) = (patient.teams.token_url(), patient.teams.openid_url());
    patient.settings(&token, &openid, &patient.teams.service_url(), port);
    let told = patient.asks().await;
    assert_eq!(told.code, 1);
    told.says("port", "failed", &["another program", &format!("sport = :{port}")]);
}

/// A small disk of our own; `None` where this user may not mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=40m", "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: this user may not mount a small disk to fill");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_disk_that_is_nearly_or_wholly_full_is_told() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let patient = Patient::new().await;
    let data = disk.0.path().join("data");
    let data = data.to_str().expect("text");
    let args = ["--data", data];
    let ask = || asks(patient.folder.path(), &args, patient.environment.clone());
    ask().await.says("disk", "warning", &["MiB left", "make room"]);

    let mut filler = std::fs::File::create(disk.0.path().join("filler")).expect("create");
    filler.write_all(&vec![0; 20 << 20]).expect("there is room");
    let told = ask().await;
    assert_eq!(told.code, 1);
    told.says("disk", "failed", &["nothing new is taken in below 32 MiB"]);
    told.says("data", "ok", &[]);

    let block = vec![0; 4096];
    while filler.write_all(&block).is_ok() {}
    ask()
        .await
        .says("data", "failed", &["nothing can be written", "make room"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_is_asked_for_what_only_it_knows() {
    let engine = Workspace::new()
        .hook("locked: { path: locked, signature: bearer, secret: ELSEWHERE_TOKEN }")
        .rule("r", RULE)
        .secret("ELSEWHERE_TOKEN", SECRET)
        .start()
        .await;
    let server = engine.url("");
    let args = ["--server", server.as_str()];
    let ask = || asks(engine.folder.path(), &args, BTreeMap::new());
    let told = ask().await;
    assert_eq!(told.code, 0, "{}", told.text);
    told.says("secret", "ok", &["not set here, but the running server has it"]);
    told.says("token", "warning", &["only the running server has HERALD_BOT_SECRET"]);
    told.says("port", "ok", &["a Herald answers"]);
    told.says("server", "ok", &["ready, 1 rules"]);
    told.says("bot", "ok", &["the same bot", "asked the server"]);
    told.says("queue", "ok", &["none is dead"]);

    // Nobody of that name is known: the delivery is dead from the start.
    let (status, _) = engine.post("/hooks/ci", &json!({ "text": "hello" })).await;
    assert_eq!(status, 202);
    engine.until("dead", |all| !all.is_empty()).await;
    engine.write("rules/r.yaml", "when: { hook: ci }\nnotfy: []\n");
    let mut live = engine.server().live();
    let broken = live.wait_for(|live| !live.last_reload.broken.is_empty());
    tokio::time::timeout(PATIENCE * 3, broken)
        .await
        .expect("in time")
        .expect("it runs");
    let told = ask().await;
    assert_eq!(told.code, 1);
    told.says(
        "queue",
        "warning",
        &["1 could not be sent", "Anna Berg", "--state dead"],
    );
    told.says("server", "failed", &["1 file is broken", "rules/r.yaml"]);
}

#[tokio::test]
async fn a_server_that_is_named_and_not_there_is_told() {
    let patient = Patient::new().await;
    let server = nowhere().await;
    let told = asks(
        patient.folder.path(),
        &["--server", &server],
        patient.environment.clone(),
    )
    .await;
    told.says("port", "failed", &["no Herald answers at", "--server"]);
}

#[tokio::test]
async fn a_machine_without_certificate_authorities_is_told_what_to_install() {
    let patient = Patient::new()
        .await
        .set("SSL_CERT_FILE", "/dev/null")
        .set("SSL_CERT_DIR", "/nowhere");
    let told = patient.asks().await;
    assert_eq!(told.code, 1);
    told.says("network", "failed", &["No CA certificates", "ca-certificates"]);
    told.says("port", "ok", &["is free"]);
}

#[tokio::test]
async fn a_workspace_without_a_bot_is_fine_for_the_sandbox() {
    let folder = tempfile::tempdir().expect("a folder");
    let hook = "ci: { path: ci, signature: bearer, secret: CI_TOKEN }";
    let port = free_port();
    write(
        folder.path(),
        "herald.yaml",
        &format!("server: {{ listen: \"127.0.0.1:{port}\" }}\nhooks:\n  {hook}\n"),
    );
    write(folder.path(), "rules/r.yaml", RULE);
    let told = asks(folder.path(), &[], BTreeMap::new()).await;
    assert_eq!(told.code, 0, "{}", told.text);
    told.says("token", "warning", &["bot.app_id", "sandbox"]);
    told.says("secret", "warning", &["makes one up", "never fires"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_for_the_world_that_leads_elsewhere_is_told() {
    let engine = Workspace::new().rule("r", RULE).start().await;
    let server = engine.url("");
    let elsewhere = Stub::always(200).await;
    for (public, verdict, words) in [
        (server.as_str(), "ok", "leads to a Herald"),
        (elsewhere.url("").as_str(), "failed", "not as Herald would"),
        ("http://herald.contoso.example", "failed", "https addresses only"),
    ] {
        let environment = BTreeMap::from([("HERALD_PUBLIC_URL".to_owned(), public.to_owned())]);
        let told = asks(engine.folder.path(), &["--server", &server], environment).await;
        told.says("public url", verdict, &[words]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_waited_for_long_is_told_with_its_reason() {
    let engine = Workspace::new()
        .rule("r", RULE)
        .clock_at("2026-01-05T09:00:00Z")
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine.teams.go_away();
    let (status, _) = engine.post("/hooks/ci", &json!({ "text": "hello" })).await;
    assert_eq!(status, 202);
    engine
        .until("tried once", |all| {
            all.iter()
                .any(|delivery| delivery.attempt_count > 0 && delivery.state == State::Pending)
        })
        .await;
    let server = engine.url("");
    let told = asks(engine.folder.path(), &["--server", &server], BTreeMap::new()).await;
    told.says(
        "queue",
        "warning",
        &["1 wait", "2026-01-05 09:00", "Anna Berg", "herald deliveries show dl_"],
    );
}

#[tokio::test]
async fn what_the_bot_may_do_in_graph_is_told_and_what_it_lacks() {
    let graph = "graph: { look_up: true, install: true, app: 0d7f3f7e-6c0b-4a7e-8f57-2f1c1f6f9b11 }\n";
    let patient = Patient::new().await.more(graph);
    let group = "when: { hook: ci }\nnotify: [{ entra_group: On call }]\ncard: { message: Hello }\n";
    write(patient.folder.path(), "rules/group.yaml", group);
    patient.asks().await.says(
        "graph",
        "ok",
        &["User.ReadBasic.All", "GroupMember.Read.All", "AppCatalog.Read.All"],
    );

    patient.teams.grant(&["User.Read.All", "AppCatalog.Read.All"]);
    let diagnosis = patient.asks().await;
    diagnosis.says(
        "graph",
        "failed",
        &["list the members of a group", "GroupMember.Read.All"],
    );
    assert_eq!(diagnosis.of("graph").len(), 2, "{}", diagnosis.text);
    assert!(diagnosis.text.contains("TeamsAppInstallation.ReadWriteSelfForUser.All"));
    assert_eq!(diagnosis.code, 1);
}
