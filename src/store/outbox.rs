//! What we owe: insert if new, lease, settle.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Convoys, StoreError};
use crate::card::Card;
use crate::delivery::{Attempt, CardId, Delivery, DeliveryId, Operation, RunId, State, ThreadId, Verdict, WindowId};
use crate::event::{Event, EventId};
use crate::gathering::{Gathering, Item};
use crate::lane::PerLane;
use crate::limit::{Change, Window};
use crate::matter::{self, Matter, MatterId};
use crate::run::{Order, Run};
use crate::timer::{Timer, TimerId};

pub use crate::record::{EventRecord, RuleRecord};

/// The outbox: every card owed, with its state, and every event taken in.
#[async_trait]
pub trait Outbox: Convoys + Send + Sync {
    /// Takes everything a decided event brings, all or nothing, and returns once it is on disk.
    ///
    /// Deliveries and cards whose id is known already are left as they are, so repeating a batch is harmless. The
    /// event's record is written the first time; a later batch for the same event (a held rule that went on) adds its
    /// rules to the record.
    ///
    /// The windows of limits change with it, in the same write. What a delivery that is known already does to a window
    /// was done when it came in, and a rule that waits for a roster holds the same card back once, however often it
    /// comes by.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] if a window or a matter is not what the batch was decided on, or the rule whose limit it is was
    /// decided for this event meanwhile: look again and decide again. [`StoreError::Full`] if the open deliveries would pass the bound; [`StoreError::Unavailable`] if the backend
    /// cannot write. Nothing is taken then.
    async fn enqueue(&self, batch: Batch) -> Result<Receipt, StoreError>;

    /// Takes several batches one after the other. A store that can takes all of them or none; another takes those before
    /// the first that fails, which does no harm when they are brought again.
    ///
    /// # Errors
    /// Those of [`Outbox::enqueue`], for the first batch that fails.
    async fn enqueue_all(&self, batches: Vec<Batch>) -> Result<Vec<Receipt>, StoreError> {
        let mut receipts = Vec::with_capacity(batches.len());
        for batch in batches {
            receipts.push(self.enqueue(batch).await?);
        }
        Ok(receipts)
    }

    /// Leases deliveries due at `now`, in each lane as many as it has `room` for, those due longest first, and marks
    /// them `sending`.
    ///
    /// Of those that go to one address in one lane only the first to come in is ever due; the others follow when it is
    /// at its end, however often it is tried again. So order is kept, over restarts as well.
    ///
    /// A delivery that is not settled within `lease` becomes due again and may be claimed again: a message can be
    /// sent twice, never lost. One whose run does not let it go steps aside, one whose time is over is cancelled. An
    /// empty result means that nothing may be sent now, or that many stepped aside: [`Outbox::next_due`] tells.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be used; nothing is leased then. A record that cannot be
    /// decoded is set aside and listed in [`Claims::corrupt`]; it never blocks the others.
    async fn claim(&self, room: PerLane<usize>, now: DateTime<Utc>, lease: Duration) -> Result<Claims, StoreError>;

    /// Records an attempt and moves the delivery on as its verdict says; returns once it is on disk.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the delivery is not `sending` under this claim any more (cancelled, or claimed by
    /// somebody else); the attempt is not recorded then.
    async fn settle(&self, claim: &Claim, attempt: Attempt) -> Result<(), StoreError>;

