//! Processes that are measured: herald itself, and the roles that this program plays in processes of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;

/// Linux counts a process's time in hundredths of a second, on every machine that Herald runs on.
const TICKS_A_SECOND: f64 = 100.0;

/// A process that ends with this.
pub struct Process {
    child: Child,
    /// Where it listens, without a slash at the end.
    pub url: String,
}

impl Process {
    /// Starts `command` and waits until it prints an address.
    pub fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let log_file = File::create(log).context("the log cannot be written")?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .context("a process cannot be started")?;
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut url = None;
        for line in lines.by_ref() {
            let line = line?;
            if let Some(at) = line.find("http://") {
                let address = line[at..].split_whitespace().next().unwrap_or_default();
                url = Some(address.trim_end_matches('/').to_owned());
                break;
            }
        }
        // Whatever else it prints must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let mut process = Self {
            child,
            url: String::new(),
        };
        process.url = url.with_context(|| {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            format!("it ended without saying where it listens: {said}")
        })?;
        Ok(process)
    }

    /// What it has taken so far.
    pub fn usage(&self) -> Usage {
        Usage::of(&self.child.id().to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process has taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Time on processors, in seconds.
    pub cpu: f64,
    /// Memory now, in MiB.
    pub resident: f64,
    /// The most memory it ever had, in MiB.
    pub peak: f64,
}

impl Usage {
    /// Of this process.
    pub fn own() -> Self {
        Self::of("self")
    }

    fn of(process: &str) -> Self {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
        let status = read("status");
        let mebibytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            kibibytes.unwrap_or(0.0) / 1024.0
        };
        Self {
            cpu: ticks(&read("stat")) / TICKS_A_SECOND,
            resident: mebibytes("VmRSS:"),
            peak: mebibytes("VmHWM:"),
        }
    }
}

/// User and system time in a line of `/proc/PID/stat`. The name of the program, in brackets, may hold anything.
pub fn ticks(stat: &str) -> f64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let field = |place: usize| {
        fields
            .get(place)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    field(11) + field(12)
}

/// This program again, in another role.
pub fn role(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("the own program is unknown")?);
    command.args(arguments);
    Ok(command)
}

/// `12.3 s` on processors for so many things, each.
#[expect(clippy::cast_precision_loss, reason = "a count of messages")]
pub fn each(seconds: f64, count: usize) -> Duration {
    Duration::from_secs_f64((seconds / count.max(1) as f64).max(0.0))
}
