//! What a notification in the activity feed says: the mapping under `feed:`, compiled.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::card::partial::Partials;
use crate::card::text::{Text, Warnings};
use crate::card::{Card, Content};
use crate::diagnostic::{Fault, did_you_mean};
use crate::link;
use crate::rule::field;

/// The type of activity that every app has, and its only parameter.
const DEFAULT_ACTIVITY: &str = "systemDefault";
const DEFAULT_PARAMETER: &str = "systemDefaultText";
/// So much of a preview is shown, in characters.
const LONGEST_PREVIEW: usize = 150;
/// No other text of a notification is longer, in characters.
const LONGEST_TEXT: usize = 500;
/// Parameters of one activity.
const MOST_PARAMETERS: usize = 20;
const KEYS: [&str; 8] = [
    "text",
    "activity",
    "parameters",
    "topic",
    "link",
    "entity",
    "preview",
    "chain",
];

/// A compiled notification.
#[derive(Debug, Clone)]
pub struct Feed {
    says: Says,
    about: About,
    preview: Option<Text>,
    chain: Option<Text>,
}

/// What its first line says.
#[derive(Debug, Clone)]
enum Says {
    /// This text.
    Text(Text),
    /// What the app's manifest says for this type of activity, filled with these.
    Activity(Text, Vec<(String, Text)>),
}

/// What it is about, and what a click on it opens.
#[derive(Debug, Clone)]
enum About {
    /// A topic in words, and a link into Teams.
    Topic(Text, Text),
    /// Something that Graph knows, by its address there.
    Entity(Text),
}

