//! What became of one card.

use chrono_tz::Tz;

use super::moment;
use crate::delivery::{Delivery, DeliveryId, Operation, State, Verdict};
use crate::lane::Lane;
use crate::run::Run;

/// What became of one card, with its run and the delivery that goes to the same conversation before it.
pub fn fate(delivery: &Delivery, run: Option<&Run>, behind: Option<&DeliveryId>, zone: Tz) -> String {
    let reason = delivery.reason.as_deref().unwrap_or("no reason is known");
    let tries = match delivery.attempt_count {
        0 => "before the first attempt".to_owned(),
        1 => "after one attempt".to_owned(),
        count => format!("after {count} attempts"),
    };
    let last = delivery.attempts.last();
    match delivery.state {
        State::Delivered => {
            let at = last.map_or(delivery.created_at, |attempt| attempt.started_at);
            let note = match last.map(|attempt| &attempt.verdict) {
                Some(Verdict::Delivered { note, .. }) => note.as_ref(),
                Some(Verdict::RetryAt { .. } | Verdict::Dead { .. }) | None => None,
            };
            let note = note.map_or_else(String::new, |note| format!("; {note}"));
            let note = format!("{note}{}", together(delivery, run));
            let kept = delivery.reason.as_ref();
            let kept = kept.map_or_else(String::new, |reason| format!("; {reason}"));
            match (delivery.operation, delivery.attempt_count) {
                (Operation::Update, _) if kept.is_empty() => {
                    format!("sent, and corrected at {}{note}", moment(at, zone))
                }
                (Operation::Update | Operation::Delete, _) => format!("sent{kept}"),
                (Operation::Send, 0 | 1) => format!("sent at {}{note}{kept}", moment(at, zone)),
                (Operation::Send, count) => {
                    format!("sent at {}, at attempt {count}{note}{kept}", moment(at, zone))
                }
            }
        }
        State::Sending if delivery.batch.is_some() => {
            "is in a batch that Teams works on; what came of it is asked".to_owned()
        }
        State::Sending => match delivery.operation {
            Operation::Send => "is being sent right now".to_owned(),
            Operation::Update => "sent, and is being corrected right now".to_owned(),
            Operation::Delete => "sent, and is being taken back right now".to_owned(),
        },
        State::Pending => {
            let what = match delivery.operation {
                Operation::Send => "waiting",
                Operation::Update => "sent, and to be corrected",
                Operation::Delete => "sent, and to be taken back",
            };
            let on = terms(delivery, zone);
            if let Some(why) = run.and_then(|run| super::run::holds_back(run, delivery, zone)) {
                return format!("{what}: {why}{on}");
            }
            if let Some(ahead) = behind {
                return format!("{what} behind another message to the same conversation ({ahead}){on}");
            }
            let at = moment(delivery.next_attempt_at, zone);
            match last.map(|attempt| &attempt.verdict) {
                Some(Verdict::RetryAt { reason, .. }) => {
                    format!("{what}; tried again at {at}, {tries}: {reason}{on}")
                }
                Some(Verdict::Delivered { .. } | Verdict::Dead { .. }) | None => match delivery.operation {
                    Operation::Send => match (&delivery.reason, delivery.terms.held_until) {
                        (Some(reason), Some(_)) => format!("waiting until {at}: {reason}{on}"),
                        _ => format!("waiting to be sent, from {at} on{on}"),
                    },
                    Operation::Update | Operation::Delete => format!("{what}, from {at} on"),
                },
            }
        }
        State::Dead if delivery.card_id.is_none() => format!("nobody was told through this: {reason}"),
        State::Dead => format!("given up {tries}: {reason}"),
        State::Cancelled => format!("not sent, {reason} ({tries})"),
        State::Recalled => {
            let at = last.map_or(delivery.created_at, |attempt| attempt.started_at);
            format!("sent, and taken back at {}", moment(at, zone))
        }
    }
}

/// Which way it went, where batches are on.
fn together(delivery: &Delivery, run: Option<&Run>) -> String {
    if delivery.batch.is_some() {
        return "; in a batch, so it can be neither taken back nor corrected".to_owned();
    }
    let reasons = run
        .and_then(|run| run.together.as_ref())
        .map(|together| &together.alone[..]);
    match (delivery.terms.by_itself, reasons) {
        (true, _) => "; by itself, because the batch that it was in did not bring it".to_owned(),
        (false, Some([reason])) => format!("; by itself, because {reason}"),
        (false, Some([_, _, ..])) => {
            "; by itself (`herald runs show` says why some cards do not go in batches)".to_owned()
        }
        (false, Some([]) | None) => String::new(),
    }
}

/// What is out of the ordinary in how a card is to be sent.
fn terms(delivery: &Delivery, zone: Tz) -> String {
    if !delivery.operation.is_send() {
        return String::new();
    }
    let lane = match delivery.terms.lane {
        Lane::Normal => String::new(),
        other => format!("; {}", super::run::lane(other)),
    };
    let until = delivery.terms.expires_at.map_or_else(String::new, |at| {
        format!("; not sent any more after {}", moment(at, zone))
    });
    format!("{lane}{until}")
}
