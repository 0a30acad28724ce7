//! What follows the first message: how the steps of a matter begin, go on and end. `serve` and `test` call these very
//! functions; the same arguments give the same answer, so that whoever was overtaken looks again and decides again.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::decide::in_scope;
use super::keep::Standing;
use super::steps::{Done, Next, Progress};
use super::{Matter, MatterId, dress};
use crate::audience::{Audience, Reached};
use crate::call::{Call, Heard};
use crate::card::Card;
use crate::card::text::Warnings;
use crate::delivery::{Address, CardId, DeliveryId, Recipient};
use crate::event::{Event, EventId, Origin};
use crate::plan::manner::languages;
use crate::plan::{self, Plan};
use crate::rule::Rule;
use crate::rule::condition::Line;
use crate::rule::courtesy::ours;
use crate::rule::then::{Act, Known, Ruling, Step, Then};
use crate::timer::{Task, Timer, TimerId};

/// How much the answers of all calls of one matter take, in bytes.
const MOST_STATE: usize = 256 * 1024;

/// What is to be made of a timer that is due.
#[derive(Debug, Clone)]
pub enum Due {
    /// It is of a step that is over, or that was put off.
    Stale,
    /// The matter becomes this without the step having come, and this is its next timer.
    Moves(Box<Matter>, Option<Timer>, Passed),
    /// It comes now.
    Comes(Arc<Step>, Vec<Line>),
}

/// Why a step does not come.
#[derive(Debug, Clone)]
pub struct Passed {
    /// What the step is called.
    pub name: String,
    /// In a sentence.
    pub sentence: String,
    /// The lines of its `if`, if they were asked.
    pub lines: Vec<Line>,
}

/// Begins the steps of a matter at `now`, unless it has none or they have begun; gives the first timer.
pub fn begin(matter: &mut Matter, rule: &Rule, zone: Tz, now: DateTime<Utc>) -> Option<Timer> {
    let then = rule.then.as_ref()?;
    if matter.steps.is_some() || !matter.is_open() {
        return None;
    }
    let next = then.next(&[], now, zone, now);
    matter.steps = Some(Progress {
        began_at: now,
        event: matter.event.id.clone(),
        program: then.program.as_ref().map(|program| program.id.clone()),
        next,
        done: Vec::new(),
    });
    timer_of(matter)
}

/// Sets the timer of the step that comes next.
fn timer_of(matter: &mut Matter) -> Option<Timer> {
    let next = matter.steps.as_ref()?.next.as_ref()?;
    let timer = Timer {
        id: timer_id(&matter.id, matter.opened_at, next),
        due_at: next.due_at,
        rule: matter.rule.clone(),
        task: Task::Step {
            matter: matter.id.clone(),
            step: next.step,
        },
    };
    matter.timers.push(timer.id.clone());
    Some(timer)
}

fn timer_id(matter: &MatterId, opened_at: DateTime<Utc>, next: &Next) -> TimerId {
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let (opened_at, due_at) = (instant(opened_at), instant(next.due_at));
    TimerId::derived(&["step", matter.as_str(), &opened_at, &next.step.to_string(), &due_at])
}

/// Takes the timer of the next step away.
fn without_timer(matter: &mut Matter) -> Option<TimerId> {
    let next = matter.steps.as_ref()?.next.as_ref()?;
    let id = timer_id(&matter.id, matter.opened_at, next);
    matter.timers.retain(|other| *other != id);
    Some(id)
}

/// No further step comes; gives the timer that has no use any more. `why` is what is told of the step that would have come
/// next.
pub fn stop(matter: &mut Matter, why: &str, now: DateTime<Utc>) -> Option<TimerId> {
    let stopped = without_timer(matter)?;
    let steps = matter.steps.as_mut()?;
    let next = steps.next.take()?;
    steps.done.push(Done {
        step: next.step,
        name: next.name,
        planned_at: next.planned_at,
        at: now,
        what: why.to_owned(),
        event: None,
    });
    Some(stopped)
}

