//! Many recipients: what is urgent overtakes, what is guarded waits, and a broadcast is taken in part by part.

use std::time::Duration;

use herald::clock::Clock;
use herald::delivery::{RunId, State};
use herald::event::EventId;
use herald::run::{Order, Run};
use herald::sandbox::Script;
use herald::store::outbox::Ordered;
use serde_json::{Value, json};

use crate::support::engine::{Engine, PATIENCE, Workspace, texts};

const BROADCAST: &str = "when: { hook: ci }\nnotify: [{ members_of: Platform }]\ncard: { message: news }\n";

/// An engine whose rule `news` tells a team of so many, all of whom it knows.
async fn engine(rule: &str, people: usize) -> Engine {
    let engine = stranger(rule, people).await;
    engine.known(&["Platform", "Anna Berg"]).await;
    engine
}

/// One that knows nobody yet.
async fn stranger(rule: &str, people: usize) -> Engine {
    Workspace::new()
        .rule("news", rule)
        .rule(
            "fire",
            "when: { hook: alarm }\nurgency: critical\nnotify: [{ person: Anna Berg }]\ncard: { message: fire }\n",
        )
        .hook("alarm: { path: alarm, signature: none, anyone_can_post: true }")
        .start_with(|teams| teams.fill_silently("Platform", people).expect("filled"))
        .await
}

async fn run(engine: &Engine, answer: &Value) -> Option<Run> {
    let event = EventId::known(answer["event"].as_str().expect("an event"));
    let id = RunId::of(&event, "news");
    engine.server().stores().outbox.run(&id).await.expect("readable")
}

async fn until(engine: &Engine, answer: &Value, what: &str, wanted: impl Fn(&Run) -> bool) -> Run {
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let run = run(engine, answer).await;
        if let Some(run) = &run
            && wanted(run)
        {
            return run.clone();
        }
        assert!(tokio::time::Instant::now() < ends, "{what}: {run:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn order(engine: &Engine, run: &Run, order: Order) {
    let outbox = &engine.server().stores().outbox;
    let done = outbox
        .order(&run.id, order, None, Clock::system().now())
        .await
        .expect("ordered");
    assert!(matches!(done, Ordered::Done(_)), "{done:?}");
}

#[tokio::test]
async fn an_urgent_card_overtakes_a_broadcast_that_is_under_way() {
    let engine = engine(BROADCAST, 400).await;
    engine.post("/hooks/ci", &json!({})).await;
    let before = engine.messages(20).await.len();
    let (_, answer) = engine.post("/hooks/alarm", &json!({})).await;
    assert_eq!(answer["runs"][0]["phase"], "running", "{answer}");
    engine.settled().await;
    let all = engine.teams.received();
    assert!(all.len() > 400, "{}", all.len());
    let place = all.iter().position(|message| texts(&message.activity).contains("fire"));
    let place = place.expect("the urgent card arrived");
    // A few were on their way already, and more left while it was posted on a busy machine.
    assert!(
        place < before + 150,
        "{before} were there when it was posted, and it came as number {place}"
    );
}

#[tokio::test]
async fn a_run_to_many_waits_until_somebody_approves_it() {
    let engine = engine(&format!("{BROADCAST}send: {{ needs_approval_above: 10 }}\n"), 30).await;
    let (_, answer) = engine.post("/hooks/ci", &json!({})).await;
    let waiting = until(&engine, &answer, "taken in", |run| run.tally.open >= 30).await;
    assert_eq!(waiting.phase.word(), "awaiting approval");
    // Others are not held up by it, not even by the messages to the same person.
    engine.post("/hooks/alarm", &json!({})).await;
    engine.messages(1).await;
    assert_eq!(engine.teams.received().len(), 1);
    order(&engine, &waiting, Order::Approve).await;
    let over = until(&engine, &answer, "sent", Run::is_over).await;
    assert_eq!(over.tally.delivered, waiting.tally.open);
    assert_eq!(engine.teams.received().len() as u64, 1 + waiting.tally.open);
}

#[tokio::test]
async fn a_run_is_tried_on_some_before_the_others_get_it() {
    let rule = format!("{BROADCAST}send: {{ first_try_on: [{{ person: Anna Berg }}] }}\n");
    let engine = engine(&rule, 30).await;
    let anna = engine.teams.conversation_id("Anna Berg").expect("known");
    engine
        .teams
        .answer_next(Script::status(503).retry_after(1).in_conversation(&anna));
    let (_, answer) = engine.post("/hooks/ci", &json!({})).await;
    let over = until(&engine, &answer, "sent", Run::is_over).await;
    assert_eq!((over.first.count, over.first.delivered), (1, 1));
    assert!(over.tally.delivered > 30);
    let all = engine.teams.received();
    assert_eq!(
        all[0].conversation, anna,
        "she was the first, although she had to be tried twice"
    );
}

#[tokio::test]
async fn a_run_that_fails_for_the_first_stops_and_can_be_let_go_on() {
    let rule = format!("{BROADCAST}send: {{ first_try_on: [{{ person: Anna Berg }}] }}\n");
    let engine = engine(&rule, 30).await;
    let anna = engine.teams.conversation_id("Anna Berg").expect("known");
    engine.teams.answer_next(Script::blocked().in_conversation(&anna));
    let (_, answer) = engine.post("/hooks/ci", &json!({})).await;
    let paused = until(&engine, &answer, "paused", |run| run.phase.word() == "paused").await;
    assert_eq!((paused.tally.dead, paused.tally.delivered), (1, 0));
    order(&engine, &paused, Order::Resume).await;
    let over = until(&engine, &answer, "sent", Run::is_over).await;
    assert_eq!(over.tally.delivered + 1, over.expected);
}

#[tokio::test]
async fn a_run_that_fails_too_often_is_paused() {
    let engine = engine(&format!("{BROADCAST}send: {{ stop_if_failing: 10 % }}\n"), 120).await;
    engine.teams.answer_next(Script::blocked().times(60));
    let (_, answer) = engine.post("/hooks/ci", &json!({})).await;
    let paused = until(&engine, &answer, "paused", |run| run.phase.word() == "paused").await;
    assert!(paused.tally.open > 0, "{paused:#?}");
}

#[tokio::test]
async fn what_could_not_be_sent_in_time_is_dropped_with_the_reason() {
    let engine = Workspace::new()
        .rule(
            "r",
            "when: { hook: ci }\nexpires_after: 2 s\nnotify: [{ person: Anna Berg }]\ncard: { message: soon }\n",
        )
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine.teams.answer_next(Script::throttled().retry_after(3));
    engine.post("/hooks/ci", &json!({})).await;
    let all = engine.settled().await;
    assert_eq!(all[0].state, State::Cancelled, "{all:#?}");
    assert!(
        all[0]
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("expires_after"))
    );
    assert_eq!(engine.teams.received().len(), 0);
}

