//! What a name in a target means: an alias of the workspace, an exact id, an address, a display name, a pasted link.
//!
//! A name is taken for the first of these that it can be. Whether somebody stands behind it is the directory's answer,
//! later: see [`crate::audience::resolve`].

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Book;
use crate::audience::{By, PersonRef, PlaceRef, Want, Wanted};
use crate::card::text::{Text, Warnings};
use crate::event::Event;
use crate::link::{self, Link};
use crate::rule::field;
use crate::rule::sieve::Sieve;
use crate::rule::target::{Kind, Target};

/// How many recipients one event may name in one target.
pub const MOST_NAMED: usize = 100_000;

/// The longest name looked for, in bytes; a link may be longer.
const LONGEST_NAME: usize = 512;

/// How many people one target may mention.
const MOST_MENTIONED: usize = 100;

/// How deep audiences may contain audiences.
const DEEPEST: usize = 8;

/// Fields of a person in an event that hold an address.
const ADDRESSES: [&str; 4] = ["email", "mail", "userPrincipalName", "user_principal_name"];

impl Target {
    /// Whom this target names because of `event`: aliases followed, holes filled from `scope`, audiences taken apart.
    /// What comes to nothing is named as [`Want::Nobody`] with the reason. `seen` gathers what was missing.
    pub fn wanted(&self, scope: &Value, book: &Book, event: &Event, seen: &mut Warnings) -> Vec<Wanted> {
        let mut naming = Naming {
            scope,
            book,
            event,
            seen,
            named: Vec::new(),
            for_mention: false,
            by: By::Chat,
            thread: None,
            now: now(scope, event),
            only: Vec::new(),
        };
        naming.target(self, "", 0);
        naming.named
    }
}

struct Naming<'a> {
    scope: &'a Value,
    book: &'a Book,
    event: &'a Event,
    seen: &'a mut Warnings,
    named: Vec<Wanted>,
    /// The names are those of people to mention: whom their own targets mention does not matter.
    for_mention: bool,
    /// By which way those are told who are named now.
    by: By,
    /// What the thread is about that the target at hand names.
    thread: Option<String>,
    /// Whoever is on call at this instant is meant.
    now: DateTime<Utc>,
    /// What the targets around ask of each of the people.
    only: Vec<Arc<Sieve>>,
}

/// The instant at which names are read.
fn now(scope: &Value, event: &Event) -> DateTime<Utc> {
    let told = scope.get("now").and_then(Value::as_str);
    let read = told.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    read.map_or(event.occurred_at, |at| at.with_timezone(&Utc))
}

