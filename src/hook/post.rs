//! What a post holds: things that happened, each for itself, or the sender's question whether we are there.

use serde_json::{Value, json};

use super::format::{self, BadBody, unreadable};
use super::{Authentication, Format, Hook, Request, cloud_event, event_grid};
use crate::card::sent;

/// Events that one post may bring.
pub const MOST_EVENTS: usize = 1_000;

/// What a post holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Post {
    /// Something happened. Of a batch each item is an event of its own, or the sentence why it is none.
    Events {
        /// In the order of the post.
        events: Vec<Result<Told, String>>,
        /// How the sender wants to hear of it.
        manner: Manner,
    },
    /// The sender asks whether we are there; no rule sees it.
    Question(Answer),
}

/// Something that happened, as its sender told it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What rules see as `event`.
    pub data: Value,
    /// What kind of thing happened, in the sender's own word.
    pub event_type: Option<String>,
    /// What it and its repeats have in common, and no other event of this hook has.
    pub repeat_id: Option<String>,
}

/// How a sender is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// What became of its event.
    One,
    /// What became of each of its events.
    Batch,
    /// `1`, as Office 365 connectors answered: some senders take anything else for a failure.
    Connector,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The text alone.
    Text(String),
    /// JSON.
    Json(Value),
}

impl Hook {
    /// Reads the body in the first of the hook's formats that it is in.
    ///
    /// # Errors
    /// [`BadBody`]: it is in none of them, or not sound. An item of a batch that is not sound spoils no other.
    pub fn post(&self, request: &Request<'_>) -> Result<Post, BadBody> {
        let takes = |format| self.formats.contains(&format);
        if takes(Format::CloudEvents) && cloud_event::is_one(request) {
            return self.cloud_events(request);
        }
        if takes(Format::EventGrid) && (self.formats.len() == 1 || event_grid::is_one(request)) {
            return self.event_grid(request);
        }
        if takes(Format::TeamsMessage)
            && let Some(post) = self.teams_message(request)?
        {
            return Ok(post);
        }
        let data = self.read_body(request)?;
        if let Some(challenge) = self.handshake(&data) {
            return Ok(Post::Question(Answer::Text(challenge.to_owned())));
        }
        Ok(Post::Events {
            events: vec![Ok(Told {
                event_type: self.event_type(request, &data),
                repeat_id: self.repeat_id(request, &data),
                data,
            })],
            manner: Manner::One,
        })
    }

    /// Does a post say which type of event it is?
    pub fn names_event_types(&self) -> bool {
        let told = |format: &Format| matches!(format, Format::TeamsMessage | Format::CloudEvents | Format::EventGrid);
        match self.authentication {
            Authentication::Github
            | Authentication::Gitlab
            | Authentication::Slack
            | Authentication::Stripe
            | Authentication::StandardWebhooks => true,
            Authentication::Bearer
            | Authentication::ApiKey { .. }
            | Authentication::Basic { .. }
            | Authentication::Hmac { .. }
            | Authentication::Url
            | Authentication::Entra(_)
            | Authentication::ClientCertificate(_)
            | Authentication::None => self.formats.iter().any(told),
        }
    }

    /// A message for Teams; `None` if it is something else that this hook takes too.
    fn teams_message(&self, request: &Request<'_>) -> Result<Option<Post>, BadBody> {
        let others = self.formats.len() > 1;
        // Connectors did not look at the content type, and PowerShell and curl say that JSON is a form.
        let data = match format::coded(request)
            .and_then(|()| format::text(request.body))
            .and_then(format::json)
        {
            Ok(data) => data,
            Err(_) if others => return Ok(None),
            Err(bad) => return Err(bad),
        };
        let Some(kind) = sent::Kind::of(&data) else {
            return match others {
                true => Ok(None),
                false => Err(unreadable(
                    "This is no message for Teams: send a MessageCard (`title`, `text` or `sections`), or `{\"type\": \
                     \"message\", \"attachments\": [...]}` with a card.",
                )),
            };
        };
        Ok(Some(Post::Events {
            events: vec![Ok(Told {
                event_type: Some(kind.word().to_owned()),
                repeat_id: self.repeat_id(request, &data),
                data,
            })],
            manner: Manner::Connector,
        }))
    }

    fn cloud_events(&self, request: &Request<'_>) -> Result<Post, BadBody> {
        format::coded(request)?;
        let (events, manner) = match cloud_event::read(request)? {
            cloud_event::Read::One(data) => (
                vec![data.map_err(unreadable)?].into_iter().map(Ok).collect(),
                Manner::One,
            ),
            cloud_event::Read::Batch(items) => (few(items)?, Manner::Batch),
        };
        let told = |data: Value| Told {
            event_type: data["type"].as_str().map(str::to_owned),
            repeat_id: self
                .configured_id(request, &data)
                .or_else(|| cloud_event::repeat_id(&data)),
            data,
        };
        Ok(Post::Events {
            events: events.into_iter().map(|item| item.map(told)).collect(),
            manner,
        })
    }

    fn event_grid(&self, request: &Request<'_>) -> Result<Post, BadBody> {
        format::coded(request)?;
        let body = format::json(format::text(request.body)?)?;
        if let Some(code) = event_grid::validation_code(request, &body) {
            return Ok(Post::Question(Answer::Json(json!({ "validationResponse": code }))));
        }
        let told = |data: Value| Told {
            event_type: data["eventType"].as_str().map(str::to_owned),
            repeat_id: self
                .configured_id(request, &data)
                .or_else(|| event_grid::repeat_id(&data)),
            data,
        };
        let items = event_grid::items(body);
        Ok(Post::Events {
            events: few(items)?.into_iter().map(|item| item.map(told)).collect(),
            manner: Manner::Batch,
        })
    }
}

