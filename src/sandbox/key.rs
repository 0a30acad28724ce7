//! Signing as Teams: keys, their public halves, and tokens, genuine or forged.
//!
//! The tokens are put together by hand and not with the library that the engine verifies them with: a fake must not
//! share its judge's blind spots, and forging needs what a library refuses to make.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What the bot is shown in `Authorization` when Teams calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// What Teams sends.
    Genuine,
    /// No header at all.
    Missing,
    /// This text as the whole header.
    Header(String),
    /// The right claims under the right key id, signed by somebody else's key.
    ForgedSignature,
    /// Signed by a key that is not published.
    UnknownKey,
    /// Its life ended an hour ago.
    Expired,
    /// Its life begins in an hour.
    NotYetValid,
    /// Made for another bot.
    WrongAudience,
    /// No audience at all.
    NoAudience,
    /// Made by somebody else.
    WrongIssuer,
    /// Speaks of another service address than the activity does.
    WrongServiceUrl,
    /// Speaks of no service address.
    NoServiceUrl,
    /// `alg: none` with an empty signature.
    Unsigned,
    /// `alg: HS256`, with the public key's published modulus as the secret.
    PublicKeyAsSecret,
    /// As an emulator does it: an Entra token of this sandbox's tenant, with the bot's id as audience and
    /// authorised party and without a service address. See [`Sandbox::entra_issuer`](super::Sandbox::entra_issuer).
    Entra,
}

/// A key pair with its id.
pub(super) struct Key {
    pair: KeyPair,
    id: String,
}

impl Key {
    /// A key of its own.
    pub(super) fn generate() -> Arc<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("the system has randomness for an RSA key");
        let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        Arc::new(Self {
            pair,
            id: URL_SAFE_NO_PAD.encode(&Sha256::digest(&modulus)[..20]),
        })
    }

    /// The key that all sandboxes of a process begin with: making one costs a tenth of a second.
    pub(super) fn first() -> Arc<Self> {
        static FIRST: OnceLock<Arc<Key>> = OnceLock::new();
        FIRST.get_or_init(Self::generate).clone()
    }

    /// A key that is never published.
    fn stranger() -> Arc<Self> {
        static STRANGER: OnceLock<Arc<Key>> = OnceLock::new();
        STRANGER.get_or_init(Self::generate).clone()
    }

    fn modulus(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key().modulus().big_endian_without_leading_zero())
    }

    /// The public half as an entry of a key set; Teams' channel keys carry endorsements, Entra's do not.
    pub(super) fn published(&self, endorsements: Option<&[String]>) -> Value {
        let exponent = self
            .pair
            .public_key()
            .exponent()
            .big_endian_without_leading_zero()
            .to_vec();
        let mut entry = json!({
            "kty": "RSA", "use": "sig", "kid": self.id, "x5t": self.id,
            "n": self.modulus(), "e": URL_SAFE_NO_PAD.encode(exponent),
        });
        if let Some(endorsements) = endorsements {
            entry["endorsements"] = json!(endorsements);
        }
        entry
    }

    fn sign(&self, kid: &str, claims: &Value) -> String {
        let signed = unsigned(&json!({"alg": "RS256", "typ": "JWT", "kid": kid, "x5t": kid}), claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("the buffer is as long as the modulus");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    )
}

/// What a token speaks of.
pub(super) struct Claims<'a> {
    /// The issuer of Teams' tokens.
    pub(super) issuer: &'a str,
    /// The issuer of Entra's.
    pub(super) entra_issuer: &'a str,
    /// The bot.
    pub(super) app_id: &'a str,
    /// Its tenant.
    pub(super) tenant: &'a str,
    /// Where the bot is to answer.
    pub(super) service_url: &'a str,
    /// The instant it is made.
    pub(super) now: DateTime<Utc>,
}

/// The `Authorization` header for this credential; `None` for none.
pub(super) fn authorization(key: &Key, credential: &Credential, claims: &Claims<'_>) -> Option<String> {
    let now = claims.now.timestamp();
    let mut content = json!({
        "serviceurl": claims.service_url, "nbf": now, "exp": now + 3_600, "iss": claims.issuer, "aud": claims.app_id,
    });
    let mut put = |name: &str, value: Value| content[name] = value;
    let token = match credential {
        Credential::Missing => return None,
        Credential::Header(text) => return Some(text.clone()),
        Credential::Genuine => key.sign(&key.id, &content),
        Credential::ForgedSignature => Key::stranger().sign(&key.id, &content),
        Credential::UnknownKey => {
            let stranger = Key::stranger();
            stranger.sign(&stranger.id, &content)
        }
        Credential::Expired => {
            put("nbf", json!(now - 7_200));
            put("exp", json!(now - 3_600));
            key.sign(&key.id, &content)
        }
        Credential::NotYetValid => {
            put("nbf", json!(now + 3_600));
            put("exp", json!(now + 7_200));
            key.sign(&key.id, &content)
        }
        Credential::WrongAudience => {
            put("aud", json!("00000000-1111-4222-8333-444444444444"));
            key.sign(&key.id, &content)
        }
        Credential::NoAudience => {
            content.as_object_mut().expect("claims are an object").remove("aud");
            key.sign(&key.id, &content)
        }
        Credential::WrongIssuer => {
            put("iss", json!("https://api.botframework.example"));
            key.sign(&key.id, &content)
        }
        Credential::WrongServiceUrl => {
            put("serviceurl", json!("https://attacker.example/emea/"));
            key.sign(&key.id, &content)
        }
        Credential::NoServiceUrl => {
            content
                .as_object_mut()
                .expect("claims are an object")
                .remove("serviceurl");
            key.sign(&key.id, &content)
        }
        Credential::Unsigned => format!("{}.", unsigned(&json!({"alg": "none", "typ": "JWT"}), &content)),
        Credential::PublicKeyAsSecret => {
            let signed = unsigned(&json!({"alg": "HS256", "typ": "JWT", "kid": key.id}), &content);
            let secret = hmac::Key::new(hmac::HMAC_SHA256, key.modulus().as_bytes());
            format!(
                "{signed}.{}",
                URL_SAFE_NO_PAD.encode(hmac::sign(&secret, signed.as_bytes()))
            )
        }
        Credential::Entra => {
            let content = json!({
                "iss": claims.entra_issuer, "aud": claims.app_id, "azp": claims.app_id, "tid": claims.tenant,
                "ver": "2.0", "iat": now, "nbf": now, "exp": now + 3_600,
            });
            key.sign(&key.id, &content)
        }
    };
    Some(format!("Bearer {token}"))
}
