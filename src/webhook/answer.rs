//! (what stands behind a webhook, status, headers, body) -> what it means for us. Pure.

use chrono::{DateTime, Utc};

use super::Kind;
use crate::teams::answer::{self, Answer};

/// A connector that was refused by what lies behind it answers 200 and says so in its body, before this number.
const INNER_STATUS: &str = "http error ";

/// What a webhook's answer means. Nothing of the body is repeated: a proxy on the way may echo the address, which is a
/// secret.
pub fn read(kind: Kind, status: u16, retry_after: Option<&str>, body: &[u8], now: DateTime<Utc>) -> Answer {
    let text = String::from_utf8_lossy(body);
    let status = match (status, inner_status(&text)) {
        (200..=299, Some(inner)) => inner,
        (200, None) if kind == Kind::Incoming && text.trim() != "1" => {
            let reason =
                "the webhook answered 200 with something else than `1`, so the card was not taken".to_owned();
            return Answer::Faulty { reason };
        }
        (200..=299, None) => return Answer::Accepted { activity_id: None },
        (status, _) => status,
    };
    let wait = || retry_after.and_then(|text| answer::wait_of(text, now));
    let said = |what: &str| format!("the webhook answered {status}: {what}");
    match status {
        300..=399 => Answer::Rejected {
            reason: said("it points somewhere else, and Herald does not follow"),
        },
        429 => Answer::Throttled { wait: wait() },
        413 => Answer::TooLarge,
        404 | 410 => Answer::Rejected {
            reason: said("there is no such webhook any more; create a new one in the channel and change the secret"),
        },
        401 | 403 => Answer::Rejected {
            reason: said("it does not let us in; its address was changed, or the flow asks for a sign-in"),
        },
        408 | 502..=504 => Answer::Unavailable {
            reason: said("it does not work right now"),
            wait: wait(),
        },
        500..=599 => Answer::Faulty {
            reason: said("it failed"),
        },
        _ => Answer::Rejected {
            reason: said("it does not take this card"),
        },
    }
}

/// The status that Teams gave to the connector, which it passes on in words.
fn inner_status(body: &str) -> Option<u16> {
    let lower = body.to_lowercase();
    let (_, after) = lower.split_once(INNER_STATUS)?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|status| (400..600).contains(status))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn told(kind: Kind, status: u16, body: &str) -> Answer {
        read(kind, status, None, body.as_bytes(), noon())
    }

    fn yes() -> Answer {
        Answer::Accepted { activity_id: None }
    }

    #[test]
    fn a_connector_says_yes_with_a_one_and_nothing_else() {
        assert_eq!(told(Kind::Incoming, 200, "1"), yes());
        assert_eq!(told(Kind::Incoming, 200, " 1\r\n"), yes());
        for body in ["", "0", "<html>maintenance</html>"] {
            assert!(
                matches!(told(Kind::Incoming, 200, body), Answer::Faulty { .. }),
                "{body}"
            );
        }
    }

    #[test]
    fn a_flow_says_yes_with_any_success() {
        for status in [200, 202, 204] {
            assert_eq!(told(Kind::Workflow, status, ""), yes());
        }
    }

    #[test]
    fn a_success_that_speaks_of_an_error_is_none() {
        let of = |status: u16| {
            format!(
                "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {status} with \
                 ContextId tcid=0,server=DB3,cv=x."
            )
        };
        for kind in [Kind::Incoming, Kind::Workflow] {
            assert_eq!(told(kind, 200, &of(429)), Answer::Throttled { wait: None });
            assert_eq!(told(kind, 200, &of(413)), Answer::TooLarge);
            assert!(matches!(told(kind, 200, &of(400)), Answer::Rejected { .. }));
            assert!(matches!(told(kind, 200, &of(503)), Answer::Unavailable { .. }));
        }
    }

    #[test]
    fn a_flow_that_is_too_busy_says_for_how_long() {
        let answer = read(Kind::Workflow, 429, Some("17"), b"", noon());
        let wait = Some(Duration::from_secs(17));
        assert_eq!(answer, Answer::Throttled { wait });
    }

    #[test]
    fn an_answer_is_told_without_its_body() {
        for status in [302, 400, 401, 404, 410, 500, 503] {
            let told = told(
                Kind::Workflow,
                status,
                "https://x.logic.azure.com/workflows/1?sig=SECRET",
            )
            .to_string();
            assert!(!told.contains("SECRET"), "{told}");
            assert!(told.contains(&status.to_string()), "{told}");
        }
    }
}
