//! What is kept of events, held rules and notes, and for how long.

use herald::event::EventId;
use herald::store::outbox::{Batch, EventRecord, Filter, RuleRecord};

use super::{claim_all, claim_one, list, names};
use crate::support::store::{Place, at, attempt, batch, card, delivered, delivery, held, promised, record, rule};

promised! {
    an_event_keeps_what_was_decided_first,
    a_held_rule_that_went_on_adds_what_became_of_it,
    an_event_with_too_many_rules_keeps_those_that_matched,
    a_held_rule_comes_up_at_its_time_until_it_is_let_go,
    a_repeated_event_does_not_hold_a_rule_again,
    the_next_due_time_is_that_of_the_earliest_delivery_or_held_rule,
    a_note_is_kept_until_it_is_removed,
    what_ended_long_ago_is_collected_and_the_rest_stays,
    an_event_that_led_to_nothing_is_collected_too,
}

async fn an_event_keeps_what_was_decided_first(place: &dyn Place) {
    let outbox = place.open().outbox;
    let mut first = batch("e1", &["anna"], at(0));
    first.record.rules.push(RuleRecord {
        matched: false,
        because: vec!["event.state is \"success\"".to_owned()],
        ..rule("other", 0)
    });
    outbox.enqueue(first.clone()).await.expect("enqueue");
    let mut again = first.clone();
    again.record.revision = "r2".to_owned();
    again.record.rules[0].warnings = vec!["decided later".to_owned()];
    assert!(outbox.enqueue(again).await.expect("enqueue").repeat);
    assert_eq!(outbox.event(&first.record.id).await.expect("event"), Some(first.record));
    assert_eq!(outbox.event(&EventId::known("e2")).await.expect("event"), None);
}

async fn a_held_rule_that_went_on_adds_what_became_of_it(place: &dyn Place) {
    let outbox = place.open().outbox;
    let event = EventId::known("e1");
    let waits = Batch {
        record: record("e1", vec![rule("team", 0), rule("other", 0)], at(0)),
        deliveries: Vec::new(),
        cards: Vec::new(),
        held: vec![held("e1", "team", at(0))],
        windows: Vec::new(),
        runs: Vec::new(),
        matters: Vec::new(),
        timers: Vec::new(),
        stopped: Vec::new(),
        amendments: Vec::new(),
    };
    assert!(!outbox.enqueue(waits).await.expect("enqueue").repeat);

    let card = card("hello");
    let went_on = Batch {
        record: record("e1", vec![rule("team", 2)], at(0)),
        deliveries: ["anna", "omar"]
            .map(|name| delivery("e1", "team", name, &card, at(5)))
            .into(),
        cards: vec![card],
        held: Vec::new(),
        windows: Vec::new(),
        runs: Vec::new(),
        matters: Vec::new(),
        timers: Vec::new(),
        stopped: Vec::new(),
        amendments: Vec::new(),
    };
    assert!(!outbox.enqueue(went_on.clone()).await.expect("enqueue").repeat);
    outbox.unhold(&event, "team").await.expect("unhold");
    let rules = outbox.event(&event).await.expect("event").expect("known").rules;
    assert_eq!(rules, [rule("team", 2), rule("other", 0)]);
    // A crash between the two calls repeats the first.
    assert!(outbox.enqueue(went_on).await.expect("enqueue").repeat);

    let empty = Batch {
        record: record("e1", vec![rule("third", 0)], at(0)),
        deliveries: Vec::new(),
        cards: Vec::new(),
        held: Vec::new(),
        windows: Vec::new(),
        runs: Vec::new(),
        matters: Vec::new(),
        timers: Vec::new(),
        stopped: Vec::new(),
        amendments: Vec::new(),
    };
    assert!(
        !outbox.enqueue(empty).await.expect("enqueue").repeat,
        "a rule more is news"
    );
    assert_eq!(
        outbox.event(&event).await.expect("event").expect("known").rules.len(),
        3
    );
}

