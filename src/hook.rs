//! Doors for the outside world: who may post to a [`Hook`], and what a post means.
//!
//! Everything here is arithmetic over one request: bytes in, answer out. The HTTP surface reads the bytes and the secrets,
//! then asks in this order: [`Hook::verify`] (or [`entra`], [`client_certificate`]: their proof is in the head), [`Hook::post`].

pub mod client_certificate;
mod cloud_event;
pub mod compile;
pub mod entra;
mod event_grid;
pub mod file;
pub mod format;
mod permission;
pub mod post;
pub mod rate;
pub mod refused;
pub mod repeat;
pub mod signature;

use serde_json::{Map, Value};

use crate::rate::Rate;
use crate::secret_name::SecretName;

/// A declared place to post to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name in `herald.yaml`, which rules use.
    pub name: String,
    /// What follows `/hooks/` in its address; without any slash.
    pub path: String,
    /// How a sender proves who it is.
    pub authentication: Authentication,
    /// The secrets that prove it: one, or two while one replaces the other; none where something else is the proof.
    pub secrets: Vec<SecretName>,
    /// What makes a post a repeat of an earlier one, where the author said so.
    pub repeat_id: Option<RepeatId>,
    /// The content types it reads; never empty.
    pub formats: Vec<Format>,
    /// How many posts it takes; `None` takes whatever comes.
    pub limit: Option<Rate>,
}

/// How a sender proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// `X-Hub-Signature-256`: HMAC-SHA256 of the body.
    Github,
    /// `X-Gitlab-Token`: the secret itself.
    Gitlab,
    /// `X-Slack-Signature`: HMAC-SHA256 of version, time and body.
    Slack,
    /// `Stripe-Signature`: HMAC-SHA256 of time and body.
    Stripe,
    /// `webhook-signature`: HMAC-SHA256 of id, time and body, as standardwebhooks.com describes.
    StandardWebhooks,
    /// `Authorization: Bearer`: the secret itself.
    Bearer,
    /// A header that holds the secret itself.
    ApiKey {
        /// The header, lower case.
        header: String,
    },
    /// `Authorization: Basic`: a user name and the secret as password.
    Basic {
        /// The user name.
        user: String,
    },
    /// A header that holds an HMAC of the body.
    Hmac {
        /// The header, lower case.
        header: String,
        /// The hash in it.
        algorithm: Algorithm,
        /// How its bytes are spelt.
        encoding: Encoding,
        /// What stands before it in the header, `sha256=` for instance; often empty.
        prefix: String,
    },
    /// `Authorization: Bearer` with a token that Entra, or another issuer, has signed.
    Entra(entra::Entra),
    /// A certificate shown to the proxy in front of us.
    ClientCertificate(client_certificate::ClientCertificate),
    /// The secret itself is the last part of the address, as in the addresses of Office 365 connectors.
    Url,
    /// Anyone who finds the address may post.
    None,
}

impl Authentication {
    /// The word for it in `herald.yaml`.
    pub fn word(&self) -> &'static str {
        match self {
            Authentication::Github => "github",
            Authentication::Gitlab => "gitlab",
            Authentication::Slack => "slack",
            Authentication::Stripe => "stripe",
            Authentication::StandardWebhooks => "standard-webhooks",
            Authentication::Bearer => "bearer",
            Authentication::ApiKey { .. } => "api-key",
            Authentication::Basic { .. } => "basic",
            Authentication::Hmac { .. } => "hmac",
            Authentication::Entra(_) => "entra",
            Authentication::ClientCertificate(_) => "client-certificate",
            Authentication::Url => "url",
            Authentication::None => "none",
        }
    }

    /// What a 401 says in `WWW-Authenticate`, for the schemes that have a registered name.
    pub fn www_authenticate(&self) -> Option<&'static str> {
        match self {
            Authentication::Bearer | Authentication::Entra(_) => Some("Bearer realm=\"herald\""),
            Authentication::Basic { .. } => Some("Basic realm=\"herald\", charset=\"UTF-8\""),
            Authentication::Github
            | Authentication::Gitlab
            | Authentication::Slack
            | Authentication::Stripe
            | Authentication::StandardWebhooks
            | Authentication::ApiKey { .. }
            | Authentication::Hmac { .. }
            | Authentication::ClientCertificate(_)
            | Authentication::Url
            | Authentication::None => None,
        }
    }

    /// Whether the head of a post proves all: then nothing of a stranger's body is read.
    pub fn is_in_head(&self) -> bool {
        matches!(self, Authentication::Entra(_) | Authentication::ClientCertificate(_))
    }
}

/// The hash under an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-1: still sound as an HMAC, for senders that offer nothing newer.
    Sha1,
    /// SHA-512.
    Sha512,
}

/// How the bytes of a signature are spelt in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `9f86d0...`, in either case.
    Hex,
    /// Base64, with or without its padding.
    Base64,
}

/// What makes a post a repeat of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepeatId {
    /// The value of this header, lower case.
    Header(String),
    /// The value of this field of the body, from the outside in.
    Field(Vec<String>),
}

