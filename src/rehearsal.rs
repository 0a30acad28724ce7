//! Rules tried out: events on a virtual clock, through the very functions that `serve` uses, in a world that is made up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::audience::Audience;
use crate::card::Card;
use crate::delivery::{DeliveryId, Recipient, WindowId};
use crate::duration;
use crate::event::{Event, EventId, FileChange, Origin, Sender};
use crate::gathering::{Gathering, Item};
use crate::judge::{Judged, is_from, judge, named, not_excepted, settle};
use crate::limit::{HeldBack, Window, Windows};
use crate::matter::keep::Keeping;
use crate::matter::told::Told;
use crate::matter::{Matter, MatterId};
use crate::plan::{self, plan};
use crate::quiet::Silenced;
use crate::roster::ConversationId;
use crate::rule::Rule;
use crate::rule::condition::Verdicts;
use crate::rule::moment::Planned;
use crate::rule::ruleset::Ruleset;
use crate::rule::settling::Settling;
use crate::rule::trigger::Trigger;
use crate::storm::Recent;
use crate::timer::{Task, Timer, TimerId};
use crate::workspace::Workspace;

mod attended;
pub mod case;
pub mod choices;
pub mod difference;
pub mod expect;
pub mod given;
mod lives;
mod noise;
mod step;
pub mod suite;
pub mod talk;
pub mod world;

pub use step::Answers;
pub use world::World;

/// What a rule made of an event.
#[derive(Debug, Clone)]
pub struct Made {
    /// When, by the virtual clock.
    pub at: DateTime<Utc>,
    /// What happened, in words.
    pub what: String,
    /// The conversation in Teams that it came from.
    pub here: Option<ConversationId>,
    /// Who caused it in Teams.
    pub sender: Option<Sender>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an event under one rule.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "a test has a handful, and nearly all of them match"
)]
pub enum Outcome {
    /// The rule waits for something else; why, in a sentence.
    NotMet(String),
    /// A line of `if` does not hold.
    NoMatch(Verdicts),
    /// The rule told somebody, or tried to.
    Matched(Matched),
}

/// What a rule that matched did.
#[derive(Debug, Clone, Default)]
pub struct Matched {
    /// Its condition, line by line.
    pub verdicts: Verdicts,
    /// Who got which card.
    pub sent: Vec<Sent>,
    /// Whose card changed in its place, and what it is now.
    pub updated: Vec<Sent>,
    /// What became of what the rule has going on about it.
    pub told: Option<Told>,
    /// What whoever pressed a button is told.
    pub answer: Option<String>,
    /// Targets that nobody can be told through: what the author wrote, and why.
    pub untold: Vec<(String, String)>,
    /// Who gets nothing this time because of the rule's limit.
    pub held_back: Vec<HeldBack>,
    /// Who gets which card when their quiet hours end.
    pub later: Vec<Later>,
    /// Who gets nothing this time because of quiet hours.
    pub silenced: Vec<Silenced>,
    /// Places whose members the test does not name.
    pub members_needed: Vec<String>,
    /// What did not print or resolve as meant.
    pub warnings: Vec<String>,
}

impl Made {
    /// Nobody is told, now or later.
    fn came_to_nothing(&self) -> bool {
        match &self.outcome {
            Outcome::NotMet(_) | Outcome::NoMatch(_) => true,
            Outcome::Matched(matched) => matched.told_nobody(),
        }
    }
}

impl Matched {
    /// Nobody was told, and none of the targets says why: whoever was named is excepted.
    pub fn told_nobody(&self) -> bool {
        self.told.is_none()
            && self.sent.is_empty()
            && self.untold.is_empty()
            && self.held_back.is_empty()
            && self.later.is_empty()
            && self.silenced.is_empty()
            && self.members_needed.is_empty()
    }
}

/// A card that somebody would get.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Who.
    pub recipient: Recipient,
    /// What.
    pub card: Arc<Card>,
}

/// A card that waits until somebody's quiet hours end.
#[derive(Debug, Clone)]
pub struct Later {
    /// Who, and what.
    pub card: Sent,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why, in a sentence.
    pub reason: String,
}

/// A stage with its clock.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    workspace: &'a Workspace,
    /// Whom it knows.
    pub world: World,
    now: DateTime<Utc>,
    /// The windows of limits, as the store keeps them.
    windows: BTreeMap<WindowId, Window>,
    /// What is gathered, with its items.
    gathered: BTreeMap<WindowId, (Gathering, Vec<Item>)>,
    /// What was sent lately.
    recent: Arc<Recent>,
    /// What the rule has going on, as the store keeps it.
    pub matters: BTreeMap<MatterId, Matter>,
    /// What is still to be done.
    pub timers: BTreeMap<TimerId, Timer>,
    /// What other programs answer.
    pub answers: Answers,
    /// Who has which card.
    shown: BTreeMap<DeliveryId, Sent>,
    settling: Settling<EventId>,
    /// Changes of files that have not rested long enough, by path.
    resting: BTreeMap<String, Resting>,
    /// Cards that wait until quiet hours end.
    overnight: Vec<Later>,
    /// How many moments came.
    runs: usize,
}

