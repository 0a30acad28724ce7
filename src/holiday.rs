//! Holidays: the days of a calendar file (`holidays/NAME.ics`), as far as schedules and quiet hours need them.
//!
//! What calendars and governments publish is read: single days, spans of days, times of day, and what comes back every
//! year on a date or on the nth weekday of a month. Times are those of the wall clock of whoever it is about.

use std::ops::{Range, RangeInclusive};

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};

use crate::diagnostic::Fault;

/// How many entries a calendar may have.
pub const MOST_ENTRIES: usize = 10_000;
/// How many years an entry may be long.
const LONGEST_DAYS: i64 = 366;

/// The holidays of one calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holidays {
    name: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    title: String,
    /// The first time.
    start: NaiveDateTime,
    lasts: TimeDelta,
    every: Option<Yearly>,
    /// Days on which it does not come back.
    except: Vec<NaiveDate>,
}

/// What comes back every so many years.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Yearly {
    interval: i32,
    count: Option<i32>,
    until: Option<NaiveDate>,
    month: u32,
    on: On,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum On {
    Day(u32),
    /// The nth of these days in the month; from its end when negative.
    Nth(i8, Weekday),
}

/// A holiday that is going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ongoing<'a> {
    /// What the calendar calls it.
    pub title: &'a str,
    /// When it is over.
    pub end: NaiveDateTime,
}

impl Holidays {
    /// Reads an iCalendar file. `name` is what rules call it.
    ///
    /// # Errors
    /// The first entry that is not understood, with its place: rather none than one that is missing without a word.
    pub fn read(name: &str, text: &str) -> Result<Holidays, Fault> {
        let lines = unfolded(text);
        let calendar = lines
            .iter()
            .any(|(_, line)| line.eq_ignore_ascii_case("BEGIN:VCALENDAR"));
        if !calendar {
            return Err(fault(
                &(0..text.len().min(1)),
                "this is no iCalendar file: it does not begin with `BEGIN:VCALENDAR`",
            )
            .help("export the calendar as .ics, or download the holidays of your country in that form"));
        }
        let mut entries = Vec::new();
        let mut draft: Option<(Range<usize>, Draft)> = None;
        // Alarms and the like lie inside entries.
        let mut inside = 0;
        for (place, line) in &lines {
            let (name, value) = property(line);
            match (name.as_str(), value.to_ascii_uppercase().as_str()) {
                ("BEGIN", "VEVENT") => draft = Some((place.clone(), Draft::default())),
                ("BEGIN", _) if draft.is_some() => inside += 1,
                ("END", "VEVENT") => {
                    if let Some((begun, draft)) = draft.take() {
                        if entries.len() == MOST_ENTRIES {
                            return Err(fault(
                                &begun,
                                format!("a calendar of holidays has at most {MOST_ENTRIES} entries"),
                            ));
                        }
                        entries.extend(draft.entry(&begun)?);
                    }
                    inside = 0;
                }
                ("END", _) if inside > 0 => inside -= 1,
                _ => {
                    if let Some((_, draft)) = draft.as_mut().filter(|_| inside == 0) {
                        draft.take(&name, value, place)?;
                    }
                }
            }
        }
        Ok(Holidays {
            name: name.to_owned(),
            entries,
        })
    }

    /// What rules call the calendar.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// It has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The holiday that is going on when a wall clock shows `wall`; of several the one that lasts longest.
    pub fn at(&self, wall: NaiveDateTime) -> Option<Ongoing<'_>> {
        let ongoing = self.entries.iter().filter_map(|entry| {
            let end = entry.end_around(wall)?;
            Some(Ongoing {
                title: &entry.title,
                end,
            })
        });
        ongoing.max_by_key(|ongoing| ongoing.end)
    }

    /// When the holidays begin and end that touch the time from `from` to `until`, both as a wall clock shows them; in
    /// their order.
    pub fn between(&self, from: NaiveDateTime, until: NaiveDateTime) -> Vec<(NaiveDateTime, NaiveDateTime)> {
        let mut found: Vec<_> = self
            .entries
            .iter()
            .flat_map(|entry| {
                entry
                    .starts(from.year() - 1..=until.year())
                    .map(|start| (start, entry.lasts))
            })
            .filter_map(|(start, lasts)| Some((start, start.checked_add_signed(lasts)?)))
            .filter(|(start, end)| *start < until && from < *end)
            .collect();
        found.sort_unstable();
        found
    }
}

impl Entry {
    /// When it begins in these years.
    fn starts(&self, years: RangeInclusive<i32>) -> impl Iterator<Item = NaiveDateTime> {
        let once = self.every.is_none().then_some(self.start);
        let yearly = self.every.iter().flat_map(move |yearly| {
            let years = years.clone();
            years.filter_map(|year| yearly.start(self.start, year))
        });
        once.into_iter()
            .chain(yearly.filter(|start| !self.except.contains(&start.date())))
    }

