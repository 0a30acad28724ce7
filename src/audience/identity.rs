//! When two recipients are the same. The ids are borrowed from whom they belong to, because there are two for each of a
//! hundred thousand people.

use std::borrow::Cow;

use super::Reached;
use crate::delivery::Address;
use crate::roster::Person;

/// What makes a recipient the same as another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity<'a> {
    /// A person, by one of their ids.
    Person(Cow<'a, str>),
    /// The activity feed of a person, by one of their ids.
    Feed(Cow<'a, str>),
    /// A chat, a channel, a webhook, by the key of its address.
    Place(String),
}

impl<'a> Identity<'a> {
    /// A person with this id. Entra object ids are the same in any case; `29:` ids are not.
    pub fn person(id: &'a str) -> Self {
        Identity::Person(folded(id))
    }

    /// The same, of nobody's text but its own.
    pub fn into_owned(self) -> Identity<'static> {
        match self {
            Identity::Person(id) => Identity::Person(Cow::Owned(id.into_owned())),
            Identity::Feed(id) => Identity::Feed(Cow::Owned(id.into_owned())),
            Identity::Place(key) => Identity::Place(key),
        }
    }
}

fn folded(id: &str) -> Cow<'_, str> {
    match id.starts_with("29:") || !id.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Borrowed(id),
        false => Cow::Owned(id.to_ascii_lowercase()),
    }
}

/// Both ids of a person, as far as they are known.
pub fn ids(person: &Person) -> impl Iterator<Item = Cow<'_, str>> {
    let both = [&person.aad_object_id, &person.account_id];
    both.into_iter().flatten().map(|id| folded(id))
}

/// What makes a recipient the same as another.
pub fn identities(reached: &Reached) -> Vec<Identity<'_>> {
    match &reached.recipient.address {
        Address::Conversation { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => {
            vec![Identity::Place(reached.recipient.address.key())]
        }
        Address::Feed { id, .. } => of_person(id, reached.person.as_deref(), Identity::Feed),
        Address::Person { id, .. } => of_person(id, reached.person.as_deref(), Identity::Person),
    }
}

/// Who a recipient is, by whichever way they are told.
pub fn who(reached: &Reached) -> Vec<Identity<'_>> {
    match &reached.recipient.address {
        Address::Conversation { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => identities(reached),
        Address::Person { id, .. } | Address::Feed { id, .. } => {
            of_person(id, reached.person.as_deref(), Identity::Person)
        }
    }
}

fn of_person<'a>(
    id: &'a str,
    person: Option<&'a Person>,
    way: impl Fn(Cow<'a, str>) -> Identity<'a>,
) -> Vec<Identity<'a>> {
    let mut all: Vec<Identity<'a>> = std::iter::once(folded(id))
        .chain(person.into_iter().flat_map(ids))
        .map(way)
        .collect();
    all.dedup();
    all
}
