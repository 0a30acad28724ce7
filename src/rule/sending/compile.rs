//! `urgency`, `expires_after` and `send` -> [`Sending`], or everything that is wrong with them.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{FirstTry, Sending, Urgency};
use crate::card::Importance;
use crate::card::partial::Partials;
use crate::diagnostic::{Fault, Severity, Step, did_you_mean};
use crate::duration;
use crate::rule::target::Target;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);
/// How many recipients a run may be tried on: it waits for all of them.
const MOST_FIRST: u64 = 1000;

const KEYS: [&str; 5] = [
    "first_try_on",
    "stop_if_failing",
    "needs_approval_above",
    "importance",
    "alert",
];
const URGENCIES: [(&str, Urgency); 4] = [
    ("low", Urgency::Low),
    ("normal", Urgency::Normal),
    ("high", Urgency::High),
    ("critical", Urgency::Critical),
];

impl Sending {
    /// Compiles the three keys of a rule; the paths of all faults start at the rule.
    ///
    /// # Errors
    /// All faults: an unknown word or key, a length of time, share or number that is none or out of bounds, a target
    /// that cannot be read.
    pub fn compile(rule: &Map<String, Value>, partials: &Partials) -> Result<(Sending, Vec<Fault>), Vec<Fault>> {
        let mut faults = Vec::new();
        let mut sending = Sending {
            urgency: urgency(rule.get("urgency"), &mut faults),
            expires_after: expires_after(rule.get("expires_after"), &mut faults),
            ..Sending::default()
        };
        match rule.get("send") {
            None => {}
            Some(Value::Object(send)) => {
                let mut found = Vec::new();
                found.extend(send.keys().filter(|key| !KEYS.contains(&key.as_str())).map(unknown_key));
                sending.first_try_on = first_try_on(send.get("first_try_on"), partials, &mut found);
                sending.stop_above_percent = stop_if_failing(send.get("stop_if_failing"), &mut found);
                sending.approval_above = needs_approval_above(send.get("needs_approval_above"), &mut found);
                sending.importance = importance(send.get("importance"), &mut found);
                sending.alert = alert(send.get("alert"), &mut found);
                faults.extend(found.into_iter().map(|fault| fault.under("send")));
            }
            Some(_) => faults.push(
                Fault::error(
                    "send::form",
                    "`send` says how messages are sent and what guards a broadcast",
                )
                .help("write `send: { importance: high }` or `send: { needs_approval_above: 500 }`")
                .under("send"),
            ),
        }
        match faults.iter().all(|fault| fault.severity == Severity::Warning) {
            true => Ok((sending, faults)),
            false => Err(faults),
        }
    }
}

fn unknown_key(key: &String) -> Fault {
    let fault = Fault::error("send::key", format!("`send` has no `{key}`"))
        .on_key()
        .under(key.as_str());
    let meant = match key.as_str() {
        "approval" | "needs_approval" | "approval_above" | "approve_above" => Some("needs_approval_above"),
        "first" | "try_on" | "canary" | "test_on" => Some("first_try_on"),
        "stop" | "stop_above" | "max_failures" | "stop_on_failure" => Some("stop_if_failing"),
        "priority" => Some("importance"),
        "notify" | "notification" | "activity" => Some("alert"),
        _ => did_you_mean(key, KEYS),
    };
    match meant {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => {
            fault.help("it has `importance`, `alert`, `first_try_on`, `stop_if_failing` and `needs_approval_above`")
        }
    }
}

