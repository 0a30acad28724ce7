//! The HTTP of the connector. Spelling variants that real software uses are all there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Limits;
use super::batches;
use super::connector::{self, Done, Posted};
use super::graph;
use super::limit::Class;
use super::line::Line;
use super::refusal::Refusal;
use super::script::{self, Ending, Operation, Script};
use super::sign_in;
use super::state::{Shared, State as Remembered};
use super::webhooks;
use super::world::{World, split_thread};

/// Requests above this are refused before they are looked at.
const MOST_BYTES: usize = 1024 * 1024;
const AT_GCC: &str = "x-at-gcc";

pub(super) type App = State<Arc<Shared>>;

/// Everything but the page.
pub(super) fn routes() -> Router<Arc<Shared>> {
    let mut router = Router::new()
        .route("/webhookb2/{name}", post(webhooks::incoming))
        .route("/workflows/{name}", post(webhooks::workflow));
    for (path, method) in connector_routes() {
        router = router
            .route(&format!("/emea{path}"), method.clone())
            .route(&format!("/emea{path}/"), method);
    }
    let mut gcc = Router::new();
    for (path, method) in connector_routes() {
        gcc = gcc
            .route(&format!("/gcc{path}"), method.clone())
            .route(&format!("/gcc{path}/"), method);
    }
    router = router.merge(gcc.layer(middleware::from_fn(by_gcc)));
    router = router.merge(graph::routes()).merge(sign_in::routes());
    router.layer(DefaultBodyLimit::max(MOST_BYTES))
}

fn connector_routes() -> Vec<(&'static str, MethodRouter<Arc<Shared>>)> {
    vec![
        ("/v3/conversations", post(create)),
        ("/v3/conversations/{conversation}/activities", post(send)),
        (
            "/v3/conversations/{conversation}/activities/{activity}",
            post(reply).merge(put(update)).merge(delete(remove)),
        ),
        ("/v3/conversations/{conversation}/members", get(all_members)),
        ("/v3/conversations/{conversation}/members/{member}", get(member)),
        ("/v3/conversations/{conversation}/pagedmembers", get(paged_members)),
        ("/v3/conversations/{conversation}/pagedMembers", get(paged_members)),
        ("/v3/batch/conversation/users", post(begin_batch)),
        (
            "/v3/batch/conversation/{operation}",
            get(batch_state).merge(delete(cancel_batch)),
        ),
        ("/v3/batch/conversation/failedentries/{operation}", get(batch_failures)),
        ("/v3/teams/{team}", get(team)),
        ("/v3/teams/{team}/conversations", get(channels)),
    ]
}

/// Marks a call that came in at the government's host.
async fn by_gcc(mut request: Request, next: Next) -> Response {
    request.headers_mut().insert(AT_GCC, HeaderValue::from_static("yes"));
    next.run(request).await
}

/// A call of the connector on its way.
struct Asked {
    shared: Arc<Shared>,
    line: Line,
    authorization: Option<String>,
    at_gcc: bool,
    operation: Operation,
    /// What scripts and limits go by.
    about: String,
}

impl Asked {
    fn new(shared: Arc<Shared>, line: Line, headers: &HeaderMap, operation: Operation, about: &str) -> Self {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Self {
            shared,
            line,
            authorization: authorization.map(str::to_owned),
            at_gcc: headers.contains_key(AT_GCC),
            operation,
            about: split_thread(about).0.to_owned(),
        }
    }

    fn class(&self) -> Class {
        match self.operation {
            Operation::CreateConversation => Class::Create,
            Operation::Member | Operation::Members => Class::Members,
            Operation::Team | Operation::Channels => Class::Team,
            Operation::Send | Operation::Reply | Operation::Update | Operation::Delete | Operation::CreateThread => {
                Class::Send
            }
            Operation::Batch | Operation::BatchState | Operation::BatchFailures | Operation::CancelBatch => {
                Class::Batch
            }
            Operation::Webhook => Class::Webhook,
            Operation::Token
            | Operation::OpenId
            | Operation::Keys
            | Operation::FindPerson
            | Operation::Profiles
            | Operation::FindGroup
            | Operation::GroupMembers
            | Operation::FindApp
            | Operation::SeeInstalled
            | Operation::InstallApp
            | Operation::FindChat
            | Operation::Notify
            | Operation::NotifyMany => Class::Team,
        }
    }

