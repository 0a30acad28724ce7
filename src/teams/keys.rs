//! The keys that sign the tokens we are shown: fetched when needed, kept a day, never thrown away for want of new ones.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::DecodingKey;
use reqwest::Method;
use serde_json::Value;
use tracing::{info, warn};
use url::Url;

use super::wire::{Body, Call, Wire};

/// Keys older than this are fetched again.
const FRESH: TimeDelta = TimeDelta::hours(24);
/// An unknown key id makes us look for new keys at most this often; anybody can invent key ids.
const CURIOSITY: TimeDelta = TimeDelta::hours(1);
/// How long old keys serve before the next try when fetching new ones failed.
const AGAIN_WITH_KEYS: TimeDelta = TimeDelta::minutes(5);
/// The same while there are none at all, and nothing can be verified.
const AGAIN_WITHOUT_KEYS: TimeDelta = TimeDelta::seconds(10);
const LONGEST_METADATA: usize = 64 * 1024;
const LONGEST_KEYS: usize = 1024 * 1024;
const MOST_KEYS: usize = 200;

/// The keys of one issuer.
#[derive(Debug)]
pub struct KeyRing {
    wire: Wire,
    openid: String,
    /// Held by the one who fetches.
    flight: tokio::sync::Mutex<()>,
    state: RwLock<Arc<State>>,
}

/// A key that signs tokens.
#[derive(Debug)]
pub struct Key {
    /// What verifies a signature.
    pub verifying: DecodingKey,
    /// The one algorithm it is for, where the issuer says so.
    pub algorithm: Option<String>,
    /// The channels it may speak for; empty means any.
    pub endorsements: Vec<String>,
}

/// There are no keys, and why: ours or the issuer's fault, never the caller's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signing keys are not known: {0}")]
pub struct NoKeys(String);

#[derive(Debug, Default)]
struct State {
    keys: HashMap<String, Arc<Key>>,
    loaded_at: Option<DateTime<Utc>>,
    tried_at: Option<DateTime<Utc>>,
    problem: Option<NoKeys>,
}

impl KeyRing {
    /// The keys that the OpenID metadata at `openid` leads to. Nothing is fetched yet.
    pub fn new(wire: Wire, openid: &str) -> Self {
        Self {
            wire,
            openid: openid.to_owned(),
            flight: tokio::sync::Mutex::new(()),
            state: RwLock::default(),
        }
    }

    /// The key with this id; `None` if the issuer has no such key.
    ///
    /// # Errors
    /// [`NoKeys`] if no keys could ever be fetched.
    pub async fn find(&self, id: &str, now: DateTime<Utc>) -> Result<Option<Arc<Key>>, NoKeys> {
        let state = self.state();
        if state.loaded_at.is_none() {
            return Ok(self.first(now).await?.keys.get(id).cloned());
        }
        if state.passed(state.loaded_at, now, FRESH) && state.passed(state.tried_at, now, AGAIN_WITH_KEYS) {
            // One caller fetches, the others go on with the keys they have.
            if let Ok(_flight) = self.flight.try_lock() {
                self.fetch(now).await;
            }
        }
        if let Some(key) = self.state().keys.get(id) {
            return Ok(Some(key.clone()));
        }
        if self.may_look_again(now) {
            let _flight = self.flight.lock().await;
            if self.may_look_again(now) {
                self.fetch(now).await;
            }
        }
        Ok(self.state().keys.get(id).cloned())
    }

    async fn first(&self, now: DateTime<Utc>) -> Result<Arc<State>, NoKeys> {
        let settled = |state: Arc<State>| match (&state.loaded_at, &state.problem) {
            (Some(_), _) => Some(Ok(state)),
            (None, Some(problem)) if !state.passed(state.tried_at, now, AGAIN_WITHOUT_KEYS) => {
                Some(Err(problem.clone()))
            }
            (None, Some(_) | None) => None,
        };
        if let Some(settled) = settled(self.state()) {
            return settled;
        }
        let _flight = self.flight.lock().await;
        if let Some(settled) = settled(self.state()) {
            return settled;
        }
        self.fetch(now).await;
        let state = self.state();
        match &state.problem {
            Some(problem) => Err(problem.clone()),
            None => Ok(state),
        }
    }

