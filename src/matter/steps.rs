//! How far what follows the first message of a rule has come, for one matter.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::EventId;

/// How far the steps of one matter have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// When the first message was decided: from here the steps are counted.
    pub began_at: DateTime<Utc>,
    /// The event of the first message.
    pub event: EventId,
    /// The source that the rule had when they began; see [`Program`](crate::rule::then::Program). Without it they follow the rule as
    /// it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The step that comes next, from 0, and when; nothing when all are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// Those that were there already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Done>,
}

/// The step that comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// Its place, from 0.
    pub step: usize,
    /// Its name.
    pub name: String,
    /// When it is due by its author's word.
    pub planned_at: DateTime<Utc>,
    /// When it is tried (again).
    pub due_at: DateTime<Utc>,
    /// How often a call was tried already.
    #[serde(default)]
    pub tries: u32,
}

/// A step that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its place, from 0.
    pub step: usize,
    /// Its name.
    pub name: String,
    /// When it was due.
    pub planned_at: DateTime<Utc>,
    /// When it was done.
    pub at: DateTime<Utc>,
    /// What became of it, in a sentence.
    pub what: String,
    /// The event under which its cards are found, if it told somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}
