//! What a line of `if:` expects of a field, and whether a value meets it.
//!
//! Nothing is converted silently. `is`, a list and `is_not` compare values of one sort: the text `"3"` is not the
//! number 3, and the verdict says so. Texts are compared with case. Whole and broken numbers are one sort: 1 is 1.0.
//! The four words of order compare numbers or times; there a text that is a number is read as one, because it could
//! mean nothing else, and the verdict says that too.

use std::cmp::Ordering;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use regex::Regex;
use serde_json::{Number, Value};

use crate::diagnostic::{Fault, did_you_mean};
use crate::rule::expression::guard;
use crate::rule::field::kind;

/// Every word that can stand behind a field, with what it means.
pub const WORDS: [(&str, &str); 10] = [
    ("is_not", "the value is not this; with a list, none of these"),
    (
        "contains",
        "a text has this in it, or a list has this item; with a list, any of these",
    ),
    (
        "starts_with",
        "the text begins with this; with a list, with any of these",
    ),
    ("ends_with", "the text ends with this; with a list, with any of these"),
    ("matches", "the regular expression finds something in the text"),
    ("at_least", "the number is this or larger, the time this or later"),
    ("at_most", "the number is this or smaller, the time this or earlier"),
    ("more_than", "the number is larger, the time later"),
    ("less_than", "the number is smaller, the time earlier"),
    (
        "exists",
        "with `true`: the field is there and not null; with `false`: it is not",
    ),
];

/// What people write who know another language.
const SYNONYMS: [(&str, &str); 20] = [
    ("not", "is_not"),
    ("ne", "is_not"),
    ("not_in", "is_not"),
    ("!=", "is_not"),
    ("includes", "contains"),
    ("has", "contains"),
    ("like", "contains"),
    ("begins_with", "starts_with"),
    ("prefix", "starts_with"),
    ("suffix", "ends_with"),
    ("regex", "matches"),
    ("gte", "at_least"),
    (">=", "at_least"),
    ("min", "at_least"),
    ("lte", "at_most"),
    ("<=", "at_most"),
    ("max", "at_most"),
    ("gt", "more_than"),
    (">", "more_than"),
    ("lt", "less_than"),
];

/// How much of a text `matches` looks at, in bytes: patterns are the one comparison that costs more than reading.
pub const MATCHED_BYTES: usize = 32 * 1024;

/// How many values a list of expected ones may have.
const MOST_VALUES: usize = 1_000;

/// What is expected of a field.
#[derive(Debug, Clone)]
pub enum Comparison {
    /// The value is one of these.
    Is(Vec<Value>),
    /// The value is none of these.
    IsNot(Vec<Value>),
    /// The text or list contains one of these.
    Contains(Vec<Value>),
    /// The text begins with one of these.
    StartsWith(Vec<String>),
    /// The text ends with one of these.
    EndsWith(Vec<String>),
    /// The pattern is found in the text.
    Matches(Regex),
    /// The number or time is on this side of the bound.
    Ordered(Order, Bound),
    /// The field is there and not null; or is not.
    Exists(bool),
}

/// On which side of a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    MoreThan,
    /// `<`
    LessThan,
}

/// What a number or time is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// A number.
    Number(Number),
    /// An instant; a date without a time is its first moment in UTC.
    Time(DateTime<FixedOffset>, String),
}

/// Whether a value met a comparison, and what to know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// It did.
    pub holds: bool,
    /// Something the author may not expect: sorts differ, a text was read as a number.
    pub note: Option<String>,
}

impl Comparison {
    /// A plain value or a list of them.
    ///
    /// # Errors
    /// An empty list, or something in it that is neither text, number, `true`, `false` nor null.
    pub fn is(value: &Value) -> Result<Comparison, Fault> {
        values(value).map(Comparison::Is)
    }

