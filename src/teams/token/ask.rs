//! One question for a token, as each kind of credential asks it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::Value;
use url::Url;

use super::certificate;
use super::identity::Service;
use super::{Credentials, NoToken, Scope, Token, refused};
use crate::clock::Clock;
use crate::secret::Secrets;
use crate::secret_name::SecretName;
use crate::teams::credential::{Credential, Federation, TOKEN_FILE_VARIABLE};
use crate::teams::endpoints::Endpoints;
use crate::teams::wire::{Body, Call, Reply, Wire};

pub(super) const LONGEST_ANSWER: usize = 64 * 1024;
/// What proves us in place of a secret is a signed statement of this kind.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Asks, and keeps nothing.
#[derive(Debug)]
pub(super) struct Asker {
    pub wire: Wire,
    pub endpoints: Endpoints,
    pub credentials: Credentials,
    pub secrets: Arc<Secrets>,
    pub clock: Clock,
}

/// How often an identity service is asked that is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Persistence {
    /// Whoever asks has something to go on with, or wants to see what is wrong.
    Once,
    /// As long as Microsoft says that it may take.
    AsDocumented,
}

/// What goes into the form beside our id.
enum Proof {
    Secret(SecretSlice<u8>),
    Assertion(SecretString),
}

impl Asker {
    /// Asks for a token, and says how long it lives. `date` becomes what the other side's clock showed.
    pub async fn ask(
        &self,
        scope: &Scope,
        persistence: Persistence,
        date: &mut Option<DateTime<Utc>>,
    ) -> Result<(Token, TimeDelta), NoToken> {
        let (host, body) = match &self.credentials.credential {
            Credential::ManagedIdentity => {
                self.look_at_tenant(scope)?;
                let resource = self.text(scope);
                self.identity(
                    resource.trim_end_matches("/.default"),
                    &self.credentials.app_id,
                    persistence,
                    date,
                )
                .await?
            }
            Credential::Secret(_) | Credential::Certificate(_) | Credential::WorkloadIdentity(_) => {
                self.login(scope, persistence, date).await?
            }
        };
        Token::of(&body, self.clock.now())
            .ok_or_else(|| NoToken::because(format!("{host} answered 200, but with no token in it")))
    }

