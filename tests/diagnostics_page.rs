//! `docs/diagnostics.md` explains every code, its wrong examples give exactly that code, and its right ones nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use herald::diagnostic::{Diagnostic, code};
use herald::load;
use herald::rehearsal::suite;
use herald::workspace::{self, Kind, SourceFile, Sources};
use regex::Regex;

/// Files by path, each with its content or the reason why there is none.
type Files = Vec<(String, Result<Vec<u8>, String>)>;

/// Variables of the environment with their values.
type Variables = &'static [(&'static str, &'static str)];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The workspace of this repository without its rules.
fn surroundings() -> Sources {
    let mut sources = load::read_with_samples(root());
    sources
        .files
        .retain(|file| !matches!(Kind::of(&file.path), Some(Kind::Rule | Kind::Test)));
    sources
}

fn with(files: &Files, variables: &[(&str, &str)]) -> Vec<Diagnostic> {
    let mut sources = surroundings();
    for (path, bytes) in files {
        sources.files.retain(|file| file.path != *path);
        sources.files.push(SourceFile {
            path: path.clone(),
            bytes: bytes.clone(),
        });
    }
    sources.files.sort_by(|a, b| a.path.cmp(&b.path));
    let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    sources.environment = variables.iter().map(variable).collect();
    let compiled = workspace::compile(&sources, None);
    let suites = suite::read(&sources, &compiled.workspace);
    compiled.diagnostics.into_iter().chain(suites.diagnostics).collect()
}

/// The files of one half of a section: each block, under the name in the line above it.
fn files(half: &str) -> Files {
    let named = Regex::new(r"(?m)(?:^`([^`]+)`:\n\n)?^```[a-z]+\n((?s).*?)^```$").unwrap();
    named
        .captures_iter(half)
        .map(|found| {
            let path = found.get(1).map_or("rules/example.yaml", |path| path.as_str());
            (path.to_owned(), Ok(found[2].as_bytes().to_vec()))
        })
        .collect()
}

fn told(diagnostics: &[Diagnostic]) -> String {
    let one = |d: &Diagnostic| format!("{} {}:{:?} {} ({:?})", d.code, d.file, d.span, d.message, d.help);
    diagnostics.iter().map(one).collect::<Vec<_>>().join("\n    ")
}

#[test]
fn every_wrong_example_gives_its_code_alone_and_every_right_one_nothing() {
    let mut complaints = Vec::new();
    let mut seen = 0;
    for explained in code::all() {
        let Some((_, examples)) = explained.section.split_once("\nWrong:\n") else {
            continue;
        };
        seen += 1;
        let (wrong, right) = examples.split_once("\nRight:\n").expect(explained.code);
        let (wrong, right) = (files(wrong), files(right));
        assert!(
            !wrong.is_empty() && !right.is_empty(),
            "{}: no examples",
            explained.code
        );

        let found = with(&wrong, &[]);
        let expected = found.iter().all(|d| {
            let of_the_file = d.span.is_empty() && matches!(d.code, "file::doubled" | "rule::empty" | "test::rule");
            let placed = of_the_file || !d.span.is_empty();
            d.code == explained.code && placed && wrong.iter().any(|(path, _)| *path == d.file)
        });
        if found.is_empty() || !expected {
            complaints.push(format!("{}, wrong:\n    {}", explained.code, told(&found)));
        }
        let found = with(&right, &[]);
        if !found.is_empty() {
            complaints.push(format!("{}, right:\n    {}", explained.code, told(&found)));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(seen > 100, "only {seen} codes have examples");
}

/// What cannot be shown on a page.
#[test]
fn every_code_without_an_example_is_given_too() {
    let rule = |text: String| vec![("rules/example.yaml".to_owned(), Ok(text.into_bytes()))];
    let template = |name: &str, text: String| vec![(format!("templates/{name}"), Ok(text.into_bytes()))];
    let good = "when: { hook: announce }\nnotify: [{ channel: general }]\n";
    let long = "x".repeat(60_000);
    let many = "{{event.a}}".repeat(6_000);
    let cases: [(&str, Files, Variables); 8] = [
        (
            "file::unreadable",
            vec![(
                "rules/example.yaml".to_owned(),
                Err("this link leads nowhere".to_owned()),
            )],
            &[],
        ),
        (
            "file::encoding",
            vec![(
                "rules/example.yaml".to_owned(),
                Ok(b"description: M\xfcller\n".to_vec()),
            )],
            &[],
        ),
        (
            "file::too_large",
            rule(format!("{good}# {}\n", "x".repeat(1 << 20))),
            &[],
        ),
        (
            "yaml::control_character",
            rule(format!("description: \"a\u{7}b\"\n{good}")),
            &[],
        ),
        (
            "card::size",
            template(
                "example.yaml",
                format!("type: AdaptiveCard\nversion: \"1.5\"\nbody: [{{ type: TextBlock, text: {long} }}]\n"),
            ),
            &[],
        ),
        (
            "template::size",
            rule(format!("{good}card: {{ title: \"{many}\" }}\n")),
            &[],
        ),
        (
            "text::file",
            vec![("texts/german.yaml".to_owned(), Ok(b"a.b: x\n".to_vec()))],
            &[],
        ),
        (
            "settings::environment",
            rule(good.to_owned()),
            &[("HERALD_LISTEN", "nowhere")],
        ),
    ];
    let without: BTreeSet<&str> = code::all()
        .filter(|explained| !explained.section.contains("\nWrong:\n"))
        .map(|explained| explained.code)
        .collect();
    let mut given: BTreeSet<&str> = cases.iter().map(|(code, ..)| *code).collect();
    // The last resort of the schema: no text is known that comes to it.
    given.insert("schema::form");
    // What `herald test` says; tests/test_command.rs shows it.
    given.insert("test::failed");
    assert_eq!(without, given);
    for (code, files, variables) in cases {
        let found = with(&files, variables);
        assert!(
            !found.is_empty() && found.iter().all(|d| d.code == code),
            "{code}:\n    {}",
            told(&found)
        );
    }
}

fn sources_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources_below(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_code_that_can_be_given_is_explained_and_no_other() {
    let literal = Regex::new(r#""([a-z]+::[a-z_]+)""#).unwrap();
    let mut paths = Vec::new();
    sources_below(&root().join("src"), &mut paths);
    let mut given = BTreeSet::new();
    for path in paths {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\n").next().unwrap_or_default();
        given.extend(literal.captures_iter(code).map(|found| found[1].to_owned()));
    }
    let explained: BTreeSet<String> = code::all().map(|explained| explained.code.to_owned()).collect();
    assert_eq!(explained, given);
}

#[test]
fn every_explanation_begins_with_a_meaning_in_words() {
    let page = fs::read_to_string(root().join(code::PAGE)).unwrap();
    let anchors: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(|heading| {
            heading
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
                .collect()
        })
        .collect();
    for explained in code::all() {
        let meaning = explained.meaning;
        assert!(
            meaning.len() > 20 && meaning.ends_with('.'),
            "{}: {meaning}",
            explained.code
        );
        assert!(
            !meaning.contains("```") && !meaning.starts_with("Wrong"),
            "{}",
            explained.code
        );
        let link = code::link(explained.code);
        let (_, anchor) = link.split_once('#').unwrap();
        assert!(anchors.contains(anchor), "{link}");
    }
}
