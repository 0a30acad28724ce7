//! Who did what by hand, kept beside the state it changed.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::StoreError;

/// How many entries are kept; the oldest go when more come. About 3 MB at the most usual lengths, 10 MB at the very most.
pub const KEPT: u64 = 10_000;

/// The longest text of an entry, in characters; what is longer is cut.
const LONGEST: usize = 300;

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Where it came from: an address, or `signal` for this machine's process control.
    pub from: String,
    /// Who they said they are. Whoever may act can also say any name: this is a claim, no proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims_to_be: Option<String>,
}

/// One thing that was done by hand, or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1 without gaps.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// What: `deliveries retry`.
    pub action: String,
    /// To what: an id or a name; empty when there is only one thing it can be done to.
    pub subject: String,
    /// What came of it: `done`, or why not.
    pub result: String,
}

impl Entry {
    /// Cuts texts that are too long, and takes out what would break a line.
    pub fn bounded(mut self) -> Self {
        let texts = [
            &mut self.action,
            &mut self.subject,
            &mut self.result,
            &mut self.actor.from,
        ];
        for text in texts.into_iter().chain(&mut self.actor.claims_to_be) {
            *text = text
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(LONGEST)
                .collect();
        }
        self
    }
}

/// Keeps the newest [`KEPT`] entries.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Adds an entry, whose number is given by the store, and returns once it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn add(&self, entry: Entry) -> Result<(), StoreError>;

    /// Up to `limit` entries, newest first, that are older than the entry with this number.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. An entry that cannot be decoded is left out.
    async fn list(&self, before: Option<u64>, limit: usize) -> Result<Vec<Entry>, StoreError>;
}
