//! One request for many people, and the real binary killed at each moment of it: before Teams has it, when Teams has it and
//! nobody heard, and when it is written down.

use std::collections::BTreeMap;
use std::time::Duration;

use herald::sandbox::{Operation, Script};
use serde_json::{Value, json};

use super::place::client;
use crate::support::engine::PATIENCE;
use crate::support::served::{Served, Site};

/// How many are added to those that the team has anyway, so that there are thirty.
const MORE: usize = 23;
const EVERYBODY: usize = 30;
const RULE: &str =
    "when: { hook: news }\nnotify: [{ members_of: Platform }]\ncard: { message: \"{{event.text}}\" }\n";

/// A site whose rule tells thirty people with one request, and a Herald that knows them.
async fn site() -> (Site, Served) {
    let site = Site::new(
        "  news: { signature: none, anyone_can_post: true }\n",
        "send: { batch: { above: 10, size: 100 } }\n",
    )
    .await
    .rule("party", RULE);
    site.teams.fill_silently("Platform", MORE).expect("there is a team");
    let served = site.start(4096).await;
    site.teams.install_team("Platform").await.expect("told");
    let names = until("the team's members are known", async || {
        let answer: Value =
            serde_json::from_str(&served.get("/admin/v1/targets?limit=1000").await.body).expect("JSON");
        let entries = answer["entries"].as_array()?;
        let rosters = entries.iter().filter_map(|entry| entry["roster"]["members"].as_array());
        let members = rosters
            .max_by_key(|members| members.len())
            .filter(|members| members.len() == EVERYBODY)?;
        let names = members
            .iter()
            .filter_map(|member| member["name"].as_str().map(str::to_owned));
        Some(names.collect::<Vec<_>>())
    })
    .await;
    for name in &names {
        site.meet(&served, name).await;
    }
    (site, served)
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let ends = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < ends, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn announce(served: &Served) {
    let request = client().post(format!("http://{}/hooks/news", served.address));
    let answer = request
        .json(&json!({"text": "on Friday"}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status().as_u16(), 202);
}

async fn deliveries(served: &Served) -> Vec<Value> {
    serde_json::from_str(&served.get("/admin/v1/deliveries?limit=1000").await.body).expect("a list")
}

async fn all_delivered(served: &Served) -> Vec<Value> {
    until("everything is delivered", async || {
        let all = deliveries(served).await;
        (all.len() == EVERYBODY && all.iter().all(|one| one["state"] == "delivered")).then_some(all)
    })
    .await
}

/// Each of them has it so often.
#[track_caller]
fn each_has(site: &Site, times: usize) {
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    for received in site.teams.received() {
        *copies.entry(received.conversation).or_default() += 1;
    }
    assert_eq!(copies.len(), EVERYBODY);
    assert!(copies.values().all(|count| *count == times), "{copies:?}");
}

fn asked(site: &Site, operation: Operation) -> usize {
    site.teams
        .calls()
        .iter()
        .filter(|call| call.operation == operation)
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_before_teams_has_a_batch_loses_nobody() {
    let (site, served) = site().await;
    site.teams.answer_next(Script::hang().on(Operation::Batch).times(1));
    announce(&served).await;
    until("it is under way", async || {
        (asked(&site, Operation::Batch) == 1).then_some(())
    })
    .await;
    drop(served);
    let served = site.start(4096).await;
    all_delivered(&served).await;
    each_has(&site, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_before_the_answer_to_a_batch_doubles_what_was_under_way_and_no_more() {
    let (site, served) = site().await;
    site.teams
        .answer_next(Script::hang().although_done().on(Operation::Batch).times(1));
    announce(&served).await;
    site.teams
        .wait_for(EVERYBODY as u64, PATIENCE)
        .await
        .expect("Teams has it");
    drop(served);
    let served = site.start(4096).await;
    all_delivered(&served).await;
    // Once for each request.
    each_has(&site, 2);
    assert_eq!(asked(&site, Operation::Batch), 2);
    // A third time would be one too many: nothing follows a second restart.
    assert!(served.stop().await);
    let served = site.start(4096).await;
    all_delivered(&served).await;
    assert_eq!(asked(&site, Operation::Batch), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_teams_works_at_a_batch_doubles_nothing() {
    let (site, served) = site().await;
    site.teams.take_for_batches(Duration::from_secs(4));
    announce(&served).await;
    until("it is written down", async || {
        let all = deliveries(&served).await;
        (all.len() == EVERYBODY && all.iter().all(|one| one["batch"].is_string())).then_some(())
    })
    .await;
    drop(served);
    let served = site.start(4096).await;
    all_delivered(&served).await;
    each_has(&site, 1);
    assert_eq!(asked(&site, Operation::Batch), 1);
}
