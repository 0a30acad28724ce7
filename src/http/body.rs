//! Bodies of requests: bounded in size, in time, and in how much memory all of them take together.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::http::StatusCode;
use axum::http::header::EXPECT;
use axum::http::request::Parts;
use futures::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::RequestError;

/// How long a body may take to arrive, from the last byte of the head.
pub const LONGEST: Duration = Duration::from_secs(10);
/// So much of each body is held without asking: what nearly every sender sends in all. Whoever lets large bodies
/// trickle in cannot keep these out.
const FREE: usize = 64 * 1024;
/// So much of what is made of each body, likewise: an event of ten thousand values.
const FREE_UNFOLDED: usize = 2 << 20;
/// What one value of a body takes when it is read, in bytes: a number of two characters takes as much as a long one.
const VALUE: usize = 200;
/// How long a body waits for memory that others hold.
const MOMENT: Duration = Duration::from_secs(1);
/// Memory is counted in pieces of this many bytes.
const PIECE: usize = 1024;
/// How long, and for how many bytes, a sender is listened to that is told no: many look for an answer only when they
/// have sent everything, and a connection that is closed meanwhile takes the answer with it.
const LISTENS: (Duration, usize) = (Duration::from_secs(2), 32 << 20);

/// The memory that bodies, and what is made of them, share beyond what each has for itself.
#[derive(Debug)]
pub struct Bodies {
    room: Semaphore,
    pieces: usize,
}

/// A body that arrived whole, and the memory it holds until this is dropped.
#[derive(Debug)]
pub struct Arrived<'a> {
    /// The bytes as they came.
    pub bytes: Vec<u8>,
    held: Option<SemaphorePermit<'a>>,
    of: &'a Bodies,
}

/// The memory that a body is read into, until this is dropped.
#[derive(Debug)]
pub struct Unfolded<'a>(#[expect(dead_code, reason = "held, not looked at")] Option<SemaphorePermit<'a>>);

impl Bodies {
    /// Room for `bytes` in all, and in any case for two bodies of `largest` bytes.
    pub fn new(bytes: usize, largest: usize) -> Self {
        let pieces = bytes.max(largest.saturating_mul(2)).div_ceil(PIECE);
        let pieces = pieces.min(Semaphore::MAX_PERMITS);
        Self {
            room: Semaphore::new(pieces),
            pieces,
        }
    }

    /// Reads the body that belongs to this head, of at most `bound` bytes; `too_large` is the sentence for a larger one.
    ///
    /// # Errors
    /// 413 as soon as it is known to be too large, 408 when it takes longer than [`LONGEST`], 400 when the connection
    /// ends before it, 503 when others hold all the memory there is for large ones.
    pub async fn read(
        &self,
        head: &Parts,
        body: Body,
        bound: usize,
        too_large: impl Fn() -> String,
    ) -> Result<Arrived<'_>, RequestError> {
        let too_large = || RequestError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", too_large());
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let mut stream = body.into_data_stream();
        let read = match announced > bound {
            true => Err(too_large()),
            false => self.whole(&mut stream, announced, bound, &too_large).await,
        };
        let refused = matches!(&read, Err(problem) if problem.status() != StatusCode::REQUEST_TIMEOUT);
        // A sender that asks before it sends has its answer.
        let asks = announced > bound && head.headers.contains_key(EXPECT);
        if refused && !asks {
            let _ = timeout(LISTENS.0, listen(&mut stream)).await;
        }
        read
    }

    async fn whole(
        &self,
        stream: &mut BodyDataStream,
        announced: usize,
        bound: usize,
        too_large: &impl Fn() -> RequestError,
    ) -> Result<Arrived<'_>, RequestError> {
        let ends = Instant::now() + LONGEST;
        let mut arrived = Arrived {
            // What is announced need not come: memory is taken as bytes arrive.
            bytes: Vec::with_capacity(announced.min(FREE)),
            held: None,
            of: self,
        };
        loop {
            let next = timeout_at(ends, stream.next()).await.map_err(|_| too_slow())?;
            let Some(chunk) = next else {
                return Ok(arrived);
            };
            let chunk = chunk.map_err(|_| incomplete())?;
            let length = arrived.bytes.len() + chunk.len();
            if length > bound {
                return Err(too_large());
            }
            let held = arrived.held.as_ref();
            if let Some(more) = self.more(held, length.saturating_sub(FREE)).await? {
                match &mut arrived.held {
                    Some(held) => held.merge(more),
                    None => arrived.held = Some(more),
                }
            }
            arrived.bytes.extend_from_slice(&chunk);
        }
    }

    /// What is missing for so many bytes of what is shared, or for all of it where that is less.
    async fn more(
        &self,
        held: Option<&SemaphorePermit<'_>>,
        bytes: usize,
    ) -> Result<Option<SemaphorePermit<'_>>, RequestError> {
        let needed = bytes.div_ceil(PIECE).min(self.pieces);
        let held = held.map_or(0, SemaphorePermit::num_permits);
        if needed <= held {
            return Ok(None);
        }
        let more = u32::try_from(needed - held).unwrap_or(u32::MAX);
        // Two that wait for one another's memory both give up after a moment.
        let Ok(Ok(more)) = timeout(MOMENT, self.room.acquire_many(more)).await else {
            let message = "too many large bodies at once; try again";
            return Err(RequestError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message).retry_after(1));
        };
        Ok(Some(more))
    }
}

