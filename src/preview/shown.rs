//! What is to be seen of one rule with one event: its card, and beside it why and to whom it would be sent.
//!
//! Pure, and by the functions of `serve`: [`plan::scope`], the rule's condition, its targets, [`plan::plan`]. What
//! Teams alone knows (who is in a team, who has the bot) is left open.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::{Value, json};

use super::seat::{Known, Seat, Told};
use super::stage::{Stage, Staged, Subject, place_of_sample};
use crate::audience::{Audience, Wanted};
use crate::card::shown::texts;
use crate::card::text::Warnings;
use crate::card::{Card, Content, Importance, fit};
use crate::duration;
use crate::event::{Event, EventId, FileChange, Origin, Scope, Sender};
use crate::judge;
use crate::limit::{Change, Kept, Windows};
use crate::matter::decide::Arrival;
use crate::matter::keep::Keeping;
use crate::plan::{self, telling};
use crate::roster::ConversationId;
use crate::rule::Rule;
use crate::rule::condition::Line;
use crate::rule::moment::Planned;
use crate::rule::trigger::Trigger;
use crate::rule::wording::Wording;
use crate::workspace::sample::Sample;

/// How many targets and people are listed; the rest is counted.
pub const MOST: usize = 200;

/// What the author looks at.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Whose card.
    pub subject: Subject,
    /// The sample's file, as seen from the workspace; `None`: the first that fits, else an event is made up.
    pub sample: Option<String>,
    /// The key of a [`Seat`]; `None`: the first one told.
    pub recipient: Option<String>,
    /// Instead of the recipient's own zone.
    pub time_zone: Option<Tz>,
}

/// A card, and what is to be known about it.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Whose card.
    pub subject: Subject,
    /// Its file, as seen from the workspace.
    pub file: String,
    /// The template that the rule uses, or that is shown.
    pub template: Option<String>,
    /// What the rule is for.
    pub description: Option<String>,
    /// For a template, the rules that use it.
    pub used_by: Vec<String>,
    /// The sample's file; `None` when the event is made up.
    pub sample: Option<String>,
    /// The samples that fit.
    pub fitting: Vec<String>,
    /// What to know about the event: it is made up, it does not meet the rule's `when`.
    pub note: Option<String>,
    /// What the rule sees as `event`.
    pub event: Value,
    /// Every line of `if` holds.
    pub holds: bool,
    /// The lines of `if` with their verdicts.
    pub lines: Vec<Line>,
    /// Who would be told.
    pub told: Vec<Told>,
    /// Who would not, although `notify` names them.
    pub except: Vec<Told>,
    /// How often each of them is told at most, in a sentence.
    pub limit: Option<String>,
    /// Through whose eyes the card is seen: the key of one of `seats`.
    pub recipient: String,
    /// The zone its dates are in.
    pub time_zone: String,
    /// Through whose eyes it can be seen.
    pub seats: Vec<Seat>,
    /// The Adaptive Card; null for a plain message.
    pub card: Value,
    /// The text of a plain message.
    pub text: Option<String>,
    /// What toasts and the activity feed show.
    pub summary: String,
    /// `high` or `low`, where the author says so.
    pub importance: Option<&'static str>,
    /// It is also shown in the activity feed.
    pub alert: bool,
    /// What did not come out as meant.
    pub warnings: Vec<String>,
    /// The card's size in bytes, as Teams counts.
    pub size: usize,
    /// What every way into Teams takes, in bytes.
    pub portable: usize,
    /// What Teams takes from a bot, in bytes.
    pub most: usize,
    /// What a bot posts, without addressing.
    #[serde(skip)]
    pub message: Card,
}

/// What those are told whom the rule notifies in their activity feeds: it has no card to look at.
fn feed_in_words(rule: &Rule, event: &Event, zone: Tz, now: DateTime<Utc>) -> Option<String> {
    let scope = plan::scope(event, rule, zone, now);
    let notification = rule.feed.as_ref()?.render(&scope, &mut Warnings::new());
    Some(format!(
        "Activity feeds are told: {}.",
        texts(&notification).join(" | ")
    ))
}

