//! What every outbox promises. Written over the trait alone, so that another store can be held to it.

use std::collections::{BTreeSet, HashSet};

use chrono::Duration;
use herald::delivery::{Address, Delivery, DeliveryId, State};
use herald::event::EventId;
use herald::store::outbox::{Batch, Claim, EventRecord, Filter, Moved, RuleRecord};
use herald::store::{Outbox, StoreError};

use crate::support::store::{
    Place, at, attempt, batch, card, dead, delivered, delivery, held, promised, record, rule,
};

promised! {
    what_was_accepted_is_there_after_reopening,
    the_same_batch_again_is_a_repeat_and_adds_nothing,
    a_batch_that_is_partly_known_adds_only_what_is_new,
    a_delivery_named_twice_in_one_batch_is_one_delivery,
    a_batch_whose_card_is_missing_is_refused_as_a_whole,
    the_oldest_due_is_claimed_first_and_equal_times_keep_the_order_of_arrival,
    nothing_is_claimed_before_its_time_and_no_more_than_asked_for,
    a_claimed_delivery_is_claimed_again_only_after_its_lease,
    what_was_being_sent_at_a_crash_is_sent_again,
    a_delivered_card_says_where_it_is_and_is_never_claimed_again,
    a_failed_attempt_is_kept_and_tried_again_at_its_time,
    a_delivery_keeps_its_newest_attempts_and_counts_all,
    a_delivery_given_back_counts_no_attempt,
    a_claim_can_be_settled_once,
    a_cancelled_delivery_cannot_be_settled,
    cancelling_and_settling_at_the_same_time_end_in_one_of_the_two,
    a_dead_delivery_can_be_tried_again_by_hand,
    a_recipient_that_was_not_found_is_kept_as_dead_and_cannot_be_tried_again,
    moving_by_hand_says_why_it_cannot_be_done,
    counts_follow_every_move_and_survive_reopening,
    a_full_outbox_takes_nothing_and_takes_again_when_something_ended,
    a_card_is_stored_once_and_goes_with_its_last_delivery,
    very_large_records_come_back_unchanged,
    deliveries_are_listed_newest_first_by_state_rule_event_and_recipient,
    a_list_goes_on_where_it_stopped,
    an_event_keeps_what_was_decided_first,
    a_held_rule_that_went_on_adds_what_became_of_it,
    an_event_with_too_many_rules_keeps_those_that_matched,
    a_held_rule_comes_up_at_its_time_until_it_is_let_go,
    a_repeated_event_does_not_hold_a_rule_again,
    the_next_due_time_is_that_of_the_earliest_delivery_or_held_rule,
    a_note_is_kept_until_it_is_removed,
    what_ended_long_ago_is_collected_and_the_rest_stays,
    an_event_that_led_to_nothing_is_collected_too,
    the_same_event_from_eight_callers_at_once_is_one_set_of_deliveries,
    ten_thousand_events_at_once_are_all_taken,
    two_couriers_never_hold_the_same_delivery,
    claims_nobody_waits_for_are_soon_due_again,
}

async fn claim_all(outbox: &dyn Outbox, seconds: i64) -> Vec<Claim> {
    let claims = outbox
        .claim(10_000, at(seconds), Duration::seconds(60))
        .await
        .expect("claim");
    assert_eq!(claims.corrupt, Vec::new());
    claims.claims
}

async fn claim_one(outbox: &dyn Outbox, seconds: i64) -> Claim {
    let claims = claim_all(outbox, seconds).await;
    let [claim] = claims.as_slice() else {
        panic!("exactly one delivery should be due, not {}", claims.len());
    };
    claim.clone()
}

async fn get(outbox: &dyn Outbox, id: &DeliveryId) -> Delivery {
    outbox.get(id).await.expect("get").expect("the delivery is there")
}

async fn list(outbox: &dyn Outbox, filter: Filter) -> Vec<Delivery> {
    outbox.list(&filter, None, 1000).await.expect("list")
}

fn names(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries
        .iter()
        .map(|delivery| delivery.recipient.name.as_str())
        .collect()
}

