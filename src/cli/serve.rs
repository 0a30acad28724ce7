//! `herald serve`: the engine, alone or with Teams in a box.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::exit::Exit;
use super::log_limit::{self, LogLimit};
use super::{Place, check, teams_in_a_box};
use crate::cli::say::say;
use crate::clock::Clock;
use crate::diagnostic::Severity;
use crate::live;
use crate::secret::Secrets;
use crate::serve::{Server, Start};
use crate::teams::token::Credentials;
use crate::workspace::Workspace;

/// The stack of a worker, in bytes. The deepest template that is accepted wants more than the usual 2 MiB in a debug
/// build; memory that is not touched costs nothing.
const STACK: usize = 8 << 20;

/// So long before its end a certificate is spoken of.
pub(super) const CERTIFICATE_ENDS_SOON: TimeDelta = TimeDelta::days(30);

/// Arguments of `herald serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Run Teams in a box beside the engine: no tenant and no credentials are needed
    #[arg(long)]
    sandbox: bool,
    /// Where Teams in a box listens
    #[arg(
        long,
        default_value = "127.0.0.1:3979",
        value_name = "ADDR:PORT",
        requires = "sandbox"
    )]
    sandbox_listen: SocketAddr,
    /// Where Herald listens, instead of `server.listen`
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// The folder of the store, instead of `store`
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Start although files are broken; what is good runs
    #[arg(long)]
    keep_going: bool,
    /// How the log is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text, env = "HERALD_LOG_FORMAT")]
    log_format: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Runs `herald serve` until it is told to stop.
///
/// # Errors
/// A sentence for the operator: why it cannot start, or why it had to stop.
pub fn run(place: &Place, args: &ServeArgs, environment: BTreeMap<String, String>) -> anyhow::Result<Exit> {
    let limit = start_log(args.log_format, environment.get("HERALD_LOG").map(String::as_str))?;
    let root = place.existing_root()?;
    threads()?.block_on(serve(&root, args, environment, &limit))
}

/// Threads that can fill every card.
pub(super) fn threads() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .context("no threads can be started")
}

async fn serve(
    root: &Path,
    args: &ServeArgs,
    mut environment: BTreeMap<String, String>,
    limit: &LogLimit,
) -> anyhow::Result<Exit> {
    let clock = Clock::system();
    if let Some(listen) = args.listen {
        environment.insert("HERALD_LISTEN".to_owned(), listen.to_string());
    }
    if let Some(data) = &args.data {
        environment.insert("HERALD_STORE".to_owned(), data.display().to_string());
    }
    let mut secrets = Secrets::from_environment();
    let (live, mut diagnostics, mut sources) = live::first(root, &environment, clock.now());
    let mut live = live;
    let sandbox = match args.sandbox {
        true => {
            let workspace = &live.workspace;
            let (boxed, with_demo) = teams_in_a_box::start(root, args.sandbox_listen, workspace, secrets).await?;
            secrets = with_demo;
            environment.extend(teams_in_a_box::environment(&boxed, &workspace.settings));
            (live, diagnostics, sources) = live::first(root, &environment, clock.now());
            Some(boxed)
        }
        false => None,
    };
    if !diagnostics.is_empty() {
        eprint!("{}", check::drawn(&diagnostics, &sources));
    }
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    if errors > 0 && !args.keep_going {
        bail!(
            "{errors} error{} in the workspace; mend {}, or start with --keep-going to run what is good",
            if errors == 1 { "" } else { "s" },
            if errors == 1 { "it" } else { "them" }
        );
    }
    let settings = live.workspace.settings.clone();
    look_at_credentials(&live.workspace, &secrets, clock.now())?;
    let data = root.join(&settings.store);
    let start = Start {
        root: root.to_owned(),
        live,
        sources,
        data,
        secrets: secrets.clone(),
        clock,
    };
    // Before anybody is told that it runs: who hears of it may tell it to stop.
    let signals = Signals::heard()?;
    let server = Server::start(start).await?;
    say!("Herald listens on http://{}", server.address());
    if let Some(boxed) = &sandbox {
        teams_in_a_box::introduce(boxed, &server, root, &settings, &secrets).await?;
    }
    run_until_told(server, signals, limit).await
}

