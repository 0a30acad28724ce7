//! What Entra and a mailbox say of a person beside who they are. Herald knows better what the person chose, what
//! `directory.yaml` says and what their Teams told.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Person;

/// For how long it is taken for true.
pub const FRESH_FOR: TimeDelta = TimeDelta::days(7);
/// For how long a field that was empty is not asked for again.
pub const EMPTY_FOR: TimeDelta = TimeDelta::days(1);

/// What Entra says of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InEntra {
    /// The country, as it is written there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Where the desk is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub office: Option<String>,
    /// What they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_title: Option<String>,
    /// The company, where a tenant has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Two letters: the country in which licences are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_location: Option<String>,
    /// The language that the person prefers (`de-DE`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// When it said so.
    pub at: DateTime<Utc>,
}

/// The names of the fields of [`InEntra`] in `where`.
pub const FIELDS: [&str; 7] = [
    "country",
    "city",
    "department",
    "office",
    "job_title",
    "company",
    "usage_location",
];

impl InEntra {
    /// Its fields by their names in `where`, in the order of [`FIELDS`].
    pub fn fields(&self) -> [(&'static str, &Option<String>); FIELDS.len()] {
        [
            ("country", &self.country),
            ("city", &self.city),
            ("department", &self.department),
            ("office", &self.office),
            ("job_title", &self.job_title),
            ("company", &self.company),
            ("usage_location", &self.usage_location),
        ]
    }
}

/// What the settings of a person's mailbox say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mailbox {
    /// The zone (IANA name).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The language (`de-DE`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// When they said so.
    pub at: DateTime<Utc>,
}

/// What may be asked about a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants {
    /// [`InEntra`].
    pub entra: bool,
    /// [`Mailbox`].
    pub mailbox: bool,
}

impl Wants {
    /// Anything at all.
    pub fn any(self) -> bool {
        self.entra || self.mailbox
    }

    /// What of it is worth asking about somebody who is about to be told something: what was never asked and what is old.
    /// The mailbox of somebody whose Teams tells zone and language is left alone.
    pub fn of(self, person: &Person, now: DateTime<Utc>) -> Wants {
        let old = |at: DateTime<Utc>| now - at >= FRESH_FOR;
        Wants {
            entra: self.entra
                && person
                    .entra
                    .as_ref()
                    .map_or(person.locale.is_none(), |entra| old(entra.at)),
            mailbox: self.mailbox
                && match &person.mailbox {
                    Some(mailbox) => old(mailbox.at),
                    None => person.time_zone.is_none() || person.locale.is_none(),
                },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_asked_once_a_week_and_only_for_what_teams_does_not_tell() {
        let noon: DateTime<Utc> = "2026-03-02T12:00:00Z".parse().unwrap();
        let all = Wants {
            entra: true,
            mailbox: true,
        };
        let mut anna = Person::default();
        assert_eq!(all.of(&anna, noon), all);
        anna.mailbox = Some(Box::new(Mailbox {
            at: noon,
            ..Mailbox::default()
        }));
        anna.entra = Some(Box::new(InEntra {
            at: noon,
            ..InEntra::default()
        }));
        assert_eq!(all.of(&anna, noon + TimeDelta::days(6)), Wants::default());
        assert_eq!(all.of(&anna, noon + TimeDelta::days(7)), all);
        let told = Person {
            locale: Some("de-DE".to_owned()),
            time_zone: Some("Europe/Berlin".to_owned()),
            ..Person::default()
        };
        assert_eq!(all.of(&told, noon), Wants::default());
    }
}
