//! A MessageCard -> an Adaptive Card that looks like it.

use serde_json::{Map, Value, json};

use super::{block, color, markup, picture, quoted, words};
use crate::card::escape::{self, Dialect, web_address};
use crate::card::function::markup::PRESSABLE;
use crate::card::warning::Warnings;

/// Sections shown. Connectors showed ten.
const MOST_SECTIONS: usize = 50;
/// Facts of one section.
const MOST_FACTS: usize = 100;
/// Pictures of one section.
const MOST_PICTURES: usize = 20;
/// Buttons in one place.
const MOST_BUTTONS: usize = 20;

/// The card of a MessageCard, or of a bare title and text.
pub(super) fn convert(message: &Value, seen: &mut Warnings) -> Value {
    let style = text(message, "themeColor").and_then(|written| color::style(&written));
    let mut band: Vec<Value> = Vec::new();
    let mut body: Vec<Value> = Vec::new();
    if let Some(title) = text(message, "title") {
        band.push(heading(&markup::shown(&title, false, seen)));
    }
    let mut sections = message
        .get("sections")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if sections.len() > MOST_SECTIONS {
        seen.add(format!(
            "the message has {} sections; {MOST_SECTIONS} are shown",
            sections.len()
        ));
        sections = &sections[..MOST_SECTIONS];
    }
    if let Some(text) = text(message, "text") {
        body.push(block(&markup::shown(&text, true, seen)));
    }
    for (index, section) in sections.iter().enumerate() {
        let Some(section) = section.as_object() else {
            seen.add("a section that is no object is left out");
            continue;
        };
        let (head, rest) = parts(section, seen);
        // Without a title, the first section says what happened.
        let first = band.is_empty() && body.is_empty();
        let items = match first {
            true => {
                band.extend(head);
                rest
            }
            false => head.into_iter().chain(rest).collect(),
        };
        if items.is_empty() {
            continue;
        }
        let ruled = section.get("startGroup").and_then(Value::as_bool) == Some(true) && index > 0;
        let spacing = if ruled { "Large" } else { "Medium" };
        let mut container = json!({ "type": "Container", "spacing": spacing, "items": items });
        if ruled {
            container["separator"] = json!(true);
        }
        body.push(container);
    }
    if band.is_empty() && body.is_empty() {
        band.extend(text(message, "summary").map(|summary| heading(&markup::shown(&summary, false, seen))));
    }
    if let Some(actions) = buttons(message.get("potentialAction"), seen) {
        body.push(json!({ "type": "ActionSet", "actions": actions }));
    }
    let head = match style {
        Some(style) if !band.is_empty() => {
            vec![json!({ "type": "Container", "style": style, "bleed": true, "items": band })]
        }
        Some(_) | None => band,
    };
    let body: Vec<Value> = head.into_iter().chain(body).collect();
    json!({ "type": "AdaptiveCard", "body": body, "msteams": { "width": "Full" } })
}

/// The card of a hero or thumbnail card.
pub(super) fn of_hero(card: &Value, seen: &mut Warnings) -> Value {
    let mut body = Vec::new();
    body.extend(text(card, "title").map(|title| heading(&markup::shown(&title, false, seen))));
    body.extend(text(card, "subtitle").map(|subtitle| subtle(&markup::shown(&subtitle, false, seen))));
    body.extend(images(card.get("images"), "url", seen));
    body.extend(text(card, "text").map(|text| block(&markup::shown(&text, true, seen))));
    let mut actions = Vec::new();
    for button in list(card.get("buttons"), MOST_BUTTONS, "buttons", seen) {
        let title = text(button, "title").unwrap_or_else(|| "Open".to_owned());
        match text(button, "type").as_deref() {
            Some("openUrl") => actions.extend(opens(&title, &text(button, "value").unwrap_or_default(), seen)),
            _ => seen.add(format!(
                "the button `{}` is left out: it does not open a page",
                quoted(&title)
            )),
        }
    }
    if !actions.is_empty() {
        body.push(json!({ "type": "ActionSet", "actions": actions }));
    }
    json!({ "type": "AdaptiveCard", "body": body })
}