/// A bot that cannot prove who it is would take events and deliver nothing: better not to start.
fn look_at_credentials(workspace: &Workspace, secrets: &Secrets, now: DateTime<Utc>) -> anyhow::Result<()> {
    for webhook in workspace.book.webhooks().filter(|webhook| !secrets.has(&webhook.url)) {
        warn!(webhook = webhook.name, missing = %webhook.url, "cards wait until the secret of the webhook is set");
    }
    let settings = &workspace.settings;
    match Credentials::of(&settings.bot) {
        Some(credentials) => {
            let ends_at = credentials.examine(secrets, now).map_err(|problem| {
                let way_out = problem.way_out().map(|way_out| format!("; {way_out}"));
                anyhow::anyhow!("{problem}{}", way_out.unwrap_or_default())
            });
            let ends_at = ends_at.context("the bot cannot prove to Teams who it is")?;
            if let Some(ends_at) = ends_at.filter(|ends_at| *ends_at - now < CERTIFICATE_ENDS_SOON) {
                warn!(%ends_at, "the bot's certificate expires soon; after that nothing can be sent");
            }
        }
        None => {
            warn!(
                "NO BOT IS CONFIGURED (`bot.app_id`): messages to /api/messages are believed without proof, from this \
                 machine only, and nothing is sent with a token; this is for emulators, never for real Teams"
            );
            anyhow::ensure!(
                settings.server.listen.ip().is_loopback(),
                "without `bot.app_id` Herald listens on this machine only: set `server.listen` to 127.0.0.1, or \
                 configure the bot"
            );
        }
    }
    for hook in settings.hooks.values() {
        if !hook.secrets.is_empty() && !hook.secrets.iter().any(|name| secrets.has(name)) {
            let names = hook
                .secrets
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ");
            warn!(hook = %hook.name, missing = %names, "hook takes nothing until its secret is set");
        }
    }
    for queue in settings.queues.values() {
        if let Some(missing) = queue.secret().filter(|name| !secrets.has(name)) {
            warn!(queue = %queue.name, %missing, "queue is not read until its secret is set");
        }
    }
    Ok(())
}

/// What the system tells a server.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    fn heard() -> anyhow::Result<Self> {
        let hear = |kind| signal(kind).context("signals cannot be heard");
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hang_up: hear(SignalKind::hangup())?,
        })
    }
}

async fn run_until_told(mut server: Server, mut signals: Signals, limit: &LogLimit) -> anyhow::Result<Exit> {
    let mut minute = tokio::time::interval(log_limit::PERIOD);
    loop {
        tokio::select! {
            _ = signals.interrupt.recv() => break,
            _ = signals.terminate.recv() => break,
            _ = minute.tick() => limit.tell(),
            _ = signals.hang_up.recv() => {
                info!("told to read the workspace again");
                server.reload_by_signal().await;
            }
            failure = server.failed() => {
                error!(%failure, "stopping, so that whoever watches over Herald starts it afresh");
                server.stop().await;
                bail!("{failure}");
            }
        }
    }
    server.stop().await;
    limit.tell();
    Ok(Exit::Done)
}

fn start_log(format: LogFormat, filter: Option<&str>) -> anyhow::Result<LogLimit> {
    let filter = match filter {
        Some(filter) => {
            EnvFilter::try_new(filter).context("HERALD_LOG is not a filter such as `info,herald=debug`")?
        }
        None => EnvFilter::new("info,sled=warn"),
    };
    let limit = LogLimit::default();
    let log = tracing_subscriber::registry().with(filter).with(limit.clone());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => log.with(lines.with_target(false)).try_init(),
        LogFormat::Json => log.with(lines.json().flatten_event(true)).try_init(),
    };
    started.map_err(|problem| anyhow::anyhow!("the log cannot be started: {problem}"))?;
    Ok(limit)
}
