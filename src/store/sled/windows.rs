//! The windows of limits: changed with the batch that was decided on them, and with the fate of the cards that opened
//! them.

use std::collections::BTreeMap;
use std::ops::Bound;

use chrono::{DateTime, Utc};

use super::draft::{Draft, Table};
use super::intake::held_key;
use super::ledger::{Owed, TIME, sortable, timed};
use super::sweep::STEP;
use crate::delivery::{State, WindowId};
use crate::event::EventId;
use crate::limit::{self, Change, Window};
use crate::store::StoreError;
use crate::store::outbox::{EventRecord, Held};

/// See [`crate::store::Outbox::windows`].
pub(super) fn known(draft: &Draft<'_>, ids: &[WindowId]) -> Result<BTreeMap<WindowId, Window>, StoreError> {
    let mut known = BTreeMap::new();
    for id in ids {
        known.extend(window(draft, id)?.map(|window| (id.clone(), window)));
    }
    Ok(known)
}

/// Makes the changes of a batch about `event`. Comes after the batch's held rules and before its deliveries.
pub(super) fn change(
    draft: &mut Draft<'_>,
    event: &EventId,
    before: Option<&EventRecord>,
    changes: Vec<Change>,
) -> Result<(), StoreError> {
    // A rule that waits for a roster is read and written once, however many recipients it has.
    let mut waiting: BTreeMap<String, Option<Held>> = BTreeMap::new();
    for change in changes {
        if draft.has(Table::Delivery, change.delivery.as_str())? {
            continue;
        }
        if !waiting.contains_key(&change.rule) {
            let key = held_key(event, &change.rule);
            let held = draft.get(Table::Held, &key)?.or_missing(Table::Held, &key);
            waiting.insert(change.rule.clone(), held);
        }
        match waiting.get_mut(&change.rule).and_then(Option::as_mut) {
            Some(held) if held.counted.contains(&change.window) => continue,
            Some(held) => match change.step {
                limit::Step::HoldsBack { .. } | limit::Step::Gathers => held.counted.push(change.window.clone()),
                limit::Step::Opens { .. } | limit::Step::Tells { .. } => {}
            },
            None if before.is_some_and(|record| record.rules.iter().any(|rule| rule.rule == change.rule)) => {
                return Err(StoreError::Overtaken);
            }
            None => {}
        }
        super::gatherings::change(draft, &change)?;
        let found = window(draft, &change.window)?;
        if let Some(after) = change.apply(found.as_ref()).map_err(|_| StoreError::Overtaken)? {
            put(draft, &change.window, found.as_ref(), &after)?;
        }
    }
    for (rule, held) in waiting {
        if let Some(held) = held.filter(|held| !held.counted.is_empty()) {
            draft.put(Table::Held, held_key(event, &rule), &held)?;
        }
    }
    Ok(())
}

/// A delivery became another: one that ended unsent closes the window it opened, one that is tried after all opens it
/// again.
pub(super) fn follow(draft: &mut Draft<'_>, before: Option<&Owed>, after: &Owed) -> Result<(), StoreError> {
    let delivery = &after.delivery;
    let (Some(before), Some(id)) = (before, &delivery.window) else {
        return Ok(());
    };
    let unsent = |state: State| matches!(state, State::Dead | State::Cancelled);
    let (was, is) = (unsent(before.delivery.state), unsent(delivery.state));
    if was == is {
        return Ok(());
    }
    let Some(found) = window(draft, id)? else {
        return Ok(());
    };
    let changed = match is {
        true => found.clone().without(&delivery.id),
        false => found.clone().with_again(&delivery.id, delivery.next_attempt_at),
    };
    put(draft, id, Some(&found), &changed)
}

/// Removes windows that ended before `before`, a bounded step at a time; true when there may be more.
pub(super) fn forget(draft: &mut Draft<'_>, before: DateTime<Utc>) -> Result<bool, StoreError> {
    let ended: Vec<_> = draft
        .walk(Table::WindowByEnd, Bound::Unbounded, Bound::Excluded(&sortable(before)))
        .take(STEP)
        .collect::<Result<_, _>>()?;
    for (key, _) in &ended {
        draft.unmark(Table::WindowByEnd.key(key));
        if let Some(id) = key.get(TIME..) {
            draft.remove(Table::Window, id)?;
        }
    }
    Ok(ended.len() == STEP)
}

fn window(draft: &Draft<'_>, id: &WindowId) -> Result<Option<Window>, StoreError> {
    let window = draft.get(Table::Window, id.as_str())?;
    Ok(window.or_missing(Table::Window, id.as_str()))
}

fn put(draft: &mut Draft<'_>, id: &WindowId, found: Option<&Window>, after: &Window) -> Result<(), StoreError> {
    let end = |window: &Window| Table::WindowByEnd.key(timed(window.ends_at(), id.as_str().as_bytes()));
    if let Some(found) = found {
        draft.unmark(end(found));
    }
    draft.mark(end(after), Vec::new());
    draft.put(Table::Window, id.as_str(), after)
}
