//! `herald runs show --watch`: a bar until the run is over.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use super::{Shown, ask, path, print};
use crate::cli::Format;
use crate::cli::exit::Exit;
use crate::cli::state::State;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);
/// How often it says how far it is where no bar can be drawn.
const SAY: Duration = Duration::from_secs(5);

/// Follows a run until it is over, then tells of it. It ends with 1 if somebody did not get it.
pub async fn follow(state: &State, id: &str, format: Format) -> anyhow::Result<Exit> {
    let mut answer = match ask(state, Method::GET, &path(id, "?failures=0"), None).await? {
        Ok(answer) => answer,
        Err(no) => return Ok(no),
    };
    let mut shown: Shown = serde_json::from_value(answer.clone())?;
    let id = shown.run.id.clone();
    if state.is_own() && !shown.run.is_over() {
        eprintln!("no Herald runs on this folder, so nothing moves; `herald serve` starts one");
        print(&answer, format)?;
        return Ok(Exit::No);
    }
    let mut teller = Teller::new(&shown);
    while !shown.run.is_over() {
        teller.tell(&shown);
        tokio::time::sleep(LOOK).await;
        answer = match ask(state, Method::GET, &path(id.as_str(), "?failures=0"), None).await? {
            Ok(answer) => answer,
            Err(no) => return Ok(no),
        };
        shown = serde_json::from_value(answer)?;
    }
    teller.end();
    let answer: Value = match ask(state, Method::GET, &path(id.as_str(), ""), None).await? {
        Ok(answer) => answer,
        Err(no) => return Ok(no),
    };
    print(&answer, format)?;
    let tally = shown.run.tally;
    let all_have_it = shown.failed + tally.cancelled == 0;
    Ok(if all_have_it { Exit::Done } else { Exit::No })
}

/// Shows how far it is: with a bar on a terminal, else with a line now and then.
enum Teller {
    Bar(ProgressBar),
    Lines { last: Option<(Instant, String)> },
}

impl Teller {
    fn new(shown: &Shown) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines { last: None };
        }
        let style =
            ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}").expect("the template is well formed");
        Self::Bar(ProgressBar::new(shown.progress.expected).with_style(style))
    }

    fn tell(&mut self, shown: &Shown) {
        match self {
            Self::Bar(bar) => {
                bar.set_length(shown.progress.expected);
                bar.set_position(shown.progress.ended);
                bar.set_message(line(shown));
            }
            Self::Lines { last } => {
                let due = last
                    .as_ref()
                    .is_none_or(|(at, standing)| at.elapsed() >= SAY || *standing != shown.standing);
                if due {
                    eprintln!("{} % {}", shown.progress.percent, line(shown));
                    *last = Some((Instant::now(), shown.standing.clone()));
                }
            }
        }
    }

    fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn line(shown: &Shown) -> String {
    let left = shown
        .time_left
        .as_ref()
        .map_or_else(String::new, |left| format!("; {left} left"));
    format!("{}: {}{left}", shown.standing, shown.tally)
}
