//! Whom and where a rehearsal knows: the names of the workspace, what the rule names, and what the test says.
//!
//! Everybody gets ids that are made up but always the same, so that two names of one person are one person.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::audience::{Audience, Found, Known, Lookup, PersonRef, PlaceRef, SEPARATOR, Seek, Want, Wanted, resolve};
use crate::book::{Book, naming};
use crate::choice::{Choices, PersonKey};
use crate::event::{Event, Origin, Scope};
use crate::link;
use crate::roster::{Channel, Conversation, ConversationKind, Person, Roster, Team};
use crate::rule::Rule;
use crate::rule::target::{Kind, Target};

mod made_up;
mod place;

pub use place::Spot;

use made_up::{channel_id, chat, chat_id, name_of, of_address, of_name, team};

/// The tenant of a workspace that names none.
const TENANT: &str = "7e57ab1e-0000-4000-8000-000000000001";

/// What a rehearsal knows of Teams.
///
/// A copy is cheap: what it shares with the original is only copied once it differs.
#[derive(Debug, Clone)]
pub struct World {
    tenant: String,
    people: Arc<People>,
    /// By name in lower case.
    teams: Arc<BTreeMap<String, Team>>,
    /// By name in lower case, else by id.
    chats: Arc<BTreeMap<String, Conversation>>,
    rosters: HashMap<String, Vec<Person>>,
    /// In lower case.
    unknown: HashSet<String>,
    /// Who is in a place that nobody was put into is not asked for: one member stands for all.
    stand_ins: bool,
    /// What people chose for themselves.
    choices: BTreeMap<PersonKey, Choices>,
}

/// People, found by either of their ids.
#[derive(Debug, Clone, Default)]
struct People {
    all: Vec<Person>,
    by_id: HashMap<String, usize>,
}

impl People {
    fn iter(&self) -> impl Iterator<Item = &Person> {
        self.all.iter()
    }

    fn with_id(&self, id: &str) -> Option<&Person> {
        self.by_id.get(id).map(|place| &self.all[*place])
    }

    /// Adds a person, or what is told about one who is known.
    fn add(&mut self, person: Person) {
        let ids = [person.aad_object_id.clone(), person.account_id.clone()];
        let known = ids.iter().flatten().find_map(|id| self.by_id.get(id).copied());
        let place = known.unwrap_or(self.all.len());
        match self.all.get_mut(place) {
            Some(known) => {
                known.name = person.name.or(known.name.take());
                known.email = known.email.take().or(person.email);
                known.account_id = known.account_id.take().or(person.account_id);
                known.aad_object_id = known.aad_object_id.take().or(person.aad_object_id);
            }
            None => self.all.push(person),
        }
        for id in ids.into_iter().flatten() {
            self.by_id.insert(id, place);
        }
    }

    fn retain(&mut self, stays: impl Fn(&Person) -> bool) {
        let all = std::mem::take(self).all;
        all.into_iter().filter(stays).for_each(|person| self.add(person));
    }
}

impl World {
    /// The people and places of the directory file.
    pub fn of(book: &Book, tenant: Option<&str>) -> World {
        let mut world = World {
            tenant: tenant.unwrap_or(TENANT).to_owned(),
            people: Arc::default(),
            teams: Arc::default(),
            chats: Arc::default(),
            rosters: HashMap::new(),
            unknown: HashSet::new(),
            stand_ins: false,
            choices: BTreeMap::new(),
        };
        for entry in book.people() {
            let person = match (&entry.person, &entry.email) {
                (PersonRef::AadObjectId(id), email) => Person {
                    aad_object_id: Some(id.clone()),
                    email: email.clone(),
                    name: entry.name.clone().or_else(|| email.as_deref().map(name_of)),
                    ..Person::default()
                },
                (PersonRef::AccountId(id), email) => Person {
                    account_id: Some(id.clone()),
                    email: email.clone(),
                    name: entry.name.clone().or_else(|| email.as_deref().map(name_of)),
                    ..Person::default()
                },
                (PersonRef::Email(email), _) => Person {
                    name: entry.name.clone().or_else(|| Some(name_of(email))),
                    ..of_address(email)
                },
                (PersonRef::Name(name), email) => Person {
                    email: email.clone(),
                    ..of_name(name)
                },
            };
            world.meet(person);
        }
        for (_, want) in book.channels() {
            world.assume(want, true);
        }
        for (alias, place) in book.groups() {
            let chat = match place {
                PlaceRef::Id(id) => chat(id, Some(alias)),
                PlaceRef::Name(name) => chat(&chat_id(name), Some(name)),
            };
            world.open(chat);
        }
        for (_, targets) in book.audiences() {
            world.assume_named(targets, book);
        }
        for person in book.rotations().flat_map(|rotation| rotation.everybody()) {
            if let Ok(want) = naming::person(person, book) {
                world.assume(&want, true);
            }
        }
        world
    }

