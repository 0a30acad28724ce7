//! Disks without room.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use chrono::Duration;
use herald::event::EventId;
use herald::store::outbox::Batch;
use herald::store::sled::{Options, open};
use herald::store::{Outbox, StoreError};

use super::{FOLDER, child};
use crate::support::small_disk::SmallDisk;
use crate::support::store::{at, attempt, batch, card, delivered, delivery, each, record, small};

/// Takes in events, each with a large card for so many people, until the disk is full; says which were taken, and what
/// the last caller was told.
async fn fills_up(outbox: &Arc<dyn Outbox>, prefix: &str, people: usize) -> (Vec<String>, String) {
    let mut taken = Vec::new();
    for number in 0..100_000 {
        let event = format!("{prefix}{number}");
        let big = card(&format!("{event}{}", "x".repeat(60_000)));
        let batch = Batch {
            record: record(&event, Vec::new(), at(0)),
            deliveries: (0..people)
                .map(|person| delivery(&event, "rule", &format!("p{person}"), &big, at(0)))
                .collect(),
            cards: vec![big],
            held: Vec::new(),
            windows: Vec::new(),
            runs: Vec::new(),
            matters: Vec::new(),
            timers: Vec::new(),
            stopped: Vec::new(),
            amendments: Vec::new(),
        };
        match outbox.enqueue(batch).await {
            Ok(_) => taken.push(event),
            Err(StoreError::Unavailable(sentence)) => return (taken, sentence),
            Err(other) => panic!("a full disk is a passing trouble, not: {other:?}"),
        }
    }
    panic!("the disk never became full");
}

async fn all_there(outbox: &Arc<dyn Outbox>, taken: &[String]) {
    for event in taken {
        let event = EventId::known(event.clone());
        assert!(
            outbox.event(&event).await.expect("event").is_some(),
            "{event} was acknowledged and is lost"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_stops_the_intake_and_what_is_open_goes_on() {
    let Some(disk) = SmallDisk::mount(96) else {
        return;
    };
    let data = disk.path().join("data");
    let store = open(&data, small()).expect("the store opens");
    let outbox = store.outbox();
    disk.fill(40 << 20);
    let (taken, sentence) = fills_up(&outbox, "e", 3).await;
    assert!(
        sentence.contains("32 MiB free") && sentence.contains("goes on by itself"),
        "{sentence}"
    );
    assert!(!taken.is_empty());

    let claims = outbox
        .claim(each(5), at(1), Duration::seconds(60))
        .await
        .expect("claim")
        .claims;
    for claim in &claims {
        outbox
            .settle(claim, attempt(1, at(1), delivered()))
            .await
            .expect("sending goes on");
    }
    disk.make_room();
    outbox
        .enqueue(batch("afterwards", &["anna"], at(0)))
        .await
        .expect("there is room again");
    all_there(&outbox, &taken).await;
    drop((outbox, store));
    let outbox = open(&data, small()).expect("the store opens").outbox();
    all_there(&outbox, &taken).await;
}

/// In a process of its own: sled's lock is one for all stores of a process, and a store whose disk is full may hold it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the role of a server whose disk is used to its end, played for other tests"]
async fn a_server_on_a_full_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let options = Options {
        reserve_bytes: 0,
        ..small()
    };
    let store = open(Path::new(&folder), options.clone()).expect("the store opens");
    let outbox = store.outbox();
    let mut asked = std::io::stdin().lines();
    let mut taken = Vec::new();
    for round in 0..3 {
        let prefixes: Vec<String> = (0..4).map(|task| format!("r{round}-{task}-")).collect();
        let filled = futures::future::join_all(prefixes.iter().map(|prefix| fills_up(&outbox, prefix, 100))).await;
        let sentence = filled[0].1.clone();
        taken.extend(filled.into_iter().flat_map(|(more, _)| more));
        println!("full {}", sentence.replace('\n', " "));
        asked.next();
        // The store opens itself again, after a moment.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while let Err(error) = outbox.enqueue(batch(&format!("again{round}"), &["anna"], at(0))).await {
            assert!(
                std::time::Instant::now() < deadline,
                "there is room, and still: {error}"
            );
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        all_there(&outbox, &taken).await;
        println!("again {}", taken.len());
        asked.next();
    }
    drop((outbox, store));
    let outbox = open(Path::new(&folder), options).expect("the store opens").outbox();
    all_there(&outbox, &taken).await;
    println!("whole {}", taken.len());
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_loses_nothing_and_works_again_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(64) else {
        return;
    };
    let mut server = child("full_disks::a_server_on_a_full_disk", &disk.path().join("data"));
    let mut to_server = server.stdin.take().expect("piped");
    let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines();
    disk.fill(8 << 20);
    let mut heard = |word: &str| {
        let line = lines
            .by_ref()
            .map(|line| line.expect("text"))
            .find(|line| line.starts_with(word));
        line.unwrap_or_else(|| panic!("the server died before it said {word:?}"))
    };
    for _ in 0..3 {
        let full = heard("full");
        assert!(full.contains("disk is full"), "{full}");
        disk.make_room();
        writeln!(to_server, "there is room").expect("it listens");
        heard("again");
        disk.fill(2 << 20);
        writeln!(to_server, "go on").expect("it listens");
    }
    heard("whole");
    assert!(server.wait().expect("wait").success());
}
