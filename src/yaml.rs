//! YAML (and JSON, which is YAML) as a value with places: every key and every value knows its bytes.
//!
//! The reader goes on after a fault wherever it can, so that an author sees all of them at once. Nothing in a file can
//! make it slow or large: a file is bounded, nesting is bounded, and so is what aliases expand to.

mod encoding;
mod reader;
mod scalar;
mod syntax;

use indexmap::IndexMap;
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Span, Step, Underline};

pub use encoding::decode;

/// How large a file may be, in bytes.
pub const LARGEST: usize = 1 << 20;
/// How many lists and mappings may stand inside each other.
pub const DEEPEST: usize = 64;

/// How many faults are told of one file; who has more mends these first.
pub const MOST_FAULTS: usize = 1_000;

/// What became of a text.
#[derive(Debug)]
pub struct Parsed {
    /// The document; `None` when it could not be read to its end.
    pub document: Option<Document>,
    /// What is wrong or doubtful, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// A value and where each part of it was written.
#[derive(Debug, Clone)]
pub struct Document {
    /// The value. Keys are in the order of the file. An empty file is `null`.
    pub value: Value,
    root: Node,
    text: String,
}

#[derive(Debug, Clone)]
struct Node {
    span: Span,
    shape: Shape,
}

#[derive(Debug, Clone)]
enum Shape {
    Scalar,
    List(Vec<Node>),
    Map(IndexMap<String, Entry>),
}

#[derive(Debug, Clone)]
struct Entry {
    key: Span,
    node: Node,
}

/// Reads a document. `file` is its name in the diagnostics. Texts beyond [`LARGEST`] are refused.
pub fn parse(file: &str, text: &str) -> Parsed {
    if text.len() > LARGEST {
        return Parsed {
            document: None,
            diagnostics: vec![too_large(file)],
        };
    }
    let (tree, diagnostics) = reader::read(file, text);
    Parsed {
        document: tree.map(|(value, root)| Document {
            value,
            root,
            text: text.to_owned(),
        }),
        diagnostics,
    }
}

/// The diagnostic for a file beyond [`LARGEST`].
pub fn too_large(file: &str) -> Diagnostic {
    Diagnostic::of_file(
        "file::too_large",
        file,
        "this file is larger than 1 MiB, so it was not read",
    )
    .help("rules, templates and settings are small texts; move data elsewhere")
}

impl Document {
    /// The bytes of what `underline` names at the value that `path` leads to. Where the path leaves the document, the
    /// last part of it that exists is taken.
    pub fn locate(&self, path: &[Step], underline: &Underline) -> Span {
        let mut node = &self.root;
        let mut value = &self.value;
        let mut key: Option<&Span> = None;
        let mut whole = true;
        for step in path {
            let next = match (step, &node.shape) {
                (Step::Key(name), Shape::Map(entries)) => entries
                    .get(name)
                    .map(|entry| (&entry.node, &value[name.as_str()], Some(&entry.key))),
                (Step::Index(index), Shape::List(items)) => {
                    items.get(*index).map(|item| (item, &value[*index], None))
                }
                (Step::Key(_) | Step::Index(_), Shape::Scalar | Shape::List(_) | Shape::Map(_)) => None,
            };
            let Some((below, its_value, its_key)) = next else {
                whole = false;
                break;
            };
            (node, value) = (below, its_value);
            // An item of a list has no key of its own; the list's key would be a long way off.
            key = its_key;
        }
        match (underline, key) {
            (Underline::Key, Some(key)) => key.clone(),
            (Underline::Within(range), _) if whole => self.within(node, value, range),
            (Underline::Key | Underline::Value | Underline::Within(_), _) => self.shown(node, key),
        }
    }

    /// All bytes of the value that `path` leads to, and of its key; nothing where the path leaves the document.
    pub fn extent(&self, path: &[Step]) -> Option<Span> {
        let mut extent = self.root.span.clone();
        let mut node = &self.root;
        for step in path {
            (node, extent) = match (step, &node.shape) {
                (Step::Key(name), Shape::Map(entries)) => {
                    let entry = entries.get(name)?;
                    (&entry.node, entry.key.start..entry.node.span.end.max(entry.key.end))
                }
                (Step::Index(index), Shape::List(items)) => {
                    let item = items.get(*index)?;
                    (item, item.span.clone())
                }
                (Step::Key(_) | Step::Index(_), Shape::Scalar | Shape::List(_) | Shape::Map(_)) => return None,
            };
        }
        Some(extent)
    }

    /// The value that `path` leads to.
    pub fn at(&self, path: &[Step]) -> Option<&Value> {
        path.iter().try_fold(&self.value, |value, step| match step {
            Step::Key(name) => value.get(name),
            Step::Index(index) => value.get(index),
        })
    }

    /// What stands in the file at the value that `path` leads to, quotes included.
    pub fn written(&self, path: &[Step]) -> &str {
        self.text.get(self.locate(path, &Underline::Value)).unwrap_or_default()
    }

    /// A value over several lines is shown by its key, or by its first line.
    fn shown(&self, node: &Node, key: Option<&Span>) -> Span {
        let text = self.text.get(node.span.clone()).unwrap_or_default();
        match (text.find('\n'), key) {
            (None, Some(key)) if text.is_empty() => key.clone(),
            (None, _) => node.span.clone(),
            (Some(_), Some(key)) => key.clone(),
            (Some(newline), None) => {
                let line = text[..newline].trim_end();
                node.span.start..node.span.start + line.len()
            }
        }
    }

    /// Bytes of a text, found again in its spelling. Escapes and folded lines are looked for; what cannot be found
    /// is shown as a whole.
    fn within(&self, node: &Node, value: &Value, range: &std::ops::Range<usize>) -> Span {
        let whole = || self.shown(node, None);
        let (Value::String(content), Some(spelling)) = (value, self.text.get(node.span.clone())) else {
            return whole();
        };
        let Some(wanted) = content.get(range.clone()) else {
            return whole();
        };
        let open = usize::from(spelling.starts_with(['"', '\'']));
        if spelling.get(open..open + content.len()) == Some(content.as_str()) {
            let start = node.span.start + open;
            return start + range.start..start + range.end;
        }
        let wanted = wanted.lines().next().unwrap_or_default();
        if wanted.is_empty() {
            return whole();
        }
        // The n-th time in the value is the n-th time in the spelling.
        let before = content[..range.start].matches(wanted).count();
        match spelling.match_indices(wanted).nth(before) {
            Some((offset, _)) => node.span.start + offset..node.span.start + offset + wanted.len(),
            None => whole(),
        }
    }
}

#[cfg(test)]
mod tests;
