//! Posts whose sender shows a token of Entra, or a certificate to the proxy in front: who is let in, who is not and why.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::cli;
use crate::support::engine::{Engine, Workspace, write};
use crate::support::raw::send;
use crate::support::signing::{SigningKey, token_with_secret, unsigned};
use crate::support::stub::{Said, Stub};

const TENANT: &str = "8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01";
const APP: &str = "5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10";
const START: &str = "2026-03-02T14:00:00Z";
/// A rule that says who posted, by this field of `request.caller`.
fn rule(field: &str) -> String {
    format!(
        "when: {{ hook: erp }}\nnotify: [{{ person: Anna Berg }}]\ncard: {{ message: \"{{{{event.text}}}} from \
         {{{{request.caller.{field}}}}}\" }}\n"
    )
}

fn start() -> DateTime<Utc> {
    START.parse().expect("an instant")
}

/// Entra, as far as hooks know it: a document that leads to keys.
struct Entra {
    stub: Stub,
    keys: Arc<Mutex<Value>>,
    works: Arc<Mutex<bool>>,
}

impl Entra {
    async fn publishing(key: &SigningKey) -> Self {
        let keys = Arc::new(Mutex::new(json!([key.published(&[])])));
        let works = Arc::new(Mutex::new(true));
        let (published, up) = (keys.clone(), works.clone());
        let stub = Stub::start(move |asked, _| {
            if !*up.lock().unwrap() {
                return Said::text(503, "");
            }
            match asked.path.as_str() {
                "/openid" => {
                    let host = asked.header("host").unwrap();
                    Said::json(200, &json!({"issuer": "x", "jwks_uri": format!("http://{host}/keys")}))
                }
                "/keys" => Said::json(200, &json!({"keys": *published.lock().unwrap()})),
                other => panic!("{other}"),
            }
        })
        .await;
        Self { stub, keys, works }
    }

    /// A Herald with a hook that this Entra's tokens open.
    async fn engine(&self, more: &str) -> Engine {
        let hook = format!(
            "erp: {{ signature: entra, tenant: {TENANT}, audience: [\"api://herald\", other], openid: \"{}\", {more} }}",
            self.stub.url("/openid")
        );
        let engine = Workspace::new()
            .hook(&hook)
            .rule("r", &rule("app"))
            .clock_at(START)
            .start()
            .await;
        engine.known(&["Anna Berg"]).await;
        engine
    }
}

fn claims_with(change: impl FnOnce(&mut Value)) -> Value {
    let now = start().timestamp();
    let mut claims = json!({
        "iss": format!("https://sts.windows.net/{TENANT}/"), "aud": "api://herald", "tid": TENANT, "ver": "1.0",
        "appid": APP, "roles": ["Events.Send"], "iat": now - 60, "nbf": now - 60, "exp": now + 3600,
    });
    change(&mut claims);
    claims
}

async fn post(engine: &Engine, authorization: &str) -> (u16, Value) {
    let headers = [("content-type", "application/json"), ("authorization", authorization)];
    let headers = if authorization.is_empty() {
        &headers[..1]
    } else {
        &headers[..]
    };
    engine
        .post_with("/hooks/erp", br#"{"text": "hello"}"#.to_vec(), headers)
        .await
}

async fn post_token(engine: &Engine, token: &str) -> (u16, Value) {
    post(engine, &format!("Bearer {token}")).await
}

#[tokio::test]
async fn a_token_of_the_tenant_with_the_right_role_brings_a_card() {
    let key = SigningKey::new("one");
    let entra = Entra::publishing(&key).await;
    let engine = entra.engine("roles: [Events.Send, Events.All]").await;
    let (status, answer) = post_token(&engine, &key.token(&claims_with(|_| {}))).await;
    assert_eq!(status, 202, "{answer}");
    let messages = engine.messages(1).await;
    assert!(
        format!("{:?}", messages[0]).contains(&format!("hello from {APP}")),
        "{messages:?}"
    );

    // A token of version 2, for the second audience.
    let second = claims_with(|claims| {
        claims["iss"] = json!(format!("https://login.microsoftonline.com/{TENANT}/v2.0"));
        claims["ver"] = json!("2.0");
        claims["azp"] = json!(APP);
        claims["aud"] = json!("other");
    });
    assert_eq!(post_token(&engine, &key.token(&second)).await.0, 202);
    let asked: Vec<String> = entra.stub.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked, ["/openid", "/keys"], "the keys are kept");

    // What let the caller in stands in the record, the token does not.
    let event = answer["event"].as_str().unwrap();
    let (_, record) = engine.get(&format!("/admin/v1/events/{event}")).await;
    let record = record.to_string();
    assert!(!record.contains("eyJ"), "{record}");
}