    /// Gives a claimed delivery back unsent, to be due at `at`; no attempt is counted. Our own shutdown and a pace
    /// that says "later" do this.
    ///
    /// # Errors
    /// As [`Outbox::settle`].
    async fn release(&self, claim: &Claim, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// The earliest instant at which [`Outbox::claim`] or [`Outbox::due_held`] would find something.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// How much waits in each lane, kept up to date, not counted by a scan.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn lanes(&self) -> Result<PerLane<LaneState>, StoreError>;

    /// A run.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or [`StoreError::Corrupt`] if the record cannot be decoded.
    async fn run(&self, id: &RunId) -> Result<Option<Run>, StoreError>;

    /// Up to `limit` runs, newest first, that `filter` lets through, after the run `after`. Looks at so many runs as
    /// [`RUNS_LOOKED_AT`] says at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. A record that cannot be decoded is left out.
    async fn runs(&self, filter: &RunFilter, after: Option<&RunId>, limit: usize) -> Result<Vec<Run>, StoreError>;

    /// Does what somebody wants of a run. What it means for each of its deliveries is done by [`Outbox::tend`]; none
    /// is claimed meanwhile that the run does not let go. `card` is the one that a recall puts in place of the others.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn order(
        &self,
        id: &RunId,
        order: Order,
        card: Option<&Card>,
        now: DateTime<Utc>,
    ) -> Result<Ordered, StoreError>;

    /// Brings some deliveries in line with their runs: those of a run that goes on are due again, those of one that
    /// was cancelled are cancelled, those of one that was recalled are to be taken back. A bounded step; true if there
    /// may be more. What a crash cuts short goes on with the next call.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn tend(&self, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Cancels runs older than `before` that wait for an approval or are paused, and says which: a bounded step.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn give_up_waiting(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<RunId>, StoreError>;

    /// A stored card.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or [`StoreError::Corrupt`] if the record cannot be decoded.
    async fn card(&self, id: &CardId) -> Result<Option<Card>, StoreError>;

    /// Up to `limit` deliveries, newest first, that `filter` lets through, after the delivery `after`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn list(
        &self,
        filter: &Filter,
        after: Option<&DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// One delivery.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or [`StoreError::Corrupt`] if the record cannot be decoded.
    async fn get(&self, id: &DeliveryId) -> Result<Option<Delivery>, StoreError>;

    /// The delivery that a waiting one waits behind: the first of those that go to the same address in the same lane.
    /// `None` if it is the first itself, if it is at its end, or if its run does not let it go for now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn ahead_of(&self, id: &DeliveryId) -> Result<Option<DeliveryId>, StoreError>;

    /// Makes a dead or cancelled delivery pending again, due at `now`. A pending one becomes due at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn retry(&self, id: &DeliveryId, now: DateTime<Utc>) -> Result<Moved, StoreError>;

    /// Cancels a delivery that is pending or sending. One that is being sent at this moment may still arrive.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn cancel(&self, id: &DeliveryId, reason: &str, now: DateTime<Utc>) -> Result<Moved, StoreError>;

    /// Has a delivered message become `card`, or vanish if there is none; what comes of it is settled like an attempt to
    /// send. Only a message that Teams gave an id can be meant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn amend(&self, id: &DeliveryId, card: Option<&Card>, now: DateTime<Utc>) -> Result<Moved, StoreError>;

    /// How many deliveries are in each state, kept up to date, not counted by a scan.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn counts(&self) -> Result<BTreeMap<&'static str, u64>, StoreError>;

    /// The windows of limits that exist under these ids. One that cannot be decoded counts as missing: rather a card
    /// too many than one that is lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn windows(&self, ids: &[WindowId]) -> Result<BTreeMap<WindowId, Window>, StoreError>;

    /// What is gathered under these keys until it is told. One that cannot be decoded counts as missing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn gatherings(&self, ids: &[WindowId]) -> Result<BTreeMap<WindowId, Gathering>, StoreError>;

