//! Pieces that templates share: `templates/partials/*`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::card::document::{self, Document};
use crate::card::localised::Texts;
use crate::card::place::Within;
use crate::card::profile;
use crate::card::syntax::{self, Program};
use crate::card::tag::suggestion;
use crate::diagnostic::{Fault, Severity};

/// Partials within partials.
const DEEPEST: usize = 8;

/// All compiled partials of a workspace. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Partials {
    entries: Arc<BTreeMap<String, Entry>>,
    texts: Texts,
}

#[derive(Debug, Clone)]
enum Entry {
    Text(Arc<Program>),
    Document(Arc<Document>),
    /// Its own fault is reported where it stands; who includes it is told so.
    Broken,
}

/// A partial that cannot be included.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub message: String,
    pub help: Option<String>,
}

impl Partials {
    /// No partials.
    pub fn none() -> Partials {
        Partials::default()
    }

    /// The same with texts in several languages.
    pub fn with_texts(self, texts: Texts) -> Partials {
        Partials { texts, ..self }
    }

    /// The texts that `{{text "key"}}` shows.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Compiles text partials, given as name and text; the name is what stands in `{{> name}}`.
    ///
    /// A partial may include others. One that cannot be compiled, or includes itself by way of others, is left out;
    /// its name and fault are in the second part.
    pub fn compile(sources: &[(String, String)]) -> (Partials, Vec<(String, Fault)>) {
        Partials::none().with_sources(sources)
    }

    /// As [`Partials::compile`], for partials that show texts in several languages.
    pub fn with_sources(self, sources: &[(String, String)]) -> (Partials, Vec<(String, Fault)>) {
        let mut faults = Vec::new();
        let mut partials = self;
        let mut waiting: Vec<(&str, &str, Vec<String>)> = sources
            .iter()
            // The newline that ends a file is no part of the text.
            .map(|(name, source)| {
                (
                    name.as_str(),
                    source.trim_end_matches(['\n', '\r']),
                    syntax::included(source),
                )
            })
            .collect();
        // Each round compiles what includes only what is known by now.
        for depth in 1..=DEEPEST {
            let names: Vec<String> = waiting.iter().map(|(name, ..)| (*name).to_owned()).collect();
            let (ready, rest): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|(_, _, includes)| !includes.iter().any(|name| names.contains(name)));
            waiting = rest;
            let compiled: Vec<(&str, Result<Program, Fault>)> = ready
                .into_iter()
                .map(|(name, source, _)| (name, syntax::compile(source, &partials)))
                .collect();
            let entries = Arc::make_mut(&mut partials.entries);
            for (name, result) in compiled {
                match result {
                    Ok(program) => {
                        entries.insert(name.to_owned(), Entry::Text(Arc::new(program)));
                    }
                    Err(fault) => {
                        entries.insert(name.to_owned(), Entry::Broken);
                        faults.push((name.to_owned(), fault));
                    }
                }
            }
            if waiting.is_empty() || depth == DEEPEST {
                break;
            }
        }
        for (name, fault) in tangled(&waiting) {
            Arc::make_mut(&mut partials.entries).insert(name.clone(), Entry::Broken);
            faults.push((name, fault));
        }
        (partials, faults)
    }

    /// Adds document partials, given as name and parsed YAML or JSON: elements that `"{{> name}}"` or
    /// `$partial: name` puts into a card. They may include each other and the text partials already there.
    ///
    /// The second part has the faults and warnings of each; a document with an error is left out.
    pub fn with_documents(mut self, sources: &[(String, Value)]) -> (Partials, Vec<(String, Fault)>) {
        let mut faults = Vec::new();
        let mut waiting: Vec<(&str, &Value, Vec<String>)> = sources
            .iter()
            .map(|(name, source)| (name.as_str(), source, document_includes(source)))
            .collect();
        for _ in 0..DEEPEST {
            let names: Vec<String> = waiting.iter().map(|(name, ..)| (*name).to_owned()).collect();
            let (ready, rest): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|(_, _, includes)| !includes.iter().any(|name| names.contains(name)));
            waiting = rest;
            for (name, source, _) in ready {
                if self.entries.contains_key(name) {
                    let message = format!("there are two partials called `{name}`; this one is not used");
                    faults.push((
                        name.to_owned(),
                        Fault::error("template::partial", message).help("rename one of them"),
                    ));
                    continue;
                }
                let (document, mut found) = document::compile(source, Within::TOP, &self);
                found.extend(profile::check_partial(source));
                let broken = found.iter().any(|fault| fault.severity == Severity::Error);
                faults.extend(found.into_iter().map(|fault| (name.to_owned(), fault)));
                let entry = if broken {
                    Entry::Broken
                } else {
                    Entry::Document(Arc::new(document))
                };
                Arc::make_mut(&mut self.entries).insert(name.to_owned(), entry);
            }
            if waiting.is_empty() {
                break;
            }
        }
        for (name, fault) in tangled(&waiting) {
            Arc::make_mut(&mut self.entries).insert(name.clone(), Entry::Broken);
            faults.push((name, fault));
        }
        (self, faults)
    }

    /// The names that `{{> name}}` finds.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The document partial of this name.
    pub(crate) fn document(&self, name: &str) -> Option<Arc<Document>> {
        match self.entries.get(name) {
            Some(Entry::Document(document)) => Some(document.clone()),
            Some(Entry::Text(_) | Entry::Broken) | None => None,
        }
    }

    /// The text partial of this name.
    pub(crate) fn text(&self, name: &str) -> Result<Arc<Program>, Unusable> {
        match self.entries.get(name) {
            Some(Entry::Text(program)) => Ok(program.clone()),
            Some(Entry::Document(_)) => Err(Unusable {
                message: format!("the partial `{name}` is an element, not a text"),
                help: Some(format!(
                    "write `\"{{{{> {name}}}}}\"`, with nothing around it, where an element stands"
                )),
            }),
            Some(Entry::Broken) => Err(Unusable {
                message: format!("the partial `{name}` has a fault of its own"),
                help: None,
            }),
            None => Err(Unusable {
                message: format!("there is no partial `{name}` in templates/partials/"),
                help: suggestion(name, self.names()),
            }),
        }
    }
}

