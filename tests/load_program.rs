//! The load program of benches/load counts as it should: its figures are only as good as its arithmetic.

use std::time::Duration;

use serde_json::{Value, json};

#[path = "../benches/load/people.rs"]
#[expect(dead_code, reason = "only some of the people are needed here")]
mod people;
#[path = "../benches/load/percentile.rs"]
mod percentile;
#[path = "../benches/load/teams.rs"]
#[expect(dead_code, reason = "the rest is for the program's own process")]
mod teams;
#[path = "../benches/load/window.rs"]
mod window;

use percentile::{Latencies, span};
use window::{CONVERSATION, Seen, TENANT, Window, fullest, share, violations};

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_percentile_is_a_duration_that_was_measured() {
    let of_hundred = Latencies::of((1..=100).rev().map(Duration::from_millis));
    assert_eq!(of_hundred.percentile(50.0), Duration::from_millis(50));
    assert_eq!(of_hundred.percentile(99.0), Duration::from_millis(99));
    assert_eq!(of_hundred.percentile(100.0), Duration::from_millis(100));
    let of_two = Latencies::of([Duration::from_secs(3), Duration::from_millis(1)]);
    assert_eq!(of_two.percentile(50.0), Duration::from_millis(1));
    assert_eq!(of_two.percentile(99.0), Duration::from_secs(3));
    assert_eq!(of_two.in_words(), "p50 1.0 ms, p99 3.00 s, longest 3.00 s");
    let of_none = Latencies::default();
    assert_eq!((of_none.percentile(99.0), of_none.count()), (Duration::ZERO, 0));
    assert_eq!(span(Duration::from_micros(870)), "870 µs");
}

#[test]
fn a_call_that_finds_its_window_full_is_a_violation() {
    let window = Window { count: 3, per: SECOND };
    let early: Vec<u64> = (0..10).map(|call| call * (SECOND / 3)).collect();
    assert_eq!(
        violations(&early, window),
        7,
        "three thirds are a nanosecond less than a second"
    );
    let kept: Vec<u64> = (0..10).map(|call| call * (SECOND / 3 + 1)).collect();
    assert_eq!(violations(&kept, window), 0);
    assert_eq!(violations(&[0, 1, 2, 3, SECOND + 3], window), 1, "the fourth of four");
    assert_eq!(violations(&[0, 1], window), 0);
    assert_eq!(fullest(&[0, 1, 2, SECOND, SECOND + 1], SECOND), 3);
    assert_eq!(fullest(&[], SECOND), 0);
}

#[test]
fn what_is_admitted_breaks_no_window_and_what_is_refused_would_have() {
    let mut seen = Seen::default();
    let mut admitted = Vec::new();
    for call in 0..40_000_u64 {
        let now = call * SECOND / 100;
        let wait = seen.too_early(&CONVERSATION, now);
        let mut with_it = admitted.clone();
        with_it.push(now);
        let tail = &with_it[with_it.len().saturating_sub(1_801)..];
        let breaks = CONVERSATION
            .iter()
            .any(|window| violations(&tail[tail.len().saturating_sub(window.count + 1)..], *window) > 0);
        assert_eq!(wait > 0, breaks, "call {call}");
        if wait == 0 {
            seen.admitted(now);
            admitted.push(now);
        }
    }
    // 60 in 30 seconds is what bites in the long run: 13 whole stretches, and a part of one.
    assert!((13 * 60..14 * 60).contains(&admitted.len()), "{}", admitted.len());
}

#[test]
fn a_broadcast_that_leaves_evenly_uses_the_whole_rate_and_bursts_look_better_by_a_window_at_most() {
    let [tenant] = TENANT;
    let even: Vec<u64> = (0..500).map(|call| call * (SECOND / 50)).collect();
    assert!((share(&even, tenant) - 1.0).abs() < 1e-9);
    assert_eq!(violations(&even, tenant), 0);
    let half: Vec<u64> = (0..500).map(|call| call * (SECOND / 25)).collect();
    assert!((share(&half, tenant) - 0.5).abs() < 1e-9);
    let bursts: Vec<u64> = (0..500).map(|call| call / 50 * SECOND).collect();
    assert_eq!(violations(&bursts, tenant), 0);
    let better = share(&bursts, tenant) - 1.0;
    assert!((0.0..=1.0 / 9.0).contains(&better), "{better}");
    assert_eq!(share(&[], tenant), 0.0);
}

#[tokio::test]
async fn its_teams_answers_429_to_the_eighth_message_of_a_second_and_counts_it() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move { axum::serve(listener, teams::routes()).await.expect("it serves") });
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let manner = json!({ "latency": 0, "jitter": 0, "limits": true, "members": 3, "odd": null });
    let told = client
        .post(format!("{url}/control/behave"))
        .json(&manner)
        .send()
        .await
        .expect("it answers");
    assert!(told.status().is_success());

    let mut statuses = Vec::new();
    for number in 0..9 {
        let answer = client
            .post(format!("{url}/v3/conversations/a%3Aload1/activities"))
            .header("authorization", "Bearer load")
            .json(&json!({ "type": "message", "text": format!("billing: mark{number}x") }))
            .send()
            .await
            .expect("it answers");
        statuses.push((answer.status().as_u16(), answer.headers().contains_key("retry-after")));
    }
    let counts: Value = client
        .get(format!("{url}/control/counts"))
        .send()
        .await
        .expect("it answers")
        .json()
        .await
        .expect("JSON");
    let arrivals: Vec<teams::Arrival> = client
        .get(format!("{url}/control/arrivals"))
        .send()
        .await
        .expect("it answers")
        .json()
        .await
        .expect("JSON");
    // A busy machine may need longer than a second for nine requests: then all windows are judged by what was taken.
    let taken = statuses.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(counts["messages"], taken);
    assert_eq!(counts["throttled"], 9 - taken);
    assert!(
        statuses.iter().all(|(status, waits)| *waits == (*status == 429)),
        "{statuses:?}"
    );
    let times: Vec<u64> = arrivals
        .iter()
        .filter(|arrival| arrival.taken)
        .map(|arrival| arrival.at)
        .collect();
    assert!(CONVERSATION.iter().all(|window| violations(&times, *window) == 0));
    let marks: Vec<_> = arrivals.iter().map(|arrival| arrival.mark).collect();
    assert_eq!(marks, (0..9).map(Some).collect::<Vec<_>>());

    let members = client
        .get(format!("{url}/v3/conversations/19%3Ateam/pagedmembers?pageSize=500"))
        .header("authorization", "Bearer load")
        .send()
        .await
        .expect("it answers");
    let members: Value = members.json().await.expect("JSON");
    assert_eq!(members["members"].as_array().map(Vec::len), Some(3));
}
