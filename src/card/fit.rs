//! Makes a card small enough for Teams: lists are cut first (`+37 more`), then long texts; nothing is ever dropped as a
//! whole, and what comes out is below the limit.

use serde_json::{Value, json};

use crate::card::function::text::shortened;
use crate::card::profile::{SCHEMA, VERSION};
use crate::card::warning::Warnings;
use crate::card::{Card, Content};

/// What Teams takes of one message, counted as UTF-16, less what addressing and summary need.
pub const LIMIT: usize = 96_000;
/// What every way into Teams takes; larger cards work for bots and are worth a warning.
pub const PORTABLE: usize = 28_000;
/// Items that a cut list keeps, if need be.
const FEWEST: usize = 1;

/// The bytes Teams counts: two for each UTF-16 unit of the JSON.
pub(crate) fn size(value: &Value) -> usize {
    let text = value.to_string();
    2 * text.chars().map(char::len_utf16).sum::<usize>()
}

/// The card, no larger than `limit`.
pub(crate) fn fit(mut card: Value, limit: usize, seen: &mut Warnings) -> Value {
    if size(&card) <= limit {
        return card;
    }
    let before = size(&card);
    let told = |seen: &mut Warnings, what: &str| {
        seen.add(format!(
            "the card was too large for Teams ({} KB) and {what}",
            before / 1_000
        ));
    };
    shorten(&mut card, 4_000);
    let mut cut = 0;
    // Each round halves at least one list, so the number of rounds is small; the bound is a belt.
    for _ in 0..500 {
        let excess = match size(&card).checked_sub(limit) {
            None | Some(0) => {
                told(
                    seen,
                    if cut > 0 {
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
                cut += 1;
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

/// Marks of a list that was cut: how many items it already lost, so that two cuts add up.
const MORE: &str = " more";

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
}

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
                        && kept(items) > FEWEST.max(if key == "body" { 3 } else { 1 })
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

/// Cuts the list at `path` so that about `excess` bytes go, at most half of it at once unless it is long.
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
    // The line about the cut needs some room, too.
    while items.len() > FEWEST && gone < excess + 200 {
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
        Content::Text(text) => {
            let limit = PORTABLE.min(size(&Value::from(text.as_str())) / 2);
            Content::Text(fit_text(text.clone(), limit, &mut seen))
        }
    };
    let shorter = Card {
        content,
        summary: card.summary.clone(),
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
