//! Whom and where we know: conversations, people, teams, channels, and the facts Teams tells about them.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

pub mod profile;

use profile::{InEntra, Mailbox};

/// A conversation's id in Bot Framework's spelling, never with a `;messageid=` suffix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(String);

impl ConversationId {
    /// Takes the id of an activity and cuts the thread off, so that every thread of a channel is the channel.
    pub fn new(id: &str) -> Self {
        Self(id.split(";messageid=").next().unwrap_or(id).to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What sort of place a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// One person and the bot.
    Personal,
    /// Several people and the bot.
    GroupChat,
    /// A channel of a team.
    Channel,
}

/// A place the bot may write to. Channels of a team are [`Channel`]s; this is a personal or group chat,
/// or a channel as an activity named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Bot Framework's id.
    pub id: ConversationId,
    /// What sort of place.
    pub kind: ConversationKind,
    /// The regional address Teams wants to be called at for this place.
    pub service_url: String,
    /// The tenant it belongs to.
    pub tenant_id: String,
    /// The team, for a channel.
    pub team_id: Option<String>,
    /// A group chat's or channel's name, where Teams gave one.
    pub name: Option<String>,
    /// The `28:...` id of the bot that was told about it; another bot cannot use the reference.
    pub bot_id: String,
    /// The other side of a personal chat.
    pub person: Option<Person>,
    /// Who installed the bot there, as an Entra object id or a `29:...` id.
    pub installed_by: Option<String>,
    /// The first activity we saw from it.
    pub first_seen: DateTime<Utc>,
    /// The last activity we saw from it.
    pub last_seen: DateTime<Utc>,
    /// Teams refused to let us write there.
    pub blocked: Option<Blocked>,
}

/// Since when and why Teams refuses our messages to a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// The first refusal since the person last wrote.
    pub since: DateTime<Utc>,
    /// Teams' word for it, `MessageWritesBlocked` for instance.
    pub code: String,
}

/// A human being Teams told us about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The tenant the person belongs to; empty when unknown.
    pub tenant_id: String,
    /// Entra object id (GUID, lower case): the same for every bot.
    pub aad_object_id: Option<String>,
    /// `29:...`: valid for our bot alone.
    pub account_id: Option<String>,
    /// Sign-in name.
    pub user_principal_name: Option<String>,
    /// Mail address; often equal to the sign-in name, but not always.
    pub email: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// `user`, `guest` or `anonymous`, as Teams says.
    pub role: Option<String>,
    /// The language of the person's client (`de-DE`).
    pub locale: Option<String>,
    /// The person's zone (IANA name), as their Teams says.
    pub time_zone: Option<String>,
    /// What Entra says, once Graph was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entra: Option<Box<InEntra>>,
    /// What the mailbox says, once Graph was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<Box<Mailbox>>,
}

/// A person to mention in a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// `29:...` id, Entra object id or sign-in name: Teams takes any of them in a card.
    pub id: String,
    /// The name shown.
    pub name: String,
}

/// A team that has (or had) the bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// The id of its General channel: `19:...@thread.tacv2`.
    pub id: String,
    /// The tenant it belongs to.
    pub tenant_id: String,
    /// Its name, once an activity or a look-up told it.
    pub name: Option<String>,
    /// The Microsoft 365 group behind it (GUID): the id that Graph wants.
    pub aad_group_id: Option<String>,
    /// The regional address for its conversations.
    pub service_url: String,
    /// The `28:...` id of our bot.
    pub bot_id: String,
    /// The channel chosen when the bot was installed.
    pub selected_channel: Option<String>,
    /// Who installed the bot there.
    pub installed_by: Option<String>,
    /// Archived teams are read-only: sending would fail.
    pub archived: bool,
    /// Its channels as far as known. General is always there, under the team's own id, with no name.
    pub channels: Vec<Channel>,
    /// When `channels` was last fetched whole; `None` means we only know what events told.
    pub channels_fetched_at: Option<DateTime<Utc>>,
    /// The first activity we saw from it.
    pub first_seen: DateTime<Utc>,
    /// The last activity we saw from it.
    pub last_seen: DateTime<Utc>,
}

