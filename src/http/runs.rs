//! Runs: how far they have come, and what somebody wants of them.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::info;

use super::admin::Admin;
use super::error::RequestError;
use crate::card::{Card, written};
use crate::delivery::{Delivery, RunId, State as DeliveryState};
use crate::event::EventId;
use crate::run::{Order, Run};
use crate::store::StoreError;
use crate::store::outbox::{Filter, Ordered, RunFilter};
use crate::why::run as told;

/// How many runs one answer holds at most.
const LARGEST_PAGE: usize = 1000;
/// How many failures are told of a run unless the caller wants another number.
const FAILURES: usize = 10;
/// How many failures are told of a run at most.
const MOST_FAILURES: usize = 1000;
/// How many deliveries are looked at for messages that could not be taken back.
const LOOKED_AT: usize = 10_000;
/// How long a reason may be, in characters.
const LONGEST_REASON: usize = 500;
/// How many runs of one event a sentence names.
const NAMED: usize = 10;

/// Which runs to list.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunQuery {
    /// Only those that are not over.
    #[serde(default)]
    pub open: bool,
    /// Only of this rule.
    pub rule: Option<String>,
    /// Only of this event.
    pub event: Option<String>,
    /// Only those listed after this one.
    pub after: Option<String>,
    /// At most this many, 1 to 1000; 50 if not given.
    pub limit: Option<usize>,
}

/// Runs, newest first.
pub async fn list(
    State(admin): State<Admin>,
    query: Result<Query<RunQuery>, QueryRejection>,
) -> Result<Json<Value>, RequestError> {
    let Query(query) = query.map_err(bad_query)?;
    let filter = RunFilter {
        open: query.open,
        rule: query.rule,
        event: query.event.map(EventId::known),
    };
    let after = query.after.map(RunId::known);
    let limit = query.limit.unwrap_or(50).clamp(1, LARGEST_PAGE);
    let runs = match &filter.event {
        // An event names its rules, and so its runs: nothing has to be looked for.
        Some(event) => {
            let mut runs = of_event(&admin, event).await?;
            runs.retain(|run| filter.lets_through(run));
            let from = after.map_or(0, |after| {
                let place = runs.iter().position(|run| run.id == after);
                place.map_or(runs.len(), |place| place + 1)
            });
            runs.into_iter().skip(from).take(limit).collect()
        }
        None => admin.outbox.runs(&filter, after.as_ref(), limit).await?,
    };
    Ok(Json(runs.iter().map(shown).collect()))
}

/// What to tell of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowQuery {
    /// How many failures to tell, 0 to 1000; 10 if not given.
    pub failures: Option<usize>,
}

/// One run with what failed of it first, and everything in words. The id of an event stands for its run if it has one.
pub async fn show(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    query: Result<Query<ShowQuery>, QueryRejection>,
) -> Result<Json<Value>, RequestError> {
    let Query(query) = query.map_err(bad_query)?;
    let run = find(&admin, &id).await?;
    let most = query.failures.unwrap_or(FAILURES).min(MOST_FAILURES);
    let failures = failures(&admin, &run, most).await?;
    let mut answer = shown(&run);
    answer["text"] = json!(told::story(&run, &failures, zone(&admin)));
    let failures = failures.iter().map(|delivery| {
        json!({ "delivery": delivery.id, "recipient": delivery.recipient.name, "state": delivery.state, "reason": delivery.reason })
    });
    answer["failures"] = failures.collect();
    Ok(Json(answer))
}

/// Why somebody gives an order.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// In a sentence.
    pub reason: Option<String>,
}

/// What comes in the place of what was sent.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instead {
    /// A message of this text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// An Adaptive Card, written out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Value>,
}

