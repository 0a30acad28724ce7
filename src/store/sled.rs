//! The embedded store: directory and outbox in one folder, on sled 0.34.
//!
//! - [`open`] owns the folder (`place.rs`), brings its format up to date and makes due again what a dead owner was
//!   sending.
//! - One thread writes, in groups that share one sync (`writer.rs`); an answer means "on disk".
//! - A call's changes are a draft that is applied whole or not at all (`draft.rs`), made of records with a version
//!   and a checksum (`record.rs`).
//! - What the changes are is decided in `intake.rs`, `lease.rs`, `runs.rs`, `windows.rs`, `matters.rs`, `timers.rs`, `amendments.rs`, `sweep.rs` (outbox, on `ledger.rs`)
//!   `facts.rs`, `choices.rs` and `refusals.rs` (directory, on `shelf.rs`).
//!
//! A write that fails says [`StoreError::Unavailable`]; the database is then opened again by itself. After a failed
//! sync nobody can know whether the change is on disk, so the caller repeats: every call is harmless to repeat.

use std::path::Path;
use std::sync::Arc;

use super::audit::AuditLog;
use super::meter::Meter;
use super::{Directory, Outbox, StoreError, upgrade};
use draft::{Draft, Table};
use place::{Opened, Place};
use writer::Desk;

mod amendments;
mod audit;
mod choices;
mod convoys;
mod directory;
mod draft;
mod facts;
mod gatherings;
mod intake;
mod lease;
mod ledger;
mod matters;
mod outbox;
mod place;
mod record;
mod refusals;
mod runs;
mod shelf;
mod sweep;
mod threads;
mod timers;
mod windows;
mod writer;

/// The key of the format number: plain digits, so that every Herald there will ever be can read it.
const FORMAT_KEY: &str = "format";

/// How large the store may become, in memory and on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Sled's page cache, in bytes. The process may use two to three times as much.
    pub cache_bytes: u64,
    /// How many deliveries (and rules that wait for a roster) may be open; beyond it [`Outbox::enqueue`] says
    /// [`StoreError::Full`].
    pub max_open_deliveries: u64,
    /// How many bytes of the disk are left free: with less room nothing new is taken in, and what is open goes on.
    /// 0 uses the disk to its end.
    pub reserve_bytes: u64,
}

impl Default for Options {
    /// 64 MiB of cache, 250,000 open deliveries (about 1 GiB on disk), 32 MiB in reserve.
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            max_open_deliveries: 250_000,
            reserve_bytes: 32 << 20,
        }
    }
}

/// An open store. The folder belongs to this process until this and everything it gave out are dropped; the last
/// drop waits until all is written.
#[derive(Clone)]
pub struct SledStore {
    desk: Arc<Desk>,
    max_open_deliveries: u64,
}

/// Opens the store in the folder `path`, making the folder if need be. Blocks: a store that saw a million writes
/// since it was last opened takes about two seconds.
///
/// Deliveries that were `sending` are due again at once: their courier died with the former owner.
///
/// # Errors
/// [`StoreError::Locked`] if another process owns the folder; [`StoreError::Corrupt`] if its files are damaged;
/// [`StoreError::Refused`] if a newer Herald or something else wrote it; [`StoreError::Unavailable`] if the folder
/// cannot be made or written. Each says what to do.
pub fn open(path: &Path, options: Options) -> Result<SledStore, StoreError> {
    let place = Place::own(path, options.cache_bytes)?;
    let opened = place.open()?;
    place.careful(|| start_up(&place, &opened))??;
    Ok(SledStore {
        desk: Arc::new(Desk::start(place, opened, options.reserve_bytes)?),
        max_open_deliveries: options.max_open_deliveries,
    })
}

impl SledStore {
    /// Whom we know.
    pub fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(directory::SledDirectory {
            desk: self.desk.clone(),
        })
    }

    /// What we owe.
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(outbox::SledOutbox {
            desk: self.desk.clone(),
            max_open_deliveries: self.max_open_deliveries,
        })
    }

    /// Who did what by hand.
    pub fn audit(&self) -> Arc<dyn AuditLog> {
        Arc::new(audit::SledAudit {
            desk: self.desk.clone(),
        })
    }

    /// How its writing is doing.
    pub fn meter(&self) -> Meter {
        self.desk.meter()
    }

    /// How many bytes the store has on disk; `None` while it cannot be said. Sled does not give room back: expect
    /// four to five times the largest content it ever had.
    pub fn bytes_on_disk(&self) -> Option<u64> {
        self.desk.bytes_on_disk()
    }
}

/// The steps from older formats to the present one.
fn steps<'a>() -> [upgrade::Step<Draft<'a>>; upgrade::FORMAT as usize - 1] {
    [
        |draft| ledger::list_by_age(draft),
        |draft| ledger::queue_by_address(draft),
    ]
}

fn start_up(place: &Place, opened: &Opened) -> Result<(), StoreError> {
    let mut draft = Draft::over(&opened.db);
    let format_key = Table::Meta.key(FORMAT_KEY);
    match draft.raw(&format_key)? {
        Some(found) => {
            let found = std::str::from_utf8(&found).ok().and_then(|digits| digits.parse().ok());
            for step in upgrade::path(found.unwrap_or(0), &steps(), &place.shown())? {
                step(&mut draft)?;
            }
        }
        None if opened.db.is_empty() => {}
        None => {
            return Err(StoreError::Refused(format!(
                "`{}` holds a sled database that is not Herald's, or a damaged one of ours: name another folder, or \
                 put a copy of it back",
                place.shown()
            )));
        }
    }
    draft.mark(format_key, upgrade::FORMAT.to_string().into_bytes());
    lease::recover(&mut draft)?;
    draft.commit()?;
    opened.sync()
}
