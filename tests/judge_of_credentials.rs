//! Microsoft's own library as the judge: what `@azure/msal-node` asks for a token is what Herald asks, field by field.
//! See `tests/judges/credentials/README.md` for what is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use herald::clock::Clock;
use herald::secret::Secrets;
use herald::secret_name::SecretName;
use herald::teams::cloud::Cloud;
use herald::teams::credential::{CertificateNames, Credential, Federation};
use herald::teams::endpoints::{Endpoints, Overrides};
use herald::teams::token::{Credentials, Tokens};
use herald::teams::wire::{Patience, Wire};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::certificate::Pair;
use crate::support::engine::PATIENCE;
use crate::support::stub::{Asked, Said, Stub};

const APP: &str = "b07b07b0-1111-4222-8333-444455556666";
const TENANT: &str = "7e4a4700-aaaa-4bbb-8ccc-ddddeeee0001";
const RESOURCE: &str = "https://api.botframework.com";
const SKIP: &str = "npm ci --prefix tests/judges/credentials (or ./test), or set HERALD_SKIP_JUDGES=1 to go without";

/// What the library says about itself; nobody's token depends on it.
fn is_about_the_library(field: &str) -> bool {
    field.starts_with("x-client-") || ["x-ms-lib-capability", "client-request-id"].contains(&field)
}

/// A request as it counts: where to, with what.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    form: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

fn question(asked: &Asked) -> Question {
    let fields = |text: &str| -> BTreeMap<String, String> {
        url::form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .filter(|(name, _)| !is_about_the_library(name))
            .collect()
    };
    let telling = ["metadata", "x-identity-header", "authorization"];
    let headers = telling
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), asked.header(name)?.to_owned())));
    Question {
        method: asked.method.clone(),
        path: asked.path.trim_end_matches('/').to_owned(),
        query: fields(&asked.query),
        form: fields(&asked.body),
        headers: headers.collect(),
    }
}

fn is_form(asked: &Asked) -> bool {
    let kind = asked.header("content-type").unwrap_or_default();
    kind.split(';').next() == Some("application/x-www-form-urlencoded")
}

async fn answering() -> Stub {
    Stub::start(|_, before| {
        let ends = (Clock::system().now() + TimeDelta::hours(1)).timestamp();
        Said::json(
            200,
            &json!({"token_type": "Bearer", "expires_in": 3600, "expires_on": ends.to_string(),
                "resource": RESOURCE, "access_token": format!("token-{before}")}),
        )
    })
    .await
}

/// Lets the library ask `stub` with this kind of credential.
async fn library_asks(stub: &Stub, kind: &str, environment: &[(&str, &str)]) {
    let mut node = Command::new("node");
    node.arg("ask.mjs")
        .arg(kind)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/credentials"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("JUDGE_SERVER", stub.url(""))
        .env("JUDGE_CLIENT_ID", APP)
        .env("JUDGE_TENANT", TENANT)
        .env("JUDGE_SCOPE", format!("{RESOURCE}/.default"))
        .env("JUDGE_RESOURCE", RESOURCE)
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    // Not on this thread: the server that it asks runs here.
    let said = tokio::task::spawn_blocking(move || node.output());
    let said = tokio::time::timeout(PATIENCE, said).await.expect("node ends in time");
    let said = said
        .expect("it was run")
        .unwrap_or_else(|error| panic!("node: {error}; {SKIP}"));
    let told = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{told}\n{SKIP}");
}

async fn herald_asks(stub: &Stub, credential: Credential, environment: &[(&str, &str)]) {
    let overrides = Overrides {
        token: Some(stub.url(&format!("/{TENANT}/oauth2/v2.0/token"))),
        imds: Some(stub.url("/metadata/identity/oauth2/token")),
        ..Overrides::default()
    };
    let endpoints = Endpoints::of(Cloud::Public, Some(TENANT), &overrides).unwrap();
    let given = environment
        .iter()
        .map(|(name, value)| (SecretName::new(*name).unwrap(), (*value).to_owned()));
    let credentials = Credentials {
        app_id: APP.to_owned(),
        tenant: Some(TENANT.to_owned()),
        credential,
    };
    let tokens = Tokens::new(
        Wire::new(Patience::default()).unwrap(),
        &endpoints,
        credentials,
        Arc::new(Secrets::new(None).or_else(given)),
        Clock::system(),
    );
    tokens.token().await.expect("there is a token");
}

/// The two requests of the stub: the library's and ours.
fn both(stub: &Stub) -> (Question, Question) {
    let asked = stub.asked();
    let [theirs, ours] = &asked[..] else {
        panic!("one request each: {asked:#?}");
    };
    assert_eq!(is_form(ours) || ours.method == "GET", is_form(theirs));
    (question(theirs), question(ours))
}

