//! Asks Graph what Entra and mailboxes say of people: of those about whom a rule waits to know, and, beside the work, of
//! those who were told something. Each person is asked about once in a while, however many events there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::audience::{Found, Lookup, PersonRef, Seek};
use crate::clock::Clock;
use crate::graph::answer::No;
use crate::graph::client::Graph;
use crate::graph::inquiry::{Heard, Inquiries};
use crate::graph::profiles::Told;
use crate::roster::profile::{Mailbox, Wants};
use crate::roster::{Fact, Person};
use crate::stop::Stop;
use crate::store::{Directory, StoreError};

/// People who wait for being asked about beside the work; further ones come again with the next event for them.
pub const MOST_WAITING: usize = 2_000;
/// So many of them are taken together.
const BATCH: usize = 200;

/// Who asks.
#[derive(Clone)]
pub struct Profiles {
    /// Graph.
    pub graph: Arc<Graph>,
    /// What may be asked, and what was lately.
    pub inquiries: Arc<Inquiries>,
    /// Where it is kept.
    pub directory: Arc<dyn Directory>,
    /// The time.
    pub clock: Clock,
}

impl Profiles {
    /// Asks about those who arrive in `inbox`, until `stop` is true. Who is not asked about by then comes again.
    pub async fn run(self, mut inbox: mpsc::Receiver<String>, mut stop: Stop) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                () = stop.told() => return,
                count = inbox.recv_many(&mut batch, BATCH) => if count == 0 { return },
            }
            let ids: BTreeSet<String> = batch.drain(..).collect();
            let asked = async {
                let unknown = self.still_unknown(ids).await?;
                self.ask(&unknown).await
            };
            tokio::select! {
                () = stop.told() => return,
                asked = asked => if let Err(problem) = asked {
                    warn!(%problem, "what Graph says of people cannot be kept, trying again with their next card");
                },
            }
        }
    }

    /// Asks about the people with these Entra object ids and keeps what is told. The answer names those about whom Graph
    /// cannot be asked now, each with the reason; about the others is known what there is to know.
    ///
    /// # Errors
    /// Those of the directory.
    pub async fn ask(&self, ids: &[String]) -> Result<BTreeMap<String, String>, StoreError> {
        let mut later = BTreeMap::new();
        let mut rest = ids;
        while !rest.is_empty() {
            let wants = self.inquiries.wants(self.clock.now());
            if !wants.any() {
                break;
            }
            let (some, others) = rest.split_at(rest.len().min(Graph::at_once(wants)));
            rest = others;
            match self.graph.profiles(some, wants).await {
                Ok(told) => later.extend(self.keep(told).await?),
                Err(no) if no.passes() => {
                    // Whoever comes after them would hear the same.
                    let reason = no.to_string();
                    later.extend(some.iter().chain(rest).map(|id| (id.clone(), reason.clone())));
                    break;
                }
                Err(no) => self.refused(wants, &no),
            }
        }
        Ok(later)
    }

    /// Keeps what was told; of whom it could not be told now, with the reason.
    async fn keep(&self, told: Vec<Told>) -> Result<Vec<(String, String)>, StoreError> {
        let now = self.clock.now();
        let mut later = Vec::new();
        let mut facts = Vec::new();
        let denied = |told: &Told| matches!(told.mailbox, Some(Err(No::Denied { .. })));
        // A policy of Exchange may leave the bot some mailboxes and not others.
        let no_mailbox = told.iter().all(denied);
        for one in told {
            if let Some(zone) = one.strange_zone {
                info!(person = %one.id, %zone, "the time zone of a mailbox is none that is known");
            }
            let mut person = Person {
                tenant_id: self.graph.tenant().to_owned(),
                aad_object_id: Some(one.id.clone()),
                ..Person::default()
            };
            match one.entra {
                None => {}
                Some(Ok(entra)) => person.entra = Some(Box::new(entra)),
                Some(Err(no)) if no.passes() => later.push((one.id.clone(), no.to_string())),
                Some(Err(no)) => self.refused(ENTRA, &no),
            }
            match one.mailbox {
                None => {}
                Some(Ok(mailbox)) => person.mailbox = Some(Box::new(mailbox)),
                Some(Err(no)) if no.passes() => later.push((one.id.clone(), no.to_string())),
                Some(Err(no)) if no_mailbox => self.refused(MAILBOX, &no),
                Some(Err(_)) => {
                    person.mailbox = Some(Box::new(Mailbox {
                        at: now,
                        ..Mailbox::default()
                    }));
                }
            }
            if person.entra.is_some() || person.mailbox.is_some() {
                facts.push(Fact::PersonSeen(person));
            }
            let heard = Heard {
                at: now,
                reason: "Microsoft Graph was asked about this person a moment ago".to_owned(),
                passes: false,
            };
            if later.last().is_none_or(|(id, _)| *id != one.id) {
                self.inquiries.remember(&Seek::Profile(one.id), heard);
            }
        }
        if !facts.is_empty() {
            self.directory.learn(&facts).await?;
        }
        Ok(later)
    }

    /// Nothing of this is told about anybody for a while.
    fn refused(&self, what: Wants, no: &No) {
        let at = self.clock.now();
        if self.inquiries.refused(what, at).is_empty() {
            warn!(reason = %no, "Graph does not say more of people");
        }
        // Records keep short sentences, and what is to be done stands at the end.
        let reason = match no {
            No::Denied { task, .. } => format!(
                "Microsoft Graph does not let the app {}: an administrator must grant it the application permission {}",
                task.words(),
                task.permission()
            ),
            other => other.to_string(),
        };
        let passes = false;
        self.inquiries.refuse(what, &Heard { at, reason, passes });
    }

    /// Those of whom it is not known yet what is worth asking: several events ask for the same person before the first
    /// answer is there.
    async fn still_unknown(&self, ids: BTreeSet<String>) -> Result<Vec<String>, StoreError> {
        let now = self.clock.now();
        let wants = self.inquiries.wants(now);
        let mut unknown = Vec::new();
        for id in ids {
            if self.inquiries.asked_lately(&Seek::Profile(id.clone()), now) {
                continue;
            }
            let lookup = Lookup::Person(PersonRef::AadObjectId(id.clone()));
            let known = match self.directory.look_up(&lookup).await? {
                Found::People(people) => people.into_iter().next(),
                Found::Teams(_) | Found::GroupChats(_) | Found::Conversation(_) | Found::Roster(_) => None,
            };
            if wants.of(&known.unwrap_or_default(), now).any() {
                unknown.push(id);
            }
        }
        Ok(unknown)
    }
}

const ENTRA: Wants = Wants {
    entra: true,
    mailbox: false,
};
const MAILBOX: Wants = Wants {
    entra: false,
    mailbox: true,
};
