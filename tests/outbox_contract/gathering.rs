//! What is gathered, and batches that are taken together.

use herald::delivery::{DeliveryId, WindowId};
use herald::event::EventId;
use herald::gathering::{Cause, Gathering, Gathers, Item};
use herald::limit::{Change, Step};
use herald::store::outbox::Batch;
use herald::store::{Outbox, StoreError};
use serde_json::{Value, json};

use crate::support::store::{Place, at, batch, person_address, promised, record, rule};

promised! {
    things_are_gathered_and_stay_over_a_restart_with_the_timer_that_brings_them_up,
    things_that_are_gathered_at_once_are_all_counted,
    of_a_thousand_things_the_newest_hundred_are_kept,
    what_is_told_is_gone_and_its_timer_with_it,
    what_was_decided_on_another_gathering_is_decided_again,
    repeating_a_batch_gathers_nothing_twice,
    of_several_batches_all_are_taken_or_none,
}

fn window() -> WindowId {
    WindowId::of("rule", "", &person_address("anna"))
}

async fn gathering(outbox: &dyn Outbox) -> Option<Gathering> {
    let found = outbox.gatherings(&[window()]).await.expect("readable");
    found.into_values().next()
}

/// One more thing, decided on what is there.
async fn gathers(outbox: &dyn Outbox, event: &str, seconds: i64) -> Batch {
    let found = gathering(outbox).await;
    decided_on(found, event, seconds)
}

fn decided_on(found: Option<Gathering>, event: &str, seconds: i64) -> Batch {
    let anna = batch(event, &["anna"], at(seconds));
    let delivery = &anna.deliveries[0];
    let joins = found.is_some();
    let begins = Gathering {
        rule: "rule".to_owned(),
        description: None,
        value: None,
        cause: Cause::Clock,
        recipient: delivery.recipient.clone(),
        tenant_id: None,
        person: Value::Null,
        thread: None,
        quiet: None,
        begun_by: delivery.id.clone(),
        opened_at: at(seconds),
        due_at: at(600),
        count: 0,
        checked: 0,
        languages: Vec::new(),
    };
    let gathers = Gathers {
        gathering: found.unwrap_or(begins),
        joins,
        item: Item {
            number: 0,
            at: at(seconds),
            event: EventId::known(event),
            text: event.to_owned(),
            data: json!({ "n": seconds }),
            item: Value::Null,
        },
    };
    Batch {
        windows: vec![Change {
            window: window(),
            rule: "rule".to_owned(),
            delivery: delivery.id.clone(),
            step: Step::Gathers,
            gathers: Some(Box::new(gathers)),
        }],
        ..Batch::of(record(event, vec![rule("rule", 0)], at(seconds)))
    }
}

fn tells(found: Gathering, after: Option<Gathering>, event: &str) -> Batch {
    Batch {
        windows: vec![Change {
            window: window(),
            rule: "rule".to_owned(),
            delivery: DeliveryId::known(format!("dl_{event}")),
            step: Step::Tells {
                before: Box::new(found),
                after: after.map(Box::new),
            },
            gathers: None,
        }],
        ..Batch::of(record(event, vec![rule("rule", 1)], at(600)))
    }
}

async fn bring(outbox: &dyn Outbox, event: &str, seconds: i64) {
    outbox
        .enqueue(gathers(outbox, event, seconds).await)
        .await
        .expect("enqueue");
}

async fn texts(outbox: &dyn Outbox) -> Vec<String> {
    let items = outbox.gathered(&window()).await.expect("readable");
    items.into_iter().map(|item| item.text).collect()
}

async fn things_are_gathered_and_stay_over_a_restart_with_the_timer_that_brings_them_up(place: &dyn Place) {
    {
        let outbox = place.open().outbox;
        bring(&*outbox, "e1", 0).await;
        bring(&*outbox, "e2", 1).await;
    }
    let outbox = place.open().outbox;
    let found = gathering(&*outbox).await.expect("a gathering");
    assert_eq!((found.count, found.due_at), (2, at(600)));
    assert_eq!(texts(&*outbox).await, ["e1", "e2"]);
    assert_eq!(outbox.next_timer().await.expect("readable"), Some(at(600)));
    let due = outbox.due_timers(10, at(600)).await.expect("timers");
    assert_eq!(due, [found.timer(&window())]);
}

async fn things_that_are_gathered_at_once_are_all_counted(place: &dyn Place) {
    let outbox = place.open().outbox;
    bring(&*outbox, "e0", 0).await;
    let found = gathering(&*outbox).await;
    let batches: Vec<Batch> = (1..50)
        .map(|n| decided_on(found.clone(), &format!("e{n}"), n))
        .collect();
    let taken = futures::future::join_all(batches.into_iter().map(|batch| outbox.enqueue(batch))).await;
    assert!(taken.iter().all(Result::is_ok), "{taken:?}");
    assert_eq!(gathering(&*outbox).await.expect("a gathering").count, 50);
    assert_eq!(texts(&*outbox).await.len(), 50);
}

