//! What a payload is about, judged by the names and shapes of its fields.

use serde_json::Value;

use crate::rule::field::Field;

/// How deep below `event` a field may lie, and how many are looked at.
const DEEPEST: usize = 6;
const MOST: usize = 2_000;

/// A value of the payload that is no list and no mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// The names that lead to it, without `event`; a place in a list is a number.
    pub steps: Vec<String>,
    /// The value in the payload.
    pub value: Value,
}

impl Leaf {
    /// As a condition writes it.
    pub fn condition(&self) -> String {
        let steps = std::iter::once("event".to_owned()).chain(self.steps.iter().cloned());
        Field::of(steps.collect()).path()
    }

    /// As a template writes it, without the braces.
    pub fn hole(&self) -> String {
        let mut path = "event".to_owned();
        for step in &self.steps {
            path.push('.');
            if is_name(step) {
                path.push_str(step);
            } else {
                path.push_str(&format!("[{step}]"));
            }
        }
        path
    }

    /// Its text, if it is one.
    pub fn text(&self) -> Option<&str> {
        self.value.as_str()
    }

    fn key(&self) -> String {
        let name = self.steps.iter().rev().find(|step| step.parse::<usize>().is_err());
        snake(name.map_or("", String::as_str))
    }

    fn parent(&self) -> Option<String> {
        let names = self.steps.iter().filter(|step| step.parse::<usize>().is_err());
        names.rev().nth(1).map(|name| snake(name))
    }

    /// What it may be called on a card.
    pub fn label(&self) -> String {
        const NAMELESS: [&str; 9] = [
            "name",
            "login",
            "title",
            "value",
            "key",
            "display_name",
            "full_name",
            "username",
            "slug",
        ];
        const BARE: [&str; 8] = ["id", "number", "type", "email", "url", "state", "status", "version"];
        /// Wrappings say nothing.
        const WRAPPING: [&str; 8] = [
            "data",
            "object",
            "event",
            "fields",
            "attributes",
            "object_attributes",
            "payload",
            "resource",
        ];
        let key = self.key();
        let label = match self.parent().filter(|parent| !WRAPPING.contains(&parent.as_str())) {
            Some(parent) if NAMELESS.contains(&key.as_str()) => parent,
            Some(parent) if BARE.contains(&key.as_str()) => format!("{parent} {key}"),
            Some(_) | None => key,
        };
        let label = label.replace(['_', '-'], " ");
        let mut letters = label.trim().chars();
        match letters.next() {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => "Value".to_owned(),
        }
    }
}

/// A name that needs no brackets in a template.
fn is_name(step: &str) -> bool {
    step.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && step.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !["this", "true", "false", "null", "as", "else"].contains(&step)
}

/// `displayName` -> `display_name`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut lower = false;
    for c in name.chars() {
        if c.is_uppercase() && lower {
            out.push('_');
        }
        lower = c.is_lowercase() || c.is_ascii_digit();
        out.extend(c.to_lowercase());
    }
    out
}

/// The leaves, in the order of the payload. Names that no template could write are left out.
pub fn leaves(payload: &Value) -> Vec<Leaf> {
    let mut found = Vec::new();
    below(payload, &mut Vec::new(), &mut found);
    found
}

fn below(value: &Value, steps: &mut Vec<String>, found: &mut Vec<Leaf>) {
    if steps.len() > DEEPEST || found.len() >= MOST {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let odd = |c: char| c.is_control() || matches!(c, '[' | ']' | '{' | '}' | '"' | '\\' | '`');
                if key.is_empty() || key.len() > 60 || key.contains(odd) {
                    continue;
                }
                steps.push(key.clone());
                below(value, steps, found);
                steps.pop();
            }
        }
        Value::Array(items) => {
            if let Some(first) = items.first() {
                steps.push("0".to_owned());
                below(first, steps, found);
                steps.pop();
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) if !steps.is_empty() => found.push(Leaf {
            steps: steps.clone(),
            value: value.clone(),
        }),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What was found in a payload.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// What it is about, in a line.
    pub title: Option<Leaf>,
    /// More about it.
    pub text: Option<Leaf>,
    /// The word that tells good from bad, or one kind from another.
    pub status: Option<Leaf>,
    /// The page to open.
    pub link: Option<Leaf>,
    /// The mail address of whom it concerns.
    pub person: Option<Leaf>,
    /// When it happened.
    pub moment: Option<Leaf>,
    /// What else is worth showing.
    pub facts: Vec<Leaf>,
}

