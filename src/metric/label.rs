//! Labels: closed sets of our own words. Every word of a set is there from the start with the value 0, so that the first
//! time one counts is a rise that an alert can see, not a series that appears.

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::graph::answer::No;
use crate::teams::answer::Answer;

/// Where events come from.
pub const ORIGINS: &[&str] = &["hook", "cron", "teams", "file", "queue", "drill"];
/// What came of a request to a hook.
pub const HOOK_OUTCOMES: &[&str] = &[
    "accepted",
    "repeat",
    "handshake",
    "refused",
    "bad_body",
    "bad_item",
    "too_slow",
    "too_many",
    "busy",
    "unavailable",
];
/// The statuses of answers.
pub const STATUSES: &[&str] = &["2xx", "4xx", "5xx"];
/// What came of an attempt.
pub const VERDICTS: &[&str] = &["delivered", "retry", "dead"];
/// Answers of Teams.
pub const ANSWERS: &[&str] = &Answer::WORDS;
/// Answers of Microsoft Graph.
pub fn graph() -> Vec<&'static str> {
    [&["ok"], No::WORDS.as_slice()].concat()
}
/// Whom Teams refuses.
pub const SCOPES: &[&str] = &["bot", "tenant"];
/// Why a delivery is tried again.
pub const RETRIES: &[&str] = &["throttled", "conflict", "unavailable", "faulty", "gone", "unauthorized"];
/// Why a delivery is given up: answers that stay, and our own patience.
pub const DEATHS: &[&str] = &[
    "faulty",
    "gone",
    "blocked",
    "unreachable",
    "message_gone",
    "too_large",
    "rejected",
    "wrong_host",
    "not_installed",
    "foreign",
    "not_allowed",
    TOO_LATE,
];
/// It was tried as long as a delivery is tried.
pub const TOO_LATE: &str = "too_late";
/// What a 429 names.
pub const THROTTLED: &[&str] = &["conversation", "tenant"];
/// What came of an activity from Teams.
pub const ACTIVITIES: &[&str] = &[
    "heard",
    "ignored",
    "refused",
    "bad_body",
    "too_slow",
    "busy",
    "unavailable",
];
/// How a reload ended.
pub const RELOADS: &[&str] = &["good", "broken"];
/// How a sweep ended.
pub const SWEEPS: &[&str] = &["done", "failed"];
/// What came of spans.
pub const SPANS: &[&str] = &["exported", "dropped"];

/// One label with one of our own words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Word {
    name: &'static str,
    value: &'static str,
}

impl EncodeLabelSet for Word {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        use prometheus_client::encoding::EncodeLabel;
        (self.name, self.value).encode(encoder.encode_label())
    }
}

/// A metric with one label.
#[derive(Debug, Clone)]
pub struct Labelled<M, C = fn() -> M> {
    label: &'static str,
    family: Family<Word, M, C>,
}

/// Counters by a word.
pub type Counters = Labelled<Counter>;
/// Gauges by a word.
pub type Gauges<G = Gauge> = Labelled<G>;
/// Histograms by a word.
pub type Histograms = Labelled<Histogram, fn() -> Histogram>;

impl<M: Clone, C: MetricConstructor<M>> Labelled<M, C> {
    /// Metrics made by `make`, one for each of these words.
    pub fn new(label: &'static str, words: &[&'static str], make: C) -> Self {
        let labelled = Self {
            label,
            family: Family::new_with_constructor(make),
        };
        for word in words {
            labelled.of(word);
        }
        labelled
    }

    /// The one of this word. A word of ours that is in no set is made on its first use.
    pub fn of(&self, word: &'static str) -> M {
        let word = Word {
            name: self.label,
            value: word,
        };
        self.family.get_or_create(&word).clone()
    }

    /// What is registered.
    pub fn family(&self) -> Family<Word, M, C>
    where
        C: Clone,
    {
        self.family.clone()
    }
}
