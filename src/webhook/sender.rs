//! Posts to webhooks. Their hosts are free, so what they may lead to is not: https only, nothing in a private network
//! unless the settings name the host, no redirects, and never a token.

use std::collections::HashSet;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, redirect};
use serde_json::Value;
use tracing::warn;
use url::{Host, Url};

use super::answer;
use super::{Kind, is_connector_host};
use crate::clock::Clock;
use crate::teams::answer::Answer;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take. Flows answer before they work.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of an answer this much is read, in bytes: a connector's word for an error is short.
const LONGEST_ANSWER: usize = 16 * 1024;
/// Hosts whose addresses are guarded, at most; more are not asked for in one life of a process.
const MOST_HOSTS: usize = 10_000;

/// The way to webhooks. Cheap to call from many tasks at once.
#[derive(Debug)]
pub struct Sender {
    ways: Ways,
    private_hosts: Vec<String>,
    clock: Clock,
}

/// What came of a post.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    /// What it means.
    pub answer: Answer,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
}

impl Posted {
    fn unsent(reason: impl Into<String>) -> Self {
        Self {
            answer: Answer::Rejected { reason: reason.into() },
            status: None,
        }
    }
}

impl Sender {
    /// A sender that calls hosts on the internet, and those of `private_hosts` (names or addresses) wherever they are.
    ///
    /// # Errors
    /// A sentence, where TLS cannot work.
    pub fn new(private_hosts: &[String], clock: Clock) -> Result<Self, String> {
        Ok(Self {
            ways: Ways::new("webhooks")?,
            private_hosts: private_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            clock,
        })
    }

    /// Posts `message` to the address that was kept secret. It may have arrived even where the answer says it did not.
    /// Nothing that is said about it holds the address.
    pub async fn post(&self, address: &str, kind: Kind, message: &Value) -> Posted {
        let (url, is_named) = match admitted(address, &self.private_hosts) {
            Ok(admitted) => admitted,
            Err(reason) => return Posted::unsent(reason),
        };
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let connector = is_connector_host(&host);
        if connector {
            warn!(
                host,
                "this webhook is one of an Office 365 connector, and Microsoft switches those off"
            );
        }
        let kind = if connector { Kind::Incoming } else { kind };
        let client = self.ways.to(&host, is_named);
        let body = serde_json::to_vec(message).expect("a JSON value can be written");
        let request = client
            .post(url)
            .timeout(PATIENCE)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        match read(request).await {
            Ok((status, retry_after, body)) => Posted {
                answer: answer::read(kind, status, retry_after.as_deref(), &body, self.clock.now()),
                status: Some(status),
            },
            Err(error) => self.lost(&error, &host),
        }
    }

    fn lost(&self, error: &reqwest::Error, host: &str) -> Posted {
        if let Some(private) = private_address(error) {
            return Posted::unsent(format!(
                "{host} is {private}, in a private network: a webhook that is really there belongs into \
                 `send.private_webhook_hosts` in herald.yaml"
            ));
        }
        let reason = broken(error, host, PATIENCE);
        Posted {
            answer: Answer::Unavailable { reason, wait: None },
            status: None,
        }
    }
}

async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<(u16, Option<String>, Vec<u8>)> {
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = LONGEST_ANSWER - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    Ok((status, retry_after, body))
}

/// The address of a webhook, if it may be called at all, and whether the settings name its host.
///
/// # Errors
/// Why it is not called, in a sentence without the address.
pub fn admitted(address: &str, private_hosts: &[String]) -> Result<(Url, bool), String> {
    let url = Url::parse(address.trim())
        .map_err(|_| "the secret of the webhook is no address: it begins with `https://`".to_owned())?;
    let host = url.host_str().unwrap_or_default();
    let is_named = private_hosts.iter().any(|named| named.eq_ignore_ascii_case(host));
    match refused(&url, is_named) {
        Some(reason) => Err(reason),
        None => Ok((url, is_named)),
    }
}

/// Why this address is not called at all.
fn refused(url: &Url, is_named: bool) -> Option<String> {
    let private = |what: IpAddr| {
        format!(
            "{what} is in a private network: a webhook that is really there belongs into `send.private_webhook_hosts` in \
             herald.yaml"
        )
    };
    match (url.scheme(), url.host()) {
        (_, None) => Some("the address of the webhook names no host".to_owned()),
        _ if !url.username().is_empty() || url.password().is_some() => {
            Some("the address of the webhook has a name or password before its host".to_owned())
        }
        ("https" | "http", Some(_)) if is_named => None,
        ("https", Some(Host::Ipv4(address))) if !is_public(address.into()) => Some(private(address.into())),
        ("https", Some(Host::Ipv6(address))) if !is_public(address.into()) => Some(private(address.into())),
        ("https", Some(_)) => None,
        (_, Some(_)) => Some("the address of the webhook does not begin with `https://`".to_owned()),
    }
}

