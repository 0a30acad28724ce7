//! Sleeps until the next moment of any rule's schedule, and brings it as an event.

use std::sync::Arc;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::dispatch::Dispatcher;
use crate::event::{Event, EventId, Origin};
use crate::live::Live;
use crate::rule::schedule::Schedule;
use crate::rule::trigger::{IfMissed, Trigger};
use crate::stop::Stop;
use crate::store::{Outbox, StoreError};

/// A moment that is noticed this late still counts as on time: a busy machine, a restart of a few seconds.
const GRACE: Duration = Duration::minutes(2);
/// How long to wait when the store cannot be used.
const STORE_WAIT: Duration = Duration::seconds(5);

/// Brings the moments of schedules.
pub struct CronListener {
    /// The rules in force; a reload wakes the listener.
    pub live: watch::Receiver<Live>,
    /// Where the last moment of each schedule is remembered.
    pub outbox: Arc<dyn Outbox>,
    /// Who decides.
    pub dispatcher: Dispatcher,
    /// The time.
    pub clock: Clock,
}

/// One schedule of one rule.
struct Planned {
    rule: String,
    trigger: usize,
    schedule: Schedule,
    zone: chrono_tz::Tz,
    if_missed: IfMissed,
    except_on: std::collections::BTreeSet<chrono::NaiveDate>,
}

impl Planned {
    /// Under which note the last moment is kept. A changed expression or zone is another schedule: it starts afresh.
    fn note(&self) -> String {
        format!(
            "cron/{}/{}/{}/{}",
            self.rule,
            self.trigger,
            self.zone,
            self.schedule.source()
        )
    }

    /// The first moment after `after` that is not on a day left out.
    fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
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
}

impl CronListener {
    /// Runs until `stop` is true.
    pub async fn run(mut self, mut stop: Stop) {
        loop {
            let planned = self.planned();
            let next = match self.bring_due(&planned).await {
                Ok(next) => next,
                Err(problem) => {
                    warn!(%problem, "schedules cannot be worked on, trying again");
                    Some(self.clock.now() + STORE_WAIT)
                }
            };
            tokio::select! {
                () = stop.told() => return,
                changed = self.live.changed() => if changed.is_err() { return },
                () = self.clock.sleep_until_any(next) => {}
            }
        }
    }

    fn planned(&mut self) -> Vec<Planned> {
        let workspace = self.live.borrow_and_update().workspace.clone();
        let mut planned = Vec::new();
        for rule in &workspace.ruleset.rules {
            for (index, trigger) in rule.triggers.iter().enumerate() {
                if let Trigger::Cron {
                    schedule,
                    zone,
                    if_missed,
                    except_on,
                } = trigger
                {
                    planned.push(Planned {
                        rule: rule.name.clone(),
                        trigger: index,
                        schedule: schedule.clone(),
                        zone: *zone,
                        if_missed: *if_missed,
                        except_on: except_on.clone(),
                    });
                }
            }
        }
        planned
    }

    /// Brings every moment that is due and says when the next one is.
    async fn bring_due(&self, planned: &[Planned]) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut earliest: Option<DateTime<Utc>> = None;
        for planned in planned {
            let now = self.clock.now();
            let since = match self.last(planned).await? {
                Some(last) => last,
                // A schedule seen for the first time owes nothing for the past.
                None => {
                    self.remember(planned, now).await?;
                    now
                }
            };
            let mut due = Vec::new();
            let mut moment = planned.next_after(since);
            while let Some(at) = moment.filter(|at| *at <= now) {
                // Only the newest missed moment is ever run: after a week of silence nobody wants seven reminders.
                due.clear();
                due.push(at);
                moment = planned.next_after(at);
            }
            if let Some(at) = due.pop() {
                self.bring(planned, at, now).await?;
                self.remember(planned, at).await?;
            }
            earliest = [earliest, moment].into_iter().flatten().min();
        }
        Ok(earliest)
    }

    async fn bring(&self, planned: &Planned, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), StoreError> {
        let late = now - at > GRACE;
        if late && planned.if_missed == IfMissed::Skip {
            info!(rule = %planned.rule, scheduled_at = %at, "missed moment is skipped, as the rule's `if_missed` says");
            return Ok(());
        }
        let instant = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let local = at.with_timezone(&planned.zone);
        let event = Event {
            id: EventId::derived(&["cron", &planned.note(), &instant]),
            origin: Origin::Cron {
                rule: planned.rule.clone(),
                trigger: planned.trigger,
                scheduled_at: at,
            },
            occurred_at: at,
            data: json!({
                "scheduled_at": instant,
                "local_time": local.to_rfc3339_opts(SecondsFormat::Secs, true),
                "date": local.format("%Y-%m-%d").to_string(),
                "weekday": local.format("%A").to_string(),
                "time_zone": planned.zone.name(),
                "schedule": planned.schedule.source(),
                "late": late,
            }),
            request: Value::Null,
            here: None,
            sender: None,
        };
        self.dispatcher.dispatch(&event).await.map(drop)
    }

    async fn last(&self, planned: &Planned) -> Result<Option<DateTime<Utc>>, StoreError> {
        let note = self.outbox.note(&planned.note()).await?;
        Ok(note.and_then(|note| serde_json::from_value(note).ok()))
    }

    async fn remember(&self, planned: &Planned, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.outbox.set_note(&planned.note(), Some(&json!(at))).await
    }
}
