//! An HTTP call becomes cards in Teams.

use herald::sandbox::Sandbox;
use serde_json::json;

use crate::support::engine::{Workspace, texts};

const DEPLOYS: &str = r#"
description: A deploy failed
when: { hook: ci }
if:
  event.state: [failure, error]
notify:
  - person: anna.berg@contoso.example
  - channel: Platform / Releases
  - group: finance
card:
  title: "{{event.service}}: deploy failed"
  text: "Version {{event.version}} did not start."
  facts:
    Service: "{{event.service}}"
"#;

#[tokio::test]
async fn one_call_reaches_a_person_a_channel_and_a_group_chat() {
    // Teams does not tell the name of a group chat: the directory names it by its pasted link.
    let chat = Sandbox::start_anywhere()
        .await
        .expect("Teams")
        .conversation_id("Finance room")
        .expect("known");
    let directory =
        format!("groups:\n  finance: {{ link: \"https://teams.microsoft.com/l/chat/{chat}/conversations\" }}\n");
    let engine = Workspace::new()
        .rule("deploys", DEPLOYS)
        .file("directory.yaml", &directory)
        .start()
        .await;
    engine.known(&["Platform", "Anna Berg", "Finance room"]).await;

    let (status, answer) = engine
        .post(
            "/hooks/ci",
            &json!({"state": "failure", "service": "shop", "version": 17}),
        )
        .await;

    assert_eq!(status, 202, "{answer:#}");
    assert_eq!(answer["deliveries"].as_array().map(Vec::len), Some(3), "{answer:#}");
    assert_eq!(answer["skipped"], json!([]), "{answer:#}");
    assert_eq!(answer["repeat"], false);
    engine.messages(3).await;
    for place in ["Anna Berg", "Platform / Releases", "Finance room"] {
        let there = engine.teams.received_in(place);
        assert_eq!(there.len(), 1, "{place}");
        let text = texts(&there[0].activity);
        assert!(
            text.contains("shop: deploy failed") && text.contains("Version 17 did not start."),
            "{text}"
        );
    }
    let settled = engine.settled().await;
    assert!(
        settled.iter().all(|d| d.activity_id.is_some()),
        "the ids of the messages are kept: {settled:#?}"
    );
}

#[tokio::test]
async fn an_event_that_does_not_meet_the_conditions_is_taken_and_says_which_line_was_false() {
    let engine = Workspace::new().rule("deploys", DEPLOYS).start().await;
    let (status, answer) = engine.post("/hooks/ci", &json!({"state": "success"})).await;
    assert_eq!(status, 202);
    assert_eq!(answer["deliveries"], json!([]));
    assert_eq!(answer["rules"][0]["matched"], false);
    let because = answer["rules"][0]["because"][0].as_str().expect("a sentence");
    assert!(
        because.contains("event.state") && because.contains("success"),
        "{because}"
    );
}

#[tokio::test]
async fn the_smallest_rule_sends_a_card_made_from_the_event() {
    let rule = "when: { hook: ci }\nnotify: [{ channel: releases }]\n";
    let directory = "channels:\n  releases: { team: Platform, channel: Releases }\n";
    let engine = Workspace::new()
        .rule("all", rule)
        .file("directory.yaml", directory)
        .start()
        .await;
    engine.known(&["Platform"]).await;
    engine
        .post("/hooks/ci", &json!({"title": "Disk nearly full", "host": "db-7"}))
        .await;
    let messages = engine.messages(1).await;
    let text = texts(&messages[0].activity);
    assert!(text.contains("Disk nearly full") && text.contains("db-7"), "{text}");
}

#[tokio::test]
async fn somebody_who_cannot_be_reached_is_skipped_with_a_reason_and_the_others_are_told() {
    let rule = "when: { hook: ci }\nnotify:\n  - person: nobody@contoso.example\n  - person: Anna Berg\n  \
                - channel: Platform / Nowhere\ncard: { message: hello }\n";
    let engine = Workspace::new().rule("some", rule).start().await;
    engine.known(&["Anna Berg", "Platform"]).await;
    let (_, answer) = engine.post("/hooks/ci", &json!({})).await;
    let skipped = engine.skipped(&answer).await;
    assert_eq!(skipped.len(), 2, "{skipped:#?}");
    let all = skipped.join("\n");
    assert!(
        all.contains("nobody@contoso.example") && all.contains("Nowhere"),
        "{all}"
    );
    engine.messages(1).await;
    assert_eq!(engine.teams.received_in("Anna Berg").len(), 1);
}

