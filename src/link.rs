//! What "Get link to channel", "Get link to team" and "Copy link" in Teams give, pasted into a file.

use url::Url;

use crate::roster::ConversationId;

/// What a pasted link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// A channel, or a message in one.
    Channel {
        /// The channel.
        id: ConversationId,
        /// The Microsoft 365 group of its team (GUID), where the link names it.
        group_id: Option<String>,
        /// The channel's name, as the link spells it.
        name: Option<String>,
    },
    /// A team.
    Team {
        /// The team, by its General channel.
        id: String,
    },
    /// A group chat or the chat of a meeting, or a message in one.
    Chat {
        /// The chat.
        id: ConversationId,
    },
    /// "Start a chat with ...": mail addresses or sign-in names.
    People(Vec<String>),
}

/// The longest link read.
const LONGEST: usize = 4 * 1024;

/// How many people a chat link may name.
const MOST_PEOPLE: usize = 100;

const HELP: &str = "paste what \"Get link to channel\", \"Get link to team\" or \"Copy link\" in Teams gives";

/// Is this text a link, whatever it leads to?
pub fn is_link(text: &str) -> bool {
    let beginning: String = text
        .trim_start()
        .chars()
        .take(10)
        .collect::<String>()
        .to_ascii_lowercase();
    ["https://", "http://", "msteams:"]
        .iter()
        .any(|scheme| beginning.starts_with(scheme))
}

/// Reads a link.
///
/// # Errors
/// What is wrong with it and what to paste instead, in a sentence.
pub fn parse(text: &str) -> Result<Link, String> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(format!("this link is longer than {LONGEST} bytes; {HELP}"));
    }
    let url = Url::parse(text).map_err(|_| format!("this is not a complete link; {HELP}"))?;
    let url = unwrapped(url);
    let host = url.host_str().unwrap_or_default();
    if url.scheme() != "msteams" && !is_teams(host) {
        return Err(format!("this link does not lead to Teams but to `{host}`; {HELP}"));
    }
    // The web client keeps its place in the fragment: `/v2/#/conversations/19:...`.
    let place = match url.fragment() {
        Some(fragment) if fragment.starts_with('/') => fragment.split('?').next().unwrap_or_default(),
        Some(_) | None => url.path(),
    };
    let mut steps: Vec<String> = place.split('/').filter(|step| !step.is_empty()).map(decoded).collect();
    if let Some(start) = steps.iter().position(|step| step.eq_ignore_ascii_case("l")) {
        steps.drain(..=start);
    }
    let mut steps = steps.into_iter();
    let kind = steps.next().unwrap_or_default().to_ascii_lowercase();
    let id = steps.next().unwrap_or_default();
    let name = steps.next().filter(|name| !name.is_empty());
    let group_id = query(&url, "groupId").map(|id| id.to_ascii_lowercase());
    match kind.as_str() {
        "team" => channel_id(&id).map(|id| Link::Team {
            id: id.as_str().to_owned(),
        }),
        "channel" => channel_id(&id).map(|id| Link::Channel { id, group_id, name }),
        "chat" if !id.starts_with("19:") => match query(&url, "users") {
            Some(users) => {
                let people: Vec<String> = users
                    .split(',')
                    .map(|user| user.trim().to_lowercase())
                    .filter(|user| !user.is_empty())
                    .take(MOST_PEOPLE)
                    .collect();
                if people.is_empty() {
                    return Err(format!("this link names nobody; {HELP}"));
                }
                Ok(Link::People(people))
            }
            None => Err(format!("this link names no chat; {HELP}")),
        },
        "chat" | "chats" | "conversations" | "message" | "meetup-join" => match place_of(&id)? {
            Place::Channel => Ok(Link::Channel {
                id: ConversationId::new(&id),
                group_id,
                name: query(&url, "channelName"),
            }),
            Place::Chat => Ok(Link::Chat {
                id: ConversationId::new(&id),
            }),
        },
        "" => Err(format!("this link leads to Teams, but to no place in it; {HELP}")),
        _ => Err(format!(
            "this link leads to something else than a channel, team or chat; {HELP}"
        )),
    }
}

enum Place {
    Channel,
    Chat,
}

fn place_of(id: &str) -> Result<Place, String> {
    let lower = id.to_ascii_lowercase();
    if lower.ends_with("@unq.gbl.spaces") {
        return Err(
            "this is the chat of two people, where Herald cannot write; name the person: `person: anna@contoso.example`"
                .to_owned(),
        );
    }
    if !is_id(id) {
        return Err(format!("this link names no channel or chat; {HELP}"));
    }
    Ok(if lower.ends_with("@thread.tacv2") {
        Place::Channel
    } else {
        Place::Chat
    })
}

