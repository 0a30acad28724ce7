//! What people say and press in a test.

use serde_json::{Value, json};

use super::given::Given;
use super::world::Spot;
use super::{Made, Outcome, World};
use crate::book::{Book, naming};
use crate::card::Content;
use crate::card::button::OURS;
use crate::diagnostic::Fault;
use crate::roster::Person;
use crate::rule::Rule;
use crate::rule::tests_file::{MessageFile, PressFile};
use crate::text_or::TextOr;
use crate::workspace::sample::Sample;

/// What a message and a press may refer to: the rule under test, and the names of the workspace.
pub type Stage<'a> = (&'a Rule, &'a Book);

/// Whoever says or presses something when neither the test nor the rule names anybody.
const SOMEBODY: &str = "Somebody";
/// The message of every press and message: tests do not tell them apart by it.
const MESSAGE: &str = "1767603600000";

/// A message to the bot.
///
/// # Errors
/// What is wrong with it; the path begins at it.
pub fn message(written: &TextOr<MessageFile>, stage: Stage<'_>, world: &mut World) -> Result<Given, Fault> {
    let file = match written {
        TextOr::Full(file) => file.clone(),
        TextOr::Text(text) => MessageFile {
            text: text.clone(),
            ..MessageFile::default()
        },
    };
    let (who, spot) = who_and_where(file.by.as_deref(), file.place.as_deref(), stage, world)?;
    let text = file.text.trim();
    let mut data = data("message", &who, &spot);
    data["text"] = json!(text);
    data["words"] = text.split_whitespace().collect();
    data["mentions"] = json!([]);
    data["message_id"] = json!(MESSAGE);
    data["answers"] = Value::Null;
    let name = who.name.as_deref().unwrap_or(SOMEBODY);
    let what = format!("{name} writes “{}”", naming::short(text));
    Ok(Given::talk(Sample::of_talk("message", spot.scope, data), what))
}

/// The press of a button.
///
/// # Errors
/// What is wrong with it; the path begins at it.
pub fn press(written: &TextOr<PressFile>, stage: Stage<'_>, world: &mut World) -> Result<Given, Fault> {
    let file = match written {
        TextOr::Full(file) => file.clone(),
        TextOr::Text(button) => PressFile {
            button: button.clone(),
            ..PressFile::default()
        },
    };
    let (who, spot) = who_and_where(file.by.as_deref(), file.place.as_deref(), stage, world)?;
    let button = file.button.trim();
    let mut data = data("button", &who, &spot);
    data["button"] = json!(button);
    data["title"] = Value::Null;
    data["data"] = json!(file.inputs.unwrap_or_default());
    data["message_id"] = json!(MESSAGE);
    let name = who.name.as_deref().unwrap_or(SOMEBODY);
    let what = format!("{name} presses `{}`", naming::short(button));
    Ok(Given::talk(Sample::of_talk("button", spot.scope, data), what))
}

/// What rules see of every activity.
fn data(kind: &str, who: &Person, spot: &Spot) -> Value {
    let thread = spot.channel.is_object().then_some(MESSAGE);
    json!({
        "kind": kind,
        "scope": spot.scope,
        "team": spot.team,
        "chat": spot.chat,
        "channel": spot.channel,
        "person": null,
        "by": {
            "id": who.account_id.as_ref().or(who.aad_object_id.as_ref()),
            "aad_object_id": who.aad_object_id,
            "name": who.name,
            "email": who.email,
        },
        "locale": who.locale,
        "thread": thread,
    })
}

fn who_and_where(
    by: Option<&str>,
    place: Option<&str>,
    (rule, book): Stage<'_>,
    world: &mut World,
) -> Result<(Person, Spot), Fault> {
    let one_of = rule.triggers.iter().flat_map(|trigger| trigger.from());
    let first = one_of.flat_map(|target| target.names()).map(|(_, _, name)| name).next();
    // An audience is nobody in particular.
    let first = first.filter(|name| book.audience(name).is_none());
    let name = by.or(first.as_deref()).unwrap_or(SOMEBODY);
    let who = world
        .somebody(name, book)
        .map_err(|reason| Fault::error("test::given", reason).under("by"))?;
    let spot = match place {
        None => World::personal_chat(&who),
        Some(place) => world
            .spot(place, book)
            .map_err(|reason| Fault::error("test::given", reason).under("in"))?,
    };
    Ok((who, spot))
}

/// The press with what comes with the button on the newest card of this test that has it: its name and its data.
pub fn on_card<'a>(given: &Given, made: impl DoubleEndedIterator<Item = &'a Made>) -> Given {
    given.changed(|data| {
        let button = data["button"].as_str().unwrap_or_default().to_owned();
        let cards = made.rev().filter_map(|made| match &made.outcome {
            Outcome::Matched(matched) => Some(matched.updated.iter().rev().chain(matched.sent.iter().rev())),
            Outcome::NotMet(_) | Outcome::NoMatch(_) => None,
        });
        let contents = cards.flatten().filter_map(|sent| match &sent.card.content {
            Content::Adaptive(card) => Some(card),
            Content::Text(_) | Content::Notification(_) => None,
        });
        let Some((action, name)) = contents.into_iter().find_map(|card| find(card, &button)) else {
            return;
        };
        let mut sent = match &action["data"] {
            Value::Object(fields) => fields.clone(),
            _ => serde_json::Map::new(),
        };
        sent.extend(data["data"].as_object().cloned().unwrap_or_default());
        data["button"] = json!(name);
        data["title"] = action["title"].clone();
        data["data"] = Value::Object(sent);
    })
}

/// The action with this name or title, wherever in the card it stands, and its name.
fn find<'a>(value: &'a Value, button: &str) -> Option<(&'a Value, String)> {
    match value {
        Value::Object(fields) => {
            let name = match value["type"].as_str() {
                Some("Action.Execute") => value["verb"].as_str(),
                Some("Action.Submit") => ["button", "verb", "action"]
                    .into_iter()
                    .find_map(|key| value["data"][key].as_str()),
                Some(_) | None => None,
            };
            if let Some(name) = name
                && (name == button
                    || name
                        .strip_prefix(OURS)
                        .is_some_and(|deed| deed.eq_ignore_ascii_case(button))
                    || value["title"] == button)
            {
                return Some((value, name.to_owned()));
            }
            fields.values().find_map(|inner| find(inner, button))
        }
        Value::Array(items) => items.iter().find_map(|inner| find(inner, button)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
