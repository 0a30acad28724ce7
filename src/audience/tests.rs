use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;

use super::{
    Audience, By, Found, Known, Lookup, Mention, PersonRef, PlaceRef, ROSTER_FRESH_FOR, Seek, Want, Wanted, resolve,
    without,
};
use crate::delivery::Address;
use crate::roster::{Channel, Conversation, ConversationId, ConversationKind, Person, Roster, Team};

const TENANT: &str = "8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01";
const UNKNOWN: &str = "c7b0c7de-3a63-4f0b-8f0e-6d2f4b1a9e02";

fn now() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// What a directory would know, with its answers.
#[derive(Debug, Clone, Default)]
struct World {
    people: Vec<Person>,
    teams: Vec<Team>,
    chats: Vec<Conversation>,
    rosters: Vec<Roster>,
    tenant: Option<&'static str>,
}

impl World {
    fn answer(&self, lookup: &Lookup) -> Found {
        let same = |one: &Option<String>, two: &str| {
            one.as_ref().is_some_and(|one| one.to_lowercase() == two.to_lowercase())
        };
        match lookup {
            Lookup::Person(person) => Found::People(
                self.people
                    .iter()
                    .filter(|one| match person {
                        PersonRef::AadObjectId(id) => same(&one.aad_object_id, id),
                        PersonRef::AccountId(id) => one.account_id.as_ref() == Some(id),
                        PersonRef::Email(address) => {
                            same(&one.email, address) || same(&one.user_principal_name, address)
                        }
                        PersonRef::Name(name) => same(&one.name, name),
                    })
                    .cloned()
                    .collect(),
            ),
            Lookup::Team(team) => Found::Teams(
                self.teams
                    .iter()
                    .filter(|one| match team {
                        PlaceRef::Id(id) => {
                            one.id == *id
                                || same(&one.aad_group_id, id)
                                || one.channels.iter().any(|channel| channel.id == *id)
                        }
                        PlaceRef::Name(name) => same(&one.name, name),
                    })
                    .cloned()
                    .collect(),
            ),
            Lookup::GroupChat(chat) => Found::GroupChats(
                self.chats
                    .iter()
                    .filter(|one| one.kind == ConversationKind::GroupChat)
                    .filter(|one| match chat {
                        PlaceRef::Id(id) => one.id.as_str() == id,
                        PlaceRef::Name(name) => same(&one.name, name),
                    })
                    .cloned()
                    .collect(),
            ),
            Lookup::Conversation(id) => Found::Conversation(self.chats.iter().find(|one| one.id == *id).cloned()),
            Lookup::PersonalChat(_) => Found::Conversation(None),
            Lookup::Everyone => {
                let chats = self.chats.iter().filter(|chat| chat.kind == ConversationKind::Personal);
                Found::People(chats.filter_map(|chat| chat.person.clone()).collect())
            }
            Lookup::Roster(id) => Found::Roster(self.rosters.iter().find(|one| one.id == *id).cloned()),
        }
    }

    fn audience(&self, wanted: &[Wanted]) -> Audience {
        let mut known = Known::in_tenant(self.tenant);
        for _ in 0..5 {
            match resolve(wanted, &known, now()) {
                Ok(audience) => return audience,
                Err(lookups) => {
                    assert!(!lookups.is_empty());
                    for lookup in lookups {
                        assert_eq!(known.get(&lookup), None, "asked twice");
                        let found = self.answer(&lookup);
                        known.add(lookup, found);
                    }
                }
            }
        }
        panic!("more than four rounds of questions");
    }

    fn told(&self, wants: Vec<Want>) -> Vec<String> {
        let wanted: Vec<Wanted> = wants
            .into_iter()
            .enumerate()
            .map(|(index, want)| of(index, want))
            .collect();
        told(&self.audience(&wanted))
    }
}

fn of(index: usize, want: Want) -> Wanted {
    Wanted {
        written: format!("target {index}"),
        want,
        mention: Vec::new(),
        by: By::Chat,
        thread: None,
        only: Vec::new(),
    }
}