fn channel_id(id: &str) -> Result<ConversationId, String> {
    if !is_id(id) {
        return Err(format!("this link names no channel or team; {HELP}"));
    }
    Ok(ConversationId::new(id))
}

/// Has this text the shape of a channel's, team's or group chat's id: `19:...@thread...`?
pub fn is_id(text: &str) -> bool {
    text.len() <= 512
        && text.starts_with("19:")
        && text
            .split_once('@')
            .is_some_and(|(name, place)| name.len() > 3 && place.starts_with("thread."))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '?' | '#'))
}

/// Is this text a GUID: an Entra object id, a team's group id?
pub fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Does this text lead to something in Teams: `https://teams.microsoft.com/l/...`?
pub fn is_deep_link(text: &str) -> bool {
    Url::parse(text.trim()).is_ok_and(|url| {
        url.scheme() == "https" && url.host_str().is_some_and(is_teams) && url.path().starts_with("/l/")
    })
}

fn is_teams(host: &str) -> bool {
    const HOSTS: [&str; 4] = [
        "teams.microsoft.com",
        "teams.cloud.microsoft",
        "teams.microsoft.us",
        "teams.live.com",
    ];
    let host = host.to_ascii_lowercase();
    HOSTS
        .iter()
        .any(|known| host == *known || host.strip_suffix(known).is_some_and(|rest| rest.ends_with('.')))
}

/// Outlook wraps links in mails into its own.
fn unwrapped(url: Url) -> Url {
    let safelink = url
        .host_str()
        .is_some_and(|host| host.ends_with(".safelinks.protection.outlook.com"));
    match query(&url, "url").and_then(|inner| Url::parse(&inner).ok()) {
        Some(inner) if safelink => inner,
        Some(_) | None => url,
    }
}

/// Some programs encode twice.
fn decoded(step: &str) -> String {
    let once = percent_encoding::percent_decode_str(step)
        .decode_utf8_lossy()
        .into_owned();
    match once.contains("%3") || once.contains("%4") {
        true => percent_encoding::percent_decode_str(&once)
            .decode_utf8_lossy()
            .into_owned(),
        false => once,
    }
}

