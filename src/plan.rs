//! The one decision behind `serve`, `test` and `preview`: a rule, an event and an audience -> cards owed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::audience::{Audience, Reached};
use crate::card::Card;
use crate::card::text::Warnings;
use crate::delivery::{
    Address, CardId, Delivery, DeliveryId, Operation, Recipient, State, Terms, Thread, ThreadId, WindowId,
};
use crate::event::{Event, Origin};
use crate::limit::{Change, Counted, HeldBack, Limit, Ruling, Step, Windows};
use crate::rule::Rule;
use crate::rule::target::Kind;
use crate::webhook::message;

/// What one rule owes because of one event.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One delivery per address; a target nobody can be told through is dead from the start and says why.
    pub deliveries: Vec<Delivery>,
    /// The cards the deliveries point to, each once.
    pub cards: Vec<Card>,
    /// Who gets nothing this time because of the rule's limit.
    pub held_back: Vec<HeldBack>,
    /// What happens to the windows of the limit when the deliveries are taken in.
    pub windows: Vec<Change>,
    /// What did not print as meant.
    pub warnings: Vec<String>,
}

/// The names a condition or template of `rule` can use while `event` is handled. `recipient` is null until a card is
/// rendered for somebody.
pub fn scope(event: &Event, rule: &Rule, time_zone: Tz, now: DateTime<Utc>) -> Value {
    json!({
        "event": event.data,
        "request": event.request,
        "rule": { "name": rule.name, "description": rule.description, "owner": rule.owner },
        "recipient": null,
        "limit": rule.limit.as_ref().map(|limit| limit.in_scope(None)),
        "tracked": null,
        "steps": null,
        "on_call": rule.on_call.in_scope(now),
        "time_zone": time_zone.name(),
        "now": now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    })
}

/// The windows of the rule's limit that decide about this audience; none if the rule has no limit.
pub fn windows(rule: &Rule, scope: &Value, audience: &Audience) -> Vec<WindowId> {
    let Some(limit) = &rule.limit else {
        return Vec::new();
    };
    let value = limit.value(scope, &mut Warnings::new());
    let window = |reached: &Reached| WindowId::of(&rule.name, &value, &reached.recipient.address);
    audience.reached.iter().map(window).collect()
}

