//! Batches: the same message to many people with one request, followed by asking how far it is.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Connector, Sent};
use crate::teams::answer::Answer;
use crate::teams::batch::{self, Failures, Standing};

/// Where batches are.
const PLACE: [&str; 3] = ["v3", "batch", "conversation"];

impl Connector {
    /// Hands Teams one message for all these people (`29:...` ids or Entra object ids) and answers what Teams calls the
    /// operation; `None` if it took the message without saying so. It may have been taken even where the answer says it was
    /// not.
    pub async fn begin_batch(
        &self,
        service_url: &str,
        tenant_id: &str,
        members: &[&str],
        activity: &Value,
    ) -> (Sent, Option<String>) {
        let started = self.clock.now();
        let members: Vec<Value> = members.iter().map(|id| json!({ "id": id })).collect();
        let wanted = json!({ "members": members, "activity": activity, "tenantId": tenant_id });
        let path = [PLACE[0], PLACE[1], PLACE[2], "users"];
        let came = self.post(service_url, &path, &wanted).await;
        let operation = match &came.0 {
            Ok(reply) if (200..300).contains(&reply.status) => batch::operation_id(&reply.body),
            Ok(_) | Err(_) => None,
        };
        (self.sent(started, came, |reply| self.read(reply)), operation)
    }

    /// How far an operation is. Not to be asked before the time it named last.
    ///
    /// # Errors
    /// What Teams said instead.
    pub async fn batch_standing(&self, service_url: &str, operation: &str) -> Result<Standing, Answer> {
        let path = [PLACE[0], PLACE[1], PLACE[2], operation];
        let body: Value = self.get(service_url, &path, &[]).await?;
        Ok(batch::standing(&body))
    }

    /// A page of those who did not get the message.
    ///
    /// # Errors
    /// What Teams said instead.
    pub async fn batch_failures(
        &self,
        service_url: &str,
        operation: &str,
        token: Option<&str>,
    ) -> Result<Failures, Answer> {
        let path = [PLACE[0], PLACE[1], PLACE[2], "failedentries", operation];
        let query: Vec<_> = token.map(|token| ("continuationToken", token)).into_iter().collect();
        let body: Value = self.get(service_url, &path, &query).await?;
        Ok(batch::failures(&body))
    }

    /// Has Teams stop an operation; whoever has the message keeps it.
    pub async fn cancel_batch(&self, service_url: &str, operation: &str) -> Sent {
        let path = [PLACE[0], PLACE[1], PLACE[2], operation];
        self.about_a_message(Method::DELETE, service_url, &path, None).await
    }
}
