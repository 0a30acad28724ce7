//! How many connections there is room for, and who makes room when there is none.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::connection::{Connection, Phase};
use crate::metric::Metrics;
use crate::metric::front::Reason;

/// More open files than these are not asked of the system.
#[cfg(unix)]
const ENOUGH_FILES: u64 = 65_536;
/// Open files that are left for the store, the way to Teams and the workspace, where there are enough.
const FILES_OF_OURS: usize = 128;
/// The least that is left for them.
const FEWEST_FILES_OF_OURS: usize = 32;
/// One in so many places is kept free where possible, so that a newcomer need not wait for another one's leave.
const KEPT_FREE: usize = 32;
/// So long nobody makes room for others: a sender's request follows its connection at once, and who has just been answered
/// may have more to say. Fewer than two thousand connections a second find room in a thousand places by this.
const GRACE: Duration = Duration::from_millis(500);
/// How long a newcomer waits before it is looked again who could make room.
const PATIENCE: Duration = Duration::from_millis(50);

/// How many files this process may have open; as many as it is allowed to ask for, it asks for. `None` where the system
/// has no such limit.
#[cfg(unix)]
pub fn files_allowed() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(ENOUGH_FILES).min(ENOUGH_FILES);
    let current = limit.current?;
    if current >= wanted {
        return usize::try_from(current).ok();
    }
    let more = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    // Without the permission we live with what there is.
    let allowed = if setrlimit(Resource::Nofile, more).is_ok() {
        wanted
    } else {
        current
    };
    usize::try_from(allowed).ok()
}

/// As on Unix; here the system has no such limit.
#[cfg(not(unix))]
pub fn files_allowed() -> Option<usize> {
    None
}

/// How many connections of the `wanted` ones fit, with so many files allowed.
pub fn fitting(wanted: usize, files: Option<usize>) -> usize {
    let Some(files) = files else {
        return wanted.max(1);
    };
    let ours = (files / 4).clamp(FEWEST_FILES_OF_OURS, FILES_OF_OURS);
    wanted.min(files.saturating_sub(ours)).max(1)
}

/// The connections that are open.
#[derive(Debug)]
pub struct Room {
    places: Arc<Semaphore>,
    count: usize,
    seated: Mutex<Seated>,
    /// Places are short: who is answered gives its own up.
    crowded: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Seated {
    next: u64,
    connections: HashMap<u64, (Arc<Connection>, Neighbourhood)>,
    neighbours: HashMap<Neighbourhood, usize>,
}

/// Who shares an address: an IPv4 address, or the 64 leading bits of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Neighbourhood(IpAddr);

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub struct Seat {
    connection: Arc<Connection>,
    number: u64,
    room: Arc<Room>,
    /// Somebody had to make room for it.
    pub crowded: bool,
    _place: OwnedSemaphorePermit,
}

impl Deref for Seat {
    type Target = Arc<Connection>;

    fn deref(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.leave(self.number);
    }
}

impl Neighbourhood {
    fn of(peer: SocketAddr) -> Self {
        Self(match peer.ip().to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(network))
            }
            IpAddr::V4(address) => IpAddr::V4(address),
        })
    }
}

