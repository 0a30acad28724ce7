//! Takes in what comes on the queues that rules wait for.
//!
//! A message is an event, and so is a changed document; when it is decided and on disk, the place behind it is written down,
//! and the next start goes on there. A crash in between takes it in twice: it has the same id, and nothing is sent twice.

pub mod container;
pub mod topic;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tracing::warn;

use crate::clock::Clock;
use crate::dispatch::Dispatcher;
use crate::live::Live;
use crate::metric::Metrics;
use crate::queue::{Queue, Source};
use crate::rule::trigger::Trigger;
use crate::secret::Secrets;
use crate::stop::Stop;
use crate::store::{Outbox, StoreError};
use crate::teams::token::Tokens;
use crate::teams::wire::Wire;

/// How long a queue is left alone after the first trouble, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Takes in what comes on queues.
#[derive(Clone)]
pub struct QueueListener {
    /// The queues and rules in force; a reload wakes the listener.
    pub live: watch::Receiver<Live>,
    /// Where the places are remembered up to which was taken in.
    pub outbox: Arc<dyn Outbox>,
    /// Who decides.
    pub dispatcher: Dispatcher,
    /// Where passwords are read.
    pub secrets: Arc<Secrets>,
    /// The time.
    pub clock: Clock,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// HTTP towards Microsoft.
    pub wire: Wire,
    /// The bot's tokens, and its tenant, if there is a bot of one tenant.
    pub bot: Option<(Arc<Tokens>, String)>,
}

/// Why a queue cannot be read right now. The sentence holds no secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(String);

impl From<StoreError> for Trouble {
    fn from(problem: StoreError) -> Self {
        Self(format!("the store: {problem}"))
    }
}

impl QueueListener {
    /// Runs until `stop` is true.
    pub async fn run(mut self, mut stop: Stop) {
        let mut tasks = JoinSet::new();
        let mut running: BTreeMap<String, (Queue, AbortHandle)> = BTreeMap::new();
        loop {
            let wanted = self.wanted();
            running.retain(|name, (queue, task)| {
                let stays = wanted.iter().any(|wanted| wanted.name == *name && wanted == queue);
                if !stays {
                    task.abort();
                }
                stays
            });
            for queue in wanted {
                if !running.contains_key(&queue.name) {
                    let task = tasks.spawn(self.clone().follow(queue.clone()));
                    running.insert(queue.name.clone(), (queue, task));
                }
            }
            tokio::select! {
                () = stop.told() => return,
                changed = self.live.changed() => if changed.is_err() { return },
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Err(problem) = ended && problem.is_panic() {
                        std::panic::resume_unwind(problem.into_panic());
                    }
                }
            }
        }
    }

    /// The declared queues that some rule waits for.
    fn wanted(&mut self) -> Vec<Queue> {
        let workspace = self.live.borrow_and_update().workspace.clone();
        let waited_for = |queue: &&Queue| {
            let mut triggers = workspace.ruleset.rules.iter().flat_map(|rule| &rule.triggers);
            triggers.any(|trigger| matches!(trigger, Trigger::Queue { queue: name } if *name == queue.name))
        };
        workspace.settings.queues.values().filter(waited_for).cloned().collect()
    }

    async fn follow(self, queue: Queue) {
        let mut pause = PAUSES.0;
        loop {
            let mut taken = false;
            let ended = match &queue.source {
                Source::Topic(topic) => self.topic(&queue, topic, &mut taken).await,
                Source::Container(container) => self.container(&queue, container, &mut taken).await,
            };
            let Err(trouble) = ended;
            if taken {
                pause = PAUSES.0;
            }
            self.metrics.queue_trouble();
            warn!(queue = %queue.name, problem = %trouble, wait = ?pause, "queue cannot be read, trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}
