//! A whole Herald in this process, talking HTTP to Teams in a box: the language of the behaviour tests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use herald::clock::{Clock, Hand};
use herald::delivery::{Delivery, State};
use herald::live;
use herald::roster::Conversation;
use herald::sandbox::{Options, Received, Sandbox};
use herald::secret::Secrets;
use herald::secret_name::SecretName;
use herald::serve::{Server, Start};
use herald::store::directory::Entry;
use herald::store::outbox::Filter;
use serde_json::Value;

use super::cli::{Said, command, said};

/// How long anything is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A workspace being written, before it is started.
pub struct Workspace {
    folder: tempfile::TempDir,
    settings: String,
    hooks: String,
    secrets: BTreeMap<String, String>,
    options: Options,
    clock: Option<DateTime<Utc>>,
}

/// A running engine with its Teams.
pub struct Engine {
    pub teams: Sandbox,
    pub server: Option<Server>,
    pub folder: tempfile::TempDir,
    pub hand: Option<Hand>,
    clock: Clock,
    secrets: BTreeMap<String, String>,
    http: reqwest::Client,
}

impl Workspace {
    /// An empty workspace with one open hook, `ci`.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            settings: String::new(),
            hooks: "  ci: { path: ci, signature: none, anyone_can_post: true }\n".to_owned(),
            secrets: BTreeMap::new(),
            options: Options::default(),
            clock: None,
        }
    }

    /// Writes a file of the workspace.
    pub fn file(self, path: &str, text: &str) -> Self {
        write(self.folder.path(), path, text);
        self
    }

    /// Writes `rules/NAME.yaml`.
    pub fn rule(self, name: &str, text: &str) -> Self {
        self.file(&format!("rules/{name}.yaml"), text)
    }

    /// Declares a hook: one line of `hooks:`.
    pub fn hook(mut self, line: &str) -> Self {
        self.hooks.push_str(&format!("  {line}\n"));
        self
    }

    /// Adds to `herald.yaml`.
    pub fn settings(mut self, text: &str) -> Self {
        self.settings.push_str(text);
        self
    }

    /// Sets a secret.
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The clock stands at this instant until the test turns it.
    pub fn clock_at(mut self, instant: &str) -> Self {
        self.clock = Some(instant.parse().expect("an instant"));
        self
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts Teams and Herald.
    pub async fn start(self) -> Engine {
        self.start_with(|_| {}).await
    }

    /// Starts Teams, lets the test prepare it, then starts Herald.
    pub async fn start_with(self, prepare: impl FnOnce(&Sandbox)) -> Engine {
        // What the engine logs is shown with a failing test; a second test finds the log started already.
        let _ = tracing_subscriber::fmt()
            .with_test_writer()
            .with_env_filter("info,sled=warn")
            .try_init();
        let (clock, hand) = match self.clock {
            Some(start) => {
                let (clock, hand) = Clock::manual(start);
                (clock, Some(hand))
            }
            None => (Clock::system(), None),
        };
        let options = Options {
            clock: clock.clone(),
            ..self.options
        };
        let teams = Sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), options)
            .await
            .expect("Teams starts");
        prepare(&teams);
        let mut secrets = self.secrets;
        secrets.insert("HERALD_BOT_SECRET".to_owned(), teams.secret().to_owned());
        let settings = format!(
            "server: {{ listen: \"127.0.0.1:0\" }}\nbot:\n  app_id: {}\n  tenant: {}\n  endpoints:\n    token: {}\n    \
             openid: {}\n    graph: {}\n    service_url: {}\n    gcc_service_url: {}\n    trusted_hosts: [\"127.0.0.1\"]\n{}hooks:\n{}",
            teams.app_id(),
            teams.tenant(),
            teams.token_url(),
            teams.openid_url(),
            teams.graph_url(),
            teams.service_url(),
            teams.gcc_service_url(),
            self.settings,
            self.hooks
        );
        write(self.folder.path(), "herald.yaml", &calm(&settings));
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        let mut engine = Engine {
            teams,
            server: None,
            folder: self.folder,
            hand,
            clock,
            secrets,
            http,
        };
        engine.start_server().await;
        engine
    }
}

