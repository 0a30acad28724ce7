//! The place where the bot gets its token is down for an hour.

use std::time::Duration;

use chrono::TimeDelta;
use herald::delivery::State;
use herald::sandbox::{Operation, Script};
use serde_json::json;

use crate::support::engine::Workspace;

const RULE: &str =
    "when: { hook: ci }\nnotify: [{ person: \"{{event.who}}\" }]\ncard: { message: \"{{event.text}}\" }\n";

#[tokio::test]
async fn without_a_token_for_an_hour_nothing_is_lost_or_given_up_and_it_goes_on_by_itself() {
    let engine = Workspace::new()
        .rule("r", RULE)
        .clock_at("2026-03-02T08:00:00Z")
        .start()
        .await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    let hand = engine.hand.clone().expect("the clock is the test's");
    engine.teams.expire_tokens();
    engine
        .teams
        .answer_next(Script::status(503).on(Operation::Token).always());
    let asked_before = engine.teams.count(Operation::Token);
    let mut taken = 0;
    for minute in 0..60 {
        // Events keep coming.
        if minute % 6 == 0 {
            for who in ["Anna Berg", "Omar Haddad"] {
                let body = json!({"who": who, "text": format!("minute {minute}")});
                let (status, answer) = engine.post("/hooks/ci", &body).await;
                assert_eq!(status, 202, "{answer}");
                taken += 1;
            }
        }
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(15)).await;
            hand.advance(TimeDelta::seconds(10));
        }
    }
    let asked = engine.teams.count(Operation::Token) - asked_before;
    println!("asked {asked} times for a token in the hour");
    assert!(engine.teams.received().is_empty());
    assert!(
        (5..=240).contains(&asked),
        "neither forgotten nor stormed: asked {asked} times in an hour"
    );
    let waiting = engine.deliveries().await;
    assert_eq!(waiting.len(), taken);
    assert!(
        waiting
            .iter()
            .all(|d| matches!(d.state, State::Pending | State::Sending) && d.attempt_count == 0),
        "nobody's patience is used up by what is not their fault: {waiting:#?}"
    );

    engine.teams.forget_scripts();
    let arrived = async {
        while engine.teams.received().len() < taken {
            tokio::time::sleep(Duration::from_millis(20)).await;
            hand.advance(TimeDelta::seconds(5));
        }
    };
    if tokio::time::timeout(Duration::from_secs(60), arrived).await.is_err() {
        panic!("it does not go on: {:#?}", engine.deliveries().await);
    }
    let all = engine.settled().await;
    assert!(all.iter().all(|d| d.state == State::Delivered), "{all:#?}");
    assert_eq!(engine.teams.received().len(), taken, "each once");
    for who in ["Anna Berg", "Omar Haddad"] {
        let minutes: Vec<u64> = engine
            .teams
            .received_in(who)
            .iter()
            .map(|message| {
                let text = message.activity["text"].as_str().expect("a text");
                text.trim_start_matches("minute ").parse().expect("a number")
            })
            .collect();
        assert!(minutes.is_sorted(), "in order: {minutes:?}");
    }
}
