use chrono::TimeDelta;
use chrono_tz::Tz;

use super::*;
use crate::event::{Event, EventId, Origin, Sender};
use crate::matter::decide::{Arrival, arrival, in_scope, press};
use crate::matter::tests::rule;
use crate::plan;

fn now() -> DateTime<Utc> {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

/// A matter that this rule opened, and what templates see of it.
fn opened(rule: &Rule) -> (Matter, Value) {
    let event = Event {
        id: EventId::derived(&["1"]),
        origin: Origin::Hook {
            hook: "ci".to_owned(),
            event_type: None,
        },
        occurred_at: now(),
        data: json!({ "id": "INC-7", "url": "https://a.example/7", "title": "It burns" }),
        request: Value::Null,
        here: None,
        thread: None,
        sender: None,
        item: None,
    };
    let scope = plan::scope(&event, rule, Tz::UTC, now());
    let arrival = arrival(
        Arrival {
            rule,
            event: &event,
            scope: &scope,
            revision: "r",
            again: false,
            zone: Tz::UTC,
            now: now(),
        },
        None,
        &mut Warnings::new(),
    );
    (arrival.matter, scope)
}

fn pressed(matter: &Matter, deed: Deed) -> Matter {
    let omar = Sender {
        tenant_id: "t".to_owned(),
        aad_object_id: Some("omar".to_owned()),
        account_id: None,
        name: Some("Omar *Haddad*".to_owned()),
    };
    press(matter, deed, &omar, Tz::UTC, Language::English, now())
        .matter
        .expect("it changes")
}

fn shown(rule: &Rule, matter: &Matter, scope: &Value) -> (Card, Vec<String>) {
    shown_in("en", rule, matter, scope)
}

fn shown_in(language: &str, rule: &Rule, matter: &Matter, scope: &Value) -> (Card, Vec<String>) {
    let mut scope = scope.clone();
    scope["tracked"] = in_scope(matter);
    let mut seen = Warnings::new();
    let card = card(rule, matter, &scope, &[], &Manner::of_tests(language), &mut seen);
    let texts = crate::card::shown::texts(&card);
    assert_eq!(seen.into_vec(), Vec::<String>::new());
    (card, texts)
}

fn actions(card: &Card) -> Vec<Value> {
    let Content::Adaptive(value) = &card.content else {
        return Vec::new();
    };
    let body = value["body"].as_array().expect("a body");
    let sets = body.iter().filter(|element| element["type"] == "ActionSet");
    sets.flat_map(|set| set["actions"].as_array().cloned().unwrap_or_default())
        .collect()
}

const RULE: &str = "when: { hook: ci }\nnotify: [{ person: anna }]\ncard: { title: \"{{event.title}}\" }\n\
    buttons: [acknowledge, { snooze: 1 hour }, { open: \"{{event.url}}\" }, { close: It is out }, \
    { button: call, title: Call, with: { id: \"{{event.id}}\" } }]\n";

#[test]
fn a_card_has_the_buttons_that_have_a_meaning_now() {
    let rule = rule(RULE);
    let (matter, scope) = opened(&rule);
    let titles = |matter: &Matter| -> Vec<String> {
        let actions = actions(&shown(&rule, matter, &scope).0);
        actions
            .iter()
            .map(|action| action["title"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(
        titles(&matter),
        ["Acknowledge", "Snooze 1 hour", "Open", "It is out", "Call"]
    );
    let taken = pressed(&matter, Deed::Acknowledge);
    assert_eq!(titles(&taken), ["Snooze 1 hour", "Open", "It is out", "Call"]);
    assert_eq!(titles(&pressed(&taken, Deed::Close)), ["Open"]);
}

#[test]
fn what_comes_back_with_a_press_is_what_stands_on_the_card() {
    let rule = rule(RULE);
    let (matter, scope) = opened(&rule);
    let actions = actions(&shown(&rule, &matter, &scope).0);
    let read = |action: &Value| Ours::read(action["verb"].as_str().unwrap_or_default(), &action["data"]);
    let since = matter.opened_at.timestamp_millis();
    let ours = |deed| {
        Some(Ours {
            deed,
            matter: matter.id.clone(),
            since,
        })
    };
    assert_eq!(read(&actions[0]), ours(Deed::Acknowledge));
    assert_eq!(read(&actions[1]), ours(Deed::Snooze(TimeDelta::hours(1))));
    assert_eq!(read(&actions[3]), ours(Deed::Close));
    assert_eq!(read(&actions[4]), None);
    assert_eq!(actions[4]["data"], json!({ "id": "INC-7" }));
    assert_eq!(actions[2]["url"], "https://a.example/7");
    // Whatever somebody sends instead.
    for data in [
        json!(null),
        json!({}),
        json!({ "herald": 7 }),
        json!({ "herald": { "matter": 7, "since": "x" } }),
    ] {
        assert_eq!(Ours::read("herald:acknowledge", &data), None, "{data}");
    }
    let endless = json!({ "herald": { "matter": "mt_1", "since": 1, "seconds": u64::MAX } });
    assert!(matches!(
        Ours::read("herald:snooze", &endless),
        Some(Ours { deed: Deed::Snooze(length), .. }) if length == TimeDelta::days(31)
    ));
}

#[test]
fn a_line_on_top_says_where_it_stands_and_a_name_is_no_markup() {
    let rule = rule(RULE);
    let (matter, scope) = opened(&rule);
    assert_eq!(shown(&rule, &matter, &scope).1[0], "It burns");
    let (card, _) = shown(&rule, &pressed(&matter, Deed::Acknowledge), &scope);
    let Content::Adaptive(value) = &card.content else {
        panic!("it is a card");
    };
    let text = value["body"][0]["items"][0]["text"].as_str().expect("a line");
    assert!(
        text.contains("took it, {{DATE(2026-03-02T10:00:00Z, SHORT)}}"),
        "{text}"
    );
    assert!(!text.contains("*Haddad*"), "{text}");
    let (card, _) = shown(&rule, &pressed(&matter, Deed::Close), &scope);
    let Content::Adaptive(value) = &card.content else {
        panic!("it is a card");
    };
    assert_eq!(value["body"][0]["style"], "good");
    assert_eq!(card.summary, "Closed: It burns");
}

#[test]
fn an_author_who_writes_another_card_says_it_in_their_own_words() {
    let rule = rule(&format!(
        "{RULE}on_acknowledge: {{ card: {{ title: \"{{{{tracked.acknowledged.by.name}}}} is on it\" }} }}\n\
         on_close: {{ card: {{ title: \"{{{{event.title}}}}: over\" }} }}\n"
    ));
    let (matter, scope) = opened(&rule);
    let taken = pressed(&matter, Deed::Acknowledge);
    let texts = shown(&rule, &taken, &scope).1;
    assert!(texts[0].ends_with("is on it"), "{texts:?}");
    let texts = shown(&rule, &pressed(&taken, Deed::Close), &scope).1;
    assert_eq!(texts[0], "It burns: over");
}

#[test]
fn bands_and_buttons_are_in_the_language_of_whoever_has_the_card() {
    let rule = rule(RULE);
    let (matter, scope) = opened(&rule);
    let (card, _) = shown_in("de", &rule, &matter, &scope);
    let titles: Vec<Value> = actions(&card).iter().map(|action| action["title"].clone()).collect();
    assert_eq!(
        titles,
        ["Bestätigen", "1 Stunde zurückstellen", "Öffnen", "It is out", "Call"]
    );
    let closed = pressed(&matter, Deed::Close);
    let (card, _) = shown_in("de", &rule, &closed, &scope);
    assert_eq!(card.summary, "Geschlossen: It burns");
    let Content::Adaptive(value) = &card.content else {
        panic!("it is a card");
    };
    let text = value["body"][0]["items"][0]["text"].as_str().expect("a line");
    assert!(text.starts_with("Geschlossen von Omar"), "{text}");
    assert!(text.contains("{{TIME(2026-03-02T10:00:00Z)}}"), "{text}");
}

#[test]
fn bands_and_buttons_in_arabic_run_from_the_right() {
    let rule = rule(RULE);
    let (matter, scope) = opened(&rule);
    let (card, _) = shown_in("ar", &rule, &pressed(&matter, Deed::Acknowledge), &scope);
    let Content::Adaptive(value) = &card.content else {
        panic!("it is a card");
    };
    assert_eq!(crate::card::profile::check(value), []);
    let body = value["body"].as_array().expect("a body");
    assert_eq!(body[0]["rtl"], true);
    let last = body.last().expect("buttons");
    assert_eq!(
        (&last["rtl"], &last["items"][0]["type"]),
        (&json!(true), &json!("ActionSet"))
    );
}
