//! The operator's page: rules, the last reload, recent deliveries. It asks the admin routes for everything.

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;

/// The page allows nothing but its own files and its own admin routes.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page itself.
pub async fn index() -> impl IntoResponse {
    part("text/html; charset=utf-8", include_str!("page/index.html"))
}

/// Its style.
pub async fn style() -> impl IntoResponse {
    part("text/css; charset=utf-8", include_str!("page/page.css"))
}

/// Its script.
pub async fn script() -> impl IntoResponse {
    part("text/javascript; charset=utf-8", include_str!("page/page.js"))
}

/// Its script for runs.
pub async fn runs_script() -> impl IntoResponse {
    part("text/javascript; charset=utf-8", include_str!("page/runs.js"))
}

fn part(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text)
}
