//! Where a value stands: `event.deployment.state`, `event.alerts[0].labels.severity`, `event["due date"]`.

use serde_json::Value;

use crate::diagnostic::{Fault, did_you_mean};
use crate::event::is_confidential;

/// The names a condition can begin with.
pub const ROOTS: [&str; 7] = ["event", "item", "request", "rule", "now", "tracked", "steps"];

/// Those of them that only steps under `then` see, with why a rule's own `if` does not.
const OF_STEPS: [(&str, &str); 2] = [
    (
        "tracked",
        "a rule is judged before it is known what the event is about; steps under `then` see it",
    ),
    (
        "steps",
        "they come after the first message; steps under `then` see what those before them brought",
    ),
];

/// Names that exist elsewhere (cards, later versions), with why they are not here.
const ELSEWHERE: [(&str, &str); 1] = [(
    "recipient",
    "conditions are judged before anybody is looked up; use it in the card",
)];

/// How many steps a path may have.
const DEEPEST: usize = 64;

/// How many values are looked at to find a field of the same name elsewhere.
const LOOKED_AT: usize = 2_000;

/// The longest name taken for a near match: an event may bring names of any length.
const LONGEST_NAME: usize = 100;

/// The place of a value in what a rule sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    steps: Vec<String>,
}

/// A field that is not there, and what is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The step that leads nowhere.
    pub step: String,
    /// In a sentence: `no field `event.fo`; nearest is `event.foo``.
    pub note: String,
}

