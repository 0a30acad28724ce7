//! What makes a post a repeat of an earlier one: senders try again when they saw no answer.

use serde_json::Value;

use super::signature::standard_prefix;
use super::{Authentication, Hook, RepeatId, Request};

impl RepeatId {
    /// Reads `event.id` or `id` as a way into the body.
    ///
    /// # Errors
    /// A sentence for the author when a step of the way is empty.
    pub fn field(written: &str) -> Result<Self, &'static str> {
        let path: Vec<String> = written
            .strip_prefix("event.")
            .unwrap_or(written)
            .split('.')
            .map(|step| step.trim().to_owned())
            .collect();
        if path.iter().any(String::is_empty) {
            Err("this is not a way to a field: write names with dots between them, such as `event.id`")
        } else {
            Ok(Self::Field(path))
        }
    }
}

impl Hook {
    /// What this post and its repeats have in common, and no other post to this hook has; `None` when the sender does
    /// not say, and then every post is new.
    ///
    /// The first that is there counts: what the author configured; an id under the sender's signature (Slack, Stripe,
    /// Standard Webhooks), which a replay cannot change; the header `Idempotency-Key`; the delivery header of GitHub or
    /// GitLab.
    pub fn repeat_id(&self, request: &Request<'_>, body: &Value) -> Option<String> {
        let header = |name: &str| request.headers.get(name).map(str::to_owned);
        self.configured_id(request, body)
            .or_else(|| self.signed_id(request, body))
            .or_else(|| header("idempotency-key"))
            .or_else(|| match self.authentication {
                Authentication::Github => header("x-github-delivery"),
                Authentication::Gitlab => header("x-gitlab-webhook-uuid"),
                Authentication::Slack
                | Authentication::Stripe
                | Authentication::StandardWebhooks
                | Authentication::Bearer
                | Authentication::ApiKey { .. }
                | Authentication::Basic { .. }
                | Authentication::Hmac { .. }
                | Authentication::Entra(_)
                | Authentication::ClientCertificate(_)
                | Authentication::Url
                | Authentication::None => None,
            })
    }

    /// The id in the place that the author named.
    pub(super) fn configured_id(&self, request: &Request<'_>, body: &Value) -> Option<String> {
        match self.repeat_id.as_ref()? {
            RepeatId::Header(name) => request.headers.get(name).map(str::to_owned),
            RepeatId::Field(path) => text(path.iter().try_fold(body, |value, step| value.get(step))?),
        }
    }

    fn signed_id(&self, request: &Request<'_>, body: &Value) -> Option<String> {
        match self.authentication {
            // Slack signs each post anew, with its time: where the body has no id, the signature still tells a replay.
            Authentication::Slack => text(&body["event_id"])
                .or_else(|| text(&body["trigger_id"]))
                .or_else(|| request.headers.get("x-slack-signature").map(str::to_owned)),
            Authentication::Stripe => text(&body["id"]),
            Authentication::StandardWebhooks => {
                let header = format!("{}-id", standard_prefix(request));
                request.headers.get(&header).map(str::to_owned)
            }
            Authentication::Github
            | Authentication::Gitlab
            | Authentication::Bearer
            | Authentication::ApiKey { .. }
            | Authentication::Basic { .. }
            | Authentication::Hmac { .. }
            | Authentication::Entra(_)
            | Authentication::ClientCertificate(_)
            | Authentication::Url
            | Authentication::None => None,
        }
    }
}

/// An id as text: words and numbers identify something, other values do not.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{headers, hook, post};
    use super::*;

    #[test]
    fn a_redelivery_by_github_is_known_by_its_delivery_header() {
        let sent = headers(&[("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")]);
        assert_eq!(
            hook(Authentication::Github)
                .repeat_id(&post(&sent, b""), &json!({}))
                .as_deref(),
            Some("72d3162e-cc78-11e3-81ab-4c9367dc0958")
        );
    }

    #[test]
    fn the_idempotency_key_works_for_every_sender_and_beats_an_unsigned_delivery_header() {
        let sent = headers(&[
            ("Idempotency-Key", "order-17"),
            ("X-GitHub-Delivery", "72d3162e"),
            ("X-Gitlab-Webhook-UUID", "13792a34"),
        ]);
        for authentication in [
            Authentication::Github,
            Authentication::Gitlab,
            Authentication::Bearer,
            Authentication::None,
        ] {
            assert_eq!(
                hook(authentication).repeat_id(&post(&sent, b""), &json!({})).as_deref(),
                Some("order-17")
            );
        }
    }

    #[test]
    fn a_replay_cannot_pass_as_new_by_adding_a_header_outside_the_signature() {
        let sent = headers(&[
            ("Idempotency-Key", "another"),
            ("webhook-id", "msg_2Kz"),
            ("X-Slack-Signature", "v0=abc"),
        ]);
        let id = |authentication, body: Value| hook(authentication).repeat_id(&post(&sent, b""), &body);
        assert_eq!(
            id(Authentication::StandardWebhooks, json!({})).as_deref(),
            Some("msg_2Kz")
        );
        assert_eq!(
            id(Authentication::Stripe, json!({ "id": "evt_1N" })).as_deref(),
            Some("evt_1N")
        );
        assert_eq!(
            id(Authentication::Slack, json!({ "event_id": "Ev08MFMKH6" })).as_deref(),
            Some("Ev08MFMKH6")
        );
        assert_eq!(
            id(Authentication::Slack, json!({ "command": "/deploy" })).as_deref(),
            Some("v0=abc")
        );
    }

    #[test]
    fn an_author_names_the_header_or_the_field_that_makes_a_repeat() {
        let sent = headers(&[("X-Build", "77"), ("Idempotency-Key", "other")]);
        let mut by_header = hook(Authentication::Bearer);
        by_header.repeat_id = Some(RepeatId::Header("x-build".to_owned()));
        assert_eq!(
            by_header.repeat_id(&post(&sent, b""), &json!({})).as_deref(),
            Some("77")
        );

        let mut by_field = hook(Authentication::Bearer);
        by_field.repeat_id = Some(RepeatId::field("event.build.number").unwrap());
        let body = json!({ "build": { "number": 78 } });
        assert_eq!(by_field.repeat_id(&post(&sent, b""), &body).as_deref(), Some("78"));
        assert_eq!(
            by_field.repeat_id(&post(&sent, b""), &json!({})).as_deref(),
            Some("other"),
            "a post without the field falls back"
        );
        assert!(RepeatId::field("event..id").is_err());
    }

    #[test]
    fn a_post_that_names_no_id_is_always_new() {
        for authentication in [Authentication::Github, Authentication::Bearer, Authentication::Stripe] {
            assert_eq!(
                hook(authentication).repeat_id(&post(&headers(&[("Idempotency-Key", "")]), b""), &json!({})),
                None
            );
        }
    }
}
