//! What the generator writes -> what editors and readers of messages need.

use serde_json::{Map, Value, json};

/// Puts a generated schema in order, everywhere in it:
///
/// - no `default` and no `null` from optional fields: one `default: null` empties an editor's completion, and a key
///   without a value would be taken in silence;
/// - a choice of described words becomes `enum` with `enumDescriptions`, in the order of the source;
/// - `x-decide` becomes an object of which one key is written, with what belongs to it (see [`decide`]);
/// - `markdownDescription` beside each `description`.
pub(super) fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => object(map),
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn object(map: &mut Map<String, Value>) {
    map.shift_remove("default");
    // `uint64` and the like are not words of the standard; the bounds say the same.
    map.shift_remove("format");
    no_null(map);
    words(map);
    for (keyword, value) in map.iter_mut() {
        match keyword.as_str() {
            // Names of fields, not keywords: what stands behind each of them is a schema.
            "properties" | "definitions" => {
                if let Value::Object(fields) = value {
                    fields.values_mut().for_each(tidy);
                }
            }
            "items" | "additionalProperties" | "allOf" | "anyOf" | "oneOf" | "not" => tidy(value),
            // Data, not schemas.
            _ => {}
        }
    }
    if let Some(choices) = map.shift_remove("x-decide") {
        decide(map, &choices);
    }
    describe(map);
    in_order(map);
}

/// The committed schema is read in reviews, so its keywords come in the order in which one asks.
fn in_order(map: &mut Map<String, Value>) {
    const FIRST: [&str; 8] = [
        "$schema",
        "title",
        "description",
        "markdownDescription",
        "type",
        "enum",
        "enumDescriptions",
        "required",
    ];
    const LAST: [&str; 4] = ["examples", "properties", "dependencies", "definitions"];
    let rank = |keyword: &str| match FIRST.iter().position(|first| *first == keyword) {
        Some(position) => position,
        None => {
            FIRST.len()
                + LAST
                    .iter()
                    .position(|last| *last == keyword)
                    .map_or(0, |position| position + 1)
        }
    };
    let mut keywords: Vec<(String, Value)> = std::mem::take(map).into_iter().collect();
    keywords.sort_by_key(|(keyword, _)| rank(keyword));
    map.extend(keywords);
}

fn no_null(map: &mut Map<String, Value>) {
    if map.shift_remove("x-null").is_some() {
        return;
    }
    if let Some(Value::Array(kinds)) = map.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            map.insert("type".into(), kind);
        }
    }
    if let Some(Value::Array(words)) = map.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let Some(Value::Array(branches)) = map.get_mut("anyOf") else {
        return;
    };
    branches.retain(|branch| branch != &json!({ "type": "null" }));
    if branches.len() > 1 {
        return;
    }
    let Some(Value::Object(branch)) = branches.pop() else {
        return;
    };
    map.shift_remove("anyOf");
    if branch.contains_key("$ref") {
        map.insert("allOf".into(), json!([branch]));
    } else {
        for (keyword, value) in branch {
            // The field's own description says more than its type's.
            map.entry(keyword).or_insert(value);
        }
    }
}

fn words(map: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = map.get("oneOf") else {
        return;
    };
    let word = |branch: &Value| {
        Some((
            branch.get("const")?.clone(),
            branch.get("description")?.as_str()?.to_owned(),
        ))
    };
    let Some(described) = branches.iter().map(word).collect::<Option<Vec<_>>>() else {
        return;
    };
    let (words, meanings): (Vec<Value>, Vec<String>) = described.into_iter().unzip();
    map.shift_remove("oneOf");
    map.insert("type".into(), json!("string"));
    map.insert("enum".into(), Value::Array(words));
    map.insert(
        "enumDescriptions".into(),
        json!(meanings.iter().map(|m| one_line(m)).collect::<Vec<_>>()),
    );
}

/// Behind this stand, among the choices, the keys that belong to all of them and to none.
const ANYWHERE: &str = "*";

/// A mapping of which one key decides what it is. `choices` are the deciding keys, each with the keys that belong to
/// it, and perhaps [`ANYWHERE`]. All others are forbidden beside it, key by key, so that an editor underlines the one that is too many; `oneOf`
/// would underline everything and complete nothing.
fn decide(map: &mut Map<String, Value>, choices: &Value) {
    let (Some(choices), Some(Value::Object(fields))) = (choices.as_object(), map.get("properties")) else {
        return;
    };
    let belongs = |owner: &Value, key: &str| owner.as_array().is_some_and(|keys| keys.iter().any(|k| k == key));
    let anywhere = choices.get(ANYWHERE).cloned().unwrap_or_default();
    let choices: Map<String, Value> = choices
        .iter()
        .filter(|(choice, _)| *choice != ANYWHERE)
        .map(|(choice, its_own)| (choice.clone(), its_own.clone()))
        .collect();
    let mut dependencies = Map::new();
    for (choice, its_own) in &choices {
        let forbidden: Map<String, Value> = fields
            .keys()
            .filter(|key| *key != choice && !belongs(its_own, key) && !belongs(&anywhere, key))
            .map(|key| (key.clone(), Value::Bool(false)))
            .collect();
        dependencies.insert(choice.clone(), json!({ "properties": forbidden }));
    }
    for key in fields.keys().filter(|key| !choices.contains_key(*key)) {
        let owners: Vec<&String> = choices
            .iter()
            .filter(|(_, its_own)| belongs(its_own, key))
            .map(|(owner, _)| owner)
            .collect();
        match owners.as_slice() {
            // It stands for itself: a short card has no deciding key.
            [] => {}
            [owner] => {
                dependencies.insert(key.clone(), json!([owner]));
            }
            several => {
                let any: Vec<Value> = several.iter().map(|owner| json!({ "required": [owner] })).collect();
                dependencies.insert(key.clone(), json!({ "anyOf": any }));
            }
        }
    }
    map.insert("minProperties".into(), json!(1));
    map.insert("dependencies".into(), Value::Object(dependencies));
}

fn describe(map: &mut Map<String, Value>) {
    let Some(Value::String(description)) = map.get("description") else {
        return;
    };
    let description = one_line(description);
    map.insert(
        "description".into(),
        json!(description.replace("**", "").replace('`', "'")),
    );
    map.insert("markdownDescription".into(), json!(description));
}

/// Doc comments are wrapped where the source is; paragraphs stay.
fn one_line(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.replace('\n', " "))
        .collect::<Vec<_>>()
        .join("\n\n")
}