    fn end_around(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let around = |start: NaiveDateTime| {
            let end = start.checked_add_signed(self.lasts)?;
            (start <= wall && wall < end).then_some(end)
        };
        let Some(yearly) = &self.every else {
            return around(self.start);
        };
        let years = [wall.year() - 1, wall.year()].into_iter();
        let starts = years.filter_map(|year| yearly.start(self.start, year));
        starts
            .filter(|start| !self.except.contains(&start.date()))
            .find_map(around)
    }
}

impl Yearly {
    /// When it begins in this year, if it does.
    fn start(&self, first: NaiveDateTime, year: i32) -> Option<NaiveDateTime> {
        let since = year - first.year();
        let due =
            since >= 0 && since % self.interval == 0 && self.count.is_none_or(|count| since / self.interval < count);
        if !due {
            return None;
        }
        let date = match self.on {
            On::Day(day) => NaiveDate::from_ymd_opt(year, self.month, day)?,
            On::Nth(nth, weekday) => nth_weekday(year, self.month, nth, weekday)?,
        };
        (date >= first.date() && self.until.is_none_or(|until| date <= until)).then(|| date.and_time(first.time()))
    }
}

fn nth_weekday(year: i32, month: u32, nth: i8, weekday: Weekday) -> Option<NaiveDate> {
    if nth > 0 {
        return NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth.unsigned_abs());
    }
    let last = (1..=5)
        .rev()
        .find_map(|nth| NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth))?;
    let date = last.checked_sub_signed(TimeDelta::weeks(i64::from(-nth) - 1))?;
    (date.month() == month).then_some(date)
}

/// An entry as it is read, line by line.
#[derive(Default)]
struct Draft {
    title: String,
    start: Option<(NaiveDateTime, bool)>,
    end: Option<NaiveDateTime>,
    lasts: Option<TimeDelta>,
    rule: Option<(Range<usize>, String)>,
    except: Vec<NaiveDate>,
    cancelled: bool,
}

impl Draft {
    fn take(&mut self, name: &str, value: &str, line: &Range<usize>) -> Result<(), Fault> {
        match name {
            "SUMMARY" => {
                self.title = value
                    .replace("\\,", ",")
                    .replace("\\;", ";")
                    .chars()
                    .take(100)
                    .collect()
            }
            "STATUS" => self.cancelled = value.eq_ignore_ascii_case("CANCELLED"),
            "DTSTART" => self.start = Some(moment(value, line)?),
            "DTEND" => self.end = Some(moment(value, line)?.0),
            "DURATION" => self.lasts = Some(duration(value).ok_or_else(|| unreadable(value, line))?),
            "RRULE" => self.rule = Some((line.clone(), value.to_owned())),
            "EXDATE" => {
                for one in value.split(',') {
                    self.except.push(moment(one, line)?.0.date());
                }
            }
            "RDATE" => {
                return Err(
                    fault(line, "further dates (`RDATE`) are not understood").help("write an entry for each of them")
                );
            }
            _ => {}
        }
        Ok(())
    }

    fn entry(self, line: &Range<usize>) -> Result<Option<Entry>, Fault> {
        if self.cancelled {
            return Ok(None);
        }
        let Some((start, all_day)) = self.start else {
            return Err(fault(line, "this entry has no beginning (`DTSTART`)"));
        };
        let lasts = match (self.end, self.lasts) {
            (Some(end), _) => end - start,
            (None, Some(lasts)) => lasts,
            (None, None) if all_day => TimeDelta::days(1),
            (None, None) => TimeDelta::zero(),
        };
        // Some programs end a single day when it begins.
        let lasts = if all_day { lasts.max(TimeDelta::days(1)) } else { lasts };
        if lasts < TimeDelta::zero() || lasts > TimeDelta::days(LONGEST_DAYS) {
            return Err(fault(
                line,
                "this entry ends before it begins, or lasts longer than a year",
            ));
        }
        let every = match &self.rule {
            Some((line, rule)) => Some(yearly(rule, start.date(), line)?),
            None => None,
        };
        Ok(Some(Entry {
            title: self.title,
            start,
            lasts,
            every,
            except: self.except,
        }))
    }
}

