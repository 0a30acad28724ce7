use proptest::prelude::*;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::event::{Event, EventId, Origin};
use chrono::DateTime;

const RULE: &str = "when: { hook: github }\nnotify: [{ channel: Platform / Releases }]\n";
const SETTINGS: &str = "hooks: { github: { signature: github, secret: GITHUB } }\n";
const CARD: &str = "type: AdaptiveCard\nversion: \"1.5\"\nbody: [{ type: TextBlock, text: \"{{event.a}}\" }]\n";

fn sources(files: &[(&str, &str)]) -> Sources {
    let mut files: Vec<SourceFile> = files
        .iter()
        .map(|(path, text)| SourceFile {
            path: (*path).to_owned(),
            bytes: Ok(text.as_bytes().to_vec()),
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Sources {
        files,
        ..Sources::default()
    }
}

fn names(workspace: &Workspace) -> Vec<&str> {
    workspace.ruleset.rules.iter().map(|rule| rule.name.as_str()).collect()
}

fn codes(compiled: &Compiled) -> Vec<&str> {
    compiled.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

fn hook_event(hook: &str) -> Event {
    Event {
        id: EventId::known("ev_1"),
        origin: Origin::Hook {
            hook: hook.to_owned(),
            event_type: None,
        },
        occurred_at: DateTime::UNIX_EPOCH,
        data: Value::Null,
        request: Value::Null,
        here: None,
        thread: None,
        item: None,
        sender: None,
    }
}

#[test]
fn nothing_at_all_is_a_workspace() {
    let compiled = compile(&Sources::default(), None);
    assert_eq!(compiled.diagnostics, []);
    assert_eq!(compiled.workspace.ruleset.rules.len(), 0);
    assert_eq!(compiled.workspace.settings, Settings::default());
}

#[test]
fn rules_are_found_by_their_trigger() {
    let compiled = compile(
        &sources(&[
            ("herald.yaml", SETTINGS),
            ("rules/b/two.yaml", RULE),
            ("rules/a.yml", RULE),
            (
                "rules/daily.yaml",
                "when: { cron: '@daily' }\nnotify: [{ person: a@b.example }]\n",
            ),
            ("rules/a.test.yaml", "not: [a rule"),
        ]),
        None,
    );
    assert_eq!(compiled.diagnostics, []);
    assert_eq!(names(&compiled.workspace), ["a", "b/two", "daily"]);
    let met: Vec<String> = compiled
        .workspace
        .ruleset
        .triggered_by(&hook_event("github"))
        .iter()
        .map(|rule| rule.name.clone())
        .collect();
    assert_eq!(met, ["a", "b/two"]);
    assert_eq!(compiled.workspace.ruleset.triggered_by(&hook_event("gitlab")).len(), 0);
    assert!(compiled.workspace.ruleset.rule("daily").is_some());
}

#[test]
fn a_broken_file_keeps_its_last_good_version_and_the_others_reload() {
    let good = [
        ("herald.yaml", SETTINGS),
        ("directory.yaml", "channels: { releases: Platform / Releases }\n"),
        ("rules/a.yaml", RULE),
        (
            "rules/b.yaml",
            "when: { hook: github }\nnotify: [{ channel: releases }]\ncard: deploy\n",
        ),
        ("templates/deploy.yaml", CARD),
        ("templates/partials/reason.hbs", "because {{rule.name}}"),
    ];
    let first = compile(&sources(&good), None);
    assert_eq!(first.diagnostics, []);
    let mut changed = good;
    changed[0].1 = "hooks: [\n";
    changed[1].1 = "peple: {}\n";
    changed[2].1 = "description: now with a text\nwhen: { hook: github }\nnotify: [{ channel: releases }]\n";
    changed[3].1 = "when: { hok: github }\nnotify: [{ channel: releases }]\n";
    changed[4].1 = "type: AdaptiveCard\nbody: [{ type: TextBlock, text: \"{{#if}\" }]\n";
    changed[5].1 = "{{#if}";
    let second = compile(&sources(&changed), Some(&first.workspace));
    assert!(second.has_errors());
    let workspace = &second.workspace;
    let kept: Vec<&str> = workspace.kept.iter().map(|kept| kept.file.as_str()).collect();
    assert_eq!(
        kept,
        [
            "directory.yaml",
            "herald.yaml",
            "rules/b.yaml",
            "templates/deploy.yaml",
            "templates/partials/reason.hbs"
        ]
    );
    assert!(workspace.kept.iter().all(|kept| !kept.error.is_empty()));
    assert_eq!(names(workspace), ["a", "b"]);
    assert_eq!(
        workspace.ruleset.rule("a").unwrap().description.as_deref(),
        Some("now with a text")
    );
    assert!(Arc::ptr_eq(
        workspace.ruleset.rule("b").unwrap(),
        first.workspace.ruleset.rule("b").unwrap()
    ));
    assert_eq!(workspace.settings, first.workspace.settings);
    assert!(workspace.book.channel("releases").is_some());
    assert!(workspace.templates.contains_key("deploy"));
    let third = compile(&sources(&good), Some(workspace));
    assert_eq!(third.diagnostics, []);
    assert_eq!(third.workspace.kept, []);
    assert_eq!(third.workspace.ruleset.revision, first.workspace.ruleset.revision);
    assert_ne!(workspace.ruleset.revision, first.workspace.ruleset.revision);
}

#[test]
fn without_a_last_good_version_a_broken_rule_is_left_out_and_the_rest_runs() {
    let compiled = compile(
        &sources(&[
            ("herald.yaml", SETTINGS),
            ("rules/a.yaml", RULE),
            ("rules/b.yaml", "when: { hook: githb }\nnotify: []\n"),
        ]),
        None,
    );
    assert_eq!(codes(&compiled), ["reference::hook", "schema::empty"]);
    assert_eq!(names(&compiled.workspace), ["a"]);
    assert_eq!(compiled.workspace.kept, []);
}

#[test]
fn a_deleted_rule_is_gone_but_one_in_an_unreadable_folder_stays() {
    let first = compile(
        &sources(&[
            ("herald.yaml", SETTINGS),
            ("rules/a.yaml", RULE),
            ("rules/team/b.yaml", RULE),
        ]),
        None,
    );
    let mut next = sources(&[("herald.yaml", SETTINGS)]);
    next.files.push(SourceFile {
        path: "rules/team".to_owned(),
        bytes: Err("Herald may not read this".to_owned()),
    });
    let second = compile(&next, Some(&first.workspace));
    assert_eq!(names(&second.workspace), ["team/b"]);
    assert_eq!(codes(&second), ["file::unreadable"]);
}

#[test]
fn with_broken_settings_nobody_is_told_that_their_hook_is_unknown() {
    let compiled = compile(&sources(&[("herald.yaml", "hooks: {\n"), ("rules/a.yaml", RULE)]), None);
    assert_eq!(codes(&compiled), ["yaml::syntax"]);
    assert_eq!(names(&compiled.workspace), ["a"]);
}

#[test]
fn the_environment_is_laid_over_the_settings_and_told_when_it_is_wrong() {
    let mut with = sources(&[("herald.yaml", "server: { listen: '127.0.0.1:1' }\n")]);
    with.environment = BTreeMap::from([
        ("HERALD_LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
        ("HERALD_TIME_ZONE".to_owned(), "Europe/Berln".to_owned()),
    ]);
    let compiled = compile(&with, None);
    assert_eq!(compiled.workspace.settings.server.listen.port(), 2);
    assert_eq!(compiled.diagnostics.len(), 1);
    let told = &compiled.diagnostics[0];
    assert_eq!(told.file, "environment");
    assert_eq!(told.message, "HERALD_TIME_ZONE: there is no time zone `Europe/Berln`");
}

#[test]
fn a_pasted_secret_appears_nowhere() {
    let text = "bot: { secret: 0777abc~ }\nserver:\n  admin_token: {{tok~en}}\nhooks:\n  a: { signature: hmac, secret: 12345 }\n";
    let with = sources(&[("herald.yaml", text)]);
    let compiled = compile(&with, None);
    let shown = with.texts(&compiled.diagnostics);
    let drawn = crate::diagnostic::report::draw(&compiled.diagnostics, &as_texts(&shown), false);
    for secret in ["0777abc", "tok~en", "12345"] {
        assert!(!drawn.contains(secret), "{drawn}");
        assert!(!format!("{:?}{:?}", compiled.diagnostics, compiled.workspace.kept).contains(secret));
    }
    assert!(drawn.contains("a secret is called by its name here"), "{drawn}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_workspace_panic(
        target in 0usize..6,
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        cut in any::<prop::sample::Index>(),
        put in "[-:?{}\\[\\],#&*!|>'\"% \n\ta0~é]{0,6}",
    ) {
        let mut files = [
            ("directory.yaml", "people: { anna: a@b.example }\naudiences: { all: [{ person: anna }] }\n".to_owned()),
            ("herald.yaml", SETTINGS.to_owned()),
            ("rules/a.yaml", format!("{RULE}if: {{ event.a: [1, x], any: [{{ event.b: {{ at_least: 3 }} }}] }}\ncard: {{ template: deploy, with: {{ a: \"{{{{event.x}}}}\" }} }}\n")),
            ("samples/github/x.json", "{\"a\": [1]}".to_owned()),
            ("templates/deploy.yaml", CARD.to_owned()),
            ("templates/partials/reason.hbs", "because {{rule.name}}".to_owned()),
        ];
        let text = &mut files[target].1;
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let at = places[cut.index(places.len())];
        text.insert_str(at, &put);
        let mut all = sources(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
        let first = compile(&all, None);
        all.files[target].bytes = Ok(bytes);
        let second = compile(&all, Some(&first.workspace));
        for compiled in [&first, &second] {
            let shown = all.texts(&compiled.diagnostics);
            crate::diagnostic::report::draw(&compiled.diagnostics, &as_texts(&shown), true);
        }
    }
}
