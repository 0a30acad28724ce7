//! Values kept aside while a text is parsed as JSON, and marks in their places: no payload passes through the parser,
//! so none can add an element, a key or a comma to a card.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::card::escape;
use crate::card::evaluate::{Gathered, MISSING, Style, in_words};
use crate::card::place::{Filled, Place, Within};

/// Begins a mark. A noncharacter: no text that people write contains it, JSON may.
pub(crate) const BEGIN: char = '\u{FDD0}';
/// Ends a mark.
pub(crate) const END: char = '\u{FDD1}';

/// A value kept aside.
#[derive(Debug, Clone)]
pub(crate) struct Hole {
    /// None for what is missing.
    pub value: Option<Value>,
    /// What to print of it where Markdown is read, if a function made markup.
    pub markdown: Option<String>,
    /// The template asks for Markdown as it comes.
    pub raw: bool,
    /// What the author wrote for it, for warnings.
    pub written: String,
}

/// The mark of value `number`.
pub(crate) fn mark(number: usize) -> String {
    format!("{BEGIN}{number}{END}")
}

/// Whether a JSON text, read so far, is within a string.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quotes {
    open: bool,
    escaped: bool,
    read: usize,
}

impl Quotes {
    /// Reads on to the end of `text`, which is what was read before and more.
    pub(crate) fn are_open(&mut self, text: &str) -> bool {
        for byte in text.bytes().skip(self.read) {
            if self.escaped {
                self.escaped = false;
            } else if self.open && byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.open = !self.open;
            }
        }
        self.read = text.len();
        self.open
    }
}

/// A piece of a string with marks.
enum Piece<'t> {
    Text(&'t str),
    Hole(usize),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let Some((number, after)) = after.split_once(END) else {
            break;
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.extend(number.parse().ok().map(Piece::Hole));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// Whether a string holds a mark.
pub(crate) fn is_marked(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Puts the values in, each as its place in the card demands.
pub(crate) fn fill(
    value: Value,
    within: Within<'_>,
    place: Place,
    holes: &[Hole],
    gathered: &mut Gathered,
) -> Filled {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Filled::Keep(value),
        Value::String(text) if !is_marked(&text) => Filled::Keep(Value::String(text)),
        Value::String(text) => fill_text(&text, place, holes, gathered),
        Value::Array(items) => Filled::Keep(
            items
                .into_iter()
                .filter_map(|item| match fill(item, within, place, holes, gathered) {
                    Filled::Keep(value) => Some(value),
                    Filled::Nothing | Filled::Unusable => None,
                })
                .collect(),
        ),
        Value::Object(fields) => {
            let kind = fields.get("type").and_then(Value::as_str).map(str::to_owned);
            let mut filled = Map::with_capacity(fields.len());
            for (key, value) in fields {
                if is_marked(&key) {
                    gathered
                        .seen
                        .add("a key of the card came from an event and is left out");
                    continue;
                }
                let place = Place::of(kind.as_deref(), within, &key);
                let inner = Within {
                    key: &key,
                    data: place == Place::Data,
                };
                match fill(value, inner, place, holes, gathered) {
                    Filled::Keep(value) => {
                        filled.insert(key, value);
                    }
                    Filled::Nothing => {}
                    Filled::Unusable => return Filled::Unusable,
                }
            }
            Filled::Keep(Value::Object(filled))
        }
    }
}

fn fill_text(text: &str, place: Place, holes: &[Hole], gathered: &mut Gathered) -> Filled {
    if place == Place::Structure {
        gathered
            .seen
            .add("what an element is cannot come from an event; it is left out");
        return Filled::Unusable;
    }
    let pieces = pieces(text);
    if let [Piece::Hole(number)] = pieces.as_slice()
        && place.is_typed()
        && let Some(hole) = holes.get(*number)
    {
        let value = hole.value.as_ref().unwrap_or(&Value::Null);
        return place.accept(value, &hole.written, &mut gathered.seen);
    }
    let mut out = String::new();
    let mut written = "";
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Hole(number) => {
                if let Some(hole) = holes.get(number) {
                    let words = hole.words(place.style(), &out).into_owned();
                    out.push_str(&words);
                    written = &hole.written;
                }
            }
        }
    }
    place.finish(out, written, &mut gathered.seen)
}

impl Hole {
    /// As text in a place of this style, after `before`.
    fn words(&self, style: Style, before: &str) -> Cow<'_, str> {
        let text: Option<Cow<'_, str>> = match &self.value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(Cow::Borrowed(text)),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => Some(Cow::Owned(value.to_string())),
            Some(value @ (Value::Array(_) | Value::Object(_))) => Some(Cow::Owned(in_words(value).0)),
        };
        match (style, text) {
            (Style::Plain | Style::Holes, None) => Cow::Borrowed(""),
            (Style::Label | Style::Shown(_), None) => Cow::Borrowed(MISSING),
            (Style::Plain | Style::Holes, Some(text)) => Cow::Owned(escape::printable(&text).into_owned()),
            (Style::Label, Some(text)) => Cow::Owned(escape::one_line(&text)),
            (Style::Shown(_), Some(text)) if self.raw => Cow::Owned(escape::printable(&text).into_owned()),
            (Style::Shown(dialect), Some(text)) => match &self.markdown {
                Some(markdown) => Cow::Borrowed(markdown),
                None => Cow::Owned(escape::neutral(&text, dialect, before)),
            },
        }
    }
}
