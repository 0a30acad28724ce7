//! People who never met the bot: found by mail address or Entra id, given the app, and written to.

use chrono::Duration;
use herald::delivery::State;
use herald::sandbox::{Operation, Script};
use herald::store::outbox::RunFilter;
use serde_json::{Value, json};

use crate::support::cli::run;
use crate::support::engine::{Engine, PATIENCE, Workspace, texts};
use crate::support::stub::{Said, Stub};

const APP: &str = "0d7f3f7e-6c0b-4a7e-8f57-2f1c1f6f9b11";
const OLENA: &str = "olena.shevchenko@contoso.example";
const TELL: &str =
    "when: { hook: ci }\nnotify: [{ people: \"{{event.to}}\" }]\ncard: { title: \"{{event.title}}\" }\n";

/// A workspace with a rule that tells whom its event names, and what Graph may be asked.
fn workspace(graph: &str) -> Workspace {
    Workspace::new()
        .settings(&format!("graph: {graph}\n"))
        .rule("tell", TELL)
}

fn everything() -> Workspace {
    workspace(&format!("{{ look_up: true, install: true, app: {APP} }}"))
}

async fn tell(engine: &Engine, to: &[&str], title: &str) -> Value {
    let (status, answer) = engine.post("/hooks/ci", &json!({ "to": to, "title": title })).await;
    assert_eq!(status, 202, "{answer}");
    answer
}

/// Why the one delivery that there is did not arrive.
async fn only_reason(engine: &Engine) -> String {
    let all = engine.settled().await;
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(all[0].state, State::Dead);
    all[0].reason.clone().expect("a reason")
}

#[tokio::test]
async fn somebody_who_never_met_the_bot_is_looked_up_given_the_app_and_written_to() {
    let engine = everything().start().await;
    tell(&engine, &[OLENA], "Welcome").await;
    engine.messages(1).await;
    let arrived = engine.teams.received_in("Олена Шевченко");
    assert_eq!(arrived.len(), 1);
    assert!(texts(&arrived[0].activity).contains("Welcome"));
    let all = engine.settled().await;
    assert_eq!(all[0].state, State::Delivered);
    assert_eq!(all[0].recipient.name, "Олена Шевченко", "as Graph calls her");
    let asked: Vec<Operation> = engine.teams.calls().into_iter().map(|call| call.operation).collect();
    let order = [
        Operation::FindPerson,
        Operation::CreateConversation,
        Operation::SeeInstalled,
        Operation::FindApp,
        Operation::InstallApp,
        Operation::Send,
    ];
    let mut places = order
        .map(|one| asked.iter().position(|operation| *operation == one))
        .into_iter();
    let places: Option<Vec<usize>> = places.by_ref().collect();
    let places = places.unwrap_or_else(|| panic!("{asked:?}"));
    assert!(places.is_sorted(), "{asked:?}");

    // Whoever is known now is not looked up again.
    tell(&engine, &[OLENA], "Again").await;
    engine.messages(2).await;
    assert_eq!(engine.teams.count(Operation::FindPerson), 1);
    assert_eq!(engine.teams.count(Operation::InstallApp), 1);
}

#[tokio::test]
async fn somebody_who_removed_the_app_is_not_given_it_again_until_they_have_it_again() {
    let mut engine = everything().start().await;
    tell(&engine, &[OLENA], "Welcome").await;
    engine.messages(1).await;
    engine.settled().await;
    engine.teams.uninstall("Олена Шевченко").await.expect("told");
    // It is their decision, and outlives a restart.
    engine.stop().await;
    engine.start_server().await;
    tell(&engine, &[OLENA], "Back again?").await;
    let all = engine
        .until("it is given up", |all| all.iter().any(|one| one.state == State::Dead))
        .await;
    let dead = all.iter().find(|one| one.state == State::Dead).expect("one");
    let reason = dead.reason.as_deref().expect("a reason");
    assert!(
        reason.contains("removed the app on") && reason.contains("install it themselves"),
        "{reason}"
    );
    assert_eq!(engine.teams.count(Operation::InstallApp), 1);

    engine.teams.install_personal("Олена Шевченко").await.expect("told");
    tell(&engine, &[OLENA], "Nice to see you").await;
    engine.messages(2).await;
    assert_eq!(engine.teams.count(Operation::InstallApp), 1);
}

#[tokio::test]
async fn a_person_is_given_the_app_by_the_entra_id_alone() {
    let engine = workspace(&format!("{{ install: true, app: {APP} }}")).start().await;
    let id = engine.teams.member("Олена Шевченко").expect("known")["aadObjectId"].clone();
    tell(&engine, &[id.as_str().expect("an id")], "Welcome").await;
    engine.messages(1).await;
    assert_eq!(engine.teams.received_in("Олена Шевченко").len(), 1);
    assert_eq!(engine.teams.count(Operation::FindPerson), 0);
}

