use chrono_tz::Europe::Berlin;
use proptest::prelude::*;

use super::file::{OverrideFile, RotationFile};
use super::*;

fn written(people: &[&str], hand_over: &str) -> RotationFile {
    RotationFile {
        people: people.iter().map(|person| (*person).to_owned()).collect(),
        hand_over: hand_over.to_owned(),
        time_zone: Some("Europe/Berlin".to_owned()),
        ..RotationFile::default()
    }
}

fn compiled(file: &RotationFile) -> Rotation {
    Rotation::compile("on-call", file, None).unwrap().0
}

fn at(text: &str) -> DateTime<Utc> {
    let wall = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    instant(wall, Berlin)
}

fn who(rotation: &Rotation, text: &str) -> (String, String) {
    let name = |turn: Option<Turn<'_>>| turn.map_or("nobody", |turn| turn.person).to_owned();
    (name(rotation.turn(at(text))), name(rotation.next(at(text))))
}

fn pair(one: &str, two: &str) -> (String, String) {
    (one.to_owned(), two.to_owned())
}

#[test]
fn turns_of_a_week_change_at_the_minute_of_the_hand_over() {
    let mut file = written(&["anna", "omar", "lee"], "Monday 09:00");
    file.starts = Some("2026-01-05".to_owned());
    let rotation = compiled(&file);
    assert_eq!(who(&rotation, "2026-01-05 08:59"), pair("nobody", "anna"));
    assert_eq!(who(&rotation, "2026-01-05 09:00"), pair("anna", "omar"));
    assert_eq!(who(&rotation, "2026-01-12 08:59"), pair("anna", "omar"));
    assert_eq!(who(&rotation, "2026-01-12 09:00"), pair("omar", "lee"));
    assert_eq!(who(&rotation, "2026-01-20 12:00"), pair("lee", "anna"));
    assert_eq!(who(&rotation, "2026-01-26 09:00"), pair("anna", "omar"));
}

#[test]
fn a_hand_over_is_at_nine_in_summer_and_in_winter() {
    let mut file = written(&["anna", "omar"], "Monday 09:00");
    file.starts = Some("2026-03-23".to_owned());
    let rotation = compiled(&file);
    // Clocks go forward on 29 March and back on 25 October.
    let first = rotation.turn(at("2026-03-24 00:00")).unwrap();
    assert_eq!(first.until, at("2026-03-30 09:00"));
    assert_eq!((first.until - first.from).num_hours(), 7 * 24 - 1);
    let autumn = rotation.turn(at("2026-10-20 00:00")).unwrap();
    assert_eq!((autumn.until - autumn.from).num_hours(), 7 * 24 + 1);
}

#[test]
fn a_hand_over_in_the_missing_hour_is_at_its_end_and_in_the_doubled_one_at_the_first() {
    let rotation = compiled(&written(&["anna", "omar"], "daily 02:30"));
    let turn = rotation.turn(at("2026-03-29 12:00")).unwrap();
    assert_eq!(turn.from, at("2026-03-29 03:00"));
    let turn = rotation.turn(at("2026-10-25 12:00")).unwrap();
    assert_eq!(turn.from.to_rfc3339(), "2026-10-25T00:30:00+00:00");
}

#[test]
fn an_exception_counts_while_it_lasts_and_then_the_turn_goes_on() {
    let mut file = written(&["anna", "omar"], "Monday 09:00");
    file.starts = Some("2026-01-05".to_owned());
    file.overrides = vec![OverrideFile {
        from: "2026-01-07 18:00".to_owned(),
        to: "2026-01-08 09:00".to_owned(),
        person: "lee".to_owned(),
    }];
    let rotation = compiled(&file);
    assert_eq!(who(&rotation, "2026-01-07 17:59"), pair("anna", "lee"));
    assert_eq!(who(&rotation, "2026-01-07 18:00"), pair("lee", "anna"));
    assert!(rotation.turn(at("2026-01-07 18:00")).unwrap().stands_in);
    assert_eq!(who(&rotation, "2026-01-08 09:00"), pair("anna", "omar"));
    let after = rotation.turn(at("2026-01-09 00:00")).unwrap();
    assert_eq!((after.from, after.stands_in), (at("2026-01-08 09:00"), false));
}

