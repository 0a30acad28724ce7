//! Microsoft's newest SDK for Teams as a judge: it is given the same activities as Herald. See `tests/judges/bots/`.

use std::collections::BTreeMap;

use herald::event::{Event, Origin, TeamsEvent};
use herald::teams::activity::Activity;
use herald::teams::invoke::{Outcome, pressed};
use herald::words::Language;
use serde_json::{Value, json};

use crate::judge_of_incoming::{Different, activities, compare, herald, skipped, verdicts};

/// Where it differs, with its routes.
const DIFFERENT: &Different = &[
    (
        "personal-uninstalled",
        &[],
        "the SDK compares `Remove` with its capitals and hears nothing",
    ),
    (
        "team-restored",
        &["conversationUpdate"],
        "the SDK knows `teamRestored` alone, Microsoft's sample says `teamrestored`",
    ),
    (
        "unknown-team-event",
        &["conversationUpdate"],
        "no rule can wait for what nobody knows",
    ),
    (
        "emulator-conversation-started",
        &["conversationUpdate"],
        "it does not come from Teams",
    ),
    ("other-bot-added", &["conversationUpdate"], "a bot is nobody to welcome"),
    ("own-message", &["message"], "what a bot says is no message to it"),
    ("picture-message", &["message"], "there are no words to compare"),
    (
        "channel-message-of-unnamed-team",
        &["message"],
        "it does not say where to answer",
    ),
    (
        "button-submitted-without-name",
        &["message"],
        "no rule can wait for a button without a name",
    ),
    (
        "button-without-name",
        &["card.action"],
        "no rule can wait for a button without a name",
    ),
    (
        "button-of-another-type",
        &["card.action"],
        "the SDK leaves it to the bot to see what kind of action it is",
    ),
    (
        "button-without-action",
        &["card.action"],
        "the SDK leaves it to the bot to see that there is none",
    ),
    (
        "card-shown-again",
        &["card.action"],
        "nobody pressed anything; the SDK leaves that to the bot",
    ),
    ("typing", &["typing"], "nothing was said yet"),
];

/// By which route of the SDK a bot hears of this event.
fn route(activity: &Activity, event: &Event) -> &'static str {
    let kind = match &event.origin {
        Origin::Teams { kind, .. } => *kind,
        Origin::Message { .. } => return "message",
        Origin::Button { .. } if activity.is("invoke") => return "card.action",
        Origin::Button { .. } => return "message",
        Origin::Hook { .. }
        | Origin::Cron { .. }
        | Origin::File { .. }
        | Origin::Queue { .. }
        | Origin::Step { .. }
        | Origin::Drill { .. } => panic!("not from Teams: {event:?}"),
    };
    let in_a_team = activity.channel_data.event_type.is_some();
    match kind {
        TeamsEvent::Installed if activity.is("installationUpdate") => "install.add",
        TeamsEvent::Uninstalled if activity.is("installationUpdate") => "install.remove",
        TeamsEvent::Installed | TeamsEvent::MemberAdded if in_a_team => "teamMemberAdded",
        TeamsEvent::Uninstalled | TeamsEvent::MemberRemoved if in_a_team => "teamMemberRemoved",
        TeamsEvent::Installed
        | TeamsEvent::MemberAdded
        | TeamsEvent::Uninstalled
        | TeamsEvent::MemberRemoved
        | TeamsEvent::PersonDeleted => "conversationUpdate",
        TeamsEvent::ChannelCreated => "channelCreated",
        TeamsEvent::ChannelRenamed => "channelRenamed",
        TeamsEvent::ChannelDeleted => "channelDeleted",
        TeamsEvent::ChannelRestored => "channelRestored",
        TeamsEvent::ChannelShared => "channelShared",
        TeamsEvent::ChannelUnshared => "channelUnshared",
        TeamsEvent::ChannelMemberAdded => "channelMemberAdded",
        TeamsEvent::ChannelMemberRemoved => "channelMemberRemoved",
        TeamsEvent::TeamRenamed => "teamRenamed",
        TeamsEvent::TeamDeleted => "teamDeleted",
        TeamsEvent::TeamHardDeleted => "teamHardDeleted",
        TeamsEvent::TeamRestored => "teamRestored",
        TeamsEvent::TeamArchived => "teamArchived",
        TeamsEvent::TeamUnarchived => "teamUnarchived",
        TeamsEvent::ReactionAdded | TeamsEvent::ReactionRemoved => "messageReaction",
        TeamsEvent::MessageEdited => "editMessage",
        TeamsEvent::MessageDeleted => "softDeleteMessage",
        TeamsEvent::MessageRestored => "undeleteMessage",
    }
}

fn by_teams_sdk() -> BTreeMap<String, Value> {
    verdicts("@microsoft/teams.apps", "incoming-teams.mjs")
}

#[test]
fn microsofts_teams_sdk_and_herald_take_each_activity_for_the_same() {
    if skipped() {
        return;
    }
    compare(&by_teams_sdk(), "routes", route, DIFFERENT);
}

#[test]
fn microsofts_teams_sdk_and_herald_read_the_same_button_and_answer_it_alike() {
    if skipped() {
        return;
    }
    let verdicts = by_teams_sdk();
    for name in ["button-executed", "button-executed-in-a-channel"] {
        let verdict = &verdicts[name];
        let event = &herald(&activities()[name]).events[0];
        assert_eq!(verdict["press"]["verb"], event.data["button"], "{name}");
        assert_eq!(verdict["press"]["data"], event.data["data"], "{name}");
        let ours = pressed("ack", Outcome::PassedOn, Language::English);
        assert_eq!(
            verdict["invoke"],
            json!({ "status": ours.status(), "body": ours.body() }),
            "{name}: status and body, field by field"
        );
    }
    // An invoke that neither knows: the SDK says yes to it, Herald says as botbuilder does that it is not done here.
    let ours = herald(&activities()["unknown-invoke"]).answer;
    assert_eq!(
        (&verdicts["unknown-invoke"]["invoke"]["status"], ours.status()),
        (&json!(200), 501)
    );
}
