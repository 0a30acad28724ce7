//! What the state commands and the page ask for. JSON throughout; `/admin/v1/openapi.json` describes it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::sync::{mpsc, watch};

use super::audit::Outcome;
use super::error::RequestError;
use super::runs;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::delivery::{Delivery, DeliveryId, State as DeliveryState};
use crate::dispatch::Dispatcher;
use crate::event::EventId;
use crate::live::Live;
use crate::lost_place::{self, LostPlaces};
use crate::queue::Queue;
use crate::roster::Fact;
use crate::secret::Secrets;
use crate::secret_name::SecretName;
use crate::store::directory::Entry;
use crate::store::outbox::{Filter, Moved};
use crate::store::{Directory, Outbox};
use crate::teams::standing::Standing;
use crate::why::fate::fate;

/// How many rows one answer holds at most.
pub(super) const LARGEST_PAGE: usize = 1000;

/// What the admin routes use.
#[derive(Clone)]
pub struct Admin {
    /// The rules in force.
    pub live: watch::Receiver<Live>,
    /// Whom we know.
    pub directory: Arc<dyn Directory>,
    /// What we owe.
    pub outbox: Arc<dyn Outbox>,
    /// What Teams thinks of the bot; nothing where no engine runs.
    pub standing: Arc<Standing>,
    /// Decides drills; `None` where no engine runs.
    pub dispatcher: Option<Dispatcher>,
    /// Asks Teams about places that the store does not know; `None` where no engine runs.
    pub lost_places: Option<LostPlaces>,
    /// Where what is done by hand is written down.
    pub audit: Audit,
    /// The time.
    pub clock: Clock,
    /// Where secrets are read.
    pub secrets: Arc<Secrets>,
    /// The name of the bearer token; without one, only this machine may ask.
    pub token: Option<SecretName>,
    /// Asks for a reload.
    pub reload: mpsc::Sender<()>,
    /// Wakes the courier.
    pub work: Arc<tokio::sync::Notify>,
}

/// Lets through whoever has the token, or, when none is set, callers on this machine.
pub async fn authorize(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match allowed(&admin, peer, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

fn allowed(admin: &Admin, peer: SocketAddr, headers: &HeaderMap) -> Result<(), RequestError> {
    let Some(name) = &admin.token else {
        // A page on another site could make a browser on this machine ask: such a request names its origin, and a
        // name that was pointed at this machine does not end in a loopback host.
        if peer.ip().to_canonical().is_loopback() && is_local(headers) {
            return Ok(());
        }
        return Err(RequestError::new(
            StatusCode::FORBIDDEN,
            "admin_only_local",
            "without `server.admin_token` in herald.yaml these routes answer this machine only",
        ));
    };
    let refused = RequestError::new(
        StatusCode::UNAUTHORIZED,
        "admin_token",
        "the admin token is missing or wrong",
    );
    let secret = admin.secrets.read(name).map_err(|_| {
        RequestError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "admin_token_missing",
            format!("the secret `{name}` that `server.admin_token` names is not set where Herald runs"),
        )
    })?;
    let given = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(bearer);
    match given {
        Some(given) if bool::from(given.as_bytes().ct_eq(secret.expose_secret())) => Ok(()),
        Some(_) | None => Err(refused),
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn is_local(headers: &HeaderMap) -> bool {
    let host = headers
        .get("host")
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.chars().all(|c| c.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    let local = ["localhost", "127.0.0.1", "[::1]"].contains(&name.to_ascii_lowercase().as_str());
    let same_origin = headers.get("origin").is_none_or(|origin| {
        origin
            .to_str()
            .is_ok_and(|origin| origin.split_once("://").is_some_and(|(_, from)| from == host))
    });
    local && same_origin
}

/// Rules, the last reload, how many deliveries are in each state, and which secrets are missing.
pub async fn status(State(admin): State<Admin>) -> Result<Json<Value>, RequestError> {
    let live = admin.live.borrow().clone();
    let counts = admin.outbox.counts().await?;
    let rules: Vec<_> = live
        .workspace
        .ruleset
        .rules
        .iter()
        .map(|rule| json!({ "name": rule.name, "file": rule.file, "description": rule.description, "owner": rule.owner }))
        .collect();
    let hooks: Vec<_> = live
        .workspace
        .settings
        .hooks
        .values()
        .map(|hook| json!({ "name": hook.name, "path": hook.path }))
        .collect();
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": admin.clock.now(),
        "last_reload": &*live.last_reload,
        "rules": rules,
        "hooks": hooks,
        "deliveries": counts,
        "bot_id": admin.directory.bot_id().await?,
        "missing_secrets": missing_secrets(&admin, &live),
        "teams": admin.standing.troubles(),
    })))
}

