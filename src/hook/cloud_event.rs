//! CloudEvents 1.0 over HTTP: one event as JSON (structured), its attributes in headers (binary), or many as JSON (batch).
//!
//! Whatever the form, a rule sees the same: the attributes by their names, and `data`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::Request;
use super::format::{self, BadBody, unreadable};

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
/// The version of the specification.
const VERSION: &str = "1.0";
/// Attributes that every event has.
const NEEDED: [&str; 3] = ["id", "source", "type"];

/// What a request holds.
pub(super) enum Read {
    One(Result<Value, String>),
    Batch(Vec<Result<Value, String>>),
}

/// Is it in one of the three forms?
pub(super) fn is_one(request: &Request<'_>) -> bool {
    essence(request).is_some_and(|essence| essence.starts_with("application/cloudevents"))
        || request.headers.all("ce-specversion").next().is_some()
}

/// The events of a request that [`is_one`].
pub(super) fn read(request: &Request<'_>) -> Result<Read, BadBody> {
    let essence = essence(request).unwrap_or_default();
    match essence.as_str() {
        STRUCTURED => {
            let body = format::json(format::text(request.body)?)?;
            Ok(Read::One(sound(body)))
        }
        BATCH => match format::json(format::text(request.body)?)? {
            Value::Array(items) => Ok(Read::Batch(items.into_iter().map(sound).collect())),
            _ => Err(unreadable("A batch of CloudEvents is a list: `[{...}, {...}]`.")),
        },
        other if other.starts_with("application/cloudevents") => Err(BadBody::WrongType(format!(
            "Herald reads CloudEvents as JSON. Send `{STRUCTURED}`, `{BATCH}`, or headers that begin with `ce-`."
        ))),
        _ => binary(request, &essence).map(Read::One),
    }
}

/// An id is unique within its source.
pub(super) fn repeat_id(event: &Value) -> Option<String> {
    Some(format!("{}\n{}", event["source"].as_str()?, event["id"].as_str()?))
}

/// The content type without its parameters, in small letters.
fn essence(request: &Request<'_>) -> Option<String> {
    let content_type = request.headers.get("content-type")?;
    let essence = content_type.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// An event as JSON, checked, with its data as rules read it.
fn sound(event: Value) -> Result<Value, String> {
    let Value::Object(mut event) = event else {
        return Err("A CloudEvent is an object with `specversion`, `id`, `source` and `type`.".to_owned());
    };
    // An attribute that is null is not there.
    event.retain(|name, value| name == "data" || !value.is_null());
    attributes(&event)?;
    if let Some(written) = event.shift_remove("data_base64") {
        if event.contains_key("data") {
            return Err("A CloudEvent has `data` or `data_base64`, not both.".to_owned());
        }
        let bytes = written.as_str().and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.ok_or("`data_base64` of the CloudEvent is not base64.")?;
        let content_type = event
            .get("datacontenttype")
            .and_then(Value::as_str)
            .unwrap_or("application/json");
        let (key, data) = match of_bytes(&bytes, content_type) {
            Some(data) => ("data", data),
            None => ("data_base64", written),
        };
        event.insert(key.to_owned(), data);
    }
    Ok(Value::Object(event))
}

fn attributes(event: &Map<String, Value>) -> Result<(), String> {
    match event.get("specversion").and_then(Value::as_str) {
        Some(VERSION) => {}
        Some(_) => return Err(format!("`specversion` of the CloudEvent is not `{VERSION}`.")),
        None => return Err("The CloudEvent has no `specversion`.".to_owned()),
    }
    for name in NEEDED {
        if event.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(format!("The CloudEvent has no `{name}`, or it is no text."));
        }
    }
    for (name, value) in event
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "data" | "data_base64"))
    {
        if value.is_array() || value.is_object() {
            let shown: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).take(40).collect();
            return Err(format!(
                "The attribute `{shown}` of the CloudEvent is a list or an object."
            ));
        }
    }
    let time = event.get("time").map(|time| time.as_str().unwrap_or_default());
    if time.is_some_and(|time| DateTime::parse_from_rfc3339(time).is_err()) {
        return Err("`time` of the CloudEvent is no timestamp such as `2026-03-02T15:02:05Z`.".to_owned());
    }
    Ok(())
}

