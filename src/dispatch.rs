//! From an event to durable deliveries: the method to read first is [`Dispatcher::dispatch`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use crate::audience::Audience;
use crate::clock::Clock;
use crate::delivery::{Delivery, DeliveryId, WindowId};
use crate::drill;
use crate::event::{Event, EventId, Origin};
use crate::judge::{Judged, judge, named, not_excepted, settle};
use crate::limit::Windows;
use crate::live::Live;
use crate::metric::Metrics;
use crate::plan::{self, Plan, plan, undeliverable};
use crate::record::Near;
use crate::rule::Rule;
use crate::store::outbox::{Batch, EventRecord, Held, RuleRecord};
use crate::store::{Directory, Outbox, StoreError};
use crate::workspace::Workspace;

/// Somebody who was not known when everybody was asked for this recently is not asked for again.
const LATELY: Duration = Duration::minutes(10);
/// How often an event is decided anew because others changed the windows of its limits meanwhile. Whoever overtakes gets
/// on, so a few times are enough.
const ATTEMPTS: u32 = 100;
/// How many sentences of a kind a record keeps.
const SENTENCES_KEPT: usize = 20;

/// Decides events and makes what they owe durable.
#[derive(Clone)]
pub struct Dispatcher {
    live: watch::Receiver<Live>,
    directory: Arc<dyn Directory>,
    outbox: Arc<dyn Outbox>,
    clock: Clock,
    metrics: Arc<Metrics>,
    work: Arc<Notify>,
    asked_at: watch::Receiver<Option<DateTime<Utc>>>,
}

/// What became of an event, for whoever brought it.
#[derive(Debug, Clone, Serialize)]
pub struct Decision {
    /// The event's id: what to ask about later.
    pub event: EventId,
    /// It had been taken before; nothing was added.
    pub repeat: bool,
    /// The deliveries it led to, this time or the first time.
    pub deliveries: Vec<DeliveryId>,
    /// Targets that nobody could be told through, with the reason.
    pub skipped: Vec<Skipped>,
    /// What each rule that waits for such an event made of it.
    pub rules: Vec<RuleRecord>,
    /// Rules that wait for a list of members before their recipients are known.
    pub waiting: Vec<String>,
    /// What to type to hear the whole story: `herald why ev_...`.
    pub why: String,
}

/// A target that nobody could be told through.
#[derive(Debug, Clone, Serialize)]
pub struct Skipped {
    /// The rule that named it.
    pub rule: String,
    /// What the author wrote.
    pub target: String,
    /// Why nobody could be told.
    pub reason: String,
}

/// Stands in [`Held::rosters`] for all teams and group chats: somebody is not known, and asking who there is may help.
pub const EVERYBODY: &str = "*";

/// What to do about people and places that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing<'a> {
    /// Ask Teams, and let the rule wait for the answer. Somebody who is still not known when everybody was asked for
    /// lately is not asked for again.
    Ask {
        /// Everybody was asked for lately.
        asked_lately: bool,
    },
    /// It could not be asked, for this reason: go on with those who are known.
    GivenUp(&'a str),
}

/// What one decision is about.
struct Occasion<'a> {
    event: &'a Event,
    workspace: &'a Workspace,
    missing: Missing<'a>,
    /// Windows of the rule's limit that counted the event already.
    counted: &'a [WindowId],
    now: DateTime<Utc>,
}

impl Dispatcher {
    /// A dispatcher over these stores; `work` is rung when something was enqueued. `asked_at` tells when Teams was last
    /// asked for everybody; `None` when somebody new came since.
    pub fn new(
        live: watch::Receiver<Live>,
        directory: Arc<dyn Directory>,
        outbox: Arc<dyn Outbox>,
        clock: Clock,
        metrics: Arc<Metrics>,
        work: Arc<Notify>,
        asked_at: watch::Receiver<Option<DateTime<Utc>>>,
    ) -> Self {
        Self {
            live,
            directory,
            outbox,
            clock,
            metrics,
            work,
            asked_at,
        }
    }

