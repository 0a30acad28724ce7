//! From Handlebars' syntax tree to what the evaluator runs: functions and partials looked up once, names of fields
//! taken apart once. What a text cannot mean is found here, never while a card is filled.

use std::ops::Range;
use std::sync::Arc;

use handlebars::template::{BlockParam, DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path as HandlebarsPath, Template};
use serde_json::Value;

use crate::card::function::{self, Function};
use crate::card::localised::{self, Localised};
use crate::card::partial::Partials;
use crate::card::path::Path;
use crate::card::reach::Reach;
use crate::card::tag::{Tag, body, scan, suggestion, syntax};
use crate::diagnostic::Fault;

/// Bytes of one text.
const LONGEST_SOURCE: usize = 64 * 1024;

/// A text, ready to be evaluated.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub nodes: Vec<Node>,
    pub reach: Reach,
}

/// One piece of a text.
#[derive(Debug)]
pub(crate) enum Node {
    /// Written by the author, printed as it is.
    Raw {
        text: String,
        /// Where it begins in the source.
        at: usize,
    },
    /// `{{x}}`; `raw` is `{{{x}}}`, which asks for Markdown as it comes.
    Print { expression: Expression, raw: bool },
    /// `{{#if}}`, and `{{#unless}}` with the branches changed.
    If {
        test: Expression,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    /// `{{#each list as |item index|}}`
    Each {
        list: Expression,
        names: Vec<String>,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    /// `{{#with value as |name|}}`
    With {
        value: Expression,
        names: Vec<String>,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    /// `{{> name context key=value}}`
    Partial {
        program: Arc<Program>,
        context: Option<Expression>,
        named: Vec<(String, Expression)>,
    },
}

/// What can stand where a value is wanted.
#[derive(Debug, Clone)]
pub(crate) enum Expression {
    Path(Path),
    Literal(Value),
    Call(Box<Call>),
}

/// `name argument key=argument`
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub function: &'static Function,
    pub arguments: Vec<Expression>,
    pub named: Vec<(String, Expression)>,
    /// The text in several languages that it shows.
    pub text: Option<Arc<Localised>>,
}

/// Compiles `source`.
pub(crate) fn compile(source: &str, partials: &Partials) -> Result<Program, Fault> {
    if source.len() > LONGEST_SOURCE {
        return Err(Fault::error(
            "template::size",
            format!("a text may be at most {} KiB long", LONGEST_SOURCE / 1024),
        ));
    }
    let tags = scan(source)?;
    if tags.is_empty() && !source.contains("{{") {
        let text = source.to_owned();
        let nodes = if text.is_empty() {
            Vec::new()
        } else {
            vec![Node::Raw { text, at: 0 }]
        };
        return Ok(Program {
            nodes,
            reach: Reach::default(),
        });
    }
    let template = Template::compile(source).map_err(|error| unreadable(source, &tags, error.pos()))?;
    let mut reader = Reader {
        source,
        partials,
        tags: tags.iter(),
        printed_to: 0,
    };
    let nodes = reader.nodes(&template)?;
    let mut reach = Reach::default();
    reach.add_nodes(&nodes, true);
    Ok(Program { nodes, reach })
}

/// A text that is exactly one `{{> name ...}}`.
pub(crate) struct Inclusion {
    pub name: String,
    pub context: Option<Expression>,
    pub named: Vec<(String, Expression)>,
}

/// The inclusion, if `source` is exactly one.
pub(crate) fn inclusion(source: &str, partials: &Partials) -> Result<Option<Inclusion>, Fault> {
    let tags = match scan(source) {
        Ok(tags) => tags,
        // The fault is told by whoever compiles the text.
        Err(_) => return Ok(None),
    };
    let [tag] = tags.as_slice() else { return Ok(None) };
    if tag.span != (0..source.len()) || !body(source, &tag.span).starts_with('>') {
        return Ok(None);
    }
    let template = Template::compile(source).map_err(|error| unreadable(source, &tags, error.pos()))?;
    let [TemplateElement::PartialExpression(partial)] = template.elements.as_slice() else {
        return Ok(None);
    };
    let reader = Reader {
        source,
        partials,
        tags: tags.iter(),
        printed_to: 0,
    };
    Ok(Some(Inclusion {
        name: partial.name.as_name().unwrap_or_default().trim_matches('\'').to_owned(),
        context: reader.context(partial, &tag.span)?,
        named: reader.named(&partial.hash, &tag.span)?,
    }))
}

/// The names of the partials that a text includes; nothing of a text that cannot be read.
pub(crate) fn included(source: &str) -> Vec<String> {
    let tags = scan(source).unwrap_or_default();
    let bodies = tags.iter().map(|tag| body(source, &tag.span));
    bodies
        .filter_map(|body| body.strip_prefix('>'))
        .filter_map(|rest| rest.split_whitespace().next())
        .map(|name| name.trim_matches('\'').to_owned())
        .collect()
}

/// Handlebars could not read a tag: which one?
fn unreadable(source: &str, tags: &[Tag], position: Option<(usize, usize)>) -> Fault {
    let offset = position.map(|(line, column)| {
        let start: usize = source
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum();
        let rest = &source[start.min(source.len())..];
        start
            + rest
                .char_indices()
                .nth(column.saturating_sub(1))
                .map_or(rest.len(), |(at, _)| at)
    });
    let tag = offset.and_then(|offset| {
        tags.iter()
            .rev()
            .find(|tag| tag.span.start <= offset)
            .or_else(|| tags.first())
    });
    let span = tag.map_or(0..source.len(), |tag| tag.span.clone());
    syntax(format!("`{}` cannot be read", &source[span.clone()]), span).help(
        "write a field, as in `{{event.title}}`, or a function and what it is given, as in `{{upper event.title}}`; \
         names with spaces or signs go in brackets: `{{event.[two words]}}`",
    )
}

struct Reader<'a> {
    source: &'a str,
    partials: &'a Partials,
    /// Tags in the order of the source, which is the order in which the tree is walked.
    tags: std::slice::Iter<'a, Tag>,
    /// Where the last tag ended: text found next begins there or later.
    printed_to: usize,
}

impl Reader<'_> {
    /// The bytes of the tag that the walk has come to.
    fn next_tag(&mut self) -> Range<usize> {
        match self.tags.next() {
            Some(tag) => {
                self.printed_to = tag.span.end;
                tag.span.clone()
            }
            None => 0..self.source.len(),
        }
    }

