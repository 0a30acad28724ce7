//! Removes what ended long enough ago, so that the store stays bounded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::live::Live;
use crate::metric::Metrics;
use crate::stop::Stop;
use crate::store::Outbox;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(600);

/// How many events are kept; of older ones only those that deliveries belong to. A hook that is called a thousand times a
/// second for nothing would fill the disk within the retention time.
const EVENTS_KEPT: usize = 200_000;

/// Collects settled deliveries after the retention time.
pub struct Sweep {
    /// Where the retention time is.
    pub live: watch::Receiver<Live>,
    /// What is collected.
    pub outbox: Arc<dyn Outbox>,
    /// The time.
    pub clock: Clock,
    /// The numbers.
    pub metrics: Arc<Metrics>,
}

impl Sweep {
    /// Runs until `stop` is true.
    pub async fn run(self, mut stop: Stop) {
        loop {
            self.collect(&stop).await;
            tokio::select! {
                () = stop.told() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn collect(&self, stop: &Stop) {
        let kept = self.live.borrow().workspace.settings.retention.deliveries;
        let Ok(kept) = chrono::Duration::from_std(kept) else {
            return;
        };
        let mut collected = 0;
        let mut result = "done";
        while !stop.is_told() {
            match self.outbox.collect(self.clock.now() - kept).await {
                Ok(0) => break,
                Ok(step) => collected += step,
                Err(problem) => {
                    warn!(%problem, "old deliveries cannot be collected, trying again later");
                    result = "failed";
                    break;
                }
            }
        }
        let now = self.clock.now();
        match self.outbox.give_up_waiting(now - kept, now).await {
            Ok(runs) if runs.is_empty() => {}
            Ok(runs) => warn!(?runs, "nobody let these runs go on in time, they are cancelled"),
            Err(problem) => warn!(%problem, "old runs cannot be looked at, trying again later"),
        }
        if let Err(problem) = self.outbox.trim(EVENTS_KEPT).await {
            warn!(%problem, "old events cannot be collected, trying again later");
            result = "failed";
        }
        self.metrics.swept(result, collected);
        if collected > 0 {
            info!(collected, "old deliveries collected");
        }
    }
}
