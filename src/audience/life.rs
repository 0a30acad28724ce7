//! What is known about the people of an audience beside how to reach them: by which clock they live, when they want to be
//! left alone, and what a target may ask of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{Audience, Reached};
use crate::quiet::Own;
use crate::roster::profile;
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
    /// Why some of them were, each in a few words.
    pub examples: Vec<String>,
    /// Those of whom Graph may know what is not known, by their Entra object ids.
    pub unsure: Vec<Unsure>,
}

/// Somebody who was left out because of a field that Graph may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsure {
    /// The Entra object id.
    pub id: String,
    /// What Graph would have to be asked for.
    pub wants: profile::Wants,
    /// When Entra was last asked about, if ever.
    pub entra_at: Option<DateTime<Utc>>,
    /// When the mailbox was last asked, if ever.
    pub mailbox_at: Option<DateTime<Utc>>,
}

/// So many of those who are left out are told of with the reason.
const MOST_EXAMPLES: usize = 5;
/// The longest value that is told of, in characters.
const LONGEST_VALUE: usize = 40;
/// So many people are remembered of whom Graph may know more; the rest is asked for when these are known.
const MOST_UNSURE: usize = 1_000;

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
        let examples = self.examples.iter().cloned();
        let all = std::iter::once(sentence).chain(unknown).chain(examples);
        Some(all.collect::<Vec<_>>().join("; "))
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
        for (name, value) in person.entra.iter().flat_map(|entra| entra.fields()) {
            if let Some(value) = value {
                fields.entry(name).or_insert_with(|| json!(value));
            }
        }
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

