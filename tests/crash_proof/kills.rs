//! The real binary, killed again and again under load while Teams fails at random.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use herald::delivery::State;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::account::{Account, Kills};
use super::chance::{Chance, seed, size};
use super::connector::{Call, Connector, Fate};
use super::load::{PEOPLE_RULE, PLACES_RULE, Work, post_on};
use super::place::Place;

const CLIENTS: u32 = 3;
/// Events that all clients together may post in one life of the server.
const EVENTS_A_LIFE: usize = 30;
/// After so many failures a message is let through, so that the waits between tries stay short.
const WORST: u32 = 4;
/// Longer than any start or answer of a healthy server on a machine that has other things to do.
const BOUND: Duration = Duration::from_secs(30);
/// An answer of Teams is on disk this soon, also on a machine that does other things. Whatever was answered earlier before a kill
/// and comes again is no message that was in flight.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);

/// What Teams does with a message.
fn fate(seed: u64, call: &Call<'_>) -> Fate {
    let taken = Fate::Taken { after: 0 };
    if call.before >= WORST {
        return taken;
    }
    let refused = |status| Fate::Refused {
        status,
        retry_after: None,
    };
    let wait_a_second = |status| Fate::Refused {
        status,
        retry_after: Some(1),
    };
    let mut chance = Chance::about(seed, &[call.conversation, call.text, &call.before.to_string()]);
    match chance.below(1000) {
        0..620 => taken,
        620..740 => Fate::Taken {
            after: chance.below(250),
        },
        740..770 => wait_a_second(429),
        770..790 => refused(429),
        790..815 => refused(500),
        815..830 => Fate::TakenYet { status: 500 },
        830..850 => wait_a_second(503),
        850..865 => Fate::Page { status: 502 },
        865..875 => refused(504),
        875..885 => Fate::TakenYet { status: 504 },
        885..900 => refused(412),
        900..910 => Fate::Hangs { taken: true },
        910..920 => Fate::Hangs { taken: false },
        920..935 => Fate::Reset { taken: true },
        935..950 => Fate::Reset { taken: false },
        950..965 => Fate::HalfClosed { taken: true },
        965..975 => Fate::HalfClosed { taken: false },
        975..990 => Fate::Cut,
        // A second refusal of the token would make Herald pause for all.
        990..995 if call.before == 0 => refused(401),
        990..995 => taken,
        _ => refused(400),
    }
}

/// When a server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    WhileStarting,
    RightAfter,
    WhileStopping,
    UnderLoad,
}

impl Moment {
    fn draw(chance: &mut Chance) -> Self {
        match chance.below(100) {
            0..20 => Self::WhileStarting,
            20..35 => Self::RightAfter,
            35..45 => Self::WhileStopping,
            _ => Self::UnderLoad,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::WhileStarting => "while starting",
            Self::RightAfter => "right after the start",
            Self::WhileStopping => "while stopping",
            Self::UnderLoad => "under load",
        }
    }
}

#[derive(Default)]
struct Seen {
    moments: BTreeMap<Moment, usize>,
    kills: Kills,
    slowest_start: Duration,
    slowest_ready: Duration,
}