#[tokio::test]
async fn a_person_named_twice_gets_one_card() {
    let rule = "when: { hook: ci }\nnotify:\n  - person: Anna Berg\n  - people: [anna.berg@contoso.example, Omar Haddad]\n\
                card: { message: hello }\n";
    let engine = Workspace::new().rule("twice", rule).start().await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    let (_, answer) = engine.post("/hooks/ci", &json!({})).await;
    assert_eq!(answer["deliveries"].as_array().map(Vec::len), Some(2), "{answer:#}");
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 2);
}

#[tokio::test]
async fn a_call_repeated_with_the_same_key_sends_nothing_more() {
    let rule = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: hello }\n";
    let engine = Workspace::new().rule("once", rule).start().await;
    engine.known(&["Anna Berg"]).await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "build-17")];
    let (first, taken) = engine.post_with("/hooks/ci", b"{}".to_vec(), &headers).await;
    let (second, repeated) = engine.post_with("/hooks/ci", b"{}".to_vec(), &headers).await;
    assert_eq!((first, second), (202, 202));
    assert_eq!(repeated["repeat"], true, "{repeated:#}");
    assert_eq!(taken["deliveries"], repeated["deliveries"]);
    assert_eq!(taken["event"], repeated["event"]);
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 1);
}

#[tokio::test]
async fn members_of_a_team_each_get_the_card_in_their_personal_chat() {
    let rule = "when: { hook: ci }\nnotify:\n  - members_of: Platform\n  - person: Anna Berg\nexcept: [{ person: Omar Haddad }]\n\
                card: { text: \"Hello {{recipient.name}}\" }\n";
    let engine = Workspace::new().rule("all-hands", rule).start().await;
    engine.installed(&["Platform"]).await;
    let (status, answer) = engine.post("/hooks/ci", &json!({})).await;
    assert_eq!(status, 202, "{answer:#}");
    // Seven members, guests included, without the one who is excepted; Anna once.
    let messages = engine.messages(6).await;
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 6, "{messages:#?}");
    for name in [
        "Anna Berg",
        "Chloé Dubois",
        "Łukasz Wójcik",
        "Priya Raghunathan",
        "Siobhán O'Connor",
        "Grace Mensah (Guest)",
    ] {
        let there = engine.teams.received_in(name);
        assert_eq!(there.len(), 1, "{name}");
        assert!(
            texts(&there[0].activity).contains(name),
            "the card speaks to {name}: {:#}",
            there[0].activity
        );
    }
    assert!(engine.teams.received_in("Omar Haddad").is_empty());
}

#[tokio::test]
async fn each_channel_of_a_team_gets_the_card_and_one_that_is_new_too() {
    let rule = "when: { hook: ci }\nnotify: [{ channels_of: Platform }]\nexcept: [{ channel: Platform / Incidents }]\n\
                card: { message: hello }\n";
    let engine = Workspace::new().rule("everywhere", rule).start().await;
    engine.installed(&["Platform"]).await;
    engine.post("/hooks/ci", &json!({})).await;
    engine.messages(2).await;
    engine.settled().await;
    for channel in ["Platform / General", "Platform / Releases"] {
        assert_eq!(engine.teams.received_in(channel).len(), 1, "{channel}");
    }
    engine
        .teams
        .create_channel("Platform", "War room")
        .await
        .expect("a channel");
    let (status, answer) = engine.post("/hooks/ci", &json!({ "again": true })).await;
    assert_eq!(status, 202, "{answer:#}");
    engine.messages(5).await;
    engine.settled().await;
    assert_eq!(engine.teams.received_in("Platform / War room").len(), 1);
    assert!(engine.teams.received_in("Platform / Incidents").is_empty());
}

#[tokio::test]
async fn everyone_is_each_person_who_installed_the_app_and_nobody_who_removed_it() {
    let rule = "when: { hook: ci }\nnotify: [{ everyone: true }]\ncard: { text: \"Hello {{recipient.name}}\" }\n";
    let engine = Workspace::new().rule("news", rule).start().await;
    engine
        .installed(&["Anna Berg", "Omar Haddad", "Priya Raghunathan"])
        .await;
    engine.teams.uninstall("Omar Haddad").await.expect("removed");
    let (status, answer) = engine.post("/hooks/ci", &json!({})).await;
    assert_eq!(status, 202, "{answer:#}");
    engine.messages(2).await;
    engine.settled().await;
    for name in ["Anna Berg", "Priya Raghunathan"] {
        let there = engine.teams.received_in(name);
        assert_eq!(there.len(), 1, "{name}");
        assert!(texts(&there[0].activity).contains(name), "{:#}", there[0].activity);
    }
    assert!(engine.teams.received_in("Omar Haddad").is_empty());
}

