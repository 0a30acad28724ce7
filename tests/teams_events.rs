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
        Origin::Hook { .. }
        | Origin::Cron { .. }
        | Origin::File { .. }
        | Origin::Queue { .. }
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
            vec![personal, anna],
            vec!["Installed/Person first"],
        ),
        (
            "personal-installed",
            Acquaintance::Former,
            vec![personal, anna],
            vec!["Installed/Person"],
        ),
        (
            "personal-installed",
            known(),
            vec![personal, anna],
            vec!["Installed/Person"],
        ),
        (
            "personal-bot-added",
            STRANGER,
            vec![personal, anna],
            vec!["Installed/Person first"],
        ),
        ("personal-bot-added", known(), vec![personal, anna], vec![]),
        ("personal-installed-by-upgrade", STRANGER, vec![personal, anna], vec![]),
        (
            "personal-uninstalled-by-upgrade",
            known(),
            vec!["chat gone a:1-anna"],
            vec![],
        ),
        (
            "personal-uninstalled",
            known(),
            vec!["chat gone a:1-anna"],
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
            vec![],
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
        ("channel-shared", known(), vec![team, partners, anna], vec![]),
        ("channel-unshared", known(), vec![team, partners, anna], vec![]),
        (
            "team-renamed",
            known(),
            vec![team, "team renamed Platform Operations"],
            vec!["TeamRenamed/Team"],
        ),
        ("team-deleted", known(), vec![team_gone], vec!["TeamDeleted/Team"]),
        ("team-hard-deleted", STRANGER, vec![team_gone], vec![]),
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
        ("personal-message", STRANGER, vec![personal, anna], vec![]),
        ("group-message", known(), vec![&group, anna], vec![]),
        ("channel-message", known(), vec![team, alerts, anna], vec![]),
        ("channel-message-of-unnamed-team", STRANGER, vec![], vec![]),
        ("reaction-added", known(), vec![team, alerts, anna], vec![]),
        ("reaction-removed", known(), vec![personal, anna], vec![]),
        ("message-edited", known(), vec![personal, anna], vec![]),
        ("message-deleted", known(), vec![personal, anna], vec![]),
        ("message-undeleted", known(), vec![personal, anna], vec![]),
        ("button-submitted", known(), vec![personal, anna], vec![]),
        ("button-executed", known(), vec![personal, anna], vec![]),
        ("unknown-invoke", known(), vec![personal, anna], vec![]),
        ("own-message", known(), vec![], vec![]),
        ("typing", known(), vec![], vec![]),
        ("unknown-type", known(), vec![], vec![]),
        (
            "emulator-conversation-started",
            STRANGER,
            vec!["chat 7d9c|livechat Personal", "person user-1"],
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
    let [Fact::ConversationSeen(chat), Fact::PersonSeen(person)] = facts.as_slice() else {
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
    let anna = json!({"id": ANNA, "name": null, "email": null});
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
fn a_button_is_answered_honestly_and_an_unknown_invoke_is_not_implemented() {
    let pressed = heard("button-executed", known()).answer;
    assert_eq!(pressed.status(), 200);
    let body = pressed.body().unwrap();
    assert_eq!(body["statusCode"], 200);
    assert_eq!(body["type"], "application/vnd.microsoft.activity.message");
    assert!(body["value"].as_str().unwrap().contains("no rule handles this button"));
    assert_eq!(heard("unknown-invoke", known()).answer, HttpAnswer::NotImplemented);
    assert_eq!(HttpAnswer::NotImplemented.status(), 501);
    assert_eq!(heard("button-submitted", known()).answer, HttpAnswer::Empty);
}
