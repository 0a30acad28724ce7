//! How the state commands reach the state: the running server's admin routes, or the store itself when none runs.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};

use super::Place;
use super::exit::Exit;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::http::admin::Admin;
use crate::live;
use crate::secret::Secrets;
use crate::store::{Outbox, open};

/// Where the state is.
#[derive(Debug, Clone, Args)]
pub struct StateArgs {
    /// The running server, e.g. http://127.0.0.1:3978; the one of herald.yaml if not given
    #[arg(long, global = true, env = "HERALD_SERVER", value_name = "URL")]
    server: Option<String>,
    /// Open this data folder instead of asking a server; only while no server runs on it
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "server")]
    data: Option<PathBuf>,
}

/// A way to the admin routes.
pub struct State {
    client: reqwest::Client,
    base: String,
    token: Option<secrecy::SecretSlice<u8>>,
    own: Option<Own>,
}

/// A store that was opened because no server runs.
struct Own {
    outbox: Arc<dyn Outbox>,
    clock: Clock,
    // Serves the routes over it for as long as the command runs.
    _routes: tokio::task::JoinSet<()>,
}

impl State {
    /// Finds the server, or opens the store if there is none.
    ///
    /// # Errors
    /// A sentence that says what to do: the server does not answer, another process owns the store.
    pub async fn reach(
        place: &Place,
        args: &StateArgs,
        environment: BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let root = place.root();
        let (found, _, _) = live::first(&root, &environment, Clock::system().now());
        let settings = found.workspace.settings.clone();
        let secrets = Secrets::from_environment();
        let token = match &settings.server.admin_token {
            Some(name) => secrets.read(name).ok(),
            None => None,
        };
        let client = client(Duration::from_secs(30))?;
        if args.data.is_none() {
            let base = args
                .server
                .clone()
                .unwrap_or_else(|| format!("http://{}", settings.server.listen));
            let state = Self {
                client,
                base: base.trim_end_matches('/').to_owned(),
                token,
                own: None,
            };
            let alive = state.client.get(format!("{}/healthz", state.base)).send().await;
            return match alive {
                Ok(_) => Ok(state),
                Err(_) if args.server.is_some() => bail!("no Herald answers at {base}; is it running?"),
                Err(_) => {
                    let data = root.join(&settings.store);
                    anyhow::ensure!(
                        data.is_dir(),
                        "no Herald answers at {base}, and there is no data folder at {}; start `herald serve`, or name \
                         the server with --server or the folder with --data",
                        data.display()
                    );
                    Self::open(data, found, state.client).await
                }
            };
        }
        let data = args.data.clone().expect("the other case returned above");
        anyhow::ensure!(data.is_dir(), "there is no data folder at {}", data.display());
        Self::open(data, found, client).await
    }

    /// The admin routes of the server at `base`.
    pub fn of_server(client: reqwest::Client, base: String, token: Option<secrecy::SecretSlice<u8>>) -> Self {
        Self {
            client,
            base,
            token,
            own: None,
        }
    }

