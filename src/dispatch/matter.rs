//! Rules that live: what an event does to the cards that were sent because of earlier ones.

use std::collections::HashMap;

use serde_json::Value;

use super::part::{Part, Whom};
use super::{Dispatcher, Occasion, SENTENCES_KEPT};
use crate::audience::{self, Known, PersonRef, Reached, Want, Wanted};
use crate::card::text::Warnings;
use crate::delivery::{Address, Delivery, Recipient, State};
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
        let unknown: Vec<Recipient> = keeping.unknown(rule).into_iter().cloned().collect();
        let known = self.who_are(&unknown, occasion).await?;
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

    /// Who these recipients are, as far as the directory knows.
    pub(super) async fn who_are(
        &self,
        recipients: &[Recipient],
        occasion: &Occasion<'_>,
    ) -> Result<Vec<Reached>, StoreError> {
        let wanted: Vec<Wanted> = recipients.iter().filter_map(wanted).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let tenant = occasion.workspace.settings.bot.tenant.as_deref();
        let known = Known::in_tenant(tenant);
        let mut found = self.directory.audience_knowing(&wanted, known, occasion.now).await?;
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

    /// How those who have a card of this matter are reached, where its cards show something of them.
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
        if keep::reads_recipient(rule) {
            let unknown = |one: &&Standing| !reached.contains_key(&one.recipient.address.key());
            let unknown: Vec<Recipient> = standing
                .iter()
                .filter(unknown)
                .map(|one| one.recipient.clone())
                .collect();
            let known = self.who_are(&unknown, occasion).await?;
            reached.extend(known.into_iter().map(|reach| (reach.recipient.address.key(), reach)));
        }
        Ok(reached)
    }
}

pub(super) fn amendment((delivery, card): (crate::delivery::DeliveryId, crate::card::Card)) -> Amendment {
    Amendment { delivery, card }
}

/// A question to the directory that finds this person again.
fn wanted(recipient: &Recipient) -> Option<Wanted> {
    let id = match &recipient.address {
        Address::Person { id, .. } => id,
        Address::Feed { .. } | Address::Conversation { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => {
            return None;
        }
    };
    let person = match id.starts_with("29:") {
        true => PersonRef::AccountId(id.clone()),
        false => PersonRef::AadObjectId(id.clone()),
    };
    Some(Wanted {
        written: recipient.name.clone(),
        want: Want::Person(person),
        mention: Vec::new(),
        by: crate::audience::By::Chat,
        thread: None,
        only: Vec::new(),
    })
}
