//! Something that is to be done at an instant, kept on disk: [`Timer`].

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::delivery::{MatterId, WindowId};

/// The identity of a timer, derived from what it is for: setting it again replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimerId(String);

impl TimerId {
    /// Derives an id from the parts that make a timer what it is. The parts are length-prefixed, so `["ab", "c"]` and
    /// `["a", "bc"]` differ.
    pub fn derived(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(format!("tm_{}", hex::encode(&hash.finalize()[..12])))
    }

    /// Takes an id that was stored.
    pub fn known(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TimerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that is to be done at an instant. It stays until the event that it brings is taken in, or somebody stops it:
/// after a crash in between it comes up again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    /// Who this timer is.
    pub id: TimerId,
    /// When it is to be done.
    pub due_at: DateTime<Utc>,
    /// The rule that wants it.
    pub rule: String,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The next step of what a rule does about a matter.
    Step {
        /// The matter.
        matter: MatterId,
        /// The step's place in the rule's list, from 0.
        step: usize,
    },
    /// A matter was put off until now.
    Wake {
        /// The matter.
        matter: MatterId,
    },
    /// What a limit gathered is to be told.
    Digest {
        /// The window that gathered it.
        window: WindowId,
    },
}
