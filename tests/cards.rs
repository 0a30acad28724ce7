//! From an event and the `card:` of a rule to the message that Teams gets. What the cards look like is kept in
//! `tests/golden/cards/`; `UPDATE_GOLDEN=1` writes them anew.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use herald::card::source::CardSource;
use herald::card::template::{Partials, Template};
use herald::card::text::Warnings;
use herald::card::{Card, Content};
use herald::roster::Mention;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A rule's card and everything it needs.
#[derive(Default)]
struct Bench {
    templates: HashMap<String, Arc<Template>>,
    partials: Partials,
    mentions: Vec<Mention>,
}

fn yaml(text: &str) -> Value {
    let parsed = herald::yaml::parse("card.yaml", text);
    parsed
        .document
        .unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))
        .value
}

impl Bench {
    fn new() -> Self {
        Self::default()
    }

    fn text_partial(mut self, name: &str, text: &str) -> Self {
        let (partials, faults) = Partials::compile(&[(name.to_owned(), text.to_owned())]);
        assert_eq!(faults, []);
        self.partials = partials;
        self
    }

    fn partial(mut self, name: &str, text: &str) -> Self {
        let (partials, faults) = self.partials.with_documents(&[(name.to_owned(), yaml(text))]);
        assert_eq!(faults, []);
        self.partials = partials;
        self
    }

    fn template(mut self, name: &str, text: &str) -> Self {
        let (template, warnings) =
            Template::from_document(name, &yaml(text), &self.partials).unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert_eq!(warnings, []);
        self.templates.insert(name.to_owned(), Arc::new(template));
        self
    }

    fn hbs(mut self, name: &str, text: &str) -> Self {
        let (template, warnings) =
            Template::from_text(name, text, &self.partials).unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert_eq!(warnings, []);
        self.templates.insert(name.to_owned(), Arc::new(template));
        self
    }

    fn mention(mut self, id: &str, name: &str) -> Self {
        self.mentions.push(Mention {
            id: id.to_owned(),
            name: name.to_owned(),
        });
        self
    }

    fn source(&self, card: Option<&str>) -> CardSource {
        let names: Vec<String> = self.templates.keys().cloned().collect();
        let value = card.map(yaml);
        let find = |name: &str| self.templates.get(name).cloned();
        match CardSource::compile(value.as_ref(), &find, &names, &self.partials) {
            Ok((source, warnings)) => {
                assert_eq!(warnings, []);
                source
            }
            Err(faults) => panic!("{faults:#?}"),
        }
    }

    fn render(&self, card: Option<&str>, event: Value) -> (Card, Vec<String>) {
        let scope = json!({
            "event": event,
            "request": { "headers": {}, "query": {}, "method": "POST" },
            "recipient": { "name": "Anna Berg", "email": "anna.berg@contoso.example", "time_zone": "Europe/Berlin" },
            "rule": { "name": "deploy-failed", "description": "A production deploy failed" },
            "now": "2026-03-07T11:00:00Z",
        });
        let mut seen = Warnings::new();
        let card = self.source(card).render(&scope, &self.mentions, &mut seen);
        (card, seen.into_vec())
    }
}

/// Compares the whole message with the one kept under `name`.
fn golden(name: &str, card: &Card) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/cards")
        .join(format!("{name}.json"));
    let mut shown = serde_json::to_string_pretty(&card.to_activity()).expect("a message is JSON");
    shown.push('\n');
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, shown).expect("tests/golden/cards/ can be written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        shown, kept,
        "{name}: look at the difference; UPDATE_GOLDEN=1 accepts it"
    );
}

fn body(card: &Card) -> &Value {
    match &card.content {
        Content::Adaptive(card) => &card["body"],
        Content::Text(text) => panic!("a text: {text}"),
        Content::Notification(notification) => panic!("a notification: {notification}"),
    }
}

