//! `herald digests`: what is being gathered, and when it is told.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::exit::Exit;
use super::state::{State, StateArgs, runtime, segment};
use super::{Format, Place, table};
use crate::cli::say::{say, say_text};

/// Arguments of `herald digests`.
#[derive(Debug, Args)]
pub struct DigestsArgs {
    #[command(flatten)]
    state: StateArgs,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Only of this rule
    #[arg(long)]
    rule: Option<String>,
    /// Only for those whose name or address contains this text
    #[arg(long, value_name = "TEXT")]
    recipient: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

/// A gathering as the admin routes show it.
#[derive(Debug, Deserialize)]
struct Shown {
    rule: String,
    recipient: Whose,
    because: String,
    about: Option<String>,
    count: u64,
    since: DateTime<Utc>,
    due_at: DateTime<Utc>,
    goes_out: bool,
}

#[derive(Debug, Deserialize)]
struct Whose {
    name: String,
}

/// Runs `herald digests`.
///
/// # Errors
/// A sentence: neither server nor store can be reached.
pub fn run(place: &Place, args: DigestsArgs, environment: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    runtime()?.block_on(async {
        let state = State::reach(place, &args.state, environment).await?;
        let mut query = vec![format!("limit={}", args.limit)];
        for (name, value) in [("rule", args.rule), ("recipient", args.recipient)] {
            query.extend(value.map(|value| format!("{name}={}", segment(&value))));
        }
        let path = format!("digests?{}", query.join("&"));
        match (state.ask_about("digests", Method::GET, &path, None).await?, args.format) {
            (Err(no), _) => return Ok(no),
            (Ok(answer), Format::Json) => say!("{answer:#}"),
            (Ok(answer), Format::Human) => list(answer)?,
        }
        Ok(Exit::Done)
    })
}

fn list(answer: Value) -> anyhow::Result<()> {
    let gathered: Vec<Shown> = serde_json::from_value(answer)?;
    if gathered.is_empty() {
        say!("nothing is being gathered");
        return Ok(());
    }
    let row = |shown: Shown| {
        let due = moment(shown.due_at);
        vec![
            match shown.goes_out {
                true => due,
                false => format!("{due} at the earliest"),
            },
            shown.rule,
            shown.recipient.name,
            shown.count.to_string(),
            moment(shown.since),
            match shown.because.as_str() {
                "limit" => "the rule's limit".to_owned(),
                "clock" => "the rule's digest".to_owned(),
                "quiet_hours" => "quiet hours".to_owned(),
                "storm" => "a storm".to_owned(),
                other => other.to_owned(),
            },
            shown.about.unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = gathered.into_iter().map(row).collect();
    let head = [
        "GOES OUT (UTC)",
        "RULE",
        "RECIPIENT",
        "THINGS",
        "SINCE (UTC)",
        "BECAUSE OF",
        "ABOUT",
    ];
    say_text!("{}", table::render(&head, &rows));
    Ok(())
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}
