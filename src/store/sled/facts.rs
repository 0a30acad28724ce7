//! What each fact changes. Facts add and correct; a field that a fact leaves out keeps what is known.

use super::draft::{Draft, Read, Table};
use super::shelf::{
    Member, RosterHead, Shelved, by_term, erase, erase_roster, members, person, person_ids, personal_chats, read,
    same_person, save, save_roster,
};
use super::{choices, refusals};
use crate::choice::{Choices, PersonKey};
use crate::roster::{Blocked, Channel, Conversation, ConversationId, ConversationKind, Fact, Person, Roster, Team};
use crate::store::StoreError;
use crate::store::directory::Entry;

/// Applies one fact. Facts about a team, chat or roster that is not known change nothing, except those that bring
/// everything needed to know it.
pub(super) fn apply(draft: &mut Draft<'_>, fact: &Fact) -> Result<(), StoreError> {
    match fact {
        Fact::ConversationSeen(seen) => match seen.kind {
            ConversationKind::Personal | ConversationKind::GroupChat => conversation_seen(draft, seen),
            ConversationKind::Channel => channel_as_conversation(draft, seen),
        },
        Fact::ConversationGone { id } => forget_conversation(draft, id).map(drop),
        Fact::TeamSeen(team) => team_seen(draft, team),
        Fact::TeamGone { id } => forget_team(draft, id).map(drop),
        Fact::TeamRenamed { id, name } => change_team(draft, id, |team| team.name = Some(name.clone())),
        Fact::TeamArchived { id, archived } => change_team(draft, id, |team| team.archived = *archived),
        Fact::ChannelSeen { team_id, channel } => change_team(draft, team_id, |team| channel_seen(team, channel)),
        Fact::ChannelGone { team_id, channel_id } => change_team(draft, team_id, |team| {
            let channel = team.channels.iter_mut().find(|channel| channel.id == *channel_id);
            if let Some(channel) = channel {
                channel.deleted = true;
            }
        }),
        Fact::ChannelsFetched { team_id, channels, at } => change_team(draft, team_id, |team| {
            for known in &mut team.channels {
                // Kept and marked, so that a rule that names it is told why it cannot be reached.
                known.deleted = true;
            }
            for channel in channels {
                channel_seen(team, channel);
            }
            team.channels_fetched_at = Some(*at);
        }),
        Fact::PersonSeen(seen) => person_seen(draft, seen).map(drop),
        Fact::PersonGone { id } => forget_person(draft, id).map(drop),
        Fact::AppRemoved { id, at } => {
            let key = whose(draft, id)?;
            choices::change(draft, &key, |choices| {
                // One removal is told twice.
                choices.removed_app = choices.removed_app.or(Some(*at));
            })
        }
        Fact::AppThere { id } => {
            let key = whose(draft, id)?;
            choices::change(draft, &key, |choices| choices.removed_app = None)
        }
        Fact::RosterChanged { id, left } => roster_changed(draft, id, left),
        Fact::RosterFetched(fetched) => {
            for member in &fetched.members {
                person_seen(draft, member)?;
            }
            let mut fetched = fetched.clone();
            fetched.stale = false;
            put_roster(draft, fetched)
        }
        Fact::Blocked { id, blocked } => block(draft, id, blocked),
        Fact::Refused(refusal) => refusals::refused(draft, refusal),
        Fact::Missed { id, delivery, at } => refusals::missed(draft, id, delivery, *at),
        Fact::Reached { id } => {
            refusals::reached(draft, id)?;
            for chat in personal_chats(draft, id)? {
                unblock(draft, &chat.id)?;
            }
            unblock(draft, &ConversationId::new(id))
        }
        Fact::RostersInDoubt => rosters_in_doubt(draft),
        Fact::HostMoved {
            tenant_id,
            id,
            service_url,
        } => host_moved(draft, tenant_id, id, service_url),
    }
}

