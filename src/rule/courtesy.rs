//! How a rule deals with the people it tells: in which language, by which topic they can stop it, and what stands under
//! its cards.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::diagnostic::{Fault, did_you_mean};
use crate::language;
use crate::rule::target::{Kind, Target};
use crate::topic::Topic;
use crate::words::{Language, base, is_right_to_left};

/// The keys of a rule that are read here.
pub const KEYS: [&str; 4] = ["topic", "can_opt_out", "footer", "language"];

/// How a rule deals with the people it tells.
#[derive(Debug, Clone, Default)]
pub struct Courtesy {
    /// By what people stop it; without one, by itself.
    pub topic: Option<Topic>,
    /// Nobody can stop it.
    pub required: bool,
    /// Under the cards of people stands why they got them and how they stop them.
    pub footer: bool,
    /// In which language people are told.
    pub tongue: Tongue,
}

/// What the workspace decides for all of its rules.
#[derive(Debug, Clone, Copy)]
pub struct House<'a> {
    /// The topics; `None` when they are not known because `herald.yaml` is broken.
    pub topics: Option<&'a IndexMap<String, Topic>>,
    /// Whether footers stand under cards, where the workspace says so.
    pub footer: Option<bool>,
    /// The language of those of whom none is known.
    pub language: Option<&'a str>,
    /// The languages that texts of the workspace have, by tag in small letters.
    pub texts: &'a Arc<BTreeSet<String>>,
}

/// In which language people are told.
#[derive(Debug, Clone, Default)]
pub struct Tongue {
    /// The one that the rule speaks to everybody.
    fixed: Option<String>,
    /// The one of the workspace.
    house: Option<String>,
    /// Those of the workspace's texts.
    texts: Arc<BTreeSet<String>>,
}

impl Tongue {
    /// A tongue of no rule: what Herald itself says.
    pub fn of_house(language: Option<&str>, texts: &Arc<BTreeSet<String>>) -> Tongue {
        Tongue {
            fixed: None,
            house: language.map(str::to_lowercase),
            texts: texts.clone(),
        }
    }

    /// The languages to look for a text in, best first, as tags in small letters: of those that somebody reads (`own`, best
    /// first), of the workspace and English, the ones that there is any text in. People who are told alike have the same.
    pub fn chain<'t>(&'t self, own: impl IntoIterator<Item = &'t str>) -> Vec<String> {
        let mut chain: Vec<String> = Vec::new();
        let mut add = |tag: &str| {
            let tag = tag.trim().to_lowercase().replace('_', "-");
            let known =
                |tag: &String| self.texts.contains(tag) || Language::of(tag).is_some_and(|ours| ours.tag() == tag);
            for tag in [tag.clone(), base(&tag)] {
                if known(&tag) && !chain.contains(&tag) {
                    chain.push(tag);
                }
            }
        };
        match &self.fixed {
            Some(fixed) => add(fixed),
            None => own.into_iter().for_each(&mut add),
        }
        self.house.iter().for_each(|house| add(house));
        add("en");
        chain
    }

    /// The languages that texts of the workspace have.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
    }

    /// Whether the workspace's texts run from right to left for those who read these languages.
    pub fn runs_from_the_right(&self, chain: &[String]) -> bool {
        let read = chain.iter().find(|tag| self.texts.contains(*tag));
        read.is_some_and(|tag| is_right_to_left(tag))
    }
}

/// The language in which Herald itself speaks to those who read these languages.
pub fn ours(chain: &[String]) -> Language {
    let mut ours = chain.iter().filter_map(|tag| Language::of(tag));
    ours.next().unwrap_or(Language::English)
}

impl Courtesy {
    /// What a rule says about it. Paths of faults begin at the rule.
    ///
    /// # Errors
    /// An unknown topic, something that is no language.
    pub fn compile(rule: &Map<String, Value>, notify: &[Target], house: House<'_>) -> Result<Courtesy, Vec<Fault>> {
        let mut faults = Vec::new();
        let topic = rule.get("topic").and_then(Value::as_str).and_then(|written| {
            let name = written.trim().to_lowercase();
            let topics = house.topics?;
            let found = topics.get(&name).cloned();
            if found.is_none() {
                let mut fault = Fault::error("reference::topic", format!("there is no topic `{}`", written.trim()));
                fault.help = Some(match did_you_mean(&name, topics.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("add `topics: {{ {name}: {{ title: ... }} }}` to herald.yaml"),
                });
                faults.push(fault.under("topic"));
            }
            found
        });
        let switch = |key: &str| rule.get(key).and_then(Value::as_bool);
        let critical = rule.get("urgency").and_then(Value::as_str) == Some("critical");
        let required = !switch("can_opt_out").unwrap_or(!critical);
        let fixed = rule.get("language").and_then(Value::as_str).and_then(|written| {
            let written = written.trim();
            if written.eq_ignore_ascii_case("recipient") {
                return None;
            }
            match language::tag(written) {
                Ok(tag) => Some(tag),
                Err(fault) => {
                    faults.push(fault.under("language"));
                    None
                }
            }
        });
        if !faults.is_empty() {
            return Err(faults);
        }
        let explains = rule.get("description").is_some() || topic.is_some();
        let wanted = house.footer.unwrap_or(explains && tells_people(notify));
        Ok(Courtesy {
            topic,
            required,
            footer: switch("footer").unwrap_or(wanted),
            tongue: Tongue {
                fixed,
                house: house.language.map(str::to_lowercase),
                texts: house.texts.clone(),
            },
        })
    }
}

