//! Order within a conversation, and lanes.

use std::collections::BTreeMap;

use chrono::Duration;
use herald::delivery::{Delivery, State};
use herald::lane::{Lane, PerLane};
use herald::store::Outbox;
use herald::store::outbox::{Batch, Claim};

use super::{claim_all, claim_one, get};
use crate::support::store::{Place, at, attempt, batch, dead, delivered, each, later, promised};

promised! {
    what_goes_to_one_address_goes_out_in_the_order_it_came_in,
    those_behind_one_that_is_tried_again_wait_for_it_over_a_restart,
    a_delivery_that_ends_in_any_way_lets_the_next_one_go,
    one_that_is_tried_again_by_hand_comes_after_those_that_wait,
    lanes_do_not_wait_for_each_other,
    each_lane_gives_as_much_as_there_is_room_for,
    what_is_not_worth_sending_any_more_is_not_sent,
    a_thousand_messages_to_one_address_come_out_one_by_one,
}

async fn take(outbox: &dyn Outbox, events: &[&str], name: &str) {
    for (number, event) in events.iter().enumerate() {
        outbox
            .enqueue(batch(event, &[name], at(number as i64)))
            .await
            .expect("enqueue");
    }
}

fn event(claim: &Claim) -> &str {
    claim.delivery.event_id.as_str()
}

async fn settle(outbox: &dyn Outbox, claim: &Claim, seconds: i64) {
    outbox
        .settle(claim, attempt(1, at(seconds), delivered()))
        .await
        .expect("settle");
}

async fn what_goes_to_one_address_goes_out_in_the_order_it_came_in(place: &dyn Place) {
    let outbox = place.open().outbox;
    take(&*outbox, &["e1", "e2", "e3"], "anna").await;
    for wanted in ["e1", "e2", "e3"] {
        let claim = claim_one(&*outbox, 10).await;
        assert_eq!(event(&claim), wanted);
        assert_eq!(claim_all(&*outbox, 10).await.len(), 0, "the others wait");
        settle(&*outbox, &claim, 10).await;
    }
    assert_eq!(outbox.next_due().await.expect("next_due"), None);
}

async fn those_behind_one_that_is_tried_again_wait_for_it_over_a_restart(place: &dyn Place) {
    {
        let outbox = place.open().outbox;
        take(&*outbox, &["e1", "e2"], "anna").await;
        let claim = claim_one(&*outbox, 10).await;
        outbox
            .settle(&claim, attempt(1, at(10), later(at(500))))
            .await
            .expect("settle");
        assert_eq!(claim_all(&*outbox, 100).await.len(), 0);
        assert_eq!(outbox.next_due().await.expect("next_due"), Some(at(500)));
    }
    let outbox = place.open().outbox;
    assert_eq!(
        claim_all(&*outbox, 100).await.len(),
        0,
        "the second one does not overtake"
    );
    let claim = claim_one(&*outbox, 500).await;
    assert_eq!(event(&claim), "e1");
    settle(&*outbox, &claim, 500).await;
    assert_eq!(event(&claim_one(&*outbox, 500).await), "e2");
}

async fn a_delivery_that_ends_in_any_way_lets_the_next_one_go(place: &dyn Place) {
    let outbox = place.open().outbox;
    take(&*outbox, &["e1", "e2", "e3", "e4"], "anna").await;
    let claim = claim_one(&*outbox, 10).await;
    outbox
        .settle(&claim, attempt(1, at(10), dead("no")))
        .await
        .expect("settle");
    let claim = claim_one(&*outbox, 10).await;
    assert_eq!(event(&claim), "e2");
    outbox.cancel(&claim.delivery.id, "stop", at(11)).await.expect("cancel");
    let third = claim_one(&*outbox, 12).await;
    assert_eq!(event(&third), "e3");
    let fourth = batch("e4", &["anna"], at(3)).deliveries.remove(0);
    outbox.cancel(&fourth.id, "stop", at(12)).await.expect("cancel");
    settle(&*outbox, &third, 13).await;
    assert_eq!(claim_all(&*outbox, 99).await.len(), 0);
    assert_eq!(get(&*outbox, &fourth.id).await.state, State::Cancelled);
}

