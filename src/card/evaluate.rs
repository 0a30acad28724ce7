//! Fills the holes of a text. Bounded in steps and in output, whatever the template and the payload; it never fails:
//! what cannot be shown is shown as `–`, with a warning.

use std::borrow::Cow;

use serde_json::Value;

use crate::card::escape::{self, Dialect};
use crate::card::function::{Arguments, Datum, Markdown, weight};
use crate::card::hole::{Hole, Quotes, mark};
use crate::card::localised::{COUNT, Localised};
use crate::card::path::Path;
use crate::card::scope::{Frame, Locals};
use crate::card::syntax::{Call, Expression, Node};
use crate::card::warning::Warnings;
use crate::roster::Mention;

/// What a missing field looks like to people.
pub(crate) const MISSING: &str = "–";
/// Items of one list that are looked at.
pub(crate) const MOST_ITEMS: usize = 1_000;
/// Work for one message; a step is a node, or some hundred bytes handled by a function.
const STEPS: usize = 200_000;
/// Bytes one text may come to.
const LONGEST_OUTPUT: usize = 128 * 1024;
/// Bytes all texts of one message may come to.
const OUTPUT: usize = 1024 * 1024;
/// Characters of an object or list that is shown as such.
const LONGEST_STRUCTURE: usize = 200;

/// Work that may still be done.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    steps: usize,
    output: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps: STEPS,
            output: OUTPUT,
        }
    }
}

impl Budget {
    /// Takes `steps` away; false when they were not there any more.
    pub(crate) fn spend(&mut self, steps: usize) -> bool {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                true
            }
            None => {
                self.steps = 0;
                false
            }
        }
    }

    /// Pays for a copy of `value`; false when there is no room for it any more.
    pub(crate) fn keep(&mut self, value: &Value) -> bool {
        self.spend(weight(value))
    }
}

/// For whom a text is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A machine, or a place without Markdown: data as it is; a missing field is nothing.
    Plain,
    /// A label for people without Markdown: one line; a missing field is `–`.
    Label,
    /// People, through Markdown: data cannot be taken for markup; a missing field is `–`.
    Shown(Dialect),
    /// The text of a JSON document: values are kept aside and their places marked.
    Holes,
}

/// What a filling gives besides its text.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub seen: Warnings,
    pub budget: Budget,
    pub mentions: Vec<Mention>,
    /// Paths already complained about: looking for what is near costs time.
    missed: Vec<String>,
}

impl Gathered {
    /// Hands the warnings on.
    pub(crate) fn give(self, seen: &mut Warnings) {
        for sentence in self.seen.iter() {
            seen.add(sentence);
        }
    }

    fn miss(&mut self, path: &Path, frame: &Frame<'_>) {
        if self.missed.len() < Warnings::MOST && !self.missed.contains(&path.written) {
            self.missed.push(path.written.clone());
            self.seen.add(frame.explain(path));
        }
    }
}

/// One filling of one text.
pub(crate) struct Evaluator<'g> {
    gathered: &'g mut Gathered,
    style: Style,
    out: String,
    holes: Vec<Hole>,
    quotes: Quotes,
    full: bool,
}

impl<'g> Evaluator<'g> {
    pub(crate) fn new(style: Style, gathered: &'g mut Gathered) -> Self {
        Self {
            gathered,
            style,
            out: String::new(),
            holes: Vec::new(),
            quotes: Quotes::default(),
            full: false,
        }
    }

    /// The text of `nodes`.
    pub(crate) fn text(mut self, nodes: &[Node], frame: &Frame<'_>) -> String {
        self.nodes(nodes, frame);
        self.out
    }

    /// The text of `nodes` with marks, and the values for the marks.
    pub(crate) fn holes(mut self, nodes: &[Node], frame: &Frame<'_>) -> (String, Vec<Hole>) {
        self.nodes(nodes, frame);
        (self.out, self.holes)
    }

