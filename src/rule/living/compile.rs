//! `track`, `buttons` and what belongs to them -> the parts of a [`Living`](super::Living), or everything that is wrong
//! with them.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Button, Does, Given, IfNotOpen, OnUpdate, Track};
use crate::card::button;
use crate::card::partial::Partials;
use crate::card::text::Text;
use crate::diagnostic::{Fault, Severity, did_you_mean};
use crate::duration;
use crate::rule::condition::Condition;

/// How many buttons a rule adds to its cards: Teams shows six, and the card may have its own.
pub const MOST_BUTTONS: usize = 6;
/// The shortest time for which a card can be put off.
pub const SHORTEST_SNOOZE: Duration = Duration::from_secs(60);
/// The longest.
pub const LONGEST_SNOOZE: Duration = Duration::from_secs(31 * 24 * 3600);
/// How long the words on a button may be, in characters.
const LONGEST_TITLE: usize = 200;

const TRACK_KEYS: [&str; 5] = ["by", "happened_at", "closed_when", "on_update", "if_not_open"];
const DEEDS: [&str; 5] = ["acknowledge", "snooze", "open", "close", "button"];
const BESIDE: [&str; 2] = ["title", "with"];

impl Track {
    /// Compiles the value under `track:`. Beside it stand its warnings; paths lead into `value`.
    ///
    /// # Errors
    /// All faults: no `by`, an unknown key or word, a template or condition that cannot be read.
    pub fn compile(value: &Value, partials: &Partials) -> Result<(Track, Vec<Fault>), Vec<Fault>> {
        let Value::Object(written) = value else {
            let example = value.as_str().filter(|text| text.contains("{{"));
            let help = format!(
                "write `track: {{ by: \"{}\" }}`",
                example.unwrap_or("{{event.incident.id}}")
            );
            let fault = Fault::error("track::form", "`track` says which events are about the same thing");
            return Err(vec![fault.help(help)]);
        };
        let mut faults: Vec<Fault> = written
            .keys()
            .filter(|key| !TRACK_KEYS.contains(&key.as_str()))
            .map(|key| unknown_track_key(key))
            .collect();
        let by = by(written, partials, &mut faults);
        let happened_at = written.get("happened_at").and_then(|value| {
            let help = "write the field with the sender's time, as in `happened_at: \"{{event.updated_at}}\"`";
            template(value, "track::form", "`happened_at` is a text", help, partials)
                .map_err(|fault| faults.push(fault.under("happened_at")))
                .ok()
        });
        let closed_when = written.get("closed_when").and_then(|value| {
            let (condition, found) = match Condition::compile(value) {
                Ok((condition, warnings)) => (Some(condition), warnings),
                Err(found) => (None, found),
            };
            faults.extend(found.into_iter().map(|fault| fault.under("closed_when")));
            condition
        });
        let on_update = word(
            written,
            "on_update",
            [("update", OnUpdate::Update), ("reply", OnUpdate::Reply)],
            "write `update` (the card becomes the new one) or `reply` (a new card in its thread)",
            &mut faults,
        );
        let if_not_open = word(
            written,
            "if_not_open",
            [("nothing", IfNotOpen::Nothing), ("send", IfNotOpen::Send)],
            "write `nothing` (no card) or `send` (a card that is closed from the start)",
            &mut faults,
        );
        if written.contains_key("if_not_open") && !written.contains_key("closed_when") {
            let fault = Fault::warning("track::word", "without `closed_when` no event ends anything");
            faults.push(
                fault
                    .on_key()
                    .under("if_not_open")
                    .help("add `closed_when`, or leave this out"),
            );
        }
        match by {
            Some(by) if faults.iter().all(|fault| fault.severity == Severity::Warning) => Ok((
                Track {
                    by,
                    happened_at,
                    closed_when,
                    on_update,
                    if_not_open,
                },
                faults,
            )),
            Some(_) | None => Err(faults),
        }
    }
}

fn unknown_track_key(key: &str) -> Fault {
    let fault = Fault::error("track::key", format!("`track` has no `{key}`"))
        .on_key()
        .under(key);
    let meant = match key {
        "key" | "id" | "for_each" | "group_by" | "on" => Some("by"),
        "close_when" | "closed_if" | "closes_when" | "resolved_when" | "until" | "done_when" => Some("closed_when"),
        "update" | "mode" | "then" => Some("on_update"),
        "at" | "time" | "order_by" | "sort_by" | "occurred_at" => Some("happened_at"),
        _ => did_you_mean(key, TRACK_KEYS),
    };
    match meant {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => fault.help("it has `by`, `closed_when`, `on_update`, `happened_at` and `if_not_open`"),
    }
}