impl Naming<'_> {
    /// `prefix` names the audiences around: `people: berlin-office: `.
    fn target(&mut self, target: &Target, prefix: &str, depth: usize) {
        if self.named.len() > MOST_NAMED {
            return;
        }
        let mut mention: Vec<Want> = Vec::new();
        if !self.for_mention {
            for text in target.mention() {
                mention.extend(self.mentioned(text));
            }
            mention.truncate(MOST_MENTIONED);
        }
        self.thread = target.thread().and_then(|text| self.about(text));
        let kind = target.kind();
        let around = self.only.len();
        self.only.extend(target.only().cloned());
        match kind {
            Kind::Here => {
                let want = match &self.event.here {
                    Some(id) => Want::Conversation(id.clone()),
                    None => Want::Nobody("this event does not come from a conversation in Teams".to_owned()),
                };
                self.add(format!("{prefix}here"), want, &mention);
            }
            Kind::Sender => {
                let sender = self.event.sender.as_ref();
                let aad = sender.and_then(|sender| sender.aad_object_id.as_ref());
                let account = sender.and_then(|sender| sender.account_id.as_ref());
                let want = match (aad, account) {
                    (Some(id), _) => Want::Person(PersonRef::AadObjectId(id.to_ascii_lowercase())),
                    (None, Some(id)) => Want::Person(PersonRef::AccountId(id.clone())),
                    (None, None) => Want::Nobody("this event does not say who caused it in Teams".to_owned()),
                };
                self.add(format!("{prefix}sender"), want, &mention);
            }
            Kind::Everyone => self.add(format!("{prefix}everyone"), Want::Everyone, &mention),
            Kind::ActivityFeed => {
                let around = std::mem::replace(&mut self.by, By::Feed);
                for text in target.values() {
                    self.text(kind, text, prefix, &mention, depth);
                }
                self.by = around;
            }
            Kind::Person
            | Kind::People
            | Kind::Group
            | Kind::Channel
            | Kind::MembersOf
            | Kind::ChannelsOf
            | Kind::EntraGroup
            | Kind::Webhook => {
                for text in target.values() {
                    self.text(kind, text, prefix, &mention, depth);
                }
            }
        }
        self.only.truncate(around);
    }

    /// What a thread is about; nothing where the text comes to nothing, and the card begins a thread of its own.
    fn about(&mut self, text: &Text) -> Option<String> {
        let about = match text.evaluate(self.scope, self.seen) {
            Value::String(about) => about,
            Value::Number(number) => number.to_string(),
            Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        };
        let about = about.trim();
        if about.is_empty() {
            let source = short(text.source().trim());
            self.seen.add(format!(
                "`thread: {source}` came to nothing; the card begins a thread of its own"
            ));
            return None;
        }
        Some(about.to_owned())
    }

    fn text(&mut self, kind: Kind, text: &Text, prefix: &str, mention: &[Want], depth: usize) {
        let key = kind.key();
        let source = short(text.source().trim());
        if let Some(name) = text.constant() {
            return self.name(kind, name, format!("{prefix}{key}: {source}"), mention, depth);
        }
        let names = match self.names(text, matches!(kind, Kind::People | Kind::ActivityFeed)) {
            Ok(names) => names,
            Err(reason) => return self.add(format!("{prefix}{key}: {source}"), Want::Nobody(reason), &[]),
        };
        for name in names {
            let written = format!("{prefix}{key}: {} (from {source})", short(name.trim()));
            self.name(kind, &name, written, mention, depth);
        }
    }

    /// What a text with holes came to: at least one name, none of them empty.
    fn names(&mut self, text: &Text, several: bool) -> Result<Vec<String>, String> {
        let source = short(text.source().trim());
        let nothing = || format!("{source} came to nothing");
        let entry = |value: &Value| match value {
            Value::String(name) if name.trim().is_empty() => Err(nothing()),
            Value::String(name) => Ok(name.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Null => Err(nothing()),
            Value::Object(fields) => match ADDRESSES.iter().find_map(|name| fields.get(*name)?.as_str()) {
                Some(address) => Ok(address.to_owned()),
                None => Err(format!(
                    "{source} came to a group of fields without an `email`; name the field with the address"
                )),
            },
            Value::Bool(_) | Value::Array(_) => Err(format!("{source} came to {}, not a name", field::kind(value))),
        };
        match text.evaluate(self.scope, self.seen) {
            Value::Array(items) if items.is_empty() => Err(format!("{source} came to an empty list")),
            Value::Array(items) if several => {
                if items.len() > MOST_NAMED {
                    self.seen.add(format!(
                        "{source} names {} people; the first {MOST_NAMED} are told",
                        items.len()
                    ));
                }
                let (mut names, mut reason) = (Vec::new(), None);
                for item in items.iter().take(MOST_NAMED) {
                    match entry(item) {
                        Ok(name) => names.push(name),
                        Err(why) => reason = Some(why),
                    }
                }
                match reason {
                    Some(reason) if names.is_empty() => Err(reason),
                    Some(_) => {
                        self.seen.add(format!("some entries of {source} name nobody"));
                        Ok(names)
                    }
                    None => Ok(names),
                }
            }
            Value::Array(items) => Err(format!(
                "{source} came to a list of {}; several people go under `people:`",
                items.len()
            )),
            Value::String(text) if several => {
                Ok(addresses(&text).unwrap_or(vec![entry(&Value::String(text.clone()))?]))
            }
            value => Ok(vec![entry(&value)?]),
        }
    }

    fn name(&mut self, kind: Kind, name: &str, written: String, mention: &[Want], depth: usize) {
        if matches!(kind, Kind::People | Kind::ActivityFeed)
            && let Some(targets) = self.book.audience(name)
        {
            if depth == DEEPEST {
                let reason = format!("audiences contain audiences more than {DEEPEST} deep");
                return self.add(written, Want::Nobody(reason), &[]);
            }
            let prefix = format!("{}: ", short(&written));
            for target in targets {
                self.target(target, &prefix, depth + 1);
            }
            return;
        }
        if name.len() > LONGEST_NAME && !link::is_link(name) {
            let reason = format!("a name is at most {LONGEST_NAME} bytes long");
            return self.add(written, Want::Nobody(reason), &[]);
        }
        let (mut written, mut name) = (written, name);
        if matches!(kind, Kind::Person | Kind::People | Kind::ActivityFeed)
            && let Some(duty) = self.book.duty(name)
        {
            match duty.turn(self.now) {
                Ok(turn) => {
                    written = format!("{written} ({})", short(turn.person));
                    name = turn.person;
                }
                Err(reason) => return self.add(written, Want::Nobody(reason), &[]),
            }
        }
        let want = match kind {
            Kind::Person | Kind::People | Kind::ActivityFeed => person(name, self.book),
            Kind::Group => group(name, self.book).map(Want::GroupChat),
            Kind::Channel => channel(name, self.book),
            Kind::MembersOf => members_of(name, self.book).map(Want::MembersOf),
            Kind::ChannelsOf => channels_of(name, self.book).map(Want::ChannelsOf),
            Kind::EntraGroup => entra_group(name).map(Want::EntraGroup),
            Kind::Webhook => webhook(name, self.book),
            Kind::Here | Kind::Sender | Kind::Everyone => Err("this target has no name".to_owned()),
        };
        self.add(written, want.unwrap_or_else(Want::Nobody), mention);
    }

    fn mentioned(&mut self, text: &Text) -> Vec<Want> {
        let names = match text.constant() {
            Some(name) => vec![name.to_owned()],
            None => match self.names(text, true) {
                Ok(names) => names,
                Err(reason) => return vec![Want::Nobody(reason)],
            },
        };
        let mut wants = Vec::new();
        for name in names.into_iter().take(MOST_MENTIONED) {
            match self.book.audience(&name) {
                Some(targets) => {
                    // Whoever of the audience is a person; a place cannot be mentioned.
                    let mut inner = Naming {
                        scope: self.scope,
                        book: self.book,
                        event: self.event,
                        seen: self.seen,
                        named: Vec::new(),
                        for_mention: true,
                        by: By::Chat,
                        thread: None,
                        now: self.now,
                        only: Vec::new(),
                    };
                    targets.iter().for_each(|target| inner.target(target, "", 1));
                    wants.extend(inner.named.into_iter().map(|wanted| wanted.want));
                }
                None if name.len() > LONGEST_NAME => {
                    wants.push(Want::Nobody(format!("a name is at most {LONGEST_NAME} bytes long")));
                }
                None => wants.push(match self.book.duty(&name).map(|duty| duty.turn(self.now)) {
                    Some(Ok(turn)) => person(turn.person, self.book).unwrap_or_else(Want::Nobody),
                    Some(Err(reason)) => Want::Nobody(reason),
                    None => person(&name, self.book).unwrap_or_else(Want::Nobody),
                }),
            }
        }
        wants
    }

    fn add(&mut self, written: String, want: Want, mention: &[Want]) {
        match self.named.len().cmp(&MOST_NAMED) {
            std::cmp::Ordering::Less => self.named.push(Wanted {
                written,
                thread: match &want {
                    Want::ChannelPath(_) | Want::Channel { .. } | Want::Conversation(_) => self.thread.clone(),
                    _ => None,
                },
                want,
                mention: mention.to_vec(),
                by: self.by,
                only: self.only.clone(),
            }),
            std::cmp::Ordering::Equal => self.named.push(Wanted {
                written: "further names".to_owned(),
                want: Want::Nobody(format!("one target names at most {MOST_NAMED} recipients")),
                mention: Vec::new(),
                by: self.by,
                thread: None,
                only: Vec::new(),
            }),
            std::cmp::Ordering::Greater => {}
        }
    }
}