impl Engine {
    /// Starts Herald (again) on the same folder.
    pub async fn start_server(&mut self) {
        let server = self
            .try_start()
            .await
            .unwrap_or_else(|problem| panic!("Herald does not start: {problem:#}"));
        self.teams
            .set_bot_endpoint(format!("http://{}/api/messages", server.address()));
        self.server = Some(server);
    }

    /// Tries to start Herald on the same folder.
    pub async fn try_start(&self) -> anyhow::Result<Server> {
        let root = self.folder.path().to_owned();
        let (live, diagnostics, sources) = live::first(&root, &BTreeMap::new(), self.clock.now());
        let errors: Vec<_> = diagnostics
            .iter()
            .map(|d| format!("{}: {}", d.file, d.message))
            .collect();
        assert!(
            live.last_reload.broken.is_empty(),
            "the workspace has errors: {errors:#?}"
        );
        let data = root.join("data");
        let names = self
            .secrets
            .iter()
            // An empty one is one that nobody has set.
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (SecretName::new(name).expect("a name"), value.clone()));
        // What nobody gave an address is played by Teams in a box.
        let webhooks = live.workspace.book.webhooks();
        let is_given = |name: &SecretName| self.secrets.contains_key(name.as_str());
        let webhooks = webhooks
            .filter(|webhook| !is_given(&webhook.url))
            .map(|webhook| (webhook.url.clone(), self.teams.webhook_url(webhook.kind, &webhook.name)));
        let secrets = Secrets::new(None).or_else(webhooks.collect::<Vec<_>>()).or_else(names);
        Server::start(Start {
            root,
            live,
            sources,
            data,
            secrets,
            clock: self.clock.clone(),
        })
        .await
    }

    /// Stops Herald as an operator would.
    pub async fn stop(&mut self) {
        self.server.take().expect("Herald runs").stop().await;
    }

    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_server().await;
    }

    /// When it is, by the clock that Herald and Teams share.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("Herald runs")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server().address())
    }

    /// A path in the workspace.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        write(self.folder.path(), path, text);
    }

    /// Waits until Herald has asked Teams who is there.
    pub async fn acquainted(&self) {
        let ends = tokio::time::Instant::now() + PATIENCE;
        let directory = self.server().stores().directory.clone();
        loop {
            let all: Vec<Entry> = directory
                .list(None, 1000)
                .await
                .expect("readable")
                .into_iter()
                .map(|(_, entry)| entry)
                .collect();
            let unknown = all.iter().any(|entry| match entry {
                Entry::Team(team) => team.channels_fetched_at.is_none() || !has_roster(&all, &team.id),
                Entry::Conversation(chat) => !is_described(chat) && !has_roster(&all, chat.id.as_str()),
                _ => false,
            });
            if !unknown {
                return;
            }
            assert!(tokio::time::Instant::now() < ends, "not acquainted in time: {all:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Has Teams install the bot in these places, by name: a person, a group chat or a team.
    pub async fn installed(&self, places: &[&str]) {
        for place in places {
            let answers = if self.teams.team(place).is_ok() {
                self.teams.install_team(place).await
            } else if place.contains("room") {
                self.teams.install_group(place).await
            } else {
                self.teams.install_personal(place).await
            };
            let answers = answers.expect("Teams tells Herald");
            assert!(answers.iter().all(|answer| answer.accepted()), "{answers:#?}");
        }
    }

    /// As [`Engine::installed`], and waits until everybody there is known by name.
    pub async fn known(&self, places: &[&str]) {
        self.installed(places).await;
        self.acquainted().await;
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_with(
            path,
            body.to_string().into_bytes(),
            &[("content-type", "application/json")],
        )
        .await
    }

    /// Posts anything.
    pub async fn post_with(&self, path: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = self.http.post(self.url(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("Herald answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a whole answer");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Runs the binary, which asks the engine of this process.
    pub async fn herald(&self, args: &[&str]) -> Said {
        let server = self.url("");
        let words: Vec<&str> = args.iter().copied().chain(["--server", &server]).collect();
        let mut command = command(self.folder.path(), &words, &BTreeMap::new());
        let output = tokio::task::spawn_blocking(move || command.output().expect("the binary runs"));
        said(output.await.expect("it ends"))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.http.get(self.url(path)).send().await.expect("Herald answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a whole answer");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Waits until Teams has this many messages in all.
    pub async fn messages(&self, count: u64) -> Vec<Received> {
        match self.teams.wait_for(count, PATIENCE).await {
            Ok(messages) => messages,
            Err(missed) => panic!("{missed}\n{:#?}", self.deliveries().await),
        }
    }

    pub async fn deliveries(&self) -> Vec<Delivery> {
        self.server()
            .stores()
            .outbox
            .list(&Filter::default(), None, 1000)
            .await
            .expect("the outbox can be read")
    }

    /// Waits until no delivery is pending or being sent, and no rule waits.
    pub async fn settled(&self) -> Vec<Delivery> {
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            let due = self
                .server()
                .stores()
                .outbox
                .next_due()
                .await
                .expect("the outbox can be read");
            let all = self.deliveries().await;
            if due.is_none() && all.iter().all(|d| !matches!(d.state, State::Pending | State::Sending)) {
                return all;
            }
            assert!(
                tokio::time::Instant::now() < ends,
                "not settled in time, next due {due:?}\n{all:#?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until all is settled, then tells why the targets of this event that nobody could be told through were not.
    pub async fn skipped(&self, answer: &Value) -> Vec<String> {
        let event = answer["event"].as_str().expect("an event");
        let of_event = self
            .settled()
            .await
            .into_iter()
            .filter(|d| d.event_id.as_str() == event && d.card_id.is_none());
        of_event
            .map(|d| format!("{}: {}", d.recipient.name, d.reason.unwrap_or_default()))
            .collect()
    }

    /// Waits until the deliveries are as `wanted` says, or fails with what they are.
    pub async fn until(&self, sentence: &str, wanted: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            let all = self.deliveries().await;
            if wanted(&all) {
                return all;
            }
            assert!(tokio::time::Instant::now() < ends, "not in time: {sentence}\n{all:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Somebody whose name and mail address are known is not asked for.
fn is_described(chat: &Conversation) -> bool {
    let person = chat.person.as_ref();
    person.is_some_and(|person| {
        person.name.is_some() && (person.email.is_some() || person.user_principal_name.is_some())
    })
}

fn has_roster(all: &[Entry], id: &str) -> bool {
    all.iter()
        .any(|entry| matches!(entry, Entry::Roster(roster) if roster.id == id))
}

/// A directory that calls the group chat `Finance room` `finance`. Teams does not tell the name of a group chat, so it is
/// named by its pasted link; its id is the same in every box.
pub async fn finance_room() -> String {
    let teams = Sandbox::start_anywhere().await.expect("Teams starts");
    let chat = teams.conversation_id("Finance room").expect("known");
    format!("groups:\n  finance: {{ link: \"https://teams.microsoft.com/l/chat/{chat}/conversations\" }}\n")
}

/// Most tests send more to one person than a rule may: the storm breaker is off where a test does not speak of it.
fn calm(settings: &str) -> String {
    if settings.contains("storm") {
        return settings.to_owned();
    }
    match settings.contains("limits: { ") {
        true => settings.replacen("limits: { ", "limits: { storm: never, ", 1),
        false => settings.replacen("hooks:\n", "limits: { storm: never }\nhooks:\n", 1),
    }
}

/// Every text of a card, one a line, as a person would read it.
pub fn texts(activity: &Value) -> String {
    fn collect(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match value {
                        Value::String(text) if ["text", "title", "value"].contains(&key.as_str()) => {
                            into.push(text.clone())
                        }
                        _ => collect(value, into),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            _ => {}
        }
    }
    let mut lines = Vec::new();
    collect(activity, &mut lines);
    lines.join("\n")
}

pub fn write(root: &Path, path: &str, text: &str) {
    let full = root.join(path);
    std::fs::create_dir_all(full.parent().expect("below the root")).expect("a folder");
    std::fs::write(full, text).expect("written");
}
