//! The deliveries in the courier's hands: who may go now, who waits for whom. Pure.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use chrono::{DateTime, Duration, Utc};

use super::errand::Outcome;
use crate::pace::Pace;
use crate::store::outbox::Claim;

/// One bot, one tenant's limits: deliveries of several tenants share one pace until several bots are served.
const TENANT: &str = "";

/// Claimed deliveries, by address.
pub struct Desk {
    pace: Pace,
    queues: BTreeMap<String, VecDeque<Claim>>,
    arrivals: u64,
    order: HashMap<String, u64>,
    away: HashSet<String>,
    held_back: HashMap<String, DateTime<Utc>>,
    paused_until: Option<DateTime<Utc>>,
}

/// What to do next.
pub enum Step {
    /// Send this now.
    Go(Box<Claim>),
    /// This would wait too long here: due again at that instant.
    GiveBack(Box<Claim>, DateTime<Utc>),
    /// Nothing more can go before this instant.
    Wait(DateTime<Utc>),
}

impl Desk {
    /// An empty desk that keeps this pace.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            queues: BTreeMap::new(),
            arrivals: 0,
            order: HashMap::new(),
            away: HashSet::new(),
            held_back: HashMap::new(),
            paused_until: None,
        }
    }

    /// How many deliveries are here and not under way.
    pub fn waiting(&self) -> usize {
        self.queues.values().map(VecDeque::len).sum()
    }

    /// Nothing may be sent at all right now: Teams does not know us, or cannot be asked who we are.
    pub fn paused(&self, now: DateTime<Utc>) -> bool {
        self.paused_until(now).is_some()
    }

    /// Until when nothing may be sent.
    pub fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.paused_until.filter(|until| *until > now)
    }

    /// Takes a claim.
    pub fn put(&mut self, claim: Claim) {
        let key = claim.delivery.recipient.address.key();
        self.arrivals += 1;
        self.order.entry(key.clone()).or_insert(self.arrivals);
        self.queues.entry(key).or_default().push_back(claim);
    }

    /// Everything that can be done now, with at most `free` sendings, the longest waiting address first.
    pub fn steps(&mut self, now: DateTime<Utc>, free: usize, patience: Duration) -> Vec<Step> {
        self.held_back.retain(|_, until| *until > now);
        let mut keys: Vec<String> = self
            .queues
            .keys()
            .filter(|key| !self.away.contains(*key))
            .cloned()
            .collect();
        keys.sort_by_key(|key| self.order.get(key).copied());
        let mut steps = Vec::new();
        let mut soonest: Option<DateTime<Utc>> = None;
        let mut free = free;
        for key in keys {
            let held = self.held_back.get(&key).copied().max(self.paused_until(now));
            let ready = self.pace.ready_at(TENANT, &key, now).max(held.unwrap_or(now));
            if ready > now + patience || held.is_some() {
                for claim in self.take_all(&key) {
                    steps.push(Step::GiveBack(Box::new(claim), ready));
                }
            } else if ready > now {
                soonest = Some(soonest.map_or(ready, |soonest| soonest.min(ready)));
            } else if free > 0
                && let Some(claim) = self.take(&key)
            {
                free -= 1;
                self.pace.sent(TENANT, &key, now);
                self.away.insert(key);
                steps.push(Step::Go(Box::new(claim)));
            }
        }
        steps.extend(soonest.map(Step::Wait));
        steps
    }

    /// An errand came back. Answers the deliveries that must wait behind it, and until when.
    pub fn done(&mut self, claim: &Claim, outcome: &Outcome, now: DateTime<Utc>) -> Vec<(Claim, DateTime<Utc>)> {
        let key = claim.delivery.recipient.address.key();
        self.away.remove(&key);
        if let Some(until) = outcome.pause_everything {
            self.paused_until = self.paused_until.max(Some(until));
        }
        self.pace.answered(&key, now);
        if outcome.opened_a_chat {
            self.pace.asked(TENANT, now);
        }
        if let Some(until) = outcome.throttled_until {
            self.pace.throttled(TENANT, &key, until, now);
        }
        match outcome.again_at {
            Some(at) if at > now => {
                self.held_back.insert(key.clone(), at);
                self.take_all(&key).into_iter().map(|behind| (behind, at)).collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// Everything that is here and not under way.
    pub fn clear(&mut self) -> Vec<Claim> {
        let keys: Vec<String> = self.queues.keys().cloned().collect();
        keys.iter().flat_map(|key| self.take_all(key)).collect()
    }

    fn take(&mut self, key: &str) -> Option<Claim> {
        let queue = self.queues.get_mut(key)?;
        let claim = queue.pop_front()?;
        if queue.is_empty() {
            self.queues.remove(key);
            self.order.remove(key);
        } else {
            // The next one of this address stands behind all other addresses.
            self.arrivals += 1;
            self.order.insert(key.to_owned(), self.arrivals);
        }
        Some(claim)
    }

    fn take_all(&mut self, key: &str) -> Vec<Claim> {
        self.order.remove(key);
        self.queues.remove(key).unwrap_or_default().into()
    }
}
