//! The shape of one entry of `queues:` in `herald.yaml`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::one_or_many::OneOrMany;

/// A topic of a broker, or a container of a database, that rules wait for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Queue")]
pub struct QueueFile {
    /// What it is: `event_hubs` and `kafka` are topics of brokers, `cosmos_db` is a container of documents.
    #[schemars(extend("examples" = ["event_hubs"]))]
    pub kind: QueueKindFile,
    /// Where it is: host and port. Of Event Hubs the namespace; the port is 9093 there, 9092 elsewhere.
    #[schemars(extend("examples" = ["contoso.servicebus.windows.net", ["kafka-1.contoso.example:9092"]]))]
    #[serde(default)]
    pub brokers: Option<OneOrMany<String>>,
    /// The topic; of Event Hubs the name of the event hub.
    #[serde(default)]
    #[schemars(extend("examples" = ["orders"]))]
    pub topic: Option<String>,
    /// Of Cosmos DB: the account, by its name or by its address.
    #[serde(default)]
    #[schemars(extend("examples" = ["contoso", "https://contoso.documents.azure.us"]))]
    pub account: Option<String>,
    /// Of Cosmos DB: the database.
    #[serde(default)]
    #[schemars(extend("examples" = ["shop"]))]
    pub database: Option<String>,
    /// Of Cosmos DB: the container. Each document that is made or changed in it is an event.
    #[serde(default)]
    #[schemars(extend("examples" = ["orders"]))]
    pub container: Option<String>,
    /// Of Cosmos DB: how long to wait until the next look when nothing has changed. From 1 second to 1 hour. Default: 5 seconds.
    #[serde(default)]
    #[schemars(extend("examples" = ["30 seconds"]))]
    pub every: Option<String>,
    /// The user name, where the broker asks for one (SASL PLAIN). Event Hubs does not.
    #[serde(default)]
    #[schemars(extend("examples" = ["herald"]))]
    pub user: Option<String>,
    /// The **name** of the password, never the password itself. Of Event Hubs: of the connection string. Of Cosmos DB: of
    /// one of the account's keys, best a read-only one; without it Herald asks as the bot, through Entra.
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

/// What a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueKindFile {
    /// Azure Event Hubs, through its Kafka endpoint.
    EventHubs,
    /// Apache Kafka, and what speaks like it.
    Kafka,
    /// Azure Cosmos DB for NoSQL, through its change feed.
    CosmosDb,
}

impl QueueKindFile {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            QueueKindFile::EventHubs => "event_hubs",
            QueueKindFile::Kafka => "kafka",
            QueueKindFile::CosmosDb => "cosmos_db",
        }
    }
}

/// Where the first start begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartFile {
    /// With what comes from now on.
    Newest,
    /// With the oldest message that the broker still has; of Cosmos DB with all documents that there are.
    Oldest,
}
