//! Watches the files that rules wait for, and brings their changes as events.
//!
//! What each rule has already seen is remembered in the store, so nothing fires because Herald started, and a change
//! made while it was down fires once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use notify::{RecommendedWatcher, RecursiveMode};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::dispatch::Dispatcher;
use crate::event::{Event, EventId, FileChange, Origin};
use crate::file_content;
use crate::file_watch;
use crate::live::Live;
use crate::rule::settling::Settling;
use crate::rule::trigger::Trigger;
use crate::snapshot::{self, Fingerprint, Snapshot};
use crate::stop::Stop;
use crate::store::{Outbox, StoreError};

/// How often the files are compared without being told: network file systems tell nothing.
const SWEEP: Duration = Duration::from_secs(10);

/// Brings the changes of files.
pub struct FileListener {
    /// Where relative patterns start.
    pub root: PathBuf,
    /// The rules in force; a reload wakes the listener.
    pub live: watch::Receiver<Live>,
    /// Where the fingerprints are remembered.
    pub outbox: Arc<dyn Outbox>,
    /// Who decides.
    pub dispatcher: Dispatcher,
    /// The time.
    pub clock: Clock,
}

/// One file trigger of one rule, and changes of it that have not settled yet.
struct Watched {
    rule: String,
    trigger: usize,
    pattern: String,
    glob: globset::GlobMatcher,
    changes: Vec<FileChange>,
    settled_for: Duration,
    settling: Settling<Fingerprint>,
}

impl Watched {
    fn note(&self) -> String {
        format!("files/{}/{}/{}", self.rule, self.trigger, self.pattern)
    }
}

impl FileListener {
    /// Runs until `stop` is true.
    pub async fn run(mut self, mut stop: Stop) {
        let (hint, mut hints) = mpsc::channel::<()>(1);
        let mut watched = self.watched();
        let mut watcher = watch_folders(&self.root, &watched, hint.clone());
        loop {
            let mut wait = SWEEP;
            for one in &mut watched {
                match self.compare(one).await {
                    Ok(Some(soon)) => wait = wait.min(soon),
                    Ok(None) => {}
                    Err(problem) => warn!(rule = %one.rule, %problem, "files cannot be compared, trying again"),
                }
            }
            tokio::select! {
                () = stop.told() => return,
                changed = self.live.changed() => {
                    if changed.is_err() { return }
                    watched = self.watched();
                    watcher = watch_folders(&self.root, &watched, hint.clone());
                }
                Some(()) = hints.recv() => {}
                () = tokio::time::sleep(wait) => {
                    if watcher.is_none() {
                        watcher = watch_folders(&self.root, &watched, hint.clone());
                    }
                }
            }
        }
    }

    fn watched(&mut self) -> Vec<Watched> {
        let workspace = self.live.borrow_and_update().workspace.clone();
        let mut watched = Vec::new();
        for rule in &workspace.ruleset.rules {
            for (index, trigger) in rule.triggers.iter().enumerate() {
                if let Trigger::File {
                    pattern,
                    glob,
                    changes,
                    settled_for,
                } = trigger
                {
                    watched.push(Watched {
                        rule: rule.name.clone(),
                        trigger: index,
                        pattern: pattern.clone(),
                        glob: glob.clone(),
                        changes: changes.clone(),
                        settled_for: *settled_for,
                        settling: Settling::default(),
                    });
                }
            }
        }
        watched
    }