const TITLES: [&str; 9] = [
    "title",
    "subject",
    "headline",
    "summary",
    "display_title",
    "alertname",
    "name",
    "message",
    "text",
];
const TEXTS: [&str; 10] = [
    "description",
    "message",
    "text",
    "body",
    "summary",
    "details",
    "detail",
    "reason",
    "content",
    "comment",
];
const STATUSES: [&str; 13] = [
    "conclusion",
    "status",
    "state",
    "severity",
    "level",
    "priority",
    "result",
    "outcome",
    "environment",
    "action",
    "event_type",
    "type",
    "kind",
];
const LINKS: [&str; 13] = [
    "compare",
    "html_url",
    "web_url",
    "permalink",
    "link",
    "page",
    "url",
    "target_url",
    "log_url",
    "href",
    "generator_url",
    "dashboard_url",
    "external_url",
];
const MOMENTS: [&str; 10] = [
    "occurred_at",
    "created_at",
    "updated_at",
    "timestamp",
    "started_at",
    "starts_at",
    "time",
    "date",
    "created",
    "at",
];
const FACTS: [&str; 30] = [
    "severity",
    "priority",
    "urgency",
    "environment",
    "service",
    "project",
    "repository",
    "full_name",
    "branch",
    "ref",
    "host",
    "hostname",
    "instance",
    "cluster",
    "region",
    "version",
    "stage",
    "user",
    "author",
    "login",
    "customer",
    "amount",
    "amount_due",
    "total",
    "currency",
    "number",
    "count",
    "key",
    "name",
    "display_name",
];
/// Mappings about somebody or about the machinery, not about what happened.
const ASIDE: [&str; 18] = [
    "user",
    "author",
    "sender",
    "owner",
    "actor",
    "creator",
    "assignee",
    "customer",
    "organization",
    "installation",
    "links",
    "_links",
    "avatar",
    "license",
    "head_repository",
    "base",
    "headers",
    "meta",
];

/// Judges the leaves. Those below `focus` count more. `status` decides if it is there; with `heading`, no title is looked
/// for, and its leaves are no facts.
pub fn find(leaves: &[Leaf], focus: &[&str], status: Option<Leaf>, heading: &[Leaf]) -> Findings {
    let best = |names: &[&str], fits: &dyn Fn(&Leaf) -> bool| -> Option<Leaf> {
        leaves
            .iter()
            .filter(|leaf| fits(leaf))
            .filter_map(|leaf| Some((cost(leaf, names, focus)?, leaf)))
            .min_by_key(|(cost, _)| *cost)
            .map(|(_, leaf)| leaf.clone())
    };
    let link = best(&LINKS, &is_page);
    let known = !focus.is_empty() || status.is_some();
    let status = status.or_else(|| best(&STATUSES, &is_word));
    let title = match heading {
        [] => best(&TITLES, &is_title),
        _ => None,
    };
    let text = best(&TEXTS, &|leaf| {
        let new = title.as_ref() != Some(leaf) && !heading.contains(leaf);
        // One word is no text.
        let said = |text: &str| is_prose(text, 100_000) && text.trim().contains(char::is_whitespace);
        new && leaf.text().is_some_and(said)
    });
    let person = leaves
        .iter()
        .filter(|leaf| leaf.text().is_some_and(is_address))
        .min_by_key(|leaf| leaf.steps.len())
        .cloned();
    let moment = best(&MOMENTS, &|leaf| leaf.text().is_some_and(is_moment));
    let mut found = Findings {
        title,
        text,
        status,
        link,
        person,
        moment,
        facts: Vec::new(),
    };
    found.facts = facts(leaves, focus, known, heading, &found);
    found
}

