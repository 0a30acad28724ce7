//! Floods: far more than anybody can use is thrown at the real binary, and its memory stays what it was.
//!
//! `HERALD_FLOOD_SECONDS` says how long each flood lasts (1 unless set) and `HERALD_FLOOD_ROUNDS` how often all of them
//! come (2 unless set); a campaign prints its memory curve with `cargo test --test herald floods -- --nocapture`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::support::engine::PATIENCE;
use crate::support::raw::{answer, post, send};
use crate::support::served::{Served, Site};

const HOOKS: &str = "  ci: { signature: none, anyone_can_post: true }\n  locked: { signature: bearer, secret: LOCKED_TOKEN }\n  \
                     limited: { signature: none, anyone_can_post: true, limit: 50 per hour }\n";
/// Waits for everything and wants nothing of it: each event is decided and recorded.
const RULE: &str = "when: [{ hook: ci }, { hook: locked }, { hook: limited }]\nif: { event.wanted: true }\nnotify: [{ person: Anna \
                    Berg }]\ncard: { message: \"{{event.text}}\" }\n";
/// Connections of a flood.
const CALLERS: usize = 64;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var_os(variable).map_or(otherwise, |value| value.to_string_lossy().parse().expect("a number"))
}

/// What one caller of a flood does again and again: these bytes, on how many connections.
#[derive(Clone)]
struct Flood {
    what: &'static str,
    bytes: Vec<u8>,
    /// Reads the answer and goes on with the same connection, or leaves it standing and opens another.
    reads: bool,
}

fn floods() -> Vec<Flood> {
    let reading = |what, bytes| Flood {
        what,
        bytes,
        reads: true,
    };
    let standing = |what, bytes: &[u8]| Flood {
        what,
        bytes: bytes.to_vec(),
        reads: false,
    };
    let small = "{\"text\": \"hello\", \"wanted\": false}";
    // As JSON it takes sixteen times the memory.
    let dense = format!("{{\"list\": [{}1]}}", "1,".repeat(500_000));
    let activity = format!("{{\"type\": \"message\", \"text\": \"{}\"}}", "x".repeat(20_000));
    let mut pipelined = Vec::new();
    for _ in 0..20 {
        pipelined.extend(post("/hooks/ci", small));
    }
    let garbage = String::from_utf8(post("/api/messages", &activity)).expect("text");
    let garbage = garbage.replace(
        "host: herald",
        "host: herald\r\nauthorization: Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.AAAA",
    );
    vec![
        reading("posts that are taken", post("/hooks/ci", small)),
        reading(
            "strangers",
            post("/hooks/locked", &format!("{{\"text\": \"{}\"}}", "x".repeat(50_000))),
        ),
        reading("no such hook", post(&format!("/hooks/{}", "x".repeat(5000)), small)),
        reading("over the limit", post("/hooks/limited", small)),
        reading("large and dense", post("/hooks/ci", &dense)),
        reading("garbage for the bot", garbage.into_bytes()),
        standing("pipelined, unread", &pipelined),
        standing("silent", b""),
        standing(
            "half a head",
            format!("POST /hooks/ci HTTP/1.1\r\nx-slow: {}", "x".repeat(30_000)).as_bytes(),
        ),
        standing(
            "half a body",
            format!(
                "POST /hooks/ci HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n{}",
                "x".repeat(60_000)
            )
            .as_bytes(),
        ),
        standing(
            "huge heads",
            format!("POST /hooks/ci HTTP/1.1\r\nx-huge: {}\r\n\r\n", "x".repeat(200_000)).as_bytes(),
        ),
    ]
}

/// One caller until the end; says how many answers of which status it saw.
async fn call(door: SocketAddr, flood: Flood, ends: Instant) -> BTreeMap<u16, u64> {
    let mut seen = BTreeMap::new();
    let mut standing = Vec::new();
    let mut stream: Option<TcpStream> = None;
    while Instant::now() < ends {
        let mut open = match stream.take() {
            Some(open) => open,
            None => match timeout_at(ends, TcpStream::connect(door)).await {
                Ok(Ok(open)) => open,
                Ok(Err(_)) | Err(_) => continue,
            },
        };
        let sent = timeout_at(ends, open.write_all(&flood.bytes)).await;
        if !flood.reads {
            standing.push(open);
            // Some thousand connections in all: their other ends are long closed by then.
            if standing.len() >= 4000 / CALLERS {
                standing.clear();
            }
            continue;
        }
        if sent.is_err() {
            break;
        }
        if let Ok(answered) = timeout_at(ends, status(&mut open)).await {
            match answered {
                Some(status) => {
                    *seen.entry(status).or_default() += 1;
                    stream = Some(open);
                }
                None => *seen.entry(0).or_default() += 1,
            }
        }
    }
    seen
}

/// As [`answer`], without looking at what it says; `None` when the connection ended.
async fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut buffer = vec![0; 4096];
    let mut length = 0;
    loop {
        match stream.read(&mut buffer[length..]).await {
            Ok(read) if read > 0 => length += read,
            Ok(_) | Err(_) => return None,
        }
        let text = String::from_utf8_lossy(&buffer[..length]);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let wanted = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= wanted.unwrap_or(0) {
                return head.split(' ').nth(1)?.parse().ok();
            }
        }
    }
}

