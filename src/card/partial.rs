//! Pieces that templates share: `templates/partials/*`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::card::syntax::{self, Program};
use crate::card::tag::suggestion;
use crate::diagnostic::Fault;

/// Partials within partials.
const DEEPEST: usize = 8;

/// All compiled partials of a workspace. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Partials {
    texts: Arc<BTreeMap<String, Entry>>,
}

#[derive(Debug, Clone)]
enum Entry {
    Ready(Arc<Program>),
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

    /// Compiles text partials, given as name and text; the name is what stands in `{{> name}}`.
    ///
    /// A partial may include others. One that cannot be compiled, or includes itself by way of others, is left out;
    /// its name and fault are in the second part.
    pub fn compile(sources: &[(String, String)]) -> (Partials, Vec<(String, Fault)>) {
        let mut faults = Vec::new();
        let mut partials = Partials::none();
        let mut waiting: Vec<(&str, &str, Vec<String>)> = sources
            .iter()
            .map(|(name, source)| (name.as_str(), source.as_str(), syntax::included(source)))
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
            let texts = Arc::make_mut(&mut partials.texts);
            for (name, result) in compiled {
                match result {
                    Ok(program) => {
                        texts.insert(name.to_owned(), Entry::Ready(Arc::new(program)));
                    }
                    Err(fault) => {
                        texts.insert(name.to_owned(), Entry::Broken);
                        faults.push((name.to_owned(), fault));
                    }
                }
            }
            if waiting.is_empty() || depth == DEEPEST {
                break;
            }
        }
        for (name, _, includes) in &waiting {
            let circle = circle(name, &waiting);
            let message = match circle {
                Some(circle) => format!("partials include each other: {circle}"),
                None => format!("partials are nested more than {DEEPEST} deep, or include one that is in a circle"),
            };
            let fault = Fault::error("template::partial", message)
                .help(format!("take one of its partials out: {}", includes.join(", ")));
            faults.push(((*name).to_owned(), fault));
            Arc::make_mut(&mut partials.texts).insert((*name).to_owned(), Entry::Broken);
        }
        (partials, faults)
    }

    /// The names that `{{> name}}` finds.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// The text partial of this name.
    pub(crate) fn text(&self, name: &str) -> Result<Arc<Program>, Unusable> {
        match self.texts.get(name) {
            Some(Entry::Ready(program)) => Ok(program.clone()),
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

/// `a -> b -> a`, if following what is included from `start` leads back to it.
fn circle(start: &str, waiting: &[(&str, &str, Vec<String>)]) -> Option<String> {
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
