//! Structured templates: a card as YAML or JSON, with Handlebars in its strings.
//!
//! The document is read first and its holes are filled afterwards, one string at a time: whatever an event contains,
//! the card has the elements that its author wrote. Keys are never templates. Three keys steer:
//!
//! - `$data: "{{event.alerts}}"` repeats the element for each item of the list. Within it `this` is the item, its
//!   fields can be named alone (`{{title}}`), `{{@index}}`, `{{@first}}` and `{{@last}}` tell where it is, and names
//!   from outside stay in reach; an item's own field wins over `with` values, never over `event`, `request`,
//!   `recipient`, `rule` and `now`. With an object instead of a list, the element stands once, within that object.
//! - `$when: "{{...}}"` leaves the element out when it comes to nothing, `false`, 0 or `"false"`. Together with
//!   `$data` it is asked for each item.
//! - `$partial: name` puts the document `templates/partials/name` there, with the values under `with:`. The string
//!   `"{{> name}}"` as an element does the same.

use serde_json::{Map, Value};

use std::sync::Arc;

use crate::card::evaluate::{Evaluator, Gathered, Lack, MOST_ITEMS, Style};
use crate::card::function::is_truthy;
use crate::card::partial::Partials;
use crate::card::place::{Filled, Place, Within};
use crate::card::scope::{Frame, Locals, counted};
use crate::card::syntax::{Expression, Reach, inclusion};
use crate::card::tag::suggestion;
use crate::card::text::Text;
use crate::diagnostic::{Fault, Step};

/// Levels of a document, partials included.
const DEEPEST: usize = 64;
/// Work charged for an element, in steps of the budget: it bounds how large a card can grow before it is cut.
const ELEMENT: usize = 4;

/// A piece of a structured template.
#[derive(Debug)]
pub(crate) enum Element {
    /// Holds no hole.
    Constant(Value),
    Leaf(Text, Place),
    List(Vec<Element>),
    Object(Box<Object>),
}

#[derive(Debug)]
pub(crate) struct Object {
    when: Option<When>,
    data: Option<Data>,
    body: Body,
}

#[derive(Debug)]
enum When {
    Constant(bool),
    Text(Text),
}

#[derive(Debug)]
enum Data {
    Expression(Text),
    Constant(Element),
}

#[derive(Debug)]
enum Body {
    Fields(Vec<(String, Element)>),
    Partial {
        document: Arc<Document>,
        context: Option<Expression>,
        with: Vec<(String, Given)>,
    },
}

/// A value handed to a partial.
#[derive(Debug)]
enum Given {
    Element(Element),
    Expression(Expression),
}

/// A compiled document.
#[derive(Debug)]
pub(crate) struct Document {
    pub root: Element,
    pub reach: Reach,
    depth: usize,
}

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

impl Document {
    /// The document filled; none when it came to nothing.
    pub(crate) fn render(&self, frame: &Frame<'_>, gathered: &mut Gathered) -> Option<Value> {
        match self.root.fill(frame, gathered) {
            Filled::Keep(value) => Some(value),
            Filled::Nothing | Filled::Unusable => None,
        }
    }
}

impl Element {
    /// What stands in one place.
    pub(crate) fn fill(&self, frame: &Frame<'_>, gathered: &mut Gathered) -> Filled {
        match self {
            Element::Constant(value) => Filled::Keep(value.clone()),
            Element::Leaf(text, place) => fill_leaf(text, *place, frame, gathered),
            Element::List(items) => {
                let mut filled = Vec::new();
                for item in items {
                    item.fill_into(frame, gathered, &mut filled);
                }
                Filled::Keep(Value::Array(filled))
            }
            Element::Object(_) => {
                let mut filled = Vec::new();
                self.fill_into(frame, gathered, &mut filled);
                if filled.len() > 1 {
                    gathered
                        .seen
                        .add("`$data` repeats an element where only one can stand; the first is shown");
                }
                filled.into_iter().next().map_or(Filled::Nothing, Filled::Keep)
            }
        }
    }

    /// What stands in a list: none, one, or one for each item of `$data`.
    fn fill_into(&self, frame: &Frame<'_>, gathered: &mut Gathered, out: &mut Vec<Value>) {
        match self {
            Element::Object(object) => object.fill_into(frame, gathered, out),
            Element::Constant(_) | Element::Leaf(..) | Element::List(_) => {
                if let Filled::Keep(value) = self.fill(frame, gathered) {
                    out.push(value);
                }
            }
        }
    }
}

