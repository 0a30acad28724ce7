use serde_json::json;

use super::*;
use crate::delivery::{Address, Attempt, CardId, DeliveryId, Operation, Recipient, Terms, Verdict};
use crate::event::EventId;
use crate::lane::Lane;
use crate::record::Near;
use crate::rule::condition::Condition;
use crate::run::Order;

fn at(time: &str) -> DateTime<Utc> {
    format!("2026-03-02T{time}Z").parse().expect("an instant")
}

fn delivery(rule: &str, name: &str, state: State) -> Delivery {
    let event_id = EventId::known("ev_1");
    let address = Address::Person {
        tenant_id: "t".into(),
        id: name.to_lowercase(),
    };
    Delivery {
        id: DeliveryId::of(&event_id, rule, &address),
        event_id,
        rule: rule.into(),
        revision: "r".into(),
        recipient: Recipient {
            address,
            name: name.into(),
        },
        card_id: Some(CardId::of("card")),
        state,
        attempts: Vec::new(),
        attempt_count: 0,
        created_at: at("14:02:05"),
        next_attempt_at: at("14:02:05"),
        reason: None,
        activity_id: None,
        conversation_id: None,
        thread_root: None,
        window: None,
        terms: Terms::default(),
        operation: Operation::Send,
        trace: None,
        batch: None,
    }
}

fn tried(mut delivery: Delivery, verdict: Verdict) -> Delivery {
    delivery.attempt_count += 1;
    delivery.attempts.push(Attempt {
        number: delivery.attempt_count,
        started_at: at("14:02:06"),
        took_ms: 20,
        status: None,
        verdict,
    });
    delivery
}

fn judged(rule: &str, condition: serde_json::Value, event: serde_json::Value) -> RuleRecord {
    let (condition, _) = Condition::compile(&condition).expect("a condition");
    let verdicts = condition.evaluate(&json!({ "event": event, "request": {}, "rule": {}, "now": "" }));
    RuleRecord {
        matched: verdicts.holds,
        ..RuleRecord::not_met(rule, &verdicts)
    }
}

fn record(rules: Vec<RuleRecord>) -> EventRecord {
    EventRecord {
        id: EventId::known("ev_1"),
        origin: "hook github (deployment_status)".into(),
        occurred_at: at("14:02:05"),
        revision: "r".into(),
        rules,
        elsewhere: Some(9),
        near: Vec::new(),
    }
}

fn told(record: &EventRecord, deliveries: &[Delivery], waiting: &[Waiting], question: &Question<'_>) -> String {
    let whole = Story {
        record,
        deliveries,
        more_deliveries: false,
        some_recipients: false,
        waiting,
        runs: &[],
        matters: &[],
        behind: &BTreeMap::new(),
        zone: Tz::Europe__Berlin,
    };
    story(&whole, question)
}

#[test]
fn a_story_tells_each_line_and_each_recipient() {
    let mut failed = judged(
        "github/deploy-failed",
        json!({ "event.state": ["failure", "error"], "event.environment": "production" }),
        json!({ "state": "failure", "environment": "production" }),
    );
    failed.deliveries = 5;
    failed.held_back_count = 1;
    failed.held_back = vec![HeldBack {
        recipient: "Platform / Releases".into(),
        value: Some("acme/web".into()),
        since: Some(at("14:01:00")),
        until: Some(at("14:11:00")),
        gathered: None,
    }];
    failed.warnings = vec!["`event.by` is missing".into()];
    let staging = judged(
        "github/staging",
        json!({
            "event.environment": "staging",
            "any": [{ "event.title": { "contains": "x" } }, { "event.titel": { "exists": true } }],
            "not": { "event.state": "failure" },
        }),
        json!({ "state": "failure", "environment": "production", "title": "abc" }),
    );
    let rule = "github/deploy-failed";
    let deliveries = [
        tried(
            delivery(rule, "Anna Berg", State::Delivered),
            Verdict::Delivered {
                activity_id: None,
                conversation_id: crate::roster::ConversationId::new("a:1"),
                thread_root: None,
                note: None,
            },
        ),
        tried(
            delivery(rule, "Omar Haddad", State::Pending),
            Verdict::RetryAt {
                at: at("14:03:00"),
                reason: "Teams answered 503".into(),
            },
        ),
        Delivery {
            reason: Some("nobody is called that".into()),
            card_id: None,
            ..delivery(rule, "person: mona", State::Dead)
        },
        Delivery {
            attempt_count: 3,
            reason: Some("the bot was blocked".into()),
            ..delivery(rule, "Priya", State::Dead)
        },
        delivery(rule, "Mona", State::Sending),
    ];
    let mut record = record(vec![failed, staging]);
    record.near = vec![Near {
        rule: "github/review".into(),
        event_types: vec!["pull_request".into(), "push".into()],
    }];
    let text = told(&record, &deliveries, &[], &Question::default());
    assert_eq!(
        text,
        "ev_1: hook github (deployment_status), 2026-03-02 15:02:05 CET\n\
         1 card sent, 2 cards waiting, 1 card given up, 1 target nobody could be told through, 1 card held back by a limit.\n\
         \n\
         github/deploy-failed matched.\n\
         \x20 yes  `event.state: [failure, error]`: it is \"failure\"\n\
         \x20 yes  `event.environment: production`: it is \"production\"\n\
         \x20 Anna Berg: sent at 2026-03-02 15:02:06 CET\n\
         \x20 Omar Haddad: waiting; tried again at 2026-03-02 15:02:05 CET, after one attempt: Teams answered 503\n\
         \x20 person: mona: nobody was told through this: nobody is called that\n\
         \x20 Priya: given up after 3 attempts: the bot was blocked\n\
         \x20 Mona: is being sent right now\n\
         \x20 Platform / Releases: held back by the rule's limit of one card in 10 minutes for `acme/web`: there was one at \
         2026-03-02 15:01:00 CET, and the next may go at 2026-03-02 15:11:00 CET\n\
         \x20 note: `event.by` is missing\n\
         \n\
         github/staging was considered and did not match.\n\
         \x20 no   `event.environment: staging`: should be \"staging\", but was \"production\"\n\
         \x20 no   `any`: at least one of these must hold (0 of 2 hold)\n\
         \x20   no   `event.title: { contains: x }`: should contain \"x\", but was \"abc\"\n\
         \x20   no   `event.titel: { exists: true }`: should exist, but was missing (no field `event.titel`; nearest is `event.title`)\n\
         \x20 no   `not`: this must not hold (1 of 1 hold)\n\
         \x20   yes  `event.state: failure`: it is \"failure\"\n\
         \n\
         These wait for the same hook, but for other types of events:\n\
         \x20 github/review: pull_request or push\n\
         \n\
         8 other rules wait for something else.\n"
    );
}