/// Whom a name under `person:` means.
///
/// # Errors
/// Why it can mean no person, in a sentence.
pub fn person(name: &str, book: &Book) -> Result<Want, String> {
    let name = name.trim();
    if let Some(entry) = book.person(name) {
        return Ok(Want::Person(entry.person.clone()));
    }
    if book.audience(name).is_some() {
        return Err(format!("`{name}` is an audience: write `people: {name}`"));
    }
    if link::is_guid(name) {
        return Ok(Want::Person(PersonRef::AadObjectId(name.to_ascii_lowercase())));
    }
    if name.starts_with("29:") {
        return Ok(Want::Person(PersonRef::AccountId(name.to_owned())));
    }
    if link::is_id(name) {
        return Err("this is the id of a channel or chat, not of a person".to_owned());
    }
    if link::is_link(name) {
        return match link::parse(name)? {
            Link::People(people) => match <[String; 1]>::try_from(people) {
                Ok([address]) => Ok(Want::Person(PersonRef::Email(address))),
                Err(several) => Err(format!(
                    "this link names {} people: write their addresses under `people:`",
                    several.len()
                )),
            },
            Link::Channel { .. } => Err("this is the link of a channel: write `channel:`".to_owned()),
            Link::Team { .. } => Err("this is the link of a team: write `members_of:` or `channel:`".to_owned()),
            Link::Chat { .. } => Err("this is the link of a group chat: write `group:`".to_owned()),
        };
    }
    if let Some(address) = address(name) {
        return Ok(Want::Person(PersonRef::Email(address)));
    }
    if name.contains('@') && !name.contains(char::is_whitespace) {
        return Err(format!("`{}` is no mail address", short(name)));
    }
    match name.is_empty() {
        true => Err("there is no name here".to_owned()),
        false => Ok(Want::Person(PersonRef::Name(name.to_owned()))),
    }
}

