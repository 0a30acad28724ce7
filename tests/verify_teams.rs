//! Is the caller really Teams? Every way of not being it, over real keys fetched over real HTTP.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use herald::teams::activity::Activity;
use herald::teams::cloud::Cloud;
use herald::teams::endpoints::{Endpoints, Issuer, Overrides};
use herald::teams::verify::{Caller, NotTeams, Verifier};
use herald::teams::wire::{Patience, Wire};
use serde_json::{Value, json};

use crate::support::signing::{SigningKey, token_with_secret, unsigned};
use crate::support::stub::{Said, Stub, nowhere};

const APP: &str = "b07b07b0-1111-4222-8333-444455556666";
const TENANT: &str = "7e4a4700-aaaa-4bbb-8ccc-ddddeeee0001";
const SERVICE: &str = "https://smba.trafficmanager.net/emea/";
const ISSUER: &str = "https://api.botframework.com";

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn wire() -> Wire {
    Wire::new(Patience {
        connect: Duration::from_secs(2),
        look_up: Duration::from_secs(5),
        send: Duration::from_secs(5),
    })
    .unwrap()
}

fn activity_with(change: impl FnOnce(&mut Value)) -> Activity {
    let mut body = json!({
        "type": "message", "id": "1", "channelId": "msteams", "serviceUrl": SERVICE,
        "from": {"id": "29:1-anna"}, "recipient": {"id": format!("28:{APP}")},
        "conversation": {"id": "a:1-anna", "conversationType": "personal", "tenantId": TENANT},
    });
    change(&mut body);
    Activity::read(body).unwrap()
}

fn activity() -> Activity {
    activity_with(|_| {})
}

fn claims_with(change: impl FnOnce(&mut Value)) -> Value {
    let now = noon().timestamp();
    let mut claims = json!({"iss": ISSUER, "aud": APP, "exp": now + 3600, "nbf": now - 60, "serviceurl": SERVICE});
    change(&mut claims);
    claims
}

fn without(name: &str) -> Value {
    claims_with(|claims| {
        claims.as_object_mut().unwrap().remove(name);
    })
}

/// What Microsoft publishes, as a server; tests change what it says.
struct Microsoft {
    stub: Stub,
    keys: Arc<Mutex<Value>>,
    works: Arc<Mutex<bool>>,
}

impl Microsoft {
    async fn publishing(keys: Value) -> Microsoft {
        let keys = Arc::new(Mutex::new(keys));
        let works = Arc::new(Mutex::new(true));
        let (published, up) = (keys.clone(), works.clone());
        let stub = Stub::start(move |asked, _| {
            if !*up.lock().unwrap() {
                return Said::text(503, "");
            }
            match asked.path.as_str() {
                "/openid" => {
                    let host = asked.header("host").unwrap();
                    Said::json(
                        200,
                        &json!({"issuer": ISSUER, "jwks_uri": format!("http://{host}/keys")}),
                    )
                }
                "/keys" => Said::json(200, &json!({"keys": *published.lock().unwrap()})),
                other => panic!("{other}"),
            }
        })
        .await;
        Microsoft { stub, keys, works }
    }

    fn verifier(&self) -> Verifier {
        self.verifier_for(&[])
    }

    fn verifier_for(&self, tenants: &[String]) -> Verifier {
        let overrides = Overrides {
            openid: Some(self.stub.url("/openid")),
            ..Overrides::default()
        };
        let endpoints = Endpoints::of(Cloud::Public, None, &overrides).unwrap();
        Verifier::new(&wire(), &endpoints, Some(APP), tenants)
    }

    fn publish(&self, keys: Value) {
        *self.keys.lock().unwrap() = keys;
    }

    fn go_down(&self) {
        *self.works.lock().unwrap() = false;
    }

    fn come_back(&self) {
        *self.works.lock().unwrap() = true;
    }

