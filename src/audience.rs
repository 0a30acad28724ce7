//! Targets and what is known about the world -> recipients; one per address; why the others are unreachable.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::choice::{Choices, PersonKey};
use crate::delivery::{Address, Recipient};
use crate::event::Sender;
use crate::roster::{Conversation, ConversationId, Mention, Person, Roster, Team};
use crate::rule::sieve::Sieve;
use crate::webhook;

mod identity;
mod life;
mod place;
mod resolve;
mod skip;

use identity::Identity;
pub use life::{Life, Sifted, Unsure, as_chosen, as_entra_says, sift};
pub use place::SEPARATOR;
pub use resolve::resolve;
pub use skip::Skip;

/// One target of a rule, with its holes filled from the event and its aliases followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// What the author wrote, as shown in lists and reasons: `channel: Platform / Releases`.
    pub written: String,
    /// What it means.
    pub want: Want,
    /// People to mention in the card that goes there.
    pub mention: Vec<Want>,
    /// By which way people are told.
    pub by: By,
    /// What the thread of the channel is about that the card belongs to; without it a card begins its own.
    pub thread: Option<String>,
    /// What must be true of each of the people: all of these.
    pub only: Vec<Arc<Sieve>>,
}

/// By which way people are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum By {
    /// A card in the personal chat with the bot.
    #[default]
    Chat,
    /// A notification in the activity feed.
    Feed,
}

/// What a target means.
#[derive(Debug, Clone, PartialEq)]
pub enum Want {
    /// One human being.
    Person(PersonRef),
    /// A group chat.
    GroupChat(PlaceRef),
    /// `Team / Channel` as written, or a team alone for its General channel. Either name may itself contain ` / `.
    ChannelPath(String),
    /// A channel by team and name; `channel: None` is General.
    Channel {
        /// The team.
        team: PlaceRef,
        /// The channel's id or name.
        channel: Option<PlaceRef>,
    },
    /// Exactly this conversation (`here`, a pasted link, an id).
    Conversation(ConversationId),
    /// Each member of a team or group chat, in their personal chats.
    MembersOf(PlaceRef),
    /// Each channel of a team.
    ChannelsOf(PlaceRef),
    /// Everybody who has the bot, in their personal chats.
    Everyone,
    /// Each member of a group in Entra ID, in their personal chats.
    EntraGroup(PlaceRef),
    /// A webhook of `directory.yaml`, by its alias as written there.
    Webhook {
        /// The alias.
        name: String,
        /// What stands behind it.
        kind: webhook::Kind,
    },
    /// Nobody, and why: an unknown alias, a template that came to nothing.
    Nobody(String),
}

/// How a person is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PersonRef {
    /// Entra object id, lower case.
    AadObjectId(String),
    /// `29:...`.
    AccountId(String),
    /// Mail address or sign-in name, lower case.
    Email(String),
    /// Display name, compared without case.
    Name(String),
}

/// How a team, chat or channel is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PlaceRef {
    /// `19:...`, or a team's group id (GUID).
    Id(String),
    /// Its name, compared without case.
    Name(String),
}

/// Whom or what Entra may know although Teams told nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Seek {
    /// The person with this mail address or sign-in name, lower case.
    Address(String),
    /// The members of a group, by id or by name in lower case.
    Group(PlaceRef),
    /// What Entra and the mailbox say of the person with this Entra object id.
    Profile(String),
}

const PROFILE: &str = "profile:";
const ADDRESS: &str = "address:";
const GROUP_ID: &str = "entra-group-id:";
const GROUP_NAME: &str = "entra-group:";

impl Seek {
    /// The members of this group; the case of its name does not matter.
    pub fn group(group: &PlaceRef) -> Seek {
        Seek::Group(match group {
            PlaceRef::Id(id) => PlaceRef::Id(id.to_ascii_lowercase()),
            PlaceRef::Name(name) => PlaceRef::Name(name.trim().to_lowercase()),
        })
    }