    /// An operator word and its value.
    ///
    /// # Errors
    /// An unknown word with the one that was meant, or a value of the wrong sort.
    pub fn word(word: &str, value: &Value) -> Result<Comparison, Fault> {
        match word {
            "is_not" => values(value).map(Comparison::IsNot),
            "contains" => values(value).map(Comparison::Contains),
            "starts_with" => texts(value).map(Comparison::StartsWith),
            "ends_with" => texts(value).map(Comparison::EndsWith),
            "matches" => match value {
                Value::String(pattern) => guard::regex(pattern)
                    .map(Comparison::Matches)
                    .map_err(|reason| Fault::error("condition::regex", reason)),
                other => Err(fault(format!(
                    "`matches` needs a regular expression in quotes, not {}",
                    kind(other)
                ))),
            },
            "at_least" => bound(value).map(|bound| Comparison::Ordered(Order::AtLeast, bound)),
            "at_most" => bound(value).map(|bound| Comparison::Ordered(Order::AtMost, bound)),
            "more_than" => bound(value).map(|bound| Comparison::Ordered(Order::MoreThan, bound)),
            "less_than" => bound(value).map(|bound| Comparison::Ordered(Order::LessThan, bound)),
            "exists" => match value {
                Value::Bool(there) => Ok(Comparison::Exists(*there)),
                other => Err(fault(format!("`exists` is `true` or `false`, not {}", kind(other)))),
            },
            _ => Err(unknown(word)),
        }
    }

    /// What is expected, in words: `one of "failure", "error"`.
    pub fn expected(&self) -> String {
        match self {
            Comparison::Is(values) => either("", "one of ", values.iter().map(shown)),
            Comparison::IsNot(values) => either("not ", "none of ", values.iter().map(shown)),
            Comparison::Contains(values) => either("contains ", "contains one of ", values.iter().map(shown)),
            Comparison::StartsWith(texts) => either(
                "starts with ",
                "starts with one of ",
                texts.iter().map(|text| quoted(text)),
            ),
            Comparison::EndsWith(texts) => {
                either("ends with ", "ends with one of ", texts.iter().map(|text| quoted(text)))
            }
            Comparison::Matches(regex) => format!("matches {}", quoted(regex.as_str())),
            Comparison::Ordered(order, bound) => {
                let order = match order {
                    Order::AtLeast => "at least",
                    Order::AtMost => "at most",
                    Order::MoreThan => "more than",
                    Order::LessThan => "less than",
                };
                match bound {
                    Bound::Number(number) => format!("{order} {number}"),
                    Bound::Time(_, written) => format!("{order} {written}"),
                }
            }
            Comparison::Exists(true) => "exists".to_owned(),
            Comparison::Exists(false) => "does not exist".to_owned(),
        }
    }

    /// Compares a value that is there.
    pub fn met_by(&self, actual: &Value) -> Met {
        match self {
            Comparison::Is(values) => any(values, |expected| equal(actual, expected)),
            Comparison::IsNot(values) => {
                let is = any(values, |expected| equal(actual, expected));
                Met { holds: !is.holds, ..is }
            }
            Comparison::Contains(values) => contains(actual, values),
            Comparison::StartsWith(texts) => text(actual, |actual| texts.iter().any(|text| actual.starts_with(text))),
            Comparison::EndsWith(texts) => text(actual, |actual| texts.iter().any(|text| actual.ends_with(text))),
            Comparison::Matches(regex) => matches(actual, regex),
            Comparison::Ordered(order, bound) => ordered(actual, *order, bound),
            Comparison::Exists(there) => Met::plain(actual.is_null() != *there),
        }
    }
}

impl Met {
    fn plain(holds: bool) -> Met {
        Met { holds, note: None }
    }

    fn not(note: impl Into<String>) -> Met {
        Met {
            holds: false,
            note: Some(note.into()),
        }
    }
}

/// A value as a verdict shows it, cut short.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => kind(value),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A text in quotes, cut after 80 characters.
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn either(one: &str, many: &str, values: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 8;
    let count = values.len();
    let mut words: Vec<String> = values.take(SHOWN).collect();
    if count > SHOWN {
        words.push(format!("{} more", count - SHOWN));
    }
    format!("{}{}", if count == 1 { one } else { many }, words.join(", "))
}

fn any(values: &[Value], test: impl Fn(&Value) -> Met) -> Met {
    let mut note = None;
    for value in values {
        let met = test(value);
        if met.holds {
            return met;
        }
        note = note.or(met.note);
    }
    Met { holds: false, note }
}

