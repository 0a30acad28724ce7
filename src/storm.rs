//! When a rule tells one recipient too much in too short a time: the breaker that turns what follows into one card.
//!
//! What was sent lately is counted in memory; at the start it is counted again from the deliveries in the store. A storm that
//! is on is in the store as well, as a [`crate::gathering::Gathering`], and goes on.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::delivery::{Address, DeliveryId, WindowId};
use crate::diagnostic::Fault;
use crate::event::{Event, Origin};
use crate::rate::{Counted, Rate};

/// What a rule may send to one recipient before the breaker trips, unless it or `herald.yaml` says otherwise.
pub const USUAL: Rate = Rate {
    count: 20,
    per: Duration::from_secs(5 * 60),
};

/// A critical rule that says nothing itself may send so many times as many: rather some too many than one that is
/// missed.
pub const CRITICAL_FACTOR: u32 = 5;

/// Recipients of rules that are counted at the same time; beyond them nobody new is, so that memory has an end.
const MOST_COUNTED: usize = 200_000;

/// With fewer than these nobody is looked for who got nothing lately.
const FEWEST_COUNTED: usize = 1_024;

/// Two readings of the clock may overtake one another by so much.
const OVERTAKING: TimeDelta = TimeDelta::seconds(1);

const CARDS: Counted = Counted {
    code: "storm::rate",
    things: "cards",
    most: 1_000,
    none: (
        "no card could ever be sent",
        "write at least 1; `never` takes the breaker away",
    ),
    too_many: "write a shorter time with fewer, or `never`",
};

/// Compiles the value under `storm:`; `None` inside means that it is off. Whatever is wrong is said of the value.
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub fn compile(value: &Value) -> Result<Option<Rate>, Fault> {
    match value {
        // What others would write; `off` without quotes is false to some readers of YAML.
        Value::Bool(false) => Ok(None),
        Value::String(text) if ["never", "off", "none"].contains(&text.trim().to_lowercase().as_str()) => Ok(None),
        Value::String(text) => Rate::parse(text, &CARDS).map(Some),
        Value::Null | Value::Bool(true) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(Fault::error(
            "storm::rate",
            "`storm` is a number of cards in a length of time",
        )
        .help("write `storm: 20 per 5 minutes`, or `storm: never`")),
    }
}

/// Can such an event be part of a storm? People who write or press something wait for an answer, and nobody is hit by
/// it but themselves; a drill must leave no trace.
pub fn counts(event: &Event) -> bool {
    match event.origin {
        Origin::Hook { .. }
        | Origin::Cron { .. }
        | Origin::Teams { .. }
        | Origin::Queue { .. }
        | Origin::Step { .. }
        | Origin::File { .. } => true,
        Origin::Message { .. } | Origin::Button { .. } | Origin::Drill { .. } => false,
    }
}

/// Under what the storm of `rule` against `address` is kept.
pub fn window(rule: &str, address: &Address) -> WindowId {
    // No value of `for_each` is this text.
    WindowId::of(rule, "\u{0}storm", address)
}

/// The cards of the last minutes, by rule and recipient.
#[derive(Debug, Default)]
pub struct Recent {
    sent: Mutex<Sent>,
}

#[derive(Debug, Default)]
struct Sent {
    by_window: HashMap<WindowId, Lately>,
    /// At how many windows those are looked for that nothing was sent in lately.
    full_at: usize,
}

/// What was sent to one recipient.
#[derive(Debug)]
struct Lately {
    /// For how long a card counts.
    span: TimeDelta,
    /// When each was decided, and the hash of its delivery's id.
    cards: Vec<(DateTime<Utc>, u64)>,
}

impl Lately {
    fn counts(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        // After the clock was put back, what was sent "later" is as good as forgotten.
        now - at < self.span && at - now <= OVERTAKING
    }
}