    /// Takes what a rule names in so many words to exist.
    pub fn with_rule(mut self, rule: &Rule, book: &Book) -> World {
        self.assume_named(&rule.notify, book);
        self.assume_named(&rule.except, book);
        for targets in rule.then.iter().flat_map(|then| then.targets()) {
            self.assume_named(targets, book);
        }
        for trigger in &rule.triggers {
            self.assume_named(trigger.from(), book);
        }
        self
    }

    /// Without those called `unknown`; nothing makes them known again.
    pub fn without(mut self, unknown: &[String], book: &Book) -> World {
        if unknown.is_empty() {
            return self;
        }
        for name in unknown {
            self.forget(name, book);
        }
        let gone = std::mem::take(&mut self.unknown);
        Arc::make_mut(&mut self.people).retain(|person| !is_unknown(person, &gone));
        let is_gone = |name: &str| gone.contains(&name.to_lowercase());
        let chats = Arc::make_mut(&mut self.chats);
        chats.retain(|name, chat| !gone.contains(name) && !is_gone(chat.id.as_str()));
        let teams = Arc::make_mut(&mut self.teams);
        teams.retain(|name, _| !gone.contains(name));
        for (name, team) in teams.iter_mut() {
            let path = |channel: &str| format!("{name} / {}", channel.to_lowercase());
            team.channels
                .retain(|channel| !gone.contains(&path(channel.name.as_deref().unwrap_or_default())));
            team.archived |= gone.contains(&path("general"));
        }
        self.unknown = gone;
        self
    }

    /// Lets one member stand for all in each place that nobody was put into.
    pub fn with_stand_ins(mut self) -> World {
        self.stand_ins = true;
        self
    }

    /// Puts people into a team or group chat.
    ///
    /// # Errors
    /// Why the name of the place, or of one of them, means nothing: in a sentence, with the member's place if it is one.
    pub fn fill(&mut self, place: &str, members: &[String], book: &Book) -> Result<(), (Option<usize>, String)> {
        let found = naming::members_of(place, book).map_err(|reason| (None, reason))?;
        let id = match &found {
            PlaceRef::Name(name) => match self.chats.get(&name.to_lowercase()) {
                Some(chat) => chat.id.as_str().to_owned(),
                None => self.team(name).id.clone(),
            },
            PlaceRef::Id(id) => match self.teams_with_id(id).first() {
                Some(team) => team.id.clone(),
                None => id.clone(),
            },
        };
        let mut roster = Vec::new();
        for (index, name) in members.iter().enumerate() {
            let known = self.somebody(name, book).map_err(|reason| (Some(index), reason))?;
            roster.push(known);
        }
        // A group of Entra may have the name of a place, or none but this: whoever is in one is in the other.
        self.rosters.insert(Seek::group(&found).key(), roster.clone());
        self.rosters.insert(id, roster);
        Ok(())
    }

    /// Learns whom and what an event of Teams tells of, as the engine does.
    pub fn learn(&mut self, event: &Event) {
        let (Origin::Teams { scope, .. } | Origin::Message { scope, .. } | Origin::Button { scope, .. }) =
            &event.origin
        else {
            return;
        };
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let person = |value: &Value| Person {
            aad_object_id: text(value, "aad_object_id").map(|id| id.to_lowercase()),
            account_id: text(value, "id"),
            name: text(value, "name"),
            email: text(value, "email"),
            ..Person::default()
        };
        let person_of = |key: &str| event.data.get(key).filter(|value| value.is_object()).map(person);
        for one in ["person", "by"].into_iter().filter_map(person_of) {
            self.meet(one);
        }
        if let Some(told) = event.data.get("team").filter(|value| value.is_object()) {
            let name = text(told, "name").unwrap_or_else(|| "a team".to_owned());
            let team = self.team(&name);
            let before = team.id.clone();
            if let Some(id) = text(told, "id") {
                team.id = id;
            }
            team.aad_group_id = text(told, "aad_group_id");
            let id = team.id.clone();
            if let Some(roster) = self.rosters.remove(&before) {
                self.rosters.insert(id, roster);
            }
        }
        if let Some(told) = event.data.get("chat").filter(|value| value.is_object())
            && let Some(id) = text(told, "id")
        {
            let mut chat = chat(&id, text(told, "name").as_deref());
            if *scope == Scope::Person {
                chat.kind = ConversationKind::Personal;
                chat.person = person_of("person").or_else(|| person_of("by")).map(|person| Person {
                    tenant_id: self.tenant.clone(),
                    ..person
                });
            }
            self.open(chat);
        }
    }

