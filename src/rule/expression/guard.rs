//! What an expression may be: small, shallow, with names that exist. Checked before it is ever run.

use std::ops::Range;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo};
use regex::{Regex, RegexBuilder};

use crate::diagnostic::{Fault, did_you_mean};
use crate::rule::field::ROOTS;

/// The longest expression, in bytes.
pub const LONGEST: usize = 2 * 1024;
/// How deep brackets may nest.
pub const DEEPEST_BRACKETS: usize = 32;
/// How deep the parsed expression may nest: a chain of twenty `+` is that deep, one of `&&` or `||` is balanced. A
/// level takes some 40 KiB of stack in an unoptimised build, and evaluation runs on whatever thread handles the
/// event.
pub const DEEPEST: usize = 20;
/// The largest compiled form of one regular expression, in bytes.
pub const LARGEST_REGEX: usize = 1024 * 1024;

/// How `matches` is called once its pattern has been compiled.
pub const MATCHES: &str = "herald@matches";

/// Everything that may be called; macros are listed to explain a wrong number of arguments.
const FUNCTIONS: [&str; 24] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "duration",
    "timestamp",
    "type",
    "dyn",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];
const MACROS: [(&str, &str); 6] = [
    ("has", "has(event.field)"),
    ("all", "event.items.all(item, item.ok)"),
    ("exists", "event.items.exists(item, item.name == \"x\")"),
    ("exists_one", "event.items.exists_one(item, item.name == \"x\")"),
    ("map", "event.items.map(item, item.name)"),
    ("filter", "event.items.filter(item, item.ok)"),
];
const TYPES: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];

/// What the parsed expression is made of.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Fields it reads, `event.a.b`, each once.
    pub paths: Vec<Vec<String>>,
    /// The patterns of its `matches`, compiled.
    pub patterns: Vec<(String, Regex)>,
    /// Calls that look at a whole text or list, outside loops.
    pub scans: usize,
    /// Calls inside loops that look, for every item again, at values of the event: how much each weighs, and where the
    /// values stand; an empty path is the event as a whole.
    pub scans_per_item: Vec<(usize, Vec<String>)>,
    /// `+`: each may make a text or list longer.
    pub joins: usize,
}

/// Compiles a pattern within bounds of memory and nesting; matching takes time linear in the text.
///
/// # Errors
/// What is wrong with the pattern, in a sentence.
pub fn regex(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > 1024 {
        return Err("a pattern is at most 1024 bytes long".to_owned());
    }
    RegexBuilder::new(pattern)
        .size_limit(LARGEST_REGEX)
        .dfa_size_limit(1024 * 1024)
        .nest_limit(32)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "the pattern is too large: repeat less, or write `[A-Za-z0-9_]` for `\\w`, which knows all scripts"
                    .to_owned()
            }
            error => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim();
                let reason = last.strip_prefix("error: ").unwrap_or(last);
                match reason.contains("look-around") || reason.contains("backreference") {
                    true => "look-around and back-references are not supported".to_owned(),
                    false => format!("the pattern cannot be read: {reason}"),
                }
            }
        })
}

