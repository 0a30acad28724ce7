//! What Teams tells the bot is remembered, and rules may answer it.

use herald::audience::{Found, Lookup, PersonRef, PlaceRef};
use herald::sandbox::{ChannelChange, TeamChange};
use herald::store::directory::Entry;
use serde_json::json;

use crate::support::engine::{Engine, Workspace, texts};

const WELCOME: &str = r#"
description: Welcome
when:
  installed: [person, group, team]
notify: [{ here: true }]
card:
  title: "Hello{{#if event.person.name}} {{event.person.name}}{{/if}}"
  text: "I am here now ({{event.scope}})."
"#;

async fn entries(engine: &Engine) -> Vec<Entry> {
    let all = engine
        .server()
        .stores()
        .directory
        .list(None, 1000)
        .await
        .expect("readable");
    all.into_iter().map(|(_, entry)| entry).collect()
}

#[tokio::test]
async fn an_install_is_greeted_once_in_each_scope_although_teams_tells_it_twice() {
    let engine = Workspace::new().rule("welcome", WELCOME).start().await;
    engine.installed(&["Anna Berg", "Finance room", "Platform"]).await;
    engine.messages(3).await;
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 3);
    let said = |place: &str| texts(&engine.teams.received_in(place)[0].activity);
    assert!(said("Anna Berg").contains("person"), "{}", said("Anna Berg"));
    assert!(said("Finance room").contains("group"));
    assert!(said("Platform / General").contains("team"));
}

#[tokio::test]
async fn whoever_comes_back_is_greeted_again_unless_the_rule_says_first_time_only() {
    let first_only = WELCOME
        .replace("when:\n", "when:\n  first_time_only: true\n")
        .replace("notify: [{ here: true }]", "notify: [{ sender: true }]");
    let engine = Workspace::new()
        .rule("welcome", WELCOME)
        .rule("first", &first_only)
        .start()
        .await;
    engine.installed(&["Anna Berg"]).await;
    engine.messages(2).await;
    engine.settled().await;
    engine.teams.uninstall("Anna Berg").await.expect("told");
    engine.installed(&["Anna Berg"]).await;
    engine.messages(3).await;
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 3);
}

#[tokio::test]
async fn what_was_told_survives_a_restart_and_an_uninstall_is_followed() {
    let mut engine = Workspace::new().start().await;
    engine.installed(&["Anna Berg", "Finance room", "Platform"]).await;
    engine.restart().await;
    let directory = engine.server().stores().directory.clone();
    let person = Lookup::Person(PersonRef::Email("anna.berg@contoso.example".into()));
    let anna = match directory.look_up(&person).await.expect("readable") {
        Found::People(people) => people.first().and_then(|p| p.aad_object_id.clone()),
        other => panic!("{other:?}"),
    };
    // An install names no e-mail address; the roster of a team, asked for later, does.
    assert!(anna.is_none() || anna.is_some_and(|id| id.len() == 36));
    let team = Lookup::Team(PlaceRef::Name("platform".into()));
    assert!(matches!(directory.look_up(&team).await.expect("readable"), Found::Teams(teams) if teams.len() == 1));

    engine.teams.uninstall("Platform").await.expect("told");
    assert!(matches!(directory.look_up(&team).await.expect("readable"), Found::Teams(teams) if teams.is_empty()));
    engine.teams.uninstall("Finance room").await.expect("told");
    engine.teams.uninstall("Anna Berg").await.expect("told");
    let left = entries(&engine).await;
    assert!(
        !left
            .iter()
            .any(|entry| matches!(entry, Entry::Conversation(_) | Entry::Team(_))),
        "{left:#?}"
    );
}

#[tokio::test]
async fn an_upgrade_of_the_app_is_no_uninstall() {
    let engine = Workspace::new().rule("welcome", WELCOME).start().await;
    engine.installed(&["Anna Berg"]).await;
    engine.messages(1).await;
    engine.teams.upgrade("Anna Berg", "add-upgrade").await.expect("told");
    let left = entries(&engine).await;
    assert!(
        left.iter().any(|entry| matches!(entry, Entry::Conversation(_))),
        "{left:#?}"
    );
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 1, "an upgrade is not greeted");
}

#[tokio::test]
async fn channels_and_teams_are_followed_when_they_change() {
    let rule = |channel: &str| {
        format!("when: {{ hook: ci }}\nnotify: [{{ channel: {channel} }}]\ncard: {{ message: hello }}\n")
    };
    let engine = Workspace::new()
        .rule("r", &rule("Platform / Deployments"))
        .start()
        .await;
    engine.installed(&["Platform"]).await;
    engine
        .teams
        .create_channel("Platform", "Deployments")
        .await
        .expect("told");
    let (_, answer) = engine.post("/hooks/ci", &json!({})).await;
    engine.messages(1).await;
    assert_eq!(engine.skipped(&answer).await, Vec::<String>::new());

    engine
        .teams
        .change_channel("Platform / Deployments", ChannelChange::Deleted, "")
        .await
        .expect("told");
    let (_, answer) = engine.post("/hooks/ci", &json!({})).await;
    let skipped = engine.skipped(&answer).await;
    assert!(skipped.len() == 1 && skipped[0].contains("deleted"), "{skipped:#?}");

    engine
        .teams
        .change_channel("Platform / Deployments", ChannelChange::Restored, "")
        .await
        .expect("told");
    engine
        .teams
        .change_team("Platform", TeamChange::Archived, "")
        .await
        .expect("told");
    let (_, answer) = engine.post("/hooks/ci", &json!({})).await;
    let skipped = engine.skipped(&answer).await;
    assert!(skipped.len() == 1 && skipped[0].contains("archived"), "{skipped:#?}");

    engine
        .teams
        .change_team("Platform", TeamChange::Unarchived, "")
        .await
        .expect("told");
    engine.post("/hooks/ci", &json!({})).await;
    engine.messages(2).await;
}

#[tokio::test]
async fn a_new_member_of_a_team_starts_a_rule() {
    let rule = "when: { member_added: [team] }\nnotify: [{ channel: Platform / General }]\n\
                card: { text: \"Welcome {{event.person.name}}\" }\n";
    let engine = Workspace::new().rule("joined", rule).start().await;
    engine.installed(&["Platform"]).await;
    engine.teams.add_members("Platform", &["佐藤 花"]).await.expect("told");
    engine.messages(1).await;
}
