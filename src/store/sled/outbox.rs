//! The outbox over sled: hands each call to the desk and reads beside it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use tracing::warn;

use super::draft::{Draft, Read, Table};
use super::ledger::{Numbers, Owed, TIME, ahead_of, instant, lane_byte, newest_first, of_event_newest_first, timed};
use super::writer::{Desk, Growth, Slot};
use super::{gatherings, intake, lease, matters, runs, sweep, threads, timers, windows};
use crate::card::Card;
use crate::delivery::{Attempt, CardId, Delivery, DeliveryId, RunId, State, ThreadId, WindowId};
use crate::event::EventId;
use crate::gathering::{Gathering, Item};
use crate::lane::{Lane, PerLane};
use crate::limit::Window;
use crate::matter::{Matter, MatterId};
use crate::run::{Order, Run};
use crate::store::outbox::{
    Batch, Claim, Claims, EVENTS_LOOKED_AT, EventRecord, Filter, Held, LaneState, MatterFilter, Moved, Ordered,
    Receipt, RunFilter,
};
use crate::store::{Outbox, StoreError};
use crate::timer::{Timer, TimerId};

/// See [`Outbox`].
pub(super) struct SledOutbox {
    pub(super) desk: Arc<Desk>,
    pub(super) max_open_deliveries: u64,
}

#[async_trait]
impl Outbox for SledOutbox {
    async fn enqueue(&self, batch: Batch) -> Result<Receipt, StoreError> {
        let bound = self.max_open_deliveries;
        self.desk
            .write(Growth::TakesIn, move |draft| intake::enqueue(draft, bound, batch))
            .await
    }

    async fn enqueue_all(&self, batches: Vec<Batch>) -> Result<Vec<Receipt>, StoreError> {
        let bound = self.max_open_deliveries;
        self.desk
            .write(Growth::TakesIn, move |draft| {
                let mut batches = batches.into_iter();
                batches.try_fold(Vec::new(), |mut receipts, batch| {
                    receipts.push(intake::enqueue(draft, bound, batch)?);
                    Ok(receipts)
                })
            })
            .await
    }

    async fn claim(&self, room: PerLane<usize>, now: DateTime<Utc>, lease: Duration) -> Result<Claims, StoreError> {
        let slot = self.desk.slot();
        let claims = self
            .desk
            .write(Growth::Finishes, move |draft| {
                let claims = lease::claim(draft, room, now, lease)?;
                Ok(OnTheWay {
                    claims: Some(claims),
                    slot,
                })
            })
            .await?;
        Ok(claims.arrived())
    }

    async fn settle(&self, claim: &Claim, attempt: Attempt) -> Result<(), StoreError> {
        let claim = claim.clone();
        self.desk
            .write(Growth::Finishes, move |draft| lease::settle(draft, &claim, attempt))
            .await
    }

    async fn release(&self, claim: &Claim, at: DateTime<Utc>) -> Result<(), StoreError> {
        let claim = claim.clone();
        self.desk
            .write(Growth::Finishes, move |draft| lease::release(draft, &claim, at))
            .await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.desk
            .read(|draft| {
                let mut earliest = due_since(draft)?;
                let held = draft.walk(Table::HeldDue, Bound::Unbounded, Bound::Unbounded).next();
                // An entry that cannot be read is due at once: then it is found and set aside.
                let held = held
                    .transpose()?
                    .map(|(key, _)| instant(&key).unwrap_or(DateTime::UNIX_EPOCH));
                Ok(Lane::ALL
                    .into_iter()
                    .filter_map(|lane| earliest.get_mut(lane).take())
                    .chain(held)
                    .min())
            })
            .await
    }

