use proptest::prelude::*;
use serde_json::{Value, json};

use super::{MOST_NAMED, address, channel, group, members_of, person};
use crate::audience::{PersonRef, PlaceRef, Want, Wanted};
use crate::book::Book;
use crate::book::file::BookFile;
use crate::card::template::Partials;
use crate::card::text::Warnings;
use crate::event::{Event, EventId, Origin, Sender};
use crate::roster::ConversationId;
use crate::rule::target::Target;

const GUID: &str = "c7b0c7de-3a63-4f0b-8f0e-6d2f4b1a9e02";
const CHANNEL: &str = "19:Rel3kP5wN8yVbM2rX6tC9zL4h@thread.tacv2";
const CHAT: &str = "19:f1aa5f08a3054a2c8f0e2b7d54c07a10@thread.v2";

fn book() -> Book {
    let file = json!({
        "people": {
            "anna": "anna.berg@contoso.example",
            "omar": { "email": "Omar.Haddad@contoso.example", "id": GUID, "time_zone": "Asia/Dubai", "language": "ar" },
            "mona": { "name": "Mona Berg" },
        },
        "channels": {
            "releases": { "team": "Platform", "channel": "Releases" },
            "ops": { "team": "A / B" },
            "pasted": { "link": format!("https://teams.microsoft.com/l/channel/{CHANNEL}/Releases?groupId={GUID}") },
        },
        "groups": {
            "finance-room": { "link": format!("https://teams.microsoft.com/l/chat/{CHAT}/conversations") },
            "lunch": "Lunch plans",
        },
        "audiences": {
            "berlin-office": [{ "members_of": "Berlin Office" }, { "person": "anna" }],
            "everybody": [{ "people": "berlin-office" }, { "channel": "releases", "mention": "omar" }, { "people": ["mona"] }],
            "loud": [{ "channel": "releases", "mention": "loud" }],
            "holes": [{ "person": "{{event.author.email}}" }],
        },
    });
    let file: BookFile = serde_json::from_value(file).unwrap();
    Book::compile(&file, &Partials::none()).unwrap().0
}

fn event(data: Value) -> Event {
    Event {
        id: EventId::derived(&["x"]),
        origin: Origin::Hook {
            hook: "h".to_owned(),
            event_type: None,
        },
        occurred_at: chrono::DateTime::UNIX_EPOCH,
        data,
        request: Value::Null,
        here: None,
        thread: None,
        item: None,
        sender: None,
    }
}

fn wanted_of(target: Value, event: &Event) -> (Vec<Wanted>, Vec<String>) {
    let mut seen = Warnings::new();
    let target = Target::compile(&target, &Partials::none()).unwrap();
    let scope = json!({ "event": event.data });
    let wanted = target.wanted(&scope, &book(), event, &mut seen);
    (wanted, seen.into_vec())
}

fn told(target: Value, data: Value) -> Vec<String> {
    let (wanted, _) = wanted_of(target, &event(data));
    wanted
        .iter()
        .map(|wanted| format!("{} = {}", wanted.written, in_short(&wanted.want)))
        .collect()
}

fn in_short(want: &Want) -> String {
    let place = |place: &PlaceRef| match place {
        PlaceRef::Id(id) => format!("#{id}"),
        PlaceRef::Name(name) => name.clone(),
    };
    match want {
        Want::Person(PersonRef::AadObjectId(id)) => format!("id {id}"),
        Want::Person(PersonRef::AccountId(id)) => format!("account {id}"),
        Want::Person(PersonRef::Email(address)) => address.clone(),
        Want::Person(PersonRef::Name(name)) => format!("name {name}"),
        Want::GroupChat(chat) => format!("chat {}", place(chat)),
        Want::ChannelPath(path) => format!("path {path}"),
        Want::Channel { team, channel } => {
            format!(
                "channel {}:{}",
                place(team),
                channel.as_ref().map(place).unwrap_or_default()
            )
        }
        Want::Conversation(id) => format!("conversation {id}"),
        Want::MembersOf(of) => format!("members of {}", place(of)),
        Want::ChannelsOf(of) => format!("channels of {}", place(of)),
        Want::Everyone => "everyone".to_owned(),
        Want::EntraGroup(of) => format!("entra group {}", place(of)),
        Want::Webhook { name, kind } => format!("webhook {name} ({kind:?})"),
        Want::Nobody(reason) => format!("nobody: {reason}"),
    }
}

