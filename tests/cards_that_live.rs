//! One card for one thing: it is updated, taken, put off and closed, and says so to everybody who has it.

use chrono::TimeDelta;
use herald::delivery::State;
use herald::sandbox::{Operation, Script};
use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace, texts};

const INCIDENT: &str = "description: Something burns\n\
    language: en\n\
    when: { hook: ci }\n\
    notify: [{ channel: Platform / Incidents }, { person: Anna Berg }]\n\
    card: { title: \"{{event.title}}\", text: \"Seen {{tracked.events}} times\" }\n\
    track: { by: \"{{event.id}}\", happened_at: \"{{event.at}}\", closed_when: { event.status: resolved } }\n\
    buttons: [acknowledge, { snooze: 1 hour }, close, { open: \"https://status.example/{{event.id}}\" }]\n";

const PLACES: [&str; 2] = ["Platform / Incidents", "Anna Berg"];

async fn engine(rule: &str) -> Engine {
    let engine = Workspace::new().rule("incident", rule).start().await;
    engine.known(&["Platform", "Anna Berg", "Omar Haddad"]).await;
    engine
}

async fn told(engine: &Engine, title: &str, status: &str, minute: u32) -> Value {
    let at = format!("2026-03-02T09:{minute:02}:00Z");
    let event = json!({ "id": "INC-7", "title": title, "status": status, "at": at });
    let (code, answer) = engine.post("/hooks/ci", &event).await;
    assert_eq!(code, 202, "{answer}");
    engine.settled().await;
    answer
}

/// Every message of the bot there: what it says, and whether it was changed.
fn shown(engine: &Engine, place: &str) -> Vec<(String, bool)> {
    let bots = engine.teams.shown_in(place).into_iter().filter(|one| one.by_bot);
    bots.map(|one| (texts(&one.activity), one.edited)).collect()
}

/// What the one card there says, that was changed.
fn only(engine: &Engine, place: &str) -> String {
    let cards = shown(engine, place);
    assert!(cards.len() == 1 && cards[0].1, "{place}: {cards:#?}");
    cards[0].0.clone()
}

fn message(engine: &Engine, place: &str) -> String {
    let mut bots = engine.teams.shown_in(place).into_iter().filter(|one| one.by_bot);
    bots.next().expect("there is a card").id
}

/// Presses a button of the first card there; what whoever pressed is told.
async fn press(engine: &Engine, who: &str, place: &str, button: &str) -> String {
    let answer = engine
        .teams
        .press(who, place, &message(engine, place), button, &json!({}))
        .await
        .expect("told");
    assert_eq!(answer.status, 200, "{}", answer.body);
    engine.settled().await;
    answer.json()["value"].as_str().unwrap_or_default().to_owned()
}

async fn why(engine: &Engine, answer: &Value) -> String {
    let said = engine
        .herald(&["why", answer["event"].as_str().expect("an event")])
        .await;
    said.out
}

#[tokio::test]
async fn later_events_change_the_card_in_its_place_until_it_is_over() {
    let engine = engine(INCIDENT).await;
    let opened = told(&engine, "Disk fills", "firing", 1).await;
    let updated = told(&engine, "Disk is full", "firing", 2).await;
    for place in PLACES {
        let text = only(&engine, place);
        assert!(text.contains("Disk is full") && text.contains("Seen 2 times"), "{text}");
        assert!(text.contains("Acknowledge") && text.contains("Open"), "{text}");
    }
    let late = told(&engine, "Disk fills slowly", "firing", 0).await;
    assert!(shown(&engine, "Anna Berg")[0].0.contains("Disk is full"));
    let closed = told(&engine, "Disk is fine", "resolved", 3).await;
    for place in PLACES {
        let text = only(&engine, place);
        assert!(text.contains("Closed, {{DATE("), "{text}");
        assert!(text.contains("Disk is fine") && !text.contains("Acknowledge"), "{text}");
    }
    let nothing = told(&engine, "Disk is fine", "resolved", 4).await;
    for (answer, sentence) in [
        (&opened, "INC-7 (mt_"),
        (&opened, "it is open now, with 2 cards"),
        (&updated, "event 2 about it: 2 cards changed"),
        (&late, "older than what is known already"),
        (&closed, "closes it: 2 cards changed"),
        (&nothing, "nothing is open: nothing is sent"),
    ] {
        let told = why(&engine, answer).await;
        assert!(told.contains(sentence), "{sentence}\n{told}");
    }
    assert_eq!(engine.teams.received().len(), 2, "one message for each");
    // It burns again: that is another card.
    told(&engine, "Disk fills again", "firing", 5).await;
    assert_eq!(shown(&engine, "Anna Berg").len(), 2);
    assert!(
        shown(&engine, "Anna Berg")[0].0.contains("Disk is fine"),
        "the old one stays"
    );
}

