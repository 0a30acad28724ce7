//! The world as the page reads it.

use serde_json::{Value, json};

use super::world::{Author, Message, Place, World};

/// More people than this are not listed.
const MOST_PEOPLE: usize = 300;

/// Something the page should show at once.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// `message` (new or replaced), `deleted`, `world` (ask again for everything).
    pub(super) event: &'static str,
    pub(super) data: Value,
}

impl Change {
    pub(super) fn new(event: &'static str, data: Value) -> Self {
        Self { event, data }
    }

    /// People, places or installations changed.
    pub(super) fn world() -> Self {
        Self::new("world", json!({}))
    }
}

/// One message.
pub(super) fn message(world: &World, place: Place, message: &Message) -> Value {
    let from = match message.author {
        Author::Bot => json!({"kind": "bot", "name": world.bot_name}),
        Author::Person(person) => {
            json!({"kind": "person", "name": world.people[person].name, "id": world.people[person].aad_object_id})
        }
        Author::Teams => json!({"kind": "teams"}),
    };
    json!({
        "conversation": world.id(place), "id": message.id, "from": from, "at": message.at.to_rfc3339(),
        "root": message.root, "edited": message.edited, "activity": message.activity,
    })
}

/// Everything the page needs to begin with.
pub(super) fn world(world: &World) -> Value {
    let mut chats = Vec::new();
    for (index, person) in world.people.iter().enumerate() {
        let place = Place::Personal(index);
        let silent = world.messages(place).next().is_none();
        if (person.generated && silent) || chats.len() >= MOST_PEOPLE {
            continue;
        }
        chats.push(json!({
            "id": person.chat, "kind": "personal", "name": person.name, "person": person.aad_object_id,
            "about": person.upn, "installed": person.installed, "blocked": person.blocked,
            "members": [member(world, index)], "messages": messages(world, place),
        }));
    }
    let groups: Vec<Value> = world
        .chats
        .iter()
        .enumerate()
        .map(|(index, chat)| {
            json!({
                "id": chat.id, "kind": "group", "name": chat.name, "installed": chat.bot,
                "members": members(world, &chat.members), "messages": messages(world, Place::Group(index)),
            })
        })
        .collect();
    let teams: Vec<Value> = world
        .teams
        .iter()
        .enumerate()
        .map(|(index, team)| {
            let channels: Vec<Value> = team
                .channels
                .iter()
                .enumerate()
                .map(|(place, channel)| {
                    json!({
                        "id": channel.id, "kind": "channel", "name": channel.name.as_deref().unwrap_or("General"),
                        "deleted": channel.deleted, "messages": messages(world, Place::Channel(index, place)),
                    })
                })
                .collect();
            json!({
                "id": team.id, "name": team.name, "installed": team.bot, "archived": team.archived,
                "deleted": team.deleted,
                "people": team.members.len(), "members": members(world, &team.members), "channels": channels,
            })
        })
        .collect();
    let known = world.people.iter().enumerate().filter(|(_, person)| !person.generated);
    let people: Vec<Value> = known.map(|(index, _)| member(world, index)).collect();
    json!({"bot": world.bot_name, "people": people, "personal": chats, "groups": groups, "teams": teams})
}

fn messages(world: &World, place: Place) -> Vec<Value> {
    world.messages(place).map(|one| message(world, place, one)).collect()
}

fn members(world: &World, members: &[usize]) -> Vec<Value> {
    members.iter().take(100).map(|person| member(world, *person)).collect()
}

fn member(world: &World, person: usize) -> Value {
    json!({"id": world.people[person].aad_object_id, "name": world.people[person].name})
}
