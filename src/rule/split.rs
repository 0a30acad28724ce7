//! One event for each item of a list: [`Split`]. What is counted, limited, tracked and told is the item then, not the
//! message that brought many of them.

use serde_json::{Value, json};

use crate::card::scope::counted;
use crate::diagnostic::Fault;
use crate::event::{Event, EventId, Item};
use crate::rule::condition::Line;
use crate::rule::field::{Field, kind};

/// What a rule's `split:` says: where the list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    list: Field,
}

/// What became of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Items {
    /// One event for each item, in the order of the list; at most [`Split::MOST`].
    pub events: Vec<Event>,
    /// How many there are in the list.
    pub count: usize,
    /// Items beyond those, which nothing is made of.
    pub left_out: usize,
    /// The `split` as a line beside those of `if`.
    pub line: Line,
}

impl Split {
    /// How many items of one event are looked at.
    pub const MOST: usize = 1_000;

    /// Compiles the value under `split:`.
    ///
    /// # Errors
    /// What is wrong with it: no path, a template in place of one, something that no event can bring.
    pub fn compile(value: &Value) -> Result<Split, Fault> {
        const EXAMPLE: &str = "write where the list is, as in `split: event.alerts`";
        let Value::String(written) = value else {
            return Err(Fault::error("split::field", "`split` is the name of a list in the event").help(EXAMPLE));
        };
        let written = written.trim();
        if let Some(bare) = written.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
            let bare = bare.trim();
            return Err(Fault::error("split::field", "`split` is a name, without braces")
                .help(format!("write `split: {bare}`")));
        }
        let list = Field::parse(written).map_err(|mut fault| {
            fault.code = "split::field";
            fault.help = fault.help.or_else(|| Some(EXAMPLE.to_owned()));
            fault
        })?;
        match list.steps().first().map(String::as_str) {
            Some("event") => Ok(Split { list }),
            _ => Err(Fault::error("split::field", "the list is a part of the event").help(EXAMPLE)),
        }
    }

    /// The place of the list, as the author writes it.
    pub fn path(&self) -> String {
        self.list.path()
    }

    /// The items of `event` as events of `rule` alone. Their ids are derived: the same event gives the same ones.
    ///
    /// # Errors
    /// There is no list there: the line that does not hold, with what is there.
    pub fn items(&self, rule: &str, event: &Event) -> Result<Items, Line> {
        let line = |holds: bool, actual: String, note: Option<String>| Line {
            written: format!("split: {}", self.path()),
            holds,
            expected: "a list".to_owned(),
            actual,
            note,
            lines: Vec::new(),
        };
        let mut scope = json!({ "event": event.data });
        match self.list.find(&scope) {
            Ok(Value::Array(_)) => {}
            Ok(other) => return Err(line(false, kind(other), None)),
            Err(missing) => return Err(line(false, "missing".to_owned(), Some(missing.note))),
        }
        // Each of them brings the rest of the event along, but not all the others: that would be the square of it.
        let list = take(&mut scope, self.list.steps());
        let rest = Event {
            data: scope["event"].take(),
            ..event.clone()
        };
        let count = list.len();
        let events = list
            .into_iter()
            .take(Self::MOST)
            .enumerate()
            .map(|(index, value)| Event {
                id: item_id(&event.id, rule, index),
                item: Some(Item {
                    value,
                    of: event.id.clone(),
                    index,
                    count,
                }),
                ..rest.clone()
            });
        let events: Vec<Event> = events.collect();
        let left_out = count - events.len();
        let note = (left_out > 0).then(|| {
            format!(
                "one event brings at most {} items; the {left_out} behind them are left out",
                Self::MOST
            )
        });
        Ok(Items {
            events,
            count,
            left_out,
            line: line(true, format!("a list of {}", counted(count, "item")), note),
        })
    }
}

