//! `herald test`: what an author reads when a test passes, fails, or is wrong itself.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::cli::{self, Said, shows};

const SETTINGS: &str = "time_zone: Europe/Berlin\nhooks:\n  ci: { signature: none, anyone_can_post: true }\n";
const PEOPLE: &str = "people: { anna: anna.berg@contoso.example, omar: omar.haddad@contoso.example }\n\
                      channels: { releases: Platform / Releases }\n";
const RULE: &str = "\
when: { hook: ci }
if: { event.state: [failure, error] }
notify: [{ channel: releases }, { person: '{{event.by}}' }]
card: { title: '{{event.name}} failed', text: 'by {{event.by}}' }
";
const SAMPLE: &str = r#"{ "state": "failure", "name": "Build 7", "by": "anna", "more": { "branch": "main" } }"#;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be made");
    fs::write(path, text).expect("the file can be written");
}

fn workspace(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in [
        ("herald.yaml", SETTINGS),
        ("directory.yaml", PEOPLE),
        ("rules/build.yaml", RULE),
        ("samples/ci/failed.json", SAMPLE),
    ]
    .iter()
    .chain(files)
    {
        write(root.path(), path, text);
    }
    root
}

/// A workspace with these tests of its rule `build`.
fn with_tests(tests: &str) -> TempDir {
    workspace(&[("rules/build.test.yaml", tests)])
}

fn tested(tests: &str) -> Said {
    cli::run(with_tests(tests).path(), &["test"])
}

#[test]
fn tests_that_pass_are_counted_in_one_line() {
    let said = tested(
        "tests:\n  - name: a failure is told\n    given: samples/ci/failed.json\n    expect: { sent_to: [releases, anna], card_shows: [Build 7 failed, by anna], messages: 2, warnings: [] }\n",
    );
    assert_eq!(said.code, 0, "{}", said.out);
    shows(&said, &["1 test of 1 rule in", "all passed"]);
    assert_eq!(said.out.lines().count(), 1, "{}", said.out);
}

#[test]
fn a_test_that_fails_shows_expected_beside_actual_and_the_line_of_if() {
    let said = tested(
        "tests:\n  - name: successes are told\n    given: { sample: samples/ci/failed.json, with: { event.state: success } }\n    expect: { sent_to: [releases] }\n",
    );
    assert_eq!(said.code, 1, "{}", said.out);
    shows(
        &said,
        &[
            "FAILED build: successes are told",
            "error[test::failed]: nobody was told",
            "--> rules/build.test.yaml:4:24",
            "^^^^^^^^^^",
            "  expected   actual\n- releases   ·\n",
            "FALSE  event.state: [failure, error]: expected one of \"failure\", \"error\", found \"success\"",
            "1 failed, 0 passed",
        ],
    );
}

#[test]
fn others_than_expected_are_named_with_their_aliases() {
    let said = tested(
        "tests:\n  - name: omar is told\n    given: samples/ci/failed.json\n    expect:\n      sent_to: [releases, omar]\n",
    );
    assert_eq!(said.code, 1);
    shows(
        &said,
        &[
            "others were told than expected",
            "  releases   Platform / Releases\n- omar       ·\n+ ·          Anna Berg (anna)\n",
            "sent to Platform / Releases",
            "sent to Anna Berg",
        ],
    );
}

#[test]
fn each_expectation_is_compared_on_its_own() {
    let said = tested(
        "tests:\n  - name: many things\n    given: samples/ci/failed.json\n    expect:\n      messages: 3\n      held_back: 1\n      card_shows: Build 7 faild\n      card_does_not_show: by anna\n      not_sent_because: quiet hours\n      warnings: [missing]\n",
    );
    assert_eq!(said.code, 1);
    shows(
        &said,
        &[
            "2 cards were sent",
            "no card was held back",
            "the card does not show this",
            "it shows `Build 7 failed`",
            "a card shows this",
            "the cards were sent",
            "there was no warning",
        ],
    );
    for (line, column) in [(5, 17), (6, 18), (7, 19), (8, 27), (9, 25)] {
        let place = format!("rules/build.test.yaml:{line}:{column}");
        assert!(said.out.contains(&place), "{place} is not in\n{}", said.out);
    }
}

