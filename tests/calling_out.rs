//! A step asks another program, and what it answers is there for the steps after it.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::engine::{Engine, PATIENCE, Workspace, texts};
use crate::support::stub::{Said, Stub};

/// A rule that opens a ticket at this address and says so.
fn rule(url: &str) -> String {
    format!(
        "when: {{ hook: ci }}\nnotify: [{{ person: Anna Berg }}]\ncard: {{ message: \"{{{{event.title}}}}\" }}\n\
         then:\n  - name: open a ticket\n    call:\n      url: \"{url}\"\n      body: {{ title: \"{{{{event.title}}}}\", \
         count: \"{{{{event.count}}}}\" }}\n      secret: TICKETS_TOKEN\n      save_as: ticket\n  \
         - if: {{ steps.ticket.ok: true }}\n    card: {{ message: \"Ticket {{{{steps.ticket.body.id}}}} is open\" }}\n  \
         - if: {{ steps.ticket.ok: false }}\n    card: {{ message: \"No ticket: {{{{steps.ticket.error}}}}\" }}\n"
    )
}

async fn engine(rule: &str, calls: &str) -> Engine {
    let workspace = Workspace::new()
        .rule("ticket", rule)
        .settings(calls)
        .secret("TICKETS_TOKEN", "s3cr3t-of-the-tickets");
    let engine = workspace.clock_at("2026-01-05T08:00:00Z").start().await;
    engine.known(&["Anna Berg"]).await;
    engine
}

async fn told(engine: &Engine) -> Value {
    let event = json!({ "title": "Disk \"full\"", "count": 3 });
    let (code, answer) = engine.post("/hooks/ci", &event).await;
    assert_eq!(code, 202, "{answer}");
    answer
}

async fn why(engine: &Engine, answer: &Value) -> String {
    engine
        .herald(&["why", answer["event"].as_str().expect("an event")])
        .await
        .out
}

async fn asked(stub: &Stub, count: usize) {
    let ends = tokio::time::Instant::now() + PATIENCE;
    while stub.asked().len() < count {
        assert!(tokio::time::Instant::now() < ends, "{:#?}", stub.asked());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

const LISTED: &str = "calls: { private_hosts: [\"127.0.0.1\"] }\n";

#[tokio::test]
async fn an_answer_is_there_for_the_steps_after_it() {
    let stub = Stub::start(|_, _| Said::json(201, &json!({ "id": "T-4711" }))).await;
    let engine = engine(&rule(&stub.url("/api/issues")), LISTED).await;
    let event = told(&engine).await;
    let received = engine.messages(2).await;
    assert!(
        texts(&received[1].activity).contains("Ticket T-4711 is open"),
        "{received:#?}"
    );
    let asked = stub.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].method.as_str(), asked[0].path.as_str()),
        ("POST", "/api/issues")
    );
    assert_eq!(asked[0].json(), json!({ "title": "Disk \"full\"", "count": 3 }));
    assert_eq!(asked[0].header("authorization"), Some("Bearer s3cr3t-of-the-tickets"));
    assert!(
        asked[0]
            .header("idempotency-key")
            .is_some_and(|key| key.starts_with("herald-"))
    );
    engine.settled().await;
    let story = why(&engine, &event).await;
    assert!(story.contains("POST 127.0.0.1: it answered 201"), "{story}");
    assert!(!story.contains("s3cr3t"), "{story}");
    let (_, events) = engine.get("/admin/v1/events").await;
    assert!(!events.to_string().contains("s3cr3t"));
}

