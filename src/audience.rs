//! Targets and what is known about the world -> recipients; one per address; why the others are unreachable.

use std::collections::{HashMap, HashSet};

use chrono::Duration;

use crate::delivery::Recipient;
use crate::roster::{Conversation, ConversationId, Mention, Person, Roster, Team};

mod place;
mod resolve;
mod skip;

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
    answers: HashMap<Lookup, Found>,
    tenant: Option<String>,
}

impl Known {
    /// Nothing answered yet, for a bot of this tenant: where people belong of whom only the Entra object id is known.
    pub fn in_tenant(tenant: Option<&str>) -> Known {
        Known {
            answers: HashMap::new(),
            tenant: tenant.map(str::to_owned),
        }
    }

    /// The bot's own tenant, if it has one.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// Adds an answer.
    pub fn add(&mut self, lookup: Lookup, found: Found) {
        self.answers.insert(lookup, found);
    }

    /// The answer to `lookup`, if it was asked.
    pub fn get(&self, lookup: &Lookup) -> Option<&Found> {
        self.answers.get(lookup)
    }
}

/// Somebody who will be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Reached {
    /// Where the card goes.
    pub recipient: Recipient,
    /// The person, where one is known: what templates see as `recipient`.
    pub person: Option<Person>,
    /// Whom the card mentions there.
    pub mentions: Vec<Mention>,
    /// The tenant of a group chat or channel, if it is known.
    pub tenant_id: Option<String>,
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
    /// Teams and group chats whose roster, or list of channels, is missing, stale or old: their members or channels are
    /// not in `reached` yet.
    pub rosters_needed: Vec<String>,
    /// What else did not come out as meant: somebody who could not be mentioned.
    pub notes: Vec<String>,
}

impl Audience {
    /// How many recipients one event may have under one rule.
    pub const MOST_REACHED: usize = 100_000;
    /// How many unreachable targets are listed; the last entry counts the rest.
    pub const MOST_UNREACHABLE: usize = 1_000;
}

/// How long a roster is taken for true. Member events mark it stale at once; this bound covers the events that never
/// came, at the price of one more call to Teams per hour and team.
pub const ROSTER_FRESH_FOR: Duration = Duration::hours(1);

/// `audience` without everybody in `except`. People are the same when one of their ids is.
pub fn without(mut audience: Audience, except: &Audience) -> Audience {
    let excepted: HashSet<String> = except.reached.iter().flat_map(resolve::identities).collect();
    audience
        .reached
        .retain(|reached| !resolve::identities(reached).iter().any(|id| excepted.contains(id)));
    audience
}

/// `audience` with those of `first` at its beginning, whether they were in it or not.
pub fn with_first(mut audience: Audience, first: Audience) -> Audience {
    let earlier: HashSet<String> = first.reached.iter().flat_map(resolve::identities).collect();
    let is_first = |reached: &Reached| resolve::identities(reached).iter().any(|id| earlier.contains(id));
    let (known, others): (Vec<_>, Vec<_>) = audience.reached.into_iter().partition(is_first);
    // As the rule's own targets have them, with their mentions; then those whom only `first` names.
    let ids: HashSet<String> = known.iter().flat_map(resolve::identities).collect();
    let more = first
        .reached
        .into_iter()
        .filter(|reached| !resolve::identities(reached).iter().any(|id| ids.contains(id)));
    audience.reached = known.into_iter().chain(more).collect();
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