    /// Opens the store and serves the admin routes over it, on a port of this machine, until the command ends.
    ///
    /// # Errors
    /// The store's own sentence, which says what to do.
    pub async fn open(data: PathBuf, found: live::Live, client: reqwest::Client) -> anyhow::Result<Self> {
        let bound = found.workspace.settings.limits.open_deliveries;
        let store = tokio::task::spawn_blocking(move || open::open(&data, bound))
            .await
            .context("opening the store stopped")??;
        let (_keep, live) = watch::channel(found);
        let (reload, _) = mpsc::channel(1);
        let (outbox, clock) = (store.outbox.clone(), Clock::system());
        let admin = Admin {
            live,
            directory: store.directory,
            outbox: store.outbox,
            standing: Arc::default(),
            dispatcher: None,
            lost_places: None,
            clock: clock.clone(),
            secrets: Arc::new(Secrets::new(None)),
            audit: Audit {
                log: store.audit,
                clock: Clock::system(),
            },
            token: None,
            reload,
            work: Arc::new(Notify::new()),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no port of this machine is free")?;
        let address = listener.local_addr().context("the own port is unknown")?;
        let routes = crate::http::admin_routes(admin).into_make_service_with_connect_info::<SocketAddr>();
        let mut own = tokio::task::JoinSet::new();
        own.spawn(async move {
            let _keep = _keep;
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self {
            client,
            base: format!("http://{address}"),
            token: None,
            own: Some(Own {
                outbox,
                clock,
                _routes: own,
            }),
        })
    }

    /// No server was asked: the store was opened, and no engine runs on it.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Does what orders mean for each delivery of their runs, to the end, where no engine runs that would.
    ///
    /// # Errors
    /// The store's own sentence.
    pub async fn finish_orders(&self) -> anyhow::Result<()> {
        if let Some(own) = &self.own {
            while own.outbox.tend(own.clock.now()).await? {}
        }
        Ok(())
    }

    /// Asks a route about `things`, as the command that lists them is called; a no of the server is told, and is how the
    /// command ends.
    ///
    /// # Errors
    /// As [`State::call`]; or the server could not do it, or is too old to know of such things.
    pub async fn ask_about(
        &self,
        things: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Result<Value, Exit>> {
        let (status, answer) = self.call(method, path, body).await?;
        if status.is_success() {
            return Ok(Ok(answer));
        }
        let sentence = answer.pointer("/error/message").and_then(Value::as_str);
        match (status, sentence) {
            (StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::BAD_REQUEST, Some(sentence)) => {
                eprintln!("{sentence}");
                if status == StatusCode::NOT_FOUND {
                    eprintln!("`herald {things} list` shows what there is");
                }
                Ok(Err(Exit::No))
            }
            (_, Some(sentence)) => bail!("{sentence}"),
            (StatusCode::NOT_FOUND, None) => {
                bail!("the server is a Herald that knows no {things}; it is older than this one")
            }
            (status, None) => bail!("the server answered {status}"),
        }
    }

    /// Asks a route and takes whatever it answers.
    ///
    /// # Errors
    /// The server cannot be reached, or does not answer in JSON.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut request = self.client.request(method, format!("{}/admin/v1/{path}", self.base));
        if let Some(user) = super::whoami::claim() {
            request = request.header(crate::http::audit::CLAIM, segment(&user));
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(String::from_utf8_lossy(token.expose_secret()));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .map_err(|problem| problem.without_url())
            .context("the server did not answer")?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .map_err(|problem| problem.without_url())
            .context("the server's answer broke off")?;
        let body: Value = match serde_json::from_str(&text) {
            Ok(body) => body,
            Err(_) if text.is_empty() || status == StatusCode::NOT_FOUND => Value::Null,
            Err(error) => return Err(error).with_context(|| format!("the server answered {status}, not in JSON")),
        };
        Ok((status, body))
    }

    /// Asks a route. `None` when there is no such thing (404).
    ///
    /// # Errors
    /// The server's own sentence, or that it cannot be reached.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Option<Value>> {
        let (status, body) = self.call(method, path, body).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if status.is_success() {
            return Ok(Some(body));
        }
        match body.pointer("/error/message").and_then(Value::as_str) {
            Some(message) => bail!("{message}"),
            None => bail!("the server answered {status}"),
        }
    }
}

/// An HTTP client for a server of our own, which waits `patience` for a whole answer.
///
/// # Errors
/// When the machine gives none.
pub fn client(patience: Duration) -> anyhow::Result<reqwest::Client> {
    let builder = || {
        reqwest::Client::builder()
            .connect_timeout(patience.min(Duration::from_secs(3)))
            .timeout(patience)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
    };
    // A container without certificate authorities has no use for https, and none is needed for a server next door.
    builder()
        .build()
        .or_else(|_| builder().tls_certs_only([]).build())
        .context("no HTTP client can be set up")
}

/// A path segment, percent-encoded.
pub fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A runtime for one command.
///
/// # Errors
/// When the machine gives no threads.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no threads can be started")
}
