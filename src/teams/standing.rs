//! What Teams thinks of the bot as a whole: whether its word is taken, and in which tenants it is switched off.
//!
//! A no to the bot is not the message's fault, so no message is given up for it. Nothing is sent while it lasts, except
//! one message now and then that finds out whether it is over.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use tracing::{error, info};

use super::answer::Answer;

/// How long nothing is sent when Teams does not take our word for who we are.
const PAUSE: Duration = Duration::seconds(30);
/// How long a tenant that switched the bot off is left alone at first; doubled with each further no up to
/// [`LONGEST_SUSPENSION`].
const SUSPENSION: Duration = Duration::seconds(30);
const LONGEST_SUSPENSION: Duration = Duration::minutes(15);
/// Tenants remembered. A bot of more has other worries; the oldest are forgotten first.
const MOST_TENANTS: usize = 10_000;

/// One thing that only the operator or an administrator can mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The tenant it is about; `None` for the whole bot.
    pub tenant_id: Option<String>,
    /// What was seen, in a sentence.
    pub reason: String,
    /// When it began.
    pub since: DateTime<Utc>,
    /// When Teams is asked again.
    pub asked_again_at: DateTime<Utc>,
}

/// What came of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Nothing goes out before this instant.
    pub until: DateTime<Utc>,
    /// This is the first time it is seen.
    pub news: bool,
}

/// Who has to wait after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Nothing goes out to anybody before this instant.
    Everywhere(DateTime<Utc>),
    /// Nothing goes out to the tenant that was asked about before this instant.
    InTenant(DateTime<Utc>),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Standing(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    bot: Option<Trouble>,
    /// Teams took our token once, and how often it refused one since.
    believed: bool,
    refused_in_a_row: u32,
    tenants: BTreeMap<String, Suspended>,
}

#[derive(Debug)]
struct Suspended {
    trouble: Trouble,
    times: u32,
}

impl Standing {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an answer of Teams about a place of this tenant: whoever is first to see that the bot as a whole is refused
    /// says so aloud, and so does the one that sees that it is over.
    pub fn take(&self, tenant_id: &str, answer: &Answer, now: DateTime<Utc>) -> Option<Refused> {
        for over in self.heard(tenant_id, answer) {
            info!(tenant = over.tenant_id, since = %over.since, "Teams takes the bot's messages again");
        }
        self.weigh(tenant_id, answer, now)
    }

    /// The same for an answer that was not Teams' own: it proves no trouble to be over.
    pub fn weigh(&self, tenant_id: &str, answer: &Answer, now: DateTime<Utc>) -> Option<Refused> {
        match answer {
            Answer::NoToken { reason } => {
                let pause = self.no_token(reason, now);
                if pause.news {
                    error!(%reason, "the bot has no token, nothing is sent until it has; what waits is kept");
                }
                Some(Refused::Everywhere(pause.until))
            }
            Answer::Unauthorized { reason } => {
                let pause = self.unauthorized(reason, now)?;
                if pause.news {
                    error!(%reason, "Teams does not accept the bot, nothing is sent until it does; what waits is kept");
                }
                Some(Refused::Everywhere(pause.until))
            }
            Answer::SwitchedOff { reason } => {
                let pause = self.switched_off(tenant_id, reason, now);
                if pause.news {
                    error!(
                        tenant = tenant_id, %reason,
                        "the bot is switched off in a tenant, its messages wait until it is on again"
                    );
                }
                Some(Refused::InTenant(pause.until))
            }
            Answer::Throttled { .. }
            | Answer::Accepted { .. }
            | Answer::Conflict
            | Answer::Unavailable { .. }
            | Answer::Faulty { .. }
            | Answer::WrongHost { .. }
            | Answer::NotInstalled { .. }
            | Answer::Foreign { .. }
            | Answer::Gone { .. }
            | Answer::Blocked { .. }
            | Answer::Unreachable { .. }
            | Answer::NotAllowed { .. }
            | Answer::MessageGone { .. }
            | Answer::TooLarge
            | Answer::Rejected { .. } => None,
        }
    }

