//! The deliveries in the courier's hands: who may go now, who waits for whom. Pure.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Duration, Utc};

use super::earlier;
use super::errand::Outcome;
use super::renewed::Renewed;
use crate::delivery::{Address, DeliveryId};
use crate::lane::{Lane, PerLane, Turns};
use crate::pace::{Kind, Pace, Request};
use crate::store::outbox::Claim;
use crate::webhook;

/// Deliveries on the desk, by lane, at most. More are fetched when half of them are gone.
const PLACES: [(Lane, usize); 3] = [(Lane::Critical, 64), (Lane::Normal, 256), (Lane::Bulk, 128)];
/// Requests to Teams at once. Conversations that do not answer hold these places, so there are many; what is less
/// urgent leaves some to what is more.
const ERRANDS: [(Lane, usize); 3] = [(Lane::Critical, 256), (Lane::Normal, 224), (Lane::Bulk, 160)];
/// So much before its time an errand sets out: it has to look things up on the way.
const AHEAD: Duration = Duration::milliseconds(25);
/// How long a delivery waits here for its conversation; one that would wait longer is given back.
const PATIENCE: Duration = Duration::seconds(2);

/// Stands for a tenant in the pace of what goes through Graph.
const GRAPH: &str = "graph";

/// No pause is longer: that of a tenant whose administrator blocked the app.
const LONGEST_PAUSE: Duration = Duration::minutes(15);

/// Claimed deliveries, by lane.
pub struct Desk {
    /// The tenant of deliveries that name none.
    own_tenant: String,
    renewed: Arc<Renewed>,
    /// The deliveries that are here or under way, each as it was claimed.
    known: HashMap<DeliveryId, Claimed>,
    waiting: PerLane<VecDeque<Waiting>>,
    turns: Turns,
    /// Who is on the way to an address.
    away: HashMap<String, DateTime<Utc>>,
    paused_until: Option<DateTime<Utc>>,
    paused_tenants: HashMap<String, DateTime<Utc>>,
}

struct Waiting {
    claim: Claim,
    address: String,
    tenant: String,
}

/// What to do next.
pub enum Step {
    /// Send this now.
    Go(Box<Claim>, Slot),
    /// This would wait too long here: due again at that instant.
    GiveBack(Box<Claim>, DateTime<Utc>),
    /// Nothing more can go before this instant.
    Wait(DateTime<Utc>),
}

/// The place in the pace that was given to an errand.
pub struct Slot {
    /// Whose rate it uses.
    pub tenant: String,
    /// What is asked, as the pace tells it apart.
    pub kind: Kind,
    /// What it is about, as the pace knows it.
    pub address: String,
    /// When it was to leave.
    pub planned: DateTime<Utc>,
    /// When its request left, once it has.
    pub left: OnceLock<DateTime<Utc>>,
    /// When the answer came, once it has.
    pub answered: OnceLock<DateTime<Utc>>,
}

/// What was found about the next of a lane.
enum Found {
    /// It may go, and its request may leave then.
    Ready(usize, DateTime<Utc>),
    /// None may go before this instant.
    NotBefore(Option<DateTime<Utc>>),
}

impl Desk {
    /// An empty desk; deliveries that name no tenant use the rate of `own_tenant`. Those that are leased again while they
    /// are under way are told to `renewed`.
    pub fn new(own_tenant: &str, renewed: Arc<Renewed>) -> Self {
        Self {
            own_tenant: own_tenant.to_owned(),
            renewed,
            known: HashMap::new(),
            waiting: PerLane::of(|_| VecDeque::new()),
            turns: Turns::default(),
            away: HashMap::new(),
            paused_until: None,
            paused_tenants: HashMap::new(),
        }
    }

    /// How many deliveries to fetch for each lane; 0 while it has enough.
    pub fn room(&self) -> PerLane<usize> {
        PerLane::of(|lane| {
            let (waiting, places) = (self.waiting.get(lane).len(), of(PLACES, lane));
            match waiting > places / 2 {
                true => 0,
                false => places - waiting,
            }
        })
    }

