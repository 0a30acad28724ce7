//! What follows the first message of a rule: [`Then`], its [`Step`]s, and how far they have come for one matter.
//!
//! Steps come one after the other, in the order written. `after` counts from the first message, so that "after 15 minutes
//! the next one, after 30 minutes the lead" reads as it is meant; a step without a time comes right after the one before
//! it. After a standstill the steps keep the distance that their author gave them, instead of coming all at once.

pub mod file;
mod program;
mod words;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::call::Call;
use crate::card::source::CardSource;
use crate::matter::steps::{Done, Next};
use crate::rotation::instant;
use crate::rule::Rule;
use crate::rule::condition::Condition;
use crate::rule::sending::Urgency;
use crate::rule::target::Target;

pub use program::Program;
pub use words::in_words;

/// How many steps a rule has.
pub const MOST_STEPS: usize = 50;
/// The longest `after`.
pub const LONGEST_AFTER: Duration = Duration::from_secs(366 * 24 * 3600);
/// A step that comes this late still counts as on time: a busy machine, a restart of a few seconds.
pub const GRACE: TimeDelta = TimeDelta::minutes(2);

/// What a rule's `then:` says.
#[derive(Debug, Clone)]
pub struct Then {
    /// Never empty.
    pub steps: Vec<Arc<Step>>,
    /// What is under way follows the rule when it changes; otherwise it finishes as it began.
    pub follow_edits: bool,
    /// What the rule was made of, to finish by what has begun; nothing where `follow_edits` is set.
    pub program: Option<Arc<Program>>,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// What its author calls it, else `step 2`.
    pub name: String,
    /// When it comes.
    pub wait: Wait,
    /// What makes it needless.
    pub unless: Unless,
    /// What must be true as well.
    pub condition: Condition,
    /// What becomes of it when it would come much too late.
    pub if_late: IfLate,
    /// What it does.
    pub act: Act,
}

/// When a step comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wait {
    /// So long after the first message.
    pub after: Option<Duration>,
    /// At this time of day; the next one, after the first message or after `after`.
    pub at: Option<NaiveTime>,
}

/// What makes a step needless. A matter that is closed needs no further steps, whatever is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unless {
    /// Somebody acknowledged it.
    pub acknowledged: bool,
}

/// What becomes of a step that would come much too late, because Herald was not running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IfLate {
    /// It comes all the same.
    #[default]
    Send,
    /// It is left out.
    Skip,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Somebody is told.
    Tell(Box<Tell>),
    /// Another program is asked.
    Call(Box<Call>),
}

/// Who is told, and what. What is not said is as in the rule.
#[derive(Debug, Clone)]
pub struct Tell {
    /// Who; those of the rule without it.
    pub notify: Option<Vec<Target>>,
    /// Who not.
    pub except: Vec<Target>,
    /// What; the card of the rule without it.
    pub card: Option<Arc<CardSource>>,
    /// How urgent it is.
    pub urgency: Option<Urgency>,
}

/// What may make a step needless, as the matter knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Somebody acknowledged it.
    pub acknowledged: bool,
    /// It is closed.
    pub closed: bool,
    /// It sleeps until then.
    pub snoozed_until: Option<DateTime<Utc>>,
}

/// What is to be made of a step that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// It comes now.
    Comes,
    /// It is put off.
    Later(DateTime<Utc>),
    /// It is left out, for this reason; the next one follows.
    LeftOut(String),
    /// Neither it nor any other is needed.
    Over(String),
}

impl Then {
    /// The step that follows the `done` ones of a matter that began at `began_at`, with the clock at `now`; nothing when
    /// all are done.
    pub fn next(&self, done: &[Done], began_at: DateTime<Utc>, zone: Tz, now: DateTime<Utc>) -> Option<Next> {
        let place = done.last().map_or(0, |last| last.step + 1);
        let step = self.steps.get(place)?;
        let planned_at = self.planned(place, done, began_at, zone, now);
        Some(Next {
            step: place,
            name: step.name.clone(),
            planned_at,
            due_at: planned_at,
            tries: 0,
        })
    }