fn deployment() -> Value {
    json!({
        "action": "created",
        "deployment": { "id": 145988746, "environment": "production", "ref": "release/1.4" },
        "deployment_status": {
            "state": "failure", "description": "Health check did not pass", "created_at": "2026-03-07T10:52:10Z",
            "log_url": "https://github.example/contoso/shop/actions/runs/77", "updated_at": "2026-03-07T10:52:10Z",
        },
        "repository": { "id": 7, "full_name": "contoso/shop", "html_url": "https://github.example/contoso/shop" },
        "sender": { "login": "anna-b", "id": 9 },
    })
}

#[test]
fn the_short_form_is_a_good_card_by_itself() {
    let card = r#"
        title: "{{event.repository.full_name}}: deploy to {{event.deployment.environment}} failed"
        text: "{{event.deployment_status.description}}, {{date event.deployment_status.created_at \"relative\"}}"
        style: attention
        facts:
          Branch: "{{event.deployment.ref}}"
          By: "{{event.sender.login}}"
          At: "{{date event.deployment_status.created_at}}"
        buttons:
          Open the log: "{{event.deployment_status.log_url}}"
    "#;
    let (card, warnings) = Bench::new()
        .mention("29:anna", "Anna Berg")
        .render(Some(card), deployment());
    assert!(warnings.is_empty(), "{warnings:?}");
    golden("short", &card);
}

#[test]
fn a_rule_without_a_card_gets_one_from_the_event() {
    let (card, warnings) = Bench::new().render(None, deployment());
    assert!(warnings.is_empty(), "{warnings:?}");
    golden("generated-github", &card);
    let alert = json!({
        "title": "CPU above 90 %", "status": "firing", "severity": "critical", "value": 97.25,
        "labels": ["web", "eu"], "link": "https://grafana.example/d/7", "host": { "name": "web-3" },
        "startedAt": "2026-03-07T10:00:00Z", "silenced": false, "annotations": [{ "a": 1 }],
        "message": "web-3 is busy\n- since 10 minutes",
    });
    golden("generated-alert", &Bench::new().render(None, alert).0);
    golden("generated-nothing", &Bench::new().render(None, json!({})).0);
    golden(
        "generated-file",
        &Bench::new()
            .render(
                None,
                json!({"path": "prices/march.csv", "name": "march.csv", "size": 2048, "change": "modified"}),
            )
            .0,
    );
}

#[test]
fn a_template_repeats_leaves_out_and_includes() {
    let bench = Bench::new()
        .text_partial("place", "{{labels.instance}} in {{default labels.zone \"an unknown zone\"}}")
        .partial("footer", "- type: TextBlock\n  text: \"{{> place}}\"\n  isSubtle: true\n- type: TextBlock\n  text: \"Owner: {{owner}}\"\n")
        .template(
            "alerts",
            r#"
            type: AdaptiveCard
            version: "1.5"
            body:
              - type: TextBlock
                text: "{{title}}"
                weight: Bolder
                wrap: true
              - type: Container
                $data: "{{event.alerts}}"
                $when: "{{ne status \"resolved\"}}"
                separator: "{{not @first}}"
                style: "{{#if (eq labels.severity \"critical\")}}attention{{else}}warning{{/if}}"
                items:
                  - type: TextBlock
                    text: "{{@index}}. **{{labels.alertname}}** at {{date startsAt \"time\"}} for {{event.receiver}}: [graph]({{generatorURL}})"
                    wrap: true
                    maxLines: "{{lines}}"
                  - $partial: footer
                    with: { owner: "{{default labels.owner \"nobody\"}}" }
                  - type: FactSet
                    facts:
                      - $data: "{{values}}"
                        title: "{{name}}"
                        value: "{{number v 1}}"
            actions:
              - type: Action.OpenUrl
                title: "Open {{title}}"
                url: "{{event.externalURL}}"
              - type: Action.Submit
                title: Acknowledge
                data: { group: "{{event.groupKey}}", alerts: "{{event.alerts}}" }
            "#,
        );
    let card = "template: alerts\nwith:\n  title: \"{{plural event.alerts \\\"alert\\\"}}\"\n  lines: 3\n";
    let event = json!({
        "receiver": "ops", "externalURL": "https://alerts.example/", "groupKey": 7,
        "alerts": [
            {
                "status": "firing", "startsAt": "2026-03-07T09:15:00Z", "generatorURL": "https://prom.example/g?a=1&b=(2)",
                "labels": { "alertname": "HighCPU", "severity": "critical", "instance": "web-3", "zone": "eu-1" },
                "values": [{ "name": "cpu", "v": 97.26 }, { "name": "load", "v": 12 }],
            },
            { "status": "resolved", "labels": { "alertname": "Gone" } },
            {
                "status": "firing", "startsAt": 1772874000, "generatorURL": "javascript:alert(1)",
                "labels": { "alertname": "Disk_full_*soon*", "severity": "warning", "instance": "db_1", "owner": "Omar" },
                "values": [],
            },
        ],
    });
    let (card, warnings) = bench.render(Some(card), event);
    assert!(
        warnings.len() == 1 && warnings[0].contains("has no address that a card may open"),
        "{warnings:?}"
    );
    golden("alerts", &card);
}

