//! Whom a rule tells because of an event, and what it owes to some of them at a time.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Dispatcher, EVERYBODY, Missing, Occasion, SENTENCES_KEPT, Tally};
use crate::audience::{Audience, Known, Seek, Skip, Unreachable};
use crate::gathering::Cause;
use crate::graph::inquiry::Lately;
use crate::judge::{is_from, named, not_excepted, settle};
use crate::limit::Windows;
use crate::plan::{self, Plan, plan, undeliverable};
use crate::rule::Rule;
use crate::rule::condition::Line;
use crate::rule::local_moment::LocalMoment;
use crate::rule::sending::FirstTry;
use crate::run::Run;
use crate::store::StoreError;
use crate::store::outbox::RuleRecord;

/// So many recipients are taken in at once, before whoever brought the event is answered.
const AT_ONCE: usize = 1_000;

/// Of more than that so many at a time: whatever sled replaces while it takes in a batch stays in memory until the batch is
/// over, and a larger one holds others up.
pub(super) const PART: usize = 250;

/// Whom a rule tells.
pub(super) struct Whom {
    pub(super) told: Audience,
    /// The rosters that are needed to know more of them.
    pub(super) wait_for: Vec<String>,
    /// The event comes from somebody from whom the rule does not take it: nobody is told.
    pub(super) not_from: Option<Line>,
    /// Whom `where` left out, in a sentence.
    sifted: Option<String>,
    warnings: Vec<String>,
}

impl Whom {
    /// The recipients of the first part. The cards that are `kept`, to be changed later, are those of the first part, so it
    /// is as large as it may be then.
    pub(super) fn first_part(&self, kept: bool) -> Range<usize> {
        match self.are_many() && !kept {
            true => 0..PART,
            false => 0..self.told.reached.len().min(AT_ONCE),
        }
    }

    /// There are more than one part.
    pub(super) fn are_many(&self) -> bool {
        self.told.reached.len() > AT_ONCE
    }

    /// A name that only these recipients in this order have.
    pub(super) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for reached in &self.told.reached {
            hash.update(reached.recipient.address.key());
            hash.update([0]);
        }
        hex::encode(&hash.finalize()[..12])
    }
}

/// What a rule owes to some of its recipients.
pub(super) struct Part {
    pub(super) plan: Plan,
    pub(super) record: RuleRecord,
    pub(super) run: Run,
    /// How many get no card.
    pub(super) tally: Tally,
}

