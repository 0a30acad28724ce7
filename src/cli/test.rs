//! `herald test`: the rules' own tests, played on a virtual clock through the functions that `serve` uses.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::check::{colours_wanted, is_closed_pipe, within};
use super::exit::Exit;
use crate::diagnostic::report::{self, Texts};
use crate::diagnostic::{Diagnostic, Severity};
use crate::load;
use crate::rehearsal::case::Played;
use crate::rehearsal::expect::Failure;
use crate::rehearsal::suite::{self, Suite, Test};
use crate::workspace::{self, as_texts};

mod junit;
mod trace;
mod watch;

/// How many failing tests are told in full; the others are listed.
const TOLD: usize = 50;

/// What to test, and how to tell.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Only the tests of these rules, or in these files or folders
    paths: Vec<PathBuf>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Style::Human)]
    format: Style,
    /// Only tests whose rule or name contains this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Run again whenever a file changes, until Ctrl-C
    #[arg(long, conflicts_with = "format")]
    watch: bool,
}

/// How the answer of `herald test` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// For people.
    Human,
    /// For machines.
    Json,
    /// For the test reports of CI systems: JUnit's XML.
    Junit,
}

/// Runs the tests of the workspace at `root`.
///
/// # Errors
/// A path that does not exist or lies outside the workspace; an output that cannot be written.
pub fn run(root: &Path, args: &TestArgs) -> anyhow::Result<Exit> {
    let colours = io::stdout().is_terminal() && colours_wanted();
    if args.watch {
        return watch::run(root, args, colours);
    }
    match once(root, args, colours, &mut io::stdout().lock()) {
        // `herald test | head` is no mistake.
        Err(error) if is_closed_pipe(&error) => Ok(Exit::No),
        done => done,
    }
}

/// What became of one test.
struct Ended<'a> {
    suite: &'a Suite,
    test: &'a Test,
    /// `None`: it or its rule is broken.
    played: Option<Played>,
    took: Duration,
}

impl Ended<'_> {
    fn passed(&self) -> bool {
        self.played.as_ref().is_some_and(|played| played.failures.is_empty())
    }

    /// `github/deploy-failed: a staging deploy is nobody's business`
    fn title(&self) -> String {
        format!("{}: {}", self.suite.rule, self.test.name)
    }
}

/// Everything that one run found.
struct Run<'a> {
    ended: Vec<Ended<'a>>,
    /// What is wrong with tests, and with the rules they are of.
    diagnostics: Vec<&'a Diagnostic>,
    rules: usize,
    untested: Vec<&'a str>,
    took: Duration,
}

impl Run<'_> {
    fn failed(&self) -> usize {
        self.ended.iter().filter(|ended| !ended.passed()).count()
    }

    fn errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

