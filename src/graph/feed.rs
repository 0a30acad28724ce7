//! Notifications in activity feeds: one by one, or one for up to a hundred people at once where they get the same.
//!
//! Whoever sends one hands it over and waits for the answer; those that come within a moment and say the same go
//! together. How fast Graph takes them is [`super::brake`]'s matter; when too many wait here, the sender is told to come
//! again, so that they hold up nobody else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use super::answer::No;
use super::client::{Graph, encoded};
use super::task::Task;
use crate::delivery::CardId;
use crate::trace::TraceContext;
use crate::tracer::{self, made_for};

/// Notifications that wait here at most.
const MOST_WAITING: usize = 100;
/// How long the first of several waits for others that say the same, at most; by the machine's time, whatever the clock says.
const GATHERED: Duration = Duration::from_millis(100);
/// The most recipients of one request.
const MOST_RECIPIENTS: usize = 100;
/// So many go one by one although they say the same: Graph tells of each of them what came of it.
const FEW: usize = 3;

/// Too many wait: come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowded;

/// Takes notifications. Cheap to call from many tasks at once.
#[derive(Debug, Clone)]
pub struct Feeds {
    handed: mpsc::Sender<Handed>,
    places: Arc<Semaphore>,
}

struct Handed {
    card: CardId,
    notification: Arc<Value>,
    user: String,
    answer: oneshot::Sender<Result<(), No>>,
    /// The span of the attempt that it is sent for.
    span: Option<TraceContext>,
}

/// Sends what is handed over; ends when nobody can hand anything over any more.
pub struct FeedSender {
    graph: Arc<Graph>,
    handed: mpsc::Receiver<Handed>,
}

impl Feeds {
    /// A way to activity feeds, and who goes it.
    pub fn new(graph: Arc<Graph>) -> (Self, FeedSender) {
        let (sender, handed) = mpsc::channel(MOST_WAITING);
        let feeds = Self {
            handed: sender,
            places: Arc::new(Semaphore::new(MOST_WAITING)),
        };
        (feeds, FeedSender { graph, handed })
    }

    /// Notifies the person with this Entra object id; `card` names what is said.
    ///
    /// # Errors
    /// [`Crowded`] when too many wait already; nothing was sent then. Inside, what Graph said instead of yes.
    pub async fn notify(&self, card: &CardId, notification: Value, user: &str) -> Result<Result<(), No>, Crowded> {
        let _place = self.places.try_acquire().map_err(|_| Crowded)?;
        let (answer, answered) = oneshot::channel();
        let handed = Handed {
            card: card.clone(),
            notification: Arc::new(notification),
            user: user.to_owned(),
            answer,
            span: tracer::below(),
        };
        if self.handed.send(handed).await.is_err() {
            return Err(Crowded);
        }
        answered.await.map_err(|_| Crowded)
    }
}

impl FeedSender {
    /// Runs until nobody can hand anything over, and what was handed over is sent.
    ///
    /// While a notification is on its way, whoever is to get the same gathers behind it and goes with the next request: so
    /// the slower Graph is, the more go together.
    pub async fn run(mut self) {
        let mut waiting: Vec<Vec<Handed>> = Vec::new();
        let mut busy: HashSet<CardId> = HashSet::new();
        let mut under_way = JoinSet::new();
        let mut open = true;
        let mut tick = tokio::time::interval(GATHERED);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while open || !waiting.is_empty() || !under_way.is_empty() {
            tokio::select! {
                handed = self.handed.recv(), if open => match handed {
                    Some(one) => gather(&mut waiting, one),
                    None => open = false,
                },
                Some(done) = under_way.join_next() => match done {
                    Ok(card) => {
                        busy.remove(&card);
                    }
                    // Those whose answer is lost with it are claimed again; which notification it was is not known.
                    Err(_) => busy.clear(),
                },
                _ = tick.tick(), if !waiting.is_empty() => {
                    let ready = |group: &mut Vec<Handed>| busy.insert(group[0].card.clone());
                    for together in waiting.extract_if(.., ready) {
                        let graph = self.graph.clone();
                        under_way.spawn(async move {
                            let card = together[0].card.clone();
                            // One request for several of them stands below the first.
                            let span = together[0].span;
                            made_for(span, send(&graph, together)).await;
                            card
                        });
                    }
                }
            }
        }
    }
}

/// Puts one to those that say the same, in the order they came.
fn gather(waiting: &mut Vec<Vec<Handed>>, one: Handed) {
    let same = |group: &&mut Vec<Handed>| group[0].card == one.card && group.len() < MOST_RECIPIENTS;
    match waiting.iter_mut().find(same) {
        Some(group) => group.push(one),
        None => waiting.push(vec![one]),
    }
}

async fn send(graph: &Graph, together: Vec<Handed>) {
    if together.len() > FEW {
        let users: Vec<&str> = together.iter().map(|one| one.user.as_str()).collect();
        let mut sent = graph.notify_many(&users, &together[0].notification).await;
        if sent == Err(No::TokenTooOld) {
            graph.renew_token().await;
            sent = graph.notify_many(&users, &together[0].notification).await;
        }
        match sent {
            Ok(()) | Err(No::Throttled { .. } | No::Unavailable { .. } | No::Denied { .. }) => {
                return together.into_iter().for_each(|one| one.tell(sent.clone()));
            }
            // One wrong recipient spoils it for all: each of them gets an answer of their own.
            Err(no @ (No::NotThere { .. } | No::Rejected { .. } | No::Conflict | No::TokenTooOld)) => {
                warn!(recipients = together.len(), reason = %no, "a notification to several is sent one by one");
            }
        }
    }
    let one_by_one = together.into_iter().map(|one| async {
        let sent = made_for(one.span, graph.notify(&one.user, &one.notification)).await;
        one.tell(sent);
    });
    futures::future::join_all(one_by_one).await;
}

impl Handed {
    fn tell(self, sent: Result<(), No>) {
        // Whoever handed it over may be gone: the delivery is claimed again then.
        self.answer.send(sent).ok();
    }
}

impl Graph {
    /// Puts a notification into one activity feed.
    async fn notify(&self, user: &str, notification: &Value) -> Result<(), No> {
        let path = format!("/users/{}/teamwork/sendActivityNotification", encoded(user));
        self.post(Task::Notify, &path, notification).await
    }

    /// Puts the same notification into the feeds of at most a hundred people. Graph does not tell who of them got it.
    async fn notify_many(&self, users: &[&str], notification: &Value) -> Result<(), No> {
        let recipient =
            |user: &&str| json!({ "@odata.type": "microsoft.graph.aadUserNotificationRecipient", "userId": user });
        let mut body = notification.clone();
        body["recipients"] = users.iter().map(recipient).collect();
        let path = "/teamwork/sendActivityNotificationToRecipients";
        self.post(Task::NotifyMany, path, &body).await
    }
}
