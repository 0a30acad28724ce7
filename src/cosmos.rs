//! Asks an account of Cosmos DB over its REST interface: for a container, for its partitions, and for what has changed in
//! one of them.
//!
//! What has changed comes from the change feed in the mode in which every account has it: each document as it is now, once
//! it was made or changed, in the order of changes within a partition; deletions are not told. The place from which to go
//! on is in our own store, because only there it can be written after the events are on disk.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretSlice};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::Sha256;
use url::Url;

use crate::clock::Clock;
use crate::hook::format;
use crate::queue::container::Container;
use crate::queue::feed::{Begin, Look, Partition};
use crate::teams::token::{Scope, Token, Tokens};
use crate::teams::wire::{Body, Call, Reply, Wire};

/// The version of the interface that we speak.
const VERSION: &str = "2020-07-15";
/// Documents that are asked for at a time.
const MOST_DOCUMENTS: &str = "100";
/// The longest answer read, in bytes: Cosmos DB's are at most 4 MiB.
const LONGEST_ANSWER: usize = 8 << 20;
/// The longest place to go on from, in bytes.
const LONGEST_MARK: usize = 4 << 10;
/// Partitions of a container that are read.
const MOST_PARTITIONS: usize = 256;
/// Pages of partitions that are asked for.
const MOST_PAGES: usize = 10;
/// How much of what Cosmos DB says about an error is told, in characters.
const LONGEST_SENTENCE: usize = 300;
/// The longest wait that Cosmos DB may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The container of this name is not the one that is meant.
const OTHER_CONTAINER: &str = "1024";
/// What stands in a path as it is.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why there was no answer that could be used. The sentence holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The account cannot be reached, or the connection broke.
    #[error("{0}")]
    Wire(String),
    /// It does not let us in.
    #[error("the account does not let us in: {0}")]
    Login(String),
    /// The database or container is not there.
    #[error("{0}")]
    NotThere(String),
    /// The partition is being split, merged or moved, or the container is another one.
    #[error("a partition was split or moved, or the container was made anew")]
    Moved,
    /// It was asked too much, and says how long to wait.
    #[error("the account asks to wait {} ms: its request units are used up", .0.as_millis())]
    Busy(Duration),
    /// It says that something is wrong.
    #[error("the account says: {0}")]
    Account(String),
    /// It answered something else than Cosmos DB does.
    #[error("what answered is no Cosmos DB: {0}")]
    Language(String),
}

/// How we prove who asks.
#[derive(Clone)]
pub enum Entry {
    /// By a key of the account.
    Key(SecretSlice<u8>),
    /// As the bot, in this tenant.
    Bot(Arc<Tokens>, String),
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Entry::Key(_) => "Key(***)",
            Entry::Bot(..) => "Bot",
        })
    }
}

impl Entry {
    /// A key as the portal shows it.
    ///
    /// # Errors
    /// [`Trouble::Login`] if it is none.
    pub fn key(secret: &SecretSlice<u8>) -> Result<Self, Trouble> {
        let text = std::str::from_utf8(secret.expose_secret()).unwrap_or_default().trim();
        match STANDARD.decode(text) {
            Ok(key) if !key.is_empty() => Ok(Entry::Key(key.into())),
            _ => Err(Trouble::Login(
                "the secret is no key of an account: it is the text that the portal shows under Keys, not the connection string"
                    .to_owned(),
            )),
        }
    }
}

/// The way to one container.
#[derive(Debug, Clone)]
pub struct Way {
    wire: Wire,
    clock: Clock,
    container: Container,
    entry: Entry,
}

/// What was found at one look.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The documents as they are now, in the order in which they changed; in place of one that cannot be an event, why.
    pub documents: Vec<Result<Value, String>>,
    /// Where to go on; `None` if that is where it was.
    pub mark: Option<String>,
    /// There may be more already.
    pub more: bool,
}

/// A container as it is found under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its own number, which another one of the same name does not have.
    pub number: String,
    /// What time it is by the account's clock.
    pub now: DateTime<Utc>,
}

/// An answer with documents.
#[derive(Deserialize)]
struct Documents<'a> {
    #[serde(rename = "_rid", default)]
    container: Option<String>,
    /// As they were sent: one that cannot be read does not take the others along.
    #[serde(rename = "Documents", borrow)]
    documents: Vec<&'a RawValue>,
}

/// A resource that is asked for, in the words that a key signs for.
#[derive(Debug, Clone, Copy)]
enum Resource {
    Container,
    Partitions,
    Documents,
}

impl Resource {
    fn word(self) -> &'static str {
        match self {
            Resource::Container => "colls",
            Resource::Partitions => "pkranges",
            Resource::Documents => "docs",
        }
    }
}

impl Way {
    /// A way to `container`, as whom `entry` says.
    pub fn new(wire: Wire, clock: Clock, container: Container, entry: Entry) -> Self {
        Self {
            wire,
            clock,
            container,
            entry,
        }
    }

