//! The five fields of crontab as sets of numbers, or what is wrong with them.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::diagnostic::{Fault, did_you_mean};

/// The fields of a crontab line, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crontab {
    /// 0 to 59.
    pub minutes: BTreeSet<u32>,
    /// 0 to 23.
    pub hours: BTreeSet<u32>,
    /// Days of the month, 1 to 31.
    pub days: BTreeSet<u32>,
    /// 1 to 12.
    pub months: BTreeSet<u32>,
    /// 0 (Sunday) to 6.
    pub weekdays: BTreeSet<u32>,
    /// A day need meet only one of `days` and `weekdays`: neither field begins with `*`.
    pub either: bool,
    /// The bytes of the fields that choose the day: day of month and month.
    pub day_at: Range<usize>,
}

/// The longest text read: more is no schedule a person wrote.
const LONGEST: usize = 512;

struct Field {
    name: &'static str,
    lowest: u32,
    highest: u32,
    /// Names of the values from `lowest` on.
    names: &'static [&'static str],
}

const MINUTE: Field = Field {
    name: "minute",
    lowest: 0,
    highest: 59,
    names: &[],
};
const HOUR: Field = Field {
    name: "hour",
    lowest: 0,
    highest: 23,
    names: &[],
};
const DAY: Field = Field {
    name: "day of month",
    lowest: 1,
    highest: 31,
    names: &[],
};
const MONTH: Field = Field {
    name: "month",
    lowest: 1,
    highest: 12,
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
};
const WEEKDAY: Field = Field {
    name: "day of week",
    lowest: 0,
    highest: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"],
};

const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Reads the five fields, or a nickname that stands for them.
///
/// # Errors
/// A fault that underlines the field, or the part of it, that cannot be read.
pub fn read(text: &str) -> Result<Crontab, Fault> {
    if text.len() > LONGEST {
        return Err(fault(
            0..text.len(),
            format!("a schedule is at most {LONGEST} bytes long"),
        ));
    }
    let words = words(text);
    if let [(range, word)] = &words[..]
        && word.starts_with('@')
    {
        return read(nickname(word).map_err(|fault| fault.within(range.clone()))?);
    }
    let [
        (minute_at, minute),
        (hour_at, hour),
        (day_at, day),
        (month_at, month),
        (weekday_at, weekday),
    ] = &words[..]
    else {
        return Err(wrong_count(text, &words));
    };
    Ok(Crontab {
        minutes: MINUTE.read(minute, minute_at.start)?,
        hours: HOUR.read(hour, hour_at.start)?,
        days: DAY.read(day, day_at.start)?,
        months: MONTH.read(month, month_at.start)?,
        weekdays: WEEKDAY
            .read(weekday, weekday_at.start)?
            .into_iter()
            .map(|day| day % 7)
            .collect(),
        either: !day.starts_with('*') && !weekday.starts_with('*'),
        day_at: day_at.start..month_at.end,
    })
}

impl Field {
    /// The values `text` names; `at` is where it stands in the schedule.
    fn read(&self, text: &str, at: usize) -> Result<BTreeSet<u32>, Fault> {
        let mut values = BTreeSet::new();
        let mut start = at;
        for part in text.split(',') {
            let range = start..start + part.len();
            start = range.end + 1;
            self.read_part(part, range, &mut values)?;
        }
        Ok(values)
    }

