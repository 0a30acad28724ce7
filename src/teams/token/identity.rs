//! Where a machine of Azure is vouched for: the identity services of App Service and Container Apps, and of virtual
//! machines.

use chrono::TimeDelta;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use super::NoToken;
use super::ask::{Persistence, address};
use crate::secret::Secrets;
use crate::secret_name::SecretName;
use crate::teams::endpoints::Endpoints;

/// The variables in which App Service and Container Apps say where their service is, and what lets us in.
const ENDPOINT: &str = "IDENTITY_ENDPOINT";
const HEADER: &str = "IDENTITY_HEADER";

/// How long to wait before the second, third, ... question to a virtual machine's service, in seconds.
const PAUSES: [i64; 4] = [2, 6, 14, 30];
/// A service that is being renewed (410) is back within 70 seconds of the first question: the pauses are 52 of them.
const LAST_PAUSE: i64 = 18;

const NOT_ASSIGNED: &str = "assign the user-assigned managed identity to this machine or app, and check that its client id is the one in \
                            `bot.app_id` (or `bot.workload_identity.managed_identity`)";
const NO_SERVICE: &str = "managed identities work on Azure's machines and in its container services; elsewhere use a secret or a certificate";

/// An identity service.
#[derive(Debug)]
pub(super) struct Service {
    url: Url,
    is_machine: bool,
    pub header: (&'static str, HeaderValue),
}

/// How long is still waited for a service that is busy.
pub(super) struct Pauses {
    left: std::array::IntoIter<i64, 4>,
    last: Option<i64>,
    patient: bool,
}

impl Service {
    /// The one of this machine: what the platform names in the environment, else that of virtual machines.
    pub fn find(endpoints: &Endpoints, secrets: &Secrets) -> Result<Self, NoToken> {
        let named = match &endpoints.identity {
            Some(written) => Some(written.clone()),
            None => text(secrets, ENDPOINT),
        };
        let Some(named) = named else {
            return Ok(Self {
                url: address(&endpoints.imds)?,
                is_machine: true,
                header: ("metadata", HeaderValue::from_static("true")),
            });
        };
        let key = text(secrets, HEADER).and_then(|key| HeaderValue::from_str(&key).ok());
        let mut key = key.ok_or_else(|| {
            NoToken::because(format!(
                "an identity service is named (`{ENDPOINT}`), but `{HEADER}` is not set, or is no header"
            ))
            .with_way_out("Herald knows the identity services of App Service, Container Apps and virtual machines")
        })?;
        key.set_sensitive(true);
        Ok(Self {
            url: address(&named)?,
            is_machine: false,
            header: ("x-identity-header", key),
        })
    }

    /// Where to ask for the token of the identity `client_id` that is for `resource`.
    pub fn question(&self, resource: &str, client_id: &str) -> Url {
        let version = if self.is_machine { "2018-02-01" } else { "2019-08-01" };
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", resource)
            .append_pair("client_id", client_id);
        url
    }

    /// How long to wait between questions. Only the service of virtual machines asks for it.
    pub fn pauses(&self, persistence: Persistence) -> Pauses {
        Pauses {
            left: PAUSES.into_iter(),
            last: Some(LAST_PAUSE),
            patient: self.is_machine && persistence == Persistence::AsDocumented,
        }
    }

    /// Nobody answered.
    pub fn unreachable(&self, problem: NoToken) -> NoToken {
        problem.with_way_out(NO_SERVICE)
    }

    /// Why it gave no token. Its prose is left out, since nobody promises what it repeats.
    pub fn refusal(&self, host: &str, status: u16, body: &Value) -> NoToken {
        let word = body["error"].as_str().filter(|word| {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            word.len() <= 40 && word.bytes().all(plain)
        });
        let word = word.map(|word| format!(", {word}")).unwrap_or_default();
        let refused = |meaning: &str| {
            NoToken::because(format!(
                "the identity service at {host} gives no token: status {status}{word}: {meaning}"
            ))
        };
        match status {
            400 => refused("it does not know the identity").with_way_out(NOT_ASSIGNED),
            401 | 403 => refused("it does not let us in")
                .with_way_out("start Herald anew, so that it gets a fresh `IDENTITY_HEADER`"),
            404 | 410 | 429 | 500..=599 => refused("it is not ready").with_way_out("try again in a few minutes"),
            _ => refused("that is not an answer of an identity service").with_way_out(NO_SERVICE),
        }
    }
}

impl Pauses {
    /// How long to wait before asking again, after an answer with this status; `None`: the answer counts.
    pub fn after(&mut self, status: u16) -> Option<TimeDelta> {
        if !self.patient || !matches!(status, 404 | 410 | 429 | 500..=599) {
            return None;
        }
        let pause = match self.left.next() {
            Some(pause) => Some(pause),
            None if status == 410 => self.last.take(),
            None => None,
        };
        pause.map(TimeDelta::seconds)
    }
}

fn text(secrets: &Secrets, variable: &str) -> Option<String> {
    let name = SecretName::new(variable).expect("a plain name");
    let value = secrets.read(&name).ok()?;
    std::str::from_utf8(value.expose_secret()).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(statuses: &[u16], persistence: Persistence) -> Vec<i64> {
        let service = Service::find(
            &Endpoints::of(crate::teams::cloud::Cloud::Public, None, &Default::default()).unwrap(),
            &Secrets::default(),
        )
        .unwrap();
        let mut pauses = service.pauses(persistence);
        let waited = statuses.iter().map_while(|status| pauses.after(*status));
        waited.map(|pause| pause.num_seconds()).collect()
    }

    #[test]
    fn a_busy_service_is_asked_five_times_and_one_that_is_renewed_for_seventy_seconds() {
        assert_eq!(waits(&[429; 9], Persistence::AsDocumented), [2, 6, 14, 30]);
        assert_eq!(waits(&[404, 500, 200], Persistence::AsDocumented), [2, 6]);
        let renewed = waits(&[410; 9], Persistence::AsDocumented);
        assert_eq!(renewed.iter().sum::<i64>(), 70);
        assert!(waits(&[400], Persistence::AsDocumented).is_empty());
        assert!(waits(&[429; 3], Persistence::Once).is_empty());
    }
}
