//! The sign-in services: tokens for the bot, and the keys that tokens of Teams and of Entra are signed with.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;

use super::graph;
use super::line::Line;
use super::refusal::Refusal;
use super::routes::{App, Arrived, finish, respond};
use super::script::{self, Ending, Operation, Script};
use super::state::{ISSUER, Shared};
use crate::teams::endpoints::is_loopback;

const SCOPE: &str = "https://api.botframework.com/.default";

/// Everything of them.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route("/v1/.well-known/openidconfiguration", get(openid))
        .route("/v1/.well-known/openid-configuration", get(openid))
        .route("/v1/.well-known/keys", get(keys))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(entra_openid))
        .route("/{tenant}/discovery/v2.0/keys", get(entra_keys))
}

/// Follows a script for a call that needs no token; `usual` is the answer otherwise.
async fn scripted(shared: &Shared, line: &Line, operation: Operation, usual: impl FnOnce() -> Response) -> Response {
    let script = script::next(&mut shared.state().scripts, operation, "");
    let script = script.unwrap_or_else(|| Script::slow(Duration::ZERO));
    if !script.delay.is_zero() {
        tokio::time::sleep(script.delay).await;
    }
    if let Ending::Usual = script.ending {
        let response = usual();
        shared.remember(&mut shared.state(), operation, "", response.status().as_u16(), None);
        return response;
    }
    shared.remember(&mut shared.state(), operation, "", script.ending.status(), None);
    finish(script.ending, line).await
}

async fn token(
    State(shared): App,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(tenant): Path<String>,
    body: Arrived,
) -> Response {
    let usual = || {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_deref().unwrap_or_default())
            .into_owned()
            .collect();
        match check_token_request(&shared, &tenant, &form) {
            Ok(audience) => {
                let mut state = shared.state();
                let lifetime = state.token_lifetime.num_seconds();
                let token = match audience {
                    Audience::Graph => {
                        graph::token(&mut state, &shared.options.app_id, &shared.options.tenant, shared.now())
                    }
                    Audience::Connector => state.issue_token(shared.now()),
                    Audience::Elsewhere => format!("elsewhere.{}.c2FuZGJveA", uuid::Uuid::new_v4().simple()),
                };
                let body = json!({
                    "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token,
                });
                respond(200, &body)
            }
            Err(refusal) => respond(refusal.status, &refusal.body),
        }
    };
    scripted(&shared, &line, Operation::Token, usual).await
}

/// Whom a token is for.
enum Audience {
    Connector,
    Graph,
    /// Another program on this machine; the token opens nothing here.
    Elsewhere,
}

impl Audience {
    fn of(scope: &str) -> Option<Self> {
        match scope {
            SCOPE => Some(Self::Connector),
            graph::SCOPE => Some(Self::Graph),
            _ => {
                let url = url::Url::parse(scope.strip_suffix("/.default")?).ok()?;
                is_loopback(&url).then_some(Self::Elsewhere)
            }
        }
    }
}

fn check_token_request(shared: &Shared, tenant: &str, form: &[(String, String)]) -> Result<Audience, Refusal> {
    let find = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    if find("grant_type") != Some("client_credentials") {
        return Err(entra_refusal(
            400,
            "unsupported_grant_type",
            70003,
            "The app requested an unsupported grant type.",
        ));
    }
    if tenant != shared.options.tenant && tenant != "botframework.com" {
        return Err(entra_refusal(
            400,
            "invalid_request",
            90002,
            "The tenant was not found.",
        ));
    }
    if find("client_id") != Some(shared.options.app_id.as_str()) {
        return Err(entra_refusal(
            400,
            "unauthorized_client",
            700016,
            "The application was not found in the directory.",
        ));
    }
    if find("client_secret") != Some(shared.options.secret.as_str()) {
        return Err(wrong_secret());
    }
    match find("scope").and_then(Audience::of) {
        Some(Audience::Connector) => Ok(Audience::Connector),
        // These know the people of one tenant; nobody lives at the bots' common one.
        Some(audience) if tenant != "botframework.com" => Ok(audience),
        _ => Err(entra_refusal(
            400,
            "invalid_scope",
            70011,
            "The provided value for the input parameter 'scope' is not valid.",
        )),
    }
}

/// What Entra says to a wrong client secret.
pub(super) fn wrong_secret() -> Refusal {
    entra_refusal(401, "invalid_client", 7000215, "Invalid client secret provided.")
}

fn entra_refusal(status: u16, error: &str, code: u32, text: &str) -> Refusal {
    let id = uuid::Uuid::new_v4().to_string();
    let body = json!({
        "error": error, "error_description": format!("AADSTS{code}: {text}"), "error_codes": [code],
        "trace_id": id, "correlation_id": id,
    });
    Refusal { status, body }
}

async fn openid(State(shared): App, ConnectInfo(line): ConnectInfo<Line>) -> Response {
    let body = json!({
        "issuer": ISSUER, "jwks_uri": format!("{}/v1/.well-known/keys", shared.base),
        "authorization_endpoint": "https://invalid.botframework.com",
        "id_token_signing_alg_values_supported": ["RS256"], "token_endpoint_auth_methods_supported": ["private_key_jwt"],
    });
    scripted(&shared, &line, Operation::OpenId, || respond(200, &body)).await
}

async fn keys(State(shared): App, ConnectInfo(line): ConnectInfo<Line>) -> Response {
    let usual = || {
        let state = shared.state();
        respond(200, &json!({"keys": [state.key.published(Some(&state.endorsements))]}))
    };
    scripted(&shared, &line, Operation::Keys, usual).await
}

async fn entra_openid(State(shared): App, ConnectInfo(line): ConnectInfo<Line>) -> Response {
    let body = json!({
        "issuer": shared.entra_issuer(),
        "jwks_uri": format!("{}/{}/discovery/v2.0/keys", shared.base, shared.options.tenant),
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    scripted(&shared, &line, Operation::OpenId, || respond(200, &body)).await
}

async fn entra_keys(State(shared): App, ConnectInfo(line): ConnectInfo<Line>) -> Response {
    let usual = || respond(200, &json!({"keys": [shared.state().key.published(None)]}));
    scripted(&shared, &line, Operation::Keys, usual).await
}
