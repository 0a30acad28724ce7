//! Runs: what one rule owes because of one event, to however many; what may go out now, and what stops it.
//!
//! ```text
//!  awaiting approval --approve--> trying --the first arrived--> running
//!                                   |  |                        |   ^
//!                                   |  +--they failed--> paused +   | resume
//!                                   +-------resume-----> running    |
//!  running --pause, or too many fail--> paused ---------------------+
//!  any --cancel--> cancelled
//! ```
//!
//! A recall may come at any time: it takes back, or puts another card in the place of, what was delivered.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::{CardId, Delivery, Operation, RunId, State};
use crate::event::EventId;
use crate::lane::Lane;

/// A share of failures says little before so many have been tried.
pub const ENOUGH: u64 = 20;

/// All deliveries of one rule because of one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Which run.
    pub id: RunId,
    /// The event that caused it.
    pub event_id: EventId,
    /// The rule that asked for it.
    pub rule: String,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
    /// What its cards may overtake.
    #[serde(default)]
    pub lane: Lane,
    /// How many recipients there are in all, as far as they are known.
    pub expected: u64,
    /// All of them have been taken in.
    pub complete: bool,
    /// How many of its deliveries are where.
    #[serde(default)]
    pub tally: Tally,
    /// How many of its deliveries are still stored.
    #[serde(default)]
    pub kept: u64,
    /// Whether its cards go out.
    pub phase: Phase,
    /// More than this share of failures, in percent, pauses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_above_percent: Option<u8>,
    /// Those who get it before the others.
    #[serde(default)]
    pub first: First,
    /// Its deliveries are still to be brought in line with what somebody ordered.
    #[serde(default)]
    pub astray: bool,
    /// What was delivered is taken back, or corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<Recall>,
    /// From then on its cards are not worth sending any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When the first of its deliveries ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ended_at: Option<DateTime<Utc>>,
    /// When the last one so far ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ended_at: Option<DateTime<Utc>>,
    /// How far its cards went out in batches; nothing where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<Together>,
}

/// How the cards of a run went out where batches are on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Together {
    /// How many requests were made for many people each.
    pub batches: u64,
    /// How many deliveries were in them.
    pub deliveries: u64,
    /// Why others were sent one by one, in sentences; each kind of reason once.
    pub alone: Vec<String>,
}

impl Together {
    /// How many reasons are kept.
    pub const MOST_REASONS: usize = 12;

    /// Some are sent one by one for this reason. False if that is known already, or if there are too many reasons.
    pub fn note_alone(&mut self, reason: &str) -> bool {
        let is_new = self.alone.len() < Self::MOST_REASONS && !self.alone.iter().any(|known| known == reason);
        if is_new {
            self.alone.push(reason.to_owned());
        }
        is_new
    }
}

/// How many deliveries of a run are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Not at their end yet.
    pub open: u64,
    /// Teams has them.
    pub delivered: u64,
    /// Given up.
    pub dead: u64,
    /// Stopped before they were sent.
    pub cancelled: u64,
    /// Taken back.
    pub recalled: u64,
    /// Nobody could be found for them, so nothing was tried.
    pub unreachable: u64,
}

/// Those on whom a run is tried before the others get theirs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct First {
    /// How many there are.
    pub count: u64,
    /// Teams has theirs.
    pub delivered: u64,
    /// Theirs failed.
    pub failed: u64,
}

/// Whether the cards of a run go out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// They do.
    Running,
    /// Those of the first do; the others wait until these have arrived.
    Trying,
    /// They wait for somebody's yes.
    AwaitingApproval,
    /// They wait until somebody lets them go on.
    Paused {
        /// Since when.
        since: DateTime<Utc>,
        /// Why, in a sentence.
        reason: String,
    },
    /// What has not gone out will not.
    Cancelled {
        /// Since when.
        since: DateTime<Utc>,
        /// Why, in a sentence.
        reason: String,
    },
}

impl Phase {
    /// The word used in lists and the API.
    pub fn word(&self) -> &'static str {
        match self {
            Phase::Running => "running",
            Phase::Trying => "trying",
            Phase::AwaitingApproval => "awaiting approval",
            Phase::Paused { .. } => "paused",
            Phase::Cancelled { .. } => "cancelled",
        }
    }
}

/// What was delivered is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// Since when.
    pub since: DateTime<Utc>,
    /// The card that comes in its place; `None` takes the message away.
    pub replacement: Option<CardId>,
}

