//! Mentions in a card: the words `<at>Anna</at>`, and the list that tells Teams who that is.

use serde_json::{Value, json};

use crate::card::escape::at;
use crate::roster::Mention;

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

/// Takes out of the list who is not named in the card any more: Teams refuses a list that names more people than the
/// texts do.
pub(crate) fn prune(card: &mut Value) {
    let Some(mut entities) = card
        .pointer_mut("/msteams/entities")
        .and_then(|list| list.as_array_mut().map(std::mem::take))
    else {
        return;
    };
    entities.retain(|entity| match entity.get("text").and_then(Value::as_str) {
        Some(text) if entity["type"] == "mention" => holds(card, text),
        _ => true,
    });
    card["msteams"]["entities"] = Value::Array(entities);
}

/// Mentions only people whose id is one of those that may stand there; of the others the plain name stays. True if
/// there was one.
pub(crate) fn only(card: &mut Value, may: impl Fn(&str) -> bool) -> bool {
    let Some(mut entities) = card
        .pointer_mut("/msteams/entities")
        .and_then(|list| list.as_array_mut().map(std::mem::take))
    else {
        return false;
    };
    let mut plain: Vec<(String, String)> = Vec::new();
    entities.retain(|entity| {
        let id = entity.pointer("/mentioned/id").and_then(Value::as_str);
        let stays = entity["type"] != "mention" || id.is_some_and(&may);
        if !stays && let Some(text) = entity["text"].as_str() {
            let name = text.trim_start_matches("<at>").trim_end_matches("</at>");
            plain.push((text.to_owned(), name.to_owned()));
        }
        stays
    });
    card["msteams"]["entities"] = Value::Array(entities);
    if let Some(body) = card.get_mut("body") {
        replace(body, &plain);
    }
    !plain.is_empty()
}

fn replace(value: &mut Value, words: &[(String, String)]) {
    match value {
        Value::String(text) => {
            for (from, to) in words {
                if text.contains(from.as_str()) {
                    *text = text.replace(from.as_str(), to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, words)),
        Value::Object(fields) => fields.values_mut().for_each(|inner| replace(inner, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str, name: &str) -> Mention {
        Mention {
            id: id.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn who_is_named_in_the_card_is_not_named_again() {
        let text = json!({ "type": "TextBlock", "text": "For <at>Anna</at>" });
        let mut card = json!({ "body": [text] });
        add(
            &mut card,
            &[person("29:1", "Anna")],
            &[person("29:1", "Anna"), person("29:2", "Omar & Co")],
        );
        assert_eq!(card["body"][1]["text"], "<at>Omar &amp; Co</at>");
        assert_eq!(card["body"].as_array().map(Vec::len), Some(2));
        let mentioned: Vec<&Value> = card["msteams"]["entities"]
            .as_array()
            .expect("entities")
            .iter()
            .map(|entity| &entity["mentioned"]["id"])
            .collect();
        assert_eq!(mentioned, ["29:1", "29:2"]);
    }

    #[test]
    fn what_teams_is_told_already_stays() {
        let mut card = json!({ "body": [], "msteams": { "width": "Full", "entities": [{ "type": "mention" }] } });
        add(&mut card, &[], &[person("29:1", "Anna")]);
        assert_eq!(card["msteams"]["width"], "Full");
        assert_eq!(card["msteams"]["entities"].as_array().map(Vec::len), Some(2));
        let before = card.clone();
        add(
            &mut card,
            &[person("29:9", "Not in the card")],
            &[person("29:8", "*_[]`")],
        );
        assert_eq!(card, before);
    }

    #[test]
    fn nobody_is_listed_whose_name_was_cut_away() {
        let mut card = json!({ "body": [{ "type": "TextBlock", "text": "For <at>Anna</at> and <at>Omar</at>" }] });
        add(&mut card, &[person("29:1", "Anna"), person("29:2", "Omar")], &[]);
        card["body"][0]["text"] = json!("For <at>Anna</at> and …");
        prune(&mut card);
        assert_eq!(card["msteams"]["entities"].as_array().map(Vec::len), Some(1));
    }
}