fn by(written: &Map<String, Value>, partials: &Partials, faults: &mut Vec<Fault>) -> Option<Text> {
    const EXAMPLE: &str = "write what is the same for all of them, as in `by: \"{{event.incident.id}}\"`";
    let Some(value) = written.get("by") else {
        // A misspelt key says so already.
        if written.keys().all(|key| TRACK_KEYS.contains(&key.as_str())) {
            let fault = Fault::error(
                "track::form",
                "`track` needs `by`: which events are about the same thing",
            );
            faults.push(fault.help(EXAMPLE));
        }
        return None;
    };
    match template(value, "track::form", "`by` is a text", EXAMPLE, partials) {
        Ok(text) => {
            if let Some(constant) = text.constant() {
                let message = "this is the same for every event: all of them would be one card";
                let fault = Fault::warning("track::constant", message).under("by");
                let field = constant.trim();
                faults.push(match field.split('.').next() {
                    Some("event" | "item") => fault.help(format!("write `\"{{{{{field}}}}}\"`")),
                    Some(_) | None => fault.help(EXAMPLE),
                });
            }
            Some(text)
        }
        Err(fault) => {
            faults.push(fault.under("by"));
            None
        }
    }
}

/// A text with holes, that says something.
fn template(value: &Value, code: &'static str, wanted: &str, help: &str, partials: &Partials) -> Result<Text, Fault> {
    match value {
        Value::String(source) if source.trim().is_empty() => Err(Fault::error(code, "the text is empty").help(help)),
        Value::String(source) => Text::compile(source, partials),
        // `{{event.x}}` without quotes is a mapping to YAML; its reader says so where it stands.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Fault::error(code, wanted).help(help))
        }
    }
}

