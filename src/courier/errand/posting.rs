//! Posting to Teams: to a conversation, into a thread, as an answer; putting right what was sent.

use serde_json::Value;

use super::Errand;
use crate::card::{Card, fit};
use crate::courier::route::Way;
use crate::delivery::{Delivery, Thread};
use crate::pace::Kind;
use crate::refusal::Party;
use crate::roster::ConversationId;
use crate::store::StoreError;
use crate::teams::answer::Answer;
use crate::teams::connector::Sent;

/// Where a message goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum To<'a> {
    Conversation(&'a str),
    /// A message that is answered, in a chat.
    Message(&'a str, &'a str),
    /// A channel, and the message that begins the thread.
    Thread(&'a str, &'a str),
    /// A channel.
    NewThread(&'a str),
}

/// How Teams is called for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) service_url: &'a str,
    pub(super) way: &'a Way,
}

/// What came of posting a message, and where it is.
pub(super) struct Landed {
    pub(super) sent: Sent,
    pub(super) thread_root: Option<String>,
    pub(super) note: Option<String>,
}

impl From<Sent> for Landed {
    fn from(sent: Sent) -> Self {
        Self {
            sent,
            thread_root: None,
            note: None,
        }
    }
}

/// What stands between a channel and the message that begins a thread in it.
const THREAD: &str = ";messageid=";

/// The conversation in which Teams knows a message.
pub(super) fn in_thread(place: &str, root: Option<&str>) -> String {
    match root {
        Some(root) => format!("{place}{THREAD}{root}"),
        None => place.to_owned(),
    }
}

impl Errand {
    /// Sends the card where it belongs: to a conversation, into the thread of its rule, or as an answer. A thread that is
    /// gone is begun anew: what is said must not be lost with it.
    pub(super) async fn send(
        &self,
        delivery: &Delivery,
        at: &At<'_>,
        conversation: &ConversationId,
        card: &Card,
    ) -> Result<Landed, StoreError> {
        let place = conversation.as_str();
        let root = match &delivery.terms.thread {
            None => return Ok(self.post(at, To::Conversation(place), card).await),
            Some(Thread::Of { message, .. }) if at.way.party != Party::Channel => {
                return Ok(self.post(at, To::Message(place, message), card).await);
            }
            Some(Thread::Of { message, .. }) => message.clone(),
            Some(Thread::Shared { id }) => match self.outbox.thread(id).await? {
                Some(root) => root,
                None => return Ok(self.post(at, To::NewThread(place), card).await),
            },
        };
        let landed = self.post(at, To::Thread(place, &root), card).await;
        match &landed.sent.answer {
            Answer::MessageGone { .. } | Answer::Gone { .. } => {
                self.again(delivery, at.way);
                let anew = self.post(at, To::NewThread(place), card).await;
                Ok(Landed {
                    note: Some("its thread was gone, so it begins a new one".to_owned()),
                    ..anew
                })
            }
            _ => Ok(landed),
        }
    }

    /// Puts the card in the place of a message. If that is gone, the card is sent as a new one: somebody wanted it to be
    /// read.
    pub(super) async fn correct(
        &self,
        delivery: &Delivery,
        at: &At<'_>,
        place: &ConversationId,
        message: &str,
        card: &Card,
    ) -> Landed {
        let root = delivery.thread_root.as_deref();
        let body = card.to_activity();
        let in_thread = in_thread(place.as_str(), root);
        let sent = self.connector.update(at.service_url, &in_thread, message, &body).await;
        if !matches!(sent.answer, Answer::MessageGone { .. }) {
            return Landed {
                thread_root: root.map(str::to_owned),
                ..Landed::from(sent)
            };
        }
        self.again(delivery, at.way);
        let anew = match root.filter(|root| *root != message) {
            Some(root) => self.post(at, To::Thread(place.as_str(), root), card).await,
            None if root.is_some() => self.post(at, To::NewThread(place.as_str()), card).await,
            None => self.post(at, To::Conversation(place.as_str()), card).await,
        };
        Landed {
            note: Some("the message was gone, so the correction was sent as a new one".to_owned()),
            ..anew
        }
    }

    /// One more request than was paced.
    pub(super) fn again(&self, delivery: &Delivery, way: &Way) {
        let now = self.clock.now();
        let request = self.request(delivery, way, Kind::Message);
        self.turnstile.pace().departs(request, now);
    }

    /// Posts the card; one that Teams finds too large is cut further and posted again.
    pub(super) async fn post(&self, at: &At<'_>, to: To<'_>, card: &Card) -> Landed {
        let landed = self.post_once(at, to, &card.to_activity()).await;
        match (&landed.sent.answer, fit::shorter(card)) {
            (Answer::TooLarge, Some(shorter)) => self.post_once(at, to, &shorter.to_activity()).await,
            _ => landed,
        }
    }

    pub(super) async fn post_once(&self, at: &At<'_>, to: To<'_>, activity: &Value) -> Landed {
        let At { service_url, way } = *at;
        match to {
            To::Conversation(place) => self.connector.send(service_url, place, activity).await.into(),
            To::Message(place, message) => {
                let sent = self.connector.reply(service_url, place, message, activity).await;
                sent.into()
            }
            To::Thread(channel, root) => {
                let place = in_thread(channel, Some(root));
                Landed {
                    thread_root: Some(root.to_owned()),
                    ..self.connector.send(service_url, &place, activity).await.into()
                }
            }
            To::NewThread(channel) => {
                let tenant = way.tenant_id.as_deref();
                let sent = self
                    .connector
                    .begin_thread(service_url, tenant, channel, activity)
                    .await;
                let thread_root = match &sent.answer {
                    Answer::Accepted { activity_id } => activity_id.clone(),
                    _ => None,
                };
                Landed {
                    thread_root,
                    ..sent.into()
                }
            }
        }
    }
}