async fn an_event_with_too_many_rules_keeps_those_that_matched(place: &dyn Place) {
    let outbox = place.open().outbox;
    let rules = (0..300)
        .map(|number| RuleRecord {
            matched: number >= 250,
            ..rule(&format!("rule-{number}"), 0)
        })
        .collect();
    let batch = Batch {
        record: record("e1", rules, at(0)),
        deliveries: Vec::new(),
        cards: Vec::new(),
        held: Vec::new(),
        windows: Vec::new(),
        runs: Vec::new(),
        matters: Vec::new(),
        timers: Vec::new(),
        stopped: Vec::new(),
        amendments: Vec::new(),
    };
    outbox.enqueue(batch).await.expect("enqueue");
    let kept = outbox
        .event(&EventId::known("e1"))
        .await
        .expect("event")
        .expect("known")
        .rules;
    assert_eq!(kept.len(), EventRecord::RULES_KEPT);
    assert_eq!(kept.iter().filter(|rule| rule.matched).count(), 50);
    assert_eq!(kept[0].rule, "rule-0", "their order is kept");
}

async fn a_held_rule_comes_up_at_its_time_until_it_is_let_go(place: &dyn Place) {
    let first = held("e1", "rule", at(10));
    let second = held("e2", "rule", at(20));
    {
        let outbox = place.open().outbox;
        outbox.hold(&second).await.expect("hold");
        outbox.hold(&first).await.expect("hold");
    }
    let outbox = place.open().outbox;
    assert_eq!(outbox.due_held(10, at(9)).await.expect("held"), []);
    assert_eq!(
        outbox.due_held(10, at(10)).await.expect("held"),
        std::slice::from_ref(&first)
    );
    assert_eq!(
        outbox.due_held(1, at(20)).await.expect("held"),
        std::slice::from_ref(&first)
    );
    assert_eq!(
        outbox.due_held(10, at(20)).await.expect("held"),
        [first.clone(), second.clone()]
    );

    let mut again = first.clone();
    again.due_at = at(40);
    again.attempts = 1;
    again.reason = Some("Teams answered 502".to_owned());
    outbox.hold(&again).await.expect("hold");
    assert_eq!(
        outbox.due_held(10, at(39)).await.expect("held"),
        std::slice::from_ref(&second)
    );
    assert_eq!(
        outbox.due_held(10, at(40)).await.expect("held"),
        [second.clone(), again]
    );
    outbox.unhold(&first.event.id, "rule").await.expect("unhold");
    outbox.unhold(&first.event.id, "rule").await.expect("unhold again");
    outbox
        .unhold(&second.event.id, "other")
        .await
        .expect("unhold of another rule");
    assert_eq!(outbox.due_held(10, at(99)).await.expect("held"), [second]);
}

async fn a_repeated_event_does_not_hold_a_rule_again(place: &dyn Place) {
    let outbox = place.open().outbox;
    let batch = Batch {
        record: record("e1", vec![rule("team", 0)], at(0)),
        deliveries: Vec::new(),
        cards: Vec::new(),
        held: vec![held("e1", "team", at(0))],
        windows: Vec::new(),
        runs: Vec::new(),
        matters: Vec::new(),
        timers: Vec::new(),
        stopped: Vec::new(),
        amendments: Vec::new(),
    };
    outbox.enqueue(batch.clone()).await.expect("enqueue");
    let mut later = held("e1", "team", at(500));
    later.attempts = 4;
    outbox.hold(&later).await.expect("hold");
    assert!(outbox.enqueue(batch.clone()).await.expect("enqueue").repeat);
    assert_eq!(
        outbox.due_held(10, at(499)).await.expect("held"),
        [],
        "its attempts are not forgotten"
    );
    outbox.unhold(&EventId::known("e1"), "team").await.expect("unhold");
    assert!(outbox.enqueue(batch).await.expect("enqueue").repeat);
    assert_eq!(outbox.due_held(10, at(10_000)).await.expect("held"), []);
}

async fn the_next_due_time_is_that_of_the_earliest_delivery_or_held_rule(place: &dyn Place) {
    let outbox = place.open().outbox;
    let next = || async { outbox.next_due().await.expect("next_due") };
    assert_eq!(next().await, None);
    outbox.enqueue(batch("e1", &["anna"], at(30))).await.expect("enqueue");
    assert_eq!(next().await, Some(at(30)));
    outbox.hold(&held("e2", "rule", at(20))).await.expect("hold");
    assert_eq!(next().await, Some(at(20)));
    outbox.unhold(&EventId::known("e2"), "rule").await.expect("unhold");
    let claim = claim_one(&*outbox, 30).await;
    assert_eq!(next().await, Some(at(90)), "the end of the lease");
    outbox
        .settle(&claim, attempt(1, at(31), delivered()))
        .await
        .expect("settle");
    assert_eq!(next().await, None);
}

