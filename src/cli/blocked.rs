//! `herald targets blocked`: whom Teams refuses our messages to.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::exit::Exit;
use super::state::{State, segment};
use super::{Format, table};
use crate::cli::say::{say, say_text};
use crate::refusal::Refusal;

/// Rows asked for at once.
const PAGE: usize = 500;
/// Rows shown to people; all of them are in the other forms.
const SHOWN: usize = 200;
const HEAD: [&str; 9] = [
    "kind",
    "name",
    "id",
    "why",
    "since",
    "last",
    "missed",
    "asked again",
    "Teams said",
];

#[derive(Deserialize)]
struct Row {
    #[serde(flatten)]
    refusal: Refusal,
    shut: bool,
}

#[derive(Deserialize)]
struct Page {
    blocked: Vec<Row>,
    next: Option<String>,
}

/// Prints the report: for people the newest misses first, else everything as it comes.
///
/// # Errors
/// Those of the state.
pub async fn report(state: &State, format: Format, csv: bool) -> anyhow::Result<Exit> {
    let mut newest: Vec<Row> = Vec::new();
    let (mut rows, mut missed) = (0_u64, 0_u64);
    let mut after = None;
    if csv {
        say!("{}", HEAD.map(|title| title.replace(' ', "_").to_lowercase()).join(","));
    } else if format == Format::Json {
        say_text!("[");
    }
    loop {
        let Page { blocked, next } = page(state, after.as_deref()).await?;
        for row in blocked {
            if csv {
                say!("{}", cells(&row).map(|cell| quoted(&cell)).join(","));
            } else if format == Format::Json {
                let mut shown = json!(row.refusal);
                shown["shut"] = json!(row.shut);
                say_text!("{}\n{shown}", if rows == 0 { "" } else { "," });
            } else {
                newest.push(row);
            }
            rows += 1;
        }
        // Only what can be shown is kept, however long the report is.
        newest.sort_by_key(|row| std::cmp::Reverse(row.refusal.last_at));
        missed += drop_beyond(&mut newest);
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    if csv {
        return Ok(Exit::Done);
    }
    if format == Format::Json {
        say!("\n]");
        return Ok(Exit::Done);
    }
    missed += newest.iter().map(|row| row.refusal.missed).sum::<u64>();
    if rows == 0 {
        say!("nobody: Teams takes the messages to everybody they were for");
        return Ok(Exit::Done);
    }
    let lines: Vec<Vec<String>> = newest.iter().map(|row| cells(row).to_vec()).collect();
    say_text!(
        "{}",
        table::render(&HEAD.map(str::to_uppercase).each_ref().map(String::as_str), &lines)
    );
    if rows > SHOWN as u64 {
        say!("... and {} more; --csv lists all", rows - SHOWN as u64);
    }
    say!(
        "{missed} messages did not reach {rows} recipients. `herald targets unblock ID` has the next one tried again."
    );
    Ok(Exit::Done)
}

/// Ends one refusal.
///
/// # Errors
/// Those of the state.
pub async fn lift(state: &State, id: &str) -> anyhow::Result<Exit> {
    match state
        .ask(Method::DELETE, &format!("blocked/{}", segment(id)), None)
        .await?
    {
        Some(_) => {
            say!("the next message to {id} is tried again");
            Ok(Exit::Done)
        }
        None => {
            eprintln!("nobody with the id `{id}` is in the report; `herald targets blocked` shows it");
            Ok(Exit::No)
        }
    }
}

async fn page(state: &State, after: Option<&str>) -> anyhow::Result<Page> {
    let after = after.map_or_else(String::new, |after| format!("&after={}", segment(after)));
    let answer = state
        .ask(Method::GET, &format!("blocked?limit={PAGE}{after}"), None)
        .await?;
    Ok(serde_json::from_value(answer.unwrap_or_default())?)
}

/// Leaves the first rows, and says how many messages the others missed.
fn drop_beyond(newest: &mut Vec<Row>) -> u64 {
    let beyond = newest.split_off(newest.len().min(SHOWN));
    beyond.iter().map(|row| row.refusal.missed).sum()
}

fn cells(row: &Row) -> [String; 9] {
    let Row { refusal, shut } = row;
    let at = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M").to_string();
    let asked_again = if *shut { "no" } else { "yes" };
    [
        refusal.party.word().to_owned(),
        refusal.name.clone(),
        refusal.id.clone(),
        refusal.why.words().to_owned(),
        at(refusal.since),
        at(refusal.last_at),
        refusal.missed.to_string(),
        asked_again.to_owned(),
        refusal.code.clone(),
    ]
}

/// A cell of a table for spreadsheets. A name that begins like a formula is none: somebody else chose it.
fn quoted(cell: &str) -> String {
    let harmless = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if harmless.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", harmless.replace('"', "\"\""));
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_gets_names_as_they_are_and_never_a_formula() {
        assert_eq!(quoted("Anna Berg"), "Anna Berg");
        assert_eq!(quoted("Berg, \"Anna\""), "\"Berg, \"\"Anna\"\"\"");
        assert_eq!(quoted("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
    }
}
