//! The shape of a rule's file: the only home of its serde and schemars attributes.
//!
//! What stands under `if`, `notify` and `card` is described here for the schema, and read by the rooms that give it a
//! meaning: they point into the value when something is wrong with it.

mod living;

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::one_or_many::OneOrMany;
use crate::quiet::file::QuietFile;
use crate::rule::comparison::WORDS;
use crate::rule::tests_file::CaseFile;
use crate::rule::then::file::ThenFile;
use crate::text_or::TextOr;

pub use living::{ButtonFile, IfNotOpenFile, OnUpdateFile, TrackFile, TurnFile};

/// A rule: when something happens, if it matters, notify somebody with a card.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Rule")]
pub struct RuleFile {
    /// What the rule is for, in a sentence. Recipients see it as the reason why they got the card.
    #[serde(default)]
    #[schemars(extend("examples" = ["A production deploy failed on GitHub"]))]
    pub description: Option<String>,
    /// Who looks after this rule: a person or team, by name.
    #[serde(default)]
    #[schemars(extend("examples" = ["platform-team"]))]
    pub owner: Option<String>,
    /// What the rule waits for: one trigger, or a list of which any will do.
    #[schemars(extend("examples" = [{ "hook": "github", "event_type": "deployment_status" }, { "cron": "0 9 * * 1-5" }]))]
    pub when: OneOrMany<TriggerFile>,
    /// A list in the event: each of its items is judged, counted and told by itself, and called `item`.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("examples" = ["event.alerts"]))]
    pub split: Option<Value>,
    /// What must be true of the event: field and expected value, line by line. Every line must hold.
    #[serde(default, rename = "if")]
    #[schemars(
        with = "Option<ConditionFile>",
        extend("examples" = [{ "event.deployment_status.state": ["failure", "error"], "event.deployment.environment": "production" }])
    )]
    pub condition: Option<Value>,
    /// Who is told: people, channels, group chats. Everybody gets one card, however many lines name them.
    #[schemars(
        with = "Vec<TargetFile>",
        length(min = 1),
        extend("examples" = [[{ "person": "on-call" }, { "channel": "Platform / Releases" }]])
    )]
    pub notify: Vec<Value>,
    /// Who is not told, although `notify` names them.
    #[serde(default)]
    #[schemars(with = "Vec<TargetFile>", extend("examples" = [[{ "person": "{{event.sender.email}}" }]]))]
    pub except: Vec<Value>,
    /// What they get: a template's name, a short card written here, a plain message, or `as_sent`: the card that a program
    /// posted for Teams. Without it, Herald makes a card of the event.
    #[serde(default)]
    #[schemars(
        with = "Option<TextOr<CardFile>>",
        extend("examples" = ["deploy-failed"])
    )]
    pub card: Option<Value>,
    /// What a notification in the activity feed says, for targets of `activity_feed`.
    #[serde(default)]
    #[schemars(
        with = "Option<FeedFile>",
        extend("examples" = [{ "text": "Deploy {{event.number}} failed", "topic": "Deploys", "link": "https://teams.microsoft.com/l/entity/5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10/deploys" }])
    )]
    pub feed: Option<Value>,
    /// How often somebody is told: one card per length of time. What comes in between is held back.
    #[serde(default)]
    #[schemars(
        with = "Option<LimitFile>",
        extend("examples" = [{ "once_per": "10 minutes", "for_each": "{{event.repository.full_name}}" }])
    )]
    pub limit: Option<Value>,
    /// Gather what happens and tell of it in one card: at these times of the day, or at the end of the limit's time.
    #[serde(default)]
    #[schemars(
        with = "Option<DigestFile>",
        extend("examples" = [{ "at": "09:00", "days": ["monday"] }, { "at": ["09:00", "16:30"], "time_zone": "recipient" }])
    )]
    pub digest: Option<Value>,
    /// So many cards may go to one recipient in so much time; what follows is gathered into one card that says so. Default:
    /// `limits.storm` of `herald.yaml`; a critical rule may send five times as many. `never` sends everything.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("examples" = ["20 per 5 minutes", "never"]))]
    pub storm: Option<Value>,
    /// How urgent its cards are. Default: `normal`. Critical ones go before everything else, low ones after it.
    #[serde(default)]
    #[schemars(with = "Option<UrgencyFile>", extend("examples" = ["critical"]))]
    pub urgency: Option<Value>,
    /// For how long its cards are worth sending: what could not be sent by then is dropped.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("examples" = ["2 hours"]))]
    pub expires_after: Option<Value>,
    /// When nobody is told by this rule, in place of the quiet hours of `herald.yaml`; `none` for a rule that keeps none.
    /// Cards of `urgency: high` and `critical` do not wait for anybody's.
    #[serde(default)]
    #[schemars(
        with = "Option<TextOr<QuietFile>>",
        extend("examples" = ["22:00-07:00", { "from": "19:00", "to": "08:00", "days": "weekdays", "all_day": "weekend", "then": "drop" }])
    )]
    pub quiet_hours: Option<Value>,
    /// What its cards belong to for those who get them: a topic of `herald.yaml`, which people stop and start as a whole.
    /// Without one, they stop the rule by itself.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("examples" = ["deployments"]))]
    pub topic: Option<Value>,
    /// Whether people may stop it. Default: `true`; for `urgency: critical` it is `false`, and the card says so.
    #[serde(default)]
    #[schemars(with = "Option<bool>", extend("examples" = [false]))]
    pub can_opt_out: Option<Value>,
    /// Whether under each person's card stands why they got it, and how they stop it. Default: where the rule names people
    /// and has a description or a topic.
    #[serde(default)]
    #[schemars(with = "Option<bool>", extend("examples" = [false]))]
    pub footer: Option<Value>,
    /// In which language texts of `texts/` and Herald's own words are: `recipient`, each in their own, or one for all.
    /// Default: `recipient`.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("examples" = ["recipient", "de"]))]
    pub language: Option<Value>,
    /// How messages are sent, and what guards a broadcast.
    #[serde(default)]
    #[schemars(with = "Option<SendFile>", extend("examples" = [{ "first_try_on": 20, "needs_approval_above": 500 }]))]
    pub send: Option<Value>,
    /// What follows the first message: reminders, escalations, questions to other programs. Steps come one after the other;
    /// each `after` counts from the first message.
    #[serde(default)]
    #[schemars(
        with = "Option<Vec<ThenFile>>",
        extend("examples" = [[{ "after": "15 minutes", "unless": "acknowledged", "notify": [{ "person": "on-call.next" }] }]])
    )]
    pub then: Option<Value>,
    /// With `then`: what is under way follows this rule when it changes. Otherwise it finishes as it began.
    #[serde(default)]
    #[schemars(with = "Option<bool>", extend("examples" = [true]))]
    pub follow_edits: Option<Value>,
    /// Which events are about the same thing: there is one card for all of them, which changes as they come.
    #[serde(default)]
    #[schemars(
        with = "Option<TrackFile>",
        extend("examples" = [{ "by": "{{event.incident.id}}", "closed_when": { "event.incident.status": "resolved" } }])
    )]
    pub track: Option<Value>,
    /// Buttons that Herald adds to the cards of this rule. What somebody presses shows on the card for everybody who has it.
    #[serde(default)]
    #[schemars(
        with = "Option<Vec<TextOr<ButtonFile>>>",
        length(max = 6),
        extend("examples" = [["acknowledge", { "snooze": "1 hour" }, { "open": "{{event.html_url}}" }]])
    )]
    pub buttons: Option<Value>,
    /// Who may press the buttons under `buttons`. Without it, everybody who sees the card.
    #[serde(default)]
    #[schemars(with = "Vec<TargetFile>", extend("examples" = [[{ "people": "first-responders" }]]))]
    pub may_press: Vec<Value>,
    /// What the card becomes for everybody when somebody pressed `acknowledge`. Without it, a line on top says who it was.
    #[serde(default)]
    #[schemars(
        with = "Option<TurnFile>",
        extend("examples" = [{ "card": { "title": "{{tracked.acknowledged.by.name}} is on it", "style": "warning" } }])
    )]
    pub on_acknowledge: Option<Value>,
    /// What the card becomes for everybody when it is over. Without it, a green line on top says so.
    #[serde(default)]
    #[schemars(
        with = "Option<TurnFile>",
        extend("examples" = [{ "card": { "title": "{{event.incident.title}} is over", "style": "good" } }])
    )]
    pub on_close: Option<Value>,
    /// The rule's own tests, for `herald test`. They can stand in `NAME.test.yaml` beside the rule as well.
    #[serde(default)]
    #[schemars(
        with = "Option<Vec<CaseFile>>",
        extend("examples" = [[{ "name": "everything is told", "given": "samples/announce/lift.json", "expect": { "messages": 1 } }]])
    )]
    pub tests: Option<Value>,
}

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

