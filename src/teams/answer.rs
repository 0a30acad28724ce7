//! What the connector's status, headers and body mean for us.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

/// What came of asking the connector for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It took the message.
    Accepted {
        /// The message's id; Teams gives none when it had to split the message.
        activity_id: Option<String>,
    },
    /// Too many requests; later is fine.
    Throttled {
        /// How long it asked us to wait, if it said so.
        wait: Option<Duration>,
    },
    /// Something else happened in the conversation at the same moment; again is fine.
    Conflict,
    /// It, or the way to it, does not work right now. The message may have arrived all the same.
    Unavailable {
        /// What was seen.
        reason: String,
        /// How long it asked us to wait, if it said so.
        wait: Option<Duration>,
    },
    /// It failed inside (500). The message may have arrived, and asking again seldom helps: once is enough.
    Faulty {
        /// What was seen.
        reason: String,
    },
    /// It was not asked: there is no token to ask with.
    NoToken {
        /// Why.
        reason: String,
    },
    /// It does not accept our token, even a fresh one: the operator must act, no message will pass until then.
    Unauthorized {
        /// What to look at.
        reason: String,
    },
    /// An administrator switched the bot off in this tenant.
    SwitchedOff {
        /// What was seen.
        reason: String,
    },
    /// The tenant lives in another cloud; the message has to go to that cloud's host.
    WrongHost {
        /// What was seen.
        reason: String,
    },
    /// The bot is not installed there, any more or at all.
    NotInstalled {
        /// Teams' word for it.
        code: String,
        /// What was seen.
        reason: String,
    },
    /// The conversation was told to another bot, or to this one under earlier credentials.
    Foreign {
        /// What was seen.
        reason: String,
    },
    /// The conversation is gone, or Teams says so.
    Gone {
        /// Teams' word for it; [`Answer::may_reopen`] knows the ones that are not final for a personal chat.
        code: String,
        /// What was seen.
        reason: String,
    },
    /// The person does not want messages from the bot, or the channel lets only some people write.
    Blocked {
        /// Teams' word for it.
        code: String,
        /// What was seen.
        reason: String,
    },
    /// This person cannot be written to: unknown in the tenant, or without the app.
    Unreachable {
        /// Teams' word for it.
        code: String,
        /// What was seen.
        reason: String,
    },
    /// The bot is there, but has no right to write: an announcement channel, an archived team.
    NotAllowed {
        /// Teams' word for it.
        code: String,
        /// What was seen.
        reason: String,
    },
    /// The message to change or answer to is gone.
    MessageGone {
        /// What was seen.
        reason: String,
    },
    /// The message is too large.
    TooLarge,
    /// The request itself is wrong; sending it again changes nothing.
    Rejected {
        /// What was seen.
        reason: String,
    },
}

const NOT_FOUND: &str = "ConversationNotFound";

/// No wait is longer than this, whatever the header says.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

impl Answer {
    /// Every word of [`Answer::word`]; `docs/errors.md` explains each.
    pub const WORDS: [&'static str; 18] = [
        "accepted",
        "throttled",
        "conflict",
        "unavailable",
        "faulty",
        "no_token",
        "unauthorized",
        "switched_off",
        "wrong_host",
        "not_installed",
        "foreign",
        "gone",
        "blocked",
        "unreachable",
        "not_allowed",
        "message_gone",
        "too_large",
        "rejected",
    ];

