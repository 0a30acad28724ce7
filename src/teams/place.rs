//! Where an activity happened, as the directory keys it.

use chrono::{DateTime, Utc};

use super::activity::Activity;
use crate::event::Scope;
use crate::roster::ConversationId;

/// Where an activity happened, as the directory keys it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// A team, by its own id, whichever channel the activity came from.
    Team(String),
    /// A group chat.
    Group(ConversationId),
    /// A personal chat.
    Personal(ConversationId),
}

impl Place {
    /// The id it is stored under.
    pub fn id(&self) -> &str {
        match self {
            Place::Team(id) => id,
            Place::Group(id) | Place::Personal(id) => id.as_str(),
        }
    }

    /// The word rules use for it.
    pub fn scope(&self) -> Scope {
        match self {
            Place::Team(_) => Scope::Team,
            Place::Group(_) => Scope::Group,
            Place::Personal(_) => Scope::Person,
        }
    }
}

/// What the directory knew of a place before an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquaintance {
    /// Nobody ever had the bot there.
    Stranger,
    /// The bot was there once and was removed.
    Former,
    /// The bot is there; `since` is the record's `first_seen`.
    Known {
        /// When the present stay began, as far as we saw.
        since: DateTime<Utc>,
    },
}

/// Where `activity` happened; `None` when it has no conversation, or is a message in a channel of an unnamed team.
pub fn place(activity: &Activity) -> Option<Place> {
    let conversation = activity.conversation.as_ref()?;
    let id = ConversationId::new(conversation.id.as_deref()?);
    let data = &activity.channel_data;
    let team = data.team.as_ref().and_then(|team| team.id.as_deref());
    let team = team.or(data.teams_team_id.as_deref());
    let kind = conversation
        .conversation_type
        .as_deref()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let in_a_channel = kind == "channel" || id.as_str().ends_with("@thread.tacv2");
    match (kind.as_str(), team) {
        ("personal", _) => Some(Place::Personal(id)),
        ("groupchat", _) => Some(Place::Group(id)),
        (_, Some(team)) => Some(Place::Team(ConversationId::new(team).as_str().to_owned())),
        (_, None) if in_a_channel => activity.is_update().then(|| Place::Team(id.as_str().to_owned())),
        // Emulators do not say what sort of place it is.
        (_, None) if conversation.is_group == Some(true) => Some(Place::Group(id)),
        (_, None) => Some(Place::Personal(id)),
    }
}
