//! Who says something in a rehearsal, and where that is.

use chrono::DateTime;
use serde_json::{Value, json};

use super::World;
use super::made_up::{of_address, of_name};
use crate::audience::{By, PersonRef, SEPARATOR, Want, Wanted};
use crate::book::{Book, naming};
use crate::delivery::Address;
use crate::event::Scope;
use crate::roster::Person;

/// A conversation as events tell of it.
#[derive(Debug, Clone)]
pub struct Spot {
    /// What sort of place it is.
    pub scope: Scope,
    /// `event.team`.
    pub team: Value,
    /// `event.channel`.
    pub channel: Value,
    /// `event.chat`.
    pub chat: Value,
}

impl World {
    /// The person of this name, who exists from now on.
    ///
    /// # Errors
    /// Why the name means no person, in a sentence.
    pub fn somebody(&mut self, name: &str, book: &Book) -> Result<Person, String> {
        let Want::Person(person) = naming::person(name, book)? else {
            return Err(format!("`{}` is no person", naming::short(name)));
        };
        let known = match &person {
            PersonRef::Email(address) => self.people.iter().find(|one| one.email.as_ref() == Some(address)),
            PersonRef::Name(name) => self.people.iter().find(|one| super::is_called(one, name)),
            PersonRef::AadObjectId(id) | PersonRef::AccountId(id) => self.people.with_id(id),
        };
        let known = known.cloned().unwrap_or_else(|| match person {
            PersonRef::Email(address) => of_address(&address),
            PersonRef::Name(name) => of_name(&name),
            PersonRef::AadObjectId(id) => Person {
                aad_object_id: Some(id),
                ..Person::default()
            },
            PersonRef::AccountId(id) => Person {
                account_id: Some(id),
                ..Person::default()
            },
        });
        self.meet(known.clone());
        Ok(known)
    }

    /// The personal chat with somebody.
    pub fn personal_chat(person: &Person) -> Spot {
        let id = person.aad_object_id.as_ref().or(person.account_id.as_ref());
        Spot {
            scope: Scope::Person,
            team: Value::Null,
            channel: Value::Null,
            chat: json!({ "id": format!("a:{}", id.map_or("somebody", String::as_str)), "name": null }),
        }
    }

    /// The channel or group chat of this name, which exists from now on.
    ///
    /// # Errors
    /// Why the name means neither, in a sentence.
    pub fn spot(&mut self, name: &str, book: &Book) -> Result<Spot, String> {
        let lower = name.trim().to_lowercase();
        let is_group = book.group(name).is_some() || self.chats.contains_key(&lower);
        let is_channel = book.channel(name).is_some() || name.contains(SEPARATOR) || self.teams.contains_key(&lower);
        let want = match is_group || !is_channel {
            true => Want::GroupChat(naming::group(name, book)?),
            false => naming::channel(name, book)?,
        };
        let wanted = Wanted {
            written: name.trim().to_owned(),
            want,
            mention: Vec::new(),
            by: By::Chat,
            thread: None,
            only: Vec::new(),
        };
        self.assume(&wanted.want, true);
        let audience = self.find(&[wanted], DateTime::UNIX_EPOCH);
        let Some(reached) = audience.reached.first() else {
            let why = audience.unreachable.first().map(|target| target.reason.clone());
            return Err(why.unwrap_or_else(|| format!("there is no channel or group chat `{}`", naming::short(name))));
        };
        let Address::Conversation { id } = &reached.recipient.address else {
            return Err(format!("`{}` is a person, not a place", naming::short(name)));
        };
        let shown = &reached.recipient.name;
        if is_group || !is_channel {
            return Ok(Spot {
                scope: Scope::Group,
                team: Value::Null,
                channel: Value::Null,
                chat: json!({ "id": id, "name": shown }),
            });
        }
        let (team, channel) = shown.split_once(SEPARATOR).unwrap_or((shown, "General"));
        let team_id = self.teams.get(&team.to_lowercase()).map(|team| team.id.clone());
        Ok(Spot {
            scope: Scope::Team,
            team: json!({ "id": team_id.unwrap_or_else(|| id.to_string()), "name": team }),
            channel: json!({ "id": id, "name": channel }),
            chat: Value::Null,
        })
    }
}
