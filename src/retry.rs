//! (what Teams said, the delivery so far, now) -> try again when, or give up why.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::delivery::{Attempt, Delivery, Verdict};
use crate::teams::answer::Answer;

/// How patient a courier is with one delivery.
///
/// The first wait is at most `base`, each further one at most twice as long up to `cap`, drawn evenly between nothing
/// and that bound, so that many deliveries that failed together do not come back together. With the defaults that is
/// 2 s, 4 s, 8 s, ... 15 minutes, so the bounds add up to 17 minutes before the cap is reached, and a delivery is tried
/// some 200 times in its day before it is given up. A time Teams asked for is a minimum. A day that Herald was off, or
/// that a clock jumped over, is no day of trying: before it is given up a delivery is tried `least_tries` times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The bound of the first wait.
    pub base: Duration,
    /// The bound of every later wait.
    pub cap: Duration,
    /// For how long after it was decided (or made pending again by an operator) a delivery is tried.
    pub patience: Duration,
    /// How often it is tried even if all that time is over; at most [`Delivery::ATTEMPTS_KEPT`].
    pub least_tries: usize,
    /// The least wait when nothing can change before somebody acts: refused credentials, a bot switched off.
    pub slow: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(2),
            cap: Duration::from_secs(15 * 60),
            patience: Duration::from_secs(24 * 3600),
            least_tries: 10,
            slow: Duration::from_secs(60),
        }
    }
}

/// What to do about a delivery after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: Teams has it.
    Done,
    /// Try again.
    Retry {
        /// Not before this instant.
        at: DateTime<Utc>,
        /// Why, in a sentence.
        reason: String,
    },
    /// No further try makes sense.
    GiveUp {
        /// Why, in a sentence.
        reason: String,
    },
}

/// What kind of no an answer is.
enum Kind {
    /// It passes by itself; not before this time.
    Passing(Duration),
    /// It may have worked; once more is the most.
    Doubtful,
    /// It stays.
    Final,
}

impl RetryPolicy {
    /// What to do about `delivery` after this attempt ended with `answer` at `now`. The attempt itself is not in
    /// `delivery.attempts` yet. `jitter` is a random number from 0 to 1.
    pub fn next(&self, answer: &Answer, delivery: &Delivery, now: DateTime<Utc>, jitter: f64) -> Next {
        let kind = match answer {
            Answer::Accepted { .. } => return Next::Done,
            Answer::Throttled { wait } => Kind::Passing(wait.unwrap_or(self.base)),
            Answer::Unavailable { wait, .. } => Kind::Passing(wait.unwrap_or_default()),
            Answer::Conflict => Kind::Passing(Duration::ZERO),
            Answer::NoToken { .. } | Answer::Unauthorized { .. } | Answer::SwitchedOff { .. } => {
                Kind::Passing(self.slow)
            }
            Answer::Faulty { .. } => Kind::Doubtful,
            Answer::WrongHost { .. }
            | Answer::NotInstalled { .. }
            | Answer::Foreign { .. }
            | Answer::Gone { .. }
            | Answer::Blocked { .. }
            | Answer::Unreachable { .. }
            | Answer::NotAllowed { .. }
            | Answer::MessageGone { .. }
            | Answer::TooLarge
            | Answer::Rejected { .. } => Kind::Final,
        };
        let round = Round::of(delivery);
        let reason = answer.to_string();
        let least = match kind {
            Kind::Passing(least) => least,
            Kind::Doubtful if round.faults() == 0 => Duration::ZERO,
            Kind::Doubtful => {
                let reason = format!("{reason}; a third try could show the message twice");
                return Next::GiveUp { reason };
            }
            Kind::Final => return Next::GiveUp { reason },
        };
        let tried = now - round.since;
        if tried >= length(self.patience) && round.attempts.len() + 1 >= self.least_tries {
            let tries = delivery.attempt_count.saturating_add(1);
            let hours = tried.num_hours();
            return Next::GiveUp {
                reason: format!("given up after {tries} tries in {hours} hours: {reason}"),
            };
        }
        let wait = self
            .bound(round.attempts.len())
            .mul_f64(jitter.clamp(0.0, 1.0))
            .max(least);
        Next::Retry {
            at: now + length(wait),
            reason,
        }
    }

