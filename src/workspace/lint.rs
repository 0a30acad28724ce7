//! What is not wrong, but surely not meant: seen when a rule is tried out with samples, or by looking at a card.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::sample::Sample;
use crate::card::fit::{self, PORTABLE};
use crate::card::partial::Partials;
use crate::card::text::{Text, Warnings};
use crate::card::{Card, Content};
use crate::diagnostic::{Fault, Step};
use crate::rule::Rule;
use crate::rule::condition::Condition;
use crate::rule::field::Field;
use crate::rule::target::Kind;
use crate::rule::trigger::Trigger;
use crate::webhook::message;
use crate::yaml::Document;

/// How many values seen are named.
const MOST_NAMED: usize = 3;
/// Texts of a card that are looked at; nobody writes that many.
const MOST_TEXTS: usize = 2_000;

/// Two words that differ by a slip of the keyboard. Stricter than a suggestion for a word that does not exist: here both
/// may well exist, as `opened` and `reopened` do.
fn slip(written: &str, seen: &str) -> bool {
    let (a, b) = (written.to_lowercase(), seen.to_lowercase());
    let longest = a.chars().count().max(b.chars().count());
    // `stage1` and `stage2` are no slip.
    let bare = |text: &str| text.replace(|c: char| c.is_numeric(), "");
    if written == seen || !(4..=100).contains(&longest) || (a != b && bare(&a) == bare(&b)) {
        return false;
    }
    match strsim::damerau_levenshtein(&a, &b) {
        0 | 1 => true,
        2 => longest >= 8 && !a.contains(&b) && !b.contains(&a),
        _ => false,
    }
}

/// Lines of `if` that no recorded event meets although all of them have the field: a value that nobody sends.
pub(super) fn unmet(document: &Document, scopes: &[Value], folder: &str) -> Vec<Fault> {
    let mut leaves = Vec::new();
    let mut path = vec![Step::from("if")];
    collect(
        document.value.get("if").unwrap_or(&Value::Null),
        &mut path,
        false,
        &mut leaves,
    );
    leaves
        .into_iter()
        .filter_map(|leaf| unmet_line(&leaf, scopes, folder))
        .collect()
}

struct Leaf<'a> {
    path: Vec<Step>,
    field: &'a str,
    expected: &'a Value,
    /// One of several ways to hold: not every one needs an example.
    alternative: bool,
}

