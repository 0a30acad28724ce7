//! The shape of one entry of `hooks:` in `herald.yaml`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::one_or_many::OneOrMany;

/// An address that another program posts to, and how it proves who it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Hook")]
pub struct HookFile {
    /// The address: `github` is `POST /hooks/github`. Default: the hook's name.
    #[serde(default)]
    #[schemars(extend("examples" = ["github"]))]
    pub path: Option<String>,
    /// How the sender proves that it knows the secret.
    #[schemars(extend("examples" = ["github"]))]
    pub signature: SignatureFile,
    /// The **name** of the secret, never the secret itself. Two names while the secret is being changed.
    #[serde(default)]
    #[schemars(extend("examples" = ["GITHUB_WEBHOOK_SECRET"]))]
    pub secret: Option<OneOrMany<String>>,
    /// The header that carries the signature (`hmac`), the key (`api-key`), or what the proxy says about the certificate
    /// (`client-certificate`).
    #[serde(default)]
    #[schemars(extend("examples" = ["X-Signature"]))]
    pub header: Option<String>,
    /// The hash of an `hmac` signature. Default: `sha256`.
    #[serde(default)]
    #[schemars(extend("examples" = ["sha256"]))]
    pub algorithm: Option<AlgorithmFile>,
    /// How an `hmac` signature is written. Default: `hex`.
    #[serde(default)]
    #[schemars(extend("examples" = ["hex"]))]
    pub encoding: Option<EncodingFile>,
    /// What stands before an `hmac` signature in its header.
    #[serde(default)]
    #[schemars(extend("examples" = ["sha256="]))]
    pub prefix: Option<String>,
    /// The user name of `basic`.
    #[serde(default)]
    #[schemars(extend("examples" = ["grafana"]))]
    pub user: Option<String>,
    /// Whose tokens `entra` believes: the tenant's id, a GUID.
    #[serde(default)]
    #[schemars(extend("examples" = ["8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01"]))]
    pub tenant: Option<String>,
    /// For `entra`, in place of `tenant`: the exact issuer (`iss`) of the tokens of another sign-in service.
    #[serde(default)]
    #[schemars(extend("examples" = ["https://login.contoso.example/realms/machines"]))]
    pub issuer: Option<String>,
    /// For `entra`: where the issuer announces its keys, an OpenID configuration. Default: the tenant's, or below the issuer.
    #[serde(default)]
    #[schemars(extend("examples" = ["https://login.contoso.example/.well-known/openid-configuration"]))]
    pub openid: Option<String>,
    /// For `entra`: whom a token must be for (`aud`), or several of which one will do.
    #[serde(default)]
    #[schemars(extend("examples" = ["api://herald.contoso.example"]))]
    pub audience: Option<OneOrMany<String>>,
    /// For `entra`: the app roles of which the caller must have one.
    #[serde(default)]
    #[schemars(extend("examples" = ["Events.Send"]))]
    pub roles: Option<OneOrMany<String>>,
    /// For `entra`: the client ids of the apps that may post.
    #[serde(default)]
    #[schemars(extend("examples" = ["0f1f62ac-7f0d-45a0-9d2e-3b60f1a2c3d4"]))]
    pub apps: Option<OneOrMany<String>>,
    /// For `client-certificate`: the addresses, or networks, of the proxies that verify certificates. Posts from elsewhere
    /// are refused.
    #[serde(default)]
    #[schemars(extend("examples" = ["10.0.0.5", ["10.0.0.0/24", "127.0.0.1"]]))]
    pub proxies: Option<OneOrMany<String>>,
    /// For `client-certificate`: the header in which the proxy says `SUCCESS`. Default: `X-SSL-Client-Verify`, where `header`
    /// is not `X-Forwarded-Client-Cert`.
    #[serde(default)]
    #[schemars(extend("examples" = ["X-SSL-Client-Verify"]))]
    pub verified_header: Option<String>,
    /// For `client-certificate`: whose certificates may post: subjects, fingerprints or names, as the proxy writes them.
    #[serde(default)]
    #[schemars(extend("examples" = ["CN=erp.contoso.example,O=Contoso"]))]
    pub clients: Option<OneOrMany<String>>,
    /// With `signature: none`: yes, anybody who can reach the server may post here.
    #[serde(default)]
    #[schemars(extend("examples" = [true]))]
    pub anyone_can_post: Option<bool>,
    /// What makes a second post a repeat of the first. The presets of `github`, `gitlab`, `stripe` and
    /// `standard-webhooks` know theirs.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "header": "X-Request-Id" }]))]
    pub repeat_id: Option<RepeatIdFile>,
    /// The formats a body may have. Default: `json`, `form` and `text`, by its content type.
    #[serde(default)]
    #[schemars(extend("examples" = [["json"]]))]
    pub formats: Vec<FormatFile>,
    /// How many posts it takes in how long; whoever posts more often is asked to wait. Default: as many as come.
    #[serde(default)]
    #[schemars(extend("examples" = ["100 per minute"]))]
    pub limit: Option<String>,
}

/// How a sender proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureFile {
    /// GitHub: `X-Hub-Signature-256`.
    Github,
    /// GitLab: the secret in `X-Gitlab-Token`.
    Gitlab,
    /// Slack: `X-Slack-Signature` with its timestamp.
    Slack,
    /// Stripe: `Stripe-Signature` with its timestamp.
    Stripe,
    /// The Standard Webhooks convention: `webhook-signature` with id and timestamp.
    StandardWebhooks,
    /// The secret as `Authorization: Bearer ...`.
    Bearer,
    /// The secret in a header of your choice: write `header:` too.
    ApiKey,
    /// User name and password (the secret): write `user:` too.
    Basic,
    /// A hash over the body in a header of your choice: write `header:` too.
    Hmac,
    /// A token that Entra has signed: write `tenant:`, `audience:` and `roles:` or `apps:` too.
    Entra,
    /// A certificate shown to the proxy in front of Herald: write `proxies:` and `clients:` too.
    ClientCertificate,
    /// The secret is the last part of the address, `/hooks/NAME/SECRET`: for senders that can do nothing else.
    Url,
    /// No proof at all; only together with `anyone_can_post: true`.
    None,
}

/// The hash of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlgorithmFile {
    /// HMAC with SHA-256.
    Sha256,
    /// HMAC with SHA-512.
    Sha512,
    /// HMAC with SHA-1: for senders that know nothing newer.
    Sha1,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EncodingFile {
    /// Hexadecimal digits.
    Hex,
    /// Base64.
    Base64,
}

/// What makes a second post a repeat of the first: one of the two.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Repeat id", extend("x-one-of" = ["header", "field"]))]
pub struct RepeatIdFile {
    /// The header that holds the sender's own id for the occurrence.
    #[schemars(extend("examples" = ["X-Request-Id"]))]
    pub header: Option<String>,
    /// The field of the body that holds it.
    #[schemars(extend("examples" = ["event.id"]))]
    pub field: Option<String>,
}

/// A format of a posted body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormatFile {
    /// JSON.
    Json,
    /// A web form.
    Form,
    /// Plain text.
    Text,
    /// What Office 365 connectors and workflows take: a MessageCard, or a message with a card.
    TeamsMessage,
    /// CloudEvents 1.0: structured, binary or as a batch.
    #[serde(rename = "cloudevents")]
    CloudEvents,
    /// The own schema of Azure Event Grid.
    EventGrid,
}
