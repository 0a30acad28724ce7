//! Threads of channels: cards about one thing stand in one thread.

use herald::delivery::State;
use herald::sandbox::{Operation, Received};
use serde_json::json;

use crate::support::engine::{Engine, Workspace, texts};

const RULE: &str = "when: { hook: ci }\nnotify: [{ channel: Platform / Releases, thread: \"{{event.build}}\" }]\n\
                    card: { message: \"{{event.build}} {{event.text}}\" }\n";

async fn engine() -> Engine {
    let engine = Workspace::new().rule("build", RULE).start().await;
    engine.known(&["Platform"]).await;
    engine
}

async fn tell(engine: &Engine, build: &str, text: &str) -> String {
    let (status, answer) = engine.post("/hooks/ci", &json!({ "build": build, "text": text })).await;
    assert_eq!(status, 202, "{answer}");
    let deliveries = engine.settled().await;
    assert!(
        deliveries.iter().all(|one| one.state == State::Delivered),
        "{deliveries:#?}"
    );
    answer["event"].as_str().expect("an event").to_owned()
}

fn in_thread<'a>(received: &'a [Received], root: &str) -> Vec<&'a Received> {
    let ending = format!(";messageid={root}");
    received
        .iter()
        .filter(|one| one.conversation.ends_with(&ending))
        .collect()
}

#[tokio::test]
async fn cards_with_the_same_value_go_into_one_thread_and_others_begin_their_own() {
    let engine = engine().await;
    tell(&engine, "7", "started").await;
    tell(&engine, "8", "started").await;
    tell(&engine, "7", "failed").await;
    let received = engine.messages(3).await;
    assert_eq!(engine.teams.count(Operation::CreateThread), 2);
    let root = received[0].activity_id.clone().expect("an id");
    let seventh: Vec<String> = in_thread(&received, &root)
        .iter()
        .map(|one| texts(&one.activity))
        .collect();
    assert_eq!(seventh.len(), 2, "{received:#?}");
    assert!(seventh[1].contains("7 failed"), "{seventh:?}");
}

#[tokio::test]
async fn a_thread_is_remembered_over_a_restart() {
    let mut engine = engine().await;
    tell(&engine, "7", "started").await;
    engine.restart().await;
    tell(&engine, "7", "failed").await;
    assert_eq!(engine.teams.count(Operation::CreateThread), 1);
    let received = engine.messages(2).await;
    let root = received[0].activity_id.clone().expect("an id");
    assert_eq!(in_thread(&received, &root).len(), 2);
}

#[tokio::test]
async fn a_thread_that_was_deleted_is_begun_anew_and_the_story_says_so() {
    let engine = engine().await;
    tell(&engine, "7", "started").await;
    let first = engine.messages(1).await;
    let root = first[0].activity_id.clone().expect("an id");
    assert!(engine.teams.lose_message("Platform / Releases", &root));
    let event = tell(&engine, "7", "failed").await;
    assert_eq!(engine.teams.count(Operation::CreateThread), 2);
    let (_, story) = engine.get(&format!("/admin/v1/events/{event}")).await;
    assert!(
        story
            .to_string()
            .contains("its thread was gone, so it begins a new one"),
        "{story}"
    );
    tell(&engine, "7", "mended").await;
    assert_eq!(engine.teams.count(Operation::CreateThread), 2);
}

#[tokio::test]
async fn without_the_key_every_card_begins_a_thread_of_its_own() {
    let engine = Workspace::new()
        .rule("build", &RULE.replace(", thread: \"{{event.build}}\"", ""))
        .start()
        .await;
    engine.known(&["Platform"]).await;
    tell(&engine, "7", "started").await;
    tell(&engine, "7", "failed").await;
    let received = engine.messages(2).await;
    assert!(
        received.iter().all(|one| !one.conversation.contains(";messageid=")),
        "{received:#?}"
    );
}
