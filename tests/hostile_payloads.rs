//! Whatever a payload holds, a card consists of what its author wrote, and nothing of an event is evaluated: shown with every
//! rule of the gallery, and with templates that nobody wrote.

use std::path::Path;
use std::sync::Arc;

use herald::card::source::CardSource;
use herald::card::template::{Partials, Template};
use herald::card::text::Warnings;
use herald::card::{Card, Content};
use herald::load;
use herald::rule::condition::Condition;
use herald::rule::target::Target;
use herald::workspace::sample::Sample;
use herald::workspace::{self, Workspace};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Texts that mean something to JSON, YAML, Handlebars, Markdown, Teams, CEL or the language itself.
const HOSTILE: [&str; 27] = [
    "\", \"type\": \"Action.Submit\", \"x\": \"",
    "\"}]}, {\"type\": \"Image\", \"url\": \"https://evil.example/x.png\"}",
    "\\\"}\\u0022, {",
    "{\"type\": \"TextBlock\", \"text\": \"mine\"}",
    "[{\"type\": \"TextBlock\", \"text\": \"mine\"}]",
    "{{event.secret}}",
    "{{{event.secret}}}",
    "{{> reason}}",
    "{{#each this}}{{this}}{{/each}}",
    "{{lookup event \"secret\"}}",
    "${event.secret}",
    "$data",
    "\n- type: TextBlock\n  text: mine\n",
    "*alias &anchor !tag",
    "<at>everyone</at>",
    "[press](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "javascript:alert(1)",
    "event.secret == event.secret",
    "size(event) > 0",
    "(a+)+$",
    "x\u{202E}y",
    "x\u{0}y",
    "x\u{FDD0}1\u{FDD1}y",
    "x\u{2028}y\u{2029}z",
    "</script><b>x</b>",
    "# heading\n> quote\n| a | b |",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The card without its texts: which elements there are, in which order, with which keys and settings.
fn structure(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = format!("{path}/{key}");
                match (key.as_str(), value) {
                    ("type" | "style" | "color" | "size" | "weight", Value::String(word)) => {
                        found.push(format!("{path}={word}"));
                    }
                    _ => structure(value, &path, found),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                structure(item, &format!("{path}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(path.to_owned()),
    }
}

fn structure_of(card: &Card) -> Vec<String> {
    let mut found = Vec::new();
    match &card.content {
        Content::Adaptive(card) => structure(card, "", &mut found),
        Content::Text(_) => found.push("text".to_owned()),
        Content::Notification(_) => found.push("notification".to_owned()),
    }
    found
}

/// The event with each of its texts replaced, but for those that are addresses, times, or decide on something: a card may
/// well differ with them.
fn with_texts(value: &Value, decides: &dyn Fn(&str) -> bool, next: &mut dyn FnMut() -> String) -> Value {
    match value {
        Value::String(text) if text.contains("://") || text.is_empty() || decides(text) => value.clone(),
        Value::String(_) => Value::from(next()),
        Value::Array(items) => items.iter().map(|item| with_texts(item, decides, next)).collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| (key.clone(), with_texts(value, decides, next)));
            Value::Object(fields.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn gallery() -> (Workspace, Vec<Sample>) {
    let sources = load::read_with_samples(root());
    let samples = sources.files.iter().filter(|file| file.path.starts_with("samples/"));
    let samples = samples
        .map(|file| {
            let bytes = file.bytes.as_ref().expect("a sample can be read");
            Sample::new(&file.path, serde_json::from_slice(bytes).expect("a sample is JSON"))
        })
        .collect();
    (workspace::compile(&sources, None).workspace, samples)
}

fn scope(event: Value, rule: &str) -> Value {
    json!({
        "event": event,
        "request": { "method": "POST", "headers": {}, "query": {} },
        "recipient": { "name": "Anna Berg", "email": "anna.berg@contoso.example", "time_zone": "Europe/Berlin" },
        "rule": { "name": rule, "description": "why" },
        "now": "2026-03-09T08:00:00Z",
    })
}

/// Nothing that a payload brought is more than text.
fn only_text(card: &Card) {
    let shown = serde_json::to_string(&card.to_activity()).expect("a message is JSON");
    assert!(!shown.contains("TOP-SECRET"), "an event was evaluated: {shown}");
    match &card.content {
        Content::Adaptive(card) => harmless(card, false),
        Content::Text(text) => markdown(text),
        Content::Notification(_) => {}
    }
}

/// What is shown through Markdown makes neither links nor mentions; what is opened is what the author wrote. Buttons and
/// alternative texts are shown as they are, and `data` only comes back to us.
fn harmless(value: &Value, is_fact: bool) {
    match value {
        Value::Object(fields) => {
            let block = is_fact || fields.get("type").is_some_and(|kind| kind == "TextBlock");
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("data", _) => {}
                    ("text" | "title" | "value", Value::String(text)) if block => markdown(text),
                    ("url", Value::String(url)) => {
                        assert!(!url.contains("evil.example") && !url.starts_with("javascript"), "{url}");
                    }
                    _ => harmless(value, key == "facts"),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| harmless(item, is_fact)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn markdown(text: &str) {
    assert!(
        !text.contains("](https://evil.example"),
        "a payload made a link: {text}"
    );
    assert!(!text.contains("<at"), "a payload mentions: {text}");
}

#[test]
fn no_payload_changes_what_the_cards_of_the_gallery_consist_of() {
    let (workspace, samples) = gallery();
    let mut compared = 0;
    for rule in &workspace.ruleset.rules {
        // There the author asks for the sender's own card; `card::sent` has a test of what it never lets through.
        if rule.card.is_as_sent() {
            continue;
        }
        let source = std::fs::read_to_string(root().join(&rule.file)).expect("a rule can be read");
        let templates = [
            "alerts",
            "deploy-failed",
            "file-changed",
            "incident",
            "welcome",
            "workflow-failed",
        ]
        .map(|name| std::fs::read_to_string(root().join(format!("templates/{name}.yaml"))).expect("a template"));
        // Words that rules and templates compare with, and what dates are made of.
        let decides = |text: &str| {
            source.contains(text)
                || templates
                    .iter()
                    .any(|template| template.contains(&format!("\"{text}\"")))
                || { text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-' }
        };
        for sample in samples.iter().filter(|sample| sample.event_for(rule).is_some()) {
            let (mut words, mut turn) = (0, 0);
            let mut harmless = || {
                words += 1;
                format!("word{words}")
            };
            let mut event = with_texts(&sample.data, &decides, &mut harmless);
            event["secret"] = json!("TOP-SECRET");
            let expected = rule.card.render(&scope(event, &rule.name), &[], &mut Warnings::new());
            for shift in 0..HOSTILE.len() {
                let mut hostile = || {
                    turn += 1;
                    HOSTILE[(turn + shift) % HOSTILE.len()].to_owned()
                };
                let mut event = with_texts(&sample.data, &decides, &mut hostile);
                event["secret"] = json!("TOP-SECRET");
                let card = rule.card.render(&scope(event, &rule.name), &[], &mut Warnings::new());
                assert_eq!(
                    structure_of(&card),
                    structure_of(&expected),
                    "{} with {}",
                    rule.name,
                    sample.file
                );
                only_text(&card);
                compared += 1;
            }
        }
    }
    assert!(compared > 400, "only {compared} cards were compared");
}

/// A text with holes that shows fields of the event, and decides on nothing.
fn text() -> impl Strategy<Value = String> {
    let hole = prop::sample::select(vec![
        "{{event.a}}",
        "{{event.b}}",
        "{{event.list.[0]}}",
        "{{upper event.a}}",
        "{{truncate event.b 20}}",
        "{{json event}}",
        "{{join event.list}}",
        "{{replace event.a \"x\" \"y\"}}",
        "{{bold event.b}}",
        "{{lines event.a 1}}",
        "{{#with event}}{{a}}{{/with}}",
        "{{#each event.list}}{{this}};{{/each}}",
        "{{> piece}}",
    ]);
    (prop::collection::vec((hole, "[a-z \\[\\]()*_]{0,6}"), 1..4))
        .prop_map(|parts| parts.into_iter().map(|(hole, text)| format!("x{text}{hole}")).collect())
}

/// Elements as an author could nest them.
fn element() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(|text| json!({ "type": "TextBlock", "text": text, "wrap": true })),
        (text(), text())
            .prop_map(|(title, value)| json!({ "type": "FactSet", "facts": [{ "title": title, "value": value }] })),
        text().prop_map(|text| json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": text }] })),
        text().prop_map(
            |text| json!({ "type": "TextBlock", "$data": "{{event.list}}", "text": format!("{text}{{{{this}}}}") })
        ),
        text().prop_map(|text| json!({ "type": "TextBlock", "$when": "{{event.a}}", "text": text })),
        text().prop_map(
            |text| json!({ "type": "Image", "url": "https://pictures.contoso.example/x.png", "altText": text })
        ),
        text().prop_map(|title| json!({ "type": "ActionSet", "actions": [
            { "type": "Action.Submit", "title": title, "data": { "said": title } },
        ] })),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3)
                .prop_map(|items| json!({ "type": "Container", "items": items })),
            prop::collection::vec(inner, 1..3).prop_map(|items| json!({ "type": "ColumnSet", "columns": [
                { "type": "Column", "width": "auto", "items": items },
            ] })),
        ]
    })
}

/// The same elements as one Handlebars text: the JSON with its texts as they are.
fn as_text(body: &[Value]) -> String {
    fn plain(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields: Map<String, Value> = fields
                    .iter()
                    .filter(|(key, _)| !key.starts_with('$'))
                    .map(|(key, value)| (key.clone(), plain(value)))
                    .collect();
                Value::Object(fields)
            }
            Value::Array(items) => items.iter().map(plain).collect(),
            // A quote inside a hole is no part of the JSON.
            Value::String(text) => Value::from(text.replace(" \"x\" \"y\"", " 'x' 'y'")),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
    json!({ "type": "AdaptiveCard", "version": "1.5", "body": body.iter().map(plain).collect::<Vec<_>>() })
        .to_string()
}

fn event(texts: [&str; 4]) -> Value {
    let [a, b, c, d] = texts;
    json!({ "a": a, "b": b, "list": [c, d], "secret": "TOP-SECRET" })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_payload_changes_what_a_card_of_any_template_consists_of(
        body in prop::collection::vec(element(), 1..4),
        picks in prop::collection::vec(0..HOSTILE.len(), 4),
        noise in "\\PC{0,12}",
    ) {
        let (partials, _) = Partials::compile(&[("piece".to_owned(), "piece {{event.a}}".to_owned())]);
        let document = json!({ "type": "AdaptiveCard", "version": "1.5", "body": body });
        let structured = Template::from_document("t", &document, &partials);
        let structured = structured.map_err(|faults| TestCaseError::fail(format!("{faults:?}")))?.0;
        let source = as_text(&body);
        let text = Template::from_text("t", &source, &partials);
        let text = text.map_err(|faults| TestCaseError::fail(format!("{source}: {faults:?}")))?.0;
        let noisy = format!("{noise}{}", HOSTILE[picks[3]]);
        let hostile = event([HOSTILE[picks[0]], HOSTILE[picks[1]], HOSTILE[picks[2]], &noisy]);
        let harmless = event(["one", "two", "three", "four"]);
        for template in [structured, text] {
            let template = Arc::new(template);
            let find = |_: &str| Some(template.clone());
            let (source, _) = CardSource::compile(Some(&json!("t")), &find, &["t".to_owned()], &partials)
                .map_err(|faults| TestCaseError::fail(format!("{faults:?}")))?;
            let secretive = |mut event: Value| { event.as_object_mut().unwrap().shift_remove("secret"); event };
            let expected = source.render(&scope(secretive(harmless.clone()), "r"), &[], &mut Warnings::new());
            // `json event` shows the secret because the author asked for the whole event.
            let card = source.render(&scope(secretive(hostile.clone()), "r"), &[], &mut Warnings::new());
            prop_assert_eq!(structure_of(&card), structure_of(&expected));
            only_text(&card);
        }
    }

    /// Recipients are looked up by what comes out of an event; it is a name, never a template.
    #[test]
    fn no_text_of_an_event_is_evaluated_as_condition_or_target(pick in 0..HOSTILE.len()) {
        let hostile = HOSTILE[pick];
        let scope = scope(event([hostile, "b", "c", "d"]), "r");
        let is = Condition::compile(&json!({ "event.a": hostile })).expect("a text can be compared").0;
        prop_assert!(is.evaluate(&scope).holds);
        let other = Condition::compile(&json!({ "event.a": "TOP-SECRET", "expression": "event.a == event.secret" }));
        prop_assert!(!other.expect("a condition").0.evaluate(&scope).holds);
        let target = Target::compile(&json!({ "person": "{{event.a}}" }), &Partials::none()).expect("a target");
        let named = target.values()[0].plain(&scope, &mut Warnings::new());
        prop_assert!(!named.contains("TOP-SECRET"), "{}", named);
    }
}