/// Looks at the text before it is parsed: its size, its brackets, and the slips of people who know another language.
///
/// # Errors
/// The first thing that cannot stand in an expression.
pub fn look_at_text(source: &str) -> Result<(), Fault> {
    if source.trim().is_empty() {
        return Err(fault("the expression is empty").help("write one, `event.count > 3`, or leave the line out"));
    }
    if source.len() > LONGEST {
        return Err(fault(format!("an expression is at most {LONGEST} bytes long"))
            .help("split it into several lines, or use fields and operator words"));
    }
    let tokens = tokens(source)?;
    let mut depth = 0_usize;
    for token in &tokens {
        match &source[token.clone()] {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth > DEEPEST_BRACKETS {
            return Err(fault(format!("brackets nest at most {DEEPEST_BRACKETS} deep")).within(token.clone()));
        }
    }
    for (index, token) in tokens.iter().enumerate() {
        let text = &source[token.clone()];
        let before = index.checked_sub(1).map(|index| &source[tokens[index].clone()]);
        let next = tokens.get(index + 1).map(|next| &source[next.clone()]);
        if before == Some(".") {
            continue;
        }
        let slip = match text {
            "and" | "AND" | "And" => Some(("`and` is written `&&`", "write `&&`")),
            "or" | "OR" | "Or" => Some(("`or` is written `||`", "write `||`")),
            "not" | "NOT" | "Not" => Some(("`not` is written `!`", "write `!`, as in `!event.draft`")),
            "=" => Some(("one `=` compares nothing", "write `==`")),
            "===" | "!==" => Some(("there is no such operator", "write `==` or `!=`")),
            "<>" => Some(("`<>` is written `!=`", "write `!=`")),
            "=>" => Some(("`=>` is written `>=`", "write `>=`")),
            "=<" => Some(("`=<` is written `<=`", "write `<=`")),
            "&" => Some(("one `&` joins nothing", "write `&&`")),
            "|" => Some(("one `|` joins nothing", "write `||`")),
            "True" | "TRUE" => Some(("this is written in small letters", "write `true`")),
            "False" | "FALSE" => Some(("this is written in small letters", "write `false`")),
            "None" | "nil" | "undefined" | "NULL" => Some((
                "nothing is written `null`",
                "write `null`, or `has(event.field)` for a field that may be missing",
            )),
            "is" | "IS" if next != Some("(") => Some(("`is` is written `==`", "write `==`")),
            "{{" => Some(("expressions have no holes", "write the field itself, without braces")),
            "“" | "”" | "„" | "‘" | "’" => Some((
                "this is not a quote that an expression knows",
                "write straight quotes: `\"text\"`",
            )),
            "contains" | "startsWith" | "endsWith" | "matches" if next != Some("(") => Some((
                "this is a function, not a word between two values",
                "write `event.title.contains(\"text\")`",
            )),
            _ => None,
        };
        if let Some((message, help)) = slip {
            return Err(fault(message).within(token.clone()).help(help));
        }
    }
    Ok(())
}

/// Splits into words, numbers and signs; strings are skipped, comments end the line.
fn tokens(source: &str) -> Result<Vec<Range<usize>>, Fault> {
    const SIGNS: [&str; 13] = [
        "===", "!==", "==", "!=", "<=", ">=", "=>", "=<", "<>", "&&", "||", "{{", "}}",
    ];
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let length = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        } else if matches!(first, '"' | '\'') {
            let raw = tokens.last().is_some_and(|last: &Range<usize>| {
                last.end == at && matches!(&source[last.clone()], "r" | "R" | "br" | "bR" | "Br" | "BR" | "rb")
            });
            match string_length(rest, raw) {
                Some(length) => {
                    at += length;
                    continue;
                }
                None => return Err(fault("the quote is not closed").within(at..source.len())),
            }
        } else if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len())
        } else {
            SIGNS
                .iter()
                .find(|sign| rest.starts_with(**sign))
                .map_or(first.len_utf8(), |sign| sign.len())
        };
        tokens.push(at..at + length);
        at += length;
    }
    Ok(tokens)
}

fn string_length(text: &str, raw: bool) -> Option<usize> {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let end = if text.starts_with(&triple) {
        triple.as_str()
    } else {
        quote
    };
    let mut at = end.len();
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(end) {
            return Some(at + end.len());
        }
        let first = rest.chars().next()?;
        at += first.len_utf8();
        if first == '\\' && !raw {
            at += text[at..].chars().next()?.len_utf8();
        }
    }
    None
}

/// Walks the parsed expression and gives every `matches` its compiled pattern. Runs where there is stack to spare.
///
/// # Errors
/// Every name that does not exist and everything too deep.
pub fn survey(expression: &mut IdedExpr, places: &SourceInfo) -> Result<Survey, Vec<Fault>> {
    let mut walk = Walk {
        places,
        survey: Survey::default(),
        faults: Vec::new(),
        names: Vec::new(),
        loops: 0,
    };
    walk.expr(expression, 0);
    if walk.faults.is_empty() {
        Ok(walk.survey)
    } else {
        Err(walk.faults)
    }
}

struct Walk<'a> {
    places: &'a SourceInfo,
    survey: Survey,
    faults: Vec<Fault>,
    /// Names of items in the loops around.
    names: Vec<String>,
    loops: usize,
}

