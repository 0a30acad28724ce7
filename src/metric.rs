//! Every metric, in one list. Labels are closed sets of our own words, never text from outside.

pub mod front;

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

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

/// The counters and gauges of a running Herald.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    events: Family<Word, Counter>,
    hooks: Family<Word, Counter>,
    settled: Family<Word, Counter>,
    answers: Family<Word, Counter>,
    activities: Family<Word, Counter>,
    reloads: Family<Word, Counter>,
    held_back: Counter,
    deliveries: Family<Word, Gauge>,
    suspended: Family<Word, Gauge>,
    broken_files: Gauge,
    rules: Gauge,
    last_reload: Gauge<f64, AtomicU64>,
    latency: Histogram,
    /// The front door.
    pub front: front::Front,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("herald");
        let metrics = Self {
            events: Family::default(),
            hooks: Family::default(),
            settled: Family::default(),
            answers: Family::default(),
            activities: Family::default(),
            reloads: Family::default(),
            held_back: Counter::default(),
            deliveries: Family::default(),
            suspended: Family::default(),
            broken_files: Gauge::default(),
            rules: Gauge::default(),
            last_reload: Gauge::default(),
            latency: Histogram::new(exponential_buckets(0.01, 2.0, 16)),
            front: front::Front::default(),
            registry: Registry::default(),
        };
        metrics.front.register(&mut registry);
        registry.register("events", "Events decided, by origin", metrics.events.clone());
        registry.register(
            "hook_requests",
            "Requests to hooks, by what came of them",
            metrics.hooks.clone(),
        );
        registry.register(
            "attempts",
            "Attempts at delivering, by verdict",
            metrics.settled.clone(),
        );
        registry.register("teams_answers", "Answers of Teams, by kind", metrics.answers.clone());
        registry.register(
            "teams_activities",
            "Activities from Teams, by what came of them",
            metrics.activities.clone(),
        );
        registry.register(
            "reloads",
            "Reloads of the workspace, by result",
            metrics.reloads.clone(),
        );
        registry.register(
            "held_back",
            "Cards that the limit of a rule held back",
            metrics.held_back.clone(),
        );
        registry.register(
            "deliveries",
            "Deliveries in the store, by state",
            metrics.deliveries.clone(),
        );
        registry.register(
            "broken_files",
            "Files of the workspace that are broken now",
            metrics.broken_files.clone(),
        );
        registry.register(
            "suspended",
            "Whether Teams refuses the bot, and in how many tenants it is switched off",
            metrics.suspended.clone(),
        );
        registry.register("rules", "Rules in force", metrics.rules.clone());
        registry.register_with_unit(
            "last_good_reload",
            "When the workspace was last read without an error",
            Unit::Seconds,
            metrics.last_reload.clone(),
        );
        registry.register_with_unit(
            "delivery_latency",
            "From the decision to Teams' acceptance",
            Unit::Seconds,
            metrics.latency.clone(),
        );
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// An event of this origin was decided.
    pub fn event(&self, origin: &'static str) {
        self.events
            .get_or_create(&Word {
                name: "origin",
                value: origin,
            })
            .inc();
    }

    /// A request to a hook ended: `accepted`, `repeat`, `handshake`, `refused`, `bad_body`, `too_slow`, `too_many`, `busy`,
    /// `unavailable`.
    pub fn hook(&self, outcome: &'static str) {
        self.hooks
            .get_or_create(&Word {
                name: "outcome",
                value: outcome,
            })
            .inc();
    }

    /// An attempt was settled: `delivered`, `retry`, `dead`.
    pub fn settled(&self, verdict: &'static str) {
        self.settled
            .get_or_create(&Word {
                name: "verdict",
                value: verdict,
            })
            .inc();
    }

    /// Teams answered a send in this way.
    pub fn answer(&self, kind: &'static str) {
        self.answers
            .get_or_create(&Word {
                name: "kind",
                value: kind,
            })
            .inc();
    }

    /// An activity arrived: `heard`, `refused`, `bad_body`, `too_slow`, `busy`, `unavailable`.
    pub fn activity(&self, outcome: &'static str) {
        self.activities
            .get_or_create(&Word {
                name: "outcome",
                value: outcome,
            })
            .inc();
    }

    /// The workspace was read: how many rules are in force, how many files are broken.
    pub fn reloaded(&self, rules: usize, broken_files: usize, at: chrono::DateTime<chrono::Utc>) {
        let result = if broken_files == 0 { "good" } else { "broken" };
        self.reloads
            .get_or_create(&Word {
                name: "result",
                value: result,
            })
            .inc();
        self.rules.set(rules as i64);
        self.broken_files.set(broken_files as i64);
        if broken_files == 0 {
            self.last_reload.set(at.timestamp() as f64);
        }
    }

    /// So many cards were held back by the limit of a rule.
    pub fn held_back(&self, count: usize) {
        self.held_back.inc_by(count as u64);
    }

    /// How many deliveries are in this state now.
    pub fn deliveries(&self, state: &'static str, count: u64) {
        let gauge = self
            .deliveries
            .get_or_create(&Word {
                name: "state",
                value: state,
            })
            .clone();
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Teams refuses the bot as a whole, and it is switched off in so many tenants.
    pub fn suspended(&self, bot: bool, tenants: usize) {
        for (value, count) in [("bot", usize::from(bot)), ("tenant", tenants)] {
            let gauge = self.suspended.get_or_create(&Word { name: "scope", value });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// A delivery took this many seconds from decision to acceptance.
    pub fn delivered_after(&self, seconds: f64) {
        self.latency.observe(seconds.max(0.0));
    }

    /// Everything in Prometheus' (OpenMetrics) text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing into a String cannot fail");
        text
    }
}
