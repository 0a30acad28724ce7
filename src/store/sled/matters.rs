//! The matters of rules: changed with the batch that was decided on them.

use std::ops::Bound;

use chrono::{DateTime, Utc};

use super::draft::{Draft, Read, Table};
use super::ledger::{TIME, sortable, timed};
use super::sweep::STEP;
use super::timers;
use crate::matter::{Change, Matter, MatterId};
use crate::store::StoreError;
use crate::store::outbox::{MATTERS_LOOKED_AT, MatterFilter};

/// See [`crate::store::Outbox::matter`].
pub(super) fn get(draft: &Draft<'_>, id: &MatterId) -> Result<Option<Matter>, StoreError> {
    let matter = draft.get(Table::Matter, id.as_str())?;
    Ok(matter.or_missing(Table::Matter, id.as_str()))
}

/// Makes the changes of a batch.
pub(super) fn change(draft: &mut Draft<'_>, changes: Vec<Change>) -> Result<(), StoreError> {
    for change in changes {
        let found = get(draft, &change.after.id)?;
        let after = change.apply(found.as_ref()).map_err(|_| StoreError::Overtaken)?;
        if let Some(found) = &found {
            draft.unmark(age_key(found));
        }
        draft.mark(age_key(&after), Vec::new());
        draft.put(Table::Matter, after.id.as_str(), &after)?;
    }
    Ok(())
}

/// See [`crate::store::Outbox::matters`].
pub(super) fn list(
    draft: &Draft<'_>,
    filter: &MatterFilter,
    after: Option<&MatterId>,
    limit: usize,
) -> Result<Vec<Matter>, StoreError> {
    let last = match after {
        Some(id) => match get(draft, id)? {
            Some(matter) => Some(timed(matter.changed_at, id.as_str().as_bytes())),
            None => return Ok(Vec::new()),
        },
        None => None,
    };
    let end = last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut matters = Vec::new();
    let newest_first = draft.walk(Table::MatterByAge, Bound::Unbounded, end).rev();
    for entry in newest_first.take(MATTERS_LOOKED_AT) {
        if matters.len() == limit {
            break;
        }
        let (key, _) = entry?;
        let id = MatterId::known(String::from_utf8_lossy(&key[TIME.min(key.len())..]));
        matters.extend(get(draft, &id)?.filter(|matter| filter.lets_through(matter)));
    }
    Ok(matters)
}

/// Removes what was last changed before `before` and has nothing more to come, looking on after `from`; says where the
/// next step begins, `None` when all were looked at.
pub(super) fn forget(
    draft: &mut Draft<'_>,
    before: DateTime<Utc>,
    from: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let from = from.map_or(Bound::Unbounded, Bound::Excluded);
    let old: Vec<_> = draft
        .walk(Table::MatterByAge, from, Bound::Excluded(&sortable(before)))
        .take(STEP)
        .collect::<Result<_, _>>()?;
    for (key, _) in &old {
        let id = &key[TIME.min(key.len())..];
        let waits = match draft.get::<Matter>(Table::Matter, id)? {
            Read::Found(matter) => {
                let mut waits = false;
                for timer in &matter.timers {
                    waits |= timers::is_set(draft, timer)?;
                }
                waits
            }
            Read::Missing | Read::Damaged(_) => false,
        };
        if !waits {
            draft.unmark(Table::MatterByAge.key(key));
            draft.remove(Table::Matter, id)?;
        }
    }
    Ok((old.len() == STEP).then(|| old.last().expect("a step has entries").0.clone()))
}

fn age_key(matter: &Matter) -> Vec<u8> {
    Table::MatterByAge.key(timed(matter.changed_at, matter.id.as_str().as_bytes()))
}
