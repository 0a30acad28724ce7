use std::cmp::Ordering;

use proptest::prelude::*;
use serde_json::{Number, Value, json};

use super::{Comparison, MATCHED_BYTES, Met, WORDS, compare};

fn met(word: &str, expected: Value, actual: Value) -> Met {
    let comparison = match word {
        "is" => Comparison::is(&expected),
        word => Comparison::word(word, &expected),
    };
    comparison.unwrap().met_by(&actual)
}

#[test]
fn values_are_compared_by_sort_and_case() {
    for (word, expected, actual, holds, note) in [
        ("is", json!("open"), json!("open"), true, ""),
        ("is", json!("open"), json!("Open"), false, "capital letters"),
        ("is", json!(["open", "new"]), json!("new"), true, ""),
        ("is", json!(1), json!(1.0), true, ""),
        ("is", json!(3), json!("3"), false, "write it in quotes"),
        ("is", json!("3"), json!(3), false, "write 3 without quotes"),
        ("is", json!(true), json!("true"), false, "write it in quotes"),
        ("is", json!("true"), json!(true), false, "without quotes"),
        ("is", json!(null), json!(null), true, ""),
        ("is", json!(null), json!(""), false, ""),
        ("is", json!("a"), json!(["a"]), false, "`contains` looks into it"),
        ("is", json!("a"), json!({"a": 1}), false, "name one of them"),
        ("is", json!("é"), json!("e\u{301}"), false, ""),
        ("is_not", json!("open"), json!("shut"), true, ""),
        ("is_not", json!(["open", "new"]), json!("new"), false, ""),
        ("is_not", json!("3"), json!(3), true, "without quotes"),
        ("contains", json!("oo"), json!("door"), true, ""),
        ("contains", json!("OO"), json!("door"), false, ""),
        ("contains", json!(["x", "oo"]), json!("door"), true, ""),
        ("contains", json!("bug"), json!(["bug", 3]), true, ""),
        ("contains", json!([7, 3]), json!(["bug", 3]), true, ""),
        ("contains", json!(3), json!("door 3"), false, "in quotes"),
        ("contains", json!("bug"), json!([{"name": "bug"}]), false, "expression"),
        (
            "contains",
            json!("a"),
            json!({"a": 1}),
            false,
            "neither a text nor a list",
        ),
        ("starts_with", json!("rel"), json!("release/1"), true, ""),
        ("starts_with", json!(["hot", "rel"]), json!("release/1"), true, ""),
        ("starts_with", json!("1"), json!(12), false, "a number, not a text"),
        ("ends_with", json!("/1"), json!("release/1"), true, ""),
        ("matches", json!("^v[0-9]+$"), json!("v12"), true, ""),
        ("matches", json!("[0-9]"), json!("v12"), true, ""),
        ("matches", json!("^[0-9]"), json!("v12"), false, ""),
        ("matches", json!("(?i)V"), json!("v12"), true, ""),
        ("matches", json!("v"), json!(12), false, "not a text"),
        ("at_least", json!(3), json!(3), true, ""),
        ("at_least", json!(3), json!(2.9), false, ""),
        ("at_most", json!(3), json!(3), true, ""),
        ("more_than", json!(3), json!(3), false, ""),
        ("less_than", json!(0.5), json!(0.25), true, ""),
        ("more_than", json!(100), json!("150"), true, "read as a number"),
        ("more_than", json!(100), json!("1.5e3"), true, "read as a number"),
        ("more_than", json!(100), json!("150 EUR"), false, "not a number"),
        ("more_than", json!(100), json!("0x99"), false, "not a number"),
        ("more_than", json!(100), json!(true), false, "not a number"),
        (
            "more_than",
            json!(9007199254740993_u64),
            json!(9007199254740992.0),
            false,
            "",
        ),
        (
            "less_than",
            json!(9007199254740993_u64),
            json!(9007199254740992.0),
            true,
            "",
        ),
        ("less_than", json!(-0.5), json!(-1), true, ""),
        ("less_than", json!(1e300), json!(u64::MAX), true, ""),
        ("at_least", json!("2026-03-01"), json!("2026-03-01T00:00:00Z"), true, ""),
        (
            "at_least",
            json!("2026-03-01T10:00:00Z"),
            json!("2026-03-01T10:30:00+02:00"),
            false,
            "",
        ),
        (
            "less_than",
            json!("2026-03-01T10:00:00Z"),
            json!("2026-03-01"),
            true,
            "first moment",
        ),
        ("less_than", json!("2026-03-01"), json!(1772000000), false, "not a time"),
        ("less_than", json!("2026-03-01"), json!("soon"), false, "not a time"),
        ("exists", json!(true), json!(0), true, ""),
        ("exists", json!(true), json!(null), false, ""),
        ("exists", json!(false), json!(null), true, ""),
        ("exists", json!(false), json!(""), false, ""),
    ] {
        let found = met(word, expected.clone(), actual.clone());
        let sentence = format!("{actual} {word} {expected}");
        assert_eq!(found.holds, holds, "{sentence}");
        match note {
            "" => assert_eq!(found.note, None, "{sentence}"),
            note => assert!(
                found.note.clone().unwrap_or_default().contains(note),
                "{sentence}: {:?}",
                found.note
            ),
        }
    }
}

