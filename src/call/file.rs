//! The shape of a `call:`: the only home of its serde and schemars attributes.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Asks another program something over HTTP. Its host must be listed under `calls:` in `herald.yaml`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Call", extend("required" = ["url"]))]
pub struct CallFile {
    /// Where. The host is written out; behind it there may be holes.
    #[schemars(extend("examples" = ["https://tickets.contoso.example/api/issues", "https://tickets.contoso.example/api/issues/{{steps.ticket.body.id}}"]))]
    pub url: String,
    /// How. Default: `POST` with a body, else `GET`.
    #[schemars(extend("examples" = ["POST"]))]
    pub method: Option<MethodFile>,
    /// What is sent: fields become JSON, a text is sent as it is. May have holes.
    #[schemars(with = "Option<AnyFile>", extend("examples" = [{ "title": "{{event.commonLabels.alertname}}", "severity": "high" }]))]
    pub body: Option<Value>,
    /// Further headers. May have holes.
    #[schemars(with = "Option<IndexMap<String, String>>", extend("examples" = [{ "X-Team": "platform" }]))]
    pub headers: Option<Value>,
    /// The **name** of the secret that proves who asks, never the secret itself. Sent as `Authorization: Bearer ...`.
    #[schemars(extend("examples" = ["TICKETS_TOKEN"]))]
    pub secret: Option<String>,
    /// With `secret`: it is the password of this user (`Authorization: Basic ...`).
    #[schemars(extend("examples" = ["herald"]))]
    pub user: Option<String>,
    /// With `secret`: it is sent in this header, as it is.
    #[schemars(extend("examples" = ["X-Api-Key"]))]
    pub secret_header: Option<String>,
    /// How long an answer may take, up to a minute. Default: `10 s`.
    #[schemars(extend("examples" = ["10 s"]))]
    pub timeout: Option<String>,
    /// What later steps call the answer: with `ticket` they see `steps.ticket.status` and `steps.ticket.body`. Default: the
    /// name of the step.
    #[schemars(extend("examples" = ["ticket"]))]
    pub save_as: Option<String>,
}

/// How something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MethodFile {
    /// To hear something.
    Get,
    /// To make something.
    Post,
    /// To put something in its place.
    Put,
    /// To change something.
    Patch,
    /// To take something away.
    Delete,
}

/// Anything that JSON can say.
#[derive(Debug, Clone)]
pub struct AnyFile;

impl JsonSchema for AnyFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Body".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["object", "array", "string"] })
    }
}