#[test]
fn a_text_template_makes_the_same_card_whatever_is_in_the_event() {
    let bench = Bench::new().hbs(
        "lines",
        r#"{
          "type": "AdaptiveCard",
          "body": [
            {"type": "TextBlock", "text": "{{event.title}} ({{plural event.items "item"}})", "wrap": true}
            {{#each event.items}}
            , {"type": "TextBlock", "text": "{{name}} {{link "open" url}}", "maxLines": {{lines}}, "isVisible": {{shown}}}
            {{/each}}
          ]
        }"#,
    );
    let event = json!({
        "title": "He said \"no\",\n{\"type\": \"Evil\"} \\ {{x}}",
        "items": [
            { "name": "a\", \"type\": \"Input.Text", "url": "https://a.example/", "lines": 2, "shown": true },
            { "name": "<at>Anna Berg</at> [x](http://evil.example)", "url": "https://b.example/", "lines": "1, \"x\": 3", "shown": { "a": 1 } },
        ],
    });
    let (card, warnings) = bench.render(Some("lines"), event);
    // One setting came as an object, one as a text that is no number.
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    golden("text-template", &card);
}

#[test]
fn a_message_is_plain_text_and_becomes_a_card_when_it_mentions_somebody() {
    let message = "message: \"# Lunch: {{event.dish}} at {{date event.at \\\"time\\\"}}\"";
    let event = json!({ "dish": "`code` *soup*\n> quote", "at": "2026-03-07T11:30:00Z" });
    golden("message", &Bench::new().render(Some(message), event.clone()).0);
    golden(
        "message-mention",
        &Bench::new()
            .mention("29:omar", "Omar <Haddad>")
            .render(Some(message), event)
            .0,
    );
}

#[test]
fn a_card_that_is_too_large_is_cut_at_its_lists() {
    let facts: Vec<Value> = (0..2_000)
        .map(|n| json!({ "name": format!("file-{n}.txt"), "size": n }))
        .collect();
    let card = r#"
        title: "{{plural event.files \"file\"}}"
        facts:
          - $data: "{{event.files}}"
            title: "{{name}}"
            value: "{{size}} bytes, and some words that make the line long enough to matter, {{@index}}"
    "#;
    let (card, warnings) = Bench::new().render(Some(card), json!({ "files": facts }));
    let text = serde_json::to_string(&card.to_activity()).expect("a message is JSON");
    assert!(2 * text.encode_utf16().count() < 100_000, "{}", text.len());
    let facts = body(&card)[1]["facts"].as_array().expect("facts");
    let last = facts.last().expect("a fact")["title"].as_str().expect("a title");
    assert_eq!(last, format!("+{} more", 1_000 - (facts.len() - 1)));
    assert!(facts.len() > 300, "{}", facts.len());
    assert!(
        warnings.iter().any(|warning| warning.contains("its lists were cut")),
        "{warnings:?}"
    );
}

#[test]
fn an_address_that_is_no_address_takes_its_button_along_and_nothing_else() {
    let card = "title: t\nbuttons:\n  Good: \"{{event.good}}\"\n  Bad: \"{{event.bad}}\"\n  Gone: \"{{event.gone}}\"\nimage: \"{{event.bad}}\"\n";
    let event = json!({ "good": "HTTPS://a.example/x y", "bad": "javascript:alert(1)" });
    let (card, warnings) = Bench::new().render(Some(card), event);
    assert_eq!(
        body(&card)[2]["actions"],
        json!([{ "type": "Action.OpenUrl", "title": "Good", "url": "https://a.example/x%20y" }])
    );
    assert_eq!(warnings.len(), 4, "{warnings:?}");
}

#[test]
fn a_template_that_comes_to_nothing_leaves_a_card_made_from_the_event() {
    let bench = Bench::new().hbs("list", r#"{"type": "AdaptiveCard", "body": [{{#each event.lines}}{"type": "TextBlock", "text": "{{this}}"}{{#unless @last}},{{/unless}}{{/each}}]}"#);
    let (card, warnings) = bench.render(Some("list"), json!({ "lines": [], "title": "Still told" }));
    assert!(
        card.summary.contains("A production deploy failed: Still told"),
        "{}",
        card.summary
    );
    assert!(
        warnings.iter().any(|warning| warning.contains("made from the event")),
        "{warnings:?}"
    );
}

#[test]
fn lists_within_lists_end_soon_whatever_is_in_them() {
    let constant = "c".repeat(10_000);
    let bench = Bench::new().partial("doubled", "- {type: TextBlock, text: x}\n- {type: TextBlock, text: x}").template(
        "huge",
        &format!(
            r#"
            type: AdaptiveCard
            body:
              - type: Container
                $data: "{{{{event.list}}}}"
                items:
                  - type: Container
                    $data: "{{{{event.list}}}}"
                    items:
                      - {{ type: TextBlock, text: "{constant}" }}
                      - "{{{{> doubled}}}}"
                      - {{ type: TextBlock, text: "{{{{#each event.list}}}}{{{{#each event.list}}}}{{{{event.text}}}}{{{{/each}}}}{{{{/each}}}}" }}
                    selectAction: {{ type: Action.Submit, data: {{ all: "{{{{event}}}}" }} }}
            "#
        ),
    );
    let event = json!({ "list": (0..3_000).collect::<Vec<_>>(), "text": "long ".repeat(50_000) });
    for card in [
        "huge",
        "title: t\nfacts: [{ $data: \"{{event.list}}\", title: \"{{json event}}\", value: \"{{upper event.text}}\" }]",
    ] {
        let (card, warnings) = bench.render(Some(card), event.clone());
        let text = serde_json::to_string(&card.to_activity()).expect("a message is JSON");
        assert!(2 * text.encode_utf16().count() < 100_000, "{}", text.len());
        assert!(!warnings.is_empty());
    }
}

#[test]
fn a_payload_nested_as_deeply_as_json_allows_is_no_danger() {
    let mut deep = json!("bottom");
    for level in 0..120 {
        deep = if level % 2 == 0 {
            json!([deep])
        } else {
            json!({ "a": deep })
        };
    }
    let bench = Bench::new().template("fixed", FIXED).hbs("text", FIXED_HBS);
    for card in [
        None,
        Some("fixed"),
        Some("text"),
        Some("message: \"{{json event}} {{event.text.a.[0].a.[0]}}\""),
    ] {
        let (card, _) = bench.render(card, json!({ "title": deep, "text": deep, "list": deep }));
        assert!(!card.summary.is_empty());
    }
}

#[test]
fn the_deepest_template_that_is_accepted_fits_on_a_small_stack() {
    let render = || {
        let mut texts: Vec<(String, String)> = vec![(
            "p0".to_owned(),
            "{{#if event.a}}".repeat(31) + "x" + &"{{/if}}".repeat(31),
        )];
        for depth in 1..8 {
            let inner = format!(
                "{{{{> p{} a={}event.a{}}}}}",
                depth - 1,
                "(not ".repeat(15),
                ")".repeat(15)
            );
            texts.push((
                format!("p{depth}"),
                "{{#each event.l}}".repeat(31) + &inner + &"{{/each}}".repeat(31),
            ));
        }
        let (partials, faults) = Partials::compile(&texts);
        assert_eq!(faults, []);
        let mut element = json!({ "type": "TextBlock", "text": "{{#with event}}{{> p7}}{{/with}}" });
        for _ in 0..30 {
            element = json!({ "type": "Container", "$data": "{{event.l}}", "items": [element] });
        }
        let template = Template::from_document("deep", &json!({ "body": [element] }), &partials);
        let template = Arc::new(template.expect("just not too deep").0);
        let (source, _) =
            CardSource::compile(Some(&json!("deep")), &|_| Some(template.clone()), &[], &partials).expect("a source");
        let card = source.render(&json!({ "event": { "a": 1, "l": [1] } }), &[], &mut Warnings::new());
        assert_eq!(card.summary, "x");
    };
    // Half of what a worker of the server has.
    let thread = std::thread::Builder::new().stack_size(4 << 20).spawn(render);
    thread.expect("a thread").join().expect("no overflow, no panic");
}

#[test]
fn code_keeps_its_lines() {
    let bench = Bench::new().template(
        "code",
        "body: [{type: CodeBlock, language: Bash, codeSnippet: \"{{event.log}}\"}, {type: CodeBlock, codeSnippet: \"{{event.none}}\"}]",
    );
    let (card, _) = bench.render(Some("code"), json!({ "log": "*a*\n  b\u{202E}" }));
    assert_eq!(body(&card)[0]["codeSnippet"], "*a*\n  b");
    assert_eq!(body(&card)[1]["codeSnippet"], "–");
}

/// Payloads as somebody would send them who wants another card than the author wrote.
fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just("\n".to_owned()),
        Just("\", \"type\": \"Input.Text\", \"x\": \"".to_owned()),
        Just("}, {\"type\": \"Action.Submit\"}".to_owned()),
        Just("{{event.secret}}".to_owned()),
        Just("{{{this}}}".to_owned()),
        Just("{{#each event}}".to_owned()),
        Just("${secret}".to_owned()),
        Just("<at>Anna Berg</at>".to_owned()),
        Just("[x](https://evil.example)".to_owned()),
        Just("](".to_owned()),
        Just("**".to_owned()),
        Just("\u{202E}".to_owned()),
        Just("\u{FDD0}0\u{FDD1}".to_owned()),
        Just("\u{0}".to_owned()),
        Just("- ".to_owned()),
        Just("javascript:alert(1)".to_owned()),
        Just("https://a.example/".to_owned()),
        "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn hostile_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        hostile_text().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "name", "url", "type", "items", "text", "msteams", "$data", "event", "id"
        ])
        .prop_map(str::to_owned),
        hostile_text(),
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn hostile_event() -> impl Strategy<Value = Value> {
    let fields = ["title", "text", "state", "url", "person", "list", "secret"];
    prop::collection::vec(hostile_value(), fields.len()).prop_map(move |values| {
        let mut event: Value = fields
            .iter()
            .map(|field| (*field).to_owned())
            .zip(values)
            .collect::<serde_json::Map<_, _>>()
            .into();
        event["secret"] = json!("TOP-SECRET");
        event
    })
}

