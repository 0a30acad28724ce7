//! What an operator decides: who the bot is, where the server listens, what is kept how long.

mod calls;
mod credential;
pub mod file;
mod limits;
pub mod pasted;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use chrono_tz::Tz;
use indexmap::IndexMap;
use url::Url;

use crate::batch::Batching;
use crate::diagnostic::{Fault, Step};
use crate::duration;
use crate::hook::{self, Hook};
use crate::language;
use crate::queue::{self, Queue};
use crate::quiet::policy::Policy;
use crate::roster::profile::Wants;
use crate::secret_name::SecretName;
use crate::teams::credential::Credential;
use crate::teams::endpoints::Overrides;
use crate::topic::{self, Topic};
use crate::zone;

pub use self::calls::Calls;
pub use self::limits::Limits;
pub use crate::teams::cloud::Cloud;
pub use crate::teams::endpoints::{Endpoints, Issuer};
use file::{
    BotFile, CloudFile, EndpointsFile, GraphFile, IssuerFile, RetentionFile, SendFile, ServerFile, SettingsFile,
    TracesFile,
};

/// Settings, complete: every default is filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Who Herald is in Teams.
    pub bot: Bot,
    /// What Microsoft Graph may be asked.
    pub graph: Graph,
    /// The HTTP server.
    pub server: Server,
    /// The folder of the store, as written: relative to the workspace unless absolute.
    pub store: String,
    /// The zone of schedules and dates that name none.
    pub time_zone: Tz,
    /// When nobody is told, unless a rule or a person says otherwise.
    pub quiet_hours: Option<Policy>,
    /// The language of those of whom none is known, as a tag in small letters; without it English.
    pub language: Option<String>,
    /// What people stop and start, by name.
    pub topics: IndexMap<String, Topic>,
    /// Whether footers stand under people's cards, where somebody decided that for all rules.
    pub footer: Option<bool>,
    /// Addresses to post to, by name.
    pub hooks: IndexMap<String, Hook>,
    /// Topics of brokers to wait for, by name.
    pub queues: IndexMap<String, Queue>,
    /// Bounds.
    pub limits: Limits,
    /// How messages leave.
    pub send: Sending,
    /// Which other programs steps may call.
    pub calls: Calls,
    /// How long things are kept.
    pub retention: Retention,
    /// Where traces go.
    pub traces: Traces,
}

/// Who Herald is in Teams.
#[derive(Debug, Clone, PartialEq)]
pub struct Bot {
    /// The Microsoft app id, lower case; `None` means there is no registration: sandbox or emulator only.
    pub app_id: Option<String>,
    /// The tenant it is registered in; `None` for a multi-tenant bot.
    pub tenant: Option<String>,
    /// How it proves who it is.
    pub credential: Credential,
    /// Which cloud.
    pub cloud: Cloud,
    /// Where everything is.
    pub endpoints: Endpoints,
}

/// What Microsoft Graph may be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// Who somebody is, and who is in a group.
    pub look_up: bool,
    /// What else may be asked about people: fields out of Entra, zone and language out of their mailboxes.
    pub wants: Wants,
    /// To install the app with this manifest id, lower case, for people who never met the bot.
    pub install: Option<String>,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// How the world reaches it, without a slash at the end.
    pub public_url: Option<String>,
    /// What the token of the admin routes is called; without one they answer this machine alone.
    pub admin_token: Option<SecretName>,
}

/// How messages leave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sending {
    /// Hosts of webhooks that may be in a private network, lower case.
    pub private_webhook_hosts: Vec<String>,
    /// Whether one request may be made for many people; not unless the operator says so.
    pub batching: Option<Batching>,
}
/// How long things are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Settled deliveries and the events that caused them.
    pub deliveries: Duration,
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    /// The collector, without a slash at the end; nothing is traced without one.
    pub endpoint: Option<String>,
    /// What the collector calls this Herald.
    pub service_name: String,
}

