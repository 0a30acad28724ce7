//! What is told of a run. Command line, admin routes and page say the same.

use std::fmt::{self, Write};
use std::time::Duration;

use chrono::TimeDelta;
use chrono_tz::Tz;
use serde::Serialize;

use super::{capital, moment};
use crate::delivery::{Delivery, State};
use crate::duration;
use crate::lane::Lane;
use crate::run::{Phase, Run, Together};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Deliveries at their end.
    pub ended: u64,
    /// All of them, as far as they are known.
    pub expected: u64,
    /// The share of those at their end, 0 to 100; 100 only when all are.
    pub percent: u8,
    /// How long the rest takes at the pace so far, in seconds; `None` while nothing can be said.
    pub seconds_left: Option<i64>,
}

/// How far a run has come.
pub fn progress(run: &Run) -> Progress {
    let ended = run.ended();
    let expected = run.expected.max(ended + run.tally.open);
    let percent = match (run.is_over(), ended.checked_mul(100)) {
        (true, _) => 100,
        (false, Some(hundredfold)) if expected > 0 => (hundredfold / expected).min(99),
        (false, _) => 0,
    };
    Progress {
        ended,
        expected,
        percent: u8::try_from(percent).expect("it is 100 at most"),
        seconds_left: run.time_left().map(|left| left.num_seconds()),
    }
}

/// Where a run stands, in a word or two: `running`, `done`, `taking back`.
pub fn standing(run: &Run) -> &'static str {
    match (&run.recall, &run.phase, run.is_over()) {
        (Some(recall), _, true) if recall.replacement.is_none() => "taken back",
        (Some(recall), _, false) if recall.replacement.is_none() => "taking back",
        (Some(_), Phase::Running | Phase::Trying, false) => "correcting",
        (Some(_), Phase::Running | Phase::Trying, true) => "corrected",
        (_, Phase::Running | Phase::Trying, true) => "done",
        (_, phase, _) => phase.word(),
    }
}

/// Why it does not go on, if somebody said so.
pub fn reason(run: &Run) -> Option<&str> {
    match &run.phase {
        Phase::Paused { reason, .. } | Phase::Cancelled { reason, .. } => Some(reason),
        Phase::Running | Phase::Trying | Phase::AwaitingApproval => None,
    }
}

/// What its phase means, in a sentence without its full stop.
pub fn phase(run: &Run, zone: Tz) -> String {
    match &run.phase {
        Phase::Running if run.is_over() => "all of it is at its end".to_owned(),
        Phase::Running => "its cards go out".to_owned(),
        Phase::Trying => format!(
            "it is tried on {} first; the others follow when these have it",
            counted(run.first.count, "recipient", "recipients")
        ),
        Phase::AwaitingApproval => format!("it waits until somebody approves it: `herald runs approve {}`", run.id),
        Phase::Paused { since, reason } => format!("it is paused since {}, because {reason}", moment(*since, zone)),
        Phase::Cancelled { since, reason } => {
            format!("it was cancelled at {}, because {reason}", moment(*since, zone))
        }
    }
}

/// Why a delivery of this run does not go out now, if the run is the reason.
pub fn holds_back(run: &Run, delivery: &Delivery, zone: Tz) -> Option<String> {
    if !delivery.operation.is_send() {
        return None;
    }
    match &run.phase {
        Phase::Running => None,
        Phase::Trying if delivery.terms.first => None,
        Phase::Trying => Some(format!(
            "the run is tried on {} first, and this is none of them",
            counted(run.first.count, "recipient", "recipients")
        )),
        Phase::AwaitingApproval => Some(format!(
            "the run waits until somebody approves it (`herald runs approve {}`)",
            run.id
        )),
        Phase::Paused { since, reason } => Some(format!(
            "the run is paused since {}, because {reason}",
            moment(*since, zone)
        )),
        Phase::Cancelled { reason, .. } => Some(format!("the run was cancelled, because {reason}")),
    }
}

/// Everything about a run, in lines. `failed` are some of those that did not get it, or kept what should be gone.
pub fn story(run: &Run, failed: &[Delivery], zone: Tz) -> String {
    let mut out = String::new();
    tell(&mut out, run, failed, zone).expect("writing into a String does not fail");
    out
}