    /// Looks for the container.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn find(&self) -> Result<Found, Trouble> {
        let reply = self.ask(Resource::Container, Vec::new()).await?;
        let body = json(&reply)?;
        let number = body["_rid"].as_str().filter(|number| number.len() <= LONGEST_MARK);
        match number {
            Some(number) => Ok(Found {
                number: number.to_owned(),
                now: reply.date.unwrap_or_else(|| self.clock.now()),
            }),
            None => Err(Trouble::Language("a container without a number".to_owned())),
        }
    }

    /// The partitions of the container, as they are now.
    ///
    /// # Errors
    /// [`Trouble`]; among them that there are too many.
    pub async fn partitions(&self) -> Result<Vec<Partition>, Trouble> {
        let mut partitions: Vec<Partition> = Vec::new();
        let mut further = None;
        for _ in 0..MOST_PAGES {
            let headers = further.map(|page| ("x-ms-continuation", page));
            let reply = self.ask(Resource::Partitions, headers.into_iter().collect()).await?;
            let mut body = json(&reply)?;
            let page: Vec<Partition> = serde_json::from_value(body["PartitionKeyRanges"].take())
                .map_err(|_| Trouble::Language("no list of partitions".to_owned()))?;
            partitions.extend(page);
            if partitions.len() > MOST_PARTITIONS {
                let sentence = format!("it has more than the {MOST_PARTITIONS} partitions that are read");
                return Err(Trouble::Account(sentence));
            }
            match reply.headers.get("x-ms-continuation").filter(|page| !page.is_empty()) {
                Some(page) => further = Some(page.clone()),
                None => return Ok(partitions),
            }
        }
        Err(Trouble::Language("a list of partitions without an end".to_owned()))
    }

    /// What has changed in the container of this `number` since `look`; a slice without a mark begins as `begin` says.
    ///
    /// # Errors
    /// [`Trouble`]; [`Trouble::Moved`] also if another container has the name now.
    pub async fn changes(&self, number: &str, begin: Begin, look: &Look) -> Result<Page, Trouble> {
        let value = |text: &str| {
            HeaderValue::from_str(text)
                .map_err(|_| Trouble::Language(format!("a place that cannot be sent back: {text:?}")))
        };
        let mut headers = vec![
            ("a-im", HeaderValue::from_static("Incremental Feed")),
            ("x-ms-documentdb-partitionkeyrangeid", value(&look.partition)?),
            ("x-ms-max-item-count", HeaderValue::from_static(MOST_DOCUMENTS)),
            ("x-ms-cosmos-intended-collection-rid", value(number)?),
        ];
        if look.part {
            headers.extend([
                (
                    "x-ms-read-key-type",
                    HeaderValue::from_static("EffectivePartitionKeyRange"),
                ),
                ("x-ms-start-epk", value(&look.slice.from)?),
                ("x-ms-end-epk", value(&look.slice.until)?),
            ]);
        }
        match (&look.slice.mark, begin) {
            (Some(mark), _) => headers.push(("if-none-match", value(mark)?)),
            (None, Begin::Since(at)) => headers.push(("if-modified-since", value(&http_date(at))?)),
            (None, Begin::Oldest) => {}
        }
        let reply = self.ask(Resource::Documents, headers).await?;
        let mark = reply.headers.get("etag").and_then(|mark| mark.to_str().ok());
        if mark.is_some_and(|mark| mark.len() > LONGEST_MARK) {
            return Err(Trouble::Language(
                "a place that is too long to be remembered".to_owned(),
            ));
        }
        let new = mark.filter(|mark| look.slice.mark.as_deref() != Some(*mark));
        if reply.status == 304 {
            return Ok(Page {
                documents: Vec::new(),
                mark: new.map(str::to_owned),
                more: false,
            });
        }
        let found: Documents = serde_json::from_slice(whole(&reply)?)
            .map_err(|_| Trouble::Language(format!("{}, and no list of documents", reply.status)))?;
        if found.container.is_some_and(|container| container != number) {
            return Err(Trouble::Moved);
        }
        if new.is_none() && !found.documents.is_empty() {
            // Without a new place they would come again for ever.
            return Err(Trouble::Language("documents without a place to go on from".to_owned()));
        }
        let read = |document: &RawValue| format::json(document.get()).map_err(|bad| bad.sentence().to_owned());
        Ok(Page {
            documents: found.documents.into_iter().map(read).collect(),
            mark: new.map(str::to_owned),
            more: new.is_some(),
        })
    }

    async fn ask(&self, resource: Resource, mut headers: Vec<(&'static str, HeaderValue)>) -> Result<Reply, Trouble> {
        let date = http_date(self.clock.now());
        let (authorization, token) = self.authorization(resource, &date).await?;
        headers.extend([
            (
                "x-ms-date",
                HeaderValue::from_str(&date).expect("a date has plain signs"),
            ),
            ("x-ms-version", HeaderValue::from_static(VERSION)),
            // We know that partitions can be merged.
            ("x-ms-cosmos-sdk-supportedcapabilities", HeaderValue::from_static("1")),
            ("accept", HeaderValue::from_static("application/json")),
        ]);
        let call = Call {
            method: Method::GET,
            url: self.address(resource)?,
            token: Some(&authorization),
            headers: &headers,
            direct: false,
            body: Body::Nothing,
            patience: self.wire.patience().send,
            longest: LONGEST_ANSWER,
        };
        let reply = self.wire.exchange(call).await;
        let reply = reply.map_err(|lost| Trouble::Wire(lost.to_string()))?;
        if let (401, Entry::Bot(tokens, _), Some(token)) = (reply.status, &self.entry, &token) {
            tokens.discard(token);
        }
        match verdict(&reply, &self.container) {
            None => Ok(reply),
            Some(trouble) => Err(trouble),
        }
    }

    fn address(&self, resource: Resource) -> Result<Url, Trouble> {
        let encoded = |name: &str| utf8_percent_encode(name, IN_PATH).to_string();
        let (database, name) = (encoded(&self.container.database), encoded(&self.container.name));
        let inside = match resource {
            Resource::Container => "",
            Resource::Partitions => "/pkranges",
            Resource::Documents => "/docs",
        };
        let joined = self
            .container
            .account
            .join(&format!("/dbs/{database}/colls/{name}{inside}"));
        joined.map_err(|_| Trouble::Wire(format!("{} has no address", self.container.place())))
    }

    /// The header that proves who asks, and the token in it if there is one.
    async fn authorization(&self, resource: Resource, date: &str) -> Result<(HeaderValue, Option<Token>), Trouble> {
        let (text, token) = match &self.entry {
            Entry::Key(key) => (signed(key, resource, &self.container.path(), date), None),
            Entry::Bot(tokens, tenant) => {
                let scope = Scope::Database {
                    tenant: tenant.clone(),
                    account: self.container.account.origin().ascii_serialization(),
                };
                let token = tokens.token_for(&scope).await;
                let token = token.map_err(|problem| Trouble::Login(problem.to_string()))?;
                let bare = token
                    .header()
                    .to_str()
                    .ok()
                    .and_then(|header| header.strip_prefix("Bearer "));
                (
                    format!("type=aad&ver=1.0&sig={}", bare.unwrap_or_default()),
                    Some(token),
                )
            }
        };
        let mut header = HeaderValue::from_str(&text)
            .map_err(|_| Trouble::Login("the token has signs that cannot be sent".to_owned()))?;
        header.set_sensitive(true);
        Ok((header, token))
    }
}

fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// What proves that we have the key: it signs what is asked, and when.
fn signed(key: &SecretSlice<u8>, resource: Resource, path: &str, date: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret()).expect("any length is a key");
    mac.update(format!("get\n{}\n{path}\n{}\n\n", resource.word(), date.to_lowercase()).as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    utf8_percent_encode(&format!("type=master&ver=1.0&sig={signature}"), IN_PATH).to_string()
}

/// What is wrong with an answer; nothing if it is one that can be read.
fn verdict(reply: &Reply, container: &Container) -> Option<Trouble> {
    let trouble = match reply.status {
        200 | 304 => return None,
        401 | 403 => Trouble::Login(said(reply)),
        // With other numbers beside it, it is something in between that is not ready.
        404 if matches!(substatus(reply), None | Some("0" | "1003")) => {
            Trouble::NotThere(format!("there is no {}", container.place()))
        }
        400 if substatus(reply) == Some(OTHER_CONTAINER) => Trouble::Moved,
        410 => Trouble::Moved,
        429 => {
            let wait = reply
                .headers
                .get("x-ms-retry-after-ms")
                .and_then(|wait| wait.to_str().ok());
            let wait = wait
                .and_then(|wait| wait.trim().parse().ok())
                .map(Duration::from_millis);
            Trouble::Busy(wait.unwrap_or(Duration::from_secs(1)).min(LONGEST_WAIT))
        }
        // It redirects nobody: a proxy or another service stands there.
        300..=399 => Trouble::Language(format!("{} Redirect", reply.status)),
        _ => Trouble::Account(said(reply)),
    };
    Some(trouble)
}

fn substatus(reply: &Reply) -> Option<&str> {
    reply.headers.get("x-ms-substatus")?.to_str().ok()
}

/// `403 Forbidden: Request originated from ...`: the first line of what an answer says, bounded.
fn said(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let line = |value: &Value| -> String {
        let text = value.as_str().unwrap_or_default();
        let first = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or_default();
        first
            .chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_SENTENCE)
            .collect()
    };
    let (code, message) = (line(&body["code"]), line(&body["message"]));
    let mut said = reply.status.to_string();
    if !code.is_empty() {
        said = format!("{said} {code}");
    }
    if !message.is_empty() {
        said = format!("{said}: {message}");
    }
    said
}

fn json(reply: &Reply) -> Result<Value, Trouble> {
    serde_json::from_slice(whole(reply)?).map_err(|_| Trouble::Language(format!("{}, and no JSON", reply.status)))
}

fn whole(reply: &Reply) -> Result<&[u8], Trouble> {
    match reply.cut {
        true => Err(Trouble::Language(format!(
            "an answer of more than {LONGEST_ANSWER} bytes"
        ))),
        false => Ok(&reply.body),
    }
}
