//! Claims deliveries, keeps Teams' pace, sends, settles; stops gracefully.
//!
//! Order: the outbox hands out one delivery of an address and lane at a time. While one waits for its next try, those
//! behind it wait too; nobody else does.

mod desk;
mod doubt;
mod errand;
mod lesson;
mod renewed;
mod route;
mod traced;
pub mod webhook;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{error, info, warn};

use self::desk::{Desk, Step};
use self::errand::{Errand, Outcome};
use self::renewed::Renewed;
use self::webhook::Webhooks;
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
type Fetched = Result<(Vec<Claim>, Option<DateTime<Utc>>), StoreError>;

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
}

/// Errands under way.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<(Claim, Outcome)>,
    /// Where each of them goes, should it be lost.
    addresses: HashMap<Id, (String, DeliveryId)>,
}

impl Courier {
    /// Runs until `stop` is true, then waits for the errands under way and gives the rest back.
    pub async fn run(self, mut stop: Stop) {
        let renewed = Arc::new(Renewed::default());
        let errand = Arc::new(Errand::new(&self, renewed.clone()));
        let mut desk = Desk::new(&self.tenant, renewed);
        let mut under_way = UnderWay::default();
        // The store may be slow, so it is asked beside the errands: meanwhile others that are here set out on time.
        let mut fetching: Option<BoxFuture<'_, Fetched>> = None;
        let mut look = true;
        let mut due = None;
        loop {
            let rung = self.work.notified();
            tokio::pin!(rung);
            // Listen before looking, so that a ring in between is not missed.
            rung.as_mut().enable();

            if look && fetching.is_none() {
                look = false;
                due = desk.paused_until(self.clock.now());
                if due.is_none() {
                    fetching = Some(Box::pin(self.fetch(desk.room())));
                }
            }
            let next = earlier(due, self.start(&mut desk, &errand, &mut under_way).await);
            tokio::select! {
                () = stop.told() => break,
                fetched = async { fetching.as_mut().expect("there is one").await }, if fetching.is_some() => {
                    fetching = None;
                    due = self.take(&mut desk, fetched);
                }
                Some(done) = under_way.tasks.join_next_with_id() => {
                    self.done(&mut desk, &mut under_way, done);
                    look = true;
                }
                () = rung => look = true,
                () = self.clock.sleep_until_any(next) => look = true,
            }
            while let Some(done) = under_way.tasks.try_join_next_with_id() {
                self.done(&mut desk, &mut under_way, done);
                look = true;
            }
        }
        // What is being claimed is ours: it is given back with the rest.
        if let Some(fetching) = fetching {
            self.take(&mut desk, fetching.await);
        }
        while let Some(done) = under_way.tasks.join_next_with_id().await {
            self.done(&mut desk, &mut under_way, done);
        }
        let now = self.clock.now();
        for claim in desk.clear() {
            self.give_back(&claim, now).await;
        }
    }

    /// Claims what is due in lanes that have room; says when the next one is due that can be had.
    async fn fetch(&self, room: PerLane<usize>) -> Fetched {
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
    fn take(&self, desk: &mut Desk, fetched: Fetched) -> Option<DateTime<Utc>> {
        match fetched {
            Ok((claims, due)) => {
                for claim in claims {
                    desk.put(claim);
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

fn earlier(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    one.into_iter().chain(other).min()
}
