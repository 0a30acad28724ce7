//! POST from anyone with the hook's secret -> event -> dispatch -> 202 with the ids, once it is on disk.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::{ALLOW, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tracing::{info, warn};

use super::entra::Signers;
use super::error::{RequestError, not_found};
use super::gate::{self, Gate};
use crate::clock::Clock;
use crate::dispatch::{Decision, Dispatcher};
use crate::event::{Event, EventId, Origin};
use crate::hook::post::{Answer, Manner, Post, Told};
use crate::hook::refused::Refused;
use crate::hook::{self, Authentication, Headers, Hook};
use crate::live::Live;
use crate::metric::Metrics;
use crate::secret::Secrets;
use crate::trace::{Fact, Kind, Root, Span};
use crate::tracer::Tracer;
use crate::workspace::Workspace;

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

/// What the address of a post says.
#[derive(Debug, Deserialize)]
pub struct Address {
    /// The hook's path.
    path: String,
    /// What follows it: a secret, perhaps. Never logged nor shown.
    #[serde(default)]
    key: Option<String>,
}

/// What a request came to.
enum Taken {
    /// An event, decided and on disk.
    Event(Box<Decision>),
    /// The same, from a program that wants to hear what a connector says.
    Connector(Box<Decision>),
    /// The events of a batch, each decided and on disk, or the sentence why it is none.
    Batch(Vec<Result<Decision, String>>),
    /// The sender's question whether we are there, and what to answer.
    Question(Answer),
}

/// What a connector answered when it had taken a message; some senders look for it.
const TAKEN: &str = "1";
/// The header in which a sender that is answered [`TAKEN`] can find the event.
const EVENT: HeaderName = HeaderName::from_static("herald-event");

/// Takes one event, or a batch.
pub async fn receive(State(hooks): State<Hooks>, Path(address): Path<Address>, request: Request) -> Response {
    let start = hooks.clock.now();
    let traceparent = request
        .headers()
        .get("traceparent")
        .and_then(|header| header.to_str().ok());
    let traceparent = traceparent.map(str::to_owned);
    let path = address.path.as_str();
    let note = |decision: &Decision, status: StatusCode| {
        if !decision.repeat {
            trace(&hooks, decision, path, traceparent.as_deref(), start, status);
        }
        if decision.repeat { "repeat" } else { "accepted" }
    };
    match gate::in_time(take(&hooks, &address, request)).await {
        Ok(Taken::Event(decision)) => {
            hooks.metrics.hook(note(&decision, StatusCode::ACCEPTED));
            (StatusCode::ACCEPTED, Json(decision)).into_response()
        }
        Ok(Taken::Connector(decision)) => {
            hooks.metrics.hook(note(&decision, StatusCode::OK));
            let event = HeaderValue::from_str(decision.event.as_str()).ok();
            let mut response = TAKEN.into_response();
            response.headers_mut().extend(event.map(|event| (EVENT, event)));
            response
        }
        Ok(Taken::Batch(items)) => {
            let outcomes: Vec<&str> = items
                .iter()
                .flatten()
                .map(|decision| note(decision, StatusCode::ACCEPTED))
                .collect();
            let any_new = outcomes.is_empty() || outcomes.contains(&"accepted");
            hooks.metrics.hook(if any_new { "accepted" } else { "repeat" });
            let broken: Vec<&String> = items.iter().filter_map(|item| item.as_ref().err()).collect();
            broken.iter().for_each(|_| hooks.metrics.hook("bad_item"));
            if let Some(first) = broken.first()
                && let Some(left_out) = hooks.gate.seldom.may(&format!("{path} item"))
            {
                warn!(hook = path, count = broken.len(), reason = %first, left_out, "events of a batch not taken");
            }
            (
                StatusCode::ACCEPTED,
                Json(json!({ "events": items.iter().map(of_batch).collect::<Vec<_>>() })),
            )
                .into_response()
        }
        Ok(Taken::Question(answer)) => {
            hooks.metrics.hook("handshake");
            match answer {
                Answer::Text(text) => text.into_response(),
                Answer::Json(value) => Json(value).into_response(),
            }
        }
        Err(problem) => {
            refused(&hooks, path, &problem);
            problem.into_response()
        }
    }
}