#[test]
fn only_the_beginning_of_a_long_text_is_matched() {
    let long = json!(format!("{}needle", "ä".repeat(MATCHED_BYTES)));
    let found = met("matches", json!("needle"), long.clone());
    assert!(!found.holds && found.note.unwrap().contains("first 32 KiB"));
    assert!(met("contains", json!("needle"), long).holds);
}

#[test]
fn what_cannot_be_expected_is_explained() {
    for (word, expected, message, help) in [
        ("is", json!([]), "the list is empty", "leave the line out"),
        ("is", json!([["a"]]), "a list in a list", ""),
        ("is", json!([{"a": 1}]), "a group of fields", "name the field inside"),
        (
            "starts_with",
            json!(3),
            "a text is needed here, not a number",
            "\"3\" in quotes",
        ),
        ("starts_with", json!(""), "every text begins", ""),
        ("matches", json!("("), "cannot be read: unclosed group", ""),
        ("matches", json!("(?=x)"), "look-around", ""),
        ("matches", json!("(\\w{100}){100}"), "too large", ""),
        (
            "matches",
            json!(["a"]),
            "a regular expression in quotes, not a list",
            "",
        ),
        ("at_least", json!("3"), "a text, not a number", "3 without quotes"),
        (
            "at_least",
            json!("10 minutes"),
            "neither a number nor a time",
            "2026-03-31",
        ),
        ("at_least", json!(true), "a number or a time is needed", ""),
        ("exists", json!("yes"), "`true` or `false`", ""),
        ("changed", json!(true), "not part of this version", "leave it out"),
        ("is", json!(vec![1; 1001]), "at most 1000 values", ""),
        ("equals", json!(1), "not a word that compares", "right behind the field"),
        ("gte", json!(1), "not a word that compares", "`at_least`?"),
        ("contain", json!(1), "not a word that compares", "`contains`?"),
        ("startswith", json!(1), "not a word that compares", "`starts_with`?"),
        ("environment", json!(1), "not a word that compares", "with a dot"),
    ] {
        let found = match word {
            "is" => Comparison::is(&expected),
            word => Comparison::word(word, &expected),
        };
        let fault = found.unwrap_err();
        assert!(fault.message.contains(message), "{word}: {}", fault.message);
        assert!(
            fault.help.clone().unwrap_or_default().contains(help),
            "{word}: {:?}",
            fault.help
        );
    }
}

#[test]
fn every_word_is_known() {
    for (word, _) in WORDS {
        let example = match word {
            "exists" => json!(true),
            "matches" | "starts_with" | "ends_with" => json!("x"),
            _ => json!(3),
        };
        assert!(Comparison::word(word, &example).is_ok(), "{word}");
    }
}

proptest! {
    #[test]
    fn order_of_whole_and_broken_numbers_is_exact(
        a in -(1_i64 << 52)..(1_i64 << 52),
        near in -3..4_i64,
        quarters in 0..4_i64,
    ) {
        // Quarters of numbers below 2^50 are exact.
        let (a, whole) = (a / 8, a / 8 + near);
        let broken = whole as f64 + quarters as f64 / 4.0;
        let expected = (a * 4).cmp(&(whole * 4 + quarters));
        let (a, broken) = (Number::from(a), Number::from_f64(broken).unwrap());
        prop_assert_eq!(compare(&a, &broken), Some(expected));
        prop_assert_eq!(compare(&broken, &a), Some(expected.reverse()));
        prop_assert_eq!(expected == Ordering::Equal, met("is", json!(a), json!(broken)).holds);
    }

    #[test]
    fn at_least_is_the_opposite_of_less_than(a in any::<i64>(), b in any::<i64>()) {
        prop_assert_eq!(met("at_least", json!(b), json!(a)).holds, !met("less_than", json!(b), json!(a)).holds);
        prop_assert_eq!(met("at_most", json!(b), json!(a)).holds, !met("more_than", json!(b), json!(a)).holds);
    }
}
