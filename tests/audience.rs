//! Whom a rule reaches: names of `directory.yaml`, what Teams told, and an event.

use herald::audience::{Audience, without};
use herald::book::Book;
use herald::book::file::BookFile;
use herald::card::template::Partials;
use herald::card::text::Warnings;
use herald::event::{Event, EventId, Origin, Sender};
use herald::roster::{ConversationId, Fact, Person};
use herald::rule::target::Target;
use herald::store::Directory;
use serde_json::{Value, json};

use crate::support::store::{
    ALERTS, GROUP, OnSled, Opened, Place, TEAM, TENANT, account, at, channel, group_chat, person, personal_chat,
    roster, team,
};

const DIRECTORY: &str = r#"
people:
  anna: anna.mail@contoso.example
  omar: { email: omar@contoso.example, time_zone: Asia/Dubai, language: ar }
channels:
  alerts: { team: Platform, channel: Alerts }
groups:
  lunch: { link: "https://teams.microsoft.com/l/chat/19:4b7d0e2f9a6c4c1d8e3f5a7b9c0d1e2f@thread.v2/conversations" }
audiences:
  berlin: [{ members_of: Platform }, { person: omar }, { channel: alerts, mention: anna }]
"#;

struct World {
    book: Book,
    store: Opened,
    event: Event,
    _place: OnSled,
}

impl World {
    async fn with(facts: Vec<Fact>) -> World {
        let document = herald::yaml::parse("directory.yaml", DIRECTORY)
            .document
            .expect("the directory is YAML");
        let file: BookFile = serde_json::from_value(document.value).expect("the directory has its shape");
        let (book, _) = Book::compile(&file, &Partials::none()).expect("the directory compiles");
        let place = OnSled::new();
        let store = place.open();
        store.directory.learn(&facts).await.expect("learn");
        let event = Event {
            id: EventId::derived(&["audience"]),
            origin: Origin::Hook {
                hook: "test".to_owned(),
                event_type: None,
            },
            occurred_at: at(0),
            data: json!({
                "author": { "email": "omar@contoso.example" },
                "reviewers": ["anna.mail@contoso.example", "zoe.mail@contoso.example", "stranger@contoso.example"],
                "team": "Platform",
            }),
            request: Value::Null,
            here: Some(ConversationId::new(GROUP)),
            thread: None,
            item: None,
            sender: Some(Sender {
                tenant_id: TENANT.to_owned(),
                aad_object_id: None,
                account_id: Some("29:1zoe".to_owned()),
                name: None,
            }),
        };
        World {
            book,
            store,
            event,
            _place: place,
        }
    }

    async fn audience(&self, targets: Value) -> Audience {
        let scope = json!({ "event": self.event.data });
        let mut seen = Warnings::new();
        let mut wanted = Vec::new();
        for target in targets.as_array().expect("a list of targets") {
            let target = Target::compile(target, &Partials::none()).expect("the target compiles");
            wanted.extend(target.wanted(&scope, &self.book, &self.event, &mut seen));
        }
        let directory: &dyn Directory = &*self.store.directory;
        let mut audience = directory
            .audience(&wanted, Some(TENANT), at(0))
            .await
            .expect("the store answers");
        self.book.dress(&mut audience);
        audience
    }

    async fn told(&self, targets: Value) -> Vec<String> {
        self.audience(targets)
            .await
            .reached
            .into_iter()
            .map(|reached| reached.recipient.name)
            .collect()
    }
}

fn platform() -> Vec<Fact> {
    let mut platform = team(TEAM, "Platform", at(0));
    platform.channels = vec![channel(ALERTS, "Alerts")];
    vec![
        Fact::TeamSeen(platform),
        Fact::ConversationSeen(group_chat(GROUP, "Lunch plans", at(0))),
        Fact::ConversationSeen(personal_chat("a:zoe", person("Zoe Fox"), at(0))),
        Fact::PersonSeen(person("Omar Haddad")),
    ]
}

fn with_roster(members: Vec<Person>) -> Vec<Fact> {
    let mut facts = platform();
    facts.push(Fact::RosterFetched(roster(TEAM, members, at(-60))));
    facts
}

#[tokio::test]
async fn everybody_named_gets_one_card_however_many_lines_name_them() {
    let world = World::with(with_roster(vec![person("Anna Berg"), person("Zoe Fox")])).await;
    let targets = json!([
        { "people": "berlin" },
        { "members_of": "Platform" },
        { "person": "{{event.author.email}}" },
        { "people": "{{event.reviewers}}" },
        { "channel": "{{event.team}} / alerts", "mention": "omar" },
        { "group": "lunch" },
        { "here": true },
        { "sender": true },
    ]);
    let audience = world.audience(targets).await;
    let names: Vec<&str> = audience
        .reached
        .iter()
        .map(|reached| reached.recipient.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "Anna Berg",
            "Zoe Fox",
            "Omar Haddad",
            "Platform / Alerts",
            "Lunch plans"
        ]
    );
    let mentioned: Vec<&str> = audience.reached[3]
        .mentions
        .iter()
        .map(|mention| mention.name.as_str())
        .collect();
    assert_eq!(mentioned, ["Anna Berg", "Omar Haddad"]);
    let omar = audience.reached[2].person.as_ref().expect("a person");
    assert_eq!(
        (omar.time_zone.as_deref(), omar.locale.as_deref()),
        (Some("Asia/Dubai"), Some("ar"))
    );
    let unreachable: Vec<&str> = audience.unreachable.iter().map(|one| one.written.as_str()).collect();
    assert_eq!(
        unreachable,
        ["people: stranger@contoso.example (from {{event.reviewers}})"]
    );
}

