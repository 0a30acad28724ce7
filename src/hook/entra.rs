//! Posts that carry a token of Entra: what it must say once its signature is known to be right.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::refused::Refused;
use crate::teams::claims;

/// How much of what a token says is shown in a log.
const SHOWN: usize = 200;

/// Whose tokens open a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entra {
    /// The exact texts of `iss` that are believed.
    pub issuers: Vec<String>,
    /// The tenant that a token must be of (`tid`); `None` for an issuer that is not Entra.
    pub tenant: Option<String>,
    /// Where the issuer announces its keys: an OpenID configuration.
    pub openid: String,
    /// Whom a token must be for: one of these.
    pub audiences: Vec<String>,
    /// The app roles of which a token must have one; empty: none is asked for.
    pub roles: Vec<String>,
    /// The apps (client ids) of which one must have asked for the token; empty: any.
    pub apps: Vec<String>,
}

impl Entra {
    /// Whether tokens with this `iss` are looked at any further.
    pub fn believes(&self, issuer: &str) -> bool {
        self.issuers.iter().any(|known| known == issuer)
    }

    /// Lets in who shows these claims at `now`; their signature must have been verified. Returns what rules may know of
    /// the caller.
    ///
    /// # Errors
    /// The first thing that is wrong: 401 for a token that is not for us, 403 for a caller that may not post.
    pub fn admit(&self, claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<Value, Refused> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if !text("iss").is_some_and(|issuer| self.believes(issuer)) {
            return Err(Refused::Token("the token is from another issuer"));
        }
        if let Some(tenant) = &self.tenant
            && !text("tid").is_some_and(|named| named.eq_ignore_ascii_case(tenant))
        {
            return Err(Refused::Token("the token is of another tenant"));
        }
        if !self.is_for_us(claims.get("aud")) {
            return Err(Refused::Token("the token is for another audience"));
        }
        claims::in_time(claims, now).map_err(Refused::Token)?;
        let app = asking_app(claims);
        let roles: Vec<&str> = listed(claims.get("roles"));
        let who = || {
            let shown = format!("app {}, roles {}", app.unwrap_or("unknown"), roles.join(", "));
            shown
                .chars()
                .take(SHOWN)
                .map(|c| if c.is_control() { '?' } else { c })
                .collect()
        };
        let is_known = |app: &str| self.apps.iter().any(|known| known.eq_ignore_ascii_case(app));
        if !self.apps.is_empty() && !app.is_some_and(is_known) {
            return Err(Refused::NotAllowed {
                why: "the token was asked for by an app that may not post here",
                who: who(),
            });
        }
        if !self.roles.is_empty() && !roles.iter().any(|role| self.roles.iter().any(|wanted| wanted == role)) {
            return Err(Refused::NotAllowed {
                why: "the token has none of the roles that may post here",
                who: who(),
            });
        }
        Ok(json!({ "app": app, "roles": roles }))
    }

    fn is_for_us(&self, audience: Option<&Value>) -> bool {
        let is_us = |named: &str| self.audiences.iter().any(|ours| ours == named);
        match audience {
            Some(Value::String(one)) => is_us(one),
            several => listed(several).into_iter().any(is_us),
        }
    }
}

/// The client id of the app that asked for the token: version 1 tokens call it `appid`, version 2 `azp`.
fn asking_app(claims: &Map<String, Value>) -> Option<&str> {
    let name = match claims.get("ver").and_then(Value::as_str) {
        Some("1.0") => "appid",
        Some(_) | None => "azp",
    };
    claims.get(name)?.as_str()
}

fn listed(value: Option<&Value>) -> Vec<&str> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01";
    const APP: &str = "5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10";
    const NOW: i64 = 1_700_000_000;

    fn expected() -> Entra {
        Entra {
            issuers: vec![
                format!("https://sts.windows.net/{TENANT}/"),
                format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
            ],
            tenant: Some(TENANT.to_owned()),
            openid: String::new(),
            audiences: vec!["api://herald".to_owned(), "aud-2".to_owned()],
            roles: vec!["Events.Send".to_owned()],
            apps: vec![APP.to_owned()],
        }
    }

    fn good() -> Value {
        json!({
            "iss": format!("https://sts.windows.net/{TENANT}/"), "tid": TENANT, "aud": "api://herald", "ver": "1.0",
            "appid": APP, "roles": ["Other", "Events.Send"], "nbf": NOW - 10, "exp": NOW + 10,
        })
    }

    fn admit(claims: &Value) -> Result<Value, Refused> {
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        expected().admit(claims.as_object().unwrap(), now)
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = good();
        claims[name] = value;
        claims
    }

    #[test]
    fn tokens_of_both_versions_open_the_door() {
        let known = json!({ "app": APP, "roles": ["Other", "Events.Send"] });
        assert_eq!(admit(&good()), Ok(known.clone()));
        let mut second = with("ver", json!("2.0"));
        second["iss"] = json!(format!("https://login.microsoftonline.com/{TENANT}/v2.0"));
        second["azp"] = json!(APP.to_uppercase());
        second["appid"] = json!("another");
        second["aud"] = json!(["x", "aud-2"]);
        assert!(admit(&second).is_ok());
        assert_eq!(admit(&with("exp", json!(NOW - 299))), Ok(known.clone()));
        assert_eq!(admit(&with("nbf", json!(NOW + 300))), Ok(known));
    }

    #[test]
    fn a_token_that_is_not_for_us_is_no_proof() {
        for (name, value) in [
            ("iss", json!("https://sts.windows.net/another/")),
            ("tid", json!("another")),
            ("aud", json!("api://other")),
            ("aud", json!([])),
            ("exp", json!(NOW - 300)),
            ("exp", json!(null)),
            ("nbf", json!(NOW + 301)),
        ] {
            let refused = admit(&with(name, value.clone())).unwrap_err();
            assert_eq!(refused.status(), 401, "{name} {value}");
        }
    }

    #[test]
    fn a_caller_without_the_role_or_from_another_app_may_not_post() {
        for (name, value) in [
            ("roles", json!([])),
            ("roles", json!("Events.Send")),
            ("roles", json!(["events.send"])),
            ("appid", json!("another")),
            ("ver", json!("2.0")),
        ] {
            let refused = admit(&with(name, value.clone())).unwrap_err();
            assert_eq!(refused.status(), 403, "{name} {value}");
            assert!(
                !refused.answer().contains(APP) && refused.log().contains("app "),
                "who it was is for the log alone"
            );
        }
    }
}