impl Dispatcher {
    /// Whom `rule` tells because of what happened, as far as they are known.
    pub(super) async fn whom(&self, occasion: &Occasion<'_>, rule: &Rule, scope: &Value) -> Result<Whom, StoreError> {
        let Occasion {
            event,
            workspace,
            missing,
            now,
            ..
        } = *occasion;
        let named = named(rule, scope, &workspace.book, event);
        let tenant = workspace.settings.bot.tenant.as_deref();
        let known = || Known::in_tenant(tenant).although(self.inquiries.unanswered(now));
        // Teams' own rosters come first: whoever is in one of them need not be looked up anywhere else.
        let teams_first = matches!(missing, Missing::Ask { asked_lately: false });
        let from = match &named.from {
            Some(callers) => {
                let mut found = self.directory.audience_knowing(callers, known(), now).await?;
                let line = is_from(event, callers, &found);
                self.inquire(&mut found, missing, teams_first, now);
                (!line.holds).then_some((line, found))
            }
            None => None,
        };
        if let Some((line, found)) = from {
            let mut wait_for = found.rosters_needed;
            if let Missing::Ask { asked_lately: false } = missing
                && found.unreachable.iter().any(|caller| caller.unknown)
            {
                wait_for.push(EVERYBODY.to_owned());
            }
            let waits = matches!(missing, Missing::Ask { .. }) && !wait_for.is_empty();
            return Ok(Whom {
                told: Audience::default(),
                not_from: (!waits).then_some(line),
                // Once nobody answers, whoever is not known for one of them is none of them.
                wait_for: if waits { wait_for } else { Vec::new() },
                sifted: None,
                warnings: Vec::new(),
            });
        }
        let mut told = self.directory.audience_knowing(&named.told, known(), now).await?;
        if LocalMoment::of(rule, event).is_some_and(|moment| !moment.is_now_in(workspace.settings.time_zone)) {
            // Who cannot be found is looked for once a day, by the workspace's clock.
            told.unreachable.clear();
        }
        let mut except = self.directory.audience_knowing(&named.excepted, known(), now).await?;
        let mut first = match named.first.is_empty() {
            true => Audience::default(),
            false => self.directory.audience_knowing(&named.first, known(), now).await?,
        };
        for audience in [&mut told, &mut except, &mut first] {
            self.inquire(audience, missing, teams_first, now);
        }
        let mut wait_for: Vec<String> = told
            .rosters_needed
            .iter()
            .chain(&except.rosters_needed)
            .chain(&first.rosters_needed)
            .cloned()
            .collect();
        wait_for.sort();
        wait_for.dedup();
        if let Missing::Ask { asked_lately: false } = missing
            && told.unreachable.iter().any(|target| target.unknown)
        {
            told.unreachable.retain(|target| !target.unknown);
            wait_for.push(EVERYBODY.to_owned());
        }
        if told.unreachable.len() > Audience::MOST_UNREACHABLE {
            let more = told.unreachable.len() - Audience::MOST_UNREACHABLE;
            told.unreachable.truncate(Audience::MOST_UNREACHABLE);
            told.unreachable.push(Unreachable {
                written: format!("and {more} more"),
                reason: "they cannot be reached either; the list ends here".to_owned(),
                unknown: false,
                skip: Skip::TooMany,
                address: None,
            });
        }
        let mut warnings = named.warnings.into_vec();
        warnings.append(&mut told.notes);
        warnings.extend(not_excepted(&except));
        let guarded = rule.sending.approval_above.is_some() || !matches!(rule.sending.first_try_on, FirstTry::Nobody);
        let mut told = match missing {
            // While we do not know who is excepted, nobody may be told; nor while we do not know how many there are,
            // if that matters.
            Missing::Ask { .. } if !except.rosters_needed.is_empty() || (guarded && !wait_for.is_empty()) => {
                Audience::default()
            }
            Missing::Ask { .. } | Missing::GivenUp(_) => settle(
                rule,
                event,
                told,
                first,
                &except,
                &workspace.book,
                workspace.settings.time_zone,
            ),
        };
        let doubt = self.doubt(&told, missing, now);
        warnings.extend(doubt.notes);
        if !doubt.ask.is_empty() && (guarded || doubt.of_excepted) {
            told = Audience::default();
        }
        wait_for.extend(doubt.ask);
        self.get_to_know(&told, now);
        Ok(Whom {
            sifted: told.sifted.told(),
            told,
            wait_for,
            not_from: None,
            warnings,
        })
    }

    /// What Graph may know of those who are missing: whoever it was not asked for lately goes to `rosters_needed`, and
    /// of the others it is said why it could not tell. While Teams is to be asked first, people stay as they are.
    fn inquire(&self, audience: &mut Audience, missing: Missing<'_>, teams_first: bool, now: DateTime<Utc>) {
        let Audience {
            unreachable,
            rosters_needed,
            ..
        } = audience;
        let mut asked_for: Vec<String> = Vec::new();
        if !teams_first {
            unreachable.retain_mut(|target| {
                let Some(address) = &target.address else {
                    return true;
                };
                let seek = Seek::Address(address.clone());
                match (self.inquiries.lately(&seek, now), missing) {
                    (Lately::Off(how), _) => {
                        target
                            .reason
                            .push_str(&format!("; Microsoft Graph was not asked: {how}"));
                    }
                    // One that passes is never remembered of a person.
                    (Lately::Heard(heard), _) => target.reason.push_str(&format!("; {}", heard.reason)),
                    (Lately::Unasked, Missing::GivenUp(reason)) => target.reason.push_str(&format!("; {reason}")),
                    (Lately::Unasked, Missing::Ask { .. }) => {
                        asked_for.push(seek.key());
                        return false;
                    }
                }
                true
            });
        }
        rosters_needed.retain(|id| {
            let Some(seek) = Seek::of_key(id) else {
                return true;
            };
            let reason = match self.inquiries.lately(&seek, now) {
                Lately::Off(how) => format!("Microsoft Graph was not asked who is in the group: {how}"),
                Lately::Heard(heard) if !heard.passes => heard.reason,
                Lately::Heard(_) | Lately::Unasked => return true,
            };
            unreachable.push(Unreachable {
                written: seek.shown(),
                reason,
                unknown: false,
                skip: Skip::NotFound,
                address: None,
            });
            false
        });
        rosters_needed.extend(asked_for);
    }