/// Who is told: one of `person`, `people`, `group`, `channel`, `members_of`, `channels_of`, `everyone`, `entra_group`,
/// `activity_feed`, `here`, `sender` and `webhook`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Target", extend("x-decide" = {
    "person": [],
    "people": ["where"],
    "group": ["mention"],
    "channel": ["mention", "thread"],
    "members_of": ["where"],
    "channels_of": ["mention"],
    "everyone": ["where"],
    "entra_group": ["where"],
    "activity_feed": ["where"],
    "here": ["mention"],
    "sender": [],
    "webhook": ["mention"],
}))]
pub struct TargetFile {
    /// One person, in the personal chat: an alias of `directory.yaml`, a mail address, an Entra object id, a display
    /// name, or a template such as `"{{event.author.email}}"`.
    #[schemars(extend("examples" = ["anna", "anna.berg@contoso.example", "{{event.author.email}}"]))]
    pub person: Option<String>,
    /// Several people, each in the personal chat: a list, or an audience of `directory.yaml`.
    #[schemars(extend("examples" = [["anna", "omar.haddad@contoso.example"], "berlin-office"]))]
    pub people: Option<OneOrMany<String>>,
    /// A group chat: an alias, its name, or its pasted link.
    #[schemars(extend("examples" = ["finance-room"]))]
    pub group: Option<String>,
    /// A channel: an alias, `Team / Channel`, or its pasted link.
    #[schemars(extend("examples" = ["Platform / Releases", "releases"]))]
    pub channel: Option<String>,
    /// Each member of a team or group chat, one by one, in their personal chats.
    #[schemars(extend("examples" = ["Berlin Office"]))]
    pub members_of: Option<String>,
    /// Each channel of a team that the bot can see, General among them.
    #[schemars(extend("examples" = ["Platform"]))]
    pub channels_of: Option<String>,
    /// Everybody who has the bot, one by one, in their personal chats.
    #[schemars(extend("examples" = [true]))]
    pub everyone: Option<Yes>,
    /// Each member of a group in Entra ID, and of the groups in it, one by one, in their personal chats: the group's
    /// name or object id. Microsoft Graph is asked who they are: `graph: { look_up: true }` in `herald.yaml`.
    #[schemars(extend("examples" = ["On-call engineers", "0b3f6c1e-8a0d-4f6b-9a43-5a2a6d1c7e55"]))]
    pub entra_group: Option<String>,
    /// A notification in the activity feed, instead of a card in the chat: of people, each named as under `people`, or of
    /// an audience of `directory.yaml`. What it says stands under `feed:`. It goes through Microsoft Graph.
    #[schemars(extend("examples" = ["on-call", ["anna", "omar.haddad@contoso.example"]]))]
    pub activity_feed: Option<OneOrMany<String>>,
    /// The conversation that the event came from.
    #[schemars(extend("examples" = [true]))]
    pub here: Option<Yes>,
    /// The person who caused the event in Teams.
    #[schemars(extend("examples" = [true]))]
    pub sender: Option<Yes>,
    /// A webhook of a channel, by its alias in `directory.yaml`: a way in without the bot.
    #[schemars(extend("examples" = ["operations"]))]
    pub webhook: Option<String>,
    /// With `channel`, `channels_of`, `group`, `here` or `webhook`: whom the card mentions there.
    #[schemars(extend("examples" = ["on-call", ["anna", "omar"]]))]
    pub mention: Option<OneOrMany<String>>,
    /// With `people`, `members_of`, `everyone`, `entra_group` or `activity_feed`: what must be true of each of them, by the
    /// fields of a person (`country`, `language`, `time_zone`, `role`, `guest`) and those of `directory.yaml`.
    #[serde(rename = "where")]
    #[schemars(with = "Option<WhereFile>", extend("examples" = [{ "office": "Berlin" }, { "language": ["de", "en"], "guest": false }]))]
    pub only: Option<Value>,
    /// With `channel`: what the thread is about. Cards of this rule with the same value go into one thread; the first
    /// begins it. Without this key each card begins its own.
    #[schemars(extend("examples" = ["{{event.deployment.id}}"]))]
    pub thread: Option<String>,
}

