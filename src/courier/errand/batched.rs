//! What came of deliveries that were sent in a batch: each is judged and written down as if it had gone by itself.

use chrono::{DateTime, Utc};
use tracing::error;

use super::{Errand, Ground, Tried, Way, route};
use crate::batch::{Convoy, Passenger};
use crate::delivery::State;
use crate::roster::ConversationId;
use crate::store::StoreError;
use crate::store::outbox::Claim;
use crate::teams::answer::Answer;

/// What Teams says of somebody in a batch.
#[derive(Debug, Clone)]
pub(in crate::courier) struct Fate {
    /// What it means.
    pub(in crate::courier) answer: Answer,
    /// What is not as it should be, in a sentence.
    pub(in crate::courier) note: Option<String>,
}

impl Fate {
    /// It arrived.
    pub(in crate::courier) fn arrived(note: Option<&str>) -> Self {
        Self {
            answer: Answer::Accepted { activity_id: None },
            note: note.map(str::to_owned),
        }
    }

    /// It did not.
    pub(in crate::courier) fn of(answer: Answer) -> Self {
        Self { answer, note: None }
    }
}

impl Errand {
    /// Settles one delivery of a batch that Teams is through with; nothing if that was done before.
    pub(in crate::courier) async fn land(
        &self,
        convoy: &Convoy,
        passenger: &Passenger,
        fate: Fate,
    ) -> Result<(), StoreError> {
        let delivery = match self.outbox.get(&passenger.delivery).await {
            Ok(Some(delivery)) => delivery,
            Ok(None) => return Ok(()),
            Err(StoreError::Corrupt(problem)) => {
                error!(delivery = %passenger.delivery, %problem, "what came of a delivery in a batch cannot be recorded");
                return Ok(());
            }
            Err(problem) => return Err(problem),
        };
        if delivery.state != State::Sending || delivery.batch.as_ref() != Some(&convoy.id) {
            return Ok(());
        }
        let ground = Ground {
            default_service_url: &self.default_service_url,
            installs: self.installs.is_some(),
            now: self.clock.now(),
        };
        let way = route::find(&*self.directory, &delivery.recipient.address, ground).await?;
        let claim = Claim {
            delivery,
            lease: passenger.lease,
        };
        self.landed(&claim, way, &passenger.conversation, fate, convoy.begun_at)
            .await;
        Ok(())
    }

    /// Teams took a batch and did not say what it calls it: there is nothing more to ask.
    pub(in crate::courier) async fn land_unasked(
        &self,
        claim: &Claim,
        place: &ConversationId,
        begun_at: DateTime<Utc>,
    ) {
        let note = "it was in a batch of which Teams told no id, so whether it arrived cannot be asked";
        let way = Way::nowhere("it was sent in a batch");
        self.landed(claim, way, place, Fate::arrived(Some(note)), begun_at)
            .await;
    }

    async fn landed(
        &self,
        claim: &Claim,
        way: Way,
        conversation: &ConversationId,
        fate: Fate,
        begun_at: DateTime<Utc>,
    ) {
        let now = self.clock.now();
        let status = matches!(fate.answer, Answer::Accepted { .. }).then_some(201);
        let tried = Tried {
            answer: fate.answer,
            status,
            conversation: Some(conversation.clone()),
            note: fate.note,
            ..Tried::unasked(way, String::new())
        };
        let verdict = self.judge(&claim.delivery, &tried, now);
        self.conclude(claim, &tried, verdict, begun_at, now).await;
    }

    /// The request for all of them failed in a way that passes: each waits as if it had been its own, and all as long, so
    /// that they go together again.
    pub(in crate::courier) async fn turned_away(
        &self,
        claims: &[Claim],
        answer: &Answer,
        status: Option<u16>,
        begun_at: DateTime<Utc>,
    ) {
        let Some(first) = claims.first() else { return };
        let now = self.clock.now();
        let tried = Tried {
            answer: answer.clone(),
            status,
            ..Tried::unasked(Way::nowhere("it was sent in a batch"), String::new())
        };
        let verdict = self.judge(&first.delivery, &tried, now);
        futures::future::join_all(
            claims
                .iter()
                .map(|claim| self.conclude(claim, &tried, verdict.clone(), begun_at, now)),
        )
        .await;
    }
}