/// What somebody wants of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Let it go out.
    Approve,
    /// Nothing more goes out until it is resumed.
    Pause {
        /// Why, in a sentence.
        reason: String,
    },
    /// Go on, with everybody.
    Resume,
    /// What has not gone out will not.
    Cancel {
        /// Why, in a sentence.
        reason: String,
    },
    /// Take back what was delivered, or put another card in its place; what has not gone out does not, or goes out
    /// with the other card.
    Recall {
        /// The other card.
        replacement: Option<CardId>,
    },
}

/// May a delivery be sent?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// Yes.
    Now,
    /// Not before the run goes on.
    Wait,
    /// No more, and why.
    Never(String),
    /// Not before this instant, for this reason: it is quiet there.
    Later(DateTime<Utc>, String),
}

impl Run {
    /// A run that begins: `expected` recipients in all, `first` of them before the others.
    pub fn new(event_id: &EventId, rule: &str, expected: u64, now: DateTime<Utc>) -> Self {
        Self {
            id: RunId::of(event_id, rule),
            event_id: event_id.clone(),
            rule: rule.to_owned(),
            created_at: now,
            lane: Lane::Normal,
            expected,
            complete: true,
            tally: Tally::default(),
            kept: 0,
            phase: Phase::Running,
            stop_above_percent: None,
            first: First::default(),
            astray: false,
            recall: None,
            expires_at: None,
            first_ended_at: None,
            last_ended_at: None,
            together: None,
        }
    }

    /// May this delivery of it be sent at `now`?
    pub fn lets_pass(&self, delivery: &Delivery, now: DateTime<Utc>) -> Pass {
        match delivery.operation {
            Operation::Update | Operation::Delete => return Pass::Now,
            Operation::Send => {}
        }
        if let Phase::Cancelled { reason, .. } = &self.phase {
            return Pass::Never(reason.clone());
        }
        if let Some(at) = delivery.terms.expires_at.filter(|at| *at <= now) {
            return Pass::Never(expired(at));
        }
        match &self.phase {
            Phase::Running => Pass::Now,
            Phase::Trying if delivery.terms.first => Pass::Now,
            Phase::Trying | Phase::AwaitingApproval | Phase::Paused { .. } => Pass::Wait,
            Phase::Cancelled { reason, .. } => Pass::Never(reason.clone()),
        }
    }

