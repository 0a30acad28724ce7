use super::*;
use crate::diagnostic::Severity;
use proptest::prelude::*;
use serde_json::json;

fn value(text: &str) -> Value {
    let parsed = parse("x.yaml", text);
    assert_eq!(parsed.diagnostics, [], "{text}");
    parsed.document.expect("readable").value
}

/// (code, underlined text) of each diagnostic.
fn faults(text: &str) -> Vec<(&'static str, String)> {
    let parsed = parse("x.yaml", text);
    parsed
        .diagnostics
        .into_iter()
        .map(|d| (d.code, text[d.span].to_owned()))
        .collect()
}

fn one_fault(text: &str) -> (&'static str, String) {
    let mut faults = faults(text);
    assert_eq!(faults.len(), 1, "{text:?}: {faults:?}");
    faults.remove(0)
}

fn help(text: &str) -> String {
    parse("x.yaml", text).diagnostics.remove(0).help.expect(text)
}

#[test]
fn keys_stay_in_the_order_of_the_file() {
    let keys: Vec<String> = value("z: 1\na: 2\nm: 3").as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["z", "a", "m"]);
}

#[test]
fn json_is_yaml() {
    assert_eq!(
        value("{\n\t\"a\": [1, true, null],\r\n\t\"b\":\"\\ud83d\\ude00\\/\\u0000\"\n}\n"),
        json!({ "a": [1, true, null], "b": "\u{1f600}/\0" })
    );
}

