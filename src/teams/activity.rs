//! Activities as the Bot Framework spells them, read leniently.
//!
//! Teams adds fields and event types at any time, and emulators leave fields out or give them another type. So every
//! field but `type` is optional, and a field of an unexpected type counts as missing.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What Teams posts to the bot.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Activity {
    /// `message`, `conversationUpdate`, `installationUpdate`, `invoke`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// The activity's id; a redelivered activity has the same.
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    /// When it happened, by Teams' clock.
    #[serde(deserialize_with = "lenient")]
    pub timestamp: Option<DateTime<Utc>>,
    /// Where to answer: the regional address of the connector.
    #[serde(deserialize_with = "text")]
    pub service_url: Option<String>,
    /// The adapter: `msteams`.
    #[serde(deserialize_with = "text")]
    pub channel_id: Option<String>,
    /// Who caused it.
    #[serde(deserialize_with = "object")]
    pub from: Option<Account>,
    /// The bot.
    #[serde(deserialize_with = "object")]
    pub recipient: Option<Account>,
    /// Where it happened.
    #[serde(deserialize_with = "object")]
    pub conversation: Option<ConversationAccount>,
    /// `add`, `remove`, `add-upgrade`, `remove-upgrade`.
    #[serde(deserialize_with = "text")]
    pub action: Option<String>,
    /// Who joined.
    #[serde(deserialize_with = "each")]
    pub members_added: Vec<Account>,
    /// Who left.
    #[serde(deserialize_with = "each")]
    pub members_removed: Vec<Account>,
    /// How somebody reacted to a message of ours.
    #[serde(deserialize_with = "each")]
    pub reactions_added: Vec<Reaction>,
    /// Which reactions they took back.
    #[serde(deserialize_with = "each")]
    pub reactions_removed: Vec<Reaction>,
    /// The name of an invoke: `adaptiveCard/action`.
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// What a card's button carries.
    pub value: Option<Value>,
    /// What a person wrote.
    #[serde(deserialize_with = "text")]
    pub text: Option<String>,
    /// `plain`, `markdown` or `xml`.
    #[serde(deserialize_with = "text")]
    pub text_format: Option<String>,
    /// The message this one answers, or whose card was used.
    #[serde(deserialize_with = "text")]
    pub reply_to_id: Option<String>,
    /// The language of the person's client (`de-DE`).
    #[serde(deserialize_with = "text")]
    pub locale: Option<String>,
    /// The person's zone (IANA name).
    #[serde(deserialize_with = "text")]
    pub local_timezone: Option<String>,
    /// What hangs on a message; the message once more as HTML is one of them.
    #[serde(deserialize_with = "each")]
    pub attachments: Vec<Attached>,
    /// Mentions, client details and whatever else comes along.
    #[serde(deserialize_with = "each")]
    pub entities: Vec<Entity>,
    /// What only Teams says.
    #[serde(deserialize_with = "object_or_default")]
    pub channel_data: ChannelData,
}

/// A person or a bot.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Account {
    /// `29:...` for people, `28:...` for bots.
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    /// Display name.
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// Entra object id; bots have none.
    #[serde(deserialize_with = "text")]
    pub aad_object_id: Option<String>,
    /// The same in answers of the connector.
    #[serde(deserialize_with = "text")]
    pub object_id: Option<String>,
    /// Mail address.
    #[serde(deserialize_with = "text")]
    pub email: Option<String>,
    /// Sign-in name.
    #[serde(deserialize_with = "text")]
    pub user_principal_name: Option<String>,
    /// `user`, `guest` or `anonymous` in a roster.
    #[serde(deserialize_with = "text")]
    pub user_role: Option<String>,
    /// The tenant the account belongs to.
    #[serde(deserialize_with = "text")]
    pub tenant_id: Option<String>,
}

