//! The judgement: who is meant, whether the bot can reach them, and if not, why.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::identity::{self, Identity};
use super::place::{Place, SEPARATOR, Why, called, channel_of, channel_of_one, listed, no_team, place_ref};
use super::{
    Answer, Audience, By, GROUP_GOOD_FOR, Known, Life, Lookup, Members, Mention, PersonRef, PlaceRef,
    ROSTER_FRESH_FOR, Reached, Seek, Skip, Unreachable, Want, Wanted,
};
use crate::delivery::{Address, Recipient};
use crate::roster::{Conversation, ConversationId, ConversationKind, Person, Team};

/// How many ways a path with several separators is read.
const MOST_READINGS: usize = 8;

/// How many mentions one card carries.
const MOST_MENTIONS: usize = 50;

/// Finds whom `wanted` means, or says which questions must be answered first. Deterministic; asks every question once,
/// in at most four rounds.
///
/// Recipients stand in the order of the targets, each address once: the first target that names it decides, later ones
/// only add their mentions. Guests count; anonymous guests of meetings cannot be written to. A person whom nobody knows
/// is still reached by the Entra object id, because Teams may know them.
///
/// # Errors
/// The look-ups still needed; add their answers to `known` and call again.
pub fn resolve(wanted: &[Wanted], known: &Known, now: DateTime<Utc>) -> Result<Audience, Vec<Lookup>> {
    let mut resolver = Resolver {
        known,
        now,
        missing: Vec::new(),
        asked: HashSet::new(),
        audience: Audience::default(),
        places: HashMap::new(),
        life: Arc::default(),
        mentions: None,
        told: HashSet::new(),
        left_out: 0,
        untold: 0,
    };
    for wanted in wanted {
        resolver.target(wanted);
    }
    resolver.finish()
}

struct Resolver<'a> {
    known: &'a Known,
    now: DateTime<Utc>,
    missing: Vec<Lookup>,
    asked: HashSet<Lookup>,
    audience: Audience,
    /// Where in `audience.reached` an identity stands.
    places: HashMap<Identity<'a>, u32>,
    /// What the target at hand asks of people, shared by all whom it reaches.
    life: Arc<Life>,
    /// Whom the target at hand mentions, once somebody was reached through it.
    mentions: Option<Vec<Mention>>,
    /// Unreachable targets already listed.
    told: HashSet<String>,
    left_out: usize,
    untold: usize,
}

impl<'a> Resolver<'a> {
    fn finish(mut self) -> Result<Audience, Vec<Lookup>> {
        if !self.missing.is_empty() {
            return Err(self.missing);
        }
        if self.left_out > 0 {
            let bound = Audience::MOST_REACHED;
            let reason = format!("a rule tells at most {bound} recipients at once; split it");
            self.audience.unreachable.push(Unreachable {
                written: format!("{} more", self.left_out),
                reason,
                unknown: false,
                skip: Skip::TooMany,
                address: None,
            });
        }
        if self.untold > 0 {
            let reason = "they cannot be reached either; the list ends here".to_owned();
            self.audience.unreachable.push(Unreachable {
                written: format!("and {} more", self.untold),
                reason,
                unknown: false,
                skip: Skip::TooMany,
                address: None,
            });
        }
        // Room was made for members who turned out to be there already.
        self.audience.reached.shrink_to_fit();
        Ok(self.audience)
    }

