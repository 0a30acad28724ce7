//! What Graph may know of people that decides whether a rule means them.

use chrono::{DateTime, Utc};

use super::{Dispatcher, Missing};
use crate::audience::{Audience, Seek, Unsure};
use crate::roster::profile::{EMPTY_FOR, Wants};

/// What is to be known before the rule can tell all whom it means.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// What to ask Graph for, as in [`crate::store::outbox::Held::rosters`].
    pub(super) ask: Vec<String>,
    /// Until then nobody is told: somebody may be excepted.
    pub(super) of_excepted: bool,
    /// Why it is not asked.
    pub(super) notes: Vec<String>,
}

impl Doubt {
    /// Tells each reason once.
    fn note(&mut self, reason: &str) {
        let note = format!("what `where` asks for is not known of everybody: {reason}");
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

impl Dispatcher {
    /// Which of those whom `where` leaves out because a field of theirs is not known are worth asking Graph about.
    pub(super) fn doubt(&self, told: &Audience, missing: Missing<'_>, now: DateTime<Utc>) -> Doubt {
        let mut doubt = Doubt::default();
        let may = self.inquiries.wants(now);
        let excepted = told.not_sure_whom_to_except.iter().map(|unsure| (unsure, true));
        let left_out = told.sifted.unsure.iter().map(|unsure| (unsure, false));
        for (unsure, is_excepted) in left_out.chain(excepted) {
            for reason in self.inquiries.refused(unsure.wants, now) {
                doubt.note(&reason);
            }
            let seek = Seek::Profile(unsure.id.clone());
            if !is_worth_it(unsure, may, now) || self.inquiries.asked_lately(&seek, now) {
                continue;
            }
            match missing {
                Missing::Ask { .. } => {
                    doubt.ask.push(seek.key());
                    doubt.of_excepted |= is_excepted;
                }
                Missing::GivenUp(reason) => doubt.note(reason),
            }
        }
        doubt.ask.sort();
        doubt.ask.dedup();
        doubt
    }

    /// Has Graph asked, beside the work, about those who are told something and of whom zone, language or fields are not
    /// known or old. Nobody waits for that, and whoever finds no room is asked about with the next event.
    pub(super) fn get_to_know(&self, told: &Audience, now: DateTime<Utc>) {
        let Some(unknown) = &self.unknown else {
            return;
        };
        let may = self.inquiries.wants(now);
        if !may.any() {
            return;
        }
        for person in told.reached.iter().filter_map(|reached| reached.person.as_ref()) {
            let Some(id) = &person.aad_object_id else {
                continue;
            };
            if may.of(person, now).any()
                && !self.inquiries.asked_lately(&Seek::Profile(id.clone()), now)
                && unknown.try_send(id.clone()).is_err()
            {
                return;
            }
        }
    }
}

/// Graph may know more of them than when it was last asked.
fn is_worth_it(unsure: &Unsure, may: Wants, now: DateTime<Utc>) -> bool {
    let old = |at: Option<DateTime<Utc>>| at.is_none_or(|at| now - at >= EMPTY_FOR);
    let entra = unsure.wants.entra && may.entra && old(unsure.entra_at);
    let mailbox = unsure.wants.mailbox && may.mailbox && old(unsure.mailbox_at);
    entra || mailbox
}