/// Writes one entry as it is.
pub(super) fn import(draft: &mut Draft<'_>, entry: Entry) -> Result<(), StoreError> {
    match entry {
        Entry::Conversation(mut imported) => {
            if imported.kind == ConversationKind::Channel {
                return Ok(());
            }
            if let Some(person) = &mut imported.person {
                tidy(person);
                introduce(draft, person)?;
            }
            if let Some(blocked) = &imported.blocked {
                refusals::imported(draft, &imported, blocked)?;
            }
            let before: Option<Conversation> = read(draft, imported.id.as_str().as_bytes())?;
            save(draft, before.as_ref(), &imported)
        }
        Entry::Team(mut team) => {
            with_general(&mut team);
            let before: Option<Team> = read(draft, team.id.as_bytes())?;
            save(draft, before.as_ref(), &team)
        }
        Entry::Person(mut imported) => {
            tidy(&mut imported);
            if person_ids(&imported).is_empty() {
                return Ok(());
            }
            let before = one_person(draft, &imported)?;
            save(draft, before.as_ref(), &imported)
        }
        Entry::Roster(roster) => {
            for member in &roster.members {
                let mut member = member.clone();
                tidy(&mut member);
                introduce(draft, &member)?;
            }
            put_roster(draft, roster)
        }
        Entry::Choices { person, choices } => choices::set(draft, &person, &choices),
        // It had no content when it was exported, so there is none to bring back.
        Entry::Corrupt { key: _, problem: _ } => Ok(()),
    }
}

fn conversation_seen(draft: &mut Draft<'_>, seen: &Conversation) -> Result<(), StoreError> {
    let mut seen = seen.clone();
    if let Some(described) = &seen.person {
        seen.person = Some(match person_seen(draft, described)? {
            Some(known) => known,
            None => described.clone(),
        });
    }
    let before: Option<Conversation> = read(draft, seen.id.as_str().as_bytes())?;
    if let Some(known) = &before {
        seen.service_url = nonempty(&seen.service_url, &known.service_url);
        seen.tenant_id = nonempty(&seen.tenant_id, &known.tenant_id);
        seen.bot_id = nonempty(&seen.bot_id, &known.bot_id);
        seen.team_id = seen.team_id.or_else(|| known.team_id.clone());
        seen.name = seen.name.or_else(|| known.name.clone());
        seen.installed_by = seen.installed_by.or_else(|| known.installed_by.clone());
        seen.person = seen.person.or_else(|| known.person.clone());
        seen.first_seen = seen.first_seen.min(known.first_seen);
        seen.last_seen = seen.last_seen.max(known.last_seen);
    }
    seen.blocked = None;
    refusals::heard_in_chat(draft, &seen)?;
    keep_service_url(draft, &seen.tenant_id, &seen.service_url)?;
    save(draft, before.as_ref(), &seen)
}

fn service_url_key(tenant_id: &str) -> String {
    format!("service_url/{tenant_id}")
}

/// Where Teams was last called from for this tenant.
pub(super) fn service_url(draft: &Draft<'_>, tenant_id: &str) -> Result<Option<String>, StoreError> {
    draft
        .get(Table::Meta, service_url_key(tenant_id))?
        .or_corrupt("the address of Teams for a tenant")
}

fn keep_service_url(draft: &mut Draft<'_>, tenant_id: &str, heard: &str) -> Result<(), StoreError> {
    let known = draft.get::<String>(Table::Meta, service_url_key(tenant_id))?;
    if heard.is_empty() || matches!(&known, Read::Found(known) if known == heard) {
        return Ok(());
    }
    draft.put(Table::Meta, service_url_key(tenant_id), &heard.to_owned())
}

/// A channel that an activity named is a channel of its team; the team is learnt on the way if it was not known, which
/// heals a store that was lost.
fn channel_as_conversation(draft: &mut Draft<'_>, seen: &Conversation) -> Result<(), StoreError> {
    let Some(team_id) = &seen.team_id else {
        return Ok(());
    };
    let team = Team {
        id: team_id.clone(),
        tenant_id: seen.tenant_id.clone(),
        name: None,
        aad_group_id: None,
        service_url: seen.service_url.clone(),
        bot_id: seen.bot_id.clone(),
        selected_channel: None,
        installed_by: seen.installed_by.clone(),
        archived: false,
        channels: vec![Channel {
            id: seen.id.as_str().to_owned(),
            name: seen.name.clone(),
            deleted: false,
        }],
        channels_fetched_at: None,
        first_seen: seen.first_seen,
        last_seen: seen.last_seen,
    };
    team_seen(draft, &team)
}