    fn nodes(&mut self, template: &Template) -> Result<Vec<Node>, Fault> {
        template
            .elements
            .iter()
            .filter_map(|element| self.node(element).transpose())
            .collect()
    }

    fn node(&mut self, element: &TemplateElement) -> Result<Option<Node>, Fault> {
        match element {
            TemplateElement::RawString(text) if text.is_empty() => Ok(None),
            TemplateElement::RawString(text) => {
                // An escaped `\{{` lost its backslash and is not found as it is; its beginning is near enough.
                let at = self.source[self.printed_to..]
                    .find(text.as_str())
                    .map_or(self.printed_to, |found| self.printed_to + found);
                self.printed_to = at;
                Ok(Some(Node::Raw { text: text.clone(), at }))
            }
            TemplateElement::Comment(_) => {
                self.next_tag();
                Ok(None)
            }
            TemplateElement::Expression(helper) => self.print(helper, false).map(Some),
            TemplateElement::HtmlExpression(helper) => self.print(helper, true).map(Some),
            TemplateElement::HelperBlock(helper) => {
                let node = self.block(helper)?;
                self.next_tag();
                Ok(Some(node))
            }
            TemplateElement::PartialExpression(partial) => self.partial(partial).map(Some),
            // Partial blocks and decorators, which `scan` refuses, and what later versions may add.
            _ => {
                let span = self.next_tag();
                Err(syntax("decorators and partial blocks are not supported", span))
            }
        }
    }

