//! Being told to stop, again and again, under load.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::account::{Account, Kills};
use super::chance::{Chance, seed, size};
use super::connector::{Connector, Fate};
use super::load::{PEOPLE_RULE, PLACES_RULE, Work, post_on};
use super::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_under_load_herald_loses_nothing_and_doubles_nothing() {
    let seed = seed();
    let stops = size("HERALD_STOPS", 8);
    let connector = Connector::start(move |call| Fate::Taken {
        after: Chance::about(seed, &[call.conversation, call.text]).below(80),
    })
    .await;
    let mut place = Place::new(&connector, &[("people", PEOPLE_RULE), ("places", PLACES_RULE)], "").await;
    let (url, listen) = watch::channel(None);
    let permits = Arc::new(Semaphore::new(0));
    let mut clients = JoinSet::new();
    for number in 0..3 {
        clients.spawn(post_on(seed, number, true, listen.clone(), permits.clone()));
    }
    let mut chance = Chance::about(seed, &["stops"]);
    for _ in 0..stops {
        permits.add_permits(30_usize.saturating_sub(permits.available_permits()));
        let herald = place.start().await;
        url.send_replace(Some(herald.url.clone()));
        tokio::time::sleep(Duration::from_millis(50 + chance.below(700))).await;
        herald.stop().await;
        url.send_replace(None);
    }
    permits.close();
    let herald = place.start().await;
    url.send_replace(Some(herald.url.clone()));
    let mut work = Work::default();
    while let Some(done) = clients.join_next().await {
        work.add(done.unwrap_or_else(|problem| panic!("HERALD_SEED={seed}: a client gave up: {problem}")));
    }
    let deliveries = herald.settled(Duration::from_secs(240)).await;
    let mut account = Account::of(
        &work.accepted,
        &work.unanswered,
        &deliveries,
        &connector.seen(),
        &Kills::new(),
    );
    account.violations.extend(place.panics());
    println!("stops         {stops}\n{account}");
    assert!(
        account.violations.is_empty() && account.doubled.is_empty(),
        "HERALD_SEED={seed}: {account}\n{:#?}",
        account.violations
    );
    assert!(
        work.accepted.len() > stops,
        "{} events are too few",
        work.accepted.len()
    );
    herald.stop().await;
}
