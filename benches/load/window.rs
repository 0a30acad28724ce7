//! Sliding windows: so many calls within so much time. Teams in a box of the load program admits by them, and what
//! arrived is judged by them afterwards, from the times alone.

use std::collections::VecDeque;

/// At most `count` calls within `per` nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many.
    pub count: usize,
    /// Within how many nanoseconds.
    pub per: u64,
}

const SECOND: u64 = 1_000_000_000;

/// Calls of one app to one tenant.
pub const TENANT: [Window; 1] = [Window { count: 50, per: SECOND }];

/// Messages to one conversation, and openings of one.
pub const CONVERSATION: [Window; 4] = [
    Window { count: 7, per: SECOND },
    Window {
        count: 8,
        per: 2 * SECOND,
    },
    Window {
        count: 60,
        per: 30 * SECOND,
    },
    Window {
        count: 1_800,
        per: 3_600 * SECOND,
    },
];

/// Questions who is in one conversation.
pub const MEMBERS: [Window; 4] = [
    Window { count: 14, per: SECOND },
    Window {
        count: 16,
        per: 2 * SECOND,
    },
    Window {
        count: 120,
        per: 30 * SECOND,
    },
    Window {
        count: 3_600,
        per: 3_600 * SECOND,
    },
];

/// The calls that windows still see.
#[derive(Debug, Clone, Default)]
pub struct Seen(VecDeque<u64>);

impl Seen {
    /// How many nanoseconds a call at `now` comes too early; 0 if it fits all `windows`.
    pub fn too_early(&mut self, windows: &[Window], now: u64) -> u64 {
        let longest = windows.iter().map(|window| window.per).max().unwrap_or(0);
        while self
            .0
            .front()
            .is_some_and(|oldest| now.saturating_sub(*oldest) >= longest)
        {
            self.0.pop_front();
        }
        let wait = |window: &Window| {
            let oldest = self.0.get(self.0.len().checked_sub(window.count)?)?;
            Some((oldest + window.per).saturating_sub(now))
        };
        windows.iter().filter_map(wait).max().unwrap_or(0)
    }

    /// A call that was admitted at `now`.
    pub fn admitted(&mut self, now: u64) {
        self.0.push_back(now);
    }
}

/// How many of the calls at `times` (in order) came although the window was full.
pub fn violations(times: &[u64], window: Window) -> usize {
    times
        .windows(window.count + 1)
        .filter(|run| run[window.count] - run[0] < window.per)
        .count()
}

/// The most calls within any `per` nanoseconds.
pub fn fullest(times: &[u64], per: u64) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (place, time) in times.iter().enumerate() {
        while time - times[first] >= per {
            first += 1;
        }
        most = most.max(place + 1 - first);
    }
    most
}

/// How much of an allowed rate was used: calls in the time from the first to the last, divided by those allowed. Calls
/// that leave in bursts come out up to one window too well, so it takes many windows.
#[expect(clippy::cast_precision_loss, reason = "counts and seconds of a run")]
pub fn share(times: &[u64], window: Window) -> f64 {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return 0.0;
    };
    let windows = (last - first).max(1) as f64 / window.per as f64;
    (times.len() - 1) as f64 / window.count as f64 / windows
}
