//! `herald audit`: who did what by hand.

use std::collections::BTreeMap;

use clap::Args;
use reqwest::Method;

use super::exit::Exit;
use super::state::{State, StateArgs, runtime};
use super::{Format, Place, table};
use crate::cli::say::{say, say_text};
use crate::store::audit::Entry;

/// Arguments of `herald audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    state: StateArgs,
    /// At most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Only those before the entry with this number
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Runs `herald audit`.
///
/// # Errors
/// A sentence: neither server nor store can be reached, or the server refused.
pub fn run(place: &Place, args: AuditArgs, environment: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    runtime()?.block_on(async {
        let state = State::reach(place, &args.state, environment).await?;
        let mut path = format!("audit?limit={}", args.limit);
        if let Some(before) = args.before {
            path.push_str(&format!("&before={before}"));
        }
        let answer = state.ask(Method::GET, &path, None).await?;
        let Some(answer) = answer else {
            anyhow::bail!("the server is an older Herald that keeps no audit log");
        };
        if args.format == Format::Json {
            say!("{answer:#}");
            return Ok(Exit::Done);
        }
        let entries: Vec<Entry> = serde_json::from_value(answer)?;
        if entries.is_empty() {
            say!("nothing was done by hand");
            return Ok(Exit::Done);
        }
        let rows: Vec<_> = entries.into_iter().map(row).collect();
        say_text!(
            "{}",
            table::render(
                &["NO", "WHEN", "WHO SAYS TO BE", "FROM", "ACTION", "SUBJECT", "RESULT"],
                &rows
            )
        );
        Ok(Exit::Done)
    })
}

fn row(entry: Entry) -> Vec<String> {
    vec![
        entry.number.to_string(),
        entry.at.format("%Y-%m-%d %H:%M:%S").to_string(),
        entry.actor.claims_to_be.unwrap_or_else(|| "-".to_owned()),
        entry.actor.from,
        entry.action,
        entry.subject,
        entry.result,
    ]
}
