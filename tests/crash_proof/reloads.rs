//! A rule that is edited without a pause while events come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::chance::size;
use super::connector::{Connector, Fate};
use super::place::{Herald, KNOWN, Place, client};
use crate::support::engine::{PATIENCE, write};

fn edition(number: u64) -> String {
    format!(
        "when: {{ hook: load }}\nnotify: [{{ person: \"{{{{event.who}}}}\" }}]\ncard: {{ message: \"edition {number} event \
         {{{{event.number}}}}\" }}\n"
    )
}

/// Which edition a message was made by.
fn edition_of(text: &str) -> u64 {
    let number = text.split_whitespace().nth(1).expect("edition N event M");
    number.parse().expect("a number")
}

#[derive(Default)]
struct Progress {
    /// The newest edition that was written.
    written: AtomicU64,
    /// The newest edition that Herald said is in force.
    in_force: AtomicU64,
    over: AtomicBool,
}

/// Posts until it is over, and answers each delivery's id with the text its card had when it was taken.
async fn post_on(url: String, client_number: u64, progress: Arc<Progress>) -> Vec<(String, String)> {
    let http = client();
    let mut taken = Vec::new();
    for serial in 0.. {
        if progress.over.load(Ordering::SeqCst) {
            break;
        }
        let number = serial * 10 + client_number;
        let body = json!({"number": number, "who": format!("p{}@contoso.example", number % KNOWN)});
        let earliest = progress.in_force.load(Ordering::SeqCst);
        let answer = http
            .post(format!("{url}/hooks/load"))
            .json(&body)
            .send()
            .await
            .expect("no request is lost");
        assert_eq!(answer.status().as_u16(), 202, "no request is turned away");
        let answer: Value = answer.json().await.expect("JSON");
        let newest = progress.written.load(Ordering::SeqCst);
        let id = answer["deliveries"][0].as_str().expect("one delivery").to_owned();
        let shown = http
            .get(format!("{url}/admin/v1/deliveries/{id}"))
            .send()
            .await
            .expect("Herald answers");
        let shown: Value = shown.json().await.expect("JSON");
        let text = shown["card"]["text"].as_str().expect("a text").to_owned();
        let made_by = edition_of(&text);
        assert!(
            (earliest..=newest).contains(&made_by),
            "{text:?} was made by a rule that was not in force: {earliest} to {newest} were"
        );
        assert!(text.ends_with(&format!("event {number}")), "{text}");
        taken.push((id, text));
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    taken
}

/// Waits until the last reload says so.
async fn reloaded(herald: &Herald, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let ends = Instant::now() + PATIENCE;
    loop {
        let (status, ready) = herald.get("/readyz").await;
        assert_eq!(status, 200, "Herald is ready all the time: {ready}");
        if wanted(&ready["last_reload"]) {
            return ready["last_reload"].clone();
        }
        assert!(Instant::now() < ends, "{what} in time: {ready}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_without_a_pause_under_load_lose_no_request_and_alter_no_card_that_waits() {
    let edits = size("HERALD_EDITS", 120) as u64;
    let connector = Connector::start(|_| Fate::Hangs { taken: false }).await;
    let mut place = Place::new(&connector, &[("r", &edition(0))], "").await;
    let herald = place.start().await;
    let progress = Arc::new(Progress::default());
    let mut clients = JoinSet::new();
    for number in 0..2 {
        clients.spawn(post_on(herald.url.clone(), number, progress.clone()));
    }
    let root = place.folder.path().to_owned();
    let mut revision = reloaded(&herald, "the start", |_| true).await["revision"].clone();
    let http = client();
    let began = Instant::now();
    for number in 1..=edits {
        // Every tenth edit is broken halfway, as a file looks that an editor is just writing.
        if number % 10 == 0 {
            write(&root, "rules/r.yaml", &edition(number)[..40]);
            reload(&http, &herald).await;
            let broken = reloaded(&herald, "the broken file is noticed", |reload| {
                reload["broken"].as_array().is_some_and(|broken| !broken.is_empty())
            })
            .await;
            assert_eq!(broken["broken"][0]["last_good_runs"], true, "{broken}");
        }
        progress.written.store(number, Ordering::SeqCst);
        if number % 2 == 0 {
            write(&root, "rules/r.yaml", &edition(number));
        } else {
            write(&root, "rules/r.yaml.tmp", &edition(number));
            std::fs::rename(root.join("rules/r.yaml.tmp"), root.join("rules/r.yaml")).expect("renamed");
        }
        reload(&http, &herald).await;
        let before = revision.clone();
        revision = reloaded(&herald, "the edit is in force", |reload| {
            reload["revision"] != before && reload["broken"] == json!([])
        })
        .await["revision"]
            .clone();
        progress.in_force.store(number, Ordering::SeqCst);
        if let Some(ended) = clients.try_join_next() {
            panic!("a client stopped: {:?}", ended.err());
        }
    }
    let took = began.elapsed();
    progress.over.store(true, Ordering::SeqCst);
    let mut taken = Vec::new();
    while let Some(done) = clients.join_next().await {
        taken.extend(done.expect("the client went on to its end"));
    }
    connector.calm_down();
    let deliveries = herald.settled(Duration::from_secs(240 + edits / 2)).await;
    assert_eq!(
        deliveries.len(),
        taken.len(),
        "what was answered is owed, and nothing else"
    );
    let mut arrived: Vec<String> = connector
        .seen()
        .into_iter()
        .filter(|seen| seen.fate.takes())
        .map(|seen| seen.text)
        .collect();
    let mut expected: Vec<String> = taken.iter().map(|(_, text)| text.clone()).collect();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected, "each card arrives once, as it was when it was taken");
    println!("{edits} edits in {took:?}, {} events", taken.len());
    assert!(taken.len() > 20, "{} events are too few to prove anything", taken.len());
    herald.stop().await;
}

async fn reload(http: &reqwest::Client, herald: &Herald) {
    let answer = http
        .post(format!("{}/admin/v1/reload", herald.url))
        .send()
        .await
        .expect("Herald answers");
    assert_eq!(answer.status().as_u16(), 202);
}