    /// Decides `event` by one snapshot of the rules and returns once everything it owes is on disk. Dispatching the
    /// same event again changes nothing.
    ///
    /// # Errors
    /// Those of the stores; nothing is taken then, and the event may be brought again.
    pub async fn dispatch(&self, event: &Event) -> Result<Decision, StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        let rules = drill::asked(workspace.ruleset.triggered_by(event), event);
        let mut attempt = 1;
        loop {
            if let Some(record) = self.outbox.event(&event.id).await? {
                return self.taken_before(record).await;
            }
            let asked_lately = self.asked_at.borrow().is_some_and(|at| self.clock.now() - at < LATELY);
            let missing = Missing::Ask { asked_lately };
            match self.decide(event, &workspace, &rules, missing, &[]).await {
                Err(StoreError::Overtaken) if attempt < ATTEMPTS => attempt += 1,
                decision => {
                    self.metrics.event(event.origin.kind());
                    return decision;
                }
            }
        }
    }

    /// Goes on with a rule that was held: its rosters are there now, or could not be had for the reason given.
    ///
    /// # Errors
    /// Those of the stores; the rule stays held then.
    pub async fn resume(&self, held: &Held, given_up: Option<&str>) -> Result<Decision, StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        let rule: Vec<_> = workspace
            .ruleset
            .rules
            .iter()
            .filter(|rule| rule.name == held.rule)
            .cloned()
            .collect();
        let rule = drill::asked(rule, &held.event);
        let missing = given_up.map_or(Missing::Ask { asked_lately: true }, Missing::GivenUp);
        let mut attempt = 1;
        let decision = loop {
            match self
                .decide(&held.event, &workspace, &rule, missing, &held.counted)
                .await
            {
                Err(StoreError::Overtaken) if attempt < ATTEMPTS => attempt += 1,
                decision => break decision?,
            }
        };
        if rule.is_empty() {
            warn!(event = %held.event.id, rule = %held.rule, "rule is gone, its waiting event is dropped");
        }
        if decision.waiting.is_empty() {
            self.outbox.unhold(&held.event.id, &held.rule).await?;
        }
        Ok(decision)
    }

    /// What [`Dispatcher::dispatch`] would make of `event`, without anything being owed, asked or kept.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn rehearse(&self, event: &Event) -> Result<Batch, StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        let rules = drill::asked(workspace.ruleset.triggered_by(event), event);
        let asked_lately = self.asked_at.borrow().is_some_and(|at| self.clock.now() - at < LATELY);
        self.batch(event, &workspace, &rules, Missing::Ask { asked_lately }, &[])
            .await
    }

    async fn decide(
        &self,
        event: &Event,
        workspace: &Workspace,
        rules: &[Arc<Rule>],
        missing: Missing<'_>,
        counted: &[WindowId],
    ) -> Result<Decision, StoreError> {
        let batch = self.batch(event, workspace, rules, missing, counted).await?;
        self.take_in(event, batch).await
    }

    /// What the rules owe because of the event; nothing of it is kept yet.
    async fn batch(
        &self,
        event: &Event,
        workspace: &Workspace,
        rules: &[Arc<Rule>],
        missing: Missing<'_>,
        counted: &[WindowId],
    ) -> Result<Batch, StoreError> {
        let mut batch = Batch {
            record: EventRecord {
                id: event.id.clone(),
                origin: origin_in_words(&event.origin),
                occurred_at: event.occurred_at,
                revision: workspace.ruleset.revision.clone(),
                rules: Vec::new(),
                elsewhere: Some(workspace.ruleset.rules.len().saturating_sub(rules.len())),
                near: near(workspace, event),
            },
            deliveries: Vec::new(),
            cards: Vec::new(),
            held: Vec::new(),
            windows: Vec::new(),
            runs: Vec::new(),
        };
        let now = self.clock.now();
        let occasion = Occasion {
            event,
            workspace,
            missing,
            counted,
            now,
        };
        for judged in judge(event, rules, workspace.settings.time_zone, now) {
            let Judged { rule, scope, verdicts } = judged;
            if !verdicts.holds {
                batch.record.rules.push(RuleRecord::not_met(&rule.name, &verdicts));
                continue;
            }
            self.decide_rule(&occasion, rule, scope, &mut batch).await?;
            if let Some(record) = batch.record.rules.last_mut() {
                record.lines = verdicts.lines;
            }
        }
        batch.record = batch.record.bounded();
        Ok(batch)
    }

    /// Makes durable what is owed.
    async fn take_in(&self, event: &Event, batch: Batch) -> Result<Decision, StoreError> {
        let skipped: Vec<_> = batch
            .deliveries
            .iter()
            .filter(|d| d.card_id.is_none())
            .map(skipped)
            .collect();
        let waiting: Vec<_> = batch.held.iter().map(|held| held.rule.clone()).collect();
        let rules: Vec<_> = batch.record.rules.iter().map(RuleRecord::brief).collect();
        let nobody: BTreeSet<DeliveryId> = batch
            .deliveries
            .iter()
            .filter(|d| d.card_id.is_none())
            .map(|d| d.id.clone())
            .collect();
        let receipt = self.outbox.enqueue(batch).await?;
        self.work.notify_waiters();
        let held_back: usize = rules.iter().map(|rule| rule.held_back_count).sum();
        self.metrics.held_back(held_back);
        info!(
            event = %event.id, origin = event.origin.kind(), rules = rules.len(), deliveries = receipt.new.len(),
            skipped = skipped.len(), held_back, waiting = waiting.len(), "event decided"
        );
        let deliveries = receipt
            .new
            .into_iter()
            .chain(receipt.known)
            .filter(|id| !nobody.contains(id))
            .collect();
        Ok(Decision {
            event: event.id.clone(),
            repeat: receipt.repeat,
            deliveries,
            skipped,
            rules,
            waiting,
            why: why(&event.id),
        })
    }

    async fn decide_rule(
        &self,
        occasion: &Occasion<'_>,
        rule: &Rule,
        scope: Value,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let Occasion {
            event,
            workspace,
            missing,
            counted,
            now,
        } = *occasion;
        let named = named(rule, &scope, &workspace.book, event);
        let tenant = workspace.settings.bot.tenant.as_deref();
        let mut told = self.directory.audience(&named.told, tenant, now).await?;
        let except = self.directory.audience(&named.excepted, tenant, now).await?;
        let mut wait_for: Vec<String> = told
            .rosters_needed
            .iter()
            .chain(&except.rosters_needed)
            .cloned()
            .collect();
        wait_for.sort();
        wait_for.dedup();
        if let Missing::Ask { asked_lately: false } = missing
            && told.unreachable.iter().any(|target| target.unknown)
        {
            told.unreachable.retain(|target| !target.unknown);
            wait_for.push(EVERYBODY.to_owned());
        }
        let mut notes = std::mem::take(&mut told.notes);
        notes.extend(not_excepted(&except));
        let revision = &workspace.ruleset.revision;
        let told = match missing {
            // While we do not know who is excepted, nobody may be told.
            Missing::Ask { .. } if !except.rosters_needed.is_empty() => Audience::default(),
            Missing::Ask { .. } | Missing::GivenUp(_) => settle(told, &except, &workspace.book),
        };
        let windows = Windows {
            known: match plan::windows(rule, &scope, &told).as_slice() {
                [] => BTreeMap::new(),
                ids => self.outbox.windows(ids).await?,
            },
            counted: counted.iter().cloned().collect(),
        };
        let mut planned = plan(rule, event, scope, &told, &windows, revision, now);
        planned
            .warnings
            .extend(named.warnings.into_vec().into_iter().chain(notes));
        match missing {
            Missing::Ask { .. } if wait_for.is_empty() => {}
            Missing::Ask { .. } => batch.held.push(Held {
                event: event.clone(),
                rule: rule.name.clone(),
                rosters: wait_for,
                due_at: now,
                attempts: 0,
                reason: None,
                counted: Vec::new(),
                fan_out: None,
            }),
            Missing::GivenUp(reason) => {
                let gone = wait_for.iter().map(|id| format!("members of {id}"));
                planned
                    .deliveries
                    .extend(gone.map(|what| undeliverable(rule, event, &what, reason, revision, now)));
            }
        }
        let Plan {
            deliveries,
            cards,
            held_back,
            windows,
            warnings,
        } = planned;
        batch.record.rules.push(RuleRecord {
            rule: rule.name.clone(),
            matched: true,
            because: Vec::new(),
            deliveries: deliveries.len(),
            warnings: warnings.into_iter().take(SENTENCES_KEPT).collect(),
            held_back_count: held_back.len(),
            held_back: held_back.into_iter().take(RuleRecord::HELD_BACK_KEPT).collect(),
            ..RuleRecord::default()
        });
        batch.windows.extend(windows);
        batch.deliveries.extend(deliveries);
        batch.cards.extend(cards);
        Ok(())
    }

    async fn taken_before(&self, record: EventRecord) -> Result<Decision, StoreError> {
        let filter = crate::store::outbox::Filter {
            event: Some(record.id.clone()),
            ..Default::default()
        };
        let known = self.outbox.list(&filter, None, 1000).await?;
        info!(event = %record.id, "event was taken before, nothing is added");
        Ok(Decision {
            why: why(&record.id),
            event: record.id,
            repeat: true,
            skipped: known.iter().filter(|d| d.card_id.is_none()).map(skipped).collect(),
            deliveries: known
                .into_iter()
                .filter(|d| d.card_id.is_some())
                .map(|d| d.id)
                .collect(),
            rules: record.rules.iter().map(RuleRecord::brief).collect(),
            waiting: Vec::new(),
        })
    }
}

