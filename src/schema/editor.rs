//! The schemas as editors get them: the same shape as `check` judges by, with words for those who see nothing but a red
//! line. Editors that know `errorMessage` show them; others fall back to their own.

use serde_json::{Map, Value, json};

use super::explain::flow;
use super::later;

/// Puts a message behind everything that an editor can complain about.
///
/// The language server takes one message for each mapping of keywords, so what can go wrong in several ways (the kind
/// of value, a key that is missing, a key that is too many) is spread over several of them with the same meaning.
pub(super) fn dress(schema: &mut Value) {
    let called = schema["title"].as_str().map_or("This file".to_owned(), with_article);
    below(schema, &called);
}

fn below(schema: &mut Value, called: &str) {
    let Some(map) = schema.as_object_mut() else { return };
    for (keyword, value) in map.iter_mut() {
        match keyword.as_str() {
            "properties" => {
                for (name, field) in value.as_object_mut().into_iter().flatten() {
                    below(field, &format!("`{name}`"));
                }
            }
            "definitions" => {
                for (_, definition) in value.as_object_mut().into_iter().flatten() {
                    let called = match definition["title"].as_str() {
                        Some("Expected") => "What is expected of a field".to_owned(),
                        Some(title) => with_article(title),
                        None => "This".to_owned(),
                    };
                    below(definition, &called);
                    // What a field says of itself is more; but editors show what they find deepest.
                    if let Some(definition) = definition.as_object_mut() {
                        definition.shift_remove("description");
                        definition.shift_remove("markdownDescription");
                    }
                }
            }
            "items" => below(value, &format!("An item of {}", lowered(called))),
            "additionalProperties" => below(value, &format!("A line of {}", lowered(called))),
            "allOf" => value
                .as_array_mut()
                .into_iter()
                .flatten()
                .for_each(|part| below(part, called)),
            // Names of keys and data, not schemas; a choice of which one is free has no message to give.
            _ => {}
        }
    }
    words(map, called);
}

fn with_article(title: &str) -> String {
    let title = title.to_lowercase();
    let article = if title.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "An"
    } else {
        "A"
    };
    format!("{article} {title}")
}

