//! What people stopped, and what that means for a rule: [`verdict`] judges one person, [`heed`] a whole audience.
//!
//! The nearest decision counts: what somebody said of the rule itself, then of its topic, then of everything, then how the
//! topic begins. Group chats and channels belong to many, so nobody stops anything there.

use chrono::{DateTime, Utc};

use crate::audience::{Audience, Reached, Stopped};
use crate::choice::Choices;
use crate::delivery::Address;
use crate::rule::Rule;
use crate::rule::courtesy::Courtesy;
use crate::topic::Topic;

/// The key of everything that can be stopped.
pub const ALL: &str = "all";

/// The key under which a rule is stopped by itself.
pub fn rule_key(rule: &str) -> String {
    format!("rule:{rule}")
}

/// The key under which a topic is stopped.
pub fn topic_key(topic: &str) -> String {
    format!("topic:{topic}")
}

impl Choices {
    /// How many decisions of one person are kept; whoever makes more forgets the oldest.
    pub const MOST: usize = 1_000;

    /// Takes note that `key` is not wanted any more: a rule's or a topic's, or [`ALL`], which settles all of them.
    pub fn stop(&mut self, key: &str, now: DateTime<Utc>) {
        self.decide(key, now);
        match key {
            ALL => self.all_stopped = true,
            key => {
                self.stopped.insert(key.to_owned());
            }
        }
    }

    /// Takes note that `key` is wanted again.
    pub fn start(&mut self, key: &str, now: DateTime<Utc>) {
        self.decide(key, now);
        match key {
            ALL => self.all_stopped = false,
            key => {
                self.started.insert(key.to_owned());
            }
        }
    }

    fn decide(&mut self, key: &str, now: DateTime<Utc>) {
        if key == ALL {
            self.stopped.clear();
            self.started.clear();
            self.since.clear();
        }
        self.stopped.remove(key);
        self.started.remove(key);
        self.since.insert(key.to_owned(), now);
        self.changed_at = Some(now);
        while self.since.len() > Self::MOST {
            let oldest = self.since.iter().min_by_key(|(_, at)| **at);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            self.since.remove(&oldest);
            self.stopped.remove(&oldest);
            self.started.remove(&oldest);
        }
    }
}

/// Why somebody does not get a rule's cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They get them.
    Gets,
    /// They stopped what is named, at this moment if that is known.
    Stopped(String, Option<DateTime<Utc>>),
    /// The topic begins stopped, and they did not start it.
    NotAskedFor(String),
}

/// Whether somebody who chose `choices` gets the cards of the rule `name`.
pub fn verdict(choices: &Choices, name: &str, courtesy: &Courtesy) -> Verdict {
    if courtesy.required {
        return Verdict::Gets;
    }
    let stopped = |key: &str, what: &str| Verdict::Stopped(what.to_owned(), choices.since.get(key).copied());
    let rule = rule_key(name);
    if choices.stopped.contains(&rule) {
        return stopped(&rule, name);
    }
    if choices.started.contains(&rule) {
        return Verdict::Gets;
    }
    let topic = courtesy.topic.as_ref();
    if let Some(Topic { name, .. }) = topic {
        let key = topic_key(name);
        if choices.stopped.contains(&key) {
            return stopped(&key, name);
        }
        if choices.started.contains(&key) {
            return Verdict::Gets;
        }
    }
    if choices.all_stopped {
        return stopped(ALL, "everything");
    }
    match topic {
        Some(topic) if topic.starts_stopped => Verdict::NotAskedFor(topic.name.clone()),
        Some(_) | None => Verdict::Gets,
    }
}

/// `audience` without the people who stopped `rule`; they are listed in [`Audience::stopped`].
pub fn heed(rule: &Rule, mut audience: Audience) -> Audience {
    if rule.courtesy.required {
        return audience;
    }
    let mut stopped = std::mem::take(&mut audience.stopped);
    audience.reached.retain(|reached| match is_personal(reached) {
        false => true,
        true => match reason(rule, reached) {
            None => true,
            Some(reason) => {
                stopped.push(reason);
                false
            }
        },
    });
    audience.stopped = stopped;
    audience
}

/// Does the card go to one human being alone?
pub fn is_personal(reached: &Reached) -> bool {
    match &reached.recipient.address {
        Address::Person { .. } | Address::Feed { .. } => true,
        Address::Conversation { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => false,
    }
}

fn reason(rule: &Rule, reached: &Reached) -> Option<Stopped> {
    let recipient = reached.recipient.name.clone();
    let nothing = Choices::default();
    let choices = reached.choices.as_deref().unwrap_or(&nothing);
    match verdict(choices, &rule.name, &rule.courtesy) {
        Verdict::Gets => None,
        Verdict::Stopped(what, at) => Some(Stopped {
            recipient,
            what,
            at,
            asked: true,
        }),
        Verdict::NotAskedFor(what) => Some(Stopped {
            recipient,
            what,
            at: None,
            asked: false,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(starts_stopped: bool) -> Courtesy {
        Courtesy {
            topic: Some(Topic {
                name: "deploys".to_owned(),
                title: "Deploys".to_owned(),
                description: None,
                starts_stopped,
            }),
            ..Courtesy::default()
        }
    }

    fn gets(choices: &Choices, courtesy: &Courtesy) -> bool {
        verdict(choices, "r", courtesy) == Verdict::Gets
    }

    #[test]
    fn the_nearest_decision_counts() {
        let now = "2026-03-02T08:00:00Z".parse().unwrap();
        let mut choices = Choices::default();
        assert!(gets(&choices, &topic(false)) && !gets(&choices, &topic(true)));
        choices.stop(&topic_key("deploys"), now);
        assert_eq!(
            verdict(&choices, "r", &topic(false)),
            Verdict::Stopped("deploys".to_owned(), Some(now))
        );
        choices.start(&rule_key("r"), now);
        assert!(gets(&choices, &topic(false)), "this one rule of it");
        choices.stop(ALL, now);
        assert!(
            !gets(&choices, &topic(false)),
            "whoever stops everything means everything"
        );
        choices.start(&topic_key("deploys"), now);
        assert!(gets(&choices, &topic(true)), "but this one after all");
        assert!(!gets(&choices, &Courtesy::default()));
        choices.start(ALL, now);
        assert!(gets(&choices, &Courtesy::default()) && gets(&choices, &topic(false)));
        choices.stop(&rule_key("r"), now);
        assert!(!gets(&choices, &topic(false)));
        assert!(
            gets(
                &choices,
                &Courtesy {
                    required: true,
                    ..topic(false)
                }
            ),
            "nobody stops what is required"
        );
    }

    #[test]
    fn what_somebody_decides_does_not_grow_without_end() {
        let mut choices = Choices::default();
        for number in 0..(Choices::MOST + 10) {
            let at = DateTime::UNIX_EPOCH + chrono::Duration::seconds(number as i64);
            choices.stop(&rule_key(&number.to_string()), at);
        }
        assert_eq!(choices.stopped.len(), Choices::MOST);
        assert!(!choices.stopped.contains("rule:3") && choices.stopped.contains("rule:1009"));
    }
}
