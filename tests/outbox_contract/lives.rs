//! What goes on after a card was sent: matters, timers, and cards in the place of others.

use chrono::{DateTime, Duration, Utc};
use herald::delivery::{DeliveryId, Operation, State, Verdict};
use herald::matter::{Change, Mark, Matter, MatterId};
use herald::store::outbox::{Amendment, Batch, MatterFilter};
use herald::store::{Outbox, StoreError};
use herald::timer::{Task, Timer, TimerId};

use super::{claim_one, get};
use crate::support::store::{Place, at, attempt, batch, card, dead, delivered, held, promised, record, rule};

promised! {
    a_matter_is_begun_and_changed_on_the_version_that_was_decided_on,
    matters_are_listed_the_last_to_change_first_and_go_when_they_are_old,
    a_timer_is_due_at_its_time_until_it_is_stopped_also_after_reopening,
    a_timer_that_is_set_again_is_due_at_its_new_time_alone,
    timers_do_not_count_for_the_bound_of_the_outbox,
    a_card_that_was_not_sent_yet_is_sent_as_it_was_amended,
    a_delivered_card_becomes_the_amended_one,
    a_card_that_is_being_sent_becomes_the_amended_one_right_after,
    what_was_being_sent_when_the_owner_died_is_sent_as_amended,
    what_ended_otherwise_is_not_amended,
    the_cards_of_amendments_go_when_nobody_needs_them,
}

fn nothing(event: &str, seconds: i64) -> Batch {
    Batch::of(record(event, vec![rule("rule", 0)], at(seconds)))
}

fn matter(about: &str, seconds: i64) -> Matter {
    Matter {
        id: MatterId::of("rule", about),
        rule: "rule".to_owned(),
        about: about.to_owned(),
        revision: "4f1d".to_owned(),
        opened_at: at(seconds),
        changed_at: at(seconds),
        event: held("e", "rule", at(seconds)).event,
        events: 1,
        acknowledged: None,
        snoozed_until: None,
        opened: None,
        closed: None,
        deliveries: Vec::new(),
        timers: Vec::new(),
        state: serde_json::Map::new(),
        steps: None,
        version: 0,
    }
}

fn begins(event: &str, about: &str, seconds: i64) -> Batch {
    Batch {
        matters: vec![Change {
            before: None,
            after: matter(about, seconds),
        }],
        ..nothing(event, seconds)
    }
}

fn timer(name: &str, due_at: DateTime<Utc>) -> Timer {
    Timer {
        id: TimerId::derived(&[name]),
        due_at,
        rule: "rule".to_owned(),
        task: Task::Step {
            matter: MatterId::of("rule", name),
            step: 0,
        },
    }
}

async fn due(outbox: &dyn Outbox, seconds: i64) -> Vec<Timer> {
    outbox.due_timers(100, at(seconds)).await.expect("due timers")
}

async fn a_matter_is_begun_and_changed_on_the_version_that_was_decided_on(place: &dyn Place) {
    let id = MatterId::of("rule", "disk-1");
    {
        let outbox = place.open().outbox;
        assert_eq!(outbox.matter(&id).await.expect("matter"), None);
        outbox.enqueue(begins("e1", "disk-1", 0)).await.expect("enqueue");
        let again = outbox.enqueue(begins("e2", "disk-1", 1)).await;
        assert!(matches!(again, Err(StoreError::Overtaken)), "{again:?}");
        assert!(
            outbox
                .event(&herald::event::EventId::known("e2"))
                .await
                .expect("event")
                .is_none()
        );
    }
    let outbox = place.open().outbox;
    let found = outbox.matter(&id).await.expect("matter").expect("it was begun");
    assert_eq!((found.version, found.opened_at), (1, at(0)));
    let acknowledged = |before: u64, event: &str| Batch {
        matters: vec![Change {
            before: Some(before),
            after: Matter {
                acknowledged: Some(Mark { at: at(5), by: None }),
                changed_at: at(5),
                ..found.clone()
            },
        }],
        ..nothing(event, 5)
    };
    outbox.enqueue(acknowledged(1, "e3")).await.expect("enqueue");
    let late = outbox.enqueue(acknowledged(1, "e4")).await;
    assert!(matches!(late, Err(StoreError::Overtaken)), "{late:?}");
    let found = outbox.matter(&id).await.expect("matter").expect("it is there");
    assert_eq!(
        (found.version, found.acknowledged),
        (2, Some(Mark { at: at(5), by: None }))
    );
}

