//! POST from Teams -> verify -> facts, remembered -> perhaps an event -> an answer within Teams' time.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::sync::{Mutex, Notify, watch};
use tracing::{info, warn};

use super::error::RequestError;
use super::gate::{self, Gate};
use crate::audience::{Found, Lookup, PlaceRef};
use crate::clock::Clock;
use crate::dispatch::{Decision, Dispatcher};
use crate::event::Origin;
use crate::judge::FROM;
use crate::matter::dress::Ours;
use crate::metric::Metrics;
use crate::store::{Directory, Outbox, StoreError};
use crate::teams::activity::Activity;
use crate::teams::inbound::{self, Heard};
use crate::teams::invoke::{self, HttpAnswer, Outcome};
use crate::teams::place::{Acquaintance, Place, place};
use crate::teams::press;
use crate::teams::verify::{Caller, NotTeams, Verifier};
use crate::words::Language;

/// The largest activity taken, in bytes; Teams sends at most about 100 KB.
const LARGEST_ACTIVITY: usize = 1024 * 1024;

/// What the bot's endpoint uses.
#[derive(Clone)]
pub struct Messages {
    /// Decides whether the caller is Teams.
    pub verifier: Arc<Verifier>,
    /// Where facts go.
    pub directory: Arc<dyn Directory>,
    /// Where it is kept which places were met before.
    pub outbox: Arc<dyn Outbox>,
    /// Whose turn it is to be remembered.
    pub turn: Arc<Mutex<()>>,
    /// Set to `None` when a new place came: the people there are asked for.
    pub asked_at: watch::Sender<Option<DateTime<Utc>>>,
    /// Rung when there is something to ask.
    pub work: Arc<Notify>,
    /// Who decides events.
    pub dispatcher: Dispatcher,
    /// The time.
    pub clock: Clock,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// What an activity must pass.
    pub gate: Arc<Gate>,
}

/// Takes one activity.
pub async fn receive(
    State(messages): State<Messages>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    match gate::in_time(hear(&messages, peer, request)).await {
        Ok((answer, what)) => {
            messages.metrics.activity(what);
            answer
        }
        Err(problem) => {
            messages.metrics.activity(match problem.status() {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "refused",
                StatusCode::REQUEST_TIMEOUT => "too_slow",
                StatusCode::SERVICE_UNAVAILABLE if problem.code() == "busy" => "busy",
                StatusCode::SERVICE_UNAVAILABLE => "unavailable",
                _ => "bad_body",
            });
            if let Some(left_out) = messages.gate.seldom.may(problem.code()) {
                let status = problem.status().as_u16();
                warn!(%peer, status, reason = problem.message(), left_out, "activity not taken");
            }
            problem.into_response()
        }
    }
}

async fn hear(
    messages: &Messages,
    peer: SocketAddr,
    request: Request,
) -> Result<(Response, &'static str), RequestError> {
    let (parts, body) = request.into_parts();
    let caller = Caller::of(peer.ip().to_canonical(), &parts.headers);
    let bad = |code, message: String| RequestError::new(StatusCode::BAD_REQUEST, code, message);
    let refused = |refused: NotTeams| {
        let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        RequestError::new(status, "not_teams", refused.to_string())
    };
    messages.verifier.look_at(&caller).map_err(refused)?;
    let too_large = || "an activity has at most 1 MiB".to_owned();
    let body = messages.gate.body(&parts, body, LARGEST_ACTIVITY, too_large).await?;
    let activity = Activity::parse(&body.bytes).map_err(|problem| bad("bad_activity", problem.to_string()))?;
    let now = messages.clock.now();
    messages
        .verifier
        .verify(&caller, &activity, now)
        .await
        .map_err(refused)?;

    let _place = messages.gate.place("teams").await?;
    let mut heard = remember(messages, &activity, now).await?;
    let language = messages.language(&activity).await?;
    if activity.is("invoke") {
        heard.answer = invoke::answer(&activity, &press::read(&activity), language);
    }
    for event in &heard.events {
        if let Origin::Button { button, .. } = &event.origin
            && Ours::is_one(button)
        {
            let sentence = messages.dispatcher.press(event).await?;
            if activity.is("invoke") {
                heard.answer = HttpAnswer::Say(sentence);
            }
            continue;
        }
        let decision = messages.dispatcher.dispatch(event).await?;
        if let (Origin::Button { button, .. }, true) = (&event.origin, activity.is("invoke")) {
            let pressed = || invoke::pressed(button, outcome(&decision), language);
            heard.answer = decision.answer.clone().unwrap_or_else(pressed);
        }
    }
    if let Some(reason) = &heard.ignored
        && let Some(left_out) = messages.gate.seldom.may("ignored")
    {
        let (kind, name) = (shown(Some(&activity.kind)), shown(activity.name.as_deref()));
        let event_type = shown(activity.channel_data.event_type.as_deref());
        info!(kind, name, event_type, reason, left_out, "activity is no event");
    }
    let status = StatusCode::from_u16(heard.answer.status()).unwrap_or(StatusCode::OK);
    let answer = match heard.answer.body() {
        Some(body) => (status, Json(body)).into_response(),
        None => status.into_response(),
    };
    Ok((answer, if heard.ignored.is_some() { "ignored" } else { "heard" }))
}

