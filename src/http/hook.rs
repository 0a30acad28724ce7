//! POST from anyone with the hook's secret -> event -> dispatch -> 202 with the ids, once it is on disk.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::sync::watch;
use tracing::{info, warn};

use super::entra::Signers;
use super::error::RequestError;
use super::gate::{self, Gate};
use crate::clock::Clock;
use crate::dispatch::{Decision, Dispatcher};
use crate::event::{Event, EventId, Origin};
use crate::hook::refused::Refused;
use crate::hook::{self, Authentication, Headers, Hook};
use crate::live::Live;
use crate::metric::Metrics;
use crate::secret::Secrets;
use crate::trace::{Fact, Kind, Root, Span};
use crate::tracer::Tracer;

/// What hooks use.
#[derive(Clone)]
pub struct Hooks {
    /// Which hooks there are; they follow a reload.
    pub live: watch::Receiver<Live>,
    /// Who decides.
    pub dispatcher: Dispatcher,
    /// Where the hooks' secrets are read.
    pub secrets: Arc<Secrets>,
    /// The time.
    pub clock: Clock,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// Who signs the tokens that some of them ask for.
    pub signers: Arc<Signers>,
    /// What a post must pass.
    pub gate: Arc<Gate>,
    /// Where requests that became events are recorded.
    pub tracer: Tracer,
}

/// What a request came to.
enum Taken {
    /// An event, decided and on disk.
    Event(Box<Decision>),
    /// The sender's question whether we are there, and what to answer.
    Handshake(String),
}

/// Takes one event.
pub async fn receive(State(hooks): State<Hooks>, Path(path): Path<String>, request: Request) -> Response {
    let start = hooks.clock.now();
    let traceparent = request
        .headers()
        .get("traceparent")
        .and_then(|header| header.to_str().ok());
    let traceparent = traceparent.map(str::to_owned);
    match gate::in_time(take(&hooks, &path, request)).await {
        Ok(Taken::Event(decision)) => {
            if !decision.repeat {
                let root = Root::new(&decision.event, traceparent.as_deref());
                hooks.tracer.record(Span {
                    context: root.context,
                    parent: root.parent,
                    name: "hook",
                    kind: Kind::Server,
                    start,
                    end: hooks.clock.now(),
                    facts: vec![
                        ("http.request.method", Fact::from("POST")),
                        ("http.route", Fact::from("/hooks/{path}")),
                        ("http.response.status_code", Fact::from(StatusCode::ACCEPTED.as_u16())),
                        ("herald.hook.path", Fact::from(path.as_str())),
                        ("herald.event", Fact::from(decision.event.as_str())),
                    ],
                    failure: None,
                });
            }
            hooks.metrics.hook(if decision.repeat { "repeat" } else { "accepted" });
            (StatusCode::ACCEPTED, Json(decision)).into_response()
        }
        Ok(Taken::Handshake(text)) => {
            hooks.metrics.hook("handshake");
            text.into_response()
        }
        Err(problem) => {
            hooks.metrics.hook(match problem.status() {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => "refused",
                StatusCode::TOO_MANY_REQUESTS => "too_many",
                StatusCode::REQUEST_TIMEOUT => "too_slow",
                StatusCode::SERVICE_UNAVAILABLE if problem.code() == "busy" => "busy",
                StatusCode::SERVICE_UNAVAILABLE => "unavailable",
                StatusCode::TOO_MANY_REQUESTS => "too_many",
                _ => "bad_body",
            });
            // A path that nobody declared is a stranger's text.
            let known = problem.status() != StatusCode::NOT_FOUND;
            let about = if known { path.as_str() } else { "" };
            if let Some(left_out) = hooks.gate.seldom.may(about) {
                let status = problem.status().as_u16();
                let hook: String = path.chars().take(64).collect();
                info!(
                    hook,
                    status,
                    reason = problem.message(),
                    left_out,
                    "hook request not taken"
                );
            }
            problem.into_response()
        }
    }
}