/// The variables of the environment that override `herald.yaml`, with what each of them sets.
pub const VARIABLES: [(&str, &str); 16] = [
    ("HERALD_BOT_APP_ID", "bot.app_id"),
    ("HERALD_BOT_TENANT", "bot.tenant"),
    ("HERALD_BOT_CLOUD", "bot.cloud"),
    ("HERALD_BOT_CREDENTIAL", "bot"),
    ("HERALD_BOT_TOKEN_URL", "bot.endpoints.token"),
    ("HERALD_BOT_OPENID_URL", "bot.endpoints.openid"),
    ("HERALD_BOT_SERVICE_URL", "bot.endpoints.service_url"),
    ("HERALD_BOT_GRAPH_URL", "bot.endpoints.graph"),
    ("HERALD_BOT_TRUSTED_HOSTS", "bot.endpoints.trusted_hosts"),
    ("HERALD_LISTEN", "server.listen"),
    ("HERALD_PUBLIC_URL", "server.public_url"),
    ("HERALD_PRIVATE_WEBHOOK_HOSTS", "send.private_webhook_hosts"),
    ("HERALD_STORE", "store"),
    ("HERALD_TIME_ZONE", "time_zone"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "traces.endpoint"),
    ("OTEL_SERVICE_NAME", "traces.service_name"),
];

/// The variable of [`VARIABLES`] that sets what `path` leads to.
pub fn variable_for(path: &[Step]) -> Option<&'static str> {
    let place: Vec<&str> = path
        .iter()
        .map_while(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
        .collect();
    let place = place.join(".");
    VARIABLES
        .iter()
        .find(|(_, sets)| *sets == place)
        .map(|(variable, _)| *variable)
}

impl Default for Settings {
    fn default() -> Self {
        let (settings, faults) = compile(&SettingsFile::default());
        debug_assert!(faults.is_empty(), "the defaults are free of faults");
        settings
    }
}

