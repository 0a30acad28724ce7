//! What the outbox knows about each delivery, the indexes that find it, and the counts.

use std::collections::BTreeMap;
use std::ops::Bound;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::error;

use super::draft::{Draft, Read, Table};
use crate::delivery::{CardId, Delivery, DeliveryId, RunId, State};
use crate::event::EventId;
use crate::lane::Lane;
use crate::run::Run;
use crate::store::StoreError;

const NUMBERS: &str = "numbers";

/// A delivery with what only the store has to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Owed {
    pub(super) delivery: Delivery,
    /// When it came in, as a number: order among equal times.
    pub(super) sequence: u64,
    /// Under which claim it is being sent.
    pub(super) lease: Option<Lease>,
    /// When it came to its end.
    pub(super) ended_at: Option<DateTime<Utc>>,
    /// Its place in the queue of its address and lane; none when it is parked or at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<u64>,
    /// It is the first of its queue: the others are not due before it is at its end.
    #[serde(default)]
    pub(super) head: bool,
    /// Its run does not let it go for now.
    #[serde(default)]
    pub(super) parked: bool,
    /// The card that came while it was being sent: what it becomes next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) becomes: Option<CardId>,
}

/// The right to settle a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) number: u64,
    pub(super) until: DateTime<Utc>,
}

impl Owed {
    /// Every index entry that points to this delivery.
    fn entries(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let delivery = &self.delivery;
        let id = delivery.id.as_str().as_bytes().to_vec();
        let number = self.sequence.to_be_bytes();
        let mut entries = vec![
            (age_key(delivery.created_at, self.sequence), id.clone()),
            (
                state_key(delivery.state, delivery.created_at, self.sequence),
                id.clone(),
            ),
            (
                Table::ByEvent.key([term(delivery.event_id.as_str()), number.to_vec()].concat()),
                id,
            ),
        ];
        if !delivery.state.is_open() {
            let at = self.ended_at.unwrap_or(delivery.created_at);
            entries.push((Table::Ended.key(timed(at, &number)), self.pointer().encode()));
            return entries;
        }
        let Some(place) = self.place else {
            return entries;
        };
        let queued = queue_key(delivery, place);
        let waiting = Pointer {
            state: State::Pending,
            ..self.pointer()
        };
        entries.push((
            Table::Queue.key(&queued),
            [number.as_slice(), &waiting.encode()].concat(),
        ));
        if self.head {
            let at = match self.lease {
                Some(lease) => lease.until,
                None => delivery.next_attempt_at,
            };
            let key = [[lane_byte(delivery.terms.lane)].as_slice(), &timed(at, &number)].concat();
            entries.push((Table::Due.key(key), [queued, self.pointer().encode()].concat()));
        }
        entries
    }

    fn pointer(&self) -> Pointer {
        Pointer {
            state: self.delivery.state,
            created_at: self.delivery.created_at,
            id: self.delivery.id.clone(),
        }
    }
}

/// What an index by time says of a delivery: enough to take a record that cannot be decoded out of lists and counts.
pub(super) struct Pointer {
    pub(super) state: State,
    pub(super) created_at: DateTime<Utc>,
    pub(super) id: DeliveryId,
}

impl Pointer {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![state_byte(self.state)];
        bytes.extend(sortable(self.created_at));
        bytes.extend(self.id.as_str().as_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&state, rest) = bytes.split_first()?;
        let (created_at, id) = rest.split_at_checked(TIME)?;
        Some(Self {
            state: State::ALL.into_iter().find(|known| state_byte(*known) == state)?,
            created_at: instant(created_at)?,
            id: DeliveryId::known(std::str::from_utf8(id).ok()?),
        })
    }
}

/// What the index of what is due says: the place in the queue, and what every index by time says.
pub(super) struct DuePointer {
    pub(super) queued: Vec<u8>,
    pub(super) pointer: Pointer,
}

impl DuePointer {
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (queued, rest) = bytes.split_at_checked(QUEUE_KEY)?;
        Some(Self {
            queued: queued.to_vec(),
            pointer: Pointer::decode(rest)?,
        })
    }
}