    fn target(&mut self, wanted: &Wanted) {
        self.mentions = None;
        self.life = match wanted.only.is_empty() {
            true => Arc::default(),
            false => Arc::new(Life {
                only: vec![wanted.only.clone()],
                ..Life::default()
            }),
        };
        let written = || wanted.written.clone();
        let outcome = match &wanted.want {
            Want::Person(person) => {
                if let Some(found) = self.person(person) {
                    match found {
                        Ok(person) => self.reach_person(written, person, wanted),
                        Err(reason) => self.unreachable(&wanted.written, reason),
                    }
                }
                return;
            }
            Want::MembersOf(place) => return self.members_of(place, wanted),
            Want::ChannelsOf(team) => return self.channels_of(team, wanted),
            Want::Everyone => return self.everyone(wanted),
            Want::EntraGroup(group) => return self.entra_group(group, wanted),
            Want::GroupChat(place) => self.group_chat(place),
            Want::ChannelPath(path) => self.channel_path(path),
            Want::Channel { team, channel } => self.channel(team, channel.as_ref()),
            Want::Conversation(id) => match self.conversation(id) {
                Some(Ok(Somewhere::Person(person))) => {
                    return self.reach_person(written, Cow::Owned(person), wanted);
                }
                Some(Ok(Somewhere::Place(place))) => Some(Ok(place)),
                Some(Err(reason)) => Some(Err(reason)),
                None => None,
            },
            Want::Webhook { name, kind } => {
                let recipient = Recipient {
                    address: Address::Webhook {
                        name: name.clone(),
                        kind: *kind,
                    },
                    name: format!("webhook {name}"),
                };
                let ids = vec![Identity::Place(recipient.address.key())];
                return self.reach(recipient, None, None, ids, wanted);
            }
            Want::Nobody(reason) => Some(Err(Why::for_good(Skip::Nobody, reason.clone()))),
        };
        match outcome {
            Some(Ok(_)) if wanted.by == By::Feed => {
                let reason =
                    "only people have an activity feed: name them, or write a target of its own for the place";
                self.unreachable(&wanted.written, Why::for_good(Skip::NotWritable, reason));
            }
            Some(Ok(place)) => self.reach_place(place, wanted),
            Some(Err(reason)) => self.unreachable(&wanted.written, reason),
            None => {}
        }
    }

    // Questions. None means: not answered yet, and noted as missing.

