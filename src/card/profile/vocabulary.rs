//! The words of Adaptive Cards that Teams knows.

use serde_json::Value;

/// What can stand in one sort of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
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
pub(super) const ELEMENTS: &[(&str, &[&str])] = &[
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
pub(super) const ACTIONS: &[(&str, &[&str])] = &[
    ("Action.OpenUrl", &["url"]),
    ("Action.Submit", &[]),
    ("Action.Execute", &[]),
    ("Action.ShowCard", &["card"]),
    ("Action.ToggleVisibility", &["targetElements"]),
];

/// Elements and actions that Teams does not show, and what to write instead.
pub(super) const UNSUPPORTED: &[(&str, &str)] = &[
    ("Media", "link to the recording with an Action.OpenUrl"),
    ("Action.Http", "Teams knows `Action.OpenUrl` and `Action.Execute`"),
];

/// Keys that Teams knows somewhere in a card: a key near one of them is a slip.
pub(super) const KEYS: &[&str] = &[
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

/// Settings that are true or false.
pub(super) const SWITCHES: &[&str] = &[
    "isVisible",
    "wrap",
    "separator",
    "bleed",
    "isSubtle",
    "isRequired",
    "isMultiline",
    "isMultiSelect",
    "highlight",
    "italic",
    "strikethrough",
    "underline",
    "isEnabled",
    "rtl",
    "firstRowAsHeader",
    "firstRowAsHeaders",
    "showGridLines",
];

/// Settings that are whole numbers.
pub(super) const COUNTS: &[&str] = &["maxLines", "maxLength", "startLineNumber"];

pub(super) const ALIGNMENTS: &[&str] = &["left", "center", "right"];
pub(super) const SIZES: &[&str] = &["auto", "stretch", "small", "medium", "large", "default", "extraLarge"];

/// Settings that are one of some words; capitals do not matter.
pub(super) const WORDS: &[(&str, &[&str])] = &[
    (
        "color",
        &["default", "dark", "light", "accent", "good", "warning", "attention"],
    ),
    ("weight", &["default", "lighter", "bolder"]),
    ("size", SIZES),
    ("imageSize", SIZES),
    (
        "spacing",
        &["default", "none", "small", "medium", "large", "extraLarge", "padding"],
    ),
    ("fontType", &["default", "monospace"]),
    ("horizontalAlignment", ALIGNMENTS),
    ("horizontalCellContentAlignment", ALIGNMENTS),
    ("verticalContentAlignment", &["top", "center", "bottom"]),
    ("verticalCellContentAlignment", &["top", "center", "bottom"]),
    (
        "style",
        &[
            "default",
            "emphasis",
            "good",
            "attention",
            "warning",
            "accent",
            "heading",
            "columnHeader",
            "person",
            "positive",
            "destructive",
            "compact",
            "expanded",
            "filtered",
            "text",
            "tel",
            "url",
            "email",
            "password",
        ],
    ),
    ("mode", &["primary", "secondary"]),
];

/// What a setting has to be.
pub(super) enum Setting {
    Switch,
    Count,
    Word(&'static [&'static str]),
}

pub(super) fn setting(key: &str) -> Option<Setting> {
    if SWITCHES.contains(&key) {
        return Some(Setting::Switch);
    }
    if COUNTS.contains(&key) {
        return Some(Setting::Count);
    }
    WORDS
        .iter()
        .find(|(known, _)| *known == key)
        .map(|(_, words)| Setting::Word(words))
}

impl Setting {
    /// The value as Teams takes it; `"true"` and `"3"` from a template are meant as what they say.
    pub(super) fn accept(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Setting::Switch, Value::Bool(_)) => Some(value.clone()),
            (Setting::Switch, Value::String(text)) => {
                text.trim().to_lowercase().parse::<bool>().ok().map(Value::from)
            }
            (Setting::Count, Value::Number(number)) => number.as_u64().map(Value::from),
            (Setting::Count, Value::String(text)) => text.trim().parse::<u64>().ok().map(Value::from),
            (Setting::Word(words), Value::String(text)) => words
                .iter()
                .any(|word| word.eq_ignore_ascii_case(text))
                .then(|| value.clone()),
            _ => None,
        }
    }

    pub(super) fn wanted(&self) -> String {
        match self {
            Setting::Switch => "`true` or `false`".to_owned(),
            Setting::Count => "a whole number".to_owned(),
            Setting::Word(words) => format!("one of `{}`", words.join("`, `")),
        }
    }
}

/// What stands under `key` of an element or action.
pub(super) fn sort_under(sort: Sort, kind: Option<&str>, key: &str) -> Option<Sort> {
    match key {
        "body" => Some(Sort::Element),
        "items" => Some(Sort::Element),
        "actions" => Some(Sort::Action),
        "selectAction" | "inlineAction" | "action" => Some(Sort::Action),
        "columns" if kind == Some("ColumnSet") => Some(Sort::Column),
        "columns" => Some(Sort::Row),
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

/// Whether Teams shows cards of this version; YAML reads an unquoted `1.5` as a number.
pub(super) fn is_shown(version: &Value) -> bool {
    let text = match version {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.split_once('.') {
        Some(("1", minor)) => minor.parse::<u32>().is_ok_and(|minor| minor <= 5),
        _ => text == "1",
    }
}
