//! One attempt: find the way, send, judge the answer, record it.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use tracing::{info, warn};

use super::Courier;
use super::route::{self, Route};
use crate::card::{Card, fit};
use crate::clock::Clock;
use crate::delivery::{Address, Attempt, Delivery, Operation, Verdict};
use crate::metric::Metrics;
use crate::retry::{Next, RetryPolicy};
use crate::roster::{Blocked, Conversation, ConversationId, ConversationKind, Fact, Person};
use crate::store::outbox::Claim;
use crate::store::{Directory, Outbox, StoreError};
use crate::teams::answer::Answer;
use crate::teams::connector::{Connector, Sent};

/// How long nothing is sent to anybody when Teams does not take our word for who we are.
const PAUSE: Duration = Duration::seconds(30);

/// What an errand needs.
pub struct Errand {
    directory: Arc<dyn Directory>,
    outbox: Arc<dyn Outbox>,
    connector: Arc<Connector>,
    clock: Clock,
    metrics: Arc<Metrics>,
    default_service_url: String,
    retry: RetryPolicy,
}

/// What the desk must know of an errand that came back.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Nothing is settled yet: the personal chat was opened, and the message is the next request.
    pub goes_on: bool,
    /// Teams asked for silence in this conversation.
    pub throttled_until: Option<DateTime<Utc>>,
    /// Nothing can be sent to anybody until then.
    pub pause_everything: Option<DateTime<Utc>>,
}

/// What came of trying, before it is judged.
struct Tried {
    answer: Answer,
    status: Option<u16>,
    conversation: Option<ConversationId>,
}

/// How far one request led.
enum Came {
    /// The chat is open now; nothing was sent yet.
    ToAChat,
    /// To an answer about the message.
    ToAnAnswer(Tried),
}

impl Errand {
    /// Errands for this courier.
    pub fn new(courier: &Courier) -> Self {
        Self {
            directory: courier.directory.clone(),
            outbox: courier.outbox.clone(),
            connector: courier.connector.clone(),
            clock: courier.clock.clone(),
            metrics: courier.metrics.clone(),
            default_service_url: courier.default_service_url.clone(),
            retry: RetryPolicy::default(),
        }
    }

