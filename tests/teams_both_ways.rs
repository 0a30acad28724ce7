//! Verifier and connector against Teams in a box, which was written by other hands: both must have read the protocol
//! the same way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use herald::clock::Clock;
use herald::roster::Fact;
use herald::sandbox::{Credential, Sandbox};
use herald::secret::Secrets;
use herald::secret_name::SecretName;
use herald::teams::activity::Activity;
use herald::teams::answer::Answer;
use herald::teams::cloud::Cloud;
use herald::teams::connector::Connector;
use herald::teams::endpoints::{Endpoints, Issuer, Overrides};
use herald::teams::inbound::{Heard, hear};
use herald::teams::place::Acquaintance;
use herald::teams::token::{Credentials, Tokens};
use herald::teams::verify::{Caller, Verifier};
use herald::teams::wire::{Patience, Wire};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// A bot that verifies and hears, and does nothing else.
struct Bot {
    sandbox: Sandbox,
    connector: Connector,
    heard: Arc<Mutex<Vec<Heard>>>,
    _serving: JoinSet<()>,
}

#[derive(Clone)]
struct Ears {
    verifier: Arc<Verifier>,
    heard: Arc<Mutex<Vec<Heard>>>,
    clock: Clock,
}

impl Bot {
    async fn start() -> Bot {
        let sandbox = Sandbox::start_anywhere().await.unwrap();
        let overrides = Overrides {
            token: Some(sandbox.token_url()),
            openid: Some(sandbox.openid_url()),
            issuers: vec![Issuer::new(sandbox.entra_issuer(), sandbox.entra_openid_url())],
            service_url: Some(sandbox.service_url()),
            trusted_hosts: vec!["127.0.0.1".into()],
            ..Overrides::default()
        };
        let endpoints = Endpoints::of(Cloud::Public, Some(sandbox.tenant()), &overrides).unwrap();
        let wire = Wire::new(Patience {
            send: Duration::from_secs(2),
            ..Patience::default()
        })
        .unwrap();
        let name = SecretName::new("HERALD_TEST_BOT_SECRET").unwrap();
        let secrets = Secrets::new(None).or_else([(name.clone(), sandbox.secret().to_owned())]);
        let credentials = Credentials::with_secret(sandbox.app_id().to_owned(), name);
        let clock = Clock::system();
        let tokens = Tokens::new(wire.clone(), &endpoints, credentials, Arc::new(secrets), clock.clone());
        let tenants = [sandbox.tenant().to_owned()];
        let ears = Ears {
            verifier: Arc::new(Verifier::new(&wire, &endpoints, Some(sandbox.app_id()), &tenants)),
            heard: Arc::default(),
            clock: clock.clone(),
        };
        let heard = ears.heard.clone();
        let connector = Connector::new(
            wire,
            endpoints.trusted,
            Some(Arc::new(tokens)),
            Some(sandbox.app_id()),
            clock,
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        sandbox.set_bot_endpoint(format!("http://{}/api/messages", listener.local_addr().unwrap()));
        let routes = Router::new().route("/api/messages", post(listen)).with_state(ears);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let service = routes.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.unwrap();
        });
        Bot {
            sandbox,
            connector,
            heard,
            _serving: serving,
        }
    }

    async fn facts(&self) -> Vec<Fact> {
        self.heard
            .lock()
            .await
            .iter()
            .flat_map(|heard| heard.facts.clone())
            .collect()
    }
}

async fn listen(
    State(ears): State<Ears>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let activity = Activity::parse(&body).expect("Teams sends activities");
    let now = ears.clock.now();
    let caller = Caller::of(peer.ip(), &headers);
    if let Err(refused) = ears.verifier.verify(&caller, &activity, now).await {
        let status = axum::http::StatusCode::from_u16(refused.status()).unwrap();
        return (status, refused.to_string()).into_response();
    }
    let heard = hear(&activity, Acquaintance::Stranger, now);
    let status = axum::http::StatusCode::from_u16(heard.answer.status()).unwrap();
    let body = heard.answer.body();
    ears.heard.lock().await.push(heard);
    match body {
        Some(body) => (status, Json(body)).into_response(),
        None => (status, Body::empty()).into_response(),
    }
}

