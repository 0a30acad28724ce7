//! How long requests to hooks take.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::metric::Metrics;

/// Where it is noted.
#[derive(Clone)]
pub struct Timing {
    /// The numbers.
    pub metrics: Arc<Metrics>,
}

/// Notes how long the rest takes.
pub async fn time(State(timing): State<Timing>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let response = next.run(request).await;
    let status = match response.status().as_u16() {
        500.. => "5xx",
        400.. => "4xx",
        _ => "2xx",
    };
    timing.metrics.hook_took(status, started.elapsed().as_secs_f64());
    response
}
