//! Claiming, settling, giving back.

use chrono::Duration;
use herald::delivery::{Delivery, State};
use herald::store::StoreError;
use herald::store::outbox::Filter;

use super::{claim_all, claim_one, get, list, names};
use crate::support::store::{Place, at, attempt, batch, dead, delivered, each, promised};

promised! {
    the_oldest_due_is_claimed_first_and_equal_times_keep_the_order_of_arrival,
    nothing_is_claimed_before_its_time_and_no_more_than_asked_for,
    a_claimed_delivery_is_claimed_again_only_after_its_lease,
    what_was_being_sent_at_a_crash_is_sent_again,
    a_delivered_card_says_where_it_is_and_is_never_claimed_again,
    a_failed_attempt_is_kept_and_tried_again_at_its_time,
    a_delivery_keeps_its_newest_attempts_and_counts_all,
    a_delivery_given_back_counts_no_attempt,
    a_claim_can_be_settled_once,
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
            .claim(each(9), early, Duration::seconds(60))
            .await
            .expect("claim")
            .claims
            .is_empty()
    );
    for wanted in ["anna", "omar"] {
        let claims = outbox
            .claim(each(1), at(10), Duration::seconds(60))
            .await
            .expect("claim")
            .claims;
        assert_eq!(claims[0].delivery.recipient.name, wanted);
        assert_eq!(claims[0].delivery.state, State::Sending);
        assert_eq!(claims.len(), 1);
    }
    assert!(
        outbox
            .claim(each(0), at(10), Duration::seconds(60))
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
