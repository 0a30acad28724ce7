//! Which value a name means, seen from a place in a template; and what to say when it means none.

use serde_json::Value;

use crate::card::path::{Path, Start};
use crate::diagnostic::did_you_mean;

/// Names that mean the same everywhere: an item of a list that has a field `event` does not hide the event.
pub(crate) const FIXED: [&str; 6] = ["event", "request", "recipient", "rule", "now", "tracked"];

/// Values looked at when searching where a missing field might have gone.
const SEARCH_STEPS: usize = 2_000;

/// A place in a template: the current value, the names given to it, and the place around it.
#[derive(Debug, Clone)]
pub(crate) struct Frame<'v> {
    outer: Option<&'v Frame<'v>>,
    this: &'v Value,
    names: Vec<(&'v str, &'v Value)>,
    locals: Option<Locals>,
}

/// What `{{#each}}` and `$data` tell about the current item.
#[derive(Debug, Clone)]
pub(crate) struct Locals {
    index: Value,
    number: Value,
    key: Value,
    first: Value,
    last: Value,
}

impl Locals {
    /// For item `index` of `count`; `key` for the fields of an object.
    pub(crate) fn new(index: usize, count: usize, key: Option<&str>) -> Self {
        Self {
            index: Value::from(index),
            number: Value::from(index + 1),
            key: key.map_or(Value::Null, Value::from),
            first: Value::from(index == 0),
            last: Value::from(index + 1 == count),
        }
    }

    /// `@index` as a value.
    pub(crate) fn index(&self) -> &Value {
        &self.index
    }

    /// `@key` as a value: null for a list.
    pub(crate) fn key(&self) -> &Value {
        &self.key
    }
}

impl<'v> Frame<'v> {
    /// The outermost place.
    pub(crate) fn root(scope: &'v Value) -> Self {
        Self {
            outer: None,
            this: scope,
            names: Vec::new(),
            locals: None,
        }
    }

