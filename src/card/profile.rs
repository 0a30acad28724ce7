//! What Teams shows of Adaptive Cards: version 1.5, these elements and actions. Templates are checked when they are
//! compiled, cards once more before they are sent.

use serde_json::{Map, Value};

use crate::card::tag::suggestion;
use crate::card::warning::Warnings;
use crate::diagnostic::{Fault, Step, did_you_mean};

/// The version cards are sent as when their template names none.
pub(crate) const VERSION: &str = "1.5";
/// Where the schema of Adaptive Cards is.
pub(crate) const SCHEMA: &str = "http://adaptivecards.io/schemas/adaptive-card.json";
/// Levels of a card looked at.
const DEEPEST: usize = 96;

/// What can stand in one sort of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Card,
    Element,
    Action,
    Column,
    Row,
    Cell,
    Inline,
    Image,
    Fact,
    Choice,
}

/// Elements and the keys they cannot be without.
const ELEMENTS: &[(&str, &[&str])] = &[
    ("TextBlock", &["text"]),
    ("RichTextBlock", &["inlines"]),
    ("Image", &["url"]),
    ("ImageSet", &["images"]),
    ("Container", &["items"]),
    ("ColumnSet", &["columns"]),
    ("FactSet", &["facts"]),
    ("ActionSet", &["actions"]),
    ("Table", &["rows"]),
    ("CodeBlock", &["codeSnippet"]),
    ("Component", &["name"]),
    ("Input.Text", &["id"]),
    ("Input.Number", &["id"]),
    ("Input.Date", &["id"]),
    ("Input.Time", &["id"]),
    ("Input.Toggle", &["id", "title"]),
    ("Input.ChoiceSet", &["id"]),
];

/// Actions and the keys they cannot be without.
const ACTIONS: &[(&str, &[&str])] = &[
    ("Action.OpenUrl", &["url"]),
    ("Action.Submit", &[]),
    ("Action.Execute", &[]),
    ("Action.ShowCard", &["card"]),
    ("Action.ToggleVisibility", &["targetElements"]),
];

/// Elements and actions that Teams does not show, and what to write instead.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("Media", "link to the recording with an Action.OpenUrl"),
    ("Action.Http", "Teams knows `Action.OpenUrl` and `Action.Execute`"),
];

/// Keys that Teams knows somewhere in a card: a key near one of them is a slip.
const KEYS: &[&str] = &[
    "type",
    "version",
    "$schema",
    "body",
    "actions",
    "items",
    "columns",
    "rows",
    "cells",
    "facts",
    "images",
    "inlines",
    "choices",
    "text",
    "title",
    "value",
    "url",
    "altText",
    "size",
    "weight",
    "color",
    "isSubtle",
    "wrap",
    "maxLines",
    "horizontalAlignment",
    "verticalContentAlignment",
    "height",
    "width",
    "minHeight",
    "spacing",
    "separator",
    "style",
    "bleed",
    "backgroundImage",
    "backgroundColor",
    "selectAction",
    "isVisible",
    "id",
    "fallback",
    "requires",
    "fontType",
    "highlight",
    "italic",
    "strikethrough",
    "underline",
    "imageSize",
    "rtl",
    "speak",
    "lang",
    "fallbackText",
    "msteams",
    "refresh",
    "authentication",
    "iconUrl",
    "tooltip",
    "isEnabled",
    "mode",
    "data",
    "verb",
    "associatedInputs",
    "card",
    "targetElements",
    "elementId",
    "placeholder",
    "label",
    "isRequired",
    "errorMessage",
    "isMultiline",
    "maxLength",
    "regex",
    "inlineAction",
    "min",
    "max",
    "valueOn",
    "valueOff",
    "isMultiSelect",
    "fillMode",
    "firstRowAsHeader",
    "firstRowAsHeaders",
    "showGridLines",
    "gridStyle",
    "horizontalCellContentAlignment",
    "verticalCellContentAlignment",
    "codeSnippet",
    "language",
    "startLineNumber",
    "name",
    "properties",
    "metadata",
];