    /// When step `place` is due after the `done` ones.
    fn planned(
        &self,
        place: usize,
        done: &[Done],
        began_at: DateTime<Utc>,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> DateTime<Utc> {
        let wait = self.steps[place].wait;
        // The clock may have been put back since.
        let before = done.last().map_or(began_at, |last| last.at.min(now));
        let Some(after) = wait.after else {
            return match wait.at {
                Some(time) => next_time(time, before, false, zone),
                None => before,
            };
        };
        let mut at = later(began_at, after).max(before);
        // Whoever was reminded late is reminded again late; that a call took its time puts nobody off.
        let timed = |one: &&Done| {
            let step = self.steps.get(one.step);
            step.is_some_and(|step| step.wait.after.is_some() && matches!(step.act, Act::Tell(_)))
        };
        if let Some(last) = done.iter().rev().find(timed) {
            let told_after = self.told_after(last.step);
            let own_time = self.steps.get(last.step).is_some_and(|step| step.wait.at.is_some());
            let nominal = if own_time {
                last.planned_at
            } else {
                later(began_at, told_after)
            };
            if last.at - nominal > GRACE {
                at = at.max(later(last.at.min(now), after.saturating_sub(told_after)));
            }
        }
        match wait.at {
            Some(time) => next_time(time, at, true, zone),
            None => at,
        }
    }

    /// The last `after` up to step `place`.
    fn told_after(&self, place: usize) -> Duration {
        let steps = self.steps.iter().take(place + 1);
        steps.filter_map(|step| step.wait.after).max().unwrap_or_default()
    }

    /// The cards of its own that its steps have.
    pub fn cards(&self) -> impl Iterator<Item = &CardSource> {
        self.steps.iter().filter_map(|step| match &step.act {
            Act::Tell(tell) => tell.card.as_deref(),
            Act::Call(_) => None,
        })
    }

    /// Whom its steps name.
    pub fn targets(&self) -> impl Iterator<Item = &[Target]> {
        self.steps.iter().flat_map(|step| match &step.act {
            Act::Tell(tell) => vec![tell.notify.as_deref().unwrap_or_default(), tell.except.as_slice()],
            Act::Call(_) => Vec::new(),
        })
    }

    /// How long all of it may take, on a clock that runs.
    pub fn lasts(&self) -> Duration {
        let days = self.steps.iter().filter(|step| step.wait.at.is_some()).count();
        let days = u32::try_from(days).unwrap_or(u32::MAX);
        self.told_after(self.steps.len()) + Duration::from_secs(24 * 3600).saturating_mul(days)
    }
}

impl Step {
    /// What is to be made of it now that it is due, apart from its own condition.
    pub fn judge(&self, known: Known, planned_at: DateTime<Utc>, now: DateTime<Utc>) -> Ruling {
        if known.closed {
            return Ruling::Over("it is closed".to_owned());
        }
        if self.unless.acknowledged && known.acknowledged {
            return Ruling::LeftOut("it is acknowledged".to_owned());
        }
        if let Some(until) = known.snoozed_until.filter(|until| *until > now) {
            return Ruling::Later(until);
        }
        if self.if_late == IfLate::Skip && now - planned_at > GRACE {
            return Ruling::LeftOut("it would come too late".to_owned());
        }
        Ruling::Comes
    }
}

impl Tell {
    /// The rule as this step has it: it tells others, or something else. Its limit does not hold steps back.
    pub fn rule(&self, rule: &Rule) -> Rule {
        let mut step = rule.clone();
        if let Some(notify) = &self.notify {
            step.notify.clone_from(notify);
            step.except.clone_from(&self.except);
        }
        if let Some(card) = &self.card {
            step.card = card.clone();
        }
        if let Some(urgency) = self.urgency {
            step.sending.urgency = urgency;
        }
        // What follows is said when its time has come, about the item that the first message was about.
        step.limit = None;
        step.digest = None;
        step.split = None;
        step.condition = Condition::always();
        step.then = None;
        step
    }
}

fn later(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| at.checked_add_signed(by))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The next instant at which the clocks of `zone` show `time`: after `from`, or at it where that `counts` as well.
fn next_time(time: NaiveTime, from: DateTime<Utc>, counts: bool, zone: Tz) -> DateTime<Utc> {
    let today = from.with_timezone(&zone).date_naive();
    // The clocks of a day can show a time twice or not at all, so that today's may lie either way.
    let days = (0..3).filter_map(|ahead| today.checked_add_days(Days::new(ahead)));
    let mut times = days.map(|day| instant(day.and_time(time), zone));
    times.find(|at| *at > from || (counts && *at == from)).unwrap_or(from)
}

#[cfg(test)]
mod tests;
