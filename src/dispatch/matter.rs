//! Rules that live: what an event does to the cards that were sent because of earlier ones.

use std::collections::HashMap;

use serde_json::Value;

use super::part::{Part, Whom};
use super::{Dispatcher, Occasion, SENTENCES_KEPT};
use crate::audience::{self, Known, Reached, Wanted};
use crate::card::text::Warnings;
use crate::delivery::{Delivery, State};
use crate::matter::Matter;
use crate::matter::decide::{Arrival, arrival, in_scope, subject};
use crate::matter::keep::{self, Keeping, Standing};
use crate::rule::Rule;
use crate::store::StoreError;
use crate::store::outbox::{Amendment, Batch};

impl Dispatcher {
    /// What the event does to the matter that it is about. Of those who are told, `whom` keeps those who get a card of
    /// their own; `scope` gets `tracked`. `None` if the rule keeps nothing of what it sends.
    ///
    /// # Errors
    /// Those of the stores.
    pub(super) async fn keep(
        &self,
        occasion: &Occasion<'_>,
        rule: &Rule,
        scope: &mut Value,
        whom: &mut Whom,
    ) -> Result<Option<Keeping>, StoreError> {
        if !rule.lives() || matches!(occasion.event.origin, crate::event::Origin::Step { .. }) {
            return Ok(None);
        }
        let Occasion {
            event, workspace, now, ..
        } = *occasion;
        let mut seen = Warnings::new();
        let (id, _) = subject(rule, event, scope, &mut Warnings::new());
        let stored = self.outbox.matter(&id).await?;
        let decided = arrival(
            Arrival {
                rule,
                event,
                scope,
                revision: &workspace.ruleset.revision,
                again: self.decided_before(event, rule).await?,
                zone: workspace.settings.time_zone,
                now,
            },
            stored.as_ref(),
            &mut seen,
        );
        let standing = self.standing(&decided.matter).await?;
        let mut keeping = Keeping::new(rule, decided, standing, &mut whom.told, scope, seen);
        if keeping.knows_everybody() {
            whom.wait_for.clear();
        }
        let known = self.who_are(&keeping.unknown(rule), occasion).await?;
        keeping.learn(known);
        Ok(Some(keeping))
    }

    /// Was the event decided for this rule before? It goes on with those who were not known then.
    async fn decided_before(&self, event: &crate::event::Event, rule: &Rule) -> Result<bool, StoreError> {
        let record = self.outbox.event(&event.id).await?;
        Ok(record.is_some_and(|record| {
            record
                .rules
                .iter()
                .any(|known| known.matched && known.rule == rule.name)
        }))
    }

    /// Has the cards of a broadcast that are taken in later see where the matter stands. They stay as they are sent.
    pub(super) async fn see_matter(
        &self,
        event: &crate::event::Event,
        rule: &Rule,
        scope: &mut Value,
    ) -> Result<(), StoreError> {
        if rule.lives() {
            let (id, _) = subject(rule, event, scope, &mut Warnings::new());
            let matter = self.outbox.matter(&id).await?;
            scope["tracked"] = matter.as_ref().map_or(Value::Null, in_scope);
        }
        Ok(())
    }

    /// The cards that stand for a matter, as far as they are kept. What was given up is none: whoever should have had it
    /// gets the next one.
    pub(super) async fn standing(&self, matter: &Matter) -> Result<Vec<Standing>, StoreError> {
        let mut standing = Vec::with_capacity(matter.deliveries.len());
        for id in &matter.deliveries {
            let delivery = self.outbox.get(id).await?;
            let stands = |delivery: &Delivery| match delivery.state {
                State::Pending | State::Sending | State::Delivered | State::Recalled => true,
                State::Dead | State::Cancelled => false,
            };
            standing.extend(delivery.as_ref().filter(|one| stands(one)).map(Standing::of));
        }
        Ok(standing)
    }

    /// Who these people are, as far as the directory knows.
    async fn who_are(&self, wanted: &[Wanted], occasion: &Occasion<'_>) -> Result<Vec<Reached>, StoreError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let tenant = occasion.workspace.settings.bot.tenant.as_deref();
        let known = Known::in_tenant(tenant);
        let mut found = self.directory.audience_knowing(wanted, known, occasion.now).await?;
        occasion.workspace.book.dress(&mut found);
        audience::as_entra_says(&mut found);
        Ok(found.reached)
    }

    /// Adds to a batch what the rule keeps of the event.
    pub(super) fn kept(
        keeping: Keeping,
        occasion: &Occasion<'_>,
        rule: &Rule,
        scope: &Value,
        whom: &Whom,
        part: &mut Part,
        batch: &mut Batch,
    ) {
        let kept = keeping.finish(rule, occasion.event, scope, &whom.told, &mut part.plan);
        if whom.are_many() {
            part.record.warnings.push(format!(
                "only the first {} of {} cards change later",
                Matter::MOST_CARDS,
                whom.told.reached.len()
            ));
        }
        part.record.warnings.extend(kept.warnings);
        part.record.warnings.truncate(SENTENCES_KEPT);
        part.record.told = Some(kept.told);
        batch.matters.extend(kept.change);
        batch.stopped.extend(kept.stopped);
        batch.amendments.extend(kept.amendments.into_iter().map(amendment));
    }

    /// How those who have a card of this matter are reached, and what is known of them.
    pub(super) async fn reached(
        &self,
        occasion: &Occasion<'_>,
        rule: &Rule,
        scope: &Value,
        standing: &[Standing],
    ) -> Result<HashMap<String, Reached>, StoreError> {
        // Those whom the rule names have their mentions; of the others only what the directory knows.
        let whom = self.whom(occasion, rule, scope).await?;
        let named = whom.told.reached.into_iter();
        let mut reached: HashMap<String, Reached> =
            named.map(|reach| (reach.recipient.address.key(), reach)).collect();
        let known = self.who_are(&keep::not_named(standing, &reached), occasion).await?;
        reached.extend(known.into_iter().map(|reach| (reach.recipient.address.key(), reach)));
        Ok(reached)
    }
}

pub(super) fn amendment((delivery, card): (crate::delivery::DeliveryId, crate::card::Card)) -> Amendment {
    Amendment { delivery, card }
}
