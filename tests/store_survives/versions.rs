//! Other versions.

use herald::store::StoreError;
use herald::store::sled::open;

use super::{behind_its_back, tamper};
use crate::support::store::{OnSled, Place, at, batch, small};

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
