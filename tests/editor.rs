//! Editors: what they complete, show and underline, asked of the language server that they use. See
//! `tests/editor/README.md` for what is needed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use herald::load;
use herald::schema::FileKind;
use herald::workspace::Kind;
use serde_json::{Value, json};

use crate::documents_stay_true::yaml_examples;
use crate::support::cli;

const SKIP: &str = "install it (tests/editor/README.md), or set HERALD_SKIP_EDITOR=1 to go without";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn word(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Rule => "rule",
        FileKind::Settings => "settings",
        FileKind::Directory => "directory",
        FileKind::Template => "template",
        FileKind::Test => "test",
        FileKind::Texts => "texts",
    }
}

/// Every file of the gallery and every example of the documents, which no editor may complain about.
fn right(new_workspace: &Path) -> Vec<Value> {
    let examples = yaml_examples()
        .into_iter()
        .map(|(place, kind, text)| json!({ "kind": word(kind), "name": place, "text": text }));
    [root(), new_workspace]
        .into_iter()
        .flat_map(files)
        .chain(examples)
        .collect()
}

fn files(root: &Path) -> Vec<Value> {
    let sources = load::read(root);
    let files = sources.files.iter().filter_map(|file| {
        let kind = match Kind::of(&file.path)? {
            Kind::Rule => FileKind::Rule,
            Kind::Settings => FileKind::Settings,
            Kind::Directory => FileKind::Directory,
            Kind::Template => FileKind::Template,
            Kind::Test => FileKind::Test,
            Kind::Texts => FileKind::Texts,
            Kind::Partial | Kind::Sample | Kind::Holidays => return None,
        };
        let text =
            String::from_utf8(file.bytes.clone().expect("the gallery can be read")).expect("the gallery is text");
        Some(json!({ "kind": word(kind), "name": file.path, "text": text }))
    });
    files.collect()
}

fn herald(folder: &Path, args: &[&str]) {
    let said = cli::run(folder, args);
    assert_eq!(said.code, 0, "herald {args:?}: {}{}", said.out, said.err);
}

