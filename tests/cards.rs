//! From an event and the `card:` of a rule to the message that Teams gets. What the cards look like is kept in
//! `tests/golden/cards/`; `UPDATE_GOLDEN=1` writes them anew.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use herald::audience::Mention;
use herald::card::source::CardSource;
use herald::card::template::{Partials, Template};
use herald::card::text::Warnings;
use herald::card::{Card, Content};
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
    assert!(warnings.is_empty(), "{warnings:?}");
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
    assert_eq!(warnings.len(), 1, "{warnings:?}");
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
        body(&card)[1]["actions"],
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