#[test]
fn a_person_is_an_alias_an_id_an_address_a_name_or_a_link() {
    for (name, expected) in [
        ("anna", "anna.berg@contoso.example".to_owned()),
        (" Anna ", "anna.berg@contoso.example".to_owned()),
        ("omar", format!("id {GUID}")),
        ("mona", "name Mona Berg".to_owned()),
        ("C7B0C7DE-3A63-4F0B-8F0E-6D2F4B1A9E02", format!("id {GUID}")),
        ("29:1pQ8vZr0", "account 29:1pQ8vZr0".to_owned()),
        ("Zoe.Fox@Contoso.example", "zoe.fox@contoso.example".to_owned()),
        (
            "Zoe Fox <zoe.fox@contoso.example>",
            "zoe.fox@contoso.example".to_owned(),
        ),
        ("mailto:zoe.fox@contoso.example", "zoe.fox@contoso.example".to_owned()),
        ("Zoë Fox", "name Zoë Fox".to_owned()),
        ("张伟", "name 张伟".to_owned()),
        (
            "https://teams.microsoft.com/l/chat/0/0?users=zoe@contoso.example",
            "zoe@contoso.example".to_owned(),
        ),
    ] {
        assert_eq!(in_short(&person(name, &book()).unwrap()), expected, "{name}");
    }
    for (name, reason) in [
        ("berlin-office", "`people: berlin-office`"),
        (CHANNEL, "id of a channel"),
        ("@contoso.example", "no mail address"),
        ("zoe@", "no mail address"),
        ("", "no name here"),
        ("https://contoso.example", "does not lead to Teams"),
        (
            "https://teams.microsoft.com/l/chat/0/0?users=a@b.example,c@b.example",
            "names 2 people",
        ),
    ] {
        let told = person(name, &book()).unwrap_err();
        assert!(told.contains(reason), "{name}: {told}");
    }
}

#[test]
fn a_place_is_an_alias_a_path_an_id_or_a_link() {
    let link = format!("https://teams.microsoft.com/l/team/{CHANNEL}/conversations?groupId={GUID}");
    for (name, expected) in [
        ("releases", "channel Platform:Releases".to_owned()),
        ("ops", "channel A / B:".to_owned()),
        ("pasted", format!("channel #{GUID}:#{CHANNEL}")),
        ("Platform / Releases", "path Platform / Releases".to_owned()),
        ("Platform", "path Platform".to_owned()),
        ("C/C++", "path C/C++".to_owned()),
        (CHANNEL, format!("channel #{CHANNEL}:#{CHANNEL}")),
        (&link, format!("channel #{CHANNEL}:")),
    ] {
        assert_eq!(in_short(&channel(name, &book()).unwrap()), expected, "{name}");
    }
    for (name, reason) in [
        ("finance-room", "`group: finance-room`"),
        ("Platform / ", "a name is missing"),
        (" / Releases", "a name is missing"),
        ("", "a name is missing"),
        (CHAT, "id of a group chat"),
    ] {
        let told = channel(name, &book()).unwrap_err();
        assert!(told.contains(reason), "{name}: {told}");
    }

    assert_eq!(group("finance-room", &book()), Ok(PlaceRef::Id(CHAT.to_owned())));
    assert_eq!(group("lunch", &book()), Ok(PlaceRef::Name("Lunch plans".to_owned())));
    assert_eq!(
        group("Release crew", &book()),
        Ok(PlaceRef::Name("Release crew".to_owned()))
    );
    assert!(group("releases", &book()).unwrap_err().contains("`channel: releases`"));
    assert!(group(&link, &book()).unwrap_err().contains("link of a team"));

    assert_eq!(members_of(&link, &book()), Ok(PlaceRef::Id(CHANNEL.to_owned())));
    assert_eq!(members_of("finance-room", &book()), Ok(PlaceRef::Id(CHAT.to_owned())));
    assert_eq!(
        members_of(&GUID.to_uppercase(), &book()),
        Ok(PlaceRef::Id(GUID.to_owned()))
    );
    assert!(members_of("releases", &book()).unwrap_err().contains("its team"));
}

