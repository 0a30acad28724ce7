//! How many calls to other programs are under way at once: for each host its own few, so that one that hangs holds up its
//! own calls and nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls to one host that are under way at once.
pub const AT_ONCE: usize = 32;
/// Calls to one host that are under way or wait here for their turn; further ones come back later.
const MOST_OF_HOST: usize = 128;
/// The same for all hosts together.
const MOST: usize = 512;

/// The lines over which is called. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    hosts: HashMap<String, Host>,
}

#[derive(Debug)]
struct Host {
    count: usize,
    turns: Arc<Semaphore>,
}

/// A call that is under way, or waits for its turn. It gives its place back when it is dropped.
#[derive(Debug)]
pub struct Place {
    lines: Lines,
    host: String,
    turns: Arc<Semaphore>,
}

impl Lines {
    /// A place for a call to this host; `None` while too many wait already.
    pub fn enter(&self, host: &str) -> Option<Place> {
        let mut taken = self.taken();
        if taken.count >= MOST {
            return None;
        }
        let of_host = taken.hosts.entry(host.to_owned()).or_insert_with(|| Host {
            count: 0,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        });
        if of_host.count >= MOST_OF_HOST {
            return None;
        }
        of_host.count += 1;
        let turns = of_host.turns.clone();
        taken.count += 1;
        Some(Place {
            lines: self.clone(),
            host: host.to_owned(),
            turns,
        })
    }

    /// How many calls are under way or wait for their turn.
    pub fn count(&self) -> usize {
        self.taken().count
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until it is this call's turn, which lasts as long as what is returned.
    pub async fn turn(&self) -> Turn {
        let turn = self.turns.clone().acquire_owned().await;
        Turn(turn.ok())
    }
}

/// It is this call's turn.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "it is held, not looked at")] Option<OwnedSemaphorePermit>);

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.lines.taken();
        taken.count = taken.count.saturating_sub(1);
        if let Some(of_host) = taken.hosts.get_mut(&self.host) {
            of_host.count = of_host.count.saturating_sub(1);
            if of_host.count == 0 {
                taken.hosts.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_hangs_has_its_own_lines_and_no_more() {
        let lines = Lines::default();
        let places: Vec<Place> = (0..200).filter_map(|_| lines.enter("slow.example")).collect();
        assert_eq!((places.len(), lines.count()), (MOST_OF_HOST, MOST_OF_HOST));
        let mut turns = Vec::new();
        for place in &places[..AT_ONCE] {
            turns.push(place.turn().await);
        }
        {
            let next = places[AT_ONCE].turn();
            tokio::pin!(next);
            assert!(futures::poll!(&mut next).is_pending(), "so many are under way");
            let other = lines.enter("quick.example").expect("another host has its own");
            other.turn().await;
            turns.pop();
            assert!(
                futures::poll!(&mut next).is_ready(),
                "one ended, the next one has its turn"
            );
        }
        drop(places);
        assert_eq!(lines.count(), 0);
        assert!(
            lines.taken().hosts.is_empty(),
            "nothing is kept of hosts that nobody calls"
        );
    }

    #[test]
    fn all_hosts_together_have_an_end() {
        let lines = Lines::default();
        let places: Vec<Place> = (0..1_000)
            .filter_map(|number| lines.enter(&format!("{number}.example")))
            .collect();
        assert_eq!(places.len(), MOST);
    }
}