/// A real sender, now and then, while the flood goes on: the slowest answer it saw to a post and to a look at its health.
async fn real_sender(door: SocketAddr, ends: Instant) -> (u64, Duration) {
    let (mut taken, mut slowest) = (0, Duration::ZERO);
    let body = "{\"text\": \"real\", \"wanted\": false}";
    let token = "host: herald\r\nauthorization: Bearer let me in";
    let real = String::from_utf8(post("/hooks/locked", body))
        .expect("text")
        .replace("host: herald", token);
    while Instant::now() < ends {
        let began = Instant::now();
        loop {
            // What a sender does that was turned away for a moment, or whose connection was closed.
            match send(door, real.as_bytes()).await {
                Some(answer) if answer.status == 202 => break,
                Some(answer) => assert!(answer.status == 503 && answer.code() == "busy", "{answer:?}"),
                None => {}
            }
            assert!(began.elapsed() < PATIENCE, "a real sender is kept out");
        }
        let alive = send(
            door,
            b"GET /healthz HTTP/1.1\r\nhost: herald\r\nconnection: close\r\n\r\n",
        )
        .await;
        assert!(alive.is_none_or(|answer| answer.status == 200));
        taken += 1;
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (taken, slowest)
}

/// Teams, which tells Herald what somebody wrote; as it does in truth, it tells again what was not taken.
async fn told_by_teams(site: &Site, ends: Instant) -> Duration {
    let mut slowest = Duration::ZERO;
    while Instant::now() < ends {
        let began = Instant::now();
        while !site
            .teams
            .say("Anna Berg", "Anna Berg", None, "hello")
            .await
            .is_ok_and(|answer| answer.accepted())
        {
            assert!(began.elapsed() < PATIENCE, "Teams is kept out");
        }
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    slowest
}

async fn flooded(site: &Site, served: &Served, flood: Flood, lasts: Duration) -> BTreeMap<u16, u64> {
    let what = flood.what;
    let ends = Instant::now() + lasts;
    let mut real = JoinSet::new();
    real.spawn(real_sender(served.address, ends));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(call(served.address, flood.clone(), ends));
    }
    let teams = timeout(PATIENCE * 2, told_by_teams(site, ends)).await.expect("in time");
    let mut seen = BTreeMap::new();
    for answers in callers.join_all().await {
        for (status, count) in answers {
            *seen.entry(status).or_default() += count;
        }
    }
    let real = timeout(PATIENCE * 2, real.join_all()).await.expect("in time");
    let (taken, slowest) = real[0];
    let (now, most) = served.memory();
    println!(
        "{what:>22}: {now:>4} MiB, at most {most:>4}; {:>4} files; answers {seen:?}; the real sender: {taken} taken, slowest {slowest:.1?}; Teams {teams:.1?}",
        served.files()
    );
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_flat_and_real_senders_are_served_under_every_flood() {
    let site = Site::new(HOOKS, "")
        .await
        .set("LOCKED_TOKEN", "let me in")
        .rule("r", RULE);
    let mut served = site.start(4096).await;
    site.meet(&served, "Anna Berg").await;
    let lasts = Duration::from_secs(number("HERALD_FLOOD_SECONDS", 1));
    let rounds = number("HERALD_FLOOD_ROUNDS", 2);
    let mut curve = Vec::new();
    let mut seen = BTreeMap::new();
    for round in 1..=rounds {
        println!("round {round}");
        for flood in floods() {
            let what = flood.what;
            for (status, count) in flooded(&site, &served, flood, lasts).await {
                *seen.entry((what, status)).or_insert(0) += count;
            }
            assert!(served.is_alive(), "{what}: {}", served.log());
        }
        curve.push(served.memory().0);
    }
    println!("memory after each round, in MiB: {curve:?}");
    for expected in [
        ("posts that are taken", 202),
        ("strangers", 401),
        ("no such hook", 404),
        ("over the limit", 429),
        ("garbage for the bot", 401),
    ] {
        assert!(seen.contains_key(&expected), "{expected:?} is not among {seen:?}");
    }
    // They take turns, and not all turns fit into a short flood.
    let mut dense = seen.keys().filter(|(what, _)| *what == "large and dense");
    assert!(dense.all(|(_, status)| [0, 202, 503].contains(status)), "{seen:?}");
    // What was taken is kept, and sled's cache fills up to its bound on the way.
    let (first, last) = (curve[0], curve[curve.len() - 1]);
    assert!(last <= first + 200, "{curve:?}");
    let log = served.log();
    let caused_by_strangers = log.lines().filter(|line| !line.contains("\"event\":")).count();
    assert!(caused_by_strangers < 1000, "{caused_by_strangers} lines of log");

    let mut stream = crate::support::raw::connect(served.address).await;
    let wanted = post("/hooks/ci", "{\"text\": \"after the floods\", \"wanted\": true}");
    stream.write_all(&wanted).await.expect("sent");
    assert_eq!(answer(&mut stream).await.expect("an answer").status, 202);
    let messages = site.teams.wait_for(1, PATIENCE).await;
    assert_eq!(messages.map(|messages| messages.len()).ok(), Some(1));
    assert!(served.stop().await);
}