fn tell(out: &mut String, run: &Run, failed: &[Delivery], zone: Tz) -> fmt::Result {
    let at = moment(run.created_at, zone);
    writeln!(out, "{}: {}, because of {}, {at}", run.id, run.rule, run.event_id)?;
    writeln!(out, "{}.", capital(&phase(run, zone)))?;
    let Progress {
        ended,
        expected,
        percent,
        ..
    } = progress(run);
    let of = grouped(expected);
    writeln!(
        out,
        "{} of {of} at their end ({percent} %): {}.",
        grouped(ended),
        tally(run)
    )?;
    if !run.complete {
        writeln!(out, "Not all recipients have been taken in yet.")?;
    }
    if let Some(left) = time_left(run) {
        writeln!(out, "{} left.", capital(&left))?;
    }
    if let Some(recall) = &run.recall {
        let since = moment(recall.since, zone);
        match recall.replacement {
            None => writeln!(out, "Since {since} what was delivered is taken back.")?,
            Some(_) => writeln!(
                out,
                "Since {since} another message takes the place of what was delivered."
            )?,
        }
    }
    if run.lane != Lane::Normal {
        writeln!(out, "{}.", capital(lane(run.lane)))?;
    }
    if let Some(at) = run.expires_at {
        writeln!(
            out,
            "What has not gone out by {} is not sent any more.",
            moment(at, zone)
        )?;
    }
    if run.first.count > 0 {
        writeln!(
            out,
            "Of the {} that it was tried on first, {} got it and {} did not.",
            grouped(run.first.count),
            grouped(run.first.delivered),
            grouped(run.first.failed)
        )?;
    }
    if let Some(together) = &run.together {
        tell_of_batches(out, together)?;
    }
    if let Some(percent) = run.stop_above_percent {
        writeln!(out, "It pauses by itself when more than {percent} % fail.")?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for delivery in failed {
        let reason = delivery.reason.as_deref().unwrap_or("no reason is known");
        writeln!(out, "  {}: {reason}", delivery.recipient.name)?;
    }
    let all = run.tally.dead + run.tally.unreachable;
    if all > failed.len() as u64 {
        let more = grouped(all - failed.len() as u64);
        let run = &run.id;
        writeln!(
            out,
            "  ... and {more} more: `herald deliveries list --state dead --run {run}`"
        )?;
    }
    Ok(())
}

/// What it means for the cards of a run that they went in batches, if some did.
pub fn in_batches(together: &Together) -> Option<String> {
    (together.batches > 0).then(|| {
        format!(
            "{} of its cards went to Teams in {}, of which Teams tells no message ids: they can be neither taken back nor corrected.",
            grouped(together.deliveries),
            counted(together.batches, "batch", "batches")
        )
    })
}

/// Which way its cards went, and why not together.
fn tell_of_batches(out: &mut String, together: &Together) -> fmt::Result {
    if let Some(sentence) = in_batches(together) {
        writeln!(out, "{sentence}")?;
    }
    let who = match together.batches {
        0 => "Cards go one by one",
        _ => "Some cards go one by one",
    };
    for reason in &together.alone {
        writeln!(out, "{who}: {reason}.")?;
    }
    Ok(())
}

/// `405 sent, 3 given up, 588 waiting`
pub fn tally(run: &Run) -> String {
    let tally = run.tally;
    let parts = [
        (tally.delivered, "sent"),
        (tally.dead, "given up"),
        (tally.unreachable, "nobody could be told through"),
        (tally.cancelled, "not sent"),
        (tally.recalled, "taken back"),
        (tally.open, "still to do"),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(count)))
        .collect();
    match told.is_empty() {
        true => "nothing was to be sent".to_owned(),
        false => told.join(", "),
    }
}

/// `about 3 minutes`; `None` while nothing can be said.
pub fn time_left(run: &Run) -> Option<String> {
    run.time_left().map(about)
}

