//! The shape of `herald.yaml`: the only home of its serde and schemars attributes.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::hook::file::HookFile;
use crate::queue::file::QueueFile;
use crate::quiet::file::QuietFile;
use crate::text_or::TextOr;
use crate::topic::TopicFile;

/// Settings of this workspace. Everything has a default; an empty file is fine.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Settings")]
pub struct SettingsFile {
    /// Who Herald is in Teams: the bot registration it uses.
    #[schemars(extend("examples" = [{ "app_id": "5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10", "tenant": "8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01" }]))]
    pub bot: BotFile,
    /// What Herald may ask of Microsoft Graph, beside the bot. Nothing, unless it stands here.
    #[schemars(extend("examples" = [{ "look_up": true }, { "look_up": true, "install": true, "app": "0d7f3f7e-6c0b-4a7e-8f57-2f1c1f6f9b11" }]))]
    pub graph: GraphFile,
    /// The HTTP server: where it listens, how the world reaches it.
    #[schemars(extend("examples" = [{ "listen": "127.0.0.1:3978" }]))]
    pub server: ServerFile,
    /// The folder of the embedded store, as seen from this file.
    #[schemars(extend("examples" = ["data/"]))]
    pub store: Option<String>,
    /// The time zone of schedules and dates that name none (an IANA name). Default: `UTC`.
    #[schemars(extend("examples" = ["Europe/Berlin"]))]
    pub time_zone: Option<String>,
    /// When nobody is told, unless a rule or a person says otherwise, as a line or in full. In each recipient's time zone.
    #[schemars(
        with = "Option<TextOr<QuietFile>>",
        extend("examples" = ["22:00-07:00", { "from": "22:00", "to": "07:00", "all_day": "weekend" }])
    )]
    pub quiet_hours: Option<Value>,
    /// The language of channels, and of people of whom none is known: `de`, `pt-BR`. Default: English.
    #[schemars(extend("examples" = ["de"]))]
    pub language: Option<String>,
    /// What people can stop and start by a name of its own. The name before the colon is what rules write behind `topic:`,
    /// and people to the bot: `stop deployments`.
    #[schemars(extend("examples" = [{ "deployments": { "title": "Deployments", "description": "Deploys of all services" } }]))]
    pub topics: IndexMap<String, TopicFile>,
    /// Whether under each person's card stands why they got it, and how they stop it. Default: where a rule that names
    /// people has a description or a topic. A rule can say otherwise.
    #[schemars(extend("examples" = [false]))]
    pub footer: Option<bool>,
    /// Addresses that other programs post to. The name before the colon is what rules write behind `hook:`.
    #[schemars(extend("examples" = [{ "github": { "path": "github", "signature": "github", "secret": "GITHUB_WEBHOOK_SECRET" } }]))]
    pub hooks: IndexMap<String, HookFile>,
    /// Topics of brokers that rules wait for. The name before the colon is what rules write behind `queue:`.
    #[schemars(extend("examples" = [{ "orders": { "kind": "event_hubs", "brokers": "contoso.servicebus.windows.net", "topic": "orders", "secret": "ORDERS_CONNECTION_STRING" } }]))]
    pub queues: IndexMap<String, QueueFile>,
    /// Bounds that protect Herald and Teams.
    #[schemars(extend("examples" = [{ "messages_per_second": 25 }]))]
    pub limits: LimitsFile,
    /// How messages leave.
    #[schemars(extend("examples" = [{ "private_webhook_hosts": ["flows.contoso.internal"] }]))]
    pub send: SendFile,
    /// Which other programs the steps of rules may call.
    #[schemars(extend("examples" = [{ "hosts": ["tickets.contoso.example"] }]))]
    pub calls: CallsFile,
    /// How long what is over and done with is kept.
    #[schemars(extend("examples" = [{ "deliveries": "30 days" }]))]
    pub retention: RetentionFile,
    /// Traces for OpenTelemetry: one from each event to Teams' answers. Off unless a collector is named.
    #[schemars(extend("examples" = [{ "endpoint": "http://127.0.0.1:4318" }]))]
    pub traces: TracesFile,
}