fn team_seen(draft: &mut Draft<'_>, seen: &Team) -> Result<(), StoreError> {
    let mut team = seen.clone();
    team.id = without_thread(&seen.id);
    team.selected_channel = seen.selected_channel.as_deref().map(without_thread);
    adopt(draft, &team)?;
    let before: Option<Team> = read(draft, team.id.as_bytes())?;
    team.channels = before.as_ref().map(|known| known.channels.clone()).unwrap_or_default();
    for channel in &seen.channels {
        channel_seen(&mut team, channel);
    }
    if let Some(known) = &before {
        team.tenant_id = nonempty(&team.tenant_id, &known.tenant_id);
        team.service_url = nonempty(&team.service_url, &known.service_url);
        team.bot_id = nonempty(&team.bot_id, &known.bot_id);
        team.name = team.name.or_else(|| known.name.clone());
        team.aad_group_id = team.aad_group_id.or_else(|| known.aad_group_id.clone());
        team.selected_channel = team.selected_channel.or_else(|| known.selected_channel.clone());
        team.installed_by = team.installed_by.or_else(|| known.installed_by.clone());
        // An activity that happens to mention the team does not know; only `TeamArchived` says that this ended.
        team.archived |= known.archived;
        team.channels_fetched_at = team.channels_fetched_at.or(known.channels_fetched_at);
        team.first_seen = team.first_seen.min(known.first_seen);
        team.last_seen = team.last_seen.max(known.last_seen);
    }
    with_general(&mut team);
    refusals::heard_in_team(draft, &team)?;
    keep_service_url(draft, &team.tenant_id, &team.service_url)?;
    save(draft, before.as_ref(), &team)
}

/// An import can only file a team under the channel it was installed into. Now that Teams says which team that
/// channel belongs to, the stand-in goes: nothing would ever remove it.
fn adopt(draft: &mut Draft<'_>, team: &Team) -> Result<(), StoreError> {
    let channels = team.channels.iter().map(|channel| &channel.id);
    let ids: Vec<String> = channels.chain(&team.selected_channel).cloned().collect();
    for id in ids.iter().filter(|id| **id != team.id) {
        if read::<Team>(draft, id.as_bytes())?.is_some() {
            forget_team(draft, id)?;
        }
    }
    Ok(())
}

/// General is always there, under the team's own id; its name is the absence of one.
fn with_general(team: &mut Team) {
    match team.channels.iter_mut().find(|channel| channel.id == team.id) {
        Some(general) => {
            general.name = None;
            general.deleted = false;
        }
        None => team.channels.insert(
            0,
            Channel {
                id: team.id.clone(),
                name: None,
                deleted: false,
            },
        ),
    }
}

fn change_team(draft: &mut Draft<'_>, id: &str, change: impl FnOnce(&mut Team)) -> Result<(), StoreError> {
    let Some(before) = read::<Team>(draft, without_thread(id).as_bytes())? else {
        return Ok(());
    };
    let mut team = before.clone();
    change(&mut team);
    with_general(&mut team);
    save(draft, Some(&before), &team)
}

fn channel_seen(team: &mut Team, seen: &Channel) {
    let id = without_thread(&seen.id);
    match team.channels.iter_mut().find(|channel| channel.id == id) {
        Some(known) => {
            known.name = seen.name.clone().or_else(|| known.name.take());
            known.deleted = seen.deleted;
        }
        None => team.channels.push(Channel { id, ..seen.clone() }),
    }
}

/// Learns of a person; the person as known then, or `None` for one without an id, whom nobody could write to.
fn person_seen(draft: &mut Draft<'_>, seen: &Person) -> Result<Option<Person>, StoreError> {
    let mut seen = seen.clone();
    tidy(&mut seen);
    if person_ids(&seen).is_empty() {
        return Ok(None);
    }
    let before = one_person(draft, &seen)?;
    let after = match &before {
        Some(known) => overlaid(known, seen),
        None => seen,
    };
    save(draft, before.as_ref(), &after)?;
    let had_account = before.is_some_and(|known| known.account_id.is_some());
    if after.account_id.is_some() && !had_account {
        // By this id people can be written to whom their Entra id does not reach.
        refusals::heard_of_person(draft, &after)?;
    }
    Ok(Some(after))
}

/// The key of what the person with this id chose, who may be known by another id.
fn whose(draft: &Draft<'_>, id: &str) -> Result<PersonKey, StoreError> {
    let known = person(draft, id)?;
    Ok(known
        .as_ref()
        .and_then(PersonKey::of)
        .unwrap_or_else(|| PersonKey::known(id)))
}

/// Learns of a person only if nobody with one of these ids is known.
fn introduce(draft: &mut Draft<'_>, described: &Person) -> Result<(), StoreError> {
    if same_person(draft, described)?.is_none() {
        person_seen(draft, described)?;
    }
    Ok(())
}

