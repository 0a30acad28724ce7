//! All files of a workspace, compiled together: one pure function behind `serve`, `check` and every reload.

mod compiler;
mod follow_ups;
mod lint;
pub mod program;
pub mod rule;
pub mod sample;
pub mod source;
mod texts;
mod together;
mod turns;
pub mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::book::Book;
use crate::card::template::Template;
use crate::diagnostic::{Diagnostic, Severity};
use crate::quiet::policy::Calendars;
use crate::rule::courtesy::House;
use crate::rule::ruleset::Ruleset;
use crate::settings::Settings;
use compiler::Compiler;
use rule::Surroundings;

pub use source::{Kind, SourceFile, Sources, as_texts};

/// What a workspace means.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// What the operator decided.
    pub settings: Settings,
    /// Names for people and places.
    pub book: Book,
    /// The rules in force.
    pub ruleset: Ruleset,
    /// Calendars of holidays, by name.
    pub holidays: Calendars,
    /// The templates, by name.
    pub templates: IndexMap<String, Arc<Template>>,
    /// Files that are broken now and whose last good version is in force.
    pub kept: Vec<Kept>,
    partials: IndexMap<String, Partial>,
    /// The languages that texts have, by tag in small letters.
    pub text_languages: Arc<BTreeSet<String>>,
    /// The last good source of each language's texts, by tag.
    texts: BTreeMap<String, Map<String, Value>>,
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
    let (texts, text_sources) = compiler.texts(settings.language.as_deref());
    let (partials, partial_sources) = compiler.partials(&texts);
    let (book, directory) = compiler.book(&partials, settings.time_zone);
    let (templates, broken_templates) = compiler.templates(&partials);
    let holidays = compiler.holidays();
    compiler.holidays_of_settings(&settings, &holidays);
    let around = Surroundings {
        holidays: &holidays,
        quiet_hours: settings.quiet_hours.as_ref(),
        hooks: settings_known.then_some(&settings.hooks),
        look_up: settings_known.then_some(settings.graph.look_up),
        profiles: settings_known.then_some(settings.graph.wants.entra),
        queues: settings_known.then_some(&settings.queues),
        calls: settings_known.then_some(&settings.calls),
        time_zone: settings.time_zone,
        storm: settings.limits.storm,
        templates: &templates,
        broken_templates: &broken_templates,
        partials: &partials,
        house: House {
            topics: settings_known.then_some(&settings.topics),
            footer: settings.footer,
            language: settings.language.as_deref(),
            texts: texts.languages(),
        },
        book: &book,
        on_call: Arc::new(book.on_call()),
        directory,
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
            holidays,
            templates,
            kept,
            partials: partial_sources,
            text_languages: texts.languages().clone(),
            texts: text_sources,
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
        .filter(|file| !matches!(Kind::of(&file.path), Some(Kind::Sample | Kind::Test)))
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
        let place = |d: &Diagnostic| (d.span.start, d.span.end, d.severity);
        a.file.cmp(&b.file).then_with(|| place(a).cmp(&place(b)))
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

#[cfg(test)]
mod tests;