/// Keys that are near a known one and right all the same.
fn sort_under(sort: Sort, kind: Option<&str>, key: &str) -> Option<Sort> {
    match key {
        "body" => Some(Sort::Element),
        "items" => Some(Sort::Element),
        "actions" => Some(Sort::Action),
        "selectAction" | "inlineAction" | "action" => Some(Sort::Action),
        "columns" if kind == Some("ColumnSet") => Some(Sort::Column),
        "rows" => Some(Sort::Row),
        "cells" => Some(Sort::Cell),
        "inlines" => Some(Sort::Inline),
        "images" => Some(Sort::Image),
        "facts" => Some(Sort::Fact),
        "choices" => Some(Sort::Choice),
        "card" => Some(Sort::Card),
        "fallback" => Some(sort),
        _ => None,
    }
}

/// Finds what Teams would not show in a card or template; holes are taken for whatever they need to be.
pub(crate) fn check(document: &Value) -> Vec<Fault> {
    let mut checker = Checker {
        faults: Vec::new(),
        path: Vec::new(),
    };
    checker.value(document, Sort::Card);
    checker.faults
}

struct Checker {
    faults: Vec<Fault>,
    path: Vec<Step>,
}

impl Checker {
    fn fault(&mut self, mut fault: Fault, key: Option<&str>) {
        fault.path = self.path.clone();
        fault.path.extend(key.map(Step::from));
        self.faults.push(fault);
    }

    fn value(&mut self, value: &Value, sort: Sort) {
        if self.path.len() > DEEPEST {
            return;
        }
        match value {
            Value::Object(fields) => self.object(fields, sort),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(index.into());
                    self.value(item, sort);
                    self.path.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, sort: Sort) {
        if fields.contains_key("$partial") {
            return;
        }
        let kind = fields.get("type").and_then(Value::as_str);
        match sort {
            Sort::Card => self.card(fields, kind),
            Sort::Element => self.known(fields, kind, ELEMENTS, "element"),
            Sort::Action => self.known(fields, kind, ACTIONS, "action"),
            Sort::Column | Sort::Row | Sort::Cell | Sort::Inline | Sort::Image | Sort::Fact | Sort::Choice => {}
        }
        for (key, value) in fields {
            self.key(key);
            if let Some(inner) = sort_under(sort, kind, key) {
                self.path.push(key.as_str().into());
                self.value(value, inner);
                self.path.pop();
            }
        }
    }

    fn card(&mut self, fields: &Map<String, Value>, kind: Option<&str>) {
        if let Some(kind) = kind
            && kind != "AdaptiveCard"
        {
            let fault = Fault::error("card::type", format!("a card is of type `AdaptiveCard`, not `{kind}`"));
            self.fault(fault.help("put elements under `body:`"), Some("type"));
        }
        match fields.get("version") {
            None => {}
            Some(Value::String(version)) if is_shown(version) => {}
            Some(version) => {
                let written = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
                let fault = Fault::error(
                    "card::version",
                    format!("Teams shows Adaptive Cards up to {VERSION}, not {written}"),
                );
                self.fault(fault.help(format!("write `version: \"{VERSION}\"`")), Some("version"));
            }
        }
        let shows = ["body", "actions", "items"].iter().any(|key| fields.contains_key(*key));
        if !shows {
            let fault = Fault::error("card::body", "the card has no `body` and would be empty");
            self.fault(fault.help("list its elements under `body:`"), None);
        }
    }

    fn known(&mut self, fields: &Map<String, Value>, kind: Option<&str>, known: &[(&str, &[&str])], noun: &str) {
        let Some(kind) = kind else {
            let mut fault = Fault::error("card::type", format!("this {noun} has no `type`"));
            let names: Vec<&str> = known.iter().take(3).map(|(name, _)| *name).collect();
            fault.help = Some(format!("say what it is: `type: {}`", names.join("`, `type: ")));
            return self.fault(fault, None);
        };
        if let Some((_, instead)) = UNSUPPORTED.iter().find(|(name, _)| *name == kind) {
            let fault = Fault::error("card::element", format!("Teams does not show `{kind}`"));
            return self.fault(fault.help(*instead), Some("type"));
        }
        let Some((_, needed)) = known.iter().find(|(name, _)| *name == kind) else {
            let mut fault = Fault::error("card::element", format!("Teams knows no {noun} `{kind}`"));
            fault.help = suggestion(kind, known.iter().map(|(name, _)| *name)).or_else(|| {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                Some(format!("it knows {}", names.join(", ")))
            });
            return self.fault(fault, Some("type"));
        };
        for key in *needed {
            if !fields.contains_key(*key) {
                self.fault(Fault::error("card::key", format!("this `{kind}` has no `{key}`")), None);
            }
        }
    }

    fn key(&mut self, key: &str) {
        if KEYS.contains(&key) || key.starts_with('$') {
            return;
        }
        let near = did_you_mean(key, KEYS.iter().copied());
        if let Some(near) = near {
            let fault = Fault::warning("card::key", format!("Teams knows no `{key}` and ignores it"));
            self.fault(fault.on_key().help(format!("did you mean `{near}`?")), Some(key));
        }
    }
}

/// Whether Teams shows cards of this version.
fn is_shown(version: &str) -> bool {
    match version.split_once('.') {
        Some(("1", minor)) => minor.parse::<u32>().is_ok_and(|minor| minor <= 5),
        _ => false,
    }
}

/// Makes a filled card presentable: adds what every card has, and takes out elements that lost what they need (a fact
/// list that is no list, an image without address), because Teams refuses the whole card for one of them.
///
/// None when it is no card at all, or nothing of it is left.
pub(crate) fn tidy(card: Value, seen: &mut Warnings) -> Option<Value> {
    let Value::Object(mut fields) = card else { return None };
    tidy_object(&mut fields, Sort::Card, seen, 0);
    let has = |fields: &Map<String, Value>, key: &str| {
        fields
            .get(key)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty())
    };
    if !has(&fields, "body") && !has(&fields, "actions") {
        return None;
    }
    let mut card = Map::new();
    card.insert("type".to_owned(), Value::from("AdaptiveCard"));
    card.insert("$schema".to_owned(), Value::from(SCHEMA));
    let version = fields
        .get("version")
        .and_then(Value::as_str)
        .filter(|version| is_shown(version))
        .unwrap_or(VERSION);
    card.insert("version".to_owned(), Value::from(version));
    card.extend(
        fields
            .into_iter()
            .filter(|(key, _)| !matches!(key.as_str(), "type" | "$schema" | "version")),
    );
    Some(Value::Object(card))
}

