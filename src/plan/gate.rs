//! May this card be sent? The rule's limit, its digest and the storm breaker at work on one event.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::audience::Reached;
use crate::card::text::Warnings;
use crate::delivery::{Address, DeliveryId, Thread, WindowId};
use crate::event::{Event, Origin};
use crate::gathering::{Cause, Gatherers, Gathers, Item};
use crate::limit::{Change, Counted, HeldBack, Limit, Rest, Ruling, Step, Windows};
use crate::quiet::Kept;
use crate::quiet::policy::{self, Then};
use crate::rule::Rule;
use crate::storm;

use super::manner::languages;
use super::recipient;

/// What decides about the cards of one event.
pub(super) struct Gate<'a> {
    rule: &'a Rule,
    event: &'a Event,
    limit: Option<(&'a Limit, String)>,
    known: &'a Windows,
    now: DateTime<Utc>,
    /// Who gets nothing this time.
    pub(super) held_back: Vec<HeldBack>,
    /// What happens to windows and gatherings.
    pub(super) changes: Vec<Change>,
}

/// What a card that is sent has to do with the limit.
#[derive(Default, Clone)]
pub(super) struct Passed {
    /// What it tells of those held back before it.
    pub(super) told: Option<Counted>,
    /// The window it opens.
    pub(super) window: Option<WindowId>,
}

/// What becomes of a card.
pub(super) enum Passage {
    /// It is sent.
    Sent(Passed),
    /// It is not.
    HeldBack,
    /// It is gathered by the change at this place.
    Gathered(usize),
    /// It is gathered by the change at this place, and a card that says so goes out.
    Paused(usize, Passed),
}

