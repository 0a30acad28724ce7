//! Whom a rule tells, and through whose eyes its card can be seen: people and places as files know them.
//!
//! Who is in a team, and who has the bot, only Teams knows; that stays open here.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::shown::MOST;
use crate::audience::{PersonRef, PlaceRef, Reached, Want, Wanted};
use crate::book::Book;
use crate::delivery::{Address, Recipient};
use crate::diagnostic::did_you_mean;
use crate::roster::{ConversationId, Mention, Person};
use crate::webhook;

/// With this the key of the seat of a webhook begins.
const WEBHOOK: &str = "webhook:";

/// Somebody who would be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// As written in the rule, its holes filled.
    pub written: String,
    /// Who or what that is.
    pub means: String,
    /// Whom the card mentions there.
    pub mentions: Vec<String>,
    /// It comes to nobody.
    pub nobody: bool,
}

/// Somebody through whose eyes a card can be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seat {
    /// Stays the same while files change.
    pub key: String,
    /// For people.
    pub label: String,
    /// The rule names them.
    pub told: bool,
}

/// What files know about people and places.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// `directory.yaml`.
    pub book: &'a Book,
    /// The event: Teams tells names in it.
    pub data: &'a Value,
}

impl Known<'_> {
    /// Through whose eyes the card can be seen: those who are told, everybody in `directory.yaml`, and somebody made up.
    /// Never empty.
    pub fn seats(&self, wanted: &[Wanted]) -> Vec<(Seat, Reached)> {
        let mut seats: Vec<(Seat, Reached)> = Vec::new();
        let mut add = |key: String, label: String, told: bool, person: Option<Person>, mentions: Vec<Mention>| {
            let webhook = key.strip_prefix(WEBHOOK).map(str::to_owned);
            if seats.len() < MOST && seats.iter().all(|(seat, _)| seat.key != key) {
                let name = person
                    .as_ref()
                    .and_then(|p| p.name.clone())
                    .unwrap_or_else(|| label.clone());
                let address = match (&person, webhook) {
                    (None, Some(name)) => Address::Webhook {
                        name,
                        kind: webhook::Kind::Workflow,
                    },
                    (Some(_), _) => Address::Person {
                        tenant_id: String::new(),
                        id: key.clone(),
                    },
                    (None, None) => Address::Conversation {
                        id: ConversationId::new(&key),
                    },
                };
                let reached = Reached {
                    recipient: Recipient { address, name },
                    person: person.map(Arc::new),
                    mentions,
                    tenant_id: None,
                    thread: None,
                    life: Arc::default(),
                    choices: None,
                };
                seats.push((Seat { key, label, told }, reached));
            }
        };
        for one in wanted {
            match &one.want {
                Want::Person(person) => {
                    let person = self.person(person);
                    add(
                        person_key(&person),
                        person_label(&person),
                        true,
                        Some(person),
                        Vec::new(),
                    );
                }
                Want::Conversation(_) if self.personal().is_some() => {
                    let person = self.personal().unwrap_or_default();
                    add(
                        person_key(&person),
                        person_label(&person),
                        true,
                        Some(person),
                        Vec::new(),
                    );
                }
                Want::GroupChat(_)
                | Want::ChannelPath(_)
                | Want::Channel { .. }
                | Want::ChannelsOf(_)
                | Want::Conversation(_) => {
                    let place = self.means(&one.want);
                    let mentions = one.mention.iter().filter_map(|want| self.mention(want)).collect();
                    add(format!("place:{}", one.written), place, true, None, mentions);
                }
                Want::Webhook { name, .. } => {
                    let mentions = one.mention.iter().filter_map(|want| self.mention(want)).collect();
                    add(format!("{WEBHOOK}{name}"), self.means(&one.want), true, None, mentions);
                }
                Want::MembersOf(_) | Want::EntraGroup(_) | Want::Everyone | Want::Nobody(_) => {}
            }
        }
        for entry in self.book.people() {
            let person = self.person(&entry.person);
            add(
                person_key(&person),
                person_label(&person),
                false,
                Some(person),
                Vec::new(),
            );
        }
        let somebody = Person {
            name: Some("Anna Berg".to_owned()),
            email: Some("anna.berg@contoso.example".to_owned()),
            ..Person::default()
        };
        let none_yet = seats.is_empty();
        let somebody = (
            Seat {
                key: "example".to_owned(),
                label: "somebody (Anna Berg)".to_owned(),
                told: false,
            },
            Reached {
                recipient: Recipient {
                    address: Address::Person {
                        tenant_id: String::new(),
                        id: "example".to_owned(),
                    },
                    name: "Anna Berg".to_owned(),
                },
                person: Some(Arc::new(somebody)),
                mentions: Vec::new(),
                tenant_id: None,
                thread: None,
                life: Arc::default(),
                choices: None,
            },
        );
        // Members of a team are nobody in particular.
        let nobody_told = none_yet || !seats[0].0.told;
        seats.insert(if nobody_told { 0 } else { seats.len() }, somebody);
        seats
    }

    /// The person as far as files know them. A name that nobody wrote down is made of the address.
    fn person(&self, person: &PersonRef) -> Person {
        let entry = self.book.people().find(|entry| entry.person == *person);
        let mut known = Person {
            name: entry.and_then(|entry| entry.name.clone()),
            email: entry.and_then(|entry| entry.email.clone()),
            ..Person::default()
        };
        match person {
            PersonRef::AadObjectId(id) => known.aad_object_id = Some(id.clone()),
            PersonRef::AccountId(id) => known.account_id = Some(id.clone()),
            PersonRef::Email(email) => known.email = Some(email.clone()),
            PersonRef::Name(name) => known.name = known.name.or_else(|| Some(name.clone())),
        }
        if known.name.is_none() {
            let id = known.aad_object_id.as_deref().or(known.account_id.as_deref());
            let of_address = known.email.as_deref().and_then(|email| email.split('@').next());
            known.name = id
                .and_then(|id| self.named(id))
                .or_else(|| of_address.map(name_in))
                .or_else(|| id.map(str::to_owned));
        }
        known
    }

    /// The name that the event gives to this id.
    fn named(&self, id: &str) -> Option<String> {
        let is_it = |person: &&Value| {
            let ids = [&person["aad_object_id"], &person["id"]];
            ids.iter()
                .any(|known| known.as_str().is_some_and(|known| known.eq_ignore_ascii_case(id)))
        };
        let found = [&self.data["person"], &self.data["by"]].into_iter().find(is_it)?;
        found["name"].as_str().map(str::to_owned)
    }

    /// Whose personal chat the event happened in, if it was one.
    fn personal(&self) -> Option<Person> {
        let person = &self.data["person"];
        let text = |key: &str| person[key].as_str().map(str::to_owned);
        (self.data["scope"] == "person").then(|| Person {
            name: text("name").or_else(|| Some("somebody".to_owned())),
            aad_object_id: text("aad_object_id"),
            account_id: text("id"),
            ..Person::default()
        })
    }

    /// The conversation the event happened in, in words.
    fn here(&self, id: &ConversationId) -> String {
        let name = |place: &str| self.data[place]["name"].as_str();
        match (self.personal(), name("team"), name("channel").or_else(|| name("chat"))) {
            (Some(person), _, _) => format!("the personal chat with {}", person_label(&person)),
            (None, Some(team), channel) => format!("{team} / {}", channel.unwrap_or("General")),
            (None, None, Some(chat)) => format!("group chat {chat}"),
            (None, None, None) => format!("the conversation {id}"),
        }
    }

    fn mention(&self, want: &Want) -> Option<Mention> {
        let Want::Person(person) = want else { return None };
        let person = self.person(person);
        Some(Mention {
            id: person_key(&person).trim_start_matches("person:").to_owned(),
            name: person.name.unwrap_or_default(),
        })
    }

    /// A target, in words.
    pub fn told(&self, wanted: &Wanted) -> Told {
        Told {
            written: wanted.written.clone(),
            means: self.means(&wanted.want),
            mentions: wanted.mention.iter().map(|want| self.means(want)).collect(),
            nobody: matches!(wanted.want, Want::Nobody(_)),
        }
    }

    fn means(&self, want: &Want) -> String {
        let place = |place: &PlaceRef| match place {
            PlaceRef::Id(text) | PlaceRef::Name(text) => text.clone(),
        };
        match want {
            Want::Person(person) => person_label(&self.person(person)),
            Want::GroupChat(chat) => format!("group chat {}", place(chat)),
            Want::ChannelPath(path) => path.clone(),
            Want::Channel { team, channel } => match channel {
                Some(channel) => format!("{} / {}", place(team), place(channel)),
                None => format!("{} / General", place(team)),
            },
            Want::Conversation(id) => self.here(id),
            Want::MembersOf(whom) | Want::EntraGroup(whom) => format!("every member of {}", place(whom)),
            Want::ChannelsOf(team) => format!("every channel of {}", place(team)),
            Want::Everyone => "everyone who has the bot".to_owned(),
            Want::Webhook { name, .. } => format!("webhook {name}"),
            Want::Nobody(reason) => reason.clone(),
        }
    }
}