async fn take(hooks: &Hooks, path: &str, request: Request) -> Result<Taken, RequestError> {
    let workspace = hooks.live.borrow().workspace.clone();
    let hook = workspace
        .settings
        .hooks
        .values()
        .find(|hook| hook.path == path)
        .ok_or_else(|| {
            let message = "there is no hook with this path; `hooks:` in herald.yaml declares them";
            RequestError::new(StatusCode::NOT_FOUND, "no_such_hook", message)
        })?;
    let (parts, body) = request.into_parts();
    let headers: Headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let now = hooks.clock.now();
    let head = hook::Request {
        method: parts.method.as_str(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body: b"",
    };
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    let caller = match &hook.authentication {
        Authentication::Entra(expected) => {
            let declared = &workspace.settings.hooks;
            Some(hooks.signers.admit(expected, &head, declared, now).await)
        }
        Authentication::ClientCertificate(expected) => Some(expected.admit(&headers, peer)),
        _ => None,
    };
    let caller = caller
        .transpose()
        .map_err(|refused| turned_away(hooks, hook, &refused))?;
    let bound = workspace.settings.limits.body_bytes;
    let too_large =
        || format!("the body is larger than {bound} bytes; `limits.body_bytes` in herald.yaml is the bound");
    let body = hooks.gate.body(&parts, body, bound, too_large).await?;
    let received = hook::Request {
        body: &body.bytes,
        ..head
    };
    if caller.is_none() {
        authenticate(hooks, hook, &received, now)?;
    }
    hooks.gate.count(hook, &workspace.settings.hooks, now)?;
    let _unfolded = body.unfold().await?;
    let _place = hooks.gate.place(&hook.name).await?;
    let data = hook.read_body(&received).map_err(|bad| {
        let status = StatusCode::from_u16(bad.status()).unwrap_or(StatusCode::BAD_REQUEST);
        RequestError::new(status, "bad_body", bad.sentence())
    })?;
    if let Some(challenge) = hook.handshake(&data) {
        return Ok(Taken::Handshake(challenge.to_owned()));
    }
    let event_type = hook.event_type(&received, &data);
    let mut visible = hook.visible(&received);
    visible["event_type"] = json!(event_type);
    if let Some(caller) = caller {
        visible["caller"] = caller;
    }
    let event = Event {
        id: identity(hook, hook.repeat_id(&received, &data).as_deref()),
        origin: Origin::Hook {
            hook: hook.name.clone(),
            event_type,
        },
        occurred_at: now,
        data,
        request: visible,
        here: None,
        sender: None,
    };
    let decision = hooks.dispatcher.dispatch(&event).await.map_err(|problem| {
        if let Some(left_out) = hooks.gate.seldom.may(&format!("{} stored", hook.name)) {
            warn!(hook = %hook.name, %problem, left_out, "event could not be stored");
        }
        RequestError::from(problem)
    })?;
    Ok(Taken::Event(Box::new(decision)))
}

fn authenticate(
    hooks: &Hooks,
    hook: &Hook,
    request: &hook::Request<'_>,
    now: DateTime<Utc>,
) -> Result<(), RequestError> {
    let mut secrets = Vec::new();
    for name in &hook.secrets {
        match hooks.secrets.read(name) {
            Ok(secret) => secrets.push(secret),
            // While a secret is being rotated one of two may be missing; the other still lets callers in.
            Err(problem) => {
                if let Some(left_out) = hooks.gate.seldom.may(&format!("{} secret", hook.name)) {
                    warn!(hook = %hook.name, %problem, left_out, "secret of a hook is missing");
                }
            }
        }
    }
    if secrets.is_empty() && !hook.secrets.is_empty() {
        if let Some(left_out) = hooks.gate.seldom.may(&format!("{} closed", hook.name)) {
            let names = hook.secrets.iter().map(ToString::to_string).collect::<Vec<_>>();
            let names = names.join("`, `");
            warn!(hook = %hook.name, left_out, "hook takes nothing until its secret `{names}` is set");
        }
        let message = "this hook is not ready: its secret is not set where Herald runs";
        return Err(RequestError::new(StatusCode::SERVICE_UNAVAILABLE, "secret_missing", message).retry_after(60));
    }
    let values: Vec<&[u8]> = secrets.iter().map(ExposeSecret::expose_secret).collect();
    match hook.verify(request, &values, now) {
        Ok(fitted) => {
            if fitted.is_some_and(|place| place > 0)
                && let Some(left_out) = hooks.gate.seldom.may(&format!("{} rotation", hook.name))
            {
                info!(hook = %hook.name, left_out, "the second secret of a hook fitted: a rotation is under way");
            }
            Ok(())
        }
        Err(refused) => Err(turned_away(hooks, hook, &refused)),
    }
}

/// Logs why a post is not let in, and says what its sender is told.
fn turned_away(hooks: &Hooks, hook: &Hook, refused: &Refused) -> RequestError {
    if let Some(left_out) = hooks.gate.seldom.may(&format!("{} refused", hook.name)) {
        warn!(hook = %hook.name, reason = %refused.log(), left_out, "caller of a hook refused");
    }
    match refused {
        Refused::NotAllowed { .. } => RequestError::new(StatusCode::FORBIDDEN, "not_allowed", refused.answer()),
        Refused::NoKeys(_) => {
            RequestError::new(StatusCode::SERVICE_UNAVAILABLE, "keys_unknown", refused.answer()).retry_after(30)
        }
        _ => {
            let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::UNAUTHORIZED);
            let scheme = hook.authentication.www_authenticate();
            RequestError::new(status, "not_authenticated", refused.answer()).authenticate(scheme)
        }
    }
}

/// A repeat is recognised by the sender's own id; without one every request is news.
fn identity(hook: &Hook, repeat_id: Option<&str>) -> EventId {
    match repeat_id {
        Some(id) => EventId::derived(&["hook", &hook.name, id]),
        None => EventId::derived(&["hook", &hook.name, "random", &uuid::Uuid::new_v4().to_string()]),
    }
}
