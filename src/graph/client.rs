//! Asks Microsoft Graph: with its own token, at its own pace, at its own host and nowhere else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::Value;
use tokio::sync::Semaphore;
use tracing::warn;
use url::Url;

use super::answer::{self, No};
use super::brake::Brake;
use super::task::Task;
use crate::clock::Clock;
use crate::link;
use crate::metric::Metrics;
use crate::teams::token::{Scope, Token, Tokens};
use crate::teams::wire::{Body, Call, Reply, Wire};
use crate::trace::{Fact, Kind, Span};
use crate::tracer::{self, Tracer};

/// What stands in a path or a query as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The longest answer read, in bytes: a page of 999 people is a third of it.
const LONGEST_ANSWER: usize = 2 * 1024 * 1024;
/// The longest link to a next page, in bytes.
const LONGEST_LINK: usize = 8 * 1024;
/// Requests under way at once.
const AT_ONCE: usize = 8;

/// The way to Graph. Cheap to call from many tasks at once.
#[derive(Debug)]
pub struct Graph {
    wire: Wire,
    base: Url,
    tokens: Arc<Tokens>,
    scope: Scope,
    clock: Clock,
    brake: Mutex<Brake>,
    places: Semaphore,
    /// The id of the tenant whose people it knows; empty when only the tenant's domain is known.
    tenant: String,
    metrics: Option<Arc<Metrics>>,
    tracer: Tracer,
    /// Tells requests of one moment apart in traces.
    serial: AtomicU64,
    /// People are asked for with the fields of [`crate::roster::profile::InEntra`].
    with_fields: bool,
}

impl Graph {
    /// A client for the Graph at `base` (without `/v1.0`), as whom `tokens` says, in this tenant.
    ///
    /// # Errors
    /// `base` is no address, in a sentence.
    pub fn new(wire: Wire, base: &str, tokens: Arc<Tokens>, tenant: &str, clock: Clock) -> Result<Self, String> {
        let base = Url::parse(base).map_err(|_| format!("`{base}` is not the address of Microsoft Graph"))?;
        Ok(Self {
            wire,
            base,
            tokens,
            scope: Scope::Graph(tenant.to_owned()),
            clock,
            brake: Mutex::default(),
            places: Semaphore::new(AT_ONCE),
            tenant: if link::is_guid(tenant) {
                tenant.to_owned()
            } else {
                String::new()
            },
            metrics: None,
            tracer: Tracer::off(),
            serial: AtomicU64::new(0),
            with_fields: false,
        })
    }