/// Gives people whose Teams and whose workspace say nothing of their zone and language those that their mailbox and Entra
/// know. The one place where that is weighed: before it stands what `directory.yaml` says, which stands before Teams, and
/// [`as_chosen`] comes after it.
pub fn as_entra_says(audience: &mut Audience) {
    for person in audience
        .reached
        .iter_mut()
        .filter_map(|reached| reached.person.as_mut())
    {
        let (mailbox, entra) = (person.mailbox.as_deref(), person.entra.as_deref());
        let lacks_zone = person.time_zone.is_none();
        let zone = mailbox
            .filter(|_| lacks_zone)
            .and_then(|mailbox| mailbox.time_zone.clone());
        let locale = mailbox.and_then(|mailbox| mailbox.language.clone());
        let locale = locale.or_else(|| entra.and_then(|entra| entra.language.clone()));
        let locale = locale.filter(|_| person.locale.is_none());
        if zone.is_none() && locale.is_none() {
            continue;
        }
        let person = Arc::make_mut(person);
        person.time_zone = zone.or_else(|| person.time_zone.take());
        person.locale = locale.or_else(|| person.locale.take());
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
            Arc::make_mut(&mut reached.life).quiet_hours = Some(own);
        }
        let zone = choices.time_zone.as_ref().filter(|zone| zone.parse::<Tz>().is_ok());
        if let (Some(zone), Some(person)) = (zone, &mut reached.person) {
            Arc::make_mut(person).time_zone = Some(zone.clone());
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
        let mut asked: Vec<String> = Vec::new();
        let means = |all: &Vec<Arc<Sieve>>| {
            all.iter().all(|sieve| match sieve.judge(&fields) {
                Passed::Yes => true,
                Passed::No => {
                    asked.extend(sieve.fields());
                    false
                }
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
        if sifted.examples.len() < MOST_EXAMPLES && unknown.is_empty() {
            sifted.examples.extend(example(&reached.recipient.name, &fields, asked));
        }
        if sifted.unsure.len() < MOST_UNSURE {
            sifted.unsure.extend(unsure(reached, &unknown));
        }
        for field in unknown {
            *sifted.unknown.entry(field).or_default() += 1;
        }
        false
    });
}

/// What somebody is instead of what was asked for: `Anna Berg: department is Sales`.
fn example(name: &str, fields: &Value, mut asked: Vec<String>) -> Option<String> {
    asked.sort();
    asked.dedup();
    let is = asked.iter().filter_map(|field| {
        let value = match fields.get(field.as_str())? {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let value: String = value.chars().take(LONGEST_VALUE).collect();
        Some(format!("{field} is {value}"))
    });
    let is: Vec<String> = is.take(3).collect();
    (!is.is_empty()).then(|| format!("{name}: {}", is.join(", ")))
}

/// What Graph would have to be asked for to know these fields of somebody.
fn unsure(reached: &Reached, unknown: &[String]) -> Option<Unsure> {
    let person = reached.person.as_ref()?;
    let one_of = |names: &[&str]| unknown.iter().any(|field| names.contains(&field.as_str()));
    let wants = profile::Wants {
        entra: one_of(&profile::FIELDS) || one_of(&["language", "locale"]),
        mailbox: one_of(&["language", "locale", "time_zone"]),
    };
    wants.any().then_some(Unsure {
        id: person.aad_object_id.clone()?,
        wants,
        entra_at: person.entra.as_ref().map(|entra| entra.at),
        mailbox_at: person.mailbox.as_ref().map(|mailbox| mailbox.at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Choices;
    use crate::delivery::{Address, Recipient};
    use crate::roster::Person;
    use crate::roster::profile::{InEntra, Mailbox};

    fn anna(person: Person) -> Reached {
        Reached {
            recipient: Recipient {
                address: Address::Person {
                    tenant_id: String::new(),
                    id: "anna".to_owned(),
                },
                name: "Anna Berg".to_owned(),
            },
            person: Some(Arc::new(Person {
                aad_object_id: Some("anna".to_owned()),
                entra: Some(Box::new(InEntra {
                    department: Some("Platform".to_owned()),
                    language: Some("fr-FR".to_owned()),
                    ..InEntra::default()
                })),
                mailbox: Some(Box::new(Mailbox {
                    time_zone: Some("Europe/Paris".to_owned()),
                    ..Mailbox::default()
                })),
                ..person
            })),
            mentions: Vec::new(),
            tenant_id: None,
            thread: None,
            life: Arc::default(),
            choices: None,
        }
    }

    fn zone_and_language(reached: Reached) -> (Option<String>, Option<String>) {
        let mut audience = Audience {
            reached: vec![reached],
            ..Audience::default()
        };
        as_entra_says(&mut audience);
        as_chosen(&mut audience);
        let person = audience.reached[0].person.clone().unwrap();
        (person.time_zone.clone(), person.locale.clone())
    }

    #[test]
    fn what_people_choose_and_what_teams_says_stands_before_mailbox_and_entra() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            zone_and_language(anna(Person::default())),
            (some("Europe/Paris"), some("fr-FR"))
        );
        let by_teams = || {
            anna(Person {
                time_zone: some("Europe/Berlin"),
                locale: some("de-DE"),
                ..Person::default()
            })
        };
        assert_eq!(zone_and_language(by_teams()), (some("Europe/Berlin"), some("de-DE")));
        let chosen = Reached {
            choices: Some(Box::new(Choices {
                time_zone: some("Asia/Dubai"),
                ..Choices::default()
            })),
            ..by_teams()
        };
        assert_eq!(zone_and_language(chosen).0, some("Asia/Dubai"));
    }

    #[test]
    fn who_is_left_out_is_told_with_what_they_are_and_who_is_not_known_is_noted() {
        let only = |written: Value| vec![vec![Arc::new(Sieve::compile(&written).unwrap())]];
        let with = |written: Value| {
            let mut reached = anna(Person::default());
            Arc::make_mut(&mut reached.life).only = only(written);
            let mut audience = Audience {
                reached: vec![reached],
                ..Audience::default()
            };
            sift(&mut audience);
            audience
        };
        assert_eq!(with(json!({"department": "Platform"})).reached.len(), 1);
        let other = with(json!({"department": "Sales"})).sifted;
        assert_eq!(
            other.told().as_deref(),
            Some("`where` leaves out 1 person; Anna Berg: department is Platform")
        );
        assert_eq!(other.unsure, []);
        let unknown = with(json!({"office": "Berlin"})).sifted;
        assert_eq!(
            unknown.told().as_deref(),
            Some("`where` leaves out 1 person; of 1 of them `office` is not known")
        );
        assert_eq!(unknown.unsure.len(), 1);
        assert!(unknown.unsure[0].wants.entra && !unknown.unsure[0].wants.mailbox);
    }
}
