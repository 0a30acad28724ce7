//! The page of Teams in a box: its files, the world as JSON, live changes, and what a visitor does.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::Stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::Sandbox;
use super::activity::{ChannelChange, TeamChange};
use super::bot::{BotAnswer, Failure};
use super::view::{self, Change};
use crate::http::own_page::{self, HTML, SCRIPT, STYLE};
use crate::renderer;

/// Path, content type, content. The renderer's files stand beside them.
const FILES: [(&str, &str, &str); 9] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/conversation.js", SCRIPT, include_str!("page/conversation.js")),
    ("/happening.js", SCRIPT, include_str!("page/happening.js")),
    ("/list.js", SCRIPT, include_str!("page/list.js")),
    ("/menu.js", SCRIPT, include_str!("page/menu.js")),
    ("/page.css", STYLE, include_str!("page/page.css")),
    ("/page.js", SCRIPT, include_str!("page/page.js")),
    ("/place.js", SCRIPT, include_str!("page/place.js")),
    ("/welcome.js", SCRIPT, include_str!("page/welcome.js")),
];

/// The page's routes.
pub(super) fn routes(sandbox: Sandbox, address: SocketAddr) -> Router {
    let files = FILES.into_iter().chain(renderer::FILES);
    own_page::files(files)
        .route("/page/world", get(world))
        .route("/page/events", get(events))
        .route("/page/act", post(act))
        .with_state(sandbox)
        .layer(middleware::from_fn(move |request, next| {
            own_page::guard(address, request, next)
        }))
}

async fn world(State(sandbox): State<Sandbox>) -> Json<Value> {
    let mut world = view::world(&sandbox.shared.state().world);
    world["hint"] = json!(sandbox.shared.options.hint);
    Json(world)
}

async fn events(State(sandbox): State<Sandbox>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = sandbox.shared.changes.subscribe();
    let stream = futures::stream::unfold(changes, |mut changes| async move {
        let change = match changes.recv().await {
            Ok(change) => change,
            // The page was too slow to hear everything: it reads the world again.
            Err(RecvError::Lagged(_)) => Change::world(),
            Err(RecvError::Closed) => return None,
        };
        let event = Event::default().event(change.event).data(change.data.to_string());
        Some((Ok(event), changes))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

/// What a visitor does.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Act {
    Install {
        conversation: String,
    },
    Uninstall {
        conversation: String,
    },
    Block {
        person: String,
        blocked: bool,
    },
    Members {
        conversation: String,
        people: Vec<String>,
        joined: bool,
    },
    NewChannel {
        team: String,
        name: String,
    },
    Channel {
        conversation: String,
        change: ChannelChange,
        name: String,
    },
    Team {
        team: String,
        change: TeamChange,
        name: String,
    },
    Say {
        person: String,
        conversation: String,
        thread: Option<String>,
        text: String,
    },
    Press {
        person: String,
        conversation: String,
        message: String,
        action: Value,
        inputs: Value,
    },
}

async fn act(State(sandbox): State<Sandbox>, act: Result<Json<Act>, JsonRejection>) -> Response {
    let act = match act {
        Ok(Json(act)) => act,
        Err(rejection) => return complain(rejection.status(), &rejection.body_text()),
    };
    let answers = match act {
        Act::Install { conversation } => sandbox.install_at(&conversation).await,
        Act::Uninstall { conversation } => sandbox.uninstall(&conversation).await,
        Act::Block { person, blocked } => sandbox.set_blocked(&person, blocked).map(|()| Vec::new()),
        Act::Members {
            conversation,
            people,
            joined,
        } => {
            let people: Vec<&str> = people.iter().map(String::as_str).collect();
            sandbox.move_members(&conversation, &people, joined).await
        }
        Act::NewChannel { team, name } => sandbox.create_channel(&team, &name).await,
        Act::Channel {
            conversation,
            change,
            name,
        } => sandbox.change_channel(&conversation, change, &name).await,
        Act::Team { team, change, name } => sandbox.change_team(&team, change, &name).await,
        Act::Say {
            person,
            conversation,
            thread,
            text,
        } => sandbox
            .say(&person, &conversation, thread.as_deref(), &text)
            .await
            .map(|answer| vec![answer]),
        Act::Press {
            person,
            conversation,
            message,
            action,
            inputs,
        } => sandbox
            .press_action(&person, &conversation, &message, &action, &inputs)
            .await
            .map(|answer| vec![answer]),
    };
    match answers {
        Ok(answers) => Json(summary(&answers)).into_response(),
        Err(failure @ Failure::Unknown { .. }) => complain(StatusCode::NOT_FOUND, &failure.to_string()),
        Err(failure @ (Failure::NoEndpoint | Failure::Silent { .. })) => {
            complain(StatusCode::BAD_GATEWAY, &failure.to_string())
        }
    }
}

/// The first refusal, else the last answer.
fn summary(answers: &[BotAnswer]) -> Value {
    let Some(answer) = answers.iter().find(|answer| !answer.accepted()).or(answers.last()) else {
        return json!({"status": 200, "body": null});
    };
    json!({"status": answer.status, "body": answer.json()})
}

fn complain(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({"error": sentence}))).into_response()
}