    fn read_part(&self, part: &str, at: Range<usize>, values: &mut BTreeSet<u32>) -> Result<(), Fault> {
        if part.is_empty() {
            let around = at.start.saturating_sub(1)..at.end + 1;
            return Err(fault(
                around,
                format!("a value is missing in the list of the {} field", self.name),
            ));
        }
        if let Some(fault) = self.foreign(part) {
            return Err(fault.within(at));
        }
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => (span, Some(step)),
            None => (part, None),
        };
        let span_at = at.start..at.start + span.len();
        let (low, high) = if span == "*" {
            // 0 to 6 already are all seven days.
            (self.lowest, if self.highest == 7 { 6 } else { self.highest })
        } else if let Some((low_text, high_text)) = span.split_once('-') {
            if low_text.is_empty() || high_text.is_empty() {
                return Err(fault(
                    span_at,
                    format!("a value is missing in the range of the {} field", self.name),
                ));
            }
            let low_end = span_at.start + low_text.len();
            let low = self.value(low_text, span_at.start..low_end)?;
            let mut high = self.value(high_text, low_end + 1..span_at.end)?;
            if self.highest == 7 && high == 0 && low > 0 {
                high = 7;
            }
            if low > high {
                // 7 is Sunday again; the week ends with 6 here.
                let last = if self.highest == 7 { 6 } else { self.highest };
                let until_last = if low == last {
                    low.to_string()
                } else {
                    format!("{low}-{last}")
                };
                let from_first = if high == self.lowest {
                    high.to_string()
                } else {
                    format!("{}-{high}", self.lowest)
                };
                let help = format!("write both parts: `{until_last},{from_first}`");
                return Err(
                    fault(span_at, format!("the range of the {} field runs backwards", self.name)).help(help),
                );
            }
            (low, high)
        } else {
            let value = self.value(span, span_at.clone())?;
            if let Some(step) = step {
                let step = cut(step);
                return Err(fault(at, "a step needs a range before it".to_owned())
                    .help(format!("write `{value}-{}/{step}` or `*/{step}`", self.highest)));
            }
            (value, value)
        };
        let step = match step {
            None => 1,
            Some(text) => self.step(text, span_at.end + 1..at.end, high - low)?,
        };
        values.extend((low..=high).step_by(step));
        Ok(())
    }

    fn step(&self, text: &str, at: Range<usize>, room: u32) -> Result<usize, Fault> {
        let around = if at.is_empty() {
            at.start - 1..at.end
        } else {
            at.clone()
        };
        let steps = format!("the step after `/` in the {} field", self.name);
        match number(text) {
            Some(0) => Err(fault(around, format!("{steps} cannot be 0"))),
            Some(step) if step <= room => Ok(step as usize),
            Some(step) => Err(fault(
                around,
                format!("{steps} is larger than its range: `/{step}` would fire at the first value only"),
            )
            .help(if room == 0 {
                "leave the step out".to_owned()
            } else {
                format!("write a step between 1 and {room}, or the value itself")
            })),
            None => Err(fault(around, format!("{steps} must be a number"))),
        }
    }

    fn value(&self, text: &str, at: Range<usize>) -> Result<u32, Fault> {
        let around = if at.is_empty() {
            at.start.saturating_sub(1)..at.end
        } else {
            at
        };
        if let Some(index) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.lowest + index as u32);
        }
        match number(text) {
            Some(value) if (self.lowest..=self.highest).contains(&value) => Ok(value),
            Some(value) => {
                let fault = fault(
                    around,
                    format!("{value} is no {}: it is {} to {}", self.name, self.lowest, self.highest),
                );
                Err(match (self.name, value) {
                    ("minute", 60) | ("hour", 24) => fault.help("write 0"),
                    _ => fault,
                })
            }
            None => {
                let fault = fault(around, format!("`{}` is no {}", cut(text), self.name));
                Err(match self.meant(text) {
                    Some(name) => fault.help(format!("did you mean `{name}`?")),
                    None if self.names.is_empty() => {
                        fault.help(format!("write a number from {} to {}", self.lowest, self.highest))
                    }
                    None => fault.help(format!(
                        "write a number from {} to {} or a name like `{}`",
                        self.lowest, self.highest, self.names[1]
                    )),
                })
            }
        }
    }

    /// The name meant by `Monday`, `january` or a slip.
    fn meant(&self, text: &str) -> Option<&'static str> {
        let beginning: String = text.chars().take(3).collect();
        self.names
            .iter()
            .find(|name| name.eq_ignore_ascii_case(&beginning))
            .copied()
            .or_else(|| did_you_mean(cut(text), self.names.iter().copied()))
    }

    /// What other cron dialects allow and crontab does not.
    fn foreign(&self, part: &str) -> Option<Fault> {
        let is_day = self.name == "day of month" || self.name == "day of week";
        let upper = part.to_ascii_uppercase();
        let named = self.names.iter().any(|name| upper.contains(name));
        let plain = |message: &str, help: &str| Some(Fault::error("cron::field", message).help(help));
        if part.contains('?') {
            return plain("`?` belongs to another cron dialect", "write `*`");
        }
        if part.contains('#') {
            return plain(
                "`#` (the n-th weekday of a month) is not part of crontab",
                "name the days of month in which it falls and the weekday in an `if`, or write several rules",
            );
        }
        if is_day && !named && (upper == "L" || upper.ends_with('L') || upper.starts_with("L-") || upper == "LW") {
            return plain(
                "`L` (the last day) is not part of crontab",
                "fire on the first day instead (`1`), or daily with a condition",
            );
        }
        if is_day && !named && upper.ends_with('W') && upper.len() > 1 && number(&part[..part.len() - 1]).is_some() {
            return plain(
                "`W` (the nearest working day) is not part of crontab",
                "write the weekdays in the last field: `MON-FRI`",
            );
        }
        if upper == "H" || upper.starts_with("H/") || upper.starts_with("H(") {
            return plain(
                "`H` (a minute chosen by the server) belongs to another cron dialect",
                "write the number itself",
            );
        }
        None
    }
}

