//! Whom we know: many reads, the last writer wins.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::audience::{Audience, Found, Known, Lookup, Reached, Wanted, chosen, resolve};
use crate::choice::{Choices, PersonKey};
use crate::refusal::Refusal;
use crate::roster::{Conversation, Fact, Person, Roster, Team};

/// The choices of so many people are asked for at once: their keys are a burden for memory.
const AT_ONCE: usize = 20_000;

/// The directory: everything Teams' events, answers and imports told us.
///
/// Records are keyed by Bot Framework's ids. A team is keyed by its own id (its General channel), never by the channel
/// it was installed in, so that a later removal finds it.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Applies `facts` in order and returns once they are on disk. Applying the same facts again changes nothing
    /// but `last_seen`. All facts of one call are applied, or none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write; nothing is applied then.
    async fn learn(&self, facts: &[Fact]) -> Result<(), StoreError>;

    /// Answers one question; an unknown name is an empty answer, not an error.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn look_up(&self, lookup: &Lookup) -> Result<Found, StoreError>;

    /// Everything known, in pages: up to `limit` entries after the entry `after`, in a stable order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. A record that cannot be decoded is listed as
    /// [`Entry::Corrupt`]; it never hides the others.
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<(String, Entry)>, StoreError>;

    /// Removes the entry with this id (a conversation, team or person) and what hangs on it. False if there was none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn forget(&self, id: &str) -> Result<bool, StoreError>;

    /// Writes entries from an export or an import as they are; existing ones with the same key are replaced.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write; nothing is written then.
    async fn import(&self, entries: Vec<Entry>) -> Result<(), StoreError>;

    /// The bot id (`28:...`) this directory was filled for; `None` while it is empty of it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn bot_id(&self) -> Result<Option<String>, StoreError>;

    /// Binds the directory to a bot. References of another bot are useless, so a second, different bot is refused.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if it is bound to another bot.
    async fn bind_bot(&self, bot_id: &str) -> Result<(), StoreError>;

    /// Where Teams is called for people of a tenant whose own chat is not known: at the address that the last place of
    /// that tenant told. `None` when no place of it was ever heard of.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn service_url(&self, tenant_id: &str) -> Result<Option<String>, StoreError>;

    /// Why Teams refuses messages to the recipient with this id, if it does: a person by either id, a chat, a channel or
    /// a team.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn refusal(&self, id: &str) -> Result<Option<Refusal>, StoreError>;

    /// The block report in pages: up to `limit` rows after the one of the id `after`, in a stable order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read. A row that cannot be decoded is left out.
    async fn refusals(&self, after: Option<&str>, limit: usize) -> Result<Vec<Refusal>, StoreError>;

    /// What these people chose for themselves; who chose nothing is left out. Choices that cannot be decoded count as none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot be read.
    async fn choices(&self, keys: &[PersonKey]) -> Result<BTreeMap<PersonKey, Choices>, StoreError>;

    /// Replaces what a person chose; returns once it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the backend cannot write.
    async fn set_choices(&self, key: &PersonKey, choices: &Choices) -> Result<(), StoreError>;

    /// Finds whom `wanted` means: looks up what [`resolve`] asks for until it has an answer. The judgement is
    /// `resolve`'s alone; this only fetches. `tenant` is the bot's own, for people of whom only the Entra id is known.
    ///
    /// `tenant` is the bot's own: there people are reached of whom only the Entra object id is known.
    ///
    /// # Errors
    /// Those of [`Directory::look_up`].
    async fn audience(
        &self,
        wanted: &[Wanted],
        tenant: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Audience, StoreError> {
        self.audience_knowing(wanted, Known::in_tenant(tenant), now).await
    }

    /// As [`Directory::audience`], beginning with what is `known` already.
    ///
    /// # Errors
    /// Those of [`Directory::look_up`].
    async fn audience_knowing(
        &self,
        wanted: &[Wanted],
        mut known: Known,
        now: DateTime<Utc>,
    ) -> Result<Audience, StoreError> {
        loop {
            match resolve(wanted, &known, now) {
                Ok(mut audience) => {
                    // What the answers and the audience do not share is not needed any more.
                    drop(known);
                    for some in audience.reached.chunks_mut(AT_ONCE) {
                        let keys: Vec<PersonKey> = some.iter().filter_map(Reached::key).collect();
                        if !keys.is_empty() {
                            chosen(some, &self.choices(&keys).await?);
                        }
                    }
                    return Ok(audience);
                }
                Err(lookups) => {
                    for lookup in lookups {
                        let found = self.look_up(&lookup).await?;
                        known.add(lookup, found);
                    }
                }
            }
        }
    }
}

/// One record of the directory, as `targets export` writes it.
#[expect(
    clippy::large_enum_variant,
    reason = "a page of them lives at a time, and most are people and chats"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A personal or group chat.
    Conversation(Conversation),
    /// A team with its channels.
    Team(Team),
    /// A person.
    Person(Person),
    /// Who is in a team or group chat.
    Roster(Roster),
    /// What a person chose for themselves.
    Choices {
        /// Who.
        person: PersonKey,
        /// What.
        choices: Choices,
    },
    /// A record that could not be decoded: its key and what is wrong with it.
    Corrupt {
        /// The key it is stored under.
        key: String,
        /// What is wrong.
        problem: String,
    },
}
