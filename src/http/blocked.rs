//! The block report: whom Teams refuses our messages to.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::admin::{Admin, LARGEST_PAGE, TargetQuery, bad_query, unknown};
use super::error::RequestError;
use crate::roster::Fact;

/// The rows of the report, each with whether Teams is asked about it; `next` is the id to go on after.
pub async fn list(
    State(admin): State<Admin>,
    query: Result<Query<TargetQuery>, QueryRejection>,
) -> Result<Json<Value>, RequestError> {
    let Query(query) = query.map_err(bad_query)?;
    let limit = query.limit.unwrap_or(200).clamp(1, LARGEST_PAGE);
    let rows = admin.directory.refusals(query.after.as_deref(), limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.id.clone());
    let now = admin.clock.now();
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut shown = json!(row);
            shown["shut"] = json!(row.holds(now));
            shown
        })
        .collect();
    Ok(Json(json!({ "blocked": rows, "next": next })))
}

/// Ends a refusal by hand: the next message there is tried.
pub async fn lift(State(admin): State<Admin>, Path(id): Path<String>) -> Result<StatusCode, RequestError> {
    if admin.directory.refusal(&id).await?.is_none() {
        return Err(unknown("row in the block report", &id));
    }
    admin.directory.learn(&[Fact::Reached { id }]).await?;
    Ok(StatusCode::NO_CONTENT)
}
