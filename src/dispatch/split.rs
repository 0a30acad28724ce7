//! Events that rules take apart: each item decided by itself, all of them on disk before anybody is answered.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tracing::info;

use super::ahead::Ahead;
use super::{Brought, Decision, Dispatcher, Missing, Tally};
use crate::delivery::Delivery;
use crate::event::Event;
use crate::rule::Rule;
use crate::rule::condition::Verdicts;
use crate::rule::split::{Split, item_id};
use crate::store::StoreError;
use crate::store::outbox::{Batch, EventRecord, Filter, RuleRecord};
use crate::workspace::Workspace;

/// So many deliveries, or decisions, are written at once.
const AT_ONCE: usize = 1_000;
/// After so many attempts items are written one by one: two of them are about the same thing.
const TOGETHER: u32 = 3;
/// How many deliveries and runs an answer names.
const MOST_NAMED: usize = 1_000;

/// Is this an event that some of the rules take apart?
pub(super) fn is_apart(event: &Event, rules: &[Arc<Rule>]) -> bool {
    event.item.is_none() && rules.iter().any(|rule| rule.split.is_some())
}

/// What is decided and not written yet.
struct Intake {
    ahead: Ahead,
    waiting: Vec<(Event, Batch, Tally)>,
    deliveries: usize,
    /// How many decisions are written at once; `None` if nothing is to be written at all.
    bound: Option<usize>,
    /// What is on disk.
    decision: Option<Decision>,
}

impl Intake {
    fn new(ahead: Ahead, bound: Option<usize>) -> Self {
        Self {
            ahead,
            waiting: Vec::new(),
            deliveries: 0,
            bound,
            decision: None,
        }
    }

    /// Adds what was decided about one event, and writes all of it if that is enough.
    async fn add(&mut self, by: &Dispatcher, event: Event, batch: Batch, tally: Tally) -> Result<(), StoreError> {
        self.ahead.add(&*by.outbox, &batch.windows).await?;
        self.deliveries += batch.deliveries.len();
        self.waiting.push((event, batch, tally));
        match self.bound {
            Some(bound) if self.deliveries >= AT_ONCE || self.waiting.len() >= bound => self.write(by).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn write(&mut self, by: &Dispatcher) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.deliveries = 0;
        self.ahead = Ahead::of(&by.recent);
        let mut batches = Vec::with_capacity(waiting.len());
        let mut told = Vec::with_capacity(waiting.len());
        for (event, batch, tally) in waiting {
            told.push((event, Brought::of(&batch), tally));
            batches.push(batch);
        }
        let receipts = by.outbox.enqueue_all(batches).await?;
        by.work.notify_waiters();
        for ((event, brought, tally), receipt) in told.into_iter().zip(receipts) {
            if !receipt.repeat {
                by.count(tally);
            }
            let decision = by.taken(&event.id, brought, receipt);
            match &mut self.decision {
                None => self.decision = Some(decision),
                Some(all) => all.take_over(decision),
            }
        }
        Ok(())
    }
}

impl Decision {
    /// Adds what became of a further item; the last one to be added is the event itself.
    fn take_over(&mut self, other: Decision) {
        let Decision {
            event,
            repeat,
            deliveries,
            skipped,
            rules,
            waiting,
            runs,
            why,
            answer: _,
        } = other;
        (self.event, self.repeat, self.rules, self.why) = (event, repeat, rules, why);
        self.deliveries.extend(deliveries);
        self.skipped.extend(skipped);
        self.runs.extend(runs);
        self.waiting.extend(waiting);
        self.deliveries.truncate(MOST_NAMED);
        self.skipped.truncate(MOST_NAMED);
        self.runs.truncate(MOST_NAMED);
        self.waiting.sort();
        self.waiting.dedup();
    }
}

impl Dispatcher {
    /// Decides an event that some of the rules take apart. What is on disk already of an earlier try is left as it is;
    /// the event's own record comes last, so that until then it may be brought again.
    pub(super) async fn decide_items(
        &self,
        event: &Event,
        workspace: &Workspace,
        rules: &[Arc<Rule>],
        missing: Missing<'_>,
        attempt: u32,
    ) -> Result<Decision, StoreError> {
        let start = self.clock.now();
        let bound = if attempt <= TOGETHER { AT_ONCE } else { 1 };
        let mut intake = Intake::new(Ahead::of(&self.recent), Some(bound));
        let (mut batch, tally) = self.apart(event, workspace, rules, missing, &mut intake, start).await?;
        self.mark(event, &mut batch.deliveries, start);
        intake.add(self, event.clone(), batch, tally).await?;
        intake.write(self).await?;
        let decision = intake.decision.take().expect("the event itself was written");
        let items: usize = decision.rules.iter().map(|rule| rule.items_count).sum();
        info!(
            event = %event.id, origin = event.origin.kind(), rules = decision.rules.len(), items,
            deliveries = decision.deliveries.len(), skipped = decision.skipped.len(), "event decided, item by item"
        );
        self.trace(event, &decision, rules.len(), start);
        Ok(decision)
    }

