//! What `limit:` promises: one card in a window, for each thing and each recipient, and a count of the rest.

use chrono::TimeDelta;
use herald::delivery::State;
use herald::sandbox::{Operation, Script};
use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace, texts};

const START: &str = "2026-03-02T14:02:00Z";

/// Tells Anna about `ci`, with what follows.
fn rule(rest: &str) -> String {
    format!("when: {{ hook: ci }}\nnotify: [{{ person: Anna Berg }}]\n{rest}")
}

const SHORT: &str = "card: { title: \"{{event.title}}\" }\nlimit: { once_per: 10 minutes }\n";

async fn at_two(rule_text: &str) -> Engine {
    let engine = Workspace::new().rule("r", rule_text).clock_at(START).start().await;
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

fn held_back(answer: &Value) -> usize {
    let count = |rule: &Value| rule["held_back_count"].as_u64().unwrap_or(0) as usize;
    answer["rules"].as_array().expect("rules").iter().map(count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_events_at_once_are_one_card() {
    let engine = Workspace::new().rule("r", &rule(SHORT)).start().await;
    engine.known(&["Anna Berg"]).await;
    let bodies: Vec<Value> = (0..100)
        .map(|number| json!({ "title": format!("t{number}") }))
        .collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| engine.post("/hooks/ci", body))).await;
    assert!(answers.iter().all(|(status, _)| *status == 202), "{answers:#?}");
    let sent: usize = answers
        .iter()
        .map(|(_, answer)| answer["deliveries"].as_array().expect("ids").len())
        .sum();
    let held: usize = answers.iter().map(|(_, answer)| held_back(answer)).sum();
    assert_eq!((sent, held), (1, 99));
    let settled = engine.settled().await;
    assert_eq!(settled.len(), 1);
    assert_eq!(engine.teams.received().len(), 1);
    let (_, metrics) = engine.get("/metrics").await;
    assert!(
        metrics
            .as_str()
            .expect("text")
            .contains("herald_deliveries_skipped_total{reason=\"limit\"} 99"),
        "{metrics}"
    );
}

#[tokio::test]
async fn the_next_card_says_how_many_were_held_back_and_since_when() {
    let engine = at_two(&rule(SHORT)).await;
    post(&engine, json!({ "title": "first" })).await;
    for _ in 0..12 {
        assert_eq!(held_back(&post(&engine, json!({ "title": "more" })).await), 1);
    }
    pass(&engine, 9).await;
    post(&engine, json!({ "title": "still" })).await;
    engine.messages(1).await;
    pass(&engine, 1).await;
    post(&engine, json!({ "title": "next" })).await;
    let messages = engine.messages(2).await;
    let next = texts(&messages[1].activity);
    assert!(
        next.contains("And 13 more like this since 14:02 UTC. This rule sends one card in 10 minutes at most."),
        "{next}"
    );
    assert!(!texts(&messages[0].activity).contains("more like this"));
    pass(&engine, 11).await;
    post(&engine, json!({ "title": "quiet" })).await;
    let messages = engine.messages(3).await;
    let quiet = texts(&messages[2].activity);
    assert!(!quiet.contains("more like this"), "it was told once: {quiet}");
}

#[tokio::test]
async fn a_window_goes_on_over_a_restart() {
    let mut engine = at_two(&rule(SHORT)).await;
    post(&engine, json!({ "title": "first" })).await;
    post(&engine, json!({ "title": "second" })).await;
    engine.messages(1).await;
    engine.settled().await;
    engine.restart().await;
    pass(&engine, 5).await;
    assert_eq!(held_back(&post(&engine, json!({ "title": "third" })).await), 1);
    pass(&engine, 5).await;
    post(&engine, json!({ "title": "fourth" })).await;
    let messages = engine.messages(2).await;
    let shown = texts(&messages[1].activity);
    assert!(shown.contains("And 2 more like this"), "{shown}");
}

#[tokio::test]
async fn a_card_that_never_arrived_does_not_silence_the_next_one() {
    let engine = at_two(&rule(SHORT)).await;
    engine.teams.answer_next(Script::status(400));
    post(&engine, json!({ "title": "lost" })).await;
    assert_eq!(engine.settled().await[0].state, State::Dead);
    let answer = post(&engine, json!({ "title": "heard" })).await;
    assert_eq!(answer["deliveries"].as_array().expect("ids").len(), 1, "{answer}");
    engine.messages(1).await;
    assert_eq!(held_back(&post(&engine, json!({ "title": "third" })).await), 1);
}

#[tokio::test]
async fn each_recipient_has_a_window_of_their_own() {
    let engine = at_two(
        "when: { hook: ci }\nnotify: [{ person: \"{{event.who}}\" }, { person: Anna Berg }]\n\
         card: { title: hello }\nlimit: { once_per: 1 hour }\n",
    )
    .await;
    let answer = post(&engine, json!({ "who": "Anna Berg" })).await;
    assert_eq!(answer["deliveries"].as_array().expect("ids").len(), 1);
    let answer = post(&engine, json!({ "who": "Omar Haddad" })).await;
    assert_eq!(answer["deliveries"].as_array().expect("ids").len(), 1, "{answer}");
    assert_eq!(held_back(&answer), 1);
    let who = &answer["rules"][0]["held_back"][0];
    assert_eq!(who["recipient"], "Anna Berg", "{answer}");
    assert_eq!(who["until"], "2026-03-02T15:02:00Z", "{answer}");
    engine.messages(2).await;
}

#[tokio::test]
async fn what_is_named_by_for_each_is_counted_separately() {
    let engine = at_two(&rule(
        "card: { title: hello }\nlimit: { once_per: 1 hour, for_each: \"{{event.repo}}\" }\n",
    ))
    .await;
    let mut held = Vec::new();
    for repo in ["web", "api", "web", "api", "docs"] {
        held.push(held_back(&post(&engine, json!({ "repo": repo })).await));
    }
    assert_eq!(held, [0, 0, 1, 1, 0]);
    let first = post(&engine, json!({})).await;
    let warnings = first["rules"][0]["warnings"].to_string();
    assert!(warnings.contains("all such events are counted together"), "{warnings}");
    assert_eq!(held_back(&first), 0);
    assert_eq!(held_back(&post(&engine, json!({ "repo": "" })).await), 1);
}

#[tokio::test]
async fn the_rest_can_be_dropped_without_a_word() {
    let engine = at_two(&rule(
        "card: { title: hello }\nlimit: { once_per: 10 minutes, rest: drop }\n",
    ))
    .await;
    post(&engine, json!({})).await;
    assert_eq!(held_back(&post(&engine, json!({})).await), 1);
    pass(&engine, 10).await;
    post(&engine, json!({})).await;
    let messages = engine.messages(2).await;
    assert!(
        !texts(&messages[1].activity).contains("more"),
        "{:#?}",
        messages[1].activity
    );
}

#[tokio::test]
async fn a_card_whose_author_tells_the_count_is_left_as_it_is() {
    let engine = at_two(&rule(
        "card: { title: \"hello{{#if limit.held_back}}, {{limit.held_back}} more since {{date limit.since \\\"time\\\"}}{{/if}}\" }\n\
         limit: { once_per: 10 minutes }\n",
    ))
    .await;
    let first = post(&engine, json!({})).await;
    assert_eq!(first["rules"][0]["warnings"], json!([]));
    post(&engine, json!({})).await;
    pass(&engine, 10).await;
    post(&engine, json!({})).await;
    let messages = engine.messages(2).await;
    let shown = texts(&messages[1].activity);
    assert!(shown.contains("hello, 1 more since 14:02 UTC"), "{shown}");
    assert!(!shown.contains("more like this"), "{shown}");
    assert!(texts(&messages[0].activity).contains("hello"));
}

#[tokio::test]
async fn messages_and_cards_made_from_the_event_tell_the_count_too() {
    for card in ["card: { message: hello }\n", ""] {
        let engine = at_two(&rule(&format!("{card}limit: {{ once_per: 1 day }}\n"))).await;
        post(&engine, json!({ "title": "hello" })).await;
        post(&engine, json!({ "title": "hello" })).await;
        pass(&engine, 25 * 60).await;
        post(&engine, json!({ "title": "hello" })).await;
        let messages = engine.messages(2).await;
        let shown = texts(&messages[1].activity);
        assert!(
            shown.contains(
                "And 1 more like this since 2 Mar 2026, 14:02 UTC. This rule sends one card in 1 day at most."
            ),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_clock_that_is_put_back_neither_sends_twice_nor_silences_for_long() {
    let engine = at_two(&rule(SHORT)).await;
    post(&engine, json!({})).await;
    engine.settled().await;
    pass(&engine, -24 * 60).await;
    assert_eq!(held_back(&post(&engine, json!({})).await), 1);
    pass(&engine, 10).await;
    assert_eq!(held_back(&post(&engine, json!({})).await), 0);
}

#[tokio::test]
async fn a_rule_that_waits_for_a_list_of_members_counts_each_of_them_once() {
    let engine = Workspace::new()
        .rule(
            "r",
            "when: { hook: ci }\nnotify: [{ person: Anna Berg }, { members_of: Platform }]\n\
             card: { title: hello }\nlimit: { once_per: 1 day }\n",
        )
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    post(&engine, json!({})).await;
    engine.settled().await;
    engine
        .teams
        .answer_next(Script::status(500).on(Operation::Members).times(2));
    engine.installed(&["Platform"]).await;
    post(&engine, json!({})).await;
    let settled = engine.settled().await;
    let anna = settled.iter().filter(|d| d.recipient.name == "Anna Berg").count();
    assert_eq!(anna, 1, "{settled:#?}");
    assert!(
        settled.iter().any(|d| d.recipient.name == "Omar Haddad"),
        "{settled:#?}"
    );
    let ids: Vec<_> = settled.iter().map(|d| d.event_id.clone()).collect();
    for id in ids {
        let record = engine
            .server()
            .stores()
            .outbox
            .event(&id)
            .await
            .expect("readable")
            .expect("kept");
        let again = record.rules[0].held_back_count;
        assert!(again <= 1, "{record:#?}");
    }
}
