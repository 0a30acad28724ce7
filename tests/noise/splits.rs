//! Each item of a list is an event of its own.

use super::*;

const SPLIT: &str = "language: en\nwhen: { hook: ci }\nsplit: event.alerts\nif: { item.labels.severity: critical }\n\
                     notify: [{ person: Anna Berg }]\n\
                     card: { title: \"{{item.labels.alertname}} of {{event.receiver}}\" }\n";

#[tokio::test]
async fn each_item_is_judged_and_told_by_itself() {
    let engine = engine(SPLIT, "").await;
    let alerts = [
        alert("Disk", "critical"),
        alert("Fan", "warning"),
        alert("Net", "critical"),
    ];
    let answer = post(&engine, json!({ "receiver": "ops", "alerts": alerts })).await;
    assert_eq!(sent(&answer), 2, "{answer}");
    let rule = &answer["rules"][0];
    assert_eq!(
        (rule["matched"].as_bool(), rule["items_count"].as_u64()),
        (Some(true), Some(3)),
        "{answer}"
    );
    let messages = engine.messages(2).await;
    let titles: Vec<String> = messages.iter().map(|message| texts(&message.activity)).collect();
    assert!(
        titles[0].contains("Disk of ops") && titles[1].contains("Net of ops"),
        "in order: {titles:#?}"
    );
    let story = why(&engine, answer["event"].as_str().expect("an id")).await;
    assert!(story.contains("item 1: 1 recipient; `herald why ev_"), "{story}");
    assert!(story.contains("item 2: does not match"), "{story}");
    let item = rule["items"][1]["event"].as_str().expect("an id");
    let story = why(&engine, item).await;
    assert!(story.contains("item 2 of 3 of ev_"), "{story}");
    assert!(story.contains("`item.labels.severity: critical`"), "{story}");
}

#[tokio::test]
async fn a_limit_counts_items_of_one_message_as_it_counts_messages() {
    let rule = format!(
        "{SPLIT}limit: {{ once_per: 10 minutes, for_each: \"{{{{item.labels.alertname}}}}\", rest: digest }}\n"
    );
    let engine = engine(&rule, "").await;
    let alerts: Vec<Value> = ["Disk", "Disk", "Net", "Disk"]
        .map(|name| alert(name, "critical"))
        .into();
    let answer = post(&engine, json!({ "receiver": "ops", "alerts": alerts })).await;
    assert_eq!((sent(&answer), held_back(&answer)), (2, 2), "{answer}");
    engine.messages(2).await;
    pass(&engine, 10).await;
    let digest = nth(&engine, 3).await;
    assert!(digest.contains("2 more: r") && digest.contains("For\nDisk"), "{digest}");
}

#[tokio::test]
async fn a_message_that_is_posted_again_adds_nothing() {
    let workspace = Workspace::new()
        .rule(
            "r",
            &format!(
                "{}limit: {{ once_per: 10 minutes }}\n",
                SPLIT.replace("hook: ci", "hook: signed")
            ),
        )
        .hook("signed: { path: signed, signature: none, anyone_can_post: true, repeat_id: { field: event.id } }")
        .clock_at(START);
    let mut engine = workspace.start().await;
    engine.known(&["Anna Berg"]).await;
    let body =
        json!({ "id": "a1", "receiver": "ops", "alerts": [alert("Disk", "critical"), alert("Net", "critical")] });
    let (_, first) = engine.post("/hooks/signed", &body).await;
    assert_eq!((sent(&first), held_back(&first)), (1, 1), "{first}");
    engine.messages(1).await;
    for _ in 0..2 {
        let (status, again) = engine.post("/hooks/signed", &body).await;
        assert_eq!((status, again["repeat"].as_bool()), (202, Some(true)), "{again}");
        assert_eq!(again["deliveries"], first["deliveries"], "the same ones are named");
        engine.settled().await;
        engine.restart().await;
    }
    pass(&engine, 11).await;
    let (_, next) = engine
        .post(
            "/hooks/signed",
            &json!({ "id": "a2", "alerts": [alert("Net", "critical")] }),
        )
        .await;
    assert_eq!(sent(&next), 1, "{next}");
    let told = nth(&engine, 2).await;
    assert!(told.contains("And 1 more like this"), "repeats are not counted: {told}");
}

#[tokio::test]
async fn what_is_no_list_matches_nothing_and_says_so() {
    let engine = engine(SPLIT, "").await;
    let answer = post(&engine, json!({ "alerts": "many" })).await;
    assert_eq!(sent(&answer), 0);
    let story = why(&engine, answer["event"].as_str().expect("an id")).await;
    assert!(
        story.contains("`split: event.alerts`: should be a list, but was a text"),
        "{story}"
    );
    let answer = post(&engine, json!({ "alert": [] })).await;
    let story = why(&engine, answer["event"].as_str().expect("an id")).await;
    assert!(story.contains("nearest is `event.alert`"), "{story}");
}

#[tokio::test]
async fn a_list_of_thousands_is_taken_apart_as_far_as_the_bound_and_the_rest_is_recorded() {
    let engine = engine(&SPLIT.replace("severity: critical", "severity: none"), "").await;
    let alerts: Vec<Value> = (0..1_200).map(|number| alert(&format!("a{number}"), "x")).collect();
    let answer = post(&engine, json!({ "alerts": alerts })).await;
    assert_eq!(answer["rules"][0]["items_count"], 1_000, "{answer}");
    let warnings = answer["rules"][0]["warnings"].to_string();
    assert!(warnings.contains("the 200 behind them are left out"), "{warnings}");
}

#[tokio::test]
async fn items_that_were_on_disk_before_a_crash_are_not_told_again() {
    let workspace = || {
        Workspace::new()
            .rule("r", &SPLIT.replace("hook: ci", "hook: signed"))
            .hook("signed: { path: signed, signature: none, anyone_can_post: true, repeat_id: { field: event.id } }")
            .clock_at(START)
    };
    let body =
        json!({ "id": "a1", "receiver": "ops", "alerts": [alert("Disk", "critical"), alert("Net", "critical")] });
    let whole = workspace().start().await;
    whole.known(&["Anna Berg"]).await;
    let (_, answer) = whole.post("/hooks/signed", &body).await;
    let first = answer["rules"][0]["items"][0]["event"]
        .as_str()
        .expect("an id")
        .to_owned();
    whole.messages(2).await;
    let id = herald::event::EventId::known(first);
    let stored = whole
        .server()
        .stores()
        .outbox
        .event(&id)
        .await
        .expect("readable")
        .expect("a record");

    // The same message to a Herald that came as far as the first item before the plug was pulled.
    let cut_off = workspace().start().await;
    cut_off.known(&["Anna Berg"]).await;
    let batch = herald::store::outbox::Batch::of(stored);
    cut_off.server().stores().outbox.enqueue(batch).await.expect("written");
    let (status, answer) = cut_off.post("/hooks/signed", &body).await;
    assert_eq!((status, sent(&answer)), (202, 1), "{answer}");
    assert_eq!(answer["rules"][0]["items_count"], 2, "{answer}");
    let told = nth(&cut_off, 1).await;
    assert!(told.contains("Net of ops"), "{told}");
    assert_eq!(quiet(&cut_off).await, 1);
}
