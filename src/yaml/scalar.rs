//! What an unquoted word means, and which words probably mean something else than their author thinks.

use serde_json::{Number, Value};

use crate::diagnostic::Fault;

/// The value of a plain (unquoted) scalar by the rules of YAML 1.2, and a fault where older YAML, or a person, would
/// read something else.
pub(super) fn plain(text: &str) -> (Value, Option<Fault>) {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return (Value::Null, None),
        "true" | "True" | "TRUE" => return (Value::Bool(true), None),
        "false" | "False" | "FALSE" => return (Value::Bool(false), None),
        _ => {}
    }
    let as_text = || Value::String(text.to_owned());
    if let Some(meant) = yes_or_no(text) {
        let fault = Fault::warning(
            "yaml::yes_no",
            format!(
                "`{text}` without quotes is the text \"{text}\" here, while other YAML readers take it for `{meant}`"
            ),
        )
        .help(format!(
            "write `{meant}` for a yes-or-no value, or \"{text}\" in quotes for the text"
        ));
        return (as_text(), Some(fault));
    }
    if is_clock_time(text) {
        let fault = Fault::warning(
            "yaml::clock_time",
            format!("`{text}` without quotes is a number of minutes or seconds to other YAML readers"),
        )
        .help(format!("write \"{text}\" in quotes"));
        return (as_text(), Some(fault));
    }
    let begins = text.trim_start_matches(['-', '+']);
    if !begins.starts_with(|c: char| c.is_ascii_digit() || c == '.') || text.len() - begins.len() > 1 {
        return (as_text(), None);
    }
    number(text, begins).unwrap_or_else(|| (as_text(), None))
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn is_clock_time(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    (2..=3).contains(&parts.len())
        && parts.iter().enumerate().all(|(place, part)| {
            (1..=2).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_digit())
                && (place == 0 || part.len() == 2)
        })
}

/// `None`: not a number at all, but text that begins with a digit.
fn number(text: &str, unsigned: &str) -> Option<(Value, Option<Fault>)> {
    let negative = text.starts_with('-');
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            if text != unsigned || digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
                return None;
            }
            return Some(match u64::from_str_radix(digits, radix) {
                Ok(number) => (Value::from(number), None),
                Err(_) => too_large(text),
            });
        }
    }
    if matches!(unsigned.to_ascii_lowercase().as_str(), ".inf" | ".nan") {
        let fault = Fault::error(
            "yaml::number",
            format!("`{text}` is a number that JSON and Teams do not know"),
        )
        .help(format!("write \"{text}\" in quotes for the text"));
        return Some((Value::String(text.to_owned()), Some(fault)));
    }
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let has_digits = !whole.is_empty() || fraction.is_some_and(|f| !f.is_empty());
    let good_exponent = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    if !has_digits || !digits(whole) || !fraction.is_none_or(digits) || !good_exponent {
        return None;
    }
    if whole.len() > 1 && whole.starts_with('0') {
        let fault = Fault::error(
            "yaml::leading_zero",
            format!("`{text}` begins with a zero: some YAML readers take it for an octal number"),
        )
        .help(format!(
            "write \"{text}\" in quotes for the text, or `{}` for the number",
            match whole.trim_start_matches('0') {
                "" => "0",
                rest => rest,
            }
        ));
        return Some((Value::String(text.to_owned()), Some(fault)));
    }
    if fraction.is_none() && exponent.is_none() {
        let number = match text.trim_start_matches('+').parse::<i64>() {
            Ok(number) => Some(Value::from(number)),
            Err(_) if !negative => unsigned.parse::<u64>().ok().map(Value::from),
            Err(_) => None,
        };
        return Some(number.map_or_else(|| too_large(text), |number| (number, None)));
    }
    let value = text.parse::<f64>().ok().and_then(Number::from_f64);
    let Some(number) = value else {
        return Some(too_large(text));
    };
    let looks_like_a_version = exponent.is_none() && fraction.is_some_and(|f| f.len() > 1 && f.ends_with('0'));
    let fault = looks_like_a_version.then(|| {
        Fault::warning(
            "yaml::trailing_zero",
            format!("`{text}` without quotes is the number {number}: the zero at the end is lost"),
        )
        .help(format!("write \"{text}\" in quotes if it is a version or another text"))
    });
    Some((Value::Number(number), fault))
}

fn too_large(text: &str) -> (Value, Option<Fault>) {
    let fault = Fault::error("yaml::number", "this number is too large")
        .help("put it in quotes if it is an id or another text");
    (Value::String(text.to_owned()), Some(fault))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_words_are_read_by_yaml_1_2() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("0", json!(0)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("18446744073709551615", json!(u64::MAX)),
            ("2026-12-24", json!("2026-12-24")),
            ("1.2.3", json!("1.2.3")),
            ("10 minutes", json!("10 minutes")),
            ("10m", json!("10m")),
            ("+49 30 1234", json!("+49 30 1234")),
            ("--5", json!("--5")),
            (".", json!(".")),
            ("...x", json!("...x")),
            ("0x", json!("0x")),
            ("1e", json!("1e")),
            ("12:345", json!("12:345")),
        ] {
            assert_eq!(plain(text), (value, None), "{text}");
        }
    }

    #[test]
    fn words_that_other_readers_take_differently_are_pointed_out() {
        for (text, value, code) in [
            ("no", json!("no"), "yaml::yes_no"),
            ("On", json!("On"), "yaml::yes_no"),
            ("22:00", json!("22:00"), "yaml::clock_time"),
            ("1:30:00", json!("1:30:00"), "yaml::clock_time"),
            ("1.10", json!(1.1), "yaml::trailing_zero"),
            ("0777", json!("0777"), "yaml::leading_zero"),
            ("00", json!("00"), "yaml::leading_zero"),
            ("99999999999999999999", json!("99999999999999999999"), "yaml::number"),
            ("1e999", json!("1e999"), "yaml::number"),
            (".inf", json!(".inf"), "yaml::number"),
        ] {
            let (read, fault) = plain(text);
            assert_eq!(read, value, "{text}");
            assert_eq!(fault.expect(text).code, code, "{text}");
        }
    }
}