/// A length of time in its largest unit: nobody wants to know the seconds of two hours.
fn about(left: TimeDelta) -> String {
    let seconds = left.num_seconds().max(1).unsigned_abs();
    let rounded = match seconds {
        0..=59 => seconds,
        60..=5_399 => seconds.div_ceil(60) * 60,
        _ => seconds.div_ceil(1_800) * 1_800,
    };
    format!("about {}", duration::words(Duration::from_secs(rounded)))
}

/// What a lane means for whoever waits in it.
pub fn lane(lane: Lane) -> &'static str {
    match lane {
        Lane::Critical => "it overtakes what is less urgent (lane critical)",
        Lane::Normal => "it goes in its turn (lane normal)",
        Lane::Bulk => "it lets what is more urgent pass (lane bulk)",
    }
}

/// Something of this delivery did not go as wanted: it was given up, or what was to be taken back is still there.
pub fn is_failure(delivery: &Delivery) -> bool {
    match delivery.state {
        State::Dead => true,
        State::Delivered => delivery.reason.is_some(),
        State::Pending | State::Sending | State::Cancelled | State::Recalled => false,
    }
}

/// `1 recipient`, `1,200 recipients`
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// `100,000`
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::delivery::CardId;
    use crate::event::EventId;
    use crate::run::{Order, Recall};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_460_000 + second, 0).expect("an instant")
    }

    fn run(change: impl FnOnce(&mut Run)) -> Run {
        let mut run = Run::new(&EventId::known("ev_1"), "office/party", 1_000, at(0));
        run.tally.open = 588;
        run.tally.delivered = 405;
        run.tally.dead = 3;
        run.tally.unreachable = 4;
        change(&mut run);
        run
    }

    #[test]
    fn numbers_are_grouped_so_that_they_can_be_read() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"].map(str::to_owned),
            [0, 999, 1_000, 1_234_567].map(grouped)
        );
    }

    #[test]
    fn a_share_is_whole_only_when_all_are_at_their_end() {
        let almost = run(|run| {
            run.expected = 100_000;
            run.tally.open = 1;
            run.tally.delivered = 99_992;
        });
        assert_eq!(progress(&almost).percent, 99);
        assert_eq!(progress(&run(|_| ())).percent, 41);
        let over = run(|run| run.tally.open = 0);
        assert_eq!((progress(&over).percent, standing(&over)), (100, "done"));
        let nobody = Run::new(&EventId::known("ev_1"), "r", 0, at(0));
        assert_eq!(progress(&nobody).percent, 100);
    }

    #[test]
    fn a_paused_run_says_since_when_and_why() {
        let mut paused = run(|_| ());
        let order = Order::Pause {
            reason: "the room is wrong".to_owned(),
        };
        paused.obey(order, at(60)).expect("obeyed");
        let text = story(&paused, &[], Tz::UTC);
        assert!(
            text.contains("It is paused since 2026-03-02 14:01:00 UTC, because the room is wrong."),
            "{text}"
        );
        assert!(
            text.contains("412 of 1,000 at their end (41 %): 405 sent, 3 given up, 4 nobody could be told through, 588 still to do."),
            "{text}"
        );
        assert_eq!(standing(&paused), "paused");
    }

    #[test]
    fn what_was_recalled_is_told_as_taken_back_or_corrected() {
        let recalled = |replacement: Option<CardId>, open: u64| {
            run(|run| {
                run.tally.open = open;
                let since = at(9);
                run.recall = Some(Recall { since, replacement });
            })
        };
        let other = || Some(CardId::of("other"));
        let standings = [(None, 1), (None, 0), (other(), 1), (other(), 0)]
            .map(|(replacement, open)| standing(&recalled(replacement, open)));
        assert_eq!(standings, ["taking back", "taken back", "correcting", "corrected"]);
    }

    #[test]
    fn time_left_is_told_in_its_largest_unit() {
        let told = |seconds| about(TimeDelta::seconds(seconds));
        assert_eq!(told(0), "about 1 second");
        assert_eq!(told(59), "about 59 seconds");
        assert_eq!(told(61), "about 2 minutes");
        assert_eq!(told(7_000), "about 2 hours");
        assert_eq!(told(8_900), "about 2 hours 30 minutes");
    }
}
