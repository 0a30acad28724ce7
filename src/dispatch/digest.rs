//! The time of a gathering has come: what it tells is made durable together with its end.

use chrono::SecondsFormat;
use tracing::{info, warn};

use super::{ATTEMPTS, Dispatcher};
use crate::choice::{Choices, PersonKey};
use crate::delivery::{Address, WindowId};
use crate::event::EventId;
use crate::gathering::Gathering;
use crate::plan::telling::{self, Known, Telling};
use crate::rule::condition::Line;
use crate::store::StoreError;
use crate::store::outbox::{Amendment, Batch, EventRecord, RuleRecord};
use crate::timer::Timer;

impl Dispatcher {
    /// Tells what is gathered under `window`. Once that is on disk, the gathering is over; a crash before leaves everything
    /// as it was, and the timer comes up again.
    ///
    /// # Errors
    /// Those of the stores; nothing is told then.
    pub(super) async fn tell_gathered(&self, timer: &Timer, window: &WindowId) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let gathered = self
                .outbox
                .gatherings(std::slice::from_ref(window))
                .await?
                .remove(window);
            let Some(gathering) = gathered else {
                // It was told before.
                return self.outbox.stop_timer(&timer.id).await;
            };
            match self.tell_now(window, &gathering).await {
                Err(StoreError::Overtaken) => {}
                told => return told,
            }
        }
        warn!(rule = %timer.rule, "what is gathered changes all the time; it is told a little later");
        Err(StoreError::Overtaken)
    }

    async fn tell_now(&self, window: &WindowId, gathering: &Gathering) -> Result<(), StoreError> {
        let workspace = self.live.borrow().workspace.clone();
        let now = self.clock.now();
        let items = self.outbox.gathered(window).await?;
        let limited = self.outbox.windows(std::slice::from_ref(window)).await?.remove(window);
        let rule = workspace.ruleset.rule(&gathering.rule);
        let known = Known {
            window,
            gathering,
            items: &items,
            limited: limited.as_ref(),
            rule: rule.map(|rule| &**rule),
            time_zone: workspace.settings.time_zone,
            revision: &workspace.ruleset.revision,
        };
        let event = moment(window, gathering);
        let told = match self.choices_of(gathering).await? {
            Some(choices) if telling::is_unwanted(gathering, known.rule, &choices) => telling::leave(&known, &event),
            Some(_) | None => telling::tell(&known, &event, now),
        };
        let Telling {
            sent,
            amended,
            changes,
            what,
            warnings,
        } = told;
        let name = &gathering.recipient.name;
        let line = Line {
            written: "gathered".to_owned(),
            holds: true,
            expected: "something to tell".to_owned(),
            actual: what,
            note: None,
            lines: Vec::new(),
        };
        let record = EventRecord {
            id: event.clone(),
            origin: format!("what {} gathered for {name}", gathering.rule),
            occurred_at: now,
            revision: workspace.ruleset.revision.clone(),
            rules: vec![RuleRecord {
                rule: gathering.rule.clone(),
                matched: true,
                deliveries: usize::from(sent.is_some()),
                lines: vec![line],
                warnings,
                ..RuleRecord::default()
            }],
            elsewhere: None,
            near: Vec::new(),
        };
        let mut batch = Batch {
            windows: changes,
            amendments: amended
                .into_iter()
                .map(|(delivery, card)| Amendment { delivery, card })
                .collect(),
            ..Batch::of(record)
        };
        if let Some((delivery, card, run)) = sent {
            batch.deliveries.push(delivery);
            batch.cards.push(card);
            batch.runs.push(run);
        }
        let receipt = self.outbox.enqueue(batch).await?;
        self.metrics.planned(receipt.new.len());
        self.work.notify_waiters();
        info!(%event, rule = %gathering.rule, gathered = gathering.count, "what was gathered is told");
        Ok(())
    }

    /// What the person who is told chose, if it is one.
    async fn choices_of(&self, gathering: &Gathering) -> Result<Option<Choices>, StoreError> {
        let (Address::Person { id, .. } | Address::Feed { id, .. }) = &gathering.recipient.address else {
            return Ok(None);
        };
        let key = match id.starts_with("29:") {
            true => PersonKey::of_ids(None, Some(id)),
            false => PersonKey::of_ids(Some(id), None),
        };
        let Some(key) = key else {
            return Ok(None);
        };
        Ok(self.directory.choices(std::slice::from_ref(&key)).await?.remove(&key))
    }
}

/// Who this moment is. A gathering that comes up twice without having been told is the same moment.
fn moment(window: &WindowId, gathering: &Gathering) -> EventId {
    let due = gathering.due_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    EventId::derived(&[
        "digest",
        window.as_str(),
        gathering.begun_by.as_str(),
        &due,
        &gathering.count.to_string(),
    ])
}
