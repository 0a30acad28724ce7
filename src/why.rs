//! What became of an event and why, told so that the author of a rule understands it. Command line, admin routes and page
//! show this very text.

pub mod fate;
pub mod run;
mod steps;

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::audience::Stopped;
use crate::concierge;
use crate::delivery::{Delivery, DeliveryId, State};
use crate::duration;
use crate::gathering::Cause;
use crate::limit::HeldBack;
use crate::matter::Matter;
use crate::quiet::Silenced;
use crate::record::{EventRecord, RuleRecord};
use crate::rule::condition::Line;
use crate::run::{Phase, Run};

/// Recipients named for one rule; the others are counted.
const MOST_NAMED: usize = 50;

/// An event with everything that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Story<'a> {
    /// What was decided.
    pub record: &'a EventRecord,
    /// The deliveries it led to, as they are now.
    pub deliveries: &'a [Delivery],
    /// There are more deliveries than those.
    pub more_deliveries: bool,
    /// Only those to the recipient asked about were read.
    pub some_recipients: bool,
    /// Rules that wait for a list of members.
    pub waiting: &'a [Waiting],
    /// What is known of the runs: one for each rule that owes somebody something.
    pub runs: &'a [Run],
    /// What the rules have going on about it.
    pub matters: &'a [Matter],
    /// Deliveries that wait behind another one to the same conversation, and behind which.
    pub behind: &'a BTreeMap<DeliveryId, DeliveryId>,
    /// The clock on which times are told.
    pub zone: Tz,
}

/// A rule that waits until Teams has told who is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The rule.
    pub rule: String,
    /// When Teams is asked (again).
    pub due_at: DateTime<Utc>,
    /// Why it has not told yet.
    pub reason: Option<String>,
}

/// What is asked about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// Only this rule.
    pub rule: Option<&'a str>,
    /// Only recipients whose name or address contains this text, whatever its case.
    pub recipient: Option<&'a str>,
    /// Only this delivery.
    pub delivery: Option<&'a Delivery>,
}

impl Question<'_> {
    fn rule_meant(&self, rule: &str) -> bool {
        self.rule.is_none_or(|wanted| wanted == rule) && self.delivery.is_none_or(|delivery| delivery.rule == rule)
    }

    fn delivery_meant(&self, delivery: &Delivery) -> bool {
        self.delivery.is_none_or(|wanted| wanted.id == delivery.id)
            && self.recipient.is_none_or(|wanted| {
                contains(&delivery.recipient.name, wanted) || contains(&delivery.recipient.address.key(), wanted)
            })
    }

    fn held_back_meant(&self, held_back: &HeldBack) -> bool {
        self.delivery.is_none()
            && self
                .recipient
                .is_none_or(|wanted| contains(&held_back.recipient, wanted))
    }

    fn silenced_meant(&self, silenced: &Silenced) -> bool {
        self.delivery.is_none()
            && self
                .recipient
                .is_none_or(|wanted| contains(&silenced.recipient, wanted))
    }

    fn stopped_meant(&self, stopped: &Stopped) -> bool {
        self.delivery.is_none() && self.recipient.is_none_or(|wanted| contains(&stopped.recipient, wanted))
    }

    fn everybody(&self) -> bool {
        self.delivery.is_none() && self.recipient.is_none()
    }
}

fn contains(text: &str, wanted: &str) -> bool {
    text.to_lowercase().contains(&wanted.to_lowercase())
}

/// The whole story, in lines.
pub fn story(story: &Story<'_>, question: &Question<'_>) -> String {
    let mut out = String::new();
    tell(&mut out, story, question).expect("writing into a String does not fail");
    out
}

/// What came of the event of a story, in a few words. Where only some of its deliveries were read they are not counted:
/// the number would be wrong.
pub fn outcome_of(story: &Story<'_>) -> String {
    match story.more_deliveries || story.some_recipients {
        true => many(story.record),
        false => outcome(story.record, story.deliveries, !story.waiting.is_empty()),
    }
}