impl Room {
    /// Room for so many connections.
    pub fn new(count: usize, metrics: Arc<Metrics>) -> Self {
        let count = count.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(count)),
            count,
            seated: Mutex::default(),
            crowded: Arc::default(),
            metrics,
        }
    }

    /// How many places there are.
    pub fn places(&self) -> usize {
        self.count
    }

    /// A place for a connection that was accepted, as soon as there is one. When all are taken, somebody who only stands
    /// there makes room, and so does everybody who is answered; a request that is being worked on ends within the limit
    /// of requests.
    pub async fn seat(self: &Arc<Self>, peer: SocketAddr) -> Seat {
        let short = self.places.available_permits() <= self.count / KEPT_FREE;
        self.crowded.store(short, Ordering::Relaxed);
        let mut crowded = short && self.close_oldest();
        let place = loop {
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                break place;
            }
            crowded |= self.close_oldest();
            if let Ok(Ok(place)) = timeout(PATIENCE, self.places.clone().acquire_owned()).await {
                break place;
            }
        };
        let connection = Arc::new(Connection::new(peer, self.crowded.clone()));
        let number = self.enter(connection.clone());
        self.metrics.front.open(self.count - self.places.available_permits());
        Seat {
            connection,
            number,
            room: self.clone(),
            crowded,
            _place: place,
        }
    }

    fn enter(&self, connection: Arc<Connection>) -> u64 {
        let mut seated = self.lock();
        let number = seated.next;
        seated.next += 1;
        let neighbourhood = Neighbourhood::of(connection.peer);
        *seated.neighbours.entry(neighbourhood).or_default() += 1;
        seated.connections.insert(number, (connection, neighbourhood));
        number
    }

    fn leave(&self, number: u64) {
        let mut seated = self.lock();
        if let Some((_, neighbourhood)) = seated.connections.remove(&number) {
            let left = seated.neighbours.get_mut(&neighbourhood).map(|count| {
                *count -= 1;
                *count
            });
            if left == Some(0) {
                seated.neighbours.remove(&neighbourhood);
            }
        }
        self.metrics.front.open(seated.connections.len());
    }

    /// Closes the connection that has stood there longest without a whole request, of the address that has most of them.
    /// Nobody is closed while enough others are on their way out, nor within its [`GRACE`]. False when there is nobody to
    /// close.
    pub fn close_oldest(&self) -> bool {
        self.close_oldest_at(Instant::now())
    }

    fn close_oldest_at(&self, now: Instant) -> bool {
        let seated = self.lock();
        let mut leaving = 0;
        let mut oldest: Option<(usize, Instant, Phase, &Arc<Connection>)> = None;
        for (connection, neighbourhood) in seated.connections.values() {
            let (phase, since) = connection.state();
            if phase == Phase::Closed {
                leaving += 1;
                if leaving > self.count / KEPT_FREE {
                    return true;
                }
                continue;
            }
            let neighbours = seated.neighbours.get(neighbourhood).copied().unwrap_or_default();
            let earlier = |than: &(usize, Instant, Phase, _)| (neighbours, than.1) > (than.0, since);
            let stands = phase.only_stands_there() && now.duration_since(since) >= GRACE;
            if stands && oldest.as_ref().is_none_or(earlier) {
                oldest = Some((neighbours, since, phase, connection));
            }
        }
        let Some((_, since, phase, connection)) = oldest else {
            return leaving > 0;
        };
        if connection.close_if((phase, since)) {
            self.metrics.front.closed(Reason::Crowded);
            debug!(peer = %connection.peer, ?phase, "connection closed to make room for another");
        }
        true
    }

    /// Closes all connections that have been at the same point for longer than they may, by `now`.
    pub fn close_overdue(&self, now: Instant, stopping: bool) {
        for (connection, _) in self.lock().connections.values() {
            let (phase, since) = connection.state();
            let overdue = phase
                .longest(stopping)
                .is_some_and(|longest| now.duration_since(since) >= longest);
            if overdue && connection.close_if((phase, since)) {
                let reason = if stopping { Reason::Stop } else { phase.overstayed() };
                self.metrics.front.closed(reason);
                debug!(peer = %connection.peer, ?phase, "connection closed, it took too long");
            }
        }
    }

    /// A connection could not be accepted.
    pub fn not_accepted(&self) {
        self.metrics.front.not_accepted();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seated> {
        self.seated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    fn room(count: usize) -> Arc<Room> {
        Arc::new(Room::new(count, Arc::default()))
    }

    fn from(address: &str) -> SocketAddr {
        format!("{address}:50000").parse().expect("an address")
    }

    fn is_closed(seat: &Seat) -> bool {
        seat.state().0 == Phase::Closed
    }

    #[test]
    fn a_part_of_the_files_is_left_for_the_store_and_the_way_to_teams() {
        assert_eq!(fitting(1024, Some(1_048_576)), 1024);
        assert_eq!(fitting(1024, Some(1024)), 896);
        assert_eq!(fitting(1024, Some(256)), 192);
        assert_eq!(fitting(1024, Some(64)), 32);
        assert_eq!(fitting(1024, Some(16)), 1);
        assert_eq!(fitting(5000, None), 5000);
    }

    #[tokio::test]
    async fn the_oldest_of_the_address_that_has_most_connections_makes_room() {
        let room = room(4);
        let friend = room.seat(from("192.0.2.1")).await;
        let mut crowd = Vec::new();
        for _ in 0..3 {
            crowd.push(room.seat(from("198.51.100.7")).await);
        }
        assert!(!room.close_oldest_at(Instant::now()), "they have only just come");
        let later = Instant::now() + GRACE;
        assert!(room.close_oldest_at(later));
        assert!(is_closed(&crowd[0]) && !is_closed(&friend));
        assert!(room.close_oldest_at(later), "one is on its way out already");
        assert!(!is_closed(&crowd[1]));
        crowd.remove(0);
        let newcomer = room.seat(from("192.0.2.9")).await;
        assert!(!newcomer.crowded);
    }

    #[tokio::test]
    async fn ipv6_neighbours_count_as_one_address() {
        let room = room(3);
        let friend = room.seat(from("[2001:db8:1::1]")).await;
        let crowd = [
            room.seat(from("[2001:db8:2::1]")).await,
            room.seat(from("[2001:db8:2::2]")).await,
        ];
        assert!(room.close_oldest_at(Instant::now() + GRACE));
        assert!(!is_closed(&friend) && crowd.iter().any(is_closed));
    }

    #[tokio::test]
    async fn who_overstays_is_closed_and_who_waits_for_us_is_not() {
        let room = room(2);
        let silent = room.seat(from("192.0.2.1")).await;
        let (_, since) = silent.state();
        room.close_overdue(since + Duration::from_millis(9_999), false);
        assert!(!is_closed(&silent));
        room.close_overdue(since + Duration::from_secs(10), false);
        assert!(is_closed(&silent));
    }

    #[tokio::test]
    async fn a_newcomer_waits_when_nobody_can_make_room() {
        let room = room(1);
        let only = room.seat(from("192.0.2.1")).await;
        assert!(only.close_if(only.state()));
        let mut waiting = JoinSet::new();
        waiting.spawn({
            let room = room.clone();
            async move { room.seat(from("192.0.2.2")).await.peer }
        });
        tokio::time::sleep(PATIENCE * 3).await;
        assert!(waiting.try_join_next().is_none());
        drop(only);
        assert_eq!(waiting.join_all().await, [from("192.0.2.2")]);
    }
}