    /// The word used in metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Answer::Accepted { .. } => "accepted",
            Answer::Throttled { .. } => "throttled",
            Answer::Conflict => "conflict",
            Answer::Unavailable { .. } => "unavailable",
            Answer::Faulty { .. } => "faulty",
            Answer::NoToken { .. } => "no_token",
            Answer::Unauthorized { .. } => "unauthorized",
            Answer::SwitchedOff { .. } => "switched_off",
            Answer::WrongHost { .. } => "wrong_host",
            Answer::NotInstalled { .. } => "not_installed",
            Answer::Foreign { .. } => "foreign",
            Answer::Gone { .. } => "gone",
            Answer::Blocked { .. } => "blocked",
            Answer::Unreachable { .. } => "unreachable",
            Answer::NotAllowed { .. } => "not_allowed",
            Answer::MessageGone { .. } => "message_gone",
            Answer::TooLarge => "too_large",
            Answer::Rejected { .. } => "rejected",
        }
    }

    /// Whether opening the personal chat again may help: Teams forgets a chat whose history was removed, and sometimes
    /// says so of one that is there.
    pub fn may_reopen(&self) -> bool {
        matches!(self, Answer::Gone { code, .. } if code == NOT_FOUND)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Accepted { .. } => f.write_str("Teams took the message"),
            Answer::Throttled { wait: Some(wait) } => {
                write!(f, "Teams asked to wait {} s: too many requests", wait.as_secs())
            }
            Answer::Throttled { wait: None } => f.write_str("Teams asked to slow down: too many requests"),
            Answer::Conflict => f.write_str("something else happened in the conversation at the same moment"),
            Answer::TooLarge => f.write_str("the card is too large for Teams"),
            Answer::Unavailable { reason, .. }
            | Answer::Faulty { reason }
            | Answer::NoToken { reason }
            | Answer::Unauthorized { reason }
            | Answer::SwitchedOff { reason }
            | Answer::WrongHost { reason }
            | Answer::NotInstalled { reason, .. }
            | Answer::Foreign { reason }
            | Answer::Gone { reason, .. }
            | Answer::Blocked { reason, .. }
            | Answer::Unreachable { reason, .. }
            | Answer::NotAllowed { reason, .. }
            | Answer::MessageGone { reason }
            | Answer::Rejected { reason } => f.write_str(reason),
        }
    }
}

/// What an HTTP answer of the connector means. `retry_after` is that header, `now` the time it arrived.
pub fn read(status: u16, retry_after: Option<&str>, body: &[u8], now: DateTime<Utc>) -> Answer {
    let wait = retry_after.and_then(|header| wait_of(header, now));
    if is_a_page(body) && !matches!(status, 401 | 412 | 413 | 429 | 500) {
        // Teams speaks JSON: a gateway, proxy or firewall stands in between, and its no is not Teams' no.
        return Answer::Unavailable {
            reason: format!("something between Herald and Teams answered {status} with a web page"),
            wait,
        };
    }
    let said = Said::of(body, status);
    if (200..300).contains(&status) {
        return Answer::Accepted { activity_id: said.id };
    }
    // The status is not always the one the word goes with, so the words come first.
    by_word(&said, wait).unwrap_or_else(|| by_status(&said, wait))
}

fn by_word(said: &Said, wait: Option<Duration>) -> Option<Answer> {
    let seen = |meaning: &str| said.seen(meaning);
    let code = said.code_or("");
    Some(match said.word().as_str() {
        "throttled" | "toomanyrequests" => Answer::Throttled { wait },
        "messagesizetoobig" | "requestentitytoolarge" => Answer::TooLarge,
        "botnotregistered" => Answer::Unauthorized {
            reason: seen("no bot is registered for `bot.app_id`, or its Teams channel is off"),
        },
        "botdisabledbyadmin" => Answer::SwitchedOff {
            reason: seen("an administrator of the tenant has blocked the app"),
        },
        "botnotinconversationroster" => Answer::NotInstalled {
            code,
            reason: seen("the bot is not installed there any more"),
        },
        "conversationnotfound" => not_found(said),
        "conversationblockedbyuser" | "messagewritesblocked" => Answer::Blocked {
            code,
            reason: seen("the bot was blocked, muted or removed there, or may not write"),
        },
        "membernotfoundinconversation" => Answer::Unreachable {
            code,
            reason: seen("the person is not a member there"),
        },
        "forbiddenoperationexception" => Answer::Unreachable {
            code,
            reason: seen("the person has not installed the app; an administrator can install it for them"),
        },
        "notenoughpermissions" => Answer::NotAllowed {
            code,
            reason: seen(
                "the bot may not write there; an owner of the team can change that (a channel where only some may post, an \
                 archived team)",
            ),
        },
        "invalidbotapihost" => Answer::WrongHost {
            reason: seen("this tenant is served by another cloud; set `bot.cloud`, `gcc` for a US government tenant"),
        },
        "activitynotfoundinconversation" => Answer::MessageGone {
            reason: seen("the message is gone"),
        },
        "badsyntax" if said.mentions("invalid user identity") => Answer::Unreachable {
            code,
            reason: seen("there is no such person in the tenant"),
        },
        _ if said.status == 400 && said.mentions("failed to decrypt") => Answer::Foreign {
            reason: seen(
                "the conversation belongs to another bot or to earlier credentials; install the app again there",
            ),
        },
        _ if said.mentions("thread is deleted") => not_found(said),
        _ => return None,
    })
}

