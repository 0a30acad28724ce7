//! Runs: pausing, cancelling, trying on some first, taking back.

use chrono::{DateTime, Duration, Utc};
use herald::delivery::{Delivery, Operation, RunId, State};
use herald::event::EventId;
use herald::run::{Order, Phase, Run};
use herald::store::Outbox;
use herald::store::outbox::{Batch, Ordered, RunFilter};

use super::{claim_all, get};
use crate::support::store::{Place, at, attempt, batch, card, dead, delivered, each, promised};

promised! {
    a_run_is_counted_through_all_moves_and_goes_with_its_last_delivery,
    a_paused_run_gives_nothing_away_and_goes_on_where_it_was,
    a_run_that_waits_for_an_approval_holds_nobody_else_up,
    a_cancelled_run_sends_nothing_more,
    the_others_follow_when_the_first_have_arrived,
    a_recalled_run_is_taken_back_with_what_arrives_later,
    a_corrected_run_gets_the_other_card_everywhere,
    a_run_that_was_over_is_not_before_its_recall_is_done,
    what_could_not_be_corrected_is_tried_again_when_it_is_said_again,
    what_was_ordered_goes_on_after_a_restart,
    runs_are_listed_newest_first,
    a_run_that_nobody_lets_go_on_ends_in_time,
}

const PEOPLE: usize = 1200;

fn people() -> Vec<String> {
    (0..PEOPLE).map(|number| format!("p{number}")).collect()
}

/// A run of everybody, changed by `how`.
fn crowd(event: &str, how: impl FnOnce(&mut Run)) -> Batch {
    let people = people();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    run_of(event, &people, at(0), how)
}

fn run_of(event: &str, people: &[&str], now: DateTime<Utc>, how: impl FnOnce(&mut Run)) -> Batch {
    let mut batch = batch(event, people, now);
    let mut run = Run::new(&EventId::known(event), "rule", people.len() as u64, now);
    how(&mut run);
    for delivery in batch.deliveries.iter_mut().take(run.first.count as usize) {
        delivery.terms.first = true;
    }
    batch.runs = vec![run];
    batch
}

fn id(event: &str) -> RunId {
    RunId::of(&EventId::known(event), "rule")
}

async fn run(outbox: &dyn Outbox, event: &str) -> Run {
    outbox.run(&id(event)).await.expect("run").expect("the run is there")
}

async fn order(outbox: &dyn Outbox, event: &str, order: Order) -> Run {
    match outbox.order(&id(event), order, None, at(50)).await.expect("order") {
        Ordered::Done(run) => *run,
        other => panic!("{other:?}"),
    }
}

async fn tend(outbox: &dyn Outbox) -> usize {
    let mut steps = 0;
    while outbox.tend(at(60)).await.expect("tend") {
        steps += 1;
    }
    steps
}

async fn deliver(outbox: &dyn Outbox, count: usize) -> Vec<Delivery> {
    let claims = outbox
        .claim(each(count), at(10), Duration::days(1))
        .await
        .expect("claim")
        .claims;
    let settling = claims
        .iter()
        .map(|claim| outbox.settle(claim, attempt(1, at(10), delivered())));
    for settled in futures::future::join_all(settling).await {
        settled.expect("settle");
    }
    claims.into_iter().map(|claim| claim.delivery).collect()
}

fn pause() -> Order {
    Order::Pause {
        reason: "wait".to_owned(),
    }
}

fn cancel() -> Order {
    Order::Cancel {
        reason: "wrong text".to_owned(),
    }
}

async fn a_run_is_counted_through_all_moves_and_goes_with_its_last_delivery(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox
        .enqueue(run_of("e1", &["a", "b", "c"], at(0), |_| ()))
        .await
        .expect("enqueue");
    assert_eq!(run(&*outbox, "e1").await.tally.open, 3);
    let claims = claim_all(&*outbox, 1).await;
    outbox
        .settle(&claims[0], attempt(1, at(2), delivered()))
        .await
        .expect("settle");
    outbox
        .settle(&claims[1], attempt(1, at(2), dead("no")))
        .await
        .expect("settle");
    outbox
        .cancel(&claims[2].delivery.id, "stop", at(3))
        .await
        .expect("cancel");
    let over = run(&*outbox, "e1").await;
    let tally = over.tally;
    assert_eq!((tally.open, tally.delivered, tally.dead, tally.cancelled), (0, 1, 1, 1));
    assert!(over.is_over());
    assert_eq!(outbox.collect(at(3)).await.expect("collect"), 2);
    assert_eq!(run(&*outbox, "e1").await.tally, tally, "what happened is not forgotten");
    while outbox.collect(at(1000)).await.expect("collect") > 0 {}
    assert_eq!(outbox.run(&id("e1")).await.expect("run"), None);
    assert_eq!(
        outbox.runs(&RunFilter::default(), None, 9).await.expect("runs"),
        Vec::new()
    );
}

