//! An Adaptive Card that another program made: what cannot work or should not, is left out.

use serde_json::{Map, Value, json};

use super::{markup, picture, quoted, words};
use crate::card::escape::web_address;
use crate::card::function::markup::PRESSABLE;
use crate::card::mention;
use crate::card::warning::Warnings;

/// People that one card may mention.
const MOST_MENTIONS: usize = 20;
/// Texts that Teams reads as Markdown.
const MARKDOWN: [&str; 2] = ["text", "value"];

/// The card without what would ask us something, load pictures in the open, or lead nowhere.
pub(super) fn convert(card: &Value, seen: &mut Warnings) -> Value {
    let mut converted = card.clone();
    let mentions = mentions(card, seen);
    let wide = card
        .pointer("/msteams/width")
        .and_then(Value::as_str)
        .is_some_and(|width| width.eq_ignore_ascii_case("full"));
    if let Some(fields) = converted.as_object_mut() {
        clean_card(fields, seen);
        let mut teams = Map::new();
        if wide {
            teams.insert("width".to_owned(), json!("Full"));
        }
        if !mentions.is_empty() {
            teams.insert("entities".to_owned(), Value::Array(mentions));
        }
        if !teams.is_empty() {
            fields.insert("msteams".to_owned(), Value::Object(teams));
        }
    }
    // Teams refuses a list that names more people than the texts do.
    mention::prune(&mut converted);
    converted
}

/// One card out of several, one below the other.
pub(super) fn joined(cards: Vec<Value>) -> Value {
    let (mut body, mut entities) = (Vec::new(), Vec::new());
    for (index, mut card) in cards.into_iter().enumerate() {
        let mut items = match card["body"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        if let Value::Array(actions) = card["actions"].take()
            && !actions.is_empty()
        {
            items.push(json!({ "type": "ActionSet", "actions": actions }));
        }
        if let Some(Value::Array(more)) = card.pointer_mut("/msteams/entities").map(Value::take) {
            entities.extend(more);
        }
        body.push(json!({ "type": "Container", "separator": index > 0, "items": items }));
    }
    entities.truncate(MOST_MENTIONS);
    let mut card = json!({ "type": "AdaptiveCard", "body": body, "msteams": { "width": "Full" } });
    if !entities.is_empty() {
        card["msteams"]["entities"] = Value::Array(entities);
        mention::prune(&mut card);
    }
    card
}

fn mentions(card: &Value, seen: &mut Warnings) -> Vec<Value> {
    let written = card.pointer("/msteams/entities").and_then(Value::as_array);
    let all = written.map_or(&[][..], Vec::as_slice);
    let mut mentions = Vec::new();
    for entity in all {
        let part = |at: &str| {
            entity
                .pointer(at)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty() && text.len() <= 256)
        };
        let text = part("/text")
            .filter(|text| text.len() > "<at></at>".len() && text.starts_with("<at>") && text.ends_with("</at>"));
        match (text, part("/mentioned/id"), part("/mentioned/name")) {
            (Some(text), Some(id), Some(name)) if mentions.len() < MOST_MENTIONS => {
                mentions.push(json!({ "type": "mention", "text": text, "mentioned": { "id": id, "name": name } }));
            }
            (Some(_), Some(_), Some(_)) => seen.add(format!("the card mentions more than {MOST_MENTIONS} people")),
            _ => seen.add("a mention without its text, id or name is left out"),
        }
    }
    mentions
}

fn clean_card(fields: &mut Map<String, Value>, seen: &mut Warnings) {
    for key in ["refresh", "authentication"] {
        if fields.shift_remove(key).is_some() {
            seen.add(format!("`{key}` of the card is left out: nobody here would answer it"));
        }
    }
    // Said anew by the outermost card.
    fields.shift_remove("msteams");
    clean(fields, seen);
}

/// An element or action, and all that is in it.
fn clean(fields: &mut Map<String, Value>, seen: &mut Warnings) {
    let kind = fields
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let mut lost = Vec::new();
    for (key, value) in fields.iter_mut() {
        let stays = match (key.as_str(), &mut *value) {
            ("card", Value::Object(card)) => {
                clean_card(card, seen);
                true
            }
            ("msteams" | "metadata" | "data" | "requires", _) => true,
            ("url", Value::String(url)) if kind.starts_with("Action.") => pressed(url, seen),
            ("url" | "iconUrl" | "backgroundImage" | "poster", Value::String(url)) => loaded(url, seen),
            ("selectAction" | "inlineAction" | "action", Value::Object(action)) if asks(action) => {
                seen.add(left_out(action));
                false
            }
            (key, Value::String(text)) if MARKDOWN.contains(&key) => {
                if text.contains("](") {
                    *text = markup::safe_links(text, seen);
                }
                true
            }
            (_, Value::Object(inner)) => {
                clean(inner, seen);
                true
            }
            (_, Value::Array(items)) => {
                items.retain_mut(|item| match item {
                    Value::Object(inner) if asks(inner) => {
                        seen.add(left_out(inner));
                        false
                    }
                    Value::Object(inner) => {
                        clean(inner, seen);
                        true
                    }
                    Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
                });
                true
            }
            (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => true,
        };
        if !stays {
            lost.push(key.clone());
        }
    }
    for key in lost {
        fields.shift_remove(&key);
    }
}

/// Would it send something to us that nobody waits for, or is it a field for such a thing?
fn asks(fields: &Map<String, Value>) -> bool {
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    matches!(kind, "Action.Submit" | "Action.Execute" | "Action.Http") || kind.starts_with("Input.")
}

fn left_out(fields: &Map<String, Value>) -> String {
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let name = ["title", "label", "id"]
        .iter()
        .find_map(|key| fields.get(*key).and_then(words));
    match name {
        Some(name) => format!("`{kind}` “{}” is left out: nobody here would answer it", quoted(&name)),
        None => format!("`{kind}` is left out: nobody here would answer it"),
    }
}

fn pressed(url: &mut String, seen: &mut Warnings) -> bool {
    match web_address(url, &PRESSABLE) {
        Some(address) => {
            *url = address;
            true
        }
        None => {
            seen.add(format!(
                "a button is left out: `{}` is no address that a card may open",
                quoted(url)
            ));
            false
        }
    }
}

fn loaded(url: &mut String, seen: &mut Warnings) -> bool {
    match picture(url) {
        Some(address) => {
            *url = address;
            true
        }
        None => {
            seen.add(format!(
                "the picture `{}` is left out: Teams loads pictures by https only",
                quoted(url)
            ));
            false
        }
    }
}
