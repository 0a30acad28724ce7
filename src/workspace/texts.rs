//! The texts of `texts/`, language by language: what is wrong with a file, and with the files beside each other.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::compiler::Compiler;
use super::source::{Kind, name_of};
use crate::card::localised::Texts;
use crate::diagnostic::{Diagnostic, Fault, Severity};
use crate::language;
use crate::schema::{self, FileKind};
use crate::yaml::{self, Document};

impl Compiler<'_> {
    /// The texts of all languages, and their sources by tag. `language` is the workspace's own: the others are compared
    /// with it.
    pub fn texts(&mut self, language: Option<&str>) -> (Texts, BTreeMap<String, Map<String, Value>>) {
        let mut sources: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        let mut files: BTreeMap<String, (String, Document)> = BTreeMap::new();
        for file in self.of_kind(Kind::Texts) {
            let name = name_of(&file.path, "texts/");
            let tag = match language::tag(&name) {
                Ok(tag) => tag,
                Err(_) => {
                    let message = "a file of texts is called by its language: `texts/de.yaml`, `texts/pt-BR.yaml`";
                    let told = Diagnostic::of_file("text::file", &file.path, message);
                    self.diagnostics.push(told);
                    continue;
                }
            };
            let first = files.get(&tag).map(|(path, _)| path.clone());
            if self.doubled(first.as_deref(), &file.path, "language", &tag) {
                continue;
            }
            let before = self.errors();
            let document = self.document(file);
            let texts = document
                .as_ref()
                .and_then(|document| self.shape_of_texts(&file.path, document));
            match (texts, self.errors() == before) {
                (Some(texts), true) => {
                    sources.insert(tag.clone(), texts);
                }
                (Some(_) | None, _) => {
                    if let Some(last_good) = self.previous.and_then(|previous| previous.texts.get(&tag)) {
                        self.keep(&file.path);
                        sources.insert(tag.clone(), last_good.clone());
                    }
                }
            }
            if let Some(document) = document {
                files.insert(tag, (file.path.clone(), document));
            }
        }
        if sources.is_empty() {
            return (Texts::default(), sources);
        }
        let (texts, mut faults) = Texts::compile(&sources);
        if faults.iter().all(|(_, fault)| fault.severity == Severity::Warning) {
            let unused = texts.unused(self.shown_sources().iter().map(String::as_str));
            // What nobody reads needs no translation.
            let is_read = |doubt: &Fault| {
                let same = |(_, other): &(String, Fault)| other.path == doubt.path;
                doubt.code != "text::missing" || !unused.iter().any(same)
            };
            faults.extend(texts.doubts(language).into_iter().filter(|(_, doubt)| is_read(doubt)));
            faults.extend(unused);
        }
        for (tag, fault) in faults.into_iter().take(yaml::MOST_FAULTS) {
            if let Some((path, document)) = files.get(&tag) {
                let span = document.locate(&fault.path, &fault.underline);
                self.diagnostics.push(Diagnostic::located(fault, path, span));
            }
        }
        (texts, sources)
    }

    fn shape_of_texts(&mut self, path: &str, document: &Document) -> Option<Map<String, Value>> {
        match &document.value {
            Value::Null => Some(Map::new()),
            Value::Object(texts) => {
                let faults = schema::validate(FileKind::Texts, document);
                self.locate(path, document, faults);
                Some(texts.clone())
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let faults = schema::validate(FileKind::Texts, document);
                self.locate(path, document, faults);
                None
            }
        }
    }

    /// What may show a text.
    fn shown_sources(&self) -> Vec<String> {
        let shows = |kind| matches!(kind, Some(Kind::Rule | Kind::Template | Kind::Partial));
        let files = self.sources.files.iter().filter(|file| shows(Kind::of(&file.path)));
        files
            .filter_map(|file| {
                let bytes = file.bytes.as_ref().ok()?;
                let text = yaml::decode(&file.path, bytes).0;
                text.contains("{{").then(|| text.into_owned())
            })
            .collect()
    }
}
