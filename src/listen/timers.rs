//! Sleeps until the next timer, and has what it is for be done.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use futures::StreamExt;
use tokio::sync::Notify;
use tracing::warn;

use crate::clock::Clock;
use crate::dispatch::Dispatcher;
use crate::stop::Stop;
use crate::store::{Outbox, StoreError};

/// How many timers are taken up in one go.
const AT_A_TIME: usize = 256;
/// How many of them are worked on at once: their writes share a sync.
const AT_ONCE: usize = 32;
/// How long to wait when the store cannot be used.
const STORE_WAIT: Duration = Duration::seconds(5);

/// Brings what is due.
pub struct TimerListener {
    /// Where the timers are.
    pub outbox: Arc<dyn Outbox>,
    /// Who does what they are for.
    pub dispatcher: Dispatcher,
    /// The time.
    pub clock: Clock,
    /// Rung when a timer may have been set.
    pub work: Arc<Notify>,
}

impl TimerListener {
    /// Runs until `stop` is true.
    pub async fn run(self, mut stop: Stop) {
        loop {
            let rung = self.work.notified();
            tokio::pin!(rung);
            // Listen before looking, so that a timer that is set in between is not missed.
            rung.as_mut().enable();
            let next = match self.bring_due(&stop).await {
                Ok(next) => next,
                Err(problem) => {
                    warn!(%problem, "timers cannot be worked on, trying again");
                    Some(self.clock.now() + STORE_WAIT)
                }
            };
            tokio::select! {
                () = stop.told() => return,
                () = rung => {}
                () = self.clock.sleep_until_any(next) => {}
            }
        }
    }

    /// Has everything done that is due, and says when the next timer is.
    async fn bring_due(&self, stop: &Stop) -> Result<Option<DateTime<Utc>>, StoreError> {
        loop {
            let next = self.outbox.next_timer().await?;
            let now = self.clock.now();
            if stop.is_told() || next.is_none_or(|at| at > now) {
                return Ok(next);
            }
            let due = self.outbox.due_timers(AT_A_TIME, now).await?;
            let doing: Vec<_> = due.iter().map(|timer| self.dispatcher.due(timer)).collect();
            let done: Vec<Result<(), StoreError>> =
                futures::stream::iter(doing).buffer_unordered(AT_ONCE).collect().await;
            // One that cannot be done now stays; the others went on.
            done.into_iter().collect::<Result<(), _>>()?;
        }
    }
}
