//! `herald check`: everything that is wrong with a workspace, at once.

use std::io::{self, IsTerminal, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use serde_json::json;

use super::exit::Exit;
use crate::diagnostic::annotation::annotations;
use crate::diagnostic::report;
use crate::diagnostic::sarif::sarif;
use crate::diagnostic::{Diagnostic, Severity, code, did_you_mean};
use crate::load;
use crate::rehearsal::suite;
use crate::workspace::{self, Kind, Sources, as_texts};

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people
    Human,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// Checks the workspace at `root` and prints what is wrong. With `paths`, everything is checked but only what is in
/// these files and folders is told.
///
/// # Errors
/// A path that does not exist or lies outside the workspace; an output that cannot be written.
pub fn run(root: &Path, paths: &[PathBuf], format: CheckFormat) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    let colours = out.is_terminal() && colours_wanted();
    match check(root, paths, format, colours, &mut out) {
        // `herald check | head` is no mistake.
        Err(error) if is_closed_pipe(&error) => Ok(Exit::No),
        done => done,
    }
}

/// Prints what the documentation says about a code.
///
/// # Errors
/// There is no such code.
pub fn explain(written: &str) -> anyhow::Result<Exit> {
    let Some(found) = code::explained(written) else {
        let known = code::all().map(|explained| explained.code);
        match did_you_mean(written, known) {
            Some(near) => anyhow::bail!("there is no code `{written}`; did you mean `{near}`?"),
            None => anyhow::bail!("there is no code `{written}`; {} lists all of them", code::PAGE),
        }
    };
    match writeln!(io::stdout(), "{}\n\n{}", found.code, found.section) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(Exit::Done),
    }
}

/// As [`run`], writing to `out`.
///
/// # Errors
/// As [`run`].
pub fn check(
    root: &Path,
    paths: &[PathBuf],
    format: CheckFormat,
    colours: bool,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let wanted = paths
        .iter()
        .map(|path| within(root, path))
        .collect::<anyhow::Result<Vec<String>>>()?;
    let sources = load::read_with_samples(root);
    let mut compiled = workspace::compile(&sources, None);
    let suites = suite::read(&sources, &compiled.workspace);
    compiled.diagnostics.extend(suites.diagnostics);
    compiled
        .diagnostics
        .sort_by(|a, b| (&a.file, a.span.start).cmp(&(&b.file, b.span.start)));
    let told = |file: &str| {
        let within = |wanted: &String| {
            wanted.is_empty()
                || file
                    .strip_prefix(wanted.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        wanted.is_empty() || wanted.iter().any(within)
    };
    let diagnostics: Vec<Diagnostic> = compiled.diagnostics.into_iter().filter(|d| told(&d.file)).collect();
    match format {
        CheckFormat::Human if diagnostics.is_empty() => {
            writeln!(out, "{}: nothing is wrong", inventory(&sources, told))?;
        }
        CheckFormat::Human => {
            let texts = sources.texts(&diagnostics);
            write!(out, "{}", report::draw(&diagnostics, &as_texts(&texts), colours))?;
        }
        CheckFormat::Sarif => {
            let texts = sources.texts(&diagnostics);
            let log = sarif(&diagnostics, &as_texts(&texts), &folder_of(root));
            writeln!(out, "{log:#}")?;
        }
        CheckFormat::Github => {
            let texts = sources.texts(&diagnostics);
            write!(
                out,
                "{}",
                annotations(&diagnostics, &as_texts(&texts), &folder_of(root))
            )?;
        }
        CheckFormat::Json => {
            let texts = sources.texts(&diagnostics);
            let of = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
            let answer = json!({
                "errors": of(Severity::Error),
                "warnings": of(Severity::Warning),
                "diagnostics": report::json(&diagnostics, &as_texts(&texts)),
            });
            writeln!(out, "{answer:#}")?;
        }
    }
    let failed = diagnostics.iter().any(|d| d.severity == Severity::Error);
    Ok(if failed { Exit::No } else { Exit::Done })
}

/// What `serve` prints when it refuses to start: exactly what `check` prints.
pub fn drawn(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let texts = sources.texts(diagnostics);
    report::draw(
        diagnostics,
        &as_texts(&texts),
        io::stderr().is_terminal() && colours_wanted(),
    )
}

/// See <https://no-color.org>.
pub(super) fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Where the workspace lies as seen from the folder that the command runs in, with a slash at its end: code hosts know the
/// files of a repository, not those of a workspace. Empty when both are the same, or when it lies elsewhere.
fn folder_of(root: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    let below = root
        .canonicalize()
        .ok()
        .zip(here)
        .and_then(|(root, here)| root.strip_prefix(here).ok().map(Path::to_owned));
    below
        .iter()
        .flat_map(|below| below.components())
        .map(|part| format!("{}/", part.as_os_str().to_string_lossy()))
        .collect()
}

pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// `14 rules, 6 templates`.
pub(super) fn inventory(sources: &Sources, told: impl Fn(&str) -> bool) -> String {
    let of = |kind: Kind| {
        sources
            .files
            .iter()
            .filter(|file| Kind::of(&file.path) == Some(kind) && told(&file.path))
            .count()
    };
    let counted = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    format!(
        "{}, {}",
        counted(of(Kind::Rule), "rule"),
        counted(of(Kind::Template), "template")
    )
}

/// The path as seen from the workspace; empty for the workspace itself. It is looked for from where the command runs,
/// then from the workspace.
pub(super) fn within(root: &Path, path: &Path) -> anyhow::Result<String> {
    let found = [path.to_owned(), root.join(path)]
        .into_iter()
        .find(|path| path.exists());
    let found = found.with_context(|| format!("there is no {}", path.display()))?;
    // As written first: a link in the workspace belongs to the workspace, wherever it leads.
    let written = std::path::absolute(&found)?
        .strip_prefix(std::path::absolute(root)?)
        .map(Path::to_owned);
    let below = match written {
        Ok(below) if below.components().all(|part| matches!(part, Component::Normal(_))) => below,
        Ok(_) | Err(_) => {
            let real = found.canonicalize()?;
            let below = real.strip_prefix(root.canonicalize()?).map(Path::to_owned);
            below.map_err(|_| anyhow::anyhow!("{} is not in the workspace {}", path.display(), root.display()))?
        }
    };
    let parts = below
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned());
    Ok(parts.collect::<Vec<_>>().join("/"))
}
