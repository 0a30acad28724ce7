//! Takes in the recipients of broadcasts beside everything else, a few broadcasts at a time.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

use crate::clock::Clock;
use crate::dispatch::Dispatcher;
use crate::stop::Stop;
use crate::store::Outbox;
use crate::store::outbox::Held;

/// Broadcasts that are taken in at the same time.
const AT_ONCE: usize = 4;
/// How long to wait before going on with one that could not be taken in.
const AGAIN: chrono::Duration = chrono::Duration::seconds(10);

/// Takes in what it is handed.
pub struct FanOuts {
    /// Rules whose recipients are many.
    pub inbox: mpsc::Receiver<Held>,
    /// Who takes them in.
    pub dispatcher: Dispatcher,
    /// Where they are kept meanwhile.
    pub outbox: Arc<dyn Outbox>,
    /// The time.
    pub clock: Clock,
}

impl FanOuts {
    /// Runs until `stop` is true; what is not taken in by then goes on after the next start.
    pub async fn run(mut self, mut stop: Stop) {
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.told() => return,
                Some(held) = self.inbox.recv(), if under_way.len() < AT_ONCE => {
                    let (dispatcher, outbox, clock) = (self.dispatcher.clone(), self.outbox.clone(), self.clock.clone());
                    under_way.spawn(async move {
                        let Err(problem) = dispatcher.fan_out(&held).await else { return };
                        warn!(event = %held.event.id, rule = %held.rule, %problem, "not all recipients could be taken in yet");
                        put_off(&*outbox, &clock, &held).await;
                    });
                }
                Some(_) = under_way.join_next() => {}
            }
        }
    }
}

async fn put_off(outbox: &dyn Outbox, clock: &Clock, held: &Held) {
    // How far it came is in the store, not in what was handed over.
    let stored = outbox.held_of(&held.event.id).await.unwrap_or_default();
    let Some(stored) = stored.into_iter().find(|stored| stored.rule == held.rule) else {
        return;
    };
    let again = Held {
        due_at: clock.now() + AGAIN,
        ..stored
    };
    // If this fails too, it is due when its lease ends.
    let _ = outbox.hold(&again).await;
}
