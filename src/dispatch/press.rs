//! Somebody presses a button of ours: what it does to the matter is on disk before they are answered.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tracing::info;

use super::ahead::Ahead;
use super::matter::amendment;
use super::step::NOT_NEEDED;
use super::{ATTEMPTS, Dispatcher, Missing, Occasion};
use crate::audience::{Known, PersonRef, Reached, Wanted};
use crate::card::text::Warnings;
use crate::choice::PersonKey;
use crate::event::{Event, EventId, Origin, Sender};
use crate::judge::is_from;
use crate::matter::decide::{Deed, in_scope, press, woken};
use crate::matter::dress::Ours;
use crate::matter::follow;
use crate::matter::keep::{self, Standing};
use crate::matter::told::Told;
use crate::matter::{Change, Matter, MatterId, decide};
use crate::plan;
use crate::plan::manner::own_languages;
use crate::rule::Rule;
use crate::rule::condition::Verdicts;
use crate::rule::courtesy::{self, Tongue};
use crate::store::StoreError;
use crate::store::outbox::{Amendment, Batch, RuleRecord};
use crate::timer::{Timer, TimerId};
use crate::words::{Language, Phrase, fill, say};
use crate::workspace::Workspace;

/// What an operator is told of a matter that was to be closed.
#[derive(Debug, Clone)]
pub enum ClosedByHand {
    /// It is closed now.
    Done(Box<Matter>),
    /// It was closed already.
    Already(Box<Matter>),
    /// There is none.
    Unknown,
}

/// What one press comes to.
struct Outcome {
    /// What is written down.
    record: RuleRecord,
    /// What changes; `None` if nothing does.
    change: Option<(Change, Vec<Amendment>)>,
    timers: Option<Timer>,
    stopped: Option<TimerId>,
    sentence: String,
}