fn binary(request: &Request<'_>, essence: &str) -> Result<Result<Value, String>, BadBody> {
    let mut event = Map::new();
    for (name, value) in request
        .headers
        .pairs()
        .filter_map(|(name, value)| Some((name.strip_prefix("ce-")?, value)))
    {
        let reserved = matches!(name, "data" | "data_base64" | "datacontenttype");
        let plain = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if reserved || !plain {
            continue;
        }
        // The specification wants other letters than ASCII's percent-encoded; its own SDK sends them as Latin-1.
        let written = match str::from_utf8(value) {
            Ok(text) => text.to_owned(),
            Err(_) => value.iter().map(|byte| char::from(*byte)).collect(),
        };
        let Ok(text) = percent_decode_str(written.trim()).decode_utf8() else {
            return Ok(Err(format!("The header `ce-{name}` is not UTF-8.")));
        };
        if event.insert(name.to_owned(), Value::from(text.into_owned())).is_some() {
            return Ok(Err(format!("The header `ce-{name}` came more than once.")));
        }
    }
    event.retain(|_, value| value.as_str() != Some(""));
    if let Err(sentence) = attributes(&event) {
        return Ok(Err(sentence));
    }
    if !request.body.is_empty() {
        let content_type = request.headers.get("content-type").unwrap_or("application/json");
        event.insert("datacontenttype".to_owned(), Value::from(content_type));
        if is_json(essence) || essence.is_empty() {
            event.insert("data".to_owned(), format::json(format::text(request.body)?)?);
        } else {
            let (key, data) = match of_bytes(request.body, content_type) {
                Some(data) => ("data", data),
                None => ("data_base64", Value::from(STANDARD.encode(request.body))),
            };
            event.insert(key.to_owned(), data);
        }
    }
    Ok(Ok(Value::Object(event)))
}

/// Bytes as a rule can read them, where they are JSON or text.
fn of_bytes(bytes: &[u8], content_type: &str) -> Option<Value> {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let text = format::text(bytes).ok()?;
    if is_json(&essence) {
        format::json(text).ok()
    } else {
        let textual = essence.starts_with("text/") || essence == "application/xml" || essence.ends_with("+xml");
        textual.then(|| Value::from(text))
    }
}

