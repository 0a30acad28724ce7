//! Targets and what is known about the world -> recipients; one per address; why the others are unreachable.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::delivery::Recipient;
use crate::roster::{Conversation, ConversationId, Person, Roster, Team};

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
}

/// The directory's answer.
#[expect(
    clippy::large_enum_variant,
    reason = "a few live at a time, and none is moved in a loop"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// To [`Lookup::Person`].
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
}

impl Known {
    /// Adds an answer.
    pub fn add(&mut self, lookup: Lookup, found: Found) {
        self.answers.insert(lookup, found);
    }

    /// The answer to `lookup`, if it was asked.
    pub fn get(&self, lookup: &Lookup) -> Option<&Found> {
        self.answers.get(lookup)
    }
}

/// A person to mention in a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// `29:...` id, Entra object id or sign-in name: Teams takes any of them in a card.
    pub id: String,
    /// The name shown.
    pub name: String,
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
}

/// Who will be told, who cannot be, and whose members must be asked for first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Audience {
    /// One entry per address, in the order of the targets.
    pub reached: Vec<Reached>,
    /// The rest, with reasons.
    pub unreachable: Vec<Unreachable>,
    /// Teams and group chats whose roster is missing or stale: their members are not in `reached` yet.
    pub rosters_needed: Vec<String>,
}

/// Finds whom `wanted` means, or says which questions must be answered first.
///
/// # Errors
/// The look-ups still needed; add their answers to `known` and call again.
pub fn resolve(_wanted: &[Wanted], _known: &Known, _now: DateTime<Utc>) -> Result<Audience, Vec<Lookup>> {
    Ok(Audience::default())
}
