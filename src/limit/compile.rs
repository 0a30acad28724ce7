//! The value under `limit:` -> [`Limit`], or everything that is wrong with it.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Limit, Rest};
use crate::card::partial::Partials;
use crate::card::text::Text;
use crate::diagnostic::{Fault, Severity, did_you_mean};
use crate::duration;

/// The shortest window.
pub const SHORTEST: Duration = Duration::from_secs(1);
/// The longest window: what is counted for longer is a report, not a limit.
pub const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

const KEYS: [&str; 3] = ["once_per", "for_each", "rest"];

impl Limit {
    /// Compiles the value under `limit:`. Beside the limit stand its warnings; the paths of all faults lead into
    /// `value`.
    ///
    /// # Errors
    /// All faults, warnings included: a length of time that is none or out of bounds, an unknown key or word, a
    /// template that cannot be read.
    pub fn compile(value: &Value, partials: &Partials) -> Result<(Limit, Vec<Fault>), Vec<Fault>> {
        let Value::Object(written) = value else {
            let given = value.as_str().filter(|text| duration::parse(text).is_ok());
            let example = given.unwrap_or("10 minutes").trim();
            let fault = Fault::error("limit::form", "`limit` says how often, and for what");
            return Err(vec![fault.help(format!("write `limit: {{ once_per: {example} }}`"))]);
        };
        let mut faults: Vec<Fault> = written
            .keys()
            .filter(|key| !KEYS.contains(&key.as_str()))
            .map(|key| unknown_key(key))
            .collect();
        let once_per = once_per(written, &mut faults);
        let for_each = for_each(written, partials, &mut faults);
        let rest = rest(written, &mut faults);
        match (once_per, rest) {
            (Some(once_per), Some(rest)) if faults.iter().all(|fault| fault.severity == Severity::Warning) => Ok((
                Limit {
                    once_per,
                    for_each,
                    rest,
                },
                faults,
            )),
            _ => Err(faults),
        }
    }
}

fn unknown_key(key: &str) -> Fault {
    let fault = Fault::error("limit::key", format!("a limit has no `{key}`"))
        .on_key()
        .under(key);
    let meant = match key {
        "every" | "per" | "within" | "period" | "interval" | "window" | "duration" => Some("once_per"),
        "key" | "group_by" | "by" | "per_key" => Some("for_each"),
        "overflow" | "others" | "then" => Some("rest"),
        _ => did_you_mean(key, KEYS),
    };
    match (key, meant) {
        ("digest_at" | "digest" | "at", _) => {
            fault.help("write `digest: { at: \"09:00\" }` beside `limit`, not in it")
        }
        ("digest_card" | "card", _) => fault.help("write `digest: { card: ... }` beside `limit`, not in it"),
        (_, Some(meant)) => fault.help(format!("did you mean `{meant}`?")),
        (_, None) => fault.help("it has `once_per`, `for_each` and `rest`"),
    }
}

fn once_per(written: &Map<String, Value>, faults: &mut Vec<Fault>) -> Option<Duration> {
    const EXAMPLE: &str = "write it as `once_per: 10 minutes`";
    let mut wrong = |fault: Fault| {
        faults.push(fault.under("once_per"));
        None
    };
    let text = match written.get("once_per") {
        None => {
            // A misspelt key says so already.
            if written.keys().all(|key| KEYS.contains(&key.as_str())) {
                faults.push(Fault::error("limit::form", "a limit needs `once_per`").help(EXAMPLE));
            }
            return None;
        }
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => {
            let fault = Fault::error("duration::unit", format!("{number} what? The unit is missing"));
            return wrong(fault.help(format!("`{number} minutes`, `{number} s`, `{number} hours`")));
        }
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            return wrong(Fault::error("limit::once_per", "`once_per` is a length of time").help(EXAMPLE));
        }
    };
    match duration::parse(text) {
        Err(fault) => wrong(fault),
        Ok(length) if length < SHORTEST => {
            let fault = Fault::error("limit::once_per", "that is shorter than a second");
            wrong(fault.help("leave `limit` out to send every card"))
        }
        Ok(length) if length > LONGEST => {
            let fault = Fault::error("limit::once_per", "that is longer than 31 days");
            wrong(fault.help("the longest time is `31 days`"))
        }
        Ok(length) => Some(length),
    }
}

fn for_each(written: &Map<String, Value>, partials: &Partials, faults: &mut Vec<Fault>) -> Option<Text> {
    const EXAMPLE: &str = "write what is counted separately, as in `for_each: \"{{event.repository.full_name}}\"`";
    let source = match written.get("for_each")? {
        Value::String(source) => source,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            // `{{event.x}}` without quotes is a mapping to YAML; its reader says so where it stands.
            let fault = Fault::error("limit::for_each", "`for_each` is a text").help(EXAMPLE);
            faults.push(fault.under("for_each"));
            return None;
        }
    };
    match Text::compile(source, partials) {
        Ok(text) => {
            if text.constant().is_some() {
                let looks_like_a_field = source.trim().split('.').next() == Some("event");
                let message = "this is the same for every event";
                let fault = Fault::warning("limit::for_each", message).under("for_each");
                faults.push(match looks_like_a_field {
                    true => fault.help(format!("write `\"{{{{{}}}}}\"`", source.trim())),
                    false => fault.help(EXAMPLE),
                });
            }
            Some(text)
        }
        Err(fault) => {
            faults.push(fault.under("for_each"));
            None
        }
    }
}

fn rest(written: &Map<String, Value>, faults: &mut Vec<Fault>) -> Option<Rest> {
    let word = match written.get("rest") {
        None => return Some(Rest::Count),
        Some(word) => word.as_str(),
    };
    let fault = match word {
        Some("count") => return Some(Rest::Count),
        Some("drop") => return Some(Rest::Drop),
        Some("digest") => return Some(Rest::Digest),
        other => {
            let shown: String = other.unwrap_or_default().chars().take(40).collect();
            let fault = match other {
                Some(_) => Fault::error("limit::rest", format!("the rest cannot be `{shown}`")),
                None => Fault::error("limit::rest", "`rest` is a word"),
            };
            match did_you_mean(&shown, ["count", "drop", "digest"]).filter(|_| other.is_some()) {
                Some(meant) => fault.help(format!("did you mean `{meant}`?")),
                None => fault.help(
                    "write `count` (the next card says how many were held back), `digest` (one card tells of all of them) \
                     or `drop` (nothing is said of them)",
                ),
            }
        }
    };
    faults.push(fault.under("rest"));
    None
}