async fn what_was_accepted_is_there_after_reopening(place: &dyn Place) {
    let batch = batch("e1", &["anna", "omar"], at(0));
    let receipt = place.open().outbox.enqueue(batch.clone()).await.expect("enqueue");
    assert!(!receipt.repeat);
    assert_eq!(receipt.new.len(), 2);

    let outbox = place.open().outbox;
    for delivery in &batch.deliveries {
        assert_eq!(&get(&*outbox, &delivery.id).await, delivery);
    }
    assert_eq!(
        outbox.card(&batch.cards[0].id()).await.expect("card").as_ref(),
        batch.cards.first()
    );
    assert_eq!(outbox.event(&batch.record.id).await.expect("event"), Some(batch.record));
}

async fn the_same_batch_again_is_a_repeat_and_adds_nothing(place: &dyn Place) {
    let outbox = place.open().outbox;
    let batch = batch("e1", &["anna", "omar"], at(0));
    let first = outbox.enqueue(batch.clone()).await.expect("enqueue");
    let claim = claim_all(&*outbox, 0).await.remove(0);
    outbox
        .settle(&claim, attempt(1, at(1), delivered()))
        .await
        .expect("settle");

    let again = outbox.enqueue(batch).await.expect("enqueue");
    assert!(again.repeat);
    assert_eq!((again.new, again.known), (Vec::new(), first.new));
    assert_eq!(
        get(&*outbox, &claim.delivery.id).await.state,
        State::Delivered,
        "a repeat resets nothing"
    );
    assert_eq!(list(&*outbox, Filter::default()).await.len(), 2);
}

async fn a_batch_that_is_partly_known_adds_only_what_is_new(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let receipt = outbox
        .enqueue(batch("e1", &["anna", "omar"], at(5)))
        .await
        .expect("enqueue");
    assert!(!receipt.repeat);
    assert_eq!((receipt.new.len(), receipt.known.len()), (1, 1));
    assert_eq!(names(&list(&*outbox, Filter::default()).await), ["omar", "anna"]);
}

async fn a_delivery_named_twice_in_one_batch_is_one_delivery(place: &dyn Place) {
    let outbox = place.open().outbox;
    let receipt = outbox
        .enqueue(batch("e1", &["anna", "anna"], at(0)))
        .await
        .expect("enqueue");
    assert_eq!(receipt.new.len(), 1);
    assert_eq!(claim_all(&*outbox, 0).await.len(), 1);
}

async fn a_batch_whose_card_is_missing_is_refused_as_a_whole(place: &dyn Place) {
    let outbox = place.open().outbox;
    let mut incomplete = batch("e1", &["anna"], at(0));
    incomplete.cards.clear();
    let refused = outbox.enqueue(incomplete).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert_eq!(outbox.event(&EventId::known("e1")).await.expect("event"), None);
    assert_eq!(claim_all(&*outbox, 10).await, Vec::new());
}

async fn the_oldest_due_is_claimed_first_and_equal_times_keep_the_order_of_arrival(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("late", &["carl"], at(5))).await.expect("enqueue");
    outbox
        .enqueue(batch("first", &["zoe", "anna", "mona"], at(0)))
        .await
        .expect("enqueue");
    outbox
        .enqueue(batch("second", &["bert", "yann"], at(0)))
        .await
        .expect("enqueue");
    let claimed: Vec<Delivery> = claim_all(&*outbox, 9)
        .await
        .into_iter()
        .map(|claim| claim.delivery)
        .collect();
    assert_eq!(names(&claimed), ["zoe", "anna", "mona", "bert", "yann", "carl"]);
}

async fn nothing_is_claimed_before_its_time_and_no_more_than_asked_for(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox
        .enqueue(batch("e1", &["anna", "omar"], at(10)))
        .await
        .expect("enqueue");
    let early = at(10) - Duration::nanoseconds(1);
    assert!(
        outbox
            .claim(9, early, Duration::seconds(60))
            .await
            .expect("claim")
            .claims
            .is_empty()
    );
    for wanted in ["anna", "omar"] {
        let claims = outbox
            .claim(1, at(10), Duration::seconds(60))
            .await
            .expect("claim")
            .claims;
        assert_eq!(claims[0].delivery.recipient.name, wanted);
        assert_eq!(claims[0].delivery.state, State::Sending);
        assert_eq!(claims.len(), 1);
    }
    assert!(
        outbox
            .claim(0, at(10), Duration::seconds(60))
            .await
            .expect("claim")
            .claims
            .is_empty()
    );
}

