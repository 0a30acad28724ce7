//! A clock that jumps, both ways, by hours and days.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use herald::delivery::State;
use herald::sandbox::{Operation, Script};
use serde_json::json;

use crate::support::engine::{Engine, PATIENCE, Workspace};

const RULE: &str = "when: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { message: \"{{event.text}}\" }\n";
const START: &str = "2026-03-02T08:00:00Z";

async fn engine() -> Engine {
    let engine = Workspace::new().rule("r", RULE).clock_at(START).start().await;
    engine.known(&["Anna Berg"]).await;
    engine
}

async fn post(engine: &Engine, text: &str) {
    let (status, answer) = engine.post("/hooks/ci", &json!({ "text": text })).await;
    assert_eq!(status, 202, "{answer}");
}

fn jump(engine: &Engine, by: TimeDelta) {
    engine.hand.as_ref().expect("the clock is the test's").advance(by);
}

/// Waits until the first delivery was tried so often and waits for its next try.
async fn tried(engine: &Engine, attempts: u32) {
    engine
        .until("it waits for its next try", |all| {
            all.iter()
                .any(|d| d.attempt_count == attempts && d.state == State::Pending)
        })
        .await;
}

/// Lets so much time pass in small steps, or less if so many messages are there before.
async fn pass(engine: &Engine, time: TimeDelta, enough: usize) {
    let step = TimeDelta::seconds(10);
    let mut passed = TimeDelta::zero();
    while passed < time && engine.teams.received().len() < enough {
        tokio::time::sleep(Duration::from_millis(20)).await;
        jump(engine, step);
        passed += step;
    }
}