    async fn lanes(&self) -> Result<PerLane<LaneState>, StoreError> {
        self.desk
            .read(|draft| {
                let numbers = Numbers::kept(draft)?;
                let due = due_since(draft)?;
                Ok(PerLane::of(|lane| LaneState {
                    waiting: numbers.queued(lane),
                    due_since: *due.get(lane),
                }))
            })
            .await
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>, StoreError> {
        let id = id.clone();
        self.desk.read(move |draft| runs::get(draft, &id)).await
    }

    async fn runs(&self, filter: &RunFilter, after: Option<&RunId>, limit: usize) -> Result<Vec<Run>, StoreError> {
        let (filter, after) = (filter.clone(), after.cloned());
        self.desk
            .read(move |draft| runs::list(draft, &filter, after.as_ref(), limit))
            .await
    }

    async fn order(
        &self,
        id: &RunId,
        order: Order,
        card: Option<&Card>,
        now: DateTime<Utc>,
    ) -> Result<Ordered, StoreError> {
        let (id, card) = (id.clone(), card.cloned());
        self.desk
            .write(Growth::Finishes, move |draft| {
                runs::order(draft, &id, order, card.as_ref(), now)
            })
            .await
    }

    async fn tend(&self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.desk
            .write(Growth::Finishes, move |draft| runs::tend(draft, now))
            .await
    }

    async fn give_up_waiting(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<RunId>, StoreError> {
        self.desk
            .write(Growth::Finishes, move |draft| runs::give_up_waiting(draft, before, now))
            .await
    }

    async fn card(&self, id: &CardId) -> Result<Option<Card>, StoreError> {
        let id = id.clone();
        self.desk
            .read(move |draft| {
                let card = draft.get(Table::Card, id.as_str())?;
                card.or_corrupt(&format!("the card {}", id.as_str()))
            })
            .await
    }

    async fn list(
        &self,
        filter: &Filter,
        after: Option<&DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let (filter, after) = (filter.clone(), after.cloned());
        self.desk
            .read(move |draft| list(draft, &filter, after.as_ref(), limit))
            .await
    }

    async fn get(&self, id: &DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let id = id.clone();
        self.desk
            .read(move |draft| {
                let owed: Read<Owed> = draft.get(Table::Delivery, id.as_str())?;
                Ok(owed
                    .or_corrupt(&format!("the delivery {id}"))?
                    .map(|owed| owed.delivery))
            })
            .await
    }

    async fn ahead_of(&self, id: &DeliveryId) -> Result<Option<DeliveryId>, StoreError> {
        let id = id.clone();
        self.desk.read(move |draft| ahead_of(draft, &id)).await
    }

    async fn retry(&self, id: &DeliveryId, now: DateTime<Utc>) -> Result<Moved, StoreError> {
        let id = id.clone();
        self.desk
            .write(Growth::Finishes, move |draft| lease::retry(draft, &id, now))
            .await
    }

    async fn cancel(&self, id: &DeliveryId, reason: &str, now: DateTime<Utc>) -> Result<Moved, StoreError> {
        let (id, reason) = (id.clone(), reason.to_owned());
        self.desk
            .write(Growth::Finishes, move |draft| lease::cancel(draft, &id, &reason, now))
            .await
    }

    async fn amend(&self, id: &DeliveryId, card: Option<&Card>, now: DateTime<Utc>) -> Result<Moved, StoreError> {
        let (id, card) = (id.clone(), card.cloned());
        let growth = match card {
            Some(_) => Growth::TakesIn,
            None => Growth::Finishes,
        };
        self.desk
            .write(growth, move |draft| runs::amend(draft, &id, card.as_ref(), now))
            .await
    }

    async fn counts(&self) -> Result<BTreeMap<&'static str, u64>, StoreError> {
        let numbers = self.desk.read(Numbers::kept).await?;
        Ok(State::ALL
            .into_iter()
            .map(|state| (state.word(), numbers.count(state)))
            .collect())
    }

    async fn windows(&self, ids: &[WindowId]) -> Result<BTreeMap<WindowId, Window>, StoreError> {
        let ids = ids.to_vec();
        self.desk.read(move |draft| windows::known(draft, &ids)).await
    }

    async fn gatherings(&self, ids: &[WindowId]) -> Result<BTreeMap<WindowId, Gathering>, StoreError> {
        let ids = ids.to_vec();
        self.desk.read(move |draft| gatherings::known(draft, &ids)).await
    }

    async fn gatherings_to_come(
        &self,
        rule: Option<&str>,
        recipient: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Gathering>, StoreError> {
        let (rule, recipient) = (rule.map(str::to_owned), recipient.map(str::to_owned));
        self.desk
            .read(move |draft| gatherings::to_come(draft, rule.as_deref(), recipient.as_deref(), limit))
            .await
    }

    async fn gathered(&self, id: &WindowId) -> Result<Vec<Item>, StoreError> {
        let id = id.clone();
        self.desk.read(move |draft| gatherings::items(draft, &id)).await
    }

    async fn matter(&self, id: &MatterId) -> Result<Option<Matter>, StoreError> {
        let id = id.clone();
        self.desk.read(move |draft| matters::get(draft, &id)).await
    }

    async fn matters(
        &self,
        filter: &MatterFilter,
        after: Option<&MatterId>,
        limit: usize,
    ) -> Result<Vec<Matter>, StoreError> {
        let (filter, after) = (filter.clone(), after.cloned());
        self.desk
            .read(move |draft| matters::list(draft, &filter, after.as_ref(), limit))
            .await
    }

    async fn due_timers(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<Timer>, StoreError> {
        self.desk
            .write(Growth::Finishes, move |draft| timers::due(draft, limit, now))
            .await
    }

    async fn next_timer(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.desk.read(timers::next).await
    }

    async fn put_off_timer(&self, id: &TimerId, at: DateTime<Utc>) -> Result<(), StoreError> {
        let id = id.clone();
        self.desk
            .write(Growth::Finishes, move |draft| timers::put_off(draft, &id, at))
            .await
    }

    async fn stop_timer(&self, id: &TimerId) -> Result<(), StoreError> {
        let id = id.clone();
        self.desk
            .write(Growth::Finishes, move |draft| timers::stop(draft, &id))
            .await
    }

    async fn thread(&self, id: &ThreadId) -> Result<Option<String>, StoreError> {
        let id = id.clone();
        self.desk.read(move |draft| threads::root(draft, &id)).await
    }

    async fn event(&self, id: &EventId) -> Result<Option<EventRecord>, StoreError> {
        let id = id.clone();
        self.desk
            .read(move |draft| {
                let record = draft.get(Table::Event, id.as_str())?;
                record.or_corrupt(&format!("the event {id}"))
            })
            .await
    }

    async fn events(
        &self,
        rule: Option<&str>,
        after: Option<&EventId>,
        limit: usize,
    ) -> Result<Vec<EventRecord>, StoreError> {
        let (rule, after) = (rule.map(str::to_owned), after.cloned());
        self.desk
            .read(move |draft| events(draft, rule.as_deref(), after.as_ref(), limit))
            .await
    }

    async fn held_of(&self, event: &EventId) -> Result<Vec<Held>, StoreError> {
        let event = event.clone();
        self.desk.read(move |draft| intake::held_of(draft, &event)).await
    }

    async fn due_held(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<Held>, StoreError> {
        self.desk
            .write(Growth::Finishes, move |draft| intake::due_held(draft, limit, now))
            .await
    }

    async fn hold(&self, held: &Held) -> Result<(), StoreError> {
        let held = held.clone();
        self.desk
            .write(Growth::TakesIn, move |draft| intake::hold(draft, &held))
            .await
    }

    async fn unhold(&self, event: &EventId, rule: &str) -> Result<(), StoreError> {
        let (event, rule) = (event.clone(), rule.to_owned());
        self.desk
            .write(Growth::Finishes, move |draft| intake::unhold(draft, &event, &rule))
            .await
    }

    async fn note(&self, key: &str) -> Result<Option<Value>, StoreError> {
        let key = key.to_owned();
        self.desk
            .read(move |draft| {
                let note: Read<Value> = draft.get(Table::Note, &key)?;
                note.or_corrupt(&format!("the note `{key}`"))
            })
            .await
    }

    async fn set_note(&self, key: &str, value: Option<&Value>) -> Result<(), StoreError> {
        let (key, value) = (key.to_owned(), value.cloned());
        let growth = match value {
            Some(_) => Growth::TakesIn,
            None => Growth::Finishes,
        };
        self.desk
            .write(growth, move |draft| match value {
                Some(value) => draft.put(Table::Note, &key, &value),
                None => draft.remove(Table::Note, &key).map(drop),
            })
            .await
    }

    async fn collect(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let gone = self
            .desk
            .write(Growth::Finishes, move |draft| sweep::deliveries(draft, before))
            .await?;
        if gone > 0 {
            return Ok(gone);
        }
        let mut from = None;
        loop {
            from = self
                .desk
                .write(Growth::Finishes, move |draft| {
                    sweep::events(draft, before, from.as_deref())
                })
                .await?;
            if from.is_none() {
                break;
            }
        }
        while self
            .desk
            .write(Growth::Finishes, move |draft| windows::forget(draft, before))
            .await?
        {}
        let mut from = None;
        loop {
            from = self
                .desk
                .write(Growth::Finishes, move |draft| {
                    matters::forget(draft, before, from.as_deref())
                })
                .await?;
            if from.is_none() {
                return Ok(0);
            }
        }
    }

    async fn trim(&self, kept: usize) -> Result<(), StoreError> {
        let mut next = self.desk.read(move |draft| sweep::beyond(draft, kept)).await?;
        while let Some(last) = next {
            next = self
                .desk
                .write(Growth::Finishes, move |draft| sweep::events_up_to(draft, &last))
                .await?;
        }
        Ok(())
    }
}

/// Claims between the writing thread and the one who asked. If that one has stopped waiting, they are given back
/// instead of lying until their lease ends.
struct OnTheWay {
    claims: Option<Claims>,
    slot: Slot,
}

impl OnTheWay {
    fn arrived(mut self) -> Claims {
        self.claims.take().expect("claims arrive once")
    }
}

impl Drop for OnTheWay {
    fn drop(&mut self) {
        if let Some(claims) = self.claims.take().filter(|claims| !claims.claims.is_empty()) {
            self.slot.try_write(move |draft| lease::give_back(draft, &claims));
        }
    }
}

/// Since when the longest due delivery of each lane has been due, or when its first one will be.
fn due_since(draft: &Draft<'_>) -> Result<PerLane<Option<DateTime<Utc>>>, StoreError> {
    let mut due = PerLane::of(|_| None);
    for lane in Lane::ALL {
        if let Some(entry) = draft.walk_under(Table::Due, vec![lane_byte(lane)]).next() {
            // An entry that cannot be read is due at once: then it is found and set aside.
            *due.get_mut(lane) = Some(instant(&entry?.0[1..]).unwrap_or(DateTime::UNIX_EPOCH));
        }
    }
    Ok(due)
}

fn events(
    draft: &Draft<'_>,
    rule: Option<&str>,
    after: Option<&EventId>,
    limit: usize,
) -> Result<Vec<EventRecord>, StoreError> {
    let read = |id: &[u8]| -> Result<Option<EventRecord>, StoreError> {
        let record = draft.get::<EventRecord>(Table::Event, id)?;
        Ok(record.or_missing(Table::Event, id))
    };
    let end = match after {
        None => None,
        Some(id) => match read(id.as_str().as_bytes())? {
            Some(record) => Some(timed(record.occurred_at, id.as_str().as_bytes())),
            // What was listed last is gone: it was the oldest, so nothing older is left.
            None => return Ok(Vec::new()),
        },
    };
    let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut found = Vec::new();
    for entry in draft
        .walk(Table::EventByAge, Bound::Unbounded, end)
        .rev()
        .take(EVENTS_LOOKED_AT)
    {
        if found.len() == limit {
            break;
        }
        let (key, _) = entry?;
        let record = key.get(TIME..).map(read).transpose()?.flatten();
        let wanted = |record: &EventRecord| {
            rule.is_none_or(|rule| record.rules.iter().any(|considered| considered.rule == rule))
        };
        found.extend(record.filter(wanted));
    }
    Ok(found)
}

fn list(
    draft: &Draft<'_>,
    filter: &Filter,
    after: Option<&DeliveryId>,
    limit: usize,
) -> Result<Vec<Delivery>, StoreError> {
    let recipient = filter.recipient.as_ref().map(|text| text.to_lowercase());
    let passes = |delivery: &Delivery| {
        filter.state.is_none_or(|state| delivery.state == state)
            && filter.rule.as_ref().is_none_or(|rule| delivery.rule == *rule)
            && filter.event.as_ref().is_none_or(|event| delivery.event_id == *event)
            && recipient.as_ref().is_none_or(|text| {
                delivery.recipient.name.to_lowercase().contains(text)
                    || delivery.recipient.address.key().to_lowercase().contains(text)
            })
    };
    let read = |id: DeliveryId| -> Result<Option<Owed>, StoreError> {
        match draft.get(Table::Delivery, id.as_str())? {
            Read::Found(owed) => Ok(Some(owed)),
            Read::Missing => Ok(None),
            Read::Damaged(damage) => {
                warn!(delivery = %id, problem = %damage, "a delivery cannot be read and is left out of the list");
                Ok(None)
            }
        }
    };
    let after = match after {
        None => None,
        Some(id) => match read(id.clone())? {
            Some(owed) => Some((owed.delivery.created_at, owed.sequence)),
            // What was listed last is gone: it was the oldest, so nothing older is left.
            None => return Ok(Vec::new()),
        },
    };

    // Those of one event came in one after the other: the last to come in is the newest.
    let ids: Box<dyn Iterator<Item = Result<DeliveryId, StoreError>>> = match &filter.event {
        Some(event) => Box::new(of_event_newest_first(draft, event, after.map(|(_, sequence)| sequence))),
        None => Box::new(newest_first(draft, filter.state, after)),
    };
    let mut found = Vec::new();
    for id in ids {
        if found.len() == limit {
            break;
        }
        found.extend(read(id?)?.map(|owed| owed.delivery).filter(&passes));
    }
    Ok(found)
}
