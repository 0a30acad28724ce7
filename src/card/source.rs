//! Where a rule's card comes from, and the way from there to the message that is sent.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::card::document::{self, Document};
use crate::card::escape::Dialect;
use crate::card::evaluate::{Gathered, Style};
use crate::card::partial::Partials;
use crate::card::place::Within;
use crate::card::scope::{FIXED, Frame};
use crate::card::short::{self, Short};
use crate::card::tag::suggestion;
use crate::card::template::Template;
use crate::card::text::{Text, Warnings};
use crate::card::{Card, Content, fit, generated, held_back, mention, profile, sent, summary};
use crate::diagnostic::{Fault, Severity};
use crate::roster::Mention;

/// What the `card:` of a rule says, compiled.
#[derive(Debug)]
pub struct CardSource {
    form: Form,
    /// The one line that the author wants shown in toasts.
    summary: Option<Text>,
    /// Whether the card takes the whole width, where the author says so.
    full_width: Option<bool>,
}

/// What the card is made of.
#[derive(Debug)]
enum Form {
    /// A template and the values it is given by name.
    Template {
        /// The template.
        template: Arc<Template>,
        /// The values under `with:`.
        with: With,
    },
    /// Title, text, facts and so on, written in the rule.
    Short(Box<Short>),
    /// A message without a card.
    Message(Text),
    /// The card that another program made and sent: the event itself.
    AsSent,
    /// Nothing: the card is made from the event.
    Generated,
}

/// The word for the card that another program sent; no template can have this name.
pub const AS_SENT: &str = "as_sent";

/// Values that a rule gives to its template.
#[derive(Debug)]
struct With(Option<Document>);