fn name(text: &str) -> SecretName {
    SecretName::new(text).unwrap()
}

fn is_skipped() -> bool {
    let skip = std::env::var_os("HERALD_SKIP_JUDGES").is_some_and(|skip| skip == "1");
    if skip {
        eprintln!("HERALD_SKIP_JUDGES=1: Microsoft's library was not asked");
    }
    skip
}

#[tokio::test]
async fn with_a_secret_herald_asks_as_microsofts_library_does() {
    if is_skipped() {
        return;
    }
    let secret = "s3cr3t~with+odd/signs=&%";
    let stub = answering().await;
    library_asks(&stub, "secret", &[("JUDGE_SECRET", secret)]).await;
    herald_asks(&stub, Credential::Secret(name("BOT_SECRET")), &[("BOT_SECRET", secret)]).await;
    let (mut theirs, ours) = both(&stub);
    theirs.query.clear();
    assert_eq!(theirs, ours);
}

#[tokio::test]
async fn with_a_certificate_herald_makes_the_statement_that_microsofts_library_makes() {
    if is_skipped() {
        return;
    }
    let pair = Pair::new();
    let thumbprint = hex::encode(Sha256::digest(pair.certificate_der()));
    let (key_file, chain_file) = (pair.key_file(), pair.certificate_file());
    let (key_file, chain_file) = (key_file.to_str().unwrap(), chain_file.to_str().unwrap());
    let (certificate, key) = (pair.certificate(), pair.key());
    for send_chain in [false, true] {
        let stub = answering().await;
        let mut environment = vec![("JUDGE_THUMBPRINT", thumbprint.as_str()), ("JUDGE_KEY_FILE", key_file)];
        environment.extend(send_chain.then_some(("JUDGE_CHAIN_FILE", chain_file)));
        library_asks(&stub, "certificate", &environment).await;
        let ours = Credential::Certificate(CertificateNames {
            certificate: name("BOT_CERTIFICATE"),
            key: name("BOT_KEY"),
            send_chain,
        });
        herald_asks(&stub, ours, &[("BOT_CERTIFICATE", &certificate), ("BOT_KEY", &key)]).await;
        let (mut theirs, mut ours) = both(&stub);
        let statements =
            [&mut theirs, &mut ours].map(|asked| asked.form.remove("client_assertion").expect("a statement"));
        assert_eq!(theirs, ours, "all but the statement");

        let [theirs, ours] = &statements;
        assert_eq!(part(theirs, 0), part(ours, 0), "the header, with its values");
        let (theirs, ours) = (part(theirs, 1), part(ours, 1));
        assert_eq!(names(&theirs), names(&ours), "the names of the claims");
        for same in ["aud", "iss", "sub"] {
            assert_eq!(theirs[same], ours[same], "{same}");
        }
        for claims in [&theirs, &ours] {
            let of = |name: &str| claims[name].as_i64().expect("whole seconds");
            assert_eq!(of("exp") - of("nbf"), 600, "{claims}");
            assert!(
                uuid::Uuid::try_parse(claims["jti"].as_str().unwrap()).is_ok(),
                "{claims}"
            );
        }
        assert_ne!(theirs["jti"], ours["jti"]);
    }
}

#[tokio::test]
async fn with_a_foreign_token_herald_asks_as_microsofts_library_does() {
    if is_skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "aaa.bbb.ccc").unwrap();
    let stub = answering().await;
    library_asks(&stub, "assertion", &[("JUDGE_ASSERTION", "aaa.bbb.ccc")]).await;
    let ours = Credential::WorkloadIdentity(Federation::TokenFile(Some(path.display().to_string())));
    herald_asks(&stub, ours, &[]).await;
    let (theirs, ours) = both(&stub);
    assert_eq!(theirs, ours);
}

#[tokio::test]
async fn a_machines_own_identity_is_asked_for_as_microsofts_library_does() {
    if is_skipped() {
        return;
    }
    let stub = answering().await;
    let endpoint = stub.url("/msi/token");
    let of_service = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", "853b9a84"),
    ];
    library_asks(&stub, "identity", &of_service).await;
    herald_asks(&stub, Credential::ManagedIdentity, &of_service).await;
    let (theirs, ours) = both(&stub);
    assert_eq!(theirs, ours, "App Service");

    let stub = answering().await;
    let here = stub.url("");
    library_asks(
        &stub,
        "identity",
        &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", here.as_str())],
    )
    .await;
    herald_asks(&stub, Credential::ManagedIdentity, &[]).await;
    let (theirs, ours) = both(&stub);
    assert_eq!(theirs, ours, "a virtual machine");
}

fn part(token: &str, place: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(place).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn names(claims: &Value) -> BTreeSet<&str> {
    claims.as_object().unwrap().keys().map(String::as_str).collect()
}
