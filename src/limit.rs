//! How often the same people are told the same thing: [`Limit`], and the [`Window`]s it counts in.
//!
//! A window opens with a card that is sent and lasts as long as `once_per` says; whatever else the rule has for the same
//! recipient (and the same value of `for_each`) is held back meanwhile and counted. There is a window per rule, value
//! and recipient. Everything here is plain values: `serve` keeps the windows in its store, a rehearsal in a map.

mod compile;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::card::text::{Text, Warnings};
use crate::delivery::{DeliveryId, WindowId};
use crate::duration;
use crate::gathering::{Cause, Gathering, Gathers, Item};
use crate::storm::Recent;

pub use crate::gathering::Overtaken;
pub use compile::{LONGEST, SHORTEST};

/// The value of `for_each` that a record shows, in characters.
const LONGEST_VALUE: usize = 200;

/// Two readings of the clock may overtake one another by so much without anybody having turned it.
const OVERTAKING: TimeDelta = TimeDelta::seconds(1);

/// What a rule's `limit:` says.
#[derive(Debug, Clone)]
pub struct Limit {
    /// How long a window lasts; between [`SHORTEST`] and [`LONGEST`].
    pub once_per: Duration,
    /// What is counted separately; without it all events of the rule count as one thing.
    pub for_each: Option<Text>,
    /// What becomes of the cards that are held back.
    pub rest: Rest,
}

/// What becomes of the cards that are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// The next card says how many there were.
    Count,
    /// Nothing is said of them.
    Drop,
    /// They are gathered, and one card tells of all of them.
    Digest,
}

/// The time after a card in which no other is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// When the card was decided.
    pub opened_at: DateTime<Utc>,
    /// How long it was to last by the rule of that time, in milliseconds.
    pub lasts_ms: u64,
    /// The card.
    pub opened_by: DeliveryId,
    /// What the card says of those held back before it.
    pub told: Option<Counted>,
    /// Cards held back since.
    pub held_back: u64,
    /// The card was given up or cancelled unsent: the next one may be sent at once.
    pub closed: bool,
}

/// Cards that were held back, as the next card tells of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// How many.
    pub held_back: u64,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// May this card be sent?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// Yes; it opens the window, and tells of those held back before, if there were any and the rule wants it.
    Passes(Option<Counted>),
    /// No: the window is open from the first to the second instant.
    HeldBack(DateTime<Utc>, DateTime<Utc>),
}

/// The windows that a decision is made on.
#[derive(Debug, Clone, Default)]
pub struct Windows {
    /// Those that exist.
    pub known: BTreeMap<WindowId, Window>,
    /// Those that counted this very event before, when not all recipients of the rule were known.
    pub counted: BTreeSet<WindowId>,
    /// What is gathered under the same keys, and under those of storms and quiet hours.
    pub gathered: BTreeMap<WindowId, Gathering>,
    /// What was sent lately, for the storm breaker.
    pub recent: Arc<Recent>,
    /// The run is approved or tried on some before: its cards are sent one by one, none is folded into another.
    pub by_steps: bool,
}

/// What a decision does to a window, once its cards are taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The window.
    pub window: WindowId,
    /// The rule whose limit it is.
    pub rule: String,
    /// The card that passes or is held back.
    pub delivery: DeliveryId,
    /// What happens.
    pub step: Step,
    /// What is gathered with it.
    pub gathers: Option<Box<Gathers>>,
}

/// What happens to a window.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A card passes and opens it; it was decided on what was there before.
    Opens {
        /// What was there.
        before: Option<Window>,
        /// What is there now.
        after: Window,
    },
    /// A card is held back by the window that this card opened.
    HoldsBack {
        /// The card that opened it.
        opened_by: DeliveryId,
        /// When this was decided.
        at: DateTime<Utc>,
    },
    /// Nothing: a card is gathered without any.
    Gathers,
    /// Nothing: it is told what was gathered under this key.
    Tells {
        /// What was gathered.
        before: Box<Gathering>,
        /// What goes on being gathered.
        after: Option<Box<Gathering>>,
    },
}

/// A card that was held back, as the record of the decision tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Who would have got it.
    pub recipient: String,
    /// What `for_each` came to, shortened; `None` when the rule has none.
    pub value: Option<String>,
    /// When the card that is counted instead was decided; `None` when the window is not known any more.
    pub since: Option<DateTime<Utc>>,
    /// Until when nothing else is sent.
    pub until: Option<DateTime<Utc>>,
    /// Why it is gathered, if it is; it is told of then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathered: Option<Cause>,
}

impl Limit {
    /// What `for_each` comes to with this event; empty when there is none. One that comes to nothing is a key like any
    /// other, and `seen` says so.
    pub fn value(&self, scope: &Value, seen: &mut Warnings) -> String {
        let Some(for_each) = &self.for_each else {
            return String::new();
        };
        let value = for_each.plain(scope, seen).trim().to_owned();
        if value.is_empty() {
            seen.add(format!(
                "`for_each: {}` of the limit came to nothing; all such events are counted together",
                for_each.source()
            ));
        }
        value
    }

