//! One message that was sent: put right, taken away, answered.

use herald::delivery::{Delivery, State};
use herald::sandbox::Operation;
use serde_json::{Value, json};

use crate::support::cli;
use crate::support::engine::{Engine, Workspace, finance_room, texts};

const PLACES: [&str; 3] = ["Anna Berg", "Finance room", "Platform / Releases"];

/// One message in each of a personal chat, a group chat and a channel.
async fn engine() -> (Engine, Vec<Delivery>) {
    let engine = Workspace::new()
        .rule(
            "build",
            "when: { hook: ci }\nnotify: [{ person: anna.berg@contoso.example }, { group: finance }, { channel: Platform / Releases }]\n\
             card: { message: \"{{event.text}}\" }\n",
        )
        .file("directory.yaml", &finance_room().await)
        .start()
        .await;
    engine.known(&["Platform", "Finance room", "Anna Berg"]).await;
    let (status, answer) = engine.post("/hooks/ci", &json!({ "text": "It burns" })).await;
    assert_eq!(status, 202, "{answer}");
    let sent = engine.settled().await;
    assert!(sent.iter().all(|one| one.state == State::Delivered), "{sent:#?}");
    assert_eq!(sent.len(), 3);
    (engine, sent)
}

async fn order(engine: &Engine, delivery: &Delivery, order: &str, body: Value) -> (u16, Value) {
    engine
        .post(&format!("/admin/v1/deliveries/{}/{order}", delivery.id), &body)
        .await
}

fn shown(engine: &Engine, place: &str) -> Vec<(String, bool)> {
    let bots = engine.teams.shown_in(place).into_iter().filter(|one| one.by_bot);
    bots.map(|one| (texts(&one.activity).trim().to_owned(), one.edited))
        .collect()
}

#[tokio::test]
async fn a_message_is_put_right_where_it_stands() {
    let (engine, sent) = engine().await;
    for delivery in &sent {
        let (status, answer) = order(&engine, delivery, "update", json!({ "text": "It does not burn" })).await;
        assert_eq!(status, 200, "{answer}");
    }
    engine.settled().await;
    for place in PLACES {
        assert_eq!(
            shown(&engine, place),
            [("It does not burn".to_owned(), true)],
            "{place}"
        );
    }
}

#[tokio::test]
async fn a_message_is_taken_away_and_its_delivery_says_so() {
    let (engine, sent) = engine().await;
    for delivery in &sent {
        let (status, answer) = order(&engine, delivery, "delete", json!({})).await;
        assert_eq!(status, 200, "{answer}");
    }
    let after = engine.settled().await;
    assert!(after.iter().all(|one| one.state == State::Recalled), "{after:#?}");
    for place in PLACES {
        assert_eq!(shown(&engine, place), [], "{place}");
    }
}

#[tokio::test]
async fn an_answer_stands_in_the_thread_and_is_a_delivery_of_its_own() {
    let (engine, sent) = engine().await;
    for delivery in &sent {
        let (status, answer) = order(&engine, delivery, "reply", json!({ "text": "It is out" })).await;
        assert_eq!(status, 200, "{answer}");
        assert_ne!(answer["id"], delivery.id.as_str());
    }
    let after = engine.settled().await;
    assert_eq!(after.len(), 6);
    assert!(after.iter().all(|one| one.state == State::Delivered), "{after:#?}");
    // In chats the message itself is answered; in a channel its thread is written to.
    assert_eq!(engine.teams.count(Operation::Reply), 2);
    let in_channel = engine.teams.received_in("Platform / Releases");
    let root = in_channel[0].activity_id.clone().expect("an id");
    assert!(
        in_channel[1].conversation.ends_with(&format!(";messageid={root}")),
        "{in_channel:#?}"
    );
    let event = after
        .iter()
        .find(|one| !sent.iter().any(|old| old.id == one.id))
        .expect("an answer");
    let (_, story) = engine.get(&format!("/admin/v1/events/{}", event.event_id)).await;
    assert!(story.to_string().contains("answer by hand to dl_"), "{story}");
}

#[tokio::test]
async fn a_correction_of_a_message_that_is_gone_is_sent_as_a_new_one_and_it_is_said() {
    let (engine, sent) = engine().await;
    let delivery = sent
        .iter()
        .find(|one| one.recipient.name.contains("Releases"))
        .expect("one");
    let message = delivery.activity_id.clone().expect("an id");
    assert!(engine.teams.lose_message("Platform / Releases", &message));
    let (status, _) = order(&engine, delivery, "update", json!({ "text": "It does not burn" })).await;
    assert_eq!(status, 200);
    engine.settled().await;
    assert_eq!(
        shown(&engine, "Platform / Releases"),
        [("It does not burn".to_owned(), false)]
    );
    let (_, now) = engine.get(&format!("/admin/v1/deliveries/{}", delivery.id)).await;
    assert!(
        now["text"]
            .as_str()
            .is_some_and(|text| text.contains("sent as a new one")),
        "{now}"
    );
    assert_ne!(now["delivery"]["activity_id"], message.as_str());
    // The new one is the one that is meant from now on.
    let (status, _) = order(&engine, delivery, "delete", json!({})).await;
    assert_eq!(status, 200);
    engine.settled().await;
    assert_eq!(shown(&engine, "Platform / Releases"), []);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_and_nothing_changes() {
    let (engine, sent) = engine().await;
    let (status, answer) = order(&engine, &sent[0], "update", json!({})).await;
    assert_eq!(
        (status, answer["error"]["code"].as_str()),
        (400, Some("bad_card")),
        "{answer}"
    );
    let (status, answer) = order(&engine, &sent[0], "reply", json!({ "text": "{{event.x}}" })).await;
    assert_eq!(
        (status, answer["error"]["code"].as_str()),
        (400, Some("bad_card")),
        "{answer}"
    );
    let (status, _) = engine.post("/admin/v1/deliveries/dl_none/delete", &json!({})).await;
    assert_eq!(status, 404);
    let (status, _) = order(&engine, &sent[0], "delete", json!({})).await;
    assert_eq!(status, 200);
    engine.settled().await;
    let (status, answer) = order(&engine, &sent[0], "update", json!({ "text": "again" })).await;
    assert_eq!(
        (status, answer["error"]["code"].as_str()),
        (409, Some("wrong_state")),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_do_the_same() {
    let (engine, sent) = engine().await;
    let server = engine.url("");
    let id = sent[0].id.to_string();
    let run = |words: Vec<String>| {
        let root = engine.path("");
        tokio::task::spawn_blocking(move || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            cli::run(&root, &words)
        })
    };
    let words = |rest: &[&str]| -> Vec<String> {
        let first = ["deliveries", "--server", server.trim_end_matches('/')];
        let all = first.iter().chain(rest);
        all.map(|word| (*word).to_owned()).collect()
    };
    let told = run(words(&["update", &id, "--text", "It does not burn"]))
        .await
        .expect("it runs");
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    engine.settled().await;
    let told = run(words(&["reply", &id, "--text", "Sorry"])).await.expect("it runs");
    assert!(told.out.contains("is to be answered: dl_"), "{}{}", told.out, told.err);
    engine.settled().await;
    let told = run(words(&["delete", &id])).await.expect("it runs");
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    let after = engine.settled().await;
    assert!(
        after
            .iter()
            .any(|one| one.id.as_str() == id && one.state == State::Recalled)
    );
    let told = run(words(&["update", &id, "--text", "x"])).await.expect("it runs");
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
    let told = run(words(&["reply", &id])).await.expect("it runs");
    assert_eq!(told.code, 2, "{}{}", told.out, told.err);
}
