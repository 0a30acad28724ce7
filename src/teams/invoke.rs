//! What Teams gets as the answer to an activity; somebody who pressed a card's button waits for it.

use serde_json::{Value, json};

use super::activity::Activity;
use super::press::{self, Read};

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

/// The answer to `activity` before rules are asked, given the `press` in it.
pub fn answer(activity: &Activity, press: &Read) -> HttpAnswer {
    if !activity.is("invoke") {
        return HttpAnswer::Empty;
    }
    if !press::is_execute(activity) {
        return HttpAnswer::NotImplemented;
    }
    match press {
        Read::Pressed(press) => pressed(&press.button, Outcome::NoRule),
        Read::Refresh => HttpAnswer::Refuse {
            code: "NotSupported",
            message: "Herald renews its cards by itself; the card stays as it is.".to_owned(),
        },
        Read::Unnamed(why) => HttpAnswer::Refuse {
            code: "BadRequest",
            message: format!("It cannot be told which button was pressed: {why}."),
        },
        Read::NotSupported(why) => HttpAnswer::Refuse {
            code: "NotSupported",
            message: format!("This cannot be pressed: {why}."),
        },
        Read::NoPress => HttpAnswer::NotImplemented,
    }
}

/// What somebody is told who pressed `button`.
pub fn pressed(button: &str, outcome: Outcome) -> HttpAnswer {
    HttpAnswer::Say(match outcome {
        Outcome::NoRule => format!("Nothing happened: no rule waits for the button “{button}”."),
        Outcome::NotFromThem => "Nothing happened: this button is for others.".to_owned(),
        Outcome::NotMet => "Nothing happened: what the button needs is not given now.".to_owned(),
        Outcome::PassedOn => "Done, thank you.".to_owned(),
        Outcome::Waits => "Thank you. It is passed on as soon as Teams has told whom it concerns.".to_owned(),
        Outcome::HeldBack => "Thank you. Everybody was told a short while ago already.".to_owned(),
        Outcome::Nobody => "Nothing happened: there is nobody to tell.".to_owned(),
    })
}
