//! Calling out: a step of a rule asks another program something over HTTP.
//!
//! Everything here is plain values: what the author wrote becomes a [`Call`], a call and an event become an [`Ask`], and
//! what came back becomes a [`Heard`]. [`caller`] is who really asks, [`lines`] says how many at
//! once.

pub mod caller;
mod compile;
pub mod file;
pub mod lines;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use url::Url;

use crate::card::text::{Text, Warnings};
use crate::secret_name::SecretName;

/// How often one call is tried.
pub const MOST_TRIES: u32 = 6;
/// How long after a try that failed the next one comes; nobody waits longer than for the last of these.
const WAITS: [TimeDelta; 5] = [
    TimeDelta::seconds(10),
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
    TimeDelta::minutes(30),
];
/// How much is sent, in bytes.
pub const LARGEST_BODY: usize = 64 * 1024;
/// Of an answer this much is read and kept, in bytes.
pub const LARGEST_ANSWER: usize = 64 * 1024;
/// The longest address, in bytes.
const LONGEST_ADDRESS: usize = 4 * 1024;
/// The longest value of a header, in bytes.
const LONGEST_HEADER: usize = 1024;

/// What a `call:` says.
#[derive(Debug, Clone)]
pub struct Call {
    /// What later steps call its answer: `steps.ticket`.
    pub save_as: String,
    /// The host, as written, without its port.
    pub host: String,
    /// How long an answer may take.
    pub timeout: Duration,
    method: Method,
    /// The address in pieces: what is written out, and what comes from the event.
    url: Vec<Piece>,
    headers: Vec<(String, Text)>,
    body: Option<Body>,
    secret: Option<Secret>,
}

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// To hear something.
    Get,
    /// To make something.
    Post,
    /// To put something in its place.
    Put,
    /// To change something.
    Patch,
    /// To take something away.
    Delete,
}

impl Method {
    /// All of them.
    pub const ALL: [Method; 5] = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];

    /// As HTTP spells it.
    pub fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// A piece of an address.
#[derive(Debug, Clone)]
enum Piece {
    /// As it is.
    Written(String),
    /// What it comes to is one word of the address, whatever it holds.
    Hole(Text),
}

/// What is sent.
#[derive(Debug, Clone)]
enum Body {
    Constant(Value),
    Leaf(Text),
    List(Vec<Body>),
    Fields(Vec<(String, Body)>),
}

/// A secret and how it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// What it is called.
    pub name: SecretName,
    /// Where it goes.
    pub shown: Shown,
}

/// Where a secret goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// `Authorization: Bearer SECRET`
    Bearer,
    /// `Authorization: Basic`, as the password of this user.
    Basic(String),
    /// In a header of this name, as it is.
    Header(String),
}

/// A question, ready to be asked. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// How.
    pub method: Method,
    /// Where.
    pub url: String,
    /// The host that the author wrote; the address must lead there.
    pub host: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Vec<u8>>,
    /// The secret that goes along.
    pub secret: Option<Secret>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// The same question asked again has the same key, so that whoever is asked can tell.
    pub key: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// An answer.
    Answered {
        /// Its HTTP status.
        status: u16,
        /// When it may be asked again, if it says so.
        wait: Option<TimeDelta>,
        /// What it says: JSON where it is JSON, else text; null when there is nothing or too much.
        body: Value,
    },
    /// None, and asking again may help.
    Lost(String),
    /// It was not asked at all, and will not be.
    Refused(String),
}

/// What is made of a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It is over: this is what later steps see as `steps.NAME`.
    Over(Value),
    /// It is asked again then.
    Again {
        /// When.
        at: DateTime<Utc>,
        /// Why, in a sentence.
        reason: String,
    },
}

impl Call {
    /// The question that this event makes of it. `key` names the step of the matter.
    ///
    /// # Errors
    /// Why it cannot be asked, in a sentence: it grew too large.
    pub fn ask(&self, scope: &Value, key: &str, seen: &mut Warnings) -> Result<Ask, String> {
        let mut url = String::new();
        for piece in &self.url {
            match piece {
                Piece::Written(text) => url.push_str(text),
                Piece::Hole(text) => url.push_str(&encoded(&plain(&text.evaluate(scope, seen)))),
            }
        }
        if url.len() > LONGEST_ADDRESS {
            return Err(format!("the address came to more than {LONGEST_ADDRESS} bytes"));
        }
        if !self.leads_there(&url) {
            return Err(format!(
                "the address does not lead to where `{}` begins any more",
                self.shown()
            ));
        }
        let mut headers = Vec::new();
        for (name, text) in &self.headers {
            let value: String = text.plain(scope, seen).chars().filter(|c| !c.is_control()).collect();
            if value.len() > LONGEST_HEADER {
                return Err(format!("the header `{name}` came to more than {LONGEST_HEADER} bytes"));
            }
            headers.push((name.clone(), value.trim().to_owned()));
        }
        let has_type = headers.iter().any(|(name, _)| name == "content-type");
        let body = match self.body.as_ref().map(|body| body.fill(scope, seen)) {
            None => None,
            Some(Value::String(text)) => Some((text.into_bytes(), "text/plain; charset=utf-8")),
            Some(value) => Some((value.to_string().into_bytes(), "application/json")),
        };
        if let Some((_, kind)) = body.as_ref().filter(|_| !has_type) {
            headers.push(("content-type".to_owned(), (*kind).to_owned()));
        }
        let body = body.map(|(bytes, _)| bytes);
        if body.as_ref().is_some_and(|body| body.len() > LARGEST_BODY) {
            return Err(format!("the body came to more than {} KiB", LARGEST_BODY / 1024));
        }
        Ok(Ask {
            method: self.method,
            url,
            host: self.host.clone(),
            headers,
            body,
            secret: self.secret.clone(),
            timeout: self.timeout,
            key: key.to_owned(),
        })
    }

