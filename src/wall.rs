//! Wall clocks: what a date and a time of day mean in a zone, also on the days when its clocks change.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::{GapInfo, Tz};

/// When the clocks of `zone` show `wall`. A time that they show twice is the first of the two; one that they skip is the
/// first moment after the gap. Schedules read times in the same way.
pub fn instant(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let instant = match wall.and_local_timezone(zone) {
        chrono::LocalResult::Single(instant) => Some(instant),
        chrono::LocalResult::Ambiguous(first, _) => Some(first),
        chrono::LocalResult::None => GapInfo::new(&wall, &zone).and_then(|gap| gap.end),
    };
    // Only a calendar that ends has no moment after a gap.
    instant.map_or_else(|| wall.and_utc(), |instant| instant.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin(wall: &str) -> String {
        instant(wall.parse().unwrap(), Tz::Europe__Berlin).to_rfc3339()
    }

    #[test]
    fn a_skipped_time_comes_right_after_the_gap_and_a_doubled_one_the_first_time() {
        assert_eq!(berlin("2026-03-28T02:30:00"), "2026-03-28T01:30:00+00:00");
        assert_eq!(berlin("2026-03-29T02:30:00"), "2026-03-29T01:00:00+00:00");
        assert_eq!(berlin("2026-10-25T02:30:00"), "2026-10-25T00:30:00+00:00");
    }
}
