//! Many callers at once.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::Duration;
use herald::delivery::DeliveryId;
use herald::event::EventId;
use herald::store::outbox::{Claim, Filter};

use super::{claim_all, list};
use crate::support::store::{Place, at, attempt, batch, delivered, each, promised};

promised! {
    the_same_event_from_eight_callers_at_once_is_one_set_of_deliveries,
    ten_thousand_events_at_once_are_all_taken,
    two_couriers_never_hold_the_same_delivery,
    claims_nobody_waits_for_are_soon_due_again,
    a_large_record_is_read_whole_while_it_is_replaced,
    a_list_misses_nothing_while_deliveries_move_on,
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
            async move {
                outbox
                    .enqueue(batch(&format!("e{number}"), &[&format!("p{number}")], at(0)))
                    .await
            }
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
                    .claim(each(7), at(1), Duration::seconds(60))
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
        let mut claiming = Box::pin(outbox.claim(each(1), at(0), Duration::days(1)));
        let _ = futures::poll!(claiming.as_mut());
        drop(claiming);
    }
    for _ in 0..1000 {
        let claims = outbox
            .claim(each(1), at(0), Duration::days(1))
            .await
            .expect("claim")
            .claims;
        if let [claim] = claims.as_slice() {
            assert_eq!(claim.delivery.attempt_count, 0);
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the delivery is lost in a claim that nobody holds");
}

async fn a_large_record_is_read_whole_while_it_is_replaced(place: &dyn Place) {
    let outbox = place.open().outbox;
    let note = |number: usize| serde_json::json!(vec![number; 20_000 + 1000 * (number % 5)]);
    outbox.set_note("files", Some(&note(0))).await.expect("note");
    let writer = async {
        for number in 1..=60 {
            outbox.set_note("files", Some(&note(number))).await.expect("note");
        }
    };
    let readers = (0..4).map(|_| async {
        let mut newest = 0;
        while newest < 60 {
            let found = outbox.note("files").await.expect("it is whole").expect("it is there");
            let number = found[0].as_u64().expect("a number");
            assert_eq!(found, note(number as usize));
            assert!(number >= newest, "what was read does not become older");
            newest = number;
        }
    });
    tokio::join!(writer, futures::future::join_all(readers));
}

async fn a_list_misses_nothing_while_deliveries_move_on(place: &dyn Place) {
    const PEOPLE: usize = 300;
    let outbox = place.open().outbox;
    let people: Vec<String> = (0..PEOPLE).map(|number| format!("p{number}")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    outbox.enqueue(batch("e1", &people, at(0))).await.expect("enqueue");
    let ended = AtomicBool::new(false);
    let courier = async {
        for claim in claim_all(&*outbox, 1).await {
            outbox
                .settle(&claim, attempt(1, at(1), delivered()))
                .await
                .expect("settle");
        }
        ended.store(true, Ordering::Relaxed);
    };
    let operator = async {
        while !ended.load(Ordering::Relaxed) {
            let listed = list(&*outbox, Filter::default()).await;
            let ids: BTreeSet<&DeliveryId> = listed.iter().map(|delivery| &delivery.id).collect();
            assert_eq!((listed.len(), ids.len()), (PEOPLE, PEOPLE));
        }
    };
    tokio::join!(courier, operator);
}