    /// Asks the login endpoint; returns its host and what it said.
    async fn login(
        &self,
        scope: &Scope,
        persistence: Persistence,
        date: &mut Option<DateTime<Utc>>,
    ) -> Result<(String, Value), NoToken> {
        let endpoint = match scope {
            Scope::Connector => self.endpoints.token.clone(),
            Scope::Graph(tenant) | Scope::Database { tenant, .. } => self.endpoints.token_in(tenant),
        };
        let url = address(&endpoint)?;
        let proof = self.proof(&endpoint, persistence).await?;
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", &self.credentials.app_id),
        ];
        match &proof {
            Proof::Secret(secret) => fields.push(("client_secret", as_text(secret).unwrap_or_default())),
            Proof::Assertion(assertion) => fields.extend([
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", assertion.expose_secret()),
            ]),
        }
        let wanted = self.text(scope);
        fields.push(("scope", &wanted));
        let call = Call {
            method: Method::POST,
            url: url.clone(),
            token: None,
            headers: &[],
            direct: false,
            body: Body::Form(&fields),
            patience: self.wire.patience().look_up,
            longest: LONGEST_ANSWER,
        };
        let reply = self.exchange(call, date).await?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        match reply.status {
            200 => Ok((host, body)),
            status => Err(refused::by_login(&host, status, &body)),
        }
    }

    /// What proves to the login `endpoint` that it is this bot which asks.
    async fn proof(&self, endpoint: &str, persistence: Persistence) -> Result<Proof, NoToken> {
        match &self.credentials.credential {
            Credential::Secret(name) => client_secret(&self.secrets, name).map(Proof::Secret),
            Credential::Certificate(names) => {
                let now = self.clock.now();
                let certificate = certificate::of(names, &self.secrets, now)?;
                let assertion = certificate.assertion(endpoint, &self.credentials.app_id, names.send_chain, now);
                Ok(Proof::Assertion(assertion.into()))
            }
            Credential::WorkloadIdentity(Federation::TokenFile(path)) => {
                token_file(&self.secrets, path.as_deref()).map(Proof::Assertion)
            }
            Credential::WorkloadIdentity(Federation::ManagedIdentity { client_id }) => {
                let resource = &self.endpoints.token_exchange;
                let (host, body) = self.identity(resource, client_id, persistence, &mut None).await?;
                match body["access_token"].as_str().filter(|token| !token.is_empty()) {
                    Some(token) => Ok(Proof::Assertion(token.into())),
                    None => Err(NoToken::because(format!(
                        "{host} answered 200, but with no token in it"
                    ))),
                }
            }
            Credential::ManagedIdentity => Err(NoToken::because("a managed identity is not asked for a proof")),
        }
    }

    /// Asks the platform for the token of a user-assigned identity.
    async fn identity(
        &self,
        resource: &str,
        client_id: &str,
        persistence: Persistence,
        date: &mut Option<DateTime<Utc>>,
    ) -> Result<(String, Value), NoToken> {
        let service = Service::find(&self.endpoints, &self.secrets)?;
        let url = service.question(resource, client_id);
        let mut pauses = service.pauses(persistence);
        let reply = loop {
            let call = Call {
                method: Method::GET,
                url: url.clone(),
                token: None,
                headers: std::slice::from_ref(&service.header),
                direct: true,
                body: Body::Nothing,
                patience: self.wire.patience().look_up,
                longest: LONGEST_ANSWER,
            };
            let reply = self
                .exchange(call, date)
                .await
                .map_err(|problem| service.unreachable(problem))?;
            match pauses.after(reply.status) {
                Some(pause) => self.clock.sleep_until(self.clock.now() + pause).await,
                None => break reply,
            }
        };
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let host = url.host_str().unwrap_or_default().to_owned();
        match reply.status {
            200 => Ok((host, body)),
            status => Err(service.refusal(&host, status, &body)),
        }
    }

    /// A managed identity lives in one tenant, and gets tokens of that tenant only.
    fn look_at_tenant(&self, scope: &Scope) -> Result<(), NoToken> {
        match (scope, &self.credentials.tenant) {
            (Scope::Graph(asked) | Scope::Database { tenant: asked, .. }, Some(own))
                if !asked.eq_ignore_ascii_case(own) =>
            {
                Err(NoToken::because(format!(
                    "a managed identity gets tokens of its own tenant only, `{own}`, and none for `{asked}`"
                )))
            }
            (Scope::Graph(_) | Scope::Database { .. } | Scope::Connector, _) => Ok(()),
        }
    }

    async fn exchange(&self, call: Call<'_>, date: &mut Option<DateTime<Utc>>) -> Result<Reply, NoToken> {
        let reply = self.wire.exchange(call).await;
        let reply = reply.map_err(|lost| NoToken::because(format!("no token: {lost}")))?;
        *date = reply.date;
        Ok(reply)
    }

    fn text(&self, scope: &Scope) -> Cow<'_, str> {
        match scope {
            Scope::Connector => Cow::Borrowed(&self.endpoints.scope),
            Scope::Graph(_) => Cow::Borrowed(&self.endpoints.graph_scope),
            Scope::Database { account, .. } => Cow::Owned(format!("{account}/.default")),
        }
    }
}

/// The client secret, if it is one that can be sent.
pub(super) fn client_secret(secrets: &Secrets, name: &SecretName) -> Result<SecretSlice<u8>, NoToken> {
    let secret = secrets
        .read(name)
        .map_err(|problem| NoToken::because(problem.to_string()))?;
    match as_text(&secret) {
        Some(_) => Ok(secret),
        None => Err(NoToken::because(format!("the secret `{name}` is not a text"))),
    }
}

/// The token in the file that the platform renews, read anew each time.
pub(super) fn token_file(secrets: &Secrets, path: Option<&str>) -> Result<SecretString, NoToken> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => named_by_platform(secrets)?,
    };
    let bytes = Secrets::read_at(Path::new(&path)).map_err(|problem| {
        NoToken::because(format!("the token file `{path}` cannot be read: {problem}"))
            .with_way_out("see that the platform mounts it, and that Herald may read it")
    })?;
    let token = as_text(&bytes).unwrap_or_default().trim();
    let is_signed = token.split('.').count() == 3 && token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_signed {
        Ok(token.into())
    } else {
        Err(NoToken::because(format!("the file `{path}` holds no token")))
    }
}

fn named_by_platform(secrets: &Secrets) -> Result<String, NoToken> {
    let variable = SecretName::new(TOKEN_FILE_VARIABLE).expect("a plain name");
    let path = secrets.read(&variable).ok();
    let path = path.as_ref().and_then(as_text).map(str::to_owned);
    path.ok_or_else(|| {
        NoToken::because(format!(
            "no file with a token is known: `{TOKEN_FILE_VARIABLE}` is not set"
        ))
        .with_way_out(
            "in Kubernetes, label the pod for workload identity; elsewhere, write `bot.workload_identity.token_file`",
        )
    })
}

pub(super) fn address(written: &str) -> Result<Url, NoToken> {
    Url::parse(written).map_err(|_| NoToken::because(format!("`{written}` is not an address to ask for a token")))
}

fn as_text(secret: &SecretSlice<u8>) -> Option<&str> {
    std::str::from_utf8(secret.expose_secret()).ok()
}
