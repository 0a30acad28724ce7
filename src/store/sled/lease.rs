//! Moving deliveries: claimed, settled, given back, retried, cancelled.

use std::ops::Bound;

use chrono::{DateTime, Duration, Utc};
use tracing::{error, info};

use super::draft::{Draft, Read, Table, readable};
use super::ledger::{Lease, Ledger, Owed, Pointer, just_after};
use crate::delivery::{Attempt, DeliveryId, State};
use crate::store::StoreError;
use crate::store::outbox::{Claim, Claims, Moved, apply};

/// See [`crate::store::Outbox::claim`].
pub(super) fn claim(
    draft: &mut Draft<'_>,
    limit: usize,
    now: DateTime<Utc>,
    lease: Duration,
) -> Result<Claims, StoreError> {
    let mut claims = Claims::default();
    let due = draft.walk(Table::Due, Bound::Unbounded, Bound::Excluded(&just_after(now)));
    let mut ledger = Ledger::open(draft)?;
    for entry in due {
        if claims.claims.len() == limit {
            break;
        }
        let (due_key, value) = entry?;
        let Some(before) = owed_at(&mut ledger, due_key, &value, &mut claims.corrupt)? else {
            continue;
        };
        let number = ledger.draw();
        let mut after = before.clone();
        after.delivery.state = State::Sending;
        after.lease = Some(Lease {
            number,
            until: now.checked_add_signed(lease).unwrap_or(DateTime::<Utc>::MAX_UTC),
        });
        ledger.save(Some(&before), &after)?;
        claims.claims.push(Claim {
            delivery: after.delivery,
            lease: number,
        });
    }
    ledger.close()?;
    Ok(claims)
}

/// The delivery that an entry of the due index points to; one that cannot be used is taken out of the way.
fn owed_at(
    ledger: &mut Ledger<'_, '_>,
    due_key: Vec<u8>,
    value: &[u8],
    corrupt: &mut Vec<(String, String)>,
) -> Result<Option<Owed>, StoreError> {
    let Some(due) = Pointer::decode(value) else {
        corrupt.push((readable(&due_key), "its index entry cannot be read".to_owned()));
        ledger.draft.unmark(Table::Due.key(due_key));
        return Ok(None);
    };
    match ledger.owed(&due.id)? {
        Read::Found(owed) => Ok(Some(owed)),
        Read::Missing => {
            corrupt.push((due.id.to_string(), "its record is gone".to_owned()));
            ledger.set_aside(Table::Due, due_key, &due)?;
            Ok(None)
        }
        Read::Damaged(damage) => {
            error!(delivery = %due.id, problem = %damage, "a delivery cannot be read and was set aside");
            corrupt.push((due.id.to_string(), damage.to_string()));
            ledger.set_aside(Table::Due, due_key, &due)?;
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
    after.ended_at = match after.delivery.state {
        State::Pending | State::Sending => None,
        State::Delivered | State::Dead | State::Cancelled => Some(ended_at),
    };
    ledger.save(Some(&before), &after)?;
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
    ledger.save(Some(&before), &after)?;
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
            State::Pending => {}
            State::Dead | State::Cancelled => {
                // There never was anything to send: the recipient could not be found.
                if owed.delivery.card_id.is_none() {
                    return false;
                }
                owed.delivery.state = State::Pending;
                owed.delivery.reason = None;
                owed.ended_at = None;
            }
            State::Sending | State::Delivered => return false,
        }
        owed.delivery.next_attempt_at = now;
        true
    })
}

/// See [`crate::store::Outbox::cancel`].
pub(super) fn cancel(draft: &mut Draft<'_>, id: &DeliveryId, reason: &str) -> Result<Moved, StoreError> {
    by_hand(draft, id, |owed| match owed.delivery.state {
        State::Pending | State::Sending => {
            // Nobody says what time it is; for how long it is kept, the time it was due is near enough.
            owed.ended_at = Some(match owed.lease {
                Some(lease) => lease.until,
                None => owed.delivery.next_attempt_at,
            });
            owed.lease = None;
            owed.delivery.state = State::Cancelled;
            owed.delivery.reason = Some(reason.to_owned());
            true
        }
        State::Delivered | State::Dead | State::Cancelled => false,
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
    ledger.save(Some(&before), &after)?;
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
        if Pointer::decode(&value).is_some_and(|due| due.state == State::Pending) {
            continue;
        }
        let mut corrupt = Vec::new();
        let Some(before) = owed_at(&mut ledger, due_key, &value, &mut corrupt)? else {
            continue;
        };
        let mut after = before.clone();
        after.delivery.state = State::Pending;
        after.lease = None;
        ledger.save(Some(&before), &after)?;
        recovered += 1;
    }
    ledger.close()?;
    if recovered > 0 {
        info!(deliveries = recovered, "deliveries of an interrupted run are due again");
    }
    Ok(())
}