fn equal(actual: &Value, expected: &Value) -> Met {
    match (actual, expected) {
        (Value::Number(actual), Value::Number(expected)) => {
            Met::plain(compare(actual, expected) == Some(Ordering::Equal))
        }
        (Value::String(actual), Value::String(expected)) => Met {
            holds: actual == expected,
            note: (actual != expected && actual.len() == expected.len() && actual.eq_ignore_ascii_case(expected))
                .then(|| "they differ in capital letters only".to_owned()),
        },
        (Value::Bool(_), Value::Bool(_)) | (Value::Null, Value::Null) => Met::plain(actual == expected),
        (Value::String(text), Value::Number(_) | Value::Bool(_)) if spells(text, expected) => Met::not(format!(
            "the field is the text {}, not {}: write it in quotes",
            quoted(text),
            sort(expected)
        )),
        (Value::Number(_) | Value::Bool(_), Value::String(text)) if spells(text, actual) => Met::not(format!(
            "the field is {}, not a text: write {actual} without quotes",
            sort(actual)
        )),
        (Value::Array(_), _) => Met::not(format!("the field is {}; `contains` looks into it", kind(actual))),
        (Value::Object(_), _) => Met::not(format!("the field is {}; name one of them", kind(actual))),
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => Met::plain(false),
    }
}

fn spells(text: &str, value: &Value) -> bool {
    let written = value.to_string();
    text == written
}

fn sort(value: &Value) -> &'static str {
    match value {
        Value::Bool(true) => "the word true",
        Value::Bool(false) => "the word false",
        Value::Number(_) => "a number",
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => "that",
    }
}

fn contains(actual: &Value, values: &[Value]) -> Met {
    match actual {
        Value::Array(items) => any(values, |expected| {
            let mut note = None;
            for item in items {
                // An item that is itself a list or group is never what is looked for.
                if matches!(item, Value::Array(_) | Value::Object(_)) {
                    note = Some(
                        "the items are groups of fields; `expression:` can look into them: \
                         event.items.exists(i, i.name == \"x\")"
                            .to_owned(),
                    );
                    continue;
                }
                let met = equal(item, expected);
                if met.holds {
                    return met;
                }
            }
            Met { holds: false, note }
        }),
        Value::String(text) => any(values, |expected| match expected {
            Value::String(part) => Met::plain(text.contains(part.as_str())),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Met::not(format!("the field is a text: write {expected} in quotes"))
            }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Met::not(format!("the field is {}, neither a text nor a list", kind(actual)))
        }
    }
}

fn text(actual: &Value, test: impl FnOnce(&str) -> bool) -> Met {
    match actual {
        Value::String(text) => Met::plain(test(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Met::not(format!("the field is {}, not a text", kind(actual)))
        }
    }
}

fn matches(actual: &Value, regex: &Regex) -> Met {
    let mut cut = false;
    let met = text(actual, |text| {
        let mut end = text.len().min(MATCHED_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        cut = end < text.len();
        regex.is_match(&text[..end])
    });
    match cut {
        true => Met {
            note: Some(format!("only the first {} KiB were looked at", MATCHED_BYTES / 1024)),
            ..met
        },
        false => met,
    }
}

fn ordered(actual: &Value, order: Order, bound: &Bound) -> Met {
    let fits = |ordering: Option<Ordering>| match order {
        Order::AtLeast => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        Order::AtMost => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        Order::MoreThan => ordering == Some(Ordering::Greater),
        Order::LessThan => ordering == Some(Ordering::Less),
    };
    match (bound, actual) {
        (Bound::Number(expected), Value::Number(actual)) => Met::plain(fits(compare(actual, expected))),
        (Bound::Number(expected), Value::String(text)) => match number(text) {
            Some(actual) => Met {
                holds: fits(compare(&actual, expected)),
                note: Some(format!("the text {} was read as a number", quoted(text))),
            },
            None => Met::not(format!("the field is the text {}, not a number", quoted(text))),
        },
        (Bound::Time(expected, _), Value::String(text)) => match time(text) {
            Some((actual, whole_day)) => Met {
                holds: fits(Some(actual.cmp(expected))),
                note: whole_day.then(|| "a date without a time is its first moment in UTC".to_owned()),
            },
            None => Met::not(format!("the field is the text {}, not a time", quoted(text))),
        },
        (Bound::Number(_), _) => Met::not(format!("the field is {}, not a number", kind(actual))),
        (Bound::Time(..), _) => Met::not(format!("the field is {}, not a time written as text", kind(actual))),
    }
}

/// Exact also where whole numbers are too large for a broken one.
fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (Some(a), None) => against(a, b.as_f64()?),
        (None, Some(b)) => against(b, a.as_f64()?).map(Ordering::reverse),
        (None, None) => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}

fn against(whole: i128, broken: f64) -> Option<Ordering> {
    // Far beyond any whole number JSON brings, and still exact as an i128.
    const FAR: f64 = 1e30;
    if broken.is_nan() {
        return None;
    }
    if broken.abs() > FAR {
        return Some(if broken > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        });
    }
    let below = broken.floor();
    Some(whole.cmp(&(below as i128)).then(if broken > below {
        Ordering::Less
    } else {
        Ordering::Equal
    }))
}

fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    (text.len() <= 40)
        .then(|| serde_json::from_str::<Number>(text).ok())
        .flatten()
}

/// The instant a text names, and whether it named only the day.
fn time(text: &str) -> Option<(DateTime<FixedOffset>, bool)> {
    if text.len() > 64 {
        return None;
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some((instant, false));
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some((day.and_time(NaiveTime::MIN).and_utc().fixed_offset(), true))
}

fn values(value: &Value) -> Result<Vec<Value>, Fault> {
    let one = |value: &Value| match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
        Value::Array(_) => Err(fault("a list in a list compares with nothing")),
        Value::Object(_) => Err(fault("a group of fields compares with nothing")
            .help("name the field inside it: `event.deployment.environment: production`")),
    };
    list(value, one)
}

fn texts(value: &Value) -> Result<Vec<String>, Fault> {
    let one =
        |value: &Value| match value {
            Value::String(text) if text.is_empty() => Err(fault("every text begins and ends with an empty one")),
            Value::String(text) => Ok(text.clone()),
            Value::Number(_) | Value::Bool(_) => Err(fault(format!("a text is needed here, not {}", kind(value)))
                .help(format!("write \"{value}\" in quotes"))),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                Err(fault(format!("a text is needed here, not {}", kind(value))))
            }
        };
    list(value, one)
}

fn list<T>(value: &Value, one: impl Fn(&Value) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    match value {
        Value::Array(items) if items.is_empty() => {
            Err(fault("the list is empty: no value could be one of it")
                .help("write the values, or leave the line out"))
        }
        Value::Array(items) if items.len() > MOST_VALUES => Err(fault(format!(
            "a list has at most {MOST_VALUES} values, this one {}",
            items.len()
        ))),
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.map(|(index, item)| one(item).map_err(|fault| fault.under(index)))
                .collect()
        }
        other => one(other).map(|value| vec![value]),
    }
}

fn bound(value: &Value) -> Result<Bound, Fault> {
    match value {
        Value::Number(number) => Ok(Bound::Number(number.clone())),
        Value::String(text) => match (time(text), number(text)) {
            (Some((instant, _)), _) => Ok(Bound::Time(instant, text.clone())),
            (None, Some(number)) => {
                Err(fault("this is a text, not a number").help(format!("write {number} without quotes")))
            }
            (None, None) => Err(fault(format!("{} is neither a number nor a time", quoted(text)))
                .help("write a number, a date (`2026-03-31`) or a time with its zone (`2026-03-31T09:00:00+02:00`)")),
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(fault(format!("a number or a time is needed here, not {}", kind(value))))
        }
    }
}

fn unknown(word: &str) -> Fault {
    const CODE: &str = "condition::word";
    let shown = quoted(word);
    let shown = shown.trim_matches('"');
    if word == "changed" {
        return Fault::error(CODE, "`changed` is not part of this version of Herald")
            .help("leave it out; compare the field with the values that matter");
    }
    let fault = Fault::error(CODE, format!("`{shown}` is not a word that compares"));
    if matches!(
        word,
        "is" | "equals" | "equal" | "eq" | "==" | "=" | "in" | "one_of" | "any_of"
    ) {
        return fault
            .help("write the value, or a list of values, right behind the field: `event.state: [failure, error]`");
    }
    let lower = word.to_lowercase();
    let meant = SYNONYMS
        .iter()
        .find(|(synonym, _)| *synonym == lower)
        .map(|(_, meant)| *meant)
        .or_else(|| did_you_mean(shown, WORDS.iter().map(|(word, _)| *word)));
    match meant {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => fault.help(format!(
            "the words are {}; a field inside this one is written with a dot: `event.deployment.environment`",
            WORDS.map(|(word, _)| word).join(", ")
        )),
    }
}

fn fault(message: impl Into<String>) -> Fault {
    Fault::error("condition::value", message)
}

#[cfg(test)]
mod tests;