#[derive(Debug)]
struct Resting {
    event: Event,
    change: FileChange,
    what: String,
    rest: Duration,
    due_at: DateTime<Utc>,
}

impl<'a> Rehearsal<'a> {
    /// How many moments of schedules a rehearsal brings; what comes after them is left out, which is told.
    pub const MOST_RUNS: usize = 10_000;

    /// A stage on which it is `now`.
    pub fn new(workspace: &'a Workspace, world: World, now: DateTime<Utc>) -> Self {
        Self {
            workspace,
            world,
            now,
            windows: BTreeMap::new(),
            gathered: BTreeMap::new(),
            recent: Arc::default(),
            matters: BTreeMap::new(),
            timers: BTreeMap::new(),
            answers: Answers::default(),
            shown: BTreeMap::new(),
            settling: Settling::default(),
            resting: BTreeMap::new(),
            overnight: Vec::new(),
            runs: 0,
        }
    }

    /// The virtual clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Sets the clock, without anything happening meanwhile.
    pub fn set_clock(&mut self, now: DateTime<Utc>) {
        self.now = now;
    }

    /// Begins anew with the windows of limits, and with what the rules have going on.
    pub fn forget_windows(&mut self) {
        self.windows.clear();
        self.gathered.clear();
        self.recent.forget();
        self.matters.clear();
        self.timers.clear();
        self.shown.clear();
    }

    /// What `rule` makes of `event` now. `what` is the event in words.
    pub fn tell(&mut self, rule: &Arc<Rule>, event: &Event, what: &str) -> Made {
        let outcome = match self.attend(event) {
            Some(answered) => Outcome::NotMet(answered),
            None => {
                self.world.learn(event);
                self.outcome(rule, event)
            }
        };
        Made {
            at: self.now,
            what: what.to_owned(),
            here: event.here.clone(),
            sender: event.sender.clone(),
            outcome,
        }
    }

    fn outcome(&mut self, rule: &Arc<Rule>, event: &Event) -> Outcome {
        if let (Some(split), None) = (&rule.split, &event.item) {
            return self.apart(rule, split, event);
        }
        let ruleset = Ruleset::new(self.workspace.ruleset.revision.clone(), vec![rule.clone()]);
        let rules = ruleset.triggered_by(event);
        let judged = judge(event, &rules, self.workspace.settings.time_zone, self.now).pop();
        let Some(Judged {
            rule,
            mut scope,
            verdicts,
        }) = judged
        else {
            return Outcome::NotMet(given::waits_for(rule));
        };
        if !verdicts.holds {
            return Outcome::NoMatch(verdicts);
        }
        let book = &self.workspace.book;
        let named = named(rule, &scope, book, event);
        if let Some(callers) = &named.from {
            let found = self.world.audience(callers, self.now);
            let line = is_from(event, callers, &found);
            if !line.holds && !is_one_of(event, &found) {
                let mut lines = verdicts.lines;
                lines.push(line);
                return Outcome::NoMatch(Verdicts { holds: false, lines });
            }
        }
        let mut told = self.world.audience(&named.told, self.now);
        let except = self.world.audience(&named.excepted, self.now);
        let first = self.world.audience(&named.first, self.now);
        let mut members_needed: Vec<String> = told
            .rosters_needed
            .iter()
            .chain(&except.rosters_needed)
            .chain(&first.rosters_needed)
            .map(|id| self.world.name_of_place(id))
            .collect();
        members_needed.sort();
        members_needed.dedup();
        let mut notes = std::mem::take(&mut told.notes);
        notes.extend(not_excepted(&except));
        let mut audience = settle(
            rule,
            event,
            told,
            first,
            &except,
            book,
            self.workspace.settings.time_zone,
        );
        let keeping = self.keep(rule, event, &mut scope, &mut audience);
        if keeping.as_ref().is_some_and(Keeping::knows_everybody) {
            members_needed.clear();
        }
        let windows = Windows {
            known: plan::windows(rule, &scope, &audience)
                .into_iter()
                .filter_map(|id| Some((id.clone(), self.windows.get(&id)?.clone())))
                .collect(),
            gathered: self
                .gatherings(plan::gatherings(rule, event, &scope, &audience))
                .collect(),
            recent: self.recent.clone(),
            by_steps: rule.sending.by_steps(audience.reached.len(), audience.first),
            ..Windows::default()
        };
        let mut planned = plan(
            rule,
            event,
            scope.clone(),
            &audience,
            &windows,
            &ruleset.revision,
            self.now,
        );
        let lived = self.kept(keeping, rule, event, &scope, &audience, &mut planned);
        self.take_in(std::mem::take(&mut planned.windows));
        let cards: BTreeMap<_, _> = planned
            .cards
            .into_iter()
            .map(|card| (card.id(), Arc::new(card)))
            .collect();
        if rule.lives() {
            self.note(&planned.deliveries, &cards);
        }
        let (mut sent, mut later, mut untold) = (Vec::new(), Vec::new(), Vec::new());
        for delivery in planned.deliveries {
            match delivery.card_id.as_ref().and_then(|id| cards.get(id)) {
                Some(card) => {
                    let card = Sent {
                        recipient: delivery.recipient,
                        card: card.clone(),
                    };
                    match delivery.terms.held_until {
                        Some(until) => later.push(Later {
                            card,
                            until,
                            reason: delivery.reason.unwrap_or_default(),
                        }),
                        None => sent.push(card),
                    }
                }
                None => untold.push((delivery.recipient.name, delivery.reason.unwrap_or_default())),
            }
        }
        let zone = self.workspace.settings.time_zone;
        let stopped = audience.stopped.iter();
        untold.extend(stopped.map(|stopped| (stopped.recipient.clone(), stopped.reason(zone))));
        let mut warnings = planned.warnings;
        warnings.extend(named.warnings.into_vec().into_iter().chain(notes).chain(lived.warnings));
        if !audience.sifted.unknown.is_empty() {
            warnings.extend(audience.sifted.told());
        }
        self.overnight.extend(later.iter().cloned());
        Outcome::Matched(Matched {
            verdicts,
            sent,
            later,
            updated: lived.updated,
            told: lived.told,
            answer: None,
            untold,
            held_back: planned.held_back,
            silenced: planned.silenced,
            members_needed,
            warnings,
        })
    }

