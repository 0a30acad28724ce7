//! The one decision behind `serve`, `test` and `preview`: a rule, an event and an audience -> cards owed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

mod hush;

use crate::audience::{Audience, Reached};
use crate::card::Card;
use crate::card::text::Warnings;
use crate::delivery::{
    Address, CardId, Delivery, DeliveryId, Operation, Recipient, State, Terms, Thread, ThreadId, WindowId,
};
use crate::event::{Event, EventId, Origin};
use crate::gathering::Item;
use crate::limit::{Change, HeldBack, Rest, Windows};
use crate::quiet::Silenced;
use crate::quiet::policy;
use crate::rule::Rule;
use crate::rule::local_moment::LocalMoment;
use crate::rule::target::Kind;
use crate::storm;
use crate::webhook::message;
use gate::{Gate, Passage, Passed};
use hush::Hush;

mod gate;
pub mod telling;

pub mod manner;

use manner::Manner;

/// What one rule owes because of one event.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One delivery per address; a target nobody can be told through is dead from the start and says why.
    pub deliveries: Vec<Delivery>,
    /// The cards the deliveries point to, each once.
    pub cards: Vec<Card>,
    /// Who gets nothing this time because of the rule's limit.
    pub held_back: Vec<HeldBack>,
    /// Who gets nothing this time because of quiet hours.
    pub silenced: Vec<Silenced>,
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
        "item": event.item.as_ref().map(|item| &item.value),
        "rule": { "name": rule.name, "description": rule.description, "owner": rule.owner },
        "recipient": null,
        "limit": rule.limit.as_ref().map(|limit| limit.in_scope(None)),
        "tracked": null,
        "steps": null,
        "on_call": rule.on_call.in_scope(now),
        "time_zone": time_zone.name(),
        "languages": rule.courtesy.tongue.chain([]),
        "dates_in": rule.courtesy.tongue.chain([]),
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

/// Under what is gathered what this event may add to: for the rule's digest, for the end of quiet hours, and for the storm
/// breaker.
pub fn gatherings(rule: &Rule, event: &Event, scope: &Value, audience: &Audience) -> Vec<WindowId> {
    let by_clock = rule.digest.as_ref().is_some_and(|digest| digest.times.is_some());
    let digested = match &rule.limit {
        Some(limit) => limit.rest == Rest::Digest,
        None => by_clock,
    };
    let value = rule
        .limit
        .as_ref()
        .map(|limit| limit.value(scope, &mut Warnings::new()));
    let value = value.unwrap_or_default();
    let stormy = rule.storm.is_some() && storm::counts(event);
    let mut ids = Vec::new();
    for reached in &audience.reached {
        let address = &reached.recipient.address;
        ids.extend(digested.then(|| WindowId::of(&rule.name, &value, address)));
        ids.extend(stormy.then(|| storm::window(&rule.name, address)));
        ids.extend(gate::folds(rule, event, address).then(|| policy::window(&rule.name, address)));
    }
    ids
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
    let mut shared: Vec<(&Reached, Manner, CardId)> = Vec::new();
    let personal = rule.card.reads("recipient");
    let personal_feed = rule.feed.as_ref().is_some_and(|feed| feed.reads("recipient"));
    let mut deliveries = Vec::with_capacity(audience.reached.len() + audience.unreachable.len());
    let mut gate = Gate::new(rule, event, &scope, known, now, &mut warnings);
    let drill = matches!(event.origin, Origin::Drill { .. });
    let time_zone = scope["time_zone"]
        .as_str()
        .and_then(|name| name.parse().ok())
        .unwrap_or_default();

    let terms = rule.sending.terms(audience.reached.len(), now);
    let moment = LocalMoment::of(rule, event);
    let counts = storm::counts(event);
    let mut hush = Hush::new(rule, event, &scope, terms.expires_at, now);
    for (number, reached) in audience.reached.iter().enumerate() {
        let named_by = moment.as_ref().map(|moment| moment.id(hush.zone_of(reached)));
        let id = DeliveryId::of(
            named_by.as_ref().unwrap_or(&event.id),
            &rule.name,
            &reached.recipient.address,
        );
        let Some((terms, due_at, waits_for)) = hush.ask(reached).terms(&terms, now) else {
            continue;
        };
        let folded = gate.fold(&id, reached, terms.held_until);
        let passage = folded.unwrap_or_else(|| gate.ask(&id, reached));
        let passed = match &passage {
            Passage::HeldBack => continue,
            Passage::Sent(passed) | Passage::Paused(_, passed) => passed.clone(),
            Passage::Gathered(_) => Passed::default(),
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
        let manner = Manner::of(rule, reached);
        let alike = |other: &Reached| {
            let by_feed = matches!(other.recipient.address, Address::Feed { .. });
            by_feed == feed.is_some() && is_outside(other) == outside && other.mentions == reached.mentions
        };
        let same = shared
            .iter()
            .find(|(other, as_well, _)| !personal && alike(other) && *as_well == manner);
        let card_id = match same {
            Some((_, _, id)) => id.clone(),
            None => {
                scope["recipient"] = recipient(reached);
                manner.enter(&mut scope);
                let mut card = match feed {
                    Some(feed) => feed.render(&scope, &mut warnings),
                    None => rule.card.render(&scope, &reached.mentions, &mut warnings),
                };
                card = manner.finish(card, &rule.card, rule, &mut warnings);
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
                    shared.push((reached, manner, id.clone()));
                }
                id
            }
        };
        let thread = thread_of(rule, event, reached, drill);
        // The card that says that a storm is on is none of those that made it.
        let uncounted = !counts || matches!(passage, Passage::Paused(..));
        let card_id = match passage {
            Passage::HeldBack => continue,
            Passage::Sent(_) => card_id,
            Passage::Gathered(place) => {
                let item = Item::of(event, &cards[&card_id].summary, now);
                gate.fill(place, item, thread, terms.quiet);
                continue;
            }
            Passage::Paused(place, _) => {
                let item = Item::of(event, &cards[&card_id].summary, now);
                let gathers = gate.fill(place, item, thread.clone(), terms.quiet.clone());
                let card = telling::notice(&gathers.gathering, &gathers.item, rule, time_zone, &mut warnings);
                let id = card.id();
                cards.insert(id.clone(), card);
                id
            }
        };
        let recipient = reached.recipient.clone();
        deliveries.push(Delivery {
            window: passed.window,
            next_attempt_at: due_at,
            reason: waits_for,
            terms: Terms {
                first: number < audience.first,
                tenant_id: reached.tenant_id.clone(),
                thread,
                uncounted,
                id_wanted: rule.lives(),
                ..terms
            },
            ..owed(id, &rule.name, &event.id, recipient, Some(card_id), revision, now)
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
    // What a card that is only gathered would have looked like, nobody needs.
    let sent: BTreeSet<&CardId> = deliveries
        .iter()
        .filter_map(|delivery| delivery.card_id.as_ref())
        .collect();
    cards.retain(|id, _| sent.contains(id));
    Plan {
        deliveries,
        cards: cards.into_values().collect(),
        held_back: gate.held_back,
        silenced: hush.silenced,
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
        ..owed(id, &rule.name, &event.id, recipient, None, revision, now)
    }
}

/// A card that is to be sent.
pub fn owed(
    id: DeliveryId,
    rule: &str,
    event: &EventId,
    recipient: Recipient,
    card_id: Option<CardId>,
    revision: &str,
    now: DateTime<Utc>,
) -> Delivery {
    Delivery {
        id,
        event_id: event.clone(),
        rule: rule.to_owned(),
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
        batch: None,
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
