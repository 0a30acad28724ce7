//! Finds the conversation a delivery goes to.

use crate::audience::{Found, Lookup, PersonRef, PlaceRef};
use crate::delivery::Address;
use crate::roster::{Conversation, ConversationId};
use crate::store::{Directory, StoreError};

/// The way to a recipient.
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
    /// There is no way, and why.
    None(String),
}

/// Looks for the way to `address`. `default_service_url` is used where the directory knows no address of its own.
///
/// # Errors
/// Those of the directory.
pub async fn find(
    directory: &dyn Directory,
    address: &Address,
    default_service_url: &str,
) -> Result<Route, StoreError> {
    match address {
        Address::Nowhere { wanted } => Ok(Route::None(format!("nobody could be found for {wanted}"))),
        Address::Conversation { id } => place(directory, id, default_service_url).await,
        Address::Person { tenant_id, id } => person(directory, tenant_id, id, default_service_url).await,
    }
}

async fn place(directory: &dyn Directory, id: &ConversationId, default: &str) -> Result<Route, StoreError> {
    if let Found::Conversation(Some(chat)) = directory.look_up(&Lookup::Conversation(id.clone())).await? {
        return Ok(to_chat(&chat));
    }
    let lookup = Lookup::Team(PlaceRef::Id(id.as_str().to_owned()));
    let service_url = match directory.look_up(&lookup).await? {
        Found::Teams(teams) => teams.into_iter().next().map(|team| team.service_url),
        Found::People(_) | Found::GroupChats(_) | Found::Conversation(_) | Found::Roster(_) => None,
    };
    // A pasted link may name a channel no event told us of: Teams decides.
    Ok(Route::Post {
        service_url: service_url.unwrap_or_else(|| default.to_owned()),
        conversation: id.clone(),
    })
}

async fn person(directory: &dyn Directory, tenant_id: &str, id: &str, default: &str) -> Result<Route, StoreError> {
    if let Found::Conversation(Some(chat)) = directory.look_up(&Lookup::PersonalChat(id.to_owned())).await? {
        return Ok(to_chat(&chat));
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
    Ok(Route::Open {
        service_url,
        tenant_id: tenant_id.to_owned(),
        member: account.unwrap_or_else(|| id.to_owned()),
    })
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
