//! Talking to Teams over real HTTP: what is sent, what answers mean, what is never done.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use herald::clock::Clock;
use herald::secret::Secrets;
use herald::secret_name::SecretName;
use herald::teams::answer::Answer;
use herald::teams::cloud::Cloud;
use herald::teams::connector::{Connector, TeamDetails};
use herald::teams::endpoints::{Endpoints, Overrides};
use herald::teams::token::{Credentials, Tokens};
use herald::teams::wire::{Patience, Wire};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::stub::{Asked, Said, Stub, nowhere};

const APP: &str = "b07b07b0-1111-4222-8333-444455556666";
const TENANT: &str = "7e4a4700-aaaa-4bbb-8ccc-ddddeeee0001";
const CHANNEL: &str = "19:alerts@thread.tacv2;messageid=17";

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn wire() -> Wire {
    Wire::new(Patience {
        connect: Duration::from_secs(5),
        look_up: Duration::from_secs(5),
        send: Duration::from_secs(1),
    })
    .unwrap()
}

fn endpoints(token: Option<String>, trusted_hosts: &[&str]) -> Endpoints {
    let overrides = Overrides {
        token,
        trusted_hosts: trusted_hosts.iter().map(|host| (*host).to_owned()).collect(),
        ..Overrides::default()
    };
    Endpoints::of(Cloud::Public, None, &overrides).unwrap()
}

/// A connector with credentials, the server that gives it numbered tokens, and nobody but this machine trusted.
async fn with_token(trusted_hosts: &[&str]) -> (Connector, Stub) {
    let login = Stub::start(|_, before| {
        Said::json(
            200,
            &json!({"expires_in": 3600, "access_token": format!("token-{before}")}),
        )
    })
    .await;
    let endpoints = endpoints(Some(login.url("/token")), trusted_hosts);
    let secret = SecretName::new("HERALD_TEST_BOT_SECRET").unwrap();
    let secrets = Secrets::new(None).or_else([(secret.clone(), "s3cr3t".to_owned())]);
    let credentials = Credentials::with_secret(APP.to_owned(), secret);
    let (clock, _) = Clock::manual(noon());
    let tokens = Tokens::new(wire(), &endpoints, credentials, Arc::new(secrets), clock.clone());
    let connector = Connector::new(wire(), endpoints.trusted, Some(Arc::new(tokens)), Some(APP), clock);
    (connector, login)
}

fn without_token() -> Connector {
    let (clock, _) = Clock::manual(noon());
    Connector::new(wire(), endpoints(None, &[]).trusted, None, None, clock)
}

