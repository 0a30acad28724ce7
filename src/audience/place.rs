//! Teams, channels and chats: which one is meant, and whether the bot can write there.

use super::{PlaceRef, Skip};
use crate::diagnostic::did_you_mean;
use crate::link;
use crate::roster::{Channel, Conversation, ConversationId, Team};

/// What stands between team and channel.
pub const SEPARATOR: &str = " / ";

/// How many names a reason lists.
const MOST_LISTED: usize = 5;

/// Why somebody or some place cannot be told.
#[derive(Debug, Clone)]
pub struct Why {
    /// In a sentence, with what would help.
    pub reason: String,
    /// Nothing is known by that name or id; Teams may know more.
    pub unknown: bool,
    /// In one word.
    pub skip: Skip,
    /// The address that nobody is known by.
    pub address: Option<String>,
}

impl Why {
    /// Nothing is known by that name or id.
    pub fn unknown(reason: impl Into<String>) -> Why {
        Why {
            reason: reason.into(),
            unknown: true,
            skip: Skip::NotFound,
            address: None,
        }
    }

    /// Nobody is known by this mail address or sign-in name.
    pub fn unknown_address(address: &str, reason: impl Into<String>) -> Why {
        Why {
            address: Some(address.to_owned()),
            ..Why::unknown(reason)
        }
    }

    /// Nothing is known of the place with this exact id, as long as the app is not installed there.
    pub fn not_installed(reason: impl Into<String>) -> Why {
        Why {
            skip: Skip::NotInstalled,
            ..Why::unknown(reason)
        }
    }

    /// As [`Why::unknown`], for what is named or told by its id.
    pub fn unknown_place(place: &PlaceRef, reason: impl Into<String>) -> Why {
        match place {
            PlaceRef::Name(_) => Why::unknown(reason),
            PlaceRef::Id(_) => Why::not_installed(reason),
        }
    }

    /// No answer of Teams would change it.
    pub fn for_good(skip: Skip, reason: impl Into<String>) -> Why {
        Why {
            reason: reason.into(),
            unknown: false,
            skip,
            address: None,
        }
    }
}

/// A group chat or channel that can be written to.
pub struct Place {
    /// Where it is.
    pub id: ConversationId,
    /// `Platform / Releases`, if it is known.
    pub name: Option<String>,
    /// The tenant it is in, if it is known.
    pub tenant_id: Option<String>,
}

impl Place {
    /// Its name, else its id.
    pub fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.id.to_string())
    }

    /// A chat.
    pub fn of_chat(chat: &Conversation) -> Place {
        Place {
            id: chat.id.clone(),
            name: chat.name.clone(),
            tenant_id: Some(chat.tenant_id.clone()),
        }
    }
}

/// The channel of the one team that has it.
pub fn channel_of_one(teams: &[Team], team: &PlaceRef, channel: Option<&PlaceRef>) -> Result<Place, Why> {
    let (mut found, mut whys) = (Vec::new(), Vec::new());
    for one in teams {
        match channel_of(one, channel) {
            Ok(place) => found.push(place),
            Err(why) => whys.push(why),
        }
    }
    match (found.len(), whys.len()) {
        (1, _) => Ok(found.remove(0)),
        (0, 1) => Err(whys.remove(0)),
        (count, _) => {
            let (teams, called) = (teams.len(), called(team));
            Err(Why {
                reason: format!("{teams} teams are {called}: paste the link of the channel that is meant"),
                unknown: count == 0 && whys.iter().any(|why| why.unknown),
                skip: Skip::Ambiguous,
                address: None,
            })
        }
    }
}