#[test]
fn one_can_ask_about_one_rule_one_recipient_or_one_delivery() {
    let mut rule = judged("a", json!({ "event.x": 1 }), json!({ "x": 1 }));
    rule.deliveries = 2;
    let other = judged("b", json!({ "event.x": 2 }), json!({ "x": 1 }));
    let record = record(vec![rule, other]);
    let deliveries = [
        delivery("a", "Anna Berg", State::Sending),
        delivery("a", "Omar Haddad", State::Sending),
    ];
    let about = |question: Question<'_>| told(&record, &deliveries, &[], &question);
    let text = about(Question {
        rule: Some("b"),
        ..Question::default()
    });
    assert!(
        text.contains("b was considered") && !text.contains("a matched"),
        "{text}"
    );
    let text = about(Question {
        recipient: Some("omar"),
        ..Question::default()
    });
    assert!(
        text.contains("Omar") && !text.contains("Anna") && !text.contains("other rules"),
        "{text}"
    );
    let text = about(Question {
        recipient: Some("mona"),
        ..Question::default()
    });
    assert!(text.contains("no such recipient is known"), "{text}");
    let text = about(Question {
        delivery: Some(&deliveries[0]),
        ..Question::default()
    });
    assert!(
        text.contains("Anna") && !text.contains("Omar") && !text.contains("b was"),
        "{text}"
    );
    let text = about(Question {
        rule: Some("c"),
        ..Question::default()
    });
    assert!(
        text.contains("c was not considered: it waits for something else"),
        "{text}"
    );
}

#[test]
fn an_event_that_led_to_nothing_says_so() {
    let none = told(&record(Vec::new()), &[], &[], &Question::default());
    assert!(none.contains("No rule waits for it.\n"), "{none}");
    let matched = RuleRecord {
        rule: "a".into(),
        matched: true,
        ..RuleRecord::default()
    };
    let nobody = told(&record(vec![matched.clone()]), &[], &[], &Question::default());
    assert!(nobody.contains("a matched (it has no `if`)."), "{nobody}");
    assert!(nobody.contains("`except` names all of them"), "{nobody}");
    let waiting = Waiting {
        rule: "a".into(),
        due_at: at("14:10:00"),
        reason: Some("Teams answered 503".into()),
    };
    let waits = told(&record(vec![matched]), &[], &[waiting], &Question::default());
    assert!(waits.contains("Waiting for a list of members."), "{waits}");
    assert!(
        waits.contains("asked again at 2026-03-02 15:10:00 CET: Teams answered 503"),
        "{waits}"
    );
    assert!(!waits.contains("nobody was told"), "{waits}");
}

#[test]
fn a_record_of_an_older_version_tells_what_it_has() {
    let old = RuleRecord {
        rule: "a".into(),
        because: vec!["`event.x: 1`: expected 1, found 2".into()],
        ..RuleRecord::default()
    };
    let text = told(&record(vec![old]), &[], &[], &Question::default());
    assert!(text.contains("no   `event.x: 1`: expected 1, found 2"), "{text}");
}

fn party(change: impl FnOnce(&mut Run)) -> Run {
    let mut run = Run::new(&EventId::known("ev_1"), "office/party", 40, at("14:02:05"));
    run.tally.open = 30;
    run.tally.delivered = 10;
    change(&mut run);
    run
}

