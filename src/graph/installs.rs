//! Gives the app to people who never met the bot, when a card for them waits and the settings allow it.
//!
//! Whoever needs it asks and comes again: the card stays in the outbox meanwhile, so that nothing is lost when Herald
//! stops in between. What is known here of an installation is only a memory; without it the next card asks again, and
//! an app that is there already is fine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::answer::No;
use super::client::Graph;
use super::task::Task;
use crate::clock::Clock;
use crate::stop::Stop;
use crate::trace::TraceContext;
use crate::tracer::{self, made_for};

/// Installations wanted and not begun, at most; whoever comes later is told to come again.
const MOST_WANTED: usize = 10_000;
/// Installations under way at once.
const AT_ONCE: usize = 4;
/// How often one is tried while Graph does not work.
const TRIES: u32 = 8;
/// For how long it is remembered that somebody could not be given the app.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);
/// The longest wait before it is tried again, and the one where Graph names none, for the first time.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(5);
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(2);
/// For how long the catalogue's id of the app is taken for true.
const APP_FRESH_FOR: TimeDelta = TimeDelta::hours(1);

/// How far the installation for a person is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It is wanted or under way: look again then.
    UnderWay {
        /// When it makes sense to look again.
        again_at: DateTime<Utc>,
    },
    /// They have the app.
    Installed {
        /// Since when, as far as we saw.
        at: DateTime<Utc>,
        /// The id of the installation.
        installation: String,
    },
    /// They could not be given it, and why.
    Failed {
        /// In a sentence, with what an administrator must do.
        reason: String,
    },
}

/// Asks for installations, and says how far they are. Cheap to call from many tasks at once.
#[derive(Debug)]
pub struct Installs {
    wanted: mpsc::Sender<Asked>,
    known: Mutex<HashMap<String, (DateTime<Utc>, Known)>>,
    clock: Clock,
    graph: Arc<Graph>,
}

/// Who is to be given the app, and below which span of a trace that belongs.
type Asked = (String, Option<TraceContext>);

#[derive(Debug, Clone)]
enum Known {
    UnderWay,
    Installed(String),
    Failed(String),
}

/// Works the wanted installations off.
pub struct Installer {
    installs: Arc<Installs>,
    inbox: mpsc::Receiver<Asked>,
    manifest: String,
    app: tokio::sync::Mutex<Option<(DateTime<Utc>, String)>>,
    /// Rung when somebody has the app.
    work: Arc<Notify>,
}

impl Installs {
    /// Installations of the app with the manifest id `manifest`, and who works them off; `work` is rung with each.
    pub fn new(graph: Arc<Graph>, manifest: &str, clock: Clock, work: Arc<Notify>) -> (Arc<Self>, Installer) {
        let (wanted, inbox) = mpsc::channel(MOST_WANTED);
        let installs = Arc::new(Self {
            wanted,
            known: Mutex::default(),
            clock,
            graph,
        });
        let installer = Installer {
            installs: installs.clone(),
            inbox,
            manifest: manifest.to_owned(),
            app: tokio::sync::Mutex::default(),
            work,
        };
        (installs, installer)
    }

    /// How far the installation for the person with this Entra object id is; `None` when nobody asked for one lately.
    pub fn progress(&self, user: &str) -> Option<Progress> {
        let now = self.clock.now();
        let mut known = self.known();
        let (at, state) = known.get(user).cloned()?;
        if now - at >= REMEMBERED || at > now + TimeDelta::minutes(1) {
            known.remove(user);
            return None;
        }
        Some(match state {
            Known::UnderWay => Progress::UnderWay {
                again_at: now + self.ahead(),
            },
            Known::Installed(installation) => Progress::Installed { at, installation },
            Known::Failed(reason) => Progress::Failed { reason },
        })
    }

