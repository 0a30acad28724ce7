//! The ways to Microsoft, and from the world to us.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::finding::Finding;
use super::secrets::is_there;
use crate::cli::serve::CERTIFICATE_ENDS_SOON;
use crate::clock::Clock;
use crate::hook::Authentication;
use crate::secret::Secrets;
use crate::secret_name::SecretName;
use crate::settings::Settings;
use crate::teams::credential::Credential;
use crate::teams::endpoints::is_loopback;
use crate::teams::keys::KeyRing;
use crate::teams::token::{Credentials, Tokens};
use crate::teams::wire::{Patience, Wire};

/// Teams' tokens are refused when the clocks differ by more.
const TOKENS_FAIL: TimeDelta = TimeDelta::minutes(5);
/// A clock that differs by more is not kept by anybody. Answers tell whole seconds, and take some.
const DRIFTS: TimeDelta = TimeDelta::seconds(30);
/// The variables that lead requests through a proxy.
const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// How long the doctor waits for one answer.
pub const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(4),
    look_up: Duration::from_secs(7),
    send: Duration::from_secs(7),
};

/// A token takes two requests where a managed identity proves the bot.
const LONGEST_TOKEN: Duration = Duration::from_secs(8);
/// The keys take two requests.
const LONGEST_KEYS: Duration = Duration::from_secs(8);
/// The most signers of tokens for hooks that are asked.
const MOST_SIGNERS: usize = 10;

/// Asks for a token, for the signing keys, and knocks at the service URL and the public URL, all at once.
///
/// With the secrets of this shell come those that the running server lacks, if one `runs` and said so.
pub async fn look(
    settings: &Settings,
    secrets: (&Secrets, Option<&[String]>),
    clock: &Clock,
    runs: bool,
) -> Vec<Finding> {
    let wire = match Wire::new(PATIENCE) {
        Ok(wire) => wire,
        Err(problem) => {
            return vec![Finding::failed(
                "network",
                problem.to_string(),
                "install the system's certificate authorities: the package `ca-certificates`, or mount \
                 /etc/ssl/certs into the container",
            )];
        }
    };
    let (asked, keys, of_hooks, (service, at_service), public) = tokio::join!(
        tokio::time::timeout(LONGEST_TOKEN, token(&wire, settings, secrets, clock)),
        tokio::time::timeout(LONGEST_KEYS, keys(&wire, settings, clock)),
        keys_of_hooks(&wire, settings, clock),
        service_url(&wire, settings, clock),
        public_url(&wire, settings, runs),
    );
    let (token, at_token) = asked.unwrap_or_else(|_| {
        let endpoint = &settings.bot.endpoints.token;
        let found = format!("none after {} seconds", LONGEST_TOKEN.as_secs());
        (Finding::failed("token", found, way_through("", endpoint)), None)
    });
    let keys = keys.unwrap_or_else(|_| {
        let openid = &settings.bot.endpoints.issuer.openid;
        let found = format!("{} did not tell the keys of Teams in time", host_of(openid));
        Finding::failed("keys", found, way_through("", openid))
    });
    let mut findings = vec![token];
    findings.extend(certificate(settings, secrets.0, clock));
    findings.extend([skew(at_token.or(at_service)), keys, service]);
    if settings.bot.app_id.is_none() {
        // Nothing is asked of Teams before there is a bot.
        findings = findings.into_iter().map(Finding::at_most_a_warning).collect();
    }
    findings.extend(of_hooks);
    findings.extend(public);
    findings
}

/// How far another clock is ahead of ours; a negative length is behind.
type Ahead = (TimeDelta, String);

