//! Webhooks of channels: an incoming one of a connector, and a flow of Workflows. What is posted to one appears in a channel
//! of its name.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::connector::{self, Done};
use super::limit::Class;
use super::line::Line;
use super::routes::finish;
use super::script::{self, Ending, Operation};
use super::state::Shared;
use super::view::Change;
use super::world::{Place, World};
use super::{Limits, Sandbox};
use crate::webhook::Kind;

/// The largest message.
const MOST_BYTES: usize = 28 * 1024;
/// The team whose channels they are.
const TEAM: &str = "Webhooks";
/// So many webhooks there can be.
const MOST: usize = 100;

impl Sandbox {
    /// The address of a webhook of this name; it exists from the first post on. What it gets is found in
    /// `Webhooks / NAME`.
    pub fn webhook_url(&self, kind: Kind, name: &str) -> String {
        let mut url = url::Url::parse(&self.shared.base).expect("the sandbox's own address is one");
        let kind = match kind {
            Kind::Incoming => "webhookb2",
            Kind::Workflow => "workflows",
        };
        url.path_segments_mut()
            .expect("an http address has a path")
            .extend([kind, name]);
        url.query_pairs_mut().append_pair("sig", "sandbox");
        url.to_string()
    }
}

pub(super) async fn incoming(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match taken(&shared, &line, &name, &headers, &body, Kind::Incoming).await {
        Ok(()) => (StatusCode::OK, "1").into_response(),
        Err(Refused::Scripted(response)) => *response,
        // It is a success with the failure inside.
        Err(Refused::With(status)) => {
            let told = format!(
                "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {status} with \
                 ContextId tcid=0,server=SANDBOX,cv=0."
            );
            (StatusCode::OK, told).into_response()
        }
    }
}

pub(super) async fn workflow(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match taken(&shared, &line, &name, &headers, &body, Kind::Workflow).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(Refused::Scripted(response)) => *response,
        Err(Refused::With(status)) => StatusCode::from_u16(status)
            .expect("a webhook refuses with a real status")
            .into_response(),
    }
}

enum Refused {
    With(u16),
    Scripted(Box<Response>),
}

async fn taken(
    shared: &Shared,
    line: &Line,
    name: &str,
    headers: &HeaderMap,
    body: &Result<Bytes, BytesRejection>,
    kind: Kind,
) -> Result<(), Refused> {
    let script = script::next(&mut shared.state().scripts, Operation::Webhook, name);
    if let Some(script) = script {
        if !script.delay.is_zero() {
            tokio::time::sleep(script.delay).await;
        }
        if !matches!(script.ending, Ending::Usual) {
            let status = script.ending.status();
            shared.remember(&mut shared.state(), Operation::Webhook, name, status, None);
            return Err(Refused::Scripted(Box::new(finish(script.ending, line).await)));
        }
    }
    let now = shared.now();
    let mut state = shared.state();
    let judged = judged(headers, body);
    let limited = match (state.limits, kind) {
        (Limits::Real, Kind::Incoming) => state.windows.admit(Class::Webhook, name, now).is_err(),
        (Limits::Real, Kind::Workflow) | (Limits::Off, _) => false,
    };
    let message = match judged {
        Ok(_) if limited => Err(429),
        judged => judged,
    };
    let posted = message.and_then(|message| {
        let (place, is_new) = place(&mut state.world, name).ok_or(404u16)?;
        let mut done = connector::post(&mut state.world, place, None, &message, now);
        if is_new {
            done.changes.insert(0, Change::world());
        }
        Ok(done)
    });
    match posted {
        Ok(Done { posted, changes, .. }) => {
            shared.remember(&mut state, Operation::Webhook, name, 200, posted.into_iter().next());
            shared.show(changes);
            Ok(())
        }
        Err(status) => {
            shared.remember(&mut state, Operation::Webhook, name, status, None);
            Err(Refused::With(status))
        }
    }
}

/// The message, if a webhook takes it; else the status with which it does not.
fn judged(headers: &HeaderMap, body: &Result<Bytes, BytesRejection>) -> Result<Value, u16> {
    // Nobody but the bot's own connector has any business with its token.
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(401);
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(415);
    }
    let body = body.as_ref().map_err(|_| 413u16)?;
    if body.len() > MOST_BYTES {
        return Err(413);
    }
    let message: Value = serde_json::from_slice(body).map_err(|_| 400u16)?;
    let cards = message["attachments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_card = |one: &Value| {
        one["contentType"] == connector::CARD
            && one["content"]["type"] == "AdaptiveCard"
            && one["contentUrl"].is_null()
    };
    match message["type"] == "message" && !cards.is_empty() && cards.iter().all(is_card) {
        true => Ok(message),
        false => Err(400),
    }
}

/// The channel of a webhook, and whether it is there only now.
fn place(world: &mut World, name: &str) -> Option<(Place, bool)> {
    if let Some(place) = world.place_called(&format!("{TEAM} / {name}")) {
        return Some((place, false));
    }
    let team = match world.team_called(TEAM) {
        Some(team) => team,
        None => world.add_team(TEAM, &[], Vec::new()),
    };
    if world.teams[team].channels.len() > MOST {
        return None;
    }
    let channel = world.add_channel(team, name);
    Some((Place::Channel(team, channel), true))
}