#[test]
fn an_editor_completes_explains_and_underlines_what_authors_write() {
    if std::env::var_os("HERALD_SKIP_EDITOR").is_some_and(|skip| skip == "1") {
        eprintln!("HERALD_SKIP_EDITOR=1: no editor's language server was asked");
        return;
    }
    // Patterns of editors overlook what begins with a dot.
    let folder = tempfile::Builder::new()
        .prefix("herald-editor")
        .tempdir()
        .expect("a temporary folder");
    let path = |name: &str| -> PathBuf { folder.path().canonicalize().expect("it is there").join(name) };
    let root_text = root().display().to_string();
    herald(folder.path(), &["schema", "--out", "schema"]);
    herald(
        folder.path(),
        &["schema", "--workspace", "--config", &root_text, "--out", "workspace"],
    );
    herald(folder.path(), &["init", "made"]);
    let given = json!({
        "folder": path(""),
        "schemas": path("schema"),
        "workspace": path("workspace"),
        "made": path("made"),
        "right": right(&path("made")),
        "offers": offers(),
        "shows": shows(),
    });
    let mut node = Command::new("node")
        .arg("check.mjs")
        .current_dir(root().join("tests/editor"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("the editor checks need `node` ({error}); {SKIP}"));
    let mut stdin = node.stdin.take().expect("it was piped");
    // What is missing on the machine is told before anything is read.
    let _ = stdin.write_all(given.to_string().as_bytes());
    drop(stdin);
    // It ends by itself after five minutes at most.
    let status = node.wait().expect("it was started");
    match status.code() {
        Some(0) => {}
        Some(3) => panic!("the editor checks could not run: the line above says what is missing; {SKIP}"),
        code => panic!("the editor checks failed ({code:?}): the lines above say which"),
    }
}

/// What the workspace's own schema offers at `|`.
fn offers() -> Value {
    json!([
        { "kind": "rule", "text": "when:\n  hook: |\nnotify: []\n", "label": "alertmanager", "says": "POST /hooks/alertmanager", "without": [] },
        { "kind": "rule", "text": "when:\n  hook: github\n  event_type: |\n", "label": "workflow_run", "says": "", "without": [] },
        { "kind": "rule", "text": "when:\n  hook: github\n  event_type: deployment_status\nif:\n  |\nnotify:\n  - channel: releases\n", "label": "event.deployment_status.state", "says": "samples/github/deployment_status.failure.json", "without": ["event.pull_request.title"] },
        { "kind": "rule", "text": "when:\n  hook: github\n  event_type: deployment_status\nif:\n  event.dep|\nnotify:\n  - channel: releases\n", "label": "event.deployment_status.state", "says": "", "without": ["event.pull_request.title"] },
        { "kind": "rule", "text": "when:\n  hook: github\n  event_type: deployment_status\nif:\n  event.deployment_status.state: |\nnotify:\n  - channel: releases\n", "label": "failure", "says": "", "without": [] },
        { "kind": "rule", "text": "when:\n  hook: github\n  event_type: deployment_status\nif:\n  any:\n    - |\n", "label": "event.deployment_status.state", "says": "", "without": [] },
        { "kind": "rule", "text": "when:\n  hook: github\n  event_type: deployment_status\nif:\n  not:\n    |\n", "label": "event.deployment_status.state", "says": "", "without": [] },
        { "kind": "rule", "text": "when:\n  hook: github\nif:\n  |\n", "label": "event.workflow_run.conclusion", "says": "", "without": [] },
        { "kind": "rule", "text": "when:\n  hook: alertmanager\nif:\n  |\n", "label": "event.alerts[0].labels.severity", "says": "", "without": ["event.pull_request.title"] },
        { "kind": "rule", "text": "when:\n  - hook: alertmanager\n  - cron: '@daily'\nif:\n  |\n", "label": "event.alerts[0].labels.severity", "says": "", "without": [] },
        { "kind": "rule", "text": "when:\n  installed: [person]\nif:\n  |\n", "label": "event.person.name", "says": "", "without": [] },
        { "kind": "rule", "text": "when:\n  file: 'prices/*.csv'\nif:\n  |\n", "label": "event.change", "says": "", "without": [] },
        { "kind": "rule", "text": "notify:\n  - person: |\n", "label": "omar", "says": "omar.haddad@contoso.example", "without": [] },
        { "kind": "rule", "text": "notify:\n  - channel: |\n", "label": "incidents", "says": "Platform / Incidents", "without": [] },
        { "kind": "rule", "text": "notify:\n  - people: |\n", "label": "first-responders", "says": "", "without": [] },
        { "kind": "rule", "text": "notify:\n  - people:\n      - |\n", "label": "anna", "says": "", "without": [] },
        { "kind": "rule", "text": "notify:\n  - group: |\n", "label": "finance-room", "says": "", "without": [] },
        { "kind": "rule", "text": "notify:\n  - channel: releases\n    mention: |\n", "label": "on-call", "says": "", "without": [] },
        { "kind": "rule", "text": "card: |\n", "label": "deploy-failed", "says": "templates/deploy-failed.yaml", "without": [] },
        { "kind": "rule", "text": "card:\n  template: |\n", "label": "deploy-failed", "says": "templates/deploy-failed.yaml", "without": [] },
        { "kind": "test", "text": "tests:\n  - name: a\n    given: |\n", "label": "samples/github/deployment_status.failure.json", "says": "", "without": [] },
        { "kind": "test", "text": "tests:\n  - name: a\n    given:\n      sample: |\n", "label": "samples/announce/lift.json", "says": "", "without": [] },
        { "kind": "test", "text": "tests:\n  - name: a\n    given:\n      with:\n        |\n", "label": "event.deployment.environment", "says": "samples/github", "without": [] },
        { "kind": "test", "text": "tests:\n  - name: a\n    story:\n      - given: |\n", "label": "samples/announce/lift.json", "says": "", "without": [] },
        { "kind": "test", "text": "tests:\n  - name: a\n    expect:\n      sent_to:\n        - |\n", "label": "on-call", "says": "omar.haddad@contoso.example", "without": [] },
        { "kind": "rule", "text": "tests:\n  - name: a\n    given: |\n", "label": "samples/announce/lift.json", "says": "", "without": [] },
        { "kind": "directory", "text": "audiences:\n  a:\n    - channel: |\n", "label": "incidents", "says": "", "without": [] },
        { "kind": "template", "text": "type: AdaptiveCard\nbody:\n  - |\n", "label": "{{> reason}}", "says": "", "without": [] },
    ])
}

/// What it shows where the pointer rests at `|`.
fn shows() -> Value {
    json!([{
        "kind": "rule",
        "text": "when:\n  hook: github\n  event_type: deployment_status\nif:\n  event.deployment_stat|us.state: failure\n",
        "says": "Seen in samples/github/deployment_status.failure.json and 1 more: `failure` (a text).",
    }])
}

#[test]
fn the_lock_file_of_the_editor_checks_names_no_registry() {
    let lock = fs::read_to_string(root().join("tests/editor/package-lock.json")).expect("it is committed");
    assert!(
        !lock.contains("\"resolved\""),
        "write it with --omit-lockfile-registry-resolved"
    );
}
