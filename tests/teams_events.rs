//! What Teams tells the bot, shape by shape: what is remembered, and which rules could meet it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use herald::event::{Event, Origin};
use herald::roster::{Conversation, Fact, Team};
use herald::teams::activity::Activity;
use herald::teams::inbound::{Heard, hear};
use herald::teams::invoke::HttpAnswer;
use herald::teams::place::{Acquaintance, place};
use serde_json::{Value, json};

const STRANGER: Acquaintance = Acquaintance::Stranger;
const BOT: &str = "28:b07b07b0-1111-4222-8333-444455556666";
const TENANT: &str = "7e4a4700-aaaa-4bbb-8ccc-ddddeeee0001";
const ANNA: &str = "a44a0000-0001-4002-8003-000000000004";
const TEAM: &str = "19:operations@thread.tacv2";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/activities")
}

fn raw(name: &str) -> Value {
    let path = folder().join(format!("{name}.json"));
    serde_json::from_slice(&fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap()
}

fn activity(name: &str) -> Activity {
    Activity::read(raw(name)).unwrap()
}

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn known() -> Acquaintance {
    Acquaintance::Known {
        since: noon() - TimeDelta::days(7),
    }
}

fn heard(name: &str, before: Acquaintance) -> Heard {
    hear(&activity(name), before, noon())
}

/// A fact as one line of a table.
fn line(fact: &Fact) -> String {
    match fact {
        Fact::ConversationSeen(chat) => format!("chat {} {:?}", chat.id, chat.kind),
        Fact::ConversationGone { id } => format!("chat gone {id}"),
        Fact::TeamSeen(team) => format!("team {}", team.id),
        Fact::TeamGone { id } => format!("team gone {id}"),
        Fact::TeamRenamed { name, .. } => format!("team renamed {name}"),
        Fact::TeamArchived { archived, .. } => format!("team archived {archived}"),
        Fact::ChannelSeen { channel, .. } => {
            format!("channel {} {}", channel.id, channel.name.as_deref().unwrap_or("-"))
        }
        Fact::ChannelGone { channel_id, .. } => format!("channel gone {channel_id}"),
        Fact::PersonSeen(person) => format!("person {}", person.account_id.as_deref().unwrap_or("-")),
        Fact::PersonGone { id } => format!("person gone {id}"),
        Fact::AppRemoved { id, .. } => format!("app removed {id}"),
        Fact::AppThere { id } => format!("app there {id}"),
        Fact::RosterChanged { id, left } => format!("roster {id} left [{}]", left.join(" ")),
        Fact::ChannelsFetched { .. }
        | Fact::RosterFetched(_)
        | Fact::Blocked { .. }
        | Fact::Refused(_)
        | Fact::Missed { .. }
        | Fact::Reached { .. }
        | Fact::RostersInDoubt
        | Fact::HostMoved { .. } => {
            panic!("an activity cannot tell this: {fact:?}")
        }
    }
}

fn word(event: &Event) -> String {
    match &event.origin {
        Origin::Teams {
            kind,
            scope,
            first_time,
        } => {
            let first = if *first_time { " first" } else { "" };
            format!("{kind:?}/{scope:?}{first}")
        }
        Origin::Message { scope, text } => format!("Message/{scope:?} {text}"),
        Origin::Button { scope, button } => format!("Button/{scope:?} {button}"),
        Origin::Hook { .. }
        | Origin::Cron { .. }
        | Origin::File { .. }
        | Origin::Queue { .. }
        | Origin::Step { .. }
        | Origin::Drill { .. } => {
            panic!("not from Teams: {event:?}")
        }
    }
}

#[test]
fn every_activity_gives_exactly_these_facts_and_events() {
    let chat = "19:00000000000000000000000000000009@thread.v2";
    let group = format!("chat {chat} GroupChat");
    let roster = format!("roster {chat} left []");
    let gone = format!("chat gone {chat}");
    let team = "team 19:operations@thread.tacv2";
    let team_gone = "team gone 19:operations@thread.tacv2";
    let alerts = "channel 19:alerts@thread.tacv2 -";
    let named_alerts = "channel 19:alerts@thread.tacv2 Alerts";
    let partners = "channel 19:partners@thread.tacv2 Partners";
    let personal = "chat a:1-anna Personal";
    let anna = "person 29:1-anna";
    let there = format!("app there {ANNA}");
    let removed = format!("app removed {ANNA}");
    let team_roster = "roster 19:operations@thread.tacv2 left []";
    type Row<'a> = (&'a str, Acquaintance, Vec<&'a str>, Vec<&'a str>);
    let table: Vec<Row> = vec![
        (
            "team-installed",
            STRANGER,
            vec![team, named_alerts, anna],
            vec!["Installed/Team first"],
        ),
        (
            "team-bot-added",
            STRANGER,
            vec![team, named_alerts, anna],
            vec!["Installed/Team first"],
        ),
        ("team-bot-added", known(), vec![team, named_alerts, anna], vec![]),
        ("team-uninstalled", known(), vec![team_gone], vec!["Uninstalled/Team"]),
        ("team-uninstalled", STRANGER, vec![team_gone], vec![]),
        ("team-bot-removed", known(), vec![team_gone], vec!["Uninstalled/Team"]),
        ("team-bot-removed", Acquaintance::Former, vec![team_gone], vec![]),
        (
            "personal-installed",
            STRANGER,
            vec![personal, &there, anna],
            vec!["Installed/Person first"],
        ),
        (
            "personal-installed",
            Acquaintance::Former,
            vec![personal, &there, anna],
            vec!["Installed/Person"],
        ),
        (
            "personal-installed",
            known(),
            vec![personal, &there, anna],
            vec!["Installed/Person"],
        ),
        (
            "personal-bot-added",
            STRANGER,
            vec![personal, &there, anna],
            vec!["Installed/Person first"],
        ),
        ("personal-bot-added", known(), vec![personal, &there, anna], vec![]),
        (
            "personal-installed-by-upgrade",
            STRANGER,
            vec![personal, &there, anna],
            vec![],
        ),
        (
            "personal-uninstalled-by-upgrade",
            known(),
            vec!["chat gone a:1-anna"],
            vec![],
        ),
        (
            "personal-uninstalled",
            known(),
            vec!["chat gone a:1-anna", &removed],
            vec!["Uninstalled/Person"],
        ),
        (
            "group-installed",
            STRANGER,
            vec![&group, anna],
            vec!["Installed/Group first"],
        ),
        (
            "group-bot-added",
            STRANGER,
            vec![&group, anna],
            vec!["Installed/Group first"],
        ),
        ("group-uninstalled", known(), vec![&gone], vec!["Uninstalled/Group"]),
        (
            "team-member-added",
            known(),
            vec![team, anna, "person 29:1-omar", team_roster],
            vec!["MemberAdded/Team"],
        ),
        (
            "team-member-removed",
            known(),
            vec![team, anna, "roster 19:operations@thread.tacv2 left [29:1-omar]"],
            vec!["MemberRemoved/Team"],
        ),
        (
            "group-two-people-added",
            known(),
            vec![&group, anna, "person 29:1-omar", &roster],
            vec!["MemberAdded/Group", "MemberAdded/Group"],
        ),
        ("other-bot-added", known(), vec![&group, anna], vec![]),
        (
            "personal-person-deleted",
            known(),
            vec!["person gone 03a40000-0001-4002-8003-000000000005", "chat gone a:1-omar"],
            vec!["PersonDeleted/Person"],
        ),
        (
            "channel-created",
            known(),
            vec![team, "channel 19:deployments@thread.tacv2 Deployments"],
            vec!["ChannelCreated/Team"],
        ),
        (
            "channel-renamed",
            known(),
            vec![team, "channel 19:deployments@thread.tacv2 Releases"],
            vec!["ChannelRenamed/Team"],
        ),
        (
            "channel-deleted",
            known(),
            vec![team, "channel gone 19:deployments@thread.tacv2"],
            vec!["ChannelDeleted/Team"],
        ),
        (
            "channel-restored",
            known(),
            vec![team, "channel 19:deployments@thread.tacv2 Releases"],
            vec!["ChannelRestored/Team"],
        ),
        (
            "channel-shared",
            known(),
            vec![team, partners, anna],
            vec!["ChannelShared/Team"],
        ),
        (
            "channel-unshared",
            known(),
            vec![team, partners, anna],
            vec!["ChannelUnshared/Team"],
        ),
        (
            "channel-member-added",
            known(),
            vec![team, partners, anna, "person 29:1-omar"],
            vec!["ChannelMemberAdded/Team"],
        ),
        (
            "channel-member-removed",
            known(),
            vec![team, partners, anna],
            vec!["ChannelMemberRemoved/Team"],
        ),
        (
            "team-renamed",
            known(),
            vec![team, "team renamed Platform Operations"],
            vec!["TeamRenamed/Team"],
        ),
        ("team-deleted", known(), vec![team_gone], vec!["TeamDeleted/Team"]),
        (
            "team-hard-deleted",
            STRANGER,
            vec![team_gone],
            vec!["TeamHardDeleted/Team"],
        ),
        ("team-restored", STRANGER, vec![team], vec!["TeamRestored/Team"]),
        (
            "team-archived",
            known(),
            vec![team, "team archived true"],
            vec!["TeamArchived/Team"],
        ),
        (
            "team-unarchived",
            known(),
            vec![team, "team archived false"],
            vec!["TeamUnarchived/Team"],
        ),
        ("unknown-team-event", known(), vec![team, anna], vec![]),
        (
            "personal-message",
            STRANGER,
            vec![personal, &there, anna],
            vec!["Message/Person mute deploys"],
        ),
        ("picture-message", known(), vec![personal, &there, anna], vec![]),
        (
            "group-message",
            known(),
            vec![&group, anna],
            vec!["Message/Group status"],
        ),
        (
            "channel-message",
            known(),
            vec![team, alerts, anna],
            vec!["Message/Team subscribe deploys"],
        ),
        (
            "channel-reply",
            known(),
            vec![team, alerts, anna],
            vec!["Message/Team thanks and omar haddad: is 1 < 2?"],
        ),
        ("channel-message-of-unnamed-team", STRANGER, vec![], vec![]),
        (
            "reaction-added",
            known(),
            vec![team, alerts, anna],
            vec!["ReactionAdded/Team"],
        ),
        (
            "reaction-removed",
            known(),
            vec![personal, &there, anna],
            vec!["ReactionRemoved/Person"],
        ),
        (
            "reactions-changed",
            known(),
            vec![team, alerts, anna],
            vec!["ReactionAdded/Team", "ReactionAdded/Team", "ReactionRemoved/Team"],
        ),
        (
            "message-edited",
            known(),
            vec![personal, &there, anna],
            vec!["MessageEdited/Person"],
        ),
        (
            "message-deleted",
            known(),
            vec![personal, &there, anna],
            vec!["MessageDeleted/Person"],
        ),
        (
            "message-undeleted",
            known(),
            vec![personal, &there, anna],
            vec!["MessageRestored/Person"],
        ),
        (
            "button-submitted",
            known(),
            vec![personal, &there, anna],
            vec!["Button/Person optOut"],
        ),
        (
            "button-submitted-without-name",
            known(),
            vec![personal, &there, anna],
            vec![],
        ),
        (
            "button-writes-a-message",
            known(),
            vec![personal, &there, anna],
            vec!["Message/Person mute deploys"],
        ),
        (
            "button-executed",
            known(),
            vec![personal, &there, anna],
            vec!["Button/Person ack"],
        ),
        (
            "button-executed-in-a-channel",
            known(),
            vec![team, alerts, anna],
            vec!["Button/Team ack"],
        ),
        ("button-without-name", known(), vec![personal, &there, anna], vec![]),
        ("button-of-another-type", known(), vec![personal, &there, anna], vec![]),
        ("button-without-action", known(), vec![personal, &there, anna], vec![]),
        ("card-shown-again", known(), vec![personal, &there, anna], vec![]),
        ("unknown-invoke", known(), vec![personal, &there, anna], vec![]),
        ("own-message", known(), vec![], vec![]),
        ("typing", known(), vec![], vec![]),
        ("unknown-type", known(), vec![], vec![]),
        (
            "emulator-conversation-started",
            STRANGER,
            vec!["chat 7d9c|livechat Personal", "app there user-1", "person user-1"],
            vec!["Installed/Person first"],
        ),
    ];
    for (name, before, facts, events) in &table {
        let heard = heard(name, *before);
        let found: Vec<String> = heard.facts.iter().map(line).collect();
        assert_eq!(&found, facts, "facts of {name}, {before:?}");
        let found: Vec<String> = heard.events.iter().map(word).collect();
        assert_eq!(&found, events, "events of {name}, {before:?}");
    }
    let listed: BTreeSet<String> = table.iter().map(|row| row.0.to_owned()).collect();
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(files, listed, "every fixture has its row");
}