/// What came of an event with more deliveries than are looked at.
pub fn many(record: &EventRecord) -> String {
    format!("for {} recipients", record.owed())
}

/// What came of an event, in a few words: `3 cards sent`, `no rule waits for it`.
pub fn outcome(record: &EventRecord, deliveries: &[Delivery], waiting: bool) -> String {
    let mut parts = Vec::new();
    let mut add = |count: usize, one: &str, many: &str| {
        if count > 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    };
    let cards = |states: &[State]| {
        let of_them = |delivery: &&Delivery| delivery.card_id.is_some() && states.contains(&delivery.state);
        deliveries.iter().filter(of_them).count()
    };
    add(cards(&[State::Delivered]), "card sent", "cards sent");
    add(
        cards(&[State::Pending, State::Sending]),
        "card waiting",
        "cards waiting",
    );
    add(cards(&[State::Dead]), "card given up", "cards given up");
    add(cards(&[State::Cancelled]), "card cancelled", "cards cancelled");
    add(cards(&[State::Recalled]), "card taken back", "cards taken back");
    let nobody = deliveries.iter().filter(|delivery| delivery.card_id.is_none()).count();
    add(
        nobody,
        "target nobody could be told through",
        "targets nobody could be told through",
    );
    let held_back = record.rules.iter().map(|rule| rule.held_back_count).sum();
    let mut named = record.rules.iter().flat_map(|rule| &rule.held_back);
    match named.any(|one| one.gathered == Some(Cause::Quiet)) {
        true => add(held_back, "card held back", "cards held back"),
        false => add(held_back, "card held back by a limit", "cards held back by a limit"),
    }
    let stopped = record.rules.iter().map(|rule| rule.stopped_count).sum();
    add(stopped, "person who stopped it", "people who stopped it");
    if waiting {
        parts.push("waiting for a list of members".to_owned());
    }
    if !parts.is_empty() {
        return parts.join(", ");
    }
    let matched = record.rules.iter().filter(|rule| rule.matched).count();
    match (record.rules.len(), matched) {
        (0, _) => "no rule waits for it".to_owned(),
        (1, 0) => "the rule that waits for it did not match".to_owned(),
        (count, 0) => format!("none of the {count} rules that wait for it matched"),
        // Its deliveries are gone, or all its recipients were excepted.
        (_, matched) if record.rules.iter().any(|rule| rule.deliveries > 0) => {
            format!("{matched} matched; what was sent is not kept any more")
        }
        (_, matched) => match record
            .rules
            .iter()
            .filter_map(|rule| rule.told.as_ref())
            .map(|told| told.cards)
            .sum()
        {
            0 if record.rules.iter().any(|rule| rule.told.is_some()) => "nothing was sent".to_owned(),
            0 => format!("{matched} matched, and there was nobody to tell"),
            1 => "1 card changed".to_owned(),
            cards => format!("{cards} cards changed"),
        },
    }
}

fn tell(out: &mut String, story: &Story<'_>, question: &Question<'_>) -> fmt::Result {
    let record = story.record;
    let at = moment(record.occurred_at, story.zone);
    writeln!(out, "{}: {}, {at}", record.id, record.origin)?;
    writeln!(out, "{}.", capital(&outcome_of(story)))?;
    let asked: Vec<&RuleRecord> = record
        .rules
        .iter()
        .filter(|rule| question.rule_meant(&rule.rule))
        .collect();
    if let (true, Some(rule)) = (asked.is_empty(), question.rule) {
        writeln!(out, "\n{}", not_considered(record, rule))?;
    }
    for rule in asked {
        writeln!(out)?;
        tell_rule(out, story, question, rule)?;
    }
    if question.rule.is_none() && question.everybody() {
        tell_elsewhere(out, record)?;
    }
    Ok(())
}

fn not_considered(record: &EventRecord, rule: &str) -> String {
    match record.near.iter().find(|near| near.rule == rule) {
        Some(near) => format!(
            "{rule} was not considered: it waits for {}, but for {}.",
            alike(record).0,
            types(&near.event_types)
        ),
        None => format!("{rule} was not considered: it waits for something else, or did not exist then."),
    }
}