async fn a_paused_run_gives_nothing_away_and_goes_on_where_it_was(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(crowd("e1", |_| ())).await.expect("enqueue");
    deliver(&*outbox, 100).await;
    let paused = order(&*outbox, "e1", pause()).await;
    assert_eq!(paused.phase.word(), "paused");
    assert_eq!(deliver(&*outbox, PEOPLE).await.len(), 0, "at once, tended or not");
    assert!(tend(&*outbox).await >= 2, "in bounded steps");
    assert_eq!(
        outbox.next_due().await.expect("next_due"),
        None,
        "nobody is woken for it"
    );
    assert_eq!(run(&*outbox, "e1").await.tally.open, PEOPLE as u64 - 100);
    // Others go to the same people meanwhile.
    outbox.enqueue(batch("e2", &["p7"], at(20))).await.expect("enqueue");
    assert_eq!(claim_all(&*outbox, 20).await.len(), 1);
    order(&*outbox, "e1", Order::Resume).await;
    tend(&*outbox).await;
    let mut rest = 0;
    loop {
        match deliver(&*outbox, 500).await.len() {
            0 => break,
            some => rest += some,
        }
    }
    // One waits behind the message that is being sent to the same person.
    assert_eq!(rest, PEOPLE - 100);
    assert!(run(&*outbox, "e1").await.is_over());
}

async fn a_run_that_waits_for_an_approval_holds_nobody_else_up(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox
        .enqueue(crowd("e1", |run| run.phase = Phase::AwaitingApproval))
        .await
        .expect("enqueue");
    assert_eq!(outbox.next_due().await.expect("next_due"), None);
    outbox.enqueue(batch("e2", &["p7"], at(0))).await.expect("enqueue");
    assert_eq!(claim_all(&*outbox, 0).await.len(), 1);
    order(&*outbox, "e1", Order::Approve).await;
    tend(&*outbox).await;
    assert_eq!(deliver(&*outbox, PEOPLE).await.len(), PEOPLE - 1, "p7 is busy");
}

async fn a_cancelled_run_sends_nothing_more(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(crowd("e1", |_| ())).await.expect("enqueue");
    deliver(&*outbox, 10).await;
    order(&*outbox, "e1", cancel()).await;
    assert_eq!(deliver(&*outbox, 10).await.len(), 0);
    tend(&*outbox).await;
    let over = run(&*outbox, "e1").await;
    assert_eq!((over.tally.open, over.tally.delivered), (0, 10));
    let refused = outbox.order(&id("e1"), Order::Resume, None, at(51)).await;
    assert!(matches!(refused, Ok(Ordered::Refused(_))), "{refused:?}");
    let unknown = outbox.order(&id("e9"), Order::Resume, None, at(51)).await;
    assert_eq!(unknown.expect("order"), Ordered::Unknown);
}

async fn the_others_follow_when_the_first_have_arrived(place: &dyn Place) {
    let outbox = place.open().outbox;
    let tried = |run: &mut Run| {
        run.first.count = 2;
        run.phase = Phase::Trying;
    };
    outbox.enqueue(crowd("e1", tried)).await.expect("enqueue");
    let first = deliver(&*outbox, PEOPLE).await;
    assert_eq!(first.len(), 2);
    tend(&*outbox).await;
    assert_eq!(deliver(&*outbox, PEOPLE).await.len(), PEOPLE - 2);
    outbox.enqueue(crowd("e2", tried)).await.expect("enqueue");
    for claim in claim_all(&*outbox, 1).await {
        outbox
            .settle(&claim, attempt(1, at(1), dead("no")))
            .await
            .expect("settle");
    }
    tend(&*outbox).await;
    assert_eq!(claim_all(&*outbox, 1).await.len(), 0);
    let stopped = run(&*outbox, "e2").await;
    assert_eq!((stopped.phase.word(), stopped.tally.dead), ("paused", 2));
}