impl Feed {
    /// Compiles the value under `feed:`. Paths of faults lead into `value`.
    ///
    /// # Errors
    /// Everything wrong with it: an unknown key, one that is missing or of no use beside another, a link that does not
    /// lead into Teams, a text that cannot be compiled.
    pub fn compile(value: &Value, partials: &Partials) -> Result<Feed, Vec<Fault>> {
        let Value::Object(written) = value else {
            let fault = Fault::error("feed::form", "`feed` says what the notification says and what it opens");
            return Err(vec![fault.help(EXAMPLE)]);
        };
        let mut faults: Vec<Fault> = written
            .keys()
            .filter(|key| !KEYS.contains(&key.as_str()))
            .map(|key| {
                let fault = Fault::error("feed::form", format!("`feed` has no `{key}`"))
                    .on_key()
                    .under(key.as_str());
                match did_you_mean(key, KEYS) {
                    Some(meant) => fault.help(format!("did you mean `{meant}`?")),
                    None => fault.help(EXAMPLE),
                }
            })
            .collect();
        let misspelt = !faults.is_empty();
        let mut text = |key: &'static str| text(written, key, partials, &mut faults);
        let (says, activity) = (text("text"), text("activity"));
        let (topic, link, entity) = (text("topic"), text("link"), text("entity"));
        let (preview, chain) = (text("preview"), text("chain"));
        let parameters = parameters(written, partials, &mut faults);
        let has = |key: &str| written.contains_key(key);
        let mut wrong = |message: &str, help: &str, at: &'static str| {
            if !misspelt {
                let fault = Fault::error("feed::form", message).help(help);
                faults.push(if has(at) { fault.on_key().under(at) } else { fault });
            }
        };
        match (has("text"), has("activity")) {
            (true, true) => wrong(
                "`text` and `activity` both say what the first line is",
                "leave one of them out: `activity` takes its text from the app's manifest",
                "text",
            ),
            (false, false) => wrong("this notification says nothing", EXAMPLE, "topic"),
            (true, false) if has("parameters") => wrong(
                "`parameters` fill the text of an `activity`, and there is none",
                "write the words into `text`",
                "parameters",
            ),
            (true | false, _) => {}
        }
        match (has("entity"), has("topic"), has("link")) {
            (true, false, false) | (false, true, true) => {}
            (true, _, _) => wrong(
                "`entity` says what the notification is about, and so do `topic` and `link`",
                "leave `topic` and `link` out, or `entity`",
                "entity",
            ),
            (false, true, false) => wrong(
                "a topic needs the `link` that a click on the notification opens",
                "copy a link in Teams: `link: https://teams.microsoft.com/l/...`",
                "topic",
            ),
            (false, false, _) => wrong(
                "it is missing what the notification is about",
                "write `topic:` in a few words, and `link:` with what a click opens in Teams",
                "link",
            ),
        }
        if let Some(written) = link.as_ref().and_then(Text::constant)
            && !link::is_deep_link(written)
        {
            let fault = Fault::error("feed::link", "a notification can only open something in Teams");
            faults.push(
                fault
                    .help("copy a link in Teams, of a channel, a message, a tab: `https://teams.microsoft.com/l/...`")
                    .under("link"),
            );
        }
        let says = match (says, activity) {
            (Some(text), None) => Some(Says::Text(text)),
            (None, Some(activity)) => Some(Says::Activity(activity, parameters)),
            (_, _) => None,
        };
        let about = match (entity, topic, link) {
            (Some(entity), None, None) => Some(About::Entity(entity)),
            (None, Some(topic), Some(link)) => Some(About::Topic(topic, link)),
            (_, _, _) => None,
        };
        match (says, about) {
            (Some(says), Some(about)) if faults.is_empty() => Ok(Feed {
                says,
                about,
                preview,
                chain,
            }),
            (_, _) => Err(faults),
        }
    }

    /// Whether the notification can depend on `root` (`recipient`, `event`, ...).
    pub fn reads(&self, root: &str) -> bool {
        self.texts().any(|text| text.reads(root))
    }

    fn texts(&self) -> impl Iterator<Item = &Text> {
        let says: Vec<&Text> = match &self.says {
            Says::Text(text) => vec![text],
            Says::Activity(activity, parameters) => std::iter::once(activity)
                .chain(parameters.iter().map(|(_, text)| text))
                .collect(),
        };
        let about: Vec<&Text> = match &self.about {
            About::Topic(topic, link) => vec![topic, link],
            About::Entity(entity) => vec![entity],
        };
        says.into_iter().chain(about).chain(&self.preview).chain(&self.chain)
    }

    /// The notification for one recipient, in the words of Graph.
    pub fn render(&self, scope: &Value, seen: &mut Warnings) -> Card {
        let mut line = |text: &Text, longest: usize| {
            let plain = text.plain(scope, seen);
            let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
            let plain = if plain.is_empty() { "–".to_owned() } else { plain };
            match plain.char_indices().nth(longest) {
                Some(_) => plain.chars().take(longest - 1).chain(['…']).collect(),
                None => plain,
            }
        };
        let (activity, parameters, summary) = match &self.says {
            Says::Text(text) => {
                let said = line(text, LONGEST_TEXT);
                let parameter = json!({ "name": DEFAULT_PARAMETER, "value": said });
                (DEFAULT_ACTIVITY.to_owned(), vec![parameter], said)
            }
            Says::Activity(activity, parameters) => {
                let activity = line(activity, LONGEST_TEXT);
                let filled = parameters.iter().map(|(name, text)| {
                    let value = line(text, LONGEST_TEXT);
                    json!({ "name": name, "value": value })
                });
                (activity.clone(), filled.collect(), activity)
            }
        };
        let topic = match &self.about {
            About::Topic(topic, link) => {
                json!({ "source": "text", "value": line(topic, LONGEST_TEXT), "webUrl": line(link, 2_048) })
            }
            About::Entity(entity) => json!({ "source": "entityUrl", "value": line(entity, 2_048) }),
        };
        let mut notification = json!({ "topic": topic, "activityType": activity, "templateParameters": parameters });
        let preview = self.preview.as_ref().map(|text| line(text, LONGEST_PREVIEW));
        if let Some(preview) = &preview {
            notification["previewText"] = json!({ "content": preview });
        }
        if let Some(chain) = &self.chain {
            notification["chainId"] = json!(chain_id(&line(chain, LONGEST_TEXT)));
        }
        Card::new(Content::Notification(notification), preview.unwrap_or(summary))
    }
}

const EXAMPLE: &str = "write `text:` (or `activity:` with `parameters:`), `topic:` and `link:`";

/// Graph counts chains by a number: one that is written as such, else one that only this text has.
fn chain_id(chain: &str) -> i64 {
    chain.parse().unwrap_or_else(|_| {
        let hash = Sha256::digest(chain.as_bytes());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash[..8]);
        // Exact in every program that keeps numbers as floating point, and never 0.
        i64::from_be_bytes(bytes).rem_euclid((1 << 53) - 1) + 1
    })
}

fn text(
    written: &Map<String, Value>,
    key: &'static str,
    partials: &Partials,
    faults: &mut Vec<Fault>,
) -> Option<Text> {
    compiled(written.get(key)?, partials)
        .map_err(|fault| faults.push(fault.under(key)))
        .ok()
}

fn compiled(value: &Value, partials: &Partials) -> Result<Text, Fault> {
    match value {
        Value::String(text) if text.trim().is_empty() => Err(Fault::error("feed::form", "there is no text here")),
        Value::String(text) => Text::compile(text, partials),
        Value::Number(number) => Text::compile(&number.to_string(), partials),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            let message = format!("a text is needed here, not {}", field::kind(value));
            Err(Fault::error("feed::form", message).help("write it in quotes"))
        }
    }
}

