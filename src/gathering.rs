//! Many events, one card: what is held back is gathered, and told together.
//!
//! A [`Gathering`] belongs to one rule, one recipient and one value of `for_each`; it begins with the first card that is
//! held back and ends with the card that tells of all of them. What is gathered is bounded: the newest
//! [`Gathering::KEPT`] things are kept with a line of text and a piece of their event, the others are counted. Four
//! reasons gather: a limit with `rest: digest`, a `digest:` at a clock time, quiet hours with `then: digest`, and the
//! storm breaker. Everything here is plain values: `serve` keeps gatherings in its store, a rehearsal in a map.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::card::function::text::shortened;
use crate::delivery::{DeliveryId, Recipient, Thread, WindowId};
use crate::event::{Event, EventId, is_confidential};
use crate::quiet::Kept;
use crate::rate::Rate;
use crate::timer::{Task, Timer, TimerId};

/// What is stored is not what a decision was made on: decide again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overtaken;

/// What was gathered for one recipient, and when it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gathering {
    /// The rule that held the cards back.
    pub rule: String,
    /// What that rule is for, in case it is gone when this is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What `for_each` came to, shortened; `None` when the limit has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Why it is gathered.
    pub cause: Cause,
    /// Who is told.
    pub recipient: Recipient,
    /// The tenant of a group chat or channel, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// What templates see as `recipient`.
    pub person: Value,
    /// The languages that they read, best first, as tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// The thread its card belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Thread>,
    /// The quiet hours in which its card is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Kept>,
    /// The first card that was held back, or in a storm the one that says so: who this gathering is.
    pub begun_by: DeliveryId,
    /// When that was.
    pub opened_at: DateTime<Utc>,
    /// When it is told, or looked at.
    pub due_at: DateTime<Utc>,
    /// How many there are, kept or only counted.
    pub count: u64,
    /// In a storm: how many there were when it was looked at last.
    #[serde(default)]
    pub checked: u64,
}

/// Why cards are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The rule's limit lets one card pass in so many milliseconds.
    Limit {
        /// How long that is.
        once_per_ms: u64,
    },
    /// The rule tells at clock times only.
    Clock,
    /// The quiet hours of whoever is told, at whose end it is.
    Quiet,
    /// The rule sent more cards than this in so many milliseconds.
    Storm {
        /// How many it may send.
        count: u32,
        /// In how long.
        per_ms: u64,
    },
}

impl Cause {
    /// What gathers because of this breaker.
    pub fn storm(rate: Rate) -> Cause {
        Cause::Storm {
            count: rate.count,
            per_ms: u64::try_from(rate.per.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The breaker that gathers, if it is one.
    pub fn rate(self) -> Option<Rate> {
        match self {
            Cause::Storm { count, per_ms } => Some(Rate {
                count,
                per: Duration::from_millis(per_ms),
            }),
            Cause::Limit { .. } | Cause::Clock | Cause::Quiet => None,
        }
    }

    /// The word templates see.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Limit { .. } => "limit",
            Cause::Clock => "clock",
            Cause::Quiet => "quiet_hours",
            Cause::Storm { .. } => "storm",
        }
    }
}

/// One thing that was gathered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its number in the gathering, from 1.
    pub number: u64,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// The event.
    pub event: EventId,
    /// What the card would have said, in a line.
    pub text: String,
    /// As much of the event as there is room for.
    pub data: Value,
    /// As much of its item, where the rule takes events apart.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub item: Value,
}

/// One more card is held back and gathered.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathers {
    /// The gathering as it begins with this card, or as it was found by whoever decided.
    pub gathering: Gathering,
    /// There was one already.
    pub joins: bool,
    /// What is added.
    pub item: Item,
}

/// What is the same for all that one decision gathers.
#[derive(Debug, Clone, Copy)]
pub struct Gatherers<'a> {
    /// The rule.
    pub rule: &'a str,
    /// What it is for.
    pub description: Option<&'a str>,
    /// When this is decided.
    pub now: DateTime<Utc>,
}