fn told(audience: &Audience) -> Vec<String> {
    let reached = audience.reached.iter().map(|reached| {
        let address = match &reached.recipient.address {
            Address::Person { tenant_id, id } => format!("{}/{id}", &tenant_id[..1]),
            Address::Feed { tenant_id, id } => format!("feed {}/{id}", &tenant_id[..1]),
            Address::Conversation { id } => id.to_string(),
            Address::Webhook { name, .. } => format!("webhook {name}"),
            Address::Nowhere { wanted } => format!("nowhere {wanted}"),
        };
        format!("{} = {address}", reached.recipient.name)
    });
    let unreachable = audience.unreachable.iter().map(|one| {
        let unknown = if one.unknown { " (unknown)" } else { "" };
        format!("{}: {}{unknown}", one.written, one.reason)
    });
    let needed = audience.rosters_needed.iter().map(|id| format!("needs {id}"));
    reached.chain(unreachable).chain(needed).collect()
}

fn person(name: &str) -> Person {
    let lower = name.to_lowercase().replace(' ', ".");
    Person {
        tenant_id: "t".to_owned(),
        aad_object_id: Some(format!("aad-{lower}")),
        account_id: Some(format!("29:{lower}")),
        email: Some(format!("{lower}@contoso.example")),
        name: Some(name.to_owned()),
        role: Some("user".to_owned()),
        ..Person::default()
    }
}

fn conversation(id: &str, kind: ConversationKind, name: Option<&str>) -> Conversation {
    Conversation {
        id: ConversationId::new(id),
        kind,
        service_url: "https://smba.trafficmanager.net/emea/".to_owned(),
        tenant_id: "t".to_owned(),
        team_id: None,
        name: name.map(str::to_owned),
        bot_id: "28:bot".to_owned(),
        person: None,
        installed_by: None,
        first_seen: now(),
        last_seen: now(),
        blocked: None,
    }
}

fn team(name: &str, channels: &[(&str, &str)]) -> Team {
    let id = format!("19:{}@thread.tacv2", name.to_lowercase());
    let general = Channel {
        id: id.clone(),
        name: None,
        deleted: false,
    };
    let others = channels.iter().map(|(id, name)| Channel {
        id: (*id).to_owned(),
        name: Some((*name).to_owned()),
        deleted: false,
    });
    Team {
        tenant_id: "t".to_owned(),
        name: Some(name.to_owned()),
        aad_group_id: Some(format!("group-{}", name.to_lowercase())),
        service_url: "https://smba.trafficmanager.net/emea/".to_owned(),
        bot_id: "28:bot".to_owned(),
        selected_channel: None,
        installed_by: None,
        archived: false,
        channels: std::iter::once(general).chain(others).collect(),
        channels_fetched_at: Some(now()),
        first_seen: now(),
        last_seen: now(),
        id,
    }
}

fn roster(id: &str, members: Vec<Person>) -> Roster {
    Roster {
        id: id.to_owned(),
        members,
        fetched_at: now() - Duration::minutes(10),
        stale: false,
    }
}

fn email(address: &str) -> Want {
    Want::Person(PersonRef::Email(address.to_owned()))
}

fn named(name: &str) -> Want {
    Want::Person(PersonRef::Name(name.to_owned()))
}

fn path(path: &str) -> Want {
    Want::ChannelPath(path.to_owned())
}

fn by_name(name: &str) -> PlaceRef {
    PlaceRef::Name(name.to_owned())
}

fn by_id(id: &str) -> PlaceRef {
    PlaceRef::Id(id.to_owned())
}

#[test]
fn a_person_is_found_by_address_name_or_id() {
    let world = World {
        people: vec![person("Anna Berg"), person("Omar Haddad")],
        ..World::default()
    };
    assert_eq!(
        world.told(vec![
            email("anna.berg@contoso.example"),
            named("omar haddad"),
            Want::Person(PersonRef::AadObjectId("aad-anna.berg".to_owned())),
            Want::Person(PersonRef::AccountId("29:omar.haddad".to_owned())),
        ]),
        ["Anna Berg = t/aad-anna.berg", "Omar Haddad = t/aad-omar.haddad"]
    );
}

#[test]
fn an_unknown_or_ambiguous_person_is_left_out_with_a_reason() {
    let mut twin = person("Anna Berg");
    twin.aad_object_id = Some("aad-twin".to_owned());
    twin.email = Some("anna.berg2@contoso.example".to_owned());
    twin.account_id = None;
    // The same human told twice is one.
    let world = World {
        people: vec![person("Anna Berg"), twin, person("Anna Berg"), person("Omar")],
        ..World::default()
    };
    assert_eq!(
        world.told(vec![
            email("zoe@contoso.example"),
            named("Zoe"),
            named("Anna Berg"),
            named("Omar")
        ]),
        [
            "Omar = t/aad-omar",
            "target 0: Herald knows nobody with the address zoe@contoso.example: the app must be installed for that person, or in a team or chat they are in (unknown)",
            "target 1: Herald knows nobody called Zoe: write the mail address, or install the app for that person or in a team or chat they are in (unknown)",
            "target 2: 2 people are meant by this: Anna Berg (anna.berg@contoso.example), Anna Berg (anna.berg2@contoso.example); write the mail address",
        ]
    );
}

