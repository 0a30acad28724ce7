//! The one place where requests to Teams are counted: whoever asks Teams for something passes here first.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::pace::{Pace, Request};

/// A pace that several tasks keep together.
#[derive(Debug)]
pub struct Turnstile {
    pace: Mutex<Pace>,
    clock: Clock,
}

impl Turnstile {
    /// A turnstile that lets pass at this pace.
    pub fn new(pace: Pace, clock: Clock) -> Self {
        Self {
            pace: Mutex::new(pace),
            clock,
        }
    }

    /// The pace, for whoever plans several requests at once. Not to be held over an await.
    pub fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the request breaks no limit, counts it, and says when it leaves.
    pub async fn pass(&self, request: Request<'_>) -> DateTime<Utc> {
        loop {
            let now = self.clock.now();
            let ready = {
                let mut pace = self.pace();
                let ready = pace.ready(request, now).at();
                if ready <= now {
                    pace.departs(request, now);
                    return now;
                }
                ready
            };
            self.clock.sleep_until(ready).await;
        }
    }
}
