//! The `if:` of a rule: fields and what is expected of them, judged line by line.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::diagnostic::{Fault, did_you_mean};
use crate::rule::comparison::{Comparison, shown};
use crate::rule::expression::{Expression, Prepared};
use crate::rule::field::{Field, ROOTS, kind};

/// How deep `any`, `all` and `not` may nest.
const DEEPEST: usize = 16;

/// How many lines a condition may have, nested ones included.
const MOST_LINES: usize = 500;

/// How many sentences [`Verdicts::because`] gives.
const MOST_REASONS: usize = 20;

/// The names that are not fields.
const GROUPS: [&str; 4] = ["any", "all", "not", "expression"];

/// The compiled `if:` of a rule.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    checks: Vec<Check>,
}

#[derive(Debug, Clone)]
enum Check {
    Line {
        written: String,
        field: Field,
        comparison: Comparison,
    },
    Group(Quantity, Vec<Check>),
    Expression(Expression),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Any,
    All,
    NotAll,
}

/// What became of a condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// Every line holds.
    pub holds: bool,
    /// One verdict per line, in the order written.
    pub lines: Vec<Line>,
}

/// What became of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The line: `event.state: [failure, error]`, `any`, `expression: ...`; cut short when long.
    pub written: String,
    /// It holds.
    pub holds: bool,
    /// What was expected, in words.
    pub expected: String,
    /// What was found, in words: `"success"`, `missing`, `a list of 3 items`.
    pub actual: String,
    /// What to know besides: the nearest field that exists, a comparison of different sorts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The lines inside `any`, `all` and `not`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

impl Condition {
    /// The condition of a rule without `if:`.
    pub fn always() -> Condition {
        Condition::default()
    }

    /// Compiles the mapping under `if:`, with its warnings. Paths of faults begin at the mapping.
    ///
    /// # Errors
    /// Everything wrong with it: unknown names and words with what was meant, values of the wrong sort, patterns and
    /// expressions that cannot be read, nesting beyond the bounds.
    pub fn compile(value: &Value) -> Result<(Condition, Vec<Fault>), Vec<Fault>> {
        Self::compile_about(About::Event, value)
    }

    /// As [`Condition::compile`], about the fields of a person: each line names one of them. There are no expressions.
    ///
    /// # Errors
    /// Those of [`Condition::compile`].
    pub fn compile_of_person(value: &Value) -> Result<Condition, Vec<Fault>> {
        Self::compile_about(About::Person, value).map(|(condition, _)| condition)
    }

    fn compile_about(about: About, value: &Value) -> Result<(Condition, Vec<Fault>), Vec<Fault>> {
        let mut compiler = Compiler {
            about,
            faults: Vec::new(),
            lines: 0,
        };
        let checks = match value {
            Value::Object(lines) if !lines.is_empty() => compiler.lines(lines, 0),
            Value::Object(_) | Value::Null => {
                compiler
                    .faults
                    .push(fault("the condition is empty").help("write a line, or leave `if` out"));
                Vec::new()
            }
            Value::Array(_) => {
                let help = "write `field: expected` lines; for a list of alternatives write `any:` before it, for one \
                            of which every item must hold, `all:`";
                compiler
                    .faults
                    .push(fault("a condition is a group of lines, not a list").help(help));
                Vec::new()
            }
            Value::String(_) => {
                let help = "write `field: expected`, or `expression:` before a calculation";
                compiler
                    .faults
                    .push(fault("a condition is a group of lines, not a text").help(help));
                Vec::new()
            }
            Value::Bool(_) | Value::Number(_) => {
                let message = format!("a condition is a group of lines, not {}", kind(value));
                compiler
                    .faults
                    .push(fault(message).help("write `field: expected`, or leave `if` out"));
                Vec::new()
            }
        };
        if compiler.faults.is_empty() {
            Ok((Condition { checks }, Vec::new()))
        } else {
            Err(compiler.faults)
        }
    }

    /// Judges an event. `scope` has `event`, `request`, `rule` and `now`. Every line is judged, also after a false one.
    pub fn evaluate(&self, scope: &Value) -> Verdicts {
        self.evaluate_with(scope, &Prepared::default())
    }

    /// As [`Condition::evaluate`], sharing what expressions need among the rules of one event.
    pub fn evaluate_with(&self, scope: &Value, prepared: &Prepared) -> Verdicts {
        let lines: Vec<Line> = self.checks.iter().map(|check| check.judge(scope, prepared)).collect();
        Verdicts {
            holds: lines.iter().all(|line| line.holds),
            lines,
        }
    }

    /// Every field it reads, as written in its canonical form: `event.alerts[0].status`.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.checks.iter().for_each(|check| check.paths(&mut paths));
        paths
    }
}

impl Verdicts {
    /// Why it does not hold: the lines that are false, in words, the first twenty.
    pub fn because(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        self.lines.iter().for_each(|line| line.because(&mut reasons));
        reasons.truncate(MOST_REASONS);
        reasons
    }
}

