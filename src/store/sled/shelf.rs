//! The directory's records and the indexes that find them.
//!
//! An index entry is a term and the key of a record. It is only a hint: the record is read and asked whether it still
//! goes by that term, so a name that was given up never leads to its former owner.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::draft::{Draft, Read, Table};
use super::ledger::term;
use crate::roster::{Conversation, ConversationId, ConversationKind, Person, Roster, Team};
use crate::store::StoreError;

/// The longest part of a name that an index holds, in bytes: the record has the rest.
const TERM: usize = 200;

/// A record that is found by more than its key.
pub(super) trait Shelved: Serialize + DeserializeOwned + Clone + PartialEq {
    /// Where it lies.
    const TABLE: Table;

    /// Its key there.
    fn key(&self) -> Vec<u8>;

    /// The terms it goes by.
    fn terms(&self) -> Vec<(Table, String)>;
}

impl Shelved for Person {
    const TABLE: Table = Table::Person;

    fn key(&self) -> Vec<u8> {
        self.aad_object_id
            .as_ref()
            .or(self.account_id.as_ref())
            .map(|id| id.as_bytes().to_vec())
            .unwrap_or_default()
    }

    fn terms(&self) -> Vec<(Table, String)> {
        let mut terms = Vec::new();
        if self.aad_object_id.is_some() {
            terms.extend(self.account_id.clone().map(|id| (Table::PersonByAccount, id)));
        }
        for address in [&self.email, &self.user_principal_name].into_iter().flatten() {
            terms.push((Table::PersonByEmail, caseless(address)));
        }
        terms.extend(self.name.as_ref().map(|name| (Table::PersonByName, caseless(name))));
        terms
    }
}

impl Shelved for Conversation {
    const TABLE: Table = Table::Conversation;

    fn key(&self) -> Vec<u8> {
        self.id.as_str().as_bytes().to_vec()
    }

    fn terms(&self) -> Vec<(Table, String)> {
        match self.kind {
            ConversationKind::Personal => self
                .person
                .iter()
                .flat_map(person_ids)
                .map(|id| (Table::ChatByPerson, id))
                .collect(),
            ConversationKind::GroupChat => self
                .name
                .iter()
                .map(|name| (Table::ChatByName, caseless(name)))
                .collect(),
            ConversationKind::Channel => Vec::new(),
        }
    }
}

impl Shelved for Team {
    const TABLE: Table = Table::Team;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn terms(&self) -> Vec<(Table, String)> {
        let mut terms = Vec::new();
        terms.extend(self.name.as_ref().map(|name| (Table::TeamByName, caseless(name))));
        terms.extend(self.aad_group_id.as_ref().map(|id| (Table::TeamByGroup, caseless(id))));
        let channels = self.channels.iter().map(|channel| &channel.id);
        terms.extend(
            channels
                .chain(&self.selected_channel)
                .map(|id| (Table::TeamByChannel, id.clone())),
        );
        terms
    }
}

/// The part of a roster that is not its members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RosterHead {
    pub(super) fetched_at: DateTime<Utc>,
    pub(super) stale: bool,
}

/// One member of a roster, by reference: the person's own record says the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) aad_object_id: Option<String>,
    pub(super) account_id: Option<String>,
}

/// Writes a record and makes its terms lead to it, given what was there before.
pub(super) fn save<R: Shelved>(draft: &mut Draft<'_>, before: Option<&R>, after: &R) -> Result<(), StoreError> {
    if before == Some(after) {
        return Ok(());
    }
    let old = before.map(marks).unwrap_or_default();
    let new = marks(after);
    for mark in &old {
        if !new.contains(mark) {
            draft.unmark(mark.clone());
        }
    }
    for mark in new {
        if !old.contains(&mark) {
            draft.mark(mark, Vec::new());
        }
    }
    if let Some(before) = before.filter(|before| before.key() != after.key()) {
        draft.remove(R::TABLE, before.key())?;
    }
    draft.put(R::TABLE, after.key(), after)
}

