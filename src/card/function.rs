//! What a template may call. `catalogue.rs` lists every function with its meaning and an example that is tested.
//!
//! A function takes values and gives a value; it cannot write into the card. What it gives is made harmless where it
//! is printed, like any other value; only `Markdown` is printed as it is, and only `link`, `bold` and `mention` make
//! it, out of parts that were made harmless before.

mod catalogue;
mod compare;
pub(crate) mod date;
mod list;
pub(crate) mod markup;
mod number;
pub(crate) mod text;

use std::borrow::Cow;

use serde_json::Value;

use crate::card::evaluate::in_words;
use crate::card::scope::Frame;
use crate::card::syntax::{Call, Expression};
use crate::card::warning::Warnings;
use crate::roster::Mention;

/// A function, as the documentation shows it.
pub struct Function {
    /// What templates call it.
    pub name: &'static str,
    /// How it is written, optional parts in brackets.
    pub signature: &'static str,
    /// What it gives, in one or two sentences.
    pub meaning: &'static str,
    /// A use of it and what comes out.
    pub example: Example,
    /// Fewest and most values it takes.
    arguments: (usize, usize),
    /// Values it takes by name; `*` is any.
    named: &'static [&'static str],
    /// It has an answer for what is missing; of other functions a missing value makes a missing result.
    pub(crate) takes_missing: bool,
    /// What it gives depends on the recipient and on the time, although the template may name neither.
    pub(crate) reads_recipient: bool,
    /// Finds fault with values that the author wrote out.
    check: fn(&Call) -> Option<String>,
    pub(crate) run: for<'v, 'g> fn(&mut Arguments<'v, 'g>) -> Result<Datum<'v>, String>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A use of a function and what comes out.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The text of a template.
    pub template: &'static str,
    /// The event, as JSON.
    pub event: &'static str,
    /// What the text becomes in a card, for a recipient in Berlin on 7 March 2026 at noon.
    pub result: &'static str,
}

/// All functions, in the order of the documentation.
pub fn names() -> &'static [Function] {
    catalogue::FUNCTIONS
}

/// The function of this name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    names().iter().find(|function| function.name == name)
}

impl Function {
    /// What is wrong with how it is called, seen before there is any event.
    pub(crate) fn complaint(&self, call: &Call) -> Option<String> {
        let (fewest, most) = self.arguments;
        let given = call.arguments.len();
        if given < fewest || given > most {
            let wanted = if fewest == most {
                crate::card::scope::counted(fewest, "value")
            } else {
                format!("{fewest} to {most} values")
            };
            return Some(format!(
                "`{}` takes {wanted}, not {given}: `{}`",
                self.name, self.signature
            ));
        }
        let takes_any = self.named == ["*"];
        let unknown = call
            .named
            .iter()
            .find(|(name, _)| !takes_any && !self.named.contains(&name.as_str()));
        if let Some((name, _)) = unknown {
            return Some(format!(
                "`{}` takes nothing called `{name}`: `{}`",
                self.name, self.signature
            ));
        }
        (self.check)(call)
    }
}

/// The text that the author wrote for value `at` of a call, when it is written out.
pub(crate) fn written(call: &Call, at: usize) -> Option<&str> {
    match call.arguments.get(at) {
        Some(Expression::Literal(Value::String(text))) => Some(text),
        _ => None,
    }
}

/// What an expression came to.
#[derive(Debug, Clone)]
pub(crate) enum Datum<'v> {
    /// There is no such field.
    Missing,
    /// Data: made harmless where it is printed.
    Value(Cow<'v, Value>),
    /// Markup made by a function of harmless parts.
    Markdown(Markdown),
}

/// Markup, and the same for places that have none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Markdown {
    pub shown: String,
    pub plain: String,
}

impl<'v> Datum<'v> {
    fn owned(value: impl Into<Value>) -> Self {
        Datum::Value(Cow::Owned(value.into()))
    }

    /// Missing or null.
    pub(crate) fn is_lacking(&self) -> bool {
        match self {
            Datum::Missing => true,
            Datum::Value(value) => value.is_null(),
            Datum::Markdown(_) => false,
        }
    }

