//! Runs: obeying orders, and bringing the deliveries of a run in line with it, a bounded step at a time.

use std::ops::Bound;

use chrono::{DateTime, Utc};

use super::draft::{Draft, Read, Table};
use super::lease;
use super::ledger::{Ledger, Owed, TIME, sortable, term, timed};
use super::sweep::STEP;
use crate::card::Card;
use crate::delivery::{Address, CardId, DeliveryId, Operation, RunId, State};
use crate::run::{Order, Pass, Phase, Recall, Run};
use crate::store::StoreError;
use crate::store::outbox::{Moved, Ordered, RUNS_LOOKED_AT, RunFilter};

/// See [`crate::store::Outbox::run`].
pub(super) fn get(draft: &Draft<'_>, id: &RunId) -> Result<Option<Run>, StoreError> {
    draft.get(Table::Run, id.as_str())?.or_corrupt(&format!("the run {id}"))
}

/// See [`crate::store::Outbox::runs`].
pub(super) fn list(
    draft: &Draft<'_>,
    filter: &RunFilter,
    after: Option<&RunId>,
    limit: usize,
) -> Result<Vec<Run>, StoreError> {
    let read =
        |id: &[u8]| -> Result<Option<Run>, StoreError> { Ok(draft.get(Table::Run, id)?.or_missing(Table::Run, id)) };
    let end = match after {
        None => None,
        Some(id) => match read(id.as_str().as_bytes())? {
            Some(run) => Some(timed(run.created_at, id.as_str().as_bytes())),
            None => return Ok(Vec::new()),
        },
    };
    let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut found = Vec::new();
    for entry in draft
        .walk(Table::RunByAge, Bound::Unbounded, end)
        .rev()
        .take(RUNS_LOOKED_AT)
    {
        if found.len() == limit {
            break;
        }
        let (key, _) = entry?;
        let run = key.get(TIME..).map(read).transpose()?.flatten();
        found.extend(run.filter(|run| filter.lets_through(run)));
    }
    Ok(found)
}

/// See [`crate::store::Outbox::order`].
pub(super) fn order(
    draft: &mut Draft<'_>,
    id: &RunId,
    order: Order,
    card: Option<&Card>,
    now: DateTime<Utc>,
) -> Result<Ordered, StoreError> {
    let mut ledger = Ledger::open(draft)?;
    let replacement = match &order {
        Order::Recall { replacement } => replacement.clone(),
        Order::Approve | Order::Pause { .. } | Order::Resume | Order::Cancel { .. } => None,
    };
    let Some(run) = ledger.run(id)? else {
        return Ok(Ordered::Unknown);
    };
    let replaced = run.recall.as_ref().and_then(|recall| recall.replacement.clone());
    let recalls = matches!(order, Order::Recall { .. });
    if let Err(reason) = run.obey(order, now) {
        return Ok(Ordered::Refused(reason));
    }
    run.astray = true;
    let run = run.clone();
    // The run itself points to the card, so that it stays until the run goes.
    if let (Some(replacement), Some(card)) = (&replacement, card) {
        ledger.draft.put(Table::Card, replacement.as_str(), card)?;
        ledger.use_card(replacement, 1)?;
    }
    if recalls && let Some(replaced) = replaced {
        ledger.use_card(&replaced, -1)?;
    }
    mark_astray(ledger.draft, id);
    ledger.close()?;
    Ok(Ordered::Done(Box::new(run)))
}

/// The deliveries of this run have to be looked at, from the first one.
pub(super) fn mark_astray(draft: &mut Draft<'_>, id: &RunId) {
    draft.mark(Table::Astray.key(id.as_str()), Vec::new());
}

/// Removes a run of which nothing is stored any more.
pub(super) fn forget(draft: &mut Draft<'_>, run: &Run) -> Result<(), StoreError> {
    draft.remove(Table::Run, run.id.as_str())?;
    draft.unmark(Table::RunByAge.key(timed(run.created_at, run.id.as_str().as_bytes())));
    draft.unmark(Table::Astray.key(run.id.as_str()));
    if let Some(card) = run.recall.as_ref().and_then(|recall| recall.replacement.as_ref()) {
        Ledger::open(draft).and_then(|mut ledger| {
            ledger.use_card(card, -1)?;
            ledger.close()
        })?;
    }
    Ok(())
}

