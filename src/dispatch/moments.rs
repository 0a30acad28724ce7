//! The moments that come once for each stretch of clocks: `time_zone: recipient`.

use super::{Decision, Dispatcher};
use crate::event::Event;
use crate::plan::Plan;
use crate::quiet::{Silence, Silenced};
use crate::rule::Rule;
use crate::rule::local_moment::LocalMoment;
use crate::store::StoreError;

impl Dispatcher {
    /// As [`Dispatcher::dispatch`], for a moment that comes dozens of times a day, for other people each time: where nobody
    /// lives whom a rule would tell, nothing is recorded.
    ///
    /// # Errors
    /// Those of [`Dispatcher::dispatch`].
    pub async fn dispatch_to_somebody(&self, event: &Event) -> Result<Option<Decision>, StoreError> {
        let batch = self.rehearse(event).await?;
        if batch.deliveries.is_empty()
            && batch.held.is_empty()
            && batch
                .record
                .rules
                .iter()
                .all(|rule| rule.silenced_count == 0 && rule.held_back_count == 0)
        {
            return Ok(None);
        }
        self.dispatch(event).await.map(Some)
    }

    /// Takes those out of a plan who were told of the same moment by the clock of the zone that they moved from.
    pub(super) async fn told_before(&self, event: &Event, rule: &Rule, plan: &mut Plan) -> Result<(), StoreError> {
        if LocalMoment::of(rule, event).is_none() {
            return Ok(());
        }
        let mut kept = Vec::with_capacity(plan.deliveries.len());
        for delivery in std::mem::take(&mut plan.deliveries) {
            let known = self.outbox.get(&delivery.id).await?;
            match known.filter(|known| known.event_id != event.id) {
                Some(known) => plan.silenced.push(Silenced {
                    recipient: delivery.recipient.name,
                    until: known.created_at,
                    why: Silence::ToldBefore,
                }),
                None => kept.push(delivery),
            }
        }
        plan.deliveries = kept;
        Ok(())
    }
}
