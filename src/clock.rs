//! The only reader of the wall clock.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

/// A clock that goes back by less than this is being adjusted, as clocks are all the time; nobody waits noticeably longer.
const SLACK: TimeDelta = TimeDelta::seconds(1);

/// Tells the time: the system's, or one that a test turns by hand.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(watch::Receiver<DateTime<Utc>>),
}

/// Turns a manual clock.
#[derive(Debug, Clone)]
pub struct Hand(Arc<watch::Sender<DateTime<Utc>>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until its hand moves.
    pub fn manual(start: DateTime<Utc>) -> (Self, Hand) {
        let (hand, time) = watch::channel(start);
        (Self(Source::Manual(time)), Hand(Arc::new(hand)))
    }

    /// The instant it is.
    #[expect(clippy::disallowed_methods, reason = "the one place that may read the wall clock")]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => Utc::now(),
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// Returns once the clock shows `instant` or later, or was put back: then whoever waits has to ask anew how long,
    /// since the instant was computed by a time that never was.
    ///
    /// The system clock is looked at again at least once a minute, so that a wall clock that jumps is noticed.
    pub async fn sleep_until(&self, instant: DateTime<Utc>) {
        let mut latest = self.now();
        match &self.0 {
            Source::System => loop {
                let now = self.now();
                if now >= instant || now < latest - SLACK {
                    return;
                }
                latest = latest.max(now);
                let left = (instant - now).to_std().unwrap_or_default();
                tokio::time::sleep(left.min(Duration::from_secs(60))).await;
            },
            Source::Manual(time) => {
                let mut time = time.clone();
                let is_over = |now: &DateTime<Utc>| *now >= instant || *now < latest - SLACK;
                // A hand that was dropped will never move again: waiting for ever is what a stopped clock means.
                if time.wait_for(is_over).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// As [`Clock::sleep_until`]; without an instant it never returns.
    pub async fn sleep_until_any(&self, instant: Option<DateTime<Utc>>) {
        match instant {
            Some(instant) => self.sleep_until(instant).await,
            None => std::future::pending().await,
        }
    }
}

impl Hand {
    /// Moves the clock forward (or, with a negative length, back).
    pub fn advance(&self, by: chrono::Duration) {
        self.0.send_modify(|now| *now += by);
    }

    /// Sets the clock.
    pub fn set(&self, to: DateTime<Utc>) {
        self.0.send_replace(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_at_its_time_and_when_the_clock_is_put_back() {
        let start: DateTime<Utc> = "2026-03-02T08:00:00Z".parse().unwrap();
        let hour = TimeDelta::hours(1);
        let (clock, hand) = Clock::manual(start);
        for by in [hour, hour * 30, -hour, -hour * 10_000] {
            let instant = clock.now() + hour;
            let slept = clock.sleep_until(instant);
            tokio::pin!(slept);
            assert!(futures::poll!(&mut slept).is_pending(), "{by}");
            hand.advance(-TimeDelta::milliseconds(900));
            assert!(
                futures::poll!(&mut slept).is_pending(),
                "clocks are adjusted all the time"
            );
            hand.advance(TimeDelta::milliseconds(900) + by);
            assert!(futures::poll!(&mut slept).is_ready(), "{by}");
        }
    }
}
