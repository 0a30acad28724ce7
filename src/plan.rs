//! The one decision behind `serve`, `test` and `preview`: a rule, an event and an audience -> cards owed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::audience::{Audience, Reached};
use crate::card::Card;
use crate::card::text::Warnings;
use crate::delivery::{Address, CardId, Delivery, DeliveryId, Recipient, State};
use crate::event::Event;
use crate::rule::Rule;

/// What one rule owes because of one event.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One delivery per address; a target nobody can be told through is dead from the start and says why.
    pub deliveries: Vec<Delivery>,
    /// The cards the deliveries point to, each once.
    pub cards: Vec<Card>,
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
        "time_zone": time_zone.name(),
        "now": now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    })
}

/// Renders the rule's card for everybody in `audience` and says why the others get none. Deterministic: the same
/// arguments give the same plan.
///
/// A card that does not mention its recipient is rendered once for all who are to be mentioned alike. `scope` is what [`scope`] made for this event and rule.
pub fn plan(
    rule: &Rule,
    event: &Event,
    mut scope: Value,
    audience: &Audience,
    revision: &str,
    now: DateTime<Utc>,
) -> Plan {
    let mut warnings = Warnings::new();
    let mut cards: BTreeMap<CardId, Card> = BTreeMap::new();
    let mut shared: Vec<(&Reached, CardId)> = Vec::new();
    let personal = rule.card.reads("recipient");
    let mut deliveries = Vec::with_capacity(audience.reached.len() + audience.unreachable.len());

    for reached in &audience.reached {
        let same = shared
            .iter()
            .find(|(other, _)| !personal && other.mentions == reached.mentions);
        let card_id = match same {
            Some((_, id)) => id.clone(),
            None => {
                scope["recipient"] = recipient(reached);
                let card = rule.card.render(&scope, &reached.mentions, &mut warnings);
                let id = card.id();
                cards.insert(id.clone(), card);
                if !personal {
                    shared.push((reached, id.clone()));
                }
                id
            }
        };
        let id = DeliveryId::of(&event.id, &rule.name, &reached.recipient.address);
        deliveries.push(owed(
            id,
            rule,
            event,
            reached.recipient.clone(),
            Some(card_id),
            revision,
            now,
        ));
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
        warnings: warnings.into_vec(),
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

fn owed(
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
    }
}

/// What templates see as `recipient`.
fn recipient(reached: &Reached) -> Value {
    let person = reached.person.as_ref();
    json!({
        "name": person.and_then(|p| p.name.clone()).unwrap_or_else(|| reached.recipient.name.clone()),
        "email": person.and_then(|p| p.email.clone().or_else(|| p.user_principal_name.clone())),
        "id": person.and_then(|p| p.aad_object_id.clone()),
        "locale": person.and_then(|p| p.locale.clone()),
        "time_zone": person.and_then(|p| p.time_zone.clone()),
    })
}
