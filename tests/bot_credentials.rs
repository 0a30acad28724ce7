//! The bot proves who it is: by a certificate, by the machine it runs on, or by a token of somebody Entra trusts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use herald::clock::{Clock, Hand};
use herald::secret::Secrets;
use herald::secret_name::SecretName;
use herald::teams::cloud::Cloud;
use herald::teams::credential::{CertificateNames, Credential, Federation};
use herald::teams::endpoints::{Endpoints, Overrides};
use herald::teams::token::{Credentials, NoToken, Scope, Tokens};
use herald::teams::wire::{Patience, Wire};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::certificate::{Pair, key_on_a_curve};
use crate::support::cli;
use crate::support::engine::PATIENCE;
use crate::support::stub::{Asked, Said, Stub, nowhere};

const APP: &str = "b07b07b0-1111-4222-8333-444455556666";
const TENANT: &str = "7e4a4700-aaaa-4bbb-8ccc-ddddeeee0001";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A bot with this credential; the environment of the test is given, never that of the machine.
struct Bot {
    tokens: Tokens,
    hand: Hand,
    clock: Clock,
}

struct Setting<'a> {
    stub: &'a Stub,
    credential: Credential,
    cloud: Cloud,
    environment: Vec<(&'a str, String)>,
    imds: Option<String>,
}

impl<'a> Setting<'a> {
    fn new(stub: &'a Stub, credential: Credential) -> Self {
        Self {
            stub,
            credential,
            cloud: Cloud::Public,
            environment: Vec::new(),
            imds: Some(stub.url("/metadata/identity/oauth2/token")),
        }
    }

    fn set(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    fn bot(self) -> Bot {
        let (clock, hand) = Clock::manual(now());
        self.bot_at(clock, hand)
    }

    fn bot_at(self, clock: Clock, hand: Hand) -> Bot {
        let overrides = Overrides {
            token: Some(self.stub.url(&format!("/{TENANT}/oauth2/v2.0/token"))),
            imds: self.imds,
            ..Overrides::default()
        };
        let endpoints = Endpoints::of(self.cloud, Some(TENANT), &overrides).unwrap();
        let given = self.environment.into_iter();
        let given = given.map(|(name, value)| (SecretName::new(name).unwrap(), value));
        let credentials = Credentials {
            app_id: APP.to_owned(),
            tenant: Some(TENANT.to_owned()),
            credential: self.credential,
        };
        let tokens = Tokens::new(
            Wire::new(Patience::default()).unwrap(),
            &endpoints,
            credentials,
            Arc::new(Secrets::new(None).or_else(given)),
            clock.clone(),
        );
        Bot { tokens, hand, clock }
    }
}

impl Bot {
    async fn token(&self) -> String {
        text(
            self.tokens
                .token()
                .await
                .expect("there is a token")
                .header()
                .to_str()
                .unwrap(),
        )
    }

    async fn graph(&self, tenant: &str) -> Result<String, NoToken> {
        let token = self.tokens.token_for(&Scope::Graph(tenant.to_owned())).await?;
        Ok(text(token.header().to_str().unwrap()))
    }

    /// Asks for a token while the clock runs, a second at a time.
    async fn token_in_time(&self) -> Result<String, NoToken> {
        let asked = self.tokens.token();
        tokio::pin!(asked);
        let ends = tokio::time::Instant::now() + PATIENCE;
        loop {
            tokio::select! {
                biased;
                token = &mut asked => return token.map(|token| text(token.header().to_str().unwrap())),
                () = tokio::time::sleep(Duration::from_millis(1)) => self.hand.advance(TimeDelta::seconds(1)),
            }
            assert!(tokio::time::Instant::now() < ends, "no answer in time");
        }
    }
}

fn text(header: &str) -> String {
    header.strip_prefix("Bearer ").expect("a bearer token").to_owned()
}

/// Certificates are made now, so the tests are played now.
fn now() -> DateTime<Utc> {
    Clock::system().now() + TimeDelta::minutes(1)
}

fn name(text: &str) -> SecretName {
    SecretName::new(text).unwrap()
}

fn certificate(send_chain: bool) -> Credential {
    Credential::Certificate(CertificateNames {
        certificate: name("BOT_CERTIFICATE"),
        key: name("BOT_KEY"),
        send_chain,
    })
}

fn numbered(_: &Asked, before: usize) -> Said {
    Said::json(
        200,
        &json!({"token_type": "Bearer", "expires_in": 3600, "access_token": format!("token-{before}")}),
    )
}

fn fields(text: &str) -> BTreeMap<String, String> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let map: BTreeMap<String, String> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "no field comes twice: {pairs:?}");
    map
}

