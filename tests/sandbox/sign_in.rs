//! Tokens for the bot, and tokens of Teams: genuine and forged.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use herald::sandbox::{Credential, Operation, Sandbox};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::{Bot, hello, read, sandbox_with_bot};

#[tokio::test]
async fn a_token_is_given_for_the_right_secret_and_refused_in_entras_words_otherwise() {
    let sandbox = Sandbox::start_anywhere().await.unwrap();
    let bot = Bot::of(&sandbox).await;
    for (field, value, status, error, code) in [
        ("client_secret", "wrong", 401, "invalid_client", 7000215),
        ("client_id", "somebody", 400, "unauthorized_client", 700016),
        ("scope", "https://vault.azure.net/.default", 400, "invalid_scope", 70011),
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