    /// The same, with its requests in the traces of what they are made for.
    #[must_use]
    pub fn traced(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// The same; whoever is looked up is asked for with department, office and other fields, which takes a permission of
    /// its own.
    #[must_use]
    pub fn with_fields(self, with_fields: bool) -> Self {
        Self { with_fields, ..self }
    }

    pub(super) fn asks_for_fields(&self) -> bool {
        self.with_fields
    }

    /// The same, with its answers counted.
    pub fn counted(self, metrics: Arc<Metrics>) -> Self {
        Self {
            metrics: Some(metrics),
            ..self
        }
    }

    /// The id of the tenant whose people it knows; empty when only the tenant's domain is known.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Where it is, without a slash at the end.
    pub(super) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Asks for what is at `path`, which begins with a slash and may have a query; every piece of it that comes from
    /// outside is [`encoded`].
    pub(super) async fn get(&self, task: Task, path: &str) -> Result<Value, No> {
        self.read(task, self.address(path)?, &[]).await
    }

    /// As [`Graph::get`], for queries that Graph answers from its index.
    pub(super) async fn search(&self, task: Task, path: &str) -> Result<Value, No> {
        self.read(task, self.address(path)?, &eventual()).await
    }

    /// The page that a page's `@odata.nextLink` leads to, word by word as Graph wrote it. A link to any other host is
    /// not followed: it would be handed the token.
    pub(super) async fn next_page(&self, task: Task, link: &str) -> Result<Value, No> {
        let astray = || No::Rejected {
            task,
            said: "a page of its answer leads to another host, where the token must not go".to_owned(),
        };
        let url = Url::parse(link)
            .ok()
            .filter(|_| link.len() <= LONGEST_LINK)
            .ok_or_else(astray)?;
        let same = url.origin() == self.base.origin()
            && url.path().starts_with(self.base.path().trim_end_matches('/'))
            && url.username().is_empty()
            && url.password().is_none();
        if !same {
            warn!(
                host = url.host_str(),
                "a page of Graph leads to another host, it is not followed"
            );
            return Err(astray());
        }
        self.read(task, url, &eventual()).await
    }

    /// Has something done.
    pub(super) async fn post(&self, task: Task, path: &str, body: &Value) -> Result<(), No> {
        let url = self.address(path)?;
        let body = serde_json::to_vec(body).expect("a JSON value can be written");
        self.ask(task, Method::POST, url, Some(&body), &[]).await.map(drop)
    }

    /// Asks with a body.
    pub(super) async fn query(&self, task: Task, path: &str, body: &Value) -> Result<Value, No> {
        let url = self.address(path)?;
        let body = serde_json::to_vec(body).expect("a JSON value can be written");
        let reply = self.ask(task, Method::POST, url, Some(&body), &[]).await?;
        read_object(&reply)
    }

    /// What a reply inside another one means.
    pub(super) fn judge(&self, task: Task, reply: &Value) -> Result<(), No> {
        let status = reply["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let headers = reply["headers"].as_object();
        let wait = headers
            .into_iter()
            .flatten()
            .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))
            .and_then(|(_, value)| value.as_str());
        let body = reply["body"].to_string();
        let now = self.clock.now();
        let judged = answer::read(task, status.unwrap_or(0), wait, body.as_bytes(), now);
        let wait = judged.as_ref().err().and_then(No::wait);
        if let Some(wait) = wait.and_then(|wait| chrono::TimeDelta::from_std(wait).ok()) {
            self.with_brake(|brake, now| brake.hold(task, now + wait));
        }
        judged
    }

    /// The time by the clock that it goes by.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The token is too old for what was asked: the next request gets a new one.
    pub(super) async fn renew_token(&self) {
        if let Ok(token) = self.tokens.token_for(&self.scope).await {
            self.tokens.discard(&token);
        }
    }

