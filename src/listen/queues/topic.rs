//! Reads a topic, each of its partitions on a connection of its own.

use std::convert::Infallible;

use futures::future::try_join_all;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{QueueListener, Trouble};
use crate::kafka::{self, Connection, Partition};
use crate::queue::topic::{Place, Topic};
use crate::queue::{Queue, Start};

impl From<kafka::Trouble> for Trouble {
    fn from(problem: kafka::Trouble) -> Self {
        Self(problem.to_string())
    }
}

impl QueueListener {
    /// Reads until there is trouble; `taken` becomes true when it came as far as reading.
    pub(super) async fn topic(&self, queue: &Queue, topic: &Topic, taken: &mut bool) -> Result<Infallible, Trouble> {
        let password = self.password(topic)?;
        let partitions = partitions(topic, password.as_deref()).await?;
        *taken = true;
        info!(queue = %queue.name, topic = %topic.name, partitions = partitions.len(), "queue is read from now on");
        let all = partitions
            .iter()
            .map(|partition| self.partition(queue, topic, partition));
        try_join_all(all).await?;
        Err(Trouble("there is no partition".to_owned()))
    }

    fn password(&self, topic: &Topic) -> Result<Option<Vec<u8>>, Trouble> {
        let Some(login) = &topic.login else { return Ok(None) };
        match self.secrets.read(&login.secret) {
            Ok(secret) => Ok(Some(secret.expose_secret().to_vec())),
            Err(problem) => Err(kafka::Trouble::Login(problem.to_string()).into()),
        }
    }

    /// Reads one partition until there is trouble.
    async fn partition(&self, queue: &Queue, topic: &Topic, partition: &Partition) -> Result<(), Trouble> {
        let password = self.password(topic)?;
        let mut connection = Connection::open(&partition.leader, topic, password.as_deref()).await?;
        let (note, number) = (topic.note(&queue.name, partition.number), partition.number);
        let known = self.outbox.note(&note).await?.as_ref().and_then(Value::as_i64);
        let mut next = match known {
            Some(next) => next,
            None => {
                let next = connection.begin(&topic.name, number, queue.start).await?;
                self.outbox.set_note(&note, Some(&json!(next))).await?;
                next
            }
        };
        loop {
            let fetched = match connection.fetch(&topic.name, number, next).await {
                Ok(fetched) => fetched,
                Err(kafka::Trouble::OutOfRange) => {
                    // The broker threw away what we had not read, or the topic was made anew.
                    let oldest = connection.begin(&topic.name, number, Start::Oldest).await?;
                    self.broken(queue, number, next, "the broker does not keep these messages any more");
                    self.outbox.set_note(&note, Some(&json!(oldest))).await?;
                    next = oldest;
                    continue;
                }
                Err(trouble) => return Err(trouble.into()),
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
                let event = topic.event(
                    &queue.name,
                    place,
                    record.key.as_deref(),
                    record.value.as_deref(),
                    &headers,
                    self.clock.now(),
                );
                self.dispatcher.dispatch(&event).await?;
            }
            if let Some((offset, why)) = &fetched.broken {
                self.broken(queue, number, *offset, why);
            }
            if fetched.next != next {
                self.outbox.set_note(&note, Some(&json!(fetched.next))).await?;
                next = fetched.next;
            }
        }
    }

    fn broken(&self, queue: &Queue, partition: i32, offset: i64, why: &str) {
        self.metrics.queue_passed_over();
        warn!(queue = %queue.name, partition, offset, reason = why, "messages of a queue are passed over");
    }
}

/// Asks the first broker that answers for the partitions of the topic.
///
/// # Errors
/// The trouble with the last one.
pub async fn partitions(topic: &Topic, password: Option<&[u8]>) -> Result<Vec<Partition>, kafka::Trouble> {
    let mut trouble = kafka::Trouble::Wire("no broker is named".to_owned());
    for broker in &topic.brokers {
        let asked = async {
            let mut connection = Connection::open(broker, topic, password).await?;
            connection.partitions(&topic.name).await
        };
        match asked.await {
            Ok(partitions) => return Ok(partitions),
            Err(problem) => trouble = problem,
        }
    }
    Err(trouble)
}
