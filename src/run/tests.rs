use super::*;
use crate::delivery::{Address, DeliveryId, Recipient, Terms};

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn event() -> EventId {
    EventId::known("ev_1")
}

fn delivery(number: usize, first: bool) -> Delivery {
    let address = Address::Person {
        tenant_id: "t".to_owned(),
        id: number.to_string(),
    };
    Delivery {
        id: DeliveryId::of(&event(), "news", &address),
        event_id: event(),
        rule: "news".to_owned(),
        revision: "r".to_owned(),
        recipient: Recipient {
            address,
            name: number.to_string(),
        },
        card_id: None,
        state: State::Pending,
        attempts: Vec::new(),
        attempt_count: 0,
        created_at: noon(),
        next_attempt_at: noon(),
        reason: None,
        activity_id: None,
        conversation_id: None,
        thread_root: None,
        window: None,
        terms: Terms {
            first,
            ..Terms::default()
        },
        operation: Operation::Send,
        trace: None,
        batch: None,
    }
}

/// A run whose first `first` of `count` recipients are tried first, all taken in.
fn run(count: u64, first: u64) -> Run {
    let mut run = Run::new(&event(), "news", count, noon());
    run.first.count = first;
    if first > 0 {
        run.phase = Phase::Trying;
    }
    for number in 0..count {
        run.moved(
            None,
            Some(State::Pending),
            &delivery(number as usize, number < first),
            noon(),
        );
    }
    run
}

fn ends(run: &mut Run, first: bool, state: State) -> bool {
    run.moved(Some(State::Sending), Some(state), &delivery(0, first), noon())
}

fn paused(run: &Run) -> &str {
    match &run.phase {
        Phase::Paused { reason, .. } => reason,
        other => panic!("not paused but {}", other.word()),
    }
}

#[test]
fn the_others_wait_until_the_first_have_arrived() {
    let mut run = run(100, 2);
    assert_eq!(run.lets_pass(&delivery(0, true), noon()), Pass::Now);
    assert_eq!(run.lets_pass(&delivery(9, false), noon()), Pass::Wait);
    assert!(!ends(&mut run, true, State::Delivered));
    assert!(ends(&mut run, true, State::Delivered), "now the others may go");
    assert_eq!(run.lets_pass(&delivery(9, false), noon()), Pass::Now);
}

#[test]
fn a_run_that_fails_for_the_first_stops_there() {
    let mut run = run(100, 2);
    ends(&mut run, true, State::Delivered);
    assert!(!ends(&mut run, true, State::Dead));
    assert_eq!(paused(&run), "it was tried on 2 first, and 1 of these did not get it");
    run.obey(Order::Resume, noon()).expect("somebody knows better");
    assert_eq!(run.lets_pass(&delivery(9, false), noon()), Pass::Now);
}

#[test]
fn a_share_of_failures_that_is_allowed_does_not_stop_the_trial() {
    let mut run = run(100, 10);
    run.stop_above_percent = Some(10);
    ends(&mut run, true, State::Dead);
    for _ in 0..9 {
        ends(&mut run, true, State::Delivered);
    }
    assert_eq!(run.phase, Phase::Running);
}

#[test]
fn a_run_with_too_many_failures_is_paused_but_not_by_the_first_few() {
    let mut run = run(1000, 0);
    run.stop_above_percent = Some(5);
    for _ in 0..3 {
        ends(&mut run, false, State::Dead);
    }
    assert_eq!(run.phase, Phase::Running, "three of three say little");
    for _ in 0..17 {
        ends(&mut run, false, State::Delivered);
    }
    assert_eq!(paused(&run), "3 of the first 20 failed, and the rule allows 5 %");
}

#[test]
fn a_small_run_can_be_paused_as_well() {
    let mut run = run(3, 0);
    run.stop_above_percent = Some(0);
    ends(&mut run, false, State::Dead);
    ends(&mut run, false, State::Delivered);
    assert_eq!(run.phase, Phase::Running);
    ends(&mut run, false, State::Delivered);
    assert!(paused(&run).starts_with("1 of the first 3 failed"));
}

