//! What is being gathered and not told yet: for digests, until quiet hours end, in storms.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::admin::{Admin, LARGEST_PAGE, bad_query};
use super::error::RequestError;
use crate::gathering::{Cause, Gathering};

/// Which of them to list.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestQuery {
    /// Only of this rule.
    pub rule: Option<String>,
    /// Only for recipients whose name or address contains this text, whatever its case.
    pub recipient: Option<String>,
    /// At most this many, 1 to 1000; 50 if not given.
    pub limit: Option<usize>,
}

/// What is being gathered, what goes out next first.
pub async fn list(
    State(admin): State<Admin>,
    query: Result<Query<DigestQuery>, QueryRejection>,
) -> Result<Json<Value>, RequestError> {
    let Query(query) = query.map_err(bad_query)?;
    let wanted = query.recipient.map(|text| text.to_lowercase());
    let limit = query.limit.unwrap_or(50).clamp(1, LARGEST_PAGE);
    let gatherings = admin
        .outbox
        .gatherings_to_come(query.rule.as_deref(), wanted.as_deref(), limit)
        .await?;
    Ok(Json(gatherings.iter().map(brief).collect()))
}

fn brief(gathering: &Gathering) -> Value {
    json!({
        "rule": gathering.rule,
        "recipient": gathering.recipient,
        "because": gathering.cause.word(),
        "about": gathering.value,
        "count": gathering.count,
        "since": gathering.opened_at,
        "due_at": gathering.due_at,
        // A storm is looked at then: it is told if it is over.
        "goes_out": !matches!(gathering.cause, Cause::Storm { .. }),
    })
}
