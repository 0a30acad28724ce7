//! What Teams gets as the answer to an activity; somebody who pressed a card's button waits for it.

use serde_json::{Value, json};

use super::activity::Activity;
use super::press::{self, Read};
use crate::words::{Language, Phrase, fill, say};

/// The HTTP answer to an activity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HttpAnswer {
    /// Taken; there is nothing to say.
    #[default]
    Empty,
    /// A sentence that Teams shows to the person who pressed the button.
    Say(String),
    /// An Adaptive Card that Teams shows that person in the place of the one with the button.
    Show(Value),
    /// The press, or the card that was shown again, means nothing to us.
    Refuse {
        /// Microsoft's word for it.
        code: &'static str,
        /// Why, in a sentence.
        message: String,
    },
    /// We do not know this kind of invoke.
    NotImplemented,
}

impl HttpAnswer {
    /// The HTTP status. A press that means nothing is answered with 200, too: clients read what is inside.
    pub fn status(&self) -> u16 {
        match self {
            HttpAnswer::Empty | HttpAnswer::Say(_) | HttpAnswer::Show(_) | HttpAnswer::Refuse { .. } => 200,
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
            HttpAnswer::Show(card) => Some(json!({
                "statusCode": 200,
                "type": "application/vnd.microsoft.card.adaptive",
                "value": card,
            })),
            HttpAnswer::Refuse { code, message } => Some(json!({
                "statusCode": 400,
                "type": "application/vnd.microsoft.error",
                "value": { "code": code, "message": message },
            })),
            HttpAnswer::Empty | HttpAnswer::NotImplemented => None,
        }
    }
}

/// What rules made of a press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No rule waits for this button.
    NoRule,
    /// Whoever pressed it is not one of those from whom a rule takes it.
    NotFromThem,
    /// The conditions of the rules that wait for it do not hold.
    NotMet,
    /// It was passed on.
    PassedOn,
    /// It is not known yet whom it concerns, or whether the presser is one of those who may; Teams is asked.
    Waits,
    /// The rule's limit holds it back.
    HeldBack,
    /// There was nobody to tell.
    Nobody,
}

/// The answer to `activity` before rules are asked, given the `press` in it, in the language of whoever pressed. Why a press
/// means nothing is for whoever made the card: that stands in the log.
pub fn answer(activity: &Activity, press: &Read, language: Language) -> HttpAnswer {
    if !activity.is("invoke") {
        return HttpAnswer::Empty;
    }
    if !press::is_execute(activity) {
        return HttpAnswer::NotImplemented;
    }
    match press {
        Read::Pressed(press) => pressed(&press.button, Outcome::NoRule, language),
        Read::Refresh => HttpAnswer::Refuse {
            code: "NotSupported",
            message: say(language, Phrase::RenewedByItself).to_owned(),
        },
        Read::Unnamed(_) => HttpAnswer::Refuse {
            code: "BadRequest",
            message: say(language, Phrase::UnknownButton).to_owned(),
        },
        Read::NotSupported(_) => HttpAnswer::Refuse {
            code: "NotSupported",
            message: say(language, Phrase::UnknownButton).to_owned(),
        },
        Read::NoPress => HttpAnswer::NotImplemented,
    }
}

/// What somebody is told who pressed `button`, in their language.
pub fn pressed(button: &str, outcome: Outcome, language: Language) -> HttpAnswer {
    let phrase = match outcome {
        Outcome::NoRule => return HttpAnswer::Say(fill(language, Phrase::NoRuleForButton, &[("button", button)])),
        Outcome::NotFromThem => Phrase::NotForYou,
        Outcome::NotMet => Phrase::ButtonNotNow,
        Outcome::PassedOn => Phrase::PassedOn,
        Outcome::Waits => Phrase::WaitsForTeams,
        Outcome::HeldBack => Phrase::ToldAlready,
        Outcome::Nobody => Phrase::NobodyToTell,
    };
    HttpAnswer::Say(say(language, phrase).to_owned())
}
