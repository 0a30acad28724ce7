//! A rule's clock time comes, and cards go out.

use std::time::Duration;

use serde_json::json;

use crate::support::engine::{Engine, Workspace};

const MONDAYS: &str = r#"
when: { cron: "0 9 * * 1-5", time_zone: Europe/Berlin }
notify: [{ person: Anna Berg }]
card: { text: "Good morning, it is {{event.weekday}}." }
"#;

/// Lets the tasks run until `count` messages are there, or for a moment if there are none to come.
async fn count_after_a_moment(engine: &Engine) -> usize {
    tokio::time::sleep(Duration::from_millis(400)).await;
    engine.teams.received().len()
}

#[tokio::test]
async fn a_schedule_fires_once_at_its_wall_clock_time_on_weekdays_only() {
    // A Friday; nine in Berlin is eight in UTC.
    let engine = Workspace::new()
        .rule("mondays", MONDAYS)
        .clock_at("2026-03-06T07:59:30Z")
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    let hand = engine.hand.clone().expect("the clock is the test's");
    assert_eq!(count_after_a_moment(&engine).await, 0);
    hand.advance(chrono::Duration::seconds(31));
    engine.messages(1).await;
    engine.settled().await;
    hand.advance(chrono::Duration::hours(26));
    assert_eq!(count_after_a_moment(&engine).await, 1, "not on Saturday");
    hand.set("2026-03-09T08:00:01Z".parse().expect("an instant"));
    engine.messages(2).await;
    assert_eq!(count_after_a_moment(&engine).await, 2, "once");
}

#[tokio::test]
async fn a_moment_missed_while_herald_was_down_is_skipped_or_made_up_for_as_the_rule_says() {
    let made_up = MONDAYS.replace("time_zone: Europe/Berlin", "time_zone: Europe/Berlin, if_missed: run");
    for (rule, expected) in [(MONDAYS, 0), (made_up.as_str(), 1)] {
        let mut engine = Workspace::new()
            .rule("mondays", rule)
            .clock_at("2026-03-02T12:00:00Z")
            .start()
            .await;
        engine.known(&["Anna Berg"]).await;
        let hand = engine.hand.clone().expect("the clock is the test's");
        tokio::time::sleep(Duration::from_millis(200)).await;
        engine.stop().await;
        // Three mornings pass.
        hand.set("2026-03-05T12:00:00Z".parse().expect("an instant"));
        engine.start_server().await;
        if expected > 0 {
            engine.messages(expected).await;
        }
        assert_eq!(count_after_a_moment(&engine).await as u64, expected, "{rule}");
    }
}

#[tokio::test]
async fn a_restart_does_not_repeat_a_moment() {
    let mut engine = Workspace::new()
        .rule("mondays", MONDAYS)
        .clock_at("2026-03-02T07:59:59Z")
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    let hand = engine.hand.clone().expect("the clock is the test's");
    tokio::time::sleep(Duration::from_millis(200)).await;
    hand.advance(chrono::Duration::seconds(2));
    engine.messages(1).await;
    engine.settled().await;
    engine.restart().await;
    assert_eq!(count_after_a_moment(&engine).await, 1);
}

#[tokio::test]
async fn a_new_schedule_is_followed_after_a_reload() {
    let engine = Workspace::new()
        .rule("mondays", MONDAYS)
        .clock_at("2026-03-02T10:00:00Z")
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    let mut live = engine.server().live();
    engine.write("rules/mondays.yaml", &MONDAYS.replace("0 9 * * 1-5", "0 12 * * *"));
    engine.server().reload();
    tokio::time::timeout(Duration::from_secs(10), live.changed())
        .await
        .expect("in time")
        .expect("reloaded");
    tokio::time::sleep(Duration::from_millis(200)).await;
    engine
        .hand
        .clone()
        .expect("the clock is the test's")
        .set("2026-03-02T11:00:05Z".parse().expect("an instant"));
    engine.messages(1).await;
    let record = engine.deliveries().await.remove(0);
    let (_, event) = engine.get(&format!("/admin/v1/events/{}", record.event_id)).await;
    assert_eq!(event["event"]["rules"][0]["matched"], json!(true), "{event:#}");
}