impl<'a> Gate<'a> {
    pub(super) fn new(
        rule: &'a Rule,
        event: &'a Event,
        scope: &Value,
        known: &'a Windows,
        now: DateTime<Utc>,
        seen: &mut Warnings,
    ) -> Self {
        Self {
            rule,
            event,
            limit: rule.limit.as_ref().map(|limit| (limit, limit.value(scope, seen))),
            known,
            now,
            held_back: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// What becomes of this delivery.
    pub(super) fn ask(&mut self, delivery: &DeliveryId, reached: &Reached) -> Passage {
        if matches!(self.event.origin, Origin::Drill { .. }) {
            // It is neither held back nor counted: the next real event must find everything as it was.
            return Passage::Sent(Passed::default());
        }
        let address = &reached.recipient.address;
        // A notification in an activity feed is no card that could tell of others.
        let has_cards = !matches!(address, Address::Feed { .. });
        let times = self.rule.digest.as_ref().and_then(|digest| digest.times.as_ref());
        let told_at = times.map(|times| times.next(self.now, zone_of(reached)));
        let value = self.limit.as_ref().map_or("", |(_, value)| value);
        let id = WindowId::of(&self.rule.name, value, address);
        let known = self.known;
        let Some(limit) = self.limit.as_ref().map(|(limit, _)| *limit) else {
            return match told_at.filter(|_| has_cards) {
                Some(at) if !self.known.counted.contains(&id) => {
                    Passage::Gathered(self.gather(id, Step::Gathers, delivery, reached, Cause::Clock, at))
                }
                Some(at) => self.hold_back(reached, None, Some(at), Some(Cause::Clock)),
                None => self.storm(delivery, reached, None, Passed::default()),
            };
        };
        let window = known.known.get(&id);
        let cause = Cause::Limit {
            once_per_ms: u64::try_from(limit.once_per.as_millis()).unwrap_or(u64::MAX),
        };
        let gathers = limit.rest == Rest::Digest && has_cards;
        let ruling = limit.judge(window, self.now);
        let between = match &ruling {
            Ruling::HeldBack(since, until) => Some((*since, *until)),
            Ruling::Passes(_) => None,
        };
        match (ruling, window) {
            _ if self.known.counted.contains(&id) => {
                let (since, until) = between.unzip();
                self.hold_back(reached, since, until, gathers.then_some(cause))
            }
            // A rule that waited for some of its recipients comes by a second time: this card is the one that opened it.
            (_, Some(window)) if window.opened_by == *delivery => Passage::Sent(Passed {
                told: window.told,
                window: Some(id),
            }),
            (Ruling::HeldBack(since, until), Some(window)) => {
                let step = Step::HoldsBack {
                    opened_by: window.opened_by.clone(),
                    at: self.now,
                };
                if gathers {
                    let at = told_at.unwrap_or(until);
                    return Passage::Gathered(self.gather(id, step, delivery, reached, cause, at));
                }
                self.change(id, delivery, step, None);
                self.hold_back(reached, Some(since), Some(until), None)
            }
            (Ruling::HeldBack(since, until), None) => self.hold_back(reached, Some(since), Some(until), None),
            // What was gathered is told any moment: this belongs to it.
            (Ruling::Passes(_), _) if gathers && told_at.is_none() && self.known.gathered.contains_key(&id) => {
                let at = self.now;
                Passage::Gathered(self.gather(id, Step::Gathers, delivery, reached, cause, at))
            }
            (Ruling::Passes(told), before) => {
                let opens = Step::Opens {
                    before: before.cloned(),
                    after: limit.opened(delivery, told, self.now),
                };
                let passed = Passed {
                    told,
                    window: Some(id.clone()),
                };
                self.storm(delivery, reached, Some((id, opens)), passed)
            }
        }
    }

    /// What becomes of this delivery where what comes in quiet hours is folded into one card; none if it is not. They last
    /// until `until`, if it is quiet.
    pub(super) fn fold(
        &mut self,
        delivery: &DeliveryId,
        reached: &Reached,
        until: Option<DateTime<Utc>>,
    ) -> Option<Passage> {
        let address = &reached.recipient.address;
        if self.known.by_steps || !folds(self.rule, self.event, address) {
            return None;
        }
        let id = policy::window(&self.rule.name, address);
        if self.known.counted.contains(&id) {
            // It was gathered when not all recipients were known, and may have been told since.
            let on = self.known.gathered.get(&id);
            let (since, until) = (on.map(|on| on.opened_at), on.map(|on| on.due_at).or(until));
            return Some(self.hold_back(reached, since, until, Some(Cause::Quiet)));
        }
        let place = self.gather(id, Step::Gathers, delivery, reached, Cause::Quiet, until?);
        Some(Passage::Gathered(place))
    }

    /// What the storm breaker says of a card that the limit lets pass.
    fn storm(
        &mut self,
        delivery: &DeliveryId,
        reached: &Reached,
        opens: Option<(WindowId, Step)>,
        passed: Passed,
    ) -> Passage {
        let address = &reached.recipient.address;
        let breaker = self.rule.storm.filter(|_| storm::counts(self.event));
        if let Some(rate) = breaker.filter(|_| !matches!(address, Address::Feed { .. })) {
            let id = storm::window(&self.rule.name, address);
            let cause = Cause::storm(rate);
            let again = TimeDelta::from_std(rate.per)
                .ok()
                .and_then(|per| self.now.checked_add_signed(per));
            let again = again.unwrap_or(self.now);
            let known = self.known;
            match known.gathered.get(&id) {
                // The card that says that the storm is on is decided a second time.
                Some(on) if on.begun_by == *delivery => return Passage::Sent(passed),
                Some(on) if self.known.counted.contains(&id) => {
                    let (since, until) = (on.opened_at, on.due_at);
                    return self.hold_back(reached, Some(since), Some(until), Some(cause));
                }
                Some(_) => {
                    let step = Step::Gathers;
                    return Passage::Gathered(self.gather(id, step, delivery, reached, cause, again));
                }
                None if !self.known.recent.take(&id, delivery, rate, self.now) => {
                    if let Some((window, step)) = opens {
                        self.change(window, delivery, step, None);
                    }
                    let place = self.gather(id, Step::Gathers, delivery, reached, cause, again);
                    return Passage::Paused(place, passed);
                }
                None => {}
            }
        }
        if let Some((window, step)) = opens {
            self.change(window, delivery, step, None);
        }
        Passage::Sent(passed)
    }

    /// What is gathered by the change at `place`; `thread` is the one that its card belongs to, `quiet` has the hours in
    /// which that is not sent.
    pub(super) fn fill(&mut self, place: usize, item: Item, thread: Option<Thread>, quiet: Option<Kept>) -> &Gathers {
        let gathers = self.changes[place].gathers.as_mut().expect("this change gathers");
        if !gathers.joins {
            gathers.gathering.thread = thread;
            gathers.gathering.quiet = quiet;
        }
        gathers.item = item;
        gathers
    }

    fn gather(
        &mut self,
        window: WindowId,
        step: Step,
        delivery: &DeliveryId,
        reached: &Reached,
        cause: Cause,
        at: DateTime<Utc>,
    ) -> usize {
        let gatherers = Gatherers {
            rule: &self.rule.name,
            description: self.rule.description.as_deref(),
            now: self.now,
        };
        let before = self.known.gathered.get(&window);
        let whose = (&reached.recipient, reached.tenant_id.as_ref());
        let mut gathers = gatherers.add(before, delivery, whose, recipient(reached), cause, at);
        if let (false, Some((limit, value)), Cause::Limit { .. }) = (gathers.joins, &self.limit, cause) {
            gathers.gathering.value = limit.shown(value);
        }
        if !gathers.joins {
            gathers.gathering.languages = languages(self.rule, Some(reached));
        }
        let (since, until) = (gathers.gathering.opened_at, gathers.gathering.due_at);
        self.hold_back(reached, Some(since), Some(until), Some(cause));
        self.change(window, delivery, step, Some(gathers));
        self.changes.len() - 1
    }

    fn change(&mut self, window: WindowId, delivery: &DeliveryId, step: Step, gathers: Option<Gathers>) {
        self.changes.push(Change {
            window,
            rule: self.rule.name.clone(),
            delivery: delivery.clone(),
            step,
            gathers: gathers.map(Box::new),
        });
    }

    fn hold_back(
        &mut self,
        reached: &Reached,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
        gathered: Option<Cause>,
    ) -> Passage {
        let value = self.limit.as_ref().and_then(|(limit, value)| limit.shown(value));
        self.held_back.push(HeldBack {
            recipient: reached.recipient.name.clone(),
            value,
            since,
            until,
            gathered,
        });
        Passage::HeldBack
    }
}

/// Is what comes for this address in quiet hours folded into one card?
pub(super) fn folds(rule: &Rule, event: &Event, address: &Address) -> bool {
    let on_the_clock = rule.digest.as_ref().is_some_and(|digest| digest.times.is_some());
    rule.quiet.then == Then::Digest
        // A notification in an activity feed is no card that could tell of others.
        && !matches!(address, Address::Feed { .. })
        // Cards that change, and what follows them, are each of their own matter.
        && !rule.lives()
        && !matches!(event.origin, Origin::Step { .. } | Origin::Drill { .. })
        // Nothing of it is sent by itself anyway.
        && (rule.limit.is_some() || !on_the_clock)
}

/// The zone of whoever is told: their own choice before what Teams says.
fn zone_of(reached: &Reached) -> Option<Tz> {
    let chosen = reached
        .choices
        .as_ref()
        .and_then(|choices| choices.time_zone.as_deref());
    let known = reached.person.as_ref().and_then(|person| person.time_zone.as_deref());
    chosen.into_iter().chain(known).find_map(|name| name.parse().ok())
}
