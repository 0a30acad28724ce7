//! Recorded events: what a rule reads is compared with what really comes.
//!
//! `samples/HOOK/TYPE.anything.json` is the body of a post to that hook; `samples/QUEUE/anything.json` a message on that queue; `samples/teams/KIND.SCOPE.json`,
//! `samples/cron/RULE.json` and `samples/file/*.json` are what such events look like to a rule.

use chrono::DateTime;
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::{SourceFile, lint, turns};
use crate::book::{Book, naming};
use crate::card::sent;
use crate::card::text::Warnings;
use crate::diagnostic::place::fitted;
use crate::diagnostic::{Diagnostic, Fault, Span, Step};
use crate::event::{Event, EventId, FileChange, Origin, Scope, TeamsEvent};
use crate::plan;
use crate::rule::Rule;
use crate::rule::condition::Line;
use crate::rule::trigger::Trigger;
use crate::yaml::{self, Document};

/// How many samples a rule is tried out with.
pub(super) const MOST: usize = 20;

/// A recorded event.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its file, as seen from the workspace.
    pub file: String,
    /// What a rule sees as `event`.
    pub data: Value,
    folder: String,
    words: Vec<String>,
}

/// Reads samples; what cannot be read is told.
pub fn read<'a>(files: impl Iterator<Item = &'a SourceFile>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for file in files {
        let Ok(bytes) = &file.bytes else { continue };
        let (text, diagnostic) = yaml::decode(&file.path, bytes);
        if let Some(diagnostic) = diagnostic {
            diagnostics.push(diagnostic);
            continue;
        }
        let json = text.strip_prefix('\u{feff}').unwrap_or(&text);
        match serde_json::from_str(json) {
            Ok(data) => samples.push(Sample::new(&file.path, data)),
            Err(error) => {
                let fault = Fault::error("sample::json", "this sample is not JSON").label(reason(&error));
                let (mark, span) = (text.len() - json.len(), place(json, error.line(), error.column()));
                diagnostics.push(Diagnostic::located(
                    fault,
                    &file.path,
                    span.start + mark..span.end + mark,
                ));
            }
        }
    }
    samples
}

fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

fn place(text: &str, line: usize, column: usize) -> Span {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let at = (start + column.saturating_sub(1)).min(text.len());
    fitted(text, &(at..at + 1))
}

impl Sample {
    /// The recorded event in this file of `samples/`; its path says whose event it is.
    pub fn new(file: &str, data: Value) -> Self {
        let below = file.strip_prefix("samples/").unwrap_or(file);
        let (folder, name) = below.rsplit_once('/').unwrap_or(("", below));
        let name = name.strip_suffix(".json").unwrap_or(name);
        Self {
            file: file.to_owned(),
            data,
            folder: folder.to_owned(),
            words: name.split('.').map(str::to_owned).collect(),
        }
    }

    /// The event type its name says, if it is an event of this hook.
    pub(super) fn event_type_of(&self, hook: &str) -> Option<&str> {
        (self.folder == hook).then(|| self.words.first().map(String::as_str))?
    }

    /// An event that nobody recorded, as a sample of this trigger. `event_type` and `scope` are the first that the
    /// trigger waits for unless they are given.
    pub fn written(
        rule: &str,
        trigger: &Trigger,
        data: Value,
        event_type: Option<&str>,
        scope: Option<Scope>,
    ) -> Self {
        let (folder, words) = match trigger {
            Trigger::Hook { hook, event_types } => {
                let event_type = event_type.or(event_types.first().map(String::as_str));
                (hook.clone(), event_type.map(str::to_owned).into_iter().collect())
            }
            Trigger::Teams { kind, scopes, .. } => {
                let scope = scope.or(scopes.first().copied()).unwrap_or(Scope::Team);
                ("teams".to_owned(), vec![word_of(kind), word_of(&scope)])
            }
            Trigger::Message { .. } => of_scope("message", scope),
            Trigger::Button { .. } => of_scope("button", scope),
            Trigger::Cron { .. } => {
                let last = rule.rsplit('/').next().unwrap_or(rule);
                ("cron".to_owned(), vec![last.to_owned()])
            }
            Trigger::File { .. } => ("file".to_owned(), Vec::new()),
            Trigger::Queue { queue } => (queue.clone(), Vec::new()),
        };
        Self {
            file: String::new(),
            data,
            folder,
            words,
        }
    }

    /// What somebody said (`message`) or pressed (`button`) in a place of this sort.
    pub fn of_talk(kind: &str, scope: Scope, data: Value) -> Self {
        let (folder, words) = of_scope(kind, Some(scope));
        Self {
            file: String::new(),
            data,
            folder,
            words,
        }
    }

