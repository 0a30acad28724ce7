//! Teams in a box answers as Teams does, and tells the bot what Teams tells.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use herald::sandbox::{ChannelChange, Credential, Limits, Operation, Options, Sandbox, Script, TeamChange};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(10);

/// A client that holds a token, as the engine's connector does.
struct Bot {
    http: reqwest::Client,
    sandbox: Sandbox,
    token: String,
}

struct Answer {
    status: u16,
    body: Value,
    retry_after: Option<u64>,
}

impl Bot {
    async fn of(sandbox: &Sandbox) -> Bot {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let mut bot = Bot {
            http,
            sandbox: sandbox.clone(),
            token: String::new(),
        };
        let answer = bot.ask_token(&bot.form()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        bot.token = answer.body["access_token"].as_str().unwrap().to_owned();
        bot
    }

    fn form(&self) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", self.sandbox.app_id().to_owned()),
            ("client_secret", self.sandbox.secret().to_owned()),
            ("scope", "https://api.botframework.com/.default".to_owned()),
        ]
    }

    async fn ask_token(&self, form: &[(&'static str, String)]) -> Answer {
        read(self.http.post(self.sandbox.token_url()).form(form)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.service_url())
    }

    async fn get(&self, path: &str) -> Answer {
        read(self.http.get(self.url(path)).bearer_auth(&self.token)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        read(self.http.post(self.url(path)).bearer_auth(&self.token).json(body)).await
    }

    async fn send(&self, conversation: &str, body: &Value) -> Answer {
        self.post(&format!("v3/conversations/{}/activities", segment(conversation)), body)
            .await
    }

    async fn create(&self, body: &Value) -> Answer {
        self.post("v3/conversations", body).await
    }
}

async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get("retry-after")
        .map(|value| value.to_str().unwrap().parse().unwrap());
    let text = response.text().await.unwrap();
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or(json!(text))
    };
    Answer {
        status,
        body,
        retry_after,
    }
}

/// An id as one segment of a path.
fn segment(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn hello() -> Value {
    json!({"type": "message", "text": "hello"})
}

fn refused(answer: &Answer, status: u16, code: &str, message: &str) {
    assert_eq!(answer.body, json!({"error": {"code": code, "message": message}}));
    assert_eq!(answer.status, status);
}

/// A bot endpoint that remembers what it was told and answers what it is set to.
struct Endpoint {
    heard: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    answer: watch::Sender<(u16, Value)>,
    url: String,
    _task: JoinSet<()>,
}

impl Endpoint {
    async fn start() -> Endpoint {
        type App = (Arc<Mutex<Vec<(HeaderMap, Value)>>>, watch::Receiver<(u16, Value)>);
        async fn messages(
            State((heard, answer)): State<App>,
            headers: HeaderMap,
            body: String,
        ) -> (axum::http::StatusCode, String) {
            heard.lock().await.push((headers, serde_json::from_str(&body).unwrap()));
            let (status, body) = answer.borrow().clone();
            (
                axum::http::StatusCode::from_u16(status).unwrap(),
                if body.is_null() {
                    String::new()
                } else {
                    body.to_string()
                },
            )
        }
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (answer, current) = watch::channel((200, Value::Null));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/messages", listener.local_addr().unwrap());
        let app = Router::new()
            .route("/api/messages", post(messages))
            .with_state((heard.clone(), current));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Endpoint {
            heard,
            answer,
            url,
            _task: task,
        }
    }

    async fn take(&self) -> Vec<Value> {
        self.heard
            .lock()
            .await
            .drain(..)
            .map(|(_, activity)| activity)
            .collect()
    }
}

async fn sandbox_with_bot() -> (Sandbox, Endpoint) {
    let endpoint = Endpoint::start().await;
    let options = Options {
        bot_endpoint: Some(endpoint.url.clone()),
        ..Options::default()
    };
    (
        Sandbox::start(([127, 0, 0, 1], 0).into(), options).await.unwrap(),
        endpoint,
    )
}

// ---- sign-in ----

#[tokio::test]
async fn a_token_is_given_for_the_right_secret_and_refused_in_entras_words_otherwise() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    for (field, value, status, error, code) in [
        ("client_secret", "wrong", 401, "invalid_client", 7000215),
        ("client_id", "somebody", 400, "unauthorized_client", 700016),
        (
            "scope",
            "https://graph.microsoft.com/.default",
            400,
            "invalid_scope",
            70011,
        ),
        ("grant_type", "password", 400, "unsupported_grant_type", 70003),
    ] {
        let mut form = bot.form();
        form.iter_mut().find(|(name, _)| *name == field).unwrap().1 = value.to_owned();
        let answer = bot.ask_token(&form).await;
        assert_eq!(answer.status, status, "{field}");
        assert_eq!(answer.body["error"], error);
        assert_eq!(answer.body["error_codes"], json!([code]));
        assert!(
            answer.body["error_description"]
                .as_str()
                .unwrap()
                .starts_with(&format!("AADSTS{code}: "))
        );
    }
    let elsewhere = sandbox.token_url().replace(sandbox.tenant(), "another-tenant");
    let answer = read(bot.http.post(elsewhere).form(&bot.form())).await;
    assert_eq!((answer.status, &answer.body["error_codes"]), (400, &json!([90002])));
    assert_eq!(sandbox.count(Operation::Token), 6);
}

