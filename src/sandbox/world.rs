//! Who and what is there: people, teams with channels, group chats, and the messages in them.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::batches::Batches;
use super::graph::EntraGroup;
use super::identity;
use super::refusal::Refusal;
use super::seed;

/// Somebody of the tenant, and their personal chat with the bot.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) account: String,
    pub(super) aad_object_id: String,
    pub(super) upn: String,
    pub(super) name: String,
    pub(super) given_name: String,
    pub(super) surname: String,
    pub(super) role: &'static str,
    pub(super) locale: &'static str,
    pub(super) time_zone: &'static str,
    /// Made up in bulk: not shown in the page unless there is something to read.
    pub(super) generated: bool,
    pub(super) chat: String,
    pub(super) installed: bool,
    /// The bot opened the chat without being installed, as it may for members of its teams.
    pub(super) opened: bool,
    pub(super) blocked: bool,
}

/// A channel; General has no name.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) deleted: bool,
}

/// A team; its first channel is General.
#[derive(Debug, Clone)]
pub(super) struct Team {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) group_id: String,
    pub(super) channels: Vec<Channel>,
    pub(super) members: Vec<usize>,
    pub(super) bot: bool,
    pub(super) archived: bool,
    pub(super) deleted: bool,
}

/// A chat of several people.
#[derive(Debug, Clone)]
pub(super) struct GroupChat {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) members: Vec<usize>,
    pub(super) bot: bool,
}

/// A conversation, by its place in the world's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Personal(usize),
    Group(usize),
    Channel(usize, usize),
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    Bot,
    Person(usize),
    /// "Anna installed the app."
    Teams,
}

/// Something to read in a conversation.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) author: Author,
    pub(super) at: DateTime<Utc>,
    pub(super) activity: Value,
    /// The message that began the thread, in a channel.
    pub(super) root: Option<String>,
    pub(super) edited: bool,
}

/// Everything.
#[derive(Debug)]
pub(super) struct World {
    pub(super) app_id: String,
    pub(super) tenant: String,
    pub(super) bot_name: String,
    pub(super) people: Vec<Person>,
    pub(super) teams: Vec<Team>,
    pub(super) chats: Vec<GroupChat>,
    /// Groups of Entra that are no teams.
    pub(super) groups: Vec<EntraGroup>,
    places: HashMap<String, Place>,
    /// Account ids, object ids and sign-in names (lower case) to people.
    who: HashMap<String, usize>,
    histories: HashMap<String, VecDeque<Message>>,
    pub(super) gone: HashSet<String>,
    /// Batches by their ids.
    pub(super) batches: Batches,
    kept: usize,
    last_id: i64,
}

impl World {
    pub(super) fn new(app_id: &str, tenant: &str, bot_name: &str, kept: usize) -> Self {
        let mut world = Self {
            app_id: app_id.to_owned(),
            tenant: tenant.to_owned(),
            bot_name: bot_name.to_owned(),
            people: Vec::new(),
            teams: Vec::new(),
            chats: Vec::new(),
            groups: Vec::new(),
            places: HashMap::new(),
            who: HashMap::new(),
            histories: HashMap::new(),
            gone: HashSet::new(),
            batches: Batches::default(),
            kept: kept.max(1),
            last_id: 0,
        };
        seed::fill(&mut world);
        world
    }

    /// The bot's own account id.
    pub(super) fn bot_id(&self) -> String {
        format!("28:{}", self.app_id)
    }

    // ---- building ----

    pub(super) fn add_person(&mut self, person: seed::Somebody<'_>) -> usize {
        let aad_object_id = identity::guid(&["person", &self.tenant, person.upn]);
        let account = identity::account(&self.app_id, &aad_object_id);
        let chat = identity::personal_chat(&self.app_id, &aad_object_id);
        let index = self.people.len();
        self.places.insert(chat.clone(), Place::Personal(index));
        let named_by_graph = identity::graph_chat(&self.app_id, &aad_object_id);
        self.places.insert(named_by_graph, Place::Personal(index));
        for key in [&account, &aad_object_id, &person.upn.to_lowercase()] {
            self.who.insert(key.clone(), index);
        }
        self.people.push(Person {
            account,
            aad_object_id,
            upn: person.upn.to_owned(),
            name: person.name.to_owned(),
            given_name: person.given_name.to_owned(),
            surname: person.surname.to_owned(),
            role: person.role,
            locale: person.locale,
            time_zone: person.time_zone,
            generated: person.generated,
            chat,
            installed: false,
            opened: false,
            blocked: false,
        });
        index
    }

