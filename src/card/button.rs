//! The buttons of a short card: some open a page, some are answered by rules.

use serde_json::{Map, Value, json};

use crate::card::short::{check_address, check_item};
use crate::card::tag::suggestion;
use crate::diagnostic::{Fault, Step};

/// What a button can say beside its title.
const KEYS: [&str; 4] = ["title", "url", "press", "with"];
/// How the names of buttons begin that Herald answers itself: those about what a rule has going on.
pub const OURS: &str = "herald:";
/// Those about what reaches people.
const OF_PEOPLE: &str = "herald.";
/// How long the name of a button may be, in characters.
const LONGEST_NAME: usize = 100;

/// The name under which a rule answers a button, as `press:` in a card and `button:` in a trigger have it.
///
/// # Errors
/// It is empty, too long, or has holes: what an event says must not choose which rule answers.
pub fn name(written: &str) -> Result<String, Fault> {
    let name = written.trim();
    let wrong = |message: String| Fault::error("card::button", message);
    if name.is_empty() {
        return Err(wrong("this button has no name".to_owned()).help("write a word, such as `on-it`"));
    }
    if name.contains("{{") {
        let fault = wrong("the name of a button is fixed, so that no event can press another".to_owned());
        return Err(fault.help("put what differs under `with:`, and ask for it with `if:` and `event.data`"));
    }
    if let Some(begin) = [OURS, OF_PEOPLE].into_iter().find(|begin| name.starts_with(begin)) {
        let fault = wrong(format!("names that begin with `{begin}` are Herald's own"));
        return Err(
            fault.help("for its own buttons write `buttons: [acknowledge]` beside `card`; else take another name")
        );
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(wrong(format!(
            "the name of a button has at most {LONGEST_NAME} characters"
        )));
    }
    Ok(name.to_owned())
}

/// Buttons as a list, and what stands on each of them where they were written as a mapping.
pub(super) struct Listed {
    /// `title` and `url`, or `title`, `press` and `with`.
    pub(super) items: Value,
    labels: Option<Vec<String>>,
}

/// A mapping in which some buttons open no page is a list of buttons; other mappings stay what they are.
pub(super) fn listed(written: &Value) -> Option<Listed> {
    let Value::Object(lines) = written else {
        return Some(Listed {
            items: written.clone(),
            labels: None,
        });
    };
    if !lines.values().any(Value::is_object) {
        return None;
    }
    let item = |(label, value): (&String, &Value)| {
        let mut item = Map::from_iter([("title".to_owned(), Value::from(label.as_str()))]);
        match value {
            Value::Object(fields) => item.extend(fields.clone()),
            address => {
                item.insert("url".to_owned(), address.clone());
            }
        }
        Value::Object(item)
    };
    Some(Listed {
        items: lines.iter().map(item).collect(),
        labels: Some(lines.keys().cloned().collect()),
    })
}

impl Listed {
    /// What is wrong with them, before they are compiled.
    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let Value::Array(items) = &self.items else {
            let help = "write `Open the run: \"{{event.html_url}}\"`, one line for each button";
            faults.push(Fault::error("card::short", "`buttons` are lines of words and an address").help(help));
            return;
        };
        for (index, item) in items.iter().enumerate() {
            let mut found = Vec::new();
            match item {
                Value::Object(fields) if fields.contains_key("press") || fields.contains_key("with") => {
                    press(fields, &mut found);
                    found = found.into_iter().map(|fault| fault.under(index)).collect();
                }
                // Beside a label, where its address should be.
                Value::Object(fields)
                    if self.labels.is_some() && !fields.get("url").is_some_and(Value::is_string) =>
                {
                    let fault = Fault::error("card::short", "a button needs an address here, or `press:`");
                    found.push(fault.under("url").under(index));
                }
                _ => check_item(
                    item,
                    index,
                    &["title", "url"],
                    "`{ title, url }` or `{ title, press }`",
                    &mut found,
                ),
            }
            faults.extend(found.into_iter().map(|fault| self.placed(fault)));
        }
    }

    /// The actions as Teams calls them.
    pub(super) fn actions(&self) -> Value {
        let mut items = self.items.clone();
        let items_of = items.as_array_mut().into_iter().flatten();
        for item in items_of.filter_map(Value::as_object_mut) {
            if item.contains_key("$partial") || item.contains_key("type") {
                continue;
            }
            match item.shift_remove("press") {
                Some(press) => {
                    let name = press.as_str().map(str::trim).unwrap_or_default();
                    item.insert("type".to_owned(), Value::from("Action.Execute"));
                    item.insert("verb".to_owned(), json!(name));
                    if let Some(with) = item.shift_remove("with") {
                        item.insert("data".to_owned(), with);
                    }
                }
                None => {
                    item.insert("type".to_owned(), Value::from("Action.OpenUrl"));
                }
            }
        }
        items
    }

    /// A fault of the actions, with the words and places of the author.
    pub(super) fn placed(&self, mut fault: Fault) -> Fault {
        if let Some(Step::Index(index)) = fault.path.first().cloned()
            && let Some(label) = self.labels.as_ref().and_then(|labels| labels.get(index))
        {
            fault.path[0] = Step::from(label.as_str());
        }
        match fault.path.get(1) {
            Some(Step::Key(key)) if key == "verb" => fault.path[1] = Step::from("press"),
            Some(Step::Key(key)) if key == "data" => fault.path[1] = Step::from("with"),
            // What stands on it is the key itself.
            Some(Step::Key(key)) if key == "title" && self.labels.is_some() => {
                fault.path.truncate(1);
                fault = fault.on_key();
            }
            // An address beside a label has no key of its own.
            Some(Step::Key(key)) if key == "url" && self.is_bare(&fault.path) => fault.path.truncate(1),
            Some(_) | None => {}
        }
        fault
    }

    /// The button of this path was written as `Label: address`.
    fn is_bare(&self, path: &[Step]) -> bool {
        let (Some(labels), Some(Step::Key(label))) = (&self.labels, path.first()) else {
            return false;
        };
        let index = labels.iter().position(|known| known == label);
        let item = index.and_then(|index| self.items.get(index));
        item.and_then(Value::as_object)
            .is_some_and(|item| item.len() == 2 && item.contains_key("url"))
    }
}

