//! What rules were made of, kept in the store for as long as something is under way that began with it.
//!
//! A program is written before the first matter that needs it, once, with the day until which it may be needed; it goes
//! with the next program that is written after that day.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::warn;

use crate::rule::Rule;
use crate::rule::then::Program;
use crate::store::{Outbox, StoreError};
use crate::workspace::{self, Workspace};

/// How much longer than its steps take a program is kept: Herald may stand still, people put things off.
const LONGER: Duration = Duration::days(60);
/// How many compiled rules are at hand.
const AT_HAND: usize = 64;
/// The note that lists all programs.
const LIST: &str = "programs";

/// The programs of rules that changed while something was under way.
#[derive(Debug, Default)]
pub struct Programs {
    /// Until when each is needed, as far as that is on disk.
    kept: tokio::sync::Mutex<BTreeMap<String, DateTime<Utc>>>,
    at_hand: Mutex<BTreeMap<String, Option<Arc<Rule>>>>,
}

/// A program as it is on disk.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    program: Program,
}

impl Programs {
    /// Sees to it that a program is on disk for as long as steps that begin `now` and last for `length` need it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn keep(
        &self,
        outbox: &dyn Outbox,
        program: &Program,
        length: std::time::Duration,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let length = Duration::from_std(length).unwrap_or(Duration::days(366));
        let needed_until = now + length;
        let mut kept = self.kept.lock().await;
        if kept.get(&program.id).is_some_and(|until| *until >= needed_until) {
            return Ok(());
        }
        let list = outbox.note(LIST).await?;
        let mut list: BTreeMap<String, DateTime<Utc>> = list
            .and_then(|list| serde_json::from_value(list).ok())
            .unwrap_or_default();
        // Written seldom, not with every event: it is enough for a while.
        let until = needed_until + LONGER;
        if list.get(&program.id).is_none_or(|until| *until < needed_until) {
            let value = json!(Kept {
                program: program.clone()
            });
            outbox.set_note(&key(&program.id), Some(&value)).await?;
            list.insert(program.id.clone(), until);
            let over: Vec<String> = list
                .iter()
                .filter(|(_, until)| **until < now)
                .map(|(id, _)| id.clone())
                .collect();
            for id in over {
                outbox.set_note(&key(&id), None).await?;
                list.remove(&id);
            }
            outbox.set_note(LIST, Some(&json!(list))).await?;
        }
        *kept = list;
        Ok(())
    }

    /// The rule that a program is, by the names of the workspace of now; `None` if it is not kept any more or cannot be
    /// read.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn rule(
        &self,
        outbox: &dyn Outbox,
        id: &str,
        workspace: &Workspace,
    ) -> Result<Option<Arc<Rule>>, StoreError> {
        if let Some(rule) = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(rule.clone());
        }
        let note = outbox.note(&key(id)).await?;
        let kept = note.and_then(|note| serde_json::from_value::<Kept>(note).ok());
        let rule = kept.and_then(|kept| workspace::program::rule(&kept.program, workspace));
        if rule.is_none() {
            warn!(
                program = id,
                "what a rule was made of is not kept any more, what it began goes on by the rule of now"
            );
        }
        let mut at_hand = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
        if at_hand.len() >= AT_HAND {
            at_hand.clear();
        }
        at_hand.insert(id.to_owned(), rule.clone());
        Ok(rule)
    }
}

fn key(id: &str) -> String {
    format!("program:{id}")
}