/// See [`crate::store::Outbox::tend`].
pub(super) fn tend(draft: &mut Draft<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let Some((key, from)) = draft.first_under(Table::Astray, b"")? else {
        return Ok(false);
    };
    let id = RunId::known(String::from_utf8_lossy(&key));
    let mut ledger = Ledger::open(draft)?;
    let Some(run) = ledger.run(&id)?.map(|run| run.clone()) else {
        ledger.draft.unmark(Table::Astray.key(&key));
        ledger.close()?;
        return Ok(true);
    };
    let prefix = term(run.event_id.as_str());
    let from = match from.is_empty() {
        true => Bound::Included(prefix.clone()),
        false => Bound::Excluded(from.to_vec()),
    };
    let step: Vec<_> = ledger
        .draft
        .walk(Table::ByEvent, from.as_ref().map(Vec::as_slice), Bound::Unbounded)
        .take(STEP)
        .take_while(|entry| entry.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix)))
        .collect::<Result<_, _>>()?;
    for (_, delivery) in &step {
        let delivery = DeliveryId::known(String::from_utf8_lossy(delivery));
        let Read::Found(before) = ledger.owed(&delivery)? else {
            continue;
        };
        if before.delivery.rule == run.rule {
            bring_in_line(&mut ledger, &run, before, now)?;
        }
    }
    match step.last() {
        Some((last, _)) if step.len() == STEP => ledger.draft.mark(Table::Astray.key(&key), last.clone()),
        Some(_) | None => {
            ledger.draft.unmark(Table::Astray.key(&key));
            if let Some(run) = ledger.run(&id)? {
                run.astray = false;
            }
        }
    }
    ledger.close()?;
    Ok(true)
}

/// Makes of one delivery what its run wants of it.
fn bring_in_line(ledger: &mut Ledger<'_, '_>, run: &Run, before: Owed, now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut after = before.clone();
    match before.delivery.state {
        // It is settled soon, and looked at then.
        State::Sending | State::Dead | State::Cancelled | State::Recalled => Ok(()),
        State::Delivered => match &run.recall {
            Some(recall) => take_back(ledger, before, recall, now),
            None => Ok(()),
        },
        State::Pending => {
            if let Some(Recall {
                replacement: Some(card),
                ..
            }) = &run.recall
                && after.delivery.operation == Operation::Send
            {
                let old = after.delivery.card_id.replace(card.clone());
                if old.as_ref() != Some(card) {
                    ledger.use_card(card, 1)?;
                    if let Some(old) = old {
                        ledger.use_card(&old, -1)?;
                    }
                }
            }
            match lease::pass(ledger, &before, now)? {
                Pass::Now if before.parked => ledger.queue_up(&mut after)?,
                Pass::Now => {}
                Pass::Later(until, reason) if before.parked => lease::hold(ledger, &mut after, until, reason)?,
                Pass::Later(..) => {}
                Pass::Wait => after.parked = true,
                Pass::Never(reason) => lease::cancelled(&mut after, reason, now),
            }
            if after == before {
                return Ok(());
            }
            ledger.save(Some(&before), &mut after)
        }
    }
}

/// A message that arrives after its run was recalled is taken back like those before it.
pub(super) fn take_back_if_recalled(
    ledger: &mut Ledger<'_, '_>,
    settled: Owed,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if settled.delivery.state != State::Delivered || !settled.delivery.operation.is_send() {
        return Ok(());
    }
    let recall = ledger.run(&settled.delivery.run())?.and_then(|run| run.recall.clone());
    match recall {
        Some(recall) => take_back(ledger, settled, &recall, now),
        None => Ok(()),
    }
}