/// Takes the list at this place out of `value`; nothing is left of its key.
fn take(value: &mut Value, steps: &[String]) -> Vec<Value> {
    let Some((last, above)) = steps.split_last() else {
        return Vec::new();
    };
    let holder = above.iter().try_fold(value, |value, step| match value {
        Value::Object(fields) => fields.get_mut(step),
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    });
    let taken = match holder {
        Some(Value::Object(fields)) => fields.shift_remove(last),
        Some(Value::Array(items)) => last
            .parse::<usize>()
            .ok()
            .and_then(|place| items.get_mut(place))
            .map(Value::take),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => None,
    };
    match taken {
        Some(Value::Array(list)) => list,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    }
}

/// Who the item at this place is, for this rule: another rule may take the same event apart in another way.
pub fn item_id(event: &EventId, rule: &str, index: usize) -> EventId {
    EventId::derived(&["item", event.as_str(), rule, &index.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Origin;
    use chrono::DateTime;

    fn event(data: Value) -> Event {
        Event {
            id: EventId::known("ev_1"),
            origin: Origin::Queue { queue: "q".to_owned() },
            occurred_at: DateTime::UNIX_EPOCH,
            data,
            request: Value::Null,
            here: None,
            thread: None,
            item: None,
            sender: None,
        }
    }

    fn split() -> Split {
        Split::compile(&json!("event.alerts")).expect("a path")
    }

    #[test]
    fn each_item_is_an_event_that_is_the_same_whenever_it_is_told_again() {
        let told = event(json!({ "alerts": [{ "name": "a" }, { "name": "b" }], "by": "x" }));
        let items = split().items("r", &told).expect("a list");
        let names: Vec<&Value> = items
            .events
            .iter()
            .map(|event| &event.item.as_ref().expect("an item").value["name"])
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert!(
            items.events.iter().all(|event| event.data == json!({ "by": "x" })),
            "the rest comes along"
        );
        assert_ne!(items.events[0].id, items.events[1].id);
        assert_eq!(split().items("r", &told).expect("a list"), items);
        let other = split().items("other", &told).expect("a list");
        assert_ne!(other.events[0].id, items.events[0].id, "each rule has its own");
    }

    #[test]
    fn what_is_no_list_makes_a_line_that_does_not_hold_and_says_what_is_there() {
        for (data, actual, note) in [
            (json!({ "alerts": "many" }), "a text", None),
            (json!({ "alerts": { "a": 1 } }), "a group of 1 field", None),
            (json!({ "alerts": null }), "empty (null)", None),
            (json!({ "alert": [] }), "missing", Some("event.alert")),
        ] {
            let line = split().items("r", &event(data)).expect_err("no list");
            assert!(!line.holds);
            assert_eq!(line.written, "split: event.alerts");
            assert_eq!(line.actual, actual);
            assert_eq!(
                line.note
                    .as_ref()
                    .is_some_and(|told| told.contains(note.unwrap_or("§"))),
                note.is_some(),
                "{line:?}"
            );
        }
        assert_eq!(
            split()
                .items("r", &event(json!({ "alerts": [] })))
                .expect("a list")
                .events,
            []
        );
    }

    #[test]
    fn a_list_without_end_has_one() {
        let items = split()
            .items("r", &event(json!({ "alerts": vec![1; 1_003] })))
            .expect("a list");
        assert_eq!((items.events.len(), items.left_out), (Split::MOST, 3));
        assert!(items.line.note.expect("a note").contains("the 3 behind them"));
    }

    #[test]
    fn what_is_no_place_of_a_list_is_explained() {
        for (written, message, help) in [
            (json!(true), "the name of a list", "split: event.alerts"),
            (json!("{{event.alerts}}"), "without braces", "`split: event.alerts`"),
            (json!("alerts"), "nothing a condition can see", "event.alerts"),
            (json!("request.headers"), "a part of the event", "split: event.alerts"),
        ] {
            let fault = Split::compile(&written).expect_err("a fault");
            assert!(fault.message.contains(message), "{}", fault.message);
            assert!(fault.help.as_ref().is_some_and(|told| told.contains(help)), "{fault:?}");
        }
    }
}