/// What must be true: field and expected value, line by line; `any`, `all` and `not` nest.
#[derive(Debug, Clone)]
pub struct ConditionFile;

impl JsonSchema for ConditionFile {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let this = generator.subschema_for::<ConditionFile>();
        let expected = generator.subschema_for::<ExpectedFile>();
        json_schema!({
            "title": "Condition",
            "description": "Every line must hold. A line is a field and what is expected of it: a value (is), a list (is one of), or a word such as `contains:`.",
            "type": "object",
            "minProperties": 1,
            "properties": {
                "all": {
                    "description": "Every one of these must hold.",
                    "type": "array", "minItems": 1, "items": this,
                    "examples": [[{ "event.state": "failure" }, { "event.branch": "main" }]],
                },
                "any": {
                    "description": "At least one of these must hold.",
                    "type": "array", "minItems": 1, "items": this,
                    "examples": [[{ "event.state": "failure" }, { "event.attempts": { "at_least": 3 } }]],
                },
                "not": {
                    "description": "This must not hold.",
                    "allOf": [this],
                    "examples": [{ "event.branch": "main" }],
                },
                "expression": {
                    "description": "A CEL expression that must be true, for what cannot be said in lines.",
                    "type": "string",
                    "examples": ["event.commits.size() > 3 && event.ref == 'refs/heads/main'"],
                },
            },
            "additionalProperties": expected,
        })
    }
}

