//! What keeps the cards of a rule alive after they are sent: what they are about, when that is over, and the buttons with
//! which people take part.

mod compile;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::card::source::CardSource;
use crate::card::text::Text;
use crate::rule::condition::Condition;
use crate::rule::target::Target;

pub use compile::{LONGEST_SNOOZE, MOST_BUTTONS, SHORTEST_SNOOZE, buttons};

/// What a rule says about the life of its cards; the default says nothing.
#[derive(Debug, Default)]
pub struct Living {
    /// Which events are about the same thing.
    pub track: Option<Track>,
    /// What people can do with its cards, in the order they are shown.
    pub buttons: Vec<Button>,
    /// Who may press them; empty means everybody who sees a card.
    pub may_press: Vec<Target>,
    /// What the cards become when somebody acknowledges.
    pub on_acknowledge: Option<Turn>,
    /// What the cards become when the matter is closed.
    pub on_close: Option<Turn>,
}

/// Which events are about the same thing.
#[derive(Debug)]
pub struct Track {
    /// Events with the same value are about the same thing.
    pub by: Text,
    /// When the event happened, by its sender's clock; without it, the order counts in which events come in.
    pub happened_at: Option<Text>,
    /// What must be true of an event that ends the matter.
    pub closed_when: Option<Condition>,
    /// What later events do.
    pub on_update: OnUpdate,
    /// What an event does that would end a matter when there is none.
    pub if_not_open: IfNotOpen,
}

/// What later events about the same thing do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUpdate {
    /// The cards that were sent become the new one.
    #[default]
    Update,
    /// A new card is sent into the thread of the first.
    Reply,
}

/// What becomes of an event that ends a matter which is not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfNotOpen {
    /// Nothing is sent.
    #[default]
    Nothing,
    /// A card is sent that is closed from the start.
    Send,
}

/// A button on the cards of a rule.
#[derive(Debug)]
pub struct Button {
    /// What it does.
    pub does: Does,
    /// What stands on it; without it, a word for what it does.
    pub title: Option<Text>,
}

/// What a button does.
#[derive(Debug)]
pub enum Does {
    /// Whoever presses it takes care of the matter.
    Acknowledge,
    /// Nothing is asked of anybody for so long; then the card comes back.
    Snooze(Duration),
    /// It opens a page.
    Open(Text),
    /// The matter is over.
    Close,
    /// It is a trigger: a rule with `button:` and this name answers it.
    Custom {
        /// The name.
        name: String,
        /// What that rule sees as `event.data`, by name.
        with: Vec<(String, Given)>,
    },
}

/// A value that comes with a button.
#[derive(Debug)]
pub enum Given {
    /// A text with holes.
    Text(Text),
    /// Anything else, as it stands.
    Value(Value),
}

/// What the cards become when something is done about a matter.
#[derive(Debug)]
pub struct Turn {
    /// The card in the place of the rule's own; without one, that one with a line on top.
    pub card: Option<Arc<CardSource>>,
}

impl Living {
    /// There is something to keep about each event: its cards can change, or have buttons.
    pub fn is_some(&self) -> bool {
        self.track.is_some() || !self.buttons.is_empty()
    }

    /// Whether something shown on its cards beside the rule's own card can depend on `root`.
    pub fn reads(&self, root: &str) -> bool {
        let turns = self.on_acknowledge.iter().chain(&self.on_close);
        let mut cards = turns.filter_map(|turn| turn.card.as_ref());
        cards.any(|card| card.reads(root)) || self.buttons.iter().any(|button| button.reads(root))
    }
}

impl Button {
    fn reads(&self, root: &str) -> bool {
        let title = self.title.as_ref().is_some_and(|title| title.reads(root));
        title
            || match &self.does {
                Does::Acknowledge | Does::Snooze(_) | Does::Close => false,
                Does::Open(page) => page.reads(root),
                Does::Custom { with, .. } => with.iter().any(|(_, given)| match given {
                    Given::Text(text) => text.reads(root),
                    Given::Value(_) => false,
                }),
            }
    }
}