async fn of_a_thousand_things_the_newest_hundred_are_kept(place: &dyn Place) {
    let outbox = place.open().outbox;
    for number in 0..=250 {
        bring(&*outbox, &format!("e{number}"), number).await;
    }
    let kept = texts(&*outbox).await;
    let newest: Vec<String> = (151..=250).map(|number| format!("e{number}")).collect();
    assert_eq!(kept, newest);
    assert_eq!(gathering(&*outbox).await.expect("a gathering").count, 251);
}

async fn what_is_told_is_gone_and_its_timer_with_it(place: &dyn Place) {
    let outbox = place.open().outbox;
    bring(&*outbox, "e1", 0).await;
    bring(&*outbox, "e2", 1).await;
    let found = gathering(&*outbox).await.expect("a gathering");
    let goes_on = Gathering {
        checked: 2,
        due_at: at(900),
        ..found.clone()
    };
    let looked_at = tells(found, Some(goes_on.clone()), "t1");
    outbox.enqueue(looked_at).await.expect("enqueue");
    assert_eq!(gathering(&*outbox).await.as_ref(), Some(&goes_on));
    assert_eq!(outbox.next_timer().await.expect("readable"), Some(at(900)));
    assert_eq!(texts(&*outbox).await, ["e1", "e2"], "nothing of it is lost");
    outbox.enqueue(tells(goes_on, None, "t2")).await.expect("enqueue");
    assert_eq!(gathering(&*outbox).await, None);
    assert_eq!(texts(&*outbox).await, Vec::<String>::new());
    assert_eq!(outbox.next_timer().await.expect("readable"), None);
}

async fn what_was_decided_on_another_gathering_is_decided_again(place: &dyn Place) {
    let outbox = place.open().outbox;
    let late_to_begin = gathers(&*outbox, "e2", 1).await;
    bring(&*outbox, "e1", 0).await;
    let found = gathering(&*outbox).await.expect("a gathering");
    let late_to_join = gathers(&*outbox, "e4", 3).await;
    let told = tells(found.clone(), None, "t1");
    bring(&*outbox, "e3", 2).await;
    for (batch, what) in [
        (late_to_begin, "begins one that exists"),
        (told, "tells less than there is"),
    ] {
        let taken = outbox.enqueue(batch).await;
        assert!(matches!(taken, Err(StoreError::Overtaken)), "{what}: {taken:?}");
    }
    let found = gathering(&*outbox).await.expect("a gathering");
    outbox.enqueue(tells(found, None, "t2")).await.expect("enqueue");
    let late = outbox.enqueue(late_to_join).await;
    assert!(
        matches!(late, Err(StoreError::Overtaken)),
        "joins one that was told: {late:?}"
    );
    assert_eq!(outbox.event(&EventId::known("e4")).await.expect("readable"), None);
}

async fn repeating_a_batch_gathers_nothing_twice(place: &dyn Place) {
    let outbox = place.open().outbox;
    let batch = gathers(&*outbox, "e1", 0).await;
    outbox.enqueue(batch.clone()).await.expect("enqueue");
    let again = outbox.enqueue(batch).await;
    assert!(
        matches!(again, Err(StoreError::Overtaken)),
        "whoever looks again finds that it was decided: {again:?}"
    );
    assert_eq!(gathering(&*outbox).await.expect("a gathering").count, 1);
}

async fn of_several_batches_all_are_taken_or_none(place: &dyn Place) {
    let outbox = place.open().outbox;
    bring(&*outbox, "e1", 0).await;
    let found = gathering(&*outbox).await;
    let stale = decided_on(None, "e3", 2);
    let (good, other) = (decided_on(found.clone(), "e2", 1), batch("e4", &["omar"], at(3)));
    let taken = outbox.enqueue_all(vec![good.clone(), other.clone(), stale]).await;
    assert!(matches!(taken, Err(StoreError::Overtaken)), "{taken:?}");
    for event in ["e2", "e3", "e4"] {
        assert_eq!(
            outbox.event(&EventId::known(event)).await.expect("readable"),
            None,
            "{event}"
        );
    }
    let receipts = outbox.enqueue_all(vec![good, other]).await.expect("taken");
    assert_eq!(
        receipts.iter().map(|receipt| receipt.new.len()).collect::<Vec<_>>(),
        [0, 1]
    );
    assert_eq!(gathering(&*outbox).await.expect("a gathering").count, 2);
}
