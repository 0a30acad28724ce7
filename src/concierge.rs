//! What people ask Herald itself for, and what it answers: their settings, stopping and starting, why the last card came.
//!
//! [`request::read`] finds out what is wanted, [`attend`] does it to what the person chose and words the answer. Pure:
//! `serve` keeps the choices and sends the answers, a rehearsal does the same in a map.

pub mod request;
pub mod settings;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::card::escape::Dialect;
use crate::card::{Card, Content};
use crate::choice::Choices;
use crate::diagnostic::did_you_mean;
use crate::opt_out::{self, ALL, Verdict, rule_key, topic_key};
use crate::rule::Rule;
use crate::rule::courtesy::{Tongue, ours};
use crate::rule::ruleset::Ruleset;
use crate::topic::Topic;
use crate::words::{Language, Phrase, Word, fill, say, written};
use indexmap::IndexMap;
use request::Request;

/// In whose name answers are sent: no file of a rule can have this name.
pub const NAME: &str = "herald:answers";
/// The button that saves the settings.
pub const SAVE: &str = "herald.save";
/// How many topics are listed in one sentence.
const MOST_LISTED: usize = 20;
/// How much of what somebody wrote is said again, in characters.
const LONGEST_ECHO: usize = 60;

/// What may be chosen in a workspace, and in whose words it is said.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The topics.
    pub topics: &'a IndexMap<String, Topic>,
    /// The rules.
    pub ruleset: &'a Ruleset,
    /// The languages of the house.
    pub tongue: &'a Tongue,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// What they chose so far.
    pub choices: &'a Choices,
    /// Their language as the workspace or Teams knows it.
    pub locale: Option<&'a str>,
    /// The card that they ask about.
    pub about: About<'a>,
}

/// A card that somebody asks about.
#[derive(Debug, Clone, Copy)]
pub enum About<'a> {
    /// They got none yet.
    Nothing,
    /// They answered one that nobody knows any more.
    Forgotten,
    /// The one that they answered or quoted.
    This(Came<'a>),
    /// The last one that they got.
    Last(Came<'a>),
}

/// Why a card came.
#[derive(Debug, Clone, Copy)]
pub struct Came<'a> {
    /// The rule that sent it.
    pub rule: &'a str,
    /// The target of it that names them, as far as it can be told.
    pub target: Option<&'a str>,
}

/// What comes of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What they have chosen from now on; `None` if that is as before.
    pub choices: Option<Choices>,
    /// A message to them.
    pub message: Option<Card>,
    /// What whoever pressed a button is told at once.
    pub toast: Option<String>,
    /// The card in the place of the one with the button.
    pub in_place: Option<Card>,
}

/// Does what somebody asked for.
pub fn attend(request: &Request, asker: &Asker<'_>, offer: &Offer<'_>, now: DateTime<Utc>) -> Answer {
    let mut choices = asker.choices.clone();
    let language = spoken(&choices, asker.locale, offer);
    let said = |text: String| Answer {
        choices: None,
        message: Some(text_message(text)),
        toast: None,
        in_place: None,
    };
    let mut answer = match request {
        Request::Settings { pressed } => Answer {
            choices: None,
            message: Some(settings::card(&choices, None, offer, language)),
            toast: pressed.then(|| say(language, Phrase::SettingsBelow).to_owned()),
            in_place: None,
        },
        Request::Stop(None) => {
            choices.stop(ALL, now);
            let again = word(language, Word::Start);
            said(fill(language, Phrase::StoppedAll, &[("command", again)]))
        }
        Request::Start(None) => {
            choices.start(ALL, now);
            said(say(language, Phrase::StartedAll).to_owned())
        }
        Request::Stop(Some(what)) => said(match offer.find(what) {
            Some(thing) => stop(thing, &mut choices, language, now),
            None => unknown(what, offer, language),
        }),
        Request::Start(Some(what)) => said(match offer.find(what) {
            Some(thing) => {
                choices.start(&thing.key(), now);
                fill(language, Phrase::Started, &[("what", &thing.title())])
            }
            None => unknown(what, offer, language),
        }),
        Request::StopThese { rule } => Answer {
            choices: None,
            message: None,
            toast: Some(match offer.of_rule(rule) {
                Some(thing) => stop(thing, &mut choices, language, now),
                None => say(language, Phrase::WhyRuleGone).to_owned(),
            }),
            in_place: None,
        },
        Request::Why => said(why(asker.about, offer, language)),
        Request::Help => said(help(offer, language)),
        Request::NotUnderstood { near } => {
            let mut text = say(language, Phrase::NotUnderstood).to_owned();
            if let Some(near) = near {
                text.push(' ');
                text.push_str(&fill(language, Phrase::DidYouMean, &[("near", near)]));
            }
            said(format!("{text}\n\n{}", help(offer, language)))
        }
        Request::Elsewhere { pressed } => {
            let text = say(language, Phrase::InPersonalChat).to_owned();
            match pressed {
                false => said(text),
                true => Answer {
                    choices: None,
                    message: None,
                    toast: Some(text),
                    in_place: None,
                },
            }
        }
        Request::Save(form) => match settings::save(form, &mut choices, offer, now) {
            Ok(()) => {
                // From now on in the language they chose.
                let language = spoken(&choices, asker.locale, offer);
                Answer {
                    choices: None,
                    message: None,
                    toast: None,
                    in_place: Some(settings::card(&choices, Some(Ok(())), offer, language)),
                }
            }
            Err(wrong) => {
                choices = asker.choices.clone();
                Answer {
                    choices: None,
                    message: None,
                    toast: None,
                    in_place: Some(settings::card(&choices, Some(Err((form, wrong))), offer, language)),
                }
            }
        },
    };
    answer.choices = (choices != *asker.choices).then_some(choices);
    answer
}