fn texts(engine: &Engine) -> Vec<String> {
    let texts = engine.teams.received().into_iter();
    texts
        .filter_map(|message| message.activity["text"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_by_days_sends_what_waits_and_gives_nothing_up() {
    let engine = engine().await;
    engine.teams.answer_next(Script::throttled().retry_after(600));
    engine.teams.answer_next(Script::status(503));
    post(&engine, "first").await;
    tried(&engine, 1).await;
    post(&engine, "second").await;
    jump(&engine, TimeDelta::days(3));
    // The day that Herald is patient is over by the clock, but it was tried twice only.
    tried(&engine, 2).await;
    pass(&engine, TimeDelta::minutes(5), 2).await;
    assert_eq!(texts(&engine), ["first", "second"], "{:#?}", engine.deliveries().await);
}

#[tokio::test]
async fn what_waited_while_herald_was_off_for_a_weekend_is_not_given_up_at_the_first_no() {
    let mut engine = engine().await;
    engine.teams.go_away();
    post(&engine, "first").await;
    engine.stop().await;
    engine.teams.come_back();
    jump(&engine, TimeDelta::days(3));
    engine.teams.answer_next(Script::status(503).times(3));
    engine.start_server().await;
    pass(&engine, TimeDelta::minutes(10), 1).await;
    assert_eq!(texts(&engine), ["first"], "{:#?}", engine.deliveries().await);
}

#[tokio::test]
async fn a_clock_that_is_put_back_does_not_make_anybody_wait_for_the_time_that_never_was() {
    let engine = engine().await;
    engine.teams.answer_next(Script::status(503));
    post(&engine, "first").await;
    tried(&engine, 1).await;
    // It was six hours ahead, and somebody noticed.
    jump(&engine, TimeDelta::hours(-6));
    post(&engine, "second").await;
    // A quarter of an hour is the longest wait between two tries.
    pass(&engine, TimeDelta::minutes(20), 2).await;
    assert_eq!(texts(&engine), ["first", "second"], "{:#?}", engine.deliveries().await);
}

#[tokio::test]
async fn a_clock_that_is_put_back_while_herald_is_off_delays_nothing_either() {
    let mut engine = engine().await;
    engine.teams.answer_next(Script::status(503));
    post(&engine, "first").await;
    tried(&engine, 1).await;
    engine.stop().await;
    jump(&engine, TimeDelta::days(-3));
    engine.start_server().await;
    post(&engine, "second").await;
    pass(&engine, TimeDelta::minutes(20), 2).await;
    assert_eq!(texts(&engine), ["first", "second"], "{:#?}", engine.deliveries().await);
}

#[tokio::test]
async fn a_token_that_could_not_be_had_is_asked_for_again_after_the_clock_was_put_back() {
    let engine = engine().await;
    engine.teams.expire_tokens();
    engine.teams.answer_next(Script::status(503).on(Operation::Token));
    let asked = engine.teams.count(Operation::Token);
    post(&engine, "first").await;
    engine
        .teams
        .wait_for_calls(Operation::Token, asked + 1, PATIENCE)
        .await
        .unwrap_or_else(|missed| panic!("{missed}"));
    engine
        .until("it was given back", |all| all.iter().all(|d| d.state == State::Pending))
        .await;
    jump(&engine, TimeDelta::hours(-6));
    pass(&engine, TimeDelta::minutes(20), 1).await;
    assert_eq!(texts(&engine), ["first"], "{:#?}", engine.deliveries().await);
}

#[tokio::test]
async fn a_message_on_its_way_while_the_clock_jumps_ahead_is_not_sent_twice() {
    let engine = engine().await;
    engine.teams.answer_next(Script::slow(Duration::from_secs(2)));
    post(&engine, "first").await;
    engine
        .until("it is on its way", |all| all.iter().any(|d| d.state == State::Sending))
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    // The claim was for five minutes.
    jump(&engine, TimeDelta::hours(1));
    post(&engine, "second").await;
    engine.messages(2).await;
    let settled = async {
        while engine.deliveries().await.iter().any(|d| d.state != State::Delivered) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            jump(&engine, TimeDelta::seconds(5));
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("it settles");
    assert_eq!(texts(&engine), ["first", "second"]);
}

#[tokio::test]
async fn a_clock_that_jumps_the_moment_teams_has_a_message_does_not_send_it_again() {
    let engine = engine().await;
    // Whether the attempt or the next claim is written first is chance: often enough it is the claim.
    for number in 1..=30 {
        post(&engine, &number.to_string()).await;
        engine.messages(number).await;
        jump(&engine, TimeDelta::days(1));
    }
    let all = engine.settled().await;
    assert!(all.iter().all(|d| d.state == State::Delivered), "{all:#?}");
    let expected: Vec<_> = (1..=30).map(|number| number.to_string()).collect();
    assert_eq!(texts(&engine), expected);
}

#[tokio::test]
async fn a_window_of_a_limit_neither_opens_twice_nor_stays_shut_when_the_clock_jumps() {
    let limited = format!("{RULE}limit: {{ once_per: 1 hour }}\n");
    let engine = Workspace::new().rule("r", &limited).clock_at(START).start().await;
    engine.known(&["Anna Berg"]).await;
    post(&engine, "first").await;
    engine.messages(1).await;
    engine.settled().await;
    jump(&engine, TimeDelta::hours(-20));
    post(&engine, "held").await;
    engine.settled().await;
    assert_eq!(texts(&engine), ["first"], "an hour has not passed");
    jump(&engine, TimeDelta::hours(1));
    post(&engine, "next").await;
    engine.messages(2).await;
    engine.settled().await;
    jump(&engine, TimeDelta::days(400));
    post(&engine, "much later").await;
    engine.messages(3).await;
}

const DAILY: &str = "when: { cron: \"0 9 * * *\" }\nnotify: [{ person: Anna Berg }]\ncard: { message: morning }\n";

/// Gives the schedule a moment to do what it should not.
async fn count_after_a_moment(engine: &Engine) -> usize {
    tokio::time::sleep(Duration::from_millis(400)).await;
    engine.settled().await;
    engine.teams.received().len()
}

#[tokio::test]
async fn a_schedule_fires_once_although_the_clock_is_put_back_over_its_moment() {
    let engine = Workspace::new().rule("daily", DAILY).clock_at(START).start().await;
    engine.known(&["Anna Berg"]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    jump(&engine, TimeDelta::minutes(61));
    engine.messages(1).await;
    jump(&engine, TimeDelta::minutes(-30));
    assert_eq!(count_after_a_moment(&engine).await, 1);
    jump(&engine, TimeDelta::minutes(40));
    assert_eq!(count_after_a_moment(&engine).await, 1, "nine o'clock was once today");
    let tomorrow = "2026-03-03T09:00:01Z".parse().expect("an instant");
    engine.hand.as_ref().expect("the clock is the test's").set(tomorrow);
    engine.messages(2).await;
}

#[tokio::test]
async fn a_schedule_goes_on_after_a_clock_that_was_years_ahead_is_put_right() {
    let engine = Workspace::new().rule("daily", DAILY).clock_at(START).start().await;
    engine.known(&["Anna Berg"]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    jump(&engine, TimeDelta::days(3650));
    // Whatever it makes of a moment ten years ahead.
    count_after_a_moment(&engine).await;
    jump(&engine, TimeDelta::days(-3650));
    let before = count_after_a_moment(&engine).await;
    let hand = engine.hand.clone().expect("the clock is the test's");
    let mut nine: DateTime<Utc> = "2026-03-02T09:00:30Z".parse().expect("an instant");
    let came = tokio::time::timeout(PATIENCE, async {
        while engine.teams.received().len() == before {
            hand.set(nine);
            nine += TimeDelta::days(1);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    came.await
        .expect("nine o'clock comes, within days and not in ten years");
}
