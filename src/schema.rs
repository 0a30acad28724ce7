//! The JSON schemas of the files people write, for editors and for `check` alike: one schema, so that both say the same.

pub mod card;
mod editor;
mod explain;
mod later;
pub mod texts;
mod tidy;
pub mod vocabulary;

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::book::file::BookFile;
use crate::diagnostic::Fault;
use crate::rule::file::RuleFile;
use crate::rule::tests_file::TestsFile;
use crate::settings::file::SettingsFile;
use crate::yaml::Document;
use vocabulary::Vocabulary;

/// The kinds of files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// `rules/**/*.yaml`
    Rule,
    /// `herald.yaml`
    Settings,
    /// `directory.yaml`
    Directory,
    /// `templates/*.yaml` and `*.json`
    Template,
    /// `rules/**/*.test.yaml`
    Test,
    /// `texts/LANGUAGE.yaml`
    Texts,
}

impl FileKind {
    /// All of them, in the order of a workspace.
    pub const ALL: [FileKind; 6] = [
        FileKind::Rule,
        FileKind::Settings,
        FileKind::Directory,
        FileKind::Template,
        FileKind::Test,
        FileKind::Texts,
    ];

    /// The name of the schema's file in `schema/`.
    pub fn file_name(self) -> &'static str {
        match self {
            FileKind::Rule => "rule.schema.json",
            FileKind::Settings => "settings.schema.json",
            FileKind::Directory => "directory.schema.json",
            FileKind::Template => "template.schema.json",
            FileKind::Test => "test.schema.json",
            FileKind::Texts => "texts.schema.json",
        }
    }

    fn compiled(self) -> &'static Compiled {
        static RULE: LazyLock<Compiled> = LazyLock::new(Compiled::new::<RuleFile>);
        static SETTINGS: LazyLock<Compiled> = LazyLock::new(Compiled::new::<SettingsFile>);
        static DIRECTORY: LazyLock<Compiled> = LazyLock::new(Compiled::new::<BookFile>);
        static TEMPLATE: LazyLock<Compiled> = LazyLock::new(Compiled::new::<card::TemplateFile>);
        static TEST: LazyLock<Compiled> = LazyLock::new(Compiled::new::<TestsFile>);
        static TEXTS: LazyLock<Compiled> = LazyLock::new(Compiled::new::<texts::TextsFile>);
        match self {
            FileKind::Rule => &RULE,
            FileKind::Settings => &SETTINGS,
            FileKind::Directory => &DIRECTORY,
            FileKind::Template => &TEMPLATE,
            FileKind::Test => &TEST,
            FileKind::Texts => &TEXTS,
        }
    }
}

struct Compiled {
    schema: Value,
    validator: Validator,
}

impl Compiled {
    fn new<T: JsonSchema>() -> Self {
        let generator = SchemaSettings::draft07().into_generator();
        let mut schema = serde_json::to_value(generator.into_root_schema_for::<T>()).expect("a schema is plain JSON");
        tidy::tidy(&mut schema);
        let validator =
            jsonschema::draft7::new(&schema).expect("our own schemas are valid; a test builds each of them");
        Self { schema, validator }
    }
}

/// The schema of a kind of file (JSON Schema draft-07).
pub fn schema(kind: FileKind) -> &'static Value {
    &kind.compiled().schema
}

/// The schema as editors get it: what [`schema`] says, with messages in the words of authors.
pub fn for_editors(kind: FileKind) -> Value {
    let mut schema = schema(kind).clone();
    editor::dress(&mut schema);
    schema
}

/// The schema as it is committed: for editors, indented, with a line end.
pub fn text(kind: FileKind) -> String {
    written(&for_editors(kind))
}

/// As [`text`], with what a workspace knows by name.
pub fn text_with(kind: FileKind, vocabulary: &Vocabulary) -> String {
    let mut schema = schema(kind).clone();
    vocabulary::teach(kind, &mut schema, vocabulary);
    editor::dress(&mut schema);
    written(&schema)
}

fn written(schema: &Value) -> String {
    let mut text = serde_json::to_string_pretty(schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}

/// Everything in which a document differs from its schema, in the words of its author. Paths start at the root.
pub fn validate(kind: FileKind, document: &Document) -> Vec<Fault> {
    let compiled = kind.compiled();
    if compiled.validator.is_valid(&document.value) {
        return Vec::new();
    }
    let errors = compiled.validator.iter_errors(&document.value);
    explain::explain(&compiled.schema, document, errors)
}

#[cfg(test)]
mod tests;
