//! Finds the conversation a delivery goes to.

use chrono::{DateTime, Utc};

use crate::audience::{Found, Lookup, PersonRef, PlaceRef};
use crate::delivery::Address;
use crate::refusal::{Party, Refusal, Why};
use crate::roster::{Conversation, ConversationId, ConversationKind};
use crate::store::{Directory, StoreError};

/// The way to a recipient, and what is known of where it leads.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// The way.
    pub route: Route,
    /// The recipient's tenant, as far as it is known.
    pub tenant_id: Option<String>,
    /// What the recipient is.
    pub party: Party,
    /// The team of a channel, if it is known.
    pub team_id: Option<String>,
    /// Teams refused messages there before, and nothing proved yet that this is over.
    pub refused: bool,
}

impl Way {
    /// Opens a way that is shut for nothing but the app, where that can be installed.
    fn unless_installed(self, installs: bool) -> Way {
        match self.route {
            Route::Shut {
                without_app: Some(route),
                ..
            } if installs => Way { route: *route, ..self },
            route => Way { route, ..self },
        }
    }

    /// No way, and why.
    pub fn nowhere(reason: &str) -> Self {
        Self {
            route: Route::None(reason.to_owned()),
            tenant_id: None,
            party: Party::Person,
            team_id: None,
            refused: false,
        }
    }
}

/// How to get there.
#[derive(Debug, Clone, PartialEq)]
pub enum Route {
    /// Post to this conversation.
    Post {
        /// Where Teams wants to be called for it.
        service_url: String,
        /// Its id.
        conversation: ConversationId,
    },
    /// Open a personal chat first.
    Open {
        /// Where Teams wants to be called.
        service_url: String,
        /// The person's tenant.
        tenant_id: String,
        /// `29:...` if known, else the Entra object id.
        member: String,
    },
    /// Teams shut it, and need not be asked: the id of the row in the block report, and why.
    Shut {
        /// As [`Refusal::id`].
        id: String,
        /// Why, in a sentence.
        reason: String,
        /// The way there was, if the only obstacle is that the app is not installed for a person.
        without_app: Option<Box<Route>>,
    },
    /// There is no way, and why.
    None(String),
}

/// What a way depends on beside the directory.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Used where the directory knows no address of its own.
    pub default_service_url: &'a str,
    /// People without the app can be given it, so that they are not shut out for lacking it.
    pub installs: bool,
    /// The time.
    pub now: DateTime<Utc>,
}

/// Looks for the way to `address`.
///
/// # Errors
/// Those of the directory.
pub async fn find(directory: &dyn Directory, address: &Address, ground: Ground<'_>) -> Result<Way, StoreError> {
    let Ground {
        default_service_url,
        installs,
        now,
    } = ground;
    match address {
        Address::Nowhere { wanted } => Ok(Way {
            route: Route::None(format!("nobody could be found for {wanted}")),
            tenant_id: None,
            party: Party::Person,
            team_id: None,
            refused: false,
        }),
        Address::Feed { .. } => Ok(Way::nowhere("an activity feed is reached through Microsoft Graph")),
        Address::Webhook { .. } => Ok(Way::nowhere("a webhook is no conversation of the bot")),
        Address::Conversation { id } => place(directory, id, default_service_url, now).await,
        Address::Person { tenant_id, id } => {
            let way = person(directory, tenant_id, id, default_service_url, now).await?;
            Ok(way.unless_installed(installs))
        }
    }
}