    /// Up to `limit` gatherings, those due first at the beginning: of this rule, and for a recipient whose name or address
    /// contains this text in small letters, where these are given. Looks at so many timers as [`TIMERS_LOOKED_AT`] says at
    /// most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. One that cannot be decoded is left out.
    async fn gatherings_to_come(
        &self,
        rule: Option<&str>,
        recipient: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Gathering>, StoreError>;

    /// The things that are kept of a gathering, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. One that cannot be decoded is left out.
    async fn gathered(&self, id: &WindowId) -> Result<Vec<Item>, StoreError>;

    /// What a rule has going on under this id, or had.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. A record that cannot be decoded counts as missing: it
    /// is begun anew.
    async fn matter(&self, id: &MatterId) -> Result<Option<Matter>, StoreError>;

    /// Up to `limit` matters, the last to change first, that `filter` lets through, after the matter `after`. Looks at so
    /// many as [`MATTERS_LOOKED_AT`] says at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. A record that cannot be decoded is left out.
    async fn matters(
        &self,
        filter: &MatterFilter,
        after: Option<&MatterId>,
        limit: usize,
    ) -> Result<Vec<Matter>, StoreError>;

    /// Up to `limit` timers due at `now`, those due longest first. They stay until a batch or [`Outbox::stop_timer`] stops
    /// them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. One that cannot be decoded is set aside.
    async fn due_timers(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<Timer>, StoreError>;

    /// When the next timer is due.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn next_timer(&self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Has a timer come up at `at`, if it is still set; returns once that is on disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn put_off_timer(&self, id: &TimerId, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Removes a timer; returns once that is on disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn stop_timer(&self, id: &TimerId) -> Result<(), StoreError>;

    /// The message that begins the thread that a rule keeps, once one was sent.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. A record that cannot be decoded counts as missing: a
    /// thread is begun anew.
    async fn thread(&self, id: &ThreadId) -> Result<Option<String>, StoreError>;

    /// What was decided about an event.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or [`StoreError::Corrupt`] if the record cannot be decoded.
    async fn event(&self, id: &EventId) -> Result<Option<EventRecord>, StoreError>;

    /// Up to `limit` events, newest first, after the event `after`; only those that `rule` waited for, if it is given.
    ///
    /// Looks at so many events as [`EVENTS_LOOKED_AT`] says at most, so a rule that seldom gets any may have older ones.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. A record that cannot be decoded is left out.
    async fn events(
        &self,
        rule: Option<&str>,
        after: Option<&EventId>,
        limit: usize,
    ) -> Result<Vec<EventRecord>, StoreError>;

    /// The rules that wait for a roster before they go on with this event.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. A record that cannot be decoded is left out.
    async fn held_of(&self, event: &EventId) -> Result<Vec<Held>, StoreError>;

    /// Up to `limit` held rules due at `now`. They stay until [`Outbox::unhold`] or a new hold with a later time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn due_held(&self, limit: usize, now: DateTime<Utc>) -> Result<Vec<Held>, StoreError>;

    /// Writes a held rule (again), with its new time and attempt count.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn hold(&self, held: &Held) -> Result<(), StoreError>;

    /// Removes a held rule: it went on, or was given up (its dead delivery says why).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn unhold(&self, event: &EventId, rule: &str) -> Result<(), StoreError>;

    /// A small durable note under `key`: the last firing of a schedule, the fingerprints of watched files.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn note(&self, key: &str) -> Result<Option<Value>, StoreError>;

    /// Writes or, with `None`, removes a note; returns once it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn set_note(&self, key: &str, value: Option<&Value>) -> Result<(), StoreError>;

    /// Removes what ended before `before`: settled deliveries, events without open deliveries, cards nobody points
    /// to, windows of limits. Works in bounded steps and returns how many deliveries went; call again until it is 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn collect(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Removes the oldest events beyond the newest `kept` as far as nothing belongs to them, no delivery and no waiting
    /// rule; however many events come, what is kept of those that led to nothing is bounded. Works in bounded steps.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn trim(&self, kept: usize) -> Result<(), StoreError>;
}

/// How many events [`Outbox::events`] looks at when only those of one rule are wanted.
pub const EVENTS_LOOKED_AT: usize = 20_000;

/// How many runs [`Outbox::runs`] looks at.
pub const RUNS_LOOKED_AT: usize = 20_000;

/// How many timers [`Outbox::gatherings_to_come`] looks at.
pub const TIMERS_LOOKED_AT: usize = 50_000;

/// How many matters [`Outbox::matters`] looks at.
pub const MATTERS_LOOKED_AT: usize = 20_000;

/// Everything one decided event brings.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The event's record: what was decided, rule by rule.
    pub record: EventRecord,
    /// Cards owed, and dead ones for recipients that could not be reached. Each is new or known.
    pub deliveries: Vec<Delivery>,
    /// The cards they point to.
    pub cards: Vec<Card>,
    /// Rules that must wait for a roster before their recipients are known.
    pub held: Vec<Held>,
    /// What the deliveries, and the cards that are held back, do to the windows of limits.
    pub windows: Vec<Change>,
    /// The runs that the deliveries belong to, as they begin. Of one that is known already only how many it will have,
    /// and whether that is all, is taken over.
    pub runs: Vec<Run>,
    /// What becomes of the matters of rules.
    pub matters: Vec<matter::Change>,
    /// Timers that are set; one with the same id is replaced.
    pub timers: Vec<Timer>,
    /// Timers that have nothing to do any more; one that is set in the same batch is set.
    pub stopped: Vec<TimerId>,
    /// Cards in the place of others.
    pub amendments: Vec<Amendment>,
}

impl Batch {
    /// What is left of an event that leads to nothing: its record.
    pub fn of(record: EventRecord) -> Self {
        Self {
            record,
            deliveries: Vec::new(),
            cards: Vec::new(),
            held: Vec::new(),
            windows: Vec::new(),
            runs: Vec::new(),
            matters: Vec::new(),
            timers: Vec::new(),
            stopped: Vec::new(),
            amendments: Vec::new(),
        }
    }
}

/// A card in the place of the one that a delivery has: what is not sent yet is sent with it, what was delivered becomes
/// it, and what is being sent at this moment becomes it right after. Deliveries that ended otherwise, or that Teams gave no
/// id for, stay as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Amendment {
    /// The delivery.
    pub delivery: DeliveryId,
    /// What it becomes.
    pub card: Card,
}

