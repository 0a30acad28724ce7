//! What Teams shows of Adaptive Cards: version 1.5, these elements and actions. Templates are checked when they are
//! compiled, cards once more before they are sent.

mod tidy;
mod vocabulary;

use serde_json::{Map, Value};

use crate::card::hole::is_marked;
use crate::card::tag::suggestion;
use crate::diagnostic::{Fault, Step, did_you_mean};
use crate::yaml::MOST_FAULTS;

pub(crate) use tidy::tidy;
use vocabulary::{ACTIONS, ELEMENTS, KEYS, Setting, Sort, UNSUPPORTED, is_shown, setting, sort_under};

/// The version cards are sent as when their template names none.
pub(crate) const VERSION: &str = "1.5";
/// Where the schema of Adaptive Cards is.
pub(crate) const SCHEMA: &str = "http://adaptivecards.io/schemas/adaptive-card.json";
/// Levels of a card looked at.
const DEEPEST: usize = 96;

/// Finds what Teams would not show in a card or template; holes are taken for whatever they need to be.
pub(crate) fn check(document: &Value) -> Vec<Fault> {
    let mut checker = Checker::default();
    checker.value(document, Sort::Card);
    checker.faults
}

/// The same for a partial: one element, action or column, or a list of them.
pub(crate) fn check_partial(document: &Value) -> Vec<Fault> {
    let mut checker = Checker::default();
    let sort = |value: &Value| match value.get("type").and_then(Value::as_str) {
        Some("AdaptiveCard") => Sort::Card,
        Some("Column" | "TableCell" | "TableRow") => Sort::Column,
        Some("TextRun") => Sort::Inline,
        Some(kind) if kind.starts_with("Action.") => Sort::Action,
        Some(_) => Sort::Element,
        // A fact, perhaps: it has no type.
        None => Sort::Fact,
    };
    match document {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                checker.path.push(index.into());
                checker.value(item, sort(item));
                checker.path.pop();
            }
        }
        one => checker.value(one, sort(one)),
    }
    checker.faults
}

#[derive(Default)]
struct Checker {
    faults: Vec<Fault>,
    path: Vec<Step>,
    /// Keys that Teams does not know, so far.
    unknown: usize,
}

impl Checker {
    fn fault(&mut self, mut fault: Fault, key: Option<&str>) {
        if self.faults.len() >= MOST_FAULTS {
            return;
        }
        fault.path = self.path.clone();
        fault.path.extend(key.map(Step::from));
        self.faults.push(fault);
    }

    fn value(&mut self, value: &Value, sort: Sort) {
        if self.path.len() > DEEPEST {
            return;
        }
        match value {
            Value::Object(fields) => self.object(fields, sort),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(index.into());
                    self.value(item, sort);
                    self.path.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, sort: Sort) {
        if fields.contains_key("$partial") {
            return;
        }
        let kind = fields.get("type").and_then(Value::as_str);
        match sort {
            Sort::Card => self.card(fields, kind),
            Sort::Element => self.known(fields, kind, ELEMENTS, "element"),
            Sort::Action => self.known(fields, kind, ACTIONS, "action"),
            Sort::Column | Sort::Row | Sort::Cell | Sort::Inline | Sort::Image | Sort::Fact | Sort::Choice => {}
        }
        for (key, value) in fields {
            self.key(key);
            self.setting(key, value);
            if let Some(inner) = sort_under(sort, kind, key) {
                self.path.push(key.as_str().into());
                self.value(value, inner);
                self.path.pop();
            }
        }
    }

    fn card(&mut self, fields: &Map<String, Value>, kind: Option<&str>) {
        if let Some(kind) = kind
            && kind != "AdaptiveCard"
        {
            let fault = Fault::error("card::type", format!("a card is of type `AdaptiveCard`, not `{kind}`"));
            self.fault(fault.help("put elements under `body:`"), Some("type"));
        }
        match fields.get("version") {
            None => {}
            Some(version) if is_shown(version) => {}
            Some(version) => {
                let written = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
                let fault = Fault::error(
                    "card::version",
                    format!("Teams shows Adaptive Cards up to {VERSION}, not {written}"),
                );
                self.fault(fault.help(format!("write `version: \"{VERSION}\"`")), Some("version"));
            }
        }
        let shows = ["body", "actions", "items"].iter().any(|key| fields.contains_key(*key));
        if !shows {
            let fault = Fault::error("card::body", "the card has no `body` and would be empty");
            self.fault(fault.help("list its elements under `body:`"), None);
        }
    }

    fn known(&mut self, fields: &Map<String, Value>, kind: Option<&str>, known: &[(&str, &[&str])], noun: &str) {
        let Some(kind) = kind else {
            let mut fault = Fault::error("card::type", format!("this {noun} has no `type`"));
            let names: Vec<&str> = known.iter().take(3).map(|(name, _)| *name).collect();
            fault.help = Some(format!("say what it is: `type: {}`", names.join("`, `type: ")));
            return self.fault(fault, None);
        };
        if kind.contains("{{") || is_marked(kind) {
            // Told by whoever compiles the template.
            return;
        }
        if let Some((_, instead)) = UNSUPPORTED.iter().find(|(name, _)| *name == kind) {
            let fault = Fault::error("card::element", format!("Teams does not show `{kind}`"));
            return self.fault(fault.help(*instead), Some("type"));
        }
        let Some((_, needed)) = known.iter().find(|(name, _)| *name == kind) else {
            let mut fault = Fault::error("card::element", format!("Teams knows no {noun} `{kind}`"));
            fault.help = suggestion(kind, known.iter().map(|(name, _)| *name)).or_else(|| {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                Some(format!("it knows {}", names.join(", ")))
            });
            return self.fault(fault, Some("type"));
        };
        for key in *needed {
            if !fields.contains_key(*key) {
                self.fault(Fault::error("card::key", format!("this `{kind}` has no `{key}`")), None);
            }
        }
    }

    fn key(&mut self, key: &str) {
        if KEYS.contains(&key) || key.starts_with('$') {
            return;
        }
        // Comparing is dear; who has that many is not helped by one more.
        self.unknown += 1;
        if self.unknown > MOST_FAULTS {
            return;
        }
        let near = did_you_mean(key, KEYS.iter().copied());
        if let Some(near) = near {
            let fault = Fault::warning("card::key", format!("Teams knows no `{key}` and ignores it"));
            self.fault(fault.on_key().help(format!("did you mean `{near}`?")), Some(key));
        }
    }
}

impl Checker {
    fn setting(&mut self, key: &str, value: &Value) {
        let Some(setting) = setting(key) else { return };
        let has_hole = value
            .as_str()
            .is_some_and(|text| text.contains("{{") || is_marked(text));
        if has_hole || setting.accept(value).is_some() {
            return;
        }
        let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut fault = Fault::warning("card::setting", format!("`{key}` is ignored: it cannot be `{written}`"));
        let near = match &setting {
            Setting::Word(words) => suggestion(&written, words.iter().copied()),
            Setting::Switch | Setting::Count => None,
        };
        fault.help = near.or_else(|| Some(format!("it is {}", setting.wanted())));
        self.fault(fault, Some(key));
    }
}
