//! Quiet hours: when somebody does not want to be told, and until when a card waits for them.
//!
//! People write them as a line, `22:00-07:00` or `Mon-Fri 19:00-07:00; Sat-Sun all day`: in `herald.yaml`, in rules, in
//! `directory.yaml`, and in the settings card of their chat. [`Hours`] is what such a line says, [`Quiet`] all that holds
//! for one recipient. What a rule does with them is in [`policy`].

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Fault;
use crate::holiday::Holidays;
use crate::wall;

pub mod file;
pub mod policy;

/// How many spans one line may have.
const MOST_SPANS: usize = 14;
/// How many spans that touch are followed until one ends; who is quiet for longer is not waited for.
const MOST_STEPS: usize = 400;
/// A day has so many minutes.
const DAY: u16 = 24 * 60;
const EVERY_DAY: u8 = 0b111_1111;

/// Times of day at which somebody does not want to be told, on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hours {
    spans: Vec<Span>,
}

/// From a minute of the day to another; over midnight if that is not later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: u16,
    to: u16,
    /// The days on which it begins; Monday is the lowest bit.
    days: u8,
}

impl Hours {
    /// Reads a line: parts with `;` between them, each with days (or none, for every day) and `HH:MM-HH:MM` or `all day`.
    /// Days are names, ranges such as `Mon-Fri`, `weekdays` and `weekend`.
    ///
    /// # Errors
    /// What cannot be read, with what to write instead; hours that never end.
    pub fn parse(text: &str) -> Result<Hours, Fault> {
        let mut spans = Vec::new();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            spans.push(span(part)?);
        }
        Self::of(spans)
    }

    /// The hours from one time of day to another on these days; from a time to itself is a whole day.
    ///
    /// # Errors
    /// A time that is none.
    pub fn between(from: &str, to: &str, days: Option<&[String]>, all_day: &[String]) -> Result<Hours, Fault> {
        let days = match days {
            Some(days) => names(days, "days")?,
            None => EVERY_DAY,
        };
        let mut spans = vec![Span {
            from: minute(from).map_err(|fault| fault.under("from"))?,
            to: minute(to).map_err(|fault| fault.under("to"))?,
            days,
        }];
        if spans[0].from == spans[0].to {
            return Err(shape("these quiet hours are none: they end when they begin")
                .help("for whole days write `all_day: [Saturday, Sunday]`")
                .under("to"));
        }
        if !all_day.is_empty() {
            spans.push(Span::whole_days(names(all_day, "all_day")?));
        }
        Self::of(spans)
    }

    /// Whole days.
    ///
    /// # Errors
    /// A day that is none; all seven.
    pub fn all_day(days: &[String]) -> Result<Hours, Fault> {
        Self::of(vec![Span::whole_days(names(days, "all_day")?)])
    }

    fn of(spans: Vec<Span>) -> Result<Hours, Fault> {
        if spans.is_empty() {
            return Err(shape("there are no hours here").help(HELP));
        }
        if spans.len() > MOST_SPANS {
            return Err(
                shape(format!("quiet hours have at most {MOST_SPANS} parts")).help("take some of them together")
            );
        }
        let hours = Hours { spans };
        // A week in which no clock changes.
        let monday: DateTime<Utc> = DateTime::from_timestamp(1_767_571_200, 0).expect("a time in 2026 exists");
        let mut at = monday;
        while let Some(end) = hours.end_of_span(at, Tz::UTC).filter(|end| *end > at) {
            if end - monday > TimeDelta::days(8) {
                return Err(shape("these quiet hours never end, so nothing would ever be sent")
                    .help("leave some time of the week out of them"));
            }
            at = end;
        }
        Ok(hours)
    }

    /// When the spans around `at` end; none if `at` is not in one.
    fn end_of_span(&self, at: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let today = at.with_timezone(&zone).date_naive();
        let days = [today.pred_opt(), Some(today)].into_iter().flatten();
        let spans = days.flat_map(|day| self.spans.iter().map(move |span| (day, span)));
        let around = spans.filter_map(|(day, span)| {
            if span.days & (1 << day.weekday().num_days_from_monday()) == 0 {
                return None;
            }
            let ends_on = if span.to > span.from { day } else { day.succ_opt()? };
            let begin = wall::instant(day.and_time(time(span.from)), zone);
            let end = match span.to {
                DAY => wall::instant(ends_on.succ_opt()?.and_time(NaiveTime::MIN), zone),
                to => wall::instant(ends_on.and_time(time(to)), zone),
            };
            (begin <= at && at < end).then_some(end)
        });
        around.max()
    }
}

