//! When everything gathered is told, and how: a rule's [`Digest`].

mod compile;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::card::source::CardSource;
use crate::rule::schedule::Schedule;

/// What a rule's `digest:` says.
#[derive(Debug, Clone, Default)]
pub struct Digest {
    /// The clock times at which is told what was gathered; without them, the end of the limit's window is the time.
    pub times: Option<Times>,
    /// The author's own card; without one, Herald makes it.
    pub card: Option<Arc<CardSource>>,
}

/// Clock times on days of the week.
#[derive(Debug, Clone)]
pub struct Times {
    /// One schedule for each time of the day. Never empty.
    schedules: Vec<Schedule>,
    /// On whose clock.
    zone: Tz,
    /// On the clock of whoever is told, as far as it is known.
    of_recipient: bool,
    /// What the author wrote.
    words: String,
}

impl Times {
    /// The times in words: `at 09:00 on monday`.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// The first of them after `after`. `person` is the zone of whoever is told, where it is known.
    ///
    /// When clocks change: a time in the missing hour comes right after it, one in the doubled hour comes once.
    pub fn next(&self, after: DateTime<Utc>, person: Option<Tz>) -> DateTime<Utc> {
        let zone = person.filter(|_| self.of_recipient).unwrap_or(self.zone);
        let next = self.schedules.iter().filter_map(|one| one.next_after(after, zone));
        next.min().unwrap_or(after)
    }
}
