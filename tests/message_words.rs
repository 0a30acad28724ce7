//! What a message says of itself beside its words: summary, importance, alert, width, mentions.

use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace};

async fn sent(rule: &str, event: Value) -> (Engine, Value) {
    let engine = Workspace::new()
        .rule("build", &format!("when: {{ hook: ci }}\n{rule}"))
        .file(
            "templates/bare.yaml",
            "type: AdaptiveCard\nversion: \"1.5\"\nbody: [{ type: TextBlock, text: Hello, wrap: true }]\n",
        )
        .start()
        .await;
    engine.known(&["Platform"]).await;
    let (status, answer) = engine.post("/hooks/ci", &event).await;
    assert_eq!(status, 202, "{answer}");
    let activity = engine.messages(1).await[0].activity.clone();
    (engine, activity)
}

const CHANNEL: &str = "notify: [{ channel: Platform / Releases }]\n";

#[tokio::test]
async fn an_important_message_with_an_alert_says_so_to_teams() {
    let rule = format!(
        "{CHANNEL}send: {{ importance: high, alert: true }}\ncard: {{ message: Down, summary: \"{{{{event.what}}}} is down\" }}\n"
    );
    let (_, activity) = sent(&rule, json!({ "what": "**Shop**" })).await;
    assert_eq!(activity["importance"], "high");
    assert_eq!(activity["channelData"]["notification"]["alert"], true);
    assert_eq!(activity["summary"], "Shop is down");
    assert_eq!(activity["text"], "Down");
}

#[tokio::test]
async fn a_message_says_nothing_of_the_kind_unless_its_author_does() {
    let (_, activity) = sent(&format!("{CHANNEL}card: {{ message: Down }}\n"), json!({})).await;
    let keys: Vec<&String> = activity.as_object().expect("an activity").keys().collect();
    assert_eq!(keys, ["type", "summary", "textFormat", "text"]);
}

#[tokio::test]
async fn a_template_takes_the_whole_width_and_a_short_card_does_not_where_the_author_says_so() {
    let width = |activity: &Value| activity["attachments"][0]["content"]["msteams"]["width"].clone();
    let (_, wide) = sent(
        &format!("{CHANNEL}card: {{ template: bare, full_width: true }}\n"),
        json!({}),
    )
    .await;
    assert_eq!(width(&wide), "Full");
    let narrow = format!("{CHANNEL}card: {{ title: Hello, text: there, full_width: false }}\n");
    assert_eq!(width(&sent(&narrow, json!({})).await.1), Value::Null);
    let usual = format!("{CHANNEL}card: {{ title: Hello, text: there }}\n");
    assert_eq!(width(&sent(&usual, json!({})).await.1), "Full");
}

#[tokio::test]
async fn a_summary_alone_goes_with_a_card_that_is_made_of_the_event() {
    let (_, activity) = sent(
        &format!("{CHANNEL}card: {{ summary: Look here }}\n"),
        json!({ "title": "Build 7" }),
    )
    .await;
    assert_eq!(activity["summary"], "Look here");
    assert!(activity["attachments"][0]["content"]["body"].is_array(), "{activity}");
}

#[tokio::test]
async fn several_people_are_mentioned_exactly_as_the_text_names_them() {
    let rule = "notify: [{ channel: Platform / Releases, mention: [anna.berg@contoso.example, \"{{event.id}}\", Omar Haddad] }]\n\
                card: { title: Hello }\n";
    let engine = Workspace::new()
        .rule("build", &format!("when: {{ hook: ci }}\n{rule}"))
        .start()
        .await;
    engine.known(&["Platform"]).await;
    let third = engine.teams.member("Chloé Dubois").expect("she is there");
    let (status, _) = engine.post("/hooks/ci", &json!({ "id": third["aadObjectId"] })).await;
    assert_eq!(status, 202);
    let activity = engine.messages(1).await[0].activity.clone();
    let content = &activity["attachments"][0]["content"];
    let words = content["body"].to_string();
    let entities = content["msteams"]["entities"].as_array().expect("a list").clone();
    assert_eq!(entities.len(), 3, "{content}");
    for entity in &entities {
        let text = entity["text"].as_str().expect("a text");
        let name = entity["mentioned"]["name"].as_str().expect("a name");
        assert!(words.contains(text), "{text} is not in {words}");
        assert_eq!(text, format!("<at>{name}</at>"));
        assert!(
            entity["mentioned"]["id"]
                .as_str()
                .is_some_and(|id| id.starts_with("29:")),
            "{entity}"
        );
    }
}
