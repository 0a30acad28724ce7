//! The shape of `quiet_hours:`: the only home of its serde and schemars attributes.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::one_or_many::OneOrMany;

/// When nobody is told, and what becomes of the cards that come meanwhile.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Quiet hours")]
pub struct QuietFile {
    /// When they begin, in quotes.
    #[schemars(extend("examples" = ["22:00"]))]
    pub from: Option<String>,
    /// When they end, in quotes; on the next day if that is not later.
    #[schemars(extend("examples" = ["07:00"]))]
    pub to: Option<String>,
    /// The days on which they begin. Default: every day.
    #[schemars(extend("examples" = ["weekdays", ["Monday", "Friday"]]))]
    pub days: Option<OneOrMany<String>>,
    /// Days that are quiet from midnight to midnight.
    #[schemars(extend("examples" = ["weekend", ["Saturday", "Sunday"]]))]
    pub all_day: Option<OneOrMany<String>>,
    /// Calendars of `holidays/` whose days are quiet, by their names without `.ics`.
    #[schemars(extend("examples" = ["germany"]))]
    pub holidays: Option<OneOrMany<String>>,
    /// What becomes of the cards that come meanwhile. Default: `send`.
    #[schemars(extend("examples" = ["send"]))]
    pub then: Option<ThenFile>,
    /// Hold cards to channels, group chats and webhooks back as well, by the clock of the workspace. Default: `false`.
    #[schemars(extend("examples" = [true]))]
    pub also_in_channels: Option<bool>,
}

/// What becomes of the cards that come in quiet hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThenFile {
    /// They are sent when the quiet hours end, in the order in which they came.
    Send,
    /// They are gathered, and one card tells of all of them when the quiet hours end.
    Digest,
    /// They are not sent at all; the record of the decision says so.
    Drop,
}
