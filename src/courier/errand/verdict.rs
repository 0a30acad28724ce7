//! What an answer means: for the delivery, and for what else waits.

use chrono::{DateTime, Duration, Utc};

use super::{Errand, Outcome, Tried};
use crate::courier::doubt::Doubt;
use crate::delivery::{Address, Delivery, Verdict};
use crate::metric::label;
use crate::retry::Next;
use crate::teams::answer::Answer;
use crate::teams::standing::Refused;

/// How often Teams may say of a place that it is gone, and show its members all the same, before a message is given up.
const CONTRADICTIONS: usize = 4;

impl Errand {
    /// What everybody else must know of this attempt.
    pub(super) fn outcome(&self, tried: &Tried, now: DateTime<Utc>) -> Outcome {
        let standing = self.connector.standing();
        let tenant = tried.way.tenant_id.as_deref().unwrap_or_default();
        let asked =
            tried.shut.is_none() && tried.suspended_until.is_none() && !tried.by_graph && !tried.through_webhook;
        if let Some(until) = tried.suspended_until {
            return Outcome {
                tenant_suspended_until: Some((tenant.to_owned(), until)),
                ..Outcome::default()
            };
        }
        let refused = match asked {
            true => standing.take(tenant, &tried.answer, now),
            false => standing.weigh(tenant, &tried.answer, now),
        };
        match refused {
            Some(Refused::Everywhere(until)) => {
                return Outcome {
                    pause_everything: Some(until),
                    ..Outcome::default()
                };
            }
            Some(Refused::InTenant(until)) => {
                return Outcome {
                    tenant_suspended_until: Some((tenant.to_owned(), until)),
                    ..Outcome::default()
                };
            }
            None => {}
        }
        let Answer::Throttled { wait } = &tried.answer else {
            return Outcome::default();
        };
        let wait = wait
            .and_then(|wait| Duration::from_std(wait).ok())
            .unwrap_or(Duration::seconds(2));
        Outcome {
            throttled_until: Some(now + wait),
            ..Outcome::default()
        }
    }

    pub(super) fn judge(&self, delivery: &Delivery, tried: &Tried, now: DateTime<Utc>) -> Verdict {
        if let (Answer::Accepted { activity_id }, Some(conversation_id)) = (&tried.answer, &tried.conversation) {
            return Verdict::Delivered {
                activity_id: activity_id.clone(),
                conversation_id: conversation_id.clone(),
                thread_root: tried.thread_root.clone(),
                note: tried.note.clone(),
            };
        }
        if let Some(at) = tried.look_again_at {
            return Verdict::RetryAt {
                at,
                reason: format!("{}; the app is being installed for this person", tried.answer),
            };
        }
        let not_found = delivery
            .attempts
            .iter()
            .filter(|attempt| attempt.status == Some(404))
            .count();
        if not_found == 0 && tried.answer.may_reopen() && matches!(delivery.recipient.address, Address::Person { .. })
        {
            // The chat we knew is forgotten by now; the next try opens it again.
            return Verdict::RetryAt {
                at: now,
                reason: tried.answer.to_string(),
            };
        }
        if tried.doubt == Doubt::Alive && not_found >= CONTRADICTIONS {
            let reason = format!("{}, again and again", tried.answer);
            return Verdict::Dead { reason };
        }
        match self.retry.next(&tried.answer, delivery, now, jitter()) {
            Next::Retry { at, reason } => Verdict::RetryAt { at, reason },
            Next::GiveUp { reason } => Verdict::Dead { reason },
            Next::Done => unreachable!("an accepted message always has its conversation"),
        }
    }
}

/// Why a delivery was given up, in a word: an answer that would have passed has outlived our patience.
pub(super) fn cause_of_death(answer: &Answer) -> &'static str {
    match answer {
        Answer::Throttled { .. }
        | Answer::Conflict
        | Answer::Unavailable { .. }
        | Answer::NoToken { .. }
        | Answer::Unauthorized { .. }
        | Answer::SwitchedOff { .. } => label::TOO_LATE,
        Answer::Accepted { .. }
        | Answer::Faulty { .. }
        | Answer::Gone { .. }
        | Answer::NotInstalled { .. }
        | Answer::Foreign { .. }
        | Answer::WrongHost { .. }
        | Answer::NotAllowed { .. }
        | Answer::Blocked { .. }
        | Answer::Unreachable { .. }
        | Answer::MessageGone { .. }
        | Answer::TooLarge
        | Answer::Rejected { .. } => answer.word(),
    }
}

/// A number from 0 to 1.
fn jitter() -> f64 {
    let [byte, other, ..] = *uuid::Uuid::new_v4().as_bytes();
    f64::from(u16::from_be_bytes([byte, other])) / f64::from(u16::MAX)
}
