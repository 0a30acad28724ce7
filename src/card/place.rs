//! What a string of a card is for: that decides what becomes of the data put into it.

use serde_json::Value;

use crate::card::escape::{self, Dialect};
use crate::card::evaluate::{MISSING, Style, in_words};
use crate::card::function::markup::PRESSABLE;
use crate::card::warning::Warnings;

/// Schemes an image may have. Teams fetches images itself, and only so.
const PICTURES: [&str; 2] = ["https", "http"];

/// The purpose of a string in a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Shown through Markdown: the text of a TextBlock, a fact.
    Markdown,
    /// Shown as it is, on one line: a button's title, an alternative text.
    Label,
    /// Shown as it is, line by line: code.
    Verbatim,
    /// Opened when somebody presses.
    Link,
    /// Fetched by Teams.
    Picture,
    /// Comes back to the bot when somebody presses: any value, whole objects too.
    Data,
    /// A setting: colour, width, visibility; keeps the type of a single value.
    Setting,
    /// Decides what an element is; only its author may.
    Structure,
}

/// Where an object of a card stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Within<'a> {
    /// The nearest key above it: `body`, `facts`, `actions`; empty at the top.
    pub key: &'a str,
    /// It is part of what a button sends back.
    pub data: bool,
}

impl Within<'_> {
    /// The top of a card.
    pub(crate) const TOP: Within<'static> = Within { key: "", data: false };
}

impl Place {
    /// The place of the strings under `key` of an object of type `kind`.
    pub(crate) fn of(kind: Option<&str>, within: Within<'_>, key: &str) -> Place {
        if within.data {
            return Place::Data;
        }
        match key {
            "type" | "version" | "$schema" => Place::Structure,
            "data" | "properties" => Place::Data,
            "iconUrl" | "backgroundImage" => Place::Picture,
            "url" if kind == Some("Image") || matches!(within.key, "images" | "backgroundImage") => Place::Picture,
            "url" | "webUrl" => Place::Link,
            "text" if kind == Some("TextRun") => Place::Label,
            "text" => Place::Markdown,
            "title" | "value" if within.key == "facts" => Place::Markdown,
            "title" | "altText" | "placeholder" | "label" | "errorMessage" | "tooltip" | "fallbackText" | "speak" => {
                Place::Label
            }
            "codeSnippet" => Place::Verbatim,
            _ => Place::Setting,
        }
    }

    /// How holes are filled there.
    pub(crate) fn style(self) -> Style {
        match self {
            Place::Markdown => Style::Shown(Dialect::Card),
            Place::Label => Style::Label,
            Place::Verbatim | Place::Link | Place::Picture | Place::Data | Place::Setting | Place::Structure => {
                Style::Plain
            }
        }
    }

    /// Whether a leaf that is exactly one expression keeps its type.
    pub(crate) fn is_typed(self) -> bool {
        matches!(self, Place::Data | Place::Setting)
    }

    /// What becomes of a typed leaf.
    pub(crate) fn accept(self, value: &Value, written: &str, seen: &mut Warnings) -> Filled {
        match (self, value) {
            (Place::Data, value) => Filled::Keep(printable(value)),
            (_, Value::Null) => Filled::Nothing,
            (_, Value::Bool(_) | Value::Number(_)) => Filled::Keep(value.clone()),
            (_, Value::String(text)) => Filled::Keep(Value::from(escape::printable(text))),
            // Lists and objects from an event would be structure of the card.
            (_, Value::Array(_) | Value::Object(_)) => {
                seen.add(format!(
                    "`{written}` is a list or an object and cannot become part of the card; repeat an element with \
                     `$data` instead"
                ));
                Filled::Keep(Value::String(in_words(value).0))
            }
        }
    }

    /// What becomes of a finished text.
    pub(crate) fn finish(self, text: String, written: &str, seen: &mut Warnings) -> Filled {
        let schemes: &[&str] = match self {
            Place::Link => &PRESSABLE,
            Place::Picture => &PICTURES,
            Place::Markdown | Place::Label | Place::Verbatim if text.is_empty() => {
                return Filled::Keep(Value::from(MISSING));
            }
            Place::Markdown if text.contains("]()") => {
                seen.add(format!(
                    "a link in `{written}` has no address that a card may open; its words are shown alone"
                ));
                return Filled::Keep(Value::String(escape::without_empty_links(&text)));
            }
            Place::Markdown | Place::Label | Place::Verbatim | Place::Data | Place::Setting | Place::Structure => {
                return Filled::Keep(Value::String(text));
            }
        };
        match escape::web_address(&text, schemes) {
            Some(address) => Filled::Keep(Value::String(address)),
            None => {
                let came_to: String = text.chars().take(60).collect();
                seen.add(match came_to.is_empty() {
                    true => format!("`{written}` came to nothing, so what needs the address is left out"),
                    false => format!(
                        "`{written}` came to `{came_to}`, which is no address with {}; what needs it is left out",
                        schemes.join(", ")
                    ),
                });
                Filled::Unusable
            }
        }
    }
}

/// What became of a leaf.
#[derive(Debug)]
pub(crate) enum Filled {
    Keep(Value),
    /// Its key is left out.
    Nothing,
    /// The object it belongs to cannot be without it and is left out.
    Unusable,
}

/// A value for a button's data. `msteams` at its top decides what the button does and is never taken from an event.
fn printable(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(escape::printable(text)),
        Value::Array(items) => items.iter().map(printable).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "msteams")
            .map(|(key, value)| (escape::printable(key).into_owned(), printable(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