#[tokio::test]
async fn a_guest_is_found_by_the_mail_address_that_is_no_sign_in_name() {
    let engine = workspace("{ look_up: true }").start().await;
    // Grace is in the team, which the connector tells with the sign-in name alone.
    engine.known(&["Platform"]).await;
    tell(&engine, &["grace.mensah@fabrikam.example"], "Hello").await;
    engine.messages(1).await;
    assert_eq!(engine.teams.received_in("Grace Mensah (Guest)").len(), 1);
}

#[tokio::test]
async fn whoever_nobody_knows_is_told_step_by_step_and_asked_for_once() {
    let engine = everything().start().await;
    let answer = tell(&engine, &["nobody@contoso.example"], "Hello").await;
    let told = engine.skipped(&answer).await;
    assert_eq!(told.len(), 1);
    for part in [
        "install",
        "in a team or chat they are in",
        "Microsoft Graph knows nobody",
    ] {
        assert!(told[0].contains(part), "{told:?}");
    }
    let asked = engine.teams.count(Operation::FindPerson);
    for round in 0..5 {
        let answer = tell(&engine, &["nobody@contoso.example"], &round.to_string()).await;
        assert!(engine.skipped(&answer).await[0].contains("Microsoft Graph knows nobody"));
    }
    assert_eq!(engine.teams.count(Operation::FindPerson), asked, "a miss is remembered");
}

#[tokio::test]
async fn without_the_setting_graph_is_not_asked_and_the_reason_says_how_it_would_be() {
    let engine = workspace("{ look_up: false }").start().await;
    let answer = tell(&engine, &[OLENA], "Hello").await;
    let told = engine.skipped(&answer).await;
    assert!(told[0].contains("`graph: { look_up: true }`"), "{told:?}");
    assert_eq!(engine.teams.count(Operation::FindPerson), 0);
}

