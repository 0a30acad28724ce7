//! How a card shows where its matter stands: a line on top, and the buttons below.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::decide::{Deed, called};
use super::{Mark, Matter, MatterId};
use crate::card::button::OURS;
use crate::card::escape::{self, Dialect, web_address};
use crate::card::source::CardSource;
use crate::card::text::Warnings;
use crate::card::{Card, Content, fit};
use crate::plan::manner::Manner;
use crate::roster::Mention;
use crate::rule::Rule;
use crate::rule::living::{Button, Does, Given, LONGEST_SNOOZE, SHORTEST_SNOOZE};
use crate::words::{self, Language, Phrase, fill, is_right_to_left, say};

/// Under which name our buttons say which matter they belong to.
const MATTER: &str = "matter";
/// How many characters of a name a line shows.
const LONGEST_NAME: usize = 100;

/// The card that stands for the matter now, and whether its author says in it where the matter stands.
pub fn source<'a>(rule: &'a Rule, matter: &Matter) -> (&'a Arc<CardSource>, bool) {
    let living = &rule.living;
    let turn = match (&matter.closed, &matter.acknowledged) {
        (Some(_), _) => living.on_close.as_ref(),
        (None, Some(_)) => living.on_acknowledge.as_ref(),
        (None, None) => None,
    };
    match turn.and_then(|turn| turn.card.as_ref()) {
        Some(card) => (card, true),
        None => (&rule.card, false),
    }
}

/// The card that stands for the matter now, in this manner. `scope` has `tracked` in it, whoever it is for, and what the
/// manner enters.
pub fn card(
    rule: &Rule,
    matter: &Matter,
    scope: &Value,
    mentions: &[Mention],
    manner: &Manner,
    seen: &mut Warnings,
) -> Card {
    let (source, _) = source(rule, matter);
    let card = source.render(scope, mentions, seen);
    let mut card = manner.finish(card, source, rule, seen);
    card.importance = rule.sending.importance;
    card.alert = rule.sending.alert;
    dressed(card, rule, matter, scope, manner.ours(), seen)
}

/// The card, with a line on top that says where the matter stands, and with the rule's buttons, in this language.
pub fn dressed(
    card: Card,
    rule: &Rule,
    matter: &Matter,
    scope: &Value,
    language: Language,
    seen: &mut Warnings,
) -> Card {
    let (_, says_so) = source(rule, matter);
    let lines = match says_so {
        true => Vec::new(),
        false => lines(matter, language),
    };
    let content = match card.content {
        Content::Adaptive(mut value) => {
            on_top(&mut value, &lines, language);
            at_the_end(&mut value, buttons(rule, matter, scope, language, seen), language);
            let value = match fit::size(&value) > fit::LIMIT {
                true => fit::fit(value, fit::LIMIT, seen),
                false => value,
            };
            Content::Adaptive(value)
        }
        Content::Text(text) => {
            let mut said: Vec<String> = lines.iter().map(|line| format!("**{}**", line.plain)).collect();
            said.push(text);
            Content::Text(said.join("\n\n"))
        }
        Content::Notification(notification) => Content::Notification(notification),
    };
    let summary = match (&matter.closed, says_so) {
        (Some(_), false) => fill(language, Phrase::ClosedSummary, &[("summary", &card.summary)]),
        (Some(_) | None, _) => card.summary,
    };
    Card {
        content,
        summary,
        ..card
    }
}

struct Line {
    style: &'static str,
    /// As a card shows it: Teams tells times on the clock of whoever reads it.
    shown: String,
    /// Without times.
    plain: String,
}

/// Where the matter stands; nothing as long as nobody has done anything.
fn lines(matter: &Matter, language: Language) -> Vec<Line> {
    let who = |mark: &Mark| {
        mark.by.as_ref().map(|by| {
            let name: String = called(by, language).chars().take(LONGEST_NAME).collect();
            escape::neutral(&escape::one_line(&name), Dialect::Card, "")
        })
    };
    let what = |mark: &Mark, by, nobody| match who(mark) {
        Some(who) => fill(language, by, &[("name", &who)]),
        None => say(language, nobody).to_owned(),
    };
    let mut lines = Vec::new();
    let mut add = |style, plain: String, at: DateTime<Utc>| {
        let shown = fill(language, Phrase::WhatAndWhen, &[("what", &plain), ("when", &clock(at))]);
        lines.push(Line { style, shown, plain });
    };
    if let Some(closed) = &matter.closed {
        add("good", what(closed, Phrase::ClosedBy, Phrase::Closed), closed.at);
    }
    if let Some(taken) = &matter.acknowledged {
        let plain = what(taken, Phrase::AcknowledgedBy, Phrase::Acknowledged);
        let style = if matter.closed.is_some() { "good" } else { "accent" };
        add(style, plain, taken.at);
    }
    if let (Some(until), None) = (matter.snoozed_until, &matter.closed) {
        lines.push(Line {
            style: "emphasis",
            shown: fill(language, Phrase::PutOffUntil, &[("until", &clock(until))]),
            plain: say(language, Phrase::PutOff).to_owned(),
        });
    }
    lines
}

/// An instant that Teams shows on the clock of its reader.
fn clock(at: DateTime<Utc>) -> String {
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("{{{{DATE({at}, SHORT)}}}} {{{{TIME({at})}}}}")
}

