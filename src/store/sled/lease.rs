//! Moving deliveries: claimed, settled, given back, retried, cancelled.

use std::ops::Bound;

use chrono::{DateTime, Duration, Utc};
use tracing::{error, info};

use super::draft::{Draft, Read, Table, readable};
use super::ledger::{DuePointer, Lease, Ledger, Owed, just_after, lane_byte};
use super::runs;
use super::threads;
use super::{amendments, convoys};
use crate::delivery::{Attempt, DeliveryId, Operation, State};
use crate::lane::{Lane, PerLane};
use crate::run::{self, Pass};
use crate::store::StoreError;
use crate::store::outbox::{Claim, Claims, Moved, apply};

/// How many entries of a lane one claim looks at beside those that it leases: they are moved out of the way.
const LOOKED_AT: usize = 1000;

/// See [`crate::store::Outbox::claim`].
pub(super) fn claim(
    draft: &mut Draft<'_>,
    room: PerLane<usize>,
    now: DateTime<Utc>,
    lease: Duration,
) -> Result<Claims, StoreError> {
    let mut claims = Claims::default();
    for lane in Lane::ALL {
        let room = *room.get(lane);
        let first = [lane_byte(lane)];
        let end = [first.as_slice(), &just_after(now)].concat();
        let due = draft.walk(Table::Due, Bound::Included(&first), Bound::Excluded(&end));
        let mut ledger = Ledger::open(draft)?;
        let mut leased = 0;
        for entry in due.take(room.saturating_add(LOOKED_AT)) {
            if leased == room {
                break;
            }
            let (due_key, value) = entry?;
            let Some(before) = owed_at(&mut ledger, due_key, &value, &mut claims.corrupt)? else {
                continue;
            };
            let mut after = before.clone();
            if convoys::is_aboard(ledger.draft, &before)? {
                convoys::stays_aboard(&mut after, now);
                ledger.save(Some(&before), &mut after)?;
                continue;
            }
            after.lease = None;
            amendments::catch_up(&mut ledger, &mut after)?;
            match pass(&mut ledger, &before, now)? {
                Pass::Now => {
                    let number = ledger.draw();
                    after.delivery.state = State::Sending;
                    if after.delivery.batch.take().is_some() {
                        // Nothing is known of its batch any more.
                        after.delivery.terms.by_itself = true;
                    }
                    if after.delivery.terms.held_until.is_some() && after.delivery.attempt_count == 0 {
                        // It waited long enough.
                        after.delivery.reason = None;
                    }
                    after.lease = Some(Lease {
                        number,
                        until: now.checked_add_signed(lease).unwrap_or(DateTime::<Utc>::MAX_UTC),
                    });
                    ledger.save(Some(&before), &mut after)?;
                    leased += 1;
                    claims.claims.push(Claim {
                        delivery: after.delivery,
                        lease: number,
                    });
                }
                Pass::Wait => {
                    after.delivery.state = State::Pending;
                    after.parked = true;
                    ledger.save(Some(&before), &mut after)?;
                }
                Pass::Never(reason) => {
                    cancelled(&mut after, reason, now);
                    ledger.save(Some(&before), &mut after)?;
                }
                Pass::Later(until, reason) => {
                    hold(&mut ledger, &mut after, until, reason)?;
                    ledger.save(Some(&before), &mut after)?;
                }
            }
        }
        ledger.close()?;
    }
    Ok(claims)
}

/// May this delivery be sent, as far as its run and its time go?
pub(super) fn pass(ledger: &mut Ledger<'_, '_>, owed: &Owed, now: DateTime<Utc>) -> Result<Pass, StoreError> {
    let delivery = &owed.delivery;
    let pass = match ledger.run(&delivery.run())? {
        Some(run) => run.lets_pass(delivery, now),
        None => match delivery.terms.expires_at.filter(|at| *at <= now) {
            Some(at) if delivery.operation.is_send() => Pass::Never(run::expired(at)),
            Some(_) | None => Pass::Now,
        },
    };
    Ok(match (pass, delivery.terms.quiet_until(now)) {
        // Late for another reason: a day without network, a run that waited for its approval.
        (Pass::Now, Some((until, reason))) if delivery.operation.is_send() => Pass::Later(until, reason),
        (pass, _) => pass,
    })
}

