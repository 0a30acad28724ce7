//! A card for any event, when its rule has none: what the payload's fields are usually called tells what to show.

use serde_json::{Value, json};

use crate::card::escape::{self, Dialect, web_address};
use crate::card::evaluate::in_words;
use crate::card::function::date;
use crate::card::function::text::shortened;
use crate::card::scope::counted;
use crate::card::short::Parts;

/// Facts shown.
const MOST_FACTS: usize = 10;
/// Values looked at.
const STEPS: usize = 2_000;
/// Characters of one fact.
const LONGEST_FACT: usize = 200;
/// Characters of the text.
const LONGEST_TEXT: usize = 1_000;

const HEADLINES: [&str; 5] = ["title", "subject", "headline", "display_title", "summary"];
const TEXTS: [&str; 6] = ["message", "text", "description", "body", "summary", "content"];
const STATES: [&str; 9] = [
    "conclusion",
    "status",
    "state",
    "severity",
    "level",
    "priority",
    "environment",
    "action",
    "change",
];
const ADDRESSES: [&str; 11] = [
    "html_url",
    "web_url",
    "permalink",
    "link",
    "target_url",
    "details_url",
    "log_url",
    "panelURL",
    "externalURL",
    "url",
    "href",
];
const NAMES: [&str; 6] = ["full_name", "display_name", "name", "title", "login", "username"];
/// Objects that say where and who; their own titles and addresses are not what the event is about.
const SURROUNDINGS: [&str; 9] = [
    "repository",
    "repo",
    "project",
    "sender",
    "user",
    "author",
    "organization",
    "owner",
    "actor",
];

/// The card for the `event` of a scope.
pub(crate) fn card(scope: &Value) -> Value {
    let nothing = Value::Null;
    let event = scope.get("event").unwrap_or(&nothing);
    let rule = |key: &str| scope.get("rule").and_then(|rule| rule.get(key)).and_then(Value::as_str);
    let name = rule("description")
        .or(rule("name"))
        .filter(|text| !text.is_empty())
        .unwrap_or("Notification");
    let zone = scope.get("time_zone").and_then(Value::as_str);
    let fields = flattened(event);

    let headline = pick(&fields, &HEADLINES);
    let text = pick(&fields, &TEXTS).filter(|text| Some(text.value) != headline.map(|headline| headline.value));
    // A commit message begins with its own title.
    let begins = |text: &Field<'_>, headline: &Field<'_>| matches!((text.value.as_str(), headline.value.as_str()), (Some(text), Some(headline)) if text.starts_with(headline));
    let headline = headline.filter(|headline| text.is_none_or(|text| !begins(text, headline)));
    let address = address(&fields);
    // A run is `completed` with the conclusion `failure`: the first state that has a colour gives it.
    let style = STATES
        .iter()
        .find_map(|key| pick(&fields, &[key]).and_then(|state| style(state.value.as_str()?)));

    let mut facts: Vec<Value> = Vec::new();
    let used = |field: &Field<'_>| {
        [headline, text]
            .iter()
            .flatten()
            .any(|used| std::ptr::eq(used.value, field.value))
            || field.is_address()
    };
    let mut candidates: Vec<&Field> = fields.iter().filter(|field| !used(field)).collect();
    // Stable: all that is no state stays in the order of the payload, after the states.
    candidates.sort_by_key(|field| {
        STATES
            .iter()
            .position(|state| *state == field.key())
            .unwrap_or(STATES.len())
    });
    for field in candidates {
        if facts.len() == MOST_FACTS {
            break;
        }
        if fields.iter().any(|other| field.says_less_than(other)) {
            continue;
        }
        if let Some(value) = field.shown(zone) {
            let title = escape::neutral(&field.label(), Dialect::Card, "");
            facts.push(json!({ "title": title, "value": value }));
        }
    }

    let words = [headline, text]
        .into_iter()
        .flatten()
        .filter_map(|field| field.value.as_str());
    let paragraphs: Vec<String> = words
        .map(|text| escape::neutral(&shortened(text.trim(), LONGEST_TEXT), Dialect::Card, ""))
        .collect();
    Parts {
        title: Some(escape::neutral(name, Dialect::Card, "")),
        text: (!paragraphs.is_empty()).then(|| paragraphs.join("\n\n")),
        image: None,
        style: style.map(str::to_owned),
        facts,
        buttons: address
            .map(|url| json!({ "type": "Action.OpenUrl", "title": "Open", "url": url }))
            .into_iter()
            .collect(),
    }
    .card()
}

/// Where the button leads: the thing itself, else the place it belongs to.
fn address(fields: &[Field<'_>]) -> Option<String> {
    let find = |surrounding: bool, keys: &[&str]| {
        keys.iter().find_map(|key| {
            let found = fields
                .iter()
                .find(|field| field.key() == *key && field.is_surrounding() == surrounding)?;
            web_address(found.value.as_str()?, &["https", "http"])
        })
    };
    find(false, &ADDRESSES).or_else(|| find(true, &ADDRESSES[..2]))
}

/// A value of the event and the names that lead to it.
#[derive(Debug, Clone)]
struct Field<'v> {
    path: Vec<&'v str>,
    value: &'v Value,
}