/// The card of `choice`, seen at `now`.
///
/// # Errors
/// A sentence: there is no such rule, template or sample (any more).
pub fn show(stage: &Stage<'_>, choice: &Choice, now: DateTime<Utc>) -> Result<Shown, String> {
    let name = choice.subject.name();
    let Some(staged) = stage.rule(&choice.subject) else {
        return Err(match choice.subject {
            Subject::Rule(_) => format!("there is no rule `{name}` that works"),
            Subject::Template(_) => format!("there is no template `{name}` that works"),
        });
    };
    let rule = staged.rule();
    let now = now.trunc_subsecs(0);
    let fitting = stage.fitting(&choice.subject);
    let happened = happened(stage, &staged, &fitting, choice.sample.as_deref(), now)?;
    let event = &happened.event;
    let book = &stage.workspace.book;
    let zone = choice.time_zone.unwrap_or(stage.workspace.settings.time_zone);

    let scope = plan::scope(event, rule, zone, now);
    let verdicts = rule.condition.evaluate(&scope);
    let mut named = judge::named(rule, &scope, book, event);
    named.told.truncate(MOST);
    named.excepted.truncate(MOST);
    let known = Known {
        book,
        data: &event.data,
    };

    let limit = rule.limit.as_ref().map(|limit| {
        let length = duration::words(limit.once_per);
        let value = limit.value(&scope, &mut named.warnings);
        match limit.shown(&value) {
            Some(value) => format!("At most one card per {length} and recipient for “{value}”."),
            None => format!("At most one card per {length} and recipient."),
        }
    });
    let digest = rule.digest.as_ref().and_then(|digest| digest.times.as_ref());
    let digest = digest.map(|times| format!("Gathered, and told in one card {}.", times.words()));
    let limit = match (limit, digest) {
        (Some(limit), Some(digest)) => Some(format!("{limit} {digest}")),
        (limit, digest) => limit.or(digest),
    };

    let mut seats = known.seats(&named.told);
    let place = choice
        .recipient
        .as_ref()
        .and_then(|key| seats.iter().position(|(seat, _)| seat.key == *key))
        .unwrap_or(0);
    let listed: Vec<Seat> = seats.iter().map(|(seat, _)| seat.clone()).collect();
    let (seat, reached) = seats.swap_remove(place);

    let mut audience = Audience {
        reached: vec![reached],
        ..Audience::default()
    };
    book.dress(&mut audience);
    if let (Some(zone), Some(person)) = (choice.time_zone, &mut audience.reached[0].person) {
        Arc::make_mut(person).time_zone = Some(zone.name().to_owned());
    }
    let person = audience.reached[0].person.as_ref();
    let time_zone = person.and_then(|person| person.time_zone.clone());
    // As the first card of its length of time: no limit holds it back.
    let first = Windows::default();
    let mut scope = scope;
    let arrival = Arrival {
        rule,
        event,
        scope: &scope.clone(),
        revision: &stage.workspace.ruleset.revision,
        again: false,
        zone,
        now,
    };
    let keeping = Keeping::of_first(arrival, &mut audience, &mut scope);
    let mut made = plan::plan(
        rule,
        event,
        scope.clone(),
        &audience,
        &first,
        &stage.workspace.ruleset.revision,
        now,
    );
    if let Some(keeping) = keeping {
        let kept = keeping.finish(rule, event, &scope, &audience, &mut made);
        made.warnings.extend(kept.warnings);
    }
    let gathered = digest_of(&made.windows, rule, &stage.workspace.ruleset.revision, zone, now);
    let message = made.cards.into_iter().next().or(gathered);
    let message = message.expect("one was reached, so one card was made");
    let (card, text) = match &message.content {
        Content::Adaptive(card) => (card.clone(), None),
        Content::Text(text) => (Value::Null, Some(text.clone())),
        Content::Notification(_) => (Value::Null, Some(message.summary.clone())),
    };
    let size = fit::size(text.as_ref().map(|text| json!(text)).as_ref().unwrap_or(&card));
    let mut warnings = named.warnings.into_vec();
    warnings.extend(made.warnings);
    Ok(Shown {
        file: file_of(&staged, stage),
        template: rule.card.template().map(|template| template.name().to_owned()),
        description: rule.description.clone(),
        used_by: match &choice.subject {
            Subject::Rule(_) => Vec::new(),
            Subject::Template(name) => stage.users(name).take(MOST).map(|rule| rule.name.clone()).collect(),
        },
        subject: choice.subject.clone(),
        sample: happened.sample,
        fitting: fitting.iter().take(MOST).map(|sample| sample.file.clone()).collect(),
        note: match (
            with_callers(happened.note, named.from.as_deref()),
            feed_in_words(rule, event, zone, now),
        ) {
            (Some(note), Some(feed)) => Some(format!("{note} {feed}")),
            (note, feed) => note.or(feed),
        },
        event: event.data.clone(),
        holds: verdicts.holds,
        lines: verdicts.lines,
        told: named.told.iter().map(|wanted| known.told(wanted)).collect(),
        except: named.excepted.iter().map(|wanted| known.told(wanted)).collect(),
        limit,
        recipient: seat.key,
        time_zone: time_zone.unwrap_or_else(|| zone.name().to_owned()),
        seats: listed,
        card,
        text,
        summary: message.summary.clone(),
        importance: message.importance.map(Importance::word),
        alert: message.alert,
        warnings,
        size,
        portable: fit::PORTABLE,
        most: fit::LIMIT,
        message,
    })
}

