//! Batches: one request to Teams for many people who get the same card. Who may go together, and when. Pure.
//!
//! Teams takes a list of people and one message, works through it by itself, and is asked later how far it has come. It
//! tells no ids of the messages, so nothing goes this way that is changed or answered later.

use std::collections::{BTreeSet, HashMap, VecDeque};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::{Address, CardId, Delivery, DeliveryId, RunId};
use crate::roster::ConversationId;
use crate::run::Run;

/// How long a group waits for more after the last one came.
const QUIET: Duration = Duration::seconds(1);
/// How long the first of a group waits for it to grow; much less than a claim lasts.
const PATIENCE: Duration = Duration::seconds(20);
/// A run with more cards than this says something of its own to each.
const MOST_CARDS: usize = 8;
/// How many deliveries wait for others at most.
const MOST_WAITING: usize = 20_000;
/// How many runs are remembered at once.
const MOST_RUNS: usize = 1_000;

/// From how many on, and how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Only where more people than this get the same card in one run.
    pub above: u64,
    /// How many people one request names at most.
    pub size: usize,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            above: 500,
            size: 1_000,
        }
    }
}

/// What those have in common who go together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    /// Their run.
    pub run: RunId,
    /// Their card: the same to the last byte.
    pub card: CardId,
    /// Their tenant.
    pub tenant_id: String,
    /// Where Teams is called for them.
    pub service_url: String,
}

/// A batch that Teams works on: what has to be known to go on with it after a crash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Convoy {
    /// What Teams calls it (`operationId`).
    pub id: String,
    /// The run.
    pub run: RunId,
    /// Whose rate it uses.
    pub tenant_id: String,
    /// Where Teams is called for it.
    pub service_url: String,
    /// When the request left.
    pub begun_at: DateTime<Utc>,
    /// When Teams may be asked how far it is.
    pub look_at: DateTime<Utc>,
    /// How often Teams did not know it when it was asked.
    #[serde(default)]
    pub unknown: u32,
    /// Teams was asked to stop it, and answered.
    #[serde(default)]
    pub cancelled: bool,
    /// When Teams was last asked to stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_asked_at: Option<DateTime<Utc>>,
    /// Who is in it.
    pub passengers: Vec<Passenger>,
}

/// One delivery in a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passenger {
    /// Which.
    pub delivery: DeliveryId,
    /// The claim under which it is being sent.
    pub lease: u64,
    /// How Teams was told who it is.
    pub member: String,
    /// Their personal chat.
    pub conversation: ConversationId,
}

/// Why a delivery goes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alone {
    /// Its message is changed or answered later.
    IdWanted,
    /// It belongs into a thread.
    InThread,
    /// It is one of those on whom the run is tried.
    First,
    /// It was in a batch already, which did not bring it.
    Again,
    /// Their personal chat is not known.
    ChatUnknown,
    /// Teams refused messages there before.
    Refused,
    /// Each of the run gets a card of their own.
    OwnCards,
    /// There are too few with the same card.
    Few {
        /// How many there must be more than.
        above: u64,
    },
    /// So many wait already.
    Crowded,
    /// Teams does not take batches.
    NotTaken {
        /// What it said.
        reason: String,
    },
}

impl Alone {
    /// Why, in a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Alone::IdWanted => {
                "cards of this rule change or are answered later (`track`, `then`), for which the id of the message \
                                is needed"
                    .to_owned()
            }
            Alone::InThread => "it belongs into a thread".to_owned(),
            Alone::First => "the run is tried on some people first".to_owned(),
            Alone::Again => "what did not arrive in a batch is sent again by itself".to_owned(),
            Alone::ChatUnknown => {
                "the personal chat with the person is not known yet, and a batch only reaches people who have the app"
                    .to_owned()
            }
            Alone::Refused => "Teams refused messages to the person before".to_owned(),
            Alone::OwnCards => format!(
                "its cards differ from person to person (names, languages, footers): there are more than {MOST_CARDS}"
            ),
            Alone::Few { above } => format!("no more than {above} people get the same card (`send.batch.above`)"),
            Alone::Crowded => format!("more than {MOST_WAITING} cards waited to go together"),
            Alone::NotTaken { reason } => format!("Teams did not take a batch: {reason}"),
        }
    }
}