    /// Until when nothing may be sent to anybody: Teams does not know us, or cannot be asked who we are.
    pub fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.paused_until.filter(|until| is_still_on(*until, now))
    }

    /// Takes a claim. One whose delivery is here already, or under way, was leased again because the clock jumped past
    /// the end of its lease: it is the same one still.
    pub fn put(&mut self, claim: Claim) {
        // One that differs was settled already by its errand, of whose return we only have to hear.
        if self.known.insert(claim.delivery.id.clone(), Claimed::of(&claim)) == Some(Claimed::of(&claim)) {
            let here = Lane::ALL.into_iter().find_map(|lane| {
                let place = self
                    .waiting
                    .get(lane)
                    .iter()
                    .position(|waiting| waiting.claim.delivery.id == claim.delivery.id)?;
                Some((lane, place))
            });
            match here {
                Some((lane, place)) => self.waiting.get_mut(lane)[place].claim = claim,
                None => self.renewed.note(&claim),
            }
            return;
        }
        let waiting = self.described(claim);
        self.waiting
            .get_mut(waiting.claim.delivery.terms.lane)
            .push_back(waiting);
    }

    /// Everything that can be done now.
    pub fn steps(&mut self, pace: &mut Pace, now: DateTime<Utc>) -> Vec<Step> {
        self.paused_tenants.retain(|_, until| is_still_on(*until, now));
        let mut steps = Vec::new();
        let mut soonest: Option<DateTime<Utc>> = None;
        loop {
            let mut soonest_now = None;
            let found = PerLane::of(|lane| match self.next(lane, pace, now, &mut steps) {
                Found::Ready(place, at) => Some((place, at)),
                Found::NotBefore(at) => {
                    soonest_now = earlier(soonest_now, at);
                    None
                }
            });
            let Some(lane) = self.turns.next(|lane| found.get(lane).is_some()) else {
                soonest = earlier(soonest, soonest_now);
                break;
            };
            let (place, planned) = found.get(lane).expect("a lane that is ready has a place");
            let Some(waiting) = self.waiting.get_mut(lane).remove(place) else {
                break;
            };
            pace.departs(waiting.request(), planned);
            let slot = Slot {
                tenant: waiting.tenant.clone(),
                kind: waiting.kind(),
                address: waiting.address.clone(),
                planned,
                left: OnceLock::new(),
                answered: OnceLock::new(),
            };
            self.away.insert(waiting.address, planned);
            steps.push(Step::Go(Box::new(waiting.claim), slot));
        }
        steps.extend(soonest.map(Step::Wait));
        steps
    }

    /// The first of a lane that may go now. Those that would wait long are given back on the way.
    fn next(&mut self, lane: Lane, pace: &mut Pace, now: DateTime<Utc>, steps: &mut Vec<Step>) -> Found {
        if self.away.len() >= of(ERRANDS, lane) {
            // Whoever comes back makes room.
            return Found::NotBefore(None);
        }
        let mut soonest = None;
        // Most deliveries are of one tenant: if it has to wait, each of them need not be asked.
        let mut tenant_waits: Option<String> = None;
        let mut place = 0;
        while let Some(waiting) = self.waiting.get(lane).get(place) {
            // A webhook does not ask who the bot is.
            let everybody = match waiting.kind() {
                Kind::Incoming | Kind::Workflow => None,
                Kind::Message | Kind::Listing => self.paused_until(now),
            };
            let paused = everybody.max(self.paused_tenants.get(&waiting.tenant).copied());
            if let Some(until) = paused {
                steps.extend(self.give_back(lane, place, until));
                continue;
            }
            if self.away.contains_key(&waiting.address) || tenant_waits.as_ref() == Some(&waiting.tenant) {
                place += 1;
                continue;
            }
            let ready = pace.ready(waiting.request(), now);
            if ready.about > now + PATIENCE {
                steps.extend(self.give_back(lane, place, ready.about));
                continue;
            }
            if ready.at() <= now + AHEAD {
                return Found::Ready(place, ready.at());
            }
            if ready.tenant > now + AHEAD {
                tenant_waits = Some(waiting.tenant.clone());
            }
            soonest = earlier(soonest, Some(ready.at() - AHEAD));
            place += 1;
        }
        Found::NotBefore(soonest)
    }

    fn give_back(&mut self, lane: Lane, place: usize, until: DateTime<Utc>) -> Option<Step> {
        let waiting = self.waiting.get_mut(lane).remove(place)?;
        self.forget(&waiting.claim);
        Some(Step::GiveBack(Box::new(waiting.claim), until))
    }

    /// An errand came back. One that only opened a chat is taken on at once, before the others. If Teams asked to slow
    /// down, says whom that names: the `conversation` or the `tenant`.
    pub fn done(
        &mut self,
        pace: &mut Pace,
        claim: Claim,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Option<&'static str> {
        let waiting = self.described(claim);
        let planned = self.away.remove(&waiting.address).unwrap_or(now);
        let departed = outcome.left_at.unwrap_or(planned);
        if let Some(until) = outcome.pause_everything {
            self.paused_until = self.paused_until.max(Some(until));
        }
        if let Some((tenant, until)) = &outcome.tenant_suspended_until {
            self.paused_tenants.insert(tenant.clone(), *until);
        }
        pace.answered(waiting.request(), departed, outcome.answered_at.unwrap_or(now));
        let named = outcome
            .throttled_until
            .map(|until| match pace.throttled(waiting.request(), until, now) {
                true => "tenant",
                false => "conversation",
            });
        if !outcome.goes_on {
            self.forget(&waiting.claim);
            self.renewed.forget(&waiting.claim.delivery.id);
        } else {
            self.waiting
                .get_mut(waiting.claim.delivery.terms.lane)
                .push_front(waiting);
        }
        named
    }

    fn forget(&mut self, claim: &Claim) {
        if self.known.get(&claim.delivery.id) == Some(&Claimed::of(claim)) {
            self.known.remove(&claim.delivery.id);
        }
    }

    /// An errand was lost.
    pub fn lost(&mut self, address: &str, id: &DeliveryId) {
        self.away.remove(address);
        self.known.remove(id);
        self.renewed.forget(id);
    }

    /// Everything that is here and not under way.
    pub fn clear(&mut self) -> Vec<Claim> {
        self.known.clear();
        Lane::ALL
            .into_iter()
            .flat_map(|lane| std::mem::take(self.waiting.get_mut(lane)))
            .map(|waiting| waiting.claim)
            .collect()
    }

    fn described(&self, claim: Claim) -> Waiting {
        let key = claim.delivery.recipient.address.key();
        let tenant = match (&claim.delivery.terms.tenant_id, &claim.delivery.recipient.address) {
            // Graph counts for itself; what goes there uses nothing of the rate of Teams.
            (_, Address::Feed { .. }) => GRAPH,
            // Its rate has nothing to do with any tenant's.
            (_, Address::Webhook { .. }) => &key,
            (Some(tenant), _) => tenant,
            (None, Address::Person { tenant_id, .. }) if !tenant_id.is_empty() => tenant_id,
            (None, Address::Person { .. } | Address::Conversation { .. } | Address::Nowhere { .. }) => {
                &self.own_tenant
            }
        };
        Waiting {
            tenant: tenant.to_owned(),
            address: key,
            claim,
        }
    }
}

