//! Teams' rate limits: sliding windows per conversation, and one for the whole tenant.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// What shares a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Sending, replying, updating, deleting.
    Send,
    /// Opening a conversation.
    Create,
    /// Asking who is in a conversation.
    Members,
    /// Asking for a team or its channels.
    Team,
    /// Batches, whose limits nobody tells; they count for the tenant alone.
    Batch,
    /// Posting to an incoming webhook.
    Webhook,
}

impl Class {
    /// (calls, within this many milliseconds); all must hold.
    fn windows(self) -> [(usize, i64); 5] {
        match self {
            Class::Webhook => [
                (4, 1_000),
                (60, 30_000),
                (100, 3_600_000),
                (150, 7_200_000),
                (1_800, 86_400_000),
            ],
            Class::Send | Class::Create => [(7, 1_000), (7, 1_000), (8, 2_000), (60, 30_000), (1_800, 3_600_000)],
            Class::Batch | Class::Members | Class::Team => {
                [(14, 1_000), (14, 1_000), (16, 2_000), (120, 30_000), (3_600, 3_600_000)]
            }
        }
    }
}

/// Calls per second and tenant, over all conversations.
const TENANT: (usize, i64) = (50, 1_000);
/// Above this many remembered conversations, those that no window sees any more are forgotten.
const MANY: usize = 4_096;

/// When which conversation was called. A refused call is not counted.
#[derive(Debug, Default)]
pub(super) struct Windows {
    calls: HashMap<(Class, String), VecDeque<DateTime<Utc>>>,
    tenant: VecDeque<DateTime<Utc>>,
}

impl Windows {
    /// Counts a call at `now`, or says how long to wait until one would be allowed.
    pub(super) fn admit(&mut self, class: Class, conversation: &str, now: DateTime<Utc>) -> Result<(), Duration> {
        if self.calls.len() > MANY {
            self.calls.retain(|(class, _), calls| {
                let longest = chrono::Duration::milliseconds(class.windows()[4].1);
                calls.back().is_some_and(|last| now - *last < longest)
            });
        }
        let calls = self.calls.entry((class, conversation.to_owned())).or_default();
        while calls
            .front()
            .is_some_and(|first| (now - *first).num_milliseconds() >= class.windows()[4].1)
        {
            calls.pop_front();
        }
        while self
            .tenant
            .front()
            .is_some_and(|first| (now - *first).num_milliseconds() >= TENANT.1)
        {
            self.tenant.pop_front();
        }
        let wait = class
            .windows()
            .iter()
            .filter_map(|window| wait(calls, *window, now))
            // A webhook is no call of the bot.
            .chain(wait(&self.tenant, TENANT, now).filter(|_| class != Class::Webhook))
            .max();
        match wait {
            Some(wait) => Err(wait),
            None => {
                calls.push_back(now);
                if class != Class::Webhook {
                    self.tenant.push_back(now);
                }
                Ok(())
            }
        }
    }
}

fn wait(calls: &VecDeque<DateTime<Utc>>, (most, within): (usize, i64), now: DateTime<Utc>) -> Option<Duration> {
    let oldest_that_counts = calls.get(calls.len().checked_sub(most)?)?;
    let left = within - (now - *oldest_that_counts).num_milliseconds();
    (left > 0).then(|| Duration::from_millis(left.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_772_000_000_000 + millis).expect("in range")
    }

    #[test]
    fn the_eighth_message_of_a_second_waits_for_the_first_to_leave_the_window() {
        let mut windows = Windows::default();
        for call in 0..7 {
            assert_eq!(windows.admit(Class::Send, "a", at(call * 10)), Ok(()));
        }
        assert_eq!(
            windows.admit(Class::Send, "a", at(100)),
            Err(Duration::from_millis(900))
        );
        assert_eq!(
            windows.admit(Class::Send, "b", at(100)),
            Ok(()),
            "another conversation has its own budget"
        );
        assert_eq!(
            windows.admit(Class::Members, "a", at(100)),
            Ok(()),
            "so has another kind of call"
        );
        assert_eq!(windows.admit(Class::Send, "a", at(1_000)), Ok(()));
        assert_eq!(
            windows.admit(Class::Send, "a", at(1_011)),
            Err(Duration::from_millis(989)),
            "8 in 2 seconds"
        );
    }

    #[test]
    fn sixty_in_thirty_seconds_and_fifty_a_second_for_the_whole_tenant() {
        let mut windows = Windows::default();
        for call in 0..60 {
            assert_eq!(windows.admit(Class::Send, "a", at(call * 260)), Ok(()), "call {call}");
        }
        assert_eq!(
            windows.admit(Class::Send, "a", at(60 * 260)),
            Err(Duration::from_millis(30_000 - 60 * 260))
        );

        let mut windows = Windows::default();
        for call in 0..50 {
            assert_eq!(windows.admit(Class::Send, &format!("c{call}"), at(0)), Ok(()));
        }
        assert_eq!(
            windows.admit(Class::Send, "one more", at(1)),
            Err(Duration::from_millis(999))
        );
    }

    #[test]
    fn conversations_that_no_window_sees_any_more_are_forgotten() {
        let mut windows = Windows::default();
        for call in 0..(MANY as i64 + 2) {
            windows
                .admit(Class::Send, &format!("c{call}"), at(call * 20))
                .expect("fifty a second");
        }
        windows
            .admit(Class::Send, "late", at(100_000_000))
            .expect("a day later");
        assert!(windows.calls.len() <= 2, "{} are still remembered", windows.calls.len());
    }
}
