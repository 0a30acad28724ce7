//! `herald why`: what became of an event, rule by rule, line by line, recipient by recipient.

use std::collections::BTreeMap;

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::exit::Exit;
use super::state::{State, StateArgs, runtime, segment};
use super::{Format, Place, table};
use crate::cli::say::{say, say_text};
use crate::diagnostic::did_you_mean;
use crate::store::outbox::EventRecord;

/// Arguments of `herald why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    #[command(flatten)]
    state: StateArgs,
    /// `ev_...`, as the answer to a post names it, or a delivery's `dl_...`; the latest events if not given
    event: Option<String>,
    /// Only what this rule made of it
    #[arg(long)]
    rule: Option<String>,
    /// Only recipients whose name or address contains this
    #[arg(long, requires = "event")]
    recipient: Option<String>,
    /// Without EVENT: at most this many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Runs `herald why`.
///
/// # Errors
/// A sentence: neither server nor store can be reached, or the server refused.
pub fn run(place: &Place, args: WhyArgs, environment: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    runtime()?.block_on(async {
        let state = State::reach(place, &args.state, environment).await?;
        match &args.event {
            Some(event) => one(&state, event.trim(), &args).await,
            None => latest(&state, &args).await,
        }
    })
}

async fn one(state: &State, event: &str, args: &WhyArgs) -> anyhow::Result<Exit> {
    let given = [("rule", args.rule.as_deref()), ("recipient", args.recipient.as_deref())];
    let path = format!("events/{}{}", segment(event), query(&given));
    let Some(answer) = state.ask(Method::GET, &path, None).await? else {
        eprintln!("{}", unknown(state, event).await?);
        return Ok(Exit::No);
    };
    match args.format {
        Format::Json => say!("{answer:#}"),
        Format::Human => say_text!("{}", answer["text"].as_str().unwrap_or_default()),
    }
    Ok(Exit::Done)
}

/// What to say of an id that leads nowhere.
async fn unknown(state: &State, event: &str) -> anyhow::Result<String> {
    let kind = match event.split_once('_') {
        Some(("ev", _)) => "event",
        Some(("dl", _)) => "delivery",
        _ => {
            return Ok(format!(
                "`{event}` is no id: an event's begins with `ev_`, a delivery's with `dl_`; `herald why` lists the latest \
                 events"
            ));
        }
    };
    let latest = state.ask(Method::GET, "events?limit=200", None).await?;
    let ids: Vec<String> = events(&latest.unwrap_or_default())?
        .into_iter()
        .map(|(record, _)| record.id.to_string())
        .collect();
    let slip = did_you_mean(event, ids.iter().map(String::as_str));
    // Random letters are never far from each other: only a slip or two is meant.
    let slip = slip.filter(|meant| strsim::damerau_levenshtein(event, meant) <= 3);
    let way_out = match slip {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            "either there is a slip in it, or it happened longer ago than `retention` in herald.yaml keeps it, or \
                 another Herald took it; `herald why` lists the latest events"
                .to_owned()
        }
    };
    Ok(format!("there is no {kind} `{event}`: {way_out}"))
}

async fn latest(state: &State, args: &WhyArgs) -> anyhow::Result<Exit> {
    let limit = args.limit.to_string();
    let given = [("rule", args.rule.as_deref()), ("limit", Some(limit.as_str()))];
    let answer = state
        .ask(Method::GET, &format!("events{}", query(&given)), None)
        .await?
        .unwrap_or_default();
    if args.format == Format::Json {
        say!("{answer:#}");
        return Ok(Exit::Done);
    }
    let listed = events(&answer)?;
    if listed.is_empty() {
        match &args.rule {
            Some(rule) => say!("{}", no_events(state, rule).await?),
            None => say!("no events yet"),
        }
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = listed
        .into_iter()
        .map(|(record, outcome)| {
            vec![
                record.id.to_string(),
                record.occurred_at.format("%Y-%m-%d %H:%M:%S").to_string(),
                record.origin,
                outcome,
            ]
        })
        .collect();
    say_text!("{}", table::render(&["EVENT", "WHEN (UTC)", "FROM", "OUTCOME"], &rows));
    say!("\n`herald why EVENT` tells the story of one");
    Ok(Exit::Done)
}

/// A rule without events is often a slip in its name.
async fn no_events(state: &State, rule: &str) -> anyhow::Result<String> {
    let status = state.ask(Method::GET, "status", None).await?.unwrap_or_default();
    let names: Vec<&str> = status["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|rule| rule["name"].as_str())
        .collect();
    if names.contains(&rule) {
        return Ok(format!("no event is kept that {rule} waits for"));
    }
    Ok(match did_you_mean(rule, names) {
        Some(near) => format!("there is no rule `{rule}`; did you mean `{near}`?"),
        None => format!("there is no rule `{rule}`, and no event is kept that it waited for"),
    })
}

fn events(answer: &Value) -> anyhow::Result<Vec<(EventRecord, String)>> {
    let listed = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    let read = |one: &Value| {
        let record = serde_json::from_value(one["event"].clone())?;
        Ok((record, one["outcome"].as_str().unwrap_or_default().to_owned()))
    };
    listed.iter().map(read).collect()
}

fn query(given: &[(&str, Option<&str>)]) -> String {
    let parts: Vec<String> = given
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", segment((*value)?))))
        .collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!("?{}", parts.join("&")),
    }
}
