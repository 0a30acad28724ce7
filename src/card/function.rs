//! Every function that a template may call, in one list: what it is called, what it means, an example that is tested.
//!
//! A function takes values and gives a value; it cannot write into the card. What it gives is made harmless where it
//! is printed, like any other value; only [`Markdown`] is printed as it is, and only `link`, `bold` and `mention` make
//! it, out of parts that were made harmless before.

mod compare;
mod date;
mod list;
pub(crate) mod markup;
mod number;
pub(crate) mod text;

use std::borrow::Cow;

use serde_json::Value;

use crate::audience::Mention;
use crate::card::evaluate::in_words;
use crate::card::scope::Frame;
use crate::card::syntax::{Call, Expression};
use crate::card::warning::Warnings;

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
    /// Values it takes by name.
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

const fn example(template: &'static str, event: &'static str, result: &'static str) -> Example {
    Example {
        template,
        event,
        result,
    }
}

/// A function without special wishes; the list below changes what differs.
const PLAIN: Function = Function {
    name: "",
    signature: "",
    meaning: "",
    example: example("", "{}", ""),
    arguments: (1, 1),
    named: &[],
    takes_missing: false,
    reads_recipient: false,
    check: |_| None,
    run: |_| Ok(Datum::Missing),
};

static FUNCTIONS: &[Function] = &[
    Function {
        name: "date",
        signature: "date TIME [FORMAT] [zone=ZONE]",
        meaning: "A moment in the recipient's time zone. FORMAT is `short` (as without one), `long`, `day`, `time`, \
                  `relative`, or a pattern such as `%d.%m.%Y %H:%M`. TIME is a date as text, or seconds or \
                  milliseconds since 1970.",
        example: example(
            "{{date event.at \"long\"}}",
            r#"{"at": "2026-03-07T10:30:00Z"}"#,
            "Saturday, 7 March 2026 at 11:30 CET",
        ),
        arguments: (1, 2),
        named: &["zone"],
        reads_recipient: true,
        check: date::check,
        run: date::date,
        ..PLAIN
    },
    Function {
        name: "plural",
        signature: "plural NUMBER ONE [MANY]",
        meaning: "The number and its noun. Without MANY, an `s` is added. A list counts as its length.",
        example: example(
            "{{plural event.alerts \"alert\"}}",
            r#"{"alerts": [1, 2, 3]}"#,
            "3 alerts",
        ),
        arguments: (2, 3),
        run: number::plural,
        ..PLAIN
    },
    Function {
        name: "number",
        signature: "number VALUE [DECIMALS]",
        meaning: "A number with its thousands set apart, and so many digits after the point.",
        example: example("{{number event.bytes}}", r#"{"bytes": 1234567}"#, "1,234,567"),
        arguments: (1, 2),
        run: number::number,
        ..PLAIN
    },
    Function {
        name: "truncate",
        signature: "truncate TEXT LENGTH",
        meaning: "The text, cut to LENGTH characters with `…` at its end if it is longer.",
        example: example(
            "{{truncate event.title 12}}",
            r#"{"title": "A rather long title"}"#,
            "A rather lo…",
        ),
        arguments: (2, 2),
        run: text::truncate,
        ..PLAIN
    },
    Function {
        name: "lines",
        signature: "lines TEXT COUNT",
        meaning: "The first COUNT lines of a text.",
        example: example(
            "{{lines event.message 1}}",
            r#"{"message": "Repair the build\n\nIt was broken."}"#,
            "Repair the build",
        ),
        arguments: (2, 2),
        run: text::lines,
        ..PLAIN
    },
    Function {
        name: "upper",
        signature: "upper TEXT",
        meaning: "The text in capitals.",
        example: example("{{upper event.state}}", r#"{"state": "failed"}"#, "FAILED"),
        run: text::upper,
        ..PLAIN
    },
    Function {
        name: "lower",
        signature: "lower TEXT",
        meaning: "The text in small letters.",
        example: example("{{lower event.state}}", r#"{"state": "FAILED"}"#, "failed"),
        run: text::lower,
        ..PLAIN
    },
    Function {
        name: "capitalize",
        signature: "capitalize TEXT",
        meaning: "The text with its first letter a capital; the rest stays.",
        example: example("{{capitalize event.state}}", r#"{"state": "failed"}"#, "Failed"),
        run: text::capitalize,
        ..PLAIN
    },
    Function {
        name: "replace",
        signature: "replace TEXT OLD NEW",
        meaning: "The text with every OLD made NEW.",
        example: example(
            "{{replace event.branch \"refs/heads/\" \"\"}}",
            r#"{"branch": "refs/heads/main"}"#,
            "main",
        ),
        arguments: (3, 3),
        run: text::replace,
        ..PLAIN
    },
    Function {
        name: "basename",
        signature: "basename PATH",
        meaning: "What stands after the last `/` or `\\`.",
        example: example(
            "{{basename event.path}}",
            r#"{"path": "prices/2026/march.csv"}"#,
            "march.csv",
        ),
        run: text::basename,
        ..PLAIN
    },
    Function {
        name: "url_encode",
        signature: "url_encode TEXT",
        meaning: "The text as one part of an address: spaces, `/`, `&` and so on become `%20`, `%2F`, `%26`.",
        example: example("{{url_encode event.query}}", r#"{"query": "a b/c"}"#, "a%20b%2Fc"),
        run: text::url_encode,
        ..PLAIN
    },
    Function {
        name: "json",
        signature: "json VALUE",
        meaning: "Any value as JSON text.",
        example: example("{{json event.user}}", r#"{"user": {"id": 7}}"#, r#"{"id":7}"#),
        run: text::json,
        ..PLAIN
    },
    Function {
        name: "default",
        signature: "default VALUE OTHER",
        meaning: "The value, or OTHER when it is missing, null or empty.",
        example: example("{{default event.owner \"nobody\"}}", "{}", "nobody"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::default,
        ..PLAIN
    },
    Function {
        name: "count",
        signature: "count LIST",
        meaning: "How many items a list has, fields an object, characters a text.",
        example: example("{{count event.alerts}}", r#"{"alerts": [1, 2, 3]}"#, "3"),
        run: list::count,
        ..PLAIN
    },
    Function {
        name: "first",
        signature: "first LIST",
        meaning: "The first item of a list.",
        example: example("{{first event.labels}}", r#"{"labels": ["bug", "ui"]}"#, "bug"),
        run: list::first,
        ..PLAIN
    },
    Function {
        name: "last",
        signature: "last LIST",
        meaning: "The last item of a list.",
        example: example("{{last event.labels}}", r#"{"labels": ["bug", "ui"]}"#, "ui"),
        run: list::last,
        ..PLAIN
    },
    Function {
        name: "join",
        signature: "join LIST [SEPARATOR] [field=NAME]",
        meaning: "The items of a list as one text, with `, ` or SEPARATOR between them; `field` takes one field of \
                  each item.",
        example: example(
            "{{join event.labels \" / \" field=\"name\"}}",
            r#"{"labels": [{"name": "bug"}, {"name": "ui"}]}"#,
            "bug / ui",
        ),
        arguments: (1, 2),
        named: &["field"],
        run: list::join,
        ..PLAIN
    },
    Function {
        name: "lookup",
        signature: "lookup VALUE NAME",
        meaning: "The field or item whose name or place (from 0) is itself a value.",
        example: example(
            "{{lookup event.owners event.team}}",
            r#"{"owners": {"web": "Anna"}, "team": "web"}"#,
            "Anna",
        ),
        arguments: (2, 2),
        run: list::lookup,
        ..PLAIN
    },
    Function {
        name: "eq",
        signature: "eq A B",
        meaning: "Whether both are the same. `5` and `\"5\"` are.",
        example: example(
            "{{#if (eq event.state \"failed\")}}red{{else}}green{{/if}}",
            r#"{"state": "failed"}"#,
            "red",
        ),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::eq,
        ..PLAIN
    },
    Function {
        name: "ne",
        signature: "ne A B",
        meaning: "Whether they differ.",
        example: example("{{#if (ne event.a 1)}}other{{/if}}", r#"{"a": 2}"#, "other"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::ne,
        ..PLAIN
    },
    Function {
        name: "gt",
        signature: "gt A B",
        meaning: "Whether A is more than B: numbers by size, anything else in the order of its text.",
        example: example("{{#if (gt event.cpu 90)}}hot{{/if}}", r#"{"cpu": 97.5}"#, "hot"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::gt,
        ..PLAIN
    },
    Function {
        name: "ge",
        signature: "ge A B",
        meaning: "Whether A is B or more.",
        example: example("{{#if (ge event.cpu 90)}}hot{{/if}}", r#"{"cpu": 90}"#, "hot"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::ge,
        ..PLAIN
    },
    Function {
        name: "lt",
        signature: "lt A B",
        meaning: "Whether A is less than B.",
        example: example("{{#if (lt event.free 10)}}low{{/if}}", r#"{"free": "9"}"#, "low"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::lt,
        ..PLAIN
    },
    Function {
        name: "le",
        signature: "le A B",
        meaning: "Whether A is B or less.",
        example: example("{{#if (le event.free 10)}}low{{/if}}", r#"{"free": 10}"#, "low"),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::le,
        ..PLAIN
    },
    Function {
        name: "and",
        signature: "and A B ...",
        meaning: "The last value if all are there and not empty, zero or false; else the first that is not.",
        example: example(
            "{{#if (and event.a event.b)}}both{{/if}}",
            r#"{"a": 1, "b": true}"#,
            "both",
        ),
        arguments: (2, 16),
        takes_missing: true,
        run: compare::and,
        ..PLAIN
    },
    Function {
        name: "or",
        signature: "or A B ...",
        meaning: "The first value that is there and not empty, zero or false.",
        example: example(
            "{{or event.name event.login \"somebody\"}}",
            r#"{"login": "anna-b"}"#,
            "anna-b",
        ),
        arguments: (2, 16),
        takes_missing: true,
        run: compare::or,
        ..PLAIN
    },
    Function {
        name: "not",
        signature: "not A",
        meaning: "Whether it is missing, empty, zero or false.",
        example: example("{{#if (not event.draft)}}ready{{/if}}", r#"{"draft": false}"#, "ready"),
        takes_missing: true,
        run: compare::not,
        ..PLAIN
    },
    Function {
        name: "contains",
        signature: "contains WHERE WHAT",
        meaning: "Whether a text holds a text, a list an item, an object a field.",
        example: example(
            "{{#if (contains event.labels \"urgent\")}}now{{/if}}",
            r#"{"labels": ["ui", "urgent"]}"#,
            "now",
        ),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::contains,
        ..PLAIN
    },
    Function {
        name: "starts_with",
        signature: "starts_with TEXT START",
        meaning: "Whether a text begins so.",
        example: example(
            "{{#if (starts_with event.branch \"release/\")}}release{{/if}}",
            r#"{"branch": "release/1.4"}"#,
            "release",
        ),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::starts_with,
        ..PLAIN
    },
    Function {
        name: "ends_with",
        signature: "ends_with TEXT END",
        meaning: "Whether a text ends so.",
        example: example(
            "{{#if (ends_with event.name \".csv\")}}table{{/if}}",
            r#"{"name": "a.csv"}"#,
            "table",
        ),
        arguments: (2, 2),
        takes_missing: true,
        run: compare::ends_with,
        ..PLAIN
    },
    Function {
        name: "link",
        signature: "link TEXT ADDRESS",
        meaning: "A link, if the address begins with https, http, mailto or msteams; else the text alone.",
        example: example(
            "{{link event.title event.url}}",
            r#"{"title": "Run 7", "url": "https://ci.example/7"}"#,
            "[Run 7](https://ci.example/7)",
        ),
        arguments: (2, 2),
        run: markup::link,
        ..PLAIN
    },
    Function {
        name: "bold",
        signature: "bold TEXT",
        meaning: "The text in bold.",
        example: example(
            "{{bold event.title}}",
            r#"{"title": "Deploy failed"}"#,
            "**Deploy failed**",
        ),
        run: markup::bold,
        ..PLAIN
    },
    Function {
        name: "mention",
        signature: "mention PERSON",
        meaning: "Mentions somebody: an object with `name` and one of `id`, `aad_object_id`, `user_principal_name`, \
                  `email`.",
        example: example(
            "{{mention event.author}}",
            r#"{"author": {"name": "Anna Berg", "email": "anna.berg@contoso.example"}}"#,
            "<at>Anna Berg</at>",
        ),
        run: markup::mention,
        ..PLAIN
    },
];

/// All functions, in the order of the documentation.
pub fn names() -> &'static [Function] {
    FUNCTIONS
}

/// The function of this name.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
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
        let unknown = call.named.iter().find(|(name, _)| !self.named.contains(&name.as_str()));
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
fn written(call: &Call, at: usize) -> Option<&str> {
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

    /// What handling it once costs: one step for each value in it and for each 64 bytes.
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

fn weight(value: &Value) -> usize {
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
            });
            let text = Text::compile(function.example.template, &Partials::none())
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