fn by_status(said: &Said, wait: Option<Duration>) -> Answer {
    let seen = |meaning: &str| said.seen(meaning);
    match said.status {
        401 => Answer::Unauthorized {
            reason: seen("the token is refused; check `bot.app_id`, `bot.tenant` and `bot.cloud`"),
        },
        403 if said.code.is_none() => Answer::NotInstalled {
            code: "Forbidden".to_owned(),
            reason: seen("the bot is not installed there any more"),
        },
        404 if said.code.is_none() => not_found(said),
        405 | 410 => Answer::Gone {
            code: said.code_or("Gone"),
            reason: seen("the conversation is gone"),
        },
        412 => Answer::Conflict,
        413 => Answer::TooLarge,
        429 => Answer::Throttled { wait },
        500 => Answer::Faulty {
            reason: seen("Teams failed inside"),
        },
        300..=399 => Answer::Unavailable {
            reason: seen("something between Herald and Teams redirects, which is not followed"),
            wait,
        },
        408 | 425 | 502..=504 | 507..=599 => Answer::Unavailable {
            reason: seen("Teams is not available"),
            wait,
        },
        _ => Answer::Rejected {
            reason: seen("Teams does not take the request"),
        },
    }
}

fn not_found(said: &Said) -> Answer {
    Answer::Gone {
        code: NOT_FOUND.to_owned(),
        reason: said.seen("the conversation is gone"),
    }
}

/// The status and what the body says, in whichever envelope.
#[derive(Debug, Default, PartialEq)]
struct Said {
    status: u16,
    id: Option<String>,
    code: Option<String>,
    message: Option<String>,
}

impl Said {
    fn of(body: &[u8], status: u16) -> Said {
        let said = match serde_json::from_slice::<Value>(body) {
            Ok(Value::String(inside)) => serde_json::from_str(&inside).map(|value| Said::in_value(&value)),
            Ok(value) => Ok(Said::in_value(&value)),
            Err(error) => Err(error),
        };
        Said {
            status,
            ..said.unwrap_or_default()
        }
    }

    fn in_value(body: &Value) -> Said {
        let error = &body["error"];
        let message = text(&error["message"]).or_else(|| text(&body["message"]));
        // A person who blocked the bot is told by a JSON document inside the message of another.
        let inside: Value = message
            .as_deref()
            .and_then(|message| serde_json::from_str(message).ok())
            .unwrap_or(Value::Null);
        let deeper = &error["innerHttpError"]["body"];
        let code = text(&error["code"])
            .or_else(|| text(&body["code"]))
            .or_else(|| text(&inside["subCode"]))
            .or_else(|| text(&deeper["error"]["code"]))
            .or_else(|| text(&body["subCode"]))
            .or_else(|| text(error));
        let message = text(&inside["details"]).or(message);
        let id = match &body["id"] {
            Value::Number(number) => Some(number.to_string()),
            id => text(id),
        };
        Said {
            status: 0,
            id,
            code,
            message,
        }
    }

    /// The code as it is compared: some places write `Bad Argument`, others `BadArgument`.
    fn word(&self) -> String {
        let code = self.code.as_deref().unwrap_or_default();
        code.chars()
            .filter(|c| c.is_ascii_alphanumeric())
            .map(|c| c.to_ascii_lowercase())
            .collect()
    }

    fn code_or(&self, otherwise: &str) -> String {
        self.code
            .as_deref()
            .map_or_else(|| otherwise.to_owned(), |code| shortened(code, 60))
    }

    fn mentions(&self, words: &str) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        message.to_ascii_lowercase().contains(words)
    }

    /// `meaning (Teams answered 403 MessageWritesBlocked: Thread is blocked from message writes.)`
    fn seen(&self, meaning: &str) -> String {
        let mut told = self.status.to_string();
        if let Some(code) = &self.code {
            told.push(' ');
            told.push_str(&shortened(code, 60));
        }
        if let Some(message) = &self.message {
            told.push_str(": ");
            told.push_str(&shortened(message, 200));
        }
        format!("{meaning} (Teams answered {told})")
    }
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn shortened(text: &str, longest: usize) -> String {
    let mut short: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(longest)
        .collect();
    if text.chars().nth(longest).is_some() {
        short.push('…');
    }
    short
}

