//! How many in how long: `100 per minute`.

use std::ops::Range;
use std::time::Duration;

use crate::diagnostic::{Fault, Underline};
use crate::duration;

/// The shortest time to count in.
pub const SHORTEST: Duration = Duration::from_secs(1);
/// The longest.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// At most this many in any stretch of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many, at least 1.
    pub count: u32,
    /// In how long, [`SHORTEST`] to [`LONGEST`].
    pub per: Duration,
}

/// What is counted, for bounds and for faults in the author's words.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// The code of the faults.
    pub code: &'static str,
    /// More than one of them: `posts`.
    pub things: &'static str,
    /// The most a rate may name.
    pub most: u32,
    /// What is wrong with none, and the way out.
    pub none: (&'static str, &'static str),
    /// The way out of more than the most.
    pub too_many: &'static str,
}

impl Rate {
    /// Reads `100 per minute`, `20 per 10 seconds`, `5/s`; faults speak of `counted`.
    ///
    /// # Errors
    /// A fault that underlines what cannot be read or is out of bounds.
    pub fn parse(text: &str, counted: &Counted) -> Result<Self, Fault> {
        let Counted { code, things, most, .. } = *counted;
        let example = format!("write how many {things} in how long, such as `100 per minute` or `20 per 10 seconds`");
        let written = text.trim();
        let start = text.len() - text.trim_start().len();
        let bad =
            |range: Range<usize>, message: String| Fault::error(code, message).within(range).help(example.as_str());
        let whole = start..start + written.len();
        if written.is_empty() {
            return Err(bad(whole, "there is no limit here".to_owned()));
        }
        let digits = written.len() - written.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return Err(bad(
                whole,
                format!("`{}` is not a number of {things} in a time", short(written)),
            ));
        }
        let number = start..start + digits;
        let rest = &written[digits..];
        if rest.starts_with(['.', ',', '_']) && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            let fault = bad(
                whole,
                format!("{things} are counted in whole numbers, without points or commas"),
            );
            return Err(fault);
        }
        let (word, length) = match separated(rest) {
            Some(parts) => parts,
            None if rest.trim().is_empty() => {
                let fault = bad(whole, format!("{written} {things} in which time?"));
                return Err(fault.help(format!("write `{written} per minute`, or another time")));
            }
            None => {
                return Err(bad(
                    whole,
                    format!("`{}` is not a number of {things} in a time", short(written)),
                ));
            }
        };
        let length_at = start + written.len() - length.len();
        if length.is_empty() {
            let example = format!("write `{} per minute`, or another time", &written[..digits]);
            return Err(bad(whole, format!("a time is missing behind `{}`", word.trim())).help(example));
        }
        let per = per(length).map_err(|fault| moved(fault, length_at))?;
        if !(SHORTEST..=LONGEST).contains(&per) {
            let message = if per < SHORTEST {
                format!("{things} are counted in a second at least")
            } else {
                format!("{things} are counted in 24 hours at most")
            };
            return Err(bad(length_at..length_at + length.len(), message));
        }
        match written[..digits].parse::<u32>() {
            Ok(0) => {
                let (message, help) = counted.none;
                Err(bad(number, message.to_owned()).help(help))
            }
            Ok(count) if count <= most => Ok(Self { count, per }),
            Ok(_) | Err(_) => {
                let fault = bad(number, format!("a limit has at most {most} {things}"));
                Err(fault.help(counted.too_many))
            }
        }
    }

    /// The limit in words that [`Rate::parse`] reads back: `100 per minute`.
    pub fn words(&self) -> String {
        format!("{} per {}", self.count, self.time())
    }

    /// What stands behind `per`: `minute`, `10 seconds`.
    pub fn time(&self) -> String {
        let per = duration::words(self.per);
        let one = per.strip_prefix("1 ").filter(|unit| !unit.contains(' '));
        one.map_or_else(|| per.clone(), str::to_owned)
    }
}

