//! What `directory.yaml` says of a rotation -> [`Rotation`], or everything that is wrong with it.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;

use super::file::{OverrideFile, RotationFile};
use super::{Override, Rotation, instant};
use crate::diagnostic::{Fault, did_you_mean};
use crate::zone;

/// How many people take turns.
pub const MOST_PEOPLE: usize = 100;
/// How many exceptions a rotation has.
pub const MOST_OVERRIDES: usize = 500;
/// The longest turn, in days.
const LONGEST_TURN: u32 = 366;

const CODE: &str = "directory::rotation";
const HAND_OVER: &str = "write `Monday 09:00`, `daily 09:00`, `every 3 days 09:00` or `every 2 weeks Monday 09:00`";

const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Mon),
    ("tuesday", Weekday::Tue),
    ("wednesday", Weekday::Wed),
    ("thursday", Weekday::Thu),
    ("friday", Weekday::Fri),
    ("saturday", Weekday::Sat),
    ("sunday", Weekday::Sun),
];

/// When turns change hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct HandOver {
    every: u32,
    weekday: Option<Weekday>,
    at: NaiveTime,
}

impl Rotation {
    /// Compiles a rotation, with its warnings; `time_zone` is that of the workspace. Paths of faults begin at the
    /// rotation.
    ///
    /// # Errors
    /// Everything wrong with it, warnings included: nobody takes turns, a hand-over that is none, a day that is none.
    pub fn compile(
        name: &str,
        file: &RotationFile,
        time_zone: Option<Tz>,
    ) -> Result<(Rotation, Vec<Fault>), Vec<Fault>> {
        let mut faults = Vec::new();
        let people: Vec<String> = file.people.iter().map(|person| person.trim().to_owned()).collect();
        if people.is_empty() {
            faults.push(Fault::error(CODE, "nobody takes turns here").help("write `people: [anna, omar]`"));
        } else if people.len() > MOST_PEOPLE {
            let message = format!("at most {MOST_PEOPLE} people take turns");
            faults.push(Fault::error(CODE, message).under("people"));
        }
        for (index, person) in people.iter().enumerate() {
            if person.is_empty() || person.contains("{{") {
                let fault = Fault::error(CODE, "a person is needed here, by alias, mail address or name");
                faults.push(fault.under(index).under("people"));
            }
        }
        let hand_over = match hand_over(&file.hand_over) {
            Ok(hand_over) => Some(hand_over),
            Err(fault) => {
                faults.push(match file.hand_over.is_empty() {
                    true => Fault::error(CODE, "nothing says when the next one takes over").help(HAND_OVER),
                    false => fault.under("hand_over"),
                });
                None
            }
        };
        let zone = match file.time_zone.as_deref().map(zone::parse).transpose() {
            Ok(zone) => zone.or(time_zone).unwrap_or(Tz::UTC),
            Err(fault) => {
                faults.push(fault.under("time_zone"));
                Tz::UTC
            }
        };
        let starts = file.starts.as_deref().and_then(|text| match day(text) {
            Ok(day) => Some(day),
            Err(fault) => {
                faults.push(fault.under("starts"));
                None
            }
        });
        if let (Some(starts), Some(weekday)) = (starts, hand_over.and_then(|hand_over| hand_over.weekday))
            && starts.weekday() != weekday
        {
            let message = format!(
                "{starts} is a {}, and turns change on a {}",
                name_of(starts.weekday()),
                name_of(weekday)
            );
            let help = format!(
                "write the {} after it: {}",
                name_of(weekday),
                following(starts, weekday)
            );
            faults.push(Fault::error(CODE, message).help(help).under("starts"));
        }
        let overrides = overrides(&file.overrides, zone, &mut faults);
        match hand_over {
            Some(HandOver { every, weekday, at }) if faults.iter().all(is_warning) => {
                let rotation = Rotation {
                    name: name.to_owned(),
                    people,
                    every,
                    at,
                    zone,
                    anchor: starts.unwrap_or_else(|| following(beginning(), weekday.unwrap_or(Weekday::Mon))),
                    begins: starts.is_some(),
                    overrides,
                };
                Ok((rotation, faults))
            }
            Some(_) | None => Err(faults),
        }
    }
}

fn is_warning(fault: &Fault) -> bool {
    fault.severity == crate::diagnostic::Severity::Warning
}

/// From here turns are counted where no day is written: a Monday.
fn beginning() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, 1).expect("it is in the calendar")
}

/// `day`, or the first such weekday after it.
fn following(day: NaiveDate, weekday: Weekday) -> NaiveDate {
    let ahead = (7 + weekday.num_days_from_monday() - day.weekday().num_days_from_monday()) % 7;
    day + chrono::Days::new(u64::from(ahead))
}