#[test]
fn one_installation_told_twice_in_either_order_is_one_event() {
    for (one, other) in [
        ("team-installed", "team-bot-added"),
        ("personal-installed", "personal-bot-added"),
        ("group-installed", "group-bot-added"),
    ] {
        for (first, second) in [(one, other), (other, one)] {
            let at = activity(first).timestamp.unwrap();
            let met = hear(&activity(first), STRANGER, at);
            assert_eq!(met.events.len(), 1, "{first}");
            let then = Acquaintance::Known { since: at };
            let later = at + TimeDelta::milliseconds(120);
            for again in [first, second] {
                for event in hear(&activity(again), then, later).events {
                    assert_eq!(event.id, met.events[0].id, "{first}, then {again}");
                }
            }
        }
    }
}

#[test]
fn an_installation_cut_short_by_a_crash_is_still_an_event_when_it_is_told_again() {
    let at = activity("personal-installed").timestamp.unwrap();
    let met = hear(&activity("personal-installed"), STRANGER, at);
    let again = hear(
        &activity("personal-installed"),
        Acquaintance::Known { since: at },
        at + TimeDelta::hours(3),
    );
    assert_eq!(met.events[0].id, again.events[0].id);
}

#[test]
fn installing_again_is_another_event_whether_or_not_the_removal_was_seen() {
    let first = activity("team-installed");
    let at = first.timestamp.unwrap();
    let week = TimeDelta::days(7);
    let mut second = first.clone();
    second.id = Some("f:next-week".into());
    second.timestamp = Some(at + week);
    let met = &hear(&first, STRANGER, at).events[0];
    let unseen = hear(&second, Acquaintance::Known { since: at }, at + week).events;
    let repeated = hear(
        &second,
        Acquaintance::Known { since: at },
        at + week + TimeDelta::seconds(9),
    )
    .events;
    let seen = hear(&second, Acquaintance::Former, at + week).events;
    assert_ne!(unseen[0].id, met.id);
    assert_eq!(unseen[0].id, repeated[0].id);
    assert_ne!(seen[0].id, met.id);
    assert_eq!(word(&seen[0]), "Installed/Team");
}

