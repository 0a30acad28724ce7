//! Messages that leave by another door than the bot's: activity feeds and webhooks.

use chrono::Duration;

use super::{Came, Errand, Tried};
use crate::card::{Card, Content};
use crate::courier::desk::Slot;
use crate::courier::route::Way;
use crate::delivery::{Delivery, Operation};
use crate::graph::answer::No;
use crate::graph::feed::Crowded;
use crate::roster::ConversationId;
use crate::teams::answer::Answer;

/// How soon a notification comes again that found no place among those that wait for Graph.
const FEEDS_WAIT: Duration = Duration::seconds(5);

impl Errand {
    /// Puts a notification into the person's activity feed, through Graph.
    pub(super) async fn notify(
        &self,
        delivery: &Delivery,
        user: &str,
        card: Option<Card>,
        slot: &Slot,
        way: Way,
    ) -> Came {
        let unasked = |reason: &str| Came::ToAnAnswer(Box::new(Tried::unasked(way.clone(), reason.to_owned())));
        let (Some(card_id), Some(Content::Notification(notification))) =
            (&delivery.card_id, card.map(|card| card.content))
        else {
            return unasked("what was put into an activity feed can neither be changed nor taken back");
        };
        if delivery.operation != Operation::Send {
            return unasked("what was put into an activity feed cannot be changed");
        }
        let Some(feeds) = &self.feeds else {
            return unasked(
                "activity feeds are reached through Microsoft Graph, and `bot.app_id` and `bot.tenant` in herald.yaml \
                 say as whom and where",
            );
        };
        self.leave(delivery, slot).await;
        let answer = match feeds.notify(card_id, notification, user).await {
            Err(Crowded) => return Came::Waits(self.clock.now() + FEEDS_WAIT),
            Ok(Ok(())) => Answer::Accepted { activity_id: None },
            Ok(Err(No::Throttled { wait, .. })) => Answer::Throttled { wait },
            Ok(Err(no @ No::Unavailable { .. })) => Answer::Unavailable {
                wait: no.wait(),
                reason: no.to_string(),
            },
            Ok(Err(no @ (No::Denied { .. } | No::NotThere { .. } | No::Rejected { .. }))) => Answer::Rejected {
                reason: format!(
                    "{no}. The app must be installed for this person, have `webApplicationInfo` in its manifest, and \
                     declare the type of activity there unless it is a plain `text`"
                ),
            },
            Ok(Err(no @ (No::Conflict | No::TokenTooOld))) => Answer::Rejected { reason: no.to_string() },
        };
        self.metrics.answer(answer.word());
        Came::ToAnAnswer(Box::new(Tried {
            answer,
            conversation: Some(ConversationId::new(&format!("feed:{user}"))),
            by_graph: true,
            ..Tried::unasked(way, String::new())
        }))
    }

    /// Sends through a webhook. Nothing of the directory is asked, and nothing is learnt for it.
    pub(super) async fn through_webhook(&self, delivery: &Delivery, slot: &Slot, name: &str, card: &Card) -> Tried {
        self.leave(delivery, slot).await;
        let posted = self.webhooks.post(name, card).await;
        let _ = slot.answered.set(self.clock.now());
        self.metrics.answer(posted.answer.word());
        let way = Way::nowhere("a webhook is no conversation of the bot");
        Tried {
            answer: posted.answer,
            status: posted.status,
            // Nobody tells where the message is: it can be neither changed nor taken back.
            conversation: Some(ConversationId::new(&delivery.recipient.address.key())),
            through_webhook: true,
            ..Tried::unasked(way, String::new())
        }
    }
}
