//! Events taken apart, and what is gathered and told later, on the stage of a rehearsal.

use std::sync::Arc;

use super::{Later, Made, Matched, Outcome, Rehearsal, Sent};
use crate::delivery::WindowId;
use crate::event::{Event, EventId};
use crate::gathering::{Gathering, Item};
use crate::limit::{Change, Kept};
use crate::plan::telling::{self, Known};
use crate::rule::Rule;
use crate::rule::condition::{Line, Verdicts};
use crate::rule::split::Split;

/// Items of an event whose lines are shown.
const MOST_SHOWN: usize = 10;

impl Rehearsal<'_> {
    /// What `rule` makes of all items of `event`, put together.
    pub(super) fn apart(&mut self, rule: &Arc<Rule>, split: &Split, event: &Event) -> Outcome {
        let items = match split.items(&rule.name, event) {
            Ok(items) => items,
            Err(line) => {
                return Outcome::NoMatch(Verdicts {
                    holds: false,
                    lines: vec![line],
                });
            }
        };
        let mut all: Option<Matched> = None;
        let mut lines = vec![items.line];
        for (index, item) in items.events.iter().enumerate() {
            let (verdicts, matched) = match self.outcome(rule, item) {
                Outcome::NotMet(reason) => return Outcome::NotMet(reason),
                Outcome::NoMatch(verdicts) => (verdicts, None),
                Outcome::Matched(matched) => (matched.verdicts.clone(), Some(matched)),
            };
            if index < MOST_SHOWN && !verdicts.lines.is_empty() {
                lines.push(line(index, items.count, verdicts));
            }
            all = match (all, matched) {
                (Some(mut all), Some(more)) => {
                    all.add(more);
                    Some(all)
                }
                (all, matched) => all.or(matched),
            };
        }
        match all {
            Some(matched) => Outcome::Matched(Matched {
                verdicts: Verdicts { holds: true, lines },
                ..matched
            }),
            None => Outcome::NoMatch(Verdicts { holds: false, lines }),
        }
    }

    /// What is gathered under these keys.
    pub(super) fn gatherings(&self, ids: Vec<WindowId>) -> impl Iterator<Item = (WindowId, Gathering)> {
        ids.into_iter()
            .filter_map(|id| Some((id.clone(), self.gathered.get(&id)?.0.clone())))
    }

    /// Does what a decision says about windows and gatherings.
    pub(super) fn take_in(&mut self, changes: Vec<Change>) {
        const ALONE: &str = "nothing else changes what a rehearsal keeps";
        for change in changes {
            let after = change.apply(self.windows.get(&change.window)).expect(ALONE);
            self.windows.extend(after.map(|after| (change.window.clone(), after)));
            let found = self.gathered.remove(&change.window);
            let kept = change
                .gather(found.as_ref().map(|(gathering, _)| gathering))
                .expect(ALONE);
            let items = found.as_ref().map(|(_, items)| items.clone()).unwrap_or_default();
            let (gathering, items) = match kept {
                Kept::AsItWas => match found {
                    Some((gathering, items)) => (gathering, items),
                    None => continue,
                },
                Kept::More(gathering, item) => (*gathering, with(items, *item)),
                Kept::On(gathering) => (*gathering, items),
                Kept::Nothing => {
                    self.timers.remove(&Gathering::timer_id(&change.window));
                    continue;
                }
            };
            let timer = gathering.timer(&change.window);
            self.timers.insert(timer.id.clone(), timer);
            self.gathered.insert(change.window, (gathering, items));
        }
    }

    /// What digests would say if their time had come.
    pub(super) fn tell_all_gathered(&mut self, rule: &Arc<Rule>) -> Vec<Sent> {
        let windows: Vec<WindowId> = self.gathered.keys().cloned().collect();
        let made = windows.iter().filter_map(|window| self.tell_gathered(rule, window));
        made.flat_map(|made| match made.outcome {
            Outcome::Matched(matched) => {
                let later = matched.later.into_iter().map(|later| later.card);
                matched.sent.into_iter().chain(later).collect()
            }
            Outcome::NotMet(_) | Outcome::NoMatch(_) => Vec::new(),
        })
        .collect()
    }

    /// The time of a gathering has come.
    pub(super) fn tell_gathered(&mut self, rule: &Arc<Rule>, window: &WindowId) -> Option<Made> {
        let (gathering, items) = self.gathered.get(window)?.clone();
        let known = Known {
            window,
            gathering: &gathering,
            items: &items,
            limited: self.windows.get(window),
            rule: (rule.name == gathering.rule).then_some(&**rule),
            time_zone: self.workspace.settings.time_zone,
            revision: &self.workspace.ruleset.revision,
        };
        let due = gathering.due_at.to_rfc3339();
        let event = EventId::derived(&["digest", window.as_str(), gathering.begun_by.as_str(), &due]);
        let told = telling::tell(&known, &event, self.now);
        self.take_in(told.changes);
        let (delivery, card, _) = told.sent?;
        let card = Sent {
            recipient: delivery.recipient,
            card: Arc::new(card),
        };
        let (sent, later) = match delivery.terms.held_until {
            Some(until) => (
                Vec::new(),
                vec![Later {
                    card,
                    until,
                    reason: delivery.reason.unwrap_or_default(),
                }],
            ),
            None => (vec![card], Vec::new()),
        };
        self.overnight.extend(later.iter().cloned());
        Some(Made {
            at: self.now,
            what: "the digest".to_owned(),
            here: None,
            sender: None,
            outcome: Outcome::Matched(Matched {
                verdicts: Verdicts {
                    holds: true,
                    lines: Vec::new(),
                },
                sent,
                untold: Vec::new(),
                held_back: Vec::new(),
                members_needed: Vec::new(),
                later,
                silenced: Vec::new(),
                told: None,
                updated: Vec::new(),
                answer: None,
                warnings: told.warnings,
            }),
        })
    }
}

