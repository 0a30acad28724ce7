//! The parser's events -> a value and a tree of places.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, StrInput};
use indexmap::IndexMap;
use indexmap::map::Entry as Slot;
use serde_json::{Map, Value};

use super::{DEEPEST, Entry, MOST_FAULTS, Node, Shape, scalar, syntax};
use crate::diagnostic::place::fitted;
use crate::diagnostic::{Diagnostic, Fault, Related, Span};

/// What anchors and aliases may add to a document: one for each byte of text, [`NODE`] for each value. A tenth of this
/// is more than any rule needs; without a bound, 160 kB of text can become gigabytes.
const COPIES: usize = 2 << 20;
const NODE: usize = 64;

/// Reads one document. What is wrong is in the list; `None` when the text could not be read to its end.
pub(super) fn read(file: &str, text: &str) -> (Option<(Value, Node)>, Vec<Diagnostic>) {
    let base = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let body = &text[base..];
    let mut options = granit_parser::options! {
        emit_unresolved_aliases: true,
        disallow_directives: true,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    options.set_emit_comments(false);
    let mut reader = Reader {
        file,
        body,
        base,
        parser: Parser::new_from_str_with_options(body, options),
        anchors: HashMap::new(),
        diagnostics: Vec::new(),
        depth: 0,
        spent: 0,
        copied: 0,
        last_end: 0,
        brackets: Vec::new(),
    };
    if let Some(span) = control_character(body) {
        let fault = Fault::error(
            "yaml::control_character",
            "there is an invisible control character here",
        )
        .label("not allowed")
        .help("delete it and type the line again");
        reader.report(fault, span);
        return (None, reader.diagnostics);
    }
    let tree = reader.document().ok();
    (tree, reader.diagnostics)
}

fn control_character(body: &str) -> Option<Span> {
    let (at, c) = body.char_indices().find(|(_, c)| {
        matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
    })?;
    Some(at..at + c.len_utf8())
}

/// The rest of the text cannot be read; the reason is among the diagnostics.
struct Stop;

type Built = (Value, Node);

struct Anchored {
    built: Built,
    cost: usize,
}

struct Reader<'t> {
    file: &'t str,
    /// The text without its byte order mark; `base` bytes stood before it.
    body: &'t str,
    base: usize,
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Anchored>,
    diagnostics: Vec<Diagnostic>,
    depth: usize,
    /// Grows with every value built; the difference over a value is what a copy of it costs.
    spent: usize,
    copied: usize,
    /// Where the last event with any text ended, in `body`.
    last_end: usize,
    /// Where the brackets began that are open now, in `body`.
    brackets: Vec<usize>,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Built, Stop> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd => return Ok((Value::Null, self.leaf(span))),
                node => {
                    let built = self.node(node, span)?;
                    self.end_of_document()?;
                    return Ok(built);
                }
            }
        }
    }

    fn end_of_document(&mut self) -> Result<(), Stop> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(..) => {
                    let fault = Fault::error("yaml::second_document", "a second document begins here")
                        .help("keep one document in a file: move what follows `---` into a file of its own");
                    self.report(fault, span);
                    return Err(Stop);
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let span = span.byte_range().unwrap_or(self.last_end..self.last_end);
                Ok((event, span))
            }
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or(self.last_end);
                let line_start = self.body[..at].rfind('\n').map_or(0, |newline| newline + 1);
                let explained_already = self.diagnostics.last().is_some_and(|diagnostic| {
                    matches!(diagnostic.code, "yaml::unquoted_template" | "yaml::alias")
                        && diagnostic.span.start >= line_start + self.base
                });
                if !explained_already {
                    let (fault, span) = syntax::explain(
                        error.kind(),
                        &syntax::Noticed {
                            text: self.body,
                            at,
                            last_end: self.last_end,
                            bracket: self.brackets.last().copied(),
                        },
                    );
                    self.report(fault, span);
                }
                Err(Stop)
            }
            None => Err(Stop),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Built, Stop> {
        if let Some(tag) = event.tag() {
            let bang = self.body[..span.start].rfind('!').unwrap_or(span.start);
            let before = self.body[..bang].trim_end_matches(|c: char| !c.is_whitespace() && !"[{,:".contains(c));
            let start = before.len();
            let fault = Fault::error(
                "yaml::tag",
                format!("Herald knows no tags such as `{}`", tag.original()),
            )
            .help("take it out; put the value in quotes if the `!` belongs to a text");
            let end = start + self.body[start..].find(char::is_whitespace).unwrap_or(0);
            self.report(fault, start..end.max(start));
        }
        let before = self.spent;
        let anchor = event.anchor_id();
        let built = match event {
            Event::Scalar(content, style, _, _) => self.scalar(&content, style, span),
            Event::SequenceStart(..) => self.list(span)?,
            Event::MappingStart(..) if self.body[span.start..].starts_with("{{") => self.unquoted_template(span)?,
            Event::MappingStart(..) => self.mapping(span)?,
            Event::Alias(id) => return self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                let fault = Fault::error(
                    "yaml::alias",
                    format!("`*{name}` stands for a value named `&{name}`, which is not above it"),
                )
                .help("put the value in quotes if the `*` belongs to a text");
                self.report(fault, span.clone());
                (Value::String(self.body[span.clone()].to_owned()), self.leaf(span))
            }
            // No node: the parser sends none of these where a node belongs.
            _ => (Value::Null, self.leaf(span)),
        };
        if let Some(id) = anchor {
            let cost = self.spent - before;
            self.charge(cost, &built.1.span)?;
            self.anchors.insert(
                id,
                Anchored {
                    built: built.clone(),
                    cost,
                },
            );
        }
        Ok(built)
    }

    fn scalar(&mut self, content: &str, style: ScalarStyle, span: Span) -> Built {
        self.spent += NODE + content.len();
        if style != ScalarStyle::Plain {
            self.last_end = span.end;
            let end = span.start + self.body[span.clone()].trim_end().len();
            return (Value::String(content.to_owned()), self.leaf(span.start..end));
        }
        if span.is_empty() {
            let comment = self.comment_in_place_of_a_value(span.start);
            self.last_end = self.last_end.max(span.start);
            let Some(comment) = comment else {
                return (Value::Null, self.leaf(span));
            };
            self.last_end = comment.end;
            let written = &self.body[comment.clone()];
            let fault = Fault::error("yaml::comment", "there is no value here: `#` begins a comment")
                .label("a comment")
                .help(format!("put the value in quotes: \"{written}\""));
            self.report(fault, comment.clone());
            return (Value::String(written.to_owned()), self.leaf(comment));
        }
        self.last_end = span.end;
        let spelling = &self.body[span.clone()];
        if spelling.contains('\n') {
            self.list_that_became_text(&span);
            return (Value::String(content.to_owned()), self.leaf(span));
        }
        let (value, fault) = scalar::plain(content);
        if let Some(fault) = fault {
            self.report(fault, span.clone());
        }
        (value, self.leaf(span))
    }

    /// `- #x` and `key: #x`: the author meant a text, YAML reads nothing.
    fn comment_in_place_of_a_value(&self, end: usize) -> Option<Span> {
        // Between brackets, empty values are many and comments are not: looking on would take for ever.
        if !self.brackets.is_empty() {
            return None;
        }
        let start = self.last_end.min(end);
        // The value of a key is reported right behind the key; its comment is on the rest of that line.
        let end = match self.body[start..].find('\n') {
            Some(newline) => end.max(start + newline),
            None => self.body.len(),
        };
        let mut offset = start;
        for line in self.body[start..end].split_inclusive('\n') {
            let trimmed = line.trim_start();
            if let Some(rest) = trimmed.strip_prefix(['-', ':']) {
                let comment = rest.trim_start();
                let glued = comment
                    .strip_prefix('#')
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
                if glued {
                    let at = offset + line.len() - comment.len();
                    return Some(at..at + comment.trim_end().len());
                }
            }
            offset += line.len();
        }
        None
    }

    /// `key: value` with `- item` lines below it is one long text.
    fn list_that_became_text(&mut self, span: &Span) {
        let spelling = &self.body[span.clone()];
        let item = spelling.match_indices('\n').find_map(|(newline, _)| {
            let rest = &spelling[newline + 1..];
            let line = rest.trim_start();
            line.starts_with("- ").then(|| newline + 1 + rest.len() - line.len())
        });
        if let Some(item) = item {
            let at = span.start + item;
            let fault = Fault::warning("yaml::list_in_text", "this line goes on the text above it; it is no list item")
                .help("a list begins on the line after the colon, with nothing between; put the text in quotes if it is one");
            self.report(fault, at..at + 1);
        }
    }

    fn unquoted_template(&mut self, span: Span) -> Result<Built, Stop> {
        let span = syntax::template_at(self.body, span.start);
        let written = self.body[span.clone()].to_owned();
        self.report(syntax::unquoted_template(&written), span.clone());
        let mut open = 1;
        while open > 0 {
            match self.next()?.0 {
                Event::MappingStart(..) | Event::SequenceStart(..) => open += 1,
                Event::MappingEnd | Event::SequenceEnd => open -= 1,
                _ => {}
            }
        }
        self.last_end = span.end;
        Ok((Value::String(written), self.leaf(span)))
    }

    fn deeper(&mut self, span: &Span) -> Result<(), Stop> {
        self.spent += NODE;
        if !span.is_empty() {
            self.brackets.push(span.start);
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            self.report(syntax::too_deep(), span.start..span.start + 1);
            return Err(Stop);
        }
        Ok(())
    }

    fn list(&mut self, span: Span) -> Result<Built, Stop> {
        self.deeper(&span)?;
        let (mut values, mut nodes) = (Vec::new(), Vec::new());
        let end = loop {
            let (event, item) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                break item;
            }
            let (value, node) = self.node(event, item)?;
            values.push(value);
            nodes.push(node);
        };
        self.depth -= 1;
        let span = self.around(&span, &end, nodes.last());
        Ok((
            Value::Array(values),
            Node {
                span,
                shape: Shape::List(nodes),
            },
        ))
    }

    fn mapping(&mut self, span: Span) -> Result<Built, Stop> {
        self.deeper(&span)?;
        let mut values = Map::new();
        let mut entries: IndexMap<String, Entry> = IndexMap::new();
        let mut merged = Vec::new();
        let end = loop {
            let (event, key) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break key;
            }
            let name = self.key(event, key.clone())?;
            let (event, value_span) = self.next()?;
            let (value, node) = self.node(event, value_span)?;
            let Some(name) = name else { continue };
            if name == "<<" && self.body[key.clone()].starts_with('<') {
                merged.push((value, node));
                continue;
            }
            self.spent += name.len();
            let key = self.placed(key);
            match entries.entry(name) {
                Slot::Vacant(slot) => {
                    values.insert(slot.key().clone(), value);
                    slot.insert(Entry { key, node });
                }
                Slot::Occupied(_) if self.diagnostics.len() >= MOST_FAULTS => {}
                Slot::Occupied(first) => {
                    let fault = Fault::error("yaml::doubled_key", format!("`{}` is written twice", first.key()))
                        .label("the second one")
                        .help("keep one of the two");
                    let mut diagnostic = Diagnostic::located(fault, self.file, key);
                    diagnostic.related.push(Related {
                        span: first.get().key.clone(),
                        label: "the first one".into(),
                    });
                    self.diagnostics.push(diagnostic);
                }
            }
        };
        self.depth -= 1;
        let last = entries.last().map(|(_, entry)| &entry.node);
        let span = self.around(&span, &end, last);
        for (value, node) in merged {
            self.merge(&mut values, &mut entries, value, node);
        }
        Ok((
            Value::Object(values),
            Node {
                span,
                shape: Shape::Map(entries),
            },
        ))
    }

    /// `<<: *base` brings the keys of `base` that the mapping does not have itself; in a list the first one wins.
    fn merge(
        &mut self,
        values: &mut Map<String, Value>,
        entries: &mut IndexMap<String, Entry>,
        value: Value,
        node: Node,
    ) {
        match (value, node.shape) {
            (Value::Object(brought), Shape::Map(places)) => {
                for ((name, value), (_, entry)) in brought.into_iter().zip(places) {
                    if !values.contains_key(&name) {
                        entries.insert(name.clone(), entry);
                        values.insert(name, value);
                    }
                }
            }
            (Value::Array(items), Shape::List(nodes)) if items.iter().all(Value::is_object) => {
                for (value, node) in items.into_iter().zip(nodes) {
                    self.merge(values, entries, value, node);
                }
            }
            _ => {
                let fault = Fault::error(
                    "yaml::merge",
                    "`<<` takes the keys of another mapping, so one must stand behind it",
                )
                .help("write `<<: *name`, where `&name` marks a mapping above");
                let diagnostic = Diagnostic::located(fault, self.file, node.span);
                self.diagnostics.push(diagnostic);
            }
        }
    }

    /// `None`: the key is of no use; it is reported, and its value is read and dropped.
    fn key(&mut self, event: Event<'t>, span: Span) -> Result<Option<String>, Stop> {
        match event {
            Event::Scalar(_, ScalarStyle::Plain, _, _) if span.is_empty() => {
                let colon = self.body[span.start..]
                    .find(':')
                    .map_or(span.start, |at| span.start + at);
                let fault = Fault::error("yaml::key", "there is no key before this colon")
                    .help("write the key's name before it, or put the whole in quotes if it is a text");
                self.report(fault, colon..colon + 1);
                Ok(None)
            }
            Event::Scalar(content, _, _, tag) => {
                self.last_end = span.end;
                if tag.is_some() {
                    self.report(
                        Fault::error("yaml::tag", "a key cannot have a tag").help("take it out"),
                        span,
                    );
                }
                Ok(Some(content.into_owned()))
            }
            other => {
                let template = matches!(other, Event::MappingStart(..)) && self.body[span.start..].starts_with("{{");
                if !template {
                    let fault = Fault::error("yaml::key", "a key must be a plain word")
                        .help("put the key in quotes if it is a text");
                    let end = span.end.max(span.start);
                    self.report(fault, span.start..end);
                }
                self.node(other, span)?;
                Ok(None)
            }
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Built, Stop> {
        self.last_end = span.end;
        let Some(cost) = self.anchors.get(&id).map(|anchored| anchored.cost) else {
            let fault = Fault::error(
                "yaml::alias",
                format!(
                    "`{}` stands inside the very value it stands for",
                    &self.body[span.clone()]
                ),
            )
            .help("write the value out instead");
            self.report(fault, span.clone());
            return Ok((Value::Null, self.leaf(span)));
        };
        self.charge(cost, &self.placed(span.clone()))?;
        self.spent += cost;
        let (value, node) = self.anchors[&id].built.clone();
        Ok((
            value,
            Node {
                span: self.placed(span),
                shape: node.shape,
            },
        ))
    }

    fn charge(&mut self, cost: usize, place: &Span) -> Result<(), Stop> {
        self.copied += cost;
        if self.copied <= COPIES {
            return Ok(());
        }
        let fault = Fault::error(
            "yaml::aliases",
            "the repeated values (`&name` and `*name`) of this file add up to too much",
        )
        .label("more than 2 MiB at this point")
        .help("write the values out, or split the file");
        self.diagnostics
            .push(Diagnostic::located(fault, self.file, place.clone()));
        Err(Stop)
    }

    fn leaf(&self, span: Span) -> Node {
        Node {
            span: self.placed(span),
            shape: Shape::Scalar,
        }
    }

    /// A block collection ends with its last value, not where the parser notices its end.
    fn around(&mut self, start: &Span, end: &Span, last: Option<&Node>) -> Span {
        let closed = !end.is_empty();
        if closed {
            self.last_end = end.end;
            self.brackets.pop();
        }
        let start = self.base + start.start;
        let end = match last {
            Some(last) if !closed => last.span.end,
            Some(_) | None => self.base + end.end,
        };
        start..end.max(start)
    }

    fn placed(&self, span: Span) -> Span {
        self.base + span.start..self.base + span.end
    }

    fn report(&mut self, fault: Fault, span: Span) {
        if self.diagnostics.len() >= MOST_FAULTS {
            return;
        }
        let span = fitted(self.body, &span);
        self.diagnostics
            .push(Diagnostic::located(fault, self.file, self.placed(span)));
    }
}
