//! `herald targets`: whom and where Herald knows.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::exit::Exit;
use super::state::{State, StateArgs, runtime, segment};
use super::{Format, Place, blocked, table};
use crate::cli::say::{say, say_text};
use crate::link::{self, Link};
use crate::roster::{ConversationKind, Person};
use crate::store::directory::Entry;
use crate::store::{export, teamsfx};

/// How many entries are imported in one request.
const IMPORT_STEP: usize = 500;

/// Arguments of `herald targets`.
#[derive(Debug, Args)]
pub struct TargetsArgs {
    #[command(flatten)]
    state: StateArgs,
    /// How the answer is written
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(subcommand)]
    command: TargetsCommand,
}

#[derive(Debug, Subcommand)]
enum TargetsCommand {
    /// Everything known
    List,
    /// One chat, team or person, whole
    Show {
        /// Its id
        id: String,
    },
    /// Chats, teams, channels and people whose name, e-mail or id contains a text
    Find {
        /// The text, whatever its case
        text: String,
    },
    /// Write everything known as JSON lines
    Export {
        /// The file; standard output if not given
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Read an export, or TeamsFx's .notification.localstore.json
    Import {
        /// The file
        file: PathBuf,
    },
    /// Whom Teams refuses messages to: who blocked, muted or removed the bot, since when, and how much they missed
    Blocked {
        /// Write a table for spreadsheets, with everybody in it
        #[arg(long)]
        csv: bool,
    },
    /// Try messages to somebody of that report again, who did not write to the bot
    Unblock {
        /// The id, as the report shows it
        id: String,
    },
    /// List the channels and members of everything known anew, and find teams and group chats that are not known
    Sync {
        /// Teams and group chats to ask Teams about: ids, or copied links
        places: Vec<String>,
    },
    /// Forget a chat, team or person until Teams tells of it again
    Forget {
        /// Its id
        id: String,
    },
}

/// Runs `herald targets`.
///
/// # Errors
/// A sentence: neither server nor store can be reached, or a file cannot be read.
pub fn run(place: &Place, args: TargetsArgs, environment: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    runtime()?.block_on(async {
        let state = State::reach(place, &args.state, environment).await?;
        match args.command {
            TargetsCommand::List => list(&everything(&state).await?.1, args.format),
            TargetsCommand::Find { text } => {
                let text = text.to_lowercase();
                let found: Vec<_> = everything(&state)
                    .await?
                    .1
                    .into_iter()
                    .filter(|entry| mentions(entry, &text))
                    .collect();
                let exit = if found.is_empty() { Exit::No } else { Exit::Done };
                list(&found, args.format)?;
                Ok(exit)
            }
            TargetsCommand::Show { id } => {
                let found: Vec<_> = everything(&state)
                    .await?
                    .1
                    .into_iter()
                    .filter(|entry| is(entry, &id))
                    .collect();
                if found.is_empty() {
                    return Ok(unknown(&id));
                }
                for entry in found {
                    say!("{:#}", json!(entry));
                }
                Ok(Exit::Done)
            }
            TargetsCommand::Export { out } => {
                let (bot_id, entries) = everything(&state).await?;
                let lines =
                    std::iter::once(export::header(bot_id.as_deref())).chain(entries.iter().map(export::line));
                let text: String = lines.map(|line| line + "\n").collect();
                match out {
                    Some(file) => {
                        std::fs::write(&file, text)
                            .with_context(|| format!("{} cannot be written", file.display()))?;
                    }
                    None => std::io::stdout().write_all(text.as_bytes())?,
                }
                eprintln!("{} entries exported", entries.len());
                Ok(Exit::Done)
            }
            TargetsCommand::Blocked { csv } => blocked::report(&state, args.format, csv).await,
            TargetsCommand::Unblock { id } => blocked::lift(&state, &id).await,
            TargetsCommand::Sync { places } => sync(&state, &places, args.format).await,
            TargetsCommand::Import { file } => import(&state, &file).await,
            TargetsCommand::Forget { id } => {
                match state
                    .ask(Method::DELETE, &format!("targets/{}", segment(&id)), None)
                    .await?
                {
                    Some(_) => say!("{id} is forgotten"),
                    None => return Ok(unknown(&id)),
                }
                Ok(Exit::Done)
            }
        }
    })
}

async fn sync(state: &State, places: &[String], format: Format) -> anyhow::Result<Exit> {
    let ids = places.iter().map(|place| id_of(place)).collect::<Result<Vec<_>, _>>();
    let ids = ids.map_err(anyhow::Error::msg)?;
    let answer = state
        .ask(Method::POST, "targets/sync", Some(&json!({ "ids": ids })))
        .await?
        .context("this server is older than this command: it knows no such route")?;
    if matches!(format, Format::Json) {
        say!("{answer:#}");
    }
    let asked = answer["asked"].as_array().cloned().unwrap_or_default();
    if matches!(format, Format::Human) {
        for one in &asked {
            let id = one["id"].as_str().unwrap_or_default();
            match (one["found"].as_str(), one["name"].as_str()) {
                (Some(what), Some(name)) => say!("{id}: the {what} {name}"),
                (Some(what), None) => say!("{id}: a {what}"),
                (None, _) => say!("{id}: {}", one["reason"].as_str().unwrap_or("not found")),
            }
        }
        say!("channels and members are being listed; `herald targets list` shows what is known by now");
    }
    let all = asked.iter().all(|one| one["found"].is_string());
    Ok(if all { Exit::Done } else { Exit::No })
}

/// The id of a place that was named by its id or a copied link.
fn id_of(place: &str) -> Result<String, String> {
    if link::is_id(place) {
        return Ok(place.to_owned());
    }
    if !link::is_link(place) {
        return Err(format!(
            "`{place}` is neither an id (`19:...`) nor a link: paste what \"Get link to team\" or \"Copy link\" of a chat gives"
        ));
    }
    match link::parse(place)? {
        Link::Team { id } => Ok(id),
        Link::Channel { id, .. } | Link::Chat { id } => Ok(id.as_str().to_owned()),
        Link::People(_) => Err("this link opens a chat with people, which is found by writing to them".to_owned()),
    }
}

async fn everything(state: &State) -> anyhow::Result<(Option<String>, Vec<Entry>)> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut after = String::new();
    loop {
        let answer = state
            .ask(Method::GET, &format!("targets?limit=1000{after}"), None)
            .await?
            .unwrap_or_default();
        entries.extend(serde_json::from_value::<Vec<Entry>>(answer["entries"].clone())?);
        match answer["next"].as_str() {
            Some(next) => after = format!("&after={}", segment(next)),
            None => return Ok((answer["bot_id"].as_str().map(str::to_owned), entries)),
        }
    }
}