/// The names of secrets that the settings ask for and that are not set where Herald runs.
fn missing_secrets(admin: &Admin, live: &Live) -> Vec<String> {
    let settings = &live.workspace.settings;
    let of_webhooks = live.workspace.book.webhooks().map(|webhook| &webhook.url);
    let of_bot = settings.bot.app_id.as_ref().map(|_| settings.bot.credential.secrets());
    let of_hooks = settings.hooks.values().flat_map(|hook| &hook.secrets);
    let mut missing: Vec<String> = of_bot
        .into_iter()
        .flatten()
        .chain(&settings.server.admin_token)
        .chain(of_hooks)
        .chain(settings.queues.values().filter_map(Queue::secret))
        .chain(of_webhooks)
        .filter(|name| !admin.secrets.has(name))
        .map(ToString::to_string)
        .collect();
    missing.sort();
    missing.dedup();
    missing
}

/// Reads the workspace's files now; the answer does not wait for it.
pub async fn reload(State(admin): State<Admin>) -> StatusCode {
    // A full channel already holds a request.
    let _ = admin.reload.try_send(());
    StatusCode::ACCEPTED
}

/// Which deliveries to list.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryQuery {
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only of this rule.
    pub rule: Option<String>,
    /// Only of this event.
    pub event: Option<String>,
    /// Only of this run: `rn_...`, or the event of a single run.
    pub run: Option<String>,
    /// Only to recipients whose name or address contains this.
    pub recipient: Option<String>,
    /// Only those listed after this one.
    pub after: Option<String>,
    /// At most this many, 1 to 1000; 50 if not given.
    pub limit: Option<usize>,
}

