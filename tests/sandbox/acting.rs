//! What Teams tells the bot.

use std::time::Duration;

use herald::sandbox::{ChannelChange, Options, Sandbox, TeamChange};
use serde_json::{Value, json};

use super::{Bot, PATIENCE, hello, sandbox_with_bot};

#[tokio::test]
async fn an_installation_is_told_twice_as_teams_does() {
    let (sandbox, endpoint) = sandbox_with_bot().await;
    sandbox.install_personal("Anna Berg").await.unwrap();
    sandbox.install_group("Finance room").await.unwrap();
    sandbox.install_team("Platform / Releases").await.unwrap();
    let heard = endpoint.take().await;
    let bot = json!(format!("28:{}", sandbox.app_id()));
    let anna = sandbox.member("Anna Berg").unwrap();
    for (index, kind) in [(0, "personal"), (2, "groupChat"), (4, "channel")] {
        let (installed, joined) = (&heard[index], &heard[index + 1]);
        assert_eq!(
            (&installed["type"], &installed["action"]),
            (&json!("installationUpdate"), &json!("add"))
        );
        assert_eq!(joined["type"], "conversationUpdate");
        assert_eq!(joined["membersAdded"][0]["id"], bot);
        for activity in [installed, joined] {
            assert_eq!(activity["conversation"]["conversationType"], kind);
            assert_eq!(activity["conversation"]["tenantId"], sandbox.tenant());
            assert_eq!(activity["channelData"]["tenant"]["id"], sandbox.tenant());
            assert_eq!(activity["recipient"]["id"], bot);
            assert_eq!(activity["from"]["aadObjectId"], anna["aadObjectId"]);
            assert_eq!(activity["channelId"], "msteams");
            assert_eq!(activity["serviceUrl"], sandbox.service_url());
            assert!(activity["id"].as_str().unwrap().starts_with("f:"));
        }
    }
    assert_eq!(heard[1]["membersAdded"][1]["aadObjectId"], anna["aadObjectId"]);
    let (team, releases) = (
        sandbox.conversation_id("Platform").unwrap(),
        sandbox.conversation_id("Platform / Releases").unwrap(),
    );
    assert_eq!(
        heard[4]["conversation"]["id"], releases,
        "the channel chosen while installing"
    );
    assert_eq!(heard[4]["channelData"]["settings"]["selectedChannel"]["id"], releases);
    assert_eq!(heard[4]["channelData"]["team"]["id"], team);
    assert_eq!(heard[5]["channelData"]["eventType"], "teamMemberAdded");

    sandbox.uninstall("Platform").await.unwrap();
    sandbox.upgrade("Anna Berg", "remove-upgrade").await.unwrap();
    let heard = endpoint.take().await;
    assert_eq!(
        (heard.len(), &heard[0]["action"], &heard[2]["action"]),
        (3, &json!("remove"), &json!("remove-upgrade"))
    );
    assert_eq!(heard[0]["conversation"]["id"], team);
    assert!(heard[0]["channelData"]["settings"].is_null());
    assert_eq!(heard[1]["membersRemoved"][0]["id"], bot);
}

#[tokio::test]
async fn settling_in_installs_the_bot_and_doing_it_again_tells_the_same() {
    let (sandbox, endpoint) = sandbox_with_bot().await;
    sandbox.settle_in(PATIENCE).await.unwrap();
    let first = endpoint.take().await;
    assert_eq!(first.len(), 14, "a team, a group chat and five people");
    sandbox.settle_in(PATIENCE).await.unwrap();
    let ids = |heard: &[Value]| {
        heard
            .iter()
            .map(|activity| activity["id"].clone())
            .collect::<Vec<Value>>()
    };
    assert_eq!(ids(&endpoint.take().await), ids(&first));

    let (other, other_endpoint) = sandbox_with_bot().await;
    other.settle_in(PATIENCE).await.unwrap();
    assert_eq!(ids(&other_endpoint.take().await), ids(&first), "after a restart too");

    endpoint.answer.send_replace((503, json!({"no": "not yet"})));
    let failure = sandbox
        .settle_in(Duration::from_millis(120))
        .await
        .unwrap_err()
        .to_string();
    assert!(failure.contains("503") && failure.contains("not yet"), "{failure}");
}

