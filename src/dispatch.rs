//! From an event to durable deliveries: the method to read first is [`Dispatcher::dispatch`].

mod ahead;
mod concierge;
mod digest;
pub mod fan_out;
mod matter;
mod moments;
mod part;
pub mod press;
mod programs;
mod recalled;
mod split;
mod step;
mod timer;
mod unsure;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Mutex, Notify, mpsc, watch};
use tracing::{info, warn};

use crate::audience::Skip;
use crate::call::caller::Caller;
use crate::call::lines::Lines;
use crate::card::button::OURS;
use crate::clock::Clock;
use crate::delivery::{Delivery, DeliveryId, RunId, WindowId};
use crate::drill;
use crate::event::{Event, EventId, Origin};
use crate::graph::inquiry::Inquiries;
use crate::judge::{Judged, judge};
use crate::live::Live;
use crate::matter::dress::Ours;
use crate::metric::Metrics;
use crate::record::Near;
use crate::rule::Rule;
use crate::rule::condition::Verdicts;
use crate::run::Run;
use crate::store::outbox::{Batch, EventRecord, FanOut, Held, Receipt, RuleRecord};
use crate::store::{Directory, Outbox, StoreError};
use crate::storm::Recent;
use crate::teams::invoke::HttpAnswer;
use crate::trace::{Fact, Kind, Root, Span};
use crate::tracer::Tracer;
use crate::workspace::Workspace;
use ahead::Ahead;
use programs::Programs;

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
    tracer: Tracer,
    inquiries: Arc<Inquiries>,
    /// Takes people of whom Graph may know more.
    unknown: Option<mpsc::Sender<String>>,
    programs: Arc<Programs>,
    caller: Option<Arc<Caller>>,
    lines: Lines,
    recent: Arc<Recent>,
    /// Whose turn it is to choose what reaches them.
    choosing: Arc<Mutex<()>>,
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
    /// What began with it, one run for each rule that tells somebody.
    pub runs: Vec<Started>,
    /// What to type to hear the whole story: `herald why ev_...`.
    pub why: String,
    /// What whoever pressed one of Herald's own buttons is told.
    #[serde(skip)]
    pub answer: Option<HttpAnswer>,
}