    /// Teams told who is in a place of this tenant: the bot is refused no more. Whether it takes messages is another
    /// question, so it is not believed for it.
    pub fn told(&self, tenant_id: &str) {
        let mut inner = self.inner();
        inner.refused_in_a_row = 0;
        let of_tenant = inner.tenants.remove(tenant_id).map(|suspended| suspended.trouble);
        for over in inner.bot.take().into_iter().chain(of_tenant) {
            info!(tenant = over.tenant_id, since = %over.since, "Teams takes the bot's messages again");
        }
    }

    /// Until when nothing may be asked of Teams at all, because it does not take our word for who we are.
    pub fn refused(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let until = self.inner().bot.as_ref().map(|trouble| trouble.asked_again_at);
        until.filter(|until| *until > now)
    }

    /// There is no token to ask with: nothing can be sent to anybody.
    pub fn no_token(&self, reason: &str, now: DateTime<Utc>) -> Pause {
        self.inner().pause(reason, now)
    }

    /// Teams refused a fresh token. Nothing can be sent to anybody then; unless it took one just before: a single
    /// conversation that is answered so (it belongs to another cloud or bot) must not stop everybody, so the first
    /// refusal after a success is that message's own trouble, and `None`.
    pub fn unauthorized(&self, reason: &str, now: DateTime<Utc>) -> Option<Pause> {
        let mut inner = self.inner();
        inner.refused_in_a_row = inner.refused_in_a_row.saturating_add(1);
        if inner.believed && inner.refused_in_a_row < 2 && inner.bot.is_none() {
            return None;
        }
        Some(inner.pause(reason, now))
    }

    /// An administrator switched the bot off in this tenant: nothing is sent there until the answered instant.
    pub fn switched_off(&self, tenant_id: &str, reason: &str, now: DateTime<Utc>) -> Pause {
        let mut inner = self.inner();
        if inner.tenants.len() >= MOST_TENANTS && !inner.tenants.contains_key(tenant_id) {
            inner.tenants.pop_first();
        }
        let suspended = inner.tenants.entry(tenant_id.to_owned()).or_insert_with(|| Suspended {
            trouble: Trouble {
                tenant_id: Some(tenant_id.to_owned()),
                reason: String::new(),
                since: now,
                asked_again_at: now,
            },
            times: 0,
        });
        let wait = (SUSPENSION * 2_i32.pow(suspended.times.min(10))).min(LONGEST_SUSPENSION);
        let news = suspended.times == 0;
        suspended.times = suspended.times.saturating_add(1);
        suspended.trouble.asked_again_at = suspended.trouble.asked_again_at.max(now + wait);
        reason.clone_into(&mut suspended.trouble.reason);
        Pause {
            until: suspended.trouble.asked_again_at,
            news,
        }
    }

    /// Until when nothing may be sent to this tenant. Whoever is told `None` although it was suspended is the one that
    /// finds out whether it still is; everybody else waits for the answer.
    pub fn suspended(&self, tenant_id: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut inner = self.inner();
        let suspended = inner.tenants.get_mut(tenant_id)?;
        let until = suspended.trouble.asked_again_at;
        if until > now {
            return Some(until);
        }
        suspended.trouble.asked_again_at = now + SUSPENSION;
        None
    }

    /// Teams answered a message for this tenant: troubles that this answer proves to be over, oldest first.
    pub fn heard(&self, tenant_id: &str, answer: &Answer) -> Vec<Trouble> {
        let is_teams_own_word = !matches!(
            answer,
            Answer::Unavailable { .. }
                | Answer::Faulty { .. }
                | Answer::NoToken { .. }
                | Answer::Unauthorized { .. }
                | Answer::Rejected { .. }
        );
        let mut over = Vec::new();
        if !is_teams_own_word {
            return over;
        }
        let mut inner = self.inner();
        inner.believed = true;
        inner.refused_in_a_row = 0;
        over.extend(inner.bot.take());
        if !matches!(answer, Answer::SwitchedOff { .. }) {
            over.extend(inner.tenants.remove(tenant_id).map(|suspended| suspended.trouble));
        }
        over
    }

