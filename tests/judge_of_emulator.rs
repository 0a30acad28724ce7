//! Microsoft's own emulator of Teams (Agents Playground) in the place of Teams: Herald takes its activities and posts
//! through its connector. See `tests/judges/playground/`.
//!
//! The emulator gives its calls no tokens that anybody could verify here, so what it tells is signed on the way as Teams
//! signs, unchanged otherwise.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use herald::delivery::State;
use herald::roster::ConversationKind;
use herald::store::directory::Entry;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::engine::{Engine, PATIENCE, Workspace};
use crate::support::stub::{Said, Stub};

const SKIP: &str =
    "run `npm ci --prefix tests/judges/playground --ignore-scripts`, or set HERALD_SKIP_JUDGES=1 to go without";
const TEAM: &str = "19:platform@thread.tacv2";
const CHAT: &str = "19:finance@thread.v2";
const PEOPLE: [&str; 6] = [
    "Anna Berg",
    "Omar Haddad",
    "Mona Lund",
    "Yuki Sato",
    "Ines Costa",
    "Lee Gu",
];

/// A person as the emulator's configuration has them.
fn person(number: usize) -> Value {
    let name = PEOPLE[number];
    let (given, surname) = name.split_once(' ').expect("two names");
    let address = format!("{}@contoso.example", name.to_lowercase().replace(' ', "."));
    json!({
        "id": format!("29:user-{number}"), "name": name, "userPrincipleName": address, "email": address,
        "aadObjectId": format!("11111111-0000-4000-8000-00000000000{number}"), "givenName": given, "surname": surname,
    })
}