/// The bot registration.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Bot")]
pub struct BotFile {
    /// The Microsoft app id of the bot. Without it Herald talks only to the sandbox or an emulator.
    #[schemars(extend("examples" = ["5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10"]))]
    pub app_id: Option<String>,
    /// The tenant the bot is registered in. Leave it out for a multi-tenant bot.
    #[schemars(extend("examples" = ["8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01"]))]
    pub tenant: Option<String>,
    /// The **name** of the bot's client secret, never the secret itself: an environment variable, or a file in the
    /// folder of secrets. Default: `HERALD_BOT_SECRET`.
    #[schemars(extend("examples" = ["HERALD_BOT_SECRET"]))]
    pub secret: Option<String>,
    /// A certificate that the app registration knows, in place of a client secret.
    #[schemars(extend("examples" = [{ "certificate": "HERALD_BOT_CERTIFICATE", "key": "HERALD_BOT_KEY" }]))]
    pub certificate: Option<CertificateFile>,
    /// The machine or container that Herald runs on proves who the bot is: `bot.app_id` is the client id of a
    /// user-assigned managed identity. No secret is needed.
    #[schemars(extend("examples" = [true]))]
    pub managed_identity: Option<bool>,
    /// A token of Kubernetes or of a managed identity that the app registration trusts, in place of a client secret. `{}`
    /// takes the file that `AZURE_FEDERATED_TOKEN_FILE` names.
    #[schemars(extend("examples" = [{ "token_file": "/var/run/secrets/azure/tokens/azure-identity-token" }]))]
    pub workload_identity: Option<WorkloadIdentityFile>,
    /// Which Microsoft cloud the tenant lives in. Default: `public`.
    #[schemars(extend("examples" = ["public"]))]
    pub cloud: Option<CloudFile>,
    /// Addresses for emulators, proxies and tests. Each has its default from the cloud: leave this out for real Teams.
    #[schemars(extend("examples" = [{ "service_url": "http://127.0.0.1:9300/", "trusted_hosts": ["127.0.0.1"] }]))]
    pub endpoints: EndpointsFile,
}

/// A certificate with its key. Both are PEM texts in the environment or in the folder of secrets.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Certificate")]
pub struct CertificateFile {
    /// The **name** under which the certificate is found; those above it may follow in the same text.
    #[schemars(extend("examples" = ["HERALD_BOT_CERTIFICATE"]))]
    pub certificate: String,
    /// The **name** under which its private key is found, never the key itself. Default: the certificate's, for one text
    /// that holds both.
    #[serde(default)]
    #[schemars(extend("examples" = ["HERALD_BOT_KEY"]))]
    pub key: Option<String>,
    /// Show the certificate and those above it with each request (`x5c`): for registrations that trust a subject name and
    /// an issuer. Default: only its hash is sent.
    #[serde(default)]
    #[schemars(extend("examples" = [true]))]
    pub send_chain: Option<bool>,
}

/// Whose token is shown in place of a secret: at most one of the two.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Workload identity")]
pub struct WorkloadIdentityFile {
    /// The file with the token, which the platform renews. Default: the one that `AZURE_FEDERATED_TOKEN_FILE` names.
    #[schemars(extend("examples" = ["/var/run/secrets/azure/tokens/azure-identity-token"]))]
    pub token_file: Option<String>,
    /// The client id of a user-assigned managed identity that the app registration trusts.
    #[schemars(extend("examples" = ["0f1f62ac-7f0d-45a0-9d2e-3b60f1a2c3d4"]))]
    pub managed_identity: Option<String>,
}

/// A Microsoft cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CloudFile {
    /// The one nearly everybody uses.
    Public,
    /// US Government Community Cloud.
    Gcc,
    /// US GCC High.
    Gcch,
    /// US Department of Defense.
    Dod,
}

