//! Claims deliveries, keeps Teams' pace, sends, settles; stops gracefully.
//!
//! Order: the outbox hands out one delivery of an address and lane at a time. While one waits for its next try, those
//! behind it wait too; nobody else does.

mod batch;
mod desk;
mod doubt;
mod errand;
mod lesson;
mod renewed;
mod route;
mod traced;
mod watch;
pub mod webhook;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{error, info, warn};

use self::batch::{Batcher, Candidate, Sorted};
use self::desk::{Desk, Step};
use self::errand::{Errand, Outcome};
use self::renewed::Renewed;
use self::webhook::Webhooks;
use crate::batch::{Assembly, Batching, Departures};
use crate::clock::Clock;
use crate::delivery::DeliveryId;
use crate::graph::feed::Feeds;
use crate::graph::installs::Installs;
use crate::lane::{Lane, PerLane};
use crate::metric::Metrics;
use crate::stop::Stop;
use crate::store::outbox::Claim;
use crate::store::{Directory, Outbox, StoreError};
use crate::teams::connector::Connector;
use crate::tracer::Tracer;
use crate::turnstile::Turnstile;

/// How long a claim is ours. Longer than any errand takes; a delivery cut off by a crash is due again after it.
const LEASE: Duration = Duration::minutes(5);
/// How long to wait when the store cannot be used.
const STORE_WAIT: Duration = Duration::seconds(5);
/// How soon to look again for what was due and could not be had: its record cannot be read, or its run waits.
const SOON: Duration = Duration::milliseconds(20);

/// What was claimed, and when there is more that can be had.
type Fetched = Result<(Vec<Sorted>, Option<DateTime<Utc>>), StoreError>;

/// Delivers what the outbox owes.
pub struct Courier {
    /// Where people and places are found.
    pub directory: Arc<dyn Directory>,
    /// What is owed.
    pub outbox: Arc<dyn Outbox>,
    /// The way to Teams.
    pub connector: Arc<Connector>,
    /// The way to webhooks.
    pub webhooks: Webhooks,
    /// Who may ask Teams when.
    pub turnstile: Arc<Turnstile>,
    /// The time.
    pub clock: Clock,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// Where attempts are recorded.
    pub tracer: Tracer,
    /// Rung when something was enqueued.
    pub work: Arc<Notify>,
    /// Where Teams is asked when a conversation's own address is not known.
    pub default_service_url: String,
    /// The bot's own tenant; empty for a bot that serves several.
    pub tenant: String,
    /// Gives people the app who never met the bot, where the settings allow it.
    pub installs: Option<Arc<Installs>>,
    /// The way into activity feeds, where there is one.
    pub feeds: Option<Feeds>,
    /// Whether one request may be made for many people.
    pub batching: Option<Batching>,
}

/// Errands under way.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<(Claim, Outcome)>,
    /// Where each of them goes, should it be lost.
    addresses: HashMap<Id, (String, DeliveryId)>,
    /// Batches on their way to Teams; they come back with those that have to go by themselves.
    batches: JoinSet<Vec<Claim>>,
}

/// Batches, where they are on.
struct Together {
    batcher: Arc<Batcher>,
    assembly: Assembly<Candidate>,
}

