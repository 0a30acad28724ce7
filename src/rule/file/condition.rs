//! The shape of conditions: `if`, `where`, and what stands behind a field. Described for the schema alone.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::rule::comparison::WORDS;

/// What must be true: field and expected value, line by line; `any`, `all` and `not` nest.
#[derive(Debug, Clone)]
pub struct ConditionFile;

impl JsonSchema for ConditionFile {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let this = generator.subschema_for::<ConditionFile>();
        let expected = generator.subschema_for::<ExpectedFile>();
        json_schema!({
            "title": "Condition",
            "description": "Every line must hold. A line is a field and what is expected of it: a value (is), a list (is one of), or a word such as `contains:`.",
            "type": "object",
            "minProperties": 1,
            "properties": {
                "all": {
                    "description": "Every one of these must hold.",
                    "type": "array", "minItems": 1, "items": this,
                    "examples": [[{ "event.state": "failure" }, { "event.branch": "main" }]],
                },
                "any": {
                    "description": "At least one of these must hold.",
                    "type": "array", "minItems": 1, "items": this,
                    "examples": [[{ "event.state": "failure" }, { "event.attempts": { "at_least": 3 } }]],
                },
                "not": {
                    "description": "This must not hold.",
                    "allOf": [this],
                    "examples": [{ "event.branch": "main" }],
                },
                "expression": {
                    "description": "A CEL expression that must be true, for what cannot be said in lines.",
                    "type": "string",
                    "examples": ["event.commits.size() > 3 && event.ref == 'refs/heads/main'"],
                },
            },
            "additionalProperties": expected,
        })
    }
}

/// What must be true of a person: field and expected value, line by line.
#[derive(Debug, Clone)]
pub struct WhereFile;

impl JsonSchema for WhereFile {
    fn schema_name() -> Cow<'static, str> {
        "Where".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let this = generator.subschema_for::<WhereFile>();
        let expected = generator.subschema_for::<ExpectedFile>();
        json_schema!({
            "title": "Where",
            "description": "Every line must hold of a person. A line is a field of people and what is expected of it, with the words of `if`.",
            "type": "object",
            "minProperties": 1,
            "properties": {
                "all": {
                    "description": "Every one of these must hold.",
                    "type": "array", "minItems": 1, "items": this,
                    "examples": [[{ "office": "Berlin" }, { "guest": false }]],
                },
                "any": {
                    "description": "At least one of these must hold.",
                    "type": "array", "minItems": 1, "items": this,
                    "examples": [[{ "office": "Berlin" }, { "office": "Hamburg" }]],
                },
                "not": {
                    "description": "This must not hold.",
                    "allOf": [this],
                    "examples": [{ "guest": true }],
                },
            },
            "additionalProperties": expected,
        })
    }
}

/// What is expected of a field.
#[derive(Debug, Clone)]
pub struct ExpectedFile;

/// What may stand behind a word, and an example.
fn behind(word: &str) -> (Value, Value) {
    match word {
        "is_not" => (
            json!(["string", "number", "boolean", "null", "array"]),
            json!(["main", "develop"]),
        ),
        "contains" => (json!(["string", "number", "boolean", "array"]), json!("urgent")),
        "starts_with" => (json!(["string", "array"]), json!("release/")),
        "ends_with" => (json!(["string", "array"]), json!([".csv", ".xlsx"])),
        "matches" => (json!("string"), json!("^v[0-9]+$")),
        "exists" => (json!("boolean"), json!(true)),
        _ => (json!(["number", "string"]), json!(3)),
    }
}

impl JsonSchema for ExpectedFile {
    fn schema_name() -> Cow<'static, str> {
        "Expected".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        for (word, meaning) in WORDS {
            let (kinds, example) = behind(word);
            let meaning = format!("Holds if {meaning}.");
            properties.insert(
                word.to_owned(),
                json!({ "description": meaning, "type": kinds, "x-null": true, "examples": [example] }),
            );
        }
        json_schema!({
            "title": "Expected",
            "description": "A value: the field is this. A list: it is one of these. A mapping: a word and its value.",
            "type": ["string", "number", "boolean", "null", "array", "object"],
            "x-null": true,
            "minProperties": 1,
            "minItems": 1,
            "properties": properties,
            "additionalProperties": false,
            "items": { "type": ["string", "number", "boolean", "null"], "x-null": true },
        })
    }
}
