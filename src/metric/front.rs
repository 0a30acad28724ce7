//! The numbers of the front door.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Word;

/// The numbers of the front door.
#[derive(Debug, Default)]
pub struct Front {
    open: Gauge,
    closed: Family<Word, Counter>,
    not_accepted: Counter,
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

    /// Herald closed a connection: `slow_head`, `slow_body`, `slow_reader`, `idle`, `crowded`, `stop`, `other`.
    pub fn closed(&self, reason: &'static str) {
        self.closed
            .get_or_create(&Word {
                name: "reason",
                value: reason,
            })
            .inc();
    }

    /// A connection could not be accepted.
    pub fn not_accepted(&self) {
        self.not_accepted.inc();
    }
}
