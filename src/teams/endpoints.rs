//! Where Teams is, and which hosts may be sent the bot's token.

use url::{Host, Url};

use super::cloud::Cloud;
use crate::diagnostic::{Fault, Step};

/// How the path of a token endpoint ends, behind its tenant.
const TOKEN_PATH: &str = "/oauth2/v2.0/token";

/// Every address of Teams that Herald uses. [`Endpoints::of`] fills it; nothing looks at a cloud's name afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Where the bot asks for its token.
    pub token: String,
    /// What the token is for.
    pub scope: String,
    /// Whose signature Teams' calls carry, and where the keys are announced.
    pub issuer: Issuer,
    /// Entra issuers that may call the bot as well (emulators); none by default.
    pub further_issuers: Vec<Issuer>,
    /// The connector's address for conversations whose own address is not known.
    pub service_url: String,
    /// The connector's address for tenants of the US government's community cloud, which public bots may serve too;
    /// `None` in clouds that serve no others.
    pub gcc_service_url: Option<String>,
    /// Microsoft Graph.
    pub graph: String,
    /// What a token for Microsoft Graph is for.
    pub graph_scope: String,
    /// The identity service of App Service and Container Apps, in place of the one that the platform names.
    pub identity: Option<String>,
    /// The identity service of a virtual machine.
    pub imds: String,
    /// Whom a managed identity's token must be for that is shown in place of a secret.
    pub token_exchange: String,
    /// Who may be sent the token.
    pub trusted: TrustedHosts,
}

/// A signer of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The exact text of the token's `iss`.
    pub issuer: String,
    /// Its OpenID metadata, which names the keys.
    pub openid: String,
}

impl Issuer {
    /// An issuer whose keys `openid` announces.
    pub fn new(issuer: impl Into<String>, openid: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            openid: openid.into(),
        }
    }
}

/// What `bot.endpoints` of the settings may set; what it leaves out comes from the cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `token:`
    pub token: Option<String>,
    /// `openid:`
    pub openid: Option<String>,
    /// `scope:`
    pub scope: Option<String>,
    /// `issuer:`
    pub issuer: Option<String>,
    /// `issuers:`, further ones.
    pub issuers: Vec<Issuer>,
    /// `service_url:`
    pub service_url: Option<String>,
    /// `gcc_service_url:`
    pub gcc_service_url: Option<String>,
    /// `graph:`
    pub graph: Option<String>,
    /// `graph_scope:`
    pub graph_scope: Option<String>,
    /// `identity:`
    pub identity: Option<String>,
    /// `imds:`
    pub imds: Option<String>,
    /// `trusted_hosts:`, see [`TrustedHosts::of`].
    pub trusted_hosts: Vec<String>,
}

impl Endpoints {
    /// The addresses of `cloud` for a bot of `tenant` (`None`: a multi-tenant bot), with what the settings override.
    ///
    /// # Errors
    /// Every override that is no address, would send a secret in the clear, or contradicts the trusted hosts. Paths
    /// start at `bot.endpoints`.
    pub fn of(cloud: Cloud, tenant: Option<&str>, overrides: &Overrides) -> Result<Endpoints, Vec<Fault>> {
        let mut faults = Vec::new();
        let trusted = TrustedHosts::of(cloud, &overrides.trusted_hosts).unwrap_or_else(|found| {
            faults.extend(found);
            TrustedHosts::of(cloud, &[]).expect("a cloud's own hosts are well formed")
        });
        for (key, value) in [
            ("token", &overrides.token),
            ("openid", &overrides.openid),
            ("graph", &overrides.graph),
            ("identity", &overrides.identity),
            ("imds", &overrides.imds),
        ] {
            if let Some(written) = value {
                faults.extend(fault_of_address(written, &trusted).map(|fault| fault.under(key)));
            }
        }
        for (index, issuer) in overrides.issuers.iter().enumerate() {
            let fault = fault_of_address(&issuer.openid, &trusted);
            faults.extend(fault.map(|fault| fault.under("openid").under(index).under("issuers")));
            if issuer.issuer.trim().is_empty() {
                faults.push(
                    Fault::error("settings::issuer", "an issuer without a name would match nothing")
                        .help("write the text of `iss` in the issuer's tokens")
                        .under("issuer")
                        .under(index)
                        .under("issuers"),
                );
            }
        }
        let service_url = overrides.service_url.as_deref().unwrap_or(cloud.service_url());
        let service_url = match trusted.admit(service_url) {
            Ok(url) => format!("{}/", url.as_str().trim_end_matches('/')),
            Err(distrust) => {
                faults.push(fault_of_service_url("service_url", service_url, &distrust));
                String::new()
            }
        };
        let gcc_service_url = overrides.gcc_service_url.as_deref().or(cloud.gcc_service_url());
        let gcc_service_url = gcc_service_url.and_then(|written| match trusted.admit(written) {
            Ok(url) => Some(format!("{}/", url.as_str().trim_end_matches('/'))),
            Err(distrust) => {
                faults.push(fault_of_service_url("gcc_service_url", written, &distrust));
                None
            }
        });
        if !faults.is_empty() {
            return Err(faults);
        }
        let or = |written: &Option<String>, default: &str| written.clone().unwrap_or_else(|| default.to_owned());
        Ok(Endpoints {
            token: or(&overrides.token, &cloud.token(tenant)),
            scope: or(&overrides.scope, cloud.scope()),
            issuer: Issuer::new(
                or(&overrides.issuer, cloud.issuer()),
                or(&overrides.openid, cloud.openid()),
            ),
            further_issuers: overrides.issuers.clone(),
            service_url,
            gcc_service_url,
            graph: or(&overrides.graph, cloud.graph()).trim_end_matches('/').to_owned(),
            graph_scope: or(&overrides.graph_scope, &cloud.graph_scope()),
            identity: overrides.identity.clone(),
            imds: or(&overrides.imds, Cloud::IMDS),
            token_exchange: cloud.token_exchange().to_owned(),
            trusted,
        })
    }

