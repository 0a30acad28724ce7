//! Reading what a TeamsFx bot remembered: its `.notification.localstore.json`, one object of conversation references.
//!
//! TeamsFx files a team under the channel that the bot was installed into, and its file does not say which team that
//! is. General has the team's own id; for any other channel a stand-in is made, which goes as soon as Teams names the
//! team.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::export::address;
use crate::roster::{Channel, Conversation, ConversationId, ConversationKind, Fact, Person, Team};

/// What a TeamsFx file came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Import {
    /// The bot (`28:...`) that the references belong to: the one asked for, else the first one found.
    pub bot_id: Option<String>,
    /// What is learnt from the entries that can be used.
    pub facts: Vec<Fact>,
    /// The entries that cannot be used, each with the reason.
    pub skipped: Vec<Remark>,
    /// The entries that can be used, but not as fully as one would like.
    pub notices: Vec<Remark>,
}

/// Something to say about one entry of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The entry's key in the file.
    pub key: String,
    /// What there is to say, in a sentence without a full stop.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    channel_id: Option<String>,
    service_url: Option<String>,
    locale: Option<String>,
    #[serde(default)]
    user: Account,
    bot: Option<Account>,
    conversation: Option<ConversationAccount>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    id: Option<String>,
    aad_object_id: Option<String>,
    name: Option<String>,
    email: Option<String>,
    user_principal_name: Option<String>,
    user_role: Option<String>,
    tenant_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConversationAccount {
    id: Option<String>,
    name: Option<String>,
    conversation_type: Option<String>,
    tenant_id: Option<String>,
}

/// Reads a TeamsFx file for the bot `bot_id` (`28:...`), as if everything in it was seen at `now`. Without a bot id,
/// the first entry's bot is taken for ours.
///
/// # Errors
/// A sentence if the text is no JSON object.
pub fn parse(text: &str, bot_id: Option<&str>, now: DateTime<Utc>) -> Result<Import, String> {
    let entries: Map<String, Value> = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        format!(
            "this is not TeamsFx's notification store, which is one JSON object: line {}, column {} does not fit",
            error.line(),
            error.column()
        )
    })?;
    let mut import = Import {
        bot_id: bot_id.map(str::to_owned),
        ..Import::default()
    };
    for (key, value) in entries {
        match serde_json::from_value(value) {
            Ok(reference) => {
                if let Err(reason) = take(&mut import, &key, reference, now) {
                    import.skipped.push(Remark { key, reason });
                }
            }
            Err(error) => import.skipped.push(Remark {
                key,
                reason: format!("it is not a conversation reference: {error}"),
            }),
        }
    }
    Ok(import)
}

fn take(import: &mut Import, key: &str, reference: Reference, now: DateTime<Utc>) -> Result<(), String> {
    let Reference {
        channel_id,
        service_url,
        locale,
        user,
        bot,
        conversation,
    } = reference;
    if let Some(other) = channel_id.filter(|channel| !channel.eq_ignore_ascii_case("msteams")) {
        return Err(format!("it belongs to `{other}`, not to Teams"));
    }
    let conversation = conversation.ok_or("it names no conversation")?;
    let id = given(conversation.id).ok_or("its conversation has no id")?;
    let id = ConversationId::new(&id);
    let kind = kind(conversation.conversation_type.as_deref(), id.as_str())?;
    let service_url = given(service_url).ok_or("it has no service address")?;
    address(&service_url)?;
    let bot_id = given(bot.and_then(|bot| bot.id)).ok_or("it does not say which bot it belongs to")?;
    match &import.bot_id {
        Some(ours) if !ours.eq_ignore_ascii_case(&bot_id) => {
            return Err(format!(
                "it belongs to the bot `{bot_id}`, and `{ours}` cannot use its conversations"
            ));
        }
        Some(_) => {}
        None => import.bot_id = Some(bot_id.clone()),
    }

    let tenant_id = given(conversation.tenant_id)
        .or_else(|| given(user.tenant_id.clone()))
        .or_else(|| tenant_of(key));
    if tenant_id.is_none() {
        let reason = "it does not say which tenant it belongs to; the next activity from there will".to_owned();
        import.notices.push(Remark {
            key: key.to_owned(),
            reason,
        });
    }
    let tenant_id = tenant_id.unwrap_or_default();
    let name = given(conversation.name);
    let person = person(user, &tenant_id, locale, kind);
    let installed_by = person
        .as_ref()
        .and_then(|person| person.aad_object_id.clone().or_else(|| person.account_id.clone()));

    match kind {
        ConversationKind::Personal => {
            let person = person.ok_or("it does not say whose chat it is")?;
            import.facts.push(Fact::ConversationSeen(Conversation {
                id,
                kind,
                service_url,
                tenant_id,
                team_id: None,
                name: None,
                bot_id,
                person: Some(person),
                installed_by,
                first_seen: now,
                last_seen: now,
                blocked: None,
            }));
        }
        ConversationKind::GroupChat => {
            import.facts.extend(person.map(Fact::PersonSeen));
            import.facts.push(Fact::ConversationSeen(Conversation {
                id,
                kind,
                service_url,
                tenant_id,
                team_id: None,
                name,
                bot_id,
                person: None,
                installed_by,
                first_seen: now,
                last_seen: now,
                blocked: None,
            }));
        }
        ConversationKind::Channel => {
            import.facts.extend(person.map(Fact::PersonSeen));
            if let Some(name) = &name {
                import.notices.push(Remark {
                    key: key.to_owned(),
                    reason: format!(
                        "the bot was installed into the channel `{name}`, and this file does not say of which team: \
                         until Teams tells, it can be named by its id or link only"
                    ),
                });
            }
            let id = id.as_str().to_owned();
            import.facts.push(Fact::TeamSeen(Team {
                id: id.clone(),
                tenant_id,
                name: None,
                aad_group_id: None,
                service_url,
                bot_id,
                selected_channel: name.is_some().then(|| id.clone()),
                installed_by,
                archived: false,
                channels: vec![Channel {
                    id,
                    name: None,
                    deleted: false,
                }],
                channels_fetched_at: None,
                first_seen: now,
                last_seen: now,
            }));
        }
    }
    Ok(())
}

