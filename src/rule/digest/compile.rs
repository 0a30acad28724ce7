//! The value under `digest:` -> [`Digest`], or everything that is wrong with it. Its card is compiled where templates
//! are known.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::{Digest, Times};
use crate::diagnostic::{Fault, Severity, did_you_mean};
use crate::rule::schedule::Schedule;
use crate::zone;

const KEYS: [&str; 4] = ["at", "days", "time_zone", "card"];
/// How many times of the day one digest may have.
const MOST_TIMES: usize = 24;
/// The zone that stands for that of whoever is told.
const RECIPIENT: &str = "recipient";
/// Days as people write them, and as a crontab counts them.
const DAYS: [(&str, u8); 7] = [
    ("monday", 1),
    ("tuesday", 2),
    ("wednesday", 3),
    ("thursday", 4),
    ("friday", 5),
    ("saturday", 6),
    ("sunday", 0),
];
const EXAMPLE: &str = "write when everything is told, as in `digest: { at: \"09:00\", days: [monday] }`";

impl Digest {
    /// Compiles the value under `digest:`, without its card; `time_zone` is the workspace's. Paths of faults lead into
    /// `value`.
    ///
    /// # Errors
    /// All faults: an unknown key, a time or day that is none, a zone nobody knows.
    pub fn compile(value: &Value, time_zone: Tz) -> Result<Digest, Vec<Fault>> {
        let Value::Object(written) = value else {
            return Err(vec![
                Fault::error("digest::form", "`digest` says when, and with which card").help(EXAMPLE),
            ]);
        };
        let mut faults: Vec<Fault> = written
            .keys()
            .filter(|key| !KEYS.contains(&key.as_str()))
            .map(|key| unknown_key(key))
            .collect();
        let (zone, of_recipient) = zone(written, time_zone, &mut faults);
        let days = days(written.get("days"), &mut faults);
        let times = times(written.get("at"), &mut faults);
        if written.get("at").is_none() {
            for key in ["days", "time_zone"]
                .into_iter()
                .filter(|key| written.contains_key(*key))
            {
                let fault = Fault::error("digest::form", format!("`{key}` needs a time of the day"));
                faults.push(fault.help("write `at: \"09:00\"` beside it").on_key().under(key));
            }
        }
        if faults.iter().any(|fault| fault.severity == Severity::Error) {
            return Err(faults);
        }
        let words = words(&times, days.as_deref(), of_recipient);
        let day = days.map_or_else(|| "*".to_owned(), |days| days.join(","));
        let schedules: Vec<Schedule> = times
            .into_iter()
            .map(|(hour, minute)| {
                Schedule::parse(&format!("{minute} {hour} * * {day}"))
                    .expect("times and days are within a crontab's bounds")
            })
            .collect();
        Ok(Digest {
            times: (!schedules.is_empty()).then_some(Times {
                schedules,
                zone,
                of_recipient,
                words,
            }),
            card: None,
        })
    }
}

fn words(times: &[(u8, u8)], days: Option<&[String]>, of_recipient: bool) -> String {
    let times: Vec<String> = times
        .iter()
        .map(|(hour, minute)| format!("{hour:02}:{minute:02}"))
        .collect();
    let mut words = format!("at {}", times.join(", "));
    if let Some(days) = days {
        let named = DAYS.iter().filter(|(_, number)| days.contains(&number.to_string()));
        let named: Vec<&str> = named.map(|(name, _)| *name).collect();
        words.push_str(&format!(" on {}", named.join(", ")));
    }
    if of_recipient {
        words.push_str(" where each recipient lives");
    }
    words
}

fn unknown_key(key: &str) -> Fault {
    let fault = Fault::error("digest::form", format!("a digest has no `{key}`"))
        .on_key()
        .under(key);
    let meant = match key {
        "time" | "times" | "when" | "every" | "hour" => Some("at"),
        "on" | "day" | "weekday" | "weekdays" | "weekly" => Some("days"),
        "zone" | "timezone" => Some("time_zone"),
        "template" | "message" => Some("card"),
        _ => did_you_mean(key, KEYS),
    };
    match meant {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => fault.help("it has `at`, `days`, `time_zone` and `card`"),
    }
}

