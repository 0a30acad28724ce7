//! The folder on disk: owned by one process, opened with care, synced for real.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::draft::{failed, io_failed};
use crate::store::StoreError;

/// The file whose lock makes a process the owner. Its content is the owner's process id, for the sentence that a
/// second process prints.
const LOCK: &str = "owner";

/// How long an open database may linger after its owner in this process let go of it: sled finishes writes on
/// threads of its own.
const LINGER: Duration = Duration::from_secs(5);

/// A folder that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    cache_bytes: u64,
    _lock: File,
}

/// The opened database.
pub(super) struct Opened {
    /// Sled; its default tree holds everything.
    pub(super) db: sled::Db,
    /// Tells this opening from an earlier one.
    pub(super) identity: Arc<()>,
    file: File,
}

impl Place {
    /// Makes the folder if need be and becomes its owner.
    pub(super) fn own(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let cannot = |what: &str, error: &std::io::Error| {
            StoreError::Unavailable(format!("cannot {what} `{}`: {}", path.display(), io_failed(error)))
        };
        std::fs::create_dir_all(path).map_err(|error| cannot("make the folder", &error))?;
        let mut lock = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(path.join(LOCK))
            .map_err(|error| cannot("write to the folder", &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // On some systems the lock also keeps others from reading: then the sentence goes without a number.
                let _ = lock.read_to_string(&mut owner);
                let owner = match owner.trim() {
                    "" => String::new(),
                    number => format!(" (process {number})"),
                };
                return Err(StoreError::Locked(format!(
                    "a running server{owner} owns `{}`; ask that server instead (leave out `--data`), stop it first, or \
                     name another folder",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(cannot("lock the folder", &error)),
        }
        // Best effort: a full disk must not keep the owner out, and the number is a courtesy.
        let _ = lock
            .set_len(0)
            .and_then(|()| lock.seek(SeekFrom::Start(0)))
            .and_then(|_| write!(lock, "{}", std::process::id()));
        Ok(Self {
            path: path.to_owned(),
            cache_bytes,
            _lock: lock,
        })
    }

    /// The folder as the operator wrote it.
    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// Opens the database, or says what to do.
    pub(super) fn open(&self) -> Result<Opened, StoreError> {
        self.clear_unfinished();
        let started = Instant::now();
        let db = loop {
            match self.careful(|| self.sled().open())? {
                Ok(db) => break db,
                Err(sled::Error::Io(error)) => match error.kind() {
                    // The folder is ours, so sled's own lock can only be held by what is left of a database that this
                    // process just closed.
                    ErrorKind::Other if is_lock(&error) && started.elapsed() < LINGER => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
                        return Err(self.damaged(&error.to_string()));
                    }
                    _ => return Err(StoreError::Unavailable(io_failed(&error))),
                },
                Err(sled::Error::Corruption { .. }) => return Err(self.damaged("a checksum is wrong")),
                Err(other) => return Err(self.damaged(&other.to_string())),
            }
        };
        let file = File::open(self.path.join("db")).map_err(|error| StoreError::Unavailable(io_failed(&error)))?;
        // Names of files are data of their folder, and sled does not sync folders.
        for folder in [Some(self.path.as_path()), self.path.parent()].into_iter().flatten() {
            if let Ok(folder) = File::open(folder) {
                let _ = folder.sync_all();
            }
        }
        Ok(Opened {
            db,
            identity: Arc::new(()),
            file,
        })
    }

    /// Removes snapshots that were not finished. Sled writes one whenever it opens, under a name that it takes for a
    /// finished one next time: after a full disk or a kill at that moment it would never open again. The snapshot
    /// before it is still there, since sled removes that one last.
    fn clear_unfinished(&self) {
        let Ok(entries) = std::fs::read_dir(&self.path) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                // If it cannot be removed, opening fails and says so.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Runs something that a damaged file can make sled panic in.
    pub(super) fn careful<T>(&self, run: impl FnOnce() -> T) -> Result<T, StoreError> {
        catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
            let why = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("it cannot be made sense of");
            self.damaged(why)
        })
    }

    /// How much room the disk of the folder has left for us, in bytes; `None` if the system does not say.
    pub(super) fn room(&self) -> Option<u64> {
        fs2::available_space(&self.path).ok()
    }

    fn sled(&self) -> sled::Config {
        sled::Config::new()
            .path(&self.path)
            .cache_capacity(self.cache_bytes)
            .flush_every_ms(None)
    }

    fn damaged(&self, why: &str) -> StoreError {
        let place = self.path.display();
        StoreError::Corrupt(format!(
            "a part of `{place}` is not as it was written ({}). Put a copy of the folder back, or move it away and start again with an \
             empty one: `herald targets import` brings the targets back from your last export, deliveries that were \
             still open are lost",
            first_line(why)
        ))
    }
}

impl Opened {
    /// Returns once everything that was committed would survive a power cut.
    ///
    /// Sled's own flush ends in `sync_file_range` on Linux, which promises nothing; hence the second step.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        flush(&self.db)?;
        self.file
            .sync_data()
            .map_err(|error| StoreError::Unavailable(io_failed(&error)))
    }
}

/// How long a flush may take before somebody else has a look.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many looks there are before the disk counts as dead.
const LOOKS: u32 = 30;

/// Sled's flush, without its way of never returning: it waits to be told that the bytes are written, and a write that
/// fails on one of sled's threads at the wrong moment tells nobody. A second flush notices the failure and wakes the
/// first.
fn flush(db: &sled::Db) -> Result<(), StoreError> {
    let (done, outcome) = std::sync::mpsc::channel();
    for _ in 0..LOOKS {
        let (db, done) = (db.clone(), done.clone());
        std::thread::Builder::new()
            .name("herald-flush".to_owned())
            .spawn(move || {
                let flushed = db.flush();
                // The database must be free to be closed when the outcome is known.
                drop(db);
                let _ = done.send(flushed);
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread could be started: {error}")))?;
        if let Ok(flushed) = outcome.recv_timeout(PATIENCE) {
            return flushed.map(drop).map_err(failed);
        }
    }
    Err(StoreError::Unavailable(format!(
        "its disk has not answered for {} seconds",
        LOOKS
    )))
}

fn is_lock(error: &std::io::Error) -> bool {
    error.to_string().contains("could not acquire lock")
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}