    /// How often the keys were asked for.
    fn fetches(&self) -> usize {
        self.stub.asked().iter().filter(|asked| asked.path == "/openid").count()
    }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

const ANYWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(52, 112, 0, 1));

async fn shown_at(verifier: &Verifier, token: &str, activity: &Activity, now: DateTime<Utc>) -> Result<(), NotTeams> {
    let headers = headers(&[("authorization", &format!("Bearer {token}"))]);
    verifier.verify(&Caller::of(ANYWHERE, &headers), activity, now).await
}

async fn shown(verifier: &Verifier, token: &str, activity: &Activity) -> Result<(), NotTeams> {
    shown_at(verifier, token, activity, noon()).await
}

fn assert_refused(result: Result<(), NotTeams>, status: u16, words: &str) {
    let refused = result.expect_err(words);
    assert_eq!(refused.status(), status, "{refused}");
    assert!(refused.to_string().contains(words), "{refused} should mention {words}");
}

#[tokio::test]
async fn teams_is_believed() {
    let key = SigningKey::new("k1");
    let microsoft = Microsoft::publishing(json!([key.published(&["msteams", "webchat"])])).await;
    let verifier = microsoft.verifier();
    for claims in [
        claims_with(|_| {}),
        claims_with(|claims| claims["serviceurl"] = json!("https://SMBA.trafficmanager.net/emea")),
        claims_with(|claims| {
            claims.as_object_mut().unwrap().remove("serviceurl");
            claims["serviceUrl"] = json!(SERVICE);
        }),
        claims_with(|claims| claims["aud"] = json!([APP])),
        claims_with(|claims| claims["exp"] = json!(noon().timestamp() - 299)),
        claims_with(|claims| claims["nbf"] = json!(noon().timestamp() + 299)),
    ] {
        assert_eq!(
            shown(&verifier, &key.token(&claims), &activity()).await,
            Ok(()),
            "{claims}"
        );
    }
    let lower_case = headers(&[("authorization", &format!("bearer  {}", key.token(&claims_with(|_| {}))))]);
    let caller = Caller::of(ANYWHERE, &lower_case);
    assert_eq!(verifier.verify(&caller, &activity(), noon()).await, Ok(()));
    assert_eq!(microsoft.fetches(), 1);
}

#[tokio::test]
async fn a_token_that_is_not_from_teams_for_us_and_now_is_refused() {
    let key = SigningKey::new("k1");
    let stranger = SigningKey::new("k1");
    let microsoft = Microsoft::publishing(json!([key.published(&["msteams"])])).await;
    let verifier = microsoft.verifier();
    let good = claims_with(|_| {});
    let now = noon().timestamp();
    let with = |name: &str, value: Value| key.token(&claims_with(|claims| claims[name] = value));
    let table = [
        ("signature", stranger.token(&good)),
        ("expired", with("exp", json!(now - 301))),
        ("never expires", key.token(&without("exp"))),
        ("not valid yet", with("nbf", json!(now + 301))),
        (
            "another bot",
            with("aud", json!("0ddb0700-1111-4222-8333-444455556666")),
        ),
        ("for nobody", key.token(&without("aud"))),
        ("not believed", with("iss", json!("https://evil.example"))),
        ("not believed", with("iss", json!([ISSUER]))),
        ("not believed", key.token(&without("iss"))),
        ("names no service address", key.token(&without("serviceurl"))),
    ];
    for (words, token) in table {
        assert_refused(shown(&verifier, &token, &activity()).await, 401, words);
    }
}