/// In which language somebody is answered.
pub fn spoken(choices: &Choices, locale: Option<&str>, offer: &Offer<'_>) -> Language {
    let own = choices.language.as_deref().or(locale);
    ours(&offer.tongue.chain(own))
}

/// The word that people are shown.
fn word(language: Language, word: Word) -> &'static str {
    written(language, word).first().copied().unwrap_or_default()
}

/// Something that can be stopped, if anything can.
#[derive(Debug, Clone, Copy)]
enum Thing<'a> {
    Topic(&'a Topic),
    Rule(&'a Rule),
}

impl Thing<'_> {
    fn key(&self) -> String {
        match self {
            Thing::Topic(topic) => topic_key(&topic.name),
            Thing::Rule(rule) => rule_key(&rule.name),
        }
    }

    /// What people write for it.
    fn name(&self) -> &str {
        match self {
            Thing::Topic(topic) => &topic.name,
            Thing::Rule(rule) => &rule.name,
        }
    }

    fn title(&self) -> String {
        shown(match self {
            Thing::Topic(topic) => &topic.title,
            Thing::Rule(rule) => &rule.name,
        })
    }
}

impl<'a> Offer<'a> {
    /// What somebody means who writes this: a topic by name or title, else a rule.
    fn find(&self, what: &str) -> Option<Thing<'a>> {
        let what = what.trim().to_lowercase();
        let topic = self.topics.get(&what).or_else(|| {
            let mut topics = self.topics.values();
            topics.find(|topic| topic.title.to_lowercase() == what)
        });
        topic.map(Thing::Topic).or_else(|| {
            let mut rules = self.ruleset.rules.iter();
            let rule = rules.find(|rule| rule.name.to_lowercase() == what);
            rule.map(|rule| Thing::Rule(rule))
        })
    }

    /// By what somebody stops this rule: its topic, if it has one.
    fn of_rule(&self, name: &str) -> Option<Thing<'a>> {
        let rule = self.rule(name)?;
        let topic = rule.courtesy.topic.as_ref();
        Some(match topic.filter(|_| !rule.courtesy.required) {
            Some(topic) => Thing::Topic(topic),
            None => Thing::Rule(rule),
        })
    }

    fn rule(&self, name: &str) -> Option<&'a Rule> {
        let rule = self.ruleset.rule(name);
        rule.map(|rule| &**rule)
    }
}

fn stop(thing: Thing<'_>, choices: &mut Choices, language: Language, now: DateTime<Utc>) -> String {
    if let Thing::Rule(rule) = thing
        && rule.courtesy.required
    {
        let what = thing.title();
        return match rule.owner.as_deref() {
            Some(owner) => fill(
                language,
                Phrase::CannotStopAsk,
                &[("what", &what), ("owner", &shown(owner))],
            ),
            None => fill(language, Phrase::CannotStop, &[("what", &what)]),
        };
    }
    choices.stop(&thing.key(), now);
    let again = format!("{} {}", word(language, Word::Start), shown(thing.name()));
    fill(
        language,
        Phrase::Stopped,
        &[("what", &thing.title()), ("command", &again)],
    )
}

