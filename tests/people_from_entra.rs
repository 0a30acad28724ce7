//! What Graph says of people: fields for `where`, and zone and language of those whose Teams tells neither.

use chrono::Duration;
use herald::audience::{Found, Lookup, PersonRef};
use herald::delivery::State;
use herald::event::EventId;
use herald::roster::Person;
use herald::sandbox::{Operation, Script};
use serde_json::{Value, json};

use crate::support::cli::run;
use crate::support::engine::{Engine, PATIENCE, Workspace, texts};

const OLENA: &str = "olena.shevchenko@contoso.example";
/// Everybody of the team who is in sales: Omar alone, as the sandbox's Entra has it.
const SALES: &str = "when: { hook: ci }\nnotify: [{ members_of: Platform, where: { department: Sales } }]\ncard: { message: \"{{event.text}}\" }\n";

fn workspace(graph: &str, rule: &str) -> Workspace {
    Workspace::new()
        .settings(&format!("graph: {graph}\n"))
        .rule("tell", rule)
}

async fn post(engine: &Engine, body: &Value) -> Value {
    let (status, answer) = engine.post("/hooks/ci", body).await;
    assert_eq!(status, 202, "{answer}");
    answer
}

/// What is known of somebody, once it is what is wanted.
async fn known(engine: &Engine, address: &str, wanted: impl Fn(&Person) -> bool) -> Person {
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let lookup = Lookup::Person(PersonRef::Email(address.to_owned()));
        let found = engine.server().stores().directory.look_up(&lookup).await;
        if let Found::People(people) = found.expect("the directory can be read")
            && let Some(person) = people.into_iter().find(|person| wanted(person))
        {
            return person;
        }
        assert!(tokio::time::Instant::now() < ends, "{address} is not known so");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The story of an event, once the rule waits for nothing more.
async fn story(engine: &Engine, answer: &Value) -> String {
    let event = answer["event"].as_str().expect("an event");
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, why) = engine.get(&format!("/admin/v1/events/{event}")).await;
        let waits = engine.server().stores().outbox.held_of(&EventId::known(event)).await;
        if waits.expect("the outbox can be read").is_empty() {
            return why.to_string();
        }
        assert!(tokio::time::Instant::now() < ends, "{why}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn people_are_chosen_by_the_department_that_entra_knows_and_asked_about_once() {
    let engine = workspace("{ profiles: true }", SALES).start().await;
    engine.known(&["Platform"]).await;
    let answer = post(&engine, &json!({ "text": "first" })).await;
    engine.messages(1).await;
    assert_eq!(engine.teams.received_in("Omar Haddad").len(), 1);
    let story = story(&engine, &answer).await;
    assert!(story.contains("`where` leaves out 6 people"), "{story}");
    assert!(story.contains("Anna Berg: department is Platform"), "{story}");
    let asked = engine.teams.count(Operation::Profiles);
    assert!(asked >= 1);
    for text in ["second", "third"] {
        post(&engine, &json!({ "text": text })).await;
    }
    engine.messages(3).await;
    assert_eq!(
        engine.teams.count(Operation::Profiles),
        asked,
        "what is known is not asked for again"
    );
    assert_eq!(engine.teams.received_in("Omar Haddad").len(), 3);
}

#[tokio::test]
async fn what_directory_yaml_says_of_somebody_stands_before_entra() {
    let engine = workspace("{ profiles: true }", SALES)
        .file(
            "directory.yaml",
            "people:\n  anna: { email: anna.berg@contoso.example, fields: { department: Sales } }\n  \
             omar: { email: omar.haddad@contoso.example, fields: { department: Canteen } }\n",
        )
        .start()
        .await;
    engine.known(&["Platform"]).await;
    post(&engine, &json!({ "text": "first" })).await;
    engine.messages(1).await;
    assert_eq!(engine.teams.received_in("Anna Berg").len(), 1);
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 1);
}

#[tokio::test]
async fn without_the_permission_nobody_is_told_and_the_story_says_what_to_grant() {
    let engine = workspace("{ profiles: true }", SALES)
        .start_with(|teams| teams.grant(&["User.ReadBasic.All"]))
        .await;
    engine.known(&["Platform"]).await;
    let answer = post(&engine, &json!({ "text": "first" })).await;
    let told = story(&engine, &answer).await;
    assert!(told.contains("of 7 of them `department` is not known"), "{told}");
    assert!(told.contains("User.Read.All"), "{told}");
    let asked = engine.teams.count(Operation::Profiles);
    let answer = post(&engine, &json!({ "text": "second" })).await;
    assert!(story(&engine, &answer).await.contains("User.Read.All"));
    assert_eq!(
        engine.teams.count(Operation::Profiles),
        asked,
        "a refusal is remembered"
    );
}

