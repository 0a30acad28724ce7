//! The bot's own tokens: each is asked for once, kept, refreshed early.

mod ask;
pub mod certificate;
mod identity;
mod refused;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderValue;
use serde_json::Value;
use tracing::{info, warn};

use self::ask::{Asker, Persistence};
use super::credential::{Credential, Federation};
use super::endpoints::Endpoints;
use super::wire::Wire;
use crate::clock::Clock;
use crate::secret::Secrets;
use crate::secret_name::SecretName;
use crate::settings::Bot;

/// A token is refreshed this long before it ends, or a third of its life before if that is less.
const EARLY: TimeDelta = TimeDelta::minutes(5);
/// After a failure nobody asks again for 2 s, then 4 s, ... and at most this long.
const LONGEST_BREAK: Duration = Duration::from_secs(60);
/// The most tokens beside the connector's that are kept at once; beyond them the one that ends first makes room.
const MOST_SHELVES: usize = 1000;

/// Who the bot is, for asking.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The bot's app id.
    pub app_id: String,
    /// The tenant it is registered in; `None` for a multi-tenant bot.
    pub tenant: Option<String>,
    /// How it proves that it is this bot.
    pub credential: Credential,
}

impl Credentials {
    /// A bot that proves itself by the client secret with this name.
    pub fn with_secret(app_id: impl Into<String>, secret: SecretName) -> Self {
        Self {
            app_id: app_id.into(),
            tenant: None,
            credential: Credential::Secret(secret),
        }
    }

    /// Those of the bot in the settings; `None` if there is no bot.
    pub fn of(bot: &Bot) -> Option<Self> {
        Some(Self {
            app_id: bot.app_id.clone()?,
            tenant: bot.tenant.clone(),
            credential: bot.credential.clone(),
        })
    }

    /// Whether the bot could prove itself at `now`, as far as that can be told without asking anybody; returns when its
    /// certificate ends, if it has one.
    ///
    /// # Errors
    /// [`NoToken`]: what is missing or unfit, in a sentence.
    pub fn examine(&self, secrets: &Secrets, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, NoToken> {
        match &self.credential {
            Credential::Secret(name) => ask::client_secret(secrets, name).map(|_| None),
            Credential::Certificate(names) => {
                certificate::of(names, secrets, now).map(|certificate| Some(certificate.ends_at()))
            }
            Credential::WorkloadIdentity(Federation::TokenFile(path)) => {
                ask::token_file(secrets, path.as_deref()).map(|_| None)
            }
            Credential::ManagedIdentity | Credential::WorkloadIdentity(Federation::ManagedIdentity { .. }) => {
                Ok(None)
            }
        }
    }
}

/// What a token is for. Tokens for different things are kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The connector: whatever is sent to Teams and looked up there.
    Connector,
    /// Microsoft Graph in the tenant with this id or domain.
    Graph(String),
    /// An account of Cosmos DB, by its address without a path.
    Database {
        /// The tenant that the account is in, by id or domain.
        tenant: String,
        /// The account.
        account: String,
    },
}

/// Hands out the bot's tokens. Cheap to ask: Microsoft is asked once per life of a token, however many callers wait.
#[derive(Debug)]
pub struct Tokens {
    asker: Asker,
    clock: Clock,
    connector: Arc<Shelf>,
    others: Mutex<HashMap<Scope, Arc<Shelf>>>,
}

/// A token, as the value of an `Authorization` header. It prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(HeaderValue);

/// Why there is no token, in a sentence without any secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct NoToken {
    sentence: String,
    way_out: Option<&'static str>,
}

impl NoToken {
    fn because(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            way_out: None,
        }
    }

    fn with_way_out(self, way_out: &'static str) -> Self {
        Self {
            way_out: Some(way_out),
            ..self
        }
    }

    /// What to do about it, where that is known.
    pub fn way_out(&self) -> Option<&'static str> {
        self.way_out
    }
}

/// What one question for a token showed.
#[derive(Debug)]
pub struct Tried {
    /// The token, or why there is none.
    pub outcome: Result<Token, NoToken>,
    /// When the answer was written, by the other side's clock; `None` when there was no answer.
    pub date: Option<DateTime<Utc>>,
}

