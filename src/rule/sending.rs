//! How the cards of a rule are sent: how urgently, until when, and what guards a broadcast.

mod compile;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::card::Importance;
use crate::delivery::Terms;
use crate::event::EventId;
use crate::lane::Lane;
use crate::rule::target::Target;
use crate::run::{First, Phase, Run};

/// A rule that tells more recipients than this is a broadcast, and lets other rules go first.
pub const BROADCAST: usize = 100;

/// What a rule says about sending; the default says nothing.
#[derive(Debug, Clone, Default)]
pub struct Sending {
    /// How urgent its cards are.
    pub urgency: Urgency,
    /// For how long they are worth sending.
    pub expires_after: Option<Duration>,
    /// Who gets them before the others.
    pub first_try_on: FirstTry,
    /// More than this share of failures, in percent, pauses the run.
    pub stop_above_percent: Option<u8>,
    /// With more recipients somebody has to approve the run.
    pub approval_above: Option<usize>,
    /// How important Teams is told its messages are.
    pub importance: Option<Importance>,
    /// Its messages are also shown in the activity feed.
    pub alert: bool,
}

/// How urgent the cards of a rule are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Urgency {
    /// They can wait for everything else.
    Low,
    /// As usual.
    #[default]
    Normal,
    /// As usual, but never taken for a broadcast.
    High,
    /// Before everything else.
    Critical,
}

/// Who gets a card before the others.
#[derive(Debug, Clone, Default)]
pub enum FirstTry {
    /// Nobody.
    #[default]
    Nobody,
    /// So many of the recipients.
    Count(usize),
    /// These, whether `notify` names them or not.
    Targets(Vec<Target>),
}

impl FirstTry {
    /// The targets that are named.
    pub fn targets(&self) -> &[Target] {
        match self {
            FirstTry::Nobody | FirstTry::Count(_) => &[],
            FirstTry::Targets(targets) => targets,
        }
    }
}

impl Sending {
    /// The lane of cards that go to so many.
    pub fn lane(&self, recipients: usize) -> Lane {
        match self.urgency {
            Urgency::Critical => Lane::Critical,
            Urgency::High => Lane::Normal,
            Urgency::Normal if recipients > BROADCAST => Lane::Bulk,
            Urgency::Normal => Lane::Normal,
            Urgency::Low => Lane::Bulk,
        }
    }

    /// From when on a card that was decided at `now` is not worth sending.
    pub fn expires_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let after = TimeDelta::from_std(self.expires_after?).ok()?;
        now.checked_add_signed(after)
    }

    /// How a card that was decided at `now` and goes to one of so many is sent.
    pub fn terms(&self, recipients: usize, now: DateTime<Utc>) -> Terms {
        Terms {
            lane: self.lane(recipients),
            expires_at: self.expires_at(now),
            ..Terms::default()
        }
    }

    /// Does a run to so many wait for an approval, or for how it goes with the first of them?
    pub fn by_steps(&self, recipients: usize, first: usize) -> bool {
        self.phase(recipients, first) != Phase::Running
    }

    fn phase(&self, recipients: usize, first: usize) -> Phase {
        match self.approval_above {
            Some(bound) if recipients > bound => Phase::AwaitingApproval,
            Some(_) | None if first > 0 => Phase::Trying,
            Some(_) | None => Phase::Running,
        }
    }

    /// The run that begins with so many recipients, the first `first` of whom get it before the others.
    pub fn run(&self, event: &EventId, rule: &str, recipients: usize, first: usize, now: DateTime<Utc>) -> Run {
        Run {
            lane: self.lane(recipients),
            phase: self.phase(recipients, first),
            first: First {
                count: first as u64,
                ..First::default()
            },
            stop_above_percent: self.stop_above_percent,
            expires_at: self.expires_at(now),
            ..Run::new(event, rule, recipients as u64, now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn lane(urgency: Urgency, recipients: usize) -> Lane {
        let sending = Sending {
            urgency,
            ..Sending::default()
        };
        sending.lane(recipients)
    }

    #[test]
    fn a_broadcast_lets_others_go_first_unless_it_is_urgent() {
        assert_eq!(lane(Urgency::Normal, BROADCAST), Lane::Normal);
        assert_eq!(lane(Urgency::Normal, BROADCAST + 1), Lane::Bulk);
        assert_eq!(lane(Urgency::High, BROADCAST + 1), Lane::Normal);
        assert_eq!(lane(Urgency::Critical, BROADCAST + 1), Lane::Critical);
        assert_eq!(lane(Urgency::Low, 1), Lane::Bulk);
    }

    #[test]
    fn a_run_waits_for_an_approval_before_it_is_tried_on_some() {
        let sending = Sending {
            approval_above: Some(500),
            ..Sending::default()
        };
        let run = |recipients, first| sending.run(&EventId::known("ev_1"), "news", recipients, first, noon());
        assert_eq!(run(501, 5).phase, Phase::AwaitingApproval);
        assert_eq!(run(500, 5).phase, Phase::Trying);
        assert_eq!(run(500, 0).phase, Phase::Running);
        assert_eq!(run(501, 5).first.count, 5);
    }

    #[test]
    fn a_card_is_worth_sending_for_as_long_as_the_rule_says() {
        let sending = Sending {
            expires_after: Some(Duration::from_secs(7200)),
            ..Sending::default()
        };
        assert_eq!(sending.terms(1, noon()).expires_at, Some(noon() + TimeDelta::hours(2)));
        assert_eq!(Sending::default().terms(1, noon()), Terms::default());
    }
}