/// What must be true of a person: field and expected value, line by line.
#[derive(Debug, Clone)]
pub struct WhereFile;

impl JsonSchema for WhereFile {
    fn schema_name() -> Cow<'static, str> {
        "Where".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let this = generator.subschema_for::<WhereFile>();
        let expected = generator.subschema_for::<ExpectedFile>();
        json_schema!({
            "title": "Where",
            "description": "Every line must hold of a person. A line is a field of people and what is expected of it, with the words of `if`.",
            "type": "object",
            "minProperties": 1,
            "properties": {
                "all": {
                    "description": "Every one of these must hold.",
                    "type": "array", "minItems": 1, "items": this,
                    "examples": [[{ "office": "Berlin" }, { "guest": false }]],
                },
                "any": {
                    "description": "At least one of these must hold.",
                    "type": "array", "minItems": 1, "items": this,
                    "examples": [[{ "office": "Berlin" }, { "office": "Hamburg" }]],
                },
                "not": {
                    "description": "This must not hold.",
                    "allOf": [this],
                    "examples": [{ "guest": true }],
                },
            },
            "additionalProperties": expected,
        })
    }
}

/// What is expected of a field.
#[derive(Debug, Clone)]
pub struct ExpectedFile;

/// What may stand behind a word, and an example.
fn behind(word: &str) -> (Value, Value) {
    match word {
        "is_not" => (
            json!(["string", "number", "boolean", "null", "array"]),
            json!(["main", "develop"]),
        ),
        "contains" => (json!(["string", "number", "boolean", "array"]), json!("urgent")),
        "starts_with" => (json!(["string", "array"]), json!("release/")),
        "ends_with" => (json!(["string", "array"]), json!([".csv", ".xlsx"])),
        "matches" => (json!("string"), json!("^v[0-9]+$")),
        "exists" => (json!("boolean"), json!(true)),
        _ => (json!(["number", "string"]), json!(3)),
    }
}

