//! Alive, ready, and how much of everything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::watch;

use crate::live::Live;
use crate::metric::Metrics;
use crate::stop::Stop;
use crate::store::Outbox;
use crate::teams::standing::Standing;

/// What the health routes look at.
#[derive(Clone)]
pub struct Health {
    /// The rules in force.
    pub live: watch::Receiver<Live>,
    /// The store that must answer.
    pub outbox: Arc<dyn Outbox>,
    /// What Teams thinks of the bot.
    pub standing: Arc<Standing>,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// True once the server is stopping.
    pub stopping: Stop,
}

/// 200 as long as the process answers at all.
pub async fn alive() -> &'static str {
    "alive\n"
}

/// 200 when events can be taken: the store answers and we are not stopping. Broken files are told, but do not make
/// Herald unready: their last good versions run on. Nor does a Teams that refuses the bot: what waits is kept.
pub async fn ready(State(health): State<Health>) -> Response {
    let store = health.outbox.counts().await;
    let stopping = health.stopping.is_told();
    let reload = health.live.borrow().last_reload.clone();
    let ready = store.is_ok() && !stopping;
    let body = json!({
        "ready": ready,
        "stopping": stopping,
        "store": match &store { Ok(_) => "ok".to_owned(), Err(problem) => problem.to_string() },
        "last_reload": &*reload,
        "teams": health.standing.troubles(),
    });
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}

/// Everything in Prometheus' text format.
pub async fn metrics(State(health): State<Health>) -> Response {
    if let Ok(counts) = health.outbox.counts().await {
        for (state, count) in counts {
            health.metrics.deliveries(state, count);
        }
    }
    let troubles = health.standing.troubles();
    let tenants = troubles.iter().filter(|trouble| trouble.tenant_id.is_some()).count();
    health.metrics.suspended(tenants < troubles.len(), tenants);
    (
        [(
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        health.metrics.text(),
    )
        .into_response()
}
