//! The shape of who is told: `notify` and `except`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{WhereFile, Yes};
use crate::one_or_many::OneOrMany;

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