/// A conversation.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConversationAccount {
    /// Its id, in channels with `;messageid=`.
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    /// A channel's or group chat's name.
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// `personal`, `groupChat` or `channel`, in any case.
    #[serde(deserialize_with = "text")]
    pub conversation_type: Option<String>,
    /// True for everything but personal chats, absent there.
    #[serde(deserialize_with = "lenient")]
    pub is_group: Option<bool>,
    /// The tenant it belongs to; team events often lack it.
    #[serde(deserialize_with = "text")]
    pub tenant_id: Option<String>,
}

/// What comes beside an activity.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entity {
    /// `clientInfo`, `mention`, ...
    #[serde(rename = "type", deserialize_with = "text")]
    pub kind: Option<String>,
    /// The client's language, in `clientInfo`.
    #[serde(deserialize_with = "text")]
    pub locale: Option<String>,
    /// The client's zone, in `clientInfo`.
    #[serde(deserialize_with = "text")]
    pub timezone: Option<String>,
    /// Who is mentioned, in `mention`.
    #[serde(deserialize_with = "object")]
    pub mentioned: Option<Account>,
    /// How the mention stands in the text, in `mention`: `<at>Notify Bot</at>`.
    #[serde(deserialize_with = "text")]
    pub text: Option<String>,
    /// The message that is quoted, in `quotedReply`.
    #[serde(deserialize_with = "object")]
    pub quoted_reply: Option<Quoted>,
}

/// A message that is quoted in another.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Quoted {
    /// Its id.
    #[serde(deserialize_with = "text")]
    pub message_id: Option<String>,
}

/// Something that hangs on a message.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attached {
    /// `text/html` where it is the message itself.
    #[serde(deserialize_with = "text")]
    pub content_type: Option<String>,
    /// What it says, where that is text.
    #[serde(deserialize_with = "text")]
    pub content: Option<String>,
}

/// A reaction to a message.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Reaction {
    /// `like`, `heart`, `laugh`, `surprised`, `sad`, `angry`, or what newer clients call theirs.
    #[serde(rename = "type", deserialize_with = "text")]
    pub kind: Option<String>,
}

/// What only Teams says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChannelData {
    /// `teamMemberAdded`, `channelRenamed`, ... in any case.
    #[serde(deserialize_with = "text")]
    pub event_type: Option<String>,
    /// The team it is about.
    #[serde(deserialize_with = "object")]
    pub team: Option<TeamInfo>,
    /// The channel it is about.
    #[serde(deserialize_with = "object")]
    pub channel: Option<ChannelInfo>,
    /// Teams that a channel was shared with.
    #[serde(deserialize_with = "each")]
    pub shared_with_teams: Vec<TeamInfo>,
    /// Teams that it is no longer shared with.
    #[serde(deserialize_with = "each")]
    pub unshared_from_teams: Vec<TeamInfo>,
    /// Why a person is a member of a private or shared channel.
    #[serde(deserialize_with = "object")]
    pub membership_source: Option<MembershipSource>,
    /// The tenant.
    #[serde(deserialize_with = "object")]
    pub tenant: Option<TenantInfo>,
    /// What was chosen when the bot was installed.
    #[serde(deserialize_with = "object")]
    pub settings: Option<InstallSettings>,
    /// An old name for `team.id`.
    #[serde(deserialize_with = "text")]
    pub teams_team_id: Option<String>,
    /// An old name for `channel.id`.
    #[serde(deserialize_with = "text")]
    pub teams_channel_id: Option<String>,
}

/// A team.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamInfo {
    /// The id of its General channel.
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    /// Its name.
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// The group behind it.
    #[serde(deserialize_with = "text")]
    pub aad_group_id: Option<String>,
    /// Its tenant, where that may be another one.
    #[serde(deserialize_with = "text")]
    pub tenant_id: Option<String>,
}

/// Why a person is a member of a private or shared channel.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MembershipSource {
    /// `channel` or `team`.
    #[serde(deserialize_with = "text")]
    pub source_type: Option<String>,
    /// The channel's or team's id.
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    /// Its name.
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// `direct` or `transitive`.
    #[serde(deserialize_with = "text")]
    pub membership_type: Option<String>,
    /// The group behind a team.
    #[serde(deserialize_with = "text")]
    pub aad_group_id: Option<String>,
    /// The tenant it belongs to.
    #[serde(deserialize_with = "text")]
    pub tenant_id: Option<String>,
}