fn unknown(what: &str, offer: &Offer<'_>, language: Language) -> String {
    let mut text = fill(language, Phrase::NoSuchTopic, &[("what", &shown(what))]);
    let rules = offer.ruleset.rules.iter().filter(|rule| !rule.courtesy.required);
    let names = offer
        .topics
        .keys()
        .map(String::as_str)
        .chain(rules.map(|rule| rule.name.as_str()));
    if let Some(near) = did_you_mean(&what.to_lowercase(), names) {
        text.push(' ');
        text.push_str(&fill(language, Phrase::DidYouMean, &[("near", &shown(near))]));
    }
    format!("{text}\n\n{}", can_stop(offer, language))
}

fn can_stop(offer: &Offer<'_>, language: Language) -> String {
    let names: Vec<String> = offer.topics.keys().take(MOST_LISTED).map(|name| shown(name)).collect();
    match names.is_empty() {
        true => say(language, Phrase::NothingToStop).to_owned(),
        false => fill(language, Phrase::CanStop, &[("list", &names.join(", "))]),
    }
}

fn why(about: About<'_>, offer: &Offer<'_>, language: Language) -> String {
    let (from, Came { rule: name, target }) = match about {
        About::Nothing => return say(language, Phrase::WhyNothing).to_owned(),
        About::Forgotten => return say(language, Phrase::WhyCardGone).to_owned(),
        About::This(came) => (Phrase::WhyThisRule, came),
        About::Last(came) => (Phrase::WhyRule, came),
    };
    let mut lines = vec![fill(language, from, &[("rule", &shown(name))])];
    let Some(rule) = offer.rule(name) else {
        lines.push(say(language, Phrase::WhyRuleGone).to_owned());
        return lines.join("\n\n");
    };
    lines.extend(rule.description.as_deref().map(shown));
    lines.extend(target.map(|target| fill(language, Phrase::WhyTarget, &[("target", &shown(target))])));
    match (rule.courtesy.required, rule.owner.as_deref()) {
        (true, Some(owner)) => lines.push(fill(language, Phrase::RequiredAsk, &[("owner", &shown(owner))])),
        (true, None) => lines.push(say(language, Phrase::Required).to_owned()),
        (false, owner) => {
            lines.extend(owner.map(|owner| fill(language, Phrase::WhyOwner, &[("owner", &shown(owner))])));
            if let Some(thing) = offer.of_rule(name) {
                let command = format!("{} {}", word(language, Word::Stop), shown(thing.name()));
                lines.push(fill(language, Phrase::WhyStop, &[("command", &command)]));
            }
        }
    }
    lines.join("\n\n")
}

fn help(offer: &Offer<'_>, language: Language) -> String {
    let example = |of: Word| {
        let topic = offer.topics.keys().next().map(|name| format!(" {}", shown(name)));
        format!("{}{}", word(language, of), topic.unwrap_or_default())
    };
    let line = |of: Word, meaning: String| format!("- **{}** – {meaning}", word(language, of));
    [
        say(language, Phrase::HelpIntro).to_owned() + "\n",
        line(Word::Settings, say(language, Phrase::HelpSettings).to_owned()),
        line(
            Word::Stop,
            fill(language, Phrase::HelpStop, &[("example", &example(Word::Stop))]),
        ),
        line(
            Word::Start,
            fill(language, Phrase::HelpStart, &[("example", &example(Word::Start))]),
        ),
        line(Word::Why, say(language, Phrase::HelpWhy).to_owned()),
    ]
    .join("\n")
}

/// A text as it can stand in a message: what people and authors wrote is no markup.
fn shown(text: &str) -> String {
    let short: String = text
        .chars()
        .take(if text.len() > 500 { LONGEST_ECHO } else { 500 })
        .collect();
    crate::card::escape::neutral(&short, Dialect::Message, "")
}

fn text_message(text: String) -> Card {
    let summary = text.lines().next().unwrap_or_default().chars().take(200).collect();
    Card::new(Content::Text(text), summary)
}

/// What a card of settings is opened and saved with: the state of every switch.
fn gets_topic(choices: &Choices, topic: &Topic) -> bool {
    let courtesy = crate::rule::courtesy::Courtesy {
        topic: Some(topic.clone()),
        ..Default::default()
    };
    // No rule can have an empty name.
    matches!(opt_out::verdict(choices, "", &courtesy), Verdict::Gets)
}

/// The data of a button of ours.
fn pressed(verb: &str, title: &str, data: Value) -> Value {
    json!({ "type": "Action.Execute", "title": title, "verb": verb, "data": data })
}

#[cfg(test)]
mod tests;