/// Removes a record and its terms.
pub(super) fn erase<R: Shelved>(draft: &mut Draft<'_>, record: &R) -> Result<(), StoreError> {
    for mark in marks(record) {
        draft.unmark(mark);
    }
    draft.remove(R::TABLE, record.key()).map(drop)
}

/// The record under `key`; one that cannot be decoded counts as missing.
pub(super) fn read<R: Shelved>(draft: &Draft<'_>, key: &[u8]) -> Result<Option<R>, StoreError> {
    Ok(draft.get(R::TABLE, key)?.or_missing(R::TABLE, key))
}

/// The records that go by `wanted` in the index `table`.
pub(super) fn by_term<R: Shelved>(draft: &Draft<'_>, table: Table, wanted: &str) -> Result<Vec<R>, StoreError> {
    let mut found: Vec<R> = Vec::new();
    let prefix = term(cut(wanted));
    for (key, _) in draft.scan(table, &prefix)? {
        let record: Option<R> = read(draft, &key[prefix.len()..])?;
        let still = |record: &R| {
            record
                .terms()
                .iter()
                .any(|(index, term)| *index == table && term == wanted)
        };
        found.extend(record.filter(still));
    }
    Ok(found)
}

/// The person with this Entra object id or account id.
pub(super) fn person(draft: &Draft<'_>, id: &str) -> Result<Option<Person>, StoreError> {
    if let Some(person) = read(draft, id.as_bytes())? {
        return Ok(Some(person));
    }
    // Object ids are GUIDs, stored in lower case; account ids keep theirs.
    let lower = id.to_lowercase();
    if lower != id
        && let Some(person) = read(draft, lower.as_bytes())?
    {
        return Ok(Some(person));
    }
    Ok(by_term(draft, Table::PersonByAccount, id)?.pop())
}

