//! The shape of a template that is an Adaptive Card: enough for an editor to complete elements and actions, never so
//! strict that it refuses what Teams shows. What Teams refuses is judged where cards are compiled.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// A template: an Adaptive Card with `{{holes}}` in its texts.
#[derive(Debug, Clone)]
pub struct TemplateFile;

/// Elements of a card, with what each is good for.
const ELEMENTS: [(&str, &str); 21] = [
    ("TextBlock", "A text."),
    ("RichTextBlock", "A text whose parts look different."),
    ("Image", "A picture."),
    ("ImageSet", "Several pictures, side by side."),
    ("Media", "A video or a sound."),
    ("FactSet", "Name and value, line by line."),
    ("Container", "Elements that belong together."),
    ("ColumnSet", "Columns, side by side."),
    ("Column", "One column of a ColumnSet."),
    ("Table", "Rows and cells."),
    ("TableRow", "One row of a Table."),
    ("TableCell", "One cell of a row."),
    ("ActionSet", "Buttons within the body."),
    ("TextRun", "A part of a RichTextBlock."),
    ("Input.Text", "A field for text."),
    ("Input.Number", "A field for a number."),
    ("Input.Date", "A field for a date."),
    ("Input.Time", "A field for a time."),
    ("Input.Toggle", "A tick box."),
    ("Input.ChoiceSet", "A list to choose from."),
    ("CodeBlock", "A piece of code (Teams only)."),
];

/// Buttons, with what each does.
const ACTIONS: [(&str, &str); 5] = [
    ("Action.OpenUrl", "Opens a page."),
    ("Action.Submit", "Sends the fields to the bot."),
    (
        "Action.Execute",
        "Sends the fields to the bot, which may answer with another card.",
    ),
    ("Action.ShowCard", "Unfolds another card."),
    ("Action.ToggleVisibility", "Shows or hides elements."),
];

impl JsonSchema for TemplateFile {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.definitions_mut().insert("Element".into(), element());
        generator.definitions_mut().insert("Action".into(), action());
        let mut properties = fields(&[
            (
                "$schema",
                "string",
                "Where the schema of Adaptive Cards lives; it changes nothing here.",
                json!("http://adaptivecards.io/schemas/adaptive-card.json"),
            ),
            (
                "version",
                "string",
                "The version of Adaptive Cards, in quotes. Teams shows up to \"1.5\".",
                json!("1.5"),
            ),
            (
                "fallbackText",
                "string",
                "What is shown where cards cannot be.",
                json!("{{event.title}}"),
            ),
            ("speak", "string", "What is read aloud.", json!("{{event.title}}")),
            ("lang", "string", "The language of the card's texts.", json!("en")),
            ("rtl", "boolean", "The texts run from right to left.", json!(true)),
            ("minHeight", "string", "The least height.", json!("100px")),
            (
                "msteams",
                "object",
                "What only Teams knows: `width: Full`, mentions.",
                json!({ "width": "Full" }),
            ),
            (
                "metadata",
                "object",
                "Facts about the card, such as the page it stands for.",
                json!({ "webUrl": "{{event.url}}" }),
            ),
            (
                "refresh",
                "object",
                "When and how the card is asked for again.",
                json!({ "userIds": [] }),
            ),
            (
                "authentication",
                "object",
                "How the card signs people in.",
                json!({ "text": "Please sign in" }),
            ),
        ]);
        properties.insert(
            "type".into(),
            json!({
                "description": "Says that this is an Adaptive Card.",
                "type": "string", "enum": ["AdaptiveCard"], "examples": ["AdaptiveCard"],
            }),
        );
        properties.insert(
            "body".into(),
            list(
                "Element",
                "What the card shows, from top to bottom.",
                json!([{ "type": "TextBlock", "text": "{{event.title}}" }]),
            ),
        );
        properties.insert(
            "actions".into(),
            list(
                "Action",
                "The buttons below the card.",
                json!([{ "type": "Action.OpenUrl", "title": "Open", "url": "{{event.url}}" }]),
            ),
        );
        properties.insert(
            "selectAction".into(),
            one(
                "Action",
                "What a tap on the card does.",
                json!({ "type": "Action.OpenUrl", "url": "{{event.url}}" }),
            ),
        );
        properties.insert(
            "backgroundImage".into(),
            json!({
                "description": "A picture behind the card: its address, or a mapping with more.",
                "type": ["string", "object"], "examples": ["https://contoso.example/background.png"],
            }),
        );
        properties.insert(
            "verticalContentAlignment".into(),
            json!({
                "description": "Where the body stands when the card is higher than it.",
                "type": "string", "examples": ["center"],
            }),
        );
        repetition(&mut properties);
        json_schema!({
            "title": "Template",
            "description": "An Adaptive Card. Texts may have holes: `{{event.title}}`.",
            "type": "object",
            "properties": properties,
        })
    }
}

