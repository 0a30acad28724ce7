//! What can go wrong with a store.

/// Why a store could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The backend cannot be reached or cannot write (a full disk, for instance). Nothing of the call happened.
    #[error("the store cannot be used right now: {0}")]
    Unavailable(String),
    /// Another process owns the place.
    #[error("{0}")]
    Locked(String),
    /// The place exists but cannot be read.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// The place was written by a newer Herald or is bound to another bot, or what was asked for contradicts itself.
    #[error("{0}")]
    Refused(String),
    /// The delivery is no longer ours to settle: its lease ended and somebody else has it, or it was cancelled.
    #[error("the lease of this delivery has ended")]
    LeaseLost,
    /// A limit's window is not what the decision was made on any more; nothing was taken: decide again.
    #[error("another event was decided for the same limit meanwhile")]
    Overtaken,
    /// The outbox is at its bound; nothing was taken.
    #[error("the outbox is full: {open} deliveries are open, the bound is {bound}")]
    Full {
        /// Open deliveries now.
        open: u64,
        /// How many there may be.
        bound: u64,
    },
}