/// Has a delivery wait for the end of quiet hours, in the queue of those that wait for the same. It must be saved after it.
pub(super) fn hold(
    ledger: &mut Ledger<'_, '_>,
    owed: &mut Owed,
    until: DateTime<Utc>,
    reason: String,
) -> Result<(), StoreError> {
    owed.lease = None;
    owed.delivery.state = State::Pending;
    owed.delivery.terms.held_until = Some(until);
    owed.delivery.next_attempt_at = until;
    owed.delivery.reason = Some(reason);
    ledger.queue_up(owed)
}

/// Stops a delivery before it is sent.
pub(super) fn cancelled(owed: &mut Owed, reason: String, now: DateTime<Utc>) {
    owed.lease = None;
    owed.ended_at = Some(now);
    owed.parked = false;
    // What was delivered stays delivered when taking it back is given up.
    owed.delivery.state = match owed.delivery.operation {
        Operation::Send => State::Cancelled,
        Operation::Update | Operation::Delete => State::Delivered,
    };
    owed.delivery.reason = Some(reason);
}

/// The delivery that an entry of the due index points to; one that cannot be used is taken out of the way.
fn owed_at(
    ledger: &mut Ledger<'_, '_>,
    due_key: Vec<u8>,
    value: &[u8],
    corrupt: &mut Vec<(String, String)>,
) -> Result<Option<Owed>, StoreError> {
    let Some(due) = DuePointer::decode(value) else {
        corrupt.push((readable(&due_key), "its index entry cannot be read".to_owned()));
        ledger.draft.unmark(Table::Due.key(due_key));
        return Ok(None);
    };
    let id = &due.pointer.id;
    match ledger.owed(id)? {
        Read::Found(owed) => Ok(Some(owed)),
        Read::Missing => {
            corrupt.push((id.to_string(), "its record is gone".to_owned()));
            ledger.set_aside_due(due_key, &due)?;
            Ok(None)
        }
        Read::Damaged(damage) => {
            error!(delivery = %id, problem = %damage, "a delivery cannot be read and was set aside");
            corrupt.push((id.to_string(), damage.to_string()));
            ledger.set_aside_due(due_key, &due)?;
            Ok(None)
        }
    }
}

/// See [`crate::store::Outbox::settle`].
pub(super) fn settle(draft: &mut Draft<'_>, claim: &Claim, attempt: Attempt) -> Result<(), StoreError> {
    let mut ledger = Ledger::open(draft)?;
    let before = under(&ledger, claim)?;
    let mut after = before.clone();
    let took = i64::try_from(attempt.took_ms).ok().and_then(Duration::try_milliseconds);
    let ended_at = took
        .and_then(|took| attempt.started_at.checked_add_signed(took))
        .unwrap_or(attempt.started_at);
    apply(&mut after.delivery, attempt);
    after.lease = None;
    after.ended_at = (!after.delivery.state.is_open()).then_some(ended_at);
    if after.delivery.state.is_open() {
        amendments::catch_up(&mut ledger, &mut after)?;
    }
    ledger.save(Some(&before), &mut after)?;
    threads::follow(ledger.draft, &after.delivery)?;
    let after = amendments::follow(&mut ledger, after, ended_at)?;
    runs::take_back_if_recalled(&mut ledger, after, ended_at)?;
    ledger.close()
}

/// See [`crate::store::Outbox::release`].
pub(super) fn release(draft: &mut Draft<'_>, claim: &Claim, at: DateTime<Utc>) -> Result<(), StoreError> {
    let mut ledger = Ledger::open(draft)?;
    let before = under(&ledger, claim)?;
    let mut after = before.clone();
    after.delivery.state = State::Pending;
    after.delivery.next_attempt_at = at;
    after.lease = None;
    amendments::catch_up(&mut ledger, &mut after)?;
    ledger.save(Some(&before), &mut after)?;
    ledger.close()
}