    pub(super) fn add_team(&mut self, name: &str, channels: &[&str], members: Vec<usize>) -> usize {
        let id = identity::team(&self.tenant, name);
        let group_id = identity::guid(&["group", &self.tenant, name]);
        let index = self.teams.len();
        self.places.insert(id.clone(), Place::Channel(index, 0));
        self.teams.push(Team {
            channels: vec![Channel {
                id: id.clone(),
                name: None,
                deleted: false,
            }],
            id,
            name: name.to_owned(),
            group_id,
            members,
            bot: false,
            archived: false,
            deleted: false,
        });
        for channel in channels {
            self.add_channel(index, channel);
        }
        index
    }

    pub(super) fn add_channel(&mut self, team: usize, name: &str) -> usize {
        let channels = self.teams[team].channels.len();
        // A channel deleted and created again under its old name is another channel.
        let mut id = identity::channel(&self.teams[team].id, name);
        if self.places.contains_key(&id) {
            id = identity::channel(&self.teams[team].id, &format!("{name}/{channels}"));
        }
        self.places.insert(id.clone(), Place::Channel(team, channels));
        self.teams[team].channels.push(Channel {
            id,
            name: Some(name.to_owned()),
            deleted: false,
        });
        channels
    }

    pub(super) fn add_chat(&mut self, name: &str, members: Vec<usize>) -> usize {
        let id = identity::group_chat(&self.tenant, name);
        let index = self.chats.len();
        self.places.insert(id.clone(), Place::Group(index));
        self.chats.push(GroupChat {
            id,
            name: name.to_owned(),
            members,
            bot: false,
        });
        index
    }

    pub(super) fn add_entra_group(&mut self, name: &str, members: Vec<usize>) {
        self.groups.push(EntraGroup {
            id: identity::guid(&["group", &self.tenant, name]),
            name: name.to_owned(),
            members,
        });
    }

    // ---- finding ----

    /// The conversation of this id, which may carry a thread; forgotten ones are not found.
    pub(super) fn place(&self, id: &str) -> Option<Place> {
        let (id, _) = split_thread(id);
        if self.gone.contains(id) {
            return None;
        }
        self.places.get(id).copied()
    }

    /// The id of a place.
    pub(super) fn id(&self, place: Place) -> &str {
        match place {
            Place::Personal(person) => &self.people[person].chat,
            Place::Group(chat) => &self.chats[chat].id,
            Place::Channel(team, channel) => &self.teams[team].channels[channel].id,
        }
    }

    /// A person by account id, object id or sign-in name: what the connector accepts.
    pub(super) fn person(&self, id: &str) -> Option<usize> {
        self.who.get(id).or_else(|| self.who.get(&id.to_lowercase())).copied()
    }

    /// A person by any of these or by name: what a test or the page says.
    pub(super) fn person_called(&self, text: &str) -> Option<usize> {
        self.person(text).or_else(|| {
            self.people
                .iter()
                .position(|person| person.name == text || person.chat == text)
        })
    }

    pub(super) fn team_called(&self, text: &str) -> Option<usize> {
        self.teams.iter().position(|team| team.name == text || team.id == text)
    }

    pub(super) fn chat_called(&self, text: &str) -> Option<usize> {
        self.chats.iter().position(|chat| chat.name == text || chat.id == text)
    }

    /// `Team / Channel`, a team (its General), a group chat, a person, or any id.
    pub(super) fn place_called(&self, text: &str) -> Option<Place> {
        if let Some(place) = self.places.get(split_thread(text).0) {
            return Some(*place);
        }
        if let Some((team, channel)) = text.split_once(" / ") {
            let team = self.team_called(team)?;
            let channel = self.teams[team].channels.iter().position(|known| match &known.name {
                Some(name) => name == channel,
                None => channel == "General",
            })?;
            return Some(Place::Channel(team, channel));
        }
        self.team_called(text)
            .map(|team| Place::Channel(team, 0))
            .or_else(|| self.chat_called(text).map(Place::Group))
            .or_else(|| self.person_called(text).map(Place::Personal))
    }

    /// Everybody in a conversation except the bot.
    pub(super) fn roster(&self, place: Place) -> Vec<usize> {
        match place {
            Place::Personal(person) => vec![person],
            Place::Group(chat) => self.chats[chat].members.clone(),
            Place::Channel(team, _) => self.teams[team].members.clone(),
        }
    }