#[test]
fn holes_are_filled_from_the_event() {
    let data = json!({
        "author": { "email": "Zoe@contoso.example", "name": "Zoe" },
        "team": "Platform",
        "assignees": ["anna", "zoe@contoso.example", null, { "login": "x", "email": "bo@contoso.example" }],
        "mixed": "a@b.example; c@b.example,\n",
        "none": [],
        "logins": [{ "login": "x" }],
        "blank": "  ",
        "flag": true,
        "number": 7,
    });
    for (target, expected) in [
        (
            json!({"person": "{{event.author.email}}"}),
            vec!["person: Zoe@contoso.example (from {{event.author.email}}) = zoe@contoso.example"],
        ),
        (
            json!({"person": "{{event.author}}"}),
            vec!["person: Zoe@contoso.example (from {{event.author}}) = zoe@contoso.example"],
        ),
        (
            json!({"people": "{{event.assignees}}"}),
            vec![
                "people: anna (from {{event.assignees}}) = anna.berg@contoso.example",
                "people: zoe@contoso.example (from {{event.assignees}}) = zoe@contoso.example",
                "people: bo@contoso.example (from {{event.assignees}}) = bo@contoso.example",
            ],
        ),
        (
            json!({"people": ["{{event.mixed}}", "mona"]}),
            vec![
                "people: a@b.example (from {{event.mixed}}) = a@b.example",
                "people: c@b.example (from {{event.mixed}}) = c@b.example",
                "people: mona = name Mona Berg",
            ],
        ),
        (
            json!({"channel": "{{event.team}} / Releases"}),
            vec!["channel: Platform / Releases (from {{event.team}} / Releases) = path Platform / Releases"],
        ),
        (
            json!({"channel": "{{event.team}} / {{event.gone}}"}),
            vec![
                "channel: Platform / (from {{event.team}} / {{event.gone}}) = nobody: a name is missing in `Platform /`",
            ],
        ),
        (
            json!({"person": "{{event.gone}}"}),
            vec!["person: {{event.gone}} = nobody: {{event.gone}} came to nothing"],
        ),
        (
            json!({"person": "{{event.blank}}"}),
            vec!["person: {{event.blank}} = nobody: {{event.blank}} came to nothing"],
        ),
        (
            json!({"person": "{{event.gone}}@contoso.example"}),
            vec![
                "person: @contoso.example (from {{event.gone}}@contoso.example) = nobody: `@contoso.example` is no mail address",
            ],
        ),
        (
            json!({"people": "{{event.none}}"}),
            vec!["people: {{event.none}} = nobody: {{event.none}} came to an empty list"],
        ),
        (
            json!({"people": "{{event.logins}}"}),
            vec![
                "people: {{event.logins}} = nobody: {{event.logins}} came to a group of fields without an `email`; name the field with the address",
            ],
        ),
        (
            json!({"person": "{{event.assignees}}"}),
            vec![
                "person: {{event.assignees}} = nobody: {{event.assignees}} came to a list of 4; several people go under `people:`",
            ],
        ),
        (
            json!({"person": "{{event.flag}}"}),
            vec!["person: {{event.flag}} = nobody: {{event.flag}} came to true or false, not a name"],
        ),
        (
            json!({"person": "{{event.number}}"}),
            vec!["person: 7 (from {{event.number}}) = name 7"],
        ),
    ] {
        assert_eq!(told(target.clone(), data.clone()), expected, "{target}");
    }
    let (_, seen) = wanted_of(json!({"people": "{{event.assignees}}"}), &event(data.clone()));
    assert_eq!(seen, ["some entries of {{event.assignees}} name nobody"]);
    let (_, seen) = wanted_of(json!({"person": "{{event.gone}}"}), &event(data));
    assert_eq!(seen.len(), 1);
}

#[test]
fn audiences_are_taken_apart() {
    assert_eq!(
        told(json!({"people": "everybody"}), Value::Null),
        [
            "people: everybody: people: berlin-office: members_of: Berlin Office = members of Berlin Office",
            "people: everybody: people: berlin-office: person: anna = anna.berg@contoso.example",
            "people: everybody: channel: releases = channel Platform:Releases",
            "people: everybody: people: mona = name Mona Berg",
        ]
    );
    let (wanted, _) = wanted_of(json!({"people": "everybody"}), &event(Value::Null));
    assert_eq!(
        wanted[2].mention,
        [Want::Person(PersonRef::AadObjectId(GUID.to_owned()))]
    );
    assert!(wanted[1].mention.is_empty());
    assert_eq!(
        told(
            json!({"people": "holes"}),
            json!({"author": {"email": "zoe@contoso.example"}})
        ),
        ["people: holes: person: zoe@contoso.example (from {{event.author.email}}) = zoe@contoso.example"]
    );
}

