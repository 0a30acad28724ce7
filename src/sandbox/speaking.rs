//! People who write to the bot and press its buttons.

use serde_json::{Value, json};

use super::Sandbox;
use super::activity::{Pressed, Writer};
use super::bot::{BotAnswer, Failure, event_id, person, place, unknown};
use super::view::{self, Change};
use super::world::{Author, Message};

/// People and places are named as everywhere: see [`Sandbox::conversation_id`].
impl Sandbox {
    /// A person writes to the bot, with a mention of it where others read along. `thread` is the id of the message
    /// that began the thread, in a channel.
    ///
    /// # Errors
    /// As [`install_personal`](Self::install_personal).
    pub async fn say(
        &self,
        who: &str,
        place_name: &str,
        thread: Option<&str>,
        text: &str,
    ) -> Result<BotAnswer, Failure> {
        let activity = {
            let mut state = self.shared.state();
            let (who, place) = (person(&state.world, who)?, place(&state.world, place_name)?);
            let now = self.shared.now();
            let id = state.world.next_id(now);
            let service_url = self.service_url();
            let writer = Writer {
                world: &state.world,
                service_url: &service_url,
                now,
            };
            let activity = writer.message(&id, who, place, thread, text);
            let message = Message {
                id,
                author: Author::Person(who),
                at: now,
                activity: activity.clone(),
                root: thread.map(str::to_owned),
                edited: false,
            };
            self.shared
                .show([Change::new("message", view::message(&state.world, place, &message))]);
            state.world.add_message(place, message);
            activity
        };
        self.deliver(&activity).await
    }

    /// A person presses the button with this title on a card, having filled in `inputs`.
    ///
    /// # Errors
    /// [`Failure::Unknown`] for the message or the button too; or the bot could not be told.
    pub async fn press(
        &self,
        who: &str,
        place_name: &str,
        message_id: &str,
        title: &str,
        inputs: &Value,
    ) -> Result<BotAnswer, Failure> {
        let action = {
            let state = self.shared.state();
            let place = place(&state.world, place_name)?;
            let message = state.world.message(place, message_id).ok_or_else(|| {
                unknown(
                    "message",
                    message_id,
                    state.world.messages(place).map(|m| m.id.as_str()),
                )
            })?;
            find_action(&message.activity, title).ok_or_else(|| unknown("button", title, std::iter::empty()))?
        };
        self.press_action(who, place_name, message_id, &action, inputs).await
    }

    /// A person presses this action (an `Action.Execute` or `Action.Submit` of the message's card).
    pub(super) async fn press_action(
        &self,
        who: &str,
        place_name: &str,
        message_id: &str,
        action: &Value,
        inputs: &Value,
    ) -> Result<BotAnswer, Failure> {
        let data = with_inputs(&action["data"], inputs);
        let special = &data["msteams"];
        if special["type"] == "imBack" {
            let text = special["value"].as_str().unwrap_or_default().to_owned();
            return self.say(who, place_name, None, &text).await;
        }
        let activity = {
            let state = self.shared.state();
            let (who, place) = (person(&state.world, who)?, place(&state.world, place_name)?);
            let root = state
                .world
                .message(place, message_id)
                .and_then(|message| message.root.as_deref());
            let pressed = Pressed {
                message: message_id,
                root,
            };
            let service_url = self.service_url();
            let writer = Writer {
                world: &state.world,
                service_url: &service_url,
                now: self.shared.now(),
            };
            if action["type"] == "Action.Execute" {
                let mut value = json!({"type": "Action.Execute"});
                for key in ["id", "title", "verb"] {
                    if !action[key].is_null() {
                        value[key] = action[key].clone();
                    }
                }
                value["data"] = data;
                writer.execute(&event_id(), who, place, &pressed, &value)
            } else if special["type"] == "messageBack" {
                let mut activity = writer.submit(&event_id(), who, place, &pressed, &special["value"]);
                activity["text"] = special["text"].clone();
                activity
            } else {
                writer.submit(&event_id(), who, place, &pressed, &data)
            }
        };
        self.deliver(&activity).await
    }

    /// An activity of this person in this place, to be altered and delivered: whatever the methods above do not say.
    ///
    /// # Errors
    /// [`Failure::Unknown`].
    pub fn activity(&self, who: &str, place_name: &str, text: &str) -> Result<Value, Failure> {
        let mut state = self.shared.state();
        let (who, place) = (person(&state.world, who)?, place(&state.world, place_name)?);
        let now = self.shared.now();
        let id = state.world.next_id(now);
        let service_url = self.service_url();
        let writer = Writer {
            world: &state.world,
            service_url: &service_url,
            now,
        };
        Ok(writer.message(&id, who, place, None, text))
    }
}

fn with_inputs(data: &Value, inputs: &Value) -> Value {
    match (data, inputs.as_object()) {
        (_, None) => data.clone(),
        (Value::Object(data), Some(inputs)) => {
            let mut data = data.clone();
            data.extend(inputs.clone());
            Value::Object(data)
        }
        (data, Some(inputs)) if inputs.is_empty() && !data.is_null() => data.clone(),
        (_, Some(inputs)) => Value::Object(inputs.clone()),
    }
}

/// The first action with this title, wherever in the message it stands.
fn find_action(value: &Value, title: &str) -> Option<Value> {
    match value {
        Value::Object(entries) => {
            let is_action = value["type"].as_str().is_some_and(|kind| kind.starts_with("Action."));
            if is_action && value["title"] == title {
                return Some(value.clone());
            }
            entries.values().find_map(|value| find_action(value, title))
        }
        Value::Array(items) => items.iter().find_map(|value| find_action(value, title)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
