//! `herald on-call`: who takes turns, and whose turn it is.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use serde_json::{Value, json};

use super::exit::Exit;
use super::{Format, Place, table};
use crate::cli::say::{say, say_text};
use crate::diagnostic::did_you_mean;
use crate::load;
use crate::rotation::{Rotation, Turn, instant};
use crate::workspace;

/// Arguments of `herald on-call`.
#[derive(Debug, Args)]
pub struct OnCallArgs {
    /// Only this rotation of directory.yaml
    #[arg(value_name = "ROTATION")]
    name: Option<String>,
    /// As of then, by the rotation's clock: `2026-12-24T09:00`
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<NaiveDateTime>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

fn time(text: &str) -> Result<NaiveDateTime, String> {
    let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
    let read = forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text.trim(), form).ok());
    read.ok_or_else(|| "write it as `2026-12-24 09:00`".to_owned())
}

/// # Errors
/// A sentence when there is no workspace.
pub fn run(place: &Place, args: &OnCallArgs, now: DateTime<Utc>) -> anyhow::Result<Exit> {
    let compiled = workspace::compile(&load::read(&place.existing_root()?), None);
    let book = &compiled.workspace.book;
    let rotations: Vec<&Rotation> = match &args.name {
        Some(name) => book.rotation(name).into_iter().collect(),
        None => book.rotations().collect(),
    };
    if rotations.is_empty() {
        match (&args.name, args.format) {
            (_, Format::Json) => say!("[]"),
            (Some(name), Format::Human) => {
                let known = book.rotations().map(|rotation| rotation.name.as_str());
                match did_you_mean(name, known) {
                    Some(near) => say!("There is no rotation `{name}`; did you mean `{near}`?"),
                    None => say!("There is no rotation `{name}` in directory.yaml."),
                }
            }
            (None, Format::Human) => say!("There are no rotations in directory.yaml."),
        }
        return Ok(Exit::No);
    }
    let as_of = |rotation: &Rotation| args.at.map_or(now, |wall| instant(wall, rotation.zone));
    match args.format {
        Format::Json => {
            let shown: Vec<Value> = rotations.iter().map(|rotation| of(rotation, as_of(rotation))).collect();
            say!("{:#}", Value::Array(shown));
        }
        Format::Human => {
            let rows: Vec<Vec<String>> = rotations
                .iter()
                .map(|rotation| row(rotation, as_of(rotation)))
                .collect();
            say_text!("{}", table::render(&["ROTATION", "ON CALL", "UNTIL", "NEXT"], &rows));
        }
    }
    Ok(Exit::Done)
}

fn row(rotation: &Rotation, now: DateTime<Utc>) -> Vec<String> {
    let (person, until) = match (rotation.turn(now), rotation.begins_at()) {
        (Some(turn), _) => {
            let stands_in = if turn.stands_in { " (stands in)" } else { "" };
            (format!("{}{stands_in}", turn.person), shown(turn.until, rotation.zone))
        }
        (None, Some(begins)) => ("nobody yet".to_owned(), shown(begins, rotation.zone)),
        (None, None) => ("nobody".to_owned(), String::new()),
    };
    let next = rotation.next(now).map_or("nobody", |turn| turn.person);
    vec![rotation.name.clone(), person, until, next.to_owned()]
}

fn of(rotation: &Rotation, now: DateTime<Utc>) -> Value {
    let turn = |turn: Turn<'_>| json!({ "person": turn.person, "from": turn.from, "until": turn.until, "stands_in": turn.stands_in });
    json!({
        "rotation": rotation.name,
        "now": rotation.turn(now).map(turn),
        "next": rotation.next(now).map(turn),
    })
}

fn shown(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string()
}