/// Why these are still waiting for each other.
fn tangled<S>(waiting: &[(&str, S, Vec<String>)]) -> Vec<(String, Fault)> {
    let fault = |name: &str, includes: &[String]| {
        let message = match circle(name, waiting) {
            Some(circle) => format!("partials include each other: {circle}"),
            None => format!("partials are nested more than {DEEPEST} deep, or include one that is in a circle"),
        };
        Fault::error("template::partial", message).help(format!("take one of these out: {}", includes.join(", ")))
    };
    waiting
        .iter()
        .map(|(name, _, includes)| ((*name).to_owned(), fault(name, includes)))
        .collect()
}

/// The names of the partials that a document includes.
fn document_includes(source: &Value) -> Vec<String> {
    match source {
        Value::String(text) => syntax::included(text),
        Value::Array(items) => items.iter().flat_map(document_includes).collect(),
        Value::Object(fields) => {
            let named = fields.get("$partial").and_then(Value::as_str).map(str::to_owned);
            named
                .into_iter()
                .chain(fields.values().flat_map(document_includes))
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// `a -> b -> a`, if following what is included from `start` leads back to it.
fn circle<S>(start: &str, waiting: &[(&str, S, Vec<String>)]) -> Option<String> {
    let mut trails: Vec<Vec<&str>> = vec![vec![start]];
    let mut seen: Vec<&str> = vec![start];
    while let Some(trail) = trails.pop() {
        let here = trail.last().expect("a trail begins with `start`");
        let includes = waiting
            .iter()
            .find(|(name, ..)| name == here)
            .map(|(.., includes)| includes)?;
        for next in includes {
            if next == start {
                return Some(format!("{} -> {start}", trail.join(" -> ")));
            }
            if let Some((name, ..)) = waiting.iter().find(|(name, ..)| name == next)
                && !seen.contains(name)
            {
                seen.push(name);
                trails.push(trail.iter().copied().chain([*name]).collect());
            }
        }
    }
    None
}