impl Field {
    /// Reads a path: names joined by dots, places in lists (from 0) as `[0]` or `.0`. A name with dots, spaces or
    /// brackets is written `["due date"]` or `."due date"`.
    ///
    /// # Errors
    /// A fault about the text: an unknown first name, an empty step, a bracket that does not close.
    pub fn parse(text: &str) -> Result<Field, Fault> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() || steps.is_empty() {
            if steps.len() == DEEPEST {
                return Err(fault(format!("a path has at most {DEEPEST} steps")));
            }
            let (step, after) = step(rest, steps.is_empty())?;
            steps.push(step);
            rest = after;
        }
        let root = steps[0].as_str();
        if ROOTS.contains(&root) {
            return Ok(Field { steps });
        }
        if let Some((_, why)) = ELSEWHERE.iter().find(|(name, _)| *name == root) {
            return Err(Fault::error("condition::root", format!("a condition cannot see `{root}`")).help(*why));
        }
        let fault = Fault::error(
            "condition::root",
            format!("`{}` is nothing a condition can see", short(root)),
        );
        Err(match did_you_mean(root, ROOTS) {
            Some(meant) => fault.help(format!("did you mean `{meant}`?")),
            None => fault.help(format!("fields of the event are written `event.{}`", short(text))),
        })
    }

    /// What is wrong with a path like this in a rule's own `if`: only the steps that follow see what it begins with.
    pub fn doubt_before_steps(path: &str) -> Option<Fault> {
        let (root, why) = OF_STEPS.iter().find(|(root, _)| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })?;
        Some(Fault::error("condition::root", format!("the `if` of a rule cannot see `{root}`")).help(*why))
    }

    /// The place these steps lead to; the first is one of [`ROOTS`].
    pub fn of(steps: Vec<String>) -> Field {
        Field { steps }
    }

    /// The steps from the root; the first is one of [`ROOTS`] for a path that was read.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The path as [`Field::parse`] reads it.
    pub fn path(&self) -> String {
        path(&self.steps)
    }

    /// Its name says that it holds a password, a token or the like: the value is not for records, logs and pages.
    pub fn is_confidential(&self) -> bool {
        self.steps.last().is_some_and(|step| is_confidential(step))
    }

    /// The value there.
    ///
    /// # Errors
    /// The first step that leads nowhere, with the nearest field that exists. `null` is a value.
    pub fn find<'a>(&self, scope: &'a Value) -> Result<&'a Value, Missing> {
        let mut value = scope;
        for (index, step) in self.steps.iter().enumerate() {
            let next = match value {
                Value::Object(fields) => fields.get(step),
                Value::Array(items) => step.parse::<usize>().ok().and_then(|place| items.get(place)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            };
            match next {
                Some(next) => value = next,
                None => return Err(self.missing(scope, value, index)),
            }
        }
        Ok(value)
    }

    fn missing(&self, scope: &Value, parent: &Value, index: usize) -> Missing {
        let here = path(&self.steps[..=index]);
        let above = path(&self.steps[..index]);
        let note = match parent {
            Value::Array(items) if self.steps[index].parse::<usize>().is_ok() => {
                format!("no field `{here}`: `{above}` is a list of {}", count(items.len()))
            }
            Value::Array(_) => format!(
                "no field `{here}`: `{above}` is a list; name one item, `{above}[0].{}`, or use `expression:` with \
                 `exists`",
                short(&self.steps[index])
            ),
            Value::Object(fields) => {
                let name = &self.steps[index];
                // One or two letters are close to everything.
                let names = fields
                    .keys()
                    .map(String::as_str)
                    .filter(|name| name.len() <= LONGEST_NAME);
                let sibling =
                    did_you_mean(short(name), names.take(LOOKED_AT / 4)).filter(|_| name.chars().count() > 2);
                let near = match sibling {
                    Some(name) => {
                        let mut steps = self.steps[..index].to_vec();
                        steps.push(name.to_owned());
                        Some(path(&steps))
                    }
                    None => self.elsewhere(scope),
                };
                match near {
                    Some(near) => format!("no field `{here}`; nearest is `{near}`"),
                    None => format!("no field `{here}`"),
                }
            }
            Value::Null => format!("no field `{here}`: `{above}` is empty (null)"),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                format!("no field `{here}`: `{above}` is {}", kind(parent))
            }
        };
        Missing {
            step: self.steps[index].clone(),
            note,
        }
    }

    /// A field of the same last name somewhere else in the same root, the nearest to the top first.
    fn elsewhere(&self, scope: &Value) -> Option<String> {
        let wanted = self.steps.last()?;
        let root = &self.steps[0];
        let mut level = vec![(vec![root.clone()], scope.get(root)?)];
        let mut left = LOOKED_AT;
        while !level.is_empty() {
            let mut below = Vec::new();
            for (steps, value) in level {
                let children: Box<dyn Iterator<Item = (String, &Value)>> = match value {
                    Value::Object(fields) => Box::new(fields.iter().map(|(name, value)| (name.clone(), value))),
                    Value::Array(items) => Box::new(items.iter().take(1).map(|value| ("0".to_owned(), value))),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => continue,
                };
                for (name, value) in children {
                    left = left.checked_sub(1)?;
                    if name.len() > LONGEST_NAME {
                        continue;
                    }
                    let mut steps = steps.clone();
                    let found = name == *wanted;
                    steps.push(name);
                    if found {
                        return Some(path(&steps));
                    }
                    below.push((steps, value));
                }
            }
            level = below;
        }
        None
    }
}

/// What sort of value it is, in words: `a text`, `a list of 2 items`.
pub fn kind(value: &Value) -> String {
    match value {
        Value::Null => "empty (null)".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(_) => "a text".to_owned(),
        Value::Array(items) => format!("a list of {}", count(items.len())),
        Value::Object(fields) => format!("a group of {}", fields_count(fields.len())),
    }
}

fn count(items: usize) -> String {
    if items == 1 {
        "1 item".to_owned()
    } else {
        format!("{items} items")
    }
}

fn fields_count(fields: usize) -> String {
    if fields == 1 {
        "1 field".to_owned()
    } else {
        format!("{fields} fields")
    }
}