    /// Handlebars' idea of truth: false, 0, `""`, `[]`, `{}`, null and what is missing are false.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            Datum::Missing => false,
            Datum::Value(value) => is_truthy(value),
            Datum::Markdown(markdown) => !markdown.plain.is_empty(),
        }
    }

    /// What handling it once costs.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Datum::Missing => 0,
            Datum::Value(value) => weight(value),
            Datum::Markdown(markdown) => markdown.shown.len() / 64,
        }
    }

    /// As a value; what is missing is null.
    pub(crate) fn into_value(self) -> Cow<'v, Value> {
        match self {
            Datum::Missing => Cow::Owned(Value::Null),
            Datum::Value(value) => value,
            Datum::Markdown(markdown) => Cow::Owned(Value::String(markdown.plain)),
        }
    }

    /// As text; nothing is an empty text.
    fn text(&self) -> Cow<'_, str> {
        match self {
            Datum::Missing => Cow::Borrowed(""),
            Datum::Markdown(markdown) => Cow::Borrowed(&markdown.plain),
            Datum::Value(value) => match value.as_ref() {
                Value::Null => Cow::Borrowed(""),
                Value::String(text) => Cow::Borrowed(text),
                other => Cow::Owned(scalar_text(other)),
            },
        }
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => in_words(value).0,
    }
}

/// Handlebars' idea of truth.
pub(crate) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64().is_none_or(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// What handling a value once costs: one step for each value in it and for each 64 bytes.
pub(crate) fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(text) => text.len() / 64,
        Value::Array(items) => items.iter().map(|item| 1 + weight(item)).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| 1 + key.len() / 64 + weight(value))
            .sum(),
    }
}

/// What a function is given.
pub(crate) struct Arguments<'v, 'g> {
    /// Values by place.
    pub values: Vec<Datum<'v>>,
    /// Values by name.
    pub named: Vec<(&'v str, Datum<'v>)>,
    /// Where it is called, for `now` and the recipient's zone.
    pub frame: &'v Frame<'v>,
    /// Where to leave a person to be mentioned.
    pub mentions: &'g mut Vec<Mention>,
    /// Where to leave a warning.
    pub seen: &'g mut Warnings,
}

impl<'v> Arguments<'v, '_> {
    /// Value `at`; missing when not given.
    fn datum(&self, at: usize) -> &Datum<'v> {
        self.values.get(at).unwrap_or(&Datum::Missing)
    }

    /// Value `at`, taken.
    fn take(&mut self, at: usize) -> Datum<'v> {
        self.values
            .get_mut(at)
            .map_or(Datum::Missing, |datum| std::mem::replace(datum, Datum::Missing))
    }

    /// Value `at` as text.
    fn text(&self, at: usize) -> Cow<'_, str> {
        self.datum(at).text()
    }

    /// Value `at` as a whole number from 0.
    fn size(&self, at: usize, what: &str) -> Result<usize, String> {
        let text = self.text(at);
        let number = text
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|number| (0.0..=1e9).contains(number));
        // Within the bounds just checked.
        number
            .map(|number| number as usize)
            .ok_or_else(|| format!("{what} must be a number from 0, not `{}`", cut(&text)))
    }

    /// The value called `name`.
    fn named(&self, name: &str) -> Option<&Datum<'v>> {
        self.named
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, datum)| datum)
    }
}

/// The beginning of a text from an event, for warnings.
fn cut(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::card::localised::Texts;
    use crate::card::template::Partials;
    use crate::card::text::Text;

    #[test]
    fn every_function_does_what_its_example_says() {
        for function in names() {
            let event: Value = serde_json::from_str(function.example.event).expect("the example's event is JSON");
            let scope = json!({
                "event": event,
                "recipient": { "name": "Anna", "time_zone": "Europe/Berlin" },
                "now": "2026-03-07T11:00:00Z",
                "languages": [if function.name == "text" { "de" } else { "en" }],
            });
            let german = json!({ "deploy.failed": { "one": "Ein Deploy scheiterte", "other": "{{count}} Deploys scheiterten" } });
            let sources = [("de".to_owned(), german.as_object().expect("a mapping").clone())];
            let (texts, _) = Texts::compile(&sources.into_iter().collect());
            let text = Text::compile(function.example.template, &Partials::none().with_texts(texts))
                .unwrap_or_else(|fault| panic!("{}: {}", function.name, fault.message));
            let mut seen = Warnings::new();
            assert_eq!(
                text.shown(&scope, &mut seen),
                function.example.result,
                "{}",
                function.name
            );
            assert!(seen.is_empty(), "{}: {seen:?}", function.name);
        }
    }

    #[test]
    fn no_two_functions_have_one_name_and_none_is_undocumented() {
        for (at, function) in names().iter().enumerate() {
            assert!(function.signature.starts_with(function.name), "{}", function.name);
            assert!(function.meaning.len() > 10, "{}", function.name);
            assert!(names().iter().skip(at + 1).all(|other| other.name != function.name));
        }
    }
}
