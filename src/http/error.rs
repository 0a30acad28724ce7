//! What a caller is told when a request cannot be served: a status, a stable code, a sentence.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::store::StoreError;

/// Why a request was not served. `docs/errors.md` lists the codes.
#[derive(Debug, Clone)]
pub struct RequestError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<u32>,
    authenticate: Option<&'static str>,
}

impl RequestError {
    /// An error with this status, stable code and sentence.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            authenticate: None,
        }
    }

    /// The caller may try again after this many seconds.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The caller is told to authenticate in this way.
    pub fn authenticate(mut self, scheme: Option<&'static str>) -> Self {
        self.authenticate = scheme;
        self
    }

    /// The status the caller gets.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence the caller gets.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<StoreError> for RequestError {
    fn from(problem: StoreError) -> Self {
        match problem {
            StoreError::Full { .. } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "outbox_full",
                "too many messages are waiting to be sent; nothing was taken, try again later",
            )
            .retry_after(30),
            StoreError::Unavailable(_)
            | StoreError::Locked(_)
            | StoreError::Corrupt(_)
            | StoreError::Refused(_)
            | StoreError::LeaseLost
            | StoreError::Overtaken => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store_unavailable",
                "nothing can be stored right now; nothing was taken, try again later",
            )
            .retry_after(10),
        }
    }
}

/// The sentence that a refused request was answered with, for whoever writes down what was done.
#[derive(Debug, Clone)]
pub struct Said(pub String);

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": { "code": self.code, "message": self.message } }));
        let mut response = (self.status, body).into_response();
        response.extensions_mut().insert(Said(self.message));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(scheme) = self.authenticate {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        response
    }
}

/// The answer to a path that does not exist.
pub async fn not_found() -> RequestError {
    RequestError::new(
        StatusCode::NOT_FOUND,
        "no_such_path",
        "nothing is here; hooks are at /hooks/NAME, the bot's endpoint is /api/messages",
    )
}