fn parameters(written: &Map<String, Value>, partials: &Partials, faults: &mut Vec<Fault>) -> Vec<(String, Text)> {
    let found = match written.get("parameters") {
        None => return Vec::new(),
        Some(Value::Object(found)) if found.len() <= MOST_PARAMETERS => found,
        Some(Value::Object(_)) => {
            let message = format!("an activity has at most {MOST_PARAMETERS} parameters");
            faults.push(Fault::error("feed::form", message).under("parameters"));
            return Vec::new();
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            let fault = Fault::error("feed::form", "`parameters` are names and texts");
            faults.push(
                fault
                    .help("write `parameters: { deployId: \"{{event.id}}\" }`")
                    .under("parameters"),
            );
            return Vec::new();
        }
    };
    let mut texts = Vec::new();
    for (name, value) in found {
        match compiled(value, partials) {
            Ok(text) => texts.push((name.clone(), text)),
            Err(fault) => faults.push(fault.under(name.as_str()).under("parameters")),
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(value: Value) -> Feed {
        Feed::compile(&value, &Partials::none()).unwrap_or_else(|faults| panic!("{value}: {faults:?}"))
    }

    const LINK: &str = "https://teams.microsoft.com/l/entity/5d6c0f3a-0b1e-4c7e-9a41-7f0f3e2b1c10/deploys";

    fn rendered(feed: &Feed, scope: &Value) -> Value {
        match feed.render(scope, &mut Warnings::new()).content {
            Content::Notification(notification) => notification,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_notification_is_spelt_as_graph_spells_it() {
        let written = json!({
            "activity": "deployFailed", "parameters": { "deployId": "{{event.id}}" }, "topic": "Deploy {{event.id}}",
            "link": LINK, "preview": "Deploy {{event.id}} failed", "chain": "17724400",
        });
        let notification = rendered(&feed(written), &json!({ "event": { "id": 4711 } }));
        assert_eq!(
            notification,
            json!({
                "topic": { "source": "text", "value": "Deploy 4711", "webUrl": LINK },
                "activityType": "deployFailed",
                "templateParameters": [{ "name": "deployId", "value": "4711" }],
                "previewText": { "content": "Deploy 4711 failed" },
                "chainId": 17_724_400,
            })
        );
    }

    #[test]
    fn a_text_needs_nothing_in_the_manifest_and_an_entity_no_link() {
        let written = json!({ "text": "{{event.what}}", "entity": "https://graph.microsoft.com/v1.0/teams/x" });
        let notification = rendered(&feed(written), &json!({ "event": { "what": "two\nlines" } }));
        assert_eq!(notification["activityType"], "systemDefault");
        assert_eq!(
            notification["templateParameters"],
            json!([{ "name": "systemDefaultText", "value": "two lines" }])
        );
        assert_eq!(
            notification["topic"],
            json!({ "source": "entityUrl", "value": "https://graph.microsoft.com/v1.0/teams/x" })
        );
        assert_eq!(notification["chainId"], Value::Null);
    }

    #[test]
    fn a_long_preview_is_cut_and_a_chain_in_words_is_always_the_same_number() {
        let written =
            json!({ "text": "x", "topic": "t", "link": LINK, "preview": "{{event.long}}", "chain": "repo/a" });
        let feed = feed(written);
        let notification = rendered(&feed, &json!({ "event": { "long": "é".repeat(300) } }));
        let preview = notification["previewText"]["content"].as_str().unwrap();
        assert_eq!(preview.chars().count(), 150);
        assert!(preview.ends_with('…'));
        let chain = notification["chainId"].as_i64().unwrap();
        assert!(chain > 0 && chain < 1 << 53);
        assert_eq!(chain, chain_id("repo/a"));
        assert_ne!(chain, chain_id("repo/b"));
    }

    #[test]
    fn what_is_missing_or_too_much_is_told() {
        for (value, message) in [
            (json!("x"), "says what the notification says"),
            (json!({ "topic": "t", "link": LINK }), "says nothing"),
            (json!({ "text": "x", "topic": "t" }), "needs the `link`"),
            (json!({ "text": "x" }), "what the notification is about"),
            (
                json!({ "text": "x", "activity": "y", "topic": "t", "link": LINK }),
                "both say",
            ),
            (
                json!({ "text": "x", "entity": "e", "topic": "t", "link": LINK }),
                "and so do",
            ),
            (
                json!({ "text": "x", "parameters": { "a": "b" }, "topic": "t", "link": LINK }),
                "there is none",
            ),
            (
                json!({ "text": "x", "topic": "t", "link": "https://contoso.example/" }),
                "something in Teams",
            ),
            (json!({ "text": "x", "topic": "t", "lnk": LINK }), "no `lnk`"),
            (json!({ "text": "", "topic": "t", "link": LINK }), "no text here"),
            (json!({ "text": "{{event.", "topic": "t", "link": LINK }), ""),
        ] {
            let faults = Feed::compile(&value, &Partials::none()).unwrap_err();
            assert!(faults[0].message.contains(message), "{value}: {faults:?}");
        }
    }
}
