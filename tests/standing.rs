//! A no to the bot as a whole: who waits, who is told, and that it goes on by itself.

use chrono::Duration;
use herald::audience::{Found, Lookup};
use herald::delivery::State;
use herald::roster::{ConversationId, Fact};
use herald::sandbox::{Operation, Script};
use serde_json::json;

use crate::support::engine::{Engine, PATIENCE, Workspace};

fn workspace() -> Workspace {
    let rule = |person: &str, hook: &str| {
        format!("when: {{ hook: {hook} }}\nnotify: [{{ person: {person} }}]\ncard: {{ message: hello }}\n")
    };
    Workspace::new()
        .hook("other: { path: other, signature: none, anyone_can_post: true }")
        .rule("anna", &rule("Anna Berg", "ci"))
        .rule("omar", &rule("Omar Haddad", "other"))
}

async fn post(engine: &Engine, hook: &str) {
    let (status, answer) = engine.post(&format!("/hooks/{hook}"), &json!({})).await;
    assert_eq!(status, 202, "{answer}");
}

async fn troubles(engine: &Engine) -> Vec<serde_json::Value> {
    let (_, ready) = engine.get("/readyz").await;
    ready["teams"].as_array().cloned().expect("a list")
}

/// Turns the clock until everything has arrived.
async fn turn_until_delivered(engine: &Engine) {
    let hand = engine.hand.clone().expect("the clock is the test's");
    let arrived = async {
        while !engine.deliveries().await.iter().all(|d| d.state == State::Delivered) {
            hand.advance(Duration::seconds(15));
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, arrived).await.is_err() {
        panic!("not delivered: {:#?}", engine.deliveries().await);
    }
}

fn switched_off() -> Script {
    let body = json!({"error": {"code": "BotDisabledByAdmin", "message": "The tenant admin disabled this bot"}});
    Script::status(403).body(&body)
}

#[tokio::test]
async fn an_administrator_who_blocks_the_app_stops_their_own_tenant_alone_until_it_is_allowed_again() {
    let engine = workspace().clock_at("2026-03-02T08:00:00Z").start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    let directory = engine.server().stores().directory.clone();
    let omar = ConversationId::new(&engine.teams.conversation_id("Omar Haddad").expect("known"));
    let Found::Conversation(Some(mut chat)) = directory.look_up(&Lookup::Conversation(omar)).await.expect("read")
    else {
        panic!("the chat is known")
    };
    chat.tenant_id = "7e4a4700-aaaa-4bbb-8ccc-ddddeeee0002".to_owned();
    chat.person
        .as_mut()
        .expect("Omar")
        .tenant_id
        .clone_from(&chat.tenant_id);
    directory.learn(&[Fact::ConversationSeen(chat)]).await.expect("learnt");

    let anna = engine.teams.conversation_id("Anna Berg").expect("known");
    engine.teams.answer_next(switched_off().in_conversation(&anna).always());
    for _ in 0..3 {
        post(&engine, "ci").await;
    }
    engine
        .teams
        .wait_for_calls(Operation::Send, 1, PATIENCE)
        .await
        .expect("Anna's is tried");
    for _ in 0..3 {
        post(&engine, "other").await;
    }
    engine.messages(3).await;
    assert_eq!(
        engine.teams.received_in("Omar Haddad").len(),
        3,
        "the other tenant gets its messages"
    );
    let found = troubles(&engine).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["tenant_id"], engine.teams.tenant());
    let (_, metrics) = engine.get("/metrics").await;
    let metrics = metrics.as_str().expect("a text").to_owned();
    assert!(metrics.contains("herald_suspended{scope=\"tenant\"} 1"), "{metrics}");
    assert!(metrics.contains("herald_suspended{scope=\"bot\"} 0"), "{metrics}");

    // A quarter of an hour of asking now and then, not once for each message.
    let hand = engine.hand.clone().expect("the clock is the test's");
    for _ in 0..60 {
        hand.advance(Duration::seconds(15));
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let tries = engine.teams.count(Operation::Send) - 3;
    assert!((2..=8).contains(&tries), "{tries} tries in a quarter of an hour");
    let waiting = engine.deliveries().await;
    assert!(
        waiting
            .iter()
            .filter(|d| d.rule == "anna")
            .all(|d| d.attempt_count == 0 && d.state == State::Pending),
        "{waiting:#?}"
    );

    engine.teams.forget_scripts();
    turn_until_delivered(&engine).await;
    assert_eq!(engine.teams.received_in("Anna Berg").len(), 3);
    assert_eq!(troubles(&engine).await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn a_bot_that_teams_does_not_accept_loses_nothing_and_goes_on_by_itself() {
    let engine = workspace().clock_at("2026-03-02T08:00:00Z").start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    engine.teams.answer_next(Script::status(401).always());
    post(&engine, "ci").await;
    engine
        .teams
        .wait_for_calls(Operation::Send, 2, PATIENCE)
        .await
        .expect("asked, and asked with a new token");
    post(&engine, "other").await;
    let ends = tokio::time::Instant::now() + PATIENCE;
    while troubles(&engine).await.is_empty() {
        assert!(tokio::time::Instant::now() < ends, "nobody says why nothing is sent");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let found = troubles(&engine).await;
    assert!(found[0]["tenant_id"].is_null(), "{found:#?}");
    let reason = found[0]["reason"].as_str().expect("a sentence");
    assert!(reason.contains("bot.app_id"), "{reason}");
    let (_, status) = engine.get("/admin/v1/status").await;
    assert_eq!(status["teams"], json!(found), "the page and doctor are told the same");
    // A day passes, and nothing is given up.
    let hand = engine.hand.clone().expect("the clock is the test's");
    for _ in 0..30 {
        hand.advance(Duration::hours(1));
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(engine.deliveries().await.iter().all(|d| d.attempt_count == 0));
    engine.teams.forget_scripts();
    turn_until_delivered(&engine).await;
    assert!(troubles(&engine).await.is_empty());
}

#[tokio::test]
async fn one_conversation_that_refuses_our_token_does_not_stop_the_others() {
    let engine = workspace().start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    post(&engine, "other").await;
    engine.messages(1).await;
    let anna = engine.teams.conversation_id("Anna Berg").expect("known");
    engine
        .teams
        .answer_next(Script::status(401).in_conversation(&anna).always());
    post(&engine, "ci").await;
    engine
        .until("Anna's is tried", |all| {
            all.iter().any(|d| d.rule == "anna" && d.attempt_count == 1)
        })
        .await;
    post(&engine, "other").await;
    engine.messages(2).await;
    assert!(troubles(&engine).await.is_empty());
}

#[tokio::test]
async fn a_tenant_of_the_government_cloud_is_reached_at_its_own_host_and_that_is_remembered() {
    let engine = workspace()
        .rule(
            "channel",
            "when: { hook: ci }\nnotify: [{ channel: Platform / Releases }]\ncard: { message: hello }\n",
        )
        .start()
        .await;
    engine.known(&["Anna Berg", "Platform"]).await;
    engine.teams.set_in_gcc(true);
    post(&engine, "ci").await;
    engine.messages(2).await;
    let all = engine.settled().await;
    assert!(
        all.iter().all(|d| d.state == State::Delivered && d.attempt_count == 1),
        "{all:#?}"
    );
    let calls = engine.teams.count(Operation::Send);
    assert_eq!(calls, 4, "each was asked at the old host once");
    post(&engine, "ci").await;
    engine.messages(4).await;
    assert_eq!(engine.teams.count(Operation::Send), calls + 2, "the host is remembered");
    let directory = engine.server().stores().directory.clone();
    let remembered = directory.service_url(engine.teams.tenant()).await.expect("readable");
    assert_eq!(remembered, Some(engine.teams.gcc_service_url()));
}

#[tokio::test]
async fn members_of_a_tenant_that_switched_the_bot_off_are_asked_for_now_and_then_and_no_rule_goes_on_without_them() {
    let engine = Workspace::new()
        .rule(
            "members",
            "when: { hook: ci }\nnotify: [{ members_of: Platform }]\ncard: { message: hello }\n",
        )
        .clock_at("2026-03-02T08:00:00Z")
        .start()
        .await;
    engine.known(&["Platform"]).await;
    for operation in [Operation::Members, Operation::Channels, Operation::Team] {
        engine.teams.answer_next(switched_off().on(operation).always());
    }
    let hand = engine.hand.clone().expect("the clock is the test's");
    // Who was in the team is too long ago.
    hand.advance(Duration::hours(2));
    for _ in 0..3 {
        post(&engine, "ci").await;
    }
    let asked = |engine: &Engine| {
        [Operation::Members, Operation::Channels, Operation::Team]
            .map(|operation| engine.teams.count(operation))
            .iter()
            .sum::<u64>()
    };
    let before = asked(&engine);
    // A day of asking now and then, however many rules wait.
    for _ in 0..(24 * 12) {
        hand.advance(Duration::minutes(5));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let tries = asked(&engine) - before;
    assert!(
        (1..=110).contains(&tries),
        "{tries} requests in a day, four an hour are enough"
    );
    assert_eq!(troubles(&engine).await.len(), 1);
    assert!(engine.deliveries().await.is_empty(), "nobody was given up");

    engine.teams.forget_scripts();
    let arrived = async {
        while engine.teams.count(Operation::Send) < 3 {
            hand.advance(Duration::seconds(15));
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.expect("the rules go on");
    turn_until_delivered(&engine).await;
    assert!(troubles(&engine).await.is_empty());
}
