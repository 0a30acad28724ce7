//! Microsoft Graph in the box: people, groups, the app and who has it, activity feeds.

mod apps;
mod ask;
mod feed;
mod people;
mod profiles;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Sandbox;
use super::state::{Shared, State as Remembered};
use apps::{find_app, find_chat, install, see_installed};
use feed::{notify, notify_many};
use people::{find_groups, find_people, find_person, list_members};

/// The application permissions that everything here takes together: what the box's administrator granted.
pub(super) const PERMISSIONS: [&str; 7] = [
    "User.ReadBasic.All",
    "User.Read.All",
    "MailboxSettings.Read",
    "GroupMember.Read.All",
    "AppCatalog.Read.All",
    "TeamsAppInstallation.ReadWriteSelfForUser.All",
    "TeamsActivity.Send",
];
/// The scope of a token for it.
pub(super) const SCOPE: &str = "https://graph.microsoft.com/.default";

/// A notification that arrived in somebody's activity feed.
#[derive(Debug, Clone)]
pub struct Notified {
    /// The person's name.
    pub person: String,
    /// What was sent, without the recipients.
    pub notification: Value,
    /// With how many others in one request; 1 when alone.
    pub together: usize,
    /// When, by the sandbox's clock.
    pub at: DateTime<Utc>,
}

/// A group in Entra that is no team.
#[derive(Debug, Clone)]
pub(super) struct EntraGroup {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) members: Vec<usize>,
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/graph/v1.0/$batch", post(profiles::batch))
        .route("/graph/v1.0/users", get(find_people))
        .route("/graph/v1.0/users/{user}", get(find_person))
        .route("/graph/v1.0/groups", get(find_groups))
        .route(
            "/graph/v1.0/groups/{group}/transitiveMembers/microsoft.graph.user",
            get(list_members),
        )
        .route("/graph/v1.0/appCatalogs/teamsApps", get(find_app))
        .route(
            "/graph/v1.0/users/{user}/teamwork/installedApps",
            get(see_installed).post(install),
        )
        .route(
            "/graph/v1.0/users/{user}/teamwork/installedApps/{installation}/chat",
            get(find_chat),
        )
        .route(
            "/graph/v1.0/users/{user}/teamwork/sendActivityNotification",
            post(notify),
        )
        .route(
            "/graph/v1.0/teamwork/sendActivityNotificationToRecipients",
            post(notify_many),
        )
}

/// A token for Graph: it says what it allows, as Entra's do, and is signed by nobody.
pub(super) fn token(state: &mut Remembered, app_id: &str, tenant: &str, now: DateTime<Utc>) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"typ": "JWT", "alg": "RS256", "kid": "sandbox"}));
    let claims = part(json!({
        "aud": "https://graph.microsoft.com", "appid": app_id, "tid": tenant, "roles": state.permissions,
        "exp": (now + state.token_lifetime).timestamp(), "jti": uuid::Uuid::new_v4().to_string(),
    }));
    let token = format!("{header}.{claims}.c2FuZGJveA");
    state.graph_tokens.retain(|_, ends| *ends > now);
    if state.graph_tokens.len() >= 1_000 {
        state.graph_tokens.clear();
    }
    state.graph_tokens.insert(token.clone(), now + state.token_lifetime);
    token
}

impl Sandbox {
    /// For `bot.endpoints.graph`.
    pub fn graph_url(&self) -> String {
        format!("{}/graph", self.shared.base)
    }

    /// What the administrator granted the app in Graph; everything that Herald can use, at the start. Tokens that are
    /// out already say what they said.
    pub fn grant(&self, permissions: &[&str]) {
        self.shared.state().permissions = permissions.iter().map(|one| (*one).to_owned()).collect();
    }

    /// The app is (or is not) in the organisation's catalogue.
    pub fn set_in_catalogue(&self, there: bool) {
        self.shared.state().in_catalogue = there;
    }

    /// The bot is not told of installations through Graph from now on, as when an event gets lost.
    pub fn set_silent_installs(&self, silent: bool) {
        self.shared.state().silent_installs = silent;
    }

    /// The object id of a group of Entra by its name; every team is one.
    pub fn entra_group_id(&self, name: &str) -> Option<String> {
        let state = self.shared.state();
        let found = people::groups(&state.world)
            .into_iter()
            .find(|group| group.name == name);
        found.map(|group| group.id)
    }

    /// The notifications that arrived in activity feeds, oldest first (the last 10,000 of them).
    pub fn notified(&self) -> Vec<Notified> {
        self.shared.state().notified.iter().cloned().collect()
    }
}
