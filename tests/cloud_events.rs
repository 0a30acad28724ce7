//! CloudEvents and Azure Event Grid: each event of a post stands for itself, whatever form it comes in.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::engine::{Engine, Workspace};

const KEY: &str = "9b1f6f0c2d7e4a5db3c8";
/// One fact for each thing that a rule can see of a CloudEvent; what is missing is a dash.
const RULE: &str = r#"
when: { hook: events }
notify: [{ person: Anna Berg }]
card:
  title: "{{json event}}"
"#;

async fn engine() -> Engine {
    let engine = Workspace::new()
        .hook("events: { signature: url, secret: EVENTS_KEY, formats: [event_grid, cloudevents], limit: 60 per minute }")
        .secret("EVENTS_KEY", KEY)
        .rule("events", RULE)
        .rule(
            "blobs",
            "when: { hook: events, event_type: Microsoft.Storage.BlobCreated }\nnotify: [{ person: Omar Haddad }]\ncard: { message: \"{{event.subject}}\" }\n",
        )
        .start()
        .await;
    engine.known(&["Anna Berg", "Omar Haddad"]).await;
    engine
}

fn address() -> String {
    format!("/hooks/events/{KEY}")
}

/// What the rule saw, as JSON: without the signs that keep a text from being markup.
fn seen(activity: &Value) -> Value {
    fn title(value: &Value) -> Option<&str> {
        match value {
            Value::Object(map) => map
                .get("text")
                .and_then(Value::as_str)
                .filter(|text| text.starts_with('{'))
                .or_else(|| map.values().find_map(title)),
            Value::Array(items) => items.iter().find_map(title),
            _ => None,
        }
    }
    let shown = title(&activity["attachments"]).unwrap_or_else(|| panic!("no event in {activity}"));
    let mut plain = String::new();
    let mut signs = shown.chars().filter(|sign| *sign != '\u{200B}').peekable();
    while let Some(sign) = signs.next() {
        let escapes = sign == '\\' && signs.peek().is_some_and(|next| matches!(next, '*' | '_' | '\\'));
        if !escapes {
            plain.push(sign);
        } else if let Some(next) = signs.next() {
            plain.push(next);
        }
    }
    serde_json::from_str(&plain).unwrap_or_else(|error| panic!("{error}: {plain}"))
}

