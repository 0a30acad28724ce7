use chrono_tz::Europe::Berlin;

use super::*;

fn step(after: Option<u64>, at: Option<&str>) -> Step {
    Step {
        name: "a step".to_owned(),
        wait: Wait {
            after: after.map(|minutes| Duration::from_secs(minutes * 60)),
            at: at.map(|text| NaiveTime::parse_from_str(text, "%H:%M").unwrap()),
        },
        unless: Unless::default(),
        condition: Condition::always(),
        if_late: IfLate::Send,
        act: Act::Tell(Box::new(Tell {
            notify: None,
            except: Vec::new(),
            card: None,
            urgency: None,
        })),
    }
}

fn then(steps: impl IntoIterator<Item = Step>) -> Then {
    Then {
        steps: steps.into_iter().map(Arc::new).collect(),
        follow_edits: false,
        program: None,
    }
}

fn at(text: &str) -> DateTime<Utc> {
    instant(
        chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap(),
        Berlin,
    )
}

/// When each step comes, if each is done so many minutes after it is due.
fn comes(then: &Then, began: &str, late: &[i64]) -> Vec<String> {
    let mut done: Vec<Done> = Vec::new();
    let mut now = at(began);
    let mut times = Vec::new();
    while let Some(next) = then.next(&done, at(began), Berlin, now) {
        times.push(next.planned_at.with_timezone(&Berlin).format("%d %H:%M").to_string());
        now = next.planned_at + TimeDelta::minutes(late.get(done.len()).copied().unwrap_or(0));
        done.push(Done {
            step: next.step,
            name: next.name,
            planned_at: next.planned_at,
            at: now,
            what: "done".to_owned(),
            event: None,
        });
    }
    times
}

#[test]
fn each_after_counts_from_the_first_message() {
    let escalation = then([step(Some(15), None), step(Some(30), None), step(Some(60), None)]);
    assert_eq!(
        comes(&escalation, "2026-01-05 09:00", &[]),
        ["05 09:15", "05 09:30", "05 10:00"]
    );
    // A little late does not add up.
    assert_eq!(
        comes(&escalation, "2026-01-05 09:00", &[1, 1]),
        ["05 09:15", "05 09:30", "05 10:00"]
    );
}

#[test]
fn a_step_without_a_time_comes_right_after_the_one_before_it() {
    let call = then([step(None, None), step(Some(15), None), step(None, None)]);
    assert_eq!(
        comes(&call, "2026-01-05 09:00", &[]),
        ["05 09:00", "05 09:15", "05 09:15"]
    );
}

#[test]
fn after_a_standstill_steps_keep_their_distance() {
    let escalation = then([step(Some(15), None), step(Some(30), None), step(Some(60), None)]);
    // Herald stood still until noon.
    assert_eq!(
        comes(&escalation, "2026-01-05 09:00", &[165, 0, 0]),
        ["05 09:15", "05 12:15", "05 12:45"]
    );
    // A step that was right on time after its own clock is no standstill.
    let morning = then([step(None, Some("09:00")), step(Some(2 * 24 * 60), None)]);
    assert_eq!(comes(&morning, "2026-01-05 18:00", &[]), ["06 09:00", "07 18:00"]);
}

#[test]
fn a_time_of_day_is_the_next_one_by_the_clock_on_the_wall() {
    let morning = then([step(None, Some("09:00")), step(None, Some("09:00"))]);
    assert_eq!(comes(&morning, "2026-01-05 08:59", &[]), ["05 09:00", "06 09:00"]);
    assert_eq!(comes(&morning, "2026-01-05 09:00", &[]), ["06 09:00", "07 09:00"]);
    // Clocks go forward in the night to the 29th, and 02:30 is left out.
    let night = then([step(None, Some("02:30"))]);
    assert_eq!(comes(&night, "2026-03-28 12:00", &[]), ["29 03:00"]);
    let after_a_day = then([step(Some(24 * 60), Some("09:00"))]);
    assert_eq!(comes(&after_a_day, "2026-01-05 09:00", &[]), ["06 09:00"]);
    assert_eq!(comes(&after_a_day, "2026-01-05 09:01", &[]), ["07 09:00"]);
}

#[test]
fn a_clock_that_goes_back_brings_no_step_before_its_time_nor_puts_it_off_for_ever() {
    let escalation = then([step(Some(15), None), step(None, None)]);
    let began = at("2026-01-05 09:00");
    let done = Done {
        step: 0,
        name: "a step".to_owned(),
        planned_at: at("2026-01-05 09:15"),
        at: at("2026-01-05 09:15"),
        what: "done".to_owned(),
        event: None,
    };
    let next = escalation.next(&[done], began, Berlin, at("2026-01-05 08:00")).unwrap();
    assert_eq!(next.planned_at, at("2026-01-05 08:00"));
}

#[test]
fn what_is_closed_needs_no_step_and_what_sleeps_is_waited_for() {
    let mut reminder = step(Some(15), None);
    reminder.unless.acknowledged = true;
    let (due, now) = (at("2026-01-05 09:15"), at("2026-01-05 09:15"));
    let known = Known::default();
    assert_eq!(reminder.judge(known, due, now), Ruling::Comes);
    let closed = Known { closed: true, ..known };
    assert_eq!(
        reminder.judge(closed, due, now),
        Ruling::Over("it is closed".to_owned())
    );
    let taken = Known {
        acknowledged: true,
        ..known
    };
    assert_eq!(
        reminder.judge(taken, due, now),
        Ruling::LeftOut("it is acknowledged".to_owned())
    );
    assert_eq!(step(Some(15), None).judge(taken, due, now), Ruling::Comes);
    let until = at("2026-01-05 10:00");
    let asleep = Known {
        snoozed_until: Some(until),
        ..known
    };
    assert_eq!(reminder.judge(asleep, due, now), Ruling::Later(until));
    assert_eq!(reminder.judge(asleep, due, until), Ruling::Comes);
}

#[test]
fn a_step_that_would_come_too_late_is_left_out_where_its_author_wants_that() {
    let mut reminder = step(Some(15), None);
    let (due, noon) = (at("2026-01-05 09:15"), at("2026-01-05 12:00"));
    assert_eq!(reminder.judge(Known::default(), due, noon), Ruling::Comes);
    reminder.if_late = IfLate::Skip;
    assert_eq!(
        reminder.judge(Known::default(), due, noon),
        Ruling::LeftOut("it would come too late".to_owned())
    );
    assert_eq!(reminder.judge(Known::default(), due, due + GRACE), Ruling::Comes);
}

#[test]
fn how_long_it_all_may_take_counts_days_for_times_of_day() {
    let long = then([step(Some(60), None), step(None, Some("09:00"))]);
    assert_eq!(long.lasts(), Duration::from_secs(25 * 3600));
}
