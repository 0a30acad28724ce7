use std::sync::Arc;

use serde_json::{Value, json};

use super::{Book, PersonEntry};
use crate::audience::{Audience, PersonRef, Reached};
use crate::book::file::BookFile;
use crate::card::template::Partials;
use crate::delivery::{Address, Recipient};
use crate::diagnostic::{Fault, Severity, Step};
use crate::roster::Person;
use crate::rule::target::Kind;

fn compile(file: Value) -> Result<(Book, Vec<Fault>), Vec<Fault>> {
    let file: BookFile = serde_json::from_value(file).unwrap();
    Book::compile(&file, &Partials::none())
}

fn place(fault: &Fault) -> String {
    let steps = fault.path.iter().map(|step| match step {
        Step::Key(key) => key.clone(),
        Step::Index(index) => index.to_string(),
    });
    steps.collect::<Vec<_>>().join(" > ")
}

#[test]
fn people_are_known_by_address_id_or_name() {
    let id = "6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d";
    let (book, warnings) = compile(json!({
        "people": {
            "anna": "Anna.Berg@contoso.example",
            "omar": { "email": "omar@contoso.example", "time_zone": "asia/dubai", "language": "ar" },
            "bot": { "id": id.to_uppercase(), "email": "bot@contoso.example" },
            "Zoe": "Zoe Fox",
        }
    }))
    .unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(
        book.person("ANNA").unwrap().person,
        PersonRef::Email("anna.berg@contoso.example".to_owned())
    );
    assert_eq!(
        book.person("bot").unwrap().person,
        PersonRef::AadObjectId(id.to_owned())
    );
    assert_eq!(
        book.person("zoe").unwrap().person,
        PersonRef::Name("Zoe Fox".to_owned())
    );
    let PersonEntry {
        alias,
        time_zone,
        language,
        ..
    } = book.person("omar").unwrap();
    assert_eq!(
        (alias.as_str(), *time_zone, language.as_deref()),
        ("omar", Some(chrono_tz::Tz::Asia__Dubai), Some("ar"))
    );
    assert_eq!(book.person("nobody"), None);
}

#[test]
fn every_wrong_entry_is_told_at_once_with_its_place() {
    let faults = compile(json!({
        "people": {
            "anna": "anna@@contoso.example",
            "ANNA": "anna.berg@contoso.example",
            "Anna": "anna.berg@contoso.example",
            "who": {},
            "omar": { "email": "omar", "time_zone": "Asia/Dubai" },
            "zoe": { "id": "123" },
            "time": { "email": "a@b.example", "time_zone": "Asia/Dubay" },
            "link": "https://contoso.example/",
        },
        "channels": {
            "releases": { "channel": "Releases" },
            "chat": { "link": "https://teams.microsoft.com/l/chat/19:abc@thread.v2/conversations" },
            "id": { "id": "Releases" },
            "blank": { "team": "Platform", "channel": " " },
        },
        "groups": {
            "room": {},
            "channel": "https://teams.microsoft.com/l/channel/19:abc@thread.tacv2/Releases",
        },
        "audiences": {
            "office": [{ "person": "anna" }, { "persom": "omar" }, "zoe"],
            "empty": [],
            "a": [{ "people": "b" }],
            "b": [{ "people": ["omar", "C"] }],
            "c": [{ "people": "a" }],
            "self": [{ "people": "self" }],
        },
    }))
    .unwrap_err();
    let told: Vec<String> = faults
        .iter()
        .map(|fault| format!("{}: {}", place(fault), fault.message))
        .collect();
    assert_eq!(
        told,
        [
            "people > anna: `anna@@contoso.example` is no mail address",
            "people > Anna: there is another `Anna`; capital letters do not tell them apart",
            "people > who: nothing here says who `who` is",
            "people > omar > email: `omar` is no mail address",
            "people > zoe > id: `123` is no Entra object id",
            "people > time > time_zone: there is no time zone `Asia/Dubay`",
            "people > link: this link does not lead to Teams but to `contoso.example`; paste what \"Get link to channel\", \"Get link to team\" or \"Copy link\" in Teams gives",
            "channels > releases: nothing here says which channel it is",
            "channels > chat > link: this is the link of a group chat: write `group:`",
            "channels > id > id: `Releases` is no id of a channel",
            "channels > blank: nothing here says which channel it is",
            "groups > room: nothing here says which chat it is",
            "groups > channel: this is the link of a channel, not of a group chat",
            "audiences > office > 1 > persom: a target has no `persom`",
            "audiences > office > 2: a target is a key and a name, not a text",
            "audiences > empty: this audience has nobody in it",
            "audiences > a: this audience contains itself: a > b > c > a",
            "audiences > b: this audience contains itself: b > c > a > b",
            "audiences > c: this audience contains itself: c > a > b > c",
            "audiences > self: this audience contains itself: self > self",
        ]
    );
}

