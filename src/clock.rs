//! The only reader of the wall clock.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

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

    /// Returns once the clock shows `instant` or later.
    ///
    /// The system clock is looked at again at least once a minute, so that a wall clock that jumps is noticed.
    pub async fn sleep_until(&self, instant: DateTime<Utc>) {
        match &self.0 {
            Source::System => loop {
                let Ok(left) = (instant - self.now()).to_std() else {
                    return;
                };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Duration::from_secs(60))).await;
            },
            Source::Manual(time) => {
                let mut time = time.clone();
                // A hand that was dropped will never move again: waiting for ever is what a stopped clock means.
                if time.wait_for(|now| *now >= instant).await.is_err() {
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
