use proptest::prelude::*;

use super::*;
use crate::card::partial::Partials;
use crate::diagnostic::{Fault, Underline};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_770_000_000 + seconds)
}

fn limit(seconds: u64) -> Limit {
    Limit {
        once_per: Duration::from_secs(seconds),
        for_each: None,
        rest: Rest::Count,
    }
}

fn card(number: usize) -> DeliveryId {
    DeliveryId::known(format!("dl_{number}"))
}

/// What becomes of one more card, and of the window.
fn offer(limit: &Limit, window: &mut Option<Window>, number: usize, now: DateTime<Utc>) -> Ruling {
    let ruling = limit.judge(window.as_ref(), now);
    let step = match (&ruling, &*window) {
        (Ruling::Passes(told), before) => Step::Opens {
            before: before.clone(),
            after: limit.opened(&card(number), *told, now),
        },
        (Ruling::HeldBack(..), Some(window)) => Step::HoldsBack {
            opened_by: window.opened_by.clone(),
            at: now,
        },
        (Ruling::HeldBack(..), None) => panic!("nothing holds it back"),
    };
    let change = Change {
        window: WindowId::of("r", "", &crate::delivery::Address::Nowhere { wanted: "x".into() }),
        rule: "r".into(),
        delivery: card(number),
        step,
        gathers: None,
    };
    *window = change.apply(window.as_ref()).expect("nobody overtakes");
    ruling
}

#[test]
fn one_card_passes_and_the_next_one_tells_how_many_were_held_back() {
    let limit = limit(600);
    let mut window = None;
    assert_eq!(offer(&limit, &mut window, 1, at(0)), Ruling::Passes(None));
    for second in [1, 300, 599] {
        assert_eq!(
            offer(&limit, &mut window, 2, at(second)),
            Ruling::HeldBack(at(0), at(600))
        );
    }
    let told = Counted {
        held_back: 3,
        since: at(0),
    };
    assert_eq!(offer(&limit, &mut window, 3, at(600)), Ruling::Passes(Some(told)));
    assert_eq!(
        offer(&limit, &mut window, 4, at(1200)),
        Ruling::Passes(None),
        "told once"
    );
}

#[test]
fn nothing_is_said_of_cards_that_are_dropped() {
    let limit = Limit {
        rest: Rest::Drop,
        ..limit(600)
    };
    let mut window = None;
    offer(&limit, &mut window, 1, at(0));
    offer(&limit, &mut window, 2, at(1));
    assert_eq!(offer(&limit, &mut window, 3, at(700)), Ruling::Passes(None));
}

#[test]
fn a_card_that_was_never_sent_lets_the_next_one_pass_and_hands_on_its_count() {
    let limit = limit(600);
    let mut window = None;
    offer(&limit, &mut window, 1, at(0));
    offer(&limit, &mut window, 2, at(1));
    offer(&limit, &mut window, 3, at(700));
    offer(&limit, &mut window, 4, at(701));
    let other = window.clone().expect("a window").without(&card(1));
    assert_eq!(Some(&other), window.as_ref(), "an earlier card closes nothing");
    window = window.map(|window| window.without(&card(3)));
    let told = Counted {
        held_back: 2,
        since: at(0),
    };
    assert_eq!(offer(&limit, &mut window, 5, at(702)), Ruling::Passes(Some(told)));
}

#[test]
fn a_card_that_is_sent_after_all_opens_its_window_again() {
    let limit = limit(600);
    let mut window = None;
    offer(&limit, &mut window, 1, at(0));
    window = window.map(|window| window.without(&card(1)).with_again(&card(1), at(1000)));
    assert_eq!(
        offer(&limit, &mut window, 2, at(1001)),
        Ruling::HeldBack(at(1000), at(1600))
    );
}

#[test]
fn a_shorter_time_in_the_rule_counts_at_once() {
    let mut window = None;
    offer(&limit(86_400), &mut window, 1, at(0));
    assert_eq!(offer(&limit(60), &mut window, 2, at(60)), Ruling::Passes(None));
}

#[test]
fn a_clock_that_is_put_back_makes_no_window_longer_than_the_rule_says() {
    let limit = limit(600);
    let mut window = None;
    offer(&limit, &mut window, 1, at(1_000_000));
    assert_eq!(offer(&limit, &mut window, 2, at(0)), Ruling::HeldBack(at(0), at(600)));
    assert!(matches!(offer(&limit, &mut window, 3, at(599)), Ruling::HeldBack(..)));
    assert!(matches!(
        offer(&limit, &mut window, 4, at(600)),
        Ruling::Passes(Some(_))
    ));
}

#[test]
fn who_passes_must_have_seen_the_last_of_those_held_back() {
    let limit = limit(600);
    let mut window = None;
    offer(&limit, &mut window, 1, at(0));
    let seen = window.clone();
    offer(&limit, &mut window, 2, at(1));
    let late = Change {
        window: WindowId::of("r", "", &crate::delivery::Address::Nowhere { wanted: "x".into() }),
        rule: "r".into(),
        delivery: card(3),
        step: Step::Opens {
            before: seen,
            after: limit.opened(&card(3), None, at(600)),
        },
        gathers: None,
    };
    assert_eq!(late.apply(window.as_ref()), Err(Overtaken));
}

