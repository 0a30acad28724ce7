//! Two versions of a workspace, told the same events: who would be told differently.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::given::{replayed, shown};
use super::{Outcome, Rehearsal, Sent, World, schedules};
use crate::card::shown as shown_texts;
use crate::diagnostic::Severity;
use crate::duration;
use crate::event::Event;
use crate::limit::Rest;
use crate::rule::Rule;
use crate::rule::ruleset::Ruleset;
use crate::rule::then::in_words;
use crate::workspace::sample::{self, Sample};
use crate::workspace::source::name_of;
use crate::workspace::{Compiled, Kind, Sources};

/// How many moments of two schedules are compared.
const MOMENTS: usize = 10;
/// How many texts beside one that differs are shown.
const AROUND: usize = 1;
/// How many texts of a card are compared line by line.
const MOST_TEXTS: usize = 1_000;

/// One version of a workspace.
pub struct Version<'a> {
    /// Its files.
    pub sources: &'a Sources,
    /// What they mean.
    pub compiled: &'a Compiled,
}

/// Something that happened, told to both versions.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// What it is called in the report.
    pub name: String,
    /// The event.
    pub event: Event,
}

/// In what two versions differ.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Difference {
    /// Rules that only the new version has.
    pub added: Vec<String>,
    /// Rules that only the old version has.
    pub removed: Vec<String>,
    /// Rules that are the same under another name: old, new.
    pub renamed: Vec<(String, String)>,
    /// Files of the new version that cannot be used, with the first error. What they should tell is not compared.
    pub broken: Vec<(String, String)>,
    /// Files that could not be used and can be now.
    pub mended: Vec<String>,
    /// Rules whose schedules run at other times.
    pub schedules: Vec<OtherTimes>,
    /// Rules that tell the same people more often or less often.
    pub limits: Vec<OtherLimit>,
    /// Rules whose first message is followed by something else.
    pub steps: Vec<OtherLimit>,
    /// Who is told differently, by rule and event.
    pub changes: Vec<Change>,
    /// How many events were told to both versions.
    pub events: usize,
}

/// A schedule that runs at other times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherTimes {
    /// The rule.
    pub rule: String,
    /// Its next moments in the old version, as far as they are no moments of the new one.
    pub before: Vec<String>,
    /// The other way round.
    pub after: Vec<String>,
}

/// A limit, or what follows, that is another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherLimit {
    /// The rule.
    pub rule: String,
    /// What it was, in words; `None` when there was none.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// What one rule makes differently of events that are alike in this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The rule, by its new name.
    pub rule: String,
    /// The events.
    pub events: Vec<String>,
    /// Who is told now.
    pub added: Vec<String>,
    /// Who is not told any more.
    pub lost: Vec<String>,
    /// Who gets another card.
    pub cards: Vec<OtherCard>,
    /// Why somebody is not told any more, where the rule says so.
    pub because: Vec<String>,
}

/// A card that is another one now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherCard {
    /// Who gets it.
    pub recipients: Vec<String>,
    /// Its texts that differ, with those beside them; empty when only the looks differ.
    pub texts: Vec<TextChange>,
}

/// A text of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TextChange {
    /// In both.
    Same(String),
    /// Further texts that are in both.
    LeftOut(usize),
    /// Only in the old card.
    Lost(String),
    /// Only in the new card.
    Added(String),
}

impl Difference {
    /// Nobody is told anything else, and every rule is there as before.
    pub fn is_none(&self) -> bool {
        let Difference {
            added,
            removed,
            renamed,
            broken,
            mended,
            schedules,
            limits,
            steps,
            changes,
            events: _,
        } = self;
        added.is_empty()
            && removed.is_empty()
            && renamed.is_empty()
            && broken.is_empty()
            && mended.is_empty()
            && schedules.is_empty()
            && limits.is_empty()
            && steps.is_empty()
            && changes.is_empty()
    }
}

