//! One request for many: sorts out who may go together, hands them to Teams, and writes down that they are on the way.
//!
//! Between the answer of Teams and the record of its batch lies one write. What is killed in between is sent again, as a
//! single message is whose answer was not heard; from the record on nothing is sent twice, and the watch asks what came of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::Courier;
use super::errand::{Errand, RECORDED_WITHIN, STORE_PAUSE};
use super::renewed::Renewed;
use super::route::{self, Ground, Route};
use crate::batch::{self, Alone, Batching, Convoy, Line, Passenger};
use crate::clock::Clock;
use crate::delivery::{Address, DeliveryId, RunId};
use crate::lane::Lane;
use crate::metric::Metrics;
use crate::pace::{Kind, Request};
use crate::roster::ConversationId;
use crate::run::{Pass, Run};
use crate::store::outbox::Claim;
use crate::store::{Directory, Outbox, StoreError};
use crate::teams::answer::Answer;
use crate::teams::connector::Connector;
use crate::turnstile::Turnstile;

/// How long no batch is tried after Teams did not take one.
const NOT_TAKEN_FOR: Duration = Duration::hours(1);
/// How soon Teams is asked for the first time how far it is.
const FIRST_LOOK: Duration = Duration::seconds(1);
/// How many reasons are remembered as told.
const MOST_NOTED: usize = 10_000;

/// Sends what goes together.
pub(super) struct Batcher {
    pub(super) errand: Arc<Errand>,
    pub(super) directory: Arc<dyn Directory>,
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) connector: Arc<Connector>,
    pub(super) turnstile: Arc<Turnstile>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) work: Arc<Notify>,
    /// Rung when a batch is on the way.
    pub(super) departed: Notify,
    renewed: Arc<Renewed>,
    /// The deliveries of batches that are on their way to Teams.
    away: Mutex<HashSet<DeliveryId>>,
    default_service_url: String,
    tenant: String,
    installs: bool,
    /// Teams does not take batches until then, and what it said.
    not_taken: Mutex<Option<(DateTime<Utc>, String)>>,
    /// The reasons that are written down.
    noted: Mutex<HashSet<(RunId, String)>>,
}

/// A delivery that may go with others.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) claim: Claim,
    member: String,
    conversation: ConversationId,
}

/// What is to be done with a claim.
pub(super) enum Sorted {
    /// Batches have nothing to do with it.
    ByItself(Box<Claim>),
    /// It goes by itself, although others of its run may go together.
    Passes(Box<(Run, Claim)>),
    /// It may go with others.
    WithOthers(Box<(Line, Run, Candidate)>),
}

impl Batcher {
    pub(super) fn new(courier: &Courier, errand: Arc<Errand>, renewed: Arc<Renewed>) -> Self {
        Self {
            errand,
            directory: courier.directory.clone(),
            outbox: courier.outbox.clone(),
            connector: courier.connector.clone(),
            turnstile: courier.turnstile.clone(),
            clock: courier.clock.clone(),
            metrics: courier.metrics.clone(),
            work: courier.work.clone(),
            departed: Notify::new(),
            renewed,
            away: Mutex::default(),
            default_service_url: courier.default_service_url.clone(),
            tenant: courier.tenant.clone(),
            installs: courier.installs.is_some(),
            not_taken: Mutex::default(),
            noted: Mutex::default(),
        }
    }

    /// Sorts out who may go with others. What cannot be found out goes by itself.
    pub(super) async fn sort(&self, claims: Vec<Claim>, batching: Batching) -> Vec<Sorted> {
        let mut runs: HashMap<RunId, Option<Run>> = HashMap::new();
        let mut sorted = Vec::with_capacity(claims.len());
        for claim in claims {
            if self.is_away(&claim.delivery.id) {
                // The clock jumped past the end of its lease: it is ours still, under the newer one.
                self.renewed.note(&claim);
                continue;
            }
            let id = claim.delivery.run();
            if !runs.contains_key(&id) {
                let run = self.outbox.run(&id).await.ok().flatten();
                runs.insert(id.clone(), run);
            }
            let run = runs.get(&id).cloned().flatten();
            sorted.push(
                match run.filter(|run| batch::concerns(&claim.delivery, run, batching)) {
                    None => Sorted::ByItself(Box::new(claim)),
                    Some(run) => match self.place_of(&claim).await {
                        Ok((line, member, conversation)) => {
                            let candidate = Candidate {
                                claim,
                                member,
                                conversation,
                            };
                            Sorted::WithOthers(Box::new((line, run, candidate)))
                        }
                        Err(why) => {
                            self.note(&run.id, &why).await;
                            Sorted::Passes(Box::new((run, claim)))
                        }
                    },
                },
            );
        }
        sorted
    }

