//! All tests of a workspace, found and compiled, with what is wrong with them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::World;
use super::case::{Case, Played, Stock};
use crate::diagnostic::{Diagnostic, Fault, Severity, Step, Underline, did_you_mean};
use crate::rule::Rule;
use crate::rule::tests_file::CaseFile;
use crate::schema::{self, FileKind};
use crate::workspace::sample;
use crate::workspace::source::name_of;
use crate::workspace::{Kind, SourceFile, Sources, Workspace};
use crate::yaml::{self, Document};

/// The tests of one rule in one file.
#[derive(Debug)]
pub struct Suite {
    /// The file they stand in.
    pub file: String,
    /// The rule they are of.
    pub rule: String,
    /// The tests, in the order of the file.
    pub tests: Vec<Test>,
    document: Document,
}

/// One test, as it was found.
#[derive(Debug)]
pub struct Test {
    /// What it shows, in the author's words; its number if it has no name.
    pub name: String,
    /// From the file to the test.
    pub path: Vec<Step>,
    /// The rule and the test; `None` when one of them is broken, which a diagnostic tells.
    case: Option<(Arc<Rule>, Case)>,
}

/// Every test, and everything that is wrong with them.
#[derive(Debug, Default)]
pub struct Suites {
    /// By file.
    pub suites: Vec<Suite>,
    /// What is wrong or doubtful about the tests themselves; not what fails.
    pub diagnostics: Vec<Diagnostic>,
}

/// Finds the tests of a workspace: under `tests:` in rules, and in `NAME.test.yaml` beside them.
pub fn read(sources: &Sources, workspace: &Workspace) -> Suites {
    let mut suites = Suites::default();
    let of_kind = |kind: Kind| {
        sources
            .files
            .iter()
            .filter(move |file| Kind::of(&file.path) == Some(kind))
    };
    // What is wrong with samples is told with the rules.
    let samples = sample::read(of_kind(Kind::Sample), &mut Vec::new());
    let rule_files: HashSet<String> = of_kind(Kind::Rule).map(|file| name_of(&file.path, "rules/")).collect();
    let tenant = workspace.settings.bot.tenant.as_deref();
    let mut reader = Reader {
        stock: Stock {
            workspace,
            samples: &samples,
            world: World::of(&workspace.book, tenant),
        },
        rule_files: &rule_files,
        suites: &mut suites,
    };
    for file in &sources.files {
        match Kind::of(&file.path) {
            Some(Kind::Rule) => reader.rule(file),
            Some(Kind::Test) => reader.tests(file),
            Some(
                Kind::Settings
                | Kind::Directory
                | Kind::Template
                | Kind::Partial
                | Kind::Texts
                | Kind::Sample
                | Kind::Holidays,
            )
            | None => {}
        }
    }
    suites.doubled_names();
    suites
}

struct Reader<'a> {
    stock: Stock<'a>,
    rule_files: &'a HashSet<String>,
    suites: &'a mut Suites,
}

