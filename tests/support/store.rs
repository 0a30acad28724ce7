//! Stores to make promises about, and things to put into them.

use std::sync::Arc;

use chrono::{DateTime, Duration, TimeZone, Utc};
use herald::card::{Card, Content};
use herald::delivery::{Address, Attempt, Delivery, DeliveryId, Operation, Recipient, State, Terms, Verdict};
use herald::event::{Event, EventId, Origin};
use herald::lane::PerLane;
use herald::roster::{Channel, Conversation, ConversationId, ConversationKind, Person, Roster, Team};
use herald::store::outbox::{Batch, EventRecord, Held, RuleRecord};
use herald::store::sled::Options;
use herald::store::{Directory, Outbox};

/// Somewhere a store lives while nobody has it open.
pub trait Place: Send + Sync {
    /// Opens the store there. It was never opened before, or everything it gave out has been dropped.
    fn open(&self) -> Opened {
        self.open_for(100_000)
    }

    /// The same with room for this many open deliveries.
    fn open_for(&self, max_open_deliveries: u64) -> Opened;
}

/// An open store.
pub struct Opened {
    pub directory: Arc<dyn Directory>,
    pub outbox: Arc<dyn Outbox>,
}

/// The embedded store in a folder of its own.
pub struct OnSled {
    pub folder: tempfile::TempDir,
}

impl OnSled {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }
}

impl Place for OnSled {
    fn open_for(&self, max_open_deliveries: u64) -> Opened {
        let options = Options {
            max_open_deliveries,
            ..small()
        };
        let store = herald::store::sled::open(self.folder.path(), options).expect("the store opens");
        Opened {
            directory: store.directory(),
            outbox: store.outbox(),
        }
    }
}

/// Options for many stores on one machine.
pub fn small() -> Options {
    Options {
        cache_bytes: 8 << 20,
        max_open_deliveries: 100_000,
        ..Options::default()
    }
}

/// Runs each promise against the embedded store.
macro_rules! promised {
    ($($promise:ident),* $(,)?) => {
        mod on_sled {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(&crate::support::store::OnSled::new()).await;
                }
            )*
        }
    };
}
pub(crate) use promised;

/// 2 March 2026, 09:00, and some seconds.
pub fn at(seconds: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).unwrap() + Duration::seconds(seconds)
}

/// Room for so many deliveries in each lane.
pub fn each(room: usize) -> PerLane<usize> {
    PerLane::of(|_| room)
}

pub fn card(text: &str) -> Card {
    Card::new(Content::Text(text.to_owned()), text.chars().take(40).collect())
}

pub fn person_address(name: &str) -> Address {
    Address::Person {
        tenant_id: "tenant".to_owned(),
        id: name.to_owned(),
    }
}