    fn nodes(&mut self, nodes: &[Node], frame: &Frame<'_>) {
        for node in nodes {
            if self.full || !self.spend(1) {
                return;
            }
            self.node(node, frame);
        }
    }

    fn node(&mut self, node: &Node, frame: &Frame<'_>) {
        match node {
            Node::Raw { text, .. } => self.write(text),
            Node::Print { expression, raw } => {
                let datum = self.expression(expression, frame, Lack::Warns);
                self.print(datum, *raw, expression);
            }
            Node::If { test, then, otherwise } => {
                let holds = self.expression(test, frame, Lack::IsFine).is_truthy();
                self.nodes(if holds { then } else { otherwise }, frame);
            }
            Node::Each {
                list,
                names,
                body,
                otherwise,
            } => self.each(list, names, body, otherwise, frame),
            Node::With {
                value,
                names,
                body,
                otherwise,
            } => {
                let datum = self.expression(value, frame, Lack::IsFine);
                if datum.is_truthy() {
                    let value = datum.into_value();
                    let mut inner = frame.inner(&value);
                    if let Some(name) = names.first() {
                        inner = inner.with_name(name, &value);
                    }
                    self.nodes(body, &inner);
                } else {
                    self.nodes(otherwise, frame);
                }
            }
            Node::Partial {
                program,
                context,
                named,
                ..
            } => {
                let context = context
                    .as_ref()
                    .map(|context| self.expression(context, frame, Lack::Warns).into_value());
                let named: Vec<(&str, Cow<'_, Value>)> = named
                    .iter()
                    .map(|(name, value)| (name.as_str(), self.expression(value, frame, Lack::IsFine).into_value()))
                    .collect();
                if context.is_none() && named.is_empty() {
                    return self.nodes(&program.nodes, frame);
                }
                let mut inner = frame.inner(context.as_deref().unwrap_or(frame.this()));
                for (name, value) in &named {
                    inner = inner.with_name(name, value);
                }
                self.nodes(&program.nodes, &inner);
            }
        }
    }

    fn each(&mut self, list: &Expression, names: &[String], body: &[Node], otherwise: &[Node], frame: &Frame<'_>) {
        let list = self.expression(list, frame, Lack::IsFine).into_value();
        let items: Vec<(Option<&str>, &Value)> = match &*list {
            Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
            Value::Object(fields) => fields.iter().map(|(key, value)| (Some(key.as_str()), value)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        };
        if items.is_empty() {
            return self.nodes(otherwise, frame);
        }
        let count = items.len();
        self.spend(count / 64);
        for (index, (key, item)) in items.into_iter().enumerate() {
            if index == MOST_ITEMS {
                let sentence = format!("a list has {count} items; the first {MOST_ITEMS} are shown");
                return self.gathered.seen.add(sentence);
            }
            if self.full || !self.spend(1) {
                return;
            }
            let locals = Locals::new(index, count, key);
            let second = if key.is_some() { locals.key() } else { locals.index() }.clone();
            let mut inner = frame.inner(item).with_locals(locals);
            if let Some(name) = names.first() {
                inner = inner.with_name(name, item);
            }
            if let Some(name) = names.get(1) {
                inner = inner.with_name(name, &second);
            }
            self.nodes(body, &inner);
        }
    }

    /// What `expression` comes to.
    pub(crate) fn expression<'v>(
        &mut self,
        expression: &'v Expression,
        frame: &'v Frame<'v>,
        lack: Lack,
    ) -> Datum<'v> {
        match expression {
            Expression::Literal(value) => Datum::Value(Cow::Borrowed(value)),
            Expression::Path(path) => match frame.find(path) {
                Some(value) => Datum::Value(Cow::Borrowed(value)),
                None => {
                    if lack == Lack::Warns {
                        self.gathered.miss(path, frame);
                    }
                    Datum::Missing
                }
            },
            Expression::Call(call) => self.call(call, frame, lack),
        }
    }

