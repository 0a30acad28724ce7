//! One entry of `notify:`, `except:` or an audience: whom the author named, before anybody is looked up.
//!
//! What the names mean is found with the aliases at hand, when an event is there: see [`crate::book::naming`].

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::card::template::Partials;
use crate::card::text::Text;
use crate::diagnostic::{Fault, Step, did_you_mean};
use crate::rule::field;
use crate::rule::sieve::Sieve;

/// A compiled target.
#[derive(Debug, Clone)]
pub struct Target {
    kind: Kind,
    /// None for `here`, `sender` and `everyone`.
    values: Vec<Text>,
    /// Whom the card mentions there.
    mention: Vec<Text>,
    /// What the thread is about that its cards share.
    thread: Option<Text>,
    /// What must be true of each of the people.
    only: Option<Arc<Sieve>>,
}

/// What a target names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One person.
    Person,
    /// Several people, or an audience.
    People,
    /// A group chat.
    Group,
    /// A channel.
    Channel,
    /// Each member of a team or group chat.
    MembersOf,
    /// Each channel of a team.
    ChannelsOf,
    /// Everybody who has the bot.
    Everyone,
    /// Each member of a group in Entra ID.
    EntraGroup,
    /// The activity feeds of people, or of an audience.
    ActivityFeed,
    /// The conversation the event came from.
    Here,
    /// Who caused the event.
    Sender,
    /// A webhook of `directory.yaml`.
    Webhook,
}

impl Kind {
    /// All kinds, in the order they are explained.
    pub const ALL: [Kind; 12] = [
        Kind::Person,
        Kind::People,
        Kind::Group,
        Kind::Channel,
        Kind::MembersOf,
        Kind::ChannelsOf,
        Kind::Everyone,
        Kind::EntraGroup,
        Kind::ActivityFeed,
        Kind::Here,
        Kind::Sender,
        Kind::Webhook,
    ];

    /// The key that names it.
    pub fn key(self) -> &'static str {
        match self {
            Kind::Person => "person",
            Kind::People => "people",
            Kind::Group => "group",
            Kind::Channel => "channel",
            Kind::MembersOf => "members_of",
            Kind::ChannelsOf => "channels_of",
            Kind::Everyone => "everyone",
            Kind::EntraGroup => "entra_group",
            Kind::ActivityFeed => "activity_feed",
            Kind::Here => "here",
            Kind::Sender => "sender",
            Kind::Webhook => "webhook",
        }
    }

    /// It can come to several people.
    fn has_members(self) -> bool {
        match self {
            Kind::People | Kind::MembersOf | Kind::Everyone | Kind::EntraGroup | Kind::ActivityFeed => true,
            Kind::Person
            | Kind::Group
            | Kind::Channel
            | Kind::ChannelsOf
            | Kind::Here
            | Kind::Sender
            | Kind::Webhook => false,
        }
    }

    fn has_others_in_it(self) -> bool {
        match self {
            Kind::Group | Kind::Channel | Kind::ChannelsOf | Kind::Here | Kind::Webhook => true,
            Kind::Person
            | Kind::People
            | Kind::MembersOf
            | Kind::Everyone
            | Kind::EntraGroup
            | Kind::ActivityFeed
            | Kind::Sender => false,
        }
    }
}

/// What people write who know another language.
const SYNONYMS: [(&str, &str); 23] = [
    ("user", "person"),
    ("email", "person"),
    ("mail", "person"),
    ("users", "people"),
    ("audience", "people"),
    ("persons", "people"),
    ("chat", "group"),
    ("group_chat", "group"),
    ("members", "members_of"),
    ("mentions", "mention"),
    ("author", "sender"),
    ("all", "everyone"),
    ("everybody", "everyone"),
    ("all_users", "everyone"),
    ("channels", "channels_of"),
    ("aad_group", "entra_group"),
    ("security_group", "entra_group"),
    ("azure_group", "entra_group"),
    ("connector", "webhook"),
    ("workflow", "webhook"),
    ("reply_to", "thread"),
    ("filter", "where"),
    ("if", "where"),
];

/// How many names one target may list.
const MOST_NAMES: usize = 1_000;

