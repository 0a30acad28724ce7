//! The card on which people choose, and what becomes of what they filled in.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::request::Form;
use super::{Offer, SAVE, gets_topic, pressed, shown};
use crate::card::{Card, Content};
use crate::choice::Choices;
use crate::language;
use crate::opt_out::{ALL, topic_key};
use crate::topic::Topic;
use crate::words::{Language, Phrase, fill, is_right_to_left, say};
use crate::zone;

/// The field of what can be stopped as a whole.
const EVERYTHING: &str = "everything";
const QUIET_HOURS: &str = "quiet_hours";
const TIME_ZONE: &str = "time_zone";
const LANGUAGE: &str = "language";
/// The delivery of the card itself: whatever is saved, it shows.
pub const DELIVERY: &str = "delivery";
/// How much is taken of a field, in characters.
const LONGEST_FIELD: usize = 100;

/// Why something that was filled in cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The quiet hours, as written.
    QuietHours(String),
    /// The time zone, as written.
    TimeZone(String),
    /// The language, as written: no choice of the card.
    Language,
}

/// What became of the last saving: done, or what was filled in and why that is wrong.
pub type Outcome<'a> = Result<(), (&'a Form, Wrong)>;

/// The card of settings.
pub fn card(choices: &Choices, outcome: Option<Outcome<'_>>, offer: &Offer<'_>, language: Language) -> Card {
    let filled = match &outcome {
        Some(Err((form, _))) => Some(*form),
        Some(Ok(())) | None => None,
    };
    // What was filled in stays there until it is right.
    let text = |field: &str, chosen: Option<&String>| match filled {
        Some(form) => form.text(field),
        None => chosen.cloned().unwrap_or_default(),
    };
    let switch = |field: &str, on: bool| match filled.and_then(|form| form.switch(field)) {
        Some(on) => on,
        None => on,
    };
    let title = say(language, Phrase::SettingsTitle);
    let mut body = vec![
        json!({ "type": "TextBlock", "text": title, "wrap": true, "weight": "Bolder", "size": "Medium", "style": "heading" }),
        json!({ "type": "TextBlock", "text": say(language, Phrase::SettingsIntro), "wrap": true }),
    ];
    let status = match &outcome {
        None => None,
        Some(Ok(())) => Some((say(language, Phrase::Saved).to_owned(), "Good")),
        Some(Err((_, wrong))) => Some((
            format!("{} {}", wrong.words(language), say(language, Phrase::NotSaved)),
            "Attention",
        )),
    };
    if let Some((text, color)) = status {
        body.push(json!({ "type": "TextBlock", "text": text, "wrap": true, "weight": "Bolder", "color": color }));
    }
    body.push(toggle(
        EVERYTHING,
        say(language, Phrase::AllNotifications),
        switch(EVERYTHING, !choices.all_stopped),
    ));
    if !offer.topics.is_empty() {
        body.push(json!({
            "type": "TextBlock", "text": say(language, Phrase::Topics), "wrap": true, "weight": "Bolder", "spacing": "Medium",
        }));
    }
    for topic in offer.topics.values() {
        let field = topic_key(&topic.name);
        body.push(toggle(
            &field,
            &topic_title(topic),
            switch(&field, gets_topic(choices, topic)),
        ));
    }
    // Rules that were stopped by themselves have no switch anywhere else.
    for key in choices
        .stopped
        .iter()
        .filter(|key| key.starts_with("rule:"))
        .take(MOST_RULES)
    {
        let name = key.trim_start_matches("rule:");
        body.push(toggle(key, &shown(name), switch(key, false)));
    }
    let quiet_hours = text(QUIET_HOURS, choices.quiet_hours.as_ref());
    let time_zone = text(TIME_ZONE, choices.time_zone.as_ref());
    body.push(field(
        QUIET_HOURS,
        say(language, Phrase::QuietHours),
        say(language, Phrase::QuietHoursHint),
        &quiet_hours,
    ));
    body.push(field(
        TIME_ZONE,
        say(language, Phrase::TimeZone),
        say(language, Phrase::TimeZoneHint),
        &time_zone,
    ));
    let chosen = text(LANGUAGE, choices.language.as_ref());
    body.push(languages(offer, language, &chosen));
    let save = pressed(SAVE, say(language, Phrase::Save), json!({}));
    let mut card = json!({
        "type": "AdaptiveCard",
        "$schema": crate::card::profile::SCHEMA,
        "version": crate::card::profile::VERSION,
        "body": body,
        "actions": [save],
    });
    if is_right_to_left(language.tag()) {
        card["rtl"] = json!(true);
    }
    Card::new(Content::Adaptive(card), title.to_owned())
}

/// How many stopped rules have a switch.
const MOST_RULES: usize = 50;

/// The same card, which knows by which delivery it was sent.
#[must_use]
pub fn sent_by(mut card: Card, delivery: &str) -> Card {
    if let Content::Adaptive(content) = &mut card.content
        && let Some(data) = content.pointer_mut("/actions/0/data")
    {
        data[DELIVERY] = json!(delivery);
    }
    card
}

fn topic_title(topic: &Topic) -> String {
    match &topic.description {
        Some(description) => format!("{} – {}", topic.title, description),
        None => topic.title.clone(),
    }
}

