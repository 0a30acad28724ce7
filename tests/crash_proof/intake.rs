//! The real binary killed while the recipients of a broadcast are taken in: the next start goes on where the kill came, and
//! everybody gets the card that the first of them got, whatever was edited in between.

use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::place::client;
use crate::support::cli::run;
use crate::support::engine::{PATIENCE, write};
use crate::support::served::{Served, Site};

const PEOPLE: usize = 3_500;
const RULE: &str = "when: { hook: news }\nnotify: [{ members_of: Platform }]\ncard: { message: \"On Friday\" }\n\
                    send: { needs_approval_above: 10 }\n";
/// What an editor makes of it while Herald is down: nobody new would be told, and something else.
const EDITED: &str = "when: { hook: news }\nif: { event.never: true }\nnotify: [{ members_of: Platform }]\n\
                      card: { message: \"On Saturday\" }\nsend: { needs_approval_above: 10 }\n";

async fn json_of(served: &Served, path: &str) -> Value {
    serde_json::from_str(&served.get(path).await.body).expect("JSON")
}

/// How many members of the team are known.
async fn members(served: &Served) -> usize {
    let mut most = 0;
    let mut after = String::new();
    loop {
        let page = json_of(served, &format!("/admin/v1/targets?limit=1000{after}")).await;
        let entries = page["entries"].as_array().expect("entries");
        let members = |entry: &Value| entry["roster"]["members"].as_array().map_or(0, Vec::len);
        most = entries.iter().map(members).max().unwrap_or_default().max(most);
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", utf8_percent_encode(next, NON_ALPHANUMERIC)),
            None => return most,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_that_a_kill_cut_is_gone_on_with_as_it_was_begun() {
    let site = Site::new("  news: { signature: none, anyone_can_post: true }\n", "")
        .await
        .rule("party", RULE);
    site.teams.fill_silently("Platform", PEOPLE).expect("there is a team");
    let served = site.start(4096).await;
    site.teams.install_team("Platform").await.expect("told");
    let ends = tokio::time::Instant::now() + PATIENCE;
    while members(&served).await < PEOPLE {
        assert!(tokio::time::Instant::now() < ends, "the members are not known in time");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let request = client().post(format!("http://{}/hooks/news", served.address));
    let answer = request.json(&json!({})).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 202);
    drop(served);

    // Some are on disk, and not all.
    let said = run(
        site.folder.path(),
        &["runs", "list", "--data", "data", "--format", "json"],
    );
    let runs: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    let cut = &runs[0]["run"];
    let (open, expected) = (number(&cut["tally"]["open"]), number(&cut["expected"]));
    assert_eq!(cut["complete"], false, "{cut}");
    assert!(0 < open && open < expected, "{cut}");
    assert!(expected >= PEOPLE as u64, "{cut}");

    write(site.folder.path(), "rules/party.yaml", EDITED);
    let served = site.start(4096).await;
    let ends = tokio::time::Instant::now() + PATIENCE;
    let whole = loop {
        let runs = json_of(&served, "/admin/v1/runs").await;
        if runs[0]["run"]["complete"] == true {
            break runs[0]["run"].clone();
        }
        assert!(tokio::time::Instant::now() < ends, "not taken in: {runs:#?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(number(&whole["expected"]), expected, "{whole}");
    assert_eq!(number(&whole["tally"]["open"]), expected, "everybody once: {whole}");
    let deliveries = json_of(&served, "/admin/v1/deliveries?limit=1000").await;
    let of_run: Vec<&Value> = deliveries.as_array().expect("a list").iter().collect();
    let cards: BTreeSet<&str> = of_run.iter().filter_map(|one| one["card_id"].as_str()).collect();
    assert_eq!(cards.len(), 1, "one card for all");

    // Whoever posts now meets the rule as it is now.
    let request = client().post(format!("http://{}/hooks/news", served.address));
    let answer: Value = request
        .json(&json!({}))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(answer["deliveries"].as_array().map_or(0, Vec::len), 0, "{answer}");
    assert!(served.stop().await);
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}