    /// Has somebody choose.
    pub fn choose(&mut self, key: PersonKey, choices: Choices) {
        self.choices.insert(key, choices);
    }

    /// What somebody chose.
    pub fn choices(&self, key: &PersonKey) -> Choices {
        self.choices.get(key).cloned().unwrap_or_default()
    }

    /// Finds whom `wanted` means. What is written like an address or like `Team / Channel` is taken to exist.
    pub fn audience(&mut self, wanted: &[Wanted], now: DateTime<Utc>) -> Audience {
        for one in wanted {
            self.assume(&one.want, false);
            one.mention.iter().for_each(|want| self.assume(want, false));
        }
        self.find(wanted, now)
    }

    /// Finds whom `wanted` means among those who are known.
    pub fn find(&self, wanted: &[Wanted], now: DateTime<Utc>) -> Audience {
        let mut known = Known::in_tenant(Some(&self.tenant));
        loop {
            match resolve(wanted, &known, now) {
                Ok(mut audience) => {
                    audience.chosen(&self.choices);
                    return audience;
                }
                Err(lookups) => {
                    for lookup in lookups {
                        let found = self.answer(&lookup, now);
                        known.add(lookup, found);
                    }
                }
            }
        }
    }

    /// The zones of those who are known.
    pub fn zones(&self) -> impl Iterator<Item = Tz> {
        let zones = self.people.iter().filter_map(|person| person.time_zone.as_ref());
        zones.filter_map(|zone| zone.parse().ok())
    }

    /// The name of a place whose members were asked for.
    pub fn name_of_place(&self, id: &str) -> String {
        if let Some(Seek::Group(PlaceRef::Id(name) | PlaceRef::Name(name))) = Seek::of_key(id) {
            return name;
        }
        let team = self
            .teams
            .values()
            .find(|team| team.id == id)
            .and_then(|team| team.name.clone());
        let chat = || {
            self.chats
                .values()
                .find(|chat| chat.id.as_str() == id)
                .and_then(|chat| chat.name.clone())
        };
        team.or_else(chat).unwrap_or_else(|| id.to_owned())
    }

    fn answer(&self, lookup: &Lookup, now: DateTime<Utc>) -> Found {
        match lookup {
            Lookup::Person(PersonRef::Email(address)) => {
                let known = self
                    .people
                    .iter()
                    .filter(|person| [&person.email, &person.user_principal_name].contains(&&Some(address.clone())));
                let mut people: Vec<Person> = known.cloned().collect();
                if people.is_empty() && !self.unknown.contains(address) {
                    people.push(of_address(address));
                }
                Found::People(self.of_tenant(people))
            }
            Lookup::Person(PersonRef::Name(name)) => {
                let known = self.people.iter().filter(|person| is_called(person, name));
                Found::People(self.of_tenant(known.cloned().collect()))
            }
            Lookup::Person(PersonRef::AadObjectId(id) | PersonRef::AccountId(id)) => {
                Found::People(self.of_tenant(self.people.with_id(id).cloned().into_iter().collect()))
            }
            Lookup::Team(PlaceRef::Name(name)) => {
                Found::Teams(listed(self.teams.get(&name.to_lowercase()).cloned(), now))
            }
            Lookup::Team(PlaceRef::Id(id)) => Found::Teams(listed(self.teams_with_id(id), now)),
            Lookup::GroupChat(PlaceRef::Name(name)) => {
                Found::GroupChats(self.chats.get(&name.to_lowercase()).cloned().into_iter().collect())
            }
            Lookup::GroupChat(PlaceRef::Id(id)) => Found::GroupChats(self.chat_with_id(id).into_iter().collect()),
            Lookup::Conversation(id) => Found::Conversation(self.chat_with_id(id.as_str())),
            Lookup::PersonalChat(_) => Found::Conversation(None),
            Lookup::Everyone => {
                let mut people: Vec<Person> = self.people.iter().cloned().collect();
                if people.is_empty() && self.stand_ins {
                    people.push(of_name("everyone who has the bot"));
                }
                Found::People(self.of_tenant(people))
            }
            Lookup::Roster(id) => {
                let stand_in = || vec![of_name(&format!("each member of {}", self.name_of_place(id)))];
                let members = self.rosters.get(id).cloned().or_else(|| self.stand_ins.then(stand_in));
                Found::Roster(members.map(|members| Roster {
                    id: id.clone(),
                    members: self.of_tenant(members),
                    fetched_at: now,
                    stale: false,
                }))
            }
        }
    }

