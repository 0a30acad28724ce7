//! What a test expects, compared with what happened.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::case::no_partials;
use super::given::{shown, time};
use super::{Made, Matched, Outcome, Sent, World, schedules};
use crate::audience::Audience;
use crate::card::shown as shown_texts;
use crate::card::text::Warnings;
use crate::diagnostic::{Fault, Step, did_you_mean};
use crate::event::{Event, EventId, Origin};
use crate::gathering::Cause;
use crate::limit::HeldBack;
use crate::rule::Rule;
use crate::rule::target::Target;
use crate::rule::tests_file::ExpectFile;
use crate::workspace::Workspace;

/// Expectations, compiled.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    path: Vec<Step>,
    sent_to: Option<Vec<Told>>,
    not_sent_because: Vec<String>,
    messages: Option<usize>,
    card_shows: Vec<String>,
    card_does_not_show: Vec<String>,
    held_back: Option<usize>,
    updated: Option<usize>,
    answer: Vec<String>,
    next_runs: Vec<DateTime<Utc>>,
    warnings: Option<Vec<String>>,
}

/// One entry of `sent_to`.
#[derive(Debug, Clone)]
struct Told {
    written: String,
    /// What it can mean; the first that fits counts.
    readings: Vec<Target>,
}

/// What happened, as far as expectations look at it.
pub struct Seen<'a> {
    /// Everything the rule made of anything.
    pub made: &'a [Made],
    /// The rule.
    pub rule: &'a Rule,
    /// Its workspace.
    pub workspace: &'a Workspace,
    /// Whom the test knows.
    pub world: &'a World,
    /// When it is now.
    pub now: DateTime<Utc>,
    /// In whose clock times are told.
    pub zone: Tz,
}

/// An expectation that was not met.
#[derive(Debug, Clone)]
pub struct Failure {
    /// From the test to the expectation.
    pub path: Vec<Step>,
    /// Which: `sent_to`.
    pub code: &'static str,
    /// In a sentence.
    pub message: String,
    /// Line by line, beside `actual`: equal lines agree. Empty on the side where there is nothing.
    pub rows: Vec<(String, String)>,
    /// The way out, where there is one.
    pub help: Option<String>,
}

impl Failure {
    /// The same, of a part of something larger.
    pub fn within(mut self, path: &[Step]) -> Failure {
        self.path.splice(0..0, path.iter().cloned());
        self
    }
}

impl Expect {
    /// Compiles expectations. Paths of faults begin at the mapping; `path` leads to it.
    pub fn compile(file: &ExpectFile, path: Vec<Step>, rule: &Rule, zone: Tz) -> (Expect, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut expect = Expect {
            path,
            messages: file.messages,
            held_back: file.held_back,
            updated: file.updated,
            warnings: file.warnings.clone(),
            ..Expect::default()
        };
        for (key, texts, kept) in [
            ("not_sent_because", &file.not_sent_because, &mut expect.not_sent_because),
            ("card_shows", &file.card_shows, &mut expect.card_shows),
            ("answer", &file.answer, &mut expect.answer),
            (
                "card_does_not_show",
                &file.card_does_not_show,
                &mut expect.card_does_not_show,
            ),
        ] {
            *kept = texts.clone().unwrap_or_default().0;
            for (index, _) in kept.iter().enumerate().filter(|(_, text)| text.trim().is_empty()) {
                let fault = Fault::error("test::expect", "an empty text is everywhere");
                faults.push(match kept.len() {
                    1 => fault.under(key),
                    _ => fault.under(index).under(key),
                });
            }
        }
        if let Some(entries) = &file.sent_to {
            let mut told = Vec::new();
            for (index, entry) in entries.iter().enumerate() {
                match readings(entry) {
                    Ok(one) => told.push(one),
                    Err(found) => faults.extend(found.into_iter().map(|fault| fault.under(index).under("sent_to"))),
                }
            }
            expect.sent_to = Some(told);
        }
        let runs = file.next_runs.clone().unwrap_or_default().0;
        let single = runs.len() == 1;
        for (index, run) in runs.iter().enumerate() {
            match time(run, zone) {
                Ok(at) => expect.next_runs.push(at),
                Err(fault) if single => faults.push(fault.under("next_runs")),
                Err(fault) => faults.push(fault.under(index).under("next_runs")),
            }
        }
        if !runs.is_empty() && schedules(rule).is_empty() {
            let fault = Fault::error("test::expect", "the rule has no schedule, so it has no next runs");
            faults.push(fault.on_key().under("next_runs").help("leave it out"));
        }
        (expect, faults)
    }