/// Tells both versions what their samples record, what was `recorded` besides, and the next moment of each schedule after
/// `now`, and compares what they make of it.
pub fn compare(old: &Version<'_>, new: &Version<'_>, recorded: &[Recorded], now: DateTime<Utc>) -> Difference {
    let mut difference = Difference::default();
    let samples = samples(old, new);
    let (before, after) = (broken(old), broken(new));
    difference.mended = before
        .keys()
        .filter(|file| !after.contains_key(*file))
        .cloned()
        .collect();
    difference.broken = after
        .iter()
        .filter(|(file, _)| !before.contains_key(*file))
        .map(|(file, error)| (file.clone(), error.clone()))
        .collect();
    let pairs = pairs(old, new, &before, &after, &mut difference);
    difference.events = samples.len() + recorded.len();
    let (mut old_stage, mut new_stage) = (stage(old, now), stage(new, now));
    for (old_rule, new_rule) in pairs {
        let name = new_rule.or(old_rule).map(|rule| rule.name.clone()).unwrap_or_default();
        if let (Some(one), Some(two)) = (old_rule, new_rule) {
            difference.schedules.extend(other_times(one, two, now));
            difference.limits.extend(other_limit(one, two));
            difference.steps.extend(other_steps(one, two));
        }
        let mut changes: Vec<Change> = Vec::new();
        let mut note = |change: Option<Change>| {
            let Some(mut change) = change else { return };
            change.rule.clone_from(&name);
            let alike = |known: &&mut Change| {
                known.added == change.added
                    && known.lost == change.lost
                    && known.cards == change.cards
                    && known.because == change.because
            };
            match changes.iter_mut().find(alike) {
                Some(known) => known.events.append(&mut change.events),
                None => changes.push(change),
            }
        };
        for sample in &samples {
            let one = told(&mut old_stage, old_rule, |rule| replayed(sample, rule, now));
            let two = told(&mut new_stage, new_rule, |rule| replayed(sample, rule, now));
            note(change(&sample.file, one, two));
        }
        for record in recorded {
            let fits = |rule: &Arc<Rule>| {
                let alone = Ruleset::new("", vec![rule.clone()]);
                (!alone.triggered_by(&record.event).is_empty()).then(|| record.event.clone())
            };
            let one = told(&mut old_stage, old_rule, fits);
            let two = told(&mut new_stage, new_rule, fits);
            note(change(&record.name, one, two));
        }
        let next = |rule: &Arc<Rule>| {
            let planned = schedules(rule).into_iter();
            let next = planned.filter_map(|planned| Some((planned.next_after(now)?, planned)));
            next.min_by_key(|(at, _)| *at)
                .map(|(at, planned)| planned.event(at, false))
        };
        let one = told(&mut old_stage, old_rule, next);
        let two = told(&mut new_stage, new_rule, next);
        if one.is_some() || two.is_some() {
            difference.events += 1;
            note(change("its schedule", one, two));
        }
        difference.changes.append(&mut changes);
    }
    difference.changes.sort_by(|a, b| a.rule.cmp(&b.rule));
    difference
}

fn stage<'a>(version: &Version<'a>, now: DateTime<Utc>) -> Rehearsal<'a> {
    let workspace = &version.compiled.workspace;
    let mut world = World::of(&workspace.book, workspace.settings.bot.tenant.as_deref()).with_stand_ins();
    for rule in &workspace.ruleset.rules {
        world = world.with_rule(rule, &workspace.book);
    }
    Rehearsal::new(workspace, world, now)
}

/// Who gets which card, and why others get none. `None`: there is no such rule, or it does not wait for this.
fn told(
    stage: &mut Rehearsal<'_>,
    rule: Option<&Arc<Rule>>,
    event: impl Fn(&Arc<Rule>) -> Option<Event>,
) -> Option<(Vec<Sent>, Vec<String>)> {
    let rule = rule?;
    let event = event(rule)?;
    // Each event is told as if it were the first: what a limit makes of several is the business of tests.
    stage.forget_windows();
    match stage.tell(rule, &event, "").outcome {
        Outcome::NotMet(reason) => Some((Vec::new(), vec![reason])),
        Outcome::NoMatch(verdicts) => Some((Vec::new(), verdicts.because())),
        Outcome::Matched(mut matched) => {
            // What is told later is told at once here: the card is what an author wants to compare, and when somebody is
            // told is no difference in who is.
            matched.sent.extend(stage.tell_all_gathered(rule));
            matched.sent.extend(matched.later.drain(..).map(|later| later.card));
            let untold = matched.untold.into_iter();
            let nothing = matched.told.filter(|_| matched.sent.is_empty());
            let because = untold.map(|(target, reason)| format!("{target}: {reason}"));
            let zone = stage.workspace.settings.time_zone;
            let silenced = matched.silenced.iter();
            let silenced = silenced.map(|silenced| format!("{}: {}", silenced.recipient, silenced.told(zone)));
            let because = because
                .chain(nothing.map(|told| told.sentence))
                .chain(silenced)
                .collect();
            Some((matched.sent, because))
        }
    }
}

