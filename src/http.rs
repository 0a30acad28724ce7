//! The routes, in one table.

pub mod admin;
pub mod amend;
pub mod audit;
pub mod blocked;
pub mod body;
pub mod digests;
pub mod entra;
pub mod error;
pub mod fire;
pub mod gate;
pub mod health;
pub mod hook;
pub mod listen;
pub mod matters;
pub mod messages;
pub mod own_page;
pub mod page;
pub mod place;
pub mod runs;
pub mod timing;
pub mod why;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

/// How long a request may take in all; Teams gives up after 15 seconds.
const LONGEST_REQUEST: Duration = Duration::from_secs(14);
/// The largest body any route reads; hooks have their own, smaller bound.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// Everything Herald answers to. Each group of routes gets just what it uses.
pub fn routes(
    hooks: hook::Hooks,
    messages: messages::Messages,
    admin: admin::Admin,
    health: health::Health,
) -> Router {
    let timing = timing::Timing {
        metrics: hooks.metrics.clone(),
    };
    let hooks = Router::new()
        .route("/hooks/{path}", post(hook::receive).options(hook::permit))
        .route("/hooks/{path}/{key}", post(hook::receive).options(hook::permit))
        .layer(axum::middleware::from_fn_with_state(timing, timing::time))
        .with_state(hooks);
    let messages = Router::new()
        .route("/api/messages", post(messages::receive))
        .with_state(messages);
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(health);
    let page = Router::new()
        .route("/", get(page::index))
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .route("/page/runs.js", get(page::runs_script));
    Router::new()
        .merge(hooks)
        .merge(messages)
        .merge(health)
        .merge(admin_routes(admin))
        .merge(page)
        .fallback(error::not_found)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            LONGEST_REQUEST,
        ))
        .layer(CatchPanicLayer::new())
}

/// The admin routes alone.
pub fn admin_routes(admin: admin::Admin) -> Router {
    Router::new()
        .route("/admin/v1/status", get(admin::status))
        .route("/admin/v1/reload", post(admin::reload))
        .route("/admin/v1/audit", get(audit::list))
        .route("/admin/v1/events", get(why::events))
        .route("/admin/v1/events/{id}", get(why::event))
        .route("/admin/v1/deliveries", get(admin::deliveries))
        .route("/admin/v1/deliveries/{id}", get(admin::delivery))
        .route("/admin/v1/deliveries/{id}/retry", post(admin::retry))
        .route("/admin/v1/deliveries/{id}/cancel", post(admin::cancel))
        .route("/admin/v1/deliveries/{id}/update", post(amend::update))
        .route("/admin/v1/deliveries/{id}/delete", post(amend::delete))
        .route("/admin/v1/deliveries/{id}/reply", post(amend::reply))
        .route("/admin/v1/runs", get(runs::list))
        .route("/admin/v1/runs/{id}", get(runs::show))
        .route("/admin/v1/runs/{id}/approve", post(runs::approve))
        .route("/admin/v1/runs/{id}/pause", post(runs::pause))
        .route("/admin/v1/runs/{id}/resume", post(runs::resume))
        .route("/admin/v1/runs/{id}/cancel", post(runs::cancel))
        .route("/admin/v1/runs/{id}/recall", post(runs::recall))
        .route("/admin/v1/digests", get(digests::list))
        .route("/admin/v1/matters", get(matters::list))
        .route("/admin/v1/matters/{id}", get(matters::show))
        .route("/admin/v1/matters/{id}/close", post(matters::close))
        .route("/admin/v1/rules/{name}/fire", post(fire::fire))
        .route("/admin/v1/targets", get(admin::targets).post(admin::import))
        .route("/admin/v1/targets/sync", post(admin::sync))
        .route("/admin/v1/blocked", get(blocked::list))
        .route("/admin/v1/blocked/{id}", delete(blocked::lift))
        .route("/admin/v1/facts", post(admin::learn))
        .route("/admin/v1/targets/{id}", delete(admin::forget))
        .route_layer(axum::middleware::from_fn_with_state(admin.clone(), audit::write_down))
        .layer(axum::middleware::from_fn_with_state(admin.clone(), admin::authorize))
        .with_state(admin)
        .route("/admin/v1/openapi.json", get(admin::openapi))
}