/// The numbers kept beside the deliveries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Numbers {
    /// The next sequence or lease number.
    next: u64,
    /// Deliveries by state word.
    pub(super) counts: BTreeMap<String, u64>,
    /// Rules that wait for a roster.
    pub(super) held: u64,
    /// Deliveries in queues, by lane word.
    #[serde(default)]
    pub(super) queued: BTreeMap<String, u64>,
}

impl Numbers {
    /// The numbers as they are kept; counted anew if the record was lost.
    pub(super) fn kept(draft: &Draft<'_>) -> Result<Self, StoreError> {
        match Self::stored(draft)? {
            Some(numbers) => Ok(numbers),
            None => Self::counted(draft),
        }
    }

    fn stored(draft: &Draft<'_>) -> Result<Option<Self>, StoreError> {
        Ok(draft.get(Table::Meta, NUMBERS)?.or_missing(Table::Meta, NUMBERS))
    }

    fn counted(draft: &Draft<'_>) -> Result<Self, StoreError> {
        let mut numbers = Self::default();
        for state in State::ALL {
            for entry in draft.scan(Table::ByState, [state_byte(state)])? {
                *numbers.counts.entry(state.word().to_owned()).or_default() += 1;
                numbers.next = numbers.next.max(sequence_of(&entry.0) + 1);
            }
        }
        numbers.held = draft.scan(Table::Held, "")?.len() as u64;
        for (key, _) in draft.scan(Table::Queue, "")? {
            let lane = Lane::ALL
                .into_iter()
                .find(|lane| key.get(HASH) == Some(&lane_byte(*lane)));
            numbers.queue(lane.unwrap_or_default(), 1);
            numbers.next = numbers.next.max(sequence_of(&key) + 1);
        }
        if numbers.next > 0 {
            // Leases drew from the same numbers and left no trace: skip more than can have been out.
            numbers.next += 1 << 32;
        }
        Ok(numbers)
    }

    /// Deliveries in this state.
    pub(super) fn count(&self, state: State) -> u64 {
        self.counts.get(state.word()).copied().unwrap_or(0)
    }

    /// Deliveries in the queues of this lane.
    pub(super) fn queued(&self, lane: Lane) -> u64 {
        self.queued.get(lane.word()).copied().unwrap_or(0)
    }

    fn queue(&mut self, lane: Lane, by: i64) {
        let count = self.queued.entry(lane.word().to_owned()).or_default();
        *count = count.saturating_add_signed(by);
    }

    /// What the bound of the outbox bounds: everything that is not at its end.
    pub(super) fn open(&self) -> u64 {
        self.count(State::Pending) + self.count(State::Sending) + self.held
    }

    fn moved(&mut self, from: Option<State>, to: Option<State>) {
        if let Some(from) = from {
            let count = self.counts.entry(from.word().to_owned()).or_default();
            *count = count.saturating_sub(1);
        }
        if let Some(to) = to {
            *self.counts.entry(to.word().to_owned()).or_default() += 1;
        }
    }
}

/// A draft together with the numbers and the runs; the one way to change deliveries.
pub(super) struct Ledger<'a, 'b> {
    pub(super) draft: &'a mut Draft<'b>,
    pub(super) numbers: Numbers,
    stored: Option<Numbers>,
    runs: BTreeMap<RunId, Option<Run>>,
}

impl<'a, 'b> Ledger<'a, 'b> {
    pub(super) fn open(draft: &'a mut Draft<'b>) -> Result<Self, StoreError> {
        let stored = Numbers::stored(draft)?;
        let numbers = match &stored {
            Some(numbers) => numbers.clone(),
            None => Numbers::counted(draft)?,
        };
        Ok(Self {
            draft,
            numbers,
            stored,
            runs: BTreeMap::new(),
        })
    }

    /// Writes the numbers and the runs back. A ledger that is not closed must not be committed.
    pub(super) fn close(self) -> Result<(), StoreError> {
        for (id, run) in self.runs {
            let Some(run) = run else { continue };
            if run.kept > 0 || !run.complete {
                self.draft.put(Table::Run, id.as_str(), &run)?;
                continue;
            }
            super::runs::forget(self.draft, &run)?;
        }
        if self.stored.as_ref() != Some(&self.numbers) {
            self.draft.put(Table::Meta, NUMBERS, &self.numbers)?;
        }
        Ok(())
    }