impl Recent {
    /// May `delivery` be made at `now`? If so it is counted; asking again for the same one counts it once.
    pub fn take(&self, window: &WindowId, delivery: &DeliveryId, rate: Rate, now: DateTime<Utc>) -> bool {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if !sent.by_window.contains_key(window) && sent.by_window.len() >= sent.full_at {
            sent.by_window
                .retain(|_, lately| lately.cards.last().is_some_and(|(at, _)| lately.counts(*at, now)));
            sent.by_window.shrink_to_fit();
            if sent.by_window.len() >= MOST_COUNTED {
                return true;
            }
            sent.full_at = (2 * sent.by_window.len()).clamp(FEWEST_COUNTED, MOST_COUNTED);
        }
        let span = TimeDelta::from_std(rate.per).unwrap_or(TimeDelta::MAX);
        let lately = sent.by_window.entry(window.clone()).or_insert_with(|| Lately {
            span,
            cards: Vec::with_capacity(1),
        });
        lately.span = span;
        let mut cards = std::mem::take(&mut lately.cards);
        cards.retain(|(at, _)| lately.counts(*at, now));
        let delivery = hash(delivery);
        let known = cards.iter().any(|(_, other)| *other == delivery);
        let passes = known || cards.len() < rate.count as usize;
        if passes && !known {
            cards.push((now, delivery));
        }
        lately.cards = cards;
        passes
    }

    /// Begins anew, for everybody.
    pub fn forget(&self) {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Sent::default();
    }
}

fn hash(delivery: &DeliveryId) -> u64 {
    let mut hasher = DefaultHasher::new();
    delivery.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_770_000_000 + seconds)
    }

    fn card(number: usize) -> DeliveryId {
        DeliveryId::known(format!("dl_{number}"))
    }

    fn anna() -> WindowId {
        window("r", &Address::Nowhere { wanted: "anna".into() })
    }

    const RATE: Rate = Rate {
        count: 3,
        per: Duration::from_secs(60),
    };

    #[test]
    fn so_many_cards_pass_in_any_stretch_and_not_one_more() {
        let recent = Recent::default();
        let take = |number, seconds| recent.take(&anna(), &card(number), RATE, at(seconds));
        assert!(take(1, 0) && take(2, 10) && take(3, 20));
        assert!(!take(4, 30));
        assert!(take(2, 31), "a card that was counted is decided again");
        assert!(!take(5, 59));
        assert!(take(5, 60), "the first one is a minute ago");
        assert!(!take(6, 61));
    }

    #[test]
    fn each_recipient_is_counted_alone() {
        let recent = Recent::default();
        let omar = window("r", &Address::Nowhere { wanted: "omar".into() });
        for number in 0..3 {
            assert!(recent.take(&anna(), &card(number), RATE, at(0)));
        }
        assert!(!recent.take(&anna(), &card(3), RATE, at(0)));
        assert!(recent.take(&omar, &card(4), RATE, at(0)));
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let recent = Recent::default();
        let take = |number: usize, seconds| {
            let somebody = window(
                "r",
                &Address::Nowhere {
                    wanted: number.to_string(),
                },
            );
            recent.take(&somebody, &card(number), RATE, at(seconds))
        };
        for number in 0..5_000 {
            assert!(take(number, 0));
        }
        let remembered = || recent.sent.lock().expect("nobody panicked").by_window.len();
        assert_eq!(remembered(), 5_000);
        // A minute later nobody of them counts any more.
        for number in 5_000..9_000 {
            assert!(take(number, 61));
        }
        assert!(remembered() < 8_193, "{}", remembered());
    }

    #[test]
    fn a_clock_that_is_put_back_silences_nobody() {
        let recent = Recent::default();
        for number in 0..3 {
            assert!(recent.take(&anna(), &card(number), RATE, at(7_200)));
        }
        assert!(recent.take(&anna(), &card(3), RATE, at(0)));
    }

    #[test]
    fn the_breaker_is_a_rate_or_off() {
        let rate = |value: Value| compile(&value).map_err(|fault| fault.message);
        assert_eq!(rate(json!("20 per 5 minutes")), Ok(Some(USUAL)));
        assert_eq!(rate(json!("never")), Ok(None));
        assert_eq!(rate(json!(false)), Ok(None));
        assert!(rate(json!(20)).is_err_and(|message| message.contains("number of cards")));
        assert!(rate(json!("0 per minute")).is_err_and(|message| message.contains("no card")));
    }
}