    /// A file changes now. What is no file's change, is told at once; a file's change once it has rested.
    pub fn change(&mut self, rule: &Arc<Rule>, event: Event, what: &str) -> Option<Made> {
        let Origin::File {
            trigger, path, change, ..
        } = &event.origin
        else {
            return Some(self.tell(rule, &event, what));
        };
        let rest = match rule.triggers.get(*trigger) {
            Some(Trigger::File { settled_for, .. }) => *settled_for,
            Some(
                Trigger::Hook { .. }
                | Trigger::Cron { .. }
                | Trigger::Teams { .. }
                | Trigger::Queue { .. }
                | Trigger::Message { .. }
                | Trigger::Button { .. },
            )
            | None => Duration::ZERO,
        };
        let (path, change) = (path.clone(), *change);
        let change = match (self.resting.remove(&path).map(|before| before.change), change) {
            // It comes and goes before anybody looks.
            (Some(FileChange::Created), FileChange::Deleted) => {
                self.settling.keep(|other| other != path);
                return None;
            }
            (Some(FileChange::Created), FileChange::Created | FileChange::Modified) => FileChange::Created,
            (Some(FileChange::Deleted), FileChange::Created) => FileChange::Modified,
            (_, change) => change,
        };
        match self.settling.look(&path, Some(event.id.clone()), self.now, rest) {
            Some(left) => {
                let due_at = self.now + left;
                let what = what.to_owned();
                let resting = Resting {
                    event,
                    change,
                    what,
                    rest,
                    due_at,
                };
                self.resting.insert(path, resting);
                None
            }
            None => Some(self.tell(rule, &changed(event, change), what)),
        }
    }

