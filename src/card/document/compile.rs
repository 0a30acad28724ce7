//! Reads a document into a template, and finds everything that is wrong with it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Body, Data, Document, Element, Given, Object, When};
use crate::card::partial::Partials;
use crate::card::place::{Place, Within};
use crate::card::reach::Reach;
use crate::card::syntax::{Expression, inclusion};
use crate::card::tag::suggestion;
use crate::card::text::Text;
use crate::diagnostic::{Fault, Step};

/// Levels of a document, partials included.
const DEEPEST: usize = 64;

/// Compiles `document`; all its faults and warnings are in the second part.
pub(crate) fn compile(document: &Value, within: Within<'_>, partials: &Partials) -> (Document, Vec<Fault>) {
    let mut reader = Reader {
        partials,
        faults: Vec::new(),
        reach: Reach::default(),
        path: Vec::new(),
        outside: true,
        depth: 0,
        deepest: 0,
    };
    let root = reader.element(document, within, Place::Setting);
    let document = Document {
        root,
        reach: reader.reach,
        depth: reader.deepest,
    };
    (document, reader.faults)
}

struct Reader<'p> {
    partials: &'p Partials,
    faults: Vec<Fault>,
    reach: Reach,
    path: Vec<Step>,
    /// Names mean what they mean outside: no `$data` above.
    outside: bool,
    depth: usize,
    deepest: usize,
}

