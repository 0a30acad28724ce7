//! Whatever changes something through the admin routes passes here and is written down.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, MatchedPath, Query, Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::admin::{Admin, bad_query};
use super::error::{RequestError, Said};
use crate::store::audit::{Actor, Entry};

/// The header in which a command says who runs it.
pub const CLAIM: &str = "x-herald-user";

/// What a handler wants to have written down instead of `done`.
#[derive(Debug, Clone)]
pub struct Outcome(pub String);

/// Writes down what the rest did, unless it only looked.
pub async fn write_down(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    matched: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return next.run(request).await;
    }
    let (action, subject) = what(request.method(), matched.as_str(), request.uri().path());
    let actor = actor(peer, request.headers());
    let response = next.run(request).await;
    let result = match (
        response.extensions().get::<Said>(),
        response.extensions().get::<Outcome>(),
    ) {
        (Some(Said(refused)), _) => format!("refused: {refused}"),
        (None, Some(Outcome(result))) => result.clone(),
        (None, None) if response.status().is_success() => "done".to_owned(),
        (None, None) => format!("refused: {}", response.status()),
    };
    admin.audit.record(actor, &action, &subject, &result).await;
    response
}

fn actor(peer: SocketAddr, headers: &HeaderMap) -> Actor {
    let claim = headers.get(CLAIM).and_then(|claim| claim.to_str().ok());
    Actor {
        from: peer.ip().to_canonical().to_string(),
        claims_to_be: claim.map(decoded).filter(|claim| !claim.is_empty()),
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .trim()
        .to_owned()
}

/// The action and its subject: `/admin/v1/runs/{id}/pause` with an id is `runs pause` and that id.
fn what(method: &Method, route: &str, path: &str) -> (String, String) {
    let route = route.trim_start_matches("/admin/v1/");
    let path = path.trim_start_matches("/admin/v1/");
    let mut words = Vec::new();
    let mut subject = Vec::new();
    for (part, given) in route.split('/').zip(path.split('/')) {
        match part.starts_with('{') {
            true => subject.push(decoded(given)),
            false => words.push(part),
        }
    }
    let action = match (method.as_str(), route) {
        ("POST", "targets" | "facts") => "targets import".to_owned(),
        ("DELETE", "targets/{id}") => "targets forget".to_owned(),
        ("DELETE", _) => format!("{} delete", words.join(" ")),
        _ => words.join(" "),
    };
    (action, subject.join(" "))
}

/// Which entries to list.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only those before the entry with this number.
    pub before: Option<u64>,
    /// At most this many, 1 to 1000; 50 if not given.
    pub limit: Option<usize>,
}

/// What was done by hand, newest first.
pub async fn list(
    State(admin): State<Admin>,
    query: Result<Query<AuditQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Vec<Entry>>, RequestError> {
    let Query(query) = query.map_err(bad_query)?;
    let limit = query.limit.unwrap_or(50).clamp(1, 1000);
    Ok(Json(admin.audit.log.list(query.before, limit).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_called_as_their_commands() {
        let tries = [
            (
                "POST",
                "deliveries/{id}/retry",
                "deliveries/dl_1/retry",
                "deliveries retry",
                "dl_1",
            ),
            ("POST", "runs/{id}/pause", "runs/rn_1/pause", "runs pause", "rn_1"),
            ("POST", "reload", "reload", "reload", ""),
            ("POST", "targets", "targets", "targets import", ""),
            ("DELETE", "targets/{id}", "targets/19%3Aabc", "targets forget", "19:abc"),
            (
                "POST",
                "rules/{name}/fire",
                "rules/github%2Fdeploy/fire",
                "rules fire",
                "github/deploy",
            ),
        ];
        for (method, route, path, action, subject) in tries {
            let method: Method = method.parse().expect("a method");
            let found = what(&method, &format!("/admin/v1/{route}"), &format!("/admin/v1/{path}"));
            assert_eq!(found, (action.to_owned(), subject.to_owned()));
        }
    }
}
