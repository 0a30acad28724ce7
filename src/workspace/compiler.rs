//! File by file: what is wrong with it, and what it means.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use chrono_tz::Tz;
use indexmap::IndexMap;
use serde_json::Value;

use super::rule::{self as rule_compile, Directory, Surroundings};
use super::sample::Sample;
use super::source::name_of;
use super::together::together;
use super::{
    Kept, Kind, Partial, PartialContent, SourceFile, Sources, Workspace, follow_ups, lint, program, sample, turns,
};
use crate::book::Book;
use crate::book::file::BookFile;
use crate::card::localised::Texts;
use crate::card::partial::Partials;
use crate::card::template::Template;
use crate::diagnostic::{Diagnostic, Fault, Severity, Span, Step, Underline, did_you_mean};
use crate::holiday::Holidays;
use crate::quiet::policy::Calendars;
use crate::rule::Rule;
use crate::rule::trigger::Trigger;
use crate::schema::{self, FileKind};
use crate::settings::file::SettingsFile;
use crate::settings::{self, Settings, pasted};
use crate::yaml::{self, Document};

pub(super) struct Compiler<'a> {
    pub sources: &'a Sources,
    pub previous: Option<&'a Workspace>,
    pub diagnostics: Vec<Diagnostic>,
    pub kept: Vec<Kept>,
}

impl<'a> Compiler<'a> {
    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &'a SourceFile> + use<'a> {
        self.sources
            .files
            .iter()
            .filter(move |file| Kind::of(&file.path) == Some(kind))
    }

    /// What could not be read at all. Nothing is known about what is below an unreadable folder.
    pub fn unreadable(&mut self) {
        for file in &self.sources.files {
            if let Err(reason) = &file.bytes {
                let message = reason.clone();
                self.diagnostics
                    .push(Diagnostic::of_file("file::unreadable", &file.path, message));
            }
        }
    }