impl Target {
    /// Compiles one list item, a mapping with one of the keys of [`Kind`] and perhaps `mention` and `thread`. Paths of faults begin
    /// at the item.
    ///
    /// # Errors
    /// Everything wrong with it: no key or two, an unknown one with what was meant, values of the wrong sort, templates
    /// that cannot be read.
    pub fn compile(value: &Value, partials: &Partials) -> Result<Target, Vec<Fault>> {
        let Value::Object(item) = value else {
            return Err(vec![no_mapping(value)]);
        };
        let mut faults = Vec::new();
        let mut found = None;
        for key in item.keys() {
            match Kind::ALL.into_iter().find(|kind| kind.key() == key) {
                Some(kind) if found.is_none() => found = Some(kind),
                Some(_) => faults.push(
                    Fault::error(
                        "target::two",
                        format!("one target names one thing, and `{key}` is a second"),
                    )
                    .help("write a list item of its own for it, with `- ` before it")
                    .under(key.as_str())
                    .on_key(),
                ),
                None if ["mention", "thread", "where"].contains(&key.as_str()) => {}
                None => faults.push(unknown_key(key).under(key.as_str()).on_key()),
            }
        }
        let Some(kind) = found else {
            if faults.is_empty() {
                faults.push(Fault::error("target::none", "this target names nobody").help(KEYS_HELP));
            }
            return Err(faults);
        };
        let values = match kind {
            Kind::Here | Kind::Sender | Kind::Everyone => {
                if item[kind.key()] != Value::Bool(true) {
                    let message = format!("`{}` is `true` or is left out", kind.key());
                    faults.push(Fault::error("target::value", message).under(kind.key()));
                }
                Vec::new()
            }
            Kind::People | Kind::ActivityFeed => texts(item, kind.key(), true, partials, &mut faults),
            Kind::Person
            | Kind::Group
            | Kind::Channel
            | Kind::MembersOf
            | Kind::ChannelsOf
            | Kind::EntraGroup
            | Kind::Webhook => texts(item, kind.key(), false, partials, &mut faults),
        };
        let mention = match item.get("mention") {
            Some(_) if !kind.has_others_in_it() => {
                let message = format!(
                    "`mention` has no meaning with `{}`: the card goes to personal chats",
                    kind.key()
                );
                faults.push(
                    Fault::error("target::mention", message)
                        .help("leave it out; it belongs to `channel`, `channels_of`, `group`, `here` and `webhook`")
                        .under("mention")
                        .on_key(),
                );
                Vec::new()
            }
            Some(_) => texts(item, "mention", true, partials, &mut faults),
            None => Vec::new(),
        };
        let thread = match item.get("thread") {
            None => None,
            Some(_) if kind != Kind::Channel => {
                let message = format!(
                    "`thread` has no meaning with `{}`: only channels have threads",
                    kind.key()
                );
                faults.push(
                    Fault::error("target::thread", message)
                        .help("leave it out; it belongs to `channel`")
                        .under("thread")
                        .on_key(),
                );
                None
            }
            Some(_) => texts(item, "thread", false, partials, &mut faults).pop(),
        };
        let only = only(item, kind, &mut faults);
        if faults.is_empty() {
            Ok(Target {
                kind,
                values,
                mention,
                thread,
                only,
            })
        } else {
            Err(faults)
        }
    }

    /// What it names.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The names, as texts that may have holes; none for `here`, `sender` and `everyone`.
    pub fn values(&self) -> &[Text] {
        &self.values
    }

    /// Whom the card mentions there.
    pub fn mention(&self) -> &[Text] {
        &self.mention
    }

    /// What the thread is about that its cards share; without one each card begins its own.
    pub fn thread(&self) -> Option<&Text> {
        self.thread.as_ref()
    }

    /// What must be true of each of the people.
    pub fn only(&self) -> Option<&Arc<Sieve>> {
        self.only.as_ref()
    }

    /// The names that do not depend on the event, with their places in the item: what can be checked before there is
    /// one. Mentions are [`Kind::People`].
    pub fn names(&self) -> Vec<(Vec<Step>, Kind, String)> {
        let named = |key: &'static str, kind: Kind, texts: &[Text]| -> Vec<(Vec<Step>, Kind, String)> {
            let many = texts.len() > 1;
            let constant = texts
                .iter()
                .enumerate()
                .filter_map(|(index, text)| Some((index, text.constant()?)));
            constant
                .map(|(index, name)| {
                    let mut place = vec![Step::from(key)];
                    place.extend(many.then(|| Step::from(index)));
                    (place, kind, name.trim().to_owned())
                })
                .collect()
        };
        let mut names = named(self.kind.key(), self.kind, &self.values);
        names.extend(named("mention", Kind::People, &self.mention));
        names
    }

    /// Every field its templates read.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for text in self.values.iter().chain(&self.mention).chain(&self.thread) {
            for path in text.paths() {
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        }
        paths
    }
}