#[tokio::test]
async fn every_forged_credential_is_refused_and_the_genuine_ones_are_not() {
    let bot = Bot::start().await;
    let activity = json!({
        "type": "message", "id": "1", "channelId": "msteams", "serviceUrl": bot.sandbox.service_url(),
        "from": {"id": "29:1-anna"}, "recipient": {"id": format!("28:{}", bot.sandbox.app_id())},
        "conversation": {"id": "a:1-anna", "conversationType": "personal", "tenantId": bot.sandbox.tenant()},
    });
    for (credential, status) in [
        (Credential::Genuine, 200),
        (Credential::Entra, 200),
        (Credential::Missing, 401),
        (Credential::Header("Bearer nonsense".into()), 401),
        (Credential::Header("Basic eDp5".into()), 401),
        (Credential::ForgedSignature, 401),
        (Credential::UnknownKey, 401),
        (Credential::Expired, 401),
        (Credential::NotYetValid, 401),
        (Credential::WrongAudience, 401),
        (Credential::NoAudience, 401),
        (Credential::WrongIssuer, 401),
        (Credential::WrongServiceUrl, 403),
        (Credential::NoServiceUrl, 401),
        (Credential::Unsigned, 401),
        (Credential::PublicKeyAsSecret, 401),
    ] {
        let answer = bot.sandbox.deliver_with(&activity, &credential).await.unwrap();
        assert_eq!(answer.status, status, "{credential:?}: {}", answer.body);
    }
    assert_eq!(bot.heard.lock().await.len(), 2);
}

#[tokio::test]
async fn what_teams_in_a_box_tells_is_enough_to_write_back_to_everybody_in_it() {
    let bot = Bot::start().await;
    for place in ["Anna Berg", "Platform"] {
        let told = match place {
            "Platform" => bot.sandbox.install_team(place).await,
            _ => bot.sandbox.install_personal(place).await,
        };
        assert!(told.unwrap().iter().all(|answer| answer.accepted()), "{place}");
    }
    let mut places = Vec::new();
    for fact in bot.facts().await {
        match fact {
            Fact::ConversationSeen(chat) => places.push((chat.service_url, chat.id.as_str().to_owned())),
            Fact::TeamSeen(team) => {
                let members = bot
                    .connector
                    .members(&team.service_url, &team.tenant_id, &team.id, || async {})
                    .await
                    .unwrap();
                assert!(members.len() > 1, "{members:?}");
                let channels = bot.connector.channels(&team.service_url, &team.id).await.unwrap();
                assert!(
                    channels
                        .iter()
                        .any(|channel| channel.id == team.id && channel.name.is_none())
                );
                assert_eq!(
                    bot.connector.team(&team.service_url, &team.id).await.unwrap().name,
                    team.name
                );
                for person in &members {
                    let id = person.account_id.as_deref().unwrap();
                    let chat = bot
                        .connector
                        .open_personal(&team.service_url, &team.tenant_id, id)
                        .await
                        .unwrap();
                    places.push((team.service_url.clone(), chat));
                }
                places.push((team.service_url.clone(), team.id));
            }
            _ => {}
        }
    }
    for (service_url, place) in &places {
        let sent = bot
            .connector
            .send(service_url, place, &json!({"type": "message", "text": "hi"}))
            .await;
        assert!(
            matches!(sent.answer, Answer::Accepted { activity_id: Some(_) }),
            "{place}: {:?}",
            sent.answer
        );
    }
    assert_eq!(bot.sandbox.received().len(), places.len());
    bot.sandbox.expire_tokens();
    let (service_url, place) = &places[0];
    let sent = bot
        .connector
        .send(service_url, place, &json!({"type": "message", "text": "again"}))
        .await;
    assert_eq!(sent.status, Some(201), "a token that Teams forgot is replaced");
}

#[tokio::test]
async fn a_person_who_blocks_the_bot_is_recognised() {
    let bot = Bot::start().await;
    bot.sandbox.install_personal("Anna Berg").await.unwrap();
    bot.sandbox.set_blocked("Anna Berg", true).unwrap();
    let id = bot.sandbox.conversation_id("Anna Berg").unwrap();
    let sent = bot
        .connector
        .send(
            &bot.sandbox.service_url(),
            &id,
            &json!({"type": "message", "text": "hi"}),
        )
        .await;
    assert!(
        matches!(&sent.answer, Answer::Blocked { code, .. } if code == "MessageWritesBlocked"),
        "{:?}",
        sent.answer
    );
}
