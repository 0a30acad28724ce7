//! What is written down of what became of a matter: a sentence for whoever asks why.

use serde::{Deserialize, Serialize};

use super::decide::Course;
use super::{Matter, MatterId};

/// How many characters of a sentence are kept.
const LONGEST_SENTENCE: usize = 300;

/// What an event, a press or an operator did to a matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The matter.
    pub matter: MatterId,
    /// What it is about.
    pub about: String,
    /// What was done, in a sentence.
    pub sentence: String,
    /// How many cards changed in their place.
    pub cards: usize,
}

impl Told {
    /// What an event did: so many got a card of their own, and so many changed.
    pub fn of_event(course: Course, matter: &Matter, new: usize, changed: usize) -> Told {
        let number = match matter.events {
            1 => "the first event".to_owned(),
            count => format!("event {count}"),
        };
        let sentence = match (course, &matter.closed) {
            (Course::Opens, None) => format!("it is open now, with {}", cards(new)),
            (Course::Opens, Some(_)) => format!("it was over when it was heard of; {} so", say(new)),
            (Course::Updates, _) if changed == 0 && new == 0 => format!("{number} about it; no card changes"),
            (Course::Updates, _) if new == 0 => format!("{number} about it: {} changed", cards(changed)),
            (Course::Updates, _) => format!("{number} about it: {} changed, {} new", cards(changed), cards(new)),
            (Course::Closes, _) => format!("{number} about it closes it: {} changed", cards(changed)),
            (Course::NotOpen, _) => "`closed_when` holds, but nothing is open: nothing is sent".to_owned(),
            (Course::Late, _) => "the event is older than what is known already: nothing changes".to_owned(),
            (Course::Again, _) => format!("it goes on with those who were not known before: {}", cards(new)),
        };
        Told::new(matter, sentence, changed)
    }

    /// What somebody did.
    pub fn new(matter: &Matter, sentence: String, cards: usize) -> Told {
        // A name stands in it, and that is somebody else's.
        let sentence = sentence.chars().take(LONGEST_SENTENCE).collect();
        Told {
            matter: matter.id.clone(),
            about: matter.about.clone(),
            sentence,
            cards,
        }
    }
}

fn cards(count: usize) -> String {
    match count {
        0 => "no card".to_owned(),
        1 => "1 card".to_owned(),
        count => format!("{count} cards"),
    }
}

fn say(count: usize) -> String {
    match count {
        1 => "1 card says".to_owned(),
        count => format!("{} say", cards(count)),
    }
}
