//! A rule's file -> [`Rule`], or everything that is wrong with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono_tz::Tz;
use indexmap::IndexMap;
use serde_json::Value;

use crate::book::Book;
use crate::card::partial::Partials;
use crate::card::source::CardSource;
use crate::card::template::Template;
use crate::diagnostic::{Fault, Severity, Step};
use crate::hook::{Format, Hook};
use crate::limit::Limit;
use crate::queue::Queue;
use crate::quiet::policy::{Calendars, Policy, QuietTime, Said};
use crate::rate::Rate;
use crate::rotation::OnCall;
use crate::rule::Rule;
use crate::rule::condition::Condition;
use crate::rule::courtesy::{Courtesy, House};
use crate::rule::feed::Feed;
use crate::rule::field::Field;
use crate::rule::sending::Sending;
use crate::rule::target::{Kind, Target};
use crate::rule::then::Then;
use crate::rule::trigger::Trigger;
use crate::schema::{self, FileKind};
use crate::settings::Calls;
use crate::yaml::{Document, MOST_FAULTS};

mod fields;
mod living;
mod noise;
mod then;
mod trigger;

/// What a rule may refer to.
pub struct Surroundings<'a> {
    /// The hooks of `herald.yaml`; `None` when they are not known because that file is broken.
    pub hooks: Option<&'a IndexMap<String, Hook>>,
    /// The queues of `herald.yaml`; `None` as above.
    pub queues: Option<&'a IndexMap<String, Queue>>,
    /// The zone of schedules that name none.
    pub time_zone: Tz,
    /// The storm breaker of rules that say nothing about theirs.
    pub storm: Option<Rate>,
    /// Calendars of holidays.
    pub holidays: &'a Calendars,
    /// The quiet hours of rules that say nothing about them.
    pub quiet_hours: Option<&'a Policy>,
    /// Whether Graph may be asked who people and groups are; `None` when that is not known because `herald.yaml` is broken.
    pub look_up: Option<bool>,
    /// Whether Graph may be asked for department, office and other fields of people; `None` as above.
    pub profiles: Option<bool>,
    /// The hosts that steps may call; `None` as above.
    pub calls: Option<&'a Calls>,
    /// The templates that can be used.
    pub templates: &'a IndexMap<String, Arc<Template>>,
    /// Templates that have errors of their own and no earlier version.
    pub broken_templates: &'a BTreeSet<String>,
    /// Pieces that texts may include.
    pub partials: &'a Partials,
    /// What is decided for all rules that tell people.
    pub house: House<'a>,
    /// The names of `directory.yaml`.
    pub book: &'a Book,
    /// Who takes turns.
    pub on_call: Arc<OnCall>,
    /// What follows from a name or a field that is not in it.
    pub directory: Directory,
}

