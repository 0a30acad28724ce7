//! What Teams may answer, and what becomes of the message.

use std::time::Duration;

use herald::delivery::{Delivery, State, Verdict};
use herald::sandbox::{Operation, Script};
use serde_json::json;

use crate::support::engine::{Engine, PATIENCE, Workspace, texts};
use crate::support::small_disk::SmallDisk;

const RULE: &str = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { title: \"{{event.title}}\", text: \"{{event.text}}\" }\n";

async fn engine() -> Engine {
    let engine = Workspace::new()
        .rule("r", RULE)
        .rule(
            "channel",
            "when: { hook: other }\nnotify: [{ channel: Platform / Releases }]\ncard: { message: hello }\n",
        )
        .hook("other: { path: other, signature: none, anyone_can_post: true }")
        .start()
        .await;
    engine.known(&["Anna Berg", "Platform", "Omar Haddad"]).await;
    engine
}

async fn one(engine: &Engine) -> Delivery {
    let (status, answer) = engine.post("/hooks/ci", &json!({"title": "t"})).await;
    assert_eq!(status, 202, "{answer}");
    engine.settled().await.remove(0)
}

fn waited(delivery: &Delivery) -> chrono::Duration {
    match &delivery.attempts[0].verdict {
        Verdict::RetryAt { at, .. } => *at - delivery.attempts[0].started_at,
        other => panic!("the first attempt was to be repeated: {other:?}"),
    }
}

#[tokio::test]
async fn a_throttled_message_waits_as_long_as_teams_asked_and_arrives() {
    let engine = engine().await;
    engine.teams.answer_next(Script::throttled().retry_after(2));
    let delivery = one(&engine).await;
    assert_eq!(delivery.state, State::Delivered, "{delivery:#?}");
    assert_eq!(delivery.attempts[0].status, Some(429));
    assert!(waited(&delivery) >= chrono::Duration::seconds(2), "{delivery:#?}");
    assert_eq!(engine.teams.received().len(), 1);
}

#[tokio::test]
async fn a_throttled_message_without_a_hint_arrives_as_well() {
    let engine = engine().await;
    engine.teams.answer_next(Script::throttled());
    let delivery = one(&engine).await;
    assert_eq!(delivery.state, State::Delivered, "{delivery:#?}");
    assert_eq!(delivery.attempts.len(), 2);
}

#[tokio::test]
async fn a_throttled_conversation_delays_nobody_else() {
    let engine = engine().await;
    let anna = engine.teams.conversation_id("Anna Berg").expect("known");
    engine
        .teams
        .answer_next(Script::throttled().retry_after(600).in_conversation(&anna));
    engine.post("/hooks/ci", &json!({"title": "slow"})).await;
    engine
        .until("Anna's waits", |all| all.iter().any(|d| d.attempt_count == 1))
        .await;
    engine.post("/hooks/other", &json!({})).await;
    engine.messages(1).await;
    assert_eq!(engine.teams.received_in("Platform / Releases").len(), 1);
}

#[tokio::test]
async fn messages_to_one_conversation_keep_their_order_when_the_first_is_repeated() {
    let engine = engine().await;
    engine.teams.answer_next(Script::throttled().retry_after(1));
    for title in ["first", "second", "third"] {
        engine.post("/hooks/ci", &json!({"title": title})).await;
    }
    let messages = engine.messages(3).await;
    let order: Vec<_> = messages
        .iter()
        .map(|m| texts(&m.activity).lines().next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(order, ["first", "second", "third"]);
}

#[tokio::test]
async fn faults_of_the_service_are_tried_again() {
    for (what, script) in [
        ("500", Script::status(500)),
        (
            "502 with a page of HTML",
            Script::status(502).text_body("text/html", "<html><body>Bad Gateway</body></html>"),
        ),
        ("503", Script::status(503)),
        ("504", Script::status(504)),
        ("412", Script::status(412)),
        ("a connection that closes", Script::drop_connection()),
        ("an answer that breaks off", Script::cut_answer()),
    ] {
        let engine = engine().await;
        engine.teams.answer_next(script);
        let delivery = one(&engine).await;
        assert_eq!(delivery.state, State::Delivered, "{what}: {delivery:#?}");
        assert!(delivery.attempts.len() >= 2, "{what}: {delivery:#?}");
    }
}

#[tokio::test]
async fn a_teams_that_cannot_be_reached_is_tried_until_it_is_back() {
    let engine = engine().await;
    engine.teams.go_away();
    let (status, _) = engine.post("/hooks/ci", &json!({"title": "t"})).await;
    assert_eq!(status, 202);
    tokio::time::sleep(Duration::from_millis(300)).await;
    engine.teams.come_back();
    let delivery = engine
        .until("it arrives", |all| all.iter().all(|d| d.state == State::Delivered))
        .await;
    assert_eq!(delivery.len(), 1);
}

#[tokio::test]
async fn a_user_who_blocked_the_bot_is_remembered_until_they_write_again() {
    let engine = engine().await;
    engine.teams.answer_next(Script::blocked());
    let delivery = one(&engine).await;
    assert_eq!(delivery.state, State::Dead, "{delivery:#?}");
    assert!(
        delivery
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("MessageWritesBlocked")),
        "{delivery:#?}"
    );
    let sends = engine.teams.count(Operation::Send);

    engine.post("/hooks/ci", &json!({"title": "again"})).await;
    let all = engine.settled().await;
    assert!(all.iter().all(|d| d.state == State::Dead), "{all:#?}");
    assert_eq!(engine.teams.count(Operation::Send), sends, "Teams is not asked again");

    engine
        .teams
        .say("Anna Berg", "Anna Berg", None, "hello")
        .await
        .expect("Herald listens");
    engine.post("/hooks/ci", &json!({"title": "and now"})).await;
    engine.messages(1).await;
}

#[tokio::test]
async fn a_bot_removed_from_a_team_loses_that_channel_alone_and_says_why() {
    let engine = engine().await;
    engine.teams.place_silently("Platform", false).expect("known");
    engine.post("/hooks/other", &json!({})).await;
    let dead = engine.settled().await.remove(0);
    assert_eq!(dead.state, State::Dead, "{dead:#?}");
    assert!(
        dead.reason.as_deref().is_some_and(|reason| reason.contains("install")),
        "{dead:#?}"
    );
    assert_eq!(one_delivered(&engine).await, State::Delivered);
}

async fn one_delivered(engine: &Engine) -> State {
    engine.post("/hooks/ci", &json!({"title": "t"})).await;
    engine
        .settled()
        .await
        .into_iter()
        .find(|d| d.rule == "r")
        .expect("decided")
        .state
}

#[tokio::test]
async fn a_personal_chat_teams_no_longer_knows_is_opened_again() {
    let engine = engine().await;
    engine.teams.answer_next(
        Script::status(404)
            .body(&json!({"error": {"code": "ConversationNotFound", "message": "Conversation not found."}})),
    );
    let delivery = one(&engine).await;
    assert_eq!(delivery.state, State::Delivered, "{delivery:#?}");
    assert_eq!(engine.teams.count(Operation::CreateConversation), 1);
}

#[tokio::test]
async fn a_channel_teams_does_not_know_is_given_up_with_the_reason() {
    let engine = engine().await;
    let gone = json!({"error": {"code": "ConversationNotFound", "message": "Conversation not found."}});
    engine.teams.answer_next(Script::status(404).body(&gone).always());
    engine.post("/hooks/other", &json!({})).await;
    let dead = engine.settled().await.remove(0);
    assert_eq!(dead.state, State::Dead, "{dead:#?}");
    assert!(dead.reason.is_some());
}

#[tokio::test]
async fn a_card_teams_finds_too_large_is_cut_and_arrives() {
    let engine = engine().await;
    engine.teams.answer_next(
        Script::status(413)
            .body(&json!({"error": {"code": "MessageSizeTooBig", "message": "Message size too large."}})),
    );
    let text = "a long story ".repeat(1000);
    engine.post("/hooks/ci", &json!({"title": "t", "text": text})).await;
    let delivery = engine.settled().await.remove(0);
    assert_eq!(delivery.state, State::Delivered, "{delivery:#?}");
}

#[tokio::test]
async fn a_message_teams_will_never_take_is_given_up_at_once_and_can_be_retried_by_hand() {
    let engine = engine().await;
    engine
        .teams
        .answer_next(Script::status(400).body(&json!({"error": {"code": "BadArgument", "message": "Bad card"}})));
    let delivery = one(&engine).await;
    assert_eq!(
        (delivery.state, delivery.attempts.len()),
        (State::Dead, 1),
        "{delivery:#?}"
    );
    assert!(
        delivery
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("BadArgument")),
        "{delivery:#?}"
    );

    let (status, answer) = engine
        .post(&format!("/admin/v1/deliveries/{}/retry", delivery.id), &json!({}))
        .await;
    assert_eq!(status, 200, "{answer}");
    engine.messages(1).await;
    let delivery = engine.settled().await.remove(0);
    assert_eq!((delivery.state, delivery.attempts.len()), (State::Delivered, 2));
}