/// Whether batches have anything to do with this delivery at all: cards to single people, of a run to many.
pub fn concerns(delivery: &Delivery, run: &Run, batching: Batching) -> bool {
    delivery.operation.is_send()
        && matches!(delivery.recipient.address, Address::Person { .. })
        && run.expected > batching.above
}

/// Why this delivery goes by itself whatever the others do; `None` if it may go with others.
pub fn alone(delivery: &Delivery) -> Option<Alone> {
    if delivery.terms.id_wanted {
        return Some(Alone::IdWanted);
    }
    if delivery.terms.thread.is_some() {
        return Some(Alone::InThread);
    }
    if delivery.terms.first {
        return Some(Alone::First);
    }
    delivery.terms.by_itself.then_some(Alone::Again)
}

/// Deliveries that wait for others of their kind. `T` is whatever stands for one.
#[derive(Debug)]
pub struct Assembly<T> {
    batching: Batching,
    groups: HashMap<Line, Group<T>>,
    runs: HashMap<RunId, Seen>,
    /// The runs in the order in which they came.
    order: VecDeque<RunId>,
}

#[derive(Debug)]
struct Group<T> {
    waiting: Vec<T>,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

/// What is known of a run.
#[derive(Debug, Default)]
struct Seen {
    /// How many deliveries came by.
    count: u64,
    /// How many of it are to be sent, as far as that was known last.
    open: u64,
    /// All of its deliveries are stored.
    complete: bool,
    cards: BTreeSet<String>,
    /// Cards of which a batch went out: the rest of them follows, however few they are.
    gone: BTreeSet<String>,
}

/// What goes out now.
#[derive(Debug, PartialEq)]
pub struct Departures<T> {
    /// One request for each.
    pub together: Vec<(Line, Vec<T>)>,
    /// Those that go by themselves, and why.
    pub alone: Vec<(RunId, T, Alone)>,
}

impl<T> Default for Departures<T> {
    fn default() -> Self {
        Self {
            together: Vec::new(),
            alone: Vec::new(),
        }
    }
}

impl<T> Assembly<T> {
    /// Nobody waits yet.
    pub fn new(batching: Batching) -> Self {
        Self {
            batching: Batching {
                size: batching.size.max(1),
                ..batching
            },
            groups: HashMap::new(),
            runs: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// A delivery of `run` goes by itself: the others need not wait for it.
    pub fn passes(&mut self, run: &Run) {
        self.seen(run);
    }

    /// Takes one that may go with others.
    pub fn put(&mut self, line: Line, run: &Run, item: T, now: DateTime<Utc>) -> Departures<T> {
        let mut departures = Departures::default();
        let waiting: usize = self.groups.values().map(|group| group.waiting.len()).sum();
        let seen = self.seen(run);
        seen.cards.insert(line.card.as_str().to_owned());
        if seen.cards.len() > MOST_CARDS {
            // One more is enough to know it.
            while seen.cards.len() > MOST_CARDS + 1 {
                seen.cards.pop_last();
            }
            self.dissolve(&line.run, &mut departures);
            departures.alone.push((line.run, item, Alone::OwnCards));
            return departures;
        }
        if waiting >= MOST_WAITING {
            departures.alone.push((line.run, item, Alone::Crowded));
            return departures;
        }
        let size = self.batching.size;
        let group = self.groups.entry(line.clone()).or_insert_with(|| Group {
            waiting: Vec::new(),
            first_at: now,
            last_at: now,
        });
        group.waiting.push(item);
        group.last_at = now;
        let above = usize::try_from(self.batching.above).unwrap_or(usize::MAX);
        let gone = self
            .runs
            .get(&line.run)
            .is_some_and(|seen| seen.gone.contains(line.card.as_str()));
        if group.waiting.len() >= size && (gone || group.waiting.len() > above) {
            let waiting = std::mem::take(&mut group.waiting);
            self.groups.remove(&line);
            self.leave(line, waiting, &mut departures);
        }
        departures
    }

    /// Those whose time has come.
    pub fn ready(&mut self, now: DateTime<Utc>) -> Departures<T> {
        let mut departures = Departures::default();
        let quiet = self
            .groups
            .iter()
            .filter(|(_, group)| is_over(group.last_at, QUIET, now));
        let lines: Vec<Line> = quiet.map(|(line, _)| line.clone()).collect();
        for line in lines {
            let (Some(group), Some(seen)) = (self.groups.get(&line), self.runs.get(&line.run)) else {
                continue;
            };
            let enough = group.waiting.len() as u64 > self.batching.above || seen.gone.contains(line.card.as_str());
            let everybody = seen.complete && seen.count >= seen.open;
            if !enough && !everybody && !is_over(group.first_at, PATIENCE, now) {
                continue;
            }
            let Some(group) = self.groups.remove(&line) else {
                continue;
            };
            if !enough {
                let above = self.batching.above;
                let alone = group.waiting.into_iter();
                departures
                    .alone
                    .extend(alone.map(|item| (line.run.clone(), item, Alone::Few { above })));
                continue;
            }
            self.leave(line, group.waiting, &mut departures);
        }
        departures
    }

    /// When to look again.
    pub fn look_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let look_at = |group: &Group<T>| match is_over(group.last_at, QUIET, now) {
            true => (group.first_at + PATIENCE).min(now + QUIET),
            false => group.last_at + QUIET,
        };
        self.groups.values().map(look_at).min()
    }

    /// Everybody who waits.
    pub fn clear(&mut self) -> Vec<T> {
        self.groups.drain().flat_map(|(_, group)| group.waiting).collect()
    }

    /// Has a group leave, in as many requests as it needs: a bound above the size lets one grow past it.
    fn leave(&mut self, line: Line, mut waiting: Vec<T>, departures: &mut Departures<T>) {
        if let Some(seen) = self.runs.get_mut(&line.run) {
            seen.gone.insert(line.card.as_str().to_owned());
        }
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(self.batching.size));
            departures.together.push((line.clone(), waiting));
            waiting = rest;
        }
    }

