//! All rules in force, found by what triggers them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Rule;
use super::trigger::Trigger;
use super::wording::Wording;
use crate::event::{Event, Origin, TeamsEvent};

/// An immutable set of rules. What it costs to find the rules of an event follows the rules of its trigger, not all of
/// them.
#[derive(Debug, Clone, Default)]
pub struct Ruleset {
    /// Names the sources it was made of: equal sources give equal revisions.
    pub revision: String,
    /// Every rule, in the order of their names.
    pub rules: Vec<Arc<Rule>>,
    by_hook: HashMap<String, Vec<usize>>,
    by_kind: HashMap<TeamsEvent, Vec<usize>>,
    by_queue: HashMap<String, Vec<usize>>,
    /// Those that wait for messages, whatever they say.
    by_message: Vec<usize>,
    by_button: HashMap<String, Vec<usize>>,
    by_name: HashMap<String, usize>,
}

impl Ruleset {
    /// Puts rules together. Their names must differ; of two with one name the first is found.
    pub fn new(revision: impl Into<String>, mut rules: Vec<Arc<Rule>>) -> Self {
        rules.sort_by(|a, b| a.name.cmp(&b.name));
        let mut ruleset = Ruleset {
            revision: revision.into(),
            ..Ruleset::default()
        };
        for (place, rule) in rules.iter().enumerate() {
            ruleset.by_name.entry(rule.name.clone()).or_insert(place);
            for trigger in &rule.triggers {
                // A rule with two triggers of one hook is one rule.
                let add = |places: &mut Vec<usize>| {
                    if places.last() != Some(&place) {
                        places.push(place);
                    }
                };
                match trigger {
                    Trigger::Hook { hook, .. } => add(ruleset.by_hook.entry(hook.clone()).or_default()),
                    Trigger::Teams { kind, .. } => add(ruleset.by_kind.entry(*kind).or_default()),
                    Trigger::Queue { queue } => add(ruleset.by_queue.entry(queue.clone()).or_default()),
                    Trigger::Message { .. } => add(&mut ruleset.by_message),
                    Trigger::Button { buttons, .. } => {
                        for button in buttons {
                            add(ruleset.by_button.entry(button.clone()).or_default());
                        }
                    }
                    // Their events name the rule they belong to.
                    Trigger::Cron { .. } | Trigger::File { .. } => {}
                }
            }
        }
        ruleset.rules = rules;
        ruleset
    }

    /// The rules whose trigger meets the event, in the order of their names, each once.
    pub fn triggered_by(&self, event: &Event) -> Vec<Arc<Rule>> {
        let none: &[usize] = &[];
        let places = match &event.origin {
            Origin::Hook { hook, .. } => self.by_hook.get(hook).map_or(none, Vec::as_slice),
            Origin::Teams { kind, .. } => self.by_kind.get(kind).map_or(none, Vec::as_slice),
            Origin::Queue { queue } => self.by_queue.get(queue).map_or(none, Vec::as_slice),
            Origin::Message { .. } => &self.by_message,
            Origin::Button { button, .. } => self.by_button.get(button).map_or(none, Vec::as_slice),
            Origin::Cron { rule, .. } | Origin::File { rule, .. } | Origin::Drill { rule, .. } => {
                self.by_name.get(rule).map_or(none, std::slice::from_ref)
            }
            // Whoever brings it knows by which rule it began.
            Origin::Step { .. } => none,
        };
        let met = |rule: &&Arc<Rule>| {
            let mut triggers = rule.triggers.iter().enumerate();
            triggers.any(|(index, trigger)| trigger.meets(&rule.name, index, &event.origin))
        };
        places
            .iter()
            .map(|place| &self.rules[*place])
            .filter(met)
            .cloned()
            .collect()
    }

    /// Rules that wait for the hook the event came to but not for this type of event, or for messages or buttons but
    /// not for this one, with what they wait for.
    pub fn near<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = (&'a Rule, Vec<&'a str>)> {
        let places: BTreeSet<usize> = match &event.origin {
            Origin::Hook { hook, .. } => self.by_hook.get(hook).into_iter().flatten().copied().collect(),
            Origin::Message { .. } => self.by_message.iter().copied().collect(),
            Origin::Button { .. } => self.by_button.values().flatten().copied().collect(),
            Origin::Cron { .. }
            | Origin::Teams { .. }
            | Origin::Drill { .. }
            | Origin::Step { .. }
            | Origin::File { .. }
            | Origin::Queue { .. } => BTreeSet::new(),
        };
        places.into_iter().filter_map(move |place| {
            let rule = &*self.rules[place];
            let mut triggers = rule.triggers.iter().enumerate();
            if triggers.any(|(index, trigger)| trigger.meets(&rule.name, index, &event.origin)) {
                return None;
            }
            let mut waits_for = Vec::new();
            for trigger in &rule.triggers {
                match (trigger, &event.origin) {
                    (Trigger::Hook { hook, event_types }, Origin::Hook { hook: came_to, .. }) if hook == came_to => {
                        waits_for.extend(event_types.iter().map(String::as_str));
                    }
                    (Trigger::Message { wordings, .. }, Origin::Message { .. }) => {
                        waits_for.extend(wordings.iter().map(Wording::as_str));
                    }
                    (Trigger::Button { buttons, .. }, Origin::Button { .. }) => {
                        waits_for.extend(buttons.iter().map(String::as_str));
                    }
                    (_, _) => {}
                }
            }
            Some((rule, waits_for))
        })
    }

    /// The rule of this name.
    pub fn rule(&self, name: &str) -> Option<&Arc<Rule>> {
        self.by_name.get(name).map(|place| &self.rules[*place])
    }
}
