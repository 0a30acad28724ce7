//! What is kept of a decision, so that somebody can ask later why. Bounded: an event with many rules, or a rule with
//! many lines, cannot fill the disk.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::audience::Stopped;
use crate::event::{Event, EventId};
use crate::limit::HeldBack;
use crate::matter::told::Told;
use crate::quiet::Silenced;
use crate::rule::condition::{Line, Verdicts};
use crate::rule::split::Items;

/// What was decided about an event. Bounded: at most [`EventRecord::RULES_KEPT`] rules, and so many of their texts as
/// [`EventRecord::TEXT_BYTES`] take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The event's id.
    pub id: EventId,
    /// `hook github (deployment_status)`, `cron weekly-report`, in words.
    pub origin: String,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// The ruleset that decided.
    pub revision: String,
    /// The rules whose trigger met the event.
    pub rules: Vec<RuleRecord>,
    /// How many rules there were that wait for something else; `None` in records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<usize>,
    /// Some of those: rules that wait for the same hook, but for other types of events, or for other messages or buttons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<Near>,
}

/// A rule that waits for the same hook but for another type of event, or for another message or button.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Near {
    /// The rule.
    pub rule: String,
    /// The types, wordings or buttons it waits for.
    pub event_types: Vec<String>,
}

/// What one rule made of an event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleRecord {
    /// The rule.
    pub rule: String,
    /// It held: every line of its `if` was true.
    pub matched: bool,
    /// The lines that were false, in words; empty when it matched.
    pub because: Vec<String>,
    /// How many deliveries it led to.
    pub deliveries: usize,
    /// What did not print as meant (a missing field), in words, bounded.
    pub warnings: Vec<String>,
    /// Who got nothing because of the rule's limit; the first [`RuleRecord::HELD_BACK_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<HeldBack>,
    /// How many there were, kept or not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_back_count: usize,
    /// Who got nothing because of quiet hours; the first [`RuleRecord::HELD_BACK_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silenced: Vec<Silenced>,
    /// How many there were, kept or not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub silenced_count: usize,
    /// Who got nothing because they stopped it; the first [`RuleRecord::STOPPED_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<Stopped>,
    /// How many there were, kept or not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stopped_count: usize,
    /// Whom `where` left out, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sifted: Option<String>,
    /// Each line of its `if`, with what was expected and found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// What it did to what the rule has going on about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
    /// Lines that are not kept because there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lines_left_out: usize,
    /// With `split`: how many items it looked at.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub items_count: usize,
    /// With `split`: what became of the items, at most [`RuleRecord::ITEMS_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemRecord>,
}

/// What became of one item of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemRecord {
    /// The event that the item is: what to ask about.
    pub event: EventId,
    /// Its place in the list, from 1.
    pub number: usize,
    /// The rule's `if` held for it.
    pub matched: bool,
    /// How many deliveries it led to.
    pub deliveries: usize,
    /// How many cards were held back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_back: usize,
}

impl EventRecord {
    /// How many rules a record keeps.
    pub const RULES_KEPT: usize = 200;
    /// How many near rules it names.
    pub const NEAR_KEPT: usize = 10;
    /// How many bytes the texts of all its rules take: lines, warnings, names; one reason of each rule comes on top.
    pub const TEXT_BYTES: usize = 32 * 1024;

    /// How many deliveries it led to, over all its rules.
    pub fn owed(&self) -> usize {
        self.rules.iter().map(|rule| rule.deliveries).sum()
    }

    /// The record within its bounds. The rules that say most are kept: those that matched before the others.
    pub fn bounded(mut self) -> Self {
        let tells = |rule: &RuleRecord| rule.matched || rule.deliveries > 0;
        let mut left = Self::RULES_KEPT;
        for wanted in [true, false] {
            self.rules.retain(|rule| {
                if tells(rule) != wanted {
                    return true;
                }
                let kept = left > 0;
                left = left.saturating_sub(1);
                kept
            });
        }
        let mut bytes = Self::TEXT_BYTES;
        for rule in &mut self.rules {
            rule.keep(&mut bytes);
        }
        self
    }
}