/// What tells one claim of a delivery from the next, whatever their leases: something came of it in between.
#[derive(Debug, Clone, PartialEq)]
struct Claimed {
    attempt_count: u32,
    next_attempt_at: DateTime<Utc>,
}

impl Claimed {
    fn of(claim: &Claim) -> Self {
        Self {
            attempt_count: claim.delivery.attempt_count,
            next_attempt_at: claim.delivery.next_attempt_at,
        }
    }
}

impl Waiting {
    fn request(&self) -> Request<'_> {
        Request {
            tenant: &self.tenant,
            kind: self.kind(),
            about: &self.address,
            lane: self.claim.delivery.terms.lane,
        }
    }

    fn kind(&self) -> Kind {
        match &self.claim.delivery.recipient.address {
            Address::Webhook {
                kind: webhook::Kind::Incoming,
                ..
            } => Kind::Incoming,
            Address::Webhook {
                kind: webhook::Kind::Workflow,
                ..
            } => Kind::Workflow,
            Address::Person { .. }
            | Address::Feed { .. }
            | Address::Conversation { .. }
            | Address::Nowhere { .. } => Kind::Message,
        }
    }
}

/// A pause ends at its time, and when the clock was put back so far that it would last longer than any does.
fn is_still_on(until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    until > now && until - now <= LONGEST_PAUSE
}

fn of(bounds: [(Lane, usize); 3], lane: Lane) -> usize {
    bounds
        .into_iter()
        .find_map(|(of, bound)| (of == lane).then_some(bound))
        .unwrap_or(0)
}
