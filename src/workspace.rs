//! All files of a workspace, compiled together: one pure function behind `serve`, `check` and every reload.

pub mod sample;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::book::Book;
use crate::book::file::BookFile;
use crate::card::partial::Partials;
use crate::card::template::Template;
use crate::diagnostic::report::Texts;
use crate::diagnostic::{Diagnostic, Fault, Severity, Span, Step, Underline};
use crate::rule::Rule;
use crate::rule::compile::{self as rule_compile, Surroundings};
use crate::rule::ruleset::Ruleset;
use crate::schema::{self, FileKind};
use crate::settings::file::SettingsFile;
use crate::settings::pasted;
use crate::settings::{self, Settings};
use crate::yaml::{self, Document};

/// One file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path as seen from the workspace, with `/`: `rules/deploy-failed.yaml`.
    pub path: String,
    /// Its content, or why there is none, in a sentence. Content beyond a bound is cut one byte behind it.
    pub bytes: Result<Vec<u8>, String>,
}

/// Everything a workspace is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Its files, in the order of their paths.
    pub files: Vec<SourceFile>,
    /// Variables that are laid over `herald.yaml` (see [`settings::VARIABLES`]); others are ignored.
    pub environment: BTreeMap<String, String>,
}

/// What a file is, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `herald.yaml`
    Settings,
    /// `directory.yaml`
    Directory,
    /// `rules/**/*.yaml`
    Rule,
    /// `templates/**/*.{yaml,yml,json,hbs}`
    Template,
    /// `templates/partials/*`
    Partial,
    /// `samples/**/*.json`
    Sample,
}

impl Kind {
    /// What the file at this path is; `None`: nothing of ours.
    pub fn of(path: &str) -> Option<Kind> {
        let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
        let yaml = ends(&[".yaml", ".yml"]);
        match path.split('/').next()? {
            "herald.yaml" => Some(Kind::Settings),
            "directory.yaml" => Some(Kind::Directory),
            // Tests of rules stand beside them.
            "rules" if ends(&[".test.yaml", ".test.yml"]) => None,
            "rules" if yaml => Some(Kind::Rule),
            "templates" if yaml || ends(&[".json", ".hbs"]) => match path.starts_with("templates/partials/") {
                true => Some(Kind::Partial),
                false => Some(Kind::Template),
            },
            "samples" if ends(&[".json"]) => Some(Kind::Sample),
            _ => None,
        }
    }
}

/// What a workspace means.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// What the operator decided.
    pub settings: Settings,
    /// Names for people and places.
    pub book: Book,
    /// The rules in force.
    pub ruleset: Ruleset,
    /// The templates, by name.
    pub templates: IndexMap<String, Arc<Template>>,
    /// Files that are broken now and whose last good version is in force.
    pub kept: Vec<Kept>,
    partials: IndexMap<String, Partial>,
}

impl Default for Workspace {
    fn default() -> Self {
        compile(&Sources::default(), None).workspace
    }
}

/// A file that is broken now and whose last good version is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The file, as seen from the workspace.
    pub file: String,
    /// Its first error.
    pub error: String,
}

/// The last good source of a partial.
#[derive(Debug, Clone)]
struct Partial {
    file: String,
    content: PartialContent,
}

#[derive(Debug, Clone)]
enum PartialContent {
    Text(String),
    Document(Value),
}

/// What came of compiling.
#[derive(Debug)]
pub struct Compiled {
    /// What can be put in force. Broken files are in it with their last good version, or not at all.
    pub workspace: Workspace,
    /// Everything that is wrong or doubtful, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    /// Is any of the diagnostics an error?
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

impl Sources {
    /// The texts of the files named by diagnostics, as far as they can be shown: a secret that was pasted into the
    /// settings is shown as stars.
    pub fn texts<'a>(&'a self, diagnostics: &[Diagnostic]) -> IndexMap<&'a str, Cow<'a, str>> {
        let named: HashSet<&str> = diagnostics.iter().map(|diagnostic| diagnostic.file.as_str()).collect();
        let shown = |file: &'a SourceFile| {
            let bytes = file.bytes.as_ref().ok()?;
            let text = yaml::decode(&file.path, bytes).0;
            let text = match Kind::of(&file.path) {
                Some(Kind::Settings) => Cow::Owned(pasted::masked(&text, &pasted::pasted(&text))),
                Some(Kind::Directory | Kind::Rule | Kind::Template | Kind::Partial | Kind::Sample) | None => text,
            };
            Some((file.path.as_str(), text))
        };
        self.files
            .iter()
            .filter(|file| named.contains(file.path.as_str()))
            .filter_map(shown)
            .collect()
    }
}

/// Views the result of [`Sources::texts`] as what the report wants.
pub fn as_texts<'a>(texts: &'a IndexMap<&'a str, Cow<'a, str>>) -> Texts<'a> {
    texts.iter().map(|(file, text)| (*file, text.as_ref())).collect()
}

