//! What a workspace knows by name, put into the schemas: suggestions for editors, never a restriction.

use serde_json::{Map, Value, json};

use super::FileKind;

/// The names and fields of one workspace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vocabulary {
    /// Aliases of people.
    pub people: Vec<Word>,
    /// Aliases of channels.
    pub channels: Vec<Word>,
    /// Aliases of group chats.
    pub groups: Vec<Word>,
    /// Aliases of audiences.
    pub audiences: Vec<Word>,
    /// Names of templates.
    pub templates: Vec<Word>,
    /// Names of partials.
    pub partials: Vec<Word>,
    /// Names of hooks.
    pub hooks: Vec<Word>,
    /// Names of queues.
    pub queues: Vec<Word>,
    /// Names of topics that people stop and start.
    pub topics: Vec<Word>,
    /// Paths of recorded events.
    pub samples: Vec<Word>,
    /// The fields of recorded events, by what they are events of.
    pub recorded: Vec<Recorded>,
    /// How many fields were left out because there are too many.
    pub left_out: usize,
}

/// A name and what it stands for, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it is written.
    pub word: String,
    /// What it stands for.
    pub meaning: String,
}

/// Fields of the recorded events of one origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// What they are events of.
    pub occasion: Occasion,
    /// The fields, in the order of the first sample.
    pub fields: Vec<SeenField>,
}

/// What recorded events are events of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occasion {
    /// Posts to a hook, or what comes on a queue of this name; with the type of event where one of its samples is named after it.
    Hook {
        /// The hook's name.
        hook: String,
        /// The first word of the samples' names; `None`: all samples of the hook.
        event_type: Option<String>,
    },
    /// An event of Teams, by the trigger's key.
    Teams {
        /// `installed`, for instance.
        kind: String,
    },
    /// Schedules.
    Cron,
    /// Files.
    File,
}

/// A field that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenField {
    /// As a condition writes it: `event.deployment.environment`.
    pub path: String,
    /// Where and with what value, in a sentence.
    pub seen: String,
    /// Values worth comparing with.
    pub values: Vec<Value>,
}

/// Puts the vocabulary into the schema of this kind of file.
pub(super) fn teach(kind: FileKind, schema: &mut Value, vocabulary: &Vocabulary) {
    match kind {
        FileKind::Rule => {
            targets(schema, vocabulary);
            card(&mut schema["properties"]["card"], &vocabulary.templates);
            for trigger in ["/properties/when", "/definitions/TriggerFile"] {
                for (key, words) in [("hook", &vocabulary.hooks), ("queue", &vocabulary.queues)] {
                    suggest(schema.pointer_mut(&format!("{trigger}/properties/{key}")), &[words]);
                }
            }
            suggest(schema.pointer_mut("/properties/topic"), &[&vocabulary.topics]);
            conditions(schema, &vocabulary.recorded);
            rehearsals(schema, vocabulary);
        }
        FileKind::Test => {
            targets(schema, vocabulary);
            rehearsals(schema, vocabulary);
        }
        FileKind::Directory => targets(schema, vocabulary),
        FileKind::Template => suggest(schema.pointer_mut("/definitions/Element"), &[&vocabulary.partials]),
        FileKind::Settings | FileKind::Texts => {}
    }
}

fn targets(schema: &mut Value, known: &Vocabulary) {
    let lists: [(&str, &[&Vec<Word>]); 6] = [
        ("person", &[&known.people]),
        ("people", &[&known.audiences, &known.people]),
        ("channel", &[&known.channels]),
        ("group", &[&known.groups]),
        ("members_of", &[&known.groups]),
        ("mention", &[&known.people]),
    ];
    for (key, words) in lists {
        let place = format!("/definitions/TargetFile/properties/{key}");
        suggest(schema.pointer_mut(&place), words);
        suggest(schema.pointer_mut(&format!("{place}/items")), words);
    }
}