async fn token(
    wire: &Wire,
    settings: &Settings,
    (secrets, missing_there): (&Secrets, Option<&[String]>),
    clock: &Clock,
) -> (Finding, Option<Ahead>) {
    let bot = &settings.bot;
    let Some(credentials) = Credentials::of(bot) else {
        let finding = Finding::warning(
            "token",
            "no bot is configured (`bot.app_id`), so none was asked for",
            "for real Teams, register a bot (docs/teams-setup.md); the sandbox needs none",
        );
        return (finding, None);
    };
    if let Err(problem) = credentials.examine(secrets, clock.now()) {
        let names = bot.credential.secrets();
        let lacking: Vec<&&SecretName> = names.iter().filter(|name| !secrets.has(name)).collect();
        if !lacking.is_empty() && lacking.iter().all(|name| is_there(name, missing_there)) {
            let found = format!("not asked for: only the running server has {}", in_a_row(&lacking));
            let next = "run `herald doctor` with the server's environment to try it; its log tells of refusals";
            return (Finding::warning("token", found, next), None);
        }
        let found = format!("not asked for: {problem}");
        let next = match problem.way_out() {
            Some(way_out) => way_out.to_owned(),
            None => format!("set {}", in_a_row(&lacking)),
        };
        return (Finding::failed("token", found, next), None);
    }
    let app_id = credentials.app_id.clone();
    let asked = match &bot.credential {
        Credential::ManagedIdentity => "the identity service of this machine".to_owned(),
        Credential::Secret(_) | Credential::Certificate(_) | Credential::WorkloadIdentity(_) => {
            host_of(&bot.endpoints.token)
        }
    };
    let tokens = Tokens::new(
        wire.clone(),
        &bot.endpoints,
        credentials,
        Arc::new(secrets.clone()),
        clock.clone(),
    );
    let before = clock.now();
    let tried = tokens.try_once().await;
    let ahead = tried.date.map(|date| ahead(date, before, clock.now(), &asked));
    let finding = match tried.outcome {
        Ok(_) => Finding::ok("token", format!("{asked} gave one for {app_id}")),
        Err(problem) => {
            let found = problem.to_string();
            let next = match problem.way_out() {
                Some(way_out) => format!("{way_out}; docs/teams-setup.md shows where"),
                None if tried.date.is_some() => {
                    "look the status or number up at https://login.microsoftonline.com/error, and check `bot.tenant`, \
                     `bot.cloud` and `bot.endpoints.token`"
                        .to_owned()
                }
                None => way_through(&found, &bot.endpoints.token),
            };
            Finding::failed("token", found, next)
        }
    };
    (finding, ahead)
}

