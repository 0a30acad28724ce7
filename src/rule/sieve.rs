//! `where:` of a target: which of several people are meant, by what is known of each of them.

use serde_json::Value;

use crate::diagnostic::Fault;
use crate::rule::condition::{Condition, Line};

/// The fields that people have in every workspace. Those behind `guest` are known where `directory.yaml` tells them, or
/// Entra, if Graph may be asked.
pub const KNOWN: [&str; 15] = [
    "name",
    "email",
    "id",
    "language",
    "locale",
    "time_zone",
    "role",
    "guest",
    "country",
    "department",
    "office",
    "job_title",
    "city",
    "company",
    "usage_location",
];

/// Those of [`KNOWN`] that Herald knows by itself: a workspace cannot have fields of these names.
pub const OWN: [&str; 8] = [
    "name",
    "email",
    "id",
    "language",
    "locale",
    "time_zone",
    "role",
    "guest",
];

/// What must be true of a person.
#[derive(Debug, Clone)]
pub struct Sieve {
    condition: Condition,
    written: Value,
}

/// Is somebody meant?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// Yes.
    Yes,
    /// No.
    No,
    /// Nobody told what these fields of the person are.
    Unknown(Vec<String>),
}

impl PartialEq for Sieve {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Sieve {
    /// Compiles the mapping under `where:`. Paths of faults begin at the mapping.
    ///
    /// # Errors
    /// Everything wrong with it, as with `if:`.
    pub fn compile(written: &Value) -> Result<Sieve, Vec<Fault>> {
        Ok(Sieve {
            condition: Condition::compile_of_person(written)?,
            written: written.clone(),
        })
    }

    /// The fields that it reads.
    pub fn fields(&self) -> Vec<String> {
        self.condition.paths()
    }

    /// Is a person meant of whom these fields are known? One of whom a field is not known is not, unless the line asks for
    /// just that.
    pub fn judge(&self, fields: &Value) -> Passed {
        let verdicts = self.condition.evaluate(fields);
        if verdicts.holds {
            return Passed::Yes;
        }
        let mut unknown = Vec::new();
        missing(&verdicts.lines, fields, &self.condition.paths(), &mut unknown);
        match unknown.is_empty() {
            true => Passed::No,
            false => Passed::Unknown(unknown),
        }
    }
}

/// The fields of lines that do not hold because nobody told them.
fn missing(lines: &[Line], fields: &Value, read: &[String], unknown: &mut Vec<String>) {
    if lines.iter().all(|line| line.holds) {
        return;
    }
    for field in read {
        if fields.get(field.as_str()).is_none_or(Value::is_null) && !unknown.contains(field) {
            unknown.push(field.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(written: Value, fields: Value) -> Passed {
        let sieve = Sieve::compile(&written).unwrap_or_else(|faults| panic!("{written}: {faults:?}"));
        sieve.judge(&fields)
    }

    #[test]
    fn people_are_chosen_with_the_words_of_if() {
        let anna =
            json!({"office": "Berlin", "language": "de", "guest": false, "grade": 7, "skills": ["rust", "on call"]});
        for written in [
            json!({"office": "Berlin"}),
            json!({"office": ["Berlin", "Hamburg"], "guest": false}),
            json!({"office": {"starts_with": "Ber"}, "grade": {"at_least": 7}}),
            json!({"skills": {"contains": "on call"}}),
            json!({"any": [{"office": "Dubai"}, {"language": "de"}]}),
            json!({"not": {"guest": true}}),
            json!({"desk": {"exists": false}}),
        ] {
            assert_eq!(judged(written.clone(), anna.clone()), Passed::Yes, "{written}");
        }
        assert_eq!(judged(json!({"office": "Dubai"}), anna.clone()), Passed::No);
        assert_eq!(judged(json!({"office": {"is_not": "Berlin"}}), anna), Passed::No);
    }

    #[test]
    fn a_field_that_nobody_told_is_named() {
        let nobody = json!({"office": null, "guest": false});
        assert_eq!(
            judged(json!({"office": "Berlin"}), nobody.clone()),
            Passed::Unknown(vec!["office".to_owned()])
        );
        assert_eq!(
            judged(json!({"desk": {"is_not": "4.12"}}), nobody.clone()),
            Passed::Unknown(vec!["desk".to_owned()]),
            "who has no desk is not known to sit elsewhere"
        );
        assert_eq!(judged(json!({"guest": true}), nobody), Passed::No);
    }

    #[test]
    fn what_is_no_condition_is_explained() {
        for (written, message) in [
            (json!({}), "empty"),
            (json!("Berlin"), "group of lines"),
            (json!({"office": {"is_in": "Berlin"}}), "is_in"),
        ] {
            let fault = Sieve::compile(&written).unwrap_err().remove(0);
            assert!(fault.message.contains(message), "{written}: {}", fault.message);
        }
        let sieve = Sieve::compile(&json!({"office": "Berlin", "any": [{"language": "de"}]})).unwrap();
        assert_eq!(sieve.fields(), ["office", "language"]);
    }
}
