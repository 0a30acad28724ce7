//! Programs that wrote to an Office 365 connector or a workflow go on writing, to Herald: only their address changes.

use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace, texts};

const KEY: &str = "4f9c1e7ab2d84c0d9e6f5a3b";

async fn engine(card: &str) -> Engine {
    let rule = format!("when: {{ hook: connector }}\nnotify: [{{ person: Anna Berg }}]\ncard: {card}\n");
    let engine = Workspace::new()
        .hook("connector: { signature: url, secret: CONNECTOR_KEY, formats: [teams_message] }")
        .secret("CONNECTOR_KEY", KEY)
        .rule("connector", &rule)
        .start()
        .await;
    engine.known(&["Anna Berg"]).await;
    engine
}

fn address(key: &str) -> String {
    format!("/hooks/connector/{key}")
}

fn message_card() -> Value {
    json!({
        "@type": "MessageCard", "@context": "http://schema.org/extensions", "themeColor": "d70000", "summary": "Build 12 failed",
        "sections": [{ "activityTitle": "Build 12 failed", "facts": [{ "name": "Branch", "value": "main" }] }],
        "potentialAction": [
            { "@type": "OpenUri", "name": "Open", "targets": [{ "os": "default", "uri": "https://ci.example/12" }] },
            { "@type": "HttpPOST", "name": "Rebuild", "target": "https://ci.example/12/rebuild" },
        ],
    })
}

#[tokio::test]
async fn a_message_card_posted_to_the_new_address_arrives_as_the_card_it_was() {
    let engine = engine("as_sent").await;
    let (status, answer) = engine.post(&address(KEY), &message_card()).await;
    assert_eq!((status, answer), (200, json!(1)), "the answer of a connector");
    let sent = engine.messages(1).await;
    let activity = &sent[0].activity;
    let shown = texts(activity);
    for words in ["Build 12 failed", "Branch", "main", "Open"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!activity.to_string().contains("rebuild"), "{activity}");
    assert_eq!(activity["summary"], "Build 12 failed");
}

#[tokio::test]
async fn what_a_bot_cannot_show_is_left_out_and_the_record_says_so() {
    let engine = engine("as_sent").await;
    let (status, _) = engine.post(&address(KEY), &message_card()).await;
    assert_eq!(status, 200);
    engine.messages(1).await;
    let delivery = &engine.settled().await[0];
    let (status, story) = engine.get(&format!("/admin/v1/events/{}", delivery.event_id)).await;
    assert_eq!(status, 200);
    assert!(
        story.to_string().contains("the button `Rebuild` is left out"),
        "{story}"
    );
    assert!(!story.to_string().contains(KEY), "the secret is shown nowhere: {story}");
}

#[tokio::test]
async fn workflow_messages_and_bare_texts_are_taken_at_the_same_address() {
    let engine = engine("as_sent").await;
    let workflow = json!({ "type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": { "type": "AdaptiveCard", "version": "1.2", "body": [{ "type": "TextBlock", "text": "Deploy failed", "wrap": true }] },
    }] });
    let (status, answer) = engine.post(&address(KEY), &workflow).await;
    assert_eq!((status, answer), (200, json!(1)));
    // As PowerShell sends it: no content type that says JSON.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let (status, answer) = engine
        .post_with(&address(KEY), br#"{"text": "Backup **done**"}"#.to_vec(), &form)
        .await;
    assert_eq!((status, answer), (200, json!(1)));
    let sent = engine.messages(2).await;
    let all: Vec<String> = sent.iter().map(|received| texts(&received.activity)).collect();
    assert!(all.iter().any(|text| text.contains("Deploy failed")), "{all:?}");
    assert!(all.iter().any(|text| text.contains("Backup **done**")), "{all:?}");
}

#[tokio::test]
async fn without_the_whole_address_nobody_gets_in() {
    let engine = engine("as_sent").await;
    for (path, wanted) in [
        ("/hooks/connector".to_owned(), 401),
        (address("4f9c1e7ab2d84c0d9e6f5a3"), 401),
        (address("another"), 401),
        (format!("{}/more", address(KEY)), 404),
        (format!("/hooks/ci/{KEY}"), 404),
    ] {
        let (status, answer) = engine.post(&path, &message_card()).await;
        assert_eq!(status, wanted, "{path}: {answer}");
        assert!(!answer.to_string().contains(KEY), "{answer}");
    }
    let (status, answer) = engine.post(&address(KEY), &json!({ "order": 7 })).await;
    assert_eq!(status, 400, "{answer}");
    assert!(
        answer["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("MessageCard")),
        "{answer}"
    );
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 0);
}

#[tokio::test]
async fn a_rule_can_look_into_the_message_and_make_another_card_of_it() {
    let engine =
        engine("{ title: \"{{event.sections.[0].activityTitle}}\", text: \"{{request.event_type}}\" }").await;
    let (status, _) = engine.post(&address(KEY), &message_card()).await;
    assert_eq!(status, 200);
    let sent = engine.messages(1).await;
    let shown = texts(&sent[0].activity);
    assert!(
        shown.contains("Build 12 failed") && shown.contains("message"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_sender_that_says_what_a_repeat_is_sends_nothing_twice() {
    let engine = engine("as_sent").await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "build-12")];
    for _ in 0..2 {
        let (status, answer) = engine
            .post_with(&address(KEY), message_card().to_string().into_bytes(), &headers)
            .await;
        assert_eq!((status, answer), (200, json!(1)));
    }
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 1);
}
