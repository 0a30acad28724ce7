//! What is known about the people of an audience beside how to reach them: by which clock they live, when they want to be
//! left alone, and what a target may ask of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{Audience, Reached};
use crate::quiet::Own;
use crate::rule::sieve::{Passed, Sieve};

/// What the workspace and the people themselves say about a person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Life {
    /// The quiet hours that they keep in place of the workspace's.
    pub quiet_hours: Option<Own>,
    /// Fields, by names of the workspace.
    pub fields: IndexMap<String, Value>,
    /// By each of the targets that name them, what must be true of them; none at all if one of these asks for nothing.
    pub only: Vec<Vec<Arc<Sieve>>>,
}

/// How many were left out by `where`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sifted {
    /// All of them.
    pub left_out: usize,
    /// Of how many of these a field is not known, by field.
    pub unknown: BTreeMap<String, usize>,
}

impl Sifted {
    /// In a sentence, if there are any.
    pub fn told(&self) -> Option<String> {
        if self.left_out == 0 {
            return None;
        }
        let unknown = self
            .unknown
            .iter()
            .map(|(field, count)| format!("of {count} of them `{field}` is not known"));
        let people = if self.left_out == 1 { "person" } else { "people" };
        let sentence = format!("`where` leaves out {} {people}", self.left_out);
        Some(std::iter::once(sentence).chain(unknown).collect::<Vec<_>>().join("; "))
    }
}

impl Reached {
    /// The clock that they live by: their own if it is known, else `usual`.
    pub fn zone(&self, usual: Tz) -> Tz {
        let own = self.person.as_ref().and_then(|person| person.time_zone.as_deref());
        own.and_then(|zone| zone.parse().ok()).unwrap_or(usual)
    }

    /// What `where` can ask about. A person of whom Teams does not say that they are a guest is none.
    pub fn fields(&self) -> Value {
        let mut fields = serde_json::Map::new();
        for (name, value) in &self.life.fields {
            fields.insert(name.clone(), value.clone());
        }
        let person = self.person.clone().unwrap_or_default();
        let role = person.role.as_ref().map(|role| role.to_lowercase());
        let external = person
            .user_principal_name
            .as_ref()
            .is_some_and(|name| name.to_lowercase().contains("#ext#"));
        let language = person
            .locale
            .as_ref()
            .and_then(|locale| locale.split(['-', '_']).next());
        for (name, value) in [
            ("name", json!(person.name)),
            (
                "email",
                json!(person.email.as_ref().or(person.user_principal_name.as_ref())),
            ),
            ("id", json!(person.aad_object_id)),
            ("language", json!(language.map(str::to_lowercase))),
            ("locale", json!(person.locale)),
            ("time_zone", json!(person.time_zone)),
            ("guest", json!(external || role.as_deref() == Some("guest"))),
            ("role", json!(role)),
        ] {
            fields.insert(name.to_owned(), value);
        }
        Value::Object(fields)
    }
}

/// Has those who chose hours and a zone for themselves live by them, whatever the workspace says. What cannot be read is as
/// if it were not chosen.
pub fn as_chosen(audience: &mut Audience) {
    for reached in &mut audience.reached {
        let Some(choices) = &reached.choices else {
            continue;
        };
        if let Some(Ok(own)) = choices.quiet_hours.as_deref().map(Own::parse) {
            reached.life.quiet_hours = Some(own);
        }
        let zone = choices.time_zone.as_ref().filter(|zone| zone.parse::<Tz>().is_ok());
        if let (Some(zone), Some(person)) = (zone, &mut reached.person) {
            person.time_zone = Some(zone.clone());
        }
    }
}

/// Leaves out those of whom is not true what the targets ask that name them.
pub fn sift(audience: &mut Audience) {
    let Audience { reached, sifted, .. } = audience;
    reached.retain(|reached| {
        if reached.life.only.is_empty() {
            return true;
        }
        let fields = reached.fields();
        let mut unknown: Vec<String> = Vec::new();
        let means = |all: &Vec<Arc<Sieve>>| {
            all.iter().all(|sieve| match sieve.judge(&fields) {
                Passed::Yes => true,
                Passed::No => false,
                Passed::Unknown(of) => {
                    unknown.extend(of);
                    false
                }
            })
        };
        if reached.life.only.iter().any(means) {
            return true;
        }
        sifted.left_out += 1;
        unknown.sort();
        unknown.dedup();
        for field in unknown {
            *sifted.unknown.entry(field).or_default() += 1;
        }
        false
    });
}