#[tokio::test]
async fn whoever_takes_it_is_seen_by_everybody_and_of_two_the_first_counts() {
    let engine = engine(INCIDENT).await;
    told(&engine, "Disk fills", "firing", 1).await;
    let took = press(&engine, "Omar Haddad", "Platform / Incidents", "Acknowledge").await;
    assert_eq!(took, "You have taken it. Everybody who has this card sees that.");
    for place in PLACES {
        let text = shown(&engine, place)[0].0.clone();
        assert!(
            text.contains("Omar Haddad took it") && !text.contains("Acknowledge"),
            "{text}"
        );
    }
    // An event that comes later keeps who took it.
    told(&engine, "Disk is full", "firing", 2).await;
    let text = shown(&engine, "Anna Berg")[0].0.clone();
    assert!(
        text.contains("Omar Haddad took it") && text.contains("Disk is full"),
        "{text}"
    );
    let closed = press(&engine, "Anna Berg", "Anna Berg", "Close").await;
    assert_eq!(closed, "You have closed it. Everybody who has this card sees that.");
    let text = shown(&engine, "Platform / Incidents")[0].0.clone();
    assert!(
        text.contains("Closed by Anna Berg") && text.contains("Omar Haddad took it"),
        "{text}"
    );
}

/// A press as it comes, with what stands on a card of this matter.
async fn raw_press(engine: &Engine, who: &str, place: &str, id: &str, data: &Value) -> String {
    let mut activity = engine.teams.activity(who, place, "").expect("an activity");
    activity["id"] = json!(id);
    activity["type"] = json!("invoke");
    activity["name"] = json!("adaptiveCard/action");
    activity["value"] = json!({ "action": { "type": "Action.Execute", "verb": "herald:acknowledge", "data": data }, "trigger": "manual" });
    let answer = engine.teams.deliver(&activity).await.expect("told");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["value"].as_str().unwrap_or_default().to_owned()
}

fn data(engine: &Engine, place: &str) -> Value {
    fn find(value: &Value) -> Option<&Value> {
        match value {
            Value::Object(fields) if value["verb"] == "herald:acknowledge" => fields.get("data"),
            Value::Object(fields) => fields.values().find_map(find),
            Value::Array(items) => items.iter().find_map(find),
            _ => None,
        }
    }
    let card = engine
        .teams
        .shown_in(place)
        .into_iter()
        .find(|one| one.by_bot)
        .expect("a card");
    find(&card.activity).expect("a button").clone()
}

#[tokio::test]
async fn a_press_counts_once_and_a_made_up_one_not_at_all() {
    let mut engine = engine(INCIDENT).await;
    told(&engine, "Disk fills", "firing", 1).await;
    let data = data(&engine, "Platform / Incidents");
    // From a chat in which there is no such card.
    let elsewhere = raw_press(&engine, "Omar Haddad", "Omar Haddad", "f:0", &data).await;
    assert!(elsewhere.contains("does not keep this card"), "{elsewhere}");
    for made_up in [json!({}), json!({ "herald": { "matter": "mt_none", "since": 1 } })] {
        let said = raw_press(&engine, "Omar Haddad", "Platform / Incidents", "f:1", &made_up).await;
        // Without a rule it is told in the reader's own language.
        let nothing = ["Nothing happened", "لم يحدث شيء"];
        assert!(nothing.iter().any(|begin| said.starts_with(begin)), "{said}");
    }
    // Two at the same moment: one of them is the first.
    let (one, two) = tokio::join!(
        raw_press(&engine, "Omar Haddad", "Platform / Incidents", "f:2", &data),
        raw_press(&engine, "Anna Berg", "Anna Berg", "f:3", &data),
    );
    let taken = [&one, &two]
        .into_iter()
        .filter(|said| said.starts_with("You have taken it"))
        .count();
    assert_eq!(taken, 1, "{one} / {two}");
    let first = if one.starts_with("You") {
        ("Omar Haddad", "Platform / Incidents", "f:2")
    } else {
        ("Anna Berg", "Anna Berg", "f:3")
    };
    let calls = engine.settled().await.len();
    engine.restart().await;
    // Teams tells the press again, after a restart.
    let again = raw_press(&engine, first.0, first.1, first.2, &data).await;
    assert!(again.starts_with("You have taken it"), "{again}");
    assert_eq!(engine.settled().await.len(), calls);
    let (_, events) = engine.get("/admin/v1/events").await;
    let presses = events.to_string().matches("press of acknowledge").count();
    assert_eq!(presses, 3, "the refused one, and one of each: {events:#}");
}

