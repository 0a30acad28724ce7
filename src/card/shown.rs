//! The texts that a reader of a card sees, in reading order.

use serde_json::Value;

use super::summary::plain;
use super::{Card, Content};

/// Every text of the card, without markup, and the addresses that its buttons open, each behind its button.
pub fn texts(card: &Card) -> Vec<String> {
    let mut texts = Vec::new();
    match &card.content {
        Content::Notification(notification) => {
            let parameters = notification["templateParameters"].as_array().into_iter().flatten();
            let said = parameters.map(|one| &one["value"]);
            let rest = [
                &notification["activityType"],
                &notification["topic"]["value"],
                &notification["previewText"]["content"],
                &notification["topic"]["webUrl"],
            ];
            let all = said.chain(rest).filter_map(Value::as_str);
            texts.extend(all.filter(|text| !text.is_empty()).map(str::to_owned));
        }
        Content::Text(text) => lines(text, &mut texts),
        Content::Adaptive(card) => walk(card, &mut texts),
    }
    texts
}

fn lines(markdown: &str, texts: &mut Vec<String>) {
    texts.extend(markdown.lines().map(plain).filter(|line| !line.is_empty()));
}

fn walk(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for item in items {
                match item {
                    // A run of a rich text.
                    Value::String(text) => lines(text, texts),
                    item => walk(item, texts),
                }
            }
        }
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str);
            let kind = text("type").unwrap_or_default();
            // A fact has no type: name and value are read as one.
            if kind.is_empty()
                && let (Some(title), Some(value)) = (text("title"), text("value"))
            {
                lines(&format!("{title}: {value}"), texts);
                return;
            }
            for key in ["label", "text", "placeholder", "altText"] {
                if let Some(shown) = text(key) {
                    lines(shown, texts);
                }
            }
            // Of a choice too.
            if let Some(title) = text("title") {
                lines(title, texts);
            }
            if let (true, Some(address)) = (kind == "Action.OpenUrl", text("url")) {
                texts.push(address.to_owned());
            }
            for (key, below) in fields {
                // What Teams does with a press is not shown, and neither are the words of mentions twice.
                if !["data", "msteams", "fallback"].contains(&key.as_str()) && (below.is_object() || below.is_array())
                {
                    walk(below, texts);
                }
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_reader_sees_is_listed_in_reading_order() {
        let card = Card::new(
            Content::Adaptive(json!({
                "type": "AdaptiveCard",
                "body": [
                    { "type": "TextBlock", "text": "**Deploy** failed" },
                    { "type": "ColumnSet", "columns": [{ "type": "Column", "items": [
                        { "type": "FactSet", "facts": [{ "title": "By", "value": "Anna" }] },
                        { "type": "Image", "url": "https://a.example/x.png", "altText": "A logo" },
                    ] }] },
                    { "type": "RichTextBlock", "inlines": ["plain", { "type": "TextRun", "text": "run" }] },
                ],
                "actions": [{ "type": "Action.OpenUrl", "title": "Open", "url": "https://a.example/log" }],
                "msteams": { "entities": [{ "type": "mention", "text": "<at>x</at>" }] },
            })),
            String::new(),
        );
        let seen = texts(&card);
        assert_eq!(
            seen,
            [
                "Deploy failed",
                "By: Anna",
                "A logo",
                "plain",
                "run",
                "Open",
                "https://a.example/log"
            ]
        );
    }
}
