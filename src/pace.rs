//! Teams' limits as arithmetic: who may send at `now`, else when.
//!
//! A conversation takes so many messages in a second, in two, in thirty and in an hour; a team or chat can be listed so
//! many times. A tenant takes so many requests in a second, of whatever kind. All windows slide, all must
//! hold. Nothing here sleeps, or forgets a conversation that could still be at a limit.
//!
//! Teams counts when requests arrive, we when they leave. For a conversation the answer is taken for the arrival, which
//! is never too early. For a tenant that would cost a part of the rate as long as the way to Teams, so a request counts
//! later only by as much as it took longer than the quickest of late, and by no more than a little caution; 429s raise
//! the caution, quiet lowers it.

mod rate;
mod tenant;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use self::tenant::Tenant;
use crate::lane::Lane;

pub use self::rate::{Rates, Window};

/// What is asked of Teams, as far as its limits tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A message sent, changed or taken away, or the personal chat opened for it: both have the same windows, and a chat
    /// is opened once.
    Message,
    /// Members or channels listed.
    Listing,
    /// A message to an incoming webhook, whose rates are Microsoft's.
    Incoming,
    /// A message to the webhook of a flow, which says itself when it is too much.
    Workflow,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Message, Kind::Listing, Kind::Incoming, Kind::Workflow];
}

/// A request to Teams.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Whose rate it uses; the empty text will do while there is only one tenant.
    pub tenant: &'a str,
    /// What is asked.
    pub kind: Kind,
    /// The conversation, person or team it is about: any text that names it.
    pub about: &'a str,
    /// In which lane it travels: what is bulk leaves evenly, so that something urgent finds a gap.
    pub lane: Lane,
}

/// Who asked for what when, as far as it still matters.
#[derive(Debug, Clone)]
pub struct Pace {
    rates: Rates,
    tenants: HashMap<String, Tenant>,
    messages: HashMap<String, Asked>,
    listings: HashMap<String, Asked>,
    incoming: HashMap<String, Asked>,
    workflows: HashMap<String, Asked>,
    /// Look for forgotten conversations when there are this many.
    crowded: usize,
}

/// The requests about one thing, oldest first.
#[derive(Debug, Clone, Default)]
struct Asked {
    at: rate::Times,
    not_before: Option<DateTime<Utc>>,
}

/// When a request may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// As far as the tenant goes.
    pub tenant: DateTime<Utc>,
    /// As far as what it is about goes.
    pub about: DateTime<Utc>,
}

impl Ready {
    /// As far as everything goes.
    pub fn at(self) -> DateTime<Utc> {
        self.tenant.max(self.about)
    }
}

/// Forget when there are more than this many, and again when they have doubled.
const CROWDED: usize = 1024;

impl Pace {
    /// A pace that keeps these rates.
    pub fn new(rates: Rates) -> Self {
        Self {
            rates,
            tenants: HashMap::new(),
            messages: HashMap::new(),
            listings: HashMap::new(),
            incoming: HashMap::new(),
            workflows: HashMap::new(),
            crowded: CROWDED,
        }
    }

    /// The earliest instants, `now` or later, at which this request breaks no limit.
    pub fn ready(&mut self, request: Request<'_>, now: DateTime<Utc>) -> Ready {
        let windows = self.rates.of(request.kind);
        let per_second = self.rates.per_second;
        let about = match self.about(request.kind).get_mut(request.about) {
            Some(asked) => {
                asked.at.notice_a_clock_set_back(now);
                let free = asked.at.free_at(&windows).unwrap_or(now);
                free.max(asked.not_before.unwrap_or(now)).max(now)
            }
            None => now,
        };
        let tenant = match self.tenants.get_mut(request.tenant) {
            Some(tenant) => tenant.ready_at(per_second, request.lane, now),
            None => now,
        };
        Ready { tenant, about }
    }

    /// The request leaves at `now`.
    pub fn departs(&mut self, request: Request<'_>, now: DateTime<Utc>) {
        let memory = self.rates.memory(request.kind);
        let asked = self.about(request.kind).entry(request.about.to_owned()).or_default();
        asked.at.push(now, memory);
        let per_second = self.rates.per_second;
        self.tenants
            .entry(request.tenant.to_owned())
            .or_default()
            .departs(per_second, request.lane, now);
        if self.remembered() >= self.crowded {
            self.forget(now);
        }
    }

    /// The request whose departure was planned for `planned` leaves at `now`: on the way to the door it was held up.
    /// Without this, all that a moment of standstill held up would leave at once.
    pub fn leaves(&mut self, request: Request<'_>, planned: DateTime<Utc>, now: DateTime<Utc>) {
        if let Some(asked) = self.about(request.kind).get_mut(request.about) {
            asked.at.newest_was_at(now);
        }
        if let Some(tenant) = self.tenants.get_mut(request.tenant) {
            tenant.leaves(planned, now);
        }
    }

    /// The request that left at `departed` was answered at `now`.
    pub fn answered(&mut self, request: Request<'_>, departed: DateTime<Utc>, now: DateTime<Utc>) {
        if let Some(asked) = self.about(request.kind).get_mut(request.about) {
            asked.at.newest_was_at(now);
        }
        if let Some(tenant) = self.tenants.get_mut(request.tenant) {
            tenant.answered(departed, now);
        }
    }

    /// Teams answered 429 and wants nothing more of the kind there before `until`. Nobody else waits, unless the
    /// same happens to several at once: then it is the tenant that is too fast, and it is slowed by a fifth (again and
    /// again while that goes on), to recover within a minute. True in that case.
    pub fn throttled(&mut self, request: Request<'_>, until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let asked = self.about(request.kind).entry(request.about.to_owned()).or_default();
        asked.not_before = asked.not_before.max(Some(until));
        // Whoever hardly asked for anything did not bring it about.
        let innocent = asked.at.since(now - TimeDelta::seconds(2)) <= 1;
        self.tenants
            .entry(request.tenant.to_owned())
            .or_default()
            .throttled(request.about, innocent, now)
    }

    /// How many requests left within the last second, and how many may, for the tenant that comes nearest to its rate.
    pub fn in_use(&self, now: DateTime<Utc>) -> (usize, usize) {
        self.tenants
            .values()
            .map(|tenant| tenant.in_use(self.rates.per_second, now))
            .max()
            .unwrap_or((0, self.rates.per_second))
    }

    /// How many conversations and teams are remembered; those that were quiet for long enough are forgotten in
    /// time.
    pub fn remembered(&self) -> usize {
        self.messages.len() + self.listings.len() + self.incoming.len() + self.workflows.len()
    }

    fn about(&mut self, kind: Kind) -> &mut HashMap<String, Asked> {
        match kind {
            Kind::Message => &mut self.messages,
            Kind::Listing => &mut self.listings,
            Kind::Incoming => &mut self.incoming,
            Kind::Workflow => &mut self.workflows,
        }
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        for kind in Kind::ALL {
            let since = now - self.rates.memory(kind);
            self.about(kind)
                .retain(|_, asked| asked.at.since(since) > 0 || asked.not_before.is_some_and(|until| until > now));
        }
        self.tenants.retain(|_, tenant| tenant.still_matters(now));
        self.crowded = CROWDED.max(self.remembered() * 2);
    }
}

#[cfg(test)]
mod tests;
