//! A file appears, changes or vanishes, and cards go out.

use std::time::Duration;

use crate::support::engine::{Engine, Workspace, texts};

const PRICES: &str = r#"
when: { file: "prices/*.csv", change: [created, modified, deleted], settled_for: 100ms }
notify: [{ person: Anna Berg }]
card: { text: "{{event.name}} was {{event.change}}: {{count event.data}} rows" }
"#;

async fn engine(rule: &str) -> Engine {
    let engine = Workspace::new()
        .rule("prices", rule)
        .file("prices/old.csv", "name,price\napple,1\n")
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    // The first look only remembers.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(
        engine.teams.received().is_empty(),
        "nothing fires because Herald started"
    );
    engine
}

async fn last(engine: &Engine, count: u64) -> String {
    texts(&engine.messages(count).await.last().expect("one at least").activity)
}

#[tokio::test]
async fn created_modified_and_deleted_files_each_tell_once() {
    let engine = engine(PRICES).await;
    engine.write("prices/new.csv", "name,price\napple,1\npear,2\n");
    let text = last(&engine, 1).await;
    assert!(text.contains("new.csv was created: 2 rows"), "{text}");
    engine.write("prices/new.csv", "name,price\napple,1\npear,2\nplum,3\n");
    let text = last(&engine, 2).await;
    assert!(text.contains("new.csv was modified: 3 rows"), "{text}");
    std::fs::remove_file(engine.path("prices/new.csv")).expect("removed");
    let text = last(&engine, 3).await;
    assert!(text.contains("new.csv was deleted"), "{text}");
    engine.write("prices/readme.txt", "not a price");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(engine.teams.received().len(), 3);
}

#[tokio::test]
async fn a_change_made_while_herald_was_down_is_told_once() {
    let mut engine = engine(PRICES).await;
    engine.stop().await;
    engine.write("prices/old.csv", "name,price\napple,9\npear,2\n");
    engine.start_server().await;
    let text = last(&engine, 1).await;
    assert!(text.contains("old.csv was modified"), "{text}");
    engine.restart().await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(engine.teams.received().len(), 1);
}

#[tokio::test]
async fn only_the_changes_a_rule_asks_for_are_told() {
    let rule = PRICES.replace("[created, modified, deleted]", "[deleted]");
    let engine = engine(&rule).await;
    engine.write("prices/new.csv", "name,price\n");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(engine.teams.received().is_empty());
    std::fs::remove_file(engine.path("prices/old.csv")).expect("removed");
    let text = last(&engine, 1).await;
    assert!(text.contains("old.csv was deleted"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_still_being_written_is_told_when_it_has_settled() {
    let rule = PRICES.replace("100ms", "1s");
    let engine = engine(&rule).await;
    let mut text = "name,price\n".to_owned();
    for row in 0..6 {
        text.push_str(&format!("item{row},{row}\n"));
        engine.write("prices/growing.csv", &text);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let said = last(&engine, 1).await;
    assert!(said.contains("growing.csv was created: 6 rows"), "{said}");
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(engine.teams.received().len(), 1);
}
