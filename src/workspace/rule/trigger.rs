//! `when:` -> [`Trigger`]s, or everything that is wrong with them.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDate;
use globset::GlobBuilder;
use serde_json::{Value, json};

use super::{Compiler, MOST_DOUBTED};
use crate::card::button;
use crate::diagnostic::{Fault, Step, did_you_mean};
use crate::duration;
use crate::event::{FileChange, Scope, TeamsEvent};
use crate::one_or_many::OneOrMany;
use crate::quiet::policy::no_calendar;
use crate::rule::file::{FileChangeFile, IfMissedFile, PlaceFile, ScopeFile, TriggerFile, Yes};
use crate::rule::schedule::Schedule;
use crate::rule::target::Target;
use crate::rule::trigger::{IfMissed, Trigger};
use crate::rule::wording::Wording;
use crate::zone;

/// In place of a zone: each recipient's own.
const RECIPIENT: &str = "recipient";

impl Compiler<'_> {
    pub(super) fn triggers(&mut self, written: Option<&Value>) -> Vec<Trigger> {
        let places: Vec<(Vec<Step>, &Value)> = match written {
            Some(Value::Array(items)) => {
                let place = |(index, item)| (vec![Step::from("when"), Step::Index(index)], item);
                items.iter().enumerate().map(place).collect()
            }
            Some(one) => vec![(vec![Step::from("when")], one)],
            None => Vec::new(),
        };
        let mut triggers = Vec::new();
        for (path, written) in places {
            if self.misshapen(&path) {
                self.sound_parts(&path, written);
                continue;
            }
            match serde_json::from_value::<TriggerFile>(written.clone()) {
                Ok(file) => {
                    let (trigger, found) = self.trigger(&file);
                    self.judged(&path, found);
                    triggers.extend(trigger);
                }
                Err(error) => self.judged(&path, vec![Fault::error("schema::form", error.to_string())]),
            }
        }
        triggers
    }

    /// What else is wrong with a trigger of which the schema does not take some keys: an author mends all of it at once.
    fn sound_parts(&mut self, path: &[Step], written: &Value) {
        let mut rest = written.clone();
        for fault in self.shape.iter().filter(|fault| fault.path.starts_with(path)) {
            match (fault.path.get(path.len()), rest.as_object_mut()) {
                (Some(Step::Key(key)), Some(keys)) => {
                    keys.shift_remove(key);
                }
                // The trigger as a whole is something else.
                _ => return,
            }
        }
        let Ok(file) = serde_json::from_value::<TriggerFile>(rest) else {
            return;
        };
        let (_, found) = self.trigger(&file);
        for mut fault in found.into_iter().filter(|fault| fault.code != "schema::missing_key") {
            fault.path.splice(0..0, path.iter().cloned());
            self.faults.push(fault);
        }
    }

    fn trigger(&self, file: &TriggerFile) -> (Option<Trigger>, Vec<Fault>) {
        let mut faults = Vec::new();
        let trigger = if let Some(hook) = &file.hook {
            self.hook(hook, file, &mut faults)
        } else if let Some(cron) = &file.cron {
            self.cron(cron, file, &mut faults)
        } else if let Some(pattern) = &file.file {
            watched(pattern, file, &mut faults)
        } else if let Some(queue) = &file.queue {
            self.queue(queue, &mut faults)
        } else if let Some(wordings) = &file.message {
            self.message(wordings, file, &mut faults)
        } else if let Some(buttons) = &file.button {
            self.button(buttons, file, &mut faults)
        } else {
            teams(file)
        };
        if trigger.is_none() && faults.is_empty() {
            faults.push(Fault::error("schema::missing_key", "this trigger waits for nothing"));
        }
        (trigger, faults)
    }

    fn hook(&self, name: &str, file: &TriggerFile, faults: &mut Vec<Fault>) -> Option<Trigger> {
        let event_types = file.event_type.clone().unwrap_or_default().0;
        if let Some(hooks) = self.around.hooks {
            let Some(hook) = hooks.get(name) else {
                let fault = Fault::error("reference::hook", format!("there is no hook `{name}` in herald.yaml"))
                    .label("not declared")
                    .under("hook");
                let declare = format!(
                    "declare it under `hooks:` in herald.yaml: `{name}: {{ signature: bearer, secret: {}_TOKEN }}`",
                    name.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
                );
                faults.push(match did_you_mean(name, hooks.keys().map(String::as_str)) {
                    Some(near) => fault.help(format!("did you mean `{near}`? otherwise {declare}")),
                    None => fault.help(declare),
                });
                return None;
            };
            if !event_types.is_empty() && !hook.names_event_types() {
                let fault = Fault::error(
                    "rule::event_type",
                    format!("the hook `{name}` is not told its event types"),
                )
                .label("never met")
                .help(format!(
                    "with `signature: {}` a sender names none; use `if:` and a field of the event instead",
                    hook.authentication.word()
                ));
                faults.push(fault.on_key().under("event_type"));
            }
        }
        Some(Trigger::Hook {
            hook: name.to_owned(),
            event_types,
        })
    }

    fn message(&self, written: &OneOrMany<String>, file: &TriggerFile, faults: &mut Vec<Fault>) -> Option<Trigger> {
        let wordings = each(written, "message", faults, Wording::parse);
        let from = self.from(file, faults);
        Some(Trigger::Message {
            wordings: wordings?,
            from: from?,
        })
    }

    fn button(&self, written: &OneOrMany<String>, file: &TriggerFile, faults: &mut Vec<Fault>) -> Option<Trigger> {
        let buttons = each(written, "button", faults, button::name);
        let from = self.from(file, faults);
        Some(Trigger::Button {
            buttons: buttons?,
            from: from?,
        })
    }

    /// Who counts; empty for everybody.
    fn from(&self, file: &TriggerFile, faults: &mut Vec<Fault>) -> Option<Vec<Target>> {
        let Some(names) = &file.from else {
            return Some(Vec::new());
        };
        let named = |fault: Fault| {
            let rest = fault.path.iter().skip(1).cloned();
            Fault {
                path: std::iter::once(Step::from("from")).chain(rest).collect(),
                ..fault
            }
        };
        match Target::compile(&json!({ "people": names.0 }), self.around.partials) {
            Ok(target) => {
                let mut left = MOST_DOUBTED;
                faults.extend(self.doubts(&target, &mut left).into_iter().map(named));
                if !target.paths().is_empty() {
                    let fault =
                        Fault::error("rule::from", "who may do this is written out, not taken from the event");
                    faults.push(
                        fault
                            .under("from")
                            .help("name people, or an audience of directory.yaml"),
                    );
                }
                Some(vec![target])
            }
            Err(found) => {
                faults.extend(found.into_iter().map(named));
                None
            }
        }
    }

    fn queue(&self, name: &str, faults: &mut Vec<Fault>) -> Option<Trigger> {
        if let Some(queues) = self.around.queues
            && !queues.contains_key(name)
        {
            let fault = Fault::error("reference::queue", format!("there is no queue `{name}` in herald.yaml"))
                .label("not declared")
                .under("queue");
            let declare = format!(
                "declare it under `queues:` in herald.yaml: `{name}: {{ kind: event_hubs, brokers: \
                 contoso.servicebus.windows.net, topic: {name}, secret: {}_CONNECTION_STRING }}`",
                name.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
            );
            faults.push(match did_you_mean(name, queues.keys().map(String::as_str)) {
                Some(near) => fault.help(format!("did you mean `{near}`? otherwise {declare}")),
                None => fault.help(declare),
            });
            return None;
        }
        Some(Trigger::Queue { queue: name.to_owned() })
    }

    fn cron(&self, written: &str, file: &TriggerFile, faults: &mut Vec<Fault>) -> Option<Trigger> {
        let schedule = kept(Schedule::parse(written), "cron", faults);
        let recipients = file.time_zone.as_deref().is_some_and(|zone| zone.trim() == RECIPIENT);
        let zone = match file.time_zone.as_ref().filter(|_| !recipients) {
            Some(written) => kept(zone::parse(written), "time_zone", faults),
            None => Some(self.around.time_zone),
        };
        let mut except_on = BTreeSet::new();
        let mut holidays = Vec::new();
        let days = file.except_on.clone().unwrap_or_default().0;
        let single = days.len() == 1;
        for (index, written) in days.iter().enumerate() {
            let is_name = !written.trim().starts_with(|c: char| c.is_ascii_digit());
            if is_name && !self.around.holidays.is_empty() {
                match self.around.holidays.get(written.trim()) {
                    Some(calendar) => holidays.push(calendar.clone()),
                    None => {
                        let fault = no_calendar(written, self.around.holidays);
                        faults.push(match single {
                            true => fault.under("except_on"),
                            false => fault.under(index).under("except_on"),
                        });
                    }
                }
                continue;
            }
            match day(written) {
                Ok(day) => {
                    except_on.insert(day);
                }
                // A list of one and a single day are the same by now; underlining the key is right for both.
                Err(fault) if single => faults.push(fault.under("except_on")),
                Err(fault) => faults.push(fault.under(index).under("except_on")),
            }
        }
        Some(Trigger::Cron {
            schedule: schedule?,
            zone: zone?,
            recipients,
            if_missed: match file.if_missed {
                Some(IfMissedFile::Run) => IfMissed::Run,
                Some(IfMissedFile::Skip) | None => IfMissed::Skip,
            },
            except_on,
            holidays,
        })
    }
}

