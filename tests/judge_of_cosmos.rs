//! Microsoft's own library as the judge: what `@azure/cosmos` asks an account for its changes is what Herald asks, header by
//! header, through a split and a merge; and what the library reads from our account is what Herald reads from it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::TimeDelta;
use herald::clock::Clock;
use herald::cosmos::{Entry, Way};
use herald::queue::container::Container;
use herald::queue::feed::{Begin, Look, Position};
use herald::secret::Secrets;
use herald::secret_name::SecretName;
use herald::teams::cloud::Cloud;
use herald::teams::endpoints::{Endpoints, Overrides};
use herald::teams::token::{Credentials, Tokens};
use herald::teams::wire::{Patience, Wire};
use serde_json::{Value, json};

use crate::support::certificate::Authority;
use crate::support::cosmos::{Account, KEY};
use crate::support::stub::{Asked, Said, Stub};

const SKIP: &str = "npm ci --prefix tests/judges/cosmos (or ./test), or set HERALD_SKIP_JUDGES=1 to go without";

/// What is done between one look and the next.
type Deed = fn(&Account);

/// Documents that come and change while the partitions are split and merged.
const DEEDS: [Deed; 6] = [
    |account| {
        for (place, id) in [("20", "a"), ("A0", "b")] {
            account.write(place, id, &json!({}));
        }
    },
    |account| {
        account.write("20", "a", &json!({"state": "changed"}));
        account.write("D0", "c", &json!({}));
    },
    |account| account.split("0", "80", ["1", "2"]),
    |account| {
        for (place, id) in [("20", "d"), ("A0", "e")] {
            account.write(place, id, &json!({}));
        }
    },
    |account| {
        account.merge(["1", "2"], "3");
        account.write("20", "f", &json!({}));
    },
    |account| {
        for (place, id) in [("20", "g"), ("A0", "h")] {
            account.write(place, id, &json!({}));
        }
    },
];

/// How often is looked after each deed: often enough that nothing is left to read.
const LOOKS: usize = 4;

fn is_skipped() -> bool {
    let skip = std::env::var_os("HERALD_SKIP_JUDGES").is_some_and(|skip| skip == "1");
    if skip {
        eprintln!("HERALD_SKIP_JUDGES=1: Microsoft's library was not asked");
    }
    skip
}