const FIXED: &str = r#"
type: AdaptiveCard
body:
  - type: TextBlock
    text: "{{event.title}} by {{event.person.name}}{{event.text}}"
    wrap: true
  - type: FactSet
    facts:
      - { title: "{{event.state}}", value: "{{event.person}}" }
  - type: Container
    style: "{{#if (eq event.state \"failed\")}}attention{{else}}good{{/if}}"
    items:
      - { type: TextBlock, text: "{{upper event.text}} {{truncate event.title 5}} {{json event.list}}" }
      - { type: RichTextBlock, inlines: [{ type: TextRun, text: "{{event.text}}" }] }
  - type: Input.Text
    id: note
    placeholder: "{{event.title}}"
actions:
  - { type: Action.Submit, title: "{{event.title}}", data: { all: "{{event}}", one: "{{event.text}}" } }
"#;

const FIXED_HBS: &str = r#"{
  "type": "AdaptiveCard",
  "body": [
    {"type": "TextBlock", "text": "{{event.title}} by {{event.person.name}}{{event.text}}", "wrap": true},
    {"type": "FactSet", "facts": [{"title": "{{event.state}}", "value": {{event.person}}}]},
    {"type": "Container", "items": [{"type": "TextBlock", "text": {{upper event.text}}}]}
  ],
  "actions": [{"type": "Action.Submit", "title": "{{event.title}}", "data": {"all": {{event}}}}]
}"#;

