//! The short form of a card: a few plain words in a rule become a card that looks well by itself.

use serde_json::{Map, Value, json};

use crate::card::button;
use crate::card::document::{self, Document};
use crate::card::escape::web_address;
use crate::card::evaluate::{Gathered, Style};
use crate::card::partial::Partials;
use crate::card::place::{Filled, Place, Within};
use crate::card::reach::Reach;
use crate::card::scope::Frame;
use crate::card::tag::suggestion;
use crate::card::text::Text;
use crate::diagnostic::{Fault, Step};

/// Keys of the short form.
pub(crate) const KEYS: [&str; 6] = ["title", "text", "facts", "buttons", "style", "image"];
/// What `style` can be: the colour behind the title.
pub const STYLES: [&str; 6] = ["default", "emphasis", "good", "warning", "attention", "accent"];

/// A compiled short form.
#[derive(Debug)]
pub struct Short {
    title: Option<Text>,
    text: Option<Text>,
    style: Option<Text>,
    image: Option<Text>,
    facts: Lines,
    buttons: Lines,
    reach: Reach,
}

/// Facts or buttons.
#[derive(Debug)]
enum Lines {
    /// `Label: text`
    Labelled(Vec<(String, Text)>),
    /// A list of `title` and `value` or `url`, which may repeat and be left out.
    Listed(Document),
}

/// Compiles the mapping under `card:`; all faults and warnings are in the second part.
pub(crate) fn compile(fields: &Map<String, Value>, partials: &Partials) -> (Short, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut reach = Reach::default();
    let mut text = |key: &str, faults: &mut Vec<Fault>| -> Option<Text> {
        let source = match fields.get(key)? {
            Value::String(source) => source.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                let fault = Fault::error("card::short", format!("`{key}` is a text")).under(key);
                faults.push(fault.help("put it in quotation marks"));
                return None;
            }
        };
        match Text::compile(&source, partials) {
            Ok(text) => {
                reach.merge(text.reach(), true);
                Some(text)
            }
            Err(fault) => {
                faults.push(fault.under(key));
                None
            }
        }
    };
    let title = text("title", &mut faults);
    let body = text("text", &mut faults);
    let style = text("style", &mut faults);
    let image = text("image", &mut faults);
    if let Some(written) = style.as_ref().and_then(Text::constant)
        && !STYLES.contains(&written)
    {
        let mut fault = Fault::error("card::short", format!("there is no style `{written}`")).under("style");
        fault.help = suggestion(written, STYLES).or(Some(format!("take `{}`", STYLES.join("`, `"))));
        faults.push(fault);
    }
    let mut lines =
        |written: Option<&Value>, actions: Option<Value>, within: Within<'_>, found: &mut Vec<Fault>| match (
            written, actions,
        ) {
            (None, _) => Lines::Labelled(Vec::new()),
            (Some(Value::Object(lines)), None) => {
                let lines = labelled(lines, partials, found);
                lines.iter().for_each(|(_, text)| reach.merge(text.reach(), true));
                Lines::Labelled(lines)
            }
            (Some(value), actions) => {
                let (document, more) = document::compile(&actions.unwrap_or_else(|| value.clone()), within, partials);
                found.extend(more);
                reach.merge(&document.reach, true);
                Lines::Listed(document)
            }
        };
    let list = |key| Within { key, data: false };
    let mut found = Vec::new();
    let written = fields.get("facts");
    if let Some(value) = written.filter(|value| !value.is_object()) {
        check_facts(value, &mut found);
    }
    let facts = lines(written, None, list("facts"), &mut found);
    faults.extend(found.into_iter().map(|fault| fault.under("facts")));

    let mut found = Vec::new();
    let written = fields.get("buttons");
    let listed = written.and_then(button::listed);
    if let Some(listed) = &listed {
        listed.check(&mut found);
    }
    let mut more = Vec::new();
    let buttons = lines(
        written,
        listed.as_ref().map(button::Listed::actions),
        list("actions"),
        &mut more,
    );
    found.extend(more.into_iter().map(|fault| match &listed {
        Some(listed) => listed.placed(fault),
        None => fault,
    }));
    if let (Lines::Labelled(lines), Some(Value::Object(written))) = (&buttons, written) {
        for (label, _) in lines {
            check_address(&written[label], Step::from(label.as_str()), &mut found);
        }
    }
    faults.extend(found.into_iter().map(|fault| fault.under("buttons")));
    if !KEYS.iter().any(|key| fields.contains_key(*key)) {
        faults.push(Fault::error("card::short", "the card is empty").help("give it a `title:` or a `text:`"));
    }
    let short = Short {
        title,
        text: body,
        style,
        image,
        facts,
        buttons,
        reach,
    };
    (short, faults)
}