fn tidy_object(fields: &mut Map<String, Value>, sort: Sort, seen: &mut Warnings, depth: usize) {
    let kind = fields.get("type").and_then(Value::as_str).map(str::to_owned);
    let mut lost: Vec<String> = Vec::new();
    for (key, value) in fields.iter_mut() {
        let Some(inner) = sort_under(sort, kind.as_deref(), key) else {
            continue;
        };
        match value {
            Value::Array(items) if !matches!(key.as_str(), "selectAction" | "card" | "action") => {
                items.retain_mut(|item| keep(item, inner, seen, depth + 1));
            }
            Value::Object(_)
                if matches!(
                    key.as_str(),
                    "selectAction" | "inlineAction" | "action" | "card" | "fallback"
                ) =>
            {
                if !keep(value, inner, seen, depth + 1) {
                    lost.push(key.clone());
                }
            }
            Value::String(_) if key == "fallback" => {}
            _ => {
                seen.add(format!(
                    "`{key}` came to something that is no list of elements and is left out"
                ));
                lost.push(key.clone());
            }
        }
    }
    for key in lost {
        fields.remove(&key);
    }
}

/// Whether a filled part of a card can stay.
fn keep(value: &mut Value, sort: Sort, seen: &mut Warnings, depth: usize) -> bool {
    if depth > DEEPEST {
        return false;
    }
    if sort == Sort::Inline && value.is_string() {
        return true;
    }
    let Value::Object(fields) = value else {
        seen.add("something that is no element stands among the elements of the card and is left out");
        return false;
    };
    tidy_object(fields, sort, seen, depth);
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let known = match sort {
        Sort::Element => ELEMENTS,
        Sort::Action => ACTIONS,
        Sort::Fact => {
            let is_text = |key: &str| fields.get(key).is_some_and(Value::is_string);
            return is_text("title") && is_text("value");
        }
        Sort::Image => return fields.get("url").is_some_and(Value::is_string),
        Sort::Choice | Sort::Column | Sort::Row | Sort::Cell | Sort::Inline => return true,
        Sort::Card => return fields.contains_key("body"),
    };
    let Some((_, needed)) = known.iter().find(|(name, _)| *name == kind) else {
        seen.add(format!("`{kind}` is nothing that Teams shows and is left out"));
        return false;
    };
    let complete = needed.iter().all(|key| match fields.get(*key) {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(_) | Value::Object(_)) => true,
        Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => false,
    });
    // An empty list of facts or alerts is no mistake, only nothing to show.
    complete
}