/// Puts the values of the environment in place of those of the file. Variables that are not ours or that are empty
/// are ignored.
///
/// # Errors
/// One sentence for each value that is none: `HERALD_BOT_CLOUD` with an unknown cloud. Values whose form is judged
/// by [`compile`] are taken as they are.
pub fn override_with(file: &mut SettingsFile, environment: &BTreeMap<String, String>) -> Result<(), Vec<String>> {
    let value = |name: &str| {
        environment
            .get(name)
            .map(|v| v.trim())
            .filter(|v| !v.is_empty())
            .map(str::to_owned)
    };
    let set = |slot: &mut Option<String>, name: &str| {
        if let Some(value) = value(name) {
            *slot = Some(value);
        }
    };
    set(&mut file.bot.app_id, "HERALD_BOT_APP_ID");
    set(&mut file.bot.tenant, "HERALD_BOT_TENANT");
    set(&mut file.bot.endpoints.token, "HERALD_BOT_TOKEN_URL");
    set(&mut file.bot.endpoints.openid, "HERALD_BOT_OPENID_URL");
    set(&mut file.bot.endpoints.service_url, "HERALD_BOT_SERVICE_URL");
    set(&mut file.bot.endpoints.graph, "HERALD_BOT_GRAPH_URL");
    if let Some(hosts) = value("HERALD_BOT_TRUSTED_HOSTS") {
        let hosts = hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
        file.bot.endpoints.trusted_hosts = hosts.map(str::to_owned).collect();
    }
    if let Some(hosts) = value("HERALD_PRIVATE_WEBHOOK_HOSTS") {
        let hosts = hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
        file.send.private_webhook_hosts = hosts.map(str::to_owned).collect();
    }
    set(&mut file.server.listen, "HERALD_LISTEN");
    set(&mut file.server.public_url, "HERALD_PUBLIC_URL");
    set(&mut file.store, "HERALD_STORE");
    set(&mut file.time_zone, "HERALD_TIME_ZONE");
    set(&mut file.traces.endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT");
    set(&mut file.traces.service_name, "OTEL_SERVICE_NAME");
    let mut wrong = Vec::new();
    if let Some(cloud) = value("HERALD_BOT_CLOUD") {
        match Cloud::WORDS.iter().find(|(word, _)| *word == cloud.to_lowercase()) {
            Some((_, cloud)) => file.bot.cloud = Some(CloudFile::from(*cloud)),
            None => {
                let words = Cloud::WORDS.map(|(word, _)| word).join(", ");
                wrong.push(format!("HERALD_BOT_CLOUD is `{cloud}`, but it must be one of {words}"));
            }
        }
    }
    if let Some(kind) = value("HERALD_BOT_CREDENTIAL") {
        wrong.extend(credential::choose(&mut file.bot, &kind.to_lowercase()).err());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// The meaning of `herald.yaml`. Whatever is wrong is reported and stands at its default in the result.
pub fn compile(file: &SettingsFile) -> (Settings, Vec<Fault>) {
    let mut faults = Vec::new();
    let time_zone = file.time_zone.as_ref().and_then(|written| match zone::parse(written) {
        Ok(zone) => Some(zone),
        Err(fault) => {
            faults.push(fault.under("time_zone"));
            None
        }
    });
    let quiet_hours = file
        .quiet_hours
        .as_ref()
        .and_then(|written| match Policy::compile(written) {
            Ok(policy) => policy,
            Err(found) => {
                faults.extend(found.into_iter().map(|fault| fault.under("quiet_hours")));
                None
            }
        });
    let store = file.store.as_deref().map(str::trim).unwrap_or("data/");
    if let Some(fault) = store_fault(store) {
        faults.push(fault.under("store"));
    }
    let cloud = file.bot.cloud.map(Cloud::from).unwrap_or_default();
    let (hooks, found) = hook::compile::hooks(&file.hooks, cloud);
    faults.extend(found.into_iter().map(|fault| fault.under("hooks")));
    let bot = bot(&file.bot, &mut faults);
    let (queues, found) = queue::compile(&file.queues, bot.tenant.is_some());
    faults.extend(found.into_iter().map(|fault| fault.under("queues")));
    let (topics, found) = topic::compile(&file.topics);
    faults.extend(found.into_iter().map(|fault| fault.under("topics")));
    let language = file.language.as_ref().and_then(|written| match language::tag(written) {
        Ok(tag) => Some(tag),
        Err(fault) => {
            faults.push(fault.under("language"));
            None
        }
    });
    let settings = Settings {
        language,
        topics,
        footer: file.footer,
        graph: graph(&file.graph, &bot, &mut faults),
        bot,
        server: server(&file.server, &mut faults),
        store: store.to_owned(),
        time_zone: time_zone.unwrap_or(Tz::UTC),
        quiet_hours,
        hooks,
        queues,
        limits: limits::compile(&file.limits, &mut faults),
        send: send(&file.send, &mut faults),
        calls: calls::compile(&file.calls, &mut faults),
        retention: retention(&file.retention, &mut faults),
        traces: traces(&file.traces, &mut faults),
    };
    (settings, faults)
}

impl From<CloudFile> for Cloud {
    fn from(file: CloudFile) -> Self {
        match file {
            CloudFile::Public => Cloud::Public,
            CloudFile::Gcc => Cloud::Gcc,
            CloudFile::Gcch => Cloud::Gcch,
            CloudFile::Dod => Cloud::Dod,
        }
    }
}

impl From<Cloud> for CloudFile {
    fn from(cloud: Cloud) -> Self {
        match cloud {
            Cloud::Public => CloudFile::Public,
            Cloud::Gcc => CloudFile::Gcc,
            Cloud::Gcch => CloudFile::Gcch,
            Cloud::Dod => CloudFile::Dod,
        }
    }
}

fn store_fault(store: &str) -> Option<Fault> {
    if store.is_empty() {
        return Some(Fault::error("settings::store", "the store needs a folder").help("write `store: data/`"));
    }
    if store.contains("://") {
        return Some(
            Fault::error(
                "settings::store",
                "this version of Herald keeps its store in a folder only",
            )
            .help("write a folder, such as `store: data/`"),
        );
    }
    None
}

fn bot(file: &BotFile, faults: &mut Vec<Fault>) -> Bot {
    let app_id = file.app_id.as_deref().and_then(|id| {
        let id = guid(id);
        if id.is_none() {
            faults.push(
                Fault::error("settings::app_id", "the app id of a bot has the form of a GUID")
                    .help("copy it from the bot's page in the Azure portal: `5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10`")
                    .under("app_id")
                    .under("bot"),
            );
        }
        id
    });
    let tenant = file.tenant.as_deref().and_then(|tenant| {
        let tenant = tenant.trim();
        let well_formed = guid(tenant).is_some() || is_domain(tenant);
        if !well_formed {
            faults.push(
                Fault::error("settings::tenant", "a tenant is named by its GUID or its domain")
                    .help("such as `8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01` or `contoso.onmicrosoft.com`; leave it out for a multi-tenant bot")
                    .under("tenant")
                    .under("bot"),
            );
        }
        well_formed.then(|| tenant.to_lowercase())
    });
    let credential = credential::compile(file, faults);
    let cloud = file.cloud.map(Cloud::from).unwrap_or_default();
    let endpoints = endpoints(&file.endpoints, cloud, tenant.as_deref(), faults);
    Bot {
        app_id,
        tenant,
        credential,
        cloud,
        endpoints,
    }
}

fn endpoints(file: &EndpointsFile, cloud: Cloud, tenant: Option<&str>, faults: &mut Vec<Fault>) -> Endpoints {
    let trimmed = |written: &Option<String>| written.as_deref().map(|text| text.trim().to_owned());
    let issuer = |further: &IssuerFile| Issuer::new(further.issuer.trim(), further.openid.trim());
    let overrides = Overrides {
        token: trimmed(&file.token),
        openid: trimmed(&file.openid),
        scope: trimmed(&file.scope),
        issuer: trimmed(&file.issuer),
        issuers: file.issuers.iter().map(issuer).collect(),
        service_url: trimmed(&file.service_url),
        gcc_service_url: trimmed(&file.gcc_service_url),
        graph: trimmed(&file.graph),
        graph_scope: trimmed(&file.graph_scope),
        identity: trimmed(&file.identity),
        imds: trimmed(&file.imds),
        trusted_hosts: file.trusted_hosts.iter().map(|host| host.trim().to_owned()).collect(),
    };
    Endpoints::of(cloud, tenant, &overrides).unwrap_or_else(|found| {
        let place = ["bot", "endpoints"].map(Step::from);
        faults.extend(found.into_iter().map(|fault| at(fault, &place)));
        Endpoints::of(cloud, tenant, &Overrides::default()).expect("a cloud's own addresses are well formed")
    })
}

fn graph(file: &GraphFile, bot: &Bot, faults: &mut Vec<Fault>) -> Graph {
    let app = file.app.as_deref().and_then(|id| {
        let id = guid(id);
        if id.is_none() {
            faults.push(
                Fault::error("settings::graph", "the id of an app has the form of a GUID")
                    .help("copy `id` from the app's manifest.json; it is not the bot's `app_id`")
                    .under("app")
                    .under("graph"),
            );
        }
        id
    });
    let wanted = file.install.unwrap_or(false);
    if wanted && file.app.is_none() {
        faults.push(
            Fault::error("settings::graph", "`install` needs to know which app")
                .help("add `app:` with the `id` of the app's manifest.json")
                .under("install")
                .under("graph"),
        );
    }
    let asked = [
        ("look_up", file.look_up),
        ("profiles", file.profiles),
        ("time_zones", file.time_zones),
        ("install", file.install),
    ];
    let asked = asked.into_iter().find(|(_, asked)| *asked == Some(true));
    if let Some((key, _)) = asked
        && bot.app_id.is_some()
        && bot.tenant.is_none()
    {
        faults.push(
            Fault::error(
                "settings::graph",
                "Microsoft Graph knows the people of one tenant, and none is named",
            )
            .help("add `tenant:` under `bot:`; leave `graph:` out for a bot that serves several tenants")
            .under(key)
            .under("graph"),
        );
    }
    Graph {
        look_up: file.look_up.unwrap_or(false),
        wants: Wants {
            entra: file.profiles.unwrap_or(false),
            mailbox: file.time_zones.unwrap_or(false),
        },
        install: app.filter(|_| wanted),
    }
}

fn server(file: &ServerFile, faults: &mut Vec<Fault>) -> Server {
    let listen = file
        .listen
        .as_deref()
        .and_then(|written| match listen_address(written) {
            Ok(address) => Some(address),
            Err(fault) => {
                faults.push(fault.under("listen").under("server"));
                None
            }
        });
    let public_url = file.public_url.as_deref().and_then(|written| match http_url(written) {
        Ok(url) => Some(url.as_str().trim_end_matches('/').to_owned()),
        Err(fault) => {
            faults.push(fault.under("public_url").under("server"));
            None
        }
    });
    Server {
        listen: listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 3978))),
        public_url,
        admin_token: secret_name(file.admin_token.as_deref(), &["server", "admin_token"], faults),
    }
}

