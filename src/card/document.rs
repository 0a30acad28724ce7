//! Structured templates: a card as YAML or JSON, with Handlebars in its strings.
//!
//! The document is read first and its holes are filled afterwards, one string at a time: whatever an event contains,
//! the card has the elements that its author wrote. Keys are never templates. Three keys steer:
//!
//! - `$data: "{{event.alerts}}"` repeats the element for each item of the list. Within it `this` is the item, its
//!   fields can be named alone (`{{title}}`), `{{@index}}` (from 0), `{{@number}}` (from 1), `{{@first}}` and `{{@last}}` tell where it is, and names
//!   from outside stay in reach; an item's own field wins over `with` values, never over `event`, `request`,
//!   `recipient`, `rule` and `now`. With an object instead of a list, the element stands once, within that object.
//! - `$when: "{{...}}"` leaves the element out when it comes to nothing, `false`, 0 or `"false"`. Together with
//!   `$data` it is asked for each item.
//! - `$partial: name` puts the document `templates/partials/name` there, with the values under `with:`. The string
//!   `"{{> name}}"` as an element does the same.

mod compile;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::card::evaluate::{Evaluator, Gathered, Lack, MOST_ITEMS, Style};
use crate::card::function::is_truthy;
use crate::card::place::{Filled, Place};
use crate::card::reach::Reach;
use crate::card::scope::{Frame, Locals, counted};
use crate::card::syntax::Expression;
use crate::card::text::Text;

pub(crate) use compile::compile;

/// Work charged for an element, in steps of the budget: it bounds how large a card can grow before it is cut.
const ELEMENT: usize = 20;
const TOO_MUCH: &str = "the template makes too many elements of this event and was cut short";

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
            Element::Constant(value) => match gathered.budget.keep(value) {
                true => Filled::Keep(value.clone()),
                false => Filled::Nothing,
            },
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
        if !gathered.budget.keep(&value) {
            gathered.seen.add(TOO_MUCH);
            return Filled::Nothing;
        }
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
        let data: Option<Cow<'_, Value>> = match data {
            Data::Expression(text) => text.datum_in(frame, gathered),
            Data::Constant(element) => match element.fill(frame, gathered) {
                Filled::Keep(value) => Some(Cow::Owned(value)),
                Filled::Nothing | Filled::Unusable => None,
            },
        };
        match data.as_deref() {
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
            Some(single) => self.fill_one(&frame.inner(single), gathered, out),
        }
    }

    fn fill_one(&self, frame: &Frame<'_>, gathered: &mut Gathered, out: &mut Vec<Value>) {
        let fields = match &self.body {
            Body::Fields(fields) => fields.len(),
            Body::Partial { with, .. } => with.len(),
        };
        if !gathered.budget.spend(ELEMENT + fields) {
            return gathered.seen.add(TOO_MUCH);
        }
        if self.when.as_ref().is_some_and(|when| !when.holds(frame, gathered)) {
            return;
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
                let value = |expression, lack, gathered: &mut Gathered| {
                    Evaluator::new(Style::Plain, gathered)
                        .expression(expression, frame, lack)
                        .into_value()
                };
                let context: Option<Cow<'_, Value>> =
                    context.as_ref().map(|context| value(context, Lack::Warns, gathered));
                let mut values: Vec<(&str, Cow<'_, Value>)> = Vec::with_capacity(with.len());
                for (name, given) in with {
                    let value = match given {
                        Given::Expression(expression) => value(expression, Lack::IsFine, gathered),
                        Given::Element(element) => match element.fill(frame, gathered) {
                            Filled::Keep(value) => Cow::Owned(value),
                            Filled::Nothing | Filled::Unusable => Cow::Owned(Value::Null),
                        },
                    };
                    values.push((name, value));
                }
                let mut inner = frame.inner(context.as_deref().unwrap_or(frame.this()));
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

impl When {
    /// A text of several parts is true unless it came to nothing or to `false`.
    fn holds(&self, frame: &Frame<'_>, gathered: &mut Gathered) -> bool {
        let text = match self {
            When::Constant(holds) => return *holds,
            When::Text(text) => text,
        };
        let value = match text.asked_in(frame, gathered) {
            Some(value) => value,
            None => Cow::Owned(Value::String(text.text_in(frame, Style::Plain, gathered))),
        };
        match value.as_str().map(str::trim) {
            Some("false" | "") => false,
            _ => is_truthy(&value),
        }
    }
}