/// Gives back what was claimed by somebody who went away before hearing of it.
pub(super) fn give_back(draft: &mut Draft<'_>, claims: &Claims) -> Result<(), StoreError> {
    for claim in &claims.claims {
        match release(draft, claim, claim.delivery.next_attempt_at) {
            Ok(()) | Err(StoreError::LeaseLost) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The delivery, if it is still being sent under this claim.
fn under(ledger: &Ledger<'_, '_>, claim: &Claim) -> Result<Owed, StoreError> {
    let id = &claim.delivery.id;
    let owed = ledger.owed(id)?.or_corrupt(&format!("the delivery {id}"))?;
    owed.filter(|owed| {
        owed.delivery.state == State::Sending && owed.lease.is_some_and(|lease| lease.number == claim.lease)
    })
    .ok_or(StoreError::LeaseLost)
}

/// See [`crate::store::Outbox::retry`].
pub(super) fn retry(draft: &mut Draft<'_>, id: &DeliveryId, now: DateTime<Utc>) -> Result<Moved, StoreError> {
    by_hand(draft, id, |owed| {
        match owed.delivery.state {
            // Somebody wants it now, whatever the hour.
            State::Pending => owed.delivery.terms.quiet = None,
            State::Dead | State::Cancelled if owed.delivery.operation.is_send() => {
                // There never was anything to send: the recipient could not be found.
                if owed.delivery.card_id.is_none() {
                    return false;
                }
                owed.delivery.state = State::Pending;
                owed.delivery.terms.quiet = None;
                owed.delivery.reason = None;
                owed.ended_at = None;
            }
            State::Sending | State::Delivered | State::Dead | State::Cancelled | State::Recalled => return false,
        }
        owed.delivery.next_attempt_at = now;
        true
    })
}

/// See [`crate::store::Outbox::cancel`].
pub(super) fn cancel(
    draft: &mut Draft<'_>,
    id: &DeliveryId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Moved, StoreError> {
    by_hand(draft, id, |owed| {
        let open = owed.delivery.state.is_open();
        if open {
            cancelled(owed, reason.to_owned(), now);
        }
        open
    })
}

fn by_hand(
    draft: &mut Draft<'_>,
    id: &DeliveryId,
    change: impl FnOnce(&mut Owed) -> bool,
) -> Result<Moved, StoreError> {
    let mut ledger = Ledger::open(draft)?;
    let Some(before) = ledger.owed(id)?.or_corrupt(&format!("the delivery {id}"))? else {
        return Ok(Moved::Unknown);
    };
    let mut after = before.clone();
    if !change(&mut after) {
        return Ok(Moved::NotFrom(before.delivery.state));
    }
    // Nothing is held any more once somebody wants it sent.
    let let_go = after.delivery.state.is_open() && after.delivery.terms.held_until.take().is_some();
    if let_go {
        after.delivery.reason = None;
    }
    if after.delivery.state.is_open() && (after.place.is_none() || let_go) && !after.parked {
        ledger.queue_up(&mut after)?;
    }
    ledger.save(Some(&before), &mut after)?;
    ledger.close()?;
    Ok(Moved::Done(Box::new(after.delivery)))
}

/// Makes what a former owner of the folder was sending due again at once: it is dead, as our lock proves, so nobody
/// will settle it, and waiting for its leases to end would only delay the cards.
pub(super) fn recover(draft: &mut Draft<'_>) -> Result<(), StoreError> {
    let due = draft.walk(Table::Due, Bound::Unbounded, Bound::Unbounded);
    let mut ledger = Ledger::open(draft)?;
    let mut recovered = 0u64;
    for entry in due {
        let (due_key, value) = entry?;
        if DuePointer::decode(&value).is_some_and(|due| due.pointer.state == State::Pending) {
            continue;
        }
        let mut corrupt = Vec::new();
        let Some(before) = owed_at(&mut ledger, due_key, &value, &mut corrupt)? else {
            continue;
        };
        // Teams has the batch that it is in, and is asked again what came of it.
        if convoys::is_aboard(ledger.draft, &before)? {
            continue;
        }
        let mut after = before.clone();
        after.delivery.state = State::Pending;
        after.lease = None;
        amendments::catch_up(&mut ledger, &mut after)?;
        ledger.save(Some(&before), &mut after)?;
        recovered += 1;
    }
    ledger.close()?;
    super::intake::recover(draft)?;
    if recovered > 0 {
        info!(deliveries = recovered, "deliveries of an interrupted run are due again");
    }
    Ok(())
}