fn lowered(called: &str) -> String {
    let mut letters = called.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

fn words(map: &mut Map<String, Value>, called: &str) {
    if map.contains_key("$ref") || (map.contains_key("allOf") && !map.contains_key("properties")) {
        return;
    }
    let mut further = Vec::new();
    if let Some(part) = not_empty(map, called) {
        further.push(part);
    }
    if map.get("additionalProperties") == Some(&json!(false)) {
        if let Some(kind) = map.shift_remove("type") {
            let message = wanted(&kind, map, called);
            further.push(json!({ "type": kind, "errorMessage": message }));
        }
        needed(map, called, &mut further);
        unknown(map);
    } else if let Some(kind) = map.get("type") {
        let message = match map.get("enum").and_then(Value::as_array) {
            Some(choices) => one_of(choices),
            None => wanted(kind, map, called),
        };
        map.insert("errorMessage".into(), json!(message));
        needed(map, called, &mut further);
    }
    beside(map, called);
    if !further.is_empty() {
        let all = map.entry("allOf").or_insert_with(|| json!([]));
        if let Some(all) = all.as_array_mut() {
            all.extend(further);
        }
    }
}

/// The empty list and the empty mapping: the server's own words for them are a programmer's.
fn not_empty(map: &mut Map<String, Value>, called: &str) -> Option<Value> {
    let list = map.shift_remove("minItems").is_some();
    let mapping = map.shift_remove("minProperties").is_some();
    let example = for_example(map);
    let refuse = |what: &str, bound: &str, message: String| {
        json!({
            "if": { "type": what, bound: 0 },
            // Nothing is empty and a text at once.
            "then": { "type": "string", "errorMessage": message },
        })
    };
    let list = list.then(|| refuse("array", "maxItems", format!("{called} is an empty list.{example}")));
    let mapping = mapping.then(|| {
        refuse(
            "object",
            "maxProperties",
            format!("{called} has nothing in it.{example}"),
        )
    });
    match (list, mapping) {
        (Some(list), Some(mapping)) => Some(json!({ "allOf": [list, mapping] })),
        (one, other) => one.or(other),
    }
}

/// One message for each key that must be there.
fn needed(map: &mut Map<String, Value>, called: &str, further: &mut Vec<Value>) {
    let Some(Value::Array(keys)) = map.shift_remove("required") else {
        return;
    };
    for key in keys {
        let Some(name) = key.as_str() else { continue };
        let field = map.get("properties").and_then(|fields| fields.get(name));
        let example = field.and_then(|field| field["examples"].get(0));
        let example = example.map_or_else(String::new, |example| {
            format!(" For example: {name}: {}", bounded(&flow(example)))
        });
        let message = format!("{called} needs `{name}`.{example}");
        further.push(json!({ "required": [name], "errorMessage": message }));
    }
}

/// The message for keys that nobody knows, and what other tools call by these names.
fn unknown(map: &mut Map<String, Value>) {
    let title = map.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(Value::Object(fields)) = map.get("properties") else {
        return;
    };
    let known: Vec<String> = fields.keys().cloned().collect();
    let mut names = Vec::new();
    for key in &known {
        let others: Vec<&str> = later::others_words_for(&title, key).collect();
        if !others.is_empty() {
            let message = format!("Herald's word for this is `{key}`.");
            names.push(json!({ "if": { "enum": others }, "then": { "enum": [key], "errorMessage": message } }));
        }
    }
    let still_to_come: Vec<&str> = later::words(&title)
        .filter(|word| !known.iter().any(|key| key == word))
        .collect();
    if let (false, Some(key)) = (still_to_come.is_empty(), known.first()) {
        let message = "This is not part of this version of Herald.";
        names.push(json!({ "if": { "enum": still_to_come }, "then": { "enum": [key], "errorMessage": message } }));
    }
    if !names.is_empty() {
        map.insert("propertyNames".into(), json!({ "allOf": names }));
    }
    let message = format!("Unknown key. Known here: {}.", known.join(", "));
    map.insert("errorMessage".into(), json!(message));
}

/// Keys that forbid or need each other.
fn beside(map: &mut Map<String, Value>, called: &str) {
    let may_be_list = map.contains_key("items");
    let Some(Value::Object(dependencies)) = map.get_mut("dependencies") else {
        return;
    };
    for (key, dependency) in dependencies.iter_mut() {
        match dependency {
            Value::Array(owners) => {
                let owners: Vec<&str> = owners.iter().filter_map(Value::as_str).collect();
                let message = format!("`{key}` belongs to `{}`, which is missing.", owners.join("` and `"));
                *dependency = json!({ "required": owners, "errorMessage": message });
            }
            Value::Object(needs) if needs.contains_key("anyOf") => {
                let any = needs.shift_remove("anyOf").unwrap_or_default();
                let owners: Vec<&str> = any
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|branch| branch["required"][0].as_str())
                    .collect();
                let message = format!(
                    "`{key}` belongs to `{}`: one of them is missing.",
                    owners.join("` or `")
                );
                *dependency = json!({ "if": { "anyOf": any }, "else": { "required": [owners.first()], "errorMessage": message } });
            }
            Value::Object(forbids) => {
                let list = match may_be_list {
                    true => format!(" For several, write a list under {called}."),
                    false => String::new(),
                };
                let message = format!("This cannot stand beside `{key}`: keep one of the two.{list}");
                forbids.insert("errorMessage".into(), json!(message));
            }
            _ => {}
        }
    }
}

fn one_of(choices: &[Value]) -> String {
    match choices {
        [one] => format!("Only `{}` has a meaning here.", flow(one)),
        choices => {
            let words: Vec<String> = choices.iter().map(flow).collect();
            format!("Write one of: {}.", words.join(", "))
        }
    }
}

/// `` `owner` wants a text. For example: platform-team ``
fn wanted(kind: &Value, map: &Map<String, Value>, called: &str) -> String {
    let kinds: Vec<&str> = match kind {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let names: Vec<&str> = kinds
        .iter()
        .filter_map(|kind| match *kind {
            "string" => Some("a text"),
            "number" => Some("a number"),
            "integer" => Some("a whole number"),
            "boolean" => Some("`true` or `false`"),
            "array" => Some("a list"),
            "object" => Some("lines of `key: value`"),
            _ => None,
        })
        .collect();
    let quotes = match kinds.contains(&"string") && !kinds.contains(&"number") && !kinds.contains(&"boolean") {
        true => " (numbers, times, yes and no in quotes)",
        false => "",
    };
    format!("{called} wants {}{quotes}.{}", names.join(" or "), for_example(map))
}

fn for_example(map: &Map<String, Value>) -> String {
    let example = match map.get("title").and_then(Value::as_str) {
        Some("Condition") => Some("event.state: failure".to_owned()),
        Some("Expected") => Some("failure".to_owned()),
        Some("Target") => Some("channel: releases".to_owned()),
        _ => map.get("examples").and_then(|examples| examples.get(0)).map(flow),
    };
    example.map_or_else(String::new, |example| format!(" For example: {}", bounded(&example)))
}

/// A message stays on a line.
fn bounded(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((at, _)) => format!("{} ...", &text[..at]),
        None => text.to_owned(),
    }
}
