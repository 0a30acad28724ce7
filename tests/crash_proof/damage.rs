//! Records that are not as they were written, under the real binary.

use std::time::Duration;

use serde_json::{Value, json};

use super::connector::{Connector, Fate};
use super::load::ONE_RULE;
use super::place::{Herald, Place, client};
use crate::store_survives::tamper;

async fn post(herald: &Herald, person: u64, text: &str) -> String {
    let answer = client()
        .post(format!("{}/hooks/load", herald.url))
        .json(&json!({"first": format!("p{person}@contoso.example"), "text": text}))
        .send()
        .await
        .expect("Herald answers");
    let answer: Value = answer.json().await.expect("JSON");
    answer["deliveries"][0].as_str().expect("one delivery").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_delivery_fails_alone_and_those_behind_it_go_on() {
    let connector = Connector::start(|_| Fate::Hangs { taken: false }).await;
    let mut place = Place::new(&connector, &[("one", ONE_RULE)], "").await;
    let herald = place.start().await;
    let damaged = post(&herald, 0, "first").await;
    post(&herald, 0, "second").await;
    post(&herald, 2, "elsewhere").await;
    herald.kill();
    tamper(
        &place.folder.path().join("data"),
        &["\"recipient\"", &damaged],
        |value| {
            let last = value.len() - 1;
            value[last] ^= 1;
        },
    );
    connector.calm_down();
    let herald = place.start().await;
    let taken = connector.taken(2, Duration::from_secs(60)).await;
    let texts: Vec<&str> = taken.iter().map(|seen| seen.text.as_str()).collect();
    assert!(texts.contains(&"second") && texts.contains(&"elsewhere"), "{texts:?}");
    herald.settled(Duration::from_secs(60)).await;
    assert_eq!(
        connector.taken(2, Duration::ZERO).await.len(),
        2,
        "the damaged one is not sent"
    );
    assert_eq!(herald.get("/readyz").await.0, 200);
    let log = place.logs();
    assert!(
        log.lines()
            .any(|line| line.contains(&damaged) && line.contains("checksum")),
        "the operator is told which and why: {log}"
    );
    herald.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_chat_in_the_directory_fails_alone_and_is_listed_as_such() {
    let connector = Connector::start(|_| Fate::Taken { after: 0 }).await;
    let mut place = Place::new(&connector, &[("one", ONE_RULE)], "").await;
    tamper(
        &place.folder.path().join("data"),
        &["\"a:p-4\"", "service_url"],
        |value| {
            let middle = value.len() / 2;
            value[middle] ^= 4;
        },
    );
    let herald = place.start().await;
    let (_, targets) = herald.get("/admin/v1/targets?limit=1000").await;
    let entries = targets["entries"].as_array().expect("entries");
    let corrupt: Vec<&Value> = entries.iter().filter_map(|entry| entry.get("corrupt")).collect();
    let [damaged] = corrupt.as_slice() else {
        panic!("one entry is damaged: {corrupt:?}");
    };
    assert!(
        damaged["key"].as_str().is_some_and(|key| key.contains("a:p-4")),
        "{damaged}"
    );
    assert!(
        damaged["problem"]
            .as_str()
            .is_some_and(|problem| problem.contains("checksum")),
        "{damaged}"
    );
    assert!(entries.len() > 100, "it hides no other: {}", entries.len());

    post(&herald, 2, "other").await;
    post(&herald, 4, "damaged").await;
    let deliveries = herald.settled(Duration::from_secs(60)).await;
    connector.taken(1, Duration::from_secs(60)).await;
    let of = |text: &str| {
        deliveries
            .iter()
            .find(|delivery| delivery.recipient.name == text)
            .map(|delivery| (delivery.state.word(), delivery.reason.clone()))
    };
    assert_eq!(of("Person 2"), Some(("delivered", None)));
    let Some((state, reason)) = of("Person 4") else {
        panic!("the delivery is recorded: {deliveries:#?}");
    };
    assert!(
        state == "delivered" || reason.as_ref().is_some_and(|reason| !reason.is_empty()),
        "it arrives by another way, or says why not"
    );
    println!("the delivery to the damaged chat: {state}");
    herald.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_card_fails_alone_with_its_reason_and_those_behind_it_go_on() {
    let connector = Connector::start(|_| Fate::Hangs { taken: false }).await;
    let mut place = Place::new(&connector, &[("one", ONE_RULE)], "").await;
    let herald = place.start().await;
    let damaged = post(&herald, 0, "first").await;
    post(&herald, 0, "second").await;
    post(&herald, 2, "elsewhere").await;
    herald.kill();
    tamper(&place.folder.path().join("data"), &["\"summary\"", "first"], |value| {
        let last = value.len() - 1;
        value[last] ^= 1;
    });
    connector.calm_down();
    let herald = place.start().await;
    let taken = connector.taken(2, Duration::from_secs(60)).await;
    let texts: Vec<&str> = taken.iter().map(|seen| seen.text.as_str()).collect();
    assert!(texts.contains(&"second") && texts.contains(&"elsewhere"), "{texts:?}");
    let deliveries = herald.settled(Duration::from_secs(60)).await;
    let given_up = deliveries
        .iter()
        .find(|delivery| delivery.id.as_str() == damaged)
        .expect("it is listed");
    assert_eq!(given_up.state.word(), "dead");
    let reason = given_up.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("card") && reason.contains("damaged"), "{reason:?}");
    herald.stop().await;
}
