//! One message that was sent: put right, taken away, answered.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use tracing::info;

use super::admin::{Admin, unknown};
use super::error::RequestError;
use super::runs::{Instead, card_of};
use crate::card::Card;
use crate::delivery::{Address, Attempt, Delivery, DeliveryId, Operation, State as DeliveryState, Terms, Thread};
use crate::event::EventId;
use crate::run::Run;
use crate::store::outbox::{Batch, EventRecord, Moved, RuleRecord};

/// Puts another message in the place of one that was sent.
pub async fn update(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    instead: Result<Json<Instead>, JsonRejection>,
) -> Result<Json<Delivery>, RequestError> {
    let card = needed(instead)?;
    change(&admin, &id, Some(&card)).await
}

/// Takes away a message that was sent.
pub async fn delete(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Delivery>, RequestError> {
    change(&admin, &id, None).await
}

/// Answers to a message that was sent: in its thread, where it has one. The answer is a delivery of its own.
pub async fn reply(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    answer: Result<Json<Instead>, JsonRejection>,
) -> Result<Json<Delivery>, RequestError> {
    let card = needed(answer)?;
    let sent = sent(&admin, &id).await?;
    let answer = answer_to(&admin, &sent, &card)?;
    let (event, rule, now) = (answer.event_id.clone(), answer.rule.clone(), admin.clock.now());
    let record = EventRecord {
        id: event.clone(),
        origin: format!("answer by hand to {}", sent.id),
        occurred_at: now,
        revision: answer.revision.clone(),
        rules: vec![RuleRecord {
            rule: rule.clone(),
            matched: true,
            deliveries: 1,
            ..RuleRecord::default()
        }],
        elsewhere: None,
        near: Vec::new(),
    };
    let batch = Batch {
        deliveries: vec![answer.clone()],
        cards: vec![card],
        runs: vec![Run::new(&event, &rule, 1, now)],
        ..Batch::of(record)
    };
    admin.outbox.enqueue(batch).await?;
    admin.work.notify_waiters();
    info!(delivery = %answer.id, to = %sent.id, "a message is answered by hand");
    Ok(Json(answer))
}

async fn change(admin: &Admin, id: &str, card: Option<&Card>) -> Result<Json<Delivery>, RequestError> {
    let sent = sent(admin, id).await?;
    match admin.outbox.amend(&sent.id, card, admin.clock.now()).await? {
        Moved::Done(delivery) => {
            admin.work.notify_waiters();
            info!(delivery = %delivery.id, operation = ?delivery.operation, "a sent message is changed by hand");
            Ok(Json(*delivery))
        }
        Moved::Unknown => Err(unknown("delivery", id)),
        Moved::NotFrom(state) => Err(not_sent(state)),
    }
}

/// The delivery, if there is a message in Teams that can be named.
async fn sent(admin: &Admin, id: &str) -> Result<Delivery, RequestError> {
    let delivery = admin.outbox.get(&DeliveryId::known(id)).await?;
    let delivery = delivery.ok_or_else(|| unknown("delivery", id))?;
    if delivery.state != DeliveryState::Delivered {
        return Err(not_sent(delivery.state));
    }
    let why = match (&delivery.recipient.address, &delivery.activity_id) {
        (Address::Webhook { .. }, _) => {
            "it went through a webhook, and what is sent there can be neither changed nor \
                                         answered"
                .to_owned()
        }
        (_, None) if delivery.batch.is_some() => {
            "it was sent in a batch, and Teams tells no ids of such messages, so it can be neither changed nor answered"
                .to_owned()
        }
        (_, None) => "Teams gave no id for this message, so it can be neither changed nor answered".to_owned(),
        (_, Some(_)) => return Ok(delivery),
    };
    Err(RequestError::new(StatusCode::CONFLICT, "wrong_state", why))
}

fn not_sent(state: DeliveryState) -> RequestError {
    let message = format!(
        "this delivery is {}; only a message that was delivered can be changed, taken away or answered",
        state.word()
    );
    RequestError::new(StatusCode::CONFLICT, "wrong_state", message)
}

fn needed(instead: Result<Json<Instead>, JsonRejection>) -> Result<Card, RequestError> {
    let Json(instead) =
        instead.map_err(|problem| RequestError::new(StatusCode::BAD_REQUEST, "bad_body", problem.body_text()))?;
    card_of(instead)?.ok_or_else(|| {
        RequestError::new(
            StatusCode::BAD_REQUEST,
            "bad_card",
            "say what people should read: a `text` or a `card`",
        )
    })
}

fn answer_to(admin: &Admin, sent: &Delivery, card: &Card) -> Result<Delivery, RequestError> {
    let now = admin.clock.now();
    let (Some(conversation), Some(message)) = (&sent.conversation_id, &sent.activity_id) else {
        return Err(not_sent(sent.state));
    };
    // Each answer is one of its own, even if it says the same.
    let unique = uuid::Uuid::new_v4().to_string();
    let event_id = EventId::derived(&["answer", sent.id.as_str(), &unique]);
    Ok(Delivery {
        id: DeliveryId::of(&event_id, &sent.rule, &sent.recipient.address),
        event_id,
        rule: sent.rule.clone(),
        revision: sent.revision.clone(),
        recipient: sent.recipient.clone(),
        card_id: Some(card.id()),
        state: DeliveryState::Pending,
        attempts: Vec::<Attempt>::new(),
        attempt_count: 0,
        created_at: now,
        next_attempt_at: now,
        reason: None,
        activity_id: None,
        conversation_id: None,
        thread_root: None,
        window: None,
        terms: Terms {
            tenant_id: sent.terms.tenant_id.clone(),
            thread: Some(Thread::Of {
                conversation: conversation.clone(),
                message: sent.thread_root.clone().unwrap_or_else(|| message.clone()),
            }),
            uncounted: true,
            ..Terms::default()
        },
        operation: Operation::Send,
        trace: None,
        batch: None,
    })
}
