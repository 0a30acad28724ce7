//! The workspace of this repository: what a newcomer runs first.

use std::fs;
use std::path::{Path, PathBuf};

use herald::card::text::Warnings;
use herald::load;
use herald::rehearsal::suite;
use herald::sandbox::Sandbox;
use herald::schema::FileKind;
use herald::workspace::sample::Sample;
use herald::workspace::{self, Workspace};
use serde_json::json;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the repository, as seen from its root.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::from(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                waiting.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The YAML files of the workspace with what they are.
fn documents() -> Vec<(PathBuf, FileKind)> {
    let mut documents = vec![
        (PathBuf::from("herald.yaml"), FileKind::Settings),
        (PathBuf::from("directory.yaml"), FileKind::Directory),
    ];
    let of_kind = |folder, kind| {
        let yaml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "yaml");
        files(folder).into_iter().filter(yaml).map(move |path| (path, kind))
    };
    documents.extend(of_kind("rules", FileKind::Rule).map(|(path, kind)| {
        let of_tests = path.to_string_lossy().ends_with(".test.yaml");
        (path, if of_tests { FileKind::Test } else { kind })
    }));
    documents.extend(of_kind("templates", FileKind::Template));
    documents
}

#[test]
fn every_file_names_the_schema_that_editors_check_it_with() {
    for (path, kind) in documents() {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let first = text.lines().next().unwrap_or_default();
        let named = first
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap_or_else(|| panic!("{}: the first line is `{first}`", path.display()));
        let schema = root().join(&path).parent().unwrap().join(named);
        assert_eq!(
            schema.canonicalize().ok(),
            Some(root().canonicalize().unwrap().join("schema").join(kind.file_name())),
            "{}: {named}",
            path.display()
        );
    }
}

/// The workspace of this repository with its samples, which must be free of complaints.
fn workspace() -> Workspace {
    let sources = load::read_with_samples(root());
    let compiled = workspace::compile(&sources, None);
    let complaints: Vec<String> = compiled
        .diagnostics
        .iter()
        .map(|found| format!("{}: {} ({:?})", found.file, found.message, found.help))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    compiled.workspace
}

fn samples() -> Vec<Sample> {
    files("samples")
        .iter()
        .map(|path| {
            let text = fs::read_to_string(root().join(path)).unwrap();
            let data = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Sample::new(&path.display().to_string(), data)
        })
        .collect()
}

#[test]
fn nothing_in_the_workspace_is_wrong_or_doubtful() {
    let workspace = workspace();
    assert!(
        workspace.ruleset.rules.len() >= 10,
        "a newcomer finds enough to begin with"
    );
    assert!(workspace.templates.len() >= 5);
}

#[test]
fn every_rule_has_tests_and_all_of_them_pass() {
    let sources = load::read_with_samples(root());
    let workspace = workspace();
    let suites = suite::read(&sources, &workspace);
    assert_eq!(suites.diagnostics, []);
    for rule in &workspace.ruleset.rules {
        let of_rule = suites.suites.iter().filter(|suite| suite.rule == rule.name);
        assert!(of_rule.count() > 0, "{} has no test", rule.name);
    }
    for suite in &suites.suites {
        for test in &suite.tests {
            let played = test.play(&workspace).unwrap();
            assert!(
                played.failures.is_empty(),
                "{}: {}: {:#?}",
                suite.file,
                test.name,
                played.failures
            );
        }
    }
}

#[test]
fn every_sample_is_an_event_that_some_rule_waits_for() {
    let workspace = workspace();
    for sample in samples() {
        let waiting = workspace
            .ruleset
            .rules
            .iter()
            .filter(|rule| sample.event_for(rule).is_some());
        assert!(waiting.count() > 0, "no rule waits for {}", sample.file);
    }
}

#[test]
fn every_rule_is_met_by_a_sample_and_makes_a_whole_card_of_it() {
    let workspace = workspace();
    let samples = samples();
    for rule in &workspace.ruleset.rules {
        let mut met = 0;
        for sample in &samples {
            let Some(event) = sample.event_for(rule) else { continue };
            // Of an event that is taken apart, the first item.
            let event = match &rule.split {
                Some(split) => split.items(&rule.name, &event).unwrap().events.remove(0),
                None => event,
            };
            let scope = json!({
                "event": event.data,
                "item": event.item.map(|item| item.value),
                "request": event.request,
                "recipient": { "name": "Anna Berg", "email": "anna.berg@contoso.example", "time_zone": "Europe/Berlin" },
                "rule": { "name": rule.name, "description": rule.description },
                "now": "2026-03-09T08:00:00Z",
            });
            if !rule.condition.evaluate(&scope).holds {
                continue;
            }
            met += 1;
            let mut seen = Warnings::new();
            let card = rule.card.render(&scope, &[], &mut seen);
            assert!(
                seen.is_empty(),
                "{} with {}: {:?}",
                rule.name,
                sample.file,
                seen.into_vec()
            );
            assert!(!card.summary.is_empty(), "{} with {}", rule.name, sample.file);
            assert!(
                !card.to_activity().to_string().contains('\u{2013}'),
                "{} with {}: a dash",
                rule.name,
                sample.file
            );
        }
        assert!(met > 0, "{} is met by no sample", rule.name);
    }
}

#[tokio::test]
async fn the_group_chat_of_the_directory_is_the_one_in_the_box() {
    let teams = Sandbox::start_anywhere().await.unwrap();
    let chat = teams.conversation_id("Finance room").unwrap();
    let directory = fs::read_to_string(root().join("directory.yaml")).unwrap();
    assert!(directory.contains(&format!("/l/chat/{chat}/")), "it should name {chat}");
}
