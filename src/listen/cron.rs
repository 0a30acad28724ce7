//! Sleeps until the next moment of any rule's schedule, and brings it as an event.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::dispatch::Dispatcher;
use crate::live::Live;
use crate::rule::moment::Planned;
use crate::rule::trigger::IfMissed;
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
                planned.extend(Planned::of(&rule.name, index, trigger));
            }
        }
        planned
    }

    /// Brings every moment that is due and says when the next one is.
    async fn bring_due(&self, planned: &[Planned]) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut earliest: Option<DateTime<Utc>> = None;
        for planned in planned {
            if planned.recipients {
                let next = self.bring_everywhere(planned).await?;
                earliest = [earliest, next].into_iter().flatten().min();
                continue;
            }
            let now = self.clock.now();
            let since = match self.last(planned).await? {
                Some(last) if last <= now => last,
                // A schedule seen for the first time owes nothing for the past. Neither does one that went by a clock
                // that was ahead: it goes on from now, and a moment that was brought already adds nothing.
                Some(_) | None => {
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

    /// The same for a schedule that goes by the clock of each recipient: a moment comes once for each stretch of clocks.
    async fn bring_everywhere(&self, planned: &Planned) -> Result<Option<DateTime<Utc>>, StoreError> {
        let now = self.clock.now();
        let since = match self.last(planned).await? {
            Some(last) if last <= now => last,
            Some(_) | None => {
                self.remember(planned, now).await?;
                now
            }
        };
        for (at, zone) in planned.due_everywhere(since, now) {
            let late = now - at > GRACE;
            if late && planned.if_missed == IfMissed::Skip {
                info!(rule = %planned.rule, scheduled_at = %at, "missed moment is skipped, as the rule's `if_missed` says");
            } else if zone == planned.zone {
                self.dispatcher.dispatch(&planned.event_in(zone, at, late)).await?;
            } else {
                self.dispatcher
                    .dispatch_to_somebody(&planned.event_in(zone, at, late))
                    .await?;
            }
            self.remember(planned, at).await?;
        }
        Ok(planned.next_everywhere(now))
    }

    async fn bring(&self, planned: &Planned, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), StoreError> {
        let late = now - at > GRACE;
        if late && planned.if_missed == IfMissed::Skip {
            info!(rule = %planned.rule, scheduled_at = %at, "missed moment is skipped, as the rule's `if_missed` says");
            return Ok(());
        }
        self.dispatcher.dispatch(&planned.event(at, late)).await.map(drop)
    }

    async fn last(&self, planned: &Planned) -> Result<Option<DateTime<Utc>>, StoreError> {
        let note = self.outbox.note(&planned.note()).await?;
        Ok(note.and_then(|note| serde_json::from_value(note).ok()))
    }

    async fn remember(&self, planned: &Planned, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.outbox.set_note(&planned.note(), Some(&json!(at))).await
    }
}
