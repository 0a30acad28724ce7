//! Schema errors in the words of somebody who has never heard of a schema.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::{Map, Value};

use super::later;
use crate::diagnostic::{Fault, Step, did_you_mean};
use crate::yaml::{Document, MOST_FAULTS};

/// All faults behind `errors`, in the order of the document's paths as the validator found them.
pub(super) fn explain<'a>(
    schema: &Value,
    document: &Document,
    errors: impl Iterator<Item = ValidationError<'a>>,
) -> Vec<Fault> {
    let mut reader = Reader {
        schema,
        document,
        faults: Vec::new(),
        meant: Vec::new(),
        missing: Vec::new(),
        lonely: Vec::new(),
    };
    for error in errors {
        if reader.faults.len() >= MOST_FAULTS {
            break;
        }
        reader.error(&error);
    }
    reader.finish()
}

struct Reader<'a> {
    schema: &'a Value,
    document: &'a Document,
    faults: Vec<Fault>,
    /// Keys that a misspelt one stands for, with the mapping they are in.
    meant: Vec<(Vec<Step>, String)>,
    missing: Vec<(Vec<Step>, String)>,
    /// Faults about a key whose owner is missing: place in `faults`, mapping, owner.
    lonely: Vec<(usize, Vec<Step>, String)>,
}

