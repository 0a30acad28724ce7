//! What people ask Herald itself: done for them, durably, before they are answered.

use serde_json::{Value, json};
use tracing::info;

use super::{Decision, Dispatcher};
use crate::audience::{self, Known, Reached};
use crate::card::text::Warnings;
use crate::card::{Card, Content};
use crate::choice::PersonKey;
use crate::concierge::request::{self, Request};
use crate::concierge::{self, About, Asker, Came, NAME, Offer, settings};
use crate::delivery::{Delivery, DeliveryId, Terms, Thread};
use crate::event::{Event, Origin};
use crate::plan::owed;
use crate::rule::Rule;
use crate::rule::courtesy::Tongue;
use crate::rule::target::{Kind, Target};
use crate::run::Run;
use crate::store::StoreError;
use crate::store::outbox::{Amendment, Batch, Filter, RuleRecord};
use crate::teams::invoke::HttpAnswer;
use crate::workspace::Workspace;

/// Whoever writes what means nothing is told once in this time what can be written.
const HELP_AGAIN: chrono::Duration = chrono::Duration::hours(1);
/// So many of the newest deliveries are looked through for the last card of somebody, in so many steps.
const LOOKED_THROUGH: usize = 50;
const STEP: usize = 1_000;

impl Dispatcher {
    /// Answers what somebody asks Herald itself. `None` if the event is one for rules: `rules` are those that wait for it,
    /// and they win, except over Herald's own buttons.
    ///
    /// What was chosen is on disk before the answer is, and the answer is before this returns. The same event again
    /// changes nothing.
    pub(super) async fn attend(
        &self,
        event: &Event,
        workspace: &Workspace,
        rules: usize,
    ) -> Result<Option<Decision>, StoreError> {
        let ours = matches!(&event.origin, Origin::Button { button, .. } if request::is_ours(button));
        if rules > 0 && !ours {
            return Ok(None);
        }
        let (Some(request), Some(key)) = (request::read(event), key_of(event)) else {
            return Ok(None);
        };
        let known = self.outbox.event(&event.id).await?;
        let now = self.clock.now();
        let not_understood = matches!(request, Request::NotUnderstood { .. });
        if not_understood && known.is_none() && !self.may_help(&key).await? {
            return Ok(None);
        }
        let tongue = Tongue::of_house(workspace.settings.language.as_deref(), &workspace.text_languages);
        let offer = Offer {
            topics: &workspace.settings.topics,
            ruleset: &workspace.ruleset,
            tongue: &tongue,
        };
        let elsewhere = matches!(request, Request::Elsewhere { .. });
        let Some(reached) = self.whom_to_answer(event, workspace, elsewhere).await? else {
            return Ok(None);
        };
        let about = match request {
            Request::Why => self.asked_about(&reached, workspace, event).await?,
            Request::Settings { .. }
            | Request::Stop(_)
            | Request::Start(_)
            | Request::StopThese { .. }
            | Request::Save(_)
            | Request::Help
            | Request::NotUnderstood { .. }
            | Request::Elsewhere { .. } => AskedAbout::Nothing,
        };
        // Two presses of one person at once must not both begin with the same choices.
        let _turn = self.choosing.lock().await;
        let choices = self.directory.choices(std::slice::from_ref(&key)).await?.remove(&key);
        let choices = choices.unwrap_or_default();
        let asker = Asker {
            choices: &choices,
            locale: reached.person.as_ref().and_then(|person| person.locale.as_deref()),
            about: about.shown(),
        };
        let mut answer = concierge::attend(&request, &asker, &offer, now);
        if known.is_some() {
            if let Request::Save(_) = &request {
                let language = concierge::spoken(&choices, asker.locale, &offer);
                answer.in_place = Some(settings::card(&choices, Some(Ok(())), &offer, language));
            }
        } else if let Some(chosen) = &answer.choices {
            self.directory.set_choices(&key, chosen).await?;
            info!(event = %event.id, "somebody chose what reaches them");
        }
        let mut shown_by = None;
        if let Request::Save(form) = &request {
            shown_by = form.delivery().map(str::to_owned);
        }
        if let Some(card) = answer.in_place.take() {
            answer.in_place = Some(match &shown_by {
                Some(delivery) => settings::sent_by(card, delivery),
                None => card,
            });
        }
        let told = said_at_once(&answer);
        let mut decision = match known {
            Some(record) => self.taken_before(record).await?,
            None => {
                let changed = answer.choices.is_some();
                let mut batch = self.answer_batch(event, workspace, &reached, answer.message, changed);
                if let (Some(delivery), Some(card)) = (shown_by, answer.in_place) {
                    batch.amendments.extend(self.shown_as(&delivery, &reached, card).await?);
                }
                self.take_in(event, batch).await?
            }
        };
        if not_understood {
            self.outbox.set_note(&helped(&key), Some(&json!(now))).await?;
        }
        decision.answer = told;
        Ok(Some(decision))
    }