proptest! {
    /// Whatever comes when, and whichever cards die: no two cards that are sent lie closer than the rule says, and
    /// everything held back is told of once, or still to be told.
    #[test]
    fn windows_never_overlap_and_no_count_is_lost(
        length in 1_u64..120,
        events in prop::collection::vec((0_i64..90, any::<bool>(), 0_i64..90), 1..80),
    ) {
        let limit = limit(length);
        let (mut window, mut now) = (None, at(0));
        let mut sent: Option<DateTime<Utc>> = None;
        let (mut held_back, mut told_of) = (0, 0);
        for (number, (pause, dies, later)) in events.into_iter().enumerate() {
            now += TimeDelta::seconds(pause);
            match offer(&limit, &mut window, number, now) {
                Ruling::HeldBack(since, until) => {
                    held_back += 1;
                    prop_assert!(since <= now && now < until);
                }
                Ruling::Passes(told) => {
                    if let Some(sent) = sent {
                        prop_assert!(now - sent >= TimeDelta::seconds(length as i64));
                    }
                    if dies {
                        now += TimeDelta::seconds(later);
                        window = window.map(|window| window.without(&card(number)));
                    } else {
                        sent = Some(now);
                        told_of += told.map_or(0, |told| told.held_back);
                    }
                }
            }
        }
        let owed = window.as_ref().and_then(Window::owed).map_or(0, |owed| owed.held_back);
        prop_assert_eq!(told_of + owed, held_back);
    }
}

fn compiled(yaml: &str) -> Result<(Limit, Vec<Fault>), Vec<Fault>> {
    let value: Value = serde_json::from_str(yaml).expect("JSON");
    Limit::compile(&value, &Partials::default())
}

#[test]
fn a_limit_is_read() {
    let (limit, faults) =
        compiled(r#"{ "once_per": "10 minutes", "for_each": "{{event.repo}}", "rest": "drop" }"#).expect("a limit");
    assert_eq!(faults, Vec::new());
    assert_eq!((limit.once_per.as_secs(), limit.rest), (600, Rest::Drop));
    let mut seen = Warnings::new();
    assert_eq!(limit.value(&json!({ "event": { "repo": "web" } }), &mut seen), "web");
    assert!(seen.is_empty());
    assert_eq!(limit.value(&json!({ "event": {} }), &mut seen), "");
    let told = seen.into_vec().join("\n");
    assert!(told.contains("all such events are counted together"), "{told}");
    let (plain, _) = compiled(r#"{ "once_per": "1 s" }"#).expect("a limit");
    assert_eq!(plain.rest, Rest::Count);
}

#[test]
fn what_is_wrong_with_a_limit_is_said_where_it_stands() {
    for (written, place, message, help) in [
        (r#""10 minutes""#, "", "says how often", "once_per: 10 minutes"),
        ("{}", "", "needs `once_per`", "once_per: 10 minutes"),
        (r#"{ "once_per": 10 }"#, "once_per", "10 what?", "`10 minutes`"),
        (
            r#"{ "once_per": "10 minuets" }"#,
            "once_per",
            "not a unit",
            "did you mean `minutes`?",
        ),
        (
            r#"{ "once_per": "500 ms" }"#,
            "once_per",
            "shorter than a second",
            "leave `limit` out",
        ),
        (
            r#"{ "once_per": "32 days" }"#,
            "once_per",
            "longer than 31 days",
            "31 days",
        ),
        (
            r#"{ "every": "10m" }"#,
            "every",
            "no `every`",
            "did you mean `once_per`?",
        ),
        (
            r#"{ "once_per": "10m", "for_eech": "x" }"#,
            "for_eech",
            "no `for_eech`",
            "did you mean `for_each`?",
        ),
        (r#"{ "once_per": "10m", "for_each": "{{event.a" }"#, "for_each", "", ""),
        (r#"{ "once_per": "10m", "for_each": 3 }"#, "for_each", "is a text", "{{"),
        (
            r#"{ "once_per": "10m", "digest_at": "09:00" }"#,
            "digest_at",
            "no `digest_at`",
            "`digest: { at: \"09:00\" }` beside `limit`",
        ),
        (
            r#"{ "once_per": "10m", "rest": "cuont" }"#,
            "rest",
            "cannot be `cuont`",
            "did you mean `count`?",
        ),
        (
            r#"{ "once_per": "10m", "rest": "queue" }"#,
            "rest",
            "cannot be `queue`",
            "`drop`",
        ),
    ] {
        let faults = compiled(written).expect_err(written);
        assert_eq!(faults.len(), 1, "{written}: {faults:#?}");
        let fault = &faults[0];
        let path: Vec<String> = fault
            .path
            .iter()
            .map(|step| match step {
                crate::diagnostic::Step::Key(key) => key.clone(),
                crate::diagnostic::Step::Index(index) => index.to_string(),
            })
            .collect();
        assert_eq!(path.join("/"), place, "{written}");
        assert!(fault.message.contains(message), "{written}: {}", fault.message);
        let shown = fault.help.clone().unwrap_or_default();
        assert!(shown.contains(help), "{written}: {shown}");
    }
    let (_, doubts) = compiled(r#"{ "once_per": "10m", "for_each": "event.repo" }"#).expect("a limit");
    assert_eq!(doubts[0].underline, Underline::Value);
    assert_eq!(doubts[0].help.as_deref(), Some("write `\"{{event.repo}}\"`"));
}