    fn dissolve(&mut self, run: &RunId, departures: &mut Departures<T>) {
        let lines: Vec<Line> = self.groups.keys().filter(|line| line.run == *run).cloned().collect();
        for line in lines {
            let waiting = self.groups.remove(&line).map(|group| group.waiting).unwrap_or_default();
            departures
                .alone
                .extend(waiting.into_iter().map(|item| (run.clone(), item, Alone::OwnCards)));
        }
    }

    fn seen(&mut self, run: &Run) -> &mut Seen {
        if !self.runs.contains_key(&run.id) {
            if self.order.len() >= MOST_RUNS
                && let Some(place) = self.order.iter().position(|id| !self.waits(id))
                && let Some(oldest) = self.order.remove(place)
            {
                self.runs.remove(&oldest);
            }
            self.order.push_back(run.id.clone());
        }
        let seen = self.runs.entry(run.id.clone()).or_default();
        seen.count += 1;
        seen.open = run.tally.open;
        seen.complete = run.complete;
        seen
    }

    fn waits(&self, run: &RunId) -> bool {
        self.groups.keys().any(|line| line.run == *run)
    }
}

/// That long ago, or in the future: the clock was put back.
fn is_over(since: DateTime<Utc>, length: Duration, now: DateTime<Utc>) -> bool {
    now - since >= length || since - now > length
}

#[cfg(test)]
mod tests;
