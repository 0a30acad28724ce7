//! One text with Handlebars holes.
//!
//! Handlebars reads the text; `evaluate` fills it. The crate's own renderer is not used for that: it
//! copies the payload for every partial, stops a text at the first field asked of a list, loops as often as a payload
//! says and gives values away untyped. What an author writes means the same in both, which a test compares.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::card::escape::Dialect;
use crate::card::evaluate::{Evaluator, Gathered, Lack, Style};
use crate::card::function::Datum;
use crate::card::partial::Partials;
use crate::card::path::Start;
use crate::card::reach::Reach;
use crate::card::scope::{FIXED, Frame};
use crate::card::syntax::{self, Expression, Program};
use crate::diagnostic::Fault;

pub use crate::card::warning::Warnings;

/// A compiled text. Cheap to clone.
#[derive(Clone)]
pub struct Text {
    source: Arc<str>,
    program: Arc<Program>,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?})", self.source)
    }
}

impl Text {
    /// Compiles `source`.
    ///
    /// # Errors
    /// One fault, underlined within the text: it cannot be read, is too long or nested too deeply, calls a function
    /// or partial that does not exist, or calls one wrongly.
    pub fn compile(source: &str, partials: &Partials) -> Result<Text, Fault> {
        Ok(Text {
            source: Arc::from(source),
            program: Arc::new(syntax::compile(source, partials)?),
        })
    }

    /// What the author wrote.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text itself, when it has no hole.
    pub fn constant(&self) -> Option<&str> {
        self.program.constant()
    }

    /// The value: a text that is exactly one `{{expression}}` keeps the type of what it names, and nothing is made
    /// harmless. A missing field is null, with a warning.
    pub fn evaluate(&self, scope: &Value, seen: &mut Warnings) -> Value {
        let mut gathered = Gathered::default();
        let value = self.value_in(&Frame::root(scope), Style::Plain, &mut gathered);
        gathered.give(seen);
        value
    }

    /// The text for a machine (a target, a key, an address): data as it is. A missing field is empty, with a warning.
    pub fn plain(&self, scope: &Value, seen: &mut Warnings) -> String {
        self.in_style(Style::Plain, scope, seen)
    }

    /// The text for people, as Markdown of a card: data is neither link nor mention nor markup. A missing field is
    /// `–`, with a warning.
    pub fn shown(&self, scope: &Value, seen: &mut Warnings) -> String {
        self.in_style(Style::Shown(Dialect::Card), scope, seen)
    }

    /// Whether the text can depend on `root` (`recipient`, `event`, ...). Dates do on `recipient` and `now`.
    pub fn reads(&self, root: &str) -> bool {
        self.program.reach.reads(root)
    }

    /// Every path from the outside that it reads, as the author wrote it without `this.` and `@root.`:
    /// `event.repository.name`. Fields of list items are left out.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for (path, outside) in &self.program.reach.paths {
            let from_outside = match path.start {
                Start::Root => true,
                Start::Here(ups) => *outside && ups == 0,
                Start::Local(_) => false,
                Start::Anywhere => *outside || path.steps.first().is_some_and(|step| FIXED.contains(&step.as_str())),
            };
            let full = path.steps.join(".");
            if from_outside && !full.is_empty() && !paths.contains(&full) {
                paths.push(full);
            }
        }
        paths
    }

    fn in_style(&self, style: Style, scope: &Value, seen: &mut Warnings) -> String {
        let mut gathered = Gathered::default();
        let text = self.text_in(&Frame::root(scope), style, &mut gathered);
        gathered.give(seen);
        text
    }

    /// The text at a place.
    pub(crate) fn text_in(&self, frame: &Frame<'_>, style: Style, gathered: &mut Gathered) -> String {
        Evaluator::new(style, gathered).text(&self.program.nodes, frame)
    }

    /// The value at a place; a text that is not one expression is made in `style`.
    pub(crate) fn value_in(&self, frame: &Frame<'_>, style: Style, gathered: &mut Gathered) -> Value {
        match self.datum_in(frame, gathered) {
            Some(value) => value.into_owned(),
            None => Value::String(self.text_in(frame, style, gathered)),
        }
    }

    /// The value at a place, if the text is exactly one expression.
    pub(crate) fn datum_in<'v>(&'v self, frame: &'v Frame<'v>, gathered: &mut Gathered) -> Option<Cow<'v, Value>> {
        let expression: &Expression = self.program.single()?;
        let datum: Datum<'v> = Evaluator::new(Style::Plain, gathered).expression(expression, frame, Lack::Warns);
        Some(datum.into_value())
    }

    /// The same where the question is whether it is there: a missing field is no mistake.
    pub(crate) fn asked_in<'v>(&'v self, frame: &'v Frame<'v>, gathered: &mut Gathered) -> Option<Cow<'v, Value>> {
        let expression: &Expression = self.program.single()?;
        Some(
            Evaluator::new(Style::Plain, gathered)
                .expression(expression, frame, Lack::IsFine)
                .into_value(),
        )
    }

    /// What it can depend on.
    pub(crate) fn reach(&self) -> &Reach {
        &self.program.reach
    }

    /// Whether it is exactly one expression.
    pub(crate) fn is_single(&self) -> bool {
        self.program.single().is_some()
    }
}

#[cfg(test)]
mod tests;
