//! The windows of limits: they change with the batch that was decided on them, and follow the fate of its cards.

use std::time::Duration as Length;

use herald::delivery::{Delivery, WindowId};
use herald::limit::{Change, Limit, Rest, Ruling, Step, Window};
use herald::store::outbox::{Batch, Held};
use herald::store::{Outbox, StoreError};

use super::{claim_one, get};
use crate::support::store::{Place, at, attempt, batch, dead, delivered, held, person_address, promised};

promised! {
    a_window_opens_with_its_delivery_and_outlives_a_restart,
    of_many_who_open_a_window_at_once_one_does_and_the_others_are_told_to_decide_again,
    cards_held_back_at_once_are_all_counted,
    nothing_of_a_batch_that_was_overtaken_is_kept,
    a_window_closes_with_a_delivery_that_dies_or_is_cancelled,
    a_window_stays_when_its_delivery_is_sent_and_opens_again_with_one_tried_by_hand,
    repeating_a_batch_counts_nothing_twice,
    an_event_that_was_decided_meanwhile_is_not_decided_on_other_windows,
    a_rule_that_waits_for_a_roster_counts_each_recipient_once,
    windows_are_collected_when_they_have_ended_long_ago,
}

fn limit() -> Limit {
    Limit {
        once_per: Length::from_secs(600),
        for_each: None,
        rest: Rest::Count,
    }
}

fn window_of(name: &str) -> WindowId {
    WindowId::of("rule", "", &person_address(name))
}

async fn window(outbox: &dyn Outbox, name: &str) -> Option<Window> {
    let id = window_of(name);
    outbox
        .windows(std::slice::from_ref(&id))
        .await
        .expect("windows")
        .remove(&id)
}

/// What the event brings to `name` at this time, decided on the window as it is.
async fn decided(outbox: &dyn Outbox, event: &str, name: &str, seconds: i64) -> Batch {
    let mut batch = batch(event, &[name], at(seconds));
    let before = window(outbox, name).await;
    let delivery = batch.deliveries[0].id.clone();
    let step = match (limit().judge(before.as_ref(), at(seconds)), &before) {
        (Ruling::HeldBack(..), Some(window)) => {
            batch.deliveries.clear();
            batch.cards.clear();
            let opened_by = window.opened_by.clone();
            Step::HoldsBack {
                opened_by,
                at: at(seconds),
            }
        }
        (Ruling::HeldBack(..), None) => panic!("no window holds back"),
        (Ruling::Passes(told), _) => {
            batch.deliveries[0].window = Some(window_of(name));
            let after = limit().opened(&delivery, told, at(seconds));
            Step::Opens { before, after }
        }
    };
    batch.windows = vec![Change {
        window: window_of(name),
        rule: "rule".to_owned(),
        delivery,
        step,
        gathers: None,
    }];
    batch
}

async fn bring(outbox: &dyn Outbox, event: &str, name: &str, seconds: i64) -> Vec<Delivery> {
    let batch = decided(outbox, event, name, seconds).await;
    let deliveries = batch.deliveries.clone();
    outbox.enqueue(batch).await.expect("enqueue");
    deliveries
}

async fn a_window_opens_with_its_delivery_and_outlives_a_restart(place: &dyn Place) {
    let opened = {
        let outbox = place.open().outbox;
        assert_eq!(window(&*outbox, "anna").await, None);
        bring(&*outbox, "e1", "anna", 0).await
    };
    let outbox = place.open().outbox;
    let found = window(&*outbox, "anna").await.expect("a window");
    assert_eq!(
        (&found.opened_by, found.opened_at, found.held_back),
        (&opened[0].id, at(0), 0)
    );
    assert!(bring(&*outbox, "e2", "anna", 1).await.is_empty());
    assert_eq!(
        bring(&*outbox, "e3", "omar", 1).await.len(),
        1,
        "another recipient has another window"
    );
    assert_eq!(window(&*outbox, "anna").await.expect("a window").held_back, 1);
}