/// Is this an address on the internet, and not one of this machine or of a network around it?
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        // Shared by the customers of a provider, set aside for the wiring of networks, and for measurements.
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (18..20).contains(&second)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Everything that is given out to the internet so far begins so; what carries an IPv4 address inside is looked at.
    let carried = match segments {
        [0x2002, high, low, ..] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    };
    match carried {
        Some(inner) => is_public_v4(inner),
        None => segments[0] & 0xe000 == 0x2000 && !(segments[0] == 0x2001 && segments[1] < 0x200),
    }
}

/// The ways to hosts that somebody else names: out to the internet, where nothing private is found, and to private hosts
/// that the settings name. No redirect is followed.
#[derive(Debug)]
pub(crate) struct Ways {
    outside: Client,
    /// No proxy belongs in between.
    inside: Client,
    guard: Arc<Guard>,
}

impl Ways {
    /// The ways of `what`, in the plural.
    ///
    /// # Errors
    /// A sentence, where TLS cannot work.
    pub(crate) fn new(what: &str) -> Result<Self, String> {
        let guard = Arc::new(Guard::default());
        let builder = || {
            Client::builder()
                .user_agent(concat!("teams-herald/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .referer(false)
                .http1_only()
                .connect_timeout(CONNECT)
                .pool_idle_timeout(Duration::from_secs(60))
        };
        let built = |client: reqwest::Result<Client>| {
            client.map_err(|error| format!("no HTTPS client can be set up for {what}: {}", root_of(&error)))
        };
        Ok(Self {
            outside: built(builder().dns_resolver(guard.clone()).build())?,
            inside: built(builder().no_proxy().build())?,
            guard,
        })
    }

    /// The way to this host, in small letters.
    pub(crate) fn to(&self, host: &str, is_private: bool) -> &Client {
        if is_private {
            return &self.inside;
        }
        self.guard.look_out_for(host);
        &self.outside
    }
}

/// Why there is no answer of a host that could be waited for so long, in a sentence without the address.
pub(crate) fn broken(error: &reqwest::Error, host: &str, patience: Duration) -> String {
    if error.is_connect() {
        format!("cannot connect to {host}: {}", root_of(error))
    } else if error.is_timeout() {
        format!("{host} did not answer within {} s", patience.as_secs_f32())
    } else {
        format!("the connection to {host} broke: {}", root_of(error))
    }
}

/// Looks up names, and finds nothing private behind those that webhooks are at. Looking at the answer that is used, not at
/// one before it, leaves no moment in which a name could come to mean something else.
#[derive(Debug, Default)]
struct Guard {
    hosts: Mutex<HashSet<String>>,
}

/// The address that a name led to.
#[derive(Debug, thiserror::Error)]
#[error("{0} is in a private network")]
struct Private(IpAddr);

impl Guard {
    fn look_out_for(&self, host: &str) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() < MOST_HOSTS {
            hosts.insert(host.to_owned());
        }
    }

    /// A proxy of the environment may well be in a private network; it is nobody's webhook.
    fn is_a_webhook(&self, host: &str) -> bool {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.contains(&host.to_ascii_lowercase()) || hosts.len() >= MOST_HOSTS
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guarded = self.is_a_webhook(name.as_str());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if let Some(private) = found.iter().find(|found| guarded && !is_public(found.ip())) {
                return Err(Private(private.ip()).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

pub(crate) fn private_address(error: &reqwest::Error) -> Option<IpAddr> {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(one) = cause {
        if let Some(Private(address)) = one.downcast_ref::<Private>() {
            return Some(*address);
        }
        cause = one.source();
    }
    None
}

/// The innermost cause: the outer ones repeat the address.
fn root_of(error: &(dyn Error + 'static)) -> String {
    let mut root = error;
    while let Some(deeper) = root.source() {
        root = deeper;
    }
    match root.downcast_ref::<reqwest::Error>() {
        // It would print the address.
        Some(_) => "it ended too soon".to_owned(),
        None => root.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_the_internet_is_told_apart() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "255.255.255.255",
            "224.0.0.1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["20.50.2.1", "8.8.8.8", "2603:1030::1", "64:ff9b::808:808"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_address_is_refused_without_being_repeated() {
        for (address, why) in [
            ("http://contoso.webhook.office.com/webhookb2/SECRET", "`https://`"),
            ("https://10.0.0.7/SECRET", "10.0.0.7 is in a private network"),
            ("https://[::1]/SECRET", "private network"),
            ("https://anna:SECRET@contoso.example/", "name or password"),
            ("ftp://contoso.example/SECRET", "`https://`"),
        ] {
            let told = refused(&Url::parse(address).unwrap(), false).expect("refused");
            assert!(told.contains(why) && !told.contains("SECRET"), "{told}");
        }
        assert_eq!(refused(&Url::parse("http://10.0.0.7/x").unwrap(), true), None);
    }
}