#[tokio::test]
async fn herald_understands_what_the_sdk_of_cloudevents_sends_field_by_field() {
    if std::env::var_os("HERALD_SKIP_JUDGES").is_some_and(|skip| skip == "1") {
        eprintln!("HERALD_SKIP_JUDGES=1: the library of CloudEvents was not asked");
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/cloud-events");
    assert!(
        folder.join("node_modules/cloudevents").is_dir(),
        "the SDK of CloudEvents is missing: run `npm ci --prefix tests/judges/cloud-events`, or ./test"
    );
    let engine = engine().await;
    let hook = engine.url(&address());
    let node = move || {
        Command::new("node")
            .arg("cloudevents.mjs")
            .current_dir(folder)
            .env("HOOK", hook)
            .stdin(Stdio::null())
            .output()
    };
    let said = tokio::task::spawn_blocking(node)
        .await
        .expect("it ends")
        .expect("node runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let told: Vec<Value> = String::from_utf8_lossy(&said.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    assert_eq!(told.len(), 12, "four events in three forms");

    engine.messages(12).await;
    engine.settled().await;
    let understood: Vec<Value> = engine
        .teams
        .received()
        .iter()
        .map(|received| seen(&received.activity))
        .collect();
    for one in &told {
        let held = &one["held"];
        let ours = understood
            .iter()
            .find(|event| event["id"] == held["id"])
            .unwrap_or_else(|| panic!("{held} never came"));
        let mut expected = held.as_object().cloned().expect("an object");
        // Headers carry text: a number is a number in JSON only.
        if one["mode"] == "binary" {
            for value in expected.values_mut() {
                if let Value::Number(number) = value {
                    *value = Value::from(number.to_string());
                }
            }
            if let Some(data) = held.get("data") {
                expected.insert("data".to_owned(), data.clone());
            }
            // In this form the content type of the request is that of the data, also where the event names none.
            let content_type = ours["datacontenttype"]
                .as_str()
                .filter(|_| expected.get("datacontenttype").is_none());
            if let Some(content_type) = content_type {
                assert!(content_type.starts_with("application/json"), "{ours}");
                expected.insert("datacontenttype".to_owned(), Value::from(content_type));
            }
        }
        let fields = |map: &serde_json::Map<String, Value>| -> std::collections::BTreeMap<String, Value> {
            map.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        assert_eq!(fields(ours.as_object().expect("an object")), fields(&expected), "{one}");
    }
}

#[tokio::test]
async fn of_a_batch_the_broken_one_fails_alone_and_a_repeat_adds_nothing() {
    let engine = engine().await;
    let batch = json!([
        { "specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": { "n": 1 } },
        { "specversion": "1.0", "id": "2", "type": "t" },
        { "specversion": "1.0", "id": "3", "source": "/a", "type": "t" },
    ]);
    let headers = [("content-type", "application/cloudevents-batch+json")];
    let (status, answer) = engine
        .post_with(&address(), batch.to_string().into_bytes(), &headers)
        .await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["events"][1]["error"]["code"], "bad_item", "{answer}");
    assert!(
        answer["events"][1]["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("`source`"))
    );
    assert_eq!(answer["events"][0]["repeat"], false);
    let (status, again) = engine
        .post_with(&address(), batch.to_string().into_bytes(), &headers)
        .await;
    assert_eq!(status, 202);
    assert_eq!(
        (&again["events"][0]["repeat"], &again["events"][2]["repeat"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(again["events"][0]["event"], answer["events"][0]["event"]);
    let broken = json!([{ "specversion": "1.0" }, 7]);
    let (status, answer) = engine
        .post_with(&address(), broken.to_string().into_bytes(), &headers)
        .await;
    assert_eq!(status, 400, "{answer}");
    engine.messages(2).await;
    engine.settled().await;
    assert_eq!(engine.teams.received().len(), 2);
}

#[tokio::test]
async fn event_grid_is_answered_its_question_and_its_events_meet_rules_by_their_type() {
    let engine = engine().await;
    let question = json!([{
        "id": "2d1781af", "topic": "/subscriptions/x", "subject": "", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2026-01-25T22:12:19.4556811Z", "metadataVersion": "1", "dataVersion": "1",
        "data": { "validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6", "validationUrl": "https://rp.example/validate" },
    }]);
    let json_type = ("content-type", "application/json; charset=utf-8");
    let asks = [json_type, ("aeg-event-type", "SubscriptionValidation")];
    let (status, answer) = engine
        .post_with(&address(), question.to_string().into_bytes(), &asks)
        .await;
    assert_eq!(
        (status, answer),
        (
            200,
            json!({ "validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6" })
        )
    );
    let (status, _) = engine
        .post_with("/hooks/events/wrong", question.to_string().into_bytes(), &asks)
        .await;
    assert_eq!(status, 401, "only who knows the address is answered");

    let events = json!([
        { "id": "1", "topic": "/t", "subject": "/blobs/a.csv", "eventType": "Microsoft.Storage.BlobCreated", "data": { "url": "https://a.example/a.csv" } },
        { "id": "2", "topic": "/t", "subject": "/blobs/b.csv", "eventType": "Microsoft.Storage.BlobDeleted", "data": {} },
    ]);
    let tells = [json_type, ("aeg-event-type", "Notification")];
    let (status, answer) = engine
        .post_with(&address(), events.to_string().into_bytes(), &tells)
        .await;
    assert_eq!(status, 202, "{answer}");
    let sent = engine.messages(3).await;
    let to_omar = sent
        .iter()
        .filter(|received| received.activity["text"] == "/blobs/a.csv")
        .count();
    assert_eq!(to_omar, 1, "{sent:#?}");
}

#[tokio::test]
async fn whoever_asks_by_options_whether_events_are_wanted_is_told() {
    let engine = engine().await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let ask = |path: String| {
        http.request(reqwest::Method::OPTIONS, engine.url(&path))
            .header("WebHook-Request-Origin", "eventgrid.azure.net")
            .header("WebHook-Request-Rate", "120")
            .send()
    };
    let answer = ask(address()).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["webhook-allowed-origin"], "eventgrid.azure.net");
    assert_eq!(answer.headers()["webhook-allowed-rate"], "60", "the hook's limit");
    assert_eq!(
        ask("/hooks/events/wrong".to_owned()).await.expect("an answer").status(),
        401
    );
    let other = ask("/hooks/ci".to_owned()).await.expect("an answer");
    assert_eq!(other.status(), 405, "a hook that takes no CloudEvents");
    assert_eq!(other.headers()["allow"], "POST");
}