#[tokio::test]
async fn the_connector_wants_a_token_that_is_still_valid() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let mut bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    assert_eq!(bot.send(&chat, &hello()).await.status, 201);

    sandbox.expire_tokens();
    let answer = bot.send(&chat, &hello()).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.body,
        json!({"message": "Authorization has been denied for this request."})
    );

    bot.token = Bot::of(&sandbox).await.token;
    assert_eq!(bot.send(&chat, &hello()).await.status, 201);
    bot.token = "invented".to_owned();
    assert_eq!(bot.send(&chat, &hello()).await.status, 401);
}

#[tokio::test]
async fn genuine_activities_verify_with_the_published_key_and_forged_ones_do_not() {
    let (sandbox, endpoint) = sandbox_with_bot().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let openid = read(http.get(sandbox.openid_url())).await.body;
    assert_eq!(openid["issuer"], "https://api.botframework.com");
    let keys = read(http.get(openid["jwks_uri"].as_str().unwrap())).await.body;
    assert_eq!(keys["keys"][0]["endorsements"], json!(["msteams"]));

    let verify = |headers: &HeaderMap| {
        let token = headers["authorization"]
            .to_str()
            .unwrap()
            .strip_prefix("Bearer ")
            .unwrap()
            .to_owned();
        let key = DecodingKey::from_rsa_components(
            keys["keys"][0]["n"].as_str().unwrap(),
            keys["keys"][0]["e"].as_str().unwrap(),
        )
        .unwrap();
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_audience(&[sandbox.app_id()]);
        rules.set_issuer(&[sandbox.issuer()]);
        rules.set_required_spec_claims(&["exp", "aud", "iss"]);
        rules.validate_nbf = true;
        jsonwebtoken::decode::<Value>(&token, &key, &rules).map(|token| token.claims)
    };
    let activity = sandbox.activity("Anna Berg", "Anna Berg", "hi").unwrap();
    sandbox.deliver(&activity).await.unwrap();
    let claims = verify(&endpoint.heard.lock().await[0].0).unwrap();
    assert_eq!(claims["serviceurl"], sandbox.service_url());
    assert_eq!(endpoint.heard.lock().await[0].1["serviceUrl"], sandbox.service_url());

    for forgery in [
        Credential::ForgedSignature,
        Credential::UnknownKey,
        Credential::Expired,
        Credential::NotYetValid,
        Credential::WrongAudience,
        Credential::NoAudience,
        Credential::WrongIssuer,
        Credential::Unsigned,
        Credential::PublicKeyAsSecret,
        Credential::Entra,
    ] {
        endpoint.heard.lock().await.clear();
        sandbox.deliver_with(&activity, &forgery).await.unwrap();
        assert!(
            verify(&endpoint.heard.lock().await[0].0).is_err(),
            "{forgery:?} verifies"
        );
    }
    endpoint.heard.lock().await.clear();
    sandbox
        .deliver_with(&activity, &Credential::WrongServiceUrl)
        .await
        .unwrap();
    let claims = verify(&endpoint.heard.lock().await[0].0).unwrap();
    assert_ne!(claims["serviceurl"], sandbox.service_url());
    sandbox.deliver_with(&activity, &Credential::Missing).await.unwrap();
    assert!(!endpoint.heard.lock().await[1].0.contains_key("authorization"));

    sandbox.rotate_keys();
    let rotated = read(http.get(openid["jwks_uri"].as_str().unwrap())).await.body;
    assert_ne!(rotated["keys"][0]["kid"], keys["keys"][0]["kid"]);
    sandbox.deliver(&activity).await.unwrap();
    assert!(
        verify(&endpoint.heard.lock().await[2].0).is_err(),
        "the old key verifies what the new one signed"
    );
}

#[tokio::test]
async fn an_emulators_token_names_the_bot_as_both_sides_and_no_service_address() {
    let (sandbox, endpoint) = sandbox_with_bot().await;
    let activity = sandbox.activity("Anna Berg", "Anna Berg", "hi").unwrap();
    sandbox.deliver_with(&activity, &Credential::Entra).await.unwrap();
    let heard = endpoint.heard.lock().await;
    let token = heard[0].0["authorization"].to_str().unwrap().to_owned();
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(claims["iss"], sandbox.entra_issuer());
    assert_eq!(
        (&claims["aud"], &claims["azp"]),
        (&json!(sandbox.app_id()), &json!(sandbox.app_id()))
    );
    assert!(claims["serviceurl"].is_null());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let openid = read(http.get(sandbox.entra_openid_url())).await.body;
    assert_eq!(openid["issuer"], sandbox.entra_issuer());
    let keys = read(http.get(openid["jwks_uri"].as_str().unwrap())).await.body;
    assert!(
        keys["keys"][0]["endorsements"].is_null(),
        "only channel keys are endorsed"
    );
}

// ---- sending ----

