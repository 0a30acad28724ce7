//! An account of Cosmos DB as far as its change feed goes: partitions that are split and merged, documents that change,
//! keys and tokens that are looked at. Microsoft's own library reads it as well (tests/judge_of_cosmos.rs).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use herald::clock::Clock;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::Sha256;

use super::stub::{Asked, Said, Stub};

/// The account's key.
pub const KEY: &[u8] = b"the account's own key";

/// The account, with the container `orders` in the database `shop`.
pub struct Account {
    stub: Stub,
    state: Arc<Mutex<State>>,
}

struct State {
    /// The container's own number.
    number: &'static str,
    partitions: Vec<Partition>,
    /// By id: the number that says in which partition it is, when it was last changed, and what it is.
    documents: BTreeMap<String, (String, u64, Value)>,
    changes: u64,
    /// What is answered in place of the next looks at this partition.
    instead: Vec<(String, Said)>,
    tokens: bool,
    /// It does not look which container is meant.
    careless: bool,
    /// What is told in place of what.
    garbled: Vec<(String, String)>,
}

#[derive(Clone)]
struct Partition {
    id: String,
    from: &'static str,
    until: &'static str,
    parents: Vec<String>,
}

impl Account {
    /// With one partition, and nothing in it.
    pub async fn start() -> Self {
        Self::letting_in(false).await
    }

    /// The same; it lets in whoever has a token of Entra, and no key.
    pub async fn with_tokens() -> Self {
        Self::letting_in(true).await
    }

    async fn letting_in(tokens: bool) -> Self {
        let state = Arc::new(Mutex::new(State {
            number: "cdbAAA==",
            partitions: vec![partition("0", "", "FF", &[])],
            documents: BTreeMap::new(),
            changes: 0,
            instead: Vec::new(),
            tokens,
            careless: false,
            garbled: Vec::new(),
        }));
        let shared = state.clone();
        let stub = Stub::start(move |asked, _| shared.lock().expect("nobody panicked").answer(asked)).await;
        Self { stub, state }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.stub.url("")
    }

    /// The key, as the portal shows it.
    pub fn key() -> String {
        STANDARD.encode(KEY)
    }

    /// What it was asked for in the container.
    pub fn asked(&self) -> Vec<Asked> {
        self.stub.asked()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }

    /// Makes or changes a document. `number` says to which partition it belongs: `20`, `A0`.
    pub fn write(&self, number: &str, id: &str, more: &Value) {
        self.write_at(Clock::system().now(), number, id, more);
    }

    /// The same, at another time.
    pub fn write_at(&self, at: DateTime<Utc>, number: &str, id: &str, more: &Value) {
        let mut state = self.state();
        state.changes += 1;
        let change = state.changes;
        let mut document = json!({
            "id": id, "_rid": format!("{}{id}", state.number), "_etag": format!("\"etag-{change}\""), "_ts": at.timestamp(),
            "_lsn": change,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            document[key] = value.clone();
        }
        state
            .documents
            .insert(id.to_owned(), (number.to_owned(), change, document));
    }

    /// The partition `id` becomes two.
    pub fn split(&self, id: &str, at: &'static str, into: [&str; 2]) {
        let mut state = self.state();
        let old = state.remove(id);
        let mut parents = old.parents.clone();
        parents.push(old.id);
        let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
        let new = [
            partition(into[0], old.from, at, &parents),
            partition(into[1], at, old.until, &parents),
        ];
        state.partitions.extend(new);
    }

    /// Two partitions that lie side by side become one.
    pub fn merge(&self, ids: [&str; 2], into: &str) {
        let mut state = self.state();
        let [first, second] = ids.map(|id| state.remove(id));
        state.partitions.push(partition(into, first.from, second.until, &ids));
    }

    /// Deletes the container and makes one of the same name.
    pub fn make_anew(&self, number: &'static str) {
        let mut state = self.state();
        state.number = number;
        state.documents.clear();
        state.changes = 0;
    }

    /// From now on it does not look which container is meant.
    pub fn grow_careless(&self) {
        self.state().careless = true;
    }

    /// Takes one thing out of a document as it is told, for another: what JSON can say and we cannot read.
    pub fn garble(&self, from: &str, to: &str) {
        self.state().garbled.push((from.to_owned(), to.to_owned()));
    }

    /// The next look at this partition is answered by this.
    pub fn answer_next(&self, partition: &str, said: Said) {
        self.state().instead.push((partition.to_owned(), said));
    }
}

fn partition(id: &str, from: &'static str, until: &'static str, parents: &[&str]) -> Partition {
    Partition {
        id: id.to_owned(),
        from,
        until,
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
    }
}

fn no(status: u16, code: &str, message: &str) -> Said {
    Said::json(status, &json!({ "code": code, "message": message }))
}

impl State {
    fn remove(&mut self, id: &str) -> Partition {
        let at = self.partitions.iter().position(|partition| partition.id == id);
        self.partitions.remove(at.expect("there is such a partition"))
    }