fn part(token: &str, place: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(place).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn the_bot_signs_each_request_with_its_certificate() {
    let pair = Pair::new();
    let stub = Stub::start(numbered).await;
    let setting = Setting::new(&stub, certificate(false));
    let bot = setting
        .set("BOT_CERTIFICATE", pair.certificate())
        .set("BOT_KEY", pair.key())
        .bot();
    assert_eq!(bot.token().await, "token-0");
    assert_eq!(bot.token().await, "token-0", "kept");
    bot.hand.advance(TimeDelta::minutes(61));
    assert_eq!(bot.token().await, "token-1");

    let endpoint = stub.url(&format!("/{TENANT}/oauth2/v2.0/token"));
    let key = DecodingKey::from_rsa_der(&pair.public_key_der());
    let mut validation = Validation::new(Algorithm::PS256);
    validation.set_audience(&[&endpoint]);
    validation.set_issuer(&[APP]);
    validation.sub = Some(APP.to_owned());
    validation.validate_nbf = false;
    validation.leeway = 3700;
    let mut ids = Vec::new();
    for (asked, at) in stub
        .asked()
        .iter()
        .zip([bot.clock.now() - TimeDelta::minutes(61), bot.clock.now()])
    {
        assert_eq!(
            (asked.method.as_str(), asked.path.as_str()),
            ("POST", "/7e4a4700-aaaa-4bbb-8ccc-ddddeeee0001/oauth2/v2.0/token")
        );
        assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
        let form = fields(&asked.body);
        let names: Vec<&str> = form.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "client_assertion",
                "client_assertion_type",
                "client_id",
                "grant_type",
                "scope"
            ]
        );
        assert_eq!(form["client_assertion_type"], ASSERTION_TYPE);
        assert_eq!(form["client_id"], APP);
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(form["scope"], "https://api.botframework.com/.default");

        let assertion = &form["client_assertion"];
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(pair.certificate_der()));
        assert_eq!(
            part(assertion, 0),
            json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint})
        );
        let claims = jsonwebtoken::decode::<Value>(assertion, &key, &validation)
            .expect("the key signed it")
            .claims;
        let id = claims["jti"].as_str().unwrap().to_owned();
        assert!(uuid::Uuid::try_parse(&id).is_ok(), "{id}");
        ids.push(id);
        let seconds = at.timestamp();
        let mut rest = claims;
        rest.as_object_mut().unwrap().remove("jti");
        assert_eq!(
            rest,
            json!({"aud": endpoint, "iss": APP, "sub": APP, "nbf": seconds, "iat": seconds, "exp": seconds + 600})
        );
    }
    assert_ne!(ids[0], ids[1], "no two statements are alike");
}

#[tokio::test]
async fn the_certificate_is_shown_with_those_above_it_where_that_is_wanted() {
    let (pair, above) = (Pair::new(), Pair::new());
    let stub = Stub::start(numbered).await;
    // The key stands in the same text, and the certificate is not the first one in it.
    let text = format!("{}{}{}", above.certificate(), pair.key(), pair.certificate());
    let both = Credential::Certificate(CertificateNames {
        certificate: name("BOT_PEM"),
        key: name("BOT_PEM"),
        send_chain: true,
    });
    let bot = Setting::new(&stub, both).set("BOT_PEM", text).bot();
    bot.token().await;
    let form = fields(&stub.asked()[0].body);
    let header = part(&form["client_assertion"], 0);
    let chain = [pair.certificate_der(), above.certificate_der()].map(|der| STANDARD.encode(der));
    assert_eq!(header["x5c"], json!(chain));
    assert_eq!(
        header["x5t#S256"],
        json!(URL_SAFE_NO_PAD.encode(Sha256::digest(pair.certificate_der())))
    );
}