#[test]
fn one_removal_told_twice_is_one_event() {
    let since = noon() - TimeDelta::days(1);
    let told = hear(&activity("team-uninstalled"), Acquaintance::Known { since }, noon());
    let twice = hear(&activity("team-bot-removed"), Acquaintance::Known { since }, noon());
    assert_eq!(told.events[0].id, twice.events[0].id);
    let later = hear(
        &activity("team-uninstalled"),
        Acquaintance::Known { since: noon() },
        noon(),
    );
    assert_ne!(told.events[0].id, later.events[0].id);
}

#[test]
fn a_team_is_removed_under_the_id_it_was_stored_under_though_it_was_installed_in_another_channel() {
    let installed = activity("team-installed");
    assert_eq!(installed.conversation_id(), Some("19:alerts@thread.tacv2"));
    for name in [
        "team-installed",
        "team-uninstalled",
        "team-deleted",
        "channel-message",
        "team-bot-added",
    ] {
        assert_eq!(place(&activity(name)).unwrap().id(), TEAM, "{name}");
    }
}

#[test]
fn what_is_remembered_of_a_team_is_all_that_sending_to_it_needs() {
    let facts = heard("team-installed", STRANGER).facts;
    let [Fact::TeamSeen(team), ..] = facts.as_slice() else {
        panic!("{facts:?}")
    };
    let expected = Team {
        id: TEAM.into(),
        tenant_id: TENANT.into(),
        name: Some("Operations".into()),
        aad_group_id: Some("64009000-0001-4002-8003-000000000006".into()),
        service_url: "https://smba.trafficmanager.net/emea/".into(),
        bot_id: BOT.into(),
        selected_channel: Some("19:alerts@thread.tacv2".into()),
        installed_by: Some(ANNA.into()),
        archived: false,
        channels: vec![],
        channels_fetched_at: None,
        first_seen: noon(),
        last_seen: noon(),
    };
    assert_eq!(*team, expected);
}

