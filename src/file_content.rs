//! What a changed file says, as far as a rule may want it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::yaml;

/// Up to this size (bytes) a text file's lines are compared.
pub const TEXT_KEPT: usize = 16 * 1024;
/// Up to this size (bytes) a JSON, YAML or CSV file is read as data.
const DATA_KEPT: u64 = 256 * 1024;
/// How many rows of a CSV file, and how many added or removed lines, an event carries.
const ROWS_KEPT: usize = 500;

/// What was read from a file.
#[derive(Debug, Default)]
pub struct Content {
    /// The data of a JSON, YAML or CSV file; null for others, and when it is too large or broken.
    pub data: Value,
    /// The text, when it is short enough to compare lines.
    pub text: Option<String>,
}

/// Reads a file. One that is too large, vanished or is not text has no content: the event still says that it changed.
pub fn read(path: &Path) -> Content {
    if fs::metadata(path).map_or(true, |metadata| metadata.len() > DATA_KEPT) {
        return Content::default();
    }
    let Some(text) = fs::read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return Content::default();
    };
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let data = match ending.as_str() {
        "json" | "yaml" | "yml" => yaml::parse("file", &text)
            .document
            .map(|document| document.value)
            .unwrap_or_default(),
        "csv" => rows(&text).unwrap_or_default(),
        _ => Value::Null,
    };
    Content {
        data,
        text: (text.len() <= TEXT_KEPT).then_some(text),
    }
}

/// The rows of a CSV text with a header line, as a list of objects; columns may be separated by `;` as well.
fn rows(text: &str) -> Option<Value> {
    let header = text.lines().next()?;
    let delimiter = if header.matches(';').count() > header.matches(',').count() {
        b';'
    } else {
        b','
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(text.as_bytes());
    let headers = reader.headers().ok()?.clone();
    let mut rows = Vec::new();
    for record in reader.records().take(ROWS_KEPT) {
        let record = record.ok()?;
        let row: Map<_, _> = headers
            .iter()
            .zip(record.iter())
            .map(|(name, cell)| (name.to_owned(), Value::from(cell)))
            .collect();
        rows.push(Value::Object(row));
    }
    Some(Value::Array(rows))
}

/// The lines that are in one text more often than in the other: (added, removed), each at most 500, in the order of
/// their text. `None` when either text is not known.
pub fn lines_changed(before: Option<&str>, after: Option<&str>) -> Option<(Vec<String>, Vec<String>)> {
    let (before, after) = (before?, after?);
    let count = |text: &str| {
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        for line in text.lines() {
            *lines.entry(line.to_owned()).or_default() += 1;
        }
        lines
    };
    let mut left = count(before);
    let mut added = Vec::new();
    for line in after.lines() {
        match left.get_mut(line).filter(|times| **times > 0) {
            Some(times) => *times -= 1,
            None => added.push(line.to_owned()),
        }
    }
    let mut removed = Vec::new();
    let mut spare = count(after);
    for line in before.lines() {
        match spare.get_mut(line).filter(|times| **times > 0) {
            Some(times) => *times -= 1,
            None => removed.push(line.to_owned()),
        }
    }
    added.truncate(ROWS_KEPT);
    removed.truncate(ROWS_KEPT);
    Some((added, removed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_and_removed_lines_are_told_and_repeated_lines_counted() {
        let changed = lines_changed(Some("a\nb\nb\n"), Some("b\nc\n"));
        assert_eq!(changed, Some((vec!["c".into()], vec!["a".into(), "b".into()])));
    }

    #[test]
    fn a_csv_file_becomes_a_list_of_rows_by_column_name() {
        let rows = rows("name;price\napple;3\npear;4\n").expect("rows");
        assert_eq!(rows[1]["price"], "4");
    }
}