/// The title and activity of a section, and the rest of it.
fn parts(section: &Map<String, Value>, seen: &mut Warnings) -> (Vec<Value>, Vec<Value>) {
    let section = &Value::Object(section.clone());
    let markdown = section.get("markdown").and_then(Value::as_bool).unwrap_or(true);
    let shown = |key: &str, seen: &mut Warnings| -> Option<String> {
        let shown = markup::shown(&text(section, key)?, markdown, seen);
        (!shown.is_empty()).then_some(shown)
    };
    let mut head = Vec::new();
    head.extend(shown("title", seen).map(|title| bold(&title)));
    let mut activity = Vec::new();
    activity.extend(shown("activityTitle", seen).map(|title| bold(&title)));
    activity.extend(shown("activitySubtitle", seen).map(|subtitle| subtle(&subtitle)));
    activity.extend(shown("activityText", seen).map(|text| block(&text)));
    let face = text(section, "activityImage").and_then(|url| loaded(&url, seen));
    match face {
        Some(url) => {
            let round = text(section, "activityImageType").is_none_or(|kind| !kind.eq_ignore_ascii_case("article"));
            let image = json!({
                "type": "Image", "url": url, "size": "Small", "style": if round { "person" } else { "default" }, "altText": "",
            });
            let mut columns = vec![json!({ "type": "Column", "width": "auto", "items": [image] })];
            if !activity.is_empty() {
                columns.push(json!({
                    "type": "Column", "width": "stretch", "verticalContentAlignment": "Center", "items": activity,
                }));
            }
            head.push(json!({ "type": "ColumnSet", "columns": columns }));
        }
        None => head.extend(activity),
    }
    let mut rest = Vec::new();
    if let Some(hero) = section.get("heroImage") {
        let url = text(hero, "image").or_else(|| words(hero));
        if let Some(url) = url.and_then(|url| loaded(&url, seen)) {
            let title = text(hero, "title").unwrap_or_default();
            rest.push(json!({ "type": "Image", "url": url, "size": "Stretch", "altText": escape::one_line(&title) }));
        }
    }
    rest.extend(shown("text", seen).map(|text| block(&text)));
    let facts: Vec<Value> = list(section.get("facts"), MOST_FACTS, "facts", seen)
        .filter_map(|fact| {
            let name = ["name", "title", "key"]
                .iter()
                .find_map(|key| text(fact, key))
                .unwrap_or_default();
            let value = fact.get("value").and_then(words).unwrap_or_default();
            if name.is_empty() && value.is_empty() {
                return None;
            }
            let title = escape::neutral(&escape::one_line(&name), Dialect::Card, "");
            let value = markup::shown(&value, markdown, &mut Warnings::new());
            Some(json!({ "title": title, "value": if value.is_empty() { "–".to_owned() } else { value } }))
        })
        .collect();
    if !facts.is_empty() {
        rest.push(json!({ "type": "FactSet", "facts": facts }));
    }
    rest.extend(images(section.get("images"), "image", seen));
    if let Some(actions) = buttons(section.get("potentialAction"), seen) {
        rest.push(json!({ "type": "ActionSet", "actions": actions }));
    }
    (head, rest)
}

fn images(written: Option<&Value>, key: &str, seen: &mut Warnings) -> Option<Value> {
    let mut images = Vec::new();
    for image in list(written, MOST_PICTURES, "pictures", seen) {
        let url = text(image, key).or_else(|| words(image)).unwrap_or_default();
        if let Some(url) = loaded(&url, seen) {
            let title = ["title", "alt"]
                .iter()
                .find_map(|key| text(image, key))
                .unwrap_or_default();
            images.push(json!({ "type": "Image", "url": url, "altText": escape::one_line(&title) }));
        }
    }
    match images.len() {
        0 => None,
        1 => {
            let mut image = images.pop()?;
            image["size"] = json!("Auto");
            Some(image)
        }
        _ => Some(json!({ "type": "ImageSet", "imageSize": "Medium", "images": images })),
    }
}

