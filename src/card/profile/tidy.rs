//! A filled card, made presentable.

use serde_json::{Map, Value};

use super::vocabulary::{ACTIONS, ELEMENTS, Sort, is_shown, setting, sort_under};
use super::{DEEPEST, SCHEMA, VERSION};
use crate::card::warning::Warnings;

/// Makes a filled card presentable: adds what every card has, and takes out elements that lost what they need (a fact
/// list that is no list, an image without address), because Teams refuses the whole card for one of them.
///
/// None when it is no card at all, or nothing of it is left.
pub(crate) fn tidy(card: Value, seen: &mut Warnings) -> Option<Value> {
    let Value::Object(mut fields) = card else { return None };
    tidy_object(&mut fields, Sort::Card, seen, 0);
    let has = |fields: &Map<String, Value>, key: &str| {
        fields
            .get(key)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty())
    };
    if !has(&fields, "body") && !has(&fields, "actions") {
        return None;
    }
    let mut card = Map::new();
    card.insert("type".to_owned(), Value::from("AdaptiveCard"));
    card.insert("$schema".to_owned(), Value::from(SCHEMA));
    let version = match fields.get("version").filter(|version| is_shown(version)) {
        Some(Value::String(version)) => version.clone(),
        Some(Value::Number(version)) if version.is_f64() => version.to_string(),
        _ => VERSION.to_owned(),
    };
    card.insert("version".to_owned(), Value::from(version));
    card.extend(
        fields
            .into_iter()
            .filter(|(key, _)| !matches!(key.as_str(), "type" | "$schema" | "version")),
    );
    Some(Value::Object(card))
}

fn tidy_object(fields: &mut Map<String, Value>, sort: Sort, seen: &mut Warnings, depth: usize) {
    let kind = fields.get("type").and_then(Value::as_str).map(str::to_owned);
    let mut lost: Vec<String> = Vec::new();
    for (key, value) in fields.iter_mut() {
        let is_text = matches!(key.as_str(), "text" | "title" | "altText") || (sort == Sort::Fact && key == "value");
        if is_text && matches!(value, Value::Number(_) | Value::Bool(_)) {
            *value = Value::String(value.to_string());
        }
        if let Some(setting) = setting(key) {
            match setting.accept(value) {
                Some(accepted) => *value = accepted,
                None => {
                    let written: String = value.to_string().chars().take(40).collect();
                    seen.add(format!(
                        "`{key}` came to `{written}` and is left out; it is {}",
                        setting.wanted()
                    ));
                    lost.push(key.clone());
                }
            }
            continue;
        }
        let Some(inner) = sort_under(sort, kind.as_deref(), key) else {
            continue;
        };
        match value {
            Value::Array(items) if !matches!(key.as_str(), "selectAction" | "card" | "action") => {
                items.retain_mut(|item| keep(item, inner, seen, depth + 1));
            }
            Value::Object(_)
                if matches!(
                    key.as_str(),
                    "selectAction" | "inlineAction" | "action" | "card" | "fallback"
                ) =>
            {
                if !keep(value, inner, seen, depth + 1) {
                    lost.push(key.clone());
                }
            }
            Value::String(_) if key == "fallback" => {}
            _ => {
                seen.add(format!(
                    "`{key}` came to something that is no list of elements and is left out"
                ));
                lost.push(key.clone());
            }
        }
    }
    for key in lost {
        fields.remove(&key);
    }
}

/// Whether a filled part of a card can stay.
fn keep(value: &mut Value, sort: Sort, seen: &mut Warnings, depth: usize) -> bool {
    if depth > DEEPEST {
        return false;
    }
    if sort == Sort::Inline && value.is_string() {
        return true;
    }
    let Value::Object(fields) = value else {
        seen.add("something that is no element stands among the elements of the card and is left out");
        return false;
    };
    tidy_object(fields, sort, seen, depth);
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let known = match sort {
        Sort::Element => ELEMENTS,
        Sort::Action => ACTIONS,
        Sort::Fact => {
            let is_text = |key: &str| fields.get(key).is_some_and(Value::is_string);
            return is_text("title") && is_text("value");
        }
        Sort::Image => return fields.get("url").is_some_and(Value::is_string),
        Sort::Choice | Sort::Column | Sort::Row | Sort::Cell | Sort::Inline => return true,
        Sort::Card => return fields.contains_key("body"),
    };
    let Some((_, needed)) = known.iter().find(|(name, _)| *name == kind) else {
        seen.add(format!("`{kind}` is nothing that Teams shows and is left out"));
        return false;
    };
    let complete = needed.iter().all(|key| match fields.get(*key) {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(_) | Value::Object(_)) => true,
        Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => false,
    });
    // An empty list of facts or alerts is no mistake, only nothing to show.
    complete
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tidied(body: Value) -> (Value, Vec<String>) {
        let mut seen = Warnings::new();
        let card = tidy(json!({ "body": body }), &mut seen);
        (card.map_or(Value::Null, |card| card["body"].clone()), seen.into_vec())
    }

    #[test]
    fn a_card_says_what_it_is() {
        let card = tidy(
            json!({ "body": [{ "type": "TextBlock", "text": "x" }], "version": 1.4 }),
            &mut Warnings::new(),
        );
        let card = card.expect("a card");
        let keys: Vec<&String> = card.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["type", "$schema", "version", "body"]);
        assert_eq!(
            (&card["type"], &card["version"]),
            (&json!("AdaptiveCard"), &json!("1.4"))
        );
    }

    #[test]
    fn what_teams_would_refuse_is_left_out_and_the_rest_stays() {
        let good = json!({ "type": "TextBlock", "text": "x" });
        let (body, warnings) = tidied(json!([
            good,
            { "type": "FactSet", "facts": [] },
            { "type": "FactSet", "facts": [{ "title": "a", "value": 3 }, { "title": "b" }] },
            { "type": "Container", "items": "none" },
            { "type": "Evil" },
            { "type": "ColumnSet", "columns": [{ "type": "Column", "items": [{ "type": "Image" }, good] }] },
            "text",
            { "type": "TextBlock", "text": 42, "wrap": "TRUE", "maxLines": "3", "color": "purple", "isSubtle": 1 },
        ]));
        assert_eq!(
            body,
            json!([
                good,
                { "type": "FactSet", "facts": [{ "title": "a", "value": "3" }] },
                { "type": "ColumnSet", "columns": [{ "type": "Column", "items": [good] }] },
                { "type": "TextBlock", "text": "42", "wrap": true, "maxLines": 3 },
            ])
        );
        assert_eq!(warnings.len(), 5, "{warnings:#?}");
    }

    #[test]
    fn nothing_to_show_is_no_card() {
        assert_eq!(tidied(json!([])).0, Value::Null);
        assert_eq!(tidied(json!("x")).0, Value::Null);
        assert_eq!(tidy(json!([1]), &mut Warnings::new()), None);
    }
}