#[tokio::test]
async fn a_certificate_that_was_replaced_counts_from_the_next_request_on() {
    let (old, new) = (Pair::new(), Pair::new());
    let folder = tempfile::tempdir().unwrap();
    let put = |pair: &Pair| {
        std::fs::write(folder.path().join("BOT_CERTIFICATE"), pair.certificate()).unwrap();
        std::fs::write(folder.path().join("BOT_KEY"), pair.key()).unwrap();
    };
    put(&old);
    let stub = Stub::start(numbered).await;
    let endpoints = Endpoints::of(
        Cloud::Public,
        Some(TENANT),
        &Overrides {
            token: Some(stub.url("/t/oauth2/v2.0/token")),
            ..Overrides::default()
        },
    )
    .unwrap();
    let credentials = Credentials {
        app_id: APP.to_owned(),
        tenant: Some(TENANT.to_owned()),
        credential: certificate(false),
    };
    let (clock, hand) = Clock::manual(now());
    let secrets = Secrets::new(Some(folder.path().to_owned()));
    let wire = Wire::new(Patience::default()).unwrap();
    let tokens = Tokens::new(wire, &endpoints, credentials, Arc::new(secrets), clock);
    tokens.token().await.unwrap();
    put(&new);
    hand.advance(TimeDelta::hours(1));
    tokens.token().await.unwrap();
    let thumbprints: Vec<Value> = stub
        .asked()
        .iter()
        .map(|asked| part(&fields(&asked.body)["client_assertion"], 0)["x5t#S256"].clone())
        .collect();
    let expected = [&old, &new].map(|pair| json!(URL_SAFE_NO_PAD.encode(Sha256::digest(pair.certificate_der()))));
    assert_eq!(thumbprints, expected);
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_in_words_and_nothing_of_it_is_shown() {
    let (pair, other) = (Pair::new(), Pair::new());
    let stub = Stub::start(numbered).await;
    let der = String::from_utf8_lossy(&pair.certificate_der()).into_owned();
    let damaged = pair.certificate().replace("MII", "MIX");
    let year = TimeDelta::days(365);
    for (certificate_text, key_text, later, told) in [
        (
            Some(String::from("bot.pem")),
            Some(pair.key()),
            TimeDelta::zero(),
            "the certificate `BOT_CERTIFICATE` is not in PEM form",
        ),
        (
            Some(der),
            Some(pair.key()),
            TimeDelta::zero(),
            "the certificate `BOT_CERTIFICATE` is ",
        ),
        (
            Some(damaged),
            Some(pair.key()),
            TimeDelta::zero(),
            "the certificate `BOT_CERTIFICATE` is damaged",
        ),
        (
            Some(pair.certificate()),
            Some("s3cr3t".into()),
            TimeDelta::zero(),
            "the key `BOT_KEY` is not in PEM form",
        ),
        (
            Some(pair.certificate()),
            Some(pair.locked_key()),
            TimeDelta::zero(),
            "the key `BOT_KEY` is locked with a password",
        ),
        (
            Some(pair.certificate()),
            Some(key_on_a_curve()),
            TimeDelta::zero(),
            "the key `BOT_KEY` is not an RSA key",
        ),
        (
            Some(pair.certificate()),
            Some(other.key()),
            TimeDelta::zero(),
            "the certificate `BOT_CERTIFICATE` does not belong to the key `BOT_KEY`",
        ),
        (
            Some(pair.certificate()),
            Some(pair.key()),
            year,
            "the certificate `BOT_CERTIFICATE` expired on ",
        ),
        (
            Some(pair.certificate()),
            Some(pair.key()),
            -year,
            "the certificate `BOT_CERTIFICATE` is not valid before ",
        ),
        (
            Some(pair.certificate()),
            None,
            TimeDelta::zero(),
            "the secret `BOT_KEY` is missing",
        ),
        (
            None,
            Some(pair.key()),
            TimeDelta::zero(),
            "the secret `BOT_CERTIFICATE` is missing",
        ),
    ] {
        let (clock, hand) = Clock::manual(now() + later);
        let mut setting = Setting::new(&stub, certificate(false));
        if let Some(text) = certificate_text {
            setting = setting.set("BOT_CERTIFICATE", text);
        }
        if let Some(text) = key_text {
            setting = setting.set("BOT_KEY", text);
        }
        let bot = setting.bot_at(clock, hand);
        let problem = bot.tokens.token().await.unwrap_err();
        let shown = problem.to_string();
        assert!(shown.starts_with(told), "{told}: {shown}");
        assert!(problem.way_out().is_some() || shown.contains("missing"), "{shown}");
        let everything = format!("{problem:?} {:?}", bot.tokens);
        let body = pair.key().lines().nth(3).unwrap().to_owned();
        for secret in ["s3cr3t", "hunter2", &body] {
            assert!(!everything.contains(secret), "{everything}");
        }
    }
    assert!(stub.asked().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn microsofts_numbers_for_other_proofs_are_told_in_words() {
    for (number, meaning) in [
        (700_027, "the signature of our certificate is not accepted"),
        (
            700_030,
            "the certificate's subject or issuer is not one the app registration trusts",
        ),
        (700_024, "our signed statement is not valid at this time"),
        (700_016, "the app is not known in that tenant"),
        (90_002, "there is no such tenant"),
        (70_021, "no federated credential that fits"),
        (700_211, "no federated credential that fits"),
        (700_212, "no federated credential that fits"),
        (700_213, "no federated credential that fits"),
    ] {
        let pair = Pair::new();
        let answer = json!({
            "error": "invalid_client", "error_codes": [number],
            "error_description": format!("AADSTS{number}: s3cr3t prose"), "correlation_id": "x",
        });
        let stub = Stub::start(move |_, _| Said::json(401, &answer)).await;
        let setting = Setting::new(&stub, certificate(false));
        let bot = setting
            .set("BOT_CERTIFICATE", pair.certificate())
            .set("BOT_KEY", pair.key())
            .bot();
        let problem = bot.tokens.token().await.unwrap_err();
        let shown = problem.to_string();
        assert!(
            shown.contains(&format!("status 401, invalid_client, AADSTS{number}")),
            "{shown}"
        );
        assert!(shown.contains(meaning), "{number}: {shown}");
        assert!(problem.way_out().is_some() && !shown.contains("s3cr3t"), "{shown}");
    }
}

#[tokio::test]
async fn app_service_and_container_apps_vouch_for_the_bot() {
    let ends = (now() + TimeDelta::hours(20)).timestamp().to_string();
    let stub = Stub::start(move |_, before| {
        Said::json(
            200,
            &json!({"access_token": format!("token-{before}"), "expires_on": ends, "resource": "x",
                "token_type": "Bearer", "client_id": APP}),
        )
    })
    .await;
    let bot = Setting::new(&stub, Credential::ManagedIdentity)
        .set("IDENTITY_ENDPOINT", stub.url("/msi/token"))
        .set("IDENTITY_HEADER", "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a")
        .bot();
    assert_eq!(bot.token().await, "token-0");
    bot.hand.advance(TimeDelta::hours(19));
    assert_eq!(bot.token().await, "token-0", "the end was told as a time, in text");
    let asked = &stub.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/msi/token"));
    let expected = [
        ("api-version", "2019-08-01"),
        ("client_id", APP),
        ("resource", "https://api.botframework.com"),
    ];
    let expected: BTreeMap<String, String> = expected
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    assert_eq!(fields(&asked.query), expected);
    assert_eq!(
        asked.header("x-identity-header"),
        Some("853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a")
    );
    assert_eq!(asked.header("metadata"), None);
    assert_eq!(asked.header("authorization"), None);

    bot.graph(TENANT).await.unwrap();
    assert_eq!(
        fields(&stub.asked()[1].query)["resource"],
        "https://graph.microsoft.com"
    );
    let foreign = bot.graph("fabrikam.example").await.unwrap_err().to_string();
    assert!(foreign.contains("its own tenant only"), "{foreign}");
    assert_eq!(stub.asked().len(), 2);
}

#[tokio::test]
async fn a_virtual_machine_vouches_for_the_bot() {
    let stub = Stub::start(|_, before| {
        Said::json(
            200,
            &json!({"access_token": format!("token-{before}"), "client_id": APP, "expires_in": "3599",
                "expires_on": "1506484173", "ext_expires_in": "3599", "not_before": "1506480273",
                "resource": "https://api.botframework.com/", "token_type": "Bearer"}),
        )
    })
    .await;
    let bot = Setting::new(&stub, Credential::ManagedIdentity).bot();
    assert_eq!(bot.token().await, "token-0");
    assert_eq!(
        bot.token().await,
        "token-0",
        "the length counts, not the clock of the other side"
    );
    let asked = &stub.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("GET", "/metadata/identity/oauth2/token")
    );
    let expected = [
        ("api-version", "2018-02-01"),
        ("client_id", APP),
        ("resource", "https://api.botframework.com"),
    ];
    let expected: BTreeMap<String, String> = expected
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    assert_eq!(fields(&asked.query), expected);
    assert_eq!(asked.header("metadata"), Some("true"));
    assert_eq!(asked.header("x-identity-header"), None);
}

/// A bot on a virtual machine whose service answers with these statuses, then with a token; and when it was asked.
async fn on_a_busy_machine(statuses: &'static [u16]) -> (Result<String, NoToken>, Vec<i64>) {
    let (clock, hand) = Clock::manual(now());
    let times = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (noted, by) = (times.clone(), clock.clone());
    let stub = Stub::start(move |asked, before| {
        noted.lock().unwrap().push(by.now());
        match statuses.get(before) {
            Some(status) => Said::json(*status, &json!({"error": "busy"})),
            None => numbered(asked, before),
        }
    })
    .await;
    let bot = Setting::new(&stub, Credential::ManagedIdentity).bot_at(clock, hand);
    let token = bot.token_in_time().await;
    let times = times.lock().unwrap();
    let pauses = times.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds());
    (token, pauses.collect())
}

#[tokio::test]
async fn a_machine_that_is_not_ready_is_asked_again_as_microsoft_says() {
    let (token, pauses) = on_a_busy_machine(&[404, 410, 429, 503]).await;
    assert_eq!(token.unwrap(), "token-4");
    let least = [2, 6, 14, 30];
    assert_eq!(pauses.len(), 4);
    assert!(
        pauses.iter().zip(least).all(|(pause, least)| *pause >= least),
        "{pauses:?}"
    );

    let (token, pauses) = on_a_busy_machine(&[410; 9]).await;
    assert!(
        token
            .unwrap_err()
            .to_string()
            .contains("status 410, busy: it is not ready")
    );
    assert_eq!(pauses.len(), 5);
    assert!(pauses.iter().sum::<i64>() >= 70, "{pauses:?}");

    let (token, pauses) = on_a_busy_machine(&[429; 9]).await;
    assert!(token.unwrap_err().to_string().contains("status 429"));
    assert_eq!(pauses.len(), 4);
}

#[tokio::test]
async fn a_machine_that_vouches_for_nobody_says_what_to_do() {
    let stub = Stub::start(|_, _| {
        Said::json(
            400,
            &json!({"error": "invalid_request", "error_description": "Identity not found"}),
        )
    })
    .await;
    let bot = Setting::new(&stub, Credential::ManagedIdentity).bot();
    let problem = bot.tokens.token().await.unwrap_err();
    assert_eq!(
        problem.to_string(),
        "the identity service at 127.0.0.1 gives no token: status 400, invalid_request: it does not know the identity"
    );
    assert!(
        problem
            .way_out()
            .unwrap()
            .contains("assign the user-assigned managed identity")
    );
    assert_eq!(stub.asked().len(), 1, "asking again would not help");

    let mut setting = Setting::new(&stub, Credential::ManagedIdentity);
    setting.imds = Some(nowhere().await);
    let problem = setting.bot().tokens.token().await.unwrap_err();
    assert!(problem.to_string().contains("cannot connect"), "{problem}");
    assert!(problem.way_out().unwrap().contains("Azure's machines"));

    let half = Setting::new(&stub, Credential::ManagedIdentity).set("IDENTITY_ENDPOINT", stub.url("/msi/token"));
    let problem = half.bot().tokens.token().await.unwrap_err();
    assert!(
        problem.to_string().contains("`IDENTITY_HEADER` is not set"),
        "{problem}"
    );
}

fn token_file(path: Option<String>) -> Credential {
    Credential::WorkloadIdentity(Federation::TokenFile(path))
}

#[tokio::test]
async fn the_token_of_the_workload_is_read_anew_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("azure-identity-token");
    std::fs::write(&path, "aaa.bbb.ccc\n").unwrap();
    let stub = Stub::start(numbered).await;
    let named = path.display().to_string();
    for credential in [token_file(Some(named.clone())), token_file(None)] {
        let before = stub.asked().len();
        std::fs::write(&path, "aaa.bbb.ccc\n").unwrap();
        let bot = Setting::new(&stub, credential)
            .set("AZURE_FEDERATED_TOKEN_FILE", named.clone())
            .bot();
        bot.token().await;
        // As Kubernetes renews it: another file in its place.
        let renewed = folder.path().join("renewed");
        std::fs::write(&renewed, "ddd.eee.fff").unwrap();
        std::fs::rename(&renewed, &path).unwrap();
        bot.hand.advance(TimeDelta::hours(1));
        bot.token().await;
        let asked = &stub.asked()[before..];
        let assertions: Vec<String> = asked
            .iter()
            .map(|asked| fields(&asked.body)["client_assertion"].clone())
            .collect();
        assert_eq!(assertions, ["aaa.bbb.ccc", "ddd.eee.fff"]);
        let mut form = fields(&asked[0].body);
        form.remove("client_assertion");
        let expected = [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_id", APP),
            ("grant_type", "client_credentials"),
            ("scope", "https://api.botframework.com/.default"),
        ];
        let expected: BTreeMap<String, String> = expected
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        assert_eq!(form, expected);
        assert_eq!(asked[0].path, format!("/{TENANT}/oauth2/v2.0/token"));
    }
}

