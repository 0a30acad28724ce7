//! Being killed at any moment.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use chrono::Duration;
use herald::delivery::{Delivery, State};
use herald::event::EventId;
use herald::store::Outbox;
use herald::store::outbox::Filter;
use herald::store::sled::open;

use super::{FOLDER, child, random};
use crate::support::store::{OnSled, Place, at, attempt, batch, delivered, each, small};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the role of a server that will be killed, played for other tests"]
async fn a_server_that_will_be_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = open(Path::new(&folder), small()).expect("the store opens");
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .expect("the test listens");
    };
    say("serving".to_owned());
    let takers = (0..3).map(|_| {
        let outbox = store.outbox();
        async move {
            loop {
                let event = uuid::Uuid::new_v4().to_string();
                let people: Vec<String> = (0..=random(6)).map(|person| format!("p{person}")).collect();
                let names: Vec<&str> = people.iter().map(String::as_str).collect();
                outbox.enqueue(batch(&event, &names, at(0))).await.expect("enqueue");
                say(format!("taken {event} {}", names.len()));
            }
        }
    });
    let courier = async {
        let outbox = store.outbox();
        loop {
            let claims = outbox
                .claim(each(5), at(0), Duration::days(1))
                .await
                .expect("claim")
                .claims;
            for claim in claims {
                outbox
                    .settle(&claim, attempt(1, at(0), delivered()))
                    .await
                    .expect("settle");
                say(format!("sent {}", claim.delivery.id));
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(futures::future::join_all(takers), courier);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    const ROUNDS: usize = 20;
    let place = OnSled::new();
    let mut taken: Vec<(String, usize)> = Vec::new();
    let mut sent: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let mut server = child("crashes::a_server_that_will_be_killed", place.folder.path());
        // Some die while they open the store, and what those said before counts too.
        if random(4) == 0 {
            std::thread::sleep(std::time::Duration::from_millis(random(60)));
            server.kill().expect("kill");
        }
        let mut until_death = 1 + random(150);
        let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines();
        // What it still said before it died counts as well.
        while let Some(Ok(line)) = lines.next() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["taken", event, count] => taken.push(((*event).to_owned(), count.parse().expect("a number"))),
                ["sent", id] => sent.push((*id).to_owned()),
                _ => continue,
            }
            until_death = until_death.saturating_sub(1);
            if until_death == 0 {
                server.kill().expect("kill");
            }
        }
        server.wait().expect("wait");

        let outbox = place.open().outbox;
        check_after_kill(&*outbox, &taken, &sent, round).await;
    }
    assert!(taken.len() > ROUNDS, "the servers lived long enough to take something");
    println!(
        "{} events and {} settled deliveries survived {ROUNDS} kills",
        taken.len(),
        sent.len()
    );
}

async fn check_after_kill(outbox: &dyn Outbox, taken: &[(String, usize)], sent: &[String], round: usize) {
    let all = outbox.list(&Filter::default(), None, usize::MAX).await.expect("list");
    let mut of_event: HashMap<&str, Vec<&Delivery>> = HashMap::new();
    for delivery in &all {
        of_event.entry(delivery.event_id.as_str()).or_default().push(delivery);
    }
    for (event, count) in taken {
        let deliveries = of_event.get(event.as_str()).map_or(&[][..], Vec::as_slice);
        assert_eq!(deliveries.len(), *count, "round {round}: event {event} is not whole");
    }
    // The newest are the ones at risk; the others were asked for in the rounds before.
    for (event, _) in taken.iter().rev().take(200) {
        let id = EventId::known(event.clone());
        let record = outbox.event(&id).await.expect("event");
        assert!(record.is_some(), "round {round}: the record of {event} is lost");
        let card = of_event[event.as_str()][0].card_id.as_ref().expect("a card");
        let card = outbox.card(card).await.expect("card");
        assert!(card.is_some(), "round {round}: the card of {event} is lost");
    }
    let delivered: HashSet<&str> = all
        .iter()
        .filter(|delivery| delivery.state == State::Delivered)
        .map(|delivery| delivery.id.as_str())
        .collect();
    for id in sent {
        assert!(
            delivered.contains(id.as_str()),
            "round {round}: {id} would be sent twice"
        );
    }
    let counts = outbox.counts().await.expect("counts");
    for state in State::ALL {
        let counted = all.iter().filter(|delivery| delivery.state == state).count() as u64;
        assert_eq!(counts[state.word()], counted, "round {round}: {}", state.word());
    }
    assert_eq!(counts["sending"], 0, "round {round}: nobody is sending");
}

#[tokio::test]
async fn a_kill_in_the_middle_of_opening_does_not_keep_it_from_opening_again() {
    let place = OnSled::new();
    place
        .open()
        .outbox
        .enqueue(batch("e1", &["anna"], at(0)))
        .await
        .expect("enqueue");
    // What sled leaves when it dies there: under this name it would be taken for the newest snapshot.
    for (number, content) in [("0", ""), ("1", "half of a snapsh")] {
        let left_over = place
            .folder
            .path()
            .join(format!("snap.7FFFFFFFFFFFFFF{number}.generating"));
        std::fs::write(left_over, content).expect("write");
    }
    let counts = place.open().outbox.counts().await.expect("counts");
    assert_eq!(counts["pending"], 1);
}
