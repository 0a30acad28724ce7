//! Sends through webhooks: from the alias in the delivery to the address that is secret, at the moment of sending, so that
//! an address that was replaced counts from the next card on.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::sync::watch;

use crate::card::Card;
use crate::live::Live;
use crate::secret::Secrets;
use crate::teams::answer::Answer;
use crate::webhook::message;
use crate::webhook::sender::{Posted, Sender};

/// How long a card waits for somebody to set a secret before it is tried again, at least.
const SECRET_WAIT: Duration = Duration::from_secs(60);

/// What is needed to send through a webhook.
#[derive(Clone)]
pub struct Webhooks {
    /// The aliases in force.
    pub live: watch::Receiver<Live>,
    /// Where the addresses are read.
    pub secrets: Arc<Secrets>,
    /// The way out.
    pub sender: Arc<Sender>,
}

impl Webhooks {
    /// Posts a card to the webhook of this alias.
    pub async fn post(&self, name: &str, card: &Card) -> Posted {
        let Some(webhook) = self.live.borrow().workspace.book.webhook(name).cloned() else {
            let reason = format!("there is no webhook `{name}` in directory.yaml any more");
            return Posted {
                answer: Answer::Rejected { reason },
                status: None,
            };
        };
        let address = match self.secrets.read(&webhook.url) {
            Ok(address) => address,
            // Somebody sets it, and nothing is lost meanwhile.
            Err(problem) => {
                return Posted {
                    answer: Answer::Unavailable {
                        reason: problem.to_string(),
                        wait: Some(SECRET_WAIT),
                    },
                    status: None,
                };
            }
        };
        let Ok(address) = std::str::from_utf8(address.expose_secret()) else {
            let reason = format!("the secret `{}` is no address", webhook.url);
            return Posted {
                answer: Answer::Rejected { reason },
                status: None,
            };
        };
        self.sender.post(address, webhook.kind, &message::envelope(card)).await
    }
}