fn trace(
    hooks: &Hooks,
    decision: &Decision,
    path: &str,
    traceparent: Option<&str>,
    start: DateTime<Utc>,
    status: StatusCode,
) {
    let root = Root::new(&decision.event, traceparent);
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
            ("http.response.status_code", Fact::from(status.as_u16())),
            ("herald.hook.path", Fact::from(path)),
            ("herald.event", Fact::from(decision.event.as_str())),
        ],
        failure: None,
    });
}

/// What the sender of a batch hears of one event.
fn of_batch(item: &Result<Decision, String>) -> Value {
    match item {
        Ok(decision) => json!({
            "event": decision.event, "repeat": decision.repeat, "deliveries": decision.deliveries, "why": decision.why,
        }),
        Err(sentence) => json!({ "error": { "code": "bad_item", "message": sentence } }),
    }
}

fn refused(hooks: &Hooks, path: &str, problem: &RequestError) {
    hooks.metrics.hook(match problem.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => "refused",
        StatusCode::TOO_MANY_REQUESTS => "too_many",
        StatusCode::REQUEST_TIMEOUT => "too_slow",
        StatusCode::SERVICE_UNAVAILABLE if problem.code() == "busy" => "busy",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "bad_body",
    });
    // A path that nobody declared is a stranger's text.
    let known = problem.status() != StatusCode::NOT_FOUND;
    let about = if known { path } else { "" };
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
}

/// Answers who asks by `OPTIONS` whether events may be sent here.
pub async fn permit(State(hooks): State<Hooks>, Path(address): Path<Address>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match permission(&hooks, &address, &parts).await {
        Ok(Some(headers)) => {
            hooks.metrics.hook("handshake");
            let mut response = StatusCode::OK.into_response();
            for (name, value) in headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().insert(HeaderName::from_static(name), value);
                }
            }
            response
        }
        Ok(None) => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST")]).into_response(),
        Err(problem) => {
            refused(&hooks, &address.path, &problem);
            problem.into_response()
        }
    }
}

async fn permission(
    hooks: &Hooks,
    address: &Address,
    parts: &Parts,
) -> Result<Option<Vec<(&'static str, String)>>, RequestError> {
    let workspace = hooks.live.borrow().workspace.clone();
    let hook = addressed(&workspace, address).await?;
    let headers = headers(&parts.headers);
    let asked = hook::Request {
        method: "OPTIONS",
        query: "",
        headers: &headers,
        body: b"",
        key: address.key.as_deref(),
    };
    let permission = hook.permission(&asked);
    if permission.is_some() && hook.proves_without_body() {
        let now = hooks.clock.now();
        if caller(hooks, &workspace, hook, &asked, peer(parts), now)
            .await?
            .is_none()
        {
            authenticate(hooks, hook, &asked, now)?;
        }
    }
    Ok(permission)
}

/// The hook at this address.
async fn addressed<'a>(workspace: &'a Workspace, address: &Address) -> Result<&'a Hook, RequestError> {
    let hook = workspace.settings.hooks.values().find(|hook| hook.path == address.path);
    let hook = hook.ok_or_else(|| {
        let message = "there is no hook with this path; `hooks:` in herald.yaml declares them";
        RequestError::new(StatusCode::NOT_FOUND, "no_such_hook", message)
    })?;
    match (&address.key, &hook.authentication) {
        (Some(_), Authentication::Url) | (None, _) => Ok(hook),
        (Some(_), _) => Err(not_found().await),
    }
}