impl CardSource {
    /// Compiles the value under `card:`; none means a generated card.
    ///
    /// `templates` finds a compiled template, `names` are all template names, for suggestions. Beside the source stand
    /// its warnings; the paths of all faults lead into `value`.
    ///
    /// # Errors
    /// All faults, warnings included: an unknown template, an unknown key, a text that cannot be compiled.
    pub fn compile(
        value: Option<&Value>,
        templates: &dyn Fn(&str) -> Option<Arc<Template>>,
        names: &[String],
        partials: &Partials,
    ) -> Result<(CardSource, Vec<Fault>), Vec<Fault>> {
        let (mut faults, summary, full_width) = manner(value, partials);
        let (source, found) = match value {
            None => (Ok(Form::Generated), Vec::new()),
            Some(Value::String(name)) if name == AS_SENT => {
                let taken = templates(AS_SENT).map(|_| {
                    Fault::error(
                        "card::as_sent",
                        "`as_sent` is the card that came with the event, and a template has this name",
                    )
                    .help("give the template another name, and write that here")
                });
                (taken.map_or(Ok(Form::AsSent), Err), Vec::new())
            }
            Some(Value::String(name)) => {
                let template = named(name, templates, names);
                let source = template.map(|template| Form::Template {
                    template,
                    with: With(None),
                });
                (source, Vec::new())
            }
            Some(Value::Object(fields)) => of_mapping(fields, templates, names, partials),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
                let fault = Fault::error("card::source", "`card` is a template's name or a mapping")
                    .help("write `card: deploy-failed`, or `title:` and `text:` under it; leave it out for a card made from the event");
                (Err(fault), Vec::new())
            }
        };
        faults.extend(found);
        let source = source.map(|form| CardSource {
            form,
            summary,
            full_width,
        });
        match source {
            Ok(source) if faults.iter().all(|fault| fault.severity == Severity::Warning) => Ok((source, faults)),
            Ok(_) => Err(faults),
            Err(fault) => Err(faults.into_iter().chain([fault]).collect()),
        }
    }

    /// Whether the card can depend on `root` (`recipient`, `event`, ...): if not on `recipient`, all recipients share
    /// one card.
    pub fn reads(&self, root: &str) -> bool {
        if self.summary.as_ref().is_some_and(|summary| summary.reads(root)) {
            return true;
        }
        match &self.form {
            Form::Template { template, with } => {
                template.reads(root) || with.0.as_ref().is_some_and(|with| with.reach.reads(root))
            }
            Form::Short(short) => short.reach().reads(root),
            Form::Message(text) => text.reads(root),
            Form::AsSent | Form::Generated => matches!(root, "event" | "rule"),
        }
    }

    /// Its author says in it how many cards were held back, so nobody else has to.
    fn tells_of_held_back(&self) -> bool {
        let path = &["limit", "held_back"];
        match &self.form {
            Form::Template { template, with } => {
                template.reach().names(path) || with.0.as_ref().is_some_and(|with| with.reach.names(path))
            }
            Form::Short(short) => short.reach().names(path),
            Form::Message(text) => text.reach().names(path),
            Form::AsSent | Form::Generated => false,
        }
    }

    /// The message for one recipient. It never fails: when the template comes to nothing with this event, the card is
    /// made from the event, and `seen` says so.
    ///
    /// `scope` holds `event`, `request`, `recipient`, `rule`, `limit` and `now`; the people in `mentions` are mentioned.
    /// Cards that the rule's limit held back are told of in a line of their own.
    pub fn render(&self, scope: &Value, mentions: &[Mention], seen: &mut Warnings) -> Card {
        let frame = Frame::root(scope);
        let mut gathered = Gathered::default();
        let more = held_back::sentence(scope).filter(|_| !self.tells_of_held_back());
        let said = self.summary(&frame, &mut gathered);
        let mut filled = match &self.form {
            Form::Template { template, with } => with.fill(&frame, &mut gathered, |frame, gathered| {
                template.render(frame, gathered).unwrap_or_else(|sentence| {
                    gathered.seen.add(sentence);
                    Value::Null
                })
            }),
            Form::Short(short) => short.render(&frame, &mut gathered),
            Form::Message(text) => {
                let mut card = message(text, &frame, mentions, more.as_deref(), &mut gathered);
                gathered.give(seen);
                if let Some(said) = said {
                    card.summary = said;
                }
                return card;
            }
            Form::AsSent => as_sent(scope, &mut gathered.seen),
            Form::Generated => generated::card(scope),
        };
        if let Some(more) = more {
            let line = json!({ "type": "TextBlock", "text": more, "wrap": true, "spacing": "Medium" });
            at_the_end(&mut filled, line);
        }
        let has_footer = scope.get("footer") == Some(&Value::Bool(true));
        if let (Form::Short(_), false) = (&self.form, has_footer) {
            with_reason(&mut filled, scope);
        }
        let mut card = profile::tidy(filled, &mut gathered.seen).unwrap_or_else(|| {
            gathered
                .seen
                .add("nothing is left of the card with this event; one was made from the event instead");
            let made = profile::tidy(generated::card(scope), &mut gathered.seen);
            made.expect("a generated card has a title")
        });
        self.widen(&mut card);
        card = finished(card, mentions, &mut gathered);
        gathered.give(seen);
        let written = match &self.form {
            Form::AsSent => scope.get("event").and_then(sent::summary),
            Form::Template { .. } | Form::Short(_) | Form::Message(_) | Form::Generated => None,
        };
        let summary = said
            .or(written)
            .or_else(|| summary::of_card(&card))
            .unwrap_or_else(|| reason(scope));
        Card::new(Content::Adaptive(card), summary)
    }

    /// The template it uses.
    pub fn template(&self) -> Option<&Template> {
        match &self.form {
            Form::Template { template, .. } => Some(template),
            Form::Short(_) | Form::Message(_) | Form::AsSent | Form::Generated => None,
        }
    }

    /// Is it a message without a card?
    pub fn is_message(&self) -> bool {
        matches!(self.form, Form::Message(_))
    }

    /// Is the card the one that another program made and sent?
    pub fn is_as_sent(&self) -> bool {
        matches!(self.form, Form::AsSent)
    }

    /// The author's own line for toasts; none where it came to nothing.
    fn summary(&self, frame: &Frame<'_>, gathered: &mut Gathered) -> Option<String> {
        let filled = self.summary.as_ref()?.text_in(frame, Style::Plain, gathered);
        summary::of_line(&filled)
    }

    fn widen(&self, card: &mut Value) {
        let Some(full) = self.full_width else { return };
        if !card["msteams"].is_object() {
            card["msteams"] = json!({});
        }
        match (full, card["msteams"].as_object_mut()) {
            (true, Some(fields)) => {
                fields.insert("width".to_owned(), json!("Full"));
            }
            (false, Some(fields)) => {
                fields.shift_remove("width");
            }
            (_, None) => {}
        }
        if card["msteams"].as_object().is_some_and(Map::is_empty)
            && let Some(fields) = card.as_object_mut()
        {
            fields.shift_remove("msteams");
        }
    }
}

/// The card that came as the event.
fn as_sent(scope: &Value, seen: &mut Warnings) -> Value {
    scope
        .get("event")
        .and_then(|event| sent::card(event, seen))
        .unwrap_or_else(|| {
            seen.add("the event is no message for Teams; a card was made from it");
            generated::card(scope)
        })
}

/// Room kept for the list of mentions.
const MENTIONS: usize = 16_000;
/// People mentioned in one card.
const MOST_MENTIONS: usize = 20;

