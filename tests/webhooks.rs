//! Webhooks of channels as targets: what arrives there, what counts as a yes, what is never done.

use herald::delivery::{Address, State};
use herald::sandbox::{Limits, Operation, Script};
use herald::webhook::Kind;
use serde_json::{Value, json};

use crate::support::cli::run;
use crate::support::engine::{Engine, Workspace, texts};
use crate::support::stub::{Said, Stub};

const HERE: &str = "send: { private_webhook_hosts: [\"127.0.0.1\"] }\n";
const RULE: &str = "when: { hook: ci }\nnotify: [{ webhook: ops }]\n\
                    card: { title: \"Build {{event.number}}\", text: \"{{default event.text \\\"done\\\"}}\" }\n";

fn workspace(directory: &str) -> Workspace {
    Workspace::new()
        .rule("build", RULE)
        .file("directory.yaml", directory)
        .settings(HERE)
}

async fn build(engine: &Engine, number: u64) {
    let (status, answer) = engine.post("/hooks/ci", &json!({ "number": number })).await;
    assert_eq!(status, 202, "{answer}");
}

#[tokio::test]
async fn a_card_goes_through_a_flow_and_through_a_connector() {
    for (directory, kind) in [
        ("webhooks: { ops: OPS_URL }\n", Kind::Workflow),
        ("webhooks: { ops: { url: OPS_URL, kind: incoming } }\n", Kind::Incoming),
    ] {
        let engine = workspace(directory).start().await;
        build(&engine, 7).await;
        let all = engine.settled().await;
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!(all[0].state, State::Delivered, "{all:#?}");
        assert_eq!(all[0].recipient.name, "webhook ops");
        let name = "ops".to_owned();
        assert_eq!(all[0].recipient.address, Address::Webhook { name, kind });
        let received = engine.teams.received_in("Webhooks / ops");
        assert_eq!(received.len(), 1);
        assert!(texts(&received[0].activity).contains("Build 7"));
        let kept = serde_json::to_string(&all).expect("JSON");
        assert!(!kept.contains("sig="), "{kept}");
    }
}

#[tokio::test]
async fn a_success_that_speaks_of_too_many_requests_is_tried_again() {
    let engine = workspace("webhooks: { ops: { url: OPS_URL, kind: incoming } }\n")
        .start()
        .await;
    let busy = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x.";
    engine
        .teams
        .answer_next(Script::status(200).text_body("text/plain", busy).on(Operation::Webhook));
    build(&engine, 1).await;
    let all = engine.settled().await;
    assert_eq!(all[0].state, State::Delivered, "{all:#?}");
    assert_eq!(all[0].attempt_count, 2);
    assert_eq!(engine.teams.received_in("Webhooks / ops").len(), 1);
}

#[tokio::test]
async fn a_flow_that_is_busy_is_left_alone_for_as_long_as_it_says() {
    let engine = workspace("webhooks: { ops: OPS_URL }\n").start().await;
    engine
        .teams
        .answer_next(Script::status(429).retry_after(1).on(Operation::Webhook));
    build(&engine, 1).await;
    build(&engine, 2).await;
    engine.settled().await;
    let received = engine.teams.received_in("Webhooks / ops");
    let words: Vec<String> = received.iter().map(|one| texts(&one.activity)).collect();
    assert_eq!(words.len(), 2);
    assert!(
        words[0].contains("Build 1") && words[1].contains("Build 2"),
        "{words:?}"
    );
    let calls = engine.teams.calls();
    let calls: Vec<_> = calls
        .iter()
        .filter(|call| call.operation == Operation::Webhook)
        .collect();
    assert!(
        calls[1].at - calls[0].at >= chrono::Duration::milliseconds(950),
        "{calls:#?}"
    );
}

#[tokio::test]
async fn a_connector_is_never_asked_faster_than_it_allows() {
    let engine = workspace("webhooks: { ops: { url: OPS_URL, kind: incoming } }\n")
        .start()
        .await;
    engine.teams.set_limits(Limits::Real);
    for number in 1..=9 {
        build(&engine, number).await;
    }
    let all = engine.settled().await;
    assert!(
        all.iter()
            .all(|one| one.state == State::Delivered && one.attempt_count == 1),
        "{all:#?}"
    );
    assert_eq!(engine.teams.count(Operation::Webhook), 9);
}

