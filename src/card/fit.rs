//! Makes a card small enough for Teams: lists are cut first (`+37 more`), then long texts; nothing is ever dropped as a
//! whole, and what comes out is below the limit.

use serde_json::{Value, json};

use crate::card::function::text::shortened;
use crate::card::profile::{SCHEMA, VERSION};
use crate::card::warning::Warnings;
use crate::card::{Card, Content, mention};
use crate::diagnostic::Step;

/// What Teams takes of one message, counted as UTF-16, less what addressing and summary need.
pub const LIMIT: usize = 96_000;
/// What every way into Teams takes; larger cards work for bots and are worth a warning.
pub const PORTABLE: usize = 28_000;
/// Items that a cut list keeps, if need be.
const FEWEST: usize = 1;
/// The body keeps its first elements: they say what the card is about.
const FEWEST_IN_BODY: usize = 3;

/// The bytes Teams counts: two for each UTF-16 unit of the JSON.
pub(crate) fn size(value: &Value) -> usize {
    let text = value.to_string();
    2 * text.chars().map(char::len_utf16).sum::<usize>()
}

/// The card, no larger than `limit`.
pub(crate) fn fit(card: Value, limit: usize, seen: &mut Warnings) -> Value {
    if size(&card) <= limit {
        return card;
    }
    let mut card = cut(card, limit, seen);
    mention::prune(&mut card);
    card
}

fn cut(mut card: Value, limit: usize, seen: &mut Warnings) -> Value {
    let before = size(&card);
    let told = |seen: &mut Warnings, what: &str| {
        seen.add(format!(
            "the card was too large for Teams ({} KB) and {what}",
            before / 1_000
        ));
    };
    shorten(&mut card, 4_000);
    if size(&card) > limit {
        drop_heavy(&mut card, limit / 8, seen);
    }
    let mut lists = 0;
    // Each round takes what is too much from one list; the bound is for cards of very many short ones.
    for _ in 0..200 {
        let excess = match size(&card).checked_sub(limit) {
            None | Some(0) => {
                told(
                    seen,
                    if lists > 0 {
                        "its lists were cut"
                    } else {
                        "its texts were cut"
                    },
                );
                return card;
            }
            Some(excess) => excess,
        };
        match longest_list(&card) {
            Some(path) => {
                lists += 1;
                cut_list(&mut card, &path, excess);
            }
            None => break,
        }
    }
    for length in [1_000, 300, 80] {
        shorten(&mut card, length);
        if size(&card) <= limit {
            told(seen, "its lists and texts were cut");
            return card;
        }
    }
    told(seen, "only its beginning is shown");
    beginning(&card)
}

/// Ends the line that tells of a cut, which is read again so that two cuts add up.
const MORE: &str = " more";

/// Lists whose items are worth less than the card.
const CUTTABLE: [&str; 8] = [
    "body", "items", "facts", "rows", "actions", "images", "choices", "inlines",
];