    /// Nothing need happen for it.
    pub fn is_about_schedule_alone(&self) -> bool {
        !self.next_runs.is_empty()
            && self.sent_to.is_none()
            && self.not_sent_because.is_empty()
            && self.messages.is_none()
            && self.card_shows.is_empty()
            && self.held_back.is_none()
            && self.updated.is_none()
            && self.answer.is_empty()
            && self.warnings.is_none()
    }

    /// Every expectation that is not met.
    pub fn compare(&self, seen: &Seen<'_>) -> Vec<Failure> {
        let mut failures = Vec::new();
        failures.extend(self.sent_to(seen));
        failures.extend(self.reasons(seen));
        failures.extend(self.messages(seen));
        failures.extend(self.answers(seen));
        failures.extend(self.cards(seen));
        failures.extend(self.runs(seen));
        failures.extend(self.warned(seen));
        failures
    }

    fn failure(&self, key: &'static str, index: Option<usize>, message: impl Into<String>) -> Failure {
        let mut path = self.path.clone();
        path.push(key.into());
        path.extend(index.map(Step::from));
        Failure {
            path,
            code: key,
            message: message.into(),
            rows: Vec::new(),
            help: None,
        }
    }

    fn sent_to(&self, seen: &Seen<'_>) -> Option<Failure> {
        let expected = self.sent_to.as_ref()?;
        let mut actual: Vec<(String, String)> = Vec::new();
        for sent in seen.sent() {
            let key = sent.recipient.address.key();
            if !actual.iter().any(|(known, _)| *known == key) {
                actual.push((key, sent.recipient.name.clone()));
            }
        }
        let there: HashSet<&str> = actual.iter().map(|(key, _)| key.as_str()).collect();
        let mut met: HashSet<String> = HashSet::new();
        let (mut rows, mut first_missing) = (Vec::new(), None);
        let (mut missing, mut help) = (0, None);
        for (index, told) in expected.iter().enumerate() {
            let found: Vec<Audience> = told.readings.iter().map(|target| seen.resolved(target)).collect();
            let fits = |audience: &&Audience| {
                let mut reached = audience.reached.iter();
                !audience.reached.is_empty()
                    && reached.all(|one| there.contains(one.recipient.address.key().as_str()))
            };
            match found.iter().find(fits) {
                Some(audience) => {
                    let names: Vec<&str> = audience.reached.iter().map(|one| one.recipient.name.as_str()).collect();
                    rows.push((told.written.clone(), names.join(", ")));
                    met.extend(audience.reached.iter().map(|one| one.recipient.address.key()));
                }
                None => {
                    rows.push((told.written.clone(), String::new()));
                    missing += 1;
                    first_missing = first_missing.or(Some(index));
                    if help.is_none() && found.iter().all(|audience| audience.reached.is_empty()) {
                        help = seen.meant(&told.written);
                    }
                }
            }
        }
        let more: Vec<&(String, String)> = actual.iter().filter(|(key, _)| !met.contains(key)).collect();
        if missing == 0 && more.is_empty() {
            return None;
        }
        rows.extend(more.iter().map(|(_, name)| (String::new(), seen.with_aliases(name))));
        let needed = seen.members_needed();
        let message = match (missing, more.len()) {
            (_, _) if !needed.is_empty() => format!("the test does not say who is in {}", needed.join(" and ")),
            (0, _) if expected.is_empty() => "somebody was told, but nobody should have been".to_owned(),
            (0, _) => "more were told than expected".to_owned(),
            (_, 0) if actual.is_empty() => "nobody was told".to_owned(),
            (_, 0) => "not everybody expected was told".to_owned(),
            (_, _) => "others were told than expected".to_owned(),
        };
        let at = first_missing.filter(|_| expected.len() > 1);
        let mut failure = self.failure("sent_to", at, message);
        failure.rows = rows;
        failure.help = match needed.first() {
            Some(place) => Some(format!("write `members: {{ {place}: [anna, omar] }}` into the test")),
            None => help,
        };
        Some(failure)
    }