/// A channel of a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// `19:...@thread.tacv2`.
    pub id: String,
    /// `None` for General: Teams gives it no name.
    pub name: Option<String>,
    /// It was deleted in Teams and may be restored.
    pub deleted: bool,
}

/// Who is in a team or group chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// The team's or group chat's id.
    pub id: String,
    /// Everybody in it except the bot.
    pub members: Vec<Person>,
    /// When it was last fetched whole from Teams.
    pub fetched_at: DateTime<Utc>,
    /// Something changed since (a member event): fetch again before use.
    pub stale: bool,
}

/// What an activity, an answer or a look-up told about the world. Applying a fact twice changes nothing more.
#[expect(
    clippy::large_enum_variant,
    reason = "a few live at a time, and those about a chat are the usual ones"
)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The bot is in this personal or group chat. Adds it or refreshes it (service address, names, last seen,
    /// the person); `first_seen` of a known one is kept and a block is lifted.
    ConversationSeen(Conversation),
    /// The bot was removed from this chat, or the chat is gone.
    ConversationGone {
        /// The chat.
        id: ConversationId,
    },
    /// The bot is in this team. Adds or refreshes; a `None` name or empty channel list never erases what is known.
    TeamSeen(Team),
    /// The bot was removed from the team, or the team was deleted.
    TeamGone {
        /// The team.
        id: String,
    },
    /// The team got another name.
    TeamRenamed {
        /// The team.
        id: String,
        /// Its new name.
        name: String,
    },
    /// The team became read-only or writable again.
    TeamArchived {
        /// The team.
        id: String,
        /// Read-only now.
        archived: bool,
    },
    /// A channel exists under this name (created, renamed, restored, or mentioned by an activity).
    ChannelSeen {
        /// Its team.
        team_id: String,
        /// The channel; a `None` name keeps the one we know.
        channel: Channel,
    },
    /// A channel was deleted: kept, marked, so that rules naming it fail with a reason.
    ChannelGone {
        /// Its team.
        team_id: String,
        /// The channel.
        channel_id: String,
    },
    /// The whole channel list of a team, as Teams answered.
    ChannelsFetched {
        /// The team.
        team_id: String,
        /// All channels Teams shows us.
        channels: Vec<Channel>,
        /// When.
        at: DateTime<Utc>,
    },
    /// A person as an activity or roster described them; fields that are `None` keep what is known.
    PersonSeen(Person),
    /// A person was deleted from the tenant.
    PersonGone {
        /// Entra object id or `29:...`.
        id: String,
    },
    /// A person removed the app that they had in person: nobody gives it to them again.
    AppRemoved {
        /// Entra object id or `29:...`.
        id: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// A person has the app in person: they, or an administrator for them, installed it, or they wrote to the bot.
    AppThere {
        /// Entra object id or `29:...`.
        id: String,
    },
    /// Members of a team or chat changed: the stored roster needs fetching again. Those who left are taken out at once.
    RosterChanged {
        /// The team or group chat.
        id: String,
        /// `29:...` ids (or object ids) of those who left.
        left: Vec<String>,
    },
    /// The whole roster of a team or group chat, as Teams answered. Its people become known.
    RosterFetched(Roster),
    /// Teams refused a message to this conversation for a reason that lasts until the person acts.
    Blocked {
        /// The chat.
        id: ConversationId,
        /// When and why.
        blocked: Blocked,
    },
    /// Teams refused a message for a reason that is the recipient's: a row of the block report.
    Refused(Refusal),
    /// A message was not even tried, because such a refusal holds. Counts in its row; without one it means nothing.
    Missed {
        /// As [`Refusal::id`].
        id: String,
        /// The delivery that did not arrive.
        delivery: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// A message arrived there, or an operator says that it shall be tried again: the refusal is over.
    Reached {
        /// As [`Refusal::id`]; of a person either id.
        id: String,
    },
    /// Teams does not find a person where a roster says they are: every roster needs fetching again.
    RostersInDoubt,
    /// Teams serves a tenant at another address than the one we had.
    HostMoved {
        /// The tenant.
        tenant_id: String,
        /// The chat, channel or team that showed it.
        id: ConversationId,
        /// Where it is to be called from now on.
        service_url: String,
    },
}