fn change(
    event: &str,
    old: Option<(Vec<Sent>, Vec<String>)>,
    new: Option<(Vec<Sent>, Vec<String>)>,
) -> Option<Change> {
    let (old, _) = old.unwrap_or_default();
    let (new, because) = new.unwrap_or_default();
    let key = |sent: &Sent| sent.recipient.address.key();
    let of = |sent: &Sent, all: &[Sent]| all.iter().find(|other| key(other) == key(sent)).cloned();
    let names = |all: &[Sent], others: &[Sent]| -> Vec<String> {
        let missing = all.iter().filter(|sent| of(sent, others).is_none());
        missing.map(|sent| sent.recipient.name.clone()).collect()
    };
    let (added, lost) = (names(&new, &old), names(&old, &new));
    let mut cards: Vec<OtherCard> = Vec::new();
    for sent in &new {
        let Some(before) = of(sent, &old).filter(|before| before.card != sent.card) else {
            continue;
        };
        let texts = texts_changed(&shown_texts::texts(&before.card), &shown_texts::texts(&sent.card));
        let texts = excerpt(texts);
        let name = sent.recipient.name.clone();
        match cards.iter_mut().find(|other| other.texts == texts) {
            Some(other) => other.recipients.push(name),
            None => cards.push(OtherCard {
                recipients: vec![name],
                texts,
            }),
        }
    }
    let because = if lost.is_empty() { Vec::new() } else { because };
    (!added.is_empty() || !lost.is_empty() || !cards.is_empty()).then(|| Change {
        rule: String::new(),
        events: vec![event.to_owned()],
        added,
        lost,
        cards,
        because,
    })
}

/// The samples of both; of two with one path, the new one.
fn samples(old: &Version<'_>, new: &Version<'_>) -> Vec<Sample> {
    let of = |version: &Version<'_>| {
        let files = version.sources.files.iter();
        sample::read(
            files.filter(|file| Kind::of(&file.path) == Some(Kind::Sample)),
            &mut Vec::new(),
        )
    };
    let mut samples = of(new);
    for sample in of(old) {
        if !samples.iter().any(|known| known.file == sample.file) {
            samples.push(sample);
        }
    }
    samples.sort_by(|a, b| a.file.cmp(&b.file));
    samples
}

/// The files that cannot be used, each with its first error.
fn broken(version: &Version<'_>) -> BTreeMap<String, String> {
    let mut broken = BTreeMap::new();
    let errors = version.compiled.diagnostics.iter();
    for error in errors.filter(|diagnostic| diagnostic.severity == Severity::Error) {
        broken
            .entry(error.file.clone())
            .or_insert_with(|| error.message.clone());
    }
    broken
}

type Pair<'a> = (Option<&'a Arc<Rule>>, Option<&'a Arc<Rule>>);

/// Rules that are to be compared with each other. One that is broken on one side is compared with nothing.
fn pairs<'a>(
    old: &Version<'a>,
    new: &Version<'a>,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    difference: &mut Difference,
) -> Vec<Pair<'a>> {
    let rules = |version: &Version<'a>| version.compiled.workspace.ruleset.rules.iter();
    let ruleset = |version: &Version<'a>| &version.compiled.workspace.ruleset;
    let is_broken = |broken: &BTreeMap<String, String>, rule: &Rule| {
        let mut files = broken.keys().filter(|file| Kind::of(file) == Some(Kind::Rule));
        files.any(|file| name_of(file, "rules/") == rule.name)
    };
    let text = |version: &Version<'a>, rule: &Rule| {
        let mut files = version.sources.files.iter();
        files
            .find(|file| file.path == rule.file)
            .and_then(|file| file.bytes.as_ref().ok())
    };
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    let mut gone: Vec<&'a Arc<Rule>> = Vec::new();
    for rule in rules(old) {
        match ruleset(new).rule(&rule.name) {
            Some(same) => pairs.push((Some(rule), Some(same))),
            None if is_broken(after, rule) => {}
            None => gone.push(rule),
        }
    }
    for rule in rules(new) {
        if ruleset(old).rule(&rule.name).is_some() || is_broken(before, rule) {
            continue;
        }
        let same = gone.iter().position(|other| text(old, other) == text(new, rule));
        match same {
            Some(place) => {
                let other = gone.remove(place);
                difference.renamed.push((other.name.clone(), rule.name.clone()));
                pairs.push((Some(other), Some(rule)));
            }
            None => {
                difference.added.push(rule.name.clone());
                pairs.push((None, Some(rule)));
            }
        }
    }
    for rule in gone {
        difference.removed.push(rule.name.clone());
        pairs.push((Some(rule), None));
    }
    pairs
}

fn other_times(old: &Rule, new: &Rule, now: DateTime<Utc>) -> Option<OtherTimes> {
    let moments = |rule: &Rule| {
        let schedules = schedules(rule);
        let mut moments = Vec::new();
        let mut after = now;
        while moments.len() < MOMENTS {
            let next = schedules.iter().filter_map(|planned| planned.next_after(after)).min();
            let Some(next) = next else { break };
            moments.push(next);
            after = next;
        }
        moments
    };
    let (before, after) = (moments(old), moments(new));
    let zone = |rule: &Rule| schedules(rule).first().map(|planned| planned.zone).unwrap_or_default();
    let only = |these: &[DateTime<Utc>], those: &[DateTime<Utc>], rule: &Rule| -> Vec<String> {
        let missing = these.iter().filter(|at| !those.contains(at));
        missing.take(3).map(|at| shown(*at, zone(rule))).collect()
    };
    (before != after).then(|| OtherTimes {
        rule: new.name.clone(),
        before: only(&before, &after, old),
        after: only(&after, &before, new),
    })
}

