//! `POST /admin/v1/rules/{name}/fire`: a drill.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::admin::Admin;
use super::audit::Outcome;
use super::error::RequestError;
use crate::diagnostic::did_you_mean;
use crate::drill;
use crate::event::{Event, EventId, Origin};
use crate::plan;
use crate::store::outbox::Batch;

/// What a drill is to be like.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// What the rule sees as `event`.
    pub event: Value,
    /// What it sees as `request`.
    #[serde(default)]
    pub request: Value,
    /// Where the event was recorded.
    #[serde(default)]
    pub sample: Option<String>,
    /// Who gets the card instead of the rule's targets, as [`drill::target`] understands it.
    #[serde(default)]
    pub to: Option<String>,
    /// Send even if the condition does not hold.
    #[serde(default)]
    pub force: bool,
    /// Send nothing and keep nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Sends a rule's card as a drill, or says who would get it.
pub async fn fire(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    wish: Result<Json<Wish>, JsonRejection>,
) -> Result<Response, RequestError> {
    let Json(wish) =
        wish.map_err(|problem| RequestError::new(StatusCode::BAD_REQUEST, "bad_body", problem.body_text()))?;
    let dispatcher = admin.dispatcher.as_ref().ok_or_else(|| {
        RequestError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_engine",
            "no engine runs here; start `herald serve`",
        )
    })?;
    let workspace = admin.live.borrow().workspace.clone();
    let rule = workspace.ruleset.rule(&name).ok_or_else(|| {
        let known = workspace.ruleset.rules.iter().map(|rule| rule.name.as_str());
        let meant = did_you_mean(&name, known).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        RequestError::new(
            StatusCode::NOT_FOUND,
            "no_such_rule",
            format!("no rule called `{name}` is in force{meant}"),
        )
    })?;
    let to = wish
        .to
        .as_deref()
        .map(|to| drill::target(to, &workspace.book))
        .transpose()
        .map_err(|sentence| RequestError::new(StatusCode::BAD_REQUEST, "bad_target", sentence))?;
    let now = admin.clock.now();
    let event = Event {
        // Two drills are two events, however alike they are.
        id: EventId::derived(&["drill", &uuid::Uuid::now_v7().to_string()]),
        origin: Origin::Drill {
            rule: name.clone(),
            sample: wish.sample,
            to,
            forced: wish.force,
        },
        occurred_at: now,
        data: wish.event,
        request: wish.request,
        here: None,
        thread: None,
        item: None,
        sender: None,
    };
    let scope = plan::scope(&event, rule, workspace.settings.time_zone, now);
    let verdicts = rule.condition.evaluate(&scope);
    if !verdicts.holds && !wish.force {
        return Err(RequestError::new(
            StatusCode::CONFLICT,
            "condition",
            format!(
                "the `if` of `{name}` does not hold with this event: {}",
                verdicts.because().join("; ")
            ),
        ));
    }
    if wish.dry_run {
        let batch = dispatcher.rehearse(&event).await?;
        let outcome = Outcome("done: a rehearsal, nothing was sent".to_owned());
        return Ok((Extension(outcome), Json(rehearsed(&batch))).into_response());
    }
    let decision = dispatcher.dispatch(&event).await?;
    Ok((StatusCode::ACCEPTED, Json(decision)).into_response())
}

/// Who would be told, with which card.
fn rehearsed(batch: &Batch) -> Value {
    let told: Vec<_> = batch
        .deliveries
        .iter()
        .filter(|delivery| delivery.card_id.is_some())
        .map(|delivery| json!({ "recipient": delivery.recipient.name, "card": delivery.card_id }))
        .collect();
    let skipped: Vec<_> = batch
        .deliveries
        .iter()
        .filter(|delivery| delivery.card_id.is_none())
        .map(|delivery| json!({ "target": delivery.recipient.name, "reason": delivery.reason }))
        .collect();
    let cards: Map<String, Value> = batch
        .cards
        .iter()
        .map(|card| (card.id().as_str().to_owned(), card.to_activity()))
        .collect();
    let waiting: Vec<_> = batch.held.iter().flat_map(|held| &held.rosters).collect();
    let warnings: Vec<_> = batch.record.rules.iter().flat_map(|rule| &rule.warnings).collect();
    json!({
        "dry_run": true, "told": told, "skipped": skipped, "cards": cards, "waiting": waiting, "warnings": warnings,
    })
}