    fn reasons(&self, seen: &Seen<'_>) -> Vec<Failure> {
        let reasons = seen.reasons();
        let several = self.not_sent_because.len() > 1;
        let mut failures = Vec::new();
        for (index, wanted) in self.not_sent_because.iter().enumerate() {
            if reasons.iter().any(|reason| contains_loosely(reason, wanted)) {
                continue;
            }
            let message = match (reasons.is_empty(), seen.made.is_empty()) {
                (true, true) => "nothing happened, so there is no reason".to_owned(),
                (true, false) => "the cards were sent".to_owned(),
                (false, _) => "the reason was another one".to_owned(),
            };
            let mut failure = self.failure("not_sent_because", several.then_some(index), message);
            failure.rows = beside(wanted, &reasons);
            failures.push(failure);
        }
        failures
    }

    fn messages(&self, seen: &Seen<'_>) -> Vec<Failure> {
        let mut failures = Vec::new();
        let number = |key, expected: Option<usize>, actual: usize, what: &str| {
            let expected = expected.filter(|expected| *expected != actual)?;
            let mut failure = self.failure(key, None, format!("{} {what}", counted(actual)));
            failure.rows = vec![(expected.to_string(), actual.to_string())];
            Some(failure)
        };
        failures.extend(number("messages", self.messages, seen.sent().count(), "sent"));
        failures.extend(number("held_back", self.held_back, seen.held_back(), "held back"));
        failures.extend(number(
            "updated",
            self.updated,
            seen.updated().count(),
            "changed in their place",
        ));
        failures
    }

    fn answers(&self, seen: &Seen<'_>) -> Vec<Failure> {
        let answers: Vec<String> = seen.matched().filter_map(|matched| matched.answer.clone()).collect();
        let several = self.answer.len() > 1;
        let mut failures = Vec::new();
        for (index, wanted) in self.answer.iter().enumerate() {
            if answers.iter().any(|answer| contains_loosely(answer, wanted)) {
                continue;
            }
            let message = match answers.is_empty() {
                true => "nobody pressed a button that Herald answers",
                false => "whoever pressed is told something else",
            };
            let mut failure = self.failure("answer", several.then_some(index), message);
            failure.rows = beside(wanted, &answers);
            failures.push(failure);
        }
        failures
    }

