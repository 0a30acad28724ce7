//! `herald test --watch`: again whenever a file changes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use notify::RecommendedWatcher;
use tokio::sync::mpsc;

use super::{TestArgs, once};
use crate::cli::exit::Exit;
use crate::file_watch;
use crate::load;
use crate::workspace::Sources;

/// How often the files are compared without being told, while somebody sits in front of the screen.
const GLANCE: Duration = Duration::from_secs(2);

/// Runs the tests now and after every change, until Ctrl-C. The exit code is that of the last run.
///
/// # Errors
/// A path that does not exist, an output that cannot be written, a machine that gives no signals.
pub(super) fn run(root: &Path, args: &TestArgs, colours: bool) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot wait for changes")?;
    runtime.block_on(async {
        let mut changes = Changes::of(root);
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        let mut exit = again(root, args, colours)?;
        loop {
            tokio::select! {
                () = changes.next() => {
                    // A file may be gone for the moment in which an editor saves it.
                    exit = again(root, args, colours).unwrap_or_else(|problem| {
                        eprintln!("error: {problem:#}");
                        Exit::CouldNot
                    });
                }
                told = &mut interrupted => {
                    told.context("cannot wait for Ctrl-C")?;
                    return Ok(exit);
                }
            }
        }
    })
}

fn again(root: &Path, args: &TestArgs, colours: bool) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    // A clean screen on a terminal, a line everywhere else.
    if colours {
        write!(out, "\u{1b}[2J\u{1b}[H")?;
    }
    let exit = once(root, args, colours, &mut out)?;
    writeln!(out, "\nwaiting for changes; Ctrl-C ends")?;
    out.flush()?;
    Ok(exit)
}

/// Changes of a workspace's files, seen as the running engine sees them, and in samples and tests as well.
struct Changes {
    root: PathBuf,
    sources: Sources,
    hint: mpsc::Sender<()>,
    hints: mpsc::Receiver<()>,
    watched: Option<RecommendedWatcher>,
}

impl Changes {
    fn of(root: &Path) -> Self {
        let (hint, hints) = mpsc::channel(1);
        let watched = watch(root, &hint);
        Self {
            root: root.to_owned(),
            sources: load::read_with_samples(root),
            hint,
            hints,
            watched,
        }
    }

    /// Returns once the content of a file has changed since the last call, and the folder is quiet.
    async fn next(&mut self) {
        loop {
            tokio::select! {
                Some(()) = self.hints.recv() => file_watch::quiet(&mut self.hints).await,
                () = tokio::time::sleep(GLANCE) => {}
            }
            let sources = load::read_with_samples(&self.root);
            if sources != self.sources {
                self.sources = sources;
                // Folders may have come or gone: watch what is there now.
                self.watched = watch(&self.root, &self.hint);
                return;
            }
        }
    }
}

fn watch(root: &Path, hint: &mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let folders = file_watch::of_workspace(root, &["rules", "templates", "texts", "samples", "holidays"]);
    file_watch::folders(folders, hint.clone())
}
