//! Reads the change feed of a container, its partitions one after the other.

use std::convert::Infallible;
use std::time::Duration;

use serde_json::json;
use tracing::{info, warn};

use super::{QueueListener, Trouble};
use crate::cosmos::{self, Entry, Way};
use crate::queue::container::Container;
use crate::queue::feed::Position;
use crate::queue::{Queue, Start};
use crate::secret::Secrets;
use crate::store::StoreError;

impl From<cosmos::Trouble> for Trouble {
    fn from(problem: cosmos::Trouble) -> Self {
        Self(problem.to_string())
    }
}

impl QueueListener {
    /// Reads until there is trouble; `taken` becomes true when it came as far as reading.
    pub(super) async fn container(
        &self,
        queue: &Queue,
        container: &Container,
        taken: &mut bool,
    ) -> Result<Infallible, Trouble> {
        let bot = || self.bot.clone().map(|(tokens, tenant)| Entry::Bot(tokens, tenant));
        let entry = entry(container, &self.secrets, bot)?;
        let way = Way::new(self.wire.clone(), self.clock.clone(), container.clone(), entry);
        let number = way.number().await?;
        let mut position = self.position(queue, container, number).await?;
        let partitions = way.partitions().await?;
        let mut looks = position.looks(&partitions).ok_or(cosmos::Trouble::Moved)?;
        *taken = true;
        info!(queue = %queue.name, container = %container.name, partitions = partitions.len(), "queue is read from now on");
        loop {
            let (mut pause, mut busy, mut trouble) = (container.every, Duration::ZERO, None);
            for at in 0..looks.len() {
                // One partition that cannot be read does not hold up the others.
                match way.changes(&looks[at], position.start).await {
                    Ok(page) => {
                        if !page.documents.is_empty() {
                            // There may be more.
                            pause = Duration::ZERO;
                        }
                        for document in page.documents {
                            let event = container.event(&queue.name, document, self.clock.now());
                            self.dispatcher.dispatch(&event).await?;
                        }
                        if page.mark.is_some() {
                            looks[at].slice.mark = page.mark;
                            position.slices = looks.iter().map(|look| look.slice.clone()).collect();
                            self.remember(queue, container, &position).await?;
                        }
                    }
                    Err(cosmos::Trouble::Busy(wait)) => {
                        self.metrics.queue_trouble();
                        info!(queue = %queue.name, ?wait, "the account asks to wait");
                        busy = busy.max(wait);
                    }
                    Err(problem) => trouble = Some(problem),
                }
            }
            if let Some(trouble) = trouble {
                return Err(trouble.into());
            }
            tokio::time::sleep(pause.max(busy)).await;
        }
    }

    /// Up to where the container was taken in.
    async fn position(&self, queue: &Queue, container: &Container, number: String) -> Result<Position, Trouble> {
        let note = self.outbox.note(&container.note(&queue.name)).await?;
        let known: Option<Position> = note.and_then(|note| serde_json::from_value(note).ok());
        match known {
            Some(position) if position.container == number => Ok(position),
            Some(_) => {
                // It was deleted and made anew: all that is in it came since.
                self.metrics.queue_passed_over();
                let reason = "the container was made anew; what was left in the old one cannot be read any more";
                warn!(queue = %queue.name, container = %container.name, reason, "documents of a queue are passed over");
                Ok(Position::first(number, Start::Oldest))
            }
            None => Ok(Position::first(number, queue.start)),
        }
    }

    async fn remember(&self, queue: &Queue, container: &Container, position: &Position) -> Result<(), StoreError> {
        let note = container.note(&queue.name);
        self.outbox.set_note(&note, Some(&json!(position))).await
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
