//! What a rule waits for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use globset::GlobMatcher;

use crate::event::{FileChange, Origin, Scope, TeamsEvent};
use crate::holiday::Holidays;
use crate::rule::schedule::Schedule;
use crate::rule::target::Target;
use crate::rule::wording::Wording;

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
        /// In each recipient's; `zone` is for those whose own is not known.
        recipients: bool,
        /// What becomes of a moment at which Herald was not running.
        if_missed: IfMissed,
        /// Days of that wall clock on which nothing fires.
        except_on: BTreeSet<NaiveDate>,
        /// Calendars on whose days nothing fires.
        holidays: Vec<Arc<Holidays>>,
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
    /// Somebody writes to the bot.
    Message {
        /// What they say: any of these. Never empty.
        wordings: Vec<Wording>,
        /// Who counts; empty means everybody.
        from: Vec<Target>,
    },
    /// Somebody presses a button of a card.
    Button {
        /// What cards call it: any of these. Never empty.
        buttons: Vec<String>,
        /// Who counts; empty means everybody.
        from: Vec<Target>,
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
    /// A message on a queue of `herald.yaml`.
    Queue {
        /// The queue's name.
        queue: String,
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

    /// From whom it must come; empty means from anybody. Who that is, only the directory knows: [`Trigger::meets`] does
    /// not ask.
    pub fn from(&self) -> &[Target] {
        match self {
            Trigger::Message { from, .. } | Trigger::Button { from, .. } => from,
            Trigger::Hook { .. }
            | Trigger::Cron { .. }
            | Trigger::Teams { .. }
            | Trigger::File { .. }
            | Trigger::Queue { .. } => &[],
        }
    }

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
            (Trigger::Queue { queue }, Origin::Queue { queue: came_on }) => queue == came_on,
            (Trigger::Message { wordings, .. }, Origin::Message { text, .. }) => {
                wordings.iter().any(|wording| wording.is_said(text))
            }
            (Trigger::Button { buttons, .. }, Origin::Button { button, .. }) => buttons.contains(button),
            (_, Origin::Drill { rule: whose, .. }) => rule == whose,
            (_, Origin::Step { .. }) => false,
            (
                Trigger::Hook { .. }
                | Trigger::Cron { .. }
                | Trigger::Teams { .. }
                | Trigger::Message { .. }
                | Trigger::Button { .. }
                | Trigger::File { .. }
                | Trigger::Queue { .. },
                Origin::Hook { .. }
                | Origin::Cron { .. }
                | Origin::Teams { .. }
                | Origin::Message { .. }
                | Origin::Button { .. }
                | Origin::File { .. }
                | Origin::Queue { .. },
            ) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn meets(trigger: &Trigger, origin: &Origin) -> bool {
        trigger.meets("prices", 1, origin)
    }

    #[test]
    fn a_hook_trigger_takes_the_event_types_it_names_or_all() {
        let posted = |hook: &str, event_type: Option<&str>| Origin::Hook {
            hook: hook.to_owned(),
            event_type: event_type.map(str::to_owned),
        };
        let waits_for = |event_types: &[&str]| Trigger::Hook {
            hook: "github".to_owned(),
            event_types: event_types.iter().map(|word| (*word).to_owned()).collect(),
        };
        let any = waits_for(&[]);
        let two = waits_for(&["push", "release"]);
        for (origin, by_any, by_two) in [
            (posted("github", Some("push")), true, true),
            (posted("github", Some("release")), true, true),
            (posted("github", Some("fork")), true, false),
            (posted("github", None), true, false),
            (posted("gitlab", Some("push")), false, false),
        ] {
            assert_eq!(
                (meets(&any, &origin), meets(&two, &origin)),
                (by_any, by_two),
                "{origin:?}"
            );
        }
    }

    #[test]
    fn a_moment_belongs_to_one_trigger_of_one_rule() {
        let trigger = Trigger::Cron {
            schedule: Schedule::parse("0 9 * * *").unwrap(),
            zone: Tz::UTC,
            recipients: false,
            if_missed: IfMissed::Skip,
            except_on: BTreeSet::new(),
            holidays: Vec::new(),
        };
        let moment = |rule: &str, trigger| Origin::Cron {
            rule: rule.to_owned(),
            trigger,
            scheduled_at: DateTime::UNIX_EPOCH,
        };
        assert!(meets(&trigger, &moment("prices", 1)));
        assert!(!meets(&trigger, &moment("prices", 0)));
        assert!(!meets(&trigger, &moment("other", 1)));
    }

    #[test]
    fn an_install_counts_in_the_scopes_named_and_perhaps_only_once() {
        let trigger = |first_time_only| Trigger::Teams {
            kind: TeamsEvent::Installed,
            scopes: vec![Scope::Person, Scope::Team],
            first_time_only,
        };
        let told = |kind, scope, first_time| Origin::Teams {
            kind,
            scope,
            first_time,
        };
        for (origin, always, once) in [
            (told(TeamsEvent::Installed, Scope::Person, true), true, true),
            (told(TeamsEvent::Installed, Scope::Team, false), true, false),
            (told(TeamsEvent::Installed, Scope::Group, true), false, false),
            (told(TeamsEvent::Uninstalled, Scope::Person, true), false, false),
        ] {
            assert_eq!(
                (meets(&trigger(false), &origin), meets(&trigger(true), &origin)),
                (always, once),
                "{origin:?}"
            );
        }
    }

    #[test]
    fn a_message_counts_by_its_words_and_a_button_by_its_name() {
        let message = Trigger::Message {
            wordings: vec![Wording::parse("status").unwrap(), Wording::parse("how is *").unwrap()],
            from: Vec::new(),
        };
        let button = Trigger::Button {
            buttons: vec!["ack".to_owned(), "snooze".to_owned()],
            from: Vec::new(),
        };
        let said = |text: &str| Origin::message(Scope::Person, text);
        let pressed = |button: &str| Origin::Button {
            scope: Scope::Team,
            button: button.to_owned(),
        };
        for (origin, by_message, by_button) in [
            (said("Status"), true, false),
            (said("how is Platform"), true, false),
            (said("ack"), false, false),
            (pressed("ack"), false, true),
            (pressed("snooze"), false, true),
            (pressed("Ack"), false, false),
            (pressed("status"), false, false),
        ] {
            assert_eq!(
                (meets(&message, &origin), meets(&button, &origin)),
                (by_message, by_button),
                "{origin:?}"
            );
        }
    }

    #[test]
    fn a_file_trigger_takes_the_changes_it_names() {
        let trigger = Trigger::File {
            pattern: "prices/*.csv".to_owned(),
            glob: globset::Glob::new("prices/*.csv").unwrap().compile_matcher(),
            changes: vec![FileChange::Created, FileChange::Modified],
            settled_for: Trigger::SETTLED_FOR,
        };
        let happened = |rule: &str, change| Origin::File {
            rule: rule.to_owned(),
            trigger: 1,
            path: "prices/a.csv".to_owned(),
            change,
        };
        assert!(meets(&trigger, &happened("prices", FileChange::Created)));
        assert!(!meets(&trigger, &happened("prices", FileChange::Deleted)));
        assert!(!meets(&trigger, &happened("other", FileChange::Created)));
    }
}