async fn one_that_is_tried_again_by_hand_comes_after_those_that_wait(place: &dyn Place) {
    let outbox = place.open().outbox;
    take(&*outbox, &["e1", "e2", "e3"], "anna").await;
    let first = claim_one(&*outbox, 10).await;
    outbox
        .settle(&first, attempt(1, at(10), dead("no")))
        .await
        .expect("settle");
    outbox.retry(&first.delivery.id, at(11)).await.expect("retry");
    for wanted in ["e2", "e3", "e1"] {
        let claim = claim_one(&*outbox, 20).await;
        assert_eq!(event(&claim), wanted);
        settle(&*outbox, &claim, 20).await;
    }
}

fn in_lane(event: &str, names: &[&str], lane: Lane) -> Batch {
    let mut batch = batch(event, names, at(0));
    for delivery in &mut batch.deliveries {
        delivery.terms.lane = lane;
    }
    batch
}

async fn lanes_do_not_wait_for_each_other(place: &dyn Place) {
    let outbox = place.open().outbox;
    let broadcast = in_lane("news", &["anna", "omar"], Lane::Bulk);
    outbox.enqueue(broadcast).await.expect("enqueue");
    let urgent = in_lane("fire", &["anna"], Lane::Critical);
    outbox.enqueue(urgent).await.expect("enqueue");
    let lanes = outbox.lanes().await.expect("lanes");
    let waiting = Lane::ALL.map(|lane| lanes.get(lane).waiting);
    assert_eq!(waiting, [1, 0, 2]);
    assert_eq!(lanes.get(Lane::Bulk).due_since, Some(at(0)));
    assert_eq!(lanes.get(Lane::Normal).due_since, None);
    let claims = claim_all(&*outbox, 1).await;
    let lanes: Vec<Lane> = claims.iter().map(|claim| claim.delivery.terms.lane).collect();
    assert_eq!(lanes, [Lane::Critical, Lane::Bulk, Lane::Bulk], "the most urgent first");
}

async fn each_lane_gives_as_much_as_there_is_room_for(place: &dyn Place) {
    let outbox = place.open().outbox;
    let names: Vec<String> = (0..10).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for lane in Lane::ALL {
        outbox
            .enqueue(in_lane(lane.word(), &names, lane))
            .await
            .expect("enqueue");
    }
    let room = PerLane::of(|lane| match lane {
        Lane::Critical => 4,
        Lane::Normal => 0,
        Lane::Bulk => 7,
    });
    let claims = outbox.claim(room, at(1), Duration::seconds(60)).await.expect("claim");
    let mut taken: BTreeMap<Lane, usize> = BTreeMap::new();
    for claim in claims.claims {
        *taken.entry(claim.delivery.terms.lane).or_default() += 1;
    }
    assert_eq!(taken, BTreeMap::from([(Lane::Critical, 4), (Lane::Bulk, 7)]));
}

async fn what_is_not_worth_sending_any_more_is_not_sent(place: &dyn Place) {
    let outbox = place.open().outbox;
    let mut late = batch("e1", &["anna", "omar"], at(0));
    for delivery in &mut late.deliveries {
        delivery.terms.expires_at = Some(at(100));
    }
    let id = late.deliveries[1].id.clone();
    outbox.enqueue(late).await.expect("enqueue");
    outbox.enqueue(batch("e2", &["omar"], at(1))).await.expect("enqueue");
    let claims = claim_all(&*outbox, 99).await;
    assert_eq!(claims.len(), 2);
    settle(&*outbox, &claims[0], 99).await;
    outbox
        .settle(&claims[1], attempt(1, at(99), later(at(150))))
        .await
        .expect("settle");
    assert_eq!(claim_all(&*outbox, 150).await.len(), 0, "its time is over");
    let Delivery { state, reason, .. } = get(&*outbox, &id).await;
    assert_eq!(state, State::Cancelled);
    assert!(reason.expect("a reason").contains("expires_after"));
    assert_eq!(event(&claim_one(&*outbox, 150).await), "e2", "and the next one goes");
}

async fn a_thousand_messages_to_one_address_come_out_one_by_one(place: &dyn Place) {
    let outbox = place.open().outbox;
    let events: Vec<String> = (0..1000).map(|number| format!("e{number:04}")).collect();
    for event in &events {
        outbox.enqueue(batch(event, &["anna"], at(0))).await.expect("enqueue");
    }
    let mut seen = Vec::new();
    while let Some(claim) = outbox
        .claim(each(100), at(1), Duration::seconds(60))
        .await
        .expect("claim")
        .claims
        .pop()
    {
        seen.push(event(&claim).to_owned());
        settle(&*outbox, &claim, 1).await;
    }
    assert_eq!(seen, events);
}