/// Lets a run go that waits for an approval.
pub async fn approve(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Value>, RequestError> {
    obey(&admin, &id, Order::Approve, None).await
}

/// Nothing more of a run goes out until it is resumed.
pub async fn pause(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    because: Result<Option<Json<Because>>, JsonRejection>,
) -> Result<Json<Value>, RequestError> {
    let reason = reason(because, "an operator paused it")?;
    obey(&admin, &id, Order::Pause { reason }, None).await
}

/// A paused run goes on.
pub async fn resume(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Value>, RequestError> {
    obey(&admin, &id, Order::Resume, None).await
}

/// What has not gone out will not.
pub async fn cancel(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    because: Result<Option<Json<Because>>, JsonRejection>,
) -> Result<Json<Value>, RequestError> {
    let reason = reason(because, "an operator cancelled the run")?;
    obey(&admin, &id, Order::Cancel { reason }, None).await
}

/// Takes back what was delivered, or puts another message in its place.
pub async fn recall(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    instead: Result<Option<Json<Instead>>, JsonRejection>,
) -> Result<Json<Value>, RequestError> {
    let instead = instead
        .map_err(bad_body)?
        .map(|Json(instead)| instead)
        .unwrap_or_default();
    let card = card_of(instead)?;
    let replacement = card.as_ref().map(Card::id);
    obey(&admin, &id, Order::Recall { replacement }, card.as_ref()).await
}

/// The message that somebody wrote out, if they did.
pub(super) fn card_of(instead: Instead) -> Result<Option<Card>, RequestError> {
    Ok(match instead {
        Instead { text: None, card: None } => None,
        Instead {
            text: Some(text),
            card: None,
        } => Some(Card::of_text(&text).map_err(|fault| bad_card(&[fault]))?),
        Instead {
            text: None,
            card: Some(document),
        } => Some(Card::of_document(&document).map_err(|faults| bad_card(&faults))?.0),
        Instead { .. } => {
            let message = "either a text or a card is sent, not both";
            return Err(RequestError::new(StatusCode::BAD_REQUEST, "bad_card", message));
        }
    })
}

async fn obey(admin: &Admin, id: &str, order: Order, card: Option<&Card>) -> Result<Json<Value>, RequestError> {
    let run = find(admin, id).await?;
    let word = word(&order);
    match admin.outbox.order(&run.id, order, card, admin.clock.now()).await? {
        Ordered::Done(run) => {
            info!(run = %run.id, rule = %run.rule, order = word, "a run was given an order");
            if let (Some(dispatcher), "cancelled" | "recalled") = (&admin.dispatcher, word) {
                dispatcher
                    .stop_steps(&run.event_id, &run.rule, "not needed: an operator stopped the run")
                    .await?;
            }
            // Its deliveries are brought in line, and the courier sends what may go now.
            admin.work.notify_waiters();
            let mut answer = shown(&run);
            answer["text"] = json!(told::story(&run, &[], zone(admin)));
            Ok(Json(answer))
        }
        Ordered::Unknown => Err(unknown(id)),
        Ordered::Refused(why) => {
            let message = format!("the run {} cannot be {word}: {why}", run.id);
            Err(RequestError::new(StatusCode::CONFLICT, "wrong_state", message))
        }
    }
}

fn word(order: &Order) -> &'static str {
    match order {
        Order::Approve => "approved",
        Order::Pause { .. } => "paused",
        Order::Resume => "resumed",
        Order::Cancel { .. } => "cancelled",
        Order::Recall { replacement: None } => "recalled",
        Order::Recall { replacement: Some(_) } => "corrected",
    }
}

/// A run as lists show it.
pub(super) fn shown(run: &Run) -> Value {
    json!({
        "run": run,
        "standing": told::standing(run),
        "reason": told::reason(run),
        "progress": told::progress(run),
        "failed": run.tally.dead + run.tally.unreachable,
        "tally": told::tally(run),
        "time_left": told::time_left(run),
    })
}

fn zone(admin: &Admin) -> Tz {
    admin.live.borrow().workspace.settings.time_zone
}

/// The run with this id, or the only one of the event with this id.
pub(super) async fn find(admin: &Admin, id: &str) -> Result<Run, RequestError> {
    if !id.starts_with("ev_") {
        return admin.outbox.run(&RunId::known(id)).await?.ok_or_else(|| unknown(id));
    }
    let mut runs = of_event(admin, &EventId::known(id)).await?;
    match (runs.pop(), runs.is_empty()) {
        (Some(run), true) => Ok(run),
        (None, _) => {
            let message = format!(
                "no run belongs to the event `{id}`: there is no such event, nobody was to be told, or it was collected since"
            );
            Err(RequestError::new(StatusCode::NOT_FOUND, "unknown", message))
        }
        (Some(run), false) => {
            runs.push(run);
            let named = runs.iter().take(NAMED).map(|run| format!("{} ({})", run.id, run.rule));
            let named = named.collect::<Vec<_>>().join(", ");
            let message = format!(
                "the event `{id}` has {} runs, one for each rule; name one of them: {named}",
                runs.len()
            );
            Err(RequestError::new(StatusCode::CONFLICT, "several_runs", message))
        }
    }
}

/// The runs of an event, in the order of its rules.
pub(super) async fn of_event(admin: &Admin, event: &EventId) -> Result<Vec<Run>, StoreError> {
    let Some(record) = admin.outbox.event(event).await? else {
        return Ok(Vec::new());
    };
    let mut runs = Vec::new();
    for rule in record.rules.iter().filter(|rule| rule.matched) {
        runs.extend(admin.outbox.run(&RunId::of(event, &rule.rule)).await?);
    }
    Ok(runs)
}

/// Some of the deliveries that did not go as wanted, the first of them first.
async fn failures(admin: &Admin, run: &Run, most: usize) -> Result<Vec<Delivery>, StoreError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let of_run = Filter {
        event: Some(run.event_id.clone()),
        rule: Some(run.rule.clone()),
        ..Filter::default()
    };
    let mut failed = Vec::new();
    if run.tally.dead + run.tally.unreachable > 0 {
        let dead = Filter {
            state: Some(DeliveryState::Dead),
            ..of_run.clone()
        };
        failed = admin.outbox.list(&dead, None, MOST_FAILURES).await?;
    }
    if run.recall.is_some() && run.tally.delivered > 0 {
        let kept = Filter {
            state: Some(DeliveryState::Delivered),
            ..of_run
        };
        let kept = admin.outbox.list(&kept, None, LOOKED_AT).await?;
        failed.extend(kept.into_iter().filter(told::is_failure));
    }
    // Listed newest first.
    failed.reverse();
    failed.truncate(most);
    Ok(failed)
}