impl Reader<'_> {
    fn rule(&mut self, file: &SourceFile) {
        let Ok(bytes) = &file.bytes else { return };
        let (text, _) = yaml::decode(&file.path, bytes);
        // Most rules of a large workspace may have none; they need not be read twice.
        if !text.contains("tests") {
            return;
        }
        let parsed = yaml::parse(&file.path, &text);
        let Some(document) = parsed.document else {
            return;
        };
        let Some(extent) = document.extent(&["tests".into()]) else {
            return;
        };
        let of_tests = parsed.diagnostics.into_iter();
        self.suites
            .diagnostics
            .extend(of_tests.filter(|found| extent.contains(&found.span.start)));
        let mut faults = schema::validate(FileKind::Rule, &document);
        faults.retain(|fault| fault.path.first() == Some(&Step::from("tests")));
        self.suite(file, &name_of(&file.path, "rules/"), document, faults);
    }

    fn tests(&mut self, file: &SourceFile) {
        let Ok(bytes) = &file.bytes else { return };
        let (text, diagnostic) = yaml::decode(&file.path, bytes);
        self.suites.diagnostics.extend(diagnostic);
        let parsed = yaml::parse(&file.path, &text);
        self.suites.diagnostics.extend(parsed.diagnostics);
        let Some(document) = parsed.document else { return };
        let below = name_of(&file.path, "rules/");
        let name = below.strip_suffix(".test").unwrap_or(&below).to_owned();
        if !self.rule_files.contains(name.as_str()) {
            let message = format!("there is no rule `{name}` beside these tests");
            let mut diagnostic = Diagnostic::of_file("test::rule", &file.path, message);
            if let Some(near) = did_you_mean(&name, self.rule_files.iter().map(String::as_str)) {
                diagnostic = diagnostic.help(format!(
                    "did you mean `{near}.test.yaml`? A test is called like its rule"
                ));
            }
            self.suites.diagnostics.push(diagnostic);
        }
        let faults = match document.value.is_null() {
            true => Vec::new(),
            false => schema::validate(FileKind::Test, &document),
        };
        self.suite(file, &name, document, faults);
    }

    fn suite(&mut self, file: &SourceFile, rule: &str, document: Document, mut faults: Vec<Fault>) {
        let none = Vec::new();
        let written = document.value.get("tests").and_then(Value::as_array).unwrap_or(&none);
        let compiled = self.stock.workspace.ruleset.rule(rule).cloned();
        let mut tests = Vec::new();
        for (index, value) in written.iter().enumerate() {
            let path: Vec<Step> = vec!["tests".into(), index.into()];
            let name = value
                .get("name")
                .and_then(Value::as_str)
                .map(|name| name.trim().to_owned());
            let name = name
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| format!("test {}", index + 1));
            let broken = faults.iter().any(|fault| fault.path.starts_with(&path));
            let case = match (&compiled, broken) {
                (Some(rule), false) => match serde_json::from_value::<CaseFile>(value.clone()) {
                    Ok(shape) => {
                        let (case, found) = Case::compile(&shape, rule, &self.stock);
                        let placed = |fault: Fault| Fault {
                            path: path.iter().cloned().chain(fault.path).collect(),
                            ..fault
                        };
                        faults.extend(found.into_iter().map(placed));
                        case.map(|case| (rule.clone(), case))
                    }
                    Err(error) => {
                        let mut fault = Fault::error("schema::form", error.to_string());
                        fault.path.clone_from(&path);
                        faults.push(fault);
                        None
                    }
                },
                (None, _) | (_, true) => None,
            };
            tests.push(Test { name, path, case });
        }
        for fault in faults {
            let span = document.locate(&fault.path, &fault.underline);
            self.suites
                .diagnostics
                .push(Diagnostic::located(fault, &file.path, span));
        }
        if !tests.is_empty() {
            self.suites.suites.push(Suite {
                file: file.path.clone(),
                rule: rule.to_owned(),
                tests,
                document,
            });
        }
    }
}

impl Suites {
    /// Two tests of one rule with one name could not be told apart in a report.
    fn doubled_names(&mut self) {
        let mut seen: HashMap<(&str, &str), &str> = HashMap::new();
        let mut found = Vec::new();
        for suite in &self.suites {
            for test in &suite.tests {
                if let Some(first) = seen.insert((&suite.rule, &test.name), &suite.file) {
                    let message = format!("there is another test of this name, in {first}");
                    let mut fault = Fault::error("test::name", message).help("give one of them another name");
                    fault.path.clone_from(&test.path);
                    fault.path.push("name".into());
                    let span = suite.document.locate(&fault.path, &fault.underline);
                    found.push(Diagnostic::located(fault, &suite.file, span));
                }
            }
        }
        self.diagnostics.extend(found);
    }