/// Turns a delivered message into one that is to be taken away, or to become another card.
fn take_back(
    ledger: &mut Ledger<'_, '_>,
    before: Owed,
    recall: &Recall,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut after = before.clone();
    let delivery = &mut after.delivery;
    let done = |card: Option<&crate::delivery::CardId>| card.is_some() && card == recall.replacement.as_ref();
    // One that could not be corrected is tried again when somebody says it again.
    if done(before.delivery.card_id.as_ref()) && before.delivery.reason.is_none() {
        return Ok(());
    }
    if delivery.activity_id.is_none() {
        let reason = match &delivery.recipient.address {
            Address::Person { .. } if delivery.batch.is_some() => {
                "it cannot be taken back: it was sent in a batch, and Teams tells no ids of such messages"
            }
            Address::Feed { .. } => "it cannot be taken back: what is in an activity feed stays there",
            Address::Person { .. }
            | Address::Conversation { .. }
            | Address::Webhook { .. }
            | Address::Nowhere { .. } => "it cannot be taken back: Teams gave no id for the message",
        };
        delivery.reason = Some(reason.to_owned());
        return ledger.save(Some(&before), &mut after);
    }
    change(ledger, &before, &mut after, recall.replacement.as_ref(), now)
}

/// Makes of a delivered message one that is to become this card, or to vanish.
pub(super) fn change(
    ledger: &mut Ledger<'_, '_>,
    before: &Owed,
    after: &mut Owed,
    card: Option<&CardId>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let delivery = &mut after.delivery;
    match card {
        Some(card) => {
            delivery.operation = Operation::Update;
            let old = delivery.card_id.replace(card.clone());
            ledger.use_card(card, 1)?;
            if let Some(old) = old {
                ledger.use_card(&old, -1)?;
            }
        }
        None => delivery.operation = Operation::Delete,
    }
    delivery.state = State::Pending;
    delivery.next_attempt_at = now;
    delivery.reason = None;
    after.ended_at = None;
    ledger.queue_up(after)?;
    ledger.save(Some(before), after)
}

/// See [`crate::store::Outbox::amend`].
pub(super) fn amend(
    draft: &mut Draft<'_>,
    id: &DeliveryId,
    card: Option<&Card>,
    now: DateTime<Utc>,
) -> Result<Moved, StoreError> {
    let mut ledger = Ledger::open(draft)?;
    let Some(before) = ledger.owed(id)?.or_corrupt(&format!("the delivery {id}"))? else {
        return Ok(Moved::Unknown);
    };
    if before.delivery.state != State::Delivered || before.delivery.activity_id.is_none() {
        return Ok(Moved::NotFrom(before.delivery.state));
    }
    let mut after = before.clone();
    let card_id = card.map(Card::id);
    if let (Some(card), Some(card_id)) = (card, &card_id) {
        ledger.draft.put(Table::Card, card_id.as_str(), card)?;
    }
    change(&mut ledger, &before, &mut after, card_id.as_ref(), now)?;
    ledger.close()?;
    Ok(Moved::Done(Box::new(after.delivery)))
}

/// Ends runs that nobody let go on before `before`: they wait for an approval, or are paused.
pub(super) fn give_up_waiting(
    draft: &mut Draft<'_>,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<RunId>, StoreError> {
    let mut given_up = Vec::new();
    let old = draft.walk(Table::RunByAge, Bound::Unbounded, Bound::Excluded(&sortable(before)));
    let mut ledger = Ledger::open(draft)?;
    for entry in old.take(STEP) {
        let (key, _) = entry?;
        let id = RunId::known(String::from_utf8_lossy(key.get(TIME..).unwrap_or_default()));
        let Some(run) = ledger.run(&id)? else {
            ledger.draft.unmark(Table::RunByAge.key(&key));
            continue;
        };
        if matches!(run.phase, Phase::AwaitingApproval | Phase::Paused { .. }) && run.tally.open > 0 {
            let reason = "nobody let the run go on in time".to_owned();
            if run.obey(Order::Cancel { reason }, now).is_ok() {
                given_up.push(id.clone());
                mark_astray(ledger.draft, &id);
            }
        }
    }
    ledger.close()?;
    Ok(given_up)
}
