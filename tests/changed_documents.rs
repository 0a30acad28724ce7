//! Documents that are made and changed in a container of Cosmos DB are events: none is lost, none is told twice, whatever
//! becomes of its partitions.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use chrono::TimeDelta;
use herald::clock::Clock;
use serde_json::{Value, json};

use crate::support::cli::{Said as Printed, command, said};
use crate::support::cosmos::Account;
use crate::support::engine::{Engine, PATIENCE, Workspace, texts};
use crate::support::stub::{Asked, Said};

const RULE: &str = r#"
when: { queue: orders }
if: { event.total: { more_than: 10 } }
notify: [{ person: Anna Berg }]
card:
  title: "Order {{event.id}} {{event.state}}"
  text: "{{request.key}} in {{request.container}}, {{request.written_at}}"
"#;

const WITH_KEY: &str = "secret: ORDERS_KEY, start: oldest";

async fn engine(account: &str, more: &str) -> Engine {
    let engine = Workspace::new()
        .settings(&format!(
            "queues: {{ orders: {{ kind: cosmos_db, account: \"{account}\", database: shop, container: orders, every: 1 second, {more} }} }}\n"
        ))
        .secret("ORDERS_KEY", &Account::key())
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    // Nothing is read before somebody waits for it.
    engine.write("rules/orders.yaml", RULE);
    engine
}

async fn told(engine: &Engine, count: usize) -> Vec<String> {
    let sent = engine.messages(count as u64).await;
    sent.iter().map(|received| texts(&received.activity)).collect()
}

