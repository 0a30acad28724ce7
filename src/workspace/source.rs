//! What a workspace is made of, as it was found.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use indexmap::IndexMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::report::Texts;
use crate::settings::pasted;
use crate::yaml;

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
    /// Variables that are laid over `herald.yaml` (see [`VARIABLES`](crate::settings::VARIABLES)); others are ignored.
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
    /// `rules/**/*.test.yaml`
    Test,
    /// `templates/**/*.{yaml,yml,json,hbs}`
    Template,
    /// `templates/partials/*`
    Partial,
    /// `texts/LANGUAGE.yaml`
    Texts,
    /// `samples/**/*.json`
    Sample,
    /// `holidays/*.ics`
    Holidays,
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
            "rules" if ends(&[".test.yaml", ".test.yml"]) => Some(Kind::Test),
            "rules" if yaml => Some(Kind::Rule),
            "templates" if yaml || ends(&[".json", ".hbs"]) => match path.starts_with("templates/partials/") {
                true => Some(Kind::Partial),
                false => Some(Kind::Template),
            },
            "texts" if yaml => Some(Kind::Texts),
            "samples" if ends(&[".json"]) => Some(Kind::Sample),
            "holidays" if ends(&[".ics"]) => Some(Kind::Holidays),
            _ => None,
        }
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
                Some(kind @ (Kind::Directory | Kind::Rule | Kind::Test)) => {
                    let everywhere = kind == Kind::Directory;
                    match pasted::pasted_addresses(&text, everywhere).as_slice() {
                        [] => text,
                        spans => Cow::Owned(pasted::masked(&text, spans)),
                    }
                }
                Some(Kind::Template | Kind::Partial | Kind::Texts | Kind::Sample | Kind::Holidays) | None => text,
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

/// A file's name below its folder, without its ending.
pub fn name_of(path: &str, folder: &str) -> String {
    let below = path.strip_prefix(folder).unwrap_or(path);
    let ending = below.rfind('.').unwrap_or(below.len());
    below[..ending].to_owned()
}