/// Compiles a workspace. Never fails and never panics, whatever the bytes: with `previous`, a broken file keeps its
/// last good version in force; without it, a broken rule or template is left out and broken settings are the defaults.
pub fn compile(sources: &Sources, previous: Option<&Workspace>) -> Compiled {
    let mut compiler = Compiler {
        sources,
        previous,
        diagnostics: Vec::new(),
        kept: Vec::new(),
    };
    compiler.unreadable();
    let (settings, settings_known) = compiler.settings();
    let (partials, partial_sources) = compiler.partials();
    let (book, book_known) = compiler.book(&partials);
    let (templates, broken_templates) = compiler.templates(&partials);
    let around = Surroundings {
        hooks: settings_known.then_some(&settings.hooks),
        time_zone: settings.time_zone,
        templates: &templates,
        broken_templates: &broken_templates,
        partials: &partials,
        book: &book,
        book_is_whole: book_known,
    };
    let rules = compiler.rules(&around, &book);
    let diagnostics = without_echoes(compiler.diagnostics);
    let mut kept = compiler.kept;
    kept.sort_by(|a, b| a.file.cmp(&b.file));
    for kept in &mut kept {
        let mut of_file = diagnostics
            .iter()
            .filter(|d| d.file == kept.file && d.severity == Severity::Error);
        kept.error = of_file.next().map(|d| d.message.clone()).unwrap_or_default();
    }
    Compiled {
        workspace: Workspace {
            ruleset: Ruleset::new(revision(sources, &kept), rules),
            settings,
            book,
            templates,
            kept,
            partials: partial_sources,
        },
        diagnostics,
    }
}

/// A short hash of everything the rules are made of. What is kept from before has its part in it: the same files can
/// mean something else then.
fn revision(sources: &Sources, kept: &[Kept]) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for file in sources
        .files
        .iter()
        .filter(|file| Kind::of(&file.path) != Some(Kind::Sample))
    {
        part(file.path.as_bytes());
        part(file.bytes.as_deref().unwrap_or_default());
    }
    kept.iter().for_each(|kept| part(kept.file.as_bytes()));
    hex::encode(&hash.finalize()[..6])
}

/// By file and place, without what says less about a place than something else does: a warning where there is an
/// error, a shape that is wrong because the YAML reader already had to give up on the value.
fn without_echoes(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by(|a, b| {
        let place = |d: &Diagnostic| (d.file.clone(), d.span.start, d.span.end, d.severity);
        place(a).cmp(&place(b))
    });
    let mut errors: BTreeMap<(&str, usize, usize), bool> = BTreeMap::new();
    for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Error) {
        let of_yaml = errors
            .entry((&diagnostic.file, diagnostic.span.start, diagnostic.span.end))
            .or_default();
        *of_yaml |= diagnostic.code.starts_with("yaml::");
    }
    let echoes: Vec<bool> = diagnostics
        .iter()
        .map(|diagnostic| {
            let key = (diagnostic.file.as_str(), diagnostic.span.start, diagnostic.span.end);
            match (errors.get(&key), diagnostic.severity) {
                (Some(_), Severity::Warning) => !diagnostic.span.is_empty(),
                (Some(of_yaml), Severity::Error) => *of_yaml && !diagnostic.code.starts_with("yaml::"),
                (None, Severity::Warning | Severity::Error) => false,
            }
        })
        .collect();
    let mut echo = echoes.into_iter();
    diagnostics.retain(|_| !echo.next().unwrap_or(false));
    diagnostics.dedup();
    diagnostics
}

struct Compiler<'a> {
    sources: &'a Sources,
    previous: Option<&'a Workspace>,
    diagnostics: Vec<Diagnostic>,
    kept: Vec<Kept>,
}

/// A file's name below its folder, without its ending.
fn name_of(path: &str, folder: &str) -> String {
    let below = path.strip_prefix(folder).unwrap_or(path);
    let ending = below.rfind('.').unwrap_or(below.len());
    below[..ending].to_owned()
}

impl<'a> Compiler<'a> {
    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &'a SourceFile> + use<'a> {
        self.sources
            .files
            .iter()
            .filter(move |file| Kind::of(&file.path) == Some(kind))
    }