#[tokio::test]
async fn whoever_is_excepted_is_not_told() {
    let world = World::with(with_roster(vec![person("Anna Berg"), person("Zoe Fox")])).await;
    let told = world
        .audience(json!([{ "members_of": "Platform" }, { "channel": "alerts" }]))
        .await;
    let except = world.audience(json!([{ "sender": true }, { "person": "omar" }])).await;
    let rest = without(told, &except);
    let names: Vec<&str> = rest
        .reached
        .iter()
        .map(|reached| reached.recipient.name.as_str())
        .collect();
    assert_eq!(names, ["Anna Berg", "Platform / Alerts"]);
}

#[tokio::test]
async fn members_wait_for_their_roster_and_others_do_not() {
    let world = World::with(platform()).await;
    let audience = world
        .audience(json!([{ "members_of": "Platform" }, { "channel": "alerts" }]))
        .await;
    assert_eq!(audience.rosters_needed, [TEAM]);
    assert_eq!(audience.reached.len(), 1);
}

#[tokio::test]
async fn someone_who_left_is_not_told_even_before_the_roster_is_fetched_again() {
    let world = World::with(with_roster(vec![person("Anna Berg"), person("Zoe Fox")])).await;
    assert_eq!(
        world.told(json!([{ "members_of": "Platform" }])).await,
        ["Anna Berg", "Zoe Fox"]
    );
    let left = Fact::RosterChanged {
        id: TEAM.to_owned(),
        left: vec!["29:1zoe".to_owned()],
    };
    world.store.directory.learn(&[left]).await.expect("learn");
    let audience = world.audience(json!([{ "members_of": "Platform" }])).await;
    assert_eq!((audience.reached.len(), audience.rosters_needed.len()), (0, 1));
    let fetched = Fact::RosterFetched(roster(TEAM, vec![person("Anna Berg")], at(0)));
    world.store.directory.learn(&[fetched]).await.expect("learn");
    assert_eq!(world.told(json!([{ "members_of": "Platform" }])).await, ["Anna Berg"]);
}

#[tokio::test]
async fn a_guest_is_told_and_an_anonymous_visitor_is_not() {
    let guest = Person {
        role: Some("guest".to_owned()),
        ..person("Gus Guest")
    };
    let visitor = Person {
        role: Some("anonymous".to_owned()),
        aad_object_id: None,
        ..account("Vis Visitor")
    };
    let world = World::with(with_roster(vec![guest, visitor])).await;
    let audience = world.audience(json!([{ "members_of": "Platform" }])).await;
    assert_eq!(audience.reached.len(), 1);
    assert_eq!(audience.reached[0].recipient.name, "Gus Guest");
    assert_eq!(audience.unreachable.len(), 1);
    assert!(
        audience.unreachable[0].reason.contains("anonymous"),
        "{:?}",
        audience.unreachable
    );
}

#[tokio::test]
async fn a_channel_is_reached_under_its_new_name_and_not_once_it_is_deleted() {
    let world = World::with(platform()).await;
    let renamed = Fact::ChannelSeen {
        team_id: TEAM.to_owned(),
        channel: channel(ALERTS, "Alarms"),
    };
    world.store.directory.learn(&[renamed]).await.expect("learn");
    assert_eq!(
        world.told(json!([{ "channel": "Platform / Alarms" }])).await,
        ["Platform / Alarms"]
    );
    let audience = world.audience(json!([{ "channel": "alerts" }])).await;
    assert!(
        audience.unreachable[0].reason.contains("did you mean Alarms?"),
        "{:?}",
        audience.unreachable
    );

    let deleted = Fact::ChannelGone {
        team_id: TEAM.to_owned(),
        channel_id: ALERTS.to_owned(),
    };
    world.store.directory.learn(&[deleted]).await.expect("learn");
    let audience = world.audience(json!([{ "channel": "Platform / Alarms" }])).await;
    assert!(
        audience.unreachable[0].reason.contains("was deleted"),
        "{:?}",
        audience.unreachable
    );
}

#[tokio::test]
async fn a_team_that_removed_the_bot_is_named_as_the_reason() {
    let world = World::with(platform()).await;
    let gone = Fact::TeamGone { id: TEAM.to_owned() };
    world.store.directory.learn(&[gone]).await.expect("learn");
    let audience = world
        .audience(json!([{ "channel": "alerts" }, { "person": "omar" }]))
        .await;
    assert_eq!(audience.reached.len(), 1);
    let reason = &audience.unreachable[0].reason;
    assert_eq!(reason, "Herald knows no team called Platform: install the app in it");
    assert!(audience.unreachable[0].unknown);
}

#[tokio::test]
async fn somebody_only_known_by_entra_id_is_tried_in_the_bots_tenant() {
    let world = World::with(Vec::new()).await;
    let id = "c7b0c7de-3a63-4f0b-8f0e-6d2f4b1a9e02";
    let audience = world.audience(json!([{ "person": id }])).await;
    assert_eq!(
        audience.reached[0].recipient.address.key(),
        format!("person:{TENANT}:{id}")
    );
}