#[test]
fn what_is_remembered_of_a_person_includes_the_language_and_zone_of_their_client() {
    let facts = heard("personal-message", STRANGER).facts;
    let [
        Fact::ConversationSeen(chat),
        Fact::AppThere { .. },
        Fact::PersonSeen(person),
    ] = facts.as_slice()
    else {
        panic!("{facts:?}")
    };
    let Conversation {
        tenant_id,
        bot_id,
        person: other_side,
        installed_by,
        team_id,
        ..
    } = chat;
    assert_eq!((tenant_id.as_str(), bot_id.as_str()), (TENANT, BOT));
    assert_eq!(other_side.as_ref(), Some(person));
    assert_eq!((installed_by, team_id), (&None, &None));
    assert_eq!(person.aad_object_id.as_deref(), Some(ANNA), "object ids are lower case");
    assert_eq!(person.account_id.as_deref(), Some("29:1-anna"));
    assert_eq!(person.name.as_deref(), Some("Anna Berg"));
    assert_eq!(person.locale.as_deref(), Some("en-US"));
    assert_eq!(person.time_zone.as_deref(), Some("Europe/Berlin"));
}

#[test]
fn the_tenant_is_found_beside_the_conversation_where_the_conversation_lacks_it() {
    let facts = heard("channel-created", known()).facts;
    let [Fact::TeamSeen(team), ..] = facts.as_slice() else {
        panic!("{facts:?}")
    };
    assert_eq!(team.tenant_id, TENANT);
}

