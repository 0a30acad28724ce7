//! What becomes of one message that was sent: put right, taken away; and which thread it is in.

use chrono::Duration;
use herald::delivery::{Delivery, Operation, State, Terms, Thread, ThreadId, Verdict};
use herald::roster::ConversationId;
use herald::store::outbox::{Batch, Moved};

use super::{claim_one, get};
use crate::support::store::{
    Place, at, attempt, batch, card, dead, delivered, delivery, person_address, promised, record, rule,
};

promised! {
    a_delivered_message_becomes_another_card_and_then_vanishes,
    a_message_that_was_not_delivered_cannot_be_amended,
    a_correction_that_was_sent_anew_is_the_message_from_then_on,
    the_cards_of_an_amended_delivery_are_kept_as_long_as_they_are_needed,
    the_message_that_begins_a_thread_is_kept_over_reopening,
    a_thread_goes_with_the_newest_of_its_deliveries,
}

fn landed(message: &str, root: Option<&str>, note: Option<&str>) -> Verdict {
    Verdict::Delivered {
        activity_id: Some(message.to_owned()),
        conversation_id: ConversationId::new("19:releases@thread.tacv2"),
        thread_root: root.map(str::to_owned),
        note: note.map(str::to_owned),
    }
}

async fn a_delivered_message_becomes_another_card_and_then_vanishes(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let claim = claim_one(&*outbox, 0).await;
    outbox
        .settle(&claim, attempt(1, at(1), delivered()))
        .await
        .expect("settle");
    let id = &claim.delivery.id;
    let right = card("put right");
    let moved = outbox.amend(id, Some(&right), at(10)).await.expect("amend");
    assert!(matches!(moved, Moved::Done(_)), "{moved:?}");
    let claim = claim_one(&*outbox, 10).await;
    assert_eq!(claim.delivery.operation, Operation::Update);
    assert_eq!(claim.delivery.card_id, Some(right.id()));
    assert_eq!(outbox.card(&right.id()).await.expect("card"), Some(right));
    outbox
        .settle(&claim, attempt(2, at(11), delivered()))
        .await
        .expect("settle");
    assert_eq!(get(&*outbox, id).await.state, State::Delivered);
    let moved = outbox.amend(id, None, at(20)).await.expect("amend");
    assert!(matches!(moved, Moved::Done(_)), "{moved:?}");
    let claim = claim_one(&*outbox, 20).await;
    assert_eq!(claim.delivery.operation, Operation::Delete);
    outbox
        .settle(&claim, attempt(3, at(21), delivered()))
        .await
        .expect("settle");
    assert_eq!(get(&*outbox, id).await.state, State::Recalled);
}

async fn a_message_that_was_not_delivered_cannot_be_amended(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let claim = claim_one(&*outbox, 0).await;
    let id = &claim.delivery.id;
    let moved = outbox.amend(id, None, at(1)).await.expect("amend");
    assert_eq!(moved, Moved::NotFrom(State::Sending));
    outbox
        .settle(&claim, attempt(1, at(1), dead("blocked")))
        .await
        .expect("settle");
    let moved = outbox.amend(id, Some(&card("x")), at(2)).await.expect("amend");
    assert_eq!(moved, Moved::NotFrom(State::Dead));
    assert_eq!(outbox.card(&card("x").id()).await.expect("card"), None);
    let unknown = herald::delivery::DeliveryId::known("dl_none");
    assert_eq!(
        outbox.amend(&unknown, None, at(2)).await.expect("amend"),
        Moved::Unknown
    );
}

async fn a_correction_that_was_sent_anew_is_the_message_from_then_on(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    let claim = claim_one(&*outbox, 0).await;
    outbox
        .settle(&claim, attempt(1, at(1), landed("1", None, None)))
        .await
        .expect("settle");
    outbox
        .amend(&claim.delivery.id, Some(&card("right")), at(2))
        .await
        .expect("amend");
    let claim = claim_one(&*outbox, 2).await;
    let anew = landed("2", Some("2"), Some("the message was gone"));
    outbox.settle(&claim, attempt(2, at(3), anew)).await.expect("settle");
    let now = get(&*outbox, &claim.delivery.id).await;
    assert_eq!(now.activity_id.as_deref(), Some("2"));
    assert_eq!(now.thread_root.as_deref(), Some("2"));
    assert_eq!(now.state, State::Delivered);
}