    /// A number never given before.
    pub(super) fn draw(&mut self) -> u64 {
        let number = self.numbers.next;
        self.numbers.next += 1;
        number
    }

    /// The delivery, if it is there and can be read.
    pub(super) fn owed(&self, id: &DeliveryId) -> Result<Read<Owed>, StoreError> {
        self.draft.get(Table::Delivery, id.as_str())
    }

    /// The run, to be changed; none if it is not known (deliveries of an older Herald have none).
    pub(super) fn run(&mut self, id: &RunId) -> Result<Option<&mut Run>, StoreError> {
        if !self.runs.contains_key(id) {
            let run = self.draft.get(Table::Run, id.as_str())?;
            let run = run.or_missing(Table::Run, id.as_str());
            self.runs.insert(id.clone(), run);
        }
        Ok(self.runs.get_mut(id).and_then(Option::as_mut))
    }

    /// A run that is not stored yet.
    pub(super) fn begin(&mut self, run: Run) {
        self.draft.mark(
            Table::RunByAge.key(timed(run.created_at, run.id.as_str().as_bytes())),
            Vec::new(),
        );
        self.runs.insert(run.id.clone(), Some(run));
    }

    /// Puts an open delivery at the end of the queue of its address and lane. It must be saved after it.
    pub(super) fn queue_up(&mut self, owed: &mut Owed) -> Result<(), StoreError> {
        owed.parked = false;
        owed.place = Some(self.draw());
        owed.head = self
            .draft
            .first_under(Table::Queue, &queue_of(&owed.delivery))?
            .is_none();
        Ok(())
    }

    /// Writes a delivery as it is now, given as it was, with its index entries, the counts, and its run. One that left
    /// its queue makes room for the next.
    pub(super) fn save(&mut self, before: Option<&Owed>, after: &mut Owed) -> Result<(), StoreError> {
        if after.delivery.state == State::Pending && after.delivery.batch.take().is_some() {
            after.delivery.terms.by_itself = true;
        }
        if after.parked || !after.delivery.state.is_open() {
            after.place = None;
            after.head = false;
        }
        self.write(before, after)?;
        let run = after.delivery.run();
        let at = after.ended_at.unwrap_or(after.delivery.created_at);
        let from = before.map(|owed| owed.delivery.state);
        if let Some(run) = self.run(&run)?
            && run.moved(from, Some(after.delivery.state), &after.delivery, at)
        {
            let id = run.id.clone();
            super::runs::mark_astray(self.draft, &id);
        }
        super::windows::follow(self.draft, before, after)?;
        match before {
            Some(before) if before.head && before.place != after.place => self.promote(&queue_of(&before.delivery)),
            Some(_) | None => Ok(()),
        }
    }

    /// Makes the first of a queue its head.
    fn promote(&mut self, queue: &[u8]) -> Result<(), StoreError> {
        while let Some((key, value)) = self.draft.first_under(Table::Queue, queue)? {
            let waiting = value.split_at_checked(8).and_then(|(number, rest)| {
                let sequence = u64::from_be_bytes(number.try_into().ok()?);
                Some((sequence, Pointer::decode(rest)?))
            });
            let Some((sequence, pointer)) = waiting else {
                self.draft.unmark(Table::Queue.key(key));
                continue;
            };
            if let Read::Found(before) = self.owed(&pointer.id)? {
                if !before.head {
                    let after = Owed {
                        head: true,
                        ..before.clone()
                    };
                    self.write(Some(&before), &after)?;
                }
                return Ok(());
            }
            error!(delivery = %pointer.id, "a waiting delivery cannot be read and was set aside");
            self.forget_entries(sequence, &pointer);
            self.unqueue(&key)?;
            self.draft.set_aside(Table::Delivery, pointer.id.as_str())?;
        }
        Ok(())
    }

    fn write(&mut self, before: Option<&Owed>, after: &Owed) -> Result<(), StoreError> {
        let old = before.map(Owed::entries).unwrap_or_default();
        let new = after.entries();
        for (key, _) in &old {
            if !new.iter().any(|(kept, _)| kept == key) {
                self.draft.unmark(key.clone());
            }
        }
        for entry in new {
            if !old.contains(&entry) {
                self.draft.mark(entry.0, entry.1);
            }
        }
        self.numbers
            .moved(before.map(|owed| owed.delivery.state), Some(after.delivery.state));
        for (owed, by) in [(before, -1), (Some(after), 1)] {
            if let Some(owed) = owed.filter(|owed| owed.place.is_some()) {
                self.numbers.queue(owed.delivery.terms.lane, by);
            }
        }
        self.draft.put(Table::Delivery, after.delivery.id.as_str(), after)
    }