#[tokio::test]
async fn a_large_team_is_listed_page_by_page() {
    let rule = "when: { hook: ci }\nnotify: [{ members_of: Platform }]\ncard: { message: hello }\n";
    let engine = Workspace::new()
        .rule("all-hands", rule)
        .settings("limits: { messages_per_second: 1000 }\n")
        .start_with(|teams| teams.fill_silently("Platform", 620).expect("a crowd"))
        .await;
    engine.known(&["Platform"]).await;
    engine.post("/hooks/ci", &json!({})).await;
    engine.messages(627).await;
    let settled = engine.settled().await;
    assert_eq!(
        settled
            .iter()
            .filter(|d| d.state == herald::delivery::State::Delivered)
            .count(),
        627
    );
}

#[tokio::test]
async fn targets_can_be_computed_from_the_event() {
    let rule = "when: { hook: ci }\nnotify:\n  - person: \"{{event.author.email}}\"\n  - people: \"{{event.reviewers}}\"\n  \
                - channel: \"Platform / {{event.area}}\"\ncard: { message: hello }\n";
    let engine = Workspace::new().rule("computed", rule).start().await;
    engine
        .known(&["Platform", "Anna Berg", "Omar Haddad", "Chloé Dubois"])
        .await;
    let event = json!({
        "author": {"email": "anna.berg@contoso.example"},
        "reviewers": ["omar.haddad@contoso.example", "Chloé Dubois"],
        "area": "Incidents",
    });
    let (_, answer) = engine.post("/hooks/ci", &event).await;
    assert_eq!(answer["deliveries"].as_array().map(Vec::len), Some(4), "{answer:#}");
    engine.messages(4).await;
    for place in ["Anna Berg", "Omar Haddad", "Chloé Dubois", "Platform / Incidents"] {
        assert_eq!(engine.teams.received_in(place).len(), 1, "{place}");
    }
}

#[tokio::test]
async fn a_person_met_only_in_a_team_is_reached_through_a_new_personal_chat() {
    let rule = "when: { hook: ci }\nnotify: [{ members_of: Platform }]\ncard: { message: hello }\n";
    let engine = Workspace::new().rule("r", rule).start().await;
    engine.known(&["Platform"]).await;
    engine.post("/hooks/ci", &json!({})).await;
    engine.messages(7).await;
    engine.settled().await;
    let opened = engine.teams.count(herald::sandbox::Operation::CreateConversation);
    assert_eq!(opened, 7);
    engine.post("/hooks/ci", &json!({"again": true})).await;
    engine.messages(14).await;
    engine.settled().await;
    assert_eq!(
        engine.teams.count(herald::sandbox::Operation::CreateConversation),
        opened,
        "opened chats are remembered"
    );
}

#[tokio::test]
async fn general_is_reached_by_its_word_and_by_the_team_alone() {
    let rule = "when: { hook: ci }\nnotify: [{ channel: Platform / General }]\ncard: { message: one }\n";
    let other = "when: { hook: ci }\nnotify: [{ channel: Platform }]\ncard: { message: two }\n";
    let engine = Workspace::new().rule("one", rule).rule("two", other).start().await;
    engine.known(&["Platform"]).await;
    engine.post("/hooks/ci", &json!({})).await;
    engine.messages(2).await;
    assert_eq!(engine.teams.received_in("Platform / General").len(), 2);
}

#[tokio::test]
async fn a_mention_stands_in_the_card_of_the_channel_it_was_asked_for() {
    let rule = "when: { hook: ci }\nnotify:\n  - channel: Platform / Releases\n    mention: Anna Berg\n  - person: Omar Haddad\n\
                card: { title: Hello }\n";
    let engine = Workspace::new().rule("mention", rule).start().await;
    engine.known(&["Platform", "Anna Berg", "Omar Haddad"]).await;
    engine.post("/hooks/ci", &json!({})).await;
    engine.messages(2).await;
    let channel = engine.teams.received_in("Platform / Releases")[0].activity.to_string();
    assert!(
        channel.contains("<at>Anna Berg</at>") && channel.contains("\"mention\""),
        "{channel}"
    );
    let omar = engine.teams.received_in("Omar Haddad")[0].activity.to_string();
    assert!(!omar.contains("<at>"), "{omar}");
}