impl JsonSchema for ExpectedFile {
    fn schema_name() -> Cow<'static, str> {
        "Expected".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        for (word, meaning) in WORDS {
            let (kinds, example) = behind(word);
            let meaning = format!("Holds if {meaning}.");
            properties.insert(
                word.to_owned(),
                json!({ "description": meaning, "type": kinds, "x-null": true, "examples": [example] }),
            );
        }
        json_schema!({
            "title": "Expected",
            "description": "A value: the field is this. A list: it is one of these. A mapping: a word and its value.",
            "type": ["string", "number", "boolean", "null", "array", "object"],
            "x-null": true,
            "minProperties": 1,
            "minItems": 1,
            "properties": properties,
            "additionalProperties": false,
            "items": { "type": ["string", "number", "boolean", "null"], "x-null": true },
        })
    }
}

/// A card written in the rule: a template with values, a short card, or a plain message.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Card", extend("x-decide" = { "template": ["with"], "message": [], "*": ["summary", "full_width"] }))]
pub struct CardFile {
    /// The name of a file in `templates/`, without its ending.
    #[schemars(extend("examples" = ["deploy-failed"]))]
    pub template: Option<String>,
    /// With `template`: values that the template uses by name.
    #[schemars(extend("examples" = [{ "title": "{{event.repository.name}}: deploy failed" }]))]
    pub with: Option<IndexMap<String, Value>>,
    /// A plain message instead of a card, in Markdown.
    #[schemars(extend("examples" = ["Build {{event.build.number}} is done."]))]
    pub message: Option<String>,
    /// The heading of a short card.
    #[schemars(extend("examples" = ["{{event.repository.name}}: deploy failed"]))]
    pub title: Option<String>,
    /// The text of a short card, in Markdown.
    #[schemars(extend("examples" = ["{{event.deployment_status.description}}"]))]
    pub text: Option<String>,
    /// Name and value, line by line. Or a list of `{ title, value }`, where `$data` repeats a line for each item of a list.
    #[schemars(with = "Option<FactsFile>")]
    #[schemars(extend("examples" = [{ "Environment": "{{event.deployment.environment}}", "By": "{{event.sender.login}}" }]))]
    pub facts: Option<Value>,
    /// Buttons: what is on the button, and the address of the page that it opens; or `{ press: NAME }` for one that a rule
    /// with `button: NAME` answers, with values for it under `with`. Or a list of `{ title, url }` and `{ title, press }`.
    #[schemars(with = "Option<ButtonsFile>")]
    #[schemars(extend("examples" = [
        { "Open the log": "{{event.deployment_status.log_url}}" },
        { "I am on it": { "press": "on-it", "with": { "incident": "{{event.id}}" } } },
    ]))]
    pub buttons: Option<Value>,
    /// The colour of the heading.
    #[schemars(extend("examples" = ["attention"]))]
    #[schemars(with = "Option<StyleFile>")]
    pub style: Option<Value>,
    /// The address of a picture.
    #[schemars(extend("examples" = ["https://contoso.example/logo.png"]))]
    pub image: Option<String>,
    /// The one line that notifications and the activity feed show. Without it, the card's first words.
    #[schemars(extend("examples" = ["{{event.repository.name}}: deploy failed"]))]
    pub summary: Option<String>,
    /// Use the whole width of the conversation, or do not. Without it, a short card with a text or facts does.
    #[schemars(extend("examples" = [true]))]
    pub full_width: Option<bool>,
}

