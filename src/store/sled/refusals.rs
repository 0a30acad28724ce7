//! The rows of the block report: whom Teams refuses our messages to. Keyed by the id of the recipient.

use std::ops::Bound;

use chrono::{DateTime, Utc};
use tracing::warn;

use super::draft::{Draft, Table};
use super::shelf::{person, person_ids};
use crate::refusal::{Party, Refusal, Why};
use crate::roster::{Blocked, Conversation, ConversationKind, Person, Team};
use crate::store::StoreError;

const COUNT: &str = "refusals";
/// Rows kept. Ids of people that no directory knows can come out of events, as many as somebody likes to post.
const MOST: u64 = 100_000;

/// The row of a recipient; a person is found by either id.
pub(super) fn find(draft: &Draft<'_>, id: &str) -> Result<Option<Refusal>, StoreError> {
    for id in names(draft, id)? {
        if let Some(found) = read(draft, &id)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Up to `limit` rows after the one of `after`, in the order of their ids.
pub(super) fn list(draft: &Draft<'_>, after: Option<&str>, limit: usize) -> Result<Vec<Refusal>, StoreError> {
    let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.as_bytes()));
    let mut listed = Vec::new();
    for entry in draft.walk(Table::Refusal, from, Bound::Unbounded) {
        if listed.len() == limit {
            break;
        }
        let (id, _) = entry?;
        // A row that cannot be read says so in the log and hides no other.
        listed.extend(read(draft, &String::from_utf8_lossy(&id))?);
    }
    Ok(listed)
}

/// Teams refused a message.
pub(super) fn refused(draft: &mut Draft<'_>, newer: &Refusal) -> Result<(), StoreError> {
    match find(draft, &newer.id)? {
        Some(known) => {
            let row = known.followed_by(newer);
            if known.id != row.id {
                remove(draft, &known.id)?;
                return put_new(draft, &row);
            }
            draft.put(Table::Refusal, &row.id, &row)
        }
        None => put_new(draft, newer),
    }
}

/// A message was not tried because of a row.
pub(super) fn missed(draft: &mut Draft<'_>, id: &str, delivery: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
    match find(draft, id)? {
        Some(known) => draft.put(Table::Refusal, &known.id, &known.missing(delivery, at)),
        None => Ok(()),
    }
}

/// The refusal is over, and with it the mark that the chat carries.
pub(super) fn reached(draft: &mut Draft<'_>, id: &str) -> Result<(), StoreError> {
    for id in names(draft, id)? {
        remove(draft, &id)?;
    }
    Ok(())
}

/// Somebody wrote in this chat, or the bot was installed there.
pub(super) fn heard_in_chat(draft: &mut Draft<'_>, chat: &Conversation) -> Result<(), StoreError> {
    remove(draft, chat.id.as_str())?;
    match (&chat.kind, &chat.person) {
        (ConversationKind::Personal, Some(described)) => heard_of_person(draft, described),
        _ => Ok(()),
    }
}

/// There is a new way to this person, or one that works.
pub(super) fn heard_of_person(draft: &mut Draft<'_>, described: &Person) -> Result<(), StoreError> {
    for id in person_ids(described) {
        reached(draft, &id)?;
    }
    Ok(())
}

/// The bot is in this team. Rights to write in its channels are another matter.
pub(super) fn heard_in_team(draft: &mut Draft<'_>, team: &Team) -> Result<(), StoreError> {
    for id in std::iter::once(&team.id).chain(team.channels.iter().map(|channel| &channel.id)) {
        let row = read(draft, id)?;
        if row.is_some_and(|row| row.why == Why::NotInstalled) {
            remove(draft, id)?;
        }
    }
    Ok(())
}

/// A chat that came with an import and carries the mark has a row of its own.
pub(super) fn imported(draft: &mut Draft<'_>, chat: &Conversation, blocked: &Blocked) -> Result<(), StoreError> {
    let person = chat.person.as_ref();
    let id = person.and_then(|person| person_ids(person).into_iter().next());
    let name = chat
        .name
        .clone()
        .or_else(|| person.and_then(|person| person.name.clone()));
    let row = Refusal {
        id: id.unwrap_or_else(|| chat.id.as_str().to_owned()),
        party: match chat.kind {
            ConversationKind::Personal => Party::Person,
            ConversationKind::GroupChat => Party::GroupChat,
            ConversationKind::Channel => Party::Channel,
        },
        name: name.unwrap_or_else(|| chat.id.as_str().to_owned()),
        why: Why::Blocked,
        code: blocked.code.clone(),
        said: "imported".to_owned(),
        since: blocked.since,
        asked_at: blocked.since,
        last_at: blocked.since,
        missed: 0,
        delivery: String::new(),
    };
    match find(draft, &row.id)? {
        Some(_) => Ok(()),
        None => put_new(draft, &row),
    }
}

/// Removes the row of exactly this id.
pub(super) fn remove(draft: &mut Draft<'_>, id: &str) -> Result<(), StoreError> {
    if draft.remove(Table::Refusal, id)? {
        let rows = count(draft)?.saturating_sub(1);
        draft.put(Table::Meta, COUNT, &rows)?;
    }
    Ok(())
}

fn put_new(draft: &mut Draft<'_>, row: &Refusal) -> Result<(), StoreError> {
    let rows = count(draft)?;
    if rows >= MOST {
        warn!(
            recipient = row.name,
            "the block report is full, this recipient is not in it"
        );
        return Ok(());
    }
    draft.put(Table::Meta, COUNT, &(rows + 1))?;
    draft.put(Table::Refusal, &row.id, row)
}

fn count(draft: &Draft<'_>) -> Result<u64, StoreError> {
    let count = draft.get(Table::Meta, COUNT)?.or_missing(Table::Meta, COUNT);
    Ok(count.unwrap_or(0))
}

fn read(draft: &Draft<'_>, id: &str) -> Result<Option<Refusal>, StoreError> {
    Ok(draft.get(Table::Refusal, id)?.or_missing(Table::Refusal, id))
}

/// The id, and the other one of a person.
fn names(draft: &Draft<'_>, id: &str) -> Result<Vec<String>, StoreError> {
    let mut names = vec![id.to_owned()];
    if let Some(known) = person(draft, id)? {
        names.extend(person_ids(&known).into_iter().filter(|other| other != id));
    }
    Ok(names)
}
