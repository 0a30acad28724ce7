//! What Graph was asked for lately and could not tell, so that a broadcast does not ask a thousand times for the same.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::audience::Seek;
use crate::roster::profile::Wants;

/// For how long somebody who was not found is not looked for again.
const REMEMBERED: TimeDelta = TimeDelta::minutes(15);
/// For how long a group whose members could not be listed is used as it was known before.
const UNANSWERED: TimeDelta = TimeDelta::minutes(10);
/// So many misses are remembered.
const MOST: usize = 20_000;

/// What came of an inquiry that brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: DateTime<Utc>,
    /// Why not, in a sentence.
    pub reason: String,
    /// Asking again later may help.
    pub passes: bool,
}

/// What is known of an inquiry without asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lately {
    /// Graph is not asked; why, in a sentence.
    Off(&'static str),
    /// It was asked a while ago and brought nothing.
    Heard(Heard),
    /// It was not asked.
    Unasked,
}

/// The memory of inquiries.
#[derive(Debug)]
pub struct Inquiries {
    off: Option<&'static str>,
    heard: Mutex<BTreeMap<String, Heard>>,
    /// What may be asked about people beside who they are.
    wants: Wants,
    /// Why it may not after all, by what: an administrator has to grant it.
    refused: Mutex<Refused>,
}

#[derive(Debug, Default)]
struct Refused {
    entra: Option<Heard>,
    mailbox: Option<Heard>,
}

impl Inquiries {
    /// Inquiries are made.
    pub fn on() -> Self {
        Self {
            off: None,
            heard: Mutex::default(),
            wants: Wants::default(),
            refused: Mutex::default(),
        }
    }

    /// No inquiries are made, and why, in a sentence.
    pub fn off(why: &'static str) -> Self {
        Self {
            off: Some(why),
            heard: Mutex::default(),
            wants: Wants::default(),
            refused: Mutex::default(),
        }
    }

    /// The same, and this may be asked about people beside who they are.
    #[must_use]
    pub fn wanting(self, wants: Wants) -> Self {
        Self { wants, ..self }
    }

    /// What may be asked about people at `now`: what the settings say, without what Graph refused lately.
    pub fn wants(&self, now: DateTime<Utc>) -> Wants {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |heard: &Option<Heard>| heard.as_ref().is_some_and(|heard| still_counts(heard, now));
        Wants {
            entra: self.wants.entra && !holds(&refused.entra),
            mailbox: self.wants.mailbox && !holds(&refused.mailbox),
        }
    }

    /// Why Graph refused lately to tell these things about people, one sentence for each.
    pub fn refused(&self, what: Wants, now: DateTime<Utc>) -> Vec<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let all = [(what.entra, &refused.entra), (what.mailbox, &refused.mailbox)];
        all.into_iter()
            .filter_map(|(asked, heard)| heard.as_ref().filter(|heard| asked && still_counts(heard, now)))
            .map(|heard| heard.reason.clone())
            .collect()
    }

    /// Graph refuses to tell these things about anybody.
    pub fn refuse(&self, what: Wants, heard: &Heard) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if what.entra {
            refused.entra = Some(heard.clone());
        }
        if what.mailbox {
            refused.mailbox = Some(heard.clone());
        }
    }

    /// What is known of this inquiry at `now`.
    pub fn lately(&self, seek: &Seek, now: DateTime<Utc>) -> Lately {
        if let Some(why) = self.off {
            return Lately::Off(why);
        }
        let key = seek.key();
        match self.memory().get(&key).filter(|heard| still_counts(heard, now)) {
            Some(heard) => Lately::Heard(heard.clone()),
            None => Lately::Unasked,
        }
    }

    /// Whether this was asked a while ago, whatever it brought.
    pub fn asked_lately(&self, seek: &Seek, now: DateTime<Utc>) -> bool {
        let memory = self.memory();
        memory.get(&seek.key()).is_some_and(|heard| still_counts(heard, now))
    }

    /// Remembers that an inquiry brought nothing.
    pub fn remember(&self, seek: &Seek, heard: Heard) {
        let mut memory = self.memory();
        if memory.len() >= MOST {
            let now = heard.at;
            memory.retain(|_, heard| still_counts(heard, now));
        }
        if memory.len() < MOST {
            memory.insert(seek.key(), heard);
        }
    }

    /// An inquiry brought something.
    pub fn forget(&self, seek: &Seek) {
        self.memory().remove(&seek.key());
    }

    /// The groups whose members Graph could not list lately though it may again, by the key of their roster, each with
    /// the reason.
    pub fn unanswered(&self, now: DateTime<Utc>) -> BTreeMap<String, String> {
        let memory = self.memory();
        let counts = |heard: &Heard| heard.passes && now - heard.at < UNANSWERED && still_counts(heard, now);
        let unanswered = memory.iter().filter(|(_, heard)| counts(heard));
        unanswered
            .map(|(key, heard)| (key.clone(), heard.reason.clone()))
            .collect()
    }

    fn memory(&self) -> MutexGuard<'_, BTreeMap<String, Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that lies in the future was heard by a clock that has been set back since.
fn still_counts(heard: &Heard, now: DateTime<Utc>) -> bool {
    now - heard.at < REMEMBERED && heard.at <= now + TimeDelta::minutes(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_is_remembered_for_a_quarter_of_an_hour() {
        let noon: DateTime<Utc> = "2026-03-02T12:00:00Z".parse().unwrap();
        let inquiries = Inquiries::on();
        let anna = Seek::Address("anna@contoso.example".to_owned());
        assert_eq!(inquiries.lately(&anna, noon), Lately::Unasked);
        let heard = Heard {
            at: noon,
            reason: "nobody".to_owned(),
            passes: false,
        };
        inquiries.remember(&anna, heard.clone());
        assert_eq!(
            inquiries.lately(&anna, noon + TimeDelta::minutes(14)),
            Lately::Heard(heard)
        );
        assert_eq!(inquiries.lately(&anna, noon + TimeDelta::minutes(15)), Lately::Unasked);
        assert_eq!(inquiries.lately(&anna, noon - TimeDelta::days(1)), Lately::Unasked);
    }
}
