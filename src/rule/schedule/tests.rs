use std::str::FromStr;

use chrono::{DateTime, Duration, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::Schedule;
use crate::diagnostic::{Fault, Underline};

const TRANSITIONS: [(Tz, &str); 10] = [
    (Tz::Europe__Berlin, "2026-03-29T01:00:00Z"),
    (Tz::Europe__Berlin, "2026-10-25T01:00:00Z"),
    (Tz::America__New_York, "2026-03-08T07:00:00Z"),
    (Tz::America__New_York, "2026-11-01T06:00:00Z"),
    // Half an hour, on the southern half of the world.
    (Tz::Australia__Lord_Howe, "2026-10-03T15:30:00Z"),
    (Tz::Australia__Lord_Howe, "2026-04-04T15:00:00Z"),
    // Clocks change at midnight: a day without its first hour, a day with two last ones.
    (Tz::Asia__Beirut, "2026-03-28T22:00:00Z"),
    (Tz::Asia__Beirut, "2026-10-24T21:00:00Z"),
    // Two hours.
    (Tz::Antarctica__Troll, "2026-03-29T01:00:00Z"),
    (Tz::Antarctica__Troll, "2026-10-25T01:00:00Z"),
];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The next firings as the wall clock shows them, with its distance from UTC.
fn firings(schedule: &str, zone: Tz, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(schedule).unwrap();
    let mut now = zone
        .from_local_datetime(&NaiveDateTime::from_str(after).unwrap())
        .earliest()
        .unwrap()
        .with_timezone(&Utc);
    (0..count)
        .map(|_| {
            now = schedule.next_after(now, zone).unwrap();
            now.with_timezone(&zone).format("%m-%d %a %H:%M %z").to_string()
        })
        .collect()
}

#[test]
fn a_schedule_fires_as_crontab_would() {
    for (schedule, expected) in [
        ("0 9 * * 1-5", ["01-01 Thu 09:00", "01-02 Fri 09:00", "01-05 Mon 09:00"]),
        (
            "*/20 8 * * *",
            ["01-01 Thu 08:00", "01-01 Thu 08:20", "01-01 Thu 08:40"],
        ),
        ("0 0 * * 0", ["01-04 Sun 00:00", "01-11 Sun 00:00", "01-18 Sun 00:00"]),
        ("0 0 * * 7", ["01-04 Sun 00:00", "01-11 Sun 00:00", "01-18 Sun 00:00"]),
        ("0 0 * * SUN", ["01-04 Sun 00:00", "01-11 Sun 00:00", "01-18 Sun 00:00"]),
        (
            "0 0 * * fri-sun",
            ["01-02 Fri 00:00", "01-03 Sat 00:00", "01-04 Sun 00:00"],
        ),
        ("0 0 * * 5-7", ["01-02 Fri 00:00", "01-03 Sat 00:00", "01-04 Sun 00:00"]),
        (
            "0 0 * * SAT,SUN,MON",
            ["01-03 Sat 00:00", "01-04 Sun 00:00", "01-05 Mon 00:00"],
        ),
        // Either day field will do.
        ("0 0 13 * 5", ["01-02 Fri 00:00", "01-09 Fri 00:00", "01-13 Tue 00:00"]),
        // Both must: one of them begins with a star.
        ("0 0 */2 * 5", ["01-09 Fri 00:00", "01-23 Fri 00:00", "02-13 Fri 00:00"]),
        (
            "0 0 1 JAN,jul *",
            ["07-01 Wed 00:00", "01-01 Fri 00:00", "07-01 Thu 00:00"],
        ),
        ("0 0 29 2 *", ["02-29 Tue 00:00", "02-29 Sun 00:00", "02-29 Fri 00:00"]),
        (
            "15 10-18/4 * * *",
            ["01-01 Thu 10:15", "01-01 Thu 14:15", "01-01 Thu 18:15"],
        ),
        (
            "\t0  12 *\t* * ",
            ["01-01 Thu 12:00", "01-02 Fri 12:00", "01-03 Sat 12:00"],
        ),
        ("@hourly", ["01-01 Thu 01:00", "01-01 Thu 02:00", "01-01 Thu 03:00"]),
        ("@daily", ["01-02 Fri 00:00", "01-03 Sat 00:00", "01-04 Sun 00:00"]),
        ("@Weekly", ["01-04 Sun 00:00", "01-11 Sun 00:00", "01-18 Sun 00:00"]),
        ("@monthly", ["02-01 Sun 00:00", "03-01 Sun 00:00", "04-01 Wed 00:00"]),
        ("@yearly", ["01-01 Fri 00:00", "01-01 Sat 00:00", "01-01 Mon 00:00"]),
    ] {
        let found: Vec<_> = firings(schedule, Tz::UTC, "2026-01-01T00:00:00", 3);
        let expected: Vec<_> = expected.iter().map(|time| format!("{time} +0000")).collect();
        assert_eq!(found, expected, "{schedule}");
    }
}

#[test]
fn on_the_days_the_clocks_change() {
    use Tz::{America__New_York as NEW_YORK, Australia__Lord_Howe as LORD_HOWE, Europe__Berlin as BERLIN};
    for (schedule, zone, after, expected) in [
        // A time in the missing hour runs once, right after it.
        (
            "30 2 * * *",
            BERLIN,
            "2026-03-28T12:00:00",
            ["03-29 Sun 03:00 +0200", "03-30 Mon 02:30 +0200"],
        ),
        (
            "30 2 * * *",
            NEW_YORK,
            "2026-03-07T12:00:00",
            ["03-08 Sun 03:00 -0400", "03-09 Mon 02:30 -0400"],
        ),
        (
            "*/20 2 * * *",
            BERLIN,
            "2026-03-29T00:00:00",
            ["03-29 Sun 03:00 +0200", "03-30 Mon 02:00 +0200"],
        ),
        (
            "0 2,3 * * *",
            BERLIN,
            "2026-03-29T00:00:00",
            ["03-29 Sun 03:00 +0200", "03-30 Mon 02:00 +0200"],
        ),
        (
            "15 2 * * *",
            LORD_HOWE,
            "2026-10-04T00:00:00",
            ["10-04 Sun 02:30 +1100", "10-05 Mon 02:15 +1100"],
        ),
        // A doubled time runs once, the first time.
        (
            "30 2 * * *",
            BERLIN,
            "2026-10-25T00:00:00",
            ["10-25 Sun 02:30 +0200", "10-26 Mon 02:30 +0100"],
        ),
        (
            "30 1 * * *",
            NEW_YORK,
            "2026-11-01T00:00:00",
            ["11-01 Sun 01:30 -0400", "11-02 Mon 01:30 -0500"],
        ),
        (
            "45 1 * * *",
            LORD_HOWE,
            "2026-04-05T00:00:00",
            ["04-05 Sun 01:45 +1100", "04-06 Mon 01:45 +1030"],
        ),
        // Every hour means every hour that passes.
        (
            "30 * * * *",
            NEW_YORK,
            "2026-11-01T01:00:00",
            ["11-01 Sun 01:30 -0400", "11-01 Sun 01:30 -0500"],
        ),
        (
            "15 * * * *",
            BERLIN,
            "2026-03-29T01:00:00",
            ["03-29 Sun 01:15 +0100", "03-29 Sun 03:15 +0200"],
        ),
        (
            "45 * * * *",
            LORD_HOWE,
            "2026-04-05T01:30:00",
            ["04-05 Sun 01:45 +1100", "04-05 Sun 01:45 +1030"],
        ),
    ] {
        assert_eq!(firings(schedule, zone, after, 2), expected, "{schedule} in {zone}");
    }
    assert_eq!(
        firings("*/30 * * * *", NEW_YORK, "2026-11-01T00:30:00", 5),
        [
            "11-01 Sun 01:00 -0400",
            "11-01 Sun 01:30 -0400",
            "11-01 Sun 01:00 -0500",
            "11-01 Sun 01:30 -0500",
            "11-01 Sun 02:00 -0500"
        ]
    );
}

#[test]
fn a_day_that_a_country_left_out_runs_at_its_end() {
    // Samoa crossed the date line on 2011-12-30.
    assert_eq!(
        firings("0 9 30 12 *", Tz::Pacific__Apia, "2011-12-01T00:00:00", 2),
        ["12-31 Sat 00:00 +1400", "12-30 Sun 09:00 +1400"]
    );
}

#[test]
fn a_schedule_ends_with_the_year_2100_and_begins_with_1970() {
    let yearly = Schedule::parse("@yearly").unwrap();
    assert_eq!(yearly.next_after(at("2100-06-01T00:00:00Z"), Tz::UTC), None);
    assert_eq!(yearly.next_after(DateTime::<Utc>::MAX_UTC, Tz::UTC), None);
    assert_eq!(
        yearly.next_after(DateTime::<Utc>::MIN_UTC, Tz::UTC),
        Some(at("1971-01-01T00:00:00Z"))
    );
}

#[test]
fn what_is_no_schedule_is_underlined_and_explained() {
    for (text, underlined, message, help) in [
        ("", "", "empty", "minute, hour"),
        ("   ", "   ", "empty", "minute, hour"),
        ("9 * * *", "9 * * *", "4 fields, not five", "minute, hour"),
        ("daily", "daily", "1 field, not five", "minute, hour"),
        ("09:00", "09:00", "time of day", "30 9"),
        ("0 0 9 * * 1-5", "0", "6 fields", "leave the seconds out: `0 9 * * 1-5`"),
        ("0 9 * * 1-5 2026", "2026", "6 fields", "no year"),
        (
            "0 0 9 * * 1-5 2026",
            "0",
            "7 fields",
            "leave the seconds out: `0 9 * * 1-5`",
        ),
        ("60 9 * * *", "60", "60 is no minute: it is 0 to 59", "write 0"),
        ("0 24 * * *", "24", "24 is no hour", "write 0"),
        ("0 9 0 * *", "0", "0 is no day of month: it is 1 to 31", ""),
        ("0 9 * 13 *", "13", "13 is no month", ""),
        ("0 9 * * 8", "8", "8 is no day of week: it is 0 to 7", ""),
        ("0 9 * * Monday", "Monday", "`Monday` is no day of week", "`MON`"),
        ("0 9 * * MNO", "MNO", "no day of week", "`MON`"),
        ("0 9 * january *", "january", "no month", "`JAN`"),
        ("0 nine * * *", "nine", "`nine` is no hour", "a number from 0 to 23"),
        ("0 9 L * *", "L", "`L` (the last day)", "first day"),
        ("0 9 * * 5L", "5L", "`L` (the last day)", "first day"),
        ("0 9 15W * *", "15W", "`W` (the nearest", "MON-FRI"),
        ("0 9 * * 5#3", "5#3", "`#`", "weekday"),
        ("0 9 ? * 1-5", "?", "another cron dialect", "write `*`"),
        ("H 9 * * *", "H", "another cron dialect", "number"),
        ("0 18-9 * * *", "18-9", "runs backwards", "`18-23,0-9`"),
        ("0 0 * * SAT-MON", "SAT-MON", "runs backwards", "`6,0-1`"),
        ("0 0 * 11-2 *", "11-2", "runs backwards", "`11-12,1-2`"),
        ("*/0 * * * *", "0", "cannot be 0", ""),
        ("*/60 * * * *", "60", "larger than its range", "between 1 and 59"),
        ("5/15 * * * *", "5/15", "a step needs a range", "`5-59/15`"),
        ("*/ * * * *", "/", "must be a number", ""),
        ("0 9,,10 * * *", ",,", "a value is missing", ""),
        ("0 9, * * *", ", ", "a value is missing", ""),
        ("0 1- * * *", "1-", "a value is missing in the range", ""),
        ("0 -1 * * *", "-1", "a value is missing in the range", ""),
        ("0 99999999999 * * *", "99999999999", "is no hour", "a number"),
        ("0 0 31 2 *", "31 2", "never fires", "check the day"),
        ("0 0 30,31 FEB *", "30,31 FEB", "never fires", "check the day"),
        ("0 0 31 4,6,9,11 *", "31 4,6,9,11", "never fires", "check the day"),
        ("@dayly", "@dayly", "no schedule called", "`@daily`"),
        ("@reboot", "@reboot", "no schedule called", "nothing fires because"),
        ("@every 5m", "@every 5m", "not part of crontab", "*/10"),
        ("日 * * * *", "日", "`日` is no minute", "a number"),
    ] {
        let fault = Schedule::parse(text).unwrap_err();
        let Underline::Within(range) = fault.underline.clone() else {
            panic!("{text}: no place")
        };
        assert_eq!(&text[range], underlined, "{text}: {}", fault.message);
        assert!(fault.message.contains(message), "{text}: {}", fault.message);
        assert!(
            fault.help.clone().unwrap_or_default().contains(help),
            "{text}: {:?}",
            fault.help
        );
    }
}

/// The expression without its names and nicknames, as the other implementation is asked.
fn other(schedule: &str) -> croner::Cron {
    croner::Cron::from_str(schedule).unwrap()
}

/// Every minute around a change of clocks, judged one by one: what should fire?
fn minute_by_minute(schedule: &str, hourly: bool, zone: Tz, from: DateTime<Utc>, minutes: i64) -> Vec<DateTime<Utc>> {
    let pattern = other(schedule);
    let matches = |wall: NaiveDateTime| pattern.is_time_matching(&wall.and_utc()).unwrap();
    let wall = |instant: DateTime<Utc>| instant.with_timezone(&zone).naive_local();
    (1..=minutes)
        .map(|minute| from + Duration::minutes(minute))
        .filter(|now| {
            let shown = wall(*now);
            let first_pass = zone.from_local_datetime(&shown).earliest().unwrap().with_timezone(&Utc) == *now;
            if matches(shown) && (hourly || first_pass) {
                return true;
            }
            let mut missing = wall(*now - Duration::minutes(1)) + Duration::minutes(1);
            let mut made_up_for = false;
            while missing < shown {
                made_up_for |= matches(missing);
                missing += Duration::minutes(1);
            }
            made_up_for && !hourly
        })
        .collect()
}

fn field(lowest: u32, highest: u32) -> impl Strategy<Value = String> {
    let value = lowest..=highest;
    let part = prop_oneof![
        4 => value.clone().prop_map(|value| value.to_string()),
        2 => (value.clone(), value.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (value.clone(), value, 1..4u32).prop_filter_map("room for a step", |(a, b, step)| {
            let (low, high) = (a.min(b), a.max(b));
            (high - low >= step).then(|| format!("{low}-{high}/{step}"))
        }),
    ];
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (2..=(highest - lowest).min(15)).prop_map(|step| format!("*/{step}")),
        6 => prop::collection::vec(part, 1..3).prop_map(|parts| parts.join(",")),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)).prop_filter_map(
        "a corner where the other implementation is not Vixie's",
        |(minute, hour, day, month, weekday)| {
            let step_and_restricted =
                (day.starts_with("*/") && weekday != "*") || (weekday.starts_with("*/") && day != "*");
            (!step_and_restricted).then(|| format!("{minute} {hour} {day} {month} {weekday}"))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn another_implementation_names_the_same_times(
        text in expression(),
        start in 1_700_000_000_i64..1_900_000_000,
    ) {
        let Ok(schedule) = Schedule::parse(&text) else {
            let never = other(&text).find_next_occurrence(&at("2000-01-01T00:00:00Z"), false).is_err();
            prop_assert!(never, "{} refused", text);
            return Ok(());
        };
        let pattern = other(&text);
        let mut now = DateTime::from_timestamp(start, 0).unwrap();
        for _ in 0..20 {
            let expected = pattern.find_next_occurrence(&now, false).unwrap();
            prop_assert_eq!(schedule.next_after(now, Tz::UTC), Some(expected), "{} after {}", text, now);
            now = expected;
        }
    }

    #[test]
    fn around_a_change_of_clocks_every_minute_is_judged_right(
        minute in field(0, 59),
        hour in field(0, 4),
        weekday in prop_oneof![Just("*".to_owned()), field(0, 6)],
        transition in 0..TRANSITIONS.len(),
        start in 0..600_i64,
        seconds in 0..60_i64,
    ) {
        let text = format!("{minute} {hour} * * {weekday}");
        let (zone, change) = TRANSITIONS[transition];
        let schedule = Schedule::parse(&text).unwrap();
        let from = at(change) - Duration::minutes(start);
        let until = from + Duration::minutes(900);
        let expected = minute_by_minute(&text, hour == "*", zone, from, 900);
        let mut found = Vec::new();
        let mut now = from + Duration::seconds(seconds);
        let expected: Vec<_> = expected.into_iter().filter(|time| *time > now).collect();
        while let Some(next) = schedule.next_after(now, zone) {
            prop_assert!(next > now);
            if next > until {
                break;
            }
            found.push(next);
            now = next;
        }
        prop_assert_eq!(found, expected, "{} in {} from {}", text, zone, from);
    }

    #[test]
    fn another_implementation_agrees_on_the_days_the_clocks_change(
        minute in 0..60_u32,
        hour in prop_oneof![Just("*".to_owned()), (0..4_u32).prop_map(|hour| hour.to_string())],
        transition in 0..6_usize,
        start in 0..600_i64,
    ) {
        let text = format!("{minute} {hour} * * *");
        let (zone, change) = TRANSITIONS[transition];
        let schedule = Schedule::parse(&text).unwrap();
        let mut now = at(change) - Duration::minutes(start);
        for _ in 0..8 {
            let expected = other(&text).find_next_occurrence(&now.with_timezone(&zone), false).unwrap();
            let found = schedule.next_after(now, zone).unwrap();
            prop_assert_eq!(found, expected.with_timezone(&Utc), "{} in {} after {}", text, zone, now);
            now = found;
        }
    }

    #[test]
    fn any_text_is_a_schedule_or_a_fault_inside_it(text in "\\PC{0,40}|[-*/,0-9A-Z@?# ]{0,30}") {
        if let Err(Fault { underline: Underline::Within(range), .. }) = Schedule::parse(&text) {
            prop_assert!(text.get(range).is_some());
        }
    }
}