    fn of_tenant(&self, mut people: Vec<Person>) -> Vec<Person> {
        for person in &mut people {
            person.tenant_id.clone_from(&self.tenant);
        }
        people
    }

    /// Takes a name out of this world: an alias with what it stands for, an address, a place.
    fn forget(&mut self, name: &str, book: &Book) {
        self.unknown.insert(name.trim().to_lowercase());
        if let Some(entry) = book.person(name) {
            self.unknown.extend(entry.email.clone());
            self.unknown.extend(entry.name.as_ref().map(|name| name.to_lowercase()));
            if let PersonRef::Name(name) = &entry.person {
                self.unknown.insert(name.to_lowercase());
            }
        }
        match book.channel(name) {
            Some(Want::ChannelPath(path)) => {
                self.unknown.insert(path.to_lowercase());
            }
            Some(Want::Channel {
                team: PlaceRef::Name(team),
                channel,
            }) => {
                let channel = match channel {
                    Some(PlaceRef::Name(channel) | PlaceRef::Id(channel)) => channel.as_str(),
                    None => "General",
                };
                self.unknown.insert(format!("{team} / {channel}").to_lowercase());
            }
            Some(Want::Channel {
                channel: Some(PlaceRef::Id(id)),
                ..
            }) => {
                self.unknown.insert(id.to_lowercase());
            }
            Some(_) | None => {}
        }
        if let Some(PlaceRef::Id(place) | PlaceRef::Name(place)) = book.group(name) {
            self.unknown.insert(place.to_lowercase());
        }
    }

    fn meet(&mut self, person: Person) {
        if !is_unknown(&person, &self.unknown) {
            Arc::make_mut(&mut self.people).add(person);
        }
    }

    fn open(&mut self, chat: Conversation) {
        let id = chat.id.as_str().to_lowercase();
        let name = chat.name.as_ref().map(|name| name.to_lowercase());
        if self.unknown.contains(&id) || name.as_ref().is_some_and(|name| self.unknown.contains(name)) {
            return;
        }
        Arc::make_mut(&mut self.chats).insert(name.unwrap_or(id), chat);
    }

    /// The team of this name, which exists from now on.
    fn team(&mut self, name: &str) -> &mut Team {
        let tenant = self.tenant.clone();
        Arc::make_mut(&mut self.teams)
            .entry(name.to_lowercase())
            .or_insert_with(|| team(&channel_id(name, "General"), Some(name), tenant))
    }

    fn channel(&mut self, team: &str, channel: Option<&str>) {
        let lower = team.to_lowercase();
        if self.unknown.contains(&lower) {
            return;
        }
        let shown = channel.unwrap_or("General");
        let gone = self.unknown.contains(&format!("{team} / {shown}").to_lowercase());
        let team_there = self.team(team);
        if gone && shown.eq_ignore_ascii_case("general") {
            team_there.archived = true;
        }
        let exists = team_there.channels.iter().any(|channel| {
            let name = channel.name.as_deref().unwrap_or("General");
            name.to_lowercase() == shown.to_lowercase()
        });
        if !gone && !exists && !shown.eq_ignore_ascii_case("general") {
            team_there.channels.push(Channel {
                id: channel_id(team, shown),
                name: Some(shown.to_owned()),
                deleted: false,
            });
        }
    }