#[test]
fn a_name_that_nobody_knows_is_a_reason() {
    let said = tested(
        "tests:\n  - name: a stranger\n    given: { sample: samples/ci/failed.json, with: { event.by: a-stranger } }\n    expect: { sent_to: [releases], not_sent_because: nobody called a-stranger }\n  - name: someone who left\n    given: samples/ci/failed.json\n    unknown: [anna, releases]\n    expect: { sent_to: [], not_sent_because: [anna.berg@contoso.example, no channel Releases] }\n",
    );
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn what_the_rule_does_not_wait_for_is_told() {
    let root = workspace(&[
        (
            "rules/clock.yaml",
            "when: { cron: '0 9 * * 1' }\nnotify: [{ person: anna }]\ncard: { message: 'It is {{event.weekday}}' }\n",
        ),
        (
            "rules/clock.test.yaml",
            "tests:\n  - name: on a Tuesday\n    given: { at: 2026-03-10 09:00 }\n    expect: { messages: 1 }\n  - name: of another sender\n    given: samples/ci/failed.json\n    expect: { not_sent_because: the rule waits for the schedule }\n  - name: on Monday\n    given: { at: 2026-03-09 09:00 }\n    expect: { sent_to: [anna], card_shows: It is Monday }\n",
        ),
    ]);
    let said = cli::run(root.path(), &["test"]);
    assert_eq!(said.code, 1);
    shows(
        &said,
        &[
            "not met  the schedule does not run at Tuesday 2026-03-10 09:00; after that, it runs at Monday 2026-03-16 09:00",
            "3 tests of 1 rule",
            "1 failed, 2 passed",
            "1 rule has no test: build",
        ],
    );
}

#[test]
fn a_schedule_runs_on_the_virtual_clock_also_where_clocks_change() {
    let root = workspace(&[
        (
            "rules/clock.yaml",
            "when: { cron: '30 2 * * *', time_zone: Europe/Berlin, except_on: ['2026-03-31'] }\nnotify: [{ person: anna }]\n",
        ),
        (
            "rules/clock.test.yaml",
            "tests:\n  - name: the night of the missing hour\n    at: 2026-03-28 03:00\n    expect: { next_runs: [2026-03-29 03:00, 2026-03-30 02:30, 2026-04-01 02:30] }\n  - name: a week\n    at: 2026-03-28 03:00\n    story:\n      - wait: 2 days\n        expect: { messages: 2 }\n      - at: 2026-04-04 03:00\n        expect: { messages: 4 }\n    expect: { messages: 6, sent_to: [anna] }\n  - name: wrongly expected\n    at: 2026-03-30 03:00\n    expect: { next_runs: [2026-03-31 02:30, 2026-04-01 02:30] }\n",
        ),
    ]);
    let said = cli::run(root.path(), &["test"]);
    assert_eq!(said.code, 1);
    shows(
        &said,
        &[
            "1 failed, 2 passed",
            "after Monday 2026-03-30 03:00, the schedule runs at other times",
            "rules/clock.test.yaml:15:27",
            "Tuesday 2026-03-31 02:30     Wednesday 2026-04-01 02:30",
        ],
    );
}

#[test]
fn members_of_a_team_are_those_that_the_test_names() {
    let rule = "when: { hook: ci }\nnotify: [{ members_of: Berlin Office }]\nexcept: [{ person: omar }]\ncard: { message: 'Hello {{recipient.name}}' }\n";
    let tests = |members: &str| {
        format!(
            "tests:\n  - name: everybody but omar\n    given: {{ event: {{ x: 1 }} }}\n{members}    expect: {{ sent_to: [anna, chloe@contoso.example], card_shows: [Hello Anna Berg, Hello Chloe] }}\n"
        )
    };
    let run = |members: &str| {
        let root = workspace(&[("rules/office.yaml", rule), ("rules/office.test.yaml", &tests(members))]);
        cli::run(root.path(), &["test", "rules/office.yaml"])
    };
    let said = run("    members: { Berlin Office: [anna, omar, chloe@contoso.example] }\n");
    assert_eq!(said.code, 0, "{}", said.out);
    let said = run("");
    assert_eq!(said.code, 1);
    shows(
        &said,
        &[
            "the test does not say who is in Berlin Office",
            "write `members: { Berlin Office: [anna, omar] }` into the test",
        ],
    );
}

#[test]
fn everyone_and_the_channels_of_a_team_are_those_that_directory_and_rule_name() {
    let rule = "when: { hook: ci }\nnotify: [{ everyone: true }, { channels_of: Platform }]\nexcept: [{ channel: Platform / General }]\n\
                card: { message: news }\n\
                tests:\n  - name: all\n    given: { event: { x: 1 } }\n    expect: { sent_to: [anna, omar, releases] }\n";
    let directory = "people: { anna: anna.berg@contoso.example, omar: omar.haddad@contoso.example }\n\
                     channels: { releases: { team: Platform, channel: Releases } }\n";
    let root = workspace(&[("rules/office.yaml", rule), ("directory.yaml", directory)]);
    let said = cli::run(root.path(), &["test", "rules/office.yaml"]);
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn a_limit_holds_cards_back_on_the_virtual_clock() {
    let rule = format!("{RULE}limit: {{ once_per: 10 minutes, for_each: '{{{{event.name}}}}' }}\n");
    let tests = "\
tests:
  - name: a storm
    story:
      - given: { sample: samples/ci/failed.json, times: 20 }
        expect: { messages: 2, held_back: 38, not_sent_because: holds back what else there is of Build 7 until Monday 2026-01-05 09:10 }
      - given: { sample: samples/ci/failed.json, with: { event.name: Build 8 } }
        expect: { messages: 2, held_back: 0 }
      - wait: 9m 59s
      - given: samples/ci/failed.json
        expect: { messages: 0, held_back: 2 }
      - wait: 1s
      - given: samples/ci/failed.json
        expect: { messages: 2, card_shows: And 20 more like this }
    expect: { messages: 6, held_back: 40 }
";
    let root = workspace(&[("rules/build.yaml", &rule), ("rules/build.test.yaml", tests)]);
    let said = cli::run(root.path(), &["test"]);
    assert_eq!(said.code, 0, "{}", said.out);
    write(
        root.path(),
        "rules/build.test.yaml",
        &tests.replace("held_back: 38", "held_back: 30"),
    );
    let said = cli::run(root.path(), &["test"]);
    assert_eq!(said.code, 1);
    shows(
        &said,
        &[
            "38 cards were held back",
            "held back Anna Berg: the limit holds back what else there is of Build 7",
        ],
    );
}

#[test]
fn a_file_counts_once_it_has_rested() {
    let rule = "when: { file: 'prices/*.csv', change: [created, modified, deleted], settled_for: 5 seconds }\nnotify: [{ person: anna }]\ncard: { message: '{{event.name}} {{event.change}}' }\n";
    let tests = "\
tests:
  - name: somebody copies for a while
    story:
      - given: { file: prices/a.csv, change: created }
        expect: { messages: 0 }
      - wait: 3 seconds
      - given: { file: prices/a.csv }
      - given: { file: prices/b.csv, change: deleted }
      - wait: 4 seconds
        expect: { messages: 0 }
      - wait: 1 second
        expect: { messages: 2, card_shows: [a.csv created, b.csv deleted] }
  - name: what comes and goes at once is nothing
    story:
      - given: { file: prices/a.csv, change: created }
      - wait: 1 second
      - given: { file: prices/a.csv, change: deleted }
      - wait: 1 minute
    expect: { messages: 0 }
  - name: without time nothing rests
    story:
      - given: { file: prices/a.csv }
    expect: { sent_to: [], not_sent_because: has not been left alone for 5 seconds yet }
  - name: a single change has rested
    given: { file: prices/a.csv }
    expect: { card_shows: a.csv modified }
  - name: other files are not meant
    given: { file: elsewhere/a.csv }
    expect: { not_sent_because: waits for the file prices/*.csv }
";
    let root = workspace(&[("rules/prices.yaml", rule), ("rules/prices.test.yaml", tests)]);
    let said = cli::run(root.path(), &["test"]);
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn headers_query_event_types_and_events_written_in_the_test_are_seen_by_the_rule() {
    let rule = "\
when: { hook: github, event_type: [push, release] }
if: { request.headers.x-priority: high, request.query.team: platform }
notify: [{ person: anna }]
card: { message: '{{request.event_type}} {{event.ref}}' }
";
    let tests = "\
tests:
  - name: all of it
    given: { event: { ref: main }, event_type: release, headers: { X-Priority: high }, query: { team: platform } }
    expect: { sent_to: [anna.berg@contoso.example], card_shows: release main }
  - name: the first type is taken
    given: { event: { ref: main }, headers: { x-priority: high }, query: { team: platform } }
    expect: { card_shows: push main }
  - name: another type
    given: { event: { ref: main }, event_type: fork }
    expect: { not_sent_because: 'this is the hook github (fork), and the rule waits for the hook github (push, release)' }
  - name: no header
    given: { event: { ref: main } }
    expect: { not_sent_because: [request.headers.x-priority, request.query.team] }
";
    let root = workspace(&[
        (
            "herald.yaml",
            "hooks:\n  ci: { signature: none, anyone_can_post: true }\n  github: { signature: github, secret: S }\n",
        ),
        ("rules/hub.yaml", rule),
        ("rules/hub.test.yaml", tests),
    ]);
    let said = cli::run(root.path(), &["test"]);
    assert_eq!(said.code, 0, "{}", said.out);
}

/// What is wrong with a test is told by `check` and `test` alike, and the rule stays in force.
#[test]
fn a_test_that_is_wrong_is_explained_at_its_place() {
    let given = "given: samples/ci/failed.json";
    let expect = "expect: { messages: 2 }";
    for (body, code, place, texts) in [
        (
            "given: samples/ci/faild.json\n    expect: { messages: 2 }".to_owned(),
            "test::sample",
            "3:12",
            vec![
                "there is no sample `samples/ci/faild.json`",
                "did you mean `samples/ci/failed.json`?",
            ],
        ),
        (
            "given: failed.json\n    expect: { messages: 2 }".to_owned(),
            "test::sample",
            "3:12",
            vec!["did you mean `samples/ci/failed.json`?"],
        ),
        (
            format!("{given}\n    expect: {{ sent_too: [anna] }}"),
            "schema::unknown_key",
            "4:15",
            vec!["unknown key `sent_too`", "did you mean `sent_to`?"],
        ),
        (
            format!("{given}\n    expect: {{ messages: many }}"),
            "schema::type",
            "4:25",
            vec!["`messages` must be"],
        ),
        (
            format!("{given}\n    expect: {{ sent_to: [{{ persom: anna }}] }}"),
            "schema::unknown_key",
            "4:27",
            vec!["did you mean `person`?"],
        ),
        (
            format!("{given}\n    expect: {{}}"),
            "schema::empty",
            "4:13",
            vec!["`expect` has nothing in it"],
        ),
        (
            given.to_owned(),
            "test::expect",
            "2:5",
            vec!["expects nothing", "write `expect:`"],
        ),
        (
            expect.to_owned(),
            "test::given",
            "2:5",
            vec!["does not say what happens", "write `given:`"],
        ),
        (
            format!("given: {{ sample: samples/ci/failed.json, event: {{}} }}\n    {expect}"),
            "test::given",
            "3:46",
            vec!["`event` cannot stand beside `sample`"],
        ),
        (
            format!("{given}\n    story: [{{ wait: 1m }}]\n    {expect}"),
            "test::given",
            "4:5",
            vec!["`story` cannot stand beside `given`"],
        ),
        (
            format!("story: [{{ wait: ten minutes, {given} }}]\n    {expect}"),
            "duration::text",
            "3:21",
            vec!["`ten`"],
        ),
        (
            format!("story: [{{ delivered: true }}]\n    {expect}"),
            "schema::later",
            "3:15",
            vec!["`delivered` is not part of this version of Herald"],
        ),
        (
            format!("at: tomorrow\n    {given}\n    {expect}"),
            "test::time",
            "3:9",
            vec!["`tomorrow` is not a time", "`2026-03-30 09:00`"],
        ),
        (
            format!("{given}\n    expect: {{ next_runs: 2026-03-30 09:00 }}"),
            "test::expect",
            "4:15",
            vec!["the rule has no schedule"],
        ),
        (
            format!("given: {{ sample: samples/ci/failed.json, with: {{ state: success }} }}\n    {expect}"),
            "test::override",
            "3:54",
            vec!["fields of the event are written `event.state`"],
        ),
        (
            format!("{given}\n    members: {{ releases: [anna] }}\n    {expect}"),
            "test::members",
            "4:16",
            vec!["`releases` is a channel"],
        ),
    ] {
        let tests = format!("tests:\n  - name: a mistake\n    {body}\n");
        let root = with_tests(&tests);
        let checked = cli::run(root.path(), &["check"]);
        assert_eq!(checked.code, 1, "{tests}\n{}", checked.out);
        shows(
            &checked,
            &[&format!("error[{code}]"), &format!("rules/build.test.yaml:{place}")],
        );
        shows(&checked, &texts);
        assert!(checked.out.contains("1 error in 1 file"), "{}", checked.out);
        let said = cli::run(root.path(), &["test"]);
        assert_eq!(said.code, 1, "{}", said.out);
        shows(&said, &[&format!("error[{code}]"), "1 failed, 0 passed"]);
        let in_rule = format!("{RULE}{tests}");
        let root = workspace(&[("rules/build.yaml", &in_rule)]);
        let checked = cli::run(root.path(), &["check"]);
        assert_eq!(checked.code, 1, "{}", checked.out);
        shows(&checked, &[&format!("error[{code}]"), "rules/build.yaml"]);
    }
}

#[test]
fn a_changed_field_that_no_sample_has_is_probably_misspelt() {
    let root = with_tests(
        "tests:\n  - name: a slip\n    given: { sample: samples/ci/failed.json, with: { event.more.brnch: develop } }\n    expect: { messages: 2 }\n",
    );
    let said = cli::run(root.path(), &["check"]);
    assert_eq!(said.code, 0, "a doubt is no mistake\n{}", said.out);
    shows(
        &said,
        &[
            "warning[test::override]: `event.more.brnch` is not in samples/ci/failed.json",
            "rules/build.test.yaml:3:54",
            "nearest is `event.more.branch`",
        ],
    );
    write(root.path(), "samples/ci/other.json", r#"{ "more": { "brnch": "x" } }"#);
    let said = cli::run(root.path(), &["check"]);
    assert!(
        !said.out.contains("test::override"),
        "another sample has it\n{}",
        said.out
    );
}

#[test]
fn a_name_said_to_be_unknown_that_nobody_uses_is_probably_misspelt() {
    let root = with_tests(
        "tests:\n  - name: a slip\n    given: samples/ci/failed.json\n    unknown: [release, Platform / Releases]\n    expect: { sent_to: [anna] }\n",
    );
    let said = cli::run(root.path(), &["check"]);
    assert_eq!(said.code, 0, "{}", said.out);
    shows(
        &said,
        &[
            "warning[test::unknown]",
            "rules/build.test.yaml:4:15",
            "did you mean `releases`?",
        ],
    );
}

#[test]
fn time_goes_forward_and_a_test_is_not_endless() {
    for (story, texts) in [
        (
            "at: 2026-03-09 09:00\n    story: [{ wait: 1 hour }, { at: 2026-03-09 09:30, given: samples/ci/failed.json }]",
            vec![
                "error[test::time]",
                "time does not go back: it is Monday 2026-03-09 10:00 by then",
                ":4:37",
            ],
        ),
        (
            "story: [{ wait: 3000 weeks }]",
            vec!["error[test::story]", "spans 3660 days and 10000 events at most"],
        ),
        (
            "given: { sample: samples/ci/failed.json, times: 5000 }",
            vec!["error[schema::range]", "the largest value is 1000"],
        ),
    ] {
        let said = tested(&format!(
            "tests:\n  - name: x\n    {story}\n    expect: {{ messages: 0 }}\n"
        ));
        assert_eq!(said.code, 1, "{}", said.out);
        shows(&said, &texts);
    }
    let root = workspace(&[
        (
            "rules/clock.yaml",
            "when: { cron: '* * * * *' }\nnotify: [{ person: anna }]\n",
        ),
        (
            "rules/clock.test.yaml",
            "tests:\n  - name: for a year\n    story: [{ wait: 52 weeks }]\n    expect: { messages: 10000, not_sent_because: 10000 times at most }\n",
        ),
    ]);
    let said = cli::run(root.path(), &["test"]);
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn two_tests_of_one_name_could_not_be_told_apart() {
    let said = tested(
        "tests:\n  - { name: twice, given: samples/ci/failed.json, expect: { messages: 2 } }\n  - { name: twice, given: samples/ci/failed.json, expect: { messages: 2 } }\n",
    );
    assert_eq!(said.code, 1);
    shows(
        &said,
        &[
            "error[test::name]",
            "rules/build.test.yaml:3:13",
            "give one of them another name",
        ],
    );
}

#[test]
fn tests_without_a_rule_and_rules_that_are_broken_are_told() {
    let root = workspace(&[
        (
            "rules/biuld.test.yaml",
            "tests:\n  - { name: x, given: samples/ci/failed.json, expect: { messages: 2 } }\n",
        ),
        ("rules/broken.yaml", "when: { hook: ci }\nnotify: [{ persom: anna }]\n"),
        (
            "rules/broken.test.yaml",
            "tests:\n  - { name: y, given: samples/ci/failed.json, expect: { messages: 2 } }\n",
        ),
    ]);
    let said = cli::run(root.path(), &["test"]);
    assert_eq!(said.code, 1);
    shows(
        &said,
        &[
            "there is no rule `biuld` beside these tests",
            "did you mean `build.test.yaml`?",
            "rules/broken.yaml:2:12",
            "did you mean `person`?",
            "FAILED broken: y",
            "the test or its rule is broken",
        ],
    );
}

#[test]
fn a_workspace_without_tests_is_told_how_to_begin() {
    let root = workspace(&[]);
    let said = cli::run(root.path(), &["test"]);
    assert_eq!(said.code, 0, "{}", said.err);
    shows(&said, &["there are no tests here", "NAME.test.yaml"]);
}

#[test]
fn paths_and_a_filter_choose_and_a_wrong_path_cannot_be_done() {
    let root = workspace(&[
        ("rules/team/other.yaml", RULE),
        (
            "rules/team/other.test.yaml",
            "tests:\n  - { name: one, given: samples/ci/failed.json, expect: { messages: 2 } }\n  - { name: two, given: samples/ci/failed.json, expect: { messages: 9 } }\n",
        ),
        (
            "rules/build.test.yaml",
            "tests:\n  - { name: three, given: samples/ci/failed.json, expect: { messages: 2 } }\n",
        ),
    ]);
    for (args, code, count) in [
        (vec!["test"], 1, "3 tests of 2 rules"),
        (vec!["test", "rules/team"], 1, "2 tests of 1 rule"),
        (vec!["test", "rules/team/other.yaml"], 1, "2 tests of 1 rule"),
        (vec!["test", "rules/build.test.yaml"], 0, "1 test of 1 rule"),
        (vec!["test", "--filter", "ONE"], 0, "1 test of 1 rule"),
        (vec!["test", "--filter", "team/other"], 1, "2 tests of 1 rule"),
        (vec!["test", "--filter", "nothing like that"], 0, "no tests here"),
    ] {
        let said = cli::run(root.path(), &args);
        assert_eq!(said.code, code, "{args:?}\n{}", said.out);
        assert!(said.out.contains(count), "{args:?}\n{}", said.out);
    }
    let said = cli::run(root.path(), &["test", "rules/none.yaml"]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("there is no rules/none.yaml"), "{}", said.err);
    assert_eq!(cli::run(root.path(), &["test", "--format", "xml"]).code, 2);
}

const ONE_OF_EACH: &str = "tests:
  - { name: passes, given: samples/ci/failed.json, expect: { messages: 2 } }
  - { name: 'fails <& \"quoted\">', given: samples/ci/failed.json, expect: { messages: 9, sent_to: [] } }
  - { name: broken, given: samples/ci/none.json, expect: { messages: 2 } }
";

#[test]
fn machines_get_every_test_with_its_failures_and_what_happened() {
    let said = cli::run(with_tests(ONE_OF_EACH).path(), &["test", "--format", "json"]);
    assert_eq!(said.code, 1);
    let told: Value = serde_json::from_str(&said.out).expect("it is JSON");
    assert_eq!((&told["passed"], &told["failed"]), (&1.into(), &2.into()));
    assert_eq!(told["tests"][0]["passed"], true);
    assert_eq!(told["tests"][0]["happened"][0]["sent_to"][1], "Anna Berg");
    assert_eq!(told["tests"][1]["failures"][1]["expectation"], "messages");
    assert_eq!(told["tests"][1]["failures"][1]["actual"][0], "2");
    assert_eq!(told["tests"][2]["broken"], true);
    assert_eq!(told["diagnostics"][0]["code"], "test::sample");
}

/// Read by Python's parser, and counted as CI systems count.
#[test]
fn the_junit_report_is_xml_that_counts_right() {
    const READ: &str = r#"
import sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
assert root.tag == "testsuites", root.tag
cases = root.findall("./testsuite/testcase")
assert int(root.get("tests")) == len(cases), (root.attrib, len(cases))
assert int(root.get("failures")) == len(root.findall("./testsuite/testcase/failure"))
assert int(root.get("errors")) == len(root.findall("./testsuite/testcase/error"))
for suite in root:
    assert int(suite.get("tests")) == len(suite.findall("testcase")), suite.attrib
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
    float(suite.get("time"))
for case in cases:
    print(case.get("classname"), case.get("name"), [child.tag for child in case], sep="|")
print([failure.text for failure in root.iter("failure")][0])
"#;
    let said = cli::run(with_tests(ONE_OF_EACH).path(), &["test", "--format", "junit"]);
    assert_eq!(said.code, 1);
    let mut python = Command::new("python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    std::io::Write::write_all(&mut python.stdin.take().expect("piped"), said.out.as_bytes()).expect("it reads");
    let read = cli::said(python.wait_with_output().expect("it ends"));
    assert_eq!(read.code, 0, "{}\n{}", read.err, said.out);
    let lines: Vec<&str> = read.out.lines().take(4).collect();
    assert_eq!(
        lines,
        [
            "build|passes|[]",
            "build|fails <& \"quoted\">|['failure']",
            "build|broken|['error']",
            "files of tests|can be read|['error']",
        ]
    );
    assert!(read.out.contains("sent to Anna Berg"), "{}", read.out);
}

#[test]
fn while_watching_a_change_runs_the_tests_again() {
    let root = with_tests("tests:\n  - { name: x, given: samples/ci/failed.json, expect: { messages: 2 } }\n");
    let mut herald = cli::command(root.path(), &["test", "--watch"], &Default::default())
        .spawn()
        .expect("the binary runs");
    let out = herald.stdout.take().expect("piped");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    let patience = Duration::from_secs(60);
    let wait_for = |text: &str| {
        let mut seen = Vec::new();
        loop {
            match told.recv_timeout(patience) {
                Ok(line) if line.contains(text) => return,
                Ok(line) => seen.push(line),
                Err(problem) => panic!("`{text}` did not come ({problem}): {seen:#?}"),
            }
        }
    };
    wait_for("all passed");
    wait_for("waiting for changes");
    write(
        root.path(),
        "samples/ci/failed.json",
        &SAMPLE.replace("failure", "success"),
    );
    wait_for("1 failed, 0 passed");
    wait_for("waiting for changes");
    write(
        root.path(),
        "rules/build.yaml",
        &RULE.replace("[failure, error]", "success"),
    );
    wait_for("all passed");
    let stopped = Command::new("kill").args(["-INT", &herald.id().to_string()]).status();
    assert!(stopped.expect("kill runs").success());
    let ended = herald.wait().expect("it ends");
    assert_eq!(ended.code(), Some(0), "the last run passed");
}

#[test]
fn a_broken_test_keeps_no_rule_from_running() {
    let tests = "tests: [{ nmae: x }, 7]\n";
    let root = workspace(&[
        ("rules/build.yaml", &format!("{RULE}{tests}")),
        ("rules/build.test.yaml", tests),
    ]);
    let sources = herald::load::read(root.path());
    assert!(sources.files.iter().all(|file| !file.path.ends_with(".test.yaml")));
    let compiled = herald::workspace::compile(&sources, None);
    assert_eq!(compiled.diagnostics, []);
    assert_eq!(compiled.workspace.ruleset.rules.len(), 1);

    let doubled =
        "tests:\n  - name: x\n    name: y\n    given: samples/ci/failed.json\n    expect: { messages: 2 }\n";
    write(root.path(), "rules/build.yaml", &format!("{RULE}{doubled}"));
    fs::remove_file(root.path().join("rules/build.test.yaml")).expect("it can be removed");
    let compiled = herald::workspace::compile(&herald::load::read(root.path()), None);
    assert_eq!(compiled.diagnostics, []);
    assert_eq!(compiled.workspace.ruleset.rules.len(), 1);
    let said = cli::run(root.path(), &["check"]);
    assert_eq!(said.code, 1);
    shows(&said, &["error[yaml::", "rules/build.yaml:7:5", "1 error in 1 file"]);
}

const ON_IT: &str = "\
when: [{ hook: ci }, { button: on-it, from: [anna, omar] }, { message: [status, 'status *'] }]
notify: [{ channel: releases }, { sender: true }]
card:
  title: '{{#if event.button}}{{event.by.name}} is on {{event.data.build}} ({{event.data.note}}){{else}}{{default event.name event.text}}{{/if}}'
  buttons: { I am on it: { press: on-it, with: { build: '{{default event.name event.data.build}}' } } }
";

fn talked(story: &str) -> Said {
    let tests = format!("tests:\n  - name: people talk\n    story:\n{story}");
    let root = workspace(&[("rules/on-it.yaml", ON_IT), ("rules/on-it.test.yaml", &tests)]);
    cli::run(root.path(), &["test", "rules/on-it.yaml"])
}

#[test]
fn a_story_presses_the_button_of_the_card_that_came_before_and_writes_to_the_bot() {
    let said = talked(
        "      - given: samples/ci/failed.json\n        expect: { card_shows: Build 7 }\n      \
         - press: I am on it\n        expect: { sent_to: [releases, anna], card_shows: Anna Berg is on Build 7 }\n      \
         - press: { button: on-it, by: omar, in: Platform / Releases, inputs: { note: me too } }\n        \
         expect: { sent_to: [releases, omar], card_shows: Omar Haddad is on Build 7 (me too) }\n      \
         - press: { button: on-it, by: chloe@contoso.example }\n        \
         expect: { sent_to: [], not_sent_because: 'from: anna, omar' }\n      \
         - message: { text: Status  platform, by: chloe@contoso.example }\n        \
         expect: { sent_to: [releases, chloe@contoso.example], card_shows: Status  platform }\n      \
         - message: statistics\n        expect: { messages: 0, not_sent_because: the message “statistics” }\n      \
         - press: off-it\n        expect: { messages: 0, not_sent_because: 'the button `off-it`' }\n",
    );
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn a_recorded_press_comes_from_the_person_of_that_name() {
    let sample = |name: &str| {
        format!(
            r#"{{ "kind": "button", "scope": "person", "chat": {{ "id": "a:1" }}, "button": "on-it", "data": {{}},
                "by": {{ "id": "29:1", "aad_object_id": "7c1f2b34-58a1-4d0e-9b77-0d5f9a3e2c61", "name": "{name}" }} }}"#
        )
    };
    let tests = "tests:\n  - { name: anna, given: samples/teams/button.person.json, expect: { sent_to: [releases, sender] } }\n  \
                 - name: somebody else\n    given: { sample: samples/teams/button.person.json, with: { event.by.name: Chloe } }\n    \
                 expect: { sent_to: [], not_sent_because: 'from: anna, omar' }\n";
    let root = workspace(&[
        ("rules/on-it.yaml", ON_IT),
        ("rules/on-it.test.yaml", tests),
        ("samples/teams/button.person.json", &sample("Anna Berg")),
    ]);
    let said = cli::run(root.path(), &["test", "rules/on-it.yaml"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn what_is_wrong_with_a_press_or_a_message_in_a_test_is_told() {
    for (story, words) in [
        (
            "      - { press: on-it, message: status }\n    expect: { messages: 0 }\n",
            vec!["`press` cannot stand beside `message`", "a step of its own"],
        ),
        (
            "      - press: { button: on-it, by: 'https://x' }\n    expect: { messages: 0 }\n",
            vec!["https://x"],
        ),
        (
            "      - message: { by: anna }\n    expect: { messages: 0 }\n",
            vec!["text"],
        ),
    ] {
        let said = talked(story);
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        for word in words {
            assert!(
                said.out.contains(word) || said.err.contains(word),
                "{word}: {}{}",
                said.out,
                said.err
            );
        }
    }
}
