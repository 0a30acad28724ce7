use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::card::{fit, profile};

fn converted(message: &Value) -> (Value, Vec<String>) {
    let mut seen = Warnings::new();
    let card = card(message, &mut seen).unwrap_or_else(|| panic!("this is a message: {message}"));
    let card = profile::tidy(card, &mut seen).expect("something is left of it");
    (card, seen.into_vec())
}

#[test]
fn what_is_a_message_for_teams_is_told_by_its_shape() {
    for (message, kind) in [
        (
            json!({ "@type": "MessageCard", "summary": "x" }),
            Some(Kind::MessageCard),
        ),
        (
            json!({ "sections": [{ "activityTitle": "x" }] }),
            Some(Kind::MessageCard),
        ),
        (json!({ "text": "hello" }), Some(Kind::Text)),
        (json!({ "title": "hello" }), Some(Kind::Text)),
        (json!({ "type": "AdaptiveCard", "body": [] }), Some(Kind::AdaptiveCard)),
        (
            json!({ "type": "message", "attachments": [{ "contentType": ADAPTIVE, "content": { "type": "AdaptiveCard" } }] }),
            Some(Kind::AdaptiveCard),
        ),
        (json!({ "@type": "MessageCard" }), None),
        (json!({ "summary": "x" }), None),
        (json!({ "text": " " }), None),
        (json!({ "attachments": [{ "contentType": "image/png" }] }), None),
        (json!({}), None),
        (json!([]), None),
        (json!("text"), None),
    ] {
        assert_eq!(Kind::of(&message), kind, "{message}");
        assert_eq!(card(&message, &mut Warnings::new()).is_some(), kind.is_some());
    }
}

#[test]
fn a_message_card_keeps_its_parts_in_their_order() {
    let (card, warnings) = converted(&json!({
        "@type": "MessageCard", "@context": "http://schema.org/extensions", "themeColor": "d70000", "summary": "Build failed",
        "title": "Build #12 failed", "text": "See the **log**",
        "sections": [{
            "activityImage": "https://ci.example/face.png", "activityTitle": "Anna", "activitySubtitle": "2 minutes ago",
            "facts": [{ "name": "Branch", "value": "main" }, { "name": "Took", "value": 12 }, { "name": "By", "value": null }],
            "images": [{ "image": "https://ci.example/chart.png", "title": "Chart" }],
        }, { "startGroup": true, "title": "Changes", "text": "- one\n- two" }],
        "potentialAction": [{ "@type": "OpenUri", "name": "Open", "targets": [{ "os": "default", "uri": "https://ci.example/12" }] }],
    }));
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(card["body"][0]["style"], "attention");
    assert_eq!(card["body"][0]["items"][0]["text"], "Build #12 failed");
    assert_eq!(card["body"][1]["text"], "See the **log**");
    let first = &card["body"][2]["items"];
    assert_eq!(first[0]["columns"][0]["items"][0]["style"], "person");
    assert_eq!(first[0]["columns"][1]["items"][0]["text"], "Anna");
    assert_eq!(
        first[1]["facts"],
        json!([{ "title": "Branch", "value": "main" }, { "title": "Took", "value": "12" }, { "title": "By", "value": "–" }])
    );
    assert_eq!(first[2]["altText"], "Chart");
    assert_eq!(card["body"][3]["separator"], true);
    assert_eq!(card["body"][4]["actions"][0]["url"], "https://ci.example/12");
}

#[test]
fn the_first_section_is_the_coloured_head_where_there_is_no_title() {
    let (card, _) = converted(&json!({
        "themeColor": "#2DC72D", "summary": "x", "sections": [{ "activityTitle": "Job done", "facts": [{ "name": "a", "value": "b" }] }],
    }));
    assert_eq!(card["body"][0]["style"], "good");
    assert_eq!(card["body"][0]["items"][0]["text"], "Job done");
    assert_eq!(card["body"][1]["items"][0]["type"], "FactSet");
}

#[test]
fn what_cannot_work_is_left_out_and_told() {
    let (card, warnings) = converted(&json!({
        "@type": "MessageCard", "title": "Deploy?",
        "sections": [{ "activityTitle": "x", "activityImage": "http://ci.example/face.png", "images": [{ "image": "file:///etc/passwd" }] }],
        "potentialAction": [
            { "@type": "HttpPOST", "name": "Approve", "target": "https://ci.example/approve" },
            { "@type": "ActionCard", "name": "Comment", "inputs": [{ "@type": "TextInput", "id": "c" }], "actions": [{ "@type": "HttpPOST", "name": "Send", "target": "https://ci.example/" }] },
            { "@type": "ActionCard", "name": "More", "actions": [{ "@type": "OpenUri", "name": "Log", "targets": [{ "os": "default", "uri": "https://ci.example/log" }] }] },
            { "@type": "OpenUri", "name": "Bad", "targets": [{ "os": "default", "uri": "javascript:alert(1)" }] },
            { "@type": "OpenUri", "name": "Filled", "targets": [{ "os": "default", "uri": "https://ci.example/{{c.value}}" }] },
            { "@context": "http://schema.org", "@type": "ViewAction", "name": "View", "target": ["https://ci.example/view"] },
        ],
    }));
    let titles: Vec<&Value> = card["body"].as_array().expect("a body").last().expect("an item")["actions"]
        .as_array()
        .expect("actions")
        .iter()
        .map(|action| &action["title"])
        .collect();
    assert_eq!(titles, ["Log", "View"]);
    for words in [
        "`Approve`",
        "`Comment`",
        "javascript",
        "{{c.value}}",
        "face.png",
        "/etc/passwd",
    ] {
        assert!(
            warnings.iter().any(|warning| warning.contains(words)),
            "{words}: {warnings:#?}"
        );
    }
    assert!(!card.to_string().contains("approve"), "{card}");
}

