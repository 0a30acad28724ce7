//! The shape of how cards go out: `limit`, `digest`, `urgency`, `send` and the notification of a feed.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use super::{CardFile, TargetFile};
use crate::one_or_many::OneOrMany;
use crate::text_or::TextOr;

/// A notification in the activity feed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Feed")]
pub struct FeedFile {
    /// What its first line says. Nothing has to be declared in the app's manifest for it.
    #[schemars(extend("examples" = ["Deploy {{event.number}} failed"]))]
    pub text: Option<String>,
    /// Instead of `text`: a type of activity that the app's manifest declares under `activities`, with the words that
    /// stand there.
    #[schemars(extend("examples" = ["deployFailed"]))]
    pub activity: Option<String>,
    /// With `activity`: what fills the holes in its words, by their names in the manifest.
    #[schemars(
        with = "Option<IndexMap<String, String>>",
        extend("examples" = [{ "deployId": "{{event.number}}" }])
    )]
    pub parameters: Option<Value>,
    /// What it is about, in a few words.
    #[schemars(extend("examples" = ["Deploys"]))]
    pub topic: Option<String>,
    /// With `topic`: what a click opens, a link copied in Teams.
    #[schemars(extend("examples" = ["https://teams.microsoft.com/l/entity/5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10/deploys"]))]
    pub link: Option<String>,
    /// Instead of `topic` and `link`: what it is about as Microsoft Graph knows it, by its address there.
    #[schemars(extend("examples" = ["https://graph.microsoft.com/v1.0/users/{{recipient.id}}"]))]
    pub entity: Option<String>,
    /// A second line; Teams shows 150 characters of it.
    #[schemars(extend("examples" = ["{{event.message}}"]))]
    pub preview: Option<String>,
    /// A later notification of the same chain takes the place of the earlier one: any text, or a number.
    #[schemars(extend("examples" = ["{{event.repository.full_name}}"]))]
    pub chain: Option<String>,
}

/// How often each recipient gets a card of this rule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Limit")]
pub struct LimitFile {
    /// The time after a card in which no other is sent: from `1 s` to `31 days`.
    #[schemars(extend("examples" = ["10 minutes", "1 hour", "1 day"]))]
    pub once_per: String,
    /// What is counted separately, as a template: one card per repository, per alert, per machine. Without it, all events
    /// of the rule count together.
    #[serde(default)]
    #[schemars(extend("examples" = ["{{event.repository.full_name}}"]))]
    pub for_each: Option<String>,
    /// What becomes of the cards that are held back. Default: `count`.
    #[serde(default)]
    #[schemars(extend("examples" = ["count"]))]
    pub rest: Option<RestFile>,
}

/// What becomes of the cards that are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RestFile {
    /// The next card says how many there were.
    Count,
    /// Nothing is said of them.
    Drop,
    /// They are gathered, and one card at the end of the time tells of all of them.
    Digest,
}

/// One card that tells of many events.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Digest")]
pub struct DigestFile {
    /// The times of the day at which everything gathered is told, in quotes. Without one, the end of the limit's time is
    /// when.
    #[schemars(with = "Option<OneOrMany<String>>", extend("examples" = ["09:00", ["09:00", "16:30"]]))]
    pub at: Option<Value>,
    /// The days of the week. Default: every day.
    #[schemars(
        with = "Option<OneOrMany<String>>",
        extend("examples" = ["monday", ["monday", "thursday"], "weekdays"])
    )]
    pub days: Option<Value>,
    /// Whose clock: an IANA name, or `recipient` for that of whoever is told. Default: the one of `herald.yaml`.
    #[schemars(with = "Option<String>", extend("examples" = ["Europe/Berlin", "recipient"]))]
    pub time_zone: Option<Value>,
    /// What the card looks like; it sees `digest.count`, `digest.items`, `digest.since` and `digest.until`. Without it,
    /// Herald makes one.
    #[schemars(
        with = "Option<TextOr<CardFile>>",
        extend("examples" = [{ "title": "{{digest.count}} things happened", "text": "{{#each digest.items}}\n- {{text}}\n{{/each}}" }])
    )]
    pub card: Option<Value>,
}

/// How urgent the cards of a rule are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UrgencyFile {
    /// They can wait for everything else.
    Low,
    /// As usual; to more than 100 recipients they let other rules go first.
    Normal,
    /// As usual, however many recipients there are.
    High,
    /// Before everything else, also before a broadcast that is under way.
    Critical,
}

/// What guards a broadcast.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Send")]
pub struct SendFile {
    /// Who gets the card before the others: how many of the recipients (1 to 1000), or a list of targets. The others get
    /// it by themselves once these have it; if it fails for one of them, the run is paused.
    #[schemars(with = "Option<FirstTryFile>", extend("examples" = [20, [{ "person": "anna" }]]))]
    pub first_try_on: Option<Value>,
    /// With a larger share of failures the run is paused, from the 20th card on.
    #[schemars(with = "Option<String>", extend("examples" = ["5 %"]))]
    pub stop_if_failing: Option<Value>,
    /// With more recipients than this nothing is sent until somebody approves it: `herald runs approve`.
    #[schemars(with = "Option<u64>", extend("examples" = [500]))]
    pub needs_approval_above: Option<Value>,
    /// How important Teams is told the message is: `high` or `low`. What goes out first is a matter of `urgency`.
    #[schemars(with = "Option<ImportanceFile>", extend("examples" = ["high"]))]
    pub importance: Option<Value>,
    /// Show the message in the activity feed of those who get it as well, with the summary as its text. Sparingly: it makes
    /// two badges of one message.
    #[schemars(with = "Option<bool>", extend("examples" = [true]))]
    pub alert: Option<Value>,
}

/// How important a message is said to be.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportanceFile {
    /// Teams marks it.
    High,
    /// It can wait.
    Low,
}

/// Who gets a card before the others.
#[derive(Debug, Clone)]
pub struct FirstTryFile;

impl JsonSchema for FirstTryFile {
    fn schema_name() -> Cow<'static, str> {
        "FirstTry".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let target = generator.subschema_for::<TargetFile>();
        json_schema!({ "type": ["integer", "array"], "minimum": 1, "maximum": 1000, "minItems": 1, "items": target })
    }
}
