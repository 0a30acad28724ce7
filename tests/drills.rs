//! `herald fire`: a rule is tried out through the running engine, and everybody can see that it is a drill.

use std::collections::BTreeMap;

use herald::delivery::State;
use herald::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::support::cli::{Said, command, said};
use crate::support::engine::{Engine, Workspace, texts};

const RULE: &str = "description: A deploy failed\nwhen: { hook: ci }\nif: { event.state: [failed, broken] }\nnotify:\n  - person: Anna \
                    Berg\n  - person: Omar Haddad\nexcept: [{ person: Omar Haddad }]\ncard: { title: \"{{event.service}} failed\", \
                    text: \"{{event.text}}\" }\n";

fn workspace() -> Workspace {
    Workspace::new()
        .rule("ci/deploy-failed", RULE)
        .file(
            "directory.yaml",
            "people: { chloe: chloe.dubois@contoso.example, anna: anna.berg@contoso.example }\n",
        )
        .file(
            "samples/ci/a-success.json",
            &json!({ "state": "ok", "service": "billing" }).to_string(),
        )
        .file(
            "samples/ci/b-failure.json",
            &json!({ "state": "failed", "service": "billing", "text": "step 14 of 37" }).to_string(),
        )
}

async fn started() -> Engine {
    let engine = workspace().start().await;
    engine.known(&["Anna Berg", "Omar Haddad", "Chloé Dubois"]).await;
    engine
}

/// Runs `herald fire` in the engine's workspace, against its server.
async fn fire(engine: &Engine, args: &[&str]) -> Said {
    let server = engine.url("");
    let words: Vec<&str> = ["fire", "--server", &server]
        .into_iter()
        .chain(args.iter().copied())
        .collect();
    let mut command = command(engine.folder.path(), &words, &BTreeMap::new());
    let answer = tokio::task::spawn_blocking(move || said(command.output().expect("it runs")));
    answer.await.expect("run")
}