fn zone(written: &Map<String, Value>, otherwise: Tz, faults: &mut Vec<Fault>) -> (Tz, bool) {
    let found = match written.get("time_zone") {
        None => return (otherwise, false),
        Some(Value::String(text)) if text.trim() == RECIPIENT => return (otherwise, true),
        Some(Value::String(text)) => zone::parse(text),
        Some(_) => Err(Fault::error("digest::form", "`time_zone` is a name")
            .help("write `time_zone: Europe/Berlin`, or `time_zone: recipient` for the clock of whoever is told")),
    };
    let zone = found.map_err(|fault| faults.push(fault.under("time_zone")));
    (zone.unwrap_or(otherwise), false)
}

/// One or a list -> each with its place in the list, if it is one.
fn one_or_many(value: &Value) -> Vec<(Option<usize>, &Value)> {
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(place, item)| (Some(place), item))
            .collect(),
        other => vec![(None, other)],
    }
}

fn placed(fault: Fault, place: Option<usize>, key: &str) -> Fault {
    let fault = match place {
        Some(place) => fault.under(place),
        None => fault,
    };
    fault.under(key)
}

/// The days as a crontab counts them; `None` means every day.
fn days(written: Option<&Value>, faults: &mut Vec<Fault>) -> Option<Vec<String>> {
    let written = written?;
    let mut days = Vec::new();
    for (place, day) in one_or_many(written) {
        let word = day.as_str().unwrap_or_default().trim().to_lowercase();
        match word.as_str() {
            "weekdays" | "workdays" => days.extend([1, 2, 3, 4, 5]),
            "weekend" | "weekends" => days.extend([6, 0]),
            "every day" | "daily" => days.extend(0..7),
            word => {
                // `mon` and `Mondays` are as clear.
                let known = DAYS.iter().find(|(name, _)| {
                    *name == word.trim_end_matches('s') || (word.len() == 3 && name.starts_with(word))
                });
                if let Some((_, number)) = known {
                    days.push(*number);
                    continue;
                }
                let shown: String = word.chars().take(40).collect();
                let fault = match day.as_str() {
                    Some(_) => Fault::error("digest::days", format!("`{shown}` is no day of the week")),
                    None => Fault::error("digest::days", "a day of the week is a word"),
                };
                let fault = match did_you_mean(&shown, DAYS.map(|(name, _)| name)) {
                    Some(meant) => fault.help(format!("did you mean `{meant}`?")),
                    None => fault.help("write `monday`, `[monday, thursday]` or `weekdays`"),
                };
                faults.push(placed(fault, place, "days"));
            }
        }
    }
    if days.is_empty() && faults.iter().all(|fault| fault.code != "digest::days") {
        let fault = Fault::error("digest::days", "on no day nothing is ever told");
        faults.push(
            fault
                .help("name a day, or leave `days` out for every day")
                .under("days"),
        );
    }
    days.sort_unstable();
    days.dedup();
    Some(days.iter().map(u8::to_string).collect())
}

fn times(written: Option<&Value>, faults: &mut Vec<Fault>) -> Vec<(u8, u8)> {
    let Some(written) = written else {
        return Vec::new();
    };
    let written = one_or_many(written);
    if written.is_empty() || written.len() > MOST_TIMES {
        let message = format!("a digest has 1 to {MOST_TIMES} times of the day");
        faults.push(
            Fault::error("digest::at", message)
                .help("write `at: \"09:00\"`")
                .under("at"),
        );
        return Vec::new();
    }
    let mut times = Vec::new();
    for (place, time) in written {
        match time.as_str().map(str::trim).map(|text| (text, clock_time(text))) {
            Some((_, Some(time))) => times.push(time),
            Some((text, None)) => {
                let shown: String = text.chars().take(40).collect();
                let fault = Fault::error("digest::at", format!("`{shown}` is no time of the day"));
                let fault = fault.help("write hours and minutes of 24 hours, in quotes: `\"09:00\"`, `\"17:30\"`");
                faults.push(placed(fault, place, "at"));
            }
            None => {
                let fault = Fault::error("digest::at", "a time of the day stands in quotes");
                faults.push(placed(fault.help("write `at: \"09:00\"`"), place, "at"));
            }
        }
    }
    times.sort_unstable();
    times.dedup();
    times
}

