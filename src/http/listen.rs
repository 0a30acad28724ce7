//! The front door: accepts connections, as many as there is room for, and lets nobody hold a place who only stands there.
//!
//! A connection that is busy sending its first line, its head or its body can be told from one whose request is being
//! worked on (`connection.rs`). The first kind has a time limit each, and when all places are taken the oldest of them
//! makes room for who comes next (`room.rs`). A request that arrived whole is never cut off.

mod connection;
mod room;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use self::room::Room;
use crate::metric::Metrics;
use crate::seldom::Seldom;
use crate::stop::Stop;

pub use self::room::{files_allowed, fitting};

/// How often connections are looked at that may have overstayed.
const LOOK: Duration = Duration::from_millis(250);
/// How long nothing is accepted when the system has no more descriptors, or something else is wrong with it.
const BREATH: Duration = Duration::from_millis(200);

/// The front door.
pub struct Door {
    /// Where it is.
    pub listener: TcpListener,
    /// What answers.
    pub routes: Router,
    /// How many connections may be open at once, at least one.
    pub connections: usize,
    /// The numbers.
    pub metrics: Arc<Metrics>,
}

impl Door {
    /// Serves until told to stop; then closes the door, lets requests that are under way end, and returns.
    pub async fn serve(self, mut stopping: Stop) {
        let Door {
            listener,
            routes,
            connections,
            metrics,
        } = self;
        let room = Arc::new(Room::new(connections, metrics));
        let mut tasks = JoinSet::new();
        let routes = TowerToHyperService::new(routes);
        let told_later = stopping.clone();
        tokio::select! {
            () = stopping.told() => {}
            () = look_after(&room, false) => {}
            () = accept(listener, &routes, &room, &mut tasks, &told_later) => {}
        }
        let end = async {
            while let Some(ended) = tasks.join_next().await {
                told(ended);
            }
        };
        tokio::select! {
            () = end => {}
            () = look_after(&room, true) => {}
        }
    }
}

async fn look_after(room: &Room, stopping: bool) {
    loop {
        room.close_overdue(Instant::now(), stopping);
        tokio::time::sleep(LOOK).await;
    }
}

async fn accept(
    listener: TcpListener,
    routes: &TowerToHyperService<Router>,
    room: &Arc<Room>,
    tasks: &mut JoinSet<()>,
    stopping: &Stop,
) {
    let seldom = Seldom::default();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(problem) => {
                    not_accepted(&problem, room, &seldom).await;
                    continue;
                }
            },
            Some(ended) = tasks.join_next() => {
                told(ended);
                continue;
            }
        };
        let seat = room.seat(peer).await;
        if seat.crowded
            && let Some(left_out) = seldom.may("crowded")
        {
            warn!(
                connections = room.places(),
                left_out, "all connections are taken: the oldest without a whole request makes room for the next"
            );
        }
        // Answers are small and whole: waiting for more to put into a packet only delays them.
        let _ = stream.set_nodelay(true);
        tasks.spawn(attend(stream, seat, routes.clone(), stopping.clone()));
    }
}

async fn attend(stream: TcpStream, seat: room::Seat, routes: TowerToHyperService<Router>, stopping: Stop) {
    let peer = seat.peer;
    if let Err(problem) = connection::attend(stream, seat.clone(), routes, stopping).await {
        debug!(%peer, %problem, "a connection ended early");
    }
}

/// What to do when a connection cannot be accepted: it stays where it is and is accepted later, if it is not gone.
async fn not_accepted(problem: &io::Error, room: &Room, seldom: &Seldom) {
    if matches!(
        problem.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    ) {
        return;
    }
    room.not_accepted();
    if let Some(left_out) = seldom.may("accept") {
        warn!(
            %problem,
            left_out, "no connection can be accepted right now; Herald goes on with those it has and tries again"
        );
    }
    // One that only stands there may hold what is missing.
    room.close_oldest();
    tokio::time::sleep(BREATH).await;
}

fn told(ended: Result<(), tokio::task::JoinError>) {
    if let Err(problem) = ended
        && problem.is_panic()
    {
        error!(%problem, "a connection failed");
    }
}
