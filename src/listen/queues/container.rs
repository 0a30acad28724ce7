//! Reads the change feed of a container, each of its partitions for itself.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use futures::future::try_join_all;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::sleep;
use tracing::{info, warn};

use super::{PAUSES, QueueListener, Trouble};
use crate::cosmos::{self, Entry, Found, Way};
use crate::queue::container::Container;
use crate::queue::feed::{Begin, Look, Position};
use crate::queue::{Queue, Start};
use crate::secret::Secrets;
use crate::store::StoreError;

/// A partition that is asked too much is left alone at least this long.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
/// How often is looked whether the container is still the same one.
const LOOK_FOR_IT: Duration = Duration::from_secs(300);
/// The account's clock shows whole seconds; what was written in the one before the first start may come.
const ONE_SECOND: TimeDelta = TimeDelta::seconds(1);

impl From<cosmos::Trouble> for Trouble {
    fn from(problem: cosmos::Trouble) -> Self {
        Self(problem.to_string())
    }
}

/// A container that is being read.
struct Reading<'a> {
    queue: &'a Queue,
    container: &'a Container,
    way: Way,
    number: String,
    begin: Begin,
    /// Held while it is written down, so that what is on disk never goes back.
    position: Mutex<Position>,
    /// Something of it could be read.
    read: AtomicBool,
}

impl QueueListener {
    /// Reads until there is trouble with the whole of it; `taken` becomes true when something could be read.
    pub(super) async fn container(
        &self,
        queue: &Queue,
        container: &Container,
        taken: &mut bool,
    ) -> Result<Infallible, Trouble> {
        let bot = || self.bot.clone().map(|(tokens, tenant)| Entry::Bot(tokens, tenant));
        let entry = entry(container, &self.secrets, bot)?;
        let way = Way::new(self.wire.clone(), self.clock.clone(), container.clone(), entry);
        let found = way.find().await?;
        let mut position = self.position(queue, container, &found).await?;
        let partitions = way.partitions().await?;
        let looks = position.looks(&partitions).ok_or(cosmos::Trouble::Moved)?;
        position.slices = looks.iter().map(|look| look.slice.clone()).collect();
        // Before the first look: however long that takes, it is known where it begins.
        self.remember(queue, container, &position).await?;
        info!(queue = %queue.name, container = %container.name, partitions = partitions.len(), "queue is read from now on");
        let reading = Reading {
            queue,
            container,
            way,
            number: found.number,
            begin: position.begin,
            position: Mutex::new(position),
            read: AtomicBool::new(false),
        };
        let all = looks
            .into_iter()
            .enumerate()
            .map(|(at, look)| self.partition_of(&reading, at, look));
        let ended = tokio::select! {
            ended = try_join_all(all) => ended.map(drop),
            gone = reading.until_it_is_another() => gone.map_err(Trouble::from),
        };
        *taken = reading.read.load(Ordering::Relaxed);
        ended?;
        Err(Trouble("there is no partition".to_owned()))
    }