fn created(id: &'static str) -> impl FnMut(&Asked, usize) -> Said + Send + 'static {
    move |_, _| Said::json(201, &json!({"id": id}))
}

fn card() -> Value {
    json!({"type": "message", "text": "grün 🟢"})
}

#[tokio::test]
async fn a_message_goes_to_its_conversation_with_the_token() {
    let teams = Stub::start(created("1772440000001")).await;
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    for base in ["/emea", "/emea/", "/emea/7e4a4700//"] {
        let sent = connector.send(&teams.url(base), CHANNEL, &card()).await;
        assert_eq!(
            sent.answer,
            Answer::Accepted {
                activity_id: Some("1772440000001".into())
            }
        );
        assert_eq!(sent.status, Some(201));
    }
    let asked = teams.asked();
    assert_eq!(asked[0].method, "POST");
    assert_eq!(
        asked[0].path,
        "/emea/v3/conversations/19%3Aalerts%40thread.tacv2%3Bmessageid%3D17/activities"
    );
    assert_eq!(asked[1].path, asked[0].path);
    assert!(asked[2].path.starts_with("/emea/7e4a4700/v3/conversations/19%3A"));
    assert_eq!(asked[0].header("authorization"), Some("Bearer token-0"));
    assert_eq!(asked[0].header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(asked[0].json(), card());
}

#[tokio::test]
async fn a_bot_without_registration_shows_no_token() {
    let emulator = Stub::start(created("1")).await;
    let sent = without_token().send(&emulator.url("/_connector"), "a:1", &card()).await;
    assert_eq!(sent.status, Some(201));
    assert_eq!(emulator.asked()[0].header("authorization"), None);
}

#[tokio::test]
async fn nobody_but_a_trusted_host_is_called() {
    let stranger = Stub::start(created("1")).await;
    let (connector, login) = with_token(&[]).await;
    for service_url in [
        stranger.url("/"),
        stranger.url("/").replace("127.0.0.1", "localhost"),
        "https://smba.trafficmanager.net.evil.example/".to_owned(),
        "http://smba.trafficmanager.net/".to_owned(),
        String::new(),
    ] {
        let sent = connector.send(&service_url, "a:1", &card()).await;
        assert_eq!(sent.status, None, "{service_url}");
        assert!(
            matches!(sent.answer, Answer::Rejected { .. }),
            "{service_url}: {:?}",
            sent.answer
        );
    }
    assert!(stranger.asked().is_empty());
    assert!(login.asked().is_empty(), "not even a token was asked for");
    let beyond = without_token().send("http://192.0.2.1/", "a:1", &card()).await;
    assert!(matches!(beyond.answer, Answer::Rejected { .. }));
}

#[tokio::test]
async fn the_token_does_not_follow_a_redirect() {
    let thief = Stub::start(created("1")).await;
    let to = thief.url("/");
    let teams = Stub::start(move |_, _| Said::text(308, "").header("location", to.clone())).await;
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    let sent = connector.send(&teams.url("/"), "a:1", &card()).await;
    assert!(matches!(sent.answer, Answer::Unavailable { .. }), "{:?}", sent.answer);
    assert!(thief.asked().is_empty());
}

#[tokio::test]
async fn an_id_cannot_leave_its_place_in_the_path() {
    let teams = Stub::start(created("1")).await;
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    let long = "x".repeat(1025);
    for id in ["", ".", "..", "...", long.as_str()] {
        let sent = connector.send(&teams.url("/"), id, &card()).await;
        assert!(matches!(sent.answer, Answer::Rejected { .. }), "{id}");
    }
    assert!(teams.asked().is_empty());
    for id in ["../../v3/teams", "a/b?c#d", "%2e%2e", "a\\b", "a\r\nb", "ü"] {
        connector.send(&teams.url("/"), id, &card()).await;
    }
    for asked in teams.asked() {
        let parts: Vec<&str> = asked.path.split('/').collect();
        assert_eq!(
            (parts.len(), parts[4], asked.query.as_str()),
            (5, "activities", ""),
            "{}",
            asked.path
        );
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_message_sent_again() {
    let teams = Stub::start(|asked, _| {
        if asked.header("authorization") == Some("Bearer token-0") {
            Said::json(
                401,
                &json!({"message": "Authorization has been denied for this request."}),
            )
        } else {
            Said::json(201, &json!({"id": "1"}))
        }
    })
    .await;
    let (connector, login) = with_token(&["127.0.0.1"]).await;
    let url = teams.url("/");
    let card = card();
    let all = join_all((0..20).map(|_| connector.send(&url, "a:1", &card))).await;
    assert!(all.iter().all(|sent| sent.status == Some(201)));
    assert_eq!(login.asked().len(), 2, "one new token served all of them");
}

#[tokio::test]
async fn a_bot_that_teams_does_not_accept_at_all_is_not_tried_in_a_loop() {
    let teams = Stub::always(401).await;
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    let sent = connector.send(&teams.url("/"), "a:1", &card()).await;
    assert!(matches!(sent.answer, Answer::Unauthorized { .. }));
    assert_eq!(sent.status, Some(401));
    assert_eq!(teams.asked().len(), 2);
}

#[tokio::test]
async fn without_a_token_teams_is_not_asked_and_the_reason_is_kept() {
    let teams = Stub::start(created("1")).await;
    let login =
        Stub::start(|_, _| Said::json(400, &json!({"error": "unauthorized_client", "error_codes": [700_016]}))).await;
    let endpoints = endpoints(Some(login.url("/")), &["127.0.0.1"]);
    let secret = SecretName::new("HERALD_TEST_BOT_SECRET").unwrap();
    let secrets = Secrets::new(None).or_else([(secret.clone(), "s3cr3t".to_owned())]);
    let credentials = Credentials::with_secret(APP.to_owned(), secret);
    let (clock, _) = Clock::manual(noon());
    let tokens = Tokens::new(wire(), &endpoints, credentials, Arc::new(secrets), clock.clone());
    let connector = Connector::new(wire(), endpoints.trusted, Some(Arc::new(tokens)), Some(APP), clock);
    let sent = connector.send(&teams.url("/"), "a:1", &card()).await;
    let Answer::NoToken { reason } = sent.answer else {
        panic!("{:?}", sent.answer)
    };
    assert!(
        reason.contains("AADSTS700016") && reason.contains("bot.tenant"),
        "{reason}"
    );
    assert!(teams.asked().is_empty());
}

#[tokio::test]
async fn a_throttle_is_told_with_and_without_the_time_to_wait() {
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    let date = (noon() + TimeDelta::seconds(9))
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    for (header, wait) in [(Some("7".to_owned()), Some(7)), (Some(date), Some(9)), (None, None)] {
        let teams = Stub::start(move |_, _| {
            let said = Said::json(429, &json!({"error": {"code": "Throttled"}}));
            match &header {
                Some(value) => said.header("retry-after", value.clone()),
                None => said,
            }
        })
        .await;
        let sent = connector.send(&teams.url("/"), "a:1", &card()).await;
        let wait = wait.map(Duration::from_secs);
        assert_eq!(sent.answer, Answer::Throttled { wait });
    }
}

fn reason(answer: &Answer) -> &str {
    match answer {
        Answer::Unavailable { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refused_connection_a_silence_and_a_hang_up_are_told_apart() {
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    let sent = connector.send(&nowhere().await, "a:1", &card()).await;
    assert!(
        reason(&sent.answer).starts_with("cannot connect to 127.0.0.1: "),
        "{:?}",
        sent.answer
    );
    assert_eq!(sent.status, None);

    let silent = Stub::start(|_, _| Said::json(201, &json!({})).after(Duration::from_secs(30))).await;
    let sent = connector.send(&silent.url("/"), "a:1", &card()).await;
    assert_eq!(reason(&sent.answer), "127.0.0.1 did not answer within 1 s");

    for (half, words) in [
        ("", "the connection to 127.0.0.1 broke"),
        (
            "HTTP/1.1 201 Created\r\ncontent-length: 90\r\n\r\n{\"id\"",
            "the connection to 127.0.0.1 broke",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                assert!(socket.read(&mut request).await.unwrap() > 0);
                socket.write_all(half.as_bytes()).await.unwrap();
            }
        });
        let sent = connector.send(&url, "a:1", &card()).await;
        assert!(reason(&sent.answer).starts_with(words), "{half:?}: {:?}", sent.answer);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_the_end() {
    let teams = Stub::start(|_, _| Said::endless()).await;
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    let sent = connector.send(&teams.url("/"), "a:1", &card()).await;
    assert_eq!(sent.answer, Answer::Accepted { activity_id: None });
    let members = connector.members(&teams.url("/"), TENANT, "19:team", || async {}).await;
    assert!(reason(&members.unwrap_err()).contains("8 MiB"));
}

#[tokio::test]
async fn a_personal_chat_is_opened_by_either_id() {
    let teams = Stub::start(created("a:1-anna")).await;
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    for member in ["29:1-anna", "a44a0000-0001-4002-8003-000000000004"] {
        let id = connector
            .open_personal(&teams.url("/emea/"), TENANT, member)
            .await
            .unwrap();
        assert_eq!(id, "a:1-anna");
        let asked = teams.asked().pop().unwrap();
        assert_eq!(asked.path, "/emea/v3/conversations");
        assert_eq!(
            asked.json(),
            json!({
                "isGroup": false, "bot": {"id": format!("28:{APP}")}, "members": [{"id": member}],
                "tenantId": TENANT, "channelData": {"tenant": {"id": TENANT}},
            })
        );
    }
    let refusing =
        Stub::start(|_, _| Said::json(403, &json!({"error": {"code": "ForbiddenOperationException"}}))).await;
    let sent = connector
        .open_personal(&refusing.url("/"), TENANT, "x")
        .await
        .unwrap_err();
    assert!(matches!(sent.answer, Answer::Unreachable { .. }));
    assert_eq!(sent.status, Some(403));
    let mute = Stub::always(201).await;
    let sent = connector.open_personal(&mute.url("/"), TENANT, "x").await.unwrap_err();
    assert!(reason(&sent.answer).contains("without telling its id"));
}

#[tokio::test]
async fn all_pages_of_members_are_read_and_bots_left_out() {
    let teams = Stub::start(|asked, _| {
        let query: Vec<(String, String)> = url::form_urlencoded::parse(asked.query.as_bytes())
            .into_owned()
            .collect();
        let token = query
            .iter()
            .find(|(name, _)| name == "continuationToken")
            .map(|(_, value)| value.as_str());
        assert!(query.contains(&("pageSize".into(), "500".into())));
        Said::json(
            200,
            &match token {
                None => json!({"continuationToken": "a+b/c=", "members": [
                    {"id": "29:1-anna", "aadObjectId": "A44A0000", "objectId": "ignored", "name": "Anna Berg",
                     "email": "anna@contoso.example", "userPrincipalName": "anna.berg@contoso.example",
                     "userRole": "user", "tenantId": "7E4A"},
                    {"id": "28:bot", "name": "Herald"},
                ]}),
                Some("a+b/c=") => json!({"continuationToken": "", "members": [
                    {"id": "29:1-guest", "objectId": "6E57", "userRole": "guest"}, {"name": "nobody"},
                ]}),
                Some(other) => panic!("{other}"),
            },
        )
    })
    .await;
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    let people = connector
        .members(&teams.url("/"), TENANT, "19:operations@thread.tacv2", || async {})
        .await
        .unwrap();
    assert_eq!(
        teams.asked()[0].path,
        "/v3/conversations/19%3Aoperations%40thread.tacv2/pagedmembers"
    );
    assert_eq!(people.len(), 2, "{people:?}");
    assert_eq!(people[0].aad_object_id.as_deref(), Some("a44a0000"));
    assert_eq!(people[0].tenant_id, "7e4a");
    assert_eq!(people[0].email.as_deref(), Some("anna@contoso.example"));
    assert_eq!(people[1].aad_object_id.as_deref(), Some("6e57"));
    assert_eq!(people[1].tenant_id, TENANT);
    assert_eq!(people[1].role.as_deref(), Some("guest"));
}

#[tokio::test]
async fn a_list_that_goes_round_in_a_circle_is_no_list() {
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    let circle = Stub::start(|_, _| Said::json(200, &json!({"continuationToken": "again", "members": []}))).await;
    let answer = connector
        .members(&circle.url("/"), TENANT, "19:x", || async {})
        .await
        .unwrap_err();
    assert!(reason(&answer).contains("no end"));
    assert_eq!(circle.asked().len(), 2);
}

#[tokio::test]
async fn a_page_that_is_refused_leaves_no_half_roster() {
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    let teams = Stub::start(|_, before| match before {
        0 => Said::json(200, &json!({"continuationToken": "2", "members": [{"id": "29:1"}]})),
        _ => Said::json(429, &json!({})).header("retry-after", "3"),
    })
    .await;
    let answer = connector
        .members(&teams.url("/"), TENANT, "19:x", || async {})
        .await
        .unwrap_err();
    assert_eq!(
        answer,
        Answer::Throttled {
            wait: Some(Duration::from_secs(3))
        }
    );
}

#[tokio::test]
async fn teams_channels_and_single_members_are_read() {
    let teams = Stub::start(|asked, _| match asked.path.as_str() {
        "/v3/teams/19%3At" => Said::json(200, &json!({"id": "19:t", "name": "Operations", "aadGroupId": "64"})),
        "/v3/teams/19%3At/conversations" => Said::json(
            200,
            &json!({"conversations": [{"id": "19:t", "name": null}, {"id": "19:a", "name": "Alerts"}, {"name": "odd"}]}),
        ),
        "/v3/conversations/19%3At/members/anna%40contoso.example" => Said::json(200, &json!({"id": "29:1-anna"})),
        "/v3/conversations/19%3At/members/odd" => Said::json(200, &json!([1])),
        other => panic!("{other}"),
    })
    .await;
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    let url = teams.url("/");
    let details = connector.team(&url, "19:t").await.unwrap();
    let expected = TeamDetails {
        name: Some("Operations".into()),
        aad_group_id: Some("64".into()),
    };
    assert_eq!(details, expected);
    let channels = connector.channels(&url, "19:t").await.unwrap();
    let named: Vec<_> = channels
        .iter()
        .map(|channel| (channel.id.as_str(), channel.name.as_deref()))
        .collect();
    assert_eq!(named, [("19:t", None), ("19:a", Some("Alerts"))]);
    let anna = connector
        .member(&url, TENANT, "19:t", "anna@contoso.example")
        .await
        .unwrap();
    assert_eq!(anna.account_id.as_deref(), Some("29:1-anna"));
    assert!(connector.member(&url, TENANT, "19:t", "odd").await.is_err());
}

#[tokio::test]
async fn an_answer_that_is_no_list_is_not_taken_for_an_empty_one() {
    let (connector, _login) = with_token(&["127.0.0.1"]).await;
    for body in [
        "{}",
        "[]",
        "",
        "null",
        r#"{"members":null}"#,
        r#"{"conversations":"none"}"#,
    ] {
        let teams = Stub::start(move |_, _| Said::text(200, body)).await;
        let members = connector.members(&teams.url("/"), TENANT, "19:t", || async {}).await;
        let channels = connector.channels(&teams.url("/"), "19:t").await;
        assert!(members.is_err(), "{body}: {members:?}");
        assert!(channels.is_err(), "{body}: {channels:?}");
    }
}