#[tokio::test]
async fn a_token_endpoint_that_is_down_or_refuses_costs_no_message() {
    for script in [
        Script::status(500).on(Operation::Token).times(1),
        Script::drop_connection().on(Operation::Token).times(1),
        Script::wrong_secret().times(1),
    ] {
        let workspace = Workspace::new().rule("r", RULE).clock_at("2026-03-02T08:00:00Z");
        let engine = workspace.start().await;
        engine.known(&["Anna Berg"]).await;
        // The token that Herald has is refused, and so is its wish for another one.
        engine.teams.expire_tokens();
        engine.teams.answer_next(script);
        let before = engine.teams.count(Operation::Token);
        engine.post("/hooks/ci", &json!({"title": "t"})).await;
        // The next try waits for the clock, which only the test turns: turn it until the message is there.
        let hand = engine.hand.clone().expect("the clock is the test's");
        let arrived = async {
            while engine.teams.received().is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                hand.advance(chrono::Duration::seconds(15));
            }
        };
        if tokio::time::timeout(PATIENCE, arrived).await.is_err() {
            panic!("the message does not arrive: {:#?}", engine.deliveries().await);
        }
        let asked = engine.teams.count(Operation::Token) - before;
        assert!(asked >= 2, "asked once and refused, then again: {asked}");
        engine.messages(1).await;
        let delivery = engine.settled().await.remove(0);
        assert_eq!(delivery.state, State::Delivered, "{delivery:#?}");
    }
}