fn few(items: Vec<Result<Value, String>>) -> Result<Vec<Result<Value, String>>, BadBody> {
    match items.len() {
        count if count > MOST_EVENTS => Err(unreadable(format!(
            "The batch has {count} events; at most {MOST_EVENTS} are taken at once. Send smaller batches."
        ))),
        _ => Ok(items),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{headers, hook, post};
    use super::*;

    fn asked(formats: &[Format], pairs: &[(&str, &str)], body: &[u8]) -> Result<Post, BadBody> {
        let mut hook = hook(Authentication::Url);
        hook.formats = formats.to_vec();
        hook.post(&post(&headers(pairs), body))
    }

    fn events(post: Post) -> (Vec<Result<Told, String>>, Manner) {
        match post {
            Post::Events { events, manner } => (events, manner),
            Post::Question(answer) => panic!("a question: {answer:?}"),
        }
    }

    const JSON: (&str, &str) = ("Content-Type", "application/json");

    #[test]
    fn a_message_for_teams_is_taken_whatever_its_content_type_says() {
        let body = br#"{"@type":"MessageCard","title":"Build failed"}"#;
        for content_type in [
            Some("application/json"),
            Some("application/x-www-form-urlencoded"),
            Some("text/plain"),
            None,
        ] {
            let pairs: Vec<(&str, &str)> = content_type.map(|value| ("Content-Type", value)).into_iter().collect();
            let (events, manner) = events(asked(&[Format::TeamsMessage], &pairs, body).expect("it is read"));
            assert_eq!(manner, Manner::Connector);
            let told = events[0].as_ref().expect("an event");
            assert_eq!(told.event_type.as_deref(), Some("message_card"));
            assert_eq!(told.data["title"], "Build failed");
        }
        let other = asked(&[Format::TeamsMessage], &[JSON], br#"{"order": 7}"#).expect_err("no message");
        assert!(other.sentence().contains("MessageCard"), "{}", other.sentence());
        assert_eq!(
            asked(&[Format::TeamsMessage], &[JSON], b"<x>")
                .expect_err("no JSON")
                .status(),
            400
        );
    }

    #[test]
    fn a_hook_may_take_messages_for_teams_beside_other_things() {
        let formats = [Format::TeamsMessage, Format::Json, Format::Text];
        let (plain, manner) = events(asked(&formats, &[JSON], br#"{"order": 7}"#).expect("JSON"));
        assert_eq!(
            (plain[0].as_ref().expect("an event").event_type.as_deref(), manner),
            (None, Manner::One)
        );
        let (text, _) = events(asked(&formats, &[("Content-Type", "text/plain")], b"hello").expect("text"));
        assert_eq!(text[0].as_ref().expect("an event").data, json!({ "text": "hello" }));
        let (message, manner) = events(asked(&formats, &[JSON], br#"{"text": "hello"}"#).expect("a message"));
        assert_eq!((message.len(), manner), (1, Manner::Connector));
    }

    #[test]
    fn of_a_batch_one_broken_item_spoils_no_other() {
        let body = br#"[{"specversion":"1.0","id":"1","source":"/a","type":"t"}, {"specversion":"1.0","id":"2","type":"t"}, 7]"#;
        let pairs = [("Content-Type", "application/cloudevents-batch+json; charset=utf-8")];
        let (events, manner) = events(asked(&[Format::CloudEvents], &pairs, body).expect("a batch"));
        assert_eq!(manner, Manner::Batch);
        let told = events[0].as_ref().expect("the first is sound");
        assert_eq!(
            (told.event_type.as_deref(), told.repeat_id.as_deref()),
            (Some("t"), Some("/a\n1"))
        );
        assert!(events[1].as_ref().expect_err("no source").contains("`source`"));
        assert!(events[2].is_err());
        let many = format!("[{}]", vec!["{}"; MOST_EVENTS + 1].join(","));
        assert!(
            asked(&[Format::CloudEvents], &pairs, many.as_bytes())
                .expect_err("too many")
                .sentence()
                .contains("1001")
        );
    }

    #[test]
    fn azure_event_grid_gets_its_code_back_before_it_sends_events() {
        let body = br#"[{"id":"1","topic":"/t","subject":"","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent",
            "data":{"validationCode":"512d38b6-c7b8","validationUrl":"https://x.example/"},"eventTime":"2026-01-01T00:00:00Z"}]"#;
        let pairs = [JSON, ("aeg-event-type", "SubscriptionValidation")];
        assert_eq!(
            asked(&[Format::EventGrid], &pairs, body),
            Ok(Post::Question(Answer::Json(
                json!({ "validationResponse": "512d38b6-c7b8" })
            )))
        );
        let body = br#"[{"id":"1","topic":"/t","subject":"/blob/a","eventType":"Microsoft.Storage.BlobCreated","data":{"a":1}}, {"id":"2"}]"#;
        let pairs = [JSON, ("aeg-event-type", "Notification")];
        let (events, manner) = events(asked(&[Format::EventGrid, Format::Json], &pairs, body).expect("events"));
        assert_eq!(manner, Manner::Batch);
        let told = events[0].as_ref().expect("the first is sound");
        assert_eq!(told.event_type.as_deref(), Some("Microsoft.Storage.BlobCreated"));
        assert_eq!(told.repeat_id.as_deref(), Some("/t\n1"));
        assert!(events[1].as_ref().expect_err("no type").contains("`eventType`"));
    }
}
