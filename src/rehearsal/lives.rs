//! Rules that live, on the stage: what events, presses and time do to cards that were sent before in a test.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::{Made, Matched, Outcome, Rehearsal, Sent, is_one_of};
use crate::audience::{Audience, Reached, Wanted};
use crate::card::Card;
use crate::card::text::Warnings;
use crate::choice::PersonKey;
use crate::delivery::{CardId, Delivery, DeliveryId};
use crate::event::{Event, EventId, Origin};
use crate::judge::{is_from, named, settle};
use crate::matter::decide::{self, Arrival, arrival, in_scope, press, subject, woken};
use crate::matter::dress::Ours;
use crate::matter::keep::{self, Keeping, Standing};
use crate::matter::told::Told;
use crate::matter::{Change, Matter, MatterId};
use crate::plan::{self, Plan};
use crate::rule::Rule;
use crate::rule::condition::Verdicts;
use crate::rule::courtesy::ours;
use crate::timer::Timer;
use crate::words::Language;

/// What a rule that lives did beside sending cards.
#[derive(Debug, Clone, Default)]
pub(super) struct Lived {
    pub(super) told: Option<Told>,
    pub(super) updated: Vec<Sent>,
    pub(super) warnings: Vec<String>,
}

impl Rehearsal<'_> {
    /// See [`Keeping::new`]; `None` if the rule keeps nothing of what it sends.
    pub(super) fn keep(
        &mut self,
        rule: &Rule,
        event: &Event,
        scope: &mut Value,
        audience: &mut Audience,
    ) -> Option<Keeping> {
        if !rule.lives() {
            return None;
        }
        let mut seen = Warnings::new();
        let (id, _) = subject(rule, event, scope, &mut Warnings::new());
        let stored = self.matters.get(&id).cloned();
        let decided = arrival(
            Arrival {
                rule,
                event,
                scope,
                revision: &self.workspace.ruleset.revision,
                again: false,
                zone: self.workspace.settings.time_zone,
                now: self.now(),
            },
            stored.as_ref(),
            &mut seen,
        );
        let standing = self.standing(&decided.matter);
        let mut keeping = Keeping::new(rule, decided, standing, audience, scope, seen);
        let unknown = keeping.unknown(rule);
        keeping.learn(self.who_are(&unknown));
        Some(keeping)
    }

    /// See [`Keeping::finish`].
    pub(super) fn kept(
        &mut self,
        keeping: Option<Keeping>,
        rule: &Rule,
        event: &Event,
        scope: &Value,
        audience: &Audience,
        planned: &mut Plan,
    ) -> Lived {
        let Some(keeping) = keeping else {
            return Lived::default();
        };
        let kept = keeping.finish(rule, event, scope, audience, planned);
        if let Some(mut change) = kept.change {
            let nothing_said = planned.deliveries.is_empty() && !planned.held_back.is_empty();
            self.begin_steps(rule, &mut change, nothing_said);
            self.becomes(change);
        }
        Lived {
            told: Some(kept.told),
            updated: self.amend(kept.amendments),
            warnings: kept.warnings,
        }
    }

    /// Notes who has which card.
    pub(super) fn note(&mut self, deliveries: &[Delivery], cards: &BTreeMap<CardId, Arc<Card>>) {
        for delivery in deliveries {
            if let Some(card) = delivery.card_id.as_ref().and_then(|id| cards.get(id)) {
                let sent = Sent {
                    recipient: delivery.recipient.clone(),
                    card: card.clone(),
                };
                self.shown.insert(delivery.id.clone(), sent);
            }
        }
    }

    pub(super) fn standing(&self, matter: &Matter) -> Vec<Standing> {
        let shown = matter
            .deliveries
            .iter()
            .filter_map(|id| Some((id, self.shown.get(id)?)));
        shown
            .map(|(id, sent)| Standing {
                delivery: id.clone(),
                recipient: sent.recipient.clone(),
                place: None,
                thread: None,
            })
            .collect()
    }

    pub(super) fn becomes(&mut self, mut change: Change) {
        if !change.after.is_open() {
            self.stop_steps(&mut change.after);
        }
        let before = self.matters.get(&change.after.id).cloned();
        let (_, stopped) = match &before {
            Some(before) => decide::wake_up(before, &change.after),
            None => (None, None),
        };
        if let Some(stopped) = stopped {
            self.timers.remove(&stopped);
        }
        let after = change
            .apply(before.as_ref())
            .expect("nothing else changes what a rehearsal keeps");
        self.matters.insert(after.id.clone(), after);
    }

    fn amend(&mut self, amendments: Vec<(DeliveryId, Card)>) -> Vec<Sent> {
        let mut updated = Vec::new();
        for (id, card) in amendments {
            if let Some(sent) = self.shown.get_mut(&id)
                && *sent.card != card
            {
                sent.card = Arc::new(card);
                updated.push(sent.clone());
            }
        }
        updated
    }

    /// Somebody presses a button of ours.
    pub fn press(&mut self, rule: &Arc<Rule>, event: &Event, what: &str) -> Made {
        self.world.learn(event);
        Made {
            at: self.now(),
            what: what.to_owned(),
            here: event.here.clone(),
            sender: event.sender.clone(),
            outcome: self.pressed(rule, event),
        }
    }

    fn pressed(&mut self, rule: &Rule, event: &Event) -> Outcome {
        let nothing = |why: &str| Outcome::NotMet(why.to_owned());
        let (Origin::Button { button, .. }, Some(sender)) = (&event.origin, &event.sender) else {
            return nothing("nobody presses it");
        };
        let Some(ours) = Ours::read(button, &event.data["data"]) else {
            return nothing("the card that has this button is not of this story");
        };
        let Some(matter) = self.matters.get(&ours.matter).cloned() else {
            return nothing("the card that has this button is not of this story");
        };
        let scope = self.scope_of(rule, &matter);
        if let Some(line) = self.refusal(rule, event, &scope) {
            return Outcome::NoMatch(line);
        }
        if matter.opened_at.timestamp_millis() != ours.since {
            return nothing("the button is of an earlier card");
        }
        let pressed = press(
            &matter,
            ours.deed,
            sender,
            self.workspace.settings.time_zone,
            self.language_of(rule, event),
            self.now(),
        );
        let Some(after) = pressed.matter else {
            return Outcome::Matched(Matched {
                answer: Some(pressed.sentence.clone()),
                told: Some(Told::new(&matter, pressed.sentence, 0)),
                ..Matched::default()
            });
        };
        let (timer, _) = decide::wake_up(&matter, &after);
        let mut seen = Warnings::new();
        let updated = self.turn(rule, &matter, after, &mut seen);
        self.timers.extend(timer.map(|timer| (timer.id.clone(), timer)));
        let who = decide::name(sender);
        Outcome::Matched(Matched {
            told: Some(Told::new(&matter, format!("{who} pressed"), updated.len())),
            updated,
            answer: Some(pressed.sentence),
            warnings: seen.into_vec(),
            ..Matched::default()
        })
    }

    /// In which language whoever pressed is answered.
    fn language_of(&self, rule: &Rule, event: &Event) -> Language {
        let sender = event.sender.as_ref();
        let key = sender
            .and_then(|sender| PersonKey::of_ids(sender.aad_object_id.as_deref(), sender.account_id.as_deref()));
        let choices = key.map(|key| self.world.choices(&key));
        let chosen = choices.as_ref().and_then(|choices| choices.language.as_deref());
        let own = chosen.or(event.data["locale"].as_str());
        ours(&rule.courtesy.tongue.chain(own))
    }

    /// Why somebody may not press, if so.
    fn refusal(&mut self, rule: &Rule, event: &Event, scope: &Value) -> Option<Verdicts> {
        let targets = &rule.living.may_press;
        if targets.is_empty() {
            return None;
        }
        let book = &self.workspace.book;
        let mut seen = Warnings::new();
        let wanted: Vec<_> = targets
            .iter()
            .flat_map(|target| target.wanted(scope, book, event, &mut seen))
            .collect();
        let now = self.now();
        let found = self.world.audience(&wanted, now);
        let mut line = is_from(event, &wanted, &found);
        line.written = line.written.replacen("from:", "may_press:", 1);
        (!line.holds && !is_one_of(event, &found)).then(|| Verdicts {
            holds: false,
            lines: vec![line],
        })
    }

    /// The matter becomes `after`, and its cards what they are then.
    fn turn(&mut self, rule: &Rule, before: &Matter, after: Matter, seen: &mut Warnings) -> Vec<Sent> {
        let scope = self.scope_of(rule, &after);
        let standing = self.standing(&after);
        let reached = self.reached(rule, &after, &scope, &standing);
        let cards = keep::amendments(rule, &after, &scope, &standing, &reached, seen);
        self.becomes(Change {
            before: Some(before.version),
            after,
        });
        self.amend(cards)
    }

    fn scope_of(&self, rule: &Rule, matter: &Matter) -> Value {
        let mut scope = plan::scope(&matter.event, rule, self.workspace.settings.time_zone, self.now());
        scope["tracked"] = in_scope(matter);
        scope
    }

    fn reached(
        &mut self,
        rule: &Rule,
        matter: &Matter,
        scope: &Value,
        standing: &[Standing],
    ) -> HashMap<String, Reached> {
        let book = &self.workspace.book;
        let named = named(rule, scope, book, &matter.event);
        let now = self.now();
        let told = self.world.audience(&named.told, now);
        let except = self.world.audience(&named.excepted, now);
        let first = self.world.audience(&named.first, now);
        let zone = self.workspace.settings.time_zone;
        let told = settle(rule, &matter.event, told, first, &except, book, zone);
        let by_key = |reach: Reached| (reach.recipient.address.key(), reach);
        let mut reached: HashMap<String, Reached> = told.reached.into_iter().map(by_key).collect();
        let known = self.who_are(&keep::not_named(standing, &reached));
        reached.extend(known.into_iter().map(by_key));
        reached
    }

    /// Who these people are, as far as the test says.
    fn who_are(&mut self, wanted: &[Wanted]) -> Vec<Reached> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let now = self.now();
        let mut found = self.world.audience(wanted, now);
        self.workspace.book.dress(&mut found);
        found.reached
    }

    /// What was put off comes back.
    pub(super) fn wake(&mut self, rule: &Arc<Rule>, timer: &Timer, id: &MatterId) -> Option<Made> {
        let matter = self.matters.get(id).cloned()?;
        let after = woken(&matter, self.now().max(timer.due_at))?;
        let mut seen = Warnings::new();
        let updated = self.turn(rule, &matter, after, &mut seen);
        let event = Event {
            id: EventId::derived(&["timer", timer.id.as_str(), &timer.due_at.to_rfc3339()]),
            occurred_at: self.now(),
            ..matter.event.clone()
        };
        let after = self.matters.get(id).cloned()?;
        let standing = self.standing(&after);
        let cards: Vec<(DeliveryId, Card)> = standing
            .iter()
            .filter_map(|one| Some((one.delivery.clone(), Card::clone(&self.shown.get(&one.delivery)?.card))))
            .collect();
        let revision = self.workspace.ruleset.revision.clone();
        let again = keep::once_more(rule, &event, &after, &standing, &cards, &revision, self.now());
        let by_id: BTreeMap<CardId, Arc<Card>> =
            cards.into_iter().map(|(_, card)| (card.id(), Arc::new(card))).collect();
        self.note(&again, &by_id);
        let sent = again
            .iter()
            .filter_map(|delivery| self.shown.get(&delivery.id).cloned())
            .collect();
        if let Some(kept) = self.matters.get_mut(id) {
            kept.deliveries.extend(again.into_iter().map(|delivery| delivery.id));
            kept.deliveries.truncate(Matter::MOST_CARDS);
        }
        Some(Made {
            at: self.now(),
            what: format!("{} was put off until now", matter.about),
            here: None,
            sender: None,
            outcome: Outcome::Matched(Matched {
                told: Some(Told::new(&after, "it comes back".to_owned(), updated.len())),
                sent,
                updated,
                warnings: seen.into_vec(),
                ..Matched::default()
            }),
        })
    }
}
