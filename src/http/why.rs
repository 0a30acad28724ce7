//! What became of events: the latest ones, and the whole story of one.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::admin::Admin;
use super::error::RequestError;
use super::runs;
use crate::delivery::{Delivery, DeliveryId, State as DeliveryState};
use crate::event::EventId;
use crate::record::RuleRecord;
use crate::store::StoreError;
use crate::store::outbox::{EventRecord, Filter};
use crate::why::{self, Question, Story, Waiting};

/// How many deliveries of an event one answer holds at most.
const MOST_DELIVERIES: usize = 1000;
/// How many events one answer holds at most.
const MOST_EVENTS: usize = 200;

/// For how many waiting deliveries it is looked up behind which others they wait.
const MOST_BEHIND: usize = 200;

/// In a list, the deliveries of an event are counted by their state only up to so many: a page asks every two seconds.
const COUNTED: usize = 200;

/// What to tell of an event.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhyQuery {
    /// Only what this rule made of it.
    pub rule: Option<String>,
    /// Only recipients whose name or address contains this.
    pub recipient: Option<String>,
}

/// What was decided about an event, with its deliveries as they are now, and the story in words. The id of a delivery
/// stands for its event, told about that delivery.
pub async fn event(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    query: Result<Query<WhyQuery>, QueryRejection>,
) -> Result<Json<Value>, RequestError> {
    let Query(query) = query.map_err(bad_query)?;
    let delivery = match id.starts_with("dl_") {
        true => Some(delivery(&admin, &id).await?),
        false => None,
    };
    let event = delivery
        .as_ref()
        .map_or_else(|| EventId::known(id.as_str()), |delivery| delivery.event_id.clone());
    let record = admin.outbox.event(&event).await?.ok_or_else(|| unknown(&id))?;
    // Of a broadcast not everybody's delivery is read for the sake of one.
    let one_of_many = query.recipient.as_deref().filter(|_| record.owed() > MOST_DELIVERIES);
    let kept = Kept::of(&admin, &event, one_of_many).await?;
    let question = Question {
        rule: query.rule.as_deref(),
        recipient: query.recipient.as_deref(),
        delivery: delivery.as_ref(),
    };
    let runs = runs::of_event(&admin, &event).await?;
    let behind = behind(&admin, &kept.deliveries).await?;
    let mut matters = Vec::new();
    for told in record.rules.iter().filter_map(|rule| rule.told.as_ref()) {
        matters.extend(admin.outbox.matter(&told.matter).await?);
    }
    let zone = admin.live.borrow().workspace.settings.time_zone;
    let story = Story {
        record: &record,
        deliveries: &kept.deliveries,
        more_deliveries: kept.more,
        some_recipients: one_of_many.is_some(),
        waiting: &kept.waiting,
        runs: &runs,
        matters: &matters,
        behind: &behind,
        zone,
    };
    let text = why::story(&story, &question);
    Ok(Json(json!({
        "event": record,
        "outcome": why::outcome_of(&story),
        "deliveries": kept.deliveries,
        "waiting": kept.waiting,
        "runs": runs.iter().map(runs::shown).collect::<Vec<_>>(),
        "text": text,
    })))
}

/// Which events to list.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// Only those that this rule waited for.
    pub rule: Option<String>,
    /// Only those listed after this one.
    pub after: Option<String>,
    /// At most this many, 1 to 200; 20 if not given.
    pub limit: Option<usize>,
}

/// Events, newest first, each with what came of it in a few words.
pub async fn events(
    State(admin): State<Admin>,
    query: Result<Query<EventQuery>, QueryRejection>,
) -> Result<Json<Value>, RequestError> {
    let Query(query) = query.map_err(bad_query)?;
    let limit = query.limit.unwrap_or(20).clamp(1, MOST_EVENTS);
    let after = query.after.map(EventId::known);
    let records = admin
        .outbox
        .events(query.rule.as_deref(), after.as_ref(), limit)
        .await?;
    let mut listed = Vec::new();
    for record in records {
        let outcome = if record.owed() > COUNTED {
            why::many(&record)
        } else {
            let kept = Kept::of(&admin, &record.id, None).await?;
            why::outcome(&record, &kept.deliveries, !kept.waiting.is_empty())
        };
        let record = EventRecord {
            rules: record.rules.iter().map(RuleRecord::brief).collect(),
            ..record
        };
        listed.push(json!({ "event": record, "outcome": outcome }));
    }
    Ok(Json(Value::Array(listed)))
}

/// What the store has of an event besides its record.
struct Kept {
    deliveries: Vec<Delivery>,
    more: bool,
    waiting: Vec<Waiting>,
}

impl Kept {
    /// Of a broadcast only the newest are read, or those to the `recipient` that is asked about.
    async fn of(admin: &Admin, event: &EventId, recipient: Option<&str>) -> Result<Self, StoreError> {
        let filter = Filter {
            event: Some(event.clone()),
            recipient: recipient.map(str::to_owned),
            ..Filter::default()
        };
        let mut deliveries = admin.outbox.list(&filter, None, MOST_DELIVERIES + 1).await?;
        let more = deliveries.len() > MOST_DELIVERIES;
        deliveries.truncate(MOST_DELIVERIES);
        // Listed newest first; a story begins at the beginning.
        deliveries.reverse();
        let held = admin.outbox.held_of(event).await?.into_iter();
        let waiting = held.map(|held| Waiting {
            rule: held.rule,
            due_at: held.due_at,
            reason: held.reason,
        });
        Ok(Self {
            deliveries,
            more,
            waiting: waiting.collect(),
        })
    }
}

/// Which of these deliveries wait behind which.
async fn behind(admin: &Admin, deliveries: &[Delivery]) -> Result<BTreeMap<DeliveryId, DeliveryId>, StoreError> {
    let waiting = deliveries
        .iter()
        .filter(|delivery| delivery.state == DeliveryState::Pending);
    let mut behind = BTreeMap::new();
    for delivery in waiting.take(MOST_BEHIND) {
        if let Some(ahead) = admin.outbox.ahead_of(&delivery.id).await? {
            behind.insert(delivery.id.clone(), ahead);
        }
    }
    Ok(behind)
}

async fn delivery(admin: &Admin, id: &str) -> Result<Delivery, RequestError> {
    let found = admin.outbox.get(&DeliveryId::known(id)).await?;
    found.ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> RequestError {
    let kind = if id.starts_with("dl_") { "delivery" } else { "event" };
    let message = format!("there is no {kind} `{id}`; it may have been collected since");
    RequestError::new(StatusCode::NOT_FOUND, "unknown", message)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn bad_query(problem: QueryRejection) -> RequestError {
    RequestError::new(StatusCode::BAD_REQUEST, "bad_query", problem.body_text())
}