impl Dispatcher {
    /// Does what a button of ours is for, and says what whoever pressed it is told. A press that comes twice counts once.
    ///
    /// # Errors
    /// Those of the stores; nothing is done then, and the press may come again.
    pub async fn press(&self, event: &Event) -> Result<String, StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        self.metrics.event(event.origin.kind());
        let mut attempt = 1;
        loop {
            match self.press_once(event, &workspace).await {
                Err(StoreError::Overtaken) if attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    async fn press_once(&self, event: &Event, workspace: &Workspace) -> Result<String, StoreError> {
        let now = self.clock.now();
        let known = self.outbox.event(&event.id).await?.is_some();
        let own = self.language_of(event, workspace).await?;
        let house = Tongue::of_house(workspace.settings.language.as_deref(), &workspace.text_languages);
        let language = courtesy::ours(&house.chain(own.as_deref()));
        let words = |phrase| say(language, phrase).to_owned();
        let (Origin::Button { button, .. }, Some(sender)) = (&event.origin, &event.sender) else {
            return Ok(words(Phrase::UnknownButton));
        };
        let Some(ours) = Ours::read(button, &event.data["data"]) else {
            return Ok(words(Phrase::UnknownButton));
        };
        let Some(matter) = self.outbox.matter(&ours.matter).await? else {
            return Ok(words(Phrase::CardGone));
        };
        let Some(rule) = workspace.ruleset.rule(&matter.rule) else {
            return Ok(fill(language, Phrase::NoRule, &[("rule", &matter.rule)]));
        };
        let language = courtesy::ours(&rule.courtesy.tongue.chain(own.as_deref()));
        let words = |phrase| say(language, phrase).to_owned();
        let standing = self.standing(&matter).await?;
        let ahead = Ahead::of(&self.recent);
        let occasion = Occasion {
            event: &matter.event,
            workspace,
            missing: Missing::GivenUp(NOT_ASKED),
            counted: &[],
            ahead: &ahead,
            now,
        };
        let outcome = match self.refusal(event, sender, &occasion, rule, &matter, &standing).await? {
            Some((phrase, record)) => Outcome::nothing(record, words(phrase)),
            None if matter.opened_at.timestamp_millis() != ours.since => {
                let record = RuleRecord {
                    matched: true,
                    told: Some(Told::new(&matter, "the button is of an earlier card".to_owned(), 0)),
                    ..record(rule)
                };
                Outcome::nothing(record, words(Phrase::BeganAnew))
            }
            None => {
                self.pressed(&occasion, rule, &matter, &standing, ours.deed, (sender, language))
                    .await?
            }
        };
        let sentence = outcome.sentence.clone();
        if !known {
            self.write_down(event, workspace, outcome).await?;
        }
        Ok(sentence)
    }

    /// The language in which Herald answers somebody of whom Teams says that they read `locale`.
    ///
    /// # Errors
    /// Those of the directory.
    pub async fn language_for(
        &self,
        aad_object_id: Option<&str>,
        account_id: Option<&str>,
        locale: Option<&str>,
    ) -> Result<Language, StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        let own = self.own_language(&workspace, aad_object_id, account_id, locale).await?;
        let house = Tongue::of_house(workspace.settings.language.as_deref(), &workspace.text_languages);
        Ok(courtesy::ours(&house.chain(own.as_deref())))
    }

    /// The language of whoever pressed.
    async fn language_of(&self, event: &Event, workspace: &Workspace) -> Result<Option<String>, StoreError> {
        let sender = event.sender.as_ref();
        let aad_object_id = sender.and_then(|sender| sender.aad_object_id.as_deref());
        let account_id = sender.and_then(|sender| sender.account_id.as_deref());
        let locale = event.data["locale"].as_str();
        self.own_language(workspace, aad_object_id, account_id, locale).await
    }

    /// The language of somebody: as they chose, as the workspace says, else as Teams does.
    async fn own_language(
        &self,
        workspace: &Workspace,
        aad_object_id: Option<&str>,
        account_id: Option<&str>,
        locale: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        let locale = locale.map(str::to_owned);
        let (Some(key), Some(person)) = (
            PersonKey::of_ids(aad_object_id, account_id),
            aad_object_id
                .map(|id| PersonRef::AadObjectId(id.to_ascii_lowercase()))
                .or_else(|| account_id.map(|id| PersonRef::AccountId(id.to_owned()))),
        ) else {
            return Ok(locale);
        };
        let known = Known::in_tenant(workspace.settings.bot.tenant.as_deref());
        let wanted = keep::somebody(person, String::new());
        let mut found = self
            .directory
            .audience_knowing(&[wanted], known, self.clock.now())
            .await?;
        workspace.book.dress(&mut found);
        let own = found.reached.first().and_then(|reached| own_languages(reached).next());
        if let Some(own) = own {
            return Ok(Some(own.to_owned()));
        }
        // Guests and strangers choose, too.
        let choices = self.directory.choices(std::slice::from_ref(&key)).await?.remove(&key);
        Ok(choices.and_then(|choices| choices.language).or(locale))
    }

    /// Why this person may not press, if so: what they are told, and what is written down.
    async fn refusal(
        &self,
        event: &Event,
        sender: &Sender,
        occasion: &Occasion<'_>,
        rule: &Rule,
        matter: &Matter,
        standing: &[Standing],
    ) -> Result<Option<(Phrase, RuleRecord)>, StoreError> {
        let refused = |because: String| RuleRecord {
            because: vec![because],
            told: Some(Told::new(
                matter,
                format!("{} may not press it", decide::name(sender)),
                0,
            )),
            ..record(rule)
        };
        if rule.living.may_press.is_empty() {
            // What a press says of itself comes from outside: it must come from where such a card is.
            let here = event.here.as_ref();
            let sees = standing.iter().any(|one| one.is_in(here));
            let because = "the press comes from a conversation in which no such card is".to_owned();
            return Ok((!sees).then(|| (Phrase::CardGone, refused(because))));
        }
        let scope = self.scope(occasion, rule, matter);
        let mut seen = Warnings::new();
        let wanted: Vec<Wanted> = rule
            .living
            .may_press
            .iter()
            .flat_map(|target| target.wanted(&scope, &occasion.workspace.book, event, &mut seen))
            .collect();
        let tenant = occasion.workspace.settings.bot.tenant.as_deref();
        let known = Known::in_tenant(tenant);
        let found = self.directory.audience_knowing(&wanted, known, occasion.now).await?;
        let mut line = is_from(event, &wanted, &found);
        line.written = line.written.replacen("from:", "may_press:", 1);
        if line.holds {
            return Ok(None);
        }
        let verdicts = Verdicts {
            holds: false,
            lines: vec![line],
        };
        let because = verdicts.because().into_iter().next().unwrap_or_default();
        let record = RuleRecord {
            lines: verdicts.lines,
            ..refused(because)
        };
        Ok(Some((Phrase::NotForYou, record)))
    }

    async fn pressed(
        &self,
        occasion: &Occasion<'_>,
        rule: &Rule,
        matter: &Matter,
        standing: &[Standing],
        deed: Deed,
        (by, language): (&Sender, Language),
    ) -> Result<Outcome, StoreError> {
        let zone = occasion.workspace.settings.time_zone;
        let pressed = press(matter, deed, by, zone, language, occasion.now);
        let who = decide::name(by);
        let Some(after) = pressed.matter else {
            let record = RuleRecord {
                matched: true,
                told: Some(Told::new(matter, format!("{who} pressed, and nothing changes"), 0)),
                ..record(rule)
            };
            return Ok(Outcome::nothing(record, pressed.sentence));
        };
        let did = match deed {
            Deed::Acknowledge => format!("{who} took it"),
            Deed::Snooze(_) => format!("{who} put it off"),
            Deed::Close => format!("{who} closed it"),
        };
        let (timers, stopped) = decide::wake_up(matter, &after);
        let (record, change) = self.changed(occasion, rule, matter, after, standing, did).await?;
        Ok(Outcome {
            record,
            change: Some(change),
            timers,
            stopped,
            sentence: pressed.sentence,
        })
    }

    /// What becomes of the cards when a matter becomes `after`.
    async fn changed(
        &self,
        occasion: &Occasion<'_>,
        rule: &Rule,
        matter: &Matter,
        after: Matter,
        standing: &[Standing],
        did: String,
    ) -> Result<(RuleRecord, (Change, Vec<Amendment>)), StoreError> {
        let scope = self.scope(occasion, rule, &after);
        let reached: HashMap<String, Reached> = self.reached(occasion, rule, &scope, standing).await?;
        let mut seen = Warnings::new();
        let cards = keep::amendments(rule, &after, &scope, standing, &reached, &mut seen);
        let record = RuleRecord {
            matched: true,
            warnings: seen.into_vec(),
            told: Some(Told::new(&after, did, cards.len())),
            ..record(rule)
        };
        let change = Change {
            before: Some(matter.version),
            after,
        };
        Ok((record, (change, cards.into_iter().map(amendment).collect())))
    }

    fn scope(&self, occasion: &Occasion<'_>, rule: &Rule, matter: &Matter) -> Value {
        let zone = occasion.workspace.settings.time_zone;
        let mut scope = plan::scope(&matter.event, rule, zone, occasion.now);
        scope["tracked"] = in_scope(matter);
        scope
    }

    async fn write_down(&self, event: &Event, workspace: &Workspace, outcome: Outcome) -> Result<(), StoreError> {
        let sentence = outcome.record.told.as_ref().map(|told| told.sentence.clone());
        let rule = outcome.record.rule.clone();
        let mut record = self.record(event, workspace, workspace.ruleset.rules.len());
        record.rules.push(outcome.record);
        let mut batch = Batch::of(record.bounded());
        if let Some((mut change, amendments)) = outcome.change {
            if !change.after.is_open() {
                let now = change.after.changed_at;
                batch.stopped.extend(follow::stop(&mut change.after, NOT_NEEDED, now));
            }
            batch.matters.push(change);
            batch.amendments = amendments;
        }
        batch.timers.extend(outcome.timers);
        batch.stopped.extend(outcome.stopped);
        let cards = batch.amendments.len();
        self.outbox.enqueue(batch).await?;
        self.work.notify_waiters();
        info!(event = %event.id, rule, cards, what = sentence.unwrap_or_default(), "button pressed");
        Ok(())
    }

    /// A matter was put off until now: its cards say so no longer, and come once more.
    ///
    /// # Errors
    /// Those of the stores; the timer stays then, and comes up again.
    pub(super) async fn wake(&self, timer: &Timer, id: &MatterId) -> Result<(), StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        let mut attempt = 1;
        loop {
            match self.wake_once(timer, id, &workspace).await {
                Err(StoreError::Overtaken) if attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    async fn wake_once(&self, timer: &Timer, id: &MatterId, workspace: &Workspace) -> Result<(), StoreError> {
        let now = self.clock.now();
        let matter = self.outbox.matter(id).await?;
        let after = matter.as_ref().and_then(|matter| woken(matter, now.max(timer.due_at)));
        let (Some(matter), Some(mut after)) = (matter, after) else {
            return self.outbox.stop_timer(&timer.id).await;
        };
        let Some(rule) = workspace.ruleset.rule(&matter.rule) else {
            return self.outbox.stop_timer(&timer.id).await;
        };
        let standing = self.standing(&matter).await?;
        let event = Event {
            id: EventId::derived(&["timer", timer.id.as_str(), &timer.due_at.to_rfc3339()]),
            occurred_at: now,
            ..matter.event.clone()
        };
        let ahead = Ahead::of(&self.recent);
        let occasion = Occasion {
            event: &event,
            workspace,
            missing: Missing::GivenUp(NOT_ASKED),
            counted: &[],
            ahead: &ahead,
            now,
        };
        let scope = self.scope(&occasion, rule, &after);
        let reached = self.reached(&occasion, rule, &scope, &standing).await?;
        let mut seen = Warnings::new();
        let cards = keep::amendments(rule, &after, &scope, &standing, &reached, &mut seen);
        let again = keep::once_more(
            rule,
            &event,
            &after,
            &standing,
            &cards,
            &workspace.ruleset.revision,
            now,
        );
        after
            .deliveries
            .extend(again.iter().map(|delivery| delivery.id.clone()));
        after.deliveries.truncate(Matter::MOST_CARDS);
        let mut record = self.record(&event, workspace, workspace.ruleset.rules.len());
        record.origin = format!("{} was put off until now", matter.about);
        record.rules.push(RuleRecord {
            matched: true,
            deliveries: again.len(),
            warnings: seen.into_vec(),
            told: Some(Told::new(
                &after,
                "it was put off until now, and comes back".to_owned(),
                cards.len(),
            )),
            ..self::record(rule)
        });
        let mut batch = Batch::of(record.bounded());
        batch.cards = cards.iter().map(|(_, card)| card.clone()).collect();
        batch.runs = vec![rule.sending.run(&event.id, &rule.name, again.len(), 0, now)];
        batch.deliveries = again;
        batch.matters.push(Change {
            before: Some(matter.version),
            after,
        });
        batch.amendments = cards.into_iter().map(amendment).collect();
        batch.stopped.push(timer.id.clone());
        let receipt = self.outbox.enqueue(batch).await?;
        self.work.notify_waiters();
        self.metrics.planned(receipt.new.len());
        info!(event = %event.id, rule = rule.name, cards = receipt.new.len(), "a matter was put off until now");
        Ok(())
    }

    /// Closes a matter because an operator wants it, and says so on its cards.
    ///
    /// # Errors
    /// Those of the stores; nothing is done then.
    pub async fn close_matter(&self, id: &MatterId) -> Result<ClosedByHand, StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        let mut attempt = 1;
        loop {
            match self.close_once(id, &workspace, self.clock.now()).await {
                Err(StoreError::Overtaken) if attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    async fn close_once(
        &self,
        id: &MatterId,
        workspace: &Workspace,
        now: DateTime<Utc>,
    ) -> Result<ClosedByHand, StoreError> {
        let Some(matter) = self.outbox.matter(id).await? else {
            return Ok(ClosedByHand::Unknown);
        };
        let Some(after) = decide::closed_by_hand(&matter, now) else {
            return Ok(ClosedByHand::Already(Box::new(matter)));
        };
        let event = Event {
            id: EventId::derived(&["closed by hand", id.as_str(), &matter.version.to_string()]),
            occurred_at: now,
            ..matter.event.clone()
        };
        let rule = workspace.ruleset.rule(&matter.rule);
        let standing = self.standing(&matter).await?;
        let (_, stopped) = decide::wake_up(&matter, &after);
        let (record, change) = match rule {
            Some(rule) => {
                let ahead = Ahead::of(&self.recent);
                let occasion = Occasion {
                    event: &event,
                    workspace,
                    missing: Missing::GivenUp(NOT_ASKED),
                    counted: &[],
                    ahead: &ahead,
                    now,
                };
                let did = "an operator closed it".to_owned();
                self.changed(&occasion, rule, &matter, after.clone(), &standing, did)
                    .await?
            }
            // Its cards stay as they are: nobody knows any more what they should look like.
            None => {
                let record = RuleRecord {
                    rule: matter.rule.clone(),
                    matched: true,
                    told: Some(Told::new(
                        &after,
                        "an operator closed it; its rule is gone".to_owned(),
                        0,
                    )),
                    ..RuleRecord::default()
                };
                let change = Change {
                    before: Some(matter.version),
                    after: after.clone(),
                };
                (record, (change, Vec::new()))
            }
        };
        let mut kept = self.record(&event, workspace, workspace.ruleset.rules.len());
        kept.origin = format!("{} was closed by hand", matter.about);
        kept.rules.push(record);
        let mut batch = Batch::of(kept.bounded());
        let mut change = change;
        batch.stopped.extend(after.timers.iter().cloned().chain(stopped));
        batch.stopped.extend(follow::stop(&mut change.0.after, NOT_NEEDED, now));
        batch.matters.push(change.0);
        batch.amendments = change.1;
        self.outbox.enqueue(batch).await?;
        self.work.notify_waiters();
        info!(matter = %id, rule = after.rule, "a matter was closed by hand");
        Ok(ClosedByHand::Done(Box::new(after)))
    }
}

impl Outcome {
    fn nothing(record: RuleRecord, sentence: String) -> Outcome {
        Outcome {
            record,
            change: None,
            timers: None,
            stopped: None,
            sentence,
        }
    }
}

/// Whoever pressed waits for an answer.
const NOT_ASKED: &str = "Teams is not asked while somebody waits for an answer";

fn record(rule: &Rule) -> RuleRecord {
    RuleRecord {
        rule: rule.name.clone(),
        ..RuleRecord::default()
    }
}
