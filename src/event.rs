//! Something happened: [`Event`], its identity and where it came from.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::roster::ConversationId;

/// The identity of an event, derived from its origin, so that the same occurrence told twice is one event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// Derives an id from the parts that make an occurrence what it is (a hook and its repeat id; a rule and an
    /// instant; a path, its modification time and its hash). Equal parts give equal ids; the parts are
    /// length-prefixed, so `["ab", "c"]` and `["a", "bc"]` differ.
    pub fn derived(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(format!("ev_{}", hex::encode(&hash.finalize()[..12])))
    }

    /// Takes an id that somebody typed or that was stored.
    pub fn known(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a matter: the rule, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MatterId(String);

impl MatterId {
    /// The id of what `rule` has going on about `about`. However long that is, the id is short.
    pub fn of(rule: &str, about: &str) -> Self {
        let mut hash = Sha256::new();
        for part in ["matter", rule, about] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(format!("mt_{}", hex::encode(&hash.finalize()[..12])))
    }

    /// Takes an id that somebody typed or that was stored.
    pub fn known(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MatterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that happened, as a rule sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Who this occurrence is.
    pub id: EventId,
    /// Which kind of trigger it can meet.
    pub origin: Origin,
    /// When it happened, by our clock.
    pub occurred_at: DateTime<Utc>,
    /// What rules, conditions and templates see as `event`.
    pub data: Value,
    /// What they see as `request` (headers, query, method); null when no HTTP request was involved.
    pub request: Value,
    /// The conversation it came from, for the target `here`.
    pub here: Option<ConversationId>,
    /// The thread of that conversation it came from, by the id of the post that began it; only channels have threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The one of its items that it is about, for a rule that takes it apart with `split`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// Who caused it in Teams, for the target `sender`.
    pub sender: Option<Sender>,
}

/// One of the things that an event tells of, where a rule takes them one by one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What rules, conditions and templates see as `item`.
    pub value: Value,
    /// The event that brought it.
    pub of: EventId,
    /// Its place in the list, from 0.
    pub index: usize,
    /// How many there were in the list.
    pub count: usize,
}

/// The person behind an activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The tenant the person belongs to.
    pub tenant_id: String,
    /// Entra object id, where Teams gave one.
    pub aad_object_id: Option<String>,
    /// The bot-scoped `29:...` id.
    pub account_id: Option<String>,
    /// Display name, where Teams gave one.
    pub name: Option<String>,
}

/// Where an event came from; a rule's trigger is matched against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A POST to a declared hook.
    Hook {
        /// The hook's name in `herald.yaml`.
        hook: String,
        /// The sender's event type (`deployment_status`), where the preset knows a header for it.
        event_type: Option<String>,
    },
    /// A moment of a rule's schedule.
    Cron {
        /// The rule whose schedule it is; other rules never match.
        rule: String,
        /// The trigger's place in the rule's `when` list, from 0.
        trigger: usize,
        /// The wall-clock instant the schedule names.
        scheduled_at: DateTime<Utc>,
    },
    /// Something Teams told the bot.
    Teams {
        /// What it was.
        kind: TeamsEvent,
        /// Where it was.
        scope: Scope,
        /// Nobody had the bot there before.
        first_time: bool,
    },
    /// A message on a declared queue.
    Queue {
        /// The queue's name in `herald.yaml`.
        queue: String,
    },
    /// Somebody wrote to the bot.
    Message {
        /// Where.
        scope: Scope,
        /// What, without the mention of the bot, as [`plain`] makes it.
        text: String,
    },
    /// Somebody pressed a button of a card.
    Button {
        /// Where the card is.
        scope: Scope,
        /// What the card calls the button.
        button: String,
    },
    /// Nothing happened: somebody tries a rule out.
    Drill {
        /// The rule; others never match.
        rule: String,
        /// The recorded event that stands in for a real one, as seen from the workspace.
        sample: Option<String>,
        /// One target, as an author would write it, who is told instead of those the rule names.
        to: Option<Value>,
        /// The card is sent even if the rule's condition does not hold.
        forced: bool,
    },
    /// The time of a step of a rule has come.
    Step {
        /// The rule; others never match.
        rule: String,
        /// The id of what it is about.
        matter: String,
        /// The step's place in the rule's list, from 0.
        step: usize,
        /// What its author calls it.
        name: String,
    },
    /// A file appeared, changed or vanished.
    File {
        /// The rule whose pattern it met; other rules never match.
        rule: String,
        /// The trigger's place in the rule's `when` list, from 0.
        trigger: usize,
        /// Path as seen from the workspace.
        path: String,
        /// What happened to it.
        change: FileChange,
    },
}

/// Parts of names that tell of credentials.
const CONFIDENTIAL: [&str; 10] = [
    "authorization",
    "cookie",
    "secret",
    "password",
    "passwd",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "credential",
];

/// Does the name of a field say that it holds a password, a token or the like? Its value is not for records, logs and
/// pages.
pub fn is_confidential(name: &str) -> bool {
    let name = name.to_lowercase();
    CONFIDENTIAL.iter().any(|word| name.contains(word))
}

/// More of a message is not compared with what rules wait for, in characters; Teams takes less from people.
const LONGEST_SAID: usize = 30_000;

