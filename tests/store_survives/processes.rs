//! Other processes and other things in its place.

use std::io::{BufRead, BufReader};
use std::path::Path;

use herald::store::StoreError;
use herald::store::sled::open;

use super::{FOLDER, child};
use crate::support::store::{OnSled, Place, at, batch, small};

#[test]
#[ignore = "the role of a running server, played for other tests"]
fn a_running_server() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let _store = open(Path::new(&folder), small()).expect("the store opens");
    println!("serving");
    // Until the test lets go of the pipe.
    let _ = std::io::stdin().lines().count();
}

#[test]
fn a_second_process_on_the_same_data_folder_is_told_who_owns_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = child("processes::a_running_server", folder.path());
    let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines();
    assert!(lines.any(|line| line.expect("text").contains("serving")));

    let Err(StoreError::Locked(sentence)) = open(folder.path(), small()).map(drop) else {
        panic!("the folder has an owner");
    };
    let shown = folder.path().display().to_string();
    for part in ["a running server", &server.id().to_string(), &shown, "stop it first"] {
        assert!(sentence.contains(part), "{part:?} is missing in: {sentence}");
    }

    server.kill().expect("kill");
    server.wait().expect("wait");
    open(folder.path(), small())
        .map(drop)
        .expect("a dead owner owns nothing");
}

#[tokio::test]
async fn a_folder_is_free_as_soon_as_the_store_is_dropped() {
    let place = OnSled::new();
    for number in 0..20 {
        let opened = place.open();
        opened
            .outbox
            .enqueue(batch(&format!("e{number}"), &["anna"], at(0)))
            .await
            .expect("enqueue");
        let other = open(place.folder.path(), small()).map(drop);
        assert!(
            matches!(other, Err(StoreError::Locked(_))),
            "two stores in one process would be as bad: {other:?}"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_made_or_is_not_one_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").expect("write");
    for path in [file.clone(), file.join("data")] {
        let Err(StoreError::Unavailable(sentence)) = open(&path, small()).map(drop) else {
            panic!("{} cannot be a store", path.display());
        };
        assert!(sentence.contains(&path.display().to_string()), "{sentence}");
    }
}
