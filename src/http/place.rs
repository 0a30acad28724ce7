//! How many requests are worked on at once, shared so that no hook takes all of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a request waits for a place. A place is free again within milliseconds, unless the disk stands still; and
/// many senders never come back when they are turned away. Slack gives up after three seconds in all.
pub const MOMENT: Duration = Duration::from_secs(1);

/// Places where requests are worked on, by the name of the hook.
///
/// One hook gets at most three quarters of the places, so that the others find one however it is flooded. All who find
/// none wait, in their order; there are as many of them as there are connections at most. To turn some away at once would
/// be no kindness: those who flood come back at once, and saying no to them would be all that is still done.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    count: usize,
    shares: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    _own: OwnedSemaphorePermit,
    _one: OwnedSemaphorePermit,
}

impl Places {
    /// So many places, at least one.
    pub fn new(count: usize) -> Self {
        let count = count.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(count)),
            count,
            shares: Mutex::default(),
        }
    }

    /// A place for a request to this hook, within a [`MOMENT`]; `None` when there is none.
    pub async fn take(&self, hook: &str) -> Option<Place> {
        let share = self.share(hook);
        timeout(MOMENT, async {
            Some(Place {
                _own: share.acquire_owned().await.ok()?,
                _one: self.all.clone().acquire_owned().await.ok()?,
            })
        })
        .await
        .ok()
        .flatten()
    }

    fn share(&self, hook: &str) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(hook) {
            return share.clone();
        }
        // Hooks that a reload took away: nobody holds their share any more.
        shares.retain(|_, share| Arc::strong_count(share) > 1);
        let share = Arc::new(Semaphore::new((self.count * 3).div_ceil(4)));
        shares.insert(hook.to_owned(), share.clone());
        share
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn a_flooded_hook_leaves_places_for_the_others() {
        let places = Places::new(8);
        let mut flood = Vec::new();
        for _ in 0..6 {
            flood.push(places.take("flooded").await.expect("a place"));
        }
        assert!(places.take("flooded").await.is_none(), "its share is full");
        let calm = [places.take("calm").await, places.take("another").await];
        assert!(calm.iter().all(Option::is_some));
        assert!(places.take("calm").await.is_none(), "all places are taken");
    }

    #[tokio::test]
    async fn whoever_waits_gets_the_place_that_becomes_free() {
        let places = Arc::new(Places::new(1));
        let place = places.take("ci").await.expect("a place");
        let mut waiting = JoinSet::new();
        waiting.spawn({
            let places = places.clone();
            async move { places.take("ci").await.is_some() }
        });
        tokio::time::sleep(MOMENT / 2).await;
        drop(place);
        assert_eq!(waiting.join_all().await, [true]);
        assert!(places.take("ci").await.is_some());
    }

    #[tokio::test]
    async fn those_who_wait_in_vain_hear_it_after_a_moment() {
        let places = Arc::new(Places::new(2));
        let _held = [places.take("ci").await, places.take("ci").await];
        let before = tokio::time::Instant::now();
        let mut waiting = JoinSet::new();
        for _ in 0..100 {
            let places = places.clone();
            waiting.spawn(async move { places.take("ci").await.is_some() });
        }
        assert_eq!(waiting.join_all().await, [false; 100]);
        assert!(before.elapsed() >= MOMENT);
    }
}
