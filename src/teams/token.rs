//! The bot's own token: asked for once, kept, refreshed early.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;
use serde_json::Value;
use tracing::{info, warn};
use url::Url;

use super::endpoints::Endpoints;
use super::wire::{Body, Call, Wire};
use crate::clock::Clock;
use crate::secret::Secrets;
use crate::secret_name::SecretName;

/// A token is refreshed this long before it ends, or a third of its life before if that is less.
const EARLY: TimeDelta = TimeDelta::minutes(5);
/// After a failure nobody asks again for 2 s, then 4 s, ... and at most this long.
const LONGEST_BREAK: Duration = Duration::from_secs(60);
const LONGEST_ANSWER: usize = 64 * 1024;

/// Who the bot is, for asking.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The bot's app id.
    pub app_id: String,
    /// What its client secret is called.
    pub secret: SecretName,
}

/// Hands out the bot's token. Cheap to ask: Microsoft is asked once per life of a token, however many callers wait.
#[derive(Debug)]
pub struct Tokens {
    wire: Wire,
    endpoint: String,
    scope: String,
    credentials: Credentials,
    secrets: Arc<Secrets>,
    clock: Clock,
    /// Held by the one who asks Microsoft.
    flight: tokio::sync::Mutex<()>,
    state: Mutex<State>,
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

    /// What to do about it, where Microsoft's number tells.
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
    /// Hands out tokens for these credentials, asked for where `endpoints` says. Nothing is asked yet; the secret is
    /// read each time it is needed, so that a replaced one counts.
    pub fn new(
        wire: Wire,
        endpoints: &Endpoints,
        credentials: Credentials,
        secrets: Arc<Secrets>,
        clock: Clock,
    ) -> Self {
        Self {
            wire,
            endpoint: endpoints.token.clone(),
            scope: endpoints.scope.clone(),
            credentials,
            secrets,
            clock,
            flight: tokio::sync::Mutex::new(()),
            state: Mutex::default(),
        }
    }

    /// A token that works now.
    ///
    /// # Errors
    /// [`NoToken`] if there is none and Microsoft gave none. For some seconds after a failure the same answer is given
    /// without asking again.
    pub async fn token(&self) -> Result<Token, NoToken> {
        match self.at_hand() {
            AtHand::Good(token) => Ok(token),
            AtHand::Failed(problem) => Err(problem),
            AtHand::Aging(old) => {
                // One caller refreshes, the others go on with what they have.
                let Ok(_flight) = self.flight.try_lock() else {
                    return Ok(old);
                };
                match self.at_hand() {
                    AtHand::Aging(_) => Ok(self.ask().await.unwrap_or(old)),
                    AtHand::Good(token) => Ok(token),
                    AtHand::Failed(_) | AtHand::Nothing => Ok(old),
                }
            }
            AtHand::Nothing => {
                let _flight = self.flight.lock().await;
                match self.at_hand() {
                    AtHand::Good(token) | AtHand::Aging(token) => Ok(token),
                    AtHand::Failed(problem) => Err(problem),
                    AtHand::Nothing => self.ask().await,
                }
            }
        }
    }

    /// Asks Microsoft once, whatever is at hand, and keeps nothing: for finding out what is wrong.
    pub async fn try_once(&self) -> Tried {
        let mut date = None;
        let outcome = self.fetch(&mut date).await.map(|(token, _)| token);
        Tried { outcome, date }
    }