/// A run that began with an event.
#[derive(Debug, Clone, Serialize)]
pub struct Started {
    /// Its id: what `herald runs` asks for.
    pub run: RunId,
    /// The rule whose run it is.
    pub rule: String,
    /// How many recipients it has, as far as they are known.
    pub recipients: u64,
    /// `running`, `trying`, `awaiting approval`.
    pub phase: &'static str,
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

/// How many get no card, by reason.
type Tally = BTreeMap<Skip, usize>;

/// What one decision is about.
struct Occasion<'a> {
    event: &'a Event,
    workspace: &'a Workspace,
    missing: Missing<'a>,
    /// Windows of the rule's limit that counted the event already.
    counted: &'a [WindowId],
    /// What other decisions of the same write do to the windows of limits.
    ahead: &'a Ahead,
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
            tracer: Tracer::off(),
            inquiries: Arc::new(Inquiries::off(
                "`graph: { look_up: true }` in herald.yaml would have it asked",
            )),
            unknown: None,
            programs: Arc::default(),
            caller: None,
            lines: Lines::default(),
            recent: Arc::default(),
            choosing: Arc::default(),
        }
    }

    /// The same, which hands people of whom Graph may know more to whoever asks about them.
    #[must_use]
    pub fn getting_to_know(self, unknown: Option<mpsc::Sender<String>>) -> Self {
        Self { unknown, ..self }
    }

    /// The same, with whoever Teams does not know looked up in Graph. What it could not tell is in `inquiries`.
    pub fn inquiring(self, inquiries: Arc<Inquiries>) -> Self {
        Self { inquiries, ..self }
    }

    /// The same, with somebody who calls out for the steps of rules.
    pub fn calling(self, caller: Arc<Caller>) -> Self {
        Self {
            caller: Some(caller),
            ..self
        }
    }

    /// The same, with its decisions recorded in traces.
    pub fn traced(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// Decides `event` by one snapshot of the rules and returns once everything it owes is on disk. Dispatching the
    /// same event again changes nothing.
    ///
    /// # Errors
    /// Those of the stores; nothing is taken then, and the event may be brought again.
    pub async fn dispatch(&self, event: &Event) -> Result<Decision, StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        let rules = drill::asked(workspace.ruleset.triggered_by(event), event);
        if let Some(decision) = self.attend(event, &workspace, rules.len()).await? {
            self.metrics.event(event.origin.kind());
            return Ok(decision);
        }
        let mut attempt = 1;
        loop {
            if let Some(record) = self.outbox.event(&event.id).await? {
                return self.taken_before(record).await;
            }
            let asked_lately = self.asked_at.borrow().is_some_and(|at| self.clock.now() - at < LATELY);
            let missing = Missing::Ask { asked_lately };
            let decision = match split::is_apart(event, &rules) {
                true => self.decide_items(event, &workspace, &rules, missing, attempt).await,
                false => self
                    .decide(event, &workspace, &rules, missing, &[])
                    .await
                    .map(|(decision, _)| decision),
            };
            match decision {
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
        let rule = self.rule_of(&workspace, held).await?;
        let missing = given_up.map_or(Missing::Ask { asked_lately: true }, Missing::GivenUp);
        let mut attempt = 1;
        let (decision, fans_out) = loop {
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
        match fans_out {
            // The members are known now, and they are many.
            Some(many) => self.outbox.hold(&many).await?,
            None if decision.waiting.is_empty() => self.outbox.unhold(&held.event.id, &held.rule).await?,
            None => {}
        }
        Ok(decision)
    }

    /// What [`Dispatcher::dispatch`] would make of `event`, without anything being owed, asked or kept.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn rehearse(&self, event: &Event) -> Result<Batch, StoreError> {
        let silent = self.clone().getting_to_know(None);
        let workspace = self.live.borrow().workspace.clone();
        let rules = drill::asked(workspace.ruleset.triggered_by(event), event);
        let asked_lately = self.asked_at.borrow().is_some_and(|at| self.clock.now() - at < LATELY);
        let (missing, now) = (Missing::Ask { asked_lately }, self.clock.now());
        let ahead = Ahead::default();
        if split::is_apart(event, &rules) {
            return silent
                .rehearse_items(event, &workspace, &rules, missing, ahead, now)
                .await;
        }
        let (batch, _) = silent
            .batch(event, &workspace, &rules, missing, &[], &ahead, now)
            .await?;
        Ok(batch)
    }

    /// Has the deliveries of a decision made at `start` carry its trace.
    fn mark(&self, event: &Event, deliveries: &mut [Delivery], start: DateTime<Utc>) {
        let (context, _) = Root::of(event).decision(event, start);
        if self.tracer.is_on() && context.sampled {
            for delivery in deliveries {
                delivery.trace = Some(context.to_string());
            }
        }
    }

    fn trace(&self, event: &Event, decision: &Decision, rules: usize, start: DateTime<Utc>) {
        let (context, parent) = Root::of(event).decision(event, start);
        let matched = decision.rules.iter().filter(|rule| rule.matched).count();
        self.tracer.record(Span {
            context,
            parent,
            name: "decision",
            kind: Kind::Internal,
            start,
            end: self.clock.now(),
            facts: vec![
                ("herald.event", Fact::from(event.id.as_str())),
                ("herald.origin", Fact::from(event.origin.kind())),
                ("herald.rules_asked", Fact::from(rules)),
                ("herald.rules_matched", Fact::from(matched)),
                ("herald.deliveries", Fact::from(decision.deliveries.len())),
                ("herald.skipped", Fact::from(decision.skipped.len())),
            ],
            failure: None,
        });
    }

    /// Counts who got no card. Not before the batch is on disk: a decision that is overtaken is made again.
    fn count(&self, tally: Tally) {
        for (why, count) in tally {
            self.metrics.skipped(why, count);
        }
    }

    async fn decide(
        &self,
        event: &Event,
        workspace: &Workspace,
        rules: &[Arc<Rule>],
        missing: Missing<'_>,
        counted: &[WindowId],
    ) -> Result<(Decision, Option<Held>), StoreError> {
        let start = self.clock.now();
        let ahead = Ahead::of(&self.recent);
        let decided = self.batch(event, workspace, rules, missing, counted, &ahead, start);
        let (mut batch, tally) = decided.await?;
        self.mark(event, &mut batch.deliveries, start);
        let fans_out = batch.held.iter().find(|held| held.rosters.is_empty()).cloned();
        let decision = self.take_in(event, batch).await?;
        if !decision.repeat {
            self.count(tally);
            self.trace(event, &decision, rules.len(), start);
        }
        Ok((decision, fans_out))
    }

    /// The record of an event before any rule is considered.
    fn record(&self, event: &Event, workspace: &Workspace, rules: usize) -> EventRecord {
        EventRecord {
            id: event.id.clone(),
            origin: origin_in_words(&event.origin),
            occurred_at: event.occurred_at,
            revision: workspace.ruleset.revision.clone(),
            rules: Vec::new(),
            elsewhere: Some(workspace.ruleset.rules.len().saturating_sub(rules)),
            near: near(workspace, event),
        }
    }

    /// What the rules owe because of the event; nothing of it is kept yet.
    #[allow(clippy::too_many_arguments, reason = "all of them are what an occasion is made of")]
    async fn batch(
        &self,
        event: &Event,
        workspace: &Workspace,
        rules: &[Arc<Rule>],
        missing: Missing<'_>,
        counted: &[WindowId],
        ahead: &Ahead,
        now: DateTime<Utc>,
    ) -> Result<(Batch, Tally), StoreError> {
        let mut tally = Tally::new();
        let mut batch = Batch::of(self.record(event, workspace, rules.len()));
        let occasion = Occasion {
            event,
            workspace,
            missing,
            counted,
            ahead,
            now,
        };
        for judged in judge(event, rules, workspace.settings.time_zone, now) {
            let Judged { rule, scope, verdicts } = judged;
            if !verdicts.holds {
                batch.record.rules.push(RuleRecord::not_met(&rule.name, &verdicts));
                continue;
            }
            self.decide_rule(&occasion, rule, scope, &mut batch, &mut tally).await?;
            if let Some(record) = batch.record.rules.last_mut() {
                // The line about who it comes from stands there already.
                record.lines.splice(0..0, verdicts.lines);
            }
        }
        batch.record = batch.record.bounded();
        Ok((batch, tally))
    }

    /// Makes durable what is owed.
    async fn take_in(&self, event: &Event, batch: Batch) -> Result<Decision, StoreError> {
        let brought = Brought::of(&batch);
        let receipt = self.outbox.enqueue(batch).await?;
        self.work.notify_waiters();
        let new = receipt.new.len();
        let decision = self.taken(&event.id, brought, receipt);
        let held_back: usize = decision.rules.iter().map(|rule| rule.held_back_count).sum();
        info!(
            event = %event.id, origin = event.origin.kind(), rules = decision.rules.len(), deliveries = new,
            skipped = decision.skipped.len(), held_back, waiting = decision.waiting.len(), "event decided"
        );
        Ok(decision)
    }

    /// What became of a batch that is on disk.
    fn taken(&self, event: &EventId, brought: Brought, receipt: Receipt) -> Decision {
        let Brought {
            skipped,
            waiting,
            rules,
            runs,
            nobody,
        } = brought;
        let planned = receipt.new.iter().filter(|id| !nobody.contains(id)).count();
        self.metrics.planned(planned);
        let deliveries = receipt.new.into_iter().chain(receipt.known);
        Decision {
            event: event.clone(),
            repeat: receipt.repeat,
            deliveries: deliveries.filter(|id| !nobody.contains(id)).collect(),
            skipped,
            rules,
            waiting,
            runs,
            why: why(event),
            answer: None,
        }
    }

    async fn decide_rule(
        &self,
        occasion: &Occasion<'_>,
        rule: &Rule,
        mut scope: Value,
        batch: &mut Batch,
        tally: &mut Tally,
    ) -> Result<(), StoreError> {
        let mut whom = self.whom(occasion, rule, &scope).await?;
        if let Some(line) = whom.not_from {
            let verdicts = Verdicts {
                holds: false,
                lines: vec![line],
            };
            batch.record.rules.push(RuleRecord::not_met(&rule.name, &verdicts));
            return Ok(());
        }
        let keeping = self.keep(occasion, rule, &mut scope, &mut whom).await?;
        let stepping = self.matter_of_step(occasion.event, &mut scope).await?;
        let range = whom.first_part(keeping.is_some() || stepping.is_some());
        let mut part = self.part(occasion, rule, scope.clone(), &whom, range.clone()).await?;
        if let Some(keeping) = keeping {
            Self::kept(keeping, occasion, rule, &scope, &whom, &mut part, batch);
            self.begin_steps(occasion, rule, &part, batch).await?;
        }
        if let Some(matter) = stepping {
            self.dress_step(matter, rule, &scope, &whom, &mut part, batch).await?;
        }
        let waits = matches!(occasion.missing, Missing::Ask { .. }) && !whom.wait_for.is_empty();
        if waits || whom.are_many() {
            let program = match waits {
                true => None,
                false => self.keep_for_the_others(occasion.event, rule, occasion.now).await?,
            };
            batch.held.push(Held {
                event: occasion.event.clone(),
                rule: rule.name.clone(),
                rosters: if waits { whom.wait_for.clone() } else { Vec::new() },
                due_at: occasion.now,
                attempts: 0,
                reason: None,
                counted: Vec::new(),
                fan_out: (!waits).then(|| FanOut {
                    done: range.end,
                    audience: whom.fingerprint(),
                    program,
                }),
                decided_at: Some(occasion.now),
            });
        }
        for (why, count) in part.tally {
            *tally.entry(why).or_default() += count;
        }
        batch.record.rules.push(part.record);
        batch.windows.extend(part.plan.windows);
        batch.deliveries.extend(part.plan.deliveries);
        batch.cards.extend(part.plan.cards);
        batch.runs.push(part.run);
        Ok(())
    }

    /// The rule that waits, as it is now, or as it was when the first of its recipients were taken in; none if it is gone.
    async fn rule_of(&self, workspace: &Workspace, held: &Held) -> Result<Vec<Arc<Rule>>, StoreError> {
        if let Origin::Step { .. } = &held.event.origin {
            return Ok(self.rule_of_step(&held.event, workspace).await?.into_iter().collect());
        }
        let mut rule = workspace.ruleset.rule(&held.rule).cloned();
        if let Some(program) = held.fan_out.as_ref().and_then(|so_far| so_far.program.as_ref()) {
            rule = self.as_it_was(program, rule, workspace).await?;
        }
        Ok(drill::asked(rule.into_iter().collect(), &held.event))
    }

    async fn taken_before(&self, record: EventRecord) -> Result<Decision, StoreError> {
        let filter = crate::store::outbox::Filter {
            event: Some(record.id.clone()),
            ..Default::default()
        };
        let mut known = self.outbox.list(&filter, None, 1000).await?;
        known.extend(self.of_items(&record).await?);
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
            runs: Vec::new(),
            answer: None,
        })
    }
}

