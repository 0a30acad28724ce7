//! What follows a message: reminders, escalations, follow-ups, over restarts, standstills and changes of the rule.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::engine::{Engine, PATIENCE, Workspace, texts};

const ESCALATION: &str = "when: { hook: ci }\n\
    language: en\n\
    notify: [{ person: Anna Berg }]\n\
    card: { title: \"{{event.title}}\", text: \"Please look\" }\n\
    buttons: [acknowledge, close]\n\
    then:\n\
    \x20 - name: tell the next one\n\
    \x20   after: 15 minutes\n\
    \x20   unless: acknowledged\n\
    \x20   notify: [{ person: Omar Haddad }]\n\
    \x20 - name: tell the channel\n\
    \x20   after: 30 minutes\n\
    \x20   unless: acknowledged\n\
    \x20   notify: [{ channel: Platform / Incidents }]\n\
    \x20   card: { title: \"Nobody has taken it: {{event.title}}\" }\n";

const START: &str = "2026-01-05T08:00:00Z";

async fn engine(rule: &str) -> Engine {
    let engine = Workspace::new().rule("pager", rule).clock_at(START).start().await;
    engine.known(&["Platform", "Anna Berg", "Omar Haddad"]).await;
    engine
}

async fn told(engine: &Engine, title: &str) -> Value {
    let (code, answer) = engine.post("/hooks/ci", &json!({ "id": "7", "title": title })).await;
    assert_eq!(code, 202, "{answer}");
    engine.settled().await;
    answer
}

fn pass(engine: &Engine, minutes: i64) {
    engine
        .hand
        .as_ref()
        .expect("a hand")
        .advance(TimeDelta::minutes(minutes));
}

/// How many messages there are once nothing more happens for a moment.
async fn count(engine: &Engine) -> usize {
    tokio::time::sleep(Duration::from_millis(400)).await;
    engine.settled().await;
    engine.teams.received().len()
}

fn shown(engine: &Engine, place: &str) -> Vec<String> {
    let bots = engine.teams.shown_in(place).into_iter().filter(|one| one.by_bot);
    bots.map(|one| texts(&one.activity)).collect()
}

async fn press(engine: &Engine, who: &str, place: &str, button: &str) {
    let mut bots = engine.teams.shown_in(place).into_iter().filter(|one| one.by_bot);
    let message = bots.next().expect("there is a card").id;
    let answer = engine
        .teams
        .press(who, place, &message, button, &json!({}))
        .await
        .expect("told");
    assert_eq!(answer.status, 200, "{}", answer.body);
    engine.settled().await;
}

async fn why(engine: &Engine, answer: &Value) -> String {
    engine
        .herald(&["why", answer["event"].as_str().expect("an event")])
        .await
        .out
}

#[tokio::test]
async fn others_are_told_while_nobody_takes_it_each_at_their_minute_also_over_restarts() {
    let mut engine = engine(ESCALATION).await;
    let event = told(&engine, "Disk full").await;
    engine.messages(1).await;
    pass(&engine, 14);
    assert_eq!(count(&engine).await, 1);
    engine.restart().await;
    pass(&engine, 1);
    engine.messages(2).await;
    assert!(shown(&engine, "Omar Haddad")[0].contains("Please look"));
    assert!(shown(&engine, "Omar Haddad")[0].contains("Acknowledge"));
    assert_eq!(count(&engine).await, 2);
    engine.restart().await;
    assert_eq!(count(&engine).await, 2, "what was done is not done again");
    let story = why(&engine, &event).await;
    assert!(story.contains("tell the next one, 2026-01-05 08:15:00"), "{story}");
    assert!(story.contains("told 1 recipient (ev_"), "{story}");
    assert!(story.contains("tell the channel comes 2026-01-05 08:30:00"), "{story}");
    pass(&engine, 15);
    engine.messages(3).await;
    assert!(shown(&engine, "Platform / Incidents")[0].contains("Nobody has taken it: Disk full"));
    pass(&engine, 24 * 60);
    assert_eq!(count(&engine).await, 3);
    let story = why(&engine, &event).await;
    assert!(story.contains("nothing more is to come"), "{story}");
}

#[tokio::test]
async fn whoever_takes_it_stops_what_would_follow_and_every_card_says_so() {
    let engine = engine(ESCALATION).await;
    let event = told(&engine, "Disk full").await;
    pass(&engine, 15);
    engine.messages(2).await;
    engine.settled().await;
    press(&engine, "Omar Haddad", "Omar Haddad", "Acknowledge").await;
    for place in ["Anna Berg", "Omar Haddad"] {
        let cards = shown(&engine, place);
        assert!(cards[0].contains("Omar Haddad took it"), "{place}: {cards:?}");
    }
    pass(&engine, 60);
    assert_eq!(count(&engine).await, 2);
    let story = why(&engine, &event).await;
    assert!(story.contains("left out: it is acknowledged"), "{story}");
}