/// Addresses that differ from the cloud's.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Endpoints")]
pub struct EndpointsFile {
    /// Where the bot asks for its token: the full address.
    #[schemars(extend("examples" = ["http://127.0.0.1:9300/botframework.com/oauth2/v2.0/token"]))]
    pub token: Option<String>,
    /// Where the keys are announced that sign what Teams sends: an OpenID configuration.
    #[schemars(extend("examples" = ["http://127.0.0.1:9300/v1/.well-known/openidconfiguration"]))]
    pub openid: Option<String>,
    /// What the bot's token is for.
    #[schemars(extend("examples" = ["https://api.botframework.com/.default"]))]
    pub scope: Option<String>,
    /// Whose name stands in the tokens that Teams sends (`iss`).
    #[schemars(extend("examples" = ["https://api.botframework.com"]))]
    pub issuer: Option<String>,
    /// Further signers to believe besides Teams, for emulators that sign in their own name.
    #[schemars(extend("examples" = [[{ "issuer": "https://emulator.example", "openid": "https://emulator.example/.well-known/openidconfiguration" }]]))]
    pub issuers: Vec<IssuerFile>,
    /// Microsoft Graph.
    #[schemars(extend("examples" = ["http://127.0.0.1:9300/graph"]))]
    pub graph: Option<String>,
    /// What a token for Microsoft Graph is for.
    #[schemars(extend("examples" = ["https://graph.microsoft.com/.default"]))]
    pub graph_scope: Option<String>,
    /// The identity service of App Service and Container Apps. Default: what the platform says in `IDENTITY_ENDPOINT`.
    #[schemars(extend("examples" = ["http://127.0.0.1:9300/msi/token"]))]
    pub identity: Option<String>,
    /// The identity service of a virtual machine. Default: `http://169.254.169.254/metadata/identity/oauth2/token`.
    #[schemars(extend("examples" = ["http://127.0.0.1:9300/metadata/identity/oauth2/token"]))]
    pub imds: Option<String>,
    /// Where to send to a conversation whose own address is not known.
    #[schemars(extend("examples" = ["http://127.0.0.1:9300/"]))]
    pub service_url: Option<String>,
    /// Where to send to tenants of the US government's community cloud (GCC), when the bot is one of the public cloud.
    #[schemars(extend("examples" = ["http://127.0.0.1:9300/gcc/"]))]
    pub gcc_service_url: Option<String>,
    /// Further hosts that may be sent the bot's token, besides those of the cloud. Plain http is allowed for
    /// this machine, elsewhere only for an entry that says so: `http://teams.test:9300`.
    #[schemars(extend("examples" = [["127.0.0.1"], ["teams.test:8443"]]))]
    pub trusted_hosts: Vec<String>,
}

/// A further signer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Issuer")]
pub struct IssuerFile {
    /// The `iss` of its tokens.
    #[schemars(extend("examples" = ["https://emulator.example"]))]
    pub issuer: String,
    /// Where its keys are announced: an OpenID configuration.
    #[schemars(extend("examples" = ["https://emulator.example/.well-known/openidconfiguration"]))]
    pub openid: String,
}

/// What Herald may ask of Microsoft Graph.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Graph")]
pub struct GraphFile {
    /// Look people up by mail address or sign-in name whom Teams never told of, and the members of groups in Entra ID.
    /// An administrator grants `User.ReadBasic.All` and, for groups, `GroupMember.Read.All`. Default: `false`.
    #[schemars(extend("examples" = [true]))]
    pub look_up: Option<bool>,
    /// Know department, office, job title and more of people, for `where`, and the language they prefer. An administrator
    /// grants `User.Read.All`. Default: `false`.
    #[schemars(extend("examples" = [true]))]
    pub profiles: Option<bool>,
    /// Take zone and language out of the mailboxes of people whose Teams does not tell them. An administrator grants
    /// `MailboxSettings.Read`. Default: `false`.
    #[schemars(extend("examples" = [true]))]
    pub time_zones: Option<bool>,
    /// Install the app for people who never met the bot when a rule names them. An administrator grants
    /// `TeamsAppInstallation.ReadWriteSelfForUser.All` and `AppCatalog.Read.All`. Default: `false`.
    #[schemars(extend("examples" = [true]))]
    pub install: Option<bool>,
    /// The app to install: the `id` in its `manifest.json`.
    #[schemars(extend("examples" = ["0d7f3f7e-6c0b-4a7e-8f57-2f1c1f6f9b11"]))]
    pub app: Option<String>,
}

/// The HTTP server.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Server")]
pub struct ServerFile {
    /// Address and port to listen on. Default: `127.0.0.1:3978`, reachable from this machine alone.
    #[schemars(extend("examples" = ["0.0.0.0:3978"]))]
    pub listen: Option<String>,
    /// How the world reaches this server; printed in hints and links.
    #[schemars(extend("examples" = ["https://herald.contoso.example"]))]
    pub public_url: Option<String>,
    /// The **name** of the token that admin routes ask for. Without one they answer this machine alone.
    #[schemars(extend("examples" = ["HERALD_ADMIN_TOKEN"]))]
    pub admin_token: Option<String>,
}

