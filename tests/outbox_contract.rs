//! What every outbox promises. Written over the trait alone, so that another store can be held to it.
mod amending;
mod by_hand;
mod convoys;
mod crowds;
mod events;
mod gathering;
mod held_for_quiet;
mod keeping;
mod limits;
mod lives;
mod queues;
mod runs;
mod sending;
mod taking;

use chrono::Duration;
use herald::delivery::{Delivery, DeliveryId};
use herald::store::Outbox;
use herald::store::outbox::{Claim, Filter};

use crate::support::store::{at, each};

async fn claim_all(outbox: &dyn Outbox, seconds: i64) -> Vec<Claim> {
    let claims = outbox
        .claim(each(10_000), at(seconds), Duration::seconds(60))
        .await
        .expect("claim");
    assert_eq!(claims.corrupt, Vec::new());
    claims.claims
}

async fn claim_one(outbox: &dyn Outbox, seconds: i64) -> Claim {
    let claims = claim_all(outbox, seconds).await;
    let [claim] = claims.as_slice() else {
        panic!("exactly one delivery should be due, not {}", claims.len());
    };
    claim.clone()
}

async fn get(outbox: &dyn Outbox, id: &DeliveryId) -> Delivery {
    outbox.get(id).await.expect("get").expect("the delivery is there")
}

async fn list(outbox: &dyn Outbox, filter: Filter) -> Vec<Delivery> {
    outbox.list(&filter, None, 1000).await.expect("list")
}

fn names(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries
        .iter()
        .map(|delivery| delivery.recipient.name.as_str())
        .collect()
}