#[test]
fn mentions_are_people_and_end() {
    let mentioned = |target: Value| -> Vec<String> {
        wanted_of(target, &event(json!({"by": "zoe@contoso.example"}))).0[0]
            .mention
            .iter()
            .map(in_short)
            .collect()
    };
    assert_eq!(
        mentioned(
            json!({"channel": "releases", "mention": ["anna", "{{event.by}}", "{{event.gone}}", "berlin-office"]})
        ),
        [
            "anna.berg@contoso.example",
            "zoe@contoso.example",
            "nobody: {{event.gone}} came to nothing",
            "members of Berlin Office",
            "anna.berg@contoso.example",
        ]
    );
    assert_eq!(
        mentioned(json!({"here": true, "mention": "loud"})),
        ["channel Platform:Releases"]
    );
    assert_eq!(
        mentioned(json!({"channel": "releases", "mention": vec!["anna"; 500]})).len(),
        100
    );
}

#[test]
fn here_and_sender_are_those_of_the_event() {
    let mut event = event(Value::Null);
    let nobody = |target: Value, event: &Event| in_short(&wanted_of(target, event).0[0].want);
    assert!(nobody(json!({"here": true}), &event).contains("does not come from a conversation"));
    assert!(nobody(json!({"sender": true}), &event).contains("does not say who"));
    event.here = Some(ConversationId::new(CHAT));
    let mut sender = Sender {
        tenant_id: "t".to_owned(),
        aad_object_id: None,
        account_id: Some("29:x".to_owned()),
        name: None,
    };
    event.sender = Some(sender.clone());
    assert_eq!(nobody(json!({"here": true}), &event), format!("conversation {CHAT}"));
    assert_eq!(nobody(json!({"sender": true}), &event), "account 29:x");
    sender.aad_object_id = Some(GUID.to_uppercase());
    event.sender = Some(sender);
    assert_eq!(nobody(json!({"sender": true}), &event), format!("id {GUID}"));
}

#[test]
fn an_event_cannot_name_people_without_end() {
    let many: Vec<String> = (0..MOST_NAMED + 50).map(|n| format!("p{n}@contoso.example")).collect();
    let target = json!({"people": ["{{event.people}}", "anna", "mona"]});
    let (wanted, seen) = wanted_of(target, &event(json!({ "people": many })));
    assert!(
        seen.iter()
            .any(|sentence| sentence.contains("the first 100000 are told")),
        "{seen:?}"
    );
    assert_eq!(wanted.len(), MOST_NAMED + 1);
    assert_eq!(
        in_short(&wanted[MOST_NAMED].want),
        "nobody: one target names at most 100000 recipients"
    );
}

#[test]
fn a_name_as_long_as_a_book_is_looked_for_nowhere() {
    let long = "x".repeat(1_000_000);
    for key in ["person", "people", "group", "channel", "members_of"] {
        let told = told(json!({ key: "{{event.x}}" }), json!({ "x": long }));
        assert_eq!(told.len(), 1);
        assert!(
            told[0].contains("at most 512 bytes") && told[0].len() < 1_000,
            "{}",
            told[0]
        );
    }
    let (wanted, _) = wanted_of(
        json!({"here": true, "mention": "{{event.x}}"}),
        &event(json!({ "x": long })),
    );
    assert!(in_short(&wanted[0].mention[0]).contains("at most 512 bytes"));
}

#[test]
fn an_address_is_recognised() {
    for (text, found) in [
        ("a@b", Some("a@b")),
        ("Müller@contoso.example", Some("müller@contoso.example")),
        (
            "guest_fabrikam.example#EXT#@contoso.onmicrosoft.example",
            Some("guest_fabrikam.example#ext#@contoso.onmicrosoft.example"),
        ),
        ("Anna <A@b.example>", Some("a@b.example")),
        ("a@b@c", None),
        ("a b@c", None),
        ("a@b, c@d", None),
        ("<a@b", None),
        ("{{event.x}}@b", None),
        ("@", None),
    ] {
        assert_eq!(address(text).as_deref(), found, "{text}");
    }
}

proptest! {
    #[test]
    fn any_name_means_something_or_nothing(name in "\\PC{0,30}|(https://teams\\.microsoft\\.com/l/|19:|29:|@|/| ){0,4}[a-z@ /]{0,10}") {
        let book = book();
        let _ = (person(&name, &book), channel(&name, &book), group(&name, &book), members_of(&name, &book));
    }

    #[test]
    fn whatever_an_event_brings_a_target_names_somebody_or_says_why(text in "\\PC{0,20}", number in any::<f64>()) {
        for data in [json!({"x": text}), json!({"x": [text, number, [text]]}), json!({"x": {"email": text}})] {
            for key in ["person", "people", "group", "channel", "members_of"] {
                let told = told(json!({ key: "{{event.x}}" }), data.clone());
                prop_assert!(!told.is_empty(), "{}", key);
            }
        }
    }
}
