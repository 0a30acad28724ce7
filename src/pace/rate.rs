//! Windows that slide, and the times they look at.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::Kind;
use crate::rate::Rate;
use crate::settings::Limits;

/// At most `count` requests within any stretch of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many.
    pub count: usize,
    /// In how long.
    pub per: TimeDelta,
}

impl Window {
    fn of(rate: Rate) -> Self {
        Self {
            count: usize::try_from(rate.count).unwrap_or(usize::MAX),
            per: TimeDelta::from_std(rate.per).unwrap_or(TimeDelta::MAX),
        }
    }
}

const fn window(count: usize, seconds: i64) -> Window {
    Window {
        count,
        per: TimeDelta::seconds(seconds),
    }
}

/// How fast Teams may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    /// Requests of all kinds a second, for each tenant; at least 1.
    pub per_second: usize,
    /// Messages to one conversation.
    pub messages: Vec<Window>,
    /// Listings of one team or chat.
    pub listings: Vec<Window>,
    /// Messages to one incoming webhook.
    pub incoming: Vec<Window>,
}

impl Default for Rates {
    /// What Microsoft documents for one bot.
    fn default() -> Self {
        Self {
            per_second: 50,
            messages: vec![window(7, 1), window(8, 2), window(60, 30), window(1800, 3600)],
            listings: vec![window(14, 1), window(16, 2), window(120, 30), window(3600, 3600)],
            incoming: vec![
                window(4, 1),
                window(60, 30),
                window(100, 3600),
                window(150, 7200),
                window(1800, 86400),
            ],
        }
    }
}

impl Rates {
    /// The documented rates with another one for tenants (0 counts as 1).
    pub fn with_per_second(per_second: u32) -> Self {
        Self {
            per_second: usize::try_from(per_second).unwrap_or(usize::MAX).max(1),
            ..Self::default()
        }
    }

    /// The rates of `herald.yaml`; the documented ones where it says nothing.
    pub fn of_limits(limits: &Limits) -> Self {
        let mut rates = Self::with_per_second(limits.messages_per_second);
        for (windows, written) in [
            (&mut rates.messages, &limits.messages_per_conversation),
            (&mut rates.listings, &limits.listings_per_conversation),
        ] {
            if !written.is_empty() {
                *windows = written.iter().map(|rate| Window::of(*rate)).collect();
            }
        }
        rates
    }

    pub(super) fn of(&self, kind: Kind) -> Vec<Window> {
        match kind {
            Kind::Message => self.messages.clone(),
            Kind::Listing => self.listings.clone(),
            Kind::Incoming => self.incoming.clone(),
            // Nobody says how much a flow takes: it depends on its owner's licence.
            Kind::Workflow => Vec::new(),
        }
    }

    /// What is older counts nowhere.
    pub(super) fn memory(&self, kind: Kind) -> TimeDelta {
        let longest = self.of(kind).into_iter().map(|window| window.per).max();
        longest.unwrap_or(TimeDelta::zero())
    }
}

/// Instants in order, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Times(VecDeque<DateTime<Utc>>);

impl Times {
    /// When the next one fits all windows: the one that stands `count` places before it must have left each of them.
    pub(super) fn free_at(&self, windows: &[Window]) -> Option<DateTime<Utc>> {
        let times = &self.0;
        windows
            .iter()
            .filter_map(|window| {
                let index = times.len().checked_sub(window.count)?;
                Some(*times.get(index)? + window.per)
            })
            .max()
    }

    /// Adds one, and forgets what is older than `memory`.
    pub(super) fn push(&mut self, now: DateTime<Utc>, memory: TimeDelta) {
        let place = self.0.partition_point(|at| *at <= now);
        self.0.insert(place, now);
        while self.0.front().is_some_and(|oldest| now - *oldest >= memory) {
            self.0.pop_front();
        }
    }

    /// The newest one was later than it was said, or not.
    pub(super) fn newest_was_at(&mut self, at: DateTime<Utc>) {
        if let Some(newest) = self.0.back_mut() {
            *newest = at.max(*newest);
        }
    }

    /// One that was said to be at `said` is later by `by`.
    pub(super) fn delay(&mut self, said: DateTime<Utc>, by: TimeDelta) {
        let Some(place) = self.0.iter().rposition(|at| *at == said) else {
            return;
        };
        let later = said + by;
        self.0.remove(place);
        let place = self.0.partition_point(|at| *at <= later);
        self.0.insert(place, later);
    }

    /// How many are at `from` or later.
    pub(super) fn since(&self, from: DateTime<Utc>) -> usize {
        self.0.iter().rev().take_while(|at| **at >= from).count()
    }

    /// Requests cannot have left in the future: the clock was set back. Taking them for just now waits at most one
    /// window; believing them could wait for days.
    pub(super) fn notice_a_clock_set_back(&mut self, now: DateTime<Utc>) {
        // A little of the future is the delay of an answer.
        if self
            .0
            .back()
            .is_some_and(|newest| *newest > now + TimeDelta::seconds(2))
        {
            for at in &mut self.0 {
                *at = (*at).min(now);
            }
        }
    }
}
