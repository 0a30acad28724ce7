//! Batches that Teams works on: written down with their deliveries in one write, so that a crash loses nobody of them.

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use tracing::error;

use super::draft::{Draft, Read, Table};
use super::ledger::{Lease, Ledger, Owed};
use super::outbox::SledOutbox;
use super::writer::Growth;
use crate::batch::{Convoy, Passenger};
use crate::delivery::{DeliveryId, RunId, State};
use crate::run::Together;
use crate::store::{Convoys, StoreError};

/// How long a delivery lies in a batch before it is looked at; while its batch is known, for as long again.
const ABOARD_FOR: Duration = Duration::hours(1);

#[async_trait]
impl Convoys for SledOutbox {
    async fn embark(&self, convoy: &Convoy) -> Result<Vec<DeliveryId>, StoreError> {
        let convoy = convoy.clone();
        self.desk
            .write(Growth::Finishes, move |draft| embark(draft, &convoy))
            .await
    }

    async fn convoys(&self) -> Result<Vec<Convoy>, StoreError> {
        self.desk.write(Growth::Finishes, all).await
    }

    async fn keep_convoy(&self, convoy: &Convoy) -> Result<(), StoreError> {
        let convoy = convoy.clone();
        self.desk
            .write(Growth::Finishes, move |draft| keep(draft, &convoy))
            .await
    }

    async fn disband(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.desk
            .write(Growth::Finishes, move |draft| disband(draft, &id))
            .await
    }

    async fn note_alone(&self, run: &RunId, reason: &str) -> Result<(), StoreError> {
        let (run, reason) = (run.clone(), reason.to_owned());
        self.desk
            .write(Growth::Finishes, move |draft| note_alone(draft, &run, &reason))
            .await
    }
}

/// See [`Convoys::embark`].
fn embark(draft: &mut Draft<'_>, convoy: &Convoy) -> Result<Vec<DeliveryId>, StoreError> {
    let mut ledger = Ledger::open(draft)?;
    let mut left_behind = Vec::new();
    let mut aboard = 0;
    for passenger in &convoy.passengers {
        let Read::Found(before) = ledger.owed(&passenger.delivery)? else {
            left_behind.push(passenger.delivery.clone());
            continue;
        };
        let ours = before.lease.filter(|lease| lease.number == passenger.lease);
        let (State::Sending, Some(lease)) = (before.delivery.state, ours) else {
            left_behind.push(passenger.delivery.clone());
            continue;
        };
        let mut after = before.clone();
        after.delivery.batch = Some(convoy.id.clone());
        after.lease = Some(Lease {
            until: lease.until.max(later(convoy.begun_at)),
            ..lease
        });
        ledger.save(Some(&before), &mut after)?;
        aboard += 1;
    }
    if let Some(run) = ledger.run(&convoy.run)? {
        let together = run.together.get_or_insert_default();
        together.batches += 1;
        together.deliveries += aboard;
    }
    let mut kept = convoy.clone();
    // No two should have one id. Should they, nobody of the first is forgotten because of the second.
    let known: Read<Convoy> = ledger.draft.get(Table::Convoy, &convoy.id)?;
    if let Read::Found(known) = known {
        let is_new = |other: &Passenger| !convoy.passengers.iter().any(|one| one.delivery == other.delivery);
        kept.passengers.extend(known.passengers.into_iter().filter(is_new));
    }
    ledger.draft.put(Table::Convoy, &convoy.id, &kept)?;
    ledger.close()?;
    Ok(left_behind)
}

/// See [`Convoys::convoys`].
fn all(draft: &mut Draft<'_>) -> Result<Vec<Convoy>, StoreError> {
    let mut convoys = Vec::new();
    for (key, _) in draft.scan(Table::Convoy, "")? {
        match draft.get(Table::Convoy, &key)? {
            Read::Found(convoy) => convoys.push(convoy),
            Read::Missing => {}
            Read::Damaged(damage) => {
                error!(problem = %damage, "the record of a batch cannot be read and was set aside");
                draft.set_aside(Table::Convoy, &key)?;
            }
        }
    }
    Ok(convoys)
}

/// See [`Convoys::keep_convoy`].
fn keep(draft: &mut Draft<'_>, convoy: &Convoy) -> Result<(), StoreError> {
    match draft.has(Table::Convoy, &convoy.id)? {
        true => draft.put(Table::Convoy, &convoy.id, convoy),
        false => Ok(()),
    }
}

/// See [`Convoys::disband`].
fn disband(draft: &mut Draft<'_>, id: &str) -> Result<(), StoreError> {
    draft.remove(Table::Convoy, id).map(drop)
}

/// See [`Convoys::note_alone`].
fn note_alone(draft: &mut Draft<'_>, run: &RunId, reason: &str) -> Result<(), StoreError> {
    let mut ledger = Ledger::open(draft)?;
    if let Some(run) = ledger.run(run)? {
        let mut together: Together = run.together.clone().unwrap_or_default();
        if together.note_alone(reason) {
            run.together = Some(together);
        }
    }
    ledger.close()
}

/// Teams works on the batch that this delivery is in: nobody may send it beside that.
pub(super) fn is_aboard(draft: &Draft<'_>, owed: &Owed) -> Result<bool, StoreError> {
    let (State::Sending, Some(id)) = (owed.delivery.state, &owed.delivery.batch) else {
        return Ok(false);
    };
    draft.has(Table::Convoy, id)
}

/// It is looked at again after a while.
pub(super) fn stays_aboard(owed: &mut Owed, now: DateTime<Utc>) {
    if let Some(lease) = &mut owed.lease {
        lease.until = later(now);
    }
}

fn later(now: DateTime<Utc>) -> DateTime<Utc> {
    now.checked_add_signed(ABOARD_FOR).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