fn facts(leaves: &[Leaf], focus: &[&str], known: bool, heading: &[Leaf], found: &Findings) -> Vec<Leaf> {
    let taken = [&found.title, &found.text, &found.link, &found.person, &found.moment];
    let mut rated: Vec<(usize, &Leaf)> = leaves
        .iter()
        .filter(|leaf| !taken.iter().any(|taken| taken.as_ref() == Some(*leaf)))
        .filter(|leaf| !heading.contains(leaf) && is_short(&leaf.value))
        // Of a sender's own payload, it is the version of its format.
        .filter(|leaf| !(known && leaf.steps.len() == 1 && leaf.key() == "version"))
        .filter_map(|leaf| match found.status.as_ref() == Some(leaf) {
            true => Some((0, leaf)),
            false => Some((
                cost(leaf, &FACTS, focus).or_else(|| if known { None } else { plain(leaf) })?,
                leaf,
            )),
        })
        .collect();
    rated.sort_by_key(|(cost, _)| *cost);
    let mut labels = Vec::new();
    let mut facts = Vec::new();
    for (_, leaf) in rated {
        let label = leaf.label();
        if facts.len() < 5 && !labels.contains(&label) {
            labels.push(label);
            facts.push(leaf.clone());
        }
    }
    facts
}

/// What stands at the top is worth showing, even if nobody knows what it is.
fn plain(leaf: &Leaf) -> Option<usize> {
    let private = ["token", "secret", "password", "signature", "_id", "uuid", "hash"];
    let key = leaf.key();
    let told = leaf.steps.len() == 1 && key != "id" && !private.iter().any(|word| key.ends_with(word));
    told.then_some(200)
}

/// How far a leaf is from being what is looked for; `None`: its name is none of these.
fn cost(leaf: &Leaf, names: &[&str], focus: &[&str]) -> Option<usize> {
    let key = leaf.key();
    let rank = names.iter().position(|name| *name == key)?;
    let focused =
        !focus.is_empty() && leaf.steps.len() > focus.len() && focus.iter().zip(&leaf.steps).all(|(a, b)| a == b);
    let depth = leaf.steps.len() - if focused { focus.len() } else { 0 };
    let above = &leaf.steps[..leaf.steps.len() - 1];
    let aside = above
        .iter()
        .filter(|step| ASIDE.contains(&snake(step).as_str()))
        .count();
    let unfocused = if focus.is_empty() || focused { 0 } else { 14 };
    Some(rank * 2 + depth * 3 + aside * 12 + unfocused)
}

/// One line about what happened, and not somebody's name.
fn is_title(leaf: &Leaf) -> bool {
    let above = &leaf.steps[..leaf.steps.len() - 1];
    let aside = above.iter().any(|step| ASIDE.contains(&snake(step).as_str()));
    !aside
        && leaf
            .text()
            .is_some_and(|text| is_prose(text, 160) && !text.contains('\n'))
}

fn is_prose(text: &str, longest: usize) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= longest
        && !text.contains("://")
        && !is_address(text)
        && !is_moment(text)
}

fn is_word(leaf: &Leaf) -> bool {
    // Deep inside, everything has a type.
    let vague = ["action", "type", "kind"].contains(&leaf.key().as_str());
    if vague && leaf.steps.len() > 2 {
        return false;
    }
    leaf.text().is_some_and(|text| {
        let letters = text.chars().count();
        (1..=40).contains(&letters)
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | ':'))
            && text.split(' ').count() <= 3
            && !text.chars().all(|c| c.is_ascii_digit())
    })
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            !text.trim().is_empty()
                && text.chars().count() <= 80
                && !text.contains("://")
                && !text.contains('\n')
                && !is_moment(text)
        }
        // Larger ones are ids, or seconds since 1970.
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() < 100_000_000.0),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_page(leaf: &Leaf) -> bool {
    leaf.text().is_some_and(|text| {
        let lower = text.to_lowercase();
        let web = lower.starts_with("https://") || lower.starts_with("http://");
        let picture = [".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico"]
            .iter()
            .any(|end| lower.ends_with(end));
        web && !picture
            && !lower.contains("/api/")
            && !lower.contains("/_apis/")
            && !lower.contains("://api.")
            && !lower.contains(char::is_whitespace)
    })
}

fn is_address(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else {
        return false;
    };
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+'))
    };
    plain(name) && plain(host) && host.contains('.') && !name.contains("noreply") && !name.contains("no-reply")
}

fn is_moment(text: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
}