    /// The same, told by its sender to be of this type.
    pub fn of_type(mut self, event_type: &str) -> Self {
        self.words = vec![event_type.to_owned()];
        self
    }

    /// Is the other sample one of the same sender?
    pub fn is_like(&self, other: &Sample) -> bool {
        self.folder == other.folder
    }

    /// Where its event comes from, in words: `hook github (deployment_status)`.
    pub fn told(&self) -> String {
        match (self.folder.as_str(), self.words.as_slice()) {
            ("teams", [kind, ..]) if kind == "message" => {
                format!(
                    "the message “{}”",
                    naming::short(self.data["text"].as_str().unwrap_or_default())
                )
            }
            ("teams", [kind, ..]) if kind == "button" => {
                format!(
                    "the button `{}`",
                    naming::short(self.data["button"].as_str().unwrap_or_default())
                )
            }
            ("teams", [kind, scope, ..]) => format!("`{kind}` in a {scope}"),
            ("cron", [rule, ..]) => format!("the schedule of {rule}"),
            ("file", _) => "a changed file".to_owned(),
            (hook, [event_type, ..]) => format!("the hook {hook} ({event_type})"),
            (hook, []) => format!("the hook {hook}"),
        }
    }

    /// The event it would be for this trigger; `None` when it is another trigger's sample.
    fn origin(&self, rule: &str, index: usize, trigger: &Trigger) -> Option<Origin> {
        let word = |place: usize| self.words.get(place).map(String::as_str);
        match trigger {
            Trigger::Hook { hook, event_types } => {
                let named = word(0).filter(|word| event_types.iter().any(|event_type| event_type == word));
                let meets = self.folder == *hook && (event_types.is_empty() || named.is_some());
                meets.then(|| Origin::Hook {
                    hook: hook.clone(),
                    event_type: named.map(str::to_owned),
                })
            }
            Trigger::Teams { kind, scopes, .. } => {
                let scope = word(1).and_then(named::<Scope>);
                let meets = self.folder == "teams"
                    && word(0).and_then(named::<TeamsEvent>) == Some(*kind)
                    && (scopes.is_empty() || scope.is_some_and(|scope| scopes.contains(&scope)));
                meets.then(|| Origin::Teams {
                    kind: *kind,
                    scope: scope.unwrap_or(Scope::Team),
                    first_time: true,
                })
            }
            Trigger::Queue { queue } => (self.folder == *queue).then(|| Origin::Queue { queue: queue.clone() }),
            Trigger::Message { .. } => {
                let scope = word(1).and_then(named::<Scope>).unwrap_or(Scope::Person);
                let origin = Origin::message(scope, self.data["text"].as_str().unwrap_or_default());
                let meets = self.folder == "teams" && word(0) == Some("message");
                (meets && trigger.meets(rule, index, &origin)).then_some(origin)
            }
            Trigger::Button { .. } => {
                let origin = Origin::Button {
                    scope: word(1).and_then(named::<Scope>).unwrap_or(Scope::Person),
                    button: self.data["button"].as_str().unwrap_or_default().to_owned(),
                };
                let meets = self.folder == "teams" && word(0) == Some("button");
                (meets && trigger.meets(rule, index, &origin)).then_some(origin)
            }
            Trigger::Cron { .. } => {
                let last = rule.rsplit('/').next().unwrap_or(rule);
                let meets = self.folder == "cron" && word(0) == Some(last);
                meets.then(|| Origin::Cron {
                    rule: rule.to_owned(),
                    trigger: index,
                    scheduled_at: DateTime::UNIX_EPOCH,
                })
            }
            Trigger::File { glob, changes, .. } => {
                let path = self.data["path"].as_str()?;
                let change = self.data["change"].as_str().and_then(named::<FileChange>)?;
                let meets = self.folder == "file" && glob.is_match(path) && changes.contains(&change);
                meets.then(|| Origin::File {
                    rule: rule.to_owned(),
                    trigger: index,
                    path: path.to_owned(),
                    change,
                })
            }
        }
    }

    /// The event it would be for this rule; `None` when it meets none of the rule's triggers.
    pub fn event_for(&self, rule: &Rule) -> Option<Event> {
        let mut triggers = rule.triggers.iter().enumerate();
        let origin = triggers.find_map(|(index, trigger)| self.origin(&rule.name, index, trigger))?;
        let request = match origin {
            Origin::Hook { .. } => json!({ "method": "POST", "headers": {}, "query": {} }),
            Origin::Cron { .. }
            | Origin::Teams { .. }
            | Origin::Message { .. }
            | Origin::Button { .. }
            | Origin::File { .. }
            | Origin::Queue { .. }
            | Origin::Step { .. }
            | Origin::Drill { .. } => Value::Null,
        };
        Some(Event {
            id: EventId::derived(&["sample", &self.file]),
            origin,
            occurred_at: DateTime::UNIX_EPOCH,
            data: self.data.clone(),
            request,
            here: None,
            thread: None,
            item: None,
            sender: None,
        })
    }
}

