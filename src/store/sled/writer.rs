//! One thread that writes, in groups that share one sync; readers beside it.
//!
//! Callers send a job and wait for its outcome. The thread runs the jobs that have gathered, one after the other,
//! each with its own [`Draft`], then syncs once, then answers them all: an answer means "on disk". Since only this
//! thread writes, a job decides on what it reads without any lock.
//!
//! Reads do not go through the thread: they would wait behind a sync. They run on tokio's blocking threads, a few at a
//! time, because a read may touch the disk and always waits while a batch is applied (5,000 deliveries: about 0.1 s),
//! which is too long for an async thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, oneshot};
use tracing::{error, info, warn};

use super::draft::Draft;
use super::place::{Opened, Place};
use crate::store::StoreError;
use crate::store::meter::Meter;

/// Jobs that may wait before further callers wait to hand theirs over.
const WAITING: usize = 1024;

/// A group is closed after this many jobs, or bytes, or this much time, whichever comes first.
const GROUP_JOBS: usize = 256;
const GROUP_BYTES: u64 = 4 << 20;
const GROUP_TIME: Duration = Duration::from_millis(10);

/// Reads at one time.
const READERS: usize = 8;

/// How often a store that failed is tried again, at most.
const REOPEN_EVERY: Duration = Duration::from_millis(500);

/// What is kept free for finishing what was begun, of the reserve that new things may not touch.
const DRAIN_SHARE: u64 = 4;

/// What a job does to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growth {
    /// It takes something in: refused while the disk has less room than the reserve.
    TakesIn,
    /// It brings something nearer to its end: may use most of the reserve.
    Finishes,
}

/// Where work is handed in. Dropping the last one finishes the waiting jobs, closes the database and gives the folder
/// free, in this order, before it returns.
pub(super) struct Desk {
    shared: Arc<Shared>,
    readers: Arc<Semaphore>,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    place: Place,
    /// Locked for reading by every job and read; for writing only to replace a database that failed.
    opened: RwLock<Option<Opened>>,
    reserve_bytes: u64,
    meter: Meter,
}

/// Called once: with its turn, or with the reason why it gets none.
type Job = Box<dyn FnOnce(Result<Turn<'_>, StoreError>) + Send>;

/// What a job works with.
struct Turn<'a> {
    shared: &'a Shared,
    opened: &'a Opened,
    group: &'a mut Group,
}

/// Called with how the sync of its group ended.
type Answer = Box<dyn FnOnce(&Result<(), StoreError>) + Send>;

/// What the jobs since the last sync left to do.
#[derive(Default)]
struct Group {
    bytes: u64,
    failure: Option<StoreError>,
    answers: Vec<Answer>,
}

/// Hands in work without keeping the desk open.
#[derive(Clone)]
pub(super) struct Slot(mpsc::WeakSender<Job>);

impl Desk {
    /// Starts the thread for an opened database.
    pub(super) fn start(place: Place, opened: Opened, reserve_bytes: u64) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            place,
            opened: RwLock::new(Some(opened)),
            reserve_bytes,
            meter: Meter::default(),
        });
        let (jobs, inbox) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("herald-store".to_owned())
            .spawn({
                let shared = shared.clone();
                move || Writer::new(shared).work(inbox)
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread could be started: {error}")))?;
        Ok(Self {
            shared,
            readers: Arc::new(Semaphore::new(READERS)),
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Runs `decide` on the writing thread; its changes are all made or none. Returns once they are on disk. A caller
    /// that stops waiting before its turn has come changes nothing.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        growth: Growth,
        decide: impl FnOnce(&mut Draft<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = job(growth, reply, decide);
        let jobs = self.jobs.as_ref().expect("the sender is taken out by drop alone");
        jobs.send(job).await.map_err(|_| closing())?;
        answer.await.map_err(|_| gave_up())?
    }

    /// Runs `look` beside the writing thread. It sees every change that was answered for, and perhaps some that are
    /// about to be.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Draft<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.readers.clone().acquire_owned().await.map_err(|_| closing())?;
        let shared = self.shared.clone();
        let slot = self.slot();
        let looking = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let opened = shared.opened.read().unwrap_or_else(PoisonError::into_inner);
            let Some(opened) = &*opened else {
                slot.report(None);
                return Err(StoreError::Unavailable(
                    "it failed and is being opened again".to_owned(),
                ));
            };
            let outcome = shared.place.careful(|| look(&Draft::over(&opened.db))).flatten();
            if let Err(error @ StoreError::Unavailable(_)) = &outcome {
                slot.report(Some((opened.identity.clone(), error.clone())));
            }
            outcome
        });
        looking.await.map_err(|_| gave_up())?
    }

    /// A way to hand in work from where nobody can wait.
    pub(super) fn slot(&self) -> Slot {
        Slot(
            self.jobs
                .as_ref()
                .expect("the sender is taken out by drop alone")
                .downgrade(),
        )
    }

    /// How the writing is doing.
    pub(super) fn meter(&self) -> Meter {
        self.shared.meter.clone()
    }

    /// How many bytes the database has on disk.
    pub(super) fn bytes_on_disk(&self) -> Option<u64> {
        let opened = self.shared.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.as_ref().and_then(|opened| opened.db.size_on_disk().ok())
    }
}