/// A pending delivery of `card` to `name`, due at once.
pub fn delivery(event: &str, rule: &str, name: &str, card: &Card, created_at: DateTime<Utc>) -> Delivery {
    let event_id = EventId::known(event);
    let address = person_address(name);
    Delivery {
        id: DeliveryId::of(&event_id, rule, &address),
        event_id,
        rule: rule.to_owned(),
        revision: "r1".to_owned(),
        recipient: Recipient {
            address,
            name: name.to_owned(),
        },
        card_id: Some(card.id()),
        state: State::Pending,
        attempts: Vec::new(),
        attempt_count: 0,
        created_at,
        next_attempt_at: created_at,
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

pub fn record(event: &str, rules: Vec<RuleRecord>, occurred_at: DateTime<Utc>) -> EventRecord {
    EventRecord {
        id: EventId::known(event),
        origin: "hook test".to_owned(),
        occurred_at,
        revision: "r1".to_owned(),
        rules,
        elsewhere: None,
        near: Vec::new(),
    }
}

pub fn rule(name: &str, deliveries: usize) -> RuleRecord {
    RuleRecord {
        rule: name.to_owned(),
        matched: true,
        because: Vec::new(),
        deliveries,
        warnings: Vec::new(),
        ..RuleRecord::default()
    }
}

/// What `event` brings when the rule `rule` tells everybody in `names` one thing.
pub fn batch(event: &str, names: &[&str], created_at: DateTime<Utc>) -> Batch {
    let card = card(&format!("news of {event}"));
    Batch {
        record: record(event, vec![rule("rule", names.len())], created_at),
        deliveries: names
            .iter()
            .map(|name| delivery(event, "rule", name, &card, created_at))
            .collect(),
        cards: vec![card],
        held: Vec::new(),
        windows: Vec::new(),
        runs: Vec::new(),
        matters: Vec::new(),
        timers: Vec::new(),
        stopped: Vec::new(),
        amendments: Vec::new(),
    }
}

pub fn held(event: &str, rule: &str, due_at: DateTime<Utc>) -> Held {
    Held {
        event: Event {
            id: EventId::known(event),
            origin: Origin::Hook {
                hook: "test".to_owned(),
                event_type: None,
            },
            occurred_at: due_at,
            data: serde_json::json!({"a": 1}),
            request: serde_json::Value::Null,
            here: None,
            thread: None,
            item: None,
            sender: None,
        },
        rule: rule.to_owned(),
        rosters: vec!["19:team@thread.tacv2".to_owned()],
        due_at,
        attempts: 0,
        reason: None,
        counted: Vec::new(),
        fan_out: None,
        decided_at: None,
    }
}

pub fn attempt(number: u32, started_at: DateTime<Utc>, verdict: Verdict) -> Attempt {
    Attempt {
        number,
        started_at,
        took_ms: 120,
        status: Some(201),
        verdict,
    }
}

pub fn delivered() -> Verdict {
    Verdict::Delivered {
        activity_id: Some("1693680152973".to_owned()),
        conversation_id: ConversationId::new("a:1"),
        thread_root: None,
        note: None,
    }
}

pub fn dead(reason: &str) -> Verdict {
    Verdict::Dead {
        reason: reason.to_owned(),
    }
}

pub const BOT: &str = "28:5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10";
pub const EMEA: &str = "https://smba.trafficmanager.net/emea/";
pub const TEAM: &str = "19:General7hK2mQ9xTzR4vL1pW8sY3n@thread.tacv2";
pub const ALERTS: &str = "19:Alerts3kP5wN8yVbM2rX6tC9zL4h@thread.tacv2";
pub const GROUP: &str = "19:4b7d0e2f9a6c4c1d8e3f5a7b9c0d1e2f@thread.v2";
pub const TENANT: &str = "8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01";

/// Somebody with both ids and a mail address.
pub fn person(name: &str) -> Person {
    let first = name.split(' ').next().unwrap_or(name).to_lowercase();
    Person {
        tenant_id: TENANT.to_owned(),
        aad_object_id: Some(format!("{first}-object")),
        account_id: Some(format!("29:1{first}")),
        user_principal_name: Some(format!("{first}@contoso.example")),
        email: Some(format!("{first}.mail@contoso.example")),
        name: Some(name.to_owned()),
        role: Some("user".to_owned()),
        ..Person::default()
    }
}

/// Only the ids an activity carries.
pub fn account(name: &str) -> Person {
    Person {
        user_principal_name: None,
        email: None,
        name: None,
        role: None,
        ..person(name)
    }
}

pub fn conversation(id: &str, kind: ConversationKind, seen_at: DateTime<Utc>) -> Conversation {
    Conversation {
        id: ConversationId::new(id),
        kind,
        service_url: EMEA.to_owned(),
        tenant_id: TENANT.to_owned(),
        team_id: None,
        name: None,
        bot_id: BOT.to_owned(),
        person: None,
        installed_by: None,
        first_seen: seen_at,
        last_seen: seen_at,
        blocked: None,
    }
}

pub fn personal_chat(id: &str, with: Person, seen_at: DateTime<Utc>) -> Conversation {
    Conversation {
        person: Some(with),
        ..conversation(id, ConversationKind::Personal, seen_at)
    }
}

pub fn group_chat(id: &str, name: &str, seen_at: DateTime<Utc>) -> Conversation {
    Conversation {
        name: Some(name.to_owned()),
        ..conversation(id, ConversationKind::GroupChat, seen_at)
    }
}

pub fn channel(id: &str, name: &str) -> Channel {
    Channel {
        id: id.to_owned(),
        name: Some(name.to_owned()),
        deleted: false,
    }
}

pub fn team(id: &str, name: &str, seen_at: DateTime<Utc>) -> Team {
    Team {
        id: id.to_owned(),
        tenant_id: TENANT.to_owned(),
        name: Some(name.to_owned()),
        aad_group_id: Some("2f6a9d0c-71b4-4b1e-8a55-90d7c3e4f511".to_owned()),
        service_url: EMEA.to_owned(),
        bot_id: BOT.to_owned(),
        selected_channel: None,
        installed_by: None,
        archived: false,
        channels: Vec::new(),
        channels_fetched_at: None,
        first_seen: seen_at,
        last_seen: seen_at,
    }
}

pub fn roster(id: &str, members: Vec<Person>, fetched_at: DateTime<Utc>) -> Roster {
    Roster {
        id: id.to_owned(),
        members,
        fetched_at,
        stale: false,
    }
}

pub fn later(at: DateTime<Utc>) -> Verdict {
    Verdict::RetryAt {
        at,
        reason: "later".to_owned(),
    }
}
