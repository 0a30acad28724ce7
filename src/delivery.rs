//! What we owe: [`Delivery`], its states, and what became of each attempt.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::EventId;
pub use crate::event::MatterId;
use crate::lane::Lane;
use crate::quiet::Kept;
use crate::roster::ConversationId;
use crate::webhook;

/// The identity of a delivery: event, rule and address. Enqueuing the same again adds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// The id of the card that `rule` owes `address` because of `event`.
    pub fn of(event: &EventId, rule: &str, address: &Address) -> Self {
        let mut hash = Sha256::new();
        for part in [event.as_str(), rule, &address.key()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(format!("dl_{}", hex::encode(&hash.finalize()[..12])))
    }

    /// Takes an id that somebody typed or that was stored.
    pub fn known(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a card: the hash of its content. A card is stored once, however many deliveries point to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CardId(String);

impl CardId {
    /// The id of a card with this serialised content.
    pub fn of(content: &str) -> Self {
        Self(format!("cd_{}", hex::encode(&Sha256::digest(content.as_bytes())[..16])))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identity of a limit's window: rule, value of `for_each` and address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WindowId(String);

impl WindowId {
    /// The id of the window in which the limit of `rule` counts what `address` gets for `value`. However long the
    /// value is, the id is short.
    pub fn of(rule: &str, value: &str, address: &Address) -> Self {
        let mut hash = Sha256::new();
        for part in [rule, value, &address.key()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(format!("lw_{}", hex::encode(&hash.finalize()[..12])))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identity of a thread that a rule keeps: rule, value of `thread` and channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ThreadId(String);

impl ThreadId {
    /// The id of the thread in which `rule` gathers in `address` what is about `value`.
    pub fn of(rule: &str, value: &str, address: &Address) -> Self {
        let mut hash = Sha256::new();
        for part in ["thread", rule, value, &address.key()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(format!("th_{}", hex::encode(&hash.finalize()[..12])))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The identity of a run: what one rule owes because of one event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The id of what `rule` owes because of `event`.
    pub fn of(event: &EventId, rule: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [event.as_str(), rule] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(format!("rn_{}", hex::encode(&hash.finalize()[..12])))
    }

    /// Takes an id that somebody typed or that was stored.
    pub fn known(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a card goes. A person stays a person whether or not a chat is open: the chat is found or opened when the
/// card is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// One human being, in the personal chat.
    Person {
        /// Their tenant.
        tenant_id: String,
        /// Entra object id if known, else the `29:...` id.
        id: String,
    },
    /// The activity feed of one human being.
    Feed {
        /// Their tenant.
        tenant_id: String,
        /// Entra object id.
        id: String,
    },
    /// A group chat or a channel.
    Conversation {
        /// Its id.
        id: ConversationId,
    },
    /// A webhook of `directory.yaml`.
    Webhook {
        /// Its alias. The address is a secret, which is looked up when the card is sent.
        name: String,
        /// What stands behind it: how fast it takes messages.
        kind: webhook::Kind,
    },
    /// Nobody could be found: the delivery is dead from the start and says why.
    Nowhere {
        /// What the author wrote, as shown in lists.
        wanted: String,
    },
}

impl Address {
    /// A text that is equal exactly for equal addresses; part of [`DeliveryId`], and the key by which order is kept.
    pub fn key(&self) -> String {
        match self {
            Address::Person { tenant_id, id } => format!("person:{tenant_id}:{id}"),
            Address::Feed { tenant_id, id } => format!("feed:{tenant_id}:{id}"),
            Address::Conversation { id } => format!("conversation:{id}"),
            // Whatever stands behind it: the kind may be put right while cards wait.
            Address::Webhook { name, .. } => format!("webhook:{}", name.to_lowercase()),
            Address::Nowhere { wanted } => format!("nowhere:{wanted}"),
        }
    }
}

/// What a target came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Where the card goes.
    pub address: Address,
    /// What a human calls it: `Anna Berg`, `Platform / Releases`.
    pub name: String,
}

/// One card owed to one recipient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Who this delivery is.
    pub id: DeliveryId,
    /// The event that caused it.
    pub event_id: EventId,
    /// The rule that asked for it.
    pub rule: String,
    /// The ruleset that decided it.
    pub revision: String,
    /// Who gets it.
    pub recipient: Recipient,
    /// What they get; `None` when there is nobody to render for.
    pub card_id: Option<CardId>,
    /// Where it stands.
    pub state: State,
    /// Every attempt that counted, oldest first; the newest [`Delivery::ATTEMPTS_KEPT`] are kept.
    pub attempts: Vec<Attempt>,
    /// How many attempts counted, kept or not.
    pub attempt_count: u32,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
    /// When it may be tried (again).
    pub next_attempt_at: DateTime<Utc>,
    /// Why it is dead or cancelled, in a sentence.
    pub reason: Option<String>,
    /// The id Teams gave the message, once delivered.
    pub activity_id: Option<String>,
    /// The conversation it ended in, once delivered.
    pub conversation_id: Option<ConversationId>,
    /// The message that begins the thread it ended in, where it was sent into one: its own id if it is that message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_root: Option<String>,
    /// The window of its rule's limit that it opened; it closes again if the delivery ends unsent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowId>,
    /// How it is to be sent.
    #[serde(default, skip_serializing_if = "Terms::are_usual")]
    pub terms: Terms,
    /// What Teams is asked to do.
    #[serde(default, skip_serializing_if = "Operation::is_send")]
    pub operation: Operation,
    /// The span that decided it, as a `traceparent`; only while traces are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What Teams calls the batch that it is in, or was sent in. Teams tells no id of such a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
}

impl Delivery {
    /// How many attempts a record keeps; more would let it grow without end.
    pub const ATTEMPTS_KEPT: usize = 20;

    /// Since when it could be sent: quiet hours that it waited for are nobody's delay.
    pub fn owed_since(&self) -> DateTime<Utc> {
        self.terms
            .held_until
            .map_or(self.created_at, |until| until.max(self.created_at))
    }

    /// The run it belongs to.
    pub fn run(&self) -> RunId {
        RunId::of(&self.event_id, &self.rule)
    }
}

/// How a delivery is to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// What it may overtake.
    pub lane: Lane,
    /// From then on it is not worth sending any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// It is one of those that its run is tried on before the others get theirs.
    pub first: bool,
    /// The tenant whose rate it uses; `None` is the bot's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The thread it belongs to; without one it begins a thread of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<Thread>,
    /// The quiet hours in which it is not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Kept>,
    /// The end of the quiet hours that it waits for, in a queue of its own: what is sent meanwhile does not wait behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_until: Option<DateTime<Utc>>,
    /// The storm breaker does not count it: somebody waits for it, or it tells of others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uncounted: bool,
    /// Its message is changed or answered later, so its id must be known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub id_wanted: bool,
    /// It was in a batch that did not bring it, so it is sent by itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_itself: bool,
}

/// Which thread a card belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thread {
    /// The one that its rule keeps for a value: whichever card is first begins it.
    Shared {
        /// Its identity.
        id: ThreadId,
    },
    /// The one of a message that was sent: somebody answers to it.
    Of {
        /// Where the message is.
        conversation: ConversationId,
        /// Its id.
        message: String,
    },
}

impl Terms {
    /// When the quiet hours end that `now` lies in, with the reason why it waits for that; none if it may be sent.
    pub fn quiet_until(&self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, String)> {
        let quiet = self.quiet.as_ref()?;
        let until = quiet.until(now)?;
        Some((until, quiet.reason(until)))
    }

    /// Nothing special.
    pub fn are_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What Teams is asked to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Post the card.
    #[default]
    Send,
    /// Put the card in the place of the one that was delivered.
    Update,
    /// Take away what was delivered.
    Delete,
}

impl Operation {
    /// It posts something new.
    pub fn is_send(&self) -> bool {
        *self == Operation::Send
    }
}

/// Where a delivery stands.
///
/// ```text
///  pending --claim--> sending --settle--> delivered
///     ^                  |
///     +---- retry at ----+--settle--> dead --operator: retry--> pending
///     +--operator: cancel--> cancelled
///
///  delivered --operator: recall--> pending --claim--> sending --settle--> recalled
/// ```
///
/// A delivery that is `sending` when its lease ends becomes pending again: it may be sent twice, never lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waiting for its time.
    Pending,
    /// Claimed by a courier.
    Sending,
    /// Teams has it.
    Delivered,
    /// Given up, with a reason.
    Dead,
    /// Stopped before it was sent: by an operator, or because its time was over.
    Cancelled,
    /// It was delivered and taken away again.
    Recalled,
}

impl State {
    /// All states, in the order of a delivery's life.
    pub const ALL: [State; 6] = [
        State::Pending,
        State::Sending,
        State::Delivered,
        State::Dead,
        State::Cancelled,
        State::Recalled,
    ];

    /// The word used in lists, metrics and the API.
    pub fn word(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Sending => "sending",
            State::Delivered => "delivered",
            State::Dead => "dead",
            State::Cancelled => "cancelled",
            State::Recalled => "recalled",
        }
    }

    /// Something is still to be done about it.
    pub fn is_open(self) -> bool {
        match self {
            State::Pending | State::Sending => true,
            State::Delivered | State::Dead | State::Cancelled | State::Recalled => false,
        }
    }
}

/// One try at delivering.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1. An attempt that our own shutdown cut short is not counted.
    pub number: u32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What was made of it.
    pub verdict: Verdict,
}

/// What we make of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Teams accepted the message.
    Delivered {
        /// Its id; Teams gives none for some messages.
        activity_id: Option<String>,
        /// Where it is.
        conversation_id: ConversationId,
        /// The message that begins its thread, where it was sent into one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread_root: Option<String>,
        /// What did not go as meant, in a sentence: a thread that was gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Try again.
    RetryAt {
        /// Not before this instant.
        at: DateTime<Utc>,
        /// Why, in a sentence.
        reason: String,
    },
    /// No further try makes sense.
    Dead {
        /// Why, in a sentence.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_versions_wrote_down_is_read_as_before() {
        let delivery = serde_json::json!({
            "id": "dl_1", "event_id": "ev_1", "rule": "r", "revision": "4f1d",
            "recipient": { "address": { "conversation": { "id": "19:a@thread.tacv2" } }, "name": "Platform / Releases" },
            "card_id": "cd_1", "state": "delivered",
            "attempts": [{
                "number": 1, "started_at": "2026-03-02T12:00:00Z", "took_ms": 120, "status": 201,
                "verdict": { "delivered": { "activity_id": "1", "conversation_id": "19:a@thread.tacv2" } },
            }],
            "attempt_count": 1, "created_at": "2026-03-02T12:00:00Z", "next_attempt_at": "2026-03-02T12:00:00Z",
            "reason": null, "activity_id": "1", "conversation_id": "19:a@thread.tacv2",
            "terms": { "lane": "bulk", "first": false },
        });
        let read: Delivery = serde_json::from_value(delivery.clone()).expect("readable");
        assert_eq!((read.thread_root.as_ref(), read.terms.thread.as_ref()), (None, None));
        assert_eq!(
            serde_json::to_value(&read).expect("JSON"),
            delivery,
            "and nothing is added to it"
        );
    }

    #[test]
    fn a_delivery_is_the_same_for_the_same_event_rule_and_address() {
        let event = EventId::derived(&["x"]);
        let anna = Address::Person {
            tenant_id: "t".into(),
            id: "a".into(),
        };
        let omar = Address::Person {
            tenant_id: "t".into(),
            id: "o".into(),
        };
        assert_eq!(DeliveryId::of(&event, "r", &anna), DeliveryId::of(&event, "r", &anna));
        assert_ne!(DeliveryId::of(&event, "r", &anna), DeliveryId::of(&event, "r", &omar));
        assert_ne!(DeliveryId::of(&event, "r", &anna), DeliveryId::of(&event, "s", &anna));
    }
}
