//! Claims deliveries, keeps Teams' pace, sends, settles; stops gracefully.
//!
//! Order: deliveries to one address go out one after the other, in the order they were decided. While one waits for its
//! next try, those behind it wait too; nobody else does.

mod desk;
mod errand;
mod route;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use self::desk::{Desk, Step};
use self::errand::{Errand, Outcome};
use crate::clock::Clock;
use crate::metric::Metrics;
use crate::pace::Pace;
use crate::stop::Stop;
use crate::store::outbox::Claim;
use crate::store::{Directory, Outbox, StoreError};
use crate::teams::connector::Connector;

/// How long a claim is ours. Longer than any errand takes; a delivery cut off by a crash is due again after it.
const LEASE: Duration = Duration::minutes(5);
/// How long the courier waits for room or pace before it gives a delivery back.
const PATIENCE: Duration = Duration::seconds(60);
/// Requests to Teams at once.
const ERRANDS: usize = 32;
/// Deliveries claimed and not yet sent.
const ON_THE_DESK: usize = 256;
/// How long to wait when the store cannot be used.
const STORE_WAIT: Duration = Duration::seconds(5);

/// Delivers what the outbox owes.
pub struct Courier {
    /// Where people and places are found.
    pub directory: Arc<dyn Directory>,
    /// What is owed.
    pub outbox: Arc<dyn Outbox>,
    /// The way to Teams.
    pub connector: Arc<Connector>,
    /// The time.
    pub clock: Clock,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// Rung when something was enqueued.
    pub work: Arc<Notify>,
    /// Where Teams is asked when a conversation's own address is not known.
    pub default_service_url: String,
    /// Messages a second to all of Teams.
    pub messages_per_second: u32,
}

impl Courier {
    /// Runs until `stop` is true, then waits for the errands under way and gives the rest back.
    pub async fn run(self, mut stop: Stop) {
        let errands_of = Arc::new(Errand::new(&self));
        let mut desk = Desk::new(Pace::new(self.messages_per_second));
        let mut under_way: JoinSet<(Claim, Outcome)> = JoinSet::new();
        loop {
            let rung = self.work.notified();
            tokio::pin!(rung);
            // Listen before looking, so that a ring in between is not missed.
            rung.as_mut().enable();

            let next = match self.take_and_start(&mut desk, &errands_of, &mut under_way).await {
                Ok(next) => next,
                Err(problem) => {
                    warn!(%problem, "the outbox cannot be used, trying again");
                    Some(self.clock.now() + STORE_WAIT)
                }
            };
            tokio::select! {
                () = stop.told() => break,
                Some(done) = under_way.join_next() => self.done(&mut desk, done).await,
                () = rung => {}
                () = self.clock.sleep_until_any(next) => {}
            }
        }
        while let Some(done) = under_way.join_next().await {
            self.done(&mut desk, done).await;
        }
        let now = self.clock.now();
        for claim in desk.clear() {
            self.give_back(&claim, now).await;
        }
    }

    /// Claims what there is room for, starts what may go now, and says when to look again.
    async fn take_and_start(
        &self,
        desk: &mut Desk,
        errands_of: &Arc<Errand>,
        under_way: &mut JoinSet<(Claim, Outcome)>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let now = self.clock.now();
        let room = ON_THE_DESK.saturating_sub(desk.waiting());
        let mut full = room == 0;
        if room > 0 && !desk.paused(now) {
            let claims = self.outbox.claim(room, now, LEASE).await?;
            for (key, problem) in &claims.corrupt {
                error!(%key, %problem, "a delivery's record cannot be read, it is set aside");
            }
            full = claims.claims.len() == room;
            for claim in claims.claims {
                desk.put(claim);
            }
        }
        let mut soonest = None;
        for step in desk.steps(now, ERRANDS - under_way.len().min(ERRANDS), PATIENCE) {
            match step {
                Step::Go(claim) => {
                    let errand = errands_of.clone();
                    under_way.spawn(async move {
                        let outcome = errand.run(&claim).await;
                        (*claim, outcome)
                    });
                }
                Step::GiveBack(claim, at) => self.give_back(&claim, at).await,
                Step::Wait(until) => soonest = Some(until),
            }
        }
        // A desk that filled up may leave more in the outbox; it is emptied before looking there again.
        let due = if full { None } else { self.outbox.next_due().await? };
        let due = due.map(|due| due.max(now + Duration::milliseconds(20)));
        Ok([due, soonest, desk.paused_until(now)].into_iter().flatten().min())
    }

    async fn done(&self, desk: &mut Desk, done: Result<(Claim, Outcome), tokio::task::JoinError>) {
        match done {
            Ok((claim, outcome)) => {
                for (behind, at) in desk.done(&claim, &outcome, self.clock.now()) {
                    self.give_back(&behind, at).await;
                }
            }
            // The claim is lost with the task; its lease ends, and then it is due again.
            Err(panic) => error!(%panic, "an errand failed"),
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
