//! What a token with a right signature must say before it is believed.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use url::Url;

use super::activity::Activity;

/// Why an activity is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTeams {
    /// The caller did not prove to be Teams.
    #[error("{0}")]
    Unproven(String),
    /// It is Teams, but this activity is not meant for us, or must not be believed.
    #[error("{0}")]
    Unwelcome(String),
    /// We cannot tell: our side lacks the keys.
    #[error("{0}")]
    Unknowable(String),
}

impl NotTeams {
    /// The HTTP status for it: 401, 403 or 503. At 503 Teams may try again.
    pub fn status(&self) -> u16 {
        match self {
            NotTeams::Unproven(_) => 401,
            NotTeams::Unwelcome(_) => 403,
            NotTeams::Unknowable(_) => 503,
        }
    }
}

/// How far Microsoft's clock and ours may be apart, in seconds.
const SKEW: f64 = 300.0;

/// Whom a token must be from and for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub issuer: &'a str,
    pub app_id: &'a str,
}

impl Expected<'_> {
    /// Issuer, audience and time; all of them must be there.
    pub fn check(&self, claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<(), String> {
        if text(claims, "iss") != Some(self.issuer) {
            return Err("the token is from another issuer".to_owned());
        }
        if !self.is_for_us(claims.get("aud")) {
            return Err("the token is for another bot, or for nobody".to_owned());
        }
        in_time(claims, now).map_err(str::to_owned)
    }

    fn is_for_us(&self, audience: Option<&Value>) -> bool {
        let is_us = |audience: &Value| {
            let audience = audience.as_str().unwrap_or_default();
            let bare = audience
                .strip_prefix("api://botid-")
                .or_else(|| audience.strip_prefix("api://"))
                .unwrap_or(audience);
            bare.eq_ignore_ascii_case(self.app_id)
        };
        match audience {
            Some(Value::Array(several)) => several.iter().any(is_us),
            Some(one) => is_us(one),
            None => false,
        }
    }

    /// What a token of Entra must say besides: that our own app asked for it, in the tenant its issuer stands for. Any
    /// app of a tenant can get a token that is *for* us; only ours can get one that is *from* us.
    pub fn check_entra(&self, claims: &Map<String, Value>) -> Result<(), String> {
        let Some(tenant) = tenant_of(self.issuer) else {
            // An emulator that signs in its own name; the operator named it.
            return Ok(());
        };
        if text(claims, "tid").is_none_or(|tid| !tid.eq_ignore_ascii_case(&tenant)) {
            return Err("the token's tenant is not its issuer's".to_owned());
        }
        let asked_by = match text(claims, "ver") {
            Some("1.0") => text(claims, "appid"),
            Some("2.0") => text(claims, "azp"),
            Some(_) | None => return Err("the token does not say which version it is".to_owned()),
        };
        if asked_by.is_some_and(|app| app.eq_ignore_ascii_case(self.app_id)) {
            Ok(())
        } else {
            Err("the token was asked for by another app".to_owned())
        }
    }
}

/// Whether it is the token's time at `now`; it must have an end.
///
/// # Errors
/// A sentence that holds nothing of the token.
pub fn in_time(claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<(), &'static str> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
    let now = now.timestamp() as f64;
    match claims.get("exp").and_then(Value::as_f64) {
        Some(expires) if now < expires + SKEW => {}
        Some(_) => return Err("the token has expired"),
        None => return Err("the token never expires"),
    }
    match claims.get("nbf") {
        None => Ok(()),
        Some(begins) => match begins.as_f64() {
            Some(begins) if begins - SKEW <= now => Ok(()),
            Some(_) => Err("the token is not valid yet; are the clocks right?"),
            None => Err("the token does not say since when it is valid"),
        },
    }
}

/// The token must be for the very service address that the activity asks us to answer to.
pub(super) fn check_service_url(claims: &Map<String, Value>, activity: &Activity) -> Result<(), NotTeams> {
    let claimed = claims
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("serviceurl"))
        .and_then(|(_, value)| value.as_str())
        .ok_or_else(|| NotTeams::Unproven("the token names no service address".to_owned()))?;
    let sent = activity.service_url.as_deref().unwrap_or_default();
    if alike(claimed) == alike(sent) {
        Ok(())
    } else {
        Err(NotTeams::Unwelcome(
            "the token is for another service address than the activity's".to_owned(),
        ))
    }
}