#[test]
fn an_entra_id_that_nobody_knows_is_reached_in_the_bots_tenant() {
    let want = || vec![Want::Person(PersonRef::AadObjectId(UNKNOWN.to_owned()))];
    let world = World {
        tenant: Some(TENANT),
        ..World::default()
    };
    assert_eq!(world.told(want()), [format!("target 0 = 8/{UNKNOWN}")]);
    let told = World::default().told(want());
    assert!(told[0].contains("without `bot.tenant`"), "{told:?}");
}

#[test]
fn guests_are_told_and_those_without_an_id_are_not() {
    let guest = Person {
        role: Some("guest".to_owned()),
        tenant_id: String::new(),
        ..person("Guest")
    };
    let anonymous = Person {
        role: Some("anonymous".to_owned()),
        aad_object_id: None,
        ..person("Passer By")
    };
    let nameless = Person {
        name: Some("Ghost".to_owned()),
        ..Person::default()
    };
    let platform = team("Platform", &[]);
    let members = vec![person("Anna"), guest, anonymous, nameless];
    let world = World {
        rosters: vec![roster(&platform.id, members)],
        teams: vec![platform],
        ..World::default()
    };
    assert_eq!(
        world.told(vec![Want::MembersOf(by_name("platform"))]),
        [
            "Anna = t/aad-anna",
            "Guest = t/aad-guest",
            "target 0: Passer By (passer.by@contoso.example): an anonymous guest of a meeting cannot be written to",
            "target 0: Ghost: Teams tells no id of this person, so no chat can be opened",
        ]
    );
}

#[test]
fn everyone_is_whoever_has_the_bot_in_a_personal_chat() {
    let chat = |name: &str| Conversation {
        person: Some(person(name)),
        ..conversation(&format!("a:{name}"), ConversationKind::Personal, None)
    };
    let world = World {
        people: vec![person("Only In A Team")],
        chats: vec![
            chat("Anna"),
            chat("Omar"),
            conversation("19:x@thread.v2", ConversationKind::GroupChat, None),
        ],
        ..World::default()
    };
    assert_eq!(
        world.told(vec![Want::Everyone, named("anna")]),
        [
            "Anna = t/aad-anna",
            "Omar = t/aad-omar",
            "target 1: Herald knows nobody called anna: write the mail address, or install the app for that person or in a team or chat they are in (unknown)"
        ]
    );
    let told = World::default().told(vec![Want::Everyone]);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("nobody has the bot"), "{told:?}");
}

#[test]
fn the_channels_of_a_team_are_all_that_exist_once_teams_was_asked() {
    let mut platform = team(
        "Platform",
        &[("19:rel", "Releases"), ("19:old", "Old"), ("19:ops", "Ops")],
    );
    platform.channels[2].deleted = true;
    let world = |team: Team| World {
        teams: vec![team],
        ..World::default()
    };
    let want = || vec![path("Platform / Releases"), Want::ChannelsOf(by_name("platform"))];
    assert_eq!(
        world(platform.clone()).told(want()),
        [
            "Platform / Releases = 19:rel",
            "Platform / General = 19:platform@thread.tacv2",
            "Platform / Ops = 19:ops",
        ]
    );
    for fetched in [None, Some(now() - ROSTER_FRESH_FOR)] {
        let unsure = Team {
            channels_fetched_at: fetched,
            ..platform.clone()
        };
        assert_eq!(
            world(unsure).told(want()),
            ["Platform / Releases = 19:rel", "needs 19:platform@thread.tacv2"]
        );
    }
    let archived = Team {
        archived: true,
        ..platform
    };
    let told = world(archived).told(vec![Want::ChannelsOf(by_name("Platform"))]);
    assert!(told.iter().all(|told| told.contains("archived")), "{told:?}");
    let told = World::default().told(vec![Want::ChannelsOf(by_name("Platform"))]);
    assert!(told[0].contains("knows no team called Platform"), "{told:?}");
}

