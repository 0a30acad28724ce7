//! Forgetting what ended long ago, a bounded step at a time.

use std::collections::BTreeSet;
use std::ops::Bound;

use chrono::{DateTime, Utc};

use super::draft::{Draft, Read, Table};
use super::intake::is_held;
use super::ledger::{Ledger, Pointer, TIME, instant, of_event, sortable, term, timed};
use crate::event::EventId;
use crate::store::StoreError;
use crate::store::outbox::EventRecord;

/// How many records one step looks at.
pub(super) const STEP: usize = 500;

/// Removes deliveries that ended before `before`, and the events of which they were the last; says how many went.
pub(super) fn deliveries(draft: &mut Draft<'_>, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let ended: Vec<_> = draft
        .walk(Table::Ended, Bound::Unbounded, Bound::Excluded(&sortable(before)))
        .take(STEP)
        .collect::<Result<_, _>>()?;
    let mut ledger = Ledger::open(draft)?;
    let mut gone = 0;
    let mut events = BTreeSet::new();
    for (key, value) in ended {
        gone += 1;
        let Some(pointer) = Pointer::decode(&value) else {
            ledger.draft.unmark(Table::Ended.key(key));
            continue;
        };
        match ledger.owed(&pointer.id)? {
            Read::Found(owed) => {
                events.insert(owed.delivery.event_id.clone());
                ledger.erase(&owed)?;
            }
            Read::Missing | Read::Damaged(_) => ledger.set_aside_ended(key, &pointer)?,
        }
    }
    ledger.close()?;
    for event in events {
        let Some(record) = draft
            .get::<EventRecord>(Table::Event, event.as_str())?
            .or_missing(Table::Event, event.as_str())
        else {
            continue;
        };
        if record.occurred_at < before {
            forget_event(draft, &event, record.occurred_at)?;
        }
    }
    Ok(gone)
}

/// Removes events older than `before` that have nothing left, looking on after `from`; says where the next step
/// begins, `None` when all were looked at.
pub(super) fn events(
    draft: &mut Draft<'_>,
    before: DateTime<Utc>,
    from: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let from = from.map_or(Bound::Unbounded, Bound::Excluded);
    let old: Vec<_> = draft
        .walk(Table::EventByAge, from, Bound::Excluded(&sortable(before)))
        .take(STEP)
        .collect::<Result<_, _>>()?;
    for (key, _) in &old {
        let Some(occurred_at) = instant(key) else {
            draft.unmark(Table::EventByAge.key(key));
            continue;
        };
        let event = EventId::known(String::from_utf8_lossy(&key[TIME..]));
        forget_event(draft, &event, occurred_at)?;
    }
    Ok((old.len() == STEP).then(|| old.last().expect("a step has entries").0.clone()))
}

/// The key of the newest event that lies beyond the newest `kept`.
pub(super) fn beyond(draft: &Draft<'_>, kept: usize) -> Result<Option<Vec<u8>>, StoreError> {
    let mut newest_first = draft.walk(Table::EventByAge, Bound::Unbounded, Bound::Unbounded).rev();
    newest_first
        .nth(kept)
        .transpose()
        .map(|entry| entry.map(|(key, _)| key))
}

/// Removes events up to this key that have nothing left, newest first; says where the next step begins.
pub(super) fn events_up_to(draft: &mut Draft<'_>, last: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let old: Vec<_> = draft
        .walk(Table::EventByAge, Bound::Unbounded, Bound::Included(last))
        .rev()
        .take(STEP + 1)
        .collect::<Result<_, _>>()?;
    for (key, _) in old.iter().take(STEP) {
        if let Some(occurred_at) = instant(key) {
            let event = EventId::known(String::from_utf8_lossy(&key[TIME..]));
            forget_event(draft, &event, occurred_at)?;
        }
    }
    Ok(old.get(STEP).map(|(key, _)| key.clone()))
}

/// Removes an event unless a delivery or a held rule still belongs to it.
fn forget_event(draft: &mut Draft<'_>, event: &EventId, occurred_at: DateTime<Utc>) -> Result<(), StoreError> {
    for delivery in of_event(draft, event) {
        if draft.has(Table::Delivery, delivery?.as_str())? {
            return Ok(());
        }
    }
    if is_held(draft, event)? {
        return Ok(());
    }
    for (key, _) in draft.scan(Table::ByEvent, term(event.as_str()))? {
        draft.unmark(Table::ByEvent.key(key));
    }
    draft.remove(Table::Event, event.as_str())?;
    draft.unmark(Table::EventByAge.key(timed(occurred_at, event.as_str().as_bytes())));
    Ok(())
}
