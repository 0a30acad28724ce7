//! A workspace whose Teams is a [`Connector`], and the real binary on it: started, killed, started again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use herald::clock::Clock;
use herald::delivery::{Address, Delivery};
use herald::roster::{Channel, Conversation, ConversationId, ConversationKind, Person, Roster, Team};
use herald::store::directory::Entry;
use herald::store::export;
use serde_json::Value;
use tokio::sync::oneshot;

use super::connector::Connector;
use crate::support::cli::{command, said};
use crate::support::engine::{PATIENCE, write};
use crate::support::store::{BOT, TENANT};

/// How many people the load is for; every other one has no open chat yet.
pub const PEOPLE: u64 = 24;
/// How many people are known.
pub const KNOWN: u64 = 300;
/// How many channels the team has.
pub const CHANNELS: u64 = 12;
/// How many group chats there are.
pub const GROUPS: u64 = 12;

/// A workspace.
pub struct Place {
    pub folder: tempfile::TempDir,
    lives: u32,
}

/// A process that was started and did not say yet that it listens.
pub struct Starting {
    child: Option<Child>,
    /// Which life of the server this is, from 1.
    pub life: u32,
    log: PathBuf,
    began: Instant,
    url: oneshot::Receiver<String>,
}

/// A process that listens.
pub struct Herald {
    child: Child,
    /// Which life of the server this is, from 1.
    pub life: u32,
    log: PathBuf,
    pub url: String,
    /// From the start of the process until it said where it listens.
    pub started_in: Duration,
}

impl Place {
    /// A workspace with these rules and lines of settings. Its people, group chats and channels were imported, as an
    /// operator does who moves house.
    pub async fn new(connector: &Connector, rules: &[(&str, &str)], settings: &str) -> Self {
        let mut place = Self::unknowing(connector, rules, settings);
        let herald = place.start().await;
        place.import(connector, &herald);
        herald.stop().await;
        place
    }

    /// As [`Place::new`], but nobody is known.
    pub fn unknowing(connector: &Connector, rules: &[(&str, &str)], settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let herald = format!(
            "server: {{ listen: \"127.0.0.1:0\" }}\nbot:\n  app_id: {}\n  tenant: {TENANT}\n  endpoints: {{ token: \
             \"{}\", openid: \"{}\", service_url: \"{}\", trusted_hosts: [\"127.0.0.1\"] }}\nlimits: {{ storm: never, \
             messages_per_second: 1000 }}\nhooks:\n  load: {{ path: load, signature: none, anyone_can_post: true \
             }}\n{settings}",
            BOT.trim_start_matches("28:"),
            connector.url("/token"),
            connector.url("/openid"),
            connector.url("/"),
        );
        write(folder.path(), "herald.yaml", &herald);
        for (name, text) in rules {
            write(folder.path(), &format!("rules/{name}.yaml"), text);
        }
        std::fs::create_dir(folder.path().join("log")).expect("a folder");
        Self { folder, lives: 0 }
    }

    /// Imports everybody.
    pub fn import(&self, connector: &Connector, herald: &Herald) {
        let mut lines = vec![export::header(Some(BOT))];
        lines.extend(everybody(&connector.url("/")).iter().map(export::line));
        write(self.folder.path(), "targets.jsonl", &lines.join("\n"));
        let arguments = ["targets", "import", "targets.jsonl", "--server", &herald.url];
        let imported = said(
            command(self.folder.path(), &arguments, &BTreeMap::new())
                .output()
                .expect("it runs"),
        );
        assert_eq!(imported.code, 0, "{imported:#?}");
    }

