use super::*;
use crate::diagnostic::Underline;
use crate::yaml;

fn faults(kind: FileKind, text: &str) -> Vec<(String, String, Option<String>)> {
    let document = yaml::parse("x", text).document.expect("well-formed YAML");
    let in_editors = jsonschema::draft7::new(&for_editors(kind)).expect("editors can read the schema");
    let found = validate(kind, &document);
    assert_eq!(
        in_editors.is_valid(&document.value),
        found.is_empty(),
        "editors and `check` disagree about {text}: {found:#?}"
    );
    found
        .into_iter()
        .map(|fault| {
            let span = document.locate(&fault.path, &fault.underline);
            (text[span].to_owned(), fault.message, fault.help)
        })
        .collect()
}

/// Exactly one fault: underlined, message, help.
fn rule(text: &str) -> (String, String, String) {
    let mut found = faults(FileKind::Rule, text);
    assert_eq!(found.len(), 1, "{text}: {found:#?}");
    let (underlined, message, help) = found.remove(0);
    (underlined, message, help.unwrap_or_default())
}

fn told(underlined: &str, message: &str, help: &str) -> (String, String, String) {
    (underlined.into(), message.into(), help.into())
}

const REST: &str = "\nnotify: [{ channel: releases }]\n";

#[test]
fn every_schema_builds_and_accepts_the_smallest_file() {
    for kind in FileKind::ALL {
        assert!(schema(kind).is_object());
    }
    assert_eq!(faults(FileKind::Rule, &format!("when: {{ hook: github }}{REST}")), []);
    assert_eq!(faults(FileKind::Settings, "{}"), []);
    assert_eq!(faults(FileKind::Directory, "{}"), []);
    assert_eq!(
        faults(FileKind::Template, "type: AdaptiveCard\nversion: \"1.5\"\nbody: []"),
        []
    );
}

#[test]
fn the_rule_of_the_manual_is_accepted() {
    let text = r#"
description: A production deploy failed on GitHub
owner: platform-team
when:
  hook: github
  event_type: deployment_status
if:
  event.deployment_status.state: [failure, error]
  event.deployment.environment: production
  event.count: { at_least: 3 }
  any: [{ event.a: 1 }, { not: { event.b: true } }]
notify:
  - person: on-call
  - channel: Platform / Releases
    mention: on-call
except: [{ sender: true }]
card:
  template: deploy-failed
  with: { title: "{{event.repository.name}}: deploy failed" }
"#;
    assert_eq!(faults(FileKind::Rule, text), []);
    for when in [
        "[{ cron: '0 9 * * 1-5' }, { installed: [person] }]",
        "{ file: 'a/*.csv', change: [created] }",
    ] {
        assert_eq!(faults(FileKind::Rule, &format!("when: {when}{REST}")), []);
    }
}

#[test]
fn an_unknown_key_is_underlined_with_the_nearest_one() {
    assert_eq!(
        rule("whne: { hook: x }\nnotify: [{ channel: r }]"),
        told("whne", "unknown key `whne`", "did you mean `when`?")
    );
    assert_eq!(
        rule("when: { hook: x }\ntemplate: y\nnotify: [{ channel: r }]"),
        told("template", "unknown key `template`", "`template` belongs under `card`")
    );
    assert_eq!(
        rule("when: { hook: x }\nnotify: [{ channel: r }]\nmention: y").2,
        "`mention` belongs under `notify`"
    );
    assert_eq!(
        rule(&format!("when: {{ hok: x }}{REST}")),
        told("hok", "unknown key `hok`", "did you mean `hook`?")
    );
}

#[test]
fn words_of_other_tools_lead_to_ours() {
    for (text, meant) in [
        ("on: { hook: x }\nnotify: [{ channel: r }]", "when"),
        ("trigger: { hook: x }\nnotify: [{ channel: r }]", "when"),
        ("when: { hook: x }\nto: [{ channel: r }]", "notify"),
        ("when: { webhook: x }\nnotify: [{ channel: r }]", "hook"),
        ("when: { schedule: '@daily' }\nnotify: [{ channel: r }]", "cron"),
        (
            "when: { hook: x }\nnotify: [{ channel: r }]\nconditions: { event.a: 1 }",
            "if",
        ),
    ] {
        assert_eq!(rule(text).2, format!("did you mean `{meant}`?"), "{text}");
    }
}

#[test]
fn a_word_of_a_later_version_is_told_apart_from_a_mistake() {
    assert_eq!(
        rule("when: { hook: x }\nnotify: [{ channel: r }]\ntime_zone: Europe/Berlin"),
        told(
            "time_zone",
            "`time_zone` is not part of this version of Herald",
            "leave it out"
        )
    );
}

