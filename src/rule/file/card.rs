//! The shape of a card that stands in its rule.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

/// A card written in the rule: a template with values, a short card, or a plain message.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Card", extend("x-decide" = { "template": ["with"], "message": [], "*": ["summary", "full_width"] }))]
pub struct CardFile {
    /// The name of a file in `templates/`, without its ending.
    #[schemars(extend("examples" = ["deploy-failed"]))]
    pub template: Option<String>,
    /// With `template`: values that the template uses by name.
    #[schemars(extend("examples" = [{ "title": "{{event.repository.name}}: deploy failed" }]))]
    pub with: Option<IndexMap<String, Value>>,
    /// A plain message instead of a card, in Markdown.
    #[schemars(extend("examples" = ["Build {{event.build.number}} is done."]))]
    pub message: Option<String>,
    /// The heading of a short card.
    #[schemars(extend("examples" = ["{{event.repository.name}}: deploy failed"]))]
    pub title: Option<String>,
    /// The text of a short card, in Markdown.
    #[schemars(extend("examples" = ["{{event.deployment_status.description}}"]))]
    pub text: Option<String>,
    /// Name and value, line by line. Or a list of `{ title, value }`, where `$data` repeats a line for each item of a list.
    #[schemars(with = "Option<FactsFile>")]
    #[schemars(extend("examples" = [{ "Environment": "{{event.deployment.environment}}", "By": "{{event.sender.login}}" }]))]
    pub facts: Option<Value>,
    /// Buttons: what is on the button, and the address of the page that it opens; or `{ press: NAME }` for one that a rule
    /// with `button: NAME` answers, with values for it under `with`. Or a list of `{ title, url }` and `{ title, press }`.
    #[schemars(with = "Option<ButtonsFile>")]
    #[schemars(extend("examples" = [
        { "Open the log": "{{event.deployment_status.log_url}}" },
        { "I am on it": { "press": "on-it", "with": { "incident": "{{event.id}}" } } },
    ]))]
    pub buttons: Option<Value>,
    /// The colour of the heading.
    #[schemars(extend("examples" = ["attention"]))]
    #[schemars(with = "Option<StyleFile>")]
    pub style: Option<Value>,
    /// The address of a picture.
    #[schemars(extend("examples" = ["https://contoso.example/logo.png"]))]
    pub image: Option<String>,
    /// The one line that notifications and the activity feed show. Without it, the card's first words.
    #[schemars(extend("examples" = ["{{event.repository.name}}: deploy failed"]))]
    pub summary: Option<String>,
    /// Use the whole width of the conversation, or do not. Without it, a short card with a text or facts does.
    #[schemars(extend("examples" = [true]))]
    pub full_width: Option<bool>,
}

/// The facts of a short card.
#[derive(Debug, Clone)]
pub struct FactsFile;

impl JsonSchema for FactsFile {
    fn schema_name() -> Cow<'static, str> {
        "Facts".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        lines(
            "value",
            "The value.",
            "{{event.deployment.environment}}",
            &["string", "number", "boolean"],
        )
    }
}

/// The buttons of a short card.
#[derive(Debug, Clone)]
pub struct ButtonsFile;

impl JsonSchema for ButtonsFile {
    fn schema_name() -> Cow<'static, str> {
        "Buttons".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = lines("url", "The page that opens.", "{{event.html_url}}", &["string"]);
        let press = json!({
            "description": "The name of the button: a rule with `button:` and this name answers it.",
            "type": "string",
            "examples": ["on-it"],
        });
        let with = json!({
            "description": "With `press`: values that the rule sees as `event.data`.",
            "type": "object",
            "examples": [{ "incident": "{{event.id}}" }],
        });
        let fields = json!({ "press": press, "with": with });
        if let Some(listed) = schema.pointer_mut("/items/properties").and_then(Value::as_object_mut) {
            listed.extend(fields.as_object().cloned().unwrap_or_default());
        }
        if let Some(labelled) = schema.get_mut("additionalProperties") {
            *labelled = json!({ "type": ["string", "object"], "properties": fields });
        }
        schema
    }
}

/// Label and value, as a mapping or as a list.
fn lines(key: &str, description: &str, example: &str, kinds: &[&str]) -> Schema {
    let mut fields = serde_json::Map::new();
    let mut add = |name: &str, description: &str, kinds: Value, example: &str| {
        let field = json!({ "description": description, "type": kinds, "examples": [example] });
        fields.insert(name.to_owned(), field);
    };
    add("title", "The label.", json!("string"), "Environment");
    add(key, description, json!(kinds), example);
    add(
        "$data",
        "A list: the line is there once for each item.",
        json!(["string", "array"]),
        "{{event.alerts}}",
    );
    add(
        "$when",
        "The line is there only if this is true.",
        json!(["string", "boolean"]),
        "{{event.urgent}}",
    );
    json_schema!({
        "type": ["object", "array"],
        "additionalProperties": { "type": kinds },
        // More is possible (elements of a template, partials); the room of cards judges it.
        "items": { "type": ["object", "string"], "properties": fields },
        "minProperties": 1,
        "minItems": 1,
    })
}

/// The colour of a short card's heading.
#[derive(Debug, Clone)]
pub struct StyleFile;

impl JsonSchema for StyleFile {
    fn schema_name() -> Cow<'static, str> {
        "Style".into()
    }

    fn inline_schema() -> bool {
        true
    }

    /// The words are offered; others are let through, because a text with holes may come to one of them.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const STYLES: [(&str, &str); 6] = [
            ("default", "Plain."),
            ("emphasis", "Set off from its surroundings."),
            ("good", "Good news: green."),
            ("attention", "Bad news: red."),
            ("warning", "Take care: yellow."),
            ("accent", "The colour of the theme."),
        ];
        let (words, meanings): (Vec<&str>, Vec<&str>) = STYLES.into_iter().unzip();
        json_schema!({ "anyOf": [{ "enum": words, "enumDescriptions": meanings }, { "type": "string" }] })
    }
}