impl Slot {
    /// Hands in work if there is room and anybody to do it; nobody learns the outcome.
    pub(super) fn try_write(&self, decide: impl FnOnce(&mut Draft<'_>) -> Result<(), StoreError> + Send + 'static) {
        let Some(jobs) = self.0.upgrade() else {
            return;
        };
        let _ = jobs.try_send(Box::new(move |turn| {
            let Ok(turn) = turn else {
                return;
            };
            let mut draft = Draft::over(&turn.opened.db);
            if decide(&mut draft).is_ok() {
                // A failed commit is noted in the group, and nobody else waits for it.
                let _ = turn.group.commit(turn.shared, draft, Growth::Finishes);
            }
        }));
    }

    /// Has the writer open the database again: there is none, or the one that is named failed for a reader.
    fn report(&self, failed: Option<(Arc<()>, StoreError)>) {
        let Some(jobs) = self.0.upgrade() else {
            return;
        };
        let _ = jobs.try_send(Box::new(move |turn| {
            if let (Ok(turn), Some((identity, error))) = (turn, failed)
                && Arc::ptr_eq(&identity, &turn.opened.identity)
            {
                turn.group.note(&error);
            }
        }));
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been said already.
            let _ = thread.join();
        }
    }
}

fn closing() -> StoreError {
    StoreError::Unavailable("it is being closed".to_owned())
}

fn gave_up() -> StoreError {
    StoreError::Unavailable("it failed while this was being done; the log says why".to_owned())
}