    /// Lets time pass until `until`. The moments of the rule's schedules come meanwhile, and files come to rest.
    pub fn wait(&mut self, rule: &Arc<Rule>, until: DateTime<Utc>) -> Vec<Made> {
        let schedules: Vec<Planned> = schedules(rule);
        let mut made = Vec::new();
        loop {
            let before = self.now;
            let zones = self.zones();
            let next = |planned: &Planned| match planned.recipients {
                true => planned.next_in_any(zones.iter().copied(), before),
                false => planned.next_after(before),
            };
            let moments = schedules.iter().filter_map(next);
            let rested = self.resting.values().map(|resting| resting.due_at);
            let mornings = self.overnight.iter().map(|later| later.until);
            let timers = self.timers.values().map(|timer| timer.due_at.max(before));
            let next_of_all = moments.chain(rested).chain(mornings).chain(timers).min();
            let Some(at) = next_of_all.filter(|at| *at <= until) else {
                break;
            };
            if self.runs == Self::MOST_RUNS {
                let reason = format!("a test lets schedules run {} times at most", Self::MOST_RUNS);
                made.push(Made {
                    at: self.now,
                    what: "the schedule".to_owned(),
                    here: None,
                    sender: None,
                    outcome: Outcome::NotMet(reason),
                });
                break;
            }
            self.runs += 1;
            self.now = at;
            made.extend(self.morning(at));
            let due = self.timers.values().filter(|timer| timer.due_at <= at);
            let mut due: Vec<Timer> = due.cloned().collect();
            due.sort_by_key(|timer| timer.due_at);
            for timer in due {
                self.timers.remove(&timer.id);
                made.extend(self.due(rule, &timer));
            }
            for planned in schedules.iter().filter(|planned| next(planned) == Some(at)) {
                let shown_in = |zone: &Tz| planned.next_in(*zone, before) == Some(at);
                let zone = std::iter::once(planned.zone)
                    .chain(zones.iter().copied())
                    .find(shown_in);
                let event = planned.event_in(zone.unwrap_or(planned.zone), at, false);
                let told = self.tell(rule, &event, "the schedule");
                // Where nobody lives whom the rule tells, nothing comes of it.
                let matters = !planned.recipients || zone == Some(planned.zone) || !told.came_to_nothing();
                made.extend(matters.then_some(told));
            }
            let due = self.resting.iter().filter(|(_, resting)| resting.due_at <= at);
            let due: Vec<String> = due.map(|(path, _)| path.clone()).collect();
            for path in due {
                let Some(mut resting) = self.resting.remove(&path) else {
                    continue;
                };
                match self
                    .settling
                    .look(&path, Some(resting.event.id.clone()), at, resting.rest)
                {
                    Some(left) => {
                        resting.due_at = at + left;
                        self.resting.insert(path, resting);
                    }
                    None => {
                        let event = changed(resting.event, resting.change);
                        made.push(self.tell(rule, &event, &resting.what));
                    }
                }
            }
        }
        self.now = self.now.max(until);
        made
    }

    /// The cards that waited for this moment.
    fn morning(&mut self, at: DateTime<Utc>) -> Option<Made> {
        let (due, later) = std::mem::take(&mut self.overnight)
            .into_iter()
            .partition(|later| later.until <= at);
        self.overnight = later;
        let sent: Vec<Sent> = Vec::<Later>::into_iter(due).map(|later| later.card).collect();
        (!sent.is_empty()).then(|| Made {
            at,
            what: "quiet hours ended".to_owned(),
            here: None,
            sender: None,
            outcome: Outcome::Matched(Matched {
                sent,
                ..Matched::default()
            }),
        })
    }

    /// The zones in which anybody lives.
    fn zones(&self) -> Vec<Tz> {
        let usual = self.workspace.settings.time_zone;
        let written = self.workspace.book.people().filter_map(|entry| entry.time_zone);
        let mut zones: Vec<Tz> = std::iter::once(usual)
            .chain(written)
            .chain(self.world.zones())
            .collect();
        zones.sort_by_key(|zone| zone.name());
        zones.dedup();
        zones
    }

    /// Does what a timer is for.
    fn due(&mut self, rule: &Arc<Rule>, timer: &Timer) -> Option<Made> {
        match &timer.task {
            Task::Wake { matter } => self.wake(rule, timer, matter),
            Task::Step { matter, step: _ } => self.step(rule, timer, matter),
            Task::Digest { window } => self.tell_gathered(rule, window),
        }
    }

    /// Changes of files that have not come to rest by now.
    pub fn unrested(&self) -> Vec<Made> {
        let unrested = self.resting.values().map(|resting| Made {
            at: self.now,
            what: resting.what.clone(),
            here: None,
            sender: None,
            outcome: Outcome::NotMet(format!(
                "the file has not been left alone for {} yet: let time pass with `wait`",
                duration::words(resting.rest)
            )),
        });
        unrested.collect()
    }
}

/// Whether the person behind a recorded event is one of these by address or name: ids in a sample are those of another
/// world.
fn is_one_of(event: &Event, callers: &Audience) -> bool {
    let by = |key: &str| event.data["by"][key].as_str().filter(|text| !text.is_empty());
    let (name, email) = (by("name"), by("email"));
    let mut people = callers.reached.iter().filter_map(|reached| reached.person.as_ref());
    people.any(|person| {
        (name.is_some() && person.name.as_deref() == name) || (email.is_some() && person.email.as_deref() == email)
    })
}

/// The event, with what happened to the file since the rule last heard of it.
fn changed(mut event: Event, now: FileChange) -> Event {
    if let Origin::File { change, .. } = &mut event.origin {
        *change = now;
    }
    event.data["change"] = serde_json::json!(now);
    event
}

/// The schedules of a rule.
pub fn schedules(rule: &Rule) -> Vec<Planned> {
    let triggers = rule.triggers.iter().enumerate();
    triggers
        .filter_map(|(index, trigger)| Planned::of(&rule.name, index, trigger))
        .collect()
}