#[tokio::test]
async fn only_those_may_press_whom_the_rule_names() {
    let rule = format!("{INCIDENT}may_press: [{{ person: Omar Haddad }}]\n");
    let engine = engine(&rule).await;
    told(&engine, "Disk fills", "firing", 1).await;
    let refused = press(&engine, "Anna Berg", "Anna Berg", "Acknowledge").await;
    assert_eq!(refused, "Nothing happened: this button is for others.");
    assert!(!shown(&engine, "Anna Berg")[0].1);
    let taken = press(&engine, "Omar Haddad", "Platform / Incidents", "Acknowledge").await;
    assert!(taken.starts_with("You have taken it"), "{taken}");
}

#[tokio::test]
async fn a_card_that_is_put_off_comes_back_after_a_restart_and_then_is_asked_for_no_more() {
    let mut engine = Workspace::new()
        .rule("incident", INCIDENT)
        .clock_at("2026-03-02T10:00:00Z")
        .start()
        .await;
    engine.known(&["Platform", "Anna Berg", "Omar Haddad"]).await;
    told(&engine, "Disk fills", "firing", 1).await;
    let answer = press(&engine, "Anna Berg", "Anna Berg", "Snooze 1 hour").await;
    assert!(answer.starts_with("It comes back at 11:00"), "{answer}");
    assert!(shown(&engine, "Platform / Incidents")[0].0.contains("Put off until"));
    engine.restart().await;
    engine.hand.as_ref().expect("a hand").advance(TimeDelta::minutes(59));
    assert_eq!(engine.teams.received().len(), 2);
    engine.hand.as_ref().expect("a hand").advance(TimeDelta::minutes(2));
    engine.messages(4).await;
    engine.settled().await;
    for place in PLACES {
        let cards = shown(&engine, place);
        assert_eq!(cards.len(), 2, "{cards:#?}");
        assert!(
            cards
                .iter()
                .all(|(text, _)| !text.contains("Put off") && text.contains("Snooze")),
            "{cards:#?}"
        );
    }
    // Both of them change from now on.
    press(&engine, "Omar Haddad", "Platform / Incidents", "Acknowledge").await;
    let cards = shown(&engine, "Anna Berg");
    assert!(
        cards.iter().all(|(text, _)| text.contains("Omar Haddad took it")),
        "{cards:#?}"
    );
}

#[tokio::test]
async fn a_reply_stands_in_the_thread_of_the_first_card() {
    let rule = INCIDENT.replace("closed_when", "on_update: reply, closed_when");
    let engine = engine(&rule).await;
    told(&engine, "Disk fills", "firing", 1).await;
    told(&engine, "Disk is full", "firing", 2).await;
    let in_channel = engine.teams.received_in("Platform / Incidents");
    let root = in_channel[0].activity_id.clone().expect("an id");
    assert_eq!(in_channel.len(), 2, "{in_channel:#?}");
    assert!(
        in_channel[1].conversation.ends_with(&format!(";messageid={root}")),
        "{in_channel:#?}"
    );
    let texts = shown(&engine, "Platform / Incidents");
    assert!(texts[0].0.contains("Disk fills") && texts[0].0.contains("Acknowledge") && !texts[0].1);
    assert!(texts[1].0.contains("Disk is full") && !texts[1].0.contains("Acknowledge"));
    assert_eq!(
        engine.teams.count(Operation::Reply),
        1,
        "in the personal chat it is an answer"
    );
    told(&engine, "Disk is fine", "resolved", 3).await;
    let texts = shown(&engine, "Platform / Incidents");
    assert_eq!(texts.len(), 2);
    assert!(texts[0].0.contains("Closed") && texts[0].1, "{texts:#?}");
}

#[tokio::test]
async fn whoever_is_named_later_gets_a_card_of_their_own() {
    let rule = INCIDENT.replace("{ person: Anna Berg }", "{ person: \"{{event.lead}}\" }");
    let engine = engine(&rule).await;
    for (lead, status, minute) in [
        ("Anna Berg", "firing", 1),
        ("Omar Haddad", "firing", 2),
        ("Omar Haddad", "resolved", 3),
    ] {
        let event = json!({
            "id": "INC-7", "title": "Disk fills", "status": status, "lead": lead, "at": format!("2026-03-02T09:0{minute}:00Z"),
        });
        engine.post("/hooks/ci", &event).await;
        engine.settled().await;
    }
    for place in ["Anna Berg", "Omar Haddad", "Platform / Incidents"] {
        let cards = shown(&engine, place);
        assert_eq!(cards.len(), 1, "{place}: {cards:#?}");
        assert!(cards[0].0.contains("Closed"), "{place}: {cards:#?}");
    }
}

