use super::*;

fn hours(text: &str) -> Hours {
    Hours::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
}

fn until(text: &str, zone: Tz, now: &str) -> Option<String> {
    let quiet = Quiet {
        hours: vec![Arc::new(hours(text))],
        holidays: Vec::new(),
    };
    let now = wall::instant(now.parse().unwrap(), zone);
    let end = quiet.until(now, zone)?;
    Some(end.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string())
}

#[test]
fn a_line_is_read_however_somebody_writes_it() {
    for (written, read) in [
        ("22:00-07:00", "22:00-07:00"),
        (" 22 – 7 ", "22:00-07:00"),
        ("10pm to 7am", "22:00-07:00"),
        ("22.30-6.15", "22:30-06:15"),
        (
            "Mon-Fri 19:00-07:00; Sat-Sun all day",
            "Mon-Fri 19:00-07:00; Sat-Sun all day",
        ),
        ("weekdays 19:00-24:00", "Mon-Fri 19:00-24:00"),
        ("Saturday, Sunday all day", "Sat-Sun all day"),
        ("Mon, wed and Fri 12:00-13:00", "Mon,Wed,Fri 12:00-13:00"),
        ("Fri-Mon 22:00-06:00", "Mon,Fri-Sun 22:00-06:00"),
        ("every day 22:00-06:00", "22:00-06:00"),
    ] {
        assert_eq!(hours(written).to_string(), read, "{written}");
        assert_eq!(
            hours(read),
            hours(written),
            "{written}: what is shown is read as the same"
        );
    }
}

#[test]
fn what_cannot_be_read_is_explained() {
    for (written, message) in [
        ("", "no hours here"),
        ("at night", "no quiet hours"),
        ("22:00", "no quiet hours"),
        ("25:00-07:00", "no time of day"),
        ("22:60-07:00", "no time of day"),
        ("13pm-7am", "no time of day"),
        ("07:00-07:00", "end when they begin"),
        ("Mnday 22:00-07:00", "no day of the week"),
        ("all day", "never end"),
        ("Mon-Sun all day", "never end"),
        ("00:00-12:00; 12:00-24:00", "never end"),
    ] {
        let fault = Hours::parse(written).unwrap_err();
        assert!(fault.message.contains(message), "{written}: {}", fault.message);
        assert!(fault.help.is_some(), "{written}");
    }
}

#[test]
fn the_night_ends_in_the_morning_and_the_day_is_not_quiet() {
    let zone = Tz::Europe__Berlin;
    for (now, end) in [
        ("2026-03-02T21:59:59", None),
        ("2026-03-02T22:00:00", Some("2026-03-03 07:00")),
        ("2026-03-03T06:59:59", Some("2026-03-03 07:00")),
        ("2026-03-03T07:00:00", None),
    ] {
        assert_eq!(until("22:00-07:00", zone, now).as_deref(), end, "{now}");
    }
}

#[test]
fn days_are_those_on_which_the_hours_begin() {
    let zone = Tz::UTC;
    // 2026-03-06 is a Friday.
    for (now, end) in [
        ("2026-03-06T23:00:00", Some("2026-03-07 07:00")),
        ("2026-03-07T06:00:00", Some("2026-03-07 07:00")),
        ("2026-03-07T23:00:00", None),
        ("2026-03-08T23:00:00", None),
    ] {
        assert_eq!(until("Mon-Fri 22:00-07:00", zone, now).as_deref(), end, "{now}");
    }
}

#[test]
fn hours_that_touch_are_one_quiet_time() {
    let written = "22:00-07:00; Sat-Sun all day";
    assert_eq!(
        until(written, Tz::UTC, "2026-03-06T22:30:00").as_deref(),
        Some("2026-03-09 07:00"),
        "from Friday night to Monday morning"
    );
}