#[test]
fn an_approval_starts_with_the_first_if_there_are_any() {
    let mut waiting = run(100, 2);
    waiting.phase = Phase::AwaitingApproval;
    assert_eq!(waiting.lets_pass(&delivery(0, true), noon()), Pass::Wait);
    waiting.obey(Order::Approve, noon()).expect("it waits for that");
    assert_eq!(waiting.phase, Phase::Trying);
    assert!(waiting.obey(Order::Approve, noon()).is_err());
    let mut waiting = run(100, 0);
    waiting.phase = Phase::AwaitingApproval;
    waiting.obey(Order::Approve, noon()).expect("it waits for that");
    assert_eq!(waiting.phase, Phase::Running);
}

#[test]
fn what_expired_or_was_cancelled_is_not_sent_but_taken_back_all_the_same() {
    let mut late = delivery(1, false);
    late.terms.expires_at = Some(noon());
    let mut run = run(2, 0);
    assert!(matches!(run.lets_pass(&late, noon()), Pass::Never(_)));
    assert_eq!(run.lets_pass(&late, noon() - TimeDelta::seconds(1)), Pass::Now);
    run.obey(
        Order::Cancel {
            reason: "wrong text".to_owned(),
        },
        noon(),
    )
    .expect("it runs");
    assert_eq!(
        run.lets_pass(&delivery(1, false), noon()),
        Pass::Never("wrong text".to_owned())
    );
    late.operation = Operation::Delete;
    assert_eq!(run.lets_pass(&late, noon()), Pass::Now);
}

#[test]
fn orders_that_make_no_sense_are_refused_in_words() {
    let mut over = run(1, 0);
    ends(&mut over, false, State::Dead);
    assert!(over.is_over());
    let reason = || "x".to_owned();
    for order in [
        Order::Approve,
        Order::Resume,
        Order::Pause { reason: reason() },
        Order::Cancel { reason: reason() },
        Order::Recall { replacement: None },
    ] {
        let before = over.clone();
        assert!(over.obey(order.clone(), noon()).is_err(), "{order:?}");
        assert_eq!(over, before, "a refused order changes nothing");
    }
}

#[test]
fn a_recall_stops_what_has_not_gone_out_unless_it_corrects_it() {
    let mut taken_back = run(2, 0);
    ends(&mut taken_back, false, State::Delivered);
    taken_back
        .obey(Order::Recall { replacement: None }, noon())
        .expect("one was delivered");
    assert_eq!(taken_back.phase.word(), "cancelled");
    let mut corrected = run(2, 0);
    ends(&mut corrected, false, State::Delivered);
    let replacement = Some(CardId::of("x"));
    corrected
        .obey(Order::Recall { replacement }, noon())
        .expect("one was delivered");
    assert_eq!(corrected.phase, Phase::Running);
}

#[test]
fn a_message_taken_back_moves_in_the_tally_and_does_not_count_as_a_failure() {
    let mut run = run(1, 0);
    run.stop_above_percent = Some(0);
    ends(&mut run, false, State::Delivered);
    let mut back = delivery(0, false);
    back.operation = Operation::Delete;
    run.moved(Some(State::Delivered), Some(State::Pending), &back, noon());
    assert_eq!((run.tally.open, run.tally.delivered), (1, 0));
    run.moved(Some(State::Sending), Some(State::Recalled), &back, noon());
    assert_eq!((run.tally.open, run.tally.recalled), (0, 1));
    run.moved(Some(State::Recalled), None, &back, noon());
    assert_eq!((run.kept, run.tally.recalled), (0, 1), "it happened all the same");
}

#[test]
fn the_time_left_follows_the_pace_so_far() {
    let mut run = run(101, 0);
    for second in 0..11 {
        let now = noon() + TimeDelta::seconds(second);
        run.moved(Some(State::Sending), Some(State::Delivered), &delivery(0, false), now);
    }
    assert_eq!(run.time_left(), Some(TimeDelta::seconds(90)));
    run.obey(Order::Pause { reason: String::new() }, noon())
        .expect("it runs");
    assert_eq!(run.time_left(), None);
}