    /// May a card be sent at `now`, with this window?
    pub fn judge(&self, window: Option<&Window>, now: DateTime<Utc>) -> Ruling {
        let Some(window) = window else {
            return Ruling::Passes(None);
        };
        let opened_at = window.opened_as_seen(now);
        let until = later(opened_at, self.once_per);
        if !window.closed && now < until {
            return Ruling::HeldBack(opened_at, until);
        }
        Ruling::Passes(match self.rest {
            Rest::Count => window.owed(),
            Rest::Drop | Rest::Digest => None,
        })
    }

    /// The window that this card opens at `now`, telling of `told`.
    pub fn opened(&self, by: &DeliveryId, told: Option<Counted>, now: DateTime<Utc>) -> Window {
        Window {
            opened_at: now,
            lasts_ms: u64::try_from(self.once_per.as_millis()).unwrap_or(u64::MAX),
            opened_by: by.clone(),
            told,
            held_back: 0,
            closed: false,
        }
    }

    /// What templates see as `limit`.
    pub fn in_scope(&self, told: Option<Counted>) -> Value {
        json!({
            "held_back": told.map_or(0, |told| told.held_back),
            "since": told.map(|told| told.since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            "once_per": duration::words(self.once_per),
        })
    }

    /// A value of `for_each`, short enough to be kept.
    pub fn shown(&self, value: &str) -> Option<String> {
        self.for_each.as_ref()?;
        let cut = value.char_indices().nth(LONGEST_VALUE);
        Some(cut.map_or_else(|| value.to_owned(), |(end, _)| format!("{}…", &value[..end])))
    }
}

impl Window {
    /// Its beginning as the clock of now has it: after the clock was put back, a window would last for as long as it
    /// was put back, so it begins anew.
    fn opened_as_seen(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.opened_at.signed_duration_since(now) > OVERTAKING {
            true => now,
            false => self.opened_at,
        }
    }

    /// When it ends, by the rule that opened it.
    pub fn ends_at(&self) -> DateTime<Utc> {
        later(self.opened_at, Duration::from_millis(self.lasts_ms))
    }

    /// What the next card has to tell. Of a card that never was sent, also what that one would have told.
    pub fn owed(&self) -> Option<Counted> {
        let unsaid = self.told.filter(|_| self.closed);
        let held_back = self.held_back.saturating_add(unsaid.map_or(0, |told| told.held_back));
        let since = unsaid.map_or(self.opened_at, |told| told.since);
        (held_back > 0).then_some(Counted { held_back, since })
    }

    /// `card` was given up or cancelled unsent.
    pub fn without(mut self, card: &DeliveryId) -> Self {
        self.closed |= self.opened_by == *card;
        self
    }

    /// `card` is to be sent after all, from `now` on.
    pub fn with_again(mut self, card: &DeliveryId, now: DateTime<Utc>) -> Self {
        if self.opened_by == *card && self.closed {
            self.closed = false;
            self.opened_at = now;
        }
        self
    }
}

impl Change {
    /// The window after this change, given as it is found; `None` if it stays as it is.
    ///
    /// Cards that are held back need not agree on how many there were before: their order does not matter. One that
    /// passes tells the number, so it must have seen the last of them.
    ///
    /// # Errors
    /// The window has become another since the decision.
    pub fn apply(&self, found: Option<&Window>) -> Result<Option<Window>, Overtaken> {
        match &self.step {
            Step::Gathers | Step::Tells { .. } => Ok(None),
            Step::Opens { before, after } if before.as_ref() == found => Ok(Some(after.clone())),
            Step::Opens { .. } => Err(Overtaken),
            Step::HoldsBack { opened_by, at } => {
                let open = found.filter(|window| window.opened_by == *opened_by && !window.closed);
                let mut window = open.ok_or(Overtaken)?.clone();
                window.opened_at = window.opened_as_seen(*at);
                window.held_back = window.held_back.saturating_add(1);
                Ok(Some(window))
            }
        }
    }

    /// What is gathered after this change, given as it is found.
    ///
    /// # Errors
    /// It has become something else since the decision.
    pub fn gather(&self, found: Option<&Gathering>) -> Result<Kept, Overtaken> {
        match (&self.gathers, &self.step) {
            (Some(gathers), _) => gathers.apply(found).map(|gathering| {
                let number = gathering.count;
                let item = Item {
                    number,
                    ..gathers.item.clone()
                };
                Kept::More(Box::new(gathering), Box::new(item))
            }),
            (None, Step::Tells { before, .. }) if found != Some(before) => Err(Overtaken),
            (None, Step::Tells { after: Some(after), .. }) => Ok(Kept::On(after.clone())),
            (None, Step::Tells { after: None, .. }) => Ok(Kept::Nothing),
            (None, Step::Opens { .. } | Step::HoldsBack { .. } | Step::Gathers) => Ok(Kept::AsItWas),
        }
    }
}

/// What becomes of a gathering.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// The change has nothing to do with it.
    AsItWas,
    /// There is more of it.
    More(Box<Gathering>, Box<Item>),
    /// It goes on like this, with all its items.
    On(Box<Gathering>),
    /// It is over.
    Nothing,
}

pub(crate) fn later(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| at.checked_add_signed(by))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