/// How a body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json` and its relatives (`application/*+json`).
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `text/plain`: becomes `event.text`.
    Text,
    /// What Office 365 connectors and workflows took: a MessageCard, or a message with a card; in JSON, whatever the
    /// content type says.
    TeamsMessage,
    /// CloudEvents 1.0: structured, binary or as a batch.
    CloudEvents,
    /// Azure Event Grid's own schema.
    EventGrid,
}

impl Format {
    /// The word for it in `herald.yaml`.
    pub fn word(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Form => "form",
            Format::Text => "text",
            Format::TeamsMessage => "teams_message",
            Format::CloudEvents => "cloudevents",
            Format::EventGrid => "event_grid",
        }
    }

    /// The content type a sender should name.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json | Format::TeamsMessage | Format::EventGrid => "application/json",
            Format::Form => "application/x-www-form-urlencoded",
            Format::Text => "text/plain",
            Format::CloudEvents => "application/cloudevents+json",
        }
    }
}

/// What a caller posted, before anybody trusts it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// What follows the `?`, still encoded; empty without one.
    pub query: &'a str,
    /// Its headers.
    pub headers: &'a Headers,
    /// The body, byte for byte as it came: signatures are about these bytes.
    pub body: &'a [u8],
    /// What follows the hook's path in the address, percent-signs read: the secret of [`Authentication::Url`].
    pub key: Option<&'a str>,
}

/// The headers of a request; names are compared without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        Self(
            headers
                .into_iter()
                .map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.as_ref().to_vec()))
                .collect(),
        )
    }
}

impl Headers {
    /// Every value of this header, in order.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let name = name.to_ascii_lowercase();
        self.0
            .iter()
            .filter(move |(known, _)| *known == name)
            .map(|(_, value)| value.as_slice())
    }

    /// All of them, names in lower case, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The value of this header, without blanks around it, if it is there once, as text, and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        let value = str::from_utf8(values.next()?).ok()?.trim();
        (values.next().is_none() && !value.is_empty()).then_some(value)
    }
}

/// Headers that carry credentials whatever the hook: rules, traces and logs never see them.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-gitlab-token"];

/// Words in the names of headers that carry credentials or proofs: a hook without authentication gets them as well.
const TELLING: [&str; 5] = ["signature", "secret", "token", "api-key", "apikey"];

impl Hook {
    /// What rules and templates see as `request`: `method`, `headers` (names in lower case) and `query`.
    ///
    /// Headers that carry credentials are left out, because what a rule can see ends up in traces and cards. A header
    /// or query field that came several times becomes a list; bytes that are no UTF-8 become `�`.
    pub fn visible(&self, request: &Request<'_>) -> Value {
        let mut headers = Map::new();
        for (name, value) in &request.headers.0 {
            if !self.is_credential(name) {
                format::add(&mut headers, name, String::from_utf8_lossy(value).into_owned());
            }
        }
        let mut query = Map::new();
        for (name, value) in url::form_urlencoded::parse(request.query.as_bytes()) {
            format::add(&mut query, &name, value.into_owned());
        }
        serde_json::json!({ "method": request.method, "headers": headers, "query": query })
    }

    fn is_credential(&self, name: &str) -> bool {
        CREDENTIALS.contains(&name)
            || TELLING.iter().any(|word| name.contains(word))
            || matches!(&self.authentication, Authentication::ApiKey { header } if header == name)
    }

