//! Claims that were leased a second time while they were still in our hands: the clock jumped past the end of their
//! lease. They are ours all the same, under the newer lease.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::delivery::DeliveryId;
use crate::store::outbox::Claim;

/// The newest lease of each delivery that has more than one.
#[derive(Debug, Default)]
pub struct Renewed(Mutex<HashMap<DeliveryId, u64>>);

impl Renewed {
    /// This delivery, which is under way, has a newer lease.
    pub fn note(&self, claim: &Claim) {
        let mut newer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        newer.insert(claim.delivery.id.clone(), claim.lease);
    }

    /// The claim under its newest lease.
    pub fn newest(&self, claim: &Claim) -> Claim {
        let newer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Claim {
            lease: newer.get(&claim.delivery.id).copied().unwrap_or(claim.lease),
            ..claim.clone()
        }
    }

    /// It is no longer under way.
    pub fn forget(&self, id: &DeliveryId) {
        let mut newer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        newer.remove(id);
    }
}
