//! What Herald sends is what Microsoft's own library sends for the same: method, path and body, field by field.

use std::path::Path;
use std::process::Command;

use herald::card::{Card, Content, Importance};
use herald::clock::Clock;
use herald::teams::cloud::Cloud;
use herald::teams::connector::Connector;
use herald::teams::endpoints::{Endpoints, Overrides};
use herald::teams::wire::{Patience, Wire};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::support::stub::{Asked, Said, Stub};

const SKIP: &str =
    "run `npm ci --prefix tests/judges/bots --ignore-scripts`, or set HERALD_SKIP_JUDGES=1 to go without";
const BOT: &str = "b07b07b0-1111-4222-8333-444455556666";
const TENANT: &str = "7e4a4700-aaaa-4bbb-8ccc-ddddeeee0001";
const CHAT: &str = "a:1kT9uR3xWmZ7bQ2nV5cL8pJ4sD6gH0yF";
const CHANNEL: &str = "19:Alerts3kP5wN8yVbM2rX6tC9zL4h@thread.tacv2";
const ROOT: &str = "1772440000001";
const MESSAGE: &str = "1772440000002";
const MEMBER: &str = "29:1pQ8vZr0sXkT7nJd4mHc2bYwLg9uFaE5oRiK3tMzV6xBqNyS";

/// A card with everything that a message can say: a mention with an escaped name, width, summary, importance, alert.
fn card() -> Card {
    let name = "Mona Berg &amp; Söhne";
    let text = format!("<at>{name}</at>");
    let mut card = Card::new(
        Content::Adaptive(json!({
            "type": "AdaptiveCard", "version": "1.5",
            "body": [{ "type": "TextBlock", "text": format!("Deploy 4711 failed, {text} 🟢"), "wrap": true }],
            "msteams": {
                "width": "Full",
                "entities": [{ "type": "mention", "text": text, "mentioned": { "id": MEMBER, "name": name } }],
            },
        })),
        "Deploy 4711 failed".to_owned(),
    );
    card.importance = Some(Importance::High);
    card.alert = true;
    card
}

async fn recorder() -> Stub {
    Stub::start(|asked, _| match asked.method.as_str() {
        "DELETE" => Said::text(200, ""),
        "GET" => Said::json(200, &json!({ "members": [] })),
        "PUT" => Said::json(200, &json!({ "id": MESSAGE })),
        _ => Said::json(201, &json!({ "id": "1772440000003" })),
    })
    .await
}

/// What was asked, as far as the two must agree. How an id is escaped is everybody's own business, as long as it is one
/// segment of the path.
fn told(asked: &Asked) -> Value {
    let path: Vec<_> = asked
        .path
        .split('/')
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let body = match asked.body.as_str() {
        "" => Value::Null,
        _ => asked.json(),
    };
    json!({
        "method": asked.method,
        "path": path,
        "query": asked.query,
        "content_type": asked.header("content-type"),
        "body": body,
    })
}

async fn by_herald() -> Vec<Value> {
    let teams = recorder().await;
    let wire = Wire::new(Patience::default()).expect("a client");
    let endpoints = Endpoints::of(Cloud::Public, None, &Overrides::default()).expect("a cloud");
    let connector = Connector::new(wire, endpoints.trusted, None, Some(BOT), Clock::system());
    let (url, activity) = (teams.url("/"), card().to_activity());
    connector.send(&url, CHAT, &activity).await;
    connector
        .send(&url, &format!("{CHANNEL};messageid={ROOT}"), &activity)
        .await;
    connector.reply(&url, CHAT, MESSAGE, &activity).await;
    connector.update(&url, CHAT, MESSAGE, &activity).await;
    connector.delete(&url, CHAT, MESSAGE).await;
    connector.begin_thread(&url, Some(TENANT), CHANNEL, &activity).await;
    connector.open_personal(&url, TENANT, MEMBER).await.expect("a chat");
    teams.asked().iter().map(told).collect()
}