#[tokio::test]
async fn a_token_file_that_is_none_is_said_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token").display().to_string();
    let stub = Stub::start(numbered).await;
    let bot = Setting::new(&stub, token_file(Some(path.clone()))).bot();
    let problem = bot.tokens.token().await.unwrap_err().to_string();
    assert!(
        problem.starts_with(&format!("the token file `{path}` cannot be read: ")),
        "{problem}"
    );
    for text in ["", "s3cr3t", "a.b", "a b.c.d"] {
        std::fs::write(&path, text).unwrap();
        bot.hand.advance(TimeDelta::minutes(2));
        let problem = bot.tokens.token().await.unwrap_err().to_string();
        assert_eq!(problem, format!("the file `{path}` holds no token"));
    }
    let problem = Setting::new(&stub, token_file(None))
        .bot()
        .tokens
        .token()
        .await
        .unwrap_err();
    assert!(
        problem.to_string().contains("`AZURE_FEDERATED_TOKEN_FILE` is not set"),
        "{problem}"
    );
    assert!(stub.asked().is_empty());
}

#[tokio::test]
async fn a_managed_identity_stands_in_for_the_secret_of_an_app() {
    const IDENTITY: &str = "0f1f62ac-7f0d-45a0-9d2e-3b60f1a2c3d4";
    for (cloud, exchange, scope) in [
        (
            Cloud::Public,
            "api://AzureADTokenExchange",
            "https://api.botframework.com/.default",
        ),
        (
            Cloud::Dod,
            "api://AzureADTokenExchangeUSGov",
            "https://api.botframework.us/.default",
        ),
    ] {
        let stub = Stub::start(|asked, before| match asked.method.as_str() {
            "GET" => Said::json(200, &json!({"access_token": "iii.ddd.ttt", "expires_in": "86400"})),
            _ => numbered(asked, before),
        })
        .await;
        let credential = Credential::WorkloadIdentity(Federation::ManagedIdentity {
            client_id: IDENTITY.to_owned(),
        });
        let mut setting = Setting::new(&stub, credential);
        setting.cloud = cloud;
        let bot = setting.bot();
        assert_eq!(bot.token().await, "token-1");
        let asked = stub.asked();
        assert_eq!(fields(&asked[0].query)["resource"], exchange);
        assert_eq!(fields(&asked[0].query)["client_id"], IDENTITY);
        let form = fields(&asked[1].body);
        assert_eq!(form["client_assertion"], "iii.ddd.ttt");
        assert_eq!(form["client_assertion_type"], ASSERTION_TYPE);
        assert_eq!(form["client_id"], APP);
        assert_eq!(form["scope"], scope);
        assert_eq!(form.len(), 5);
    }
}

