//! What most scenarios need: Teams in a process of its own, a workspace, and the real herald beside it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use herald::store::directory::Entry;
use herald::store::sled;
use reqwest::Client;
use serde_json::{Value, json};

use crate::people;
use crate::process::{self, Process};
use crate::teams::{Arrival, Counts, Manner};

/// The hook's secret.
const SECRET: &str = "load";
/// How long to wait for anything but a long run.
const PATIENCE: Duration = Duration::from_secs(120);

/// How herald is set up.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// People with a personal chat; all of them are in the team.
    pub people: usize,
    /// How Teams behaves.
    pub manner: Manner,
    /// `limits:` of herald.yaml.
    pub limits: String,
    /// What `urgent` has besides: its urgency.
    pub urgent: String,
}

/// Teams, herald and a client.
pub struct Stage {
    /// Teams.
    pub teams: Process,
    /// Herald.
    pub herald: Process,
    /// For posts and questions.
    pub client: Client,
    folder: tempfile::TempDir,
}

/// The time now, as rules and the store take it.
pub fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// A client that never goes through a proxy.
pub fn client() -> anyhow::Result<Client> {
    Client::builder()
        .no_proxy()
        .http1_only()
        .timeout(Duration::from_secs(60))
        .build()
        .context("there is no HTTP client")
}