/// `Label: text` lines.
fn labelled(lines: &Map<String, Value>, partials: &Partials, faults: &mut Vec<Fault>) -> Vec<(String, Text)> {
    let mut read = Vec::new();
    for (label, value) in lines {
        let source = match value {
            Value::String(source) => source.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                faults.push(Fault::error("card::short", format!("`{label}` needs a text")).under(label.as_str()));
                continue;
            }
        };
        match Text::compile(&source, partials) {
            Ok(text) => read.push((label.clone(), text)),
            Err(fault) => faults.push(fault.under(label.as_str())),
        }
    }
    read
}

fn check_facts(value: &Value, faults: &mut Vec<Fault>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check_item(item, index, &["title", "value"], "`{ title, value }`", faults);
            }
        }
        _ => {
            let help = "write `Environment: \"{{event.environment}}\"`, one line for each fact";
            faults.push(Fault::error("card::short", "`facts` are lines of a label and a text").help(help));
        }
    }
}

pub(super) fn check_item(item: &Value, index: usize, keys: &[&str], form: &str, faults: &mut Vec<Fault>) {
    let fault = match item {
        Value::Object(fields) if fields.contains_key("type") || fields.contains_key("$partial") => return,
        Value::Object(fields) => {
            for key in keys.iter().filter(|key| !fields.contains_key(**key)) {
                faults.push(Fault::error("card::short", format!("there is no `{key}` here")).under(index));
            }
            for key in fields
                .keys()
                .filter(|key| !keys.contains(&key.as_str()) && !key.starts_with('$'))
            {
                let mut fault = Fault::error("card::short", format!("there is no `{key}` here")).on_key();
                fault.help = suggestion(key, keys.iter().copied());
                faults.push(fault.under(key.as_str()).under(index));
            }
            if let Some(url) = fields.get("url") {
                let mut found = Vec::new();
                check_address(url, Step::from("url"), &mut found);
                faults.extend(found.into_iter().map(|fault| fault.under(index)));
            }
            return;
        }
        Value::String(text) if text.contains("{{>") => return,
        _ => Fault::error("card::short", format!("each line of this list is {form}")),
    };
    faults.push(fault.under(index));
}

/// An address that the author wrote out must be one that a card may open.
pub(super) fn check_address(value: &Value, step: Step, faults: &mut Vec<Fault>) {
    if let Value::String(text) = value
        && !text.contains("{{")
        && web_address(text, &crate::card::function::markup::PRESSABLE).is_none()
    {
        let fault = Fault::error("card::address", format!("`{text}` is no address that a card may open"));
        faults.push(fault.help("it begins with `https://`").under(step));
    }
}