/// Renders the rule's card for everybody in `audience` whom its limit lets be told, and says why the others get none.
/// Deterministic: the same arguments give the same plan.
///
/// A card that does not mention its recipient is rendered once for all who are to be mentioned alike. `scope` is what
/// [`scope`] made for this event and rule, `known` has the windows that [`windows`] names.
pub fn plan(
    rule: &Rule,
    event: &Event,
    mut scope: Value,
    audience: &Audience,
    known: &Windows,
    revision: &str,
    now: DateTime<Utc>,
) -> Plan {
    let mut warnings = Warnings::new();
    let mut cards: BTreeMap<CardId, Card> = BTreeMap::new();
    let mut shared: Vec<(&Reached, CardId)> = Vec::new();
    let personal = rule.card.reads("recipient");
    let personal_feed = rule.feed.as_ref().is_some_and(|feed| feed.reads("recipient"));
    let mut deliveries = Vec::with_capacity(audience.reached.len() + audience.unreachable.len());
    let mut gate = Gate::new(rule, &scope, known, now, &mut warnings);
    let drill = matches!(event.origin, Origin::Drill { .. });
    if drill {
        // It is neither held back nor counted: the next real event must find the limit as it was.
        gate.limit = None;
    }

    let terms = rule.sending.terms(audience.reached.len(), now);
    for (number, reached) in audience.reached.iter().enumerate() {
        let id = DeliveryId::of(&event.id, &rule.name, &reached.recipient.address);
        let Some(passed) = gate.ask(&id, &reached.recipient) else {
            continue;
        };
        if let Some(limit) = &rule.limit {
            scope["limit"] = limit.in_scope(passed.told);
        }
        let feed = match (&reached.recipient.address, &rule.feed) {
            (Address::Feed { .. }, Some(feed)) => Some(feed),
            // Out of an audience of a rule that says nothing for activity feeds.
            (Address::Feed { .. }, None) => {
                deliveries.push(undeliverable(
                    rule,
                    event,
                    &reached.recipient.name,
                    NO_FEED,
                    revision,
                    now,
                ));
                continue;
            }
            (
                Address::Person { .. }
                | Address::Conversation { .. }
                | Address::Webhook { .. }
                | Address::Nowhere { .. },
                _,
            ) => None,
        };
        // How many were held back, and since when on whose clock, is said to each by themselves.
        let personal = match feed {
            Some(_) => personal_feed,
            None => personal || passed.told.is_some(),
        };
        let outside = is_outside(reached);
        let alike = |other: &Reached| {
            let by_feed = matches!(other.recipient.address, Address::Feed { .. });
            by_feed == feed.is_some() && is_outside(other) == outside && other.mentions == reached.mentions
        };
        let same = shared.iter().find(|(other, _)| !personal && alike(other));
        let card_id = match same {
            Some((_, id)) => id.clone(),
            None => {
                scope["recipient"] = recipient(reached);
                let mut card = match feed {
                    Some(feed) => feed.render(&scope, &mut warnings),
                    None => rule.card.render(&scope, &reached.mentions, &mut warnings),
                };
                card.importance = rule.sending.importance;
                card.alert = rule.sending.alert;
                if drill {
                    card = card.as_drill(&rule.name);
                }
                if outside {
                    card = message::tailored(card, &mut warnings);
                }
                let id = card.id();
                cards.insert(id.clone(), card);
                if !personal {
                    shared.push((reached, id.clone()));
                }
                id
            }
        };
        let recipient = reached.recipient.clone();
        deliveries.push(Delivery {
            window: passed.window,
            terms: Terms {
                first: number < audience.first,
                tenant_id: reached.tenant_id.clone(),
                thread: thread_of(rule, event, reached, drill),
                ..terms.clone()
            },
            ..owed(id, rule, event, recipient, Some(card_id), revision, now)
        });
    }
    for unreachable in &audience.unreachable {
        deliveries.push(undeliverable(
            rule,
            event,
            &unreachable.written,
            &unreachable.reason,
            revision,
            now,
        ));
    }
    Plan {
        deliveries,
        cards: cards.into_values().collect(),
        held_back: gate.held_back,
        windows: gate.changes,
        warnings: warnings.into_vec(),
    }
}

const NO_FEED: &str = "the rule does not say what activity feeds are told: add `feed:` to it";

/// The thread that the author names; else that of the event, if the rule answers there. Nothing of a drill belongs between
/// what really happened.
fn thread_of(rule: &Rule, event: &Event, reached: &Reached, drill: bool) -> Option<Thread> {
    if let Some(about) = reached.thread.as_ref().filter(|_| !drill) {
        let id = ThreadId::of(&rule.name, about, &reached.recipient.address);
        return Some(Thread::Shared { id });
    }
    let answers_here = rule.notify.iter().any(|target| target.kind() == Kind::Here);
    let (here, root) = (event.here.as_ref()?, event.thread.as_deref()?);
    let is_there = matches!(&reached.recipient.address, Address::Conversation { id } if id == here);
    (answers_here && is_there).then(|| Thread::Of {
        conversation: here.clone(),
        message: root.to_owned(),
    })
}

/// Does the card leave by another door than the bot's?
fn is_outside(reached: &Reached) -> bool {
    matches!(reached.recipient.address, Address::Webhook { .. })
}

/// The rule's limit at work on one event.
struct Gate<'a> {
    rule: &'a Rule,
    limit: Option<(&'a Limit, String)>,
    known: &'a Windows,
    now: DateTime<Utc>,
    held_back: Vec<HeldBack>,
    changes: Vec<Change>,
}

/// What a card that may be sent has to do with the limit.
#[derive(Default)]
struct Passed {
    told: Option<Counted>,
    window: Option<WindowId>,
}

