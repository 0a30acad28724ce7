//! `herald plan`: what a reviewer reads about a change of rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::cli::{self, shows};

const SETTINGS: &str = "time_zone: Europe/Berlin\nhooks:\n  ci: { signature: none, anyone_can_post: true }\n";
const PEOPLE: &str = "people: { anna: anna.berg@contoso.example, omar: omar.haddad@contoso.example }\n";
const RULE: &str = "\
when: { hook: ci }
if: { event.state: failure }
notify: [{ person: anna }, { channel: Platform / Releases }]
card:
  title: '{{event.name}} failed'
  facts: { Branch: main, By: '{{event.by}}', State: '{{event.state}}' }
";
const SAMPLE: &str = r#"{ "state": "failure", "name": "Build 7", "by": "anna" }"#;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be made");
    fs::write(path, text).expect("the file can be written");
}

fn fill(root: &Path) {
    for (path, text) in [
        ("herald.yaml", SETTINGS),
        ("directory.yaml", PEOPLE),
        ("rules/build.yaml", RULE),
        ("samples/ci/failed.json", SAMPLE),
    ] {
        write(root, path, text);
    }
}

#[track_caller]
fn git(root: &Path, args: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(root)
        .args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@contoso.example",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git runs");
    assert!(
        done.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A workspace in a git repository, everything in it committed on `main`.
fn repository() -> TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    fill(root.path());
    git(root.path(), &["init", "-q"]);
    git(root.path(), &["add", "."]);
    git(root.path(), &["commit", "-q", "-m", "first"]);
    root
}

fn without_tests_of_the_machine(root: &Path) -> Vec<String> {
    let status = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["status", "--porcelain"])
        .output()
        .expect("git runs");
    String::from_utf8_lossy(&status.stdout)
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn nothing_changed_means_nobody_is_told_anything_else() {
    let root = repository();
    for args in [
        vec!["plan", "main", "--exit-code"],
        vec!["plan", "HEAD", "main", "--exit-code"],
        vec!["plan", ".", ".", "--exit-code"],
    ] {
        let said = cli::run(root.path(), &args);
        assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
        assert_eq!(
            said.out,
            "Nobody would be told anything else (1 event told to both versions).\n"
        );
    }
}