#[tokio::test]
async fn a_missing_permission_is_named_in_the_reason() {
    let engine = everything().start_with(|teams| teams.grant(&[])).await;
    let answer = tell(&engine, &[OLENA], "Hello").await;
    let told = engine.skipped(&answer).await;
    assert!(told[0].contains("User.ReadBasic.All (or User.Read.All)"), "{told:?}");
    let (_, metrics) = engine.get("/metrics").await;
    let metrics = metrics.as_str().expect("a text").to_owned();
    assert!(
        metrics.contains("herald_graph_answers_total{kind=\"denied\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn an_installation_without_permission_is_told_with_what_an_administrator_must_grant() {
    let granted = [
        "User.ReadBasic.All",
        "AppCatalog.Read.All",
        "TeamsAppInstallation.ReadForUser.All",
    ];
    let engine = everything().start_with(|teams| teams.grant(&granted)).await;
    tell(&engine, &[OLENA], "Hello").await;
    let reason = only_reason(&engine).await;
    for part in ["not installed", "TeamsAppInstallation.ReadWriteSelfForUser.All"] {
        assert!(reason.contains(part), "{reason}");
    }
    // The next card does not ask again, and says the same.
    let asked = engine.teams.count(Operation::SeeInstalled);
    tell(&engine, &[OLENA], "Once more").await;
    let all = engine.settled().await;
    assert!(all.iter().all(|one| {
        let reason = one.reason.as_deref().unwrap_or_default();
        one.state == State::Dead && reason.contains("TeamsAppInstallation")
    }));
    assert_eq!(engine.teams.count(Operation::SeeInstalled), asked);
}

#[tokio::test]
async fn an_app_that_is_not_in_the_catalogue_is_told() {
    let engine = everything().start_with(|teams| teams.set_in_catalogue(false)).await;
    tell(&engine, &[OLENA], "Hello").await;
    let reason = only_reason(&engine).await;
    assert!(reason.contains("upload the app") && reason.contains(APP), "{reason}");
}

#[tokio::test]
async fn without_leave_to_install_nobody_is_given_the_app() {
    let engine = workspace("{ look_up: true }").start().await;
    tell(&engine, &[OLENA], "Hello").await;
    let reason = only_reason(&engine).await;
    assert!(reason.contains("not installed"), "{reason}");
    assert_eq!(engine.teams.count(Operation::InstallApp), 0);
}

#[tokio::test]
async fn an_app_that_is_installed_already_is_fine() {
    let engine = everything().start().await;
    // Graph does not list it yet, and says at the installation that it is there.
    let nothing = Script::status(200)
        .body(&json!({"value": []}))
        .on(Operation::SeeInstalled);
    engine.teams.answer_next(nothing);
    engine
        .teams
        .answer_next(Script::status(409).on(Operation::InstallApp).although_done());
    tell(&engine, &[OLENA], "Hello").await;
    engine.messages(1).await;
    assert_eq!(engine.settled().await[0].state, State::Delivered);
}

#[tokio::test]
async fn a_chat_that_teams_never_told_of_is_the_one_that_graph_names() {
    let engine = everything()
        .clock_at("2026-03-02T12:00:00Z")
        .start_with(|teams| {
            teams.set_silent_installs(true);
            teams.answer_next(Script::status(403).on(Operation::CreateConversation).always());
        })
        .await;
    tell(&engine, &[OLENA], "Hello").await;
    let hand = engine.hand.as_ref().expect("a manual clock");
    let ends = tokio::time::Instant::now() + PATIENCE;
    while engine.teams.received().is_empty() {
        assert!(tokio::time::Instant::now() < ends, "{:#?}", engine.deliveries().await);
        hand.advance(Duration::seconds(1));
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(engine.teams.received_in("Олена Шевченко").len(), 1);
    assert_eq!(engine.teams.count(Operation::FindChat), 1);
}

#[tokio::test]
async fn what_waits_for_graph_outlives_a_restart() {
    let mut engine = everything().start().await;
    engine
        .teams
        .answer_next(Script::status(503).on(Operation::FindPerson).always());
    let answer = tell(&engine, &[OLENA], "Patience").await;
    assert_eq!(answer["waiting"], json!(["tell"]));
    let waited = engine.teams.wait_for_calls(Operation::FindPerson, 1, PATIENCE).await;
    waited.unwrap_or_else(|missed| panic!("{missed}"));
    engine.stop().await;
    engine.teams.forget_scripts();
    engine.start_server().await;
    engine.messages(1).await;
    assert_eq!(engine.teams.received_in("Олена Шевченко").len(), 1);
}

#[tokio::test]
async fn those_whom_graph_knows_do_not_wait_for_the_one_it_cannot_tell_of_now() {
    let engine = everything().start().await;
    let upset = Script::status(503)
        .on(Operation::FindPerson)
        .in_conversation("hana.sato@contoso.example");
    engine.teams.answer_next(upset.always());
    tell(&engine, &[OLENA, "hana.sato@contoso.example"], "Hello").await;
    engine.messages(1).await;
    assert_eq!(engine.teams.received_in("Олена Шевченко").len(), 1);
    engine.teams.forget_scripts();
    engine.messages(2).await;
    assert_eq!(engine.teams.received_in("佐藤 花").len(), 1);
}

#[tokio::test]
async fn each_member_of_a_group_of_entra_is_told_and_the_groups_id_does_as_well() {
    let id = everything()
        .start()
        .await
        .teams
        .entra_group_id("On-call engineers")
        .expect("a group");
    for group in ["on-call engineers", &id] {
        let rule =
            format!("when: {{ hook: ci }}\nnotify: [{{ entra_group: {group} }}]\ncard: {{ title: Wake up }}\n");
        let engine = everything()
            .rule("wake", &rule)
            .rule(
                "tell",
                "when: { cron: \"@yearly\" }\nnotify: [{ people: anna@contoso.example }]\n",
            )
            .start()
            .await;
        engine.known(&["Platform", "Omar Haddad"]).await;
        tell(&engine, &[], "").await;
        engine.messages(3).await;
        for name in ["Omar Haddad", "Siobhán O'Connor", "Олена Шевченко"] {
            assert_eq!(engine.teams.received_in(name).len(), 1, "{name}");
        }
    }
}

/// A rule that tells a group but waits for somebody to approve it.
fn guarded(group: &str) -> Workspace {
    let rule = format!(
        "when: {{ hook: ci }}\nnotify: [{{ entra_group: {group} }}]\ncard: {{ title: All }}\nsend: {{ needs_approval_above: 1 }}\n"
    );
    workspace("{ look_up: true }").rule("tell", &rule)
}

#[tokio::test]
async fn a_group_of_thousands_is_listed_page_by_page() {
    let engine = guarded("Berlin Office")
        .start_with(|teams| teams.fill_silently("Berlin Office", 2_500).expect("a team"))
        .await;
    tell(&engine, &[], "").await;
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        let runs = engine
            .server()
            .stores()
            .outbox
            .runs(&RunFilter::default(), None, 10)
            .await;
        let runs = runs.expect("the outbox can be read");
        if runs.iter().any(|run| run.complete && run.expected == 2_504) {
            break;
        }
        assert!(tokio::time::Instant::now() < ends, "not all are taken in: {runs:#?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(engine.teams.count(Operation::GroupMembers), 3);
    assert_eq!(engine.teams.count(Operation::CreateConversation), 0);
}

#[tokio::test]
async fn a_page_that_leads_to_another_host_is_not_followed() {
    let stranger = Stub::start(|_, _| Said::json(200, &json!({"value": []}))).await;
    let engine = guarded("Berlin Office").start().await;
    let page = json!({"value": [], "@odata.nextLink": stranger.url("/graph/v1.0/groups/x")});
    engine
        .teams
        .answer_next(Script::status(200).body(&page).on(Operation::GroupMembers));
    let answer = tell(&engine, &[], "").await;
    let told = engine.skipped(&answer).await;
    assert!(told[0].contains("another host"), "{told:?}");
    assert_eq!(stranger.asked().len(), 0, "the stranger was shown nothing");
}

#[tokio::test]
async fn an_unknown_group_and_one_that_may_not_be_read_are_told() {
    let engine = guarded("Nobody's group").start().await;
    let answer = tell(&engine, &[], "").await;
    assert!(engine.skipped(&answer).await[0].contains("knows no such group"));

    let engine = guarded("Berlin Office")
        .start_with(|teams| teams.grant(&["User.ReadBasic.All"]))
        .await;
    let answer = tell(&engine, &[], "").await;
    let told = engine.skipped(&answer).await;
    assert!(told[0].contains("GroupMember.Read.All"), "{told:?}");
}

#[tokio::test]
async fn while_graph_is_down_a_group_is_told_as_it_was_known_and_its_age_is_said() {
    let engine = guarded("Berlin Office").clock_at("2026-03-02T12:00:00Z").start().await;
    tell(&engine, &[], "first").await;
    engine.until("the group is taken in", |all| all.len() == 4).await;
    let hand = engine.hand.as_ref().expect("a manual clock");
    hand.advance(Duration::hours(5));
    engine
        .teams
        .answer_next(Script::status(503).on(Operation::FindGroup).always());
    let answer = tell(&engine, &[], "second").await;
    engine.until("the group is told again", |all| all.len() == 8).await;
    let event = answer["event"].as_str().expect("an event");
    let (_, why) = engine.get(&format!("/admin/v1/events/{event}")).await;
    let why = why.to_string();
    assert!(
        why.contains("5 hours old") && why.contains("could not be renewed"),
        "{why}"
    );
}

#[tokio::test]
async fn a_throttled_look_up_is_tried_again() {
    let engine = everything().start().await;
    engine
        .teams
        .answer_next(Script::throttled().retry_after(1).on(Operation::FindPerson));
    tell(&engine, &[OLENA], "Hello").await;
    engine.messages(1).await;
}

#[tokio::test]
async fn a_token_that_graph_refuses_is_replaced() {
    let engine = everything().start().await;
    tell(&engine, &[OLENA], "Hello").await;
    engine.messages(1).await;
    engine.teams.expire_tokens();
    tell(&engine, &["hana.sato@contoso.example"], "Hello").await;
    engine.messages(2).await;
}

#[test]
fn a_test_of_the_rule_says_who_is_in_a_group_and_whose_feed_is_told() {
    let rule = r#"
when: { hook: ci }
notify:
  - entra_group: On-call engineers
  - activity_feed: anna@contoso.example
card: { title: "{{event.title}}" }
feed: { text: "{{event.title}}", topic: Deploys, link: "https://teams.microsoft.com/l/entity/x/deploys" }
tests:
  - name: the group and the feed
    given: samples/ci/first.json
    members: { On-call engineers: [omar@contoso.example, hana@contoso.example] }
    expect:
      sent_to: [omar@contoso.example, hana@contoso.example, anna@contoso.example]
      card_shows: [Wake up]
  - name: nobody says who is in it
    given: samples/ci/first.json
    expect: { sent_to: [omar@contoso.example, { activity_feed: anna@contoso.example }] }
"#;
    let workspace = workspace("{ look_up: true }")
        .rule("tell", rule)
        .file("samples/ci/first.json", r#"{ "title": "Wake up" }"#)
        .file(
            "herald.yaml",
            "graph: { look_up: true }\nhooks:\n  ci: { signature: none, anyone_can_post: true }\n",
        );
    let said = run(workspace.path(), &["test"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let told = format!("{}{}", said.out, said.err);
    assert!(
        told.contains("the test does not say who is in on-call engineers"),
        "{told}"
    );
    assert!(told.contains("1 passed"), "{told}");
}