fn tell_rule(out: &mut String, story: &Story<'_>, question: &Question<'_>, rule: &RuleRecord) -> fmt::Result {
    if rule.matched {
        let why = if rule.lines.is_empty() { " (it has no `if`)" } else { "" };
        let why = if rule.lines_left_out > 0 { "" } else { why };
        writeln!(out, "{} matched{why}.", rule.rule)?;
    } else {
        writeln!(out, "{} was considered and did not match.", rule.rule)?;
    }
    if rule.lines.is_empty() && !rule.because.is_empty() {
        for sentence in &rule.because {
            writeln!(out, "  no   {sentence}")?;
        }
    }
    tell_lines(out, &rule.lines, 1)?;
    if rule.lines_left_out > 0 {
        writeln!(
            out,
            "  ...  and {} more, which are not kept",
            lines(rule.lines_left_out)
        )?;
    }
    if let Some(told) = rule.told.as_ref().filter(|_| question.everybody()) {
        writeln!(out, "  {} ({}): {}", told.about, told.matter, told.sentence)?;
        steps::tell(out, rule, story.matters, story.zone)?;
    }
    let run = story.runs.iter().find(|run| run.rule == rule.rule);
    if let Some(run) = run.filter(|run| is_worth_telling(run)) {
        tell_run(out, run, story.zone)?;
    }
    tell_recipients(out, story, question, rule)?;
    if question.everybody() {
        for note in rule.sifted.iter().chain(&rule.warnings) {
            writeln!(out, "  note: {note}")?;
        }
    }
    Ok(())
}

/// One card that goes its way needs no run to be understood.
fn is_worth_telling(run: &Run) -> bool {
    run.expected > 1 || run.recall.is_some() || !matches!(run.phase, Phase::Running)
}

fn tell_run(out: &mut String, run: &Run, zone: Tz) -> fmt::Result {
    let run::Progress { ended, expected, .. } = run::progress(run);
    let (ended, expected) = (run::grouped(ended), run::grouped(expected));
    let standing = match run::standing(run) {
        "done" | "running" => String::new(),
        _ => format!("; {}", run::phase(run, zone)),
    };
    writeln!(out, "  run {}: {ended} of {expected} at their end{standing}", run.id)
}

fn tell_lines(out: &mut String, lines: &[Line], depth: usize) -> fmt::Result {
    for line in lines {
        let indent = "  ".repeat(depth);
        let verdict = if line.holds { "yes" } else { "no " };
        write!(out, "{indent}{verdict}  ")?;
        if !line.lines.is_empty() {
            writeln!(out, "`{}`: {} ({})", line.written, wanted(line), line.actual)?;
            tell_lines(out, &line.lines, depth + 1)?;
            continue;
        }
        match line.holds {
            true => write!(out, "`{}`: it is {}", line.written, line.actual)?,
            false => write!(
                out,
                "`{}`: {}, but was {}",
                line.written,
                should(&line.expected),
                line.actual
            )?,
        }
        match &line.note {
            Some(note) if !line.holds => writeln!(out, " ({note})")?,
            Some(_) | None => writeln!(out)?,
        }
    }
    Ok(())
}

/// `"production"` -> `should be "production"`, `contains "x"` -> `should contain "x"`
fn should(expected: &str) -> String {
    const VERBS: [(&str, &str); 7] = [
        ("contains ", "contain "),
        ("starts with ", "start with "),
        ("ends with ", "end with "),
        ("matches ", "match "),
        ("exists", "exist"),
        ("does not exist", "not exist"),
        ("not ", "not be "),
    ];
    let verb = VERBS
        .into_iter()
        .find_map(|(told, wanted)| Some(format!("should {wanted}{}", expected.strip_prefix(told)?)));
    verb.unwrap_or_else(|| format!("should be {expected}"))
}

/// What a group wants of its lines.
fn wanted(line: &Line) -> &str {
    match line.written.as_str() {
        "any" => "at least one of these must hold",
        "all" => "every one of these must hold",
        "not" => "this must not hold",
        _ => &line.expected,
    }
}