#[tokio::test]
async fn a_token_signed_in_another_way_is_refused() {
    let key = SigningKey::new("k1");
    let microsoft = Microsoft::publishing(json!([key.published(&["msteams"])])).await;
    let verifier = microsoft.verifier();
    let good = claims_with(|_| {});
    let modulus = URL_SAFE_NO_PAD.decode(key.modulus()).unwrap();
    let symmetric = json!({"alg": "HS256", "typ": "JWT", "kid": "k1"});
    let header = |alg: &str| json!({"alg": alg, "typ": "JWT", "kid": "k1"});
    for token in [
        format!("{}.", unsigned(&header("none"), &good)),
        format!("{}.", unsigned(&header("None"), &good)),
        unsigned(&header("RS256"), &good),
        format!("{}.", unsigned(&header("RS256"), &good)),
        token_with_secret(&modulus, &symmetric, &good),
        token_with_secret(key.modulus().as_bytes(), &symmetric, &good),
        token_with_secret(b"", &symmetric, &good),
        key.token_under(&header("HS256"), &good),
        key.token_under(&header("PS256"), &good),
        key.token_under(&header("RS512"), &good),
        key.token_under(&header("ES256"), &good),
        key.token_under(&json!({"alg": "RS256"}), &good),
        key.token_under(&json!({"alg": ["RS256"], "kid": "k1"}), &good),
        "a.b.c".to_owned(),
        "....".to_owned(),
        "x".repeat(20_000),
    ] {
        let refused = shown(&verifier, &token, &activity()).await.expect_err(&token);
        assert_eq!(refused.status(), 401, "{token}");
    }
}

#[tokio::test]
async fn a_token_cannot_bring_its_own_key() {
    let key = SigningKey::new("k1");
    let own = SigningKey::new("own");
    let microsoft = Microsoft::publishing(json!([key.published(&[])])).await;
    let thief = Stub::always(200).await;
    let verifier = microsoft.verifier();
    for id in ["own", "k1"] {
        let header = json!({
            "alg": "RS256", "kid": id, "jwk": own.published(&[]), "jku": thief.url("/keys"), "x5u": thief.url("/x"),
        });
        let token = own.token_under(&header, &claims_with(|_| {}));
        assert!(shown(&verifier, &token, &activity()).await.is_err(), "{id}");
    }
    assert!(thief.asked().is_empty());
}

#[tokio::test]
async fn claims_changed_under_a_genuine_signature_are_refused() {
    let key = SigningKey::new("k1");
    let microsoft = Microsoft::publishing(json!([key.published(&[])])).await;
    let genuine = key.token(&claims_with(|claims| {
        claims["serviceurl"] = json!("https://smba.trafficmanager.net/amer/")
    }));
    let parts: Vec<&str> = genuine.split('.').collect();
    let claims = URL_SAFE_NO_PAD.encode(claims_with(|_| {}).to_string());
    let changed = format!("{}.{claims}.{}", parts[0], parts[2]);
    assert_refused(
        shown(&microsoft.verifier(), &changed, &activity()).await,
        401,
        "signature",
    );
}

#[tokio::test]
async fn a_genuine_token_for_another_activity_is_forbidden() {
    let key = SigningKey::new("k1");
    let microsoft = Microsoft::publishing(json!([key.published(&["webchat", "directline"])])).await;
    let verifier = microsoft.verifier();
    let token = key.token(&claims_with(|_| {}));
    assert_refused(shown(&verifier, &token, &activity()).await, 403, "not endorsed");
    let webchat = activity_with(|body| body["channelId"] = json!("webchat"));
    assert_eq!(shown(&verifier, &token, &webchat).await, Ok(()));
    for other in [
        "https://smba.trafficmanager.net/amer/",
        "https://evil.example/",
        "http://smba.trafficmanager.net/emea/",
    ] {
        let elsewhere = activity_with(|body| {
            body["channelId"] = json!("webchat");
            body["serviceUrl"] = json!(other);
        });
        assert_refused(
            shown(&verifier, &token, &elsewhere).await,
            403,
            "another service address",
        );
    }
    let nowhere = activity_with(|body| {
        body["type"] = json!("typing");
        body["channelId"] = json!("webchat");
        body.as_object_mut().unwrap().remove("serviceUrl");
    });
    assert_refused(shown(&verifier, &token, &nowhere).await, 403, "another service address");
}