    /// The bot shares a team or group chat with this person.
    pub(super) fn meets(&self, person: usize) -> bool {
        self.teams
            .iter()
            .any(|team| team.bot && !team.deleted && team.members.contains(&person))
            || self.chats.iter().any(|chat| chat.bot && chat.members.contains(&person))
    }

    // ---- what the bot may do ----

    /// The bot is a member of this conversation.
    pub(super) fn has_bot(&self, place: Place) -> bool {
        match place {
            Place::Personal(person) => {
                let known = &self.people[person];
                known.installed || (known.opened && self.meets(person))
            }
            Place::Group(chat) => self.chats[chat].bot,
            Place::Channel(team, _) => self.teams[team].bot,
        }
    }

    /// The bot may ask about this conversation.
    pub(super) fn may_look(&self, place: Place) -> Result<(), Refusal> {
        if let Place::Channel(team, channel) = place
            && (self.teams[team].deleted || self.teams[team].channels[channel].deleted)
        {
            return Err(Refusal::conversation_not_found());
        }
        if self.has_bot(place) {
            Ok(())
        } else {
            Err(Refusal::not_in_roster())
        }
    }

    /// The bot may write there.
    pub(super) fn may_write(&self, place: Place) -> Result<(), Refusal> {
        if let Place::Personal(person) = place
            && self.people[person].blocked
        {
            return Err(Refusal::writes_blocked());
        }
        self.may_look(place)?;
        if let Place::Channel(team, _) = place
            && self.teams[team].archived
        {
            return Err(Refusal::read_only());
        }
        Ok(())
    }

    // ---- messages ----

    /// Message ids are milliseconds since 1970, and no two are equal.
    pub(super) fn next_id(&mut self, now: DateTime<Utc>) -> String {
        self.last_id = (self.last_id + 1).max(now.timestamp_millis());
        self.last_id.to_string()
    }

    /// Adds a message; the oldest of a full conversation goes.
    pub(super) fn add_message(&mut self, place: Place, message: Message) {
        let id = self.id(place).to_owned();
        let history = self.histories.entry(id).or_default();
        history.push_back(message);
        while history.len() > self.kept {
            history.pop_front();
        }
    }

    pub(super) fn messages(&self, place: Place) -> impl Iterator<Item = &Message> {
        self.histories.get(self.id(place)).into_iter().flatten()
    }

    pub(super) fn message_mut(&mut self, place: Place, id: &str) -> Option<&mut Message> {
        let conversation = self.id(place).to_owned();
        self.histories
            .get_mut(&conversation)?
            .iter_mut()
            .find(|message| message.id == id)
    }

    pub(super) fn message(&self, place: Place, id: &str) -> Option<&Message> {
        self.messages(place).find(|message| message.id == id)
    }

    pub(super) fn remove_message(&mut self, place: Place, id: &str) {
        let conversation = self.id(place).to_owned();
        if let Some(history) = self.histories.get_mut(&conversation) {
            history.retain(|message| message.id != id);
        }
    }

    // ---- as the connector describes them ----

    pub(super) fn member(&self, person: usize) -> Value {
        let person = &self.people[person];
        json!({
            "id": person.account, "objectId": person.aad_object_id, "aadObjectId": person.aad_object_id,
            "name": person.name, "givenName": person.given_name, "surname": person.surname,
            "email": person.upn, "userPrincipalName": person.upn, "tenantId": self.tenant, "userRole": person.role,
        })
    }

    pub(super) fn team_details(&self, team: usize) -> Value {
        let team = &self.teams[team];
        json!({
            "id": team.id, "name": team.name, "aadGroupId": team.group_id, "type": "standard",
            "channelCount": team.channels.iter().filter(|channel| !channel.deleted).count(),
            "memberCount": team.members.len(), "tenantId": self.tenant,
        })
    }

    pub(super) fn channels(&self, team: usize) -> Value {
        let channels: Vec<Value> = self.teams[team]
            .channels
            .iter()
            .filter(|channel| !channel.deleted)
            .map(|channel| json!({"id": channel.id, "name": channel.name, "type": "standard"}))
            .collect();
        json!({"conversations": channels})
    }
}

/// `19:...@thread.tacv2;messageid=1` into the channel and the thread.
pub(super) fn split_thread(id: &str) -> (&str, Option<&str>) {
    match id.split_once(";messageid=") {
        Some((conversation, root)) => (conversation, Some(root)),
        None => (id, None),
    }
}
