//! Keeps the log from being flooded: of one sentence, so many lines a minute and no more. What is left out is counted, and
//! the count is told.
//!
//! A log line is a constant sentence with fields, so equal messages are those of one place in the code. Teams being away
//! with ten thousand cards waiting is one cause, not ten thousand.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// How long lines are counted together.
pub const PERIOD: Duration = Duration::from_secs(60);
/// Lines of one sentence in that time: those that warn, and those that tell.
const WARNINGS: u32 = 60;
const TOLD: u32 = 600;

/// The counts. Clones count together. There is one for each place in the code that logs, so they are bounded.
#[derive(Clone, Default)]
pub struct LogLimit(Arc<Mutex<HashMap<Identifier, Lines>>>);

struct Lines {
    since: Instant,
    written: u32,
    left_out: u64,
    sentence: String,
}

impl LogLimit {
    fn lets_through(&self, event: &Event<'_>, now: Instant) -> bool {
        let most = match *event.metadata().level() {
            Level::ERROR | Level::WARN => WARNINGS,
            Level::INFO => TOLD,
            // Whoever asks for these wants all of them.
            Level::DEBUG | Level::TRACE => return true,
        };
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.entry(event.metadata().callsite()).or_insert_with(|| Lines {
            since: now,
            written: 0,
            left_out: 0,
            sentence: String::new(),
        });
        if now.saturating_duration_since(lines.since) >= PERIOD {
            (lines.since, lines.written) = (now, 0);
        }
        if lines.written < most {
            lines.written += 1;
            return true;
        }
        if lines.left_out == 0 {
            let mut sentence = Sentence(String::new());
            event.record(&mut sentence);
            lines.sentence = sentence.0;
        }
        lines.left_out += 1;
        false
    }

    /// Says what was left out since this was asked last.
    pub fn tell(&self) {
        let left_out: Vec<(String, u64)> = {
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let quiet = lines.values_mut().filter(|lines| lines.left_out > 0);
            quiet
                .map(|lines| (std::mem::take(&mut lines.sentence), std::mem::take(&mut lines.left_out)))
                .collect()
        };
        for (sentence, count) in left_out {
            warn!(
                sentence,
                count, "log lines were left out, there were too many of one kind"
            );
        }
    }
}

impl<S: Subscriber> Layer<S> for LogLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.lets_through(event, Instant::now())
    }
}

/// Reads the sentence of an event.
struct Sentence(String);

impl Visit for Sentence {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tracing::{debug, info};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("nobody panicked").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn ten_thousand_lines_of_one_cause_are_a_few_and_a_count_and_hide_no_other() {
        let (limit, paper) = (LogLimit::default(), Paper::default());
        let writer = paper.clone();
        let log = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone());
        let log = tracing_subscriber::registry().with(limit.clone()).with(log);
        tracing::subscriber::with_default(log, || {
            for delivery in 0..10_000 {
                warn!(delivery, "delivery given up");
                info!(delivery, "delivery will be tried again");
            }
            warn!("something else");
            limit.tell();
            limit.tell();
            debug!("all of these");
        });
        let text = String::from_utf8(paper.0.lock().expect("nobody panicked").clone()).expect("text");
        let count = |sentence: &str| text.lines().filter(|line| line.contains(sentence)).count();
        // One more each: the line that tells what was left out.
        assert_eq!(count("delivery given up"), 61, "{text}");
        assert_eq!(count("delivery will be tried again"), 601);
        assert_eq!(count("something else"), 1);
        assert_eq!(count("log lines were left out"), 2);
        assert_eq!(count("sentence=\"delivery given up\" count=9940"), 1, "{text}");
    }
}