    fn ask(&mut self, lookup: Lookup) -> Option<&'a Answer> {
        let found = self.known.get(&lookup);
        if found.is_none() && self.asked.insert(lookup.clone()) {
            self.missing.push(lookup);
        }
        found
    }

    // An answer of another kind than its question would be the store's fault; taken as "nothing known", it ends the
    // asking.

    fn people(&mut self, person: &PersonRef) -> Option<&'a [Arc<Person>]> {
        Some(match self.ask(Lookup::Person(person.clone()))? {
            Answer::People(people) => people,
            Answer::Teams(_) | Answer::GroupChats(_) | Answer::Conversation(_) | Answer::Members(_) => &[],
        })
    }

    fn teams(&mut self, team: &PlaceRef) -> Option<&'a [Team]> {
        Some(match self.ask(Lookup::Team(team.clone()))? {
            Answer::Teams(teams) => teams,
            Answer::People(_) | Answer::GroupChats(_) | Answer::Conversation(_) | Answer::Members(_) => &[],
        })
    }

    fn group_chats(&mut self, chat: &PlaceRef) -> Option<&'a [Conversation]> {
        Some(match self.ask(Lookup::GroupChat(chat.clone()))? {
            Answer::GroupChats(chats) => chats,
            Answer::People(_) | Answer::Teams(_) | Answer::Conversation(_) | Answer::Members(_) => &[],
        })
    }

    fn members(&mut self, id: &str) -> Option<Option<&'a Members>> {
        Some(match self.ask(Lookup::Roster(id.to_owned()))? {
            Answer::Members(members) => members.as_ref(),
            Answer::People(_) | Answer::Teams(_) | Answer::GroupChats(_) | Answer::Conversation(_) => None,
        })
    }

    // People.

    fn person(&mut self, wanted: &PersonRef) -> Option<Result<Cow<'a, Arc<Person>>, Why>> {
        let mut people: Vec<&'a Arc<Person>> = Vec::new();
        for person in self.people(wanted)? {
            let same = |other: &&Arc<Person>| match (&person.aad_object_id, &other.aad_object_id) {
                (Some(one), Some(two)) => one.eq_ignore_ascii_case(two),
                (None, _) | (_, None) => person.account_id.is_some() && person.account_id == other.account_id,
            };
            if !people.iter().any(same) {
                people.push(person);
            }
        }
        Some(match (people.as_slice(), wanted) {
            ([person], _) => Ok(Cow::Borrowed(*person)),
            ([], PersonRef::AadObjectId(id)) => Ok(Cow::Owned(Arc::new(Person {
                aad_object_id: Some(id.clone()),
                ..Person::default()
            }))),
            ([], PersonRef::AccountId(id)) => Ok(Cow::Owned(Arc::new(Person {
                account_id: Some(id.clone()),
                ..Person::default()
            }))),
            ([], PersonRef::Email(address)) => Err(Why::unknown_address(
                address,
                format!(
                    "Herald knows nobody with the address {address}: the app must be installed for that person, or in a \
                     team or chat they are in"
                ),
            )),
            ([], PersonRef::Name(name)) => Err(Why::unknown(format!(
                "Herald knows nobody called {name}: write the mail address, or install the app for that person or in a \
                 team or chat they are in"
            ))),
            (several, _) => {
                let listed = listed(several.iter().map(|person| described(person)), several.len());
                let count = several.len();
                let reason = format!("{count} people are meant by this: {listed}; write the mail address");
                Err(Why::for_good(Skip::Ambiguous, reason))
            }
        })
    }

    /// Reaches a person in the way that the target says; `written` names them where they cannot be reached.
    fn reach_person(&mut self, written: impl Fn() -> String, mut person: Cow<'a, Arc<Person>>, wanted: &Wanted) {
        let name = person
            .name
            .clone()
            .or_else(|| person.email.clone())
            .or_else(|| person.user_principal_name.clone());
        if person
            .role
            .as_deref()
            .is_some_and(|role| role.eq_ignore_ascii_case("anonymous"))
        {
            let reason = "an anonymous guest of a meeting cannot be written to";
            return self.unreachable(&written(), Why::for_good(Skip::NotWritable, reason));
        }
        if person.aad_object_id.is_none()
            && let Some(account) = &person.account_id
        {
            // The same human may be known elsewhere by both ids; one address must win.
            match self.people(&PersonRef::AccountId(account.clone())) {
                None => return,
                Some([known]) if known.aad_object_id.is_some() => {
                    Arc::make_mut(person.to_mut()).aad_object_id = known.aad_object_id.clone();
                }
                Some(_) => {}
            }
        }
        let Some(id) = person
            .aad_object_id
            .as_ref()
            .map(|id| id.to_ascii_lowercase())
            .or(person.account_id.clone())
        else {
            let reason = "Teams tells no id of this person, so no chat can be opened";
            return self.unreachable(&written(), Why::for_good(Skip::NotWritable, reason));
        };
        if person.tenant_id.is_empty() {
            match self.known.tenant() {
                Some(tenant) => Arc::make_mut(person.to_mut()).tenant_id = tenant.to_owned(),
                None => {
                    let reason = "Herald has not met this person, and without `bot.tenant` in herald.yaml it does not \
                                  know in which tenant to look";
                    return self.unreachable(&written(), Why::unknown(reason));
                }
            }
        }
        let tenant_id = person.tenant_id.clone();
        let address = match wanted.by {
            By::Chat => Address::Person { tenant_id, id },
            By::Feed if id.starts_with("29:") => {
                let reason = "Microsoft Graph knows people by their Entra object id, and Teams has not told it of this \
                              person";
                return self.unreachable(&written(), Why::for_good(Skip::NotWritable, reason));
            }
            By::Feed => Address::Feed { tenant_id, id },
        };
        let name = name.unwrap_or_else(&written);
        let name = match wanted.by {
            By::Chat => name,
            By::Feed => format!("{name} (activity feed)"),
        };
        let recipient = Recipient { address, name };
        // Lent by the answers of the directory; an id that was only found out here is nobody's but this map's.
        let (ids, person) = match person {
            Cow::Borrowed(known) => (ids_of(known, wanted.by).collect(), known.clone()),
            Cow::Owned(person) => {
                let ids = ids_of(&person, wanted.by).map(Identity::into_owned).collect();
                (ids, person)
            }
        };
        self.reach(recipient, Some(person), None, ids, wanted);
    }

    fn members_of(&mut self, place: &PlaceRef, wanted: &Wanted) {
        let (teams, chats) = (self.teams(place), self.group_chats(place));
        let (Some(teams), Some(chats)) = (teams, chats) else {
            return;
        };
        let (id, tenant) = match (teams, chats) {
            ([team], []) => (team.id.as_str(), team.tenant_id.as_str()),
            ([], [chat]) => (chat.id.as_str(), chat.tenant_id.as_str()),
            // An id found both ways is one place.
            ([team], [_]) if matches!(place, PlaceRef::Id(_)) => (team.id.as_str(), team.tenant_id.as_str()),
            ([], []) => {
                let reason = format!(
                    "Herald knows no team or group chat {}: install the app there",
                    called(place)
                );
                return self.unreachable(&wanted.written, Why::unknown_place(place, reason));
            }
            (teams, chats) => {
                let reason = format!(
                    "{} and {} are {}: paste the link of the one that is meant",
                    counted(teams.len(), "team"),
                    counted(chats.len(), "group chat"),
                    called(place)
                );
                return self.unreachable(&wanted.written, Why::for_good(Skip::Ambiguous, reason));
            }
        };
        let Some(roster) = self.members(id) else {
            return;
        };
        let now = self.now;
        let Some(roster) = roster.filter(|roster| !roster.stale && now - roster.fetched_at < ROSTER_FRESH_FOR) else {
            if !self.audience.rosters_needed.iter().any(|needed| needed == id) {
                self.audience.rosters_needed.push(id.to_owned());
            }
            return;
        };
        self.each_of(roster, tenant, wanted);
    }

    /// The members of a group of Entra, as of when they were last listed: lately, or not so lately while Graph does not
    /// answer.
    fn entra_group(&mut self, group: &PlaceRef, wanted: &Wanted) {
        let key = Seek::group(group).key();
        let Some(roster) = self.members(&key) else {
            return;
        };
        let known = self.known;
        let usable = roster.and_then(|roster| {
            let age = self.now - roster.fetched_at;
            if !roster.stale && age < ROSTER_FRESH_FOR {
                return Some((roster, None));
            }
            let why = known.why_unanswered(&key)?;
            (age < GROUP_GOOD_FOR).then_some((roster, Some((age, why))))
        });
        let Some((roster, old)) = usable else {
            if !self.audience.rosters_needed.contains(&key) {
                self.audience.rosters_needed.push(key);
            }
            return;
        };
        if let Some((age, why)) = old {
            let age = match age.num_hours() {
                hours @ 0..48 => format!("{} old", counted(usize::try_from(hours.max(1)).unwrap_or(1), "hour")),
                hours => format!("{} days old", hours / 24),
            };
            self.note(format!(
                "{}: its list of members is {age}, and could not be renewed: {why}",
                wanted.written
            ));
        }
        if roster.people.is_empty() {
            self.note(format!("{}: nobody is in this group", wanted.written));
        }
        self.each_of(roster, "", wanted);
    }

    fn each_of(&mut self, roster: &'a Members, tenant: &str, wanted: &Wanted) {
        self.expect(roster.people.len());
        for member in &roster.people {
            let written = || format!("{}: {}", wanted.written, described(member));
            let mut person = Cow::Borrowed(member);
            if member.tenant_id.is_empty() && !tenant.is_empty() {
                Arc::make_mut(person.to_mut()).tenant_id = tenant.to_owned();
            }
            self.reach_person(written, person, wanted);
        }
    }

    /// Makes room for so many more, exactly: an audience that doubles as it grows has up to twice the room it needs.
    fn expect(&mut self, more: usize) {
        let more = more.min(Audience::MOST_REACHED - self.audience.reached.len());
        self.audience.reached.reserve_exact(more);
        self.places.reserve(more * 2);
    }

    /// The order is that of the store, which is always the same.
    fn everyone(&mut self, wanted: &Wanted) {
        let Some(found) = self.ask(Lookup::Everyone) else {
            return;
        };
        let people: &'a [Arc<Person>] = match found {
            Answer::People(people) => people,
            Answer::Teams(_) | Answer::GroupChats(_) | Answer::Conversation(_) | Answer::Members(_) => &[],
        };
        if people.is_empty() {
            let reason = "nobody has the bot in a personal chat yet: install the app for people, or write to it";
            return self.unreachable(&wanted.written, Why::unknown(reason));
        }
        self.expect(people.len());
        for person in people {
            let written = || format!("{}: {}", wanted.written, described(person));
            self.reach_person(written, Cow::Borrowed(person), wanted);
        }
    }

    // Places.

    fn channels_of(&mut self, place: &PlaceRef, wanted: &Wanted) {
        let Some(teams) = self.teams(place) else {
            return;
        };
        let team = match teams {
            [team] => team,
            [] => return self.unreachable(&wanted.written, Why::unknown_place(place, no_team(place))),
            several => {
                let (count, called) = (several.len(), called(place));
                let reason = format!("{count} teams are {called}: paste the link of the one that is meant");
                return self.unreachable(&wanted.written, Why::for_good(Skip::Ambiguous, reason));
            }
        };
        let now = self.now;
        if team.channels_fetched_at.is_none_or(|at| now - at >= ROSTER_FRESH_FOR) {
            if !self.audience.rosters_needed.contains(&team.id) {
                self.audience.rosters_needed.push(team.id.clone());
            }
            return;
        }
        // General has the team's own id, whether Teams lists it or not.
        let others = team
            .channels
            .iter()
            .filter(|channel| channel.id != team.id && !channel.deleted);
        let ids = std::iter::once(&team.id).chain(others.map(|channel| &channel.id));
        for id in ids {
            match channel_of(team, Some(&PlaceRef::Id(id.clone()))) {
                Ok(place) => self.reach_place(place, wanted),
                Err(why) => self.unreachable(&wanted.written, why),
            }
        }
    }

    fn group_chat(&mut self, place: &PlaceRef) -> Option<Result<Place, Why>> {
        Some(match self.group_chats(place)? {
            [chat] => Ok(Place::of_chat(chat)),
            [] => Err(Why::unknown_place(
                place,
                format!("Herald knows no group chat {}: add the app to it", called(place)),
            )),
            several => {
                let (count, called) = (several.len(), called(place));
                let reason = format!("{count} group chats are {called}: paste the link of the one that is meant");
                Err(Why::for_good(Skip::Ambiguous, reason))
            }
        })
    }

    fn channel(&mut self, team: &PlaceRef, channel: Option<&PlaceRef>) -> Option<Result<Place, Why>> {
        Some(match self.teams(team)? {
            [] => Err(Why::unknown_place(team, no_team(team))),
            teams => channel_of_one(teams, team, channel),
        })
    }

    /// A separator may belong to a name, so every way to read the path is tried; exactly one must fit.
    fn channel_path(&mut self, path: &str) -> Option<Result<Place, Why>> {
        let mut readings: Vec<(&str, Option<&str>)> = vec![(path, None)];
        for (at, _) in path.rmatch_indices(SEPARATOR).take(MOST_READINGS) {
            readings.push((path[..at].trim(), Some(path[at + SEPARATOR.len()..].trim())));
        }
        let mut known = Vec::new();
        for (team, channel) in readings {
            let place = place_ref(team);
            known.push((place.clone(), channel, self.teams(&place)));
        }
        let mut fitting: Vec<Place> = Vec::new();
        let mut reason = None;
        for (team, channel, teams) in &known {
            let channel = channel.map(place_ref);
            match (*teams)? {
                [] => {}
                teams => match channel_of_one(teams, team, channel.as_ref()) {
                    Ok(place) if fitting.iter().any(|other| other.id == place.id) => {}
                    Ok(place) => fitting.push(place),
                    // The longest team that exists knows best what its channels are.
                    Err(why) => reason = reason.or(Some(why)),
                },
            }
        }
        Some(match fitting.len() {
            1 => Ok(fitting.remove(0)),
            0 => Err(reason.unwrap_or_else(|| {
                let (team, channel, _) = known.last().expect("the path alone is always one reading");
                let hint = if channel.is_none() {
                    "; a channel is written `Team / Channel`"
                } else {
                    ""
                };
                Why::unknown_place(team, format!("{}{hint}", no_team(team)))
            })),
            _ => {
                let names = listed(fitting.iter().map(Place::shown), fitting.len());
                let reason = format!("this could be {names}: paste the link of the channel that is meant");
                Err(Why::for_good(Skip::Ambiguous, reason))
            }
        })
    }

    fn conversation(&mut self, id: &ConversationId) -> Option<Result<Somewhere, Why>> {
        let chat = self.ask(Lookup::Conversation(id.clone()));
        let teams = self.teams(&PlaceRef::Id(id.as_str().to_owned()));
        let chat = match chat? {
            Answer::Conversation(chat) => chat.as_ref(),
            Answer::People(_) | Answer::Teams(_) | Answer::GroupChats(_) | Answer::Members(_) => None,
        };
        let channel = PlaceRef::Id(id.as_str().to_owned());
        Some(match (teams?.first(), chat) {
            (Some(team), _) => channel_of(team, Some(&channel)).map(Somewhere::Place),
            (None, Some(chat)) => Ok(match (chat.kind, &chat.person) {
                (ConversationKind::Personal, Some(person)) => {
                    let tenant_id = match person.tenant_id.is_empty() {
                        true => chat.tenant_id.clone(),
                        false => person.tenant_id.clone(),
                    };
                    Somewhere::Person(Arc::new(Person {
                        tenant_id,
                        ..person.clone()
                    }))
                }
                (ConversationKind::Personal | ConversationKind::GroupChat | ConversationKind::Channel, _) => {
                    Somewhere::Place(Place::of_chat(chat))
                }
            }),
            (None, None) => Err(Why::not_installed(
                "Herald is not in this conversation: install the app there",
            )),
        })
    }

    fn reach_place(&mut self, place: Place, wanted: &Wanted) {
        let name = place.name.unwrap_or_else(|| wanted.written.clone());
        let recipient = Recipient {
            address: Address::Conversation { id: place.id },
            name,
        };
        let ids = vec![Identity::Place(recipient.address.key())];
        self.reach(recipient, None, place.tenant_id, ids, wanted);
    }

    // Outcomes.

    fn reach(
        &mut self,
        recipient: Recipient,
        person: Option<Arc<Person>>,
        tenant_id: Option<String>,
        ids: Vec<Identity<'a>>,
        wanted: &Wanted,
    ) {
        let mentions = match self.mentions.take() {
            Some(mentions) => mentions,
            None => self.mentions(wanted),
        };
        self.mentions = Some(mentions.clone());
        if let Some(place) = ids.iter().find_map(|id| self.places.get(id).copied()) {
            let first = &mut self.audience.reached[place as usize];
            let only = &self.life.only;
            // Whoever is named without a condition is told, whatever other targets ask of them.
            match (first.life.only.is_empty(), only.is_empty()) {
                (true, _) => {}
                (false, true) => Arc::make_mut(&mut first.life).only.clear(),
                (false, false) if first.life.only.contains(&only[0]) => {}
                (false, false) => Arc::make_mut(&mut first.life).only.extend(only.iter().cloned()),
            }
            for mention in mentions {
                if first.mentions.len() < MOST_MENTIONS && !first.mentions.contains(&mention) {
                    first.mentions.push(mention);
                }
            }
            for id in ids {
                self.places.entry(id).or_insert(place);
            }
            return;
        }
        if self.audience.reached.len() == Audience::MOST_REACHED {
            self.left_out += 1;
            return;
        }
        let place = u32::try_from(self.audience.reached.len()).expect("an audience is bounded far below that");
        for id in ids {
            self.places.insert(id, place);
        }
        self.audience.reached.push(Reached {
            recipient,
            person,
            mentions,
            tenant_id,
            thread: wanted.thread.clone(),
            life: self.life.clone(),
            choices: None,
        });
    }

    fn mentions(&mut self, wanted: &Wanted) -> Vec<Mention> {
        let mut mentions: Vec<Mention> = Vec::new();
        for want in &wanted.mention {
            let found = match want {
                Want::Person(person) => match (self.person(person), person) {
                    (None, _) => continue,
                    (Some(Ok(found)), _) if matches!(wanted.want, Want::Webhook { .. }) => mention_outside(&found),
                    (Some(Ok(found)), person) => mention(&found, person),
                    // Teams finds a person by the sign-in name in a card, whoever Herald knows.
                    (Some(Err(_)), PersonRef::Email(address)) => Ok(Mention {
                        id: address.clone(),
                        name: address.clone(),
                    }),
                    (Some(Err(why)), PersonRef::AadObjectId(_) | PersonRef::AccountId(_) | PersonRef::Name(_)) => {
                        Err(why.reason)
                    }
                },
                Want::Nobody(reason) => Err(reason.clone()),
                Want::GroupChat(_)
                | Want::ChannelPath(_)
                | Want::Channel { .. }
                | Want::Conversation(_)
                | Want::ChannelsOf(_)
                | Want::Everyone
                | Want::Webhook { .. }
                | Want::MembersOf(_)
                | Want::EntraGroup(_) => Err("only people can be mentioned".to_owned()),
            };
            match found {
                Ok(mention) if mentions.contains(&mention) => {}
                Ok(_) if mentions.len() == MOST_MENTIONS => {
                    self.note(format!(
                        "{}: a card mentions at most {MOST_MENTIONS} people",
                        wanted.written
                    ));
                }
                Ok(mention) => mentions.push(mention),
                Err(reason) => self.note(format!("{}: somebody is not mentioned: {reason}", wanted.written)),
            }
        }
        mentions
    }

    fn unreachable(&mut self, written: &str, why: Why) {
        if !self.told.insert(written.to_owned()) {
            return;
        }
        // Addresses may be found elsewhere, however many there are; who is told how many were not sees to the bound.
        let bound = match why.address {
            Some(_) => Audience::MOST_REACHED,
            None => Audience::MOST_UNREACHABLE,
        };
        if self.audience.unreachable.len() >= bound {
            self.untold += 1;
            return;
        }
        let Why {
            reason,
            unknown,
            skip,
            address,
        } = why;
        self.audience.unreachable.push(Unreachable {
            written: written.to_owned(),
            reason,
            unknown,
            skip,
            address,
        });
    }

    fn note(&mut self, note: String) {
        const MOST_NOTES: usize = 50;
        if self.audience.notes.len() < MOST_NOTES && !self.audience.notes.contains(&note) {
            self.audience.notes.push(note);
        }
    }
}