    /// Teams refused this token: the next caller gets a new one. A token that was replaced meanwhile stays.
    pub fn discard(&self, refused: &Token) {
        let mut state = self.state();
        if state.kept.as_ref().is_some_and(|kept| kept.token == *refused) {
            state.kept = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, and a half-written state is impossible: each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at_hand(&self) -> AtHand {
        let now = self.clock.now();
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

    /// Asks Microsoft and keeps what it says. Call it holding `flight`.
    async fn ask(&self) -> Result<Token, NoToken> {
        let answer = self.fetch(&mut None).await;
        let now = self.clock.now();
        let mut state = self.state();
        match answer {
            Ok((token, life)) => {
                info!(seconds = life.num_seconds(), "the bot has a new token");
                let expires_at = now + life;
                state.kept = Some(Kept {
                    token: token.clone(),
                    refresh_at: expires_at - EARLY.min(life / 3),
                    expires_at,
                });
                state.failure = None;
                Ok(token)
            }
            Err(problem) => {
                let count = state
                    .failure
                    .as_ref()
                    .map_or(0, |failure| failure.count)
                    .saturating_add(1);
                let pause = Duration::from_secs(1 << count.min(6)).min(LONGEST_BREAK);
                let again_at = now + TimeDelta::from_std(pause).expect("at most a minute");
                warn!(%problem, failures = count, "the bot gets no token");
                state.failure = Some(Failure {
                    problem: problem.clone(),
                    count,
                    again_at,
                });
                Err(problem)
            }
        }
    }

    async fn fetch(&self, date: &mut Option<DateTime<Utc>>) -> Result<(Token, TimeDelta), NoToken> {
        let url = Url::parse(&self.endpoint)
            .map_err(|_| NoToken::because(format!("`{}` is not an address to ask for a token", self.endpoint)))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let secret = self
            .secrets
            .read(&self.credentials.secret)
            .map_err(|problem| NoToken::because(problem.to_string()))?;
        let secret = std::str::from_utf8(secret.expose_secret())
            .map_err(|_| NoToken::because(format!("the secret `{}` is not a text", self.credentials.secret)))?;
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.credentials.app_id),
            ("client_secret", secret),
            ("scope", &self.scope),
        ];
        let call = Call {
            method: Method::POST,
            url,
            token: None,
            body: Body::Form(&fields),
            patience: self.wire.patience().look_up,
            longest: LONGEST_ANSWER,
        };
        let reply = self
            .wire
            .exchange(call)
            .await
            .map_err(|lost| NoToken::because(format!("no token: {lost}")))?;
        *date = reply.date;
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        if reply.status != 200 {
            return Err(NoToken {
                sentence: format!("{host} gives no token: {}", refusal(reply.status, &body)),
                way_out: numbers(&body)
                    .into_iter()
                    .find_map(explained)
                    .map(|(_, way_out)| way_out),
            });
        }
        token_of(&body).ok_or_else(|| NoToken::because(format!("{host} answered 200, but with no token in it")))
    }
}

impl Token {
    /// The value of the `Authorization` header.
    pub fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

fn token_of(body: &Value) -> Option<(Token, TimeDelta)> {
    let text = body["access_token"].as_str().filter(|text| !text.is_empty())?;
    let mut header = HeaderValue::from_str(&format!("Bearer {text}")).ok()?;
    header.set_sensitive(true);
    // The login endpoint writes a number, identity services a text.
    let seconds = match &body["expires_in"] {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let life = TimeDelta::seconds(seconds.unwrap_or(300).clamp(0, 24 * 3600));
    Some((Token(header), life))
}

/// What a refusal says: Microsoft's stable numbers and what they usually mean. Its prose is left out, since nobody
/// promises what it repeats.
fn refusal(status: u16, body: &Value) -> String {
    let numbers = numbers(body);
    let mut told = format!("status {status}");
    let plain = |value: &Value| {
        let text = value.as_str()?;
        let plain = text.len() <= 40
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        plain.then(|| text.to_owned())
    };
    // Error words have no digits; anything else in that place is not a word of the protocol.
    if let Some(error) =
        plain(&body["error"]).filter(|error| error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    {
        told = format!("{told}, {error}");
    }
    for number in &numbers {
        told = format!("{told}, AADSTS{number}");
    }
    if let Some((meaning, way_out)) = numbers.iter().find_map(|number| explained(*number)) {
        told = format!("{told}: {meaning}; {way_out}");
    }
    if let Some(id) = plain(&body["correlation_id"]).filter(|id| is_guid(id)) {
        told = format!("{told} (correlation id {id})");
    }
    told
}

/// Microsoft's numbers for what went wrong.
fn numbers(body: &Value) -> Vec<u64> {
    let listed = body["error_codes"].as_array().into_iter().flatten();
    let numbers: Vec<u64> = listed.filter_map(Value::as_u64).take(5).collect();
    if !numbers.is_empty() {
        return numbers;
    }
    number_in(body["error_description"].as_str().unwrap_or_default())
        .into_iter()
        .collect()
}

fn number_in(description: &str) -> Option<u64> {
    let (_, rest) = description.split_once("AADSTS")?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .map_or(rest, |end| &rest[..end]);
    digits.parse().ok().filter(|number| *number < 100_000_000)
}

fn is_guid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}

/// What Microsoft means by a number, and the way out.
fn explained(number: u64) -> Option<(&'static str, &'static str)> {
    Some(match number {
        7_000_215 => ("the client secret is wrong", "use the secret's value, not its id"),
        7_000_222 => ("the client secret has expired", "make a new one"),
        7_000_216 | 7_000_218 => ("no client secret arrived", "set the secret that `bot.secret` names"),
        700_016 => (
            "the app is not known in that tenant",
            "check `bot.app_id`, and `bot.tenant` of a single-tenant bot",
        ),
        7_000_229 => (
            "the app has no service principal in that tenant",
            "register the bot in the tenant of `bot.tenant`, or name its own tenant there",
        ),
        7_000_112 => (
            "the app is switched off in Entra",
            "have an administrator enable sign-in for the enterprise application",
        ),
        90_002 => ("there is no such tenant", "check `bot.tenant`"),
        900_023 => ("that is not the name of a tenant", "check `bot.tenant`"),
        50_034 => (
            "no such account is in that tenant",
            "check `bot.tenant`: it must be the tenant where the bot is registered",
        ),
        500_011 => (
            "the Bot Framework is not known in that tenant",
            "check `bot.cloud` and `bot.tenant`",
        ),
        53_003 => (
            "a Conditional Access policy keeps the app out",
            "have an administrator let this machine's address through for the app",
        ),
        90_033 => ("Entra has a passing trouble", "try again in a few minutes"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_shows_the_numbers_and_the_way_out_and_none_of_the_prose() {
        let body = json!({
            "error": "invalid_client", "error_description": "AADSTS7000215: s3cr3t~value is wrong",
            "error_codes": [7_000_215], "trace_id": "x", "correlation_id": "0f1f62ac-7f0d-45a0-9d2e-3b60f1a2c3d4",
        });
        assert_eq!(
            refusal(401, &body),
            "status 401, invalid_client, AADSTS7000215: the client secret is wrong; use the secret's value, not its id \
             (correlation id 0f1f62ac-7f0d-45a0-9d2e-3b60f1a2c3d4)"
        );
        let only_prose = json!({"error_description": "AADSTS700016: s3cr3t"});
        assert!(refusal(400, &only_prose).contains("AADSTS700016"));
        let echo = json!({"error": "s3cr3t_value", "correlation_id": "s3cr3t", "error_codes": ["s3cr3t"]});
        assert_eq!(refusal(400, &echo), "status 400");
        assert_eq!(refusal(502, &Value::Null), "status 502");
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
    fn a_token_is_not_shown_by_accident() {
        let (token, _) = token_of(&json!({"access_token": "s3cr3t"})).unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("s3cr3t"));
    }
}