fn press(fields: &Map<String, Value>, faults: &mut Vec<Fault>) {
    if !fields.contains_key("title") {
        faults.push(Fault::error("card::short", "there is no `title` here"));
    }
    match fields.get("press") {
        Some(Value::String(written)) => {
            if let Err(fault) = name(written) {
                faults.push(fault.under("press"));
            }
        }
        Some(_) => {
            let fault = Fault::error("card::button", "the name of a button is a text");
            faults.push(fault.help("put it in quotation marks").under("press"));
        }
        None => {
            let fault = Fault::error("card::button", "`with` belongs to `press`: a page gets no data");
            faults.push(fault.on_key().under("with"));
        }
    }
    if fields.get("with").is_some_and(|with| !with.is_object()) {
        let fault = Fault::error("card::button", "`with` gives values by name").under("with");
        faults.push(fault.help("write `with: { incident: \"{{event.id}}\" }`"));
    }
    if let (Some(url), true) = (fields.get("url"), fields.contains_key("press")) {
        let fault = Fault::error("card::button", "a button opens a page or is pressed, not both");
        faults.push(fault.on_key().under("url").help("make it two buttons"));
        check_address(url, Step::from("url"), faults);
    }
    let unknown = |key: &&String| !KEYS.contains(&key.as_str()) && !key.starts_with('$');
    for key in fields.keys().filter(unknown) {
        let mut fault = Fault::error("card::short", format!("there is no `{key}` here")).on_key();
        fault.help = suggestion(key, KEYS);
        faults.push(fault.under(key.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_fixed_word() {
        assert_eq!(name(" on-it "), Ok("on-it".to_owned()));
        for (written, message) in [
            ("", "no name"),
            ("on-{{event.id}}", "fixed"),
            (&*"x".repeat(101), "at most 100"),
            ("herald:acknowledge", "Herald's own"),
        ] {
            assert!(name(written).unwrap_err().message.contains(message), "{written}");
        }
    }

    #[test]
    fn buttons_are_actions_however_they_are_written() {
        let execute = json!({ "title": "Go", "type": "Action.Execute", "verb": "go", "data": { "a": 1 } });
        let open = json!({ "title": "Open", "url": "https://a.example", "type": "Action.OpenUrl" });
        for written in [
            json!({ "Go": { "press": " go ", "with": { "a": 1 } }, "Open": "https://a.example" }),
            json!([{ "title": "Go", "press": "go", "with": { "a": 1 } }, { "title": "Open", "url": "https://a.example" }]),
        ] {
            let listed = listed(&written).expect("one of them is pressed");
            let mut faults = Vec::new();
            listed.check(&mut faults);
            assert_eq!(faults, Vec::new(), "{written}");
            assert_eq!(listed.actions(), json!([execute, open]), "{written}");
        }
        assert!(
            listed(&json!({ "Open": "https://a.example" })).is_none(),
            "labels and addresses stay so"
        );
    }
}