fn tell_recipients(out: &mut String, story: &Story<'_>, question: &Question<'_>, rule: &RuleRecord) -> fmt::Result {
    let of_rule = story
        .deliveries
        .iter()
        .filter(|delivery| delivery.rule == rule.rule && question.delivery_meant(delivery));
    let deliveries: Vec<&Delivery> = of_rule.collect();
    let held_back: Vec<&HeldBack> = rule
        .held_back
        .iter()
        .filter(|held_back| question.held_back_meant(held_back))
        .collect();
    for delivery in deliveries.iter().take(MOST_NAMED) {
        let name = &delivery.recipient.name;
        writeln!(out, "  {name}: {}", story.fate(delivery))?;
    }
    let unnamed = deliveries.len().saturating_sub(MOST_NAMED);
    if unnamed > 0 || story.more_deliveries && question.everybody() {
        let count = match story.more_deliveries {
            true => "more recipients".to_owned(),
            false => format!("{unnamed} more"),
        };
        let event = &story.record.id;
        writeln!(out, "  ... and {count}: `herald deliveries list --event {event}`")?;
    }
    for held_back in &held_back {
        writeln!(out, "  {}: {}", held_back.recipient, held(held_back, story.zone))?;
    }
    tell_items(out, rule)?;
    let stopped: Vec<&Stopped> = rule
        .stopped
        .iter()
        .filter(|stopped| question.stopped_meant(stopped))
        .collect();
    for stopped in &stopped {
        writeln!(out, "  {}: {}", stopped.recipient, stopped.reason(story.zone))?;
    }
    let unnamed_stopped = rule.stopped_count.saturating_sub(rule.stopped.len());
    if unnamed_stopped > 0 && question.everybody() {
        writeln!(out, "  ... and {unnamed_stopped} more who stopped it")?;
    }
    let unnamed = rule.held_back_count.saturating_sub(rule.held_back.len());
    if unnamed > 0 && question.everybody() {
        writeln!(out, "  ... and {unnamed} more held back by the rule's limit")?;
    }
    let silenced: Vec<&Silenced> = rule
        .silenced
        .iter()
        .filter(|one| question.silenced_meant(one))
        .collect();
    for silenced in &silenced {
        writeln!(out, "  {}: {}", silenced.recipient, silenced.told(story.zone))?;
    }
    let unnamed = rule.silenced_count.saturating_sub(rule.silenced.len());
    if unnamed > 0 && question.everybody() {
        writeln!(out, "  ... and {unnamed} more who were not told because of the time")?;
    }
    for waiting in story.waiting.iter().filter(|waiting| waiting.rule == rule.rule) {
        let at = moment(waiting.due_at, story.zone);
        match &waiting.reason {
            Some(reason) => writeln!(
                out,
                "  waits for a list of members; Teams is asked again at {at}: {reason}"
            )?,
            None => writeln!(out, "  waits for a list of members, which Teams is asked for")?,
        }
    }
    let nobody =
        deliveries.is_empty() && held_back.is_empty() && silenced.is_empty() && stopped.is_empty() && rule.matched;
    if nobody && !question.everybody() {
        writeln!(out, "  no such recipient is known for this event")?;
    } else if nobody && !story.waiting.iter().any(|waiting| waiting.rule == rule.rule) {
        match rule.deliveries {
            0 if rule.told.is_some() => {}
            _ if rule.items_count > 0 => {}
            0 if rule.held_back_count == 0 && rule.silenced_count == 0 && rule.rule != concierge::NAME => {
                writeln!(
                    out,
                    "  nobody was told: `notify` came to nobody, or `except` names all of them"
                )?;
            }
            0 => {}
            count => writeln!(out, "  {}; what became of them is not kept any more", recipients(count))?,
        }
    }
    Ok(())
}

impl Story<'_> {
    /// What became of one card.
    fn fate(&self, delivery: &Delivery) -> String {
        let run = self.runs.iter().find(|run| run.id == delivery.run());
        fate::fate(delivery, run, self.behind.get(&delivery.id), self.zone)
    }
}