#[tokio::test]
async fn a_card_waits_while_graph_is_down_and_goes_to_whom_it_is_for_afterwards() {
    let engine = workspace("{ profiles: true }", SALES).start().await;
    engine.known(&["Platform"]).await;
    engine
        .teams
        .answer_next(Script::status(503).on(Operation::Profiles).always());
    let answer = post(&engine, &json!({ "text": "patience" })).await;
    let waited = engine.teams.wait_for_calls(Operation::Profiles, 1, PATIENCE).await;
    waited.unwrap_or_else(|missed| panic!("{missed}"));
    assert_eq!(answer["waiting"], json!(["tell"]));
    engine.teams.forget_scripts();
    engine.messages(1).await;
    assert_eq!(engine.teams.received_in("Omar Haddad").len(), 1);
}

#[tokio::test]
async fn somebody_who_is_looked_up_comes_with_fields_if_these_may_be_read() {
    let tell = "when: { hook: ci }\nnotify: [{ people: \"{{event.to}}\" }]\ncard: { message: hello }\n";
    let engine = workspace("{ look_up: true, profiles: true }", tell).start().await;
    post(&engine, &json!({ "to": OLENA })).await;
    let olena = known(&engine, OLENA, |person| person.entra.is_some()).await;
    let entra = olena.entra.expect("looked at");
    assert_eq!(entra.department.as_deref(), Some("Sales"));
    assert_eq!(entra.office.as_deref(), Some("Kyiv"));
    assert_eq!(engine.teams.count(Operation::FindPerson), 1);

    let engine = workspace("{ look_up: true, profiles: true }", tell)
        .start_with(|teams| teams.grant(&["User.ReadBasic.All"]))
        .await;
    post(&engine, &json!({ "to": OLENA })).await;
    let olena = known(&engine, OLENA, |person| person.name.is_some()).await;
    assert_eq!(olena.entra, None, "who she is may be known without the rest");
}

#[tokio::test]
async fn whose_teams_tells_no_zone_is_left_alone_by_the_clock_of_the_mailbox() {
    let tell = "when: { hook: ci }\nnotify: [{ person: omar.haddad@contoso.example }]\ncard: { message: \"{{event.text}}\" }\n";
    let engine = workspace("{ time_zones: true }\nquiet_hours: \"22:00-07:00\"", tell)
        .clock_at("2026-03-02T12:00:00Z")
        .start()
        .await;
    // He is in the team, and never wrote to the bot.
    engine.known(&["Platform"]).await;
    post(&engine, &json!({ "text": "by day" })).await;
    let omar = known(&engine, "omar.haddad@contoso.example", |person| {
        person.mailbox.is_some()
    })
    .await;
    assert_eq!(omar.time_zone, None, "Teams did not tell");
    let mailbox = omar.mailbox.expect("looked at");
    assert_eq!(
        mailbox.time_zone.as_deref(),
        Some("Asia/Dubai"),
        "Outlook says Arabian Standard Time"
    );
    engine.settled().await;
    let asked = engine.teams.count(Operation::Profiles);
    let hand = engine.hand.as_ref().expect("a manual clock");
    hand.advance(Duration::hours(7));
    post(&engine, &json!({ "text": "late in Dubai" })).await;
    let all = engine
        .until("one waits", |all| all.iter().any(|one| one.state == State::Pending))
        .await;
    let waits = all.iter().find(|one| one.state == State::Pending).expect("one");
    let reason = waits.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("Asia/Dubai"), "{reason}");
    assert_eq!(engine.teams.count(Operation::Profiles), asked);
}

#[tokio::test]
async fn the_mailbox_tells_the_language_of_whoever_never_wrote_to_the_bot() {
    let tell = "when: { hook: ci }\nnotify: [{ person: omar.haddad@contoso.example }]\n\
                card: { message: \"{{recipient.locale}}/{{recipient.time_zone}}\" }\n";
    let engine = workspace("{ time_zones: true }", tell).start().await;
    engine.known(&["Platform"]).await;
    post(&engine, &json!({})).await;
    known(&engine, "omar.haddad@contoso.example", |person| {
        person.mailbox.is_some()
    })
    .await;
    post(&engine, &json!({})).await;
    let received = engine.messages(2).await;
    assert!(
        received
            .iter()
            .any(|one| texts(&one.activity).contains("ar-AE/Asia/Dubai")),
        "{received:#?}"
    );
}

#[test]
fn check_says_that_entra_could_be_asked_for_a_field_that_nobody_has() {
    let with = |graph: &str| {
        let settings = format!("graph: {graph}\nhooks:\n  ci: {{ signature: none, anyone_can_post: true }}\n");
        let workspace = workspace(graph, SALES).file("herald.yaml", &settings);
        let said = run(workspace.path(), &["check"]);
        format!("{}{}", said.out, said.err)
    };
    let told = with("{ look_up: true }");
    assert!(told.contains("graph: { profiles: true }"), "{told}");
    let told = with("{ profiles: true }");
    assert!(!told.contains("department"), "{told}");
}