    /// Whether somebody who writes what means nothing is told now what can be written.
    async fn may_help(&self, key: &PersonKey) -> Result<bool, StoreError> {
        let at = self.outbox.note(&helped(key)).await?;
        let at: Option<chrono::DateTime<chrono::Utc>> = at.and_then(|at| serde_json::from_value(at).ok());
        // However the clock is turned, the next hour comes.
        Ok(at.is_none_or(|at| (self.clock.now() - at).abs() >= HELP_AGAIN))
    }

    /// Who is answered: whoever asked, or the place where others read it.
    async fn whom_to_answer(
        &self,
        event: &Event,
        workspace: &Workspace,
        elsewhere: bool,
    ) -> Result<Option<Reached>, StoreError> {
        let target = if elsewhere { Kind::Here } else { Kind::Sender };
        let found = self
            .reached_by(&json!({ target.key(): true }), event, workspace)
            .await?;
        Ok(found.and_then(|audience| audience.reached.into_iter().next()))
    }

    async fn reached_by(
        &self,
        target: &Value,
        event: &Event,
        workspace: &Workspace,
    ) -> Result<Option<audience::Audience>, StoreError> {
        let Ok(target) = Target::compile(target, &crate::card::template::Partials::none()) else {
            return Ok(None);
        };
        let wanted = target.wanted(&Value::Null, &workspace.book, event, &mut Warnings::new());
        let known = Known::in_tenant(workspace.settings.bot.tenant.as_deref());
        let now = self.clock.now();
        let mut audience = self.directory.audience_knowing(&wanted, known, now).await?;
        workspace.book.dress(&mut audience);
        audience::as_entra_says(&mut audience);
        Ok(Some(audience))
    }