    /// Removes a delivery with its index entries; its card goes with the last delivery that points to it, its run with
    /// the last of its deliveries.
    pub(super) fn erase(&mut self, owed: &Owed) -> Result<(), StoreError> {
        for (key, _) in owed.entries() {
            self.draft.unmark(key);
        }
        self.numbers.moved(Some(owed.delivery.state), None);
        self.draft.remove(Table::Delivery, owed.delivery.id.as_str())?;
        let run = owed.delivery.run();
        if let Some(run) = self.run(&run)? {
            run.moved(
                Some(owed.delivery.state),
                None,
                &owed.delivery,
                owed.delivery.created_at,
            );
        }
        for card in [&owed.delivery.card_id, &owed.becomes].into_iter().flatten() {
            self.use_card(card, -1)?;
        }
        super::threads::forget(self.draft, &owed.delivery)
    }

    /// Takes a delivery whose record cannot be decoded, found under `key` of the index of what ended, out of everything
    /// that the index knows of it.
    pub(super) fn set_aside_ended(&mut self, key: Vec<u8>, pointer: &Pointer) -> Result<(), StoreError> {
        let sequence = sequence_of(&key);
        self.draft.unmark(Table::Ended.key(key));
        self.forget_entries(sequence, pointer);
        self.draft.set_aside(Table::Delivery, pointer.id.as_str())
    }

    /// The same for one that is due; the next of its queue takes its place.
    pub(super) fn set_aside_due(&mut self, key: Vec<u8>, due: &DuePointer) -> Result<(), StoreError> {
        let sequence = sequence_of(&key);
        self.draft.unmark(Table::Due.key(key));
        self.forget_entries(sequence, &due.pointer);
        self.draft.set_aside(Table::Delivery, due.pointer.id.as_str())?;
        self.unqueue(&due.queued)?;
        self.promote(&due.queued[..HASH + 1])
    }

    fn forget_entries(&mut self, sequence: u64, pointer: &Pointer) {
        self.draft.unmark(age_key(pointer.created_at, sequence));
        self.draft
            .unmark(state_key(pointer.state, pointer.created_at, sequence));
        self.numbers.moved(Some(pointer.state), None);
    }

    fn unqueue(&mut self, queued: &[u8]) -> Result<(), StoreError> {
        let lane = Lane::ALL
            .into_iter()
            .find(|lane| queued.get(HASH) == Some(&lane_byte(*lane)));
        self.numbers.queue(lane.unwrap_or_default(), -1);
        self.draft.unmark(Table::Queue.key(queued));
        Ok(())
    }

    /// How many deliveries point to a card.
    pub(super) fn card_uses(&self, card: &CardId) -> Result<u64, StoreError> {
        let uses = self.draft.get(Table::CardUse, card.as_str())?;
        Ok(uses.or_missing(Table::CardUse, card.as_str()).unwrap_or(0))
    }

    /// Counts deliveries that point to a card; without any left the card goes.
    pub(super) fn use_card(&mut self, card: &CardId, by: i64) -> Result<(), StoreError> {
        let uses = self.card_uses(card)?.saturating_add_signed(by);
        if uses == 0 {
            self.draft.remove(Table::CardUse, card.as_str())?;
            self.draft.remove(Table::Card, card.as_str())?;
            return Ok(());
        }
        self.draft.put(Table::CardUse, card.as_str(), &uses)
    }
}

