//! Files that nobody would write: whatever stands in a workspace, `check` answers, soon, and without panicking.
//!
//! Every run tries a few hundred mutations of the files of this repository. A campaign goes on for as long as it is told to
//! and prints what it saw: `HERALD_FUZZ_SECONDS=600 cargo test --test herald fuzz_language -- --nocapture`. Each input has a
//! number; `HERALD_FUZZ_FROM=NUMBER` begins with it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use herald::diagnostic::annotation::annotations;
use herald::diagnostic::report;
use herald::diagnostic::sarif::sarif;
use herald::rehearsal::suite;
use herald::workspace::{self, Kind, SourceFile, Sources, as_texts};
use serde_json::Value;

/// Processor time that one input may take: a hundred times what a file of a person takes, in a build for debugging.
const LONGEST: Duration = Duration::from_secs(20);
/// Inputs of a run that is told nothing.
const FEW: u64 = 250;

/// SplitMix64: a seed gives the same numbers everywhere and for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end.max(1)).expect("small")).expect("small")
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// Words and signs that mean something to some part of the language.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    ": ", "- ", "? ", "{", "}", "[", "]", ",", "#", " #", "&a ", "*a", "!x ", "|\n", ">-\n", "'", "\"", "\\", "%",
    "@", "`", "---\n", "...\n", "<<: *a\n", "\t", "\n", "\r", "  ", "\n  ", "\u{feff}", "\u{0}", "\u{1f600}", "é",
    "\u{202e}", "~", "null", "true", "no", "22:00", "1.10", "0x1f", "1e999", "-0", ".nan", "99999999999999999999",
    "2026-02-30", "{{", "}}", "{{{", "}}}", "{{#each event}}", "{{/each}}", "{{#if a}}", "{{else}}", "{{/if}}",
    "{{> reason}}", "{{> x}}", "{{@index}}", "{{../x}}", "{{this}}", "{{json event}}",
    "{{date event.at \"long\" zone=\"Mars/X\"}}", "{{lookup event \"x\"}}", "{{!--", "--}}", "{{~", "~}}", "\\{{",
    "${event.x}", "$data: ", "$when: ", "$partial: ", "event", "event.", "event.a[0]", "event[\"a b\"]",
    "[999999999999]", "request.headers.x", "now", "rule.name", "is_not: ", "contains: ", "matches: ", "(a+)+$",
    "(?i)", "a{1,1000}", "a{1000}{1000}", "(a|b|", "\\p{L}", "[[:alpha:]]", "at_least: ", "exists: ", "any:\n",
    "all:\n", "not:\n", "expression: ", "event.exists(x, x.y == 1)", "map(x, x)", "size(event)", " && ", " || ",
    " == ", "1/0", "\"a\" + 1", "* * * * *", "*/0 * * * *", "0 0 31 2 *", "@daily", "1-5,7", "10 minutes", "-1h",
    "999999999999 days", "person: ", "channel: a / b", "mention: ", "type: AdaptiveCard", "<at>x</at>", "[a](b)",
    "https://x.example/",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The files of the gallery and of the fixtures with mistakes, where they would stand in a workspace.
fn seeds() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for folder in ["rules", "templates", "samples", "tests/fixtures/bad_rules"] {
        below(&root().join(folder), &mut paths);
    }
    paths.extend(["herald.yaml", "directory.yaml"].map(|name| root().join(name)));
    paths.sort();
    let mut seeds = Vec::new();
    for path in paths {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let shown = path
            .strip_prefix(root())
            .expect("below the root")
            .display()
            .to_string()
            .replace('\\', "/");
        let place = match shown.strip_prefix("tests/fixtures/bad_rules/") {
            None => shown,
            Some(fixture) => {
                let inner = fixture.split_once('/').map_or(fixture, |(_, inner)| inner);
                if Kind::of(inner).is_some() {
                    inner.to_owned()
                } else {
                    format!("rules/{fixture}")
                }
            }
        };
        if Kind::of(&place).is_some() {
            seeds.push((place, text));
        }
    }
    assert!(seeds.len() > 60, "only {} seeds", seeds.len());
    seeds
}