async fn a_claimed_delivery_is_claimed_again_only_after_its_lease(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let first = claim_one(&*outbox, 0).await;
    assert_eq!(claim_all(&*outbox, 59).await, Vec::new());
    let second = claim_one(&*outbox, 60).await;
    assert_ne!(first.lease, second.lease);

    let late = outbox.settle(&first, attempt(1, at(61), delivered())).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    let late = outbox.release(&first, at(61)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    assert_eq!(get(&*outbox, &first.delivery.id).await.attempt_count, 0);
    outbox
        .settle(&second, attempt(1, at(61), delivered()))
        .await
        .expect("settle");
}

async fn what_was_being_sent_at_a_crash_is_sent_again(place: &dyn Place) {
    {
        let outbox = place.open().outbox;
        outbox
            .enqueue(batch("e1", &["anna", "omar"], at(0)))
            .await
            .expect("enqueue");
        assert_eq!(claim_all(&*outbox, 0).await.len(), 2);
    }
    let outbox = place.open().outbox;
    // At once or when the lease has ended, as the store likes; in their order.
    let claimed: Vec<Delivery> = claim_all(&*outbox, 60)
        .await
        .into_iter()
        .map(|claim| claim.delivery)
        .collect();
    assert_eq!(names(&claimed), ["anna", "omar"]);
    assert_eq!(
        claimed[0].attempt_count, 0,
        "an attempt that nobody finished does not count"
    );
}

async fn a_delivered_card_says_where_it_is_and_is_never_claimed_again(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let claim = claim_one(&*outbox, 0).await;
    outbox
        .settle(&claim, attempt(1, at(1), delivered()))
        .await
        .expect("settle");
    let settled = get(&*outbox, &claim.delivery.id).await;
    assert_eq!(settled.state, State::Delivered);
    assert_eq!(settled.activity_id.as_deref(), Some("1693680152973"));
    assert_eq!(settled.conversation_id.expect("a place").as_str(), "a:1");
    assert_eq!(settled.attempts.len(), 1);
    assert_eq!(claim_all(&*outbox, 1_000_000).await, Vec::new());
    assert_eq!(outbox.next_due().await.expect("next_due"), None);
}

async fn a_failed_attempt_is_kept_and_tried_again_at_its_time(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let claim = claim_one(&*outbox, 0).await;
    let verdict = herald::delivery::Verdict::RetryAt {
        at: at(30),
        reason: "Teams answered 502".to_owned(),
    };
    outbox.settle(&claim, attempt(1, at(1), verdict)).await.expect("settle");
    assert_eq!(claim_all(&*outbox, 29).await, Vec::new());
    let again = claim_one(&*outbox, 30).await;
    assert_eq!(again.delivery.attempt_count, 1);
    assert_eq!(again.delivery.reason.as_deref(), Some("Teams answered 502"));
    outbox
        .settle(&again, attempt(2, at(31), dead("Teams answered 403")))
        .await
        .expect("settle");
    let ended = get(&*outbox, &claim.delivery.id).await;
    assert_eq!((ended.state, ended.attempts.len()), (State::Dead, 2));
    assert_eq!(ended.reason.as_deref(), Some("Teams answered 403"));
}

async fn a_delivery_keeps_its_newest_attempts_and_counts_all(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    for number in 1..=25 {
        let claim = claim_one(&*outbox, i64::from(number)).await;
        let verdict = herald::delivery::Verdict::RetryAt {
            at: at(i64::from(number) + 1),
            reason: "a long reason ".repeat(50),
        };
        outbox
            .settle(&claim, attempt(number, at(0), verdict))
            .await
            .expect("settle");
    }
    let delivery = &list(&*outbox, Filter::default()).await[0];
    assert_eq!(
        (delivery.attempt_count, delivery.attempts.len()),
        (25, Delivery::ATTEMPTS_KEPT)
    );
    assert_eq!(delivery.attempts.last().expect("attempts").number, 25);
}

async fn a_delivery_given_back_counts_no_attempt(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let claim = claim_one(&*outbox, 0).await;
    outbox.release(&claim, at(7)).await.expect("release");
    let waiting = get(&*outbox, &claim.delivery.id).await;
    assert_eq!(
        (waiting.state, waiting.attempt_count, waiting.next_attempt_at),
        (State::Pending, 0, at(7))
    );
    assert_eq!(claim_all(&*outbox, 6).await, Vec::new());
    claim_one(&*outbox, 7).await;
}

async fn a_claim_can_be_settled_once(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let claim = claim_one(&*outbox, 0).await;
    outbox
        .settle(&claim, attempt(1, at(1), delivered()))
        .await
        .expect("settle");
    let twice = outbox.settle(&claim, attempt(2, at(2), dead("no"))).await;
    assert!(matches!(twice, Err(StoreError::LeaseLost)), "{twice:?}");
    assert_eq!(get(&*outbox, &claim.delivery.id).await.state, State::Delivered);
}

async fn a_cancelled_delivery_cannot_be_settled(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let claim = claim_one(&*outbox, 0).await;
    let moved = outbox
        .cancel(&claim.delivery.id, "stopped by mona")
        .await
        .expect("cancel");
    let Moved::Done(cancelled) = moved else {
        panic!("a delivery that is being sent can be cancelled: {moved:?}");
    };
    assert_eq!(cancelled.state, State::Cancelled);
    assert_eq!(cancelled.reason.as_deref(), Some("stopped by mona"));
    let late = outbox.settle(&claim, attempt(1, at(1), delivered())).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    assert_eq!(claim_all(&*outbox, 1000).await, Vec::new());
}

async fn cancelling_and_settling_at_the_same_time_end_in_one_of_the_two(place: &dyn Place) {
    let outbox = place.open().outbox;
    let people: Vec<String> = (0..200).map(|number| format!("p{number}")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    outbox.enqueue(batch("e1", &people, at(0))).await.expect("enqueue");
    let races = claim_all(&*outbox, 0).await.into_iter().map(|claim| {
        let outbox = outbox.clone();
        async move {
            let (settled, cancelled) = tokio::join!(
                outbox.settle(&claim, attempt(1, at(1), delivered())),
                outbox.cancel(&claim.delivery.id, "stopped"),
            );
            let state = get(&*outbox, &claim.delivery.id).await.state;
            match (settled, cancelled.expect("cancel")) {
                (Ok(()), Moved::NotFrom(State::Delivered)) => assert_eq!(state, State::Delivered),
                (Err(StoreError::LeaseLost), Moved::Done(_)) => assert_eq!(state, State::Cancelled),
                other => panic!("both or neither happened: {other:?}"),
            }
        }
    });
    futures::future::join_all(races).await;
    let counts = outbox.counts().await.expect("counts");
    assert_eq!(counts["delivered"] + counts["cancelled"], 200);
    assert_eq!(counts["sending"], 0);
}

async fn a_dead_delivery_can_be_tried_again_by_hand(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let claim = claim_one(&*outbox, 0).await;
    outbox
        .settle(&claim, attempt(1, at(1), dead("blocked")))
        .await
        .expect("settle");
    let moved = outbox.retry(&claim.delivery.id, at(100)).await.expect("retry");
    let Moved::Done(delivery) = moved else {
        panic!("a dead delivery can be retried: {moved:?}");
    };
    assert_eq!(
        (delivery.state, delivery.next_attempt_at, delivery.reason),
        (State::Pending, at(100), None)
    );
    assert_eq!(
        claim_one(&*outbox, 100).await.delivery.attempt_count,
        1,
        "its history is kept"
    );
}

async fn a_recipient_that_was_not_found_is_kept_as_dead_and_cannot_be_tried_again(place: &dyn Place) {
    let outbox = place.open().outbox;
    let mut unreachable = delivery("e1", "rule", "nobody", &card("x"), at(0));
    unreachable.recipient.address = Address::Nowhere {
        wanted: "person: nobody".to_owned(),
    };
    unreachable.state = State::Dead;
    unreachable.card_id = None;
    unreachable.reason = Some("nobody is called that".to_owned());
    let batch = Batch {
        record: record("e1", vec![rule("rule", 1)], at(0)),
        deliveries: vec![unreachable.clone()],
        cards: Vec::new(),
        held: Vec::new(),
    };
    outbox.enqueue(batch).await.expect("enqueue");
    assert_eq!(claim_all(&*outbox, 1000).await, Vec::new());
    assert_eq!(outbox.counts().await.expect("counts")["dead"], 1);
    let moved = outbox.retry(&unreachable.id, at(1)).await.expect("retry");
    assert_eq!(moved, Moved::NotFrom(State::Dead));
    assert_eq!(get(&*outbox, &unreachable.id).await, unreachable);
}

async fn moving_by_hand_says_why_it_cannot_be_done(place: &dyn Place) {
    let outbox = place.open().outbox;
    let unknown = DeliveryId::known("dl_none");
    assert_eq!(outbox.retry(&unknown, at(0)).await.expect("retry"), Moved::Unknown);
    assert_eq!(outbox.cancel(&unknown, "x").await.expect("cancel"), Moved::Unknown);

    outbox.enqueue(batch("e1", &["anna"], at(50))).await.expect("enqueue");
    let id = list(&*outbox, Filter::default()).await[0].id.clone();
    let sooner = outbox.retry(&id, at(3)).await.expect("retry");
    assert!(matches!(sooner, Moved::Done(delivery) if delivery.next_attempt_at == at(3)));
    let claim = claim_one(&*outbox, 3).await;
    assert_eq!(
        outbox.retry(&id, at(4)).await.expect("retry"),
        Moved::NotFrom(State::Sending)
    );
    outbox
        .settle(&claim, attempt(1, at(4), delivered()))
        .await
        .expect("settle");
    assert_eq!(
        outbox.retry(&id, at(5)).await.expect("retry"),
        Moved::NotFrom(State::Delivered)
    );
    assert_eq!(
        outbox.cancel(&id, "x").await.expect("cancel"),
        Moved::NotFrom(State::Delivered)
    );
}

async fn counts_follow_every_move_and_survive_reopening(place: &dyn Place) {
    let expected = [
        ("pending", 2),
        ("sending", 0),
        ("delivered", 1),
        ("dead", 1),
        ("cancelled", 1),
    ];
    {
        let outbox = place.open().outbox;
        let none = outbox.counts().await.expect("counts");
        assert_eq!(none.values().sum::<u64>(), 0);
        assert_eq!(
            none.len(),
            State::ALL.len(),
            "a state without deliveries is counted as 0"
        );
        outbox
            .enqueue(batch("e1", &["a", "b", "c", "d", "e"], at(0)))
            .await
            .expect("enqueue");
        let claims = claim_all(&*outbox, 0).await;
        assert_eq!(outbox.counts().await.expect("counts")["sending"], 5);
        outbox
            .settle(&claims[0], attempt(1, at(1), delivered()))
            .await
            .expect("settle");
        outbox
            .settle(&claims[1], attempt(1, at(1), dead("no")))
            .await
            .expect("settle");
        outbox.cancel(&claims[2].delivery.id, "no").await.expect("cancel");
        outbox.release(&claims[3], at(9)).await.expect("release");
        outbox.release(&claims[4], at(9)).await.expect("release");
        assert_eq!(outbox.counts().await.expect("counts"), expected.into());
    }
    assert_eq!(place.open().outbox.counts().await.expect("counts"), expected.into());
}

async fn a_full_outbox_takes_nothing_and_takes_again_when_something_ended(place: &dyn Place) {
    let outbox = place.open_for(3).outbox;
    outbox.enqueue(batch("e1", &["a", "b"], at(0))).await.expect("enqueue");
    let full = outbox.enqueue(batch("e2", &["c", "d"], at(0))).await;
    assert!(matches!(full, Err(StoreError::Full { open: 2, bound: 3 })), "{full:?}");
    assert_eq!(outbox.event(&EventId::known("e2")).await.expect("event"), None);
    assert!(
        outbox
            .enqueue(batch("e1", &["a", "b"], at(0)))
            .await
            .expect("a repeat needs no room")
            .repeat
    );

    let claims = claim_all(&*outbox, 0).await;
    outbox
        .settle(&claims[0], attempt(1, at(1), delivered()))
        .await
        .expect("settle");
    outbox
        .enqueue(batch("e2", &["c", "d"], at(0)))
        .await
        .expect("there is room again");
}

async fn a_card_is_stored_once_and_goes_with_its_last_delivery(place: &dyn Place) {
    let outbox = place.open().outbox;
    let shared = card("the same for everybody");
    for (event, created) in [("old", 0), ("new", 1000)] {
        let batch = Batch {
            record: record(event, vec![rule("rule", 1)], at(created)),
            deliveries: vec![delivery(event, "rule", "anna", &shared, at(created))],
            cards: vec![shared.clone(), card("nobody gets this one")],
            held: Vec::new(),
        };
        outbox.enqueue(batch).await.expect("enqueue");
        let claim = claim_one(&*outbox, created).await;
        outbox
            .settle(&claim, attempt(1, at(created), delivered()))
            .await
            .expect("settle");
    }
    assert_eq!(
        outbox.card(&card("nobody gets this one").id()).await.expect("card"),
        None
    );
    assert_eq!(outbox.collect(at(500)).await.expect("collect"), 1);
    assert_eq!(outbox.card(&shared.id()).await.expect("card"), Some(shared.clone()));
    assert_eq!(outbox.collect(at(5000)).await.expect("collect"), 1);
    assert_eq!(outbox.card(&shared.id()).await.expect("card"), None);
}

async fn very_large_records_come_back_unchanged(place: &dyn Place) {
    let big_card = card(&"ä".repeat(60_000));
    let mut big_hold = held("e1", "rule", at(0));
    big_hold.event.data = serde_json::json!({ "lines": vec!["x".repeat(1000); 1000] });
    let note = serde_json::json!(vec!["fingerprint"; 50_000]);
    {
        let outbox = place.open().outbox;
        let batch = Batch {
            record: record("e1", Vec::new(), at(0)),
            deliveries: vec![delivery("e1", "other", "anna", &big_card, at(0))],
            cards: vec![big_card.clone()],
            held: vec![big_hold.clone()],
        };
        outbox.enqueue(batch).await.expect("enqueue");
        outbox.set_note("files", Some(&note)).await.expect("note");
    }
    let outbox = place.open().outbox;
    assert_eq!(outbox.card(&big_card.id()).await.expect("card"), Some(big_card));
    assert_eq!(outbox.due_held(10, at(0)).await.expect("held"), [big_hold]);
    assert_eq!(outbox.note("files").await.expect("note"), Some(note));
}

async fn deliveries_are_listed_newest_first_by_state_rule_event_and_recipient(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox
        .enqueue(batch("e1", &["Anna Berg", "Omar Haddad"], at(0)))
        .await
        .expect("enqueue");
    outbox
        .enqueue(batch("e2", &["Anna Berg"], at(10)))
        .await
        .expect("enqueue");
    let mut other = batch("e3", &[], at(20));
    let card = card("other");
    other.deliveries = vec![delivery("e3", "other-rule", "Mona", &card, at(20))];
    other.cards = vec![card];
    outbox.enqueue(other).await.expect("enqueue");
    let claims = claim_all(&*outbox, 0).await;
    outbox
        .settle(&claims[1], attempt(1, at(1), dead("no")))
        .await
        .expect("settle");

    let all = list(&*outbox, Filter::default()).await;
    assert_eq!(names(&all), ["Mona", "Anna Berg", "Omar Haddad", "Anna Berg"]);
    let of = |filter: Filter| async { names(&list(&*outbox, filter).await).join(", ") };
    let everything = Filter::default();
    let state = |state| Filter {
        state: Some(state),
        ..everything.clone()
    };
    assert_eq!(of(state(State::Dead)).await, "Omar Haddad");
    assert_eq!(of(state(State::Sending)).await, "Anna Berg");
    assert_eq!(of(state(State::Pending)).await, "Mona, Anna Berg");
    assert_eq!(of(state(State::Delivered)).await, "");
    let by_rule = Filter {
        rule: Some("other-rule".to_owned()),
        ..everything.clone()
    };
    assert_eq!(of(by_rule).await, "Mona");
    let by_event = Filter {
        event: Some(EventId::known("e1")),
        ..everything.clone()
    };
    assert_eq!(of(by_event.clone()).await, "Omar Haddad, Anna Berg");
    let both = Filter {
        state: Some(State::Dead),
        ..by_event
    };
    assert_eq!(of(both).await, "Omar Haddad");
    let by_recipient = Filter {
        recipient: Some("BERG".to_owned()),
        ..everything.clone()
    };
    assert_eq!(of(by_recipient).await, "Anna Berg, Anna Berg");
    let by_address = Filter {
        recipient: Some("tenant:Omar".to_owned()),
        ..everything
    };
    assert_eq!(of(by_address).await, "Omar Haddad");
}

async fn a_list_goes_on_where_it_stopped(place: &dyn Place) {
    let outbox = place.open().outbox;
    for number in 0..10 {
        let event = format!("e{number}");
        // Pairs share their instant.
        outbox
            .enqueue(batch(&event, &[&event], at(number / 2)))
            .await
            .expect("enqueue");
    }
    let claims = outbox
        .claim(3, at(100), Duration::seconds(60))
        .await
        .expect("claim")
        .claims;
    outbox
        .settle(&claims[0], attempt(1, at(100), delivered()))
        .await
        .expect("settle");
    let whole = list(&*outbox, Filter::default()).await;
    assert_eq!(whole.len(), 10);
    let mut paged: Vec<Delivery> = Vec::new();
    loop {
        let after = paged.last().map(|delivery| delivery.id.clone());
        let page = outbox.list(&Filter::default(), after.as_ref(), 3).await.expect("list");
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, whole);
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

async fn the_same_event_from_eight_callers_at_once_is_one_set_of_deliveries(place: &dyn Place) {
    let outbox = place.open().outbox;
    let receipts = futures::future::join_all((0..8).map(|_| {
        let outbox = outbox.clone();
        async move {
            outbox
                .enqueue(batch("e1", &["anna", "omar", "mona"], at(0)))
                .await
                .expect("enqueue")
        }
    }))
    .await;
    assert_eq!(receipts.iter().filter(|receipt| !receipt.repeat).count(), 1);
    assert_eq!(receipts.iter().map(|receipt| receipt.new.len()).sum::<usize>(), 3);
    assert_eq!(claim_all(&*outbox, 0).await.len(), 3);
}

async fn ten_thousand_events_at_once_are_all_taken(place: &dyn Place) {
    const EVENTS: usize = 10_000;
    {
        let outbox = place.open().outbox;
        let taken = futures::future::join_all((0..EVENTS).map(|number| {
            let outbox = outbox.clone();
            async move { outbox.enqueue(batch(&format!("e{number}"), &["anna"], at(0))).await }
        }))
        .await;
        assert!(
            taken
                .into_iter()
                .all(|receipt| receipt.is_ok_and(|receipt| receipt.new.len() == 1))
        );
    }
    let outbox = place.open().outbox;
    assert_eq!(outbox.counts().await.expect("counts")["pending"], EVENTS as u64);
    let events: HashSet<EventId> = claim_all(&*outbox, 0)
        .await
        .into_iter()
        .map(|claim| claim.delivery.event_id)
        .collect();
    assert_eq!(events.len(), EVENTS);
}

async fn two_couriers_never_hold_the_same_delivery(place: &dyn Place) {
    let outbox = place.open().outbox;
    let people: Vec<String> = (0..500).map(|number| format!("p{number}")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    outbox.enqueue(batch("e1", &people, at(0))).await.expect("enqueue");
    let couriers = (0..8).map(|_| {
        let outbox = outbox.clone();
        async move {
            let mut held = Vec::new();
            loop {
                let claims = outbox
                    .claim(7, at(1), Duration::seconds(60))
                    .await
                    .expect("claim")
                    .claims;
                if claims.is_empty() {
                    return held;
                }
                held.extend(claims);
            }
        }
    });
    let held: Vec<Claim> = futures::future::join_all(couriers)
        .await
        .into_iter()
        .flatten()
        .collect();
    let leases: BTreeSet<u64> = held.iter().map(|claim| claim.lease).collect();
    let ids: BTreeSet<&DeliveryId> = held.iter().map(|claim| &claim.delivery.id).collect();
    assert_eq!((held.len(), ids.len(), leases.len()), (500, 500, 500));
}

async fn claims_nobody_waits_for_are_soon_due_again(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    for _ in 0..50 {
        // Polled once: the job is handed in, and then nobody is there to hear of it.
        let mut claiming = Box::pin(outbox.claim(1, at(0), Duration::days(1)));
        let _ = futures::poll!(claiming.as_mut());
        drop(claiming);
    }
    for _ in 0..1000 {
        let claims = outbox.claim(1, at(0), Duration::days(1)).await.expect("claim").claims;
        if let [claim] = claims.as_slice() {
            assert_eq!(claim.delivery.attempt_count, 0);
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the delivery is lost in a claim that nobody holds");
}
