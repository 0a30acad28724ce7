//! How many posts a hook takes: `limit: 100 per minute`, and who may still post under it.
//!
//! The time slides: in no stretch of the length that is written are more posts taken than are written. A post that is
//! turned away does not count, so a sender that waits as long as it is told gets in.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::diagnostic::{Fault, Underline};
use crate::duration;

/// The most posts a limit may name: each of them is remembered.
pub const MOST: u32 = 100_000;
/// The shortest time to count posts in.
pub const SHORTEST: Duration = Duration::from_secs(1);
/// The longest.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

const EXAMPLE: &str = "write how many posts in how long, such as `100 per minute` or `20 per 10 seconds`";

/// At most this many posts in any stretch of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many, 1 to [`MOST`].
    pub posts: u32,
    /// In how long, [`SHORTEST`] to [`LONGEST`].
    pub per: Duration,
}

/// The posts that a hook took, oldest first, as far as they still count.
#[derive(Debug, Clone, Default)]
pub struct Posts(VecDeque<DateTime<Utc>>);

impl Rate {
    /// Reads `100 per minute`, `20 per 10 seconds`, `5/s`.
    ///
    /// # Errors
    /// A fault that underlines what cannot be read or is out of bounds.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let written = text.trim();
        let start = text.len() - text.trim_start().len();
        let bad =
            |range: Range<usize>, message: String| Fault::error("hook::limit", message).within(range).help(EXAMPLE);
        let whole = start..start + written.len();
        if written.is_empty() {
            return Err(bad(whole, "there is no limit here".to_owned()));
        }
        let digits = written.len() - written.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return Err(bad(
                whole,
                format!("`{}` is not a number of posts in a time", short(written)),
            ));
        }
        let number = start..start + digits;
        let rest = &written[digits..];
        if rest.starts_with(['.', ',', '_']) && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            let fault = bad(
                whole,
                "posts are counted in whole numbers, without points or commas".to_owned(),
            );
            return Err(fault);
        }
        let (word, length) = match separated(rest) {
            Some(parts) => parts,
            None if rest.trim().is_empty() => {
                let fault = bad(whole, format!("{written} posts in which time?"));
                return Err(fault.help(format!("write `{written} per minute`, or another time")));
            }
            None => {
                return Err(bad(
                    whole,
                    format!("`{}` is not a number of posts in a time", short(written)),
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
                "posts are counted in a second at least"
            } else {
                "posts are counted in 24 hours at most"
            };
            return Err(bad(length_at..length_at + length.len(), message.to_owned()));
        }
        match written[..digits].parse::<u32>() {
            Ok(0) => {
                let fault = bad(number, "a hook that takes no posts is of no use".to_owned());
                Err(fault.help("take the hook out of `hooks:` to close it"))
            }
            Ok(posts) if posts <= MOST => Ok(Self { posts, per }),
            Ok(_) | Err(_) => {
                let fault = bad(number, format!("a limit has at most {MOST} posts"));
                Err(fault.help("write a shorter time, or leave `limit` out"))
            }
        }
    }

    /// The limit in words that [`Rate::parse`] reads back: `100 per minute`.
    pub fn words(&self) -> String {
        format!("{} per {}", self.posts, self.time())
    }

    /// What stands behind `per`: `minute`, `10 seconds`.
    pub fn time(&self) -> String {
        let per = duration::words(self.per);
        let one = per.strip_prefix("1 ").filter(|unit| !unit.contains(' '));
        one.map_or_else(|| per.clone(), str::to_owned)
    }
}

