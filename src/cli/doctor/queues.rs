//! The brokers behind `queues:`: do they answer, let us in, and know the topic?

use std::time::Duration;

use futures::future::join_all;
use secrecy::ExposeSecret;

use super::finding::Finding;
use super::secrets::is_there;
use crate::kafka::Trouble;
use crate::listen::queues::partitions;
use crate::queue::Queue;
use crate::secret::Secrets;
use crate::settings::Settings;

/// How long one queue is waited for.
const PATIENCE: Duration = Duration::from_secs(8);
/// Queues that are asked; the others are named.
const MOST: usize = 20;

/// Asks for the partitions of each declared queue, all at once. `missing_there` are the secrets that the running server
/// lacks, if one runs and said so.
pub async fn look(settings: &Settings, secrets: &Secrets, missing_there: Option<&[String]>) -> Vec<Finding> {
    let asked = settings.queues.values().take(MOST).map(|queue| async move {
        let finding = one(queue, secrets, missing_there).await;
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

async fn one(queue: &Queue, secrets: &Secrets, missing_there: Option<&[String]>) -> Finding {
    let mut password = None;
    if let Some(login) = &queue.login {
        match secrets.read(&login.secret) {
            Ok(secret) => password = Some(secret.expose_secret().to_vec()),
            Err(_) if is_there(&login.secret, missing_there) => {
                let found = format!("not asked: only the running server has {}", login.secret);
                let next = "run `herald doctor` with the server's environment to try it; its log tells of troubles";
                return Finding::warning("queue", found, next);
            }
            Err(problem) => {
                let found = format!("not asked: {problem}");
                return Finding::failed("queue", found, format!("set {}", login.secret));
            }
        }
    }
    let asked = tokio::time::timeout(PATIENCE, partitions(queue, password.as_deref())).await;
    let brokers: Vec<String> = queue
        .brokers
        .iter()
        .map(|(host, port)| format!("{host}:{port}"))
        .collect();
    let brokers = brokers.join(", ");
    match asked.unwrap_or_else(|_| Err(Trouble::Wire("no answer in time".to_owned()))) {
        Ok(partitions) => Finding::ok(
            "queue",
            format!("topic {} at {brokers} has {} partitions", queue.topic, partitions.len()),
        ),
        Err(problem) => {
            let next = match &problem {
                Trouble::Wire(_) if queue.tls => {
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
