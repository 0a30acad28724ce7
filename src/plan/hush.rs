//! What quiet hours make of a card: it goes now, it waits for the morning, or it is not sent.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::audience::Reached;
use crate::delivery::{Address, Terms};
use crate::event::{Event, Origin};
use crate::quiet::policy::Then;
use crate::quiet::{Kept, Quiet, Silence, Silenced, because};
use crate::rule::Rule;
use crate::rule::sending::Urgency;

/// The quiet hours of everybody whom one event is about.
pub(super) struct Hush<'a> {
    rule: &'a Rule,
    event: &'a Event,
    zone: Tz,
    now: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    /// Nothing waits.
    passes: bool,
    pub(super) silenced: Vec<Silenced>,
}

/// What the time makes of one card.
pub(super) enum Voice {
    /// It is sent as soon as it can be; the quiet hours go with it, in case that is later than it should be.
    Now(Option<Kept>),
    /// It waits until the quiet hours end, for this reason.
    Later(Option<Kept>, DateTime<Utc>, String),
    /// It is not sent.
    Never,
}

impl<'a> Hush<'a> {
    pub(super) fn new(
        rule: &'a Rule,
        event: &'a Event,
        scope: &Value,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let zone = scope["time_zone"].as_str().and_then(|zone| zone.parse().ok());
        let urgent = match rule.sending.urgency {
            Urgency::High | Urgency::Critical => true,
            Urgency::Low | Urgency::Normal => false,
        };
        Self {
            rule,
            event,
            zone: zone.unwrap_or(Tz::UTC),
            now,
            expires_at,
            // Whoever tries a rule out wants to see its card.
            passes: urgent || matches!(event.origin, Origin::Drill { .. }),
            silenced: Vec::new(),
        }
    }

    /// By which clock a recipient lives: places by that of the workspace.
    pub(super) fn zone_of(&self, reached: &Reached) -> Tz {
        reached.zone(self.zone)
    }

    /// May this card be sent now?
    pub(super) fn ask(&mut self, reached: &Reached) -> Voice {
        if self.passes || self.is_answered(reached) {
            return Voice::Now(None);
        }
        let quiet = self.quiet(reached);
        if quiet.is_none() {
            return Voice::Now(None);
        }
        let zone = self.zone_of(reached);
        let kept = quiet.kept(self.now, zone);
        let Some(until) = quiet.until(self.now, zone) else {
            return Voice::Now(kept);
        };
        let why = match self.rule.quiet.then {
            Then::Drop => Silence::Dropped,
            Then::Send | Then::Digest if self.expires_at.is_some_and(|at| at <= until) => Silence::TooLate,
            Then::Send | Then::Digest => return Voice::Later(kept, until, because(&quiet.words(), until, zone)),
        };
        self.silenced.push(Silenced {
            recipient: reached.recipient.name.clone(),
            until,
            why,
        });
        Voice::Never
    }

    fn quiet(&self, reached: &Reached) -> Quiet {
        match reached.recipient.address {
            Address::Person { .. } | Address::Feed { .. } => {
                self.rule.quiet.for_person(reached.life.quiet_hours.as_ref())
            }
            Address::Conversation { .. } | Address::Webhook { .. } => self.rule.quiet.for_place(),
            Address::Nowhere { .. } => Quiet::default(),
        }
    }

    /// Whoever writes, presses a button or installs the app at night is awake, and waits for an answer.
    fn is_answered(&self, reached: &Reached) -> bool {
        match self.event.origin {
            Origin::Message { .. } | Origin::Button { .. } | Origin::Teams { .. } => {}
            Origin::Hook { .. }
            | Origin::Queue { .. }
            | Origin::Cron { .. }
            | Origin::File { .. }
            | Origin::Step { .. }
            | Origin::Drill { .. } => return false,
        }
        let same = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (None, _) | (_, None) => false,
        };
        match (&reached.recipient.address, &reached.person, &self.event.sender) {
            (Address::Conversation { id }, _, _) => self.event.here.as_ref() == Some(id),
            (Address::Person { .. } | Address::Feed { .. }, Some(person), Some(sender)) => {
                same(&person.aad_object_id, &sender.aad_object_id) || same(&person.account_id, &sender.account_id)
            }
            (
                Address::Person { .. } | Address::Feed { .. } | Address::Webhook { .. } | Address::Nowhere { .. },
                _,
                _,
            ) => false,
        }
    }
}

impl Voice {
    /// The terms of a card that is sent now or later, when it may be sent, and why not now; none if it is not sent.
    pub(super) fn terms(self, usual: &Terms, now: DateTime<Utc>) -> Option<(Terms, DateTime<Utc>, Option<String>)> {
        match self {
            Voice::Now(quiet) => Some((Terms { quiet, ..usual.clone() }, now, None)),
            Voice::Later(quiet, until, reason) => {
                let terms = Terms {
                    quiet,
                    held_until: Some(until),
                    ..usual.clone()
                };
                Some((terms, until, Some(reason)))
            }
            Voice::Never => None,
        }
    }
}