fn urgency(written: Option<&Value>, faults: &mut Vec<Fault>) -> Urgency {
    let Some(written) = written else {
        return Urgency::default();
    };
    let word = written.as_str().unwrap_or_default();
    if let Some((_, urgency)) = URGENCIES.iter().find(|(known, _)| *known == word) {
        return *urgency;
    }
    let known = URGENCIES.map(|(word, _)| word);
    let fault = Fault::error("send::urgency", "that is no urgency");
    let meant = match word.to_lowercase().as_str() {
        "urgent" | "highest" | "emergency" | "p1" => Some("critical"),
        "medium" | "default" => Some("normal"),
        "bulk" | "lowest" | "background" => Some("low"),
        other => did_you_mean(other, known),
    };
    faults.push(
        match meant {
            Some(meant) => fault.help(format!("did you mean `{meant}`?")),
            None => fault.help("write one of `low`, `normal`, `high`, `critical`"),
        }
        .under("urgency"),
    );
    Urgency::default()
}

fn expires_after(written: Option<&Value>, faults: &mut Vec<Fault>) -> Option<Duration> {
    let fault = match written? {
        Value::String(text) => match duration::parse(text) {
            Ok(length) if length < SHORTEST || length > LONGEST => Fault::error(
                "send::expires_after",
                "that is not between a second and 31 days",
            )
            .help(
                "after that time a card that could not be sent yet is dropped; leave the key out to always send it",
            ),
            Ok(length) => return Some(length),
            Err(fault) => fault,
        },
        Value::Number(number) => Fault::error("duration::unit", format!("{number} what? The unit is missing"))
            .help(format!("`{number} minutes`, `{number} hours`")),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Fault::error("send::expires_after", "`expires_after` is a length of time")
                .help("write it as `expires_after: 2 hours`")
        }
    };
    faults.push(fault.under("expires_after"));
    None
}

fn first_try_on(written: Option<&Value>, partials: &Partials, faults: &mut Vec<Fault>) -> FirstTry {
    const EXAMPLE: &str =
        "write how many of the recipients, `first_try_on: 20`, or who, `first_try_on: [{ person: anna }]`";
    let fault = match written {
        None => return FirstTry::Nobody,
        Some(Value::Number(number)) => match number.as_u64() {
            Some(count @ 1..=MOST_FIRST) => {
                return usize::try_from(count).map_or(FirstTry::Nobody, FirstTry::Count);
            }
            Some(_) | None => Fault::error(
                "send::first_try_on",
                format!("{number} is not between 1 and {MOST_FIRST}"),
            )
            .help("the others wait until all of the first have theirs, so a few are enough"),
        },
        Some(Value::Array(items)) if !items.is_empty() => {
            let mut targets = Vec::new();
            for (index, item) in items.iter().enumerate() {
                match Target::compile(item, partials) {
                    Ok(target) => targets.push(target),
                    Err(found) => faults.extend(found.into_iter().map(|mut fault| {
                        fault
                            .path
                            .splice(0..0, [Step::from("first_try_on"), Step::Index(index)]);
                        fault
                    })),
                }
            }
            return FirstTry::Targets(targets);
        }
        Some(_) => Fault::error("send::first_try_on", "that is neither a number nor a list of targets").help(EXAMPLE),
    };
    faults.push(fault.under("first_try_on"));
    FirstTry::Nobody
}

