//! One connection, and how far its request has come.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::metric::front::Reason;
use crate::stop::Stop;

/// The longest head of a request, in bytes; a larger one is answered 431. The tokens of Teams have 2 KB.
const LONGEST_HEAD: usize = 32 * 1024;
/// The most headers; more are answered 431.
const MOST_HEADERS: usize = 100;

/// How far the request of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has arrived yet.
    New,
    /// A part of the head has arrived.
    Head,
    /// The head has arrived, the body not.
    Body,
    /// The request is worked on.
    Work,
    /// The answer is on its way.
    Answer,
    /// A request was answered, the next has not begun.
    Idle,
    /// To be closed: whatever arrives now is not taken.
    Closed,
}

impl Phase {
    /// Nothing would be lost but time: no whole request has arrived.
    pub fn only_stands_there(self) -> bool {
        matches!(self, Phase::New | Phase::Head | Phase::Body | Phase::Idle)
    }

    /// How long a connection may stay in it; `None` where something else bounds it.
    pub fn longest(self, stopping: bool) -> Option<Duration> {
        let seconds = match (self, stopping) {
            (Phase::New | Phase::Idle, true) => 0,
            (Phase::Head, true) => 2,
            (Phase::New | Phase::Head, false) => 10,
            // Those who read bodies give up sooner and say so; this is for what nobody reads.
            (Phase::Body, _) => 20,
            // A little longer than usual proxies keep theirs, so that it is they who close.
            (Phase::Idle, false) => 75,
            (Phase::Answer, _) => 60,
            // The limit of the whole request.
            (Phase::Work, _) => return None,
            (Phase::Closed, _) => return None,
        };
        Some(Duration::from_secs(seconds))
    }

    /// Why a connection is closed that stays in it for too long.
    pub fn overstayed(self) -> Reason {
        match self {
            Phase::New | Phase::Head => Reason::SlowHead,
            Phase::Body => Reason::SlowBody,
            Phase::Answer => Reason::SlowReader,
            Phase::Idle | Phase::Work | Phase::Closed => Reason::Idle,
        }
    }
}

/// What is known about an open connection.
#[derive(Debug)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// Others need the place: it is given up with the next answer.
    crowded: Arc<AtomicBool>,
    state: Mutex<State>,
    close: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// It is to be closed unless it has come further than this.
    leaves: Option<(Phase, Instant)>,
}

/// The connection was closed to make room, so its request is not taken.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed before the request arrived whole")]
struct Gone;

impl Connection {
    /// A connection that was just accepted.
    pub fn new(peer: SocketAddr, crowded: Arc<AtomicBool>) -> Self {
        Self {
            peer,
            crowded,
            state: Mutex::new(State {
                phase: Phase::New,
                since: Instant::now(),
                leaves: None,
            }),
            close: Notify::new(),
        }
    }

    /// How far it has come, and since when.
    pub fn state(&self) -> (Phase, Instant) {
        let state = self.lock();
        match state.leaves {
            Some(_) => (Phase::Closed, state.since),
            None => (state.phase, state.since),
        }
    }

    /// Has it closed unless it has come further meanwhile: also by what has arrived and was not read yet, because the
    /// machine is busy. False if it has already.
    pub fn close_if(&self, seen: (Phase, Instant)) -> bool {
        let mut state = self.lock();
        if state.leaves.is_some() || (state.phase, state.since) != seen {
            return false;
        }
        state.leaves = Some(seen);
        self.close.notify_one();
        true
    }