/// Lets the library look, after each deed, and returns the ids that came after each of them, and what was written beside.
async fn library_reads(account: Arc<Account>, start: String, key: Option<String>) -> (Vec<Vec<String>>, String) {
    let reads = move || {
        let authority = Authority::new();
        let mut node = Command::new("node");
        node.arg("changes.mjs")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/cosmos"))
            .env("JUDGE_ENDPOINT", account.url())
            .env("JUDGE_START", start)
            .env("JUDGE_CERTIFICATE", authority.certificate_file())
            .env("JUDGE_CERTIFICATE_KEY", authority.key_file())
            .env("NODE_EXTRA_CA_CERTS", authority.file())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(key) = key {
            node.env("JUDGE_KEY", key);
        }
        let mut node = node.spawn().expect("node runs");
        let mut asks = node.stdin.take().expect("piped");
        let mut lines = BufReader::new(node.stdout.take().expect("piped")).lines();
        let mut look = || -> Vec<String> {
            writeln!(asks, "look").expect("it reads");
            let line = lines
                .next()
                .and_then(Result::ok)
                .unwrap_or_else(|| panic!("no answer; {SKIP}"));
            serde_json::from_str(&line).expect("a list of ids")
        };
        // The first one finds out where the newest is.
        let mut read = vec![look()];
        for deed in DEEDS {
            deed(&account);
            read.push((0..LOOKS).flat_map(|_| look()).collect());
        }
        drop(asks);
        let ended = node.wait_with_output().expect("it ends");
        (read, String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    tokio::task::spawn_blocking(reads).await.expect("it was read")
}

/// The same with Herald's own functions.
async fn herald_reads(account: &Account, begin: Begin, entry: Entry) -> Vec<Vec<String>> {
    let container = Container {
        account: account.url().parse().expect("an address"),
        database: "shop".to_owned(),
        name: "orders".to_owned(),
        key: None,
        every: std::time::Duration::from_secs(1),
    };
    let way = Way::new(
        Wire::new(Patience::default()).expect("a client"),
        Clock::system(),
        container,
        entry,
    );
    let mut position = Position::first(way.find().await.expect("it is there").number, begin);
    let mut read = vec![round(&way, &mut position).await];
    for deed in DEEDS {
        deed(account);
        let mut ids = Vec::new();
        for _ in 0..LOOKS {
            ids.extend(round(&way, &mut position).await);
        }
        read.push(ids);
    }
    read
}

/// One look at every partition, again where one is gone.
async fn round(way: &Way, position: &mut Position) -> Vec<String> {
    let mut ids = Vec::new();
    let partitions = way.partitions().await.expect("partitions");
    let mut looks: Vec<Look> = position.looks(&partitions).expect("the partitions have everything");
    for look in &mut looks {
        let page = way
            .changes(&position.container, position.begin, look)
            .await
            .expect("a page");
        ids.extend(page.documents.iter().map(|document| {
            document.as_ref().expect("readable")["id"]
                .as_str()
                .expect("an id")
                .to_owned()
        }));
        if page.mark.is_some() {
            look.slice.mark = page.mark;
        }
    }
    position.slices = looks.into_iter().map(|look| look.slice).collect();
    ids
}

/// A request for changes as it counts: all that says what is asked.
fn questions(asked: &[Asked]) -> Vec<BTreeMap<String, String>> {
    let telling = [
        "a-im",
        "if-none-match",
        "if-modified-since",
        "x-ms-documentdb-partitionkeyrangeid",
        "x-ms-max-item-count",
        "x-ms-read-key-type",
        "x-ms-start-epk",
        "x-ms-end-epk",
        "x-ms-version",
        "x-ms-cosmos-sdk-supportedcapabilities",
        "accept",
    ];
    asked
        .iter()
        .filter(|asked| asked.path.ends_with("/docs"))
        .map(|asked| {
            let header = |name: &str| Some((name.to_owned(), asked.header(name)?.to_owned()));
            let mut question: BTreeMap<String, String> = telling.into_iter().filter_map(header).collect();
            // The library goes on writing it where it does not count.
            if question.contains_key("if-none-match") {
                question.remove("if-modified-since");
            }
            question.insert("path".to_owned(), asked.path.clone());
            question
        })
        .collect()
}

/// Each kind of question once: the library asks a partition that has nothing new more often than we do.
fn kinds(asked: &[Asked]) -> Vec<BTreeMap<String, String>> {
    let mut kinds = questions(asked);
    kinds.sort();
    kinds.dedup();
    kinds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn herald_asks_for_changes_and_finds_them_as_microsofts_library_does() {
    if is_skipped() {
        return;
    }
    let now = Clock::system().now();
    let since = Begin::Since(now - TimeDelta::seconds(1));
    let written_before = now - TimeDelta::hours(1);
    for (word, begin) in [
        ("oldest".to_owned(), Begin::Oldest),
        ((now - TimeDelta::seconds(1)).to_rfc3339(), since),
    ] {
        let theirs = Arc::new(Account::start().await);
        theirs.write_at(written_before, "20", "old", &json!({}));
        let (read_by_them, beside) = library_reads(theirs.clone(), word.clone(), Some(Account::key())).await;
        let ours = Account::start().await;
        ours.write_at(written_before, "20", "old", &json!({}));
        let read_by_us = herald_reads(&ours, begin, Entry::Key(KEY.to_vec().into())).await;
        let sorted = |read: &[Vec<String>]| -> Vec<Vec<String>> {
            // Between partitions there is no order.
            read.iter()
                .map(|ids| {
                    let mut ids = ids.clone();
                    ids.sort();
                    ids
                })
                .collect()
        };
        assert_eq!(sorted(&read_by_them), sorted(&read_by_us), "{word}: {beside}");
        let (theirs, ours) = (kinds(&theirs.asked()), kinds(&ours.asked()));
        assert!(theirs.len() >= DEEDS.len(), "{theirs:#?}");
        assert_eq!(theirs, ours, "{word}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn herald_shows_a_token_as_microsofts_library_does() {
    if is_skipped() {
        return;
    }
    let theirs = Arc::new(Account::with_tokens().await);
    let (_, beside) = library_reads(theirs.clone(), "oldest".to_owned(), None).await;
    let ours = Account::with_tokens().await;
    let login = Stub::start(|_, _| {
        Said::json(
            200,
            &json!({"token_type": "Bearer", "expires_in": 3600, "access_token": "a.b.c"}),
        )
    })
    .await;
    let overrides = Overrides {
        token: Some(login.url("/TENANT/oauth2/v2.0/token")),
        ..Overrides::default()
    };
    let endpoints = Endpoints::of(Cloud::Public, Some("TENANT"), &overrides).expect("endpoints");
    let secret = SecretName::new("BOT_SECRET").expect("a name");
    let secrets = Secrets::new(None).or_else([(secret.clone(), "s3cr3t".to_owned())]);
    let tokens = Tokens::new(
        Wire::new(Patience::default()).expect("a client"),
        &endpoints,
        Credentials::with_secret("b07b07b0-1111-4222-8333-444455556666", secret),
        Arc::new(secrets),
        Clock::system(),
    );
    herald_reads(&ours, Begin::Oldest, Entry::Bot(Arc::new(tokens), "TENANT".to_owned())).await;
    let shown = |account: &Account| {
        let asked = account.asked();
        let mut shown: Vec<String> = asked
            .iter()
            .filter_map(|asked| asked.header("authorization").map(str::to_owned))
            .collect();
        shown.sort();
        shown.dedup();
        shown
    };
    assert_eq!(shown(&theirs), shown(&ours));
    // It is asked for in the same words, too, but for the account's port.
    let line = beside
        .lines()
        .find(|line| line.contains("scopes"))
        .expect("it asks for a token");
    let asked: Value = serde_json::from_str(line).expect("JSON");
    let wanted = asked["scopes"][0]
        .as_str()
        .expect("a scope")
        .replace(asked["endpoint"].as_str().expect("an address"), &ours.url());
    let form = &login.asked()[0].body;
    let scope = url::form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "scope");
    assert_eq!(scope.expect("a scope").1, wanted);
}