impl Span {
    fn whole_days(days: u8) -> Span {
        Span { from: 0, to: DAY, days }
    }
}

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Hours::parse(&text).map_err(|fault| fault.message)
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        hours.to_string()
    }
}

impl fmt::Display for Hours {
    /// As [`Hours::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, span) in self.spans.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            if span.days != EVERY_DAY {
                write!(f, "{} ", days_in_words(span.days))?;
            }
            match (span.from, span.to) {
                (0, DAY) => f.write_str("all day")?,
                (from, to) => write!(f, "{}-{}", clock(from), clock(to))?,
            }
        }
        Ok(())
    }
}

/// All that keeps cards from one recipient.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quiet {
    /// Any of these.
    pub hours: Vec<Arc<Hours>>,
    /// The days of any of these calendars.
    pub holidays: Vec<Arc<Holidays>>,
}

impl Quiet {
    /// Nothing does.
    pub fn is_none(&self) -> bool {
        self.hours.is_empty() && self.holidays.is_empty()
    }

    /// When the quiet time ends that `now` lies in by the clocks of `zone`, with all that follows it without a break; none
    /// if it is not quiet. One that goes on for months is none either: nobody means that.
    pub fn until(&self, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        follow(now, |at| {
            let local = at.with_timezone(&zone).naive_local();
            let hours = self.hours.iter().filter_map(|hours| hours.end_of_span(at, zone));
            let holidays = self.holidays.iter().filter_map(|holidays| holidays.at(local));
            hours
                .chain(holidays.map(|holiday| wall::instant(holiday.end, zone)))
                .max()
        })
    }

    /// What of it goes with a delivery of `now`; none if nothing has to.
    pub fn kept(&self, now: DateTime<Utc>, zone: Tz) -> Option<Kept> {
        let from = now.with_timezone(&zone).naive_local();
        let until = from.checked_add_signed(KEPT_AHEAD).unwrap_or(from);
        let days = self.holidays.iter().flat_map(|holidays| {
            let between = holidays.between(from, until).into_iter();
            between.map(|(from, to)| Days {
                of: holidays.name().to_owned(),
                from,
                to,
            })
        });
        let kept = Kept {
            hours: self.hours.iter().map(|hours| hours.as_ref().clone()).collect(),
            days: days.take(MOST_KEPT).collect(),
            zone,
        };
        (!kept.hours.is_empty() || !kept.days.is_empty()).then_some(kept)
    }

    /// What holds, in words: `22:00-07:00, holidays of germany`.
    pub fn words(&self) -> String {
        let hours = self.hours.iter().map(ToString::to_string);
        let holidays = self
            .holidays
            .iter()
            .map(|holidays| format!("holidays of {}", holidays.name()));
        hours.chain(holidays).collect::<Vec<_>>().join(", ")
    }
}

/// What a person keeps instead of the usual quiet hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Own {
    /// None at all.
    None,
    /// These.
    Hours(Arc<Hours>),
}

impl Own {
    /// Reads what stands in `directory.yaml` or what somebody chose: hours, or `none`.
    ///
    /// # Errors
    /// Those of [`Hours::parse`].
    pub fn parse(text: &str) -> Result<Own, Fault> {
        match is_none(text) {
            true => Ok(Own::None),
            false => Ok(Own::Hours(Arc::new(Hours::parse(text)?))),
        }
    }
}

/// Does this say that there are no quiet hours?
pub fn is_none(text: &str) -> bool {
    ["none", "off", "no", "never"].contains(&text.trim().to_ascii_lowercase().as_str())
}

/// When the quiet time around `now` is over, with all that follows it without a break. `end_at` tells when what is around an
/// instant ends, if something is.
fn follow(now: DateTime<Utc>, end_at: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let mut at = now;
    for _ in 0..MOST_STEPS {
        match end_at(at).filter(|end| *end > at) {
            Some(end) => at = end,
            None => return (at > now).then_some(at),
        }
    }
    None
}

