//! Templates: cards with holes, one per file of `templates/`.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::card::document::{self, Document};
use crate::card::evaluate::Gathered;
use crate::card::fit;
use crate::card::json_text::{self, JsonText};
use crate::card::place::Within;
use crate::card::profile;
use crate::card::reach::Reach;
use crate::card::scope::Frame;
use crate::diagnostic::{Fault, Severity};

pub use crate::card::partial::Partials;

/// A compiled template. Cheap to clone.
#[derive(Clone)]
pub struct Template {
    name: Arc<str>,
    body: Arc<Body>,
}

enum Body {
    Document(Document),
    JsonText(JsonText),
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({})", self.name)
    }
}

impl Template {
    /// Compiles a structured template: an Adaptive Card as parsed YAML or JSON, Handlebars in its strings. The paths
    /// of faults lead into the document. Beside the template stand its warnings.
    ///
    /// # Errors
    /// All faults of the document, warnings included: texts that cannot be compiled, unknown functions and partials,
    /// elements that Teams does not show, a version above 1.5.
    pub fn from_document(
        name: &str,
        document: &Value,
        partials: &Partials,
    ) -> Result<(Template, Vec<Fault>), Vec<Fault>> {
        let (compiled, mut faults) = document::compile(document, Within::TOP, partials);
        match document {
            Value::Object(_) => faults.extend(profile::check(document)),
            Value::Array(_) => faults.push(
                Fault::error("card::body", "a template is one card, not a list of elements")
                    .help("put the elements under `body:`, with `type: AdaptiveCard` above"),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                faults.push(Fault::error(
                    "card::body",
                    "a template is a card: `type: AdaptiveCard` and a `body:`",
                ));
            }
        }
        let size = fit::size(document);
        if size > fit::PORTABLE {
            let message = format!("the template takes {} KB before anything is filled in", size / 1_000);
            let fault = if size > fit::LIMIT {
                Fault::error
            } else {
                Fault::warning
            };
            let help = format!(
                "Teams takes {} KB from a bot, {} KB by any other way; leave something out",
                fit::LIMIT / 1_000,
                fit::PORTABLE / 1_000
            );
            faults.push(fault("card::size", message).help(help));
        }
        Self::judged(name, Some(Body::Document(compiled)), faults)
    }

    /// Compiles a `.hbs` template: the JSON of an Adaptive Card as one text, with blocks such as `{{#each}}` around
    /// its elements. It is tried out with imagined events, so that a forgotten comma is found here.
    ///
    /// # Errors
    /// All faults of the text, warnings included; places are bytes within it.
    pub fn from_text(name: &str, source: &str, partials: &Partials) -> Result<(Template, Vec<Fault>), Vec<Fault>> {
        let (compiled, faults) = json_text::compile(source, partials);
        Self::judged(name, compiled.map(Body::JsonText), faults)
    }

    fn judged(name: &str, body: Option<Body>, faults: Vec<Fault>) -> Result<(Template, Vec<Fault>), Vec<Fault>> {
        match body {
            Some(body) if faults.iter().all(|fault| fault.severity == Severity::Warning) => {
                let template = Template {
                    name: Arc::from(name),
                    body: Arc::new(body),
                };
                Ok((template, faults))
            }
            _ => Err(faults),
        }
    }

    /// The file's name without its ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the card can depend on `root` (`recipient`, `event`, ...).
    pub fn reads(&self, root: &str) -> bool {
        self.reach().reads(root)
    }

    pub(crate) fn reach(&self) -> &Reach {
        match &*self.body {
            Body::Document(document) => &document.reach,
            Body::JsonText(text) => text.reach(),
        }
    }

    /// The card, before it is tidied and fitted.
    ///
    /// # Errors
    /// A sentence: with this event there is no card.
    pub(crate) fn render(&self, frame: &Frame<'_>, gathered: &mut Gathered) -> Result<Value, String> {
        match &*self.body {
            Body::Document(document) => document
                .render(frame, gathered)
                .ok_or_else(|| format!("with this event nothing is left of template `{}`", self.name)),
            Body::JsonText(text) => text
                .render(frame, gathered)
                .map_err(|sentence| format!("template `{}`: {sentence}", self.name)),
        }
    }
}
