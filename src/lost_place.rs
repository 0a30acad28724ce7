//! Finds a team or group chat again whose events never reached this store: the store was lost, or Herald came later than
//! the app. Teams lists no places to a bot, but answers for one whose id it is asked about.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::lane::Lane;
use crate::pace::{Kind, Request};
use crate::roster::{Conversation, ConversationId, ConversationKind, Fact, Team};
use crate::store::{Directory, StoreError};
use crate::teams::answer::Answer;
use crate::teams::connector::Connector;
use crate::turnstile::Turnstile;

/// So many places may be named at once: each takes up to two requests.
pub const MOST: usize = 50;

/// Asks Teams about places by their ids.
#[derive(Clone)]
pub struct LostPlaces {
    /// What is found is remembered there.
    pub directory: Arc<dyn Directory>,
    /// How to ask Teams.
    pub connector: Arc<Connector>,
    /// When it may be asked.
    pub turnstile: Arc<Turnstile>,
    /// The time.
    pub clock: Clock,
    /// Where Teams is asked as long as nothing is known.
    pub default_service_url: String,
    /// The bot's own tenant; empty for a bot that serves several.
    pub tenant: String,
    /// The bot's app id.
    pub app_id: Option<String>,
    /// Set to `None` when something was found, so that its channels and members are listed.
    pub asked_at: watch::Sender<Option<DateTime<Utc>>>,
    /// Rung then.
    pub work: Arc<Notify>,
}

/// What was asked about, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The id.
    pub id: String,
    /// What it is: `team`, `group chat`; nothing if Teams did not show it.
    pub found: Option<&'static str>,
    /// Its name, where Teams tells one.
    pub name: Option<String>,
    /// Why it was not found, with the way out.
    pub reason: Option<String>,
}

impl LostPlaces {
    /// Asks about up to [`MOST`] places, and has everything that is known listed anew.
    ///
    /// # Errors
    /// Those of the store; what was found before it is remembered.
    pub async fn find(&self, ids: &[String]) -> Result<Vec<Asked>, StoreError> {
        let mut asked = Vec::new();
        for id in ids.iter().take(MOST) {
            asked.push(self.ask(id).await?);
        }
        self.asked_at.send_replace(None);
        self.work.notify_waiters();
        Ok(asked)
    }

    async fn ask(&self, id: &str) -> Result<Asked, StoreError> {
        let now = self.clock.now();
        // What is known of its tenant is better than the cloud's own address.
        let known = self.directory.service_url(&self.tenant).await?;
        let service_url = known.unwrap_or_else(|| self.default_service_url.clone());
        self.turn(id).await;
        let not_a_team = match self.connector.team(&service_url, id).await {
            Ok(details) => {
                let team = Team {
                    id: id.to_owned(),
                    tenant_id: self.tenant.clone(),
                    name: details.name.clone(),
                    aad_group_id: details.aad_group_id,
                    service_url,
                    bot_id: self.bot_id(),
                    selected_channel: None,
                    installed_by: None,
                    archived: false,
                    channels: Vec::new(),
                    channels_fetched_at: None,
                    first_seen: now,
                    last_seen: now,
                };
                self.directory.learn(&[Fact::TeamSeen(team)]).await?;
                return Ok(found(id, "team", details.name));
            }
            Err(answer) => answer,
        };
        if id.ends_with("@thread.tacv2") {
            return Ok(lost(id, &not_a_team));
        }
        self.turn(id).await;
        match self.connector.is_there(&service_url, id).await {
            Ok(()) => {
                let chat = Conversation {
                    id: ConversationId::new(id),
                    kind: ConversationKind::GroupChat,
                    service_url,
                    tenant_id: self.tenant.clone(),
                    team_id: None,
                    name: None,
                    bot_id: self.bot_id(),
                    person: None,
                    installed_by: None,
                    first_seen: now,
                    last_seen: now,
                    blocked: None,
                };
                self.directory.learn(&[Fact::ConversationSeen(chat)]).await?;
                Ok(found(id, "group chat", None))
            }
            Err(answer) => Ok(lost(id, &answer)),
        }
    }

    fn bot_id(&self) -> String {
        self.app_id.as_ref().map(|app| format!("28:{app}")).unwrap_or_default()
    }

    async fn turn(&self, about: &str) {
        let request = Request {
            tenant: &self.tenant,
            kind: Kind::Listing,
            about,
            lane: Lane::Normal,
        };
        self.turnstile.pass(request).await;
    }
}

fn found(id: &str, what: &'static str, name: Option<String>) -> Asked {
    Asked {
        id: id.to_owned(),
        found: Some(what),
        name,
        reason: None,
    }
}

fn lost(id: &str, answer: &Answer) -> Asked {
    Asked {
        id: id.to_owned(),
        found: None,
        name: None,
        reason: Some(format!(
            "Teams does not show it to the bot: {answer}. Of a team, its own id is needed (that of its General channel, or its \
             link); elsewhere, write to the bot there, or install the app again"
        )),
    }
}
