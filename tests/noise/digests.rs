//! One card for many events.

use super::*;

const WINDOW: &str = "language: en\nwhen: { hook: ci }\nnotify: [{ person: Anna Berg }]\ncard: { title: \"{{event.title}}\" }\n\
                      limit: { once_per: 10 minutes, rest: digest }\n";

#[tokio::test]
async fn what_is_held_back_is_told_in_one_card_at_the_end_of_the_time() {
    let engine = engine(WINDOW, "").await;
    post(&engine, json!({ "title": "first" })).await;
    let nothing = engine.herald(&["digests"]).await;
    assert_eq!(nothing.out.trim(), "nothing is being gathered", "{nothing:?}");
    for number in 2..=13 {
        let answer = post(&engine, json!({ "title": format!("disk {number}") })).await;
        assert_eq!((sent(&answer), held_back(&answer)), (0, 1), "{answer}");
    }
    engine.messages(1).await;
    let listed = engine.herald(&["digests", "--recipient", "anna"]).await.out;
    let line = listed
        .lines()
        .find(|line| line.contains("Anna Berg"))
        .unwrap_or_default();
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>().join(" "),
        "2026-03-02 14:12 r Anna Berg 12 2026-03-02 14:02 the rule's limit",
        "{listed}"
    );
    for other in [["--recipient", "omar"], ["--rule", "other"]] {
        let none = engine.herald(&["digests", other[0], other[1]]).await.out;
        assert_eq!(none.trim(), "nothing is being gathered", "{other:?}");
    }
    pass(&engine, 9).await;
    assert_eq!(quiet(&engine).await, 1, "the time is not over");
    pass(&engine, 1).await;
    let digest = nth(&engine, 2).await;
    assert!(digest.contains("12 more: r"), "{digest}");
    assert!(digest.contains("14:02 UTC: disk 2"), "{digest}");
    assert!(digest.contains("disk 13") && !digest.contains("first"), "{digest}");

    // The digest is the one card of the next ten minutes.
    assert_eq!(held_back(&post(&engine, json!({ "title": "later" })).await), 1);
    pass(&engine, 10).await;
    let digest = nth(&engine, 3).await;
    assert!(digest.contains("1 more: r") && digest.contains("later"), "{digest}");
    pass(&engine, 10).await;
    assert_eq!(quiet(&engine).await, 3, "nothing gathered, no digest");
    assert_eq!(sent(&post(&engine, json!({ "title": "anew" })).await), 1);
    engine.messages(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_events_at_once_the_digest_counts_all_but_the_first() {
    let engine = engine(WINDOW, "").await;
    let bodies: Vec<Value> = (0..150)
        .map(|number| json!({ "title": format!("t{number}") }))
        .collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| engine.post("/hooks/ci", body))).await;
    assert!(answers.iter().all(|(status, _)| *status == 202), "{answers:#?}");
    let sent: usize = answers.iter().map(|(_, answer)| sent(answer)).sum();
    assert_eq!(sent, 1);
    engine.messages(1).await;
    pass(&engine, 10).await;
    let digest = nth(&engine, 2).await;
    assert!(digest.contains("149 more: r"), "{digest}");
    assert!(digest.contains("129 before these are only counted here"), "{digest}");
}

#[tokio::test]
async fn what_is_gathered_survives_a_restart_and_is_told_late_rather_than_never() {
    let mut engine = engine(WINDOW, "").await;
    post(&engine, json!({ "title": "first" })).await;
    post(&engine, json!({ "title": "second" })).await;
    engine.messages(1).await;
    engine.settled().await;
    engine.stop().await;
    engine.hand.as_ref().expect("a clock").advance(TimeDelta::hours(3));
    engine.start_server().await;
    let digest = nth(&engine, 2).await;
    assert!(digest.contains("1 more: r") && digest.contains("second"), "{digest}");
    engine.restart().await;
    assert_eq!(quiet(&engine).await, 2, "it is told once");
}

