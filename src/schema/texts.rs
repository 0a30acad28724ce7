//! The shape of a file of translations: the only home of its schemars attributes. What it means is judged by
//! [`crate::card::localised`].

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::text_or::TextOr;

/// The texts of one language: a key, and what `{{text "key"}}` shows.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(title = "Texts", extend("examples" = [{ "deploy.failed": { "one": "One deploy failed", "other": "{{count}} deploys failed" }, "deploy.by": "by {{name}}" }]))]
pub struct TextsFile(pub IndexMap<String, TextOr<FormsFile>>);

/// A text in the forms that the language has for numbers: `{{text "key" count=3}}` chooses. English has `one` and `other`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Forms")]
pub struct FormsFile {
    /// For nothing, as in Arabic.
    #[schemars(extend("examples" = ["No deploy failed"]))]
    pub zero: Option<String>,
    /// For one; in some languages for 21 and 31 as well.
    #[schemars(extend("examples" = ["One deploy failed"]))]
    pub one: Option<String>,
    /// For two, as in Arabic.
    #[schemars(extend("examples" = ["Two deploys failed"]))]
    pub two: Option<String>,
    /// For a few, as in Polish and Arabic.
    #[schemars(extend("examples" = ["{{count}} deploys failed"]))]
    pub few: Option<String>,
    /// For many, as in Polish and Arabic.
    #[schemars(extend("examples" = ["{{count}} deploys failed"]))]
    pub many: Option<String>,
    /// For every other number. It must be there.
    #[schemars(extend("examples" = ["{{count}} deploys failed"]))]
    pub other: Option<String>,
}
