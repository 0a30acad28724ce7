//! The wording of a message that a rule waits for: words, and `*` for any text.

use crate::diagnostic::Fault;
use crate::event::plain;

/// How long a wording may be, in characters; every part of it is looked for in every message.
const LONGEST: usize = 500;

/// A compiled wording. A message meets it as a whole: capitals do not matter, nor how many blanks and line ends stand
/// between words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    written: String,
    /// What stands between the `*`, in small letters; one more than there are of these.
    parts: Vec<String>,
}

impl Wording {
    /// Reads a wording.
    ///
    /// # Errors
    /// It says nothing, or is too long.
    pub fn parse(written: &str) -> Result<Wording, Fault> {
        let plain = plain(written);
        if plain.is_empty() {
            let fault = Fault::error("rule::message", "there are no words here");
            return Err(fault.help("write what people say, such as `status`; `\"*\"` is any message"));
        }
        if plain.chars().count() > LONGEST {
            let fault = Fault::error("rule::message", format!("a wording has at most {LONGEST} characters"));
            return Err(fault.help("write its beginning and `*`, which stands for any text"));
        }
        Ok(Wording {
            written: written.trim().to_owned(),
            parts: plain.split('*').map(str::to_owned).collect(),
        })
    }

    /// As it was written, without blanks around it.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether somebody who wrote `text`, a [`plain`] one, said this. `*` stands for any text, also for none; the blank
    /// beside it does not matter where it stands for none.
    pub fn is_said(&self, text: &str) -> bool {
        let Some((first, rest)) = self.parts.split_first() else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return text == first;
        };
        // `status *` is said by `status`: nobody sees the blank.
        if middle.is_empty() && last.is_empty() && text == first.trim_end() {
            return true;
        }
        if middle.is_empty() && first.is_empty() && text == last.trim_start() {
            return true;
        }
        let Some(mut left) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        // The leftmost place of each part leaves most for those after it.
        for part in middle {
            let Some(at) = left.find(part.as_str()) else {
                return false;
            };
            left = &left[at + part.len()..];
        }
        left.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_met_as_a_whole_whatever_its_capitals_and_blanks() {
        let table: [(&str, &[&str], &[&str]); 8] = [
            (
                "status",
                &["status", "Status", "  STATUS\n"],
                &["status?", "the status", "status platform", ""],
            ),
            ("on call", &["on call", "On\u{a0} \n call"], &["oncall"]),
            (
                "status *",
                &["status", "status platform", "status a b"],
                &["statuses", "my status"],
            ),
            ("status*", &["status", "statuses", "status a"], &["my status"]),
            ("* please", &["please", "help me please"], &["please help"]),
            ("*deploy*", &["deploy", "please deploy now", "redeployed"], &["depl oy"]),
            ("who is * on * call", &["who is now on first call"], &["who is on call"]),
            ("*", &["", "anything"], &[]),
        ];
        for (written, said, not_said) in table {
            let wording = Wording::parse(written).unwrap();
            for text in said {
                assert!(wording.is_said(&plain(text)), "{written}: {text:?}");
            }
            for text in not_said {
                assert!(!wording.is_said(&plain(text)), "{written}: {text:?}");
            }
        }
        let umlauts = Wording::parse("ÜBERSICHT ÄNDERN").unwrap();
        assert!(umlauts.is_said("übersicht ändern"));
    }

    #[test]
    fn parts_that_overlap_are_not_taken_twice() {
        let wording = Wording::parse("ab*ab").unwrap();
        assert!(wording.is_said("abab") && wording.is_said("ab ab"));
        assert!(!wording.is_said("ab"));
    }

    #[test]
    fn a_wording_says_something_and_has_an_end() {
        assert!(Wording::parse(" \n").unwrap_err().message.contains("no words"));
        assert!(Wording::parse(&"a".repeat(501)).unwrap_err().message.contains("500"));
    }
}