    /// Starts the binary.
    pub fn spawn(&mut self) -> Starting {
        self.lives += 1;
        let life = self.lives;
        let environment = BTreeMap::from([("HERALD_BOT_SECRET".to_owned(), format!("life-{life}"))]);
        let log = self.folder.path().join(format!("log/life-{life}.txt"));
        let began = Instant::now();
        let mut child = command(self.folder.path(), &["serve"], &environment)
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (tell, url) = oneshot::channel();
        std::thread::spawn(move || {
            let mut tell = Some(tell);
            // To its end, so that the process can always write.
            for line in lines.map_while(Result::ok) {
                if let Some(at) = line.find("http://127.0.0.1:")
                    && let Some(tell) = tell.take()
                {
                    let url = line[at..].split_whitespace().next().unwrap_or_default();
                    let _ = tell.send(url.trim_end_matches('/').to_owned());
                }
            }
        });
        Starting {
            child: Some(child),
            life,
            log,
            began,
            url,
        }
    }

    /// Starts the binary and waits until it listens.
    pub async fn start(&mut self) -> Herald {
        self.spawn().listening().await
    }

    /// What every process so far wrote.
    pub fn logs(&self) -> String {
        let logs = std::fs::read_dir(self.folder.path().join("log")).expect("the logs");
        logs.map(|log| {
            let path = log.expect("a log").path();
            String::from_utf8_lossy(&std::fs::read(path).expect("a log")).into_owned()
        })
        .collect()
    }

    /// What no process should write: a panic.
    pub fn panics(&self) -> Vec<String> {
        let logs = self.logs();
        logs.lines()
            .filter(|line| line.contains("panicked"))
            .map(str::to_owned)
            .collect()
    }
}

impl Starting {
    /// Waits until it listens. A process that ends instead fails the test with what it said.
    pub async fn listening(mut self) -> Herald {
        let url = tokio::time::timeout(PATIENCE, &mut self.url).await;
        let mut child = self.child.take().expect("started");
        let Ok(Ok(url)) = url else {
            let _ = child.kill();
            let ended = child.wait().expect("gone");
            panic!("life {} does not start ({ended}): {}", self.life, tail(&self.log));
        };
        Herald {
            child,
            life: self.life,
            log: self.log.clone(),
            url,
            started_in: self.began.elapsed(),
        }
    }

    /// How it ended and what it said, if it ended by itself. One that goes on is killed.
    pub fn ended_already(mut self) -> Option<(ExitStatus, String)> {
        let child = self.child.as_mut().expect("started");
        let ended = child.try_wait().expect("it can be asked")?;
        Some((ended, tail(&self.log)))
    }

