//! What stands under a card that somebody gets in person: why they got it, and how to stop it.

use serde_json::{Value, json};

use crate::card::function::text::shortened;
use crate::card::warning::Warnings;
use crate::card::{Card, Content, fit};
use crate::words::{Language, Phrase, fill, is_right_to_left, say};

/// The button that stops what the card is one of.
pub const STOP: &str = "herald.stop";
/// The button that shows the settings.
pub const SETTINGS: &str = "herald.settings";

/// How much of a description stands there, in characters.
const LONGEST_REASON: usize = 300;

/// What a footer says.
#[derive(Debug, Clone, Copy)]
pub struct Footer<'a> {
    /// The rule that sends the card.
    pub rule: &'a str,
    /// What the rule is for.
    pub description: Option<&'a str>,
    /// Who looks after the rule.
    pub owner: Option<&'a str>,
    /// Nobody can stop it.
    pub required: bool,
    /// The card itself tells what the rule is for.
    pub told: bool,
    /// In whose words.
    pub language: Language,
}

impl Footer<'_> {
    /// Nothing where the card says it all.
    fn reason(&self) -> String {
        let reason = match self.description {
            Some(description) => shortened(description.trim(), LONGEST_REASON),
            None => fill(self.language, Phrase::TheRule, &[("rule", self.rule)]),
        };
        let why = fill(self.language, Phrase::WhyYouGotThis, &[("reason", &reason)]);
        let required = match (self.required, self.owner) {
            (false, _) => None,
            (true, None) => Some(say(self.language, Phrase::Required).to_owned()),
            (true, Some(owner)) => Some(fill(self.language, Phrase::RequiredAsk, &[("owner", owner)])),
        };
        let lines = (!self.told).then_some(why).into_iter().chain(required);
        lines.collect::<Vec<_>>().join("\n\n")
    }

    fn buttons(&self) -> Value {
        let press = |verb: &str, phrase| {
            json!({
                "type": "Action.Execute", "title": say(self.language, phrase), "verb": verb, "data": { "rule": self.rule },
            })
        };
        let settings = press(SETTINGS, Phrase::Settings);
        let actions = match self.required {
            true => vec![settings],
            false => vec![press(STOP, Phrase::StopThese), settings],
        };
        json!({ "type": "ActionSet", "actions": actions })
    }

    fn element(&self, with_reason: bool) -> Value {
        let mut items = Vec::new();
        let reason = self.reason();
        if with_reason && !reason.is_empty() {
            items.push(json!({
                "type": "TextBlock", "text": reason, "size": "Small", "isSubtle": true, "wrap": true,
            }));
        }
        items.push(self.buttons());
        let mut element = json!({ "type": "Container", "separator": true, "spacing": "Medium", "items": items });
        if is_right_to_left(self.language.tag()) {
            element["rtl"] = json!(true);
        }
        element
    }
}

impl Card {
    /// The same card with this at its end. A text, which has no buttons, and a notification stay as they are; so does a
    /// card with no room left, which `seen` is told.
    #[must_use]
    pub fn with_footer(mut self, footer: &Footer<'_>, seen: &mut Warnings) -> Card {
        let Content::Adaptive(card) = &mut self.content else {
            return self;
        };
        for with_reason in [true, false] {
            let mut longer = card.clone();
            match longer.get_mut("body").and_then(Value::as_array_mut) {
                Some(body) => body.push(footer.element(with_reason)),
                // A card of buttons alone.
                None => longer["body"] = json!([footer.element(with_reason)]),
            }
            if fit::size(&longer) <= fit::LIMIT {
                *card = longer;
                return self;
            }
        }
        seen.add("there is no room under the card to say why it came and how it is stopped");
        self
    }

    /// The same card, running from right to left unless its template says otherwise.
    #[must_use]
    pub fn from_the_right(mut self) -> Card {
        if let Content::Adaptive(card) = &mut self.content
            && card.get("rtl").is_none()
        {
            card["rtl"] = json!(true);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::profile;

    fn footer(required: bool, language: Language) -> Footer<'static> {
        Footer {
            rule: "deploys/failed",
            description: Some("A deploy failed"),
            owner: Some("platform-team"),
            required,
            told: false,
            language,
        }
    }

    fn under(card: Value, footer: &Footer<'_>) -> Value {
        let mut seen = Warnings::new();
        let card = Card::new(Content::Adaptive(card), "x".to_owned()).with_footer(footer, &mut seen);
        let Content::Adaptive(card) = card.content else {
            panic!("it stays a card");
        };
        card
    }

    #[test]
    fn a_footer_says_why_and_has_a_button_to_stop_it_in_every_language_that_teams_shows() {
        for language in Language::ALL {
            let card = under(
                json!({ "type": "AdaptiveCard", "version": "1.5", "body": [{ "type": "TextBlock", "text": "It failed." }] }),
                &footer(false, language),
            );
            assert!(profile::check(&card).is_empty(), "{:?}", profile::check(&card));
            let last = &card["body"][1];
            assert!(last["items"][0]["text"].as_str().unwrap().contains("A deploy failed"));
            let actions = last["items"][1]["actions"].as_array().unwrap();
            assert_eq!(actions[0]["verb"], STOP);
            assert_eq!(actions[0]["data"]["rule"], "deploys/failed");
            assert_eq!(
                last["rtl"],
                if language == Language::Arabic {
                    json!(true)
                } else {
                    Value::Null
                }
            );
        }
    }

    #[test]
    fn what_is_required_says_so_and_names_whom_to_ask() {
        let card = under(
            json!({ "type": "AdaptiveCard", "actions": [] }),
            &footer(true, Language::English),
        );
        let items = &card["body"][0]["items"];
        assert_eq!(
            items[0]["text"],
            "Why you got this: A deploy failed\n\nThis is required; ask platform-team."
        );
        assert_eq!(items[1]["actions"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_card_without_room_keeps_what_it_says() {
        let of = |text: String| json!({ "type": "AdaptiveCard", "body": [{ "type": "TextBlock", "text": text }] });
        let full = |room: usize| of("x".repeat((fit::LIMIT - room - fit::size(&of(String::new()))) / 2));
        let footer = footer(false, Language::English);
        let none = under(full(200), &footer);
        assert_eq!(none["body"].as_array().unwrap().len(), 1);
        let room = (fit::size(&footer.element(true)) + fit::size(&footer.element(false))) / 2;
        let little = under(full(room), &footer);
        assert_eq!(
            little["body"][1]["items"].as_array().unwrap().len(),
            1,
            "the buttons alone"
        );
        assert!(fit::size(&little) <= fit::LIMIT);
    }
}