#[test]
fn an_alias_is_a_short_plain_name() {
    for (alias, message) in [
        ("x".repeat(201), "at most 200 bytes"),
        (" anna".to_owned(), "begins nor ends with a space"),
        (String::new(), "begins nor ends with a space"),
        ("{{event.x}}".to_owned(), "no holes"),
    ] {
        let faults = compile(json!({ "people": { &alias: "anna@contoso.example" } })).unwrap_err();
        assert!(faults[0].message.contains(message), "{}", faults[0].message);
    }
}

#[test]
fn a_doubtful_name_is_told_before_anybody_is_looked_up() {
    let (book, _) = compile(json!({
        "people": { "anna": "anna.berg@contoso.example" },
        "channels": { "releases": "Platform / Releases" },
        "groups": { "finance-room": "Finance room" },
        "audiences": { "berlin-office": [{ "members_of": "Berlin Office" }] },
    }))
    .unwrap();
    for (kind, name, severity, message) in [
        (Kind::Person, "anna", None, ""),
        (Kind::Person, "Anna Berg", None, ""),
        (Kind::Person, "x@contoso.example", None, ""),
        (
            Kind::Person,
            "ana",
            Some(Severity::Warning),
            "no alias of directory.yaml",
        ),
        (
            Kind::Person,
            "on-call",
            Some(Severity::Warning),
            "taken for a name in Teams",
        ),
        (Kind::Person, "berlin-office", Some(Severity::Error), "is an audience"),
        (Kind::People, "berlin-office", None, ""),
        (Kind::People, "berlin-ofice", Some(Severity::Warning), "no alias"),
        (Kind::Channel, "releases", None, ""),
        (Kind::Channel, "Platform / Releases", None, ""),
        (Kind::Channel, "Platform", None, ""),
        (Kind::Channel, "release", Some(Severity::Warning), "no alias"),
        (Kind::Channel, "alarms", Some(Severity::Warning), "taken for a team"),
        (Kind::Channel, "finance-room", Some(Severity::Error), "is a group chat"),
        (
            Kind::Channel,
            "https://contoso.example",
            Some(Severity::Error),
            "does not lead to Teams",
        ),
        (Kind::Group, "Lunch plans", None, ""),
        (Kind::Group, "finance-rom", Some(Severity::Warning), "no alias"),
        (Kind::MembersOf, "Berlin Office", None, ""),
        (Kind::MembersOf, "releases", Some(Severity::Error), "is a channel"),
        (Kind::ChannelsOf, "Platform", None, ""),
        (Kind::ChannelsOf, "releases", Some(Severity::Error), "is a channel"),
        (
            Kind::ChannelsOf,
            "finance-room",
            Some(Severity::Error),
            "has no channels",
        ),
    ] {
        let doubt = book.doubt(kind, name);
        assert_eq!(
            doubt.as_ref().map(|fault| fault.severity),
            severity,
            "{kind:?} {name}: {doubt:?}"
        );
        if let Some(fault) = doubt {
            assert!(fault.message.contains(message), "{name}: {}", fault.message);
        }
    }
}

#[test]
fn doubts_and_shared_names_inside_audiences_are_warnings() {
    let (_, warnings) = compile(json!({
        "people": { "anna": "anna.berg@contoso.example", "office": "office@contoso.example" },
        "audiences": { "office": [{ "person": "anna" }, { "people": ["anna", "ana"] }] },
    }))
    .unwrap();
    let told: Vec<String> = warnings
        .iter()
        .map(|fault| format!("{}: {}", place(fault), fault.message))
        .collect();
    assert_eq!(
        told,
        [
            "audiences > office: `office` is a person too; `people: office` means this audience",
            "audiences > office > 1 > people > 1: `ana` is no alias of directory.yaml; it is looked for in Teams under this name",
        ]
    );
}