    async fn place_of(&self, claim: &Claim) -> Result<(Line, String, ConversationId), Alone> {
        let delivery = &claim.delivery;
        if let Some(why) = batch::alone(delivery) {
            return Err(why);
        }
        let now = self.clock.now();
        if let Some(reason) = self.is_not_taken(now) {
            return Err(Alone::NotTaken { reason });
        }
        let (Address::Person { id, .. }, Some(card)) = (&delivery.recipient.address, &delivery.card_id) else {
            return Err(Alone::ChatUnknown);
        };
        let ground = Ground {
            default_service_url: &self.default_service_url,
            installs: self.installs,
            now,
        };
        let way = route::find(&*self.directory, &delivery.recipient.address, ground).await;
        let way = way.map_err(|_| Alone::ChatUnknown)?;
        match way.route {
            Route::Post {
                service_url,
                conversation,
            } if !way.refused => {
                let line = Line {
                    run: delivery.run(),
                    card: card.clone(),
                    tenant_id: way.tenant_id.unwrap_or_else(|| self.tenant.clone()),
                    service_url,
                };
                Ok((line, id.clone(), conversation))
            }
            Route::Post { .. } | Route::Shut { .. } | Route::None(_) => Err(Alone::Refused),
            Route::Open { .. } => Err(Alone::ChatUnknown),
        }
    }

    fn is_not_taken(&self, now: DateTime<Utc>) -> Option<String> {
        let mut not_taken = self.not_taken.lock().unwrap_or_else(PoisonError::into_inner);
        if not_taken
            .as_ref()
            .is_some_and(|(until, _)| *until <= now || *until - now > NOT_TAKEN_FOR)
        {
            *not_taken = None;
        }
        not_taken.as_ref().map(|(_, reason)| reason.clone())
    }

    /// Writes down why some of a run go by themselves, once for each reason.
    pub(super) async fn note(&self, run: &RunId, why: &Alone) {
        let reason = why.sentence();
        {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.len() >= MOST_NOTED {
                noted.clear();
            }
            if !noted.insert((run.clone(), reason.clone())) {
                return;
            }
        }
        if let Err(problem) = self.outbox.note_alone(run, &reason).await {
            warn!(%run, %problem, "why cards are sent one by one could not be recorded");
        }
    }

    /// Notes who is on the way to Teams. Nobody goes twice in one batch, whatever the clock made of their leases.
    pub(super) fn sets_out(&self, group: Vec<Candidate>) -> Vec<Candidate> {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest: Vec<Candidate> = Vec::with_capacity(group.len());
        for candidate in group.into_iter().rev() {
            if away.insert(candidate.claim.delivery.id.clone()) {
                newest.push(candidate);
            }
        }
        newest.reverse();
        newest
    }

    fn is_away(&self, id: &DeliveryId) -> bool {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// Hands a group to Teams; answers those that have to go by themselves after all.
    pub(super) async fn send(&self, line: Line, group: Vec<Candidate>) -> Vec<Claim> {
        let ids: Vec<DeliveryId> = group
            .iter()
            .map(|candidate| candidate.claim.delivery.id.clone())
            .collect();
        let alone = self.hand_over(line, group).await;
        let alone = alone.into_iter().map(|claim| self.renewed.newest(&claim)).collect();
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            away.remove(&id);
            self.renewed.forget(&id);
        }
        alone
    }