    /// A place within this one where `this` is another value.
    pub(crate) fn inner(&'v self, this: &'v Value) -> Frame<'v> {
        Frame {
            outer: Some(self),
            this,
            names: Vec::new(),
            locals: None,
        }
    }

    /// Tells about the current item.
    pub(crate) fn with_locals(mut self, locals: Locals) -> Self {
        self.locals = Some(locals);
        self
    }

    /// Gives `value` a name there.
    pub(crate) fn with_name(mut self, name: &'v str, value: &'v Value) -> Self {
        self.names.push((name, value));
        self
    }

    /// The current value.
    pub(crate) fn this(&self) -> &'v Value {
        self.this
    }

    fn outermost_value(&self) -> &'v Value {
        let mut frame = self;
        while let Some(outer) = frame.outer {
            frame = outer;
        }
        frame.this
    }

    fn up(&'v self, levels: usize) -> Option<&'v Frame<'v>> {
        (0..levels).try_fold(self, |frame, _| frame.outer)
    }

    /// A value of the outermost scope, for functions that need `now` or the recipient's zone.
    pub(crate) fn fixed(&self, steps: &[&str]) -> Option<&'v Value> {
        steps
            .iter()
            .try_fold(self.outermost_value(), |value, step| value.get(step))
    }

    /// The value that `path` means, if there is one.
    pub(crate) fn find(&'v self, path: &Path) -> Option<&'v Value> {
        if let Start::Local(levels) = path.start {
            return self.up(levels)?.local(path.steps.first()?);
        }
        let (from, steps) = self.set_out(path)?;
        steps.iter().try_fold(from, |value, step| child(value, step))
    }

    /// The value at which `path` sets out, and the steps from there.
    fn set_out<'p>(&'v self, path: &'p Path) -> Option<(&'v Value, &'p [String])> {
        match path.start {
            Start::Local(_) => None,
            Start::Here(levels) => Some((self.up(levels)?.this, &path.steps)),
            Start::Root => Some((self.outermost_value(), &path.steps)),
            Start::Anywhere => match path.steps.split_first() {
                None => Some((self.this, &path.steps)),
                Some((name, rest)) => Some((self.named(name)?, rest)),
            },
        }
    }

    /// Why `path` means nothing, and what is near, in a sentence for the author.
    pub(crate) fn explain(&'v self, path: &Path) -> String {
        let nothing = format!("`{}` is missing", path.written);
        if matches!(path.start, Start::Local(_)) {
            return format!("{nothing} outside of a list");
        }
        let Some((mut value, steps)) = self.set_out(path) else {
            return match path.steps.first() {
                Some(name) => self.unnamed(path, name),
                None => nothing,
            };
        };
        for (done, step) in steps.iter().enumerate() {
            match child(value, step) {
                Some(next) => value = next,
                None => return self.lost(path, path.steps.len() - steps.len() + done, value, step),
            }
        }
        nothing
    }

    fn named(&'v self, name: &str) -> Option<&'v Value> {
        if FIXED.contains(&name) {
            return self.outermost_value().get(name);
        }
        let mut frame = Some(self);
        while let Some(here) = frame {
            if let Some((_, value)) = here.names.iter().rev().find(|(known, _)| *known == name) {
                return Some(value);
            }
            if let Some(value) = here.this.as_object().and_then(|fields| fields.get(name)) {
                return Some(value);
            }
            frame = here.outer;
        }
        None
    }

    fn local(&'v self, name: &str) -> Option<&'v Value> {
        let mut frame = Some(self);
        while let Some(here) = frame {
            if let Some(locals) = &here.locals {
                return match name {
                    "index" => Some(&locals.index),
                    "number" => Some(&locals.number),
                    "key" => Some(&locals.key),
                    "first" => Some(&locals.first),
                    "last" => Some(&locals.last),
                    _ => None,
                };
            }
            frame = here.outer;
        }
        None
    }

    /// The first name of `path` is known nowhere.
    fn unnamed(&self, path: &Path, name: &str) -> String {
        let written = &path.written;
        let event = self.outermost_value().get("event");
        if event.is_some_and(|event| event.get(name).is_some()) {
            return format!("`{written}` is missing; `event.{written}` exists");
        }
        let mut known: Vec<&str> = Vec::new();
        let mut frame = Some(self);
        while let Some(here) = frame {
            known.extend(here.names.iter().map(|(name, _)| *name));
            known.extend(comparable(here.this));
            frame = here.outer;
        }
        match near(name, known) {
            Some(near) => format!("`{written}` is missing; `{near}` exists"),
            None => format!("`{written}` is missing"),
        }
    }

    /// The first `known` steps of `path` lead to `value`, which has no `step`.
    fn lost(&self, path: &Path, known: usize, value: &Value, step: &str) -> String {
        let written = &path.written;
        let before = path.steps[..known].join(".");
        let full = |rest: &str| {
            if before.is_empty() {
                rest.to_owned()
            } else {
                format!("{before}.{rest}")
            }
        };
        match value {
            Value::Object(_) => {
                let near = near(step, comparable(value)).map(full);
                match near.or_else(|| elsewhere(self.outermost_value().get("event"), path)) {
                    Some(near) => format!("`{written}` is missing; `{near}` exists"),
                    None => format!("`{written}` is missing"),
                }
            }
            Value::Array(items) if step.parse::<usize>().is_ok() => {
                format!("`{written}` is missing; the list has {}", counted(items.len(), "item"))
            }
            Value::Array(_) => format!(
                "`{written}` is missing: `{before}` is a list; its first item has `{}`",
                full(&format!("[0].{step}"))
            ),
            Value::Null => format!("`{written}` is missing: `{before}` is null"),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                format!("`{written}` is missing: `{before}` is a single value without fields")
            }
        }
    }
}

/// Field names short and few enough to be compared with a misspelt one.
fn comparable(value: &Value) -> impl Iterator<Item = &str> {
    let fields = value.as_object().into_iter().flatten();
    fields
        .map(|(key, _)| key.as_str())
        .filter(|key| key.len() <= 64)
        .take(200)
}

fn near<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if written.len() > 64 {
        return None;
    }
    did_you_mean(written, known)
}

/// `1 item`, `3 items`
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn child<'v>(value: &'v Value, step: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The same field somewhere else in the event: payloads nest differently than one remembers. Of a longer path, the
/// object that holds the field must have the same name, too: every object has a `name`.
fn elsewhere(event: Option<&Value>, path: &Path) -> Option<String> {
    let wanted = path.steps.last()?;
    let holder = (path.steps.len() > 2).then(|| &path.steps[path.steps.len() - 2]);
    if path.steps.first().is_none_or(|first| first != "event") {
        return None;
    }
    let mut level: Vec<(String, &Value)> = vec![("event".to_owned(), event?)];
    let mut steps = SEARCH_STEPS;
    for _ in 0..6 {
        let mut next = Vec::new();
        for (name, value) in level {
            for (key, inner) in value.as_object().into_iter().flatten() {
                steps = steps.checked_sub(1)?;
                let full = format!("{name}.{key}");
                if key == wanted && holder.is_none_or(|holder| name.rsplit('.').next() == Some(holder)) {
                    return Some(full);
                }
                if inner.is_object() {
                    next.push((full, inner));
                }
            }
        }
        level = next;
    }
    None
}
