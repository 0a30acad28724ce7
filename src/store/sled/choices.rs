//! What people chose for themselves, by the key of the person.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use super::draft::{Draft, Table};
use crate::choice::{Choices, PersonKey};
use crate::store::StoreError;

/// For more people than this, all choices are read in a row: most people choose nothing.
const ONE_BY_ONE: usize = 200;

/// See [`crate::store::Directory::choices`].
pub(super) fn get(draft: &Draft<'_>, keys: &[PersonKey]) -> Result<BTreeMap<PersonKey, Choices>, StoreError> {
    let mut found = BTreeMap::new();
    // Mostly nobody has chosen anything.
    if keys.len() > 1 && draft.first_under(Table::Choices, &[])?.is_none() {
        return Ok(found);
    }
    if keys.len() <= ONE_BY_ONE {
        for key in keys {
            let choices = draft.get(Table::Choices, key.as_str())?;
            found.extend(
                choices
                    .or_missing(Table::Choices, key.as_str())
                    .map(|choices| (key.clone(), choices)),
            );
        }
        return Ok(found);
    }
    let wanted: HashSet<&str> = keys.iter().map(PersonKey::as_str).collect();
    for entry in draft.walk(Table::Choices, Bound::Unbounded, Bound::Unbounded) {
        let (key, _) = entry?;
        let Ok(key) = std::str::from_utf8(&key) else {
            continue;
        };
        if wanted.contains(key) {
            let choices = draft.get(Table::Choices, key)?.or_missing(Table::Choices, key);
            found.extend(choices.map(|choices| (PersonKey::known(key), choices)));
        }
    }
    Ok(found)
}

/// See [`crate::store::Directory::set_choices`].
pub(super) fn set(draft: &mut Draft<'_>, key: &PersonKey, choices: &Choices) -> Result<(), StoreError> {
    match choices.are_none() {
        true => draft.remove(Table::Choices, key.as_str()).map(drop),
        false => draft.put(Table::Choices, key.as_str(), choices),
    }
}

/// Changes what a person chose. Nothing is written if that comes to the same.
pub(super) fn change(
    draft: &mut Draft<'_>,
    key: &PersonKey,
    change: impl FnOnce(&mut Choices),
) -> Result<(), StoreError> {
    let known = draft.get::<Choices>(Table::Choices, key.as_str())?;
    let before = known.or_missing(Table::Choices, key.as_str()).unwrap_or_default();
    let mut after = before.clone();
    change(&mut after);
    match after == before {
        true => Ok(()),
        false => set(draft, key, &after),
    }
}