/// What tests name: samples, fields of events, and whom the rule tells.
fn rehearsals(schema: &mut Value, known: &Vocabulary) {
    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut)
        && fields.contains_key("given")
    {
        suggest(fields.get_mut("given"), &[&known.samples]);
    }
    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut)
        && fields.contains_key("sample")
    {
        suggest(fields.get_mut("sample"), &[&known.samples]);
        let seen = known.recorded.iter().flat_map(|one| &one.fields);
        let seen: Map<String, Value> = seen.map(|field| (field.path.clone(), value(field))).collect();
        if let Some(with) = fields.get_mut("with").and_then(Value::as_object_mut) {
            with.insert("properties".into(), Value::Object(seen));
        }
    }
    if let Some(told) = schema.pointer_mut("/properties/sent_to/items") {
        let names = [&known.people, &known.channels, &known.groups, &known.audiences];
        suggest(Some(told), &names);
    }
    match schema {
        Value::Object(map) => map.values_mut().for_each(|below| rehearsals(below, known)),
        Value::Array(items) => items.iter_mut().for_each(|below| rehearsals(below, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A field with a value, where nothing is compared.
fn value(field: &SeenField) -> Value {
    let mut told = json!({ "description": field.seen.replace('`', "'"), "markdownDescription": field.seen });
    if !field.values.is_empty() {
        told["examples"] = json!(field.values);
    }
    told
}

fn card(card: &mut Value, templates: &Vec<Word>) {
    suggest(card.pointer_mut("/properties/template"), &[templates]);
    suggest(Some(card), &[templates]);
}

/// Offers these words at a place where others may stand as well.
fn suggest(place: Option<&mut Value>, words: &[&Vec<Word>]) {
    let Some(map) = place.and_then(Value::as_object_mut) else {
        return;
    };
    let (names, meanings): (Vec<&str>, Vec<&str>) = words
        .iter()
        .flat_map(|words| words.iter())
        .map(|word| (word.word.as_str(), word.meaning.as_str()))
        .unzip();
    let Some(first) = names.first() else { return };
    // Names that exist replace the examples of the manual.
    if map.contains_key("examples") {
        map.insert("examples".into(), json!([first]));
    }
    map.insert(
        "anyOf".into(),
        json!([{ "enum": names, "enumDescriptions": meanings }, {}]),
    );
}

/// For each kind of event its own conditions, chosen by what stands under `when`.
fn conditions(schema: &mut Value, recorded: &[Recorded]) {
    let Some(plain) = schema.pointer("/definitions/Condition").cloned() else {
        return;
    };
    let mut branches = Vec::new();
    let mut all = Vec::new();
    for one in recorded {
        let name = name(&one.occasion);
        let reference = json!({ "$ref": format!("#/definitions/{name}") });
        let mut condition = plain.clone();
        refer_to(&mut condition, &reference);
        if let Some(fields) = condition["properties"].as_object_mut() {
            fields.extend(one.fields.iter().map(|field| (field.path.clone(), line(field))));
        }
        schema["definitions"][&name] = condition;
        let then = match &one.occasion {
            // Told with its hook.
            Occasion::Hook {
                event_type: Some(_), ..
            } => continue,
            Occasion::Hook { hook, event_type: None } => by_type(hook, conditions_are(&reference), recorded),
            Occasion::Teams { .. } | Occasion::Cron | Occasion::File => conditions_are(&reference),
        };
        branches.push(json!({ "if": waits_for(&one.occasion), "then": then }));
        all.push(reference);
    }
    if branches.is_empty() {
        return;
    }
    // Several triggers: everything that was ever seen.
    branches.push(json!({
        "if": { "required": ["when"], "properties": { "when": { "type": "array" } } },
        "then": { "properties": { "if": { "allOf": all } } },
    }));
    schema["allOf"] = Value::Array(branches);
}

fn conditions_are(reference: &Value) -> Value {
    json!({ "properties": { "if": reference } })
}

/// A rule that names one type of event sees the fields of that type alone.
fn by_type(hook: &str, otherwise: Value, recorded: &[Recorded]) -> Value {
    let mut types = Vec::new();
    let mut then = otherwise;
    for one in recorded {
        match &one.occasion {
            Occasion::Hook {
                hook: same,
                event_type: Some(event_type),
            } if same == hook => {
                let reference = json!({ "$ref": format!("#/definitions/{}", name(&one.occasion)) });
                let named =
                    json!({ "required": ["event_type"], "properties": { "event_type": { "const": event_type } } });
                then = json!({
                    "if": { "properties": { "when": named } },
                    "then": conditions_are(&reference),
                    "else": then,
                });
                types.push(event_type.as_str());
            }
            Occasion::Hook { .. } | Occasion::Teams { .. } | Occasion::Cron | Occasion::File => {}
        }
    }
    if !types.is_empty() {
        let known = json!([{ "enum": types }, {}]);
        let event_type = json!({ "anyOf": known, "items": { "anyOf": known } });
        then["properties"] = match then["properties"].take() {
            Value::Object(mut fields) => {
                fields.insert("when".into(), json!({ "properties": { "event_type": event_type } }));
                Value::Object(fields)
            }
            _ => json!({ "when": { "properties": { "event_type": event_type } } }),
        };
    }
    then
}

/// A name for a definition: an address within the schema, so without anything that would have to be escaped there.
fn name(occasion: &Occasion) -> String {
    let parts = match occasion {
        Occasion::Hook { hook, event_type } => vec!["hook", hook, event_type.as_deref().unwrap_or("")],
        Occasion::Teams { kind } => vec!["teams", kind],
        Occasion::Cron => vec!["cron"],
        Occasion::File => vec!["file"],
    };
    let simple = |part: &&str| -> String {
        let letter = |c: char| match c.is_ascii_alphanumeric() {
            true => c.to_string(),
            false => format!("_{:x}_", c as u32),
        };
        part.chars().map(letter).collect()
    };
    format!("Condition-{}", parts.iter().map(simple).collect::<Vec<_>>().join("-"))
}

/// Does `when` say that it waits for this?
fn waits_for(occasion: &Occasion) -> Value {
    let trigger = match occasion {
        // The samples of a queue lie in a folder of its name, as those of a hook do.
        Occasion::Hook { hook, .. } => json!({ "anyOf": [
            { "required": ["hook"], "properties": { "hook": { "const": hook } } },
            { "required": ["queue"], "properties": { "queue": { "const": hook } } },
        ] }),
        Occasion::Teams { kind } => json!({ "required": [kind] }),
        Occasion::Cron => json!({ "required": ["cron"] }),
        Occasion::File => json!({ "required": ["file"] }),
    };
    json!({ "required": ["when"], "properties": { "when": typed(trigger) } })
}

fn typed(mut trigger: Value) -> Value {
    trigger["type"] = json!("object");
    trigger
}

/// Conditions inside a condition are of the same kind.
fn refer_to(condition: &mut Value, reference: &Value) {
    match condition {
        Value::Object(map) if map.get("$ref") == Some(&json!("#/definitions/Condition")) => {
            condition.clone_from(reference);
        }
        Value::Object(map) => map.values_mut().for_each(|below| refer_to(below, reference)),
        Value::Array(items) => items.iter_mut().for_each(|below| refer_to(below, reference)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn line(field: &SeenField) -> Value {
    let mut line = json!({
        "allOf": [{ "$ref": "#/definitions/Expected" }],
        "description": field.seen.replace('`', "'"),
        "markdownDescription": field.seen,
    });
    if !field.values.is_empty() {
        line["examples"] = json!(field.values);
    }
    line
}
