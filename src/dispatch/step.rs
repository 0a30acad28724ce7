//! What follows the first message: steps begin with a matter, and come when their time has come.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use tracing::{debug, info};

use super::ahead::Ahead;
use super::part::{Part, Whom};
use super::{ATTEMPTS, Dispatcher, Missing, Occasion, Tally};
use crate::call::lines::{Place, Turn};
use crate::call::{self, Reply};
use crate::card::text::Warnings;
use crate::delivery::{MatterId, RunId};
use crate::event::{Event, EventId, Origin};
use crate::matter::follow::{self, Due, Passed};
use crate::matter::told::Told;
use crate::matter::{Change, Matter};
use crate::rule::Rule;
use crate::rule::condition::Line;
use crate::rule::then::{Act, Step, Tell};
use crate::run::Phase;
use crate::store::StoreError;
use crate::store::outbox::{Batch, RuleRecord};
use crate::timer::Timer;
use crate::workspace::Workspace;

impl Dispatcher {
    /// Begins what follows the event in this batch, and stops it where the event closes the matter.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn begin_steps(
        &self,
        occasion: &Occasion<'_>,
        rule: &Rule,
        part: &Part,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let Some(change) = batch.matters.last_mut().filter(|change| change.after.rule == rule.name) else {
            return Ok(());
        };
        if !change.after.is_open() {
            batch
                .stopped
                .extend(follow::stop(&mut change.after, NOT_NEEDED, occasion.now));
            return Ok(());
        }
        // Nothing was said, so nothing follows; it begins with the first card that goes out.
        let nothing_said = part.plan.deliveries.is_empty() && !part.plan.held_back.is_empty();
        let Some(then) = rule.then.as_ref().filter(|_| !nothing_said) else {
            return Ok(());
        };
        let zone = occasion.workspace.settings.time_zone;
        if let Some(timer) = follow::begin(&mut change.after, rule, zone, occasion.now) {
            if let Some(program) = &then.program {
                let outbox = self.outbox.as_ref();
                self.programs.keep(outbox, program, then.lasts(), occasion.now).await?;
            }
            batch.timers.push(timer);
        }
        Ok(())
    }

    /// The rule by which the steps of a matter go: as it was when they began, or as it is now.
    async fn rule_of_steps(&self, matter: &Matter, workspace: &Workspace) -> Result<Option<Arc<Rule>>, StoreError> {
        let current = workspace.ruleset.rule(&matter.rule);
        let program = matter.steps.as_ref().and_then(|steps| steps.program.as_ref());
        let Some(program) = program else {
            return Ok(current.cloned());
        };
        let same = |rule: &&Arc<Rule>| {
            let then = rule.then.as_ref();
            then.and_then(|then| then.program.as_ref())
                .is_some_and(|known| known.id == *program)
        };
        if let Some(rule) = current.filter(same) {
            return Ok(Some(rule.clone()));
        }
        let kept = self.programs.rule(self.outbox.as_ref(), program, workspace).await?;
        Ok(kept.or_else(|| current.cloned()))
    }

    /// The rule of a step that tells somebody, for an event that says which; `None` for other events.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn rule_of_step(
        &self,
        event: &Event,
        workspace: &Workspace,
    ) -> Result<Option<Arc<Rule>>, StoreError> {
        let Origin::Step { matter, step, .. } = &event.origin else {
            return Ok(None);
        };
        let Some(matter) = self.outbox.matter(&MatterId::known(matter)).await? else {
            return Ok(None);
        };
        let Some(rule) = self.rule_of_steps(&matter, workspace).await? else {
            return Ok(None);
        };
        let step = rule.then.as_ref().and_then(|then| then.steps.get(*step));
        Ok(step.and_then(|step| match &step.act {
            Act::Tell(tell) => Some(Arc::new(tell.rule(&rule))),
            Act::Call(_) => None,
        }))
    }

    /// What an event of a step is about, with `scope` seeing where that stands; `None` for other events.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn matter_of_step(
        &self,
        event: &Event,
        scope: &mut Value,
    ) -> Result<Option<Matter>, StoreError> {
        let Origin::Step { matter, .. } = &event.origin else {
            return Ok(None);
        };
        let matter = self.outbox.matter(&MatterId::known(matter)).await?;
        if let Some(matter) = &matter {
            follow::see(scope, matter);
        }
        Ok(matter)
    }

    /// Gives the cards of a step their buttons and their place, and keeps those that can change.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn dress_step(
        &self,
        matter: Matter,
        rule: &Rule,
        scope: &Value,
        whom: &Whom,
        part: &mut Part,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let standing = self.standing(&matter).await?;
        let mut seen = Warnings::new();
        let mut after = matter.clone();
        follow::dress(
            rule,
            &mut after,
            scope,
            &whom.told,
            &standing,
            &mut part.plan,
            &mut seen,
        );
        part.record.warnings.extend(seen.into_vec());
        part.record.warnings.truncate(super::SENTENCES_KEPT);
        if after != matter {
            batch.matters.push(Change {
                before: Some(matter.version),
                after,
            });
        }
        Ok(())
    }

    /// Has the step come whose timer is due. What was done is not done again.
    ///
    /// # Errors
    /// Those of the stores; the timer stays then, and comes up again.
    pub(super) async fn step(&self, timer: &Timer, id: &MatterId) -> Result<(), StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        // Whoever was asked is not asked again because something else changed meanwhile.
        let mut reply = None;
        let mut line = None;
        let mut attempt = 1;
        loop {
            match self.step_once(timer, id, &workspace, &mut line, &mut reply).await {
                Err(StoreError::Overtaken) if attempt < ATTEMPTS => attempt += 1,
                Ok(Came::Anew) => {}
                Ok(Came::Through) => return Ok(()),
                Err(problem) => return Err(problem),
            }
        }
    }

    async fn step_once(
        &self,
        timer: &Timer,
        id: &MatterId,
        workspace: &Workspace,
        line: &mut Option<(Place, Turn)>,
        reply: &mut Option<Reply>,
    ) -> Result<Came, StoreError> {
        // A clock that was put back does not bring it before its time.
        let now = self.clock.now().max(timer.due_at);
        let zone = workspace.settings.time_zone;
        let Some(matter) = self.outbox.matter(id).await? else {
            return self.leave(timer).await;
        };
        let rule = self.rule_of_steps(&matter, workspace).await?;
        let (step, lines) = match follow::due(&matter, rule.as_deref(), &timer.id, zone, now) {
            Due::Stale => return self.leave(timer).await,
            Due::Moves(after, next, passed) => {
                let event = self.event_of(&matter, timer, &passed.name);
                self.move_on(&event, timer, &matter, *after, next, passed, workspace)
                    .await?;
                return Ok(Came::Through);
            }
            Due::Comes(step, lines) => (step, lines),
        };
        if let Some(held_up) = self.held_up(&matter, now).await? {
            let event = self.event_of(&matter, timer, &step.name);
            let passed = |sentence: &str| Passed {
                name: step.name.clone(),
                sentence: sentence.to_owned(),
                lines: Vec::new(),
            };
            let (after, next, passed) = match held_up {
                HeldUp::Until(at) => {
                    let (after, next) = follow::again(&matter, at, now, false);
                    (after, next, passed("it waits: the first message is not let go yet"))
                }
                HeldUp::ForGood => {
                    let mut after = matter.clone();
                    after.changed_at = now;
                    follow::stop(&mut after, RUN_CANCELLED, now);
                    (after, None, passed(RUN_CANCELLED))
                }
            };
            self.move_on(&event, timer, &matter, after, next, passed, workspace)
                .await?;
            return Ok(Came::Through);
        }
        let Some(rule) = rule else {
            return self.leave(timer).await;
        };
        let event = self.event_of(&matter, timer, &step.name);
        let ahead = Ahead::of(&self.recent);
        let occasion = Occasion {
            event: &event,
            workspace,
            missing: Missing::Ask { asked_lately: true },
            counted: &[],
            ahead: &ahead,
            now,
        };
        match &step.act {
            Act::Tell(tell) => {
                self.tell(&occasion, timer, &matter, &rule, &step, tell, lines).await?;
            }
            Act::Call(call) => {
                let scope = follow::scope(&matter, &matter.event, &rule, zone, now);
                let mut seen = Warnings::new();
                let key = follow::call_key(&matter, place_of(&event));
                if reply.is_none() {
                    *reply = Some(match (call.ask(&scope, &key, &mut seen), line.is_some()) {
                        (Ok(ask), true) => self.ask(&ask, workspace).await,
                        (Ok(ask), false) => {
                            *line = self.line(&ask.host, timer, &matter, now).await?;
                            // Whatever became of the matter while this call waited for its turn.
                            return Ok(if line.is_some() { Came::Anew } else { Came::Through });
                        }
                        (Err(reason), _) => Reply::Refused(reason),
                    });
                }
                // Its place is for the next one.
                *line = None;
                let Some(reply) = reply.as_ref() else {
                    return Ok(Came::Through);
                };
                let Some(then) = &rule.then else {
                    return self.leave(timer).await;
                };
                let heard = call::heard(reply, follow::tries(&matter) + 1, self.clock.now());
                let (after, next, sentence) = follow::called(&matter, then, call, heard, &event.id, zone, now);
                let passed = Passed {
                    name: step.name.clone(),
                    sentence,
                    lines,
                };
                self.move_on(&event, timer, &matter, after, next, passed, workspace)
                    .await?;
            }
        }
        Ok(Came::Through)
    }

    async fn leave(&self, timer: &Timer) -> Result<Came, StoreError> {
        self.outbox.stop_timer(&timer.id).await?;
        Ok(Came::Through)
    }

    /// Waits until a call to this host may begin. `None` if too many wait already: the timer comes up again a little later,
    /// and the longer it has waited the later.
    async fn line(
        &self,
        host: &str,
        timer: &Timer,
        matter: &Matter,
        now: DateTime<Utc>,
    ) -> Result<Option<(Place, Turn)>, StoreError> {
        let Some(place) = self.lines.enter(host) else {
            let next = matter.steps.as_ref().and_then(|steps| steps.next.as_ref());
            let waited = next.map_or(Duration::zero(), |next| now - next.due_at) / 4;
            let at = now + waited.clamp(Duration::seconds(1), Duration::seconds(30));
            debug!(host, rule = matter.rule, %at, "a call comes later: too many to its host wait already");
            self.outbox.put_off_timer(&timer.id, at).await?;
            return Ok(None);
        };
        // Who brings timers has room for another one.
        self.work.notify_waiters();
        let turn = place.turn().await;
        Ok(Some((place, turn)))
    }

    /// Whether the first message goes its way; nothing follows one that was never sent.
    async fn held_up(&self, matter: &Matter, now: DateTime<Utc>) -> Result<Option<HeldUp>, StoreError> {
        let Some(steps) = &matter.steps else {
            return Ok(None);
        };
        let run = self.outbox.run(&RunId::of(&steps.event, &matter.rule)).await?;
        Ok(match run.map(|run| run.phase) {
            None | Some(Phase::Running | Phase::Trying) => None,
            Some(Phase::AwaitingApproval | Phase::Paused { .. }) => {
                // The longer it waits, the seldomer it is looked at.
                let waited = (now - steps.began_at) / 4;
                Some(HeldUp::Until(
                    now + waited.clamp(Duration::minutes(1), Duration::days(1)),
                ))
            }
            Some(Phase::Cancelled { .. }) => Some(HeldUp::ForGood),
        })
    }

    async fn ask(&self, ask: &call::Ask, workspace: &Workspace) -> Reply {
        match &self.caller {
            Some(caller) => caller.ask(ask, &workspace.settings.calls).await,
            None => Reply::Refused("this Herald calls nobody".to_owned()),
        }
    }

    fn event_of(&self, matter: &Matter, timer: &Timer, name: &str) -> Event {
        let place = matter.steps.as_ref().and_then(|steps| steps.next.as_ref());
        follow::event(matter, timer, name, place.map_or(0, |next| next.step))
    }

    #[expect(clippy::too_many_arguments, reason = "all of it is borrowed from one decision")]
    async fn move_on(
        &self,
        event: &Event,
        timer: &Timer,
        matter: &Matter,
        after: Matter,
        next: Option<Timer>,
        passed: Passed,
        workspace: &Workspace,
    ) -> Result<(), StoreError> {
        let mut record = self.record(event, workspace, workspace.ruleset.rules.len());
        record.near.clear();
        record.elsewhere = None;
        record.rules.push(RuleRecord {
            rule: matter.rule.clone(),
            matched: true,
            lines: passed.lines,
            told: Some(Told::new(matter, format!("{}: {}", passed.name, passed.sentence), 0)),
            ..RuleRecord::default()
        });
        info!(event = %event.id, rule = matter.rule, step = passed.name, what = passed.sentence, "a step came");
        let mut batch = Batch::of(record.bounded());
        batch.matters.push(Change {
            before: Some(matter.version),
            after,
        });
        batch.timers.extend(next);
        batch.stopped.push(timer.id.clone());
        self.outbox.enqueue(batch).await?;
        self.work.notify_waiters();
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "all of it is borrowed from one decision")]
    async fn tell(
        &self,
        occasion: &Occasion<'_>,
        timer: &Timer,
        matter: &Matter,
        rule: &Rule,
        step: &Step,
        tell: &Tell,
        lines: Vec<Line>,
    ) -> Result<(), StoreError> {
        let (event, workspace, now) = (occasion.event, occasion.workspace, occasion.now);
        let Some(then) = &rule.then else {
            return self.outbox.stop_timer(&timer.id).await;
        };
        let zone = workspace.settings.time_zone;
        let own = tell.rule(rule);
        let scope = follow::scope(matter, event, &own, zone, now);
        let mut record = self.record(event, workspace, workspace.ruleset.rules.len());
        record.near.clear();
        record.elsewhere = None;
        let mut batch = Batch::of(record);
        let mut tally = Tally::new();
        self.decide_rule(occasion, &own, scope, &mut batch, &mut tally).await?;
        // The cards are added to the matter there already; here the step is over.
        let with_cards = batch
            .matters
            .pop()
            .map_or_else(|| matter.clone(), |change| change.after);
        let told = batch
            .deliveries
            .iter()
            .filter(|delivery| delivery.card_id.is_some())
            .count();
        let waits = batch.held.iter().any(|held| !held.rosters.is_empty());
        let what = told_in_words(told, batch.deliveries.len() - told, waits);
        let (after, next) = follow::finished(&with_cards, then, what.clone(), Some(&event.id), zone, now);
        batch.matters.push(Change {
            before: Some(matter.version),
            after,
        });
        batch.timers.extend(next);
        batch.stopped.push(timer.id.clone());
        if let Some(record) = batch.record.rules.last_mut() {
            record.lines.splice(0..0, lines);
            record.told = Some(Told::new(matter, format!("{}: {what}", step.name), 0));
        }
        batch.record = batch.record.bounded();
        self.mark(event, &mut batch.deliveries, now);
        let decision = self.take_in(event, batch).await?;
        if !decision.repeat {
            self.count(tally);
        }
        Ok(())
    }

    /// Stops what follows an event of a rule, because an operator wants it; true if something was still to come.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn stop_steps(&self, event: &EventId, rule: &str, why: &str) -> Result<bool, StoreError> {
        let Some(record) = self.outbox.event(event).await? else {
            return Ok(false);
        };
        let of_rule = record.rules.iter().find(|known| known.rule == rule);
        let Some(id) = of_rule
            .and_then(|known| known.told.as_ref())
            .map(|told| told.matter.clone())
        else {
            return Ok(false);
        };
        let mut attempt = 1;
        loop {
            match self.stop_once(&id, why, self.clock.now()).await {
                Err(StoreError::Overtaken) if attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    async fn stop_once(&self, id: &MatterId, why: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let Some(matter) = self.outbox.matter(id).await? else {
            return Ok(false);
        };
        let mut after = matter.clone();
        after.changed_at = now;
        let Some(stopped) = follow::stop(&mut after, why, now) else {
            return Ok(false);
        };
        let workspace = self.live.borrow().workspace.clone();
        let event = Event {
            id: EventId::derived(&["steps stopped", id.as_str(), &matter.version.to_string()]),
            occurred_at: now,
            ..matter.event.clone()
        };
        let mut record = self.record(&event, &workspace, workspace.ruleset.rules.len());
        record.near.clear();
        record.elsewhere = None;
        record.origin = format!("what follows {} was stopped by hand", matter.about);
        record.rules.push(RuleRecord {
            rule: matter.rule.clone(),
            matched: true,
            told: Some(Told::new(&matter, why.to_owned(), 0)),
            ..RuleRecord::default()
        });
        let mut batch = Batch::of(record.bounded());
        batch.matters.push(Change {
            before: Some(matter.version),
            after,
        });
        batch.stopped.push(stopped);
        self.outbox.enqueue(batch).await?;
        Ok(true)
    }
}

/// What came of a timer.
enum Came {
    /// It was worked on.
    Through,
    /// It waited, and is to be looked at anew.
    Anew,
}

/// The first message does not go its way.
enum HeldUp {
    /// It is looked at again then.
    Until(DateTime<Utc>),
    /// It never will.
    ForGood,
}

const RUN_CANCELLED: &str = "not needed: the run of the first message was cancelled";

/// What is told of a step that would have come after its matter was closed.
pub(super) const NOT_NEEDED: &str = "not needed: it is closed";

fn place_of(event: &Event) -> usize {
    match &event.origin {
        Origin::Step { step, .. } => *step,
        Origin::Hook { .. }
        | Origin::Cron { .. }
        | Origin::Teams { .. }
        | Origin::Queue { .. }
        | Origin::Message { .. }
        | Origin::Button { .. }
        | Origin::Drill { .. }
        | Origin::File { .. } => 0,
    }
}

fn told_in_words(told: usize, untold: usize, waits: bool) -> String {
    let cards = match told {
        0 if waits => "told those whom Teams is asked about".to_owned(),
        0 => "told nobody".to_owned(),
        1 => "told 1 recipient".to_owned(),
        told => format!("told {told} recipients"),
    };
    match untold {
        0 => cards,
        1 => format!("{cards}; 1 could not be told"),
        untold => format!("{cards}; {untold} could not be told"),
    }
}