async fn a_recalled_run_is_taken_back_with_what_arrives_later(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(crowd("e1", |_| ())).await.expect("enqueue");
    deliver(&*outbox, 700).await;
    let late = outbox
        .claim(each(1), at(10), Duration::days(1))
        .await
        .expect("claim")
        .claims
        .remove(0);
    order(&*outbox, "e1", Order::Recall { replacement: None }).await;
    tend(&*outbox).await;
    outbox
        .settle(&late, attempt(1, at(70), delivered()))
        .await
        .expect("settle");
    let mut taken_back = 0;
    loop {
        let claims = outbox
            .claim(each(500), at(100), Duration::days(1))
            .await
            .expect("claim")
            .claims;
        if claims.is_empty() {
            break;
        }
        for claim in &claims {
            assert_eq!(claim.delivery.operation, Operation::Delete);
            assert!(claim.delivery.activity_id.is_some());
            taken_back += 1;
        }
        let settling = claims
            .iter()
            .map(|claim| outbox.settle(claim, attempt(2, at(100), delivered())));
        for settled in futures::future::join_all(settling).await {
            settled.expect("settle");
        }
    }
    assert_eq!(taken_back, 701);
    let tally = run(&*outbox, "e1").await.tally;
    assert_eq!(
        (tally.recalled, tally.cancelled, tally.delivered, tally.open),
        (701, PEOPLE as u64 - 701, 0, 0)
    );
    assert_eq!(get(&*outbox, &late.delivery.id).await.state, State::Recalled);
}

async fn a_corrected_run_gets_the_other_card_everywhere(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox
        .enqueue(run_of("e1", &["a", "b"], at(0), |_| ()))
        .await
        .expect("enqueue");
    let old = outbox
        .claim(each(1), at(10), Duration::days(1))
        .await
        .expect("claim")
        .claims
        .remove(0);
    outbox
        .settle(&old, attempt(1, at(10), delivered()))
        .await
        .expect("settle");
    let right = card("the right text");
    let correct = Order::Recall {
        replacement: Some(right.id()),
    };
    let ordered = outbox.order(&id("e1"), correct, Some(&right), at(50)).await;
    assert!(matches!(ordered, Ok(Ordered::Done(_))), "{ordered:?}");
    tend(&*outbox).await;
    let claims = claim_all(&*outbox, 100).await;
    let mut operations: Vec<Operation> = Vec::new();
    for claim in &claims {
        assert_eq!(claim.delivery.card_id.as_ref(), Some(&right.id()));
        operations.push(claim.delivery.operation);
        outbox
            .settle(claim, attempt(2, at(100), delivered()))
            .await
            .expect("settle");
    }
    operations.sort_by_key(|operation| *operation == Operation::Update);
    assert_eq!(operations, [Operation::Send, Operation::Update]);
    assert_eq!(run(&*outbox, "e1").await.tally.delivered, 2);
    let first = old.delivery.card_id.expect("a card");
    assert_eq!(outbox.card(&first).await.expect("card"), None, "nobody points to it");
    while outbox.collect(at(1000)).await.expect("collect") > 0 {}
    assert_eq!(
        outbox.card(&right.id()).await.expect("card"),
        None,
        "it goes with the run"
    );
}

async fn a_run_that_was_over_is_not_before_its_recall_is_done(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox
        .enqueue(run_of("e1", &["a", "b"], at(0), |_| ()))
        .await
        .expect("enqueue");
    deliver(&*outbox, 2).await;
    assert!(run(&*outbox, "e1").await.is_over());
    let recalled = order(&*outbox, "e1", Order::Recall { replacement: None }).await;
    assert!(!recalled.is_over());
    assert!(!run(&*outbox, "e1").await.is_over(), "nothing was looked at yet");
    tend(&*outbox).await;
    let looked_at = run(&*outbox, "e1").await;
    assert_eq!((looked_at.astray, looked_at.tally.open), (false, 2));
    for claim in claim_all(&*outbox, 100).await {
        let taken_back = outbox.settle(&claim, attempt(2, at(100), delivered())).await;
        taken_back.expect("settle");
    }
    assert!(run(&*outbox, "e1").await.is_over());
}

