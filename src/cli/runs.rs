//! `herald runs`: what one rule sends to many because of one event; watched, stopped, taken back.

pub(super) mod recall;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::exit::Exit;
use super::state::{State, StateArgs, runtime, segment};
use super::{Format, Place, table};
use crate::cli::say::{say, say_text};
use crate::run::Run;

/// Arguments of `herald runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    #[command(flatten)]
    state: StateArgs,
    /// How the answer is written
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(subcommand)]
    command: RunsCommand,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// Newest first
    List {
        /// Only those that are not over
        #[arg(long)]
        open: bool,
        /// Only of this rule
        #[arg(long)]
        rule: Option<String>,
        /// Only of this event
        #[arg(long)]
        event: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// How far one has come, and what failed
    Show {
        /// `rn_...`, or the `ev_...` of its event
        #[arg(value_name = "RUN")]
        id: String,
        /// Stay until it is over, with a bar and the time that is left
        #[arg(long)]
        watch: bool,
    },
    /// Let one go that waits for an approval
    Approve {
        /// `rn_...`, or the `ev_...` of its event
        #[arg(value_name = "RUN")]
        id: String,
    },
    /// Send nothing more of it until it is resumed
    Pause {
        /// `rn_...`, or the `ev_...` of its event
        #[arg(value_name = "RUN")]
        id: String,
        /// Why, in a sentence, for whoever looks at it later
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let a paused one go on
    Resume {
        /// `rn_...`, or the `ev_...` of its event
        #[arg(value_name = "RUN")]
        id: String,
    },
    /// Do not send what has not been sent yet
    Cancel {
        /// `rn_...`, or the `ev_...` of its event
        #[arg(value_name = "RUN")]
        id: String,
        /// Why, in a sentence, for whoever looks at it later
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take back what was delivered, or put something else in its place
    Recall {
        /// `rn_...`, or the `ev_...` of its event
        #[arg(value_name = "RUN")]
        id: String,
        /// A message of this text comes in its place
        #[arg(long, value_name = "TEXT", conflicts_with = "card")]
        text: Option<String>,
        /// The Adaptive Card in this file comes in its place, YAML or JSON, with nothing left to fill in
        #[arg(long, value_name = "FILE")]
        card: Option<PathBuf>,
        /// Do not ask first
        #[arg(long)]
        yes: bool,
    },
}

/// A run as the admin routes show it.
#[derive(Debug, Clone, Deserialize)]
struct Shown {
    run: Run,
    standing: String,
    progress: Progress,
    failed: u64,
    tally: String,
    time_left: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Progress {
    ended: u64,
    expected: u64,
    percent: u8,
}

/// Runs `herald runs`.
///
/// # Errors
/// A sentence: neither server nor store can be reached, or the server could not do it.
pub fn run(place: &Place, args: RunsArgs, environment: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    // What is wrong with a file is said before anybody is asked.
    let instead = match &args.command {
        RunsCommand::Recall { text, card, .. } => match recall::instead(text.as_deref(), card.as_deref())? {
            Ok(instead) => instead,
            Err(faults) => {
                eprint!("{faults}");
                return Ok(Exit::No);
            }
        },
        _ => Value::Null,
    };
    runtime()?.block_on(async {
        let state = State::reach(place, &args.state, environment).await?;
        let format = args.format;
        let because = |reason: Option<String>| json!({ "reason": reason });
        match args.command {
            RunsCommand::List {
                open,
                rule,
                event,
                limit,
            } => list(&state, open, rule, event, limit, format).await,
            RunsCommand::Show { id, watch: true } => watch::follow(&state, &id, format).await,
            RunsCommand::Show { id, watch: false } => match ask(&state, Method::GET, &path(&id, ""), None).await? {
                Ok(answer) => print(&answer, format),
                Err(no) => Ok(no),
            },
            RunsCommand::Approve { id } => order(&state, &id, "approve", json!({}), format).await,
            RunsCommand::Pause { id, reason } => order(&state, &id, "pause", because(reason), format).await,
            RunsCommand::Resume { id } => order(&state, &id, "resume", json!({}), format).await,
            RunsCommand::Cancel { id, reason } => order(&state, &id, "cancel", because(reason), format).await,
            RunsCommand::Recall { id, yes, .. } => recall::recall(&state, &id, instead, yes, format).await,
        }
    })
}

fn path(id: &str, rest: &str) -> String {
    format!("runs/{}{rest}", segment(id))
}

/// See [`State::ask_about`].
async fn ask(state: &State, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Result<Value, Exit>> {
    state.ask_about("runs", method, path, body).await
}

async fn list(
    state: &State,
    open: bool,
    rule: Option<String>,
    event: Option<String>,
    limit: u16,
    format: Format,
) -> anyhow::Result<Exit> {
    let mut query = vec![format!("limit={limit}"), format!("open={open}")];
    query.extend(rule.map(|rule| format!("rule={}", segment(&rule))));
    query.extend(event.map(|event| format!("event={}", segment(&event))));
    let answer = match ask(state, Method::GET, &format!("runs?{}", query.join("&")), None).await? {
        Ok(answer) => answer,
        Err(no) => return Ok(no),
    };
    if format == Format::Json {
        say!("{answer:#}");
        return Ok(Exit::Done);
    }
    let runs: Vec<Shown> = serde_json::from_value(answer)?;
    if runs.is_empty() {
        say!("no {}runs", if open { "open " } else { "" });
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = runs.into_iter().map(row).collect();
    say_text!(
        "{}",
        table::render(
            &["RUN", "WHEN (UTC)", "RULE", "STANDING", "SENT", "FAILED", "TIME LEFT"],
            &rows
        )
    );
    Ok(Exit::Done)
}

fn row(shown: Shown) -> Vec<String> {
    let Shown {
        run,
        standing,
        progress,
        failed,
        time_left,
        ..
    } = shown;
    vec![
        run.id.to_string(),
        run.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        run.rule,
        standing,
        format!("{}/{}", run.tally.delivered, progress.expected),
        failed.to_string(),
        time_left.unwrap_or_default(),
    ]
}

fn print(answer: &Value, format: Format) -> anyhow::Result<Exit> {
    match format {
        Format::Json => say!("{answer:#}"),
        Format::Human => say_text!("{}", answer["text"].as_str().unwrap_or_default()),
    }
    Ok(Exit::Done)
}

/// Gives an order and says what came of it.
async fn order(state: &State, id: &str, order: &str, body: Value, format: Format) -> anyhow::Result<Exit> {
    let answer = match ask(state, Method::POST, &path(id, &format!("/{order}")), Some(&body)).await? {
        Ok(answer) => answer,
        Err(no) => return Ok(no),
    };
    let shown: Shown = serde_json::from_value(answer.clone())?;
    if !state.is_own() {
        if format == Format::Json {
            say!("{answer:#}");
            return Ok(Exit::Done);
        }
        done(order, &shown, &body);
        return Ok(Exit::Done);
    }
    // No engine runs here that would do it to each of the deliveries.
    state.finish_orders().await?;
    let path = path(shown.run.id.as_str(), "?failures=0");
    let answer = match ask(state, Method::GET, &path, None).await? {
        Ok(answer) => answer,
        Err(no) => return Ok(no),
    };
    if format == Format::Json {
        say!("{answer:#}");
        return Ok(Exit::Done);
    }
    let shown: Shown = serde_json::from_value(answer)?;
    done(order, &shown, &body);
    if shown.run.tally.open > 0 && ["approve", "resume", "recall"].contains(&order) {
        say!("No Herald runs on this folder: the rest is done when `herald serve` is started.");
    }
    Ok(Exit::Done)
}

/// What an order came to, for people.
fn done(order: &str, shown: &Shown, body: &Value) {
    let id = &shown.run.id;
    let what = format!("{id} ({})", shown.run.rule);
    let other = body.get("text").or(body.get("card")).is_some();
    match order {
        "approve" => say!("{what} is approved and goes out."),
        "pause" => say!("{what} is paused. What is being sent at this moment still arrives."),
        "resume" => say!("{what} goes on."),
        "cancel" => say!("{what} is cancelled. What is being sent at this moment still arrives."),
        _ if other => say!("{what}: the other message comes in the place of what was delivered."),
        _ => say!("{what}: what was delivered is taken back."),
    }
    if order == "recall"
        && let Some(sentence) = shown.run.together.as_ref().and_then(crate::why::run::in_batches)
    {
        say!("{sentence}");
    }
    say!("{}.", crate::why::capital(&shown.tally));
    if !shown.run.is_over() {
        say!("`herald runs show {id} --watch` follows it.");
    }
}