/// The elements and keys of a card without what stands in them; what a button sends back is not part of it.
fn structure(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| match key.as_str() {
                "type" | "style" | "id" => (key.clone(), value.clone()),
                "data" => (key.clone(), Value::Null),
                _ => (key.clone(), structure(value)),
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(structure).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Value::Null,
    }
}

/// Every text that is shown through Markdown.
fn markdown(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let is_block = fields.get("type").is_some_and(|kind| kind == "TextBlock");
                match value {
                    Value::String(text) if (key == "text" && is_block) || !fields.contains_key("type") => {
                        found.push(text.clone());
                    }
                    _ if key == "data" => {}
                    _ => markdown(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| markdown(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_payload_changes_what_a_card_consists_of(event in hostile_event()) {
        let harmless = json!({"title": "t", "text": "x", "state": "s", "url": "u", "person": {"name": "n"}, "list": [1], "secret": "s"});
        let bench = Bench::new().template("fixed", FIXED).hbs("text", FIXED_HBS);
        for template in ["fixed", "text"] {
            let (expected, _) = bench.render(Some(template), harmless.clone());
            let (card, _) = bench.render(Some(template), event.clone());
            let (Content::Adaptive(card), Content::Adaptive(expected)) = (&card.content, &expected.content) else {
                panic!("both are cards");
            };
            prop_assert_eq!(structure(card), structure(expected), "{}", template);
            prop_assert!(card["actions"][0]["data"].get("msteams").is_none());
            let mut texts = Vec::new();
            markdown(card, &mut texts);
            for text in texts {
                prop_assert!(!text.contains("](") && !text.contains("<at"), "{:?}", text);
                prop_assert!(!text.contains('\u{202E}') && !text.contains('\u{0}') && !text.contains('\u{FDD0}'), "{:?}", text);
            }
        }
    }

    #[test]
    fn nothing_of_an_event_is_evaluated_as_a_template(event in hostile_event()) {
        let card = "title: \"{{event.title}}\"\ntext: \"{{event.text}} {{lookup event \\\"state\\\"}}\"\nfacts: { A: \"{{event.url}}\" }\n";
        let mut event = event;
        let names: Vec<String> = ["title", "text", "state", "url"].map(str::to_owned).to_vec();
        for name in names {
            if event[&name].is_array() || event[&name].is_object() {
                event[&name] = json!("{{event.secret}} {{#with event}}{{secret}}{{/with}}");
            }
        }
        let (card, _) = Bench::new().render(Some(card), event);
        let text = serde_json::to_string(&card).expect("a card is JSON");
        prop_assert!(!text.contains("TOP-SECRET"), "{}", text);
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_event_gets_a_card_below_the_limit(event in hostile_value(), times in 0_usize..300) {
        let bench = Bench::new().template("fixed", FIXED).hbs("text", FIXED_HBS).mention("29:anna", "Anna Berg");
        let event = json!({ "list": vec![event.clone(); times], "text": event.to_string().repeat(times), "title": event, "person": {} });
        let list = "title: \"{{event.title}}\"\nfacts: [{ $data: \"{{event.list}}\", title: \"{{@number}}\", value: \"{{this}} {{../event.text}}\" }]";
        for card in [None, Some("fixed"), Some("text"), Some(list), Some("message: \"{{event.text}} {{json event}}\"")] {
            let (card, _) = bench.render(card, event.clone());
            let text = serde_json::to_string(&card.to_activity()).expect("a message is JSON");
            prop_assert!(2 * text.encode_utf16().count() < 100_000, "{}", text.len());
            prop_assert!(!card.summary.is_empty() && card.summary.chars().count() <= 200, "{}", card.summary);
        }
    }
}
