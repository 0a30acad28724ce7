//! What follows the first message, on the stage.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Made, Matched, Outcome, Rehearsal, Sent};
use crate::call::{self, Call, Reply};
use crate::card::text::Warnings;
use crate::delivery::MatterId;
use crate::event::Event;
use crate::judge::{named, not_excepted, settle};
use crate::limit::Windows;
use crate::matter::follow::{self, Due, Passed};
use crate::matter::told::Told;
use crate::matter::{Change, Matter};
use crate::plan::plan;
use crate::rule::Rule;
use crate::rule::condition::{Line, Verdicts};
use crate::rule::then::{Act, Step, Tell, Then};
use crate::timer::Timer;

/// What other programs answer in a test.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// One after the other, by the names under which calls keep them; the last one is given again and again.
    pub by_name: BTreeMap<String, Vec<Reply>>,
    /// Calls that the test says nothing about, in a sentence each.
    pub missing: Vec<String>,
}

impl Answers {
    fn give(&mut self, call: &Call) -> Reply {
        if let Some(replies) = self.by_name.get_mut(&call.save_as) {
            if replies.len() > 1 {
                return replies.remove(0);
            }
            if let Some(reply) = replies.first() {
                return reply.clone();
            }
        }
        let name = &call.save_as;
        let sentence = format!("the test does not say what `{name}` is answered by {}", call.shown());
        if !self.missing.contains(&sentence) {
            self.missing.push(sentence);
        }
        Reply::Refused("the test does not say what is answered".to_owned())
    }
}