impl Posts {
    /// Takes a post at `now` if `rate` allows one more.
    ///
    /// # Errors
    /// How long it is until the next one is taken; more than nothing.
    pub fn take(&mut self, rate: Rate, now: DateTime<Utc>) -> Result<(), Duration> {
        // What was taken in the future was taken before the clock was set back. Taking it for just now keeps a sender
        // waiting for one stretch at most, and not for as long as the clock was wrong.
        if self.0.back().is_some_and(|newest| *newest > now) {
            self.0.iter_mut().for_each(|at| *at = (*at).min(now));
        }
        let per = TimeDelta::from_std(rate.per).unwrap_or(TimeDelta::MAX);
        while self.0.front().is_some_and(|oldest| now - *oldest >= per) {
            self.0.pop_front();
        }
        let most = usize::try_from(rate.posts).unwrap_or(usize::MAX);
        // A limit that was lowered meanwhile may have let in more than are allowed now.
        let Some(in_the_way) = self.0.len().checked_sub(most).and_then(|place| self.0.get(place)) else {
            self.0.push_back(now);
            return Ok(());
        };
        let wait = (*in_the_way + per - now).to_std().unwrap_or_default();
        Err(wait.max(Duration::from_millis(1)))
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
    use proptest::prelude::*;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn seconds(seconds: i64) -> TimeDelta {
        TimeDelta::seconds(seconds)
    }

    #[test]
    fn people_write_limits_in_many_ways() {
        for (text, posts, per) in [
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
            let rate = Rate::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            let expected = Rate {
                posts,
                per: Duration::from_secs(per),
            };
            assert_eq!(rate, expected, "{text}");
            assert_eq!(Rate::parse(&rate.words()), Ok(expected), "{}", rate.words());
        }
        assert_eq!(Rate::parse("100/min").unwrap().words(), "100 per minute");
        assert_eq!(Rate::parse("3 per 90 s").unwrap().words(), "3 per 1 minute 30 seconds");
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
            let fault = Rate::parse(text).expect_err(text);
            let Underline::Within(range) = fault.underline.clone() else {
                panic!("{text}: no place")
            };
            assert_eq!(&text[range], underlined, "{text}");
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
            assert!(fault.help.as_ref().unwrap().contains(help), "{text}: {:?}", fault.help);
        }
    }

    #[test]
    fn the_one_too_many_hears_exactly_when_the_next_is_taken() {
        let rate = Rate::parse("3 per minute").unwrap();
        let mut posts = Posts::default();
        for at in [0, 10, 20] {
            assert_eq!(posts.take(rate, noon() + seconds(at)), Ok(()));
        }
        assert_eq!(posts.take(rate, noon() + seconds(25)), Err(Duration::from_secs(35)));
        assert_eq!(posts.take(rate, noon() + seconds(59)), Err(Duration::from_secs(1)));
        assert_eq!(posts.take(rate, noon() + seconds(60)), Ok(()));
        assert_eq!(posts.take(rate, noon() + seconds(60)), Err(Duration::from_secs(10)));
    }

    #[test]
    fn a_limit_that_changes_counts_what_was_taken_before() {
        let mut posts = Posts::default();
        let before = Rate::parse("5 per minute").unwrap();
        for _ in 0..5 {
            assert_eq!(posts.take(before, noon()), Ok(()));
        }
        let lower = Rate::parse("2 per minute").unwrap();
        assert_eq!(posts.take(lower, noon() + seconds(30)), Err(Duration::from_secs(30)));
        let higher = Rate::parse("6 per minute").unwrap();
        assert_eq!(posts.take(higher, noon() + seconds(30)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out_for_longer_than_the_limits_time() {
        let rate = Rate::parse("1 per minute").unwrap();
        let mut posts = Posts::default();
        assert_eq!(posts.take(rate, noon() + TimeDelta::days(3)), Ok(()));
        assert_eq!(posts.take(rate, noon()), Err(Duration::from_secs(60)));
        assert_eq!(posts.take(rate, noon() + seconds(60)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_stretch_ever_holds_more_than_the_limit_and_waiting_as_told_lets_in(
            steps in proptest::collection::vec(0_i64..4000, 1..300),
            most in 1_u32..8,
            length in 1_u64..6,
        ) {
            let rate = Rate { posts: most, per: Duration::from_secs(length) };
            let (mut posts, mut now, mut taken) = (Posts::default(), noon(), Vec::new());
            for step in steps {
                now += TimeDelta::milliseconds(step / 4);
                match posts.take(rate, now) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        let mut later = posts.clone();
                        prop_assert!(later.take(rate, now + TimeDelta::from_std(wait).unwrap()).is_ok());
                    }
                }
            }
            let per = TimeDelta::from_std(rate.per).unwrap();
            let full = taken.windows(most as usize + 1).any(|run| run[most as usize] - run[0] < per);
            prop_assert!(!full);
        }
    }
}