fn yearly(rule: &str, start: NaiveDate, line: &Range<usize>) -> Result<Yearly, Fault> {
    let not_yearly = || {
        fault(line, format!("`{}` is not understood", rule.chars().take(80).collect::<String>()))
            .help("what comes back every year on a date (`FREQ=YEARLY`) is, also with `BYMONTH`, `BYMONTHDAY`, `BYDAY`, `INTERVAL`, `COUNT` and `UNTIL`; write the other days one by one")
    };
    let mut yearly = Yearly {
        interval: 1,
        count: None,
        until: None,
        month: start.month(),
        on: On::Day(start.day()),
    };
    let mut is_yearly = false;
    for part in rule.split(';').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').ok_or_else(not_yearly)?;
        let number = || value.parse::<i32>().ok().filter(|number| (1..=1000).contains(number));
        match key.to_ascii_uppercase().as_str() {
            "FREQ" => is_yearly = value.eq_ignore_ascii_case("YEARLY"),
            "INTERVAL" => yearly.interval = number().ok_or_else(not_yearly)?,
            "COUNT" => yearly.count = Some(number().ok_or_else(not_yearly)?),
            "UNTIL" => yearly.until = Some(moment(value, line)?.0.date()),
            "BYMONTH" => {
                let month = value.parse().ok().filter(|month| (1..=12).contains(month));
                yearly.month = month.ok_or_else(not_yearly)?;
            }
            "BYMONTHDAY" => {
                let day = value.parse().ok().filter(|day| (1..=31).contains(day));
                yearly.on = On::Day(day.ok_or_else(not_yearly)?);
            }
            "BYDAY" => {
                let at = value.len().checked_sub(2).ok_or_else(not_yearly)?;
                let (nth, day) = value.split_at_checked(at).ok_or_else(not_yearly)?;
                let weekday = match day.to_ascii_uppercase().as_str() {
                    "MO" => Weekday::Mon,
                    "TU" => Weekday::Tue,
                    "WE" => Weekday::Wed,
                    "TH" => Weekday::Thu,
                    "FR" => Weekday::Fri,
                    "SA" => Weekday::Sat,
                    "SU" => Weekday::Sun,
                    _ => return Err(not_yearly()),
                };
                let nth: i8 = nth.parse().map_err(|_| not_yearly())?;
                if nth == 0 || nth.unsigned_abs() > 5 {
                    return Err(not_yearly());
                }
                yearly.on = On::Nth(nth, weekday);
            }
            "WKST" => {}
            _ => return Err(not_yearly()),
        }
    }
    match is_yearly {
        true => Ok(yearly),
        false => Err(not_yearly()),
    }
}

/// A date, or a date with a time; true if it is a date alone.
fn moment(value: &str, line: &Range<usize>) -> Result<(NaiveDateTime, bool), Fault> {
    let value = value.trim().trim_end_matches(['Z', 'z']);
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    let read = match value.split_once(['T', 't']) {
        None => date(value).map(|date| (date.and_time(NaiveTime::MIN), true)),
        Some((day, time)) => {
            let time = NaiveTime::parse_from_str(time, "%H%M%S").ok();
            date(day).zip(time).map(|(day, time)| (day.and_time(time), false))
        }
    };
    read.filter(|(moment, _)| (1900..=2200).contains(&moment.year()))
        .ok_or_else(|| unreadable(value, line))
}

/// `P1D`, `P1W`, `PT8H30M`.
fn duration(value: &str) -> Option<TimeDelta> {
    let mut rest = value.trim().strip_prefix(['P', 'p'])?;
    let mut seconds = 0_i64;
    while !rest.is_empty() {
        rest = rest.strip_prefix(['T', 't']).unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..end].parse().ok().filter(|number| *number <= 100_000)?;
        seconds += number
            * match rest.as_bytes()[end].to_ascii_uppercase() {
                b'W' => 7 * 86_400,
                b'D' => 86_400,
                b'H' => 3_600,
                b'M' => 60,
                b'S' => 1,
                _ => return None,
            };
        rest = rest.get(end + 1..)?;
    }
    TimeDelta::try_seconds(seconds)
}

/// The lines with their places; one that begins with a space continues the one before it.
fn unfolded(text: &str) -> Vec<(Range<usize>, String)> {
    let mut lines: Vec<(Range<usize>, String)> = Vec::new();
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        let start = at + whole.len() - whole.trim_start_matches('\u{feff}').len();
        at += whole.len();
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some((_, before))) => before.push_str(more),
            _ => lines.push((start..start + line.len(), line.to_owned())),
        }
    }
    lines
}

/// `DTSTART;VALUE=DATE:20261225` -> name and value. What stands between them is told by the value's form.
fn property(line: &str) -> (String, &str) {
    let (head, value) = line.split_once(':').unwrap_or((line, ""));
    let name = head.split(';').next().unwrap_or_default();
    (name.trim().to_ascii_uppercase(), value.trim())
}