/// An address without the differences that make none: letter case of scheme and host, one slash at the end.
fn alike(url: &str) -> String {
    let text = match Url::parse(url) {
        Ok(url) => url.to_string(),
        Err(_) => url.to_owned(),
    };
    text.strip_suffix('/').map(str::to_owned).unwrap_or(text)
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// The tenant in an issuer such as `https://sts.windows.net/{tenant}/`.
fn tenant_of(issuer: &str) -> Option<String> {
    let url = Url::parse(issuer).ok()?;
    let is_entra = matches!(
        url.host_str()?,
        "sts.windows.net" | "login.microsoftonline.com" | "login.microsoftonline.us"
    );
    let tenant = url.path_segments()?.next()?.to_owned();
    is_entra.then_some(tenant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const APP: &str = "b07b07b0-1111-4222-8333-444455556666";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn check(claims: Value) -> Result<(), String> {
        let expected = Expected {
            issuer: "https://api.botframework.com",
            app_id: APP,
        };
        expected.check(claims.as_object().unwrap(), at(1_000_000))
    }

    fn good() -> Value {
        json!({"iss": "https://api.botframework.com", "aud": APP, "exp": 1_000_100, "nbf": 999_900})
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = good();
        claims[name] = value;
        claims
    }

    #[test]
    fn a_token_for_us_is_believed_within_five_minutes_of_its_time() {
        for claims in [
            good(),
            with("aud", json!(["other", APP])),
            with("aud", json!(APP.to_uppercase())),
            with("aud", json!(format!("api://{APP}"))),
            with("aud", json!(format!("api://botid-{APP}"))),
            with("exp", json!(999_701)),
            with("exp", json!(1_000_000.5)),
            with("nbf", json!(1_000_300)),
        ] {
            assert_eq!(check(claims.clone()), Ok(()), "{claims}");
        }
        let mut without = good();
        without.as_object_mut().unwrap().remove("nbf");
        assert_eq!(check(without), Ok(()));
    }

    #[test]
    fn a_token_that_says_too_little_or_the_wrong_thing_is_not() {
        for claims in [
            with("iss", json!("https://api.botframework.com/")),
            with("iss", json!(["https://api.botframework.com"])),
            with("aud", json!("0ddb0700-1111-4222-8333-444455556666")),
            with("aud", json!([])),
            with("aud", json!({"0": APP})),
            with("aud", json!("")),
            with("exp", json!(999_700)),
            with("exp", json!("1000100")),
            with("exp", json!(null)),
            with("nbf", json!(1_000_301)),
            with("nbf", json!("soon")),
        ] {
            assert!(check(claims.clone()).is_err(), "{claims}");
        }
        for missing in ["iss", "aud", "exp"] {
            let mut claims = good();
            claims.as_object_mut().unwrap().remove(missing);
            assert!(check(claims).is_err(), "{missing}");
        }
    }

    #[test]
    fn a_token_of_entra_must_be_asked_for_by_our_own_app_in_the_issuers_tenant() {
        let tenant = "7e4a4700-aaaa-4bbb-8ccc-ddddeeee0001";
        let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        let expected = Expected {
            issuer: &issuer,
            app_id: APP,
        };
        let check = |claims: Value| expected.check_entra(claims.as_object().unwrap()).is_ok();
        assert!(check(json!({"ver": "2.0", "azp": APP, "tid": tenant})));
        assert!(check(json!({"ver": "1.0", "appid": APP, "tid": tenant})));
        assert!(!check(json!({"ver": "2.0", "appid": APP, "tid": tenant})));
        assert!(!check(json!({"ver": "2.0", "azp": "another", "tid": tenant})));
        assert!(!check(json!({"azp": APP, "tid": tenant})));
        assert!(!check(json!({"ver": "2.0", "azp": APP, "tid": "another"})));
        assert!(!check(json!({"ver": "2.0", "azp": APP})));
    }

    #[test]
    fn service_addresses_differ_in_more_than_case_of_the_host_and_a_last_slash() {
        assert_eq!(
            alike("https://SMBA.trafficmanager.net/emea/"),
            alike("https://smba.trafficmanager.net/emea")
        );
        assert_ne!(
            alike("https://smba.trafficmanager.net/emea"),
            alike("https://smba.trafficmanager.net/amer")
        );
        assert_ne!(
            alike("https://smba.trafficmanager.net/emea"),
            alike("http://smba.trafficmanager.net/emea")
        );
        assert_ne!(
            alike("https://smba.trafficmanager.net/Emea"),
            alike("https://smba.trafficmanager.net/emea")
        );
    }
}