/// The buttons of a `potentialAction`; none if none is left.
fn buttons(written: Option<&Value>, seen: &mut Warnings) -> Option<Vec<Value>> {
    let mut actions = Vec::new();
    // Some senders write one action without a list around it.
    let one = written.filter(|written| written.is_object());
    for action in one.into_iter().chain(list(written, MOST_BUTTONS, "buttons", seen)) {
        button(action, &mut actions, seen);
    }
    actions.truncate(MOST_BUTTONS);
    (!actions.is_empty()).then_some(actions)
}

fn button(action: &Value, actions: &mut Vec<Value>, seen: &mut Warnings) {
    let name = text(action, "name").unwrap_or_else(|| "Open".to_owned());
    let kind = text(action, "@type")
        .or_else(|| text(action, "type"))
        .unwrap_or_default();
    let without = |why: &str| format!("the button `{}` is left out: {why}", quoted(&name));
    match kind.as_str() {
        "OpenUri" | "ViewAction" => match target(action) {
            Some(url) => actions.extend(opens(&name, &url, seen)),
            None => seen.add(without("it has no address")),
        },
        "ActionCard" => {
            // What it would ask for goes to other programs by HttpPOST; links within need no answers.
            let before = actions.len();
            for inner in list(action.get("actions"), MOST_BUTTONS, "buttons", seen) {
                if text(inner, "@type").as_deref() == Some("OpenUri") {
                    button(inner, actions, seen);
                }
            }
            if actions.len() == before {
                seen.add(without("a card from a connector cannot ask questions here"));
            }
        }
        "HttpPOST" => seen.add(without(
            "Teams does not call other addresses from a bot's card (HttpPOST)",
        )),
        _ => seen.add(without("it is of no kind that opens a page")),
    }
}

/// The address for everybody, or else the first.
fn target(action: &Value) -> Option<String> {
    let Some(targets) = action.get("targets").and_then(Value::as_array) else {
        return match action.get("target")? {
            Value::Array(targets) => targets.first().and_then(words),
            target => words(target),
        };
    };
    let of = |os: &str| {
        targets
            .iter()
            .find(|target| text(target, "os").is_some_and(|named| named.eq_ignore_ascii_case(os)))
    };
    let target = of("default").or_else(|| of("windows")).or(targets.first())?;
    text(target, "uri")
}

fn opens(title: &str, url: &str, seen: &mut Warnings) -> Option<Value> {
    let title = escape::one_line(title);
    // `{{comment.value}}` would be filled from a question that cannot be asked.
    let address = web_address(url, &PRESSABLE).filter(|_| !url.contains("{{"));
    if address.is_none() {
        seen.add(format!(
            "the button `{}` is left out: `{}` is no address that a card may open",
            quoted(&title),
            quoted(url)
        ));
    }
    Some(json!({ "type": "Action.OpenUrl", "title": title, "url": address? }))
}

fn loaded(url: &str, seen: &mut Warnings) -> Option<String> {
    if url.trim().is_empty() {
        return None;
    }
    let address = picture(url);
    if address.is_none() {
        seen.add(format!(
            "the picture `{}` is left out: Teams loads pictures by https only",
            quoted(url)
        ));
    }
    address
}

/// The items of a list, no more than `most`.
fn list<'v>(
    written: Option<&'v Value>,
    most: usize,
    what: &str,
    seen: &mut Warnings,
) -> impl Iterator<Item = &'v Value> + use<'v> {
    let items = written.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if items.len() > most {
        seen.add(format!("of {} {what} {most} are shown", items.len()));
    }
    items.iter().take(most)
}

/// The words under `key`, if there are some.
fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(words).filter(|text| !text.trim().is_empty())
}

fn heading(text: &str) -> Value {
    json!({ "type": "TextBlock", "text": text, "wrap": true, "weight": "Bolder", "size": "Medium", "style": "heading" })
}

fn bold(text: &str) -> Value {
    json!({ "type": "TextBlock", "text": text, "wrap": true, "weight": "Bolder" })
}

fn subtle(text: &str) -> Value {
    json!({ "type": "TextBlock", "text": text, "wrap": true, "isSubtle": true, "size": "Small", "spacing": "None" })
}