fn stop_if_failing(written: Option<&Value>, faults: &mut Vec<Fault>) -> Option<u8> {
    let written = written?;
    let share = match written {
        Value::String(text) => text
            .trim()
            .strip_suffix('%')
            .and_then(|share| share.trim().parse::<u8>().ok()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    };
    if let Some(share @ 0..=99) = share {
        return Some(share);
    }
    let help = match written {
        Value::Number(number) => format!("write the share with its sign, `stop_if_failing: {number} %`"),
        _ => "write a share, as in `stop_if_failing: 5 %`: with more failures than that the rest waits for you"
            .to_owned(),
    };
    let fault = Fault::error("send::stop_if_failing", "that is not a share between 0 % and 99 %");
    faults.push(fault.help(help).under("stop_if_failing"));
    None
}

fn needs_approval_above(written: Option<&Value>, faults: &mut Vec<Fault>) -> Option<usize> {
    let written = written?;
    if let Some(count) = written.as_u64() {
        return Some(usize::try_from(count).unwrap_or(usize::MAX));
    }
    let fault = Fault::error("send::needs_approval_above", "that is not a number of recipients")
        .help("write `needs_approval_above: 500`: with more recipients the cards wait until somebody approves them");
    faults.push(fault.under("needs_approval_above"));
    None
}

fn importance(written: Option<&Value>, faults: &mut Vec<Fault>) -> Option<Importance> {
    let word = written?.as_str().unwrap_or_default();
    let fault = Fault::error("send::importance", "that is no importance");
    let meant = match word.to_lowercase().as_str() {
        "high" if word == "high" => return Some(Importance::High),
        "low" if word == "low" => return Some(Importance::Low),
        "normal" => {
            let fault = fault.help("leave the key out: that is what it is without it");
            faults.push(fault.under("importance"));
            return None;
        }
        "high" | "urgent" | "critical" | "important" => "high",
        "low" => "low",
        other => did_you_mean(other, ["high", "low"]).unwrap_or("high"),
    };
    let fault = fault.help(format!(
        "did you mean `{meant}`? there are `high` and `low`; `urgency` says what goes first"
    ));
    faults.push(fault.under("importance"));
    None
}

fn alert(written: Option<&Value>, faults: &mut Vec<Fault>) -> bool {
    match written {
        None => false,
        Some(Value::Bool(alert)) => *alert,
        Some(_) => {
            let fault = Fault::error("send::alert", "`alert` is `true` or `false`")
                .help("`alert: true` shows the message in the activity feed of those who get it as well");
            faults.push(fault.under("alert"));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compile(rule: Value) -> Result<Sending, Vec<String>> {
        let Value::Object(rule) = rule else { panic!("a mapping") };
        Sending::compile(&rule, &Partials::none())
            .map(|(sending, _)| sending)
            .map_err(|faults| {
                faults
                    .into_iter()
                    .map(|fault| format!("{}: {:?}", fault.code, fault.help))
                    .collect()
            })
    }

    #[test]
    fn what_is_written_is_meant() {
        let sending = compile(json!({
            "urgency": "critical",
            "expires_after": "2 hours",
            "send": {
                "first_try_on": 20, "stop_if_failing": "5 %", "needs_approval_above": 500, "importance": "high",
                "alert": true,
            },
        }))
        .expect("well written");
        assert_eq!((sending.importance, sending.alert), (Some(Importance::High), true));
        assert_eq!(sending.urgency, Urgency::Critical);
        assert_eq!(sending.expires_after, Some(Duration::from_secs(7200)));
        assert!(matches!(sending.first_try_on, FirstTry::Count(20)));
        assert_eq!(sending.stop_above_percent, Some(5));
        assert_eq!(sending.approval_above, Some(500));
        let named = compile(json!({ "send": { "first_try_on": [{ "person": "anna" }] } })).expect("well written");
        assert_eq!(named.first_try_on.targets().len(), 1);
        assert_eq!(compile(json!({})).expect("nothing").urgency, Urgency::Normal);
    }

    #[test]
    fn what_is_wrong_is_told_all_at_once() {
        let faults = compile(json!({
            "urgency": "urgent",
            "expires_after": 5,
            "send": { "first_try_on": 0, "stop_if_failing": 5, "needs_approval_above": "many", "canary": 1, "importance": "urgent", "alert": "yes" },
        }))
        .expect_err("all wrong");
        let told = faults.join("\n");
        for part in [
            "send::urgency: Some(\"did you mean `critical`?\")",
            "duration::unit",
            "send::first_try_on",
            "`stop_if_failing: 5 %`",
            "send::needs_approval_above",
            "did you mean `first_try_on`?",
            "did you mean `high`?",
            "send::alert",
        ] {
            assert!(told.contains(part), "{part} is missing:\n{told}");
        }
        assert_eq!(faults.len(), 8);
    }
}