fn on_top(card: &mut Value, lines: &[Line], language: Language) {
    let Some(first) = lines.first() else { return };
    let texts = lines
        .iter()
        .map(|line| json!({ "type": "TextBlock", "text": line.shown, "weight": "Bolder", "wrap": true }));
    let mut band = json!({
        "type": "Container", "style": first.style, "bleed": true, "items": texts.collect::<Vec<_>>(),
    });
    if is_right_to_left(language.tag()) {
        band["rtl"] = json!(true);
    }
    match card.get_mut("body").and_then(Value::as_array_mut) {
        Some(body) => body.insert(0, band),
        None => card["body"] = json!([band]),
    }
}

fn at_the_end(card: &mut Value, actions: Vec<Value>, language: Language) {
    if actions.is_empty() {
        return;
    }
    let mut set = json!({ "type": "ActionSet", "actions": actions });
    if is_right_to_left(language.tag()) {
        // A set of buttons has no direction of its own.
        set = json!({ "type": "Container", "rtl": true, "items": [set] });
    }
    match card.get_mut("body").and_then(Value::as_array_mut) {
        Some(body) => body.push(set),
        None => card["body"] = json!([set]),
    }
}

/// The buttons of a rule as they are while the matter stands like this.
fn buttons(rule: &Rule, matter: &Matter, scope: &Value, language: Language, seen: &mut Warnings) -> Vec<Value> {
    let buttons = rule.living.buttons.iter();
    buttons
        .filter_map(|button| action(button, matter, scope, language, seen))
        .collect()
}

fn action(button: &Button, matter: &Matter, scope: &Value, language: Language, seen: &mut Warnings) -> Option<Value> {
    let words = |phrase| say(language, phrase).to_owned();
    let open = matter.is_open();
    let title = |usual: String, seen: &mut Warnings| {
        let said = button
            .title
            .as_ref()
            .map(|title| escape::one_line(&title.plain(scope, seen)));
        said.filter(|said| !said.is_empty()).unwrap_or(usual)
    };
    let press = |verb: &str, title: String, seconds: Option<u64>| {
        let mut ours = json!({ MATTER: matter.id, "since": matter.opened_at.timestamp_millis() });
        if let Some(seconds) = seconds {
            ours["seconds"] = json!(seconds);
        }
        json!({ "type": "Action.Execute", "title": title, "verb": format!("{OURS}{verb}"), "data": { "herald": ours } })
    };
    match &button.does {
        Does::Acknowledge if open && matter.acknowledged.is_none() => {
            Some(press("acknowledge", title(words(Phrase::Acknowledge), seen), None))
        }
        Does::Snooze(length) if open => {
            let usual = fill(
                language,
                Phrase::Snooze,
                &[("length", &words::length(language, *length))],
            );
            Some(press("snooze", title(usual, seen), Some(length.as_secs())))
        }
        Does::Close if open => Some(press("close", title(words(Phrase::Close), seen), None)),
        Does::Acknowledge | Does::Snooze(_) | Does::Close => None,
        Does::Open(page) => {
            let written = page.plain(scope, seen);
            let Some(address) = web_address(&written, &["https", "http"]) else {
                let shown: String = written.trim().chars().take(100).collect();
                seen.add(format!(
                    "the button `open` was left out: “{shown}” is no address of a page"
                ));
                return None;
            };
            Some(json!({ "type": "Action.OpenUrl", "title": title(words(Phrase::Open), seen), "url": address }))
        }
        Does::Custom { .. } if !open => None,
        Does::Custom { name, with } => {
            let data: Map<String, Value> = with
                .iter()
                .map(|(key, given)| {
                    let value = match given {
                        Given::Text(text) => text.evaluate(scope, seen),
                        Given::Value(value) => value.clone(),
                    };
                    (key.clone(), value)
                })
                .collect();
            Some(json!({ "type": "Action.Execute", "title": title(name.clone(), seen), "verb": name, "data": data }))
        }
    }
}

/// A press of one of our buttons, as it comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// What it does.
    pub deed: Deed,
    /// To which matter.
    pub matter: MatterId,
    /// When that began, in milliseconds: what began anew since is another thing.
    pub since: i64,
}

impl Ours {
    /// Whether a button of this name is one that is answered by what it does to a matter.
    pub fn is_one(button: &str) -> bool {
        let deed = button.strip_prefix(OURS);
        deed.is_some_and(|deed| ["acknowledge", "snooze", "close"].contains(&deed))
    }

    /// Reads what came with a press. It comes from outside: `None` if it is not what we put on a card.
    pub fn read(button: &str, data: &Value) -> Option<Ours> {
        let ours = data.get("herald")?;
        let deed = match button.strip_prefix(OURS)? {
            "acknowledge" => Deed::Acknowledge,
            "close" => Deed::Close,
            "snooze" => {
                let seconds = ours.get("seconds")?.as_u64()?;
                let seconds = seconds.clamp(SHORTEST_SNOOZE.as_secs(), LONGEST_SNOOZE.as_secs());
                Deed::Snooze(chrono::TimeDelta::seconds(i64::try_from(seconds).ok()?))
            }
            _ => return None,
        };
        Some(Ours {
            deed,
            matter: MatterId::known(ours.get(MATTER)?.as_str()?),
            since: ours.get("since")?.as_i64()?,
        })
    }
}

#[cfg(test)]
mod tests;
