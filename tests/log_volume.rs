//! The log of the real binary while Teams is down and much waits: a few lines tell it, whatever the number.
//!
//! `HERALD_WAITING` says how many deliveries wait (1,000 unless set).

use std::time::Duration;

use futures::StreamExt;
use herald::sandbox::{Operation, Script};
use serde_json::json;

use crate::support::served::Site;

const HOOKS: &str = "  ci: { signature: none, anyone_can_post: true }\n";
const SETTINGS: &str = "limits: { messages_per_second: 500 }\n";
const RULE: &str = "when: { hook: ci }\nnotify: [{ person: \"{{event.who}}\" }]\ncard: { message: hello }\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn teams_is_down_and_everything_waits_in_a_few_lines() {
    let waiting: u64 =
        std::env::var_os("HERALD_WAITING").map_or(1_000, |value| value.to_string_lossy().parse().expect("a number"));
    let site = Site::new(HOOKS, SETTINGS).await.rule("r", RULE);
    let served = site.start(4096).await;
    site.meet(&served, "Anna Berg").await;
    site.teams
        .answer_next(Script::status(503).on(Operation::CreateConversation).always());
    let before = served.log().lines().count();

    let (client, url) = (reqwest::Client::new(), format!("http://{}/hooks/ci", served.address));
    let posts = (0..waiting).map(|number| {
        let who = format!("7e4a4700-aaaa-4bbb-8ccc-{number:012}");
        let posted = client.post(&url).json(&json!({ "who": who })).send();
        async move { posted.await.expect("answered").status().as_u16() }
    });
    let statuses: Vec<u16> = futures::stream::iter(posts).buffer_unordered(32).collect().await;
    assert!(statuses.iter().all(|status| *status == 202));
    // Each was tried, and most of them more than once.
    let retried = "herald_deliveries_retried_total{reason=\"unavailable\"}";
    let ends = tokio::time::Instant::now() + Duration::from_secs(60) + Duration::from_millis(20 * waiting);
    let mut tries = 0;
    while tries < 2 * waiting {
        assert!(
            tokio::time::Instant::now() < ends,
            "{tries} tries of {waiting} deliveries"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
        tries = served.metric(retried).await;
    }
    let log = served.log();
    let lines: Vec<&str> = log
        .lines()
        .skip(before)
        // What was taken in has a line each.
        .filter(|line| !line.contains("event decided"))
        .collect();
    println!(
        "{tries} tries of {waiting} deliveries, {} lines of log beside one for each event",
        lines.len()
    );
    assert!(
        lines.iter().any(|line| line.contains("delivery will be tried again")),
        "{lines:#?}"
    );
    assert!(lines.len() < 100, "{lines:#?}");
    assert!(served.stop().await);
}
