//! A rule's file -> [`Rule`], or everything that is wrong with it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use globset::GlobBuilder;
use indexmap::IndexMap;
use serde_json::Value;

use crate::book::Book;
use crate::card::partial::Partials;
use crate::card::source::CardSource;
use crate::card::template::Template;
use crate::diagnostic::{Fault, Severity, Step, did_you_mean};
use crate::duration;
use crate::event::{FileChange, Scope, TeamsEvent};
use crate::hook::{Format, Hook};
use crate::limit::Limit;
use crate::queue::Queue;
use crate::rule::Rule;
use crate::rule::condition::Condition;
use crate::rule::feed::Feed;
use crate::rule::file::{FileChangeFile, IfMissedFile, PlaceFile, ScopeFile, TriggerFile};
use crate::rule::schedule::Schedule;
use crate::rule::sending::Sending;
use crate::rule::target::{Kind, Target};
use crate::rule::trigger::{IfMissed, Trigger};
use crate::schema::{self, FileKind};
use crate::yaml::{Document, MOST_FAULTS};
use crate::zone;

/// What a rule may refer to.
pub struct Surroundings<'a> {
    /// The hooks of `herald.yaml`; `None` when they are not known because that file is broken.
    pub hooks: Option<&'a IndexMap<String, Hook>>,
    /// The queues of `herald.yaml`; `None` as above.
    pub queues: Option<&'a IndexMap<String, Queue>>,
    /// The zone of schedules that name none.
    pub time_zone: Tz,
    /// Whether Graph may be asked who people and groups are; `None` when that is not known because `herald.yaml` is broken.
    pub look_up: Option<bool>,
    /// The templates that can be used.
    pub templates: &'a IndexMap<String, Arc<Template>>,
    /// Templates that have errors of their own and no earlier version.
    pub broken_templates: &'a BTreeSet<String>,
    /// Pieces that texts may include.
    pub partials: &'a Partials,
    /// The names of `directory.yaml`.
    pub book: &'a Book,
    /// There is such a file and nothing is wrong with it: a name that it lacks can be doubted.
    pub book_is_whole: bool,
}

/// The meaning of a rule's file, and everything that is wrong with it or doubtful. There is a rule exactly when none of
/// the faults is an error. Paths start at the root of the document.
pub fn compile(name: &str, file: &str, document: &Document, around: &Surroundings<'_>) -> (Option<Rule>, Vec<Fault>) {
    let mut compiler = Compiler {
        around,
        shape: shape(document),
        faults: Vec::new(),
    };
    // Whoever has that many to mend begins with these.
    if compiler.shape.len() >= MOST_FAULTS {
        return (None, compiler.shape);
    }
    let root = &document.value;
    let triggers = compiler.triggers(root.get("when"));
    let condition = compiler.condition(root.get("if"));
    let notify = compiler.targets("notify", root.get("notify"), &triggers);
    let except = compiler.targets("except", root.get("except"), &triggers);
    let card = compiler.card(root.get("card"), &triggers);
    let limit = compiler.limit(root.get("limit"));
    let feed = compiler.feed(root.get("feed"), &notify);
    let sending = compiler.sending(root);
    let Compiler { shape, faults, .. } = compiler;
    let faults: Vec<Fault> = shape.into_iter().chain(faults).collect();
    let text = |key: &str| root.get(key).and_then(Value::as_str).map(|text| text.trim().to_owned());
    let rule = match (condition, card, sending) {
        (Some(condition), Some(card), Some(sending))
            if faults.iter().all(|fault| fault.severity == Severity::Warning) =>
        {
            Some(Rule {
                name: name.to_owned(),
                file: file.to_owned(),
                description: text("description").filter(|text| !text.is_empty()),
                owner: text("owner").filter(|text| !text.is_empty()),
                triggers,
                condition,
                notify,
                except,
                card: Arc::new(card),
                feed: feed.map(Arc::new),
                limit,
                sending,
            })
        }
        _ => None,
    };
    (rule, faults)
}