fn query(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found
        .map(|(_, value)| value.into_owned())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHANNEL: &str = "19:Rel3kP5wN8yVbM2rX6tC9zL4h@thread.tacv2";
    const CHAT: &str = "19:f1aa5f08a3054a2c8f0e2b7d54c07a10@thread.v2";
    const GROUP: &str = "2f6a9d0c-71b4-4b1e-8a55-90d7c3e4f511";

    fn channel(name: Option<&str>, group: Option<&str>) -> Link {
        Link::Channel {
            id: ConversationId::new(CHANNEL),
            group_id: group.map(str::to_owned),
            name: name.map(str::to_owned),
        }
    }

    #[test]
    fn a_pasted_link_leads_to_its_place() {
        let encoded = "19%3ARel3kP5wN8yVbM2rX6tC9zL4h%40thread.tacv2";
        let chat = Link::Chat {
            id: ConversationId::new(CHAT),
        };
        for (link, expected) in [
            (
                format!("https://teams.microsoft.com/l/channel/{encoded}/Releases?groupId={GROUP}&tenantId=8a2b6f10"),
                channel(Some("Releases"), Some(GROUP)),
            ),
            (
                format!(
                    "https://teams.microsoft.com/l/channel/{CHANNEL}/R%26D%20News?groupId={}",
                    GROUP.to_uppercase()
                ),
                channel(Some("R&D News"), Some(GROUP)),
            ),
            (
                format!("  https://teams.cloud.microsoft/l/channel/{encoded}/General\n"),
                channel(Some("General"), None),
            ),
            (
                format!("https://dod.teams.microsoft.us/l/channel/{encoded}/"),
                channel(None, None),
            ),
            (
                format!("msteams:/l/channel/{encoded}/Releases"),
                channel(Some("Releases"), None),
            ),
            (
                format!("msteams://teams.microsoft.com/l/channel/{encoded}/Releases"),
                channel(Some("Releases"), None),
            ),
            (
                format!(
                    "https://teams.microsoft.com/l/channel/{}/Releases",
                    encoded.replace('%', "%25")
                ),
                channel(Some("Releases"), None),
            ),
            (
                format!(
                    "https://teams.microsoft.com/l/message/{CHANNEL}/1693680152973?tenantId=x&groupId={GROUP}&parentMessageId=1&teamName=Platform&channelName=Releases"
                ),
                channel(Some("Releases"), Some(GROUP)),
            ),
            (
                format!("https://teams.microsoft.com/l/team/{encoded}/conversations?groupId={GROUP}"),
                Link::Team { id: CHANNEL.to_owned() },
            ),
            (
                format!(
                    "https://teams.microsoft.com/l/chat/{CHAT}/conversations?context=%7B%22contextType%22%3A%22chat%22%7D"
                ),
                chat.clone(),
            ),
            (
                format!("https://teams.microsoft.com/l/message/{CHAT}/1693680152973?context=x"),
                chat.clone(),
            ),
            (
                format!("https://teams.microsoft.com/v2/#/conversations/{CHAT}?ctx=chat"),
                chat.clone(),
            ),
            (
                format!("https://teams.microsoft.com/_#/conversations/{CHAT}?ctx=chat"),
                chat,
            ),
            (
                "https://teams.microsoft.com/l/meetup-join/19%3ameeting_NjM4%40thread.v2/0?context=x".to_owned(),
                Link::Chat {
                    id: ConversationId::new("19:meeting_NjM4@thread.v2"),
                },
            ),
            (
                "https://teams.microsoft.com/l/chat/0/0?users=Anna@contoso.example,omar@contoso.example".to_owned(),
                Link::People(vec![
                    "anna@contoso.example".to_owned(),
                    "omar@contoso.example".to_owned(),
                ]),
            ),
            (
                format!(
                    "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fteams.microsoft.com%2Fl%2Fchannel%2F{}%2FReleases&data=x",
                    encoded.replace('%', "%25")
                ),
                channel(Some("Releases"), None),
            ),
        ] {
            assert_eq!(parse(&link), Ok(expected), "{link}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_explained() {
        for (link, reason) in [
            (
                "https://contoso.example/l/channel/19:a@thread.tacv2/x",
                "does not lead to Teams but to `contoso.example`",
            ),
            (
                "https://teams.microsoft.com.evil.example/l/channel/19:a@thread.tacv2/x",
                "does not lead to Teams",
            ),
            (
                "https://evilteams.microsoft.com/l/channel/19:a@thread.tacv2/x",
                "does not lead to Teams",
            ),
            ("https://teams.microsoft.com/", "no place in it"),
            ("https://teams.microsoft.com/l/channel/", "names no channel"),
            ("https://teams.microsoft.com/l/channel/abc/x", "names no channel"),
            ("https://teams.microsoft.com/l/chat/0/0", "names no chat"),
            ("https://teams.microsoft.com/l/chat/0/0?users=,", "names nobody"),
            ("https://teams.microsoft.com/l/entity/123/x", "something else"),
            (
                "https://teams.microsoft.com/l/chat/19:a_b@unq.gbl.spaces/conversations",
                "the chat of two people",
            ),
            ("https://", "not a complete link"),
        ] {
            let told = parse(link).unwrap_err();
            assert!(told.contains(reason), "{link}: {told}");
        }
        assert!(parse(&format!("https://teams.microsoft.com/{}", "x".repeat(5000))).is_err());
    }

    #[test]
    fn a_link_an_id_and_a_guid_are_told_from_names() {
        assert!(is_link("https://teams.microsoft.com/l/x") && is_link("HTTPS://x") && is_link("msteams:/l/x"));
        assert!(!is_link("Platform / Releases") && !is_link("http") && !is_link("日本語日本語日本語日本語"));
        assert!(is_id(CHANNEL) && is_id("19:x@thread.skype"));
        assert!(!is_id("19:@thread.v2") && !is_id("19:x@y") && !is_id("Platform") && !is_id("19:a/b@thread.v2"));
        assert!(
            is_guid(GROUP) && !is_guid("2f6a9d0c-71b4-4b1e-8a55") && !is_guid("zf6a9d0c-71b4-4b1e-8a55-90d7c3e4f511")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_link_or_a_reason(text in "(https://teams\\.microsoft\\.com/|msteams:|)(l/|)(chat/|channel/|team/|)\\PC{0,40}") {
            let _ = (is_link(&text), is_id(&text), is_guid(&text), parse(&text));
        }
    }
}