#[test]
fn rules_see_who_what_and_where() {
    let anna = json!({"id": ANNA, "aad_object_id": ANNA, "name": null, "email": null});
    let team = json!({"id": TEAM, "name": "Operations", "aad_group_id": "64009000-0001-4002-8003-000000000006"});
    let installed = &heard("team-installed", STRANGER).events[0];
    assert_eq!(
        installed.data,
        json!({
            "kind": "installed", "scope": "team", "team": team, "chat": null,
            "channel": {"id": "19:alerts@thread.tacv2", "name": "Alerts"},
            "person": null, "by": anna, "locale": "en-US",
        })
    );
    assert_eq!(installed.here.as_ref().unwrap().as_str(), "19:alerts@thread.tacv2");
    assert_eq!(installed.sender.as_ref().unwrap().aad_object_id.as_deref(), Some(ANNA));

    let personal = &heard("personal-installed", STRANGER).events[0];
    assert_eq!(personal.data["person"], anna);
    assert_eq!(personal.here.as_ref().unwrap().as_str(), "a:1-anna");

    let joined = &heard("team-member-added", known()).events[0];
    assert_eq!(joined.data["person"]["id"], "03a40000-0001-4002-8003-000000000005");
    assert_eq!(joined.data["by"], anna);

    let renamed = &heard("channel-renamed", known()).events[0];
    assert_eq!(
        renamed.data["channel"],
        json!({"id": "19:deployments@thread.tacv2", "name": "Releases"})
    );
    let both = heard("group-two-people-added", known()).events;
    assert_eq!(both[1].data["person"]["id"], "29:1-omar");
    assert_ne!(both[0].id, both[1].id);
}

