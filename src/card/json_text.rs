//! `.hbs` templates: the JSON of a card as one text, with blocks around elements.
//!
//! The text is made with a mark where each value belongs, read as JSON, and only then do the values take their places:
//! the payload never meets the JSON parser. So a value needs no escaping, may stand with or without quotation marks
//! around it, and means the same as in a structured template.

use std::ops::Range;

use serde_json::Value;

use crate::card::evaluate::{Evaluator, Gathered, Style};
use crate::card::hole::{self, BEGIN, END, Quotes, is_marked, mark};
use crate::card::partial::Partials;
use crate::card::path::Start;
use crate::card::place::{Filled, Place, Within};
use crate::card::profile;
use crate::card::reach::Reach;
use crate::card::scope::Frame;
use crate::card::syntax::{self, Expression, Node, Program};
use crate::diagnostic::{Fault, Severity};

/// Bytes of a draft; a template that grows beyond is not tried further.
const LONGEST_DRAFT: usize = 256 * 1024;

/// A compiled `.hbs` template.
#[derive(Debug)]
pub(crate) struct JsonText {
    program: Program,
}

/// Compiles `source` and tries whether it makes JSON; all faults and warnings are in the second part.
pub(crate) fn compile(source: &str, partials: &Partials) -> (Option<JsonText>, Vec<Fault>) {
    if source.contains([BEGIN, END]) {
        let message = "the template contains a character that is reserved (U+FDD0 or U+FDD1)";
        return (None, vec![Fault::error("template::syntax", message)]);
    }
    match syntax::compile(source, partials) {
        Ok(program) => {
            let faults = try_out(&program);
            (Some(JsonText { program }), faults)
        }
        Err(fault) => (None, vec![fault]),
    }
}

impl JsonText {
    /// What it can depend on.
    pub(crate) fn reach(&self) -> &Reach {
        &self.program.reach
    }

    /// The card.
    ///
    /// # Errors
    /// A sentence: for this event the text is no JSON.
    pub(crate) fn render(&self, frame: &Frame<'_>, gathered: &mut Gathered) -> Result<Value, String> {
        let (text, holes) = Evaluator::new(Style::Holes, gathered).holes(&self.program.nodes, frame);
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            format!(
                "with this event the template makes no JSON: {}",
                complaint(&text, &error)
            )
        })?;
        match hole::fill(value, Within::TOP, Place::Setting, &holes, gathered) {
            Filled::Keep(value) => Ok(value),
            Filled::Nothing | Filled::Unusable => Err("with this event nothing is left of the card".to_owned()),
        }
    }
}

/// What is wrong with a JSON text, with the words around the place.
fn complaint(text: &str, error: &serde_json::Error) -> String {
    let at = offset(text, error);
    let shown = |range: Range<usize>| -> String {
        text[range]
            .split(BEGIN)
            .map(|part| part.split_once(END).map_or(part, |(_, rest)| rest))
            .collect()
    };
    let before = (0..=at)
        .rev()
        .filter(|at| text.is_char_boundary(*at))
        .nth(30)
        .unwrap_or(0);
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
    format!(
        "{reason} after `{}`",
        shown(before..at).split_whitespace().collect::<Vec<_>>().join(" ")
    )
}

/// Where the parser stumbled, in bytes.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let wanted = (start + error.column()).min(text.len());
    (0..=wanted).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// One way an event can turn out.
#[derive(Debug, Clone, Copy)]
struct Case {
    items: usize,
    holds: bool,
}

impl Case {
    fn words(self) -> String {
        let lists = match self.items {
            0 => "empty lists",
            1 => "lists of one item",
            _ => "lists of two items",
        };
        format!(
            "with {lists}, and when conditions {}",
            if self.holds { "hold" } else { "do not hold" }
        )
    }
}

/// Makes the text for some imagined events and reads each as JSON. A mistake that shows at one place whatever
/// conditions say is an error; any other is a warning, because conditions may exclude each other.
fn try_out(program: &Program) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    for items in 0..=2 {
        let tries: Vec<Option<Fault>> = [true, false]
            .into_iter()
            .map(|holds| {
                let case = Case { items, holds };
                let mut draft = Draft::new(case);
                draft.nodes(&program.nodes, None);
                draft.fault()
            })
            .collect();
        let always = matches!(tries.as_slice(), [Some(a), Some(b)] if a.underline == b.underline);
        for fault in tries.into_iter().flatten() {
            let severity = if always { Severity::Error } else { Severity::Warning };
            let known = faults.iter_mut().find(|known| known.underline == fault.underline);
            match known {
                Some(known) => known.severity = known.severity.min(severity),
                None => faults.push(Fault { severity, ..fault }),
            }
        }
    }
    if faults.is_empty() {
        let mut draft = Draft::new(Case { items: 1, holds: true });
        draft.nodes(&program.nodes, None);
        faults = draft.structure();
    }
    faults
}