/// Folder and words of what happens in a chat or channel.
fn of_scope(kind: &str, scope: Option<Scope>) -> (String, Vec<String>) {
    let scope = scope.unwrap_or(Scope::Person);
    ("teams".to_owned(), vec![kind.to_owned(), word_of(&scope)])
}

fn word_of<T: serde::Serialize>(word: &T) -> String {
    match serde_json::to_value(word) {
        Ok(Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

/// A word of the rule language, as the event's own types spell it.
fn named<T: serde::de::DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(Value::from(word)).ok()
}

/// Tries a rule out with the samples that meet its triggers. What every one of them lacks is a warning: probably the
/// rule misspells it. What some have and some do not is how events are.
pub(super) fn try_out(rule: &Rule, document: &Document, samples: &[Sample], book: &Book) -> Vec<Fault> {
    let whole: Vec<(&Sample, Event)> = samples
        .iter()
        .filter_map(|sample| Some((sample, sample.event_for(rule)?)))
        .take(MOST)
        .collect();
    let mut faults = lint::event_types(rule, document, samples);
    let (events, no_list) = apart(rule, whole);
    faults.extend(no_list);
    let Some((first, _)) = events.first() else {
        return faults;
    };
    let scopes: Vec<Value> = events.iter().map(|(_, event)| scope(rule, event)).collect();
    faults.extend(lint::unmet(document, &scopes, &first.folder));
    let mut largest = None;
    let mut missing = Common::default();
    let (mut names, mut card, mut limit) = (Common::default(), Common::default(), Common::default());
    for ((sample, event), scope) in events.iter().zip(&scopes) {
        let verdicts = rule.condition.evaluate(scope);
        let mut lines = Vec::new();
        absent(&verdicts.lines, &mut lines);
        missing.with(lines);
        if !verdicts.holds {
            continue;
        }
        let mut seen = Warnings::new();
        for target in rule.notify.iter().chain(&rule.except) {
            target.wanted(scope, book, event, &mut seen);
        }
        names.with(of_event(seen));
        let mut seen = Warnings::new();
        if let Some(for_each) = rule.limit.as_ref().and_then(|limit| limit.for_each.as_ref()) {
            for_each.plain(scope, &mut seen);
        }
        limit.with(of_event(seen));
        let mut seen = Warnings::new();
        let rendered = rule.card.render(scope, &[], &mut seen);
        // What a sender's own card loses is no slip of the rule's author.
        let seen = match rule.card.is_as_sent() && sent::Kind::of(&sample.data).is_some() {
            true => Warnings::new(),
            false => seen,
        };
        card.with(of_event(seen));
        largest = largest.or_else(|| lint::near_limit(&rendered, &sample.file));
    }
    faults.extend(largest);
    faults.extend(lint::for_each(rule, &scopes));
    for fault in lint::expression_fields(rule, &scopes) {
        let told = missing
            .sentences
            .iter()
            .any(|(written, _)| fault.message.contains(&format!("`{}", key_of(written))));
        if !told {
            faults.push(at_text(fault, "if", document));
        }
    }
    let told = match events.len() {
        1 => format!("in {}", first.file),
        several => format!("in any of {several} samples, {} for instance", first.file),
    };
    for (key, note) in missing.sentences {
        let fault = Fault::warning("sample::field", format!("this field is not {told}"))
            .help(note)
            .on_key();
        faults.push(at_line(fault, &key, document));
    }
    let texts = [
        ("notify", names.sentences),
        ("card", card.sentences),
        ("limit", limit.sentences),
    ];
    for (key, sentences) in texts {
        for (sentence, _) in sentences {
            let fault = Fault::warning("sample::field", sentence).help(format!("seen with {}", first.file));
            faults.push(at_text(fault, key, document));
        }
    }
    faults
}

/// The events as the rule sees them: one for each item, if it takes them apart. Beside them, what is to be said when no
/// sample has the list.
fn apart<'a>(rule: &Rule, whole: Vec<(&'a Sample, Event)>) -> (Vec<(&'a Sample, Event)>, Option<Fault>) {
    let Some(split) = &rule.split else {
        return (whole, None);
    };
    let mut items = Vec::new();
    let mut no_list = None;
    for (sample, event) in &whole {
        match split.items(&rule.name, event) {
            Ok(found) => items.extend(found.events.into_iter().map(|item| (*sample, item))),
            Err(line) => no_list = no_list.or(Some((sample, line))),
        }
    }
    items.truncate(MOST);
    let fault = no_list.filter(|_| items.is_empty()).map(|(sample, line)| {
        let message = format!("in {} that is not a list: it is {}", sample.file, line.actual);
        let mut fault = Fault::warning("sample::field", message);
        fault.help = line.note;
        fault.path = vec![Step::from("split")];
        fault
    });
    (items, fault)
}

/// What all of several tries have in common.
#[derive(Default)]
pub(super) struct Common {
    pub(super) sentences: Vec<(String, String)>,
    tried: bool,
}

impl Common {
    pub(super) fn with(&mut self, found: Vec<(String, String)>) {
        if self.tried {
            self.sentences
                .retain(|(sentence, _)| found.iter().any(|(other, _)| other == sentence));
        } else {
            self.sentences = found;
            self.tried = true;
        }
    }
}

/// What the rule would see, with a recipient who could be anybody.
pub(super) fn scope(rule: &Rule, event: &Event) -> Value {
    let mut scope = plan::scope(event, rule, Tz::UTC, event.occurred_at);
    scope["recipient"] = json!({ "name": "Anna Berg", "email": "anna.berg@contoso.example", "id": "1", "time_zone": "UTC", "locale": "en" });
    if rule.lives() {
        scope["tracked"] = turns::made_up();
    }
    scope
}

/// Lines about a field that is not there, by what they say, with the nearest field that is.
fn absent(lines: &[Line], found: &mut Vec<(String, String)>) {
    for line in lines {
        match &line.note {
            Some(note) if !line.holds && line.actual == "missing" && is_known(&line.written) => {
                found.push((line.written.clone(), note.clone()));
            }
            Some(_) | None => {}
        }
        absent(&line.lines, found);
    }
}

/// A sample is a body: it says nothing about headers and what stands in the address.
fn is_known(written: &str) -> bool {
    let told = ["request.headers", "request.query"];
    !told.iter().any(|name| written.starts_with(name))
}

/// What is said about names whose values a sample knows.
pub(super) fn of_event(seen: Warnings) -> Vec<(String, String)> {
    let named = |sentence: &String| sentence.split('`').nth(1).is_none_or(is_known);
    seen.into_vec()
        .into_iter()
        .filter(named)
        .map(|sentence| (sentence, String::new()))
        .collect()
}

/// The field of a line as it is written: `event.a: x` is about `event.a`.
fn key_of(written: &str) -> &str {
    written.split_once(": ").map_or(written, |(key, _)| key)
}

/// Points to the line of `if` that begins with this field.
fn at_line(mut fault: Fault, written: &str, document: &Document) -> Fault {
    fault.path = vec![Step::from("if")];
    if let Some(condition) = document.value.get("if") {
        let begins = |key: &str| written.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
        if let Some(path) = find(condition, &mut |step, _| matches!(step, Step::Key(key) if begins(key))) {
            fault.path.extend(path);
        }
    }
    fault
}

/// Points to the text under `key` that names what the sentence names first.
fn at_text(mut fault: Fault, key: &str, document: &Document) -> Fault {
    fault.path = vec![Step::from(key)];
    let name = fault.message.split('`').nth(1).unwrap_or_default().to_owned();
    let under = document.value.get(key).unwrap_or(&Value::Null);
    let names_it = |value: &Value| value.as_str().and_then(|text| text.find(&name));
    let found = (!name.is_empty())
        .then(|| find(under, &mut |_, value| names_it(value).is_some()))
        .flatten();
    let Some(path) = found else {
        return fault.on_key();
    };
    fault.path.extend(path);
    match document.at(&fault.path).and_then(names_it) {
        Some(start) => fault.within(start..start + name.len()),
        None => fault,
    }
}

/// The path of the first value below that `wanted` takes.
fn find(value: &Value, wanted: &mut dyn FnMut(&Step, &Value) -> bool) -> Option<Vec<Step>> {
    let none = Map::new();
    let keys = value
        .as_object()
        .unwrap_or(&none)
        .iter()
        .map(|(key, below)| (Step::from(key.as_str()), below));
    let items = value.as_array().into_iter().flatten().enumerate();
    let items = items.map(|(index, below)| (Step::Index(index), below));
    for (step, below) in keys.chain(items) {
        if wanted(&step, below) {
            return Some(vec![step]);
        }
        if let Some(mut path) = find(below, wanted) {
            path.insert(0, step);
            return Some(path);
        }
    }
    None
}