    /// A text that names it among the ids of teams and chats; a group's roster has it for its id.
    pub fn key(&self) -> String {
        match self {
            Seek::Address(address) => format!("{ADDRESS}{address}"),
            Seek::Profile(id) => format!("{PROFILE}{id}"),
            Seek::Group(PlaceRef::Id(id)) => format!("{GROUP_ID}{id}"),
            Seek::Group(PlaceRef::Name(name)) => format!("{GROUP_NAME}{name}"),
        }
    }

    /// What this text names, if it is one of [`Seek::key`].
    pub fn of_key(key: &str) -> Option<Seek> {
        if let Some(address) = key.strip_prefix(ADDRESS) {
            return Some(Seek::Address(address.to_owned()));
        }
        if let Some(id) = key.strip_prefix(PROFILE) {
            return Some(Seek::Profile(id.to_owned()));
        }
        if let Some(id) = key.strip_prefix(GROUP_ID) {
            return Some(Seek::Group(PlaceRef::Id(id.to_owned())));
        }
        let name = key.strip_prefix(GROUP_NAME)?;
        Some(Seek::Group(PlaceRef::Name(name.to_owned())))
    }

    /// As a target of a rule has it: `entra_group: on-call`, or the address.
    pub fn shown(&self) -> String {
        match self {
            Seek::Address(address) => address.clone(),
            Seek::Profile(id) => format!("what Entra says of {id}"),
            Seek::Group(PlaceRef::Id(group) | PlaceRef::Name(group)) => format!("entra_group: {group}"),
        }
    }
}

/// A question to the directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// Who is this? Several people can have one name.
    Person(PersonRef),
    /// Which teams are this? By team id, group id or name; [`PlaceRef::Id`] of a channel finds its team too.
    Team(PlaceRef),
    /// Which group chats are this?
    GroupChat(PlaceRef),
    /// What is this conversation? Finds personal and group chats, not channels.
    Conversation(ConversationId),
    /// Which personal chat leads to the person with this Entra object id or `29:...` id?
    PersonalChat(String),
    /// Who is in this team or group chat?
    Roster(String),
    /// Who has the bot in a personal chat? At most [`Audience::MOST_REACHED`] people and one more.
    Everyone,
}

/// The directory's answer.
#[expect(
    clippy::large_enum_variant,
    reason = "a few live at a time, and none is moved in a loop"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// To [`Lookup::Person`] and [`Lookup::Everyone`].
    People(Vec<Person>),
    /// To [`Lookup::Team`].
    Teams(Vec<Team>),
    /// To [`Lookup::GroupChat`].
    GroupChats(Vec<Conversation>),
    /// To [`Lookup::Conversation`] and [`Lookup::PersonalChat`].
    Conversation(Option<Conversation>),
    /// To [`Lookup::Roster`].
    Roster(Option<Roster>),
}

/// Questions already answered.
#[derive(Debug, Clone, Default)]
pub struct Known {
    answers: HashMap<Lookup, Answer>,
    tenant: Option<String>,
    unanswered: BTreeMap<String, String>,
}

/// A [`Found`] whose people are shared with those who are reached: an audience of a hundred thousand has each once.
#[expect(
    clippy::large_enum_variant,
    reason = "a few live at a time, and none is moved in a loop"
)]
#[derive(Debug, Clone, PartialEq)]
enum Answer {
    People(Vec<Arc<Person>>),
    Teams(Vec<Team>),
    GroupChats(Vec<Conversation>),
    Conversation(Option<Conversation>),
    Members(Option<Members>),
}

/// Who is in a team, a group chat or a group of Entra.
#[derive(Debug, Clone, PartialEq)]
struct Members {
    people: Vec<Arc<Person>>,
    fetched_at: DateTime<Utc>,
    stale: bool,
}

impl From<Found> for Answer {
    fn from(found: Found) -> Self {
        let shared = |people: Vec<Person>| people.into_iter().map(Arc::new).collect();
        match found {
            Found::People(people) => Answer::People(shared(people)),
            Found::Teams(teams) => Answer::Teams(teams),
            Found::GroupChats(chats) => Answer::GroupChats(chats),
            Found::Conversation(conversation) => Answer::Conversation(conversation),
            Found::Roster(roster) => Answer::Members(roster.map(|roster| Members {
                people: shared(roster.members),
                fetched_at: roster.fetched_at,
                stale: roster.stale,
            })),
        }
    }
}