    /// The longest wait after `earlier` failed attempts and this one.
    fn bound(&self, earlier: usize) -> Duration {
        let doublings = u32::try_from(earlier).unwrap_or(u32::MAX).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }
}

/// The attempts since the delivery was last made pending by somebody, and when that was.
struct Round<'a> {
    attempts: &'a [Attempt],
    since: DateTime<Utc>,
}

impl Round<'_> {
    /// An operator who tries a dead delivery again gets a patient courier, not one whose day is over. The instant they
    /// did so is not recorded; the first attempt after it is close enough.
    fn of(delivery: &Delivery) -> Round<'_> {
        // A message that is taken back was delivered once, perhaps long ago.
        let ended = |attempt: &Attempt| matches!(attempt.verdict, Verdict::Dead { .. } | Verdict::Delivered { .. });
        match delivery.attempts.iter().rposition(ended) {
            Some(last) => {
                let attempts = &delivery.attempts[last + 1..];
                let since = attempts
                    .first()
                    .map_or(delivery.next_attempt_at, |first| first.started_at);
                Round { attempts, since }
            }
            None => Round {
                attempts: &delivery.attempts,
                since: delivery.owed_since(),
            },
        }
    }

    fn faults(&self) -> usize {
        self.attempts
            .iter()
            .filter(|attempt| attempt.status == Some(500))
            .count()
    }
}