/// The quiet hours and days that go with a delivery, so that a card which is late for another reason is not sent in the night
/// or on a holiday.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Any of these.
    pub hours: Vec<Hours>,
    /// The holidays of the next two weeks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Days>,
    /// By this clock.
    pub zone: Tz,
}

/// A holiday, as the clock on the wall shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// The calendar.
    pub of: String,
    /// When it begins.
    pub from: NaiveDateTime,
    /// When it is over.
    pub to: NaiveDateTime,
}

/// For so long holidays go with a delivery: what is later than that is not kept from them.
const KEPT_AHEAD: TimeDelta = TimeDelta::days(14);
/// So many of them at most.
const MOST_KEPT: usize = 16;

impl Kept {
    /// When the quiet time ends that `now` lies in; none if it is not quiet.
    pub fn until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        follow(now, |at| {
            let local = at.with_timezone(&self.zone).naive_local();
            let hours = self.hours.iter().filter_map(|hours| hours.end_of_span(at, self.zone));
            let days = self.days.iter().filter(|days| days.from <= local && local < days.to);
            hours.chain(days.map(|days| wall::instant(days.to, self.zone))).max()
        })
    }

    /// Why a card waits, in a sentence.
    pub fn reason(&self, until: DateTime<Utc>) -> String {
        let mut words: Vec<String> = self.hours.iter().map(ToString::to_string).collect();
        for days in &self.days {
            let of = format!("holidays of {}", days.of);
            if !words.contains(&of) {
                words.push(of);
            }
        }
        because(&words.join(", "), until, self.zone)
    }
}

/// Why a card waits until `until`, in a sentence.
pub fn because(hours: &str, until: DateTime<Utc>, zone: Tz) -> String {
    let local = until.with_timezone(&zone);
    format!(
        "quiet hours ({hours}): it is sent on {} at {} in {zone}",
        local.format("%A, %Y-%m-%d"),
        local.format("%H:%M")
    )
}

/// Somebody who gets nothing because of the time, as the record of a decision tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silenced {
    /// Who would have got it.
    pub recipient: String,
    /// Until when it is quiet there; for somebody who moved, when the moment came.
    pub until: DateTime<Utc>,
    /// Why they get nothing.
    pub why: Silence,
}

impl Silenced {
    /// Why, in a sentence; times are told by the clock of `zone`.
    pub fn told(&self, zone: Tz) -> String {
        let at = self.until.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z");
        match self.why {
            Silence::Dropped => {
                format!("not told: it was quiet there until {at}, and the rule drops what comes in quiet hours")
            }
            Silence::TooLate => format!(
                "not told: it was quiet there until {at}, and by then the card is not worth sending any more \
                 (`expires_after`)"
            ),
            Silence::ToldBefore => {
                format!(
                    "not told: the same moment came before by the clock of another zone, and they were told at {at}"
                )
            }
        }
    }
}

/// Why somebody gets nothing because of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// The rule drops what comes in quiet hours.
    Dropped,
    /// When the quiet hours are over it is not worth sending any more.
    TooLate,
    /// The same moment came before by another clock, and they were told then.
    ToldBefore,
}

const HELP: &str = "write `22:00-07:00`, or with days: `Mon-Fri 19:00-07:00; Sat-Sun all day`";

fn shape(message: impl Into<String>) -> Fault {
    Fault::error("quiet::hours", message)
}

fn span(part: &str) -> Result<Span, Fault> {
    let unreadable = || shape(format!("`{}` are no quiet hours", short(part))).help(HELP);
    let lower = part.to_lowercase().replace(['–', '—'], "-");
    if let Some(days) = lower.strip_suffix("all day") {
        let days = days.trim();
        if days.is_empty() {
            return Err(shape("these quiet hours never end, so nothing would ever be sent").help(HELP));
        }
        return Ok(Span::whole_days(listed(days)?));
    }
    let times_at = lower.find(|c: char| c.is_ascii_digit()).ok_or_else(unreadable)?;
    let (days, times) = lower.split_at(times_at);
    let times = times.replace(" to ", "-").replace(" until ", "-");
    let (from, to) = times.split_once('-').ok_or_else(unreadable)?;
    let days = match days.trim() {
        "" | "daily" | "every day" => EVERY_DAY,
        days => listed(days)?,
    };
    let (from, to) = (minute(from)?, minute(to)?);
    if from == to {
        return Err(shape("these quiet hours are none: they end when they begin")
            .help("for whole days write `Sat-Sun all day`"));
    }
    Ok(Span { from, to, days })
}

