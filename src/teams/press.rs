//! A button of a card that somebody pressed: which one, and what came with it.

use serde_json::{Value, json};

use super::activity::Activity;

/// How long a button's name may be, in bytes.
const LONGEST_NAME: usize = 200;

/// A button that was pressed.
#[derive(Debug, Clone, PartialEq)]
pub struct Press {
    /// What the card calls it.
    pub button: String,
    /// What stands on it, where Teams says so.
    pub title: Option<String>,
    /// What the card sends with it, and what was filled in.
    pub data: Value,
}

/// What became of reading a press.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// A button was pressed.
    Pressed(Press),
    /// Teams shows the card again and asks for a newer one; nobody pressed anything.
    Refresh,
    /// It does not say which button it was; why, in a sentence.
    Unnamed(String),
    /// It is an action that a card does not send this way.
    NotSupported(String),
    /// It is something else.
    NoPress,
}

/// The button behind `activity`: an `Action.Execute` comes as an invoke, an `Action.Submit` as a message with a value.
pub fn read(activity: &Activity) -> Read {
    if is_execute(activity) {
        return executed(activity.value.as_ref());
    }
    match &activity.value {
        Some(value) if activity.is("message") && !value.is_null() => submitted(value),
        Some(_) | None => Read::NoPress,
    }
}

/// Whether it is the invoke of an `Action.Execute`.
pub fn is_execute(activity: &Activity) -> bool {
    let name = activity.name.as_deref().unwrap_or_default();
    activity.is("invoke") && name.eq_ignore_ascii_case("adaptiveCard/action")
}

fn executed(value: Option<&Value>) -> Read {
    let nothing = Value::Null;
    let value = value.unwrap_or(&nothing);
    let action = &value["action"];
    if value["trigger"]
        .as_str()
        .is_some_and(|trigger| trigger.eq_ignore_ascii_case("automatic"))
    {
        return Read::Refresh;
    }
    if !action.is_object() {
        return Read::Unnamed("it has no `action`".to_owned());
    }
    let kind = action["type"].as_str().unwrap_or_default();
    if !kind.eq_ignore_ascii_case("Action.Execute") {
        return Read::NotSupported(format!("its action is no `Action.Execute` but {}", called(kind)));
    }
    let data = match &action["data"] {
        Value::Null => json!({}),
        data => data.clone(),
    };
    match name(&action["verb"]) {
        Some(button) => Read::Pressed(Press {
            button,
            title: action["title"].as_str().map(str::to_owned),
            data,
        }),
        None => Read::Unnamed("the button has no `verb`".to_owned()),
    }
}

/// The type of an action, cut short: it is somebody else's.
fn called(kind: &str) -> String {
    match kind.is_empty() {
        true => "says no type".to_owned(),
        false => format!("`{}`", kind.chars().take(40).collect::<String>()),
    }
}

/// An `Action.Submit` has no verb: its data says what it is for.
fn submitted(value: &Value) -> Read {
    let named = match value {
        Value::Object(data) => ["button", "verb", "action"]
            .into_iter()
            .find_map(|key| name(data.get(key)?)),
        text => name(text),
    };
    match named {
        Some(button) => Read::Pressed(Press {
            button,
            title: None,
            data: value.clone(),
        }),
        None => Read::Unnamed("its data has no `button`, `verb` or `action`".to_owned()),
    }
}

fn name(value: &Value) -> Option<String> {
    let name = value.as_str()?.trim();
    (!name.is_empty() && name.len() <= LONGEST_NAME).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, name: &str, value: Value) -> Read {
        let activity = Activity::read(json!({
            "type": kind, "name": name, "conversation": { "id": "a:1" }, "serviceUrl": "https://a",
            "channelId": "msteams", "value": value,
        }))
        .unwrap();
        read(&activity)
    }

    fn button(read: Read) -> Option<String> {
        match read {
            Read::Pressed(press) => Some(press.button),
            Read::Refresh | Read::Unnamed(_) | Read::NotSupported(_) | Read::NoPress => None,
        }
    }

    #[test]
    fn a_button_is_called_by_its_verb_or_by_what_its_data_says() {
        let execute = |value| button(of("invoke", "adaptiveCard/action", value));
        assert_eq!(
            execute(json!({"action": {"type": "Action.Execute", "verb": "ack"}})),
            Some("ack".into())
        );
        assert_eq!(
            execute(json!({"action": {"type": "action.execute", "verb": " ack "}, "trigger": "manual"})),
            Some("ack".into())
        );
        assert_eq!(
            execute(json!({"action": {"type": "Action.Submit", "verb": "ack"}})),
            None
        );
        assert_eq!(execute(json!({"action": {"type": "Action.Execute"}})), None);
        assert_eq!(
            execute(json!({"action": {"type": "Action.Execute", "verb": "x".repeat(201)}})),
            None
        );
        assert_eq!(execute(json!(null)), None);
        let submit = |value| button(of("message", "", value));
        assert_eq!(submit(json!({"button": "ack", "action": "other"})), Some("ack".into()));
        assert_eq!(
            submit(json!({"action": "optOut", "topic": "deploys"})),
            Some("optOut".into())
        );
        assert_eq!(submit(json!("ack")), Some("ack".into()));
        assert_eq!(submit(json!({"topic": "deploys"})), None);
    }

    #[test]
    fn a_card_that_is_shown_again_was_not_pressed() {
        let value = json!({"action": {"verb": "refresh"}, "trigger": "Automatic"});
        assert_eq!(of("invoke", "adaptiveCard/action", value), Read::Refresh);
        assert_eq!(of("message", "", json!(null)), Read::NoPress);
        assert_eq!(
            of("invoke", "task/fetch", json!({"action": {"verb": "a"}})),
            Read::NoPress
        );
    }
}
