//! `herald why`: the answer to "why did it come" and "why did it not".

use std::collections::BTreeMap;

use herald::sandbox::Script;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::cli::{Said, command, said};
use crate::support::engine::{Engine, Workspace};

const DEPLOY: &str = "description: A production deploy failed\nwhen: { hook: ci }\nif:\n  event.state: [failure, error]\n  event.environment: production\n\
                      notify: [{ person: Anna Berg }, { person: Nobody Known }]\ncard: { title: \"{{event.title}}\" }\nlimit: { once_per: 1 hour }\n";

async fn engine() -> Engine {
    let engine = Workspace::new()
        .rule("deploy-failed", DEPLOY)
        .rule(
            "pushes",
            "when: { hook: git, event_type: push }\nnotify: [{ person: Anna Berg }]\ncard: { title: push }\n",
        )
        .hook("git: { path: git, signature: github, secret: GIT_SECRET }")
        .hook("lonely: { path: lonely, signature: none, anyone_can_post: true }")
        .secret("GIT_SECRET", "it's a secret to everybody")
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine
}

/// Runs the binary beside the engine of this process.
async fn herald(engine: &Engine, args: &[&str]) -> Said {
    let mut command = command(engine.folder.path(), args, &BTreeMap::new());
    let output = tokio::task::spawn_blocking(move || command.output().expect("the binary runs"));
    said(output.await.expect("it ends"))
}

async fn why(engine: &Engine, args: &[&str]) -> Said {
    let server = engine.url("");
    let mut all = vec!["why", "--server", server.as_str()];
    all.extend(args);
    herald(engine, &all).await
}

async fn post(engine: &Engine, path: &str, body: Value) -> String {
    let (status, answer) = engine.post(path, &body).await;
    assert_eq!(status, 202, "{answer}");
    let event = answer["event"].as_str().expect("an id").to_owned();
    assert_eq!(answer["why"], format!("herald why {event}"));
    event
}

fn failure() -> Value {
    json!({ "state": "failure", "environment": "production", "title": "web failed" })
}

#[tokio::test]
async fn a_card_that_came_is_explained_by_server_and_by_data_folder_in_the_same_words() {
    let mut engine = engine().await;
    let event = post(&engine, "/hooks/ci", failure()).await;
    engine.messages(1).await;
    engine.settled().await;
    let answer = why(&engine, &[&event]).await;
    assert_eq!(answer.code, 0, "{answer:?}");
    for expected in [
        format!("{event}: hook ci, "),
        "1 card sent, 1 target nobody could be told through.".to_owned(),
        "deploy-failed matched.".to_owned(),
        "yes  `event.state: [failure, error]`: it is \"failure\"".to_owned(),
        "Anna Berg: sent at ".to_owned(),
        "Nobody Known: nobody was told through this: ".to_owned(),
        "1 other rule waits for something else.".to_owned(),
    ] {
        assert!(answer.out.contains(&expected), "{expected}\n{}", answer.out);
    }
    let (_, told) = engine.get(&format!("/admin/v1/events/{event}")).await;
    assert_eq!(
        told["text"].as_str(),
        Some(answer.out.as_str()),
        "the admin route tells the same"
    );
    assert_eq!(told["event"]["rules"][0]["lines"][1]["actual"], "\"production\"");

    let json = why(&engine, &[&event, "--format", "json"]).await;
    let json: Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(json["outcome"], "1 card sent, 1 target nobody could be told through");

    engine.stop().await;
    let offline = herald(&engine, &["why", &event, "--data", "data"]).await;
    assert_eq!(
        (offline.code, offline.out.as_str()),
        (0, answer.out.as_str()),
        "{offline:?}"
    );
}

#[tokio::test]
async fn a_card_that_did_not_come_is_explained_too() {
    let engine = engine().await;
    let event = post(
        &engine,
        "/hooks/ci",
        json!({ "state": "success", "enviroment": "production" }),
    )
    .await;
    let answer = why(&engine, &[&event]).await;
    for expected in [
        "The rule that waits for it did not match.",
        "deploy-failed was considered and did not match.",
        "no   `event.state: [failure, error]`: should be one of \"failure\", \"error\", but was \"success\"",
        "no   `event.environment: production`: should be \"production\", but was missing",
        "nearest is `event.enviroment`",
    ] {
        assert!(answer.out.contains(expected), "{expected}\n{}", answer.out);
    }
    let nobody_waits = post(&engine, "/hooks/lonely", json!({})).await;
    let answer = why(&engine, &[&nobody_waits]).await;
    assert!(answer.out.contains("No rule waits for it."), "{}", answer.out);
    assert!(
        answer.out.contains("2 other rules wait for something else."),
        "{}",
        answer.out
    );
}