#[test]
fn the_end_is_the_right_moment_when_the_clocks_change() {
    let zone = Tz::Europe__Berlin;
    // The clocks go forward at 02:00 on 2026-03-29 and back at 03:00 on 2026-10-25.
    let length = |text: &str, now: &str| {
        let now = wall::instant(now.parse().unwrap(), zone);
        let quiet = Quiet {
            hours: vec![Arc::new(hours(text))],
            ..Quiet::default()
        };
        quiet.until(now, zone).map(|end| (end - now).num_minutes())
    };
    assert_eq!(length("22:00-07:00", "2026-03-28T22:00:00"), Some(8 * 60));
    assert_eq!(length("22:00-07:00", "2026-10-24T22:00:00"), Some(10 * 60));
    assert_eq!(
        length("22:00-02:30", "2026-03-28T22:00:00"),
        Some(4 * 60),
        "right after the gap"
    );
    assert_eq!(
        length("22:00-02:30", "2026-10-24T22:00:00"),
        Some(4 * 60 + 30),
        "the first 02:30"
    );
    assert_eq!(
        length("02:30-06:00", "2026-03-29T03:00:00"),
        Some(3 * 60),
        "begins after the gap"
    );
}

#[test]
fn a_holiday_is_quiet_from_midnight_to_midnight_and_with_what_touches_it() {
    let calendar = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227\nEND:VEVENT\nEND:VCALENDAR\n";
    let holidays = Holidays::read("germany", calendar).unwrap();
    let quiet = Quiet {
        hours: vec![Arc::new(hours("22:00-07:00"))],
        holidays: vec![Arc::new(holidays)],
    };
    let now: DateTime<Utc> = "2026-12-24T23:00:00Z".parse().unwrap();
    assert_eq!(
        quiet.until(now, Tz::UTC).map(|end| end.to_rfc3339()).as_deref(),
        Some("2026-12-27T07:00:00+00:00")
    );
    assert_eq!(quiet.words(), "22:00-07:00, holidays of germany");
}

#[test]
fn what_goes_with_a_delivery_survives_the_disk() {
    let kept = Kept {
        hours: vec![hours("Mon-Fri 22:00-07:00")],
        days: Vec::new(),
        zone: Tz::Asia__Tokyo,
    };
    let written = serde_json::to_string(&kept).unwrap();
    assert_eq!(written, r#"{"hours":["Mon-Fri 22:00-07:00"],"zone":"Asia/Tokyo"}"#);
    assert_eq!(serde_json::from_str::<Kept>(&written).unwrap(), kept);
    let night: DateTime<Utc> = "2026-03-02T14:00:00Z".parse().unwrap();
    let end = kept.until(night).expect("23:00 in Tokyo is quiet");
    assert_eq!(end.to_rfc3339(), "2026-03-02T22:00:00+00:00");
    assert_eq!(
        kept.reason(end),
        "quiet hours (Mon-Fri 22:00-07:00): it is sent on Tuesday, 2026-03-03 at 07:00 in Asia/Tokyo"
    );
}

#[test]
fn holidays_go_with_a_delivery_that_is_late() {
    let calendar = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20201225\nDTEND;VALUE=DATE:20201227\n\
                    RRULE:FREQ=YEARLY\nEND:VEVENT\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20270501\nEND:VEVENT\nEND:VCALENDAR\n";
    let quiet = Quiet {
        hours: vec![Arc::new(hours("22:00-07:00"))],
        holidays: vec![Arc::new(Holidays::read("germany", calendar).unwrap())],
    };
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let kept = quiet.kept(at("2026-12-23T09:00:00Z"), Tz::Europe__Berlin).unwrap();
    assert_eq!(kept.days.len(), 1, "the first of May is far away: {kept:?}");
    let written = serde_json::to_string(&kept).unwrap();
    assert_eq!(serde_json::from_str::<Kept>(&written).unwrap(), kept);
    assert_eq!(kept.until(at("2026-12-24T12:00:00Z")), None);
    let until = kept.until(at("2026-12-25T12:00:00Z")).expect("Christmas is quiet");
    assert_eq!(until, at("2026-12-27T06:00:00Z"));
    assert!(
        kept.reason(until).contains("22:00-07:00, holidays of germany"),
        "{}",
        kept.reason(until)
    );
    let no_hours = Quiet {
        hours: Vec::new(),
        ..quiet
    };
    assert_eq!(no_hours.kept(at("2026-06-01T09:00:00Z"), Tz::UTC), None);
}
