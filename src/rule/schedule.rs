//! When a `cron:` trigger fires: the five fields of crontab, in wall-clock time of a zone.
//!
//! The fields are read in [`crontab`], because the crate underneath counts Sunday as 1, wants seconds and joins the two
//! day fields with *and*. It only walks the calendar for us, in naive time; what a time means on the day the clocks
//! change is decided in [`Schedule::next_after`].

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::{GapInfo, Tz};

use crate::diagnostic::Fault;

pub mod crontab;

/// A crontab schedule: minute, hour, day of month, month, day of week.
///
/// Numbers, names (`MON`, `JAN`), lists, ranges and steps; Sunday is 0 or 7. When both day fields are restricted, a day
/// need meet only one of them; when one of them begins with `*` (also `*/2`), it must meet both. `@hourly`, `@daily`,
/// `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually` stand for the schedules they always stood for.
///
/// It fires until the end of the year 2100.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    source: String,
    /// One calendar, or two of which either will do.
    calendars: Vec<cron::Schedule>,
    /// Every hour of the day is named.
    hourly: bool,
}

/// The second of January 2101 in UTC: by then the year 2100 has ended everywhere.
const END_OF_TIME: i64 = 4_133_980_800;

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// A fault that underlines the field, or the part of it, that cannot be read: a wrong number of fields, a value out
    /// of range, a word of another dialect (`L`, `W`, `#`, `?`, seconds), a schedule that never fires.
    pub fn parse(text: &str) -> Result<Schedule, Fault> {
        let fields = crontab::read(text)?;
        let calendar = |days: &BTreeSet<u32>, weekdays: &BTreeSet<u32>| -> cron::Schedule {
            // The crate counts Sunday as 1.
            let weekdays: BTreeSet<u32> = weekdays.iter().map(|day| day + 1).collect();
            let fields = [
                "0".to_owned(),
                list(&fields.minutes, 60),
                list(&fields.hours, 24),
                list(days, 31),
                list(&fields.months, 12),
                list(&weekdays, 7),
                "*".to_owned(),
            ];
            fields
                .join(" ")
                .parse()
                .expect("numbers within their ranges are a schedule")
        };
        let calendars = if fields.either {
            let (every_day, every_weekday) = ((1..=31).collect(), (0..=6).collect());
            vec![
                calendar(&fields.days, &every_weekday),
                calendar(&every_day, &fields.weekdays),
            ]
        } else {
            vec![calendar(&fields.days, &fields.weekdays)]
        };
        let schedule = Self {
            source: text.to_owned(),
            calendars,
            hourly: fields.hours.len() == 24,
        };
        if schedule.next_wall_clock(DateTime::UNIX_EPOCH.naive_utc()).is_none() {
            let message = "this schedule never fires: no such day exists in these months";
            return Err(Fault::error("cron::never", message)
                .within(fields.day_at)
                .help("check the day of month against the months"));
        }
        Ok(schedule)
    }

    /// The text it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The first instant after `after` at which it fires by the clocks of `zone`; `None` after the year 2100.
    ///
    /// On the two days a year when clocks change:
    ///
    /// - A time in the missing hour runs once, right after it (`30 2 * * *` at 03:00); several such times (`0,30 2`)
    ///   run once together.
    /// - A time in the doubled hour runs once, the first time.
    /// - A schedule that names every hour (`*/30 * * * *`, `15 * * * *`) follows the hours that pass instead: it skips
    ///   the missing hour, since its next run is near, and runs in both passes of the doubled one, in order.
    pub fn next_after(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        // Far from this range there is nothing to find, and adding a second or an offset could leave what chrono can
        // hold.
        let after = after.max(DateTime::UNIX_EPOCH);
        if after.timestamp() > END_OF_TIME {
            return None;
        }
        let local = after.with_timezone(&zone).naive_local();
        let overlap = self.hourly.then(|| Overlap::around(after, zone)).flatten();
        let mut wall = local;
        loop {
            let Some(next) = self.next_wall_clock(wall) else {
                // In the first pass of the last doubled hour there may still be the second pass.
                return overlap.and_then(|overlap| overlap.second_pass(self, after));
            };
            wall = next;
            if let Some(overlap) = &overlap {
                if wall < overlap.end {
                    return Some(overlap.instant_in_same_pass(wall));
                }
                if let Some(instant) = overlap.second_pass(self, after) {
                    return Some(instant);
                }
            }
            let instant = match wall.and_local_timezone(zone) {
                chrono::LocalResult::Single(instant) => instant,
                chrono::LocalResult::Ambiguous(first, _) => first,
                chrono::LocalResult::None if self.hourly => continue,
                chrono::LocalResult::None => match GapInfo::new(&wall, &zone).and_then(|gap| gap.end) {
                    Some(instant) => instant,
                    None => continue,
                },
            };
            let instant = instant.with_timezone(&Utc);
            // The second pass of a doubled hour: this time has run already.
            if instant > after {
                return Some(instant);
            }
        }
    }

    /// The next time on the wall clock strictly after `wall`.
    fn next_wall_clock(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        self.calendars
            .iter()
            .filter_map(|calendar| calendar.after(&wall.and_utc()).next())
            .min()
            .map(|next| next.naive_utc())
    }
}