async fn the_cards_of_an_amended_delivery_are_kept_as_long_as_they_are_needed(place: &dyn Place) {
    let outbox = place.open().outbox;
    let first = batch("e1", &["anna", "omar"], at(0));
    let shared = first.cards[0].clone();
    outbox.enqueue(first).await.expect("enqueue");
    for claim in super::claim_all(&*outbox, 0).await {
        outbox
            .settle(&claim, attempt(1, at(1), delivered()))
            .await
            .expect("settle");
        let right = card("right");
        outbox
            .amend(&claim.delivery.id, Some(&right), at(2))
            .await
            .expect("amend");
        let left = outbox.card(&shared.id()).await.expect("card");
        let last = super::list(&*outbox, herald::store::outbox::Filter::default()).await;
        let uses = last.iter().filter(|one| one.card_id == Some(shared.id())).count();
        assert_eq!(left.is_some(), uses > 0, "{uses} deliveries have the card");
    }
}

/// A delivery into the thread that its rule keeps.
fn in_thread(event: &str, seconds: i64) -> (Delivery, ThreadId, Batch) {
    let news = card(&format!("news of {event}"));
    let id = ThreadId::of("rule", "build 7", &person_address("anna"));
    let one = Delivery {
        terms: Terms {
            thread: Some(Thread::Shared { id: id.clone() }),
            ..Terms::default()
        },
        ..delivery(event, "rule", "anna", &news, at(seconds))
    };
    let batch = Batch {
        record: record(event, vec![rule("rule", 1)], at(seconds)),
        deliveries: vec![one.clone()],
        cards: vec![news],
        held: Vec::new(),
        windows: Vec::new(),
        runs: Vec::new(),
        matters: Vec::new(),
        timers: Vec::new(),
        stopped: Vec::new(),
        amendments: Vec::new(),
    };
    (one, id, batch)
}

async fn the_message_that_begins_a_thread_is_kept_over_reopening(place: &dyn Place) {
    let (_, id, batch) = in_thread("e1", 0);
    {
        let outbox = place.open().outbox;
        outbox.enqueue(batch).await.expect("enqueue");
        assert_eq!(outbox.thread(&id).await.expect("thread"), None);
        let claim = claim_one(&*outbox, 0).await;
        let settled = landed("17", Some("17"), None);
        outbox.settle(&claim, attempt(1, at(1), settled)).await.expect("settle");
        assert_eq!(outbox.thread(&id).await.expect("thread").as_deref(), Some("17"));
    }
    let outbox = place.open().outbox;
    assert_eq!(outbox.thread(&id).await.expect("thread").as_deref(), Some("17"));
}

async fn a_thread_goes_with_the_newest_of_its_deliveries(place: &dyn Place) {
    let outbox = place.open().outbox;
    for (event, seconds) in [("e1", 0), ("e2", 1000)] {
        let (_, _, batch) = in_thread(event, seconds);
        outbox.enqueue(batch).await.expect("enqueue");
        let claim = claim_one(&*outbox, seconds).await;
        let settled = landed(event, Some("17"), None);
        outbox
            .settle(&claim, attempt(1, at(seconds), settled))
            .await
            .expect("settle");
    }
    let (_, id, _) = in_thread("e1", 0);
    while outbox.collect(at(500)).await.expect("collect") > 0 {}
    assert_eq!(outbox.thread(&id).await.expect("thread").as_deref(), Some("17"));
    while outbox.collect(at(1000) + Duration::seconds(60)).await.expect("collect") > 0 {}
    assert_eq!(outbox.thread(&id).await.expect("thread"), None);
}
