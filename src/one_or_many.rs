//! A value that may be written alone or as a list.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Value, json};

/// One `T` or a list of them; a list of one means the same as the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let read = match value {
            Value::Array(items) => items.into_iter().map(serde_json::from_value).collect::<Result<_, _>>(),
            one => serde_json::from_value(one).map(|one| vec![one]),
        };
        read.map(Self).map_err(serde::de::Error::custom)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    /// The keywords for an object or a text and those for a list stand side by side in one schema: each applies to
    /// its own kind only. An `anyOf` would say the same, but editors and messages lose their way in it.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        let items = generator.subschema_for::<T>();
        let mut kinds = match schema.remove("type") {
            Some(Value::Array(kinds)) => kinds,
            Some(kind) => vec![kind],
            None => Vec::new(),
        };
        kinds.push(json!("array"));
        schema.insert("type".into(), Value::Array(kinds));
        schema.insert("items".into(), items.to_value());
        schema.insert("minItems".into(), json!(1));
        schema
    }
}