    /// How many tests there are.
    pub fn len(&self) -> usize {
        self.suites.iter().map(|suite| suite.tests.len()).sum()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Test {
    /// Plays the test; `None` when it or its rule is broken.
    pub fn play(&self, workspace: &Workspace) -> Option<Played> {
        self.case.as_ref().map(|(rule, case)| case.play(rule, workspace))
    }

    /// The test as compiled.
    pub fn case(&self) -> Option<&Case> {
        self.case.as_ref().map(|(_, case)| case)
    }
}

impl Suite {
    /// What a failure underlines in its file, as an error that can be drawn.
    pub fn located(&self, test: &Test, failure: &super::expect::Failure) -> Diagnostic {
        let path: Vec<Step> = test.path.iter().chain(&failure.path).cloned().collect();
        let span = self.document.locate(&path, &Underline::Value);
        Diagnostic {
            severity: Severity::Error,
            ..Diagnostic::located(
                Fault {
                    help: failure.help.clone(),
                    ..Fault::error("test::failed", failure.message.clone())
                },
                &self.file,
                span,
            )
        }
    }

    /// The line in the file at which a test begins, from 1.
    pub fn line(&self, test: &Test, text: &str) -> usize {
        let span = self.document.locate(&test.path, &Underline::Value);
        crate::diagnostic::place::Place::of(text, &span).line
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::workspace;

    const RULE: &str = "when: [{ hook: ci }, { cron: '*/5 * * * *' }, { file: '*.csv' }]\nif: { event.a: 1 }\n\
                        notify: [{ channel: Platform / Releases }, { members_of: Office }]\nlimit: { once_per: 1m }\nsplit: event.l\nstorm: 2 per minute\n\
                        digest: { at: '09:00', time_zone: recipient }\n";
    const TESTS: &str = "tests:\n  - name: x\n    given: { sample: samples/ci/a.json, with: { event.a: 1, 'event.l[1].b': 2 }, without: event.c, times: 3 }\n    \
                         members: { Office: [a@b.example, Omar] }\n    unknown: [Platform / Releases]\n    \
                         expect: { sent_to: [a@b.example, { person: Omar }], card_shows: [x], messages: 2, not_sent_because: y }\n  - name: y\n    \
                         at: 2026-03-28 08:00\n    story:\n      - wait: 2 days\n      - { at: 2026-04-01 09:00, given: { file: a.csv, change: created }, expect: { held_back: 1 } }\n      \
                         - given: { event: { a: 1 } }\n    expect: { next_runs: [2026-03-30 09:00], warnings: [] }\n";

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_test_makes_herald_panic(
            in_rule in any::<bool>(),
            cut in any::<prop::sample::Index>(),
            length in 0usize..12,
            put in "[-:?{}\\[\\],#&*'\"% \n0-9a-zé./]{0,8}",
        ) {
            let mut tests = TESTS.to_owned();
            let places: Vec<usize> = tests.char_indices().map(|(at, _)| at).collect();
            let at = cut.index(places.len());
            let end = places.get(at + length).copied().unwrap_or(tests.len());
            tests.replace_range(places[at]..end, &put);
            let file = |path: &str, text: &str| SourceFile {
                path: path.to_owned(),
                bytes: Ok(text.as_bytes().to_vec()),
            };
            let sources = Sources {
                files: vec![
                    file("herald.yaml", "hooks:\n  ci: { signature: none, anyone_can_post: true }\n"),
                    match in_rule {
                        true => file("rules/r.yaml", &format!("{RULE}{tests}")),
                        false => file("rules/r.yaml", RULE),
                    },
                    match in_rule {
                        true => file("rules/r.test.yaml", ""),
                        false => file("rules/r.test.yaml", &tests),
                    },
                    file("samples/ci/a.json", r#"{ "a": 1, "l": [{ "b": 1 }], "c": null }"#),
                ],
                ..Sources::default()
            };
            let compiled = workspace::compile(&sources, None);
            let suites = read(&sources, &compiled.workspace);
            for suite in &suites.suites {
                for test in &suite.tests {
                    let Some(played) = test.play(&compiled.workspace) else { continue };
                    for failure in &played.failures {
                        suite.located(test, failure);
                    }
                }
            }
        }
    }
}