/// The record of this human being. Two records that turn out to be one human (one told by object id, one by account
/// id) become one; an account id that now belongs to another object id is taken from its former owner.
fn one_person(draft: &mut Draft<'_>, seen: &Person) -> Result<Option<Person>, StoreError> {
    let by_object = match &seen.aad_object_id {
        Some(id) => read::<Person>(draft, id.as_bytes())?,
        None => None,
    };
    let by_account = match &seen.account_id {
        // The usual case, and a roster asks ten thousand times.
        Some(id)
            if by_object
                .as_ref()
                .is_some_and(|known| known.account_id.as_ref() == Some(id)) =>
        {
            None
        }
        Some(id) => person(draft, id)?,
        None => None,
    };
    let Some(other) = by_account else {
        return Ok(by_object);
    };
    let same_human = match (&other.aad_object_id, &seen.aad_object_id) {
        (Some(known), Some(told)) => known == told,
        (None, _) | (_, None) => true,
    };
    if !same_human {
        let mut former = other.clone();
        former.account_id = None;
        save(draft, Some(&other), &former)?;
        return Ok(by_object);
    }
    match by_object {
        Some(known) if known.key() != other.key() => {
            erase(draft, &other)?;
            let merged = overlaid(&other, known.clone());
            save(draft, Some(&known), &merged)?;
            Ok(Some(merged))
        }
        Some(known) => Ok(Some(known)),
        None => Ok(Some(other)),
    }
}

/// `newer` where it says something, else `known`.
fn overlaid(known: &Person, newer: Person) -> Person {
    let known = known.clone();
    Person {
        tenant_id: nonempty(&newer.tenant_id, &known.tenant_id),
        aad_object_id: newer.aad_object_id.or(known.aad_object_id),
        account_id: newer.account_id.or(known.account_id),
        user_principal_name: newer.user_principal_name.or(known.user_principal_name),
        email: newer.email.or(known.email),
        name: newer.name.or(known.name),
        role: newer.role.or(known.role),
        locale: newer.locale.or(known.locale),
        time_zone: newer.time_zone.or(known.time_zone),
        entra: newer.entra.or(known.entra),
        mailbox: newer.mailbox.or(known.mailbox),
    }
}

/// Spells a person's fields the one way in which they are compared; an empty text is none.
fn tidy(person: &mut Person) {
    let Person {
        tenant_id: _,
        aad_object_id,
        account_id,
        user_principal_name,
        email,
        name,
        role,
        locale,
        time_zone,
        entra: _,
        mailbox: _,
    } = person;
    *aad_object_id = aad_object_id.take().map(|id| id.to_lowercase());
    for field in [
        aad_object_id,
        account_id,
        user_principal_name,
        email,
        name,
        role,
        locale,
        time_zone,
    ] {
        *field = field.take().filter(|text| !text.trim().is_empty());
    }
}

fn roster_changed(draft: &mut Draft<'_>, id: &str, left: &[String]) -> Result<(), StoreError> {
    let mut gone: Vec<String> = left.to_vec();
    for id in left {
        if let Some(person) = person(draft, id)? {
            gone.extend(person_ids(&person));
        }
    }
    let is_gone = |id: &Option<String>| id.as_ref().is_some_and(|id| gone.contains(id));
    for (key, member) in members(draft, id)? {
        if member.is_some_and(
            |Member {
                 aad_object_id,
                 account_id,
             }| is_gone(&aad_object_id) || is_gone(&account_id),
        ) {
            draft.remove(Table::Member, key)?;
        }
    }
    match draft
        .get::<RosterHead>(Table::Roster, id)?
        .or_missing(Table::Roster, id)
    {
        Some(head) if !head.stale => draft.put(Table::Roster, id, &RosterHead { stale: true, ..head }),
        Some(_) | None => Ok(()),
    }
}

/// Which rosters name a person is not indexed, and a roster that is stale is only fetched when it is needed.
fn rosters_in_doubt(draft: &mut Draft<'_>) -> Result<(), StoreError> {
    for (id, _) in draft.scan(Table::Roster, "")? {
        let head = draft
            .get::<RosterHead>(Table::Roster, &id)?
            .or_missing(Table::Roster, &id);
        if let Some(head) = head.filter(|head| !head.stale) {
            draft.put(Table::Roster, &id, &RosterHead { stale: true, ..head })?;
        }
    }
    Ok(())
}

/// The place is called at another address from now on, and so are people of its tenant whose chat is not known.
fn host_moved(
    draft: &mut Draft<'_>,
    tenant_id: &str,
    id: &ConversationId,
    service_url: &str,
) -> Result<(), StoreError> {
    if !tenant_id.is_empty() {
        keep_service_url(draft, tenant_id, service_url)?;
    }
    if let Some(before) = read::<Conversation>(draft, id.as_str().as_bytes())? {
        let mut after = before.clone();
        service_url.clone_into(&mut after.service_url);
        return save(draft, Some(&before), &after);
    }
    let team = match read::<Team>(draft, id.as_str().as_bytes())? {
        Some(team) => Some(team),
        None => by_term(draft, Table::TeamByChannel, id.as_str())?.pop(),
    };
    match team {
        Some(team) => change_team(draft, &team.id, |team| service_url.clone_into(&mut team.service_url)),
        None => Ok(()),
    }
}

