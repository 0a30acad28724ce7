//! What a rule made of what happened in a test, line by line.

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::Paint;
use crate::rehearsal::expect::{Failure, held_back_because};
use crate::rehearsal::given::shown;
use crate::rehearsal::{Made, Outcome};
use crate::rule::condition::Line;

/// How many happenings of a story are told.
const TOLD: usize = 20;
/// How many recipients, reasons and warnings of one happening are told.
const LISTED: usize = 10;
/// The widest column, in characters.
const WIDEST: usize = 60;

/// Expected and actual, in two columns.
pub(super) fn side_by_side(failure: &Failure, paint: Paint) -> String {
    if failure.rows.is_empty() {
        return String::new();
    }
    let wide = |text: &str| text.chars().count();
    let rows: Vec<(String, String)> = failure
        .rows
        .iter()
        .map(|(expected, actual)| (one_line(expected), one_line(actual)))
        .collect();
    let left = rows.iter().map(|(expected, _)| wide(expected)).max().unwrap_or(0);
    let left = left.clamp(wide("expected"), WIDEST);
    let mut text = format!("\n  {}\n", paint.faint(&format!("{:left$}   actual", "expected")));
    for (expected, actual) in rows {
        let mark = match (expected.is_empty(), actual.is_empty()) {
            (true, _) => "+",
            (_, true) => "-",
            (false, false) => " ",
        };
        let missing = |text: &str| {
            if text.is_empty() {
                "·".to_owned()
            } else {
                text.to_owned()
            }
        };
        let (expected, actual) = (missing(&expected), missing(&actual));
        let gap = " ".repeat(left.saturating_sub(wide(&expected)));
        let line = format!("{mark} {expected}{gap}   {actual}");
        let line = match mark {
            " " => line,
            _ => paint.bad(&line),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

/// Everything that happened.
pub(super) fn made(made: &[Made], zone: Tz, paint: Paint) -> String {
    let mut text = format!("\n  {}\n", paint.faint("what happened"));
    for one in made.iter().take(TOLD) {
        let at = shown(one.at, zone);
        text.push_str(&format!("    {at}, {}\n", one_line(&one.what)));
        for line in lines(one, zone, paint) {
            text.push_str(&format!("      {line}\n"));
        }
    }
    if made.len() > TOLD {
        text.push_str(&format!("    ... and {} more\n", made.len() - TOLD));
    }
    if made.is_empty() {
        text.push_str("    nothing\n");
    }
    text
}

fn lines(made: &Made, zone: Tz, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    match &made.outcome {
        Outcome::NotMet(reason) => lines.push(format!("{}  {reason}", paint.bad("not met"))),
        Outcome::NoMatch(verdicts) => verdicts
            .lines
            .iter()
            .for_each(|line| verdict(line, 0, paint, &mut lines)),
        Outcome::Matched(matched) => {
            matched
                .verdicts
                .lines
                .iter()
                .for_each(|line| verdict(line, 0, paint, &mut lines));
            let mut listed = |texts: Vec<String>| {
                let more = texts.len().saturating_sub(LISTED);
                lines.extend(texts.into_iter().take(LISTED));
                if more > 0 {
                    lines.push(format!("... and {more} more"));
                }
            };
            listed(
                matched
                    .sent
                    .iter()
                    .map(|sent| format!("sent to {}", one_line(&sent.recipient.name)))
                    .collect(),
            );
            listed(
                matched
                    .updated
                    .iter()
                    .map(|sent| format!("changed for {}", one_line(&sent.recipient.name)))
                    .collect(),
            );
            listed(
                matched
                    .told
                    .iter()
                    .map(|told| format!("{}: {}", one_line(&told.about), one_line(&told.sentence)))
                    .collect(),
            );
            listed(
                matched
                    .answer
                    .iter()
                    .map(|answer| format!("answered: {}", one_line(answer)))
                    .collect(),
            );
            listed(
                matched
                    .untold
                    .iter()
                    .map(|(target, reason)| {
                        format!(
                            "{} {}: {}",
                            paint.bad("not sent to"),
                            one_line(target),
                            one_line(reason)
                        )
                    })
                    .collect(),
            );
            listed(
                matched
                    .later
                    .iter()
                    .map(|later| {
                        let name = one_line(&later.card.recipient.name);
                        format!("{} {name}: {}", paint.bad("waits for"), one_line(&later.reason))
                    })
                    .collect(),
            );
            listed(
                matched
                    .silenced
                    .iter()
                    .map(|silenced| format!("{}: {}", one_line(&silenced.recipient), silenced.told(zone)))
                    .collect(),
            );
            listed(
                matched
                    .held_back
                    .iter()
                    .map(|held_back| format!("{} {}", paint.bad("held back"), held_back_because(held_back, zone)))
                    .collect(),
            );
            listed(
                matched
                    .members_needed
                    .iter()
                    .map(|place| format!("waits to know who is in {place}"))
                    .collect(),
            );
            listed(
                matched
                    .warnings
                    .iter()
                    .map(|warning| format!("warning: {}", one_line(warning)))
                    .collect(),
            );
            if matched.told_nobody() {
                lines.push("sent to nobody".to_owned());
            }
        }
    }
    lines
}

fn verdict(line: &Line, depth: usize, paint: Paint, lines: &mut Vec<String>) {
    let mark = if line.holds {
        paint.good("holds")
    } else {
        paint.bad("FALSE")
    };
    let indent = "  ".repeat(depth);
    let note = line.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    lines.push(format!(
        "{mark}  {indent}{}: expected {}, found {}{note}",
        one_line(&line.written),
        one_line(&line.expected),
        one_line(&line.actual),
    ));
    line.lines
        .iter()
        .for_each(|inner| verdict(inner, depth + 1, paint, lines));
}

/// What happened, for machines.
pub(super) fn json(made: &Made, zone: Tz) -> Value {
    let (outcome, more) = match &made.outcome {
        Outcome::NotMet(reason) => ("not_met", json!({ "reason": reason })),
        Outcome::NoMatch(verdicts) => ("no_match", json!({ "if": verdicts.lines })),
        Outcome::Matched(matched) => {
            let untold: Vec<Value> = matched
                .untold
                .iter()
                .map(|(target, reason)| json!({ "target": target, "reason": reason }))
                .collect();
            let later: Vec<Value> = matched
                .later
                .iter()
                .map(|later| json!({ "recipient": later.card.recipient.name, "until": later.until, "reason": later.reason }))
                .collect();
            (
                "matched",
                json!({
                    "if": matched.verdicts.lines,
                    "sent_to": matched.sent.iter().map(|sent| &sent.recipient.name).collect::<Vec<_>>(),
                    "not_sent_to": untold,
                    "held_back": matched.held_back,
                    "waits": later,
                    "silenced": matched.silenced,
                    "warnings": matched.warnings,
                }),
            )
        }
    };
    let mut value = json!({ "at": shown(made.at, zone), "what": made.what, "outcome": outcome });
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}
