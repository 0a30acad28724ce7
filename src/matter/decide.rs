//! What an event does to a matter, and what somebody does who presses a button. The same arguments give the same answer,
//! so that whoever was overtaken looks again and decides again.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Mark, Matter, MatterId};
use crate::card::text::Warnings;
use crate::event::{Event, Origin, Sender};
use crate::plan;
use crate::rule::Rule;
use crate::rule::condition::Verdicts;
use crate::rule::living::{IfNotOpen, Track};
use crate::timer::{Task, Timer, TimerId};
use crate::words::{Language, Phrase, fill, say};

/// How many characters of a value of `track.by` are kept to be shown.
const LONGEST_ABOUT: usize = 200;

/// What an event does to the matter that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    /// It is the first that is heard of it, or of it again.
    Opens,
    /// More is heard of it.
    Updates,
    /// It is over.
    Closes,
    /// It would be over, but there is none.
    NotOpen,
    /// It is older than what is known already.
    Late,
    /// The event was told of it before; some of those who are told were not known then.
    Again,
}

/// An event of a rule that lives, and what is known when it is decided.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The event.
    pub event: &'a Event,
    /// What the rule sees of it.
    pub scope: &'a Value,
    /// The ruleset that decides.
    pub revision: &'a str,
    /// The event was decided for this rule before: it goes on with those who were not known then.
    pub again: bool,
    /// The zone of the workspace.
    pub zone: Tz,
    /// The time.
    pub now: DateTime<Utc>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What the event does.
    pub course: Course,
    /// The matter after that. With [`Course::NotOpen`] and [`Course::Late`] it is not kept.
    pub matter: Matter,
    /// The version that this was decided on.
    pub before: Option<u64>,
    /// The lines of `closed_when`, if it was asked.
    pub closing: Option<Verdicts>,
}

impl Course {
    /// Something is kept of it.
    pub fn is_kept(self) -> bool {
        match self {
            Course::Opens | Course::Updates | Course::Closes | Course::Again => true,
            Course::NotOpen | Course::Late => false,
        }
    }
}

/// The matter that an event is about: its id, and what it is about in words.
///
/// Without `track`, and when `by` comes to nothing, each event is a matter of its own; so is each drill, which must not
/// touch what really happened.
pub fn subject(rule: &Rule, event: &Event, scope: &Value, seen: &mut Warnings) -> (MatterId, String) {
    let of_its_own = || (MatterId::of(&rule.name, event.id.as_str()), event.id.to_string());
    let Some(track) = &rule.living.track else {
        return of_its_own();
    };
    if matches!(event.origin, Origin::Drill { .. }) {
        return of_its_own();
    }
    let value = track.by.plain(scope, seen).trim().to_owned();
    if value.is_empty() {
        seen.add(format!(
            "`by: {}` of `track` came to nothing; the event stands for itself",
            track.by.source()
        ));
        return of_its_own();
    }
    let about = match value.char_indices().nth(LONGEST_ABOUT) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.clone(),
    };
    (MatterId::of(&rule.name, &value), about)
}

/// What the event does to its matter, given as it is `stored`.
///
/// An event that is older, by its sender's clock, than the newest one that was told changes nothing; nor does one that is
/// no newer than the one that closed the matter. So it comes to the same in whatever order events come in.
pub fn arrival(arrival: Arrival<'_>, stored: Option<&Matter>, seen: &mut Warnings) -> Decided {
    let Arrival {
        rule,
        event,
        scope,
        now,
        ..
    } = arrival;
    let (id, about) = subject(rule, event, scope, seen);
    let before = stored.map(|matter| matter.version);
    let decided = |course, matter, closing| Decided {
        course,
        matter,
        before,
        closing,
    };
    if let (true, Some(known)) = (arrival.again, stored) {
        return decided(Course::Again, known.clone(), None);
    }
    let track = rule.living.track.as_ref();
    let drill = matches!(event.origin, Origin::Drill { .. });
    let closing = track
        .filter(|_| !drill)
        .and_then(|track| track.closed_when.as_ref())
        .map(|condition| condition.evaluate(scope));
    let closes = closing.as_ref().is_some_and(|verdicts| verdicts.holds);
    let late = match (track, stored) {
        (Some(track), Some(known)) => is_late(&arrival, track, known, seen),
        (Some(_) | None, _) => false,
    };
    match stored {
        Some(known) if late => decided(Course::Late, known.clone(), closing),
        Some(known) if known.is_open() => {
            let mut matter = known.clone();
            matter.events = matter.events.saturating_add(1);
            matter.event = event.clone();
            matter.changed_at = now;
            if closes {
                close(&mut matter, None, now);
                return decided(Course::Closes, matter, closing);
            }
            decided(Course::Updates, matter, closing)
        }
        Some(_) | None => {
            let mut matter = opened(&arrival, id, about, stored);
            if closes {
                matter.closed = Some(Mark { at: now, by: None });
                let course = match track.map(|track| track.if_not_open) {
                    Some(IfNotOpen::Send) => Course::Opens,
                    Some(IfNotOpen::Nothing) | None => Course::NotOpen,
                };
                return decided(course, matter, closing);
            }
            decided(Course::Opens, matter, closing)
        }
    }
}

