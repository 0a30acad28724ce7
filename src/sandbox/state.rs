//! What a running sandbox remembers, and what it shares between its routes and whoever scripts it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::{broadcast, watch};

use super::connector::Posted;
use super::graph::Notified;
use super::key::{Claims, Key};
use super::limit::Windows;
use super::script::{Operation, Script};
use super::view::Change;
use super::world::World;
use super::{Limits, Options};

/// The issuer of Teams' own tokens.
pub(super) const ISSUER: &str = "https://api.botframework.com";
/// More access tokens than this are not valid at once.
const MOST_TOKENS: usize = 1_000;

/// A message that arrived in a conversation.
#[derive(Debug, Clone)]
pub struct Received {
    /// Where, with `;messageid=` for a thread.
    pub conversation: String,
    /// Its id; `None` when Teams split it in two.
    pub activity_id: Option<String>,
    /// What was posted, as it was posted.
    pub activity: Value,
    /// When, by the sandbox's clock.
    pub at: DateTime<Utc>,
}

/// A message as somebody reads it in its conversation.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// The bot wrote it.
    pub by_bot: bool,
    /// It was replaced since it came.
    pub edited: bool,
    /// What it says now.
    pub activity: Value,
}

/// A call of the bot, answered or not.
#[derive(Debug, Clone)]
pub struct Call {
    /// What was asked.
    pub operation: Operation,
    /// The conversation or team (without the thread), the member of a chat to open, or nothing.
    pub conversation: String,
    /// The status answered; 0 when the connection was dropped, cut or left hanging.
    pub status: u16,
    /// When, by the sandbox's clock.
    pub at: DateTime<Utc>,
}

pub(super) struct Shared {
    pub(super) options: Options,
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub(super) base: String,
    pub(super) http: reqwest::Client,
    pub(super) changes: broadcast::Sender<Change>,
    pub(super) arrived: watch::Sender<u64>,
    /// Moves with every call that was answered or left hanging.
    pub(super) called: watch::Sender<u64>,
    pub(super) reachable: watch::Sender<bool>,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub(super) world: World,
    pub(super) bot_endpoint: Option<String>,
    pub(super) scripts: Vec<Script>,
    pub(super) limits: Limits,
    /// The tenant is one of the government's community cloud.
    pub(super) in_gcc: bool,
    pub(super) windows: Windows,
    pub(super) tokens: HashMap<String, DateTime<Utc>>,
    pub(super) token_lifetime: chrono::Duration,
    pub(super) graph_tokens: HashMap<String, DateTime<Utc>>,
    /// What an administrator granted the app in Graph.
    pub(super) permissions: Vec<String>,
    pub(super) in_catalogue: bool,
    /// The bot is told nothing of installations through Graph.
    pub(super) silent_installs: bool,
    pub(super) notified: VecDeque<Notified>,
    pub(super) key: Arc<Key>,
    pub(super) endorsements: Vec<String>,
    pub(super) received: VecDeque<Received>,
    pub(super) calls: VecDeque<Call>,
    pub(super) counts: HashMap<Operation, u64>,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing panics while it holds the sandbox's state")
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.options.clock.now()
    }

    pub(super) fn service_url(&self) -> String {
        format!("{}/emea/", self.base)
    }

    pub(super) fn entra_issuer(&self) -> String {
        format!("{}/{}/v2.0", self.base, self.options.tenant)
    }

    pub(super) fn show(&self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            // Nobody at the page: nothing to show.
            self.changes.send(change).ok();
        }
    }

    /// Remembers a call and, if it brought one, its message; wakes whoever waits for messages.
    pub(super) fn remember(
        &self,
        state: &mut State,
        operation: Operation,
        conversation: &str,
        status: u16,
        posted: Option<Posted>,
    ) {
        let at = self.now();
        *state.counts.entry(operation).or_default() += 1;
        let call = Call {
            operation,
            conversation: conversation.to_owned(),
            status,
            at,
        };
        bounded(&mut state.calls, call, self.options.kept_calls);
        if let Some(posted) = posted {
            self.arrive(state, posted, at);
        }
        self.called.send_modify(|called| *called += 1);
    }

    /// Remembers a message; wakes whoever waits for messages.
    pub(super) fn arrive(&self, state: &mut State, posted: Posted, at: DateTime<Utc>) {
        let Posted {
            conversation,
            activity_id,
            activity,
        } = posted;
        let received = Received {
            conversation,
            activity_id,
            activity,
            at,
        };
        bounded(&mut state.received, received, self.options.kept_calls);
        self.arrived.send_modify(|arrived| *arrived += 1);
    }

    pub(super) fn claims<'a>(&'a self, service_url: &'a str, entra_issuer: &'a str) -> Claims<'a> {
        Claims {
            issuer: ISSUER,
            entra_issuer,
            app_id: &self.options.app_id,
            tenant: &self.options.tenant,
            service_url,
            now: self.now(),
        }
    }
}

impl State {
    /// A new access token for the bot.
    pub(super) fn issue_token(&mut self, now: DateTime<Utc>) -> String {
        self.tokens.retain(|_, ends| *ends > now);
        if self.tokens.len() >= MOST_TOKENS {
            self.tokens.clear();
        }
        let token = format!(
            "sandbox.{}.{}",
            uuid::Uuid::new_v4().simple(),
            uuid::Uuid::new_v4().simple()
        );
        self.tokens.insert(token.clone(), now + self.token_lifetime);
        token
    }

    pub(super) fn knows_token(&self, authorization: Option<&str>, now: DateTime<Utc>) -> bool {
        authorization
            .and_then(|header| header.strip_prefix("Bearer "))
            .and_then(|token| self.tokens.get(token))
            .is_some_and(|ends| *ends > now)
    }
}

fn bounded<T>(list: &mut VecDeque<T>, item: T, most: usize) {
    list.push_back(item);
    while list.len() > most.max(1) {
        list.pop_front();
    }
}