fn count(told: &[String], words: &str) -> usize {
    told.iter().filter(|text| text.contains(words)).count()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let ends = tokio::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < ends, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_documents_are_events_and_a_restart_neither_loses_nor_repeats_one() {
    let account = Account::start().await;
    account.write("20", "A-1", &json!({"total": 40, "state": "new"}));
    account.write("A0", "A-2", &json!({"total": 5, "state": "new"}));
    let mut engine = engine(&account.url(), WITH_KEY).await;
    let all = told(&engine, 1).await;
    assert_eq!(count(&all, "Order A-1 new"), 1, "{all:?}");
    assert!(all[0].contains("A-1 in orders, 20"), "{all:?}");

    engine.settled().await;
    engine.stop().await;
    account.write("20", "A-1", &json!({"total": 40, "state": "paid"}));
    account.write("30", "A-3", &json!({"total": 41, "state": "new"}));
    engine.start_server().await;
    let all = told(&engine, 3).await;
    for words in ["A-1 new", "A-1 paid", "A-3 new"] {
        assert_eq!(count(&all, words), 1, "{words}: {all:?}");
    }
    // Once more over a restart without anything new: what was told stays told.
    engine.settled().await;
    engine.restart().await;
    account.write("30", "A-4", &json!({"total": 42, "state": "new"}));
    told(&engine, 4).await;
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_partitions_every_document_is_told_once() {
    let account = Account::start().await;
    let mut number = 0;
    let mut write = |account: &Account| {
        for place in ["10", "50", "90", "D0"] {
            number += 1;
            account.write(place, &format!("S-{number}"), &json!({"total": 99, "state": "new"}));
        }
        number
    };
    write(&account);
    let mut engine = engine(&account.url(), WITH_KEY).await;
    told(&engine, 4).await;
    account.split("0", "80", ["1", "2"]);
    let written = write(&account);
    told(&engine, written).await;
    account.split("1", "40", ["3", "4"]);
    let written = write(&account);
    told(&engine, written).await;
    // While nobody looks: a merge, then changes, then another split.
    engine.settled().await;
    engine.stop().await;
    write(&account);
    account.merge(["4", "2"], "5");
    write(&account);
    account.split("5", "C0", ["6", "7"]);
    let written = write(&account);
    engine.start_server().await;
    let all = told(&engine, written).await;
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), written);
    for number in 1..=written {
        assert_eq!(count(&all, &format!("Order S-{number} ")), 1, "S-{number}: {all:?}");
    }
    let parts = account
        .asked()
        .iter()
        .filter(|asked| asked.header("x-ms-start-epk").is_some())
        .count();
    assert!(parts > 0, "what was merged is read in parts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start_begins_with_what_comes_from_then_on_unless_told_otherwise() {
    let account = Account::start().await;
    account.split("0", "80", ["1", "2"]);
    let long_ago = Clock::system().now() - TimeDelta::hours(1);
    account.write_at(long_ago, "20", "OLD", &json!({"total": 40, "state": "new"}));
    // One partition cannot be asked for a while: what is changed in it meanwhile is told all the same.
    for _ in 0..2 {
        account.answer_next(
            "2",
            Said::json(503, &json!({"code": "ServiceUnavailable", "message": "later"})),
        );
    }
    let mut engine = engine(&account.url(), "secret: ORDERS_KEY").await;
    until("it looks", async || looks(&account, "2") > 0).await;
    account.write("20", "NEW", &json!({"total": 40, "state": "new"}));
    account.write("A0", "LATE", &json!({"total": 40, "state": "new"}));
    let all = told(&engine, 2).await;
    assert_eq!((count(&all, "Order NEW"), count(&all, "Order LATE")), (1, 1), "{all:?}");
    let before = looks(&account, "1");
    until("it looks again", async || looks(&account, "1") > before + 1).await;
    assert_eq!(engine.teams.received().len(), 2);

    // Another account of the same names is another queue: it begins anew, and not with all that is in it.
    engine.settled().await;
    let other = Account::start().await;
    other.write_at(long_ago, "20", "OTHER-OLD", &json!({"total": 40, "state": "new"}));
    let settings = std::fs::read_to_string(engine.path("herald.yaml")).expect("readable");
    engine.stop().await;
    engine.write("herald.yaml", &settings.replace(&account.url(), &other.url()));
    engine.start_server().await;
    until("it looks there", async || looks(&other, "0") > 0).await;
    other.write("20", "OTHER-NEW", &json!({"total": 40, "state": "new"}));
    let all = told(&engine, 3).await;
    assert_eq!(count(&all, "OTHER-NEW"), 1, "{all:?}");
}

/// How often was looked at this partition.
fn looks(account: &Account, partition: &str) -> usize {
    let asked = account.asked();
    let of_it = |asked: &&Asked| asked.header("x-ms-documentdb-partitionkeyrangeid") == Some(partition);
    asked.iter().filter(of_it).count()
}

async fn metric(engine: &Engine, line: &str) {
    until(line, async || {
        let (_, metrics) = engine.get("/metrics").await;
        metrics.as_str().unwrap_or_default().lines().any(|found| found == line)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_cannot_be_an_event_is_passed_over_and_those_around_it_are_told() {
    let account = Account::start().await;
    for id in ["G-1", "G-2", "G-3", "G-4"] {
        account.write(
            "20",
            id,
            &json!({"total": 40, "state": "new", "note": format!("note of {id}")}),
        );
    }
    // Half of a sign, as programs write that cut texts in their midst; and more depth than anybody reads.
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    account.garble("\"note of G-2\"", "\"\\ud83d\"");
    account.garble("\"note of G-3\"", &deep);
    let engine = engine(&account.url(), WITH_KEY).await;
    let all = told(&engine, 2).await;
    assert_eq!((count(&all, "Order G-1"), count(&all, "Order G-4")), (1, 1), "{all:?}");
    metric(&engine, "herald_queue_messages_broken_total 2").await;
    metric(&engine, "herald_queue_troubles_total 0").await;
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_page_is_read_at_once_and_in_order() {
    let account = Account::start().await;
    for number in 0..250 {
        let total = if number % 50 == 0 { 11 } else { 1 };
        account.write(
            "20",
            &format!("P-{number:03}"),
            &json!({"total": total, "state": "new"}),
        );
    }
    let engine = engine(&account.url(), WITH_KEY).await;
    let all = told(&engine, 5).await;
    let expected = ["P-000", "P-050", "P-100", "P-150", "P-200"];
    for (text, id) in all.iter().zip(expected) {
        assert!(text.contains(id), "{id}: {all:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_busy_broken_or_gone_stops_nothing_else_and_is_asked_again() {
    let account = Account::start().await;
    account.split("0", "80", ["1", "2"]);
    let busy = Said::json(429, &json!({"code": "429", "message": "Request rate is large"}));
    account.answer_next("1", busy.header("x-ms-retry-after-ms", "200"));
    account.answer_next(
        "1",
        Said::json(
            503,
            &json!({"code": "ServiceUnavailable", "message": "Service is currently unavailable"}),
        ),
    );
    account.answer_next("1", Said::text(200, "<html>a proxy says hello</html>"));
    account.write("20", "B-1", &json!({"total": 40, "state": "new"}));
    account.write("A0", "B-2", &json!({"total": 40, "state": "new"}));
    let engine = engine(&account.url(), WITH_KEY).await;
    // The other partition does not wait for the first one.
    let first = told(&engine, 1).await;
    assert!(first[0].contains("B-2"), "{first:?}");
    let all = told(&engine, 2).await;
    assert_eq!((count(&all, "B-1"), count(&all, "B-2")), (1, 1), "{all:?}");
    metric(&engine, "herald_queue_troubles_total 3").await;

    // A container that was made anew has nothing of the old one: all that is in it is told, whether or not the account
    // looks which one is meant.
    engine.settled().await;
    for (round, id) in ["C-1", "C-2"].into_iter().enumerate() {
        let number = ["cdbBBB==", "cdbCCC=="][round];
        account.make_anew(number);
        account.write("20", "K-1", &json!({"total": 1, "state": "new"}));
        account.write("20", "K-2", &json!({"total": 1, "state": "new"}));
        account.write("20", "K-3", &json!({"total": 1, "state": "new"}));
        account.write("20", id, &json!({"total": 40, "state": "new"}));
        for number in 0..=round {
            // More than there was in the old one: only that shows it to an account that does not look.
            account.write("20", &format!("L-{number}"), &json!({"total": 1, "state": "new"}));
        }
        let all = told(&engine, 3 + round).await;
        assert_eq!(count(&all, id), 1, "{all:?}");
        metric(&engine, &format!("herald_queue_messages_broken_total {}", round + 1)).await;
        account.grow_careless();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_the_bot_asks_by_its_own_token() {
    let account = Account::with_tokens().await;
    account.write("20", "T-1", &json!({"total": 40, "state": "new"}));
    let engine = engine(&account.url(), "start: oldest").await;
    let all = told(&engine, 1).await;
    assert_eq!(count(&all, "T-1"), 1, "{all:?}");
}

/// Runs `herald doctor` over a workspace with this queue.
async fn doctor(account: &str, key: &str) -> Printed {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = format!(
        "queues: {{ orders: {{ kind: cosmos_db, account: \"{account}\", database: shop, container: orders, secret: ORDERS_KEY }} }}\n"
    );
    std::fs::write(folder.path().join("herald.yaml"), settings).expect("written");
    let environment = BTreeMap::from([("ORDERS_KEY".to_owned(), key.to_owned())]);
    let mut doctor = command(folder.path(), &["doctor"], &environment);
    let ended = tokio::task::spawn_blocking(move || doctor.output())
        .await
        .expect("it ends");
    said(ended.expect("the binary runs"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_says_whether_the_account_lets_us_in_and_knows_the_container() {
    let account = Account::start().await;
    account.split("0", "80", ["1", "2"]);
    account.split("1", "40", ["3", "4"]);
    let good = doctor(&account.url(), &Account::key()).await;
    assert!(
        good.out
            .contains("container orders of database shop at 127.0.0.1 has 3 partitions"),
        "{}",
        good.out
    );
    let wrong = doctor(&account.url(), "b3RoZXI=").await;
    assert!(
        wrong
            .out
            .contains("does not let us in: 401 Unauthorized: The input authorization token can't serve the request."),
        "{}",
        wrong.out
    );
    assert!(!wrong.out.contains("b3RoZXI"), "{}", wrong.out);
    let none = doctor(&account.url(), "AccountEndpoint=https://contoso;AccountKey=s3cr3t;").await;
    assert!(none.out.contains("the secret is no key of an account"), "{}", none.out);
    assert!(!none.out.contains("s3cr3t"), "{}", none.out);
}

/// An account that others wrote, in a process of its own.
struct Foreign {
    node: Child,
    lines: Lines<BufReader<ChildStdout>>,
    documents: Option<ChildStdin>,
}

impl Foreign {
    fn start() -> (Self, String) {
        let mut node = Command::new("node")
            .arg("server.mjs")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/cosmos"))
            .env("JUDGE_KEY", Account::key())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let mut lines = BufReader::new(node.stdout.take().expect("piped")).lines();
        let address = lines
            .next()
            .and_then(Result::ok)
            .expect("npm ci --prefix tests/judges/cosmos (or ./test), or set HERALD_SKIP_JUDGES=1 to go without");
        let documents = node.stdin.take();
        (Self { node, lines, documents }, address)
    }

    fn write(&mut self, document: &Value) {
        writeln!(self.documents.as_mut().expect("it is open"), "{document}").expect("it reads");
        self.lines.next().expect("it answers").expect("a line");
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_others_wrote_is_read_as_well() {
    if std::env::var_os("HERALD_SKIP_JUDGES").is_some_and(|skip| skip == "1") {
        eprintln!("HERALD_SKIP_JUDGES=1: the other account was not started");
        return;
    }
    let (mut foreign, address) = tokio::task::spawn_blocking(Foreign::start).await.expect("it starts");
    for number in 1..=7 {
        foreign.write(&json!({"id": format!("F-{number}"), "shop": "berlin", "total": 20, "state": "new"}));
    }
    let mut engine = engine(&address, WITH_KEY).await;
    let all = told(&engine, 7).await;
    for number in 1..=7 {
        assert_eq!(count(&all, &format!("Order F-{number} new")), 1, "{all:?}");
    }
    // It says of every later look that nothing has changed; a restart goes on from there.
    engine.settled().await;
    engine.restart().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(engine.teams.received().len(), 7);
    metric(&engine, "herald_queue_troubles_total 0").await;
}