impl Walk<'_> {
    fn expr(&mut self, node: &mut IdedExpr, depth: usize) {
        let id = node.id;
        let path = path(node);
        // A chain of names is looked up in one go, places in lists one by one.
        let places = path.as_ref().map_or(0, |path| path.places);
        if depth + places > DEEPEST {
            if !self.faults.iter().any(|fault| fault.code == "expression::depth") {
                self.faults.push(
                    Fault::error(
                        "expression::depth",
                        format!("this expression is more than {DEEPEST} levels deep"),
                    )
                    .help("split it into several lines"),
                );
            }
            return;
        }
        if let Some(Path { steps, root, .. }) = path {
            self.variable(root, &steps[0]);
            if !self.names.contains(&steps[0]) && !self.survey.paths.contains(&steps) {
                self.survey.paths.push(steps);
            }
            return;
        }
        match &mut node.expr {
            Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => {}
            Expr::Select(select) => self.expr(&mut select.operand, depth + 1),
            Expr::Call(call) => self.call(id, call, depth),
            Expr::List(list) => {
                for element in &mut list.elements {
                    self.expr(element, depth + 1);
                }
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    match &mut entry.expr {
                        EntryExpr::MapEntry(entry) => {
                            self.expr(&mut entry.key, depth + 1);
                            self.expr(&mut entry.value, depth + 1);
                        }
                        EntryExpr::StructField(field) => self.expr(&mut field.value, depth + 1),
                    }
                }
            }
            Expr::Struct(_) => self.fault(
                id,
                "expression::name",
                "expressions cannot build messages".to_owned(),
                None,
            ),
            Expr::Comprehension(comprehension) => {
                self.expr(&mut comprehension.iter_range, depth + 1);
                if self.loops > 0 {
                    self.fault(
                        id,
                        "expression::loop",
                        "a loop inside a loop could take for ever".to_owned(),
                        Some("look at one list only: `event.items.exists(item, item.name == \"x\")`".to_owned()),
                    );
                    return;
                }
                // `event.items.exists(item, ...)` is how everybody writes it; inside, it is the item of the loop.
                if comprehension.iter_var != "item" && ROOTS.contains(&comprehension.iter_var.as_str()) {
                    self.fault(
                        id,
                        "expression::name",
                        format!("`{}` already means something", comprehension.iter_var),
                        Some("give the item another name".to_owned()),
                    );
                    return;
                }
                self.names.push(comprehension.iter_var.clone());
                self.names.extend(comprehension.iter_var2.clone());
                self.names.push(comprehension.accu_var.clone());
                self.loops += 1;
                for part in [
                    &mut comprehension.accu_init,
                    &mut comprehension.loop_cond,
                    &mut comprehension.loop_step,
                    &mut comprehension.result,
                ] {
                    self.expr(part, depth + 1);
                }
                self.loops -= 1;
                self.names.clear();
            }
        }
    }

    fn variable(&mut self, id: u64, name: &str) {
        let known = name.starts_with('@')
            || ROOTS.contains(&name)
            || TYPES.contains(&name)
            || self.names.iter().any(|known| known == name);
        if known {
            return;
        }
        let bare = name.trim_start_matches('.');
        let help = match did_you_mean(bare, ROOTS.into_iter().chain(self.names.iter().map(String::as_str))) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!(
                "fields of the event are written `event.{bare}`; a text stands in quotes; a name with a dash is \
                 written `event[\"some-name\"]`"
            ),
        };
        self.fault(
            id,
            "expression::name",
            format!("nothing is called `{bare}`"),
            Some(help),
        );
    }

    fn call(&mut self, id: u64, call: &mut CallExpr, depth: usize) {
        let weight = match call.func_name.as_str() {
            "_+_" | "_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_" | "@in" => 1,
            "size" | "contains" | "startsWith" | "endsWith" | "string" | "int" | "uint" | "double" => 1,
            "matches" => 10,
            _ => 0,
        };
        self.survey.joins += usize::from(call.func_name == "_+_");
        if self.loops == 0 {
            self.survey.scans += weight;
        } else if weight > 0 {
            // What is copied for every item also stays in memory.
            let copies = matches!(call.func_name.as_str(), "_+_" | "string");
            let weight = if copies { 10 * weight } else { weight };
            let mut read = Vec::new();
            for operand in call.args.iter().chain(call.target.as_deref()) {
                read_of_event(operand, &mut read);
            }
            let scans = read.into_iter().map(|path| (weight, path));
            self.survey.scans_per_item.extend(scans);
        }
        if let Some((_, example)) = MACROS.iter().find(|(known, _)| *known == call.func_name) {
            let message = format!("`{}` is called in another way", call.func_name);
            return self.fault(id, "expression::function", message, Some(format!("write `{example}`")));
        }
        // `a.b(c)` would look for a function called `a.b` before it asks `a`: the names of both are judged alone.
        if let Some(target) = &mut call.target {
            self.expr(target, depth + 1);
        }
        for argument in &mut call.args {
            self.expr(argument, depth + 1);
        }
        let name = call.func_name.clone();
        if !name.starts_with(|c: char| c.is_alphabetic()) {
            return;
        }
        if !FUNCTIONS.contains(&name.as_str()) {
            let known = FUNCTIONS.into_iter().chain(MACROS.into_iter().map(|(name, _)| name));
            let help = match did_you_mean(&name, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are {}", FUNCTIONS[..12].join(", ")),
            };
            let message = format!("there is no function `{name}`");
            return self.fault(id, "expression::function", message, Some(help));
        }
        if name == "matches" {
            self.matches(id, call);
        }
    }

    /// The evaluator would compile the pattern again for every item, and any pattern an event brings.
    fn matches(&mut self, id: u64, call: &mut CallExpr) {
        let expected = if call.target.is_some() { 1 } else { 2 };
        let pattern = match call.args.last().map(|last| &last.expr) {
            Some(Expr::Literal(LiteralValue::String(pattern))) if call.args.len() == expected => {
                pattern.inner().to_owned()
            }
            _ => {
                return self.fault(
                    id,
                    "expression::regex",
                    "`matches` needs its pattern as a text in quotes".to_owned(),
                    Some("write `event.title.matches(\"^release/\")`".to_owned()),
                );
            }
        };
        match regex(&pattern) {
            Ok(regex) => {
                if !self.survey.patterns.iter().any(|(known, _)| *known == pattern) {
                    self.survey.patterns.push((pattern, regex));
                }
                call.func_name = MATCHES.to_owned();
                if let Some(target) = call.target.take() {
                    call.args.insert(0, *target);
                }
            }
            Err(reason) => {
                let id = call.args.last().map_or(id, |pattern| pattern.id);
                self.fault(id, "expression::regex", reason, None);
            }
        }
    }

    fn fault(&mut self, id: u64, code: &'static str, message: String, help: Option<String>) {
        let mut fault = Fault::error(code, message);
        if let Some((start, stop)) = self.places.offset_for(id) {
            let (mut start, mut end) = (start as usize, stop as usize + 1);
            // The place of a call is its bracket; what is wrong is the name before it.
            if let Some(before) = self.places.source.get(..start)
                && self.places.source[start..].starts_with('(')
            {
                let name = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
                if name < start {
                    (start, end) = (name, start);
                }
            }
            if self.places.source.get(start..end).is_some() {
                fault = fault.within(start..end);
            }
        }
        fault.help = help;
        self.faults.push(fault);
    }
}

