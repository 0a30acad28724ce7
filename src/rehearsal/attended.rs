//! What people ask Herald itself in a test: done to what they chose there, as the engine does it.

use super::Rehearsal;
use crate::card::shown::texts;
use crate::choice::PersonKey;
use crate::concierge::request::{self, Request};
use crate::concierge::{self, About, Answer, Asker, Offer};
use crate::event::{Event, Origin};
use crate::rule::courtesy::Tongue;

impl Rehearsal<'_> {
    /// Answers what is no rule's business, in a sentence; `None` if the event is one for rules.
    pub(super) fn attend(&mut self, event: &Event) -> Option<String> {
        let ours = matches!(&event.origin, Origin::Button { button, .. } if request::is_ours(button));
        if !ours && !self.workspace.ruleset.triggered_by(event).is_empty() {
            return None;
        }
        let request = request::read(event)?;
        // A rule that does not wait for such words says so itself.
        if matches!(request, Request::NotUnderstood { .. }) {
            return None;
        }
        self.world.learn(event);
        let sender = event.sender.as_ref()?;
        let key = PersonKey::of_ids(sender.aad_object_id.as_deref(), sender.account_id.as_deref())?;
        let choices = self.world.choices(&key);
        let tongue = Tongue::of_house(
            self.workspace.settings.language.as_deref(),
            &self.workspace.text_languages,
        );
        let offer = Offer {
            topics: &self.workspace.settings.topics,
            ruleset: &self.workspace.ruleset,
            tongue: &tongue,
        };
        let asker = Asker {
            choices: &choices,
            locale: event.data["locale"].as_str(),
            about: About::Nothing,
        };
        let answer = concierge::attend(&request, &asker, &offer, self.now);
        if let Some(chosen) = &answer.choices {
            self.world.choose(key, chosen.clone());
        }
        Some(format!("Herald itself answers: {}", in_words(&answer)))
    }
}

fn in_words(answer: &Answer) -> String {
    if let Some(toast) = &answer.toast {
        return toast.clone();
    }
    let card = answer.message.as_ref().or(answer.in_place.as_ref());
    card.map_or_else(String::new, |card| texts(card).join(" | "))
}