/// One of two words; the default if there is none, and after a fault.
fn word<T: Default>(
    written: &Map<String, Value>,
    key: &'static str,
    words: [(&'static str, T); 2],
    help: &str,
    faults: &mut Vec<Fault>,
) -> T {
    let Some(value) = written.get(key) else {
        return T::default();
    };
    let given = value.as_str().map(str::trim);
    let names = words.each_ref().map(|(name, _)| *name);
    for (name, meaning) in words {
        if given == Some(name) {
            return meaning;
        }
    }
    let fault = match given {
        Some(other) => {
            let shown: String = other.chars().take(40).collect();
            let fault = Fault::error("track::word", format!("`{key}` cannot be `{shown}`"));
            match did_you_mean(&shown, names) {
                Some(meant) => fault.help(format!("did you mean `{meant}`?")),
                None => fault.help(help),
            }
        }
        None => Fault::error("track::word", format!("`{key}` is a word")).help(help),
    };
    faults.push(fault.under(key));
    T::default()
}

/// Compiles the value under `buttons:`. Beside the buttons stand their warnings; paths lead into `value`.
///
/// # Errors
/// All faults: not a list, too many, an unknown button or key, a length of time out of bounds, a text that cannot be read.
pub fn buttons(value: &Value, partials: &Partials) -> Result<(Vec<Button>, Vec<Fault>), Vec<Fault>> {
    let Value::Array(items) = value else {
        let fault = Fault::error("buttons::form", "`buttons` is a list");
        return Err(vec![fault.help("write `buttons: [acknowledge, { snooze: 1 hour }]`")]);
    };
    if items.len() > MOST_BUTTONS {
        let message = format!("these are {} buttons, and Teams shows {MOST_BUTTONS}", items.len());
        return Err(vec![Fault::error("buttons::form", message).help("leave some out")]);
    }
    let (mut buttons, mut faults) = (Vec::new(), Vec::new());
    let mut single: Vec<&str> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match Button::compile(item, partials) {
            Ok(button) => {
                let once = match button.does {
                    Does::Acknowledge => Some("acknowledge"),
                    Does::Close => Some("close"),
                    Does::Snooze(_) | Does::Open(_) | Does::Custom { .. } => None,
                };
                if let Some(name) = once {
                    if single.contains(&name) {
                        let fault = Fault::error("buttons::form", format!("there is a button `{name}` already"));
                        faults.push(fault.under(index).help("leave one of them out"));
                    }
                    single.push(name);
                }
                buttons.push(button);
            }
            Err(found) => faults.extend(found.into_iter().map(|fault| fault.under(index))),
        }
    }
    match faults.iter().all(|fault| fault.severity == Severity::Warning) {
        true => Ok((buttons, faults)),
        false => Err(faults),
    }
}

const BUTTONS_HELP: &str = "write `acknowledge`, `close`, `{ snooze: 1 hour }`, `{ open: \"https://...\" }` or `{ button: NAME, title: ... }`";

impl Button {
    fn compile(item: &Value, partials: &Partials) -> Result<Button, Vec<Fault>> {
        let fields = match item {
            Value::String(word) => return Self::of_word(word.trim()).map_err(|fault| vec![fault]),
            Value::Object(fields) => fields,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                let fault = Fault::error("buttons::form", "a button is a word or a mapping");
                return Err(vec![fault.help(BUTTONS_HELP)]);
            }
        };
        let mut faults: Vec<Fault> = fields
            .keys()
            .filter(|key| !DEEDS.contains(&key.as_str()) && !BESIDE.contains(&key.as_str()))
            .map(|key| unknown_button(key).on_key().under(key.as_str()))
            .collect();
        let deeds: Vec<&str> = DEEDS.into_iter().filter(|key| fields.contains_key(*key)).collect();
        let deed = match deeds.as_slice() {
            [deed] => Some(*deed),
            [] if faults.is_empty() => {
                faults.push(Fault::error("buttons::form", "it is not said what this button does").help(BUTTONS_HELP));
                None
            }
            [] => None,
            [first, second, ..] => {
                let message = format!("a button does one thing, and `{second}` is a second beside `{first}`");
                let fault = Fault::error("buttons::form", message).on_key().under(*second);
                faults.push(fault.help("make it two buttons"));
                None
            }
        };
        let title = fields
            .get("title")
            .and_then(|title| words(title, partials, "title", &mut faults));
        let with = match (fields.get("with"), deed) {
            (None, _) => Vec::new(),
            (Some(_), Some("acknowledge" | "snooze" | "open" | "close")) => {
                let fault = Fault::error(
                    "buttons::form",
                    "`with` belongs to `button`: values for the rule that answers it",
                );
                faults.push(fault.on_key().under("with").help("leave it out"));
                Vec::new()
            }
            (Some(with), Some(_) | None) => given(with, partials, &mut faults),
        };
        let does = deed.and_then(|deed| does(deed, &fields[deed], with, partials, &mut faults));
        // `{ acknowledge: I take it }`: the value is what stands on it.
        let said = match deed {
            Some(deed @ ("acknowledge" | "close")) if fields[deed] != Value::Bool(true) => {
                words(&fields[deed], partials, deed, &mut faults)
            }
            Some(_) | None => None,
        };
        if let (Some(_), Some(_), Some(deed)) = (&said, &title, deed) {
            let fault = Fault::error(
                "buttons::form",
                format!("`{deed}` says already what stands on the button"),
            );
            faults.push(fault.on_key().under("title").help("leave one of the two out"));
        }
        if let (Some(Does::Custom { name, .. }), None) = (&does, &title) {
            let fault = Fault::error("buttons::form", "it is not said what stands on this button");
            faults.push(fault.help(format!("write `{{ button: {name}, title: \"...\" }}`")));
        }
        match does {
            Some(does) if faults.is_empty() => Ok(Button {
                does,
                title: said.or(title),
            }),
            Some(_) | None => Err(faults),
        }
    }

    fn of_word(word: &str) -> Result<Button, Fault> {
        let does = match word {
            "acknowledge" => Does::Acknowledge,
            "close" => Does::Close,
            "snooze" => {
                let fault = Fault::error("buttons::snooze", "`snooze` needs a length of time");
                return Err(fault.help("write `{ snooze: 1 hour }`"));
            }
            "open" => {
                let fault = Fault::error("buttons::form", "`open` needs the address of a page");
                return Err(fault.help("write `{ open: \"{{event.html_url}}\" }`"));
            }
            other => return Err(unknown_button(other)),
        };
        Ok(Button { does, title: None })
    }
}