    async fn read(&self, task: Task, url: Url, headers: &[(&'static str, HeaderValue)]) -> Result<Value, No> {
        let reply = self.ask(task, Method::GET, url, None, headers).await?;
        read_object(&reply)
    }

    /// Asks, and counts what came of it.
    async fn ask(
        &self,
        task: Task,
        method: Method,
        url: Url,
        body: Option<&[u8]>,
        headers: &[(&'static str, HeaderValue)],
    ) -> Result<Reply, No> {
        let start = self.clock.now();
        let mut status = None;
        let answer = self.ask_in_turn(task, method, url, body, headers, &mut status).await;
        self.record(task, start, status, answer.as_ref().err());
        if let Some(metrics) = &self.metrics {
            metrics.graph_answered(answer.as_ref().map_or_else(No::word, |_| "ok"));
        }
        answer
    }

    /// A span below what the request was made for: from the moment it was wanted until it was answered.
    fn record(&self, task: Task, start: DateTime<Utc>, status: Option<u16>, no: Option<&No>) {
        let Some(parent) = tracer::below().filter(|_| self.tracer.is_on()) else {
            return;
        };
        let serial = self.serial.fetch_add(1, Ordering::Relaxed).to_string();
        let at = start.timestamp_micros().to_string();
        let mut facts = vec![
            ("herald.graph.operation", Fact::from(task.word())),
            ("herald.answer", Fact::from(no.map_or("ok", No::word))),
        ];
        facts.extend(status.map(|status| ("http.response.status_code", Fact::from(status))));
        self.tracer.record(Span {
            context: parent.child(&["graph", task.word(), &at, &serial]),
            parent: Some(parent),
            name: "graph",
            kind: Kind::Client,
            start,
            end: self.clock.now(),
            facts,
            failure: no.map(No::word),
        });
    }

    /// Asks with the token, and once more with a new one if Graph refuses it. What Graph answered last is in `status`.
    async fn ask_in_turn(
        &self,
        task: Task,
        method: Method,
        url: Url,
        body: Option<&[u8]>,
        headers: &[(&'static str, HeaderValue)],
        status: &mut Option<u16>,
    ) -> Result<Reply, No> {
        let leaves = self.with_brake(|brake, now| brake.reserve(task, now));
        if leaves > self.clock.now() {
            self.clock.sleep_until(leaves).await;
        }
        // Not before its time has come: who waits for one kind of request holds up no other.
        let _place = self.places.acquire().await.expect("nobody closes it");
        let token = self.token().await?;
        let mut reply = self.ask_once(&method, &url, &token, body, headers).await?;
        if reply.status == 401 {
            warn!("Microsoft Graph refused the token, asking with a new one");
            self.tokens.discard(&token);
            let token = self.token().await?;
            reply = self.ask_once(&method, &url, &token, body, headers).await?;
        }
        *status = Some(reply.status);
        let now = self.clock.now();
        match answer::read(task, reply.status, reply.retry_after.as_deref(), &reply.body, now) {
            Ok(()) => Ok(reply),
            Err(no) => {
                let wait = no.wait().and_then(|wait| chrono::TimeDelta::from_std(wait).ok());
                if let Some(wait) = wait {
                    self.with_brake(|brake, now| brake.hold(task, now + wait));
                }
                Err(no)
            }
        }
    }

    async fn ask_once(
        &self,
        method: &Method,
        url: &Url,
        token: &Token,
        body: Option<&[u8]>,
        headers: &[(&'static str, HeaderValue)],
    ) -> Result<Reply, No> {
        let call = Call {
            method: method.clone(),
            url: url.clone(),
            token: Some(token.header()),
            body: body.map_or(Body::Nothing, |bytes| Body::Json(bytes.to_vec())),
            headers,
            direct: false,
            patience: self.wire.patience().send,
            longest: LONGEST_ANSWER,
        };
        self.wire.exchange(call).await.map_err(|lost| No::Unavailable {
            reason: format!("Microsoft Graph cannot be asked: {lost}"),
            wait: None,
        })
    }

    async fn token(&self) -> Result<Token, No> {
        self.tokens
            .token_for(&self.scope)
            .await
            .map_err(|problem| No::Unavailable {
                reason: format!("Microsoft Graph cannot be asked: {problem}"),
                wait: None,
            })
    }

    fn address(&self, path: &str) -> Result<Url, No> {
        let whole = format!("{}/v1.0{path}", self.base());
        Url::parse(&whole).map_err(|_| No::garbled("an address that is none"))
    }

    fn with_brake<T>(&self, what: impl FnOnce(&mut Brake, DateTime<Utc>) -> T) -> T {
        let now = self.clock.now();
        what(&mut self.brake.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}

fn read_object(reply: &Reply) -> Result<Value, No> {
    if reply.cut {
        return Err(No::garbled("more than fits into 2 MiB"));
    }
    match serde_json::from_slice(&reply.body) {
        Ok(body @ Value::Object(_)) => Ok(body),
        Ok(_) | Err(_) => Err(No::garbled("something else than what was asked for")),
    }
}

/// Casts and counts are answered from an index that lags a little, and only to whoever says that this is fine.
fn eventual() -> [(&'static str, HeaderValue); 1] {
    [("ConsistencyLevel", HeaderValue::from_static("eventual"))]
}

/// A text as one piece of a path or query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A text inside the quotes of a filter.
pub(super) fn quoted(text: &str) -> String {
    encoded(&text.replace('\'', "''"))
}