    /// Checks the token, follows the script, keeps the limits, does the work.
    async fn answer(self, work: impl FnOnce(&mut World, DateTime<Utc>) -> Result<Done, Refusal>) -> Response {
        let script = {
            let mut state = self.shared.state();
            if !state.knows_token(self.authorization.as_deref(), self.shared.now()) {
                return self.refuse(&mut state, None, Refusal::unauthorized());
            }
            if state.in_gcc != self.at_gcc {
                return self.refuse(&mut state, None, Refusal::wrong_host());
            }
            script::next(&mut state.scripts, self.operation, &self.about)
        };
        let script = script.unwrap_or_else(|| Script::slow(Duration::ZERO));
        if !script.delay.is_zero() {
            tokio::time::sleep(script.delay).await;
        }
        let told = script.ending.status();
        if let Ending::Usual = script.ending {
            return self.perform(None, work);
        }
        if script.performed {
            self.perform(Some(told), work);
        } else {
            self.remember(&mut self.shared.state(), told, None);
        }
        finish(script.ending, &self.line).await
    }

    /// Does the work and remembers the call; `told` is the status the caller gets instead of the usual one.
    fn perform(
        &self,
        told: Option<u16>,
        work: impl FnOnce(&mut World, DateTime<Utc>) -> Result<Done, Refusal>,
    ) -> Response {
        let now = self.shared.now();
        let mut state = self.shared.state();
        let wait = match state.limits {
            Limits::Off => Ok(()),
            Limits::Real => state.windows.admit(self.class(), &self.about, now),
        };
        if let Err(wait) = wait {
            let seconds = wait.as_millis().div_ceil(1_000).to_string();
            let mut response = self.refuse(&mut state, told, Refusal::throttled());
            let seconds = HeaderValue::from_str(&seconds).expect("digits make a header");
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            return response;
        }
        match work(&mut state.world, now) {
            Ok(Done {
                status,
                body,
                posted,
                changes,
            }) => {
                let mut posted = posted.into_iter();
                self.remember(&mut state, told.unwrap_or(status), posted.next());
                for more in posted {
                    self.shared.arrive(&mut state, more, now);
                }
                self.shared.show(changes);
                respond(status, &body)
            }
            Err(refusal) => self.refuse(&mut state, told, refusal),
        }
    }

    fn refuse(&self, state: &mut Remembered, told: Option<u16>, refusal: Refusal) -> Response {
        self.remember(state, told.unwrap_or(refusal.status), None);
        respond(refusal.status, &refusal.body)
    }

    fn remember(&self, state: &mut Remembered, status: u16, posted: Option<Posted>) {
        self.shared.remember(state, self.operation, &self.about, status, posted);
    }
}

/// Ends a call as its script says, where that is not the usual way.
pub(super) async fn finish(ending: Ending, line: &Line) -> Response {
    match ending {
        Ending::Usual => StatusCode::OK.into_response(),
        Ending::Answer { status, headers, body } => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = StatusCode::from_u16(status).expect("a script names a real status");
            for (name, value) in headers {
                response.headers_mut().insert(
                    HeaderName::try_from(name).expect("a script names a real header"),
                    HeaderValue::try_from(value).expect("a script gives a header's value"),
                );
            }
            response
        }
        Ending::Hang => std::future::pending().await,
        Ending::Drop => {
            line.cut();
            StatusCode::OK.into_response()
        }
        Ending::Cut => {
            let line = line.clone();
            let half = futures::stream::unfold(0, move |step| {
                let line = line.clone();
                async move {
                    match step {
                        0 => Some((Ok(Bytes::from_static(b"{\"id\":\"17724")), 1)),
                        _ => {
                            // The first half must have left before the connection breaks.
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            line.cut();
                            Some((Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)), 2))
                        }
                    }
                }
            });
            let mut response = Response::new(Body::from_stream(half));
            *response.status_mut() = StatusCode::CREATED;
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from_static("23"));
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
    }
}

pub(super) fn respond(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("the connector answers with real statuses");
    if body.is_null() {
        return status.into_response();
    }
    let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (status, kind, body.to_string()).into_response()
}

/// A body within the bound, or not.
pub(super) type Arrived = Result<Bytes, BytesRejection>;

