//! Microsoft's SDK for bots as a judge: it is given the same activities as Herald. See `tests/judges/bots/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use herald::event::{Event, Origin, TeamsEvent};
use herald::teams::activity::Activity;
use herald::teams::inbound::{Heard, hear};
use herald::teams::invoke::{Outcome, pressed};
use herald::teams::place::Acquaintance;
use herald::teams::spoken;
use herald::words::Language;
use serde_json::{Value, json};

const BOT: &str = "28:b07b07b0-1111-4222-8333-444455556666";

/// What an SDK makes of an activity otherwise than Herald: the activity, what the SDK takes it for, and why Herald differs.
pub type Different = [(&'static str, &'static [&'static str], &'static str)];

/// Where botbuilder differs, with its handlers.
const DIFFERENT: &Different = &[
    (
        "personal-uninstalled",
        &[],
        "the SDK compares `Remove` with its capitals and hears nothing",
    ),
    (
        "team-restored",
        &[],
        "the SDK knows `teamRestored` alone, Microsoft's sample says `teamrestored`",
    ),
    ("channel-shared", &[], "newer than the SDK"),
    ("channel-unshared", &[], "newer than the SDK"),
    (
        "channel-member-added",
        &["onTeamsMembersAddedEvent"],
        "the SDK takes members of a channel for members of the team",
    ),
    (
        "channel-member-removed",
        &["onTeamsMembersRemovedEvent"],
        "the SDK takes members of a channel for members of the team",
    ),
    (
        "other-bot-added",
        &["onTeamsMembersAddedEvent"],
        "a bot is nobody to welcome",
    ),
    (
        "personal-installed-by-upgrade",
        &["onInstallationUpdateAdd"],
        "nobody installed it: the app has a new version",
    ),
    (
        "personal-uninstalled-by-upgrade",
        &["onInstallationUpdateRemove"],
        "nobody removed it: the app has a new version",
    ),
    ("own-message", &["onMessage"], "what a bot says is no message to it"),
    ("picture-message", &["onMessage"], "there are no words to compare"),
    (
        "channel-message-of-unnamed-team",
        &["onMessage"],
        "it does not say where to answer",
    ),
    (
        "button-submitted-without-name",
        &["onMessage"],
        "no rule can wait for a button without a name",
    ),
    (
        "button-without-name",
        &["onAdaptiveCardInvoke"],
        "no rule can wait for a button without a name",
    ),
    (
        "card-shown-again",
        &["onAdaptiveCardInvoke"],
        "nobody pressed anything; the SDK leaves that to the bot",
    ),
    ("typing", &["onTyping"], "nothing was said yet"),
    (
        "unknown-type",
        &["onUnrecognizedActivityType"],
        "nobody knows what it is",
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    root().join("tests/fixtures/activities")
}

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// What Herald makes of an activity in a place that it knows, or of an installation in one that it does not.
pub fn herald(activity: &Activity) -> Heard {
    let known = Acquaintance::Known {
        since: noon() - TimeDelta::days(7),
    };
    let heard = hear(activity, known, noon());
    // The SDK calls what it knows of Teams for Teams alone; nothing is asked of other channels here.
    if activity.channel_id.as_deref() != Some("msteams") {
        return Heard::default();
    }
    let joined = activity
        .members_added
        .iter()
        .any(|member| member.id.as_deref() == Some(BOT));
    if joined {
        hear(activity, Acquaintance::Stranger, noon())
    } else {
        heard
    }
}

/// Under which handler of the SDK a bot hears of this event.
fn handler(activity: &Activity, event: &Event) -> &'static str {
    let kind = match &event.origin {
        Origin::Teams { kind, .. } => *kind,
        Origin::Message { .. } => return "onMessage",
        Origin::Button { .. } if activity.is("invoke") => return "onAdaptiveCardInvoke",
        Origin::Button { .. } => return "onMessage",
        Origin::Hook { .. }
        | Origin::Cron { .. }
        | Origin::File { .. }
        | Origin::Queue { .. }
        | Origin::Step { .. }
        | Origin::Drill { .. } => {
            panic!("not from Teams: {event:?}")
        }
    };
    match kind {
        TeamsEvent::Installed if activity.is("installationUpdate") => "onInstallationUpdateAdd",
        TeamsEvent::Uninstalled if activity.is("installationUpdate") => "onInstallationUpdateRemove",
        TeamsEvent::Installed | TeamsEvent::MemberAdded => "onTeamsMembersAddedEvent",
        TeamsEvent::Uninstalled | TeamsEvent::MemberRemoved | TeamsEvent::PersonDeleted => {
            "onTeamsMembersRemovedEvent"
        }
        TeamsEvent::ChannelCreated => "onTeamsChannelCreatedEvent",
        TeamsEvent::ChannelRenamed => "onTeamsChannelRenamedEvent",
        TeamsEvent::ChannelDeleted => "onTeamsChannelDeletedEvent",
        TeamsEvent::ChannelRestored => "onTeamsChannelRestoredEvent",
        TeamsEvent::ChannelShared
        | TeamsEvent::ChannelUnshared
        | TeamsEvent::ChannelMemberAdded
        | TeamsEvent::ChannelMemberRemoved => "none: newer than this SDK",
        TeamsEvent::TeamRenamed => "onTeamsTeamRenamedEvent",
        TeamsEvent::TeamDeleted => "onTeamsTeamDeletedEvent",
        TeamsEvent::TeamHardDeleted => "onTeamsTeamHardDeletedEvent",
        TeamsEvent::TeamRestored => "onTeamsTeamRestoredEvent",
        TeamsEvent::TeamArchived => "onTeamsTeamArchivedEvent",
        TeamsEvent::TeamUnarchived => "onTeamsTeamUnarchivedEvent",
        TeamsEvent::ReactionAdded => "onReactionsAdded",
        TeamsEvent::ReactionRemoved => "onReactionsRemoved",
        TeamsEvent::MessageEdited => "onTeamsMessageEditEvent",
        TeamsEvent::MessageDeleted => "onTeamsMessageSoftDeleteEvent",
        TeamsEvent::MessageRestored => "onTeamsMessageUndeleteEvent",
    }
}

pub fn skipped() -> bool {
    let skipped = std::env::var_os("HERALD_SKIP_JUDGES").is_some_and(|skip| skip == "1");
    if skipped {
        eprintln!("HERALD_SKIP_JUDGES=1: Microsoft's SDK was not asked");
    }
    skipped
}

/// What the SDK in `package` makes of every activity, as `script` finds out, by the name of its file.
pub fn verdicts(package: &str, script: &str) -> BTreeMap<String, Value> {
    let judges = root().join("tests/judges/bots");
    assert!(
        judges.join("node_modules").join(package).is_dir(),
        "{package} is missing: run `npm ci --prefix tests/judges/bots --ignore-scripts`, or ./test"
    );
    let thanks = pressed("ack", Outcome::PassedOn, Language::English).body().unwrap()["value"].clone();
    let said = Command::new("node")
        .arg(script)
        .current_dir(&judges)
        .env("ACTIVITIES", folder())
        .env("THANKS", thanks.as_str().unwrap())
        .stdin(Stdio::null())
        .output()
        .expect("`node` runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).expect("the judge writes JSON")
}

fn by_botbuilder() -> BTreeMap<String, Value> {
    verdicts("botbuilder", "incoming.mjs")
}

/// Holds what the SDK takes each activity for, which its verdict says under `key`, against what Herald takes it for, which
/// `ours` says in the SDK's words.
pub fn compare(
    verdicts: &BTreeMap<String, Value>,
    key: &str,
    ours: impl Fn(&Activity, &Event) -> &'static str,
    different: &Different,
) {
    let mut differences = Vec::new();
    for (name, activity) in activities() {
        let verdict = &verdicts[&name];
        assert_eq!(verdict["error"], Value::Null, "{name}");
        let told = verdict[key].as_array().unwrap();
        let theirs: BTreeSet<&str> = told.iter().filter_map(Value::as_str).collect();
        let heard = herald(&activity);
        let ours: BTreeSet<&str> = heard.events.iter().map(|event| ours(&activity, event)).collect();
        match different.iter().find(|(listed, _, _)| *listed == name) {
            Some((_, listed, why)) => {
                let listed: BTreeSet<&str> = listed.iter().copied().collect();
                if theirs != listed || theirs == ours {
                    differences.push(format!(
                        "{name}: listed as different ({why}), but theirs {theirs:?}, ours {ours:?}"
                    ));
                }
            }
            None if theirs != ours => differences.push(format!(
                "{name}: theirs {theirs:?}, ours {ours:?} ({:?})",
                heard.ignored
            )),
            None => {}
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

pub fn activities() -> BTreeMap<String, Activity> {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let named = files.map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, Activity::parse(&fs::read(&path).unwrap()).unwrap())
    });
    named.collect()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn microsofts_sdk_and_herald_take_each_activity_for_the_same() {
    if skipped() {
        return;
    }
    compare(&by_botbuilder(), "handlers", handler, DIFFERENT);
}

#[test]
fn microsofts_sdk_and_herald_read_the_same_words_of_a_message() {
    if skipped() {
        return;
    }
    let verdicts = by_botbuilder();
    let mut compared = 0;
    for (name, activity) in activities() {
        let Some(theirs) = verdicts[&name]["text"].as_str() else {
            continue;
        };
        compared += 1;
        // The SDK leaves other mentions and what Teams writes for a character as they are.
        let theirs = theirs
            .replace("&nbsp;", " ")
            .replace("<at>", "")
            .replace("</at>", "")
            .replace("&lt;", "<");
        assert_eq!(words(&spoken::text(&activity)), words(&theirs), "{name}");
        let others: BTreeSet<&str> = verdicts[&name]["mentions"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let told = herald(&activity).events;
        if let Some(mentions) = told.first().and_then(|event| event.data["mentions"].as_array()) {
            assert_eq!(mentions.len(), others.len(), "{name}");
        }
    }
    assert!(compared >= 6, "{compared} messages");
}

#[test]
fn microsofts_sdk_and_herald_read_the_same_button_and_answer_it_alike() {
    if skipped() {
        return;
    }
    let verdicts = by_botbuilder();
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
    // A press that is none: the same inside. Outside the SDK repeats the status, where Herald says 200 as TeamsFx does, so
    // that every client reads what is inside.
    for name in ["button-of-another-type", "button-without-action"] {
        let theirs = &verdicts[name]["invoke"];
        let ours = herald(&activities()[name]).answer;
        let body = ours.body().unwrap();
        assert_eq!((&theirs["status"], ours.status()), (&json!(400), 200), "{name}");
        assert_eq!(theirs["body"]["statusCode"], body["statusCode"], "{name}");
        assert_eq!(theirs["body"]["type"], body["type"], "{name}");
        assert_eq!(theirs["body"]["value"]["code"], body["value"]["code"], "{name}");
        assert!(theirs["body"]["value"]["message"].is_string() && body["value"]["message"].is_string());
    }
    // An invoke that neither knows.
    let ours = herald(&activities()["unknown-invoke"]).answer;
    assert_eq!(verdicts["unknown-invoke"]["invoke"]["status"], ours.status());
}
