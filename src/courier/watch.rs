//! Asks Teams how far its batches are, and what came of those in them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Duration, Utc};
use tracing::{info, warn};

use super::batch::Batcher;
use super::errand::batched::Fate;
use crate::audience::{Found, Lookup, PersonRef};
use crate::batch::{Convoy, Passenger};
use crate::delivery::State;
use crate::lane::Lane;
use crate::pace::{Kind, Request};
use crate::run::Phase;
use crate::stop::Stop;
use crate::store::StoreError;
use crate::teams::answer::Answer;
use crate::teams::batch::{Stage, meaning};

/// How soon Teams is asked again when it names no time.
const AGAIN: Duration = Duration::seconds(5);
/// Teams is never asked sooner than this.
const SOONEST: Duration = Duration::milliseconds(500);
/// However late the time that Teams names.
const LATEST: Duration = Duration::minutes(5);
/// How often batches are looked at for orders of operators.
const LOOK_ROUND: Duration = Duration::seconds(2);
/// How long a batch may take before what it came to is no longer asked.
const GIVEN_UP_AFTER: Duration = Duration::hours(24);
/// How often Teams may say that it does not know a batch before that is believed.
const UNKNOWN: u32 = 5;
/// How many pages of failures are read.
const MOST_PAGES: usize = 2_000;
/// How many are settled at once.
const AT_ONCE: usize = 64;

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Teams is through with it.
    Completed,
    /// Teams gave it up.
    Failed,
    /// It was stopped, and Teams does not say more of it.
    Stopped,
    /// Teams took it, and does not say what came of it.
    Unsaid,
}

/// What Teams says of somebody in a batch that ended.
#[derive(Debug, Clone, Copy)]
struct Told<'a> {
    /// Its word for why they did not get it.
    error: Option<&'a str>,
    end: End,
    note: Option<&'static str>,
}

/// Why what came of a batch is not known yet.
enum NotYet {
    /// Ask again then.
    Until(DateTime<Utc>),
    Store(StoreError),
}

impl From<StoreError> for NotYet {
    fn from(problem: StoreError) -> Self {
        NotYet::Store(problem)
    }
}

impl Batcher {
    /// Follows all batches until `stop` is true; goes on with those that a former Herald left.
    pub(super) async fn watch(&self, mut stop: Stop) {
        loop {
            let next = tokio::select! {
                () = stop.told() => return,
                // What is cut short here is done again after the next start.
                next = self.round() => next,
            };
            tokio::select! {
                () = stop.told() => return,
                () = self.departed.notified() => {}
                () = self.clock.sleep_until_any(next) => {}
            }
        }
    }

    /// Looks at every batch; says when to look again.
    async fn round(&self) -> Option<DateTime<Utc>> {
        let soon = self.clock.now() + LOOK_ROUND;
        let convoys = match self.outbox.convoys().await {
            Ok(convoys) => convoys,
            Err(problem) => {
                warn!(%problem, "batches cannot be looked at, trying again");
                return Some(soon);
            }
        };
        let mut next = None;
        for mut convoy in convoys {
            match self.look(&mut convoy).await {
                Ok(true) => {}
                Ok(false) => next = super::earlier(next, Some(convoy.look_at.min(soon))),
                Err(problem) => {
                    warn!(operation = %convoy.id, %problem, "a batch cannot be followed, trying again");
                    next = super::earlier(next, Some(soon));
                }
            }
        }
        next
    }