#[tokio::test]
async fn whoever_cannot_prove_it_is_told_why() {
    let key = SigningKey::new("one");
    let thief = SigningKey::new("one");
    let entra = Entra::publishing(&key).await;
    let engine = entra.engine(&format!("roles: Events.Send, apps: {APP}")).await;
    let now = start().timestamp();
    let signed = |change: &dyn Fn(&mut Value)| key.token(&claims_with(|claims| change(claims)));
    let good = claims_with(|_| {});
    let modulus = key.modulus();
    for (token, status, told) in [
        (
            signed(&|claims| claims["iss"] = json!("https://sts.windows.net/another/")),
            401,
            "The token is from another issuer.",
        ),
        (
            signed(&|claims| claims["tid"] = json!("another")),
            401,
            "The token is of another tenant.",
        ),
        (
            signed(&|claims| claims["aud"] = json!("api://other")),
            401,
            "The token is for another audience.",
        ),
        (
            signed(&|claims| claims["exp"] = json!(now - 300)),
            401,
            "The token has expired.",
        ),
        (
            signed(&|claims| claims["nbf"] = json!(now + 301)),
            401,
            "The token is not valid yet; are the clocks right?",
        ),
        (thief.token(&good), 401, "The token's signature is wrong."),
        (
            SigningKey::new("two").token(&good),
            401,
            "The token is signed with a key that its issuer does not have.",
        ),
        (
            format!(
                "{}.",
                unsigned(&json!({"alg": "none", "typ": "JWT", "kid": "one"}), &good)
            ),
            401,
            "The token is not a signed token of a known kind.",
        ),
        (
            token_with_secret(
                modulus.as_bytes(),
                &json!({"alg": "HS256", "typ": "JWT", "kid": "one"}),
                &good,
            ),
            401,
            "The token is signed in a way its issuer does not use.",
        ),
        (
            key.token_under(&json!({"alg": "RS512", "typ": "JWT", "kid": "one"}), &good),
            401,
            "The token is signed in a way its issuer does not use.",
        ),
        (
            key.token_under(&json!({"alg": "RS256", "typ": "JWT"}), &good),
            401,
            "The token does not say which key signed it.",
        ),
        ("x".repeat(17 * 1024), 401, "The token is too long."),
        (
            "eyJ".to_owned(),
            401,
            "The token is not a signed token of a known kind.",
        ),
        (
            signed(&|claims| claims["roles"] = json!(["Other"])),
            403,
            "The token has none of the roles that may post here.",
        ),
        (
            signed(&|claims| claims["appid"] = json!(TENANT)),
            403,
            "The token was asked for by an app that may not post here.",
        ),
    ] {
        let (answered, answer) = post_token(&engine, &token).await;
        assert_eq!(
            (answered, answer["error"]["message"].as_str()),
            (status, Some(told)),
            "{answer}"
        );
        let code = if status == 403 {
            "not_allowed"
        } else {
            "not_authenticated"
        };
        assert_eq!(answer["error"]["code"], code);
    }
    for header in ["", "Basic eDp5", "Bearer"] {
        let (status, answer) = post(&engine, header).await;
        assert_eq!(status, 401, "{header}: {answer}");
    }
    assert_eq!(post_token(&engine, &key.token(&good)).await.0, 202);
    assert_eq!(
        engine.deliveries().await.len(),
        1,
        "none of the others left anything behind"
    );
}

#[tokio::test]
async fn a_stranger_is_turned_away_before_the_body_is_read() {
    let key = SigningKey::new("one");
    let entra = Entra::publishing(&key).await;
    let engine = entra.engine("roles: Events.Send").await;
    // A body is announced, and never sent.
    let head = "POST /hooks/erp HTTP/1.1\r\nhost: herald\r\nauthorization: Bearer eyJ\r\ncontent-type: application/json\r\ncontent-length: 500000\r\n\r\n";
    let answer = send(engine.server().address(), head.as_bytes())
        .await
        .expect("an answer");
    assert_eq!((answer.status, answer.code().as_str()), (401, "not_authenticated"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"herald\""));
    assert!(entra.stub.asked().is_empty(), "Entra was not asked because of it");
}