fn other_limit(old: &Rule, new: &Rule) -> Option<OtherLimit> {
    let digest = |rule: &Rule| {
        let times = rule.digest.as_ref()?.times.as_ref()?;
        Some(format!("a digest {}", times.words()))
    };
    let storm = |rule: &Rule| {
        rule.storm.map_or("no storm breaker".to_owned(), |rate| {
            format!("storm breaker at {}", rate.words())
        })
    };
    let limit = |rule: &Rule| {
        let limit = rule.limit.as_ref()?;
        let for_each = limit
            .for_each
            .as_ref()
            .map(|text| format!(" for each {}", text.source()));
        let rest = match limit.rest {
            Rest::Count => "",
            Rest::Drop => ", the rest is dropped",
            Rest::Digest => ", the rest in a digest",
        };
        let once_per = duration::words(limit.once_per);
        Some(format!("once per {once_per}{}{rest}", for_each.unwrap_or_default()))
    };
    let words = |rule: &Rule| {
        // Every rule has a breaker, so it is a word only where it changes.
        let storm = (old.storm != new.storm).then(|| storm(rule));
        let words: Vec<String> = limit(rule).into_iter().chain(digest(rule)).chain(storm).collect();
        (!words.is_empty()).then(|| words.join("; "))
    };
    let (before, after) = (words(old), words(new));
    (before != after).then(|| OtherLimit {
        rule: new.name.clone(),
        before,
        after,
    })
}

fn other_steps(old: &Rule, new: &Rule) -> Option<OtherLimit> {
    let words = |rule: &Rule| {
        let then = rule.then.as_ref()?;
        let steps: Vec<String> = then.steps.iter().map(|step| in_words(step)).collect();
        Some(steps.join("; "))
    };
    let (before, after) = (words(old), words(new));
    (before != after).then(|| OtherLimit {
        rule: new.name.clone(),
        before,
        after,
    })
}

/// The longest way through both lists that keeps what they have in common.
fn texts_changed(old: &[String], new: &[String]) -> Vec<TextChange> {
    let (old, new) = (&old[..old.len().min(MOST_TEXTS)], &new[..new.len().min(MOST_TEXTS)]);
    let mut common = vec![vec![0u16; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = match old[i] == new[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut changes = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            changes.push(TextChange::Same(old[i].clone()));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[i + 1][j] >= common[i][j + 1]) {
            changes.push(TextChange::Lost(old[i].clone()));
            i += 1;
        } else {
            changes.push(TextChange::Added(new[j].clone()));
            j += 1;
        }
    }
    changes
}

/// The texts that differ, and those beside them.
fn excerpt(texts: Vec<TextChange>) -> Vec<TextChange> {
    let same = |change: &TextChange| matches!(change, TextChange::Same(_));
    if texts.iter().all(same) {
        return Vec::new();
    }
    let near = |index: usize| {
        let from = index.saturating_sub(AROUND);
        let to = texts.len().min(index + AROUND + 1);
        !texts[from..to].iter().all(same)
    };
    let mut excerpt = Vec::new();
    for (index, change) in texts.iter().enumerate() {
        match (near(index), excerpt.last_mut()) {
            (true, _) => excerpt.push(change.clone()),
            (false, Some(TextChange::LeftOut(count))) => *count += 1,
            (false, _) => excerpt.push(TextChange::LeftOut(1)),
        }
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_the_same_stay_in_place() {
        let texts = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let changed = texts_changed(&texts("title old facts end"), &texts("title new facts more end"));
        let shown: Vec<String> = changed
            .iter()
            .map(|change| match change {
                TextChange::Same(text) => format!(" {text}"),
                TextChange::Lost(text) => format!("-{text}"),
                TextChange::Added(text) => format!("+{text}"),
                TextChange::LeftOut(count) => format!("{count}"),
            })
            .collect();
        assert_eq!(shown, [" title", "-old", "+new", " facts", "+more", " end"]);
        assert_eq!(texts_changed(&[], &[]), []);
        let changed = excerpt(texts_changed(&texts("a b c d e f"), &texts("a b c d E f")));
        assert_eq!(changed.first(), Some(&TextChange::LeftOut(3)));
        assert_eq!(changed.len(), 5);
        assert_eq!(excerpt(texts_changed(&texts("a b"), &texts("a b"))), []);
    }
}