impl Courier {
    /// Runs until `stop` is true, then waits for the errands under way and gives the rest back.
    pub async fn run(self, mut stop: Stop) {
        let renewed = Arc::new(Renewed::default());
        let errand = Arc::new(Errand::new(&self, renewed.clone()));
        let mut desk = Desk::new(&self.tenant, renewed.clone());
        let mut under_way = UnderWay::default();
        let batcher = Arc::new(Batcher::new(&self, errand.clone(), renewed));
        let mut together = self.batching.map(|batching| Together {
            batcher: batcher.clone(),
            assembly: Assembly::new(batching),
        });
        // What a former Herald handed to Teams is followed even if batches are off by now.
        let mut watch = JoinSet::new();
        let (watching, stopping) = (batcher.clone(), stop.clone());
        watch.spawn(async move { watching.watch(stopping).await });
        // The store may be slow, so it is asked beside the errands: meanwhile others that are here set out on time.
        let mut fetching: Option<BoxFuture<'_, Fetched>> = None;
        let mut look = true;
        let mut due = None;
        // One ring is listened for until it is heard: a new one for each turn would lose what rang while another of the
        // things below was seen to, and nobody rings again for what is due already.
        let rung = self.work.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        loop {
            if look && fetching.is_none() {
                look = false;
                due = desk.paused_until(self.clock.now());
                if due.is_none() {
                    fetching = Some(Box::pin(self.fetch(desk.room(), &batcher)));
                }
            }
            let assembled = match &mut together {
                Some(together) => self.assembled(&mut desk, together, &mut under_way).await,
                None => None,
            };
            let next = earlier(due, self.start(&mut desk, &errand, &mut under_way).await);
            let next = earlier(next, assembled);
            tokio::select! {
                () = stop.told() => break,
                fetched = async { fetching.as_mut().expect("there is one").await }, if fetching.is_some() => {
                    fetching = None;
                    due = self.take(&mut desk, together.as_mut(), &mut under_way, fetched).await;
                }
                Some(done) = under_way.batches.join_next() => {
                    came_back(&mut desk, done);
                    look = true;
                }
                Some(done) = under_way.tasks.join_next_with_id() => {
                    self.done(&mut desk, &mut under_way, done);
                    look = true;
                }
                () = rung.as_mut() => {
                    // Listen before looking, so that a ring in between is not missed.
                    rung.set(self.work.notified());
                    rung.as_mut().enable();
                    look = true;
                }
                () = self.clock.sleep_until_any(next) => look = true,
            }
            while let Some(done) = under_way.tasks.try_join_next_with_id() {
                self.done(&mut desk, &mut under_way, done);
                look = true;
            }
        }
        // What is being claimed is ours: it is given back with the rest.
        if let Some(fetching) = fetching {
            self.take(&mut desk, together.as_mut(), &mut under_way, fetching.await)
                .await;
        }
        while let Some(done) = under_way.batches.join_next().await {
            came_back(&mut desk, done);
        }
        while let Some(done) = under_way.tasks.join_next_with_id().await {
            self.done(&mut desk, &mut under_way, done);
        }
        let now = self.clock.now();
        for claim in desk.clear() {
            self.give_back(&claim, now).await;
        }
        if let Some(mut together) = together {
            for candidate in together.assembly.clear() {
                self.give_back(&candidate.claim, now).await;
            }
        }
        while watch.join_next().await.is_some() {}
    }

    /// Sends the groups whose time has come; says when that of the next comes.
    async fn assembled(
        &self,
        desk: &mut Desk,
        together: &mut Together,
        under_way: &mut UnderWay,
    ) -> Option<DateTime<Utc>> {
        let departures = together.assembly.ready(self.clock.now());
        depart(desk, &together.batcher, under_way, departures).await;
        together.assembly.look_at(self.clock.now())
    }

    /// Claims what is due in lanes that have room; says when the next one is due that can be had.
    async fn fetch(&self, room: PerLane<usize>, batcher: &Batcher) -> Fetched {
        let (claims, next) = self.claim(room).await?;
        let sorted = match self.batching {
            Some(batching) => batcher.sort(claims, batching).await,
            None => claims.into_iter().map(Box::new).map(Sorted::ByItself).collect(),
        };
        Ok((sorted, next))
    }

    async fn claim(&self, room: PerLane<usize>) -> Result<(Vec<Claim>, Option<DateTime<Utc>>), StoreError> {
        let mut claimed = Vec::new();
        if Lane::ALL.into_iter().all(|lane| *room.get(lane) == 0) {
            return Ok((claimed, None));
        }
        let now = self.clock.now();
        let lanes = self.outbox.lanes().await?;
        let is_due = |lane| lanes.get(lane).due_since.is_some_and(|due| due <= now);
        let wanted = PerLane::of(|lane| if is_due(lane) { *room.get(lane) } else { 0 });
        let mut taken = PerLane::of(|_| 0);
        if Lane::ALL.into_iter().any(|lane| *wanted.get(lane) > 0) {
            let claims = self.outbox.claim(wanted, now, LEASE).await?;
            for (key, problem) in &claims.corrupt {
                error!(%key, %problem, "a delivery's record cannot be read, it is set aside");
            }
            for claim in &claims.claims {
                *taken.get_mut(claim.delivery.terms.lane) += 1;
            }
            claimed = claims.claims;
        }
        // Without this answer what was claimed would be lost until its lease ends.
        let lanes = match self.outbox.lanes().await {
            Ok(lanes) => lanes,
            Err(problem) => {
                warn!(%problem, "the outbox cannot be used, trying again");
                return Ok((claimed, Some(self.clock.now() + STORE_WAIT)));
            }
        };
        let next = |lane: Lane| {
            let full = *room.get(lane) == 0 || *taken.get(lane) == *room.get(lane);
            // A lane whose places are taken may have more; it is looked at again when there is room.
            let due = if full { None } else { lanes.get(lane).due_since };
            due.map(|due| due.max(now + SOON))
        };
        Ok((claimed, Lane::ALL.into_iter().filter_map(next).min()))
    }