    /// SIGKILL. It must not have ended before.
    pub fn kill(mut self) {
        let mut child = self.child.take().expect("started");
        kill(&mut child, &self.log);
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Herald {
    /// SIGKILL. It must not have ended before.
    pub fn kill(mut self) {
        kill(&mut self.child, &self.log);
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// SIGTERM, and waits until it ended well.
    pub async fn stop(mut self) {
        self.signal("TERM");
        let log = self.log.clone();
        let ended = tokio::task::spawn_blocking(move || wait(&mut self.child, "a stop"))
            .await
            .expect("waited");
        assert_eq!(ended.code(), Some(0), "{}", tail(&log));
    }

    /// Asks for JSON.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let answer = client()
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap_or_else(|problem| panic!("{path}: {problem:?}\n{}", tail(&self.log)));
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a whole answer");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// How many deliveries are in this state, by the store's own count.
    pub async fn count(&self, state: &str) -> u64 {
        let ends = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let (code, status) = self.get("/admin/v1/status").await;
            match status["deliveries"][state].as_u64() {
                Some(count) => return count,
                // On a machine with much to do a store that is just being opened keeps others waiting.
                None if code == 503 && tokio::time::Instant::now() < ends => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                None => panic!("no count of {state}: {code} {status}\n{}", tail(&self.log)),
            }
        }
    }

    /// Every delivery.
    pub async fn deliveries(&self) -> Vec<Delivery> {
        let mut all: Vec<Delivery> = Vec::new();
        loop {
            let after = all.last().map(|last| format!("&after={}", last.id)).unwrap_or_default();
            let (status, page) = self.get(&format!("/admin/v1/deliveries?limit=1000{after}")).await;
            assert_eq!(status, 200, "{page}");
            let page: Vec<Delivery> = serde_json::from_value(page).expect("deliveries");
            let is_last = page.len() < 1000;
            all.extend(page);
            if is_last {
                return all;
            }
        }
    }

    /// Waits until nothing is open any more, and answers every delivery.
    pub async fn settled(&self, patience: Duration) -> Vec<Delivery> {
        let ends = Instant::now() + patience;
        while self.count("pending").await + self.count("sending").await > 0 {
            if Instant::now() > ends {
                let open = self.get("/admin/v1/deliveries?state=pending&limit=5").await.1;
                panic!("not settled in time, e.g. {open:#}\n{}", tail(&self.log));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.deliveries().await
    }
}

impl Drop for Herald {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that keeps no connection, since the server it had one to may be dead.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .pool_max_idle_per_host(0)
        .build()
        .expect("a client")
}

/// The conversation in which a delivery arrives.
pub fn conversation(delivery: &Delivery) -> String {
    match &delivery.recipient.address {
        Address::Person { id, .. } => format!("a:{id}"),
        Address::Feed { id, .. } => format!("feed:{id}"),
        Address::Conversation { id } => id.to_string(),
        Address::Webhook { name, .. } => format!("webhook:{name}"),
        Address::Nowhere { wanted } => format!("nowhere:{wanted}"),
    }
}

fn kill(child: &mut Child, log: &std::path::Path) {
    if let Some(ended) = child.try_wait().expect("it can be asked") {
        panic!("it ended by itself ({ended}): {}", tail(log));
    }
    child.kill().expect("killed");
    child.wait().expect("gone");
}

fn wait(child: &mut Child, what: &str) -> ExitStatus {
    let ends = Instant::now() + PATIENCE;
    loop {
        if let Some(ended) = child.try_wait().expect("it can be asked") {
            return ended;
        }
        assert!(Instant::now() < ends, "{what} takes too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn tail(log: &std::path::Path) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

fn everybody(service_url: &str) -> Vec<Entry> {
    let now = Clock::system().now();
    let chat = |id: String, kind, person| {
        Entry::Conversation(Conversation {
            id: ConversationId::new(&id),
            kind,
            service_url: service_url.to_owned(),
            tenant_id: TENANT.to_owned(),
            team_id: None,
            name: None,
            bot_id: BOT.to_owned(),
            person,
            installed_by: None,
            first_seen: now,
            last_seen: now,
            blocked: None,
        })
    };
    let mut all = Vec::new();
    for number in 0..KNOWN {
        let person = Person {
            tenant_id: TENANT.to_owned(),
            aad_object_id: Some(format!("p-{number}")),
            account_id: Some(format!("29:p-{number}")),
            name: Some(format!("Person {number}")),
            email: Some(format!("p{number}@contoso.example")),
            ..Person::default()
        };
        all.push(Entry::Person(person.clone()));
        if number % 2 == 0 {
            all.push(chat(format!("a:p-{number}"), ConversationKind::Personal, Some(person)));
        }
    }
    for number in 0..GROUPS {
        all.push(chat(
            format!("19:g{number}@thread.v2"),
            ConversationKind::GroupChat,
            None,
        ));
    }
    let channel = |number: u64| Channel {
        id: format!("19:c{number}@thread.tacv2"),
        name: Some(format!("C{number}")),
        deleted: false,
    };
    let team = "19:works@thread.tacv2".to_owned();
    all.push(Entry::Team(Team {
        id: team.clone(),
        tenant_id: TENANT.to_owned(),
        name: Some("Works".to_owned()),
        aad_group_id: None,
        service_url: service_url.to_owned(),
        bot_id: BOT.to_owned(),
        selected_channel: None,
        installed_by: None,
        archived: false,
        channels: (0..CHANNELS).map(channel).collect(),
        channels_fetched_at: Some(now),
        first_seen: now,
        last_seen: now,
    }));
    all.push(Entry::Roster(Roster {
        id: team,
        members: Vec::new(),
        fetched_at: now,
        stale: false,
    }));
    all
}
