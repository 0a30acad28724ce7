//! What people keep or stop by a name of its own: the topics of `herald.yaml`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::Fault;

/// How many topics a workspace has at most: all of them stand on one card, with a switch each.
pub const MOST: usize = 50;
/// The longest name of a topic, in characters: people write it to the bot.
const LONGEST_NAME: usize = 40;
/// Names that mean something else where a topic can be written.
const TAKEN: [&str; 3] = ["all", "everything", "*"];

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// What rules and people write.
    pub name: String,
    /// What stands on the card of settings.
    pub title: String,
    /// What belongs to it, in a sentence.
    pub description: Option<String>,
    /// Nobody gets it who did not ask for it.
    pub starts_stopped: bool,
}

/// A topic in `herald.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Topic")]
pub struct TopicFile {
    /// What people see on the card of their settings. Default: the name.
    #[schemars(extend("examples" = ["Deployments"]))]
    pub title: Option<String>,
    /// What belongs to it, in a sentence.
    #[schemars(extend("examples" = ["Deploys of all services, failed or not"]))]
    pub description: Option<String>,
    /// Whether people get it from the beginning, or only once they ask for it. Default: `started`.
    #[schemars(extend("examples" = ["stopped"]))]
    pub starts: Option<StartsFile>,
}

/// How a topic begins for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartsFile {
    /// Everybody gets it who does not stop it.
    Started,
    /// Only those get it who start it.
    Stopped,
}

/// The topics of a file, by name. Paths of faults begin at the mapping; a topic with a fault is left out.
pub fn compile(file: &IndexMap<String, TopicFile>) -> (IndexMap<String, Topic>, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut topics: IndexMap<String, Topic> = IndexMap::new();
    for (written, topic) in file {
        let name = written.trim().to_lowercase();
        let wrong = if name.is_empty() || name.chars().count() > LONGEST_NAME {
            Some(format!("the name of a topic has 1 to {LONGEST_NAME} characters"))
        } else if TAKEN.contains(&name.as_str()) {
            Some(format!("`{name}` means all topics, so none can be called so"))
        } else if topics.contains_key(&name) {
            Some(format!(
                "there is a topic `{name}` already; upper and lower case do not matter"
            ))
        } else if topics.len() == MOST {
            Some(format!(
                "there are more than {MOST} topics, and all of them stand on one card"
            ))
        } else {
            None
        };
        if let Some(message) = wrong {
            let fault =
                Fault::error("settings::topic", message).help("choose a short name of its own: `deployments`");
            faults.push(fault.on_key().under(written.as_str()));
            continue;
        }
        let text = |text: &Option<String>| {
            let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let topic = Topic {
            title: text(&topic.title).unwrap_or_else(|| written.trim().to_owned()),
            description: text(&topic.description),
            starts_stopped: topic.starts == Some(StartsFile::Stopped),
            name: name.clone(),
        };
        topics.insert(name, topic);
    }
    (topics, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_known_by_short_names_whatever_their_case() {
        let file: IndexMap<String, TopicFile> = serde_json::from_value(serde_json::json!({
            "Deployments": { "title": "Deploys", "starts": "stopped" },
            "canteen": {}, "deployments": {}, "all": {}, "": {},
        }))
        .unwrap();
        let (topics, faults) = compile(&file);
        assert_eq!(topics.keys().collect::<Vec<_>>(), ["deployments", "canteen"]);
        assert!(topics["deployments"].starts_stopped && !topics["canteen"].starts_stopped);
        assert_eq!(topics["canteen"].title, "canteen");
        assert_eq!(faults.len(), 3);
    }
}
