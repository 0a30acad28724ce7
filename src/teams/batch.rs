//! What the batch API says. It is known from Microsoft's SDKs alone, which differ: everything is read leniently. Pure.
//!
//! A bot hands Teams a list of people and one message and gets an operation id; later it asks how far the operation is,
//! and who did not get the message.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::answer::{self, Answer};

/// The longest operation id that is believed.
const LONGEST_ID: usize = 200;
/// The longest error of an entry that is kept, in characters.
const LONGEST_ERROR: usize = 200;

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is not at its end.
    UnderWay,
    /// It is at its end.
    Completed,
    /// It was given up.
    Failed,
}

/// What Teams says of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How far it is.
    pub stage: Stage,
    /// Asking earlier is throttled.
    pub retry_after: Option<DateTime<Utc>>,
    /// How many entries failed, if Teams counts them.
    pub failed: Option<u64>,
}

/// A page of those who did not get it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures {
    /// Who, and why not.
    pub entries: Vec<Failure>,
    /// Shown to get the next page.
    pub next: Option<String>,
}

/// Somebody who did not get the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// As they were named in the request, or otherwise.
    pub member: String,
    /// Teams' word for it, or a status.
    pub error: String,
}

/// The operation's id: `{"operationId": "..."}`, or the text alone.
pub fn operation_id(body: &[u8]) -> Option<String> {
    let id = match serde_json::from_slice::<Value>(body) {
        Ok(Value::String(id)) => id,
        Ok(value) => match field(&value, &["operationId", "id"])? {
            Value::String(id) => id.clone(),
            _ => return None,
        },
        // A text without its quotation marks.
        Err(_) => std::str::from_utf8(body).ok()?.to_owned(),
    };
    let id = id.trim();
    let is_one = !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(|c| c.is_ascii_graphic() && c != '<');
    is_one.then(|| id.to_owned())
}

/// How far an operation is. A word that is not known is taken for one that says "not yet".
pub fn standing(body: &Value) -> Standing {
    let word = field(body, &["state", "status"])
        .and_then(Value::as_str)
        .unwrap_or_default();
    let stage = match word.to_ascii_lowercase().as_str() {
        "completed" | "succeeded" => Stage::Completed,
        "failed" | "cancelled" | "canceled" => Stage::Failed,
        _ => Stage::UnderWay,
    };
    let retry_after = field(body, &["retryAfter"])
        .and_then(Value::as_str)
        .and_then(|text| DateTime::parse_from_rfc3339(text.trim()).ok())
        .map(|at| at.to_utc());
    Standing {
        stage,
        retry_after,
        failed: field(body, &["statusMap", "stateMap"]).and_then(failed),
    }
}

/// Counted by status (`{"201": 180, "403": 4}`), or by word (`{"success": 180, "failed": 4}`).
fn failed(map: &Value) -> Option<u64> {
    let counts = map.as_object()?.iter().filter_map(|(key, count)| {
        let count = count.as_u64()?;
        let failed = match key.parse::<u16>() {
            Ok(status) => status >= 300,
            Err(_) => matches!(key.to_ascii_lowercase().as_str(), "failed" | "throttled"),
        };
        Some(if failed { count } else { 0 })
    });
    Some(counts.fold(0, u64::saturating_add))
}

/// A page of those who did not get it.
pub fn failures(body: &Value) -> Failures {
    let list = field(body, &["failedEntries", "failedEntryResponses", "failedEntryResponse"]);
    let entries = list
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let member = field(entry, &["id", "entryId"])?.as_str()?.trim().to_owned();
            let error = match field(entry, &["error", "code", "status"]) {
                Some(Value::String(error)) => error.trim().chars().take(LONGEST_ERROR).collect(),
                Some(Value::Number(status)) => status.to_string(),
                Some(Value::Object(error)) => error
                    .get("code")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .chars()
                    .take(LONGEST_ERROR)
                    .collect(),
                _ => String::new(),
            };
            (!member.is_empty()).then_some(Failure { member, error })
        });
    let next = field(body, &["continuationToken"]).and_then(Value::as_str);
    Failures {
        entries: entries.collect(),
        next: next.filter(|token| !token.is_empty()).map(str::to_owned),
    }
}