    /// A delivery of it moved from one state to another at `now`; `None` stands for "not stored". True if the run goes
    /// on with others than before, so that those have to be looked at.
    pub fn moved(&mut self, from: Option<State>, to: Option<State>, delivery: &Delivery, now: DateTime<Utc>) -> bool {
        match (from, to) {
            (None, Some(_)) => self.kept += 1,
            (Some(_), None) => {
                // What is forgotten after its time has happened all the same.
                self.kept = self.kept.saturating_sub(1);
                return false;
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        let (from, to) = (from.map(kind), to.map(kind));
        if from.is_none() && to == Some(Kind::Dead) {
            self.tally.unreachable += 1;
            return false;
        }
        if from == to {
            return false;
        }
        if let Some(from) = from {
            let count = self.tally.of(from);
            *count = count.saturating_sub(1);
        }
        let Some(to) = to else { return false };
        *self.tally.of(to) += 1;
        if to == Kind::Open {
            return false;
        }
        self.first_ended_at.get_or_insert(now);
        self.last_ended_at = self.last_ended_at.max(Some(now));
        if from != Some(Kind::Open) || !delivery.operation.is_send() {
            return false;
        }
        let first = match (delivery.terms.first, to) {
            (true, Kind::Delivered) => {
                self.first.delivered += 1;
                true
            }
            (true, Kind::Dead | Kind::Cancelled) => {
                self.first.failed += 1;
                true
            }
            _ => false,
        };
        match self.phase {
            Phase::Trying if first => self.after_the_first(now),
            Phase::Running | Phase::Trying => {
                self.stop_if_failing(now);
                false
            }
            Phase::AwaitingApproval | Phase::Paused { .. } | Phase::Cancelled { .. } => false,
        }
    }

    /// True if everybody gets it from now on.
    fn after_the_first(&mut self, now: DateTime<Utc>) -> bool {
        let First {
            count,
            delivered,
            failed,
        } = self.first;
        if delivered + failed < count {
            return false;
        }
        let allowed = u64::from(self.stop_above_percent.unwrap_or(0));
        if failed * 100 > allowed * count || delivered == 0 {
            self.pause(
                format!("it was tried on {count} first, and {failed} of these did not get it"),
                now,
            );
            return false;
        }
        self.phase = Phase::Running;
        true
    }

    fn stop_if_failing(&mut self, now: DateTime<Utc>) {
        let Some(allowed) = self.stop_above_percent else { return };
        let Tally { delivered, dead, .. } = self.tally;
        let tried = delivered + dead;
        if tried >= ENOUGH.min(self.expected) && dead * 100 > u64::from(allowed) * tried {
            self.pause(
                format!("{dead} of the first {tried} failed, and the rule allows {allowed} %"),
                now,
            );
        }
    }

    fn pause(&mut self, reason: String, since: DateTime<Utc>) {
        self.phase = Phase::Paused { since, reason };
    }

    /// Does what somebody wants; the deliveries are brought in line after it.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn obey(&mut self, order: Order, now: DateTime<Utc>) -> Result<(), String> {
        match (order, &self.phase) {
            (Order::Approve, Phase::AwaitingApproval) => {
                self.phase = if self.first.count > 0 {
                    Phase::Trying
                } else {
                    Phase::Running
                };
            }
            (Order::Approve, phase) => {
                return Err(format!("it does not wait for an approval: it is {}", phase.word()));
            }
            (Order::Resume, Phase::Paused { .. } | Phase::AwaitingApproval | Phase::Trying) => {
                self.phase = Phase::Running;
            }
            (Order::Resume, Phase::Running) => return Err("it is running".to_owned()),
            (Order::Pause { .. }, Phase::Paused { .. }) => return Err("it is paused already".to_owned()),
            (Order::Pause { .. }, _) if self.is_over() => return Err("there is nothing left to pause".to_owned()),
            (Order::Pause { reason }, Phase::Running | Phase::Trying | Phase::AwaitingApproval) => {
                self.pause(reason, now);
            }
            (Order::Cancel { .. }, _) if self.is_over() => return Err("there is nothing left to cancel".to_owned()),
            (
                Order::Cancel { reason },
                Phase::Running | Phase::Trying | Phase::AwaitingApproval | Phase::Paused { .. },
            ) => {
                self.phase = Phase::Cancelled { since: now, reason };
            }
            (Order::Recall { .. }, _) if self.tally.delivered == 0 && self.tally.open == 0 => {
                return Err(match self.tally.recalled {
                    0 => "nothing of it was delivered, so there is nothing to take back".to_owned(),
                    _ => "all of it was taken back already".to_owned(),
                });
            }
            (Order::Recall { replacement }, _) => {
                if replacement.is_none() && !self.is_over() && !matches!(self.phase, Phase::Cancelled { .. }) {
                    self.phase = Phase::Cancelled {
                        since: now,
                        reason: "the run was recalled".to_owned(),
                    };
                }
                self.recall = Some(Recall {
                    since: now,
                    replacement,
                });
            }
            (Order::Resume | Order::Pause { .. } | Order::Cancel { .. }, Phase::Cancelled { .. }) => {
                return Err("it is cancelled".to_owned());
            }
        }
        Ok(())
    }

    /// All of it was taken in and is at its end, and nothing that was ordered since is still to be done.
    pub fn is_over(&self) -> bool {
        self.complete && self.tally.open == 0 && !self.astray
    }

    /// How many of its deliveries are at their end.
    pub fn ended(&self) -> u64 {
        let Tally {
            open: _,
            delivered,
            dead,
            cancelled,
            recalled,
            unreachable,
        } = self.tally;
        delivered + dead + cancelled + recalled + unreachable
    }

    /// How long the rest will take at the pace so far; `None` while nothing can be said.
    pub fn time_left(&self) -> Option<TimeDelta> {
        let left = self.expected.saturating_sub(self.ended());
        let (first, last) = (self.first_ended_at?, self.last_ended_at?);
        let took = (last - first).num_milliseconds();
        if left == 0 || self.ended() < 2 || took <= 0 || !matches!(self.phase, Phase::Running) {
            return None;
        }
        let each = took / i64::try_from(self.ended() - 1).ok()?;
        TimeDelta::try_milliseconds(each.checked_mul(i64::try_from(left).ok()?)?)
    }
}

/// Why a card was not sent that came too late.
pub fn expired(at: DateTime<Utc>) -> String {
    format!(
        "it was not worth sending any more after {} (`expires_after`)",
        at.format("%Y-%m-%d %H:%M:%S UTC")
    )
}

/// What a tally counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Delivered,
    Dead,
    Cancelled,
    Recalled,
}

fn kind(state: State) -> Kind {
    match state {
        State::Pending | State::Sending => Kind::Open,
        State::Delivered => Kind::Delivered,
        State::Dead => Kind::Dead,
        State::Cancelled => Kind::Cancelled,
        State::Recalled => Kind::Recalled,
    }
}

impl Tally {
    fn of(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Open => &mut self.open,
            Kind::Delivered => &mut self.delivered,
            Kind::Dead => &mut self.dead,
            Kind::Cancelled => &mut self.cancelled,
            Kind::Recalled => &mut self.recalled,
        }
    }
}

#[cfg(test)]
mod tests;