fn fill_leaf(text: &Text, place: Place, frame: &Frame<'_>, gathered: &mut Gathered) -> Filled {
    if place.is_typed()
        && let Some(value) = text.datum_in(frame, gathered)
    {
        return place.accept(&value, text.source(), &mut gathered.seen);
    }
    let filled = text.text_in(frame, place.style(), gathered);
    place.finish(filled, text.source(), &mut gathered.seen)
}

impl Object {
    fn fill_into(&self, frame: &Frame<'_>, gathered: &mut Gathered, out: &mut Vec<Value>) {
        let Some(data) = &self.data else {
            return self.fill_one(frame, gathered, out);
        };
        let data = match data {
            Data::Expression(text) => text.datum_in(frame, gathered).map(std::borrow::Cow::into_owned),
            Data::Constant(element) => match element.fill(frame, gathered) {
                Filled::Keep(value) => Some(value),
                Filled::Nothing | Filled::Unusable => None,
            },
        };
        match data {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                if items.len() > MOST_ITEMS {
                    let count = counted(items.len(), "item");
                    gathered
                        .seen
                        .add(format!("a list has {count}; the first {MOST_ITEMS} are shown"));
                }
                for (index, item) in items.iter().enumerate().take(MOST_ITEMS) {
                    let inner = frame.inner(item).with_locals(Locals::new(index, items.len(), None));
                    self.fill_one(&inner, gathered, out);
                }
            }
            Some(single) => self.fill_one(&frame.inner(&single), gathered, out),
        }
    }

    fn fill_one(&self, frame: &Frame<'_>, gathered: &mut Gathered, out: &mut Vec<Value>) {
        if !gathered.budget.spend(ELEMENT) {
            return gathered
                .seen
                .add("the template makes too many elements of this event and was cut short");
        }
        match &self.when {
            None => {}
            Some(When::Constant(holds)) => {
                if !holds {
                    return;
                }
            }
            Some(When::Text(text)) => {
                if !holds(text, frame, gathered) {
                    return;
                }
            }
        }
        match &self.body {
            Body::Fields(fields) => {
                let mut filled = Map::with_capacity(fields.len());
                for (key, element) in fields {
                    match element.fill(frame, gathered) {
                        Filled::Keep(value) => {
                            filled.insert(key.clone(), value);
                        }
                        Filled::Nothing => {}
                        Filled::Unusable => return,
                    }
                }
                out.push(Value::Object(filled));
            }
            Body::Partial {
                document,
                context,
                with,
            } => {
                let mut evaluator = Evaluator::new(Style::Plain, gathered);
                let context = context.as_ref().map(|context| {
                    evaluator
                        .expression(context, frame, Lack::Warns)
                        .into_value()
                        .into_owned()
                });
                let mut values = Vec::with_capacity(with.len());
                for (name, given) in with {
                    let value = match given {
                        Given::Expression(expression) => Evaluator::new(Style::Plain, gathered)
                            .expression(expression, frame, Lack::IsFine)
                            .into_value()
                            .into_owned(),
                        Given::Element(element) => match element.fill(frame, gathered) {
                            Filled::Keep(value) => value,
                            Filled::Nothing | Filled::Unusable => Value::Null,
                        },
                    };
                    values.push((name.as_str(), value));
                }
                let mut inner = frame.inner(context.as_ref().unwrap_or(frame.this()));
                for (name, value) in &values {
                    inner = inner.with_name(name, value);
                }
                match &document.root {
                    // A partial may be several elements: they take its place one after the other.
                    Element::List(elements) => {
                        for element in elements {
                            element.fill_into(&inner, gathered, out);
                        }
                    }
                    root => root.fill_into(&inner, gathered, out),
                }
            }
        }
    }
}

/// Whether `$when` holds. A text of several parts is true unless it came to nothing or to `false`.
fn holds(text: &Text, frame: &Frame<'_>, gathered: &mut Gathered) -> bool {
    let value = match text.asked_in(frame, gathered) {
        Some(value) => value.into_owned(),
        None => Value::String(text.text_in(frame, Style::Plain, gathered)),
    };
    match value.as_str().map(str::trim) {
        Some("false" | "") => false,
        _ => is_truthy(&value),
    }
}