/// Puts every open delivery into the queue of its address: the step from format 2 to 3.
pub(super) fn queue_by_address(draft: &mut Draft<'_>) -> Result<(), StoreError> {
    let mut open = Vec::new();
    for state in [State::Pending, State::Sending] {
        for entry in draft.walk_under(Table::ByState, vec![state_byte(state)]) {
            let (key, id) = entry?;
            open.push((sequence_of(&key), DeliveryId::known(String::from_utf8_lossy(&id))));
        }
    }
    open.sort();
    for entry in draft.walk(Table::OldDue, Bound::Unbounded, Bound::Unbounded) {
        draft.unmark(Table::OldDue.key(entry?.0));
    }
    let mut ledger = Ledger::open(draft)?;
    for (_, id) in open {
        let Read::Found(before) = ledger.owed(&id)? else {
            continue;
        };
        let mut after = before.clone();
        ledger.queue_up(&mut after)?;
        ledger.write(Some(&before), &after)?;
    }
    ledger.close()
}

/// Deliveries newest first, of this state or of all, older than `after` (creation and sequence).
///
/// Without a state nothing is missed and nothing comes twice while deliveries move on; with one, a delivery that
/// moves into the state meanwhile may be missed.
pub(super) fn newest_first(
    draft: &Draft<'_>,
    state: Option<State>,
    after: Option<(DateTime<Utc>, u64)>,
) -> impl Iterator<Item = Result<DeliveryId, StoreError>> + use<> {
    let older_than = after.map(|(created_at, sequence)| timed(created_at, &sequence.to_be_bytes()));
    let walk = match state {
        None => {
            let end = older_than.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            draft.walk(Table::ByAge, Bound::Unbounded, end)
        }
        Some(state) => {
            let first = [state_byte(state)];
            let end = match older_than {
                Some(older_than) => [first.as_slice(), &older_than].concat(),
                None => vec![state_byte(state) + 1],
            };
            draft.walk(Table::ByState, Bound::Included(&first), Bound::Excluded(&end))
        }
    };
    walk.rev()
        .map(|entry| Ok(DeliveryId::known(String::from_utf8_lossy(&entry?.1))))
}

/// Lists by age what is listed by state: the step from format 1 to 2.
pub(super) fn list_by_age(draft: &mut Draft<'_>) -> Result<(), StoreError> {
    let by_state = draft.walk(Table::ByState, Bound::Unbounded, Bound::Unbounded);
    for entry in by_state {
        let (key, id) = entry?;
        // The state comes first; what is left is the key by age.
        if let Some((_, by_age)) = key.split_first() {
            draft.mark(Table::ByAge.key(by_age), id.to_vec());
        }
    }
    Ok(())
}

/// See [`crate::store::Outbox::ahead_of`].
pub(super) fn ahead_of(draft: &Draft<'_>, id: &DeliveryId) -> Result<Option<DeliveryId>, StoreError> {
    let owed: Read<Owed> = draft.get(Table::Delivery, id.as_str())?;
    let Some(owed) = owed.or_missing(Table::Delivery, id.as_str()) else {
        return Ok(None);
    };
    if owed.head || owed.place.is_none() {
        return Ok(None);
    }
    let first = draft.first_under(Table::Queue, &queue_of(&owed.delivery))?;
    let first = first.and_then(|(_, value)| Some(Pointer::decode(value.get(8..)?)?.id));
    Ok(first.filter(|first| first != id))
}

/// The deliveries of an event as they are on disk, in the order in which they came in.
pub(super) fn of_event(
    draft: &Draft<'_>,
    event: &EventId,
) -> impl Iterator<Item = Result<DeliveryId, StoreError>> + use<> {
    draft
        .walk_under(Table::ByEvent, term(event.as_str()))
        .map(|entry| Ok(DeliveryId::known(String::from_utf8_lossy(&entry?.1))))
}

/// The same, the last to come in first, of those before the one with the sequence number `before`.
pub(super) fn of_event_newest_first(
    draft: &Draft<'_>,
    event: &EventId,
    before: Option<u64>,
) -> impl Iterator<Item = Result<DeliveryId, StoreError>> + use<> {
    let first = term(event.as_str());
    let end = match before {
        Some(sequence) => [first.as_slice(), &sequence.to_be_bytes()].concat(),
        // A term ends with a zero byte.
        None => [event.as_str().replace('\0', " ").as_bytes(), &[1]].concat(),
    };
    draft
        .walk(Table::ByEvent, Bound::Included(&first), Bound::Excluded(&end))
        .rev()
        .map(|entry| Ok(DeliveryId::known(String::from_utf8_lossy(&entry?.1))))
}

/// Length of a [`sortable`] instant.
pub(super) const TIME: usize = 12;