fn why(event: &EventId) -> String {
    format!("herald why {event}")
}

fn near(workspace: &Workspace, event: &Event) -> Vec<Near> {
    let near = workspace.ruleset.near(event).take(EventRecord::NEAR_KEPT);
    near.map(|(rule, event_types)| Near {
        rule: rule.name.clone(),
        event_types: event_types.into_iter().take(10).map(str::to_owned).collect(),
    })
    .collect()
}

fn skipped(delivery: &Delivery) -> Skipped {
    Skipped {
        rule: delivery.rule.clone(),
        target: delivery.recipient.name.clone(),
        reason: delivery.reason.clone().unwrap_or_default(),
    }
}

fn origin_in_words(origin: &Origin) -> String {
    match origin {
        Origin::Hook {
            hook,
            event_type: Some(kind),
        } => format!("hook {hook} ({kind})"),
        Origin::Hook { hook, event_type: None } => format!("hook {hook}"),
        Origin::Cron { rule, scheduled_at, .. } => format!("schedule of {rule} at {scheduled_at}"),
        Origin::Teams { kind, scope, .. } => format!("Teams told {kind:?} ({scope:?})").to_lowercase(),
        Origin::Drill { rule, sample, .. } => match sample {
            Some(sample) => format!("drill of {rule} with {sample}"),
            None => format!("drill of {rule}"),
        },
        Origin::File { path, change, .. } => format!("file {path} {change:?}").to_lowercase(),
    }
}
