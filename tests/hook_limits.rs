//! A sender that runs wild is asked to wait, exactly as long as it must; the others notice nothing.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::engine::{Engine, PATIENCE, Workspace};
use crate::support::raw::{Answer, send};

const RULE: &str =
    "when: [{ hook: ci }, { hook: build }]\nnotify: [{ person: Anna Berg }]\ncard: { message: hello }\n";

async fn limited(limit: &str) -> Engine {
    let engine = Workspace::new()
        .hook(&format!(
            "build: {{ signature: bearer, secret: BUILD_TOKEN, limit: {limit} }}"
        ))
        .secret("BUILD_TOKEN", "s3cret")
        .rule("r", RULE)
        .clock_at("2026-03-02T14:00:00Z")
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine
}

async fn post(engine: &Engine, token: &str) -> Answer {
    let bytes = format!(
        "POST /hooks/build HTTP/1.1\r\nhost: herald\r\nauthorization: Bearer {token}\r\ncontent-length: 0\r\n\r\n"
    );
    send(engine.server().address(), bytes.as_bytes())
        .await
        .expect("an answer")
}

fn pass(engine: &Engine, seconds: i64) {
    engine
        .hand
        .as_ref()
        .expect("a hand")
        .advance(TimeDelta::seconds(seconds));
}

#[tokio::test]
async fn the_post_that_is_too_many_hears_when_the_next_one_is_taken() {
    let engine = limited("3 per minute").await;
    for _ in 0..3 {
        assert_eq!(post(&engine, "s3cret").await.status, 202);
        pass(&engine, 10);
    }
    let refused = post(&engine, "s3cret").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many"));
    assert_eq!(refused.header("retry-after"), Some("30"), "{refused:?}");
    assert!(
        refused
            .body
            .contains("this hook takes 3 posts per minute; the next one is taken in 30 seconds"),
        "{}",
        refused.body
    );
    pass(&engine, 29);
    assert_eq!(post(&engine, "s3cret").await.header("retry-after"), Some("1"));
    pass(&engine, 1);
    assert_eq!(post(&engine, "s3cret").await.status, 202);
    assert_eq!(post(&engine, "s3cret").await.header("retry-after"), Some("10"));

    let (status, answer) = engine.post("/hooks/ci", &json!({})).await;
    assert_eq!(status, 202, "another hook has nothing to do with it: {answer}");
    let (_, metrics) = engine.get("/metrics").await;
    let metrics = metrics.as_str().expect("text");
    assert!(
        metrics.contains("herald_hook_requests_total{outcome=\"too_many\"} 3"),
        "{metrics}"
    );
}

#[tokio::test]
async fn strangers_cannot_use_up_a_senders_limit() {
    let engine = limited("1 per hour").await;
    for _ in 0..5 {
        assert_eq!(post(&engine, "guessed").await.status, 401);
    }
    assert_eq!(post(&engine, "s3cret").await.status, 202);
    assert_eq!(post(&engine, "s3cret").await.header("retry-after"), Some("3600"));
    assert_eq!(post(&engine, "guessed").await.status, 401, "and hear nothing of it");
}

#[tokio::test]
async fn a_reload_keeps_the_count_and_a_new_limit_counts_what_was_taken_before() {
    let engine = limited("2 per minute").await;
    for _ in 0..2 {
        assert_eq!(post(&engine, "s3cret").await.status, 202);
    }
    let settings = std::fs::read_to_string(engine.path("herald.yaml")).expect("readable");
    let mut live = engine.server().live();
    live.mark_unchanged();
    engine.write("herald.yaml", &settings.replace("2 per minute", "3 per hour"));
    engine.server().reload();
    live.wait_for(|live| {
        live.workspace.settings.hooks["build"]
            .limit
            .is_some_and(|limit| limit.count == 3)
    })
    .await
    .expect("running");
    assert_eq!(post(&engine, "s3cret").await.status, 202);
    assert_eq!(post(&engine, "s3cret").await.header("retry-after"), Some("3600"));
}

#[tokio::test]
async fn a_full_outbox_turns_posts_away_until_there_is_room_again() {
    let engine = Workspace::new()
        .settings("limits: { open_deliveries: 100 }\n")
        .rule(
            "r",
            "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: \"{{event.text}}\" }\n",
        )
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine.teams.go_away();
    let mut taken = 0_u64;
    let refused: Value = loop {
        let (status, answer) = engine.post("/hooks/ci", &json!({ "text": format!("{taken}") })).await;
        match status {
            202 => taken += 1,
            503 => break answer,
            other => panic!("{other}: {answer}"),
        }
        assert!(taken <= 200, "the bound does not bind");
    };
    assert_eq!(refused["error"]["code"], "outbox_full", "{refused}");
    let again = send(
        engine.server().address(),
        &crate::support::raw::post("/hooks/ci", "{\"text\": \"again\"}"),
    )
    .await
    .expect("an answer");
    assert_eq!((again.status, again.header("retry-after")), (503, Some("30")));
    engine.teams.come_back();
    let ends = tokio::time::Instant::now() + PATIENCE;
    while engine.post("/hooks/ci", &json!({ "text": "there is room" })).await.0 != 202 {
        assert!(tokio::time::Instant::now() < ends, "there is never room again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn many_posts_at_once_wait_a_moment_for_a_place_and_those_beyond_are_asked_to_come_back() {
    let engine = Workspace::new()
        .settings("limits: { requests_at_once: 2 }\n")
        .rule(
            "r",
            "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: hello }\n",
        )
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    let address = engine.server().address();
    let mut posts = JoinSet::new();
    for _ in 0..60 {
        posts.spawn(async move { send(address, &crate::support::raw::post("/hooks/ci", "{}")).await });
    }
    let (mut taken, mut busy) = (0, 0);
    for answer in posts.join_all().await {
        let answer = answer.expect("an answer");
        match answer.status {
            202 => taken += 1,
            503 => {
                assert_eq!(
                    (answer.code().as_str(), answer.header("retry-after")),
                    ("busy", Some("1"))
                );
                busy += 1;
            }
            other => panic!("{other}: {answer:?}"),
        }
    }
    assert!(taken >= 4, "{taken} taken, {busy} asked to come back");
    assert_eq!(
        engine.deliveries().await.len(),
        taken,
        "what was taken is stored, and nothing else"
    );
}
