//! One attempt: find the way, send, judge the answer, record it.

pub(super) mod batched;
mod chat;
mod elsewhere;
mod posting;
mod verdict;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use tracing::{info, warn};

use self::chat::Given;
use self::posting::{At, Landed, in_thread};
use self::verdict::cause_of_death;
use super::Courier;
use super::desk::Slot;
use super::doubt::{self, Doubt};
use super::lesson;
use super::renewed::Renewed;
use super::route::{self, Ground, Route, Way};
use super::traced;
use super::webhook::Webhooks;
use crate::clock::Clock;
use crate::delivery::{Address, Attempt, Delivery, Operation, State, Verdict};
use crate::graph::feed::Feeds;
use crate::graph::installs::{Installs, Progress};
use crate::metric::Metrics;
use crate::pace::{Kind, Request};
use crate::retry::RetryPolicy;
use crate::roster::{ConversationId, Fact};
use crate::run::Pass;
use crate::seldom::Seldom;
use crate::store::outbox::Claim;
use crate::store::{Directory, Outbox, StoreError};
use crate::teams::answer::Answer;
use crate::teams::connector::Connector;
use crate::tracer::{Tracer, made_for};
use crate::turnstile::Turnstile;

/// How long to wait when the store cannot be used.
const STORE_WAIT: Duration = Duration::seconds(5);
/// How long to wait before an attempt is tried to be recorded again; by the machine's time, whatever the clock says.
pub(super) const STORE_PAUSE: std::time::Duration = std::time::Duration::from_secs(2);
/// For how long an attempt is tried to be recorded: for as long as the claim is ours.
pub(super) const RECORDED_WITHIN: Duration = Duration::minutes(4);
/// How long the courier may take to put on its desk what it has just claimed; by the machine's time.
const TAKEN_IN_HAND: std::time::Duration = std::time::Duration::from_secs(10);

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
    /// How often attempts that failed are told to the log.
    seldom: Seldom,
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

/// How far one request led.
enum Came {
    /// The chat is open now; nothing was sent yet.
    ToAChat,
    /// To an answer about the message.
    ToAnAnswer(Box<Tried>),
    /// Nowhere: it waits for something else until then.
    Waits(DateTime<Utc>),
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
            seldom: Seldom::default(),
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
        let span = traced::attempt(delivery).filter(|_| self.tracer.is_on());
        let tried = match made_for(span, self.attempt(delivery, slot)).await {
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
        self.conclude(claim, &tried, verdict, started_at, now).await;
        outcome
    }

    /// Learns from an attempt, says what came of it, and writes it down.
    async fn conclude(
        &self,
        claim: &Claim,
        tried: &Tried,
        verdict: Verdict,
        started_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) {
        let delivery = &claim.delivery;
        let took_ms = u64::try_from((now - started_at).num_milliseconds()).unwrap_or(0);
        self.learn(delivery, tried, now).await;
        match &verdict {
            Verdict::RetryAt { at, reason } => {
                // With Teams down, thousands of deliveries say the same; each keeps its attempts.
                if let Some(left_out) = self.seldom.may(tried.answer.word()) {
                    info!(
                        delivery = %delivery.id, rule = %delivery.rule, %at, %reason, left_out,
                        "delivery will be tried again"
                    );
                }
                self.metrics.retried(tried.answer.word());
            }
            Verdict::Delivered { .. } => {
                info!(delivery = %delivery.id, rule = %delivery.rule, took_ms, "delivery settled");
                self.metrics.sent((now - delivery.owed_since()).as_seconds_f64());
            }
            Verdict::Dead { reason } => {
                if let Some(left_out) = self.seldom.may(&format!("{} given up", delivery.rule)) {
                    warn!(
                        delivery = %delivery.id, rule = %delivery.rule, recipient = %delivery.recipient.name, %reason,
                        left_out, "delivery given up"
                    );
                }
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
    }

    /// The delivery is due again at `at`; nothing was tried.
    pub(super) async fn give_back(&self, claim: &Claim, at: DateTime<Utc>) {
        let mut under = self.renewed.newest(claim);
        loop {
            match self.outbox.release(&under, at).await {
                Err(StoreError::LeaseLost) => match self.leased_again(&under).await {
                    Some(newer) => under = newer,
                    None => return self.record(Err(StoreError::LeaseLost), &claim.delivery),
                },
                result => return self.record(result, &claim.delivery),
            }
        }
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
                Err(StoreError::LeaseLost) => match self.leased_again(&under).await {
                    Some(newer) => under = newer,
                    None => return self.record(Err(StoreError::LeaseLost), &claim.delivery),
                },
                Err(StoreError::Unavailable(problem)) if self.clock.now() < attempt.started_at + RECORDED_WITHIN => {
                    warn!(delivery = %claim.delivery.id, %problem, "attempt cannot be recorded, trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                result => return self.record(result, &claim.delivery),
            }
        }
    }

    /// The claim under the lease that took the place of `lost`, if there is one. Nobody else claims from our store, so a
    /// delivery that is being sent is ours still: the clock jumped past the end of its lease, and it was claimed anew.
    async fn leased_again(&self, lost: &Claim) -> Option<Claim> {
        let delivery = self.outbox.get(&lost.delivery.id).await.ok().flatten()?;
        match delivery.state {
            State::Sending => self.renewed.newer_than(lost, TAKEN_IN_HAND).await,
            State::Pending | State::Delivered | State::Dead | State::Cancelled | State::Recalled => None,
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
                let place_in_thread = in_thread(place.as_str(), delivery.thread_root.as_deref());
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
        self.again(delivery, way);
        let moved = Fact::HostMoved {
            tenant_id: way.tenant_id.clone().unwrap_or_default(),
            id: id.clone(),
            service_url,
        };
        if let Err(problem) = self.directory.learn(&[moved]).await {
            warn!(delivery = %delivery.id, %problem, "where Teams serves this tenant could not be stored");
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