    /// Was the folder that `path` is in unreadable as a whole?
    fn is_hidden(&self, path: &str) -> bool {
        let mut unreadable = self.sources.files.iter().filter(|file| file.bytes.is_err());
        unreadable.any(|file| {
            path.strip_prefix(file.path.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        })
    }

    pub(super) fn errors(&self) -> usize {
        self.diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .count()
    }

    /// Notes that the last good version of this file is in force; why, is found among all diagnostics in the end.
    pub(super) fn keep(&mut self, file: &str) {
        self.kept.push(Kept {
            file: file.to_owned(),
            error: String::new(),
        });
    }

    pub(super) fn text(&mut self, file: &'a SourceFile) -> Option<Cow<'a, str>> {
        let bytes = file.bytes.as_ref().ok()?;
        if bytes.len() > yaml::LARGEST {
            self.diagnostics.push(yaml::too_large(&file.path));
            return None;
        }
        let (text, diagnostic) = yaml::decode(&file.path, bytes);
        match diagnostic {
            Some(diagnostic) => {
                self.diagnostics.push(diagnostic);
                None
            }
            None => Some(text),
        }
    }

    pub(super) fn document(&mut self, file: &'a SourceFile) -> Option<Document> {
        let text = self.text(file)?;
        let parsed = yaml::parse(&file.path, &text);
        self.diagnostics.extend(parsed.diagnostics);
        parsed.document
    }

    pub(super) fn locate(&mut self, file: &str, document: &Document, faults: Vec<Fault>) {
        for fault in faults.into_iter().take(yaml::MOST_FAULTS) {
            let span = document.locate(&fault.path, &fault.underline);
            self.diagnostics.push(Diagnostic::located(fault, file, span));
        }
    }

    /// A mapping file, judged by its schema and read into its shape. What the schema does not take is left out of the
    /// shape, so that the rest can still be judged. `None` if there is nothing to judge.
    fn shaped<T: serde::de::DeserializeOwned + Default>(
        &mut self,
        file: &'a SourceFile,
        kind: FileKind,
    ) -> Option<Shaped<T>> {
        let document = self.document(file)?;
        if document.value.is_null() {
            return Some(Shaped {
                document,
                shape: T::default(),
                left_out: Vec::new(),
            });
        }
        let faults = schema::validate(kind, &document);
        let places: Vec<Vec<Step>> = faults.iter().map(|fault| fault.path.clone()).collect();
        self.locate(&file.path, &document, faults);
        // A value that is left out may be one that its mapping cannot be without: then the mapping goes, too.
        let shape = [usize::MAX, 2, 1].into_iter().find_map(|depth| {
            let mut value = document.value.clone();
            for place in &places {
                leave_out(&mut value, &place[..place.len().min(depth)]);
            }
            serde_json::from_value(value).ok()
        });
        shape.map(|shape| Shaped {
            document,
            shape,
            left_out: places,
        })
    }

    /// Adds what is wrong with the meaning of a shape, unless it is only because something was left out of it.
    fn mean<T>(&mut self, file: &str, shaped: &Shaped<T>, mut faults: Vec<Fault>) {
        let lacks_a_part = |fault: &Fault| {
            let below = |place: &Vec<Step>| !fault.path.is_empty() && place.starts_with(&fault.path);
            shaped.left_out.iter().any(below)
        };
        faults.retain(|fault| !lacks_a_part(fault));
        self.locate(file, &shaped.document, faults);
    }

    /// The settings, and whether they are those of the file.
    pub fn settings(&mut self) -> (Settings, bool) {
        let before = self.diagnostics.len();
        let settings = self.settings_as_written();
        let file = self.of_kind(Kind::Settings).next();
        let text = file.and_then(|file| Some(yaml::decode(&file.path, file.bytes.as_ref().ok()?).0));
        let secrets = pasted::pasted(&text.unwrap_or_default());
        for diagnostic in &mut self.diagnostics[before..] {
            let touches = |secret: &Span| secret.start < diagnostic.span.end && diagnostic.span.start < secret.end;
            // Whatever was to be said about it may repeat it.
            if secrets.iter().any(touches) {
                let told = settings::pasted_secret();
                *diagnostic = Diagnostic::located(told, &diagnostic.file, diagnostic.span.clone());
            }
        }
        settings
    }

    fn settings_as_written(&mut self) -> (Settings, bool) {
        let mut shape = SettingsFile::default();
        let mut broken = None;
        if let Some(file) = self.of_kind(Kind::Settings).next() {
            let before = self.errors();
            match self.shaped::<SettingsFile>(file, FileKind::Settings) {
                Some(shaped) => {
                    let (_, faults) = settings::compile(&shaped.shape);
                    self.mean(&file.path, &shaped, faults);
                    shape = shaped.shape;
                    if self.errors() > before {
                        broken = Some(file);
                    }
                }
                None => broken = Some(file),
            }
        }
        if let (Some(file), Some(previous)) = (broken, self.previous) {
            self.keep(&file.path);
            return (previous.settings.clone(), true);
        }
        let (_, of_file) = settings::compile(&shape);
        if let Err(sentences) = settings::override_with(&mut shape, &self.sources.environment) {
            for sentence in sentences {
                self.diagnostics
                    .push(Diagnostic::of_file("settings::environment", "environment", sentence));
            }
        }
        let (settings, faults) = settings::compile(&shape);
        for fault in faults.into_iter().filter(|fault| !of_file.contains(fault)) {
            let message = match settings::variable_for(&fault.path) {
                Some(variable) => format!("{variable}: {}", fault.message),
                None => fault.message.clone(),
            };
            let mut diagnostic = Diagnostic::of_file("settings::environment", "environment", message);
            diagnostic.help = fault.help;
            self.diagnostics.push(diagnostic);
        }
        (settings, broken.is_none())
    }

    /// The calendars of holidays. A broken one stays as it was.
    pub fn holidays(&mut self) -> Calendars {
        let mut calendars = Calendars::new();
        for file in self.of_kind(Kind::Holidays) {
            let name = name_of(&file.path, "holidays/");
            let read = self.text(file).map(|text| Holidays::read(&name, &text));
            match read {
                Some(Ok(holidays)) => {
                    calendars.insert(name, Arc::new(holidays));
                    continue;
                }
                Some(Err(fault)) => {
                    let span = within_text(&fault);
                    self.diagnostics.push(Diagnostic::located(fault, &file.path, span));
                }
                None => {}
            }
            if let Some(last_good) = self.previous.and_then(|previous| previous.holidays.get(&name)) {
                self.keep(&file.path);
                calendars.insert(name, last_good.clone());
            }
        }
        calendars
    }

    /// Whether the calendars are there that the quiet hours of `herald.yaml` name.
    pub fn holidays_of_settings(&mut self, settings: &Settings, calendars: &Calendars) {
        let Some(policy) = &settings.quiet_hours else {
            return;
        };
        let missing = policy.unknown(calendars);
        let Some(file) = self.of_kind(Kind::Settings).next().filter(|_| !missing.is_empty()) else {
            return;
        };
        // What else is wrong with the file was said before.
        let told = self.diagnostics.len();
        let document = self.document(file);
        self.diagnostics.truncate(told);
        if let Some(document) = document {
            let missing = missing.into_iter().map(|fault| fault.under("quiet_hours"));
            self.locate(&file.path, &document, missing.collect());
        }
    }

    /// The directory file, and what can be said of names that it lacks.
    pub fn book(&mut self, partials: &Partials, time_zone: Tz) -> (Book, Directory) {
        let Some(file) = self.of_kind(Kind::Directory).next() else {
            return (Book::default(), Directory::None);
        };
        let before = self.errors();
        if let Some(shaped) = self.shaped::<BookFile>(file, FileKind::Directory) {
            let (book, faults) = match Book::compile_in(&shaped.shape, partials, Some(time_zone)) {
                Ok((book, warnings)) => (Some(book), warnings),
                Err(faults) => (None, faults),
            };
            self.mean(&file.path, &shaped, faults);
            if let Some(book) = book.filter(|_| self.errors() == before) {
                return (book, Directory::Whole);
            }
        }
        match self.previous {
            Some(previous) => {
                self.keep(&file.path);
                (previous.book.clone(), Directory::Unsure)
            }
            None => (Book::default(), Directory::Unsure),
        }
    }

    pub fn partials(&mut self, translations: &Texts) -> (Partials, IndexMap<String, Partial>) {
        let mut sources: IndexMap<String, Partial> = IndexMap::new();
        let mut documents: BTreeMap<String, Document> = BTreeMap::new();
        let mut broken: Vec<(String, String)> = Vec::new();
        for file in self.of_kind(Kind::Partial) {
            let name = name_of(&file.path, "templates/partials/");
            if self.doubled(
                sources.get(&name).map(|first| first.file.as_str()),
                &file.path,
                "partial",
                &name,
            ) {
                continue;
            }
            let content = if file.path.ends_with(".hbs") {
                self.text(file).map(|text| PartialContent::Text(text.into_owned()))
            } else {
                let before = self.errors();
                let document = self.document(file).filter(|_| self.errors() == before);
                document.map(|document| {
                    let value = document.value.clone();
                    documents.insert(name.clone(), document);
                    PartialContent::Document(value)
                })
            };
            match content {
                Some(content) => {
                    let file = file.path.clone();
                    sources.insert(name, Partial { file, content });
                }
                None => broken.push((name, file.path.clone())),
            }
        }
        let (partials, faults) = compiled_partials(&sources, translations);
        for (name, fault) in faults {
            let file = sources[&name].file.clone();
            let failed = fault.severity == Severity::Error;
            let span = match documents.get(&name) {
                Some(document) => document.locate(&fault.path, &fault.underline),
                None => within_text(&fault),
            };
            self.diagnostics.push(Diagnostic::located(fault, &file, span));
            if failed && !broken.iter().any(|(known, _)| *known == name) {
                broken.push((name, file));
            }
        }
        let Some(previous) = self.previous.filter(|_| !broken.is_empty()) else {
            return (partials, sources);
        };
        for (name, file) in broken {
            if let Some(last_good) = previous.partials.get(&name) {
                self.keep(&file);
                sources.insert(name, last_good.clone());
            }
        }
        let (partials, _) = compiled_partials(&sources, translations);
        (partials, sources)
    }

    /// The templates that can be used, and the names of those that cannot.
    pub fn templates(&mut self, partials: &Partials) -> (IndexMap<String, Arc<Template>>, BTreeSet<String>) {
        let mut templates: IndexMap<String, Arc<Template>> = IndexMap::new();
        let mut files: BTreeMap<String, &str> = BTreeMap::new();
        let mut broken = BTreeSet::new();
        for file in self.of_kind(Kind::Template) {
            let name = name_of(&file.path, "templates/");
            if self.doubled(files.get(&name).copied(), &file.path, "template", &name) {
                continue;
            }
            files.insert(name.clone(), &file.path);
            match self.template(&name, file, partials) {
                Some(template) => {
                    templates.insert(name, Arc::new(template));
                }
                None => match self.previous.and_then(|previous| previous.templates.get(&name)) {
                    Some(last_good) => {
                        self.keep(&file.path);
                        templates.insert(name, last_good.clone());
                    }
                    None => {
                        broken.insert(name);
                    }
                },
            }
        }
        for (name, template) in self.previous.into_iter().flat_map(|previous| &previous.templates) {
            let below = format!("templates/{name}");
            if !templates.contains_key(name) && self.is_hidden(&below) {
                templates.insert(name.clone(), template.clone());
            }
        }
        (templates, broken)
    }

    fn template(&mut self, name: &str, file: &'a SourceFile, partials: &Partials) -> Option<Template> {
        let before = self.errors();
        if file.path.ends_with(".hbs") {
            let text = self.text(file)?;
            let (template, faults) = match Template::from_text(name, &text, partials) {
                Ok((template, warnings)) => (Some(template), warnings),
                Err(faults) => (None, faults),
            };
            for fault in faults {
                let span = within_text(&fault);
                self.diagnostics.push(Diagnostic::located(fault, &file.path, span));
            }
            return template;
        }
        let document = self.document(file)?;
        let (template, mut faults) = match Template::from_document(name, &document.value, partials) {
            Ok((template, warnings)) => (Some(template), warnings),
            Err(faults) => (None, faults),
        };
        if template.is_some() {
            faults.extend(lint::colour_alone(&document.value, partials));
        }
        // What the card's own room says about a place is better than what its schema says.
        let shape = schema::validate(FileKind::Template, &document);
        let told: HashSet<_> = faults.iter().map(|fault| fault.path.clone()).collect();
        faults.extend(shape.into_iter().filter(|fault| !told.contains(&fault.path)));
        self.locate(&file.path, &document, faults);
        template.filter(|_| self.errors() == before)
    }

    pub fn rules(&mut self, around: &Surroundings<'_>, book: &Book) -> Vec<Arc<Rule>> {
        let samples = sample::read(self.of_kind(Kind::Sample), &mut self.diagnostics);
        let last_good: BTreeMap<&str, &Arc<Rule>> = self
            .previous
            .iter()
            .flat_map(|previous| &previous.ruleset.rules)
            .map(|rule| (rule.file.as_str(), rule))
            .collect();
        let mut rules: Vec<Arc<Rule>> = Vec::new();
        let mut files: BTreeMap<String, &str> = BTreeMap::new();
        let mut wanted: Vec<(String, &SourceFile)> = Vec::new();
        for file in self.of_kind(Kind::Rule) {
            let name = name_of(&file.path, "rules/");
            if self.doubled(files.get(&name).copied(), &file.path, "rule", &name) {
                continue;
            }
            files.insert(name.clone(), &file.path);
            wanted.push((name, file));
        }
        let (sources, previous) = (self.sources, self.previous);
        let judged = together(&wanted, |(name, file)| {
            let mut alone = Compiler {
                sources,
                previous,
                diagnostics: Vec::new(),
                kept: Vec::new(),
            };
            let rule = alone.tried_rule(name, file, around, &samples, book);
            (rule, alone.diagnostics)
        });
        let (mut buttons, mut all_known) = (Vec::new(), true);
        for ((_, file), (rule, found)) in wanted.iter().zip(judged) {
            self.diagnostics.extend(found);
            match rule {
                Some((rule, pressed)) => {
                    rules.push(Arc::new(rule));
                    buttons.extend(pressed);
                }
                None => {
                    all_known = false;
                    if let Some(rule) = last_good.get(file.path.as_str()) {
                        self.keep(&file.path);
                        rules.push((*rule).clone());
                    }
                }
            }
        }
        for (file, rule) in last_good {
            if !files.contains_key(&rule.name) && self.is_hidden(file) {
                rules.push(rule.clone());
            }
        }
        // A rule that is broken may be the one that answers.
        if all_known {
            self.unanswered(buttons, &rules);
        }
        rules
    }

    /// Buttons of cards that no rule answers.
    fn unanswered(&mut self, buttons: Vec<Pressed>, rules: &[Arc<Rule>]) {
        let triggers = rules.iter().flat_map(|rule| &rule.triggers);
        let answered: BTreeSet<&str> = triggers
            .filter_map(|trigger| match trigger {
                Trigger::Button { buttons, .. } => Some(buttons.iter().map(String::as_str)),
                Trigger::Hook { .. }
                | Trigger::Cron { .. }
                | Trigger::Teams { .. }
                | Trigger::Message { .. }
                | Trigger::Queue { .. }
                | Trigger::File { .. } => None,
            })
            .flatten()
            .collect();
        for (name, mut diagnostic) in buttons {
            if answered.contains(name.as_str()) {
                continue;
            }
            diagnostic.help = Some(match did_you_mean(&name, answered.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write a rule with `when: {{ button: {name} }}`"),
            });
            self.diagnostics.push(diagnostic);
        }
    }

    /// A rule, tried out with the samples.
    fn tried_rule(
        &mut self,
        name: &str,
        file: &'a SourceFile,
        around: &Surroundings<'_>,
        samples: &[Sample],
        book: &Book,
    ) -> Option<(Rule, Vec<Pressed>)> {
        let (rule, document) = self.rule(name, file, around)?;
        let mut faults = sample::try_out(&rule, &document, samples, book);
        faults.extend(follow_ups::try_out(&rule, samples));
        faults.extend(turns::try_out(&rule, samples));
        faults.extend(lint::says_nothing(&rule));
        faults.extend(lint::dead_buttons(&rule));
        let card = document.value.get("card").unwrap_or(&Value::Null);
        let alone = lint::colour_alone(card, around.partials);
        faults.extend(alone.into_iter().map(|fault| fault.under("card")));
        self.locate(&file.path, &document, faults);
        let located = |fault: Fault| {
            let span = document.locate(&fault.path, &fault.underline);
            Diagnostic::located(fault, &file.path, span)
        };
        let pressed = lint::pressed(&document).into_iter();
        Some((rule, pressed.map(|(name, fault)| (name, located(fault))).collect()))
    }

    fn rule(&mut self, name: &str, file: &'a SourceFile, around: &Surroundings<'_>) -> Option<(Rule, Document)> {
        let before = self.errors();
        let told = self.diagnostics.len();
        let document = self.document(file)?;
        // What is wrong in a rule's own tests is told where they are read; it takes no rule out of force.
        if let Some(tests) = document.extent(&["tests".into()]) {
            let of_file = self.diagnostics.split_off(told);
            self.diagnostics
                .extend(of_file.into_iter().filter(|found| !tests.contains(&found.span.start)));
        }
        if document.value.is_null() {
            let diagnostic =
                Diagnostic::of_file("rule::empty", &file.path, "this file is empty, but a rule was expected")
                    .help("write at least `when:` and `notify:`, or delete the file");
            self.diagnostics.push(diagnostic);
            return None;
        }
        let (mut rule, faults) = rule_compile::compile(name, &file.path, &document, around);
        if let Some(then) = rule.as_mut().and_then(|rule| rule.then.as_mut()).and_then(Arc::get_mut)
            && !then.follow_edits
        {
            then.program = program::of(name, file, &document.value, self.sources).map(Arc::new);
        }
        self.locate(&file.path, &document, faults);
        rule.filter(|_| self.errors() == before).map(|rule| (rule, document))
    }

    /// Two files that would have one name: the second is told.
    pub(super) fn doubled(&mut self, first: Option<&str>, path: &str, what: &str, name: &str) -> bool {
        let Some(first) = first else {
            return false;
        };
        let diagnostic = Diagnostic::of_file(
            "file::doubled",
            path,
            format!("the {what} `{name}` is already in {first}"),
        )
        .help("give one of the two files another name");
        self.diagnostics.push(diagnostic);
        true
    }
}

/// The name of a button, and what to say if no rule answers it.
type Pressed = (String, Diagnostic);

/// A file that was read into its shape, as far as it has one.
struct Shaped<T> {
    document: Document,
    shape: T,
    /// What the schema did not take.
    left_out: Vec<Vec<Step>>,
}

/// Takes the value at `path` out of `value`.
fn leave_out(value: &mut Value, path: &[Step]) {
    let Some((last, above)) = path.split_last() else {
        return;
    };
    let parent = above.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    });
    match (parent, last) {
        (Some(Value::Object(map)), Step::Key(key)) => {
            map.swap_remove(key);
        }
        // The items behind it keep their places, and with them the places of what is said about them.
        (Some(Value::Array(items)), Step::Index(index)) if *index < items.len() => items[*index] = Value::Null,
        _ => {}
    }
}

fn within_text(fault: &Fault) -> Span {
    match &fault.underline {
        Underline::Within(range) => range.clone(),
        Underline::Key | Underline::Value => 0..0,
    }
}

fn compiled_partials(sources: &IndexMap<String, Partial>, translations: &Texts) -> (Partials, Vec<(String, Fault)>) {
    let (mut texts, mut documents) = (Vec::new(), Vec::new());
    for (name, partial) in sources {
        match &partial.content {
            PartialContent::Text(text) => texts.push((name.clone(), text.clone())),
            PartialContent::Document(value) => documents.push((name.clone(), value.clone())),
        }
    }
    let (partials, mut faults) = Partials::none().with_texts(translations.clone()).with_sources(&texts);
    let (partials, found) = partials.with_documents(&documents);
    faults.extend(found);
    (partials, faults)
}
