//! One CEL expression: the way out when fields and operator words do not suffice.
//!
//! CEL is a written standard; its crate has no cost limit, a deep stack and no list of known names. The guards around
//! it stand in [`guard`]: an expression is short and shallow, loops do not nest, every name exists, patterns are
//! compiled once. What remains is linear in the event, and events larger than [`LARGEST_EVENT`] are not looked at.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use cel::common::ast::IdedExpr;
use cel::parser::Parser;
use cel::{Context, Env, ExecutionError};
use regex::Regex;
use serde_json::Value;

use crate::diagnostic::Fault;
use crate::rule::field::Field;

pub mod guard;

/// The largest event, with its request, that expressions look at, in bytes of text and keys.
pub const LARGEST_EVENT: usize = 64 * 1024;

/// The most work one evaluation may take: calls times the bytes each could look at, times the items for which it does.
const MOST_WORK: u64 = 100_000_000;

/// A compiled expression.
#[derive(Clone)]
pub struct Expression {
    source: String,
    parsed: Arc<IdedExpr>,
    survey: guard::Survey,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

/// What became of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// It came to `true`.
    pub holds: bool,
    /// What it came to, in words: `true`, `false`, `the number 3`, `an error`.
    pub actual: String,
    /// Why it failed, in a sentence.
    pub note: Option<String>,
}

/// One event as expressions see it, made ready when the first expression asks and then shared by the rules of that
/// event. Use it only with scopes whose `event`, `request` and `now` are the same.
#[derive(Default)]
pub struct Prepared(OnceCell<Result<Ready, String>>);

struct Ready {
    context: Context<'static, 'static>,
    patterns: Arc<Mutex<HashMap<String, Regex>>>,
    size: Size,
}

/// How large a value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    /// Bytes of all texts and keys, and a few for everything else.
    bytes: usize,
    /// The most items or fields one list or group has.
    longest: usize,
}

impl Expression {
    /// Compiles an expression. Takes a thread of its own for a moment, because the parser needs a deep stack.
    ///
    /// # Errors
    /// Everything wrong with it: slips from other languages, syntax, unknown names with the one that was meant, more
    /// depth or size than the guards allow.
    pub fn compile(source: &str) -> Result<Expression, Vec<Fault>> {
        guard::look_at_text(source).map_err(|fault| vec![fault])?;
        let text = source.to_owned();
        let parsed = std::thread::Builder::new()
            .name("expression".to_owned())
            .stack_size(8 * 1024 * 1024)
            .spawn(move || {
                let (mut parsed, places) = Parser::new()
                    .error_recovery_limit(4)
                    .parse_with_source_info(&text)
                    .map_err(|errors| vec![syntax(&text, &errors)])?;
                let survey = guard::survey(&mut parsed, &places)?;
                Ok::<_, Vec<Fault>>((parsed, survey))
            })
            .map(|thread| thread.join());
        let (parsed, survey) = match parsed {
            Ok(Ok(parsed)) => parsed?,
            // The parser panicked, or the machine has no thread left: either way this text is not usable now.
            Ok(Err(_)) | Err(_) => {
                return Err(vec![Fault::error("expression::text", "this expression cannot be read")]);
            }
        };
        Ok(Expression {
            source: source.to_owned(),
            parsed: Arc::new(parsed),
            survey,
        })
    }

    /// The text it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The fields it reads: `event.deployment.state`.
    pub fn paths(&self) -> Vec<String> {
        self.fields().map(|field| field.path()).collect()
    }