#[test]
fn a_missing_key_is_asked_for_with_an_example() {
    let (_, message, help) = rule("when: { hook: github }\n");
    assert_eq!(message, "a rule needs `notify`");
    assert_eq!(
        help,
        "add it, for example `notify: [{ person: on-call }, { channel: \"Platform / Releases\" }]`".replace('"', "")
    );
}

#[test]
fn two_triggers_in_one_mapping_are_told_on_the_second() {
    let (underlined, message, help) = rule(&format!(
        "when:\n  hook: x\n  event_type: y\n  cron: '0 9 * * *'\n  time_zone: UTC{REST}"
    ));
    assert_eq!(
        (underlined.as_str(), message.as_str()),
        ("cron", "`cron` cannot stand beside `hook`")
    );
    assert!(help.contains("write a list under `when`"));
}

#[test]
fn a_companion_without_its_owner_or_with_a_wrong_one_is_told() {
    assert_eq!(
        rule(&format!("when: {{ event_type: push }}{REST}")).1,
        "`event_type` belongs to `hook`, which is missing"
    );
    assert_eq!(
        rule(&format!("when: {{ hok: x, event_type: push }}{REST}")).2,
        "did you mean `hook`?",
        "the owner is there, only misspelt"
    );
    assert_eq!(
        rule(&format!("when: {{ cron: '@daily', event_type: push }}{REST}")),
        told(
            "event_type",
            "`event_type` says nothing about `cron`",
            "it belongs to `hook`; leave it out"
        )
    );
    assert_eq!(
        rule("when: { hook: x }\nnotify: [{ mention: anna }]").1,
        "`mention` belongs to `group`, `channel`, `channels_of`, `here` or `webhook`, and none of them is here"
    );
    assert_eq!(
        rule("when: { hook: x }\nnotify: [{ person: anna, mention: omar }]").1,
        "`mention` says nothing about `person`"
    );
    assert_eq!(
        rule("when: { hook: x }\nnotify: [{ channel: r }]\ncard: { template: a, title: b }").1,
        "`title` says nothing about `template`"
    );
}

#[test]
fn a_wrong_kind_of_value_is_told_with_the_right_spelling() {
    let with = |line: &str| rule(&format!("when: {{ hook: x }}\n{line}{REST}"));
    assert_eq!(
        with("owner: 42"),
        told(
            "42",
            "`owner` must be a text, but this is a number",
            "put it in quotes: \"42\""
        )
    );
    assert_eq!(with("owner: 1.10").2, "put it in quotes: \"1.10\"");
    assert_eq!(with("owner:").1, "`owner` has no value");
    let (underlined, message, help) = rule("when: { hook: x }\nnotify:\n  channel: releases");
    assert_eq!(underlined, "channel: releases");
    assert_eq!(message, "`notify` must be a list, but this is a mapping");
    assert!(help.starts_with("make it a list: begin each item with `- `"));
    assert_eq!(
        rule("when: { hook: x }\nnotify: [{ here: yes }]"),
        told(
            "yes",
            "`here` must be `true` or `false`, but this is a text",
            "write `true`"
        )
    );
    assert_eq!(
        rule("when: { hook: x }\nnotify: [{ here: false }]").1,
        "`here` can only be `true`"
    );
    assert_eq!(
        rule("when: { hook: x }\nnotify: [anna]").1,
        "item 1 of `notify` must be a mapping, but this is a text"
    );
    assert_eq!(rule("when: { hook: x }\nnotify: []").1, "`notify` is an empty list");
    assert_eq!(rule(&format!("when: {{}}{REST}")).1, "`when` has nothing in it");
    assert_eq!(
        rule(&format!("when: {{ installed: [persn] }}{REST}")),
        told(
            "persn",
            "item 1 of `installed` cannot be `persn`",
            "did you mean `person`?"
        )
    );
    assert_eq!(
        rule(&format!("when: {{ cron: '@daily', if_missed: later }}{REST}")).2,
        "write one of: skip, run"
    );
}

#[test]
fn conditions_know_their_words() {
    let with = |line: &str| rule(&format!("when: {{ hook: x }}\nif:\n  {line}{REST}"));
    assert_eq!(with("event.a: { contain: x }").2, "did you mean `contains`?");
    assert_eq!(
        with("any: { event.a: 1 }").1,
        "`any` must be a list, but this is a mapping"
    );
    assert_eq!(
        with("event.a: [{ x: 1 }]").1.split(" but").next(),
        Some("item 1 of `event.a` must be a text, a number, `true` or `false` or nothing,")
    );
}

#[test]
fn all_faults_of_a_file_come_at_once() {
    let text = "when: { hok: x }\nowner: 1\nnotify: [{ chanel: x }, { person: 5 }]\ncards: x\nlimit: {}\n";
    assert_eq!(faults(FileKind::Rule, text).len(), 6);
}