fn name_of(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

/// `Monday 09:00`, `weekly Monday 09:00`, `daily 09:00`, `every 2 weeks Monday 09:00`, `every 3 days 09:00`.
fn hand_over(text: &str) -> Result<HandOver, Fault> {
    let wrong = |message: String| Err(Fault::error(CODE, message).help(HAND_OVER));
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .map(str::to_lowercase)
        .filter(|word| !word.is_empty() && word != "at" && word != "on")
        .collect();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    let at = match words.pop() {
        Some(time) => match clock(time) {
            Some(at) => at,
            None if words.is_empty() => return wrong("the time of the hand-over is missing".to_owned()),
            None => return wrong(format!("`{time}` is no time of day")),
        },
        None => return wrong("nothing says when the next one takes over".to_owned()),
    };
    let (every, rest) = match words.as_slice() {
        ["daily"] | ["every", "day"] => (Some(1), &[][..]),
        ["weekly", rest @ ..] | ["every", "week", rest @ ..] => (None, rest),
        ["every", number, "day" | "days"] => match number.parse::<u32>() {
            Ok(days) if (1..=LONGEST_TURN).contains(&days) => (Some(days), &[][..]),
            Ok(_) | Err(_) => return wrong(format!("a turn lasts from 1 to {LONGEST_TURN} days")),
        },
        ["every", number, "week" | "weeks", rest @ ..] => match number.parse::<u32>() {
            Ok(weeks) if (1..=LONGEST_TURN / 7).contains(&weeks) => {
                return match rest {
                    [day] => Ok(HandOver {
                        every: weeks * 7,
                        weekday: Some(weekday(day)?),
                        at,
                    }),
                    _ => wrong("the day of the hand-over is missing".to_owned()),
                };
            }
            Ok(_) | Err(_) => return wrong(format!("a turn lasts from 1 to {} weeks", LONGEST_TURN / 7)),
        },
        rest => (None, rest),
    };
    match (every, rest) {
        (Some(every), _) => Ok(HandOver {
            every,
            weekday: None,
            at,
        }),
        (None, ["every", day] | [day]) => Ok(HandOver {
            every: 7,
            weekday: Some(weekday(day)?),
            at,
        }),
        (None, []) => wrong("the day of the hand-over is missing".to_owned()),
        (None, _) => wrong(format!("`{}` is no hand-over", cut(text))),
    }
}

fn weekday(word: &str) -> Result<Weekday, Fault> {
    let known = DAYS
        .iter()
        .find(|(name, _)| *name == word || (word.len() >= 3 && name.starts_with(word)));
    if let Some((_, day)) = known {
        return Ok(*day);
    }
    let fault = Fault::error(CODE, format!("`{}` is no day of the week", cut(word)));
    Err(match did_you_mean(word, DAYS.map(|(name, _)| name)) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(HAND_OVER),
    })
}

fn clock(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M").ok()
}

fn day(text: &str) -> Result<NaiveDate, Fault> {
    NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").map_err(|_| {
        let fault = Fault::error(CODE, format!("`{}` is no day", cut(text)));
        fault.help("write it as `2026-01-05`: year, month, day")
    })
}

fn overrides(written: &[OverrideFile], zone: Tz, faults: &mut Vec<Fault>) -> Vec<Override> {
    if written.len() > MOST_OVERRIDES {
        let message = format!("a rotation has at most {MOST_OVERRIDES} exceptions");
        faults.push(
            Fault::error(CODE, message)
                .help("take out those that are over")
                .under("overrides"),
        );
        return Vec::new();
    }
    let mut overrides: Vec<(usize, Override)> = Vec::new();
    for (index, file) in written.iter().enumerate() {
        let mut moment = |key: &'static str, text: &str| match moment(text, zone) {
            Ok(at) => Some(at),
            Err(fault) => {
                faults.push(fault.under(key).under(index).under("overrides"));
                None
            }
        };
        let (from, to) = (moment("from", &file.from), moment("to", &file.to));
        let person = file.person.trim();
        if person.is_empty() || person.contains("{{") {
            let fault = Fault::error(CODE, "this exception does not say who stands in").help("write `person: omar`");
            faults.push(fault.under(index).under("overrides"));
            continue;
        }
        let (Some(from), Some(to)) = (from, to) else {
            continue;
        };
        if to <= from {
            let fault = Fault::error(CODE, "this exception is over before it begins");
            faults.push(fault.under("to").under(index).under("overrides"));
            continue;
        }
        let overlaps = overrides.iter().find(|(_, other)| from < other.to && other.from < to);
        if let Some((other, _)) = overlaps {
            let message = format!(
                "this exception overlaps with the {}, which counts meanwhile",
                place(*other)
            );
            let fault = Fault::warning(CODE, message).help("let one begin where the other ends");
            faults.push(fault.under(index).under("overrides"));
        }
        let person = person.to_owned();
        overrides.push((index, Override { from, to, person }));
    }
    overrides.into_iter().map(|(_, one)| one).collect()
}

fn place(index: usize) -> String {
    match index {
        0 => "first one".to_owned(),
        1 => "second one".to_owned(),
        2 => "third one".to_owned(),
        more => format!("one that is number {}", more + 1),
    }
}

/// `2026-12-24 09:00`; a day alone is its midnight.
fn moment(text: &str, zone: Tz) -> Result<DateTime<Utc>, Fault> {
    let text = text.trim();
    let read = [
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
    ]
    .iter()
    .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
    .or_else(|| {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .map(|day| day.and_time(NaiveTime::MIN))
    });
    match read {
        Some(wall) => Ok(instant(wall, zone)),
        None => {
            let message = match text.is_empty() {
                true => "a time is missing here".to_owned(),
                false => format!("`{}` is no time", cut(text)),
            };
            Err(Fault::error(CODE, message).help("write it as `2026-12-24 09:00`"))
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}