    /// Reads one partition, or the part of it that is the slice `at`, until there is trouble with the whole container.
    async fn partition_of(&self, reading: &Reading<'_>, at: usize, mut look: Look) -> Result<Infallible, Trouble> {
        let (queue, partition) = (&reading.queue.name, look.partition.clone());
        let (mut pause, mut busy) = (PAUSES.0, false);
        loop {
            match reading.way.changes(&reading.number, reading.begin, &look).await {
                Ok(page) => {
                    reading.read.store(true, Ordering::Relaxed);
                    (pause, busy) = (PAUSES.0, false);
                    for document in page.documents {
                        match document {
                            Ok(document) => {
                                let event = reading.container.event(queue, document, self.clock.now());
                                self.dispatcher.dispatch(&event).await?;
                            }
                            Err(reason) => {
                                self.metrics.queue_passed_over();
                                warn!(%queue, %partition, reason, "a document of a queue is passed over");
                            }
                        }
                    }
                    if page.mark.is_some() {
                        look.slice.mark = page.mark;
                        let mut position = reading.position.lock().await;
                        position.slices[at] = look.slice.clone();
                        self.remember(reading.queue, reading.container, &position).await?;
                    }
                    if !page.more {
                        sleep(reading.container.every).await;
                    }
                }
                Err(cosmos::Trouble::Busy(wait)) => {
                    self.metrics.queue_trouble();
                    if !busy {
                        info!(%queue, %partition, ?wait, "the account asks to wait");
                    }
                    busy = true;
                    sleep(wait.max(SHORTEST_WAIT)).await;
                }
                // One partition that cannot be read does not hold up the others.
                Err(
                    problem @ (cosmos::Trouble::Wire(_) | cosmos::Trouble::Account(_) | cosmos::Trouble::Language(_)),
                ) => {
                    self.metrics.queue_trouble();
                    warn!(%queue, %partition, %problem, wait = ?pause, "a partition of a queue cannot be read, trying again");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
                Err(
                    problem @ (cosmos::Trouble::Login(_) | cosmos::Trouble::NotThere(_) | cosmos::Trouble::Moved),
                ) => return Err(problem.into()),
            }
        }
    }

    /// Up to where the container was taken in.
    async fn position(&self, queue: &Queue, container: &Container, found: &Found) -> Result<Position, StoreError> {
        let first = |begin| Position::first(found.number.clone(), begin);
        let from_now = Begin::Since(found.now - ONE_SECOND);
        let note = self.outbox.note(&container.note(&queue.name)).await?;
        match note.map(serde_json::from_value::<Position>) {
            Some(Ok(position)) if position.container == found.number => Ok(position),
            Some(Ok(_)) => {
                // It was deleted and made anew: all that is in it came since.
                self.metrics.queue_passed_over();
                let reason = "the container was made anew; what was left in the old one cannot be read any more";
                warn!(queue = %queue.name, container = %container.name, reason, "documents of a queue are passed over");
                Ok(first(Begin::Oldest))
            }
            Some(Err(problem)) => {
                self.metrics.queue_passed_over();
                let reason =
                    format!("what was remembered of the queue cannot be read ({problem}); it is read from now on");
                warn!(queue = %queue.name, container = %container.name, reason, "documents of a queue are passed over");
                Ok(first(from_now))
            }
            None => Ok(first(match queue.start {
                Start::Newest => from_now,
                Start::Oldest => Begin::Oldest,
            })),
        }
    }

    async fn remember(&self, queue: &Queue, container: &Container, position: &Position) -> Result<(), StoreError> {
        let note = container.note(&queue.name);
        self.outbox.set_note(&note, Some(&json!(position))).await
    }
}

impl Reading<'_> {
    /// Looks now and then whether the container is still the same one.
    async fn until_it_is_another(&self) -> Result<(), cosmos::Trouble> {
        loop {
            sleep(LOOK_FOR_IT).await;
            // Whatever else is wrong shows where documents are read.
            if self.way.find().await.is_ok_and(|found| found.number != self.number) {
                return Err(cosmos::Trouble::Moved);
            }
        }
    }
}

/// How we prove to the account of `container` who asks: by its key, or as the `bot`, if there is one.
///
/// # Errors
/// [`cosmos::Trouble::Login`].
pub fn entry(
    container: &Container,
    secrets: &Secrets,
    bot: impl FnOnce() -> Option<Entry>,
) -> Result<Entry, cosmos::Trouble> {
    match &container.key {
        Some(name) => {
            let key = secrets.read(name);
            Entry::key(&key.map_err(|problem| cosmos::Trouble::Login(problem.to_string()))?)
        }
        None => bot().ok_or_else(|| {
            cosmos::Trouble::Login(
                "without `secret` Herald asks as the bot, and no `bot` with `app_id` and `tenant` is there"
                    .to_owned(),
            )
        }),
    }
}