/// The values of an event, those near the top first.
fn flattened(event: &Value) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut level = vec![Field {
        path: Vec::new(),
        value: event,
    }];
    let mut steps = STEPS;
    for _ in 0..3 {
        let mut next = Vec::new();
        for Field { path, value } in level {
            let Some(object) = value.as_object() else { continue };
            for (key, value) in object {
                steps = match steps.checked_sub(1) {
                    Some(left) => left,
                    None => return fields,
                };
                let field = Field {
                    path: path.iter().copied().chain([key.as_str()]).collect(),
                    value,
                };
                if value.is_object() {
                    next.push(field);
                } else {
                    fields.push(field);
                }
            }
        }
        level = next;
    }
    fields
}

/// The first text under one of these names, in the order of the names.
fn pick<'f, 'v>(fields: &'f [Field<'v>], keys: &[&str]) -> Option<&'f Field<'v>> {
    let has_words = |field: &&Field<'_>| field.value.as_str().is_some_and(|text| !text.trim().is_empty());
    keys.iter().find_map(|key| {
        fields
            .iter()
            .filter(has_words)
            .find(|field| field.key() == *key && !field.is_surrounding())
    })
}

impl Field<'_> {
    fn key(&self) -> &str {
        self.path.last().copied().unwrap_or_default()
    }

    fn is_surrounding(&self) -> bool {
        let (_, above) = self.path.split_last().unwrap_or((&"", &[]));
        above.iter().any(|key| SURROUNDINGS.contains(key))
    }

    /// `repository.name` beside `repository.full_name`.
    fn says_less_than(&self, other: &Field<'_>) -> bool {
        let rank = |field: &Field<'_>| NAMES.iter().position(|name| *name == field.key());
        match (self.path.split_last(), other.path.split_last(), rank(self), rank(other)) {
            (Some((_, above)), Some((_, beside)), Some(mine), Some(theirs)) => {
                !above.is_empty() && theirs < mine && above == beside
            }
            _ => false,
        }
    }

    fn is_address(&self) -> bool {
        let key = self.key();
        matches!(key, "url" | "href" | "link") || key.ends_with("_url") || key.ends_with("URL")
    }

    /// As the value of a fact; none for what says nothing to people.
    fn shown(&self, zone: Option<&str>) -> Option<String> {
        let key = self.key();
        let is_id = matches!(key, "id" | "sha" | "hash" | "etag" | "version" | "token" | "key")
            || ["_id", "Id", "_key", "Key", "_sha"]
                .iter()
                .any(|ending| key.ends_with(ending));
        // Of what is further down, only names say something without their neighbours.
        if is_id || (self.path.len() > 1 && !NAMES.contains(&key) && !STATES.contains(&key)) {
            return None;
        }
        let text = match self.value {
            Value::Null | Value::Object(_) => return None,
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => date::of_timestamp(text, zone).unwrap_or_else(|| text.trim().to_owned()),
            Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Array(items) if items.is_empty() => return None,
            Value::Array(items) => match in_words(self.value) {
                (text, true) => text,
                (_, false) => counted(items.len(), "item"),
            },
        };
        Some(escape::neutral(&shortened(&text, LONGEST_FACT), Dialect::Card, ""))
    }

    /// `workflow_run.name` -> `Workflow run`, `scheduled_at` -> `Scheduled at`
    fn label(&self) -> String {
        let named = match self.path.as_slice() {
            [.., above, last] if NAMES.contains(last) => above,
            [.., last] => last,
            [] => return String::new(),
        };
        let mut words = String::new();
        let mut before = ' ';
        for c in named.chars().take(60) {
            match c {
                '_' | '-' | '.' => words.push(' '),
                c if c.is_uppercase() && before.is_lowercase() => {
                    words.push(' ');
                    words.extend(c.to_lowercase());
                }
                c => words.push(c),
            }
            before = c;
        }
        let words = escape::one_line(&words);
        let mut rest = words.chars();
        rest.next()
            .map(|first| first.to_uppercase().chain(rest).collect())
            .unwrap_or_default()
    }
}

/// The colour of a state.
fn style(state: &str) -> Option<&'static str> {
    match state.to_lowercase().as_str() {
        "failed" | "failure" | "error" | "critical" | "firing" | "alerting" | "down" | "rejected" | "timed_out" => {
            Some("attention")
        }
        "warning" | "warn" | "degraded" | "cancelled" | "canceled" | "deleted" => Some("warning"),
        "success" | "succeeded" | "ok" | "resolved" | "passed" | "up" | "approved" => Some("good"),
        _ => None,
    }
}