/// What is known of `directory.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directory {
    /// There is none: names may be display names, and nobody has fields of the workspace's own.
    None,
    /// Nothing is wrong with it: a name that it lacks can be doubted.
    Whole,
    /// It cannot be read, or is not looked at: nothing follows.
    Unsure,
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
    let split = compiler.split(root.get("split"));
    let condition = compiler.condition(root.get("if"));
    compiler.no_item(condition.as_ref(), root);
    let notify = compiler.targets("notify", root.get("notify"), &triggers);
    let except = compiler.targets("except", root.get("except"), &triggers);
    let card = compiler.card(root.get("card"), &triggers);
    let mut limit = compiler.limit(root.get("limit"));
    let quiet = compiler.quiet(root.get("quiet_hours"));
    let digest = compiler.digest(root, &mut limit, &notify, &quiet);
    let own_storm = compiler.storm(root.get("storm"));
    let feed = compiler.feed(root.get("feed"), &notify);
    let sending = compiler.sending(root);
    let then = compiler.then(root, &triggers);
    let living = compiler.living(root, &triggers, &notify, card.as_ref());
    let courtesy = compiler.courtesy(root, &notify);
    let Compiler { shape, faults, .. } = compiler;
    let faults: Vec<Fault> = shape.into_iter().chain(faults).collect();
    // Whoever asks for nothing is told nothing: there may be many rotations.
    let of_steps = |then: &Then| then.cards().any(|card| card.reads("on_call"));
    let reads_on_call = card.as_ref().is_some_and(|card| card.reads("on_call"))
        || then.as_ref().is_some_and(of_steps)
        || root.to_string().contains("on_call");
    let text = |key: &str| root.get(key).and_then(Value::as_str).map(|text| text.trim().to_owned());
    let rule = match (condition, card, sending, courtesy) {
        (Some(condition), Some(card), Some(sending), Some(courtesy))
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
                digest,
                storm: noise::breaker(own_storm, around.storm, sending.urgency),
                split,
                sending,
                on_call: if reads_on_call {
                    around.on_call.clone()
                } else {
                    Arc::default()
                },
                then: then.map(Arc::new),
                living: Arc::new(living),
                quiet,
                courtesy,
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
        let (condition, mut found) = parted(Condition::compile(written));
        let paths = condition.iter().flat_map(Condition::paths);
        found.extend(paths.filter_map(|path| Field::doubt_before_steps(&path)).take(1));
        self.judged(&["if".into()], found);
        condition
    }

    fn card(&mut self, written: Option<&Value>, triggers: &[Trigger]) -> Option<CardSource> {
        self.card_at(&["card".into()], written, triggers)
    }

    /// The card that is written at `place`.
    fn card_at(&mut self, place: &[Step], written: Option<&Value>, triggers: &[Trigger]) -> Option<CardSource> {
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
            self.judged(place, vec![fault]);
            return None;
        }
        let names: Vec<String> = around.templates.keys().cloned().collect();
        let find = |name: &str| around.templates.get(name).cloned();
        let (card, found) = parted(CardSource::compile(written, &find, &names, around.partials));
        self.judged(place, found);
        if card.as_ref().is_some_and(CardSource::is_as_sent) {
            let doubt = self.nothing_sent(triggers);
            self.judged(place, doubt.into_iter().collect());
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
            Trigger::Cron { .. }
            | Trigger::File { .. }
            | Trigger::Teams { .. }
            | Trigger::Message { .. }
            | Trigger::Button { .. }
            | Trigger::Queue { .. } => false,
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

    /// When the rule's cards wait.
    fn quiet(&mut self, written: Option<&Value>) -> QuietTime {
        let around = self.around;
        let said = match written.map(Policy::compile) {
            None => Said::Nothing,
            Some(Ok(None)) => Said::None,
            Some(Ok(Some(policy))) => {
                let unknown = policy.unknown(around.holidays);
                self.judged(&["quiet_hours".into()], unknown);
                Said::Policy(policy)
            }
            Some(Err(found)) => {
                self.judged(&["quiet_hours".into()], found);
                Said::Nothing
            }
        };
        QuietTime::of(&said, around.quiet_hours, around.holidays)
    }

    fn courtesy(&mut self, rule: &Value, notify: &[Target]) -> Option<Courtesy> {
        let Some(rule) = rule.as_object() else {
            return Some(Courtesy::default());
        };
        let (courtesy, found) =
            parted(Courtesy::compile(rule, notify, self.around.house).map(|done| (done, Vec::new())));
        for mut fault in found {
            let key = if fault.path.is_empty() {
                None
            } else {
                Some(fault.path.remove(0))
            };
            self.judged(key.as_slice(), vec![fault]);
        }
        courtesy
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
                    doubts.extend(fields::unknown(&target, self.around));
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
            let told = fault.severity == Severity::Error || self.around.directory == Directory::Whole;
            told.then_some(Fault { path: place, ..fault })
        };
        let names: Vec<_> = target.names().into_iter().take(*left).collect();
        *left -= names.len();
        names.into_iter().filter_map(doubt).collect()
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
        | Kind::ActivityFeed
        | Kind::Webhook => return None,
    };
    let others = triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Hook { .. } => Some("hook"),
        Trigger::Cron { .. } => Some("cron"),
        Trigger::File { .. } => Some("file"),
        Trigger::Queue { .. } => Some("queue"),
        Trigger::Teams { .. } | Trigger::Message { .. } | Trigger::Button { .. } => None,
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