fn reason(because: Result<Option<Json<Because>>, JsonRejection>, usual: &str) -> Result<String, RequestError> {
    let because = because.map_err(bad_body)?.and_then(|Json(because)| because.reason);
    let reason: String = because
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let reason = reason.trim().trim_end_matches('.');
    if reason.chars().count() > LONGEST_REASON {
        let message = format!("a reason has at most {LONGEST_REASON} characters");
        return Err(RequestError::new(StatusCode::BAD_REQUEST, "bad_body", message));
    }
    Ok(if reason.is_empty() { usual } else { reason }.to_owned())
}

fn unknown(id: &str) -> RequestError {
    let message = format!("there is no run `{id}`; it may have been collected since");
    RequestError::new(StatusCode::NOT_FOUND, "unknown", message)
}

fn bad_card(faults: &[crate::diagnostic::Fault]) -> RequestError {
    let message = format!(
        "this cannot be sent, and nothing was changed: {}",
        written::sentences(faults)
    );
    RequestError::new(StatusCode::BAD_REQUEST, "bad_card", message)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn bad_query(problem: QueryRejection) -> RequestError {
    RequestError::new(StatusCode::BAD_REQUEST, "bad_query", problem.body_text())
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn bad_body(problem: JsonRejection) -> RequestError {
    RequestError::new(StatusCode::BAD_REQUEST, "bad_body", problem.body_text())
}