    /// Evaluates it. `scope` has `event`, `request`, `rule` and `now`; `prepared` is shared by all rules of the event.
    /// Never fails: an error is an outcome that does not hold, with a note.
    pub fn evaluate(&self, scope: &Value, prepared: &Prepared) -> Outcome {
        let ready = match prepared.0.get_or_init(|| Ready::new(scope)) {
            Ok(ready) => ready,
            Err(reason) => return failed(reason.clone()),
        };
        let work = self.work(&ready.size, scope);
        if work > MOST_WORK {
            let why = "too much work: it looks at large values of the event again for every item of a long list";
            return failed(why.to_owned());
        }
        if !self.survey.patterns.is_empty() {
            let mut patterns = ready.patterns.lock().expect("nobody panics while holding the patterns");
            for (pattern, regex) in &self.survey.patterns {
                patterns.entry(pattern.clone()).or_insert_with(|| regex.clone());
            }
        }
        let mut context = ready.context.new_inner_scope();
        context.add_variable_from_value("rule", to_cel(scope.get("rule").unwrap_or(&Value::Null)));
        // A bug of the evaluator must cost one line of one rule, not the engine.
        let value = catch_unwind(AssertUnwindSafe(|| cel::Value::resolve(&self.parsed, &context)));
        let Ok(value) = value else {
            return failed("the expression could not be evaluated".to_owned());
        };
        match value {
            Ok(cel::Value::Bool(holds)) => Outcome {
                holds,
                actual: holds.to_string(),
                note: None,
            },
            Ok(other) => Outcome {
                holds: false,
                actual: in_words(&other),
                note: Some("an expression must come to true or false".to_owned()),
            },
            Err(error) => failed(self.explain(&error, scope)),
        }
    }

    fn work(&self, size: &Size, scope: &Value) -> u64 {
        let again = self.survey.scans_per_item.iter().map(|(weight, path)| {
            let bytes = match path.as_slice() {
                [] => size.bytes,
                path => Field::of(path.to_vec()).find(scope).map_or(0, |value| {
                    let mut size = Size::default();
                    measure(value, &mut size);
                    size.bytes
                }),
            };
            (*weight as u64).saturating_mul(bytes as u64)
        });
        let again: u64 = again.fold(0, u64::saturating_add);
        let once = (self.survey.scans as u64).saturating_mul(size.bytes as u64);
        let longer = self.survey.joins as u64 + 1;
        again
            .saturating_mul(size.longest.max(8) as u64)
            .saturating_add(once)
            .saturating_mul(longer)
    }

    fn fields(&self) -> impl Iterator<Item = Field> {
        self.survey
            .paths
            .iter()
            .filter(|path| crate::rule::field::ROOTS.contains(&path[0].as_str()))
            .map(|path| Field::of(path.clone()))
    }

    fn explain(&self, error: &ExecutionError, scope: &Value) -> String {
        match error {
            ExecutionError::NoSuchKey(key) => {
                let missing = self
                    .fields()
                    .filter_map(|field| field.find(scope).err())
                    .find(|missing| missing.step == **key)
                    .map(|missing| missing.note);
                let missing = missing.unwrap_or_else(|| format!("no field `{}`", bounded(key)));
                format!("{missing}; test with `has(...)` first")
            }
            ExecutionError::NoSuchOverload(overload) => {
                let operator = overload.function().trim_matches('_').trim_start_matches('@');
                let operator = if operator == "[_]" { "[...]" } else { operator };
                let operator = if operator == "herald@matches" {
                    "matches"
                } else {
                    operator
                };
                let types: Vec<_> = overload
                    .argument_types()
                    .iter()
                    .map(|name| type_in_words(name))
                    .collect();
                format!("`{}` does not work with {}", bounded(operator), types.join(" and "))
            }
            ExecutionError::IndexOutOfBounds(_) => "a list has fewer items than that".to_owned(),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".to_owned(),
            ExecutionError::Overflow(..) => "a number grows too large".to_owned(),
            ExecutionError::FunctionError { function, message } => {
                format!("`{}` failed: {}", bounded(function), bounded(message))
            }
            ExecutionError::ValuesNotComparable(..) => "two values of different sorts are compared".to_owned(),
            ExecutionError::UnexpectedType { .. } | ExecutionError::UnsupportedTargetType { .. } => {
                "a function got a value of the wrong sort".to_owned()
            }
            other => bounded(&other.to_string()).to_owned(),
        }
    }
}