/// Which group chat a name under `group:` means.
///
/// # Errors
/// Why it can mean no group chat, in a sentence.
pub fn group(name: &str, book: &Book) -> Result<PlaceRef, String> {
    let name = name.trim();
    if let Some(place) = book.group(name) {
        return Ok(place.clone());
    }
    if book.channel(name).is_some() {
        return Err(format!("`{name}` is a channel: write `channel: {name}`"));
    }
    if link::is_link(name) {
        return group_link(name);
    }
    match name.is_empty() {
        true => Err("there is no name here".to_owned()),
        false => Ok(place(name)),
    }
}

/// The group chat a link leads to.
///
/// # Errors
/// Why it leads to none, in a sentence.
pub fn group_link(text: &str) -> Result<PlaceRef, String> {
    match link::parse(text)? {
        Link::Chat { id } => Ok(PlaceRef::Id(id.as_str().to_owned())),
        Link::Channel { .. } => Err("this is the link of a channel, not of a group chat".to_owned()),
        Link::Team { .. } => Err("this is the link of a team, not of a group chat".to_owned()),
        Link::People(_) => Err("this link opens a chat with people: name them under `people:`".to_owned()),
    }
}

/// Which channel a name under `channel:` means.
///
/// # Errors
/// Why it can mean no channel, in a sentence.
pub fn channel(name: &str, book: &Book) -> Result<Want, String> {
    let name = name.trim();
    if let Some(want) = book.channel(name) {
        return Ok(want.clone());
    }
    if book.group(name).is_some() {
        return Err(format!("`{name}` is a group chat: write `group: {name}`"));
    }
    if link::is_link(name) {
        return channel_link(name);
    }
    if link::is_id(name) {
        if !name.to_ascii_lowercase().ends_with("@thread.v2") {
            let id = PlaceRef::Id(name.to_owned());
            return Ok(Want::Channel {
                team: id.clone(),
                channel: Some(id),
            });
        }
        return Err("this is the id of a group chat: write `group:`".to_owned());
    }
    // A template that came to nothing leaves `Platform / ` behind, which must not become the General channel.
    if name.is_empty() || name.split('/').any(|part| part.trim().is_empty()) {
        return Err(format!("a name is missing in `{}`", short(name)));
    }
    Ok(Want::ChannelPath(name.to_owned()))
}

/// The channel a link leads to.
///
/// # Errors
/// Why it leads to none, in a sentence.
pub fn channel_link(text: &str) -> Result<Want, String> {
    match link::parse(text)? {
        Link::Channel { id, group_id, .. } => {
            let id = id.as_str().to_owned();
            let team = PlaceRef::Id(group_id.unwrap_or_else(|| id.clone()));
            Ok(Want::Channel {
                team,
                channel: Some(PlaceRef::Id(id)),
            })
        }
        Link::Team { id } => Ok(Want::Channel {
            team: PlaceRef::Id(id),
            channel: None,
        }),
        Link::Chat { .. } => Err("this is the link of a group chat: write `group:`".to_owned()),
        Link::People(_) => Err("this link opens a chat with people: name them under `people:`".to_owned()),
    }
}

/// Which team or group chat a name under `members_of:` means.
///
/// # Errors
/// Why it can mean none, in a sentence.
pub fn members_of(name: &str, book: &Book) -> Result<PlaceRef, String> {
    let name = name.trim();
    if let Some(place) = book.group(name) {
        return Ok(place.clone());
    }
    if book.channel(name).is_some() {
        return Err(format!(
            "`{name}` is a channel: write the name of its team to tell each member of the team"
        ));
    }
    if link::is_link(name) {
        return match link::parse(name)? {
            Link::Team { id } => Ok(PlaceRef::Id(id)),
            Link::Chat { id } => Ok(PlaceRef::Id(id.as_str().to_owned())),
            Link::Channel { .. } => Err("this is the link of a channel: paste the link of the team".to_owned()),
            Link::People(_) => Err("this link opens a chat with people: name them under `people:`".to_owned()),
        };
    }
    match name.is_empty() {
        true => Err("there is no name here".to_owned()),
        false => Ok(place(name)),
    }
}

