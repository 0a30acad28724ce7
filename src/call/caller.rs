//! Asks. Only hosts that the settings list are called, by https and on the internet unless they are listed as private; no
//! redirect is followed, and what goes wrong is told without address and secret.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::ExposeSecret;
use serde_json::Value;
use tracing::info;
use url::{Host, Url};

use super::{Ask, LARGEST_ANSWER, Method, Reply, Shown, is_listed, said};
use crate::clock::Clock;
use crate::secret::Secrets;
use crate::settings::Calls;
use crate::webhook::sender::{Ways, broken, is_public, private_address};

/// The way to other programs. Cheap to call from many tasks at once.
#[derive(Debug)]
pub struct Caller {
    ways: Ways,
    secrets: Arc<Secrets>,
    clock: Clock,
}

impl Caller {
    /// A caller that takes its secrets from `secrets`.
    ///
    /// # Errors
    /// A sentence, where TLS cannot work.
    pub fn new(secrets: Arc<Secrets>, clock: Clock) -> Result<Self, String> {
        Ok(Self {
            ways: Ways::new("calls")?,
            secrets,
            clock,
        })
    }

    /// Asks, if the settings of now allow it. It may have been heard even where the reply says that it was lost.
    pub async fn ask(&self, ask: &Ask, calls: &Calls) -> Reply {
        let (url, private) = match admitted(&ask.url, &ask.host, calls) {
            Ok(admitted) => admitted,
            Err(reason) => return Reply::Refused(reason),
        };
        let headers = match self.headers(ask) {
            Ok(headers) => headers,
            Err(reason) => return Reply::Refused(reason),
        };
        let client = self.ways.to(&ask.host, private);
        let method = match ask.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = client.request(method, url).headers(headers).timeout(ask.timeout);
        if let Some(body) = &ask.body {
            request = request.body(body.clone());
        }
        let reply = match read(request, self.clock.now()).await {
            Ok(reply) => reply,
            Err(error) => lost(&error, ask),
        };
        match &reply {
            Reply::Answered { status, .. } => info!(host = ask.host, status, "a step called out"),
            Reply::Lost(reason) | Reply::Refused(reason) => {
                info!(host = ask.host, reason, "a step called out in vain")
            }
        }
        reply
    }

    fn headers(&self, ask: &Ask) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &ask.headers {
            let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
            let (Ok(header), Ok(value)) = pair else {
                return Err(format!("the header `{name}` came to something that cannot be sent"));
            };
            headers.insert(header, value);
        }
        headers.insert(
            HeaderName::from_static("idempotency-key"),
            HeaderValue::from_str(&ask.key).map_err(|_| "the key of the call cannot be sent".to_owned())?,
        );
        let Some(secret) = &ask.secret else {
            return Ok(headers);
        };
        let value = self.secrets.read(&secret.name).map_err(|missing| missing.to_string())?;
        let value = value.expose_secret();
        let (header, bytes) = match &secret.shown {
            Shown::Bearer => (AUTHORIZATION, [b"Bearer ", value].concat()),
            Shown::Basic(user) => {
                let pair = STANDARD.encode([user.as_bytes(), b":", value].concat());
                (AUTHORIZATION, format!("Basic {pair}").into_bytes())
            }
            Shown::Header(name) => (
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header"))?,
                value.to_vec(),
            ),
        };
        let mut shown = HeaderValue::from_bytes(&bytes).map_err(|_| {
            format!(
                "the secret `{}` holds something that cannot be sent in a header",
                secret.name
            )
        })?;
        shown.set_sensitive(true);
        headers.insert(header, shown);
        Ok(headers)
    }
}

/// The address, if it may be called, and whether it is a private one.
///
/// # Errors
/// Why it is not called, in a sentence.
fn admitted(address: &str, host: &str, calls: &Calls) -> Result<(Url, bool), String> {
    let url =
        Url::parse(address).map_err(|_| format!("the address of the call to {host} cannot be read any more"))?;
    let leads_to = url.host_str().unwrap_or_default().to_ascii_lowercase();
    if leads_to != host {
        return Err(format!("the address of the call does not lead to {host}"));
    }
    if is_listed(host, &calls.private_hosts) {
        return Ok((url, true));
    }
    if !is_listed(host, &calls.hosts) {
        return Err(format!(
            "{host} is not listed under `calls: {{ hosts: [...] }}` in herald.yaml"
        ));
    }
    let private = match url.host() {
        Some(Host::Ipv4(address)) => !is_public(address.into()),
        Some(Host::Ipv6(address)) => !is_public(address.into()),
        Some(Host::Domain(_)) | None => false,
    };
    if private {
        return Err(is_private(host));
    }
    if url.scheme() != "https" {
        return Err(format!(
            "{host} is called by `https://`, unless it is listed under `calls: {{ private_hosts: [...] }}`"
        ));
    }
    Ok((url, false))
}

fn is_private(host: &str) -> String {
    format!(
        "{host} is in a private network: one that is really there is listed under `calls: {{ private_hosts: [...] }}`"
    )
}

async fn read(request: reqwest::RequestBuilder, now: DateTime<Utc>) -> reqwest::Result<Reply> {
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let header = response.headers().get(RETRY_AFTER);
    let wait = header
        .and_then(|value| value.to_str().ok())
        .and_then(|text| waits(text, now));
    let (mut bytes, mut whole) = (Vec::new(), true);
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > LARGEST_ANSWER {
            whole = false;
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    let body: Value = said(&bytes, whole);
    Ok(Reply::Answered { status, wait, body })
}

/// Seconds, or a date.
fn waits(text: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return TimeDelta::try_seconds(seconds.max(0));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
    Some((at - now).max(TimeDelta::zero()))
}

fn lost(error: &reqwest::Error, ask: &Ask) -> Reply {
    let host = &ask.host;
    if private_address(error).is_some() {
        return Reply::Refused(is_private(host));
    }
    Reply::Lost(broken(error, host, ask.timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_are_listed_are_called() {
        let calls = Calls {
            hosts: vec![
                "tickets.contoso.example".to_owned(),
                "*.fabrikam.example".to_owned(),
                "10.0.0.7".to_owned(),
            ],
            private_hosts: vec!["127.0.0.1".to_owned()],
        };
        let told = |address: &str, host: &str| match admitted(address, host, &calls) {
            Ok((_, private)) => {
                if private {
                    "private".to_owned()
                } else {
                    "public".to_owned()
                }
            }
            Err(reason) => reason,
        };
        assert_eq!(
            told("https://tickets.contoso.example/x", "tickets.contoso.example"),
            "public"
        );
        assert_eq!(told("https://a.fabrikam.example/x", "a.fabrikam.example"), "public");
        assert_eq!(told("http://127.0.0.1:99/x", "127.0.0.1"), "private");
        assert!(told("https://fabrikam.example/x", "fabrikam.example").contains("is not listed"));
        assert!(told("https://evil.example/x", "tickets.contoso.example").contains("does not lead to"));
        assert!(told("https://10.0.0.7/x", "10.0.0.7").contains("private network"));
        assert!(told("http://tickets.contoso.example/x", "tickets.contoso.example").contains("`https://`"));
    }

    #[test]
    fn how_long_to_wait_is_seconds_or_a_date() {
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        assert_eq!(waits("7", now), Some(TimeDelta::seconds(7)));
        assert_eq!(waits("Thu, 01 Jan 2026 00:01:00 GMT", now), Some(TimeDelta::minutes(1)));
        assert_eq!(waits("soon", now), None);
    }
}
