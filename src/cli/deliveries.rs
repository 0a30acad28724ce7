//! `herald deliveries`: what is owed and what was sent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use super::exit::Exit;
use super::runs::recall;
use super::state::{State, StateArgs, runtime, segment};
use super::{Format, Place, table};
use crate::cli::say::{say, say_text};
use crate::delivery::Delivery;
use crate::lane::Lane;

/// Arguments of `herald deliveries`.
#[derive(Debug, Args)]
pub struct DeliveriesArgs {
    #[command(flatten)]
    state: StateArgs,
    /// How the answer is written
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(subcommand)]
    command: DeliveriesCommand,
}

#[derive(Debug, Subcommand)]
enum DeliveriesCommand {
    /// Newest first
    List {
        /// pending, sending, delivered, dead, cancelled or recalled
        #[arg(long)]
        state: Option<String>,
        /// Only of this rule
        #[arg(long)]
        rule: Option<String>,
        /// Only of this event
        #[arg(long)]
        event: Option<String>,
        /// Only of this run: `rn_...`
        #[arg(long)]
        run: Option<String>,
        /// Only to recipients whose name or address contains this
        #[arg(long)]
        recipient: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// One delivery with every attempt and its card
    Show {
        /// `dl_...`
        id: String,
    },
    /// Try a dead or cancelled delivery again
    Retry {
        /// `dl_...`
        id: String,
    },
    /// Do not send a delivery that is still waiting
    Cancel {
        /// `dl_...`
        id: String,
    },
    /// Put another message in the place of one that was sent
    Update {
        /// `dl_...`
        id: String,
        #[command(flatten)]
        message: Message,
    },
    /// Take away a message that was sent
    Delete {
        /// `dl_...`
        id: String,
    },
    /// Answer to a message that was sent, in its thread
    Reply {
        /// `dl_...`
        id: String,
        #[command(flatten)]
        message: Message,
    },
}

/// A message, written out.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Message {
    /// This text, in Markdown
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// The Adaptive Card in this file, YAML or JSON, with nothing left to fill in
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
}

/// Runs `herald deliveries`.
///
/// # Errors
/// A sentence: neither server nor store can be reached, or the server refused.
pub fn run(place: &Place, args: DeliveriesArgs, environment: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    // What is wrong with a file is said before anybody is asked.
    let message = match &args.command {
        DeliveriesCommand::Update { message, .. } | DeliveriesCommand::Reply { message, .. } => {
            match recall::instead(message.text.as_deref(), message.card.as_deref())? {
                Ok(message) => message,
                Err(faults) => {
                    eprint!("{faults}");
                    return Ok(Exit::No);
                }
            }
        }
        DeliveriesCommand::List { .. }
        | DeliveriesCommand::Show { .. }
        | DeliveriesCommand::Retry { .. }
        | DeliveriesCommand::Cancel { .. }
        | DeliveriesCommand::Delete { .. } => Value::Null,
    };
    runtime()?.block_on(async {
        let state = State::reach(place, &args.state, environment).await?;
        match args.command {
            DeliveriesCommand::List {
                state: in_state,
                rule,
                event,
                run,
                recipient,
                limit,
            } => {
                let limit = limit.to_string();
                let given = [
                    ("state", in_state.as_deref()),
                    ("rule", rule.as_deref()),
                    ("event", event.as_deref()),
                    ("run", run.as_deref()),
                    ("recipient", recipient.as_deref()),
                    ("limit", Some(limit.as_str())),
                ];
                let query: Vec<_> = given
                    .iter()
                    .filter_map(|(key, value)| Some(format!("{key}={}", segment((*value)?))))
                    .collect();
                let answer = state
                    .ask(Method::GET, &format!("deliveries?{}", query.join("&")), None)
                    .await?;
                let Some(answer) = answer else {
                    eprintln!("there is no such run; `herald runs list` shows what there is");
                    return Ok(Exit::No);
                };
                list(&answer, args.format)
            }
            DeliveriesCommand::Show { id } => {
                let answer = state
                    .ask(Method::GET, &format!("deliveries/{}", segment(&id)), None)
                    .await?;
                show(answer.as_ref(), &id, args.format)
            }
            DeliveriesCommand::Retry { id } => {
                let path = format!("deliveries/{}/retry", segment(&id));
                moved(
                    state.ask(Method::POST, &path, None).await,
                    &id,
                    "is due now",
                    args.format,
                )
            }
            DeliveriesCommand::Cancel { id } => {
                let path = format!("deliveries/{}/cancel", segment(&id));
                moved(
                    state.ask(Method::POST, &path, None).await,
                    &id,
                    "is cancelled",
                    args.format,
                )
            }
            DeliveriesCommand::Update { id, .. } => {
                let path = format!("deliveries/{}/update", segment(&id));
                let answer = state.ask(Method::POST, &path, Some(&message)).await;
                moved(answer, &id, "is to be corrected", args.format)
            }
            DeliveriesCommand::Delete { id } => {
                let path = format!("deliveries/{}/delete", segment(&id));
                let answer = state.ask(Method::POST, &path, None).await;
                moved(answer, &id, "is to be taken away", args.format)
            }
            DeliveriesCommand::Reply { id, .. } => {
                let path = format!("deliveries/{}/reply", segment(&id));
                let answer = state.ask(Method::POST, &path, Some(&message)).await;
                let own = answer.as_ref().ok().and_then(Option::as_ref);
                let own = own.and_then(|answer| answer["id"].as_str()).unwrap_or_default();
                let done = format!("is to be answered: {own}");
                moved(answer, &id, &done, args.format)
            }
        }
    })
}

