//! Claims that were leased a second time while they were still in our hands: the clock jumped past the end of their
//! lease. They are ours all the same, under the newer lease.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::delivery::DeliveryId;
use crate::store::outbox::Claim;

/// The newest lease of each delivery that has more than one.
#[derive(Debug, Default)]
pub struct Renewed {
    newer: Mutex<HashMap<DeliveryId, u64>>,
    /// Rung when there is one more.
    noted: Notify,
}

impl Renewed {
    /// This delivery, which is under way, has a newer lease.
    pub fn note(&self, claim: &Claim) {
        let mut newer = self.newer.lock().unwrap_or_else(PoisonError::into_inner);
        newer.insert(claim.delivery.id.clone(), claim.lease);
        drop(newer);
        self.noted.notify_waiters();
    }

    /// The claim under its newest lease.
    pub fn newest(&self, claim: &Claim) -> Claim {
        let newer = self.newer.lock().unwrap_or_else(PoisonError::into_inner);
        Claim {
            lease: newer.get(&claim.delivery.id).copied().unwrap_or(claim.lease),
            ..claim.clone()
        }
    }

    /// The claim under a newer lease than `tried`, which was lost: at once if it is known, else as soon as the courier has
    /// it in hand, which may have been given it this moment. `None` if none came within `patience`.
    pub async fn newer_than(&self, tried: &Claim, patience: Duration) -> Option<Claim> {
        let wait = async {
            loop {
                let noted = self.noted.notified();
                tokio::pin!(noted);
                // Listen before looking, so that one that is noted in between is not missed.
                noted.as_mut().enable();
                let newest = self.newest(tried);
                if newest.lease != tried.lease {
                    return newest;
                }
                noted.await;
            }
        };
        tokio::time::timeout(patience, wait).await.ok()
    }

    /// It is no longer under way.
    pub fn forget(&self, id: &DeliveryId) {
        let mut newer = self.newer.lock().unwrap_or_else(PoisonError::into_inner);
        newer.remove(id);
    }
}