/// The text for an imagined event.
struct Draft {
    case: Case,
    text: String,
    quotes: Quotes,
    marks: usize,
    /// Where pieces of the draft come from: their beginning in the draft and in the source.
    origins: Vec<(usize, usize)>,
    too_long: bool,
}

impl Draft {
    fn new(case: Case) -> Self {
        Self {
            case,
            text: String::new(),
            quotes: Quotes::default(),
            marks: 0,
            origins: Vec::new(),
            too_long: false,
        }
    }

    fn nodes(&mut self, nodes: &[Node], item: Option<(usize, usize)>) {
        for node in nodes {
            if self.text.len() > LONGEST_DRAFT || self.marks > 10_000 {
                self.too_long = true;
            }
            if self.too_long {
                return;
            }
            self.marks += 1;
            match node {
                Node::Raw { text, at } => {
                    self.origins.push((self.text.len(), *at));
                    self.text.push_str(text);
                }
                Node::Print { .. } => {
                    let quoted = self.quotes.are_open(&self.text);
                    let mark = mark(self.marks);
                    self.text.push_str(&if quoted { mark } else { format!("\"{mark}\"") });
                }
                Node::If { test, then, otherwise } => {
                    let branch = if self.holds(test, item) { then } else { otherwise };
                    self.nodes(branch, item);
                }
                Node::Each { body, otherwise, .. } => {
                    for index in 0..self.case.items {
                        self.nodes(body, Some((index, self.case.items)));
                    }
                    if self.case.items == 0 {
                        self.nodes(otherwise, item);
                    }
                }
                Node::With { body, otherwise, .. } => {
                    let branch = if self.case.holds { body } else { otherwise };
                    self.nodes(branch, item);
                }
                Node::Partial { program, .. } => {
                    let known = self.origins.len();
                    self.nodes(&program.nodes, item);
                    // A partial's places are not places of this source.
                    self.origins.truncate(known);
                }
            }
        }
    }

    /// What a condition is imagined to say; `@first` and `@last` say what is the case.
    fn holds(&self, test: &Expression, item: Option<(usize, usize)>) -> bool {
        match test {
            Expression::Path(path) if path.start == Start::Local(0) => {
                match (path.steps.first().map(String::as_str), item) {
                    (Some("first"), Some((index, _))) => index == 0,
                    (Some("index"), Some((index, _))) => index != 0,
                    (Some("last"), Some((index, count))) => index + 1 == count,
                    _ => self.case.holds,
                }
            }
            Expression::Call(call) if call.function.name == "not" => !call
                .arguments
                .first()
                .is_some_and(|argument| self.holds(argument, item)),
            Expression::Path(_) | Expression::Literal(_) | Expression::Call(_) => self.case.holds,
        }
    }

    fn parsed(&self) -> Option<Result<Value, serde_json::Error>> {
        (!self.too_long).then(|| serde_json::from_str(&self.text))
    }

    fn fault(&self) -> Option<Fault> {
        let error = self.parsed()?.err()?;
        let at = offset(&self.text, &error);
        let origin = self.origins.iter().rev().find(|(begin, _)| *begin < at.max(1));
        let mut fault = Fault::error(
            "template::json",
            format!(
                "{}, this is no JSON: {}",
                self.case.words(),
                complaint(&self.text, &error)
            ),
        )
        .help("between elements of a loop stands `{{#unless @last}},{{/unless}}`");
        if let Some((begin, source)) = origin {
            let place = source + (at - begin).saturating_sub(1);
            fault = fault.within(place..place + 1);
        }
        Some(fault)
    }

    /// Marks where no value may decide.
    fn structure(&self) -> Vec<Fault> {
        let Some(Ok(value)) = self.parsed() else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        if !value.is_object() {
            faults.push(Fault::error("template::json", "a card is one JSON object"));
        }
        let mut waiting = vec![&value];
        while let Some(value) = waiting.pop() {
            match value {
                Value::Object(fields) => {
                    if fields.keys().any(|key| is_marked(key)) {
                        faults.push(Fault::error(
                            "template::structure",
                            "a key of the card cannot come from an event",
                        ));
                    }
                    if fields.get("type").and_then(Value::as_str).is_some_and(is_marked) {
                        let message = "what an element is cannot come from an event";
                        faults.push(
                            Fault::error("template::structure", message)
                                .help("write two elements and choose between them with `{{#if}}`"),
                        );
                    }
                    if let Some(key) = fields.keys().find(|key| key.starts_with('$') && *key != "$schema") {
                        let message = format!("`{key}` works in structured templates (.yaml, .json), not in .hbs");
                        faults.push(Fault::error("template::key", message).help("use `{{#each}}` and `{{#if}}`"));
                    }
                    waiting.extend(fields.values());
                }
                Value::Array(items) => waiting.extend(items),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        // The paths of the profile lead into the draft, not into the source: the faults are about the file.
        faults.extend(profile::check(&value).into_iter().map(|fault| Fault {
            path: Vec::new(),
            underline: crate::diagnostic::Underline::Value,
            ..fault
        }));
        faults
    }
}