impl Messages {
    /// In which language whoever pressed something is answered.
    async fn language(&self, activity: &Activity) -> Result<Language, StoreError> {
        if !activity.is("invoke") {
            return Ok(Language::English);
        }
        let from = activity.from.as_ref();
        let aad_object_id = from.and_then(|from| from.aad_object_id.as_deref().or(from.object_id.as_deref()));
        let account_id = from.and_then(|from| from.id.as_deref());
        let locale = activity.client_locale();
        self.dispatcher.language_for(aad_object_id, account_id, locale).await
    }
}

/// What rules made of a press, for whoever waits for an answer.
fn outcome(decision: &Decision) -> Outcome {
    let mut rules = decision.rules.iter();
    if decision.rules.is_empty() {
        Outcome::NoRule
    } else if !decision.deliveries.is_empty() {
        Outcome::PassedOn
    } else if !decision.waiting.is_empty() {
        Outcome::Waits
    } else if decision
        .rules
        .iter()
        .any(|rule| rule.held_back_count > 0 || rule.silenced_count > 0)
    {
        Outcome::HeldBack
    } else if decision.rules.iter().any(|rule| rule.matched) {
        Outcome::Nobody
    } else if rules.all(|rule| rule.because.iter().any(|line| line.starts_with(FROM))) {
        Outcome::NotFromThem
    } else {
        Outcome::NotMet
    }
}

/// A word of an activity for the log, cut short: it is somebody else's.
fn shown(word: Option<&str>) -> String {
    word.unwrap_or_default().chars().take(60).collect()
}

/// Stores what an activity tells, before anything is decided, so that a rule can greet the newcomer; and before the
/// answer, so that Teams tells it again if we could not. One activity at a time: the two messages of one installation
/// must not both look like the first.
async fn remember(messages: &Messages, activity: &Activity, now: DateTime<Utc>) -> Result<Heard, StoreError> {
    let _turn = messages.turn.lock().await;
    let place = place(activity);
    let before = match &place {
        Some(place) => acquaintance(messages, place).await?,
        None => Acquaintance::Stranger,
    };
    let heard = inbound::hear(activity, before, now);
    messages.directory.learn(&heard.facts).await?;
    let is_new = !matches!(before, Acquaintance::Known { .. });
    if is_new && !heard.facts.is_empty() {
        messages.asked_at.send_replace(None);
        messages.work.notify_waiters();
    }
    if let (Some(place), Acquaintance::Stranger) = (&place, before)
        && !heard.facts.is_empty()
    {
        messages.outbox.set_note(&met(place), Some(&json!(now))).await?;
    }
    Ok(heard)
}

/// What we knew of the team or chat before this activity.
async fn acquaintance(messages: &Messages, place: &Place) -> Result<Acquaintance, StoreError> {
    let lookup = match place {
        Place::Team(id) => Lookup::Team(PlaceRef::Id(id.clone())),
        Place::Group(id) | Place::Personal(id) => Lookup::Conversation(id.clone()),
    };
    let since = match messages.directory.look_up(&lookup).await? {
        Found::Teams(teams) => teams.first().map(|team| team.first_seen),
        Found::Conversation(conversation) => conversation.map(|conversation| conversation.first_seen),
        Found::People(_) | Found::GroupChats(_) | Found::Roster(_) => None,
    };
    Ok(match since {
        Some(since) => Acquaintance::Known { since },
        None if messages.outbox.note(&met(place)).await?.is_some() => Acquaintance::Former,
        None => Acquaintance::Stranger,
    })
}

/// Under which note it is kept that the bot was once in this place; it outlives the removal.
fn met(place: &Place) -> String {
    format!("met/{}", place.id())
}