#[tokio::test]
async fn messages_arrive_in_personal_chats_group_chats_channels_and_threads() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    for name in ["Anna Berg", "Finance room", "Platform"] {
        sandbox.place_silently(name, true).unwrap();
    }
    let mut last = 0;
    for name in ["Anna Berg", "Finance room", "Platform / Releases", "Platform / General"] {
        let answer = bot.send(&sandbox.conversation_id(name).unwrap(), &hello()).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.body);
        let id: u64 = answer.body["id"].as_str().unwrap().parse().unwrap();
        assert!(id > last, "message ids grow");
        last = id;
    }
    let channel = sandbox.conversation_id("Platform / Releases").unwrap();
    let root = sandbox.received()[2].activity_id.clone().unwrap();
    let thread = format!("{channel};messageid={root}");
    assert_eq!(bot.send(&thread, &hello()).await.status, 201);
    let reply = format!("v3/conversations/{}/activities/{root}/", segment(&channel));
    assert_eq!(bot.post(&reply, &hello()).await.status, 201, "with a slash at the end");

    let received = sandbox.wait_for(6, PATIENCE).await.unwrap();
    assert_eq!(received[4].conversation, thread);
    assert_eq!(
        received[5].conversation, thread,
        "a reply in a channel belongs to the thread"
    );
    assert_eq!(sandbox.received_in("Platform / Releases").len(), 3);
    assert_eq!(sandbox.count(Operation::Send), 5);
}

#[tokio::test]
async fn a_message_can_be_replaced_and_deleted_once() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    let id = bot.send(&chat, &hello()).await.body["id"].as_str().unwrap().to_owned();
    let url = bot.url(&format!("v3/conversations/{}/activities/{id}", segment(&chat)));

    let answer = read(bot.http.put(&url).bearer_auth(&bot.token).json(&hello())).await;
    assert_eq!((answer.status, answer.body), (200, json!({"id": id})));
    let answer = read(bot.http.delete(&url).bearer_auth(&bot.token)).await;
    assert_eq!((answer.status, answer.body), (200, Value::Null));
    let gone = "The activity was not found in the conversation.";
    refused(
        &read(bot.http.delete(&url).bearer_auth(&bot.token)).await,
        404,
        "ActivityNotFoundInConversation",
        gone,
    );
    let answer = read(bot.http.put(&url).bearer_auth(&bot.token).json(&hello())).await;
    refused(&answer, 404, "ActivityNotFoundInConversation", gone);
}

#[tokio::test]
async fn what_teams_refuses_is_refused_with_teams_own_body() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    sandbox.place_silently("Platform", true).unwrap();
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    let channel = sandbox.conversation_id("Platform / Releases").unwrap();

    refused(
        &bot.send("a:1unknown", &hello()).await,
        404,
        "ConversationNotFound",
        "Conversation not found.",
    );
    let roster = "The bot is not part of the conversation roster.";
    let stranger = sandbox.conversation_id("Finance room").unwrap();
    refused(
        &bot.send(&stranger, &hello()).await,
        403,
        "BotNotInConversationRoster",
        roster,
    );
    let nothing = "Bad format of conversation message: Activity must include text or attachments";
    refused(
        &bot.send(&chat, &json!({"type": "message"})).await,
        400,
        "BadSyntax",
        nothing,
    );
    let typeless = "The 'Activity.Type' field is required.";
    refused(
        &bot.send(&chat, &json!({"text": "x"})).await,
        400,
        "BadArgument",
        typeless,
    );
    refused(
        &bot.send(&chat, &json!([1])).await,
        400,
        "BadSyntax",
        "The request body is not an activity",
    );
    let threaded = format!("{chat};messageid=1772440000001");
    refused(
        &bot.send(&threaded, &hello()).await,
        400,
        "BadArgument",
        "Failed to decrypt conversation id",
    );
    let zero = format!("{channel};messageid=0");
    refused(
        &bot.send(&zero, &hello()).await,
        400,
        "BadArgument",
        "Invalid message id in the conversation id",
    );
    let string = json!({"type": "message", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": "{\"type\":\"AdaptiveCard\"}"}]});
    assert_eq!(bot.send(&chat, &string).await.body["error"]["code"], "BadArgument");
    let body = bot
        .http
        .post(bot.url(&format!("v3/conversations/{}/activities", segment(&chat))))
        .bearer_auth(&bot.token);
    refused(
        &read(body.body("{")).await,
        400,
        "BadSyntax",
        "The request body is not JSON",
    );

    sandbox
        .change_team("Platform", TeamChange::Archived, "")
        .await
        .expect_err("there is no bot to tell");
    assert_eq!(
        bot.send(&channel, &hello()).await.body["error"]["code"],
        "NotEnoughPermissions"
    );
    assert!(sandbox.received().is_empty(), "nothing of this arrived");
    let unrouted = bot.get("v3/batch/conversation/x").await;
    assert_eq!(
        (unrouted.status, &unrouted.body["error"]["code"]),
        (404, &json!("NotFound"))
    );
}

#[tokio::test]
async fn somebody_who_blocked_the_bot_gets_nothing_and_the_reason_is_a_document_in_a_string() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Omar Haddad", true).unwrap();
    sandbox.set_blocked("Omar Haddad", true).unwrap();
    let chat = sandbox.conversation_id("Omar Haddad").unwrap();
    let answer = bot.send(&chat, &hello()).await;
    assert_eq!(answer.status, 403);
    let seed = json!({"errorCode": 209, "message": "{\r\n  \"subCode\": \"MessageWritesBlocked\",\r\n  \"details\": \"Thread is blocked from message writes.\",\r\n  \"errorCode\": null,\r\n  \"errorSubCode\": null\r\n}"});
    assert_eq!(answer.body, seed);
    sandbox.set_blocked("Omar Haddad", false).unwrap();
    assert_eq!(bot.send(&chat, &hello()).await.status, 201);
}