/// What is to be made of `timer` at `now`. `rule` is the one by which the matter's steps go.
pub fn due(matter: &Matter, rule: Option<&Rule>, timer: &TimerId, zone: Tz, now: DateTime<Utc>) -> Due {
    let Some(next) = matter.steps.as_ref().and_then(|steps| steps.next.as_ref()) else {
        return Due::Stale;
    };
    if timer_id(&matter.id, matter.opened_at, next) != *timer {
        return Due::Stale;
    }
    let passed = |sentence: String, lines| Passed {
        name: next.name.clone(),
        sentence,
        lines,
    };
    let over = |sentence: &str| {
        let mut after = matter.clone();
        after.changed_at = now;
        stop(&mut after, sentence, now);
        Due::Moves(Box::new(after), None, passed(sentence.to_owned(), Vec::new()))
    };
    let Some(rule) = rule else {
        return over("its rule is gone: nothing follows any more");
    };
    let step = rule
        .then
        .as_ref()
        .and_then(|then| Some((then, then.steps.get(next.step)?)));
    let Some((then, step)) = step else {
        return over("its rule has no such step any more");
    };
    let left_out = |reason: String, lines| {
        let sentence = format!("left out: {reason}");
        let (after, timer) = finished(matter, then, sentence.clone(), None, zone, now);
        Due::Moves(Box::new(after), timer, passed(sentence, lines))
    };
    match step.judge(known(matter), next.planned_at, now) {
        Ruling::Over(reason) => over(&format!("not needed: {reason}")),
        Ruling::LeftOut(reason) => left_out(reason, Vec::new()),
        Ruling::Later(until) => {
            let (after, timer) = again(matter, until, now, false);
            Due::Moves(
                Box::new(after),
                timer,
                passed("it is put off until then".to_owned(), Vec::new()),
            )
        }
        Ruling::Comes => {
            let verdicts = step.condition.evaluate(&scope(matter, &matter.event, rule, zone, now));
            match verdicts.holds {
                true => Due::Comes(step.clone(), verdicts.lines),
                false => {
                    let because = verdicts.because().into_iter().next().unwrap_or_default();
                    left_out(because, verdicts.lines)
                }
            }
        }
    }
}

fn known(matter: &Matter) -> Known {
    Known {
        acknowledged: matter.acknowledged.is_some(),
        closed: !matter.is_open(),
        snoozed_until: matter.snoozed_until,
    }
}

/// The matter after its next step was done, with what became of it, and the timer of the one after that.
pub fn finished(
    matter: &Matter,
    then: &Then,
    what: String,
    event: Option<&EventId>,
    zone: Tz,
    now: DateTime<Utc>,
) -> (Matter, Option<Timer>) {
    let mut after = matter.clone();
    after.changed_at = now;
    without_timer(&mut after);
    let Some(steps) = &mut after.steps else {
        return (after, None);
    };
    if let Some(next) = steps.next.take() {
        // Tries of a call take their time, which is no standstill.
        let planned_at = if next.tries > 0 { next.due_at } else { next.planned_at };
        steps.done.push(Done {
            step: next.step,
            name: next.name,
            planned_at,
            at: now,
            what,
            event: event.map(|event| event.as_str().to_owned()),
        });
    }
    steps.next = then.next(&steps.done, steps.began_at, zone, now);
    let timer = timer_of(&mut after);
    (after, timer)
}

/// The matter with its next step put off until `at`; `tried` in vain, or only waited for.
pub fn again(matter: &Matter, at: DateTime<Utc>, now: DateTime<Utc>, tried: bool) -> (Matter, Option<Timer>) {
    let mut after = matter.clone();
    after.changed_at = now;
    without_timer(&mut after);
    if let Some(next) = after.steps.as_mut().and_then(|steps| steps.next.as_mut()) {
        next.due_at = at;
        next.tries += u32::from(tried);
        if !tried {
            // Whoever put it off did not make it late.
            next.planned_at = at;
        }
    }
    let timer = timer_of(&mut after);
    (after, timer)
}

