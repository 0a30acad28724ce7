//! Who is on call: [`Rotation`], people who take turns.
//!
//! Turns follow one another at a clock time of the rotation's zone, so that a hand-over at nine is at nine in summer and
//! in winter. Exceptions put somebody else in for a while. Everything here is plain values: whoever asks brings the
//! instant along.

mod compile;
pub mod file;
mod shown;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

pub use compile::{MOST_OVERRIDES, MOST_PEOPLE};
pub use shown::OnCall;

/// What follows a rotation's name to mean whoever is on call after the one who is now.
pub const NEXT: &str = ".next";

/// How many turns are looked through to find somebody else: everybody once, and every exception.
const MOST_TURNS: usize = MOST_PEOPLE + 2 * MOST_OVERRIDES + 2;

/// People who take turns.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// Its name as written.
    pub name: String,
    /// Who takes turns, in this order: aliases and addresses as under `person:`. Never empty.
    pub people: Vec<String>,
    /// How many days a turn lasts; at least one.
    every: u32,
    /// When turns change hands.
    at: NaiveTime,
    /// In whose clock.
    pub zone: Tz,
    /// The day of one hand-over to the first of the people.
    anchor: NaiveDate,
    /// Nobody is on call before the first hand-over.
    begins: bool,
    /// Who stands in for whoever would be on call, in the order written: where two overlap, the first counts.
    overrides: Vec<Override>,
}

/// Somebody stands in.
#[derive(Debug, Clone, PartialEq)]
struct Override {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    person: String,
}

/// A time for which one person is on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn<'a> {
    /// Who, as written in the rotation.
    pub person: &'a str,
    /// Since when: their turn began, or the exception.
    pub from: DateTime<Utc>,
    /// Until when, exclusive.
    pub until: DateTime<Utc>,
    /// They stand in for somebody.
    pub stands_in: bool,
}

impl Rotation {
    /// Who is on call at `now`; nobody before the rotation begins.
    pub fn turn(&self, now: DateTime<Utc>) -> Option<Turn<'_>> {
        let stand_in = self.overrides.iter().find(|one| one.from <= now && now < one.to);
        if let Some(one) = stand_in {
            // One that is written before it may begin meanwhile.
            let before = self.overrides.iter().take_while(|other| *other != one);
            let until = before.map(|other| other.from).filter(|from| *from > now).min();
            return Some(Turn {
                person: &one.person,
                from: one.from,
                until: until.map_or(one.to, |until| until.min(one.to)),
                stands_in: true,
            });
        }
        let number = self.number(now);
        let next_stand_in = self
            .overrides
            .iter()
            .map(|one| one.from)
            .filter(|from| *from > now)
            .min();
        if number < 0 && self.begins {
            return None;
        }
        let last_stand_in = self.overrides.iter().map(|one| one.to).filter(|to| *to <= now).max();
        let (from, until) = (self.hand_over(number), self.hand_over(number + 1));
        let place = number.rem_euclid(i64::try_from(self.people.len()).unwrap_or(1).max(1));
        Some(Turn {
            person: self.people.get(usize::try_from(place).unwrap_or(0))?,
            from: last_stand_in.map_or(from, |to| to.max(from)),
            until: next_stand_in.map_or(until, |begins| begins.min(until)),
            stands_in: false,
        })
    }

    /// Everybody who takes turns or stands in, as written.
    pub fn everybody(&self) -> impl Iterator<Item = &str> {
        let stand_ins = self.overrides.iter().map(|one| one.person.as_str());
        self.people.iter().map(String::as_str).chain(stand_ins)
    }

    /// The first turn after the one at `now` that is another person's; `None` if nobody takes turns with them.
    pub fn next(&self, now: DateTime<Utc>) -> Option<Turn<'_>> {
        let (mut at, current) = match self.turn(now) {
            Some(turn) => (turn.until, Some(turn.person)),
            None => (self.begins_at()?, None),
        };
        for _ in 0..MOST_TURNS {
            let turn = self.turn(at)?;
            if current != Some(turn.person) {
                return Some(turn);
            }
            at = turn.until;
        }
        None
    }

    /// When the first turn begins, if nobody is on call before it.
    pub fn begins_at(&self) -> Option<DateTime<Utc>> {
        self.begins.then(|| self.hand_over(0))
    }

    /// The number of the turn at `now`, counted from the anchor.
    fn number(&self, now: DateTime<Utc>) -> i64 {
        let day = now.with_timezone(&self.zone).date_naive();
        let mut number = (day - self.anchor).num_days().div_euclid(i64::from(self.every)) + 1;
        // The hand-over of a day can be later than now, and clocks that change can move it over midnight.
        while self.hand_over(number) > now {
            number -= 1;
        }
        number
    }

    /// When turn `number` begins.
    fn hand_over(&self, number: i64) -> DateTime<Utc> {
        let days = number.saturating_mul(i64::from(self.every));
        let ahead = Days::new(days.unsigned_abs());
        let day = match days < 0 {
            true => self.anchor.checked_sub_days(ahead),
            false => self.anchor.checked_add_days(ahead),
        };
        match day {
            Some(day) => instant(day.and_time(self.at), self.zone),
            None if days < 0 => DateTime::<Utc>::MIN_UTC,
            None => DateTime::<Utc>::MAX_UTC,
        }
    }
}

/// The instant at which the clocks of `zone` show `wall`: the first of two, and the end of the gap for a time that is
/// left out.
pub fn instant(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let shown = match zone.from_local_datetime(&wall) {
        chrono::LocalResult::Single(instant) | chrono::LocalResult::Ambiguous(instant, _) => Some(instant),
        chrono::LocalResult::None => GapInfo::new(&wall, &zone).and_then(|gap| gap.end),
    };
    shown.map_or_else(|| wall.and_utc(), |instant| instant.with_timezone(&Utc))
}

#[cfg(test)]
mod tests;
