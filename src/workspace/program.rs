//! What a rule is made of, taken out of the workspace, and put together again after the workspace has changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::compiler::Compiler;
use super::rule::{Directory, Surroundings, compile as compile_rule};
use super::source::name_of;
use super::{Kind, SourceFile, Sources, Workspace};
use crate::rule::Rule;
use crate::rule::courtesy::House;
use crate::rule::then::Program;
use crate::yaml;

/// The program of the rule in `file`: its file, every template that it names, the partials and the texts. `None` if they are too
/// large to be kept.
pub(super) fn of(rule: &str, file: &SourceFile, document: &Value, sources: &Sources) -> Option<Program> {
    let mut names = BTreeSet::new();
    texts(document, &mut names);
    let wanted = |other: &&SourceFile| match Kind::of(&other.path) {
        Some(Kind::Template) => names.contains(name_of(&other.path, "templates/").as_str()),
        Some(Kind::Partial | Kind::Texts) => true,
        Some(Kind::Settings | Kind::Directory | Kind::Rule | Kind::Test | Kind::Sample | Kind::Holidays) | None => {
            false
        }
    };
    let files = std::iter::once(file).chain(sources.files.iter().filter(wanted));
    let text = |file: &SourceFile| {
        let bytes = file.bytes.as_ref().ok()?;
        Some((file.path.clone(), yaml::decode(&file.path, bytes).0.into_owned()))
    };
    Program::new(rule, files.filter_map(text).collect())
}

/// The program of a rule, by its name and its file, as the file is now. `None` if it cannot be read, or is too large.
pub fn of_file(rule: &str, path: &str, sources: &Sources) -> Option<Program> {
    let file = sources.files.iter().find(|file| file.path == path)?;
    let (text, _) = yaml::decode(path, file.bytes.as_ref().ok()?);
    let document = yaml::parse(path, &text).document?;
    of(rule, file, &document.value, sources)
}

fn texts<'a>(value: &'a Value, names: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) => {
            names.insert(text.trim());
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, names)),
        Value::Object(fields) => fields.values().for_each(|item| texts(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The rule that a program is, in the workspace as it is now: its aliases mean what they mean now. `None` if it cannot be
/// read any more.
pub fn rule(program: &Program, workspace: &Workspace) -> Option<Arc<Rule>> {
    let file = |(path, text): &(String, String)| SourceFile {
        path: path.clone(),
        bytes: Ok(text.clone().into_bytes()),
    };
    let sources = Sources {
        files: program.files.iter().map(file).collect(),
        ..Sources::default()
    };
    let mut compiler = Compiler {
        sources: &sources,
        previous: None,
        diagnostics: Vec::new(),
        kept: Vec::new(),
    };
    let settings = &workspace.settings;
    let (texts, _) = compiler.texts(settings.language.as_deref());
    let (partials, _) = compiler.partials(&texts);
    let (templates, broken_templates) = compiler.templates(&partials);
    let around = Surroundings {
        hooks: None,
        queues: None,
        time_zone: settings.time_zone,
        holidays: &workspace.holidays,
        quiet_hours: settings.quiet_hours.as_ref(),
        house: House {
            topics: Some(&settings.topics),
            footer: settings.footer,
            language: settings.language.as_deref(),
            texts: texts.languages(),
        },
        look_up: None,
        profiles: None,
        calls: None,
        storm: settings.limits.storm,
        templates: &templates,
        broken_templates: &broken_templates,
        partials: &partials,
        book: &workspace.book,
        on_call: Arc::new(workspace.book.on_call()),
        directory: Directory::Unsure,
    };
    let (path, text) = program
        .files
        .iter()
        .find(|(path, _)| Kind::of(path) == Some(Kind::Rule))?;
    let document = yaml::parse(path, text).document?;
    let (rule, _) = compile_rule(&program.rule, path, &document, &around);
    rule.map(Arc::new)
}