fn length(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Address, DeliveryId, Operation, Recipient, State, Terms};
    use crate::event::EventId;
    use proptest::prelude::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn delivery(earlier: &[Option<u16>]) -> Delivery {
        let attempts = earlier.iter().enumerate().map(|(index, status)| Attempt {
            number: u32::try_from(index).unwrap() + 1,
            started_at: noon(),
            took_ms: 3,
            status: *status,
            verdict: Verdict::RetryAt {
                at: noon(),
                reason: "x".into(),
            },
        });
        Delivery {
            id: DeliveryId::known("dl_1"),
            event_id: EventId::known("ev_1"),
            rule: "r".into(),
            revision: "1".into(),
            recipient: Recipient {
                address: Address::Person {
                    tenant_id: "t".into(),
                    id: "anna".into(),
                },
                name: "Anna".into(),
            },
            card_id: None,
            state: State::Sending,
            attempts: attempts.collect(),
            attempt_count: u32::try_from(earlier.len()).unwrap(),
            created_at: noon(),
            next_attempt_at: noon(),
            reason: None,
            activity_id: None,
            conversation_id: None,
            thread_root: None,
            window: None,
            terms: Terms::default(),
            operation: Operation::Send,
            trace: None,
            batch: None,
        }
    }

    fn unavailable() -> Answer {
        Answer::Unavailable {
            reason: "Teams is not available".into(),
            wait: None,
        }
    }

    fn waits(answer: &Answer, earlier: &[Option<u16>], jitter: f64) -> Duration {
        match RetryPolicy::default().next(answer, &delivery(earlier), noon(), jitter) {
            Next::Retry { at, .. } => (at - noon()).to_std().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_wait_is_at_most_twice_the_last_up_to_a_quarter_of_an_hour() {
        for (earlier, longest) in [(0, 2), (1, 4), (2, 8), (8, 512), (9, 900), (40, 900)] {
            assert_eq!(
                waits(&unavailable(), &vec![Some(503); earlier], 1.0),
                Duration::from_secs(longest)
            );
        }
        assert_eq!(waits(&unavailable(), &[], 0.5), Duration::from_secs(1));
    }

    #[test]
    fn a_throttled_delivery_waits_as_long_as_teams_asked() {
        let asked = |seconds| Answer::Throttled {
            wait: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(waits(&asked(7), &[], 1.0), Duration::from_secs(7));
        assert_eq!(waits(&asked(7), &[Some(429); 5], 1.0), Duration::from_secs(64));
        assert_eq!(
            waits(&Answer::Throttled { wait: None }, &[], 0.0),
            Duration::from_secs(2)
        );
    }

    #[test]
    fn what_the_operator_must_mend_is_tried_slowly_instead_of_given_up() {
        for answer in [
            Answer::Unauthorized { reason: "x".into() },
            Answer::NoToken { reason: "x".into() },
            Answer::SwitchedOff { reason: "x".into() },
        ] {
            assert_eq!(waits(&answer, &[], 0.0), Duration::from_secs(60));
        }
    }

    #[test]
    fn a_fault_inside_teams_is_tried_once_more_and_no_further() {
        let fault = Answer::Faulty {
            reason: "Teams failed inside".into(),
        };
        let policy = RetryPolicy::default();
        assert!(matches!(
            policy.next(&fault, &delivery(&[Some(503), Some(429)]), noon(), 0.5),
            Next::Retry { .. }
        ));
        let Next::GiveUp { reason } = policy.next(&fault, &delivery(&[Some(500), Some(503)]), noon(), 0.5) else {
            panic!("a second fault ends it")
        };
        assert!(reason.contains("twice"));
    }

    #[test]
    fn a_no_that_stays_is_final_and_keeps_its_reason() {
        let reason = || "because".to_owned();
        let code = || "C".to_owned();
        for answer in [
            Answer::Gone {
                code: code(),
                reason: reason(),
            },
            Answer::Blocked {
                code: code(),
                reason: reason(),
            },
            Answer::Unreachable {
                code: code(),
                reason: reason(),
            },
            Answer::NotInstalled {
                code: code(),
                reason: reason(),
            },
            Answer::NotAllowed {
                code: code(),
                reason: reason(),
            },
            Answer::Foreign { reason: reason() },
            Answer::WrongHost { reason: reason() },
            Answer::MessageGone { reason: reason() },
            Answer::Rejected { reason: reason() },
        ] {
            let next = RetryPolicy::default().next(&answer, &delivery(&[]), noon(), 0.5);
            assert_eq!(next, Next::GiveUp { reason: reason() });
        }
        let next = RetryPolicy::default().next(&Answer::TooLarge, &delivery(&[]), noon(), 0.5);
        assert!(matches!(next, Next::GiveUp { .. }));
    }

    #[test]
    fn after_a_day_a_delivery_is_given_up_and_says_how_often_it_was_tried() {
        let policy = RetryPolicy::default();
        let tried = delivery(&[Some(503); 20]);
        let almost = noon() + TimeDelta::hours(24) - TimeDelta::seconds(1);
        assert!(matches!(
            policy.next(&unavailable(), &tried, almost, 1.0),
            Next::Retry { .. }
        ));
        let Next::GiveUp { reason } = policy.next(&unavailable(), &tried, noon() + TimeDelta::hours(24), 1.0) else {
            panic!("a day is enough")
        };
        assert_eq!(reason, "given up after 21 tries in 24 hours: Teams is not available");
    }

    #[test]
    fn a_weekend_without_tries_is_no_time_of_trying() {
        let policy = RetryPolicy::default();
        let monday = noon() + TimeDelta::hours(66);
        for earlier in 0..9 {
            let next = policy.next(&unavailable(), &delivery(&vec![Some(503); earlier]), monday, 1.0);
            assert!(matches!(next, Next::Retry { .. }), "{earlier} tries before");
        }
        let Next::GiveUp { reason } = policy.next(&unavailable(), &delivery(&[Some(503); 9]), monday, 1.0) else {
            panic!("ten tries are enough")
        };
        assert_eq!(reason, "given up after 10 tries in 66 hours: Teams is not available");
    }

    #[test]
    fn an_operator_who_tries_again_gets_a_whole_day_more() {
        let policy = RetryPolicy::default();
        let mut old = delivery(&[Some(503), Some(503)]);
        old.attempts[1].verdict = Verdict::Dead {
            reason: "day over".into(),
        };
        let week_later = noon() + TimeDelta::days(7);
        old.next_attempt_at = week_later;
        let Next::Retry { at, .. } = policy.next(&unavailable(), &old, week_later, 1.0) else {
            panic!("the day begins anew")
        };
        assert_eq!(at - week_later, TimeDelta::seconds(2), "and so do the waits");
    }

    proptest! {
        #[test]
        fn never_before_retry_after_never_after_the_bound(seconds in 0_u64..90_000, earlier in 0_usize..60, jitter in -1.0_f64..2.0) {
            let wait = Duration::from_secs(seconds);
            let waited = waits(&Answer::Throttled { wait: Some(wait) }, &vec![Some(429); earlier], jitter);
            prop_assert!(waited >= wait);
            prop_assert!(waited <= wait.max(RetryPolicy::default().cap));
        }
    }
}