impl Short {
    /// What it can depend on.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The card, before it is tidied and fitted.
    pub(crate) fn render(&self, frame: &Frame<'_>, gathered: &mut Gathered) -> Value {
        let mut shown = |text: &Option<Text>, place: Place| -> Option<String> {
            let text = text.as_ref()?;
            let filled = text.text_in(frame, place.style(), gathered);
            if text.constant().is_some() {
                return Some(filled);
            }
            match place.finish(filled, text.source(), &mut gathered.seen) {
                Filled::Keep(Value::String(text)) => Some(text),
                Filled::Keep(_) | Filled::Nothing | Filled::Unusable => None,
            }
        };
        let title = shown(&self.title, Place::Markdown);
        let text = shown(&self.text, Place::Markdown);
        let image = shown(&self.image, Place::Picture);
        let style = self
            .style
            .as_ref()
            .map(|style| style.text_in(frame, Style::Plain, gathered).trim().to_owned());
        let style = style.filter(|style| {
            let known = STYLES.contains(&style.as_str());
            if !known {
                let written: String = style.chars().take(40).collect();
                gathered
                    .seen
                    .add(format!("there is no style `{written}`; the card is shown without one"));
            }
            known
        });
        let facts = self.facts.fill(
            frame,
            gathered,
            Place::Markdown,
            |label, text| json!({ "title": label, "value": text }),
        );
        let buttons = self.buttons.fill(
            frame,
            gathered,
            Place::Link,
            |label, url| json!({ "type": "Action.OpenUrl", "title": label, "url": url }),
        );
        Parts {
            title,
            text,
            image,
            style,
            facts,
            buttons,
        }
        .card()
    }
}

impl Lines {
    fn fill(
        &self,
        frame: &Frame<'_>,
        gathered: &mut Gathered,
        place: Place,
        line: fn(&str, &Value) -> Value,
    ) -> Vec<Value> {
        match self {
            Lines::Labelled(lines) => lines
                .iter()
                .filter_map(|(label, text)| {
                    let filled = text.text_in(frame, place.style(), gathered);
                    match place.finish(filled, text.source(), &mut gathered.seen) {
                        Filled::Keep(value) => Some(line(label, &value)),
                        Filled::Nothing | Filled::Unusable => None,
                    }
                })
                .collect(),
            Lines::Listed(document) => match document.render(frame, gathered) {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            },
        }
    }
}

/// The parts of a card, all harmless; whoever has them gets the same look.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// Markdown.
    pub title: Option<String>,
    /// Markdown.
    pub text: Option<String>,
    /// An address.
    pub image: Option<String>,
    /// One of [`STYLES`].
    pub style: Option<String>,
    /// `{ title, value }`
    pub facts: Vec<Value>,
    /// Actions.
    pub buttons: Vec<Value>,
}

impl Parts {
    /// Title on top, on a coloured band if there is a style; a picture to its left; text, facts and buttons below.
    pub(crate) fn card(self) -> Value {
        let mut head: Vec<Value> = Vec::new();
        let wide = self.text.is_some() || !self.facts.is_empty();
        head.extend(self.title.map(|title| {
            json!({
                "type": "TextBlock", "text": title, "wrap": true, "weight": "Bolder", "size": "Medium", "style": "heading",
            })
        }));
        let text = self
            .text
            .map(|text| json!({ "type": "TextBlock", "text": text, "wrap": true }));
        if let Some(url) = self.image {
            let picture = json!({
                "type": "Column", "width": "auto",
                "items": [{ "type": "Image", "url": url, "size": "Small", "altText": "" }],
            });
            let words = json!({
                "type": "Column", "width": "stretch", "verticalContentAlignment": "Center", "items": head,
            });
            head = vec![json!({ "type": "ColumnSet", "columns": [picture, words] })];
        }
        let mut body = match self.style.filter(|style| style != "default") {
            Some(style) if !head.is_empty() => {
                vec![json!({ "type": "Container", "style": style, "bleed": true, "items": head })]
            }
            Some(_) | None => head,
        };
        body.extend(text);
        if !self.facts.is_empty() {
            body.push(json!({ "type": "FactSet", "facts": self.facts }));
        }
        if !self.buttons.is_empty() {
            body.push(json!({ "type": "ActionSet", "actions": self.buttons }));
        }
        let mut card = json!({ "type": "AdaptiveCard", "body": body });
        if wide {
            card["msteams"] = json!({ "width": "Full" });
        }
        card
    }
}
