//! Other versions.

use chrono::Duration;
use herald::store::StoreError;
use herald::store::outbox::Filter;
use herald::store::sled::open;

use super::{behind_its_back, tamper};
use crate::support::store::{OnSled, Place, at, attempt, batch, delivered, each, small};

#[test]
fn a_store_of_a_newer_herald_is_refused_in_a_sentence() {
    let place = OnSled::new();
    drop(place.open());
    behind_its_back(place.folder.path(), |db| {
        db.insert("!format", "7").expect("insert");
    });
    let Err(StoreError::Refused(sentence)) = open(place.folder.path(), small()).map(drop) else {
        panic!("a newer format must be refused");
    };
    assert!(
        sentence.contains("newer Herald") && sentence.contains("disk format 7"),
        "{sentence}"
    );
    assert!(sentence.contains("start that version again"), "{sentence}");
}

#[tokio::test]
async fn a_store_of_the_first_format_lists_its_deliveries_after_the_upgrade() {
    let place = OnSled::new();
    for (number, event) in ["e1", "e2", "e3"].into_iter().enumerate() {
        let news = batch(event, &["anna", "omar"], at(number as i64));
        place.open().outbox.enqueue(news).await.expect("enqueue");
    }
    let before = place.open().outbox.list(&Filter::default(), None, 10).await;
    behind_its_back(place.folder.path(), |db| {
        for entry in db.scan_prefix("B").keys() {
            db.remove(entry.expect("readable")).expect("removed");
        }
        db.insert("!format", "1").expect("insert");
    });
    let outbox = place.open().outbox;
    let after = outbox.list(&Filter::default(), None, 10).await.expect("listed");
    assert_eq!(after.len(), 6);
    assert_eq!(after, before.expect("listed"));
    drop(outbox);
    behind_its_back(place.folder.path(), |db| {
        assert_eq!(db.get("!format").expect("readable").as_deref(), Some(b"3".as_slice()));
    });
}

#[tokio::test]
async fn a_store_of_the_second_format_keeps_the_order_of_each_conversation_after_the_upgrade() {
    let place = OnSled::new();
    for (number, event) in ["e1", "e2", "e3"].into_iter().enumerate() {
        let news = batch(event, &["anna"], at(number as i64));
        place.open().outbox.enqueue(news).await.expect("enqueue");
    }
    behind_its_back(place.folder.path(), |db| {
        // The second format had one index of what is due, in which every delivery stood.
        for table in ["Q", "u"] {
            for entry in db.scan_prefix(table) {
                let (key, value) = entry.expect("readable");
                db.insert([b"U", &key[1..]].concat(), value).expect("inserted");
                db.remove(key).expect("removed");
            }
        }
        db.insert("!format", "2").expect("insert");
    });
    let outbox = place.open().outbox;
    for wanted in ["e1", "e2", "e3"] {
        let mut claims = outbox
            .claim(each(9), at(10), Duration::seconds(60))
            .await
            .expect("claim")
            .claims;
        let claim = claims.remove(0);
        assert_eq!((claim.delivery.event_id.as_str(), claims.len()), (wanted, 0));
        outbox
            .settle(&claim, attempt(1, at(10), delivered()))
            .await
            .expect("settle");
    }
    drop(outbox);
    behind_its_back(place.folder.path(), |db| {
        assert_eq!(db.scan_prefix("U").count(), 0, "the old index is gone");
    });
}

#[tokio::test]
async fn a_record_of_a_newer_herald_is_refused_in_a_sentence() {
    let place = OnSled::new();
    let news = batch("e1", &["anna"], at(0));
    place.open().outbox.enqueue(news.clone()).await.expect("enqueue");
    tamper(place.folder.path(), &["recipient", "anna"], |value| value[0] = 9);
    let outbox = place.open().outbox;
    let Err(StoreError::Corrupt(sentence)) = outbox.get(&news.deliveries[0].id).await else {
        panic!("a newer record cannot be read");
    };
    assert!(
        sentence.contains("newer Herald") && sentence.contains(news.deliveries[0].id.as_str()),
        "{sentence}"
    );
}

#[test]
fn a_database_that_is_not_heralds_is_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    behind_its_back(folder.path(), |db| {
        db.insert("somebody", "else's").expect("insert");
    });
    let Err(StoreError::Refused(sentence)) = open(folder.path(), small()).map(drop) else {
        panic!("a strange database must be refused");
    };
    assert!(sentence.contains("not Herald's"), "{sentence}");
    behind_its_back(folder.path(), |db| assert_eq!(db.len(), 1));
}
