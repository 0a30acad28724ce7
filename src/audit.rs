//! Writes down who did what by hand.

use std::sync::Arc;

use tracing::{info, warn};

use crate::clock::Clock;
use crate::store::audit::{Actor, AuditLog, Entry};

/// Where it is written down.
#[derive(Clone)]
pub struct Audit {
    /// The store that keeps it.
    pub log: Arc<dyn AuditLog>,
    /// The time.
    pub clock: Clock,
}

impl Audit {
    /// Writes down that `actor` did `action` to `subject`, and what came of it. It is in the log as well: what was done is
    /// done, even if the store cannot take the entry.
    pub async fn record(&self, actor: Actor, action: &str, subject: &str, result: &str) {
        info!(
            action, subject, result, from = %actor.from, claims_to_be = actor.claims_to_be.as_deref().unwrap_or_default(),
            "done by hand"
        );
        let entry = Entry {
            number: 0,
            at: self.clock.now(),
            actor,
            action: action.to_owned(),
            subject: subject.to_owned(),
            result: result.to_owned(),
        };
        if let Err(problem) = self.log.add(entry.bounded()).await {
            warn!(action, subject, %problem, "what was done by hand could not be written down");
        }
    }
}