/// Each item of an event that the rule takes apart is an event of its own, with a story of its own.
fn tell_items(out: &mut String, rule: &RuleRecord) -> fmt::Result {
    for item in &rule.items {
        let what = match (item.matched, item.deliveries, item.held_back) {
            (false, ..) => "does not match".to_owned(),
            (true, cards, 0) => recipients(cards),
            (true, 0, held_back) => format!("{held_back} held back"),
            (true, cards, held_back) => format!("{}, {held_back} held back", recipients(cards)),
        };
        writeln!(out, "  item {}: {what}; `herald why {}`", item.number, item.event)?;
    }
    match rule.items_count.saturating_sub(rule.items.len()) {
        0 => Ok(()),
        more => writeln!(out, "  ... and {more} items more"),
    }
}

fn held(held_back: &HeldBack, zone: Tz) -> String {
    let of_what = match held_back.value.as_deref() {
        Some("") => " (with an empty `for_each`)".to_owned(),
        Some(value) => format!(" for `{value}`"),
        None => String::new(),
    };
    match (held_back.since, held_back.until) {
        (_, until) if held_back.gathered == Some(Cause::Quiet) => {
            let at = until.map(|until| format!(", at {}", moment(until, zone)));
            format!(
                "quiet hours: gathered, and told in one card when they end{}",
                at.unwrap_or_default()
            )
        }
        (since, until) if held_back.gathered.is_some() => {
            let until = until.map(|until| moment(until, zone));
            let since = since.map(|since| moment(since, zone));
            match held_back.gathered.and_then(Cause::rate) {
                Some(rate) => format!(
                    "paused by the storm breaker: the rule had sent {} cards in {}; what comes since {} is gathered, and \
                     told once it calms down (`docs/noise.md`)",
                    rate.count,
                    rate.time(),
                    since.unwrap_or_default()
                ),
                None => format!(
                    "gathered{of_what}, and told in the digest at {}",
                    until.unwrap_or_default()
                ),
            }
        }
        (Some(since), Some(until)) => {
            let length = (until - since).to_std().map(duration::words).unwrap_or_default();
            format!(
                "held back by the rule's limit of one card in {length}{of_what}: there was one at {}, and the next may go \
                 at {}",
                moment(since, zone),
                moment(until, zone)
            )
        }
        _ => format!("held back by the rule's limit{of_what}"),
    }
}

fn tell_elsewhere(out: &mut String, record: &EventRecord) -> fmt::Result {
    if !record.near.is_empty() {
        writeln!(out, "\n{}:", alike(record).1)?;
        for near in &record.near {
            writeln!(out, "  {}: {}", near.rule, types(&near.event_types))?;
        }
    }
    let others = record.elsewhere.map(|count| count.saturating_sub(record.near.len()));
    match others {
        Some(0) | None => Ok(()),
        Some(1) => writeln!(out, "\n1 other rule waits for something else."),
        Some(count) => writeln!(out, "\n{count} other rules wait for something else."),
    }
}

/// What rules that nearly met the event have in common with it, in words.
fn alike(record: &EventRecord) -> (&'static str, &'static str) {
    if record.origin.starts_with("message ") {
        ("messages", "These wait for messages, but for other ones")
    } else if record.origin.starts_with("button ") {
        ("buttons", "These wait for other buttons")
    } else {
        (
            "this hook",
            "These wait for the same hook, but for other types of events",
        )
    }
}

fn types(event_types: &[String]) -> String {
    event_types.join(" or ")
}

fn lines(count: usize) -> String {
    if count == 1 {
        "1 line".to_owned()
    } else {
        format!("{count} lines")
    }
}

fn recipients(count: usize) -> String {
    if count == 1 {
        "1 recipient".to_owned()
    } else {
        format!("{count} recipients")
    }
}

/// An instant as somebody in this zone reads it.
pub fn moment(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// The text with a capital letter at its beginning.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
