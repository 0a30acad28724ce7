//! Rotations under their names: whoever is on call stands behind `on-call`, and whoever follows behind `on-call.next`.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{Book, caseless, naming};
use crate::audience::PersonRef;
use crate::diagnostic::Fault;
use crate::rotation::file::RotationFile;
use crate::rotation::{NEXT, OnCall, Rotation, Turn};
use crate::rule::target::Kind;

/// How many rotations a workspace has.
pub(super) const MOST_ROTATIONS: usize = 1_000;

/// Whom a name means that is the name of a rotation.
#[derive(Debug, Clone, Copy)]
pub struct Duty<'a> {
    /// The rotation.
    pub rotation: &'a Rotation,
    /// Whoever follows is meant, not whoever is on call.
    pub next: bool,
}

impl<'a> Duty<'a> {
    /// The turn that is meant at `now`.
    ///
    /// # Errors
    /// Why it is nobody's, in a sentence.
    pub fn turn(self, now: DateTime<Utc>) -> Result<Turn<'a>, String> {
        let name = &self.rotation.name;
        let turn = match self.next {
            true => self.rotation.next(now),
            false => self.rotation.turn(now),
        };
        turn.ok_or_else(|| match (self.next, self.rotation.begins_at()) {
            (false, Some(at)) => format!(
                "nobody is on call yet: {name} begins on {}",
                at.with_timezone(&self.rotation.zone).format("%Y-%m-%d %H:%M %Z")
            ),
            (true, _) => format!("nobody follows in {name}: one person alone takes all turns"),
            (false, None) => format!("nobody takes turns in {name}"),
        })
    }
}

impl Book {
    /// The rotation that `name` means: `on-call`, `on-call.next`. A person of that name comes first.
    pub fn duty(&self, name: &str) -> Option<Duty<'_>> {
        if self.rotations.is_empty() || self.person(name).is_some() {
            return None;
        }
        let name = caseless(name);
        if let Some(rotation) = self.rotations.get(&name) {
            return Some(Duty { rotation, next: false });
        }
        let rotation = self.rotations.get(name.strip_suffix(NEXT)?.trim_end())?;
        Some(Duty { rotation, next: true })
    }

    /// The rotations as texts see them.
    pub fn on_call(&self) -> OnCall {
        OnCall::new(self.rotations.values(), |person| match self.person(person) {
            Some(entry) => (
                entry.name.clone().unwrap_or_else(|| match &entry.person {
                    PersonRef::Name(name) => name.clone(),
                    PersonRef::Email(_) | PersonRef::AadObjectId(_) | PersonRef::AccountId(_) => entry.alias.clone(),
                }),
                entry.email.clone(),
            ),
            None => (person.to_owned(), naming::address(person)),
        })
    }

    /// What is doubtful about a name that is a rotation's.
    pub(super) fn doubt_duty(&self, name: &str) -> Option<Fault> {
        let duty = self.duty(name)?;
        let first = duty.rotation.people.first()?;
        let alone = duty.next && duty.rotation.people.iter().all(|person| person == first);
        alone.then(|| {
            let message = format!("nobody follows in `{}`: one person takes all turns", duty.rotation.name);
            Fault::warning("target::name", message).help("name another person or audience")
        })
    }

    /// Rotations under a name that is taken.
    pub(super) fn doubled_rotations(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for rotation in self.rotations.values() {
            let name = &rotation.name;
            let message = if self.person(name).is_some() {
                format!("`{name}` is a person too")
            } else if self.audience(name).is_some() {
                format!("`{name}` is an audience too")
            } else if caseless(name).ends_with(NEXT) {
                format!("`{name}` would be whoever follows in another rotation")
            } else {
                continue;
            };
            let fault = Fault::error("directory::twice", message)
                .help("give one of them another name")
                .on_key();
            faults.push(fault.under(name.as_str()).under("rotations"));
        }
        faults
    }

    /// People who take turns and whose names may be slips, as warnings.
    pub(super) fn doubtful_turns(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for rotation in self.rotations.values() {
            for (index, person) in rotation.people.iter().enumerate() {
                let doubt = match self.duty(person) {
                    Some(_) => {
                        let message =
                            format!("`{person}` is a rotation, and here a person is looked for under this name");
                        Some(Fault::warning("directory::rotation", message).help("name a person"))
                    }
                    None => self.doubt(Kind::Person, person),
                };
                let placed = |doubt: Fault| {
                    let doubt = doubt.under(index).under("people");
                    doubt.under(rotation.name.as_str()).under("rotations")
                };
                faults.extend(doubt.map(placed));
            }
        }
        faults
    }
}

/// A rotation of the workspace; see [`Rotation::compile`].
pub(super) fn compile(
    name: &str,
    file: &RotationFile,
    time_zone: Option<Tz>,
) -> Result<(Rotation, Vec<Fault>), Vec<Fault>> {
    let (rotation, warnings) = Rotation::compile(name, file, time_zone)?;
    let mut faults = Vec::new();
    for (index, person) in rotation.people.iter().enumerate() {
        if let Err(reason) = naming::person(person, &Book::default()) {
            faults.push(Fault::error("directory::rotation", reason).under(index).under("people"));
        }
    }
    match faults.is_empty() {
        true => Ok((rotation, warnings)),
        false => Err(faults),
    }
}
