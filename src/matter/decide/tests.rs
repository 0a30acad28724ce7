use super::*;
use crate::event::EventId;
use crate::matter::tests::rule;

fn at(minute: i64) -> DateTime<Utc> {
    "2026-03-02T10:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

fn event(id: &str, data: Value) -> Event {
    Event {
        id: EventId::derived(&[id]),
        origin: Origin::Hook {
            hook: "ci".to_owned(),
            event_type: None,
        },
        occurred_at: at(0),
        data,
        request: Value::Null,
        here: None,
        thread: None,
        sender: None,
        item: None,
    }
}

fn somebody(name: &str) -> Sender {
    Sender {
        tenant_id: "t".to_owned(),
        aad_object_id: Some(name.to_lowercase()),
        account_id: None,
        name: Some(name.to_owned()),
    }
}

/// Events in this order, one a minute: what each does, and the matter in the end.
fn life(rule: &Rule, events: &[Value]) -> (Vec<Course>, Option<Matter>) {
    let mut stored: Option<Matter> = None;
    let mut courses = Vec::new();
    for (minute, data) in events.iter().enumerate() {
        let event = event(&minute.to_string(), data.clone());
        let now = at(i64::try_from(minute).unwrap());
        let scope = plan::scope(&event, rule, Tz::UTC, now);
        let decided = arrival(
            Arrival {
                rule,
                event: &event,
                scope: &scope,
                revision: "r",
                again: false,
                zone: Tz::UTC,
                now,
            },
            stored.as_ref(),
            &mut Warnings::new(),
        );
        courses.push(decided.course);
        if decided.course.is_kept() {
            let change = super::super::Change {
                before: decided.before,
                after: decided.matter,
            };
            stored = Some(change.apply(stored.as_ref()).expect("nobody overtakes"));
        }
    }
    (courses, stored)
}

const TRACKED: &str = "when: { hook: ci }\nnotify: [{ person: anna }]\n\
    track: { by: \"{{event.id}}\", happened_at: \"{{event.at}}\", closed_when: { event.status: resolved } }\n";

fn told(status: &str, at: &str) -> Value {
    json!({ "id": "a", "status": status, "at": at })
}

#[test]
fn one_thing_is_opened_updated_and_closed_and_begins_anew() {
    let rule = rule(TRACKED);
    let (courses, matter) = life(
        &rule,
        &[
            told("firing", "2026-03-02T09:00:00Z"),
            told("firing", "2026-03-02T09:01:00Z"),
            told("resolved", "2026-03-02T09:02:00Z"),
            told("resolved", "2026-03-02T09:03:00Z"),
            told("firing", "2026-03-02T09:04:00Z"),
        ],
    );
    use Course::{Closes, NotOpen, Opens, Updates};
    assert_eq!(courses, [Opens, Updates, Closes, NotOpen, Opens]);
    let matter = matter.expect("kept");
    assert!(matter.is_open());
    assert_eq!((matter.events, matter.version, matter.opened_at), (1, 4, at(4)));
}

#[test]
fn events_that_come_late_come_to_the_same() {
    let rule = rule(TRACKED);
    use Course::{Closes, Late, Opens, Updates};
    // The newest came first.
    let (courses, matter) = life(
        &rule,
        &[
            told("firing", "2026-03-02T09:01:00Z"),
            told("firing", "2026-03-02T09:00:00Z"),
            told("firing", "2026-03-02T09:01:00Z"),
        ],
    );
    assert_eq!(courses, [Opens, Late, Updates]);
    assert_eq!(matter.expect("kept").event.data["at"], "2026-03-02T09:01:00Z");
    // What was told before it was over opens nothing, not even at the same instant.
    let (courses, matter) = life(
        &rule,
        &[
            told("firing", "2026-03-02T09:00:00Z"),
            told("resolved", "2026-03-02T09:02:00Z"),
            told("firing", "2026-03-02T09:01:00Z"),
            told("firing", "2026-03-02T09:02:00Z"),
        ],
    );
    assert_eq!(courses, [Opens, Closes, Late, Late]);
    assert!(!matter.expect("kept").is_open());
}

#[test]
fn without_a_time_of_the_sender_the_order_counts_in_which_events_come() {
    let rule = rule(&TRACKED.replace("happened_at: \"{{event.at}}\", ", ""));
    let (courses, _) = life(
        &rule,
        &[
            told("firing", "2026-03-02T09:01:00Z"),
            told("firing", "2026-03-02T09:00:00Z"),
        ],
    );
    assert_eq!(courses, [Course::Opens, Course::Updates]);
}

#[test]
fn what_would_close_nothing_is_sent_only_if_the_author_wants_it() {
    let event = [told("resolved", "2026-03-02T09:00:00Z")];
    let (courses, matter) = life(&rule(TRACKED), &event);
    assert_eq!((courses, matter), (vec![Course::NotOpen], None));
    let wanted = TRACKED.replace("closed_when", "if_not_open: send, closed_when");
    let (courses, matter) = life(&rule(&wanted), &event);
    assert_eq!(courses, [Course::Opens]);
    assert!(!matter.expect("kept").is_open());
}

#[test]
fn events_that_name_nothing_stand_for_themselves() {
    let rule = rule(TRACKED);
    let (one, two) = (event("1", json!({})), event("2", json!({})));
    let mut seen = Warnings::new();
    let subject = |event: &Event, seen: &mut Warnings| {
        subject(&rule, event, &plan::scope(event, &rule, Tz::UTC, at(0)), seen).0
    };
    assert_ne!(subject(&one, &mut seen), subject(&two, &mut seen));
    assert!(
        seen.into_vec()
            .iter()
            .any(|sentence| sentence.contains("came to nothing"))
    );
}

#[test]
fn points_in_time_are_read_as_senders_write_them() {
    let noon = Some("2026-03-02T12:00:00Z".parse::<DateTime<Utc>>().unwrap());
    for written in [
        json!("2026-03-02T12:00:00Z"),
        json!("2026-03-02T13:00:00.000+01:00"),
        json!(1_772_452_800),
        json!(1_772_452_800_000_i64),
        json!("1772452800"),
    ] {
        assert_eq!(moment(&written), noon, "{written}");
    }
    for written in [json!("yesterday"), json!(null), json!(""), json!({})] {
        assert_eq!(moment(&written), None, "{written}");
    }
}

fn open() -> Matter {
    life(&rule(TRACKED), &[told("firing", "2026-03-02T09:00:00Z")])
        .1
        .expect("kept")
}

#[test]
fn of_two_who_take_it_the_first_counts_and_the_other_hears_who_it_was() {
    let (omar, anna) = (somebody("Omar"), somebody("Anna"));
    let taken = press(&open(), Deed::Acknowledge, &omar, Tz::UTC, Language::English, at(3));
    let matter = taken.matter.expect("it changes");
    assert_eq!(matter.acknowledged.as_ref().map(|mark| mark.at), Some(at(3)));
    let second = press(
        &matter,
        Deed::Acknowledge,
        &anna,
        Tz::Europe__Berlin,
        Language::English,
        at(4),
    );
    assert!(second.matter.is_none());
    assert_eq!(second.sentence, "Omar took it at 11:03.");
    // Teams tells the same press twice.
    let again = press(&matter, Deed::Acknowledge, &omar, Tz::UTC, Language::English, at(4));
    assert!(again.matter.is_none());
    assert_eq!(again.sentence, taken.sentence);
}

#[test]
fn what_is_closed_stays_closed() {
    let (omar, anna) = (somebody("Omar"), somebody("Anna"));
    let closed = press(&open(), Deed::Close, &omar, Tz::UTC, Language::English, at(3))
        .matter
        .expect("it changes");
    for deed in [Deed::Acknowledge, Deed::Close, Deed::Snooze(TimeDelta::hours(1))] {
        let pressed = press(&closed, deed, &anna, Tz::UTC, Language::English, at(5));
        assert!(pressed.matter.is_none());
        assert_eq!(pressed.sentence, "Omar closed it at 10:03.");
    }
}

#[test]
fn what_is_put_off_comes_back_once() {
    let omar = somebody("Omar");
    let before = open();
    let later = press(
        &before,
        Deed::Snooze(TimeDelta::hours(1)),
        &omar,
        Tz::UTC,
        Language::English,
        at(3),
    );
    assert_eq!(later.sentence, "It comes back at 11:03.");
    let matter = later.matter.expect("it changes");
    let (timer, stopped) = wake_up(&before, &matter);
    let timer = timer.expect("a timer is set");
    assert_eq!((timer.due_at, stopped), (at(63), None));
    assert!(woken(&matter, at(62)).is_none());
    let back = woken(&matter, at(63)).expect("it is time");
    assert!(woken(&back, at(64)).is_none());
    // Whoever takes it meanwhile need not be told again.
    let taken = press(&matter, Deed::Acknowledge, &omar, Tz::UTC, Language::English, at(10))
        .matter
        .expect("it changes");
    assert_eq!(wake_up(&matter, &taken), (None, Some(timer.id)));
}

#[test]
fn templates_see_where_it_stands() {
    let matter = press(
        &open(),
        Deed::Acknowledge,
        &somebody("Omar"),
        Tz::UTC,
        Language::English,
        at(3),
    )
    .matter
    .expect("it changes");
    let seen = in_scope(&matter);
    assert_eq!(seen["acknowledged"]["by"]["name"], "Omar");
    assert_eq!(seen["acknowledged"]["at"], "2026-03-02T10:03:00Z");
    assert_eq!(
        (&seen["closed"], &seen["events"], &seen["about"]),
        (&Value::Null, &json!(1), &json!("a"))
    );
}
