//! Whoever knocks: those who only stand at the door, those who lie, those who talk too much, and the real senders between.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::engine::{Engine, PATIENCE, Workspace};
use crate::support::raw::{answer, closed, connect, post, send};

const RULE: &str = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: \"{{event.text}}\" }\n";

async fn engine() -> Engine {
    started(Workspace::new()).await
}

async fn started(workspace: Workspace) -> Engine {
    let engine = workspace.rule("r", RULE).start().await;
    engine.known(&["Anna Berg"]).await;
    engine
}

fn address(engine: &Engine) -> SocketAddr {
    engine.server().address()
}

async fn metric(engine: &Engine, line: &str) -> u64 {
    let (_, text) = engine.get("/metrics").await;
    let text = text.as_str().expect("text");
    let found = text
        .lines()
        .find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no `{line}` in\n{text}"))
}

#[tokio::test]
async fn silent_connections_and_trickling_heads_keep_no_sender_out() {
    let engine = started(Workspace::new().settings("limits: { connections: 64 }\n")).await;
    let door = address(&engine);
    // As fast as it can, a stranger opens connections that never send a whole request.
    let mut crowd = JoinSet::new();
    crowd.spawn(async move {
        let mut held = Vec::new();
        for number in 0_usize.. {
            let Ok(mut stream) = tokio::net::TcpStream::connect(door).await else {
                continue;
            };
            let begin: &[u8] = match number % 3 {
                0 => b"",
                1 => b"POST /hooks/ci HTTP/1.1\r\nx-slow: ",
                _ => b"POST /hooks/ci HTTP/1.1\r\ncontent-length: 100\r\n\r\n{",
            };
            let _ = stream.write_all(begin).await;
            held.push(stream);
            if held.len() > 200 {
                held.remove(0);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    while metric(&engine, "herald_connections").await < 60 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for number in 0..20 {
        let body = json!({ "text": format!("message {number}") }).to_string();
        // A sender whose connection was closed before its request was taken tries again, as senders do.
        let taken = async {
            loop {
                if let Some(answer) = send(door, &post("/hooks/ci", &body)).await {
                    return answer;
                }
            }
        };
        let answer = tokio::time::timeout(PATIENCE, taken).await.expect("in time");
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
    let health = send(door, b"GET /healthz HTTP/1.1\r\nhost: herald\r\n\r\n")
        .await
        .expect("an answer");
    assert_eq!(health.status, 200);
    crowd.abort_all();
    assert_eq!(engine.messages(20).await.len(), 20);
    assert!(metric(&engine, "herald_connections_closed_total{reason=\"crowded\"}").await > 0);
}

#[tokio::test]
async fn senders_that_never_pause_make_room_for_others_and_hear_it_beforehand() {
    let engine = started(Workspace::new().settings("limits: { connections: 16 }\n")).await;
    let door = address(&engine);
    let look = b"GET /healthz HTTP/1.1\r\nhost: herald\r\n\r\n";
    let enough = Arc::new(AtomicBool::new(false));
    let mut eager = JoinSet::new();
    for _ in 0..40 {
        let enough = enough.clone();
        eager.spawn(async move {
            let mut heard_beforehand = 0;
            while !enough.load(Ordering::Relaxed) {
                let mut stream = connect(door).await;
                while !enough.load(Ordering::Relaxed) && stream.write_all(look).await.is_ok() {
                    let Some(answer) = answer(&mut stream).await else {
                        break;
                    };
                    assert_eq!(answer.status, 200);
                    if answer.header("connection") == Some("close") {
                        heard_beforehand += 1;
                        break;
                    }
                }
            }
            heard_beforehand
        });
    }
    let body = json!({ "text": "hello" }).to_string();
    for _ in 0..10 {
        let taken = async {
            loop {
                if let Some(answer) = send(door, &post("/hooks/ci", &body)).await {
                    return answer;
                }
            }
        };
        let answer = tokio::time::timeout(PATIENCE, taken).await.expect("in time");
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
    enough.store(true, Ordering::Relaxed);
    let heard_beforehand: u32 = eager.join_all().await.into_iter().sum();
    assert!(heard_beforehand > 0);
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off_however_often_a_byte_comes() {
    let engine = engine().await;
    let mut silent = connect(address(&engine)).await;
    let (mut reading, mut writing) = connect(address(&engine)).await.into_split();
    let mut trickle = JoinSet::new();
    trickle.spawn(async move {
        let _ = writing.write_all(b"POST /hooks/ci HTTP/1.1\r\nx-slow: ").await;
        while writing.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let cut = async {
        let began = Instant::now();
        let mut rest = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut rest).await;
        began.elapsed()
    };
    let (silent, cut) = tokio::join!(closed(&mut silent), tokio::time::timeout(PATIENCE, cut));
    let cut = cut.expect("cut off in time");
    assert!(
        silent > Duration::from_secs(5) && cut > Duration::from_secs(5),
        "{silent:?} {cut:?}"
    );
    trickle.abort_all();
    assert_eq!(
        metric(&engine, "herald_connections_closed_total{reason=\"slow_head\"}").await,
        2
    );
}

#[tokio::test]
async fn a_body_that_trickles_in_is_told_that_it_took_too_long_and_holds_nobody_up() {
    let engine = started(Workspace::new().settings("limits: { requests_at_once: 1 }\n")).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(address(&engine)).await;
        let head = b"POST /hooks/ci HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
        stream.write_all(head).await.expect("sent");
        slow.push(stream);
    }
    let (status, taken) = engine.post("/hooks/ci", &json!({ "text": "quick" })).await;
    assert_eq!(status, 202, "{taken}");
    for mut stream in slow {
        let answer = answer(&mut stream).await.expect("an answer");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (408, "body_too_slow"),
            "{answer:?}"
        );
    }
    assert_eq!(
        metric(&engine, "herald_hook_requests_total{outcome=\"too_slow\"}").await,
        20
    );
}

#[tokio::test]
async fn a_length_that_lies_is_found_out() {
    let engine = started(Workspace::new().settings("limits: { body_bytes: 65536 }\n")).await;
    let door = address(&engine);
    let head = |more: &str| {
        format!("POST /hooks/ci HTTP/1.1\r\nhost: herald\r\ncontent-type: application/json\r\n{more}\r\n")
    };

    // More is announced than comes.
    let mut stream = connect(door).await;
    stream
        .write_all(head("content-length: 100\r\n").as_bytes())
        .await
        .expect("sent");
    stream.write_all(b"{}").await.expect("sent");
    stream.shutdown().await.expect("half closed");
    let less = answer(&mut stream).await.expect("an answer");
    assert_eq!((less.status, less.code().as_str()), (400, "body_incomplete"));

    // Too much is announced: nobody waits for it.
    let much = send(door, head("content-length: 99999999\r\n").as_bytes())
        .await
        .expect("an answer");
    assert_eq!((much.status, much.code().as_str()), (413, "body_too_large"));

    // Nothing is announced, and it does not end.
    let mut endless = head("transfer-encoding: chunked\r\n").into_bytes();
    for _ in 0..100 {
        endless.extend_from_slice(b"400\r\n");
        endless.extend_from_slice(&[b' '; 1024]);
        endless.extend_from_slice(b"\r\n");
    }
    let much = send(door, &endless).await.expect("an answer");
    assert_eq!((much.status, much.code().as_str()), (413, "body_too_large"));

    // What comes after a body that is longer than announced is no request.
    let mut stream = connect(door).await;
    stream
        .write_all(head("content-length: 2\r\n").as_bytes())
        .await
        .expect("sent");
    stream
        .write_all(b"{}{\"text\": \"smuggled\"}\r\n\r\n")
        .await
        .expect("sent");
    assert_eq!(answer(&mut stream).await.expect("an answer").status, 202);
    assert_eq!(answer(&mut stream).await.expect("an answer").status, 400);
    assert!(answer(&mut stream).await.is_none(), "the connection ends there");

    // Two lengths, or a length and chunks, are two stories.
    let both = send(door, head("content-length: 2\r\ncontent-length: 3\r\n").as_bytes())
        .await
        .expect("an answer");
    assert_eq!(both.status, 400);
    let none = send(door, head("content-length: -1\r\n").as_bytes())
        .await
        .expect("an answer");
    assert_eq!(none.status, 400);
}

#[tokio::test]
async fn huge_heads_and_noise_are_refused_and_do_no_harm() {
    let engine = engine().await;
    let door = address(&engine);
    let one = format!("POST /hooks/ci HTTP/1.1\r\nx-huge: {}\r\n\r\n", "a".repeat(100_000));
    let many = format!("POST /hooks/ci HTTP/1.1\r\n{}\r\n", "x-many: a\r\n".repeat(1000));
    for (what, bytes) in [("one header", one), ("many headers", many)] {
        // Whoever keeps talking may see the connection close before it has read the answer.
        if let Some(refused) = send(door, bytes.as_bytes()).await {
            assert_eq!(refused.status, 431, "{what}");
        }
    }
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        if let Some(refused) = send(door, noise).await {
            assert!(refused.status >= 400, "{refused:?}");
        }
    }
    let (status, taken) = engine.post("/hooks/ci", &json!({ "text": "hello" })).await;
    assert_eq!(status, 202, "{taken}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let engine = engine().await;
    let mut stream = connect(address(&engine)).await;
    let mut all = Vec::new();
    for number in 0..50 {
        all.extend(post(
            "/hooks/ci",
            &json!({ "text": format!("message {number}") }).to_string(),
        ));
    }
    all.extend(b"GET /healthz HTTP/1.1\r\nhost: herald\r\n\r\n");
    stream.write_all(&all).await.expect("sent");
    for _ in 0..50 {
        assert_eq!(answer(&mut stream).await.expect("an answer").status, 202);
    }
    assert_eq!(answer(&mut stream).await.expect("an answer").body, "alive\n");
    assert_eq!(engine.deliveries().await.len(), 50);
}

#[tokio::test]
async fn a_caller_that_closes_its_half_or_hangs_up_loses_nothing_it_sent() {
    let engine = engine().await;
    let mut half = connect(address(&engine)).await;
    half.write_all(&post("/hooks/ci", "{\"text\": \"half\"}"))
        .await
        .expect("sent");
    half.shutdown().await.expect("half closed");
    assert_eq!(answer(&mut half).await.expect("an answer").status, 202);

    let mut gone = connect(address(&engine)).await;
    gone.write_all(&post("/hooks/ci", "{\"text\": \"gone\"}"))
        .await
        .expect("sent");
    drop(gone);
    let texts: Vec<Value> = engine
        .messages(2)
        .await
        .iter()
        .map(|m| m.activity["text"].clone())
        .collect();
    assert_eq!(texts, [json!("half"), json!("gone")]);
}

#[tokio::test]
async fn a_stop_waits_for_requests_under_way_and_for_nobody_else() {
    let mut engine = engine().await;
    let door = address(&engine);
    let _silent = connect(door).await;
    let mut begun = connect(door).await;
    begun
        .write_all(b"POST /hooks/ci HTTP/1.1\r\nx-slow: ")
        .await
        .expect("sent");
    let mut idle = connect(door).await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: herald\r\n\r\n")
        .await
        .expect("sent");
    assert_eq!(answer(&mut idle).await.expect("an answer").status, 200);
    let mut under_way = connect(door).await;
    let whole = post("/hooks/ci", "{\"text\": \"under way\"}");
    let (first, rest) = whole.split_at(whole.len() - 5);
    under_way.write_all(first).await.expect("sent");
    // Its head has arrived when the server has asked for the body.
    tokio::time::sleep(Duration::from_millis(300)).await;

    let began = Instant::now();
    let late = async {
        // The stop has begun when the door is closed.
        while tokio::net::TcpStream::connect(door).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        under_way.write_all(rest).await.expect("sent");
        answer(&mut under_way).await.expect("an answer")
    };
    let ((), late) = tokio::join!(engine.stop(), late);
    assert_eq!(
        (late.status, late.header("connection")),
        (202, Some("close")),
        "{late:?}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(19),
        "it waited for somebody: {:?}",
        began.elapsed()
    );
    engine.start_server().await;
    assert_eq!(engine.messages(1).await[0].activity["text"], "under way");
}

#[tokio::test]
async fn garbage_at_the_bots_endpoint_is_refused_and_teams_gets_through() {
    let engine = engine().await;
    let door = address(&engine);
    let mut flood = JoinSet::new();
    for worker in 0..8 {
        flood.spawn(async move {
            for number in 0..40 {
                let tokens = ["", "authorization: Bearer a.b.c\r\n", "authorization: Basic YTpi\r\n"];
                let token = tokens[(worker + number) % 3];
                let body = ["{}", "[", "\u{0}\u{1}"][number % 3];
                let length = body.len();
                let bytes = format!(
                    "POST /api/messages HTTP/1.1\r\nhost: herald\r\n{token}content-length: {length}\r\n\r\n{body}"
                );
                if let Some(answer) = send(door, bytes.as_bytes()).await {
                    assert!([400, 401].contains(&answer.status), "{answer:?}");
                }
            }
        });
    }
    engine.known(&["Omar Haddad"]).await;
    flood.join_all().await;
    // Without a token nobody reads the body, however large it is said to be.
    let large = send(
        door,
        b"POST /api/messages HTTP/1.1\r\nhost: herald\r\ncontent-length: 999999\r\n\r\n",
    )
    .await;
    assert_eq!(large.expect("an answer").status, 401);
}