/// Gathers what it reads of the event itself, not only of an item of a loop.
fn read_of_event(node: &IdedExpr, read: &mut Vec<Vec<String>>) {
    if let Some(Path { steps, .. }) = path(node) {
        if steps[0] == "event" || steps[0] == "request" {
            read.push(steps);
        }
        return;
    }
    match &node.expr {
        Expr::Select(select) => read_of_event(&select.operand, read),
        Expr::Call(call) => {
            let operands = call.args.iter().chain(call.target.as_deref());
            operands.for_each(|operand| read_of_event(operand, read));
        }
        Expr::List(list) => list.elements.iter().for_each(|element| read_of_event(element, read)),
        Expr::Map(_) | Expr::Struct(_) | Expr::Comprehension(_) => read.push(Vec::new()),
        Expr::Literal(_) | Expr::Unspecified | Expr::Ident(_) => {}
    }
}

/// What `event.a["b"][0]` spells.
struct Path {
    steps: Vec<String>,
    /// How many of the steps stand in brackets.
    places: usize,
    /// The node of the first name.
    root: u64,
}

fn path(node: &IdedExpr) -> Option<Path> {
    let (mut steps, mut places) = (Vec::new(), 0);
    let mut node = node;
    loop {
        match &node.expr {
            Expr::Ident(name) => {
                steps.push(name.clone());
                steps.reverse();
                let root = node.id;
                return Some(Path { steps, places, root });
            }
            Expr::Select(select) => {
                steps.push(select.field.clone());
                node = &select.operand;
            }
            Expr::Call(call) if call.func_name == "_[_]" && call.args.len() == 2 => {
                match &call.args[1].expr {
                    Expr::Literal(LiteralValue::String(key)) => steps.push(key.inner().to_owned()),
                    Expr::Literal(LiteralValue::Int(place)) => steps.push(place.inner().to_string()),
                    _ => return None,
                }
                places += 1;
                node = &call.args[0];
            }
            _ => return None,
        }
    }
}

fn fault(message: impl Into<String>) -> Fault {
    Fault::error("expression::text", message)
}