/// What is told of a batch once it is on disk.
struct Brought {
    skipped: Vec<Skipped>,
    waiting: Vec<String>,
    rules: Vec<RuleRecord>,
    runs: Vec<Started>,
    /// Deliveries that go nowhere.
    nobody: BTreeSet<DeliveryId>,
}

impl Brought {
    fn of(batch: &Batch) -> Self {
        let dead = || batch.deliveries.iter().filter(|delivery| delivery.card_id.is_none());
        let waits = |held: &&Held| !held.rosters.is_empty();
        Self {
            skipped: dead().map(skipped).collect(),
            waiting: batch.held.iter().filter(waits).map(|held| held.rule.clone()).collect(),
            rules: batch.record.rules.iter().map(RuleRecord::brief).collect(),
            runs: batch.runs.iter().filter(|run| run.expected > 0).map(started).collect(),
            nobody: dead().map(|delivery| delivery.id.clone()).collect(),
        }
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

fn started(run: &Run) -> Started {
    Started {
        run: run.id.clone(),
        rule: run.rule.clone(),
        recipients: run.expected,
        phase: run.phase.word(),
    }
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
        Origin::Queue { queue } => format!("queue {queue}"),
        Origin::Cron { rule, scheduled_at, .. } => format!("schedule of {rule} at {scheduled_at}"),
        Origin::Teams { kind, scope, .. } => format!("Teams told {kind:?} ({scope:?})").to_lowercase(),
        // What people write is nobody's business but the rules'.
        Origin::Message { scope, .. } => format!("message to the bot ({scope:?})").to_lowercase(),
        Origin::Button { scope, button } if Ours::is_one(button) => {
            let (button, scope) = (button.trim_start_matches(OURS), format!("{scope:?}").to_lowercase());
            format!("press of {button} ({scope})")
        }
        Origin::Button { scope, button } => format!("button {button} ({})", format!("{scope:?}").to_lowercase()),
        Origin::Step { rule, name, .. } => format!("{name} of {rule}"),
        Origin::Drill { rule, sample, .. } => match sample {
            Some(sample) => format!("drill of {rule} with {sample}"),
            None => format!("drill of {rule}"),
        },
        Origin::File { path, change, .. } => format!("file {path} {change:?}").to_lowercase(),
    }
}
