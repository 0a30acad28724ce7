//! Lengths of time as people write them: `10 minutes`, `1h 30m`, `90 s`.

use std::fmt::Write;
use std::time::Duration;

use crate::diagnostic::{Fault, did_you_mean};

/// The longest length accepted: a hundred years of 365 days. Longer ones are surely typing errors.
pub const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// One unit: its length in milliseconds, the short form, singular and plural.
const UNITS: [(u64, &[&str]); 6] = [
    (7 * 86_400_000, &["w", "week", "weeks"]),
    (86_400_000, &["d", "day", "days"]),
    (3_600_000, &["h", "hour", "hours", "hr", "hrs"]),
    (60_000, &["m", "minute", "minutes", "min", "mins"]),
    (1_000, &["s", "second", "seconds", "sec", "secs"]),
    (1, &["ms", "millisecond", "milliseconds"]),
];

const EXAMPLE: &str = "write a number and a unit: `90 s`, `10 minutes`, `1h 30m`, `2 days`";

/// Reads a length of time: whole numbers, each with its unit (weeks down to milliseconds, long or short), added up.
/// `10 minutes`, `10m`, `1h 30m`, `1 hour and 30 minutes`. Zero is a length.
///
/// # Errors
/// A fault that underlines the part that cannot be read: a number without a unit, an unknown unit, a fraction, a unit
/// named twice, more than [`LONGEST`].
pub fn parse(text: &str) -> Result<Duration, Fault> {
    let bad = |range: std::ops::Range<usize>, message: String| {
        let (start, end) = (range.start.min(text.len()), range.end.min(text.len()));
        Err(Fault::error("duration::text", message).within(start..end).help(EXAMPLE))
    };
    if text.trim().is_empty() {
        return bad(0..text.len(), "there is no length of time here".to_owned());
    }

    let mut total: u64 = 0;
    let mut named = [false; UNITS.len()];
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            at += blank;
            continue;
        }
        if at > 0
            && let Some(after) = rest.strip_prefix("and ").or_else(|| rest.strip_prefix(','))
        {
            at = text.len() - after.len();
            if !after.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
                return bad(at..text.len(), "a number is missing here".to_owned());
            }
            continue;
        }

        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            let word = word_at(rest);
            let message = match rest.chars().next() {
                Some('P' | 'p') if rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit() || c == 'T') => {
                    "lengths of time are written in words, not in ISO 8601".to_owned()
                }
                Some('-') => "a length of time cannot be negative".to_owned(),
                _ => format!("`{}` is not a length of time", short(&rest[..word])),
            };
            return bad(at..at + word, message);
        }
        let number_end = at + digits;
        if let Some(after) = text[number_end..].strip_prefix(['.', ',', ':'])
            && after.starts_with(|c: char| c.is_ascii_digit())
        {
            let word = word_at(rest);
            return bad(
                at..at + word,
                format!("`{}` is not a whole number", short(&rest[..word])),
            );
        }
        let unit_start = text.len() - text[number_end..].trim_start().len();
        let unit_length = text[unit_start..]
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(text.len() - unit_start);
        let unit = &text[unit_start..unit_start + unit_length];
        if unit.is_empty() {
            let number = short(&text[at..number_end]);
            return Err(
                Fault::error("duration::unit", format!("{number} what? The unit is missing"))
                    .within(at..number_end)
                    .help(format!("`{number} minutes`, `{number} s`, `{number} hours`")),
            );
        }
        let Some(index) = UNITS.iter().position(|(_, words)| {
            words.contains(&unit) || (unit.len() > 2 && words.iter().any(|word| word.eq_ignore_ascii_case(unit)))
        }) else {
            return Err(unknown_unit(unit).within(unit_start..unit_start + unit_length));
        };
        if named[index] {
            return bad(
                unit_start..unit_start + unit_length,
                format!("`{}` is counted twice", short(unit)),
            );
        }
        named[index] = true;
        total = match text[at..number_end]
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(UNITS[index].0))
            .and_then(|part| part.checked_add(total))
            .filter(|total| Duration::from_millis(*total) <= LONGEST)
        {
            Some(total) => total,
            None => {
                return bad(
                    at..unit_start + unit_length,
                    "that is longer than a hundred years".to_owned(),
                );
            }
        };
        at = unit_start + unit_length;
    }
    Ok(Duration::from_millis(total))
}