/// The place of one token.
#[derive(Debug, Default)]
struct Shelf {
    /// Held by the one who asks Microsoft.
    flight: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: Option<Kept>,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Kept {
    token: Token,
    refresh_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

#[derive(Debug)]
struct Failure {
    problem: NoToken,
    count: u32,
    again_at: DateTime<Utc>,
}

/// What is at hand without asking Microsoft.
enum AtHand {
    Good(Token),
    /// It works, but should be refreshed by whoever comes first.
    Aging(Token),
    Failed(NoToken),
    Nothing,
}

impl Tokens {
    /// Hands out tokens for these credentials, asked for where `endpoints` says. Nothing is asked yet; secrets, keys and
    /// token files are read each time they are needed, so that a replaced one counts.
    pub fn new(
        wire: Wire,
        endpoints: &Endpoints,
        credentials: Credentials,
        secrets: Arc<Secrets>,
        clock: Clock,
    ) -> Self {
        Self {
            asker: Asker {
                wire,
                endpoints: endpoints.clone(),
                credentials,
                secrets,
                clock: clock.clone(),
            },
            clock,
            connector: Arc::default(),
            others: Mutex::default(),
        }
    }

    /// A token for the connector that works now; see [`Tokens::token_for`].
    ///
    /// # Errors
    /// As there.
    pub async fn token(&self) -> Result<Token, NoToken> {
        self.token_for(&Scope::Connector).await
    }

    /// A token for this that works now.
    ///
    /// # Errors
    /// [`NoToken`] if there is none and Microsoft gave none. For some seconds after a failure the same answer is given
    /// without asking again.
    pub async fn token_for(&self, scope: &Scope) -> Result<Token, NoToken> {
        let shelf = self.shelf(scope);
        match shelf.at_hand(self.clock.now()) {
            AtHand::Good(token) => Ok(token),
            AtHand::Failed(problem) => Err(problem),
            AtHand::Aging(old) => {
                // One caller refreshes, the others go on with what they have.
                let Ok(_flight) = shelf.flight.try_lock() else {
                    return Ok(old);
                };
                match shelf.at_hand(self.clock.now()) {
                    AtHand::Aging(_) => Ok(self.ask(&shelf, scope, Persistence::Once).await.unwrap_or(old)),
                    AtHand::Good(token) => Ok(token),
                    AtHand::Failed(_) | AtHand::Nothing => Ok(old),
                }
            }
            AtHand::Nothing => {
                let _flight = shelf.flight.lock().await;
                match shelf.at_hand(self.clock.now()) {
                    AtHand::Good(token) | AtHand::Aging(token) => Ok(token),
                    AtHand::Failed(problem) => Err(problem),
                    AtHand::Nothing => self.ask(&shelf, scope, Persistence::AsDocumented).await,
                }
            }
        }
    }

    /// Asks Microsoft once for a token for the connector, whatever is at hand, and keeps nothing: for finding out what is
    /// wrong.
    pub async fn try_once(&self) -> Tried {
        let mut date = None;
        let asked = self.asker.ask(&Scope::Connector, Persistence::Once, &mut date).await;
        Tried {
            outcome: asked.map(|(token, _)| token),
            date,
        }
    }

    /// Teams or Graph refused this token: the next caller gets a new one. A token that was replaced meanwhile stays.
    pub fn discard(&self, refused: &Token) {
        self.connector.discard(refused);
        for shelf in self.shelves().values() {
            shelf.discard(refused);
        }
    }

    fn shelf(&self, scope: &Scope) -> Arc<Shelf> {
        let scope = match scope {
            Scope::Connector => return self.connector.clone(),
            Scope::Graph(tenant) => Scope::Graph(tenant.to_lowercase()),
            Scope::Database { tenant, account } => Scope::Database {
                tenant: tenant.to_lowercase(),
                account: account.clone(),
            },
        };
        let mut shelves = self.shelves();
        if shelves.len() >= MOST_SHELVES && !shelves.contains_key(&scope) {
            let first_to_end = shelves.iter().min_by_key(|(_, shelf)| shelf.expires_at());
            if let Some(ending) = first_to_end.map(|(scope, _)| scope.clone()) {
                shelves.remove(&ending);
            }
        }
        shelves.entry(scope).or_default().clone()
    }

    fn shelves(&self) -> MutexGuard<'_, HashMap<Scope, Arc<Shelf>>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks Microsoft and keeps what it says. Call it holding `flight`.
    async fn ask(&self, shelf: &Shelf, scope: &Scope, persistence: Persistence) -> Result<Token, NoToken> {
        let answer = self.asker.ask(scope, persistence, &mut None).await;
        let now = self.clock.now();
        match answer {
            Ok((token, life)) => {
                info!(
                    scope = scope.word(),
                    seconds = life.num_seconds(),
                    "the bot has a new token"
                );
                shelf.keep(token.clone(), now, life);
                Ok(token)
            }
            Err(problem) => {
                let failures = shelf.failed(problem.clone(), now);
                warn!(scope = scope.word(), %problem, failures, "the bot gets no token");
                Err(problem)
            }
        }
    }
}

impl Scope {
    fn word(&self) -> &'static str {
        match self {
            Scope::Connector => "connector",
            Scope::Graph(_) => "graph",
            Scope::Database { .. } => "database",
        }
    }
}

impl Shelf {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, and a half-written state is impossible: each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at_hand(&self, now: DateTime<Utc>) -> AtHand {
        let state = self.state();
        // One that lies further ahead than any break was seen by a clock that has been put back since.
        let longest = TimeDelta::from_std(LONGEST_BREAK).expect("at most a minute");
        let counts = |failure: &&Failure| now < failure.again_at && failure.again_at - now <= longest;
        let failure = state.failure.as_ref().filter(counts);
        match (&state.kept, failure) {
            (Some(kept), _) if now < kept.refresh_at => AtHand::Good(kept.token.clone()),
            (Some(kept), Some(_)) if now < kept.expires_at => AtHand::Good(kept.token.clone()),
            (Some(kept), None) if now < kept.expires_at => AtHand::Aging(kept.token.clone()),
            (Some(_) | None, Some(failure)) => AtHand::Failed(failure.problem.clone()),
            (Some(_) | None, None) => AtHand::Nothing,
        }
    }

