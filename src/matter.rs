//! What a rule has going on about one thing: [`Matter`], an incident that a card stands for, or what follows an event.

pub mod decide;
pub mod dress;
pub mod follow;
pub mod keep;
pub mod steps;
pub mod told;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::delivery::DeliveryId;
pub use crate::delivery::MatterId;
use crate::event::{Event, Sender};
use crate::timer::TimerId;
use steps::Progress;

/// What a rule has going on about one thing.
///
/// It is open until it is closed; what comes after that about the same thing begins it anew, under the same id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matter {
    /// Who this matter is.
    pub id: MatterId,
    /// The rule.
    pub rule: String,
    /// What it is about, as the rule's `track.by` came to, shortened; the event's id without one.
    pub about: String,
    /// The ruleset that began it.
    pub revision: String,
    /// When it began.
    pub opened_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// The newest event told of it.
    pub event: Event,
    /// How many events there were.
    pub events: u64,
    /// Somebody looks after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Mark>,
    /// It was put off until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<DateTime<Utc>>,
    /// Somebody opened what it links to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<Mark>,
    /// It is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Mark>,
    /// The cards that stand for it, at most [`Matter::MOST_CARDS`].
    pub deliveries: Vec<DeliveryId>,
    /// What is still to come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<TimerId>,
    /// What came of its steps, by their names.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub state: Map<String, Value>,
    /// How far the steps that follow have come; nothing before they begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Progress>,
    /// How often it was written; a decision is made on one version of it.
    pub version: u64,
}

impl Matter {
    /// So many cards change with a matter; more recipients get theirs, and it stays as it is.
    pub const MOST_CARDS: usize = 1_000;

    /// It is not over.
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }
}

/// That something was done, when and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom, if it was a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Sender>,
}

/// What a decision does to a matter, once its batch is taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The version that this was decided on; `None` if there was none.
    pub before: Option<u64>,
    /// What it becomes. Its version is counted on by the store.
    pub after: Matter,
}

/// The matter is not what the decision was made on: decide again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overtaken;

impl Change {
    /// The matter after this change, given as it is found.
    ///
    /// # Errors
    /// It has become another since the decision.
    pub fn apply(self, found: Option<&Matter>) -> Result<Matter, Overtaken> {
        let version = found.map(|matter| matter.version);
        if version != self.before {
            return Err(Overtaken);
        }
        Ok(Matter {
            version: version.map_or(1, |version| version.saturating_add(1)),
            ..self.after
        })
    }
}

#[cfg(test)]
mod tests;