/// Bounds.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Limits")]
pub struct LimitsFile {
    /// The largest body a hook takes, in bytes. Default: 1048576 (1 MiB).
    #[schemars(extend("examples" = [262144]), range(min = 1024, max = 16777216))]
    pub body_bytes: Option<u64>,
    /// How many posts to hooks are worked on at once; those that find no place in a moment are asked to come back.
    /// Default: 256.
    #[schemars(extend("examples" = [256]), range(min = 1, max = 65536))]
    pub requests_at_once: Option<u64>,
    /// How many connections may be open at once; beyond them, one that has sent no whole request makes room for the
    /// next. Default: 1024, or fewer where the system allows few open files.
    #[schemars(extend("examples" = [4096]), range(min = 16, max = 60000))]
    pub connections: Option<u64>,
    /// How many messages a second Herald sends to all of Teams. Default: 50, which is what Teams allows a bot.
    #[schemars(extend("examples" = [25]), range(min = 1, max = 100000))]
    pub messages_per_second: Option<u32>,
    /// How many messages one conversation takes in how long; every line holds. Default: what Teams documents, which is
    /// `[7 per second, 8 per 2 seconds, 60 per 30 seconds, 1800 per hour]`.
    #[schemars(extend("examples" = [["7 per second", "8 per 2 seconds", "60 per 30 seconds", "1800 per hour"]]))]
    pub messages_per_conversation: Option<Vec<String>>,
    /// How often the members or channels of one team or chat are listed; every line holds. Default: what Teams documents,
    /// which is `[14 per second, 16 per 2 seconds, 120 per 30 seconds, 3600 per hour]`.
    #[schemars(extend("examples" = [["14 per second", "16 per 2 seconds", "120 per 30 seconds", "3600 per hour"]]))]
    pub listings_per_conversation: Option<Vec<String>>,
    /// How many messages may wait to be sent; above it, hooks are asked to come back. Default: 1000000.
    #[schemars(extend("examples" = [100000]), range(min = 100, max = 100000000))]
    pub open_deliveries: Option<u64>,
    /// How many cards of one rule one recipient gets in how long, unless the rule says otherwise; what follows is gathered
    /// into one card that says so. `never` sends everything. Default: `20 per 5 minutes`.
    #[schemars(with = "Option<String>", extend("examples" = ["20 per 5 minutes", "never"]))]
    pub storm: Option<Value>,
}

/// How messages leave.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Sending")]
pub struct SendFile {
    /// Hosts of webhooks (names or addresses) that may be in a private network or on this machine, and may be called
    /// without TLS. Other webhooks are only called on the internet, by `https://`.
    #[schemars(extend("examples" = [["flows.contoso.internal"], ["127.0.0.1"]]))]
    pub private_webhook_hosts: Vec<String>,
    /// Send one card to many people with one request to Teams. Known from Microsoft's SDKs alone, which do not document
    /// it; what is sent so can be neither taken back nor corrected. Off unless it stands here; `{}` takes the defaults.
    #[schemars(extend("examples" = [{ "above": 500, "size": 1000 }]))]
    pub batch: Option<BatchFile>,
}

/// One request for many people.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Batches")]
pub struct BatchFile {
    /// Only where one event has a rule send the same card to more people than this. Default: 500.
    #[schemars(extend("examples" = [500]), range(min = 1, max = 10000))]
    pub above: Option<u64>,
    /// How many people one request names at most. Default: 1000, which no page of Microsoft's says.
    #[schemars(extend("examples" = [1000]), range(min = 1, max = 1000))]
    pub size: Option<u64>,
}

/// Which other programs the steps of rules may call: none that is not listed here.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Calls")]
pub struct CallsFile {
    /// Hosts on the internet, by name; `*.contoso.example` is every host below that domain.
    #[schemars(extend("examples" = [["tickets.contoso.example"], ["*.contoso.example"]]))]
    pub hosts: Vec<String>,
    /// Hosts that may be in a private network or on this machine, and may be called without TLS.
    #[schemars(extend("examples" = [["jira.contoso.internal"], ["127.0.0.1"]]))]
    pub private_hosts: Vec<String>,
}

/// How long what is over and done with is kept.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Retention")]
pub struct RetentionFile {
    /// Messages that were sent, given up or cancelled, with the events that caused them. A sender that repeats an
    /// event after this time is taken for new. Default: `30 days`.
    #[schemars(extend("examples" = ["30 days"]))]
    pub deliveries: Option<String>,
}

/// Traces for OpenTelemetry.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Traces")]
pub struct TracesFile {
    /// The collector, as it takes OTLP over HTTP (usually port 4318); `/v1/traces` is added. Nothing is traced without it.
    #[schemars(extend("examples" = ["http://127.0.0.1:4318"]))]
    pub endpoint: Option<String>,
    /// What the collector calls this Herald. Default: `herald`.
    #[schemars(extend("examples" = ["herald-production"]))]
    pub service_name: Option<String>,
}
