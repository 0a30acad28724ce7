//! What rules wait for beside hooks: topics of brokers and containers of databases, which `queues:` of `herald.yaml`
//! declares, and what a message or a changed document means.

pub mod container;
pub mod feed;
pub mod file;
pub mod topic;

use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use serde_json::Value;

use self::container::Container;
use self::file::{QueueFile, QueueKindFile, StartFile};
use self::topic::Topic;
use crate::diagnostic::Fault;
use crate::event::{Event, EventId, Origin};
use crate::secret_name::SecretName;

/// A declared queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name in `herald.yaml`, which rules use.
    pub name: String,
    /// What is read.
    pub source: Source,
    /// Where the first start begins.
    pub start: Start,
}

/// What a queue reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The messages of a topic, in Kafka's protocol.
    Topic(Topic),
    /// The documents that are made and changed in a container of Cosmos DB.
    Container(Container),
}

/// Where the first start begins; later ones go on where the one before ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With what comes from now on.
    Newest,
    /// With the oldest that is still there.
    Oldest,
}

impl Queue {
    /// What the password or key is called that reading takes, if it takes one.
    pub fn secret(&self) -> Option<&SecretName> {
        match &self.source {
            Source::Topic(topic) => topic.login.as_ref().map(|login| &login.secret),
            Source::Container(container) => container.key.as_ref(),
        }
    }

    /// Herald reads it as the bot.
    pub fn asks_as_bot(&self) -> bool {
        matches!(&self.source, Source::Container(container) if container.key.is_none())
    }
}

/// Gives all declared queues their meaning. One with an error is left out, the others stay; paths in the faults start
/// inside the mapping of queues. `in_tenant` tells whether the bot's tenant is known.
pub fn compile(declared: &IndexMap<String, QueueFile>, in_tenant: bool) -> (IndexMap<String, Queue>, Vec<Fault>) {
    let (mut queues, mut faults) = (IndexMap::new(), Vec::new());
    for (name, file) in declared {
        match queue(name, file) {
            Ok(queue) => {
                if queue.asks_as_bot() && !in_tenant {
                    faults.push(nobody_asks(name).under(name.as_str()));
                }
                queues.insert(name.clone(), queue);
            }
            Err(found) => faults.extend(found.into_iter().map(|fault| fault.under(name.as_str()))),
        }
    }
    (queues, faults)
}

fn queue(name: &str, file: &QueueFile) -> Result<Queue, Vec<Fault>> {
    let mut faults = strangers(file);
    let secret = file
        .secret
        .as_deref()
        .and_then(|written| match SecretName::new(written) {
            Ok(secret) => Some(secret),
            Err(sentence) => {
                let fault = Fault::error("queue::secret", sentence)
                    .help("put the value into the environment, or into a file in `HERALD_SECRETS_DIR`, under a name");
                faults.push(fault.under("secret"));
                None
            }
        });
    let source = match file.kind {
        QueueKindFile::EventHubs | QueueKindFile::Kafka => {
            topic::compile(name, file, secret, &mut faults).map(Source::Topic)
        }
        QueueKindFile::CosmosDb => container::compile(file, secret, &mut faults).map(Source::Container),
    };
    match source {
        Some(source) if faults.is_empty() => Ok(Queue {
            name: name.to_owned(),
            source,
            start: match file.start {
                Some(StartFile::Oldest) => Start::Oldest,
                Some(StartFile::Newest) | None => Start::Newest,
            },
        }),
        _ => Err(faults),
    }
}

/// It may be in the environment of the machine that serves.
fn nobody_asks(name: &str) -> Fault {
    let fault = Fault::warning(
        "queue::secret",
        "without a key Herald asks as the bot, and `bot` does not say in which tenant",
    );
    let help = format!(
        "add `tenant` to `bot`, or `secret: {}` here (a name; the value stays outside)",
        suggested(name)
    );
    fault.help(help).under("kind")
}

/// What the secret of this queue may be called.
fn suggested(name: &str) -> String {
    format!("{}_SECRET", name.to_uppercase().replace('-', "_"))
}

/// The event of what came on a queue.
fn event(queue: &str, id: EventId, data: Value, request: Value, now: DateTime<Utc>) -> Event {
    Event {
        id,
        origin: Origin::Queue {
            queue: queue.to_owned(),
        },
        occurred_at: now,
        data,
        request,
        here: None,
        thread: None,
        item: None,
        sender: None,
    }
}

/// What is written that queues of this kind do not have.
fn strangers(file: &QueueFile) -> Vec<Fault> {
    let of_brokers = [
        ("brokers", file.brokers.is_some()),
        ("topic", file.topic.is_some()),
        ("user", file.user.is_some()),
        ("tls", file.tls.is_some()),
    ];
    let of_containers = [
        ("account", file.account.is_some()),
        ("database", file.database.is_some()),
        ("container", file.container.is_some()),
        ("every", file.every.is_some()),
    ];
    let (strange, has) = match file.kind {
        QueueKindFile::CosmosDb => (of_brokers, "it has `account`, `database`, `container`"),
        QueueKindFile::EventHubs | QueueKindFile::Kafka => (of_containers, "it has `brokers` and `topic`"),
    };
    let kind = file.kind.word();
    strange
        .into_iter()
        .filter(|(_, written)| *written)
        .map(|(key, _)| {
            Fault::error("queue::kind", format!("a queue of the kind `{kind}` has no `{key}`"))
                .help(format!("leave it out: {has}"))
                .on_key()
                .under(key)
        })
        .collect()
}

/// A key without which a queue of this kind cannot be.
fn missing(file: &QueueFile, key: &str, example: &str) -> Fault {
    let kind = file.kind.word();
    Fault::error("queue::kind", format!("a queue of the kind `{kind}` needs `{key}`"))
        .help(format!("add `{key}: {example}`"))
        .under("kind")
}
