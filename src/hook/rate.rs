//! How many posts a hook takes: `limit: 100 per minute`, and who may still post under it.
//!
//! The time slides: in no stretch of the length that is written are more posts taken than are written. A post that is
//! turned away does not count, so a sender that waits as long as it is told gets in.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::rate::{Counted, Rate};

/// The posts of a hook. Each of those that a limit names is remembered, so there is a most.
pub const POSTS: Counted = Counted {
    code: "hook::limit",
    things: "posts",
    most: 100_000,
    none: (
        "a hook that takes no posts is of no use",
        "take the hook out of `hooks:` to close it",
    ),
    too_many: "write a shorter time, or leave `limit` out",
};

/// The posts that a hook took, oldest first, as far as they still count.
#[derive(Debug, Clone, Default)]
pub struct Posts(VecDeque<DateTime<Utc>>);

impl Posts {
    /// Takes a post at `now` if `rate` allows one more.
    ///
    /// # Errors
    /// How long it is until the next one is taken; more than nothing.
    pub fn take(&mut self, rate: Rate, now: DateTime<Utc>) -> Result<(), Duration> {
        // What was taken in the future was taken before the clock was set back. Taking it for just now keeps a sender
        // waiting for one stretch at most, and not for as long as the clock was wrong.
        if self.0.back().is_some_and(|newest| *newest > now) {
            self.0.iter_mut().for_each(|at| *at = (*at).min(now));
        }
        let per = TimeDelta::from_std(rate.per).unwrap_or(TimeDelta::MAX);
        while self.0.front().is_some_and(|oldest| now - *oldest >= per) {
            self.0.pop_front();
        }
        let most = usize::try_from(rate.count).unwrap_or(usize::MAX);
        // A limit that was lowered meanwhile may have let in more than are allowed now.
        let Some(in_the_way) = self.0.len().checked_sub(most).and_then(|place| self.0.get(place)) else {
            self.0.push_back(now);
            return Ok(());
        };
        let wait = (*in_the_way + per - now).to_std().unwrap_or_default();
        Err(wait.max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn seconds(seconds: i64) -> TimeDelta {
        TimeDelta::seconds(seconds)
    }

    #[test]
    fn the_one_too_many_hears_exactly_when_the_next_is_taken() {
        let rate = Rate::parse("3 per minute", &POSTS).unwrap();
        let mut posts = Posts::default();
        for at in [0, 10, 20] {
            assert_eq!(posts.take(rate, noon() + seconds(at)), Ok(()));
        }
        assert_eq!(posts.take(rate, noon() + seconds(25)), Err(Duration::from_secs(35)));
        assert_eq!(posts.take(rate, noon() + seconds(59)), Err(Duration::from_secs(1)));
        assert_eq!(posts.take(rate, noon() + seconds(60)), Ok(()));
        assert_eq!(posts.take(rate, noon() + seconds(60)), Err(Duration::from_secs(10)));
    }

    #[test]
    fn a_limit_that_changes_counts_what_was_taken_before() {
        let mut posts = Posts::default();
        let before = Rate::parse("5 per minute", &POSTS).unwrap();
        for _ in 0..5 {
            assert_eq!(posts.take(before, noon()), Ok(()));
        }
        let lower = Rate::parse("2 per minute", &POSTS).unwrap();
        assert_eq!(posts.take(lower, noon() + seconds(30)), Err(Duration::from_secs(30)));
        let higher = Rate::parse("6 per minute", &POSTS).unwrap();
        assert_eq!(posts.take(higher, noon() + seconds(30)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out_for_longer_than_the_limits_time() {
        let rate = Rate::parse("1 per minute", &POSTS).unwrap();
        let mut posts = Posts::default();
        assert_eq!(posts.take(rate, noon() + TimeDelta::days(3)), Ok(()));
        assert_eq!(posts.take(rate, noon()), Err(Duration::from_secs(60)));
        assert_eq!(posts.take(rate, noon() + seconds(60)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_stretch_ever_holds_more_than_the_limit_and_waiting_as_told_lets_in(
            steps in proptest::collection::vec(0_i64..4000, 1..300),
            most in 1_u32..8,
            length in 1_u64..6,
        ) {
            let rate = Rate { count: most, per: Duration::from_secs(length) };
            let (mut posts, mut now, mut taken) = (Posts::default(), noon(), Vec::new());
            for step in steps {
                now += TimeDelta::milliseconds(step / 4);
                match posts.take(rate, now) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        let mut later = posts.clone();
                        prop_assert!(later.take(rate, now + TimeDelta::from_std(wait).unwrap()).is_ok());
                    }
                }
            }
            let per = TimeDelta::from_std(rate.per).unwrap();
            let full = taken.windows(most as usize + 1).any(|run| run[most as usize] - run[0] < per);
            prop_assert!(!full);
        }
    }
}
