//! A Teams that speaks HTTP over bare sockets, so that it can break off wherever it likes, and that remembers everything.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What becomes of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is taken and answered 201, after so many milliseconds.
    Taken { after: u64 },
    /// It is not taken, and told so.
    Refused { status: u16, retry_after: Option<u64> },
    /// A gateway answers for Teams, with a page. It is not taken.
    Page { status: u16 },
    /// It is taken, and answered as if it were not.
    TakenYet { status: u16 },
    /// No answer comes.
    Hangs { taken: bool },
    /// The connection is reset instead of an answer.
    Reset { taken: bool },
    /// The connection is closed our way only: Herald may still write, and no answer comes.
    HalfClosed { taken: bool },
    /// It is taken; half the answer comes, and then the connection is reset.
    Cut,
}

impl Fate {
    /// The message is in the conversation.
    pub fn takes(self) -> bool {
        match self {
            Fate::Taken { .. } | Fate::TakenYet { .. } | Fate::Cut => true,
            Fate::Refused { .. } | Fate::Page { .. } => false,
            Fate::Hangs { taken } | Fate::Reset { taken } | Fate::HalfClosed { taken } => taken,
        }
    }

    /// What a reader of the account calls it.
    pub fn word(self) -> &'static str {
        match self {
            Fate::Taken { .. } => "taken",
            Fate::Refused { .. } => "refused",
            Fate::Page { .. } => "page",
            Fate::TakenYet { .. } => "taken, answered 5xx",
            Fate::Hangs { .. } => "no answer",
            Fate::Reset { .. } => "reset",
            Fate::HalfClosed { .. } => "half-closed",
            Fate::Cut => "answer cut",
        }
    }

    fn status(self) -> Option<u16> {
        match self {
            Fate::Taken { .. } => Some(201),
            Fate::Refused { status, .. } | Fate::Page { status } | Fate::TakenYet { status } => Some(status),
            Fate::Hangs { .. } | Fate::Reset { .. } | Fate::HalfClosed { .. } | Fate::Cut => None,
        }
    }
}

/// A message that Herald posted.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Since the connector was started.
    pub at: Duration,
    /// Which of Herald's lives posted it.
    pub life: u32,
    pub conversation: String,
    pub text: String,
    pub fate: Fate,
    /// When the whole answer had been handed to the network, since the connector was started.
    pub answered: Option<Duration>,
}

impl Seen {
    /// The status that Herald was told, as far as anybody can know.
    pub fn status(&self) -> Option<u16> {
        self.fate.status().filter(|_| self.answered.is_some())
    }
}

/// A message whose fate is asked for.
pub struct Call<'a> {
    pub conversation: &'a str,
    pub text: &'a str,
    /// How often it was posted there before.
    pub before: u32,
}

