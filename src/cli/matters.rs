//! `herald matters`: what rules have going on, such as incidents that cards stand for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::exit::Exit;
use super::state::{State, StateArgs, runtime, segment};
use super::{Format, Place, table};
use crate::cli::say::{say, say_text};

/// Arguments of `herald matters`.
#[derive(Debug, Args)]
pub struct MattersArgs {
    #[command(flatten)]
    state: StateArgs,
    /// How the answer is written
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(subcommand)]
    command: MattersCommand,
}

#[derive(Debug, Subcommand)]
enum MattersCommand {
    /// The last to change first
    List {
        /// Only those that are not over
        #[arg(long)]
        open: bool,
        /// Only of this rule
        #[arg(long)]
        rule: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Where one stands, with its newest event
    Show {
        /// `mt_...`
        #[arg(value_name = "MATTER")]
        id: String,
    },
    /// Say on its cards that it is over
    Close {
        /// `mt_...`
        #[arg(value_name = "MATTER")]
        id: String,
    },
}

/// A matter as the admin routes show it.
#[derive(Debug, Clone, Deserialize)]
struct Shown {
    id: String,
    rule: String,
    about: String,
    standing: String,
    opened_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    events: u64,
    cards: u64,
    acknowledged: Option<Mark>,
    snoozed_until: Option<DateTime<Utc>>,
    closed: Option<Mark>,
}

#[derive(Debug, Clone, Deserialize)]
struct Mark {
    at: DateTime<Utc>,
    by: Option<String>,
}

/// Runs `herald matters`.
///
/// # Errors
/// A sentence: neither server nor store can be reached, or the server could not do it.
pub fn run(place: &Place, args: MattersArgs, environment: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    runtime()?.block_on(async {
        let state = State::reach(place, &args.state, environment).await?;
        let path = |id: &str, rest: &str| format!("matters/{}{rest}", segment(id));
        match args.command {
            MattersCommand::List { open, rule, limit } => {
                let mut query = vec![format!("limit={limit}"), format!("open={open}")];
                query.extend(rule.map(|rule| format!("rule={}", segment(&rule))));
                let asked = state
                    .ask_about("matters", Method::GET, &format!("matters?{}", query.join("&")), None)
                    .await?;
                told(asked, args.format, |answer| list(answer, open))
            }
            MattersCommand::Show { id } => {
                let asked = state.ask_about("matters", Method::GET, &path(&id, ""), None).await?;
                told(asked, args.format, show)
            }
            MattersCommand::Close { id } => {
                let asked = state
                    .ask_about("matters", Method::POST, &path(&id, "/close"), Some(&json!({})))
                    .await?;
                told(asked, args.format, |answer| {
                    let shown: Shown = serde_json::from_value(answer)?;
                    say!("{} ({}) is closed, and its cards say so.", shown.id, shown.about);
                    Ok(())
                })
            }
        }
    })
}

fn told(
    asked: Result<Value, Exit>,
    format: Format,
    human: impl FnOnce(Value) -> anyhow::Result<()>,
) -> anyhow::Result<Exit> {
    match (asked, format) {
        (Err(no), _) => return Ok(no),
        (Ok(answer), Format::Json) => say!("{answer:#}"),
        (Ok(answer), Format::Human) => human(answer)?,
    }
    Ok(Exit::Done)
}

fn list(answer: Value, open: bool) -> anyhow::Result<()> {
    let matters: Vec<Shown> = serde_json::from_value(answer)?;
    if matters.is_empty() {
        match open {
            true => say!("nothing is open"),
            false => say!("no rule has anything going on, or had lately"),
        }
        return Ok(());
    }
    let row = |shown: Shown| {
        vec![
            shown.id,
            moment(shown.changed_at),
            shown.rule,
            shown.standing,
            shown.events.to_string(),
            shown.cards.to_string(),
            shown.about,
        ]
    };
    let rows: Vec<_> = matters.into_iter().map(row).collect();
    let head = [
        "MATTER",
        "CHANGED (UTC)",
        "RULE",
        "STANDING",
        "EVENTS",
        "CARDS",
        "ABOUT",
    ];
    say_text!("{}", table::render(&head, &rows));
    Ok(())
}

fn show(answer: Value) -> anyhow::Result<()> {
    let event = answer
        .pointer("/event/id")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let shown: Shown = serde_json::from_value(answer)?;
    say!("{}: {}, of the rule {}", shown.id, shown.about, shown.rule);
    say!(
        "{} since {} UTC",
        crate::why::capital(&shown.standing),
        moment(shown.changed_at)
    );
    say!(
        "Opened at {} UTC; {} events, {} cards",
        moment(shown.opened_at),
        shown.events,
        shown.cards
    );
    for (mark, what) in [(shown.acknowledged, "Taken"), (shown.closed, "Closed")] {
        if let Some(Mark { at, by }) = mark {
            let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
            say!("{what}{by} at {} UTC", moment(at));
        }
    }
    if let Some(until) = shown.snoozed_until {
        say!("Put off until {} UTC", moment(until));
    }
    say!("`herald why {event}` tells what its newest event did");
    Ok(())
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}
