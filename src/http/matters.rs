//! What rules have going on: incidents that cards stand for. Looked at, and closed by hand.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::admin::{Admin, LARGEST_PAGE, bad_query, unknown};
use super::error::RequestError;
use crate::dispatch::press::ClosedByHand;
use crate::matter::decide::name;
use crate::matter::{Matter, MatterId};
use crate::store::outbox::MatterFilter;

/// Which matters to list.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatterQuery {
    /// Only those that are not over.
    #[serde(default)]
    pub open: bool,
    /// Only of this rule.
    pub rule: Option<String>,
    /// Only those listed after this one.
    pub after: Option<String>,
    /// At most this many, 1 to 1000; 50 if not given.
    pub limit: Option<usize>,
}

/// Matters, the last to change first.
pub async fn list(
    State(admin): State<Admin>,
    query: Result<Query<MatterQuery>, QueryRejection>,
) -> Result<Json<Value>, RequestError> {
    let Query(query) = query.map_err(bad_query)?;
    let filter = MatterFilter {
        open: query.open,
        rule: query.rule,
    };
    let after = query.after.map(MatterId::known);
    let limit = query.limit.unwrap_or(50).clamp(1, LARGEST_PAGE);
    let matters = admin.outbox.matters(&filter, after.as_ref(), limit).await?;
    Ok(Json(matters.iter().map(brief).collect()))
}

/// One matter, with its newest event and its cards.
pub async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Value>, RequestError> {
    let matter = admin.outbox.matter(&MatterId::known(&id)).await?;
    let matter = matter.ok_or_else(|| unknown("matter", &id))?;
    let mut shown = brief(&matter);
    shown["event"] = json!({ "id": matter.event.id, "data": matter.event.data });
    shown["deliveries"] = json!(matter.deliveries);
    Ok(Json(shown))
}

/// Closes a matter: its cards say that it is over.
pub async fn close(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Value>, RequestError> {
    let Some(dispatcher) = &admin.dispatcher else {
        let message = "no engine runs here that could change its cards; start `herald serve`";
        return Err(RequestError::new(StatusCode::SERVICE_UNAVAILABLE, "no_engine", message));
    };
    match dispatcher.close_matter(&MatterId::known(&id)).await? {
        ClosedByHand::Done(matter) => Ok(Json(brief(&matter))),
        ClosedByHand::Already(_) => {
            let message = format!("{id} is closed already");
            Err(RequestError::new(StatusCode::CONFLICT, "wrong_state", message))
        }
        ClosedByHand::Unknown => Err(unknown("matter", &id)),
    }
}

fn brief(matter: &Matter) -> Value {
    let by = |mark: &Option<crate::matter::Mark>| {
        mark.as_ref()
            .map(|mark| json!({ "at": mark.at, "by": mark.by.as_ref().map(name) }))
    };
    json!({
        "id": matter.id,
        "rule": matter.rule,
        "about": matter.about,
        "standing": standing(matter),
        "opened_at": matter.opened_at,
        "changed_at": matter.changed_at,
        "events": matter.events,
        "cards": matter.deliveries.len(),
        "acknowledged": by(&matter.acknowledged),
        "snoozed_until": matter.snoozed_until,
        "closed": by(&matter.closed),
    })
}

/// `open`, `taken`, `put off` or `closed`.
fn standing(matter: &Matter) -> &'static str {
    match (&matter.closed, matter.snoozed_until, &matter.acknowledged) {
        (Some(_), _, _) => "closed",
        (None, Some(_), _) => "put off",
        (None, None, Some(_)) => "taken",
        (None, None, None) => "open",
    }
}