#[tokio::test]
async fn a_message_is_too_big_above_100_kilobytes_of_utf16_without_its_images() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    let text = |length| json!({"type": "message", "text": "x".repeat(length)});
    assert_eq!(bot.send(&chat, &text(51_000)).await.status, 201);
    refused(
        &bot.send(&chat, &text(51_200)).await,
        413,
        "MessageSizeTooBig",
        "Message size too large.",
    );
    let image = format!("data:image/png;base64,{}", "A".repeat(200_000));
    let card = json!({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Image", "url": image}]});
    let with_image = json!({"type": "message", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]});
    assert_eq!(bot.send(&chat, &with_image).await.status, 201);
    let huge = bot.send(&chat, &text(1_100_000)).await;
    refused(&huge, 413, "RequestEntityTooLarge", "The request body is too large.");
}

#[tokio::test]
async fn text_with_a_card_becomes_two_messages_and_no_id_is_told() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let both = json!({"type": "message", "text": "look", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard"}}]});
    let answer = bot.send(&sandbox.conversation_id("Anna Berg").unwrap(), &both).await;
    assert_eq!((answer.status, answer.body), (201, json!({})));
    assert_eq!(sandbox.received()[0].activity_id, None);
}

// ---- opening conversations ----

#[tokio::test]
async fn a_personal_chat_opens_for_whom_the_bot_can_reach_and_for_nobody_else() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    sandbox.place_silently("Platform", true).unwrap();
    let open = |id: &str| json!({"isGroup": false, "members": [{"id": id}], "tenantId": sandbox.tenant()});
    let anna = sandbox.member("Anna Berg").unwrap();
    let omar = sandbox.member("Omar Haddad").unwrap();
    let olena = sandbox.member("Олена Шевченко").unwrap();
    let chat = json!({"id": sandbox.conversation_id("Anna Berg").unwrap()});

    let by_account = bot.create(&open(anna["id"].as_str().unwrap())).await;
    assert_eq!(
        (by_account.status, by_account.body),
        (200, chat.clone()),
        "it was open already"
    );
    let by_object_id = bot.create(&open(anna["aadObjectId"].as_str().unwrap())).await;
    assert_eq!((by_object_id.status, by_object_id.body), (200, chat));

    // Omar is in the team that has the bot, but did not install it himself.
    let answer = bot.create(&open(omar["id"].as_str().unwrap())).await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        bot.send(answer.body["id"].as_str().unwrap(), &hello()).await.status,
        201
    );
    let lukasz = sandbox.member("Łukasz Wójcik").unwrap();
    let answer = bot.create(&open(lukasz["aadObjectId"].as_str().unwrap())).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (403, &json!("ForbiddenOperationException"))
    );

    // Olena is in no team with the bot.
    let answer = bot.create(&open(olena["id"].as_str().unwrap())).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (403, &json!("BotNotInConversationRoster"))
    );

    let tenant = "Invalid user identity in provided tenant";
    refused(
        &bot.create(&open("anna.berg@contoso.example")).await,
        400,
        "BadSyntax",
        tenant,
    );
    refused(&bot.create(&open("29:1nobody")).await, 400, "BadSyntax", tenant);
    let mut elsewhere = open(anna["id"].as_str().unwrap());
    elsewhere["tenantId"] = json!("another-tenant");
    refused(&bot.create(&elsewhere).await, 400, "BadSyntax", tenant);
    let parameters = "Incorrect conversation creation parameters";
    let id = anna["id"].as_str().unwrap();
    for wrong in [
        json!({}),
        json!({"members": [{"id": id}]}),
        json!({"members": [{"aadObjectId": anna["aadObjectId"]}], "tenantId": sandbox.tenant()}),
        json!({"members": [{"id": id}, {"id": omar["id"]}], "tenantId": sandbox.tenant()}),
        json!({"isGroup": true, "members": [{"id": id}], "tenantId": sandbox.tenant()}),
    ] {
        refused(&bot.create(&wrong).await, 400, "BadSyntax", parameters);
    }
}

#[tokio::test]
async fn a_chat_opened_with_an_activity_sends_it_and_tells_no_message_id() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let anna = sandbox.member("Anna Berg").unwrap();
    let body = json!({"members": [{"id": anna["id"]}], "tenantId": sandbox.tenant(), "activity": hello()});
    let answer = bot.create(&body).await;
    assert_eq!(
        answer.body,
        json!({"id": sandbox.conversation_id("Anna Berg").unwrap()})
    );
    assert_eq!(sandbox.received_in("Anna Berg").len(), 1);
}

#[tokio::test]
async fn a_thread_in_a_channel_comes_back_with_its_conversation() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Platform", true).unwrap();
    let channel = sandbox.conversation_id("Platform / Incidents").unwrap();
    let mut body = json!({"isGroup": true, "channelData": {"channel": {"id": channel}},
        "tenantId": sandbox.tenant(), "activity": hello()});
    let answer = bot.create(&body).await;
    assert_eq!(answer.status, 201);
    let root = answer.body["activityId"].as_str().unwrap();
    assert_eq!(answer.body["id"], format!("{channel};messageid={root}"));
    assert_eq!(
        bot.send(answer.body["id"].as_str().unwrap(), &hello()).await.status,
        201
    );
    assert_eq!(sandbox.count(Operation::CreateThread), 1);

    body["isGroup"] = json!(false);
    refused(
        &bot.create(&body).await,
        400,
        "BadSyntax",
        "Incorrect conversation creation parameters",
    );
    body["isGroup"] = json!(true);
    body.as_object_mut().unwrap().remove("activity");
    refused(
        &bot.create(&body).await,
        400,
        "BadSyntax",
        "Incorrect conversation creation parameters",
    );
}