async fn of_many_who_open_a_window_at_once_one_does_and_the_others_are_told_to_decide_again(place: &dyn Place) {
    let outbox = place.open().outbox;
    let mut batches = Vec::new();
    for number in 0..50 {
        batches.push(decided(&*outbox, &format!("e{number}"), "anna", 0).await);
    }
    let answers = futures::future::join_all(batches.into_iter().map(|batch| outbox.enqueue(batch))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let overtaken = |answer: &&Result<_, StoreError>| matches!(answer, Err(StoreError::Overtaken));
    assert_eq!(answers.iter().filter(overtaken).count(), 49);
    assert_eq!(outbox.counts().await.expect("counts")["pending"], 1);
}

async fn cards_held_back_at_once_are_all_counted(place: &dyn Place) {
    let outbox = place.open().outbox;
    bring(&*outbox, "e0", "anna", 0).await;
    let mut batches = Vec::new();
    for number in 1..=50 {
        batches.push(decided(&*outbox, &format!("e{number}"), "anna", number).await);
    }
    let late = decided(&*outbox, "late", "anna", 600).await;
    for answer in futures::future::join_all(batches.into_iter().map(|batch| outbox.enqueue(batch))).await {
        answer.expect("nobody is in anybody's way");
    }
    assert_eq!(window(&*outbox, "anna").await.expect("a window").held_back, 50);
    let answer = outbox.enqueue(late).await;
    assert!(
        matches!(answer, Err(StoreError::Overtaken)),
        "it would tell of none: {answer:?}"
    );
}

async fn nothing_of_a_batch_that_was_overtaken_is_kept(place: &dyn Place) {
    let outbox = place.open().outbox;
    let late = decided(&*outbox, "late", "anna", 0).await;
    bring(&*outbox, "e1", "anna", 0).await;
    let (id, event) = (late.deliveries[0].id.clone(), late.record.id.clone());
    assert!(matches!(outbox.enqueue(late).await, Err(StoreError::Overtaken)));
    assert_eq!(outbox.get(&id).await.expect("get"), None);
    assert_eq!(outbox.event(&event).await.expect("event"), None);
    assert_eq!(outbox.counts().await.expect("counts")["pending"], 1);
}

async fn a_window_closes_with_a_delivery_that_dies_or_is_cancelled(place: &dyn Place) {
    let outbox = place.open().outbox;
    bring(&*outbox, "e1", "anna", 0).await;
    bring(&*outbox, "e2", "anna", 1).await;
    let claim = claim_one(&*outbox, 2).await;
    outbox
        .settle(&claim, attempt(1, at(3), dead("blocked")))
        .await
        .expect("settle");
    let sent = bring(&*outbox, "e3", "anna", 4).await;
    assert_eq!(sent.len(), 1, "the first one never came");
    let told = window(&*outbox, "anna").await.expect("a window").told.expect("a count");
    assert_eq!((told.held_back, told.since), (1, at(0)));
    outbox.cancel(&sent[0].id, "stopped", at(0)).await.expect("cancel");
    let sent = bring(&*outbox, "e4", "anna", 5).await;
    assert_eq!(sent.len(), 1);
    let told = window(&*outbox, "anna").await.expect("a window").told.expect("a count");
    assert_eq!(
        (told.held_back, told.since),
        (1, at(0)),
        "the cancelled card had not told it"
    );
}

async fn a_window_stays_when_its_delivery_is_sent_and_opens_again_with_one_tried_by_hand(place: &dyn Place) {
    let outbox = place.open().outbox;
    let first = bring(&*outbox, "e1", "anna", 0).await;
    let claim = claim_one(&*outbox, 1).await;
    outbox
        .settle(&claim, attempt(1, at(2), dead("blocked")))
        .await
        .expect("settle");
    outbox.retry(&first[0].id, at(100)).await.expect("retry");
    let claim = claim_one(&*outbox, 100).await;
    outbox
        .settle(&claim, attempt(2, at(101), delivered()))
        .await
        .expect("settle");
    assert!(
        bring(&*outbox, "e2", "anna", 650).await.is_empty(),
        "the card came at 100"
    );
    assert_eq!(bring(&*outbox, "e3", "anna", 700).await.len(), 1);
}

async fn repeating_a_batch_counts_nothing_twice(place: &dyn Place) {
    let outbox = place.open().outbox;
    let first = decided(&*outbox, "e1", "anna", 0).await;
    outbox.enqueue(first.clone()).await.expect("enqueue");
    let window_before = window(&*outbox, "anna").await;
    let receipt = outbox.enqueue(first).await.expect("repeating is harmless");
    assert!(receipt.repeat && receipt.new.is_empty());
    assert_eq!(window(&*outbox, "anna").await, window_before);

    let held_back = decided(&*outbox, "e2", "anna", 1).await;
    outbox.enqueue(held_back.clone()).await.expect("enqueue");
    let again = outbox.enqueue(held_back).await;
    assert!(matches!(again, Err(StoreError::Overtaken)), "{again:?}");
    assert_eq!(window(&*outbox, "anna").await.expect("a window").held_back, 1);
}

async fn an_event_that_was_decided_meanwhile_is_not_decided_on_other_windows(place: &dyn Place) {
    let outbox = place.open().outbox;
    bring(&*outbox, "e1", "anna", 0).await;
    bring(&*outbox, "e2", "anna", 1).await;
    // The same event, brought a second time, was decided when the window had ended.
    let twin = decided(&*outbox, "e2", "anna", 600).await;
    assert_eq!(twin.deliveries.len(), 1);
    let answer = outbox.enqueue(twin).await;
    assert!(matches!(answer, Err(StoreError::Overtaken)), "{answer:?}");
}

async fn a_rule_that_waits_for_a_roster_counts_each_recipient_once(place: &dyn Place) {
    let outbox = place.open().outbox;
    bring(&*outbox, "e1", "anna", 0).await;
    let mut first = decided(&*outbox, "e2", "anna", 1).await;
    first.held = vec![held("e2", "rule", at(1))];
    outbox.enqueue(first).await.expect("enqueue");
    let waiting = outbox.due_held(10, at(1)).await.expect("held");
    assert_eq!(waiting[0].counted, [window_of("anna")]);

    // Held again by somebody who read it before.
    let again = Held {
        attempts: 1,
        counted: Vec::new(),
        ..waiting[0].clone()
    };
    outbox.hold(&again).await.expect("hold");
    let mut second = decided(&*outbox, "e2", "anna", 2).await;
    let omar = decided(&*outbox, "e2", "omar", 2).await;
    second.deliveries = omar.deliveries;
    second.cards = omar.cards;
    second.windows.extend(omar.windows);
    let receipt = outbox.enqueue(second).await.expect("enqueue");
    assert_eq!(receipt.new.len(), 1);
    assert_eq!(get(&*outbox, &receipt.new[0]).await.recipient.name, "omar");
    assert_eq!(window(&*outbox, "anna").await.expect("a window").held_back, 1);
}

async fn windows_are_collected_when_they_have_ended_long_ago(place: &dyn Place) {
    let outbox = place.open().outbox;
    bring(&*outbox, "e1", "anna", 0).await;
    let claim = claim_one(&*outbox, 1).await;
    outbox
        .settle(&claim, attempt(1, at(2), delivered()))
        .await
        .expect("settle");
    bring(&*outbox, "e2", "anna", 5).await;
    while outbox.collect(at(600)).await.expect("collect") > 0 {}
    assert!(window(&*outbox, "anna").await.is_some(), "it ends at 600");
    while outbox.collect(at(601)).await.expect("collect") > 0 {}
    assert_eq!(window(&*outbox, "anna").await, None);
}