    /// Where the bot asks for a token in `tenant`: [`Endpoints::token`] with that tenant in its path, where it has the
    /// usual form.
    pub fn token_in(&self, tenant: &str) -> String {
        let with_tenant = || {
            let before = self.token.strip_suffix(TOKEN_PATH)?;
            let (authority, _) = before.rsplit_once('/')?;
            // Not the slashes behind `https:`.
            (!authority.ends_with('/')).then(|| format!("{authority}/{tenant}{TOKEN_PATH}"))
        };
        with_tenant().unwrap_or_else(|| self.token.clone())
    }
}

/// What is wrong with an address that secrets or keys travel to or from: it must be `https`, or `http` on this
/// machine or where `trusted_hosts` allows it in so many words.
fn fault_of_address(written: &str, trusted: &TrustedHosts) -> Option<Fault> {
    let fault = |sentence: String| Fault::error("settings::endpoint", sentence);
    let url = match parse(written) {
        Ok(url) => url,
        Err(distrust) => return Some(fault(distrust.to_string())),
    };
    if url.scheme() == "https" || is_loopback(&url) || trusted.configured.iter().any(|entry| entry.admits(&url)) {
        return None;
    }
    Some(
        fault(format!("`{written}` is not encrypted, and secrets travel there")).help(format!(
            "use https, or allow it with `trusted_hosts: [\"{}\"]`",
            url.origin().ascii_serialization()
        )),
    )
}

fn fault_of_service_url(key: &str, written: &str, distrust: &Distrust) -> Fault {
    let fault = Fault::error("settings::trusted_hosts", distrust.to_string()).under(key);
    match parse(written) {
        Ok(url) => {
            let origin = url.origin().ascii_serialization();
            let bare = origin.split_once("://").map_or(origin.as_str(), |(_, host)| host);
            let entry = if url.scheme() == "https" || is_loopback(&url) {
                bare
            } else {
                &origin
            };
            fault.label("not a host of Teams").help(format!(
                "if it stands in for Teams, add `trusted_hosts: [\"{entry}\"]` beside it"
            ))
        }
        Err(_) => fault.help("write a whole address, such as `https://smba.trafficmanager.net/teams/`"),
    }
}

/// The hosts that may be sent the bot's token. A service URL comes with every activity: whoever could smuggle a wrong
/// one in would be handed the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedHosts {
    domains: &'static [&'static str],
    configured: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// `None`: https, and on this machine http too.
    scheme: Option<String>,
    host: Host<String>,
    /// `None`: the scheme's own, and on this machine any.
    port: Option<u16>,
}

/// Why a service URL is not called. The text of the URL is shortened: it may come from a stranger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It is no plain `https://host/path`.
    #[error("`{0}` is not an address Teams would use")]
    Malformed(String),
    /// Its host is on no list.
    #[error("`{0}` is not one of the hosts that may be sent the bot's token")]
    UnknownHost(String),
}