impl fmt::Display for Line {
    /// The line with what was expected and found, in a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`: expected {}, found {}",
            self.written, self.expected, self.actual
        )?;
        match &self.note {
            Some(note) => write!(f, " ({note})"),
            None => Ok(()),
        }
    }
}

impl Line {
    fn because(&self, reasons: &mut Vec<String>) {
        if self.holds || reasons.len() >= MOST_REASONS {
            return;
        }
        let inside = |reasons: &mut Vec<String>| self.lines.iter().for_each(|line| line.because(reasons));
        match self.written.as_str() {
            "all" => inside(reasons),
            "any" => {
                reasons.push("`any`: none of its lines holds".to_owned());
                inside(reasons);
            }
            "not" => {
                let lines: Vec<_> = self.lines.iter().map(|line| format!("`{}`", line.written)).collect();
                let hold = if lines.len() == 1 { "holds" } else { "hold" };
                reasons.push(cut(&format!("`not`: {} {hold}", lines.join(" and ")), 400));
            }
            // One item of an event that is taken apart.
            _ if !self.lines.is_empty() => inside(reasons),
            _ => reasons.push(self.to_string()),
        }
    }
}

impl Check {
    fn judge(&self, scope: &Value, prepared: &Prepared) -> Line {
        match self {
            Check::Line {
                written,
                field,
                comparison,
            } => {
                let (holds, actual, note) = match (field.find(scope), comparison) {
                    (Ok(value), _) => {
                        let met = comparison.met_by(value);
                        match value {
                            // What is found is written into records and logs, and what was expected stands in the rule.
                            Value::String(_) if field.is_confidential() => {
                                (met.holds, "a text that is not shown".to_owned(), None)
                            }
                            _ => (met.holds, shown(value), met.note),
                        }
                    }
                    (Err(_), Comparison::Exists(false)) => (true, "missing".to_owned(), None),
                    (Err(missing), _) => (false, "missing".to_owned(), Some(cut(&missing.note, 300))),
                };
                Line {
                    written: written.clone(),
                    holds,
                    expected: comparison.expected(),
                    actual,
                    note,
                    lines: Vec::new(),
                }
            }
            Check::Group(quantity, checks) => {
                let lines: Vec<Line> = checks.iter().map(|check| check.judge(scope, prepared)).collect();
                let (count, true_ones) = (lines.len(), lines.iter().filter(|line| line.holds).count());
                let (written, expected, holds) = match quantity {
                    Quantity::Any => ("any", "at least one of these lines", true_ones > 0),
                    Quantity::All => ("all", "every one of these lines", true_ones == count),
                    Quantity::NotAll if count == 1 => ("not", "this line does not hold", true_ones < count),
                    Quantity::NotAll => ("not", "these lines do not hold together", true_ones < count),
                };
                Line {
                    written: written.to_owned(),
                    holds,
                    expected: expected.to_owned(),
                    actual: format!("{true_ones} of {count} hold"),
                    note: None,
                    lines,
                }
            }
            Check::Expression(expression) => {
                let outcome = expression.evaluate(scope, prepared);
                Line {
                    written: format!("expression: {}", cut(expression.source().trim(), 120)),
                    holds: outcome.holds,
                    expected: "true".to_owned(),
                    actual: outcome.actual,
                    note: outcome.note,
                    lines: Vec::new(),
                }
            }
        }
    }

    fn paths(&self, paths: &mut Vec<String>) {
        let mut add = |path: String| {
            if !paths.contains(&path) {
                paths.push(path);
            }
        };
        match self {
            Check::Line { field, .. } => add(field.path()),
            Check::Expression(expression) => expression.paths().into_iter().for_each(add),
            Check::Group(_, checks) => checks.iter().for_each(|check| check.paths(paths)),
        }
    }
}

/// What the lines of a condition are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Event,
    Person,
}

struct Compiler {
    about: About,
    faults: Vec<Fault>,
    lines: usize,
}

impl Compiler {
    fn lines(&mut self, lines: &Map<String, Value>, depth: usize) -> Vec<Check> {
        let mut checks = Vec::new();
        for (key, value) in lines {
            self.lines += 1;
            if self.lines > MOST_LINES {
                if self.lines == MOST_LINES + 1 {
                    self.faults
                        .push(fault(format!("a condition has at most {MOST_LINES} lines")).under(key.as_str()));
                }
                return checks;
            }
            let before = self.faults.len();
            checks.extend(self.line(key, value, depth));
            for fault in &mut self.faults[before..] {
                fault.path.insert(0, key.as_str().into());
            }
        }
        checks
    }

    /// One line; several when a field has several words.
    fn line(&mut self, key: &str, value: &Value, depth: usize) -> Vec<Check> {
        match key {
            "any" => self.list(Quantity::Any, key, value, depth),
            "all" => self.list(Quantity::All, key, value, depth),
            "not" => self.negated(value, depth),
            "expression" if self.about == About::Event => self.expression(value),
            _ => self.field(key, value),
        }
    }

