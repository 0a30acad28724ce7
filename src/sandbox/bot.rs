//! The wire to the bot, and why it may fail.

use serde_json::Value;

use super::Sandbox;
use super::activity::Writer;
use super::key::{self, Credential};
use super::view::Change;
use super::world::{Place, World};

/// What the bot said to an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

impl BotAnswer {
    /// The bot took the activity.
    pub fn accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// Why the bot could not be told something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The world has nothing of this name.
    #[error("Teams in a box knows no {what} called `{name}`; it knows {known}")]
    Unknown {
        /// Person, team, group chat, channel, conversation, message or button.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Nobody said where the bot listens.
    #[error("Teams in a box was not told where the bot listens")]
    NoEndpoint,
    /// The bot did not answer.
    #[error("the bot at {endpoint} does not answer: {reason}")]
    Silent {
        /// Where it should be.
        endpoint: String,
        /// What happened instead.
        reason: String,
    },
}

pub(super) fn unknown<'a>(what: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<String> = known.take(12).map(|name| format!("`{name}`")).collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    Failure::Unknown {
        what,
        name: name.to_owned(),
        known,
    }
}

pub(super) fn person(world: &World, name: &str) -> Result<usize, Failure> {
    world
        .person_called(name)
        .ok_or_else(|| unknown("person", name, world.people.iter().map(|person| person.name.as_str())))
}

pub(super) fn team(world: &World, name: &str) -> Result<usize, Failure> {
    world
        .team_called(name)
        .ok_or_else(|| unknown("team", name, world.teams.iter().map(|team| team.name.as_str())))
}

pub(super) fn chat(world: &World, name: &str) -> Result<usize, Failure> {
    world
        .chat_called(name)
        .ok_or_else(|| unknown("group chat", name, world.chats.iter().map(|chat| chat.name.as_str())))
}

pub(super) fn place(world: &World, name: &str) -> Result<Place, Failure> {
    let known = world
        .teams
        .iter()
        .map(|team| team.name.as_str())
        .chain(world.chats.iter().map(|c| c.name.as_str()));
    world
        .place_called(name)
        .ok_or_else(|| unknown("conversation", name, known))
}

pub(super) fn channel(world: &World, name: &str) -> Result<(usize, usize), Failure> {
    match place(world, name)? {
        Place::Channel(team, channel) => Ok((team, channel)),
        Place::Personal(_) | Place::Group(_) => {
            let known = world.teams.iter().map(|team| team.name.as_str());
            Err(unknown("channel", name, known))
        }
    }
}

/// The id of an event that is no message.
pub(super) fn event_id() -> String {
    format!("f:{}", uuid::Uuid::new_v4())
}

impl Sandbox {
    /// POSTs an activity to the bot, signed as Teams signs.
    ///
    /// # Errors
    /// [`Failure::NoEndpoint`], [`Failure::Silent`]. A refusal is an answer, not an error.
    pub async fn deliver(&self, activity: &Value) -> Result<BotAnswer, Failure> {
        self.deliver_with(activity, &Credential::Genuine).await
    }

    /// POSTs an activity to the bot with this credential.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    pub async fn deliver_with(&self, activity: &Value, credential: &Credential) -> Result<BotAnswer, Failure> {
        let service_url = activity["serviceUrl"]
            .as_str()
            .map_or_else(|| self.service_url(), str::to_owned);
        let (endpoint, authorization) = {
            let state = self.shared.state();
            let issuer = self.shared.entra_issuer();
            let claims = self.shared.claims(&service_url, &issuer);
            (
                state.bot_endpoint.clone(),
                key::authorization(&state.key, credential, &claims),
            )
        };
        let endpoint = endpoint.ok_or(Failure::NoEndpoint)?;
        let silent = |error: reqwest::Error| Failure::Silent {
            endpoint: endpoint.clone(),
            reason: if error.is_timeout() {
                "no answer in 15 seconds".to_owned()
            } else {
                deepest(&error)
            },
        };
        let mut request = self
            .shared
            .http
            .post(&endpoint)
            .header("content-type", "application/json; charset=utf-8")
            .header("x-ms-tenant-id", &self.shared.options.tenant)
            .body(activity.to_string());
        if let Some(id) = activity["conversation"]["id"].as_str() {
            request = request.header("x-ms-conversation-id", id);
        }
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let response = request.send().await.map_err(silent)?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(silent)?;
        Ok(BotAnswer { status, body })
    }

    /// Changes the world, writes activities about it, shows the change in the page, delivers the activities in order.
    pub(super) async fn tell(
        &self,
        change: impl FnOnce(&mut World) -> Result<(), Failure>,
        write: impl FnOnce(&Writer<'_>) -> Result<Vec<Value>, Failure>,
    ) -> Result<Vec<BotAnswer>, Failure> {
        let activities = {
            let mut state = self.shared.state();
            change(&mut state.world)?;
            let service_url = self.service_url();
            let writer = Writer {
                world: &state.world,
                service_url: &service_url,
                now: self.shared.now(),
            };
            write(&writer)?
        };
        self.shared.show([Change::world()]);
        let mut answers = Vec::new();
        for activity in activities {
            answers.push(self.deliver(&activity).await?);
        }
        Ok(answers)
    }
}

/// The cause at the bottom of an error says more than the sentence on top.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
