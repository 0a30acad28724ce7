//! Teams' limits as arithmetic: who may send at `now`, else when.
//!
//! A conversation takes so many messages in a second, in two, in thirty and in an hour; a tenant takes so many requests
//! in a second. All windows slide, all must hold. Nothing here sleeps or forgets a conversation that could still be at a
//! limit.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

/// At most `count` messages within any stretch of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many.
    pub count: usize,
    /// In how long.
    pub per: TimeDelta,
}

/// What one conversation takes from one bot.
pub const CONVERSATION: [Window; 4] = [
    Window {
        count: 7,
        per: TimeDelta::seconds(1),
    },
    Window {
        count: 8,
        per: TimeDelta::seconds(2),
    },
    Window {
        count: 60,
        per: TimeDelta::seconds(30),
    },
    Window {
        count: 1800,
        per: TimeDelta::seconds(3600),
    },
];

/// The longest of [`CONVERSATION`]'s windows: what is older counts nowhere.
const MEMORY: TimeDelta = TimeDelta::seconds(3600);
const SECOND: TimeDelta = TimeDelta::seconds(1);
/// When this many conversations of a tenant are throttled within [`SUSPICION`], the tenant is what is throttled.
const SUSPECTS: usize = 3;
const SUSPICION: TimeDelta = TimeDelta::seconds(10);
/// How long a tenant that was slowed takes to get back to full speed.
const RECOVERY: TimeDelta = TimeDelta::seconds(60);

/// Who sent what when, as far as it still matters.
///
/// A conversation is any text that names it; a tenant too (the empty one will do while there is only one).
#[derive(Debug, Clone)]
pub struct Pace {
    per_second: usize,
    tenants: HashMap<String, Tenant>,
    conversations: HashMap<String, Lane>,
    /// Look for forgotten conversations when there are this many.
    crowded: usize,
}

/// The messages of one conversation, oldest first.
#[derive(Debug, Clone, Default)]
struct Lane {
    sent: VecDeque<DateTime<Utc>>,
    not_before: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Default)]
struct Tenant {
    sent: VecDeque<DateTime<Utc>>,
    throttled: VecDeque<(DateTime<Utc>, String)>,
    slowed: Option<Slowed>,
}

#[derive(Debug, Clone, Copy)]
struct Slowed {
    since: DateTime<Utc>,
    /// The share of full speed it began with.
    share: f64,
}

impl Pace {
    /// A pace that gives each tenant `per_second` requests a second (0 counts as 1).
    pub fn new(per_second: u32) -> Self {
        Self {
            per_second: usize::try_from(per_second).unwrap_or(usize::MAX).max(1),
            tenants: HashMap::new(),
            conversations: HashMap::new(),
            crowded: 1024,
        }
    }

    /// The earliest instant, `now` or later, at which a message to `conversation` breaks no limit.
    pub fn ready_at(&mut self, tenant: &str, conversation: &str, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut ready = now;
        if let Some(lane) = self.conversations.get_mut(conversation) {
            notice_a_clock_set_back(&mut lane.sent, now);
            ready = ready.max(free_at(&lane.sent, &CONVERSATION).unwrap_or(now));
            ready = ready.max(lane.not_before.unwrap_or(now));
        }
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            notice_a_clock_set_back(&mut tenant.sent, now);
            let count = tenant.allowed(self.per_second, now);
            ready = ready.max(free_at(&tenant.sent, &[Window { count, per: SECOND }]).unwrap_or(now));
        }
        ready
    }

    /// A message to `conversation` goes out at `now`.
    pub fn sent(&mut self, tenant: &str, conversation: &str, now: DateTime<Utc>) {
        let lane = self.conversations.entry(conversation.to_owned()).or_default();
        push(&mut lane.sent, now, MEMORY);
        self.asked(tenant, now);
        if self.conversations.len() >= self.crowded {
            self.forget(now);
        }
    }

    /// A request that is no message (a chat opened, members listed) goes out at `now`: it counts for the tenant alone.
    pub fn asked(&mut self, tenant: &str, now: DateTime<Utc>) {
        let tenant = self.tenants.entry(tenant.to_owned()).or_default();
        push(&mut tenant.sent, now, SECOND);
    }

    /// The newest message to `conversation` was answered at `now`. Teams counts when messages arrive, which is between
    /// their departure and this: taking the later one keeps the windows true however long the way was.
    pub fn answered(&mut self, conversation: &str, now: DateTime<Utc>) {
        if let Some(newest) = self
            .conversations
            .get_mut(conversation)
            .and_then(|lane| lane.sent.back_mut())
        {
            *newest = now.max(*newest);
        }
    }

    /// Teams answered 429 for `conversation` and wants nothing there before `until`. Nobody else waits, unless the
    /// same happens to several conversations of the tenant at once: then it is the tenant that is too fast, and its
    /// speed is halved, to recover within a minute.
    pub fn throttled(&mut self, tenant: &str, conversation: &str, until: DateTime<Utc>, now: DateTime<Utc>) {
        let lane = self.conversations.entry(conversation.to_owned()).or_default();
        lane.not_before = lane.not_before.max(Some(until));
        let tenant = self.tenants.entry(tenant.to_owned()).or_default();
        tenant.throttled.push_back((now, conversation.to_owned()));
        tenant.throttled.retain(|(at, _)| now - *at < SUSPICION);
        let suspects: HashSet<&str> = tenant.throttled.iter().map(|(_, who)| who.as_str()).collect();
        if suspects.len() >= SUSPECTS {
            let share = tenant.share(now) / 2.0;
            tenant.slowed = Some(Slowed { since: now, share });
            tenant.throttled.clear();
        }
    }

    /// How many conversations are remembered; those that were quiet for an hour are forgotten in time.
    pub fn remembered(&self) -> usize {
        self.conversations.len()
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        self.conversations.retain(|_, lane| {
            let counts = lane.sent.back().is_some_and(|newest| now - *newest < MEMORY);
            counts || lane.not_before.is_some_and(|until| until > now)
        });
        self.tenants.retain(|_, tenant| {
            let counts = tenant.sent.back().is_some_and(|newest| now - *newest < SECOND);
            counts || tenant.slowed.is_some_and(|slowed| now - slowed.since < RECOVERY)
        });
        self.crowded = 1024.max(self.conversations.len() * 2);
    }
}