impl RuleRecord {
    /// How many of those whom a limit held back a record names.
    pub const HELD_BACK_KEPT: usize = 20;
    /// How many of those who stopped it a record names.
    pub const STOPPED_KEPT: usize = 50;
    /// How many lines of a rule are kept, those within `any`, `all` and `not` included.
    pub const LINES_KEPT: usize = 50;
    /// Characters kept of each text of a line.
    pub const LONGEST_TEXT: usize = 300;
    /// How many items are kept; of those that led to nothing the last ones are left out first.
    pub const ITEMS_KEPT: usize = 50;
    /// Sentences kept of a rule that did not match.
    pub const REASONS_KEPT: usize = 20;

    /// A rule whose `if` did not hold.
    pub fn not_met(rule: &str, verdicts: &Verdicts) -> Self {
        Self {
            rule: rule.to_owned(),
            because: verdicts.because(),
            lines: verdicts.lines.clone(),
            ..Self::default()
        }
    }

    /// A rule that takes an event apart, before any of its items is decided.
    pub fn of_items(rule: &str, items: &Items) -> Self {
        Self {
            rule: rule.to_owned(),
            because: vec!["there is nothing in the list".to_owned()],
            lines: vec![items.line.clone()],
            warnings: items.line.note.iter().cloned().collect(),
            ..Self::default()
        }
    }

    /// Adds what became of an item; `decided` is what the rule made of it.
    pub fn add_item(&mut self, item: &Event, decided: Option<&RuleRecord>) {
        let nothing = RuleRecord::default();
        let decided = decided.unwrap_or(&nothing);
        self.items_count += 1;
        self.matched |= decided.matched;
        self.deliveries += decided.deliveries;
        self.held_back_count += decided.held_back_count;
        let room = Self::HELD_BACK_KEPT.saturating_sub(self.held_back.len());
        self.held_back.extend(decided.held_back.iter().take(room).cloned());
        for warning in &decided.warnings {
            if self.warnings.len() < Self::REASONS_KEPT && !self.warnings.contains(warning) {
                self.warnings.push(warning.clone());
            }
        }
        let record = ItemRecord {
            event: item.id.clone(),
            number: self.items_count,
            matched: decided.matched,
            deliveries: decided.deliveries,
            held_back: decided.held_back_count,
        };
        if self.items.len() == Self::ITEMS_KEPT
            && record.matched
            && let Some(place) = self.items.iter().rposition(|item| !item.matched)
        {
            self.items.remove(place);
        }
        if self.items.len() < Self::ITEMS_KEPT {
            self.items.push(record);
        }
        // Of items that do not match, the reasons of the first stand for those of the others.
        if self.items_count == 1 || self.matched {
            self.because = match self.matched {
                true => Vec::new(),
                false => decided.because.iter().map(|why| format!("item 1: {why}")).collect(),
            };
        }
    }

    /// The record without what is only told to those who ask why.
    pub fn brief(&self) -> Self {
        Self {
            lines: Vec::new(),
            lines_left_out: 0,
            ..self.clone()
        }
    }

    /// Keeps what fits; `bytes` is what is left for the event.
    fn keep(&mut self, bytes: &mut usize) {
        let mut budget = Budget {
            lines: Self::LINES_KEPT,
            bytes: *bytes,
            left_out: self.lines_left_out,
        };
        budget.trim(&mut self.lines);
        self.lines_left_out = budget.left_out;
        // With all lines kept, the sentences can be made of them again; they are kept for the answer to a post.
        self.because.truncate(Self::REASONS_KEPT);
        for sentence in &mut self.because {
            cut(sentence);
        }
        let sizes = |sentences: &[String]| sentences.iter().map(String::len).sum::<usize>();
        while self.because.len() > 1 && sizes(&self.because) > budget.bytes {
            self.because.pop();
        }
        let mut left = budget.bytes.saturating_sub(sizes(&self.because));
        self.warnings.iter_mut().for_each(cut);
        self.sifted.iter_mut().for_each(cut);
        while sizes(&self.warnings) > left {
            self.warnings.pop();
        }
        left -= sizes(&self.warnings);
        // 100 for two instants and the names of the fields.
        let named =
            |held_back: &HeldBack| held_back.recipient.len() + held_back.value.as_ref().map_or(0, String::len) + 100;
        while self.held_back.iter().map(named).sum::<usize>() > left {
            self.held_back.pop();
        }
        left -= self.held_back.iter().map(named).sum::<usize>();
        let named = |silenced: &Silenced| silenced.recipient.len() + 100;
        while self.silenced.iter().map(named).sum::<usize>() > left {
            self.silenced.pop();
        }
        *bytes = left - self.silenced.iter().map(named).sum::<usize>();
        let named = |stopped: &Stopped| stopped.recipient.len() + stopped.what.len() + 80;
        while self.stopped.iter().map(named).sum::<usize>() > left {
            self.stopped.pop();
        }
        *bytes = left - self.stopped.iter().map(named).sum::<usize>();
    }
}

