//! Azure Event Grid in its own schema: lists of events, after a question whether we want them.

use serde_json::Value;

use super::Request;

/// The header in which Event Grid says why it posts.
const WHY: &str = "aeg-event-type";
const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// Did Event Grid post it?
pub(super) fn is_one(request: &Request<'_>) -> bool {
    request.headers.get(WHY).is_some()
}

/// The code to send back, when the post asks whether events are wanted here.
pub(super) fn validation_code(request: &Request<'_>, body: &Value) -> Option<String> {
    let first = match body {
        Value::Array(items) => items.first()?,
        one => one,
    };
    let asked = request
        .headers
        .get(WHY)
        .is_none_or(|why| why.eq_ignore_ascii_case("SubscriptionValidation"));
    let asks = asked && first["eventType"] == VALIDATION;
    let code = asks
        .then(|| first.pointer("/data/validationCode")?.as_str())
        .flatten()?;
    (code.len() <= 256).then(|| code.to_owned())
}

/// The events of a post.
pub(super) fn items(body: Value) -> Vec<Result<Value, String>> {
    let items = match body {
        Value::Array(items) => items,
        one => vec![one],
    };
    items.into_iter().map(sound).collect()
}

fn sound(event: Value) -> Result<Value, String> {
    for name in ["id", "eventType"] {
        if event.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(format!("The Event Grid event has no `{name}`, or it is no text."));
        }
    }
    Ok(event)
}

/// An id is unique within its topic.
pub(super) fn repeat_id(event: &Value) -> Option<String> {
    Some(format!(
        "{}\n{}",
        event["topic"].as_str().unwrap_or_default(),
        event["id"].as_str()?
    ))
}