fn unknown_button(word: &str) -> Fault {
    let shown: String = word.chars().take(40).collect();
    let fault = Fault::error("buttons::key", format!("there is no button `{shown}`"));
    let meant = match word {
        "ack" | "take" | "claim" | "accept" | "on-it" => Some("acknowledge"),
        "resolve" | "resolved" | "done" | "finish" | "dismiss" => Some("close"),
        "later" | "remind" | "postpone" | "mute" => Some("snooze"),
        "url" | "link" | "href" => Some("open"),
        "press" | "verb" | "name" | "custom" => Some("button"),
        "text" | "label" => Some("title"),
        "data" => Some("with"),
        _ => did_you_mean(word, DEEDS.into_iter().chain(BESIDE)),
    };
    match meant {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => fault.help(BUTTONS_HELP),
    }
}

fn does(
    deed: &str,
    value: &Value,
    with: Vec<(String, Given)>,
    partials: &Partials,
    faults: &mut Vec<Fault>,
) -> Option<Does> {
    let read = match (deed, value) {
        ("acknowledge", _) => Ok(Does::Acknowledge),
        ("close", _) => Ok(Does::Close),
        ("snooze", Value::String(time)) => duration::parse(time).and_then(|time| {
            if time < SHORTEST_SNOOZE {
                Err(Fault::error("buttons::snooze", "that is shorter than a minute")
                    .help("write `{ snooze: 10 minutes }`"))
            } else if time > LONGEST_SNOOZE {
                Err(Fault::error("buttons::snooze", "that is longer than 31 days")
                    .help("the longest time is `31 days`"))
            } else {
                Ok(Does::Snooze(time))
            }
        }),
        ("snooze", Value::Number(number)) => Err(Fault::error(
            "duration::unit",
            format!("{number} what? The unit is missing"),
        )
        .help(format!("`{number} minutes`, `{number} hours`"))),
        ("snooze", _) => {
            Err(Fault::error("buttons::snooze", "`snooze` is a length of time").help("write `{ snooze: 1 hour }`"))
        }
        ("open", value) => template(
            value,
            "buttons::form",
            "`open` is the address of a page",
            "write `{ open: \"{{event.html_url}}\" }`",
            partials,
        )
        .map(Does::Open),
        (_, Value::String(name)) => button::name(name).map(|name| Does::Custom { name, with }),
        (_, _) => Err(Fault::error("buttons::form", "the name of a button is a word")
            .help("write `{ button: on-it, title: \"I am on it\" }`")),
    };
    read.map_err(|fault| faults.push(fault.under(deed))).ok()
}

fn words(value: &Value, partials: &Partials, key: &str, faults: &mut Vec<Fault>) -> Option<Text> {
    let help = format!("write the words that stand on the button, as in `{key}: \"I take it\"`");
    let read = match template(
        value,
        "buttons::form",
        "what stands on a button is a text",
        &help,
        partials,
    ) {
        Ok(text) if text.source().chars().count() > LONGEST_TITLE => Err(Fault::error(
            "buttons::form",
            format!("what stands on a button has at most {LONGEST_TITLE} characters"),
        )),
        read => read,
    };
    read.map_err(|fault| faults.push(fault.under(key))).ok()
}