#[tokio::test]
async fn keys_that_were_changed_are_fetched_within_the_hour_and_strangers_cannot_hurry_it() {
    let old = SigningKey::new("old");
    let new = SigningKey::new("new");
    let entra = Entra::publishing(&old).await;
    let engine = entra.engine("roles: Events.Send").await;
    let hand = engine.hand.clone().expect("a hand");
    assert_eq!(post_token(&engine, &old.token(&claims_with(|_| {}))).await.0, 202);
    *entra.keys.lock().unwrap() = json!([new.published(&[])]);
    for _ in 0..5 {
        let (status, _) = post_token(&engine, &new.token(&claims_with(|_| {}))).await;
        assert_eq!(status, 401);
    }
    assert_eq!(entra.stub.asked().len(), 2, "anybody can invent the id of a key");
    hand.advance(TimeDelta::minutes(59));
    assert_eq!(post_token(&engine, &old.token(&claims_with(|_| {}))).await.0, 202);
    hand.advance(TimeDelta::minutes(1));
    let later = |claims: &mut Value| claims["exp"] = json!(start().timestamp() + 7200);
    assert_eq!(post_token(&engine, &new.token(&claims_with(later))).await.0, 202);
    assert_eq!(post_token(&engine, &old.token(&claims_with(later))).await.0, 401);
    assert_eq!(entra.stub.asked().len(), 4);
}

#[tokio::test]
async fn while_the_keys_cannot_be_had_the_sender_is_asked_to_come_back() {
    let key = SigningKey::new("one");
    let entra = Entra::publishing(&key).await;
    *entra.works.lock().unwrap() = false;
    let engine = entra.engine("roles: Events.Send").await;
    let token = key.token(&claims_with(|_| {}));
    let (status, answer) = post_token(&engine, &token).await;
    assert_eq!(
        (status, answer["error"]["code"].as_str()),
        (503, Some("keys_unknown")),
        "{answer}"
    );
    *entra.works.lock().unwrap() = true;
    engine.hand.as_ref().expect("a hand").advance(TimeDelta::seconds(10));
    assert_eq!(post_token(&engine, &token).await.0, 202);
    // Old keys go on serving when new ones cannot be had.
    *entra.works.lock().unwrap() = false;
    engine.hand.as_ref().expect("a hand").advance(TimeDelta::hours(30));
    let later = |claims: &mut Value| claims["exp"] = json!(start().timestamp() + 48 * 3600);
    assert_eq!(post_token(&engine, &key.token(&claims_with(later))).await.0, 202);
}

async fn behind(proxies: &str, more: &str) -> Engine {
    let hook = format!("erp: {{ signature: client-certificate, proxies: {proxies}, {more} }}");
    let engine = Workspace::new()
        .hook(&hook)
        .rule("r", &rule("certificate"))
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine
}