/// The facts of a short card.
#[derive(Debug, Clone)]
pub struct FactsFile;

impl JsonSchema for FactsFile {
    fn schema_name() -> Cow<'static, str> {
        "Facts".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        lines(
            "value",
            "The value.",
            "{{event.deployment.environment}}",
            &["string", "number", "boolean"],
        )
    }
}

/// The buttons of a short card.
#[derive(Debug, Clone)]
pub struct ButtonsFile;

impl JsonSchema for ButtonsFile {
    fn schema_name() -> Cow<'static, str> {
        "Buttons".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = lines("url", "The page that opens.", "{{event.html_url}}", &["string"]);
        let press = json!({
            "description": "The name of the button: a rule with `button:` and this name answers it.",
            "type": "string",
            "examples": ["on-it"],
        });
        let with = json!({
            "description": "With `press`: values that the rule sees as `event.data`.",
            "type": "object",
            "examples": [{ "incident": "{{event.id}}" }],
        });
        let fields = json!({ "press": press, "with": with });
        if let Some(listed) = schema.pointer_mut("/items/properties").and_then(Value::as_object_mut) {
            listed.extend(fields.as_object().cloned().unwrap_or_default());
        }
        if let Some(labelled) = schema.get_mut("additionalProperties") {
            *labelled = json!({ "type": ["string", "object"], "properties": fields });
        }
        schema
    }
}

/// Label and value, as a mapping or as a list.
fn lines(key: &str, description: &str, example: &str, kinds: &[&str]) -> Schema {
    let mut fields = serde_json::Map::new();
    let mut add = |name: &str, description: &str, kinds: Value, example: &str| {
        let field = json!({ "description": description, "type": kinds, "examples": [example] });
        fields.insert(name.to_owned(), field);
    };
    add("title", "The label.", json!("string"), "Environment");
    add(key, description, json!(kinds), example);
    add(
        "$data",
        "A list: the line is there once for each item.",
        json!(["string", "array"]),
        "{{event.alerts}}",
    );
    add(
        "$when",
        "The line is there only if this is true.",
        json!(["string", "boolean"]),
        "{{event.urgent}}",
    );
    json_schema!({
        "type": ["object", "array"],
        "additionalProperties": { "type": kinds },
        // More is possible (elements of a template, partials); the room of cards judges it.
        "items": { "type": ["object", "string"], "properties": fields },
        "minProperties": 1,
        "minItems": 1,
    })
}

/// The colour of a short card's heading.
#[derive(Debug, Clone)]
pub struct StyleFile;

impl JsonSchema for StyleFile {
    fn schema_name() -> Cow<'static, str> {
        "Style".into()
    }

    fn inline_schema() -> bool {
        true
    }

    /// The words are offered; others are let through, because a text with holes may come to one of them.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const STYLES: [(&str, &str); 6] = [
            ("default", "Plain."),
            ("emphasis", "Set off from its surroundings."),
            ("good", "Good news: green."),
            ("attention", "Bad news: red."),
            ("warning", "Take care: yellow."),
            ("accent", "The colour of the theme."),
        ];
        let (words, meanings): (Vec<&str>, Vec<&str>) = STYLES.into_iter().unzip();
        json_schema!({ "anyOf": [{ "enum": words, "enumDescriptions": meanings }, { "type": "string" }] })
    }
}