// ---- asking ----

#[tokio::test]
async fn members_come_by_pages_and_one_by_any_of_their_ids() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Platform", true).unwrap();
    sandbox.fill_silently("Platform", 1_200).unwrap();
    let team = segment(&sandbox.conversation_id("Platform").unwrap());

    let mut sizes = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    let mut token = String::new();
    loop {
        let path = if sizes.len() % 2 == 0 {
            "pagedmembers"
        } else {
            "pagedMembers/"
        };
        let query = format!("pageSize=9999&continuationToken={}", segment(&token));
        let page = bot.get(&format!("v3/conversations/{team}/{path}?{query}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let members = page.body["members"].as_array().unwrap().clone();
        sizes.push(members.len());
        names.extend(members.iter().map(|member| member["name"].as_str().unwrap().to_owned()));
        match page.body["continuationToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [500, 500, 207]);
    assert_eq!(names.len(), 1_207);
    assert!(!names.contains("Herald"), "the bot is not in its roster");
    let small = bot
        .get(&format!("v3/conversations/{team}/pagedmembers?pageSize=1"))
        .await;
    assert_eq!(small.body["members"].as_array().unwrap().len(), 50);
    let bad = bot
        .get(&format!("v3/conversations/{team}/pagedmembers?continuationToken=x"))
        .await;
    refused(&bad, 400, "BadArgument", "Invalid continuation token");

    let anna = sandbox.member("Anna Berg").unwrap();
    for id in ["id", "aadObjectId", "userPrincipalName"] {
        let one = bot
            .get(&format!(
                "v3/conversations/{team}/members/{}",
                segment(anna[id].as_str().unwrap())
            ))
            .await;
        assert_eq!((one.status, &one.body), (200, &anna), "by {id}");
    }
    let guest = sandbox.member("Grace Mensah (Guest)").unwrap();
    assert_eq!(guest["userRole"], "guest");
    let olena = sandbox.member("Олена Шевченко").unwrap();
    let absent = bot
        .get(&format!(
            "v3/conversations/{team}/members/{}",
            segment(olena["id"].as_str().unwrap())
        ))
        .await;
    refused(
        &absent,
        404,
        "MemberNotFoundInConversation",
        "The member was not found in the conversation.",
    );
    assert_eq!(
        bot.get(&format!("v3/conversations/{team}/members"))
            .await
            .body
            .as_array()
            .unwrap()
            .len(),
        1_207
    );
}

#[tokio::test]
async fn a_team_tells_its_channels_and_general_has_no_name() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    let id = sandbox.conversation_id("Platform").unwrap();
    let team = format!("v3/teams/{}", segment(&id));
    let roster = "The bot is not part of the conversation roster.";
    refused(&bot.get(&team).await, 403, "BotNotInConversationRoster", roster);
    sandbox.place_silently("Platform", true).unwrap();
    assert_eq!(bot.get(&team).await.body, sandbox.team("Platform").unwrap());
    let channels = bot.get(&format!("{team}/conversations/")).await.body;
    assert_eq!(
        channels["conversations"][0],
        json!({"id": id, "name": null, "type": "standard"})
    );
    assert_eq!(channels["conversations"][1]["name"], "Releases");
    assert_eq!(channels["conversations"][2]["name"], "Incidents");
    assert_eq!(bot.get("v3/teams/19%3Ax%40thread.tacv2").await.status, 404);
    let releases = sandbox.conversation_id("Platform / Releases").unwrap();
    assert_eq!(
        bot.get(&format!("v3/teams/{}", segment(&releases))).await.status,
        404,
        "a channel is no team"
    );
}

// ---- limits and scripts ----

#[tokio::test]
async fn the_eighth_message_of_a_second_is_throttled_and_other_conversations_are_not() {
    let (clock, hand) = herald::clock::Clock::manual(chrono::DateTime::UNIX_EPOCH + chrono::Duration::days(20_000));
    let options = Options {
        limits: Limits::Real,
        clock,
        ..Options::default()
    };
    let sandbox = Sandbox::start(([127, 0, 0, 1], 0).into(), options).await.unwrap();
    let bot = Bot::of(&sandbox).await;
    for name in ["Anna Berg", "Omar Haddad"] {
        sandbox.place_silently(name, true).unwrap();
    }
    let (anna, omar) = (
        sandbox.conversation_id("Anna Berg").unwrap(),
        sandbox.conversation_id("Omar Haddad").unwrap(),
    );
    for _ in 0..7 {
        assert_eq!(bot.send(&anna, &hello()).await.status, 201);
    }
    let throttled = bot.send(&anna, &hello()).await;
    assert_eq!((throttled.status, throttled.retry_after), (429, Some(1)));
    assert_eq!(throttled.body["error"]["code"], "Throttled");
    assert_eq!(bot.send(&omar, &hello()).await.status, 201);
    hand.advance(chrono::Duration::seconds(1));
    assert_eq!(bot.send(&anna, &hello()).await.status, 201);
    assert_eq!(bot.send(&anna, &hello()).await.status, 429, "eight in two seconds");
    sandbox.set_limits(Limits::Off);
    assert_eq!(bot.send(&anna, &hello()).await.status, 201);
}

#[tokio::test]
async fn a_script_decides_the_next_answers_of_the_calls_it_fits() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    for name in ["Anna Berg", "Omar Haddad"] {
        sandbox.place_silently(name, true).unwrap();
    }
    let (anna, omar) = (
        sandbox.conversation_id("Anna Berg").unwrap(),
        sandbox.conversation_id("Omar Haddad").unwrap(),
    );
    sandbox.answer_next(Script::throttled().retry_after(7).times(2).in_conversation(&omar));
    sandbox.answer_next(Script::status(502).text_body("text/html", "<h1>Bad Gateway</h1>"));
    sandbox.answer_next(Script::status(500).although_done());

    assert_eq!(
        bot.get(&format!("v3/conversations/{}/members", segment(&omar)))
            .await
            .status,
        200,
        "scripts are for messages"
    );
    let first = bot.send(&omar, &hello()).await;
    assert_eq!((first.status, first.retry_after), (429, Some(7)));
    let gateway = bot.send(&anna, &hello()).await;
    assert_eq!((gateway.status, gateway.body), (502, json!("<h1>Bad Gateway</h1>")));
    assert_eq!(bot.send(&omar, &hello()).await.status, 429);
    assert!(sandbox.received().is_empty());
    let lost = bot.send(&omar, &hello()).await;
    assert_eq!(
        (lost.status, &lost.body["error"]["code"]),
        (500, &json!("ServiceError"))
    );
    assert_eq!(
        sandbox.received().len(),
        1,
        "it arrived although its sender was told otherwise"
    );
    assert_eq!(bot.send(&omar, &hello()).await.status, 201);

    sandbox.answer_next(Script::status(503).on(Operation::Team).always());
    sandbox.answer_next(Script::wrong_secret());
    let team = format!("v3/teams/{}", segment(&sandbox.conversation_id("Platform").unwrap()));
    assert_eq!(bot.get(&team).await.status, 503);
    assert_eq!(bot.get(&team).await.status, 503);
    assert_eq!(bot.ask_token(&bot.form()).await.body["error_codes"], json!([7000215]));
    assert_eq!(bot.ask_token(&bot.form()).await.status, 200);
    sandbox.forget_scripts();
    assert_eq!(bot.get(&team).await.status, 403);
}

#[tokio::test]
async fn connections_hang_drop_break_half_way_and_are_refused_on_demand() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    let url = bot.url(&format!("v3/conversations/{}/activities", segment(&chat)));
    let send = || bot.http.post(&url).bearer_auth(&bot.token).json(&hello());

    sandbox.answer_next(Script::drop_connection());
    assert!(send().send().await.is_err(), "no answer at all");
    sandbox.answer_next(Script::cut_answer().although_done());
    let half = send().send().await.unwrap();
    assert_eq!(half.status(), 201);
    assert!(half.text().await.is_err(), "the body ends early");
    assert_eq!(sandbox.received().len(), 1);
    sandbox.answer_next(Script::hang());
    let waited = send().timeout(Duration::from_millis(200)).send().await.unwrap_err();
    assert!(waited.is_timeout(), "{waited:?}");
    sandbox.answer_next(Script::slow(Duration::from_millis(50)));
    assert_eq!(send().send().await.unwrap().status(), 201);

    sandbox.go_away();
    let refused = loop {
        // Requests on a connection that is just breaking fail otherwise.
        match send().send().await {
            Err(error) if error.is_connect() => break true,
            Err(_) => {}
            Ok(response) => panic!("answered {}", response.status()),
        }
    };
    assert!(refused);
    sandbox.come_back();
    let mut back = false;
    for _ in 0..200 {
        if send().send().await.is_ok_and(|response| response.status() == 201) {
            back = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(back, "it listens on the same port again");
    assert_eq!(
        sandbox.calls().iter().filter(|call| call.status == 0).count(),
        2,
        "dropped and hung"
    );
}

#[tokio::test]
async fn waiting_for_messages_that_do_not_come_says_what_came_instead() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    bot.send("a:1unknown", &hello()).await;
    let missed = sandbox.wait_for(1, Duration::from_millis(20)).await.unwrap_err();
    let text = missed.to_string();
    assert!(
        text.contains("0 of 1 messages") && text.contains("Send a:1unknown -> 404"),
        "{text}"
    );
}

#[tokio::test]
async fn only_the_last_messages_of_a_conversation_are_kept() {
    let options = Options {
        kept_messages: 3,
        kept_calls: 4,
        ..Options::default()
    };
    let sandbox = Sandbox::start(([127, 0, 0, 1], 0).into(), options).await.unwrap();
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Platform", true).unwrap();
    let channel = sandbox.conversation_id("Platform").unwrap();
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(
            bot.send(&channel, &hello()).await.body["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!((sandbox.received().len(), sandbox.calls().len()), (4, 4));
    assert_eq!(sandbox.count(Operation::Send), 6);
    sandbox
        .wait_for(6, PATIENCE)
        .await
        .expect("all that arrived count, kept or not");
    let forgotten_thread = format!("{channel};messageid={}", ids[0]);
    assert_eq!(
        bot.send(&forgotten_thread, &hello()).await.status,
        201,
        "a thread outlives our memory of its root"
    );
    let invented = format!("{channel};messageid=99999999999999");
    assert_eq!(bot.send(&invented, &hello()).await.status, 404);
}

// ---- acting as Teams ----

#[tokio::test]
async fn an_installation_is_told_twice_as_teams_does() {
    let (sandbox, endpoint) = sandbox_with_bot().await;
    sandbox.install_personal("Anna Berg").await.unwrap();
    sandbox.install_group("Finance room").await.unwrap();
    sandbox.install_team("Platform / Releases").await.unwrap();
    let heard = endpoint.take().await;
    let bot = json!(format!("28:{}", sandbox.app_id()));
    let anna = sandbox.member("Anna Berg").unwrap();
    for (index, kind) in [(0, "personal"), (2, "groupChat"), (4, "channel")] {
        let (installed, joined) = (&heard[index], &heard[index + 1]);
        assert_eq!(
            (&installed["type"], &installed["action"]),
            (&json!("installationUpdate"), &json!("add"))
        );
        assert_eq!(joined["type"], "conversationUpdate");
        assert_eq!(joined["membersAdded"][0]["id"], bot);
        for activity in [installed, joined] {
            assert_eq!(activity["conversation"]["conversationType"], kind);
            assert_eq!(activity["conversation"]["tenantId"], sandbox.tenant());
            assert_eq!(activity["channelData"]["tenant"]["id"], sandbox.tenant());
            assert_eq!(activity["recipient"]["id"], bot);
            assert_eq!(activity["from"]["aadObjectId"], anna["aadObjectId"]);
            assert_eq!(activity["channelId"], "msteams");
            assert_eq!(activity["serviceUrl"], sandbox.service_url());
            assert!(activity["id"].as_str().unwrap().starts_with("f:"));
        }
    }
    assert_eq!(heard[1]["membersAdded"][1]["aadObjectId"], anna["aadObjectId"]);
    let (team, releases) = (
        sandbox.conversation_id("Platform").unwrap(),
        sandbox.conversation_id("Platform / Releases").unwrap(),
    );
    assert_eq!(
        heard[4]["conversation"]["id"], releases,
        "the channel chosen while installing"
    );
    assert_eq!(heard[4]["channelData"]["settings"]["selectedChannel"]["id"], releases);
    assert_eq!(heard[4]["channelData"]["team"]["id"], team);
    assert_eq!(heard[5]["channelData"]["eventType"], "teamMemberAdded");

    sandbox.uninstall("Platform").await.unwrap();
    sandbox.upgrade("Anna Berg", "remove-upgrade").await.unwrap();
    let heard = endpoint.take().await;
    assert_eq!(
        (heard.len(), &heard[0]["action"], &heard[2]["action"]),
        (3, &json!("remove"), &json!("remove-upgrade"))
    );
    assert_eq!(heard[0]["conversation"]["id"], team);
    assert!(heard[0]["channelData"]["settings"].is_null());
    assert_eq!(heard[1]["membersRemoved"][0]["id"], bot);
}

#[tokio::test]
async fn settling_in_installs_the_bot_and_doing_it_again_tells_the_same() {
    let (sandbox, endpoint) = sandbox_with_bot().await;
    sandbox.settle_in(PATIENCE).await.unwrap();
    let first = endpoint.take().await;
    assert_eq!(first.len(), 14, "a team, a group chat and five people");
    sandbox.settle_in(PATIENCE).await.unwrap();
    let ids = |heard: &[Value]| {
        heard
            .iter()
            .map(|activity| activity["id"].clone())
            .collect::<Vec<Value>>()
    };
    assert_eq!(ids(&endpoint.take().await), ids(&first));

    let (other, other_endpoint) = sandbox_with_bot().await;
    other.settle_in(PATIENCE).await.unwrap();
    assert_eq!(ids(&other_endpoint.take().await), ids(&first), "after a restart too");

    endpoint.answer.send_replace((503, json!({"no": "not yet"})));
    let failure = sandbox
        .settle_in(Duration::from_millis(120))
        .await
        .unwrap_err()
        .to_string();
    assert!(failure.contains("503") && failure.contains("not yet"), "{failure}");
}

#[tokio::test]
async fn people_channels_and_teams_change_and_the_bot_is_told_where_it_is_installed() {
    let (sandbox, endpoint) = sandbox_with_bot().await;
    sandbox.create_channel("Platform", "Unheard").await.unwrap();
    assert!(endpoint.take().await.is_empty(), "a team without the bot");
    sandbox.place_silently("Platform", true).unwrap();
    let team = sandbox.conversation_id("Platform").unwrap();

    sandbox.add_members("Platform", &["Олена Шевченко"]).await.unwrap();
    sandbox
        .remove_members("Platform", &["Олена Шевченко", "Omar Haddad"])
        .await
        .unwrap();
    sandbox.create_channel("Platform", "Deployments").await.unwrap();
    sandbox
        .change_channel("Platform / Deployments", ChannelChange::Renamed, "Rollouts")
        .await
        .unwrap();
    sandbox
        .change_channel("Platform / Rollouts", ChannelChange::Deleted, "")
        .await
        .unwrap();
    sandbox
        .change_channel("Platform / Rollouts", ChannelChange::Restored, "")
        .await
        .unwrap();
    sandbox.change_team("Platform", TeamChange::Archived, "").await.unwrap();
    sandbox
        .change_team("Platform", TeamChange::Unarchived, "")
        .await
        .unwrap();
    sandbox.change_team("Platform", TeamChange::Deleted, "").await.unwrap();
    sandbox.change_team("Platform", TeamChange::Restored, "").await.unwrap();
    sandbox
        .change_team("Platform", TeamChange::Renamed, "Platform Engineering")
        .await
        .unwrap();
    let heard = endpoint.take().await;
    let kinds: Vec<&str> = heard
        .iter()
        .map(|activity| activity["channelData"]["eventType"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "teamMemberAdded",
            "teamMemberRemoved",
            "channelCreated",
            "channelRenamed",
            "channelDeleted",
            "channelRestored",
            "teamArchived",
            "teamUnarchived",
            "teamDeleted",
            "teamrestored",
            "teamRenamed",
        ]
    );
    assert!(
        heard.iter().all(|activity| activity["conversation"]["id"] == team),
        "all carry the team's id"
    );
    assert_eq!(heard[1]["membersRemoved"].as_array().unwrap().len(), 2);
    assert_eq!(heard[3]["channelData"]["channel"]["name"], "Rollouts");
    assert_eq!(heard[10]["channelData"]["team"]["name"], "Platform Engineering");
    assert!(
        heard[10]["conversation"]["tenantId"].is_null(),
        "lifecycle events name the tenant in channelData alone"
    );
}

#[tokio::test]
async fn people_write_and_press_buttons() {
    let (sandbox, endpoint) = sandbox_with_bot().await;
    let bot = Bot::of(&sandbox).await;
    sandbox.place_silently("Anna Berg", true).unwrap();
    sandbox.place_silently("Platform", true).unwrap();
    sandbox
        .say("Anna Berg", "Anna Berg", None, "mute deploys")
        .await
        .unwrap();
    sandbox
        .say("Omar Haddad", "Platform / Releases", None, "status")
        .await
        .unwrap();
    let heard = endpoint.take().await;
    assert_eq!(heard[0]["text"], "mute deploys");
    assert_eq!(heard[1]["text"], "<at>Herald</at> status\n");
    assert_eq!(heard[1]["entities"][0]["mentioned"]["id"], heard[1]["recipient"]["id"]);
    let channel = sandbox.conversation_id("Platform / Releases").unwrap();
    let thread = format!("{channel};messageid={}", heard[1]["id"].as_str().unwrap());
    assert_eq!(heard[1]["conversation"]["id"], thread);
    assert_eq!(
        bot.send(&thread, &hello()).await.status,
        201,
        "the bot can answer in that thread"
    );

    let card = json!({"type": "AdaptiveCard", "version": "1.5", "body": [
        {"type": "ActionSet", "actions": [
            {"type": "Action.Execute", "title": "Acknowledge", "verb": "ack", "data": {"alert": "A-17"}}]}],
        "actions": [{"type": "Action.Submit", "title": "Mute", "data": {"topic": "deploys"}}]});
    let message = json!({"type": "message", "attachments": [
        {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]});
    let chat = sandbox.conversation_id("Anna Berg").unwrap();
    let id = bot.send(&chat, &message).await.body["id"].as_str().unwrap().to_owned();
    endpoint
        .answer
        .send_replace((200, json!({"statusCode": 200, "value": "thanks"})));
    let answer = sandbox
        .press("Anna Berg", "Anna Berg", &id, "Acknowledge", &json!({"note": "on it"}))
        .await
        .unwrap();
    assert_eq!(answer.json()["value"], "thanks");
    sandbox
        .press("Anna Berg", "Anna Berg", &id, "Mute", &json!({"hours": "8"}))
        .await
        .unwrap();
    let heard = endpoint.take().await;
    assert_eq!(
        (&heard[0]["type"], &heard[0]["name"]),
        (&json!("invoke"), &json!("adaptiveCard/action"))
    );
    assert_eq!(
        heard[0]["value"]["action"],
        json!({"type": "Action.Execute", "title": "Acknowledge", "verb": "ack", "data": {"alert": "A-17", "note": "on it"}})
    );
    assert_eq!(heard[0]["replyToId"], id);
    assert_eq!(
        (&heard[1]["type"], &heard[1]["value"]),
        (&json!("message"), &json!({"topic": "deploys", "hours": "8"}))
    );
    let missing = sandbox
        .press("Anna Berg", "Anna Berg", &id, "Nope", &json!({}))
        .await
        .unwrap_err()
        .to_string();
    assert!(missing.contains("no button called `Nope`"), "{missing}");
}

#[tokio::test]
async fn what_cannot_be_told_is_said_in_words() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let unknown = sandbox.install_personal("Anna Burg").await.unwrap_err().to_string();
    assert!(
        unknown.starts_with("Teams in a box knows no person called `Anna Burg`; it knows `Anna Berg`"),
        "{unknown}"
    );
    let homeless = sandbox.install_personal("Anna Berg").await.unwrap_err().to_string();
    assert_eq!(homeless, "Teams in a box was not told where the bot listens");
    sandbox.set_bot_endpoint("http://127.0.0.1:1/api/messages");
    let silent = sandbox.install_personal("Anna Berg").await.unwrap_err().to_string();
    assert!(
        silent.starts_with("the bot at http://127.0.0.1:1/api/messages does not answer: "),
        "{silent}"
    );
    let taken = Sandbox::start(sandbox.address(), Options::default())
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(
        taken
            .to_string()
            .starts_with("Teams in a box cannot listen on 127.0.0.1:"),
        "{taken}"
    );
}
