//! What a workspace's files teach an editor: names of people and places, of templates and hooks, and what was recorded.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::source::name_of;
use super::{Kind, Sources};
use crate::event::TeamsEvent;
use crate::rule::field::{self, Field};
use crate::schema::vocabulary::{Occasion, Recorded, SeenField, Vocabulary, Word};
use crate::yaml;

/// How many fields of one origin are offered, and how many in all.
const MOST_OF_ONE: usize = 500;
const MOST: usize = 6_000;
/// How deep below `event` a field may lie.
const DEEPEST: usize = 10;
/// How many values of a field are offered, and how long each may be, in characters.
const MOST_VALUES: usize = 5;
const LONGEST_VALUE: usize = 40;

/// Reads the vocabulary of these files, samples among them. What cannot be read teaches nothing.
pub fn vocabulary(sources: &Sources) -> Vocabulary {
    let mut known = Vocabulary::default();
    let mut fields: BTreeMap<Occasion, IndexMap<String, Seen>> = BTreeMap::new();
    for file in &sources.files {
        let (Some(kind), Ok(bytes)) = (Kind::of(&file.path), &file.bytes) else {
            continue;
        };
        let (text, _) = yaml::decode(&file.path, bytes);
        match kind {
            Kind::Directory => {
                let document = document(&file.path, &text);
                known.people = named(&document, "people");
                known.channels = named(&document, "channels");
                known.groups = named(&document, "groups");
                known.audiences = named(&document, "audiences");
                for duty in named(&document, "rotations") {
                    known.people.push(Word {
                        word: format!("{}.next", duty.word),
                        meaning: format!("whoever follows in {}", duty.word),
                    });
                    known.people.push(duty);
                }
            }
            Kind::Settings => {
                let document = document(&file.path, &text);
                known.hooks = hooks(&document);
                known.queues = queues(&document);
                known.topics = named(&document, "topics");
            }
            Kind::Template => known.templates.push(Word {
                word: name_of(&file.path, "templates/"),
                meaning: file.path.clone(),
            }),
            Kind::Partial => known.partials.push(Word {
                word: format!("{{{{> {}}}}}", name_of(&file.path, "templates/partials/")),
                meaning: file.path.clone(),
            }),
            Kind::Sample => {
                let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
                known.samples.push(Word {
                    word: file.path.clone(),
                    meaning: "a recorded event".to_owned(),
                });
                if let Ok(data) = serde_json::from_str::<Value>(text) {
                    for occasion in occasions(&file.path) {
                        gather(&data, &file.path, fields.entry(occasion).or_default());
                    }
                }
            }
            Kind::Rule | Kind::Test | Kind::Texts | Kind::Holidays => {}
        }
    }
    let mut room = MOST;
    for (occasion, seen) in fields {
        let shown = seen.len().min(MOST_OF_ONE).min(room);
        known.left_out += seen.len() - shown;
        room -= shown;
        let fields = seen.into_iter().take(shown).map(|(path, seen)| seen.told(path));
        known.recorded.push(Recorded {
            occasion,
            fields: fields.collect(),
        });
    }
    known
}

fn document(path: &str, text: &str) -> Value {
    yaml::parse(path, text)
        .document
        .map_or(Value::Null, |document| document.value)
}

fn named(document: &Value, key: &str) -> Vec<Word> {
    let entries = document.get(key).and_then(Value::as_object);
    let word = |(name, entry): (&String, &Value)| Word {
        word: name.clone(),
        meaning: match entry {
            Value::String(text) => shortened(text),
            Value::Object(fields) => {
                let texts = fields.values().filter_map(Value::as_str).map(shortened);
                texts.collect::<Vec<_>>().join(" / ")
            }
            Value::Array(targets) => format!("{} targets of directory.yaml", targets.len()),
            Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
        },
    };
    entries.into_iter().flatten().map(word).collect()
}

fn hooks(document: &Value) -> Vec<Word> {
    let entries = document.get("hooks").and_then(Value::as_object);
    let word = |(name, entry): (&String, &Value)| {
        let path = entry.get("path").and_then(Value::as_str).unwrap_or(name);
        let signature = entry.get("signature").and_then(Value::as_str).unwrap_or("?");
        Word {
            word: name.clone(),
            meaning: format!("POST /hooks/{path}, signature {signature}"),
        }
    };
    entries.into_iter().flatten().map(word).collect()
}

