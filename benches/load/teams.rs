//! Teams, as far as a connector is concerned, in a process of its own: it gives a token, opens chats, takes messages
//! and lists members, counts by Teams' sliding windows, and remembers when each call arrived.
//!
//! A call travels for half of the latency before it is counted, and its answer for the other half.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::people;
use super::window::{CONVERSATION, MEMBERS, Seen, TENANT, Window};

/// How it behaves.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Manner {
    /// The way there and back, in milliseconds.
    pub latency: u64,
    /// Each way differs from its half by so much at most, in milliseconds.
    pub jitter: u64,
    /// Teams' windows are enforced.
    pub limits: bool,
    /// How many people are in the team.
    pub members: usize,
    /// One conversation that is not like the others.
    pub odd: Option<Odd>,
}

/// A conversation that is not like the others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Odd {
    /// Its id.
    pub conversation: String,
    /// Its answers take so many milliseconds.
    pub slow: u64,
    /// Every call is answered with 429 and this `Retry-After`, in seconds.
    pub throttled: Option<u64>,
}

/// What a call was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A message.
    Send,
    /// A chat to be opened.
    Open,
    /// A question who is there.
    Members,
}

impl Kind {
    fn windows(self) -> &'static [Window] {
        match self {
            Kind::Send | Kind::Open => &CONVERSATION,
            Kind::Members => &MEMBERS,
        }
    }
}

/// A call that arrived.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Arrival {
    /// When, in nanoseconds since 1970.
    pub at: u64,
    /// What.
    pub kind: Kind,
    /// Which conversation, by a number.
    pub place: u32,
    /// The number after `mark` in a message, if there is one.
    pub mark: Option<u64>,
    /// It was taken; else it was answered with 429.
    pub taken: bool,
}

/// What was counted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Messages taken.
    pub messages: usize,
    /// Calls answered with 429 because a window was full.
    pub throttled: usize,
}

#[derive(Default)]
struct World {
    manner: Manner,
    tenant: Seen,
    windows: HashMap<(Kind, u32), Seen>,
    places: HashMap<String, u32>,
    arrivals: Vec<Arrival>,
    counts: Counts,
    sample: Option<String>,
    ids: u64,
    dice: u64,
}

type Shared = Arc<Mutex<World>>;

/// Runs until the process is ended; prints its address.
pub fn run() -> anyhow::Result<()> {
    // One thread: the other processor is for what is measured.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        println!("http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, routes()).await?)
    })
}

/// Everything it answers to.
pub fn routes() -> Router {
    let world = World {
        dice: 0x9e37_79b9_7f4a_7c15,
        ..World::default()
    };
    Router::new()
        .fallback(answer)
        .with_state(Arc::new(Mutex::new(world)) as Shared)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.expect("after 1970").as_nanos()).expect("before 2554")
}