    /// Looks at one batch; true if it is over.
    async fn look(&self, convoy: &mut Convoy) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let is_stopped = match self.outbox.run(&convoy.run).await {
            Ok(run) => run.is_some_and(|run| matches!(run.phase, Phase::Cancelled { .. })),
            Err(StoreError::Corrupt(_)) => false,
            Err(problem) => return Err(problem),
        };
        let asked_lately = convoy.stop_asked_at.is_some_and(|at| now - at < AGAIN && at <= now);
        if is_stopped && !convoy.cancelled && !asked_lately {
            self.have_stopped(convoy).await?;
        }
        if convoy.look_at > self.clock.now() && convoy.look_at - now <= LATEST {
            return Ok(false);
        }
        let (end, failed) = match self.standing(convoy).await {
            Ok(ended) => ended,
            Err(again_at) => {
                convoy.look_at = again_at;
                self.outbox.keep_convoy(convoy).await?;
                return Ok(false);
            }
        };
        match self.finish(convoy, end, failed).await {
            Ok(()) => Ok(true),
            Err(NotYet::Store(problem)) => Err(problem),
            Err(NotYet::Until(at)) => {
                convoy.look_at = at;
                self.outbox.keep_convoy(convoy).await?;
                Ok(false)
            }
        }
    }

    /// Has Teams stop what it has not sent yet.
    async fn have_stopped(&self, convoy: &mut Convoy) -> Result<(), StoreError> {
        self.turnstile.pass(request(convoy)).await;
        let sent = self.connector.cancel_batch(&convoy.service_url, &convoy.id).await;
        self.metrics.answer(sent.answer.word());
        let now = self.clock.now();
        convoy.stop_asked_at = Some(now);
        if passes(&sent.answer) {
            warn!(operation = %convoy.id, answer = %sent.answer, "Teams could not be asked to stop a batch, trying again");
        } else {
            info!(operation = %convoy.id, answer = %sent.answer, "Teams was asked to stop a batch");
            convoy.cancelled = true;
            convoy.look_at = convoy.look_at.min(now + SOONEST);
        }
        self.outbox.keep_convoy(convoy).await
    }

    /// How the batch ended, and how many failed as far as Teams counts; else when to ask again.
    async fn standing(&self, convoy: &mut Convoy) -> Result<(End, Option<u64>), DateTime<Utc>> {
        self.turnstile.pass(request(convoy)).await;
        let standing = self.connector.batch_standing(&convoy.service_url, &convoy.id).await;
        let now = self.clock.now();
        let is_too_old = now - convoy.begun_at > GIVEN_UP_AFTER;
        let unsaid = if convoy.cancelled { End::Stopped } else { End::Unsaid };
        match standing {
            Ok(standing) => {
                self.metrics.answer("accepted");
                convoy.unknown = 0;
                match standing.stage {
                    Stage::Completed => Ok((End::Completed, standing.failed)),
                    Stage::Failed if convoy.cancelled => Ok((End::Stopped, standing.failed)),
                    Stage::Failed => Ok((End::Failed, standing.failed)),
                    Stage::UnderWay if is_too_old => Ok((unsaid, standing.failed)),
                    Stage::UnderWay => {
                        let wanted = standing.retry_after.unwrap_or(now + AGAIN);
                        Err(wanted.clamp(now + SOONEST, now + LATEST))
                    }
                }
            }
            Err(answer) => {
                self.metrics.answer(answer.word());
                if passes(&answer) {
                    let at = self.later(convoy, &answer, now);
                    return if is_too_old { Ok((unsaid, None)) } else { Err(at) };
                }
                convoy.unknown += 1;
                if convoy.cancelled || convoy.unknown >= UNKNOWN {
                    warn!(operation = %convoy.id, %answer, "Teams does not say what became of a batch");
                    return Ok((unsaid, None));
                }
                Err(now + AGAIN)
            }
        }
    }

    fn later(&self, convoy: &Convoy, answer: &Answer, now: DateTime<Utc>) -> DateTime<Utc> {
        let wait = match answer {
            Answer::Throttled { wait } => {
                self.throttled(request(convoy), *wait, now);
                *wait
            }
            Answer::Unavailable { wait, .. } => *wait,
            _ => None,
        };
        let wait = wait.and_then(|wait| Duration::from_std(wait).ok()).unwrap_or(AGAIN);
        now + wait.clamp(SOONEST, LATEST)
    }

    /// Settles everybody in a batch that ended.
    async fn finish(&self, convoy: &Convoy, end: End, failed: Option<u64>) -> Result<(), NotYet> {
        let told = self.failures(convoy).await?;
        let named = told.as_ref().map_or(0, HashMap::len) as u64;
        let unnamed = failed.unwrap_or(0).saturating_sub(named);
        if unnamed > 0 {
            warn!(
                operation = %convoy.id, failed, named,
                "Teams says that more of a batch failed than it names; the others count as delivered"
            );
        }
        let note = match (end, &told) {
            (End::Unsaid, _) => Some("Teams took the batch, and did not say what came of it"),
            (End::Completed, None) if failed != Some(0) => {
                Some("Teams took the batch, and did not say who of it did not get the message")
            }
            _ => None,
        };
        let told = told.unwrap_or_default();
        for some in convoy.passengers.chunks(AT_ONCE) {
            let landings = some.iter().map(|passenger| {
                let error = told.get(&passenger.member.to_lowercase()).map(String::as_str);
                self.land(convoy, passenger, Told { error, end, note })
            });
            let landed = futures::future::join_all(landings).await;
            landed.into_iter().collect::<Result<Vec<()>, _>>()?;
        }
        let now = self.clock.now();
        // What could not be written down is tried again, as long as it is known here.
        for passenger in &convoy.passengers {
            let delivery = match self.outbox.get(&passenger.delivery).await {
                Err(StoreError::Corrupt(_)) => None,
                found => found?,
            };
            let is_open = |delivery: &crate::delivery::Delivery| {
                delivery.state == State::Sending && delivery.batch.as_ref() == Some(&convoy.id)
            };
            if delivery.as_ref().is_some_and(is_open) {
                return Err(NotYet::Until(now + AGAIN));
            }
        }
        self.outbox.disband(&convoy.id).await?;
        let people = convoy.passengers.len();
        info!(operation = %convoy.id, people, failed = named, ?end, "a batch is over");
        self.work.notify_waiters();
        Ok(())
    }

    /// Settles one delivery of a batch that ended.
    async fn land(&self, convoy: &Convoy, passenger: &Passenger, told: Told<'_>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let fate = match (told.error, told.end) {
            (Some(error), _) => Fate::of(meaning(error, now)),
            (None, End::Completed | End::Unsaid) => Fate::arrived(told.note),
            (None, End::Failed) => Fate::of(Answer::Unavailable {
                reason: "Teams gave the batch up that it was in".to_owned(),
                wait: None,
            }),
            (None, End::Stopped) => return self.stopped(convoy, passenger, now).await,
        };
        self.errand.land(convoy, passenger, fate).await
    }

    /// Whoever was in a batch that was stopped.
    async fn stopped(&self, convoy: &Convoy, passenger: &Passenger, now: DateTime<Utc>) -> Result<(), StoreError> {
        let delivery = match self.outbox.get(&passenger.delivery).await {
            Ok(Some(delivery)) if delivery.state == State::Sending && delivery.batch.as_ref() == Some(&convoy.id) => {
                delivery
            }
            Ok(_) | Err(StoreError::Corrupt(_)) => return Ok(()),
            Err(problem) => return Err(problem),
        };
        let reason = "the run was cancelled while Teams worked on its batch; Teams does not say whether this card arrived before";
        self.outbox.cancel(&delivery.id, reason, now).await.map(drop)
    }

    /// Who did not get it, by how they were named, in lower case, and Teams' word for why; `None` if Teams does not say.
    async fn failures(&self, convoy: &Convoy) -> Result<Option<HashMap<String, String>>, NotYet> {
        let members = convoy
            .passengers
            .iter()
            .map(|passenger| passenger.member.to_lowercase());
        let aboard: HashSet<String> = members.collect();
        let mut failures = HashMap::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            self.turnstile.pass(request(convoy)).await;
            let page = self
                .connector
                .batch_failures(&convoy.service_url, &convoy.id, token.as_deref())
                .await;
            let page = match page {
                Ok(page) => page,
                Err(answer) => {
                    self.metrics.answer(answer.word());
                    let now = self.clock.now();
                    if passes(&answer) && now - convoy.begun_at < GIVEN_UP_AFTER {
                        return Err(NotYet::Until(self.later(convoy, &answer, now)));
                    }
                    warn!(operation = %convoy.id, %answer, "Teams does not say who of a batch did not get the message");
                    return Ok(None);
                }
            };
            self.metrics.answer("accepted");
            for failure in page.entries {
                failures.insert(self.member(&aboard, &failure.member).await?, failure.error);
            }
            match page.next {
                Some(next) if token.as_ref() != Some(&next) => token = Some(next),
                Some(_) | None => return Ok(Some(failures)),
            }
        }
        warn!(operation = %convoy.id, "Teams' list of those who did not get a batch has no end; the rest of it is passed over");
        Ok(Some(failures))
    }

    /// How we named somebody whom Teams may name by the other id.
    async fn member(&self, aboard: &HashSet<String>, told: &str) -> Result<String, StoreError> {
        let named = told.to_lowercase();
        if aboard.contains(&named) {
            return Ok(named);
        }
        let who = match told.starts_with("29:") {
            true => PersonRef::AccountId(told.to_owned()),
            false => PersonRef::AadObjectId(named.clone()),
        };
        let Found::People(people) = self.directory.look_up(&Lookup::Person(who)).await? else {
            return Ok(named);
        };
        let ids = people
            .into_iter()
            .flat_map(|person| [person.account_id, person.aad_object_id]);
        let known = ids.flatten().map(|id| id.to_lowercase()).find(|id| aboard.contains(id));
        if known.is_none() {
            warn!(
                member = told,
                "Teams says that somebody did not get a batch who was not in it"
            );
        }
        Ok(known.unwrap_or(named))
    }
}

/// It may be answered otherwise later.
fn passes(answer: &Answer) -> bool {
    match answer {
        Answer::Throttled { .. }
        | Answer::Conflict
        | Answer::Unavailable { .. }
        | Answer::Faulty { .. }
        | Answer::NoToken { .. }
        | Answer::Unauthorized { .. }
        | Answer::SwitchedOff { .. } => true,
        Answer::Accepted { .. }
        | Answer::WrongHost { .. }
        | Answer::NotInstalled { .. }
        | Answer::Foreign { .. }
        | Answer::Gone { .. }
        | Answer::Blocked { .. }
        | Answer::Unreachable { .. }
        | Answer::NotAllowed { .. }
        | Answer::MessageGone { .. }
        | Answer::TooLarge
        | Answer::Rejected { .. } => false,
    }
}

fn request(convoy: &Convoy) -> Request<'_> {
    Request {
        tenant: &convoy.tenant_id,
        kind: Kind::Listing,
        about: &convoy.id,
        lane: Lane::Normal,
    }
}
