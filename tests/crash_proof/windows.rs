//! `limit: once_per` and a server that is killed in the middle of it.

use std::collections::BTreeMap;
use std::time::Duration;

use herald::event::EventId;
use serde_json::{Value, json};

use super::chance::{Chance, seed, size};
use super::connector::{Connector, Fate};
use super::place::{Place, client};

const RULE: &str = "when: { hook: load }\nnotify: [{ person: p0@contoso.example }]\ncard: { message: \"{{event.key}}\" \
                    }\nlimit: { once_per: 12 hours, for_each: \"{{event.key}}\" }\n";

/// How many posts about one thing come at once.
const AT_ONCE: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_was_counting_when_herald_was_killed_lets_no_second_card_through() {
    let seed = seed();
    let kills = size("HERALD_WINDOW_KILLS", 8);
    let connector = Connector::start(|_| Fate::Taken { after: 5 }).await;
    let mut place = Place::new(&connector, &[("limited", RULE)], "").await;
    let mut chance = Chance::about(seed, &["windows"]);
    // Which events were posted about each key, and how many of them were answered.
    let mut events: BTreeMap<String, (Vec<EventId>, u64)> = BTreeMap::new();
    let http = client();
    for round in 0..=kills {
        let herald = place.start().await;
        // What was told before the kill, and something new.
        let keys: Vec<String> = events.keys().cloned().chain([format!("key{round}")]).collect();
        let mut posts = Vec::new();
        for key in keys.iter().rev().take(3) {
            for number in 0..AT_ONCE {
                let id = format!("{key} {round} {number}");
                let known = events.entry(key.clone()).or_default();
                known.0.push(EventId::derived(&["hook", "load", &id]));
                let request = http
                    .post(format!("{}/hooks/load", herald.url))
                    .header("idempotency-key", id)
                    .json(&json!({ "key": key }));
                let key = key.clone();
                posts.push(async move {
                    let answer = request.send().await.ok()?;
                    let status = answer.status().as_u16();
                    let answer: Value = answer.json().await.ok()?;
                    assert_eq!(status, 202, "{answer}");
                    Some(key)
                });
            }
        }
        let load = futures::future::join_all(posts);
        if round == kills {
            let answered = load.await;
            assert!(answered.iter().all(Option::is_some), "the last round is calm");
            count(&mut events, answered);
            let deliveries = herald.settled(Duration::from_secs(120)).await;
            let mut told = 0;
            for (key, (ids, answered)) in &events {
                let cards = deliveries.iter().filter(|d| ids.contains(&d.event_id)).count();
                assert!(
                    cards == 1 || (cards == 0 && *answered == 0),
                    "HERALD_SEED={seed}: {key} made {cards} cards out of {} posts",
                    ids.len()
                );
                told += cards;
            }
            let taken = connector.taken(told, Duration::from_secs(60)).await;
            let again = taken.len() - told;
            println!("kills {kills}, cards {told}, sent again because a kill came in between {again}");
            assert!(
                again <= kills,
                "each kill catches one message to Anna at most: {taken:#?}"
            );
            assert!(told > kills / 2, "{told} cards are too few to prove anything");
            herald.stop().await;
            return;
        }
        let kill = async {
            tokio::time::sleep(Duration::from_millis(chance.below(150))).await;
            herald.kill();
        };
        let (answered, ()) = tokio::join!(load, kill);
        count(&mut events, answered);
    }
}

fn count(events: &mut BTreeMap<String, (Vec<EventId>, u64)>, answered: Vec<Option<String>>) {
    for key in answered.into_iter().flatten() {
        events.entry(key).or_default().1 += 1;
    }
}
