//! The moments of a schedule with `time_zone: recipient`: nine in the morning, wherever each recipient lives.
//!
//! Such a moment comes once for each stretch of clocks that show it together, and each event tells those who live there.
//! Deliveries are named by what the clock on the wall shows, not by the instant: whoever moves from one zone into another
//! is told of the same nine o'clock once.

use std::cell::RefCell;
use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use super::Rule;
use super::moment::Planned;
use crate::event::{Event, EventId, Origin};

/// A moment that some clocks show.
#[derive(Debug)]
pub struct LocalMoment {
    planned: Planned,
    at: DateTime<Utc>,
    known: RefCell<HashMap<Tz, bool>>,
}

impl LocalMoment {
    /// The moment that `event` is for `rule`; none if it is something else.
    pub fn of(rule: &Rule, event: &Event) -> Option<LocalMoment> {
        let (whose, trigger, at) = match &event.origin {
            Origin::Cron {
                rule,
                trigger,
                scheduled_at,
            } => (rule, *trigger, *scheduled_at),
            Origin::Hook { .. }
            | Origin::Queue { .. }
            | Origin::Teams { .. }
            | Origin::Message { .. }
            | Origin::Button { .. }
            | Origin::File { .. }
            | Origin::Step { .. }
            | Origin::Drill { .. } => return None,
        };
        let planned = Planned::of(&rule.name, trigger, rule.triggers.get(trigger)?)?;
        (*whose == rule.name && planned.recipients).then(|| LocalMoment {
            planned,
            at,
            known: RefCell::default(),
        })
    }

    /// Do the clocks of `zone` show it now?
    pub fn is_now_in(&self, zone: Tz) -> bool {
        let moment = || self.planned.next_in(zone, self.at - Duration::seconds(1)) == Some(self.at);
        *self.known.borrow_mut().entry(zone).or_insert_with(moment)
    }

    /// What the delivery is named by that somebody in `zone` is owed.
    pub fn id(&self, zone: Tz) -> EventId {
        let wall = self.at.with_timezone(&zone).naive_local();
        EventId::derived(&["cron", &self.planned.note(), &wall.to_string()])
    }
}