/// The card of a digest that has this one event in it, for a rule that tells at clock times alone.
fn digest_of(changes: &[Change], rule: &Rule, revision: &str, time_zone: Tz, now: DateTime<Utc>) -> Option<Card> {
    let change = changes.first()?;
    let Ok(Kept::More(gathering, item)) = change.gather(None) else {
        return None;
    };
    let known = telling::Known {
        window: &change.window,
        gathering: &gathering,
        items: std::slice::from_ref(&*item),
        limited: None,
        rule: Some(rule),
        time_zone,
        revision,
    };
    telling::tell(&known, &item.event, now).sent.map(|(_, card, _)| card)
}

/// The note, and who may cause the event if not everybody may.
fn with_callers(note: Option<String>, callers: Option<&[Wanted]>) -> Option<String> {
    let Some(callers) = callers else { return note };
    let names: Vec<&str> = callers.iter().take(MOST).map(|one| one.written.as_str()).collect();
    let only = format!("The rule takes it only from {}.", names.join(", "));
    Some(note.map_or_else(|| only.clone(), |note| format!("{note} {only}")))
}

fn file_of(staged: &Staged<'_>, stage: &Stage<'_>) -> String {
    match staged {
        Staged::Rule(rule) => rule.file.clone(),
        Staged::Bare(rule) => stage
            .template_files
            .get(&rule.name)
            .cloned()
            .unwrap_or_else(|| rule.file.clone()),
    }
}

/// What happened, so that the rule has an event to see.
struct Happened {
    event: Event,
    sample: Option<String>,
    note: Option<String>,
}

