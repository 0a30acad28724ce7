//! A call of Graph on its way: who asks, whether they may, and what a test wants answered.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::sandbox::line::Line;
use crate::sandbox::routes::finish;
use crate::sandbox::script::{self, Ending, Operation, Script};
use crate::sandbox::state::{Shared, State as Remembered};
use crate::sandbox::view::Change;
use crate::sandbox::world::World;

/// A body within the bound, or not.
pub(super) type Arrived = Result<Bytes, BytesRejection>;

/// Why Graph says no.
pub(super) struct Refused(pub(super) u16, pub(super) &'static str, pub(super) String);

impl Refused {
    pub(super) fn not_there(what: &str) -> Self {
        Refused(
            404,
            "Request_ResourceNotFound",
            format!("Resource '{what}' does not exist."),
        )
    }

    pub(super) fn bad(message: &str) -> Self {
        Refused(400, "BadRequest", message.to_owned())
    }

    pub(super) fn body(&self, now: DateTime<Utc>) -> Value {
        let request = uuid::Uuid::new_v4().to_string();
        json!({"error": {
            "code": self.1, "message": self.2,
            "innerError": {"date": now.format("%Y-%m-%dT%H:%M:%S").to_string(), "request-id": request},
        }})
    }
}

/// What was done.
pub(super) struct Done {
    pub(super) status: u16,
    /// Null for an empty body.
    pub(super) body: Value,
    pub(super) changes: Vec<Change>,
}

impl Done {
    pub(super) fn found(body: Value) -> Self {
        Self {
            status: 200,
            body,
            changes: Vec::new(),
        }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            body: Value::Null,
            changes: Vec::new(),
        }
    }
}

pub(super) type Answer = Result<Done, Refused>;

/// A call on its way.
pub(super) struct Asked {
    shared: Arc<Shared>,
    line: Line,
    authorization: Option<String>,
    operation: Operation,
    about: String,
    needs: &'static [&'static str],
}

impl Asked {
    pub(super) fn new(
        shared: Arc<Shared>,
        line: Line,
        headers: &HeaderMap,
        (operation, about): (Operation, &str),
        needs: &'static [&'static str],
    ) -> Self {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Self {
            shared,
            line,
            authorization: authorization.map(str::to_owned),
            operation,
            about: about.to_owned(),
            needs,
        }
    }

    /// Checks the token and what it allows, follows the script, does the work.
    pub(super) async fn answer(self, work: impl FnOnce(&mut Remembered, DateTime<Utc>) -> Answer) -> Response {
        let now = self.shared.now();
        let script = {
            let mut state = self.shared.state();
            let ends = self
                .authorization
                .as_deref()
                .and_then(|header| header.strip_prefix("Bearer "))
                .and_then(|token| state.graph_tokens.get(token).copied());
            let Some(ends) = ends.filter(|ends| *ends > now) else {
                let refused = Refused(
                    401,
                    "InvalidAuthenticationToken",
                    "Access token is empty or not for Graph.".into(),
                );
                return self.refuse(&mut state, &refused);
            };
            let script = script::next(&mut state.scripts, self.operation, &self.about);
            if script.is_none()
                && !self.needs.is_empty()
                && !self
                    .needs
                    .iter()
                    .any(|one| state.permissions.iter().any(|has| has == one))
            {
                let message = "Insufficient privileges to complete the operation.".to_owned();
                return self.refuse(&mut state, &Refused(403, "Authorization_RequestDenied", message));
            }
            if self.operation == Operation::NotifyMany && ends - now < chrono::Duration::minutes(45) {
                let message = "The token must be valid for at least 45 minutes.".to_owned();
                return self.refuse(&mut state, &Refused(412, "PreconditionFailed", message));
            }
            script
        };
        let script = script.unwrap_or_else(|| Script::slow(Duration::ZERO));
        if !script.delay.is_zero() {
            tokio::time::sleep(script.delay).await;
        }
        if let Ending::Usual = script.ending {
            return self.perform(None, work);
        }
        let told = script.ending.status();
        if script.performed {
            self.perform(Some(told), work);
        } else {
            self.shared
                .remember(&mut self.shared.state(), self.operation, &self.about, told, None);
        }
        finish(script.ending, &self.line).await
    }

    fn perform(&self, told: Option<u16>, work: impl FnOnce(&mut Remembered, DateTime<Utc>) -> Answer) -> Response {
        let now = self.shared.now();
        let mut state = self.shared.state();
        match work(&mut state, now) {
            Ok(Done { status, body, changes }) => {
                let told = told.unwrap_or(status);
                self.shared
                    .remember(&mut state, self.operation, &self.about, told, None);
                self.shared.show(changes);
                respond(status, &body)
            }
            Err(refused) => self.refuse(&mut state, &refused),
        }
    }

    fn refuse(&self, state: &mut Remembered, refused: &Refused) -> Response {
        self.shared
            .remember(state, self.operation, &self.about, refused.0, None);
        respond(refused.0, &refused.body(self.shared.now()))
    }
}

fn respond(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("Graph answers with real statuses");
    if body.is_null() {
        return status.into_response();
    }
    let kind = [(
        header::CONTENT_TYPE,
        "application/json;odata.metadata=minimal;charset=utf-8",
    )];
    (status, kind, body.to_string()).into_response()
}

pub(super) fn read(body: &Arrived) -> Result<Value, Refused> {
    let body = body
        .as_ref()
        .map_err(|_| Refused::bad("The request body is too large"))?;
    serde_json::from_slice(body).map_err(|_| Refused::bad("The request body is not JSON"))
}

pub(super) fn of<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// The text behind `field`, in single quotes, of which one inside stands doubled.
pub(super) fn literal(filter: &str, field: &str) -> Option<String> {
    let (_, rest) = filter.split_once(field)?;
    let rest = rest.strip_prefix('\'')?;
    let mut text = String::new();
    let mut letters = rest.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' if letters.peek() == Some(&'\'') => {
                letters.next();
                text.push('\'');
            }
            '\'' => return Some(text),
            letter => text.push(letter),
        }
    }
    None
}

/// A person by object id or sign-in name: Graph knows no `29:` ids.
pub(super) fn user_of(world: &World, user: &str) -> Result<usize, Refused> {
    let index = world.person(user).filter(|_| !user.starts_with("29:"));
    index.ok_or_else(|| Refused::not_there(user))
}