    /// What could not be read at all. Nothing is known about what is below an unreadable folder.
    fn unreadable(&mut self) {
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

    fn errors(&self) -> usize {
        self.diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .count()
    }

    /// Notes that the last good version of this file is in force; why, is found among all diagnostics in the end.
    fn keep(&mut self, file: &str) {
        self.kept.push(Kept {
            file: file.to_owned(),
            error: String::new(),
        });
    }

    fn text(&mut self, file: &'a SourceFile) -> Option<Cow<'a, str>> {
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

    fn document(&mut self, file: &'a SourceFile) -> Option<Document> {
        let text = self.text(file)?;
        let parsed = yaml::parse(&file.path, &text);
        self.diagnostics.extend(parsed.diagnostics);
        parsed.document
    }

    fn locate(&mut self, file: &str, document: &Document, faults: Vec<Fault>) {
        for fault in faults {
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
    fn settings(&mut self) -> (Settings, bool) {
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

    /// The directory file, and whether it says all there is: with a broken one nobody can be called unknown.
    fn book(&mut self, partials: &Partials) -> (Book, bool) {
        let Some(file) = self.of_kind(Kind::Directory).next() else {
            return (Book::default(), false);
        };
        let before = self.errors();
        if let Some(shaped) = self.shaped::<BookFile>(file, FileKind::Directory) {
            let (book, faults) = match Book::compile(&shaped.shape, partials) {
                Ok((book, warnings)) => (Some(book), warnings),
                Err(faults) => (None, faults),
            };
            self.mean(&file.path, &shaped, faults);
            if let Some(book) = book.filter(|_| self.errors() == before) {
                return (book, true);
            }
        }
        match self.previous {
            Some(previous) => {
                self.keep(&file.path);
                (previous.book.clone(), false)
            }
            None => (Book::default(), false),
        }
    }

    fn partials(&mut self) -> (Partials, IndexMap<String, Partial>) {
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
        let (partials, faults) = compiled_partials(&sources);
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
        let (partials, _) = compiled_partials(&sources);
        (partials, sources)
    }

    /// The templates that can be used, and the names of those that cannot.
    fn templates(&mut self, partials: &Partials) -> (IndexMap<String, Arc<Template>>, BTreeSet<String>) {
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
        // What the card's own room says about a place is better than what its schema says.
        let shape = schema::validate(FileKind::Template, &document);
        let told: Vec<_> = faults.iter().map(|fault| fault.path.clone()).collect();
        faults.extend(shape.into_iter().filter(|fault| !told.contains(&fault.path)));
        self.locate(&file.path, &document, faults);
        template.filter(|_| self.errors() == before)
    }

    fn rules(&mut self, around: &Surroundings<'_>, book: &Book) -> Vec<Arc<Rule>> {
        let samples = sample::read(self.of_kind(Kind::Sample), &mut self.diagnostics);
        let last_good: BTreeMap<&str, &Arc<Rule>> = self
            .previous
            .iter()
            .flat_map(|previous| &previous.ruleset.rules)
            .map(|rule| (rule.file.as_str(), rule))
            .collect();
        let mut rules: Vec<Arc<Rule>> = Vec::new();
        let mut files: BTreeMap<String, &str> = BTreeMap::new();
        for file in self.of_kind(Kind::Rule) {
            let name = name_of(&file.path, "rules/");
            if self.doubled(files.get(&name).copied(), &file.path, "rule", &name) {
                continue;
            }
            files.insert(name.clone(), &file.path);
            match self.rule(&name, file, around) {
                Some((rule, document)) => {
                    let faults = sample::try_out(&rule, &document, &samples, book);
                    self.locate(&file.path, &document, faults);
                    rules.push(Arc::new(rule));
                }
                None => {
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
        rules
    }

    fn rule(&mut self, name: &str, file: &'a SourceFile, around: &Surroundings<'_>) -> Option<(Rule, Document)> {
        let before = self.errors();
        let document = self.document(file)?;
        if document.value.is_null() {
            let diagnostic =
                Diagnostic::of_file("rule::empty", &file.path, "this file is empty, but a rule was expected")
                    .help("write at least `when:` and `notify:`, or delete the file");
            self.diagnostics.push(diagnostic);
            return None;
        }
        let (rule, faults) = rule_compile::compile(name, &file.path, &document, around);
        self.locate(&file.path, &document, faults);
        rule.filter(|_| self.errors() == before).map(|rule| (rule, document))
    }

    /// Two files that would have one name: the second is told.
    fn doubled(&mut self, first: Option<&str>, path: &str, what: &str, name: &str) -> bool {
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
            map.shift_remove(key);
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

fn compiled_partials(sources: &IndexMap<String, Partial>) -> (Partials, Vec<(String, Fault)>) {
    let (mut texts, mut documents) = (Vec::new(), Vec::new());
    for (name, partial) in sources {
        match &partial.content {
            PartialContent::Text(text) => texts.push((name.clone(), text.clone())),
            PartialContent::Document(value) => documents.push((name.clone(), value.clone())),
        }
    }
    let (partials, mut faults) = Partials::compile(&texts);
    let (partials, found) = partials.with_documents(&documents);
    faults.extend(found);
    (partials, faults)
}

#[cfg(test)]
mod tests;
