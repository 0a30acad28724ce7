//! Alive, ready, and how much of everything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::lane::Lane;
use crate::live::Live;
use crate::metric::Metrics;
use crate::run::Phase;
use crate::stop::Stop;
use crate::store::Outbox;
use crate::store::meter::Size;
use crate::store::outbox::RunFilter;
use crate::teams::standing::Standing;
use crate::turnstile::Turnstile;

/// Among how many of the newest open runs the paused ones are counted.
const RUNS_LOOKED_AT: usize = 1000;

/// What the health routes look at.
#[derive(Clone)]
pub struct Health {
    /// The rules in force.
    pub live: watch::Receiver<Live>,
    /// The store that must answer.
    pub outbox: Arc<dyn Outbox>,
    /// What Teams thinks of the bot.
    pub standing: Arc<Standing>,
    /// Where requests to Teams are counted.
    pub turnstile: Arc<Turnstile>,
    /// The time.
    pub clock: Clock,
    /// How much the store has on disk.
    pub size: Size,
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
    let metrics = &health.metrics;
    if let Ok(counts) = health.outbox.counts().await {
        for (state, count) in counts {
            metrics.deliveries(state, count);
        }
    }
    let troubles = health.standing.troubles();
    let tenants = troubles.iter().filter(|trouble| trouble.tenant_id.is_some()).count();
    health.metrics.suspended(tenants < troubles.len(), tenants);
    let now = health.clock.now();
    if let Ok(lanes) = health.outbox.lanes().await {
        let mut oldest: f64 = 0.0;
        for lane in Lane::ALL {
            let state = lanes.get(lane);
            let age = state.due_since.map_or(0.0, |due| (now - due).as_seconds_f64());
            metrics.lane_depth(lane.word(), state.waiting);
            metrics.lane_age(lane.word(), age);
            oldest = oldest.max(age);
        }
        metrics.oldest_waiting(oldest);
    }
    let open = RunFilter {
        open: true,
        ..RunFilter::default()
    };
    if let Ok(runs) = health.outbox.runs(&open, None, RUNS_LOOKED_AT).await {
        let paused = runs.iter().filter(|run| matches!(run.phase, Phase::Paused { .. }));
        metrics.runs_paused(paused.count() as u64);
    }
    let (used, allowed) = health.turnstile.pace().in_use(now);
    metrics.pace(used as f64, allowed as f64);
    let size = health.size.clone();
    if let Ok(Some(bytes)) = tokio::task::spawn_blocking(move || size.bytes()).await {
        metrics.store_bytes(bytes);
    }
    (
        [(
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        metrics.text(),
    )
        .into_response()
}