#[test]
fn who_takes_no_turns_with_anybody_has_nobody_next() {
    let rotation = compiled(&written(&["anna"], "daily 09:00"));
    assert_eq!(who(&rotation, "2026-01-05 12:00"), pair("anna", "nobody"));
}

#[test]
fn what_follows_every_so_often_is_counted_in_days() {
    for (hand_over, days) in [
        ("daily 09:00", 1),
        ("every day 09:00", 1),
        ("every 3 days 09:00", 3),
        ("weekly Friday 17:00", 7),
        ("every Friday at 17:00", 7),
        ("Fri 17:00", 7),
        ("every 2 weeks Friday 17:00", 14),
    ] {
        let rotation = compiled(&written(&["anna", "omar"], hand_over));
        let turn = rotation.turn(at("2026-06-10 12:00")).unwrap();
        assert_eq!((turn.until - turn.from).num_days(), days, "{hand_over}");
    }
}

#[test]
fn what_is_no_rotation_is_explained() {
    let told = |change: &dyn Fn(&mut RotationFile)| {
        let mut file = written(&["anna", "omar"], "Monday 09:00");
        change(&mut file);
        let faults = match Rotation::compile("on-call", &file, None) {
            Ok((_, warnings)) => warnings,
            Err(faults) => faults,
        };
        let told: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
        told.join("; ")
    };
    assert_eq!(told(&|file| file.people.clear()), "nobody takes turns here");
    assert_eq!(
        told(&|file| file.hand_over = "Monday".to_owned()),
        "the time of the hand-over is missing"
    );
    assert_eq!(
        told(&|file| file.hand_over = "Mondag 09:00".to_owned()),
        "`mondag` is no day of the week"
    );
    assert_eq!(
        told(&|file| file.hand_over = "09:00".to_owned()),
        "the day of the hand-over is missing"
    );
    assert_eq!(
        told(&|file| file.hand_over = "Monday 25:00".to_owned()),
        "`25:00` is no time of day"
    );
    assert_eq!(
        told(&|file| file.starts = Some("2026-01-06".to_owned())),
        "2026-01-06 is a Tuesday, and turns change on a Monday"
    );
    let exception = |from: &str, to: &str| OverrideFile {
        from: from.to_owned(),
        to: to.to_owned(),
        person: "omar".to_owned(),
    };
    assert_eq!(
        told(&|file| file.overrides = vec![exception("2026-01-02", "2026-01-01")]),
        "this exception is over before it begins"
    );
    assert_eq!(
        told(&|file| {
            file.overrides = vec![
                exception("2026-01-01", "2026-01-05"),
                exception("2026-01-04 12:00", "2026-01-06"),
            ];
        }),
        "this exception overlaps with the first one, which counts meanwhile"
    );
}

proptest! {
    #[test]
    fn turns_lie_end_to_end_and_somebody_is_always_on_call(
        start in 1_600_000_000_i64..2_000_000_000, every in 1_u32..20, people in 1_usize..5,
        stand_ins in prop::collection::vec((0_i64..3_000, 1_i64..200), 0..5),
    ) {
        let names: Vec<String> = (0..people).map(|number| format!("p{number}")).collect();
        let mut file = written(&names.iter().map(String::as_str).collect::<Vec<_>>(), &format!("every {every} days 02:30"));
        let now = DateTime::from_timestamp(start, 0).unwrap();
        let shown = |hours: i64| (now + chrono::Duration::hours(hours)).with_timezone(&Berlin).format("%Y-%m-%d %H:%M").to_string();
        file.overrides = stand_ins.iter().map(|(from, hours)| OverrideFile {
            from: shown(*from), to: shown(from + hours + 2), person: "stand-in".to_owned(),
        }).collect();
        let rotation = compiled(&file);
        let mut at = now;
        for _ in 0..40 {
            let turn = rotation.turn(at).expect("it has always been going on");
            prop_assert!(turn.from <= at && at < turn.until, "{turn:?} at {at}");
            let before = turn.until - chrono::Duration::seconds(1);
            prop_assert_eq!(rotation.turn(before).map(|turn| turn.person), Some(turn.person));
            at = turn.until;
        }
    }
}
