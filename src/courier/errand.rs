//! One attempt: find the way, send, judge the answer, record it.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use tracing::{error, info, warn};

use super::Courier;
use super::desk::Slot;
use super::doubt::{self, Doubt};
use super::lesson;
use super::renewed::Renewed;
use super::route::{self, Ground, Route, Way};
use super::traced;
use super::webhook::Webhooks;
use crate::audience::{Found, Lookup, PersonRef};
use crate::card::{Card, Content, fit};
use crate::clock::Clock;
use crate::delivery::{Address, Attempt, Delivery, Operation, Thread, Verdict};
use crate::graph::answer::No;
use crate::graph::feed::{Crowded, Feeds};
use crate::graph::installs::{Installs, Progress};
use crate::metric::{Metrics, label};
use crate::pace::{Kind, Request};
use crate::refusal::Party;
use crate::retry::{Next, RetryPolicy};
use crate::roster::{Conversation, ConversationId, ConversationKind, Fact, Person};
use crate::run::Pass;
use crate::store::outbox::Claim;
use crate::store::{Directory, Outbox, StoreError};
use crate::teams::answer::Answer;
use crate::teams::connector::{Connector, Sent};
use crate::tracer::Tracer;
use crate::turnstile::Turnstile;

/// How often Teams may say of a place that it is gone, and show its members all the same, before a message is given up.
const CONTRADICTIONS: usize = 4;

/// How long Teams has to tell of an installation before the chat that Graph names is taken, and how soon to look again.
const TOLD_WITHIN: Duration = Duration::seconds(15);
const LOOK_AGAIN: Duration = Duration::seconds(2);
/// How soon a notification comes again that found no place among those that wait for Graph.
const FEEDS_WAIT: Duration = Duration::seconds(5);

/// How long to wait when the store cannot be used.
const STORE_WAIT: Duration = Duration::seconds(5);
/// How long to wait before an attempt is tried to be recorded again; by the machine's time, whatever the clock says.
const STORE_PAUSE: std::time::Duration = std::time::Duration::from_secs(2);
/// For how long an attempt is tried to be recorded: for as long as the claim is ours.
const RECORDED_WITHIN: Duration = Duration::minutes(4);

/// What an errand needs.
pub struct Errand {
    directory: Arc<dyn Directory>,
    outbox: Arc<dyn Outbox>,
    connector: Arc<Connector>,
    webhooks: Webhooks,
    turnstile: Arc<Turnstile>,
    clock: Clock,
    metrics: Arc<Metrics>,
    tracer: Tracer,
    renewed: Arc<Renewed>,
    default_service_url: String,
    retry: RetryPolicy,
    /// Gives people the app, where that is allowed.
    installs: Option<Arc<Installs>>,
    /// The way into activity feeds, where there is one.
    feeds: Option<Feeds>,
}

/// What the desk must know of an errand that came back.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Nothing is settled yet: the personal chat was opened, and the message is the next request.
    pub goes_on: bool,
    /// When the request left, if one did.
    pub left_at: Option<DateTime<Utc>>,
    /// When its answer was there, if one came; recording it takes longer.
    pub answered_at: Option<DateTime<Utc>>,
    /// Teams asked for silence in this conversation.
    pub throttled_until: Option<DateTime<Utc>>,
    /// Nothing can be sent to anybody until then.
    pub pause_everything: Option<DateTime<Utc>>,
    /// Nothing can be sent to this tenant until then: an administrator switched the bot off there.
    pub tenant_suspended_until: Option<(String, DateTime<Utc>)>,
}

/// What came of trying, before it is judged.
struct Tried {
    answer: Answer,
    status: Option<u16>,
    conversation: Option<ConversationId>,
    way: Way,
    doubt: Doubt,
    /// The id of the row in the block report because of which Teams was not asked.
    shut: Option<String>,
    /// Its tenant is suspended, and Teams was not asked.
    suspended_until: Option<DateTime<Utc>>,
    /// The app is being installed for the person: look again then.
    look_again_at: Option<DateTime<Utc>>,
    /// Graph was asked, which says nothing of what Teams thinks of the bot.
    by_graph: bool,
    /// It went through a webhook: the answer says nothing about the bot.
    through_webhook: bool,
    /// The message that begins the thread it is in, if it was sent into one.
    thread_root: Option<String>,
    /// What did not go as meant and did not matter enough to give up.
    note: Option<String>,
}