async fn a_note_is_kept_until_it_is_removed(place: &dyn Place) {
    let note = serde_json::json!({ "fired": "2026-03-02T09:00:00Z" });
    {
        let outbox = place.open().outbox;
        assert_eq!(outbox.note("cron/weekly").await.expect("note"), None);
        outbox.set_note("cron/weekly", Some(&note)).await.expect("note");
    }
    let outbox = place.open().outbox;
    assert_eq!(outbox.note("cron/weekly").await.expect("note"), Some(note));
    assert_eq!(outbox.note("cron").await.expect("note"), None);
    outbox.set_note("cron/weekly", None).await.expect("note");
    outbox
        .set_note("cron/weekly", None)
        .await
        .expect("removing what is not there");
    assert_eq!(outbox.note("cron/weekly").await.expect("note"), None);
}

async fn what_ended_long_ago_is_collected_and_the_rest_stays(place: &dyn Place) {
    let outbox = place.open().outbox;
    let people: Vec<String> = (0..1200).map(|number| format!("p{number}")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    outbox.enqueue(batch("done", &people, at(0))).await.expect("enqueue");
    outbox
        .enqueue(batch("half", &["anna", "omar"], at(1)))
        .await
        .expect("enqueue");
    for claim in claim_all(&*outbox, 1).await {
        if claim.delivery.recipient.name == "omar" {
            outbox.release(&claim, at(2)).await.expect("release");
        } else {
            outbox
                .settle(&claim, attempt(1, at(2), delivered()))
                .await
                .expect("settle");
        }
    }
    assert_eq!(
        outbox.collect(at(2)).await.expect("collect"),
        0,
        "nothing ended that early"
    );

    let mut gone = 0;
    loop {
        match outbox.collect(at(100)).await.expect("collect") {
            0 => break,
            step => gone += step,
        }
    }
    assert_eq!(gone, 1201);
    assert_eq!(outbox.event(&EventId::known("done")).await.expect("event"), None);
    assert!(
        outbox.event(&EventId::known("half")).await.expect("event").is_some(),
        "one of its cards is still owed"
    );
    assert_eq!(names(&list(&*outbox, Filter::default()).await), ["omar"]);
    assert_eq!(outbox.counts().await.expect("counts").values().sum::<u64>(), 1);

    let claim = claim_one(&*outbox, 100).await;
    outbox
        .settle(&claim, attempt(1, at(100), delivered()))
        .await
        .expect("settle");
    assert_eq!(outbox.collect(at(5000)).await.expect("collect"), 1);
    assert_eq!(outbox.event(&EventId::known("half")).await.expect("event"), None);
    // What was forgotten is new when it comes again: retention must be longer than callers repeat.
    assert!(
        !outbox
            .enqueue(batch("done", &["p0"], at(0)))
            .await
            .expect("enqueue")
            .repeat
    );
}

async fn an_event_that_led_to_nothing_is_collected_too(place: &dyn Place) {
    let outbox = place.open().outbox;
    for number in 0..1200 {
        let batch = Batch {
            record: record(&format!("e{number}"), Vec::new(), at(number)),
            deliveries: Vec::new(),
            cards: Vec::new(),
            held: Vec::new(),
            windows: Vec::new(),
            runs: Vec::new(),
            matters: Vec::new(),
            timers: Vec::new(),
            stopped: Vec::new(),
            amendments: Vec::new(),
        };
        outbox.enqueue(batch).await.expect("enqueue");
    }
    outbox.hold(&held("e0", "rule", at(9))).await.expect("hold");
    assert_eq!(outbox.collect(at(1100)).await.expect("collect"), 0);
    let known = |id: &str| {
        let id = EventId::known(id);
        let outbox = outbox.clone();
        async move { outbox.event(&id).await.expect("event").is_some() }
    };
    assert!(known("e0").await, "one of its rules still waits");
    assert!(!known("e1").await);
    assert!(!known("e1099").await);
    assert!(known("e1100").await);
}
