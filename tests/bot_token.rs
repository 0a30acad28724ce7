//! The bot's own token: asked for once, kept, refreshed early; what the operator reads when there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use herald::clock::{Clock, Hand};
use herald::secret::Secrets;
use herald::secret_name::SecretName;
use herald::teams::cloud::Cloud;
use herald::teams::endpoints::{Endpoints, Overrides};
use herald::teams::token::{Credentials, Tokens};
use herald::teams::wire::{Patience, Wire};
use serde_json::json;

use crate::support::stub::{Asked, Said, Stub, nowhere};

const APP: &str = "b07b07b0-1111-4222-8333-444455556666";
const SECRET: &str = "s3cr3t~with+odd/signs=&%";
const NAME: &str = "HERALD_TEST_BOT_SECRET";

fn patience() -> Patience {
    Patience {
        connect: Duration::from_secs(5),
        look_up: Duration::from_secs(5),
        send: Duration::from_secs(5),
    }
}

fn tokens_at(token_url: &str, clock: Clock, patience: Patience) -> Tokens {
    let overrides = Overrides {
        token: Some(token_url.to_owned()),
        ..Overrides::default()
    };
    let endpoints = Endpoints::of(Cloud::Public, None, &overrides).unwrap();
    let name = SecretName::new(NAME).unwrap();
    let secrets = Secrets::new(None).or_else([(name.clone(), SECRET.to_owned())]);
    let credentials = Credentials::with_secret(APP.to_owned(), name);
    Tokens::new(
        Wire::new(patience).unwrap(),
        &endpoints,
        credentials,
        Arc::new(secrets),
        clock,
    )
}

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn at_noon(stub: &Stub) -> (Tokens, Hand) {
    let (clock, hand) = Clock::manual(noon());
    (tokens_at(&stub.url("/t/oauth2/v2.0/token"), clock, patience()), hand)
}

/// A server whose tokens are numbered and live for an hour.
fn numbered(_: &Asked, before: usize) -> Said {
    Said::json(
        200,
        &json!({"token_type": "Bearer", "expires_in": 3600, "access_token": format!("token-{before}")}),
    )
}

