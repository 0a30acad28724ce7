//! A container of Cosmos DB, and what a document means that was made or changed in it.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use url::Url;

use super::file::QueueFile;
use super::{event, missing};
use crate::diagnostic::Fault;
use crate::duration;
use crate::event::{Event, EventId};
use crate::secret_name::SecretName;
use crate::teams::endpoints::is_loopback;

/// Where accounts of Azure's public cloud are.
const PUBLIC: &str = "documents.azure.com";
/// How long to wait until the next look when nothing has changed; Azure's own functions wait as long.
const EVERY: Duration = Duration::from_secs(5);
/// The shortest and the longest wait.
const BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));
/// The longest name of a database or container, in characters.
const LONGEST_NAME: usize = 255;

/// A declared container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The address of the account, without a path.
    pub account: Url,
    /// The database.
    pub database: String,
    /// The container.
    pub name: String,
    /// What the account's key is called; without it Herald asks as the bot.
    pub key: Option<SecretName>,
    /// How long to wait until the next look when nothing has changed.
    pub every: Duration,
}

/// What `file` says of a container; whatever is wrong with it is added to `faults`.
pub(super) fn compile(file: &QueueFile, key: Option<SecretName>, faults: &mut Vec<Fault>) -> Option<Container> {
    let account = match file.account.as_deref().map(str::trim) {
        None => {
            faults.push(missing(file, "account", "contoso"));
            None
        }
        Some(written) => {
            let account = account(written);
            if account.is_none() {
                // What was written may hold a key.
                let fault = Fault::error("queue::account", "this is no account of Cosmos DB");
                faults.push(
                    fault
                        .help("write its name, such as `contoso`, or its URI as the portal shows it: `https://contoso.documents.azure.com`")
                        .under("account"),
                );
            }
            account
        }
    };
    let mut name = |key: &'static str, written: Option<&String>, example: &str| {
        let Some(written) = written else {
            faults.push(missing(file, key, example));
            return None;
        };
        let length = written.chars().count();
        let good = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | '?' | '#');
        let is_step = matches!(written.as_str(), "." | "..");
        if length > 0 && length <= LONGEST_NAME && written.trim() == written && written.chars().all(good) && !is_step
        {
            return Some(written.clone());
        }
        // What was written may be a key.
        let fault = Fault::error("queue::container", format!("this cannot be the name of a {key}"));
        let help = "write the name as the portal shows it: at most 255 signs, none of them `/`, `\\`, `?` or `#`";
        faults.push(fault.help(help).under(key));
        None
    };
    let database = name("database", file.database.as_ref(), "shop");
    let container = name("container", file.container.as_ref(), "orders");
    let every = match file.every.as_deref().map(duration::parse) {
        None => Some(EVERY),
        Some(Ok(every)) if (BOUNDS.0..=BOUNDS.1).contains(&every) => Some(every),
        Some(Ok(_)) => {
            let fault = Fault::error("queue::every", "this is not from 1 second to 1 hour");
            let help = "5 seconds is what it is without `every`; each look costs request units, also when nothing has changed";
            faults.push(fault.help(help).under("every"));
            None
        }
        Some(Err(fault)) => {
            faults.push(fault.under("every"));
            None
        }
    };
    Some(Container {
        account: account?,
        database: database?,
        name: container?,
        key,
        every: every?,
    })
}

/// The address of an account that is written as its name or as its address.
fn account(written: &str) -> Option<Url> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (3..=50).contains(&written.len()) && written.chars().all(plain) {
        return Url::parse(&format!("https://{written}.{PUBLIC}")).ok();
    }
    let url = Url::parse(written).ok()?;
    let encrypted = url.scheme() == "https" || (is_loopback(&url) && url.scheme() == "http");
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    (encrypted && bare && url.username().is_empty() && url.password().is_none()).then_some(url)
}

impl Container {
    /// Under what it is remembered up to where changes were taken in.
    pub fn note(&self, queue: &str) -> String {
        let account = self.account.origin().ascii_serialization();
        format!("queue/{queue}/cosmos_db/{account}/{}/{}", self.database, self.name)
    }

    /// What the key signs for and what is asked: the container, from the account's root.
    pub fn path(&self) -> String {
        format!("dbs/{}/colls/{}", self.database, self.name)
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        let host = self.account.host_str().unwrap_or_default();
        format!("container {} of database {} at {host}", self.name, self.database)
    }

