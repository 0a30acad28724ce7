//! The moments of a schedule as events: when the next one is, and what a rule sees of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, SecondsFormat, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde_json::{Value, json};

use super::schedule::Schedule;
use super::trigger::{IfMissed, Trigger};
use crate::event::{Event, EventId, Origin};
use crate::holiday::Holidays;

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
    /// In each recipient's; `zone` is for those whose own is not known.
    pub recipients: bool,
    /// What becomes of a missed moment.
    pub if_missed: IfMissed,
    except_on: BTreeSet<NaiveDate>,
    holidays: Vec<Arc<Holidays>>,
}

impl Planned {
    /// The schedule of this trigger; `None` when it waits for something else.
    pub fn of(rule: &str, index: usize, trigger: &Trigger) -> Option<Planned> {
        match trigger {
            Trigger::Cron {
                schedule,
                zone,
                recipients,
                if_missed,
                except_on,
                holidays,
            } => Some(Planned {
                rule: rule.to_owned(),
                trigger: index,
                schedule: schedule.clone(),
                zone: *zone,
                recipients: *recipients,
                if_missed: *if_missed,
                except_on: except_on.clone(),
                holidays: holidays.clone(),
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
            if self.recipients { "recipient" } else { self.zone.name() },
            self.schedule.source()
        )
    }

    /// The first moment after `after` that is not on a day left out; `None` after the year 2100.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_in(self.zone, after)
    }

    /// The same by the clocks of `zone`.
    pub fn next_in(&self, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut moment = self.schedule.next_after(after, zone)?;
        // Left-out days are lists of dates and calendars, so there are finitely many steps in a row; a daily rule with ten
        // years of holidays fits.
        for _ in 0..100_000 {
            let local = moment.with_timezone(&zone).naive_local();
            let left_out = self.except_on.contains(&local.date())
                || self.holidays.iter().any(|holidays| holidays.at(local).is_some());
            if !left_out {
                return Some(moment);
            }
            moment = self.schedule.next_after(moment, zone)?;
        }
        None
    }

    /// The first moment after `after` that the clocks of any of these zones show.
    pub fn next_in_any(&self, zones: impl IntoIterator<Item = Tz>, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        zones.into_iter().filter_map(|zone| self.next_in(zone, after)).min()
    }

    /// For each zone on earth the newest moment after `since` until `now`: the instants in their order, each with a zone whose
    /// clocks show it then. Only the newest is ever run, as elsewhere.
    pub fn due_everywhere(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> BTreeMap<DateTime<Utc>, Tz> {
        let mut due = BTreeMap::new();
        for zone in std::iter::once(self.zone).chain(TZ_VARIANTS) {
            if let Some(at) = self.newest_in(zone, since, now) {
                due.entry(at).or_insert(zone);
            }
        }
        due
    }

    /// The first moment after `after` anywhere on earth.
    pub fn next_everywhere(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_in_any(TZ_VARIANTS, after)
    }

    /// The newest moment after `since` until `now`. A schedule knows only what is next, so it looks a short way back first.
    fn newest_in(&self, zone: Tz, since: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let back = [Duration::hours(1), Duration::hours(26), Duration::days(8)];
        let starts = back.into_iter().map(|back| (now - back).max(since)).chain([since]);
        for start in starts {
            let mut newest = None;
            let mut moment = self.next_in(zone, start);
            while let Some(at) = moment.filter(|at| *at <= now) {
                newest = Some(at);
                moment = self.next_in(zone, at);
            }
            if newest.is_some() || start == since {
                return newest;
            }
        }
        None
    }

    /// The moment `at` as an event. `late`: Herald was not running then, and makes up for it.
    pub fn event(&self, at: DateTime<Utc>, late: bool) -> Event {
        self.event_in(self.zone, at, late)
    }

    /// The same as the clocks of `zone` show it.
    pub fn event_in(&self, zone: Tz, at: DateTime<Utc>, late: bool) -> Event {
        let instant = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let local = at.with_timezone(&zone);
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
                "time_zone": zone.name(),
                "schedule": self.schedule.source(),
                "late": late,
            }),
            request: Value::Null,
            here: None,
            thread: None,
            item: None,
            sender: None,
        }
    }
}