#[test]
fn words_are_compared_without_case() {
    for (name, before, path, written) in [
        ("team-restored", STRANGER, "/channelData/eventType", "TEAMRESTORED"),
        ("channel-created", known(), "/channelData/eventType", "channelcreated"),
        ("personal-uninstalled", known(), "/action", "REMOVE"),
        (
            "group-installed",
            STRANGER,
            "/conversation/conversationType",
            "groupchat",
        ),
        ("team-installed", STRANGER, "/type", "installationupdate"),
    ] {
        let mut body = raw(name);
        *body.pointer_mut(path).unwrap() = json!(written);
        let heard_so = hear(&Activity::read(body).unwrap(), before, noon());
        assert_eq!(heard_so, heard(name, before), "{name}");
        assert_eq!(heard_so.events.len(), 1, "{name}");
    }
}

#[test]
fn what_is_no_event_says_why() {
    for (name, before, why) in [
        ("personal-installed-by-upgrade", STRANGER, "nobody installed it"),
        ("unknown-team-event", known(), "change of a conversation"),
        ("picture-message", known(), "no words"),
        ("channel-message-of-unnamed-team", STRANGER, "where it happened"),
        (
            "button-submitted-without-name",
            known(),
            "no `button`, `verb` or `action`",
        ),
        ("button-without-name", known(), "no `verb`"),
        (
            "button-of-another-type",
            known(),
            "no `Action.Execute` but `Action.Submit`",
        ),
        ("button-without-action", known(), "no `action`"),
        ("card-shown-again", known(), "nobody pressed"),
        ("unknown-invoke", known(), "kind of invoke"),
        ("own-message", known(), "a bot sent it"),
        ("typing", known(), "type of activity"),
        ("unknown-type", known(), "type of activity"),
    ] {
        let heard = heard(name, before);
        let ignored = heard.ignored.unwrap_or_else(|| panic!("{name} is ignored"));
        assert!(ignored.contains(why), "{name}: {ignored}");
        assert!(heard.events.is_empty(), "{name}");
    }
    assert_eq!(heard("personal-message", known()).ignored, None);
}

#[test]
fn a_message_tells_what_was_said_where_and_about_whom() {
    let personal = &heard("personal-message", known()).events[0];
    assert_eq!(personal.data["text"], "mute deploys");
    assert_eq!(personal.data["words"], json!(["mute", "deploys"]));
    assert_eq!(personal.data["message_id"], "1772439245512");
    assert_eq!(personal.data["thread"], Value::Null);
    assert_eq!(
        (personal.here.as_ref().unwrap().as_str(), &personal.thread),
        ("a:1-anna", &None)
    );
    assert_eq!(personal.data["by"]["name"], "Anna Berg");

    let reply = &heard("channel-reply", known()).events[0];
    let omar = json!({
        "id": "03a40000-0001-4002-8003-000000000005", "aad_object_id": "03a40000-0001-4002-8003-000000000005",
        "name": "Omar Haddad", "email": null,
    });
    assert_eq!(reply.data["mentions"], json!([omar]));
    assert_eq!(reply.here.as_ref().unwrap().as_str(), "19:alerts@thread.tacv2");
    assert_eq!(
        reply.thread.as_deref(),
        Some("1772439400200"),
        "the post that began the thread"
    );
    assert_eq!(reply.data["message_id"], "1772439500300");
}

#[test]
fn a_press_tells_which_button_and_what_was_filled_in() {
    let pressed = &heard("button-executed-in-a-channel", known()).events[0];
    assert_eq!(pressed.data["button"], "ack");
    assert_eq!(pressed.data["title"], "Acknowledge");
    assert_eq!(pressed.data["data"], json!({"alertId": "A-17", "note": "on it"}));
    assert_eq!(pressed.data["message_id"], "1772439245999", "the message with the card");
    assert_eq!(pressed.thread.as_deref(), Some("1772439245999"));
    assert_eq!(pressed.sender.as_ref().unwrap().aad_object_id.as_deref(), Some(ANNA));
    let submitted = &heard("button-submitted", known()).events[0];
    assert_eq!(submitted.data["data"]["reason"], "too noisy");
}