fn is_a_page(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

/// The length a `Retry-After` header asks for: seconds, or a date. An unreadable one asks for nothing.
pub(crate) fn wait_of(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let header = header.trim();
    let asked = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (date(header)? - now).to_std().unwrap_or(Duration::ZERO),
    };
    Some(asked.min(LONGEST_WAIT))
}

/// A date as HTTP writes it: in mail's form, or in one of two obsolete ones.
fn date(header: &str) -> Option<DateTime<Utc>> {
    let obsolete = |form| {
        NaiveDateTime::parse_from_str(header, form)
            .ok()
            .map(|date| date.and_utc())
    };
    DateTime::parse_from_rfc2822(header)
        .ok()
        .map(|date| date.to_utc())
        .or_else(|| obsolete("%A, %d-%b-%y %H:%M:%S GMT"))
        .or_else(|| obsolete("%a %b %e %H:%M:%S %Y"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn now() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn of(status: u16, body: &str) -> Answer {
        read(status, None, body.as_bytes(), now())
    }

    fn error(code: &str, message: &str) -> String {
        json!({"error": {"code": code, "message": message}}).to_string()
    }

    #[test]
    fn every_row_of_the_catalogue_means_what_it_says() {
        let table = [
            (400, error("Bad Argument", "Unknown activity type"), "rejected"),
            (
                400,
                error("BadArgument", "Failed to decrypt conversation id"),
                "foreign",
            ),
            (
                400,
                error("BadSyntax", "Incorrect conversation creation parameters"),
                "rejected",
            ),
            (
                400,
                error("BadSyntax", "Invalid user identity in provided tenant"),
                "unreachable",
            ),
            (400, error("MemberNotFoundInConversation", ""), "unreachable"),
            (
                401,
                r#"{"message":"Authorization has been denied for this request."}"#.into(),
                "unauthorized",
            ),
            (401, error("BotNotRegistered", ""), "unauthorized"),
            (403, error("BotDisabledByAdmin", ""), "switched_off"),
            (403, error("BotNotInConversationRoster", ""), "not_installed"),
            (403, error("ConversationBlockedByUser", ""), "blocked"),
            (403, error("MessageWritesBlocked", ""), "blocked"),
            (403, error("ForbiddenOperationException", ""), "unreachable"),
            (403, error("NotEnoughPermissions", ""), "not_allowed"),
            (403, error("InvalidBotApiHost", ""), "wrong_host"),
            (403, String::new(), "not_installed"),
            (403, error("SomethingNew", ""), "rejected"),
            (404, error("ConversationNotFound", ""), "gone"),
            (404, error("ActivityNotFoundInConversation", ""), "message_gone"),
            (404, r#"{"message":"Thread is deleted"}"#.into(), "gone"),
            (404, String::new(), "gone"),
            (404, error("SomethingNew", ""), "rejected"),
            (405, String::new(), "gone"),
            (410, error("Gone", ""), "gone"),
            (412, error("PreconditionFailed", ""), "conflict"),
            (413, error("MessageSizeTooBig", ""), "too_large"),
            (413, error("RequestEntityTooLarge", ""), "too_large"),
            (429, error("Throttled", ""), "throttled"),
            (429, error("TooManyRequests", ""), "throttled"),
            (500, error("ServiceError", ""), "faulty"),
            (500, error("InternalServerError", ""), "faulty"),
            (502, error("BadGateway", ""), "unavailable"),
            (503, error("ServiceUnavailable", ""), "unavailable"),
            (504, error("GatewayTimeout", ""), "unavailable"),
        ];
        for (status, body, word) in table {
            assert!(Answer::WORDS.contains(&word));
            assert_eq!(of(status, &body).word(), word, "{status} {body}");
        }
    }

    #[test]
    fn a_person_who_blocked_the_bot_is_recognised_in_the_document_inside_the_message() {
        let body = r#"{"errorCode":209,"message":"{\r\n  \"subCode\": \"MessageWritesBlocked\",\r\n  \"details\": \"Thread is blocked from message writes.\",\r\n  \"errorCode\": null,\r\n  \"errorSubCode\": null\r\n}"}"#;
        let Answer::Blocked { code, reason } = of(403, body) else {
            panic!("{:?}", of(403, body))
        };
        assert_eq!(code, "MessageWritesBlocked");
        assert!(
            reason.ends_with("(Teams answered 403 MessageWritesBlocked: Thread is blocked from message writes.)")
        );
    }

    #[test]
    fn odd_envelopes_are_read_all_the_same() {
        for body in [
            r#"{"code":"BotNotInConversationRoster"}"#,
            r#"{"error":"botNotInConversationRoster"}"#,
            r#"{"error":{"message":"x","innerHttpError":{"statusCode":403,"body":{"error":{"code":"BotNotInConversationRoster"}}}}}"#,
            r#""{\"error\":{\"code\":\"Bot Not In Conversation Roster\"}}""#,
            r#"{"error":{"code":"BOTNOTINCONVERSATIONROSTER","message":17}}"#,
        ] {
            assert_eq!(of(403, body).word(), "not_installed", "{body}");
        }
    }

    #[test]
    fn a_message_is_accepted_with_whatever_id_it_was_given() {
        let id = |body: &str| match of(201, body) {
            Answer::Accepted { activity_id } => activity_id,
            other => panic!("{other:?}"),
        };
        assert_eq!(id(r#"{"id":"1772440000001"}"#).as_deref(), Some("1772440000001"));
        assert_eq!(id(r#"{"id":17}"#).as_deref(), Some("17"));
        for without in ["", "{}", r#"{"id":""}"#, r#"{"id":null}"#, "null", "OK"] {
            assert_eq!(id(without), None, "{without}");
        }
        assert_eq!(of(204, "").word(), "accepted");
    }

    #[test]
    fn a_web_page_is_never_teams_own_answer() {
        for status in [200, 400, 403, 404, 502, 503] {
            assert_eq!(
                of(status, " <!DOCTYPE html><h1>Sign in</h1>").word(),
                "unavailable",
                "{status}"
            );
        }
        assert_eq!(of(413, "<html>too large</html>").word(), "too_large");
        assert_eq!(of(429, "<html>slow down</html>").word(), "throttled");
        assert_eq!(of(302, "").word(), "unavailable");
    }

    #[test]
    fn teams_is_waited_for_as_long_as_it_asked_in_seconds_or_by_date() {
        let waits = |header: &str| match read(429, Some(header), b"", now()) {
            Answer::Throttled { wait } => wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(waits("7"), Some(Duration::from_secs(7)));
        assert_eq!(waits(" 0 "), Some(Duration::ZERO));
        assert_eq!(waits("Mon, 02 Mar 2026 12:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(waits("Monday, 02-Mar-26 12:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(waits("Mon Mar  2 12:00:30 2026"), Some(Duration::from_secs(30)));
        assert_eq!(waits("Mon, 02 Mar 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(waits("99999999999999"), Some(LONGEST_WAIT));
        for nonsense in ["", "soon", "-3", "7.5 minutes", "99999999999999999999999"] {
            assert_eq!(waits(nonsense), None, "{nonsense}");
        }
        let Answer::Unavailable { wait, .. } = read(503, Some("20"), b"", now()) else {
            panic!("503 is unavailable")
        };
        assert_eq!(wait, Some(Duration::from_secs(20)));
    }

    #[test]
    fn a_lost_personal_chat_may_be_opened_again_but_a_removed_bot_stays_removed() {
        assert!(of(404, "").may_reopen());
        assert!(of(404, &error("conversationNotFound", "")).may_reopen());
        assert!(!of(403, &error("BotNotInConversationRoster", "")).may_reopen());
        assert!(!of(410, "").may_reopen());
    }

    #[test]
    fn what_is_repeated_of_an_answer_is_short_and_on_one_line() {
        let shown = of(400, &error(&"X".repeat(1000), &"line\n".repeat(1000))).to_string();
        assert!(shown.len() < 400 && !shown.contains('\n'), "{shown}");
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(status in 0_u16..1000, header in ".{0,40}", body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let answer = read(status, Some(&header), &body, now());
            prop_assert!(!answer.to_string().is_empty());
            prop_assert_eq!(answer.word() == "accepted", (200..300).contains(&status) && !is_a_page(&body));
        }
    }
}