/// How often the next step was tried.
pub fn tries(matter: &Matter) -> u32 {
    let next = matter.steps.as_ref().and_then(|steps| steps.next.as_ref());
    next.map_or(0, |next| next.tries)
}

/// Keeps what a call brought, under the name by which later steps see it. Answers that are too much for a matter are left
/// out, not their status.
pub fn keep_answer(matter: &mut Matter, name: &str, mut answer: Value) {
    let size = |state: &Map<String, Value>, answer: &Value| {
        let others = state.iter().filter(|(other, _)| *other != name);
        others.map(|(_, other)| other.to_string().len()).sum::<usize>() + answer.to_string().len()
    };
    if size(&matter.state, &answer) > MOST_STATE {
        answer["body"] = Value::Null;
    }
    matter.state.insert(name.to_owned(), answer);
}

/// What a call that is over is told as.
pub fn answer_in_words(answer: &Value) -> String {
    let tries = match answer["tries"].as_u64() {
        Some(tries) if tries > 1 => format!(", at try {tries}"),
        Some(_) | None => String::new(),
    };
    match (answer["error"].as_str(), answer["status"].as_u64()) {
        (None, Some(status)) => format!("it answered {status}{tries}"),
        (Some(error), _) => format!("in vain: {error}{tries}"),
        (None, None) => format!("asked{tries}"),
    }
}

/// What becomes of a matter whose next step called out and was answered so, by the event `event`; and a sentence for whoever
/// asks why.
pub fn called(
    matter: &Matter,
    then: &Then,
    call: &Call,
    heard: Heard,
    event: &EventId,
    zone: Tz,
    now: DateTime<Utc>,
) -> (Matter, Option<Timer>, String) {
    match heard {
        Heard::Again { at, reason } => {
            let (after, next) = again(matter, at, now, true);
            (after, next, format!("asked {} in vain: {reason}", call.shown()))
        }
        Heard::Over(answer) => {
            let sentence = format!("{}: {}", call.shown(), answer_in_words(&answer));
            let (mut after, next) = finished(matter, then, sentence.clone(), Some(event), zone, now);
            keep_answer(&mut after, &call.save_as, answer);
            (after, next, sentence)
        }
    }
}

/// The same question has the same key, however often it is asked.
pub fn call_key(matter: &Matter, step: usize) -> String {
    let opened_at = matter.opened_at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let id = TimerId::derived(&["call", matter.id.as_str(), &opened_at, &step.to_string()]);
    id.as_str().replacen("tm_", "herald-", 1)
}

/// The event of a step that comes: what its cards belong to.
pub fn event(matter: &Matter, timer: &Timer, name: &str, step: usize) -> Event {
    let due_at = timer.due_at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    Event {
        id: EventId::derived(&["timer", timer.id.as_str(), &due_at]),
        origin: Origin::Step {
            rule: matter.rule.clone(),
            matter: matter.id.as_str().to_owned(),
            step,
            name: name.to_owned(),
        },
        ..matter.event.clone()
    }
}

/// What conditions and texts of a step see: as those of the rule, with `tracked` and `steps`.
pub fn scope(matter: &Matter, event: &Event, rule: &Rule, zone: Tz, now: DateTime<Utc>) -> Value {
    let mut scope = plan::scope(event, rule, zone, now);
    see(&mut scope, matter);
    scope
}

/// Lets texts see where a matter stands.
pub fn see(scope: &mut Value, matter: &Matter) {
    scope["tracked"] = in_scope(matter);
    scope["steps"] = json!(matter.state);
}