    fn cards(&self, seen: &Seen<'_>) -> Vec<Failure> {
        if self.card_shows.is_empty() && self.card_does_not_show.is_empty() {
            return Vec::new();
        }
        let mut cards: Vec<Vec<String>> = Vec::new();
        for sent in seen.sent().chain(seen.updated()) {
            let texts = shown_texts::texts(&sent.card);
            if !cards.contains(&texts) {
                cards.push(texts);
            }
        }
        let shows = |texts: &Vec<String>, wanted: &str| {
            let wanted = in_one_line(wanted);
            texts.iter().any(|text| in_one_line(text).contains(&wanted))
                || in_one_line(&texts.join(" ")).contains(&wanted)
        };
        let all: Vec<String> = cards.iter().flatten().cloned().collect();
        let mut failures = Vec::new();
        let several = self.card_shows.len() > 1;
        for (index, wanted) in self.card_shows.iter().enumerate() {
            if cards.iter().any(|texts| shows(texts, wanted)) {
                continue;
            }
            let message = match cards.len() {
                0 => "no card was sent".to_owned(),
                1 => "the card does not show this".to_owned(),
                _ => "none of the cards shows this".to_owned(),
            };
            let mut failure = self.failure("card_shows", several.then_some(index), message);
            failure.help =
                did_you_mean(wanted, all.iter().map(String::as_str)).map(|near| format!("it shows `{near}`"));
            failure.rows = beside(wanted, &all);
            failures.push(failure);
        }
        let several = self.card_does_not_show.len() > 1;
        for (index, unwanted) in self.card_does_not_show.iter().enumerate() {
            if cards.iter().any(|texts| shows(texts, unwanted)) {
                let mut failure = self.failure("card_does_not_show", several.then_some(index), "a card shows this");
                let text = all
                    .iter()
                    .find(|text| in_one_line(text).contains(&in_one_line(unwanted)));
                failure.rows = vec![(format!("not: {unwanted}"), text.cloned().unwrap_or_default())];
                failures.push(failure);
            }
        }
        failures
    }

    fn runs(&self, seen: &Seen<'_>) -> Option<Failure> {
        let wanted = self.next_runs.len();
        let schedules = schedules(seen.rule);
        let mut actual = Vec::with_capacity(wanted);
        let mut after = seen.now;
        while actual.len() < wanted {
            let next = schedules.iter().filter_map(|planned| planned.next_after(after)).min();
            let Some(next) = next else { break };
            actual.push(next);
            after = next;
        }
        if actual == self.next_runs {
            return None;
        }
        let differs = |index: &usize| actual.get(*index) != self.next_runs.get(*index);
        let first = (0..wanted).find(differs).filter(|_| wanted > 1);
        let message = format!("after {}, the schedule runs at other times", shown(seen.now, seen.zone));
        let mut failure = self.failure("next_runs", first, message);
        failure.rows = (0..wanted)
            .map(|index| {
                let at =
                    |times: &[DateTime<Utc>]| times.get(index).map(|at| shown(*at, seen.zone)).unwrap_or_default();
                (at(&self.next_runs), at(&actual))
            })
            .collect();
        Some(failure)
    }

    fn warned(&self, seen: &Seen<'_>) -> Option<Failure> {
        let expected = self.warnings.as_ref()?;
        let actual: Vec<&String> = seen.matched().flat_map(|matched| &matched.warnings).collect();
        let met = |wanted: &&String| actual.iter().any(|warning| contains_loosely(warning, wanted));
        let missing = expected.iter().position(|wanted| !met(&wanted));
        let message = match missing {
            Some(_) if actual.is_empty() => "there was no warning",
            Some(_) => "there was another warning",
            None if expected.is_empty() && !actual.is_empty() => "there was a warning",
            None => return None,
        };
        let mut failure = self.failure("warnings", missing.filter(|_| expected.len() > 1), message);
        let wanted = missing.map(|index| expected[index].clone()).unwrap_or_default();
        failure.rows = beside(&wanted, &actual.into_iter().cloned().collect::<Vec<_>>());
        Some(failure)
    }
}