async fn matters_are_listed_the_last_to_change_first_and_go_when_they_are_old(place: &dyn Place) {
    let outbox = place.open().outbox;
    for (number, about) in ["a", "b", "c"].into_iter().enumerate() {
        let seconds = i64::try_from(number).expect("few");
        outbox
            .enqueue(begins(&format!("e{about}"), about, seconds))
            .await
            .expect("enqueue");
    }
    let listed = |filter: MatterFilter, after: Option<MatterId>, limit| {
        let outbox = outbox.clone();
        async move {
            let matters = outbox.matters(&filter, after.as_ref(), limit).await.expect("matters");
            matters.into_iter().map(|matter| matter.about).collect::<Vec<_>>()
        }
    };
    let all = MatterFilter::default;
    assert_eq!(listed(all(), None, 10).await, ["c", "b", "a"]);
    assert_eq!(listed(all(), Some(MatterId::of("rule", "c")), 1).await, ["b"]);
    let other = MatterFilter {
        rule: Some("other".to_owned()),
        open: true,
    };
    assert!(listed(other, None, 10).await.is_empty());
    // The oldest changes and is the newest then; one that has something to come stays however old it is.
    let found = outbox
        .matter(&MatterId::of("rule", "a"))
        .await
        .expect("matter")
        .expect("it");
    let reminder = timer("reminder", at(10_000));
    let mut waits = outbox
        .matter(&MatterId::of("rule", "b"))
        .await
        .expect("matter")
        .expect("it");
    waits.timers = vec![reminder.id.clone()];
    outbox
        .enqueue(Batch {
            matters: vec![
                Change {
                    before: Some(1),
                    after: Matter {
                        changed_at: at(100),
                        closed: Some(Mark { at: at(100), by: None }),
                        ..found
                    },
                },
                Change {
                    before: Some(1),
                    after: waits,
                },
            ],
            timers: vec![reminder],
            ..nothing("e-close", 100)
        })
        .await
        .expect("enqueue");
    assert_eq!(listed(all(), None, 10).await, ["a", "c", "b"]);
    let open = MatterFilter { open: true, rule: None };
    assert_eq!(listed(open, None, 10).await, ["c", "b"]);
    while outbox.collect(at(50)).await.expect("collect") > 0 {}
    assert_eq!(listed(all(), None, 10).await, ["a", "b"]);
}

async fn a_timer_is_due_at_its_time_until_it_is_stopped_also_after_reopening(place: &dyn Place) {
    let (first, second) = (timer("first", at(60)), timer("second", at(120)));
    {
        let outbox = place.open().outbox;
        assert_eq!(outbox.next_timer().await.expect("next"), None);
        outbox
            .enqueue(Batch {
                timers: vec![second.clone(), first.clone()],
                ..nothing("e1", 0)
            })
            .await
            .expect("enqueue");
        assert_eq!(outbox.next_timer().await.expect("next"), Some(at(60)));
        assert_eq!(due(&*outbox, 59).await, []);
    }
    {
        let outbox = place.open().outbox;
        assert_eq!(due(&*outbox, 60).await, std::slice::from_ref(&first));
        assert_eq!(
            due(&*outbox, 500).await,
            [first.clone(), second.clone()],
            "the oldest first, and they stay"
        );
        // The event of the first is taken in.
        outbox
            .enqueue(Batch {
                stopped: vec![first.id.clone()],
                ..nothing("e2", 60)
            })
            .await
            .expect("enqueue");
        assert_eq!(due(&*outbox, 500).await, std::slice::from_ref(&second));
        outbox.stop_timer(&second.id).await.expect("stop");
        outbox
            .stop_timer(&second.id)
            .await
            .expect("a second time changes nothing");
    }
    let outbox = place.open().outbox;
    assert_eq!(due(&*outbox, 500).await, []);
    assert_eq!(outbox.next_timer().await.expect("next"), None);
}