#[tokio::test]
async fn tokens_for_graph_are_asked_for_in_their_tenant_and_kept_apart() {
    let stub = Stub::start(numbered).await;
    let secret = Credential::Secret(name("BOT_SECRET"));
    let bot = Setting::new(&stub, secret).set("BOT_SECRET", "s").bot();
    assert_eq!(bot.token().await, "token-0");
    assert_eq!(bot.graph("fabrikam.example").await.unwrap(), "token-1");
    assert_eq!(bot.graph("FABRIKAM.example").await.unwrap(), "token-1", "kept");
    assert_eq!(bot.graph(TENANT).await.unwrap(), "token-2");
    assert_eq!(bot.token().await, "token-0");
    let asked = stub.asked();
    let seen: Vec<(String, String)> = asked
        .iter()
        .map(|asked| (asked.path.clone(), fields(&asked.body)["scope"].clone()))
        .collect();
    let path = |tenant: &str| format!("/{tenant}/oauth2/v2.0/token");
    let graph = "https://graph.microsoft.com/.default".to_owned();
    assert_eq!(
        seen,
        [
            (path(TENANT), "https://api.botframework.com/.default".to_owned()),
            (path("fabrikam.example"), graph.clone()),
            (path(TENANT), graph),
        ]
    );
    let scope = Scope::Graph("fabrikam.example".to_owned());
    let refused = bot.tokens.token_for(&scope).await.unwrap();
    bot.tokens.discard(&refused);
    assert_eq!(bot.graph("fabrikam.example").await.unwrap(), "token-3");
    assert_eq!(bot.graph(TENANT).await.unwrap(), "token-2", "another one stays");
    assert_eq!(bot.token().await, "token-0");
}