impl<'a> Seen<'a> {
    fn matched(&self) -> impl Iterator<Item = &'a Matched> {
        self.made.iter().filter_map(|made| match &made.outcome {
            Outcome::Matched(matched) => Some(matched),
            Outcome::NotMet(_) | Outcome::NoMatch(_) => None,
        })
    }

    fn sent(&self) -> impl Iterator<Item = &'a Sent> {
        self.matched().flat_map(|matched| &matched.sent)
    }

    fn updated(&self) -> impl Iterator<Item = &'a Sent> {
        self.matched().flat_map(|matched| &matched.updated)
    }

    fn held_back(&self) -> usize {
        self.matched().map(|matched| matched.held_back.len()).sum()
    }

    fn members_needed(&self) -> Vec<String> {
        let mut needed: Vec<String> = self
            .matched()
            .flat_map(|matched| matched.members_needed.iter().cloned())
            .collect();
        needed.sort();
        needed.dedup();
        needed
    }

    /// Why something was not sent, in sentences, each once.
    fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        let mut add = |reason: String| {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        };
        for made in self.made {
            match &made.outcome {
                Outcome::NotMet(reason) => add(reason.clone()),
                Outcome::NoMatch(verdicts) => verdicts.because().into_iter().for_each(&mut add),
                Outcome::Matched(matched) => {
                    for (target, reason) in &matched.untold {
                        add(format!("{target}: {reason}"));
                    }
                    for later in &matched.later {
                        add(format!("{}: {}", later.card.recipient.name, later.reason));
                    }
                    for silenced in &matched.silenced {
                        add(format!("{}: {}", silenced.recipient, silenced.told(self.zone)));
                    }
                    for held_back in &matched.held_back {
                        add(held_back_because(held_back, self.zone));
                    }
                    for place in &matched.members_needed {
                        add(format!("the test does not say who is in {place}"));
                    }
                    if let Some(told) = matched.told.as_ref().filter(|_| matched.sent.is_empty()) {
                        add(told.sentence.clone());
                    }
                    if matched.told_nobody() {
                        add("everybody who would be told is excepted".to_owned());
                    }
                }
            }
        }
        reasons
    }

    /// Whom a target of `sent_to` means. It adds nothing to what the test knows.
    fn resolved(&self, target: &Target) -> Audience {
        let event = Event {
            id: EventId::known("expected"),
            origin: Origin::Hook {
                hook: String::new(),
                event_type: None,
            },
            occurred_at: self.now,
            data: Value::Null,
            request: Value::Null,
            here: self.made.iter().rev().find_map(|made| made.here.clone()),
            thread: None,
            item: None,
            sender: self.made.iter().rev().find_map(|made| made.sender.clone()),
        };
        let wanted = target.wanted(&json!({}), &self.workspace.book, &event, &mut Warnings::new());
        let mut audience = self.world.find(&wanted, self.now);
        self.workspace.book.dress(&mut audience);
        audience
    }

    /// A name of the workspace that is close to what was written.
    fn meant(&self, written: &str) -> Option<String> {
        let book = &self.workspace.book;
        let people = book.people().map(|person| person.alias.as_str());
        let places = book.channels().map(|(alias, _)| alias);
        let more = book.groups().map(|(alias, _)| alias);
        let audiences = book.audiences().map(|(alias, _)| alias);
        let rotations = book.rotations().map(|rotation| rotation.name.as_str());
        let near = did_you_mean(
            written,
            people.chain(places).chain(more).chain(audiences).chain(rotations),
        )?;
        (near != written.to_lowercase()).then(|| format!("did you mean `{near}`?"))
    }

    /// A recipient's name, with what the workspace calls it.
    fn with_aliases(&self, name: &str) -> String {
        let book = &self.workspace.book;
        let people = book.people().map(|person| ("person", person.alias.as_str()));
        let places = book.channels().map(|(alias, _)| ("channel", alias));
        let named = |key: &str, alias: &str| {
            let target = Target::compile(&json!({ key: alias }), &no_partials()).ok()?;
            let audience = self.resolved(&target);
            (audience.reached.first()?.recipient.name == name).then(|| alias.to_owned())
        };
        let aliases: Vec<String> = people
            .chain(places)
            .take(1_000)
            .filter_map(|(key, alias)| named(key, alias))
            .filter(|alias| alias != name)
            .take(3)
            .collect();
        match aliases.is_empty() {
            true => name.to_owned(),
            false => format!("{name} ({})", aliases.join(", ")),
        }
    }
}