/// What an entry's error means: what the same word or status would mean in the answer to a single message.
pub fn meaning(error: &str, now: DateTime<Utc>) -> Answer {
    let word: String = error
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let by_status = |status: u16, code: Option<&str>| {
        let body = code.map_or_else(Vec::new, |code| {
            serde_json::json!({ "error": { "code": code } })
                .to_string()
                .into_bytes()
        });
        match answer::read(status, None, &body, now) {
            // A list of failures has no successes.
            Answer::Accepted { .. } => refused(error),
            answer => answer,
        }
    };
    if let Ok(status) = word.parse::<u16>() {
        return by_status(status, None);
    }
    match word.as_str() {
        "" => refused("it says no reason"),
        "forbidden" => by_status(403, None),
        "notfound" => by_status(404, None),
        "unauthorized" => by_status(401, None),
        "preconditionfailed" | "conflict" => by_status(412, None),
        "internalservererror" | "serviceerror" | "internalerror" => by_status(500, None),
        "badgateway" => by_status(502, None),
        "serviceunavailable" => by_status(503, None),
        "gatewaytimeout" | "timeout" | "requesttimeout" => by_status(504, None),
        // The table of words knows the others; it looks at no status but this one.
        _ => by_status(400, Some(error)),
    }
}

fn refused(why: &str) -> Answer {
    Answer::Rejected {
        reason: format!("Teams did not send it to this person in the batch: {why}"),
    }
}

/// A field by one of its names, whatever the case.
fn field<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let map = value.as_object()?;
    names.iter().find_map(|name| {
        let found = map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().expect("an instant")
    }

    #[test]
    fn an_operation_id_comes_in_an_object_or_alone() {
        let id = Some("6c1f2b44-8d3a".to_owned());
        for body in [
            r#"{"operationId":"6c1f2b44-8d3a"}"#,
            r#"{"OperationId":"6c1f2b44-8d3a"}"#,
            r#""6c1f2b44-8d3a""#,
            "6c1f2b44-8d3a\r\n",
        ] {
            assert_eq!(operation_id(body.as_bytes()), id, "{body}");
        }
        for body in ["", "{}", "null", "7", "<html>", "two words", r#"{"operationId":""}"#] {
            assert_eq!(operation_id(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_state_is_read_however_it_is_written() {
        let ongoing = standing(&json!({
            "state": "Ongoing", "statusMap": { "201": 180, "403": 4, "404": 2 },
            "retryAfter": "2026-03-02T12:00:20Z", "totalEntriesCount": 1200,
        }));
        assert_eq!(
            ongoing,
            Standing {
                stage: Stage::UnderWay,
                retry_after: Some(noon() + chrono::Duration::seconds(20)),
                failed: Some(6),
            }
        );
        let completed = standing(
            &json!({ "State": "completed", "StatusMap": { "success": 3, "failed": 1, "throttled": 2, "pending": 9 } }),
        );
        assert_eq!((completed.stage, completed.failed), (Stage::Completed, Some(3)));
        assert_eq!(standing(&json!({ "state": "FAILED" })).stage, Stage::Failed);
        for odd in [
            json!({}),
            json!([1]),
            json!({ "state": 7, "retryAfter": "soon", "statusMap": 3 }),
        ] {
            assert_eq!(
                standing(&odd),
                Standing {
                    stage: Stage::UnderWay,
                    retry_after: None,
                    failed: None,
                }
            );
        }
    }

    #[test]
    fn failed_entries_are_read_under_each_of_their_names() {
        for list in ["failedEntries", "failedEntryResponses", "FailedEntryResponse"] {
            let page = failures(&json!({
                "continuationToken": "abc",
                list: [{ "id": "29:a", "error": "Forbidden" }, { "EntryId": "29:b", "error": 404 }, { "error": "x" }, 3],
            }));
            let failure = |member: &str, error: &str| Failure {
                member: member.to_owned(),
                error: error.to_owned(),
            };
            assert_eq!(
                page.entries,
                [failure("29:a", "Forbidden"), failure("29:b", "404")],
                "{list}"
            );
            assert_eq!(page.next.as_deref(), Some("abc"));
        }
        assert_eq!(failures(&json!({ "continuationToken": "" })), Failures::default());
    }

    #[test]
    fn an_entrys_error_means_what_it_means_in_a_single_answer() {
        let word = |error: &str| meaning(error, noon()).word();
        for (error, means) in [
            ("Forbidden", "not_installed"),
            ("403", "not_installed"),
            ("NotFound", "gone"),
            ("TooManyRequests", "throttled"),
            ("429", "throttled"),
            ("Throttled", "throttled"),
            ("MessageWritesBlocked", "blocked"),
            ("BotNotInConversationRoster", "not_installed"),
            ("MemberNotFoundInConversation", "unreachable"),
            ("ServiceUnavailable", "unavailable"),
            ("InternalServerError", "faulty"),
            ("BadSyntax", "rejected"),
            ("SomethingNew", "rejected"),
            ("201", "rejected"),
            ("", "rejected"),
        ] {
            assert_eq!(word(error), means, "{error}");
        }
    }
}