fn toggle(id: &str, title: &str, on: bool) -> Value {
    json!({ "type": "Input.Toggle", "id": id, "title": title, "value": on.to_string(), "wrap": true })
}

fn field(id: &str, label: &str, hint: &str, value: &str) -> Value {
    json!({ "type": "Input.Text", "id": id, "label": label, "placeholder": hint, "value": value, "maxLength": LONGEST_FIELD })
}

fn languages(offer: &Offer<'_>, language: Language, chosen: &str) -> Value {
    let mut choices = vec![json!({ "title": say(language, Phrase::AsInTeams), "value": "" })];
    let mut tags: Vec<String> = Language::ALL.iter().map(|ours| ours.tag().to_owned()).collect();
    choices.extend(
        Language::ALL
            .iter()
            .map(|ours| json!({ "title": ours.name(), "value": ours.tag() })),
    );
    let more = offer.tongue.texts().filter(|tag| !tags.contains(&(*tag).to_owned()));
    let more: Vec<String> = more.map(str::to_owned).chain([chosen.to_owned()]).collect();
    for tag in more {
        if !tag.is_empty() && !tags.contains(&tag) {
            choices.push(json!({ "title": tag, "value": tag }));
            tags.push(tag);
        }
    }
    json!({
        "type": "Input.ChoiceSet", "id": LANGUAGE, "label": say(language, Phrase::LanguageLabel), "style": "compact",
        "value": chosen, "choices": choices,
    })
}

impl Wrong {
    fn words(&self, language: Language) -> String {
        match self {
            Wrong::QuietHours(written) => fill(language, Phrase::NoQuietHours, &[("written", &shown(written))]),
            Wrong::TimeZone(written) => fill(language, Phrase::NoTimeZone, &[("written", &shown(written))]),
            Wrong::Language => String::new(),
        }
    }
}

impl Form {
    fn text(&self, field: &str) -> String {
        let text = self.0.get(field).and_then(Value::as_str).unwrap_or_default();
        text.trim().chars().take(LONGEST_FIELD).collect()
    }

    /// Teams sends the state of a switch as a text.
    fn switch(&self, field: &str) -> Option<bool> {
        match self.0.get(field)? {
            Value::Bool(on) => Some(*on),
            Value::String(on) => match on.as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// By which delivery the card was sent.
    pub fn delivery(&self) -> Option<&str> {
        self.0.get(DELIVERY)?.as_str()
    }
}

/// Takes over what was filled in. A switch counts where it differs from what was so before; a field that the card does not
/// have changes nothing.
///
/// # Errors
/// The first field that cannot be meant; nothing may be taken over then.
pub fn save(form: &Form, choices: &mut Choices, offer: &Offer<'_>, now: DateTime<Utc>) -> Result<(), Wrong> {
    let before = choices.clone();
    if let Some(on) = form.switch(EVERYTHING)
        && on == choices.all_stopped
    {
        match on {
            // Whatever else was stopped stays so.
            true => choices.all_stopped = false,
            false => choices.stop(ALL, now),
        }
        choices.changed_at = Some(now);
    }
    for topic in offer.topics.values() {
        let key = topic_key(&topic.name);
        match form.switch(&key) {
            Some(on) if on != gets_topic(&before, topic) => match on {
                true => choices.start(&key, now),
                false => choices.stop(&key, now),
            },
            Some(_) | None => {}
        }
    }
    for key in before.stopped.iter().filter(|key| key.starts_with("rule:")) {
        if form.switch(key) == Some(true) {
            choices.start(key, now);
        }
    }
    let has = |field: &str| form.0.get(field).is_some_and(Value::is_string);
    if has(QUIET_HOURS) {
        let written = form.text(QUIET_HOURS);
        let read = match written.is_empty() {
            true => None,
            false => Some(quiet_hours(&written).ok_or_else(|| Wrong::QuietHours(written.clone()))?),
        };
        choices.quiet_hours = read;
    }
    if has(TIME_ZONE) {
        let written = form.text(TIME_ZONE);
        choices.time_zone = match written.is_empty() {
            true => None,
            false => match zone::parse(&written) {
                Ok(zone) => Some(zone.name().to_owned()),
                Err(_) => return Err(Wrong::TimeZone(written)),
            },
        };
    }
    if has(LANGUAGE) {
        let written = form.text(LANGUAGE);
        choices.language = match written.is_empty() {
            true => None,
            false => Some(language::tag(&written).map_err(|_| Wrong::Language)?),
        };
    }
    if *choices != before {
        choices.changed_at = Some(now);
    }
    Ok(())
}

/// Quiet hours as people write them, as `22:00-07:00`; `None` if they are none.
pub fn quiet_hours(written: &str) -> Option<String> {
    let plain = written.replace(['–', '—', '−', '～', '〜'], "-").replace(' ', "");
    let (from, to) = plain.split_once('-')?;
    let time = |text: &str| {
        let (hour, minute) = match text.split_once([':', '.', 'h', '：']) {
            Some((hour, "")) => (hour, "00"),
            Some(both) => both,
            None => (text, "00"),
        };
        let digits = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(hour) || !digits(minute) {
            return None;
        }
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
    };
    let (from, to) = (time(from)?, time(to)?);
    (from != to).then(|| format!("{from}-{to}"))
}
