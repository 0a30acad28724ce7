//! What rules make of an event, around the look-up of people and places: before it, each rule's verdict and whom it
//! names; after it, who is told. `serve` and `test` call these very functions; they differ only in who answers the
//! look-up.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::audience::{self, Audience, Sifted, Wanted};
use crate::book::Book;
use crate::card::text::Warnings;
use crate::event::{Event, Origin};
use crate::opt_out;
use crate::plan::scope;
use crate::rule::Rule;
use crate::rule::condition::{Line, Verdicts};
use crate::rule::expression::Prepared;
use crate::rule::local_moment::LocalMoment;
use crate::rule::sending::FirstTry;
use crate::rule::target::Target;

/// A rule, what it sees of an event, and what its condition makes of that.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The names its texts can use.
    pub scope: Value,
    /// Line by line, whether its condition holds.
    pub verdicts: Verdicts,
}

/// Judges an event by each of these rules, all at the instant `now`. `time_zone` is the workspace's.
pub fn judge<'a>(event: &Event, rules: &'a [Arc<Rule>], time_zone: Tz, now: DateTime<Utc>) -> Vec<Judged<'a>> {
    let prepared = Prepared::default();
    let judge = |rule: &'a Arc<Rule>| {
        let scope = scope(event, rule, time_zone, now);
        let verdicts = rule.condition.evaluate_with(&scope, &prepared);
        Judged { rule, scope, verdicts }
    };
    rules.iter().map(judge).collect()
}

/// Whom a rule names because of an event.
#[derive(Debug)]
pub struct Named {
    /// By `notify`.
    pub told: Vec<Wanted>,
    /// By `except`.
    pub excepted: Vec<Wanted>,
    /// By `first_try_on`.
    pub first: Vec<Wanted>,
    /// By `from` of the triggers that the event met; `None` if it may come from anybody.
    pub from: Option<Vec<Wanted>>,
    /// What was missing in the texts of both.
    pub warnings: Warnings,
}

/// Whom `rule` names because of `event`: holes filled from `scope`, aliases followed.
pub fn named(rule: &Rule, scope: &Value, book: &Book, event: &Event) -> Named {
    let mut warnings = Warnings::new();
    let mut of = |targets: &[Target]| -> Vec<Wanted> {
        targets
            .iter()
            .flat_map(|target| target.wanted(scope, book, event, &mut warnings))
            .collect()
    };
    let (told, excepted) = (of(&rule.notify), of(&rule.except));
    let first = of(rule.sending.first_try_on.targets());
    let from = callers(rule, event).map(|callers| callers.into_iter().flat_map(of).collect());
    Named {
        told,
        excepted,
        first,
        from,
        warnings,
    }
}

/// The beginning of the reason why a rule takes an event from others only.
pub const FROM: &str = "`from:";

/// From whom the triggers that `event` met take it, one list for each of them; `None` if one of them takes it from
/// anybody.
fn callers<'a>(rule: &'a Rule, event: &Event) -> Option<Vec<&'a [Target]>> {
    if !matches!(event.origin, Origin::Message { .. } | Origin::Button { .. }) {
        return None;
    }
    let triggers = rule.triggers.iter().enumerate();
    let met = triggers.filter(|(index, trigger)| trigger.meets(&rule.name, *index, &event.origin));
    let from: Vec<&[Target]> = met.map(|(_, trigger)| trigger.from()).collect();
    from.iter().all(|from| !from.is_empty()).then_some(from)
}

/// Whether `event` comes from one of those `named` whom the directory found as `callers`, as a line beside those of `if`.
pub fn is_from(event: &Event, named: &[Wanted], callers: &Audience) -> Line {
    let name = |wanted: &Wanted| wanted.written.trim_start_matches("people: ").to_owned();
    let names: Vec<String> = named.iter().take(MOST_NAMED).map(name).collect();
    let more = if named.len() > MOST_NAMED { ", ..." } else { "" };
    let sender = event.sender.as_ref();
    let unknown = callers.unreachable.first();
    Line {
        written: format!("from: {}{more}", names.join(", ")),
        holds: sender.is_some_and(|sender| audience::includes(callers, sender)),
        expected: "one of these people".to_owned(),
        actual: match sender.map(|sender| (&sender.name, &sender.aad_object_id)) {
            Some((Some(name), _)) => name.clone(),
            Some((None, Some(id))) => id.clone(),
            Some((None, None)) | None => "nobody that Teams names".to_owned(),
        },
        note: unknown.map(|unknown| format!("{}: {}", unknown.written, unknown.reason)),
        lines: Vec::new(),
    }
}

/// How many names of `from` a line tells.
const MOST_NAMED: usize = 10;

/// What to note about those who are excepted and cannot be found: they may be told after all.
pub fn not_excepted(except: &Audience) -> impl Iterator<Item = String> {
    except
        .unreachable
        .iter()
        .map(|target| format!("except {}: {}", target.written, target.reason))
}

/// Who is told in the end: `told` without those excepted, those who stopped it and those whom `where` leaves out, those whom
/// `rule` tries first at the beginning, with what the workspace knows about each of them. Of a moment that each recipient's own
/// clock shows, those are told who live where it shows it now.
pub fn settle(
    rule: &Rule,
    event: &Event,
    told: Audience,
    first: Audience,
    except: &Audience,
    book: &Book,
    time_zone: Tz,
) -> Audience {
    let (mut told, mut first, mut except) = (told, first, except.clone());
    for audience in [&mut told, &mut first, &mut except] {
        book.dress(audience);
        audience::as_entra_says(audience);
        audience::as_chosen(audience);
        audience::sift(audience);
    }
    let not_sure_of = std::mem::take(&mut except.sifted.unsure);
    if let Some(moment) = LocalMoment::of(rule, event) {
        for audience in [&mut told, &mut first] {
            audience
                .reached
                .retain(|reached| moment.is_now_in(reached.zone(time_zone)));
            if !moment.is_now_in(time_zone) {
                // It is said once a day, by the workspace's clock.
                audience.unreachable.clear();
                audience.notes.clear();
                audience.sifted = Sifted {
                    unsure: std::mem::take(&mut audience.sifted.unsure),
                    ..Sifted::default()
                };
            }
        }
    }
    let (told, first) = (opt_out::heed(rule, told), opt_out::heed(rule, first));
    let mut told = match &rule.sending.first_try_on {
        FirstTry::Nobody => audience::without(told, &except),
        FirstTry::Count(count) => {
            let mut told = audience::without(told, &except);
            told.first = told.reached.len().min(*count);
            told
        }
        FirstTry::Targets(_) => {
            let (told, first) = (audience::without(told, &except), audience::without(first, &except));
            audience::with_first(told, first)
        }
    };
    if told.first == told.reached.len() {
        // Nobody would wait for them.
        told.first = 0;
    }
    told.not_sure_whom_to_except = not_sure_of;
    told
}

#[cfg(test)]
mod tests;
