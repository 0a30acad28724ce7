//! Tokens of Entra in the hands of those who post to hooks: who signed them, and may they post?

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use serde_json::Value;

use crate::hook::entra::Entra;
use crate::hook::refused::Refused;
use crate::hook::{Authentication, Hook, Request, signature};
use crate::teams::jwt::{self, Algorithm};
use crate::teams::keys::KeyRing;
use crate::teams::wire::Wire;

/// The keys of those who sign tokens for hooks. They outlive a reload.
#[derive(Debug)]
pub struct Signers {
    wire: Wire,
    rings: Mutex<HashMap<String, Arc<KeyRing>>>,
}

impl Signers {
    /// Nothing is fetched yet.
    pub fn new(wire: Wire) -> Self {
        Self {
            wire,
            rings: Mutex::default(),
        }
    }

    /// Lets in the sender of `request` to one of the `declared` hooks if its token is one that is `expected`. Nothing but
    /// the head is looked at. Returns what rules may know of the caller.
    ///
    /// # Errors
    /// [`Refused`]: 401, 403, or 503 while the keys cannot be had.
    pub async fn admit(
        &self,
        expected: &Entra,
        request: &Request<'_>,
        declared: &IndexMap<String, Hook>,
        now: DateTime<Utc>,
    ) -> Result<Value, Refused> {
        let token = signature::bearer_token(request)?;
        if token.len() > jwt::LONGEST {
            return Err(Refused::Token("the token is too long"));
        }
        let header = jwt::header(token).map_err(Refused::Token)?;
        // Before any key is looked for: anybody can write a token.
        let claimed = jwt::unproven_claims(token).map_err(Refused::Token)?;
        let issuer = claimed.get("iss").and_then(Value::as_str).unwrap_or_default();
        if !expected.believes(issuer) {
            return Err(Refused::Token("the token is from another issuer"));
        }
        let id = header
            .kid
            .ok_or(Refused::Token("the token does not say which key signed it"))?;
        let key = self.ring(&expected.openid, declared).find(&id, now).await;
        let key = key
            .map_err(|no_keys| Refused::NoKeys(no_keys.to_string()))?
            .ok_or(Refused::Token(
                "the token is signed with a key that its issuer does not have",
            ))?;
        let claims = jwt::verified(token, header.alg, &[Algorithm::RS256], &key).map_err(Refused::Token)?;
        expected.admit(&claims, now)
    }

    fn ring(&self, openid: &str, declared: &IndexMap<String, Hook>) -> Arc<KeyRing> {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        if rings.len() > declared.len() {
            rings.retain(|known, _| declared.values().any(|hook| asks_for(hook, known)));
        }
        let ring = rings.entry(openid.to_owned());
        ring.or_insert_with(|| Arc::new(KeyRing::new(self.wire.clone(), openid)))
            .clone()
    }
}

fn asks_for(hook: &Hook, openid: &str) -> bool {
    matches!(&hook.authentication, Authentication::Entra(expected) if expected.openid == openid)
}