#[test]
fn a_workflows_card_is_sent_as_it_is_without_its_questions() {
    let (card, warnings) = converted(
        &json!({ "type": "message", "attachments": [{ "contentType": ADAPTIVE, "contentUrl": null, "content": {
        "$schema": "x", "type": "AdaptiveCard", "version": "1.2", "refresh": { "action": {} },
        "msteams": { "width": "Full", "entities": [
            { "type": "mention", "text": "<at>Anna</at>", "mentioned": { "id": "anna.berg@contoso.example", "name": "Anna" } },
            { "type": "mention", "text": "<at>Nobody</at>", "mentioned": { "id": "n@contoso.example", "name": "Nobody" } },
        ] },
        "body": [
            { "type": "TextBlock", "text": "<at>Anna</at>: **down** [x](javascript:a) [y](https://a.example/)", "wrap": true },
            { "type": "Input.Text", "id": "why" },
            { "type": "Image", "url": "http://a.example/x.png" },
            { "type": "Image", "url": "https://a.example/y.png", "selectAction": { "type": "Action.Submit" } },
        ],
        "actions": [
            { "type": "Action.Submit", "title": "Ack", "data": { "a": 1 } },
            { "type": "Action.OpenUrl", "title": "Open", "url": "https://a.example/1" },
            { "type": "Action.OpenUrl", "title": "Bad", "url": "ftp://a.example/1" },
        ],
    } }] }),
    );
    assert_eq!(
        card["body"][0]["text"],
        "<at>Anna</at>: **down** x [y](https://a.example/)"
    );
    assert_eq!(
        card["body"][1],
        json!({ "type": "Image", "url": "https://a.example/y.png" })
    );
    assert_eq!(
        card["actions"],
        json!([{ "type": "Action.OpenUrl", "title": "Open", "url": "https://a.example/1" }])
    );
    assert_eq!(card["msteams"]["width"], "Full");
    assert_eq!(card["msteams"]["entities"].as_array().map(Vec::len), Some(1));
    assert_eq!(card["version"], "1.2");
    assert_eq!(card.get("refresh"), None);
    for words in ["“Ack”", "“why”", "refresh", "x.png", "ftp://"] {
        assert!(
            warnings.iter().any(|warning| warning.contains(words)),
            "{words}: {warnings:#?}"
        );
    }
}

#[test]
fn several_cards_of_one_message_stand_one_below_the_other() {
    let one =
        |text: &str| json!({ "contentType": ADAPTIVE, "content": { "type": "AdaptiveCard", "body": [block(text)] } });
    let hero = json!({ "contentType": HERO, "content": { "title": "Hero", "buttons": [{ "type": "openUrl", "title": "Go", "value": "https://a.example/" }] } });
    let (card, _) = converted(&json!({ "attachments": [one("a"), hero, one("c")] }));
    let items: Vec<&Value> = card["body"]
        .as_array()
        .expect("a body")
        .iter()
        .map(|item| &item["items"][0]["text"])
        .collect();
    assert_eq!(items, ["a", "Hero", "c"]);
}

fn any_text() -> impl Strategy<Value = String> {
    "[ -~äß\u{200B}\u{202E}\n]{0,40}|<b>|</a>|\\[x\\]\\(javascript:1\\)|```|https://a.example/x|\", \"type\": \"Action.Submit"
}

fn any_message() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "@type",
        "title",
        "text",
        "summary",
        "sections",
        "facts",
        "name",
        "value",
        "activityTitle",
        "images",
        "image",
        "heroImage",
        "potentialAction",
        "targets",
        "uri",
        "os",
        "themeColor",
        "attachments",
        "contentType",
        "content",
        "body",
        "actions",
        "url",
        "type",
        "items",
        "card",
        "msteams",
        "entities",
        "selectAction",
        "columns",
        "data",
    ]);
    let word = prop::sample::select(vec![
        "MessageCard",
        "OpenUri",
        "HttpPOST",
        "ActionCard",
        ADAPTIVE,
        CONNECTOR,
        HERO,
        "AdaptiveCard",
        "TextBlock",
        "Image",
        "Container",
        "Action.OpenUrl",
        "Action.Submit",
        "Action.ShowCard",
        "Input.Text",
        "default",
        "d70000",
    ]);
    let leaf = prop_oneof![
        any_text().prop_map(Value::from),
        word.prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(Value::Null)
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_sent_no_card_asks_loads_in_the_open_or_runs_a_script(message in any_message()) {
        let mut seen = Warnings::new();
        if let Some(card) = card(&message, &mut seen)
            && let Some(card) = profile::tidy(card, &mut seen)
        {
            let mut waiting = vec![&card];
            while let Some(value) = waiting.pop() {
                match value {
                    Value::Object(fields) => {
                        let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
                        prop_assert!(!matches!(kind, "Action.Submit" | "Action.Execute" | "Action.Http"), "{card}");
                        if let (true, Some(Value::String(url))) = (kind == "Image", fields.get("url")) {
                            prop_assert!(url.starts_with("https://") || url.starts_with("data:image/"), "{url}");
                        }
                        if let (true, Some(Value::String(url))) = (kind == "Action.OpenUrl", fields.get("url")) {
                            prop_assert!(!url.starts_with("javascript"), "{url}");
                        }
                        waiting.extend(fields.values());
                    }
                    Value::Array(items) => waiting.extend(items),
                    Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
                }
            }
            prop_assert!(fit::size(&card) <= 20_000 + 20 * fit::size(&message));
        }
    }
}