    /// Puts what was claimed on the desk; says when to look again.
    async fn take(
        &self,
        desk: &mut Desk,
        mut together: Option<&mut Together>,
        under_way: &mut UnderWay,
        fetched: Fetched,
    ) -> Option<DateTime<Utc>> {
        match fetched {
            Ok((sorted, due)) => {
                for one in sorted {
                    match (one, together.as_deref_mut()) {
                        (Sorted::WithOthers(one), Some(together)) => {
                            let (line, run, candidate) = *one;
                            let departures = together.assembly.put(line, &run, candidate, self.clock.now());
                            depart(desk, &together.batcher, under_way, departures).await;
                        }
                        (Sorted::Passes(one), together) => {
                            let (run, claim) = *one;
                            if let Some(together) = together {
                                together.assembly.passes(&run);
                            }
                            desk.put(claim);
                        }
                        (Sorted::ByItself(claim), _) => desk.put(*claim),
                        (Sorted::WithOthers(one), None) => desk.put(one.2.claim),
                    }
                }
                due
            }
            Err(problem) => {
                warn!(%problem, "the outbox cannot be used, trying again");
                Some(self.clock.now() + STORE_WAIT)
            }
        }
    }

    /// Starts what may go now; says when more may.
    async fn start(&self, desk: &mut Desk, errand: &Arc<Errand>, under_way: &mut UnderWay) -> Option<DateTime<Utc>> {
        let now = self.clock.now();
        let steps = {
            let mut pace = self.turnstile.pace();
            desk.steps(&mut pace, now)
        };
        let mut soonest = None;
        for step in steps {
            match step {
                Step::Go(claim, slot) => {
                    let errand = errand.clone();
                    let (address, id) = (claim.delivery.recipient.address.key(), claim.delivery.id.clone());
                    let task = under_way.tasks.spawn(async move {
                        let outcome = errand.run(&claim, &slot).await;
                        (*claim, outcome)
                    });
                    under_way.addresses.insert(task.id(), (address, id));
                }
                Step::GiveBack(claim, at) => {
                    self.give_back(&claim, at).await;
                    // Nobody rings when it is due.
                    soonest = earlier(soonest, Some(at));
                }
                Step::Wait(until) => soonest = earlier(soonest, Some(until)),
            }
        }
        soonest
    }

    fn done(&self, desk: &mut Desk, under_way: &mut UnderWay, done: Result<(Id, (Claim, Outcome)), JoinError>) {
        match done {
            Ok((id, (claim, outcome))) => {
                under_way.addresses.remove(&id);
                let mut pace = self.turnstile.pace();
                let named = desk.done(&mut pace, claim, &outcome, self.clock.now());
                if let Some(named) = named {
                    self.metrics.throttled(named);
                }
            }
            Err(panic) => {
                // The claim is lost with the task; its lease ends, and then it is due again.
                if let Some((address, id)) = under_way.addresses.remove(&panic.id()) {
                    desk.lost(&address, &id);
                }
                error!(%panic, "an errand failed");
            }
        }
    }

    async fn give_back(&self, claim: &Claim, at: DateTime<Utc>) {
        match self.outbox.release(claim, at).await {
            Ok(()) => {}
            Err(StoreError::LeaseLost) => info!(delivery = %claim.delivery.id, "delivery was cancelled meanwhile"),
            Err(problem) => warn!(delivery = %claim.delivery.id, %problem, "delivery waits for the end of its lease"),
        }
    }
}

/// Sends groups to Teams, and puts those on the desk that go by themselves.
async fn depart(
    desk: &mut Desk,
    batcher: &Arc<Batcher>,
    under_way: &mut UnderWay,
    departures: Departures<Candidate>,
) {
    for (run, candidate, why) in departures.alone {
        batcher.note(&run, &why).await;
        desk.put(candidate.claim);
    }
    for (line, group) in departures.together {
        let group = batcher.sets_out(group);
        let batcher = batcher.clone();
        under_way.batches.spawn(async move { batcher.send(line, group).await });
    }
}

/// A batch came back from Teams.
fn came_back(desk: &mut Desk, done: Result<Vec<Claim>, JoinError>) {
    match done {
        Ok(alone) => alone.into_iter().for_each(|claim| desk.put(claim)),
        // Its claims are lost with it; their leases end, and then they are due again.
        Err(panic) => error!(%panic, "a batch failed"),
    }
}

fn earlier(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    one.into_iter().chain(other).min()
}