/// In what a rule's file differs from its schema. Its tests are judged where they are run: a broken test takes no rule
/// out of force.
fn shape(document: &Document) -> Vec<Fault> {
    let mut faults = schema::validate(FileKind::Rule, document);
    faults.retain(|fault| fault.path.first() != Some(&Step::from("tests")));
    faults
}

/// How many names of targets are compared with the directory: each comparison looks at all of its aliases.
const MOST_DOUBTED: usize = 1_000;

struct Compiler<'a> {
    around: &'a Surroundings<'a>,
    /// In what the file differs from the schema.
    shape: Vec<Fault>,
    faults: Vec<Fault>,
}

impl Compiler<'_> {
    fn misshapen(&self, path: &[Step]) -> bool {
        self.shape.iter().any(|fault| fault.path.starts_with(path))
    }

    /// Adds what a room found in the piece at `path`. It knows its piece better than the schema does, so what the
    /// schema found there is dropped, unless that is a word of a later version.
    fn judged(&mut self, path: &[Step], found: Vec<Fault>) {
        let failed = found.iter().any(|fault| fault.severity == Severity::Error);
        let later = |fault: &Fault| fault.code == "schema::later" && fault.path.starts_with(path);
        if failed && self.shape.iter().any(later) {
            return;
        }
        let (dropped, kept) = match failed {
            true => std::mem::take(&mut self.shape)
                .into_iter()
                .partition(|fault| fault.path.starts_with(path)),
            false => (Vec::new(), std::mem::take(&mut self.shape)),
        };
        self.shape = kept;
        for mut fault in found {
            fault.path.splice(0..0, path.iter().cloned());
            // The schema may know a way out where the room knows none.
            let same_place = |other: &&Fault| other.path == fault.path;
            fault.help = fault.help.or_else(|| dropped.iter().find(same_place)?.help.clone());
            self.faults.push(fault);
        }
    }

    fn condition(&mut self, written: Option<&Value>) -> Option<Condition> {
        let Some(written) = written else {
            return Some(Condition::always());
        };
        let (condition, found) = parted(Condition::compile(written));
        self.judged(&["if".into()], found);
        condition
    }

    fn card(&mut self, written: Option<&Value>, triggers: &[Trigger]) -> Option<CardSource> {
        let around = self.around;
        let template = match written {
            Some(Value::String(name)) => Some((name, Vec::new())),
            Some(Value::Object(card)) => match card.get("template") {
                Some(Value::String(name)) => Some((name, vec![Step::from("template")])),
                Some(_) | None => None,
            },
            Some(_) | None => None,
        };
        if let Some((name, path)) = template
            && around.broken_templates.contains(name)
        {
            let mut fault = Fault::error(
                "reference::template",
                format!("the template `{name}` has errors of its own"),
            );
            fault.path = path;
            self.judged(&["card".into()], vec![fault]);
            return None;
        }
        let names: Vec<String> = around.templates.keys().cloned().collect();
        let find = |name: &str| around.templates.get(name).cloned();
        let (card, found) = parted(CardSource::compile(written, &find, &names, around.partials));
        self.judged(&["card".into()], found);
        if let Some(CardSource::AsSent) = card {
            let doubt = self.nothing_sent(triggers);
            self.judged(&["card".into()], doubt.into_iter().collect());
        }
        card
    }

    /// What is wrong with a card `as_sent` where nobody sends one.
    fn nothing_sent(&self, triggers: &[Trigger]) -> Option<Fault> {
        let brings = |trigger: &&Trigger| match trigger {
            Trigger::Hook { hook, .. } => self.around.hooks.is_none_or(|hooks| {
                hooks
                    .get(hook)
                    .is_some_and(|hook| hook.formats.contains(&Format::TeamsMessage))
            }),
            Trigger::Cron { .. } | Trigger::File { .. } | Trigger::Teams { .. } | Trigger::Queue { .. } => false,
        };
        let bring = triggers.iter().filter(brings).count();
        let message = "`as_sent` is the card that another program sent, and";
        let help = "wait for a hook with `formats: [teams_message]`, or write another card";
        match bring {
            0 if !triggers.is_empty() => Some(
                Fault::error(
                    "card::as_sent",
                    format!("{message} what this rule waits for brings none"),
                )
                .help(help),
            ),
            some if some < triggers.len() => {
                let message = format!("{message} not all that this rule waits for brings one");
                Some(Fault::warning("card::as_sent", message).help(help))
            }
            _ => None,
        }
    }

    fn limit(&mut self, written: Option<&Value>) -> Option<Limit> {
        let (limit, found) = parted(Limit::compile(written?, self.around.partials));
        self.judged(&["limit".into()], found);
        limit
    }

    /// What activity feeds are told; it must be said when somebody is to be told there.
    fn feed(&mut self, written: Option<&Value>, notify: &[Target]) -> Option<Feed> {
        let Some(written) = written else {
            let place = notify.iter().position(|target| target.kind() == Kind::ActivityFeed)?;
            let fault = Fault::error("feed::form", "nothing says what the activity feed is told")
                .help("add `feed:` to the rule, with `text:`, `topic:` and `link:`")
                .on_key()
                .under("activity_feed");
            self.judged(&["notify".into(), place.into()], vec![fault]);
            return None;
        };
        match Feed::compile(written, self.around.partials) {
            Ok(feed) => Some(feed),
            Err(found) => {
                self.judged(&["feed".into()], found);
                None
            }
        }
    }

    fn sending(&mut self, rule: &Value) -> Option<Sending> {
        let Some(rule) = rule.as_object() else {
            return Some(Sending::default());
        };
        let (sending, found) = parted(Sending::compile(rule, self.around.partials));
        for key in ["urgency", "expires_after", "send"] {
            let (of_it, _): (Vec<_>, Vec<_>) = found
                .iter()
                .cloned()
                .partition(|fault| fault.path.first() == Some(&key.into()));
            let inside = of_it.into_iter().map(|mut fault| {
                fault.path.remove(0);
                fault
            });
            self.judged(&[key.into()], inside.collect());
        }
        sending
    }

    fn targets(&mut self, key: &str, written: Option<&Value>, triggers: &[Trigger]) -> Vec<Target> {
        let Some(Value::Array(items)) = written else {
            return Vec::new();
        };
        let mut targets = Vec::new();
        let mut left = MOST_DOUBTED;
        for (index, item) in items.iter().enumerate() {
            match Target::compile(item, self.around.partials) {
                Ok(target) => {
                    let mut doubts = self.doubts(&target, &mut left);
                    doubts.extend(outside_teams(&target, triggers));
                    doubts.extend(unasked_group(&target, self.around.look_up));
                    self.judged(&[key.into(), index.into()], doubts);
                    targets.push(target);
                }
                Err(found) => self.judged(&[key.into(), index.into()], found),
            }
        }
        targets
    }

    fn doubts(&self, target: &Target, left: &mut usize) -> Vec<Fault> {
        let doubt = |(place, kind, name): (Vec<Step>, Kind, String)| {
            let fault = self.around.book.doubt(kind, &name)?;
            // Names can be display names: without a directory file there is nothing to compare them with.
            let told = fault.severity == Severity::Error || self.around.book_is_whole;
            told.then_some(Fault { path: place, ..fault })
        };
        let names: Vec<_> = target.names().into_iter().take(*left).collect();
        *left -= names.len();
        names.into_iter().filter_map(doubt).collect()
    }

    fn triggers(&mut self, written: Option<&Value>) -> Vec<Trigger> {
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
        let zone = match &file.time_zone {
            Some(written) => kept(zone::parse(written), "time_zone", faults),
            None => Some(self.around.time_zone),
        };
        let mut except_on = BTreeSet::new();
        let days = file.except_on.clone().unwrap_or_default().0;
        let single = days.len() == 1;
        for (index, written) in days.iter().enumerate() {
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
            if_missed: match file.if_missed {
                Some(IfMissedFile::Run) => IfMissed::Run,
                Some(IfMissedFile::Skip) | None => IfMissed::Skip,
            },
            except_on,
        })
    }
}

