//! A caller who errs is told how, and nothing is lost or sent.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::engine::{Engine, Workspace};

const RULE: &str = "when: { hook: github }\nnotify: [{ person: Anna Berg }]\ncard: { message: hello }\n";

async fn engine() -> Engine {
    let engine = Workspace::new()
        .hook("github: { path: github, signature: github, secret: GITHUB_WEBHOOK_SECRET }")
        .secret("GITHUB_WEBHOOK_SECRET", "it's a secret to everybody")
        .rule("r", RULE)
        .rule(
            "open",
            "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: hello }\n",
        )
        .settings("limits: { body_bytes: 65536 }\n")
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine
}

fn signed(body: &[u8], secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or("none")
}

fn message(answer: &Value) -> &str {
    answer["error"]["message"].as_str().unwrap_or("none")
}

#[tokio::test]
async fn a_signed_call_is_taken_and_a_wrong_or_missing_signature_refused() {
    let engine = engine().await;
    let body = json!({"zen": "Design for failure."}).to_string().into_bytes();
    let json_type = ("content-type", "application/json");
    let good = signed(&body, "it's a secret to everybody");
    let (status, answer) = engine
        .post_with(
            "/hooks/github",
            body.clone(),
            &[json_type, ("x-hub-signature-256", &good)],
        )
        .await;
    assert_eq!(status, 202, "{answer}");

    let wrong = signed(&body, "another secret");
    let (status, answer) = engine
        .post_with(
            "/hooks/github",
            body.clone(),
            &[json_type, ("x-hub-signature-256", &wrong)],
        )
        .await;
    assert_eq!(status, 401, "{answer}");
    assert!(!answer.to_string().contains("secret to everybody"), "{answer}");

    let (status, answer) = engine.post_with("/hooks/github", body, &[json_type]).await;
    assert_eq!(status, 401, "{answer}");
    assert!(
        message(&answer).to_lowercase().contains("x-hub-signature-256"),
        "{answer}"
    );
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 1);
}

#[tokio::test]
async fn a_replayed_delivery_is_recognised_by_githubs_own_id() {
    let engine = engine().await;
    let body = b"{}".to_vec();
    let signature = signed(&body, "it's a secret to everybody");
    let headers = [
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
    ];
    let (_, first) = engine.post_with("/hooks/github", body.clone(), &headers).await;
    let (status, second) = engine.post_with("/hooks/github", body, &headers).await;
    assert_eq!(status, 202);
    assert_eq!(
        (first["repeat"].clone(), second["repeat"].clone()),
        (json!(false), json!(true))
    );
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 1);
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_in_a_sentence() {
    let engine = engine().await;
    let json_type = [("content-type", "application/json")];
    type Case<'a> = (&'a str, Vec<u8>, &'a [(&'a str, &'a str)], u16);
    let cases: [Case<'_>; 6] = [
        ("not JSON", b"{\"a\": }".to_vec(), &json_type, 400),
        ("invalid UTF-8", b"{\"a\": \"\xff\"}".to_vec(), &json_type, 400),
        (
            "nested too deeply",
            format!("{}1{}", "[".repeat(5000), "]".repeat(5000)).into_bytes(),
            &json_type,
            400,
        ),
        (
            "wrong content type",
            b"<a/>".to_vec(),
            &[("content-type", "application/xml")],
            415,
        ),
        (
            "too large",
            format!("{{\"a\": \"{}\"}}", "x".repeat(70_000)).into_bytes(),
            &json_type,
            413,
        ),
        ("no such hook", b"{}".to_vec(), &json_type, 404),
    ];
    for (what, body, headers, expected) in cases {
        let path = if what == "no such hook" {
            "/hooks/nobody"
        } else {
            "/hooks/ci"
        };
        let (status, answer) = engine.post_with(path, body, headers).await;
        assert_eq!(status, expected, "{what}: {answer}");
        assert_ne!(code(&answer), "none", "{what}: {answer}");
        assert!(message(&answer).len() > 15, "{what}: {answer}");
    }
    assert!(engine.deliveries().await.is_empty());
}

#[tokio::test]
async fn a_hook_whose_secret_is_not_set_takes_nothing_and_says_so() {
    let engine = Workspace::new()
        .hook("github: { path: github, signature: github, secret: GITHUB_WEBHOOK_SECRET }")
        .rule("r", RULE)
        .start()
        .await;
    let (status, answer) = engine.post("/hooks/github", &json!({})).await;
    assert_eq!(status, 503, "{answer}");
    assert_eq!(code(&answer), "secret_missing");
}

#[tokio::test]
async fn headers_that_carry_secrets_are_not_shown_to_rules() {
    let rule = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\n\
                card: { text: \"{{json request}}\" }\n";
    let engine = Workspace::new().rule("r", rule).start().await;
    engine.known(&["Anna Berg"]).await;
    let headers = [
        ("content-type", "application/json"),
        ("authorization", "Bearer abc-very-secret"),
        ("x-api-key", "key-very-secret"),
        ("x-build", "seventeen"),
    ];
    engine
        .post_with("/hooks/ci?branch=main", b"{}".to_vec(), &headers)
        .await;
    let messages = engine.messages(1).await;
    let card = messages[0].activity.to_string();
    assert!(card.contains("seventeen") && card.contains("main"), "{card}");
    assert!(!card.contains("very-secret"), "{card}");
}
