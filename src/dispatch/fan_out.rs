//! Taking in the recipients of a broadcast, a part at a time, until all of them are on disk.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use tracing::{info, warn};

use super::ahead::Ahead;
use super::part::PART;
use super::{ATTEMPTS, Dispatcher, Missing, Occasion};
use crate::event::{Event, Origin};
use crate::judge::{Judged, judge};
use crate::rule::Rule;
use crate::store::StoreError;
use crate::store::outbox::{Batch, EventRecord, FanOut, Held, RuleRecord};
use crate::workspace::{Workspace, program};

/// For how long a broadcast that is being taken in is not begun a second time. It is renewed with every part; after a
/// restart it is gone on with at once.
pub const LEASE: Duration = Duration::minutes(2);
/// For how long what a rule is made of is needed at most; it is kept for long after that anyway.
const LASTS: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

impl Dispatcher {
    /// Takes in the rest of the recipients of a rule that tells many. What is taken in already is passed over, so that
    /// it can be cut off anywhere and begun again.
    ///
    /// # Errors
    /// Those of the store; the rest stays to be taken in.
    pub async fn fan_out(&self, held: &Held) -> Result<(), StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        let event = &held.event;
        let now = self.clock.now();
        let rules = self.rule_of(&workspace, held).await?;
        let judged = judge(event, &rules, workspace.settings.time_zone, now).pop();
        let Some(Judged {
            rule,
            mut scope,
            verdicts,
        }) = judged.filter(|judged| judged.verdicts.holds)
        else {
            warn!(event = %event.id, rule = %held.rule, "rule is gone or changed, the rest of its recipients gets nothing");
            return self.outbox.unhold(&event.id, &held.rule).await;
        };
        self.see_matter(event, rule, &mut scope).await?;
        let occasion = Occasion {
            event,
            workspace: &workspace,
            missing: Missing::Ask { asked_lately: true },
            counted: &held.counted,
            ahead: &Ahead::of(&self.recent),
            now: event_time(held, now),
        };
        self.matter_of_step(event, &mut scope).await?;
        let program = match &held.fan_out {
            Some(so_far) => so_far.program.clone(),
            None => self.keep_for_the_others(event, rule, now).await?,
        };
        let whom = self.whom(&occasion, rule, &scope).await?;
        let all = whom.told.reached.len();
        let audience = whom.fingerprint();
        let known = self.outbox.event(&event.id).await?;
        let before = known.and_then(|record| record.rules.into_iter().find(|known| known.rule == rule.name));
        let (mut done, mut record) = match (&held.fan_out, before) {
            (Some(so_far), Some(before)) if so_far.audience == audience => (so_far.done.min(all), before),
            _ => (
                0,
                RuleRecord {
                    lines: verdicts.lines.clone(),
                    ..RuleRecord::default()
                },
            ),
        };
        while done < all {
            let range = done..(done + PART).min(all);
            let mut attempt = 1;
            let so_far = loop {
                let mut part = self.part(&occasion, rule, scope.clone(), &whom, range.clone()).await?;
                self.mark(event, &mut part.plan.deliveries, occasion.now);
                let so_far = added(&record, part.record);
                let record = EventRecord {
                    rules: vec![so_far.clone()],
                    ..self.record(event, &workspace, rules.len())
                };
                let batch = Batch {
                    deliveries: part.plan.deliveries,
                    cards: part.plan.cards,
                    windows: part.plan.windows,
                    runs: vec![part.run],
                    ..Batch::of(record)
                };
                match self.outbox.enqueue(batch).await {
                    Ok(receipt) => {
                        self.metrics.planned(receipt.new.len());
                        self.count(part.tally);
                        break so_far;
                    }
                    Err(StoreError::Overtaken) if attempt < ATTEMPTS => attempt += 1,
                    Err(problem) => return Err(problem),
                }
            };
            record = so_far;
            done = range.end;
            self.work.notify_waiters();
            if done == all {
                break;
            }
            let so_far = Held {
                due_at: self.clock.now() + LEASE,
                fan_out: Some(FanOut {
                    done,
                    audience: audience.clone(),
                    program: program.clone(),
                }),
                ..held.clone()
            };
            self.outbox.hold(&so_far).await?;
        }
        self.outbox.unhold(&event.id, &held.rule).await?;
        info!(event = %event.id, rule = %rule.name, recipients = all, "all recipients are taken in");
        Ok(())
    }

    /// Sees to it that what `rule` is made of is on disk until all of its recipients are taken in, and says under what.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn keep_for_the_others(
        &self,
        event: &Event,
        rule: &Rule,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, StoreError> {
        if let Origin::Step { .. } = event.origin {
            // That of the rule whose step it is was kept before.
            return Ok(None);
        }
        let sources = self.live.borrow().sources.clone();
        let Some(program) = program::of_file(&rule.name, &rule.file, &sources) else {
            return Ok(None);
        };
        self.programs.keep(self.outbox.as_ref(), &program, LASTS, now).await?;
        Ok(Some(program.id))
    }

    /// The rule as it was under `program`; as it is now if nothing of it has changed, or if that is not kept any more.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn as_it_was(
        &self,
        program: &str,
        now: Option<Arc<Rule>>,
        workspace: &Workspace,
    ) -> Result<Option<Arc<Rule>>, StoreError> {
        let sources = self.live.borrow().sources.clone();
        let made_of = now
            .as_ref()
            .and_then(|rule| program::of_file(&rule.name, &rule.file, &sources));
        if made_of.is_some_and(|made_of| made_of.id == program) {
            return Ok(now);
        }
        let kept = self.programs.rule(self.outbox.as_ref(), program, workspace).await?;
        Ok(kept.or(now))
    }
}

/// All parts are decided as of the same instant, so that they expire together.
fn event_time(held: &Held, now: DateTime<Utc>) -> DateTime<Utc> {
    held.decided_at.unwrap_or(now)
}

/// The record of what was taken in so far and one more part.
fn added(so_far: &RuleRecord, part: RuleRecord) -> RuleRecord {
    let mut held_back = so_far.held_back.clone();
    held_back.extend(part.held_back);
    held_back.truncate(RuleRecord::HELD_BACK_KEPT);
    let mut silenced = so_far.silenced.clone();
    silenced.extend(part.silenced);
    silenced.truncate(RuleRecord::HELD_BACK_KEPT);
    RuleRecord {
        deliveries: so_far.deliveries + part.deliveries,
        held_back_count: so_far.held_back_count + part.held_back_count,
        held_back,
        silenced_count: so_far.silenced_count + part.silenced_count,
        silenced,
        stopped_count: so_far.stopped_count + part.stopped_count,
        stopped: so_far
            .stopped
            .iter()
            .chain(&part.stopped)
            .take(RuleRecord::STOPPED_KEPT)
            .cloned()
            .collect(),
        lines: so_far.lines.clone(),
        lines_left_out: so_far.lines_left_out,
        ..part
    }
}