fn read(body: &Arrived) -> Result<Value, Refusal> {
    let body = body.as_ref().map_err(|_| Refusal::entity_too_large())?;
    serde_json::from_slice(body).map_err(|_| Refusal::bad_syntax("The request body is not JSON"))
}

// ---- the connector ----

async fn create(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Arrived,
) -> Response {
    let body = read(&body);
    let (operation, about) = match &body {
        Ok(body) => match body["channelData"]["channel"]["id"].as_str() {
            Some(channel) => (Operation::CreateThread, channel),
            None => (
                Operation::CreateConversation,
                body["members"][0]["id"].as_str().unwrap_or_default(),
            ),
        },
        Err(_) => (Operation::CreateConversation, ""),
    };
    let asked = Asked::new(shared, line, &headers, operation, about);
    asked.answer(|world, now| connector::create(world, &body?, now)).await
}

async fn send(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(conversation): Path<String>,
    headers: HeaderMap,
    body: Arrived,
) -> Response {
    Asked::new(shared, line, &headers, Operation::Send, &conversation)
        .answer(|world, now| connector::send(world, &conversation, None, &read(&body)?, now))
        .await
}

async fn reply(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path((conversation, activity)): Path<(String, String)>,
    headers: HeaderMap,
    body: Arrived,
) -> Response {
    Asked::new(shared, line, &headers, Operation::Reply, &conversation)
        .answer(|world, now| connector::send(world, &conversation, Some(&activity), &read(&body)?, now))
        .await
}

async fn update(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path((conversation, activity)): Path<(String, String)>,
    headers: HeaderMap,
    body: Arrived,
) -> Response {
    Asked::new(shared, line, &headers, Operation::Update, &conversation)
        .answer(|world, _| connector::update(world, &conversation, &activity, &read(&body)?))
        .await
}

async fn remove(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path((conversation, activity)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    Asked::new(shared, line, &headers, Operation::Delete, &conversation)
        .answer(|world, _| connector::delete(world, &conversation, &activity))
        .await
}

async fn member(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path((conversation, member)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    Asked::new(shared, line, &headers, Operation::Member, &conversation)
        .answer(|world, _| connector::member(world, &conversation, &member))
        .await
}

async fn all_members(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(conversation): Path<String>,
    headers: HeaderMap,
) -> Response {
    Asked::new(shared, line, &headers, Operation::Members, &conversation)
        .answer(|world, _| connector::all_members(world, &conversation))
        .await
}

async fn paged_members(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(conversation): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let find = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    let size = find("pageSize").and_then(|size| size.parse().ok());
    let token = find("continuationToken");
    Asked::new(shared, line, &headers, Operation::Members, &conversation)
        .answer(|world, _| connector::paged_members(world, &conversation, size, token))
        .await
}

async fn begin_batch(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Arrived,
) -> Response {
    Asked::new(shared, line, &headers, Operation::Batch, "")
        .answer(|world, now| batches::begin(world, &read(&body)?, now))
        .await
}

async fn batch_state(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(operation): Path<String>,
    headers: HeaderMap,
) -> Response {
    Asked::new(shared, line, &headers, Operation::BatchState, &operation)
        .answer(|world, now| batches::standing(world, &operation, now))
        .await
}

async fn batch_failures(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(operation): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let token = query.get("continuationToken").map(String::as_str);
    Asked::new(shared, line, &headers, Operation::BatchFailures, &operation)
        .answer(|world, _| batches::failures(world, &operation, token))
        .await
}

async fn cancel_batch(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(operation): Path<String>,
    headers: HeaderMap,
) -> Response {
    Asked::new(shared, line, &headers, Operation::CancelBatch, &operation)
        .answer(|world, now| batches::cancel(world, &operation, now))
        .await
}

async fn team(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    Asked::new(shared, line, &headers, Operation::Team, &id)
        .answer(|world, _| connector::team(world, &id))
        .await
}

async fn channels(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    Asked::new(shared, line, &headers, Operation::Channels, &id)
        .answer(|world, _| connector::channels(world, &id))
        .await
}

/// What is left when no route fits.
pub(super) async fn nothing_there() -> Response {
    let refusal = Refusal::no_such_route();
    respond(refusal.status, &refusal.body)
}

// ---- sign-in ----
