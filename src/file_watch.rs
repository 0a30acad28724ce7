//! Folders whose files people change. An event of the file system is only a hint that something may be different: it
//! can be missing, doubled, or name another file. Whoever is hinted reads everything again and compares.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tracing::warn;

/// How long it must be quiet before the files are read: an editor or a checkout writes several at once.
const QUIET: Duration = Duration::from_millis(200);
/// How long files that never become quiet are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Puts a hint into the channel whenever something happens in one of the folders, until the answer is dropped. Folders
/// that are not there are left out. `None` if nothing can be watched at all; the log says so. Either way, whoever watches compares now and then without
/// any hint: network file systems and swapped mounts give none.
///
/// The channel should hold one hint: a full one says all there is to say.
pub fn folders(
    folders: impl IntoIterator<Item = (PathBuf, RecursiveMode)>,
    hint: mpsc::Sender<()>,
) -> Option<RecommendedWatcher> {
    let on_event = move |event: notify::Result<notify::Event>| {
        // Reading causes access events: answering those would never end.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = hint.try_send(());
        }
    };
    let mut watcher = match notify::recommended_watcher(on_event) {
        Ok(watcher) => watcher,
        Err(problem) => {
            warn!(%problem, "files cannot be watched, they are compared regularly instead");
            return None;
        }
    };
    for (folder, mode) in folders.into_iter().filter(|(folder, _)| folder.is_dir()) {
        if let Err(problem) = watcher.watch(&folder, mode) {
            warn!(folder = %folder.display(), %problem, "folder cannot be watched, it is compared regularly instead");
        }
    }
    Some(watcher)
}

/// The folders of a workspace: its root alone (the store and build folders below write all the time), and these folders
/// with all that is in them.
pub fn of_workspace(root: &Path, below: &[&str]) -> Vec<(PathBuf, RecursiveMode)> {
    let deep = below.iter().map(|name| (root.join(name), RecursiveMode::Recursive));
    [(root.to_owned(), RecursiveMode::NonRecursive)]
        .into_iter()
        .chain(deep)
        .collect()
}

/// Waits until no hint has come for a fifth of a second, at most two seconds.
pub async fn quiet(hints: &mut mpsc::Receiver<()>) {
    let patience = tokio::time::sleep(PATIENCE);
    tokio::pin!(patience);
    loop {
        tokio::select! {
            () = &mut patience => return,
            () = tokio::time::sleep(QUIET) => return,
            Some(()) = hints.recv() => {}
        }
    }
}