#[tokio::test]
async fn a_card_that_a_webhook_does_not_take_is_given_up_with_the_reason_and_without_the_address() {
    let engine = workspace("webhooks: { ops: OPS_URL }\n").start().await;
    engine.teams.answer_next(Script::status(404).on(Operation::Webhook));
    build(&engine, 1).await;
    let all = engine.settled().await;
    assert_eq!(all[0].state, State::Dead);
    let reason = all[0].reason.clone().expect("a reason");
    assert!(reason.contains("no such webhook any more"), "{reason}");
    assert!(!reason.contains("http"), "{reason}");
}

#[tokio::test]
async fn nothing_but_the_message_is_sent_and_nobody_is_followed() {
    let elsewhere = Stub::always(200).await;
    let there = elsewhere.url("/stolen");
    let webhook = Stub::start(move |_, _| Said::text(307, "").header("location", there.clone())).await;
    let engine = workspace("webhooks: { ops: OPS_URL }\n")
        .secret("OPS_URL", &webhook.url("/hook?sig=SECRET"))
        .start()
        .await;
    engine.installed(&["Platform"]).await;
    build(&engine, 1).await;
    let all = engine.settled().await;
    assert_eq!(all[0].state, State::Dead, "{all:#?}");
    let reason = all[0].reason.clone().expect("a reason");
    assert!(
        reason.contains("does not follow") && !reason.contains("SECRET"),
        "{reason}"
    );
    assert!(elsewhere.asked().is_empty());
    let asked = webhook.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("authorization"), None);
    assert_eq!(asked[0].header("content-type"), Some("application/json"));
    assert_eq!(asked[0].query, "sig=SECRET");
    let sent = asked[0].json();
    assert_eq!(sent["type"], "message");
    let attachment = &sent["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(attachment["contentUrl"], Value::Null);
    assert_eq!(attachment["content"]["type"], "AdaptiveCard");
}

#[tokio::test]
async fn a_webhook_in_a_private_network_is_not_called_unless_the_settings_name_it() {
    let inside = Stub::always(202).await;
    let tls = inside.url("/hook").replace("http://", "https://");
    for address in [tls.clone(), tls.replace("127.0.0.1", "localhost"), inside.url("/hook")] {
        let engine = Workspace::new()
            .rule("build", RULE)
            .file("directory.yaml", "webhooks: { ops: OPS_URL }\n")
            .secret("OPS_URL", &address)
            .start()
            .await;
        build(&engine, 1).await;
        let all = engine.settled().await;
        assert_eq!(all[0].state, State::Dead, "{all:#?}");
        let reason = all[0].reason.clone().expect("a reason");
        let told = reason.contains("private_webhook_hosts") || reason.contains("`https://`");
        assert!(told, "{reason}");
    }
    assert!(inside.asked().is_empty());
}

#[tokio::test]
async fn a_card_waits_while_the_secret_of_its_webhook_is_missing() {
    let engine = workspace("webhooks: { ops: OPS_URL }\n")
        .secret("OPS_URL", "")
        .start()
        .await;
    build(&engine, 1).await;
    let all = engine
        .until("the card was tried", |all| all.iter().any(|one| one.attempt_count > 0))
        .await;
    assert_eq!(all[0].state, State::Pending);
    let reason = all[0].reason.clone().expect("a reason");
    assert!(reason.contains("OPS_URL"), "{reason}");
}

#[tokio::test]
async fn buttons_that_answer_and_too_many_facts_are_left_out_and_the_record_says_so() {
    let template = "type: AdaptiveCard\nversion: \"1.5\"\nbody:\n  - { type: TextBlock, text: \"{{event.title}}\", wrap: true }\n  \
                    - type: FactSet\n    facts: [{ $data: \"{{event.checks}}\", title: \"{{name}}\", value: \"{{state}}\" }]\n\
                    actions:\n  - { type: Action.Execute, title: Acknowledge, verb: ack }\n  \
                    - { type: Action.OpenUrl, title: Open, url: \"https://a.example/\" }\n";
    let engine = Workspace::new()
        .rule(
            "build",
            "when: { hook: ci }\nnotify: [{ webhook: ops }]\ncard: checks\n",
        )
        .file("templates/checks.yaml", template)
        .file("directory.yaml", "webhooks: { ops: OPS_URL }\n")
        .settings(HERE)
        .start()
        .await;
    let checks: Vec<Value> = (0..900)
        .map(|n| json!({ "name": format!("check {n}"), "state": "a state that takes some room in a card" }))
        .collect();
    let (_, answer) = engine
        .post("/hooks/ci", &json!({ "title": "Build 1", "checks": checks }))
        .await;
    engine.settled().await;
    let received = engine.teams.received_in("Webhooks / ops");
    let card = &received[0].activity["attachments"][0]["content"];
    assert_eq!(card["actions"].as_array().map(Vec::len), Some(1), "{card}");
    assert!(received[0].activity.to_string().len() <= 28 * 1024);
    let warnings = answer["rules"][0]["warnings"].to_string();
    assert!(
        warnings.contains("buttons that answer to Herald") && warnings.contains("28 KB"),
        "{warnings}"
    );
}