/// The length in words that [`parse`] reads back: `1 hour 30 minutes`. Fractions of a millisecond are dropped, weeks
/// are told in days.
pub fn words(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (length, words) in UNITS.iter().skip(1) {
        let count = left / length;
        left %= length;
        if count > 0 {
            let unit = if count == 1 { words[1] } else { words[2] };
            let space = if text.is_empty() { "" } else { " " };
            write!(text, "{space}{count} {unit}").expect("writing into a String does not fail");
        }
    }
    if text.is_empty() { "0 seconds".to_owned() } else { text }
}

fn unknown_unit(unit: &str) -> Fault {
    let fault = Fault::error("duration::unit", format!("`{}` is not a unit of time", short(unit)));
    let lower = unit.to_lowercase();
    if lower.starts_with("mo") || lower.starts_with('y') {
        return fault.help("months and years differ in length; write days or weeks");
    }
    let known = UNITS
        .iter()
        .flat_map(|(_, words)| words.iter().copied())
        .filter(|word| word.len() > 2);
    match did_you_mean(&lower, known).filter(|_| unit.chars().count() > 1) {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => fault.help("units are weeks, days, hours, minutes, seconds and ms; short: w, d, h, m, s"),
    }
}

fn word_at(rest: &str) -> usize {
    rest.find(char::is_whitespace).unwrap_or(rest.len())
}

fn short(text: &str) -> &str {
    match text.char_indices().nth(24) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Underline;

    #[test]
    fn people_write_lengths_in_many_ways() {
        for (text, seconds) in [
            ("10 minutes", 600.0),
            ("10m", 600.0),
            ("1h 30m", 5400.0),
            ("1h30m", 5400.0),
            ("90 s", 90.0),
            ("1 hour and 30 minutes", 5400.0),
            ("1 hour, 30 minutes", 5400.0),
            ("2 weeks", 1_209_600.0),
            ("1d", 86_400.0),
            ("500 ms", 0.5),
            ("0 s", 0.0),
            ("  5   Minutes ", 300.0),
            ("1 Min", 60.0),
        ] {
            assert_eq!(parse(text).unwrap(), Duration::from_secs_f64(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_length_is_underlined_and_explained() {
        for (text, underlined, message, help) in [
            ("", "", "there is no length", "write a number"),
            ("10", "10", "10 what?", "`10 minutes`"),
            ("soon", "soon", "`soon` is not a length", "write a number"),
            ("10 minuets", "minuets", "not a unit", "did you mean `minutes`?"),
            ("2 months", "months", "not a unit", "differ in length"),
            ("2 M", "M", "not a unit", "units are"),
            ("1.5 hours", "1.5", "not a whole number", "`1h 30m`"),
            ("00:10", "00:10", "not a whole number", "write a number"),
            ("PT10M", "PT10M", "not in ISO 8601", "write a number"),
            ("-5 m", "-5", "cannot be negative", "write a number"),
            ("5m 5m", "m", "counted twice", "write a number"),
            (
                "99999999999999999999 s",
                "99999999999999999999 s",
                "longer than a hundred",
                "write a number",
            ),
            ("101 weeks 4000 weeks", "weeks", "counted twice", "write a number"),
            ("36501 days", "36501 days", "longer than a hundred", "write a number"),
            ("5 m and", "and", "`and` is not", "write a number"),
            ("5 m,", "", "a number is missing", "write a number"),
            ("٣ minutes", "٣", "is not a length", "write a number"),
            ("5 µs", "µs", "not a unit", "units are"),
        ] {
            let fault = parse(text).unwrap_err();
            let Underline::Within(range) = fault.underline.clone() else {
                panic!("{text}: no place")
            };
            assert_eq!(&text[range], underlined, "{text}");
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
            assert!(fault.help.as_ref().unwrap().contains(help), "{text}: {:?}", fault.help);
        }
    }

    #[test]
    fn a_length_is_told_in_words() {
        assert_eq!(words(Duration::from_secs(5400)), "1 hour 30 minutes");
        assert_eq!(words(Duration::from_millis(500)), "500 milliseconds");
        assert_eq!(words(Duration::ZERO), "0 seconds");
        assert_eq!(words(Duration::from_secs(86_400 * 14)), "14 days");
    }

    proptest! {
        #[test]
        fn the_words_of_a_length_are_read_back(millis in 0..LONGEST.as_millis() as u64) {
            let length = Duration::from_millis(millis);
            prop_assert_eq!(parse(&words(length)).unwrap(), length);
        }

        #[test]
        fn any_text_is_a_length_or_a_fault_inside_it(text in any::<String>()) {
            if let Err(Fault { underline: Underline::Within(range), .. }) = parse(&text) {
                prop_assert!(text.get(range).is_some());
            }
        }
    }
}