struct Budget {
    lines: usize,
    bytes: usize,
    left_out: usize,
}

impl Budget {
    fn trim(&mut self, lines: &mut Vec<Line>) {
        lines.retain_mut(|line| {
            for text in [&mut line.written, &mut line.expected, &mut line.actual]
                .into_iter()
                .chain(&mut line.note)
            {
                cut(text);
            }
            let note = line.note.as_ref().map_or(0, String::len);
            // 64 for the names of the fields.
            let size = line.written.len() + line.expected.len() + line.actual.len() + note + 64;
            if self.lines == 0 || size > self.bytes {
                self.left_out += 1 + count(&line.lines);
                return false;
            }
            self.lines -= 1;
            self.bytes -= size;
            self.trim(&mut line.lines);
            true
        });
    }
}

fn count(lines: &[Line]) -> usize {
    lines.iter().map(|line| 1 + count(&line.lines)).sum()
}

fn cut(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(RuleRecord::LONGEST_TEXT) {
        text.truncate(end);
        text.push('…');
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            written: text.to_owned(),
            holds: false,
            expected: text.to_owned(),
            actual: text.to_owned(),
            note: None,
            lines: Vec::new(),
        }
    }

    fn record(rules: Vec<RuleRecord>) -> EventRecord {
        EventRecord {
            id: EventId::known("ev_1"),
            origin: "hook x".to_owned(),
            occurred_at: DateTime::UNIX_EPOCH,
            revision: "r".to_owned(),
            rules,
            elsewhere: Some(3),
            near: Vec::new(),
        }
    }

    #[test]
    fn a_record_of_an_older_version_is_still_read() {
        let old = r#"{"id":"ev_1","origin":"hook x","occurred_at":"2026-03-02T09:00:00Z","revision":"r","rules":[
            {"rule":"a","matched":false,"because":["no"],"deliveries":0,"warnings":[]}]}"#;
        let read: EventRecord = serde_json::from_str(old).expect("readable");
        assert_eq!(read.elsewhere, None);
        assert_eq!(read.rules[0].because, ["no"]);
    }

    #[test]
    fn whatever_rules_and_payloads_say_a_record_stays_small() {
        let long = "x".repeat(5_000);
        let mut group = line("any");
        group.lines = vec![line(&long); 400];
        let held_back = HeldBack {
            recipient: "x".repeat(200),
            value: Some("x".repeat(200)),
            since: Some(DateTime::UNIX_EPOCH),
            until: Some(DateTime::UNIX_EPOCH),
            gathered: None,
        };
        let rule = |number: usize| RuleRecord {
            rule: format!("r{number}"),
            because: vec![long.clone(); 100],
            lines: vec![group.clone(), line(&long)],
            warnings: vec![long.clone(); 20],
            held_back: vec![held_back.clone(); 20],
            held_back_count: 20,
            ..RuleRecord::default()
        };
        let bounded = record((0..1_000).map(rule).collect()).bounded();
        let bytes = serde_json::to_vec(&bounded).expect("JSON").len();
        assert_eq!(bounded.rules.len(), EventRecord::RULES_KEPT);
        assert!(bytes < 200_000, "{bytes} bytes");
        assert_eq!(bounded.rules[0].lines_left_out + count(&bounded.rules[0].lines), 402);
        assert_eq!(bounded.clone().bounded(), bounded, "once is enough");
    }

    #[test]
    fn an_event_that_no_rule_waits_for_takes_little_room() {
        let bytes = serde_json::to_vec(&record(Vec::new())).expect("JSON").len();
        assert!(bytes < 200, "{bytes} bytes");
    }
}