/// A short card tells above its buttons why its reader gets it, where the rule has a description. A template says so where its
/// author wants it, and a card made from the event has the description as its title.
fn with_reason(card: &mut Value, scope: &Value) {
    let rule = |key: &str| scope.get("rule")?.get(key)?.as_str();
    if let (Some(name), Some(description)) = (rule("name"), rule("description")) {
        let text = format!("You get this because of the rule “{name}”: {}", description.trim());
        let reason = json!({ "type": "TextBlock", "text": text, "size": "Small", "isSubtle": true, "wrap": true });
        at_the_end(card, reason);
    }
}

/// Adds to a card that shows something, above the buttons at its end.
fn at_the_end(card: &mut Value, element: Value) {
    let body = card.get_mut("body").and_then(Value::as_array_mut);
    if let Some(body) = body.filter(|body| !body.is_empty()) {
        let buttons = body.last().is_some_and(|last| last["type"] == "ActionSet");
        body.insert(body.len() - usize::from(buttons), element);
    }
}

/// Why somebody gets this, when the card has no words of its own.
fn reason(scope: &Value) -> String {
    let rule = |key: &str| scope.get("rule").and_then(|rule| rule.get(key)).and_then(Value::as_str);
    let words = rule("description").or(rule("name")).and_then(summary::of_text);
    words.unwrap_or_else(|| "Notification".to_owned())
}

fn message(
    text: &Text,
    frame: &Frame<'_>,
    mentions: &[Mention],
    more: Option<&str>,
    gathered: &mut Gathered,
) -> Card {
    let with_more = |text: String| match more {
        Some(more) => format!("{text}\n\n{more}"),
        None => text,
    };
    let filled = text.text_in(frame, Style::Shown(Dialect::Message), gathered);
    let filled = fit::fit_text(filled, fit::LIMIT - MENTIONS, &mut gathered.seen);
    let filled = if filled.trim().is_empty() {
        gathered.seen.add("the message came to nothing with this event");
        crate::card::evaluate::MISSING.to_owned()
    } else {
        filled
    };
    let summary = summary::of_text(&filled).unwrap_or_else(|| "Notification".to_owned());
    if mentions.is_empty() && gathered.mentions.is_empty() {
        return Card::new(Content::Text(with_more(filled)), summary);
    }
    // Mentions need a list beside the text, which only a card carries with it.
    let shown = text.text_in(frame, Style::Shown(Dialect::Card), gathered);
    let parts = short::Parts {
        text: Some(with_more(shown)),
        ..short::Parts::default()
    };
    let card = profile::tidy(parts.card(), &mut gathered.seen).expect("a card with a text has a body");
    Card::new(Content::Adaptive(finished(card, mentions, gathered)), summary)
}

/// What stands beside every form of a card: its summary and width.
fn manner(value: Option<&Value>, partials: &Partials) -> (Vec<Fault>, Option<Text>, Option<bool>) {
    let mut faults = Vec::new();
    let Some(Value::Object(fields)) = value else {
        return (faults, None, None);
    };
    let summary = match fields.get("summary") {
        None => None,
        Some(Value::String(text)) => match Text::compile(text, partials) {
            Ok(text) => Some(text),
            Err(fault) => {
                faults.push(fault.under("summary"));
                None
            }
        },
        Some(_) => {
            faults.push(Fault::error("card::source", "`summary` is a text").under("summary"));
            None
        }
    };
    let full_width = match fields.get("full_width") {
        None => None,
        Some(Value::Bool(full)) => {
            if fields.contains_key("message") {
                let fault = Fault::error(
                    "card::source",
                    "`full_width` has no meaning with `message`: it is no card",
                );
                faults.push(fault.on_key().under("full_width"));
            }
            Some(*full)
        }
        Some(_) => {
            faults.push(Fault::error("card::source", "`full_width` is `true` or `false`").under("full_width"));
            None
        }
    };
    (faults, summary, full_width)
}

/// What may stand beside every form of a card.
const MANNER: [&str; 2] = ["summary", "full_width"];

/// Small enough for Teams, with its mentions.
fn finished(card: Value, mentions: &[Mention], gathered: &mut Gathered) -> Value {
    let card = fit::fit(card, fit::LIMIT - MENTIONS, &mut gathered.seen);
    let mut mentioning = card.clone();
    let wanted = &mentions[..mentions.len().min(MOST_MENTIONS)];
    mention::add(&mut mentioning, &gathered.mentions, wanted);
    if fit::size(&mentioning) > fit::LIMIT {
        gathered
            .seen
            .add("the card mentions too many people and mentions nobody now");
        return card;
    }
    mentioning
}