/// A text as wordings are compared with it: small letters, single blanks between words, none around them.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len().min(LONGEST_SAID));
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.extend(word.chars().flat_map(char::to_lowercase));
        if plain.len() > 4 * LONGEST_SAID {
            break;
        }
    }
    match plain.char_indices().nth(LONGEST_SAID) {
        Some((end, _)) => plain[..end].to_owned(),
        None => plain,
    }
}

impl Origin {
    /// Somebody wrote `text` to the bot.
    pub fn message(scope: Scope, text: &str) -> Origin {
        Origin::Message {
            scope,
            text: plain(text),
        }
    }

    /// The word used in logs and metrics: `hook`, `cron`, `teams`, `queue`, `drill`, `step` or `file`.
    pub fn kind(&self) -> &'static str {
        match self {
            Origin::Hook { .. } => "hook",
            Origin::Cron { .. } => "cron",
            Origin::Teams { .. } | Origin::Message { .. } | Origin::Button { .. } => "teams",
            Origin::Queue { .. } => "queue",
            Origin::Drill { .. } => "drill",
            Origin::Step { .. } => "step",
            Origin::File { .. } => "file",
        }
    }
}

/// What Teams can tell the bot that a rule may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeamsEvent {
    /// The bot was installed.
    Installed,
    /// The bot was removed.
    Uninstalled,
    /// A person joined a team or chat that has the bot.
    MemberAdded,
    /// A person left it.
    MemberRemoved,
    /// A channel was created.
    ChannelCreated,
    /// A channel got another name.
    ChannelRenamed,
    /// A channel was deleted.
    ChannelDeleted,
    /// A deleted channel came back.
    ChannelRestored,
    /// A channel was shared with another team.
    ChannelShared,
    /// A channel is no longer shared with another team.
    ChannelUnshared,
    /// A person joined a private or shared channel.
    ChannelMemberAdded,
    /// A person left a private or shared channel.
    ChannelMemberRemoved,
    /// A team got another name.
    TeamRenamed,
    /// A team was deleted.
    TeamDeleted,
    /// A team was deleted for good.
    TeamHardDeleted,
    /// A deleted team came back.
    TeamRestored,
    /// A team became read-only.
    TeamArchived,
    /// An archived team became writable again.
    TeamUnarchived,
    /// A person who has the bot was deleted from the organisation.
    PersonDeleted,
    /// Somebody reacted to a message of the bot.
    ReactionAdded,
    /// Somebody took a reaction back.
    ReactionRemoved,
    /// Somebody changed a message that they wrote to the bot.
    MessageEdited,
    /// Somebody deleted a message that they wrote to the bot.
    MessageDeleted,
    /// Somebody brought a deleted message back.
    MessageRestored,
}

impl TeamsEvent {
    /// All of them, in the order they are explained.
    pub const ALL: [TeamsEvent; 24] = [
        TeamsEvent::Installed,
        TeamsEvent::Uninstalled,
        TeamsEvent::MemberAdded,
        TeamsEvent::MemberRemoved,
        TeamsEvent::ChannelCreated,
        TeamsEvent::ChannelRenamed,
        TeamsEvent::ChannelDeleted,
        TeamsEvent::ChannelRestored,
        TeamsEvent::ChannelShared,
        TeamsEvent::ChannelUnshared,
        TeamsEvent::ChannelMemberAdded,
        TeamsEvent::ChannelMemberRemoved,
        TeamsEvent::TeamRenamed,
        TeamsEvent::TeamDeleted,
        TeamsEvent::TeamHardDeleted,
        TeamsEvent::TeamRestored,
        TeamsEvent::TeamArchived,
        TeamsEvent::TeamUnarchived,
        TeamsEvent::PersonDeleted,
        TeamsEvent::ReactionAdded,
        TeamsEvent::ReactionRemoved,
        TeamsEvent::MessageEdited,
        TeamsEvent::MessageDeleted,
        TeamsEvent::MessageRestored,
    ];
}

/// Where the bot is installed, in the words of the rule language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// A personal chat.
    Person,
    /// A group chat.
    Group,
    /// A team.
    Team,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    /// It was not there before.
    Created,
    /// Its content differs.
    Modified,
    /// It is gone.
    Deleted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_an_older_herald_kept_can_still_be_read() {
        let kept = r#"{ "id": "ev_1", "origin": { "teams": { "kind": "installed", "scope": "team", "first_time": true } },
            "occurred_at": "2026-03-02T12:00:00Z", "data": {}, "request": null, "here": "19:a", "sender": null }"#;
        let event: Event = serde_json::from_str(kept).unwrap();
        assert_eq!((event.here.unwrap().as_str(), event.thread), ("19:a", None));
    }

    #[test]
    fn a_message_is_compared_in_small_letters_and_has_an_end() {
        assert_eq!(plain("  On\u{a0}\n CALL "), "on call");
        assert_eq!(plain(" \n"), "");
        assert_eq!(plain(&"É ".repeat(40_000)).chars().count(), LONGEST_SAID);
    }

    #[test]
    fn the_same_occurrence_has_the_same_id_and_parts_do_not_run_together() {
        assert_eq!(EventId::derived(&["hook", "1"]), EventId::derived(&["hook", "1"]));
        assert_ne!(EventId::derived(&["ab", "c"]), EventId::derived(&["a", "bc"]));
    }
}
