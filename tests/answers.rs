//! What Teams says, envelope by envelope, and what becomes of the message, the recipient and everybody else.
//!
//! `tests/fixtures/answers/answers.jsonl` holds one answer a line as Teams sends it, with what it means.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures::stream::{self, StreamExt};
use herald::audience::{Found, Lookup};
use herald::delivery::{Delivery, State};
use herald::refusal::Why;
use herald::roster::ConversationId;
use herald::sandbox::{Operation, Script};
use herald::teams::answer::{self, Answer};
use regex::Regex;
use serde::Deserialize;
use serde_json::json;

use crate::support::engine::{Engine, Workspace, finance_room};

/// Engines at once.
const AT_ONCE: usize = 4;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    name: String,
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    /// `person`, `group`, `channel`, or `opening` for the chat with somebody who has none yet.
    to: String,
    /// The word of the answer.
    means: String,
    /// `dead` at once, delivered `again` with the second attempt, delivered in the `same` attempt, or it `waits` without
    /// an attempt.
    fate: String,
    /// Why the recipient is in the block report.
    row: Option<Why>,
    /// What else the directory learns: `forgotten`, `rosters in doubt`.
    learns: Option<String>,
    /// How often it is answered.
    #[serde(default = "once")]
    times: u64,
    /// Whether somebody else's message `goes` meanwhile or `waits` as well.
    #[serde(default = "goes")]
    bystander: String,
}

fn once() -> u64 {
    1
}

fn goes() -> String {
    "goes".to_owned()
}

fn recorded() -> Vec<Recorded> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/answers/answers.jsonl");
    let text = std::fs::read_to_string(file).expect("the recorded answers");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|problem| panic!("{problem}: {line}")))
        .collect()
}

#[test]
fn every_recorded_answer_means_what_it_says_and_every_meaning_is_recorded() {
    let now = "2026-03-02T12:00:00Z".parse().expect("an instant");
    let mut met = BTreeSet::new();
    for answer in recorded() {
        let wait = answer
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
        let read = answer::read(
            answer.status,
            wait.map(|(_, value)| value.as_str()),
            answer.body.as_bytes(),
            now,
        );
        assert_eq!(read.word(), answer.means, "{}", answer.name);
        met.insert(answer.means);
    }
    // Without a token Teams is not asked, so it cannot say so.
    let all = Answer::WORDS.into_iter().filter(|word| *word != "no_token");
    assert_eq!(met, all.map(str::to_owned).collect());
}

/// A status, a code and a message.
type Said = (u16, String, String);

/// Of `docs/errors.md`: each kind with what Teams says for it, as status, code and message.
fn documented() -> Vec<(String, Vec<Said>)> {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md"));
    let document = document.expect("the document");
    let (_, section) = document.split_once("## What Teams answers").expect("its section");
    let row = Regex::new(r"(?m)^\| `([a-z_]+)` \|([^|]*)\|([^|]*)\|").expect("a pattern");
    let said = Regex::new(r"\b(\d{3})\b(?: `(\w+)`)?(?: “([^”]+)”)?").expect("a pattern");
    row.captures_iter(section)
        .map(|row| {
            assert!(!row[3].trim().is_empty(), "{} says what Herald does", &row[1]);
            let text =
                |found: Option<regex::Match<'_>>| found.map_or(String::new(), |found| found.as_str().to_owned());
            let all = said
                .captures_iter(&row[2])
                .map(|said| (said[1].parse().expect("a status"), text(said.get(2)), text(said.get(3))))
                .collect();
            (row[1].to_owned(), all)
        })
        .collect()
}