    /// Everything that an operator should mend, the whole bot's first.
    pub fn troubles(&self) -> Vec<Trouble> {
        let inner = self.inner();
        let tenants = inner.tenants.values().map(|suspended| suspended.trouble.clone());
        inner.bot.clone().into_iter().chain(tenants).collect()
    }
}

impl Inner {
    fn pause(&mut self, reason: &str, now: DateTime<Utc>) -> Pause {
        let news = self.bot.is_none();
        let until = now + PAUSE;
        let trouble = self.bot.get_or_insert_with(|| Trouble {
            tenant_id: None,
            reason: String::new(),
            since: now,
            asked_again_at: until,
        });
        trouble.asked_again_at = until;
        reason.clone_into(&mut trouble.reason);
        Pause { until, news }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_000_000 + seconds, 0).expect("in range")
    }

    fn accepted() -> Answer {
        Answer::Accepted { activity_id: None }
    }

    fn off() -> Answer {
        Answer::SwitchedOff { reason: "off".into() }
    }

    #[test]
    fn a_tenant_that_switched_the_bot_off_waits_alone_and_one_message_finds_out_when_it_is_over() {
        let standing = Standing::default();
        let first = standing.switched_off("t1", "off", at(0));
        assert_eq!((first.until, first.news), (at(30), true));
        assert_eq!(standing.suspended("t1", at(29)), Some(at(30)));
        assert_eq!(standing.suspended("t2", at(29)), None);
        assert_eq!(standing.suspended("t1", at(30)), None, "this one asks");
        assert_eq!(standing.suspended("t1", at(30)), Some(at(60)), "and nobody else");
        assert!(standing.heard("t1", &off()).is_empty());
        let second = standing.switched_off("t1", "off", at(31));
        assert_eq!((second.until, second.news), (at(91), false), "twice as long");
        assert_eq!(standing.troubles().len(), 1);
        assert_eq!(standing.troubles()[0].since, at(0));
        assert_eq!(standing.suspended("t1", at(91)), None);
        assert_eq!(standing.heard("t1", &accepted()).len(), 1);
        assert!(standing.troubles().is_empty());
    }

    #[test]
    fn a_suspension_grows_to_a_quarter_of_an_hour_and_no_further() {
        let standing = Standing::default();
        let mut now = at(0);
        for _ in 0..20 {
            let pause = standing.switched_off("t", "off", now);
            assert!(pause.until - now <= Duration::minutes(15));
            now = pause.until;
        }
        assert_eq!(
            standing.switched_off("t", "off", now).until - now,
            Duration::minutes(15)
        );
    }

    #[test]
    fn a_refused_token_stops_the_bot_but_one_odd_conversation_does_not() {
        let standing = Standing::default();
        let pause = standing.unauthorized("refused", at(0)).expect("nothing ever worked");
        assert_eq!((pause.until, pause.news), (at(30), true));
        assert!(!standing.unauthorized("refused", at(30)).expect("still").news);
        assert_eq!(standing.heard("t", &accepted()).len(), 1);

        assert_eq!(
            standing.unauthorized("refused", at(60)),
            None,
            "the first after a success"
        );
        assert!(standing.heard("t", &accepted()).is_empty());
        assert_eq!(
            standing.unauthorized("refused", at(90)),
            None,
            "others go through in between"
        );
        assert!(standing.unauthorized("refused", at(91)).is_some(), "two in a row");
        assert_eq!(standing.troubles()[0].since, at(91));
    }

    #[test]
    fn a_gateway_that_answers_instead_of_teams_proves_nothing() {
        let standing = Standing::default();
        standing.switched_off("t", "off", at(0));
        standing.no_token("no token", at(0));
        let gateway = Answer::Unavailable {
            reason: "503".into(),
            wait: None,
        };
        assert!(standing.heard("t", &gateway).is_empty());
        assert_eq!(standing.troubles().len(), 2);
    }

    #[test]
    fn however_many_tenants_there_are_the_memory_is_bounded() {
        let standing = Standing::default();
        for tenant in 0..MOST_TENANTS + 50 {
            standing.switched_off(&format!("t{tenant}"), "off", at(0));
        }
        assert_eq!(standing.troubles().len(), MOST_TENANTS);
    }
}