/// A channel.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChannelInfo {
    /// Its id.
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    /// Its name; General has none.
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
}

/// A tenant.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TenantInfo {
    /// Its id.
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
}

/// What was chosen when the bot was installed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstallSettings {
    /// The channel the bot should write to.
    #[serde(deserialize_with = "object")]
    pub selected_channel: Option<ChannelInfo>,
}

/// Why a body is no activity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoActivity {
    /// The body is not JSON, or no object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// A field is missing that this type of activity needs.
    #[error("the activity has no `{0}`")]
    Lacks(&'static str),
}

impl Activity {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`NoActivity`] when it is no JSON object, has no `type`, or lacks what an activity of a type we act on needs to
    /// be placed: `conversation.id`, `serviceUrl` and `channelId`.
    pub fn parse(body: &[u8]) -> Result<Activity, NoActivity> {
        let value = serde_json::from_slice(body).map_err(|_| NoActivity::NotAnObject)?;
        Activity::read(value)
    }

    /// Reads a body that was parsed already; see [`Activity::parse`].
    ///
    /// # Errors
    /// Those of [`Activity::parse`].
    pub fn read(body: Value) -> Result<Activity, NoActivity> {
        if !body.is_object() {
            return Err(NoActivity::NotAnObject);
        }
        if !body.get("type").is_some_and(Value::is_string) {
            return Err(NoActivity::Lacks("type"));
        }
        let activity: Activity = serde_json::from_value(body).map_err(|_| NoActivity::NotAnObject)?;
        match activity.lacks() {
            Some(field) => Err(NoActivity::Lacks(field)),
            None => Ok(activity),
        }
    }

    fn lacks(&self) -> Option<&'static str> {
        let placed = [
            "message",
            "messageupdate",
            "messagedelete",
            "messagereaction",
            "conversationupdate",
            "installationupdate",
            "invoke",
        ];
        if !placed.contains(&self.kind.to_ascii_lowercase().as_str()) {
            return None;
        }
        if self.conversation_id().is_none() {
            return Some("conversation.id");
        }
        if self.service_url.is_none() {
            return Some("serviceUrl");
        }
        if self.channel_id.is_none() {
            return Some("channelId");
        }
        None
    }

    /// Whether the activity is of this type; case does not matter.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }

    /// Whether it tells about a place rather than being said in it. In a team such an activity carries the team's id
    /// as its conversation, where a message carries the channel's.
    pub fn is_update(&self) -> bool {
        self.is("conversationUpdate") || self.is("installationUpdate")
    }

    /// The conversation's id as it was spelt.
    pub fn conversation_id(&self) -> Option<&str> {
        self.conversation.as_ref()?.id.as_deref()
    }

    /// The thread it was said in, by the id of the post that began it; only channels have threads.
    pub fn thread(&self) -> Option<&str> {
        let (_, root) = self.conversation_id()?.split_once(";messageid=")?;
        (!root.is_empty() && root != "0" && root.bytes().all(|byte| byte.is_ascii_digit())).then_some(root)
    }

    /// The tenant: the conversation's, else the one Teams gives beside it. Team events often have only the latter.
    pub fn tenant_id(&self) -> Option<&str> {
        let of_conversation = self.conversation.as_ref().and_then(|place| place.tenant_id.as_deref());
        of_conversation.or_else(|| self.channel_data.tenant.as_ref()?.id.as_deref())
    }

    /// The `28:...` id of the bot this was sent to.
    pub fn bot_id(&self) -> Option<&str> {
        self.recipient.as_ref()?.id.as_deref()
    }

    /// The language of the client that caused it.
    pub fn client_locale(&self) -> Option<&str> {
        self.locale
            .as_deref()
            .or_else(|| self.client_info(|entity| entity.locale.as_deref()))
    }

    /// The zone of the client that caused it (IANA name).
    pub fn client_time_zone(&self) -> Option<&str> {
        self.client_info(|entity| entity.timezone.as_deref())
            .or(self.local_timezone.as_deref())
    }

    fn client_info<'a>(&'a self, field: impl Fn(&'a Entity) -> Option<&'a str>) -> Option<&'a str> {
        self.entities
            .iter()
            .filter(|entity| {
                entity
                    .kind
                    .as_deref()
                    .is_some_and(|kind| kind.eq_ignore_ascii_case("clientInfo"))
            })
            .find_map(field)
    }
}