fn traces(file: &TracesFile, faults: &mut Vec<Fault>) -> Traces {
    let endpoint = file.endpoint.as_deref().and_then(|written| match http_url(written) {
        Ok(url) => Some(url.as_str().trim_end_matches('/').to_owned()),
        Err(fault) => {
            faults.push(fault.under("endpoint").under("traces"));
            None
        }
    });
    let named = file
        .service_name
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty());
    Traces {
        endpoint,
        service_name: named.unwrap_or("herald").to_owned(),
    }
}

fn listen_address(written: &str) -> Result<SocketAddr, Fault> {
    let text = written.trim();
    let spelled_out = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    spelled_out.parse().map_err(|_| {
        Fault::error("settings::listen", format!("`{text}` is not an address with a port"))
            .help("write `127.0.0.1:3978` for this machine alone, `0.0.0.0:3978` for every network")
    })
}

fn retention(file: &RetentionFile, faults: &mut Vec<Fault>) -> Retention {
    const SHORTEST: Duration = Duration::from_secs(60 * 60);
    let mut deliveries = Duration::from_secs(30 * 24 * 60 * 60);
    match file.deliveries.as_deref().map(duration::parse) {
        None => {}
        Some(Ok(written)) if written >= SHORTEST => deliveries = written,
        Some(Ok(_)) => faults.push(
            Fault::error("settings::retention", "what was sent must be kept for at least an hour")
                .label("too short")
                .help("a sender that repeats an event after this time is taken for new; `30 days` is a good value")
                .under("deliveries")
                .under("retention"),
        ),
        Some(Err(fault)) => faults.push(fault.under("deliveries").under("retention")),
    }
    Retention { deliveries }
}