/// Whether the rule seeks people out: an answer to somebody who wrote or pressed explains itself.
fn tells_people(notify: &[Target]) -> bool {
    notify.iter().any(|target| match target.kind() {
        Kind::Person | Kind::People | Kind::MembersOf | Kind::Everyone | Kind::EntraGroup => true,
        Kind::Group
        | Kind::Channel
        | Kind::ChannelsOf
        | Kind::ActivityFeed
        | Kind::Webhook
        | Kind::Here
        | Kind::Sender => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::card::template::Partials;

    fn texts(tags: &[&str]) -> Arc<BTreeSet<String>> {
        Arc::new(tags.iter().map(|tag| (*tag).to_owned()).collect())
    }

    fn courtesy(rule: Value, footer: Option<bool>) -> Result<Courtesy, Vec<Fault>> {
        let topics: IndexMap<String, Topic> = [Topic {
            name: "deployments".to_owned(),
            title: "Deploys".to_owned(),
            description: None,
            starts_stopped: false,
        }]
        .into_iter()
        .map(|topic| (topic.name.clone(), topic))
        .collect();
        let texts = texts(&[]);
        let house = House {
            topics: Some(&topics),
            footer,
            language: None,
            texts: &texts,
        };
        let notify: Vec<Target> = rule["notify"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|target| Target::compile(target, &Partials::none()).unwrap())
            .collect();
        Courtesy::compile(rule.as_object().unwrap(), &notify, house)
    }

    #[test]
    fn languages_are_looked_for_in_the_readers_then_the_houses_then_english() {
        let tongue = Tongue::of_house(Some("fr"), &texts(&["it", "de-ch", "en"]));
        assert_eq!(tongue.chain(["it-IT", "de_CH"]), ["it", "de-ch", "de", "fr", "en"]);
        assert_eq!(
            tongue.chain(["xx", "nl-NL"]),
            ["fr", "en"],
            "whoever reads neither gets the house's"
        );
        assert_eq!(ours(&tongue.chain(["it"])), Language::French);
        let fixed = Tongue {
            fixed: Some("de".to_owned()),
            ..tongue
        };
        assert_eq!(fixed.chain(["it"]), ["de", "fr", "en"]);
        let arabic = Tongue::of_house(None, &texts(&["ar", "en"]));
        assert!(arabic.runs_from_the_right(&arabic.chain(["ar-EG"])));
        assert!(!arabic.runs_from_the_right(&arabic.chain(["de"])));
        let only_ours = Tongue::of_house(None, &texts(&["en"]));
        assert!(
            !only_ours.runs_from_the_right(&only_ours.chain(["ar"])),
            "the card itself is English"
        );
    }

    #[test]
    fn a_critical_rule_cannot_be_stopped_unless_it_says_so() {
        let rule = |more: Value| {
            let mut rule = json!({ "notify": [{ "person": "anna" }] });
            rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            courtesy(rule, None).unwrap()
        };
        assert!(!rule(json!({})).required);
        assert!(rule(json!({ "urgency": "critical" })).required);
        assert!(!rule(json!({ "urgency": "critical", "can_opt_out": true })).required);
        assert!(rule(json!({ "can_opt_out": false })).required);
    }

    #[test]
    fn footers_stand_under_what_people_are_sent_unasked_where_a_reason_is_known() {
        let footer = |rule: Value, house| courtesy(rule, house).unwrap().footer;
        let person = json!([{ "person": "anna" }]);
        assert!(footer(json!({ "notify": person, "description": "x" }), None));
        assert!(footer(json!({ "notify": person, "topic": "Deployments" }), None));
        assert!(!footer(json!({ "notify": person }), None));
        assert!(!footer(
            json!({ "notify": [{ "sender": true }], "description": "x" }),
            None
        ));
        assert!(!footer(
            json!({ "notify": [{ "channel": "A / B" }], "description": "x" }),
            None
        ));
        assert!(!footer(json!({ "notify": person, "description": "x" }), Some(false)));
        assert!(footer(json!({ "notify": person, "footer": true }), Some(false)));
    }

    #[test]
    fn a_slip_in_a_topic_or_language_is_told() {
        let faults = courtesy(
            json!({ "notify": [], "topic": "deployment", "language": "Deutsch" }),
            None,
        )
        .unwrap_err();
        assert_eq!(faults[0].help.as_deref(), Some("did you mean `deployments`?"));
        assert_eq!(faults[1].code, "language::tag");
        assert_eq!(language::tag("pt_BR").unwrap(), "pt-br");
    }
}