    fn keep(&self, token: Token, now: DateTime<Utc>, life: TimeDelta) {
        let expires_at = now + life;
        *self.state() = State {
            kept: Some(Kept {
                token,
                refresh_at: expires_at - EARLY.min(life / 3),
                expires_at,
            }),
            failure: None,
        };
    }

    /// Remembers a failure, and returns which one in a row it is.
    fn failed(&self, problem: NoToken, now: DateTime<Utc>) -> u32 {
        let mut state = self.state();
        let before = state.failure.as_ref().map_or(0, |failure| failure.count);
        let count = before.saturating_add(1);
        let pause = Duration::from_secs(1 << count.min(6)).min(LONGEST_BREAK);
        state.failure = Some(Failure {
            problem,
            count,
            again_at: now + TimeDelta::from_std(pause).expect("at most a minute"),
        });
        count
    }

    fn discard(&self, refused: &Token) {
        let mut state = self.state();
        if state.kept.as_ref().is_some_and(|kept| kept.token == *refused) {
            state.kept = None;
        }
    }

    fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.state().kept.as_ref().map(|kept| kept.expires_at)
    }
}

impl Token {
    /// The value of the `Authorization` header.
    pub fn header(&self) -> &HeaderValue {
        &self.0
    }

    /// The token and how long it lives, out of an answer of the login endpoint or of an identity service.
    fn of(body: &Value, now: DateTime<Utc>) -> Option<(Token, TimeDelta)> {
        let text = body["access_token"].as_str().filter(|text| !text.is_empty())?;
        let mut header = HeaderValue::from_str(&format!("Bearer {text}")).ok()?;
        header.set_sensitive(true);
        // The login endpoint writes numbers, identity services texts; App Service names only the end.
        let life = seconds(&body["expires_in"])
            .or_else(|| seconds(&body["expires_on"]).map(|end| end.saturating_sub(now.timestamp())))
            .unwrap_or(300);
        Some((Token(header), TimeDelta::seconds(life.clamp(0, 24 * 3600))))
    }
}

fn seconds(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_700_000_000;

    fn token_of(body: &Value) -> Option<(Token, TimeDelta)> {
        Token::of(body, DateTime::from_timestamp(NOW, 0).unwrap())
    }

    #[test]
    fn a_token_lives_as_long_as_said_in_either_spelling() {
        let life = |expires_in: Value| {
            token_of(&json!({"access_token": "x", "expires_in": expires_in})).map(|(_, life)| life.num_seconds())
        };
        assert_eq!(life(json!(3600)), Some(3600));
        assert_eq!(life(json!("3599")), Some(3599));
        assert_eq!(life(json!(-5)), Some(0));
        assert_eq!(life(json!(null)), Some(300));
        assert!(token_of(&json!({"access_token": ""})).is_none());
        assert!(token_of(&json!({"access_token": "a\nb"})).is_none());
        assert!(token_of(&json!({"token": "x"})).is_none());
    }

    #[test]
    fn a_token_of_which_only_the_end_is_known_lives_until_then() {
        let life = |expires_on: Value| {
            token_of(&json!({"access_token": "x", "expires_on": expires_on})).map(|(_, life)| life.num_seconds())
        };
        assert_eq!(life(json!((NOW + 1800).to_string())), Some(1800));
        assert_eq!(life(json!(NOW + 86_000)), Some(86_000));
        assert_eq!(life(json!(NOW - 1)), Some(0));
        assert_eq!(
            life(json!("11/05/2026 15:18:31 +00:00")),
            Some(300),
            "no number is no promise"
        );
    }

    #[test]
    fn a_token_is_not_shown_by_accident() {
        let (token, _) = token_of(&json!({"access_token": "s3cr3t"})).unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("s3cr3t"));
    }

    #[test]
    fn however_many_tenants_come_their_shelves_are_bounded() {
        let (clock, _hand) = Clock::manual(DateTime::from_timestamp(NOW, 0).unwrap());
        let endpoints = Endpoints::of(crate::teams::cloud::Cloud::Public, None, &Default::default()).unwrap();
        let credentials = Credentials::with_secret("app", Credential::default_secret());
        let wire = Wire::new(Default::default()).unwrap();
        let tokens = Tokens::new(wire, &endpoints, credentials, Arc::default(), clock);
        for number in 0..MOST_SHELVES + 10 {
            tokens.shelf(&Scope::Graph(format!("tenant-{number}")));
        }
        assert_eq!(tokens.shelves().len(), MOST_SHELVES);
        let one = tokens.shelf(&Scope::Graph("TENANT-5000".to_owned()));
        assert!(Arc::ptr_eq(
            &one,
            &tokens.shelf(&Scope::Graph("tenant-5000".to_owned()))
        ));
    }
}