fn send(file: &SendFile, faults: &mut Vec<Fault>) -> Sending {
    let mut hosts = Vec::new();
    for (index, written) in file.private_webhook_hosts.iter().enumerate() {
        let host = written.trim().to_ascii_lowercase();
        // As an address would have it, so that `[::1]` and `::1` are the same.
        let bracketed = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host
        };
        match Url::parse(&format!("https://{bracketed}/")) {
            Ok(url) if url.host_str() == Some(bracketed.as_str()) && url.port().is_none() => hosts.push(bracketed),
            Ok(_) | Err(_) => faults.push(
                Fault::error("settings::webhook_host", "this is not the name of a host")
                    .help("write the host alone, without `https://`, port or path: `flows.contoso.internal`")
                    .under(index)
                    .under("private_webhook_hosts")
                    .under("send"),
            ),
        }
    }
    let usual = Batching::default();
    Sending {
        private_webhook_hosts: hosts,
        batching: file.batch.map(|batch| Batching {
            above: batch.above.unwrap_or(usual.above),
            size: batch
                .size
                .map_or(usual.size, |size| usize::try_from(size).unwrap_or(usual.size)),
        }),
    }
}

fn secret_name(written: Option<&str>, path: &[&str], faults: &mut Vec<Fault>) -> Option<SecretName> {
    match SecretName::new(written?.trim()) {
        Ok(name) => Some(name),
        Err(_) => {
            let path: Vec<Step> = path.iter().map(|key| Step::from(*key)).collect();
            faults.push(at(pasted_secret(), &path));
            None
        }
    }
}

