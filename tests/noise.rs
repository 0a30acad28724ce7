//! What keeps people from drowning: digests, lists taken apart, and the storm breaker.

use chrono::TimeDelta;
use herald::delivery::State;
use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace, texts};

mod digests;
mod splits;
mod storms;

/// A Monday.
const START: &str = "2026-03-02T14:02:00Z";

async fn engine(rule: &str, settings: &str) -> Engine {
    let workspace = Workspace::new().rule("r", rule).settings(settings).clock_at(START);
    let engine = workspace.start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    engine
}

async fn post(engine: &Engine, body: Value) -> Value {
    let (status, answer) = engine.post("/hooks/ci", &body).await;
    assert_eq!(status, 202, "{answer}");
    answer
}

/// Turns the clock once nothing is under way: a delivery whose lease ends is sent again.
async fn pass(engine: &Engine, minutes: i64) {
    engine.settled().await;
    engine
        .hand
        .as_ref()
        .expect("a clock")
        .advance(TimeDelta::minutes(minutes));
}

fn held_back(answer: &Value) -> u64 {
    let rules = answer["rules"].as_array().expect("rules").iter();
    rules.map(|rule| rule["held_back_count"].as_u64().unwrap_or(0)).sum()
}

fn sent(answer: &Value) -> usize {
    answer["deliveries"].as_array().expect("ids").len()
}

/// The texts of the last of so many messages.
async fn nth(engine: &Engine, count: u64) -> String {
    let messages = engine.messages(count).await;
    texts(&messages.last().expect("one").activity)
}

/// Waits until whatever is due is done, and gives how many messages there are.
async fn quiet(engine: &Engine) -> usize {
    let outbox = engine.server().stores().outbox.clone();
    for _ in 0..500 {
        if outbox
            .next_timer()
            .await
            .expect("readable")
            .is_none_or(|at| at > engine.now())
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let settled = engine.settled().await;
    settled
        .iter()
        .filter(|delivery| delivery.state == State::Delivered)
        .count()
}

/// The story of an event.
async fn why(engine: &Engine, event: &str) -> String {
    let (status, answer) = engine.get(&format!("/admin/v1/events/{event}")).await;
    assert_eq!(status, 200, "{answer}");
    answer["text"].as_str().expect("a text").to_owned()
}

fn alert(name: &str, severity: &str) -> Value {
    json!({ "status": "firing", "labels": { "alertname": name, "severity": severity } })
}
