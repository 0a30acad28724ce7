//! What is kept of events: listed newest first, and bounded however many come.

use herald::event::EventId;
use herald::store::Outbox;
use herald::store::outbox::{Batch, EventRecord, RuleRecord};

use crate::support::store::{Place, at, batch, held, promised, record, rule};

promised! {
    events_are_listed_newest_first_and_a_list_goes_on_where_it_stopped,
    only_the_events_that_a_rule_waited_for_are_listed_when_it_is_named,
    the_rules_of_an_event_that_wait_are_told,
    beyond_the_newest_only_events_with_something_left_are_kept,
}

fn nothing(event: &str, rules: Vec<RuleRecord>, seconds: i64) -> Batch {
    Batch {
        record: record(event, rules, at(seconds)),
        deliveries: Vec::new(),
        cards: Vec::new(),
        held: Vec::new(),
        windows: Vec::new(),
        runs: Vec::new(),
        matters: Vec::new(),
        timers: Vec::new(),
        stopped: Vec::new(),
        amendments: Vec::new(),
    }
}

async fn names(outbox: &dyn Outbox, rule: Option<&str>, after: Option<&str>, limit: usize) -> Vec<String> {
    let after = after.map(EventId::known);
    let events: Vec<EventRecord> = outbox.events(rule, after.as_ref(), limit).await.expect("events");
    events.into_iter().map(|event| event.id.to_string()).collect()
}

async fn events_are_listed_newest_first_and_a_list_goes_on_where_it_stopped(place: &dyn Place) {
    let outbox = place.open().outbox;
    for (number, seconds) in [(1, 10), (2, 30), (3, 20)] {
        let batch = nothing(&format!("e{number}"), Vec::new(), seconds);
        outbox.enqueue(batch).await.expect("enqueue");
    }
    assert_eq!(names(&*outbox, None, None, 2).await, ["e2", "e3"]);
    assert_eq!(names(&*outbox, None, Some("e3"), 2).await, ["e1"]);
    assert!(names(&*outbox, None, Some("gone"), 2).await.is_empty());
}

async fn only_the_events_that_a_rule_waited_for_are_listed_when_it_is_named(place: &dyn Place) {
    let outbox = place.open().outbox;
    for number in 0..10 {
        let rules = match number % 3 {
            0 => vec![rule("a", 0), rule("b", 0)],
            _ => vec![rule("b", 0)],
        };
        let batch = nothing(&format!("e{number}"), rules, number);
        outbox.enqueue(batch).await.expect("enqueue");
    }
    assert_eq!(names(&*outbox, Some("a"), None, 3).await, ["e9", "e6", "e3"]);
    assert_eq!(names(&*outbox, Some("a"), Some("e3"), 3).await, ["e0"]);
    assert!(names(&*outbox, Some("c"), None, 3).await.is_empty());
}

async fn the_rules_of_an_event_that_wait_are_told(place: &dyn Place) {
    let outbox = place.open().outbox;
    let mut waits = nothing("e1", vec![rule("rule", 0)], 0);
    waits.held = vec![held("e1", "rule", at(60))];
    outbox.enqueue(waits).await.expect("enqueue");
    let event = EventId::known("e1");
    let waiting = outbox.held_of(&event).await.expect("held");
    assert_eq!((waiting.len(), waiting[0].rule.as_str()), (1, "rule"));
    assert!(outbox.held_of(&EventId::known("e")).await.expect("held").is_empty());
    outbox.unhold(&event, "rule").await.expect("unhold");
    assert!(outbox.held_of(&event).await.expect("held").is_empty());
}

async fn beyond_the_newest_only_events_with_something_left_are_kept(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("sent", &["anna"], at(0))).await.expect("enqueue");
    let mut waits = nothing("waits", vec![rule("rule", 0)], 1);
    waits.held = vec![held("waits", "rule", at(60))];
    outbox.enqueue(waits).await.expect("enqueue");
    for number in 0..1_300 {
        let batch = nothing(&format!("e{number}"), Vec::new(), 2 + number);
        outbox.enqueue(batch).await.expect("enqueue");
    }
    outbox.trim(10).await.expect("trim");
    let mut expected: Vec<String> = (1_290..1_300).rev().map(|number| format!("e{number}")).collect();
    expected.extend(["waits".to_owned(), "sent".to_owned()]);
    assert_eq!(names(&*outbox, None, None, 100).await, expected);
    outbox.trim(10).await.expect("trim");
    assert_eq!(names(&*outbox, None, None, 100).await, expected, "once is enough");
}