    /// What `rule` owes to this part of its recipients. Those who cannot be reached belong to the first part.
    pub(super) async fn part(
        &self,
        occasion: &Occasion<'_>,
        rule: &Rule,
        scope: Value,
        whom: &Whom,
        part: Range<usize>,
    ) -> Result<Part, StoreError> {
        let Occasion {
            event,
            workspace,
            missing,
            counted,
            ahead,
            now,
        } = *occasion;
        let revision = &workspace.ruleset.revision;
        let all = whom.told.reached.len();
        let told = Audience {
            reached: whom.told.reached[part.clone()].to_vec(),
            first: whom.told.first.saturating_sub(part.start).min(part.len()),
            unreachable: match part.start {
                0 => whom.told.unreachable.clone(),
                _ => Vec::new(),
            },
            ..Audience::default()
        };
        let limited = plan::windows(rule, &scope, &told);
        let gathered = plan::gatherings(rule, event, &scope, &told);
        let mut windows = Windows {
            known: match limited.as_slice() {
                [] => BTreeMap::new(),
                ids => self.outbox.windows(ids).await?,
            },
            counted: counted.iter().cloned().collect(),
            gathered: match gathered.as_slice() {
                [] => BTreeMap::new(),
                ids => self.outbox.gatherings(ids).await?,
            },
            by_steps: rule.sending.by_steps(all, whom.told.first),
            ..Windows::default()
        };
        ahead.lay_over(&mut windows, &limited, &gathered);
        let mut planned = plan(rule, event, scope, &told, &windows, revision, now);
        self.told_before(event, rule, &mut planned).await?;
        let lane = rule.sending.lane(all);
        for delivery in &mut planned.deliveries {
            delivery.terms.lane = lane;
        }
        let mut tally = Tally::new();
        for unreachable in &told.unreachable {
            *tally.entry(unreachable.skip).or_default() += 1;
        }
        for held_back in &planned.held_back {
            let why = match held_back.gathered {
                Some(Cause::Storm { .. }) => Skip::Storm,
                Some(Cause::Quiet) => Skip::Quiet,
                Some(Cause::Limit { .. } | Cause::Clock) | None => Skip::Limit,
            };
            *tally.entry(why).or_default() += 1;
        }
        *tally.entry(Skip::Quiet).or_default() += planned.silenced.len();
        // Like those who cannot be reached, they belong to the first part.
        let stopped = if part.start == 0 {
            whom.told.stopped.as_slice()
        } else {
            &[]
        };
        tally.insert(Skip::Stopped, stopped.len());
        if let (Missing::GivenUp(reason), 0) = (missing, part.start) {
            tally.insert(Skip::NoAnswer, whom.wait_for.len());
            // Those who were looked for one by one are listed one by one.
            let places = whom.wait_for.iter().filter_map(|id| match Seek::of_key(id) {
                Some(Seek::Address(_) | Seek::Profile(_)) => None,
                Some(group @ Seek::Group(_)) => Some(group.shown()),
                None => Some(id.clone()),
            });
            let gone = places.map(|what| format!("members of {what}"));
            planned
                .deliveries
                .extend(gone.map(|what| undeliverable(rule, event, &what, reason, revision, now)));
        }
        let mut run = rule.sending.run(&event.id, &rule.name, all, whom.told.first, now);
        run.expected += whom.told.unreachable.len() as u64;
        run.complete = part.end == all && (whom.wait_for.is_empty() || matches!(missing, Missing::GivenUp(_)));
        let warnings = planned.warnings.iter().chain(&whom.warnings);
        let record = RuleRecord {
            rule: rule.name.clone(),
            matched: true,
            because: Vec::new(),
            deliveries: planned.deliveries.len(),
            warnings: warnings.take(SENTENCES_KEPT).cloned().collect(),
            held_back_count: planned.held_back.len(),
            sifted: whom.sifted.clone(),
            silenced_count: planned.silenced.len(),
            silenced: planned
                .silenced
                .iter()
                .take(RuleRecord::HELD_BACK_KEPT)
                .cloned()
                .collect(),
            held_back: planned
                .held_back
                .iter()
                .take(RuleRecord::HELD_BACK_KEPT)
                .cloned()
                .collect(),
            stopped_count: stopped.len(),
            stopped: stopped.iter().take(RuleRecord::STOPPED_KEPT).cloned().collect(),
            ..RuleRecord::default()
        };
        Ok(Part {
            plan: planned,
            record,
            run,
            tally,
        })
    }
}