#[tokio::test]
async fn people_channels_and_teams_change_and_the_bot_is_told_where_it_is_installed() {
    let (sandbox, endpoint) = sandbox_with_bot().await;
    sandbox.create_channel("Platform", "Unheard").await.unwrap();
    assert!(endpoint.take().await.is_empty(), "a team without the bot");
    sandbox.place_silently("Platform", true).unwrap();
    let team = sandbox.conversation_id("Platform").unwrap();

    sandbox.add_members("Platform", &["Олена Шевченко"]).await.unwrap();
    sandbox
        .remove_members("Platform", &["Олена Шевченко", "Omar Haddad"])
        .await
        .unwrap();
    sandbox.create_channel("Platform", "Deployments").await.unwrap();
    sandbox
        .change_channel("Platform / Deployments", ChannelChange::Renamed, "Rollouts")
        .await
        .unwrap();
    sandbox
        .change_channel("Platform / Rollouts", ChannelChange::Deleted, "")
        .await
        .unwrap();
    sandbox
        .change_channel("Platform / Rollouts", ChannelChange::Restored, "")
        .await
        .unwrap();
    sandbox.change_team("Platform", TeamChange::Archived, "").await.unwrap();
    sandbox
        .change_team("Platform", TeamChange::Unarchived, "")
        .await
        .unwrap();
    sandbox.change_team("Platform", TeamChange::Deleted, "").await.unwrap();
    sandbox.change_team("Platform", TeamChange::Restored, "").await.unwrap();
    sandbox
        .change_team("Platform", TeamChange::Renamed, "Platform Engineering")
        .await
        .unwrap();
    let heard = endpoint.take().await;
    let kinds: Vec<&str> = heard
        .iter()
        .map(|activity| activity["channelData"]["eventType"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "teamMemberAdded",
            "teamMemberRemoved",
            "channelCreated",
            "channelRenamed",
            "channelDeleted",
            "channelRestored",
            "teamArchived",
            "teamUnarchived",
            "teamDeleted",
            "teamrestored",
            "teamRenamed",
        ]
    );
    assert!(
        heard.iter().all(|activity| activity["conversation"]["id"] == team),
        "all carry the team's id"
    );
    assert_eq!(heard[1]["membersRemoved"].as_array().unwrap().len(), 2);
    assert_eq!(heard[3]["channelData"]["channel"]["name"], "Rollouts");
    assert_eq!(heard[10]["channelData"]["team"]["name"], "Platform Engineering");
    assert!(
        heard[10]["conversation"]["tenantId"].is_null(),
        "lifecycle events name the tenant in channelData alone"
    );
}

#[tokio::test]
async fn people_write_and_press_buttons() {
    let (sandbox, endpoint) = sandbox_with_bot().await;
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    sandbox.place_silently("Platform", true).unwrap();
    sandbox
        .say("Anna Berg", "Anna Berg", None, "mute deploys")
        .await
        .unwrap();
    sandbox
        .say("Omar Haddad", "Platform / Releases", None, "status")
        .await
        .unwrap();
    let heard = endpoint.take().await;
    assert_eq!(heard[0]["text"], "mute deploys");
    assert_eq!(heard[1]["text"], "<at>Herald</at> status\n");
    assert_eq!(heard[1]["entities"][0]["mentioned"]["id"], heard[1]["recipient"]["id"]);
    let channel = sandbox.conversation_id("Platform / Releases").unwrap();
    let thread = format!("{channel};messageid={}", heard[1]["id"].as_str().unwrap());
    assert_eq!(heard[1]["conversation"]["id"], thread);
    assert_eq!(
        bot.send(&thread, &hello()).await.status,
        201,
        "the bot can answer in that thread"
    );

    let card = json!({"type": "AdaptiveCard", "version": "1.5", "body": [
        {"type": "ActionSet", "actions": [
            {"type": "Action.Execute", "title": "Acknowledge", "verb": "ack", "data": {"alert": "A-17"}}]}],
        "actions": [{"type": "Action.Submit", "title": "Mute", "data": {"topic": "deploys"}}]});
    let message = json!({"type": "message", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]});
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    let id = bot.send(&chat, &message).await.body["id"].as_str().unwrap().to_owned();
    endpoint
        .answer
        .send_replace((200, json!({"statusCode": 200, "value": "thanks"})));
    let answer = sandbox
        .press("Anna Berg", "Anna Berg", &id, "Acknowledge", &json!({"note": "on it"}))
        .await
        .unwrap();
    assert_eq!(answer.json()["value"], "thanks");
    sandbox
        .press("Anna Berg", "Anna Berg", &id, "Mute", &json!({"hours": "8"}))
        .await
        .unwrap();
    let heard = endpoint.take().await;
    assert_eq!(
        (&heard[0]["type"], &heard[0]["name"]),
        (&json!("invoke"), &json!("adaptiveCard/action"))
    );
    assert_eq!(
        heard[0]["value"]["action"],
        json!({"type": "Action.Execute", "title": "Acknowledge", "verb": "ack", "data": {"alert": "A-17", "note": "on it"}})
    );
    assert_eq!(heard[0]["replyToId"], id);
    assert_eq!(
        (&heard[1]["type"], &heard[1]["value"]),
        (&json!("message"), &json!({"topic": "deploys", "hours": "8"}))
    );
    let missing = sandbox
        .press("Anna Berg", "Anna Berg", &id, "Nope", &json!({}))
        .await
        .unwrap_err()
        .to_string();
    assert!(missing.contains("no button called `Nope`"), "{missing}");
}

#[tokio::test]
async fn what_cannot_be_told_is_said_in_words() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let unknown = sandbox.install_personal("Anna Burg").await.unwrap_err().to_string();
    assert!(
        unknown.starts_with("Teams in a box knows no person called `Anna Burg`; it knows `Anna Berg`"),
        "{unknown}"
    );
    let homeless = sandbox.install_personal("Anna Berg").await.unwrap_err().to_string();
    assert_eq!(homeless, "Teams in a box was not told where the bot listens");
    sandbox.set_bot_endpoint("http://127.0.0.1:1/api/messages");
    let silent = sandbox.install_personal("Anna Berg").await.unwrap_err().to_string();
    assert!(
        silent.starts_with("the bot at http://127.0.0.1:1/api/messages does not answer: "),
        "{silent}"
    );
    let taken = Sandbox::start(sandbox.address(), Options::default())
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(
        taken
            .to_string()
            .starts_with("Teams in a box cannot listen on 127.0.0.1:"),
        "{taken}"
    );
}