fn words(text: &str) -> Vec<(Range<usize>, &str)> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return words;
        }
        let start = text.len() - rest.len();
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        words.push((start..start + length, &rest[..length]));
        rest = &rest[length..];
    }
}

fn nickname(word: &str) -> Result<&'static str, Fault> {
    let lower = word.to_ascii_lowercase();
    if let Some((_, fields)) = NICKNAMES.iter().find(|(name, _)| *name == lower) {
        return Ok(fields);
    }
    let shown = cut(word);
    let fault = Fault::error("cron::nickname", format!("there is no schedule called `{shown}`"));
    Err(match lower.as_str() {
        "@reboot" => {
            fault.help("nothing fires because Herald started; use a `file:` or `installed:` trigger, or a time")
        }
        "@every" => fault.help("write the five fields: `*/10 * * * *` is every ten minutes"),
        _ => match did_you_mean(shown, NICKNAMES.iter().map(|(name, _)| *name)) {
            Some(meant) => fault.help(format!("did you mean `{meant}`?")),
            None => fault.help("there are @hourly, @daily, @weekly, @monthly and @yearly"),
        },
    })
}

fn wrong_count(text: &str, words: &[(Range<usize>, &str)]) -> Fault {
    const FIVE: &str = "five fields: minute, hour, day of month, month, day of week, as in `0 9 * * 1-5`";
    let (Some((first_at, first)), Some((last_at, last))) = (words.first(), words.last()) else {
        return fault(0..text.len(), "the schedule is empty").help(format!("write {FIVE}"));
    };
    let whole = first_at.start..last_at.end;
    if first.eq_ignore_ascii_case("@every") {
        return fault(whole, "`@every` is not part of crontab")
            .help("write the five fields: `*/10 * * * *` is every ten minutes");
    }
    if words.len() == 1 && first.contains(':') {
        return fault(whole, format!("`{}` is a time of day, not a schedule", cut(first)))
            .help("09:30 on every day is `30 9 * * *`");
    }
    let count = words.len();
    let has = if count == 1 {
        "1 field".to_owned()
    } else {
        format!("{count} fields")
    };
    let fault =
        |at: Range<usize>| fault(at, format!("this schedule has {has}, not five")).help(format!("write {FIVE}"));
    let is_year = number(last).is_some_and(|year| (1970..=2100).contains(&year));
    match count {
        6 if is_year => fault(last_at.clone()).help("leave the year out: schedules have no year"),
        6 | 7 => fault(first_at.clone()).help(format!(
            "leave the seconds out: `{}`",
            words[1..6]
                .iter()
                .map(|(_, word)| cut(word))
                .collect::<Vec<_>>()
                .join(" ")
        )),
        _ => fault(whole),
    }
}

fn fault(at: Range<usize>, message: impl Into<String>) -> Fault {
    Fault::error("cron::field", message).within(at)
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn cut(text: &str) -> &str {
    match text.char_indices().nth(24) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}