    /// The card that somebody asks about: the one that they answer, else the last one that they got. An answer to one of
    /// Herald's own answers is about the last one, too.
    async fn asked_about(
        &self,
        reached: &Reached,
        workspace: &Workspace,
        event: &Event,
    ) -> Result<AskedAbout, StoreError> {
        let answered = event.data["answers"].as_str();
        let mut last: Option<String> = None;
        let mut this: Option<Option<String>> = None;
        let mut after: Option<DeliveryId> = None;
        'pages: for _ in 0..LOOKED_THROUGH {
            let page = self.outbox.list(&Filter::default(), after.as_ref(), STEP).await?;
            let theirs = page
                .iter()
                .filter(|delivery| delivery.recipient.address == reached.recipient.address);
            for delivery in theirs.filter(|delivery| delivery.activity_id.is_some() || delivery.batch.is_some()) {
                let of_rule = (delivery.rule != NAME).then(|| delivery.rule.clone());
                if answered.is_some() && delivery.activity_id.as_deref() == answered {
                    this = Some(of_rule.clone());
                }
                last = last.or(of_rule);
                if last.is_some() && (answered.is_none() || this.is_some()) {
                    break 'pages;
                }
            }
            after = match page.last() {
                Some(last) if page.len() == STEP => Some(last.id.clone()),
                Some(_) | None => break,
            };
        }
        let (rule, is_this) = match (answered, this) {
            (Some(_), None) => return Ok(AskedAbout::Forgotten),
            (Some(_), Some(Some(rule))) => (rule, true),
            (Some(_), Some(None)) | (None, _) => match last {
                Some(rule) => (rule, false),
                None => return Ok(AskedAbout::Nothing),
            },
        };
        let target = match workspace.ruleset.rule(&rule) {
            Some(rule) => self.names_them(rule, workspace, event).await?,
            None => None,
        };
        Ok(match is_this {
            true => AskedAbout::This(rule, target),
            false => AskedAbout::Last(rule, target),
        })
    }

    /// The first target of `rule` that names whoever asks, as far as that can be told without the event it told of.
    async fn names_them(
        &self,
        rule: &Rule,
        workspace: &Workspace,
        event: &Event,
    ) -> Result<Option<String>, StoreError> {
        let Some(sender) = &event.sender else { return Ok(None) };
        for target in &rule.notify {
            let says = target.kind() == Kind::Everyone || !target.names().is_empty();
            if !says || !target.paths().is_empty() {
                continue;
            }
            let wanted = target.wanted(&Value::Null, &workspace.book, event, &mut Warnings::new());
            let known = Known::in_tenant(workspace.settings.bot.tenant.as_deref());
            let found = self
                .directory
                .audience_knowing(&wanted, known, self.clock.now())
                .await?;
            if audience::includes(&found, sender) {
                return Ok(wanted.first().map(|wanted| wanted.written.clone()));
            }
        }
        Ok(None)
    }

    /// The message that answers, as a delivery of Herald's own.
    fn answer_batch(
        &self,
        event: &Event,
        workspace: &Workspace,
        reached: &Reached,
        message: Option<Card>,
        changed: bool,
    ) -> Batch {
        let now = self.clock.now();
        let mut batch = Batch::of(self.record(event, workspace, 0));
        let mut record = RuleRecord {
            rule: NAME.to_owned(),
            matched: true,
            ..RuleRecord::default()
        };
        if changed {
            record.warnings.push("they changed what reaches them".to_owned());
        }
        if let Some(card) = message {
            let id = DeliveryId::of(&event.id, NAME, &reached.recipient.address);
            let card = settings::sent_by(card, id.as_str());
            let (revision, card_id) = (&workspace.ruleset.revision, card.id());
            let recipient = reached.recipient.clone();
            batch.deliveries.push(Delivery {
                terms: Terms {
                    tenant_id: reached.tenant_id.clone(),
                    thread: thread_of(event),
                    uncounted: true,
                    ..Terms::default()
                },
                ..owed(id, NAME, &event.id, recipient, Some(card_id), revision, now)
            });
            batch.cards.push(card);
            batch.runs.push(Run::new(&event.id, NAME, 1, now));
            record.deliveries = 1;
        }
        batch.record.rules.push(record);
        batch
    }

    /// Has the card of settings show in Teams what was saved on it: only the one that this person was sent.
    async fn shown_as(&self, delivery: &str, reached: &Reached, card: Card) -> Result<Option<Amendment>, StoreError> {
        let delivery = self.outbox.get(&DeliveryId::known(delivery)).await?;
        let theirs = delivery
            .filter(|delivery| delivery.rule == NAME && delivery.recipient.address == reached.recipient.address);
        Ok(theirs.map(|delivery| Amendment {
            delivery: delivery.id,
            card,
        }))
    }
}

/// The card that somebody asks about, by its rule and the target that names them.
enum AskedAbout {
    Nothing,
    Forgotten,
    This(String, Option<String>),
    Last(String, Option<String>),
}

impl AskedAbout {
    fn shown(&self) -> About<'_> {
        match self {
            AskedAbout::Nothing => About::Nothing,
            AskedAbout::Forgotten => About::Forgotten,
            AskedAbout::This(rule, target) => About::This(came(rule, target.as_deref())),
            AskedAbout::Last(rule, target) => About::Last(came(rule, target.as_deref())),
        }
    }
}

fn came<'a>(rule: &'a str, target: Option<&'a str>) -> Came<'a> {
    Came { rule, target }
}

/// What whoever pressed a button sees at once.
fn said_at_once(answer: &concierge::Answer) -> Option<HttpAnswer> {
    match (&answer.in_place, &answer.toast) {
        (Some(card), _) => match &card.content {
            Content::Adaptive(card) => Some(HttpAnswer::Show(card.clone())),
            Content::Text(_) | Content::Notification(_) => None,
        },
        (None, Some(sentence)) => Some(HttpAnswer::Say(sentence.clone())),
        (None, None) => None,
    }
}

/// Under which note it is kept when somebody was told what can be written.
fn helped(key: &PersonKey) -> String {
    format!("helped/{key}")
}

fn key_of(event: &Event) -> Option<PersonKey> {
    let sender = event.sender.as_ref()?;
    PersonKey::of_ids(sender.aad_object_id.as_deref(), sender.account_id.as_deref())
}

/// A question in a thread is answered there.
fn thread_of(event: &Event) -> Option<Thread> {
    Some(Thread::Of {
        conversation: event.here.clone()?,
        message: event.thread.clone()?,
    })
}