    fn answer(&mut self, asked: &Asked) -> Said {
        let container = "/dbs/shop/colls/orders";
        let resource = match asked.path.trim_end_matches('/') {
            path if path == container => "colls",
            path if path == format!("{container}/pkranges") => "pkranges",
            path if path == format!("{container}/docs") => "docs",
            _ => return no(404, "NotFound", "Resource Not Found"),
        };
        if asked.method != "GET" {
            return no(405, "MethodNotAllowed", "Only reading is known here");
        }
        if !self.lets_in(asked, resource) {
            let message = "The input authorization token can't serve the request.\r\nActivityId: 0f8fad5b";
            return no(401, "Unauthorized", message);
        }
        match resource {
            "colls" => Said::json(
                200,
                &json!({ "id": "orders", "_rid": self.number, "partitionKey": { "paths": ["/shop"], "kind": "Hash", "version": 2 } }),
            ),
            "pkranges" => self.page_of_partitions(asked),
            _ => self.changes(asked),
        }
    }

    /// As Microsoft documents it: the key signs the verb, what is asked for, where, and when.
    fn lets_in(&self, asked: &Asked, resource: &str) -> bool {
        let header = |name| asked.header(name).unwrap_or_default();
        let sent = percent_decode_str(header("authorization"))
            .decode_utf8_lossy()
            .into_owned();
        if self.tokens {
            return sent.starts_with("type=aad&ver=1.0&sig=") && sent.split('.').count() >= 3;
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(KEY).expect("any length is a key");
        let date = header("x-ms-date").to_lowercase();
        mac.update(format!("get\n{resource}\ndbs/shop/colls/orders\n{date}\n\n").as_bytes());
        sent == format!(
            "type=master&ver=1.0&sig={}",
            STANDARD.encode(mac.finalize().into_bytes())
        )
    }

    /// Two at a time, so that whoever asks has to ask for more.
    fn page_of_partitions(&self, asked: &Asked) -> Said {
        let from: usize = asked
            .header("x-ms-continuation")
            .map_or(0, |from| from.parse().expect("as we said"));
        let all: Vec<Value> = self
            .partitions
            .iter()
            .map(|partition| {
                json!({
                    "id": partition.id, "minInclusive": partition.from, "maxExclusive": partition.until,
                    "parents": partition.parents, "status": "online",
                })
            })
            .collect();
        // The library has its own way to follow them, as a feed.
        let until = if asked.header("a-im").is_some() {
            all.len()
        } else {
            all.len().min(from + 2)
        };
        let said = Said::json(
            200,
            &json!({ "PartitionKeyRanges": all[from..until], "_count": until - from }),
        );
        match until < all.len() {
            true => said.header("x-ms-continuation", until.to_string()),
            false => said,
        }
    }

    fn changes(&mut self, asked: &Asked) -> Said {
        let header = |name| asked.header(name).unwrap_or_default();
        let id = header("x-ms-documentdb-partitionkeyrangeid");
        if let Some(at) = self.instead.iter().position(|(partition, _)| partition == id) {
            return self.instead.remove(at).1;
        }
        let Some(partition) = self.partitions.iter().find(|partition| partition.id == id) else {
            return no(
                410,
                "Gone",
                "The requested resource is no longer available at the server",
            )
            .header("x-ms-substatus", "1002");
        };
        if !header("a-im").eq_ignore_ascii_case("incremental feed") {
            return no(400, "BadRequest", "Only changes are known here");
        }
        let meant = header("x-ms-cosmos-intended-collection-rid");
        if !self.careless && !meant.is_empty() && meant != self.number {
            let said = no(400, "BadRequest", "Collection rid does not match the intended one");
            return said.header("x-ms-substatus", "1024");
        }
        let (mut from, mut until) = (partition.from, partition.until);
        if header("x-ms-read-key-type") == "EffectivePartitionKeyRange" {
            (from, until) = (header("x-ms-start-epk"), header("x-ms-end-epk"));
        }
        let not_before = DateTime::parse_from_rfc2822(header("if-modified-since")).ok();
        let since = match header("if-none-match") {
            "" => 0,
            "*" => self.changes,
            mark => match mark.trim_matches('"').parse() {
                Ok(since) => since,
                Err(_) => return no(400, "BadRequest", "Invalid etag"),
            },
        };
        let inside = |number: &str| from <= number && number < until;
        let mut changed: Vec<&(String, u64, Value)> = self
            .documents
            .values()
            .filter(|(number, change, document)| {
                let at = document["_ts"].as_i64();
                let late = not_before.is_none_or(|not_before| at > Some(not_before.timestamp()));
                inside(number) && *change > since && (since > 0 || late)
            })
            .collect();
        changed.sort_by_key(|(_, change, _)| *change);
        let most: usize = header("x-ms-max-item-count").parse().expect("how many are wanted");
        changed.truncate(most);
        let Some((_, last, _)) = changed.last() else {
            return Said::text(304, "").header("etag", format!("\"{}\"", self.changes));
        };
        let documents: Vec<&Value> = changed.iter().map(|(_, _, document)| document).collect();
        let body = json!({ "_rid": self.number, "_count": documents.len(), "Documents": documents });
        let mut body = body.to_string();
        for (from, to) in &self.garbled {
            body = body.replace(from, to);
        }
        Said::text(200, &body).header("etag", format!("\"{last}\""))
    }
}
