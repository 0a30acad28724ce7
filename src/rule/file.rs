//! The shape of a rule's file: the only home of its serde and schemars attributes.
//!
//! What stands under `if`, `notify` and `card` is described here for the schema, and read by the rooms that give it a
//! meaning: they point into the value when something is wrong with it.

mod card;
mod condition;
mod living;
mod sending;
mod target;
mod trigger;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::one_or_many::OneOrMany;
use crate::quiet::file::QuietFile;
use crate::rule::tests_file::CaseFile;
use crate::rule::then::file::ThenFile;
use crate::text_or::TextOr;

pub use card::{ButtonsFile, CardFile, FactsFile, StyleFile};
pub use condition::{ConditionFile, ExpectedFile, WhereFile};
pub use living::{ButtonFile, IfNotOpenFile, OnUpdateFile, TrackFile, TurnFile};
pub use sending::{DigestFile, FeedFile, FirstTryFile, ImportanceFile, LimitFile, RestFile, SendFile, UrgencyFile};
pub use target::TargetFile;
pub use trigger::{FileChangeFile, IfMissedFile, PlaceFile, ScopeFile, TriggerFile, Yes};

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