/// Reads either format; an export says in its first line what it is.
async fn import(state: &State, file: &Path) -> anyhow::Result<Exit> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("{shown} cannot be read"))?;
    let answer = state
        .ask(Method::GET, "targets?limit=1", None)
        .await?
        .unwrap_or_default();
    let bot_id = answer["bot_id"].as_str();
    let is_export = text
        .lines()
        .next()
        .is_some_and(|line| line.contains("\"herald_targets\""));
    let (taken, left_out) = if is_export {
        let read = export::read(&text, bot_id).map_err(|problem| anyhow::anyhow!("{shown}: {problem}"))?;
        for problem in &read.problems {
            eprintln!("{shown}:{}: {}", problem.line, problem.reason);
        }
        for step in read.entries.chunks(IMPORT_STEP) {
            state.ask(Method::POST, "targets", Some(&json!(step))).await?;
        }
        (read.entries.len(), read.problems.len())
    } else {
        let now = crate::clock::Clock::system().now();
        let read = teamsfx::parse(&text, bot_id, now).map_err(|problem| anyhow::anyhow!("{shown}: {problem}"))?;
        for remark in read.notices.iter().chain(&read.skipped) {
            eprintln!("{shown}: {}: {}", remark.key, remark.reason);
        }
        for step in read.facts.chunks(IMPORT_STEP) {
            state.ask(Method::POST, "facts", Some(&json!(step))).await?;
        }
        (read.facts.len(), read.skipped.len())
    };
    say!("{taken} entries imported, {left_out} left out");
    Ok(if left_out == 0 { Exit::Done } else { Exit::No })
}