    /// Takes something to exist that is named like something that exists. `written`: the author named it, not an event.
    fn assume(&mut self, want: &Want, written: bool) {
        match want {
            Want::ChannelPath(path) => match path.rsplit_once(SEPARATOR) {
                Some((team, channel)) => self.channel(team.trim(), Some(channel.trim())),
                None if is_alias_like(path) => {}
                None => self.channel(path, None),
            },
            Want::Channel {
                team: PlaceRef::Name(team),
                channel,
            } => match channel {
                Some(PlaceRef::Name(name)) => self.channel(team, Some(name)),
                Some(PlaceRef::Id(_)) | None => self.channel(team, None),
            },
            Want::GroupChat(PlaceRef::Name(name)) if !is_alias_like(name) => {
                if !self.chats.contains_key(&name.to_lowercase()) {
                    self.open(chat(&chat_id(name), Some(name)));
                }
            }
            Want::MembersOf(PlaceRef::Name(name)) if !is_alias_like(name) => {
                if !self.chats.contains_key(&name.to_lowercase()) {
                    self.channel(name, None);
                }
            }
            Want::ChannelsOf(PlaceRef::Name(name)) if !is_alias_like(name) => self.channel(name, None),
            Want::Person(PersonRef::Name(name)) if written && !is_alias_like(name) => {
                if !self.people.iter().any(|person| is_called(person, name)) {
                    self.meet(of_name(name));
                }
            }
            Want::Person(_)
            | Want::Channel { .. }
            | Want::GroupChat(_)
            | Want::Conversation(_)
            | Want::MembersOf(_)
            | Want::ChannelsOf(_)
            | Want::Everyone
            | Want::EntraGroup(_)
            | Want::Webhook { .. }
            | Want::Nobody(_) => {}
        }
    }

    fn assume_named(&mut self, targets: &[Target], book: &Book) {
        for target in targets {
            for (_, kind, name) in target.names() {
                if book.duty(&name).is_some() {
                    continue;
                }
                let want = match kind {
                    Kind::Person => naming::person(&name, book),
                    Kind::People | Kind::ActivityFeed if book.audience(&name).is_some() => continue,
                    Kind::People | Kind::ActivityFeed => naming::person(&name, book),
                    Kind::Group => naming::group(&name, book).map(Want::GroupChat),
                    Kind::Channel => naming::channel(&name, book),
                    Kind::MembersOf => naming::members_of(&name, book).map(Want::MembersOf),
                    Kind::ChannelsOf => naming::channels_of(&name, book).map(Want::ChannelsOf),
                    Kind::EntraGroup => naming::entra_group(&name).map(Want::EntraGroup),
                    Kind::Here | Kind::Sender | Kind::Everyone | Kind::Webhook => continue,
                };
                if let Ok(want) = want {
                    self.assume(&want, true);
                }
            }
        }
    }

    fn teams_with_id(&self, id: &str) -> Vec<Team> {
        let has = |team: &&Team| {
            team.id == id
                || team.aad_group_id.as_deref() == Some(id)
                || team.channels.iter().any(|channel| channel.id == id)
        };
        let known: Vec<Team> = self.teams.values().filter(has).cloned().collect();
        let channel = id.ends_with("@thread.tacv2") || id.ends_with("@thread.skype");
        if !known.is_empty() || self.unknown.contains(&id.to_lowercase()) || !(channel || link::is_guid(id)) {
            return known;
        }
        let mut there = team(id, None, self.tenant.clone());
        if link::is_guid(id) {
            there.id = channel_id(id, "General");
            there.aad_group_id = Some(id.to_owned());
        }
        vec![there]
    }

    fn chat_with_id(&self, id: &str) -> Option<Conversation> {
        let known = self.chats.values().find(|chat| chat.id.as_str() == id).cloned();
        let may_be = id.ends_with("@thread.v2") && !self.unknown.contains(&id.to_lowercase());
        known.or_else(|| may_be.then(|| chat(id, None)))
    }
}

/// In this world, the channels of a team are always known.
fn listed(teams: impl IntoIterator<Item = Team>, now: DateTime<Utc>) -> Vec<Team> {
    let listed = teams.into_iter().map(|team| Team {
        channels_fetched_at: Some(now),
        ..team
    });
    listed.collect()
}

/// Would this be taken for an alias rather than for a name in Teams?
fn is_alias_like(name: &str) -> bool {
    !name.contains(char::is_whitespace) && name.chars().all(|c| !c.is_uppercase())
}

fn is_unknown(person: &Person, unknown: &HashSet<String>) -> bool {
    let named = [&person.email, &person.name, &person.user_principal_name];
    !unknown.is_empty()
        && named
            .into_iter()
            .flatten()
            .any(|name| unknown.contains(&name.to_lowercase()))
}

fn is_called(person: &Person, name: &str) -> bool {
    let lower = name.to_lowercase();
    person.name.as_ref().is_some_and(|name| name.to_lowercase() == lower)
}
