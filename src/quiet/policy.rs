//! What a workspace and its rules do about quiet hours: `quiet_hours:` with a meaning.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::file::{QuietFile, ThenFile};
use super::{Hours, Own, Quiet, is_none};
use crate::delivery::{Address, WindowId};
use crate::diagnostic::{Fault, Step, did_you_mean};
use crate::holiday::Holidays;

/// The calendars of a workspace, by name.
pub type Calendars = IndexMap<String, Arc<Holidays>>;

/// What `quiet_hours:` says, in `herald.yaml` or in a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The hours, if there are any beside holidays.
    pub hours: Option<Arc<Hours>>,
    /// Names of calendars.
    pub holidays: Vec<String>,
    /// What becomes of the cards.
    pub then: Then,
    /// It holds for places of several as well.
    pub in_channels: bool,
}

/// What becomes of the cards that come in quiet hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Then {
    /// They are sent when the quiet hours end.
    #[default]
    Send,
    /// They are gathered, and told in one card when the quiet hours end.
    Digest,
    /// They are not sent.
    Drop,
}

/// What holds for the cards of one rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QuietTime {
    /// What the rule itself says: for everybody.
    pub always: Quiet,
    /// What `herald.yaml` says: for whoever keeps no hours of their own.
    pub usual: Quiet,
    /// What becomes of its cards.
    pub then: Then,
    /// They hold for places of several as well.
    pub in_channels: bool,
}

impl Policy {
    /// Reads `quiet_hours:`: hours as a line, a mapping, or `none`, which is `None` here. Paths of faults begin at the
    /// value.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(written: &Value) -> Result<Option<Policy>, Vec<Fault>> {
        let line = match written {
            Value::String(text) if is_none(text) => return Ok(None),
            Value::Bool(false) => return Ok(None),
            Value::String(text) => Some(Hours::parse(text).map_err(|fault| vec![fault])?),
            Value::Object(_) => None,
            Value::Null | Value::Bool(true) | Value::Number(_) | Value::Array(_) => {
                let help = "write `quiet_hours: \"22:00-07:00\"`, or `none`";
                return Err(vec![Fault::error("quiet::hours", "this says no hours").help(help)]);
            }
        };
        if let Some(hours) = line {
            return Ok(Some(Policy {
                hours: Some(Arc::new(hours)),
                ..Policy::default()
            }));
        }
        let file = serde_json::from_value(written.clone());
        let file: QuietFile = file.map_err(|error| vec![Fault::error("schema::form", error.to_string())])?;
        Self::of(file).map(Some)
    }

    fn of(file: QuietFile) -> Result<Policy, Vec<Fault>> {
        let holidays = file.holidays.unwrap_or_default().0;
        let all_day = file.all_day.unwrap_or_default().0;
        let days = file.days.map(|days| days.0);
        let missing = |key: &str, other: &str| {
            let message = format!("quiet hours with `{other}` need `{key}` as well");
            Fault::error("quiet::hours", message).on_key().under(other)
        };
        let hours = match (&file.from, &file.to) {
            (Some(from), Some(to)) => Hours::between(from, to, days.as_deref(), &all_day).map(Some),
            (Some(_), None) => Err(missing("to", "from")),
            (None, Some(_)) => Err(missing("from", "to")),
            (None, None) if days.is_some() => Err(missing("from", "days").help("for whole days write `all_day`")),
            (None, None) if !all_day.is_empty() => Hours::all_day(&all_day).map(Some),
            (None, None) if !holidays.is_empty() => Ok(None),
            (None, None) => Err(Fault::error("quiet::hours", "this says no hours")
                .help("write `from: \"22:00\"` and `to: \"07:00\"`, or `all_day`, or `holidays`")),
        };
        let hours = hours.map_err(|fault| vec![fault])?;
        Ok(Policy {
            hours: hours.map(Arc::new),
            holidays,
            then: match file.then {
                Some(ThenFile::Drop) => Then::Drop,
                Some(ThenFile::Digest) => Then::Digest,
                Some(ThenFile::Send) | None => Then::Send,
            },
            in_channels: file.also_in_channels.unwrap_or(false),
        })
    }

    /// The calendars that it names and that are not there, with their places in the value.
    pub fn unknown(&self, calendars: &Calendars) -> Vec<Fault> {
        let single = self.holidays.len() == 1;
        let names = self.holidays.iter().enumerate();
        let unknown = names.filter(|(_, name)| !calendars.contains_key(name.trim()));
        let fault = |(index, name): (usize, &String)| {
            let fault = no_calendar(name, calendars);
            match single {
                true => fault.under("holidays"),
                false => fault.under(Step::Index(index)).under("holidays"),
            }
        };
        unknown.map(fault).collect()
    }

    fn quiet(&self, calendars: &Calendars) -> Quiet {
        let named = self.holidays.iter().filter_map(|name| calendars.get(name.trim()));
        Quiet {
            hours: self.hours.iter().cloned().collect(),
            holidays: named.cloned().collect(),
        }
    }
}

/// Under what the cards of `rule` for `address` are kept that are folded into one at the end of quiet hours.
pub fn window(rule: &str, address: &Address) -> WindowId {
    // No value of `for_each` is this text.
    WindowId::of(rule, "\u{0}quiet", address)
}

/// What is told about a calendar that is not there.
pub fn no_calendar(name: &str, calendars: &Calendars) -> Fault {
    let shown: String = name.trim().chars().take(60).collect();
    let fault = Fault::error(
        "reference::holidays",
        format!("there is no calendar `holidays/{shown}.ics`"),
    );
    match did_you_mean(&shown, calendars.keys().map(String::as_str)) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help("put the calendar of holidays there as an .ics file"),
    }
}