#[test]
fn an_empty_file_is_null() {
    for text in ["", "\n", "# nothing\n", "---\n", "\u{feff}"] {
        assert_eq!(value(text), Value::Null, "{text:?}");
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_key() {
    assert_eq!(value("\u{feff}a: 1"), json!({ "a": 1 }));
    let document = parse("x", "\u{feff}a: 1").document.unwrap();
    assert_eq!(document.locate(&["a".into()], &Underline::Key), 3..4);
}

#[test]
fn a_doubled_key_is_shown_with_both_places_and_reading_goes_on() {
    let text = "owner: a\nx: 0777\nowner: b\nowner: c\n";
    let parsed = parse("x", text);
    let codes: Vec<_> = parsed.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["yaml::leading_zero", "yaml::doubled_key", "yaml::doubled_key"]);
    assert_eq!(parsed.diagnostics[1].span, 17..22);
    assert_eq!(parsed.diagnostics[1].related[0].span, 0..5);
    assert_eq!(parsed.document.unwrap().value["owner"], "a");
}

#[test]
fn templates_without_quotes_are_told_to_take_some() {
    for (text, underlined) in [
        ("title: {{x}}\n", "{{x}}"),
        ("title: {{x}} failed\nowner: a\n", "{{x}} failed"),
        ("title: {{#if x}}a{{/if}}\n", "{{#if x}}a{{/if}}"),
        ("- {{x}}\n", "{{x}}"),
        ("a:\n  - {{x}}: b\n", "{{x}}: b"),
        ("a: [{{x}}, b]", "{{x}}"),
        ("\"a\": {{x}} y", "{{x}} y"),
        ("{{x}}: y", "{{x}}: y"),
    ] {
        assert_eq!(one_fault(text), ("yaml::unquoted_template", underlined.to_owned()));
    }
    assert_eq!(help("a: {{x}}"), "put the value in quotes: \"{{x}}\"");
    assert_eq!(help("a: {{f \"x\"}}"), "put the value in quotes: '{{f \"x\"}}'");
    assert_eq!(
        value("a: \"{{x}}\"\nb: Hello {{x}}"),
        json!({ "a": "{{x}}", "b": "Hello {{x}}" })
    );
}

#[test]
fn a_hash_that_swallows_the_value_is_pointed_out() {
    assert_eq!(
        one_fault("notify:\n- a\n- #releases\n"),
        ("yaml::comment", "#releases".to_owned())
    );
    assert_eq!(
        one_fault("channel: #releases\nx: 1"),
        ("yaml::comment", "#releases".to_owned())
    );
    assert_eq!(faults("- channel: #releases\n- #general\n").len(), 2);
    assert_eq!(value("a: # a real comment\nb: 1"), json!({ "a": null, "b": 1 }));
    assert_eq!(value("a: #c\n  b: 1"), json!({ "a": { "b": 1 } }));
}

#[test]
fn a_list_that_became_text_is_pointed_out() {
    assert_eq!(
        one_fault("notify: channel\n  - a\n"),
        ("yaml::list_in_text", "-".to_owned())
    );
}

#[test]
fn syntax_errors_have_a_place_and_a_way_out() {
    for (text, underlined) in [
        ("a:\n\tb: 1\n", "\t"),
        ("a: b: c\n", ":"),
        ("a: 1\n  b: 2\n", ":"),
        ("a: @x\n", "@"),
        ("a: `x`\n", "`"),
        ("a: \"x\nb: 1\n", "\"x"),
        ("a: [1, 2\nb: 1\n", "b"),
        ("{\n  \"a\": 1\n  \"b\": 2\n}", "\"b\""),
        ("a: [1, 2\n", "["),
        ("a: 1\nb\n", "b"),
        ("a: - b\n", "-"),
        ("k: \"say \"x\"\"\n", "x\"\""),
        ("%YAML 1.1\n---\na: 1\n", "%YAML 1.1"),
    ] {
        assert_eq!(one_fault(text), ("yaml::syntax", underlined.to_owned()), "{text:?}");
        assert!(!help(text).is_empty());
    }
}

#[test]
fn tags_second_documents_strange_keys_and_control_characters_are_refused_at_their_place() {
    for (text, code, underlined) in [
        ("a: !custom x", "yaml::tag", "!custom"),
        ("a: !!str 1", "yaml::tag", "!!str"),
        ("a: 1\n---\nb: 2", "yaml::second_document", "---"),
        ("? [a]\n: b", "yaml::key", "["),
        (": b", "yaml::key", ":"),
        ("a: x\u{7}y", "yaml::control_character", "\u{7}"),
        ("a: x\0y", "yaml::control_character", "\0"),
        ("a: *nope", "yaml::alias", "*nope"),
        ("a: &x [*x]", "yaml::alias", "*x"),
    ] {
        assert_eq!(one_fault(text), (code, underlined.to_owned()), "{text:?}");
    }
}

#[test]
fn repeated_values_are_copied_and_merge_keys_are_applied() {
    assert_eq!(
        value("base: &b { x: 1, y: 2 }\nc:\n  <<: *b\n  y: 3\nd: *b"),
        json!({ "base": { "x": 1, "y": 2 }, "c": { "y": 3, "x": 1 }, "d": { "x": 1, "y": 2 } })
    );
    assert_eq!(
        value("a: &a { x: 1 }\nb: &b { x: 2, z: 3 }\nc: { <<: [*a, *b] }")["c"],
        json!({ "x": 1, "z": 3 })
    );
    assert_eq!(one_fault("a: { <<: text }").0, "yaml::merge");
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut levels = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        levels += &format!("a{level}: &a{level} [{}]\n", vec![below; 9].join(", "));
    }
    assert_eq!(one_fault(&levels).0, "yaml::aliases");
    let wide = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 20_000].join(","));
    assert_eq!(one_fault(&wide).0, "yaml::aliases");
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let text = format!("{}1{}", open.repeat(DEEPEST), close.repeat(DEEPEST));
        assert!(parse("x", &text).document.is_some());
        assert_eq!(one_fault(&open.repeat(200_000)).0, "yaml::too_deep");
    }
    assert_eq!(one_fault(&"- ".repeat(20_000)).0, "yaml::too_deep");
    let mixed: String = (0..100).map(|level| format!("{}a:\n", "  ".repeat(level))).collect();
    assert_eq!(one_fault(&mixed).0, "yaml::too_deep");
}

#[test]
fn a_file_beyond_a_mebibyte_is_refused() {
    let parsed = parse("x", &"a: 1\n".repeat(LARGEST / 5 + 1));
    assert!(parsed.document.is_none());
    assert_eq!(parsed.diagnostics[0].code, "file::too_large");
}

#[test]
fn bytes_that_are_not_utf_8_are_shown_with_their_line() {
    let (text, diagnostic) = decode("x", b"a: 1\nname: M\xfcller\n");
    let diagnostic = diagnostic.unwrap();
    assert_eq!(&text[diagnostic.span.clone()], "\u{fffd}");
    assert!(diagnostic.message.contains("line 2"));
    let (_, diagnostic) = decode("x", b"\xff\xfea\0:\0");
    assert!(diagnostic.unwrap().message.contains("UTF-16"));
    assert!(decode("x", "ä".as_bytes()).1.is_none());
}

