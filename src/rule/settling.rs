//! Changes of files that have not rested long enough to count.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// What was last seen of files that differ from what is known, and since when they look like that. `S` is what a file
/// looks like; `None` stands for a file that is gone.
#[derive(Debug, Clone)]
pub struct Settling<S> {
    unsettled: BTreeMap<String, (Option<S>, DateTime<Utc>)>,
}

impl<S> Default for Settling<S> {
    fn default() -> Self {
        Self {
            unsettled: BTreeMap::new(),
        }
    }
}

impl<S: PartialEq> Settling<S> {
    /// Forgets the files that do not differ any more.
    pub fn keep(&mut self, differs: impl Fn(&str) -> bool) {
        self.unsettled.retain(|path, _| differs(path));
    }

    /// Takes note that the file looks like `state` at `now`. `None` when it has looked like that for `rest`: its change
    /// counts now and is forgotten here. Otherwise how long it still has to rest.
    pub fn look(&mut self, path: &str, state: Option<S>, now: DateTime<Utc>, rest: Duration) -> Option<Duration> {
        let since = match self.unsettled.get(path) {
            Some((same, since)) if *same == state => *since,
            Some(_) | None => {
                self.unsettled.insert(path.to_owned(), (state, now));
                now
            }
        };
        let waited = (now - since).to_std().unwrap_or_default();
        if waited < rest {
            return Some(rest - waited);
        }
        self.unsettled.remove(path);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_once_it_was_left_alone_for_long_enough() {
        let mut settling: Settling<u8> = Settling::default();
        let start = DateTime::UNIX_EPOCH;
        let at = |seconds: i64| start + chrono::Duration::seconds(seconds);
        let rest = Duration::from_secs(5);
        assert_eq!(settling.look("a", Some(1), at(0), rest), Some(rest));
        assert_eq!(settling.look("a", Some(1), at(3), rest), Some(Duration::from_secs(2)));
        assert_eq!(settling.look("a", Some(2), at(4), rest), Some(rest), "it changed again");
        assert_eq!(settling.look("a", Some(2), at(9), rest), None);
        assert_eq!(settling.look("a", None, at(10), rest), Some(rest), "it is gone now");
        settling.keep(|path| path != "a");
        assert_eq!(
            settling.look("a", None, at(15), rest),
            Some(rest),
            "it came back in between"
        );
        assert_eq!(settling.look("b", Some(1), at(0), Duration::ZERO), None);
    }
}
