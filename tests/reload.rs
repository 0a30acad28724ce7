//! Files change while Herald runs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace, texts};

fn rule(text: &str) -> String {
    format!("when: {{ hook: ci }}\nnotify: [{{ person: Anna Berg }}]\ncard: {{ message: {text} }}\n")
}

async fn engine() -> Engine {
    let engine = Workspace::new().rule("r", &rule("one")).start().await;
    engine.known(&["Anna Berg"]).await;
    engine
}

/// Waits for the next reload by itself: nobody asks for it.
async fn reloaded(engine: &Engine, change: impl FnOnce()) -> Value {
    let mut live = engine.server().live();
    live.mark_unchanged();
    change();
    tokio::time::timeout(Duration::from_secs(10), live.changed())
        .await
        .expect("in time")
        .expect("running");
    engine.get("/readyz").await.1
}

async fn says(engine: &Engine, messages: u64) -> String {
    engine.post("/hooks/ci", &json!({})).await;
    texts(&engine.messages(messages).await.last().expect("one at least").activity)
}

#[tokio::test]
async fn a_saved_rule_is_in_force_by_itself() {
    let engine = engine().await;
    assert_eq!(says(&engine, 1).await, "one");
    let ready = reloaded(&engine, || engine.write("rules/r.yaml", &rule("two"))).await;
    assert_eq!(ready["last_reload"]["broken"], json!([]), "{ready:#}");
    assert_eq!(says(&engine, 2).await, "two");
}

#[tokio::test]
async fn a_broken_file_leaves_its_last_good_version_running_and_the_others_reload() {
    let engine = engine().await;
    let other = rule("other");
    let ready = reloaded(&engine, || {
        engine.write("rules/r.yaml", "when: { hook: ci\nnotify: [");
        engine.write("rules/other.yaml", &other);
    })
    .await;
    let broken = ready["last_reload"]["broken"].as_array().expect("a list").clone();
    assert_eq!(broken.len(), 1, "{ready:#}");
    assert_eq!(
        (broken[0]["file"].as_str(), &broken[0]["last_good_runs"]),
        (Some("rules/r.yaml"), &json!(true))
    );
    assert_eq!(ready["ready"], true);
    engine.post("/hooks/ci", &json!({})).await;
    let messages = engine.messages(2).await;
    let mut said: Vec<_> = messages.iter().map(|m| texts(&m.activity)).collect();
    said.sort();
    assert_eq!(said, ["one", "other"]);
    let (_, metrics) = engine.get("/metrics").await;
    assert!(
        metrics
            .as_str()
            .is_some_and(|text| text.contains("herald_broken_files 1")),
        "{metrics}"
    );

    let ready = reloaded(&engine, || engine.write("rules/r.yaml", &rule("mended"))).await;
    assert_eq!(ready["last_reload"]["broken"], json!([]));
}

#[tokio::test]
async fn an_editors_atomic_save_a_checkout_of_many_files_and_a_deleted_rule_are_followed() {
    let engine = engine().await;
    let ready = reloaded(&engine, || {
        engine.write("rules/.r.yaml.swp", "swap");
        engine.write("rules/r.yaml.tmp", &rule("two"));
        std::fs::rename(engine.path("rules/r.yaml.tmp"), engine.path("rules/r.yaml")).expect("renamed");
    })
    .await;
    assert_eq!(ready["last_reload"]["rules"], 1, "{ready:#}");
    assert_eq!(says(&engine, 1).await, "two");

    let ready = reloaded(&engine, || {
        for number in 0..300 {
            engine.write(
                &format!("rules/many/deep/r{number}.yaml"),
                &format!("{}if: {{ event.never: true }}\n", rule("x")),
            );
        }
    })
    .await;
    // A checkout can be seen in two steps; the end counts.
    let mut rules = ready["last_reload"]["rules"].clone();
    for _ in 0..100 {
        if rules == 301 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        rules = engine.get("/readyz").await.1["last_reload"]["rules"].clone();
    }
    assert_eq!(rules, 301);

    let ready = reloaded(&engine, || {
        std::fs::remove_dir_all(engine.path("rules/many")).expect("removed")
    })
    .await;
    assert_eq!(ready["last_reload"]["rules"], 1, "{ready:#}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_swapped_symlink_as_kubernetes_does_it_is_followed() {
    use std::os::unix::fs::symlink;
    let workspace = Workspace::new()
        .file("mount/..v1/r.yaml", &rule("one"))
        .file("mount/..v2/r.yaml", &rule("two"));
    let root = workspace.path().to_owned();
    std::fs::create_dir_all(root.join("rules")).expect("a folder");
    symlink("../mount/..v1", root.join("rules/..data")).expect("linked");
    symlink("..data/r.yaml", root.join("rules/r.yaml")).expect("linked");
    let engine = workspace.start().await;
    engine.known(&["Anna Berg"]).await;
    assert_eq!(says(&engine, 1).await, "one");
    reloaded(&engine, || {
        symlink("../mount/..v2", root.join("rules/..tmp")).expect("linked");
        std::fs::rename(root.join("rules/..tmp"), root.join("rules/..data")).expect("swapped");
    })
    .await;
    assert_eq!(says(&engine, 2).await, "two");
}

#[tokio::test]
async fn no_request_is_lost_while_rules_are_reloaded_under_load() {
    let engine = engine().await;
    let calls = 200;
    let writer = async {
        for round in 0..20 {
            engine.write("rules/r.yaml", &rule(&format!("round {round}")));
            engine.server().reload();
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    let caller = async {
        for number in 0..calls {
            let (status, answer) = engine.post("/hooks/ci", &json!({"number": number})).await;
            assert_eq!(status, 202, "{answer}");
            assert_eq!(answer["deliveries"].as_array().map(Vec::len), Some(1), "{answer}");
        }
    };
    tokio::join!(writer, caller);
    assert_eq!(engine.deliveries().await.len(), calls);
}

#[tokio::test]
async fn a_card_that_waits_is_not_altered_by_a_reload() {
    let engine = engine().await;
    engine.teams.go_away();
    engine.post("/hooks/ci", &json!({})).await;
    reloaded(&engine, || engine.write("rules/r.yaml", &rule("two"))).await;
    engine.teams.come_back();
    let said = texts(&engine.messages(1).await[0].activity);
    assert_eq!(said, "one");
}
