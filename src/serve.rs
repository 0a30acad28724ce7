//! The running engine: wires the rooms, owns all tasks, stops in order.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::audit::Audit;
use crate::call::caller::Caller;
use crate::clock::Clock;
use crate::courier::Courier;
use crate::courier::webhook::Webhooks;
use crate::dispatch::Dispatcher;
use crate::fan_out::FanOuts;
use crate::graph::client::Graph;
use crate::graph::feed::Feeds;
use crate::graph::inquiry::Inquiries;
use crate::graph::installs::Installs;
use crate::http;
use crate::http::entra::Signers;
use crate::http::gate::Gate;
use crate::http::listen::{self, Door};
use crate::listen::cron::CronListener;
use crate::listen::files::FileListener;
use crate::listen::queues::QueueListener;
use crate::listen::timers::TimerListener;
use crate::live::{Live, Reloader};
use crate::lost_place::LostPlaces;
use crate::metric::Metrics;
use crate::pace::{Pace, Rates};
use crate::profiles::{self, Profiles};
use crate::put_right::PutRight;
use crate::roll_call::RollCall;
use crate::secret::Secrets;
use crate::settings::Bot;
use crate::steward::Steward;
use crate::stop::{self, Stopper};
use crate::store::audit::Actor;
use crate::store::open::{self, Stores};
use crate::sweep::Sweep;
use crate::teams::connector::Connector;
use crate::teams::token::{Credentials, Tokens};
use crate::teams::verify::Verifier;
use crate::teams::wire::{Patience, Wire};
use crate::tracer::Tracer;
use crate::turnstile::Turnstile;
use crate::webhook::sender::Sender;
use crate::workspace::Sources;

/// How long a stop waits for what is under way.
const LONGEST_STOP: Duration = Duration::from_secs(20);

/// What a server is started with.
pub struct Start {
    /// The workspace's folder.
    pub root: PathBuf,
    /// What is in force at the start: starting is the first reload.
    pub live: Live,
    /// The files it was made of.
    pub sources: Sources,
    /// The folder of the store.
    pub data: PathBuf,
    /// Where secrets are read.
    pub secrets: Secrets,
    /// The time.
    pub clock: Clock,
}

/// A running engine.
pub struct Server {
    address: SocketAddr,
    tasks: JoinSet<()>,
    stop: Stopper,
    reload: mpsc::Sender<()>,
    live: watch::Receiver<Live>,
    stores: Stores,
    audit: Audit,
}