#[test]
fn a_channel_is_found_by_team_and_name() {
    let world = World {
        teams: vec![
            team("Platform", &[("19:rel", "Releases"), ("19:slash", "R / D")]),
            team("Platform / Releases", &[("19:deep", "Deep")]),
            team("Sales", &[("19:deals", "Deals")]),
        ],
        ..World::default()
    };
    for (want, expected) in [
        (path("sales / deals"), "Sales / Deals = 19:deals"),
        (path("Sales"), "Sales / General = 19:sales@thread.tacv2"),
        (path("Sales / general"), "Sales / General = 19:sales@thread.tacv2"),
        (path("Platform / R / D"), "Platform / R / D = 19:slash"),
        (
            path("Platform / Releases / Deep"),
            "Platform / Releases / Deep = 19:deep",
        ),
        (
            path("Platform / Releases"),
            "target 0: this could be Platform / Releases / General, Platform / Releases: paste the link of the channel that is meant",
        ),
        (
            path("Sales / Dealz"),
            "target 0: Sales has no channel Dealz that Herald can see; did you mean Deals? (unknown)",
        ),
        (
            path("Sales / Allgemein"),
            "target 0: Sales has no channel Allgemein that Herald can see; there are General, Deals; the first channel is General in every language (unknown)",
        ),
        (
            path("Finance / Rent"),
            "target 0: Herald knows no team called Finance: install the app in it (unknown)",
        ),
        (
            path("releases"),
            "target 0: Herald knows no team called releases: install the app in it; a channel is written `Team / Channel` (unknown)",
        ),
        (
            Want::Channel {
                team: by_name("Platform"),
                channel: Some(by_name("Releases")),
            },
            "Platform / Releases = 19:rel",
        ),
        (
            Want::Channel {
                team: by_name("Platform"),
                channel: None,
            },
            "Platform / General = 19:platform@thread.tacv2",
        ),
        (
            Want::Channel {
                team: by_id("group-sales"),
                channel: Some(by_id("19:deals")),
            },
            "Sales / Deals = 19:deals",
        ),
        (
            Want::Channel {
                team: by_id("19:deals"),
                channel: Some(by_id("19:deals")),
            },
            "Sales / Deals = 19:deals",
        ),
        // A private channel that Teams never told about, by its link.
        (
            Want::Channel {
                team: by_id("group-sales"),
                channel: Some(by_id("19:secret")),
            },
            "Sales / a channel = 19:secret",
        ),
        (
            Want::Channel {
                team: by_id("19:other"),
                channel: Some(by_id("19:other")),
            },
            "target 0: Herald knows no team with the id 19:other: install the app in it (unknown)",
        ),
    ] {
        assert_eq!(world.told(vec![want.clone()]), [expected], "{want:?}");
    }
}

#[test]
fn of_two_teams_with_one_name_the_one_that_has_the_channel_is_meant() {
    let mut other = team("Platform", &[("19:other-rel", "Alarms"), ("19:x", "Both")]);
    other.id = "19:other@thread.tacv2".to_owned();
    let world = World {
        teams: vec![team("Platform", &[("19:rel", "Releases"), ("19:y", "Both")]), other],
        ..World::default()
    };
    assert_eq!(
        world.told(vec![path("Platform / Alarms")]),
        ["Platform / Alarms = 19:other-rel"]
    );
    let several = "target 0: 2 teams are called Platform: paste the link of the channel that is meant";
    assert_eq!(world.told(vec![path("Platform / Both")]), [several]);
    assert_eq!(world.told(vec![path("Platform")]), [several]);
    assert_eq!(
        world.told(vec![path("Platform / Nothing")]),
        [format!("{several} (unknown)")]
    );
}

#[test]
fn a_deleted_channel_and_an_archived_team_say_so() {
    let mut platform = team(
        "Platform",
        &[("19:rel", "Releases"), ("19:new", "Alarms"), ("19:old", "Alarms")],
    );
    platform.channels[1].deleted = true;
    platform.channels[3].deleted = true;
    let mut archive = team("Archive", &[("19:a", "A")]);
    archive.archived = true;
    let world = World {
        teams: vec![platform, archive],
        ..World::default()
    };
    assert_eq!(
        world.told(vec![
            path("Platform / Releases"),
            Want::Conversation(ConversationId::new("19:rel")),
            path("Platform / Alarms"),
            path("Archive / A"),
            path("Archive"),
        ]),
        [
            "Platform / Alarms = 19:new",
            "target 0: the channel Releases of Platform was deleted; it can be restored in Teams for a while",
            "target 1: the channel Releases of Platform was deleted; it can be restored in Teams for a while",
            "target 3: the team Archive is archived, nobody can write there; it can be restored in Teams",
            "target 4: the team Archive is archived, nobody can write there; it can be restored in Teams",
        ]
    );
}