impl Known {
    /// Nothing answered yet, for a bot of this tenant: where people belong of whom only the Entra object id is known.
    pub fn in_tenant(tenant: Option<&str>) -> Known {
        Known {
            tenant: tenant.map(str::to_owned),
            ..Known::default()
        }
    }

    /// Groups of Entra, by the keys of their rosters, whose members could not be listed lately, with the reason: an old
    /// roster of theirs is better than none.
    #[must_use]
    pub fn although(self, unanswered: BTreeMap<String, String>) -> Known {
        Known { unanswered, ..self }
    }

    /// Why the members of this group could not be listed lately.
    fn why_unanswered(&self, key: &str) -> Option<&str> {
        self.unanswered.get(key).map(String::as_str)
    }

    /// The bot's own tenant, if it has one.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// Adds an answer.
    pub fn add(&mut self, lookup: Lookup, found: Found) {
        self.answers.insert(lookup, found.into());
    }

    /// The answer to `lookup`, if it was asked.
    fn get(&self, lookup: &Lookup) -> Option<&Answer> {
        self.answers.get(lookup)
    }
}

/// Somebody who will be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Reached {
    /// Where the card goes.
    pub recipient: Recipient,
    /// The person, where one is known: what templates see as `recipient`.
    pub person: Option<Arc<Person>>,
    /// Whom the card mentions there.
    pub mentions: Vec<Mention>,
    /// The tenant of a group chat or channel, if it is known.
    pub tenant_id: Option<String>,
    /// What the thread of the channel is about that the card belongs to.
    pub thread: Option<String>,
    /// What else is known of the person; of most people the same nothing.
    pub life: Arc<Life>,
    /// What the person chose for themselves; `None` if nothing.
    pub choices: Option<Box<Choices>>,
}

impl Reached {
    /// Whose choices count: those of the person who is told, if it is one.
    pub fn key(&self) -> Option<PersonKey> {
        match &self.recipient.address {
            Address::Person { .. } | Address::Feed { .. } => self.person.as_deref().and_then(PersonKey::of),
            Address::Conversation { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => None,
        }
    }
}

/// A target, or one member of it, that nobody can be told through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// What the author wrote.
    pub written: String,
    /// Why not, and what would help, in a sentence.
    pub reason: String,
    /// Nobody by that name, address or id is known, nor a place: asking Teams who and what there is may change that.
    /// False when it would not (ambiguous, deleted, archived, an alias nobody defined, a template that came to nothing).
    pub unknown: bool,
    /// Why not, in one word.
    pub skip: Skip,
    /// The mail address or sign-in name that nobody is known by: Entra may know whose it is.
    pub address: Option<String>,
}

/// Somebody who does not want what a rule sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Who.
    pub recipient: String,
    /// What they stopped: a topic, a rule, `everything`.
    pub what: String,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// They did it themselves; else they never started what begins stopped.
    pub asked: bool,
}

impl Stopped {
    /// What they did, behind their name: `stopped deployments on 2 March 2026`.
    pub fn reason(&self, zone: Tz) -> String {
        let Stopped { what, at, asked, .. } = self;
        let what = match what.as_str() {
            "everything" => what.clone(),
            what => format!("`{what}`"),
        };
        match (asked, at) {
            (true, Some(at)) => {
                let day = at.with_timezone(&zone).format("%-d %B %Y");
                format!("stopped {what} on {day}")
            }
            (true, None) => format!("stopped {what}"),
            (false, _) => format!("did not start {what}, which begins stopped"),
        }
    }
}