async fn by_microsoft(script: &'static str) -> Vec<Value> {
    let teams = recorder().await;
    let sample = json!({
        "conversation": CHAT, "channel": CHANNEL, "root": ROOT, "message": MESSAGE, "tenant": TENANT,
        "bot": format!("28:{BOT}"), "member": MEMBER, "activity": card().to_activity(),
    });
    run_judge(script, teams.url(""), sample).await;
    teams.asked().iter().map(told).collect()
}

/// Has Microsoft's library send what `sample` says.
async fn run_judge(script: &'static str, url: String, sample: Value) {
    let judged = tokio::task::spawn_blocking(move || {
        Command::new("node")
            .arg(script)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/bots"))
            .env("JUDGE_URL", url)
            .env("JUDGE_SAMPLE", sample.to_string())
            .output()
    });
    let judged = judged
        .await
        .expect("it runs")
        .unwrap_or_else(|problem| panic!("node: {problem}; {SKIP}"));
    let said = String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success(), "{said}\n{SKIP}");
}

fn is_skipped() -> bool {
    let skipped = std::env::var_os("HERALD_SKIP_JUDGES").is_some_and(|skip| skip == "1");
    if skipped {
        eprintln!("HERALD_SKIP_JUDGES=1: Microsoft's library was not asked");
    }
    skipped
}