#[tokio::test]
async fn even_teams_cannot_send_our_token_to_a_stranger() {
    let key = SigningKey::new("k1");
    let microsoft = Microsoft::publishing(json!([key.published(&[])])).await;
    for url in [
        "https://smba.trafficmanager.net.evil.example/",
        "https://smba.trafficmanager.net@evil.example/",
    ] {
        let token = key.token(&claims_with(|claims| claims["serviceurl"] = json!(url)));
        let activity = activity_with(|body| body["serviceUrl"] = json!(url));
        assert_eq!(
            shown(&microsoft.verifier(), &token, &activity)
                .await
                .unwrap_err()
                .status(),
            403,
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_ours_is_forbidden_wherever_it_is_named() {
    let key = SigningKey::new("k1");
    let microsoft = Microsoft::publishing(json!([key.published(&[])])).await;
    let verifier = microsoft.verifier_for(&[TENANT.to_uppercase()]);
    let token = key.token(&claims_with(|_| {}));
    assert_eq!(shown(&verifier, &token, &activity()).await, Ok(()));
    let other = json!("0ddc0000-aaaa-4bbb-8ccc-ddddeeee0001");
    let foreign = activity_with(|body| body["conversation"]["tenantId"] = other.clone());
    assert_refused(shown(&verifier, &token, &foreign).await, 403, "tenant");
    let foreign = activity_with(|body| body["channelData"] = json!({"tenant": {"id": other}}));
    assert_refused(shown(&verifier, &token, &foreign).await, 403, "tenant");
}

#[tokio::test]
async fn a_request_without_one_bearer_token_is_refused() {
    let microsoft = Microsoft::publishing(json!([])).await;
    let verifier = microsoft.verifier();
    let cases: [&[(&'static str, &str)]; 6] = [
        &[],
        &[("authorization", "")],
        &[("authorization", "Bearer")],
        &[("authorization", "Basic dXNlcjpwYXNz")],
        &[("authorization", "Bearer a b")],
        &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
    ];
    for lines in cases {
        let headers = headers(lines);
        let refused = verifier
            .verify(&Caller::of(ANYWHERE, &headers), &activity(), noon())
            .await;
        assert_refused(refused, 401, "Authorization");
    }
    assert_eq!(microsoft.fetches(), 0);
}

#[tokio::test]
async fn keys_are_fetched_once_however_many_ask() {
    let key = SigningKey::new("k1");
    let microsoft = Microsoft::publishing(json!([key.published(&[])])).await;
    let verifier = microsoft.verifier();
    let token = key.token(&claims_with(|_| {}));
    let activity = activity();
    let all = join_all((0..50).map(|_| shown(&verifier, &token, &activity))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(microsoft.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_but_invented_keys_make_us_look_once_an_hour() {
    let (old, new, invented) = (
        SigningKey::new("old"),
        SigningKey::new("new"),
        SigningKey::new("invented"),
    );
    let microsoft = Microsoft::publishing(json!([old.published(&[])])).await;
    let verifier = microsoft.verifier();
    let long = claims_with(|claims| claims["exp"] = json!(noon().timestamp() + 90_000));
    let at = |minutes| noon() + TimeDelta::minutes(minutes);
    assert_eq!(shown_at(&verifier, &old.token(&long), &activity(), at(0)).await, Ok(()));
    microsoft.publish(json!([old.published(&[]), new.published(&[])]));
    for minute in [1, 30, 59] {
        let refused = shown_at(&verifier, &invented.token(&long), &activity(), at(minute)).await;
        assert_refused(refused, 401, "key");
    }
    assert_eq!(microsoft.fetches(), 1);
    assert_eq!(
        shown_at(&verifier, &new.token(&long), &activity(), at(60)).await,
        Ok(())
    );
    assert_eq!(
        shown_at(&verifier, &old.token(&long), &activity(), at(61)).await,
        Ok(())
    );
    let (first, second) = (invented.token(&long), activity());
    join_all((0..20).map(|_| shown_at(&verifier, &first, &second, at(120)))).await;
    assert_eq!(microsoft.fetches(), 3);
}

#[tokio::test]
async fn keys_are_fetched_anew_after_a_day_and_old_ones_serve_while_that_fails() {
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    let microsoft = Microsoft::publishing(json!([old.published(&[])])).await;
    let verifier = microsoft.verifier();
    let long = claims_with(|claims| claims["exp"] = json!(noon().timestamp() + 900_000));
    let at = |hours| noon() + TimeDelta::hours(hours);
    assert_eq!(shown_at(&verifier, &old.token(&long), &activity(), at(0)).await, Ok(()));
    assert_eq!(
        shown_at(&verifier, &old.token(&long), &activity(), at(23)).await,
        Ok(())
    );
    assert_eq!(microsoft.fetches(), 1);
    microsoft.go_down();
    for _ in 0..5 {
        assert_eq!(
            shown_at(&verifier, &old.token(&long), &activity(), at(25)).await,
            Ok(())
        );
    }
    assert_eq!(
        microsoft.fetches(),
        2,
        "a failed refresh is not repeated with every activity"
    );
    microsoft.come_back();
    microsoft.publish(json!([new.published(&[])]));
    assert_refused(
        shown_at(&verifier, &old.token(&long), &activity(), at(26)).await,
        401,
        "key",
    );
    assert_eq!(
        shown_at(&verifier, &new.token(&long), &activity(), at(26)).await,
        Ok(())
    );
}

#[tokio::test]
async fn without_any_keys_it_is_our_fault_and_soon_tried_again() {
    let key = SigningKey::new("k1");
    let microsoft = Microsoft::publishing(json!([key.published(&[])])).await;
    let verifier = microsoft.verifier();
    let token = key.token(&claims_with(|_| {}));
    microsoft.go_down();
    let activity = activity();
    let all = join_all((0..20).map(|_| shown(&verifier, &token, &activity))).await;
    for refused in all {
        assert_refused(refused, 503, "not known");
    }
    assert_eq!(microsoft.fetches(), 1);
    microsoft.come_back();
    assert_refused(
        shown_at(&verifier, &token, &activity, noon() + TimeDelta::seconds(9)).await,
        503,
        "503",
    );
    assert_eq!(
        shown_at(&verifier, &token, &activity, noon() + TimeDelta::seconds(10)).await,
        Ok(())
    );
}

#[tokio::test]
async fn odd_key_sets_are_no_keys() {
    let key = SigningKey::new("k1");
    let token = key.token(&claims_with(|_| {}));
    let mut for_encryption = key.published(&[]);
    for_encryption["use"] = json!("enc");
    let symmetric = json!({"kty": "oct", "kid": "k1", "k": "c2VjcmV0", "alg": "HS256"});
    for keys in [
        json!([]),
        json!([for_encryption]),
        json!([symmetric]),
        json!("keys"),
        json!([{"kid": "k1"}, 7]),
    ] {
        let microsoft = Microsoft::publishing(keys.clone()).await;
        assert_refused(
            shown(&microsoft.verifier(), &token, &activity()).await,
            503,
            "no usable key",
        );
    }
    let mut for_another_way = key.published(&[]);
    for_another_way["alg"] = json!("RS512");
    let microsoft = Microsoft::publishing(json!([for_another_way])).await;
    assert_refused(
        shown(&microsoft.verifier(), &token, &activity()).await,
        401,
        "another way",
    );
}

#[tokio::test]
async fn keys_are_not_taken_from_a_place_that_is_not_encrypted() {
    let key = SigningKey::new("k1");
    let elsewhere = Stub::start(|_, _| Said::json(200, &json!({"keys": []}))).await;
    let to = elsewhere.url("/keys");
    let openid = Stub::start(move |_, _| Said::json(200, &json!({"jwks_uri": to}))).await;
    for (url, words) in [(openid.url("/"), "not encrypted"), (nowhere().await, "cannot connect")] {
        let overrides = Overrides {
            openid: Some(url),
            ..Overrides::default()
        };
        let endpoints = Endpoints::of(Cloud::Public, None, &overrides).unwrap();
        let verifier = Verifier::new(&wire(), &endpoints, Some(APP), &[]);
        let refused = shown(&verifier, &key.token(&claims_with(|_| {})), &activity()).await;
        assert_refused(refused, 503, words);
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_further_issuer_is_believed_when_our_own_app_asked_for_its_token() {
    let (teams, entra) = (SigningKey::new("teams"), SigningKey::new("entra"));
    let microsoft = Microsoft::publishing(json!([teams.published(&["msteams"])])).await;
    let entra_keys = Microsoft::publishing(json!([entra.published(&[])])).await;
    let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    let overrides = Overrides {
        openid: Some(microsoft.stub.url("/openid")),
        issuers: vec![Issuer::new(issuer.as_str(), entra_keys.stub.url("/openid"))],
        ..Overrides::default()
    };
    let endpoints = Endpoints::of(Cloud::Public, None, &overrides).unwrap();
    let verifier = Verifier::new(&wire(), &endpoints, Some(APP), &[]);
    let now = noon().timestamp();
    let claims =
        |azp: &str| json!({"iss": issuer, "aud": APP, "azp": azp, "tid": TENANT, "ver": "2.0", "exp": now + 60});
    assert_eq!(shown(&verifier, &entra.token(&claims(APP)), &activity()).await, Ok(()));
    assert_refused(
        shown(&verifier, &entra.token(&claims("other")), &activity()).await,
        401,
        "another app",
    );
    // One issuer's key does not sign for the other.
    assert_refused(
        shown(&verifier, &teams.token(&claims(APP)), &activity()).await,
        401,
        "key",
    );
    assert_refused(
        shown(&verifier, &entra.token(&claims_with(|_| {})), &activity()).await,
        401,
        "key",
    );
    // By default no Entra issuer is believed.
    assert_refused(
        shown(&microsoft.verifier(), &entra.token(&claims(APP)), &activity()).await,
        401,
        "not believed",
    );
}

#[tokio::test]
async fn without_a_registration_only_this_machine_is_heard_and_nobody_through_it() {
    let endpoints = Endpoints::of(Cloud::Public, None, &Overrides::default()).unwrap();
    let verifier = Verifier::new(&wire(), &endpoints, None, &[]);
    let local = activity_with(|body| body["serviceUrl"] = json!("http://localhost:56150/_connector"));
    let heard = async |peer: &str, lines: &[(&'static str, &str)], activity: &Activity| {
        let headers = headers(lines);
        verifier
            .verify(&Caller::of(peer.parse().unwrap(), &headers), activity, noon())
            .await
    };
    for peer in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(heard(peer, &[], &local).await, Ok(()), "{peer}");
    }
    assert_eq!(
        heard("127.0.0.1", &[("authorization", "Bearer whatever")], &local).await,
        Ok(())
    );
    for peer in ["10.0.0.7", "52.112.0.1", "::ffff:10.0.0.7", "fe80::1"] {
        assert_refused(heard(peer, &[], &local).await, 401, "this machine alone");
    }
    for mark in [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-real-ip",
        "via",
        "origin",
    ] {
        assert_refused(
            heard("127.0.0.1", &[(mark, "x")], &local).await,
            401,
            "proxy, a tunnel or a browser",
        );
    }
    let elsewhere = activity_with(|body| body["serviceUrl"] = json!("http://169.254.169.254/latest/"));
    assert_refused(heard("127.0.0.1", &[], &elsewhere).await, 403, "not one of the hosts");
}
