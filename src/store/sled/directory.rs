//! The directory over sled: hands each call to the desk and reads beside it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;

use super::draft::{Draft, Read, Table};
use super::shelf::{self, by_term, caseless, read};
use super::writer::{Desk, Growth};
use super::{choices, facts, refusals};
use crate::audience::{Audience, Found, Lookup, PersonRef, PlaceRef};
use crate::choice::{Choices, PersonKey};
use crate::refusal::Refusal;
use crate::roster::{Conversation, ConversationId, ConversationKind, Fact, Person, Team};
use crate::store::directory::Entry;
use crate::store::{Directory, StoreError};

const BOT: &str = "bot";

/// See [`Directory`].
pub(super) struct SledDirectory {
    pub(super) desk: Arc<Desk>,
}

#[async_trait]
impl Directory for SledDirectory {
    async fn learn(&self, facts: &[Fact]) -> Result<(), StoreError> {
        let facts = facts.to_vec();
        self.desk
            .write(Growth::TakesIn, move |draft| {
                facts.iter().try_for_each(|fact| facts::apply(draft, fact))
            })
            .await
    }

    async fn look_up(&self, lookup: &Lookup) -> Result<Found, StoreError> {
        let lookup = lookup.clone();
        self.desk.read(move |draft| look_up(draft, &lookup)).await
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<(String, Entry)>, StoreError> {
        let after = after.map(str::to_owned);
        self.desk.read(move |draft| list(draft, after.as_deref(), limit)).await
    }

    async fn forget(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.desk
            .write(Growth::Finishes, move |draft| facts::forget(draft, &id))
            .await
    }

    async fn import(&self, entries: Vec<Entry>) -> Result<(), StoreError> {
        self.desk
            .write(Growth::TakesIn, move |draft| {
                entries.into_iter().try_for_each(|entry| facts::import(draft, entry))
            })
            .await
    }

    async fn bot_id(&self) -> Result<Option<String>, StoreError> {
        self.desk.read(bot_id).await
    }

    async fn service_url(&self, tenant_id: &str) -> Result<Option<String>, StoreError> {
        let tenant_id = tenant_id.to_owned();
        self.desk.read(move |draft| facts::service_url(draft, &tenant_id)).await
    }

    async fn refusal(&self, id: &str) -> Result<Option<Refusal>, StoreError> {
        let id = id.to_owned();
        self.desk.read(move |draft| refusals::find(draft, &id)).await
    }

    async fn refusals(&self, after: Option<&str>, limit: usize) -> Result<Vec<Refusal>, StoreError> {
        let after = after.map(str::to_owned);
        self.desk
            .read(move |draft| refusals::list(draft, after.as_deref(), limit))
            .await
    }

    async fn choices(&self, keys: &[PersonKey]) -> Result<BTreeMap<PersonKey, Choices>, StoreError> {
        let keys = keys.to_vec();
        self.desk.read(move |draft| choices::get(draft, &keys)).await
    }

    async fn set_choices(&self, key: &PersonKey, choices: &Choices) -> Result<(), StoreError> {
        let (key, choices) = (key.clone(), choices.clone());
        self.desk
            .write(Growth::TakesIn, move |draft| choices::set(draft, &key, &choices))
            .await
    }

    async fn bind_bot(&self, bot_id: &str) -> Result<(), StoreError> {
        let wanted = bot_id.to_owned();
        self.desk
            .write(Growth::TakesIn, move |draft| match self::bot_id(draft)? {
                Some(bound) if bound.eq_ignore_ascii_case(&wanted) => Ok(()),
                Some(bound) => Err(StoreError::Refused(format!(
                    "this store was filled for the bot `{bound}`, and `{wanted}` cannot use its conversations: set \
                     `bot.app_id` back, or give the new bot a store of its own"
                ))),
                None => draft.put(Table::Meta, BOT, &wanted),
            })
            .await
    }
}

fn bot_id(draft: &Draft<'_>) -> Result<Option<String>, StoreError> {
    draft
        .get(Table::Meta, BOT)?
        .or_corrupt("the bot that this store belongs to")
}

fn look_up(draft: &Draft<'_>, lookup: &Lookup) -> Result<Found, StoreError> {
    Ok(match lookup {
        Lookup::Person(wanted) => Found::People(people(draft, wanted)?),
        Lookup::Team(wanted) => Found::Teams(teams(draft, wanted)?),
        Lookup::GroupChat(PlaceRef::Id(id)) => {
            let chat = shelf::conversation(draft, &ConversationId::new(id))?;
            Found::GroupChats(chat.into_iter().filter(is_group_chat).collect())
        }
        Lookup::GroupChat(PlaceRef::Name(name)) => {
            let chats: Vec<Conversation> = by_term(draft, Table::ChatByName, &caseless(name))?;
            Found::GroupChats(chats.into_iter().filter(is_group_chat).collect())
        }
        Lookup::Conversation(id) => Found::Conversation(shelf::conversation(draft, id)?),
        Lookup::PersonalChat(id) => Found::Conversation(shelf::personal_chat(draft, id)?),
        Lookup::Roster(id) => {
            let roster = shelf::roster(draft, id)?;
            Found::Roster(roster.or_missing(Table::Roster, id))
        }
        Lookup::Everyone => Found::People(everyone(draft)?),
    })
}

/// The other sides of the personal chats, one more than an audience may have at most. A chat that cannot be read hides
/// only itself.
fn everyone(draft: &Draft<'_>) -> Result<Vec<Person>, StoreError> {
    let mut people = Vec::new();
    for entry in draft.walk(Table::Conversation, Bound::Unbounded, Bound::Unbounded) {
        let (id, _) = entry?;
        let id = String::from_utf8_lossy(&id);
        let Read::Found(mut chat) = draft.get::<Conversation>(Table::Conversation, id.as_ref())? else {
            continue;
        };
        if chat.kind != ConversationKind::Personal {
            continue;
        }
        shelf::describe(draft, &mut chat)?;
        people.extend(chat.person.map(|person| Person {
            tenant_id: match person.tenant_id.is_empty() {
                true => chat.tenant_id,
                false => person.tenant_id.clone(),
            },
            ..person
        }));
        if people.len() > Audience::MOST_REACHED {
            break;
        }
    }
    Ok(people)
}

fn is_group_chat(conversation: &Conversation) -> bool {
    conversation.kind == ConversationKind::GroupChat
}

fn people(draft: &Draft<'_>, wanted: &PersonRef) -> Result<Vec<Person>, StoreError> {
    match wanted {
        PersonRef::AadObjectId(id) | PersonRef::AccountId(id) => Ok(shelf::person(draft, id)?.into_iter().collect()),
        PersonRef::Email(address) => by_term(draft, Table::PersonByEmail, &caseless(address)),
        PersonRef::Name(name) => by_term(draft, Table::PersonByName, &caseless(name)),
    }
}

fn teams(draft: &Draft<'_>, wanted: &PlaceRef) -> Result<Vec<Team>, StoreError> {
    match wanted {
        PlaceRef::Id(id) => {
            let id = ConversationId::new(id);
            if let Some(team) = read(draft, id.as_str().as_bytes())? {
                return Ok(vec![team]);
            }
            let by_group = by_term(draft, Table::TeamByGroup, &caseless(id.as_str()))?;
            if !by_group.is_empty() {
                return Ok(by_group);
            }
            by_term(draft, Table::TeamByChannel, id.as_str())
        }
        PlaceRef::Name(name) => by_term(draft, Table::TeamByName, &caseless(name)),
    }
}

/// One kind of entry: the word before the `/` of its keys, where it lies, and how it is read.
struct Kind {
    word: &'static str,
    table: Table,
    read: fn(&Draft<'_>, &str) -> Result<Read<Entry>, StoreError>,
}

/// The kinds in the order of the list.
const KINDS: [Kind; 5] = [
    Kind {
        word: "choices",
        table: Table::Choices,
        read: |draft, id| {
            let found: Read<Choices> = draft.get(Table::Choices, id)?;
            Ok(found.map(|choices| Entry::Choices {
                person: PersonKey::known(id),
                choices,
            }))
        },
    },
    Kind {
        word: "conversation",
        table: Table::Conversation,
        read: |draft, id| {
            let mut found: Read<Conversation> = draft.get(Table::Conversation, id)?;
            if let Read::Found(conversation) = &mut found {
                shelf::describe(draft, conversation)?;
            }
            Ok(found.map(Entry::Conversation))
        },
    },
    Kind {
        word: "person",
        table: Table::Person,
        read: |draft, id| Ok(draft.get(Table::Person, id)?.map(Entry::Person)),
    },
    Kind {
        word: "roster",
        table: Table::Roster,
        read: |draft, id| Ok(shelf::roster(draft, id)?.map(Entry::Roster)),
    },
    Kind {
        word: "team",
        table: Table::Team,
        read: |draft, id| Ok(draft.get(Table::Team, id)?.map(Entry::Team)),
    },
];

fn list(draft: &Draft<'_>, after: Option<&str>, limit: usize) -> Result<Vec<(String, Entry)>, StoreError> {
    let (after_word, after_id) = after.map_or(("", ""), |after| after.split_once('/').unwrap_or((after, "")));
    let mut listed = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.word >= after_word) {
        let from = if kind.word == after_word {
            Bound::Excluded(after_id.as_bytes())
        } else {
            Bound::Unbounded
        };
        for entry in draft.walk(kind.table, from, Bound::Unbounded) {
            if listed.len() == limit {
                return Ok(listed);
            }
            let (id, _) = entry?;
            let id = String::from_utf8_lossy(&id);
            let key = format!("{}/{id}", kind.word);
            match (kind.read)(draft, &id)? {
                Read::Found(entry) => listed.push((key, entry)),
                // It went while the list was made.
                Read::Missing => {}
                Read::Damaged(damage) => {
                    let problem = damage.to_string();
                    listed.push((key.clone(), Entry::Corrupt { key, problem }));
                }
            }
        }
    }
    Ok(listed)
}
