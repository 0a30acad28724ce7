//! What people chose for themselves: [`Choices`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::roster::Person;

/// Whose choices: a person's Entra object id, or the account id of somebody who has none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonKey(String);

impl PersonKey {
    /// The key of the person with these ids; `None` if there is neither.
    pub fn of_ids(aad_object_id: Option<&str>, account_id: Option<&str>) -> Option<Self> {
        match (aad_object_id, account_id) {
            (Some(id), _) => Some(Self(id.to_ascii_lowercase())),
            (None, Some(id)) => Some(Self(id.to_owned())),
            (None, None) => None,
        }
    }

    /// The key of this person.
    pub fn of(person: &Person) -> Option<Self> {
        Self::of_ids(person.aad_object_id.as_deref(), person.account_id.as_deref())
    }

    /// Takes a key that was stored.
    pub fn known(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one person chose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// What they do not want: `rule:NAME` or `topic:NAME`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub stopped: BTreeSet<String>,
    /// What they want although it is stopped for everybody at first: `topic:NAME`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub started: BTreeSet<String>,
    /// They want nothing that can be stopped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all_stopped: bool,
    /// When they are left alone (`22:00-07:00`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<String>,
    /// Their zone (IANA name).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Their language (`de`, `pt-BR`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// When they removed the app that they had in person: they are not given it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_app: Option<DateTime<Utc>>,
    /// When they stopped and started what they did.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub since: BTreeMap<String, DateTime<Utc>>,
    /// When they last chose anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
}

impl Choices {
    /// Nothing was chosen.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}
