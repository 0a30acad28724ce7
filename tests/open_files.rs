//! The system gives no more open files: nothing is lost, nothing ends, and it goes on when there are some again.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::io::AsyncWriteExt;

use crate::support::engine::PATIENCE;
use crate::support::raw::{answer, connect, post, send};
use crate::support::served::{Served, Site};

const HOOK: &str = "  ci: { signature: none, anyone_can_post: true }\n";
const RULE: &str = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: \"{{event.text}}\" }\n";

async fn delivered(site: &Site, count: u64) -> BTreeSet<String> {
    let messages = match site.teams.wait_for(count, PATIENCE).await {
        Ok(messages) => messages,
        Err(missed) => panic!("{missed}"),
    };
    let text = |message: &herald::sandbox::Received| message.activity["text"].as_str().map(str::to_owned);
    messages.iter().filter_map(text).collect()
}

fn message(number: usize) -> Vec<u8> {
    post("/hooks/ci", &format!("{{\"text\": \"message {number}\"}}"))
}

fn allow(served: &Served, files: u64) {
    let pid = Pid::from_raw(i32::try_from(served.pid()).expect("a small number")).expect("a process");
    let limit = Rlimit {
        current: Some(files),
        maximum: Some(1024),
    };
    prlimit(Some(pid), Resource::Nofile, limit).expect("its limit can be set");
}

#[tokio::test]
async fn with_few_open_files_a_crowd_at_the_door_keeps_nobody_out_and_what_was_taken_arrives() {
    let site = Site::new(HOOK, "").await.rule("r", RULE);
    let mut served = site.start(64).await;
    assert!(served.log().contains("too few open files"), "{}", served.log());
    site.meet(&served, "Anna Berg").await;
    let mut crowd = Vec::new();
    for number in 0..300 {
        let mut stream = connect(served.address).await;
        let _ = stream.write_all(b"POST /hooks/ci HTTP/1.1\r\nx-slow: ").await;
        crowd.push(stream);
        if number % 15 == 0 {
            let taken = send(served.address, &message(number / 15)).await.expect("an answer");
            assert_eq!(taken.status, 202, "{}", taken.body);
        }
    }
    assert_eq!(delivered(&site, 20).await.len(), 20);
    assert!(served.files() <= 64);
    assert!(
        served
            .metric("herald_connections_closed_total{reason=\"crowded\"}")
            .await
            > 200
    );
    assert!(served.is_alive());
    drop(crowd);
    assert!(served.stop().await);
}

#[tokio::test]
async fn without_any_open_file_left_what_was_taken_waits_and_everything_goes_on_later() {
    let site = Site::new(HOOK, "").await.rule("r", RULE);
    let mut served = site.start(1024).await;
    site.meet(&served, "Anna Berg").await;
    let mut inside = connect(served.address).await;
    inside.write_all(&message(0)).await.expect("sent");
    assert_eq!(answer(&mut inside).await.expect("an answer").status, 202);
    delivered(&site, 1).await;

    // From here on nothing can be opened: no connection from a sender, none to Teams, no file.
    site.teams.go_away();
    allow(&served, 8);
    for number in 1..=5 {
        inside.write_all(&message(number)).await.expect("sent");
        let taken = answer(&mut inside).await.expect("an answer");
        assert_eq!(taken.status, 202, "{}", taken.body);
    }
    site.teams.come_back();
    let mut outside = Vec::new();
    for number in 6..=10 {
        let mut stream = connect(served.address).await;
        stream.write_all(&message(number)).await.expect("sent");
        outside.push(stream);
    }
    let ends = tokio::time::Instant::now() + PATIENCE;
    while !served.log().contains("no connection can be accepted right now") {
        assert!(tokio::time::Instant::now() < ends, "{}", served.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The rules are read again meanwhile, which fails, and changes nothing.
    let pid = Pid::from_raw(i32::try_from(served.pid()).expect("a small number")).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("it is told");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(site.teams.received().len(), 1, "nothing can be sent");
    assert!(served.is_alive());

    allow(&served, 1024);
    for stream in &mut outside {
        let taken = answer(stream).await.expect("an answer");
        assert_eq!(taken.status, 202, "{}", taken.body);
    }
    assert_eq!(delivered(&site, 11).await.len(), 11);
    assert!(served.metric("herald_connections_not_accepted_total").await > 0);
    let lines = served
        .log()
        .lines()
        .filter(|line| line.contains("no connection can be accepted"))
        .count();
    assert!(lines <= 10, "{lines} lines about the same thing");
    assert!(served.stop().await);
    assert_eq!(site.teams.received().len(), 11, "each of them, once");
}
