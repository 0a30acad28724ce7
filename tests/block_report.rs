//! `herald targets blocked`: who does not get our messages, and that it ends when they want them again.

use herald::delivery::State;
use herald::sandbox::{Operation, Script};
use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace, finance_room};

async fn engine() -> Engine {
    let rule = |target: &str, hook: &str| {
        format!("when: {{ hook: {hook} }}\nnotify: [{{ {target} }}]\ncard: {{ message: hello }}\n")
    };
    let mut workspace = Workspace::new().rule("anna", &rule("person: Anna Berg", "ci"));
    for (name, target) in [
        ("chloe", "person: Chloé Dubois"),
        ("room", "group: finance"),
        ("channel", "channel: Platform / Releases"),
    ] {
        workspace = workspace
            .hook(&format!(
                "{name}: {{ path: {name}, signature: none, anyone_can_post: true }}"
            ))
            .rule(name, &rule(target, name));
    }
    let engine = workspace.file("directory.yaml", &finance_room().await).start().await;
    engine.known(&["Anna Berg", "Platform", "Finance room"]).await;
    engine
}

/// Posts, and tells what became of it.
async fn fate(engine: &Engine, hook: &str) -> (State, String) {
    let (status, answer) = engine.post(&format!("/hooks/{hook}"), &json!({})).await;
    assert_eq!(status, 202, "{answer}");
    let id = answer["deliveries"][0].as_str().expect("a delivery").to_owned();
    let all = engine.settled().await;
    let found = all.into_iter().find(|d| d.id.as_str() == id).expect("listed");
    (found.state, found.reason.unwrap_or_default())
}

async fn report(engine: &Engine) -> Vec<Value> {
    let said = engine.herald(&["targets", "blocked", "--format", "json"]).await;
    assert_eq!(said.code, 0, "{said:#?}");
    serde_json::from_str(&said.out).unwrap_or_else(|problem| panic!("{problem}: {}", said.out))
}

