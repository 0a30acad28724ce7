//! The people, the team and the bot of the load program, each made of a number.

use chrono::{DateTime, Utc};
use herald::roster::{Conversation, ConversationId, ConversationKind, Person, Roster, Team};
use herald::store::directory::Entry;
use serde_json::{Value, json};

/// The bot's app id.
pub const APP: &str = "5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10";
/// The tenant.
pub const TENANT: &str = "8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01";
/// The team that everybody is in.
pub const TEAM: &str = "19:General7hK2mQ9xTzR4vL1pW8sY3n@thread.tacv2";
/// Its name.
pub const TEAM_NAME: &str = "Everybody";

/// The Entra object id of a person.
pub fn object(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The personal chat of a person.
pub fn chat(number: usize) -> String {
    format!("a:load{number}")
}

/// Which person an Entra object id or account id means.
pub fn number_of(id: &str) -> Option<usize> {
    let digits = id
        .strip_prefix("29:load")
        .or_else(|| id.strip_prefix("00000000-0000-4000-8000-"))?;
    digits.parse().ok()
}

/// A person as Teams lists members.
pub fn member(number: usize) -> Value {
    json!({
        "id": format!("29:load{number}"), "aadObjectId": object(number), "name": format!("Person {number}"),
        "email": format!("p{number}@contoso.example"), "userPrincipalName": format!("p{number}@contoso.example"),
        "tenantId": TENANT, "userRole": "user",
    })
}

/// A person as the directory keeps one.
pub fn person(number: usize) -> Person {
    Person {
        tenant_id: TENANT.to_owned(),
        aad_object_id: Some(object(number)),
        account_id: Some(format!("29:load{number}")),
        user_principal_name: Some(format!("p{number}@contoso.example")),
        email: Some(format!("p{number}@contoso.example")),
        name: Some(format!("Person {number}")),
        role: Some("user".to_owned()),
        ..Person::default()
    }
}

/// A person's chat with the bot, reached at `service_url`.
pub fn conversation(number: usize, service_url: &str, now: DateTime<Utc>) -> Entry {
    Entry::Conversation(Conversation {
        id: ConversationId::new(&chat(number)),
        kind: ConversationKind::Personal,
        service_url: service_url.to_owned(),
        tenant_id: TENANT.to_owned(),
        team_id: None,
        name: None,
        bot_id: format!("28:{APP}"),
        person: Some(person(number)),
        installed_by: None,
        first_seen: now,
        last_seen: now,
        blocked: None,
    })
}

/// Who is in a person's chat: a herald that did not know would ask for each of them once.
pub fn pair(number: usize, now: DateTime<Utc>) -> Entry {
    Entry::Roster(Roster {
        id: chat(number),
        members: vec![person(number)],
        fetched_at: now,
        stale: false,
    })
}

/// The team, and who is in it: the first `members`.
pub fn team(members: usize, service_url: &str, now: DateTime<Utc>) -> Vec<Entry> {
    let team = Team {
        id: TEAM.to_owned(),
        tenant_id: TENANT.to_owned(),
        name: Some(TEAM_NAME.to_owned()),
        aad_group_id: None,
        service_url: service_url.to_owned(),
        bot_id: format!("28:{APP}"),
        selected_channel: None,
        installed_by: None,
        archived: false,
        channels: Vec::new(),
        channels_fetched_at: Some(now),
        first_seen: now,
        last_seen: now,
    };
    let roster = Roster {
        id: TEAM.to_owned(),
        members: (0..members).map(person).collect(),
        fetched_at: now,
        stale: false,
    };
    vec![Entry::Team(team), Entry::Roster(roster)]
}