fn element() -> Value {
    let mut properties = fields(&[
        (
            "id",
            "string",
            "A name by which buttons find the element.",
            json!("details"),
        ),
        ("text", "string", "The text, in Markdown.", json!("{{event.title}}")),
        (
            "url",
            "string",
            "The address of the picture.",
            json!("https://contoso.example/logo.png"),
        ),
        (
            "altText",
            "string",
            "What the picture shows, for people who do not see it.",
            json!("The logo"),
        ),
        (
            "title",
            "string",
            "The words beside the field or on it.",
            json!("I agree"),
        ),
        ("label", "string", "The words above the field.", json!("Reason")),
        ("placeholder", "string", "The words in an empty field.", json!("Why?")),
        (
            "weight",
            "string",
            "How bold the text is: lighter, default, bolder.",
            json!("bolder"),
        ),
        (
            "size",
            "string",
            "How large: small, default, medium, large, extraLarge; for pictures auto, stretch, small, medium, large.",
            json!("large"),
        ),
        (
            "color",
            "string",
            "The colour of the text: default, dark, light, accent, good, warning, attention.",
            json!("attention"),
        ),
        (
            "style",
            "string",
            "How it is set off: default, emphasis, good, attention, warning, accent; texts also heading.",
            json!("heading"),
        ),
        (
            "spacing",
            "string",
            "The space above: none, small, default, medium, large, extraLarge, padding.",
            json!("medium"),
        ),
        (
            "horizontalAlignment",
            "string",
            "left, center or right.",
            json!("center"),
        ),
        (
            "facts",
            "array",
            "The facts of a FactSet: `title` and `value`.",
            json!([{ "title": "By", "value": "{{event.sender.login}}" }]),
        ),
        (
            "images",
            "array",
            "The pictures of an ImageSet.",
            json!([{ "type": "Image", "url": "{{url}}" }]),
        ),
        (
            "choices",
            "array",
            "The choices of an Input.ChoiceSet: `title` and `value`.",
            json!([{ "title": "Yes", "value": "yes" }]),
        ),
        (
            "inlines",
            "array",
            "The parts of a RichTextBlock.",
            json!([{ "type": "TextRun", "text": "{{event.title}}" }]),
        ),
    ]);
    for (key, description) in [
        ("wrap", "The text may take several lines."),
        ("isSubtle", "The text is dimmed."),
        ("separator", "A line above."),
        ("isVisible", "Shown from the start."),
        ("bleed", "Reaches to the edges."),
        ("isRequired", "The field must be filled in."),
    ] {
        // A hole may decide it: the template's text becomes the value's kind when it is filled.
        properties.insert(
            key.into(),
            json!({ "description": description, "type": ["boolean", "string"], "examples": [true] }),
        );
    }
    properties.insert("type".into(), word("What kind of element.", &ELEMENTS, "TextBlock"));
    properties.insert(
        "items".into(),
        list(
            "Element",
            "The elements of a Container, Column or TableCell.",
            json!([{ "type": "TextBlock", "text": "{{name}}" }]),
        ),
    );
    properties.insert(
        "columns".into(),
        list(
            "Element",
            "The columns of a ColumnSet or Table.",
            json!([{ "type": "Column", "width": "auto", "items": [] }]),
        ),
    );
    properties.insert(
        "rows".into(),
        list(
            "Element",
            "The rows of a Table.",
            json!([{ "type": "TableRow", "cells": [] }]),
        ),
    );
    properties.insert(
        "cells".into(),
        list(
            "Element",
            "The cells of a TableRow.",
            json!([{ "type": "TableCell", "items": [] }]),
        ),
    );
    properties.insert(
        "actions".into(),
        list(
            "Action",
            "The buttons of an ActionSet.",
            json!([{ "type": "Action.OpenUrl", "title": "Open", "url": "{{event.url}}" }]),
        ),
    );
    properties.insert(
        "selectAction".into(),
        one(
            "Action",
            "What a tap does.",
            json!({ "type": "Action.OpenUrl", "url": "{{event.url}}" }),
        ),
    );
    repetition(&mut properties);
    json!({
        "title": "Element",
        "description": "An element of a card.",
        "type": ["object", "string"],
        "properties": properties,
    })
}