#[tokio::test]
async fn a_broadcast_is_taken_in_part_by_part_and_a_restart_goes_on_with_it() {
    const PEOPLE: usize = 3_500;
    let mut engine = stranger(&format!("{BROADCAST}send: {{ needs_approval_above: 10 }}\n"), PEOPLE).await;
    engine.installed(&["Platform"]).await;
    let (status, answer) = engine.post("/hooks/ci", &json!({})).await;
    assert_eq!(status, 202, "{answer}");
    engine.restart().await;
    let run = until(&engine, &answer, "taken in", |run| run.complete).await;
    assert!(run.expected >= PEOPLE as u64, "{run:#?}");
    assert_eq!(run.tally.open, run.expected, "everybody once");
    assert_eq!(run.phase.word(), "awaiting approval");
    assert_eq!(engine.teams.received().len(), 0);
    let outbox = engine.server().stores().outbox.clone();
    let event = EventId::known(answer["event"].as_str().expect("an event"));
    let ends = tokio::time::Instant::now() + PATIENCE;
    while !outbox.held_of(&event).await.expect("readable").is_empty() {
        assert!(tokio::time::Instant::now() < ends, "nothing is left to be taken in");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let record = outbox.event(&event).await.expect("readable").expect("there");
    assert_eq!(record.rules[0].deliveries as u64, run.expected, "{:#?}", record.rules);
    let cards: std::collections::HashSet<_> = engine.deliveries().await.into_iter().map(|d| d.card_id).collect();
    assert_eq!(cards.len(), 1, "one card for all");
    let (_, again) = engine.post("/hooks/ci", &json!({})).await;
    assert_ne!(again["event"], answer["event"]);
}