/// What stands under `where`.
fn only(item: &Map<String, Value>, kind: Kind, faults: &mut Vec<Fault>) -> Option<Arc<Sieve>> {
    let written = item.get("where")?;
    if !kind.has_members() {
        let message = format!(
            "`where` has no meaning with `{}`: it chooses among several people",
            kind.key()
        );
        faults.push(
            Fault::error("target::where", message)
                .help("it belongs to `people`, `members_of`, `everyone`, `entra_group` and `activity_feed`")
                .under("where")
                .on_key(),
        );
        return None;
    }
    match Sieve::compile(written) {
        Ok(sieve) => Some(Arc::new(sieve)),
        Err(found) => {
            faults.extend(found.into_iter().map(|fault| fault.under("where")));
            None
        }
    }
}

const KEYS_HELP: &str = "write one of `person`, `people`, `group`, `channel`, `members_of`, `channels_of`, `everyone`, \
                         `entra_group`, `activity_feed`, `here`, `sender`, `webhook`";

fn texts(
    item: &Map<String, Value>,
    key: &str,
    list: bool,
    partials: &Partials,
    faults: &mut Vec<Fault>,
) -> Vec<Text> {
    let (values, is_list) = match &item[key] {
        Value::Array(values) if list => (values.as_slice(), true),
        one => (std::slice::from_ref(one), false),
    };
    if values.is_empty() || values.len() > MOST_NAMES {
        let message = match values.len() {
            0 => format!("the list under `{key}` is empty"),
            count => format!("a list has at most {MOST_NAMES} names, this one {count}"),
        };
        faults.push(Fault::error("target::value", message).under(key));
        return Vec::new();
    }
    let mut texts = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let read = match value {
            Value::String(name) if name.trim().is_empty() => {
                Err(Fault::error("target::value", "there is no name here"))
            }
            Value::String(name) => Text::compile(name, partials),
            Value::Array(_) if !list => Err(Fault::error("target::value", format!("`{key}` names one, not a list"))
                .help(if key == "person" {
                    "write `people:`"
                } else {
                    "write a list item for each, with `- ` before it"
                })),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(Fault::error(
                    "target::value",
                    format!("a name is needed here, not {}", field::kind(value)),
                )
                .help("write it in quotes"))
            }
        };
        match read {
            Ok(text) => texts.push(text),
            Err(fault) if is_list => faults.push(fault.under(index).under(key)),
            Err(fault) => faults.push(fault.under(key)),
        }
    }
    texts
}

fn no_mapping(value: &Value) -> Fault {
    let fault = Fault::error(
        "target::shape",
        format!("a target is a key and a name, not {}", field::kind(value)),
    );
    match value {
        Value::String(name) if name.len() <= 80 => fault.help(format!("write `person: {name}` or `channel: {name}`")),
        _ => fault.help(KEYS_HELP),
    }
}