/// Gives the cards of a step the buttons of their rule and, in channels, their place below the first card. Those that can
/// change later are added to the matter.
pub fn dress(
    rule: &Rule,
    matter: &mut Matter,
    scope: &Value,
    told: &Audience,
    standing: &[Standing],
    planned: &mut Plan,
    seen: &mut Warnings,
) {
    let reached: HashMap<String, &Reached> = told
        .reached
        .iter()
        .map(|reach| (reach.recipient.address.key(), reach))
        .collect();
    let cards: HashMap<CardId, Card> = planned.cards.drain(..).map(|card| (card.id(), card)).collect();
    let mut scope = scope.clone();
    let mut dressed: HashMap<CardId, Card> = HashMap::new();
    let mut same: HashMap<(CardId, Vec<String>), CardId> = HashMap::new();
    let personal = rule.living.reads("recipient");
    for delivery in &mut planned.deliveries {
        let Some(plain) = delivery.card_id.as_ref().and_then(|id| cards.get(id)) else {
            continue;
        };
        let address = &delivery.recipient.address;
        if delivery.terms.thread.is_none() && is_channel(&delivery.recipient) {
            let first = standing.iter().find(|one| one.recipient.address == *address);
            delivery.terms.thread = first.and_then(|first| first.thread.clone());
        }
        if !can_change(address) {
            dressed.insert(plain.id(), plain.clone());
            continue;
        }
        let reach = reached.get(&address.key()).copied();
        let before = (plain.id(), languages(rule, reach));
        let id = match same.get(&before).filter(|_| !personal) {
            Some(id) => id.clone(),
            None => {
                scope["recipient"] = reach.map_or(Value::Null, plan::recipient);
                scope["languages"] = json!(before.1);
                let card = dress::dressed(plain.clone(), rule, matter, &scope, ours(&before.1), seen);
                let id = card.id();
                dressed.insert(id.clone(), card);
                same.insert(before, id.clone());
                id
            }
        };
        delivery.card_id = Some(id);
        if matter.deliveries.len() < Matter::MOST_CARDS && !matter.deliveries.contains(&delivery.id) {
            matter.deliveries.push(delivery.id.clone());
        }
    }
    planned.cards = dressed.into_values().collect();
    planned.cards.sort_by_key(Card::id);
}

fn can_change(address: &Address) -> bool {
    match address {
        Address::Person { .. } | Address::Conversation { .. } => true,
        Address::Feed { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => false,
    }
}

fn is_channel(recipient: &Recipient) -> bool {
    match &recipient.address {
        Address::Conversation { id } => {
            let id = id.as_str();
            id.ends_with("@thread.tacv2") || id.ends_with("@thread.skype")
        }
        Address::Person { .. } | Address::Feed { .. } | Address::Webhook { .. } | Address::Nowhere { .. } => false,
    }
}

/// The cards of a matter that steps brought with a card of their own, each group with the rule that shows it; and those
/// that look like the first. A card of a step that the rule has no more is in neither.
pub fn by_step<'a>(
    rule: &Rule,
    matter: &Matter,
    standing: &'a [Standing],
) -> (Vec<(Rule, Vec<Standing>)>, Vec<&'a Standing>) {
    let mut first: Vec<&Standing> = standing.iter().collect();
    let mut groups = Vec::new();
    let (Some(then), Some(steps)) = (&rule.then, &matter.steps) else {
        return (groups, first);
    };
    let unchanged = then.follow_edits || then.program.as_ref().map(|program| &program.id) == steps.program.as_ref();
    for done in &steps.done {
        let Some(event) = &done.event else { continue };
        let event = EventId::known(event.clone());
        let is_its = |one: &&Standing| one.delivery == DeliveryId::of(&event, &rule.name, &one.recipient.address);
        let own = match then.steps.get(done.step).map(|step| &step.act) {
            Some(Act::Tell(tell)) if unchanged && tell.card.is_none() => continue,
            Some(Act::Tell(tell)) if unchanged => Some(tell.rule(rule)),
            Some(Act::Tell(_) | Act::Call(_)) | None => None,
        };
        let (its, others): (Vec<&Standing>, Vec<&Standing>) = first.into_iter().partition(is_its);
        first = others;
        if let Some(own) = own.filter(|_| !its.is_empty()) {
            groups.push((own, its.into_iter().cloned().collect()));
        }
    }
    (groups, first)
}
