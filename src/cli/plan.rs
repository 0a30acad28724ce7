//! `herald plan OLD NEW`: who would be told differently by another version of the rules.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use super::check::{colours_wanted, is_closed_pipe};
use super::exit::Exit;
use crate::event::{Event, EventId, Origin};
use crate::load;
use crate::rehearsal::difference::{self, Change, Difference, OtherCard, Recorded, TextChange, Version};
use crate::revision;
use crate::workspace::{self, Sources};

/// How many recorded events are told.
const MOST_EVENTS: usize = 100_000;
/// The longest line of a file of recorded events, in bytes.
const LONGEST_LINE: u64 = 4 << 20;
/// How many names, reasons and events one line lists.
const LISTED: usize = 5;

/// What to compare.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The version in force: a folder, or a git revision of this workspace (`main`, `v1.2`, `HEAD~1`)
    old: String,
    /// The new version: a folder, or a git revision; the files as they are now if left out
    new: Option<String>,
    /// Recorded events to tell both versions besides the samples, one JSON object a line
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Style::Human)]
    format: Style,
    /// Exit with 1 if anything differs
    #[arg(long)]
    exit_code: bool,
}

/// How the answer of `herald plan` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// For people.
    Human,
    /// For machines.
    Json,
    /// For a comment on a pull request.
    Markdown,
}

/// Compares two versions of the workspace at `root`. `now` is where schedules are looked at from.
///
/// # Errors
/// A sentence when a version or the file of events cannot be read, or the output not be written.
pub fn run(root: &Path, args: &PlanArgs, now: DateTime<Utc>) -> anyhow::Result<Exit> {
    let old = version(root, &args.old)?;
    let new = match &args.new {
        Some(new) => version(root, new)?,
        None => load::read_with_samples(root),
    };
    let recorded = match &args.events {
        Some(path) => recorded(path)?,
        None => Vec::new(),
    };
    let (old_compiled, new_compiled) = (workspace::compile(&old, None), workspace::compile(&new, None));
    let difference = difference::compare(
        &Version {
            sources: &old,
            compiled: &old_compiled,
        },
        &Version {
            sources: &new,
            compiled: &new_compiled,
        },
        &recorded,
        now,
    );
    let mut out = io::stdout().lock();
    let colours = out.is_terminal() && colours_wanted();
    let written = match args.format {
        Style::Human => write!(out, "{}", human(&difference, colours)),
        Style::Json => writeln!(out, "{:#}", json!(difference)),
        Style::Markdown => write!(out, "{}", markdown(&difference, &args.old)),
    };
    match written.map_err(anyhow::Error::from) {
        Err(problem) if !is_closed_pipe(&problem) => return Err(problem),
        Err(_) | Ok(()) => {}
    }
    Ok(match args.exit_code && !difference.is_none() {
        true => Exit::No,
        false => Exit::Done,
    })
}

/// A folder wins over a revision of the same name.
fn version(root: &Path, name: &str) -> anyhow::Result<Sources> {
    let folder = [PathBuf::from(name), root.join(name)]
        .into_iter()
        .find(|folder| folder.is_dir() && !name.is_empty());
    match folder {
        Some(folder) => {
            let holds = ["herald.yaml", "rules", "templates"];
            anyhow::ensure!(
                holds.iter().any(|part| folder.join(part).exists()),
                "the folder {} holds no workspace: neither herald.yaml nor rules/",
                folder.display()
            );
            Ok(load::read_with_samples(&folder))
        }
        None => revision::read(root, name),
    }
}

/// A line of a file of recorded events, where it is not an event as Herald stores it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    hook: String,
    event_type: Option<String>,
    event: Value,
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
    at: Option<DateTime<Utc>>,
}

fn recorded(path: &Path) -> anyhow::Result<Vec<Recorded>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let mut recorded = Vec::new();
    for number in 1.. {
        let mut line = Vec::new();
        let read = (&mut reader)
            .take(LONGEST_LINE + 1)
            .read_until(b'\n', &mut line)
            .with_context(|| format!("cannot read {}", path.display()))?;
        if read == 0 {
            break;
        }
        let place = format!("{}:{number}", path.display());
        anyhow::ensure!(
            line.len() as u64 <= LONGEST_LINE,
            "{place}: this line is longer than 4 MiB"
        );
        anyhow::ensure!(
            recorded.len() < MOST_EVENTS,
            "{place}: at most {MOST_EVENTS} events are told at once"
        );
        if line.trim_ascii().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_slice(&line).map_err(|_| anyhow::anyhow!("{place}: this is not JSON"))?;
        let event = match value.get("origin") {
            Some(_) => serde_json::from_value::<Event>(value).ok(),
            None => serde_json::from_value::<Posted>(value)
                .ok()
                .map(|posted| posted_event(posted, number)),
        };
        let event = event.with_context(|| {
            format!("{place}: an event has a `hook`, perhaps an `event_type`, and the body under `event`")
        })?;
        recorded.push(Recorded { name: place, event });
    }
    Ok(recorded)
}