fn no(code: &str) -> Script {
    Script::status(403).body(&json!({"error": {"code": code, "message": "no"}}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_blocked_the_bot_is_reported_until_they_write_to_it() {
    let engine = engine().await;
    assert!(engine.herald(&["targets", "blocked"]).await.out.starts_with("nobody"));
    engine.teams.set_blocked("Anna Berg", true).expect("known");
    for _ in 0..3 {
        assert_eq!(fate(&engine, "ci").await.0, State::Dead);
    }
    assert_eq!(engine.teams.count(Operation::Send), 1, "Teams is asked once");
    let rows = report(&engine).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!((&rows[0]["name"], &rows[0]["missed"]), (&json!("Anna Berg"), &json!(3)));
    assert_eq!((&rows[0]["why"], &rows[0]["shut"]), (&json!("blocked"), &json!(true)));
    let said = engine.herald(&["targets", "blocked"]).await;
    for words in [
        "person",
        "Anna Berg",
        "blocked, muted or removed the bot",
        "MessageWritesBlocked",
        "3 messages did not reach 1 recipients",
    ] {
        assert!(said.out.contains(words), "{words} is missing in {}", said.out);
    }
    let csv = engine.herald(&["targets", "blocked", "--csv"]).await;
    let lines: Vec<&str> = csv.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", csv.out);
    assert!(
        lines[0].starts_with("kind,name,id,why,since") && lines[1].contains("Anna Berg"),
        "{}",
        csv.out
    );

    engine.teams.set_blocked("Anna Berg", false).expect("known");
    assert_eq!(fate(&engine, "ci").await.0, State::Dead, "nobody told us yet");
    engine
        .teams
        .say("Anna Berg", "Anna Berg", None, "hello")
        .await
        .expect("Herald listens");
    assert_eq!(report(&engine).await, Vec::<Value>::new());
    assert_eq!(fate(&engine, "ci").await.0, State::Delivered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_removed_the_bot_is_reported_until_they_install_it_again() {
    let engine = engine().await;
    engine.teams.place_silently("Anna Berg", false).expect("known");
    engine.teams.place_silently("Finance room", false).expect("known");
    for hook in ["ci", "room", "ci", "room"] {
        assert_eq!(fate(&engine, hook).await.0, State::Dead);
    }
    let rows = report(&engine).await;
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row["party"].clone(), row["missed"].clone()))
        .collect();
    assert!(told.contains(&(json!("person"), json!(2))), "{rows:#?}");
    assert!(told.contains(&(json!("group_chat"), json!(2))), "{rows:#?}");
    engine.installed(&["Anna Berg", "Finance room"]).await;
    assert_eq!(report(&engine).await, Vec::<Value>::new());
    for hook in ["ci", "room"] {
        assert_eq!(fate(&engine, hook).await.0, State::Delivered);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_without_the_bot_is_one_row_and_is_not_asked_again() {
    let engine = engine().await;
    engine.teams.place_silently("Platform", false).expect("known");
    for _ in 0..2 {
        let (state, reason) = fate(&engine, "channel").await;
        assert_eq!(state, State::Dead);
        assert!(reason.contains("install"), "{reason}");
    }
    assert_eq!(engine.teams.count(Operation::Send), 1);
    let rows = report(&engine).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(
        (&rows[0]["party"], &rows[0]["name"]),
        (&json!("team"), &json!("Platform"))
    );
    engine.installed(&["Platform"]).await;
    assert_eq!(report(&engine).await, Vec::<Value>::new());
    assert_eq!(fate(&engine, "channel").await.0, State::Delivered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_without_the_app_is_reported_and_an_operator_can_have_it_tried_again() {
    let engine = engine().await;
    let refused = no("ForbiddenOperationException").on(Operation::CreateConversation);
    engine.teams.answer_next(refused);
    for _ in 0..2 {
        assert_eq!(fate(&engine, "chloe").await.0, State::Dead);
    }
    let rows = report(&engine).await;
    assert_eq!(
        (&rows[0]["why"], &rows[0]["missed"]),
        (&json!("unreachable"), &json!(2)),
        "{rows:#?}"
    );
    let id = rows[0]["id"].as_str().expect("an id");
    let lifted = engine.herald(&["targets", "unblock", id]).await;
    assert_eq!(lifted.code, 0, "{lifted:#?}");
    assert_eq!(fate(&engine, "chloe").await.0, State::Delivered);
    let nobody = engine.herald(&["targets", "unblock", id]).await;
    assert_eq!(nobody.code, 1, "{nobody:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_where_the_bot_may_not_write_is_reported_and_tried_with_every_message() {
    let engine = engine().await;
    engine.teams.answer_next(no("NotEnoughPermissions").times(2));
    for _ in 0..2 {
        let (state, reason) = fate(&engine, "channel").await;
        assert_eq!(state, State::Dead);
        assert!(reason.contains("owner of the team"), "{reason}");
    }
    let rows = report(&engine).await;
    assert_eq!(
        (&rows[0]["missed"], &rows[0]["shut"]),
        (&json!(2), &json!(false)),
        "{rows:#?}"
    );
    assert_eq!(fate(&engine, "channel").await.0, State::Delivered);
    assert_eq!(report(&engine).await, Vec::<Value>::new(), "what arrives ends it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_chat_or_channel_that_is_really_gone_is_dropped_and_said_so() {
    let engine = engine().await;
    engine.teams.forget_silently("Finance room").expect("known");
    let (state, reason) = fate(&engine, "room").await;
    assert_eq!(state, State::Dead);
    assert!(reason.contains("gone"), "{reason}");
    assert_eq!(engine.teams.count(Operation::Send), 1);
    engine.post("/hooks/room", &json!({})).await;
    engine.settled().await;
    assert_eq!(engine.teams.count(Operation::Send), 1, "it is no target any more");
}
