//! In whose words a recipient is told, and what stands under their card. People of one manner share one card, so that a
//! fan-out makes as many cards as there are languages.

use serde_json::{Value, json};

use crate::audience::Reached;
use crate::card::Card;
use crate::card::footer::Footer;
use crate::card::source::CardSource;
use crate::card::text::Warnings;
use crate::delivery::Address;
use crate::rule::Rule;
use crate::rule::courtesy::ours;
use crate::words::Language;

/// In whose words a recipient is told, and what stands under their card.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Manner {
    /// The languages to look for texts in, best first; none where no word of the card depends on it.
    languages: Vec<String>,
    /// Those in which its dates are written: where no word of it depends on who reads it, those of the rule.
    dates: Vec<String>,
    footer: bool,
}

impl Manner {
    pub(super) fn of(rule: &Rule, reached: &Reached) -> Manner {
        let (is_person, is_feed) = match &reached.recipient.address {
            Address::Person { .. } => (true, false),
            Address::Feed { .. } => (false, true),
            Address::Conversation { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => (false, false),
        };
        let footer = rule.courtesy.footer && is_person;
        let reads = match is_feed {
            true => rule.feed.as_ref().is_some_and(|feed| feed.reads("languages")),
            false => rule.card.reads("languages"),
        };
        let languages = match footer || reads {
            true => rule.courtesy.tongue.chain(own_languages(reached)),
            false => Vec::new(),
        };
        Manner {
            dates: dates(rule, reads, &languages),
            languages,
            footer,
        }
    }

    /// That of a card that lives, filled from `source`, whoever has it at `address`; `reached` is what is known of them. Its
    /// lines and buttons are in words whatever its author wrote, and it keeps its footer however often it changes.
    pub fn of_living(rule: &Rule, source: &CardSource, address: &Address, reached: Option<&Reached>) -> Manner {
        let is_person = match address {
            Address::Person { .. } => true,
            Address::Feed { .. }
            | Address::Conversation { .. }
            | Address::Webhook { .. }
            | Address::Nowhere { .. } => false,
        };
        let languages = languages(rule, reached);
        Manner {
            dates: dates(rule, source.reads("languages"), &languages),
            languages,
            footer: rule.courtesy.footer && is_person,
        }
    }

    /// That of somebody who reads this language, without a footer.
    #[cfg(test)]
    pub(crate) fn of_tests(language: &str) -> Manner {
        Manner {
            languages: vec![language.to_owned()],
            dates: vec![language.to_owned()],
            footer: false,
        }
    }

    /// The language in which Herald itself speaks there.
    pub fn ours(&self) -> Language {
        ours(&self.languages)
    }

    /// Gives the card's texts what they need of it.
    pub fn enter(&self, scope: &mut Value) {
        scope["languages"] = json!(self.languages);
        scope["dates_in"] = json!(self.dates);
        scope["footer"] = json!(self.footer);
    }

    /// Adds to a card that was filled from `source` what goes with it.
    pub fn finish(&self, mut card: Card, source: &CardSource, rule: &Rule, seen: &mut Warnings) -> Card {
        let tongue = &rule.courtesy.tongue;
        if source.reads("languages") && tongue.runs_from_the_right(&self.languages) {
            card = card.from_the_right();
        }
        if !self.footer {
            return card;
        }
        let footer = Footer {
            rule: &rule.name,
            description: rule.description.as_deref(),
            owner: rule.owner.as_deref(),
            required: rule.courtesy.required,
            told: source.reads("rule"),
            language: self.ours(),
        };
        card.with_footer(&footer, seen)
    }
}

/// Dates follow the words around them: a sentence that an author wrote out has no months in the reader's language.
fn dates(rule: &Rule, translated: bool, languages: &[String]) -> Vec<String> {
    match translated {
        true => languages.to_vec(),
        false => rule.courtesy.tongue.chain([]),
    }
}

/// The languages to look for words in for a recipient of the rule, best first: those of the workspace for a place, and for
/// somebody of whom nothing is known.
pub fn languages(rule: &Rule, reached: Option<&Reached>) -> Vec<String> {
    let person = reached.and_then(of_person);
    rule.courtesy.tongue.chain(person.into_iter().flat_map(own_languages))
}

/// Only if it is a person who is told, no place.
fn of_person(reached: &Reached) -> Option<&Reached> {
    match &reached.recipient.address {
        Address::Person { .. } | Address::Feed { .. } => Some(reached),
        Address::Conversation { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => None,
    }
}

/// The languages that somebody reads: as they chose, else as the workspace or Teams knows.
pub fn own_languages(reached: &Reached) -> impl Iterator<Item = &str> {
    let chosen = reached.choices.as_ref().and_then(|choices| choices.language.as_deref());
    let known = reached.person.as_ref().and_then(|person| person.locale.as_deref());
    // Who chose one wants no other.
    chosen.or(known).into_iter()
}
