//! Takes in what comes on the queues that rules wait for.
//!
//! A message is an event; when it is decided and on disk, the place behind it is written down, and the next start goes on
//! there. A crash in between takes messages in twice: they have the same ids, and nothing is sent twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::dispatch::Dispatcher;
use crate::kafka::{Connection, Partition, Trouble};
use crate::live::Live;
use crate::metric::Metrics;
use crate::queue::{Place, Queue, Start};
use crate::rule::trigger::Trigger;
use crate::secret::Secrets;
use crate::stop::Stop;
use crate::store::Outbox;

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
            let (taken, trouble) = self.connected(&queue).await;
            if taken {
                pause = PAUSES.0;
            }
            self.metrics.queue_trouble();
            warn!(queue = %queue.name, problem = %trouble, wait = ?pause, "queue cannot be read, trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Reads until there is trouble; says whether it came as far as reading.
    async fn connected(&self, queue: &Queue) -> (bool, Trouble) {
        let partitions = match self.partitions(queue).await {
            Ok(partitions) => partitions,
            Err(trouble) => return (false, trouble),
        };
        info!(queue = %queue.name, topic = %queue.topic, partitions = partitions.len(), "queue is read from now on");
        let all = partitions.iter().map(|partition| self.partition(queue, partition));
        match try_join_all(all).await {
            Ok(_) => (true, Trouble::Wire("there is no partition".to_owned())),
            Err(trouble) => (true, trouble),
        }
    }

    fn password(&self, queue: &Queue) -> Result<Option<Vec<u8>>, Trouble> {
        let Some(login) = &queue.login else { return Ok(None) };
        match self.secrets.read(&login.secret) {
            Ok(secret) => Ok(Some(secret.expose_secret().to_vec())),
            Err(problem) => Err(Trouble::Login(problem.to_string())),
        }
    }

    async fn partitions(&self, queue: &Queue) -> Result<Vec<Partition>, Trouble> {
        let password = self.password(queue)?;
        partitions(queue, password.as_deref()).await
    }

    /// Reads one partition until there is trouble.
    async fn partition(&self, queue: &Queue, partition: &Partition) -> Result<(), Trouble> {
        let password = self.password(queue)?;
        let mut connection = Connection::open(&partition.leader, queue, password.as_deref()).await?;
        let (note, number) = (queue.note(partition.number), partition.number);
        let store = |problem: crate::store::StoreError| Trouble::Wire(format!("the store: {problem}"));
        let known = self
            .outbox
            .note(&note)
            .await
            .map_err(store)?
            .as_ref()
            .and_then(Value::as_i64);
        let mut next = match known {
            Some(next) => next,
            None => {
                let next = connection.begin(&queue.topic, number, queue.start).await?;
                self.outbox.set_note(&note, Some(&json!(next))).await.map_err(store)?;
                next
            }
        };
        loop {
            let fetched = match connection.fetch(&queue.topic, number, next).await {
                Ok(fetched) => fetched,
                Err(Trouble::OutOfRange) => {
                    // The broker threw away what we had not read, or the topic was made anew.
                    let oldest = connection.begin(&queue.topic, number, Start::Oldest).await?;
                    self.broken(queue, number, next, "the broker does not keep these messages any more");
                    self.outbox.set_note(&note, Some(&json!(oldest))).await.map_err(store)?;
                    next = oldest;
                    continue;
                }
                Err(trouble) => return Err(trouble),
            };
            for record in &fetched.records {
                let place = Place {
                    partition: number,
                    offset: record.offset,
                    written_at: record.timestamp,
                };
                let headers: Vec<(String, Vec<u8>)> = record
                    .headers
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.as_deref().unwrap_or_default().to_vec()))
                    .collect();
                let event = queue.event(
                    place,
                    record.key.as_deref(),
                    record.value.as_deref(),
                    &headers,
                    self.clock.now(),
                );
                self.dispatcher.dispatch(&event).await.map_err(store)?;
            }
            if let Some((offset, why)) = &fetched.broken {
                self.broken(queue, number, *offset, why);
            }
            if fetched.next != next {
                self.outbox
                    .set_note(&note, Some(&json!(fetched.next)))
                    .await
                    .map_err(store)?;
                next = fetched.next;
            }
        }
    }

    fn broken(&self, queue: &Queue, partition: i32, offset: i64, why: &str) {
        self.metrics.queue_passed_over();
        warn!(queue = %queue.name, partition, offset, reason = why, "messages of a queue are passed over");
    }
}

/// Asks the first broker that answers for the partitions of the queue's topic.
///
/// # Errors
/// The trouble with the last one.
pub async fn partitions(queue: &Queue, password: Option<&[u8]>) -> Result<Vec<Partition>, Trouble> {
    let mut trouble = Trouble::Wire("no broker is named".to_owned());
    for broker in &queue.brokers {
        let asked = async {
            let mut connection = Connection::open(broker, queue, password).await?;
            connection.partitions(&queue.topic).await
        };
        match asked.await {
            Ok(partitions) => return Ok(partitions),
            Err(problem) => trouble = problem,
        }
    }
    Err(trouble)
}
