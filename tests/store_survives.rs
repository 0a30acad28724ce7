//! What the store on disk lives through: crashes, damage, full disks, other processes, other versions.

mod crashes;
mod damage;
mod full_disks;
mod processes;
mod versions;

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Where a child process finds its folder; set for children alone.
const FOLDER: &str = "HERALD_TEST_FOLDER";

/// This test binary again, running only `role` on `folder`.
fn child(role: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("the test binary has a path"))
        .args([
            &format!("store_survives::{role}"),
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Sled's panics are caught, and what they print would only frighten.
        .stderr(Stdio::null())
        .spawn()
        .expect("the test binary runs")
}

/// A number between 0 and `below`, another one each time.
fn random(below: u64) -> u64 {
    (uuid::Uuid::new_v4().as_u128() % u128::from(below)) as u64
}

/// What a child said until it ended well, which it has to do within a minute.
fn finished(mut child: Child) -> String {
    let mut output = child.stdout.take().expect("piped");
    let (said, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = std::io::Read::read_to_string(&mut output, &mut text);
        let _ = said.send(read.map(|_| text));
    });
    match hear.recv_timeout(std::time::Duration::from_secs(60)) {
        Ok(text) => {
            let text = text.expect("text");
            assert!(child.wait().expect("wait").success(), "it failed: {text}");
            text
        }
        Err(_) => {
            child.kill().expect("kill");
            panic!("it never ended");
        }
    }
}

/// Works on the database behind Herald's back.
fn behind_its_back<T>(folder: &Path, work: impl FnOnce(&sled::Db) -> T) -> T {
    let db = loop {
        match sled::Config::new().path(folder).flush_every_ms(None).open() {
            Ok(db) => break db,
            Err(error) if error.to_string().contains("lock") => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
    let result = work(&db);
    db.flush().expect("flush");
    drop(db);
    result
}

/// Changes the one record that holds all of `texts`.
pub(crate) fn tamper(folder: &Path, texts: &[&str], change: impl FnOnce(&mut Vec<u8>)) {
    behind_its_back(folder, |db| {
        let mut found: Vec<_> = db
            .iter()
            .map(|entry| entry.expect("an entry"))
            .filter(|(_, value)| {
                let value = String::from_utf8_lossy(value);
                texts.iter().all(|text| value.contains(text))
            })
            .collect();
        assert_eq!(found.len(), 1, "{texts:?} must name one record");
        let (key, value) = found.remove(0);
        let mut value = value.to_vec();
        change(&mut value);
        db.insert(key, value).expect("insert");
    });
}
