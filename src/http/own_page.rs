//! What the pages have in common that a person opens on their own machine: Teams in a box, and the preview of cards.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The content type of pages.
pub const HTML: &str = "text/html; charset=utf-8";
/// The content type of scripts.
pub const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The content type of style sheets.
pub const STYLE: &str = "text/css; charset=utf-8";

/// A file of a page: its path, its content type, its content.
pub type PageFile = (&'static str, &'static str, &'static str);

/// Scripts and styles are our files alone; pictures of cards may come from anywhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data: https: http:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Routes for the files of a page.
pub fn files<S: Clone + Send + Sync + 'static>(files: impl IntoIterator<Item = PageFile>) -> Router<S> {
    let mut router = Router::new();
    for (path, kind, content) in files {
        router = router.route(
            path,
            get(move || async move { ([(header::CONTENT_TYPE, kind)], content) }),
        );
    }
    router
}

/// Only a browser that asked for this machine may read or act: a page elsewhere whose name was made to point here is
/// turned away. `address` is where the page listens.
pub async fn guard(address: SocketAddr, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let ours = ["localhost", "127.0.0.1", "[::1]"].contains(&name) || host == address.to_string();
    if address.ip().is_loopback() && !ours {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            "This page answers on this machine's own name alone.\n",
        )
            .into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
