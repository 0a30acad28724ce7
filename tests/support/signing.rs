//! Keys and tokens put together by hand, so that they can be wrong in any way.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key pair under an id.
pub struct SigningKey {
    pub id: String,
    pair: KeyPair,
}

impl SigningKey {
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            pair: KeyPair::generate(KeySize::Rsa2048).expect("a key can be made"),
        }
    }

    /// Its public half as issuers publish it.
    pub fn published(&self, endorsements: &[&str]) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "kid": self.id, "x5t": self.id, "n": self.modulus(), "e": "AQAB",
            "endorsements": endorsements,
        })
    }

    pub fn modulus(&self) -> String {
        let public = self.pair.public_key();
        URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero())
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.token_under(&json!({"typ": "JWT", "alg": "RS256", "kid": self.id}), claims)
    }

    /// A token with any header, signed with this key by RS256 whatever the header says.
    pub fn token_under(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("a text can be signed");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A token signed with a secret instead of a key pair.
pub fn token_with_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let signed = unsigned(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Header and claims, with nothing behind them.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