    fn list(&mut self, quantity: Quantity, key: &str, value: &Value, depth: usize) -> Vec<Check> {
        let Value::Array(items) = value else {
            let message = format!("`{key}` needs a list of lines, not {}", kind(value));
            self.faults.push(fault(message).help("put `- ` before each line"));
            return Vec::new();
        };
        if items.is_empty() {
            self.faults.push(fault(format!("the list under `{key}` is empty")));
            return Vec::new();
        }
        let mut checks = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let before = self.faults.len();
            checks.extend(self.item(item, depth + 1));
            for fault in &mut self.faults[before..] {
                fault.path.insert(0, index.into());
            }
            if self.lines > MOST_LINES {
                break;
            }
        }
        vec![Check::Group(quantity, checks)]
    }

    fn item(&mut self, item: &Value, depth: usize) -> Option<Check> {
        let mut checks = self.group(item, depth)?;
        if checks.len() == 1 {
            checks.pop()
        } else {
            Some(Check::Group(Quantity::All, checks))
        }
    }

    fn negated(&mut self, value: &Value, depth: usize) -> Vec<Check> {
        match self.group(value, depth + 1) {
            Some(checks) => vec![Check::Group(Quantity::NotAll, checks)],
            None => Vec::new(),
        }
    }

    fn group(&mut self, value: &Value, depth: usize) -> Option<Vec<Check>> {
        if depth > DEEPEST {
            self.faults
                .push(fault(format!("`any`, `all` and `not` nest at most {DEEPEST} deep")));
            return None;
        }
        match value {
            Value::Object(lines) if !lines.is_empty() => Some(self.lines(lines, depth)),
            Value::Array(_) => {
                self.faults.push(
                    fault("a group of lines is needed here, not a list")
                        .help("write `any:` or `all:` before the list"),
                );
                None
            }
            Value::Object(_) | Value::Null => {
                self.faults.push(fault("there is no line here"));
                None
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let message = format!("a line is needed here, not {}", kind(value));
                self.faults.push(fault(message).help("write `field: expected`"));
                None
            }
        }
    }

    fn expression(&mut self, value: &Value) -> Vec<Check> {
        let Value::String(source) = value else {
            let message = format!("an expression is a text, not {}", kind(value));
            self.faults
                .push(fault(message).help("write it in quotes: `expression: \"event.count > 3\"`"));
            return Vec::new();
        };
        match Expression::compile(source) {
            Ok(expression) => vec![Check::Expression(expression)],
            Err(faults) => {
                self.faults.extend(faults);
                Vec::new()
            }
        }
    }

    fn field(&mut self, key: &str, value: &Value) -> Vec<Check> {
        let field = match self.about {
            About::Event => Field::parse(key),
            About::Person => Ok(Field::of(vec![key.trim().to_owned()])),
        };
        let field = match field {
            Ok(field) => field,
            Err(fault) => {
                self.faults.push(unknown_name(key, fault).on_key());
                return Vec::new();
            }
        };
        let Value::Object(words) = value else {
            return match Comparison::is(value) {
                Ok(comparison) => vec![Check::Line {
                    written: written(key, value),
                    field,
                    comparison,
                }],
                Err(fault) => {
                    self.faults.push(fault);
                    Vec::new()
                }
            };
        };
        if words.is_empty() {
            self.faults
                .push(fault("nothing is expected here").help("write a value, or a word such as `exists: true`"));
        }
        let mut checks = Vec::new();
        for (word, expected) in words {
            self.lines += 1;
            match Comparison::word(word, expected) {
                Ok(comparison) => checks.push(Check::Line {
                    written: format!("{}: {{ {} }}", cut(key, 120), written(word, expected)),
                    field: field.clone(),
                    comparison,
                }),
                Err(fault) => {
                    let fault = if fault.code == "condition::word" {
                        fault.on_key()
                    } else {
                        fault
                    };
                    self.faults.push(fault.under(word.as_str()));
                }
            }
        }
        checks
    }
}

/// A slip in `any` looks like an unknown field.
fn unknown_name(key: &str, fault: Fault) -> Fault {
    if fault.code != "condition::root" || key.contains(['.', '[']) || key.len() > 40 {
        return fault;
    }
    match did_you_mean(key, GROUPS.into_iter().chain(ROOTS)) {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => fault,
    }
}

fn written(key: &str, value: &Value) -> String {
    let value = match value {
        Value::String(text) => cut(text, 120),
        Value::Array(items) => {
            let some: Vec<String> = items.iter().take(8).map(|item| cut(&plain(item), 40)).collect();
            let more = if items.len() > 8 { ", …" } else { "" };
            format!("[{}{more}]", some.join(", "))
        }
        other => cut(&plain(other), 120),
    };
    format!("{}: {value}", cut(key, 120))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn fault(message: impl Into<String>) -> Fault {
    Fault::error("condition::shape", message)
}

#[cfg(test)]
mod tests;