impl<'a> Reader<'a> {
    fn error(&mut self, error: &ValidationError<'_>) {
        let path = steps(error.instance_path().as_str(), &self.document.value);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for key in unexpected.iter().take(MOST_FAULTS) {
                    self.unknown_key(&path, key);
                }
            }
            ValidationErrorKind::FalseSchema => self.too_many(path),
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default().to_owned();
                self.required(path, key, error.schema_path().as_str());
            }
            ValidationErrorKind::AnyOf { .. } => self.without_owner(path),
            ValidationErrorKind::Type { kind } => self.wrong_type(path, kind),
            ValidationErrorKind::Enum { options } => self.wrong_word(path, options),
            ValidationErrorKind::Constant { expected_value } => {
                let options = Value::Array(vec![(**expected_value).clone()]);
                self.wrong_word(path, &options);
            }
            ValidationErrorKind::MinItems { .. } => {
                let message = format!("{} is an empty list", called(&path));
                self.push(path, "schema::empty", message, None);
            }
            ValidationErrorKind::MinProperties { .. } => {
                let message = format!("{} has nothing in it", called(&path));
                self.push(path, "schema::empty", message, None);
            }
            ValidationErrorKind::MinLength { .. } => {
                let message = format!("{} is empty", called(&path));
                self.push(path, "schema::empty", message, None);
            }
            ValidationErrorKind::Minimum { limit } | ValidationErrorKind::ExclusiveMinimum { limit } => {
                let message = format!("{} is too small", called(&path));
                self.push(
                    path,
                    "schema::range",
                    message,
                    Some(format!("the smallest value is {limit}")),
                );
            }
            ValidationErrorKind::Maximum { limit } | ValidationErrorKind::ExclusiveMaximum { limit } => {
                let message = format!("{} is too large", called(&path));
                self.push(
                    path,
                    "schema::range",
                    message,
                    Some(format!("the largest value is {limit}")),
                );
            }
            _ => {
                let message = format!("{} does not have the form it should have", called(&path));
                self.push(path, "schema::form", message, None);
            }
        }
    }

    fn finish(mut self) -> Vec<Fault> {
        // Its owner is there, only misspelt.
        let misspelt = |(_, path, owner): &&(usize, Vec<Step>, String)| {
            self.meant.iter().any(|(mapping, key)| mapping == path && key == owner)
        };
        let told: Vec<usize> = self.lonely.iter().filter(misspelt).map(|(place, ..)| *place).collect();
        for place in told.into_iter().rev() {
            self.faults.remove(place);
        }
        for (path, key) in std::mem::take(&mut self.missing) {
            if self.meant.contains(&(path.clone(), key.clone())) {
                continue;
            }
            let whole = match path.last() {
                Some(_) => called(&path),
                None => format!("a {}", self.schema["title"].as_str().unwrap_or("file").to_lowercase()),
            };
            let help = self
                .example(&path, &key)
                .map(|example| format!("add it, for example `{example}`"));
            self.push_on_key(path, "schema::missing_key", format!("{whole} needs `{key}`"), help);
        }
        let of_kind = |fault: &Fault| matches!(fault.code, "schema::type" | "schema::no_value");
        let wrong_kind: Vec<Vec<Step>> = self
            .faults
            .iter()
            .filter(|f| of_kind(f))
            .map(|f| f.path.clone())
            .collect();
        // What has the wrong kind is not one of the words either; once is enough.
        self.faults
            .retain(|fault| of_kind(fault) || !wrong_kind.contains(&fault.path));
        self.faults
    }

    fn unknown_key(&mut self, path: &[Step], key: &str) {
        let mapping = self.mapping(path);
        let title = mapping
            .and_then(|m| m.get("title"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let known: Vec<&str> = mapping.map(fields).unwrap_or_default();
        let mut place = path.to_vec();
        place.push(key.into());
        if later::is_later(title, key) {
            let message = format!("`{key}` is not part of this version of Herald");
            self.push_on_key(place, "schema::later", message, Some("leave it out".into()));
            return;
        }
        let near = later::ours(title, key).or_else(|| did_you_mean(key, known.iter().copied()));
        let help = if let Some(near) = near {
            self.meant.push((path.to_vec(), near.to_owned()));
            format!("did you mean `{near}`?")
        } else if let Some(owner) = self.owner_below(mapping, key) {
            format!("`{key}` belongs under `{owner}`")
        } else if known.is_empty() {
            "take it out".to_owned()
        } else {
            format!("known here: {}", known.join(", "))
        };
        let message = format!("unknown key `{key}`");
        self.push_on_key(place, "schema::unknown_key", message, Some(help));
        if let Some(fault) = self.faults.last_mut() {
            fault.label = Some("not known here".into());
        }
    }

    /// The field of this mapping whose own mapping knows `key`: `template` belongs under `card`.
    fn owner_below(&self, mapping: Option<&'a Map<String, Value>>, key: &str) -> Option<&'a str> {
        let properties = mapping?.get("properties")?.as_object()?;
        let owner = properties.iter().find(|(_, field)| {
            let below = self.resolved(field);
            let items = below.get("items").map(|items| self.resolved(items));
            [Some(below), items]
                .into_iter()
                .flatten()
                .any(|schema| schema.get("properties").is_some_and(|fields| fields.get(key).is_some()))
        });
        owner.map(|(name, _)| name.as_str())
    }

    /// A key beside another one that decides what the mapping is.
    fn too_many(&mut self, path: Vec<Step>) {
        let Some((Step::Key(key), parent)) = path.split_last() else {
            return;
        };
        let Some(Value::Object(written)) = self.document.at(parent) else {
            return;
        };
        let Some(choices) = self.choices(parent) else {
            return;
        };
        let forbids = |choice: &str| {
            choices
                .iter()
                .any(|(name, forbidden)| *name == choice && forbidden.contains_key(key))
        };
        let is_choice = choices.iter().any(|(name, _)| *name == key);
        let position = |name: &str| written.keys().position(|k| k == name);
        let first = written.keys().find(|other| forbids(other)).cloned().unwrap_or_default();
        if is_choice {
            // Two deciding keys forbid each other: the second one is told.
            if position(&first) > position(key) {
                return;
            }
            let message = format!("`{key}` cannot stand beside `{first}`");
            let may_be_list = self
                .mapping(parent)
                .is_some_and(|mapping| mapping.contains_key("items"));
            let help = match parent.last() {
                Some(Step::Key(list)) if may_be_list => {
                    format!("keep one of the two, or write a list under `{list}` with one item for each")
                }
                Some(Step::Index(_)) => "make it a list item of its own".to_owned(),
                Some(Step::Key(_)) | None => "keep one of the two".to_owned(),
            };
            self.push_on_key(path.clone(), "schema::too_many", message, Some(help));
            return;
        }
        let owners: Vec<&str> = choices
            .iter()
            .filter(|(_, forbidden)| !forbidden.contains_key(key))
            .map(|(name, _)| name.as_str())
            .collect();
        if owners.iter().any(|owner| written.contains_key(*owner)) {
            return;
        }
        let message = format!("`{key}` says nothing about `{first}`");
        let help = match owners.as_slice() {
            [] => format!("leave out `{key}` or `{first}`"),
            owners => format!("it belongs to {}; leave it out", quoted(owners)),
        };
        self.push_on_key(path.clone(), "schema::too_many", message, Some(help));
    }

    fn required(&mut self, path: Vec<Step>, key: String, schema_path: &str) {
        if !schema_path.ends_with("/dependencies") {
            self.missing.push((path, key));
            return;
        }
        let (Some(mapping), Some(Value::Object(written))) = (self.mapping(&path), self.document.at(&path)) else {
            return;
        };
        let needs_it = |companion: &&String| {
            let needed = mapping.get("dependencies").and_then(|all| all.get(companion.as_str()));
            needed
                .and_then(Value::as_array)
                .is_some_and(|owners| owners.iter().any(|owner| owner == key.as_str()))
        };
        let Some(companion) = written.keys().find(needs_it) else {
            return;
        };
        let mut place = path.clone();
        place.push(companion.as_str().into());
        // A choice that is written, but a wrong one for this key, is told by `too_many`.
        if self.has_choice(&path) {
            return;
        }
        let message = format!("`{companion}` belongs to `{key}`, which is missing");
        let help = self
            .example(&path, &key)
            .map(|example| format!("add it, for example `{example}`"));
        self.push_on_key(place, "schema::missing_key", message, help);
        self.lonely.push((self.faults.len() - 1, path, key));
    }

    /// A key that belongs to one of several others, none of which is there.
    fn without_owner(&mut self, path: Vec<Step>) {
        let (Some(mapping), Some(Value::Object(written))) = (self.mapping(&path), self.document.at(&path)) else {
            return;
        };
        if self.has_choice(&path) {
            return;
        }
        let Some(dependencies) = mapping.get("dependencies").and_then(Value::as_object) else {
            let message = format!("{} does not have the form it should have", called(&path));
            self.push(path, "schema::form", message, None);
            return;
        };
        for key in written.keys() {
            let Some(Value::Array(any)) = dependencies.get(key).and_then(|d| d.get("anyOf")) else {
                continue;
            };
            let owners: Vec<&str> = any.iter().filter_map(|branch| branch["required"][0].as_str()).collect();
            let mut place = path.clone();
            place.push(key.as_str().into());
            let message = format!("`{key}` belongs to {}, and none of them is here", quoted(&owners));
            self.push_on_key(place, "schema::missing_key", message, Some("add one of them".into()));
        }
    }

    fn wrong_type(&mut self, path: Vec<Step>, kind: &TypeKind) {
        let wanted: Vec<JsonType> = match kind {
            TypeKind::Single(kind) => vec![*kind],
            TypeKind::Multiple(kinds) => kinds.iter().collect(),
        };
        let Some(value) = self.document.at(&path) else {
            return;
        };
        if path.is_empty() {
            self.wrong_file(value);
            return;
        }
        let example = match path.split_last() {
            Some((Step::Key(key), parent)) => self.example(parent, key),
            Some((Step::Index(_), _)) | None => None,
        };
        let for_example = example.map(|example| format!("for example `{example}`"));
        if value.is_null() {
            let message = format!("{} has no value", called(&path));
            let help = for_example.map(|example| format!("write one, {example}"));
            self.push_on_key(
                path,
                "schema::no_value",
                message,
                help.or(Some("write one, or take the line out".into())),
            );
            return;
        }
        let wants = |kind: JsonType| wanted.contains(&kind);
        let help = match value {
            // `30` where `30 days` belongs: quotes around it would not help.
            Value::Number(_) if wants(JsonType::String) && for_example.as_deref().is_some_and(counts_in_a_unit) => {
                for_example
            }
            Value::Bool(_) | Value::Number(_) if wants(JsonType::String) => {
                Some(format!("put it in quotes: \"{}\"", self.document.written(&path)))
            }
            Value::String(text) if wants(JsonType::Boolean) => match text.to_lowercase().as_str() {
                "yes" | "on" | "true" => Some("write `true`".to_owned()),
                "no" | "off" | "false" => Some("write `false`".to_owned()),
                _ => for_example,
            },
            Value::String(text)
                if (wants(JsonType::Number) || wants(JsonType::Integer)) && text.trim().parse::<f64>().is_ok() =>
            {
                Some(format!("write it without quotes: {}", text.trim()))
            }
            _ if wants(JsonType::Array) && !wants(JsonType::Object) => Some(match for_example {
                Some(example) => format!("make it a list: begin each item with `- ` on a line of its own; {example}"),
                None => "make it a list: begin each item with `- ` on a line of its own".to_owned(),
            }),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => for_example,
        };
        const ORDER: [JsonType; 7] = [
            JsonType::String,
            JsonType::Number,
            JsonType::Integer,
            JsonType::Boolean,
            JsonType::Array,
            JsonType::Object,
            JsonType::Null,
        ];
        let wanted: Vec<&str> = ORDER.into_iter().filter(|kind| wants(*kind)).map(word_for).collect();
        let message = format!(
            "{} must be {}, but this is {}",
            called(&path),
            or(&wanted),
            word_for(JsonType::from(value))
        );
        self.push(path, "schema::type", message, help);
    }

    /// The file as a whole is no mapping.
    fn wrong_file(&mut self, value: &Value) {
        let title = self.schema["title"].as_str().unwrap_or("file").to_lowercase();
        let required = self
            .schema
            .get("required")
            .and_then(|keys| keys.get(0))
            .and_then(Value::as_str);
        let message = format!(
            "a {title} is a mapping, but this file is {}",
            word_for(JsonType::from(value))
        );
        let help = match (value, required) {
            (Value::Array(_), Some(_)) => format!("write one {title} in a file, without `- ` before it"),
            (_, Some(key)) => format!("begin with `{key}:`"),
            (_, None) => "write `key: value` lines".to_owned(),
        };
        self.push(Vec::new(), "schema::type", message, Some(help));
    }

    fn wrong_word(&mut self, path: Vec<Step>, options: &Value) {
        let options: Vec<&Value> = options
            .as_array()
            .map(|options| options.iter().collect())
            .unwrap_or_default();
        let words: Vec<&str> = options.iter().filter_map(|option| option.as_str()).collect();
        let Some(value) = self.document.at(&path) else {
            return;
        };
        let written = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if words.is_empty() {
            let only = options
                .iter()
                .map(|option| format!("`{option}`"))
                .collect::<Vec<_>>()
                .join(" or ");
            let message = format!("{} can only be {only}", called(&path));
            self.push(
                path,
                "schema::word",
                message,
                Some("leave the line out if you do not want it".into()),
            );
            return;
        }
        let later = later::is_later(called(&path).trim_matches('`'), &written);
        let message = if later {
            format!("`{written}` is not part of this version of Herald")
        } else {
            format!("{} cannot be `{}`", called(&path), shortened(&written))
        };
        let help = match did_you_mean(&written, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of: {}", words.join(", ")),
        };
        self.push(path, "schema::word", message, Some(help));
    }

    fn push(&mut self, path: Vec<Step>, code: &'static str, message: String, help: Option<String>) {
        let mut fault = Fault::error(code, message);
        fault.path = path;
        fault.help = help;
        self.faults.push(fault);
    }

    fn push_on_key(&mut self, path: Vec<Step>, code: &'static str, message: String, help: Option<String>) {
        self.push(path, code, message, help);
        if let Some(fault) = self.faults.pop() {
            self.faults.push(fault.on_key());
        }
    }

    /// Deciding keys of the mapping at `path`, each with what it forbids.
    fn choices(&self, path: &[Step]) -> Option<Vec<(&'a String, &'a Map<String, Value>)>> {
        let dependencies = self.mapping(path)?.get("dependencies")?.as_object()?;
        let choices = dependencies
            .iter()
            .filter_map(|(name, dependency)| Some((name, dependency.get("properties")?.as_object()?)));
        Some(choices.collect())
    }

    fn has_choice(&self, path: &[Step]) -> bool {
        let (Some(choices), Some(Value::Object(written))) = (self.choices(path), self.document.at(path)) else {
            return false;
        };
        choices.iter().any(|(name, _)| written.contains_key(*name))
    }

    /// `key: value` as the schema's first example has it, where it fits on a line.
    fn example(&self, path: &[Step], key: &str) -> Option<String> {
        let field = self.mapping(path)?.get("properties")?.get(key)?;
        let example = field.get("examples")?.get(0)?;
        let text = format!("{key}: {}", flow(example));
        (text.len() <= 100).then_some(text)
    }

    /// The schema of the mapping at `path`.
    fn mapping(&self, path: &[Step]) -> Option<&'a Map<String, Value>> {
        let mut schema = self.resolved(self.schema);
        for step in path {
            let below = match step {
                Step::Key(key) => schema
                    .get("properties")
                    .and_then(|fields| fields.get(key))
                    .or_else(|| schema.get("additionalProperties").filter(|more| more.is_object())),
                Step::Index(_) => schema.get("items"),
            };
            schema = self.resolved(below?);
        }
        schema.as_object()
    }

    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        // Our schemas refer to definitions, which refer to definitions: never deeper than this.
        for _ in 0..8 {
            let inner = schema.get("allOf").and_then(|all| all.get(0)).unwrap_or(schema);
            let Some(reference) = inner.get("$ref").and_then(Value::as_str) else {
                return schema;
            };
            match self.schema.pointer(reference.trim_start_matches('#')) {
                Some(definition) => schema = definition,
                None => return schema,
            }
        }
        schema
    }
}