/// The key of the seat of a person that somebody names: by alias, name or address.
///
/// # Errors
/// A sentence with who is near: `directory.yaml` has nobody of this name.
pub fn of_name(written: &str, book: &Book) -> Result<String, String> {
    let known = Known {
        book,
        data: &Value::Null,
    };
    let by_alias = book.person(written).map(|entry| known.person(&entry.person));
    let same = |text: &Option<String>| text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(written));
    let mut people = book.people().map(|entry| known.person(&entry.person));
    match by_alias.or_else(|| people.find(|person| same(&person.name) || same(&person.email))) {
        Some(person) => Ok(person_key(&person)),
        None => Err(
            match did_you_mean(written, book.people().map(|entry| entry.alias.as_str())) {
                Some(near) => format!("directory.yaml has nobody called `{written}`; did you mean `{near}`?"),
                None => format!("directory.yaml has nobody called `{written}`"),
            },
        ),
    }
}

/// `anna.berg` -> `Anna Berg`.
fn name_in(local_part: &str) -> String {
    let words = local_part.split(['.', '_', '-']).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    };
    words.map(capital).collect::<Vec<_>>().join(" ")
}

fn person_key(person: &Person) -> String {
    let id = [&person.email, &person.aad_object_id, &person.account_id, &person.name];
    format!("person:{}", id.into_iter().flatten().next().map_or("", String::as_str))
}

fn person_label(person: &Person) -> String {
    match (&person.name, &person.email) {
        (Some(name), Some(email)) => format!("{name} ({email})"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => "somebody".to_owned(),
    }
}
