//! Notifications in activity feeds, through Graph.

use herald::delivery::State;
use herald::sandbox::{Operation, Script};
use serde_json::{Value, json};

use crate::support::cli::run;
use crate::support::engine::{Engine, PATIENCE, Workspace};

const LINK: &str = "https://teams.microsoft.com/l/entity/5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10/deploys";
const BERLIN: &str =
    "audiences:\n  berlin: [{ members_of: Berlin Office }]\n  platform: [{ members_of: Platform }]\n";

fn rule(targets: &str, feed: &str) -> String {
    format!(
        "when: {{ hook: ci }}\nnotify: {targets}\nfeed: {{ {feed}, topic: Deploys, link: \"{LINK}\" }}\ncard: {{ title: x }}\n"
    )
}

async fn tell(engine: &Engine) -> Value {
    let (status, answer) = engine.post("/hooks/ci", &json!({ "number": 4711 })).await;
    assert_eq!(status, 202, "{answer}");
    answer
}

#[tokio::test]
async fn a_notification_arrives_in_the_activity_feed_and_the_chat_stays_quiet() {
    let feed = "activity: deployFailed, parameters: { deployId: \"{{event.number}}\" }, preview: \"Deploy {{event.number}} failed\", chain: \"{{event.number}}\"";
    let engine = Workspace::new()
        .rule("r", &rule("[{ activity_feed: Anna Berg }]", feed))
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    tell(&engine).await;
    let all = engine.settled().await;
    assert_eq!((all.len(), all[0].state), (1, State::Delivered), "{all:#?}");
    let notified = engine.teams.notified();
    assert_eq!(notified.len(), 1);
    assert_eq!(notified[0].person, "Anna Berg");
    assert_eq!(
        notified[0].notification,
        json!({
            "topic": { "source": "text", "value": "Deploys", "webUrl": LINK },
            "activityType": "deployFailed",
            "templateParameters": [{ "name": "deployId", "value": "4711" }],
            "previewText": { "content": "Deploy 4711 failed" },
            "chainId": 4711,
        })
    );
    assert_eq!(engine.teams.received().len(), 0);
}

#[tokio::test]
async fn card_and_notification_are_two_ways_to_the_same_person() {
    let engine = Workspace::new()
        .rule(
            "r",
            &rule(
                "[{ person: Anna Berg }, { activity_feed: [Anna Berg, Omar Haddad] }]",
                "text: \"Deploy failed\"",
            ),
        )
        .start()
        .await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    tell(&engine).await;
    let all = engine.settled().await;
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|one| one.state == State::Delivered), "{all:#?}");
    assert_eq!(engine.teams.received().len(), 1);
    let mut told: Vec<String> = engine.teams.notified().into_iter().map(|one| one.person).collect();
    told.sort();
    assert_eq!(told, ["Anna Berg", "Omar Haddad"]);
    assert_eq!(
        engine.teams.notified()[0].notification["templateParameters"],
        json!([{ "name": "systemDefaultText", "value": "Deploy failed" }])
    );
}

#[tokio::test]
async fn whoever_is_excepted_is_not_notified_either() {
    let text =
        rule("[{ activity_feed: [Anna Berg, Omar Haddad] }]", "text: Hello") + "except: [{ person: Anna Berg }]\n";
    let engine = Workspace::new().rule("r", &text).start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    tell(&engine).await;
    engine.settled().await;
    let told: Vec<String> = engine.teams.notified().into_iter().map(|one| one.person).collect();
    assert_eq!(told, ["Omar Haddad"]);
}

#[tokio::test]
async fn members_who_get_the_same_are_notified_together() {
    let engine = Workspace::new()
        .file("directory.yaml", BERLIN)
        .rule("r", &rule("[{ activity_feed: berlin }]", "text: Lunch"))
        .start_with(|teams| teams.fill_silently("Berlin Office", 250).expect("a team"))
        .await;
    engine.known(&["Berlin Office"]).await;
    tell(&engine).await;
    let all = engine.settled().await;
    assert_eq!(all.len(), 254);
    assert!(all.iter().all(|one| one.state == State::Delivered), "{all:#?}");
    let notified = engine.teams.notified();
    let mut people: Vec<&str> = notified.iter().map(|one| one.person.as_str()).collect();
    people.sort_unstable();
    people.dedup();
    assert_eq!((notified.len(), people.len()), (254, 254), "each once");
    assert!(notified.iter().all(|one| one.together <= 100));
    let (many, one) = (
        engine.teams.count(Operation::NotifyMany),
        engine.teams.count(Operation::Notify),
    );
    assert!(many >= 1 && many + one < 200, "{many} for several, {one} for one");
}