async fn what_could_not_be_corrected_is_tried_again_when_it_is_said_again(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox
        .enqueue(run_of("e1", &["a", "b"], at(0), |_| ()))
        .await
        .expect("enqueue");
    deliver(&*outbox, 2).await;
    let right = card("the right text");
    let correct = Order::Recall {
        replacement: Some(right.id()),
    };
    let said = |order: Order| async {
        let ordered = outbox.order(&id("e1"), order, Some(&right), at(50)).await;
        assert!(matches!(ordered, Ok(Ordered::Done(_))), "{ordered:?}");
        tend(&*outbox).await;
        claim_all(&*outbox, 100).await
    };
    let first = said(correct.clone()).await;
    assert_eq!(first.len(), 2);
    for (claim, verdict) in first.iter().zip([delivered(), dead("no")]) {
        outbox
            .settle(claim, attempt(2, at(100), verdict))
            .await
            .expect("settle");
    }
    let kept = get(&*outbox, &first[1].delivery.id).await;
    assert_eq!(kept.state, State::Delivered);
    assert_eq!(kept.reason.as_deref(), Some("it could not be corrected: no"));
    let again = said(correct).await;
    assert_eq!(again.len(), 1, "only the one that could not be corrected");
    assert_eq!(again[0].delivery.id, kept.id);
    let done = outbox.settle(&again[0], attempt(3, at(100), delivered())).await;
    done.expect("settle");
    assert_eq!(get(&*outbox, &kept.id).await.reason, None);
    assert_eq!(outbox.card(&right.id()).await.expect("card"), Some(right));
}

async fn what_was_ordered_goes_on_after_a_restart(place: &dyn Place) {
    {
        let outbox = place.open().outbox;
        outbox.enqueue(crowd("e1", |_| ())).await.expect("enqueue");
        order(&*outbox, "e1", cancel()).await;
        assert!(outbox.tend(at(60)).await.expect("tend"), "one step of several");
    }
    let outbox = place.open().outbox;
    assert!(run(&*outbox, "e1").await.tally.open > 0, "it was cut off");
    tend(&*outbox).await;
    assert_eq!(run(&*outbox, "e1").await.tally.cancelled, PEOPLE as u64);
}

async fn runs_are_listed_newest_first(place: &dyn Place) {
    let outbox = place.open().outbox;
    for (number, event) in ["e1", "e2", "e3"].into_iter().enumerate() {
        outbox
            .enqueue(run_of(event, &["anna"], at(number as i64), |_| ()))
            .await
            .expect("enqueue");
    }
    let listed = |runs: Vec<Run>| runs.into_iter().map(|run| run.event_id.to_string()).collect::<Vec<_>>();
    let all = RunFilter::default();
    let page = outbox.runs(&all, None, 2).await.expect("runs");
    let last = page[1].id.clone();
    assert_eq!(listed(page), ["e3", "e2"]);
    assert_eq!(listed(outbox.runs(&all, Some(&last), 9).await.expect("runs")), ["e1"]);
    let claim = claim_all(&*outbox, 9).await.remove(0);
    outbox
        .settle(&claim, attempt(1, at(9), delivered()))
        .await
        .expect("settle");
    let open = RunFilter {
        open: true,
        ..RunFilter::default()
    };
    assert_eq!(listed(outbox.runs(&open, None, 9).await.expect("runs")), ["e3", "e2"]);
}

async fn a_run_that_nobody_lets_go_on_ends_in_time(place: &dyn Place) {
    let outbox = place.open().outbox;
    let waits = |run: &mut Run| run.phase = Phase::AwaitingApproval;
    outbox
        .enqueue(run_of("e1", &["a", "b"], at(0), waits))
        .await
        .expect("enqueue");
    outbox
        .enqueue(run_of("e2", &["c"], at(0), |_| ()))
        .await
        .expect("enqueue");
    let early = outbox.give_up_waiting(at(0), at(500)).await.expect("give up");
    assert_eq!(early, []);
    let given_up = outbox.give_up_waiting(at(400), at(500)).await.expect("give up");
    assert_eq!(given_up, [id("e1")]);
    tend(&*outbox).await;
    assert_eq!(run(&*outbox, "e1").await.tally.cancelled, 2);
    assert_eq!(run(&*outbox, "e2").await.tally.open, 1);
}
