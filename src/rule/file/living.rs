//! The shape of what keeps cards alive: `track`, `buttons`, `on_acknowledge` and `on_close`.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use super::{CardFile, ConditionFile};
use crate::text_or::TextOr;

/// Which events are about the same thing, so that there is one card for all of them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Track", extend("required" = ["by"]))]
pub struct TrackFile {
    /// What is the same for all events about one thing, as a template: the id of an incident, the fingerprint of an alert.
    #[schemars(extend("examples" = ["{{event.incident.id}}"]))]
    pub by: Option<String>,
    /// What must be true of an event that ends it, line by line as under `if`. The cards say then that it is over.
    #[schemars(with = "Option<ConditionFile>", extend("examples" = [{ "event.status": "resolved" }]))]
    pub closed_when: Option<Value>,
    /// What later events about the same thing do. Default: `update`.
    #[schemars(extend("examples" = ["reply"]))]
    pub on_update: Option<OnUpdateFile>,
    /// When the event happened, by its sender's clock: an event that is older than what the card shows changes nothing.
    /// Without it, events count in the order in which they come in.
    #[schemars(extend("examples" = ["{{event.incident.updated_at}}"]))]
    pub happened_at: Option<String>,
    /// What is done with an event that ends something of which there is no open card. Default: `nothing`.
    #[schemars(extend("examples" = ["send"]))]
    pub if_not_open: Option<IfNotOpenFile>,
}

/// What later events about the same thing do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnUpdateFile {
    /// The card that was sent becomes the new one, for everybody who has it.
    Update,
    /// A new card is sent into the thread of the first.
    Reply,
}

/// What is done with an event that ends something of which there is no open card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfNotOpenFile {
    /// Nothing is sent.
    Nothing,
    /// A card is sent that says from the start that it is over.
    Send,
}

/// A button that Herald adds to the cards of the rule: one of `acknowledge`, `snooze`, `open`, `close` and `button`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Button", extend("x-decide" = {
    "acknowledge": [],
    "snooze": [],
    "open": [],
    "close": [],
    "button": ["with"],
    "*": ["title"],
}))]
pub struct ButtonFile {
    /// Whoever presses it takes care of it, and the card says so to everybody: the words on the button.
    #[schemars(with = "Option<WordsFile>", extend("examples" = ["I take it"]))]
    pub acknowledge: Option<Value>,
    /// For how long the card is put off: reminders wait, and then it comes back. From `1 minute` to `31 days`.
    #[schemars(with = "Option<String>", extend("examples" = ["1 hour"]))]
    pub snooze: Option<Value>,
    /// The address of the page that it opens.
    #[schemars(extend("examples" = ["{{event.html_url}}"]))]
    pub open: Option<String>,
    /// It is over, and the card says so to everybody: the words on the button.
    #[schemars(with = "Option<WordsFile>", extend("examples" = ["It is fixed"]))]
    pub close: Option<Value>,
    /// The name of a button that another rule answers, with `when: { button: NAME }`.
    #[schemars(extend("examples" = ["call-vendor"]))]
    pub button: Option<String>,
    /// With `button`: values that the rule sees as `event.data`.
    #[schemars(extend("examples" = [{ "incident": "{{event.incident.id}}" }]))]
    pub with: Option<IndexMap<String, Value>>,
    /// The words on the button.
    #[schemars(extend("examples" = ["Open the dashboard"]))]
    pub title: Option<String>,
}

/// The words on a button, or `true` for the usual ones.
#[derive(Debug, Clone)]
pub struct WordsFile;

impl JsonSchema for WordsFile {
    fn schema_name() -> Cow<'static, str> {
        "Words".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "boolean"] })
    }
}

/// What the cards become for everybody.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Turn")]
pub struct TurnFile {
    /// The card that comes in the place of the rule's own, written like `card`. It can say who it was:
    /// `{{tracked.acknowledged.by.name}}`, `{{tracked.closed.by.name}}`.
    #[schemars(
        with = "Option<TextOr<CardFile>>",
        extend("examples" = [{ "title": "{{event.incident.title}}: {{tracked.acknowledged.by.name}} is on it", "style": "warning" }])
    )]
    pub card: Option<Value>,
}
