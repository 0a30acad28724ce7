//! Cards that wait for the end of quiet hours: in their order, and nothing else behind them.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use herald::delivery::State;
use herald::quiet::{Hours, Kept};
use herald::store::Outbox;
use herald::store::outbox::{Batch, Claim, Moved};

use super::{claim_all, get};
use crate::support::store::{Place, at, attempt, batch, delivered, each, promised};

promised! {
    what_waits_for_the_morning_holds_nothing_else_up,
    what_waits_for_the_morning_keeps_its_order_over_a_restart,
    what_waits_for_different_mornings_comes_when_each_is_there,
    a_card_that_is_late_for_another_reason_is_not_sent_at_night,
    one_that_somebody_wants_at_once_does_not_wait,
    one_that_is_late_beyond_its_time_is_cancelled_in_the_morning,
}

/// `event` for `name`, held until `until` seconds.
fn held(event: &str, name: &str, came: i64, until: i64) -> Batch {
    let mut batch = batch(event, &[name], at(came));
    for delivery in &mut batch.deliveries {
        delivery.terms.held_until = Some(at(until));
        delivery.next_attempt_at = at(until);
        delivery.reason = Some("quiet hours".to_owned());
    }
    batch
}

async fn take(outbox: &dyn Outbox, batch: Batch) {
    outbox.enqueue(batch).await.expect("enqueue");
}

fn events(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.delivery.event_id.as_str()).collect()
}

async fn settle(outbox: &dyn Outbox, claim: &Claim, seconds: i64) {
    let settled = outbox.settle(claim, attempt(1, at(seconds), delivered())).await;
    settled.expect("settle");
}

async fn what_waits_for_the_morning_holds_nothing_else_up(place: &dyn Place) {
    let outbox = place.open().outbox;
    take(&*outbox, held("night", "anna", 0, 1000)).await;
    take(&*outbox, batch("urgent", &["anna"], at(1))).await;
    let claims = claim_all(&*outbox, 2).await;
    assert_eq!(events(&claims), ["urgent"], "in the same lane, to the same person");
    settle(&*outbox, &claims[0], 3).await;
    assert_eq!(outbox.next_due().await.expect("next_due"), Some(at(1000)));
    assert_eq!(claim_all(&*outbox, 999).await.len(), 0);
    let claims = claim_all(&*outbox, 1001).await;
    assert_eq!(events(&claims), ["night"]);
    assert_eq!(claims[0].delivery.reason, None, "it waits for nothing any more");
}

async fn what_waits_for_the_morning_keeps_its_order_over_a_restart(place: &dyn Place) {
    {
        let outbox = place.open().outbox;
        for (number, event) in ["e1", "e2", "e3"].into_iter().enumerate() {
            take(&*outbox, held(event, "anna", number as i64, 1000)).await;
        }
    }
    let outbox = place.open().outbox;
    for (number, event) in ["e1", "e2", "e3"].into_iter().enumerate() {
        let claims = claim_all(&*outbox, 1001).await;
        assert_eq!(events(&claims), [event]);
        let ahead = outbox.ahead_of(&claims[0].delivery.id).await.expect("ahead_of");
        assert_eq!(ahead, None);
        settle(&*outbox, &claims[0], 1002 + number as i64).await;
    }
    assert_eq!(outbox.next_due().await.expect("next_due"), None);
}

async fn what_waits_for_different_mornings_comes_when_each_is_there(place: &dyn Place) {
    let outbox = place.open().outbox;
    // A rule that keeps weekends free, and one that keeps nights free.
    take(&*outbox, held("monday", "anna", 0, 3000)).await;
    take(&*outbox, held("tomorrow", "anna", 1, 1000)).await;
    assert_eq!(events(&claim_all(&*outbox, 1001).await), ["tomorrow"]);
    assert_eq!(
        events(&claim_all(&*outbox, 3001).await),
        ["tomorrow", "monday"],
        "the lease of one is over"
    );
}

