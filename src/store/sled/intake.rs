//! Taking in what a decided event brings: each delivery once, the event's record, the rules that wait.

use std::collections::BTreeMap;
use std::ops::Bound;

use chrono::{DateTime, Utc};

use super::draft::{Draft, Read, Table};
use super::lease;
use super::ledger::{Ledger, Owed, TIME, just_after, term, timed};
use crate::card::Card;
use crate::delivery::{CardId, Delivery, State};
use crate::event::EventId;
use crate::run::{Pass, Run};
use crate::store::StoreError;
use crate::store::outbox::{Batch, EventRecord, Held, Receipt};

/// See [`crate::store::Outbox::enqueue`].
pub(super) fn enqueue(draft: &mut Draft<'_>, bound: u64, batch: Batch) -> Result<Receipt, StoreError> {
    let Batch {
        record,
        deliveries,
        cards,
        held,
        windows,
        runs,
        matters,
        timers,
        stopped,
        amendments,
    } = batch;
    let mut ledger = Ledger::open(draft)?;

    let mut new: Vec<Delivery> = Vec::new();
    let mut known = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for delivery in deliveries {
        if !seen.insert(delivery.id.clone()) {
            continue;
        }
        if ledger.draft.has(Table::Delivery, delivery.id.as_str())? {
            known.push(delivery.id);
        } else {
            new.push(delivery);
        }
    }
    let event = record.id.clone();
    let occurred_at = record.occurred_at;
    let before = ledger
        .draft
        .get::<EventRecord>(Table::Event, event.as_str())?
        .or_missing(Table::Event, event.as_str());
    let new_held: Vec<Held> = held
        .into_iter()
        .filter_map(|held| match is_new_hold(ledger.draft, before.as_ref(), &held) {
            Ok(true) => Some(Ok(held)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        })
        .collect::<Result<_, _>>()?;

    let taking = new.iter().filter(|delivery| delivery.state.is_open()).count() + new_held.len();
    let open = ledger.numbers.open();
    if taking > 0 && open + taking as u64 > bound {
        return Err(StoreError::Full { open, bound });
    }

    let news = record_event(&mut ledger, before.as_ref(), record, &new)?;
    take_cards(&mut ledger, &new, &cards)?;
    let receipt = Receipt {
        repeat: before.is_some() && new.is_empty() && new_held.is_empty() && !news,
        new: new.iter().map(|delivery| delivery.id.clone()).collect(),
        known,
    };
    for held in &new_held {
        put_held(&mut ledger, held)?;
    }
    super::windows::change(ledger.draft, &event, before.as_ref(), windows)?;
    for run in runs {
        take_run(&mut ledger, run, !new.is_empty())?;
    }
    for delivery in new {
        take_delivery(&mut ledger, delivery)?;
    }
    super::amendments::make(&mut ledger, amendments, occurred_at)?;
    super::matters::change(ledger.draft, matters)?;
    for timer in &stopped {
        super::timers::stop(ledger.draft, timer)?;
    }
    for timer in &timers {
        super::timers::set(ledger.draft, timer)?;
    }
    ledger.close()?;
    Ok(receipt)
}

/// Begins a run, or says of one that is known what a later batch for it brought to light.
fn take_run(ledger: &mut Ledger<'_, '_>, run: Run, brings_any: bool) -> Result<(), StoreError> {
    match ledger.run(&run.id)? {
        Some(known) => {
            known.expected = run.expected;
            known.complete = run.complete;
        }
        None if brings_any => ledger.begin(run),
        None => {}
    }
    Ok(())
}

fn take_delivery(ledger: &mut Ledger<'_, '_>, mut delivery: Delivery) -> Result<(), StoreError> {
    // Nobody has claimed it here, whatever it says.
    if delivery.state == State::Sending {
        delivery.state = State::Pending;
    }
    let open = delivery.state.is_open();
    let ended_at = (!open).then_some(delivery.created_at);
    let mut owed = Owed {
        delivery,
        sequence: ledger.draw(),
        lease: None,
        ended_at,
        place: None,
        head: false,
        parked: false,
        becomes: None,
    };
    if open {
        let created_at = owed.delivery.created_at;
        match lease::pass(ledger, &owed, created_at)? {
            Pass::Wait => owed.parked = true,
            Pass::Now | Pass::Never(_) => ledger.queue_up(&mut owed)?,
            Pass::Later(until, reason) => lease::hold(ledger, &mut owed, until, reason)?,
        }
    }
    ledger.save(None, &mut owed)
}

fn take_cards(ledger: &mut Ledger<'_, '_>, new: &[Delivery], cards: &[Card]) -> Result<(), StoreError> {
    let mut uses: BTreeMap<&CardId, i64> = BTreeMap::new();
    for delivery in new {
        if let Some(card) = &delivery.card_id {
            *uses.entry(card).or_default() += 1;
        }
    }
    let brought: BTreeMap<CardId, &Card> = cards.iter().map(|card| (card.id(), card)).collect();
    for (id, uses) in uses {
        if !ledger.draft.has(Table::Card, id.as_str())? {
            let Some(card) = brought.get(id) else {
                return Err(StoreError::Refused(format!(
                    "a delivery of this batch points to the card {id}, which is neither in the batch nor stored",
                    id = id.as_str()
                )));
            };
            ledger.draft.put(Table::Card, id.as_str(), card)?;
        }
        ledger.use_card(id, uses)?;
    }
    Ok(())
}

/// Writes what was decided; true if that says anything new.
fn record_event(
    ledger: &mut Ledger<'_, '_>,
    before: Option<&EventRecord>,
    record: EventRecord,
    new: &[Delivery],
) -> Result<bool, StoreError> {
    let key = record.id.as_str().to_owned();
    let Some(before) = before else {
        ledger.draft.mark(
            Table::EventByAge.key(timed(record.occurred_at, key.as_bytes())),
            Vec::new(),
        );
        ledger.draft.put(Table::Event, &key, &record.bounded())?;
        return Ok(true);
    };
    let mut merged = before.clone();
    for rule in record.rules {
        let went_on = ledger.draft.has(Table::Held, held_key(&record.id, &rule.rule))?
            || new.iter().any(|delivery| delivery.rule == rule.rule);
        match merged.rules.iter_mut().find(|known| known.rule == rule.rule) {
            Some(known) if went_on => *known = rule,
            // A repeat: what was decided first is what happened.
            Some(_) => {}
            None => merged.rules.push(rule),
        }
    }
    let merged = merged.bounded();
    let news = merged != *before;
    if news {
        ledger.draft.put(Table::Event, &key, &merged)?;
    }
    Ok(news)
}

/// A rule is held once per event: not again while it waits, nor after it went on.
fn is_new_hold(draft: &Draft<'_>, record: Option<&EventRecord>, held: &Held) -> Result<bool, StoreError> {
    let decided = record.is_some_and(|record| record.rules.iter().any(|rule| rule.rule == held.rule));
    Ok(!decided && !draft.has(Table::Held, held_key(&held.event.id, &held.rule))?)
}

/// See [`crate::store::Outbox::hold`].
pub(super) fn hold(draft: &mut Draft<'_>, held: &Held) -> Result<(), StoreError> {
    let mut ledger = Ledger::open(draft)?;
    put_held(&mut ledger, held)?;
    ledger.close()
}

fn put_held(ledger: &mut Ledger<'_, '_>, held: &Held) -> Result<(), StoreError> {
    let key = held_key(&held.event.id, &held.rule);
    let mut held = held.clone();
    if ledger.draft.has(Table::Held, &key)? {
        let known: Option<Held> = ledger.draft.get(Table::Held, &key)?.or_missing(Table::Held, &key);
        // Only `enqueue` knows what was counted: whoever holds the rule again may have read it before.
        held.counted = known.map(|known| known.counted).unwrap_or_default();
        unmark_due(ledger.draft, &key)?;
    } else {
        ledger.numbers.held += 1;
    }
    ledger
        .draft
        .mark(Table::HeldDue.key(timed(held.due_at, &key)), Vec::new());
    ledger.draft.put(Table::Held, &key, &held)
}

/// See [`crate::store::Outbox::unhold`].
pub(super) fn unhold(draft: &mut Draft<'_>, event: &EventId, rule: &str) -> Result<(), StoreError> {
    let key = held_key(event, rule);
    if !draft.has(Table::Held, &key)? {
        return Ok(());
    }
    let mut ledger = Ledger::open(draft)?;
    unmark_due(ledger.draft, &key)?;
    ledger.draft.remove(Table::Held, &key)?;
    ledger.numbers.held = ledger.numbers.held.saturating_sub(1);
    ledger.close()
}

/// See [`crate::store::Outbox::due_held`]. Writes only when a record has to be set aside.
pub(super) fn due_held(draft: &mut Draft<'_>, limit: usize, now: DateTime<Utc>) -> Result<Vec<Held>, StoreError> {
    let mut due = Vec::new();
    let mut damaged = Vec::new();
    for entry in draft.walk(Table::HeldDue, Bound::Unbounded, Bound::Excluded(&just_after(now))) {
        if due.len() == limit {
            break;
        }
        let (at_key, _) = entry?;
        match draft.get::<Held>(Table::Held, &at_key[TIME..])? {
            Read::Found(held) => due.push(held),
            Read::Missing => damaged.push((at_key, None)),
            Read::Damaged(damage) => damaged.push((at_key, Some(damage))),
        }
    }
    for (at_key, damage) in damaged {
        draft.unmark(Table::HeldDue.key(&at_key));
        if let Some(damage) = damage {
            let key = &at_key[TIME..];
            tracing::error!(
                key = %super::draft::readable(key),
                problem = %damage,
                "a rule that waited for a roster cannot be read and was set aside"
            );
            let mut ledger = Ledger::open(draft)?;
            ledger.draft.set_aside(Table::Held, key)?;
            ledger.numbers.held = ledger.numbers.held.saturating_sub(1);
            ledger.close()?;
        }
    }
    Ok(due)
}

/// Broadcasts that a former owner of the folder was taking in go on at once.
pub(super) fn recover(draft: &mut Draft<'_>) -> Result<(), StoreError> {
    let mut cut_off = Vec::new();
    for entry in draft.walk(Table::Held, Bound::Unbounded, Bound::Unbounded) {
        let (key, _) = entry?;
        let held: Option<Held> = draft.get(Table::Held, &key)?.or_missing(Table::Held, &key);
        cut_off.extend(held.filter(|held| held.fan_out.is_some()));
    }
    let mut ledger = Ledger::open(draft)?;
    for held in cut_off {
        let due_at = held.event.occurred_at;
        put_held(&mut ledger, &Held { due_at, ..held })?;
    }
    ledger.close()
}

/// Some rule of this event still waits.
pub(super) fn is_held(draft: &Draft<'_>, event: &EventId) -> Result<bool, StoreError> {
    let waits = draft.walk_under(Table::Held, term(event.as_str())).next();
    waits.transpose().map(|held| held.is_some())
}

/// See [`crate::store::Outbox::held_of`].
pub(super) fn held_of(draft: &Draft<'_>, event: &EventId) -> Result<Vec<Held>, StoreError> {
    let mut waiting = Vec::new();
    for entry in draft.walk_under(Table::Held, term(event.as_str())) {
        let (key, _) = entry?;
        waiting.extend(draft.get::<Held>(Table::Held, &key)?.or_missing(Table::Held, &key));
    }
    Ok(waiting)
}

/// Removes the due entry of a held rule, also when its record cannot be read any more.
fn unmark_due(draft: &mut Draft<'_>, key: &[u8]) -> Result<(), StoreError> {
    match draft.get::<Held>(Table::Held, key)? {
        Read::Found(held) => draft.unmark(Table::HeldDue.key(timed(held.due_at, key))),
        // Its entry is dropped when it comes up and finds nothing.
        Read::Missing | Read::Damaged(_) => {}
    }
    Ok(())
}

pub(super) fn held_key(event: &EventId, rule: &str) -> Vec<u8> {
    [term(event.as_str()), rule.as_bytes().to_vec()].concat()
}