/// Why the limit held a card back, in a sentence.
pub fn held_back_because(held_back: &HeldBack, zone: Tz) -> String {
    let of = held_back
        .value
        .as_ref()
        .map(|value| format!(" of {value}"))
        .unwrap_or_default();
    let until = held_back.until.map(|until| format!(" until {}", shown(until, zone)));
    match held_back.gathered {
        None => {}
        Some(Cause::Limit { .. } | Cause::Clock) => {
            let at = held_back
                .until
                .map(|at| format!(" at {}", shown(at, zone)))
                .unwrap_or_default();
            return format!(
                "{}: it is gathered{of}, and told in the digest{at}",
                held_back.recipient
            );
        }
        Some(Cause::Quiet) => {
            let at = held_back
                .until
                .map(|at| format!(" at {}", shown(at, zone)))
                .unwrap_or_default();
            let name = &held_back.recipient;
            return format!("{name}: quiet hours: it is gathered, and told in one card when they end{at}");
        }
        Some(Cause::Storm { count, .. }) => {
            let name = &held_back.recipient;
            return format!("{name}: the storm breaker gathers what comes after {count} cards, until it calms down");
        }
    }
    format!(
        "{}: the limit holds back what else there is{of}{}",
        held_back.recipient,
        until.unwrap_or_default()
    )
}

/// What an entry of `sent_to` can mean.
fn readings(entry: &Value) -> Result<Told, Vec<Fault>> {
    let written = match entry {
        Value::String(text) => text.trim().to_owned(),
        other => {
            let target = Target::compile(other, &no_partials())?;
            let words: Vec<String> = other
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| {
                    format!(
                        "{key}: {}",
                        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
                    )
                })
                .collect();
            return Ok(Told {
                written: words.join(", "),
                readings: vec![target],
            });
        }
    };
    if written.contains("{{") {
        let fault = Fault::error("test::sent_to", "a name in a test has no holes: the event is known")
            .help("write the name that it comes to");
        return Err(vec![fault]);
    }
    if written.is_empty() {
        return Err(vec![Fault::error("test::sent_to", "there is no name here")]);
    }
    let mut readings = Vec::new();
    if ["here", "sender"].contains(&written.as_str()) {
        readings.extend(Target::compile(&json!({ written.as_str(): true }), &no_partials()));
    }
    if let Some(name) = written.strip_prefix("webhook ") {
        readings.extend(Target::compile(&json!({ "webhook": name }), &no_partials()));
    }
    for key in [
        "person",
        "people",
        "channel",
        "group",
        "members_of",
        "entra_group",
        "activity_feed",
        "webhook",
    ] {
        let target = Target::compile(&json!({ key: written }), &no_partials());
        readings.extend(target);
    }
    Ok(Told { written, readings })
}

/// What was wanted beside what there was, line by line.
fn beside(wanted: &str, actual: &[String]) -> Vec<(String, String)> {
    const MOST: usize = 12;
    let mut lines: Vec<&String> = Vec::new();
    for line in actual {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let mut rows = vec![(wanted.to_owned(), String::new())];
    rows.extend(lines.iter().take(MOST).map(|line| (String::new(), (*line).clone())));
    if lines.len() > MOST {
        rows.push((String::new(), format!("and {} more", lines.len() - MOST)));
    }
    rows
}

fn counted(number: usize) -> String {
    match number {
        0 => "no card was".to_owned(),
        1 => "1 card was".to_owned(),
        n => format!("{n} cards were"),
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Capital letters, blanks and quotes do not matter in a reason.
fn contains_loosely(text: &str, wanted: &str) -> bool {
    let loose = |text: &str| in_one_line(&text.replace(['`', '"'], "")).to_lowercase();
    loose(text).contains(&loose(wanted))
}