    fn print(&mut self, helper: &HelperTemplate, raw: bool) -> Result<Node, Fault> {
        let span = self.next_tag();
        let expression = self.expression_of(&helper.name, &helper.params, &helper.hash, &span)?;
        Ok(Node::Print { expression, raw })
    }

    /// A block without its end tag: an `{{else if}}` has none of its own.
    fn block(&mut self, helper: &HelperTemplate) -> Result<Node, Fault> {
        let span = self.next_tag();
        let name = helper.name.as_name().unwrap_or_default().to_owned();
        let names = block_names(helper.block_param.as_ref());
        let takes_names = matches!(name.as_str(), "each" | "with");
        if !names.is_empty() && !takes_names {
            return Err(syntax(
                format!("`{{{{#{name}}}}}` gives no names with `as |...|`"),
                span,
            ));
        }
        let subject = if matches!(name.as_str(), "if" | "unless" | "each" | "with") {
            if let [one] = helper.params.as_slice()
                && helper.hash.is_empty()
            {
                self.parameter(one, &span)?
            } else {
                return Err(
                    syntax(format!("`{{{{#{name}}}}}` takes exactly one value"), span.clone()).help(format!(
                        "put a function in parentheses: `{{{{#{name} (eq event.state \"failed\")}}}}`"
                    )),
                );
            }
        } else if function::find(&name).is_some() {
            self.expression_of(&helper.name, &helper.params, &helper.hash, &span)?
        } else {
            let known = ["if", "unless", "each", "with"]
                .into_iter()
                .chain(function::names().iter().map(|f| f.name));
            let mut fault = self.unknown(
                "template::function",
                format!("there is no block `{{{{#{name}}}}}`"),
                &name,
                &span,
            );
            fault.help = suggestion(&name, known).or_else(|| Some(format!("did you mean `{{{{#if {name}}}}}`?")));
            return Err(fault);
        };
        let body = match &helper.template {
            Some(template) => self.nodes(template)?,
            None => Vec::new(),
        };
        let otherwise = match &helper.inverse {
            Some(template) => match template.elements.as_slice() {
                [TemplateElement::HelperBlock(next)] if next.chain => vec![self.block(next)?],
                _ => {
                    self.next_tag();
                    self.nodes(template)?
                }
            },
            None => Vec::new(),
        };
        Ok(match name.as_str() {
            "unless" => Node::If {
                test: subject,
                then: otherwise,
                otherwise: body,
            },
            "each" => Node::Each {
                list: subject,
                names,
                body,
                otherwise,
            },
            "with" => Node::With {
                value: subject,
                names,
                body,
                otherwise,
            },
            _ => Node::If {
                test: subject,
                then: body,
                otherwise,
            },
        })
    }

    fn partial(&mut self, partial: &DecoratorTemplate) -> Result<Node, Fault> {
        let span = self.next_tag();
        let Some(name) = partial.name.as_name() else {
            return Err(syntax("the name of a partial cannot be computed", span));
        };
        let name = name.trim_matches('\'');
        let program = self.partials.text(name).map_err(|missing| {
            let mut fault = self.unknown("template::partial", missing.message, name, &span);
            fault.help = missing.help;
            fault
        })?;
        Ok(Node::Partial {
            program,
            context: self.context(partial, &span)?,
            named: self.named(&partial.hash, &span)?,
        })
    }

    fn context(&self, partial: &DecoratorTemplate, span: &Range<usize>) -> Result<Option<Expression>, Fault> {
        match partial.params.as_slice() {
            [] => Ok(None),
            [one] => self.parameter(one, span).map(Some),
            _ => Err(syntax("a partial takes one value and named values", span.clone())),
        }
    }

