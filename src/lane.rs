//! Lanes: what is urgent is not behind what is much.
//!
//! Three lanes share what Teams takes. As long as several of them have something to send, each gets its share, so that
//! an urgent card overtakes a broadcast and a broadcast still goes on; a lane that is alone gets everything.

use serde::{Deserialize, Serialize};

/// In which lane a card travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// What somebody must see now.
    Critical,
    /// Everything else.
    #[default]
    Normal,
    /// Much, or what can wait: broadcasts, and rules of low urgency.
    Bulk,
}

impl Lane {
    /// All lanes, the most urgent first.
    pub const ALL: [Lane; 3] = [Lane::Critical, Lane::Normal, Lane::Bulk];

    /// The word used in lists, metrics and the API.
    pub fn word(self) -> &'static str {
        match self {
            Lane::Critical => "critical",
            Lane::Normal => "normal",
            Lane::Bulk => "bulk",
        }
    }

    /// How many cards it sends for each of [`Lane::Bulk`] while all have some.
    fn share(self) -> u32 {
        match self {
            Lane::Critical => 16,
            Lane::Normal => 4,
            Lane::Bulk => 1,
        }
    }
}

/// Something for each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerLane<T> {
    critical: T,
    normal: T,
    bulk: T,
}

impl<T> PerLane<T> {
    /// What `make` says for each lane.
    pub fn of(mut make: impl FnMut(Lane) -> T) -> Self {
        Self {
            critical: make(Lane::Critical),
            normal: make(Lane::Normal),
            bulk: make(Lane::Bulk),
        }
    }

    /// That of one lane.
    pub fn get(&self, lane: Lane) -> &T {
        match lane {
            Lane::Critical => &self.critical,
            Lane::Normal => &self.normal,
            Lane::Bulk => &self.bulk,
        }
    }

    /// That of one lane, to be changed.
    pub fn get_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Critical => &mut self.critical,
            Lane::Normal => &mut self.normal,
            Lane::Bulk => &mut self.bulk,
        }
    }
}

/// Whose turn it is: lanes that have something take turns by their shares (16 : 4 : 1).
///
/// Each lane pays for a turn by what its share makes it cost, and whoever has paid least is next. A lane that had
/// nothing to send for a while saved nothing up.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    paid: PerLane<u64>,
    now: u64,
}

/// Divisible by every share.
const PRICE: u64 = 16;

impl Turns {
    /// The lane whose turn it is among those that are `ready`, or none if none is.
    pub fn next(&mut self, ready: impl Fn(Lane) -> bool) -> Option<Lane> {
        let paid = |lane: Lane| (*self.paid.get(lane)).max(self.now);
        let lane = Lane::ALL
            .into_iter()
            .filter(|lane| ready(*lane))
            .min_by_key(|lane| (paid(*lane), *lane))?;
        self.now = paid(lane);
        *self.paid.get_mut(lane) = self.now + PRICE / u64::from(lane.share());
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(count: usize, mut turns: Turns, ready: impl Fn(Lane) -> bool + Copy) -> PerLane<usize> {
        let mut taken = PerLane::of(|_| 0);
        for _ in 0..count {
            *taken.get_mut(turns.next(ready).expect("some lane is ready")) += 1;
        }
        taken
    }

    #[test]
    fn lanes_that_all_have_something_share_by_sixteen_four_and_one() {
        let taken = turns(2100, Turns::default(), |_| true);
        assert_eq!(Lane::ALL.map(|lane| *taken.get(lane)), [1600, 400, 100]);
    }

    #[test]
    fn a_lane_that_is_alone_gets_everything() {
        for lane in Lane::ALL {
            let taken = turns(50, Turns::default(), |other| other == lane);
            assert_eq!(*taken.get(lane), 50);
        }
        assert_eq!(Turns::default().next(|_| false), None);
    }

    #[test]
    fn an_urgent_card_is_next_however_long_a_broadcast_has_been_going_on() {
        let mut turns = Turns::default();
        for _ in 0..100_000 {
            turns.next(|lane| lane == Lane::Bulk);
        }
        assert_eq!(turns.next(|lane| lane != Lane::Normal), Some(Lane::Critical));
    }

    #[test]
    fn a_lane_that_had_nothing_saved_nothing_up() {
        let mut turns = Turns::default();
        for _ in 0..100_000 {
            turns.next(|lane| lane == Lane::Critical);
        }
        let taken = self::turns(21, turns, |_| true);
        assert!(*taken.get(Lane::Critical) >= 15, "{taken:?}");
        assert!(*taken.get(Lane::Bulk) <= 2, "{taken:?}");
    }
}