fn job<T: Send + 'static>(
    growth: Growth,
    reply: oneshot::Sender<Result<T, StoreError>>,
    decide: impl FnOnce(&mut Draft<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Job {
    Box::new(move |turn| {
        let turn = match turn {
            Ok(turn) => turn,
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
        };
        if reply.is_closed() {
            return;
        }
        let mut draft = Draft::over(&turn.opened.db);
        let outcome = match decide(&mut draft) {
            Ok(value) => turn.group.commit(turn.shared, draft, growth).map(|()| value),
            Err(error) => {
                turn.group.note(&error);
                Err(error)
            }
        };
        turn.group.answers.push(Box::new(move |synced| {
            let _ = reply.send(outcome.and_then(|value| synced.clone().map(|()| value)));
        }));
    })
}

impl Group {
    fn commit(&mut self, shared: &Shared, draft: Draft<'_>, growth: Growth) -> Result<(), StoreError> {
        let bytes = draft.weight();
        if bytes == 0 {
            return Ok(());
        }
        shared.check_room(bytes, growth)?;
        self.bytes += bytes;
        // Whatever it is: a part of the changes may be in sled's memory now, and only opening again takes it out.
        draft.commit().inspect_err(|error| {
            self.failure.get_or_insert_with(|| error.clone());
        })
    }

    /// Sled fails a read, too, once a write of its own has failed in the background.
    fn note(&mut self, error: &StoreError) {
        match error {
            StoreError::Unavailable(_) => {
                self.failure.get_or_insert_with(|| error.clone());
            }
            StoreError::Locked(_)
            | StoreError::Corrupt(_)
            | StoreError::Refused(_)
            | StoreError::LeaseLost
            | StoreError::Overtaken
            | StoreError::Full { .. } => {}
        }
    }
}

impl Shared {
    /// Refuses before the disk does: sled cannot be used any more after a write has failed, and has to be opened
    /// again.
    fn check_room(&self, bytes: u64, growth: Growth) -> Result<(), StoreError> {
        if self.reserve_bytes == 0 {
            return Ok(());
        }
        let kept = match growth {
            Growth::TakesIn => self.reserve_bytes,
            Growth::Finishes => self.reserve_bytes / DRAIN_SHARE,
        };
        match self.place.room() {
            // Pages are rewritten as a whole, so a change needs more than its own size.
            Some(room) if room < kept.saturating_add(bytes.saturating_mul(4)) => {
                Err(StoreError::Unavailable(format!(
                    "only {} MiB are left on the disk of `{}`, and Herald keeps {} MiB free so that its store stays \
                     whole; what was accepted is safe, and it goes on by itself once there is room",
                    room >> 20,
                    self.place.shown(),
                    self.reserve_bytes >> 20,
                )))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The thread's own state.
struct Writer {
    shared: Arc<Shared>,
    /// Something was committed that no sync has confirmed.
    dirty: bool,
    /// The database failed: when that was last seen, and why.
    failed: Option<(Instant, StoreError)>,
}

impl Writer {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            dirty: false,
            failed: None,
        }
    }

    fn work(mut self, mut inbox: mpsc::Receiver<Job>) {
        while let Some(first) = inbox.blocking_recv() {
            if let Err(error) = self.usable() {
                first(Err(error));
                continue;
            }
            let mut group = Group::default();
            let shared = self.shared.clone();
            let synced = shared
                .place
                .careful(|| self.run(first, &mut inbox, &mut group))
                .and_then(|ran| ran);
            if let Err(error) = &synced {
                shared.meter.failures.inc();
                error!(%error, "the store failed and will be opened again");
                self.close();
                self.failed = Some((Instant::now(), error.clone()));
            }
            for answer in group.answers {
                answer(&synced);
            }
        }
        self.close();
    }

    /// Runs a group and syncs it.
    fn run(&mut self, first: Job, inbox: &mut mpsc::Receiver<Job>, group: &mut Group) -> Result<(), StoreError> {
        let started = Instant::now();
        let shared = self.shared.clone();
        let opened = shared.opened.read().unwrap_or_else(PoisonError::into_inner);
        let opened = opened.as_ref().expect("usable() was asked before");
        let mut next = Some(first);
        let mut jobs = 0;
        while let Some(job) = next {
            job(Ok(Turn {
                shared: &shared,
                opened,
                group: &mut *group,
            }));
            if let Some(error) = group.failure.take() {
                return Err(error);
            }
            jobs += 1;
            next = if jobs < GROUP_JOBS && group.bytes < GROUP_BYTES && started.elapsed() < GROUP_TIME {
                inbox.try_recv().ok()
            } else {
                None
            };
        }
        self.dirty |= group.bytes > 0;
        if self.dirty {
            opened.sync()?;
            self.dirty = false;
            shared.meter.wrote(jobs, started.elapsed());
        }
        Ok(())
    }

    /// Opens the database again if it failed.
    fn usable(&mut self) -> Result<(), StoreError> {
        let Some((when, why)) = &self.failed else {
            return Ok(());
        };
        if when.elapsed() < REOPEN_EVERY {
            return Err(why.clone());
        }
        match self.shared.place.open() {
            Ok(opened) => {
                info!("the store is open again");
                *self.shared.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(opened);
                // What was committed before the failure may be there or not; the next sync settles it.
                self.dirty = true;
                self.failed = None;
                Ok(())
            }
            Err(error) => {
                warn!(%error, "the store cannot be opened yet");
                self.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Waits for the reads in flight and closes the database.
    fn close(&mut self) {
        let opened = self
            .shared
            .opened
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Closing flushes once more, and sled panics if that fails.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(opened)));
    }
}