/// The emulator, running until this is dropped.
struct Emulator {
    child: Child,
    url: String,
    http: reqwest::Client,
    /// Where it believes the bot to be.
    bot: Stub,
    handed_over: usize,
    _folder: tempfile::TempDir,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Emulator {
    async fn start(tenant: &str, app_id: &str) -> Self {
        let configuration = json!({
            "version": "0.1.1", "tenantId": tenant, "bot": { "id": format!("28:{app_id}"), "name": "Herald" },
            "currentUser": person(0), "users": (1..6).map(person).collect::<Vec<_>>(),
            "personalChat": { "id": "a:personal" }, "groupChat": { "id": CHAT, "name": "Finance" },
            "team": {
                "id": TEAM, "name": "Platform", "aadGroupId": "22222222-0000-4000-8000-000000000001",
                "channels": [{ "id": "19:releases@thread.tacv2", "name": "Releases" }],
            },
        });
        let folder = tempfile::tempdir().expect("a folder");
        // What is JSON is YAML.
        let path = folder.path().join(".m365agentsplayground.yml");
        fs::write(path, configuration.to_string()).expect("written");
        let bot = Stub::start(|_, _| Said::text(200, "")).await;
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/playground");
        let url = format!("http://127.0.0.1:{port}");
        let child = Command::new("node")
            .arg(home.join("node_modules/@microsoft/m365agentsplayground/cli.js"))
            .args(["start", "--dt", "-c", "msteams", "-p", &port.to_string()])
            .args(["-e", &bot.url("/api/messages"), "--su", &format!("{url}/_connector")])
            .env(
                "NODE_OPTIONS",
                format!("--require {}", home.join("loopback.cjs").display()),
            )
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|problem| panic!("node: {problem}; {SKIP}"));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut emulator = Self {
            child,
            url,
            http,
            bot,
            handed_over: 0,
            _folder: folder,
        };
        let ends = Instant::now() + PATIENCE;
        while emulator.members("a:personal").await.is_none() {
            let over = emulator.child.try_wait().expect("it can be asked");
            assert!(
                over.is_none() && Instant::now() < ends,
                "the emulator does not start ({over:?}); {SKIP}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        emulator
    }

    async fn members(&self, conversation: &str) -> Option<Value> {
        let url = format!("{}/_connector/v3/conversations/{conversation}/members", self.url);
        self.http.get(url).send().await.ok()?.json().await.ok()
    }

    /// Has the bot installed, as its page does.
    async fn install(&mut self, conversation: &str, engine: &Engine) {
        let url = format!("{}/_debug/conversation/{conversation}/installation", self.url);
        let answer = self.http.post(url).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        self.hand_over(2, engine).await;
    }

    /// Has something happen, as the menu of its page does; `change` puts right what its page leaves to whoever uses it.
    async fn happens(&mut self, conversation: &str, kind: &str, change: impl FnOnce(&mut Value), engine: &Engine) {
        let url = format!(
            "{}/_internal/v1/customActivities/template?conversationId={conversation}&type={kind}",
            self.url
        );
        let mut activity: Value = self
            .http
            .get(url)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        assert!(activity["type"].is_string(), "{activity}");
        change(&mut activity);
        let url = format!("{}/_internal/v1/customActivities", self.url);
        let answer = self.http.post(url).json(&activity).send().await.expect("an answer");
        assert!(
            answer.status().is_success(),
            "{}: {}",
            answer.status(),
            answer.text().await.expect("a text")
        );
        self.hand_over(1, engine).await;
    }

    /// Signs what it told the bot, and passes it on.
    async fn hand_over(&mut self, expected: usize, engine: &Engine) {
        let ends = Instant::now() + PATIENCE;
        while self.bot.asked().len() < self.handed_over + expected {
            assert!(Instant::now() < ends, "the emulator tells nothing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for told in self.bot.asked().iter().skip(self.handed_over) {
            let answer = engine.teams.deliver(&told.json()).await.expect("an answer");
            assert_eq!(answer.status, 200, "{} to {}", answer.body, told.body);
            self.handed_over += 1;
        }
    }
}

async fn entries(engine: &Engine) -> Vec<Entry> {
    let directory = engine.server().stores().directory.clone();
    let all = directory.list(None, 1000).await.expect("readable");
    all.into_iter().map(|(_, entry)| entry).collect()
}

/// The team as Herald knows it.
async fn team(engine: &Engine) -> (Option<String>, Vec<Option<String>>) {
    let found = entries(engine).await.into_iter().find_map(|entry| match entry {
        Entry::Team(team) => Some(team),
        _ => None,
    });
    let team = found.expect("it is installed there");
    let here = team.channels.into_iter().filter(|channel| !channel.deleted);
    (team.name, here.map(|channel| channel.name).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn herald_lives_with_microsofts_emulator_as_with_teams() {
    if std::env::var_os("HERALD_SKIP_JUDGES").is_some_and(|skip| skip == "1") {
        eprintln!("HERALD_SKIP_JUDGES=1: Microsoft's emulator was not asked");
        return;
    }
    let notify = "  - person: Anna Berg\n  - channel: Platform / Releases\n    thread: \"{{event.about}}\"\n  - group: Finance\n  - \
                  members_of: Platform\n";
    let rule = format!(
        "when: {{ hook: ci }}\nnotify:\n{notify}card: {{ title: \"{{{{event.text}}}}\", facts: {{ Who: \"{{{{recipient.name}}}}\" }} }}\n"
    );
    let engine = Workspace::new()
        .rule("news", &rule)
        .rule(
            "welcome",
            "when: { installed: [person, group, team] }\nnotify: [here: true]\ncard: { message: hello }\n",
        )
        .start()
        .await;
    let mut emulator = Emulator::start(engine.teams.tenant(), engine.teams.app_id()).await;

    // What its page tells of: installed everywhere, each with the events that Teams sends along.
    for place in ["a:personal", CHAT, TEAM] {
        emulator.install(place, &engine).await;
    }
    let welcomed = engine
        .until("the bot says hello in three places", |all| {
            all.len() == 3 && all.iter().all(|delivery| delivery.state == State::Delivered)
        })
        .await;
    assert!(
        welcomed.iter().all(|delivery| delivery.activity_id.is_some()),
        "{welcomed:#?}"
    );
    engine.acquainted().await;
    let known = entries(&engine).await;
    let chats = |kind: ConversationKind| {
        let is = move |entry: &&Entry| matches!(entry, Entry::Conversation(chat) if chat.kind == kind);
        known.iter().filter(is).count()
    };
    assert_eq!(
        [chats(ConversationKind::Personal), chats(ConversationKind::GroupChat)],
        [1, 1]
    );
    let people = |entry: &&Entry| matches!(entry, Entry::Person(person) if person.email.is_some());
    assert_eq!(known.iter().filter(people).count(), PEOPLE.len(), "{known:#?}");
    let releases = || Some("Releases".to_owned());
    assert_eq!(
        team(&engine).await,
        (Some("Platform".to_owned()), vec![None, releases()])
    );

    // Everybody is told, those whom nobody has met in chats that are opened; the second card answers in the first one's
    // thread.
    for text in ["first", "second"] {
        let (status, answer) = engine
            .post("/hooks/ci", &json!({ "text": text, "about": "deploy 7" }))
            .await;
        assert_eq!(status, 202, "{answer}");
        engine
            .until("everything is delivered", |all| {
                all.iter().all(|delivery| delivery.state == State::Delivered)
            })
            .await;
    }
    let all = engine.deliveries().await;
    assert_eq!(all.len(), 3 + 2 * (2 + PEOPLE.len()), "{all:#?}");
    assert!(all.iter().all(|delivery| delivery.attempt_count == 1), "{all:#?}");
    let in_channel: Vec<_> = all
        .iter()
        .filter(|delivery| delivery.rule == "news" && delivery.recipient.name.contains("Releases"))
        .collect();
    let roots: Vec<_> = in_channel.iter().map(|delivery| delivery.thread_root.clone()).collect();
    assert!(roots[0].is_some() && roots[0] == roots[1], "{in_channel:#?}");

    // A message is put right in place.
    let to_anna = all
        .iter()
        .find(|delivery| delivery.rule == "news" && delivery.recipient.name == "Anna Berg")
        .expect("Anna is told");
    let path = format!("/admin/v1/deliveries/{}/update", to_anna.id);
    let (status, answer) = engine.post(&path, &json!({ "text": "put right" })).await;
    assert_eq!(status, 200, "{answer}");
    let settled = engine
        .until("it is put right", |all| {
            all.iter()
                .any(|delivery| delivery.id == to_anna.id && delivery.attempt_count == 2 && !delivery.state.is_open())
        })
        .await;
    let corrected = settled
        .iter()
        .find(|delivery| delivery.id == to_anna.id)
        .expect("it is there");
    assert_eq!(
        (&corrected.state, &corrected.activity_id, &corrected.reason),
        (&State::Delivered, &to_anna.activity_id, &None)
    );

    // The rest of its menu.
    let name = |name: &'static str| {
        move |activity: &mut Value| {
            activity["channelData"]["channel"] = json!({ "id": "19:new@thread.tacv2", "name": name });
        }
    };
    emulator.happens(TEAM, "channelCreated", name("News"), &engine).await;
    assert_eq!(team(&engine).await.1, [None, releases(), Some("News".to_owned())]);
    emulator
        .happens(TEAM, "channelRenamed", name("Old news"), &engine)
        .await;
    assert_eq!(team(&engine).await.1, [None, releases(), Some("Old news".to_owned())]);
    emulator
        .happens(TEAM, "channelDeleted", name("Old news"), &engine)
        .await;
    assert_eq!(team(&engine).await.1, [None, releases()]);
    let renamed = |activity: &mut Value| activity["channelData"]["team"]["name"] = json!("Foundations");
    emulator.happens(TEAM, "teamRenamed", renamed, &engine).await;
    assert_eq!(team(&engine).await.0, Some("Foundations".to_owned()));
    emulator.happens(TEAM, "uninstall", |_| {}, &engine).await;
    let gone = entries(&engine)
        .await
        .into_iter()
        .all(|entry| !matches!(entry, Entry::Team(_)));
    assert!(gone, "the bot was removed from the team");
}
