//! What the pace holds back, while nothing else happens.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use crate::support::engine::Workspace;

const RULE: &str = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: \"{{event.text}}\" }\n";
/// More than one conversation takes in half a minute.
const MESSAGES: usize = 75;

#[tokio::test]
async fn what_the_pace_holds_back_goes_out_in_time_although_nothing_else_happens() {
    let engine = Workspace::new()
        .rule("r", RULE)
        .clock_at("2026-03-02T08:00:00Z")
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    for number in 0..MESSAGES {
        let (status, answer) = engine.post("/hooks/ci", &json!({"text": format!("n{number}")})).await;
        assert_eq!(status, 202, "{answer}");
    }
    let hand = engine.hand.as_ref().expect("the clock is the test's");
    // Two minutes, of which the pace needs half a minute and a bit. From here on only time passes.
    for _ in 0..480 {
        if engine.teams.received().len() == MESSAGES {
            break;
        }
        hand.advance(TimeDelta::milliseconds(250));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let texts: Vec<String> = engine
        .teams
        .received()
        .into_iter()
        .filter_map(|message| message.activity["text"].as_str().map(str::to_owned))
        .collect();
    let expected: Vec<String> = (0..MESSAGES).map(|number| format!("n{number}")).collect();
    assert_eq!(texts, expected, "the rest waits for somebody to ring");
}