impl Tenant {
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
        let recovered = (now - since).as_seconds_f64() / RECOVERY.as_seconds_f64();
        (share + (1.0 - share) * recovered.max(0.0)).min(1.0)
    }
}

/// When the next message fits all windows: the one that stands `count` places before it must have left each of them.
fn free_at(sent: &VecDeque<DateTime<Utc>>, windows: &[Window]) -> Option<DateTime<Utc>> {
    windows
        .iter()
        .filter_map(|window| {
            let index = sent.len().checked_sub(window.count)?;
            Some(*sent.get(index)? + window.per)
        })
        .max()
}

fn push(sent: &mut VecDeque<DateTime<Utc>>, now: DateTime<Utc>, memory: TimeDelta) {
    let newest = sent.back().copied().unwrap_or(now);
    sent.push_back(now.max(newest));
    while sent.front().is_some_and(|oldest| now - *oldest >= memory) {
        sent.pop_front();
    }
}

/// Messages cannot have been sent in the future: the clock was set back. Taking them for sent just now waits at most one
/// window; believing them could wait for days.
fn notice_a_clock_set_back(sent: &mut VecDeque<DateTime<Utc>>, now: DateTime<Utc>) {
    if sent.back().is_some_and(|newest| *newest > now) {
        for at in sent.iter_mut() {
            *at = (*at).min(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn ms(milliseconds: i64) -> TimeDelta {
        TimeDelta::milliseconds(milliseconds)
    }

    /// Sends to `conversation` as early as allowed until `end`, and answers when.
    fn as_fast_as_allowed(pace: &mut Pace, conversation: &str, end: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let mut now = noon();
        let mut sent = Vec::new();
        loop {
            now = pace.ready_at("t", conversation, now);
            if now >= end {
                return sent;
            }
            pace.sent("t", conversation, now);
            sent.push(now);
        }
    }

    fn breaks(sent: &[DateTime<Utc>], window: Window) -> bool {
        sent.windows(window.count + 1)
            .any(|run| run[window.count] - run[0] < window.per)
    }

    #[test]
    fn a_burst_takes_seven_in_the_first_second_and_the_eighth_in_the_next() {
        let sent = as_fast_as_allowed(&mut Pace::new(50), "a", noon() + ms(2001));
        let offsets: Vec<i64> = sent.iter().map(|at| (*at - noon()).num_milliseconds()).collect();
        assert_eq!(offsets[..8], [0, 0, 0, 0, 0, 0, 0, 1000]);
        assert_eq!(offsets[8], 2000);
    }

    #[test]
    fn the_hourly_rate_is_used_whole_and_never_exceeded() {
        let sent = as_fast_as_allowed(&mut Pace::new(50), "a", noon() + TimeDelta::hours(3));
        assert!(CONVERSATION.iter().all(|window| !breaks(&sent, *window)));
        assert!(sent.len() >= 3 * 1800 * 99 / 100, "{}", sent.len());
    }

    #[test]
    fn a_broadcast_uses_the_tenants_rate_whole_and_never_exceeds_it() {
        let mut pace = Pace::new(50);
        let mut now = noon();
        let mut sent = Vec::new();
        for person in 0..5000 {
            let person = format!("person {person}");
            now = pace.ready_at("t", &person, now);
            pace.sent("t", &person, now);
            sent.push(now);
        }
        assert!(!breaks(&sent, Window { count: 50, per: SECOND }));
        assert_eq!(now - noon(), TimeDelta::seconds(99), "5000 people at 50 a second");
        assert_eq!(pace.ready_at("other tenant", "x", now), now);
    }

    #[test]
    fn one_throttled_conversation_touches_nobody_else() {
        let mut pace = Pace::new(50);
        for moment in 0..20 {
            pace.throttled("t", "noisy", noon() + TimeDelta::hours(1), noon() + ms(moment * 100));
        }
        let now = noon() + ms(2000);
        assert_eq!(pace.ready_at("t", "noisy", now), noon() + TimeDelta::hours(1));
        for other in 0..50 {
            let other = format!("quiet {other}");
            assert_eq!(pace.ready_at("t", &other, now), now);
            pace.sent("t", &other, now);
        }
    }

    #[test]
    fn a_tenant_whose_conversations_are_throttled_together_is_slowed_and_recovers() {
        let mut pace = Pace::new(50);
        for who in ["a", "b", "c"] {
            pace.throttled("t", who, noon(), noon());
        }
        let burst = |pace: &mut Pace, now: DateTime<Utc>| {
            (0..100)
                .take_while(|n| {
                    let who = format!("{now} {n}");
                    let ready = pace.ready_at("t", &who, now) == now;
                    pace.sent("t", &who, now);
                    ready
                })
                .count()
        };
        assert_eq!(burst(&mut pace.clone(), noon()), 25);
        assert_eq!(burst(&mut pace.clone(), noon() + TimeDelta::seconds(30)), 37);
        assert_eq!(burst(&mut pace, noon() + TimeDelta::seconds(60)), 50);
    }

    #[test]
    fn a_tenant_is_never_slowed_to_a_standstill() {
        let mut pace = Pace::new(1);
        for who in 0..300 {
            pace.throttled("t", &who.to_string(), noon(), noon());
        }
        pace.sent("t", "x", noon());
        assert_eq!(pace.ready_at("t", "y", noon()), noon() + SECOND);
        assert_eq!(Pace::new(0).ready_at("t", "y", noon()), noon());
    }

    #[test]
    fn a_slow_way_to_teams_counts_from_the_answer() {
        let mut pace = Pace::new(50);
        for _ in 0..7 {
            pace.sent("t", "a", noon());
            pace.answered("a", noon() + ms(400));
        }
        // Seven left at once as far as departures go, but the last may have arrived 400 ms later.
        assert!(pace.ready_at("t", "a", noon() + ms(1000)) >= noon() + ms(1000));
        let mut one = Pace::new(50);
        for turn in 0..7 {
            let now = noon() + ms(turn);
            one.sent("t", "a", now);
            one.answered("a", noon() + ms(400 + turn));
        }
        assert_eq!(one.ready_at("t", "a", noon() + ms(407)), noon() + ms(1400));
    }

    #[test]
    fn a_clock_that_was_set_back_delays_by_one_window_not_by_days() {
        let mut pace = Pace::new(50);
        for _ in 0..8 {
            pace.sent("t", "a", noon() + TimeDelta::days(3));
        }
        assert_eq!(pace.ready_at("t", "a", noon()), noon() + TimeDelta::seconds(2));
        assert_eq!(
            pace.ready_at("t", "a", noon() + TimeDelta::seconds(2)),
            noon() + TimeDelta::seconds(2)
        );
    }

    #[test]
    fn conversations_that_are_quiet_for_an_hour_are_forgotten() {
        let mut pace = Pace::new(u32::MAX);
        for person in 0..200_000_i64 {
            pace.sent("t", &person.to_string(), noon() + ms(person * 100));
        }
        assert!(pace.remembered() <= 2 * 36_000 + 1024, "{}", pace.remembered());
    }

    proptest! {
        #[test]
        fn others_are_as_fast_as_if_the_throttled_conversation_were_not_there(steps in proptest::collection::vec((0_u8..3, 0_i64..300, any::<bool>()), 1..200)) {
            let (mut calm, mut noisy) = (Pace::new(20), Pace::new(20));
            let mut now = noon();
            for (who, pause, throttle) in steps {
                now += ms(pause);
                if throttle {
                    noisy.throttled("t", "noisy", now + TimeDelta::minutes(5), now);
                }
                let key = who.to_string();
                let ready = calm.ready_at("t", &key, now);
                prop_assert_eq!(noisy.ready_at("t", &key, now), ready);
                if ready == now {
                    calm.sent("t", &key, now);
                    noisy.sent("t", &key, now);
                }
            }
        }

        #[test]
        fn no_window_is_ever_broken(steps in proptest::collection::vec((0_u8..4, 0_i64..1500), 1..400), per_second in 1_u32..20) {
            let mut pace = Pace::new(per_second);
            let mut now = noon();
            let mut by_conversation: HashMap<u8, Vec<DateTime<Utc>>> = HashMap::new();
            let mut all = Vec::new();
            for (who, pause) in steps {
                now += ms(pause / 3 * i64::from(pause > 1000));
                let key = who.to_string();
                let ready = pace.ready_at("t", &key, now);
                prop_assert!(ready >= now);
                prop_assert_eq!(pace.ready_at("t", &key, ready), ready, "what is ready stays ready");
                now = ready;
                pace.sent("t", &key, now);
                by_conversation.entry(who).or_default().push(now);
                all.push(now);
            }
            for sent in by_conversation.values() {
                for window in CONVERSATION {
                    prop_assert!(!breaks(sent, window));
                }
            }
            let tenant = Window { count: per_second as usize, per: SECOND };
            prop_assert!(!breaks(&all, tenant));
        }
    }
}