/// A delivery that nobody may be told of from 22:00 to 07:00 in Berlin.
fn with_hours(event: &str, came: DateTime<Utc>) -> Batch {
    let mut batch = batch(event, &["anna"], came);
    batch.deliveries[0].terms.quiet = Some(Kept {
        hours: vec![Hours::parse("22:00-07:00").expect("hours")],
        days: Vec::new(),
        zone: Tz::Europe__Berlin,
    });
    batch
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

async fn claimed(outbox: &dyn Outbox, now: &str) -> Vec<Claim> {
    let claims = outbox.claim(each(10), instant(now), Duration::seconds(60)).await;
    claims.expect("claim").claims
}

async fn a_card_that_is_late_for_another_reason_is_not_sent_at_night(place: &dyn Place) {
    let outbox = place.open().outbox;
    // It came in time, and nobody could send it until after ten in the evening.
    let batch = with_hours("late", instant("2026-03-02T20:59:00Z"));
    let id = batch.deliveries[0].id.clone();
    take(&*outbox, batch).await;
    assert_eq!(claimed(&*outbox, "2026-03-02T21:10:00Z").await.len(), 0);
    let waiting = get(&*outbox, &id).await;
    assert_eq!(waiting.state, State::Pending);
    assert_eq!(waiting.next_attempt_at, instant("2026-03-03T06:00:00Z"));
    assert!(waiting.reason.expect("a reason").contains("quiet hours (22:00-07:00)"));
    assert_eq!(
        outbox.next_due().await.expect("next_due"),
        Some(instant("2026-03-03T06:00:00Z"))
    );
    // The machine is off for the whole day.
    assert_eq!(
        claimed(&*outbox, "2026-03-03T22:00:00Z").await.len(),
        0,
        "the next night"
    );
    assert_eq!(claimed(&*outbox, "2026-03-04T06:00:01Z").await.len(), 1);
}

async fn one_that_somebody_wants_at_once_does_not_wait(place: &dyn Place) {
    let outbox = place.open().outbox;
    let mut batch = with_hours("night", instant("2026-03-02T22:00:00Z"));
    let id = batch.deliveries[0].id.clone();
    let until = instant("2026-03-03T06:00:00Z");
    batch.deliveries[0].terms.held_until = Some(until);
    batch.deliveries[0].next_attempt_at = until;
    take(&*outbox, batch).await;
    let now = instant("2026-03-02T23:00:00Z");
    let Moved::Done(moved) = outbox.retry(&id, now).await.expect("retry") else {
        panic!("it can be moved");
    };
    assert_eq!((moved.terms.held_until, moved.reason.as_deref()), (None, None));
    let claims = claimed(&*outbox, "2026-03-02T23:00:01Z").await;
    assert_eq!(events(&claims), ["night"]);
    settle(&*outbox, &claims[0], 10).await;
    take(&*outbox, crate::support::store::batch("after", &["anna"], now)).await;
    let claims = claimed(&*outbox, "2026-03-02T23:00:02Z").await;
    assert_eq!(events(&claims), ["after"], "nothing of it is left in any queue");
}

async fn one_that_is_late_beyond_its_time_is_cancelled_in_the_morning(place: &dyn Place) {
    let outbox = place.open().outbox;
    let mut batch = with_hours("late", instant("2026-03-02T20:59:00Z"));
    let id = batch.deliveries[0].id.clone();
    batch.deliveries[0].terms.expires_at = Some(instant("2026-03-03T02:00:00Z"));
    take(&*outbox, batch).await;
    assert_eq!(claimed(&*outbox, "2026-03-02T21:10:00Z").await.len(), 0);
    assert_eq!(claimed(&*outbox, "2026-03-03T06:00:00Z").await.len(), 0);
    let cancelled = get(&*outbox, &id).await;
    assert_eq!(cancelled.state, State::Cancelled);
    assert!(cancelled.reason.expect("a reason").contains("expires_after"));
}
