//! What rules make of an event, around the look-up of people and places: before it, each rule's verdict and whom it
//! names; after it, who is told. `serve` and `test` call these very functions; they differ only in who answers the
//! look-up.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::audience::{self, Audience, Wanted};
use crate::book::Book;
use crate::card::text::Warnings;
use crate::event::Event;
use crate::plan::scope;
use crate::rule::Rule;
use crate::rule::condition::Verdicts;
use crate::rule::expression::Prepared;
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
    Named {
        told,
        excepted,
        first,
        warnings,
    }
}

/// What to note about those who are excepted and cannot be found: they may be told after all.
pub fn not_excepted(except: &Audience) -> impl Iterator<Item = String> {
    except
        .unreachable
        .iter()
        .map(|target| format!("except {}: {}", target.written, target.reason))
}

/// Who is told in the end: `told` without those excepted, those whom `rule` tries first at the beginning, with what the
/// workspace knows about each of them.
pub fn settle(rule: &Rule, told: Audience, first: Audience, except: &Audience, book: &Book) -> Audience {
    let told = match &rule.sending.first_try_on {
        FirstTry::Nobody => audience::without(told, except),
        FirstTry::Count(count) => {
            let mut told = audience::without(told, except);
            told.first = told.reached.len().min(*count);
            told
        }
        FirstTry::Targets(_) => {
            let (told, first) = (audience::without(told, except), audience::without(first, except));
            audience::with_first(told, first)
        }
    };
    let mut told = told;
    if told.first == told.reached.len() {
        // Nobody would wait for them.
        told.first = 0;
    }
    book.dress(&mut told);
    told
}