fn queues(document: &Value) -> Vec<Word> {
    let entries = document.get("queues").and_then(Value::as_object);
    let word = |(name, entry): (&String, &Value)| {
        // Never the secret: somebody may have pasted one in place of its name.
        let told = ["kind", "topic", "database", "container"]
            .iter()
            .filter_map(|key| entry.get(key)?.as_str());
        Word {
            word: name.clone(),
            meaning: told.map(shortened).collect::<Vec<_>>().join(" / "),
        }
    };
    entries.into_iter().flatten().map(word).collect()
}

/// Whose events a sample is one of, by its path.
fn occasions(path: &str) -> Vec<Occasion> {
    let below = path.strip_prefix("samples/").unwrap_or(path);
    let Some((folder, name)) = below.rsplit_once('/') else {
        return Vec::new();
    };
    let mut words = name.strip_suffix(".json").unwrap_or(name).split('.');
    let first = words.next().unwrap_or_default();
    match folder {
        "teams" if ["message", "button"].contains(&first) => vec![Occasion::Teams { kind: first.to_owned() }],
        "teams" => match serde_json::from_value::<TeamsEvent>(first.into()) {
            Ok(_) => vec![Occasion::Teams { kind: first.to_owned() }],
            Err(_) => Vec::new(),
        },
        "cron" => vec![Occasion::Cron],
        "file" => vec![Occasion::File],
        hook => {
            let of = |event_type| Occasion::Hook {
                hook: hook.to_owned(),
                event_type,
            };
            match words.next() {
                // Only a name with a further word begins with a type: `push.main.json`.
                Some(_) => vec![of(None), of(Some(first.to_owned()))],
                None => vec![of(None)],
            }
        }
    }
}

/// A field on the way to being told.
struct Seen {
    kind: String,
    file: String,
    shown: Option<String>,
    values: Vec<Value>,
    times: usize,
}

impl Seen {
    fn told(self, path: String) -> SeenField {
        let value = self.shown.map_or_else(String::new, |shown| format!(": `{shown}`"));
        let more = match self.times {
            1 => String::new(),
            times => format!(" and {} more", times - 1),
        };
        SeenField {
            seen: format!("Seen in {}{more}{value} ({}).", self.file, self.kind),
            path,
            values: self.values,
        }
    }
}

fn gather(data: &Value, file: &str, fields: &mut IndexMap<String, Seen>) {
    let mut steps = vec!["event".to_owned()];
    below(data, &mut steps, file, fields);
}

fn below(value: &Value, steps: &mut Vec<String>, file: &str, fields: &mut IndexMap<String, Seen>) {
    if steps.len() > DEEPEST || fields.len() > 4 * MOST_OF_ONE {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                steps.push(key.clone());
                below(value, steps, file, fields);
                steps.pop();
            }
        }
        // The items are alike; what is in the first one is what a condition can name.
        Value::Array(items) => {
            if let Some(first) = items.first() {
                steps.push("0".to_owned());
                below(first, steps, file, fields);
                steps.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) if steps.len() > 1 => {
            let path = Field::of(steps.clone()).path();
            let seen = fields.entry(path).or_insert_with(|| Seen {
                kind: field::kind(value),
                file: file.to_owned(),
                shown: None,
                values: Vec::new(),
                times: 0,
            });
            seen.times += 1;
            if steps.iter().any(|step| is_private(step)) {
                return;
            }
            if let (None, Some(shown)) = (&seen.shown, example(value)) {
                seen.shown = Some(shown);
            }
            if seen.values.len() < MOST_VALUES && is_worth_comparing(value) && !seen.values.contains(value) {
                seen.values.push(value.clone());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Names behind which nothing is shown: what is in a sample should not travel further in a schema.
fn is_private(name: &str) -> bool {
    let name = name.to_lowercase();
    [
        "secret",
        "token",
        "password",
        "passwd",
        "signature",
        "authorization",
        "api_key",
        "apikey",
        "cookie",
        "email",
        "phone",
        "address",
    ]
    .iter()
    .any(|word| name.contains(word))
}

fn example(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.contains('@') => None,
        Value::String(text) => Some(shortened(text)),
        other => Some(other.to_string()),
    }
}

/// A word for which a rule might wait; not an address, a time or an id.
fn is_worth_comparing(value: &Value) -> bool {
    match value {
        Value::Bool(_) => true,
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() < 10_000.0),
        Value::String(text) => {
            let digits = text.chars().filter(char::is_ascii_digit).count();
            let letters = text.chars().count();
            (1..=LONGEST_VALUE).contains(&letters)
                && digits * 3 < letters
                && !text.contains("://")
                && !text.contains('@')
                && !text.chars().any(char::is_control)
        }
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn shortened(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() || c == '`' { ' ' } else { c })
        .collect();
    match line.char_indices().nth(LONGEST_VALUE) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}