/// `here` and `sender` are parts of what Teams tells; other events have neither.
fn outside_teams(target: &Target, triggers: &[Trigger]) -> Option<Fault> {
    let (key, what) = match target.kind() {
        Kind::Here => ("here", "where the event came from"),
        Kind::Sender => ("sender", "who caused the event"),
        Kind::Person
        | Kind::People
        | Kind::Group
        | Kind::Channel
        | Kind::MembersOf
        | Kind::ChannelsOf
        | Kind::Everyone
        | Kind::EntraGroup
        | Kind::ActivityFeed => return None,
    };
    let others = triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Hook { .. } => Some("hook"),
        Trigger::Cron { .. } => Some("cron"),
        Trigger::File { .. } => Some("file"),
        Trigger::Queue { .. } => Some("queue"),
        Trigger::Teams { .. } => None,
    });
    let others: Vec<&str> = others.collect();
    let first = others.first()?;
    let message = format!("`{key}` is {what} in Teams, and what `{first}` waits for comes from elsewhere");
    let fault = if others.len() == triggers.len() {
        Fault::error("target::outside_teams", message).label("nobody")
    } else {
        Fault::warning("target::outside_teams", message).label("nobody then")
    };
    Some(fault.help("name a person, group or channel").on_key().under(key))
}

