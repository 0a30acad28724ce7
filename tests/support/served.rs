//! The real binary, serving, beside Teams: for what only a process of its own can show.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use herald::sandbox::{Options, Sandbox};

use super::engine::{PATIENCE, write};
use super::raw;

/// A folder with settings and rules, and Teams.
pub struct Site {
    pub folder: tempfile::TempDir,
    pub teams: Sandbox,
    environment: BTreeMap<String, String>,
}

/// A process that serves it.
pub struct Served {
    child: Child,
    pub address: SocketAddr,
    log: std::path::PathBuf,
}

impl Site {
    /// With these lines of `hooks:` and this further text of `herald.yaml`.
    pub async fn new(hooks: &str, settings: &str) -> Self {
        let teams = Sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), Options::default())
            .await
            .expect("Teams");
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "server: {{ listen: \"127.0.0.1:0\" }}\nbot:\n  app_id: {}\n  tenant: {}\n  endpoints: {{ token: \"{}\", openid: \
             \"{}\", service_url: \"{}\", trusted_hosts: [\"127.0.0.1\"] }}\nhooks:\n{hooks}{settings}",
            teams.app_id(),
            teams.tenant(),
            teams.token_url(),
            teams.openid_url(),
            teams.service_url()
        );
        write(folder.path(), "herald.yaml", &text);
        let environment = BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("HERALD_BOT_SECRET".to_owned(), teams.secret().to_owned()),
        ]);
        Self {
            folder,
            teams,
            environment,
        }
    }

    /// Sets a variable of the environment.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Writes `rules/NAME.yaml`.
    pub fn rule(self, name: &str, text: &str) -> Self {
        write(self.folder.path(), &format!("rules/{name}.yaml"), text);
        self
    }

    /// Starts the binary with at most so many open files and waits until it says where it listens.
    pub async fn start(&self, files: usize) -> Served {
        let log = self.folder.path().join("log");
        let out = self.folder.path().join("out");
        let make = |path: &Path| File::create(path).expect("a file for what it says");
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("ulimit -n {files} && exec \"$0\" serve --log-format json"))
            .arg(env!("CARGO_BIN_EXE_herald"))
            .current_dir(self.folder.path())
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(make(&out))
            .stderr(make(&log))
            .spawn()
            .expect("it runs");
        let mut served = Served {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            log,
        };
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            let said = fs::read_to_string(&out).expect("readable");
            if let Some(address) = said.lines().find_map(|line| line.split("listens on http://").nth(1)) {
                served.address = address.trim().parse().expect("an address");
                break;
            }
            assert!(
                tokio::time::Instant::now() < ends,
                "it does not start: {}",
                served.log()
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        self.teams
            .set_bot_endpoint(format!("http://{}/api/messages", served.address));
        served
    }

    /// Has the bot installed for this person, and waits until Herald knows the name.
    pub async fn meet(&self, served: &Served, person: &str) {
        self.teams.install_personal(person).await.expect("told");
        let ends = tokio::time::Instant::now() + PATIENCE;
        while !served.get("/admin/v1/targets").await.body.contains(person) {
            assert!(tokio::time::Instant::now() < ends, "{person} is not known in time");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

impl Served {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    pub async fn get(&self, path: &str) -> raw::Answer {
        let bytes = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        raw::send(self.address, bytes.as_bytes()).await.expect("an answer")
    }

    /// One number of `/metrics`; 0 when the line is not there yet.
    pub async fn metric(&self, line: &str) -> u64 {
        let text = self.get("/metrics").await.body;
        let found = text
            .lines()
            .find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or_default()
    }

    /// How much memory the process holds now and has held at most, in MiB.
    pub fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the system tells");
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
            let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
            kib / 1024
        };
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// How many files it has open.
    pub fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .expect("the system tells")
            .count()
    }

    /// Asks it to stop and waits until it has; says whether it ended well.
    pub async fn stop(mut self) -> bool {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is told");
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                return status.success();
            }
            assert!(tokio::time::Instant::now() < ends, "it does not stop: {}", self.log());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