fn with<T>(shared: &Shared, work: impl FnOnce(&mut World) -> T) -> T {
    work(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}

async fn answer(State(shared): State<Shared>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let path = percent_encoding::percent_decode_str(parts.uri.path())
        .decode_utf8_lossy()
        .into_owned();
    let Ok(body) = to_bytes(body, 4 << 20).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let body = String::from_utf8_lossy(&body);
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (&parts.method, segments.as_slice()) {
        (_, ["control", what]) => control(&shared, what, &body),
        (&Method::POST, [.., "token"]) => {
            axum::Json(json!({ "token_type": "Bearer", "expires_in": 86_400, "access_token": "load" }))
                .into_response()
        }
        (_, _) if !parts.headers.contains_key("authorization") => StatusCode::UNAUTHORIZED.into_response(),
        (&Method::POST, ["v3", "conversations"]) => {
            let wanted: Value = serde_json::from_str(&body).unwrap_or_default();
            let member = wanted["members"][0]["id"].as_str().unwrap_or_default();
            let Some(number) = people::number_of(member) else {
                return StatusCode::FORBIDDEN.into_response();
            };
            let chat = people::chat(number);
            call(
                &shared,
                Kind::Open,
                &chat,
                None,
                json!({ "id": chat }),
                StatusCode::CREATED,
            )
            .await
        }
        (&Method::POST, ["v3", "conversations", conversation, "activities", ..]) => {
            let id = with(&shared, |world| {
                world.ids += 1;
                if world.sample.is_none() {
                    world.sample = Some(body.clone().into_owned());
                }
                world.ids
            });
            let said = json!({ "id": format!("{}", 1_772_440_000_000 + id) });
            call(
                &shared,
                Kind::Send,
                conversation,
                mark(&body),
                said,
                StatusCode::CREATED,
            )
            .await
        }
        (&Method::GET, ["v3", "conversations", conversation, "pagedmembers"]) => {
            let query = parts.uri.query().unwrap_or_default();
            let from = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("continuationToken="));
            let from: usize = from.and_then(|token| token.parse().ok()).unwrap_or(0);
            let all = with(&shared, |world| world.manner.members);
            let to = all.min(from + 500);
            let (members, to): (Vec<Value>, usize) = match conversation.strip_prefix("a:load").map(str::parse) {
                Some(Ok(alone)) => (vec![people::member(alone)], all),
                Some(Err(_)) | None => ((from..to).map(people::member).collect(), to),
            };
            let next = (to < all).then(|| to.to_string());
            let said = json!({ "members": members, "continuationToken": next });
            call(&shared, Kind::Members, conversation, None, said, StatusCode::OK).await
        }
        (&Method::GET, ["v3", "teams", _, "conversations"]) => {
            axum::Json(json!({ "conversations": [{ "id": people::TEAM, "name": null }] })).into_response()
        }
        (_, _) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What the load program itself asks for.
fn control(shared: &Shared, what: &str, body: &str) -> Response {
    with(shared, |world| match what {
        "behave" => match serde_json::from_str(body) {
            Ok(manner) => {
                world.manner = manner;
                StatusCode::NO_CONTENT.into_response()
            }
            Err(problem) => (StatusCode::BAD_REQUEST, problem.to_string()).into_response(),
        },
        // What is forgotten was counted by no window of ours either: the next run begins in silence.
        "forget" => {
            world.arrivals.clear();
            world.counts = Counts::default();
            world.sample = None;
            StatusCode::NO_CONTENT.into_response()
        }
        "counts" => axum::Json(&world.counts).into_response(),
        "arrivals" => axum::Json(&world.arrivals).into_response(),
        "sample" => world.sample.clone().unwrap_or_default().into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    })
}

async fn call(
    shared: &Shared,
    kind: Kind,
    place: &str,
    mark: Option<u64>,
    said: Value,
    status: StatusCode,
) -> Response {
    let (there, back) = with(shared, |world| (world.way(), world.way()));
    travel(there).await;
    let (wait, odd) = with(shared, |world| {
        let odd = world.manner.odd.clone().filter(|odd| odd.conversation == place);
        let told = odd
            .as_ref()
            .and_then(|odd| odd.throttled)
            .map(|seconds| seconds * 1_000_000_000);
        (world.arrive(kind, place, mark, told), odd)
    });
    travel(Duration::from_millis(odd.map_or(0, |odd| odd.slow))).await;
    travel(back).await;
    match wait {
        0 => (status, axum::Json(said)).into_response(),
        wait => {
            let seconds = wait.div_ceil(1_000_000_000);
            let body = json!({ "error": { "code": "Throttled", "message": "too many requests" } });
            let headers = [("retry-after", seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(body)).into_response()
        }
    }
}

async fn travel(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

impl World {
    /// How long a call or an answer is on its way.
    fn way(&mut self) -> Duration {
        let half = self.manner.latency * 1_000 / 2;
        let jitter = self.manner.jitter * 1_000;
        if jitter == 0 {
            return Duration::from_micros(half);
        }
        // Xorshift: good enough dice.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        let off = self.dice % (2 * jitter + 1);
        Duration::from_micros((half + off).saturating_sub(jitter))
    }

    /// Counts a call; says how many nanoseconds it came too early, or is told to wait.
    fn arrive(&mut self, kind: Kind, place: &str, mark: Option<u64>, told: Option<u64>) -> u64 {
        let now = now();
        let fresh = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(place.to_owned()).or_insert(fresh);
        let wait = match told {
            Some(wait) => wait,
            None if self.manner.limits => {
                let calls = self.windows.entry((kind, place)).or_default();
                let wait = calls
                    .too_early(kind.windows(), now)
                    .max(self.tenant.too_early(&TENANT, now));
                if wait == 0 {
                    calls.admitted(now);
                    self.tenant.admitted(now);
                } else {
                    self.counts.throttled += 1;
                }
                wait
            }
            None => 0,
        };
        if wait == 0 && kind == Kind::Send {
            self.counts.messages += 1;
        }
        self.arrivals.push(Arrival {
            at: now,
            kind,
            place,
            mark,
            taken: wait == 0,
        });
        wait
    }
}

/// The number after `mark` in a body.
pub fn mark(body: &str) -> Option<u64> {
    let (_, after) = body.split_once("mark")?;
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..end].parse().ok()
}