    /// Whether it leaves now that what had arrived was read. A whole request stays, and so does what begins one where the
    /// last was answered; who takes long for the first one gains nothing by another byte.
    fn leaves(&self) -> bool {
        let mut state = self.lock();
        let Some((phase, since)) = state.leaves.take() else {
            return false;
        };
        let came_further = state.since != since;
        let stays = match state.phase {
            Phase::Work => true,
            Phase::Answer | Phase::Idle => came_further,
            Phase::Head | Phase::Body => came_further && phase == Phase::Idle,
            Phase::New | Phase::Closed => false,
        };
        if !stays {
            state.phase = Phase::Closed;
        }
        !stays
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn go_to(&self, phase: Phase) -> Result<(), Gone> {
        let mut state = self.lock();
        if state.phase == Phase::Closed {
            return Err(Gone);
        }
        (state.phase, state.since) = (phase, Instant::now());
        Ok(())
    }

    /// Bytes arrived.
    fn heard(&self) {
        let mut state = self.lock();
        match state.phase {
            // The time of a head counts from its first byte, or from the beginning: a first byte buys nothing.
            Phase::New => state.phase = Phase::Head,
            Phase::Idle => (state.phase, state.since) = (Phase::Head, Instant::now()),
            Phase::Head | Phase::Body | Phase::Work | Phase::Answer | Phase::Closed => {}
        }
    }
}

/// Answers requests until the other end, a limit or the stop ends it.
///
/// # Errors
/// What hyper has to say of a request that is none, or of a connection that broke.
pub async fn attend(
    stream: TcpStream,
    connection: Arc<Connection>,
    routes: TowerToHyperService<Router>,
    mut stopping: Stop,
) -> Result<(), hyper::Error> {
    let io = TokioIo::new(Heard {
        stream,
        connection: connection.clone(),
    });
    let service = service_fn(|request| answer(request, connection.clone(), &routes));
    let mut served = std::pin::pin!(
        http1::Builder::new()
            // A caller that is done sending may close its half and still read the answer; and a caller that is gone
            // does not tear a request apart that is half done.
            .half_close(true)
            .header_read_timeout(None)
            .max_headers(MOST_HEADERS)
            .max_buf_size(LONGEST_HEAD)
            .serve_connection(io, service)
    );
    let mut stops = false;
    loop {
        tokio::select! {
            biased;
            () = connection.close.notified() => {
                if let Some(ended) = what_lies_there(served.as_mut()).await {
                    return ended;
                }
                if connection.leaves() {
                    return Ok(());
                }
            }
            ended = served.as_mut() => return ended,
            () = stopping.told(), if !stops => {
                stops = true;
                if let Some(ended) = what_lies_there(served.as_mut()).await {
                    return ended;
                }
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Reads what has arrived, if anything has. On a busy machine a whole request may lie there that nobody has looked at, and a
/// sender whose connection is closed on it cannot know what became of it.
async fn what_lies_there<T>(mut served: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    // Whoever gives way goes on only when the system was asked which connections have something to read.
    tokio::task::yield_now().await;
    std::future::poll_fn(|cx| {
        Poll::Ready(match served.as_mut().poll(cx) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        })
    })
    .await
}

async fn answer(
    request: Request<Incoming>,
    connection: Arc<Connection>,
    routes: &TowerToHyperService<Router>,
) -> Result<axum::http::Response<Answer>, Infallible> {
    let phase = if hyper::body::Body::is_end_stream(request.body()) {
        Phase::Work
    } else {
        Phase::Body
    };
    if connection.go_to(phase).is_err() {
        // The connection ends before anybody could read an answer.
        return std::future::pending().await;
    }
    let mut request = request.map(|body| {
        Body::new(Arriving {
            body,
            connection: connection.clone(),
        })
    });
    request.extensions_mut().insert(ConnectInfo(connection.peer));
    let mut response: Response = routes.call(request).await?;
    let _ = connection.go_to(Phase::Answer);
    if connection.crowded.load(Ordering::Relaxed) {
        // Said beforehand, so that the next request does not meet a closed door.
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Answer { body, connection }))
}

/// Notices that something arrives.
struct Heard {
    stream: TcpStream,
    connection: Arc<Connection>,
}

impl AsyncRead for Heard {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.connection.heard();
        }
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Notices that a body is whole.
struct Arriving {
    body: Incoming,
    connection: Arc<Connection>,
}

impl hyper::body::Body for Arriving {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return Poll::Pending;
        };
        let whole = match &frame {
            None => true,
            Some(Ok(_)) => self.body.is_end_stream(),
            Some(Err(_)) => false,
        };
        if whole && let Err(gone) = self.connection.go_to(Phase::Work) {
            return Poll::Ready(Some(Err(gone.into())));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Notices that an answer was taken over by the connection.
struct Answer {
    body: Body,
    connection: Arc<Connection>,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        hyper::body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        hyper::body::Body::size_hint(&self.body)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let _ = self.connection.go_to(Phase::Idle);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream as Caller;

    use axum::routing::post;
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;
    use crate::stop;

    /// A caller, and the connection as we see it. Both share one thread, so that nothing is read while the caller acts.
    async fn connected(stopping: Stop) -> (Caller, Arc<Connection>, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let caller = Caller::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (stream, peer) = listener.accept().await.expect("it called");
        let connection = Arc::new(Connection::new(peer, Arc::default()));
        let routes = Router::new().route("/", post(|body: String| async move { format!("taken: {body}") }));
        let mut attended = JoinSet::new();
        attended.spawn({
            let connection = connection.clone();
            async move {
                let _ = attend(stream, connection, TowerToHyperService::new(routes), stopping).await;
            }
        });
        tokio::task::yield_now().await;
        (caller, connection, attended)
    }

    const POST: &[u8] = b"POST / HTTP/1.1\r\nhost: herald\r\ncontent-length: 5\r\n\r\nhello";

    async fn answered(mut caller: Caller) -> String {
        let heard = tokio::task::spawn_blocking(move || {
            let (mut text, mut some) = (Vec::new(), [0; 1024]);
            while !String::from_utf8_lossy(&text).contains("taken: hello") {
                match caller.read(&mut some) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => text.extend_from_slice(&some[..count]),
                }
            }
            String::from_utf8_lossy(&text).into_owned()
        });
        heard.await.expect("it reads")
    }

    #[tokio::test]
    async fn a_request_that_lies_there_unread_is_answered_before_its_connection_is_closed() {
        let (_stop, stopping) = stop::pair();
        let (mut caller, connection, _attended) = connected(stopping).await;
        caller.write_all(POST).expect("sent");
        assert!(
            connection.close_if(connection.state()),
            "it seems that nothing has arrived"
        );
        let answer = answered(caller).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_request_that_lies_there_unread_is_answered_before_the_stop() {
        let (stop, stopping) = stop::pair();
        let (mut caller, _connection, mut attended) = connected(stopping).await;
        caller.write_all(POST).expect("sent");
        stop.stop();
        let answer = answered(caller).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
        attended.join_next().await.expect("one").expect("it ends");
    }

    #[tokio::test]
    async fn who_has_sent_a_part_at_last_is_closed_all_the_same() {
        let (_stop, stopping) = stop::pair();
        let (mut caller, connection, mut attended) = connected(stopping).await;
        caller.write_all(b"POST / HT").expect("sent");
        assert!(connection.close_if(connection.state()));
        attended.join_next().await.expect("one").expect("it ends");
        assert_eq!(connection.state().0, Phase::Closed);
    }
}