#[test]
fn a_change_that_is_not_committed_is_compared_with_the_branch() {
    let root = repository();
    let changed = RULE
        .replace("person: anna", "person: omar")
        .replace("By: '{{event.by}}'", "Started by: '{{event.by}}'");
    write(root.path(), "rules/build.yaml", &changed);
    let before = without_tests_of_the_machine(root.path());
    let said = cli::run(root.path(), &["plan", "main"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(
        said.out,
        "
build
  with samples/ci/failed.json
    + told now: Omar Haddad
    - not told any more: Anna Berg
    ~ another card: Platform / Releases
          ...
          Branch: main
        - By: anna
        + Started by: anna
          State: failure

1 message more, 1 message less, 1 other card (1 event told to both versions).
"
    );
    assert_eq!(
        without_tests_of_the_machine(root.path()),
        before,
        "git's files stay as they are"
    );
    let said = cli::run(root.path(), &["plan", "main", "--exit-code"]);
    assert_eq!(said.code, 1);
    let said = cli::run(root.path(), &["plan", "main", "HEAD", "--exit-code"]);
    assert_eq!(said.code, 0, "what is not committed is in no revision");
}

#[test]
fn a_line_of_if_that_keeps_people_from_being_told_is_named() {
    let root = repository();
    write(
        root.path(),
        "rules/build.yaml",
        &RULE.replace("event.state: failure", "event.state: failed"),
    );
    let said = cli::run(root.path(), &["plan", "main"]);
    shows(
        &said,
        &[
            "- not told any more: Anna Berg, Platform / Releases",
            "because `event.state: failed`: expected \"failed\", found \"failure\"",
        ],
    );
}

#[test]
fn rules_that_come_go_break_or_get_another_name_schedule_or_limit_are_told() {
    let root = repository();
    let path = root.path();
    for (name, text) in [
        (
            "moved",
            "when: { hook: ci }\nnotify: [{ person: omar }]\ncard: { message: m }\n",
        ),
        (
            "gone",
            "when: { hook: ci }\nnotify: [{ person: omar }]\ncard: { message: x }\n",
        ),
        (
            "breaks",
            "when: { hook: ci }\nnotify: [{ person: omar }]\ncard: { message: y }\n",
        ),
        ("heals", "when: { hok: ci }\nnotify: [{ person: omar }]\n"),
        (
            "clock",
            "when: { cron: '0 9 * * *' }\nnotify: [{ person: omar }]\ncard: { message: z }\n",
        ),
        (
            "often",
            "when: { hook: ci }\nnotify: [{ person: omar }]\ncard: { message: a }\nlimit: { once_per: 1 hour }\n",
        ),
    ] {
        write(path, &format!("rules/{name}.yaml"), text);
    }
    git(path, &["add", "."]);
    git(path, &["commit", "-q", "-m", "second"]);
    fs::rename(path.join("rules/moved.yaml"), path.join("rules/team-moved.yaml")).expect("it can be renamed");
    fs::remove_file(path.join("rules/gone.yaml")).expect("it can be removed");
    write(
        path,
        "rules/new.yaml",
        "when: { hook: ci }\nnotify: [{ members_of: Platform }]\n",
    );
    let edit = |name: &str, from: &str, to: &str| {
        let file = path.join(format!("rules/{name}.yaml"));
        let text = fs::read_to_string(&file).expect("it can be read");
        fs::write(&file, text.replace(from, to)).expect("it can be written");
    };
    edit("breaks", "person", "persom");
    edit("heals", "hok", "hook");
    edit("clock", "0 9", "30 9");
    edit("often", "1 hour", "1 day");
    let said = cli::run(path, &["plan", "HEAD"]);
    assert_eq!(said.code, 0, "{}", said.err);
    shows(
        &said,
        &[
            "+ the rule new is new",
            "- the rule gone is gone",
            "~ the rule moved is called team-moved now",
            "! rules/breaks.yaml is broken: a target has no `persom`",
            "+ rules/heals.yaml is not broken any more",
            "~ clock runs at other times: ",
            "~ often has another limit: once per 1 day; before: once per 1 hour",
            "+ told now: each member of Platform",
        ],
    );
    assert!(!said.out.contains("\nbreaks\n"), "{}", said.out);
    assert!(!said.out.contains("\nteam-moved\n"), "it tells the same\n{}", said.out);
    let said = cli::run(path, &["plan", "HEAD", "--format", "json"]);
    let told: Value = serde_json::from_str(&said.out).expect("it is JSON");
    assert_eq!(told["renamed"][0][1], "team-moved");
    assert_eq!(told["limits"][0]["after"], "once per 1 day");
    assert_eq!(told["broken"][0][0], "rules/breaks.yaml");
}

#[test]
fn folders_can_be_compared_without_git() {
    let (old, new) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    fill(old.path());
    fill(new.path());
    write(
        new.path(),
        "rules/build.yaml",
        &RULE.replace("{{event.name}} failed", "Failed: {{event.name}}"),
    );
    let mut command = cli::command(
        old.path(),
        &["plan", ".", new.path().to_str().expect("a path is text")],
        &BTreeMap::new(),
    );
    // No git anywhere.
    let said = cli::said(command.env("PATH", "/nonexistent").output().expect("the binary runs"));
    assert_eq!(said.code, 0, "{}", said.err);
    shows(
        &said,
        &[
            "- Build 7 failed",
            "+ Failed: Build 7",
            "another card: Anna Berg, Platform / Releases",
        ],
    );
    let mut command = cli::command(old.path(), &["plan", "main"], &BTreeMap::new());
    let said = cli::said(command.env("PATH", "/nonexistent").output().expect("the binary runs"));
    assert_eq!(said.code, 3);
    assert!(said.err.contains("git is not installed here"), "{}", said.err);
}

#[test]
fn what_is_neither_folder_nor_revision_is_told_and_never_taken_for_an_option() {
    let root = repository();
    let empty = root.path().join("docs");
    fs::create_dir(&empty).expect("a folder");
    for (args, sentence) in [
        (
            vec!["plan", "nowhere"],
            "`nowhere` is neither a folder nor a git revision of this workspace",
        ),
        (vec!["plan", "main", "nowhere"], "`nowhere` is neither"),
        (
            vec!["plan", "--", "--upload-pack=x"],
            "`--upload-pack=x` is neither a folder nor a git revision",
        ),
        (vec!["plan", "main; touch pwned"], "neither a folder nor a git revision"),
        (vec!["plan", "$(touch pwned)"], "neither a folder nor a git revision"),
        (vec!["plan", ""], "is no git revision"),
        (vec!["plan", "docs"], "holds no workspace"),
        (vec!["plan", "HEAD:rules"], "neither a folder nor a git revision"),
    ] {
        let said = cli::run(root.path(), &args);
        assert_eq!(said.code, 3, "{args:?}: {}", said.out);
        assert!(said.err.contains(sentence), "{args:?}: {}", said.err);
    }
    assert!(!root.path().join("pwned").exists());
    let outside = tempfile::tempdir().expect("a folder");
    fill(outside.path());
    let mut command = cli::command(outside.path(), &["plan", "main"], &BTreeMap::new());
    let said = cli::said(
        command
            .env("GIT_CEILING_DIRECTORIES", outside.path().parent().expect("it has one"))
            .output()
            .expect("the binary runs"),
    );
    assert_eq!(said.code, 3);
    assert!(said.err.contains("is in no git repository"), "{}", said.err);
    assert_eq!(cli::run(root.path(), &["plan"]).code, 2);
}

#[test]
fn a_workspace_in_a_folder_of_a_repository_is_compared_with_itself_there() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let workspace = root.path().join("policies/teams");
    fill(&workspace);
    write(root.path(), "rules/elsewhere.yaml", "when: { hook: none }\n");
    git(root.path(), &["init", "-q"]);
    git(root.path(), &["add", "."]);
    git(root.path(), &["commit", "-q", "-m", "first"]);
    write(
        &workspace,
        "rules/build.yaml",
        &RULE.replace("person: anna", "person: omar"),
    );
    let said = cli::run(root.path(), &["--config", "policies/teams", "plan", "HEAD"]);
    assert_eq!(said.code, 0, "{}", said.err);
    shows(&said, &["+ told now: Omar Haddad"]);
    assert!(!said.out.contains("elsewhere"), "{}", said.out);
}

#[test]
fn recorded_events_are_told_as_well() {
    let root = repository();
    write(
        root.path(),
        "rules/build.yaml",
        &RULE.replace("person: anna", "person: '{{event.by}}'"),
    );
    let events = "{\"hook\": \"ci\", \"event\": {\"state\": \"failure\", \"name\": \"B\", \"by\": \"omar\"}}\n\n\
                  {\"hook\": \"ci\", \"event\": {\"state\": \"success\"}}\n";
    write(root.path(), "week.jsonl", events);
    let said = cli::run(root.path(), &["plan", "main", "--events", "week.jsonl"]);
    assert_eq!(said.code, 0, "{}", said.err);
    shows(
        &said,
        &[
            "with week.jsonl:1",
            "+ told now: Omar Haddad",
            "3 events told to both versions",
        ],
    );
    for (line, sentence) in [
        ("{", "week.jsonl:1: this is not JSON"),
        ("{\"hok\": \"ci\"}", "week.jsonl:1: an event has a `hook`"),
        ("7", "week.jsonl:1: an event has a `hook`"),
    ] {
        write(root.path(), "week.jsonl", line);
        let said = cli::run(root.path(), &["plan", "main", "--events", "week.jsonl"]);
        assert_eq!(said.code, 3);
        assert!(said.err.contains(sentence), "{}", said.err);
    }
    let said = cli::run(root.path(), &["plan", "main", "--events", "none.jsonl"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("cannot read none.jsonl"), "{}", said.err);
}

#[test]
fn nothing_in_a_payload_becomes_markup_of_the_comment() {
    let root = repository();
    let payload = r#"{ "state": "failure", "name": "```\n<img src=x> @everybody", "by": "anna" }"#;
    write(root.path(), "samples/ci/failed.json", payload);
    write(
        root.path(),
        "rules/build.yaml",
        &RULE.replace("{{event.name}} failed", "Failed: {{event.name}}"),
    );
    let said = cli::run(root.path(), &["plan", "main", "--format", "markdown"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let mut lines = said.out.lines();
    assert_eq!(
        lines.next(),
        Some("<!-- herald plan -->"),
        "a workflow finds its comment by this"
    );
    let mut fence: Option<String> = None;
    for line in said.out.lines() {
        match &fence {
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("diff").to_owned()),
            None => assert!(!line.contains("<img") && !line.contains("@everybody"), "{line}"),
            Some(open) if line == open => fence = None,
            Some(open) => assert!(!line.starts_with(open.as_str()), "{line}"),
        }
    }
    assert_eq!(fence, None);
    shows(&said, &["#### `build`", "+ Failed: "]);
}