/// What sort of place it is; old files leave the type out, then the id tells.
fn kind(written: Option<&str>, id: &str) -> Result<ConversationKind, String> {
    match written.map(str::to_lowercase).as_deref() {
        Some("personal") => Ok(ConversationKind::Personal),
        Some("groupchat") => Ok(ConversationKind::GroupChat),
        Some("channel") => Ok(ConversationKind::Channel),
        Some(other) => Err(format!("Herald does not know conversations of the type `{other}`")),
        None if id.starts_with("a:") => Ok(ConversationKind::Personal),
        None if id.ends_with("@thread.v2") => Ok(ConversationKind::GroupChat),
        None if id.ends_with("@thread.tacv2") => Ok(ConversationKind::Channel),
        None => Err(format!("it does not say what sort of conversation `{id}` is")),
    }
}

/// The tenant in TeamsFx's key, `_TENANT_CONVERSATION`; a missing one is spelt `undefined` there.
fn tenant_of(key: &str) -> Option<String> {
    let (tenant, _) = key.strip_prefix('_')?.split_once('_')?;
    given(Some(tenant.to_owned())).filter(|tenant| tenant != "undefined")
}

/// The account of the reference: whose chat it is, or who installed the bot.
fn person(account: Account, tenant_id: &str, locale: Option<String>, kind: ConversationKind) -> Option<Person> {
    let person = Person {
        tenant_id: given(account.tenant_id).unwrap_or_else(|| tenant_id.to_owned()),
        aad_object_id: given(account.aad_object_id).map(|id| id.to_lowercase()),
        account_id: given(account.id).filter(|id| id.starts_with("29:")),
        user_principal_name: given(account.user_principal_name),
        email: given(account.email),
        name: given(account.name),
        role: given(account.user_role),
        // In a group the reference's locale is that of whoever spoke last.
        locale: given(locale).filter(|_| kind == ConversationKind::Personal),
        ..Person::default()
    };
    (person.aad_object_id.is_some() || person.account_id.is_some()).then_some(person)
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    const BOT: &str = "28:5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10";
    const FILE: &str = r#"{
      "_8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01_a:1kT9": {
        "activityId": "f:a1", "channelId": "msteams", "locale": "de-DE", "serviceUrl": "https://smba.trafficmanager.net/emea/",
        "user": {"id": "29:1pQ8", "aadObjectId": "C7B0C7DE-3a63-4f0b-8f0e-6d2f4b1a9e02", "name": "Mona Berg"},
        "bot": {"id": "28:5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10", "name": "Notify Bot"},
        "conversation": {"conversationType": "personal", "id": "a:1kT9", "tenantId": "8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01"}
      },
      "_undefined_19:4b7d@thread.v2": {
        "channelId": "msteams", "serviceUrl": "https://smba.trafficmanager.net/emea/",
        "user": {"id": "29:1pQ8"}, "bot": {"id": "28:5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10"},
        "conversation": {"isGroup": true, "conversationType": "groupchat", "id": "19:4b7d@thread.v2"}
      },
      "_8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01_19:General@thread.tacv2": {
        "channelId": "msteams", "serviceUrl": "https://smba.trafficmanager.net/emea/",
        "user": {"id": "29:1pQ8"}, "bot": {"id": "28:5D6C0F3A-0b1e-4c7e-9a41-7f0f3e2b1c10"},
        "conversation": {"isGroup": true, "conversationType": "channel", "id": "19:General@thread.tacv2;messageid=17"}
      },
      "_8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01_19:Alerts@thread.tacv2": {
        "channelId": "msteams", "serviceUrl": "https://smba.trafficmanager.net/emea/",
        "user": {"id": "29:1pQ8"}, "bot": {"id": "28:5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10"},
        "conversation": {"isGroup": true, "conversationType": "channel", "id": "19:Alerts@thread.tacv2", "name": "Alerts"}
      },
      "other-bot": {
        "channelId": "msteams", "serviceUrl": "https://smba.trafficmanager.net/emea/", "bot": {"id": "28:other"},
        "conversation": {"conversationType": "personal", "id": "a:2"}
      },
      "other-channel": { "channelId": "slack", "conversation": {"id": "x"} },
      "no-conversation": { "channelId": "msteams" },
      "no-address": { "bot": {"id": "28:5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10"}, "conversation": {"id": "a:3"} },
      "no-bot": { "serviceUrl": "https://smba.trafficmanager.net/emea/", "conversation": {"id": "a:3"} },
      "nobody": { "serviceUrl": "https://smba.trafficmanager.net/emea/", "bot": {"id": "28:5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10"}, "conversation": {"id": "a:4", "tenantId": "t"} },
      "strange-type": { "conversation": {"conversationType": "meeting", "id": "x"} },
      "not-a-reference": [1, 2]
    }"#;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).unwrap()
    }

    fn remark_of<'a>(remarks: &'a [Remark], key: &str) -> &'a str {
        let remark = remarks.iter().find(|remark| remark.key == key);
        &remark.unwrap_or_else(|| panic!("nothing is said about {key}")).reason
    }

    #[test]
    fn a_personal_chat_comes_with_its_person() {
        let import = parse(FILE, Some(BOT), now()).expect("a file");
        let Fact::ConversationSeen(chat) = &import.facts[0] else {
            panic!("the first entry is a chat: {:?}", import.facts[0]);
        };
        let person = chat.person.as_ref().expect("a person");
        assert_eq!((chat.id.as_str(), chat.kind), ("a:1kT9", ConversationKind::Personal));
        assert_eq!(
            person.aad_object_id.as_deref(),
            Some("c7b0c7de-3a63-4f0b-8f0e-6d2f4b1a9e02")
        );
        assert_eq!(
            (person.account_id.as_deref(), person.locale.as_deref()),
            (Some("29:1pQ8"), Some("de-DE"))
        );
        assert_eq!((person.name.as_deref(), chat.last_seen), (Some("Mona Berg"), now()));
        assert_eq!(person.tenant_id, "8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01");
    }

    #[test]
    fn a_team_is_filed_under_general_and_otherwise_said_to_be_a_stand_in() {
        let import = parse(FILE, Some(BOT), now()).expect("a file");
        let teams: Vec<&Team> = import
            .facts
            .iter()
            .filter_map(|fact| {
                if let Fact::TeamSeen(team) = fact {
                    Some(team)
                } else {
                    None
                }
            })
            .collect();
        assert_eq!(teams[0].id, "19:General@thread.tacv2");
        assert_eq!(teams[0].selected_channel, None);
        assert_eq!(
            teams[0].tenant_id, "8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01",
            "from the key"
        );
        assert_eq!(teams[1].selected_channel.as_deref(), Some("19:Alerts@thread.tacv2"));
        let key = "_8a2b6f10-2f7e-4d0a-9c55-1b6d1f0e7a01_19:Alerts@thread.tacv2";
        assert!(remark_of(&import.notices, key).contains("the channel `Alerts`"));
        assert!(remark_of(&import.notices, "_undefined_19:4b7d@thread.v2").contains("which tenant"));
        assert_eq!(import.notices.len(), 2);
    }

    #[test]
    fn each_broken_entry_is_reported_and_the_others_are_imported() {
        let import = parse(FILE, Some(BOT), now()).expect("a file");
        for (key, part) in [
            ("other-bot", "28:other"),
            ("other-channel", "`slack`"),
            ("no-conversation", "no conversation"),
            ("no-address", "no service address"),
            ("no-bot", "which bot"),
            ("nobody", "whose chat"),
            ("strange-type", "`meeting`"),
            ("not-a-reference", "not a conversation reference"),
        ] {
            let reason = remark_of(&import.skipped, key);
            assert!(reason.contains(part), "{key}: {reason}");
        }
        assert_eq!(import.skipped.len(), 8);
    }

    #[test]
    fn without_a_bot_of_ours_the_first_one_counts() {
        let import = parse(FILE, None, now()).expect("a file");
        assert_eq!(import.bot_id.as_deref(), Some(BOT));
        assert!(remark_of(&import.skipped, "other-bot").contains("28:other"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "[]", "{", "null", "not json"] {
            let refused = parse(text, None, now()).expect_err(text);
            assert!(refused.contains("one JSON object"), "{refused}");
        }
        assert_eq!(parse("\u{feff}{}", Some(BOT), now()).expect("an empty file").facts, []);
    }
}