impl TrustedHosts {
    /// The cloud's own hosts (each with all hosts under it, over https, on the usual port) and the configured ones.
    ///
    /// A configured entry is `host` (https; on this machine also http and any port), `host:port`, or an origin such as
    /// `http://teams.test:9300`, which is the only way to allow http beyond this machine.
    ///
    /// # Errors
    /// Every entry that is none of these; paths start at `bot.endpoints`.
    pub fn of(cloud: Cloud, configured: &[String]) -> Result<TrustedHosts, Vec<Fault>> {
        let mut entries = Vec::new();
        let mut faults = Vec::new();
        for (index, written) in configured.iter().enumerate() {
            match Entry::parse(written) {
                Some(entry) => entries.push(entry),
                None => {
                    let mut fault = Fault::error("settings::trusted_hosts", format!("`{written}` is not a host"))
                        .help("write `host`, `host:port`, or `http://host:port` to allow it without encryption");
                    fault.path = vec![Step::from("trusted_hosts"), Step::from(index)];
                    faults.push(fault);
                }
            }
        }
        if faults.is_empty() {
            Ok(TrustedHosts {
                domains: cloud.trusted_hosts(),
                configured: entries,
            })
        } else {
            Err(faults)
        }
    }

    /// The parsed `service_url` if the token may be sent there.
    ///
    /// # Errors
    /// [`Distrust`] otherwise; user names, queries, fragments, odd characters and trailing dots are never admitted.
    pub fn admit(&self, service_url: &str) -> Result<Url, Distrust> {
        let url = parse(service_url)?;
        if self.configured.iter().any(|entry| entry.admits(&url)) || self.is_of_the_cloud(&url) {
            Ok(url)
        } else {
            Err(Distrust::UnknownHost(shortened(service_url)))
        }
    }

    /// Like [`TrustedHosts::admit`], and any place on this machine as well: for a bot without credentials, which has
    /// no token to lose.
    ///
    /// # Errors
    /// Those of [`TrustedHosts::admit`].
    pub fn admit_without_token(&self, service_url: &str) -> Result<Url, Distrust> {
        match parse(service_url) {
            Ok(url) if is_loopback(&url) => Ok(url),
            Ok(_) | Err(_) => self.admit(service_url),
        }
    }

    fn is_of_the_cloud(&self, url: &Url) -> bool {
        let Some(Host::Domain(host)) = url.host() else {
            return false;
        };
        url.scheme() == "https"
            && url.port().is_none()
            && self
                .domains
                .iter()
                .any(|domain| host == *domain || host.strip_suffix(domain).is_some_and(|sub| sub.ends_with('.')))
    }
}

impl Entry {
    fn parse(written: &str) -> Option<Entry> {
        let (scheme, rest) = match written.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (Some(scheme.to_owned()), rest),
            Some(_) => return None,
            None => (None, written),
        };
        // An IPv6 address may be written bare; everything else must survive being read as an authority.
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let authority = match rest.parse::<std::net::Ipv6Addr>() {
            Ok(ip) => format!("[{ip}]"),
            Err(_) => rest.to_owned(),
        };
        let url = parse(&format!("https://{authority}/")).ok()?;
        if url.path() != "/" {
            return None;
        }
        // `Url` forgets a port that is its scheme's own, but the author may have meant exactly that one.
        let written_port = authority
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<u16>().ok());
        Some(Entry {
            scheme,
            host: url.host()?.to_owned(),
            port: written_port,
        })
    }

    fn admits(&self, url: &Url) -> bool {
        let scheme_fits = match &self.scheme {
            Some(scheme) => scheme == url.scheme(),
            None => url.scheme() == "https" || is_loopback(url),
        };
        let port_fits = match self.port {
            Some(port) => url.port_or_known_default() == Some(port),
            None => url.port().is_none() || is_loopback(url),
        };
        scheme_fits && port_fits && url.host().is_some_and(|host| host.to_owned() == self.host)
    }
}

/// An absolute http(s) address without user, query or fragment, whose text has no trick in it. What is called later
/// is the parsed value, so what was judged is what is called.
fn parse(written: &str) -> Result<Url, Distrust> {
    let malformed = || Distrust::Malformed(shortened(written));
    // The URL standard forgives backslashes, tabs and look-alike letters; a service URL has no business with them.
    let plain = written
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'@' | b'?' | b'#' | b'<' | b'>' | b'"'));
    if !plain || written.len() > 2048 {
        return Err(malformed());
    }
    let url = Url::parse(written).map_err(|_| malformed())?;
    let host = url.host_str().ok_or_else(malformed)?;
    if !matches!(url.scheme(), "http" | "https") || host.is_empty() || host.ends_with('.') {
        return Err(malformed());
    }
    Ok(url)
}

