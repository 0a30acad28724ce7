//! The shape of one entry of `queues:` in `herald.yaml`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::one_or_many::OneOrMany;

/// A topic of a broker that rules wait for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Queue")]
pub struct QueueFile {
    /// What kind of broker it is.
    #[schemars(extend("examples" = ["event_hubs"]))]
    pub kind: QueueKindFile,
    /// Where it is: host and port. Of Event Hubs the namespace; the port is 9093 there, 9092 elsewhere.
    #[schemars(extend("examples" = ["contoso.servicebus.windows.net", ["kafka-1.contoso.example:9092"]]))]
    pub brokers: OneOrMany<String>,
    /// The topic; of Event Hubs the name of the event hub.
    #[schemars(extend("examples" = ["orders"]))]
    pub topic: String,
    /// The user name, where the broker asks for one (SASL PLAIN). Event Hubs does not.
    #[serde(default)]
    #[schemars(extend("examples" = ["herald"]))]
    pub user: Option<String>,
    /// The **name** of the password, never the password itself. Of Event Hubs: of the connection string.
    #[serde(default)]
    #[schemars(extend("examples" = ["ORDERS_CONNECTION_STRING"]))]
    pub secret: Option<String>,
    /// Whether the connection is encrypted. Default: `true`.
    #[serde(default)]
    #[schemars(extend("examples" = [false]))]
    pub tls: Option<bool>,
    /// Where the first start begins; later ones go on where the one before ended. Default: `newest`.
    #[serde(default)]
    #[schemars(extend("examples" = ["oldest"]))]
    pub start: Option<StartFile>,
}

/// A kind of broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueKindFile {
    /// Azure Event Hubs, through its Kafka endpoint.
    EventHubs,
    /// Apache Kafka, and what speaks like it.
    Kafka,
}

/// Where the first start begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartFile {
    /// With what comes from now on.
    Newest,
    /// With the oldest message that the broker still has.
    Oldest,
}