/// The messages that Teams has, each as its texts with the name of its chat in front.
fn arrived(teams: &Sandbox) -> Vec<String> {
    let received = teams.received();
    received.iter().map(|message| texts(&message.activity)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_goes_the_way_of_a_real_event_and_says_what_it_is() {
    let engine = started().await;
    let said = fire(&engine, &["ci/deploy-failed"]).await;
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(
        said.out
            .contains("Drill of ci/deploy-failed with samples/ci/b-failure.json"),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("delivered    Anna Berg") && !said.out.contains("Omar"),
        "{}",
        said.out
    );
    let messages = engine.messages(1).await;
    let text = texts(&messages[0].activity);
    let first = text.lines().next().expect("a line");
    assert!(
        first.starts_with("Drill: ") && first.contains("“ci/deploy-failed”"),
        "{text}"
    );
    assert!(
        text.contains("billing failed") && text.contains("step 14 of 37"),
        "{text}"
    );
    assert_eq!(
        messages[0].activity["summary"]
            .as_str()
            .map(|s| s.starts_with("Drill: ")),
        Some(true)
    );

    let deliveries = engine.settled().await;
    let (status, record) = engine
        .get(&format!("/admin/v1/events/{}", deliveries[0].event_id))
        .await;
    assert_eq!(status, 200, "{record}");
    assert_eq!(
        record["event"]["origin"],
        "drill of ci/deploy-failed with samples/ci/b-failure.json"
    );
    // The next one is another event, not a repeat of this one.
    fire(&engine, &["ci/deploy-failed"]).await;
    engine.messages(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_can_go_to_somebody_else_instead() {
    let engine = started().await;
    let said = fire(&engine, &["ci/deploy-failed", "--to", "chloe"]).await;
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(
        said.out.contains("Chloé Dubois") && !said.out.contains("Anna"),
        "{}",
        said.out
    );
    // Whom the rule excepts may be the one who tries it out.
    let said = fire(&engine, &["ci/deploy-failed", "--to", "omar.haddad@contoso.example"]).await;
    assert_eq!(said.code, 0, "{said:#?}");
    engine.messages(2).await;
    let names: Vec<_> = engine.settled().await.into_iter().map(|d| d.recipient.name).collect();
    assert!(!names.contains(&"Anna Berg".to_owned()), "{names:?}");

    let slip = fire(&engine, &["ci/deploy-failed", "--to", "chlo"]).await;
    assert_eq!(slip.code, 1, "{slip:#?}");
    assert!(slip.err.contains("did you mean `chloe`?"), "{}", slip.err);
    let stranger = fire(
        &engine,
        &["ci/deploy-failed", "--to", "nobody@contoso.example", "--format", "json"],
    )
    .await;
    let answer: Value = serde_json::from_str(&stranger.out).unwrap_or_else(|_| panic!("{stranger:#?}"));
    assert!(answer["decision"]["event"].is_string(), "{answer:#}");
    assert_eq!(arrived(&engine.teams).len(), 2, "a slip sends nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_whose_condition_fails_says_which_line_and_how_to_send_all_the_same() {
    let engine = started().await;
    let sample = ["ci/deploy-failed", "--sample", "samples/ci/a-success.json"];
    let said = fire(&engine, &sample).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:#?}");
    for words in ["`if`", "event.state", "ok", "--force", "samples/ci/a-success.json"] {
        assert!(said.err.contains(words), "{words} is missing in {}", said.err);
    }
    assert!(engine.deliveries().await.is_empty());
    let forced = fire(&engine, &[sample.as_slice(), &["--force"]].concat()).await;
    assert_eq!(forced.code, 0, "{forced:#?}");
    engine.messages(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_shows_who_and_what_and_leaves_no_trace() {
    let engine = started().await;
    let said = fire(&engine, &["ci/deploy-failed", "--dry-run"]).await;
    assert_eq!(said.code, 0, "{said:#?}");
    for words in [
        "nothing is sent",
        "would tell   Anna Berg",
        "Drill: ",
        "billing failed",
        "step 14 of 37",
    ] {
        assert!(said.out.contains(words), "{words} is missing in {}", said.out);
    }
    let said = fire(
        &engine,
        &[
            "ci/deploy-failed",
            "--dry-run",
            "--to",
            "nobody@contoso.example",
            "--format",
            "json",
        ],
    )
    .await;
    let answer: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:#?}"));
    assert_eq!(answer["told"], json!([]));
    assert!(engine.deliveries().await.is_empty());
    assert!(arrived(&engine.teams).is_empty());
    assert_eq!(
        engine.server().stores().outbox.next_due().await.expect("readable"),
        None
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_that_must_ask_teams_who_there_is_stays_one() {
    let engine = workspace().start().await;
    engine.installed(&["Platform"]).await;
    let said = fire(&engine, &["ci/deploy-failed", "--to", "members_of: Platform"]).await;
    assert_eq!(said.code, 0, "{said:#?}");
    let all = engine.settled().await;
    assert!(!all.is_empty());
    for delivery in all.iter().filter(|delivery| delivery.state == State::Delivered) {
        assert_ne!(delivery.recipient.name, "Platform");
    }
    let texts = arrived(&engine.teams);
    assert!(!texts.is_empty(), "{all:#?}");
    for text in texts {
        assert!(text.starts_with("Drill: "), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drills_neither_wait_for_a_limit_nor_use_it_up() {
    let rule = format!("{RULE}limit: {{ once_per: 1 hour }}\n");
    let engine = workspace().rule("ci/deploy-failed", &rule).start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    let real = json!({ "state": "failed", "service": "billing", "text": "for real" });
    for _ in 0..2 {
        assert_eq!(fire(&engine, &["ci/deploy-failed"]).await.code, 0);
    }
    engine.post("/hooks/ci", &real).await;
    engine.messages(3).await;
    let held = engine.post("/hooks/ci", &real).await.1;
    assert_eq!(
        held["deliveries"],
        json!([]),
        "the limit holds for real events: {held:#}"
    );
    assert_eq!(fire(&engine, &["ci/deploy-failed"]).await.code, 0);
    engine.messages(4).await;
    let real = arrived(&engine.teams)
        .iter()
        .filter(|text| !text.starts_with("Drill: "))
        .count();
    assert_eq!(real, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_for_a_drill_is_told_with_what_there_is() {
    let engine = workspace()
        .hook("other: { path: other, signature: none, anyone_can_post: true }")
        .rule("lonely", "when: { hook: other }\nnotify: [{ person: Anna Berg }]\n")
        .start()
        .await;
    let unknown = fire(&engine, &["ci/deploy-faild"]).await;
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.err.contains("did you mean `ci/deploy-failed`?"),
        "{}",
        unknown.err
    );
    // The server says so as well, to whoever asks it without a workspace.
    let (status, answer) = engine
        .post("/admin/v1/rules/ci%2Fdeploy-faild/fire", &json!({ "event": {} }))
        .await;
    assert_eq!(status, 404, "{answer}");
    assert_eq!(answer["error"]["code"], "no_such_rule");

    let lonely = fire(&engine, &["lonely"]).await;
    assert_eq!(lonely.code, 1);
    for words in ["samples/other/anything.json", "samples/ci/b-failure.json", "--sample"] {
        assert!(lonely.err.contains(words), "{words} is missing in {}", lonely.err);
    }
    let gone = fire(&engine, &["lonely", "--sample", "nowhere.json"]).await;
    assert_eq!(gone.code, 3);
    assert!(gone.err.contains("there is no sample nowhere.json"), "{}", gone.err);

    let folder = engine.folder.path().to_owned();
    let environment = BTreeMap::from([("HERALD_LISTEN".to_owned(), "127.0.0.1:9".to_owned())]);
    let mut command = command(&folder, &["fire", "ci/deploy-failed"], &environment);
    let alone = tokio::task::spawn_blocking(move || said(command.output().expect("it runs")));
    let alone = alone.await.expect("run");
    assert_eq!(alone.code, 3, "{alone:#?}");
    assert!(alone.err.contains("herald serve --sandbox"), "{}", alone.err);
}