/// What is told about a value that stands where the name of a secret belongs. It does not repeat the value.
pub fn pasted_secret() -> Fault {
    Fault::error("settings::secret_name", "a secret is called by its name here; this is not a name")
        .label("not a name such as `HERALD_BOT_SECRET`")
        .help("put the secret itself into an environment variable and write the variable's name; if it was committed, change it")
}

fn at(mut fault: Fault, path: &[Step]) -> Fault {
    fault.path.splice(0..0, path.iter().cloned());
    fault
}

fn http_url(written: &str) -> Result<Url, Fault> {
    let text = written.trim();
    let fault = |message: String| {
        Err(Fault::error("settings::url", message)
            .help("write a whole address, such as `https://herald.contoso.example`"))
    };
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            fault(format!("`{text}` does not begin with http:// or https://"))
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => Err(Fault::error(
            "settings::url",
            "an address must not hold a user name or password",
        )
        .help("take out what stands before the `@`")),
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            fault(format!("`{text}` has a `?` or `#` part"))
        }
        Ok(url) => Ok(url),
        Err(_) => fault(format!("`{text}` is not an address")),
    }
}

fn guid(text: &str) -> Option<String> {
    uuid::Uuid::try_parse(text.trim())
        .ok()
        .map(|id| id.hyphenated().to_string())
}

fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compiled(file: serde_json::Value) -> (Settings, Vec<Fault>) {
        compile(&serde_json::from_value(file).unwrap())
    }

    fn only_fault(file: serde_json::Value) -> Fault {
        let (_, mut faults) = compiled(file);
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.remove(0)
    }

    #[test]
    fn an_empty_file_gives_a_server_for_this_machine_and_the_public_cloud() {
        let (settings, faults) = compiled(json!({}));
        assert_eq!(faults, []);
        assert_eq!(settings.server.listen.to_string(), "127.0.0.1:3978");
        assert_eq!(settings.bot.credential, Credential::default());
        let endpoints = &settings.bot.endpoints;
        assert_eq!(
            endpoints.token,
            "https://login.microsoftonline.com/botframework.com/oauth2/v2.0/token"
        );
        assert_eq!(endpoints.further_issuers, []);
        assert_eq!(endpoints.issuer.issuer, "https://api.botframework.com");
        assert_eq!(endpoints.service_url, "https://smba.trafficmanager.net/teams/");
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn each_cloud_brings_its_own_addresses() {
        let (settings, _) = compiled(json!({ "bot": { "cloud": "gcch", "tenant": "contoso.onmicrosoft.us" } }));
        let endpoints = settings.bot.endpoints;
        assert_eq!(
            endpoints.token,
            "https://login.microsoftonline.us/contoso.onmicrosoft.us/oauth2/v2.0/token"
        );
        assert_eq!(endpoints.scope, "https://api.botframework.us/.default");
        assert_eq!(endpoints.graph, "https://graph.microsoft.us");
        assert_eq!(
            endpoints.service_url,
            "https://smba.infra.gov.teams.microsoft.us/teams/"
        );
    }

    #[test]
    fn the_token_goes_to_teams_over_https_and_to_hosts_the_operator_named() {
        let (settings, faults) = compiled(json!({ "bot": { "endpoints": {
            "service_url": "http://127.0.0.1:9300", "trusted_hosts": ["127.0.0.1", "http://teams.test:80"],
        } } }));
        assert_eq!(faults, []);
        let endpoints = settings.bot.endpoints;
        assert_eq!(endpoints.service_url, "http://127.0.0.1:9300/");
        for (address, trusted) in [
            ("https://smba.trafficmanager.net/teams/", true),
            ("https://eu.smba.trafficmanager.net/teams/", true),
            ("https://smba.infra.gcc.teams.microsoft.com/teams/", true),
            ("http://smba.trafficmanager.net/teams/", false),
            ("https://evilsmba.trafficmanager.net.example/", false),
            ("https://notbotframework.com/", false),
            ("http://127.0.0.1:4000/", true),
            ("http://127.0.0.2:4000/", false),
            ("http://teams.test/", true),
            ("http://teams.test:81/", false),
            ("ftp://127.0.0.1/", false),
        ] {
            assert_eq!(endpoints.trusted.admit(address).is_ok(), trusted, "{address}");
        }
    }

    #[test]
    fn a_service_address_that_nobody_trusts_is_refused_with_the_way_out() {
        let fault = only_fault(json!({ "bot": { "endpoints": { "service_url": "http://10.0.0.7:9300/" } } }));
        assert_eq!(fault.path, ["bot", "endpoints", "service_url"].map(Step::from));
        assert!(
            fault
                .help
                .unwrap()
                .contains("trusted_hosts: [\"http://10.0.0.7:9300\"]")
        );
    }

    #[test]
    fn values_that_mean_nothing_are_faults_at_their_place() {
        for (file, path) in [
            (json!({ "time_zone": "Europe/Berln" }), vec!["time_zone"]),
            (json!({ "store": "nats://a,b" }), vec!["store"]),
            (json!({ "bot": { "app_id": "my-bot" } }), vec!["bot", "app_id"]),
            (json!({ "bot": { "tenant": "contoso" } }), vec!["bot", "tenant"]),
            (json!({ "bot": { "secret": "Xq8~abc.DEF" } }), vec!["bot", "secret"]),
            (json!({ "server": { "listen": "3978" } }), vec!["server", "listen"]),
            (
                json!({ "server": { "public_url": "herald.contoso.example" } }),
                vec!["server", "public_url"],
            ),
            (
                json!({ "limits": { "messages_per_conversation": [] } }),
                vec!["limits", "messages_per_conversation"],
            ),
            (
                json!({ "retention": { "deliveries": "5 minutes" } }),
                vec!["retention", "deliveries"],
            ),
            (
                json!({ "retention": { "deliveries": "soon" } }),
                vec!["retention", "deliveries"],
            ),
            (
                json!({ "bot": { "endpoints": { "token": "http://u:p@h/" } } }),
                vec!["bot", "endpoints", "token"],
            ),
        ] {
            let fault = only_fault(file);
            assert_eq!(fault.path, path.into_iter().map(Step::from).collect::<Vec<_>>());
            assert!(
                !format!("{fault:?}").contains("Xq8~"),
                "a pasted secret must not be repeated"
            );
        }
        let fault = only_fault(json!({ "bot": { "endpoints": { "trusted_hosts": ["ok.test", "ftp://x.test/"] } } }));
        assert_eq!(fault.path[2..], ["trusted_hosts".into(), 1.into()]);
        let fault = only_fault(json!({ "limits": { "listings_per_conversation": ["1 per second", "0 per hour"] } }));
        assert_eq!(fault.path[1..], ["listings_per_conversation".into(), 1.into()]);
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let mut file: SettingsFile =
            serde_json::from_value(json!({ "store": "a/", "bot": { "cloud": "gcc" } })).unwrap();
        let environment = BTreeMap::from([
            ("HERALD_STORE".to_owned(), "/var/lib/herald".to_owned()),
            ("HERALD_BOT_CLOUD".to_owned(), "DoD".to_owned()),
            ("HERALD_LISTEN".to_owned(), "  ".to_owned()),
        ]);
        override_with(&mut file, &environment).unwrap();
        let (settings, faults) = compile(&file);
        assert_eq!(faults, []);
        assert_eq!(settings.store, "/var/lib/herald");
        assert_eq!(settings.bot.cloud, Cloud::Dod);
        assert_eq!(settings.server.listen.port(), 3978);
        let wrong = BTreeMap::from([("HERALD_BOT_CLOUD".to_owned(), "mars".to_owned())]);
        assert!(override_with(&mut file, &wrong).unwrap_err()[0].contains("public, gcc, gcch, dod"));
    }
}