#[test]
fn reactions_changed_messages_and_shared_channels_tell_what_changed() {
    let reactions = heard("reactions-changed", known()).events;
    let told: Vec<&Value> = reactions.iter().map(|event| &event.data["reaction"]).collect();
    assert_eq!(told, [&json!("like"), &json!("yes-tone1"), &json!("heart")]);
    assert_eq!(reactions[0].data["message_id"], "1772439245999");
    assert_eq!(heard("message-edited", known()).events[0].data["text"], "mute releases");
    assert_eq!(heard("message-deleted", known()).events[0].data["text"], Value::Null);
    let shared = &heard("channel-shared", known()).events[0];
    assert_eq!(shared.data["teams"][0]["name"], "Sales");
    assert_eq!(shared.data["channel"]["name"], "Partners");
    let joined = &heard("channel-member-added", known()).events[0];
    assert_eq!(
        joined.data["person"]["aad_object_id"],
        "03a40000-0001-4002-8003-000000000005"
    );
    assert_eq!(joined.data["membership"]["through"], "team");
    assert_eq!(joined.data["membership"]["kind"], "transitive");
}

#[test]
fn what_teams_tells_again_is_the_same_event_and_what_happens_again_is_another() {
    let id = |name: &str, change: &dyn Fn(&mut Activity)| {
        let mut activity = activity(name);
        change(&mut activity);
        hear(&activity, known(), noon()).events.remove(0).id
    };
    let later =
        |activity: &mut Activity| activity.timestamp = activity.timestamp.map(|at| at + TimeDelta::seconds(30));
    let unchanged = |_: &mut Activity| {};
    for name in [
        "personal-message",
        "button-executed",
        "button-submitted",
        "message-edited",
    ] {
        assert_eq!(id(name, &unchanged), id(name, &unchanged), "{name}");
    }
    // Teams tells a message and a press again with the same id; an edit has the id of its message each time.
    assert_eq!(id("button-executed", &unchanged), id("button-executed", &later));
    assert_ne!(id("message-edited", &unchanged), id("message-edited", &later));
    let another = |activity: &mut Activity| activity.id = Some("f:another".into());
    assert_ne!(id("button-executed", &unchanged), id("button-executed", &another));
    // Two channels of one team may have messages of one moment.
    let elsewhere = |activity: &mut Activity| {
        let place = activity.conversation.as_mut().unwrap();
        place.id = Some("19:other@thread.tacv2;messageid=1772439400200".into());
    };
    assert_ne!(id("channel-message", &unchanged), id("channel-message", &elsewhere));
}

#[test]
fn a_button_is_answered_honestly_and_an_unknown_invoke_is_not_implemented() {
    let pressed = heard("button-executed", known()).answer;
    assert_eq!(pressed.status(), 200);
    let body = pressed.body().unwrap();
    assert_eq!(body["statusCode"], 200);
    assert_eq!(body["type"], "application/vnd.microsoft.activity.message");
    assert!(
        body["value"]
            .as_str()
            .unwrap()
            .contains("no rule waits for the button “ack”")
    );
    for (name, code) in [
        ("button-without-name", "BadRequest"),
        ("button-without-action", "BadRequest"),
        ("button-of-another-type", "NotSupported"),
        ("card-shown-again", "NotSupported"),
    ] {
        let refused = heard(name, known()).answer;
        assert_eq!(refused.status(), 200, "{name}: clients read the status inside");
        let body = refused.body().unwrap();
        assert_eq!(
            (&body["statusCode"], &body["value"]["code"]),
            (&json!(400), &json!(code)),
            "{name}"
        );
        assert_eq!(body["type"], "application/vnd.microsoft.error");
    }
    assert_eq!(heard("unknown-invoke", known()).answer, HttpAnswer::NotImplemented);
    assert_eq!(HttpAnswer::NotImplemented.status(), 501);
    assert_eq!(heard("button-submitted", known()).answer, HttpAnswer::Empty);
}
