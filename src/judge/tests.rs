//! An audience as large as a rule may have, from the roster to the plan.

use std::collections::{BTreeMap, HashSet};

use chrono_tz::Tz;

use super::*;
use crate::audience::{Found, Known, Lookup, PlaceRef, chosen, resolve};
use crate::choice::{Choices, PersonKey};
use crate::event::EventId;
use crate::limit::Windows;
use crate::opt_out;
use crate::plan::plan;
use crate::roster::{Person, Roster, Team};
use crate::workspace::{self, SourceFile, Sources, Workspace};

const TEAM: &str = "19:all@thread.tacv2";
const RULE: &str = "when: { hook: ci }\nnotify: [{ members_of: All }]\nexcept: [{ person: boss }]\ntopic: news\n\
                    card: { message: \"{{event.text}}\" }\n";

fn now() -> DateTime<Utc> {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn workspace() -> Workspace {
    let file = |path: &str, text: &str| SourceFile {
        path: path.to_owned(),
        bytes: Ok(text.as_bytes().to_vec()),
    };
    let sources = Sources {
        files: vec![
            file("directory.yaml", "people: { boss: p50@contoso.example }\n"),
            file(
                "herald.yaml",
                "hooks:\n  ci: { path: ci, signature: none, anyone_can_post: true }\ntopics: { news: { title: News } }\n",
            ),
            file("rules/news.yaml", RULE),
        ],
        ..Sources::default()
    };
    let compiled = workspace::compile(&sources, None);
    assert!(!compiled.has_errors(), "{:#?}", compiled.diagnostics);
    compiled.workspace
}

fn person(number: usize) -> Person {
    Person {
        tenant_id: "t".to_owned(),
        aad_object_id: Some(format!("00000000-0000-4000-8000-{number:012}")),
        account_id: Some(format!("29:{number}")),
        email: Some(format!("p{number}@contoso.example")),
        name: Some(format!("Person {number}")),
        ..Person::default()
    }
}

/// The directory's answers about a team of so many.
fn answer(lookup: &Lookup, members: usize) -> Found {
    match lookup {
        Lookup::Team(PlaceRef::Name(_)) => Found::Teams(vec![Team {
            id: TEAM.to_owned(),
            tenant_id: "t".to_owned(),
            name: Some("All".to_owned()),
            aad_group_id: None,
            service_url: "https://smba.trafficmanager.net/emea/".to_owned(),
            bot_id: "28:bot".to_owned(),
            selected_channel: None,
            installed_by: None,
            archived: false,
            channels: Vec::new(),
            channels_fetched_at: Some(now()),
            first_seen: now(),
            last_seen: now(),
        }]),
        Lookup::Roster(_) => Found::Roster(Some(Roster {
            id: TEAM.to_owned(),
            members: (0..members).map(person).collect(),
            fetched_at: now(),
            stale: false,
        })),
        Lookup::Person(_) => Found::People(vec![person(50)]),
        Lookup::Team(PlaceRef::Id(_))
        | Lookup::GroupChat(_)
        | Lookup::Conversation(_)
        | Lookup::PersonalChat(_)
        | Lookup::Everyone => Found::GroupChats(Vec::new()),
    }
}

fn found(wanted: &[Wanted], members: usize) -> Audience {
    let mut known = Known::in_tenant(Some("t"));
    loop {
        match resolve(wanted, &known, now()) {
            Ok(audience) => return audience,
            Err(lookups) => {
                for lookup in lookups {
                    let found = answer(&lookup, members);
                    known.add(lookup, found);
                }
            }
        }
    }
}

#[test]
fn of_a_hundred_thousand_all_are_told_but_those_who_stopped_it_and_those_excepted() {
    let workspace = workspace();
    let rule = &workspace.ruleset.rules[0];
    let event = Event {
        id: EventId::derived(&["many"]),
        origin: Origin::Hook {
            hook: "ci".to_owned(),
            event_type: None,
        },
        occurred_at: now(),
        data: serde_json::json!({ "text": "hello" }),
        request: Value::Null,
        here: None,
        thread: None,
        item: None,
        sender: None,
    };
    let scope = scope(&event, rule, Tz::UTC, now());
    let named = named(rule, &scope, &workspace.book, &event);
    let mut told = found(&named.told, Audience::MOST_REACHED);
    assert_eq!(told.reached.len(), Audience::MOST_REACHED);
    // Every third of them stopped something: the rule, its topic, everything, or a topic that this is not.
    let mut choices: BTreeMap<PersonKey, Choices> = BTreeMap::new();
    let stops = [
        opt_out::rule_key("news"),
        opt_out::topic_key("news"),
        opt_out::ALL.to_owned(),
        opt_out::topic_key("other"),
    ];
    for number in (0..Audience::MOST_REACHED).step_by(3) {
        let mut chose = Choices::default();
        chose.stop(&stops[number / 3 % 4], now());
        choices.insert(PersonKey::of(&person(number)).unwrap(), chose);
    }
    for some in told.reached.chunks_mut(7_000) {
        chosen(some, &choices);
    }
    let except = found(&named.excepted, 0);
    let told = settle(
        rule,
        &event,
        told,
        Audience::default(),
        &except,
        &workspace.book,
        Tz::UTC,
    );
    let gets = |number: &usize| *number != 50 && (!number.is_multiple_of(3) || number / 3 % 4 == 3);
    let expected = (0..Audience::MOST_REACHED).filter(gets);
    let names = told.reached.iter().map(|reached| reached.recipient.name.as_str());
    assert!(names.eq(expected.map(|number| format!("Person {number}"))));
    assert_eq!(told.stopped.len(), Audience::MOST_REACHED - told.reached.len() - 1);
    let keys: HashSet<String> = told
        .reached
        .iter()
        .map(|reached| reached.recipient.address.key())
        .collect();
    assert_eq!(keys.len(), told.reached.len(), "nobody is told twice");

    let part = Audience {
        reached: told.reached[..1_000].to_vec(),
        ..Audience::default()
    };
    let plan = plan(rule, &event, scope, &part, &Windows::default(), "r", now());
    assert_eq!((plan.deliveries.len(), plan.cards.len()), (1_000, 1));
}

#[test]
fn what_is_held_of_each_recipient_is_little() {
    let each = size_of::<crate::audience::Reached>();
    assert!(each <= 176, "{each} bytes, a hundred thousand times over");
    let wanted = |count| {
        vec![
            Wanted {
                written: "all".to_owned(),
                want: crate::audience::Want::MembersOf(PlaceRef::Name("All".to_owned())),
                mention: Vec::new(),
                by: crate::audience::By::Chat,
                thread: None,
                only: Vec::new(),
            };
            count
        ]
    };
    // Named twice, they are there once, and with no more room than they need.
    let audience = found(&wanted(2), 3_000);
    assert_eq!((audience.reached.len(), audience.reached.capacity()), (3_000, 3_000));
    let lives = audience.reached.iter().map(|reached| Arc::as_ptr(&reached.life));
    assert_eq!(
        lives.collect::<HashSet<_>>().len(),
        1,
        "nothing is known of any of them"
    );
    assert!(
        audience.reached.iter().all(|reached| reached
            .person
            .as_ref()
            .is_some_and(|person| Arc::strong_count(person) == 1)),
        "the answers that lent them are gone"
    );
}