    async fn hand_over(&self, line: Line, group: Vec<Candidate>) -> Vec<Claim> {
        let group = match self.still_to_send(&line, group).await {
            Ok(group) if group.is_empty() => return Vec::new(),
            Ok(group) => group,
            Err(group) => return alone(group),
        };
        let now = self.clock.now();
        if self.connector.standing().suspended(&line.tenant_id, now).is_some() {
            return alone(group);
        }
        let card = match self.outbox.card(&line.card).await {
            Ok(Some(card)) => card,
            Ok(None) | Err(_) => return alone(group),
        };
        let lane = group
            .first()
            .map_or(Lane::Bulk, |first| first.claim.delivery.terms.lane);
        let request = Request {
            tenant: &line.tenant_id,
            kind: Kind::Message,
            about: line.run.as_str(),
            lane,
        };
        let begun_at = self.turnstile.pass(request).await;
        let members: Vec<&str> = group.iter().map(|candidate| candidate.member.as_str()).collect();
        let (sent, operation) = self
            .connector
            .begin_batch(&line.service_url, &line.tenant_id, &members, &card.to_activity())
            .await;
        let now = self.clock.now();
        self.turnstile.pace().answered(request, begun_at, now);
        self.metrics.answer(sent.answer.word());
        match (&sent.answer, operation) {
            (Answer::Accepted { .. }, Some(id)) => {
                info!(run = %line.run, operation = %id, people = group.len(), "a batch was handed to Teams");
                let service_url = sent.moved_to.unwrap_or(line.service_url);
                let passenger = |candidate: &Candidate| Passenger {
                    delivery: candidate.claim.delivery.id.clone(),
                    lease: self.renewed.newest(&candidate.claim).lease,
                    member: candidate.member.clone(),
                    conversation: candidate.conversation.clone(),
                };
                self.embark(&Convoy {
                    id,
                    run: line.run,
                    tenant_id: line.tenant_id,
                    service_url,
                    begun_at,
                    look_at: now + FIRST_LOOK,
                    unknown: 0,
                    cancelled: false,
                    stop_asked_at: None,
                    passengers: group.iter().map(passenger).collect(),
                })
                .await;
                Vec::new()
            }
            (Answer::Accepted { .. }, None) => {
                warn!(run = %line.run, people = group.len(), "Teams took a batch without saying what it calls it");
                for candidate in &group {
                    self.errand
                        .land_unasked(&candidate.claim, &candidate.conversation, begun_at)
                        .await;
                }
                Vec::new()
            }
            (Answer::Throttled { .. } | Answer::Conflict | Answer::Unavailable { .. } | Answer::Faulty { .. }, _) => {
                if let Answer::Throttled { wait } = &sent.answer {
                    self.throttled(request, *wait, now);
                }
                let claims = alone(group);
                self.errand
                    .turned_away(&claims, &sent.answer, sent.status, begun_at)
                    .await;
                Vec::new()
            }
            // Whoever is next meets the same, and it is known there what that means for everybody.
            (
                Answer::NoToken { .. } | Answer::Unauthorized { .. } | Answer::SwitchedOff { .. } | Answer::TooLarge,
                _,
            ) => alone(group),
            (
                Answer::WrongHost { .. }
                | Answer::NotInstalled { .. }
                | Answer::Foreign { .. }
                | Answer::Gone { .. }
                | Answer::Blocked { .. }
                | Answer::Unreachable { .. }
                | Answer::NotAllowed { .. }
                | Answer::MessageGone { .. }
                | Answer::Rejected { .. },
                _,
            ) => {
                let reason = match sent.status {
                    Some(status) => format!("it answered {status}"),
                    None => sent.answer.to_string(),
                };
                self.not_taken(&line.run, &reason, &sent.answer, now).await;
                alone(group)
            }
        }
    }

    /// Teams asked to slow down.
    pub(super) fn throttled(&self, request: Request<'_>, wait: Option<std::time::Duration>, now: DateTime<Utc>) {
        let wait = wait.and_then(|wait| Duration::from_std(wait).ok());
        let until = now + wait.unwrap_or(Duration::seconds(2));
        let named = match self.turnstile.pace().throttled(request, until, now) {
            true => "tenant",
            false => "conversation",
        };
        self.metrics.throttled(named);
    }

    async fn not_taken(&self, run: &RunId, reason: &str, answer: &Answer, now: DateTime<Utc>) {
        let is_news = {
            let mut not_taken = self.not_taken.lock().unwrap_or_else(PoisonError::into_inner);
            let is_news = not_taken.is_none();
            *not_taken = Some((now + NOT_TAKEN_FOR, reason.to_owned()));
            is_news
        };
        if is_news {
            warn!(
                %answer,
                "Teams does not take batches: for an hour, cards go one by one; without `send.batch` none is tried"
            );
        }
        let reason = reason.to_owned();
        self.note(run, &Alone::NotTaken { reason }).await;
    }

    /// Those whose run still lets them go; the others are given back. All of them where that cannot be known.
    async fn still_to_send(&self, line: &Line, group: Vec<Candidate>) -> Result<Vec<Candidate>, Vec<Candidate>> {
        let run = match self.outbox.run(&line.run).await {
            Ok(Some(run)) => run,
            Ok(None) | Err(_) => return Err(group),
        };
        let now = self.clock.now();
        let (going, staying): (Vec<_>, Vec<_>) = group
            .into_iter()
            .partition(|candidate| run.lets_pass(&candidate.claim.delivery, now) == Pass::Now);
        futures::future::join_all(
            staying
                .iter()
                .map(|candidate| self.errand.give_back(&candidate.claim, now)),
        )
        .await;
        Ok(going)
    }

    /// Writes a batch down. Where the store cannot write, it is tried again as long as the claims are ours: what went out
    /// without being written down goes out twice.
    async fn embark(&self, convoy: &Convoy) {
        loop {
            match self.outbox.embark(convoy).await {
                Ok(left_behind) => {
                    if !left_behind.is_empty() {
                        info!(operation = %convoy.id, count = left_behind.len(), "deliveries in a batch were cancelled meanwhile");
                    }
                    self.departed.notify_one();
                    return;
                }
                Err(StoreError::Unavailable(problem)) if self.clock.now() < convoy.begun_at + RECORDED_WITHIN => {
                    warn!(operation = %convoy.id, %problem, "a batch cannot be recorded, trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                Err(problem) => {
                    let count = convoy.passengers.len();
                    error!(operation = %convoy.id, %problem, count, "a batch could not be recorded, its cards may be sent again");
                    return;
                }
            }
        }
    }
}

fn alone(group: Vec<Candidate>) -> Vec<Claim> {
    group.into_iter().map(|candidate| candidate.claim).collect()
}