/// Which team a name under `channels_of:` means.
///
/// # Errors
/// Why it can mean none, in a sentence.
pub fn channels_of(name: &str, book: &Book) -> Result<PlaceRef, String> {
    let name = name.trim();
    if book.group(name).is_some() {
        return Err(format!(
            "`{name}` is a group chat, which has no channels: write `group: {name}`"
        ));
    }
    if book.channel(name).is_some() {
        return Err(format!(
            "`{name}` is a channel: write the name of its team, or `channel: {name}`"
        ));
    }
    match members_of(name, book)? {
        PlaceRef::Id(id) if id.ends_with("@thread.v2") => {
            Err("this is the link of a group chat, which has no channels: write `group:`".to_owned())
        }
        team => Ok(team),
    }
}

/// Which group of Entra a name under `entra_group:` means: its object id, else the name that Entra shows.
///
/// # Errors
/// Why it can mean none, in a sentence.
pub fn entra_group(name: &str) -> Result<PlaceRef, String> {
    let name = name.trim();
    if link::is_link(name) || link::is_id(name) {
        return Err(
            "this leads to a team, channel or chat of Teams: write `members_of:`, or the object id of the group"
                .to_owned(),
        );
    }
    match name.is_empty() {
        true => Err("there is no name here".to_owned()),
        false => Ok(place(name)),
    }
}

/// Which webhook a name under `webhook:` means.
///
/// # Errors
/// Why it can mean none, in a sentence. An address is not repeated: it is a secret.
pub fn webhook(name: &str, book: &Book) -> Result<Want, String> {
    let name = name.trim();
    if let Some(webhook) = book.webhook(name) {
        return Ok(Want::Webhook {
            name: webhook.name.clone(),
            kind: webhook.kind,
        });
    }
    if name.contains("://") {
        return Err(
            "the address of a webhook is a secret: give it a name under `webhooks:` in directory.yaml, and change the \
             address if it was committed"
                .to_owned(),
        );
    }
    if name.is_empty() {
        return Err("there is no name here".to_owned());
    }
    if book.channel(name).is_some() {
        return Err(format!("`{name}` is a channel: write `channel: {name}`"));
    }
    Err(format!("there is no webhook `{}` in directory.yaml", short(name)))
}

/// A team, channel or chat by id, a team by its group's GUID, else by name.
pub fn place(text: &str) -> PlaceRef {
    let text = text.trim();
    if link::is_id(text) {
        PlaceRef::Id(text.to_owned())
    } else if link::is_guid(text) {
        PlaceRef::Id(text.to_ascii_lowercase())
    } else {
        PlaceRef::Name(text.to_owned())
    }
}

/// Is this an id, an address or a link, which no alias could be meant by?
pub fn is_exact(name: &str) -> bool {
    link::is_guid(name)
        || link::is_id(name)
        || link::is_link(name)
        || name.starts_with("29:")
        || address(name).is_some()
}

/// The mail address in a text, lower case: `Anna.Berg@contoso.example`, `Anna Berg <anna.berg@contoso.example>`.
pub fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match (text.find('<'), text.strip_suffix('>')) {
        (Some(start), Some(inner)) => &inner[start + 1..],
        (_, _) => text.strip_prefix("mailto:").unwrap_or(text),
    };
    let (local, domain) = text.rsplit_once('@')?;
    let clean = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;:\"()[]\\/{}".contains(c))
    };
    (text.len() <= 320 && clean(local) && clean(domain) && !local.contains('@')).then(|| text.to_lowercase())
}

/// Several addresses in one text, parted by commas, semicolons or lines; nothing if any part is none.
fn addresses(text: &str) -> Option<Vec<String>> {
    if !text.contains([',', ';', '\n']) {
        return None;
    }
    let parts = text
        .split([',', ';', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let addresses: Option<Vec<String>> = parts.map(address).take(MOST_NAMED).collect();
    addresses.filter(|addresses| !addresses.is_empty())
}

/// A text cut for a message.
pub fn short(text: &str) -> &str {
    match text.char_indices().nth(120) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests;