fn kept<T>(result: Result<T, Fault>, key: &str, faults: &mut Vec<Fault>) -> Option<T> {
    result.map_err(|fault| faults.push(fault.under(key))).ok()
}

/// What `read` makes of each text under `key`; at least one.
fn each<T>(
    written: &OneOrMany<String>,
    key: &str,
    faults: &mut Vec<Fault>,
    read: impl Fn(&str) -> Result<T, Fault>,
) -> Option<Vec<T>> {
    let several = written.0.len() > 1;
    if written.0.is_empty() || written.0.len() > MOST_WORDINGS {
        let message = match written.0.len() {
            0 => format!("the list under `{key}` is empty"),
            count => format!("`{key}` has at most {MOST_WORDINGS} entries, this one {count}"),
        };
        faults.push(Fault::error("rule::message", message).under(key));
        return None;
    }
    let mut all = Vec::new();
    for (index, text) in written.0.iter().enumerate() {
        match read(text) {
            Ok(one) => all.push(one),
            // A list of one and a single text are the same by now; underlining the key is right for both.
            Err(fault) if several => faults.push(fault.under(index).under(key)),
            Err(fault) => faults.push(fault.under(key)),
        }
    }
    (all.len() == written.0.len()).then_some(all)
}

/// How many wordings or buttons one trigger may wait for.
const MOST_WORDINGS: usize = 100;