async fn a_timer_that_is_set_again_is_due_at_its_new_time_alone(place: &dyn Place) {
    let outbox = place.open().outbox;
    for (event, seconds) in [("e1", 60), ("e2", 30), ("e3", 90)] {
        outbox
            .enqueue(Batch {
                stopped: vec![timer("one", at(0)).id],
                timers: vec![timer("one", at(seconds))],
                ..nothing(event, 0)
            })
            .await
            .expect("enqueue");
        assert_eq!(outbox.next_timer().await.expect("next"), Some(at(seconds)));
    }
    assert_eq!(due(&*outbox, 89).await, []);
    assert_eq!(due(&*outbox, 90).await.len(), 1);
}

async fn timers_do_not_count_for_the_bound_of_the_outbox(place: &dyn Place) {
    let outbox = place.open().outbox;
    let timers = (0..1_000)
        .map(|number| timer(&format!("t{number}"), at(number)))
        .collect();
    outbox
        .enqueue(Batch {
            timers,
            ..nothing("e1", 0)
        })
        .await
        .expect("enqueue");
    assert_eq!(outbox.next_due().await.expect("next"), None);
    assert_eq!(due(&*outbox, 499).await.len(), 100, "as many as were asked for");
}

fn amends(event: &str, id: &DeliveryId, text: &str, seconds: i64) -> Batch {
    Batch {
        amendments: vec![Amendment {
            delivery: id.clone(),
            card: card(text),
        }],
        ..nothing(event, seconds)
    }
}

async fn one(outbox: &dyn Outbox) -> DeliveryId {
    let receipt = outbox.enqueue(batch("e1", &["anna"], at(0))).await.expect("enqueue");
    receipt.new[0].clone()
}

async fn a_card_that_was_not_sent_yet_is_sent_as_it_was_amended(place: &dyn Place) {
    let outbox = place.open().outbox;
    let id = one(&*outbox).await;
    outbox.enqueue(amends("e2", &id, "newer", 1)).await.expect("enqueue");
    outbox.enqueue(amends("e3", &id, "newest", 2)).await.expect("enqueue");
    let claim = claim_one(&*outbox, 3).await;
    assert_eq!(claim.delivery.operation, Operation::Send);
    assert_eq!(claim.delivery.card_id, Some(card("newest").id()));
    assert_eq!(outbox.card(&card("newer").id()).await.expect("card"), None);
    assert_eq!(
        outbox.card(&card("newest").id()).await.expect("card"),
        Some(card("newest"))
    );
}

async fn a_delivered_card_becomes_the_amended_one(place: &dyn Place) {
    let outbox = place.open().outbox;
    let id = one(&*outbox).await;
    let claim = claim_one(&*outbox, 0).await;
    outbox
        .settle(&claim, attempt(1, at(0), delivered()))
        .await
        .expect("settle");
    outbox.enqueue(amends("e2", &id, "newer", 1)).await.expect("enqueue");
    outbox.enqueue(amends("e3", &id, "newest", 2)).await.expect("enqueue");
    let claim = claim_one(&*outbox, 2).await;
    assert_eq!(claim.delivery.operation, Operation::Update);
    assert_eq!(
        claim.delivery.card_id,
        Some(card("newest").id()),
        "what was overtaken is never sent"
    );
    outbox
        .settle(&claim, attempt(2, at(3), delivered()))
        .await
        .expect("settle");
    outbox.enqueue(amends("e4", &id, "newest", 4)).await.expect("enqueue");
    assert_eq!(
        get(&*outbox, &id).await.state,
        State::Delivered,
        "it is that card already"
    );
}

