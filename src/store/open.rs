//! From a place to its two stores.

use std::path::Path;
use std::sync::Arc;

use super::audit::AuditLog;
use super::meter::{Meter, Size};
use super::sled::{self, Options};
use super::{Directory, Outbox, StoreError};

/// The two stores of one place.
#[derive(Clone)]
pub struct Stores {
    /// Whom we know.
    pub directory: Arc<dyn Directory>,
    /// What we owe.
    pub outbox: Arc<dyn Outbox>,
    /// Who did what by hand.
    pub audit: Arc<dyn AuditLog>,
    /// How they are doing.
    pub meter: Meter,
    /// How much they have on disk.
    pub size: Size,
}

/// Opens the store in the folder `place`, making it if need be. Blocks until it is readable.
///
/// # Errors
/// Those of [`sled::open`]: each says what to do.
pub fn open(place: &Path, max_open_deliveries: u64) -> Result<Stores, StoreError> {
    let store = sled::open(
        place,
        Options {
            max_open_deliveries,
            ..Options::default()
        },
    )?;
    Ok(Stores {
        directory: store.directory(),
        outbox: store.outbox(),
        audit: store.audit(),
        meter: store.meter(),
        size: Size::new(move || store.bytes_on_disk()),
    })
}

impl Stores {
    /// Lets go of the place once everything is written, without holding up other tasks meanwhile.
    pub async fn close(self) {
        // The task cannot fail: dropping does not panic.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}
