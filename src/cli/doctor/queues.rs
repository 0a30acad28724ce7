//! The brokers and accounts behind `queues:`: do they answer, let us in, and know the topic or container?

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use secrecy::ExposeSecret;

use super::finding::Finding;
use super::network;
use super::secrets::is_there;
use crate::clock::Clock;
use crate::cosmos::{self, Entry, Way};
use crate::kafka::Trouble;
use crate::listen::queues::container::entry;
use crate::listen::queues::topic::partitions;
use crate::queue::container::Container;
use crate::queue::feed::{Begin, Partition, Position};
use crate::queue::topic::Topic;
use crate::queue::{Queue, Source};
use crate::secret::Secrets;
use crate::settings::Settings;
use crate::teams::token::{Credentials, Tokens};
use crate::teams::wire::Wire;
use crate::why;

/// How long one queue is waited for.
const PATIENCE: Duration = Duration::from_secs(8);
/// Queues that are asked; the others are named.
const MOST: usize = 20;

/// Asks for the partitions of each declared queue, all at once. With the secrets of this shell come those that the running
/// server lacks, if one runs and said so.
pub async fn look(
    settings: &Settings,
    (secrets, missing_there): (&Secrets, Option<&[String]>),
    clock: &Clock,
) -> Vec<Finding> {
    let Ok(wire) = Wire::new(network::PATIENCE) else {
        // The check of the network says why.
        return Vec::new();
    };
    let bot = bot(settings, secrets, clock, &wire);
    let with = (clock, &wire, &bot);
    let asked = settings.queues.values().take(MOST).map(|queue| async move {
        let finding = one(queue, secrets, missing_there, with).await;
        finding.about(queue.name.clone())
    });
    let mut findings = join_all(asked).await;
    if let Some(left) = settings.queues.len().checked_sub(MOST).filter(|left| *left > 0) {
        let found = format!("{left} more queues were not asked");
        findings.push(Finding::warning(
            "queue",
            found,
            "look at the log: it says when one of them cannot be read",
        ));
    }
    findings
}

/// As whom the account of a container is asked that has no key: the bot, if there is one.
type Bot = Option<(Credentials, Entry)>;

fn bot(settings: &Settings, secrets: &Secrets, clock: &Clock, wire: &Wire) -> Bot {
    let credentials = Credentials::of(&settings.bot)?;
    let tenant = settings.bot.tenant.clone()?;
    let secrets = Arc::new(secrets.clone());
    let known = credentials.clone();
    let tokens = Tokens::new(
        wire.clone(),
        &settings.bot.endpoints,
        credentials,
        secrets,
        clock.clone(),
    );
    Some((known, Entry::Bot(Arc::new(tokens), tenant)))
}

async fn one(
    queue: &Queue,
    secrets: &Secrets,
    missing_there: Option<&[String]>,
    (clock, wire, bot): (&Clock, &Wire, &Bot),
) -> Finding {
    if let Some(name) = queue.secret()
        && let Err(problem) = secrets.read(name)
    {
        if is_there(name, missing_there) {
            let found = format!("not asked: only the running server has {name}");
            let next = "run `herald doctor` with the server's environment to try it; its log tells of troubles";
            return Finding::warning("queue", found, next);
        }
        return Finding::failed("queue", format!("not asked: {problem}"), format!("set {name}"));
    }
    if queue.asks_as_bot()
        && let Some((credentials, _)) = bot
        && let Err(problem) = credentials.examine(secrets, clock.now())
    {
        let names = credentials.credential.secrets();
        let there = names
            .iter()
            .all(|name| secrets.has(name) || is_there(name, missing_there));
        let found = format!("not asked: {problem}");
        return match there {
            true => Finding::warning(
                "queue",
                found,
                "run `herald doctor` with the server's environment to try it",
            ),
            false => Finding::failed("queue", found, "the check of the token says what to do"),
        };
    }
    match &queue.source {
        Source::Topic(topic) => of_topic(topic, secrets).await,
        Source::Container(container) => {
            let as_bot = || bot.as_ref().map(|(_, entry)| entry.clone());
            let asked = async {
                let entry = entry(container, secrets, as_bot)?;
                let way = Way::new(wire.clone(), clock.clone(), container.clone(), entry);
                let found = way.find().await?;
                let partitions = way.partitions().await?;
                // Whoever may see partitions may not see documents yet.
                let begin = Begin::Since(found.now);
                let looks = Position::first(found.number.clone(), begin).looks(&partitions);
                if let Some(look) = looks.as_ref().and_then(|looks| looks.first()) {
                    way.changes(&found.number, begin, look).await?;
                }
                Ok(partitions)
            };
            let asked = tokio::time::timeout(PATIENCE, asked).await;
            of_container(
                container,
                asked.unwrap_or_else(|_| Err(cosmos::Trouble::Wire("no answer in time".to_owned()))),
            )
        }
    }
}