impl With {
    /// Calls `render` where the values have their names.
    fn fill(
        &self,
        frame: &Frame<'_>,
        gathered: &mut Gathered,
        render: impl FnOnce(&Frame<'_>, &mut Gathered) -> Value,
    ) -> Value {
        let values = self
            .0
            .as_ref()
            .and_then(|document| document.render(frame, gathered))
            .unwrap_or_default();
        let mut named = frame.inner(frame.this());
        for (name, value) in values.as_object().into_iter().flatten() {
            named = named.with_name(name, value);
        }
        render(&named, gathered)
    }
}

fn of_mapping(
    fields: &Map<String, Value>,
    templates: &dyn Fn(&str) -> Option<Arc<Template>>,
    names: &[String],
    partials: &Partials,
) -> (Result<Form, Fault>, Vec<Fault>) {
    let mut faults = Vec::new();
    let known: &[&str] = if fields.contains_key("template") {
        &["template", "with"]
    } else if fields.contains_key("message") {
        &["message"]
    } else {
        &short::KEYS
    };
    let is_known = |key: &&String| known.contains(&key.as_str()) || MANNER.contains(&key.as_str());
    for key in fields.keys().filter(|key| !is_known(key)) {
        faults.push(unknown_key(key, known, fields));
    }
    let source = if let Some(value) = fields.get("template") {
        let with = match fields.get("with") {
            None => None,
            Some(values @ Value::Object(given)) => {
                for name in given.keys().filter(|name| FIXED.contains(&name.as_str())) {
                    let message = format!("`{name}` has a meaning everywhere and cannot be given another");
                    faults.push(
                        Fault::error("card::with", message)
                            .on_key()
                            .under(name.as_str())
                            .under("with"),
                    );
                }
                let (document, found) = document::compile(values, Within { key: "", data: true }, partials);
                faults.extend(found.into_iter().map(|fault| fault.under("with")));
                Some(document)
            }
            Some(_) => {
                let fault = Fault::error("card::with", "`with` gives values by name").under("with");
                faults.push(fault.help("write `with: { title: \"{{event.title}}\" }`"));
                None
            }
        };
        let name = value.as_str().unwrap_or_default();
        let template = named(name, templates, names).map_err(|fault| fault.under("template"));
        template.map(|template| Form::Template {
            template,
            with: With(with),
        })
    } else if let Some(value) = fields.get("message") {
        match value {
            Value::String(text) => Text::compile(text, partials)
                .map(Form::Message)
                .map_err(|fault| fault.under("message")),
            _ => Err(Fault::error("card::source", "`message` is a text").under("message")),
        }
    } else if !fields.is_empty() && fields.keys().all(|key| MANNER.contains(&key.as_str())) {
        Ok(Form::Generated)
    } else {
        let (short, found) = short::compile(fields, partials);
        // An unknown key already says why nothing is there.
        let told = !faults.is_empty();
        faults.extend(found.into_iter().filter(|fault| !(told && fault.path.is_empty())));
        Ok(Form::Short(Box::new(short)))
    };
    (source, faults)
}

fn unknown_key(key: &str, known: &[&str], fields: &Map<String, Value>) -> Fault {
    let mut fault = Fault::error("card::key", format!("a card has no `{key}`"))
        .on_key()
        .under(key);
    let is_document = fields.contains_key("body") || fields.get("type").is_some_and(|kind| kind == "AdaptiveCard");
    let all = ["template", "with", "message"]
        .into_iter()
        .chain(short::KEYS)
        .chain(MANNER);
    fault.help = if is_document {
        Some("an Adaptive Card stands in a file of templates/; write `template:` with its name here".to_owned())
    } else if key == "with" {
        Some("`with` belongs to `template:`".to_owned())
    } else if all.clone().any(|other| other == key) {
        Some(format!("it cannot stand beside `{}`", known[0]))
    } else {
        suggestion(key, all).or_else(|| Some(format!("it has `{}`", known.join("`, `"))))
    };
    fault
}

fn named(
    name: &str,
    templates: &dyn Fn(&str) -> Option<Arc<Template>>,
    names: &[String],
) -> Result<Arc<Template>, Fault> {
    if let Some(template) = templates(name) {
        return Ok(template);
    }
    let known = names.iter().map(String::as_str);
    let bare = name.rsplit('/').next().unwrap_or(name);
    let bare = bare.rsplit_once('.').map_or(bare, |(bare, _)| bare);
    let mut fault = Fault::error("reference::template", format!("there is no template `{name}`"));
    fault.help = if name.contains("{{") {
        Some("the template's name is fixed; to choose between texts, write `{{#if}}` in a template".to_owned())
    } else if name.contains(' ') {
        Some("to send a text without a card, write `message:` under `card:`".to_owned())
    } else if names.iter().any(|known| known == bare) {
        Some(format!("write it without folder and ending: `{bare}`"))
    } else if names.is_empty() {
        Some(format!("make a file `templates/{name}.yaml`"))
    } else {
        suggestion(name, known).or_else(|| {
            Some(format!(
                "templates/ has {}",
                names.iter().take(8).cloned().collect::<Vec<_>>().join(", ")
            ))
        })
    };
    Err(fault)
}
