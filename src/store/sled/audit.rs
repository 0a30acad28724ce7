//! The audit log over sled: number -> entry.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;

use super::draft::{Draft, Table};
use super::writer::{Desk, Growth};
use crate::store::StoreError;
use crate::store::audit::{AuditLog, Entry, KEPT};

/// How many of the oldest entries go when one comes: more than one, in case some were left.
const STEP: usize = 8;

/// See [`AuditLog`].
pub(super) struct SledAudit {
    pub(super) desk: Arc<Desk>,
}

#[async_trait]
impl AuditLog for SledAudit {
    async fn add(&self, entry: Entry) -> Result<(), StoreError> {
        self.desk.write(Growth::Finishes, move |draft| add(draft, entry)).await
    }

    async fn list(&self, before: Option<u64>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.desk
            .read(move |draft| {
                let before = before.map(u64::to_be_bytes);
                let to = before
                    .as_ref()
                    .map_or(Bound::Unbounded, |number| Bound::Excluded(number.as_slice()));
                let mut entries = Vec::new();
                for found in draft.walk(Table::Audit, Bound::Unbounded, to).rev() {
                    if entries.len() == limit {
                        break;
                    }
                    let (key, _) = found?;
                    entries.extend(draft.get(Table::Audit, &key)?.or_missing(Table::Audit, &key));
                }
                Ok(entries)
            })
            .await
    }
}

fn add(draft: &mut Draft<'_>, mut entry: Entry) -> Result<(), StoreError> {
    let newest = draft
        .walk(Table::Audit, Bound::Unbounded, Bound::Unbounded)
        .next_back()
        .transpose()?;
    let newest = newest
        .and_then(|(key, _)| Some(u64::from_be_bytes(key.try_into().ok()?)))
        .unwrap_or(0);
    entry.number = newest + 1;
    let oldest_kept = entry.number.saturating_sub(KEPT - 1).to_be_bytes();
    let old: Vec<_> = draft
        .walk(Table::Audit, Bound::Unbounded, Bound::Excluded(&oldest_kept))
        .take(STEP)
        .collect::<Result<_, _>>()?;
    for (key, _) in old {
        draft.remove(Table::Audit, key)?;
    }
    draft.put(Table::Audit, entry.number.to_be_bytes(), &entry.bounded())
}