/// The text, changed at a few places.
fn mutated(text: &str, other: &str, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(40)).min(bytes.len());
        match dice.below(12) {
            0 => drop(bytes.drain(at..end)),
            1..=5 => {
                let word = dice.one(WORDS);
                drop(bytes.splice(at..at, word.bytes()));
            }
            6 => {
                let word = dice.one(WORDS);
                drop(bytes.splice(at..end, word.bytes()));
            }
            7 if at < bytes.len() => bytes[at] = u8::try_from(dice.below(256)).expect("a byte"),
            // A piece of another file.
            8 => {
                let from = dice.below(other.len());
                let piece = other.as_bytes()[from..(from + dice.below(400)).min(other.len())].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            // Lines in another order.
            9 => {
                let mut lines: Vec<Vec<u8>> = bytes
                    .split_inclusive(|byte| *byte == b'\n')
                    .map(<[u8]>::to_vec)
                    .collect();
                let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
                if !lines.is_empty() {
                    lines.swap(a, b);
                }
                bytes = lines.concat();
            }
            // Deeper and deeper, or over and over.
            10 => {
                let word = dice.one(&[
                    "{{#if a}}",
                    "[",
                    "{a: ",
                    "- ",
                    "(",
                    "!",
                    "not:\n",
                    "a.",
                    "a[0]",
                    "\n ",
                    "{{(eq ",
                    "&a [*a,",
                    "\"",
                    "{{> reason}}",
                    "x",
                ]);
                let times = 1 << dice.below(14);
                drop(bytes.splice(at..at, word.repeat(times).into_bytes()));
            }
            _ => {
                let piece = bytes[at..end].to_vec();
                let most = (1 << 20) / piece.len().max(1);
                let times = (1_usize << dice.below(16)).min(most);
                drop(bytes.splice(at..at, piece.repeat(times)));
            }
        }
        // The engine reads no more of a file than this.
        bytes.truncate((1 << 20) + 1);
    }
    bytes
}