#[tokio::test]
async fn a_limit_and_a_death_are_named_as_the_reason() {
    let engine = engine().await;
    post(&engine, "/hooks/ci", failure()).await;
    engine.messages(1).await;
    let held_back = post(&engine, "/hooks/ci", failure()).await;
    let answer = why(&engine, &[&held_back]).await;
    assert!(
        answer
            .out
            .contains("Anna Berg: held back by the rule's limit of one card in 1 hour: there was one at "),
        "{}",
        answer.out
    );
    let only = why(&engine, &[&held_back, "--recipient", "anna"]).await;
    assert!(
        only.out.contains("Anna Berg") && !only.out.contains("Nobody Known"),
        "{}",
        only.out
    );

    let engine = crate::why_command::engine().await;
    engine.teams.answer_next(Script::status(400));
    let dead = post(&engine, "/hooks/ci", failure()).await;
    let settled = engine.settled().await;
    let answer = why(&engine, &[&dead]).await;
    assert!(
        answer.out.contains("Anna Berg: given up after one attempt: "),
        "{}",
        answer.out
    );
    let anna = settled
        .iter()
        .find(|d| d.recipient.name == "Anna Berg")
        .expect("Anna's");
    let of_delivery = why(&engine, &[anna.id.as_str()]).await;
    assert!(of_delivery.out.contains("Anna Berg: given up"), "{}", of_delivery.out);
    assert!(!of_delivery.out.contains("Nobody Known"), "{}", of_delivery.out);
}

#[tokio::test]
async fn the_latest_events_are_listed_with_what_came_of_them() {
    let engine = engine().await;
    let none = why(&engine, &["--rule", "deploy-failed"]).await;
    assert_eq!(
        (none.code, none.out.as_str()),
        (0, "no event is kept that deploy-failed waits for\n")
    );
    let first = post(&engine, "/hooks/ci", failure()).await;
    engine.settled().await;
    let second = post(&engine, "/hooks/lonely", json!({})).await;
    let all = why(&engine, &[]).await;
    let place = |event: &str| all.out.find(event).unwrap_or_else(|| panic!("{event}: {}", all.out));
    assert!(place(&second) < place(&first), "{}", all.out);
    assert!(
        all.out.contains("no rule waits for it") && all.out.contains("1 card sent"),
        "{}",
        all.out
    );
    let of_rule = why(&engine, &["--rule", "deploy-failed"]).await;
    assert!(
        of_rule.out.contains(&first) && !of_rule.out.contains(&second),
        "{}",
        of_rule.out
    );
    let slip = why(&engine, &["--rule", "deploy-faild"]).await;
    assert!(slip.out.contains("did you mean `deploy-failed`?"), "{}", slip.out);
}

#[tokio::test]
async fn an_id_that_leads_nowhere_is_answered_with_a_way_out() {
    let engine = engine().await;
    let event = post(&engine, "/hooks/ci", json!({})).await;
    let mut slip = event.clone();
    let last = if slip.pop() == Some('0') { '1' } else { '0' };
    slip.push(last);
    for (asked, told) in [
        (slip.as_str(), format!("did you mean `{event}`?")),
        ("ev_0123456789abcdef01234567", "longer ago than `retention`".to_owned()),
        ("dl_0123456789abcdef01234567", "there is no delivery".to_owned()),
        ("build-17", "an event's begins with `ev_`".to_owned()),
    ] {
        let answer = why(&engine, &[asked]).await;
        assert_eq!(answer.code, 1, "{answer:?}");
        assert!(answer.err.contains(&told), "{asked}: {}", answer.err);
    }
    let usage = why(&engine, &["--recipient", "anna"]).await;
    assert_eq!(usage.code, 2, "{usage:?}");
}

#[tokio::test]
async fn what_a_rule_compares_with_credentials_is_in_no_record() {
    let engine = Workspace::new()
        .rule(
            "r",
            "when: { hook: ci }\nif:\n  request.headers.authorization: { exists: true }\n  request.headers.x-api-key: { exists: true }\n  \
             request.query.token: { starts_with: abc }\n  event.password: { is_not: x }\n  event.attempts: 4\n\
             notify: [{ person: Anna Berg }]\n",
        )
        .start()
        .await;
    let headers = [
        ("content-type", "application/json"),
        ("authorization", "Bearer very-secret-1"),
        ("x-api-key", "very-secret-2"),
    ];
    let body = json!({ "password": "very-secret-3", "attempts": 3 }).to_string();
    let (status, answer) = engine
        .post_with("/hooks/ci?token=very-secret-4", body.into_bytes(), &headers)
        .await;
    assert_eq!(status, 202, "{answer}");
    assert!(!answer.to_string().contains("very-secret"), "{answer}");
    let event = answer["event"].as_str().expect("an id");
    let (_, told) = engine.get(&format!("/admin/v1/events/{event}")).await;
    assert!(!told.to_string().contains("very-secret"), "{told:#}");
    let text = told["text"].as_str().expect("text");
    assert!(text.contains("but was a text that is not shown"), "{text}");
    assert!(text.contains("should be 4, but was 3"), "{text}");
}

#[tokio::test]
async fn a_rule_for_another_type_of_event_is_pointed_out() {
    let engine = Workspace::new()
        .hook("gh: { path: gh, signature: github, secret: GIT_SECRET }")
        .rule(
            "releases",
            "when: { hook: gh, event_type: [release, push] }\nnotify: [{ person: Anna Berg }]\n",
        )
        .secret("GIT_SECRET", "s3cret")
        .start()
        .await;
    let body = b"{}".to_vec();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"s3cret").expect("any length");
    mac.update(&body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let headers = [
        ("content-type", "application/json"),
        ("x-github-event", "issues"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let (status, answer) = engine.post_with("/hooks/gh", body, &headers).await;
    assert_eq!(status, 202, "{answer}");
    let answer = why(&engine, &[answer["event"].as_str().expect("an id")]).await;
    assert!(
        answer
            .out
            .contains("These wait for the same hook, but for other types of events:\n  releases: release or push\n"),
        "{}",
        answer.out
    );
}
