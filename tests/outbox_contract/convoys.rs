//! Batches that Teams works on.

use herald::batch::{Convoy, Passenger};
use herald::delivery::{RunId, State};
use herald::event::EventId;
use herald::roster::ConversationId;
use herald::run::Run;
use herald::store::outbox::{Batch, Claim};

use super::{claim_all, get};
use crate::support::store::{Place, at, attempt, batch, delivered, promised};

promised! {
    what_is_in_a_batch_is_sent_by_nobody_else_however_long_it_takes,
    what_is_in_a_batch_stays_there_over_a_restart,
    a_batch_that_was_not_written_down_is_sent_again_after_a_crash,
    whoever_was_in_a_batch_that_is_known_no_more_goes_by_itself,
    a_batch_is_written_again_as_long_as_it_is_not_over,
    a_run_counts_its_batches_and_tells_each_reason_once,
}

fn convoy(claims: &[Claim]) -> Convoy {
    let passenger = |claim: &Claim| Passenger {
        delivery: claim.delivery.id.clone(),
        lease: claim.lease,
        member: claim.delivery.recipient.name.clone(),
        conversation: ConversationId::new("a:1"),
    };
    Convoy {
        id: "6c1f2b44".to_owned(),
        run: claims[0].delivery.run(),
        tenant_id: "tenant".to_owned(),
        service_url: "https://smba.example/emea/".to_owned(),
        begun_at: at(1),
        look_at: at(2),
        unknown: 0,
        cancelled: false,
        stop_asked_at: None,
        passengers: claims.iter().map(passenger).collect(),
    }
}

async fn what_is_in_a_batch_is_sent_by_nobody_else_however_long_it_takes(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox
        .enqueue(batch("e", &["anna", "omar"], at(0)))
        .await
        .expect("enqueue");
    let claims = claim_all(&*outbox, 1).await;
    assert!(outbox.embark(&convoy(&claims)).await.expect("embark").is_empty());
    for hours in [1, 2, 30] {
        assert_eq!(claim_all(&*outbox, hours * 3600).await, []);
    }
    assert_eq!(
        get(&*outbox, &claims[0].delivery.id).await.batch.as_deref(),
        Some("6c1f2b44")
    );
    for claim in &claims {
        outbox
            .settle(claim, attempt(1, at(1), delivered()))
            .await
            .expect("settle");
        let settled = get(&*outbox, &claim.delivery.id).await;
        assert_eq!(
            (settled.state, settled.batch.as_deref()),
            (State::Delivered, Some("6c1f2b44"))
        );
    }
    outbox.disband("6c1f2b44").await.expect("disband");
    assert_eq!(outbox.convoys().await.expect("readable"), []);
}

async fn what_is_in_a_batch_stays_there_over_a_restart(place: &dyn Place) {
    let claims = {
        let outbox = place.open().outbox;
        outbox.enqueue(batch("e", &["anna"], at(0))).await.expect("enqueue");
        let claims = claim_all(&*outbox, 1).await;
        outbox.embark(&convoy(&claims)).await.expect("embark");
        claims
    };
    let outbox = place.open().outbox;
    assert_eq!(claim_all(&*outbox, 10).await, []);
    assert_eq!(outbox.convoys().await.expect("readable"), [convoy(&claims)]);
    outbox
        .settle(&claims[0], attempt(1, at(1), delivered()))
        .await
        .expect("the claim is as good as before");
}

async fn a_batch_that_was_not_written_down_is_sent_again_after_a_crash(place: &dyn Place) {
    {
        let outbox = place.open().outbox;
        outbox.enqueue(batch("e", &["anna"], at(0))).await.expect("enqueue");
        claim_all(&*outbox, 1).await;
    }
    let outbox = place.open().outbox;
    let again = claim_all(&*outbox, 2).await;
    assert_eq!(again.len(), 1);
    assert!(!again[0].delivery.terms.by_itself, "it may go in a batch again");
}

async fn whoever_was_in_a_batch_that_is_known_no_more_goes_by_itself(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e", &["anna"], at(0))).await.expect("enqueue");
    let claims = claim_all(&*outbox, 1).await;
    outbox.embark(&convoy(&claims)).await.expect("embark");
    outbox.disband("6c1f2b44").await.expect("disband");
    assert_eq!(claim_all(&*outbox, 60).await, [], "its lease is not over");
    let again = claim_all(&*outbox, 2 * 3600).await;
    assert!(
        again[0].delivery.terms.by_itself && again[0].delivery.batch.is_none(),
        "{again:#?}"
    );
}

async fn a_batch_is_written_again_as_long_as_it_is_not_over(place: &dyn Place) {
    let outbox = place.open().outbox;
    outbox.enqueue(batch("e", &["anna"], at(0))).await.expect("enqueue");
    let claims = claim_all(&*outbox, 1).await;
    outbox.embark(&convoy(&claims)).await.expect("embark");
    let later = Convoy {
        look_at: at(99),
        cancelled: true,
        ..convoy(&claims)
    };
    outbox.keep_convoy(&later).await.expect("kept");
    assert_eq!(outbox.convoys().await.expect("readable"), std::slice::from_ref(&later));
    outbox.disband(&later.id).await.expect("disband");
    outbox.keep_convoy(&later).await.expect("nothing to keep");
    assert_eq!(outbox.convoys().await.expect("readable"), []);
}

async fn a_run_counts_its_batches_and_tells_each_reason_once(place: &dyn Place) {
    let outbox = place.open().outbox;
    let event = EventId::known("e");
    let rule = "rule";
    let of_run = batch("e", &["anna", "omar"], at(0));
    let rule = of_run
        .deliveries
        .first()
        .map_or(rule, |delivery| &delivery.rule)
        .to_owned();
    let runs = vec![Run::new(&event, &rule, 2, at(0))];
    outbox.enqueue(Batch { runs, ..of_run }).await.expect("enqueue");
    let mut claims = claim_all(&*outbox, 1).await;
    // Cancelled in the moment before: it may arrive all the same.
    let late = claims[1].delivery.id.clone();
    outbox.cancel(&late, "stopped", at(1)).await.expect("cancelled");
    assert_eq!(outbox.embark(&convoy(&claims)).await.expect("embark"), [late]);
    claims.truncate(1);
    let id = RunId::of(&event, &rule);
    for reason in ["one", "other", "one"] {
        outbox.note_alone(&id, reason).await.expect("noted");
    }
    let run = outbox.run(&id).await.expect("readable").expect("there");
    let together = run.together.expect("it is told");
    assert_eq!((together.batches, together.deliveries), (1, 1));
    assert_eq!(together.alone, ["one", "other"]);
}