    /// What would be owed; nothing of it is kept.
    pub(super) async fn rehearse_items(
        &self,
        event: &Event,
        workspace: &Workspace,
        rules: &[Arc<Rule>],
        missing: Missing<'_>,
        ahead: Ahead,
        now: DateTime<Utc>,
    ) -> Result<Batch, StoreError> {
        let mut intake = Intake::new(ahead, None);
        let (mut all, _) = self.apart(event, workspace, rules, missing, &mut intake, now).await?;
        for (_, batch, _) in intake.waiting {
            all.deliveries.extend(batch.deliveries);
            all.cards.extend(batch.cards);
            all.held.extend(batch.held);
            all.runs.extend(batch.runs);
        }
        Ok(all)
    }

    /// Decides all items, which go to `intake`, and gives what the other rules owe with the record of all of them.
    async fn apart(
        &self,
        event: &Event,
        workspace: &Workspace,
        rules: &[Arc<Rule>],
        missing: Missing<'_>,
        intake: &mut Intake,
        now: DateTime<Utc>,
    ) -> Result<(Batch, Tally), StoreError> {
        let (apart, whole): (Vec<Arc<Rule>>, Vec<Arc<Rule>>) =
            rules.iter().cloned().partition(|rule| rule.split.is_some());
        let decided = self.batch(event, workspace, &whole, missing, &[], &intake.ahead, now);
        let (mut batch, tally) = decided.await?;
        batch.record.elsewhere = self.record(event, workspace, rules.len()).elsewhere;
        for rule in &apart {
            let split = rule.split.as_ref().expect("these were chosen by it");
            let record = self.items(event, workspace, rule, split, missing, intake, now).await?;
            batch.record.rules.push(record);
        }
        batch.record.rules.sort_by(|a, b| a.rule.cmp(&b.rule));
        batch.record = batch.record.bounded();
        Ok((batch, tally))
    }

    /// Decides the items of an event for one rule.
    #[allow(clippy::too_many_arguments, reason = "all of them are what an occasion is made of")]
    async fn items(
        &self,
        event: &Event,
        workspace: &Workspace,
        rule: &Arc<Rule>,
        split: &Split,
        missing: Missing<'_>,
        intake: &mut Intake,
        now: DateTime<Utc>,
    ) -> Result<RuleRecord, StoreError> {
        let items = match split.items(&rule.name, event) {
            Ok(items) => items,
            Err(line) => {
                let verdicts = Verdicts {
                    holds: false,
                    lines: vec![line],
                };
                return Ok(RuleRecord::not_met(&rule.name, &verdicts));
            }
        };
        let mut record = RuleRecord::of_items(&rule.name, &items);
        // They are written in their order: behind the first that is not on disk, none is.
        let mut begun = true;
        for item in items.events {
            let known = match begun {
                true => self.outbox.event(&item.id).await?,
                false => None,
            };
            begun = known.is_some();
            if let Some(known) = known {
                record.add_item(&item, known.rules.first());
                continue;
            }
            let rules = std::slice::from_ref(rule);
            let decided = self.batch(&item, workspace, rules, missing, &[], &intake.ahead, now);
            let (mut batch, tally) = decided.await?;
            batch.record.origin = origin_of(&item, &batch.record);
            record.add_item(&item, batch.record.rules.first());
            self.mark(&item, &mut batch.deliveries, now);
            intake.add(self, item, batch, tally).await?;
        }
        Ok(record)
    }

    /// The deliveries of the items of an event that was taken before.
    pub(super) async fn of_items(&self, record: &EventRecord) -> Result<Vec<Delivery>, StoreError> {
        let mut deliveries = Vec::new();
        for rule in &record.rules {
            for index in 0..rule.items_count {
                if deliveries.len() >= MOST_NAMED {
                    return Ok(deliveries);
                }
                let filter = Filter {
                    event: Some(item_id(&record.id, &rule.rule, index)),
                    ..Filter::default()
                };
                deliveries.extend(self.outbox.list(&filter, None, MOST_NAMED).await?);
            }
        }
        Ok(deliveries)
    }
}

fn origin_of(item: &Event, record: &EventRecord) -> String {
    match &item.item {
        Some(part) => format!("item {} of {} of {}", part.index + 1, part.count, part.of),
        None => record.origin.clone(),
    }
}