/// Deliveries, newest first.
pub async fn deliveries(
    State(admin): State<Admin>,
    query: Result<Query<DeliveryQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Vec<Delivery>>, RequestError> {
    let Query(query) = query.map_err(bad_query)?;
    let mut filter = Filter {
        state: query.state,
        rule: query.rule,
        event: query.event.map(EventId::known),
        recipient: query.recipient,
    };
    if let Some(run) = &query.run {
        let run = runs::find(&admin, run).await?;
        let other = |rule: &Option<String>| rule.as_ref().is_some_and(|rule| *rule != run.rule);
        if other(&filter.rule) || filter.event.as_ref().is_some_and(|event| *event != run.event_id) {
            return Ok(Json(Vec::new()));
        }
        filter.rule = Some(run.rule);
        filter.event = Some(run.event_id);
    }
    let after = query.after.map(DeliveryId::known);
    let limit = query.limit.unwrap_or(50).clamp(1, LARGEST_PAGE);
    Ok(Json(admin.outbox.list(&filter, after.as_ref(), limit).await?))
}

/// One delivery with its card, its run, and what became of it in words.
pub async fn delivery(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Value>, RequestError> {
    let id = DeliveryId::known(id);
    let delivery = admin
        .outbox
        .get(&id)
        .await?
        .ok_or_else(|| unknown("delivery", id.as_str()))?;
    let card = match &delivery.card_id {
        Some(card) => admin.outbox.card(card).await?,
        None => None,
    };
    let run = admin.outbox.run(&delivery.run()).await?;
    let behind = match delivery.state {
        DeliveryState::Pending => admin.outbox.ahead_of(&id).await?,
        _ => None,
    };
    let zone = admin.live.borrow().workspace.settings.time_zone;
    Ok(Json(json!({
        "delivery": delivery,
        "card": card.map(|card| card.to_activity()),
        "run": run.as_ref().map(runs::shown),
        "text": fate(&delivery, run.as_ref(), behind.as_ref(), zone),
    })))
}

/// Makes a dead or cancelled delivery pending again.
pub async fn retry(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Delivery>, RequestError> {
    let moved = admin
        .outbox
        .retry(&DeliveryId::known(id.clone()), admin.clock.now())
        .await?;
    admin.work.notify_waiters();
    moved_or_why(
        moved,
        &id,
        "only a delivery that has a card and is dead, cancelled or pending can be tried again",
    )
}

/// Cancels a delivery that has not been sent.
pub async fn cancel(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Delivery>, RequestError> {
    let moved = admin
        .outbox
        .cancel(
            &DeliveryId::known(id.clone()),
            "cancelled by an operator",
            admin.clock.now(),
        )
        .await?;
    moved_or_why(
        moved,
        &id,
        "only a delivery that is pending or being sent can be cancelled",
    )
}

fn moved_or_why(moved: Moved, id: &str, rule: &str) -> Result<Json<Delivery>, RequestError> {
    match moved {
        Moved::Done(delivery) => Ok(Json(*delivery)),
        Moved::Unknown => Err(unknown("delivery", id)),
        Moved::NotFrom(state) => {
            let message = format!("this delivery is {}; {rule}", state.word());
            Err(RequestError::new(StatusCode::CONFLICT, "wrong_state", message))
        }
    }
}

/// Which entries of the directory to list.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetQuery {
    /// Only those listed after this key.
    pub after: Option<String>,
    /// At most this many, 1 to 1000; 200 if not given.
    pub limit: Option<usize>,
}

/// Everything known, with the key of each entry; `next` is the key to go on after.
pub async fn targets(
    State(admin): State<Admin>,
    query: Result<Query<TargetQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, RequestError> {
    let Query(query) = query.map_err(bad_query)?;
    let limit = query.limit.unwrap_or(200).clamp(1, LARGEST_PAGE);
    let entries = admin.directory.list(query.after.as_deref(), limit).await?;
    let next = (entries.len() == limit)
        .then(|| entries.last().map(|(key, _)| key.clone()))
        .flatten();
    let entries: Vec<_> = entries.into_iter().map(|(_, entry)| entry).collect();
    Ok(Json(
        json!({ "bot_id": admin.directory.bot_id().await?, "entries": entries, "next": next }),
    ))
}

/// Writes entries of an export or an import.
pub async fn import(
    State(admin): State<Admin>,
    entries: Result<Json<Vec<Entry>>, axum::extract::rejection::JsonRejection>,
) -> Result<impl IntoResponse, RequestError> {
    let Json(entries) =
        entries.map_err(|problem| RequestError::new(StatusCode::BAD_REQUEST, "bad_body", problem.body_text()))?;
    let count = entries.len();
    admin.directory.import(entries).await?;
    let outcome = Outcome(format!("done: {count} entries"));
    Ok((Extension(outcome), Json(json!({ "imported": count }))))
}

/// Which places to ask Teams about, besides those that are known.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// Ids of teams and group chats.
    #[serde(default)]
    pub ids: Vec<String>,
}

/// Asks Teams about places by their ids, and has the channels and members of everything known listed anew.
pub async fn sync(
    State(admin): State<Admin>,
    wanted: Result<Json<Sync>, axum::extract::rejection::JsonRejection>,
) -> Result<impl IntoResponse, RequestError> {
    let Json(wanted) =
        wanted.map_err(|problem| RequestError::new(StatusCode::BAD_REQUEST, "bad_body", problem.body_text()))?;
    if wanted.ids.len() > lost_place::MOST {
        let message = format!("at most {} places can be named at once", lost_place::MOST);
        return Err(RequestError::new(StatusCode::BAD_REQUEST, "bad_body", message));
    }
    let Some(lost_places) = &admin.lost_places else {
        let message = "Teams is asked by the running server: start `herald serve`";
        return Err(RequestError::new(StatusCode::CONFLICT, "no_engine", message));
    };
    let asked = lost_places.find(&wanted.ids).await?;
    let found = asked.iter().filter(|asked| asked.found.is_some()).count();
    let outcome = Outcome(format!("done: {found} of {} found", asked.len()));
    Ok((Extension(outcome), Json(json!({ "asked": asked }))))
}

/// Learns facts: what another program knew of teams and chats.
pub async fn learn(
    State(admin): State<Admin>,
    facts: Result<Json<Vec<Fact>>, axum::extract::rejection::JsonRejection>,
) -> Result<impl IntoResponse, RequestError> {
    let Json(facts) =
        facts.map_err(|problem| RequestError::new(StatusCode::BAD_REQUEST, "bad_body", problem.body_text()))?;
    admin.directory.learn(&facts).await?;
    let outcome = Outcome(format!("done: {} facts", facts.len()));
    Ok((Extension(outcome), Json(json!({ "learnt": facts.len() }))))
}

/// Forgets a conversation, team or person.
pub async fn forget(State(admin): State<Admin>, Path(id): Path<String>) -> Result<StatusCode, RequestError> {
    match admin.directory.forget(&id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown("target", &id)),
    }
}

/// The description of these routes.
pub async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], include_str!("admin/openapi.json"))
}

pub(super) fn unknown(what: &str, id: &str) -> RequestError {
    let message = format!("there is no {what} `{id}`; it may have been collected since");
    RequestError::new(StatusCode::NOT_FOUND, "unknown", message)
}

/// A query that cannot be understood.
#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
pub(super) fn bad_query(problem: axum::extract::rejection::QueryRejection) -> RequestError {
    RequestError::new(StatusCode::BAD_REQUEST, "bad_query", problem.body_text())
}