impl Matched {
    /// Adds what became of another item of the same event.
    fn add(&mut self, other: Matched) {
        let Matched {
            verdicts: _,
            sent,
            untold,
            held_back,
            members_needed,
            later,
            silenced,
            told,
            updated,
            answer,
            warnings,
        } = other;
        self.sent.extend(sent);
        self.updated.extend(updated);
        self.later.extend(later);
        self.silenced.extend(silenced);
        self.told = self.told.take().or(told);
        self.answer = self.answer.take().or(answer);
        self.held_back.extend(held_back);
        for (target, reason) in untold {
            if !self.untold.contains(&(target.clone(), reason.clone())) {
                self.untold.push((target, reason));
            }
        }
        for place in members_needed {
            if !self.members_needed.contains(&place) {
                self.members_needed.push(place);
            }
        }
        for warning in warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }
}

fn with(mut items: Vec<Item>, item: Item) -> Vec<Item> {
    let slot = Gathering::slot(item.number);
    items.retain(|other| Gathering::slot(other.number) != slot);
    items.push(item);
    items
}

/// The lines of one item, as one.
fn line(index: usize, count: usize, verdicts: Verdicts) -> Line {
    let hold = verdicts.lines.iter().filter(|line| line.holds).count();
    Line {
        written: format!("item {} of {count}", index + 1),
        holds: verdicts.holds,
        expected: "every one of its lines must hold".to_owned(),
        actual: format!("{hold} of {} hold", verdicts.lines.len()),
        note: None,
        lines: verdicts.lines,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::event::Origin;
    use crate::rehearsal::World;
    use crate::workspace::{self, SourceFile, Sources, Workspace};

    fn workspace(rule: &str) -> Workspace {
        let file = |path: &str, text: String| SourceFile {
            path: path.to_owned(),
            bytes: Ok(text.into_bytes()),
        };
        let head = "when: { hook: ci }\nnotify: [{ person: anna }]\ncard: { title: \"{{event.n}}\" }\n";
        let sources = Sources {
            files: vec![
                file(
                    "directory.yaml",
                    "people: { anna: anna.berg@contoso.example }\n".to_owned(),
                ),
                file(
                    "herald.yaml",
                    "hooks:\n  ci: { signature: none, anyone_can_post: true }\n".to_owned(),
                ),
                file("rules/r.yaml", format!("{head}{rule}")),
            ],
            ..Sources::default()
        };
        let compiled = workspace::compile(&sources, None);
        assert!(
            !compiled.workspace.ruleset.rules.is_empty(),
            "{:#?}",
            compiled.diagnostics
        );
        compiled.workspace
    }

    fn event(number: usize, now: DateTime<Utc>) -> Event {
        Event {
            id: EventId::known(format!("ev_{number}")),
            origin: Origin::Hook {
                hook: "ci".to_owned(),
                event_type: None,
            },
            occurred_at: now,
            data: json!({ "n": number }),
            request: Value::Null,
            here: None,
            thread: None,
            item: None,
            sender: None,
        }
    }

    /// How many cards were sent, and when; how many were gathered.
    fn played(rule: &str, pauses: &[i64], then: TimeDelta) -> (Vec<(DateTime<Utc>, String)>, usize) {
        let workspace = workspace(rule);
        let world = World::of(&workspace.book, None);
        let start = "2026-03-02T09:00:00Z".parse().expect("an instant");
        let mut stage = Rehearsal::new(&workspace, world, start);
        let rule = workspace.ruleset.rules[0].clone();
        let mut made = Vec::new();
        for (number, pause) in pauses.iter().enumerate() {
            made.extend(stage.wait(&rule, stage.now() + TimeDelta::seconds(*pause)));
            let event = event(number, stage.now());
            made.push(stage.tell(&rule, &event, "a post"));
        }
        made.extend(stage.wait(&rule, stage.now() + then));
        let (mut sent, mut gathered) = (Vec::new(), 0);
        for made in made {
            let Outcome::Matched(matched) = made.outcome else {
                panic!("it matches everything: {made:?}");
            };
            gathered += matched.held_back.len();
            sent.extend(
                matched
                    .sent
                    .into_iter()
                    .map(|sent| (made.at, sent.card.summary.clone())),
            );
        }
        (sent, gathered)
    }

    /// `12 more: r` -> 12
    fn told(summary: &str) -> usize {
        let number = summary.split(" more: ").next().and_then(|number| number.parse().ok());
        number.filter(|_| summary.contains(" more: ")).unwrap_or(0)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whenever_events_come_each_is_told_once_and_cards_keep_their_distance(
            pauses in prop::collection::vec(prop_oneof![Just(0i64), 1i64..1_500], 1..60),
        ) {
            let rule = "storm: never\nlimit: { once_per: 10 minutes, rest: digest }\n";
            let (sent, gathered) = played(rule, &pauses, TimeDelta::minutes(10));
            let by_digests: usize = sent.iter().map(|(_, summary)| told(summary)).sum();
            let alone = sent.iter().filter(|(_, summary)| told(summary) == 0).count();
            prop_assert_eq!(by_digests, gathered);
            prop_assert_eq!(alone + gathered, pauses.len());
            for pair in sent.windows(2) {
                prop_assert!(pair[1].0 - pair[0].0 >= TimeDelta::minutes(10), "{:?}", pair);
            }
        }

        #[test]
        fn a_clock_digest_tells_of_everything_and_never_of_nothing(
            pauses in prop::collection::vec(0i64..100_000, 1..40),
        ) {
            let (sent, gathered) = played("digest: { at: '09:00' }\n", &pauses, TimeDelta::days(1));
            prop_assert_eq!(gathered, pauses.len());
            prop_assert_eq!(sent.iter().map(|(_, summary)| told(summary)).sum::<usize>(), gathered);
            for (at, summary) in &sent {
                prop_assert!(told(summary) > 0, "{}", summary);
                prop_assert_eq!(at.format("%H:%M").to_string(), "09:00");
            }
        }

        #[test]
        fn no_storm_sends_more_than_is_allowed_and_two(
            pauses in prop::collection::vec(0i64..60, 1..200),
        ) {
            let (sent, _) = played("storm: 5 per 2 minutes\n", &pauses, TimeDelta::hours(1));
            for (index, (at, _)) in sent.iter().enumerate() {
                let lately = sent[..=index].iter().filter(|(other, _)| *at - *other < TimeDelta::minutes(2));
                // Those allowed, the one that says that it begins, and the one that says that it is over.
                prop_assert!(lately.count() <= 7, "{:?}", sent);
            }
        }
    }
}