/// ` per minute` -> `per` and `minute`; `/ min` -> `/` and `min`.
fn separated(rest: &str) -> Option<(&str, &str)> {
    let trimmed = rest.trim_start();
    let word = ["per", "/", "in", "a", "an", "every", "each"]
        .into_iter()
        .find(|word| {
            let behind = trimmed.get(word.len()..).unwrap_or_default();
            let ends = *word == "/" || behind.is_empty() || behind.starts_with(char::is_whitespace);
            ends && trimmed
                .get(..word.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
        })?;
    let (word, length) = trimmed.split_at(word.len());
    Some((word, length.trim_start()))
}

/// `minute` is one minute.
fn per(length: &str) -> Result<Duration, Fault> {
    const BEFORE: &str = "1 ";
    if length.starts_with(|c: char| c.is_ascii_digit()) {
        return duration::parse(length);
    }
    duration::parse(&format!("{BEFORE}{length}")).map_err(|mut fault| {
        if let Underline::Within(range) = &mut fault.underline {
            *range = range.start.saturating_sub(BEFORE.len())..range.end.saturating_sub(BEFORE.len());
        }
        fault
    })
}

fn moved(mut fault: Fault, by: usize) -> Fault {
    if let Underline::Within(range) = &mut fault.underline {
        *range = range.start + by..range.end + by;
    }
    fault
}

fn short(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTS: Counted = Counted {
        code: "hook::limit",
        things: "posts",
        most: 100_000,
        none: (
            "a hook that takes no posts is of no use",
            "take the hook out of `hooks:` to close it",
        ),
        too_many: "write a shorter time, or leave `limit` out",
    };

    #[test]
    fn people_write_limits_in_many_ways() {
        for (text, count, per) in [
            ("100 per minute", 100, 60),
            ("100/min", 100, 60),
            ("5 / s", 5, 1),
            ("20 per 10 seconds", 20, 10),
            ("1000 per hour", 1000, 3600),
            ("60 a minute", 60, 60),
            ("60 every 2 minutes", 60, 120),
            (" 1 PER Day ", 1, 86_400),
            ("3 per 1h 30m", 3, 5400),
        ] {
            let rate = Rate::parse(text, &POSTS).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            let expected = Rate {
                count,
                per: Duration::from_secs(per),
            };
            assert_eq!(rate, expected, "{text}");
            assert_eq!(Rate::parse(&rate.words(), &POSTS), Ok(expected), "{}", rate.words());
        }
        assert_eq!(Rate::parse("100/min", &POSTS).unwrap().words(), "100 per minute");
        assert_eq!(
            Rate::parse("3 per 90 s", &POSTS).unwrap().words(),
            "3 per 1 minute 30 seconds"
        );
    }

    #[test]
    fn what_is_no_limit_is_underlined_and_explained() {
        for (text, underlined, message, help) in [
            ("", "", "no limit", "`100 per minute`"),
            ("100", "100", "100 posts in which time?", "`100 per minute`"),
            ("100 per", "100 per", "a time is missing", "`100 per minute`"),
            ("often", "often", "not a number of posts", "`100 per minute`"),
            ("100 posts", "100 posts", "not a number of posts", "`100 per minute`"),
            ("1.5 per second", "1.5 per second", "whole numbers", "`100 per minute`"),
            ("1,000 per hour", "1,000 per hour", "whole numbers", "`100 per minute`"),
            ("100 per minuet", "minuet", "not a unit", "did you mean `minute`?"),
            ("100 per 10", "10", "10 what?", "minutes"),
            ("100 per month", "month", "not a unit", "differ in length"),
            ("100 per 100 ms", "100 ms", "a second at least", "`100 per minute`"),
            ("100 per 2 days", "2 days", "24 hours at most", "`100 per minute`"),
            ("0 per minute", "0", "of no use", "take the hook out"),
            ("100001 per day", "100001", "at most 100000", "shorter time"),
            ("99999999999 per day", "99999999999", "at most 100000", "shorter time"),
            ("-5 per day", "-5 per day", "not a number of posts", "`100 per minute`"),
            (" 7 per 5 parsecs", "parsecs", "not a unit", "units are"),
        ] {
            let fault = Rate::parse(text, &POSTS).expect_err(text);
            let Underline::Within(range) = fault.underline.clone() else {
                panic!("{text}: no place")
            };
            assert_eq!(&text[range], underlined, "{text}");
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
            assert!(fault.help.as_ref().unwrap().contains(help), "{text}: {:?}", fault.help);
        }
    }
}