/// Whether `url` names this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => host == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn shortened(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(100)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(configured: &[&str]) -> TrustedHosts {
        let configured: Vec<String> = configured.iter().map(|entry| (*entry).to_owned()).collect();
        TrustedHosts::of(Cloud::Public, &configured).unwrap()
    }

    #[test]
    fn the_addresses_teams_uses_are_trusted() {
        for url in [
            "https://smba.trafficmanager.net/emea/",
            "https://smba.trafficmanager.net/amer/8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01/",
            "https://SMBA.trafficmanager.net:443/teams",
            "https://smba.infra.gcc.teams.microsoft.com/teams",
            "https://europe.api.botframework.com",
        ] {
            assert!(trusted(&[]).admit(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn an_address_that_only_looks_like_teams_is_not_trusted() {
        for url in [
            "https://smba.trafficmanager.net.evil.example/",
            "https://evil-smba.trafficmanager.net/",
            "https://evilbotframework.com/",
            "https://trafficmanager.net/",
            "https://evil.trafficmanager.net/",
            "https://smba.trafficmanager.net@evil.example/",
            "https://smba.trafficmanager.net:x@evil.example/",
            "https://user@smba.trafficmanager.net/",
            "https://evil.example/smba.trafficmanager.net/",
            "https://evil.example?https://smba.trafficmanager.net/",
            "https://evil.example#.smba.trafficmanager.net/",
            "https://evil.example\\.smba.trafficmanager.net/",
            "https:\\\\smba.trafficmanager.net/",
            "https://smba.trafficmanager.net./emea/",
            "https://smba.trafficmanager.net:8443/emea/",
            "http://smba.trafficmanager.net/emea/",
            "https://smba.trafficmanager\u{3002}net/",
            "https://smba.traff\u{0456}cmanager.net/",
            "https://smba.trafficmanager.net%00.evil.example/",
            "https://smba.trafficmanager.net%2eevil.example/",
            "https://smba.trafficmanager.net\t.evil.example/",
            " https://smba.trafficmanager.net/",
            "//smba.trafficmanager.net/",
            "ftp://smba.trafficmanager.net/",
            "file:///etc/passwd",
            "https://127.0.0.1/",
            "http://127.0.0.1:9300/",
            "http://localhost/",
            "http://169.254.169.254/metadata/",
            "https://[::1]/",
            "javascript:alert(1)",
            "",
        ] {
            assert!(trusted(&[]).admit(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_government_bot_does_not_trust_the_public_cloud() {
        let government = TrustedHosts::of(Cloud::Gcch, &[]).unwrap();
        assert!(
            government
                .admit("https://smba.infra.gov.teams.microsoft.us/teams")
                .is_ok()
        );
        assert!(government.admit("https://smba.trafficmanager.net/teams").is_err());
    }

    #[test]
    fn a_configured_host_is_trusted_as_far_as_it_was_written() {
        let cases: [(&str, &[&str], &[&str]); 6] = [
            (
                "127.0.0.1",
                &["http://127.0.0.1:9300/", "https://127.0.0.1/", "http://127.1:9300/"],
                &["http://127.0.0.2:9300/", "http://localhost:9300/"],
            ),
            (
                "localhost",
                &["http://localhost:56150/_connector"],
                &["http://localhost.evil.example/"],
            ),
            ("::1", &["http://[::1]:9300/"], &["http://127.0.0.1/"]),
            (
                "teams.test",
                &["https://teams.test/x"],
                &[
                    "http://teams.test/x",
                    "https://teams.test:8443/",
                    "https://a.teams.test/",
                ],
            ),
            (
                "teams.test:8443",
                &["https://teams.test:8443/"],
                &["https://teams.test/", "http://teams.test:8443/"],
            ),
            (
                "http://teams.test:9300",
                &["http://teams.test:9300/x"],
                &["https://teams.test:9300/", "http://teams.test/"],
            ),
        ];
        for (entry, yes, no) in cases {
            for url in yes {
                assert!(trusted(&[entry]).admit(url).is_ok(), "{entry} should admit {url}");
            }
            for url in no {
                assert!(trusted(&[entry]).admit(url).is_err(), "{entry} should not admit {url}");
            }
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_its_place() {
        for entry in ["", "a b", "user@host", "host/path", "ftp://host", "host:port:1", "*"] {
            let found = TrustedHosts::of(Cloud::Public, &["ok.test".to_owned(), entry.to_owned()]);
            if entry == "*" {
                // A star is a legal, if useless, host; it is no wildcard.
                assert!(found.is_ok_and(|hosts| hosts.admit("https://evil.example/").is_err()));
                continue;
            }
            let faults = found.unwrap_err();
            assert_eq!(faults[0].path, [Step::from("trusted_hosts"), Step::from(1)], "{entry}");
        }
    }

    #[test]
    fn without_a_token_to_lose_this_machine_may_be_called() {
        let hosts = trusted(&[]);
        assert!(hosts.admit_without_token("http://localhost:56150/_connector").is_ok());
        assert!(hosts.admit_without_token("http://10.0.0.1/").is_err());
        assert!(hosts.admit_without_token("http://localhost@evil.example/").is_err());
    }

    #[test]
    fn every_override_is_taken_and_every_bad_one_is_told_at_once() {
        let good = Overrides {
            token: Some("http://127.0.0.1:9300/t/oauth2/v2.0/token".into()),
            openid: Some("http://127.0.0.1:9300/v1/.well-known/openidconfiguration".into()),
            service_url: Some("http://127.0.0.1:9300/".into()),
            trusted_hosts: vec!["127.0.0.1".into()],
            ..Overrides::default()
        };
        let endpoints = Endpoints::of(Cloud::Public, None, &good).unwrap();
        assert_eq!(endpoints.service_url, "http://127.0.0.1:9300/");
        assert_eq!(endpoints.issuer.issuer, "https://api.botframework.com");

        // A cloud of which Herald knows nothing.
        let elsewhere = Overrides {
            token: Some("https://login.cloud.example/T/oauth2/v2.0/token".into()),
            scope: Some("https://api.cloud.example/.default".into()),
            issuer: Some("https://api.cloud.example".into()),
            openid: Some("https://login.cloud.example/keys".into()),
            service_url: Some("https://smba.cloud.example/teams".into()),
            graph: Some("https://graph.cloud.example".into()),
            graph_scope: Some("https://graph.cloud.example/.default".into()),
            identity: Some("http://127.0.0.1:1/msi".into()),
            imds: Some("http://127.0.0.1:1/imds".into()),
            trusted_hosts: vec!["smba.cloud.example".into()],
            ..Overrides::default()
        };
        let endpoints = Endpoints::of(Cloud::Public, None, &elsewhere).unwrap();
        assert_eq!(
            endpoints.token_in("U"),
            "https://login.cloud.example/U/oauth2/v2.0/token"
        );
        assert_eq!(endpoints.scope, "https://api.cloud.example/.default");
        assert_eq!(
            endpoints.issuer,
            Issuer::new("https://api.cloud.example", "https://login.cloud.example/keys")
        );
        assert_eq!(endpoints.service_url, "https://smba.cloud.example/teams/");
        assert_eq!(endpoints.graph, "https://graph.cloud.example");
        assert_eq!(endpoints.graph_scope, "https://graph.cloud.example/.default");
        assert_eq!(endpoints.identity.as_deref(), Some("http://127.0.0.1:1/msi"));
        assert_eq!(endpoints.imds, "http://127.0.0.1:1/imds");

        let bad = Overrides {
            token: Some("http://login.test/token".into()),
            openid: Some("keys".into()),
            service_url: Some("http://127.0.0.1:9300/".into()),
            issuers: vec![Issuer::new(" ", "http://a.test/")],
            trusted_hosts: vec!["a b".into()],
            ..Overrides::default()
        };
        let faults = Endpoints::of(Cloud::Public, None, &bad).unwrap_err();
        let mut paths: Vec<String> = faults.iter().map(|fault| format!("{:?}", fault.path)).collect();
        paths.sort();
        assert_eq!(paths.len(), 6, "{paths:?}");
    }

    #[test]
    fn a_bot_of_one_tenant_asks_that_tenant_for_its_token() {
        let endpoints = Endpoints::of(Cloud::Public, Some("contoso.example"), &Overrides::default()).unwrap();
        assert_eq!(
            endpoints.token,
            "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
        );
    }

    #[test]
    fn a_token_for_another_tenant_is_asked_for_at_that_tenants_own_address() {
        let endpoints = |token: Option<&str>| {
            let overrides = Overrides {
                token: token.map(str::to_owned),
                ..Overrides::default()
            };
            Endpoints::of(Cloud::Gcch, None, &overrides).unwrap()
        };
        assert_eq!(
            endpoints(None).token_in("contoso.example"),
            "https://login.microsoftonline.us/contoso.example/oauth2/v2.0/token"
        );
        assert_eq!(
            endpoints(Some("http://127.0.0.1:9300/T/oauth2/v2.0/token")).token_in("contoso.example"),
            "http://127.0.0.1:9300/contoso.example/oauth2/v2.0/token"
        );
        for odd in ["http://127.0.0.1:9300/token", "http://127.0.0.1:9300/oauth2/v2.0/token"] {
            assert_eq!(endpoints(Some(odd)).token_in("contoso.example"), odd);
        }
    }
}
