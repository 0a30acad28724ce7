//! What is wrong with a file, where, why, and what to write instead.
//!
//! A part that judges a piece of a document (a schedule, a condition, a template) reports a [`Fault`]: it does not
//! know which file the piece stands in. Whoever holds the document turns it into a [`Diagnostic`] with a place.

pub mod annotation;
pub mod code;
pub mod place;
pub mod report;
pub mod sarif;

use std::ops::Range;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file works, but probably not as meant.
    Warning,
}

/// One step from the root of a document to a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Step {
    /// The value of this key.
    Key(String),
    /// The item at this place, from 0.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Step::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Step::Index(index)
    }
}

/// Which part of the place a fault underlines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Underline {
    /// The key that leads to the value.
    Key,
    /// The value.
    Value,
    /// These bytes of the value's text (as the YAML reader gives it, quotes taken off).
    Within(Range<usize>),
}

/// Something wrong with a piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Stable code, `area::name`: `cron::field`, `reference::template`.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// From the piece's root to the value; empty for the piece itself.
    pub path: Vec<Step>,
    /// What to underline there.
    pub underline: Underline,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// A few words under the caret.
    pub label: Option<String>,
    /// The way out: `did you mean "deploy-failed"?`
    pub help: Option<String>,
}

impl Fault {
    /// An error about the whole value of the piece.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            path: Vec::new(),
            underline: Underline::Value,
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// A warning about the whole value of the piece.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// Underlines these bytes of the value's text.
    pub fn within(mut self, range: Range<usize>) -> Self {
        self.underline = Underline::Within(range);
        self
    }

    /// Underlines the key instead of the value.
    pub fn on_key(mut self) -> Self {
        self.underline = Underline::Key;
        self
    }

    /// Sets the words under the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Sets the way out.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Puts a step before the path: the piece turned out to be a part of something larger.
    pub fn under(mut self, step: impl Into<Step>) -> Self {
        self.path.insert(0, step.into());
        self
    }
}

/// Bytes of a file.
pub type Span = Range<usize>;

/// Something wrong with a file, at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, `area::name`.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// The file, as seen from the workspace.
    pub file: String,
    /// The bytes to underline; empty when the file as a whole is meant (unreadable, too large).
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// A few words under the caret.
    pub label: Option<String>,
    /// The way out.
    pub help: Option<String>,
    /// Further places of the same file that belong to it: where a doubled key stood first.
    pub related: Vec<Related>,
}

/// A further place that belongs to a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The bytes to underline.
    pub span: Span,
    /// A few words under them.
    pub label: String,
}

impl Diagnostic {
    /// An error about a file as a whole.
    pub fn of_file(code: &'static str, file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            file: file.into(),
            span: 0..0,
            message: bounded(message.into()),
            label: None,
            help: None,
            related: Vec::new(),
        }
    }

    /// Sets the way out.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A fault, at the place where its piece turned out to be.
    pub fn located(fault: Fault, file: impl Into<String>, span: Span) -> Self {
        Self {
            code: fault.code,
            severity: fault.severity,
            file: file.into(),
            span,
            message: bounded(fault.message),
            label: fault.label.map(bounded),
            help: fault.help.map(bounded),
            related: Vec::new(),
        }
    }
}

/// The longest text compared for a near match, in bytes: what is longer is no slip, and comparing costs the product of
/// both lengths in memory.
const LONGEST_SLIP: usize = 200;

/// A sentence may quote what stands in a file, and that may be a megabyte.
fn bounded(mut sentence: String) -> String {
    const LONGEST: usize = 600;
    if let Some((cut, _)) = sentence.char_indices().nth(LONGEST) {
        sentence.truncate(cut);
        sentence.push('…');
    }
    sentence
}

/// The entry of `known` that is close enough to `written` to be meant, if any.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > LONGEST_SLIP {
        return None;
    }
    let lower = written.to_lowercase();
    let length = lower.chars().count();
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST_SLIP)
        .filter_map(|candidate| {
            let its_length = candidate.chars().count();
            let near = 1 + its_length.max(length) / 4;
            // The lengths alone can tell; comparing letter by letter is a hundred times as much work.
            if its_length.abs_diff(length) > near {
                return None;
            }
            let candidate_lower = candidate.to_lowercase();
            if letters_apart(&lower, &candidate_lower) > near {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&lower, &candidate_lower);
            (distance <= near).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters one of the two has that the other lacks: never more than the slips between them, and quickly known.
fn letters_apart(a: &str, b: &str) -> usize {
    let mut balance = [0_i32; 64];
    a.bytes().for_each(|byte| balance[usize::from(byte & 63)] += 1);
    b.bytes().for_each(|byte| balance[usize::from(byte & 63)] -= 1);
    if !(a.is_ascii() && b.is_ascii()) {
        // One letter can be several bytes.
        return 0;
    }
    let surplus: i32 = balance.iter().filter(|count| **count > 0).sum();
    let lack: i32 = balance.iter().filter(|count| **count < 0).map(|count| -count).sum();
    surplus.max(lack).unsigned_abs() as usize
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, letters_apart};

    #[test]
    fn letters_apart_are_never_more_than_the_slips_between_two_words() {
        let words = [
            "person",
            "persom",
            "eprson",
            "people",
            "members_of",
            "x",
            "",
            "event_type",
            "Perſon",
            "zoë",
        ];
        for a in words {
            for b in words {
                assert!(letters_apart(a, b) <= strsim::damerau_levenshtein(a, b), "{a} {b}");
            }
        }
    }

    #[test]
    fn a_slip_is_recognised_and_a_text_as_long_as_a_book_is_none() {
        assert_eq!(did_you_mean("persom", ["people", "person"]), Some("person"));
        assert_eq!(did_you_mean("zebra", ["people", "person"]), None);
        let long = "person".repeat(1_000_000);
        assert_eq!(did_you_mean(&long, ["person", &long]), None);
        assert_eq!(did_you_mean("person", [long.as_str()]), None);
    }
}