#[tokio::test]
async fn a_call_that_fails_is_tried_again_over_a_restart_with_the_same_key() {
    let stub = Stub::start(|_, before| match before {
        0 => Said::text(503, "later"),
        1 => Said::text(429, "slowly").header("retry-after", "60"),
        _ => Said::json(200, &json!({ "id": 7 })),
    })
    .await;
    let mut engine = engine(&rule(&stub.url("/")), LISTED).await;
    let event = told(&engine).await;
    asked(&stub, 1).await;
    engine.settled().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let story = why(&engine, &event).await;
    assert!(story.contains("is tried again 2026-01-05 08:00:10"), "{story}");
    engine.restart().await;
    let pass = |seconds| {
        engine
            .hand
            .as_ref()
            .expect("a hand")
            .advance(TimeDelta::seconds(seconds))
    };
    pass(11);
    asked(&stub, 2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    pass(59);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stub.asked().len(), 2, "it asked for a minute");
    pass(2);
    asked(&stub, 3).await;
    let received = engine.messages(2).await;
    assert!(
        texts(&received[1].activity).contains("Ticket 7 is open"),
        "{received:#?}"
    );
    let keys: Vec<Option<String>> = stub
        .asked()
        .iter()
        .map(|asked| asked.header("idempotency-key").map(str::to_owned))
        .collect();
    assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn what_nobody_answers_is_given_up_and_later_steps_know() {
    let stub = Stub::always(404).await;
    let engine = engine(&rule(&stub.url("/")), LISTED).await;
    told(&engine).await;
    let received = engine.messages(2).await;
    assert!(
        texts(&received[1].activity).contains("No ticket: it answered 404"),
        "{received:#?}"
    );
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_an_endless_answer_ends() {
    for (said, expected) in [(302, "No ticket: it answered 302"), (200, "Ticket")] {
        let stub = Stub::start(move |_, _| match said {
            302 => Said::text(302, "").header("location", "http://127.0.0.1:1/"),
            _ => Said::endless(),
        })
        .await;
        let engine = engine(&rule(&stub.url("/")), LISTED).await;
        told(&engine).await;
        let received = engine.messages(2).await;
        assert!(texts(&received[1].activity).contains(expected), "{received:#?}");
        assert_eq!(stub.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_slow_answer_holds_nobody_else_up() {
    let stub = Stub::start(|_, _| Said::json(200, &json!({})).after(Duration::from_secs(8))).await;
    let reminder = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: \"first {{event.title}}\" }\n\
                    then:\n  - { after: 1 minute, card: { message: \"reminder {{event.title}}\" } }\n";
    let workspace = Workspace::new()
        .rule("ticket", &rule(&stub.url("/")))
        .rule("reminder", reminder)
        .settings(LISTED)
        .secret("TICKETS_TOKEN", "x");
    let engine = workspace.clock_at("2026-01-05T08:00:00Z").start().await;
    engine.known(&["Anna Berg"]).await;
    told(&engine).await;
    engine.messages(2).await;
    asked(&stub, 1).await;
    let began = std::time::Instant::now();
    engine.hand.as_ref().expect("a hand").advance(TimeDelta::seconds(61));
    engine.messages(3).await;
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
}

#[tokio::test]
async fn however_many_calls_hang_reminders_come_in_time() {
    const CALLS: usize = 300;
    let stub = Stub::start(|_, _| Said::json(200, &json!({})).after(Duration::from_secs(300))).await;
    let asks = format!(
        "when: {{ hook: ci }}\nif: {{ event.title: asks }}\nnotify: [{{ person: Omar Haddad }}]\n\
         card: {{ message: first }}\n\
         then:\n  - after: 1 minute\n    call: {{ url: \"{}\", timeout: 30 seconds, save_as: answer }}\n",
        stub.url("/")
    );
    let reminder = "when: { hook: ci }\nif: { event.title: reminds }\nnotify: [{ person: Anna Berg }]\n\
                    card: { message: first }\nthen:\n  - { after: 2 minutes, card: { message: reminder } }\n";
    let workspace = Workspace::new()
        .rule("asks", &asks)
        .rule("reminder", reminder)
        .settings(LISTED);
    let engine = workspace.clock_at("2026-01-05T08:00:00Z").start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    let annas = async |count: usize| {
        let ends = tokio::time::Instant::now() + PATIENCE;
        while engine.teams.received_in("Anna Berg").len() < count {
            assert!(tokio::time::Instant::now() < ends, "Anna waits for her card {count}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    for number in 0..CALLS {
        let (code, _) = engine
            .post("/hooks/ci", &json!({ "title": "asks", "number": number }))
            .await;
        assert_eq!(code, 202);
    }
    engine.post("/hooks/ci", &json!({ "title": "reminds" })).await;
    annas(1).await;
    // All of the calls are due before the reminder.
    let began = std::time::Instant::now();
    engine.hand.as_ref().expect("a hand").advance(TimeDelta::seconds(121));
    annas(2).await;
    let received = engine.teams.received_in("Anna Berg");
    assert_eq!(texts(&received[1].activity), "reminder");
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    asked(&stub, 32).await;
    assert!(
        stub.asked().len() <= 64,
        "a host is called so many times at once: {}",
        stub.asked().len()
    );
}
