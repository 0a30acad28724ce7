//! Teams in a box: a server that speaks the Bot Framework connector's HTTP, with some people, teams and chats, and a
//! page that shows what arrives in them.
//!
//! `herald serve --sandbox` starts one on a second port, and every test of the engine talks to one. The engine does not
//! know the difference: it asks for a token, verifies signatures and sends over HTTP, as it does with Teams.
//!
//! Whoever owns a [`Sandbox`] can act as Teams towards the bot ([`Sandbox::install_personal`], [`Sandbox::say`],
//! [`Sandbox::deliver`] ...), decide what the next calls are answered ([`Sandbox::answer_next`]) and look at what
//! arrived ([`Sandbox::wait_for`]). Nothing is kept on disk; ids are derived from names, so that the next sandbox
//! speaks of the same conversations.

mod acting;
mod activity;
mod batches;
mod bot;
mod connector;
mod graph;
mod identity;
mod key;
mod limit;
mod line;
mod page;
mod refusal;
mod routes;
mod script;
mod seed;
mod sign_in;
mod speaking;
mod state;
mod view;
mod webhooks;
mod world;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

pub use self::activity::{ChannelChange, TeamChange};
pub use self::batches::Naming;
pub use self::bot::{BotAnswer, Failure};
pub use self::graph::Notified;
pub use self::key::Credential;
pub use self::script::{Operation, Script};
pub use self::state::{Call, Received, Shown};

use self::key::Key;
use self::limit::Windows;
use self::line::{Doorway, Line};
use self::state::{Shared, State};
use self::world::World;
use crate::clock::Clock;

/// The bot's app id unless [`Options::app_id`] says otherwise.
pub const APP_ID: &str = "5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10";
/// The bot's client secret unless [`Options::secret`] says otherwise. It protects nothing.
pub const SECRET: &str = "sandbox~secret+with/odd=characters";
/// The tenant unless [`Options::tenant`] says otherwise.
pub const TENANT: &str = "8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01";

/// How a sandbox begins.
#[derive(Debug, Clone)]
pub struct Options {
    /// The bot's app id (GUID): its account is `28:` and this.
    pub app_id: String,
    /// The client secret that the token endpoint asks for.
    pub secret: String,
    /// The tenant everybody belongs to.
    pub tenant: String,
    /// The bot's name in mentions and in the page.
    pub bot_name: String,
    /// Where the bot takes activities (`http://127.0.0.1:3978/api/messages`); can be told later with
    /// [`Sandbox::set_bot_endpoint`].
    pub bot_endpoint: Option<String>,
    /// Whether the connector limits the rate of calls.
    pub limits: Limits,
    /// What the page tells a first-time visitor to type in a terminal: shown as it is, with a button to copy it.
    pub hint: Option<String>,
    /// Messages kept per conversation; older ones are forgotten. At least 1.
    pub kept_messages: usize,
    /// Calls and arrived messages kept for [`Sandbox::calls`] and [`Sandbox::received`]. At least 1.
    pub kept_calls: usize,
    /// The clock for timestamps, tokens and rate limits.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            app_id: APP_ID.to_owned(),
            secret: SECRET.to_owned(),
            tenant: TENANT.to_owned(),
            bot_name: "Herald".to_owned(),
            bot_endpoint: None,
            limits: Limits::Off,
            hint: None,
            kept_messages: 200,
            kept_calls: 10_000,
            clock: Clock::system(),
        }
    }
}

/// Whether calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// As many calls as the caller likes.
    Off,
    /// Teams' sliding windows per conversation, and 50 calls a second over all; 429 with `Retry-After` above.
    Real,
}

/// A running Teams in a box; clones are handles on the same one, and it ends with the last of them.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
    /// `None` in the server's own handle, which must not keep itself alive.
    running: Option<Arc<Running>>,
}

struct Running {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Connections belong to tasks that axum started: they end by their wires breaking.
        self.shared.reachable.send_replace(false);
        self.tasks
            .get_mut()
            .expect("nothing panics while it holds the tasks")
            .abort_all();
    }
}

