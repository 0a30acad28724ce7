//! Taking in what an event brings, once.

use herald::delivery::State;
use herald::event::EventId;
use herald::store::StoreError;
use herald::store::outbox::{Batch, Filter};

use super::{claim_all, claim_one, get, list, names};
use crate::support::store::{Place, at, attempt, batch, card, delivered, delivery, held, promised, record, rule};

promised! {
    what_was_accepted_is_there_after_reopening,
    the_same_batch_again_is_a_repeat_and_adds_nothing,
    a_batch_that_is_partly_known_adds_only_what_is_new,
    a_delivery_named_twice_in_one_batch_is_one_delivery,
    a_batch_whose_card_is_missing_is_refused_as_a_whole,
    a_full_outbox_takes_nothing_and_takes_again_when_something_ended,
    a_card_is_stored_once_and_goes_with_its_last_delivery,
    very_large_records_come_back_unchanged,
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
            windows: Vec::new(),
            runs: Vec::new(),
            matters: Vec::new(),
            timers: Vec::new(),
            stopped: Vec::new(),
            amendments: Vec::new(),
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
            windows: Vec::new(),
            runs: Vec::new(),
            matters: Vec::new(),
            timers: Vec::new(),
            stopped: Vec::new(),
            amendments: Vec::new(),
        };
        outbox.enqueue(batch).await.expect("enqueue");
        outbox.set_note("files", Some(&note)).await.expect("note");
    }
    let outbox = place.open().outbox;
    assert_eq!(outbox.card(&big_card.id()).await.expect("card"), Some(big_card));
    assert_eq!(outbox.due_held(10, at(0)).await.expect("held"), [big_hold]);
    assert_eq!(outbox.note("files").await.expect("note"), Some(note));
}