/// `09:00`, `9:05`, `17:30`
fn clock_time(text: &str) -> Option<(u8, u8)> {
    let (hour, minute) = text.split_once(':')?;
    let digits =
        |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour, 2) || !digits(minute, 2) || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde_json::json;

    use super::*;
    use crate::diagnostic::Step;

    fn times(value: Value) -> Times {
        let digest = Digest::compile(&value, Tz::Europe__Berlin).unwrap_or_else(|faults| panic!("{faults:#?}"));
        digest.times.expect("times")
    }

    fn at(instant: &str) -> DateTime<Utc> {
        instant.parse().expect("an instant")
    }

    #[test]
    fn a_digest_comes_at_its_times_on_its_days() {
        let monday = times(json!({ "at": "09:00", "days": ["monday"] }));
        assert_eq!(
            monday.next(at("2026-03-03T12:00:00Z"), None),
            at("2026-03-09T08:00:00Z")
        );
        let daily = times(json!({ "at": ["17:30", "9:00"] }));
        assert_eq!(daily.next(at("2026-03-03T08:00:00Z"), None), at("2026-03-03T16:30:00Z"));
        let workdays = times(json!({ "at": "09:00", "days": "weekdays" }));
        assert_eq!(
            workdays.next(at("2026-03-06T09:00:00Z"), None),
            at("2026-03-09T08:00:00Z")
        );
    }

    #[test]
    fn it_keeps_to_the_clock_on_the_wall_when_clocks_change() {
        let night = times(json!({ "at": "02:30" }));
        assert_eq!(
            night.next(at("2026-03-28T12:00:00Z"), None),
            at("2026-03-29T01:00:00Z"),
            "in the missing hour: right after it"
        );
        let first = night.next(at("2026-10-24T12:00:00Z"), None);
        assert_eq!(first, at("2026-10-25T00:30:00Z"));
        assert_eq!(
            night.next(first, None),
            at("2026-10-26T01:30:00Z"),
            "in the doubled hour: once"
        );
    }

    #[test]
    fn each_recipient_is_told_by_their_own_clock_where_the_author_wants_it() {
        let theirs = times(json!({ "at": "09:00", "time_zone": "recipient" }));
        let noon = at("2026-06-01T12:00:00Z");
        assert_eq!(theirs.next(noon, Some(Tz::Asia__Tokyo)), at("2026-06-02T00:00:00Z"));
        assert_eq!(
            theirs.next(noon, None),
            at("2026-06-02T07:00:00Z"),
            "the workspace's, of others"
        );
        let fixed = times(json!({ "at": "09:00", "time_zone": "America/New_York" }));
        assert_eq!(fixed.next(noon, Some(Tz::Asia__Tokyo)), at("2026-06-01T13:00:00Z"));
    }

    #[test]
    fn what_is_wrong_is_said_where_it_stands() {
        for (value, key, message, help) in [
            (json!("09:00"), "", "says when", "at: \"09:00\""),
            (json!({ "at": "9 am" }), "at", "no time of the day", "24 hours"),
            (json!({ "at": "24:00" }), "at", "no time of the day", "24 hours"),
            (json!({ "at": 9 }), "at", "in quotes", "at: \"09:00\""),
            (json!({ "at": [] }), "at", "1 to 24", "at: \"09:00\""),
            (json!({ "at": "09:00", "days": "mondey" }), "days", "no day", "`monday`"),
            (
                json!({ "at": "09:00", "days": [] }),
                "days",
                "on no day",
                "leave `days` out",
            ),
            (json!({ "days": "monday" }), "days", "needs a time", "at: \"09:00\""),
            (json!({ "at": "09:00", "on": "monday" }), "on", "no `on`", "`days`"),
            (
                json!({ "at": "09:00", "time_zone": "Berlin" }),
                "time_zone",
                "no time zone",
                "Europe/Berlin",
            ),
        ] {
            let faults = Digest::compile(&value, Tz::UTC).expect_err("faults");
            let fault = faults.first().expect("one");
            let place = (!key.is_empty()).then(|| Step::from(key));
            assert_eq!(fault.path.first(), place.as_ref(), "{value}");
            assert!(fault.message.contains(message), "{value}: {}", fault.message);
            assert!(
                fault.help.as_ref().is_some_and(|told| told.contains(help)),
                "{value}: {fault:?}"
            );
        }
    }
}