#[test]
fn the_document_of_errors_says_what_the_code_does() {
    let now = "2026-03-02T12:00:00Z".parse().expect("an instant");
    let documented = documented();
    let kinds: Vec<&str> = documented.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, Answer::WORDS, "each kind has its row, in this order");
    let mut codes = BTreeSet::new();
    for (kind, said) in &documented {
        for (status, code, message) in said {
            let body = match code.as_str() {
                "" => String::new(),
                code => json!({"error": {"code": code, "message": message}}).to_string(),
            };
            let read = answer::read(*status, None, body.as_bytes(), now);
            assert_eq!(read.word(), kind, "{status} {code} {message}");
            codes.insert(code.to_lowercase());
        }
    }
    // Whatever was recorded of Teams' words is explained, except one that was made up.
    for recorded in recorded() {
        let body: serde_json::Value = serde_json::from_str(&recorded.body).unwrap_or_default();
        let code = body["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .replace(' ', "")
            .to_lowercase();
        let known = code == "somethingnew" || code == "gone" || codes.contains(&code);
        assert!(known, "{code} of {} is not in docs/errors.md", recorded.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_answer_decides_the_fate_of_its_message_and_of_no_other() {
    stream::iter(recorded()).for_each_concurrent(AT_ONCE, play).await;
}

async fn engine() -> Engine {
    let rule = |target: &str, hook: &str| {
        format!(
            "when: {{ hook: {hook} }}\nnotify: [{{ {target} }}]\ncard: {{ title: \"{{{{event.title}}}}\", text: \"{{{{event.text}}}}\" }}\n"
        )
    };
    let mut workspace = Workspace::new();
    for (name, target) in [
        ("person", "person: Anna Berg"),
        ("group", "group: finance"),
        ("channel", "channel: Platform / Releases"),
        ("opening", "person: Chloé Dubois"),
        ("bystander", "person: Omar Haddad"),
    ] {
        workspace = workspace
            .hook(&format!(
                "{name}: {{ path: {name}, signature: none, anyone_can_post: true }}"
            ))
            .rule(name, &rule(target, name));
    }
    let engine = workspace.file("directory.yaml", &finance_room().await).start().await;
    engine
        .known(&["Anna Berg", "Omar Haddad", "Platform", "Finance room"])
        .await;
    engine
}

async fn sent(engine: &Engine, hook: &str) {
    let text = "a long story ".repeat(1000);
    let (status, answer) = engine
        .post(&format!("/hooks/{hook}"), &json!({"title": hook, "text": text}))
        .await;
    assert_eq!(
        (status, answer["deliveries"].as_array().map(Vec::len)),
        (202, Some(1)),
        "{answer}"
    );
}

fn of<'a>(all: &'a [Delivery], rule: &str) -> Option<&'a Delivery> {
    all.iter().find(|delivery| delivery.rule == rule)
}

async fn play(answer: Recorded) {
    let name = &answer.name;
    let engine = engine().await;
    let place = match answer.to.as_str() {
        "person" => "Anna Berg",
        "group" => "Finance room",
        "channel" => "Platform / Releases",
        _ => "Chloé Dubois",
    };
    let id = engine.teams.conversation_id(place).expect("known");
    let mut script = Script::status(answer.status);
    let kind = answer.headers.get("content-type").map_or("", String::as_str);
    script = script.text_body(kind, &answer.body).times(answer.times);
    for (header, value) in answer.headers.iter().filter(|(header, _)| *header != "content-type") {
        script = script.header(header, value);
    }
    if answer.means == "accepted" {
        script = script.although_done();
    }
    engine.teams.answer_next(match answer.to.as_str() {
        "opening" => script.on(Operation::CreateConversation),
        _ => script.in_conversation(&id),
    });
    sent(&engine, &answer.to).await;

    let (state, attempts) = match answer.fate.as_str() {
        "dead" => (State::Dead, 1),
        "again" => (State::Delivered, 2),
        "same" => (State::Delivered, 1),
        "waits" => (State::Pending, 0),
        other => panic!("{name}: no such fate: {other}"),
    };
    let posts = [Operation::Send, Operation::CreateConversation];
    let posts = posts.map(|operation| engine.teams.count(operation)).iter().sum::<u64>();
    engine
        .until(&format!("{name}: {state:?} after {attempts} attempts"), |all| {
            let met = of(all, &answer.to).is_some_and(|d| d.state == state && d.attempt_count == attempts);
            // One that waits was pending before it was tried as well.
            let calls = [Operation::Send, Operation::CreateConversation].map(|call| engine.teams.count(call));
            met && (state != State::Pending || calls.iter().sum::<u64>() >= posts.max(answer.times))
        })
        .await;

    let directory = engine.server().stores().directory.clone();
    let rows = directory.refusals(None, 10).await.expect("readable");
    assert_eq!(rows.first().map(|row| row.why), answer.row, "{name}: {rows:#?}");
    assert!(
        rows.iter().all(|row| row.missed == 1 && !row.code.is_empty()),
        "{name}: {rows:#?}"
    );
    match answer.learns.as_deref() {
        None => {}
        Some("forgotten") => {
            let found = directory.look_up(&Lookup::Conversation(ConversationId::new(&id))).await;
            assert_eq!(found.expect("readable"), Found::Conversation(None), "{name}");
        }
        Some("rosters in doubt") => {
            let team = engine.teams.conversation_id("Platform").expect("known");
            match directory.look_up(&Lookup::Roster(team)).await.expect("readable") {
                Found::Roster(Some(roster)) => assert!(roster.stale, "{name}"),
                other => panic!("{name}: {other:?}"),
            }
        }
        Some(other) => panic!("{name}: nothing is learnt by {other}"),
    }

    if answer.fate == "waits" {
        // The bystander's tenant is the same one; another is in `standing.rs`. Nobody is tried, and nothing is lost.
        let (_, ready) = engine.get("/readyz").await;
        let teams = ready["teams"].as_array().cloned().unwrap_or_default();
        assert_eq!(teams.len(), 1, "{name}: {ready}");
        assert_eq!(
            teams[0]["tenant_id"].is_null(),
            answer.bystander == "waits",
            "{name}: {ready}"
        );
        assert_eq!(ready["ready"], true, "{name}: events are taken all the same");
        return;
    }
    sent(&engine, "bystander").await;
    let all = engine
        .until(&format!("{name}: the bystander's message arrives"), |all| {
            of(all, "bystander").is_some_and(|d| d.state == State::Delivered)
        })
        .await;
    assert_eq!(of(&all, "bystander").map(|d| d.attempt_count), Some(1), "{name}");
}