impl Gatherers<'_> {
    /// One more card for somebody in a tenant, to be told at `due_at` or, if some were gathered `before` it, whenever they are. Its
    /// item is still to be filled in.
    pub fn add(
        &self,
        before: Option<&Gathering>,
        card: &DeliveryId,
        (recipient, tenant_id): (&Recipient, Option<&String>),
        person: Value,
        cause: Cause,
        due_at: DateTime<Utc>,
    ) -> Gathers {
        let now = self.now;
        let gathering = match before {
            // After the clock was put back, what was to be told then would wait for as long as it was put back.
            Some(before) => Gathering {
                opened_at: before.opened_at.min(now),
                due_at: before.due_at.min(due_at),
                ..before.clone()
            },
            None => Gathering {
                rule: self.rule.to_owned(),
                description: self.description.map(str::to_owned),
                value: None,
                cause,
                recipient: recipient.clone(),
                tenant_id: tenant_id.cloned(),
                person,
                languages: Vec::new(),
                thread: None,
                quiet: None,
                begun_by: card.clone(),
                opened_at: now,
                due_at,
                count: 0,
                checked: 0,
            },
        };
        Gathers {
            joins: before.is_some(),
            item: Item {
                number: 0,
                at: now,
                event: EventId::known(""),
                text: String::new(),
                data: Value::Null,
                item: Value::Null,
            },
            gathering,
        }
    }
}

impl Gathers {
    /// The gathering with this card, given as it is found. Cards that join need not agree on how many there were: their
    /// order does not matter.
    ///
    /// # Errors
    /// It was told, or another one began, since the decision.
    pub fn apply(&self, found: Option<&Gathering>) -> Result<Gathering, Overtaken> {
        match (found, self.joins) {
            (None, false) => Ok(Gathering {
                count: 1,
                ..self.gathering.clone()
            }),
            (Some(found), true) if found.begun_by == self.gathering.begun_by => Ok(Gathering {
                opened_at: found.opened_at.min(self.gathering.opened_at),
                due_at: found.due_at.min(self.gathering.due_at),
                count: found.count.saturating_add(1),
                ..found.clone()
            }),
            (None, true) | (Some(_), true | false) => Err(Overtaken),
        }
    }
}

impl Gathering {
    /// How many things are kept; of the others it is known that there were some.
    pub const KEPT: u64 = 100;

    /// What brings it up when its time has come; `window` is its key.
    pub fn timer(&self, window: &WindowId) -> Timer {
        Timer {
            id: Self::timer_id(window),
            due_at: self.due_at,
            rule: self.rule.clone(),
            task: Task::Digest { window: window.clone() },
        }
    }

    /// Which timer that is.
    pub fn timer_id(window: &WindowId) -> TimerId {
        TimerId::derived(&["digest", window.as_str()])
    }

    /// Where the item of this number is kept, from 0: newer ones take the place of the oldest.
    pub fn slot(number: u64) -> u8 {
        u8::try_from(number.saturating_sub(1) % Self::KEPT).expect("a remainder of 100 fits")
    }
}

/// Bytes of an item's event, as JSON.
const MOST_BYTES: usize = 1_500;
/// Characters of one of its texts.
const LONGEST_TEXT: usize = 200;
/// Items of one of its lists.
const LONGEST_LIST: usize = 5;

impl Item {
    /// What is kept of `event`, about which a card would have said `text`.
    pub fn of(event: &Event, text: &str, now: DateTime<Utc>) -> Item {
        let mut left = MOST_BYTES;
        let item = event.item.as_ref().map(|item| small(&item.value, &mut left, 0));
        Item {
            number: 0,
            at: now,
            event: event.id.clone(),
            text: shortened(text, LONGEST_TEXT),
            data: small(&event.data, &mut left, 0),
            item: item.unwrap_or_default(),
        }
    }
}