impl Stage {
    /// Starts everything.
    pub async fn set(set_up: &SetUp) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("herald-load-").tempdir()?;
        let teams = Process::start(process::role(&["teams"])?, &folder.path().join("teams.log"))?;
        write(folder.path(), &teams.url, set_up)?;
        fill(&folder.path().join("data"), &teams.url, set_up.people).await?;
        let herald = start(folder.path())?;
        let stage = Self {
            teams,
            herald,
            client: client()?,
            folder,
        };
        stage.behave(&set_up.manner).await?;
        stage.ready().await?;
        Ok(stage)
    }

    /// Has Teams behave like this from now on.
    pub async fn behave(&self, manner: &Manner) -> anyhow::Result<()> {
        let answer = self.client.post(self.control("behave")).json(manner).send().await?;
        ensure!(
            answer.status().is_success(),
            "Teams does not understand: {}",
            answer.text().await?
        );
        Ok(())
    }

    /// Has Teams forget what arrived so far.
    pub async fn forget(&self) -> anyhow::Result<()> {
        self.client.post(self.control("forget")).send().await?;
        Ok(())
    }

    /// What Teams counted.
    pub async fn counts(&self) -> anyhow::Result<Counts> {
        Ok(self.client.get(self.control("counts")).send().await?.json().await?)
    }

    /// What arrived at Teams.
    pub async fn arrivals(&self) -> anyhow::Result<Vec<Arrival>> {
        Ok(self.client.get(self.control("arrivals")).send().await?.json().await?)
    }

    /// The first message that Teams got.
    pub async fn sample(&self) -> anyhow::Result<String> {
        Ok(self.client.get(self.control("sample")).send().await?.text().await?)
    }

    fn control(&self, what: &str) -> String {
        format!("{}/control/{what}", self.teams.url)
    }

    /// Where events are posted.
    pub fn hook(&self) -> String {
        format!("{}/hooks/load", self.herald.url)
    }

    /// A file in the stage's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Posts an event; its status.
    pub async fn post(&self, event: &Value) -> anyhow::Result<u16> {
        post(&self.client, &self.hook(), event).await
    }

    /// Posts an event that must be accepted.
    pub async fn accepted(&self, event: &Value) -> anyhow::Result<()> {
        let status = self.post(event).await?;
        ensure!(status == 202, "herald answered {status} instead of 202");
        Ok(())
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let ends = Instant::now() + PATIENCE;
        loop {
            let answer = self.client.get(format!("{}/readyz", self.herald.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if Instant::now() > ends {
                bail!("herald is not ready in time; its log: {}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The end of herald's log.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.path("herald.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Waits until Teams has taken so many messages, as long as new ones come.
    pub async fn messages(&self, wanted: usize) -> anyhow::Result<()> {
        let mut before = (0, Instant::now());
        loop {
            let counts = self.counts().await?;
            if counts.messages >= wanted {
                return Ok(());
            }
            if counts.messages != before.0 {
                before = (counts.messages, Instant::now());
            }
            if before.1.elapsed() > PATIENCE {
                bail!(
                    "only {} of {wanted} messages came, and no more for two minutes; the end of herald's log:\n{}",
                    counts.messages,
                    self.log()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Posts an event; its status, 0 when there was no answer.
pub async fn post(client: &Client, hook: &str, event: &Value) -> anyhow::Result<u16> {
    let answer = client.post(hook).bearer_auth(SECRET).json(event).send().await;
    let Ok(answer) = answer else { return Ok(0) };
    let status = answer.status().as_u16();
    // Read to its end, so that the connection can be used again.
    answer.bytes().await?;
    Ok(status)
}

/// An event that one person is told about.
pub fn event(kind: &str, mark: u64, person: usize) -> Value {
    json!({
        "kind": kind, "mark": format!("mark{mark}x"), "who": people::object(person), "service": "billing",
        "host": "db-04.contoso.example", "version": "4.11.2", "url": "https://ci.contoso.example/runs/4711",
        "text": "The nightly migration stopped after 14 of 37 steps. Nothing was lost; the service runs on the old schema.",
    })
}

/// Starts herald in a folder.
pub fn start(folder: &Path) -> anyhow::Result<Process> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herald"));
    command
        .arg("serve")
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HERALD_BOT_SECRET", SECRET)
        .env("LOAD_HOOK_TOKEN", SECRET);
    Process::start(command, &folder.join("herald.log"))
}

/// Writes the workspace.
pub fn write(folder: &Path, teams: &str, set_up: &SetUp) -> anyhow::Result<()> {
    let settings = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nbot:\n  app_id: {}\n  tenant: {}\n  endpoints: {{ token: \"{teams}/token\", \
         service_url: \"{teams}/\", trusted_hosts: [\"127.0.0.1\"] }}\nlimits: {{ storm: never, {} }}\nhooks:\n  load: {{ path: load, \
         signature: bearer, secret: LOAD_HOOK_TOKEN }}\n",
        people::APP,
        people::TENANT,
        set_up.limits,
    );
    let rule = |kind: &str, target: &str, further: &str| {
        format!(
            "description: The load program asked for it\nwhen: {{ hook: load }}\nif: {{ event.kind: {kind} }}\nnotify: [{{ {target} \
             }}]\n{further}card:\n  title: \"{{{{event.service}}}}: {{{{event.mark}}}}\"\n  text: \"{{{{event.text}}}}\"\n  facts: {{ \
             Host: \"{{{{event.host}}}}\", Version: \"{{{{event.version}}}}\" }}\n  style: attention\n  buttons: [{{ title: Open the \
             run, url: \"{{{{event.url}}}}\" }}]\n"
        )
    };
    std::fs::create_dir_all(folder.join("rules"))?;
    std::fs::write(folder.join("herald.yaml"), settings)?;
    let one = "person: \"{{event.who}}\"";
    let everybody = format!("members_of: {}", people::TEAM_NAME);
    for (name, target, further) in [
        ("one", one, ""),
        ("urgent", one, set_up.urgent.as_str()),
        ("everybody", everybody.as_str(), ""),
    ] {
        std::fs::write(folder.join(format!("rules/{name}.yaml")), rule(name, target, further))?;
    }
    Ok(())
}

/// Fills the directory of a store that nobody has open: a chat for each person, and the team.
pub async fn fill(data: &Path, teams: &str, people: usize) -> anyhow::Result<()> {
    let directory = sled::open(data, sled::Options::default())?.directory();
    let service_url = format!("{teams}/");
    let now = now();
    let chats: Vec<Entry> = (0..people)
        .flat_map(|number| {
            [
                people::conversation(number, &service_url, now),
                people::pair(number, now),
            ]
        })
        .collect();
    for some in chats.chunks(1_000) {
        directory.import(some.to_vec()).await?;
    }
    directory.import(people::team(people, &service_url, now)).await?;
    Ok(())
}