fn list(answer: &Value, format: Format) -> anyhow::Result<Exit> {
    if format == Format::Json {
        say!("{answer:#}");
        return Ok(Exit::Done);
    }
    let deliveries: Vec<Delivery> = serde_json::from_value(answer.clone())?;
    if deliveries.is_empty() {
        say!("no deliveries");
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = deliveries.into_iter().map(row).collect();
    say_text!(
        "{}",
        table::render(
            &["ID", "CREATED", "STATE", "RULE", "RECIPIENT", "TRIES", "REASON"],
            &rows
        )
    );
    Ok(Exit::Done)
}

fn row(delivery: Delivery) -> Vec<String> {
    vec![
        delivery.id.to_string(),
        delivery.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        delivery.state.word().to_owned(),
        delivery.rule,
        delivery.recipient.name,
        delivery.attempt_count.to_string(),
        delivery.reason.unwrap_or_default(),
    ]
}

fn show(answer: Option<&Value>, id: &str, format: Format) -> anyhow::Result<Exit> {
    let Some(answer) = answer else { return Ok(unknown(id)) };
    if format == Format::Json {
        say!("{answer:#}");
        return Ok(Exit::Done);
    }
    let delivery: Delivery = serde_json::from_value(answer["delivery"].clone())?;
    say!("delivery   {}", delivery.id);
    say!("state      {}", delivery.state.word());
    if let Some(reason) = &delivery.reason {
        say!("because    {reason}");
    }
    if let Some(told) = answer["text"].as_str().filter(|_| delivery.state.is_open()) {
        say!("now        {told}");
    }
    say!("recipient  {}", delivery.recipient.name);
    say!("rule       {} (ruleset {})", delivery.rule, delivery.revision);
    say!("event      {}", delivery.event_id);
    if let Some(standing) = answer["run"]["standing"].as_str() {
        say!("run        {} ({standing})", delivery.run());
    }
    if delivery.terms.lane != Lane::Normal {
        say!("lane       {}", delivery.terms.lane.word());
    }
    if let Some(root) = &delivery.thread_root {
        say!("thread     of the message {root}");
    }
    if let Some(at) = delivery.terms.expires_at {
        say!("expires    {}", at.to_rfc3339());
    }
    say!("created    {}", delivery.created_at.to_rfc3339());
    say!("next try   {}", delivery.next_attempt_at.to_rfc3339());
    for attempt in &delivery.attempts {
        let status = attempt
            .status
            .map_or_else(|| "no answer".to_owned(), |status| format!("HTTP {status}"));
        say!(
            "attempt {:>2} {} {status} after {} ms: {}",
            attempt.number,
            attempt.started_at.to_rfc3339(),
            attempt.took_ms,
            verdict(&attempt.verdict)
        );
    }
    if !answer["card"].is_null() {
        say!("card\n{:#}", answer["card"]);
    }
    Ok(Exit::Done)
}

fn verdict(verdict: &crate::delivery::Verdict) -> String {
    use crate::delivery::Verdict;
    match verdict {
        Verdict::Delivered {
            activity_id,
            conversation_id,
            thread_root: _,
            note,
        } => {
            let note = note.as_ref().map_or_else(String::new, |note| format!("; {note}"));
            format!(
                "delivered as {} in {conversation_id}{note}",
                activity_id.as_deref().unwrap_or("a message without id")
            )
        }
        Verdict::RetryAt { at, reason } => format!("again at {}: {reason}", at.to_rfc3339()),
        Verdict::Dead { reason } => format!("given up: {reason}"),
    }
}

fn moved(answer: anyhow::Result<Option<Value>>, id: &str, done: &str, format: Format) -> anyhow::Result<Exit> {
    match answer {
        Ok(Some(answer)) if format == Format::Json => say!("{answer:#}"),
        Ok(Some(_)) => say!("{id} {done}"),
        Ok(None) => return Ok(unknown(id)),
        Err(refused) => {
            eprintln!("{refused:#}");
            return Ok(Exit::No);
        }
    }
    Ok(Exit::Done)
}

fn unknown(id: &str) -> Exit {
    eprintln!("there is no delivery `{id}`; `herald deliveries list` shows what there is");
    Exit::No
}