async fn a_card_that_is_being_sent_becomes_the_amended_one_right_after(place: &dyn Place) {
    let outbox = place.open().outbox;
    let id = one(&*outbox).await;
    let claim = claim_one(&*outbox, 0).await;
    outbox.enqueue(amends("e2", &id, "newer", 1)).await.expect("enqueue");
    outbox.enqueue(amends("e3", &id, "newest", 1)).await.expect("enqueue");
    assert_eq!(get(&*outbox, &id).await.card_id, claim.delivery.card_id);
    outbox
        .settle(&claim, attempt(1, at(2), delivered()))
        .await
        .expect("settle");
    let claim = claim_one(&*outbox, 3).await;
    assert_eq!(claim.delivery.operation, Operation::Update);
    assert_eq!(claim.delivery.card_id, Some(card("newest").id()));
    // One that must be tried again is tried with the newer card.
    outbox.enqueue(amends("e4", &id, "fourth", 3)).await.expect("enqueue");
    let again = Verdict::RetryAt {
        at: at(9),
        reason: "busy".to_owned(),
    };
    outbox.settle(&claim, attempt(2, at(3), again)).await.expect("settle");
    let claim = claim_one(&*outbox, 9).await;
    assert_eq!(claim.delivery.card_id, Some(card("fourth").id()));
    assert_eq!(outbox.card(&card("newest").id()).await.expect("card"), None);
}

async fn what_was_being_sent_when_the_owner_died_is_sent_as_amended(place: &dyn Place) {
    {
        let outbox = place.open().outbox;
        let id = one(&*outbox).await;
        claim_one(&*outbox, 0).await;
        outbox.enqueue(amends("e2", &id, "newer", 1)).await.expect("enqueue");
    }
    let outbox = place.open().outbox;
    let claim = claim_one(&*outbox, 1).await;
    assert_eq!(claim.delivery.card_id, Some(card("newer").id()));
    // Likewise when the lease is over, and when it is given back.
    let id = claim.delivery.id.clone();
    outbox.enqueue(amends("e3", &id, "third", 2)).await.expect("enqueue");
    let claim = claim_one(&*outbox, 100).await;
    assert_eq!(claim.delivery.card_id, Some(card("third").id()));
    outbox.enqueue(amends("e4", &id, "fourth", 101)).await.expect("enqueue");
    outbox.release(&claim, at(102)).await.expect("release");
    let claim = claim_one(&*outbox, 102).await;
    assert_eq!(claim.delivery.card_id, Some(card("fourth").id()));
}

async fn what_ended_otherwise_is_not_amended(place: &dyn Place) {
    let outbox = place.open().outbox;
    let id = one(&*outbox).await;
    let claim = claim_one(&*outbox, 0).await;
    outbox
        .settle(&claim, attempt(1, at(0), dead("blocked")))
        .await
        .expect("settle");
    outbox.enqueue(amends("e2", &id, "newer", 1)).await.expect("enqueue");
    outbox
        .enqueue(amends("e3", &DeliveryId::known("dl_none"), "newer", 1))
        .await
        .expect("enqueue");
    assert_eq!(get(&*outbox, &id).await.card_id, claim.delivery.card_id);
    assert_eq!(outbox.card(&card("newer").id()).await.expect("card"), None);
}

async fn the_cards_of_amendments_go_when_nobody_needs_them(place: &dyn Place) {
    let outbox = place.open().outbox;
    let id = one(&*outbox).await;
    let claim = claim_one(&*outbox, 0).await;
    outbox.enqueue(amends("e2", &id, "newer", 1)).await.expect("enqueue");
    outbox
        .settle(&claim, attempt(1, at(1), dead("gone")))
        .await
        .expect("settle");
    assert_eq!(outbox.card(&card("newer").id()).await.expect("card"), None);
    while outbox.collect(at(0) + Duration::days(1)).await.expect("collect") > 0 {}
    assert!(outbox.get(&id).await.expect("get").is_none());
    assert_eq!(outbox.card(&card("news of e1").id()).await.expect("card"), None);
}
