//! Sleeps until the next timer, and has what it is for be done.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::warn;

use crate::clock::Clock;
use crate::dispatch::Dispatcher;
use crate::stop::Stop;
use crate::store::{Outbox, StoreError};
use crate::timer::{Timer, TimerId};

/// How many are worked on at once: their writes share a sync. Those that ask other programs, which takes its time, do not
/// count while they do.
const AT_ONCE: usize = 256;
/// How soon is looked again while something is being done.
const LOOK_AGAIN: Duration = Duration::seconds(1);
/// How long to wait when the store cannot be used.
const STORE_WAIT: Duration = Duration::seconds(5);

/// Brings what is due.
pub struct TimerListener {
    /// Where the timers are.
    pub outbox: Arc<dyn Outbox>,
    /// Who does what they are for.
    pub dispatcher: Dispatcher,
    /// The time.
    pub clock: Clock,
    /// Rung when a timer may have been set.
    pub work: Arc<Notify>,
}

impl TimerListener {
    /// Runs until `stop` is true. What is being done then comes up again at the next start.
    pub async fn run(self, mut stop: Stop) {
        // Tasks of their own: while it is looked what is due, the others go on, and nobody waits for a turn at the store that
        // was given to one that stands still.
        let mut doing = JoinSet::new();
        let mut under_way: HashSet<TimerId> = HashSet::new();
        let mut not_before: Option<DateTime<Utc>> = None;
        loop {
            let rung = self.work.notified();
            tokio::pin!(rung);
            // Listen before looking, so that a timer that is set in between is not missed.
            rung.as_mut().enable();
            let next = match not_before.filter(|at| *at > self.clock.now()) {
                Some(at) => Some(at),
                None => {
                    not_before = None;
                    match self.due(&under_way).await {
                        Ok((due, next)) => {
                            for timer in due {
                                under_way.insert(timer.id.clone());
                                doing.spawn(bring(self.dispatcher.clone(), timer));
                            }
                            next
                        }
                        Err(problem) => Some(*not_before.insert(self.put_off(&problem))),
                    }
                }
            };
            tokio::select! {
                () = stop.told() => return doing.shutdown().await,
                Some(done) = doing.join_next(), if !doing.is_empty() => {
                    let (id, done) = match done {
                        Ok(done) => done,
                        Err(broken) if broken.is_panic() => resume_unwind(broken.into_panic()),
                        // Nobody stops one of them alone.
                        Err(_) => continue,
                    };
                    under_way.remove(&id);
                    // One that cannot be done now stays; the others go on.
                    if let Err(problem) = done {
                        not_before = Some(self.put_off(&problem));
                    }
                }
                () = rung => {}
                () = self.clock.sleep_until_any(next) => {}
            }
        }
    }

    fn put_off(&self, problem: &StoreError) -> DateTime<Utc> {
        warn!(%problem, "timers cannot be worked on, trying again");
        self.clock.now() + STORE_WAIT
    }

    /// What is due and not under way, and when to look again.
    async fn due(&self, under_way: &HashSet<TimerId>) -> Result<(Vec<Timer>, Option<DateTime<Utc>>), StoreError> {
        let working = under_way.len().saturating_sub(self.dispatcher.calling_out());
        let room = AT_ONCE.saturating_sub(working);
        if room == 0 {
            // The next one that is done, or that asks another program, makes room.
            return Ok((Vec::new(), None));
        }
        let next = self.outbox.next_timer().await?;
        let now = self.clock.now();
        if next.is_none_or(|at| at > now) {
            return Ok((Vec::new(), next));
        }
        let mut due = self.outbox.due_timers(under_way.len() + room, now).await?;
        due.retain(|timer| !under_way.contains(&timer.id));
        // Those under way hide when the one after them is.
        Ok((due, Some(now + LOOK_AGAIN)))
    }
}

async fn bring(dispatcher: Dispatcher, timer: Timer) -> (TimerId, Result<(), StoreError>) {
    let done = dispatcher.due(&timer).await;
    (timer.id, done)
}
