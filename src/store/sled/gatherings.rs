//! What is gathered until it is told: one record for each gathering, one for each thing in it, and the timer that brings
//! it up, changed together.

use std::collections::BTreeMap;

use super::draft::{Draft, Table};
use super::timers;
use crate::delivery::{Recipient, WindowId};
use crate::gathering::{Gathering, Item};
use crate::limit::{Change, Kept};
use crate::store::StoreError;
use crate::store::outbox::TIMERS_LOOKED_AT;
use crate::timer::Task;

/// See [`crate::store::Outbox::gatherings`].
pub(super) fn known(draft: &Draft<'_>, ids: &[WindowId]) -> Result<BTreeMap<WindowId, Gathering>, StoreError> {
    let mut known = BTreeMap::new();
    // Every recipient of every rule is asked for, and mostly nothing is gathered for anybody.
    if ids.len() > 1 && draft.first_under(Table::Gathering, &[])?.is_none() {
        return Ok(known);
    }
    for id in ids {
        known.extend(gathering(draft, id)?.map(|gathering| (id.clone(), gathering)));
    }
    Ok(known)
}

/// See [`crate::store::Outbox::gatherings_to_come`].
pub(super) fn to_come(
    draft: &Draft<'_>,
    rule: Option<&str>,
    recipient: Option<&str>,
    limit: usize,
) -> Result<Vec<Gathering>, StoreError> {
    let mut to_come = Vec::new();
    for timer in timers::in_order(draft).take(TIMERS_LOOKED_AT) {
        if to_come.len() == limit {
            break;
        }
        let Some(timer) = timer? else { continue };
        let Task::Digest { window } = &timer.task else { continue };
        if rule.is_some_and(|rule| rule != timer.rule) {
            continue;
        }
        let is_for = |gathering: &Gathering| {
            recipient.is_none_or(|text| {
                let Recipient { address, name } = &gathering.recipient;
                name.to_lowercase().contains(text) || address.key().to_lowercase().contains(text)
            })
        };
        to_come.extend(gathering(draft, window)?.filter(is_for));
    }
    Ok(to_come)
}

/// See [`crate::store::Outbox::gathered`].
pub(super) fn items(draft: &Draft<'_>, id: &WindowId) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    for slot in slots() {
        let key = item_key(id, slot);
        items.extend(
            draft
                .get::<Item>(Table::Gathered, &key)?
                .or_missing(Table::Gathered, &key),
        );
    }
    items.sort_by_key(|item| item.number);
    Ok(items)
}

/// What a change does to the gathering under its key.
pub(super) fn change(draft: &mut Draft<'_>, change: &Change) -> Result<(), StoreError> {
    let id = &change.window;
    if change.gathers.is_none() && !matches!(change.step, crate::limit::Step::Tells { .. }) {
        return Ok(());
    }
    let found = gathering(draft, id)?;
    match change.gather(found.as_ref()).map_err(|_| StoreError::Overtaken)? {
        Kept::AsItWas => Ok(()),
        Kept::More(gathering, item) => {
            draft.put(Table::Gathered, item_key(id, Gathering::slot(item.number)), &*item)?;
            put(draft, id, &gathering)
        }
        Kept::On(gathering) => put(draft, id, &gathering),
        Kept::Nothing => {
            for slot in slots() {
                draft.remove(Table::Gathered, item_key(id, slot))?;
            }
            draft.remove(Table::Gathering, id.as_str())?;
            timers::stop(draft, &Gathering::timer_id(id))
        }
    }
}

fn put(draft: &mut Draft<'_>, id: &WindowId, gathering: &Gathering) -> Result<(), StoreError> {
    timers::set(draft, &gathering.timer(id))?;
    draft.put(Table::Gathering, id.as_str(), gathering)
}

fn gathering(draft: &Draft<'_>, id: &WindowId) -> Result<Option<Gathering>, StoreError> {
    let gathering = draft.get(Table::Gathering, id.as_str())?;
    Ok(gathering.or_missing(Table::Gathering, id.as_str()))
}

fn slots() -> impl Iterator<Item = u8> {
    (1..=Gathering::KEPT).map(Gathering::slot)
}

fn item_key(id: &WindowId, slot: u8) -> Vec<u8> {
    [id.as_str().as_bytes(), &[0, slot]].concat()
}