/// An instant as bytes in the order of time, to the nanosecond.
pub(super) fn sortable(at: DateTime<Utc>) -> [u8; TIME] {
    let mut bytes = [0; TIME];
    // Flipping the sign bit puts the years before 1970 first.
    bytes[..8].copy_from_slice(&(at.timestamp() ^ i64::MIN).to_be_bytes());
    bytes[8..].copy_from_slice(&at.timestamp_subsec_nanos().to_be_bytes());
    bytes
}

/// The instant of the first bytes of an index key.
pub(super) fn instant(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let (seconds, rest) = bytes.split_first_chunk::<8>()?;
    let nanos = rest.first_chunk::<4>()?;
    DateTime::from_timestamp(i64::from_be_bytes(*seconds) ^ i64::MIN, u32::from_be_bytes(*nanos))
}

/// An instant followed by what makes the key unique.
pub(super) fn timed(at: DateTime<Utc>, rest: &[u8]) -> Vec<u8> {
    [sortable(at).as_slice(), rest].concat()
}

/// The first key after everything at `at` or before.
pub(super) fn just_after(at: DateTime<Utc>) -> [u8; TIME] {
    sortable(at.checked_add_signed(Duration::nanoseconds(1)).unwrap_or(at))
}

/// A text that ends: no other term begins with it.
pub(super) fn term(text: &str) -> Vec<u8> {
    let mut bytes = text.replace('\0', " ").into_bytes();
    bytes.push(0);
    bytes
}

/// Length of the hash of an address.
const HASH: usize = 16;

/// Length of a [`queue_key`]: hash of the address, lane, place.
const QUEUE_KEY: usize = HASH + 1 + 8;

/// What the keys of everything that goes to one address in one lane begin with. Hashed, so that no address is too long.
fn queue_of(delivery: &Delivery) -> Vec<u8> {
    let mut name = delivery.recipient.address.key();
    if let Some(until) = delivery.terms.held_until {
        // What waits for a morning keeps its order, and nothing else waits behind it.
        name.push_str(&format!("\0until {}", until.timestamp_millis()));
    }
    let address = Sha256::digest(name.as_bytes());
    let mut key = address[..HASH].to_vec();
    key.push(lane_byte(delivery.terms.lane));
    key
}

fn queue_key(delivery: &Delivery, place: u64) -> Vec<u8> {
    [queue_of(delivery), place.to_be_bytes().to_vec()].concat()
}

pub(super) fn lane_byte(lane: Lane) -> u8 {
    match lane {
        Lane::Critical => 1,
        Lane::Normal => 2,
        Lane::Bulk => 3,
    }
}

fn age_key(created_at: DateTime<Utc>, sequence: u64) -> Vec<u8> {
    Table::ByAge.key(timed(created_at, &sequence.to_be_bytes()))
}

fn state_key(state: State, created_at: DateTime<Utc>, sequence: u64) -> Vec<u8> {
    let by_age = timed(created_at, &sequence.to_be_bytes());
    Table::ByState.key([[state_byte(state)].as_slice(), &by_age].concat())
}

fn sequence_of(key: &[u8]) -> u64 {
    key.last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn state_byte(state: State) -> u8 {
    match state {
        State::Pending => 1,
        State::Sending => 2,
        State::Delivered => 3,
        State::Dead => 4,
        State::Cancelled => 5,
        State::Recalled => 6,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn instants_sort_as_bytes_in_the_order_of_time() {
        let mut instants = vec![
            Utc.with_ymd_and_hms(1969, 12, 31, 23, 59, 59).unwrap(),
            Utc.with_ymd_and_hms(1970, 1, 1, 0, 0, 0).unwrap(),
            Utc.with_ymd_and_hms(2026, 3, 2, 8, 14, 5).unwrap(),
            Utc.with_ymd_and_hms(2026, 3, 2, 8, 14, 5).unwrap() + Duration::nanoseconds(1),
            Utc.with_ymd_and_hms(2106, 2, 7, 6, 28, 16).unwrap(),
        ];
        instants.reverse();
        instants.sort_by_key(|at| sortable(*at));
        assert!(instants.is_sorted());
        for at in instants {
            assert_eq!(instant(&sortable(at)), Some(at));
        }
    }
}
