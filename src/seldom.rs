//! Lines of the log that may come in any number: a few of them are written, the others are counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many lines about one thing are written in a [`WHILE`].
const FEW: u32 = 10;
/// How long it takes until there may be more.
const WHILE: Duration = Duration::from_secs(60);
/// More things than these share one count.
const MOST: usize = 1000;

/// Says what may be written now, by the thing it is about.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<HashMap<String, Said>>);

#[derive(Debug)]
struct Said {
    since: Instant,
    lines: u32,
    unsaid: u64,
}

impl Seldom {
    /// May a line about this be written? If so, how many were left out since the last one.
    pub fn may(&self, about: &str) -> Option<u64> {
        self.may_at(about, Instant::now())
    }

    fn may_at(&self, about: &str, now: Instant) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let about = if said.len() >= MOST && !said.contains_key(about) {
            ""
        } else {
            about
        };
        let said = said.entry(about.to_owned()).or_insert_with(|| Said {
            since: now,
            lines: 0,
            unsaid: 0,
        });
        if now.duration_since(said.since) >= WHILE {
            (said.since, said.lines) = (now, 0);
        }
        if said.lines >= FEW {
            said.unsaid += 1;
            return None;
        }
        said.lines += 1;
        Some(std::mem::take(&mut said.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_writes_a_few_lines_and_the_next_one_says_how_many_were_left_out() {
        let (seldom, now) = (Seldom::default(), Instant::now());
        let written = (0..1000).filter(|_| seldom.may_at("ci", now).is_some()).count();
        assert_eq!(written, 10);
        assert_eq!(seldom.may_at("github", now), Some(0), "another hook is another matter");
        assert_eq!(seldom.may_at("ci", now + WHILE), Some(990));
        assert_eq!(seldom.may_at("ci", now + WHILE), Some(0));
    }
}