#[tokio::test]
async fn a_card_of_a_step_stays_its_own_when_somebody_takes_it() {
    let engine = engine(ESCALATION).await;
    told(&engine, "Disk full").await;
    pass(&engine, 15);
    engine.messages(2).await;
    pass(&engine, 15);
    engine.messages(3).await;
    engine.settled().await;
    press(&engine, "Omar Haddad", "Platform / Incidents", "Acknowledge").await;
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let card = shown(&engine, "Platform / Incidents")[0].clone();
        assert!(card.contains("Nobody has taken it"), "{card}");
        if card.contains("Omar Haddad took it") {
            break;
        }
        assert!(tokio::time::Instant::now() < ends, "{card}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_is_closed_is_followed_by_nothing() {
    let engine = engine(ESCALATION).await;
    let event = told(&engine, "Disk full").await;
    press(&engine, "Anna Berg", "Anna Berg", "Close").await;
    pass(&engine, 60);
    assert_eq!(count(&engine).await, 1);
    let story = why(&engine, &event).await;
    assert!(story.contains("not needed: it is closed"), "{story}");
}

#[tokio::test]
async fn after_a_standstill_each_step_comes_once_and_keeps_its_distance() {
    let mut engine = engine(ESCALATION).await;
    told(&engine, "Disk full").await;
    engine.stop().await;
    pass(&engine, 3 * 60);
    engine.start_server().await;
    engine.messages(2).await;
    assert_eq!(count(&engine).await, 2, "not all at once");
    pass(&engine, 14);
    assert_eq!(count(&engine).await, 2);
    pass(&engine, 2);
    engine.messages(3).await;
    assert_eq!(count(&engine).await, 3);
}

#[tokio::test]
async fn a_clock_that_jumps_brings_no_step_twice_and_forgets_none() {
    let engine = engine(ESCALATION).await;
    told(&engine, "Disk full").await;
    pass(&engine, 15);
    engine.messages(2).await;
    engine.settled().await;
    let hand = engine.hand.as_ref().expect("a hand");
    hand.set("2026-01-05T06:00:00Z".parse().expect("an instant"));
    assert_eq!(count(&engine).await, 2, "not again");
    hand.set("2026-01-06T09:00:00Z".parse().expect("an instant"));
    engine.messages(3).await;
    assert_eq!(count(&engine).await, 3);
}

#[tokio::test]
async fn what_is_under_way_finishes_by_the_rule_it_began_with_unless_it_follows_edits() {
    let edited = ESCALATION
        .replace("Nobody has taken it", "The new words")
        .replace("after: 30 minutes", "after: 40 minutes");
    for follows in [false, true] {
        let more = if follows { "follow_edits: true\n" } else { "" };
        let mut engine = engine(&format!("{ESCALATION}{more}")).await;
        told(&engine, "Disk full").await;
        engine.write("rules/pager.yaml", &format!("{edited}{more}"));
        engine.restart().await;
        pass(&engine, 15);
        engine.messages(2).await;
        engine.settled().await;
        pass(&engine, 15);
        if follows {
            assert_eq!(count(&engine).await, 2);
            pass(&engine, 10);
        }
        engine.messages(3).await;
        engine.settled().await;
        let card = shown(&engine, "Platform / Incidents")[0].clone();
        let expected = if follows {
            "The new words"
        } else {
            "Nobody has taken it"
        };
        assert!(card.contains(expected), "{card}");
    }
}

#[tokio::test]
async fn what_a_rule_began_that_is_gone_is_finished_by_it() {
    let mut engine = engine(ESCALATION).await;
    told(&engine, "Disk full").await;
    engine.stop().await;
    std::fs::remove_file(engine.path("rules/pager.yaml")).expect("it was there");
    engine.start_server().await;
    pass(&engine, 15);
    engine.messages(2).await;
    assert!(shown(&engine, "Omar Haddad")[0].contains("Please look"));
}

#[tokio::test]
async fn an_operator_who_cancels_the_run_stops_what_follows() {
    let engine = engine(ESCALATION).await;
    // Two recipients, of whom nobody is told at once: the run waits for an approval.
    let event = told(&engine, "Disk full").await;
    let recalled = engine
        .herald(&["runs", "recall", event["event"].as_str().expect("an event"), "--yes"])
        .await;
    assert_eq!(recalled.code, 0, "{}{}", recalled.out, recalled.err);
    pass(&engine, 60);
    assert_eq!(count(&engine).await, 1);
    let story = why(&engine, &event).await;
    assert!(story.contains("an operator stopped the run"), "{story}");
}

#[tokio::test]
async fn a_reminder_without_a_target_goes_to_the_same_people_below_the_first_card() {
    let rule = "when: { hook: ci }\nnotify: [{ channel: Platform / Releases }]\ncard: { message: \"{{event.title}}\" }\n\
                then:\n  - { after: 1 hour, card: { message: \"Still open: {{event.title}}\" } }\n";
    let engine = engine(rule).await;
    told(&engine, "Vote for the new logo").await;
    pass(&engine, 60);
    let received = engine.messages(2).await;
    let root = received[0].activity_id.clone().expect("an id");
    assert!(
        received[1].conversation.ends_with(&format!(";messageid={root}")),
        "{received:#?}"
    );
    assert!(texts(&received[1].activity).contains("Still open: Vote for the new logo"));
}

#[tokio::test]
async fn a_step_at_a_time_of_day_comes_at_the_next_such_time() {
    let rule = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: \"{{event.title}}\" }\n\
                then:\n  - { at: \"09:00\", card: { message: \"Good morning: {{event.title}}\" } }\n";
    let workspace = Workspace::new()
        .rule("pager", rule)
        .settings("time_zone: Europe/Berlin\n")
        .clock_at("2026-01-05T08:00:00Z");
    let engine = workspace.start().await;
    engine.known(&["Anna Berg"]).await;
    // It is nine in Berlin: the next nine is tomorrow's.
    told(&engine, "Backup").await;
    pass(&engine, 24 * 60 - 1);
    assert_eq!(count(&engine).await, 1);
    pass(&engine, 1);
    engine.messages(2).await;
}

#[tokio::test]
async fn whoever_is_on_call_is_told_and_then_whoever_follows() {
    let rule = "when: { hook: ci }\nnotify: [{ person: on-call }]\ncard: { message: \"{{event.title}}\" }\n\
                then:\n  - { after: 15 minutes, notify: [{ person: on-call.next }] }\n";
    let directory = "people: { anna: anna.berg@contoso.example, omar: omar.haddad@contoso.example }\n\
                     rotations:\n  on-call:\n    people: [anna, omar]\n    hand_over: Monday 09:00\n    \
                     time_zone: Europe/Berlin\n    starts: \"2026-01-05\"\n";
    let workspace = Workspace::new().rule("pager", rule).file("directory.yaml", directory);
    let engine = workspace.clock_at("2026-01-05T07:59:00Z").start().await;
    engine.known(&["Platform"]).await;
    let before = told(&engine, "Too early").await;
    let skipped = engine.skipped(&before).await;
    assert!(
        skipped.iter().any(|one| one.contains("nobody is on call yet")),
        "{skipped:?}"
    );
    pass(&engine, 1);
    let event = told(&engine, "Disk full").await;
    engine.messages(1).await;
    assert_eq!(shown(&engine, "Anna Berg").len(), 1);
    let story = why(&engine, &event).await;
    assert!(story.contains("Anna Berg"), "{story}");
    pass(&engine, 15);
    // The step of the first event comes as well.
    engine.messages(3).await;
    assert!(
        shown(&engine, "Omar Haddad")
            .iter()
            .any(|text| text.contains("Disk full"))
    );
    pass(&engine, 7 * 24 * 60 - 15);
    told(&engine, "A week later").await;
    engine.messages(4).await;
    assert!(
        shown(&engine, "Omar Haddad")
            .iter()
            .any(|text| text.contains("A week later"))
    );
}

#[tokio::test]
async fn nothing_follows_a_message_that_is_not_let_go_yet() {
    let rule = "when: { hook: ci }\nnotify: [{ person: Anna Berg }, { person: Omar Haddad }]\n\
                card: { message: \"{{event.title}}\" }\nsend: { needs_approval_above: 1 }\n\
                then:\n  - { after: 15 minutes, notify: [{ channel: Platform / Incidents }], card: { message: \"Still {{event.title}}\" } }\n";
    let engine = engine(rule).await;
    let (code, event) = engine.post("/hooks/ci", &json!({ "title": "open" })).await;
    assert_eq!(code, 202, "{event}");
    pass(&engine, 16);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(engine.teams.received().len(), 0);
    let id = event["event"].as_str().expect("an event");
    let approved = engine.herald(&["runs", "approve", id]).await;
    assert_eq!(approved.code, 0, "{}", approved.err);
    engine.messages(2).await;
    pass(&engine, 5);
    engine.messages(3).await;
    assert!(shown(&engine, "Platform / Incidents")[0].contains("Still open"));
}