#[tokio::test]
async fn a_refusal_for_graph_does_not_stop_the_connector() {
    let stub = Stub::start(|asked, before| {
        if asked.body.contains("graph") {
            Said::json(400, &json!({"error": "invalid_scope", "error_codes": [90_002]}))
        } else {
            numbered(asked, before)
        }
    })
    .await;
    let secret = Credential::Secret(name("BOT_SECRET"));
    let bot = Setting::new(&stub, secret).set("BOT_SECRET", "s").bot();
    assert!(
        bot.graph("x.example")
            .await
            .unwrap_err()
            .to_string()
            .contains("no such tenant")
    );
    assert_eq!(bot.token().await, "token-1");
}

/// A workspace whose bot asks `stub` for everything, with this in `bot:`.
fn workspace(stub: &Stub, bot: &str, endpoints: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nbot:\n  app_id: {APP}\n  tenant: {TENANT}\n  {bot}\n  endpoints:\n    token: {}\n    \
         openid: {}\n    service_url: {}\n    trusted_hosts: [\"127.0.0.1\", \"http://0.0.0.0:{}\"]\n    {endpoints}\n",
        stub.url("/t/oauth2/v2.0/token"),
        stub.url("/openid"),
        stub.url("/"),
        stub.url("").rsplit_once(':').unwrap().1,
    );
    std::fs::write(folder.path().join("herald.yaml"), settings).unwrap();
    folder
}