/// The channel of a team, if it can be written to.
pub fn channel_of(team: &Team, wanted: Option<&PlaceRef>) -> Result<Place, Why> {
    let team_name = team.name.as_deref().unwrap_or("this team");
    let general = |channel: &Channel| channel.id == team.id || channel.name.is_none();
    let shown = |channel: &Channel| channel.name.clone().unwrap_or_else(|| "General".to_owned());
    let (id, name, deleted) = match wanted {
        None => (team.id.clone(), "General".to_owned(), false),
        Some(PlaceRef::Id(id)) => match team.channels.iter().find(|channel| channel.id == *id) {
            Some(channel) => (id.clone(), shown(channel), channel.deleted),
            None if *id == team.id => (id.clone(), "General".to_owned(), false),
            // An id from a link is exact, and private channels are not always told of.
            None => (id.clone(), "a channel".to_owned(), false),
        },
        Some(PlaceRef::Name(name)) => {
            let lower = name.to_lowercase();
            let named: Vec<&Channel> = team
                .channels
                .iter()
                .filter(|channel| {
                    !general(channel) && channel.name.as_ref().is_some_and(|name| name.to_lowercase() == lower)
                })
                .collect();
            let alive: Vec<&&Channel> = named.iter().filter(|channel| !channel.deleted).collect();
            match (alive.as_slice(), named.as_slice()) {
                ([channel], _) => (channel.id.clone(), shown(channel), false),
                // A named General is unusual, but a team may tell its own.
                ([], []) if lower == "general" || general_is_called(team, &lower) => {
                    (team.id.clone(), "General".to_owned(), false)
                }
                ([], []) => return Err(Why::unknown(no_channel(team, team_name, name))),
                ([], [gone, ..]) => (gone.id.clone(), shown(gone), true),
                (several, _) => {
                    let count = several.len();
                    let reason = format!(
                        "{count} channels of {team_name} are called {name}: paste the link of the one that is meant"
                    );
                    return Err(Why::for_good(Skip::Ambiguous, reason));
                }
            }
        }
    };
    if deleted {
        let reason =
            format!("the channel {name} of {team_name} was deleted; it can be restored in Teams for a while");
        return Err(Why::for_good(Skip::Gone, reason));
    }
    if team.archived {
        let reason = format!("the team {team_name} is archived, nobody can write there; it can be restored in Teams");
        return Err(Why::for_good(Skip::Gone, reason));
    }
    let team_shown = team.name.as_deref().map(|team| format!("{team}{SEPARATOR}{name}"));
    Ok(Place {
        id: ConversationId::new(&id),
        name: team_shown,
        tenant_id: Some(team.tenant_id.clone()),
    })
}

fn general_is_called(team: &Team, lower: &str) -> bool {
    let general = team.channels.iter().find(|channel| channel.id == team.id);
    general
        .and_then(|channel| channel.name.as_ref())
        .is_some_and(|name| name.to_lowercase() == lower)
}

fn no_channel(team: &Team, team_name: &str, name: &str) -> String {
    let names: Vec<&str> = team
        .channels
        .iter()
        .filter(|channel| !channel.deleted)
        .filter_map(|channel| channel.name.as_deref())
        .collect();
    let near = did_you_mean(name, names.iter().copied().chain(["General"]));
    let mut reason = format!("{team_name} has no channel {name} that Herald can see");
    match near {
        Some(near) => reason.push_str(&format!("; did you mean {near}?")),
        None if names.is_empty() => reason.push_str("; it knows General only: paste the channel's link"),
        None => {
            let count = names.len();
            let listed = listed(names.into_iter().map(str::to_owned), count);
            reason.push_str(&format!(
                "; there are General, {listed}; the first channel is General in every language"
            ));
        }
    }
    reason
}

/// Why a channel of an unknown team cannot be told.
pub fn no_team(team: &PlaceRef) -> String {
    format!("Herald knows no team {}: install the app in it", called(team))
}

/// A place as a reason names it: `called Platform`, `with the id 19:...`.
pub fn called(place: &PlaceRef) -> String {
    match place {
        PlaceRef::Id(id) => format!("with the id {id}"),
        PlaceRef::Name(name) => format!("called {name}"),
    }
}

/// An id or a name.
pub fn place_ref(text: &str) -> PlaceRef {
    if link::is_id(text) || link::is_guid(text) {
        PlaceRef::Id(text.to_owned())
    } else {
        PlaceRef::Name(text.to_owned())
    }
}

/// The first few names, and how many more there are.
pub fn listed(names: impl Iterator<Item = String>, count: usize) -> String {
    let mut some: Vec<String> = names.take(MOST_LISTED).collect();
    if count > MOST_LISTED {
        some.push(format!("{} more", count - MOST_LISTED));
    }
    some.join(", ")
}
