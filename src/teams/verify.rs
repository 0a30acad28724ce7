//! Is this caller really Teams?

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, FORWARDED, HeaderMap, ORIGIN};
use serde_json::Value;

use super::activity::Activity;
pub use super::claims::NotTeams;
use super::claims::{self, Expected};
use super::endpoints::{Endpoints, Issuer, TrustedHosts};
use super::jwt::{self, Algorithm};
use super::keys::{Key, KeyRing};
use super::wire::Wire;

/// How the tokens of Teams may be signed.
const SIGNED_BY: [Algorithm; 3] = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];

/// Decides whether an activity comes from Teams.
#[derive(Debug)]
pub struct Verifier {
    trusted: TrustedHosts,
    /// `None`: there is no registration, so there is nothing a token could be for.
    app_id: Option<String>,
    tenants: Vec<String>,
    signers: Vec<Signer>,
}

#[derive(Debug)]
struct Signer {
    issuer: Issuer,
    keys: KeyRing,
    /// Teams itself; the others are Entra or an emulator.
    is_teams: bool,
}

/// What the HTTP request says about its sender.
#[derive(Debug, Clone)]
pub struct Caller<'a> {
    /// The other end of the connection.
    peer: IpAddr,
    authorization: Vec<&'a [u8]>,
    /// Somebody stands in between, or the caller is a web page in a browser: then the peer's address proves nothing.
    is_relayed: bool,
}

impl<'a> Caller<'a> {
    /// The sender of a request from `peer` with these headers.
    pub fn of(peer: IpAddr, headers: &'a HeaderMap) -> Self {
        let relay_marks = [
            FORWARDED.as_str(),
            ORIGIN.as_str(),
            "via",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-original-host",
            "x-real-ip",
        ];
        Self {
            peer,
            authorization: headers
                .get_all(AUTHORIZATION)
                .iter()
                .map(|value| value.as_bytes())
                .collect(),
            is_relayed: relay_marks.iter().any(|name| headers.contains_key(*name)),
        }
    }
}

impl Verifier {
    /// A verifier for the bot `app_id`. `tenants` may talk to it; an empty list allows all.
    ///
    /// Without an app id nothing can be verified: activities are taken unsigned, from this machine alone.
    pub fn new(wire: &Wire, endpoints: &Endpoints, app_id: Option<&str>, tenants: &[String]) -> Self {
        let signer = |issuer: &Issuer, is_teams| Signer {
            issuer: issuer.clone(),
            keys: KeyRing::new(wire.clone(), &issuer.openid),
            is_teams,
        };
        let mut signers = vec![signer(&endpoints.issuer, true)];
        signers.extend(endpoints.further_issuers.iter().map(|issuer| signer(issuer, false)));
        Self {
            trusted: endpoints.trusted.clone(),
            app_id: app_id.map(str::to_owned),
            tenants: tenants.to_vec(),
            signers,
        }
    }

    /// Whether it is worth reading what `caller` sends: a sender without a token is none we believe, whatever it says.
    ///
    /// # Errors
    /// [`NotTeams`], as [`Verifier::verify`] would say it.
    pub fn look_at(&self, caller: &Caller<'_>) -> Result<(), NotTeams> {
        if self.app_id.is_none() {
            return take_unsigned_from(caller);
        }
        let token = bearer(&caller.authorization).map_err(NotTeams::Unproven)?;
        self.signer(token).map(|_| ())
    }