#[tokio::test]
async fn a_token_that_ends_too_soon_for_many_is_renewed() {
    let engine = Workspace::new()
        .file("directory.yaml", BERLIN)
        .rule("r", &rule("[{ activity_feed: platform }]", "text: Lunch"))
        .start_with(|teams| teams.set_token_lifetime(std::time::Duration::from_secs(30 * 60)))
        .await;
    engine.known(&["Platform"]).await;
    tell(&engine).await;
    // Entra gives no longer one here: then they are notified one by one.
    let all = engine.settled().await;
    assert!(all.iter().all(|one| one.state == State::Delivered), "{all:#?}");
    assert_eq!(engine.teams.notified().len(), all.len());
    assert_eq!(engine.teams.count(Operation::NotifyMany), 2);
    assert_eq!(
        engine.teams.count(Operation::Token),
        3,
        "one for the bot, two for Graph"
    );
}

#[tokio::test]
async fn what_graph_refuses_is_told_with_the_permission_and_the_app() {
    let engine = Workspace::new()
        .rule("r", &rule("[{ activity_feed: Anna Berg }]", "text: Hello"))
        .start_with(|teams| teams.grant(&[]))
        .await;
    engine.known(&["Anna Berg"]).await;
    tell(&engine).await;
    let all = engine.settled().await;
    let reason = all[0].reason.clone().expect("a reason");
    assert_eq!(all[0].state, State::Dead);
    for part in ["TeamsActivity.Send", "installed for this person", "webApplicationInfo"] {
        assert!(reason.contains(part), "{reason}");
    }
    // It says nothing of the chat: a card still arrives.
    let (_, blocked) = engine.get("/admin/v1/blocked").await;
    assert!(!blocked.to_string().contains("Anna Berg"), "{blocked}");
}

#[tokio::test]
async fn a_throttled_notification_waits_and_arrives_after_a_restart() {
    let mut engine = Workspace::new()
        .rule("r", &rule("[{ activity_feed: Anna Berg }]", "text: Hello"))
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine
        .teams
        .answer_next(Script::throttled().retry_after(1).on(Operation::Notify));
    tell(&engine).await;
    let asked = engine.teams.wait_for_calls(Operation::Notify, 1, PATIENCE).await;
    asked.unwrap_or_else(|missed| panic!("{missed}"));
    engine.restart().await;
    let all = engine.settled().await;
    assert_eq!(all[0].state, State::Delivered, "{all:#?}");
    assert_eq!(engine.teams.notified().len(), 1);
}

#[tokio::test]
async fn only_people_have_an_activity_feed() {
    let engine = Workspace::new()
        .file(
            "directory.yaml",
            "audiences:\n  mixed: [{ channel: Platform / Releases }, { person: Anna Berg }]\n",
        )
        .rule("r", &rule("[{ activity_feed: mixed }]", "text: Hello"))
        .start()
        .await;
    engine.known(&["Platform", "Anna Berg"]).await;
    let answer = tell(&engine).await;
    let told = engine.skipped(&answer).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("only people have an activity feed"), "{told:?}");
    assert_eq!(engine.teams.notified().len(), 1);
}

#[tokio::test]
async fn what_is_in_a_feed_is_not_taken_back_and_that_is_said() {
    let engine = Workspace::new()
        .rule("r", &rule("[{ activity_feed: Anna Berg }]", "text: Hello"))
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    let answer = tell(&engine).await;
    engine.settled().await;
    let run = answer["runs"][0]["run"].as_str().expect("a run").to_owned();
    let (status, said) = engine.post(&format!("/admin/v1/runs/{run}/recall"), &json!({})).await;
    assert_eq!(status, 200, "{said}");
    let all = engine
        .until("it was tried", |all| {
            all[0].reason.is_some() && all[0].state == State::Delivered
        })
        .await;
    let reason = all[0].reason.clone().unwrap_or_default();
    assert!(reason.contains("what is in an activity feed stays there"), "{reason}");
}

#[test]
fn the_preview_says_what_activity_feeds_are_told() {
    let workspace = Workspace::new()
        .rule(
            "r",
            &rule("[{ activity_feed: anna@contoso.example }]", "text: Deploy failed"),
        )
        .file(
            "herald.yaml",
            "hooks:\n  ci: { signature: none, anyone_can_post: true }\n",
        );
    let said = run(workspace.path(), &["preview", "r", "--out", "card.json"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.err
            .contains("Activity feeds are told: Deploy failed | systemDefault | Deploys"),
        "{}",
        said.err
    );
}