#[test]
fn a_group_chat_is_found_by_name_or_id() {
    let chat = |id: &str, name: &str| conversation(id, ConversationKind::GroupChat, Some(name));
    let world = World {
        chats: vec![
            chat("19:fin", "Finance"),
            chat("19:l1", "Lunch"),
            chat("19:l2", "lunch"),
        ],
        ..World::default()
    };
    assert_eq!(
        world.told(vec![
            Want::GroupChat(by_name("finance")),
            Want::GroupChat(by_id("19:fin")),
            Want::GroupChat(by_name("Lunch")),
            Want::GroupChat(by_name("Rent")),
            Want::GroupChat(by_id("19:gone")),
        ]),
        [
            "Finance = 19:fin",
            "target 2: 2 group chats are called Lunch: paste the link of the one that is meant",
            "target 3: Herald knows no group chat called Rent: add the app to it (unknown)",
            "target 4: Herald knows no group chat with the id 19:gone: add the app to it (unknown)",
        ]
    );
}

#[test]
fn members_need_a_fresh_roster() {
    let platform = team("Platform", &[]);
    let id = platform.id.clone();
    let wanted = || {
        vec![
            Want::MembersOf(by_name("Platform")),
            Want::MembersOf(by_id(&id)),
            email("anna@contoso.example"),
        ]
    };
    let mut world = World {
        teams: vec![platform],
        people: vec![person("Anna")],
        ..World::default()
    };
    let needed = ["Anna = t/aad-anna".to_owned(), format!("needs {id}")];
    assert_eq!(world.told(wanted()), needed);

    world.rosters = vec![roster(&id, vec![person("Anna"), person("Omar")])];
    assert_eq!(world.told(wanted()), ["Anna = t/aad-anna", "Omar = t/aad-omar"]);
    world.rosters[0].fetched_at = now() - ROSTER_FRESH_FOR;
    assert_eq!(world.told(wanted()), needed);
    world.rosters[0].fetched_at = now() + Duration::minutes(5);
    assert_eq!(world.told(wanted()).len(), 2);
    world.rosters[0].stale = true;
    assert_eq!(world.told(wanted()), needed);
}

#[test]
fn members_of_a_group_chat_and_of_an_archived_team_are_told_personally() {
    let mut archive = team("Archive", &[]);
    archive.archived = true;
    let world = World {
        rosters: vec![
            roster(&archive.id, vec![person("Anna")]),
            roster("19:fin", vec![person("Omar"), person("Anna")]),
        ],
        teams: vec![archive],
        chats: vec![conversation("19:fin", ConversationKind::GroupChat, Some("Finance"))],
        ..World::default()
    };
    assert_eq!(
        world.told(vec![
            Want::MembersOf(by_name("Archive")),
            Want::MembersOf(by_id("19:fin")),
            Want::MembersOf(by_name("Nobody"))
        ]),
        [
            "Anna = t/aad-anna",
            "Omar = t/aad-omar",
            "target 2: Herald knows no team or group chat called Nobody: install the app there (unknown)",
        ]
    );
    let mut both = world.clone();
    both.chats
        .push(conversation("19:arc", ConversationKind::GroupChat, Some("archive")));
    assert_eq!(
        both.told(vec![Want::MembersOf(by_name("Archive"))]),
        ["target 0: 1 team and 1 group chat are called Archive: paste the link of the one that is meant"]
    );
}