fn of_container(container: &Container, found: Result<Vec<Partition>, cosmos::Trouble>) -> Finding {
    let place = container.place();
    let problem = match found {
        Ok(partitions) => return Finding::ok("queue", format!("{place} has {}", counted(&partitions))),
        Err(problem) => problem,
    };
    let next = match &problem {
        cosmos::Trouble::Wire(_) => "look at `account`, at firewalls, and at a proxy in between",
        cosmos::Trouble::Login(_) if container.key.is_some() => {
            "look at the value of the secret: one of the account's keys, a read-only one will do; at the account's firewall; and at this machine's clock"
        }
        cosmos::Trouble::Login(_) => {
            "give the bot's app the role Cosmos DB Built-in Data Reader on the account (docs/operations.md shows how), look at the account's firewall, or name a key with `secret`"
        }
        cosmos::Trouble::NotThere(_) => "look at `database` and `container`: capital and small letters count",
        cosmos::Trouble::Moved | cosmos::Trouble::Busy(_) => "it passes: look again in a minute",
        cosmos::Trouble::Account(_) => "look at the account in the Azure portal",
        cosmos::Trouble::Language(_) => "look at `account`: it is the account's own address, of the API for NoSQL",
    };
    Finding::failed("queue", format!("{place}: {problem}"), next)
}

async fn of_topic(topic: &Topic, secrets: &Secrets) -> Finding {
    // It is there: that was looked at before.
    let password = topic.login.as_ref().and_then(|login| secrets.read(&login.secret).ok());
    let password = password.as_ref().map(|secret| secret.expose_secret());
    let asked = tokio::time::timeout(PATIENCE, partitions(topic, password)).await;
    let brokers: Vec<String> = topic
        .brokers
        .iter()
        .map(|(host, port)| format!("{host}:{port}"))
        .collect();
    let brokers = brokers.join(", ");
    match asked.unwrap_or_else(|_| Err(Trouble::Wire("no answer in time".to_owned()))) {
        Ok(partitions) => Finding::ok(
            "queue",
            format!("topic {} at {brokers} has {}", topic.name, counted(&partitions)),
        ),
        Err(problem) => {
            let next = match &problem {
                Trouble::Wire(_) if topic.tls => {
                    "look at host and port, at firewalls, and whether the broker speaks TLS there"
                }
                Trouble::Wire(_) => {
                    "look at host and port, at firewalls, and whether the broker wants TLS (`tls: true`)"
                }
                Trouble::Login(_) => {
                    "look at `user` and at the value of the secret; of Event Hubs it is a connection string with the right to listen"
                }
                Trouble::Broker(_) | Trouble::OutOfRange => {
                    "look at `topic`; of Event Hubs it is the name of the event hub"
                }
                Trouble::Language(_) => "look at the port: Kafka's is 9092, that of Event Hubs 9093",
            };
            Finding::failed("queue", format!("{brokers}: {problem}"), next)
        }
    }
}

fn counted<T>(partitions: &[T]) -> String {
    why::run::counted(partitions.len() as u64, "partition", "partitions")
}