/// Takes the next step off `text`.
fn step(text: &str, first: bool) -> Result<(String, &str), Fault> {
    let (text, dotted) = match text.strip_prefix('.') {
        Some(_) if first => return Err(fault("the path begins with a dot")),
        Some(after) => (after, true),
        None => (text, first),
    };
    if let Some(inside) = text.strip_prefix('[') {
        if dotted && !first {
            return Err(fault("a dot and a bracket: write `a[0]` or `a.0`"));
        }
        let Some(quote) = inside.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            let Some((place, after)) = inside.split_once(']') else {
                return Err(fault("the bracket `[` is not closed"));
            };
            if place.is_empty() || place == "*" {
                return Err(fault(format!("`[{place}]` names no place of the list")).help(
                    "write a place, `[0]`; `contains` looks at all items, `expression:` can with `exists`: \
                     event.items.exists(i, i.name == \"x\")",
                ));
            }
            if !place.bytes().all(|byte| byte.is_ascii_digit()) || place.len() > 9 {
                return Err(fault(format!("`[{}]` is not a place in a list", short(place)))
                    .help("places are numbers from 0; a name stands in quotes: `[\"due date\"]`"));
            }
            let place = place.trim_start_matches('0');
            let place = if place.is_empty() { "0" } else { place };
            return Ok((place.to_owned(), after));
        };
        let Some((name, after)) = inside[1..].split_once(quote) else {
            return Err(fault("the quote is not closed"));
        };
        let Some(after) = after.strip_prefix(']') else {
            return Err(fault("the bracket `[` is not closed"));
        };
        return Ok((name.to_owned(), after));
    }
    if !dotted {
        return Err(fault("a dot is missing in the path").help("steps are joined by dots: `event.items[0].name`"));
    }
    if let Some(quoted) = text.strip_prefix('"') {
        return match quoted.split_once('"') {
            Some((name, after)) => Ok((name.to_owned(), after)),
            None => Err(fault("the quote is not closed")),
        };
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    if name.is_empty() {
        let message = if first {
            "there is no field here"
        } else {
            "a name is missing in the path"
        };
        return Err(fault(message).help("a field is written like `event.deployment.state`"));
    }
    let holes = name.contains(['{', '}']);
    let calculates = name.contains(['(', ')', '=', '<', '>', '!', '|', '&']);
    if holes || calculates || name.contains(|c: char| c.is_whitespace() || matches!(c, ']' | '"' | '\'' | ',')) {
        let fault = fault(format!("`{}` cannot stand in a path like this", short(name)));
        return Err(if holes {
            fault.help("conditions have no holes; write the field itself, without braces")
        } else if calculates {
            fault.help("a condition is `field: expected`; calculations go into `expression:`")
        } else {
            fault.help(format!(
                "quote the name: `[\"{}\"]`",
                short(name.trim_matches(['"', '\'']))
            ))
        });
    }
    Ok((name.to_owned(), after))
}

fn path(steps: &[String]) -> String {
    let mut text = String::new();
    for (index, step) in steps.iter().enumerate() {
        let digits = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        if digits && index > 0 {
            text.push_str(&format!("[{step}]"));
        } else if plain(step) {
            if index > 0 {
                text.push('.');
            }
            text.push_str(step);
        } else {
            text.push_str(&format!("[\"{step}\"]"));
        }
    }
    text
}

fn plain(step: &str) -> bool {
    !step.is_empty()
        && step
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@' | ':' | '/'))
}

fn fault(message: impl Into<String>) -> Fault {
    Fault::error("condition::field", message)
}