async fn place(
    directory: &dyn Directory,
    id: &ConversationId,
    default: &str,
    now: DateTime<Utc>,
) -> Result<Way, StoreError> {
    let mut refusal = directory.refusal(id.as_str()).await?;
    if let Found::Conversation(Some(chat)) = directory.look_up(&Lookup::Conversation(id.clone())).await? {
        let way = Way {
            route: to_chat(&chat),
            tenant_id: some(&chat.tenant_id),
            party: match chat.kind {
                ConversationKind::Personal => Party::Person,
                ConversationKind::GroupChat => Party::GroupChat,
                ConversationKind::Channel => Party::Channel,
            },
            team_id: None,
            refused: refusal.is_some(),
        };
        return Ok(unless_shut(way, refusal, now));
    }
    let lookup = Lookup::Team(PlaceRef::Id(id.as_str().to_owned()));
    let team = match directory.look_up(&lookup).await? {
        Found::Teams(teams) => teams.into_iter().next(),
        Found::People(_) | Found::GroupChats(_) | Found::Conversation(_) | Found::Roster(_) => None,
    };
    if let (None, Some(team)) = (&refusal, &team) {
        refusal = directory
            .refusal(&team.id)
            .await?
            .filter(|row| row.why == Why::NotInstalled);
    }
    let (service_url, tenant_id, team_id) = match team {
        Some(team) => (team.service_url, some(&team.tenant_id), Some(team.id)),
        // A pasted link may name a channel no event told us of: Teams decides.
        None => (default.to_owned(), None, None),
    };
    let way = Way {
        route: Route::Post {
            service_url,
            conversation: id.clone(),
        },
        tenant_id,
        party: Party::Channel,
        team_id,
        refused: refusal.is_some(),
    };
    Ok(unless_shut(way, refusal, now))
}

async fn person(
    directory: &dyn Directory,
    tenant_id: &str,
    id: &str,
    default: &str,
    now: DateTime<Utc>,
) -> Result<Way, StoreError> {
    let refusal = directory.refusal(id).await?;
    let way = |route| Way {
        route,
        tenant_id: some(tenant_id),
        party: Party::Person,
        team_id: None,
        refused: refusal.is_some(),
    };
    if let Found::Conversation(Some(chat)) = directory.look_up(&Lookup::PersonalChat(id.to_owned())).await? {
        let mut way = way(to_chat(&chat));
        // A guest's own tenant is another one than that of the chat.
        way.tenant_id = some(&chat.tenant_id).or(way.tenant_id);
        return Ok(unless_shut(way, refusal, now));
    }
    let who = if id.starts_with("29:") {
        PersonRef::AccountId(id.to_owned())
    } else {
        PersonRef::AadObjectId(id.to_owned())
    };
    let account = match directory.look_up(&Lookup::Person(who)).await? {
        Found::People(people) => people.into_iter().find_map(|person| person.account_id),
        Found::Teams(_) | Found::GroupChats(_) | Found::Conversation(_) | Found::Roster(_) => None,
    };
    let service_url = directory
        .service_url(tenant_id)
        .await?
        .unwrap_or_else(|| default.to_owned());
    // The `29:` id works for everybody in a team that has the bot; the Entra id only where the bot is installed personally.
    let route = Route::Open {
        service_url,
        tenant_id: tenant_id.to_owned(),
        member: account.unwrap_or_else(|| id.to_owned()),
    };
    Ok(unless_shut(way(route), refusal, now))
}

fn unless_shut(way: Way, refusal: Option<Refusal>, now: DateTime<Utc>) -> Way {
    match refusal {
        Some(refusal) if refusal.holds(now) => Way {
            route: Route::Shut {
                reason: refusal.sentence(),
                without_app: match way.route {
                    route @ Route::Open { .. } if refusal.why == Why::Unreachable => Some(Box::new(route)),
                    Route::Open { .. } | Route::Post { .. } | Route::Shut { .. } | Route::None(_) => None,
                },
                id: refusal.id,
            },
            ..way
        },
        Some(_) | None => way,
    }
}

fn some(tenant_id: &str) -> Option<String> {
    (!tenant_id.is_empty()).then(|| tenant_id.to_owned())
}

fn to_chat(chat: &Conversation) -> Route {
    match &chat.blocked {
        Some(blocked) => Route::None(format!(
            "Teams has refused our messages there since {} ({}); it goes on when the person writes to the bot or \
             installs it again",
            blocked.since.format("%Y-%m-%d %H:%M UTC"),
            blocked.code
        )),
        None => Route::Post {
            service_url: chat.service_url.clone(),
            conversation: chat.id.clone(),
        },
    }
}
