//! Percentiles of what was measured.

use std::time::Duration;

/// Durations in the order of their length.
#[derive(Debug, Clone, Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Of these, in any order.
    pub fn of(measured: impl IntoIterator<Item = Duration>) -> Self {
        let mut measured: Vec<_> = measured.into_iter().collect();
        measured.sort_unstable();
        Self(measured)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The shortest duration that at least `percent` of all do not exceed (nearest rank); zero when there are none.
    pub fn percentile(&self, percent: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank within a list in memory"
        )]
        let rank = (percent / 100.0 * self.0.len() as f64).ceil() as usize;
        let place = rank.clamp(1, self.0.len().max(1)) - 1;
        self.0.get(place).copied().unwrap_or_default()
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    /// `p50 1.2 ms, p99 8.0 ms, longest 9.1 ms`
    pub fn in_words(&self) -> String {
        format!(
            "p50 {}, p99 {}, longest {}",
            span(self.percentile(50.0)),
            span(self.percentile(99.0)),
            span(self.longest())
        )
    }
}

/// `870 µs`, `1.2 ms`, `3.4 s`
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}