fn happened(
    stage: &Stage<'_>,
    staged: &Staged<'_>,
    fitting: &[&Sample],
    wanted: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Happened, String> {
    let rule = staged.rule();
    let bare = matches!(staged, Staged::Bare(_));
    let by_name = match wanted {
        Some(file) => match stage.samples.iter().find(|sample| sample.file == file) {
            Some(sample) => Some(sample),
            None => return Err(format!("there is no sample `{file}` that is JSON")),
        },
        None => None,
    };
    let holds = |sample: &&&Sample| {
        sample.event_for(rule).is_some_and(|event| {
            let event = one_item(rule, event, stage.workspace.settings.time_zone, now).0;
            let scope = plan::scope(&event, rule, stage.workspace.settings.time_zone, now);
            rule.condition.evaluate(&scope).holds
        })
    };
    // The first that leads to a card is what the author wants to see.
    let first = || fitting.iter().find(holds).or(fitting.first()).copied();
    if let Some(sample) = by_name.or_else(first) {
        let meant = sample.event_for(rule);
        let note = match (&meant, bare) {
            (_, true) => Some("Shown without a rule: what rules give it under `with:` is missing here.".to_owned()),
            (None, false) if sample.file.starts_with("samples/") => Some(format!(
                "{} is no event of this rule's `when`; the rule sees it here as if it were. Its own samples are named {}.",
                sample.file,
                place_of_sample(rule)
            )),
            // What lies elsewhere has no name that says whose event it is.
            (None | Some(_), false) => None,
        };
        let event = meant.unwrap_or_else(|| made_up(rule, sample.data.clone(), now));
        let (event, which) = one_item(rule, event, stage.workspace.settings.time_zone, now);
        let note = match (note, which) {
            (Some(note), Some(which)) => Some(format!("{note} {which}")),
            (note, which) => note.or(which),
        };
        return Ok(Happened {
            event: from_teams(Event {
                occurred_at: now,
                ..event
            }),
            sample: Some(sample.file.clone()),
            note,
        });
    }
    let mut triggers = rule.triggers.iter().enumerate();
    let scheduled = triggers.find_map(|(index, trigger)| Planned::of(&rule.name, index, trigger));
    let scheduled = scheduled.map(|planned| planned.event(now, false));
    let note = match (&scheduled, bare) {
        (Some(_), _) => "The rule is shown as if its time had come just now.".to_owned(),
        (None, true) => {
            "No sample meets a rule that uses this template, so the card is shown with an empty event. Choose any \
             sample above."
                .to_owned()
        }
        (None, false) => format!(
            "No sample meets this rule, so the card is shown with an empty event. Save a real one as {}.",
            place_of_sample(rule)
        ),
    };
    Ok(Happened {
        event: scheduled.unwrap_or_else(|| made_up(rule, json!({}), now)),
        sample: None,
        note: Some(note),
    })
}

/// The item that is shown of an event that the rule takes apart: the first that leads to a card, else the first. Beside
/// it, which one that is.
fn one_item(rule: &Rule, event: Event, zone: Tz, now: DateTime<Utc>) -> (Event, Option<String>) {
    let Some(split) = &rule.split else {
        return (event, None);
    };
    let items = match split.items(&rule.name, &event) {
        Ok(items) if !items.events.is_empty() => items.events,
        Ok(_) => {
            return (
                event,
                Some(format!("`{}` is empty, so the rule makes nothing of it.", split.path())),
            );
        }
        Err(line) => {
            let note = format!(
                "The rule makes nothing of it: `{}` should be a list, but is {}.",
                split.path(),
                line.actual
            );
            return (event, Some(note));
        }
    };
    let holds = |item: &Event| rule.condition.evaluate(&plan::scope(item, rule, zone, now)).holds;
    let place = items.iter().position(holds).unwrap_or(0);
    let note = format!(
        "Shown with item {} of {} of `{}`.",
        place + 1,
        items.len(),
        split.path()
    );
    let item = items.into_iter().nth(place).expect("the place was found in this list");
    (item, Some(note))
}

/// An event of the rule's first trigger that says `data`.
fn made_up(rule: &Rule, data: Value, now: DateTime<Utc>) -> Event {
    let origin = match rule.triggers.first() {
        Some(Trigger::Hook { hook, event_types }) => Origin::Hook {
            hook: hook.clone(),
            event_type: event_types.first().cloned(),
        },
        Some(Trigger::Teams { kind, scopes, .. }) => Origin::Teams {
            kind: *kind,
            scope: scopes.first().copied().unwrap_or(Scope::Team),
            first_time: true,
        },
        Some(Trigger::Queue { queue }) => Origin::Queue { queue: queue.clone() },
        Some(Trigger::Message { wordings, .. }) => {
            Origin::message(Scope::Person, wordings.first().map_or("", Wording::as_str))
        }
        Some(Trigger::Button { buttons, .. }) => Origin::Button {
            scope: Scope::Person,
            button: buttons.first().cloned().unwrap_or_default(),
        },
        Some(Trigger::Cron { .. }) => Origin::Cron {
            rule: rule.name.clone(),
            trigger: 0,
            scheduled_at: now,
        },
        Some(Trigger::File { pattern, changes, .. }) => Origin::File {
            rule: rule.name.clone(),
            trigger: 0,
            path: data["path"].as_str().unwrap_or(pattern).to_owned(),
            change: changes.first().copied().unwrap_or(FileChange::Modified),
        },
        None => Origin::Hook {
            hook: "preview".to_owned(),
            event_type: None,
        },
    };
    let request = match origin {
        Origin::Hook { .. } => json!({ "method": "POST", "headers": {}, "query": {} }),
        Origin::Cron { .. }
        | Origin::Teams { .. }
        | Origin::File { .. }
        | Origin::Queue { .. }
        | Origin::Message { .. }
        | Origin::Button { .. }
        | Origin::Step { .. }
        | Origin::Drill { .. } => Value::Null,
    };
    Event {
        id: EventId::derived(&["preview", &rule.name]),
        origin,
        occurred_at: now,
        data,
        request,
        here: None,
        thread: None,
        item: None,
        sender: None,
    }
}

/// What Teams tells beside an event's data can be read from the data: where it happened, and who caused it.
fn from_teams(event: Event) -> Event {
    if event.origin.kind() != "teams" {
        return event;
    }
    let id = |place: &str| event.data[place]["id"].as_str().map(ConversationId::new);
    let by = &event.data["by"];
    let text = |key: &str| by[key].as_str().map(str::to_owned);
    Event {
        here: id("channel").or_else(|| id("chat")).or_else(|| id("team")),
        thread: event.data["thread"].as_str().map(str::to_owned),
        sender: by.is_object().then(|| Sender {
            tenant_id: String::new(),
            aad_object_id: text("aad_object_id"),
            account_id: text("id"),
            name: text("name"),
        }),
        ..event
    }
}

// ---- who ----

#[cfg(test)]
mod tests;