fn day(written: &str) -> Result<NaiveDate, Fault> {
    NaiveDate::parse_from_str(written.trim(), "%Y-%m-%d").map_err(|_| {
        Fault::error("rule::date", format!("`{}` is not a day", written.trim()))
            .help("write year, month and day: `2026-12-24`")
    })
}

/// How long a file may have to rest before it counts.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

/// How long a pattern of paths may be, in bytes: far below what its compiler gives up on, which it does with a panic.
const LONGEST_PATTERN: usize = 1_024;

fn watched(pattern: &str, file: &TriggerFile, faults: &mut Vec<Fault>) -> Option<Trigger> {
    let pattern = pattern.trim().trim_start_matches("./");
    let misplaced = |message: &str, help: &str| Some(Fault::error("rule::file", message).help(help).under("file"));
    let wrong = if pattern.is_empty() {
        misplaced(
            "there is no file to wait for",
            "write a path from the workspace, such as `prices/*.csv`",
        )
    } else if pattern.len() > LONGEST_PATTERN {
        misplaced(
            "this pattern of paths is longer than 1024 bytes",
            "write `*` for any name, or a trigger for each folder",
        )
    } else if pattern.contains('\\') {
        misplaced("a path is written with `/`", "write `prices/*.csv`")
    } else if pattern.starts_with('/') || pattern.get(1..3) == Some(":/") || pattern.starts_with('~') {
        misplaced(
            "a watched file lies below the workspace",
            "write its path from the folder of herald.yaml; a link in the workspace may lead elsewhere",
        )
    } else if pattern.split('/').any(|part| part == "..") {
        misplaced(
            "a watched file lies below the workspace",
            "take out the `..`; a link in the workspace may lead elsewhere",
        )
    } else {
        None
    };
    // What is wrong already is not compiled: one that is too long would panic.
    let built = wrong.is_none().then(|| {
        let mut builder = GlobBuilder::new(pattern);
        builder.literal_separator(true).backslash_escape(false).build()
    });
    let glob = match built {
        Some(Ok(glob)) => Some(glob.compile_matcher()),
        Some(Err(error)) => {
            let fault = Fault::error(
                "rule::file",
                format!("this is not a pattern of paths: {}", error.kind()),
            )
            .help("`*` stands for any name, `**` for any folders, `{csv,xlsx}` for one of several");
            faults.push(fault.under("file"));
            None
        }
        None => None,
    };
    faults.extend(wrong);
    let settled_for = match file.settled_for.as_deref().map(duration::parse) {
        None => Trigger::SETTLED_FOR,
        Some(Ok(rest)) if rest <= LONGEST_REST => rest,
        Some(Ok(_)) => {
            let fault = Fault::error("rule::settled_for", "a file can be made to rest for an hour at most");
            faults.push(
                fault
                    .help("a few seconds are enough for most programs that write files")
                    .under("settled_for"),
            );
            return None;
        }
        Some(Err(fault)) => {
            faults.push(fault.under("settled_for"));
            return None;
        }
    };
    let changes = match &file.change {
        None => vec![FileChange::Created, FileChange::Modified],
        Some(written) => written
            .iter()
            .map(|change| match change {
                FileChangeFile::Created => FileChange::Created,
                FileChangeFile::Modified => FileChange::Modified,
                FileChangeFile::Deleted => FileChange::Deleted,
            })
            .collect(),
    };
    Some(Trigger::File {
        pattern: pattern.to_owned(),
        glob: glob?,
        changes,
        settled_for,
    })
}