fn once(root: &Path, args: &TestArgs, colours: bool, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let wanted = args
        .paths
        .iter()
        .map(|path| within(root, path))
        .collect::<anyhow::Result<Vec<String>>>()?;
    let sources = load::read_with_samples(root);
    let compiled = workspace::compile(&sources, None);
    let suites = suite::read(&sources, &compiled.workspace);
    let below = |file: &str, wanted: &String| {
        wanted.is_empty()
            || file
                .strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let of_rule = |suite: &Suite| ["yaml", "yml"].map(|ending| format!("rules/{}.{ending}", suite.rule));
    let chosen = |suite: &Suite| {
        let mut files = of_rule(suite).to_vec();
        files.push(suite.file.clone());
        wanted.is_empty() || wanted.iter().any(|wanted| files.iter().any(|file| below(file, wanted)))
    };
    let filter = args.filter.as_ref().map(|text| text.to_lowercase());
    let meant = |suite: &Suite, test: &Test| {
        let title = format!("{}: {}", suite.rule, test.name).to_lowercase();
        filter.as_ref().is_none_or(|filter| title.contains(filter))
    };

    let began = Instant::now();
    let mut ended = Vec::new();
    for suite in suites.suites.iter().filter(|suite| chosen(suite)) {
        for test in suite.tests.iter().filter(|test| meant(suite, test)) {
            let began = Instant::now();
            let played = test.play(&compiled.workspace);
            ended.push(Ended {
                suite,
                test,
                played,
                took: began.elapsed(),
            });
        }
    }
    let took = began.elapsed();

    // Why a test cannot be played is told; what else may be wrong with the workspace is the business of `check`.
    let broken: Vec<&Suite> = ended.iter().filter(|e| e.played.is_none()).map(|e| e.suite).collect();
    let of_broken = |file: &str| {
        broken
            .iter()
            .any(|suite| of_rule(suite).iter().any(|rule| rule == file))
    };
    let told_of_tests = |d: &&Diagnostic| match suites.suites.iter().find(|suite| suite.file == d.file) {
        Some(suite) => chosen(suite) && filter.is_none() || broken.iter().any(|one| one.file == d.file),
        None => wanted.is_empty() || wanted.iter().any(|wanted| below(&d.file, wanted)),
    };
    let mut diagnostics: Vec<&Diagnostic> = compiled.diagnostics.iter().filter(|d| of_broken(&d.file)).collect();
    diagnostics.extend(suites.diagnostics.iter().filter(told_of_tests));
    let mut names: Vec<&str> = ended.iter().map(|e| e.suite.rule.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let tested: HashSet<&str> = suites.suites.iter().map(|suite| suite.rule.as_str()).collect();
    let rules = &compiled.workspace.ruleset.rules;
    let untested = rules
        .iter()
        .filter(|rule| wanted.is_empty() || wanted.iter().any(|wanted| below(&rule.file, wanted)))
        .map(|rule| rule.name.as_str())
        .filter(|name| !tested.contains(name))
        .collect();
    let run = Run {
        ended,
        diagnostics,
        rules: names.len(),
        untested,
        took,
    };

    let mut told: Vec<Diagnostic> = run.diagnostics.iter().map(|d| (*d).clone()).collect();
    told.extend(
        run.ended
            .iter()
            .flat_map(|e| failures(e).map(|failure| e.suite.located(e.test, failure))),
    );
    let texts = sources.texts(&told);
    let texts = as_texts(&texts);
    match args.format {
        Style::Human => human(&run, &texts, colours, out)?,
        Style::Json => writeln!(out, "{:#}", machine(&run, &texts))?,
        Style::Junit => junit::write(&run, &texts, out)?,
    }
    Ok(if run.failed() > 0 || run.errors() {
        Exit::No
    } else {
        Exit::Done
    })
}

fn failures<'a>(ended: &'a Ended<'_>) -> impl Iterator<Item = &'a Failure> {
    ended.played.iter().flat_map(|played| &played.failures)
}

fn human(run: &Run<'_>, texts: &Texts<'_>, colours: bool, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint { colours };
    let diagnostics: Vec<Diagnostic> = run.diagnostics.iter().map(|d| (*d).clone()).collect();
    let drawn = report::draw(&diagnostics, texts, colours);
    if !drawn.is_empty() {
        writeln!(out, "{drawn}")?;
    }
    let failing: Vec<&Ended<'_>> = run.ended.iter().filter(|ended| !ended.passed()).collect();
    for ended in failing.iter().take(TOLD) {
        writeln!(out, "{} {}", paint.bad("FAILED"), paint.strong(&ended.title()))?;
        let Some(played) = &ended.played else {
            writeln!(out, "  the test or its rule is broken, so it was not played\n")?;
            continue;
        };
        for failure in &played.failures {
            let located = ended.suite.located(ended.test, failure);
            let drawn = report::draw(std::slice::from_ref(&located), texts, colours);
            // The last line counts one error.
            let drawn = drawn
                .trim_end()
                .rsplit_once("\n\n")
                .map_or(drawn.as_str(), |(drawn, _)| drawn);
            writeln!(out, "{drawn}")?;
            write!(out, "{}", trace::side_by_side(failure, paint))?;
        }
        let zone = ended.test.case().map(|case| case.zone).unwrap_or_default();
        writeln!(out, "{}", trace::made(&played.made, zone, paint))?;
    }
    for ended in failing.iter().skip(TOLD) {
        writeln!(out, "{} {}", paint.bad("FAILED"), ended.title())?;
    }
    if run.ended.is_empty() {
        let help = "write `tests:` into a rule, or a file NAME.test.yaml beside it";
        writeln!(out, "there are no tests here; {help}")?;
        return Ok(());
    }
    let counted = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    let passed = run.ended.len() - run.failed();
    let verdict = match run.failed() {
        0 => paint.good("all passed"),
        failed => format!("{}, {passed} passed", paint.bad(&format!("{failed} failed"))),
    };
    writeln!(
        out,
        "{} of {} in {}: {verdict}",
        counted(run.ended.len(), "test"),
        counted(run.rules, "rule"),
        in_words(run.took),
    )?;
    if !run.untested.is_empty() {
        let some: Vec<&str> = run.untested.iter().take(5).copied().collect();
        let more = match run.untested.len() {
            n if n > some.len() => format!(" and {} more", n - some.len()),
            _ => String::new(),
        };
        let have = if run.untested.len() == 1 { "has" } else { "have" };
        let rules = counted(run.untested.len(), "rule");
        writeln!(out, "{rules} {have} no test: {}{more}", some.join(", "))?;
    }
    Ok(())
}

fn in_words(took: Duration) -> String {
    match took.as_millis() {
        0 => "less than 1 ms".to_owned(),
        ms if ms < 10_000 => format!("{ms} ms"),
        ms => format!("{} s", ms / 1000),
    }
}

fn machine(run: &Run<'_>, texts: &Texts<'_>) -> Value {
    let tests: Vec<Value> = run
        .ended
        .iter()
        .map(|ended| {
            let failures: Vec<Value> = failures(ended)
                .map(|failure| {
                    let located = report::json(&[ended.suite.located(ended.test, failure)], texts);
                    let rows = failure.rows.iter();
                    let side = |pick: fn(&(String, String)) -> &String| -> Vec<String> {
                        rows.clone().map(pick).filter(|text| !text.is_empty()).cloned().collect()
                    };
                    json!({
                        "expectation": failure.code,
                        "message": failure.message,
                        "help": failure.help,
                        "line": located[0]["line"],
                        "column": located[0]["column"],
                        "expected": side(|(expected, _)| expected),
                        "actual": side(|(_, actual)| actual),
                    })
                })
                .collect();
            let zone = ended.test.case().map(|case| case.zone).unwrap_or_default();
            json!({
                "rule": ended.suite.rule,
                "file": ended.suite.file,
                "name": ended.test.name,
                "passed": ended.passed(),
                "broken": ended.played.is_none(),
                "failures": failures,
                "happened": ended.played.iter().flat_map(|p| &p.made).map(|made| trace::json(made, zone)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let diagnostics: Vec<Diagnostic> = run.diagnostics.iter().map(|d| (*d).clone()).collect();
    let mut by_state: BTreeMap<&str, usize> = BTreeMap::new();
    by_state.insert("passed", run.ended.len() - run.failed());
    by_state.insert("failed", run.failed());
    json!({
        "passed": by_state["passed"],
        "failed": by_state["failed"],
        "milliseconds": u64::try_from(run.took.as_millis()).unwrap_or(u64::MAX),
        "rules_without_tests": run.untested,
        "tests": tests,
        "diagnostics": report::json(&diagnostics, texts),
    })
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
struct Paint {
    colours: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        match self.colours {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    fn faint(self, text: &str) -> String {
        self.with("2", text)
    }
}
