//! One tenant's rate: so many requests a second, slower after 429s.

use std::collections::{HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::rate::{Times, Window};
use crate::lane::Lane;

const SECOND: TimeDelta = TimeDelta::seconds(1);
/// When this many conversations of a tenant are throttled within [`SUSPICION`], the tenant is what is throttled.
const SUSPECTS: usize = 3;
const SUSPICION: TimeDelta = TimeDelta::seconds(10);
/// How long a tenant that was slowed takes to get back to full speed.
const RECOVERY: TimeDelta = TimeDelta::seconds(60);
/// What is left of its speed each time.
const SLOWER: f64 = 0.8;
/// By how much a request that was slow on its way counts later, at most; more after a 429. Where the way takes now less
/// and now more time, what is counted later is lost of the rate, and what is not may be answered 429.
const CAUTION: TimeDelta = TimeDelta::milliseconds(64);
const MOST_CAUTION: TimeDelta = TimeDelta::milliseconds(512);
/// How long it takes until a 429 does not make more cautious any more.
const FORGIVEN: TimeDelta = TimeDelta::seconds(600);
/// How far bulk may fall behind its even spacing and still catch up.
const CATCH_UP: TimeDelta = TimeDelta::milliseconds(100);
/// For how long the quickest way is remembered, at least.
const QUICK: TimeDelta = TimeDelta::seconds(30);

#[derive(Debug, Clone, Default)]
pub(super) struct Tenant {
    asked: Times,
    /// When the next request of bulk is due if they leave evenly.
    bulk_due: Option<DateTime<Utc>>,
    throttled: VecDeque<(DateTime<Utc>, String)>,
    slowed: Option<Slowed>,
    /// Since when, and how much, it is more cautious than usual.
    warned: Option<(DateTime<Utc>, TimeDelta)>,
    quickest: Quickest,
}

#[derive(Debug, Clone, Copy)]
struct Slowed {
    since: DateTime<Utc>,
    /// The share of full speed it began with.
    share: f64,
}

/// The shortest time an answer took of late.
#[derive(Debug, Clone, Default)]
struct Quickest {
    /// When the first answer came.
    first: Option<DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
    now: Option<TimeDelta>,
    before: Option<TimeDelta>,
}

impl Tenant {
    pub(super) fn ready_at(&mut self, full: usize, lane: Lane, now: DateTime<Utc>) -> DateTime<Utc> {
        self.asked.notice_a_clock_set_back(now);
        // The clock was set back: it is never further off than one request is from the next.
        self.bulk_due = self.bulk_due.map(|due| if due > now + SECOND { now } else { due });
        let count = self.allowed(full, now);
        let free = self.asked.free_at(&[Window { count, per: SECOND }]).unwrap_or(now);
        let even = match (lane, self.bulk_due) {
            (Lane::Bulk, Some(due)) => due - CATCH_UP,
            (Lane::Critical | Lane::Normal | Lane::Bulk, _) => now,
        };
        free.max(even).max(now)
    }

    pub(super) fn departs(&mut self, full: usize, lane: Lane, now: DateTime<Utc>) {
        // A request may count a little later than it left, so what is kept is a little more than a second.
        self.asked.push(now, SECOND + MOST_CAUTION);
        if lane == Lane::Bulk {
            let each = 1_000_000_000 / i64::try_from(self.allowed(full, now)).unwrap_or(i64::MAX);
            let due = self.bulk_due.unwrap_or(now).max(now - CATCH_UP);
            self.bulk_due = Some(due + TimeDelta::nanoseconds(each));
        }
    }

    pub(super) fn leaves(&mut self, planned: DateTime<Utc>, now: DateTime<Utc>) {
        if now > planned {
            self.asked.delay(planned, now - planned);
        }
    }

    pub(super) fn answered(&mut self, departed: DateTime<Utc>, now: DateTime<Utc>) {
        let took = (now - departed).max(TimeDelta::zero());
        self.quickest.add(took, now);
        let longer = took - self.quickest.is(now);
        let longer = longer.min(self.caution(now));
        if longer > TimeDelta::zero() {
            self.asked.delay(departed, longer);
        }
    }

    /// True if the tenant is slowed for it.
    pub(super) fn throttled(&mut self, about: &str, innocent: bool, now: DateTime<Utc>) -> bool {
        if innocent {
            let more = (self.caution(now) * 2).min(MOST_CAUTION) - CAUTION;
            self.warned = Some((now, more));
        }
        self.throttled.push_back((now, about.to_owned()));
        self.throttled.retain(|(at, _)| now - *at < SUSPICION);
        let suspects: HashSet<&str> = self.throttled.iter().map(|(_, who)| who.as_str()).collect();
        if suspects.len() < SUSPECTS {
            return false;
        }
        let share = self.share(now) * SLOWER;
        self.slowed = Some(Slowed { since: now, share });
        self.throttled.clear();
        true
    }

    pub(super) fn in_use(&self, full: usize, now: DateTime<Utc>) -> (usize, usize) {
        (self.asked.since(now - SECOND), self.allowed(full, now))
    }

    pub(super) fn still_matters(&self, now: DateTime<Utc>) -> bool {
        self.asked.since(now - SECOND - MOST_CAUTION) > 0
            || self.slowed.is_some_and(|slowed| now - slowed.since < RECOVERY)
            || self.warned.is_some_and(|(since, _)| now - since < FORGIVEN)
    }

    fn allowed(&self, full: usize, now: DateTime<Utc>) -> usize {
        let share = self.share(now);
        if share >= 1.0 {
            return full;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a small positive number"
        )]
        let allowed = (full as f64 * share) as usize;
        allowed.max(1)
    }

    fn share(&self, now: DateTime<Utc>) -> f64 {
        let Some(Slowed { since, share }) = self.slowed else {
            return 1.0;
        };
        (share + (1.0 - share) * passed(since, RECOVERY, now)).min(1.0)
    }

    fn caution(&self, now: DateTime<Utc>) -> TimeDelta {
        let Some((since, more)) = self.warned else {
            return CAUTION;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "at most half a second, in microseconds"
        )]
        let left = (more.num_microseconds().unwrap_or(0) as f64 * (1.0 - passed(since, FORGIVEN, now))) as i64;
        CAUTION + TimeDelta::microseconds(left)
    }
}

impl Quickest {
    fn add(&mut self, took: TimeDelta, now: DateTime<Utc>) {
        // A first answer from the future: the clock was set back.
        self.first = self.first.filter(|first| *first <= now).or(Some(now));
        if self.since.is_none_or(|since| now - since >= QUICK || since > now) {
            self.since = Some(now);
            self.before = self.now.take();
        }
        self.now = Some(self.now.map_or(took, |quickest| quickest.min(took)));
    }

    /// Nothing while too few are known to judge by: the first ones open connections, and take longer than those after.
    fn is(&self, now: DateTime<Utc>) -> TimeDelta {
        if self.first.is_none_or(|first| now - first < SECOND) {
            return TimeDelta::zero();
        }
        self.now.into_iter().chain(self.before).min().unwrap_or_default()
    }
}

/// The share of `whole` that has passed since `since`, 0 to 1.
fn passed(since: DateTime<Utc>, whole: TimeDelta, now: DateTime<Utc>) -> f64 {
    ((now - since).as_seconds_f64() / whole.as_seconds_f64()).clamp(0.0, 1.0)
}