impl<'a> Arrived<'a> {
    /// Makes room for what reading the body will make of it. A value takes far more than the two bytes that it has in
    /// `[1,1,1]`, so a body of such takes the memory of dozens of others; it waits until they are done.
    ///
    /// # Errors
    /// 503 when they are not done in a moment.
    pub async fn unfold(&self) -> Result<Unfolded<'a>, RequestError> {
        let parts = self.bytes.iter().filter(|byte| b",:[{&".contains(byte)).count();
        let unfolded = parts.saturating_mul(VALUE).saturating_sub(FREE_UNFOLDED);
        let whole = self.bytes.len().saturating_sub(FREE).saturating_add(unfolded);
        self.of.more(self.held.as_ref(), whole).await.map(Unfolded)
    }
}

/// Hears a sender out.
async fn listen(stream: &mut BodyDataStream) {
    let mut heard = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        heard += chunk.len();
        if heard > LISTENS.1 {
            return;
        }
    }
}

fn too_slow() -> RequestError {
    let message = format!("the body did not arrive within {} seconds", LONGEST.as_secs());
    RequestError::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", message)
}

fn incomplete() -> RequestError {
    RequestError::new(
        StatusCode::BAD_REQUEST,
        "body_incomplete",
        "the body did not arrive whole",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn head() -> Parts {
        Request::new(()).into_parts().0
    }

    async fn read<'a>(bodies: &'a Bodies, body: Vec<u8>, bound: usize) -> Result<Arrived<'a>, RequestError> {
        bodies
            .read(&head(), Body::from(body), bound, || "too large".to_owned())
            .await
    }

    #[tokio::test]
    async fn small_bodies_are_read_while_large_ones_hold_all_the_memory() {
        let bodies = Bodies::new(1 << 20, 0);
        let large = read(&bodies, vec![b' '; 1 << 20], 4 << 20)
            .await
            .expect("there is room");
        let also_large = read(&bodies, vec![b' '; 200_000], 4 << 20).await;
        assert_eq!(also_large.expect_err("no room").code(), "busy");
        let small = read(&bodies, vec![b' '; FREE], 4 << 20).await.expect("always");
        assert!(small.unfold().await.is_ok());
        drop(large);
        assert!(read(&bodies, vec![b' '; 200_000], 4 << 20).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_of_many_values_waits_for_another_one_and_the_largest_of_all_is_still_read() {
        let bodies = Bodies::new(1 << 20, 0);
        let (one, two) = (vec![b','; 50_000], vec![b','; 50_000]);
        let one = read(&bodies, one, 1 << 20).await.expect("it is small");
        let unfolded = one
            .unfold()
            .await
            .expect("there is room for one, however large it becomes");
        let two = read(&bodies, two, 1 << 20).await.expect("it is small");
        assert_eq!(two.unfold().await.expect_err("no room").code(), "busy");
        drop(unfolded);
        assert!(two.unfold().await.is_ok());
    }
}
