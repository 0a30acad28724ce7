//! Signed tokens: reading what they claim, and proving that their issuer signed it.

use jsonwebtoken::errors::{Error, ErrorKind};
pub use jsonwebtoken::{Algorithm, Header};
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::keys::Key;

/// Longer tokens are not looked at; real ones have about 1 KB.
pub const LONGEST: usize = 16 * 1024;

/// How the token says that it is signed, and with which key.
///
/// # Errors
/// A sentence; it is no token.
pub fn header(token: &str) -> Result<Header, &'static str> {
    decode_header(token).map_err(|error| sentence(&error))
}

/// What the token says. Nothing of it is proven.
///
/// # Errors
/// A sentence; it is no token.
pub fn unproven_claims(token: &str) -> Result<Map<String, Value>, &'static str> {
    jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|error| sentence(&error))
}

/// The claims of a token whose signature by `key` is right. Their meaning is checked elsewhere, by our clock.
///
/// # Errors
/// A sentence that holds nothing of the token.
pub fn verified(
    token: &str,
    algorithm: Algorithm,
    allowed: &[Algorithm],
    key: &Key,
) -> Result<Map<String, Value>, &'static str> {
    if !allowed.contains(&algorithm) {
        return Err("the token is signed in a way its issuer does not use");
    }
    if key
        .algorithm
        .as_ref()
        .is_some_and(|only| *only != format!("{algorithm:?}"))
    {
        return Err("the token's key is for another way of signing");
    }
    let mut only_the_signature = Validation::new(algorithm);
    only_the_signature.required_spec_claims.clear();
    only_the_signature.validate_exp = false;
    only_the_signature.validate_aud = false;
    decode(token, &key.verifying, &only_the_signature)
        .map(|token| token.claims)
        .map_err(|error| sentence(&error))
}

fn sentence(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::InvalidSignature => "the token's signature is wrong",
        _ => "the token is not a signed token of a known kind",
    }
}
