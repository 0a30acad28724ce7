//! Puts right what waits for a time that never was: the clock was ahead, and somebody put it back.
//!
//! Waits are kept as instants, so that they go on over a restart. Where a clock was six hours ahead, a message that was
//! to be tried again in two seconds would wait for six hours, and everything behind it as well.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::delivery::{Delivery, DeliveryId, State, Verdict};
use crate::stop::Stop;
use crate::store::outbox::{Filter, Held, Moved};
use crate::store::{Outbox, StoreError};

/// How often it looks; a clock that is put back wakes it at once, or within a minute.
const EVERY: TimeDelta = TimeDelta::minutes(1);
/// Clocks are adjusted by less than this all the time.
const SLACK: TimeDelta = TimeDelta::seconds(1);
/// No pace and no pause asks for a longer wait.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);
/// No rule that waits for a list of members waits longer for the next try.
const LONGEST_HOLD: TimeDelta = TimeDelta::minutes(15);
/// Deliveries looked at in one step.
const PAGE: usize = 500;
/// Held rules looked at in one step.
const HELD: usize = 1000;

/// Notices that the clock was put back.
pub struct PutRight {
    /// Where what waits is kept.
    pub outbox: Arc<dyn Outbox>,
    /// The time.
    pub clock: Clock,
    /// Wakes whoever sends.
    pub work: Arc<Notify>,
}

impl PutRight {
    /// Runs until `stop` is true.
    pub async fn run(self, mut stop: Stop) {
        let mut latest: Option<DateTime<Utc>> = None;
        loop {
            let now = self.clock.now();
            match self.look(latest, now, &stop).await {
                Ok(()) => latest = Some(now),
                Err(problem) => warn!(%problem, "the outbox cannot be put right after the clock, trying again"),
            }
            tokio::select! {
                () = stop.told() => return,
                () = self.clock.sleep_until(now + EVERY) => {}
            }
        }
    }

    async fn look(&self, latest: Option<DateTime<Utc>>, now: DateTime<Utc>, stop: &Stop) -> Result<(), StoreError> {
        let latest = match latest {
            Some(latest) => Some(latest),
            // It may have been put back while Herald was off.
            None => self.newest().await?,
        };
        let Some(ahead) = latest.map(|latest| latest - now).filter(|ahead| *ahead > SLACK) else {
            return Ok(());
        };
        let deliveries = self.deliveries(now, stop).await?;
        let held = self.held(now).await?;
        self.work.notify_waiters();
        info!(
            seconds = ahead.num_seconds(),
            deliveries, held, "the clock was put back; what waited for a time that never was is due now"
        );
        Ok(())
    }

    /// When the newest delivery came in.
    async fn newest(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let newest = self.outbox.list(&Filter::default(), None, 1).await?;
        Ok(newest.first().map(|delivery| delivery.created_at))
    }

    async fn deliveries(&self, now: DateTime<Utc>, stop: &Stop) -> Result<usize, StoreError> {
        let pending = Filter {
            state: Some(State::Pending),
            ..Filter::default()
        };
        let mut after: Option<DeliveryId> = None;
        let mut moved = 0;
        loop {
            let page = self.outbox.list(&pending, after.as_ref(), PAGE).await?;
            for delivery in page.iter().filter(|delivery| waits_in_vain(delivery, now)) {
                if let Moved::Done(_) = self.outbox.retry(&delivery.id, now).await? {
                    moved += 1;
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE && !stop.is_told() => after = Some(last.id.clone()),
                Some(_) | None => return Ok(moved),
            }
        }
    }

    async fn held(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let mut moved = 0;
        for held in self.outbox.due_held(HELD, DateTime::<Utc>::MAX_UTC).await? {
            if held.due_at > now + LONGEST_HOLD {
                self.outbox.hold(&Held { due_at: now, ..held }).await?;
                moved += 1;
            }
        }
        Ok(moved)
    }
}

/// The instant that this delivery waits for was computed by a clock that was ahead.
fn waits_in_vain(delivery: &Delivery, now: DateTime<Utc>) -> bool {
    let until = delivery.next_attempt_at;
    if until <= now {
        return false;
    }
    let asked = delivery.attempts.last().filter(|last| match &last.verdict {
        Verdict::RetryAt { at, .. } => *at == until,
        Verdict::Delivered { .. } | Verdict::Dead { .. } => false,
    });
    match asked {
        // An answer asked for this wait: right, if it came before now.
        Some(last) => last.started_at > now + SLACK,
        None => until > now + LONGEST_WAIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Address, Attempt, Operation, Recipient, Terms};
    use crate::event::EventId;

    fn at(seconds: i64) -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
    }

    /// Waits until `until`; `tried` says when it was last tried and until when the answer asked it to wait.
    fn waiting(until: i64, tried: Option<(i64, i64)>) -> Delivery {
        let attempt = tried.map(|(started, again)| Attempt {
            number: 1,
            started_at: at(started),
            took_ms: 3,
            status: Some(503),
            verdict: Verdict::RetryAt {
                at: at(again),
                reason: "x".into(),
            },
        });
        Delivery {
            id: DeliveryId::known("dl_1"),
            event_id: EventId::known("ev_1"),
            rule: "r".into(),
            revision: "1".into(),
            recipient: Recipient {
                address: Address::Nowhere { wanted: "x".into() },
                name: "x".into(),
            },
            card_id: None,
            state: State::Pending,
            attempt_count: u32::from(attempt.is_some()),
            attempts: attempt.into_iter().collect(),
            created_at: at(0),
            next_attempt_at: at(until),
            reason: None,
            activity_id: None,
            conversation_id: None,
            thread_root: None,
            window: None,
            terms: Terms::default(),
            operation: Operation::Send,
            trace: None,
            batch: None,
        }
    }

    #[test]
    fn a_wait_is_in_vain_if_the_answer_that_asked_for_it_is_yet_to_come() {
        let six_hours = 6 * 3600;
        for (what, until, tried, in_vain) in [
            ("due", 0, Some((-10, 0)), false),
            ("asked for just now", 7, Some((-1, 7)), false),
            ("asked for a day of silence", 86_000, Some((-400, 86_000)), false),
            (
                "tried in six hours",
                six_hours + 2,
                Some((six_hours, six_hours + 2)),
                true,
            ),
            ("given back by the pace", 3000, Some((-10, -5)), false),
            ("given back in six hours", six_hours + 30, Some((-10, -5)), true),
            ("never tried, given back in six hours", six_hours + 30, None, true),
            ("never tried, due", -5, None, false),
        ] {
            assert_eq!(waits_in_vain(&waiting(until, tried), at(0)), in_vain, "{what}");
        }
    }
}
