//! `herald runs`.

use serde_json::Value;

use super::{announce, at_rest, engine, readable, until};
use crate::support::cli::{command, said, shows};
use crate::support::engine::Engine;
use herald::run::Run;

fn own(engine: &Engine, args: &[&str]) -> crate::support::cli::Said {
    said(
        command(engine.folder.path(), args, &std::collections::BTreeMap::new())
            .output()
            .expect("the binary runs"),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_listed_shown_paused_resumed_and_cancelled_by_command() {
    let engine = engine(10).await;
    let run = announce(&engine, "on Friday").await;
    let id = run.id.as_str();
    until(&engine, &run.id, "some have it", |run| run.tally.delivered >= 3).await;
    let paused = engine
        .herald(&["runs", "pause", id, "--reason", "checking the date"])
        .await;
    assert_eq!(paused.code, 0, "{}", paused.err);
    shows(&paused, &[id, "is paused", "still to do", "--watch"]);
    at_rest(&engine).await;
    let delivered = super::run(&engine, &run.id).await.expect("it is there").tally.delivered;

    let listed = engine.herald(&["runs", "list", "--open"]).await;
    shows(
        &listed,
        &["RUN", "STANDING", "paused", &format!("{delivered}/{}", run.expected)],
    );
    let shown = engine.herald(&["runs", "show", run.event_id.as_str()]).await;
    shows(
        &shown,
        &[
            "It is paused since ",
            "because checking the date.",
            &format!("{delivered} sent"),
        ],
    );
    let json = engine.herald(&["runs", "show", id, "--format", "json"]).await;
    let json: Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(json["progress"]["ended"], delivered);

    // What waits says why.
    let waiting = engine
        .herald(&[
            "deliveries",
            "list",
            "--run",
            id,
            "--state",
            "pending",
            "--format",
            "json",
        ])
        .await;
    let waiting: Value = serde_json::from_str(&waiting.out).expect("JSON");
    let one = waiting[0]["id"].as_str().expect("one waits").to_owned();
    let told = engine.herald(&["deliveries", "show", &one]).await;
    shows(
        &told,
        &[
            &format!("run        {id} (paused)"),
            "waiting: the run is paused since ",
        ],
    );
    let why = engine.herald(&["why", &one]).await;
    shows(
        &why,
        &["waiting: the run is paused since ", "because checking the date"],
    );

    let twice = engine.herald(&["runs", "pause", id]).await;
    assert_eq!((twice.code, twice.out.as_str()), (1, ""));
    assert!(twice.err.contains("it is paused already"), "{}", twice.err);
    let approved = engine.herald(&["runs", "approve", id]).await;
    assert_eq!(approved.code, 1);
    assert!(
        approved.err.contains("it does not wait for an approval: it is paused"),
        "{}",
        approved.err
    );
    let resumed = engine.herald(&["runs", "resume", id]).await;
    shows(&resumed, &["goes on"]);
    let cancelled = engine
        .herald(&["runs", "cancel", id, "--reason", "the party is off", "--format", "json"])
        .await;
    let cancelled: Value = serde_json::from_str(&cancelled.out).expect("JSON");
    assert_eq!(cancelled["standing"], "cancelled");
    until(&engine, &run.id, "it is over", Run::is_over).await;
    let why = engine.herald(&["why", run.event_id.as_str()]).await;
    shows(&why, &["it was cancelled at ", "not sent, the party is off"]);
    let unknown = engine.herald(&["runs", "show", "rn_1"]).await;
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.err.contains("there is no run `rn_1`") && unknown.err.contains("herald runs list"),
        "{}",
        unknown.err
    );
    let wrong = engine.herald(&["runs", "stop", id]).await;
    assert_eq!(wrong.code, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_watched_until_it_is_over() {
    let engine = engine(20).await;
    let run = announce(&engine, "on Friday").await;
    let watched = engine.herald(&["runs", "show", run.id.as_str(), "--watch"]).await;
    assert_eq!(watched.code, 0, "{}", watched.err);
    let expected = run.expected;
    shows(
        &watched,
        &[&format!(
            "{expected} of {expected} at their end (100 %): {expected} sent."
        )],
    );
    assert!(
        watched.err.contains(" % running: "),
        "no terminal, so lines: {}",
        watched.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recall_asks_first_and_without_a_terminal_wants_a_yes() {
    let engine = engine(1000).await;
    let run = announce(&engine, "on Friday").await;
    let id = run.id.as_str();
    until(&engine, &run.id, "all have it", Run::is_over).await;
    let asked = engine.herald(&["runs", "recall", id]).await;
    assert_eq!((asked.code, asked.out.as_str()), (2, ""));
    let expected = run.expected;
    assert!(
        asked
            .err
            .contains(&format!("Take the message back from {expected} recipients?"))
            && asked.err.contains("--yes"),
        "{}",
        asked.err
    );
    assert_eq!(super::run(&engine, &run.id).await.expect("there").recall, None);

    engine.write(
        "right.yaml",
        "type: AdaptiveCard\nbody:\n  - { type: TextBlok, text: x }\n",
    );
    let wrong = engine
        .herald(&["runs", "recall", id, "--card", "right.yaml", "--yes"])
        .await;
    assert_eq!(wrong.code, 1);
    for part in [
        "right.yaml:3:",
        "Teams knows no element `TextBlok`",
        "did you mean `TextBlock`?",
    ] {
        assert!(wrong.err.contains(part), "{part}: {}", wrong.err);
    }
    engine.write(
        "right.yaml",
        "type: AdaptiveCard\nbody:\n  - { type: TextBlock, text: \"{{event.text}}\" }\n",
    );
    let holes = engine
        .herald(&["runs", "recall", id, "--card", "right.yaml", "--yes"])
        .await;
    assert_eq!(holes.code, 1);
    assert!(holes.err.contains("no event to fill it in with"), "{}", holes.err);
    let missing = engine
        .herald(&["runs", "recall", id, "--card", "none.yaml", "--yes"])
        .await;
    assert_eq!(missing.code, 3);
    assert!(
        missing.err.contains("none.yaml: there is no such file"),
        "{}",
        missing.err
    );

    engine.write(
        "right.yaml",
        "type: AdaptiveCard\nbody:\n  - { type: TextBlock, text: It is on Thursday }\n",
    );
    let corrected = engine
        .herald(&["runs", "recall", id, "--card", "right.yaml", "--yes"])
        .await;
    assert_eq!(corrected.code, 0, "{}", corrected.err);
    shows(
        &corrected,
        &["the other message comes in the place of what was delivered"],
    );
    super::all_read(&engine, "It is on Thursday").await;
    until(&engine, &run.id, "all is corrected", Run::is_over).await;
    let back = engine.herald(&["runs", "recall", id, "--yes"]).await;
    shows(&back, &["what was delivered is taken back"]);
    let over = until(&engine, &run.id, "all is gone", |run| {
        run.tally.recalled == run.expected
    })
    .await;
    assert!(over.is_over());
    assert_eq!(readable(&engine).await, Vec::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_stopped_in_the_folder_of_a_herald_that_does_not_run() {
    let mut engine = engine(10).await;
    let run = announce(&engine, "on Friday").await;
    let id = run.id.as_str();
    until(&engine, &run.id, "some have it", |run| run.tally.delivered >= 3).await;
    engine.stop().await;
    let listed = own(&engine, &["runs", "list", "--open", "--data", "data"]);
    shows(&listed, &[id, "running"]);
    let cancelled = own(&engine, &["runs", "cancel", id, "--data", "data", "--format", "json"]);
    let cancelled: Value = serde_json::from_str(&cancelled.out).expect("JSON");
    assert_eq!(
        cancelled["run"]["tally"]["open"], 0,
        "each delivery is cancelled before the command ends"
    );
    let back = own(&engine, &["runs", "recall", id, "--data", "data", "--yes"]);
    assert_eq!(back.code, 0, "{}", back.err);
    shows(
        &back,
        &["still to do", "the rest is done when `herald serve` is started"],
    );
    let before = engine.teams.received().len() as u64;
    engine.start_server().await;
    let over = until(&engine, &run.id, "it is taken back", Run::is_over).await;
    assert_eq!((over.tally.recalled, over.tally.delivered), (before, 0));
    assert_eq!(over.tally.cancelled, run.expected - before);
}