fn headers(written: &HeaderMap) -> Headers {
    written
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

async fn take(hooks: &Hooks, address: &Address, request: Request) -> Result<Taken, RequestError> {
    let workspace = hooks.live.borrow().workspace.clone();
    let hook = addressed(&workspace, address).await?;
    let (parts, body) = request.into_parts();
    let headers = headers(&parts.headers);
    let head = hook::Request {
        method: parts.method.as_str(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body: b"",
        key: address.key.as_deref(),
    };
    let now = hooks.clock.now();
    let caller = caller(hooks, &workspace, hook, &head, peer(&parts), now).await?;
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
    let post = hook.post(&received).map_err(|bad| {
        let status = StatusCode::from_u16(bad.status()).unwrap_or(StatusCode::BAD_REQUEST);
        RequestError::new(status, "bad_body", bad.sentence())
    })?;
    let (mut events, manner) = match post {
        Post::Question(answer) => return Ok(Taken::Question(answer)),
        Post::Events { events, manner } => (events, manner),
    };
    let mut visible = hook.visible(&received);
    if let Some(caller) = caller {
        visible["caller"] = caller;
    }
    if let (Manner::Batch, Some(Err(first))) = (manner, events.first())
        && events.iter().all(Result::is_err)
    {
        let message = format!("None of the {} events could be taken. The first: {first}", events.len());
        return Err(RequestError::new(StatusCode::BAD_REQUEST, "bad_body", message));
    }
    if manner != Manner::Batch {
        let told = events.pop().and_then(Result::ok);
        let told =
            told.ok_or_else(|| RequestError::new(StatusCode::BAD_REQUEST, "bad_body", "There is no event."))?;
        let decision = Box::new(decide(hooks, hook, told, &visible, now).await?);
        return Ok(match manner {
            Manner::Connector => Taken::Connector(decision),
            Manner::One | Manner::Batch => Taken::Event(decision),
        });
    }
    // One after the other: messages of one batch to the same conversation keep its order. Whoever posts a batch again
    // because it took too long finds those taken before known, and gets further.
    let mut items = Vec::with_capacity(events.len());
    for event in events {
        items.push(match event {
            Ok(told) => Ok(decide(hooks, hook, told, &visible, now).await?),
            Err(sentence) => Err(sentence),
        });
    }
    Ok(Taken::Batch(items))
}

/// Decides one event and makes it durable.
async fn decide(
    hooks: &Hooks,
    hook: &Hook,
    told: Told,
    visible: &Value,
    now: DateTime<Utc>,
) -> Result<Decision, RequestError> {
    let mut request = visible.clone();
    request["event_type"] = json!(told.event_type);
    let event = Event {
        id: identity(hook, told.repeat_id.as_deref()),
        origin: Origin::Hook {
            hook: hook.name.clone(),
            event_type: told.event_type,
        },
        occurred_at: now,
        data: told.data,
        request,
        here: None,
        thread: None,
        item: None,
        sender: None,
    };
    hooks.dispatcher.dispatch(&event).await.map_err(|problem| {
        if let Some(left_out) = hooks.gate.seldom.may(&format!("{} stored", hook.name)) {
            warn!(hook = %hook.name, %problem, left_out, "event could not be stored");
        }
        RequestError::from(problem)
    })
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

fn peer(parts: &Parts) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(address)| address.ip())
}

/// Who posts, if the proof of it stands in the head; `None` if this hook wants another proof.
async fn caller(
    hooks: &Hooks,
    workspace: &Workspace,
    hook: &Hook,
    head: &hook::Request<'_>,
    peer: Option<IpAddr>,
    now: DateTime<Utc>,
) -> Result<Option<Value>, RequestError> {
    let admitted = match &hook.authentication {
        Authentication::Entra(expected) => {
            let declared = &workspace.settings.hooks;
            hooks.signers.admit(expected, head, declared, now).await
        }
        Authentication::ClientCertificate(expected) => expected.admit(head.headers, peer),
        _ => return Ok(None),
    };
    admitted.map(Some).map_err(|refused| turned_away(hooks, hook, &refused))
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
