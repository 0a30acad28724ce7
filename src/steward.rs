//! Brings deliveries in line with their runs after somebody paused, resumed, cancelled or recalled one, and after those
//! on whom it was tried have theirs.

use std::sync::Arc;

use chrono::Duration;
use tokio::sync::Notify;
use tracing::warn;

use crate::clock::Clock;
use crate::stop::Stop;
use crate::store::Outbox;

/// How often it looks without being rung.
const EVERY: Duration = Duration::seconds(2);

/// Looks after the runs.
pub struct Steward {
    /// Where they are.
    pub outbox: Arc<dyn Outbox>,
    /// The time.
    pub clock: Clock,
    /// Rung when there may be something to do; rings it when something may be sent again.
    pub work: Arc<Notify>,
}

impl Steward {
    /// Runs until `stop` is true.
    pub async fn run(self, mut stop: Stop) {
        loop {
            let rung = self.work.notified();
            tokio::pin!(rung);
            // Listen before looking, so that a ring in between is not missed.
            rung.as_mut().enable();
            loop {
                match self.outbox.tend(self.clock.now()).await {
                    Ok(true) if !stop.is_told() => self.work.notify_waiters(),
                    Ok(_) => break,
                    Err(problem) => {
                        warn!(%problem, "runs cannot be looked after, trying again");
                        break;
                    }
                }
            }
            tokio::select! {
                () = stop.told() => return,
                () = rung => {}
                () = self.clock.sleep_until(self.clock.now() + EVERY) => {}
            }
        }
    }
}