    /// Asks for the app to be given to this person; says when to look.
    pub fn ask(&self, user: &str) -> DateTime<Utc> {
        let now = self.clock.now();
        let mut known = self.known();
        if known.len() >= MOST_WANTED * 2 {
            known.retain(|_, (at, _)| now - *at < REMEMBERED);
        }
        if known.len() < MOST_WANTED * 2 && self.wanted.try_send((user.to_owned(), tracer::below())).is_ok() {
            known.insert(user.to_owned(), (now, Known::UnderWay));
            return now + self.ahead();
        }
        // The queue is full: the card comes again and asks again.
        now + TimeDelta::minutes(1)
    }

    /// The chat that Graph names for an installation: what to write to when Teams told none.
    ///
    /// # Errors
    /// What Graph said instead.
    pub async fn chat(&self, user: &str, installation: &str) -> Result<String, No> {
        self.graph.chat(user, installation).await
    }

    /// How long those who wait take about, between a second and a minute.
    fn ahead(&self) -> TimeDelta {
        let waiting = MOST_WANTED - self.wanted.capacity().min(MOST_WANTED);
        TimeDelta::milliseconds(i64::try_from(waiting).unwrap_or(0) * 150)
            .clamp(TimeDelta::milliseconds(500), TimeDelta::minutes(1))
    }

    fn settle(&self, user: &str, state: Known) {
        self.known().insert(user.to_owned(), (self.clock.now(), state));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (DateTime<Utc>, Known)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Installer {
    /// Runs until `stop` is true; what is not begun by then is asked for again after the next start.
    pub async fn run(self, mut stop: Stop) {
        let Self {
            installs,
            mut inbox,
            manifest,
            app,
            work,
        } = self;
        let giving = Arc::new(Giving {
            installs,
            manifest,
            app,
        });
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.told() => return,
                Some((user, span)) = inbox.recv(), if under_way.len() < AT_ONCE => {
                    let (giving, work) = (giving.clone(), work.clone());
                    under_way.spawn(async move {
                        made_for(span, giving.to(&user)).await;
                        work.notify_waiters();
                    });
                }
                Some(_) = under_way.join_next() => {}
            }
        }
    }
}

struct Giving {
    installs: Arc<Installs>,
    manifest: String,
    app: tokio::sync::Mutex<Option<(DateTime<Utc>, String)>>,
}

impl Giving {
    async fn to(&self, user: &str) {
        let clock = &self.installs.clock;
        let mut wait = FIRST_WAIT;
        for attempt in 1..=TRIES {
            let no = match self.once(user).await {
                Ok(installation) => {
                    info!(user, "the app is installed for a person");
                    return self.installs.settle(user, Known::Installed(installation));
                }
                Err(no) => no,
            };
            let reason = no.to_string();
            if !no.passes() || attempt == TRIES {
                warn!(user, %reason, "the app cannot be installed for a person");
                return self.installs.settle(user, Known::Failed(reason));
            }
            let asked = no
                .wait()
                .and_then(|wait| TimeDelta::from_std(wait).ok())
                .unwrap_or(wait);
            clock.sleep_until(clock.now() + asked.max(wait).min(LONGEST_WAIT)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Sees whether the person has the app, and gives it if not; the id of the installation.
    async fn once(&self, user: &str) -> Result<String, No> {
        let graph = &self.installs.graph;
        if let Some(installation) = graph.installation(user, &self.manifest).await? {
            return Ok(installation);
        }
        let app = self.app().await?;
        graph.install(user, &app).await?;
        match graph.installation(user, &self.manifest).await? {
            Some(installation) => Ok(installation),
            None => Err(No::garbled("an installation that it does not list")),
        }
    }

    /// The id of the app in the catalogue.
    async fn app(&self) -> Result<String, No> {
        let now = self.installs.clock.now();
        let mut kept = self.app.lock().await;
        if let Some((at, id)) = kept.as_ref()
            && now - *at < APP_FRESH_FOR
        {
            return Ok(id.clone());
        }
        let found = self.installs.graph.app(&self.manifest).await?;
        let id = found.ok_or_else(|| No::NotThere {
            task: Task::FindApp,
            said: format!(
                "`graph.app` is {}: an administrator must upload the app in the Teams admin centre, or the id is not \
                 that of its manifest.json",
                self.manifest
            ),
        })?;
        *kept = Some((now, id.clone()));
        Ok(id)
    }
}