fn fields(mapping: &Map<String, Value>) -> Vec<&str> {
    match mapping.get("properties") {
        Some(Value::Object(fields)) => fields.keys().map(String::as_str).collect(),
        Some(_) | None => Vec::new(),
    }
}

/// What the value at `path` is called in a sentence.
/// Is this the example of a value such as `10 minutes`?
fn counts_in_a_unit(example: &str) -> bool {
    let value = example.rsplit(": ").next().unwrap_or_default();
    let value = value.trim_matches(['`', '"']);
    value.starts_with(|c: char| c.is_ascii_digit()) && value.split(' ').nth(1).is_some()
}

fn called(path: &[Step]) -> String {
    match path {
        [] => "the file".to_owned(),
        [.., Step::Key(key)] => format!("`{key}`"),
        [.., Step::Key(key), Step::Index(index)] => format!("item {} of `{key}`", index + 1),
        [.., Step::Index(index)] => format!("item {}", index + 1),
    }
}

fn word_for(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping",
        JsonType::String => "a text",
    }
}

fn or(words: &[&str]) -> String {
    match words {
        [] => "something else".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    or(&quoted.iter().map(String::as_str).collect::<Vec<_>>())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// A value on one line of YAML, as a person would write it.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) => {
            let plain = text.starts_with(|c: char| c.is_alphabetic())
                && text.chars().all(|c| c.is_alphanumeric() || "-_./@ ".contains(c))
                && !text.ends_with(' ');
            if plain { text.clone() } else { format!("{value}") }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A JSON pointer, read along the value it points into: only there one knows whether `0` is a key or an index.
fn steps(pointer: &str, root: &Value) -> Vec<Step> {
    let mut value = Some(root);
    let mut steps = Vec::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let step = match (value, part.parse::<usize>()) {
            (Some(Value::Array(items)), Ok(index)) => {
                value = items.get(index);
                Step::Index(index)
            }
            (_, _) => {
                value = value.and_then(|value| value.get(&part));
                Step::Key(part)
            }
        };
        steps.push(step);
    }
    steps
}