#[tokio::test]
async fn an_expired_token_is_replaced_and_the_message_sent() {
    let engine = engine().await;
    one(&engine).await;
    engine.teams.expire_tokens();
    engine.post("/hooks/ci", &json!({"title": "second"})).await;
    engine.messages(2).await;
    let all = engine.settled().await;
    assert!(
        all.iter().all(|d| d.state == State::Delivered && d.attempts.len() == 1),
        "{all:#?}"
    );
}

#[tokio::test]
async fn a_waiting_message_can_be_cancelled_and_is_not_sent() {
    let engine = engine().await;
    engine.teams.answer_next(Script::throttled().retry_after(3600));
    engine.post("/hooks/ci", &json!({"title": "t"})).await;
    let waiting = engine
        .until("it waits", |all| {
            all.iter().any(|d| d.attempt_count == 1 && d.state == State::Pending)
        })
        .await;
    let (status, answer) = engine
        .post(&format!("/admin/v1/deliveries/{}/cancel", waiting[0].id), &json!({}))
        .await;
    assert_eq!((status, answer["state"].as_str()), (200, Some("cancelled")), "{answer}");
    let (status, answer) = engine
        .post(&format!("/admin/v1/deliveries/{}/cancel", waiting[0].id), &json!({}))
        .await;
    assert_eq!(status, 409, "{answer}");
    assert!(engine.teams.received().is_empty());
}

#[tokio::test]
async fn what_was_waiting_at_a_stop_arrives_after_the_start() {
    let mut engine = engine().await;
    engine.teams.answer_next(Script::status(503).times(1));
    engine.teams.go_away();
    for title in ["a", "b", "c"] {
        let (status, _) = engine.post("/hooks/ci", &json!({"title": title})).await;
        assert_eq!(status, 202);
    }
    engine.stop().await;
    engine.teams.come_back();
    engine.start_server().await;
    engine.messages(3).await;
    let all = engine.settled().await;
    assert!(all.iter().all(|d| d.state == State::Delivered), "{all:#?}");
    assert_eq!(engine.teams.received().len(), 3);
}

#[tokio::test]
async fn a_full_disk_refuses_posts_with_the_time_to_come_back_and_takes_them_again_when_there_is_room() {
    let workspace = Workspace::new().rule("r", RULE);
    let Some(disk) = SmallDisk::mount_at(&workspace.path().join("data"), 96) else {
        return;
    };
    let mut engine = workspace.start().await;
    engine.known(&["Anna Berg"]).await;
    assert_eq!(one(&engine).await.state, State::Delivered);

    // Less than Herald keeps free for finishing what it began.
    disk.fill(16 << 20);
    let answer = reqwest::Client::new()
        .post(engine.url("/hooks/ci"))
        .json(&json!({"title": "no room"}))
        .send()
        .await
        .expect("Herald answers");
    assert_eq!(answer.status(), 503);
    assert_eq!(
        answer.headers().get("retry-after").map(|after| after.as_bytes()),
        Some(b"10".as_slice())
    );
    let said: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(said["error"]["code"], "store_unavailable", "{said}");
    assert_eq!(engine.deliveries().await.len(), 1, "nothing was taken");

    disk.make_room();
    let (status, answer) = engine.post("/hooks/ci", &json!({"title": "room again"})).await;
    assert_eq!(status, 202, "{answer}");
    engine.messages(2).await;
    engine.settled().await;
    engine.stop().await;
}
