//! What Teams gets as the answer to an activity; somebody who pressed a card's button waits for it.

use serde_json::{Value, json};

use super::activity::Activity;

/// The HTTP answer to an activity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HttpAnswer {
    /// Taken; there is nothing to say.
    #[default]
    Empty,
    /// A sentence that Teams shows to the person who pressed the button.
    Say(String),
    /// We do not know this kind of invoke.
    NotImplemented,
}

impl HttpAnswer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            HttpAnswer::Empty | HttpAnswer::Say(_) => 200,
            HttpAnswer::NotImplemented => 501,
        }
    }

    /// The JSON body, if there is one.
    pub fn body(&self) -> Option<Value> {
        match self {
            HttpAnswer::Say(sentence) => Some(json!({
                "statusCode": 200,
                "type": "application/vnd.microsoft.activity.message",
                "value": sentence,
            })),
            HttpAnswer::Empty | HttpAnswer::NotImplemented => None,
        }
    }
}

/// The answer to `activity`.
pub fn answer(activity: &Activity) -> HttpAnswer {
    if !activity.is("invoke") {
        return HttpAnswer::Empty;
    }
    match activity.name.as_deref() {
        Some(name) if name.eq_ignore_ascii_case("adaptiveCard/action") => {
            HttpAnswer::Say("Nothing happened: no rule handles this button yet.".to_owned())
        }
        Some(_) | None => HttpAnswer::NotImplemented,
    }
}