/// What `herald ARGS` says there, without holding up the servers in this process.
async fn herald(folder: &tempfile::TempDir, args: &[&str], environment: &BTreeMap<String, String>) -> cli::Said {
    let mut command = cli::command(folder.path(), args, environment);
    let said = tokio::task::spawn_blocking(move || command.output());
    cli::said(said.await.expect("it was run").expect("it runs"))
}

/// What the doctor found for one check.
async fn found(folder: &tempfile::TempDir, environment: &BTreeMap<String, String>, check: &str) -> (String, String) {
    let said = herald(folder, &["doctor", "--format", "json"], environment).await;
    let told: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:#?}"));
    let found = told["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["check"] == check);
    let found = found.unwrap_or_else(|| panic!("no {check}: {told:#}"));
    assert!(!said.out.contains("PRIVATE"), "{}", said.out);
    (
        found["verdict"].as_str().unwrap().to_owned(),
        format!(
            "{}; {}",
            found["found"].as_str().unwrap(),
            found["next"].as_str().unwrap_or_default()
        ),
    )
}

fn set(pairs: &[(&str, String)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

const NAMED: &str = "certificate: { certificate: BOT_CERTIFICATE, key: BOT_KEY }";

#[tokio::test]
async fn the_doctor_tries_the_certificate_and_says_how_long_it_lasts() {
    let (pair, other) = (Pair::new(), Pair::new());
    let stub = Stub::start(numbered).await;
    let folder = workspace(&stub, NAMED, "");
    let good = set(&[("BOT_CERTIFICATE", pair.certificate()), ("BOT_KEY", pair.key())]);
    let (verdict, told) = found(&folder, &good, "token").await;
    assert_eq!(verdict, "ok", "{told}");
    let (verdict, told) = found(&folder, &good, "certificate").await;
    assert_eq!(verdict, "warning", "it has less than 30 days: {told}");
    assert!(told.contains("good until 20") && told.contains("upload it"), "{told}");

    let strangers = set(&[("BOT_CERTIFICATE", pair.certificate()), ("BOT_KEY", other.key())]);
    let (verdict, told) = found(&folder, &strangers, "token").await;
    assert_eq!(verdict, "failed");
    assert!(told.contains("does not belong to the key `BOT_KEY`"), "{told}");

    let (verdict, told) = found(&folder, &set(&[("BOT_KEY", pair.key())]), "token").await;
    assert_eq!(verdict, "failed");
    assert!(told.contains("set BOT_CERTIFICATE"), "{told}");
}

#[tokio::test]
async fn herald_does_not_start_with_a_proof_that_cannot_work() {
    let (pair, other) = (Pair::new(), Pair::new());
    let stub = Stub::start(numbered).await;
    let strangers = set(&[("BOT_CERTIFICATE", pair.certificate()), ("BOT_KEY", other.key())]);
    let said = herald(&workspace(&stub, NAMED, ""), &["serve"], &strangers).await;
    assert_eq!(said.code, 3, "{said:#?}");
    for words in [
        "the bot cannot prove to Teams who it is",
        "the certificate `BOT_CERTIFICATE` does not belong to the key `BOT_KEY`",
        "use the key that the certificate was made with",
    ] {
        assert!(said.err.contains(words), "{}", said.err);
    }
    assert!(!said.err.contains("PRIVATE"), "{}", said.err);

    let nowhere = workspace(&stub, "workload_identity: { token_file: /nowhere/token }", "");
    let said = herald(&nowhere, &["serve"], &BTreeMap::new()).await;
    assert_eq!(said.code, 3, "{said:#?}");
    assert!(
        said.err.contains("the token file `/nowhere/token` cannot be read"),
        "{}",
        said.err
    );
    assert!(stub.asked().is_empty());
}

#[tokio::test]
async fn a_machine_is_asked_past_every_proxy() {
    let stub = Stub::start(numbered).await;
    // Not an address of this machine by its looks, so that a proxy would be asked for it.
    let machine = format!("imds: {}", stub.url("/imds").replace("127.0.0.1", "0.0.0.0"));
    let folder = workspace(&stub, "managed_identity: true", &machine);
    let proxy = nowhere().await;
    let with_proxy = set(&[("HTTP_PROXY", proxy.clone()), ("http_proxy", proxy)]);
    let (verdict, told) = found(&folder, &with_proxy, "token").await;
    assert_eq!(verdict, "ok", "{told}");
    assert!(stub.asked().iter().any(|asked| asked.path == "/imds"));
}

#[tokio::test]
async fn another_proof_can_be_chosen_where_herald_runs() {
    let stub = Stub::start(numbered).await;
    let folder = workspace(&stub, "managed_identity: true", "");
    let chosen = set(&[
        ("HERALD_BOT_CREDENTIAL", "secret".to_owned()),
        ("HERALD_BOT_SECRET", "Xq8~abc.DEF".to_owned()),
    ]);
    let (verdict, told) = found(&folder, &chosen, "token").await;
    assert_eq!(verdict, "ok", "{told}");
    assert!(
        stub.asked()
            .iter()
            .any(|asked| asked.body.contains("client_secret=Xq8"))
    );
}