type Fates = Box<dyn Fn(&Call<'_>) -> Fate + Send + Sync>;

/// The connector; it stops when dropped.
pub struct Connector {
    address: SocketAddr,
    state: Arc<State>,
    _serving: JoinSet<()>,
}

struct State {
    began: Instant,
    fates: Fates,
    seen: Mutex<Vec<Seen>>,
    tries: Mutex<HashMap<(String, String), u32>>,
    calm: watch::Sender<bool>,
    tokens: AtomicU32,
}

/// A request, read whole.
struct Request {
    path: String,
    life: u32,
    body: Vec<u8>,
}

impl Connector {
    /// Answers each message as `fates` says.
    pub async fn start(fates: impl Fn(&Call<'_>) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            began: Instant::now(),
            fates: Box::new(fates),
            seen: Mutex::default(),
            tries: Mutex::default(),
            calm: watch::Sender::new(false),
            tokens: AtomicU32::new(0),
        });
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, state.clone()));
        Self {
            address,
            state,
            _serving: serving,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on every message is taken at once; who waits for an answer has the connection closed.
    pub fn calm_down(&self) {
        self.state.calm.send_replace(true);
    }

    /// From now on the fates count again.
    pub fn go_wild(&self) {
        self.state.calm.send_replace(false);
    }

    /// Everything that was posted so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().expect("no panic").clone()
    }

    /// Waits until so many messages were taken.
    pub async fn taken(&self, count: usize, patience: Duration) -> Vec<Seen> {
        let ends = Instant::now() + patience;
        loop {
            let seen = self.seen();
            let taken: Vec<Seen> = seen.iter().filter(|seen| seen.fate.takes()).cloned().collect();
            if taken.len() >= count {
                return taken;
            }
            assert!(
                Instant::now() < ends,
                "{} of {count} messages arrived: {seen:#?}",
                taken.len()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Since the connector was started.
    pub fn elapsed(&self) -> Duration {
        self.state.began.elapsed()
    }
}

impl State {
    /// Decides about a message and remembers it; answers its place among those seen.
    fn decide(&self, request: &Request, conversation: &str) -> (usize, Fate) {
        let activity: Value = serde_json::from_slice(&request.body).expect("Herald posts JSON");
        let text = activity["text"].as_str().expect("the tests post texts").to_owned();
        let before = {
            let mut tries = self.tries.lock().expect("no panic");
            let count = tries.entry((conversation.to_owned(), text.clone())).or_default();
            *count += 1;
            *count - 1
        };
        let call = Call {
            conversation,
            text: &text,
            before,
        };
        let fate = if *self.calm.borrow() {
            Fate::Taken { after: 0 }
        } else {
            (self.fates)(&call)
        };
        let mut seen = self.seen.lock().expect("no panic");
        seen.push(Seen {
            at: self.began.elapsed(),
            life: request.life,
            conversation: conversation.to_owned(),
            text,
            fate,
            answered: None,
        });
        (seen.len() - 1, fate)
    }

    fn answered(&self, place: usize) {
        self.seen.lock().expect("no panic")[place].answered = Some(self.began.elapsed());
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(talk(stream, state.clone()));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn talk(mut stream: TcpStream, state: Arc<State>) {
    let mut unread = Vec::new();
    while let Some(request) = read(&mut stream, &mut unread).await {
        let segments: Vec<String> = request.path.trim_matches('/').split('/').map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let goes_on = match segments.as_slice() {
            ["token"] => {
                let number = state.tokens.fetch_add(1, Ordering::Relaxed);
                let form = String::from_utf8_lossy(&request.body).into_owned();
                let secret = form.split('&').find_map(|field| field.strip_prefix("client_secret="));
                let token = format!("{}.{number}", secret.unwrap_or_default());
                let body = json!({"token_type": "Bearer", "expires_in": 86_399, "access_token": token});
                write(&mut stream, &answer(200, &[], &body.to_string())).await
            }
            ["v3", "conversations"] => {
                let wanted: Value = serde_json::from_slice(&request.body).expect("JSON");
                let member = wanted["members"][0]["id"].as_str().unwrap_or_default();
                let body = json!({"id": format!("a:{}", member.trim_start_matches("29:"))});
                write(&mut stream, &answer(201, &[], &body.to_string())).await
            }
            ["v3", "conversations", conversation, "activities"] => {
                let (place, fate) = state.decide(&request, conversation);
                let told = suffer(&mut stream, &state, fate, place).await;
                if told {
                    state.answered(place);
                }
                told && !matches!(fate, Fate::Cut)
            }
            ["v3", "conversations", _, "pagedmembers"] => {
                write(&mut stream, &answer(200, &[], r#"{"members":[]}"#)).await
            }
            _ => write(&mut stream, &answer(404, &[], "{}")).await,
        };
        if !goes_on {
            return;
        }
    }
}

/// Lets a message meet its fate; true if Herald was handed a whole answer.
async fn suffer(stream: &mut TcpStream, state: &State, fate: Fate, place: usize) -> bool {
    let accepted = json!({"id": format!("17724{place:08}")}).to_string();
    let no = |status: u16| json!({"error": {"code": code(status), "message": "as the test wants it"}}).to_string();
    match fate {
        Fate::Taken { after } => {
            tokio::time::sleep(Duration::from_millis(after)).await;
            write(stream, &answer(201, &[], &accepted)).await
        }
        Fate::Refused { status, retry_after } => {
            let wait = retry_after.map(|seconds| format!("retry-after: {seconds}"));
            write(stream, &answer(status, wait.as_slice(), &no(status))).await
        }
        Fate::Page { status } => {
            let page = "<html><body>Bad Gateway</body></html>";
            write(stream, &answer(status, &[], page)).await
        }
        Fate::TakenYet { status } => write(stream, &answer(status, &[], &no(status))).await,
        Fate::Hangs { .. } => {
            wait_for_calm_or_end(stream, state).await;
            false
        }
        Fate::Reset { .. } => {
            let _ = stream.set_zero_linger();
            false
        }
        Fate::HalfClosed { .. } => {
            let _ = stream.shutdown().await;
            wait_for_calm_or_end(stream, state).await;
            false
        }
        Fate::Cut => {
            let whole = answer(201, &[], &accepted);
            let _ = stream.write_all(&whole.as_bytes()[..whole.len() - 9]).await;
            let _ = stream.flush().await;
            // What was written shall arrive before the reset does.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = stream.set_zero_linger();
            false
        }
    }
}

/// Returns when the connector calms down, or the other side closes the connection.
async fn wait_for_calm_or_end(stream: &mut TcpStream, state: &State) {
    let mut calm = state.calm.subscribe();
    let mut rest = [0; 64];
    tokio::select! {
        _ = calm.wait_for(|calm| *calm) => {}
        _ = stream.read(&mut rest) => {}
    }
}

fn code(status: u16) -> &'static str {
    match status {
        400 => "BadArgument",
        401 => "Unauthorized",
        412 => "PreconditionFailed",
        429 => "Throttled",
        500 => "ServiceError",
        _ => "ServiceUnavailable",
    }
}

fn answer(status: u16, headers: &[String], body: &str) -> String {
    let kind = if body.starts_with('<') {
        "text/html"
    } else {
        "application/json"
    };
    let mut answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n",
        body.len()
    );
    for header in headers {
        answer.push_str(header);
        answer.push_str("\r\n");
    }
    answer.push_str("\r\n");
    answer.push_str(body);
    answer
}

async fn write(stream: &mut TcpStream, answer: &str) -> bool {
    stream.write_all(answer.as_bytes()).await.is_ok() && stream.flush().await.is_ok()
}

/// Reads one request; what comes after it stays in `unread`. `None` when the connection ended.
async fn read(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Request> {
    let head_ends = loop {
        if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(unread[..head_ends].to_vec()).expect("a head is ASCII");
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length: usize = header("content-length").map_or(0, |length| length.parse().expect("a number"));
    let ends = head_ends + 4 + length;
    while unread.len() < ends {
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    }
    let body = unread[head_ends + 4..ends].to_vec();
    unread.drain(..ends);
    let target = head.split_whitespace().nth(1)?;
    let life = header("authorization").and_then(|token| {
        let token = token.strip_prefix("Bearer life-")?.to_owned();
        token.split('.').next()?.parse().ok()
    });
    Some(Request {
        path: target.split('?').next().unwrap_or_default().to_owned(),
        life: life.unwrap_or_default(),
        body,
    })
}

fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}