    fn expression_of<'h>(
        &self,
        name: &Parameter,
        arguments: &[Parameter],
        named: impl IntoIterator<Item = (&'h String, &'h Parameter)>,
        span: &Range<usize>,
    ) -> Result<Expression, Fault> {
        let named = self.named(named, span)?;
        if arguments.is_empty() && named.is_empty() {
            // A field may be called `count` or `first`: without arguments a name is never a function.
            return self.parameter(name, span);
        }
        let name = name.as_name().unwrap_or_default();
        let Some(function) = function::find(name) else {
            let known = function::names().iter().map(|function| function.name);
            let mut fault = self.unknown(
                "template::function",
                format!("there is no function `{name}`"),
                name,
                span,
            );
            fault.help = suggestion(name, known);
            return Err(fault);
        };
        let arguments: Vec<Expression> = arguments
            .iter()
            .map(|argument| self.parameter(argument, span))
            .collect::<Result<_, _>>()?;
        let mut call = Call {
            function,
            arguments,
            named,
            text: None,
        };
        if let (localised::FUNCTION, Some(key)) = (function.name, function::written(&call, 0)) {
            let found = self.partials.texts().find(key);
            call.text = Some(found.map_err(|(message, help)| Fault {
                help,
                ..self.unknown("reference::text", message, key, span)
            })?);
        }
        match function.complaint(&call) {
            Some(complaint) => Err(self
                .unknown("template::function", complaint, name, span)
                .help(format!("write it like this: `{}`", function.example.template))),
            None => Ok(Expression::Call(Box::new(call))),
        }
    }

    fn parameter(&self, parameter: &Parameter, span: &Range<usize>) -> Result<Expression, Fault> {
        match parameter {
            Parameter::Name(name) => Ok(Expression::Path(Path::read(name))),
            Parameter::Path(HandlebarsPath::Relative((_, raw)) | HandlebarsPath::Local((_, _, raw))) => {
                Ok(Expression::Path(Path::read(raw)))
            }
            Parameter::Literal(value) => Ok(Expression::Literal(value.clone())),
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(helper) => {
                    self.expression_of(&helper.name, &helper.params, &helper.hash, span)
                }
                _ => Err(syntax("this cannot be read", span.clone())),
            },
            _ => Err(syntax("this cannot be read", span.clone())),
        }
    }

    fn named<'h>(
        &self,
        hash: impl IntoIterator<Item = (&'h String, &'h Parameter)>,
        span: &Range<usize>,
    ) -> Result<Vec<(String, Expression)>, Fault> {
        let mut named: Vec<(String, Expression)> = hash
            .into_iter()
            .map(|(name, value)| Ok((name.clone(), self.parameter(value, span)?)))
            .collect::<Result<_, Fault>>()?;
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(named)
    }

    /// A fault that underlines `name` within the tag.
    fn unknown(&self, code: &'static str, message: String, name: &str, span: &Range<usize>) -> Fault {
        let within = self.source[span.clone()]
            .find(name)
            .filter(|_| !name.is_empty())
            .map_or(span.clone(), |found| {
                span.start + found..span.start + found + name.len()
            });
        Fault::error(code, message).within(within)
    }
}

fn block_names(param: Option<&BlockParam>) -> Vec<String> {
    let name = |parameter: &Parameter| parameter.as_name().map(str::to_owned);
    match param {
        Some(BlockParam::Single(one)) => name(one).into_iter().collect(),
        Some(BlockParam::Pair((one, two))) => name(one).into_iter().chain(name(two)).collect(),
        Some(_) | None => Vec::new(),
    }
}

impl Program {
    /// The text, when nothing in it can differ from event to event.
    pub(crate) fn constant(&self) -> Option<&str> {
        match self.nodes.as_slice() {
            [] => Some(""),
            [Node::Raw { text, .. }] => Some(text),
            _ => None,
        }
    }

    /// The expression, when the text is exactly one `{{expression}}`.
    pub(crate) fn single(&self) -> Option<&Expression> {
        match self.nodes.as_slice() {
            [Node::Print { expression, .. }] => Some(expression),
            _ => None,
        }
    }
}