/// What a conversation is: a person's own chat, or a place of several.
enum Somewhere {
    Person(Arc<Person>),
    Place(Place),
}

/// The ids by which somebody is the same, told in this way.
fn ids_of(person: &Person, by: By) -> impl Iterator<Item = Identity<'_>> {
    identity::ids(person).map(move |id| match by {
        By::Chat => Identity::Person(id),
        By::Feed => Identity::Feed(id),
    })
}

fn mention(person: &Person, wanted: &PersonRef) -> Result<Mention, String> {
    let id = person
        .account_id
        .clone()
        .or_else(|| person.aad_object_id.clone())
        .or_else(|| person.user_principal_name.clone())
        .or_else(|| person.email.clone());
    let name = person
        .name
        .clone()
        .or_else(|| person.email.clone())
        .or_else(|| person.user_principal_name.clone());
    match (id, name) {
        (Some(id), Some(name)) => Ok(Mention { id, name }),
        (Some(id), None) => match wanted {
            PersonRef::Email(name) | PersonRef::Name(name) => Ok(Mention { id, name: name.clone() }),
            PersonRef::AadObjectId(_) | PersonRef::AccountId(_) => {
                Err("Herald does not know the name of this person".to_owned())
            }
        },
        (None, _) => Err("Teams tells no id of this person".to_owned()),
    }
}

/// Through a webhook the bot's own ids of people mean nothing.
fn mention_outside(person: &Person) -> Result<Mention, String> {
    let id = person
        .aad_object_id
        .clone()
        .or_else(|| person.user_principal_name.clone())
        .or_else(|| person.email.clone());
    let address = person.email.clone().or_else(|| person.user_principal_name.clone());
    match (id, person.name.clone().or(address)) {
        (Some(id), Some(name)) => Ok(Mention { id, name }),
        (Some(_), None) => Err("Herald does not know the name of this person".to_owned()),
        (None, _) => Err("a webhook mentions by mail address or Entra object id, and neither is known".to_owned()),
    }
}

fn described(person: &Person) -> String {
    let address = person.email.as_ref().or(person.user_principal_name.as_ref());
    let id = person.aad_object_id.as_ref().or(person.account_id.as_ref());
    match (&person.name, address.or(id)) {
        (Some(name), Some(more)) => format!("{name} ({more})"),
        (Some(name), None) => name.clone(),
        (None, Some(more)) => more.clone(),
        (None, None) => "somebody without name or id".to_owned(),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}