/// The list that takes the most room and can still be cut.
fn longest_list(card: &Value) -> Option<Vec<Step>> {
    let mut best: Option<(usize, Vec<Step>)> = None;
    let mut waiting: Vec<(Vec<Step>, &Value)> = vec![(Vec::new(), card)];
    while let Some((path, value)) = waiting.pop() {
        match value {
            Value::Object(fields) => {
                for (key, inner) in fields
                    .iter()
                    .filter(|(key, _)| !matches!(key.as_str(), "data" | "msteams"))
                {
                    let mut path = path.clone();
                    path.push(Step::Key(key.clone()));
                    if let Value::Array(items) = inner
                        && CUTTABLE.contains(&key.as_str())
                        && kept(items) > if key == "body" { FEWEST_IN_BODY } else { FEWEST }
                    {
                        // A list is worth cutting by what its items take on average: many small ones go first.
                        let weight = size(inner) * kept(items).ilog2().max(1) as usize;
                        if best.as_ref().is_none_or(|(known, _)| weight > *known) {
                            best = Some((weight, path.clone()));
                        }
                    }
                    waiting.push((path, inner));
                }
            }
            Value::Array(items) => {
                for (index, inner) in items.iter().enumerate() {
                    let mut path = path.clone();
                    path.push(Step::Index(index));
                    waiting.push((path, inner));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    best.map(|(_, path)| path)
}

/// Items of a list without the line that tells of a cut.
fn kept(items: &[Value]) -> usize {
    items.len() - usize::from(items.last().is_some_and(|last| already_cut(last) > 0))
}

/// Cuts the list at `path` so that about `excess` bytes go.
fn cut_list(card: &mut Value, path: &[Step], excess: usize) {
    let key = path.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.clone()),
        Step::Index(_) => None,
    });
    let mut value = card;
    for step in path {
        let next = match step {
            Step::Key(key) => value.get_mut(key.as_str()),
            Step::Index(index) => value.get_mut(*index),
        };
        match next {
            Some(next) => value = next,
            None => return,
        }
    }
    let Value::Array(items) = value else { return };
    let mut lost = items.last().map_or(0, already_cut);
    if lost > 0 {
        items.pop();
    }
    let sizes: Vec<usize> = items.iter().map(size).collect();
    let mut gone = 0;
    let fewest = if key.as_deref() == Some("body") {
        FEWEST_IN_BODY
    } else {
        FEWEST
    };
    // The line about the cut needs some room, too.
    while items.len() > fewest && gone < excess + 200 {
        gone += sizes[items.len() - 1];
        items.pop();
        lost += 1;
    }
    items.extend(more(key.as_deref().unwrap_or_default(), lost));
}

/// What stands for `lost` items at the end of a list.
fn more(key: &str, lost: usize) -> Option<Value> {
    let text = format!("+{lost}{MORE}");
    let block = json!({ "type": "TextBlock", "text": text, "isSubtle": true, "wrap": true });
    match key {
        "body" | "items" => Some(block),
        "facts" => Some(json!({ "title": text, "value": "" })),
        "rows" => Some(json!({ "type": "TableRow", "cells": [{ "type": "TableCell", "items": [block] }] })),
        "inlines" => Some(json!({ "type": "TextRun", "text": format!(" {text}"), "isSubtle": true })),
        _ => None,
    }
}

/// How many items a line about a cut stands for; 0 for any other item.
fn already_cut(item: &Value) -> usize {
    let text = item
        .get("text")
        .or_else(|| item.get("title"))
        .or_else(|| item.pointer("/cells/0/items/0/text"))
        .and_then(Value::as_str);
    let number = text.and_then(|text| text.trim().strip_prefix('+')?.strip_suffix(MORE));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Cuts every text for people to `length` characters, and takes out pictures that are written out as data.
fn shorten(value: &mut Value, length: usize) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields.iter_mut() {
                match inner {
                    Value::String(text)
                        if matches!(
                            key.as_str(),
                            "text"
                                | "title"
                                | "value"
                                | "altText"
                                | "placeholder"
                                | "label"
                                | "fallbackText"
                                | "speak"
                                | "codeSnippet"
                        ) && text.len() > length =>
                    {
                        *text = whole(&shortened(text, length));
                    }
                    Value::Array(_) | Value::Object(_) if key != "msteams" && key != "data" => shorten(inner, length),
                    _ => {}
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shorten(item, length)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Takes out buttons that would send back more than `most` bytes, and pictures written out as data of that size: they
/// cannot be cut, and would cost the card all its words.
fn drop_heavy(value: &mut Value, most: usize, seen: &mut Warnings) {
    let is_heavy = |item: &Value| {
        let data = item.get("data").map_or(0, size);
        let picture = item
            .get("url")
            .and_then(Value::as_str)
            .filter(|url| url.starts_with("data:"))
            .map_or(0, str::len);
        data > most || picture > most
    };
    match value {
        Value::Array(items) => {
            let before = items.len();
            items.retain(|item| !is_heavy(item));
            if items.len() < before {
                seen.add("a button or picture that holds too much data was left out");
            }
            items.iter_mut().for_each(|item| drop_heavy(item, most, seen));
        }
        Value::Object(fields) => {
            fields.retain(|key, inner| key != "selectAction" || !is_heavy(inner));
            fields.values_mut().for_each(|inner| drop_heavy(inner, most, seen));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A cut text without half a link, half a mention or half an escape at its end.
fn whole(text: &str) -> String {
    let body = text.trim_end_matches('…');
    let open_link = body.rfind('[').filter(|at| !body[*at..].contains(')'));
    let open_mention = body.rfind("<at>").filter(|at| !body[*at..].contains("</at>"));
    let end = [open_link, open_mention]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(body.len());
    let tail = body.len() - end;
    // A lone bracket long ago is no link.
    let end = if tail > 2_500 { body.len() } else { end };
    format!("{}…", body[..end].trim_end_matches('\\'))
}

/// The least a card can be: its first words.
fn beginning(card: &Value) -> Value {
    let words = crate::card::summary::of_card(card).unwrap_or_else(|| "…".to_owned());
    let words = crate::card::escape::neutral(&words, crate::card::escape::Dialect::Card, "");
    json!({
        "type": "AdaptiveCard", "$schema": SCHEMA, "version": VERSION,
        "body": [{ "type": "TextBlock", "text": shortened(&words, 500), "wrap": true }],
    })
}

/// The card at half its size, or at [`PORTABLE`] if that is smaller: for one that Teams refused although it was within
/// [`LIMIT`]. `None` when it cannot become smaller.
pub fn shorter(card: &Card) -> Option<Card> {
    let mut seen = Warnings::new();
    let content = match &card.content {
        Content::Adaptive(value) => {
            let limit = PORTABLE.min(size(value) / 2);
            Content::Adaptive(fit(value.clone(), limit, &mut seen))
        }
        Content::Notification(_) => return None,
        Content::Text(text) => {
            let limit = PORTABLE.min(size(&Value::from(text.as_str())) / 2);
            Content::Text(fit_text(text.clone(), limit, &mut seen))
        }
    };
    let shorter = Card {
        content,
        ..card.clone()
    };
    (shorter != *card).then_some(shorter)
}

/// A message in plain text, no larger than `limit`.
pub(crate) fn fit_text(text: String, limit: usize, seen: &mut Warnings) -> String {
    let size = |text: &str| size(&Value::from(text));
    if size(&text) <= limit {
        return text;
    }
    seen.add(format!(
        "the message was too large for Teams ({} KB) and was cut",
        size(&text) / 1_000
    ));
    let mut length = limit / 2;
    loop {
        let cut = whole(&shortened(&text, length));
        if size(&cut) <= limit || length < 10 {
            return cut;
        }
        length /= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(card: Value) -> (Value, Vec<String>) {
        let mut seen = Warnings::new();
        let card = fit(card, LIMIT, &mut seen);
        assert!(size(&card) <= LIMIT);
        (card, seen.into_vec())
    }

    fn block(text: &str) -> Value {
        json!({ "type": "TextBlock", "text": text })
    }

    #[test]
    fn a_card_that_fits_is_left_alone() {
        let card = json!({ "type": "AdaptiveCard", "body": [block("hello")] });
        assert_eq!(fitted(card.clone()), (card, Vec::new()));
    }

    #[test]
    fn a_long_text_is_cut_and_the_rest_stays() {
        let card = json!({ "type": "AdaptiveCard", "body": [block("Title"), block(&"words ".repeat(30_000)), block("End")] });
        let (card, warnings) = fitted(card);
        assert_eq!(card["body"][0], block("Title"));
        assert_eq!(card["body"][2], block("End"));
        assert!(card["body"][1]["text"].as_str().expect("a text").ends_with('…'));
        assert_eq!(
            warnings,
            ["the card was too large for Teams (360 KB) and its texts were cut"]
        );
    }

    #[test]
    fn a_list_within_a_list_says_how_many_are_missing() {
        let rows: Vec<Value> = (0..900)
            .map(|n| json!({ "type": "TableRow", "cells": [{ "type": "TableCell", "items": [block(&format!("row {n} {}", "x".repeat(60)))] }] }))
            .collect();
        let card = json!({ "type": "AdaptiveCard", "body": [block("Title"), { "type": "Table", "rows": rows }] });
        let (card, _) = fitted(card);
        let rows = card["body"][1]["rows"].as_array().expect("rows");
        let last = rows
            .last()
            .expect("a row")
            .pointer("/cells/0/items/0/text")
            .and_then(Value::as_str);
        assert_eq!(last, Some(format!("+{} more", 900 - (rows.len() - 1)).as_str()));
    }

    #[test]
    fn the_top_of_a_long_body_stays() {
        let body: Vec<Value> = (0..2_000)
            .map(|n| block(&format!("line {n} {}", "y".repeat(90))))
            .collect();
        let (card, _) = fitted(json!({ "type": "AdaptiveCard", "body": body }));
        let body = card["body"].as_array().expect("a body");
        assert!(body[0]["text"].as_str().expect("a text").starts_with("line 0"));
        assert_eq!(
            body.last().expect("a line")["text"],
            format!("+{} more", 2_000 - (body.len() - 1))
        );
        assert!(body.len() > 200);
    }

    #[test]
    fn a_button_with_too_much_to_send_back_does_not_cost_the_words() {
        let action = json!({ "type": "Action.Submit", "title": "Go", "data": { "all": "z".repeat(200_000) } });
        let open = json!({ "type": "Action.OpenUrl", "title": "Open", "url": "https://a.example/" });
        let card = json!({ "type": "AdaptiveCard", "body": [block("Title")], "actions": [action, open] });
        let (card, warnings) = fitted(card);
        assert_eq!(card["actions"], json!([open]));
        assert_eq!(card["body"], json!([block("Title")]));
        assert!(warnings[0].contains("too much data"));
    }

    #[test]
    fn a_cut_ends_before_a_link_and_not_within_it() {
        assert_eq!(whole("see [the run](https://a.ex…"), "see …");
        assert_eq!(
            whole("see [the run](https://a.example/) and mo…"),
            "see [the run](https://a.example/) and mo…"
        );
        assert_eq!(whole("for <at>Anna B…"), "for …");
        assert_eq!(whole("a \\…"), "a …");
    }

    #[test]
    fn what_cannot_be_cut_leaves_the_first_words() {
        let fields: serde_json::Map<String, Value> = (0..20_000).map(|n| (format!("k{n}"), json!(n))).collect();
        let card = json!({ "type": "AdaptiveCard", "body": [block("Deploy **failed**")], "metadata": fields });
        let (card, warnings) = fitted(card);
        assert_eq!(card["body"][0]["text"], "Deploy failed");
        assert!(warnings[0].contains("only its beginning"));
    }
}