fn in_a_row(names: &[&&SecretName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// How long the bot's certificate is still good for, if it has one that fits; the token tells of one that does not.
fn certificate(settings: &Settings, secrets: &Secrets, clock: &Clock) -> Option<Finding> {
    let now = clock.now();
    let ends_at = Credentials::of(&settings.bot)?.examine(secrets, now).ok()??;
    let found = format!("fits its key, and is good until {}", ends_at.format("%Y-%m-%d"));
    Some(if ends_at - now < CERTIFICATE_ENDS_SOON {
        let next = "make a new one, upload it to the app registration, and put it in place of the old one; no restart is needed";
        Finding::warning("certificate", found, next)
    } else {
        Finding::ok("certificate", found)
    })
}

/// The keys of those who sign tokens for hooks.
async fn keys_of_hooks(wire: &Wire, settings: &Settings, clock: &Clock) -> Vec<Finding> {
    let mut openids: Vec<&str> = Vec::new();
    for hook in settings.hooks.values() {
        if let Authentication::Entra(expected) = &hook.authentication
            && !openids.contains(&expected.openid.as_str())
        {
            openids.push(&expected.openid);
        }
    }
    // A workspace with more signers than this is told of the first ones.
    let asked = openids.into_iter().take(MOST_SIGNERS).map(|openid| async move {
        let ring = KeyRing::new(wire.clone(), openid);
        let answer = tokio::time::timeout(LONGEST_KEYS, ring.find("", clock.now())).await;
        match answer {
            Ok(Ok(_)) => Finding::ok(
                "hook keys",
                format!("{} told the keys that sign tokens for hooks", host_of(openid)),
            ),
            Ok(Err(problem)) => {
                let found = problem.to_string();
                let next = way_through(&found, openid);
                Finding::failed("hook keys", found, next)
            }
            Err(_) => {
                let found = format!("{} did not tell its keys in time", host_of(openid));
                Finding::failed("hook keys", found, way_through("", openid))
            }
        }
    });
    futures::future::join_all(asked).await
}

async fn keys(wire: &Wire, settings: &Settings, clock: &Clock) -> Finding {
    let openid = &settings.bot.endpoints.issuer.openid;
    match KeyRing::new(wire.clone(), openid).find("", clock.now()).await {
        Ok(_) => Finding::ok(
            "keys",
            format!("{} told the keys that sign Teams' calls", host_of(openid)),
        ),
        Err(problem) => {
            let found = problem.to_string();
            let next = way_through(&found, openid);
            Finding::failed("keys", found, next)
        }
    }
}

async fn service_url(wire: &Wire, settings: &Settings, clock: &Clock) -> (Finding, Option<Ahead>) {
    let address = &settings.bot.endpoints.service_url;
    let Ok(url) = Url::parse(address) else {
        let found = format!("`{address}` is not an address");
        return (Finding::failed("service url", found, "run `herald check`"), None);
    };
    let host = host_of(address);
    let before = clock.now();
    match wire.look(url).await {
        Ok(seen) => {
            let ahead = seen.date.map(|date| ahead(date, before, clock.now(), &host));
            let finding = match seen.status {
                407 => Finding::failed(
                    "service url",
                    format!("a proxy in front of {host} wants a name and password"),
                    NAME_THE_PROXY,
                ),
                502..=504 => Finding::failed(
                    "service url",
                    format!(
                        "{host} answered {}: a gateway in between, or Teams itself, cannot go on",
                        seen.status
                    ),
                    way_through("", address),
                ),
                status => Finding::ok(
                    "service url",
                    format!("{host} answers (status {status}, as nobody signed in)"),
                ),
            };
            (finding, ahead)
        }
        Err(lost) => {
            let found = lost.to_string();
            let next = way_through(&found, address);
            (Finding::failed("service url", found, next), None)
        }
    }
}

async fn public_url(wire: &Wire, settings: &Settings, runs: bool) -> Option<Finding> {
    let address = settings.server.public_url.as_ref()?;
    let Ok(url) = Url::parse(&format!("{address}/healthz")) else {
        return Some(Finding::failed(
            "public url",
            format!("`{address}` is not an address"),
            "run `herald check`",
        ));
    };
    if url.scheme() == "http" && !is_loopback(&url) {
        return Some(Finding::failed(
            "public url",
            format!("`{address}` is not encrypted, and Teams calls https addresses only"),
            "put a reverse proxy with a certificate in front, and write its https address",
        ));
    }
    let host = host_of(address);
    if !runs {
        return Some(Finding::warning(
            "public url",
            format!("{host} was not asked: no Herald runs here that could answer"),
            "start `herald serve` and run `herald doctor` again",
        ));
    }
    Some(match wire.look(url).await {
        Ok(seen) if seen.status == 200 && seen.body.starts_with(b"alive") => {
            Finding::ok("public url", format!("{host} leads to a Herald"))
        }
        Ok(seen) => Finding::failed(
            "public url",
            format!("{host} answered {}, and not as Herald would", seen.status),
            format!(
                "have the reverse proxy hand everything to http://{}",
                settings.server.listen
            ),
        ),
        Err(lost) if is_about_certificates(&lost.to_string()) => Finding::failed(
            "public url",
            lost.to_string(),
            "Teams refuses it as well: give the reverse proxy a certificate of a public authority, with the chain",
        ),
        Err(lost) => Finding::warning(
            "public url",
            lost.to_string(),
            "some networks do not let a machine call itself from outside: try the address with /healthz from elsewhere",
        ),
    })
}

fn ahead(theirs: DateTime<Utc>, before: DateTime<Utc>, after: DateTime<Utc>, host: &str) -> Ahead {
    let ours = before + (after - before) / 2;
    (theirs - ours, host.to_owned())
}

fn skew(ahead: Option<Ahead>) -> Finding {
    let Some((ahead, host)) = ahead else {
        return Finding::warning(
            "clock",
            "not compared: no answer from Microsoft told the time",
            "once Microsoft can be reached, run `herald doctor` again",
        );
    };
    let length = in_words(ahead.abs());
    let found = if ahead > TimeDelta::zero() {
        format!("this machine is {length} behind {host}")
    } else {
        format!("this machine is {length} ahead of {host}")
    };
    let next = "set the clock and keep it set: `timedatectl set-ntp true`, or chrony; a virtual machine may drift after a pause";
    match ahead.abs() {
        off if off >= TOKENS_FAIL => {
            Finding::failed("clock", format!("{found}: tokens are refused on both sides"), next)
        }
        off if off >= DRIFTS => Finding::warning("clock", found, next),
        _ => Finding::ok(
            "clock",
            format!("agrees with {host} to within {} seconds", DRIFTS.num_seconds()),
        ),
    }
}

fn in_words(length: TimeDelta) -> String {
    match length.num_seconds() {
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds @ 120..7200 => format!("{} minutes", seconds / 60),
        seconds @ 7200..172_800 => format!("{} hours", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

const NAME_THE_PROXY: &str = "write name and password into HTTPS_PROXY (http://NAME:PASSWORD@HOST:PORT), or have the proxy let this machine through";

fn is_about_certificates(found: &str) -> bool {
    ["certificate", "UnknownIssuer", "NotValidForName"]
        .iter()
        .any(|word| found.contains(word))
}

/// What to do when `address` cannot be reached for the reason `found`.
fn way_through(found: &str, address: &str) -> String {
    let host = host_of(address);
    let set: Vec<&str> = PROXIES
        .into_iter()
        .filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        .collect();
    let here = Url::parse(address).is_ok_and(|url| is_loopback(&url));
    if here {
        return "nothing answers there: is the emulator or sandbox that `bot.endpoints` names running?".to_owned();
    }
    if is_about_certificates(found) {
        return format!(
            "if a proxy opens the encryption in between, install its certificate authority on this machine; else \
             something else answers in place of {host}"
        );
    }
    if found.contains("dns") || found.contains("lookup") || found.contains("resolve") {
        return format!("this machine does not know {host}: check its DNS (`getent hosts {host}`)");
    }
    if found.contains("tunnel") || found.contains("proxy") {
        return NAME_THE_PROXY.to_owned();
    }
    match set.first() {
        Some(proxy) => format!("{proxy} is set: does that proxy let this machine reach {host} on port 443?"),
        None => format!("let this machine reach {host} on port 443, or name a proxy in HTTPS_PROXY"),
    }
}

fn host_of(address: &str) -> String {
    Url::parse(address)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;

    #[test]
    fn a_clock_that_is_off_is_told_with_its_direction_and_fails_where_tokens_do() {
        let at = |seconds| skew(Some((TimeDelta::seconds(seconds), "login.test".to_owned())));
        assert_eq!(at(2).verdict, Verdict::Ok);
        assert_eq!(at(-2).verdict, Verdict::Ok);
        assert_eq!(at(60).found, "this machine is 60 seconds behind login.test");
        assert_eq!(at(60).verdict, Verdict::Warning);
        assert_eq!(at(-3600).verdict, Verdict::Failed);
        assert!(
            at(-3600)
                .found
                .starts_with("this machine is 60 minutes ahead of login.test")
        );
        assert_eq!(skew(None).verdict, Verdict::Warning);
    }

    #[test]
    fn what_is_in_the_way_is_told_by_what_was_seen() {
        let way = |found| way_through(found, "https://login.microsoftonline.com/x");
        assert!(
            way("cannot connect to x: invalid peer certificate: UnknownIssuer").contains("certificate authority")
        );
        assert!(way("cannot connect to x: failed to lookup address information").contains("getent hosts"));
        assert!(way("cannot connect to x: tunnel error: unsuccessful").contains("HTTPS_PROXY"));
        assert!(way("x did not answer within 7 s").contains("443"));
        assert!(way_through("refused", "http://127.0.0.1:1/").contains("bot.endpoints"));
    }
}