    /// Makes one request. If it was about the message, it was an attempt, which is recorded.
    pub async fn run(&self, claim: &Claim) -> Outcome {
        let delivery = &claim.delivery;
        let started_at = self.clock.now();
        let tried = match self.attempt(delivery).await {
            Ok(Came::ToAnAnswer(tried)) => tried,
            Ok(Came::ToAChat) => {
                return Outcome {
                    goes_on: true,
                    ..Outcome::default()
                };
            }
            Err(problem) => {
                warn!(delivery = %delivery.id, %problem, "delivery cannot be worked on, its lease ends by itself");
                return Outcome::default();
            }
        };
        let now = self.clock.now();
        let took_ms = u64::try_from((now - started_at).num_milliseconds()).unwrap_or(0);
        self.metrics.answer(tried.answer.word());
        let outcome = Self::outcome(&tried.answer, now);
        if let Some(until) = outcome.pause_everything {
            // Not this message's fault: it does not count as an attempt.
            warn!(delivery = %delivery.id, answer = %tried.answer, "nothing can be sent for now");
            self.record(self.outbox.release(claim, until).await, delivery);
            return outcome;
        }
        let verdict = self.judge(delivery, &tried, now);
        self.learn(delivery, &tried, now).await;
        match &verdict {
            Verdict::RetryAt { at, reason } => {
                info!(delivery = %delivery.id, rule = %delivery.rule, %at, %reason, "delivery will be tried again");
                self.metrics.settled("retry");
            }
            Verdict::Delivered { .. } => {
                info!(delivery = %delivery.id, rule = %delivery.rule, took_ms, "delivery settled");
                self.metrics.settled("delivered");
                self.metrics
                    .delivered_after((now - delivery.created_at).as_seconds_f64());
            }
            Verdict::Dead { reason } => {
                warn!(delivery = %delivery.id, rule = %delivery.rule, recipient = %delivery.recipient.name, %reason, "delivery given up");
                self.metrics.settled("dead");
            }
        }
        let number = delivery.attempt_count + 1;
        let attempt = Attempt {
            number,
            started_at,
            took_ms,
            status: tried.status,
            verdict,
        };
        self.record(self.outbox.settle(claim, attempt).await, delivery);
        outcome
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<Came, StoreError> {
        let nothing = |reason: String| {
            Came::ToAnAnswer(Tried {
                answer: Answer::Rejected { reason },
                status: None,
                conversation: None,
            })
        };
        let card = match &delivery.card_id {
            Some(id) if delivery.operation != Operation::Delete => self.outbox.card(id).await?,
            Some(_) | None => None,
        };
        if card.is_none() && delivery.operation != Operation::Delete {
            return Ok(nothing("its card is no longer stored".to_owned()));
        }
        let route = route::find(&*self.directory, &delivery.recipient.address, &self.default_service_url).await?;
        let (service_url, conversation) = match route {
            Route::None(reason) => return Ok(nothing(reason)),
            Route::Post {
                service_url,
                conversation,
            } => (service_url, conversation),
            Route::Open {
                service_url,
                tenant_id,
                member,
            } => return self.open(delivery, &service_url, &tenant_id, &member).await,
        };
        let there = |message: &str| Some((delivery.conversation_id.clone()?, message.to_owned()));
        let message = delivery.activity_id.as_deref().and_then(there);
        let (sent, conversation) = match (delivery.operation, card, message) {
            (Operation::Send, Some(card), _) => (self.post(&service_url, &conversation, &card).await, conversation),
            (Operation::Update, Some(card), Some((place, message))) => {
                let body = card.to_activity();
                let sent = self
                    .connector
                    .update(&service_url, place.as_str(), &message, &body)
                    .await;
                (sent, place)
            }
            (Operation::Delete, _, Some((place, message))) => {
                let mut sent = self.connector.delete(&service_url, place.as_str(), &message).await;
                if matches!(sent.answer, Answer::MessageGone { .. }) {
                    // That is what was wanted.
                    sent.answer = Answer::Accepted { activity_id: None };
                }
                (sent, place)
            }
            (Operation::Send | Operation::Update, None, _) | (Operation::Update | Operation::Delete, _, None) => {
                return Ok(nothing("it is not known which message is meant".to_owned()));
            }
        };
        Ok(Came::ToAnAnswer(Tried {
            answer: sent.answer,
            status: sent.status,
            conversation: Some(conversation),
        }))
    }

    /// Opens the personal chat and remembers it; the same person always has the same chat.
    async fn open(
        &self,
        delivery: &Delivery,
        service_url: &str,
        tenant_id: &str,
        member: &str,
    ) -> Result<Came, StoreError> {
        let id = match self.connector.open_personal(service_url, tenant_id, member).await {
            Ok(id) => ConversationId::new(&id),
            Err(sent) => {
                return Ok(Came::ToAnAnswer(Tried {
                    answer: sent.answer,
                    status: sent.status,
                    conversation: None,
                }));
            }
        };
        let now = self.clock.now();
        let account_id = member.starts_with("29:").then(|| member.to_owned());
        let aad_object_id = match &delivery.recipient.address {
            Address::Person { id, .. } if !id.starts_with("29:") => Some(id.clone()),
            Address::Person { .. } | Address::Conversation { .. } | Address::Nowhere { .. } => None,
        };
        let person = Person {
            tenant_id: tenant_id.to_owned(),
            aad_object_id,
            account_id,
            ..Person::default()
        };
        let chat = Conversation {
            id,
            kind: ConversationKind::Personal,
            service_url: service_url.to_owned(),
            tenant_id: tenant_id.to_owned(),
            team_id: None,
            name: None,
            bot_id: self.directory.bot_id().await?.unwrap_or_default(),
            person: Some(person),
            installed_by: None,
            first_seen: now,
            last_seen: now,
            blocked: None,
        };
        self.directory.learn(&[Fact::ConversationSeen(chat)]).await?;
        Ok(Came::ToAChat)
    }

    /// Posts the card; one that Teams finds too large is cut further and posted again.
    async fn post(&self, service_url: &str, conversation: &ConversationId, card: &Card) -> Sent {
        let sent = self
            .connector
            .send(service_url, conversation.as_str(), &card.to_activity())
            .await;
        match (&sent.answer, fit::shorter(card)) {
            (Answer::TooLarge, Some(shorter)) => {
                let body: Value = shorter.to_activity();
                self.connector.send(service_url, conversation.as_str(), &body).await
            }
            _ => sent,
        }
    }

    fn outcome(answer: &Answer, now: DateTime<Utc>) -> Outcome {
        match answer {
            Answer::Throttled { wait } => {
                let wait = wait
                    .and_then(|wait| Duration::from_std(wait).ok())
                    .unwrap_or(Duration::seconds(2));
                Outcome {
                    throttled_until: Some(now + wait),
                    ..Outcome::default()
                }
            }
            Answer::NoToken { .. } | Answer::Unauthorized { .. } | Answer::SwitchedOff { .. } => Outcome {
                pause_everything: Some(now + PAUSE),
                ..Outcome::default()
            },
            Answer::Accepted { .. }
            | Answer::Conflict
            | Answer::Unavailable { .. }
            | Answer::Faulty { .. }
            | Answer::Gone { .. }
            | Answer::Blocked { .. }
            | Answer::Unreachable { .. }
            | Answer::MessageGone { .. }
            | Answer::TooLarge
            | Answer::Rejected { .. } => Outcome::default(),
        }
    }

    fn judge(&self, delivery: &Delivery, tried: &Tried, now: DateTime<Utc>) -> Verdict {
        if let (Answer::Accepted { activity_id }, Some(conversation_id)) = (&tried.answer, &tried.conversation) {
            let activity_id = activity_id.clone();
            return Verdict::Delivered {
                activity_id,
                conversation_id: conversation_id.clone(),
            };
        }
        let first = delivery.attempt_count == 0;
        if first && tried.answer.may_reopen() && matches!(delivery.recipient.address, Address::Person { .. }) {
            // The chat we knew is forgotten by now; the next try opens it again.
            return Verdict::RetryAt {
                at: now,
                reason: tried.answer.to_string(),
            };
        }
        match self.retry.next(&tried.answer, delivery, now, jitter()) {
            Next::Retry { at, reason } => Verdict::RetryAt { at, reason },
            Next::GiveUp { reason } => Verdict::Dead { reason },
            Next::Done => unreachable!("an accepted message always has its conversation"),
        }
    }

    /// What the answer says about the world, for the directory.
    async fn learn(&self, delivery: &Delivery, tried: &Tried, now: DateTime<Utc>) {
        let Some(id) = tried.conversation.clone() else { return };
        let fact = match &tried.answer {
            Answer::Blocked { code, .. } => Fact::Blocked {
                id,
                blocked: Blocked {
                    since: now,
                    code: code.clone(),
                },
            },
            Answer::Gone { .. } => Fact::ConversationGone { id },
            Answer::Accepted { .. }
            | Answer::Throttled { .. }
            | Answer::Conflict
            | Answer::Unavailable { .. }
            | Answer::Faulty { .. }
            | Answer::NoToken { .. }
            | Answer::Unauthorized { .. }
            | Answer::SwitchedOff { .. }
            | Answer::Unreachable { .. }
            | Answer::MessageGone { .. }
            | Answer::TooLarge
            | Answer::Rejected { .. } => return,
        };
        if let Err(problem) = self.directory.learn(&[fact]).await {
            warn!(delivery = %delivery.id, %problem, "what Teams told about the conversation could not be stored");
        }
    }

    fn record(&self, result: Result<(), StoreError>, delivery: &Delivery) {
        match result {
            Ok(()) => {}
            Err(StoreError::LeaseLost) => {
                info!(delivery = %delivery.id, "delivery was cancelled or taken over meanwhile, its attempt is not recorded");
            }
            Err(problem) => {
                warn!(delivery = %delivery.id, %problem, "attempt could not be recorded, the delivery may be sent again");
            }
        }
    }
}

/// A number from 0 to 1.
fn jitter() -> f64 {
    let [byte, other, ..] = *uuid::Uuid::new_v4().as_bytes();
    f64::from(u16::from_be_bytes([byte, other])) / f64::from(u16::MAX)
}