impl Rehearsal<'_> {
    /// Begins what follows an event, and stops it where the event closes the matter.
    pub(super) fn begin_steps(&mut self, rule: &Rule, change: &mut Change, nothing_said: bool) {
        let now = self.now();
        let zone = self.workspace.settings.time_zone;
        if !change.after.is_open() {
            self.stop_steps(&mut change.after);
        } else if !nothing_said && let Some(timer) = follow::begin(&mut change.after, rule, zone, now) {
            self.timers.insert(timer.id.clone(), timer);
        }
    }

    /// No further step comes.
    pub(super) fn stop_steps(&mut self, matter: &mut Matter) {
        if let Some(stopped) = follow::stop(matter, "not needed: it is closed", self.now()) {
            self.timers.remove(&stopped);
        }
    }

    /// The time of a step has come.
    pub(super) fn step(&mut self, rule: &Arc<Rule>, timer: &Timer, id: &MatterId) -> Option<Made> {
        let matter = self.matters.get(id).cloned()?;
        let (now, zone) = (self.now(), self.workspace.settings.time_zone);
        let (step, lines) = match follow::due(&matter, Some(rule), &timer.id, zone, now) {
            Due::Stale => return None,
            Due::Moves(after, next, passed) => return Some(self.move_on(&matter, *after, next, passed)),
            Due::Comes(step, lines) => (step, lines),
        };
        let then = rule.then.as_ref()?;
        let place = matter.steps.as_ref()?.next.as_ref()?.step;
        let event = follow::event(&matter, timer, &step.name, place);
        match &step.act {
            Act::Tell(tell) => Some(self.tell_step(&matter, rule, then, &step, tell, &event, lines)),
            Act::Call(call) => {
                let scope = follow::scope(&matter, &matter.event, rule, zone, now);
                let mut seen = Warnings::new();
                let reply = match call.ask(&scope, &follow::call_key(&matter, place), &mut seen) {
                    Ok(_) => self.answers.give(call),
                    Err(reason) => Reply::Refused(reason),
                };
                let heard = call::heard(&reply, follow::tries(&matter) + 1, now);
                let (after, next, sentence) = follow::called(&matter, then, call, heard, &event.id, zone, now);
                let passed = Passed {
                    name: step.name.clone(),
                    sentence,
                    lines,
                };
                let mut made = self.move_on(&matter, after, next, passed);
                if let Outcome::Matched(matched) = &mut made.outcome {
                    matched.warnings = seen.into_vec();
                }
                Some(made)
            }
        }
    }

    fn move_on(&mut self, matter: &Matter, after: Matter, next: Option<Timer>, passed: Passed) -> Made {
        self.becomes(Change {
            before: Some(matter.version),
            after,
        });
        self.timers.extend(next.map(|timer| (timer.id.clone(), timer)));
        self.made(
            &passed.name,
            &matter.event,
            Matched {
                verdicts: verdicts(passed.lines),
                told: Some(Told::new(matter, passed.sentence, 0)),
                ..Matched::default()
            },
        )
    }

    fn made(&self, name: &str, of: &Event, matched: Matched) -> Made {
        Made {
            at: self.now(),
            what: name.to_owned(),
            here: of.here.clone(),
            sender: of.sender.clone(),
            outcome: Outcome::Matched(matched),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all of it is borrowed from one decision")]
    fn tell_step(
        &mut self,
        matter: &Matter,
        rule: &Rule,
        then: &Then,
        step: &Step,
        tell: &Tell,
        event: &Event,
        lines: Vec<Line>,
    ) -> Made {
        let (now, zone) = (self.now(), self.workspace.settings.time_zone);
        let own = tell.rule(rule);
        let scope: Value = follow::scope(matter, event, &own, zone, now);
        let book = &self.workspace.book;
        let named = named(&own, &scope, book, event);
        let mut told = self.world.audience(&named.told, now);
        let except = self.world.audience(&named.excepted, now);
        let first = self.world.audience(&named.first, now);
        let needed = told.rosters_needed.iter().chain(&except.rosters_needed);
        let mut members_needed: Vec<String> = needed.map(|id| self.world.name_of_place(id)).collect();
        members_needed.sort();
        members_needed.dedup();
        let mut notes = std::mem::take(&mut told.notes);
        notes.extend(not_excepted(&except));
        let audience = settle(&own, event, told, first, &except, book, zone);
        let revision = &self.workspace.ruleset.revision;
        let mut planned = plan(
            &own,
            event,
            scope.clone(),
            &audience,
            &Windows::default(),
            revision,
            now,
        );
        let standing = self.standing(matter);
        let mut seen = Warnings::new();
        let mut with_cards = matter.clone();
        follow::dress(
            &own,
            &mut with_cards,
            &scope,
            &audience,
            &standing,
            &mut planned,
            &mut seen,
        );
        let cards: BTreeMap<_, _> = planned
            .cards
            .into_iter()
            .map(|card| (card.id(), Arc::new(card)))
            .collect();
        self.note(&planned.deliveries, &cards);
        let (mut sent, mut untold) = (Vec::new(), Vec::new());
        for delivery in planned.deliveries {
            match delivery.card_id.as_ref().and_then(|id| cards.get(id)) {
                Some(card) => sent.push(Sent {
                    recipient: delivery.recipient,
                    card: card.clone(),
                }),
                None => untold.push((delivery.recipient.name, delivery.reason.unwrap_or_default())),
            }
        }
        let what = format!("told {} of {}", sent.len(), sent.len() + untold.len());
        let (after, next) = follow::finished(&with_cards, then, what, Some(&event.id), zone, now);
        self.becomes(Change {
            before: Some(matter.version),
            after,
        });
        self.timers.extend(next.map(|timer| (timer.id.clone(), timer)));
        let mut warnings = planned.warnings;
        warnings.extend(
            named
                .warnings
                .into_vec()
                .into_iter()
                .chain(notes)
                .chain(seen.into_vec()),
        );
        self.made(
            &step.name,
            event,
            Matched {
                verdicts: verdicts(lines),
                sent,
                untold,
                members_needed,
                warnings,
                ..Matched::default()
            },
        )
    }
}

fn verdicts(lines: Vec<Line>) -> Verdicts {
    Verdicts { holds: true, lines }
}
