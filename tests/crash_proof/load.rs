//! Clients that post to the hook, whatever happens to the server.

use std::sync::Arc;
use std::time::Duration;

use herald::event::EventId;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::chance::Chance;
use super::place::{CHANNELS, GROUPS, PEOPLE, client};

/// Tells one person each time.
pub const ONE_RULE: &str =
    "when: { hook: load }\nnotify: [{ person: \"{{event.first}}\" }]\ncard: { message: \"{{event.text}}\" }\n";
/// Tells two people each time.
pub const PEOPLE_RULE: &str = "when: { hook: load }\nnotify:\n  - person: \"{{event.first}}\"\n  - person: \
                               \"{{event.second}}\"\ncard: { message: \"{{event.text}}\" }\n";
/// Tells a channel and a group chat each time.
pub const PLACES_RULE: &str = "when: { hook: load }\nnotify:\n  - channel: \"{{event.channel}}\"\n  - group: \
                               \"{{event.group}}\"\ncard: { message: \"{{event.text}}\" }\n";

/// An event that was posted.
#[derive(Debug, Clone)]
pub struct Posted {
    pub client: u32,
    pub number: u64,
    pub event: EventId,
    /// The conversations that shall hear of it.
    pub conversations: Vec<String>,
}

impl Posted {
    /// What the messages say.
    pub fn text(&self) -> String {
        text(self.client, self.number)
    }
}

/// What a client has done.
#[derive(Debug, Default)]
pub struct Work {
    /// Answered 202.
    pub accepted: Vec<Posted>,
    /// Given up without an answer: it may have been taken or not.
    pub unanswered: Vec<Posted>,
    /// Posts that were answered "come back later".
    pub refused: u64,
    /// Posts that were repeated because no answer came.
    pub repeated: u64,
}

impl Work {
    pub fn add(&mut self, other: Work) {
        self.accepted.extend(other.accepted);
        self.unanswered.extend(other.unanswered);
        self.refused += other.refused;
        self.repeated += other.repeated;
    }
}

pub fn text(client: u32, number: u64) -> String {
    format!("c{client}n{number}")
}

/// The event of this number: its body, and the conversations that shall hear of it.
pub fn event(seed: u64, client: u32, number: u64) -> (Value, Vec<String>) {
    let text = text(client, number);
    let mut chance = Chance::about(seed, &["event", &text]);
    let first = chance.below(PEOPLE);
    let second = (first + 1 + chance.below(PEOPLE - 1)) % PEOPLE;
    let channel = chance.below(CHANNELS);
    let group = chance.below(GROUPS);
    let body = json!({
        "text": text,
        "first": format!("p{first}@contoso.example"),
        "second": format!("p{second}@contoso.example"),
        "channel": format!("Works / C{channel}"),
        "group": format!("19:g{group}@thread.v2"),
    });
    let conversations = vec![
        format!("a:p-{first}"),
        format!("a:p-{second}"),
        format!("19:c{channel}@thread.tacv2"),
        format!("19:g{group}@thread.v2"),
    ];
    (body, conversations)
}

/// Posts one event after the other, each when the one before was answered (or given up), as long as there are permits.
/// A stubborn client repeats a post with the same id until it is answered 202; another goes on with its next event.
pub async fn post_on(
    seed: u64,
    number: u32,
    stubborn: bool,
    mut url: watch::Receiver<Option<String>>,
    permits: Arc<Semaphore>,
) -> Work {
    let http = client();
    let mut pause = Chance::about(seed, &["pause", &number.to_string()]);
    let mut work = Work::default();
    for serial in 0.. {
        let Ok(permit) = permits.acquire().await else {
            break;
        };
        permit.forget();
        let (body, conversations) = event(seed, number, serial);
        let key = text(number, serial);
        let posted = Posted {
            client: number,
            number: serial,
            event: EventId::derived(&["hook", "load", &key]),
            conversations,
        };
        loop {
            let at = url
                .wait_for(Option::is_some)
                .await
                .expect("the test goes on")
                .clone()
                .expect("some");
            let sent = http
                .post(format!("{at}/hooks/load"))
                .header("idempotency-key", &key)
                .json(&body)
                .send()
                .await;
            let answer = match sent {
                Ok(answer) => Ok((answer.status().as_u16(), answer.text().await)),
                Err(problem) => Err(problem),
            };
            match answer {
                Ok((202, Ok(answer))) => {
                    let answer: Value = serde_json::from_str(&answer).expect("JSON");
                    assert_eq!(answer["event"], posted.event.as_str(), "{answer}");
                    let deliveries = answer["deliveries"].as_array().map_or(0, Vec::len);
                    assert_eq!(deliveries, posted.conversations.len(), "{answer}");
                    work.accepted.push(posted);
                    break;
                }
                Ok((503 | 429, _)) => {
                    work.refused += 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Ok((status, Ok(answer))) => panic!("the hook answered {status}: {answer}"),
                Ok((_, Err(_))) | Err(_) if stubborn => {
                    work.repeated += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok((_, Err(_))) | Err(_) => {
                    work.unanswered.push(posted);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    break;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(pause.below(20))).await;
    }
    work
}