#[test]
fn the_same_human_under_two_ids_gets_one_card() {
    let by_account = Person {
        aad_object_id: None,
        email: None,
        ..person("Anna")
    };
    let unknown = Person {
        aad_object_id: None,
        email: None,
        account_id: Some("29:new".to_owned()),
        ..person("New")
    };
    let loud = Person {
        aad_object_id: Some("AAD-ANNA".to_owned()),
        account_id: None,
        ..person("Anna")
    };
    let world = World {
        people: vec![person("Anna")],
        teams: vec![team("A", &[]), team("B", &[])],
        rosters: vec![
            roster("19:a@thread.tacv2", vec![by_account, unknown.clone()]),
            roster("19:b@thread.tacv2", vec![loud, unknown, person("Omar")]),
        ],
        ..World::default()
    };
    assert_eq!(
        world.told(vec![
            Want::MembersOf(by_name("A")),
            Want::MembersOf(by_name("B")),
            email("anna@contoso.example")
        ]),
        ["Anna = t/aad-anna", "New = t/29:new", "Omar = t/aad-omar"]
    );
}

#[test]
fn here_is_wherever_the_event_came_from() {
    let mut personal = conversation("a:anna", ConversationKind::Personal, None);
    personal.person = Some(Person {
        tenant_id: String::new(),
        ..person("Anna")
    });
    let world = World {
        teams: vec![team("Platform", &[("19:rel", "Releases")])],
        chats: vec![
            personal,
            conversation("19:fin", ConversationKind::GroupChat, None),
            conversation("a:who", ConversationKind::Personal, None),
        ],
        ..World::default()
    };
    let here = |id: &str| Want::Conversation(ConversationId::new(id));
    assert_eq!(
        world.told(vec![
            here("a:anna"),
            here("19:rel"),
            here("19:platform@thread.tacv2"),
            here("19:fin"),
            here("a:who"),
            here("19:gone")
        ]),
        [
            "Anna = t/aad-anna",
            "Platform / Releases = 19:rel",
            "Platform / General = 19:platform@thread.tacv2",
            "target 3 = 19:fin",
            "target 4 = a:who",
            "target 5: Herald is not in this conversation: install the app there (unknown)",
        ]
    );
}

#[test]
fn the_first_target_decides_and_later_ones_add_their_mentions() {
    let world = World {
        people: vec![person("Anna"), person("Omar")],
        teams: vec![team("Platform", &[("19:rel", "Releases")])],
        ..World::default()
    };
    let mentioning = |want: Want, mention: Vec<Want>| Wanted {
        written: "channel: releases".to_owned(),
        want,
        mention,
        by: By::Chat,
        thread: None,
        only: Vec::new(),
    };
    let audience = world.audience(&[
        mentioning(path("Platform / Releases"), vec![named("Anna"), named("Anna")]),
        mentioning(
            Want::Conversation(ConversationId::new("19:rel;messageid=1")),
            vec![named("Anna"), named("Omar")],
        ),
        mentioning(
            path("Platform"),
            vec![
                email("new@contoso.example"),
                named("Nobody"),
                Want::Nobody("no field".to_owned()),
                Want::MembersOf(by_name("Platform")),
            ],
        ),
    ]);
    let mentions: Vec<Vec<Mention>> = audience
        .reached
        .iter()
        .map(|reached| reached.mentions.clone())
        .collect();
    let mention = |id: &str, name: &str| Mention {
        id: id.to_owned(),
        name: name.to_owned(),
    };
    assert_eq!(
        mentions,
        [
            vec![mention("29:anna", "Anna"), mention("29:omar", "Omar")],
            vec![mention("new@contoso.example", "new@contoso.example")],
        ]
    );
    assert_eq!(
        audience.notes,
        [
            "channel: releases: somebody is not mentioned: Herald knows nobody called Nobody: write the mail address, or install the app for that person or in a team or chat they are in",
            "channel: releases: somebody is not mentioned: no field",
            "channel: releases: somebody is not mentioned: only people can be mentioned",
        ]
    );
}

#[test]
fn everybody_but_the_excepted() {
    let world = World {
        people: vec![person("Anna"), person("Omar")],
        teams: vec![team("Platform", &[("19:rel", "Releases")])],
        ..World::default()
    };
    let audience = world.audience(&[
        of(0, named("Anna")),
        of(1, named("Omar")),
        of(2, path("Platform / Releases")),
    ]);
    let except = world.audience(&[
        of(0, Want::Person(PersonRef::AccountId("29:anna".to_owned()))),
        of(1, Want::Conversation(ConversationId::new("19:rel"))),
        of(2, named("Nobody")),
    ]);
    assert_eq!(told(&without(audience.clone(), &except)), ["Omar = t/aad-omar"]);
    assert_eq!(without(audience.clone(), &Audience::default()), audience);
}