fn compare(ours: &[Value], theirs: &[Value]) {
    assert_eq!(ours.len(), 7, "{ours:#?}");
    assert_eq!(ours.len(), theirs.len(), "{theirs:#?}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(
            ours, theirs,
            "Herald's call stands on the left, Microsoft's on the right"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_the_one_that_microsofts_library_makes() {
    if is_skipped() {
        return;
    }
    compare(&by_herald().await, &by_microsoft("outgoing.mjs").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_the_one_that_microsofts_agents_sdk_makes_but_for_three_differences() {
    if is_skipped() {
        return;
    }
    let mut theirs = by_microsoft("agents.mjs").await;
    let mut differences = Vec::new();
    for call in &mut theirs {
        // Where a conversation is created, the bot is called `agent`. Teams' reference and the other library say `bot`.
        if let Some(body) = call["body"].as_object_mut()
            && let Some(agent) = body.shift_remove("agent")
        {
            body.insert("bot".to_owned(), agent);
            differences.push("agent");
        }
        // It leaves out that JSON is UTF-8, and tells the type of a body that is not there.
        if call["content_type"] == "application/json" {
            let nothing = call["method"] == "DELETE";
            differences.push(if nothing { "type of nothing" } else { "no charset" });
            call["content_type"] = match nothing {
                true => Value::Null,
                false => json!("application/json; charset=utf-8"),
            };
        }
    }
    compare(&by_herald().await, &theirs);
    let times = |one: &str| differences.iter().filter(|other| **other == one).count();
    assert_eq!(
        ["agent", "no charset", "type of nothing"].map(times),
        [2, 6, 1],
        "no difference is listed in vain"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_the_one_that_microsofts_teams_sdk_makes_but_for_two_differences() {
    if is_skipped() {
        return;
    }
    let mut theirs = by_microsoft("teams.mjs").await;
    let members = theirs.split_off(7);
    let mut differences = Vec::new();
    for (index, call) in theirs.iter_mut().enumerate() {
        // It leaves out that JSON is UTF-8.
        if call["content_type"] == "application/json" {
            differences.push("no charset");
            call["content_type"] = json!("application/json; charset=utf-8");
        }
        // It posts a reply into the conversation and names the message in the body alone; Teams' reference has it in the
        // path as well, and so have Microsoft's other libraries.
        if index == 2
            && let Some(path) = call["path"].as_array_mut()
            && path.len() == 5
        {
            path.push(json!(MESSAGE));
            differences.push("reply");
        }
    }
    compare(&by_herald().await, &theirs);
    let times = |one: &str| differences.iter().filter(|other| **other == one).count();
    assert_eq!(
        ["no charset", "reply"].map(times),
        [6, 1],
        "no difference is listed in vain"
    );

    let teams = Stub::start(|asked, _| {
        let more = (!asked.query.contains("continuationToken")).then_some("next");
        Said::json(200, &json!({ "members": [], "continuationToken": more }))
    })
    .await;
    let wire = Wire::new(Patience::default()).expect("a client");
    let endpoints = Endpoints::of(Cloud::Public, None, &Overrides::default()).expect("a cloud");
    let connector = Connector::new(wire, endpoints.trusted, None, Some(BOT), Clock::system());
    let listed = connector.members(&teams.url("/"), TENANT, CHANNEL, || async {}).await;
    assert_eq!(listed.expect("a list"), []);
    let ours: Vec<Value> = teams.asked().iter().map(told).collect();
    assert_eq!((ours.len(), members.len()), (2, 2));
    for (ours, theirs) in ours.into_iter().zip(members) {
        // The names in a path are the same to Teams in capitals or not; the reference writes `pagedmembers`.
        let lower = |mut call: Value| {
            if let Some(last) = call["path"].as_array_mut().and_then(|path| path.last_mut()) {
                *last = json!(last.as_str().unwrap_or_default().to_lowercase());
            }
            call
        };
        assert_eq!(
            lower(ours),
            lower(theirs),
            "Herald's call stands on the left, Microsoft's on the right"
        );
    }
}

/// The operation that the recorder names.
const OPERATION: &str = "6c1f2b44-8d3a-4e5f-9b60-7a8c9d0e1f22";

async fn recorder_of_batches() -> Stub {
    Stub::start(
        |asked, _| match (asked.method.as_str(), asked.path.contains("failedentries")) {
            ("POST", _) => Said::json(201, &json!({ "operationId": OPERATION })),
            ("GET", true) => Said::json(
                200,
                &json!({ "failedEntries": [{ "id": MEMBER, "error": "Forbidden" }] }),
            ),
            ("GET", false) => Said::json(
                200,
                &json!({ "state": "Completed", "statusMap": { "201": 1, "403": 1 }, "totalEntriesCount": 2 }),
            ),
            _ => Said::text(200, ""),
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_and_all_that_follows_it_is_asked_for_as_microsofts_library_does() {
    if is_skipped() {
        return;
    }
    let members = [MEMBER, "c7b0c7de-3a63-4f0b-8f0e-6d2f4b1a9e02"];
    let activity = Card::new(
        Content::Text("Maintenance at 18:00 🟢".to_owned()),
        "Maintenance".to_owned(),
    )
    .to_activity();

    let ours = recorder_of_batches().await;
    let wire = Wire::new(Patience::default()).expect("a client");
    let endpoints = Endpoints::of(Cloud::Public, None, &Overrides::default()).expect("a cloud");
    let connector = Connector::new(wire, endpoints.trusted, None, Some(BOT), Clock::system());
    let url = ours.url("/");
    let (sent, operation) = connector.begin_batch(&url, TENANT, &members, &activity).await;
    assert_eq!((sent.status, operation.as_deref()), (Some(201), Some(OPERATION)));
    let standing = connector.batch_standing(&url, OPERATION).await.expect("a standing");
    assert_eq!(standing.failed, Some(1));
    let failures = connector.batch_failures(&url, OPERATION, None).await.expect("a page");
    assert_eq!(failures.entries.len(), 1);
    connector.cancel_batch(&url, OPERATION).await;

    let theirs = recorder_of_batches().await;
    let members: Vec<Value> = members.iter().map(|id| json!({ "id": id })).collect();
    let sample = json!({ "tenant": TENANT, "members": members, "activity": activity });
    run_judge("batches.mjs", theirs.url(""), sample).await;

    let (mut ours, theirs): (Vec<_>, Vec<_>) = (
        ours.asked().iter().map(told).collect(),
        theirs.asked().iter().map(told).collect(),
    );
    // The library forgets of the message of a batch everything but its text and type, cards too. A method of Teams that
    // takes an activity takes all of it.
    let theirs_of_activity = theirs[0]["body"]["activity"].as_object().expect("an activity");
    assert_eq!(
        theirs_of_activity.keys().collect::<Vec<_>>(),
        ["text", "type"],
        "{theirs:#?}"
    );
    let activity = ours[0]["body"]["activity"].as_object_mut().expect("an activity");
    activity.retain(|key, _| theirs_of_activity.contains_key(key));
    assert_eq!(ours.len(), 4);
    assert_eq!(
        ours, theirs,
        "Herald's calls stand on the left, Microsoft's on the right"
    );
}
