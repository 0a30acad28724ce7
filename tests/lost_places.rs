//! `herald targets sync`: a team and a group chat that a lost store forgot are known again, with channels and members.

use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace};

async fn names(engine: &Engine, kind: &str) -> Vec<String> {
    let (_, answer) = engine.get("/admin/v1/targets?limit=1000").await;
    let entries = answer["entries"].as_array().expect("entries").clone();
    let named = entries.iter().filter_map(|entry| entry[kind]["name"].as_str());
    named.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_and_a_chat_that_the_store_forgot_are_found_again_by_their_ids() {
    let rule = "when: { hook: ci }\nnotify: [{ members_of: Platform }]\ncard: { message: hello }\n";
    let engine = Workspace::new().rule("all", rule).start().await;
    engine.known(&["Platform", "Finance room"]).await;
    let ids = ["Platform", "Finance room"].map(|name| engine.teams.conversation_id(name).expect("it exists"));
    let (_, answer) = engine.get("/admin/v1/targets?limit=1000").await;
    for entry in answer["entries"].as_array().expect("entries") {
        let fields = entry
            .as_object()
            .and_then(|entry| entry.values().next())
            .expect("an entry");
        let id = ["id", "aad_object_id", "account_id"]
            .iter()
            .find_map(|key| fields[*key].as_str())
            .expect("an id");
        engine.herald(&["targets", "forget", id]).await;
    }
    assert_eq!(names(&engine, "team").await, Vec::<String>::new());

    let unknown = "19:0123456789abcdef0123456789abcdef@thread.v2";
    let link = format!(
        "https://teams.microsoft.com/l/team/{}/conversations?groupId=8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01",
        ids[0].replace(':', "%3A").replace('@', "%40")
    );
    let said = engine.herald(&["targets", "sync", &link, &ids[1], unknown]).await;
    assert_eq!(said.code, 1, "{said:#?}");
    for words in [
        format!("{}: the team Platform", ids[0]),
        format!("{}: a group chat", ids[1]),
        format!("{unknown}: Teams does not show it to the bot"),
    ] {
        assert!(said.out.contains(&words), "{words} is missing in {}", said.out);
    }
    assert_eq!(names(&engine, "team").await, ["Platform"]);

    // Seven members, who are listed because of the sync or of the rule, whichever is first.
    let (status, answer) = engine.post("/hooks/ci", &json!({})).await;
    assert_eq!(status, 202, "{answer:#}");
    engine.messages(7).await;
    engine.settled().await;
    let (_, answer) = engine.get("/admin/v1/targets?limit=1000").await;
    let team = answer["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .find_map(|entry| entry.get("team"))
        .expect("the team");
    let channels: Vec<&Value> = team["channels"].as_array().expect("channels").iter().collect();
    assert!(channels.len() > 2, "{team:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_place_is_refused_before_teams_is_asked() {
    let engine = Workspace::new()
        .rule("all", "when: { hook: ci }\nnotify: [{ everyone: true }]\n")
        .start()
        .await;
    let said = engine.herald(&["targets", "sync", "Platform"]).await;
    assert_eq!(said.code, 3, "{said:#?}");
    assert!(said.err.contains("`Platform` is neither an id"), "{}", said.err);
    let (status, answer) = engine
        .post("/admin/v1/targets/sync", &json!({ "ids": vec!["19:x@thread.v2"; 51] }))
        .await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (400, &json!("bad_body")),
        "{answer:#}"
    );
}