#[test]
fn a_number_whose_unit_is_missing_is_told_the_whole_value() {
    let hook = |limit| format!("hooks: {{ ci: {{ signature: github, secret: A, limit: {limit} }} }}");
    assert_eq!(faults(FileKind::Settings, &hook("100 per minute")), []);
    let found = faults(FileKind::Settings, &hook("100"));
    assert_eq!(
        found[0].2.as_deref(),
        Some("for example `limit: \"100 per minute\"`"),
        "{found:?}"
    );
    let found = faults(FileKind::Settings, "retention: { deliveries: 30 }");
    assert_eq!(
        found[0].2.as_deref(),
        Some("for example `deliveries: \"30 days\"`"),
        "{found:?}"
    );
}

#[test]
fn settings_and_directory_are_judged_by_the_same_rules() {
    assert_eq!(
        faults(FileKind::Settings, "limits: { messages_per_second: 0 }")[0]
            .2
            .as_deref(),
        Some("the smallest value is 1")
    );
    assert_eq!(
        faults(FileKind::Settings, "hooks: { a: { signature: githb } }")[0]
            .2
            .as_deref(),
        Some("did you mean `github`?")
    );
    assert_eq!(
        faults(FileKind::Directory, "rotations: { a: {} }")[0].1,
        "`a` needs `people`"
    );
    assert_eq!(
        faults(FileKind::Directory, "channels: { a: { team: x, link: y } }")[0].1,
        "`link` cannot stand beside `team`"
    );
    assert_eq!(
        faults(
            FileKind::Directory,
            "people: { anna: a@b.example, omar: { email: o@b.example } }"
        ),
        []
    );
    assert_eq!(
        faults(FileKind::Template, "type: AdaptiveCard\nversion: 1.5")[0]
            .2
            .as_deref(),
        Some("put it in quotes: \"1.5\"")
    );
}

#[test]
fn keys_that_look_like_numbers_or_pointers_are_found_again() {
    let text = "when: { hook: x }\nif:\n  0: { x: 1 }\n  a/b~c: { y: 1 }\nnotify: [{ channel: r }]\n";
    let document = yaml::parse("x", text).document.unwrap();
    for fault in validate(FileKind::Rule, &document) {
        let span = document.locate(&fault.path, &Underline::Key);
        assert!(["x", "y"].contains(&&text[span]), "{fault:?}");
    }
}

/// Calls `visit` with the path and schema of every property of every mapping that people write.
fn each_property(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    let Some(map) = schema.as_object() else { return };
    for (keyword, below) in map {
        match keyword.as_str() {
            "properties" => {
                for (name, field) in below.as_object().expect("properties is a mapping") {
                    let path = format!("{path}/{name}");
                    visit(&path, field);
                    each_property(field, &path, visit);
                }
            }
            "definitions" => {
                for (name, definition) in below.as_object().expect("definitions is a mapping") {
                    each_property(definition, name, visit);
                }
            }
            "items" | "additionalProperties" => each_property(below, path, visit),
            _ => {}
        }
    }
}

#[test]
fn all_properties_are_documented_and_have_an_example_that_fits() {
    for kind in FileKind::ALL {
        let root = schema(kind);
        let mut seen = 0;
        each_property(root, "", &mut |path, field| {
            seen += 1;
            for keyword in ["description", "markdownDescription"] {
                assert!(
                    field[keyword].as_str().is_some_and(|text| text.len() > 3),
                    "{kind:?} {path} has no {keyword}"
                );
            }
            let examples = field["examples"].as_array();
            assert!(
                examples.is_some_and(|e| !e.is_empty()),
                "{kind:?} {path} has no example"
            );
            let mut alone = field.clone();
            if root["definitions"].is_object() {
                alone["definitions"] = root["definitions"].clone();
            }
            let validator = jsonschema::draft7::new(&alone).unwrap();
            for example in examples.into_iter().flatten() {
                assert!(
                    validator.is_valid(example),
                    "{kind:?} {path}: the example {example} does not fit"
                );
            }
        });
        assert!(seen > 5, "{kind:?} has only {seen} properties");
    }
}

#[test]
fn editors_are_spared_what_confuses_them() {
    for kind in FileKind::ALL {
        let text = text(kind);
        assert!(text.starts_with("{\n  \"$schema\": \"http://json-schema.org/draft-07/schema#\""));
        for word in ["\"default\": null", "\"oneOf\"", "x-decide", "x-null", "uint"] {
            assert!(!text.contains(word), "{kind:?} has {word}");
        }
    }
    let when = &schema(FileKind::Rule)["properties"]["when"];
    assert_eq!(when["minProperties"], 1);
    assert_eq!(when["dependencies"]["cron"]["properties"]["hook"], false);
    assert_eq!(when["dependencies"]["event_type"], serde_json::json!(["hook"]));
    assert!(when.get("maxProperties").is_none());
}
