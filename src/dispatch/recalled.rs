//! What the storm breaker had counted before Herald was stopped: read once, at the start, from the newest deliveries.

use chrono::TimeDelta;
use tracing::info;

use super::Dispatcher;
use crate::delivery::{Address, Delivery, DeliveryId};
use crate::store::StoreError;
use crate::store::outbox::Filter;
use crate::storm;

/// So many of the newest deliveries are looked at; who was told before them began no storm of late.
const LOOKED_AT: usize = 50_000;
const STEP: usize = 1_000;

impl Dispatcher {
    /// Counts for the storm breaker what rules sent in their last minutes before a restart, as if there had been none.
    ///
    /// # Errors
    /// Those of the store; what was read until then is not counted either.
    pub async fn recall_recent(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let workspace = self.live.borrow().workspace.clone();
        let rules = workspace.ruleset.rules.iter();
        let spans = rules.filter_map(|rule| TimeDelta::from_std(rule.storm?.per).ok());
        let Some(since) = spans.max().and_then(|span| now.checked_sub_signed(span)) else {
            return Ok(());
        };
        let mut sent: Vec<Delivery> = Vec::new();
        let mut after: Option<DeliveryId> = None;
        for _ in 0..LOOKED_AT / STEP {
            let page = self.outbox.list(&Filter::default(), after.as_ref(), STEP).await?;
            after = page.last().map(|last| last.id.clone());
            let whole = page.len() == STEP;
            let before = sent.len();
            sent.extend(page.into_iter().filter(|delivery| delivery.created_at >= since));
            // They come newest first: behind a page of old ones there are only older ones.
            if !whole || sent.len() == before {
                break;
            }
        }
        let mut counted = 0_usize;
        for delivery in sent.iter().rev() {
            let rate = workspace.ruleset.rule(&delivery.rule).and_then(|rule| rule.storm);
            let is_card = match delivery.recipient.address {
                Address::Person { .. } | Address::Conversation { .. } | Address::Webhook { .. } => true,
                Address::Feed { .. } | Address::Nowhere { .. } => false,
            };
            let Some(rate) = rate.filter(|_| is_card && !delivery.terms.uncounted) else {
                continue;
            };
            let window = storm::window(&delivery.rule, &delivery.recipient.address);
            self.recent.take(&window, &delivery.id, rate, delivery.created_at);
            counted += 1;
        }
        if counted > 0 {
            info!(cards = counted, %since, "what was sent before the start counts for the storm breaker");
        }
        Ok(())
    }
}