/// `mon-fri, sun` -> days.
fn listed(text: &str) -> Result<u8, Fault> {
    let words: Vec<String> = text
        .replace(" and ", ",")
        .split([',', ' '])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    days(&words).map_err(|(_, fault)| fault)
}

fn names(words: &[String], key: &str) -> Result<u8, Fault> {
    match days(words) {
        Ok(0) => Err(shape("there are no days here")
            .help("leave the key out for every day")
            .under(key)),
        Ok(days) => Ok(days),
        Err((_, fault)) if words.len() == 1 => Err(fault.under(key)),
        Err((index, fault)) => Err(fault.under(index).under(key)),
    }
}

/// The days that these words name; else the place of the word that names none.
fn days(words: &[String]) -> Result<u8, (usize, Fault)> {
    let mut days = 0;
    for (index, word) in words.iter().enumerate() {
        let word = word.trim().to_lowercase();
        let unknown = || {
            let fault = shape(format!("`{}` is no day of the week", short(&word)));
            (
                index,
                fault.help("write `Monday` or `Mon`, `Mon-Fri`, `weekdays` or `weekend`"),
            )
        };
        let day = |name: &str| name.trim().parse::<Weekday>().map(|day| day.num_days_from_monday());
        days |= match word.as_str() {
            "weekdays" | "weekday" | "workdays" => 0b001_1111,
            "weekend" | "weekends" => 0b110_0000,
            word => match word.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (day(first).map_err(|_| unknown())?, day(last).map_err(|_| unknown())?);
                    let length = (last + 7 - first) % 7;
                    (0..=length).fold(0, |days, next| days | 1 << ((first + next) % 7))
                }
                None => 1 << day(word).map_err(|_| unknown())?,
            },
        };
    }
    Ok(days)
}

/// `22:00`, `7`, `10pm` -> minutes since midnight; 24:00 is the end of a day.
fn minute(text: &str) -> Result<u16, Fault> {
    let written = text.trim();
    let unreadable = || {
        shape(format!("`{}` is no time of day", short(written)))
            .help("write hours and minutes in quotes: `\"22:00\"`")
    };
    let lower = written.to_lowercase();
    let (digits, half) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(digits), _) => (digits.trim(), Some(0)),
        (_, Some(digits)) => (digits.trim(), Some(12)),
        (None, None) => (lower.as_str(), None),
    };
    let (hours, minutes) = digits.split_once([':', '.']).unwrap_or((digits, "0"));
    let number = |text: &str| match text.len() {
        1 | 2 => text.parse::<u16>().map_err(|_| unreadable()),
        _ => Err(unreadable()),
    };
    let (mut hours, minutes) = (number(hours)?, number(minutes)?);
    if let Some(half) = half {
        if !(1..=12).contains(&hours) {
            return Err(unreadable());
        }
        hours = hours % 12 + half;
    }
    let minute = hours * 60 + minutes;
    if minutes > 59 || minute > DAY {
        return Err(unreadable());
    }
    Ok(minute)
}

fn time(minute: u16) -> NaiveTime {
    NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minute % DAY) * 60, 0)
        .expect("a minute of the day is a time")
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// `Mon-Fri`, `Sat,Sun`, `Mon,Wed`.
fn days_in_words(days: u8) -> String {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let has = |day: usize| days & (1 << day) != 0;
    let mut words: Vec<String> = Vec::new();
    let mut day = 0;
    while day < 7 {
        let end = (day..7).take_while(|day| has(*day)).last();
        match end {
            Some(end) if end > day => words.push(format!("{}-{}", NAMES[day], NAMES[end])),
            Some(_) => words.push(NAMES[day].to_owned()),
            None => {}
        }
        day = end.unwrap_or(day) + 1;
    }
    words.join(",")
}

fn short(text: &str) -> String {
    text.trim().chars().take(60).collect()
}

#[cfg(test)]
mod tests;
