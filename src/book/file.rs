//! The shape of `directory.yaml`: the only home of its serde and schemars attributes.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use crate::rotation::file::RotationFile;
use crate::rule::file::TargetFile;
use crate::text_or::TextOr;

/// Names that rules may use for people, channels, group chats and whole audiences.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Directory")]
pub struct BookFile {
    /// People: a name for rules, and how Teams knows the person (a mail address, or more).
    #[schemars(extend("examples" = [{ "anna": "anna.berg@contoso.example", "omar": { "email": "omar.haddad@contoso.example", "time_zone": "Asia/Dubai" } }]))]
    pub people: IndexMap<String, TextOr<PersonFile>>,
    /// Channels: a name for rules, and team and channel as Teams shows them, or the channel's link.
    #[schemars(extend("examples" = [{ "releases": { "team": "Platform", "channel": "Releases" } }]))]
    pub channels: IndexMap<String, TextOr<ChannelFile>>,
    /// Group chats: a name for rules, and the chat's name or link.
    #[schemars(extend("examples" = [{ "finance-room": { "link": "https://teams.microsoft.com/l/chat/19:abc@thread.v2/conversations" } }]))]
    pub groups: IndexMap<String, TextOr<GroupFile>>,
    /// Webhooks of channels: a name for rules, and the **name** of the secret that holds the address.
    #[schemars(extend("examples" = [{ "operations": "OPERATIONS_WEBHOOK_URL" }]))]
    pub webhooks: IndexMap<String, TextOr<WebhookFile>>,
    /// Audiences: a name for rules, and the targets behind it, as under `notify:`.
    #[schemars(
        with = "IndexMap<String, Vec<TargetFile>>",
        extend("examples" = [{ "berlin-office": [{ "members_of": "Berlin Office" }, { "person": "anna" }] }])
    )]
    pub audiences: IndexMap<String, Vec<Value>>,
    /// Rotations: a name for rules, and who takes turns behind it. `on-call` is whoever is on call, `on-call.next` whoever
    /// follows.
    #[schemars(extend("examples" = [{ "on-call": { "people": ["anna", "omar"], "hand_over": "Monday 09:00" } }]))]
    pub rotations: IndexMap<String, RotationFile>,
}

/// A person, with more than an address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Person")]
pub struct PersonFile {
    /// Mail address or sign-in name.
    #[schemars(extend("examples" = ["omar.haddad@contoso.example"]))]
    pub email: Option<String>,
    /// Entra object id, when there is no address to go by.
    #[schemars(extend("examples" = ["6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"]))]
    pub id: Option<String>,
    /// The name to show, where Teams tells none.
    #[schemars(extend("examples" = ["Omar Haddad"]))]
    pub name: Option<String>,
    /// The person's time zone (an IANA name), for dates in cards.
    #[schemars(extend("examples" = ["Asia/Dubai"]))]
    pub time_zone: Option<String>,
    /// The person's language, as a code: `de`, `ar`, `pt-BR`.
    #[schemars(extend("examples" = ["ar"]))]
    pub language: Option<String>,
    /// When the person is not told, in place of the quiet hours of `herald.yaml`; `none` for somebody who keeps none.
    #[schemars(extend("examples" = ["20:00-08:00", "Mon-Fri 19:00-07:00; Sat-Sun all day", "none"]))]
    pub quiet_hours: Option<String>,
    /// What else there is to know, by names of your own: rules choose by it with `where`.
    #[schemars(
        with = "IndexMap<String, FieldFile>",
        extend("examples" = [{ "office": "Berlin", "department": "Sales" }])
    )]
    pub fields: IndexMap<String, Value>,
}

/// What a field of a person may be.
#[derive(Debug, Clone)]
pub struct FieldFile;

impl JsonSchema for FieldFile {
    fn schema_name() -> Cow<'static, str> {
        "PersonField".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean", "array"], "items": { "type": ["string", "number"] } })
    }
}

/// A channel: team and channel by name, or a link, or an id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Channel", extend("x-decide" = { "team": ["channel"], "link": [], "id": [] }))]
pub struct ChannelFile {
    /// The team's name (or id).
    #[schemars(extend("examples" = ["Platform"]))]
    pub team: Option<String>,
    /// The channel's name. Without one it is General.
    #[schemars(extend("examples" = ["Releases"]))]
    pub channel: Option<String>,
    /// What "Get link to channel" in Teams gives, pasted.
    #[schemars(extend("examples" = ["https://teams.microsoft.com/l/channel/19%3Aabc%40thread.tacv2/Releases?groupId=8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01"]))]
    pub link: Option<String>,
    /// The channel's id.
    #[schemars(extend("examples" = ["19:abc@thread.tacv2"]))]
    pub id: Option<String>,
}

/// A group chat: by name, link or id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Group chat", extend("x-decide" = { "name": [], "link": [], "id": [] }))]
pub struct GroupFile {
    /// The chat's name.
    #[schemars(extend("examples" = ["Finance room"]))]
    pub name: Option<String>,
    /// What "Copy link" of the chat in Teams gives, pasted.
    #[schemars(extend("examples" = ["https://teams.microsoft.com/l/chat/19:abc@thread.v2/conversations"]))]
    pub link: Option<String>,
    /// The chat's id.
    #[schemars(extend("examples" = ["19:abc@thread.v2"]))]
    pub id: Option<String>,
}

/// A webhook of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Webhook")]
pub struct WebhookFile {
    /// The **name** of the secret that holds the address, never the address itself: an environment variable, or a file in
    /// the folder of secrets.
    #[schemars(extend("examples" = ["OPERATIONS_WEBHOOK_URL"]))]
    pub url: Option<String>,
    /// What stands behind it. Default: `workflow`.
    #[schemars(extend("examples" = ["workflow"]))]
    pub kind: Option<WebhookKindFile>,
}

/// What stands behind a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookKindFile {
    /// A flow of Workflows (Power Automate).
    Workflow,
    /// An incoming webhook of an Office 365 connector, which Microsoft is switching off.
    Incoming,
}