impl Tried {
    /// Teams was not asked, and why.
    fn unasked(way: Way, reason: String) -> Self {
        Self {
            answer: Answer::Rejected { reason },
            status: None,
            conversation: None,
            way,
            doubt: Doubt::Unsolved,
            shut: None,
            suspended_until: None,
            look_again_at: None,
            by_graph: false,
            through_webhook: false,
            thread_root: None,
            note: None,
        }
    }
}

/// Where a message goes.
#[derive(Debug, Clone, Copy)]
enum To<'a> {
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
struct At<'a> {
    service_url: &'a str,
    way: &'a Way,
}

/// What came of posting a message, and where it is.
struct Landed {
    sent: Sent,
    thread_root: Option<String>,
    note: Option<String>,
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
fn in_thread(place: &ConversationId, root: Option<&str>) -> String {
    match root {
        Some(root) => format!("{place}{THREAD}{root}"),
        None => place.to_string(),
    }
}

/// How far one request led.
enum Came {
    /// The chat is open now; nothing was sent yet.
    ToAChat,
    /// To an answer about the message.
    ToAnAnswer(Box<Tried>),
    /// Nowhere: it waits for something else until then.
    Waits(DateTime<Utc>),
}

/// What giving somebody the app led to.
enum Given {
    /// To a chat, which is known now.
    AChat,
    /// To nothing yet.
    LookAgain(DateTime<Utc>),
    /// To nothing; this is the answer.
    Nothing(Answer),
}

impl Errand {
    /// Errands for this courier.
    pub fn new(courier: &Courier, renewed: Arc<Renewed>) -> Self {
        Self {
            directory: courier.directory.clone(),
            outbox: courier.outbox.clone(),
            connector: courier.connector.clone(),
            webhooks: courier.webhooks.clone(),
            turnstile: courier.turnstile.clone(),
            clock: courier.clock.clone(),
            metrics: courier.metrics.clone(),
            tracer: courier.tracer.clone(),
            renewed,
            default_service_url: courier.default_service_url.clone(),
            retry: RetryPolicy::default(),
            installs: courier.installs.clone(),
            feeds: courier.feeds.clone(),
        }
    }

    /// Makes one request. If it was about the message, it was an attempt, which is recorded.
    pub async fn run(&self, claim: &Claim, slot: &Slot) -> Outcome {
        let delivery = &claim.delivery;
        let started_at = self.clock.now();
        match self.is_stopped(delivery, started_at).await {
            Ok(false) => {}
            Ok(true) => {
                // Claimed again, it steps aside or is cancelled.
                self.give_back(claim, started_at).await;
                return Outcome::default();
            }
            Err(problem) => return self.put_off(claim, &problem).await,
        }
        let tried = match self.attempt(delivery, slot).await {
            Ok(Came::ToAnAnswer(tried)) => tried,
            Ok(Came::ToAChat) => {
                return Outcome {
                    goes_on: true,
                    left_at: slot.left.get().copied(),
                    answered_at: slot.answered.get().copied(),
                    ..Outcome::default()
                };
            }
            Ok(Came::Waits(until)) => {
                self.give_back(claim, until).await;
                return Outcome::default();
            }
            // What it needs will not heal by itself, and others wait behind it.
            Err(StoreError::Corrupt(damage)) => {
                let reason = format!("its record is damaged: {damage}");
                Box::new(Tried::unasked(Way::nowhere(&reason), reason))
            }
            Err(problem) => return self.put_off(claim, &problem).await,
        };
        let now = self.clock.now();
        let took_ms = u64::try_from((now - started_at).num_milliseconds()).unwrap_or(0);
        let outcome = Outcome {
            left_at: slot.left.get().copied(),
            answered_at: slot.answered.get().copied(),
            ..self.outcome(&tried, now)
        };
        let suspended_until = outcome.tenant_suspended_until.as_ref().map(|(_, until)| *until);
        if let Some(until) = outcome.pause_everything.or(suspended_until) {
            // Not this message's fault: it does not count as an attempt.
            self.give_back(claim, until).await;
            return outcome;
        }
        let verdict = self.judge(delivery, &tried, now);
        self.learn(delivery, &tried, now).await;
        match &verdict {
            Verdict::RetryAt { at, reason } => {
                info!(delivery = %delivery.id, rule = %delivery.rule, %at, %reason, "delivery will be tried again");
                self.metrics.retried(tried.answer.word());
            }
            Verdict::Delivered { .. } => {
                info!(delivery = %delivery.id, rule = %delivery.rule, took_ms, "delivery settled");
                self.metrics.sent((now - delivery.created_at).as_seconds_f64());
            }
            Verdict::Dead { reason } => {
                warn!(delivery = %delivery.id, rule = %delivery.rule, recipient = %delivery.recipient.name, %reason, "delivery given up");
                self.metrics.dead(cause_of_death(&tried.answer));
            }
        }
        let number = delivery.attempt_count + 1;
        let attempt = Attempt {
            number,
            started_at,
            took_ms,
            status: tried.status,
            verdict,
        };
        if self.tracer.is_on() {
            for span in traced::spans(delivery, &attempt, &tried.answer, now) {
                self.tracer.record(span);
            }
        }
        self.settle(claim, attempt).await;
        outcome
    }