/// Which matters to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MatterFilter {
    /// Only those that are not over.
    #[serde(default)]
    pub open: bool,
    /// Only of this rule.
    pub rule: Option<String>,
}

impl MatterFilter {
    /// Is this matter one of those?
    pub fn lets_through(&self, matter: &Matter) -> bool {
        (!self.open || matter.is_open()) && self.rule.as_ref().is_none_or(|rule| matter.rule == *rule)
    }
}

/// What [`Outbox::enqueue`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// The event had been taken before: nothing of this batch was news.
    pub repeat: bool,
    /// Deliveries that were new.
    pub new: Vec<DeliveryId>,
    /// Deliveries that were known already.
    pub known: Vec<DeliveryId>,
}

/// A leased delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The delivery, in state `sending`.
    pub delivery: Delivery,
    /// Names this lease; a later claim of the same delivery has another.
    pub lease: u64,
}

/// What [`Outbox::claim`] leased.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// Deliveries to send, oldest due first.
    pub claims: Vec<Claim>,
    /// Keys of records that could not be decoded, with what is wrong; they are set aside.
    pub corrupt: Vec<(String, String)>,
}

/// Which deliveries to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// Only in this state.
    pub state: Option<State>,
    /// Only of this rule.
    pub rule: Option<String>,
    /// Only of this event.
    pub event: Option<EventId>,
    /// Only to recipients whose name or address contains this text, whatever its case.
    pub recipient: Option<String>,
}

/// How much waits in a lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneState {
    /// Deliveries in its queues, under way or not.
    pub waiting: u64,
    /// Since when the one that is due longest has been due; in the future if none is.
    pub due_since: Option<DateTime<Utc>>,
}

/// Which runs to list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunFilter {
    /// Only those that are not over.
    #[serde(default)]
    pub open: bool,
    /// Only of this rule.
    pub rule: Option<String>,
    /// Only of this event.
    pub event: Option<EventId>,
}

