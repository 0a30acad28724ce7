//! A message as another program made it for Teams -> a card that Teams shows to a bot's readers.
//!
//! Programs wrote to Office 365 connectors and to workflows: a MessageCard, `{"text": ...}`, or a message with an
//! Adaptive Card attached. What a connector showed is shown; what would call other addresses, or ask us something that
//! nobody here answers, is left out and told. Pure and bounded: the work and the result are a small multiple of the message.

mod adaptive;
mod color;
mod markup;
mod message_card;

use serde_json::{Value, json};

use crate::card::escape;
use crate::card::summary;
use crate::card::warning::Warnings;

/// Cards of one message that are shown; Teams takes as many attachments.
const MOST_CARDS: usize = 10;

/// What a program wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A MessageCard: the form of Office 365 connectors.
    MessageCard,
    /// A message with cards attached, or an Adaptive Card alone: the form of workflows.
    AdaptiveCard,
    /// Only a text, perhaps with a title.
    Text,
}

impl Kind {
    /// What `message` is, if it is a message for Teams at all.
    pub fn of(message: &Value) -> Option<Self> {
        let has_words = |key: &str| {
            message
                .get(key)
                .and_then(Value::as_str)
                .is_some_and(|text| !text.trim().is_empty())
        };
        if cards(message).next().is_some() {
            return Some(Kind::AdaptiveCard);
        }
        let sections = message
            .get("sections")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty());
        let names_itself = message
            .get("@type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.eq_ignore_ascii_case("MessageCard"));
        let shows = has_words("text") || has_words("title") || has_words("summary");
        match (
            sections || shows,
            sections || names_itself || message.get("potentialAction").is_some(),
        ) {
            (false, _) => None,
            (true, true) => Some(Kind::MessageCard),
            (true, false) => (has_words("text") || has_words("title")).then_some(Kind::Text),
        }
    }

    /// The word for it, as rules write it in `event_type`.
    pub fn word(self) -> &'static str {
        match self {
            Kind::MessageCard => "message_card",
            Kind::AdaptiveCard => "adaptive_card",
            Kind::Text => "text",
        }
    }

    /// All words.
    pub const WORDS: [&str; 3] = ["message_card", "adaptive_card", "text"];
}

/// The card of `message`, before it is tidied and fitted; `seen` hears what is left out. `None` if it is no message for
/// Teams.
pub(crate) fn card(message: &Value, seen: &mut Warnings) -> Option<Value> {
    match Kind::of(message)? {
        Kind::MessageCard | Kind::Text => Some(message_card::convert(message, seen)),
        Kind::AdaptiveCard => {
            let all: Vec<(&str, &Value)> = cards(message).take(MOST_CARDS + 1).collect();
            if all.len() > MOST_CARDS {
                seen.add(format!(
                    "the message has more than {MOST_CARDS} cards; the rest is left out"
                ));
            }
            let mut converted: Vec<Value> = all
                .into_iter()
                .take(MOST_CARDS)
                .map(|(kind, card)| match kind {
                    ADAPTIVE => adaptive::convert(card, seen),
                    CONNECTOR => message_card::convert(card, seen),
                    _ => message_card::of_hero(card, seen),
                })
                .collect();
            match converted.len() {
                1 => converted.pop(),
                _ => Some(adaptive::joined(converted)),
            }
        }
    }
}

/// The line for toasts that the sender wrote.
pub(crate) fn summary(message: &Value) -> Option<String> {
    let written = message.get("summary").and_then(Value::as_str)?;
    summary::of_text(&escape::printable(written))
}

const ADAPTIVE: &str = "application/vnd.microsoft.card.adaptive";
const CONNECTOR: &str = "application/vnd.microsoft.teams.card.o365connector";
const HERO: &str = "application/vnd.microsoft.card.hero";
const THUMBNAIL: &str = "application/vnd.microsoft.card.thumbnail";

/// The cards of a message, with the content type of each.
fn cards(message: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    let attached = message
        .get("attachments")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let attached = attached.filter_map(|attachment| {
        let written = attachment.get("contentType")?.as_str()?;
        let kind = [ADAPTIVE, CONNECTOR, HERO, THUMBNAIL]
            .into_iter()
            .find(|kind| kind.eq_ignore_ascii_case(written.trim()))?;
        let content = attachment.get("content").filter(|content| content.is_object())?;
        Some((kind, content))
    });
    let alone = message.get("type").and_then(Value::as_str) == Some("AdaptiveCard");
    alone.then_some((ADAPTIVE, message)).into_iter().chain(attached)
}

/// A picture's address, if Teams would load it.
fn picture(url: &str) -> Option<String> {
    let written_out = [
        "data:image/png;base64,",
        "data:image/jpeg;base64,",
        "data:image/gif;base64,",
    ];
    let url = url.trim();
    match written_out.iter().find_map(|start| url.strip_prefix(start)) {
        Some(data) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
            data.chars().all(plain).then(|| url.to_owned())
        }
        None => escape::web_address(url, &["https"]),
    }
}

/// A value as a text; none for what is no text.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text on a card.
fn block(text: &str) -> Value {
    json!({ "type": "TextBlock", "text": text, "wrap": true })
}

/// The first letters of what a sender wrote, for a warning.
fn quoted(text: &str) -> String {
    let line = escape::one_line(text);
    let cut: String = line.chars().take(60).collect();
    if cut.len() < line.len() {
        format!("{cut}…")
    } else {
        cut
    }
}

#[cfg(test)]
mod tests;
