//! Who did what by hand is written down, and stays.

use std::collections::BTreeMap;

use chrono::DateTime;
use herald::clock::Clock;
use herald::store::audit::{Actor, Entry, KEPT};
use herald::store::sled::{self, Options};
use serde_json::{Value, json};

use crate::support::cli::{command, said};
use crate::support::engine::{Engine, Workspace};

const RULE: &str = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: hello }\n";

/// `herald ARGS`, asked of the running engine as this user.
async fn herald(engine: &Engine, user: &str, args: &[&str]) -> (i32, String) {
    let mut all = args.to_vec();
    let url = engine.url("");
    all.extend(["--server", &url]);
    let environment = BTreeMap::from([("USER".to_owned(), user.to_owned())]);
    let mut run = command(engine.folder.path(), &all, &environment);
    let said = tokio::task::spawn_blocking(move || said(run.output().expect("the binary runs")))
        .await
        .expect("it ends");
    (said.code, format!("{}{}", said.out, said.err))
}

async fn entries(engine: &Engine) -> Vec<Entry> {
    let (status, answer) = engine.get("/admin/v1/audit").await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_value(answer).expect("entries")
}

#[tokio::test]
async fn what_is_done_by_hand_is_told_with_who_when_what_and_what_came_of_it() {
    let mut engine = Workspace::new().rule("r", RULE).start().await;
    engine.known(&["Anna Berg"]).await;
    engine.teams.go_away();
    let (_, answer) = engine.post("/hooks/ci", &json!({})).await;
    let id = answer["deliveries"][0].as_str().expect("an id").to_owned();
    let before = Clock::system().now();

    let (code, out) = herald(&engine, "anna", &["deliveries", "cancel", &id]).await;
    assert_eq!(code, 0, "{out}");
    let (code, _) = herald(&engine, "omar", &["deliveries", "cancel", &id]).await;
    assert_eq!(code, 1, "it is cancelled already");
    let (code, out) = herald(&engine, "anna", &["fire", "r", "--dry-run"]).await;
    assert!(out.len() > 1, "{code} {out}");
    // Whoever only looks is not written down.
    let (code, _) = herald(&engine, "omar", &["deliveries", "list"]).await;
    assert_eq!(code, 0);

    let found = entries(&engine).await;
    let newest = &found[found.len() - 2..];
    let told: Vec<_> = newest
        .iter()
        .map(|entry| {
            let who = entry.actor.claims_to_be.as_deref().unwrap_or_default();
            (entry.number, who, entry.action.as_str(), entry.subject.as_str())
        })
        .collect();
    assert_eq!(
        told,
        [
            (2, "omar", "deliveries cancel", id.as_str()),
            (1, "anna", "deliveries cancel", id.as_str())
        ]
    );
    assert_eq!(newest[1].result, "done");
    assert!(
        newest[0].result.starts_with("refused: this delivery is cancelled"),
        "{found:#?}"
    );
    assert!(
        found
            .iter()
            .all(|entry| entry.actor.from == "127.0.0.1" && entry.at >= before),
        "{found:#?}"
    );

    let (code, out) = herald(&engine, "anna", &["audit", "--limit", "1000"]).await;
    assert_eq!(code, 0, "{out}");
    for text in [
        "anna",
        "omar",
        "deliveries cancel",
        &id,
        "refused: this delivery is cancelled",
    ] {
        assert!(out.contains(text), "{text} is not in\n{out}");
    }
    let (_, out) = herald(
        &engine,
        "anna",
        &["audit", "--limit", "1", "--before", "2", "--format", "json"],
    )
    .await;
    let one: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}"));
    assert_eq!(one.as_array().map(Vec::len), Some(1), "{out}");
    assert_eq!(one[0]["number"], 1);

    // It outlives the server, and is told without one.
    engine.stop().await;
    let data = engine.path("data").display().to_string();
    let said = crate::support::cli::run(engine.folder.path(), &["audit", "--data", &data]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("deliveries cancel"), "{said:?}");
}

fn entry(subject: &str) -> Entry {
    Entry {
        number: 0,
        at: DateTime::UNIX_EPOCH,
        actor: Actor {
            from: "127.0.0.1".to_owned(),
            claims_to_be: Some("anna\nroot".to_owned()),
        },
        action: "deliveries retry".to_owned(),
        subject: subject.to_owned(),
        result: "done".to_owned(),
    }
}

#[tokio::test]
async fn the_newest_entries_are_kept_and_long_texts_are_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sled::open(folder.path(), Options::default()).expect("a store");
    let log = store.audit();
    let writing = (0..KEPT + 20).map(|number| {
        let log = log.clone();
        async move { log.add(entry(&format!("dl_{number}"))).await }
    });
    for written in futures::future::join_all(writing).await {
        written.expect("written");
    }
    log.add(entry(&"x".repeat(5000))).await.expect("written");
    let newest = log.list(None, 2).await.expect("readable");
    assert_eq!(newest[0].number, KEPT + 21);
    assert_eq!(newest[0].subject.len(), 300);
    assert_eq!(
        newest[0].actor.claims_to_be.as_deref(),
        Some("anna root"),
        "an entry is one line"
    );
    let all = log.list(None, usize::MAX).await.expect("readable");
    assert_eq!(all.len() as u64, KEPT);
    assert!(
        all.windows(2).all(|pair| pair[0].number == pair[1].number + 1),
        "without gaps"
    );
    let oldest = log.list(Some(25), 100).await.expect("readable");
    assert_eq!(oldest.len(), 3, "those from 22 on are there");
}
