//! What is to be done at an instant: found by its time, without looking at what is not due.

use std::ops::Bound;

use chrono::{DateTime, Utc};
use tracing::error;

use super::draft::{Draft, Read, Table, readable};
use super::ledger::{TIME, instant, just_after, timed};
use crate::store::StoreError;
use crate::timer::{Timer, TimerId};

/// Sets a timer; one with the same id is replaced.
pub(super) fn set(draft: &mut Draft<'_>, timer: &Timer) -> Result<(), StoreError> {
    stop(draft, &timer.id)?;
    draft.mark(due_key(timer), Vec::new());
    draft.put(Table::Timer, timer.id.as_str(), timer)
}

/// See [`crate::store::Outbox::put_off_timer`].
pub(super) fn put_off(draft: &mut Draft<'_>, id: &TimerId, at: DateTime<Utc>) -> Result<(), StoreError> {
    match draft.get::<Timer>(Table::Timer, id.as_str())? {
        Read::Found(timer) => set(draft, &Timer { due_at: at, ..timer }),
        Read::Missing | Read::Damaged(_) => Ok(()),
    }
}

/// See [`crate::store::Outbox::stop_timer`].
pub(super) fn stop(draft: &mut Draft<'_>, id: &TimerId) -> Result<(), StoreError> {
    match draft.get::<Timer>(Table::Timer, id.as_str())? {
        Read::Found(timer) => draft.unmark(due_key(&timer)),
        Read::Missing => return Ok(()),
        // Its entry is dropped when it comes up and finds nothing.
        Read::Damaged(_) => {}
    }
    draft.remove(Table::Timer, id.as_str()).map(drop)
}

/// See [`crate::store::Outbox::due_timers`]. Writes only when an entry leads to nothing that can be read.
pub(super) fn due(draft: &mut Draft<'_>, limit: usize, now: DateTime<Utc>) -> Result<Vec<Timer>, StoreError> {
    let mut due = Vec::new();
    let mut damaged = Vec::new();
    for entry in draft.walk(Table::TimerDue, Bound::Unbounded, Bound::Excluded(&just_after(now))) {
        if due.len() == limit {
            break;
        }
        let (at_key, _) = entry?;
        match draft.get::<Timer>(Table::Timer, &at_key[TIME.min(at_key.len())..])? {
            // One that was set anew has another entry.
            Read::Found(timer) if due_key(&timer) == Table::TimerDue.key(&at_key) => due.push(timer),
            Read::Found(_) | Read::Missing => damaged.push((at_key, None)),
            Read::Damaged(damage) => damaged.push((at_key, Some(damage))),
        }
    }
    for (at_key, damage) in damaged {
        draft.unmark(Table::TimerDue.key(&at_key));
        if let Some(damage) = damage {
            let key = &at_key[TIME..];
            error!(key = %readable(key), problem = %damage, "a timer cannot be read and was set aside");
            draft.set_aside(Table::Timer, key)?;
        }
    }
    Ok(due)
}

/// See [`crate::store::Outbox::next_timer`].
pub(super) fn next(draft: &Draft<'_>) -> Result<Option<DateTime<Utc>>, StoreError> {
    let first = draft.walk(Table::TimerDue, Bound::Unbounded, Bound::Unbounded).next();
    // An entry that cannot be read is due at once: then it is found and dropped.
    Ok(first
        .transpose()?
        .map(|(key, _)| instant(&key).unwrap_or(DateTime::UNIX_EPOCH)))
}

/// All timers, those due first at the beginning; `None` in the place of one that cannot be read.
pub(super) fn in_order<'d>(draft: &'d Draft<'_>) -> impl Iterator<Item = Result<Option<Timer>, StoreError>> + 'd {
    let entries = draft.walk(Table::TimerDue, Bound::Unbounded, Bound::Unbounded);
    entries.map(move |entry| {
        let (at_key, _) = entry?;
        let timer = draft.get::<Timer>(Table::Timer, &at_key[TIME.min(at_key.len())..])?;
        Ok(match timer {
            Read::Found(timer) if due_key(&timer) == Table::TimerDue.key(&at_key) => Some(timer),
            Read::Found(_) | Read::Missing | Read::Damaged(_) => None,
        })
    })
}

/// It is still to come.
pub(super) fn is_set(draft: &Draft<'_>, id: &TimerId) -> Result<bool, StoreError> {
    draft.has(Table::Timer, id.as_str())
}

fn due_key(timer: &Timer) -> Vec<u8> {
    Table::TimerDue.key(timed(timer.due_at, timer.id.as_str().as_bytes()))
}
