//! What an answer means: for the delivery, and for what else waits.

use chrono::{DateTime, Duration, Utc};
use tracing::{error, info};

use super::{Errand, Outcome, Tried};
use crate::courier::doubt::Doubt;
use crate::delivery::{Address, Delivery, Verdict};
use crate::metric::label;
use crate::retry::Next;
use crate::teams::answer::Answer;

/// How often Teams may say of a place that it is gone, and show its members all the same, before a message is given up.
const CONTRADICTIONS: usize = 4;

impl Errand {
    /// What everybody else must know of this attempt. Whoever is first to see that the bot as a whole is refused says so
    /// aloud, and so does the one that sees that it is over.
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
        if asked {
            for over in standing.heard(tenant, &tried.answer) {
                info!(tenant = over.tenant_id, since = %over.since, "Teams takes the bot's messages again");
            }
        }
        let everybody = |until| Outcome {
            pause_everything: Some(until),
            ..Outcome::default()
        };
        match &tried.answer {
            Answer::Throttled { wait } => {
                let wait = wait
                    .and_then(|wait| Duration::from_std(wait).ok())
                    .unwrap_or(Duration::seconds(2));
                Outcome {
                    throttled_until: Some(now + wait),
                    ..Outcome::default()
                }
            }
            Answer::NoToken { reason } => {
                let pause = standing.no_token(reason, now);
                if pause.news {
                    error!(%reason, "the bot has no token, nothing is sent until it has; what waits is kept");
                }
                everybody(pause.until)
            }
            Answer::Unauthorized { reason } => match standing.unauthorized(reason, now) {
                Some(pause) => {
                    if pause.news {
                        error!(%reason, "Teams does not accept the bot, nothing is sent until it does; what waits is kept");
                    }
                    everybody(pause.until)
                }
                None => Outcome::default(),
            },
            Answer::SwitchedOff { reason } => {
                let pause = standing.switched_off(tenant, reason, now);
                if pause.news {
                    error!(tenant, %reason, "the bot is switched off in a tenant, its messages wait until it is on again");
                }
                Outcome {
                    tenant_suspended_until: Some((tenant.to_owned(), pause.until)),
                    ..Outcome::default()
                }
            }
            Answer::Accepted { .. }
            | Answer::Conflict
            | Answer::Unavailable { .. }
            | Answer::Faulty { .. }
            | Answer::WrongHost { .. }
            | Answer::NotInstalled { .. }
            | Answer::Foreign { .. }
            | Answer::Gone { .. }
            | Answer::Blocked { .. }
            | Answer::Unreachable { .. }
            | Answer::NotAllowed { .. }
            | Answer::MessageGone { .. }
            | Answer::TooLarge
            | Answer::Rejected { .. } => Outcome::default(),
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