    /// Compares the files with what was seen before and brings what has settled. Answers how soon to look again when
    /// something has not.
    async fn compare(&self, watched: &mut Watched) -> Result<Option<Duration>, StoreError> {
        let seen = self.outbox.note(&watched.note()).await?;
        let mut seen: Option<Snapshot> = seen.and_then(|note| serde_json::from_value(note).ok());
        let (root, pattern, glob) = (self.root.clone(), watched.pattern.clone(), watched.glob.clone());
        let before = seen.clone().unwrap_or_default();
        let look = tokio::task::spawn_blocking(move || snapshot::take(&root, &pattern, &glob, &before));
        let now_there = match look.await {
            Ok(Ok(snapshot)) => snapshot,
            Ok(Err(problem)) => {
                warn!(rule = %watched.rule, pattern = %watched.pattern, %problem, "files cannot be listed, trying again");
                return Ok(None);
            }
            Err(panic) => return Err(StoreError::Unavailable(format!("listing files failed: {panic}"))),
        };
        let Some(seen) = &mut seen else {
            // Seen for the first time: what is there is where we begin.
            info!(rule = %watched.rule, files = now_there.files.len(), "files are watched from now on");
            self.outbox.set_note(&watched.note(), Some(&json!(now_there))).await?;
            return Ok(None);
        };
        let now = self.clock.now();
        let mut soonest = None;
        let differing = snapshot::differences(seen, &now_there);
        watched
            .settling
            .keep(|path| differing.iter().any(|(differs, _)| differs == path));
        for (path, change) in differing {
            let there = now_there.files.get(&path).cloned();
            if let Some(left) = watched.settling.look(&path, there.clone(), now, watched.settled_for) {
                soonest = Some(soonest.map_or(left, |soonest: Duration| soonest.min(left)));
                continue;
            }
            if watched.changes.contains(&change) {
                self.bring(watched, &path, change, seen.files.get(&path), there.as_ref())
                    .await?;
            }
            match there {
                Some(fingerprint) => seen.files.insert(path, fingerprint),
                None => seen.files.remove(&path),
            };
            self.outbox.set_note(&watched.note(), Some(&json!(seen))).await?;
        }
        Ok(soonest)
    }

    async fn bring(
        &self,
        watched: &Watched,
        path: &str,
        change: FileChange,
        before: Option<&Fingerprint>,
        after: Option<&Fingerprint>,
    ) -> Result<(), StoreError> {
        let full = self.root.join(path);
        let content = match after {
            Some(_) => tokio::task::spawn_blocking(move || file_content::read(&full))
                .await
                .unwrap_or_default(),
            None => file_content::Content::default(),
        };
        let current = after.or(before);
        let now = self.clock.now();
        let lines = file_content::lines_changed(before.and_then(|f| f.text.as_deref()), content.text.as_deref());
        let data = json!({
            "path": path,
            "name": path.rsplit('/').next().unwrap_or(path),
            "folder": path.rsplit_once('/').map(|(folder, _)| folder),
            "change": change,
            "size": current.map(|f| f.size),
            "modified_at": current.and_then(|f| f.modified_at).map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)),
            "hash": current.map(|f| f.hash.clone()),
            "data": content.data,
            "lines_added": lines.as_ref().map(|(added, _)| added),
            "lines_removed": lines.as_ref().map(|(_, removed)| removed),
        });
        // A file that goes back to an earlier content has changed again: the state before is part of the identity.
        let state = |f: Option<&Fingerprint>| {
            f.map_or_else(String::new, |f| {
                format!("{}@{}", f.hash, f.modified_at.unwrap_or_default().timestamp_micros())
            })
        };
        let event = Event {
            id: EventId::derived(&["file", &watched.note(), path, &state(before), &state(after)]),
            origin: Origin::File {
                rule: watched.rule.clone(),
                trigger: watched.trigger,
                path: path.to_owned(),
                change,
            },
            occurred_at: now,
            data,
            request: Value::Null,
            here: None,
            thread: None,
            item: None,
            sender: None,
        };
        self.dispatcher.dispatch(&event).await.map(drop)
    }
}

/// Watches the folders in which the patterns can match; an event is only a hint to compare.
fn watch_folders(root: &Path, watched: &[Watched], hint: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    if watched.is_empty() {
        return None;
    }
    let folders = watched
        .iter()
        .map(|one| (root.join(snapshot::fixed_part(&one.pattern)), RecursiveMode::Recursive));
    file_watch::folders(folders, hint)
}
