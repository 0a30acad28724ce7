//! What is in force right now, and how it changes: [`Live`] and its single writer, the [`Reloader`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use notify::RecommendedWatcher;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::diagnostic::{Diagnostic, Severity};
use crate::file_watch;
use crate::load;
use crate::metric::Metrics;
use crate::stop::Stop;
use crate::workspace::{self, Sources, Workspace};

/// How often it is read without being told: network file systems and swapped mounts tell nothing.
const SWEEP: Duration = Duration::from_secs(30);

/// How many broken files one reload logs by name; all of them are in `/readyz`.
const BROKEN_LOGGED: usize = 10;

/// The workspace in force and what the last reading of the files said.
#[derive(Debug, Clone)]
pub struct Live {
    /// What is in force. Never altered in place; a reload replaces it.
    pub workspace: Arc<Workspace>,
    /// The files that it was made of; of a broken one what is in it now, and not its last good version.
    pub sources: Arc<Sources>,
    /// The last time the files were read.
    pub last_reload: Arc<Reload>,
}

/// What one reading of the files said.
#[derive(Debug, Clone, Serialize)]
pub struct Reload {
    /// When.
    pub at: DateTime<Utc>,
    /// The ruleset in force since.
    pub revision: String,
    /// How many rules are in force.
    pub rules: usize,
    /// Files that are broken now; their last good version runs on where there is one.
    pub broken: Vec<BrokenFile>,
}

/// A file that cannot be used as it is.
#[derive(Debug, Clone, Serialize)]
pub struct BrokenFile {
    /// As seen from the workspace.
    pub file: String,
    /// Its first error, in a sentence.
    pub error: String,
    /// How many errors it has.
    pub errors: usize,
    /// An earlier version of it is still in force.
    pub last_good_runs: bool,
}

/// Reads the workspace for the first time: starting is the first reload. `environment` is laid over `herald.yaml`.
pub fn first(
    root: &Path,
    environment: &BTreeMap<String, String>,
    now: DateTime<Utc>,
) -> (Live, Vec<Diagnostic>, Sources) {
    let sources = read(root, environment);
    let (live, diagnostics) = of(&sources, now);
    (live, diagnostics, sources)
}

/// What these files would put in force at a start, and what is wrong with them.
pub fn of(sources: &Sources, now: DateTime<Utc>) -> (Live, Vec<Diagnostic>) {
    let compiled = workspace::compile(sources, None);
    let live = in_force(compiled.workspace, sources, &compiled.diagnostics, now);
    (live, compiled.diagnostics)
}

fn read(root: &Path, environment: &BTreeMap<String, String>) -> Sources {
    Sources {
        environment: environment.clone(),
        ..load::read(root)
    }
}

fn in_force(workspace: Workspace, sources: &Sources, diagnostics: &[Diagnostic], at: DateTime<Utc>) -> Live {
    let mut broken: Vec<BrokenFile> = Vec::new();
    for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Error) {
        match broken.iter_mut().find(|b| b.file == diagnostic.file) {
            Some(known) => known.errors += 1,
            None => broken.push(BrokenFile {
                file: diagnostic.file.clone(),
                error: diagnostic.message.clone(),
                errors: 1,
                last_good_runs: workspace.kept.iter().any(|kept| kept.file == diagnostic.file),
            }),
        }
    }
    let reload = Reload {
        at,
        revision: workspace.ruleset.revision.clone(),
        rules: workspace.ruleset.rules.len(),
        broken,
    };
    Live {
        workspace: Arc::new(workspace),
        sources: Arc::new(sources.clone()),
        last_reload: Arc::new(reload),
    }
}

/// Watches the workspace's files and puts their changes in force.
pub struct Reloader {
    root: PathBuf,
    live: watch::Sender<Live>,
    sources: Sources,
    clock: Clock,
    metrics: Arc<Metrics>,
    now: mpsc::Receiver<()>,
}

impl Reloader {
    /// A reloader for `root`. `now` is a way to ask for a reading at once (a signal, an operator).
    pub fn new(
        root: PathBuf,
        live: watch::Sender<Live>,
        sources: Sources,
        clock: Clock,
        metrics: Arc<Metrics>,
        now: mpsc::Receiver<()>,
    ) -> Self {
        Self {
            root,
            live,
            sources,
            clock,
            metrics,
            now,
        }
    }

    /// Runs until `stop` is true. An event of the file system is only a hint: whatever it says, the whole tree is read
    /// and its content compared.
    pub async fn run(mut self, mut stop: Stop) {
        let (hint, mut hints) = mpsc::channel::<()>(1);
        let mut watched = watch_folders(&self.root, hint.clone());
        loop {
            let asked = tokio::select! {
                () = stop.told() => return,
                Some(()) = hints.recv() => false,
                Some(()) = self.now.recv() => true,
                () = tokio::time::sleep(SWEEP) => true,
            };
            if !asked {
                file_watch::quiet(&mut hints).await;
            }
            if let Some(next) = self.read().await {
                self.put_in_force(next);
                // Folders may have come or gone: watch what is there now.
                watched = watch_folders(&self.root, hint.clone());
            }
            if asked && watched.is_none() {
                watched = watch_folders(&self.root, hint.clone());
            }
        }
    }

    async fn read(&self) -> Option<Sources> {
        let (root, environment) = (self.root.clone(), self.sources.environment.clone());
        match tokio::task::spawn_blocking(move || read(&root, &environment)).await {
            Ok(sources) if sources == self.sources => None,
            Ok(sources) => Some(sources),
            Err(panic) => {
                error!(%panic, "reading the workspace failed");
                None
            }
        }
    }

    fn put_in_force(&mut self, sources: Sources) {
        let before = self.live.borrow().clone();
        let compiled = workspace::compile(&sources, Some(&before.workspace));
        let live = in_force(compiled.workspace, &sources, &compiled.diagnostics, self.clock.now());
        self.sources = sources;
        report(&live.last_reload);
        warn_of_restart(&before.workspace, &live.workspace);
        self.metrics.reloaded(
            live.last_reload.rules,
            live.last_reload.broken.len(),
            live.last_reload.at,
        );
        self.live.send_replace(live);
    }
}

fn report(reload: &Reload) {
    for broken in reload.broken.iter().take(BROKEN_LOGGED) {
        warn!(
            file = %broken.file, error = %broken.error, errors = broken.errors,
            last_good_runs = broken.last_good_runs, "file is broken, run `herald check` for the place"
        );
    }
    info!(revision = %reload.revision, rules = reload.rules, broken = reload.broken.len(), "workspace reloaded");
}

fn warn_of_restart(before: &Workspace, after: &Workspace) {
    let changed = [
        ("bot", before.settings.bot != after.settings.bot),
        ("server", before.settings.server != after.settings.server),
        ("store", before.settings.store != after.settings.store),
        ("send", before.settings.send != after.settings.send),
    ];
    for (part, _) in changed.iter().filter(|(_, changed)| *changed) {
        warn!(part, "this part of herald.yaml takes effect at the next start");
    }
}

fn watch_folders(root: &Path, hint: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    file_watch::folders(
        file_watch::of_workspace(root, &["rules", "templates", "texts", "holidays"]),
        hint,
    )
}