    fn call<'v>(&mut self, call: &'v Call, frame: &'v Frame<'v>, lack: Lack) -> Datum<'v> {
        let lack = if call.function.takes_missing {
            Lack::IsFine
        } else {
            lack
        };
        let mut values = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            values.push(self.expression(argument, frame, lack));
        }
        let named: Vec<(&str, Datum<'v>)> = call
            .named
            .iter()
            .map(|(name, value)| (name.as_str(), self.expression(value, frame, Lack::IsFine)))
            .collect();
        if let Some(text) = &call.text {
            return self.localised(text, &named, frame);
        }
        if !call.function.takes_missing && values.iter().any(Datum::is_lacking) {
            return Datum::Missing;
        }
        let weight: usize = values.iter().map(Datum::weight).sum();
        if !self.spend(1 + weight) {
            return Datum::Missing;
        }
        let mut arguments = Arguments {
            values,
            named,
            frame,
            mentions: &mut self.gathered.mentions,
            seen: &mut self.gathered.seen,
        };
        match (call.function.run)(&mut arguments) {
            Ok(datum) => datum,
            Err(complaint) => {
                self.gathered.seen.add(format!("`{}`: {complaint}", call.function.name));
                Datum::Missing
            }
        }
    }

    /// A text in the language of the reader. What fills its holes is made harmless there, as in any other text.
    fn localised<'v>(&mut self, text: &Localised, named: &[(&str, Datum<'v>)], frame: &Frame<'_>) -> Datum<'v> {
        let values: Vec<(&str, Value)> = named
            .iter()
            .map(|(name, datum)| (*name, datum.clone().into_value().into_owned()))
            .collect();
        let count = values
            .iter()
            .find(|(name, _)| *name == COUNT)
            .and_then(|(_, value)| number_of(value));
        let languages = frame.fixed(&["languages"]).and_then(Value::as_array);
        let languages: Vec<&str> = languages.into_iter().flatten().filter_map(Value::as_str).collect();
        let Some(program) = text.program(&languages, count) else {
            return Datum::Missing;
        };
        let how_many = count.map(Value::from);
        let mut inner = frame.inner(frame.this());
        for (name, value) in &values {
            // A list counts as its length.
            let value = if *name == COUNT {
                how_many.as_ref().unwrap_or(value)
            } else {
                value
            };
            inner = inner.with_name(name, value);
        }
        let plain = match self.style {
            Style::Label => Style::Label,
            Style::Plain | Style::Holes | Style::Shown(_) => Style::Plain,
        };
        let shown = match self.style {
            Style::Shown(dialect) => Style::Shown(dialect),
            Style::Plain | Style::Label | Style::Holes => Style::Shown(Dialect::Card),
        };
        let plain = Evaluator::new(plain, self.gathered).text(&program.nodes, &inner);
        let shown = Evaluator::new(shown, self.gathered).text(&program.nodes, &inner);
        Datum::Markdown(Markdown { shown, plain })
    }

    fn print(&mut self, datum: Datum<'_>, raw: bool, expression: &Expression) {
        if !self.spend(datum.weight()) {
            return;
        }
        if self.style == Style::Holes {
            return self.keep_aside(datum, raw, expression);
        }
        let value = match datum {
            Datum::Missing => Cow::Owned(Value::Null),
            Datum::Value(value) => value,
            Datum::Markdown(markdown) => {
                return match self.style {
                    Style::Shown(_) => self.write(&markdown.shown),
                    Style::Plain | Style::Label | Style::Holes => self.write(&markdown.plain),
                };
            }
        };
        let text = self.words(&value, expression);
        let Some(text) = text else {
            return match self.style {
                Style::Plain | Style::Holes => {}
                Style::Label | Style::Shown(_) => self.write(MISSING),
            };
        };
        let text = match self.style {
            Style::Plain | Style::Holes => escape::printable(&text).into_owned(),
            Style::Label => escape::one_line(&text),
            Style::Shown(_) if raw => escape::printable(&text).into_owned(),
            Style::Shown(dialect) => escape::neutral(&text, dialect, &self.out),
        };
        self.write(&text);
    }

    /// A value as people read it; none for nothing.
    fn words<'t>(&mut self, value: &'t Value, expression: &Expression) -> Option<Cow<'t, str>> {
        match value {
            Value::Null => None,
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
            Value::Array(_) | Value::Object(_) => {
                let (text, plain) = in_words(value);
                if let (false, Expression::Path(path)) = (plain, expression) {
                    let kind = if value.is_array() { "a list" } else { "an object" };
                    let field = value.as_object().and_then(|fields| fields.keys().next());
                    let example = field.map(|field| format!("; `{}.{field}` is one of its fields", path.written));
                    self.gathered.seen.add(format!(
                        "`{}` is {kind} and is shown as JSON{}",
                        path.written,
                        example.unwrap_or_default()
                    ));
                }
                Some(Cow::Owned(text))
            }
        }
    }

    fn keep_aside(&mut self, datum: Datum<'_>, raw: bool, expression: &Expression) {
        let written = match expression {
            Expression::Path(path) => path.written.clone(),
            Expression::Literal(value) => value.to_string(),
            Expression::Call(call) => call.function.name.to_owned(),
        };
        let (value, markdown) = match datum {
            Datum::Missing => (None, None),
            Datum::Value(value) => (Some(value.into_owned()), None),
            Datum::Markdown(markdown) => (Some(Value::String(markdown.plain)), Some(markdown.shown)),
        };
        let mark = mark(self.holes.len());
        self.holes.push(Hole {
            value,
            markdown,
            raw,
            written,
        });
        let quoted = self.quotes.are_open(&self.out);
        self.write(&if quoted { mark } else { format!("\"{mark}\"") });
    }

    fn write(&mut self, text: &str) {
        let room = LONGEST_OUTPUT
            .saturating_sub(self.out.len())
            .min(self.gathered.budget.output);
        if text.len() <= room {
            self.gathered.budget.output -= text.len();
            self.out.push_str(text);
            return;
        }
        let cut = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        self.out.push_str(&text[..cut]);
        self.out.push('…');
        self.gathered.budget.output -= cut;
        self.full = true;
        self.gathered
            .seen
            .add(format!("a text was cut at {} KiB", LONGEST_OUTPUT / 1024));
    }

    fn spend(&mut self, steps: usize) -> bool {
        let enough = self.gathered.budget.spend(steps);
        if !enough {
            self.gathered
                .seen
                .add("the template does too much with this event and was cut short");
        }
        enough
    }
}

/// A number from 0, a number written as text, or the length of a list.
fn number_of(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number
            .as_u64()
            .or_else(|| number.as_f64().map(|number| number.max(0.0) as u64)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Array(items) => Some(items.len() as u64),
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

/// Whether a missing value deserves a warning where it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    Warns,
    /// `{{#if x}}` and `{{default x "..."}}` ask whether it is there.
    IsFine,
}

/// A list or object as one line, and whether that came out readable: `[1, 2]` as `1, 2`, anything deeper as JSON.
pub(crate) fn in_words(value: &Value) -> (String, bool) {
    if let Value::Array(items) = value
        && items.iter().all(|item| !item.is_array() && !item.is_object())
    {
        let mut text = String::new();
        for item in items.iter().take(MOST_ITEMS) {
            if !text.is_empty() {
                text.push_str(", ");
            }
            match item {
                Value::String(item) => text.push_str(item),
                Value::Null => text.push_str(MISSING),
                other => text.push_str(&other.to_string()),
            }
        }
        return (text, true);
    }
    let text = value.to_string();
    match text.char_indices().nth(LONGEST_STRUCTURE) {
        Some((cut, _)) => (format!("{}…", &text[..cut]), false),
        None => (text, false),
    }
}
