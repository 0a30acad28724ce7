//! What is sent: [`Card`], known to be well-formed and within Teams' size.
//!
//! The way of a card: a [`source::CardSource`] is what a rule says about its card, compiled. It fills a
//! [`template::Template`], a [`short::Short`] form or a message, makes a card of the bare event (`generated`), or takes the one that another
//! program made ([`sent`]). What
//! is filled is made presentable (`profile`), cut to size ([`fit`]) and given its mentions and summary.
//!
//! Every string with holes is a [`text::Text`]: looked over for depth (`tag`), parsed by Handlebars, taken apart
//! (`syntax`), and filled (`evaluate`) with what names mean (`scope`) and what functions give ([`function`]). What
//! becomes of a value depends on its `place` in the card; `escape` makes it harmless there.
//!
//! Two promises are kept here: no payload changes what a card consists of, and whatever happens there is a card.

pub mod button;
pub(crate) mod document;
mod drill;
pub(crate) mod escape;
pub(crate) mod evaluate;
pub mod fit;
pub mod footer;
pub mod function;
pub(crate) mod gathered;
pub(crate) mod generated;
pub(crate) mod held_back;
pub(crate) mod hole;
pub(crate) mod json_text;
pub mod localised;
pub(crate) mod mention;
pub(crate) mod partial;
pub(crate) mod path;
pub(crate) mod place;
pub(crate) mod profile;
pub(crate) mod reach;
pub(crate) mod scope;
pub mod sent;
pub mod short;
pub mod shown;
pub mod source;
pub(crate) mod summary;
pub(crate) mod syntax;
pub(crate) mod tag;
pub mod template;
pub mod text;
pub(crate) mod warning;
pub mod written;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::delivery::CardId;

/// A message without holes, ready for any recipient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// What is shown.
    pub content: Content,
    /// One line for toasts and the activity feed: a message that is only a card shows nothing else there.
    pub summary: String,
    /// How important it is said to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<Importance>,
    /// It is also shown in the activity feed of those who get it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alert: bool,
}

/// How important a message is said to be; without it, as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Importance {
    /// It can wait.
    Low,
    /// It cannot: Teams marks the message.
    High,
}

impl Importance {
    /// The word for it, here and in Teams.
    pub fn word(self) -> &'static str {
        match self {
            Importance::Low => "low",
            Importance::High => "high",
        }
    }
}

/// What a message consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// An Adaptive Card: the object with `"type": "AdaptiveCard"`.
    Adaptive(Value),
    /// Plain text in Markdown.
    Text(String),
    /// A notification in an activity feed, as Graph takes it: no message.
    Notification(Value),
}

impl Card {
    /// The hash of the content: equal cards have equal ids.
    pub fn id(&self) -> CardId {
        CardId::of(&serde_json::to_string(self).expect("a card is plain JSON and always serialises"))
    }

    /// The message as Bot Framework wants it, without addressing.
    pub fn to_activity(&self) -> Value {
        let mut activity = match &self.content {
            Content::Adaptive(card) => json!({
                "type": "message",
                "summary": self.summary,
                "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "content": card }],
            }),
            // No way leads from an activity feed into a chat; what a reader of it would see.
            Content::Notification(_) => json!({
                "type": "message", "summary": self.summary, "textFormat": "plain", "text": self.summary,
            }),
            Content::Text(text) => json!({
                "type": "message",
                "summary": self.summary,
                "textFormat": "markdown",
                "text": text,
            }),
        };
        if let Some(importance) = self.importance {
            activity["importance"] = json!(importance.word());
        }
        if self.alert {
            activity["channelData"] = json!({ "notification": { "alert": true } });
        }
        activity
    }

    /// A card of this content that is sent as usual.
    pub fn new(content: Content, summary: String) -> Card {
        Card {
            content,
            summary,
            importance: None,
            alert: false,
        }
    }
}
