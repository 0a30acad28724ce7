//! The one line that toasts and the activity feed show of a card.

use serde_json::Value;

use crate::card::function::text::shortened;

/// Characters of a summary.
const LONGEST: usize = 150;

/// The first words of a card, without markup; none when it has no words.
pub(crate) fn of_card(card: &Value) -> Option<String> {
    let mut texts: Vec<String> = Vec::new();
    gather(card.get("body")?, &mut texts);
    let first = texts.first()?.clone();
    // A title alone often says too little: `Deploy failed` of what?
    match texts.get(1) {
        Some(second) if first.chars().count() + second.chars().count() < LONGEST - 2 => {
            Some(format!("{}: {second}", first.trim_end_matches([':', '.'])))
        }
        _ => Some(shortened(&first, LONGEST)),
    }
}

/// The first words of a message, without markup.
pub(crate) fn of_text(text: &str) -> Option<String> {
    let line = text.lines().map(plain).find(|line| !line.is_empty())?;
    Some(shortened(&line, LONGEST))
}

/// A line that somebody wrote for this; none when nothing is left of it.
pub(crate) fn of_line(text: &str) -> Option<String> {
    let line = plain(text);
    (!line.is_empty()).then(|| shortened(&line, LONGEST))
}

/// The first two texts, in reading order.
fn gather(value: &Value, texts: &mut Vec<String>) {
    if texts.len() >= 2 {
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(fields) => {
            if fields.get("type").and_then(Value::as_str) == Some("TextBlock") {
                let text = fields
                    .get("text")
                    .and_then(Value::as_str)
                    .map(plain)
                    .unwrap_or_default();
                if !text.is_empty() {
                    texts.push(text);
                }
                return;
            }
            for key in ["items", "columns", "rows", "cells", "inlines"] {
                if let Some(inner) = fields.get(key) {
                    gather(inner, texts);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Markdown as its reader sees it, on one line: `**a** [b](c)` -> `a b`
pub(crate) fn plain(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => match after.chars().next() {
                Some(escaped) if escaped.is_ascii_punctuation() => {
                    out.push(escaped);
                    &after[escaped.len_utf8()..]
                }
                _ => {
                    out.push(c);
                    after
                }
            },
            '\u{200B}' | '*' => after,
            '_' if after.starts_with('_') => &after[1..],
            '<' => match ["at>", "/at>"].iter().find_map(|tag| after.strip_prefix(tag)) {
                Some(after) => after,
                None => {
                    out.push(c);
                    after
                }
            },
            ']' => match after.strip_prefix('(').and_then(|address| address.split_once(')')) {
                Some((_, after)) => {
                    // The bracket that begins the words of the link.
                    if let Some(begin) = out.rfind('[') {
                        out.remove(begin);
                    }
                    after
                }
                None => {
                    out.push(c);
                    after
                }
            },
            c => {
                out.push(c);
                after
            }
        };
    }
    let out = out.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn markup_is_not_read_aloud() {
        for (markdown, expected) in [
            (
                "**Deploy** of [run *7*](https://a.example/7) failed",
                "Deploy of run 7 failed",
            ),
            (
                "<at>Anna Berg</at>, \\*look\\* at snake_case",
                "Anna Berg, *look* at snake_case",
            ),
            ("a\n\nb\u{200B} [JIRA-1] (c) C:\\temp", "a b [JIRA-1] (c) C:\\temp"),
            ("R&amp;D 5 < 7", "R&D 5 < 7"),
        ] {
            assert_eq!(plain(markdown), expected);
        }
    }

    #[test]
    fn the_first_words_are_the_summary_wherever_they_stand() {
        let block = |text: &str| json!({ "type": "TextBlock", "text": text });
        let card = json!({ "body": [
            { "type": "Image", "url": "x" },
            { "type": "ColumnSet", "columns": [{ "items": [block(""), block("Title:")] }] },
            { "type": "Container", "items": [block("What happened")] },
        ] });
        assert_eq!(of_card(&card).as_deref(), Some("Title: What happened"));
        assert_eq!(
            of_card(&json!({ "body": [block(&"long ".repeat(100))] })).map(|text| text.chars().count()),
            Some(150)
        );
        assert_eq!(of_card(&json!({ "body": [{ "type": "Image", "url": "x" }] })), None);
        assert_eq!(of_text("\n\n# Hello\nyou").as_deref(), Some("# Hello"));
    }
}