    /// What kind of thing happened, in the sender's own word: `deployment_status`, `Pipeline Hook`, `invoice.paid`.
    ///
    /// GitHub and GitLab say it in a header; Slack, Stripe and Standard Webhooks in the body. Other senders do not
    /// say it in a way we know, and a rule looks at a field instead.
    pub fn event_type(&self, request: &Request<'_>, body: &Value) -> Option<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match &self.authentication {
            Authentication::Github => request.headers.get("x-github-event").map(str::to_owned),
            Authentication::Gitlab => request.headers.get("x-gitlab-event").map(str::to_owned),
            // Slack wraps the event that was subscribed to in an `event_callback`.
            Authentication::Slack => text(&body["event"]["type"]).or_else(|| text(&body["type"])),
            Authentication::Stripe | Authentication::StandardWebhooks => text(&body["type"]),
            Authentication::Bearer
            | Authentication::ApiKey { .. }
            | Authentication::Basic { .. }
            | Authentication::Hmac { .. }
            | Authentication::Entra(_)
            | Authentication::ClientCertificate(_)
            | Authentication::Url
            | Authentication::None => None,
        }
    }

    /// The text to send back at once, when this post is not an event but the sender's question whether we are there.
    ///
    /// Slack asks so before it accepts an address: the answer is 200 with this text, and no rule sees the post.
    pub fn handshake<'a>(&self, body: &'a Value) -> Option<&'a str> {
        let asks = self.authentication == Authentication::Slack && body["type"] == "url_verification";
        asks.then(|| body["challenge"].as_str()).flatten()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A hook with this authentication and defaults for the rest.
    pub(crate) fn hook(authentication: Authentication) -> Hook {
        Hook {
            name: "ci".to_owned(),
            path: "ci".to_owned(),
            authentication,
            secrets: Vec::new(),
            repeat_id: None,
            formats: vec![Format::Json, Format::Form],
            limit: None,
        }
    }

    /// A POST with these headers and this body.
    pub(crate) fn post<'a>(headers: &'a Headers, body: &'a [u8]) -> Request<'a> {
        Request {
            method: "POST",
            query: "",
            headers,
            body,
            key: None,
        }
    }

    /// Headers from pairs.
    pub(crate) fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().copied().collect()
    }

    #[test]
    fn a_rule_sees_headers_and_query_but_never_credentials() {
        let headers = headers(&[
            ("Authorization", "Bearer s3cret"),
            ("X-Team-Key", "s3cret"),
            ("Cookie", "session=s3cret"),
            ("X-Gitlab-Token", "s3cret"),
            ("User-Agent", "curl/8"),
            ("X-Forwarded-For", "10.0.0.1"),
            ("X-Forwarded-For", "10.0.0.2"),
        ]);
        let hook = hook(Authentication::ApiKey {
            header: "x-team-key".to_owned(),
        });
        let request = Request {
            query: "stage=prod&tag=a&tag=b%20c",
            ..post(&headers, b"")
        };
        assert_eq!(
            hook.visible(&request),
            json!({
                "method": "POST",
                "headers": { "user-agent": "curl/8", "x-forwarded-for": ["10.0.0.1", "10.0.0.2"] },
                "query": { "stage": "prod", "tag": ["a", "b c"] },
            })
        );
    }

    #[test]
    fn each_sender_names_the_kind_of_event_in_its_own_place() {
        let named = headers(&[
            ("X-GitHub-Event", "deployment_status"),
            ("X-Gitlab-Event", "Pipeline Hook"),
        ]);
        let body = json!({ "type": "event_callback", "event": { "type": "app_mention" } });
        let kind = |authentication| hook(authentication).event_type(&post(&named, b""), &body);
        assert_eq!(kind(Authentication::Github).as_deref(), Some("deployment_status"));
        assert_eq!(kind(Authentication::Gitlab).as_deref(), Some("Pipeline Hook"));
        assert_eq!(kind(Authentication::Slack).as_deref(), Some("app_mention"));
        assert_eq!(kind(Authentication::Stripe).as_deref(), Some("event_callback"));
        assert_eq!(kind(Authentication::Bearer), None);
    }

    fn any_hook() -> impl Strategy<Value = Hook> {
        let header = "x-signature".to_owned();
        prop::sample::select(vec![
            Authentication::Github,
            Authentication::Gitlab,
            Authentication::Slack,
            Authentication::Stripe,
            Authentication::StandardWebhooks,
            Authentication::Bearer,
            Authentication::Url,
            Authentication::ApiKey { header: header.clone() },
            Authentication::Basic {
                user: "herald".to_owned(),
            },
            Authentication::Hmac {
                header,
                algorithm: Algorithm::Sha512,
                encoding: Encoding::Base64,
                prefix: "v1=".to_owned(),
            },
        ])
        .prop_map(hook)
    }

    /// Headers that some preset looks at, with values that look right at first and any others.
    fn any_headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
        let names = vec![
            "x-hub-signature-256",
            "x-gitlab-token",
            "x-slack-signature",
            "x-slack-request-timestamp",
            "stripe-signature",
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "svix-signature",
            "authorization",
            "x-signature",
            "content-type",
            "idempotency-key",
        ];
        let text = "(sha256=|v0=|v1=|v1,|t=1700000000,v1=|Basic |Bearer |application/json|1700000000)?[ -~]{0,40}";
        let value = prop_oneof![
            text.prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..40)
        ];
        prop::collection::vec((prop::sample::select(names), value), 0..6)
    }

    proptest! {
        #[test]
        fn whatever_a_stranger_posts_is_answered_and_never_let_in(
            hook in any_hook(),
            headers in any_headers(),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let headers: Headers = headers.into_iter().collect();
            let request = Request { query: "a=%ff&a", ..post(&headers, &body) };
            let now = chrono::DateTime::from_timestamp(1_700_000_000, 0).expect("a time of this century");
            let refused = hook.verify(&request, &[b"a secret that no stranger finds"], now).unwrap_err();
            prop_assert!(!refused.answer().is_empty() && !refused.log().is_empty());
            let data = hook.read_body(&request).unwrap_or_default();
            let _ = (hook.repeat_id(&request, &data), hook.event_type(&request, &data), hook.visible(&request));
        }
    }

    #[test]
    fn slack_gets_its_challenge_back_and_nobody_else_does() {
        let question = json!({ "type": "url_verification", "challenge": "3eZbrw1aB" });
        assert_eq!(hook(Authentication::Slack).handshake(&question), Some("3eZbrw1aB"));
        assert_eq!(hook(Authentication::None).handshake(&question), None);
        assert_eq!(
            hook(Authentication::Slack).handshake(&json!({ "type": "event_callback" })),
            None
        );
    }
}