/// The same, but only within one of its texts: the file stays what it is, and the mutation comes further.
fn mutated_within(text: &str, other: &str, dice: &mut Dice) -> Option<Vec<u8>> {
    fn texts<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
        match value {
            Value::String(_) => found.push(value),
            Value::Array(items) => items.iter_mut().for_each(|item| texts(item, found)),
            Value::Object(fields) => fields.values_mut().for_each(|field| texts(field, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut value = herald::yaml::parse("seed", text).document?.value;
    let mut found = Vec::new();
    texts(&mut value, &mut found);
    let place = dice.below(found.len());
    let chosen = found.into_iter().nth(place)?;
    let changed = mutated(chosen.as_str()?, other, dice);
    *chosen = Value::from(String::from_utf8_lossy(&changed).into_owned());
    Some(value.to_string().into_bytes())
}

struct Input {
    sources: Sources,
    target: String,
}

/// The input of this number: a workspace with one file that nobody would write.
fn input(number: u64, seeds: &[(String, String)]) -> Input {
    let mut dice = Dice(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let (target, text) = &seeds[dice.below(seeds.len())];
    let other = &seeds[dice.below(seeds.len())].1;
    let structured = dice.below(3) > 0;
    let bytes = structured
        .then(|| mutated_within(text, other, &mut dice))
        .flatten()
        .unwrap_or_else(|| mutated(text, other, &mut dice));
    let mut files = vec![SourceFile {
        path: target.clone(),
        bytes: Ok(bytes),
    }];
    let text_of_target = text;
    let mut few = 4;
    let first = dice.below(seeds.len());
    for (path, text) in seeds.iter().cycle().skip(first).take(seeds.len()) {
        let wanted = match Kind::of(path) {
            Some(Kind::Settings | Kind::Directory | Kind::Partial | Kind::Texts) => true,
            // A rule needs its template to come further.
            Some(Kind::Template) => {
                let name = path.rsplit('/').next().and_then(|name| name.split('.').next());
                name.is_some_and(|name| text_of_target.contains(name))
            }
            Some(Kind::Rule | Kind::Test | Kind::Sample | Kind::Holidays) | None => {
                few -= i32::from(few > 0);
                few > 0
            }
        };
        if wanted && files.iter().all(|file| file.path != *path) {
            files.push(SourceFile {
                path: path.clone(),
                bytes: Ok(text.clone().into_bytes()),
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Input {
        sources: Sources {
            files,
            ..Sources::default()
        },
        target: target.clone(),
    }
}

/// Everything that `check` and a reload do with a workspace.
fn check(sources: &Sources, before: &workspace::Workspace) {
    let mut compiled = workspace::compile(sources, None);
    let suites = suite::read(sources, &compiled.workspace);
    compiled.diagnostics.extend(suites.diagnostics);
    let texts = sources.texts(&compiled.diagnostics);
    let texts = as_texts(&texts);
    report::draw(&compiled.diagnostics, &texts, true);
    report::json(&compiled.diagnostics, &texts);
    sarif(&compiled.diagnostics, &texts, "");
    annotations(&compiled.diagnostics, &texts, "");
    for diagnostic in &compiled.diagnostics {
        if let Some(text) = texts.get(diagnostic.file.as_str()) {
            assert!(
                text.get(diagnostic.span.clone()).is_some(),
                "{}: a place outside of the text",
                diagnostic.code
            );
        }
    }
    if sources.files.len().is_multiple_of(2) {
        workspace::compile(sources, Some(before));
    }
}

/// Processor time of this thread: on a busy machine the wall clock says nothing about the work. `None` where the system
/// does not tell.
fn worked() -> Option<Duration> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// The most memory this process ever had, in MiB.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim()
        .strip_suffix(" kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kib| kib >> 10)
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var_os(name)?.into_string().ok()?.parse().ok()
}

#[test]
fn whatever_stands_in_a_file_check_answers_soon_and_without_panicking() {
    let seeds = seeds();
    let campaign = variable("HERALD_FUZZ_SECONDS").map(Duration::from_secs);
    let begin = variable("HERALD_FUZZ_FROM").unwrap_or(1);
    let before = {
        let files = seeds.iter().filter(|(path, _)| path != "herald.yaml");
        let files = files.map(|(path, text)| SourceFile {
            path: path.clone(),
            bytes: Ok(text.clone().into_bytes()),
        });
        workspace::compile(
            &Sources {
                files: files.collect(),
                ..Sources::default()
            },
            None,
        )
        .workspace
    };
    let began = Instant::now();
    let (mut slowest, mut failed, mut tried) = (Vec::<(Duration, u64, String)>::new(), Vec::new(), 0_u64);
    for number in begin.. {
        let done = match campaign {
            Some(length) => began.elapsed() >= length,
            None => tried >= variable("HERALD_FUZZ_INPUTS").unwrap_or(FEW),
        };
        if done {
            break;
        }
        let input = input(number, &seeds);
        let started = (worked(), Instant::now());
        if catch_unwind(AssertUnwindSafe(|| check(&input.sources, &before))).is_err() {
            failed.push(format!("input {number} ({}) panics", input.target));
        }
        let took = match (started.0, worked()) {
            (Some(started), Some(ended)) => ended.saturating_sub(started),
            _ => started.1.elapsed(),
        };
        if took > LONGEST {
            failed.push(format!("input {number} ({}) takes {took:?}", input.target));
        }
        slowest.push((took, number, input.target));
        slowest.sort_by(|a, b| b.cmp(a));
        slowest.truncate(5);
        tried += 1;
    }
    if campaign.is_some() {
        let shown: Vec<String> = slowest
            .iter()
            .map(|(took, number, file)| format!("{took:?}: input {number} ({file})"))
            .collect();
        println!(
            "{tried} inputs, {} failures; slowest: {shown:#?}; peak memory {:?} MiB",
            failed.len(),
            peak()
        );
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Files as large as they may be, each made to be slow in its own way.
fn large() -> Vec<(&'static str, &'static str, String)> {
    const RULE: &str = "when: { hook: github }\nnotify: [{ channel: general }]\n";
    const CARD: &str = "type: AdaptiveCard\nversion: \"1.5\"\n";
    let lines = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let rule = |rest: String| ("rules/a.yaml", format!("{RULE}{rest}"));
    let template = |rest: String| ("templates/a.yaml", format!("{CARD}{rest}"));
    let hbs = |text: String| ("templates/a.hbs", text);
    let cases = vec![
        (
            "unknown keys of a template",
            template(lines(90_000, &|n| format!("k{n}: 1\n"))),
        ),
        (
            "keys near to known ones",
            template(lines(60_000, &|n| format!("tex{n}: 1\n"))),
        ),
        (
            "keys with a dollar",
            template(format!("body:\n{}", lines(40_000, &|n| format!("  - $evry{n}: 1\n")))),
        ),
        (
            "unknown elements",
            template(format!(
                "body:\n{}",
                lines(30_000, &|_| "  - { type: TextBlok, text: x }\n".into())
            )),
        ),
        (
            "settings of elements",
            template(format!(
                "body:\n{}",
                lines(18_000, &|_| "  - { type: TextBlock, text: x, weight: bold }\n".into())
            )),
        ),
        (
            "twins",
            template(format!(
                "body:\n{}",
                lines(14_000, &|n| format!(
                    "  - {{ type: TextBlock, text: x, color: good, $when: \"{{{{event.a{n}}}}}\" }}\n"
                ))
            )),
        ),
        ("unknown keys of a rule", rule(lines(90_000, &|n| format!("k{n}: 1\n")))),
        ("one key over and over", rule("owner: a\n".repeat(100_000))),
        (
            "lines of a condition",
            rule(format!("if:\n{}", lines(40_000, &|n| format!("  event.a{n}: x\n")))),
        ),
        (
            "values of a line",
            rule(format!("if:\n  event.a: [{}]\n", "x, ".repeat(250_000))),
        ),
        (
            "alternatives",
            rule(format!(
                "if:\n  any:\n{}",
                lines(40_000, &|n| format!("    - event.a{n}: x\n"))
            )),
        ),
        (
            "words that compare",
            rule(format!(
                "if:\n  event.a: {{ {} }}\n",
                lines(60_000, &|n| format!("atleast{n}: 1, "))
            )),
        ),
        (
            "a pattern",
            rule(format!(
                "if:\n  event.a: {{ matches: \"{}\" }}\n",
                "(a|b)*".repeat(150_000)
            )),
        ),
        (
            "a pattern that multiplies",
            rule("if:\n  event.a: { matches: \"((a{1,100}){1,100}){1,100}\" }\n".to_owned()),
        ),
        (
            "an expression",
            rule(format!(
                "if:\n  expression: 'event.a == 1{}'\n",
                " || event.a == 1".repeat(60_000)
            )),
        ),
        (
            "brackets of an expression",
            rule(format!("if:\n  expression: '{}'\n", "(".repeat(900_000))),
        ),
        (
            "signs before an expression",
            rule(format!("if:\n  expression: '{}event.a'\n", "!".repeat(900_000))),
        ),
        (
            "targets",
            (
                "rules/a.yaml",
                format!(
                    "when: {{ hook: github }}\nnotify:\n{}",
                    lines(40_000, &|n| format!("  - person: anna{n}\n"))
                ),
            ),
        ),
        (
            "people of a target",
            (
                "rules/a.yaml",
                format!(
                    "when: {{ hook: github }}\nnotify: [{{ people: [{}] }}]\n",
                    lines(80_000, &|n| format!("anna{n}, "))
                ),
            ),
        ),
        (
            "triggers",
            (
                "rules/a.yaml",
                format!(
                    "when:\n{}notify: [{{ channel: general }}]\n",
                    lines(40_000, &|n| format!("  - hook: githb{n}\n"))
                ),
            ),
        ),
        (
            "schedules",
            (
                "rules/a.yaml",
                format!(
                    "when:\n{}notify: [{{ channel: general }}]\n",
                    lines(20_000, &|_| "  - cron: \"0 9 29 2 *\"\n".into())
                ),
            ),
        ),
        (
            "a schedule",
            rule("when: { cron: \"".to_owned() + &"1,".repeat(400_000) + "1 * * * *\" }\n"),
        ),
        (
            "days off",
            (
                "rules/a.yaml",
                format!(
                    "when: {{ cron: \"@daily\", except_on: [{}] }}\nnotify: [{{ channel: general }}]\n",
                    "\"2026-12-24\", ".repeat(60_000)
                ),
            ),
        ),
        (
            "event types",
            (
                "rules/a.yaml",
                format!(
                    "when: {{ hook: github, event_type: [{}] }}\nnotify: [{{ channel: general }}]\n",
                    lines(60_000, &|n| format!("pus{n}, "))
                ),
            ),
        ),
        (
            "a glob just not too long",
            (
                "rules/a.yaml",
                format!(
                    "when: {{ file: \"{}\" }}\nnotify: [{{ channel: general }}]\n",
                    "[!\u{1f600}-\u{10ffff}]**/".repeat(60)
                ),
            ),
        ),
        (
            "names of a glob",
            (
                "rules/a.yaml",
                format!(
                    "when: {{ file: \"{}\" }}\nnotify: [{{ channel: general }}]\n",
                    "{a,*}".repeat(200)
                ),
            ),
        ),
        (
            "a glob",
            (
                "rules/a.yaml",
                format!(
                    "when: {{ file: \"{}\" }}\nnotify: [{{ channel: general }}]\n",
                    "{a,b}*".repeat(150_000)
                ),
            ),
        ),
        (
            "facts",
            rule(format!(
                "card:\n  title: \"{{{{event.a}}}}\"\n  facts:\n{}",
                lines(40_000, &|n| format!("    f{n}: \"{{{{event.b}}}}\"\n"))
            )),
        ),
        (
            "values for a template",
            rule(format!(
                "card:\n  template: b\n  with:\n{}",
                lines(40_000, &|n| format!("    v{n}: \"{{{{event.b}}}}\"\n"))
            )),
        ),
        (
            "holes",
            rule(format!("card: {{ title: \"{}\" }}\n", "{{event.a}}".repeat(90_000))),
        ),
        (
            "open braces",
            rule(format!("card: {{ title: \"{}\" }}\n", "{{".repeat(500_000))),
        ),
        (
            "blocks",
            rule(format!("card: {{ title: \"{}\" }}\n", "{{#if a}}".repeat(100_000))),
        ),
        (
            "calls in a hole",
            rule(format!("card: {{ title: '{{{{{}' }}\n", "(eq ".repeat(250_000))),
        ),
        (
            "steps of a path",
            rule(format!(
                "card: {{ title: \"{{{{event{}}}}}\" }}\n",
                ".a".repeat(500_000)
            )),
        ),
        (
            "elements in a text template",
            hbs(format!(
                "{{\"type\":\"AdaptiveCard\",\"body\":[{}]}}",
                vec!["{\"type\":\"TextBlock\",\"text\":\"{{event.a}}\"}"; 20_000].join(",")
            )),
        ),
        (
            "loops in a text template",
            hbs(format!(
                "{{\"type\":\"AdaptiveCard\",\"body\":[{}]}}",
                "{{#each event.l}}".repeat(60_000)
            )),
        ),
        (
            "anchors",
            rule(lines(30_000, &|n| format!("k{n}: &a{n} [x]\nl{n}: *a{n}\n"))),
        ),
        (
            "doubling aliases",
            rule(format!(
                "a0: &a0 [x]\n{}",
                lines(60, &|n| format!("a{}: &a{} [*a{n}, *a{n}]\n", n + 1, n + 1))
            )),
        ),
        ("quotes", rule(format!("owner: {}\n", "\"".repeat(900_000)))),
        ("dashes", ("rules/a.yaml", "- ".repeat(500_000))),
        ("comments", rule("- #x\n".repeat(200_000))),
        ("question marks", ("rules/a.yaml", "? ".repeat(500_000))),
        (
            "indentation",
            ("rules/a.yaml", lines(1_400, &|n| format!("{}a:\n", " ".repeat(n)))),
        ),
        ("one long line", rule(format!("owner: {}\n", "x".repeat(1_000_000)))),
        (
            "bad aliases of people",
            (
                "directory.yaml",
                format!("people:\n{}", lines(40_000, &|n| format!("  a{n}: nobody\n"))),
            ),
        ),
        (
            "audiences in a chain",
            (
                "directory.yaml",
                format!(
                    "audiences:\n{}",
                    lines(20_000, &|n| format!("  a{n}: [{{ people: a{} }}]\n", n + 1))
                ),
            ),
        ),
        (
            "audiences all in a circle",
            (
                "directory.yaml",
                format!(
                    "audiences:\n{}",
                    lines(400, &|n| format!(
                        "  a{n}: [{{ people: [a{}, a{}] }}]\n",
                        (n + 1) % 400,
                        (n + 7) % 400
                    ))
                ),
            ),
        ),
        (
            "hooks",
            (
                "herald.yaml",
                format!(
                    "hooks:\n{}",
                    lines(15_000, &|n| format!("  h{n}: {{ signature: bearer, secret: T{n} }}\n"))
                ),
            ),
        ),
        (
            "hooks of one path",
            (
                "herald.yaml",
                format!(
                    "hooks:\n{}",
                    lines(12_000, &|n| format!(
                        "  h{n}: {{ path: x, signature: bearer, secret: T{n} }}\n"
                    ))
                ),
            ),
        ),
        (
            "pasted secrets",
            (
                "herald.yaml",
                format!("bot: {{ secret: \"{}\" }}\n", "Xq8~".repeat(200_000)),
            ),
        ),
        ("a sample of brackets", ("samples/github/x.json", "[".repeat(1_000_000))),
        (
            "a wide sample",
            (
                "samples/github/x.json",
                format!("{{{}\"z\":1}}", lines(60_000, &|n| format!("\"k{n}\":{n},"))),
            ),
        ),
        (
            "a sample of one list",
            (
                "samples/github/x.json",
                format!("{{\"alerts\":[{}1]}}", "{\"a\":1},".repeat(100_000)),
            ),
        ),
    ];
    cases
        .into_iter()
        .map(|(name, (path, text))| (name, path, text))
        .collect()
}

#[test]
fn a_file_as_large_as_it_may_be_is_checked_soon_whatever_it_is_made_of() {
    const USUAL: [(&str, &str); 4] = [
        (
            "herald.yaml",
            "hooks: { github: { signature: github, secret: GITHUB } }\n",
        ),
        (
            "rules/b.yaml",
            "when: { hook: github }\nnotify: [{ person: anna }]\nif: { event.k7: 7, event.alerts: { exists: true } }\n",
        ),
        ("samples/github/y.json", "{ \"a\": \"x\", \"k7\": 7 }"),
        (
            "templates/b.yaml",
            "type: AdaptiveCard\nversion: \"1.5\"\nbody: [{ type: TextBlock, text: \"{{v1}}\" }]\n",
        ),
    ];
    let only = variable::<String>("HERALD_FUZZ_ONLY").unwrap_or_default();
    let told = std::env::var_os("HERALD_FUZZ_SECONDS").is_some();
    let mut slow = Vec::new();
    for (name, path, mut text) in large() {
        if !name.contains(only.as_str()) {
            continue;
        }
        text.truncate(1 << 20);
        let mut files: Vec<SourceFile> = USUAL
            .iter()
            .filter(|(usual, _)| *usual != path)
            .map(|(path, text)| SourceFile {
                path: (*path).to_owned(),
                bytes: Ok(text.as_bytes().to_vec()),
            })
            .collect();
        files.push(SourceFile {
            path: path.to_owned(),
            bytes: Ok(text.into_bytes()),
        });
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let sources = Sources {
            files,
            ..Sources::default()
        };
        let started = (worked(), Instant::now());
        if catch_unwind(AssertUnwindSafe(|| check(&sources, &workspace::Workspace::default()))).is_err() {
            slow.push(format!("{name}: panics"));
        }
        let took = match (started.0, worked()) {
            (Some(started), Some(ended)) => ended.saturating_sub(started),
            _ => started.1.elapsed(),
        };
        if told {
            println!("{took:?}: {name}");
        }
        if took > LONGEST {
            slow.push(format!("{name}: {took:?}"));
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}
