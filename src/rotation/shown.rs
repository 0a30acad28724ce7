//! Rotations as texts see them: `{{on_call.duty.name}}`.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::{Rotation, Turn};

/// The rotations of a workspace, with the people in them as they are shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OnCall {
    rotations: Vec<Rotation>,
    /// Name and address, by what stands in the rotation.
    people: BTreeMap<String, (String, Option<String>)>,
}

impl OnCall {
    /// These rotations; `shown` says what somebody who is written there is called, and their address.
    pub fn new<'a>(
        rotations: impl Iterator<Item = &'a Rotation>,
        shown: impl Fn(&str) -> (String, Option<String>),
    ) -> OnCall {
        let rotations: Vec<Rotation> = rotations.cloned().collect();
        let written = rotations.iter().flat_map(Rotation::everybody);
        let people = written.map(|person| (person.to_owned(), shown(person))).collect();
        OnCall { rotations, people }
    }

    /// What templates see as `on_call`: by the names of the rotations, who it is at `now` and who follows. Null where there
    /// are none.
    pub fn in_scope(&self, now: DateTime<Utc>) -> Value {
        if self.rotations.is_empty() {
            return Value::Null;
        }
        let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let person = |turn: &Turn<'_>| {
            let (name, email) = self.people.get(turn.person).cloned().unwrap_or_default();
            json!({ "name": name, "email": email, "from": instant(turn.from), "until": instant(turn.until) })
        };
        let mut shown = Map::new();
        for rotation in &self.rotations {
            let mut one = rotation.turn(now).map_or_else(|| json!({}), |turn| person(&turn));
            one["next"] = rotation.next(now).map_or(Value::Null, |turn| person(&turn));
            shown.insert(rotation.name.clone(), one);
        }
        Value::Object(shown)
    }
}