    /// Whether `activity`, sent by `caller`, is to be believed at `now`.
    ///
    /// # Errors
    /// [`NotTeams`] with a sentence for our log.
    pub async fn verify(&self, caller: &Caller<'_>, activity: &Activity, now: DateTime<Utc>) -> Result<(), NotTeams> {
        let Some(app_id) = &self.app_id else {
            return self.take_unsigned(caller, activity);
        };
        let token = bearer(&caller.authorization).map_err(NotTeams::Unproven)?;
        let signer = self.signer(token)?;
        let header = jwt::header(token).map_err(unproven)?;
        let id = header
            .kid
            .ok_or_else(|| NotTeams::Unproven("the token does not say which key signed it".to_owned()))?;
        let key = signer
            .keys
            .find(&id, now)
            .await
            .map_err(|no_keys| NotTeams::Unknowable(no_keys.to_string()))?
            .ok_or_else(|| {
                NotTeams::Unproven("the token is signed with a key that its issuer does not have".to_owned())
            })?;
        let claims = jwt::verified(token, header.alg, &SIGNED_BY, &key).map_err(unproven)?;
        let expected = Expected {
            issuer: &signer.issuer.issuer,
            app_id,
        };
        expected.check(&claims, now).map_err(NotTeams::Unproven)?;
        if signer.is_teams {
            claims::check_service_url(&claims, activity)?;
        } else {
            expected.check_entra(&claims).map_err(NotTeams::Unproven)?;
        }
        endorses(&key, activity)?;
        self.check_tenant(activity)?;
        match activity.service_url.as_deref().map(|url| self.trusted.admit(url)) {
            Some(Err(distrust)) => Err(NotTeams::Unwelcome(distrust.to_string())),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn take_unsigned(&self, caller: &Caller<'_>, activity: &Activity) -> Result<(), NotTeams> {
        take_unsigned_from(caller)?;
        match activity
            .service_url
            .as_deref()
            .map(|url| self.trusted.admit_without_token(url))
        {
            Some(Err(distrust)) => Err(NotTeams::Unwelcome(distrust.to_string())),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// The signer that the token claims to be from; nothing is proven yet.
    fn signer(&self, token: &str) -> Result<&Signer, NotTeams> {
        let claims = jwt::unproven_claims(token).map_err(unproven)?;
        let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
        self.signers
            .iter()
            .find(|signer| signer.issuer.issuer == issuer)
            .ok_or_else(|| NotTeams::Unproven("the token is from an issuer that is not believed".to_owned()))
    }

    fn check_tenant(&self, activity: &Activity) -> Result<(), NotTeams> {
        let allowed = |tenant: &str| {
            self.tenants.is_empty() || self.tenants.iter().any(|known| known.eq_ignore_ascii_case(tenant))
        };
        let named = [
            activity
                .conversation
                .as_ref()
                .and_then(|place| place.tenant_id.as_deref()),
            activity
                .channel_data
                .tenant
                .as_ref()
                .and_then(|tenant| tenant.id.as_deref()),
        ];
        if named.into_iter().flatten().all(allowed) {
            Ok(())
        } else {
            Err(NotTeams::Unwelcome(
                "the activity is from a tenant that may not use this bot".to_owned(),
            ))
        }
    }
}

/// Unsigned activities come from this machine, with nobody in between.
fn take_unsigned_from(caller: &Caller<'_>) -> Result<(), NotTeams> {
    if !caller.peer.to_canonical().is_loopback() {
        return Err(NotTeams::Unproven(
            "without `bot.app_id` activities are taken from this machine alone".to_owned(),
        ));
    }
    if caller.is_relayed {
        return Err(NotTeams::Unproven(
            "without `bot.app_id` activities are not taken through a proxy, a tunnel or a browser".to_owned(),
        ));
    }
    Ok(())
}

/// The token of the one `Authorization: Bearer` header.
fn bearer<'a>(headers: &[&'a [u8]]) -> Result<&'a str, String> {
    let [header] = headers else {
        return Err(match headers {
            [] => "there is no Authorization header".to_owned(),
            _ => "there are several Authorization headers".to_owned(),
        });
    };
    let text = std::str::from_utf8(header).map_err(|_| "the Authorization header is not a text".to_owned())?;
    let mut parts = text.split(' ').filter(|part| !part.is_empty());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(scheme), Some(token), None) if scheme.eq_ignore_ascii_case("bearer") => {
            if token.len() > jwt::LONGEST {
                return Err("the token is too long".to_owned());
            }
            Ok(token)
        }
        _ => Err("the Authorization header is not `Bearer` and a token".to_owned()),
    }
}

fn unproven(sentence: &'static str) -> NotTeams {
    NotTeams::Unproven(sentence.to_owned())
}

/// A key may be good for some channels only.
fn endorses(key: &Arc<Key>, activity: &Activity) -> Result<(), NotTeams> {
    let channel = activity.channel_id.as_deref();
    if key.endorsements.is_empty() || key.endorsements.iter().any(|known| Some(known.as_str()) == channel) {
        Ok(())
    } else {
        Err(NotTeams::Unwelcome(
            "the token's key is not endorsed for the channel of the activity".to_owned(),
        ))
    }
}