/// One life of the server, to its violent end.
async fn live_and_die(
    place: &mut Place,
    connector: &Connector,
    url: &watch::Sender<Option<String>>,
    chance: &mut Chance,
    seen: &mut Seen,
) {
    let moment = Moment::draw(chance);
    *seen.moments.entry(moment).or_default() += 1;
    let starting = place.spawn();
    if moment == Moment::WhileStarting {
        // About as long as a start took so far, so that some are caught in each of its steps.
        let usual = seen.slowest_start.max(Duration::from_millis(300)).as_millis() as u64;
        tokio::time::sleep(Duration::from_millis(chance.below(usual))).await;
        // It may send already before it says that it listens.
        seen.kills.insert(starting.life, connector.elapsed());
        starting.kill();
        return;
    }
    let herald = starting.listening().await;
    seen.slowest_start = seen.slowest_start.max(herald.started_in);
    url.send_replace(Some(herald.url.clone()));
    let pause = |milliseconds| tokio::time::sleep(Duration::from_millis(milliseconds));
    match moment {
        Moment::WhileStarting => unreachable!("it was killed by now"),
        Moment::RightAfter => pause(chance.below(30)).await,
        Moment::WhileStopping => {
            pause(100 + chance.below(400)).await;
            herald.signal("TERM");
            pause(chance.below(40)).await;
        }
        Moment::UnderLoad => {
            let asked = Instant::now();
            let (status, ready) = herald.get("/readyz").await;
            assert_eq!(status, 200, "{ready}");
            seen.slowest_ready = seen.slowest_ready.max(asked.elapsed());
            pause(50 + chance.below(1200)).await;
        }
    }
    url.send_replace(None);
    seen.kills.insert(herald.life, connector.elapsed());
    if moment == Moment::WhileStopping {
        // It may be gone already, and well.
        drop(herald);
    } else {
        herald.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_nothing_accepted_is_lost_doubled_without_a_reason_or_out_of_order() {
    let seed = seed();
    let kills = size("HERALD_KILLS", 25);
    let connector = Connector::start(move |call| fate(seed, call)).await;
    let mut place = Place::new(&connector, &[("people", PEOPLE_RULE), ("places", PLACES_RULE)], "").await;
    let (url, listen) = watch::channel(None);
    let permits = Arc::new(Semaphore::new(0));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let stubborn = number > 0;
        clients.spawn(post_on(seed, number, stubborn, listen.clone(), permits.clone()));
    }

    let mut chance = Chance::about(seed, &["kills"]);
    let mut seen = Seen::default();
    for _ in 0..kills {
        let missing = EVENTS_A_LIFE.saturating_sub(permits.available_permits());
        permits.add_permits(missing);
        live_and_die(&mut place, &connector, &url, &mut chance, &mut seen).await;
        if let Some(ended) = clients.try_join_next() {
            panic!("HERALD_SEED={seed}: a client gave up: {:?}", ended.err());
        }
    }

    permits.close();
    connector.calm_down();
    let herald = place.start().await;
    url.send_replace(Some(herald.url.clone()));
    let mut work = Work::default();
    while let Some(done) = clients.join_next().await {
        work.add(done.unwrap_or_else(|problem| panic!("HERALD_SEED={seed}: a client gave up: {problem}")));
    }
    let drain = Instant::now();
    let deliveries = herald
        .settled(Duration::from_secs(240) + BOUND * kills as u32 / 20)
        .await;
    let drain = drain.elapsed();
    let posted = connector.seen();
    let mut account = Account::of(&work.accepted, &work.unanswered, &deliveries, &posted, &seen.kills);
    for state in State::ALL {
        let listed = deliveries.iter().filter(|delivery| delivery.state == state).count() as u64;
        let counted = herald.count(state.word()).await;
        if listed != counted {
            account.violations.push(format!(
                "{counted} are counted as {}, {listed} are listed",
                state.word()
            ));
        }
    }
    account.violations.extend(place.panics());
    let moments: Vec<String> = seen
        .moments
        .iter()
        .map(|(moment, count)| format!("{count} {}", moment.words()))
        .collect();
    println!(
        "kills         {kills} ({})\n{account}\nhooks         {} posts repeated, {} asked to come back\nslowest start \
         {:?}, slowest /readyz {:?}, calm drain {drain:?}",
        moments.join(", "),
        work.repeated,
        work.refused,
        seen.slowest_start,
        seen.slowest_ready,
    );
    assert!(
        account.violations.is_empty(),
        "HERALD_SEED={seed}: {} violations, the first of them: {:#?}",
        account.violations.len(),
        &account.violations[..account.violations.len().min(20)]
    );
    assert!(seen.slowest_start < BOUND && seen.slowest_ready < BOUND);
    assert!(
        account.longest_unwritten < WRITTEN_WITHIN,
        "an answer was not written down {:?} after it came",
        account.longest_unwritten
    );
    assert!(
        work.accepted.len() > kills,
        "{} events are too few to prove anything",
        work.accepted.len()
    );
    herald.stop().await;
}
