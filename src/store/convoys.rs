//! What Teams has in batches: written down with their deliveries, until it says what came of each.

use async_trait::async_trait;

use super::StoreError;
use crate::batch::Convoy;
use crate::delivery::{DeliveryId, RunId};

/// The part of the outbox that is about batches.
#[async_trait]
pub trait Convoys: Send + Sync {
    /// Teams took a batch: writes it down with every delivery in it, in one write. From then on they are `sending` until
    /// [`Outbox::settle`](super::Outbox::settle) under the claims they have, whatever their leases and over restarts. Answers those that are not
    /// sent under their claim any more: they may arrive all the same.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn embark(&self, convoy: &Convoy) -> Result<Vec<DeliveryId>, StoreError>;

    /// The batches that Teams works on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be used. One that cannot be decoded is set aside; its deliveries are
    /// due again when their leases end.
    async fn convoys(&self) -> Result<Vec<Convoy>, StoreError>;

    /// Writes a batch again: when to ask next, and what was asked of Teams. Nothing if it is over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn keep_convoy(&self, convoy: &Convoy) -> Result<(), StoreError>;

    /// A batch is over, and all in it are settled.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn disband(&self, id: &str) -> Result<(), StoreError>;

    /// Some of a run are sent one by one although there are batches, for this reason.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn note_alone(&self, run: &RunId, reason: &str) -> Result<(), StoreError>;
}