    /// The event of a document as it is now; the same state of the same document is the same event.
    pub fn event(&self, queue: &str, document: Value, now: DateTime<Utc>) -> Event {
        let text = |key: &str| document[key].as_str().map(str::to_owned);
        let (number, state) = (text("_rid"), text("_etag"));
        // Cosmos DB gives every document both.
        let id = match (&number, &state) {
            (Some(number), Some(state)) => EventId::derived(&["queue", queue, number, state]),
            _ => EventId::derived(&["queue", queue, &self.database, &self.name, &document.to_string()]),
        };
        let written_at = document["_ts"]
            .as_i64()
            .and_then(|at| DateTime::from_timestamp(at, 0))
            .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let request = json!({
            "queue": queue, "database": self.database, "container": self.name,
            "key": text("id"), "version": state, "written_at": written_at,
        });
        event(queue, id, document, request, now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Queue, Source, queue};
    use super::*;
    use crate::diagnostic::Step;

    fn one(declared: Value) -> Result<Queue, Vec<Fault>> {
        queue("orders", &serde_json::from_value(declared).unwrap())
    }

    fn container(declared: Value) -> Container {
        match one(declared).unwrap().source {
            Source::Container(container) => container,
            Source::Topic(_) => panic!("a container is declared"),
        }
    }

    #[test]
    fn an_account_is_a_name_or_an_address() {
        let found =
            container(json!({"kind": "cosmos_db", "account": "contoso", "database": "shop", "container": "orders"}));
        assert_eq!(found.account.as_str(), "https://contoso.documents.azure.com/");
        assert_eq!(found.every, Duration::from_secs(5));
        assert_eq!(found.key, None);
        assert_eq!(found.path(), "dbs/shop/colls/orders");
        for good in [
            "https://contoso.documents.azure.us",
            "https://contoso.documents.azure.com:443/",
            "http://127.0.0.1:8081",
            "http://[::1]:8081",
            "http://localhost:8081",
        ] {
            assert!(account(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "Contoso Ltd",
            "http://contoso.documents.azure.com",
            "https://contoso.documents.azure.com/dbs/shop",
            "https://me:key@contoso.documents.azure.com",
            "ftp://localhost",
            "AccountEndpoint=https://contoso.documents.azure.com:443/;AccountKey=s3cr3t;",
        ] {
            assert!(account(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_container_is_said_at_once() {
        let faults = one(json!({
            "kind": "cosmos_db", "account": "AccountEndpoint=https://c.example;AccountKey=s3cr3t", "database": "a/b", "container": "", "every": "2 hours",
            "secret": "s3cr3t/=", "topic": "orders",
        }))
        .unwrap_err();
        let places: Vec<&Step> = faults.iter().map(|fault| &fault.path[0]).collect();
        let expected = ["topic", "secret", "account", "database", "container", "every"].map(Step::from);
        assert_eq!(places, expected.iter().collect::<Vec<_>>());
        assert!(!format!("{faults:?}").contains("s3cr3t"), "{faults:?}");
        let faults = one(json!({ "kind": "cosmos_db" })).unwrap_err();
        assert_eq!(faults.len(), 3);
        assert!(
            faults.iter().all(|fault| fault.path[0] == Step::from("kind")),
            "{faults:?}"
        );
        let faults = one(json!({ "kind": "kafka", "brokers": "k", "topic": "t", "database": "shop" })).unwrap_err();
        assert_eq!(faults[0].path[0], Step::from("database"));
    }

    #[test]
    fn the_same_state_of_a_document_is_the_same_event() {
        let found =
            container(json!({"kind": "cosmos_db", "account": "contoso", "database": "shop", "container": "orders"}));
        let document =
            |state: &str| json!({"id": "A-1", "total": 12, "_rid": "abc=", "_etag": state, "_ts": 1_790_000_000});
        let event_of = |document| found.event("orders", document, DateTime::UNIX_EPOCH);
        let first = event_of(document("\"1\""));
        assert_eq!(first.id, event_of(document("\"1\"")).id);
        assert_ne!(first.id, event_of(document("\"2\"")).id);
        assert_eq!(first.data["total"], 12);
        assert_eq!(
            first.request,
            json!({
                "queue": "orders", "database": "shop", "container": "orders", "key": "A-1", "version": "\"1\"",
                "written_at": "2026-09-21T14:13:20Z",
            })
        );
        // Whatever it is, it is an event.
        assert_ne!(event_of(json!({"a": 1})).id, event_of(json!({"a": 2})).id);
        assert_eq!(event_of(json!("words")).request["key"], Value::Null);
    }
}