#[test]
fn places_are_found_for_keys_values_and_parts_of_texts() {
    let text = "when:\n  cron: \"0 9 * * 8\"\nnotify:\n  - person: 'it''s anna'\n  - channel: General\ncard:\n  text: |\n    one\n    two two\n";
    let document = parse("x", text).document.unwrap();
    let found = |path: &[Step], underline: Underline| &text[document.locate(path, &underline)];
    let cron: [Step; 2] = ["when".into(), "cron".into()];
    assert_eq!(found(&cron, Underline::Key), "cron");
    assert_eq!(found(&cron, Underline::Value), "\"0 9 * * 8\"");
    assert_eq!(found(&cron, Underline::Within(8..9)), "8");
    assert_eq!(found(&["when".into()], Underline::Value), "cron: \"0 9 * * 8\"");
    assert_eq!(found(&["notify".into()], Underline::Value), "notify");
    assert_eq!(
        found(&["notify".into(), 1.into()], Underline::Value),
        "channel: General"
    );
    let person = ["notify".into(), 0.into(), "person".into()];
    assert_eq!(found(&person, Underline::Within(5..9)), "anna");
    assert_eq!(found(&["card".into(), "text".into()], Underline::Within(8..11)), "two");
    let second = document.locate(&["card".into(), "text".into()], &Underline::Within(8..11));
    assert_eq!(second.end, text.len() - 1, "the second `two` of two");
    assert_eq!(
        found(&["notify".into(), 7.into(), "x".into()], Underline::Value),
        "notify"
    );
    assert_eq!(found(&[], Underline::Value), "when:");
    assert_eq!(document.written(&cron), "\"0 9 * * 8\"");
}

#[test]
fn all_lints_are_warnings_that_leave_the_value() {
    let parsed = parse("x", "a: no\nb: 22:00\nc: 1.10\n");
    assert!(parsed.diagnostics.iter().all(|d| d.severity == Severity::Warning));
    assert_eq!(parsed.diagnostics.len(), 3);
    assert_eq!(
        parsed.document.unwrap().value,
        json!({ "a": "no", "b": "22:00", "c": 1.1 })
    );
}

fn check_everything(text: &str) {
    let parsed = parse("x", text);
    for diagnostic in &parsed.diagnostics {
        let span = diagnostic.span.clone();
        assert!(
            text.get(span.clone()).is_some(),
            "{span:?} is no part of {text:?} ({})",
            diagnostic.code
        );
        for related in &diagnostic.related {
            assert!(text.get(related.span.clone()).is_some());
        }
    }
    assert!(
        parsed.document.is_some() || !parsed.diagnostics.is_empty(),
        "{text:?} is refused without a reason"
    );
    if let Some(document) = &parsed.document {
        every_place(document, &document.value, &mut Vec::new(), text);
    }
}

fn every_place(document: &Document, value: &Value, path: &mut Vec<Step>, text: &str) {
    for underline in [
        Underline::Key,
        Underline::Value,
        Underline::Within(0..1),
        Underline::Within(3..2000),
    ] {
        let span = document.locate(path, &underline);
        assert!(
            text.get(span.clone()).is_some(),
            "{path:?} {underline:?} gives {span:?} in {text:?}"
        );
    }
    let below: Vec<(Step, &Value)> = match value {
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.into(), v)).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.as_str().into(), v)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (step, value) in below {
        path.push(step);
        every_place(document, value, path, text);
        path.pop();
    }
}

const SEEDS: [&str; 4] = [
    "when:\n  cron: \"0 9 * * 1-5\"  # ü\nnotify: [{ person: anna }, { channel: 'A / B' }]\ncard:\n  text: |\n    eins\n    zwei\n",
    "base: &b { x: 1, y: [a, \u{1f600}] }\nc:\n  <<: *b\n  y: *b\n- d\n",
    "{\"type\": \"AdaptiveCard\", \"body\": [{\"a\": \"\\ud83d\\ude00\"}, {{x}}, !t y, ? z]}",
    "a: >-\n  folded\n  text\nb: 'it''s'\nc: @x\nd: 22:00\n---\n\u{feff}%x\n\t- #y\r\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (text, _) = decode("x", &bytes);
        check_everything(&text);
    }

    #[test]
    fn no_text_of_yaml_signs_makes_the_reader_panic(text in "[-:?{}\\[\\],#&*!|>'\"%@` \n\t\r~a0.é\u{feff}\u{1f600}<=]{0,60}") {
        check_everything(&text);
    }

    #[test]
    fn no_mutation_of_a_rule_makes_the_reader_panic(
        seed in 0..SEEDS.len(),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..6, "[-:?{}\\[\\],#&*!|>'\"% \n\t\ra0é]{0,3}"), 1..6),
    ) {
        let mut text = SEEDS[seed].to_owned();
        for (place, length, put) in cuts {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let first = place.index(places.len());
            let last = (first + length).min(places.len() - 1);
            text.replace_range(places[first]..places[last], &put);
        }
        check_everything(&text);
    }
}
