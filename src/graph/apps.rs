//! Who has the app, and giving it to those who have not; notifications in activity feeds.

use serde_json::{Value, json};

use super::answer::No;
use super::client::{Graph, encoded, quoted};
use super::task::Task;

impl Graph {
    /// The id in the organisation's catalogue of the app with this manifest id, if it is there.
    ///
    /// # Errors
    /// What Graph said instead.
    pub async fn app(&self, manifest: &str) -> Result<Option<String>, No> {
        let path = format!(
            "/appCatalogs/teamsApps?$filter=externalId%20eq%20'{}'",
            quoted(manifest)
        );
        Ok(first_id(&self.get(Task::FindApp, &path).await?))
    }

    /// The id of a person's installation of the app with this manifest id, if they have it.
    ///
    /// # Errors
    /// What Graph said instead.
    pub async fn installation(&self, user: &str, manifest: &str) -> Result<Option<String>, No> {
        let path = format!(
            "/users/{}/teamwork/installedApps?$expand=teamsApp,teamsAppDefinition&$filter=teamsApp/externalId%20eq%20'{}'",
            encoded(user),
            quoted(manifest)
        );
        Ok(first_id(&self.get(Task::SeeInstalled, &path).await?))
    }

    /// Gives a person the app of the catalogue; one that has it already is fine.
    ///
    /// # Errors
    /// What Graph said instead.
    pub async fn install(&self, user: &str, app: &str) -> Result<(), No> {
        let body = json!({
            "teamsApp@odata.bind": format!("{}/v1.0/appCatalogs/teamsApps/{}", self.base(), encoded(app)),
        });
        let path = format!("/users/{}/teamwork/installedApps", encoded(user));
        match self.post(Task::Install, &path, &body).await {
            Err(No::Conflict) => Ok(()),
            done => done,
        }
    }

    /// The id of the chat that came with an installation.
    ///
    /// # Errors
    /// What Graph said instead.
    pub async fn chat(&self, user: &str, installation: &str) -> Result<String, No> {
        let path = format!(
            "/users/{}/teamwork/installedApps/{}/chat",
            encoded(user),
            encoded(installation)
        );
        let chat = self.get(Task::FindChat, &path).await?;
        match chat["id"].as_str().filter(|id| !id.is_empty()) {
            Some(id) => Ok(id.to_owned()),
            None => Err(No::garbled("a chat without an id")),
        }
    }
}

fn first_id(listed: &Value) -> Option<String> {
    listed["value"][0]["id"].as_str().map(str::to_owned)
}