#[tokio::test]
async fn each_recipient_and_each_value_has_a_digest_of_its_own() {
    let rule = "language: en\nwhen: { hook: ci }\nnotify: [{ person: \"{{event.who}}\" }]\ncard: { title: \"{{event.title}}\" }\n\
                limit: { once_per: 10 minutes, for_each: \"{{event.repo}}\", rest: digest }\n";
    let engine = engine(rule, "").await;
    for (who, repo) in [("Anna Berg", "web"), ("Anna Berg", "shop"), ("Omar Haddad", "web")] {
        for number in 0..3 {
            post(
                &engine,
                json!({ "who": who, "repo": repo, "title": format!("{repo} {number}") }),
            )
            .await;
        }
    }
    engine.messages(3).await;
    pass(&engine, 10).await;
    let messages = engine.messages(6).await;
    let mut digests: Vec<String> = messages[3..].iter().map(|message| texts(&message.activity)).collect();
    digests.sort();
    assert!(
        digests.iter().all(|digest| digest.contains("2 more: r")),
        "{digests:#?}"
    );
    assert_eq!(
        digests.iter().filter(|digest| digest.contains("For\nweb")).count(),
        2,
        "{digests:#?}"
    );
    assert_eq!(
        digests.iter().filter(|digest| digest.contains("shop 1")).count(),
        1,
        "{digests:#?}"
    );
}

#[tokio::test]
async fn a_weekly_digest_tells_of_the_whole_week_on_monday_at_nine() {
    let rule = "description: News of the week\nlanguage: en\nwhen: { hook: ci }\nnotify: [{ person: Anna Berg }]\n\
                digest:\n  at: \"09:00\"\n  days: monday\n  time_zone: Europe/Berlin\n  card:\n    title: \"{{digest.count}} things\"\n    \
                text: \"{{#each digest.items}}{{number}}. {{data.title}}; {{/each}}\"\n";
    let engine = engine(rule, "").await;
    for title in ["one", "two", "three"] {
        let answer = post(&engine, json!({ "title": title })).await;
        assert_eq!((sent(&answer), held_back(&answer)), (0, 1), "{answer}");
        pass(&engine, 60 * 24).await;
    }
    let first = engine.deliveries().await;
    assert!(first.is_empty(), "{first:#?}");
    // From Thursday to Monday, 08:00 UTC.
    pass(&engine, 60 * 24 * 4 - 6 * 60 - 3).await;
    assert_eq!(quiet(&engine).await, 0);
    pass(&engine, 1).await;
    let digest = nth(&engine, 1).await;
    assert!(
        digest.contains("3 things") && digest.contains("1. one; 2. two; 3. three;"),
        "{digest}"
    );
    let delivery = &engine.settled().await[0];
    let story = why(&engine, delivery.event_id.as_str()).await;
    assert!(story.contains("what r gathered for Anna Berg"), "{story}");
    assert!(story.contains("3 were gathered, and one card tells of them"), "{story}");
}

#[tokio::test]
async fn what_was_gathered_is_told_although_its_rule_is_gone() {
    let engine = engine(WINDOW, "").await;
    post(&engine, json!({ "title": "first" })).await;
    let held = post(&engine, json!({ "title": "second" })).await;
    let story = why(&engine, held["event"].as_str().expect("an id")).await;
    assert!(
        story.contains("gathered, and told in the digest at 2026-03-02 14:12:00 UTC"),
        "{story}"
    );
    engine.messages(1).await;
    std::fs::remove_file(engine.path("rules/r.yaml")).expect("removed");
    engine.write("rules/other.yaml", &WINDOW.replace("hook: ci", "cron: '@yearly'"));
    for _ in 0..500 {
        let (_, answer) = engine.post("/hooks/ci", &json!({ "title": "is it gone?" })).await;
        if answer["rules"].as_array().is_some_and(Vec::is_empty) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    pass(&engine, 10).await;
    let digest = nth(&engine, 2).await;
    assert!(digest.contains("more: r") && digest.contains("second"), "{digest}");
}

#[tokio::test]
async fn a_person_who_stopped_the_rule_meanwhile_is_not_told() {
    let engine = engine(WINDOW, "").await;
    post(&engine, json!({ "title": "first" })).await;
    post(&engine, json!({ "title": "second" })).await;
    engine.messages(1).await;
    let settled = engine.settled().await;
    let herald::delivery::Address::Person { id, .. } = &settled[0].recipient.address else {
        panic!("Anna is a person: {settled:#?}");
    };
    let key = herald::choice::PersonKey::of_ids(Some(id), None).expect("a key");
    let mut choices = herald::choice::Choices::default();
    choices.stopped.insert("rule:r".to_owned());
    let directory = engine.server().stores().directory.clone();
    directory.set_choices(&key, &choices).await.expect("written");
    pass(&engine, 10).await;
    assert_eq!(quiet(&engine).await, 1);
    let events = engine
        .server()
        .stores()
        .outbox
        .events(Some("r"), None, 1)
        .await
        .expect("events");
    let told = &events[0].rules[0].lines[0].actual;
    assert!(told.contains("has stopped these messages since"), "{events:#?}");
}