fn is_json(essence: &str) -> bool {
    matches!(essence, "application/json" | "text/json") || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::tests::{headers, post};
    use super::*;

    fn one(pairs: &[(&str, &str)], body: &[u8]) -> Result<Value, String> {
        let headers = headers(pairs);
        match read(&post(&headers, body)).map_err(|bad| bad.sentence().to_owned())? {
            Read::One(event) => event,
            Read::Batch(_) => Err("a batch".to_owned()),
        }
    }

    const STRUCTURED_TYPE: (&str, &str) = ("Content-Type", "application/cloudevents+json; charset=UTF-8");

    #[test]
    fn the_same_event_reads_the_same_in_both_forms() {
        let structured = one(
            &[STRUCTURED_TYPE],
            br#"{"specversion":"1.0","id":"A 1","source":"/sensors/7","type":"com.example.hot","subject":"Z\u00fcrich",
                "time":"2026-03-02T15:02:05Z","datacontenttype":"application/json","level":"3","data":{"celsius":41}}"#,
        )
        .expect("structured");
        let binary = one(
            &[
                ("ce-specversion", "1.0"),
                ("ce-id", "A%201"),
                ("ce-source", "/sensors/7"),
                ("ce-type", "com.example.hot"),
                ("ce-subject", "Z%C3%BCrich"),
                ("ce-time", "2026-03-02T15:02:05Z"),
                ("ce-level", "3"),
                ("Content-Type", "application/json"),
            ],
            br#"{"celsius":41}"#,
        )
        .expect("binary");
        let map = |value: &Value| {
            value
                .as_object()
                .cloned()
                .map(|map| map.into_iter().collect::<std::collections::BTreeMap<_, _>>())
        };
        assert_eq!(map(&structured), map(&binary));
        assert_eq!(repeat_id(&binary).as_deref(), Some("/sensors/7\nA 1"));
    }

    #[test]
    fn data_is_json_text_or_bytes_as_its_content_type_says() {
        let event = |more: &str| {
            let body = format!(r#"{{"specversion":"1.0","id":"1","source":"s","type":"t",{more}}}"#);
            one(&[STRUCTURED_TYPE], body.as_bytes())
        };
        assert_eq!(
            event(r#""data_base64":"eyJhIjoxfQ==""#).expect("JSON in base64")["data"],
            json!({ "a": 1 })
        );
        assert_eq!(
            event(r#""datacontenttype":"text/plain","data_base64":"aGk=""#).expect("text")["data"],
            "hi"
        );
        let bytes = event(r#""datacontenttype":"image/png","data_base64":"iVBO""#).expect("bytes");
        assert_eq!((bytes.get("data"), &bytes["data_base64"]), (None, &json!("iVBO")));
        assert_eq!(
            event(r#""data":null,"subject":null"#).expect("nothing").get("subject"),
            None
        );
        let head = [
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-source", "s"),
            ("ce-type", "t"),
        ];
        let binary = |content_type: &str, body: &[u8]| {
            let pairs: Vec<(&str, &str)> = head.into_iter().chain([("Content-Type", content_type)]).collect();
            one(&pairs, body)
        };
        assert_eq!(binary("text/plain", b"hi").expect("text")["data"], "hi");
        assert_eq!(
            binary("application/octet-stream", b"\xff\x00").expect("bytes")["data_base64"],
            "/wA="
        );
        assert_eq!(one(&head, b"").expect("no data").get("data"), None);
        assert!(binary("application/json", b"{").is_err());
    }

    #[test]
    fn letters_that_the_sdk_sends_as_latin_1_are_understood() {
        let headers: super::super::Headers = [
            ("ce-specversion", &b"1.0"[..]),
            ("ce-id", b"a b/\xfc"),
            ("ce-source", b"s"),
            ("ce-type", b"t"),
        ]
        .into_iter()
        .collect();
        let Ok(Read::One(Ok(event))) = read(&post(&headers, b"")) else {
            panic!("it is an event");
        };
        assert_eq!(event["id"], "a b/ü");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, words) in [
            (r#"{"id":"1","source":"s","type":"t"}"#, "no `specversion`"),
            (r#"{"specversion":"0.2","id":"1","source":"s","type":"t"}"#, "not `1.0`"),
            (r#"{"specversion":"1.0","id":"","source":"s","type":"t"}"#, "`id`"),
            (r#"{"specversion":"1.0","id":"1","source":"s","type":7}"#, "`type`"),
            (
                r#"{"specversion":"1.0","id":"1","source":"s","type":"t","time":"soon"}"#,
                "timestamp",
            ),
            (
                r#"{"specversion":"1.0","id":"1","source":"s","type":"t","x":{}}"#,
                "`x`",
            ),
            (
                r#"{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"aGk="}"#,
                "not both",
            ),
            (
                r#"{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"?"}"#,
                "base64",
            ),
            (r#"[]"#, "an object"),
        ] {
            let told = one(&[STRUCTURED_TYPE], body.as_bytes()).expect_err(body);
            assert!(told.contains(words), "{body}: {told}");
        }
        let twice = one(&[("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-id", "2")], b"").expect_err("two ids");
        assert!(twice.contains("more than once"), "{twice}");
        assert!(
            one(&[("Content-Type", "application/cloudevents+xml")], b"<x/>")
                .expect_err("XML")
                .contains("as JSON")
        );
    }

    proptest! {
        #[test]
        fn whatever_is_posted_is_an_event_with_id_source_and_type_or_a_sentence(
            pairs in prop::collection::vec((prop::sample::select(vec!["ce-id", "ce-source", "ce-type", "ce-specversion", "ce-x", "content-type"]),
                "(1.0|application/json|%ff|text/plain|[ -~]{0,20})"), 0..7),
            body in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            if let Ok(event) = one(&pairs.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>(), &body) {
                prop_assert!(repeat_id(&event).is_some() && event["type"].is_string());
            }
        }
    }
}
