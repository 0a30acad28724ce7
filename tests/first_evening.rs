//! The README's first command on this repository, and what a newcomer does next.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use herald::hook::{Authentication, Hook};
use herald::{load, workspace};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::support::cli::{command, run};
use crate::support::curl::told;
use crate::support::engine::PATIENCE;

/// `herald serve --sandbox` with the rules of this repository.
struct Evening {
    child: Child,
    url: String,
    line: String,
    http: reqwest::Client,
    _data: tempfile::TempDir,
}

impl Drop for Evening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Evening {
    fn begin() -> Self {
        Self::begin_in(root())
    }

    fn begin_in(root: &Path) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().to_str().expect("a plain path");
        let any = "127.0.0.1:0";
        let arguments = [
            "serve",
            "--sandbox",
            "--listen",
            any,
            "--sandbox-listen",
            any,
            "--data",
            folder,
        ];
        let mut child = command(root, &arguments, &BTreeMap::new()).spawn().expect("it runs");
        // A full pipe would stop Herald; what it logs is shown with a failing test.
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::stderr()));
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut next = || lines.next().expect("Herald says how to begin").expect("text");
        let address = next();
        let url = address
            .strip_prefix("Herald listens on ")
            .expect("the address comes first")
            .to_owned();
        while !next().starts_with("Try the hook") {}
        let mut line = String::new();
        loop {
            let part = next();
            line.push_str(&part);
            line.push('\n');
            if part.contains("--data-binary") {
                break;
            }
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        // The line names the port that was asked for; here any free one was taken.
        let line = line.replace(&format!("http://{any}"), &url);
        Self {
            child,
            url,
            line,
            http,
            _data: data,
        }
    }

    async fn post(&self, url: &str, headers: &[(String, String)], body: Vec<u8>) -> Value {
        let mut request = self.http.post(url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.expect("Herald answers");
        assert_eq!(answer.status(), 202);
        answer.json().await.expect("JSON")
    }

    /// Posts to a hook whose address ends with the secret, and that answers as Office 365 connectors did.
    async fn told_like_a_connector(&self, url: &str, body: Vec<u8>) -> Value {
        let request = self.http.post(format!("{url}/sandbox")).body(body);
        let answer = request.send().await.expect("Herald answers");
        assert_eq!(answer.status(), 200);
        let event = answer.headers()["herald-event"].to_str().expect("an id").to_owned();
        assert_eq!(answer.text().await.expect("text"), "1");
        serde_json::json!({ "event": event })
    }

    /// Waits until every delivery of an event has ended, or waits for the end of quiet hours: recipient and state of each.
    async fn ended(&self, answer: &Value) -> Vec<(String, String)> {
        let event = answer["event"].as_str().expect("an event");
        let url = format!("{}/admin/v1/events/{event}", self.url);
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            let record: Value = self
                .http
                .get(&url)
                .send()
                .await
                .expect("an answer")
                .json()
                .await
                .expect("JSON");
            let deliveries = record["deliveries"].as_array().expect("a list");
            // Whoever runs the tests in the evening meets the quiet hours of the gallery.
            let is_asleep = |d: &Value| {
                let reason = d["reason"].as_str().unwrap_or_default();
                d["state"] == "pending" && reason.contains("quiet hours")
            };
            let open = |d: &&Value| (d["state"] == "pending" || d["state"] == "sending") && !is_asleep(d);
            // What is over before anybody heard of it, and what is taken apart, is told in the record alone.
            let mut rules = record["event"]["rules"].as_array().expect("a list").iter();
            let owes_nothing = rules
                .all(|rule| rule["matched"] == false || rule["told"].is_object() || rule["items_count"].is_number());
            if (owes_nothing || !deliveries.is_empty()) && deliveries.iter().find(open).is_none() {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let state = |d: &Value| match is_asleep(d) {
                    true => ASLEEP.to_owned(),
                    false => text(&d["state"]),
                };
                return deliveries
                    .iter()
                    .map(|d| (text(&d["recipient"]["name"]), state(d)))
                    .collect();
            }
            assert!(tokio::time::Instant::now() < ends, "not ended in time: {record:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The state of a card that waits for the end of quiet hours.
const ASLEEP: &str = "waits for the end of quiet hours";

/// The headers that prove to `hook` that `body` comes from somebody who knows the sandbox's secret.
fn proof(hook: &Hook, body: &[u8]) -> (String, String) {
    let hmac = || {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"sandbox").expect("any length is a key");
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    };
    let (name, value) = match &hook.authentication {
        Authentication::Github => ("X-Hub-Signature-256", format!("sha256={}", hmac())),
        Authentication::Bearer => ("Authorization", "Bearer sandbox".to_owned()),
        Authentication::Basic { user } => {
            let pair = STANDARD.encode(format!("{user}:sandbox"));
            ("Authorization", format!("Basic {pair}"))
        }
        Authentication::Hmac { header, prefix, .. } => (header.as_str(), format!("{prefix}{}", hmac())),
        // The address has it.
        Authentication::Url => ("X-None", String::new()),
        other => panic!("the gallery has no hook with {other:?}"),
    };
    (name.to_owned(), value)
}

#[tokio::test]
async fn the_line_that_herald_prints_makes_a_card_appear_for_the_person_and_in_the_channel() {
    let evening = Evening::begin();
    let told = told(&evening.line, root(), &[]).expect("a line for a shell");
    let answer = evening.post(&told.url, &told.headers, told.body).await;
    assert_eq!(answer["skipped"], serde_json::json!([]), "{answer:#}");
    let mut ended = evening.ended(&answer).await;
    ended.sort();
    let delivered = |name: &str| (name.to_owned(), "delivered".to_owned());
    assert_eq!(ended, [delivered("Omar Haddad"), delivered("Platform / Releases")]);
}

#[tokio::test]
async fn every_sample_of_a_hook_reaches_everybody_whom_its_rules_name() {
    let evening = Evening::begin();
    let compiled = workspace::compile(&load::read(root()), None);
    for hook in compiled.workspace.settings.hooks.values() {
        let folder = root().join("samples").join(&hook.name);
        let mut posted = 0;
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("{} has no sample", hook.name)) {
            let path = entry.expect("readable").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .expect("a plain name")
                .to_owned();
            let body = std::fs::read(&path).expect("readable");
            let event_type = name.split('.').next().unwrap_or_default().to_owned();
            let headers = [
                ("Content-Type".to_owned(), "application/json".to_owned()),
                ("X-GitHub-Event".to_owned(), event_type),
                proof(hook, &body),
            ];
            let url = format!("{}/hooks/{}", evening.url, hook.path);
            if hook.authentication == Authentication::Url {
                for (recipient, state) in evening.ended(&evening.told_like_a_connector(&url, body).await).await {
                    assert_eq!(state, "delivered", "{name} to {recipient}");
                }
                posted += 1;
                continue;
            }
            let answer = evening.post(&url, &headers, body).await;
            assert_eq!(answer["skipped"], serde_json::json!([]), "{name}: {answer:#}");
            let rules = answer["rules"].as_array().expect("a list");
            for rule in rules {
                assert_eq!(rule["warnings"], serde_json::json!([]), "{name}: {rule:#}");
            }
            if rules.iter().any(|rule| rule["matched"] == true) {
                for (recipient, state) in evening.ended(&answer).await {
                    assert!(
                        ["delivered", ASLEEP].contains(&state.as_str()),
                        "{name} to {recipient}: {state}"
                    );
                }
                posted += 1;
            }
        }
        assert!(posted > 0, "no sample of {} meets a rule", hook.name);
    }
}

/// The line that Herald prints in this workspace, posted: who got the card.
async fn told_in(folder: &Path) -> Vec<(String, String)> {
    let evening = Evening::begin_in(folder);
    let told = told(&evening.line, folder, &[]).expect("a line for a shell");
    let answer = evening.post(&told.url, &told.headers, told.body).await;
    assert_eq!(answer["skipped"], serde_json::json!([]), "{answer:#}");
    for rule in answer["rules"].as_array().expect("a list") {
        assert_eq!(rule["warnings"], serde_json::json!([]), "{rule:#}");
    }
    evening.ended(&answer).await
}

#[tokio::test]
async fn a_workspace_of_ones_own_shows_a_card_on_the_first_evening_too() {
    let general = [("Platform / General".to_owned(), "delivered".to_owned())];
    let folder = tempfile::tempdir().expect("a folder");
    let said = run(folder.path(), &["init"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(told_in(folder.path()).await, general);

    let folder = tempfile::tempdir().expect("a folder");
    let payload = folder.path().join("order.json");
    std::fs::write(&payload, r#"{ "title": "Two lamps", "state": "paid", "total": 12.5 }"#)
        .expect("it can be written");
    let said = run(folder.path(), &["init", "--from", "order.json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(told_in(folder.path()).await, general);
}

#[tokio::test]
async fn a_bot_that_only_azure_can_vouch_for_is_tried_out_anywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = run(folder.path(), &["init"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let settings = folder.path().join("herald.yaml");
    let mut text = std::fs::read_to_string(&settings).expect("it is there");
    text.push_str("\nbot:\n  app_id: 5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10\n  managed_identity: true\n");
    std::fs::write(&settings, text).expect("it can be written");
    let general = [("Platform / General".to_owned(), "delivered".to_owned())];
    assert_eq!(told_in(folder.path()).await, general);
}

#[test]
fn a_rule_of_this_repository_can_be_tried_out_without_any_set_up() {
    let evening = Evening::begin();
    let environment = BTreeMap::from([("HERALD_SERVER".to_owned(), evening.url.clone())]);
    let fired = command(root(), &["fire", "github/deploy-failed"], &environment).output();
    let fired = crate::support::cli::said(fired.expect("it runs"));
    assert_eq!(fired.code, 0, "{fired:#?}");
    for words in [
        "samples/github/deployment_status.failure.json",
        "delivered    Omar Haddad",
        "Platform / Releases",
    ] {
        assert!(fired.out.contains(words), "{words} is missing in {}", fired.out);
    }
}