#[tokio::test]
async fn a_card_that_changes_keeps_its_footer_and_the_language_of_whoever_has_it() {
    let rule = INCIDENT
        .replace("language: en\n", "")
        .replace("{ person: Anna Berg }", "{ person: \"{{event.lead}}\" }");
    let engine = engine(&rule).await;
    let footer = "Warum Sie das bekommen: Something burns";
    for (lead, status, minute) in [
        ("Anna Berg", "firing", 1),
        // She is not named any more, and still has her card.
        ("Omar Haddad", "firing", 2),
        ("Omar Haddad", "resolved", 3),
    ] {
        let event = json!({
            "id": "INC-7", "title": format!("Disk fills {minute}"), "status": status, "lead": lead,
            "at": format!("2026-03-02T09:0{minute}:00Z"),
        });
        engine.post("/hooks/ci", &event).await;
        engine.settled().await;
        let text = shown(&engine, "Anna Berg")[0].0.clone();
        assert!(text.contains(&format!("Disk fills {minute}")), "{text}");
        for part in [footer, "Abbestellen", "Einstellungen"] {
            assert!(text.contains(part), "{part} after event {minute}: {text}");
        }
        assert!(!text.contains("You get this because"), "once is enough: {text}");
        if minute == 2 {
            let told = press(&engine, "Anna Berg", "Anna Berg", "Bestätigen").await;
            assert!(told.starts_with("Sie haben es übernommen."), "{told}");
            let text = shown(&engine, "Anna Berg")[0].0.clone();
            assert!(
                text.contains("Anna Berg hat es übernommen") && text.contains(footer),
                "{text}"
            );
            let omar = shown(&engine, "Omar Haddad")[0].0.clone();
            assert!(omar.contains("Something burns") && omar.contains("إعدادات"), "{omar}");
        }
    }
    let text = shown(&engine, "Anna Berg")[0].0.clone();
    assert!(text.contains("Geschlossen"), "{text}");
    let channel = shown(&engine, "Platform / Incidents")[0].0.clone();
    assert!(
        channel.contains("Closed") && !channel.contains("Settings"),
        "a place has no footer: {channel}"
    );
}

#[tokio::test]
async fn a_card_that_is_not_sent_yet_is_sent_as_it_is_by_then() {
    let engine = engine(INCIDENT).await;
    engine
        .teams
        .answer_next(Script::throttled().retry_after(2).on(Operation::Send));
    for (title, minute) in [("Disk fills", 1), ("Disk is full", 2)] {
        let event = json!({ "id": "INC-7", "title": title, "status": "firing", "at": format!("2026-03-02T09:0{minute}:00Z") });
        engine.post("/hooks/ci", &event).await;
    }
    let all = engine.settled().await;
    assert!(all.iter().all(|one| one.state == State::Delivered), "{all:#?}");
    for place in PLACES {
        let cards = shown(&engine, place);
        assert_eq!(cards.len(), 1, "{cards:#?}");
        assert!(cards[0].0.contains("Disk is full"), "{cards:#?}");
    }
}

#[tokio::test]
async fn buttons_work_without_track_and_each_event_has_its_own_card() {
    let engine =
        engine("language: en\nwhen: { hook: ci }\nnotify: [{ person: Anna Berg }]\nbuttons: [acknowledge]\n").await;
    told(&engine, "One", "firing", 1).await;
    told(&engine, "Two", "firing", 2).await;
    press(&engine, "Anna Berg", "Anna Berg", "Acknowledge").await;
    let cards = shown(&engine, "Anna Berg");
    assert_eq!(cards.len(), 2);
    assert!(cards[0].0.contains("Anna Berg took it"), "{cards:#?}");
    assert!(!cards[1].0.contains("took it"), "{cards:#?}");
}

#[tokio::test]
async fn events_at_the_same_moment_are_one_card() {
    let engine = engine(&INCIDENT.replace("happened_at: \"{{event.at}}\", ", "")).await;
    let post = |number: u32| {
        let event = json!({ "id": "INC-7", "title": format!("Disk {number}"), "status": "firing" });
        let engine = &engine;
        async move { engine.post("/hooks/ci", &event).await.0 }
    };
    let codes = futures::future::join_all((0..10).map(post)).await;
    assert!(codes.iter().all(|code| *code == 202), "{codes:?}");
    engine.settled().await;
    for place in PLACES {
        let cards = shown(&engine, place);
        assert_eq!(cards.len(), 1, "{cards:#?}");
        assert!(cards[0].0.contains("Seen 10 times"), "{cards:#?}");
    }
}