    fn may_look_again(&self, now: DateTime<Utc>) -> bool {
        let state = self.state();
        state.passed(state.tried_at, now, CURIOSITY)
    }

    fn state(&self) -> Arc<State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys and keeps them; keeps the old ones if that fails. Call it holding `flight`.
    async fn fetch(&self, now: DateTime<Utc>) {
        let fetched = self.keys().await;
        let old = self.state();
        let new = match fetched {
            Ok(keys) => {
                info!(openid = %self.openid, keys = keys.len(), "signing keys were fetched");
                State {
                    keys,
                    loaded_at: Some(now),
                    tried_at: Some(now),
                    problem: None,
                }
            }
            Err(sentence) => {
                warn!(openid = %self.openid, problem = %sentence, kept = old.keys.len(), "signing keys cannot be fetched");
                State {
                    keys: old.keys.clone(),
                    loaded_at: old.loaded_at,
                    tried_at: Some(now),
                    problem: Some(NoKeys(sentence)),
                }
            }
        };
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }

    async fn keys(&self) -> Result<HashMap<String, Arc<Key>>, String> {
        let metadata_url = Url::parse(&self.openid).map_err(|_| format!("`{}` is not an address", self.openid))?;
        let metadata = self.get(metadata_url.clone(), LONGEST_METADATA).await?;
        let named = metadata["jwks_uri"]
            .as_str()
            .ok_or_else(|| format!("{} names no keys (`jwks_uri`)", self.openid))?;
        let keys_url = Url::parse(named)
            .ok()
            .filter(|url| url.scheme() == "https" || url.origin() == metadata_url.origin())
            .ok_or_else(|| format!("{} names keys in a place that is not encrypted", self.openid))?;
        let keys = keys_of(&self.get(keys_url, LONGEST_KEYS).await?);
        if keys.is_empty() {
            return Err(format!("{named} holds no usable key"));
        }
        Ok(keys)
    }

    async fn get(&self, url: Url, longest: usize) -> Result<Value, String> {
        let address = url.to_string();
        let call = Call {
            method: Method::GET,
            url,
            token: None,
            headers: &[],
            direct: false,
            body: Body::Nothing,
            patience: self.wire.patience().look_up,
            longest,
        };
        let reply = self.wire.exchange(call).await.map_err(|lost| lost.to_string())?;
        if reply.status != 200 {
            return Err(format!("{address} answered {}", reply.status));
        }
        if reply.cut {
            return Err(format!("{address} answered more than {longest} bytes"));
        }
        serde_json::from_slice(&reply.body).map_err(|_| format!("{address} did not answer with JSON"))
    }
}

impl State {
    /// Whether this long has passed since `then`. A clock that was set back counts as "yes": it must not freeze us.
    fn passed(&self, then: Option<DateTime<Utc>>, now: DateTime<Utc>, length: TimeDelta) -> bool {
        then.is_none_or(|then| now - then >= length || now < then - length)
    }
}

/// The RSA signing keys of a key set; what is no such key is passed over.
fn keys_of(set: &Value) -> HashMap<String, Arc<Key>> {
    let entries = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut keys = HashMap::new();
    for entry in entries.iter().take(MOST_KEYS) {
        let field = |name: &str| entry[name].as_str();
        let signs = field("use").is_none_or(|purpose| purpose == "sig");
        if field("kty") != Some("RSA") || !signs {
            continue;
        }
        let (Some(id), Some(modulus), Some(exponent)) = (field("kid"), field("n"), field("e")) else {
            continue;
        };
        let Ok(verifying) = DecodingKey::from_rsa_components(modulus, exponent) else {
            continue;
        };
        let endorsements = entry["endorsements"].as_array().into_iter().flatten();
        let key = Key {
            verifying,
            algorithm: field("alg").map(str::to_owned),
            endorsements: endorsements
                .filter_map(|channel| channel.as_str().map(str::to_owned))
                .collect(),
        };
        keys.entry(id.to_owned()).or_insert_with(|| Arc::new(key));
    }
    keys
}