impl Sandbox {
    /// Starts listening; port 0 takes a free one.
    ///
    /// # Errors
    /// The port is taken, or the address is not this machine's.
    pub async fn start(listen: SocketAddr, options: Options) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("Teams in a box cannot listen on {listen}: is another one running there?"))?;
        let address = listener.local_addr().context("a listening socket has an address")?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            // The time Teams waits for a bot.
            .timeout(Duration::from_secs(15))
            // The bot is next door and speaks plain HTTP: certificates of the system are not needed.
            .tls_certs_only([])
            .build()
            .context("Teams in a box cannot make an HTTP client")?;
        let (reachable, doorway) = watch::channel(true);
        let shared = Arc::new(Shared {
            base: base(address),
            http,
            changes: broadcast::Sender::new(1_024),
            arrived: watch::Sender::new(0),
            called: watch::Sender::new(0),
            reachable,
            state: Mutex::new(State {
                world: World::new(
                    &options.app_id,
                    &options.tenant,
                    &options.bot_name,
                    options.kept_messages,
                ),
                bot_endpoint: options.bot_endpoint.clone(),
                scripts: Vec::new(),
                limits: options.limits,
                in_gcc: false,
                windows: Windows::default(),
                tokens: HashMap::new(),
                token_lifetime: chrono::Duration::hours(1),
                graph_tokens: HashMap::new(),
                permissions: graph::PERMISSIONS.map(str::to_owned).to_vec(),
                in_catalogue: true,
                silent_installs: false,
                notified: VecDeque::new(),
                key: Key::first(),
                endorsements: vec!["msteams".to_owned()],
                received: VecDeque::new(),
                calls: VecDeque::new(),
                counts: HashMap::new(),
            }),
            options,
        });
        let own_handle = Self {
            shared: shared.clone(),
            running: None,
        };
        let app = routes::routes()
            .with_state(shared.clone())
            .merge(page::routes(own_handle, address))
            .fallback(routes::nothing_there)
            .into_make_service_with_connect_info::<Line>();
        let doorway = Doorway::new(listener, address, doorway);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // It never ends by itself: accept() does not fail.
            axum::serve(doorway, app).await.ok();
        });
        let running = Running {
            address,
            shared: shared.clone(),
            tasks: Mutex::new(tasks),
        };
        Ok(Self {
            shared,
            running: Some(Arc::new(running)),
        })
    }

    /// A sandbox on a free port of this machine, with the default options: what a test wants.
    ///
    /// # Errors
    /// See [`start`](Self::start).
    pub async fn start_anywhere() -> anyhow::Result<Self> {
        Self::start(SocketAddr::from(([127, 0, 0, 1], 0)), Options::default()).await
    }

    // ---- where it is ----

    /// The page, and the root of all other addresses; no slash at the end.
    pub fn url(&self) -> String {
        self.shared.base.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running
            .as_ref()
            .expect("only the server's own handle has no address, and it does not ask")
            .address
    }

    /// For `bot.endpoints.token`.
    pub fn token_url(&self) -> String {
        format!("{}/{}/oauth2/v2.0/token", self.shared.base, self.shared.options.tenant)
    }

    /// For `bot.endpoints.openid`.
    pub fn openid_url(&self) -> String {
        format!("{}/v1/.well-known/openidconfiguration", self.shared.base)
    }

    /// The issuer of the tokens that [`Credential::Genuine`] stands for.
    pub fn issuer(&self) -> String {
        state::ISSUER.to_owned()
    }

    /// The issuer of the tokens that [`Credential::Entra`] stands for.
    pub fn entra_issuer(&self) -> String {
        self.shared.entra_issuer()
    }

    /// The OpenID configuration of [`entra_issuer`](Self::entra_issuer).
    pub fn entra_openid_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.shared.entra_issuer())
    }

    /// For `bot.endpoints.service_url`: what activities call `serviceUrl`.
    pub fn service_url(&self) -> String {
        self.shared.service_url()
    }

    /// Where the tenant is called once it is one of the government's community cloud, for
    /// `bot.endpoints.gcc_service_url`.
    pub fn gcc_service_url(&self) -> String {
        format!("{}/gcc/", self.shared.base)
    }

    /// The tenant is (or is not) one of the government's community cloud: calls at the other host are answered
    /// `InvalidBotApiHost`.
    pub fn set_in_gcc(&self, in_gcc: bool) {
        self.shared.state().in_gcc = in_gcc;
    }

    /// The bot's app id.
    pub fn app_id(&self) -> &str {
        &self.shared.options.app_id
    }

    /// The bot's client secret.
    pub fn secret(&self) -> &str {
        &self.shared.options.secret
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.shared.options.tenant
    }

    /// Tells where the bot takes activities.
    pub fn set_bot_endpoint(&self, endpoint: impl Into<String>) {
        self.shared.state().bot_endpoint = Some(endpoint.into());
    }

    // ---- scripting ----

    /// Adds a script; scripts are tried in the order they were added.
    pub fn answer_next(&self, script: Script) {
        self.shared.state().scripts.push(script);
    }

    /// From now on every call is answered as usual.
    pub fn forget_scripts(&self) {
        self.shared.state().scripts.clear();
    }

    /// Closes the port and breaks all connections: callers are refused until [`come_back`](Self::come_back).
    pub fn go_away(&self) {
        self.shared.reachable.send_replace(false);
    }

    /// Opens the port again, with the world as it was.
    pub fn come_back(&self) {
        self.shared.reachable.send_replace(true);
    }

    /// Switches the rate limits.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.state().limits = limits;
    }

    /// How long access tokens live from now on (one hour otherwise).
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.shared.state().token_lifetime =
            chrono::Duration::from_std(lifetime).expect("a lifetime of some years at most");
    }

    /// All access tokens issued so far stop working: the connector answers 401 to them.
    pub fn expire_tokens(&self) {
        let mut state = self.shared.state();
        state.tokens.clear();
        state.graph_tokens.clear();
    }

    /// Teams signs with a new key from now on, and publishes that one alone.
    pub fn rotate_keys(&self) {
        let key = Key::generate();
        self.shared.state().key = key;
    }

    /// What the published key is endorsed for; Teams' keys say `msteams`.
    pub fn set_endorsements(&self, channels: &[&str]) {
        self.shared.state().endorsements = channels.iter().map(|channel| (*channel).to_owned()).collect();
    }

    // ---- looking ----

    /// The messages that arrived, oldest first (the last [`Options::kept_calls`] of them). Refused ones are not here.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().received.iter().cloned().collect()
    }

    /// The messages that arrived in this conversation (any thread of a channel), by id or name.
    pub fn received_in(&self, conversation: &str) -> Vec<Received> {
        let state = self.shared.state();
        let Some(place) = state.world.place_called(conversation) else {
            return Vec::new();
        };
        let id = state.world.id(place);
        state
            .received
            .iter()
            .filter(|received| world::split_thread(&received.conversation).0 == id)
            .cloned()
            .collect()
    }

    /// What is to be read in this conversation now, by id or name, oldest first: messages that were replaced as they are,
    /// without those that were deleted. Whatever anybody wrote is among it.
    pub fn shown_in(&self, conversation: &str) -> Vec<Shown> {
        let state = self.shared.state();
        let Some(place) = state.world.place_called(conversation) else {
            return Vec::new();
        };
        let shown = state.world.messages(place).map(|message| Shown {
            id: message.id.clone(),
            by_bot: message.author == world::Author::Bot,
            edited: message.edited,
            activity: message.activity.clone(),
        });
        shown.collect()
    }

    /// Somebody takes one of the bot's messages away, by id or name of the conversation: Teams knows it no more.
    /// False if it was not there.
    pub fn lose_message(&self, conversation: &str, id: &str) -> bool {
        let mut state = self.shared.state();
        let Some(place) = state.world.place_called(conversation) else {
            return false;
        };
        let there = state.world.message(place, id).is_some();
        state.world.remove_message(place, id);
        let data = serde_json::json!({"conversation": state.world.id(place), "id": id});
        self.shared.show([view::Change::new("deleted", data)]);
        there
    }

    /// Waits until at least `count` messages have arrived since the start, and returns all that are kept.
    ///
    /// # Errors
    /// `timeout` passed first: the error lists what came, so that a failing test tells more than a number.
    pub async fn wait_for(&self, count: u64, timeout: Duration) -> Result<Vec<Received>, Missed> {
        let mut arrived = self.shared.arrived.subscribe();
        let enough = arrived.wait_for(|arrived| *arrived >= count);
        match tokio::time::timeout(timeout, enough).await {
            Ok(_) => Ok(self.received()),
            Err(_) => Err(self.missed(count, timeout)),
        }
    }

    /// Waits until `operation` was asked at least `count` times since the start, whatever was answered.
    ///
    /// # Errors
    /// `timeout` passed first.
    pub async fn wait_for_calls(&self, operation: Operation, count: u64, timeout: Duration) -> Result<(), Missed> {
        let mut called = self.shared.called.subscribe();
        let enough = async {
            while self.count(operation) < count {
                // The sender lives as long as the sandbox whose method this is.
                called.changed().await.ok();
            }
        };
        let timely = tokio::time::timeout(timeout, enough).await.is_ok();
        if timely {
            Ok(())
        } else {
            Err(self.missed(count, timeout))
        }
    }

    fn missed(&self, wanted: u64, timeout: Duration) -> Missed {
        Missed {
            wanted,
            timeout,
            received: self.received(),
            calls: self.calls(),
        }
    }

    /// All calls of the bot, answered or not, oldest first (the last [`Options::kept_calls`] of them).
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.iter().cloned().collect()
    }

    /// How often this was asked since the start.
    pub fn count(&self, operation: Operation) -> u64 {
        self.shared.state().counts.get(&operation).copied().unwrap_or_default()
    }
}

/// Messages (or calls) that were waited for did not come.
#[derive(Debug, Clone)]
pub struct Missed {
    /// How many were wanted.
    pub wanted: u64,
    /// How long it was waited.
    pub timeout: Duration,
    /// What came.
    pub received: Vec<Received>,
    /// Every call that was made.
    pub calls: Vec<Call>,
}

impl std::fmt::Display for Missed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "waited {:?} for {}; {} messages came",
            self.timeout,
            self.wanted,
            self.received.len()
        )?;
        for received in &self.received {
            writeln!(f, "  in {}: {}", received.conversation, received.activity)?;
        }
        writeln!(f, "calls:")?;
        for call in &self.calls {
            writeln!(f, "  {:?} {} -> {}", call.operation, call.conversation, call.status)?;
        }
        Ok(())
    }
}

impl std::error::Error for Missed {}

/// Where a browser on this machine finds `address`.
fn base(address: SocketAddr) -> String {
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    format!("http://{host}:{}", address.port())
}
