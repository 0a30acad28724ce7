//! Mentions in a card: the words `<at>Anna</at>`, and the list that tells Teams who that is.

use serde_json::{Value, json};

use crate::audience::Mention;
use crate::card::escape::at;

/// Adds the list for everybody in `named` whose words stand in the card, and for everybody in `wanted`, whose words
/// are put at its end if they stand nowhere.
pub(crate) fn add(card: &mut Value, named: &[Mention], wanted: &[Mention]) {
    let mut entities: Vec<Value> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    let mut absent: Vec<String> = Vec::new();
    let asked = named
        .iter()
        .map(|mention| (mention, false))
        .chain(wanted.iter().map(|mention| (mention, true)));
    for (mention, is_wanted) in asked {
        let text = at(&mention.name);
        // `<at></at>` alone would stand for nobody.
        if texts.contains(&text) || text.len() <= "<at></at>".len() {
            continue;
        }
        if !holds(card, &text) {
            if !is_wanted {
                continue;
            }
            absent.push(text.clone());
        }
        let name = text.trim_start_matches("<at>").trim_end_matches("</at>");
        entities.push(json!({
            "type": "mention", "text": text, "mentioned": { "id": mention.id, "name": name },
        }));
        texts.push(text);
    }
    if entities.is_empty() {
        return;
    }
    if !absent.is_empty()
        && let Some(fields) = card.as_object_mut()
    {
        let line = json!({ "type": "TextBlock", "text": absent.join(" "), "wrap": true, "spacing": "Medium" });
        match fields.entry("body").or_insert_with(|| json!([])) {
            // Words first, buttons last.
            Value::Array(body) => {
                let buttons = body.last().is_some_and(|last| last["type"] == "ActionSet");
                body.insert(body.len() - usize::from(buttons), line);
            }
            body => *body = json!([line]),
        }
    }
    if !card["msteams"].is_object() {
        card["msteams"] = json!({});
    }
    match &mut card["msteams"]["entities"] {
        Value::Array(known) => known.extend(entities),
        missing => *missing = Value::Array(entities),
    }
}

/// Whether some text of the card contains `text`.
fn holds(card: &Value, text: &str) -> bool {
    let mut waiting = vec![card];
    while let Some(value) = waiting.pop() {
        match value {
            Value::String(string) if string.contains(text) => return true,
            Value::Array(items) => waiting.extend(items),
            Value::Object(fields) => {
                waiting.extend(
                    fields
                        .iter()
                        .filter(|(key, _)| *key != "msteams")
                        .map(|(_, value)| value),
                );
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}
