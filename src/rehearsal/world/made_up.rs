//! People and places that nobody is: their ids are made of their names, so that they are always the same.

use chrono::DateTime;
use sha2::{Digest, Sha256};

use super::TENANT;
use crate::roster::{Conversation, ConversationId, ConversationKind, Person, Team};

pub(super) fn of_address(address: &str) -> Person {
    Person {
        aad_object_id: Some(guid("address", address)),
        email: Some(address.to_owned()),
        name: Some(name_of(address)),
        ..Person::default()
    }
}

pub(super) fn of_name(name: &str) -> Person {
    Person {
        aad_object_id: Some(guid("name", &name.to_lowercase())),
        name: Some(name.to_owned()),
        ..Person::default()
    }
}

/// `anna.berg@contoso.example` -> `Anna Berg`
pub(super) fn name_of(address: &str) -> String {
    let local = address.split(['@', '+']).next().unwrap_or(address);
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    let words: Vec<String> = local.split(['.', '_', '-']).filter_map(capital).collect();
    words.join(" ")
}

fn hash(kind: &str, name: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    hash.update([0]);
    hash.update(name.as_bytes());
    hex::encode(&hash.finalize()[..16])
}

fn guid(kind: &str, name: &str) -> String {
    let hash = hash(kind, name);
    format!(
        "{}-{}-4{}-8{}-{}",
        &hash[..8],
        &hash[8..12],
        &hash[13..16],
        &hash[17..20],
        &hash[20..32]
    )
}

pub(super) fn channel_id(team: &str, channel: &str) -> String {
    let name = format!("{team} / {channel}").to_lowercase();
    format!("19:{}@thread.tacv2", hash("channel", &name))
}

pub(super) fn chat_id(name: &str) -> String {
    format!("19:{}@thread.v2", hash("chat", &name.to_lowercase()))
}

pub(super) fn team(id: &str, name: Option<&str>, tenant_id: String) -> Team {
    Team {
        id: id.to_owned(),
        tenant_id,
        name: name.map(str::to_owned),
        aad_group_id: None,
        service_url: String::new(),
        bot_id: String::new(),
        selected_channel: None,
        installed_by: None,
        archived: false,
        channels: Vec::new(),
        channels_fetched_at: None,
        first_seen: DateTime::UNIX_EPOCH,
        last_seen: DateTime::UNIX_EPOCH,
    }
}

pub(super) fn chat(id: &str, name: Option<&str>) -> Conversation {
    Conversation {
        id: ConversationId::new(id),
        kind: ConversationKind::GroupChat,
        service_url: String::new(),
        tenant_id: TENANT.to_owned(),
        team_id: None,
        name: name.map(str::to_owned),
        bot_id: String::new(),
        person: None,
        installed_by: None,
        first_seen: DateTime::UNIX_EPOCH,
        last_seen: DateTime::UNIX_EPOCH,
        blocked: None,
    }
}
