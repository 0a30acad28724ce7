//! The moments of a schedule as events: when the next one is, and what a rule sees of it.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::schedule::Schedule;
use super::trigger::{IfMissed, Trigger};
use crate::event::{Event, EventId, Origin};

/// One schedule of one rule.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Whose schedule it is.
    pub rule: String,
    /// The trigger's place in the rule's `when`, from 0.
    pub trigger: usize,
    /// When.
    pub schedule: Schedule,
    /// In whose wall clock.
    pub zone: Tz,
    /// What becomes of a missed moment.
    pub if_missed: IfMissed,
    except_on: BTreeSet<NaiveDate>,
}

impl Planned {
    /// The schedule of this trigger; `None` when it waits for something else.
    pub fn of(rule: &str, index: usize, trigger: &Trigger) -> Option<Planned> {
        match trigger {
            Trigger::Cron {
                schedule,
                zone,
                if_missed,
                except_on,
            } => Some(Planned {
                rule: rule.to_owned(),
                trigger: index,
                schedule: schedule.clone(),
                zone: *zone,
                if_missed: *if_missed,
                except_on: except_on.clone(),
            }),
            Trigger::Hook { .. }
            | Trigger::Teams { .. }
            | Trigger::Message { .. }
            | Trigger::Button { .. }
            | Trigger::Queue { .. }
            | Trigger::File { .. } => None,
        }
    }

    /// Under which note the last moment is kept. A changed expression or zone is another schedule: it starts afresh.
    pub fn note(&self) -> String {
        format!(
            "cron/{}/{}/{}/{}",
            self.rule,
            self.trigger,
            self.zone,
            self.schedule.source()
        )
    }

    /// The first moment after `after` that is not on a day left out; `None` after the year 2100.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut moment = self.schedule.next_after(after, self.zone)?;
        // Left-out days are a list of dates, so there are finitely many steps; a daily rule with ten years of holidays fits.
        for _ in 0..100_000 {
            if !self.except_on.contains(&moment.with_timezone(&self.zone).date_naive()) {
                return Some(moment);
            }
            moment = self.schedule.next_after(moment, self.zone)?;
        }
        None
    }

    /// The moment `at` as an event. `late`: Herald was not running then, and makes up for it.
    pub fn event(&self, at: DateTime<Utc>, late: bool) -> Event {
        let instant = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let local = at.with_timezone(&self.zone);
        Event {
            id: EventId::derived(&["cron", &self.note(), &instant]),
            origin: Origin::Cron {
                rule: self.rule.clone(),
                trigger: self.trigger,
                scheduled_at: at,
            },
            occurred_at: at,
            data: json!({
                "scheduled_at": instant,
                "local_time": local.to_rfc3339_opts(SecondsFormat::Secs, true),
                "date": local.format("%Y-%m-%d").to_string(),
                "weekday": local.format("%A").to_string(),
                "time_zone": self.zone.name(),
                "schedule": self.schedule.source(),
                "late": late,
            }),
            request: Value::Null,
            here: None,
            thread: None,
            sender: None,
        }
    }
}