/// Who will be told, who cannot be, and whose members must be asked for first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Audience {
    /// One entry per address, in the order of the targets.
    pub reached: Vec<Reached>,
    /// How many of them, from the beginning, are told before the others.
    pub first: usize,
    /// The rest, with reasons.
    pub unreachable: Vec<Unreachable>,
    /// People who do not want what the rule sends.
    pub stopped: Vec<Stopped>,
    /// Teams and group chats whose roster, or list of channels, is missing, stale or old: their members or channels are
    /// not in `reached` yet.
    pub rosters_needed: Vec<String>,
    /// What else did not come out as meant: somebody who could not be mentioned.
    pub notes: Vec<String>,
    /// How many are left out because a field of theirs is something else, or is not known.
    pub sifted: Sifted,
    /// Of whom it is not known whether they are excepted: Graph may know.
    pub not_sure_whom_to_except: Vec<Unsure>,
}

impl Audience {
    /// How many recipients one event may have under one rule.
    pub const MOST_REACHED: usize = 100_000;
    /// How many unreachable targets are listed; the last entry counts the rest.
    pub const MOST_UNREACHABLE: usize = 1_000;

    /// Notes what people chose.
    pub fn chosen(&mut self, choices: &BTreeMap<PersonKey, Choices>) {
        chosen(&mut self.reached, choices);
    }
}

/// Notes what some of an audience chose.
pub fn chosen(some: &mut [Reached], choices: &BTreeMap<PersonKey, Choices>) {
    if choices.is_empty() {
        return;
    }
    for reached in some {
        // Somebody is told by more than one way.
        let chose = reached.key().and_then(|key| choices.get(&key));
        reached.choices = chose.map(|choices| Box::new(choices.clone()));
    }
}

/// How long a roster is taken for true. Member events mark it stale at once; this bound covers the events that never
/// came, at the price of one more call to Teams per hour and team.
pub const ROSTER_FRESH_FOR: Duration = Duration::hours(1);

/// For how long the members of a group of Entra are used when Graph cannot be asked who they are now.
pub const GROUP_GOOD_FOR: Duration = Duration::days(7);

/// `audience` without everybody in `except`. People are the same when one of their ids is.
pub fn without(mut audience: Audience, except: &Audience) -> Audience {
    // Whoever is excepted is told in no way.
    let excepted: HashSet<Identity<'_>> = except.reached.iter().flat_map(identity::who).collect();
    if !excepted.is_empty() {
        audience
            .reached
            .retain(|reached| !identity::who(reached).iter().any(|id| excepted.contains(id)));
    }
    audience
}

/// Whether the person behind an event is one of `audience`. People are the same when one of their ids is.
pub fn includes(audience: &Audience, sender: &Sender) -> bool {
    let ids = [&sender.aad_object_id, &sender.account_id];
    let ids: Vec<Identity<'_>> = ids.into_iter().flatten().map(|id| Identity::person(id)).collect();
    let mut reached = audience.reached.iter().flat_map(identity::identities);
    reached.any(|identity| ids.contains(&identity))
}

/// `audience` with those of `first` at its beginning, whether they were in it or not.
pub fn with_first(mut audience: Audience, mut first: Audience) -> Audience {
    let ids_of = |reached: &[Reached]| -> HashSet<Identity<'static>> {
        let ids = reached.iter().flat_map(identity::identities);
        ids.map(Identity::into_owned).collect()
    };
    let is_of = |ids: &HashSet<Identity<'static>>, reached: &Reached| {
        identity::identities(reached).iter().any(|id| ids.contains(id))
    };
    let earlier = ids_of(&first.reached);
    let (known, others): (Vec<_>, Vec<_>) = audience
        .reached
        .into_iter()
        .partition(|reached| is_of(&earlier, reached));
    // As the rule's own targets have them, with their mentions; then those whom only `first` names.
    let ids = ids_of(&known);
    first.reached.retain(|reached| !is_of(&ids, reached));
    audience.reached = known;
    audience.reached.append(&mut first.reached);
    audience.first = audience.reached.len();
    audience.reached.extend(others);
    audience.reached.truncate(Audience::MOST_REACHED);
    audience.unreachable.extend(first.unreachable);
    audience.rosters_needed.extend(first.rosters_needed);
    audience.notes.extend(first.notes);
    audience
}

#[cfg(test)]
mod tests;
