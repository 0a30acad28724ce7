//! `herald runs recall`: what was delivered is taken back, or something else comes in its place.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Shown, ask, order, path};
use crate::card::Card;
use crate::cli::Format;
use crate::cli::check::colours_wanted;
use crate::cli::exit::Exit;
use crate::cli::state::State;
use crate::diagnostic::report::{self, Texts};
use crate::diagnostic::{Diagnostic, Severity};
use crate::load;
use crate::why::run::counted;
use crate::yaml;

/// What comes in the place of the message, as the server wants it; the inner error is what is wrong with it, drawn.
///
/// # Errors
/// The file cannot be read.
pub fn instead(text: Option<&str>, card: Option<&Path>) -> anyhow::Result<Result<Value, String>> {
    if let Some(text) = text {
        return Ok(match Card::of_text(text) {
            Ok(_) => Ok(json!({ "text": text })),
            Err(fault) => {
                let help = fault.help.map_or_else(String::new, |help| format!("; {help}"));
                Err(format!("--text: {}{help}\n", fault.message))
            }
        });
    }
    let Some(file) = card else { return Ok(Ok(json!({}))) };
    let name = file.display().to_string();
    let bytes = load::single(file)
        .map_err(anyhow::Error::msg)
        .with_context(|| name.clone())?;
    let (text, undecoded) = yaml::decode(&name, &bytes);
    let draw = |found: &[Diagnostic]| {
        let colours = io::stderr().is_terminal() && colours_wanted();
        report::draw(found, &Texts::from([(name.as_str(), text.as_ref())]), colours)
    };
    if let Some(undecoded) = undecoded {
        return Ok(Err(draw(&[undecoded])));
    }
    let parsed = yaml::parse(&name, &text);
    let broken = parsed.diagnostics.iter().any(|found| found.severity == Severity::Error);
    let document = match parsed.document {
        Some(document) if !broken => document,
        Some(_) | None => return Ok(Err(draw(&parsed.diagnostics))),
    };
    let faults = match Card::of_document(&document.value) {
        Ok((_, warnings)) => {
            let told = located(warnings, &name, &document);
            if !told.is_empty() {
                eprint!("{}", draw(&told));
            }
            return Ok(Ok(json!({ "card": document.value })));
        }
        Err(faults) => faults,
    };
    Ok(Err(draw(&located(faults, &name, &document))))
}

fn located(faults: Vec<crate::diagnostic::Fault>, file: &str, document: &yaml::Document) -> Vec<Diagnostic> {
    let locate = |fault: crate::diagnostic::Fault| {
        let span = document.locate(&fault.path, &fault.underline);
        Diagnostic::located(fault, file, span)
    };
    faults.into_iter().map(locate).collect()
}

/// Takes a run back, after asking whoever sits there.
pub async fn recall(state: &State, id: &str, instead: Value, yes: bool, format: Format) -> anyhow::Result<Exit> {
    let answer = match ask(state, Method::GET, &path(id, "?failures=0"), None).await? {
        Ok(answer) => answer,
        Err(no) => return Ok(no),
    };
    let shown: Shown = serde_json::from_value(answer)?;
    let tally = shown.run.tally;
    if tally.delivered + tally.open > 1 && !yes {
        let question = question(&shown, instead == json!({}));
        if !io::stdin().is_terminal() {
            eprintln!("{question}\nNobody can be asked here, and nothing was done; say yes with --yes");
            return Ok(Exit::Usage);
        }
        if !agreed(&question)? {
            eprintln!("nothing was done");
            return Ok(Exit::No);
        }
    }
    // By its own id: meanwhile another run of the event may have come.
    order(state, shown.run.id.as_str(), "recall", instead, format).await
}

fn question(shown: &Shown, away: bool) -> String {
    let run = &shown.run;
    let got = counted(run.tally.delivered, "recipient", "recipients");
    let wait = counted(run.tally.open, "other", "others");
    let wait = match (run.tally.open, away) {
        (0, _) => String::new(),
        (_, true) => format!(", and keep it from {wait} who still wait for it"),
        (_, false) => format!(", and send the other one to {wait} who still wait"),
    };
    let what = match away {
        true => format!("Take the message back from {got}{wait}?"),
        false => format!("Put another message in the place of the one that {got} have{wait}?"),
    };
    format!("{} ({}): {what}", run.rule, run.id)
}

fn agreed(question: &str) -> anyhow::Result<bool> {
    let mut told = io::stderr().lock();
    write!(told, "{question} [y/N] ")?;
    told.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