fn told_of(delivery: &Delivery, run: &Run, behind: Option<&DeliveryId>) -> String {
    fate::fate(delivery, Some(run), behind, Tz::Europe__Berlin)
}

#[test]
fn a_card_that_waits_says_what_for() {
    let anna = delivery("office/party", "Anna", State::Pending);
    let running = party(|_| ());
    assert_eq!(
        told_of(&anna, &running, None),
        "waiting to be sent, from 2026-03-02 15:02:05 CET on"
    );
    let paused = party(|run| {
        let reason = "the room is wrong".to_owned();
        run.obey(Order::Pause { reason }, at("14:03:00")).expect("obeyed");
    });
    assert_eq!(
        told_of(&anna, &paused, None),
        "waiting: the run is paused since 2026-03-02 15:03:00 CET, because the room is wrong"
    );
    let unapproved = party(|run| run.phase = Phase::AwaitingApproval);
    assert!(told_of(&anna, &unapproved, None).contains("waits until somebody approves it (`herald runs approve rn_"));
    let tried = party(|run| {
        run.phase = Phase::Trying;
        run.first.count = 5;
    });
    assert_eq!(
        told_of(&anna, &tried, None),
        "waiting: the run is tried on 5 recipients first, and this is none of them"
    );
    let ahead = DeliveryId::known("dl_9");
    assert_eq!(
        told_of(&anna, &running, Some(&ahead)),
        "waiting behind another message to the same conversation (dl_9)"
    );
    let mut slow = anna;
    slow.terms.lane = Lane::Bulk;
    slow.terms.expires_at = Some(at("16:00:00"));
    assert_eq!(
        told_of(&slow, &running, Some(&ahead)),
        "waiting behind another message to the same conversation (dl_9); it lets what is more urgent pass (lane bulk); \
         not sent any more after 2026-03-02 17:00:00 CET"
    );
}

#[test]
fn a_card_that_was_taken_back_or_corrected_says_so() {
    let arrived = || {
        tried(
            delivery("office/party", "Anna", State::Delivered),
            Verdict::Delivered {
                activity_id: Some("1".into()),
                conversation_id: crate::roster::ConversationId::new("a:1"),
                thread_root: None,
                note: None,
            },
        )
    };
    let run = party(|_| ());
    let told = |change: &dyn Fn(&mut Delivery)| {
        let mut delivery = arrived();
        change(&mut delivery);
        told_of(&delivery, &run, None)
    };
    assert_eq!(
        told(&|delivery| delivery.operation = Operation::Update),
        "sent, and corrected at 2026-03-02 15:02:06 CET"
    );
    assert_eq!(
        told(&|delivery| {
            delivery.operation = Operation::Delete;
            delivery.reason = Some("it could not be taken back: Teams refused".to_owned());
        }),
        "sent; it could not be taken back: Teams refused"
    );
    assert_eq!(
        told(&|delivery| {
            delivery.operation = Operation::Delete;
            delivery.state = State::Pending;
        }),
        "sent, and to be taken back, from 2026-03-02 15:02:05 CET on"
    );
    assert_eq!(
        told(&|delivery| delivery.state = State::Recalled),
        "sent, and taken back at 2026-03-02 15:02:06 CET"
    );
}

#[test]
fn a_story_names_a_run_of_several() {
    let record = record(vec![RuleRecord {
        rule: "office/party".into(),
        matched: true,
        deliveries: 40,
        ..RuleRecord::default()
    }]);
    let runs = [party(|run| {
        let reason = "the room is wrong".to_owned();
        run.obey(Order::Pause { reason }, at("14:03:00")).expect("obeyed");
    })];
    let whole = Story {
        record: &record,
        deliveries: &[delivery("office/party", "Anna", State::Pending)],
        more_deliveries: false,
        some_recipients: false,
        waiting: &[],
        runs: &runs,
        matters: &[],
        behind: &BTreeMap::new(),
        zone: Tz::Europe__Berlin,
    };
    let text = story(&whole, &Question::default());
    let line = format!(
        "  run {}: 10 of 40 at their end; it is paused since 2026-03-02 15:03:00 CET, because the room is wrong\n",
        runs[0].id
    );
    assert!(text.contains(&line), "{text}");
}

#[test]
fn rules_that_wait_for_other_messages_or_buttons_are_named() {
    for (origin, sentence) in [
        (
            "message to the bot (person)",
            "These wait for messages, but for other ones:",
        ),
        ("button ack (team)", "These wait for other buttons:"),
    ] {
        let mut record = record(Vec::new());
        record.origin = origin.to_owned();
        record.near = vec![Near {
            rule: "office/help".into(),
            event_types: vec!["help".into(), "help *".into()],
        }];
        let text = told(&record, &[], &[], &Question::default());
        let expected = format!("{sentence}\n  office/help: help or help *\n");
        assert!(text.contains(&expected), "{text}");
    }
}