fn collect<'a>(value: &'a Value, path: &mut Vec<Step>, alternative: bool, leaves: &mut Vec<Leaf<'a>>) {
    match value {
        Value::Object(lines) => {
            for (key, value) in lines {
                path.push(Step::from(key.as_str()));
                match key.as_str() {
                    "any" => collect(value, path, true, leaves),
                    "all" => collect(value, path, alternative, leaves),
                    // That these fail is what is wanted, or what nobody can tell from outside.
                    "not" | "expression" => {}
                    field => leaves.push(Leaf {
                        path: path.clone(),
                        field,
                        expected: value,
                        alternative,
                    }),
                }
                path.pop();
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                collect(item, path, alternative, leaves);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn unmet_line(leaf: &Leaf<'_>, scopes: &[Value], folder: &str) -> Option<Fault> {
    let field = Field::parse(leaf.field).ok()?;
    let (line, _) = Condition::compile(&json!({ leaf.field: leaf.expected })).ok()?;
    let mut seen: Vec<&Value> = Vec::new();
    for scope in scopes {
        let value = field.find(scope).ok().filter(|value| !value.is_null())?;
        if line.evaluate(scope).holds {
            return None;
        }
        seen.push(value);
    }
    let written = match leaf.expected {
        Value::String(text) => vec![text.as_str()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        // Bounds and the like need no example; a word that is compared may still be a slip.
        Value::Object(words) => words
            .iter()
            .filter(|(word, _)| matches!(word.as_str(), "contains" | "starts_with" | "ends_with"))
            .flat_map(|(_, value)| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice))
            .filter_map(Value::as_str)
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    };
    let mut texts: Vec<&str> = seen
        .iter()
        .flat_map(|value| value.as_array().map_or(std::slice::from_ref(*value), Vec::as_slice))
        .filter_map(Value::as_str)
        .collect();
    texts.sort_unstable();
    texts.dedup();
    let meant = texts
        .iter()
        .find(|text| written.iter().any(|written| slip(written, text)));
    let is_plain = !leaf.expected.is_object();
    if meant.is_none() && (!is_plain || leaf.alternative || scopes.len() < 2) {
        return None;
    }
    let mut named: Vec<String> = seen
        .iter()
        .filter(|value| !value.is_object() && !value.is_array())
        .map(|value| shortened(value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    named.sort_unstable();
    named.dedup();
    let more = if named.len() > MOST_NAMED { " and others" } else { "" };
    named.truncate(MOST_NAMED);
    let found = match named.is_empty() {
        true => String::new(),
        false => format!(": there it is `{}`{more}", named.join("`, `")),
    };
    let message = match scopes.len() {
        1 => format!("the sample does not meet this line{found}"),
        several => format!("none of the {several} samples meets this line{found}"),
    };
    let help = match meant {
        Some(meant) => format!("did you mean `{}`?", shortened((*meant).to_owned())),
        None => format!("if it is meant so, add an event that meets it to samples/{folder}/"),
    };
    let mut fault = Fault::warning("sample::value", message).help(help);
    fault.path = leaf.path.clone();
    Some(fault)
}

fn shortened(mut text: String) -> String {
    if let Some((cut, _)) = text.char_indices().nth(40) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

/// Fields that an expression reads, that no sample has, and that are nearly called like one that exists. Without a near name
/// nothing is said: an expression may well ask whether a field is there.
pub(super) fn expression_fields(rule: &Rule, scopes: &[Value]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for path in rule.condition.paths() {
        if !path.starts_with("event.") {
            continue;
        }
        let Ok(field) = Field::parse(&path) else { continue };
        let notes: Option<Vec<String>> = scopes.iter().map(|scope| Some(field.find(scope).err()?.note)).collect();
        let Some(note) = notes.and_then(|notes| notes.into_iter().next()) else {
            continue;
        };
        // `no field `event.a`; nearest is `event.b``
        let names: Vec<&str> = note.split('`').collect();
        let (Some(missing), Some(near)) = (names.get(1), names.get(3)) else {
            continue;
        };
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        if note.contains("nearest is") && slip(&last(missing), &last(near)) {
            let message = format!("`{missing}` is missing in every sample");
            faults.push(Fault::warning("sample::field", message).help(format!("did you mean `{near}`?")));
        }
    }
    faults
}

/// A limit counts what has the same `for_each`; when no two events have, it holds nothing back.
pub(super) fn for_each(rule: &Rule, scopes: &[Value]) -> Option<Fault> {
    let text = rule.limit.as_ref()?.for_each.as_ref()?;
    let mut values: Vec<String> = scopes
        .iter()
        .map(|scope| text.plain(scope, &mut Warnings::new()))
        .collect();
    let all = values.len();
    values.sort_unstable();
    values.dedup();
    // Two samples may well be about two things; a number of the event itself is another matter.
    let counts_events = text
        .paths()
        .iter()
        .any(|path| is_identity(path.rsplit('.').next().unwrap_or_default()));
    let enough = if counts_events { 2 } else { 4 };
    if all < enough || values.len() < all || values.iter().any(|value| value.trim().is_empty()) {
        return None;
    }
    let message =
        format!("`for_each` is different in each of the {all} samples, so the limit would hold nothing back");
    let help = "count by what such events have in common: the repository, the service, the name of the alert";
    let mut fault = Fault::warning("sample::for_each", message).help(help);
    fault.path = vec![Step::from("limit"), Step::from("for_each")];
    Some(fault)
}

/// Names of fields that tell one event from the next.
fn is_identity(name: &str) -> bool {
    let whole = [
        "id",
        "uuid",
        "guid",
        "sha",
        "number",
        "timestamp",
        "time",
        "date",
        "fingerprint",
        "delivery",
        "text",
        "url",
    ];
    let ends = ["_id", "_at", "_sha", "_number", "_url", "At", "Id", "URL", "Url"];
    whole.contains(&name) || ends.iter().any(|end| name.ends_with(end))
}

/// Event types of a hook that no recorded event has, while one of nearly the same name does.
pub(super) fn event_types(rule: &Rule, document: &Document, samples: &[Sample]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, trigger) in rule.triggers.iter().enumerate() {
        let Trigger::Hook { hook, event_types } = trigger else {
            continue;
        };
        let known: BTreeSet<&str> = samples.iter().filter_map(|sample| sample.event_type_of(hook)).collect();
        for (place, written) in event_types.iter().enumerate() {
            let Some(meant) = known.iter().find(|known| slip(written, known)) else {
                continue;
            };
            if known.contains(written.as_str()) {
                continue;
            }
            let message = format!(
                "no sample of the hook `{hook}` is of the type `{}`",
                shortened(written.clone())
            );
            let mut fault = Fault::warning("sample::event_type", message).help(format!("did you mean `{meant}`?"));
            fault.path.push(Step::from("when"));
            if document.value.get("when").is_some_and(Value::is_array) {
                fault.path.push(Step::Index(index));
            }
            fault.path.push(Step::from("event_type"));
            if document.at(&fault.path).is_some_and(Value::is_array) {
                fault.path.push(Step::Index(place));
            }
            faults.push(fault);
        }
    }
    faults
}

/// A card that is the same whatever happens, and that nobody can do anything with. Schedules and greetings may be so: there
/// the moment is the message.
pub(super) fn says_nothing(rule: &Rule) -> Option<Fault> {
    let has_data = |trigger: &Trigger| match trigger {
        Trigger::Hook { .. } | Trigger::File { .. } | Trigger::Queue { .. } => true,
        // The answer to a question or a press may always be the same.
        Trigger::Cron { .. } | Trigger::Teams { .. } | Trigger::Message { .. } | Trigger::Button { .. } => false,
    };
    let reads = |root: &str| rule.card.reads(root);
    if !rule.triggers.iter().all(has_data) || ["event", "item", "request"].into_iter().any(reads) {
        return None;
    }
    let scope = json!({ "event": null, "request": null, "rule": { "name": rule.name }, "recipient": null });
    let shown = match rule.card.render(&scope, &[], &mut Warnings::new()).content {
        Content::Adaptive(card) => card.to_string(),
        Content::Text(text) => text,
        Content::Notification(_) => return None,
    };
    // A button, a fact or a link says more than the title.
    if ["\"Action.", "\"FactSet\"", "](http", "https://"]
        .iter()
        .any(|sign| shown.contains(sign))
    {
        return None;
    }
    let help = "show something of the event, such as `{{event.title}}`, or add a button that leads to it";
    let message = "this card is always the same: it says neither what happened nor what to do";
    let mut fault = Fault::warning("card::says_nothing", message).help(help);
    fault.path.push(Step::from("card"));
    Some(fault.on_key())
}

/// The buttons of a rule's short card that rules answer: the name of each, and what to say if none does.
pub(super) fn pressed(document: &Document) -> Vec<(String, Fault)> {
    let Some(buttons) = document.value.get("card").and_then(|card| card.get("buttons")) else {
        return Vec::new();
    };
    let of_mapping = buttons.as_object().into_iter().flatten();
    let of_mapping = of_mapping.map(|(label, button)| (Step::from(label.as_str()), button));
    let of_list = buttons.as_array().into_iter().flatten().enumerate();
    let of_list = of_list.map(|(index, button)| (Step::Index(index), button));
    let named = |(step, button): (Step, &Value)| {
        let name = button.get("press")?.as_str()?.trim().to_owned();
        let message = format!("no rule answers the button `{}`", shortened(name.clone()));
        let mut fault = Fault::warning("card::unanswered", message).label("nobody hears it");
        fault.path = vec!["card".into(), "buttons".into(), step, "press".into()];
        Some((name, fault))
    };
    of_mapping.chain(of_list).filter_map(named).collect()
}

/// Buttons that answer to Herald, on a card that also goes through a webhook, where nobody would hear them.
pub(super) fn dead_buttons(rule: &Rule) -> Option<Fault> {
    let place = rule.notify.iter().position(|target| target.kind() == Kind::Webhook)?;
    let scope = json!({ "event": null, "request": null, "rule": { "name": rule.name }, "recipient": null });
    let card = rule.card.render(&scope, &[], &mut Warnings::new());
    let mut seen = Warnings::new();
    // The size is of no interest here: without an event the card is small.
    let before = card.content.clone();
    if message::tailored(card, &mut seen).content == before || !seen.iter().any(|told| told.contains("buttons")) {
        return None;
    }
    let message =
        "some buttons of this card answer to Herald; through a webhook they would do nothing and are left out";
    let help = "give the card a button that opens a page (`Action.OpenUrl`), or let the bot write there: `channel:`";
    let mut fault = Fault::warning("target::webhook_button", message).help(help);
    fault.path = vec![Step::from("notify"), Step::Index(place), Step::from("webhook")];
    Some(fault)
}

/// A card that comes near the size that every way into Teams takes, with this sample.
pub(super) fn near_limit(card: &Card, file: &str) -> Option<Fault> {
    let Content::Adaptive(content) = &card.content else {
        return None;
    };
    let size = fit::size(content);
    if size < PORTABLE / 5 * 4 {
        return None;
    }
    let message = format!(
        "with {file}, this card takes {} of {} KB",
        size.div_ceil(1_000),
        PORTABLE / 1_000
    );
    let help = "a larger event makes a card that Teams may refuse: show fewer items or shorter texts, \
                for example with `truncate` or `lines`";
    let mut fault = Fault::warning("card::near_limit", message).help(help);
    fault.path.push(Step::from("card"));
    Some(fault.on_key())
}

/// Colours that an event decides and that no words tell: who does not see colours, and every screen reader, misses them.
/// Paths of the faults lead into `document`, the short form of a rule or a template.
pub(super) fn colour_alone(document: &Value, partials: &Partials) -> Vec<Fault> {
    let mut texts = Texts::default();
    texts.look(document, partials, &mut Vec::new());
    // Words from elsewhere may tell what the colour tells.
    if texts.unknown || texts.count > MOST_TEXTS {
        return Vec::new();
    }
    let told = |path: &String| texts.words.iter().any(|word| same(word, path));
    let silent = texts.colours.iter().filter(|(_, paths)| !paths.iter().any(told));
    let mut faults: Vec<Fault> = silent
        .map(|(place, paths)| {
            let names = paths
                .iter()
                .take(MOST_NAMED)
                .map(|path| format!("`{path}`"))
                .collect::<Vec<_>>();
            let message = format!("only the colour tells {}", names.join(" and "));
            fault(message, place, &paths[0])
        })
        .collect();
    faults.extend(
        texts
            .twins
            .iter()
            .filter(|(_, paths)| !paths.iter().any(told))
            .map(|(place, paths)| {
                let message = "this element differs from the one before it in nothing but its colour";
                fault(message.to_owned(), place, &paths[0])
            }),
    );
    faults
}

fn fault(message: String, place: &[Step], path: &str) -> Fault {
    let help = format!("say it in words as well, for example `{{{{{path}}}}}` in a text");
    let mut fault = Fault::warning("card::colour_alone", message).help(help);
    fault.path = place.to_vec();
    fault.on_key()
}

/// `event.alert.state` is told where `event.state` is shown: the same thing by another way, or so near that nobody should
/// be bothered.
fn same(a: &str, b: &str) -> bool {
    a == b
        || a.rsplit('.').next() == b.rsplit('.').next()
        || b.starts_with(&format!("{a}."))
        || a.starts_with(&format!("{b}."))
}

#[derive(Default)]
struct Texts {
    /// What decides on a colour, with its place.
    colours: Vec<(Vec<Step>, Vec<String>)>,
    /// Elements that differ from a neighbour in their colour only, with what decides between them.
    twins: Vec<(Vec<Step>, Vec<String>)>,
    /// What is shown or decides on what is shown.
    words: BTreeSet<String>,
    /// Something is shown that the rule, an item or a partial gives.
    unknown: bool,
    count: usize,
}

/// Are there words of the author's own in it, beside what an event brings?
fn says(key: &str, value: &Value) -> bool {
    match value {
        Value::String(text) if matches!(key, "text" | "title" | "value" | "message" | "altText") => {
            let outside = text
                .split("{{")
                .map(|piece| piece.split_once("}}").map_or(piece, |(_, after)| after));
            text.contains("{{#") || outside.flat_map(str::chars).any(char::is_alphanumeric)
        }
        Value::Object(fields) => fields.iter().any(|(key, value)| says(key, value)),
        Value::Array(items) => items.iter().any(|item| says(key, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_colour(key: &str) -> bool {
    matches!(key, "style" | "color")
}

impl Texts {
    fn look(&mut self, value: &Value, partials: &Partials, path: &mut Vec<Step>) {
        match value {
            Value::Object(fields) => self.object(fields, partials, path),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(Step::Index(index));
                    self.look(item, partials, path);
                    path.pop();
                }
                self.twins(items, partials, path);
            }
            Value::String(source) => {
                let shown = self.paths(source, partials).unwrap_or_default();
                self.words.extend(shown);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, partials: &Partials, path: &mut Vec<Step>) {
        self.unknown |= fields.contains_key("$partial");
        let has_words = fields.iter().any(|(key, value)| says(key, value));
        for (key, value) in fields {
            path.push(Step::from(key.as_str()));
            match value {
                Value::String(source) if is_colour(key) => {
                    let before = self.unknown;
                    let decides = self.paths(source, partials).unwrap_or_default();
                    // A colour that the rule or an item gives is judged where it is given.
                    self.unknown = before;
                    if !decides.is_empty() {
                        self.colours.push((path.clone(), decides));
                    }
                }
                // An element that is there or not tells something, if it has words of its own; twins are another matter.
                Value::String(_) if key == "$when" && !has_words => {}
                Value::String(_) if matches!(key.as_str(), "url" | "id") => {}
                _ => self.look(value, partials, path),
            }
            path.pop();
        }
    }

    /// What of the event this text reads.
    fn paths(&mut self, source: &str, partials: &Partials) -> Option<Vec<String>> {
        self.count += 1;
        if !source.contains("{{") || self.count > MOST_TEXTS {
            return None;
        }
        let text = Text::compile(source, partials).ok()?;
        let (of_event, others): (Vec<String>, Vec<String>) =
            text.paths().into_iter().partition(|path| path.starts_with("event."));
        let fixed = [
            "event",
            "request",
            "rule",
            "recipient",
            "now",
            "time_zone",
            "limit",
            "tracked",
            "steps",
            "on_call",
        ];
        self.unknown |= others
            .iter()
            .any(|path| !fixed.contains(&path.split('.').next().unwrap_or_default()));
        Some(of_event)
    }

    /// Neighbours with `$when` that are the same but for their colour.
    fn twins(&mut self, items: &[Value], partials: &Partials, path: &[Step]) {
        let plain = |item: &Value| {
            let mut fields = item.as_object()?.clone();
            fields.shift_remove("$when")?;
            let colours = fields.keys().filter(|key| is_colour(key)).count();
            fields.retain(|key, _| !is_colour(key));
            (colours > 0).then_some(fields)
        };
        for (index, pair) in items.windows(2).enumerate() {
            let (Some(first), Some(second)) = (plain(&pair[0]), plain(&pair[1])) else {
                continue;
            };
            if first != second || pair[0] == pair[1] {
                continue;
            }
            let before = self.unknown;
            let when = pair[1]["$when"].as_str().unwrap_or_default();
            let decides = self.paths(when, partials).unwrap_or_default();
            self.unknown = before;
            if !decides.is_empty() {
                let mut place = path.to_vec();
                place.extend([Step::Index(index + 1), Step::from("$when")]);
                self.twins.push((place, decides));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_none_when_both_words_may_well_be_meant() {
        for (written, seen) in [
            ("prodution", "production"),
            ("approve", "approved"),
            ("Failure", "failure"),
            ("clsoed", "closed"),
        ] {
            assert!(slip(written, seen), "{written} {seen}");
        }
        for (written, seen) in [
            ("opened", "reopened"),
            ("stage1", "stage2"),
            ("success", "failure"),
            ("v1", "v2"),
            ("main", "main"),
            ("prod", "production"),
            ("failed", "failure"),
        ] {
            assert!(!slip(written, seen), "{written} {seen}");
        }
    }

    fn colours(text: &str) -> Vec<String> {
        let value = crate::yaml::parse("t", text).document.expect(text).value;
        colour_alone(&value, &Partials::none())
            .into_iter()
            .map(|fault| fault.message)
            .collect()
    }

    #[test]
    fn a_colour_that_an_event_decides_needs_words_that_say_the_same() {
        let style = "style: \"{{#if (eq event.state \\\"failed\\\")}}attention{{else}}good{{/if}}\"";
        assert_eq!(
            colours(&format!("{style}\ntitle: \"{{{{event.name}}}}\"")),
            ["only the colour tells `event.state`"]
        );
        assert_eq!(
            colours(&format!("{style}\ntitle: \"{{{{event.name}}}} {{{{event.state}}}}\"")),
            [""; 0]
        );
        assert_eq!(
            colours(&format!(
                "{style}\ntitle: \"{{{{#if (eq event.state \\\"failed\\\")}}}}Bad{{{{/if}}}}\""
            )),
            [""; 0]
        );
        // The rule gives the words.
        assert_eq!(colours(&format!("{style}\ntitle: \"{{{{title}}}}\"")), [""; 0]);
        assert_eq!(colours("style: attention\ntitle: x"), [""; 0]);
    }

    #[test]
    fn two_elements_that_differ_in_their_colour_only_are_told() {
        let element = |state: &str, colour: &str, text: &str| {
            format!("- {{ type: TextBlock, $when: \"{{{{{state}}}}}\", color: {colour}, text: \"{text}\" }}\n")
        };
        let twins =
            element("event.bad", "attention", "{{event.name}}") + &element("not event.bad", "good", "{{event.name}}");
        assert_eq!(
            colours(&twins),
            ["this element differs from the one before it in nothing but its colour"]
        );
        let told = element("event.bad", "attention", "Bad") + &element("not event.bad", "good", "Good");
        assert_eq!(colours(&told), [""; 0]);
    }
}