fn opened(arrival: &Arrival<'_>, id: MatterId, about: String, stored: Option<&Matter>) -> Matter {
    // Buttons of an earlier card with the same value are told from those of this one by this instant.
    let after = stored.map(|known| known.opened_at + TimeDelta::milliseconds(1));
    Matter {
        id,
        rule: arrival.rule.name.clone(),
        about,
        revision: arrival.revision.to_owned(),
        opened_at: after.map_or(arrival.now, |after| after.max(arrival.now)),
        changed_at: arrival.now,
        event: arrival.event.clone(),
        events: 1,
        acknowledged: None,
        snoozed_until: None,
        opened: None,
        closed: None,
        deliveries: Vec::new(),
        timers: Vec::new(),
        state: Map::new(),
        steps: None,
        version: 0,
    }
}

/// Is the event older than what is known? Where one of the two does not say when it happened, the order counts in which
/// they came in.
fn is_late(arrival: &Arrival<'_>, track: &Track, known: &Matter, seen: &mut Warnings) -> bool {
    let Some(happened_at) = &track.happened_at else {
        return false;
    };
    let Some(this) = moment(&happened_at.evaluate(arrival.scope, seen)) else {
        seen.add(format!(
            "`happened_at: {}` of `track` came to no point in time; the event counts as newer than all before it",
            happened_at.source()
        ));
        return false;
    };
    let scope = plan::scope(&known.event, arrival.rule, arrival.zone, arrival.now);
    let Some(newest) = moment(&happened_at.evaluate(&scope, &mut Warnings::new())) else {
        return false;
    };
    match known.is_open() {
        true => this < newest,
        // Whoever closes by hand closes what the card showed.
        false => this <= newest,
    }
}

