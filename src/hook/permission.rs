//! May somebody send us events? Asked by `OPTIONS`, as the webhook specification beside CloudEvents describes.

use super::{Authentication, Format, Hook, Request};

/// The bound of a header that is given back.
const LONGEST: usize = 256;

impl Hook {
    /// The headers of a permission to send events, or none if this hook takes no CloudEvents or nobody asks.
    ///
    /// It promises nothing: each post still has to prove where it comes from.
    pub fn permission(&self, request: &Request<'_>) -> Option<Vec<(&'static str, String)>> {
        let takes = |format: &Format| matches!(format, Format::CloudEvents | Format::EventGrid);
        let origin = request.headers.get("webhook-request-origin")?;
        let plain = origin.len() <= LONGEST && origin.bytes().all(|byte| byte.is_ascii_graphic());
        if !self.formats.iter().any(takes) || !plain {
            return None;
        }
        let mut headers = vec![
            ("webhook-allowed-origin", origin.to_owned()),
            ("allow", "POST, OPTIONS".to_owned()),
        ];
        // Posts per minute. What is asked for is granted up to the hook's limit.
        let asked = request.headers.get("webhook-request-rate");
        let limit = self
            .limit
            .map(|limit| (u64::from(limit.count) * 60 / limit.per.as_secs().max(1)).max(1));
        let granted = match (asked.map(|rate| rate.parse::<u64>().ok()), limit) {
            (None, None) => None,
            (None, Some(limit)) => Some(limit.to_string()),
            (Some(Some(rate)), Some(limit)) => Some(rate.min(limit).to_string()),
            (Some(None), Some(limit)) => Some(limit.to_string()),
            (Some(_), None) => Some("*".to_owned()),
        };
        headers.extend(granted.map(|rate| ("webhook-allowed-rate", rate)));
        Some(headers)
    }

    /// Can a question without a body carry the proof that this hook asks for?
    pub fn proves_without_body(&self) -> bool {
        match self.authentication {
            Authentication::Bearer
            | Authentication::ApiKey { .. }
            | Authentication::Basic { .. }
            | Authentication::Gitlab
            | Authentication::Entra(_)
            | Authentication::ClientCertificate(_)
            | Authentication::Url => true,
            Authentication::Github
            | Authentication::Slack
            | Authentication::Stripe
            | Authentication::StandardWebhooks
            | Authentication::Hmac { .. }
            | Authentication::None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rate::POSTS;
    use super::super::tests::{headers, hook, post};
    use super::*;
    use crate::rate::Rate;

    fn asked(formats: &[Format], limit: Option<&str>, pairs: &[(&str, &str)]) -> Option<Vec<(&'static str, String)>> {
        let mut hook = hook(Authentication::Url);
        hook.formats = formats.to_vec();
        hook.limit = limit.map(|limit| Rate::parse(limit, &POSTS).expect("a limit"));
        hook.permission(&post(&headers(pairs), b""))
    }

    #[test]
    fn whoever_asks_may_send_as_often_as_the_hook_allows() {
        let origin = ("WebHook-Request-Origin", "eventgrid.azure.net");
        let rate = ("WebHook-Request-Rate", "120");
        let allowed = |found: &Option<Vec<(&'static str, String)>>| {
            found.as_ref().and_then(|headers| {
                headers
                    .iter()
                    .find(|(name, _)| *name == "webhook-allowed-rate")
                    .map(|(_, rate)| rate.clone())
            })
        };
        let found = asked(&[Format::CloudEvents], None, &[origin, rate]);
        assert!(
            found
                .as_ref()
                .expect("allowed")
                .contains(&("webhook-allowed-origin", "eventgrid.azure.net".to_owned()))
        );
        assert_eq!(allowed(&found).as_deref(), Some("*"));
        assert_eq!(
            allowed(&asked(&[Format::CloudEvents], Some("60 per minute"), &[origin, rate])).as_deref(),
            Some("60")
        );
        assert_eq!(
            allowed(&asked(&[Format::CloudEvents], Some("10 per second"), &[origin, rate])).as_deref(),
            Some("120")
        );
        assert_eq!(allowed(&asked(&[Format::CloudEvents], None, &[origin])), None);
    }

    #[test]
    fn nobody_else_is_given_a_permission() {
        let origin = ("WebHook-Request-Origin", "a.example");
        assert_eq!(asked(&[Format::Json], None, &[origin]), None);
        assert_eq!(asked(&[Format::CloudEvents], None, &[]), None);
        assert_eq!(
            asked(&[Format::CloudEvents], None, &[("WebHook-Request-Origin", "a b")]),
            None
        );
    }
}
