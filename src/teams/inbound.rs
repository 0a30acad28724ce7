//! What an activity means for us: facts to remember, and perhaps events to dispatch.
//!
//! Call [`place`], ask the directory since when that place is known, then [`hear`]. Facts are learnt before the events
//! are dispatched. Between asking and learning no other activity of the same place may be heard, else both halves of
//! one installation look like the first.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::activity::{Account, Activity};
use super::invoke::{self, HttpAnswer};
use super::place::{Acquaintance, Place, place};
use super::press;
use crate::event::{Event, EventId, Origin, Sender, TeamsEvent};
use crate::roster::{Channel, Conversation, ConversationId, ConversationKind, Fact, Person, Team};
use crate::words::Language;

mod talk;

/// What an activity comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heard {
    /// What to remember, in this order, before the events are dispatched.
    pub facts: Vec<Fact>,
    /// What rules may wait for. More than one only when several people joined or left at once.
    pub events: Vec<Event>,
    /// What Teams is answered once the facts are stored and the events are decided, in the language of their client.
    pub answer: HttpAnswer,
    /// Why it is no event, in a sentence, where it could have been one. An activity that is told to rules, or that only
    /// repeats another, has none.
    pub ignored: Option<String>,
}

/// Within this time after a place became known, an installation message is taken for the one that made it known.
const SAME_INSTALLATION: TimeDelta = TimeDelta::minutes(10);

/// What `activity` means, given what was known of its [`place`] `before`, at `now`.
///
/// One installation is told twice, as `installationUpdate` and as `conversationUpdate`, in any order, and either may
/// be delivered again: all of them give the event the same id, derived from the place and the moment it became known.
/// A place that became known longer ago and is installed again (the removal was never seen) is a new event, derived
/// from that activity, and only `installationUpdate` counts there. App upgrades give facts but no event. A removal is an
/// event only of a place we knew.
///
/// Activities of unknown types and those of bots, ours included, mean nothing.
pub fn hear(activity: &Activity, before: Acquaintance, now: DateTime<Utc>) -> Heard {
    let press = press::read(activity);
    let language = activity.client_locale().and_then(Language::of);
    let language = language.unwrap_or(Language::English);
    let mut heard = Heard {
        answer: invoke::answer(activity, &press, language),
        ..Heard::default()
    };
    let (Some(place), Some(service_url)) = (place(activity), activity.service_url.as_deref()) else {
        heard.ignored = Some("it does not say where it happened".to_owned());
        return heard;
    };
    let telling = Telling {
        activity,
        place,
        service_url,
        before,
        now,
    };
    match activity.kind.to_ascii_lowercase().as_str() {
        "installationupdate" => telling.installation(&mut heard),
        "conversationupdate" => telling.conversation(&mut heard),
        "message" | "messageupdate" | "messagedelete" | "messagereaction" | "invoke" => {
            if telling.sent_by_a_bot() {
                heard.ignored = Some("a bot sent it".to_owned());
                return heard;
            }
            telling.seen(&mut heard, Installer::Unknown);
            match telling.talk(press) {
                Ok(events) => heard.events.extend(events),
                Err(why) => heard.ignored = Some(why),
            }
        }
        _ => heard.ignored = Some("no rule can wait for this type of activity".to_owned()),
    }
    heard
}

/// Whether the sender of an activity is known to have installed the bot.
#[derive(Clone, Copy, PartialEq)]
enum Installer {
    Sender,
    Unknown,
}

/// An activity together with what everything below needs.
struct Telling<'a> {
    activity: &'a Activity,
    place: Place,
    service_url: &'a str,
    before: Acquaintance,
    now: DateTime<Utc>,
}