#[tokio::test]
async fn an_operator_sees_what_is_open_and_closes_it() {
    let engine = engine(INCIDENT).await;
    let nothing = engine.herald(&["matters", "list", "--open"]).await;
    assert_eq!(
        (nothing.code, nothing.out.as_str()),
        (0, "nothing is open\n"),
        "{}",
        nothing.err
    );
    told(&engine, "Disk fills", "firing", 1).await;
    press(&engine, "Omar Haddad", "Platform / Incidents", "Acknowledge").await;
    let (_, matters) = engine.get("/admin/v1/matters?open=true").await;
    let id = matters[0]["id"].as_str().expect("one is open").to_owned();
    assert_eq!(matters[0]["acknowledged"]["by"], "Omar Haddad", "{matters:#}");
    let listed = engine.herald(&["matters", "list", "--rule", "incident"]).await;
    assert!(
        listed.out.contains(&id) && listed.out.contains("taken"),
        "{}{}",
        listed.out,
        listed.err
    );
    let shown_one = engine.herald(&["matters", "show", &id]).await;
    assert!(
        shown_one.out.contains("Taken by Omar Haddad at"),
        "{}{}",
        shown_one.out,
        shown_one.err
    );
    let closed = engine.herald(&["matters", "close", &id]).await;
    assert!(
        closed.code == 0 && closed.out.contains("is closed"),
        "{}{}",
        closed.out,
        closed.err
    );
    engine.settled().await;
    let text = only(&engine, "Anna Berg");
    assert!(text.contains("Closed, ") && !text.contains("Snooze"), "{text}");
    let again = engine.herald(&["matters", "close", &id]).await;
    assert!(again.code == 1 && again.err.contains("closed already"), "{}", again.err);
    let unknown = engine.herald(&["matters", "show", "mt_none"]).await;
    assert!(
        unknown.code == 1 && unknown.err.contains("herald matters list"),
        "{}",
        unknown.err
    );
}

#[tokio::test]
async fn a_drill_has_a_card_of_its_own() {
    let engine = engine(INCIDENT).await;
    told(&engine, "Disk fills", "firing", 1).await;
    let over = json!({ "id": "INC-7", "title": "Disk is fine", "status": "resolved", "at": "2026-03-02T09:09:00Z" });
    let (code, answer) = engine
        .post("/admin/v1/rules/incident/fire", &json!({ "event": over }))
        .await;
    assert_eq!(code, 202, "{answer}");
    engine.settled().await;
    let cards = shown(&engine, "Anna Berg");
    assert_eq!(cards.len(), 2, "{cards:#?}");
    assert!(
        cards[0].0.contains("Disk fills") && !cards[0].1,
        "the real one stays: {cards:#?}"
    );
    assert!(cards[1].0.contains("Drill: "), "{cards:#?}");
}

#[tokio::test]
async fn of_a_broadcast_the_first_thousand_cards_change() {
    let rule = "language: en\nwhen: { hook: ci }\nnotify: [{ members_of: Platform }]\ncard: { title: \"{{event.title}}\" }\n\
                track: { by: \"{{event.id}}\" }\nbuttons: [acknowledge]\nsend: { needs_approval_above: 10 }\n";
    let engine = Workspace::new()
        .rule("incident", rule)
        .start_with(|teams| teams.fill_silently("Platform", 1_050).expect("a crowd"))
        .await;
    engine.known(&["Platform"]).await;
    let event = json!({ "id": "INC-7", "title": "Disk fills" });
    let (_, answer) = engine.post("/hooks/ci", &event).await;
    let run = format!("/admin/v1/runs/{}", answer["event"].as_str().expect("an event"));
    let ends = tokio::time::Instant::now() + crate::support::engine::PATIENCE;
    loop {
        let (_, run) = engine.get(&run).await;
        if run["run"]["complete"] == true {
            break;
        }
        assert!(tokio::time::Instant::now() < ends, "not taken in: {run:#}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let (_, matters) = engine.get("/admin/v1/matters").await;
    assert_eq!(matters[0]["cards"], 1_000, "{matters:#}");
    let (_, answer) = engine.post("/hooks/ci", &event).await;
    let told = why(&engine, &answer).await;
    assert!(
        told.contains("1000 cards changed") && told.contains("more would be told"),
        "{told}"
    );
}