/// What a rule says about quiet hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing: those of the workspace hold.
    Nothing,
    /// There are none.
    None,
    /// These.
    Policy(Policy),
}

impl QuietTime {
    /// What holds for a rule that says this in a workspace with these quiet hours.
    pub fn of(rule: &Said, workspace: Option<&Policy>, calendars: &Calendars) -> QuietTime {
        match (rule, workspace) {
            (Said::Policy(policy), _) => QuietTime {
                always: policy.quiet(calendars),
                usual: Quiet::default(),
                then: policy.then,
                in_channels: policy.in_channels,
            },
            (Said::Nothing, Some(policy)) => QuietTime {
                always: Quiet::default(),
                usual: policy.quiet(calendars),
                then: policy.then,
                in_channels: policy.in_channels,
            },
            (Said::Nothing, None) | (Said::None, _) => QuietTime::default(),
        }
    }

    /// What holds for a person who keeps these hours of their own, if any.
    pub fn for_person(&self, own: Option<&Own>) -> Quiet {
        let mut quiet = self.always.clone();
        match own {
            Some(Own::None) => {}
            Some(Own::Hours(hours)) => quiet.hours.push(hours.clone()),
            None => {
                quiet.hours.extend(self.usual.hours.iter().cloned());
                quiet.holidays.extend(self.usual.holidays.iter().cloned());
            }
        }
        quiet
    }

    /// What holds for a place of several.
    pub fn for_place(&self) -> Quiet {
        match self.in_channels {
            true => self.for_person(None),
            false => Quiet::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(written: Value) -> Policy {
        let read = Policy::compile(&written).unwrap_or_else(|faults| panic!("{written}: {faults:?}"));
        read.expect("it says some")
    }

    fn words(quiet: &Quiet) -> String {
        quiet.words()
    }

    #[test]
    fn the_short_and_the_long_form_say_the_same() {
        let long = json!({"from": "22:00", "to": "07:00", "days": "weekdays", "all_day": ["Saturday", "Sunday"]});
        let short = json!("Mon-Fri 22:00-07:00; Sat-Sun all day");
        assert_eq!(policy(long), policy(short));
        for none in [json!("none"), json!("off"), json!(false)] {
            assert_eq!(Policy::compile(&none), Ok(None), "{none}");
        }
        let whole = policy(json!({"all_day": "weekend", "then": "drop", "also_in_channels": true}));
        assert_eq!((whole.then, whole.in_channels), (Then::Drop, true));
        let folded = policy(json!({"from": "22:00", "to": "07:00", "then": "digest"}));
        assert_eq!(folded.then, Then::Digest);
        assert_eq!(policy(json!("22:00-07:00")).then, Then::Send, "unless somebody says so");
    }

    #[test]
    fn what_is_folded_is_kept_apart_from_what_else_a_rule_gathers() {
        let anna = Address::Nowhere { wanted: "anna".into() };
        let folded = window("r", &anna);
        assert_ne!(folded, WindowId::of("r", "", &anna), "the rule's own digest");
        assert_ne!(folded, window("other", &anna));
    }

    #[test]
    fn an_unknown_word_for_what_becomes_of_the_cards_names_those_that_there_are() {
        let fault = Policy::compile(&json!({"all_day": "weekend", "then": "fold"}))
            .unwrap_err()
            .remove(0);
        assert!(fault.message.contains("`digest`"), "{}", fault.message);
    }

    #[test]
    fn what_is_missing_is_named_at_its_place() {
        for (written, path, message) in [
            (json!({"from": "22:00"}), vec!["from"], "need `to`"),
            (json!({"days": "Monday"}), vec!["days"], "need `from`"),
            (json!({}), vec![], "no hours"),
            (json!({"from": "22", "to": "nine"}), vec!["to"], "no time of day"),
            (json!(22), vec![], "no hours"),
        ] {
            let fault = Policy::compile(&written).unwrap_err().remove(0);
            let path: Vec<Step> = path.into_iter().map(Step::from).collect();
            assert_eq!(fault.path, path, "{written}");
            assert!(fault.message.contains(message), "{written}: {}", fault.message);
        }
        let fault = policy(json!({"holidays": "germny"}))
            .unknown(&Calendars::new())
            .remove(0);
        assert_eq!(fault.path, [Step::from("holidays")]);
    }

    #[test]
    fn a_persons_own_hours_take_the_place_of_the_workspaces_and_join_the_rules() {
        let workspace = policy(json!("22:00-07:00"));
        let rule = policy(json!({"all_day": "weekend"}));
        let own = Own::Hours(Arc::new(Hours::parse("20:00-08:00").unwrap()));
        let none = Calendars::new();
        let usual = QuietTime::of(&Said::Nothing, Some(&workspace), &none);
        assert_eq!(words(&usual.for_person(None)), "22:00-07:00");
        assert_eq!(words(&usual.for_person(Some(&own))), "20:00-08:00");
        assert!(usual.for_person(Some(&Own::None)).is_none());
        assert!(
            usual.for_place().is_none(),
            "channels are not held back unless somebody asks for it"
        );
        let strict = QuietTime::of(&Said::Policy(rule), Some(&workspace), &none);
        assert_eq!(words(&strict.for_person(None)), "Sat-Sun all day");
        assert_eq!(words(&strict.for_person(Some(&own))), "Sat-Sun all day, 20:00-08:00");
        assert_eq!(words(&strict.for_person(Some(&Own::None))), "Sat-Sun all day");
        let off = QuietTime::of(&Said::None, Some(&workspace), &none);
        assert!(off.for_person(None).is_none());
        assert_eq!(
            words(&off.for_person(Some(&own))),
            "20:00-08:00",
            "what people keep for themselves holds"
        );
    }
}