/// The person that has one of the ids of `described`.
pub(super) fn same_person(draft: &Draft<'_>, described: &Person) -> Result<Option<Person>, StoreError> {
    for id in person_ids(described) {
        if let Some(known) = person(draft, &id)? {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

/// The ids a person has.
pub(super) fn person_ids(person: &Person) -> Vec<String> {
    [&person.aad_object_id, &person.account_id]
        .into_iter()
        .flatten()
        .cloned()
        .collect()
}

/// The chat to write to a person: one that is not blocked rather than one that is, then the one heard from last.
pub(super) fn personal_chat(draft: &Draft<'_>, id: &str) -> Result<Option<Conversation>, StoreError> {
    Ok(personal_chats(draft, id)?
        .into_iter()
        .max_by_key(|chat| (chat.blocked.is_none(), chat.last_seen, Reverse(chat.id.clone()))))
}

/// Every personal chat of a person, whichever of the person's ids each was told with.
pub(super) fn personal_chats(draft: &Draft<'_>, id: &str) -> Result<Vec<Conversation>, StoreError> {
    let mut ids = vec![id.to_owned()];
    if let Some(person) = person(draft, id)? {
        ids = person_ids(&person);
    }
    let mut chats: Vec<Conversation> = Vec::new();
    for id in ids {
        for chat in by_term::<Conversation>(draft, Table::ChatByPerson, &id)? {
            if !chats.iter().any(|known| known.id == chat.id) {
                chats.push(chat);
            }
        }
    }
    for chat in &mut chats {
        describe(draft, chat)?;
    }
    Ok(chats)
}

/// A conversation, with what is known now of the person at its other end.
pub(super) fn conversation(draft: &Draft<'_>, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
    let Some(mut conversation) = read::<Conversation>(draft, id.as_str().as_bytes())? else {
        return Ok(None);
    };
    describe(draft, &mut conversation)?;
    Ok(Some(conversation))
}

/// Puts what is known now of the person at the other end into `conversation`.
pub(super) fn describe(draft: &Draft<'_>, conversation: &mut Conversation) -> Result<(), StoreError> {
    if let Some(described) = &conversation.person
        && let Some(known) = same_person(draft, described)?
    {
        conversation.person = Some(known);
    }
    Ok(())
}

/// A roster with what is known now of its members. One with a member that was forgotten since is stale: only Teams
/// can say who that is.
pub(super) fn roster(draft: &Draft<'_>, id: &str) -> Result<Read<Roster>, StoreError> {
    let head: RosterHead = match draft.get(Table::Roster, id)? {
        Read::Found(head) => head,
        Read::Missing => return Ok(Read::Missing),
        Read::Damaged(damage) => return Ok(Read::Damaged(damage)),
    };
    let mut roster = Roster {
        id: id.to_owned(),
        members: Vec::new(),
        fetched_at: head.fetched_at,
        stale: head.stale,
    };
    // One by one: whoever asks for a roster of a hundred thousand holds them all, and need not hold them twice.
    for entry in draft.each_under(Table::Member, term(id))? {
        let (key, _) = entry?;
        let member: Option<Member> = draft.get(Table::Member, &key)?.or_missing(Table::Member, &key);
        let reference = member.map(|member| Person {
            aad_object_id: member.aad_object_id,
            account_id: member.account_id,
            ..Person::default()
        });
        let known = match reference {
            Some(reference) => same_person(draft, &reference)?,
            None => None,
        };
        match known {
            Some(person) => roster.members.push(person),
            None => roster.stale = true,
        }
    }
    Ok(Read::Found(roster))
}

/// A member's key and record; `None` for a record that cannot be decoded.
type Entry = (Vec<u8>, Option<Member>);

/// The members of a roster, in order.
pub(super) fn members(draft: &Draft<'_>, id: &str) -> Result<Vec<Entry>, StoreError> {
    draft
        .scan(Table::Member, term(id))?
        .into_iter()
        .map(|(key, _)| {
            let member = draft.get(Table::Member, &key)?.or_missing(Table::Member, &key);
            Ok((key, member))
        })
        .collect()
}

/// Writes a roster; its people are written elsewhere.
pub(super) fn save_roster(draft: &mut Draft<'_>, roster: &Roster) -> Result<(), StoreError> {
    let head = RosterHead {
        fetched_at: roster.fetched_at,
        stale: roster.stale,
    };
    let mut left = members(draft, &roster.id)?.into_iter();
    for (place, person) in (0u32..).zip(&roster.members) {
        let key = [term(&roster.id), place.to_be_bytes().to_vec()].concat();
        let member = Member {
            aad_object_id: person.aad_object_id.clone(),
            account_id: person.account_id.clone(),
        };
        let same = left
            .as_slice()
            .first()
            .is_some_and(|(old_key, old)| *old_key == key && old.as_ref() == Some(&member));
        if same {
            left.next();
            continue;
        }
        draft.put(Table::Member, &key, &member)?;
        if left.as_slice().first().is_some_and(|(old_key, _)| *old_key == key) {
            left.next();
        }
    }
    for (key, _) in left {
        draft.remove(Table::Member, key)?;
    }
    match draft.get::<RosterHead>(Table::Roster, &roster.id)? {
        Read::Found(known) if known == head => Ok(()),
        Read::Found(_) | Read::Missing | Read::Damaged(_) => draft.put(Table::Roster, &roster.id, &head),
    }
}

/// Removes a roster; false if there was none.
pub(super) fn erase_roster(draft: &mut Draft<'_>, id: &str) -> Result<bool, StoreError> {
    for (key, _) in members(draft, id)? {
        draft.remove(Table::Member, key)?;
    }
    draft.remove(Table::Roster, id)
}

/// A text as names are compared: without case, without blanks around it.
pub(super) fn caseless(text: &str) -> String {
    text.trim().to_lowercase()
}

fn marks<R: Shelved>(record: &R) -> Vec<Vec<u8>> {
    let mut marks: Vec<Vec<u8>> = record
        .terms()
        .into_iter()
        .map(|(table, text)| table.key([term(cut(&text)), record.key()].concat()))
        .collect();
    marks.sort();
    marks.dedup();
    marks
}

/// The beginning of a text that an index holds.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(TERM);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
