//! What Graph's no means: status, headers and body, in words. Pure.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::task::Task;
use crate::teams::answer::wait_of;

/// The longest piece of Graph's own words that is repeated, in characters.
const LONGEST: usize = 300;

/// Why something that Graph was asked for was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum No {
    /// Too many requests; later is fine.
    Throttled {
        /// What was asked.
        task: Task,
        /// How long it asked us to wait, if it said so.
        wait: Option<Duration>,
    },
    /// It, or the way to it, does not work right now; or there is no token to ask with.
    Unavailable {
        /// What was seen, in a sentence.
        reason: String,
        /// How long it asked us to wait, if it said so.
        wait: Option<Duration>,
    },
    /// The app has not the permission, or a policy forbids it.
    Denied {
        /// What was asked.
        task: Task,
        /// Graph's own words.
        said: String,
    },
    /// It is not there.
    NotThere {
        /// What was asked.
        task: Task,
        /// Graph's own words.
        said: String,
    },
    /// It is there already.
    Conflict,
    /// The token does not live long enough for what was asked.
    TokenTooOld,
    /// The request is wrong; asking again changes nothing.
    Rejected {
        /// What was asked.
        task: Task,
        /// Graph's own words.
        said: String,
    },
}

impl No {
    /// The words of all of them, as metrics have them.
    pub const WORDS: [&'static str; 7] = [
        "throttled",
        "unavailable",
        "denied",
        "not_there",
        "conflict",
        "token_too_old",
        "rejected",
    ];

    /// Its word in metrics.
    pub fn word(&self) -> &'static str {
        match self {
            No::Throttled { .. } => "throttled",
            No::Unavailable { .. } => "unavailable",
            No::Denied { .. } => "denied",
            No::NotThere { .. } => "not_there",
            No::Conflict => "conflict",
            No::TokenTooOld => "token_too_old",
            No::Rejected { .. } => "rejected",
        }
    }

    /// Asking again later may help.
    pub fn passes(&self) -> bool {
        match self {
            No::Throttled { .. } | No::Unavailable { .. } => true,
            No::Denied { .. } | No::NotThere { .. } | No::Conflict | No::TokenTooOld | No::Rejected { .. } => false,
        }
    }

    /// How long Graph asked us to wait.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            No::Throttled { wait, .. } | No::Unavailable { wait, .. } => *wait,
            No::Denied { .. } | No::NotThere { .. } | No::Conflict | No::TokenTooOld | No::Rejected { .. } => None,
        }
    }

    /// Something that is no answer to the question.
    pub fn garbled(what: &str) -> No {
        No::Unavailable {
            reason: format!("Microsoft Graph answered with {what}"),
            wait: None,
        }
    }
}

impl fmt::Display for No {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            No::Throttled { wait: Some(wait), .. } => {
                write!(
                    f,
                    "Microsoft Graph asked to wait {} s: too many requests",
                    wait.as_secs()
                )
            }
            No::Throttled { wait: None, .. } => f.write_str("Microsoft Graph asked to slow down: too many requests"),
            No::Unavailable { reason, .. } => f.write_str(reason),
            No::Denied { task, said } => write!(
                f,
                "Microsoft Graph does not let the app {} ({said}): an administrator must grant it the application \
                 permission {}, with admin consent",
                task.words(),
                task.permission()
            ),
            No::NotThere { task, said } => {
                write!(
                    f,
                    "Microsoft Graph could not {}: it is not there ({said})",
                    task.words()
                )
            }
            No::Conflict => f.write_str("Microsoft Graph has it already"),
            No::TokenTooOld => {
                f.write_str("the token for Microsoft Graph ends too soon for a notification to several")
            }
            No::Rejected { task, said } => write!(f, "Microsoft Graph could not {}: {said}", task.words()),
        }
    }
}

/// What an answer of Graph to `task` means when it is no yes; nothing for a yes. `retry_after` is that header, `now` the
/// time it arrived.
///
/// # Errors
/// The no.
pub fn read(task: Task, status: u16, retry_after: Option<&str>, body: &[u8], now: DateTime<Utc>) -> Result<(), No> {
    let wait = retry_after.and_then(|header| wait_of(header, now));
    let said = said(status, body);
    match status {
        200..=299 => Ok(()),
        401 => Err(No::Unavailable {
            reason: format!("Microsoft Graph does not accept the bot's token ({said})"),
            wait,
        }),
        403 => Err(No::Denied { task, said }),
        404 => Err(No::NotThere { task, said }),
        409 => Err(No::Conflict),
        412 => Err(No::TokenTooOld),
        429 => Err(No::Throttled { task, wait }),
        500..=599 | 408 => Err(No::Unavailable {
            reason: format!("Microsoft Graph does not work right now ({said})"),
            wait,
        }),
        _ => Err(No::Rejected { task, said }),
    }
}

/// `403 Forbidden: Missing role permissions`, with the id by which Microsoft finds the request.
fn said(status: u16, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let error = &body["error"];
    let text = |value: &Value| {
        let text = value.as_str().unwrap_or_default().trim();
        let line: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(LONGEST)
            .collect();
        line.trim_end_matches('.').to_owned()
    };
    let (code, message) = (text(&error["code"]), text(&error["message"]));
    let mut said = status.to_string();
    if !code.is_empty() {
        said.push(' ');
        said.push_str(&code);
    }
    if !message.is_empty() {
        said.push_str(": ");
        said.push_str(&message);
    }
    let request = text(&error["innerError"]["request-id"]);
    if !request.is_empty() {
        said.push_str(&format!("; request-id {request}"));
    }
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn heard(task: Task, status: u16, retry_after: Option<&str>, body: Value) -> No {
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        read(task, status, retry_after, body.to_string().as_bytes(), now).unwrap_err()
    }

    #[test]
    fn a_missing_permission_is_named_with_what_it_is_for() {
        let body = json!({"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges.",
            "innerError": {"request-id": "0b1e"}}});
        let no = heard(Task::FindPerson, 403, None, body).to_string();
        for part in [
            "look a person up",
            "Authorization_RequestDenied",
            "User.ReadBasic.All (or User.Read.All)",
            "0b1e",
        ] {
            assert!(no.contains(part), "{no}");
        }
    }

    #[test]
    fn a_wait_that_graph_asks_for_is_kept_and_what_passes_is_told_from_what_stays() {
        let throttled = heard(Task::Install, 429, Some("17"), json!({}));
        assert_eq!(throttled.wait(), Some(Duration::from_secs(17)));
        assert!(throttled.passes());
        assert!(heard(Task::Install, 503, None, json!({})).passes());
        assert!(heard(Task::Install, 401, None, json!({})).passes());
        for status in [400, 403, 404, 409, 412] {
            assert!(!heard(Task::Install, status, None, json!({})).passes(), "{status}");
        }
    }

    #[test]
    fn a_page_of_a_proxy_or_a_very_long_text_does_no_harm() {
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        let no = read(Task::Install, 502, None, b"<html>Bad gateway</html>", now).unwrap_err();
        assert_eq!(no.to_string(), "Microsoft Graph does not work right now (502)");
        let long = heard(
            Task::Install,
            400,
            None,
            json!({"error": {"message": "x".repeat(10_000)}}),
        );
        assert!(long.to_string().len() < 500);
    }
}