fn unreadable(value: &str, line: &Range<usize>) -> Fault {
    let shown: String = value.chars().take(60).collect();
    fault(line, format!("`{shown}` is no date")).help("dates in calendars are written 20261225 or 20261225T090000")
}

fn fault(line: &Range<usize>, message: impl Into<String>) -> Fault {
    Fault::error("holiday::entry", message).within(line.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(entries: &str) -> Result<Holidays, Fault> {
        Holidays::read("germany", &format!("BEGIN:VCALENDAR\r\n{entries}END:VCALENDAR\r\n"))
    }

    fn days(entries: &str) -> Holidays {
        calendar(&format!("BEGIN:VEVENT\r\n{entries}END:VEVENT\r\n")).unwrap_or_else(|fault| panic!("{fault:?}"))
    }

    fn is_on(holidays: &Holidays, wall: &str) -> bool {
        holidays.at(wall.parse().unwrap()).is_some()
    }

    #[test]
    fn a_day_lasts_from_midnight_to_midnight() {
        let holidays = days("SUMMARY:Day of\r\n  Unity\r\nDTSTART;VALUE=DATE:20261003\r\n");
        assert!(!is_on(&holidays, "2026-10-02T23:59:59"));
        let ongoing = holidays.at("2026-10-03T00:00:00".parse().unwrap()).unwrap();
        assert_eq!(ongoing.title, "Day of Unity");
        assert_eq!(ongoing.end.to_string(), "2026-10-04 00:00:00");
        assert!(!is_on(&holidays, "2026-10-04T00:00:00"));
        assert!(!is_on(&holidays, "2027-10-03T12:00:00"), "it does not come back");
    }

    #[test]
    fn spans_of_days_and_times_of_day_are_understood() {
        let shut = days("DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20270102\r\n");
        assert!(is_on(&shut, "2027-01-01T23:59:00") && !is_on(&shut, "2027-01-02T00:00:00"));
        let afternoon = days("DTSTART;TZID=Europe/Berlin:20261231T130000\r\nDURATION:PT11H\r\n");
        assert!(!is_on(&afternoon, "2026-12-31T12:59:00") && is_on(&afternoon, "2026-12-31T13:00:00"));
    }

    #[test]
    fn what_comes_back_every_year_does() {
        let christmas =
            days("DTSTART;VALUE=DATE:20201225\r\nRRULE:FREQ=YEARLY;UNTIL=20281231\r\nEXDATE;VALUE=DATE:20251225\r\n");
        for (year, on) in [
            (2019, false),
            (2020, true),
            (2025, false),
            (2026, true),
            (2028, true),
            (2029, false),
        ] {
            assert_eq!(is_on(&christmas, &format!("{year}-12-25T12:00:00")), on, "{year}");
        }
        let thanksgiving = days("DTSTART;VALUE=DATE:20201126\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH\r\n");
        assert!(is_on(&thanksgiving, "2026-11-26T12:00:00") && !is_on(&thanksgiving, "2026-11-25T12:00:00"));
        let last_monday = days("DTSTART;VALUE=DATE:20200525\r\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO\r\n");
        assert!(is_on(&last_monday, "2026-05-25T12:00:00"));
        let leap_day = days("DTSTART;VALUE=DATE:20240229\r\nRRULE:FREQ=YEARLY\r\n");
        assert!(is_on(&leap_day, "2028-02-29T12:00:00") && !is_on(&leap_day, "2026-03-01T12:00:00"));
        let new_year = days("DTSTART;VALUE=DATE:20201231\r\nDTEND;VALUE=DATE:20210102\r\nRRULE:FREQ=YEARLY\r\n");
        assert!(is_on(&new_year, "2027-01-01T12:00:00"), "it began in the year before");
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let entry = |lines: &str| {
            calendar(&format!("BEGIN:VEVENT\r\n{lines}END:VEVENT\r\n"))
                .unwrap_err()
                .message
        };
        assert!(entry("SUMMARY:x\r\n").starts_with("this entry has no beginning"));
        assert!(entry("DTSTART:soon\r\n").starts_with("`soon` is no date"));
        assert!(entry("DTSTART:20260101\r\nRRULE:FREQ=DAILY\r\n").contains("`FREQ=DAILY`"));
        assert!(
            Holidays::read("x", "hello")
                .unwrap_err()
                .message
                .contains("no iCalendar file")
        );
        let with_alarm = days("DTSTART:20260101\r\nBEGIN:VALARM\r\nDTSTART:soon\r\nEND:VALARM\r\n");
        assert_eq!(with_alarm.len(), 1);
        assert!(days("DTSTART:20260101\r\nSTATUS:CANCELLED\r\n").is_empty());
    }
}
