//! What a rule waits for.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use globset::GlobMatcher;

use crate::event::{FileChange, Origin, Scope, TeamsEvent};
use crate::rule::schedule::Schedule;

/// What a rule waits for, ready to be compared with an event's origin.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// A POST to a hook of `herald.yaml`.
    Hook {
        /// The hook's name.
        hook: String,
        /// The sender's event types that count; empty means any.
        event_types: Vec<String>,
    },
    /// A moment of a schedule.
    Cron {
        /// When.
        schedule: Schedule,
        /// In whose wall clock.
        zone: Tz,
        /// What becomes of a moment at which Herald was not running.
        if_missed: IfMissed,
        /// Days of that wall clock on which nothing fires.
        except_on: BTreeSet<NaiveDate>,
    },
    /// Something Teams tells the bot.
    Teams {
        /// What.
        kind: TeamsEvent,
        /// Where it counts; empty for what can only happen to a team.
        scopes: Vec<Scope>,
        /// Only where nobody had the bot before.
        first_time_only: bool,
    },
    /// A file that appears, changes or vanishes.
    File {
        /// The pattern as written, relative to the workspace, with `/`.
        pattern: String,
        /// The pattern, compiled.
        glob: GlobMatcher,
        /// The changes that count, never empty.
        changes: Vec<FileChange>,
        /// How long the file must have rested.
        settled_for: Duration,
    },
}

/// What becomes of a moment at which Herald was not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfMissed {
    /// Nothing: the next moment counts.
    #[default]
    Skip,
    /// The latest missed one is made up for when Herald starts, once.
    Run,
}

impl Trigger {
    /// How long a file rests before it counts when the author says nothing about it.
    pub const SETTLED_FOR: Duration = Duration::from_secs(2);

    /// Is an event of this origin what the trigger waits for? `rule` and `index` say whose trigger this is and its
    /// place in the rule's `when`: a moment or a file change belongs to one trigger of one rule.
    pub fn meets(&self, rule: &str, index: usize, origin: &Origin) -> bool {
        match (self, origin) {
            (
                Trigger::Hook { hook, event_types },
                Origin::Hook {
                    hook: posted_to,
                    event_type,
                },
            ) => {
                hook == posted_to
                    && (event_types.is_empty()
                        || event_type.as_ref().is_some_and(|posted| event_types.contains(posted)))
            }
            (
                Trigger::Cron { .. },
                Origin::Cron {
                    rule: whose, trigger, ..
                },
            ) => rule == whose && index == *trigger,
            (
                Trigger::Teams {
                    kind,
                    scopes,
                    first_time_only,
                },
                Origin::Teams {
                    kind: happened,
                    scope,
                    first_time,
                },
            ) => {
                kind == happened
                    && (scopes.is_empty() || scopes.contains(scope))
                    && (*first_time || !*first_time_only)
            }
            (
                Trigger::File { changes, .. },
                Origin::File {
                    rule: whose,
                    trigger,
                    change,
                    path: _,
                },
            ) => rule == whose && index == *trigger && changes.contains(change),
            (
                Trigger::Hook { .. } | Trigger::Cron { .. } | Trigger::Teams { .. } | Trigger::File { .. },
                Origin::Hook { .. } | Origin::Cron { .. } | Origin::Teams { .. } | Origin::File { .. },
            ) => false,
        }
    }
}