    /// Does the address begin as it is written, whatever the holes came to?
    fn leads_there(&self, url: &str) -> bool {
        let written = match self.url.first() {
            Some(Piece::Written(written)) => written.as_str(),
            Some(Piece::Hole(_)) | None => "",
        };
        match (Url::parse(url), Url::parse(written)) {
            (Ok(url), Ok(written)) => url.as_str().starts_with(written.as_str()),
            (Ok(_) | Err(_), _) => false,
        }
    }

    /// The secret that it needs.
    pub fn secret(&self) -> Option<&SecretName> {
        self.secret.as_ref().map(|secret| &secret.name)
    }

    /// `POST https://tickets.contoso.example/...`, for people: without what comes from the event.
    pub fn shown(&self) -> String {
        format!("{} {}", self.method.word(), self.host)
    }
}

impl Body {
    fn fill(&self, scope: &Value, seen: &mut Warnings) -> Value {
        match self {
            Body::Constant(value) => value.clone(),
            Body::Leaf(text) => text.evaluate(scope, seen),
            Body::List(items) => items.iter().map(|item| item.fill(scope, seen)).collect(),
            Body::Fields(fields) => {
                let filled = fields.iter().map(|(key, body)| (key.clone(), body.fill(scope, seen)));
                Value::Object(filled.collect::<Map<_, _>>())
            }
        }
    }
}

/// What is made of the reply to the try `tries`, counted from 1.
///
/// An answer from 200 to 299 is a good one. After a 408, a 425, a 429, a 5xx and silence it is asked again, up to
/// [`MOST_TRIES`] times in all; whoever asks for more time than half an hour is not waited for.
pub fn heard(reply: &Reply, tries: u32, now: DateTime<Utc>) -> Heard {
    let over = |status: Option<u16>, body: &Value, error: Option<&str>| {
        Heard::Over(json!({
            "ok": error.is_none(),
            "status": status,
            "body": body,
            "error": error,
            "tries": tries,
        }))
    };
    let (reason, wait) = match reply {
        Reply::Refused(reason) => return over(None, &Value::Null, Some(reason)),
        Reply::Answered { status, body, .. } if (200..300).contains(status) => {
            return over(Some(*status), body, None);
        }
        Reply::Answered { status, wait, .. } if matches!(status, 408 | 425 | 429 | 500..=599) => {
            (format!("it answered {status}"), *wait)
        }
        Reply::Answered { status, body, .. } => {
            return over(Some(*status), body, Some(&format!("it answered {status}")));
        }
        Reply::Lost(reason) => (reason.clone(), None),
    };
    let longest = WAITS[WAITS.len() - 1];
    let planned = usize::try_from(tries.max(1) - 1)
        .ok()
        .and_then(|place| WAITS.get(place));
    match planned {
        Some(planned) if wait.is_none_or(|wait| wait <= longest) => Heard::Again {
            at: now + (*planned).max(wait.unwrap_or_default()),
            reason,
        },
        Some(_) | None => {
            let (status, body) = match reply {
                Reply::Answered { status, body, .. } => (Some(*status), body),
                Reply::Lost(_) | Reply::Refused(_) => (None, &Value::Null),
            };
            over(status, body, Some(&reason))
        }
    }
}

/// What an answer's bytes say; null when they are more than [`LARGEST_ANSWER`].
pub fn said(bytes: &[u8], whole: bool) -> Value {
    if !whole || bytes.is_empty() {
        return Value::Null;
    }
    match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(_) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// As one word of an address: nothing in it is a slash, a question mark, a dot that leads elsewhere.
fn encoded(text: &str) -> String {
    // `..` would lead elsewhere, however it is spelt.
    if text.chars().all(|c| c == '.') {
        return String::new();
    }
    let mut word = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => word.push(char::from(byte)),
            _ => word.push_str(&format!("%{byte:02X}")),
        }
    }
    word
}

/// May a step call `host`? Either the host itself is listed, or a `*.` of a domain above it.
pub fn is_listed(host: &str, hosts: &[String]) -> bool {
    hosts.iter().any(|listed| match listed.strip_prefix("*.") {
        Some(domain) => host
            .strip_suffix(domain)
            .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
        None => host == listed,
    })
}

#[cfg(test)]
mod tests;