fn short(text: &str) -> &str {
    match text.char_indices().nth(60) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn scope() -> Value {
        json!({
            "event": {
                "state": "open",
                "due date": "2026-01-01",
                "a.b": 1,
                "7": "seven",
                "user-agent": "curl",
                "list": [{"x": 1}, {"x": 2}],
                "deployment": {"environment": "production"},
                "nothing": null,
            },
            "request": {"method": "POST"},
            "rule": {"name": "r"},
            "now": "2026-01-01T00:00:00Z",
        })
    }

    #[test]
    fn a_path_finds_its_value() {
        for (path, expected) in [
            ("event.state", json!("open")),
            ("event[\"due date\"]", json!("2026-01-01")),
            ("event.\"due date\"", json!("2026-01-01")),
            ("event['a.b']", json!(1)),
            ("event.7", json!("seven")),
            ("event.user-agent", json!("curl")),
            ("event.list[1].x", json!(2)),
            ("event.list.1.x", json!(2)),
            ("event.list[01].x", json!(2)),
            ("event.nothing", json!(null)),
            ("request.method", json!("POST")),
            ("now", json!("2026-01-01T00:00:00Z")),
        ] {
            assert_eq!(Field::parse(path).unwrap().find(&scope()), Ok(&expected), "{path}");
        }
    }

    #[test]
    fn a_missing_field_names_the_nearest_that_exists() {
        for (path, note) in [
            ("event.stat", "no field `event.stat`; nearest is `event.state`"),
            (
                "event.environment",
                "no field `event.environment`; nearest is `event.deployment.environment`",
            ),
            ("event.x", "no field `event.x`; nearest is `event.list[0].x`"),
            ("event.zebra", "no field `event.zebra`"),
            (
                "event.duedate.day",
                "no field `event.duedate`; nearest is `event[\"due date\"]`",
            ),
            (
                "event.list[7].x",
                "no field `event.list[7]`: `event.list` is a list of 2 items",
            ),
            (
                "event.list.x",
                "no field `event.list.x`: `event.list` is a list; name one item, `event.list[0].x`, or use `expression:` with `exists`",
            ),
            ("event.state.x", "no field `event.state.x`: `event.state` is a text"),
            (
                "event.nothing.x",
                "no field `event.nothing.x`: `event.nothing` is empty (null)",
            ),
        ] {
            assert_eq!(Field::parse(path).unwrap().find(&scope()).unwrap_err().note, note);
        }
    }

    #[test]
    fn what_is_no_path_is_explained() {
        for (path, message, help) in [
            ("", "no field here", "event.deployment.state"),
            ("state", "`state` is nothing a condition can see", "`event.state`"),
            ("evnt.state", "`evnt` is nothing", "did you mean `event`?"),
            ("recipient.name", "cannot see `recipient`", "use it in the card"),
            (".event", "begins with a dot", ""),
            ("event.", "a name is missing", "event.deployment.state"),
            ("event..x", "a name is missing", ""),
            (
                "event.due date",
                "cannot stand in a path",
                "quote the name: `[\"due date\"]`",
            ),
            ("{{event.x}}", "cannot stand in a path", "no holes"),
            ("event.a == 1", "cannot stand in a path", "`expression:`"),
            ("event.list[].x", "names no place", "exists"),
            ("event.list[*].x", "names no place", "exists"),
            ("event.list[-1].x", "not a place", "from 0"),
            ("event.list[0", "not closed", ""),
            ("event[\"x", "not closed", ""),
            ("event[\"x\"", "not closed", ""),
            ("event.\"x", "not closed", ""),
            ("event.list[0]x", "a dot is missing", "joined by dots"),
            ("event.[0]", "a dot and a bracket", ""),
        ] {
            let fault = Field::parse(path).unwrap_err();
            assert!(fault.message.contains(message), "{path}: {}", fault.message);
            assert!(
                fault.help.clone().unwrap_or_default().contains(help),
                "{path}: {:?}",
                fault.help
            );
        }
        assert!(Field::parse(&format!("event{}", ".a".repeat(100))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_a_fault(text in "event\\PC{0,30}") {
            if let Ok(field) = Field::parse(&text) {
                let _ = field.find(&scope());
            }
        }

        #[test]
        fn a_path_that_is_shown_is_read_back(steps in prop::collection::vec("[^\"]{0,8}", 0..5)) {
            let steps: Vec<String> = std::iter::once("event".to_owned()).chain(steps).collect();
            let field = Field { steps };
            // Leading zeros are dropped from places, so a key `007` is told apart only by its quotes.
            prop_assume!(field.steps.iter().all(|step| !(step.len() > 1 && step.starts_with('0'))));
            prop_assert_eq!(Field::parse(&field.path()).unwrap(), field);
        }
    }
}