#[test]
fn nobody_has_a_reason_and_one_reason_is_told_once() {
    let world = World::default();
    let nobody = |reason: &str| Wanted {
        written: "person: x".to_owned(),
        want: Want::Nobody(reason.to_owned()),
        mention: Vec::new(),
        by: By::Chat,
        thread: None,
        only: Vec::new(),
    };
    assert_eq!(
        told(&world.audience(&[nobody("no field"), nobody("no field")])),
        ["person: x: no field"]
    );
    assert_eq!(told(&world.audience(&[])), [] as [&str; 0]);
}

#[test]
fn an_audience_is_bounded_and_says_so() {
    let count = Audience::MOST_REACHED + 5;
    let members = (0..count).map(|n| Person {
        tenant_id: "t".to_owned(),
        aad_object_id: Some(format!("p{n}")),
        ..Person::default()
    });
    let world = World {
        teams: vec![team("All", &[])],
        rosters: vec![roster("19:all@thread.tacv2", members.collect())],
        ..World::default()
    };
    let mut wanted = vec![of(0, Want::MembersOf(by_name("All")))];
    wanted.extend((1..=Audience::MOST_UNREACHABLE + 7).map(|n| of(n, Want::Nobody("no".to_owned()))));
    let audience = world.audience(&wanted);
    assert_eq!(audience.reached.len(), Audience::MOST_REACHED);
    let last: Vec<_> = audience.unreachable[Audience::MOST_UNREACHABLE..]
        .iter()
        .map(|one| one.written.as_str())
        .collect();
    assert_eq!(last, ["5 more", "and 7 more"]);
}

#[test]
fn an_answer_of_the_wrong_kind_ends_the_asking() {
    let mut known = Known::default();
    let wanted = [
        of(0, email("a@b.example")),
        of(1, Want::MembersOf(by_name("x"))),
        of(2, path("a / b")),
    ];
    let lookups = resolve(&wanted, &known, now()).unwrap_err();
    for lookup in lookups {
        known.add(lookup, Found::Roster(None));
    }
    assert_eq!(resolve(&wanted, &known, now()).unwrap().unreachable.len(), 3);
}

fn any_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "Anna",
        "anna",
        "Omar",
        "Platform",
        "Platform / Releases",
        "Releases",
        "Ünïcode 名",
        "",
    ])
    .prop_map(str::to_owned)
}

fn any_person() -> impl Strategy<Value = Person> {
    let id =
        || prop::option::of(prop::sample::select(vec!["a1", "A1", "a2", "29:x", "29:y"]).prop_map(str::to_owned));
    (
        id(),
        id(),
        any_name(),
        prop::option::of(Just("anonymous".to_owned())),
        prop::sample::select(vec!["t", ""]),
    )
        .prop_map(|(aad_object_id, account_id, name, role, tenant)| Person {
            tenant_id: tenant.to_owned(),
            aad_object_id,
            account_id,
            email: Some(format!("{name}@b.example")),
            name: Some(name),
            role,
            ..Person::default()
        })
}

fn any_place() -> impl Strategy<Value = PlaceRef> {
    prop_oneof![
        any_name().prop_map(PlaceRef::Name),
        prop::sample::select(vec!["19:platform@thread.tacv2", "19:c1", "19:fin", "group-platform"]).prop_map(by_id),
    ]
}

fn any_want() -> impl Strategy<Value = Want> {
    prop_oneof![
        any_name().prop_map(|name| named(&name)),
        any_name().prop_map(|name| email(&format!("{name}@b.example"))),
        Just(Want::Person(PersonRef::AadObjectId("a1".to_owned()))),
        Just(Want::Person(PersonRef::AccountId("29:x".to_owned()))),
        any_place().prop_map(Want::GroupChat),
        any_place().prop_map(Want::MembersOf),
        any_name().prop_map(Want::ChannelPath),
        (any_place(), prop::option::of(any_place())).prop_map(|(team, channel)| Want::Channel { team, channel }),
        prop::sample::select(vec!["19:platform@thread.tacv2", "19:c1", "19:fin", "a:1"])
            .prop_map(|id| Want::Conversation(ConversationId::new(id))),
        Just(Want::Nobody("no".to_owned())),
    ]
}