impl Ready {
    fn new(scope: &Value) -> Result<Ready, String> {
        let mut size = Size::default();
        for name in ["event", "item", "request", "tracked", "steps"] {
            measure(scope.get(name).unwrap_or(&Value::Null), &mut size);
            if size.bytes > LARGEST_EVENT {
                return Err(format!(
                    "the event is larger than {} KiB; expressions look at smaller ones only, fields and words at all",
                    LARGEST_EVENT / 1024
                ));
            }
        }
        let patterns: Arc<Mutex<HashMap<String, Regex>>> = Arc::default();
        let known = Arc::clone(&patterns);
        let matches = move |text: Arc<String>, pattern: Arc<String>| -> bool {
            let patterns = known.lock().expect("nobody panics while holding the patterns");
            patterns
                .get(pattern.as_str())
                .is_some_and(|regex| regex.is_match(&text))
        };
        let mut context = Context::with_env(Arc::new(Env::stdlib()));
        context
            .add_function(guard::MATCHES, matches)
            .map_err(|_| "expressions cannot be prepared".to_owned())?;
        for name in ["event", "item", "request", "now", "tracked", "steps"] {
            context.add_variable_from_value(name, to_cel(scope.get(name).unwrap_or(&Value::Null)));
        }
        Ok(Ready {
            context,
            patterns,
            size,
        })
    }
}

/// The value with its whole numbers signed: the crate's own conversion makes them unsigned, and `event.count - 4` an
/// error.
fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => cel::Value::Int(number),
            (None, Some(number), _) => cel::Value::UInt(number),
            (None, None, number) => cel::Value::Float(number.unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => {
            let fields: HashMap<String, cel::Value> = fields
                .iter()
                .map(|(name, value)| (name.clone(), to_cel(value)))
                .collect();
            cel::Value::Map(fields.into())
        }
    }
}

/// Adds up a value; stops early once it is too large.
fn measure(value: &Value, size: &mut Size) {
    if size.bytes > LARGEST_EVENT {
        return;
    }
    size.bytes += match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => {
            size.longest = size.longest.max(items.len());
            items.iter().for_each(|item| measure(item, size));
            2
        }
        Value::Object(fields) => {
            size.longest = size.longest.max(fields.len());
            for (name, value) in fields {
                size.bytes += name.len() + 4;
                measure(value, size);
            }
            2
        }
    };
}

/// The parser's first complaint, in words a person can use.
fn syntax(source: &str, errors: &cel::parser::ParseErrors) -> Fault {
    const HELP: &str = "an expression looks like `event.count > 3 && event.state == \"open\"`";
    let fault = Fault::error("expression::text", "this expression cannot be read").help(HELP);
    let Some(error) = errors.errors.first() else {
        return fault;
    };
    let (line, column) = (error.pos.0.max(1) as usize, error.pos.1.max(1) as usize);
    let line_start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let start = source[line_start..]
        .char_indices()
        .nth(column - 1)
        .map_or(source.len(), |(at, _)| line_start + at);
    let word = source[start..]
        .find(char::is_whitespace)
        .map_or(source.len(), |at| start + at);
    let end = if word == start { source.len() } else { word };
    let message = match &source[start..end] {
        "" => "the expression ends too early".to_owned(),
        text if error.msg.contains("unsupported") => format!("`{}` is not supported", bounded(text)),
        _ if error.msg.contains("has() macro") => {
            return Fault::error("expression::text", "`has` asks about a field of something")
                .within(start..end)
                .help("write `has(event.field)`");
        }
        text => format!("the expression cannot be read from `{}` on", bounded(text)),
    };
    Fault {
        message,
        ..fault.within(start..end)
    }
}

fn failed(note: String) -> Outcome {
    Outcome {
        holds: false,
        actual: "an error".to_owned(),
        note: Some(note),
    }
}

fn in_words(value: &cel::Value) -> String {
    match value {
        cel::Value::Int(number) => format!("the number {number}"),
        cel::Value::UInt(number) => format!("the number {number}"),
        cel::Value::Float(number) => format!("the number {number}"),
        // Not the text itself: it could be a credential, and what is found is written down.
        cel::Value::String(_) => "a text".to_owned(),
        cel::Value::List(items) => format!("a list of {}", items.len()),
        cel::Value::Map(_) => "a group of fields".to_owned(),
        cel::Value::Null => "null".to_owned(),
        _ => "something else".to_owned(),
    }
}

fn type_in_words(name: &str) -> &str {
    match name {
        "int" | "uint" | "double" => "a number",
        "string" => "a text",
        "bool" => "true or false",
        "list" => "a list",
        "map" => "a group of fields",
        "null_type" | "null" => "nothing (null)",
        "google.protobuf.Timestamp" | "timestamp" => "a time",
        "google.protobuf.Duration" | "duration" => "a duration",
        other => other,
    }
}

fn bounded(text: &str) -> &str {
    match text.char_indices().nth(80) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests;