/// As much of a value as fits into `left` bytes: its first fields, the beginnings of its texts and lists.
fn small(value: &Value, left: &mut usize, depth: usize) -> Value {
    const DEEPEST: usize = 6;
    let fits = |size: usize, left: &mut usize| match left.checked_sub(size) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => match fits(value.to_string().len(), left) {
            true => value.clone(),
            false => Value::Null,
        },
        Value::String(text) => {
            let text = shortened(text, LONGEST_TEXT);
            match fits(text.len() + 2, left) {
                true => Value::String(text),
                false => Value::Null,
            }
        }
        Value::Array(_) | Value::Object(_) if depth == DEEPEST => Value::Null,
        Value::Array(items) => {
            let mut kept = Vec::new();
            for item in items.iter().take(LONGEST_LIST) {
                if !fits(4, left) {
                    break;
                }
                kept.push(small(item, left, depth + 1));
            }
            Value::Array(kept)
        }
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (key, value) in fields {
                if is_confidential(key) {
                    continue;
                }
                if !fits(key.len() + 4, left) {
                    break;
                }
                kept.insert(key.clone(), small(value, left, depth + 1));
            }
            Value::Object(kept)
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::delivery::Address;
    use crate::event::Origin;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_770_000_000 + seconds)
    }

    fn anna() -> Recipient {
        Recipient {
            address: Address::Nowhere { wanted: "anna".into() },
            name: "Anna".to_owned(),
        }
    }

    fn gathers(before: Option<&Gathering>, card: &str, seconds: i64, due: i64) -> Gathers {
        let gatherers = Gatherers {
            rule: "r",
            description: None,
            now: at(seconds),
        };
        let card = DeliveryId::known(card);
        gatherers.add(before, &card, (&anna(), None), Value::Null, Cause::Clock, at(due))
    }

    #[test]
    fn cards_join_what_was_begun_in_whatever_order_they_come() {
        let first = gathers(None, "dl_1", 0, 600).apply(None).expect("it begins");
        assert_eq!((first.count, first.due_at), (1, at(600)));
        let (second, third) = (
            gathers(Some(&first), "dl_2", 10, 610),
            gathers(Some(&first), "dl_3", 20, 620),
        );
        let both = third
            .apply(Some(&second.apply(Some(&first)).expect("joins")))
            .expect("joins");
        assert_eq!((both.count, both.due_at), (3, at(600)));
        let turned = second
            .apply(Some(&third.apply(Some(&first)).expect("joins")))
            .expect("joins");
        assert_eq!(turned, both);
    }

    #[test]
    fn whoever_decided_on_what_is_no_more_decides_again() {
        let first = gathers(None, "dl_1", 0, 600).apply(None).expect("it begins");
        assert!(
            gathers(None, "dl_2", 1, 600).apply(Some(&first)).is_err(),
            "it began meanwhile"
        );
        assert!(
            gathers(Some(&first), "dl_3", 2, 600).apply(None).is_err(),
            "it was told meanwhile"
        );
        let other = gathers(None, "dl_4", 700, 900).apply(None).expect("it begins");
        assert!(gathers(Some(&first), "dl_5", 3, 600).apply(Some(&other)).is_err());
    }

    #[test]
    fn a_clock_that_is_put_back_does_not_put_off_what_is_gathered() {
        let first = gathers(None, "dl_1", 86_400, 87_000).apply(None).expect("it begins");
        let joined = gathers(Some(&first), "dl_2", 0, 600)
            .apply(Some(&first))
            .expect("joins");
        assert_eq!((joined.opened_at, joined.due_at), (at(0), at(600)));
    }

    #[test]
    fn whatever_an_event_brings_little_of_it_is_kept() {
        let event = Event {
            id: EventId::known("ev_1"),
            origin: Origin::Queue { queue: "q".to_owned() },
            occurred_at: at(0),
            data: json!({
                "name": "disk", "api_token": "s3cret", "text": "x".repeat(100_000), "list": vec!["y".repeat(1_000); 1_000],
                "deep": { "a": { "b": { "c": { "d": { "e": { "f": { "g": 1 } } } } } } },
                "more": (0..5_000).map(|n| (format!("k{n}"), json!(n))).collect::<Map<_, _>>(),
            }),
            request: Value::Null,
            here: None,
            thread: None,
            item: None,
            sender: None,
        };
        let item = Item::of(&event, &"long ".repeat(200), at(0));
        let bytes = serde_json::to_vec(&item).expect("JSON").len();
        assert!(bytes < 2_048, "{bytes} bytes");
        assert_eq!(item.data["name"], "disk");
        assert_eq!(item.data.get("api_token"), None, "passwords are not kept");
    }

    #[test]
    fn the_newest_take_the_place_of_the_oldest() {
        assert_eq!([1, 2, 100, 101, 250].map(Gathering::slot), [0, 1, 99, 0, 49]);
    }
}
