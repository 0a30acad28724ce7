//! HTTP as we use it towards Microsoft: no redirects, no endless waits, no endless bodies.

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, redirect};
use tracing::debug;
use url::Url;

use super::endpoints::is_loopback;

/// How long we wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For a token or for keys, from the first byte sent to the last received.
    pub look_up: Duration,
    /// For the connector, likewise. A message whose answer takes longer may have arrived.
    pub send: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            look_up: Duration::from_secs(10),
            send: Duration::from_secs(30),
        }
    }
}

/// The HTTP client that everything towards Microsoft shares.
#[derive(Debug, Clone)]
pub struct Wire {
    outside: Client,
    /// For this machine and for what is directly beside it, where no proxy belongs in between.
    here: Client,
    patience: Patience,
}

/// There is no HTTP client.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no HTTPS client can be set up: {0}; in a container, does the image carry CA certificates?")]
pub struct NoWire(String);

/// A request.
pub(crate) struct Call<'a> {
    pub method: Method,
    pub url: Url,
    pub token: Option<&'a HeaderValue>,
    /// Further headers.
    pub headers: &'a [(&'static str, HeaderValue)],
    /// Past every proxy: the other side knows us by the machine that asks.
    pub direct: bool,
    pub body: Body<'a>,
    pub patience: Duration,
    /// The longest answer read, in bytes.
    pub longest: usize,
}

/// What a request carries.
pub(crate) enum Body<'a> {
    Nothing,
    Json(Vec<u8>),
    Form(&'a [(&'a str, &'a str)]),
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub retry_after: Option<String>,
    /// When it was written, by the other side's clock.
    pub date: Option<DateTime<Utc>>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// The body is longer than what was read of it.
    pub cut: bool,
}

/// What a look at an address showed.
#[derive(Debug)]
pub struct Seen {
    /// The status of the answer.
    pub status: u16,
    /// When it was written, by the other side's clock.
    pub date: Option<DateTime<Utc>>,
    /// How it begins, at most [`Wire::GLIMPSE`] bytes.
    pub body: Vec<u8>,
}

/// There was no (whole) answer, and what was seen instead, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Lost(String);

impl Wire {
    /// A client with this patience. Proxies are taken from the environment, except for this machine.
    ///
    /// # Errors
    /// [`NoWire`] where TLS cannot work.
    pub fn new(patience: Patience) -> Result<Wire, NoWire> {
        let builder = || {
            Client::builder()
                .user_agent(concat!("teams-herald/", env!("CARGO_PKG_VERSION")))
                // A redirect would take the token wherever it points.
                .redirect(redirect::Policy::none())
                .referer(false)
                .http1_only()
                .connect_timeout(patience.connect)
                .pool_idle_timeout(Duration::from_secs(60))
        };
        let built = |client: Result<Client, reqwest::Error>| client.map_err(|error| NoWire(root_of(&error)));
        Ok(Wire {
            outside: built(builder().build())?,
            here: built(builder().no_proxy().build())?,
            patience,
        })
    }

    /// How much of an answer [`Wire::look`] keeps, in bytes.
    pub const GLIMPSE: usize = 4096;

    /// Asks for what is at `url`, with no token and nothing else in hand: is anybody there?
    ///
    /// # Errors
    /// [`Lost`] when no HTTP answer came back; any status is an answer.
    pub async fn look(&self, url: Url) -> Result<Seen, Lost> {
        let call = Call {
            method: Method::GET,
            url,
            token: None,
            headers: &[],
            direct: false,
            body: Body::Nothing,
            patience: self.patience.look_up,
            longest: Self::GLIMPSE,
        };
        let reply = self.exchange(call).await?;
        Ok(Seen {
            status: reply.status,
            date: reply.date,
            body: reply.body,
        })
    }

    /// How long this client waits.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    pub(crate) async fn exchange(&self, call: Call<'_>) -> Result<Reply, Lost> {
        let host = call.url.host_str().unwrap_or_default().to_owned();
        let client = if call.direct || is_loopback(&call.url) {
            &self.here
        } else {
            &self.outside
        };
        let mut request = client.request(call.method, call.url).timeout(call.patience);
        if let Some(token) = call.token {
            request = request.header(AUTHORIZATION, token);
        }
        for (name, value) in call.headers {
            request = request.header(*name, value);
        }
        request = match call.body {
            Body::Nothing => request,
            Body::Form(fields) => request.form(fields),
            // Without the charset Teams has been seen to break everything that is not ASCII.
            Body::Json(bytes) => request
                .header(CONTENT_TYPE, "application/json; charset=utf-8")
                .body(bytes),
        };
        let lost = |error: reqwest::Error| Lost(sentence(&error, &host, call.patience));
        let mut response = request.send().await.map_err(lost)?;
        let header = |name| text(response.headers(), name);
        let retry_after = header(RETRY_AFTER.as_str());
        let date = header(DATE.as_str()).and_then(|date| DateTime::parse_from_rfc2822(&date).ok());
        let status = response.status().as_u16();
        debug!(host, status, ms_cv = header("ms-cv"), "Microsoft answered");
        let headers = response.headers().clone();
        let mut body = Vec::new();
        let mut cut = false;
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            let room = call.longest - body.len();
            if chunk.len() > room {
                body.extend_from_slice(&chunk[..room]);
                cut = true;
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            retry_after,
            date: date.map(|date| date.to_utc()),
            headers,
            body,
            cut,
        })
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn sentence(error: &reqwest::Error, host: &str, patience: Duration) -> String {
    let root = root_of(error);
    if error.is_connect() {
        format!("cannot connect to {host}: {root}")
    } else if error.is_timeout() {
        format!("{host} did not answer within {} s", patience.as_secs_f32())
    } else {
        format!("the connection to {host} broke: {root}")
    }
}

/// The innermost cause: the outer ones repeat themselves and the address.
fn root_of(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(deeper) = root.source() {
        root = deeper;
    }
    root.to_string()
}