/// A text, or a number as text; anything else, and an empty text, is missing.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.trim().is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

/// A value of the expected type, else missing.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

/// An object, else missing.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(read_object(Value::deserialize(deserializer)?))
}

/// An object, else an empty one.
fn object_or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(object(deserializer)?.unwrap_or_default())
}

/// A list is no object, though serde would read one as an object's fields in order.
pub(super) fn read_object<T: DeserializeOwned>(value: Value) -> Option<T> {
    value.is_object().then(|| serde_json::from_value(value).ok())?
}

/// The objects of a list; no list at all is an empty one.
fn each<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(items) => items.into_iter().filter_map(read_object).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_of_an_unexpected_type_counts_as_missing() {
        let activity = Activity::read(json!({
            "type": "message", "id": 17, "timestamp": "yesterday", "from": "Mona", "recipient": null,
            "conversation": {"id": "a:1", "isGroup": "yes", "tenantId": 3},
            "serviceUrl": "https://smba.trafficmanager.net/emea/", "channelId": "msteams",
            "membersAdded": {"id": "29:1"}, "membersRemoved": [{"id": "29:2"}, 7, {"id": ["x"]}],
            "entities": [null, {"type": "clientInfo", "timezone": "Europe/Berlin"}],
            "channelData": [1, 2], "somethingNew": {"deep": true}
        }))
        .unwrap();
        assert_eq!(activity.id.as_deref(), Some("17"));
        assert_eq!(activity.from, None);
        assert_eq!(activity.tenant_id(), Some("3"));
        assert_eq!(activity.members_removed.len(), 2);
        assert_eq!(activity.client_time_zone(), Some("Europe/Berlin"));
        assert_eq!(activity.channel_data, ChannelData::default());
    }

    #[test]
    fn what_cannot_be_placed_is_refused_with_the_missing_field() {
        let lacks = |value: Value| Activity::read(value).unwrap_err();
        assert_eq!(lacks(json!([1])), NoActivity::NotAnObject);
        assert_eq!(lacks(json!({"type": 3})), NoActivity::Lacks("type"));
        assert_eq!(lacks(json!({"text": "hi"})), NoActivity::Lacks("type"));
        assert_eq!(lacks(json!({"type": "message"})), NoActivity::Lacks("conversation.id"));
        assert_eq!(
            lacks(json!({"type": "invoke", "conversation": {"id": "a:1"}})),
            NoActivity::Lacks("serviceUrl")
        );
        assert_eq!(
            lacks(json!({"type": "ConversationUpdate", "conversation": {"id": "a:1"}, "serviceUrl": "https://a"})),
            NoActivity::Lacks("channelId")
        );
        assert_eq!(Activity::parse(b"{\"type\":"), Err(NoActivity::NotAnObject));
        assert_eq!(Activity::parse(b"\xff\xfe"), Err(NoActivity::NotAnObject));
        assert!(Activity::parse(b"{\"type\":\"typing\"}").is_ok());
    }

    #[test]
    fn a_body_nested_without_end_is_refused_not_followed() {
        let deep = format!(
            "{{\"type\":\"message\",\"value\":{}1{}}}",
            "[".repeat(5000),
            "]".repeat(5000)
        );
        assert_eq!(Activity::parse(deep.as_bytes()), Err(NoActivity::NotAnObject));
    }
}
