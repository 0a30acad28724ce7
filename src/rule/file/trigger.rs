//! The shape of `when`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::one_or_many::OneOrMany;

/// What a rule waits for: one of `hook`, `cron`, `file`, `queue`, `message`, `button` and the events of Teams, with what
/// belongs to it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Trigger", extend("x-decide" = {
    "hook": ["event_type"],
    "cron": ["time_zone", "if_missed", "except_on"],
    "file": ["change", "settled_for"],
    "queue": [],
    "installed": ["first_time_only"],
    "uninstalled": [],
    "member_added": [],
    "member_removed": [],
    "channel_created": [],
    "channel_renamed": [],
    "channel_deleted": [],
    "channel_restored": [],
    "channel_shared": [],
    "channel_unshared": [],
    "channel_member_added": [],
    "channel_member_removed": [],
    "team_renamed": [],
    "team_deleted": [],
    "team_hard_deleted": [],
    "team_restored": [],
    "team_archived": [],
    "team_unarchived": [],
    "person_deleted": [],
    "message": ["from"],
    "message_edited": [],
    "message_deleted": [],
    "message_restored": [],
    "button": ["from"],
    "reaction_added": [],
    "reaction_removed": [],
}))]
pub struct TriggerFile {
    /// A POST to this hook of `herald.yaml`.
    #[schemars(extend("examples" = ["github"]))]
    pub hook: Option<String>,
    /// With `hook`: only these event types, as the sender names them in a header.
    #[schemars(extend("examples" = ["deployment_status", ["push", "release"]]))]
    pub event_type: Option<OneOrMany<String>>,
    /// A schedule in crontab's five fields: minute, hour, day of month, month, day of week (1 is Monday), in quotes.
    #[schemars(extend("examples" = ["0 9 * * 1-5", "*/15 * * * *", "@daily"]))]
    pub cron: Option<String>,
    /// With `cron`: the time zone of the schedule (an IANA name), or `recipient` for the clock of each recipient. Default: the
    /// one of `herald.yaml`.
    #[schemars(extend("examples" = ["Europe/Berlin", "recipient"]))]
    pub time_zone: Option<String>,
    /// With `cron`: what becomes of a moment at which Herald was not running. Default: `skip`.
    #[schemars(extend("examples" = ["run"]))]
    pub if_missed: Option<IfMissedFile>,
    /// With `cron`: days on which nothing happens, as `YYYY-MM-DD`, and names of calendars of `holidays/`, without `.ics`.
    #[schemars(extend("examples" = [["2026-12-25", "2026-12-26"], "germany"]))]
    pub except_on: Option<OneOrMany<String>>,
    /// A file that appears, changes or vanishes: its path from the workspace, `*` stands for any name, `**` for any
    /// folders.
    #[schemars(extend("examples" = ["prices/*.csv"]))]
    pub file: Option<String>,
    /// With `file`: the changes that count. Default: `created` and `modified`.
    #[schemars(length(min = 1), extend("examples" = [["created", "modified"]]))]
    pub change: Option<Vec<FileChangeFile>>,
    /// With `file`: how long the file must have been left alone. Default: `2s`.
    #[schemars(extend("examples" = ["30 seconds"]))]
    pub settled_for: Option<String>,
    /// A message on this queue of `herald.yaml`.
    #[schemars(extend("examples" = ["orders"]))]
    pub queue: Option<String>,
    /// The bot is installed: in a personal chat, a group chat, a team.
    #[schemars(length(min = 1), extend("examples" = [["person"], ["person", "group", "team"]]))]
    pub installed: Option<Vec<ScopeFile>>,
    /// With `installed`: only where nobody had the bot before.
    #[schemars(extend("examples" = [true]))]
    pub first_time_only: Option<bool>,
    /// The bot is removed: from a personal chat, a group chat, a team.
    #[schemars(length(min = 1), extend("examples" = [["team"]]))]
    pub uninstalled: Option<Vec<ScopeFile>>,
    /// Somebody joins a group chat or team that has the bot.
    #[schemars(length(min = 1), extend("examples" = [["team"]]))]
    pub member_added: Option<Vec<PlaceFile>>,
    /// Somebody leaves a group chat or team that has the bot.
    #[schemars(length(min = 1), extend("examples" = [["group"]]))]
    pub member_removed: Option<Vec<PlaceFile>>,
    /// A channel is created in a team that has the bot.
    #[schemars(extend("examples" = [true]))]
    pub channel_created: Option<Yes>,
    /// A channel gets another name.
    #[schemars(extend("examples" = [true]))]
    pub channel_renamed: Option<Yes>,
    /// A channel is deleted.
    #[schemars(extend("examples" = [true]))]
    pub channel_deleted: Option<Yes>,
    /// A deleted channel comes back.
    #[schemars(extend("examples" = [true]))]
    pub channel_restored: Option<Yes>,
    /// A channel is shared with other teams.
    #[schemars(extend("examples" = [true]))]
    pub channel_shared: Option<Yes>,
    /// A channel is no longer shared with other teams.
    #[schemars(extend("examples" = [true]))]
    pub channel_unshared: Option<Yes>,
    /// Somebody joins a private or shared channel that has the bot.
    #[schemars(extend("examples" = [true]))]
    pub channel_member_added: Option<Yes>,
    /// Somebody leaves a private or shared channel that has the bot.
    #[schemars(extend("examples" = [true]))]
    pub channel_member_removed: Option<Yes>,
    /// A team gets another name.
    #[schemars(extend("examples" = [true]))]
    pub team_renamed: Option<Yes>,
    /// A team is deleted; it may come back.
    #[schemars(extend("examples" = [true]))]
    pub team_deleted: Option<Yes>,
    /// A deleted team is gone for good.
    #[schemars(extend("examples" = [true]))]
    pub team_hard_deleted: Option<Yes>,
    /// A deleted team comes back.
    #[schemars(extend("examples" = [true]))]
    pub team_restored: Option<Yes>,
    /// A team becomes read-only.
    #[schemars(extend("examples" = [true]))]
    pub team_archived: Option<Yes>,
    /// An archived team becomes writable again.
    #[schemars(extend("examples" = [true]))]
    pub team_unarchived: Option<Yes>,
    /// Somebody who has the bot is deleted from the organisation.
    #[schemars(extend("examples" = [true]))]
    pub person_deleted: Option<Yes>,
    /// Somebody writes this to the bot: the whole message, in any capitals. `*` stands for any text. In channels and
    /// group chats the bot hears what mentions it; the mention is no part of the message.
    #[schemars(extend("examples" = ["status", ["help", "who is on call*"], "*"]))]
    pub message: Option<OneOrMany<String>>,
    /// Somebody changes a message that they wrote to the bot.
    #[schemars(extend("examples" = [true]))]
    pub message_edited: Option<Yes>,
    /// Somebody deletes a message that they wrote to the bot.
    #[schemars(extend("examples" = [true]))]
    pub message_deleted: Option<Yes>,
    /// Somebody brings a deleted message back.
    #[schemars(extend("examples" = [true]))]
    pub message_restored: Option<Yes>,
    /// Somebody presses the button of this name: what stands behind `press:` in a short card, the `verb` of an
    /// `Action.Execute`, or `button` in the data of an `Action.Submit`.
    #[schemars(extend("examples" = ["on-it", ["approve", "reject"]]))]
    pub button: Option<OneOrMany<String>>,
    /// With `message` or `button`: only from these people, named as under `people:`. Who presses it otherwise is told that it is
    /// for others.
    #[schemars(extend("examples" = ["on-call", ["anna", "omar.haddad@contoso.example"]]))]
    pub from: Option<OneOrMany<String>>,
    /// Somebody reacts to a message of the bot.
    #[schemars(extend("examples" = [true]))]
    pub reaction_added: Option<Yes>,
    /// Somebody takes a reaction to a message of the bot back.
    #[schemars(extend("examples" = [true]))]
    pub reaction_removed: Option<Yes>,
}

/// What becomes of a moment at which Herald was not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfMissedFile {
    /// Nothing: the next moment counts.
    Skip,
    /// It is made up for when Herald starts: once, however many were missed.
    Run,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileChangeFile {
    /// It was not there before.
    Created,
    /// Its content differs.
    Modified,
    /// It is gone.
    Deleted,
}

/// Where the bot can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScopeFile {
    /// A personal chat.
    Person,
    /// A group chat.
    Group,
    /// A team.
    Team,
}

/// Where people come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlaceFile {
    /// A group chat.
    Group,
    /// A team.
    Team,
}

/// `true`: a key that is either there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Yes;

impl<'de> Deserialize<'de> for Yes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(Yes),
            false => Err(serde::de::Error::custom("only `true` has a meaning here")),
        }
    }
}

impl JsonSchema for Yes {
    fn schema_name() -> Cow<'static, str> {
        "Yes".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean", "enum": [true] })
    }
}