fn put_roster(draft: &mut Draft<'_>, mut roster: Roster) -> Result<(), StoreError> {
    for member in &mut roster.members {
        tidy(member);
    }
    // Somebody without an id could never be found again.
    roster.members.retain(|member| !person_ids(member).is_empty());
    save_roster(draft, &roster)
}

fn block(draft: &mut Draft<'_>, id: &ConversationId, blocked: &Blocked) -> Result<(), StoreError> {
    let Some(before) = read::<Conversation>(draft, id.as_str().as_bytes())? else {
        return Ok(());
    };
    let mut after = before.clone();
    after.blocked = Some(Blocked {
        since: before.blocked.as_ref().map_or(blocked.since, |known| known.since),
        code: blocked.code.clone(),
    });
    save(draft, Some(&before), &after)
}

fn unblock(draft: &mut Draft<'_>, id: &ConversationId) -> Result<(), StoreError> {
    let Some(before) = read::<Conversation>(draft, id.as_str().as_bytes())? else {
        return Ok(());
    };
    let mut after = before.clone();
    after.blocked = None;
    save(draft, Some(&before), &after)
}

/// Removes a chat and its roster; false if nothing of it was known.
fn forget_conversation(draft: &mut Draft<'_>, id: &ConversationId) -> Result<bool, StoreError> {
    refusals::remove(draft, id.as_str())?;
    Ok(erase_roster(draft, id.as_str())? | erase_at::<Conversation>(draft, id.as_str())?)
}

/// Removes a team with its channels and its roster; false if nothing of it was known.
fn forget_team(draft: &mut Draft<'_>, id: &str) -> Result<bool, StoreError> {
    let known: Option<Team> = read(draft, id.as_bytes())?;
    for channel in known.iter().flat_map(|team| &team.channels) {
        refusals::remove(draft, &channel.id)?;
    }
    refusals::remove(draft, id)?;
    Ok(erase_roster(draft, id)? | erase_at::<Team>(draft, id)?)
}

/// Removes a record, also one that cannot be decoded; false if there was none.
fn erase_at<R: Shelved>(draft: &mut Draft<'_>, key: &str) -> Result<bool, StoreError> {
    match read::<R>(draft, key.as_bytes())? {
        Some(known) => erase(draft, &known).map(|()| true),
        None => draft.remove(R::TABLE, key),
    }
}

/// Removes a person and the chats with that person; false if nobody has the id.
fn forget_person(draft: &mut Draft<'_>, id: &str) -> Result<bool, StoreError> {
    let chats = personal_chats(draft, id)?;
    refusals::reached(draft, id)?;
    for chat in &chats {
        erase_at::<Conversation>(draft, chat.id.as_str())?;
    }
    let known = person(draft, id)?;
    let key = match &known {
        Some(known) => PersonKey::of(known),
        None => Some(PersonKey::known(id)),
    };
    if let Some(key) = key {
        choices::set(draft, &key, &Choices::default())?;
    }
    match known {
        Some(known) => erase(draft, &known).map(|()| true),
        None => Ok(draft.remove(Table::Person, id)? || !chats.is_empty()),
    }
}

/// Removes whatever has this id, or lies under this key of the list; false if there was nothing.
pub(super) fn forget(draft: &mut Draft<'_>, id: &str) -> Result<bool, StoreError> {
    match id.split_once('/') {
        Some(("choices", id)) => return draft.remove(Table::Choices, id),
        Some(("conversation", id)) => return forget_conversation(draft, &ConversationId::new(id)),
        Some(("person", id)) => return forget_person(draft, id),
        Some(("roster", id)) => return erase_roster(draft, id),
        Some(("team", id)) => return forget_team(draft, id),
        Some(_) | None => {}
    }
    let place = ConversationId::new(id);
    Ok(forget_conversation(draft, &place)? | forget_team(draft, place.as_str())? | forget_person(draft, id)?)
}

/// The channel of a thread.
fn without_thread(id: &str) -> String {
    ConversationId::new(id).as_str().to_owned()
}

fn nonempty(newer: &str, known: &str) -> String {
    if newer.is_empty() { known } else { newer }.to_owned()
}