#[tokio::test]
async fn somebody_is_mentioned_through_a_webhook_by_mail_address_or_entra_id() {
    let engine = Workspace::new()
        .rule(
            "build",
            "when: { hook: ci }\nnotify: [{ webhook: ops, mention: [anna, omar.haddad@contoso.example] }]\ncard: { title: Build }\n",
        )
        .file("directory.yaml", "people: { anna: anna.berg@contoso.example }\nwebhooks: { ops: OPS_URL }\n")
        .settings(HERE)
        .start()
        .await;
    engine.known(&["Platform"]).await;
    let member = engine.teams.member("Anna Berg").expect("she is there");
    build(&engine, 1).await;
    engine.settled().await;
    let received = engine.teams.received_in("Webhooks / ops");
    let entities = &received[0].activity["attachments"][0]["content"]["msteams"]["entities"];
    assert_eq!(entities.as_array().map(Vec::len), Some(2), "{entities}");
    assert_eq!(entities[0]["mentioned"]["id"], member["aadObjectId"]);
    assert_eq!(entities[0]["text"], "<at>Anna Berg</at>");
    assert!(!entities.to_string().contains("29:"), "{entities}");
}

const POLICY: &str = "when: { hook: ci }\nnotify: [{ webhook: ops }]\ncard: { title: \"Build {{event.number}}\" }\n\
                      tests:\n  - name: operations hear of it\n    given: { event: { number: 7 } }\n    \
                      expect: { sent_to: [webhook ops], card_shows: Build 7 }\n";

fn files(directory: &str, rule: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| crate::support::engine::write(root.path(), path, text);
    write(
        "herald.yaml",
        "hooks: { ci: { path: ci, signature: none, anyone_can_post: true } }\n",
    );
    write("directory.yaml", directory);
    write("rules/build.yaml", rule);
    root
}

#[test]
fn a_test_says_that_a_card_goes_through_a_webhook() {
    let root = files("webhooks: { ops: OPS_URL }\n", POLICY);
    let told = run(root.path(), &["test"]);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
}

#[test]
fn a_pasted_address_is_refused_and_never_repeated() {
    for (directory, rule) in [
        (
            "webhooks:\n  ops: https://contoso.webhook.office.com/webhookb2/SECRET\n",
            POLICY.to_owned(),
        ),
        (
            "webhooks:\n  ops: { url: \"https://flows.internal.example/SECRET\" }\n",
            POLICY.to_owned(),
        ),
        (
            "webhooks: { ops: OPS_URL }\n",
            POLICY.replace(
                "webhook: ops }",
                "webhook: \"https://contoso.webhook.office.com/webhookb2/SECRET\" }",
            ),
        ),
    ] {
        let root = files(directory, &rule);
        let told = run(root.path(), &["check"]);
        assert_eq!(told.code, 1, "{}{}", told.out, told.err);
        let all = format!("{}{}", told.out, told.err);
        assert!(all.contains("secret"), "{all}");
        assert!(!all.contains("SECRET"), "{all}");
    }
}

#[test]
fn an_unknown_webhook_is_an_error_with_what_was_meant() {
    let root = files(
        "webhooks: { ops-room: OPS_URL }\n",
        &POLICY.replace("webhook: ops }", "webhook: ops-rom }"),
    );
    let told = run(root.path(), &["check"]);
    let all = format!("{}{}", told.out, told.err);
    assert_eq!(told.code, 1, "{all}");
    assert!(
        all.contains("there is no webhook `ops-rom`") && all.contains("did you mean `ops-room`"),
        "{all}"
    );
}