fn any_world() -> impl Strategy<Value = World> {
    let people = || prop::collection::vec(any_person(), 0..4);
    (people(), people(), any_name(), any_name(), any::<[bool; 4]>(), people()).prop_map(
        |(people, members, team_name, chat_name, [archived, deleted, stale, tenant], chat_people)| {
            let mut platform = team("Platform", &[("19:c1", "Releases"), ("19:c2", "Anna")]);
            platform.archived = archived;
            platform.channels[1].deleted = deleted;
            let mut second = team(&team_name, &[("19:c3", "Releases")]);
            second.id = "19:second@thread.tacv2".to_owned();
            let mut personal = conversation("a:1", ConversationKind::Personal, None);
            personal.person = people.first().cloned();
            let mut first = roster("19:platform@thread.tacv2", members);
            first.stale = stale;
            World {
                people,
                teams: vec![platform, second],
                chats: vec![
                    conversation("19:fin", ConversationKind::GroupChat, Some(&chat_name)),
                    personal,
                ],
                rosters: vec![first, roster("19:fin", chat_people)],
                tenant: tenant.then_some(TENANT),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nobody_is_told_twice_and_nothing_is_left_to_chance(
        world in any_world(),
        wants in prop::collection::vec((any_want(), prop::collection::vec(any_want(), 0..3)), 0..8),
        except in prop::collection::vec(any_want(), 0..3),
    ) {
        let wanted: Vec<Wanted> = wants
            .into_iter()
            .enumerate()
            .map(|(index, (want, mention))| Wanted { mention, ..of(index, want) })
            .collect();
        let audience = world.audience(&wanted);
        prop_assert_eq!(&audience, &world.audience(&wanted));

        let mut addresses = HashSet::new();
        for reached in &audience.reached {
            prop_assert!(addresses.insert(reached.recipient.address.key()), "{:?} twice", reached.recipient);
            if let Address::Person { tenant_id, id } = &reached.recipient.address {
                prop_assert!(!tenant_id.is_empty() && !id.is_empty());
            }
        }
        let written: HashSet<&str> = audience.unreachable.iter().map(|one| one.written.as_str()).collect();
        prop_assert_eq!(written.len(), audience.unreachable.len());
        prop_assert!(audience.unreachable.iter().all(|one| !one.reason.is_empty()));

        let except: Vec<Wanted> = except.into_iter().enumerate().map(|(index, want)| of(index, want)).collect();
        let except = world.audience(&except);
        let rest = without(audience.clone(), &except);
        for reached in &rest.reached {
            prop_assert!(except.reached.iter().all(|one| one.recipient.address != reached.recipient.address));
        }
        prop_assert!(without(audience.clone(), &audience).reached.is_empty());
    }
}

#[test]
fn the_members_of_a_group_of_entra_are_told_whatever_the_case_of_its_name() {
    let group = |name: &str| Want::EntraGroup(PlaceRef::Name(name.to_owned()));
    let world = World {
        people: vec![person("Anna"), person("Omar")],
        rosters: vec![Roster {
            id: Seek::group(&PlaceRef::Name("On Call".to_owned())).key(),
            members: vec![person("Anna"), person("Omar")],
            fetched_at: now(),
            stale: false,
        }],
        ..World::default()
    };
    let audience = world.audience(&[of(0, group("on call")), of(1, group("ON CALL "))]);
    assert_eq!(audience.reached.len(), 2, "each once: {audience:?}");
    let audience = world.audience(&[of(0, group("Nobody"))]);
    assert_eq!(audience.rosters_needed, ["entra-group:nobody"]);
    let seek = Seek::of_key(&audience.rosters_needed[0]).unwrap();
    assert_eq!(seek.shown(), "entra_group: nobody");
}

#[test]
fn a_person_is_told_by_card_and_by_feed_and_excepted_from_both() {
    let world = World {
        people: vec![person("Anna"), person("Omar")],
        ..World::default()
    };
    let by_feed = |name: &str| Wanted {
        by: By::Feed,
        ..of(1, named(name))
    };
    let audience = world.audience(&[of(0, named("Anna")), by_feed("Anna"), by_feed("Anna"), by_feed("Omar")]);
    let feeds = |audience: &Audience| {
        let is_feed = |one: &&super::Reached| matches!(one.recipient.address, Address::Feed { .. });
        audience.reached.iter().filter(is_feed).count()
    };
    assert_eq!((audience.reached.len(), feeds(&audience)), (3, 2));
    let left = without(audience, &world.audience(&[of(0, named("Anna"))]));
    assert_eq!((left.reached.len(), feeds(&left)), (1, 1));
}