/// Only Graph knows who is in a group of Entra, and it is only asked where the settings say so.
fn unasked_group(target: &Target, look_up: Option<bool>) -> Option<Fault> {
    let unasked = target.kind() == Kind::EntraGroup && look_up == Some(false);
    unasked.then(|| {
        Fault::error(
            "target::graph",
            "`entra_group` asks Microsoft Graph who is in the group, and herald.yaml does not let it",
        )
        .label("nobody")
        .help("add `graph: { look_up: true }` to herald.yaml; docs/teams-setup.md says what an administrator grants")
        .on_key()
        .under("entra_group")
    })
}

/// Result with warnings, or all faults -> what there is, and all faults.
fn parted<T>(result: Result<(T, Vec<Fault>), Vec<Fault>>) -> (Option<T>, Vec<Fault>) {
    match result {
        Ok((value, warnings)) => (Some(value), warnings),
        Err(faults) => (None, faults),
    }
}

fn kept<T>(result: Result<T, Fault>, key: &str, faults: &mut Vec<Fault>) -> Option<T> {
    result.map_err(|fault| faults.push(fault.under(key))).ok()
}

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
    let waits = [
        (TeamsEvent::Installed, file.installed.as_deref().map(scopes)),
        (TeamsEvent::Uninstalled, file.uninstalled.as_deref().map(scopes)),
        (TeamsEvent::MemberAdded, file.member_added.as_deref().map(places)),
        (TeamsEvent::MemberRemoved, file.member_removed.as_deref().map(places)),
        (TeamsEvent::ChannelCreated, file.channel_created.map(|_| Vec::new())),
        (TeamsEvent::ChannelRenamed, file.channel_renamed.map(|_| Vec::new())),
        (TeamsEvent::ChannelDeleted, file.channel_deleted.map(|_| Vec::new())),
        (TeamsEvent::ChannelRestored, file.channel_restored.map(|_| Vec::new())),
        (TeamsEvent::TeamRenamed, file.team_renamed.map(|_| Vec::new())),
        (TeamsEvent::TeamDeleted, file.team_deleted.map(|_| Vec::new())),
        (TeamsEvent::TeamRestored, file.team_restored.map(|_| Vec::new())),
        (TeamsEvent::TeamArchived, file.team_archived.map(|_| Vec::new())),
        (TeamsEvent::TeamUnarchived, file.team_unarchived.map(|_| Vec::new())),
    ];
    let (kind, scopes) = waits.into_iter().find_map(|(kind, scopes)| Some((kind, scopes?)))?;
    Some(Trigger::Teams {
        kind,
        scopes,
        first_time_only: file.first_time_only.unwrap_or(false),
    })
}