#[test]
fn people_are_dressed_with_what_the_workspace_knows() {
    let (book, _) = compile(json!({
        "people": {
            "omar": { "email": "omar@contoso.example", "time_zone": "Asia/Dubai", "language": "ar" },
            "zoe": { "id": "6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "name": "Zoe Fox" },
            "mona": { "name": "Mona Berg", "time_zone": "Europe/Oslo" },
        }
    }))
    .unwrap();
    let reached = |person: Person| Reached {
        recipient: Recipient {
            address: Address::Person {
                tenant_id: "t".to_owned(),
                id: "x".to_owned(),
            },
            name: person.name.clone().unwrap_or_else(|| "written".to_owned()),
        },
        person: Some(Arc::new(person)),
        mentions: Vec::new(),
        tenant_id: None,
        thread: None,
        life: Arc::default(),
        choices: None,
    };
    let some = |text: &str| Some(text.to_owned());
    let mut audience = Audience {
        reached: vec![
            reached(Person {
                user_principal_name: some("Omar@contoso.example"),
                name: some("Omar Haddad"),
                time_zone: some("Europe/Berlin"),
                ..Person::default()
            }),
            reached(Person {
                aad_object_id: some("6F1B2C3D-4E5F-4A6B-8C7D-9E0F1A2B3C4D"),
                ..Person::default()
            }),
            reached(Person {
                name: some("mona berg"),
                ..Person::default()
            }),
            reached(Person {
                name: some("Stranger"),
                locale: some("de-DE"),
                ..Person::default()
            }),
        ],
        ..Audience::default()
    };
    book.dress(&mut audience);
    let told: Vec<_> = audience
        .reached
        .iter()
        .map(|reached| {
            let person = reached.person.as_ref().unwrap();
            let shown = |text: &Option<String>| text.clone().unwrap_or_default();
            (
                reached.recipient.name.clone(),
                shown(&person.name),
                shown(&person.time_zone),
                shown(&person.locale),
            )
        })
        .collect();
    let expected = [
        ("Omar Haddad", "Omar Haddad", "Asia/Dubai", "ar"),
        ("Zoe Fox", "Zoe Fox", "", ""),
        ("mona berg", "mona berg", "Europe/Oslo", ""),
        ("Stranger", "Stranger", "", "de-DE"),
    ];
    assert_eq!(
        told,
        expected.map(|(a, b, c, d)| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned()))
    );
}

#[test]
fn whoever_is_on_call_stands_behind_the_name_of_a_rotation() {
    let (book, warnings) = compile(json!({
        "people": { "anna": "anna.berg@contoso.example", "omar": "omar@contoso.example" },
        "rotations": { "On-Call": { "people": ["anna", "omar"], "hand_over": "Monday 09:00", "starts": "2026-01-05" } },
    }))
    .unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let at = |text: &str| text.parse().unwrap();
    let who = |name: &str, text: &str| {
        let duty = book.duty(name).expect("a rotation");
        duty.turn(at(text)).map(|turn| turn.person.to_owned())
    };
    assert_eq!(who("on-call", "2026-01-06T00:00:00Z"), Ok("anna".to_owned()));
    assert_eq!(who("ON-CALL.next", "2026-01-06T00:00:00Z"), Ok("omar".to_owned()));
    let early = who("on-call", "2026-01-01T00:00:00Z").unwrap_err();
    assert!(early.contains("begins on 2026-01-05 09:00"), "{early}");
    assert!(book.duty("anna").is_none() && book.duty("on-call.last").is_none());
    assert!(book.doubt(Kind::Person, "on-call.next").is_none());
    let shown = book.on_call().in_scope(at("2026-01-06T00:00:00Z"));
    assert_eq!(shown["On-Call"]["email"], "anna.berg@contoso.example");
    assert_eq!(shown["On-Call"]["next"]["name"], "omar");
}

#[test]
fn a_rotation_has_a_name_of_its_own_and_people_who_are_known() {
    let turns = json!({ "people": ["anna", "omer"], "hand_over": "daily 09:00" });
    let people = json!({ "anna": "anna.berg@contoso.example", "omar": "omar@contoso.example" });
    let (_, warnings) = compile(json!({ "people": people, "rotations": { "on-call": turns } })).unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(place(&warnings[0]), "rotations > on-call > people > 1");
    let faults = compile(json!({ "people": people, "rotations": { "anna": turns } })).unwrap_err();
    assert_eq!(
        (place(&faults[0]).as_str(), faults[0].code),
        ("rotations > anna", "directory::twice")
    );
}