impl Telling<'_> {
    fn installation(&self, heard: &mut Heard) {
        let action = self.activity.action.as_deref().unwrap_or_default().to_ascii_lowercase();
        // `add-upgrade` and `remove-upgrade`: the app's new version gained or lost its bot. Nobody chose to install it.
        let chosen = !action.ends_with("-upgrade");
        if action.starts_with("add") {
            self.seen(heard, Installer::Sender);
            let id = match self.before {
                Acquaintance::Stranger | Acquaintance::Former => self.stay_began(self.now),
                Acquaintance::Known { since } if self.happened_at() < since + SAME_INSTALLATION => {
                    self.stay_began(since)
                }
                Acquaintance::Known { .. } => self.occurrence(TeamsEvent::Installed, ""),
            };
            if chosen {
                heard.events.push(self.installed(id));
            }
        } else if action.starts_with("remove") {
            self.gone(heard);
            if chosen {
                self.removed(heard);
                heard.events.extend(self.uninstalled());
            }
        } else {
            heard.ignored = Some("its `action` is neither `add` nor `remove`".to_owned());
        }
        if !chosen {
            heard.ignored = Some("a new version of the app gained or lost its bot: nobody installed it".to_owned());
        }
    }

    fn conversation(&self, heard: &mut Heard) {
        let event_type = self.activity.channel_data.event_type.as_deref().unwrap_or_default();
        match event_type.to_ascii_lowercase().as_str() {
            "channelcreated" => self.channel(heard, TeamsEvent::ChannelCreated),
            "channelrenamed" => self.channel(heard, TeamsEvent::ChannelRenamed),
            "channelrestored" => self.channel(heard, TeamsEvent::ChannelRestored),
            "channeldeleted" => self.channel(heard, TeamsEvent::ChannelDeleted),
            "channelshared" => self.shared(heard, TeamsEvent::ChannelShared),
            "channelunshared" => self.shared(heard, TeamsEvent::ChannelUnshared),
            "channelmemberadded" => self.channel_members(heard, TeamsEvent::ChannelMemberAdded),
            "channelmemberremoved" => self.channel_members(heard, TeamsEvent::ChannelMemberRemoved),
            "teamrenamed" => self.team(heard, TeamsEvent::TeamRenamed),
            "teamdeleted" => self.team(heard, TeamsEvent::TeamDeleted),
            "teamrestored" => self.team(heard, TeamsEvent::TeamRestored),
            "teamarchived" => self.team(heard, TeamsEvent::TeamArchived),
            "teamunarchived" => self.team(heard, TeamsEvent::TeamUnarchived),
            // It was deleted, and told so, weeks ago; now it cannot come back.
            "teamharddeleted" => self.team(heard, TeamsEvent::TeamHardDeleted),
            _ => self.members(heard),
        }
    }

    fn members(&self, heard: &mut Heard) {
        let removed = &self.activity.members_removed;
        let added = &self.activity.members_added;
        if removed.iter().any(|member| self.is_our_bot(member)) {
            self.gone(heard);
            self.removed(heard);
            heard.events.extend(self.uninstalled());
            return;
        }
        if let Place::Personal(id) = &self.place
            && let Some(person) = removed.iter().find(|member| !self.is_a_bot(member))
        {
            // A personal chat loses its person only when the person is deleted from the tenant.
            heard.facts.extend(id_of(person).map(|id| Fact::PersonGone { id }));
            heard.facts.push(Fact::ConversationGone { id: id.clone() });
            let kind = TeamsEvent::PersonDeleted;
            let mut event = self.event(kind, self.occurrence(kind, &id_of(person).unwrap_or_default()));
            event.data["person"] = describe(person);
            heard.events.push(event);
            return;
        }
        let bot_joined = added.iter().any(|member| self.is_our_bot(member));
        let installer = if bot_joined {
            Installer::Sender
        } else {
            Installer::Unknown
        };
        self.seen(heard, installer);
        if bot_joined {
            match self.before {
                Acquaintance::Stranger | Acquaintance::Former => {
                    heard.events.push(self.installed(self.stay_began(self.now)));
                }
                // Either `installationUpdate` came first, or we opened this chat ourselves to deliver a card.
                Acquaintance::Known { .. } => {}
            }
        }
        self.people(heard, added, TeamsEvent::MemberAdded, !bot_joined);
        self.people(heard, removed, TeamsEvent::MemberRemoved, true);
        if added.is_empty() && removed.is_empty() {
            heard.ignored = Some("no rule can wait for this change of a conversation".to_owned());
        }
    }

    /// People joined or left. Those who are there when the bot arrives did not join.
    fn people(&self, heard: &mut Heard, members: &[Account], kind: TeamsEvent, tell: bool) {
        let people: Vec<&Account> = members.iter().filter(|member| !self.is_a_bot(member)).collect();
        if people.is_empty() {
            return;
        }
        let left = kind == TeamsEvent::MemberRemoved;
        if !left {
            // The sender is remembered already, with language and zone.
            let sender = self.sender().and_then(id_of);
            let others = people.iter().filter(|member| id_of(member) != sender);
            heard
                .facts
                .extend(others.map(|member| Fact::PersonSeen(self.person(member))));
        }
        if matches!(self.place, Place::Personal(_)) {
            return;
        }
        heard.facts.push(Fact::RosterChanged {
            id: self.place.id().to_owned(),
            left: people
                .iter()
                .filter(|_| left)
                .filter_map(|member| member.id.clone().or_else(|| id_of(member)))
                .collect(),
        });
        if tell {
            heard.events.extend(people.into_iter().map(|member| {
                let who = id_of(member).unwrap_or_default();
                let mut event = self.event(kind, self.occurrence(kind, &who));
                event.data["person"] = describe(member);
                event
            }));
        }
    }

    fn channel(&self, heard: &mut Heard, kind: TeamsEvent) {
        let Place::Team(team_id) = &self.place else {
            return;
        };
        heard.facts.push(Fact::TeamSeen(self.team_record(team_id)));
        let Some(channel_id) = self.channel_id() else {
            return;
        };
        heard.facts.push(if kind == TeamsEvent::ChannelDeleted {
            Fact::ChannelGone {
                team_id: team_id.clone(),
                channel_id: channel_id.clone(),
            }
        } else {
            self.channel_fact(team_id, channel_id.clone())
        });
        heard.events.push(self.event(kind, self.occurrence(kind, &channel_id)));
    }

    fn team(&self, heard: &mut Heard, kind: TeamsEvent) {
        let Place::Team(id) = &self.place else {
            return;
        };
        let id = id.clone();
        if matches!(kind, TeamsEvent::TeamDeleted | TeamsEvent::TeamHardDeleted) {
            heard.facts.push(Fact::TeamGone { id });
        } else {
            heard.facts.push(Fact::TeamSeen(self.team_record(&id)));
            let name = self
                .activity
                .channel_data
                .team
                .as_ref()
                .and_then(|team| team.name.clone());
            match (kind, name) {
                (TeamsEvent::TeamRenamed, Some(name)) => heard.facts.push(Fact::TeamRenamed { id, name }),
                (TeamsEvent::TeamArchived, _) => heard.facts.push(Fact::TeamArchived { id, archived: true }),
                (TeamsEvent::TeamUnarchived, _) => heard.facts.push(Fact::TeamArchived { id, archived: false }),
                (_, _) => {}
            }
        }
        heard.events.push(self.event(kind, self.occurrence(kind, "")));
    }

    /// The place is alive, and so is whoever caused the activity.
    fn seen(&self, heard: &mut Heard, installer: Installer) {
        let sender = self.sender();
        let installed_by = match installer {
            Installer::Sender => sender.and_then(id_of),
            Installer::Unknown => None,
        };
        match &self.place {
            Place::Team(id) => {
                let mut team = self.team_record(id);
                team.installed_by = installed_by;
                if installer == Installer::Sender {
                    team.selected_channel = self.selected_channel();
                }
                heard.facts.push(Fact::TeamSeen(team));
                let chosen = || self.selected_channel().filter(|_| installer == Installer::Sender);
                // General is known with the team.
                if let Some(channel_id) = self.channel_id().or_else(chosen).filter(|channel| channel != id) {
                    heard.facts.push(self.channel_fact(id, channel_id));
                }
            }
            Place::Group(id) => {
                let chat = self.chat(id, ConversationKind::GroupChat, installed_by);
                heard.facts.push(Fact::ConversationSeen(chat));
            }
            Place::Personal(id) => {
                let chat = self.chat(id, ConversationKind::Personal, installed_by);
                heard.facts.push(Fact::ConversationSeen(chat));
                heard
                    .facts
                    .extend(self.other_side().and_then(id_of).map(|id| Fact::AppThere { id }));
            }
        }
        if let Some(account) = sender {
            heard.facts.push(Fact::PersonSeen(self.whole_person(account)));
        }
    }

    fn gone(&self, heard: &mut Heard) {
        heard.facts.push(match &self.place {
            Place::Team(id) => Fact::TeamGone { id: id.clone() },
            Place::Group(id) | Place::Personal(id) => Fact::ConversationGone { id: id.clone() },
        });
    }

    /// Whoever removes the app that they have in person says that they do not want it.
    fn removed(&self, heard: &mut Heard) {
        if let Place::Personal(_) = &self.place
            && let Some(id) = self.other_side().and_then(id_of)
        {
            heard.facts.push(Fact::AppRemoved { id, at: self.now });
        }
    }

    fn installed(&self, id: EventId) -> Event {
        let mut event = self.event(TeamsEvent::Installed, id);
        if matches!(self.place, Place::Personal(_)) {
            event.data["person"] = self.other_side().map_or(Value::Null, describe);
        }
        event
    }

    fn uninstalled(&self) -> Option<Event> {
        match self.before {
            Acquaintance::Known { since } => {
                let id = EventId::derived(&["teams", "uninstalled", self.place.id(), &instant(since)]);
                let mut event = self.event(TeamsEvent::Uninstalled, id);
                if matches!(self.place, Place::Personal(_)) {
                    event.data["person"] = self.other_side().map_or(Value::Null, describe);
                }
                Some(event)
            }
            Acquaintance::Stranger | Acquaintance::Former => None,
        }
    }

    fn event(&self, kind: TeamsEvent, id: EventId) -> Event {
        let origin = Origin::Teams {
            kind,
            scope: self.place.scope(),
            first_time: kind == TeamsEvent::Installed && self.before == Acquaintance::Stranger,
        };
        self.told(&word(kind), origin, id)
    }

    /// What rules see of every activity, whatever it is.
    fn told(&self, kind: &str, origin: Origin, id: EventId) -> Event {
        let data = &self.activity.channel_data;
        let conversation = self.activity.conversation.as_ref();
        let name = conversation.and_then(|place| place.name.clone());
        let (team, chat) = match &self.place {
            Place::Team(id) => {
                let info = data.team.as_ref();
                let team = json!({
                    "id": id,
                    "name": info.and_then(|team| team.name.clone()),
                    "aad_group_id": info.and_then(|team| team.aad_group_id.clone()),
                });
                (team, Value::Null)
            }
            Place::Group(id) | Place::Personal(id) => (Value::Null, json!({"id": id, "name": name})),
        };
        let (channel, here) = match &self.place {
            Place::Team(team_id) => {
                let channel_id = self.channel_id().or_else(|| self.selected_channel());
                let here = channel_id.clone().unwrap_or_else(|| team_id.clone());
                let channel = channel_id.map_or(Value::Null, |id| {
                    let general = (id == *team_id).then(|| "General".to_owned());
                    json!({"id": id, "name": self.channel_name(&id).or(general)})
                });
                (channel, ConversationId::new(&here))
            }
            Place::Group(id) | Place::Personal(id) => (Value::Null, id.clone()),
        };
        let sender = self.sender();
        Event {
            id,
            origin,
            occurred_at: self.now,
            data: json!({
                "kind": kind,
                "scope": self.place.scope(),
                "team": team,
                "chat": chat,
                "channel": channel,
                "person": Value::Null,
                "by": sender.map_or(Value::Null, describe),
                "locale": self.activity.client_locale(),
            }),
            request: Value::Null,
            here: Some(here),
            thread: self.thread().map(str::to_owned),
            item: None,
            sender: sender.map(|account| {
                let person = self.person(account);
                Sender {
                    tenant_id: person.tenant_id,
                    aad_object_id: person.aad_object_id,
                    account_id: person.account_id,
                    name: person.name,
                }
            }),
        }
    }

    /// The thread of a channel in which it was said.
    fn thread(&self) -> Option<&str> {
        let in_a_channel = matches!(self.place, Place::Team(_)) && !self.activity.is_update();
        in_a_channel.then(|| self.activity.thread())?
    }

    fn stay_began(&self, at: DateTime<Utc>) -> EventId {
        EventId::derived(&["teams", "installed", self.place.id(), &instant(at)])
    }

    /// The id of something that happens any number of times: the activity tells one time from another.
    fn occurrence(&self, kind: TeamsEvent, what: &str) -> EventId {
        let told = match (&self.activity.id, self.activity.timestamp) {
            (Some(id), _) => id.clone(),
            (None, Some(timestamp)) => instant(timestamp),
            (None, None) => instant(self.now),
        };
        EventId::derived(&["teams", &word(kind), self.place.id(), what, &told])
    }

    fn happened_at(&self) -> DateTime<Utc> {
        self.activity.timestamp.unwrap_or(self.now)
    }

    fn team_record(&self, id: &str) -> Team {
        let info = self.activity.channel_data.team.as_ref();
        Team {
            id: id.to_owned(),
            tenant_id: self.tenant(),
            name: info.and_then(|team| team.name.clone()),
            aad_group_id: info.and_then(|team| team.aad_group_id.as_ref().map(|id| id.to_ascii_lowercase())),
            service_url: self.service_url.to_owned(),
            bot_id: self.bot_id(),
            selected_channel: None,
            installed_by: None,
            archived: false,
            channels: Vec::new(),
            channels_fetched_at: None,
            first_seen: self.now,
            last_seen: self.now,
        }
    }

    fn chat(&self, id: &ConversationId, kind: ConversationKind, installed_by: Option<String>) -> Conversation {
        let name = self.activity.conversation.as_ref().and_then(|place| place.name.clone());
        let person = match kind {
            ConversationKind::Personal => self.other_side().map(|account| self.whole_person(account)),
            ConversationKind::GroupChat | ConversationKind::Channel => None,
        };
        Conversation {
            id: id.clone(),
            kind,
            service_url: self.service_url.to_owned(),
            tenant_id: self.tenant(),
            team_id: None,
            name,
            bot_id: self.bot_id(),
            person,
            installed_by,
            first_seen: self.now,
            last_seen: self.now,
            blocked: None,
        }
    }

    fn channel_fact(&self, team_id: &str, id: String) -> Fact {
        let name = self.channel_name(&id);
        Fact::ChannelSeen {
            team_id: team_id.to_owned(),
            channel: Channel {
                id,
                name,
                deleted: false,
            },
        }
    }

    /// The channel the activity names; in team events the conversation is the team, not the channel.
    fn channel_id(&self) -> Option<String> {
        let data = &self.activity.channel_data;
        let named = data.channel.as_ref().and_then(|channel| channel.id.as_deref());
        let named = named.or(data.teams_channel_id.as_deref());
        let named = named.map(|id| ConversationId::new(id).as_str().to_owned());
        named.or_else(|| {
            let id = ConversationId::new(self.activity.conversation_id()?);
            (!self.activity.is_update() && id.as_str() != self.place.id()).then(|| id.as_str().to_owned())
        })
    }

    fn channel_name(&self, id: &str) -> Option<String> {
        let named = self.activity.channel_data.channel.as_ref();
        let named = named.and_then(|channel| channel.name.clone());
        named.or_else(|| {
            let place = self.activity.conversation.as_ref()?;
            let same = place
                .id
                .as_deref()
                .is_some_and(|place| ConversationId::new(place).as_str() == id);
            // The name of the General channel's conversation may be the team's: General has none of its own.
            place.name.clone().filter(|_| same && id != self.place.id())
        })
    }

    /// The channel chosen at installation: said so, or the conversation of the installation.
    fn selected_channel(&self) -> Option<String> {
        let settings = self.activity.channel_data.settings.as_ref();
        let said = settings.and_then(|settings| settings.selected_channel.as_ref()?.id.as_deref());
        said.or(self.activity.conversation_id())
            .map(|id| ConversationId::new(id).as_str().to_owned())
    }

    fn tenant(&self) -> String {
        self.activity.tenant_id().unwrap_or_default().to_ascii_lowercase()
    }

    fn bot_id(&self) -> String {
        self.activity.bot_id().unwrap_or_default().to_owned()
    }

    fn is_our_bot(&self, account: &Account) -> bool {
        match (account.id.as_deref(), self.activity.bot_id()) {
            (Some(id), Some(bot)) => id == bot,
            // Without a recipient the only bot around is ours.
            (Some(id), None) => id.starts_with("28:"),
            (None, _) => false,
        }
    }

    fn is_a_bot(&self, account: &Account) -> bool {
        self.is_our_bot(account) || account.id.as_deref().is_some_and(|id| id.starts_with("28:"))
    }

    fn sent_by_a_bot(&self) -> bool {
        self.activity.from.as_ref().is_some_and(|from| self.is_a_bot(from))
    }

    /// Who caused the activity, if it is a person.
    fn sender(&self) -> Option<&Account> {
        let from = self.activity.from.as_ref()?;
        (id_of(from).is_some() && !self.is_a_bot(from)).then_some(from)
    }

    /// The person of a personal chat: listed as its member, else the sender.
    fn other_side(&self) -> Option<&Account> {
        let added = self.activity.members_added.iter();
        added
            .chain(&self.activity.members_removed)
            .find(|member| id_of(member).is_some() && !self.is_a_bot(member))
            .or_else(|| self.sender())
    }

    fn person(&self, account: &Account) -> Person {
        Person {
            tenant_id: self.tenant(),
            aad_object_id: aad_object_id(account),
            account_id: account.id.clone(),
            user_principal_name: account.user_principal_name.clone(),
            email: account.email.clone(),
            name: account.name.clone(),
            role: account.user_role.clone(),
            ..Person::default()
        }
    }

    /// A person with the language and zone of the client that sent the activity, if it was theirs.
    fn whole_person(&self, account: &Account) -> Person {
        let mut person = self.person(account);
        if self.sender().is_some_and(|sender| id_of(sender) == id_of(account)) {
            person.locale = self.activity.client_locale().map(str::to_owned);
            person.time_zone = self.activity.client_time_zone().map(str::to_owned);
            person.name = person.name.or_else(|| self.sender()?.name.clone());
        }
        person
    }
}

/// A person as `event.person` and `event.by` show it.
fn describe(account: &Account) -> Value {
    json!({
        "id": id_of(account),
        "aad_object_id": aad_object_id(account),
        "name": account.name,
        "email": account.email.as_ref().or(account.user_principal_name.as_ref()),
    })
}

fn aad_object_id(account: &Account) -> Option<String> {
    let id = account.aad_object_id.as_ref().or(account.object_id.as_ref());
    id.map(|id| id.to_ascii_lowercase())
}

/// Entra object id, else the `29:...` id.
fn id_of(account: &Account) -> Option<String> {
    aad_object_id(account).or_else(|| account.id.clone())
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)
}

fn word(kind: TeamsEvent) -> String {
    match serde_json::to_value(kind) {
        Ok(Value::String(word)) => word,
        Ok(_) | Err(_) => unreachable!("a unit variant is written as a text"),
    }
}