impl<'a> Gate<'a> {
    fn new(rule: &'a Rule, scope: &Value, known: &'a Windows, now: DateTime<Utc>, seen: &mut Warnings) -> Self {
        Self {
            rule,
            limit: rule.limit.as_ref().map(|limit| (limit, limit.value(scope, seen))),
            known,
            now,
            held_back: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// May this delivery be made? `None` if it is held back.
    fn ask(&mut self, delivery: &DeliveryId, recipient: &Recipient) -> Option<Passed> {
        let Some((limit, value)) = &self.limit else {
            return Some(Passed::default());
        };
        let id = WindowId::of(&self.rule.name, value, &recipient.address);
        let window = self.known.known.get(&id);
        let ruling = limit.judge(window, self.now);
        let (step, passed) = match (&ruling, window) {
            _ if self.known.counted.contains(&id) => (None, None),
            // A rule that waited for some of its recipients comes by a second time: this card is the one that opened it.
            (_, Some(window)) if window.opened_by == *delivery => (
                None,
                Some(Passed {
                    told: window.told,
                    window: Some(id.clone()),
                }),
            ),
            (Ruling::HeldBack(..), Some(window)) => {
                let (opened_by, at) = (window.opened_by.clone(), self.now);
                (Some(Step::HoldsBack { opened_by, at }), None)
            }
            (Ruling::HeldBack(..), None) => (None, None),
            (Ruling::Passes(told), before) => {
                let (before, after) = (before.cloned(), limit.opened(delivery, *told, self.now));
                let passed = Passed {
                    told: *told,
                    window: Some(id.clone()),
                };
                (Some(Step::Opens { before, after }), Some(passed))
            }
        };
        if passed.is_none() {
            let (since, until) = match ruling {
                Ruling::HeldBack(since, until) => (Some(since), Some(until)),
                Ruling::Passes(_) => (None, None),
            };
            self.held_back.push(HeldBack {
                recipient: recipient.name.clone(),
                value: limit.shown(value),
                since,
                until,
            });
        }
        self.changes.extend(step.map(|step| Change {
            window: id,
            rule: self.rule.name.clone(),
            delivery: delivery.clone(),
            step,
        }));
        passed
    }
}

/// The record of a target that nobody could be told through.
pub fn undeliverable(
    rule: &Rule,
    event: &Event,
    wanted: &str,
    reason: &str,
    revision: &str,
    now: DateTime<Utc>,
) -> Delivery {
    let recipient = Recipient {
        address: Address::Nowhere {
            wanted: wanted.to_owned(),
        },
        name: wanted.to_owned(),
    };
    let id = DeliveryId::of(&event.id, &rule.name, &recipient.address);
    Delivery {
        state: State::Dead,
        reason: Some(reason.to_owned()),
        ..owed(id, rule, event, recipient, None, revision, now)
    }
}

/// A card that is to be sent.
pub fn owed(
    id: DeliveryId,
    rule: &Rule,
    event: &Event,
    recipient: Recipient,
    card_id: Option<CardId>,
    revision: &str,
    now: DateTime<Utc>,
) -> Delivery {
    Delivery {
        id,
        event_id: event.id.clone(),
        rule: rule.name.clone(),
        revision: revision.to_owned(),
        recipient,
        card_id,
        state: State::Pending,
        attempts: Vec::new(),
        attempt_count: 0,
        created_at: now,
        next_attempt_at: now,
        reason: None,
        activity_id: None,
        conversation_id: None,
        thread_root: None,
        window: None,
        terms: Terms::default(),
        operation: Operation::Send,
        trace: None,
    }
}

/// What templates see as `recipient`: a person, or nothing.
pub fn recipient(reached: &Reached) -> Value {
    let Some(person) = &reached.person else {
        return Value::Null;
    };
    json!({
        "name": person.name.as_ref().unwrap_or(&reached.recipient.name),
        "email": person.email.as_ref().or(person.user_principal_name.as_ref()),
        "id": person.aad_object_id,
        "locale": person.locale,
        "time_zone": person.time_zone,
    })
}
