//! The numbers of the front door.

use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The numbers of the front door.
#[derive(Debug)]
pub struct Front {
    open: Gauge,
    closed: Family<Reason, Counter>,
    not_accepted: Counter,
}

/// Why Herald closed a connection by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The head of a request did not arrive in time.
    SlowHead,
    /// Nor did its body.
    SlowBody,
    /// The answer was not read in time.
    SlowReader,
    /// No further request came.
    Idle,
    /// It made room for another.
    Crowded,
    /// Herald stops.
    Stop,
}

impl Reason {
    const ALL: [Reason; 6] = [
        Reason::SlowHead,
        Reason::SlowBody,
        Reason::SlowReader,
        Reason::Idle,
        Reason::Crowded,
        Reason::Stop,
    ];

    fn word(self) -> &'static str {
        match self {
            Reason::SlowHead => "slow_head",
            Reason::SlowBody => "slow_body",
            Reason::SlowReader => "slow_reader",
            Reason::Idle => "idle",
            Reason::Crowded => "crowded",
            Reason::Stop => "stop",
        }
    }
}

impl EncodeLabelSet for Reason {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        ("reason", self.word()).encode(encoder.encode_label())
    }
}

impl Default for Front {
    fn default() -> Self {
        let closed = Family::default();
        // All are there from the start, so that the first one is a rise and not a new series.
        for reason in Reason::ALL {
            drop(closed.get_or_create(&reason));
        }
        Self {
            open: Gauge::default(),
            closed,
            not_accepted: Counter::default(),
        }
    }
}

impl Front {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("connections", "Connections that are open", self.open.clone());
        registry.register(
            "connections_closed",
            "Connections that Herald closed by itself, by reason",
            self.closed.clone(),
        );
        registry.register(
            "connections_not_accepted",
            "Times that no connection could be accepted, for want of open files mostly",
            self.not_accepted.clone(),
        );
    }

    /// So many connections are open.
    pub fn open(&self, count: usize) {
        self.open.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Herald closed a connection.
    pub fn closed(&self, reason: Reason) {
        self.closed.get_or_create(&reason).inc();
    }

    /// A connection could not be accepted.
    pub fn not_accepted(&self) {
        self.not_accepted.inc();
    }
}