fn given(value: &Value, partials: &Partials, faults: &mut Vec<Fault>) -> Vec<(String, Given)> {
    let Value::Object(fields) = value else {
        let fault = Fault::error("buttons::form", "`with` gives values by name").under("with");
        faults.push(fault.help("write `with: { incident: \"{{event.id}}\" }`"));
        return Vec::new();
    };
    let mut with = Vec::new();
    for (key, value) in fields {
        let given = match value {
            Value::String(source) => match Text::compile(source, partials) {
                Ok(text) => Given::Text(text),
                Err(fault) => {
                    faults.push(fault.under(key.as_str()).under("with"));
                    continue;
                }
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Given::Value(value.clone())
            }
        };
        with.push((key.clone(), given));
    }
    with
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn track(value: Value) -> Result<(Track, Vec<Fault>), Vec<Fault>> {
        Track::compile(&value, &Partials::none())
    }

    fn first(faults: Vec<Fault>) -> (&'static str, String, String) {
        let fault = faults.into_iter().next().expect("something is wrong");
        (fault.code, fault.message, fault.help.unwrap_or_default())
    }

    #[test]
    fn track_says_what_is_the_same_and_when_it_is_over() {
        let (track, doubts) = track(json!({
            "by": "{{event.id}}", "closed_when": { "event.status": "resolved" }, "on_update": "reply",
            "happened_at": "{{event.at}}", "if_not_open": "send",
        }))
        .expect("nothing is wrong");
        assert_eq!(doubts, Vec::new());
        assert_eq!((track.on_update, track.if_not_open), (OnUpdate::Reply, IfNotOpen::Send));
        assert!(track.closed_when.is_some() && track.happened_at.is_some());
    }

    #[test]
    fn what_is_wrong_with_track_is_said_with_the_way_out() {
        for (written, code, help) in [
            (json!("{{event.id}}"), "track::form", "track: { by: \"{{event.id}}\" }"),
            (json!({}), "track::form", "{{event.incident.id}}"),
            (json!({ "key": "x" }), "track::key", "did you mean `by`?"),
            (json!({ "by": 7 }), "track::form", "as in"),
            (
                json!({ "by": "{{event.id}}", "resolved_when": {} }),
                "track::key",
                "`closed_when`",
            ),
            (
                json!({ "by": "{{event.id}}", "on_update": "replay" }),
                "track::word",
                "`reply`",
            ),
            (
                json!({ "by": "{{event.id}}", "on_update": 1 }),
                "track::word",
                "write `update`",
            ),
        ] {
            let (found, _, way_out) = first(track(written.clone()).expect_err("wrong"));
            assert_eq!(found, code, "{written}");
            assert!(way_out.contains(help), "{written}: {way_out}");
        }
        let (_, doubts) = track(json!({ "by": "event.id" })).expect("only doubtful");
        assert_eq!(first(doubts).2, "write `\"{{event.id}}\"`");
        let (_, doubts) = track(json!({ "by": "{{event.id}}", "if_not_open": "send" })).expect("only doubtful");
        assert!(first(doubts).1.contains("closed_when"));
    }

    fn compiled(value: Value) -> Result<Vec<Button>, Vec<Fault>> {
        buttons(&value, &Partials::none()).map(|(buttons, _)| buttons)
    }

    #[test]
    fn buttons_are_words_or_mappings() {
        let all = compiled(json!([
            "acknowledge",
            { "snooze": "1 hour", "title": "Later" },
            { "open": "{{event.url}}" },
            { "close": "It is over" },
            { "button": "call-vendor", "title": "Call", "with": { "id": "{{event.id}}", "level": 2 } },
        ]))
        .expect("nothing is wrong");
        let titles: Vec<Option<&str>> = all.iter().map(|one| one.title.as_ref().map(Text::source)).collect();
        assert_eq!(titles, [None, Some("Later"), None, Some("It is over"), Some("Call")]);
        assert!(matches!(all[1].does, Does::Snooze(time) if time == Duration::from_secs(3600)));
        assert!(matches!(&all[4].does, Does::Custom { name, with } if name == "call-vendor" && with.len() == 2));
    }

    #[test]
    fn what_is_wrong_with_a_button_is_said_with_the_way_out() {
        for (written, code, help) in [
            (json!("acknowledge"), "buttons::form", "[acknowledge"),
            (json!(["ack"]), "buttons::key", "`acknowledge`"),
            (json!(["snooze"]), "buttons::snooze", "{ snooze: 1 hour }"),
            (json!(["open"]), "buttons::form", "{ open:"),
            (json!([{ "snooze": 5 }]), "duration::unit", "5 minutes"),
            (json!([{ "snooze": "5 s" }]), "buttons::snooze", "10 minutes"),
            (json!([{ "snooze": "60 days" }]), "buttons::snooze", "31 days"),
            (json!([{ "title": "x" }]), "buttons::form", "acknowledge"),
            (json!([{ "close": true, "open": "x" }]), "buttons::form", "two buttons"),
            (json!([{ "button": "x" }]), "buttons::form", "title"),
            (
                json!([{ "button": "x", "title": "X", "with": 3 }]),
                "buttons::form",
                "with: {",
            ),
            (json!([{ "open": "x", "with": {} }]), "buttons::form", "leave it out"),
            (
                json!([{ "close": "a", "title": "b" }]),
                "buttons::form",
                "one of the two",
            ),
            (json!(["close", "close"]), "buttons::form", "leave one"),
            (json!([1, 2, 3, 4, 5, 6, 7]), "buttons::form", "leave some out"),
            (json!([{ "link": "https://a.example" }]), "buttons::key", "`open`"),
        ] {
            let (found, message, way_out) = first(compiled(written.clone()).expect_err("wrong"));
            assert_eq!(found, code, "{written}: {message}");
            assert!(way_out.contains(help), "{written}: {way_out}");
        }
    }
}