    /// The delivery is due again at `at`; nothing was tried.
    async fn give_back(&self, claim: &Claim, at: DateTime<Utc>) {
        let released = self.outbox.release(&self.renewed.newest(claim), at).await;
        self.record(released, &claim.delivery);
    }

    /// What it needs cannot be read right now.
    async fn put_off(&self, claim: &Claim, problem: &StoreError) -> Outcome {
        warn!(delivery = %claim.delivery.id, %problem, "delivery cannot be worked on, trying again");
        self.give_back(claim, self.clock.now() + STORE_WAIT).await;
        Outcome::default()
    }

    /// Records an attempt. Where the store cannot write (a full disk), it is tried again as long as the claim is ours: a
    /// message that went out without being written down goes out twice.
    async fn settle(&self, claim: &Claim, attempt: Attempt) {
        let mut under = self.renewed.newest(claim);
        loop {
            match self.outbox.settle(&under, attempt.clone()).await {
                Err(StoreError::LeaseLost) if self.renewed.newest(claim).lease != under.lease => {
                    under = self.renewed.newest(claim);
                }
                Err(StoreError::Unavailable(problem)) if self.clock.now() < attempt.started_at + RECORDED_WITHIN => {
                    warn!(delivery = %claim.delivery.id, %problem, "attempt cannot be recorded, trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                result => return self.record(result, &claim.delivery),
            }
        }
    }

    /// The run may have been paused, cancelled or recalled, or the time may have run out, since the delivery was claimed:
    /// hundreds may lie on the desk, and somebody who says stop means these, too.
    async fn is_stopped(&self, delivery: &Delivery, now: DateTime<Utc>) -> Result<bool, StoreError> {
        if !delivery.operation.is_send() {
            return Ok(false);
        }
        match self.outbox.run(&delivery.run()).await {
            Ok(run) => Ok(run.is_some_and(|run| run.lets_pass(delivery, now) != Pass::Now)),
            // It does not heal, and nobody can order anything of it.
            Err(StoreError::Corrupt(_)) => Ok(false),
            Err(problem) => Err(problem),
        }
    }

    async fn attempt(&self, delivery: &Delivery, slot: &Slot) -> Result<Came, StoreError> {
        let now = self.clock.now();
        let address = &delivery.recipient.address;
        let ground = Ground {
            default_service_url: &self.default_service_url,
            installs: self.installs.is_some(),
            now,
        };
        let way = route::find(&*self.directory, address, ground).await?;
        let unasked = |reason: String| Tried::unasked(way.clone(), reason);
        let nothing = |reason: String| Came::ToAnAnswer(Box::new(unasked(reason)));
        let card = match &delivery.card_id {
            Some(id) if delivery.operation != Operation::Delete => self.outbox.card(id).await?,
            Some(_) | None => None,
        };
        if card.is_none() && delivery.operation != Operation::Delete {
            return Ok(nothing("its card is no longer stored".to_owned()));
        }
        if let Address::Feed { id, .. } = address {
            return Ok(self.notify(delivery, id, card, slot, way).await);
        }
        if let (Address::Webhook { name, .. }, Some(card)) = (address, &card) {
            return Ok(Came::ToAnAnswer(Box::new(
                self.through_webhook(delivery, slot, name, card).await,
            )));
        }
        match &way.route {
            Route::None(reason) => return Ok(nothing(reason.clone())),
            Route::Shut { id, reason, .. } => {
                return Ok(Came::ToAnAnswer(Box::new(Tried {
                    shut: Some(id.clone()),
                    ..unasked(reason.clone())
                })));
            }
            Route::Post { .. } | Route::Open { .. } => {}
        }
        let tenant = way.tenant_id.as_deref().unwrap_or_default();
        if let Some(until) = self.connector.standing().suspended(tenant, now) {
            return Ok(Came::ToAnAnswer(Box::new(Tried {
                suspended_until: Some(until),
                ..unasked("the bot is switched off in this tenant".to_owned())
            })));
        }
        let (service_url, conversation) = match way.route.clone() {
            Route::Post {
                service_url,
                conversation,
            } => (service_url, conversation),
            Route::Open {
                service_url,
                tenant_id,
                member,
            } => {
                match self.progress(address) {
                    Some(Progress::UnderWay { again_at }) => return Ok(Came::Waits(again_at)),
                    Some(Progress::Failed { reason }) => {
                        let reason = format!("the app is not installed for this person, and cannot be: {reason}");
                        let answer = Answer::Unreachable {
                            code: "NotInstallable".to_owned(),
                            reason,
                        };
                        return Ok(Came::ToAnAnswer(Box::new(Tried {
                            answer,
                            ..unasked(String::new())
                        })));
                    }
                    Some(Progress::Installed { .. }) | None => {}
                }
                self.leave(delivery, slot).await;
                let sent = match self.open(delivery, slot, &service_url, &tenant_id, &member).await? {
                    Ok(()) => return Ok(Came::ToAChat),
                    Err(sent) => sent,
                };
                self.metrics.answer(sent.answer.word());
                let (answer, look_again_at) = match self
                    .give_app(delivery, &service_url, &tenant_id, sent.answer.clone())
                    .await?
                {
                    Given::AChat => return Ok(Came::ToAChat),
                    Given::LookAgain(at) => (sent.answer, Some(at)),
                    Given::Nothing(answer) => (answer, None),
                };
                return Ok(Came::ToAnAnswer(Box::new(Tried {
                    answer,
                    status: sent.status,
                    look_again_at,
                    ..unasked(String::new())
                })));
            }
            Route::Shut { .. } | Route::None(_) => unreachable!("looked at above"),
        };
        let there = |message: &str| Some((delivery.conversation_id.clone()?, message.to_owned()));
        let message = delivery.activity_id.as_deref().and_then(there);
        self.leave(delivery, slot).await;
        let at = At {
            service_url: &service_url,
            way: &way,
        };
        let (landed, conversation) = match (delivery.operation, card, message) {
            (Operation::Send, Some(card), _) => (self.send(delivery, &at, &conversation, &card).await?, conversation),
            (Operation::Update, Some(card), Some((place, message))) => {
                (self.correct(delivery, &at, &place, &message, &card).await, place)
            }
            (Operation::Delete, _, Some((place, message))) => {
                let place_in_thread = in_thread(&place, delivery.thread_root.as_deref());
                let mut sent = self.connector.delete(&service_url, &place_in_thread, &message).await;
                if matches!(sent.answer, Answer::MessageGone { .. }) {
                    // That is what was wanted.
                    sent.answer = Answer::Accepted { activity_id: None };
                }
                (Landed::from(sent), place)
            }
            (Operation::Send | Operation::Update, None, _) | (Operation::Update | Operation::Delete, _, None) => {
                return Ok(nothing("it is not known which message is meant".to_owned()));
            }
        };
        let _ = slot.answered.set(self.clock.now());
        let Landed {
            sent,
            thread_root,
            note,
        } = landed;
        self.metrics.answer(sent.answer.word());
        if let Some(moved_to) = sent.moved_to {
            self.moved(delivery, &way, &conversation, moved_to).await;
        }
        let (answer, doubt) = if delivery.operation == Operation::Send && doubt::is_doubtful(&way, &sent.answer) {
            self.turnstile.pass(self.request(delivery, &way, Kind::Listing)).await;
            let solved = doubt::solve(&self.connector, &service_url, &way, &conversation).await;
            settle(sent.answer, solved)
        } else {
            (sent.answer, Doubt::Unsolved)
        };
        Ok(Came::ToAnAnswer(Box::new(Tried {
            answer,
            status: sent.status,
            conversation: Some(conversation),
            doubt,
            thread_root,
            note,
            ..unasked(String::new())
        })))
    }

    /// Puts a notification into the person's activity feed, through Graph.
    async fn notify(&self, delivery: &Delivery, user: &str, card: Option<Card>, slot: &Slot, way: Way) -> Came {
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
    async fn through_webhook(&self, delivery: &Delivery, slot: &Slot, name: &str, card: &Card) -> Tried {
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

    /// Waits for the time that was planned, and says that the request leaves: everything that could hold it up lies
    /// behind it.
    async fn leave(&self, delivery: &Delivery, slot: &Slot) {
        if self.clock.now() < slot.planned {
            self.clock.sleep_until(slot.planned).await;
        }
        let now = self.clock.now();
        let request = Request {
            tenant: &slot.tenant,
            kind: slot.kind,
            about: &slot.address,
            lane: delivery.terms.lane,
        };
        self.turnstile.pace().leaves(request, slot.planned, now);
        let _ = slot.left.set(now);
    }

    fn request<'a>(&self, delivery: &'a Delivery, way: &'a Way, kind: Kind) -> Request<'a> {
        let place = match &delivery.recipient.address {
            Address::Conversation { id } => id.as_str(),
            Address::Person { id, .. } | Address::Feed { id, .. } => id,
            Address::Webhook { name, .. } => name,
            Address::Nowhere { wanted } => wanted,
        };
        Request {
            tenant: way.tenant_id.as_deref().unwrap_or_default(),
            kind,
            about: way.team_id.as_deref().unwrap_or(place),
            lane: delivery.terms.lane,
        }
    }

    /// Remembers where Teams wants to be called for this place and tenant.
    async fn moved(&self, delivery: &Delivery, way: &Way, id: &ConversationId, service_url: String) {
        // It took two requests where one was paced.
        let now = self.clock.now();
        self.turnstile
            .pace()
            .departs(self.request(delivery, way, Kind::Message), now);
        let moved = Fact::HostMoved {
            tenant_id: way.tenant_id.clone().unwrap_or_default(),
            id: id.clone(),
            service_url,
        };
        if let Err(problem) = self.directory.learn(&[moved]).await {
            warn!(delivery = %delivery.id, %problem, "where Teams serves this tenant could not be stored");
        }
    }

    /// Opens the personal chat and remembers it; the same person always has the same chat.
    async fn open(
        &self,
        delivery: &Delivery,
        slot: &Slot,
        service_url: &str,
        tenant_id: &str,
        member: &str,
    ) -> Result<Result<(), Sent>, StoreError> {
        let opened = self.connector.open_personal(service_url, tenant_id, member).await;
        let _ = slot.answered.set(self.clock.now());
        let id = match opened {
            Ok(id) => ConversationId::new(&id),
            Err(sent) => return Ok(Err(sent)),
        };
        let account_id = member.starts_with("29:").then(|| member.to_owned());
        self.remember_chat(delivery, service_url, tenant_id, id, account_id)
            .await?;
        Ok(Ok(()))
    }

    /// How far the installation for the person at this address is, if one was asked for.
    fn progress(&self, address: &Address) -> Option<Progress> {
        self.installs.as_ref()?.progress(entra_id(address)?)
    }

    /// The personal chat could not be opened: if that is because the app is not installed for the person, and it may be,
    /// it is. A person whom Teams says it is installed for by then is waited for; after a while the chat that Graph names
    /// is taken.
    async fn give_app(
        &self,
        delivery: &Delivery,
        service_url: &str,
        tenant_id: &str,
        answer: Answer,
    ) -> Result<Given, StoreError> {
        let user = entra_id(&delivery.recipient.address);
        let (Answer::Unreachable { code, .. } | Answer::NotInstalled { code, .. }, Some(installs), Some(user)) =
            (&answer, &self.installs, user)
        else {
            return Ok(Given::Nothing(answer));
        };
        let because = |more: String| {
            Given::Nothing(Answer::Unreachable {
                code: code.clone(),
                reason: format!("{answer}; {more}"),
            })
        };
        let now = self.clock.now();
        Ok(match installs.progress(user) {
            None if self.is_guest(user).await? => {
                because("the app cannot be installed for a guest of the tenant through Graph".to_owned())
            }
            None => Given::LookAgain(installs.ask(user)),
            Some(Progress::UnderWay { again_at }) => Given::LookAgain(again_at),
            Some(Progress::Failed { reason }) => because(reason),
            Some(Progress::Installed { at, .. }) if now - at < TOLD_WITHIN => Given::LookAgain(now + LOOK_AGAIN),
            Some(Progress::Installed { installation, .. }) => match installs.chat(user, &installation).await {
                Ok(id) => {
                    let id = ConversationId::new(&id);
                    self.remember_chat(delivery, service_url, tenant_id, id, None).await?;
                    Given::AChat
                }
                Err(no) if no.passes() => {
                    let wait = no.wait().and_then(|wait| Duration::from_std(wait).ok());
                    Given::LookAgain(now + wait.unwrap_or(LOOK_AGAIN).max(LOOK_AGAIN))
                }
                Err(no) => because(format!(
                    "the app is installed for this person, but its chat is not known: {no}"
                )),
            },
        })
    }

    async fn is_guest(&self, user: &str) -> Result<bool, StoreError> {
        let lookup = Lookup::Person(PersonRef::AadObjectId(user.to_owned()));
        let Found::People(people) = self.directory.look_up(&lookup).await? else {
            return Ok(false);
        };
        let is_guest = |person: &Person| {
            let name = person.user_principal_name.as_deref().unwrap_or_default();
            name.to_lowercase().contains("#ext#") || person.role.as_deref() == Some("guest")
        };
        Ok(people.iter().any(is_guest))
    }

    async fn remember_chat(
        &self,
        delivery: &Delivery,
        service_url: &str,
        tenant_id: &str,
        id: ConversationId,
        account_id: Option<String>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let aad_object_id = entra_id(&delivery.recipient.address).map(str::to_owned);
        let person = Person {
            tenant_id: tenant_id.to_owned(),
            aad_object_id,
            account_id,
            ..Person::default()
        };
        let chat = Conversation {
            id,
            kind: ConversationKind::Personal,
            service_url: service_url.to_owned(),
            tenant_id: tenant_id.to_owned(),
            team_id: None,
            name: None,
            bot_id: self.directory.bot_id().await?.unwrap_or_default(),
            person: Some(person),
            installed_by: None,
            first_seen: now,
            last_seen: now,
            blocked: None,
        };
        self.directory.learn(&[Fact::ConversationSeen(chat)]).await
    }

    /// Sends the card where it belongs: to a conversation, into the thread of its rule, or as an answer. A thread that is
    /// gone is begun anew: what is said must not be lost with it.
    async fn send(
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
    async fn correct(
        &self,
        delivery: &Delivery,
        at: &At<'_>,
        place: &ConversationId,
        message: &str,
        card: &Card,
    ) -> Landed {
        let root = delivery.thread_root.as_deref();
        let body = card.to_activity();
        let in_thread = in_thread(place, root);
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
    fn again(&self, delivery: &Delivery, way: &Way) {
        let now = self.clock.now();
        let request = self.request(delivery, way, Kind::Message);
        self.turnstile.pace().departs(request, now);
    }

    /// Posts the card; one that Teams finds too large is cut further and posted again.
    async fn post(&self, at: &At<'_>, to: To<'_>, card: &Card) -> Landed {
        let landed = self.post_once(at, to, &card.to_activity()).await;
        match (&landed.sent.answer, fit::shorter(card)) {
            (Answer::TooLarge, Some(shorter)) => self.post_once(at, to, &shorter.to_activity()).await,
            _ => landed,
        }
    }

    async fn post_once(&self, at: &At<'_>, to: To<'_>, activity: &Value) -> Landed {
        let At { service_url, way } = *at;
        match to {
            To::Conversation(place) => self.connector.send(service_url, place, activity).await.into(),
            To::Message(place, message) => {
                let sent = self.connector.reply(service_url, place, message, activity).await;
                sent.into()
            }
            To::Thread(channel, root) => {
                let place = format!("{channel}{THREAD}{root}");
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

    /// What everybody else must know of this attempt. Whoever is first to see that the bot as a whole is refused says so
    /// aloud, and so does the one that sees that it is over.
    fn outcome(&self, tried: &Tried, now: DateTime<Utc>) -> Outcome {
        let standing = self.connector.standing();
        let tenant = tried.way.tenant_id.as_deref().unwrap_or_default();
        let asked =
            tried.shut.is_none() && tried.suspended_until.is_none() && !tried.by_graph && !tried.through_webhook;
        if let Some(until) = tried.suspended_until {
            return Outcome {
                tenant_suspended_until: Some((tenant.to_owned(), until)),
                ..Outcome::default()
            };
        }
        if asked {
            for over in standing.heard(tenant, &tried.answer) {
                info!(tenant = over.tenant_id, since = %over.since, "Teams takes the bot's messages again");
            }
        }
        let everybody = |until| Outcome {
            pause_everything: Some(until),
            ..Outcome::default()
        };
        match &tried.answer {
            Answer::Throttled { wait } => {
                let wait = wait
                    .and_then(|wait| Duration::from_std(wait).ok())
                    .unwrap_or(Duration::seconds(2));
                Outcome {
                    throttled_until: Some(now + wait),
                    ..Outcome::default()
                }
            }
            Answer::NoToken { reason } => {
                let pause = standing.no_token(reason, now);
                if pause.news {
                    error!(%reason, "the bot has no token, nothing is sent until it has; what waits is kept");
                }
                everybody(pause.until)
            }
            Answer::Unauthorized { reason } => match standing.unauthorized(reason, now) {
                Some(pause) => {
                    if pause.news {
                        error!(%reason, "Teams does not accept the bot, nothing is sent until it does; what waits is kept");
                    }
                    everybody(pause.until)
                }
                None => Outcome::default(),
            },
            Answer::SwitchedOff { reason } => {
                let pause = standing.switched_off(tenant, reason, now);
                if pause.news {
                    error!(tenant, %reason, "the bot is switched off in a tenant, its messages wait until it is on again");
                }
                Outcome {
                    tenant_suspended_until: Some((tenant.to_owned(), pause.until)),
                    ..Outcome::default()
                }
            }
            Answer::Accepted { .. }
            | Answer::Conflict
            | Answer::Unavailable { .. }
            | Answer::Faulty { .. }
            | Answer::WrongHost { .. }
            | Answer::NotInstalled { .. }
            | Answer::Foreign { .. }
            | Answer::Gone { .. }
            | Answer::Blocked { .. }
            | Answer::Unreachable { .. }
            | Answer::NotAllowed { .. }
            | Answer::MessageGone { .. }
            | Answer::TooLarge
            | Answer::Rejected { .. } => Outcome::default(),
        }
    }

    fn judge(&self, delivery: &Delivery, tried: &Tried, now: DateTime<Utc>) -> Verdict {
        if let (Answer::Accepted { activity_id }, Some(conversation_id)) = (&tried.answer, &tried.conversation) {
            return Verdict::Delivered {
                activity_id: activity_id.clone(),
                conversation_id: conversation_id.clone(),
                thread_root: tried.thread_root.clone(),
                note: tried.note.clone(),
            };
        }
        if let Some(at) = tried.look_again_at {
            return Verdict::RetryAt {
                at,
                reason: format!("{}; the app is being installed for this person", tried.answer),
            };
        }
        let not_found = delivery
            .attempts
            .iter()
            .filter(|attempt| attempt.status == Some(404))
            .count();
        if not_found == 0 && tried.answer.may_reopen() && matches!(delivery.recipient.address, Address::Person { .. })
        {
            // The chat we knew is forgotten by now; the next try opens it again.
            return Verdict::RetryAt {
                at: now,
                reason: tried.answer.to_string(),
            };
        }
        if tried.doubt == Doubt::Alive && not_found >= CONTRADICTIONS {
            let reason = format!("{}, again and again", tried.answer);
            return Verdict::Dead { reason };
        }
        match self.retry.next(&tried.answer, delivery, now, jitter()) {
            Next::Retry { at, reason } => Verdict::RetryAt { at, reason },
            Next::GiveUp { reason } => Verdict::Dead { reason },
            Next::Done => unreachable!("an accepted message always has its conversation"),
        }
    }

    /// What the answer says about the world, for the directory.
    async fn learn(&self, delivery: &Delivery, tried: &Tried, now: DateTime<Utc>) {
        if tried.look_again_at.is_some() {
            // It is not over yet.
            return;
        }
        let facts = match &tried.shut {
            // A message that cannot be taken back is none that was missed.
            Some(_) if delivery.operation != Operation::Send => Vec::new(),
            Some(id) => vec![Fact::Missed {
                id: id.clone(),
                delivery: delivery.id.to_string(),
                at: now,
            }],
            None => lesson::facts(&lesson::Seen {
                delivery,
                way: &tried.way,
                conversation: tried.conversation.as_ref(),
                answer: &tried.answer,
                doubt: &tried.doubt,
                now,
            }),
        };
        if facts.is_empty() {
            return;
        }
        if let Err(problem) = self.directory.learn(&facts).await {
            warn!(delivery = %delivery.id, %problem, "what Teams told about the conversation could not be stored");
        }
    }

    fn record(&self, result: Result<(), StoreError>, delivery: &Delivery) {
        match result {
            Ok(()) => {}
            Err(StoreError::LeaseLost) => {
                info!(delivery = %delivery.id, "delivery was cancelled or taken over meanwhile, its attempt is not recorded");
            }
            Err(problem) => {
                warn!(delivery = %delivery.id, %problem, "attempt could not be recorded, the delivery may be sent again");
            }
        }
    }
}

/// A person's Entra object id, where that is what the address has.
fn entra_id(address: &Address) -> Option<&str> {
    match address {
        Address::Person { id, .. } if !id.starts_with("29:") => Some(id),
        Address::Person { .. }
        | Address::Feed { .. }
        | Address::Conversation { .. }
        | Address::Webhook { .. }
        | Address::Nowhere { .. } => None,
    }
}

/// What an answer means once its doubt is solved.
fn settle(answer: Answer, solved: Doubt) -> (Answer, Doubt) {
    match (answer, solved) {
        // The team shows the channel to the bot, so the bot is in the team: it lacks in the channel alone.
        (answer @ Answer::NotInstalled { .. }, Doubt::Alive | Doubt::ChannelGone) => (answer, Doubt::NotInChannel),
        (answer @ Answer::NotInstalled { .. }, solved) => (answer, solved),
        (answer, Doubt::Alive) => {
            let reason = format!("{answer}, but lists who is there");
            (Answer::Unavailable { reason, wait: None }, Doubt::Alive)
        }
        (answer, Doubt::Later(why)) => {
            let reason = format!("{answer}; whether that is so cannot be asked now: {why}");
            (Answer::Unavailable { reason, wait: None }, Doubt::Unsolved)
        }
        (Answer::Gone { code, reason }, Doubt::NotInstalled) => {
            (Answer::NotInstalled { code, reason }, Doubt::NotInstalled)
        }
        (answer, solved) => (answer, solved),
    }
}

/// Why a delivery was given up, in a word: an answer that would have passed has outlived our patience.
fn cause_of_death(answer: &Answer) -> &'static str {
    match answer {
        Answer::Throttled { .. }
        | Answer::Conflict
        | Answer::Unavailable { .. }
        | Answer::NoToken { .. }
        | Answer::Unauthorized { .. }
        | Answer::SwitchedOff { .. } => label::TOO_LATE,
        Answer::Accepted { .. }
        | Answer::Faulty { .. }
        | Answer::Gone { .. }
        | Answer::NotInstalled { .. }
        | Answer::Foreign { .. }
        | Answer::WrongHost { .. }
        | Answer::NotAllowed { .. }
        | Answer::Blocked { .. }
        | Answer::Unreachable { .. }
        | Answer::MessageGone { .. }
        | Answer::TooLarge
        | Answer::Rejected { .. } => answer.word(),
    }
}

/// A number from 0 to 1.
fn jitter() -> f64 {
    let [byte, other, ..] = *uuid::Uuid::new_v4().as_bytes();
    f64::from(u16::from_be_bytes([byte, other])) / f64::from(u16::MAX)
}
