//! The disk fills up to its last byte while Herald delivers.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::connector::{Connector, Fate, Seen};
use super::load::{self, PEOPLE_RULE, PLACES_RULE};
use super::place::{CHANNELS, GROUPS, Herald, PEOPLE, Place, client};
use crate::support::small_disk::SmallDisk;

const EVENTS: u64 = 60;
/// People, channels and group chats: one message to each of them can be on its way at once.
const ON_THE_WAY: usize = (PEOPLE + CHANNELS + GROUPS) as usize;

/// A workspace on a disk of its own, in the middle of sending many messages, each of which takes Teams a while.
async fn full_of_work() -> Option<(SmallDisk, Connector, Place, Herald)> {
    let connector = Connector::start(|_| Fate::Taken { after: 1000 }).await;
    let mut place = Place::unknowing(&connector, &[("people", PEOPLE_RULE), ("places", PLACES_RULE)], "");
    let disk = SmallDisk::mount_at(&place.folder.path().join("data"), 128)?;
    let herald = place.start().await;
    place.import(&connector, &herald);
    let posts = (0..EVENTS).map(|number| post(&herald, number));
    for (status, answer) in futures::future::join_all(posts).await {
        assert_eq!(status, 202, "{answer}");
    }
    Some((disk, connector, place, herald))
}

async fn post(herald: &Herald, number: u64) -> (u16, Value) {
    let (body, _) = load::event(0, 0, number);
    let ends = Instant::now() + Duration::from_secs(60);
    loop {
        let sent = client()
            .post(format!("{}/hooks/load", herald.url))
            .header("idempotency-key", load::text(0, number))
            .json(&body)
            .send()
            .await;
        match sent {
            Ok(answer) => return (answer.status().as_u16(), answer.json().await.expect("JSON")),
            // A sender repeats a post that was not answered.
            Err(problem) => assert!(Instant::now() < ends, "Herald does not answer: {problem:?}"),
        }
    }
}

/// Which messages arrived, and how often too often.
fn arrived(seen: &[Seen]) -> (usize, usize) {
    let taken: Vec<_> = seen.iter().filter(|seen| seen.fate.takes()).collect();
    let once: std::collections::HashSet<_> = taken.iter().map(|seen| (&seen.conversation, &seen.text)).collect();
    (once.len(), taken.len() - once.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_while_messages_go_out_costs_none_and_herald_goes_on_by_itself() {
    let Some((disk, connector, _place, herald)) = full_of_work().await else {
        return;
    };
    disk.fill(0);
    // Teams takes what is on its way, and nothing of it can be written down.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (status, refused) = post(&herald, EVENTS).await;
    assert_eq!(status, 503, "nothing is taken that cannot be kept: {refused}");
    let while_full = connector.seen().len();
    disk.make_room();
    let ends = Instant::now() + Duration::from_secs(60);
    while post(&herald, EVENTS + 1).await.0 != 202 {
        assert!(Instant::now() < ends, "there is room, and hooks are still refused");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let deliveries = herald.settled(Duration::from_secs(120)).await;
    let (messages, again) = arrived(&connector.seen());
    println!("posted while the disk was full {while_full}, messages {messages}, sent again {again}");
    assert_eq!(messages, deliveries.len(), "each arrives");
    assert_eq!(messages as u64, (EVENTS + 1) * 4);
    assert_eq!(again, 0, "what was sent is written down as soon as there is room");
    herald.stop().await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_the_disk_is_full_herald_loses_nothing_and_starts_when_there_is_room() {
    let Some((disk, connector, mut place, herald)) = full_of_work().await else {
        return;
    };
    disk.fill(0);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let while_full = connector.seen();
    herald.kill();
    // A start on the full disk works or says why it does not; either way it is harmless.
    let starting = place.spawn();
    tokio::time::sleep(Duration::from_secs(3)).await;
    match starting.ended_already() {
        Some((ended, said)) => {
            println!("a start on the full disk: {ended}, {said}");
            assert_eq!(ended.code(), Some(3), "{said}");
            assert!(said.contains("disk") || said.contains("space"), "{said}");
        }
        None => println!("a start on the full disk works"),
    }
    disk.make_room();
    let herald = place.start().await;
    let deliveries = herald.settled(Duration::from_secs(120)).await;
    let (messages, again) = arrived(&connector.seen());
    let once = arrived(&while_full).0;
    println!("taken before the kill {once}, messages {messages}, sent again {again}");
    assert!(
        again <= ON_THE_WAY,
        "only what was on its way comes twice: {again} messages did"
    );
    assert_eq!(
        (messages, messages as u64),
        (deliveries.len(), EVENTS * 4),
        "each arrives"
    );
    assert_eq!(post(&herald, EVENTS).await.0, 202);
    herald.stop().await;
    drop(disk);
}