async fn told(engine: &Engine, headers: &[(&str, &str)]) -> (u16, String) {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    let (status, answer) = engine
        .post_with("/hooks/erp", br#"{"text": "hello"}"#.to_vec(), &all)
        .await;
    (
        status,
        answer["error"]["message"].as_str().unwrap_or_default().to_owned(),
    )
}

#[tokio::test]
async fn a_certificate_that_the_proxy_verified_brings_a_card() {
    let engine = behind(
        "127.0.0.1",
        "header: X-SSL-Client-S-DN, clients: [\"CN=erp.contoso.example,O=Contoso\"]",
    )
    .await;
    let subject = ("X-SSL-Client-S-DN", "CN=erp.contoso.example,O=Contoso");
    let verified = ("X-SSL-Client-Verify", "SUCCESS");
    assert_eq!(told(&engine, &[verified, subject]).await.0, 202);
    let messages = engine.messages(1).await;
    assert!(
        format!("{:?}", messages[0]).contains("hello from CN=erp.contoso.example,O=Contoso"),
        "{messages:?}"
    );
    for (headers, status, sentence) in [
        (&[subject][..], 401, "The header `x-ssl-client-verify` is missing."),
        (&[verified], 401, "The header `x-ssl-client-s-dn` is missing."),
        (
            &[("X-SSL-Client-Verify", "NONE"), subject],
            401,
            "No certificate was shown.",
        ),
        (
            &[("X-SSL-Client-Verify", "FAILED:certificate has expired"), subject],
            401,
            "The proxy did not accept the certificate.",
        ),
        (
            &[verified, verified, subject],
            401,
            "The header `x-ssl-client-verify` came more than once.",
        ),
        (
            &[verified, ("X-SSL-Client-S-DN", "CN=other")],
            403,
            "The owner of the certificate may not post here.",
        ),
    ] {
        assert_eq!(told(&engine, headers).await, (status, sentence.to_owned()));
    }
}

#[tokio::test]
async fn envoys_word_about_a_certificate_is_understood() {
    let hash = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
    let engine = behind("[127.0.0.0/8]", &format!("clients: [{hash}]")).await;
    let one = format!("By=spiffe://a/herald;Hash={hash};Subject=\"CN=erp\"");
    assert_eq!(told(&engine, &[("X-Forwarded-Client-Cert", &one)]).await.0, 202);
    let two = format!("Hash={hash},Hash={}", "0".repeat(64));
    let (status, sentence) = told(&engine, &[("X-Forwarded-Client-Cert", &two)]).await;
    assert_eq!(status, 401);
    assert!(sentence.contains("exactly one certificate"), "{sentence}");
}

#[tokio::test]
async fn what_a_stranger_says_about_certificates_proves_nothing() {
    let engine = behind("10.0.0.5", "header: X-SSL-Client-S-DN, clients: [\"CN=erp\"]").await;
    let headers = [
        ("X-SSL-Client-Verify", "SUCCESS"),
        ("X-SSL-Client-S-DN", "CN=erp"),
        ("X-Forwarded-For", "10.0.0.5"),
    ];
    assert_eq!(
        told(&engine, &headers).await,
        (401, "This hook takes posts through its proxy only.".to_owned())
    );
    assert!(engine.deliveries().await.is_empty());
}

#[tokio::test]
async fn a_users_basic_password_does_not_open_a_hook_for_tokens() {
    let key = SigningKey::new("one");
    let entra = Entra::publishing(&key).await;
    let engine = entra.engine("roles: Events.Send").await;
    let (status, answer) = post(&engine, &format!("Basic {}", STANDARD.encode("herald:x"))).await;
    assert_eq!(status, 401);
    assert_eq!(
        answer["error"]["message"],
        "The header `Authorization` is not `Bearer` and a token."
    );
}

#[test]
fn a_rules_own_test_says_who_posts() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = format!(
        "hooks: {{ erp: {{ signature: entra, tenant: {TENANT}, audience: herald, apps: [{APP}, {TENANT}] }} }}\n"
    );
    write(folder.path(), "herald.yaml", &settings);
    write(
        folder.path(),
        "directory.yaml",
        "people: { anna: anna.berg@contoso.example }\n",
    );
    let rule = format!(
        "when: {{ hook: erp }}\nif: {{ request.caller.app: {APP} }}\nnotify: [{{ person: anna }}]\ncard: {{ message: \"from \
         {{{{request.caller.app}}}}\" }}\ntests:\n  - name: the ERP\n    given: {{ event: {{ text: hello }}, caller: {{ app: {APP}, \
         roles: Events.Send }} }}\n    expect: {{ sent_to: [anna], card_shows: \"from {APP}\" }}\n  - name: another\n    given: {{ \
         event: {{ text: hello }}, caller: {{ app: {TENANT} }} }}\n    expect: {{ messages: 0 }}\n"
    );
    write(folder.path(), "rules/r.yaml", &rule);
    let said = cli::run(folder.path(), &["test"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains('2'), "{}", said.out);
}

#[tokio::test]
async fn the_doctor_fetches_the_keys_of_each_issuer() {
    let key = SigningKey::new("one");
    let entra = Entra::publishing(&key).await;
    let elsewhere = Stub::always(404).await;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nbot: {{ endpoints: {{ openid: \"{0}\", service_url: \"{1}\", trusted_hosts: \
         [\"127.0.0.1\"] }} }}\nhooks: {{ erp: {{ signature: entra, tenant: {TENANT}, audience: herald, roles: r, openid: \"{0}\" }} }}\n",
        entra.stub.url("/openid"),
        elsewhere.url("/")
    );
    write(folder.path(), "herald.yaml", &settings);
    for (works, verdict) in [(true, "ok"), (false, "failed")] {
        *entra.works.lock().unwrap() = works;
        let mut command = cli::command(folder.path(), &["doctor", "--format", "json"], &BTreeMap::new());
        let said = tokio::task::spawn_blocking(move || command.output()).await;
        let said = cli::said(said.expect("it was run").expect("it runs"));
        let told: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:#?}"));
        let found = told["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|found| found["check"] == "hook keys");
        assert_eq!(found.map(|found| &found["verdict"]), Some(&json!(verdict)), "{told:#}");
    }
}
