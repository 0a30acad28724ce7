//! How the store is doing: how long writes take, how many share a sync, how often it failed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// What a store counts while it works. Clones count together.
#[derive(Debug, Clone)]
pub struct Meter {
    /// From the first change of a group to the end of its sync, in seconds.
    pub write: Histogram,
    /// How many changes shared one sync.
    pub group: Histogram,
    /// How often the store failed and had to be opened again.
    pub failures: Counter,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            // 0.25 ms to 8 s.
            write: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
            group: Histogram::new(exponential_buckets(1.0, 2.0, 9)),
            failures: Counter::default(),
        }
    }
}

impl Meter {
    /// A group of so many changes is on disk after this time.
    pub fn wrote(&self, changes: usize, took: Duration) {
        self.write.observe(took.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a group is small")]
        self.group.observe(changes as f64);
    }
}

/// Says how many bytes a store has on disk; it may look at files, so ask where waiting is fine.
#[derive(Clone)]
pub struct Size(Arc<dyn Fn() -> Option<u64> + Send + Sync>);

impl Size {
    /// A size that is found out in this way.
    pub fn new(ask: impl Fn() -> Option<u64> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// The size now; `None` while it cannot be said.
    pub fn bytes(&self) -> Option<u64> {
        (self.0)()
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Size")
    }
}