fn posted_event(posted: Posted, number: usize) -> Event {
    let headers: serde_json::Map<String, Value> = posted
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect();
    Event {
        id: EventId::derived(&["recorded", &number.to_string()]),
        request: json!({ "method": "POST", "headers": headers, "query": {}, "event_type": posted.event_type }),
        origin: Origin::Hook {
            hook: posted.hook,
            event_type: posted.event_type,
        },
        occurred_at: posted.at.unwrap_or_default(),
        data: posted.event,
        here: None,
        thread: None,
        item: None,
        sender: None,
    }
}

// What is said, in words that all formats share.

fn listed(names: &[String]) -> String {
    let some: Vec<String> = names.iter().take(LISTED).map(|name| clean(name)).collect();
    match names.len().saturating_sub(LISTED) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

/// On one line, without what would steer a terminal.
fn clean(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn counted(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    }
}

fn verdict(difference: &Difference) -> String {
    let events = counted(difference.events, "event");
    if difference.is_none() {
        return format!("Nobody would be told anything else ({events} told to both versions).");
    }
    let mut parts = Vec::new();
    let of = |pick: fn(&Change) -> usize| difference.changes.iter().map(pick).sum::<usize>();
    let more = [
        (
            of(|change| change.added.len() * change.events.len()),
            "message more",
            "messages more",
        ),
        (
            of(|change| change.lost.len() * change.events.len()),
            "message less",
            "messages less",
        ),
        (
            of(|change| change.cards.iter().map(|card| card.recipients.len()).sum::<usize>() * change.events.len()),
            "other card",
            "other cards",
        ),
        (difference.added.len(), "new rule", "new rules"),
        (difference.removed.len(), "rule gone", "rules gone"),
        (difference.renamed.len(), "rule renamed", "rules renamed"),
        (difference.broken.len(), "broken file", "broken files"),
        (difference.mended.len(), "mended file", "mended files"),
        (difference.schedules.len(), "other schedule", "other schedules"),
        (difference.limits.len(), "other limit", "other limits"),
        (
            difference.steps.len(),
            "rule followed by something else",
            "rules followed by something else",
        ),
    ];
    for (number, one, several) in more.into_iter().filter(|(number, ..)| *number > 0) {
        parts.push(match number {
            1 => format!("1 {one}"),
            n => format!("{n} {several}"),
        });
    }
    format!("{} ({events} told to both versions).", parts.join(", "))
}

/// Lines about rules and files as a whole, each with its sign.
fn about_rules(difference: &Difference) -> Vec<(char, String)> {
    let mut lines = Vec::new();
    lines.extend(
        difference
            .added
            .iter()
            .map(|rule| ('+', format!("the rule {rule} is new"))),
    );
    lines.extend(
        difference
            .removed
            .iter()
            .map(|rule| ('-', format!("the rule {rule} is gone"))),
    );
    lines.extend(
        difference
            .renamed
            .iter()
            .map(|(old, new)| ('~', format!("the rule {old} is called {new} now"))),
    );
    lines.extend(
        difference
            .broken
            .iter()
            .map(|(file, error)| ('!', format!("{file} is broken: {}", clean(error)))),
    );
    lines.extend(
        difference
            .mended
            .iter()
            .map(|file| ('+', format!("{file} is not broken any more"))),
    );
    for other in &difference.schedules {
        let times = |times: &[String]| match times.is_empty() {
            true => "no more".to_owned(),
            false => times.join(", "),
        };
        let (before, after) = (times(&other.before), times(&other.after));
        lines.push((
            '~',
            format!("{} runs at other times: {after}; before: {before}", other.rule),
        ));
    }
    for other in &difference.limits {
        let words = |limit: &Option<String>| clean(limit.as_deref().unwrap_or("no limit"));
        let (before, after) = (words(&other.before), words(&other.after));
        lines.push((
            '~',
            format!("{} has another limit: {after}; before: {before}", other.rule),
        ));
    }
    for other in &difference.steps {
        let words = |steps: &Option<String>| clean(steps.as_deref().unwrap_or("nothing"));
        let (before, after) = (words(&other.before), words(&other.after));
        lines.push((
            '~',
            format!(
                "{} is followed by something else: {after}; before: {before}",
                other.rule
            ),
        ));
    }
    lines
}

/// The texts of a card that differ, each with its sign.
fn texts(card: &OtherCard) -> Vec<String> {
    let line = |change: &TextChange| match change {
        TextChange::Same(text) => format!("  {}", clean(text)),
        TextChange::LeftOut(_) => "  ...".to_owned(),
        TextChange::Lost(text) => format!("- {}", clean(text)),
        TextChange::Added(text) => format!("+ {}", clean(text)),
    };
    match card.texts.is_empty() {
        true => vec!["  the texts are the same, it only looks different".to_owned()],
        false => card.texts.iter().map(line).collect(),
    }
}

fn human(difference: &Difference, colours: bool) -> String {
    let paint = |line: &str| match (colours, line.trim_start().chars().next()) {
        (true, Some('+')) => format!("\u{1b}[32m{line}\u{1b}[0m"),
        (true, Some('-' | '!')) => format!("\u{1b}[31m{line}\u{1b}[0m"),
        (true, Some('~')) => format!("\u{1b}[33m{line}\u{1b}[0m"),
        (_, _) => line.to_owned(),
    };
    let mut text = String::new();
    let mut say = |line: String| {
        text.push_str(&paint(&line));
        text.push('\n');
    };
    for (sign, line) in about_rules(difference) {
        say(format!("{sign} {line}"));
    }
    let mut rule = "";
    for change in &difference.changes {
        if change.rule != rule {
            rule = &change.rule;
            say(format!("\n{rule}"));
        }
        say(format!("  with {}", listed(&change.events)));
        if !change.added.is_empty() {
            say(format!("    + told now: {}", listed(&change.added)));
        }
        if !change.lost.is_empty() {
            say(format!("    - not told any more: {}", listed(&change.lost)));
        }
        for reason in change.because.iter().take(LISTED) {
            say(format!("      because {}", clean(reason)));
        }
        for card in &change.cards {
            say(format!("    ~ another card: {}", listed(&card.recipients)));
            for line in texts(card) {
                say(format!("        {line}"));
            }
        }
    }
    if !difference.is_none() {
        text.push('\n');
    }
    text.push_str(&verdict(difference));
    text.push('\n');
    text
}

fn markdown(difference: &Difference, old: &str) -> String {
    // Names come from files and events: nothing in them may become markup or call somebody.
    let code = |text: &str| format!("`{}`", clean(text).replace('`', "'"));
    let mut text = format!(
        "<!-- herald plan -->\n### Who would be told differently than by {}\n\n",
        code(old)
    );
    let _ = writeln!(text, "{}", verdict(difference));
    let rules = about_rules(difference);
    if !rules.is_empty() {
        let lines: Vec<String> = rules.iter().map(|(sign, line)| format!("{sign} {line}")).collect();
        let _ = write!(text, "\n{}", fenced(&lines));
    }
    let mut rule = "";
    for change in &difference.changes {
        if change.rule != rule {
            rule = &change.rule;
            let _ = write!(text, "\n#### {}\n", code(rule));
        }
        let _ = write!(text, "\nWith {}:\n\n", code(&listed(&change.events)));
        let mut lines = Vec::new();
        if !change.added.is_empty() {
            lines.push(format!("+ told now: {}", listed(&change.added)));
        }
        if !change.lost.is_empty() {
            lines.push(format!("- not told any more: {}", listed(&change.lost)));
        }
        lines.extend(
            change
                .because
                .iter()
                .take(LISTED)
                .map(|reason| format!("  because {}", clean(reason))),
        );
        for card in &change.cards {
            lines.push(format!("! another card: {}", listed(&card.recipients)));
            lines.extend(texts(card));
        }
        text.push_str(&fenced(&lines));
    }
    text
}

/// A fence longer than any in its lines.
fn fenced(lines: &[String]) -> String {
    let longest = lines
        .iter()
        .flat_map(|line| line.split(|c| c != '`'))
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}diff\n{}\n{fence}\n", lines.join("\n"))
}