fn list(entries: &[Entry], format: Format) -> anyhow::Result<Exit> {
    if format == Format::Json {
        say!("{:#}", json!(entries));
        return Ok(Exit::Done);
    }
    if entries.is_empty() {
        say!("nobody yet; targets appear when the bot is installed or written to");
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = entries.iter().flat_map(rows).collect();
    say_text!("{}", table::render(&["KIND", "NAME", "E-MAIL", "ID", "NOTE"], &rows));
    Ok(Exit::Done)
}

fn rows(entry: &Entry) -> Vec<Vec<String>> {
    let row = |kind: &str, name: Option<&str>, mail: Option<&str>, id: &str, note: String| {
        vec![
            kind.to_owned(),
            name.unwrap_or("-").to_owned(),
            mail.unwrap_or("-").to_owned(),
            id.to_owned(),
            note,
        ]
    };
    match entry {
        Entry::Conversation(chat) => {
            let kind = match chat.kind {
                ConversationKind::Personal => "personal chat",
                ConversationKind::GroupChat => "group chat",
                ConversationKind::Channel => "channel",
            };
            let person = chat.person.as_ref();
            let name = chat
                .name
                .as_deref()
                .or(person.and_then(|person| person.name.as_deref()));
            let note = chat.blocked.as_ref().map(|blocked| {
                format!(
                    "blocked since {}: {}",
                    blocked.since.format("%Y-%m-%d %H:%M"),
                    blocked.code
                )
            });
            vec![row(
                kind,
                name,
                person.and_then(mail),
                chat.id.as_str(),
                note.unwrap_or_default(),
            )]
        }
        Entry::Team(team) => {
            let name = team.name.as_deref().unwrap_or("-");
            let note = if team.archived { "archived" } else { "" };
            let mut rows = vec![row("team", Some(name), None, &team.id, note.to_owned())];
            rows.extend(team.channels.iter().map(|channel| {
                let full = format!("{name} / {}", channel.name.as_deref().unwrap_or("General"));
                row(
                    "channel",
                    Some(&full),
                    None,
                    &channel.id,
                    if channel.deleted {
                        "deleted".to_owned()
                    } else {
                        String::new()
                    },
                )
            }));
            rows
        }
        Entry::Person(person) => {
            let id = person
                .aad_object_id
                .as_deref()
                .or(person.account_id.as_deref())
                .unwrap_or("-");
            vec![row(
                "person",
                person.name.as_deref(),
                mail(person),
                id,
                person.role.clone().unwrap_or_default(),
            )]
        }
        Entry::Roster(roster) => {
            let note = format!(
                "{} members, listed {}{}",
                roster.members.len(),
                roster.fetched_at.format("%Y-%m-%d %H:%M"),
                if roster.stale { ", changed since" } else { "" }
            );
            vec![row("members of", None, None, &roster.id, note)]
        }
        Entry::Choices { person, choices } => {
            let mut stopped = match (choices.all_stopped, choices.stopped.len()) {
                (true, _) => "stopped everything".to_owned(),
                (false, count) => format!("stopped {count}"),
            };
            if let Some(at) = choices.removed_app {
                stopped.push_str(&format!(", removed the app {}", at.format("%Y-%m-%d")));
            }
            vec![row("choices of", None, None, person.as_str(), stopped)]
        }
        Entry::Corrupt { key, problem } => vec![row("unreadable", None, None, key, problem.clone())],
    }
}

fn mail(person: &Person) -> Option<&str> {
    person.email.as_deref().or(person.user_principal_name.as_deref())
}

fn mentions(entry: &Entry, text: &str) -> bool {
    rows(entry)
        .iter()
        .flatten()
        .any(|cell| cell.to_lowercase().contains(text))
}

fn is(entry: &Entry, id: &str) -> bool {
    match entry {
        Entry::Conversation(chat) => chat.id.as_str() == id,
        Entry::Team(team) => {
            team.id == id || team.aad_group_id.as_deref() == Some(id) || team.channels.iter().any(|c| c.id == id)
        }
        Entry::Person(person) => [
            &person.aad_object_id,
            &person.account_id,
            &person.email,
            &person.user_principal_name,
        ]
        .iter()
        .any(|known| known.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(id))),
        Entry::Roster(roster) => roster.id == id,
        Entry::Choices { person, .. } => person.as_str().eq_ignore_ascii_case(id),
        Entry::Corrupt { key, .. } => key == id,
    }
}

fn unknown(id: &str) -> Exit {
    eprintln!("nothing known has the id `{id}`; `herald targets find TEXT` searches names");
    Exit::No
}
