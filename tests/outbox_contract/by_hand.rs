//! What an operator moves, counts and lists.

use chrono::Duration;
use herald::delivery::{Address, Delivery, DeliveryId, State};
use herald::event::EventId;
use herald::store::StoreError;
use herald::store::outbox::{Batch, Filter, Moved};

use super::{claim_all, claim_one, get, list, names};
use crate::support::store::{
    Place, at, attempt, batch, card, dead, delivered, delivery, each, promised, record, rule,
};

promised! {
    a_cancelled_delivery_cannot_be_settled,
    cancelling_and_settling_at_the_same_time_end_in_one_of_the_two,
    a_dead_delivery_can_be_tried_again_by_hand,
    a_recipient_that_was_not_found_is_kept_as_dead_and_cannot_be_tried_again,
    moving_by_hand_says_why_it_cannot_be_done,
    counts_follow_every_move_and_survive_reopening,
    deliveries_are_listed_newest_first_by_state_rule_event_and_recipient,
    the_deliveries_of_one_event_are_paged_with_the_newest_first,
    a_list_goes_on_where_it_stopped,
}

async fn a_cancelled_delivery_cannot_be_settled(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let claim = claim_one(&*outbox, 0).await;
    let moved = outbox
        .cancel(&claim.delivery.id, "stopped by mona", at(0))
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
                outbox.cancel(&claim.delivery.id, "stopped", at(0)),
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
        windows: Vec::new(),
        runs: Vec::new(),
        matters: Vec::new(),
        timers: Vec::new(),
        stopped: Vec::new(),
        amendments: Vec::new(),
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
    assert_eq!(
        outbox.cancel(&unknown, "x", at(0)).await.expect("cancel"),
        Moved::Unknown
    );

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
        outbox.cancel(&id, "x", at(0)).await.expect("cancel"),
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
        ("recalled", 0),
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
        outbox
            .cancel(&claims[2].delivery.id, "no", at(0))
            .await
            .expect("cancel");
        outbox.release(&claims[3], at(9)).await.expect("release");
        outbox.release(&claims[4], at(9)).await.expect("release");
        assert_eq!(outbox.counts().await.expect("counts"), expected.into());
    }
    assert_eq!(place.open().outbox.counts().await.expect("counts"), expected.into());
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

async fn the_deliveries_of_one_event_are_paged_with_the_newest_first(place: &dyn Place) {
    let outbox = place.open().outbox;
    for (event, people) in [("e", ["a", "b", "c", "d", "e"]), ("e1", ["v", "w", "x", "y", "z"])] {
        outbox.enqueue(batch(event, &people, at(0))).await.expect("enqueue");
    }
    // Who came in later is newer, also when it was decided at the same instant.
    let mut later = batch("e", &["f"], at(0));
    later.record.rules.clear();
    outbox.enqueue(later).await.expect("enqueue");
    let of_event = Filter {
        event: Some(EventId::known("e")),
        ..Filter::default()
    };
    let mut paged: Vec<Delivery> = Vec::new();
    loop {
        let after = paged.last().map(|delivery| delivery.id.clone());
        let page = outbox.list(&of_event, after.as_ref(), 4).await.expect("list");
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(names(&paged), ["f", "e", "d", "c", "b", "a"]);
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
        .claim(each(3), at(100), Duration::seconds(60))
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