fn unknown_key(key: &str) -> Fault {
    const CODE: &str = "target::key";
    let shown: String = key.chars().take(60).collect();
    let fault = Fault::error(CODE, format!("a target has no `{shown}`"));
    if key == "except" {
        return fault.help("write `except:` beside `notify:`, not inside it");
    }
    if key == "team" {
        return fault
            .help("`members_of` tells each of its members, `channel` with the team's name its General channel");
    }
    let known = Kind::ALL
        .into_iter()
        .map(Kind::key)
        .chain(["mention", "thread", "where"]);
    let lower = key.to_lowercase();
    let synonym = SYNONYMS
        .iter()
        .find(|(synonym, _)| *synonym == lower)
        .map(|(_, meant)| *meant);
    match synonym.or_else(|| did_you_mean(&shown, known)) {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => fault.help(KEYS_HELP),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compiled(value: Value) -> Target {
        Target::compile(&value, &Partials::none()).unwrap_or_else(|faults| panic!("{value}: {faults:?}"))
    }

    #[test]
    fn a_target_names_one_thing() {
        for (value, kind, names) in [
            (json!({"person": "anna"}), Kind::Person, vec!["anna"]),
            (json!({"people": ["anna", "omar"]}), Kind::People, vec!["anna", "omar"]),
            (json!({"people": "berlin-office"}), Kind::People, vec!["berlin-office"]),
            (json!({"people": ["anna"]}), Kind::People, vec!["anna"]),
            (json!({"group": " Finance room "}), Kind::Group, vec!["Finance room"]),
            (
                json!({"channel": "Platform / Releases", "mention": "on-call"}),
                Kind::Channel,
                vec!["Platform / Releases", "on-call"],
            ),
            (
                json!({"members_of": "Berlin Office"}),
                Kind::MembersOf,
                vec!["Berlin Office"],
            ),
            (
                json!({"here": true, "mention": ["anna", "{{event.by}}"]}),
                Kind::Here,
                vec!["anna"],
            ),
            (json!({"entra_group": "On call"}), Kind::EntraGroup, vec!["On call"]),
            (
                json!({"activity_feed": ["anna", "berlin-office"]}),
                Kind::ActivityFeed,
                vec!["anna", "berlin-office"],
            ),
            (json!({"sender": true}), Kind::Sender, vec![]),
            (json!({"person": "{{event.author.email}}"}), Kind::Person, vec![]),
        ] {
            let target = compiled(value.clone());
            assert_eq!(target.kind(), kind, "{value}");
            let found: Vec<_> = target.names().into_iter().map(|(_, _, name)| name).collect();
            assert_eq!(found, names, "{value}");
        }
    }

    #[test]
    fn names_know_their_places_and_templates_their_fields() {
        let target = compiled(json!({"channel": "releases", "mention": ["{{event.by}}", "anna"]}));
        assert_eq!(
            target.names(),
            [
                (vec!["channel".into()], Kind::Channel, "releases".to_owned()),
                (vec!["mention".into(), 1.into()], Kind::People, "anna".to_owned()),
            ]
        );
        assert_eq!(target.paths(), ["event.by"]);
    }

    #[test]
    fn what_is_no_target_is_explained() {
        for (value, place, message, help) in [
            (json!("anna"), vec![], "a key and a name, not a text", "`person: anna`"),
            (json!({}), vec![], "names nobody", "`members_of`"),
            (json!({"mention": "anna"}), vec![], "names nobody", "`members_of`"),
            (json!({"persom": "anna"}), vec!["persom"], "no `persom`", "`person`?"),
            (
                json!({"team": "Platform"}),
                vec!["team"],
                "no `team`",
                "`members_of` tells each",
            ),
            (json!({"email": "a@b"}), vec!["email"], "no `email`", "`person`?"),
            (
                json!({"where": {"office": "Berlin"}}),
                vec![],
                "names nobody",
                "`members_of`",
            ),
            (
                json!({"person": "anna", "where": {"office": "Berlin"}}),
                vec!["where"],
                "no meaning with `person`",
                "`everyone`",
            ),
            (
                json!({"everyone": true, "where": {}}),
                vec!["where"],
                "the condition is empty",
                "write a line",
            ),
            (json!({"except": []}), vec!["except"], "no `except`", "beside `notify:`"),
            (
                json!({"person": "a", "channel": "b"}),
                vec!["channel"],
                "a second",
                "list item of its own",
            ),
            (
                json!({"person": ["a", "b"]}),
                vec!["person"],
                "names one, not a list",
                "`people:`",
            ),
            (
                json!({"channel": ["a", "b"]}),
                vec!["channel"],
                "names one, not a list",
                "for each",
            ),
            (json!({"person": ""}), vec!["person"], "no name here", ""),
            (json!({"person": 7}), vec!["person"], "not a number", "in quotes"),
            (json!({"people": []}), vec!["people"], "is empty", ""),
            (json!({"people": vec!["a"; 1001]}), vec!["people"], "at most 1000", ""),
            (json!({"here": false}), vec!["here"], "`true` or is left out", ""),
            (
                json!({"person": "a", "mention": "b"}),
                vec!["mention"],
                "no meaning with `person`",
                "`channel`",
            ),
            (
                json!({"person": "a", "thread": "b"}),
                vec!["thread"],
                "no meaning with `person`",
                "`channel`",
            ),
            (
                json!({"channel": "a", "thread": ""}),
                vec!["thread"],
                "no name here",
                "",
            ),
            (json!({"person": "{{event.a"}), vec!["person"], "", ""),
        ] {
            let fault = Target::compile(&value, &Partials::none()).unwrap_err().remove(0);
            let steps: Vec<Step> = place.into_iter().map(Step::from).collect();
            assert_eq!(fault.path, steps, "{value}");
            assert!(fault.message.contains(message), "{value}: {}", fault.message);
            assert!(
                fault.help.clone().unwrap_or_default().contains(help),
                "{value}: {:?}",
                fault.help
            );
        }
        let faults = Target::compile(&json!({"people": ["a", 7, ""], "x": 1}), &Partials::none()).unwrap_err();
        assert_eq!(faults.len(), 3);
        assert_eq!(faults[1].path, ["people".into(), 1.into()] as [Step; 2]);
    }
}
