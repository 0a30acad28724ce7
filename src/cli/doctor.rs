//! `herald doctor`: why nothing arrives, on the worst day. Needs no running server.

pub mod finding;
mod graph;
mod machine;
mod network;
mod queues;
mod secrets;
mod server;

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use self::finding::{Finding, Verdict};
use self::server::Port;
use super::exit::Exit;
use super::state::{client, runtime};
use super::{Format, Place, check};
use crate::clock::Clock;
use crate::diagnostic::report;
use crate::live::{self, Live};
use crate::load;
use crate::secret::Secrets;
use crate::workspace::Sources;

/// How long a group of checks may take; the groups run at the same time.
const LONGEST: Duration = Duration::from_secs(9);

/// Arguments of `herald doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The running server, e.g. http://127.0.0.1:3978; the one of herald.yaml if not given
    #[arg(long, env = "HERALD_SERVER", value_name = "URL")]
    server: Option<String>,
    /// The folder of the store, instead of `store`
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Runs `herald doctor`.
///
/// # Errors
/// There is no such workspace, or the answer cannot be written.
pub fn run(place: &Place, args: &DoctorArgs, environment: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    let root = place.existing_root()?;
    let runtime = runtime()?;
    let findings = runtime.block_on(examine(&root, args, environment));
    // A check that hangs in the system must not hold the answer up.
    runtime.shutdown_background();
    let findings = findings?;
    let mut out = io::stdout().lock();
    let text = match args.format {
        Format::Human => finding::draw(&findings, out.is_terminal() && check::colours_wanted()),
        Format::Json => {
            let worst = findings.iter().map(|finding| finding.verdict).max();
            let answer = json!({ "verdict": worst.unwrap_or(Verdict::Ok), "checks": findings });
            format!("{answer:#}\n")
        }
    };
    match out.write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(error).context("no answer can be written");
        }
        Ok(()) | Err(_) => {}
    }
    Ok(match finding::count(&findings, Verdict::Failed) {
        0 => Exit::Done,
        _ => Exit::No,
    })
}

/// Every check, in the order in which they are told.
async fn examine(
    root: &Path,
    args: &DoctorArgs,
    mut environment: BTreeMap<String, String>,
) -> anyhow::Result<Vec<Finding>> {
    if let Some(data) = &args.data {
        let data = std::path::absolute(data).context("the data folder cannot be made out")?;
        environment.insert("HERALD_STORE".to_owned(), data.display().to_string());
    }
    let clock = Clock::system();
    let now = clock.now();
    let (live, workspace) = blocking({
        let root = root.to_owned();
        move || workspace(&root, &environment, now)
    })
    .await?;
    let settings = &live.workspace.settings;
    let from = Secrets::from_environment();
    let data = root.join(&settings.store);
    let data = data.strip_prefix(".").map_or(data.clone(), Path::to_owned);
    let client = client(server::PROMPT)?;

    let (port, at) = server::port(&client, settings, args.server.as_deref()).await;
    let running = match &at {
        Port::Herald(base) => {
            let state = server::routes(&client, base, &live, &from);
            let status = server::status(&state).await;
            Some((base, state, status))
        }
        Port::NoHerald => None,
    };
    let missing_there = running
        .as_ref()
        .and_then(|(_, _, status)| server::missing_secrets(status.as_ref().ok()?));
    let there = missing_there.as_deref();
    let of_state = async {
        match &running {
            Some((base, state, status)) => server::running(&client, base, (state, status), &live, now).await,
            None => server::waiting(&data, &live, &client, now).await,
        }
    };
    let of_machine = blocking({
        let (root, data) = (root.to_owned(), data.clone());
        move || {
            let mut findings = machine::disk(&data);
            findings.push(machine::watching(&root));
            findings
        }
    });
    let of_machine = async { of_machine.await.unwrap_or_default() };
    let (network, of_graph, brokers, machine, state) = tokio::join!(
        bounded(
            "network",
            network::look(settings, (&from, there), &clock, running.is_some())
        ),
        bounded("graph", graph::look(&live.workspace, (&from, there), &clock)),
        bounded("queue", queues::look(settings, (&from, there), &clock)),
        bounded("data", of_machine),
        bounded("store", of_state),
    );
    let mut findings = vec![workspace];
    findings.extend(secrets::look(&live.workspace, &from, there));
    findings.extend(network);
    findings.extend(of_graph);
    findings.extend(brokers);
    findings.extend(machine);
    findings.push(machine::zones(now));
    findings.push(port);
    findings.extend(state);
    Ok(findings)
}

/// Runs `look` on a thread that may wait for the disk.
async fn blocking<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(look)
        .await
        .context("a check stopped working")
}

async fn bounded(check: &'static str, look: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    match tokio::time::timeout(LONGEST, look).await {
        Ok(findings) => findings,
        Err(_) => vec![Finding::failed(
            check,
            format!("not finished after {} seconds", LONGEST.as_secs()),
            "something hangs: run `herald doctor` again; if it stays so, look at the disk and the network",
        )],
    }
}

/// What `herald check` would say, in a sentence.
fn workspace(
    root: &Path,
    environment: &BTreeMap<String, String>,
    now: chrono::DateTime<chrono::Utc>,
) -> (Live, Finding) {
    let sources = Sources {
        environment: environment.clone(),
        ..load::read_with_samples(root)
    };
    let (live, diagnostics) = live::of(&sources, now);
    let next = "`herald check` shows each place and what to write instead";
    let finding = match diagnostics.first() {
        None => Finding::ok(
            "workspace",
            format!("{}: nothing is wrong", check::inventory(&sources, |_| true)),
        ),
        Some(first) => {
            let worst = diagnostics
                .iter()
                .find(|d| d.severity == crate::diagnostic::Severity::Error);
            let shown = worst.unwrap_or(first);
            let found = format!("{}: {}: {}", report::tally(&diagnostics), shown.file, shown.message);
            match worst {
                Some(_) => Finding::failed("workspace", found, next),
                None => Finding::warning("workspace", found, next),
            }
        }
    };
    (live, finding)
}