impl RunFilter {
    /// Is this run one of those?
    pub fn lets_through(&self, run: &Run) -> bool {
        (!self.open || !run.is_over())
            && self.rule.as_ref().is_none_or(|rule| run.rule == *rule)
            && self.event.as_ref().is_none_or(|event| run.event_id == *event)
    }
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Ordered {
    /// Done; the run as it is now.
    Done(Box<Run>),
    /// There is no such run.
    Unknown,
    /// Not possible, and why.
    Refused(String),
}

/// What came of moving a delivery by hand.
#[derive(Debug, Clone, PartialEq)]
pub enum Moved {
    /// Done; the delivery as it is now.
    Done(Box<Delivery>),
    /// There is no such delivery.
    Unknown,
    /// Its state does not allow it.
    NotFrom(State),
}

/// A rule that waits for a roster before it can say who is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The whole event: it is decided again when the roster is there.
    pub event: Event,
    /// The rule.
    pub rule: String,
    /// The teams and group chats whose members are needed.
    pub rosters: Vec<String>,
    /// When to try (again).
    pub due_at: DateTime<Utc>,
    /// Failed tries so far.
    pub attempts: u32,
    /// Why the last try failed.
    pub reason: Option<String>,
    /// The windows of the rule's limit that counted this event already, when some recipients were known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<WindowId>,
    /// It waits for nothing but its turn: its recipients are many, and are taken in some at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan_out: Option<FanOut>,
    /// When it was decided that it is held; of recipients that are many, when the first of them were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
}

/// How far a rule with many recipients has been taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FanOut {
    /// How many recipients have been taken in.
    pub done: usize,
    /// Names the recipients in their order: with others, all are looked at again, and those who are taken in already
    /// are passed over.
    pub audience: String,
    /// What the rule was made of when the first were taken in: the others get the same, whatever was edited since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// The outcome of a verdict on a delivery: the one place where states change after an attempt. Pure; every backend
/// calls it.
pub fn apply(delivery: &mut Delivery, attempt: Attempt) {
    match (&attempt.verdict, delivery.operation) {
        (
            Verdict::Delivered {
                activity_id,
                conversation_id,
                thread_root,
                note: _,
            },
            Operation::Send,
        ) => {
            delivery.state = State::Delivered;
            delivery.activity_id = activity_id.clone();
            delivery.conversation_id = Some(conversation_id.clone());
            delivery.thread_root.clone_from(thread_root);
            delivery.reason = None;
        }
        (
            Verdict::Delivered {
                activity_id,
                conversation_id,
                thread_root,
                note,
            },
            Operation::Update,
        ) => {
            delivery.state = State::Delivered;
            // The message was gone, and what it should have become is a new one.
            if note.is_some() {
                delivery.activity_id.clone_from(activity_id);
                delivery.conversation_id = Some(conversation_id.clone());
                delivery.thread_root.clone_from(thread_root);
            }
            delivery.reason = None;
        }
        (Verdict::Delivered { .. }, Operation::Delete) => {
            delivery.state = State::Recalled;
            delivery.reason = None;
        }
        (Verdict::RetryAt { at, reason }, _) => {
            delivery.state = State::Pending;
            delivery.next_attempt_at = *at;
            delivery.reason = Some(reason.clone());
        }
        (Verdict::Dead { reason }, Operation::Send) => {
            delivery.state = State::Dead;
            delivery.reason = Some(reason.clone());
        }
        // The message is where it was.
        (Verdict::Dead { reason }, Operation::Update) => {
            delivery.state = State::Delivered;
            delivery.reason = Some(format!("it could not be corrected: {reason}"));
        }
        (Verdict::Dead { reason }, Operation::Delete) => {
            delivery.state = State::Delivered;
            delivery.reason = Some(format!("it could not be taken back: {reason}"));
        }
    }
    delivery.attempt_count += 1;
    delivery.attempts.push(attempt);
    if delivery.attempts.len() > Delivery::ATTEMPTS_KEPT {
        delivery.attempts.remove(0);
    }
}