fn teams(file: &TriggerFile) -> Option<Trigger> {
    let scopes = |written: &[ScopeFile]| -> Vec<Scope> {
        let scope = |scope: &ScopeFile| match scope {
            ScopeFile::Person => Scope::Person,
            ScopeFile::Group => Scope::Group,
            ScopeFile::Team => Scope::Team,
        };
        written.iter().map(scope).collect()
    };
    let places = |written: &[PlaceFile]| -> Vec<Scope> {
        let scope = |place: &PlaceFile| match place {
            PlaceFile::Group => Scope::Group,
            PlaceFile::Team => Scope::Team,
        };
        written.iter().map(scope).collect()
    };
    let there = |key: Option<Yes>| key.map(|_| Vec::new());
    let waits = TeamsEvent::ALL.into_iter().find_map(|kind| {
        let scopes = match kind {
            TeamsEvent::Installed => file.installed.as_deref().map(scopes),
            TeamsEvent::Uninstalled => file.uninstalled.as_deref().map(scopes),
            TeamsEvent::MemberAdded => file.member_added.as_deref().map(places),
            TeamsEvent::MemberRemoved => file.member_removed.as_deref().map(places),
            TeamsEvent::ChannelCreated => there(file.channel_created),
            TeamsEvent::ChannelRenamed => there(file.channel_renamed),
            TeamsEvent::ChannelDeleted => there(file.channel_deleted),
            TeamsEvent::ChannelRestored => there(file.channel_restored),
            TeamsEvent::ChannelShared => there(file.channel_shared),
            TeamsEvent::ChannelUnshared => there(file.channel_unshared),
            TeamsEvent::ChannelMemberAdded => there(file.channel_member_added),
            TeamsEvent::ChannelMemberRemoved => there(file.channel_member_removed),
            TeamsEvent::TeamRenamed => there(file.team_renamed),
            TeamsEvent::TeamDeleted => there(file.team_deleted),
            TeamsEvent::TeamHardDeleted => there(file.team_hard_deleted),
            TeamsEvent::TeamRestored => there(file.team_restored),
            TeamsEvent::TeamArchived => there(file.team_archived),
            TeamsEvent::TeamUnarchived => there(file.team_unarchived),
            TeamsEvent::PersonDeleted => there(file.person_deleted),
            TeamsEvent::ReactionAdded => there(file.reaction_added),
            TeamsEvent::ReactionRemoved => there(file.reaction_removed),
            TeamsEvent::MessageEdited => there(file.message_edited),
            TeamsEvent::MessageDeleted => there(file.message_deleted),
            TeamsEvent::MessageRestored => there(file.message_restored),
        };
        Some((kind, scopes?))
    });
    let (kind, scopes) = waits?;
    Some(Trigger::Teams {
        kind,
        scopes,
        first_time_only: file.first_time_only.unwrap_or(false),
    })
}