impl Reader<'_> {
    fn fault(&mut self, mut fault: Fault) {
        fault.path = self.path.iter().cloned().chain(fault.path).collect();
        self.faults.push(fault);
    }

    fn at<T>(&mut self, step: impl Into<Step>, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.into());
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let result = read(self);
        self.depth -= 1;
        self.path.pop();
        result
    }

    fn element(&mut self, value: &Value, within: Within<'_>, place: Place) -> Element {
        if self.depth > DEEPEST {
            let fault = Fault::error(
                "template::depth",
                format!("elements are nested more than {DEEPEST} deep"),
            );
            self.fault(fault);
            return Element::Constant(Value::Null);
        }
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Element::Constant(value.clone()),
            Value::String(text) => self.leaf(text, place),
            Value::Array(items) => {
                let items: Vec<Element> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.at(index, |reader| reader.element(item, within, place)))
                    .collect();
                Element::List(items)
            }
            Value::Object(fields) => self.object(fields, within),
        }
    }

    fn text(&mut self, source: &str) -> Option<Text> {
        match Text::compile(source, self.partials) {
            Ok(text) => {
                self.reach.merge(text.reach(), self.outside);
                Some(text)
            }
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    fn leaf(&mut self, source: &str, place: Place) -> Element {
        if source.contains("${") {
            self.fault(
                Fault::warning(
                    "template::foreign",
                    "`${...}` is the template language of Adaptive Cards and stays as it is",
                )
                .help("write `{{event.title}}` where `${event.title}` stands"),
            );
        }
        if !source.contains("{{") {
            return Element::Constant(Value::from(source));
        }
        match inclusion(source, self.partials) {
            Ok(None) => {}
            Ok(Some(inclusion)) => {
                if let Some(document) = self.partials.document(&inclusion.name)
                    && matches!(place, Place::Setting | Place::Data)
                {
                    for expression in inclusion
                        .context
                        .iter()
                        .chain(inclusion.named.iter().map(|(_, value)| value))
                    {
                        self.reach.add(expression, self.outside);
                    }
                    let with: Vec<(String, Given)> = inclusion
                        .named
                        .into_iter()
                        .map(|(name, value)| (name, Given::Expression(value)))
                        .collect();
                    return self.include(document, inclusion.context, with, None, None);
                }
            }
            Err(fault) => {
                self.fault(fault);
                return Element::Constant(Value::Null);
            }
        }
        if place == Place::Structure {
            self.fault(
                Fault::error("template::structure", "what an element is cannot come from an event")
                    .help("write two elements and choose between them with `$when`"),
            );
            return Element::Constant(Value::Null);
        }
        match self.text(source) {
            Some(text) => match text.constant() {
                Some(constant) => Element::Constant(Value::from(constant)),
                None => Element::Leaf(text, place),
            },
            None => Element::Constant(Value::Null),
        }
    }

    fn include(
        &mut self,
        document: Arc<Document>,
        context: Option<Expression>,
        with: Vec<(String, Given)>,
        when: Option<When>,
        data: Option<Data>,
    ) -> Element {
        let same_names = self.outside && context.is_none() && with.is_empty();
        self.reach.merge(&document.reach, same_names);
        self.deepest = self.deepest.max(self.depth + document.depth);
        if self.deepest > DEEPEST {
            let message = format!("with its partials, the card is nested more than {DEEPEST} deep");
            self.fault(Fault::error("template::depth", message));
            return Element::Constant(Value::Null);
        }
        Element::Object(Box::new(Object {
            when,
            data,
            body: Body::Partial {
                document,
                context,
                with,
            },
        }))
    }

    fn object(&mut self, fields: &Map<String, Value>, within: Within<'_>) -> Element {
        let data = fields
            .get("$data")
            .and_then(|value| self.at("$data", |reader| reader.data(value)));
        let outside = self.outside;
        self.outside = outside && !fields.contains_key("$data");
        let when = fields
            .get("$when")
            .and_then(|value| self.at("$when", |reader| reader.when(value)));
        let element = if fields.contains_key("$partial") {
            self.partial(fields, when, data)
        } else {
            let kind = fields.get("type").and_then(Value::as_str);
            let mut read = Vec::new();
            for (key, value) in fields {
                match key.as_str() {
                    "$data" | "$when" => continue,
                    "$schema" => {}
                    key if key.starts_with('$') && !within.data => {
                        let known = ["$data", "$when", "$partial", "$schema"];
                        let help =
                            suggestion(key, known).or(Some("`$data`, `$when` and `$partial` exist".to_owned()));
                        let mut fault = Fault::error("template::key", format!("there is no `{key}`")).on_key();
                        fault.help = help;
                        self.at(key, |reader| reader.fault(fault));
                        continue;
                    }
                    key if key.contains("{{") => {
                        let fault = Fault::warning("template::key", "keys are no templates: this one stays as it is");
                        self.at(key, |reader| reader.fault(fault.on_key()));
                    }
                    _ => {}
                }
                let place = Place::of(kind, within, key);
                let inner = Within {
                    key,
                    data: place == Place::Data,
                };
                read.push((
                    key.clone(),
                    self.at(key.as_str(), |reader| reader.element(value, inner, place)),
                ));
            }
            Element::Object(Box::new(Object {
                when,
                data,
                body: Body::Fields(read),
            }))
        };
        self.outside = outside;
        element
    }

    fn partial(&mut self, fields: &Map<String, Value>, when: Option<When>, data: Option<Data>) -> Element {
        let unknown: Vec<&String> = fields
            .keys()
            .filter(|key| !matches!(key.as_str(), "$partial" | "$when" | "$data" | "with"))
            .collect();
        for key in unknown {
            let fault = Fault::error("template::key", format!("`{key}` cannot stand beside `$partial`"))
                .on_key()
                .help("values for the partial go under `with:`");
            self.at(key.as_str(), |reader| reader.fault(fault));
        }
        let with: Vec<(String, Given)> = match fields.get("with") {
            None => Vec::new(),
            Some(Value::Object(values)) => self.at("with", |reader| {
                let within = Within { key: "", data: true };
                values
                    .iter()
                    .map(|(name, value)| {
                        let read = |reader: &mut Self| reader.element(value, within, Place::Data);
                        (name.clone(), Given::Element(reader.at(name.as_str(), read)))
                    })
                    .collect()
            }),
            Some(_) => {
                let fault = Fault::error(
                    "template::partial",
                    "`with` gives values by name: `with: { title: ... }`",
                );
                self.at("with", |reader| reader.fault(fault));
                Vec::new()
            }
        };
        let name = fields.get("$partial").and_then(Value::as_str).unwrap_or_default();
        match self.partials.document(name) {
            Some(document) => self.include(document, None, with, when, data),
            None => {
                let mut fault = Fault::error(
                    "template::partial",
                    match self.partials.text(name) {
                        Ok(_) => format!("the partial `{name}` is a text, not an element"),
                        Err(unusable) => unusable.message,
                    },
                );
                fault.help = suggestion(name, self.partials.names());
                self.at("$partial", |reader| reader.fault(fault));
                Element::Constant(Value::Null)
            }
        }
    }

    fn when(&mut self, value: &Value) -> Option<When> {
        match value {
            Value::Bool(holds) => Some(When::Constant(*holds)),
            Value::String(source) => {
                let text = self.text(source)?;
                if text.constant().is_some() {
                    let help = format!("write `\"{{{{{source}}}}}\"`");
                    self.fault(
                        Fault::error("template::when", "`$when` has no `{{...}}` and would always be true")
                            .help(help),
                    );
                }
                Some(When::Text(text))
            }
            _ => {
                self.fault(Fault::error("template::when", "`$when` is a text: `\"{{event.url}}\"`"));
                None
            }
        }
    }

    fn data(&mut self, value: &Value) -> Option<Data> {
        match value {
            Value::String(source) => {
                let text = self.text(source)?;
                if !text.is_single() {
                    self.fault(
                        Fault::error(
                            "template::data",
                            "`$data` must be exactly one `{{...}}` that names a list",
                        )
                        .help("write `$data: \"{{event.alerts}}\"`"),
                    );
                }
                Some(Data::Expression(text))
            }
            Value::Array(_) | Value::Object(_) => {
                let within = Within { key: "", data: true };
                Some(Data::Constant(self.element(value, within, Place::Data)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.fault(
                    Fault::error("template::data", "`$data` names a list")
                        .help("write `$data: \"{{event.alerts}}\"`"),
                );
                None
            }
        }
    }
}
