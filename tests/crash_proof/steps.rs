//! The real binary, killed again and again while what follows a message is still to come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use herald::delivery::State;

use super::chance::{Chance, seed};
use super::connector::{Connector, Fate};
use super::load::event;
use super::place::{Place, client};

const RULE: &str = "when: { hook: load }\nnotify: [{ person: \"{{event.first}}\" }]\ncard: { message: \"{{event.text}}\" }\n\
                    then:\n  - { after: 3 s, card: { message: \"{{event.text}} one\" } }\n  \
                    - { after: 6 s, card: { message: \"{{event.text}} two\" } }\n  \
                    - { card: { message: \"{{event.text}} three\" } }\n";
const EVENTS: u64 = 60;
const LIVES: usize = 8;
/// How long before a kill a message may have been under way.
const UNDER_WAY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_no_step_is_lost_and_none_comes_twice_without_a_reason() {
    let seed = seed();
    let connector = Connector::start(|_| Fate::Taken { after: 20 }).await;
    let mut place = Place::new(&connector, &[("steps", RULE)], "").await;
    let herald = place.start().await;
    let http = client();
    for number in 0..EVENTS {
        let (body, _) = event(seed, 0, number);
        let posted = http.post(format!("{}/hooks/load", herald.url)).json(&body).send().await;
        assert_eq!(posted.expect("it answers").status(), 202);
    }
    let mut chance = Chance::about(seed, &["kills"]);
    let mut kills = Vec::new();
    let mut herald = herald;
    for _ in 0..LIVES {
        tokio::time::sleep(Duration::from_millis(200 + chance.below(1500))).await;
        kills.push(connector.elapsed());
        herald.kill();
        herald = place.start().await;
    }
    let expected = EVENTS as usize * 4;
    let ends = Instant::now() + Duration::from_secs(180);
    loop {
        let deliveries = herald.settled(Duration::from_secs(120)).await;
        assert!(
            deliveries.len() <= expected,
            "HERALD_SEED={seed}: {} deliveries",
            deliveries.len()
        );
        if deliveries.len() == expected {
            let undelivered = deliveries.iter().filter(|one| one.state != State::Delivered).count();
            assert_eq!(undelivered, 0, "HERALD_SEED={seed}");
            break;
        }
        assert!(
            Instant::now() < ends,
            "HERALD_SEED={seed}: {} of {expected}",
            deliveries.len()
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let mut copies: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    for seen in connector.seen() {
        copies.entry(seen.text.clone()).or_default().push(seen.at);
    }
    for number in 0..EVENTS {
        let text = super::load::text(0, number);
        for step in ["", " one", " two", " three"] {
            let at = copies.get(&format!("{text}{step}"));
            assert!(at.is_some(), "HERALD_SEED={seed}: nobody heard `{text}{step}`");
        }
    }
    let mut doubled = 0;
    for (text, at) in &copies {
        for at in &at[..at.len() - 1] {
            doubled += 1;
            let reason = kills.iter().any(|kill| at <= kill && *kill - *at < UNDER_WAY);
            assert!(
                reason,
                "HERALD_SEED={seed}: `{text}` came twice, and nothing was killed: {at:?}, {kills:?}"
            );
        }
    }
    assert!(place.panics().is_empty(), "{:?}", place.panics());
    println!("{expected} messages of {EVENTS} events, {LIVES} kills, {doubled} doubled in flight");
    herald.stop().await;
}