async fn text_of(tokens: &Tokens) -> String {
    let token = tokens.token().await.expect("there is a token");
    token.header().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_bot_asks_as_microsoft_wants_to_be_asked() {
    let stub = Stub::start(numbered).await;
    let (tokens, _hand) = at_noon(&stub);
    assert_eq!(text_of(&tokens).await, "Bearer token-0");
    let asked = &stub.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("POST", "/t/oauth2/v2.0/token")
    );
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(asked.body.as_bytes())
        .into_owned()
        .collect();
    let expected = [
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", SECRET),
        ("scope", "https://api.botframework.com/.default"),
    ];
    assert_eq!(
        fields,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn fifty_callers_at_once_ask_microsoft_once() {
    let stub = Stub::start(|asked, before| numbered(asked, before).after(Duration::from_millis(50))).await;
    let (tokens, _hand) = at_noon(&stub);
    let all = join_all((0..50).map(|_| text_of(&tokens))).await;
    assert!(all.iter().all(|token| token == "Bearer token-0"));
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn fifty_callers_at_once_share_a_refusal_too() {
    let refuse = |_: &Asked, _| Said::json(401, &json!({"error": "invalid_client"})).after(Duration::from_millis(50));
    let stub = Stub::start(refuse).await;
    let (tokens, _hand) = at_noon(&stub);
    let all = join_all((0..50).map(|_| tokens.token())).await;
    assert!(all.iter().all(Result::is_err));
    assert_eq!(stub.asked().len(), 1);
}

#[tokio::test]
async fn a_token_is_refreshed_five_minutes_before_it_ends() {
    let stub = Stub::start(numbered).await;
    let (tokens, hand) = at_noon(&stub);
    assert_eq!(text_of(&tokens).await, "Bearer token-0");
    hand.set(noon() + TimeDelta::minutes(55) - TimeDelta::seconds(1));
    assert_eq!(text_of(&tokens).await, "Bearer token-0");
    hand.set(noon() + TimeDelta::minutes(55));
    assert_eq!(text_of(&tokens).await, "Bearer token-1");
    assert_eq!(stub.asked().len(), 2);
}

#[tokio::test]
async fn a_short_lived_token_serves_two_thirds_of_its_life() {
    let stub = Stub::start(|_, before| {
        Said::json(
            200,
            &json!({"expires_in": "30", "access_token": format!("token-{before}")}),
        )
    })
    .await;
    let (tokens, hand) = at_noon(&stub);
    text_of(&tokens).await;
    hand.set(noon() + TimeDelta::seconds(19));
    assert_eq!(text_of(&tokens).await, "Bearer token-0");
    hand.set(noon() + TimeDelta::seconds(20));
    assert_eq!(text_of(&tokens).await, "Bearer token-1");
}

#[tokio::test]
async fn while_one_caller_refreshes_the_others_go_on_with_the_old_token() {
    let stub = Stub::start(|asked, before| {
        let said = numbered(asked, before);
        if before == 0 {
            said
        } else {
            said.after(Duration::from_millis(200))
        }
    })
    .await;
    let (tokens, hand) = at_noon(&stub);
    text_of(&tokens).await;
    hand.set(noon() + TimeDelta::minutes(56));
    let all = join_all((0..50).map(|_| text_of(&tokens))).await;
    let new = all.iter().filter(|token| *token == "Bearer token-1").count();
    assert_eq!(new, 1, "one waited, the others did not");
    assert_eq!(stub.asked().len(), 2);
    assert_eq!(text_of(&tokens).await, "Bearer token-1");
}

#[tokio::test]
async fn a_token_that_still_works_outlives_a_failing_refresh() {
    let stub = Stub::start(|asked, before| {
        if before == 1 {
            Said::text(503, "<html>busy</html>")
        } else {
            numbered(asked, before)
        }
    })
    .await;
    let (tokens, hand) = at_noon(&stub);
    text_of(&tokens).await;
    hand.set(noon() + TimeDelta::minutes(56));
    assert_eq!(text_of(&tokens).await, "Bearer token-0");
    assert_eq!(text_of(&tokens).await, "Bearer token-0");
    assert_eq!(stub.asked().len(), 2, "the second call did not ask again at once");
    hand.advance(TimeDelta::seconds(2));
    assert_eq!(text_of(&tokens).await, "Bearer token-2");
}

#[tokio::test]
async fn after_a_failure_nobody_asks_for_a_while_and_then_somebody_does() {
    let works = Arc::new(AtomicBool::new(false));
    let now_works = works.clone();
    let stub = Stub::start(move |asked, before| {
        if now_works.load(Ordering::SeqCst) {
            numbered(asked, before)
        } else {
            Said::text(500, "")
        }
    })
    .await;
    let (tokens, hand) = at_noon(&stub);
    for (pause, asked) in [(0, 1), (1, 1), (1, 2), (3, 2), (1, 3)] {
        hand.advance(TimeDelta::seconds(pause));
        assert!(tokens.token().await.is_err());
        assert_eq!(stub.asked().len(), asked);
    }
    works.store(true, Ordering::SeqCst);
    hand.advance(TimeDelta::seconds(60));
    assert_eq!(text_of(&tokens).await, "Bearer token-3");
}

#[tokio::test]
async fn a_refusal_shows_microsofts_number_and_never_the_secret() {
    let echo = |asked: &Asked, _| {
        let description = format!("AADSTS7000215: Invalid client secret provided: {SECRET} {}", asked.body);
        Said::json(
            401,
            &json!({"error": SECRET, "error_description": description, "error_codes": [7_000_215], "correlation_id": SECRET}),
        )
    };
    let stub = Stub::start(echo).await;
    let (tokens, _hand) = at_noon(&stub);
    let problem = tokens.token().await.unwrap_err();
    let shown = problem.to_string();
    assert!(
        shown.starts_with("127.0.0.1 gives no token: status 401, AADSTS7000215: the client secret is wrong"),
        "{shown}"
    );
    assert!(!format!("{shown}{problem:?}{tokens:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn what_is_wrong_with_the_way_to_the_token_is_said_in_a_sentence() {
    let (clock, _hand) = Clock::manual(noon());
    let down = tokens_at(&nowhere().await, clock.clone(), patience());
    let shown = down.token().await.unwrap_err().to_string();
    assert!(shown.starts_with("no token: cannot connect to 127.0.0.1: "), "{shown}");

    let slow = Stub::start(|asked, before| numbered(asked, before).after(Duration::from_secs(30))).await;
    let short = Patience {
        look_up: Duration::from_millis(100),
        ..patience()
    };
    let shown = tokens_at(&slow.url("/"), clock.clone(), short)
        .token()
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(shown, "no token: 127.0.0.1 did not answer within 0.1 s");

    for said in ["", "{}", "<html>", r#"{"access_token":"a b\u0000c"}"#] {
        let odd = Stub::start(move |_, _| Said::text(200, said)).await;
        let shown = tokens_at(&odd.url("/"), clock.clone(), patience())
            .token()
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(shown, "127.0.0.1 answered 200, but with no token in it", "{said}");
    }
}

#[tokio::test]
async fn the_secret_does_not_follow_a_redirect() {
    let thief = Stub::start(numbered).await;
    let to = thief.url("/");
    let stub = Stub::start(move |_, _| Said::text(307, "").header("location", to.clone())).await;
    let (tokens, _hand) = at_noon(&stub);
    let shown = tokens.token().await.unwrap_err().to_string();
    assert_eq!(shown, "127.0.0.1 gives no token: status 307");
    assert!(thief.asked().is_empty());
}

#[tokio::test]
async fn a_missing_secret_is_named_before_anybody_is_asked() {
    let stub = Stub::start(numbered).await;
    let (clock, _hand) = Clock::manual(noon());
    let overrides = Overrides {
        token: Some(stub.url("/")),
        ..Overrides::default()
    };
    let credentials = Credentials::with_secret(APP.to_owned(), SecretName::new("HERALD_TEST_NOWHERE").unwrap());
    let endpoints = Endpoints::of(Cloud::Public, None, &overrides).unwrap();
    let wire = Wire::new(patience()).unwrap();
    let tokens = Tokens::new(wire, &endpoints, credentials, Arc::new(Secrets::new(None)), clock);
    let shown = tokens.token().await.unwrap_err().to_string();
    assert!(
        shown.contains("HERALD_TEST_NOWHERE") && shown.contains("missing"),
        "{shown}"
    );
    assert!(stub.asked().is_empty());
}

#[tokio::test]
async fn a_refused_token_is_thrown_away_once_however_many_noticed() {
    let stub = Stub::start(numbered).await;
    let (tokens, _hand) = at_noon(&stub);
    let refused = tokens.token().await.unwrap();
    tokens.discard(&refused);
    assert_eq!(text_of(&tokens).await, "Bearer token-1");
    tokens.discard(&refused);
    assert_eq!(text_of(&tokens).await, "Bearer token-1");
}