fn action() -> Value {
    let mut properties = fields(&[
        ("id", "string", "A name for the button.", json!("open")),
        ("title", "string", "The words on the button.", json!("Open")),
        ("url", "string", "The page that opens.", json!("{{event.url}}")),
        (
            "iconUrl",
            "string",
            "A small picture on the button.",
            json!("https://contoso.example/icon.png"),
        ),
        (
            "style",
            "string",
            "default, positive or destructive.",
            json!("positive"),
        ),
        (
            "tooltip",
            "string",
            "The words shown when the pointer rests on it.",
            json!("Opens the log"),
        ),
        ("verb", "string", "What an Action.Execute asks for.", json!("approve")),
        (
            "card",
            "object",
            "The card that an Action.ShowCard unfolds.",
            json!({ "type": "AdaptiveCard", "body": [] }),
        ),
        (
            "targetElements",
            "array",
            "What an Action.ToggleVisibility shows or hides.",
            json!(["details"]),
        ),
    ]);
    properties.insert(
        "data".into(),
        json!({
            "description": "What is sent along with the fields.",
            "type": ["object", "string"], "examples": [{ "answer": "yes" }],
        }),
    );
    properties.insert("type".into(), word("What the button does.", &ACTIONS, "Action.OpenUrl"));
    repetition(&mut properties);
    json!({
        "title": "Action",
        "description": "A button.",
        "type": ["object", "string"],
        "properties": properties,
    })
}

fn fields(fields: &[(&str, &str, &str, Value)]) -> Map<String, Value> {
    let field = |(key, kind, description, example): &(&str, &str, &str, Value)| {
        let schema = json!({ "description": description, "type": kind, "examples": [example] });
        ((*key).to_owned(), schema)
    };
    fields.iter().map(field).collect()
}

/// `$data` and `$when`: an element that repeats, an element that may be left out.
fn repetition(properties: &mut Map<String, Value>) {
    properties.insert("$data".into(), json!({
        "description": "A list: the element is shown once for each item. Its texts name the item's fields alone: `{{name}}`.",
        "type": ["string", "array", "object"], "examples": ["{{event.alerts}}"],
    }));
    properties.insert(
        "$when".into(),
        json!({
            "description": "The element is shown only if this is true.",
            "type": ["string", "boolean"], "examples": ["{{event.urgent}}"],
        }),
    );
}

/// Words are offered, others are let through: Teams learns new elements faster than any list.
fn word(description: &str, words: &[(&str, &str)], example: &str) -> Value {
    let (names, meanings): (Vec<&str>, Vec<&str>) = words.iter().copied().unzip();
    json!({
        "description": description,
        "anyOf": [{ "enum": names, "enumDescriptions": meanings }, { "type": "string" }],
        "examples": [example],
    })
}

fn list(of: &str, description: &str, example: Value) -> Value {
    json!({
        "description": description,
        "type": ["array", "string"],
        "items": { "$ref": format!("#/definitions/{of}") },
        "examples": [example],
    })
}

fn one(of: &str, description: &str, example: Value) -> Value {
    json!({
        "description": description,
        "allOf": [{ "$ref": format!("#/definitions/{of}") }],
        "examples": [example],
    })
}
