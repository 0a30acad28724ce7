//! What a request must pass before anything is done for it: bounds on memory, on how often and on how many at once.
//!
//! Hooks have one gate and the bot's endpoint has its own, so that a flood of the one leaves room for the other. The
//! order matters: strangers get no further than their body, so neither a sender's rate nor a place can be used up by
//! somebody who does not know its secret.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use indexmap::IndexMap;

use super::body::{Arrived, Bodies};
use super::error::RequestError;
use super::place::{Place, Places};
use crate::duration;
use crate::hook::Hook;
use crate::hook::rate::Posts;
use crate::seldom::Seldom;

/// How long a post to a hook or an activity may, so that it is counted and told in words before the limit
/// of all requests cuts it off.
const LONGEST_WORK: Duration = Duration::from_secs(13);
/// How much memory the larger bodies of all posts to hooks, and what is read in them, may take together, in bytes.
const MEMORY_FOR_HOOKS: usize = 128 << 20;
/// How much the larger activities of Teams may; nearly all of them are small.
const MEMORY_FOR_ACTIVITIES: usize = 8 << 20;
/// Activities worked on at once. They are remembered one after the other; the rest of it is waiting.
const ACTIVITIES_AT_ONCE: usize = 64;

/// A gate.
#[derive(Debug)]
pub struct Gate {
    bodies: Bodies,
    posts: Mutex<HashMap<String, Posts>>,
    places: Places,
    /// How often strangers may cause a line of the log.
    pub seldom: Seldom,
}

impl Gate {
    /// For hooks: so many requests worked on at once, with bodies of at most so many bytes.
    pub fn for_hooks(requests_at_once: usize, body_bytes: usize) -> Self {
        Self::new(requests_at_once, Bodies::new(MEMORY_FOR_HOOKS, body_bytes))
    }

    /// For what Teams tells us.
    pub fn for_teams() -> Self {
        Self::new(ACTIVITIES_AT_ONCE, Bodies::new(MEMORY_FOR_ACTIVITIES, 0))
    }

    fn new(places: usize, bodies: Bodies) -> Self {
        Self {
            bodies,
            posts: Mutex::default(),
            places: Places::new(places),
            seldom: Seldom::default(),
        }
    }

    /// Reads a body; see [`Bodies::read`].
    ///
    /// # Errors
    /// As there.
    pub async fn body(
        &self,
        head: &Parts,
        body: Body,
        bound: usize,
        too_large: impl Fn() -> String,
    ) -> Result<Arrived<'_>, RequestError> {
        self.bodies.read(head, body, bound, too_large).await
    }

    /// Counts a post to one of the `declared` hooks against its limit. The count outlives a reload, and a limit that was
    /// changed counts what was taken before; it does not outlive the process.
    ///
    /// # Errors
    /// 429, with the seconds until the next post is taken.
    pub fn count(
        &self,
        hook: &Hook,
        declared: &IndexMap<String, Hook>,
        now: DateTime<Utc>,
    ) -> Result<(), RequestError> {
        let Some(limit) = hook.limit else {
            return Ok(());
        };
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        if posts.len() > declared.len() {
            posts.retain(|name, _| declared.contains_key(name));
        }
        posts
            .entry(hook.name.clone())
            .or_default()
            .take(limit, now)
            .map_err(|wait| {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                let message = format!(
                    "this hook takes {} post{} per {}; the next one is taken in {}",
                    limit.count,
                    if limit.count == 1 { "" } else { "s" },
                    limit.time(),
                    duration::words(Duration::from_secs(seconds)),
                );
                RequestError::new(StatusCode::TOO_MANY_REQUESTS, "too_many", message)
                    .retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
            })
    }

    /// A place to be worked on, for a hook or whatever else has a share of its own.
    ///
    /// # Errors
    /// 503 when none becomes free in a moment.
    pub async fn place(&self, whose: &str) -> Result<Place, RequestError> {
        self.places.take(whose).await.ok_or_else(|| {
            let message = "too many requests at once; try again";
            RequestError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message).retry_after(1)
        })
    }
}

/// What comes of `work`, unless that takes longer than anybody waits.
///
/// # Errors
/// Those of `work`, or 503.
pub async fn in_time<T>(work: impl Future<Output = Result<T, RequestError>>) -> Result<T, RequestError> {
    tokio::time::timeout(LONGEST_WORK, work).await.unwrap_or_else(|_| {
        let message = format!(
            "this could not be done within {} seconds; perhaps it was taken all the same",
            LONGEST_WORK.as_secs()
        );
        Err(RequestError::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", message))
    })
}