/// The doubled hour that an instant lies in.
struct Overlap {
    /// The first wall-clock time shown twice.
    start: NaiveDateTime,
    /// The first wall-clock time after the doubled ones.
    end: NaiveDateTime,
    /// Seconds east of UTC in the first pass.
    first: i64,
    /// Seconds east of UTC in the second pass.
    second: i64,
    /// The instant lies in the first pass.
    in_first: bool,
}

impl Overlap {
    fn around(instant: DateTime<Utc>, zone: Tz) -> Option<Overlap> {
        let local = instant.with_timezone(&zone).naive_local();
        let chrono::LocalResult::Ambiguous(first, second) = local.and_local_timezone(zone) else {
            return None;
        };
        let (first, second) = (first.with_timezone(&Utc), second.with_timezone(&Utc));
        let offset = |instant: DateTime<Utc>| (local - instant.naive_utc()).num_seconds();
        let offset_first = offset(first);
        // The clocks go back somewhere after the first pass of `local` and not after its second.
        let (mut before, mut since) = (first.timestamp(), second.timestamp());
        while since - before > 1 {
            let middle = before + (since - before) / 2;
            let at = DateTime::from_timestamp(middle, 0).expect("a second between two instants is an instant");
            let shown = at.with_timezone(&zone).naive_local();
            if (shown - at.naive_utc()).num_seconds() == offset_first {
                before = middle;
            } else {
                since = middle;
            }
        }
        let change = DateTime::from_timestamp(since, 0)
            .expect("a second between two instants is an instant")
            .naive_utc();
        Some(Overlap {
            start: change + chrono::Duration::seconds(offset(second)),
            end: change + chrono::Duration::seconds(offset_first),
            first: offset_first,
            second: offset(second),
            in_first: instant.timestamp() == first.timestamp(),
        })
    }

    fn instant_in_same_pass(&self, wall: NaiveDateTime) -> DateTime<Utc> {
        let offset = if self.in_first { self.first } else { self.second };
        (wall - chrono::Duration::seconds(offset)).and_utc()
    }

    /// The schedule's first time in the second pass, if `after` is still in the first.
    fn second_pass(&self, schedule: &Schedule, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !self.in_first {
            return None;
        }
        let wall = schedule.next_wall_clock(self.start - chrono::Duration::seconds(1))?;
        let instant = (wall - chrono::Duration::seconds(self.second)).and_utc();
        (wall < self.end && instant > after).then_some(instant)
    }
}

fn list(values: &BTreeSet<u32>, all: usize) -> String {
    if values.len() == all {
        return "*".to_owned();
    }
    values.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