impl Server {
    /// Opens the store, binds the port and starts every task. When it returns, hooks are answered.
    ///
    /// # Errors
    /// A sentence for the operator: the port is taken, the store is locked, damaged or of another bot.
    pub async fn start(start: Start) -> anyhow::Result<Self> {
        let Start {
            root,
            live,
            sources,
            data,
            secrets,
            clock,
        } = start;
        let settings = live.workspace.settings.clone();
        let listener = bind(settings.server.listen).await?;
        let address = listener.local_addr().context("the own address is unknown")?;
        let stores = open::open(&data, settings.limits.open_deliveries)?;
        if let Some(app_id) = &settings.bot.app_id {
            stores.directory.bind_bot(&format!("28:{app_id}")).await?;
        }

        let metrics = Arc::new(Metrics::new(&stores.meter));
        metrics.reloaded(
            live.last_reload.rules,
            live.last_reload.broken.len(),
            live.last_reload.at,
        );
        let secrets = Arc::new(secrets);
        let (tracer, exporter) = Tracer::new(&settings.traces, &secrets, metrics.clone());
        let (live_writer, live) = watch::channel(live);
        let (stop, stopping) = stop::pair();
        let (reload, reload_asked) = mpsc::channel(1);
        let work = Arc::new(Notify::new());
        let (asked_at, last_asked) = watch::channel(None);

        let bot = &settings.bot;
        let wire = Wire::new(Patience::default())?;
        let tokens = Credentials::of(bot).map(|credentials| {
            Arc::new(Tokens::new(
                wire.clone(),
                &bot.endpoints,
                credentials,
                secrets.clone(),
                clock.clone(),
            ))
        });
        let tenants: Vec<String> = bot.tenant.iter().cloned().collect();
        let signers = Arc::new(Signers::new(wire.clone()));
        let verifier = Arc::new(Verifier::new(&wire, &bot.endpoints, bot.app_id.as_deref(), &tenants));
        let trusted = bot.endpoints.trusted.clone();
        let wants = settings.graph.wants;
        let graph = graph(bot, &wire, &tokens, &clock, &metrics)?
            .map(|graph| Arc::new(graph.with_fields(wants.entra).traced(tracer.clone())));
        let inquiries = match (&graph, settings.graph.look_up) {
            (Some(_), true) => Inquiries::on(),
            (None, true) => Inquiries::off("`bot.app_id` and `bot.tenant` in herald.yaml say as whom and where"),
            (_, false) => Inquiries::off("`graph: { look_up: true }` in herald.yaml would have it asked"),
        };
        let inquiries = Arc::new(match &graph {
            Some(_) => inquiries.wanting(wants),
            None => inquiries,
        });
        let profiles = graph.clone().filter(|_| wants.any()).map(|graph| Profiles {
            graph,
            inquiries: inquiries.clone(),
            directory: stores.directory.clone(),
            clock: clock.clone(),
        });
        let (unknown, strangers) = mpsc::channel(profiles::MOST_WAITING);
        let installs = match (&graph, &settings.graph.install) {
            (Some(graph), Some(app)) => Some(Installs::new(graph.clone(), app, clock.clone(), work.clone())),
            (_, _) => None,
        };
        let (installs, installer) = installs.unzip();
        let (feeds, feed_sender) = graph.clone().map(Feeds::new).unzip();
        let queue_wire = wire.clone();
        let as_bot = tokens.clone().zip(bot.tenant.clone());
        let connector = Connector::new(wire, trusted, tokens, bot.app_id.as_deref(), clock.clone());
        let connector = Arc::new(connector.elsewhere(bot.endpoints.gcc_service_url.clone()));
        let sender = Sender::new(&settings.send.private_webhook_hosts, clock.clone()).map_err(anyhow::Error::msg)?;
        let webhooks = Webhooks {
            live: live.clone(),
            secrets: secrets.clone(),
            sender: Arc::new(sender),
        };
        let caller = Arc::new(Caller::new(secrets.clone(), clock.clone()).map_err(anyhow::Error::msg)?);
        let dispatcher = Dispatcher::new(
            live.clone(),
            stores.directory.clone(),
            stores.outbox.clone(),
            clock.clone(),
            metrics.clone(),
            work.clone(),
            last_asked,
        )
        .traced(tracer.clone())
        .inquiring(inquiries.clone())
        .getting_to_know(profiles.as_ref().map(|_| unknown))
        .calling(caller);
        if let Err(problem) = dispatcher.recall_recent().await {
            warn!(%problem, "the storm breaker begins to count anew: what was sent before cannot be read");
        }

        let rates = Rates::of_limits(&settings.limits);
        let turnstile = Arc::new(Turnstile::new(Pace::new(rates), clock.clone()));
        let audit = Audit {
            log: stores.audit.clone(),
            clock: clock.clone(),
        };
        let routes = http::routes(
            http::hook::Hooks {
                live: live.clone(),
                dispatcher: dispatcher.clone(),
                secrets: secrets.clone(),
                clock: clock.clone(),
                metrics: metrics.clone(),
                signers,
                gate: Arc::new(Gate::for_hooks(
                    settings.limits.requests_at_once,
                    settings.limits.body_bytes,
                )),
                tracer: tracer.clone(),
            },
            http::messages::Messages {
                verifier,
                directory: stores.directory.clone(),
                outbox: stores.outbox.clone(),
                turn: Arc::default(),
                asked_at: asked_at.clone(),
                work: work.clone(),
                dispatcher: dispatcher.clone(),
                clock: clock.clone(),
                metrics: metrics.clone(),
                gate: Arc::new(Gate::for_teams()),
            },
            http::admin::Admin {
                live: live.clone(),
                directory: stores.directory.clone(),
                outbox: stores.outbox.clone(),
                standing: connector.standing().clone(),
                dispatcher: Some(dispatcher.clone()),
                lost_places: Some(LostPlaces {
                    directory: stores.directory.clone(),
                    connector: connector.clone(),
                    turnstile: turnstile.clone(),
                    clock: clock.clone(),
                    default_service_url: settings.bot.endpoints.service_url.clone(),
                    tenant: settings.bot.tenant.clone().unwrap_or_default(),
                    app_id: settings.bot.app_id.clone(),
                    asked_at: asked_at.clone(),
                    work: work.clone(),
                }),
                clock: clock.clone(),
                secrets: secrets.clone(),
                token: settings.server.admin_token.clone(),
                audit: audit.clone(),
                reload: reload.clone(),
                work: work.clone(),
            },
            http::health::Health {
                live: live.clone(),
                outbox: stores.outbox.clone(),
                standing: connector.standing().clone(),
                turnstile: turnstile.clone(),
                clock: clock.clone(),
                size: stores.size.clone(),
                metrics: metrics.clone(),
                stopping: stopping.clone(),
            },
        );

        let mut tasks = JoinSet::new();
        let courier = Courier {
            directory: stores.directory.clone(),
            outbox: stores.outbox.clone(),
            connector: connector.clone(),
            webhooks,
            clock: clock.clone(),
            metrics: metrics.clone(),
            tracer,
            work: work.clone(),
            default_service_url: settings.bot.endpoints.service_url.clone(),
            tenant: settings.bot.tenant.clone().unwrap_or_default(),
            turnstile: turnstile.clone(),
            installs,
            feeds,
            batching: settings.send.batching,
        };
        if let Some(sender) = feed_sender {
            // It ends with the courier, which is the only one to hand it anything.
            tasks.spawn(sender.run());
        }
        if let Some(installer) = installer {
            tasks.spawn(installer.run(stopping.clone()));
        }
        tasks.spawn(courier.run(stopping.clone()));
        if let Some(exporter) = exporter {
            tasks.spawn(exporter.run());
        }
        let (fan_outs, inbox) = mpsc::channel(16);
        let taking_in = FanOuts {
            inbox,
            dispatcher: dispatcher.clone(),
            outbox: stores.outbox.clone(),
            clock: clock.clone(),
        };
        tasks.spawn(taking_in.run(stopping.clone()));
        let steward = Steward {
            outbox: stores.outbox.clone(),
            clock: clock.clone(),
            work: work.clone(),
        };
        tasks.spawn(steward.run(stopping.clone()));
        let put_right = PutRight {
            outbox: stores.outbox.clone(),
            clock: clock.clone(),
            work: work.clone(),
        };
        tasks.spawn(put_right.run(stopping.clone()));
        let roll_call = RollCall {
            fan_outs,
            directory: stores.directory.clone(),
            outbox: stores.outbox.clone(),
            connector,
            turnstile,
            dispatcher: dispatcher.clone(),
            clock: clock.clone(),
            work: work.clone(),
            asked_at,
            graph: graph.map(|graph| (graph, inquiries)),
            profiles: profiles.clone(),
        };
        if let Some(profiles) = profiles {
            tasks.spawn(profiles.run(strangers, stopping.clone()));
        }
        tasks.spawn(roll_call.run(stopping.clone()));
        let timers = TimerListener {
            outbox: stores.outbox.clone(),
            dispatcher: dispatcher.clone(),
            clock: clock.clone(),
            work,
        };
        tasks.spawn(timers.run(stopping.clone()));
        let cron = CronListener {
            live: live.clone(),
            outbox: stores.outbox.clone(),
            dispatcher: dispatcher.clone(),
            clock: clock.clone(),
        };
        tasks.spawn(cron.run(stopping.clone()));
        let files = FileListener {
            root: root.clone(),
            live: live.clone(),
            outbox: stores.outbox.clone(),
            dispatcher: dispatcher.clone(),
            clock: clock.clone(),
        };
        tasks.spawn(files.run(stopping.clone()));
        let queues = QueueListener {
            live: live.clone(),
            outbox: stores.outbox.clone(),
            dispatcher,
            secrets,
            clock: clock.clone(),
            metrics: metrics.clone(),
            wire: queue_wire,
            bot: as_bot,
        };
        tasks.spawn(queues.run(stopping.clone()));
        let sweep = Sweep {
            live: live.clone(),
            outbox: stores.outbox.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
        };
        tasks.spawn(sweep.run(stopping.clone()));
        let reloader = Reloader::new(root, live_writer, sources, clock, metrics.clone(), reload_asked);
        tasks.spawn(reloader.run(stopping.clone()));
        let door = Door {
            listener,
            routes,
            connections: connections(settings.limits.connections),
            metrics,
        };
        tasks.spawn(door.serve(stopping));
        Ok(Self {
            address,
            tasks,
            stop,
            reload,
            live,
            stores,
            audit,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is in force; changes with every reload.
    pub fn live(&self) -> watch::Receiver<Live> {
        self.live.clone()
    }

    /// Its stores.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Asks for a reading of the files at once.
    pub fn reload(&self) {
        // A full channel already holds a request.
        let _ = self.reload.try_send(());
    }

    /// Somebody on this machine asked by a signal for a reading of the files.
    pub async fn reload_by_signal(&self) {
        let actor = Actor {
            from: "signal".to_owned(),
            claims_to_be: None,
        };
        self.audit.record(actor, "reload", "", "done").await;
        self.reload();
    }

    /// Waits until a task ends. None should: it panicked, or lost what it works on.
    pub async fn failed(&mut self) -> String {
        match self.tasks.join_next().await {
            Some(Err(panic)) => format!("a part of Herald stopped working: {panic}"),
            Some(Ok(())) | None => "a part of Herald ended by itself".to_owned(),
        }
    }

    /// Takes nothing new, lets what is under way end, and closes the store. What is still waiting stays on disk.
    pub async fn stop(mut self) {
        info!("stopping");
        self.stop.stop();
        let ended = tokio::time::timeout(LONGEST_STOP, async {
            while let Some(ended) = self.tasks.join_next().await {
                if let Err(problem) = ended {
                    warn!(%problem, "a task did not end well");
                }
            }
        });
        if ended.await.is_err() {
            warn!(waited = ?LONGEST_STOP, "some work was cut off, it goes on after the next start");
            self.tasks.shutdown().await;
        }
        self.stores.close().await;
        info!("stopped");
    }
}

/// The way to Graph, if the settings say as whom and in which tenant. Nothing is asked before somebody needs it.
fn graph(
    bot: &Bot,
    wire: &Wire,
    tokens: &Option<Arc<Tokens>>,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Option<Graph>> {
    let (Some(tokens), Some(tenant)) = (tokens, &bot.tenant) else {
        return Ok(None);
    };
    let graph = Graph::new(
        wire.clone(),
        &bot.endpoints.graph,
        tokens.clone(),
        tenant,
        clock.clone(),
    );
    Ok(Some(graph.map_err(anyhow::Error::msg)?.counted(metrics.clone())))
}

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|problem| match problem.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "port {} is taken by another program (another Herald?); stop it, or choose another with --listen {}:PORT",
            listen.port(),
            listen.ip()
        ),
        std::io::ErrorKind::PermissionDenied => {
            anyhow::anyhow!(
                "this user may not listen on port {}; ports below 1024 need more rights",
                listen.port()
            )
        }
        _ => anyhow::anyhow!("cannot listen on {listen}: {problem}"),
    })
}

/// How many connections there is room for: as many as wanted, if the system allows as many open files.
fn connections(wanted: usize) -> usize {
    let files = listen::files_allowed();
    let connections = listen::fitting(wanted, files);
    if connections < wanted {
        warn!(
            wanted,
            connections,
            files,
            "fewer connections than wanted can be open at once: the system allows too few open files (ulimit -n)"
        );
    }
    connections
}