/// A point in time as senders write it: RFC 3339, or seconds or milliseconds since 1970.
fn moment(value: &Value) -> Option<DateTime<Utc>> {
    const MILLISECONDS_FROM: f64 = 100_000_000_000.0;
    let of_number = |number: f64| {
        let milliseconds = match number.abs() < MILLISECONDS_FROM {
            true => number * 1_000.0,
            false => number,
        };
        #[expect(clippy::cast_possible_truncation, reason = "the conversion saturates")]
        DateTime::from_timestamp_millis(milliseconds as i64)
    };
    match value {
        Value::String(text) => match DateTime::parse_from_rfc3339(text.trim()) {
            Ok(at) => Some(at.with_timezone(&Utc)),
            Err(_) => of_number(text.trim().parse().ok()?),
        },
        Value::Number(number) => of_number(number.as_f64()?),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The timer that brings the matter back.
pub fn alarm(matter: &Matter) -> TimerId {
    TimerId::derived(&["wake", matter.id.as_str()])
}

/// Puts the matter off, or does so no longer.
fn put_off(matter: &mut Matter, until: Option<DateTime<Utc>>) {
    let alarm = alarm(matter);
    matter.timers.retain(|timer| *timer != alarm);
    // What has a timer is kept until then.
    matter.timers.extend(until.map(|_| alarm));
    matter.snoozed_until = until;
}

fn close(matter: &mut Matter, by: Option<&Sender>, now: DateTime<Utc>) {
    matter.closed = Some(Mark {
        at: now,
        by: by.cloned(),
    });
    put_off(matter, None);
    matter.changed_at = now;
}

/// What somebody does who presses a button of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// They take care of it.
    Acknowledge,
    /// It can wait for so long.
    Snooze(TimeDelta),
    /// It is over.
    Close,
}

/// What came of a press.
#[derive(Debug, Clone)]
pub struct Pressed {
    /// The matter after it; `None` if nothing changes.
    pub matter: Option<Matter>,
    /// What whoever pressed is told.
    pub sentence: String,
}

/// What the press does to the matter. Of two who press the same the first one counts, and the other hears who it was; what
/// is closed stays closed. They are told in this `language`.
pub fn press(matter: &Matter, deed: Deed, by: &Sender, zone: Tz, language: Language, now: DateTime<Utc>) -> Pressed {
    let same = |sentence: String| Pressed { matter: None, sentence };
    let words = |phrase| say(language, phrase).to_owned();
    let at = |phrase, moment| fill(language, phrase, &[("time", &time(moment, zone))]);
    let who_and_when = |phrase, who, moment| {
        let (name, time) = (called(who, language), time(moment, zone));
        fill(language, phrase, &[("name", name), ("time", &time)])
    };
    if let Some(closed) = &matter.closed {
        return same(match (&closed.by, deed) {
            (Some(who), Deed::Close) if is_same(who, by) => words(Phrase::YouClosedIt),
            (Some(who), _) => who_and_when(Phrase::ClosedItAt, who, closed.at),
            (None, _) => at(Phrase::OverSince, closed.at),
        });
    }
    let mut after = matter.clone();
    after.changed_at = now;
    match deed {
        Deed::Acknowledge => {
            if let Some(taken) = &matter.acknowledged {
                return same(match &taken.by {
                    Some(who) if is_same(who, by) => words(Phrase::YouTookIt),
                    Some(who) => who_and_when(Phrase::TookItAt, who, taken.at),
                    None => at(Phrase::TakenAt, taken.at),
                });
            }
            after.acknowledged = Some(Mark {
                at: now,
                by: Some(by.clone()),
            });
            put_off(&mut after, None);
            Pressed {
                matter: Some(after),
                sentence: words(Phrase::YouTookIt),
            }
        }
        Deed::Snooze(length) => {
            let until = now.checked_add_signed(length).unwrap_or(DateTime::<Utc>::MAX_UTC);
            // A press that Teams tells twice, a moment later.
            let until = match matter.snoozed_until {
                Some(before) if (until - before).abs() < TimeDelta::minutes(1) => before,
                Some(_) | None => until,
            };
            put_off(&mut after, Some(until));
            Pressed {
                matter: (matter.snoozed_until != Some(until)).then_some(after),
                sentence: at(Phrase::ComesBackAt, until),
            }
        }
        Deed::Close => {
            close(&mut after, Some(by), now);
            Pressed {
                matter: Some(after),
                sentence: words(Phrase::YouClosedIt),
            }
        }
    }
}

/// The matter once it is not put off any more; `None` if it is not, or not yet.
pub fn woken(matter: &Matter, now: DateTime<Utc>) -> Option<Matter> {
    let until = matter.snoozed_until.filter(|_| matter.is_open())?;
    (until <= now).then(|| {
        let mut after = matter.clone();
        put_off(&mut after, None);
        after.changed_at = now;
        after
    })
}

/// The timer that brings back a matter that is put off, as it is set after a change, or the one that has no use any more.
pub fn wake_up(before: &Matter, after: &Matter) -> (Option<Timer>, Option<TimerId>) {
    let id = alarm(after);
    match (before.snoozed_until, after.snoozed_until) {
        (_, Some(due_at)) => {
            let timer = Timer {
                id,
                due_at,
                rule: after.rule.clone(),
                task: Task::Wake {
                    matter: after.id.clone(),
                },
            };
            (Some(timer), None)
        }
        (Some(_), None) => (None, Some(id)),
        (None, None) => (None, None),
    }
}

/// The matter, closed by an operator; `None` if it is closed already.
pub fn closed_by_hand(matter: &Matter, now: DateTime<Utc>) -> Option<Matter> {
    let mut after = matter.is_open().then(|| matter.clone())?;
    close(&mut after, None, now);
    Some(after)
}

/// What conditions and templates see as `tracked`.
pub fn in_scope(matter: &Matter) -> Value {
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mark = |mark: &Option<Mark>| {
        let by = |by: &Sender| json!({ "name": name(by), "id": by.aad_object_id });
        mark.as_ref()
            .map(|mark| json!({ "at": instant(mark.at), "by": mark.by.as_ref().map(by) }))
    };
    json!({
        "id": matter.id,
        "about": matter.about,
        "opened_at": instant(matter.opened_at),
        "changed_at": instant(matter.changed_at),
        "events": matter.events,
        "acknowledged": mark(&matter.acknowledged),
        "snoozed_until": matter.snoozed_until.map(instant),
        "opened": mark(&matter.opened),
        "closed": mark(&matter.closed),
    })
}

/// What somebody is called to those who read this language.
pub fn called(somebody: &Sender, language: Language) -> &str {
    let name = somebody.name.as_deref();
    name.unwrap_or_else(|| say(language, Phrase::Somebody))
}

/// What somebody is called.
pub fn name(somebody: &Sender) -> &str {
    somebody.name.as_deref().unwrap_or("Somebody")
}

fn is_same(one: &Sender, other: &Sender) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    same(&one.aad_object_id, &other.aad_object_id) || same(&one.account_id, &other.account_id)
}

fn time(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%H:%M").to_string()
}

#[cfg(test)]
mod tests;
