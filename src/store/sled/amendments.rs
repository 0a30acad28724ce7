//! A card in the place of another, wherever the delivery stands.

use chrono::{DateTime, Utc};

use super::draft::{Read, Table};
use super::ledger::{Ledger, Owed};
use super::runs;
use crate::delivery::{CardId, Operation, State};
use crate::store::StoreError;
use crate::store::outbox::Amendment;

/// Makes the amendments of a batch. What was forgotten, given up or taken back stays as it is.
pub(super) fn make(
    ledger: &mut Ledger<'_, '_>,
    amendments: Vec<Amendment>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for Amendment { delivery, card } in amendments {
        let Read::Found(before) = ledger.owed(&delivery)? else {
            continue;
        };
        let id = card.id();
        let planned = before.becomes.as_ref().or(before.delivery.card_id.as_ref());
        if planned == Some(&id) {
            continue;
        }
        let run = before.delivery.run();
        if ledger.run(&run)?.is_some_and(|run| run.recall.is_some()) {
            continue;
        }
        let mut after = before.clone();
        match (before.delivery.state, before.delivery.operation) {
            (State::Pending, Operation::Send | Operation::Update) => {
                ledger.draft.put(Table::Card, id.as_str(), &card)?;
                put_in_place(ledger, &mut after, id)?;
                ledger.save(Some(&before), &mut after)?;
            }
            (State::Sending, Operation::Send | Operation::Update) => {
                ledger.draft.put(Table::Card, id.as_str(), &card)?;
                ledger.use_card(&id, 1)?;
                if let Some(overtaken) = after.becomes.replace(id) {
                    ledger.use_card(&overtaken, -1)?;
                }
                ledger.save(Some(&before), &mut after)?;
            }
            (State::Delivered, Operation::Send | Operation::Update) if before.delivery.activity_id.is_some() => {
                ledger.draft.put(Table::Card, id.as_str(), &card)?;
                runs::change(ledger, &before, &mut after, Some(&id), now)?;
            }
            (State::Delivered | State::Dead | State::Cancelled | State::Recalled, _) | (_, Operation::Delete) => {}
        }
    }
    Ok(())
}

/// Has what is sent next be the card that came meanwhile.
pub(super) fn catch_up(ledger: &mut Ledger<'_, '_>, owed: &mut Owed) -> Result<(), StoreError> {
    let Some(card) = owed.becomes.take() else {
        return Ok(());
    };
    put_in_place(ledger, owed, card.clone())?;
    ledger.use_card(&card, -1)
}

/// What was sent just now becomes the card that came meanwhile.
pub(super) fn follow(ledger: &mut Ledger<'_, '_>, settled: Owed, now: DateTime<Utc>) -> Result<Owed, StoreError> {
    let mut after = settled.clone();
    let Some(card) = after.becomes.take() else {
        return Ok(settled);
    };
    if settled.delivery.state == State::Delivered && settled.delivery.activity_id.is_some() {
        runs::change(ledger, &settled, &mut after, Some(&card), now)?;
    } else {
        ledger.save(Some(&settled), &mut after)?;
    }
    ledger.use_card(&card, -1)?;
    Ok(after)
}

fn put_in_place(ledger: &mut Ledger<'_, '_>, owed: &mut Owed, card: CardId) -> Result<(), StoreError> {
    ledger.use_card(&card, 1)?;
    match owed.delivery.card_id.replace(card) {
        Some(old) => ledger.use_card(&old, -1),
        None => Ok(()),
    }
}
